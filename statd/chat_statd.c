
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "statd.h"
#include "chat_opt.h"
#include "chat_store.h"
#include "chat_str.h"


#define STATD_BLOCK_MS    500
#define STATD_BACKOFF_MS  50
#define STATD_BACKOFF_MAX 2000
#define STATD_REMIND_MS   60000


static int statd_options(int argc, char **argv, statd_conf_t *conf);
static int statd_bounded(const statd_conf_t *conf);
static int statd_loop(statd_t *s);
static int statd_connect(statd_t *s);
static int statd_store_check(statd_t *s, int *told);
static int statd_once_done(statd_t *s, int rc);
static unsigned statd_back_off(statd_t *s, unsigned ms);
static void statd_lost(statd_t *s);


#define O(name, kind, field, arg, help)                                      \
    { name, kind, offsetof(statd_conf_t, field), arg, help }

static const chat_opt_t  statd_opts[] = {
    O("redis", CHAT_OPT_TEXT, redis, "ADDRESS",
      "unix:/path or host:port; else $CHAT_REDIS"),
    O("foreground", CHAT_OPT_FLAG, foreground, NULL,
      "stay in the foreground, messages to standard error"),
    O("log", CHAT_OPT_TEXT, log, "FILE", "messages, in the background"),
    O("pid", CHAT_OPT_TEXT, pid, "FILE", "write the process's number"),
    O("once", CHAT_OPT_FLAG, once, NULL,
      "count what is there and end; implies --foreground"),
    O("keep", CHAT_OPT_U64, keep_s, "SECONDS",
      "age up to which a log is kept, to 3153600000; 86400"),
    O("trim", CHAT_OPT_U64, trim_s, "SECONDS",
      "between two cuts of the log, 1 to 86400; 10"),
    O("share", CHAT_OPT_U64, share, "PERCENT",
      "maxmemory's part for the logs, to 100, 0 = any; 10"),
    O("lease", CHAT_OPT_U64, lease_ms, "MS",
      "until another takes over, 100 to 600000; 10000"),
    O("batch", CHAT_OPT_U64, batch, "N",
      "entries in one transaction, 1 to 10000; 500"),
    O("help", CHAT_OPT_FLAG, help, NULL, "print this"),
    O("version", CHAT_OPT_FLAG, version, NULL, "print the version"),
    { NULL, 0, 0, NULL, NULL }
};

/* What the help says; seconds must bear to be counted in ms (a century). */
static const struct {
    const char      *name;
    size_t           offset;
    uint64_t         min;
    uint64_t         max;
} statd_bounds[] = {
    { "keep", offsetof(statd_conf_t, keep_s), 0, 3153600000 },
    { "trim", offsetof(statd_conf_t, trim_s), 1, 86400 },
    { "share", offsetof(statd_conf_t, share), 0, 100 },
    { "lease", offsetof(statd_conf_t, lease_ms), 100, 600000 },
    { "batch", offsetof(statd_conf_t, batch), 1, 10000 },
};


int
main(int argc, char **argv)
{
    int             rc;
    statd_t         s;
    unsigned char   rnd[STATD_ID_LEN / 2];

    memset(&s, 0, sizeof(statd_t));

    if (statd_options(argc, argv, &s.conf) != CHAT_OK) {
        return 2;
    }

    if (s.conf.help || s.conf.version) {
        return 0;
    }

    if (sodium_init() < 0) {
        statd_log("libsodium does not start");
        return 1;
    }

    randombytes_buf(rnd, sizeof(rnd));
    chat_hex_print((unsigned char *) s.id, rnd, sizeof(rnd));

    s.heap = chat_heap_create(0);
    if (s.heap == NULL) {
        statd_log("out of memory");
        return 1;
    }

    s.mem = chat_heap_mem(s.heap);

    if (s.conf.foreground || s.conf.once) {
        rc = statd_pid(&s.conf);

    } else {
        rc = statd_daemon(&s.conf);
    }

    if (rc != CHAT_OK) {
        return 1;
    }

    statd_signals();
    rc = statd_loop(&s);

    if (s.redis != NULL) {
        if (!chat_sync_dead(s.redis)) {
            statd_release(&s);
        }

        chat_sync_close(s.redis);
    }

    if (s.conf.pid) {
        (void) unlink(s.conf.pid);
    }

    chat_tally_done(&s.tally);
    chat_heap_destroy(s.heap);

    return rc;
}


static int
statd_options(int argc, char **argv, statd_conf_t *conf)
{
    int       n;
    char      text[2048];
    size_t    len;
    uint64_t  seen;

    conf->keep_s = 86400;
    conf->trim_s = 10;
    conf->share = 10;
    conf->lease_ms = 10000;
    conf->batch = 500;
    conf->redis = getenv("CHAT_REDIS");

    n = chat_opt_parse(statd_opts, argc - 1, argv + 1, conf, &seen, text,
                       sizeof(text));
    if (n < 0) {
        fprintf(stderr, "chat-statd: %s\n", text);
        return CHAT_ERROR;
    }

    if (n > 0) {
        fprintf(stderr, "chat-statd: unexpected \"%s\"\n", argv[1]);
        return CHAT_ERROR;
    }

    if (conf->help) {
        len = chat_opt_help(statd_opts, ~UINT64_C(0), text, sizeof(text));
        printf("chat-statd: counts what happens in the chats\n\n%.*s",
               (int) len, text);
    }

    if (conf->version) {
        printf("chat-statd %s, store %d\n", CHAT_VERSION, CHAT_STORE_MAJOR);
    }

    if (conf->redis == NULL || *conf->redis == '\0') {
        conf->redis = "127.0.0.1:6379";
    }

    return statd_bounded(conf);
}


static int
statd_bounded(const statd_conf_t *conf)
{
    size_t    i;
    uint64_t  v;

    for (i = 0; i < sizeof(statd_bounds) / sizeof(statd_bounds[0]); i++) {
        v = *(const uint64_t *) ((const char *) conf
                                 + statd_bounds[i].offset);

        if (v < statd_bounds[i].min || v > statd_bounds[i].max) {
            fprintf(stderr, "chat-statd: --%s is %llu to %llu, not %llu\n",
                    statd_bounds[i].name,
                    (unsigned long long) statd_bounds[i].min,
                    (unsigned long long) statd_bounds[i].max,
                    (unsigned long long) v);
            return CHAT_ERROR;
        }
    }

    return CHAT_OK;
}


static int
statd_loop(statd_t *s)
{
    int       rc, told;
    unsigned  p, mine, backoff;

    told = 0;
    backoff = STATD_BACKOFF_MS;

    while (!statd_stop) {
        chat_heap_reset(s->heap);

        if (s->redis == NULL) {

            rc = statd_connect(s);

            if (rc == CHAT_OK) {
                rc = statd_store_check(s, &told);
            }

            if (rc == CHAT_DECLINED || (rc != CHAT_OK && s->conf.once)) {
                return 1;
            }

            if (rc != CHAT_OK) {
                backoff = statd_back_off(s, backoff);
                continue;
            }

        }

        rc = CHAT_OK;

        /* first: a full store refuses leases */

        if (statd_monotonic_ms() >= s->trim_ms) {
            rc = statd_trim(s);
            s->trim_ms = statd_monotonic_ms() + s->conf.trim_s * 1000;
        }

        if (rc != CHAT_ERROR && statd_monotonic_ms() >= s->renew_ms) {
            rc = statd_lease(s);
            s->renew_ms = statd_monotonic_ms() + s->conf.lease_ms / 4;
        }

        mine = 0;

        for (p = 0; p < CHAT_PARTITIONS; p++) {
            mine += s->parts[p].mine;
        }

        if (rc != CHAT_ERROR) {
            if (mine) {
                rc = statd_turn(s, s->conf.once ? 0
                                : s->conf.lease_ms / 4 < STATD_BLOCK_MS
                                ? s->conf.lease_ms / 4 : STATD_BLOCK_MS);

            } else {
                statd_sleep(s->conf.lease_ms / 4);
                rc = CHAT_AGAIN;
            }
        }

        if (s->conf.once && rc != CHAT_OK) {
            return statd_once_done(s, rc);
        }

        if (rc == CHAT_ERROR) {
            if (chat_sync_dead(s->redis)) {
                statd_log("Redis at %s: %s", s->conf.redis,
                          chat_sync_error(s->redis));
            }

            backoff = statd_back_off(s, backoff);
            continue;
        }

        backoff = STATD_BACKOFF_MS;
    }

    return 0;
}


/* --once found nothing more to read: was everything ours, and counted? */

static int
statd_once_done(statd_t *s, int rc)
{
    unsigned  p;

    if (rc == CHAT_ERROR) {
        return 1;
    }

    for (p = 0; p < CHAT_PARTITIONS; p++) {
        if (!s->parts[p].mine) {
            statd_log("another chat-statd holds partition %u", p);
            return 1;
        }
    }

    return s->refused;
}


static int
statd_connect(statd_t *s)
{
    char              error[256];
    char              address[512];
    chat_sync_conf_t  conf;

    memset(&conf, 0, sizeof(chat_sync_conf_t));

    if (strlen(s->conf.redis) >= sizeof(address)) {
        statd_log("the address of Redis is too long");
        return CHAT_DECLINED;
    }

    strcpy(address, s->conf.redis);

    if (chat_sync_address(address, &conf) != CHAT_OK) {
        statd_log("\"%s\" is not an address of Redis: unix:/path or "
                  "host:port", s->conf.redis);
        return CHAT_DECLINED;
    }

    conf.user = getenv("CHAT_REDIS_USER");
    conf.password = getenv("CHAT_REDIS_PASSWORD");

    s->redis = chat_sync_open(&conf, error, sizeof(error));
    if (s->redis == NULL) {
        if (statd_monotonic_ms() >= s->down_ms) {
            statd_log("Redis at %s: %s", s->conf.redis, error);
            s->down_ms = statd_monotonic_ms() + STATD_REMIND_MS;
        }

        return CHAT_ERROR;
    }

    if (s->down_ms) {
        /* it was Redis that stood still, not the counting */
        s->looked = 0;
        s->down_ms = 0;
    }

    return CHAT_OK;
}


/*
 * CHAT_DECLINED: a store this program must not write to.  An empty one is
 * waited for.
 */

static int
statd_store_check(statd_t *s, int *told)
{
    int          rc;
    uint64_t     major, partitions;
    chat_str_t   id;
    redisReply  *r;

    r = statd_call(s, chat_store_get_cmd(s->mem));
    if (r == NULL) {
        return CHAT_ERROR;
    }

    rc = chat_store_parse(r, &major, &partitions, &id);
    freeReplyObject(r);

    if (rc == CHAT_DECLINED) {
        if (!*told) {
            statd_log("the store is empty, waiting for chatctl init");
            *told = 1;
        }

        return CHAT_ERROR;
    }

    if (rc != CHAT_OK || major != CHAT_STORE_MAJOR
        || partitions != CHAT_PARTITIONS)
    {
        statd_log("the store has another version than this program (%d)",
                  CHAT_STORE_MAJOR);
        return CHAT_DECLINED;
    }

    return CHAT_OK;
}


/* Returns the next pause: it ends growing when a turn has ended well. */

static unsigned
statd_back_off(statd_t *s, unsigned ms)
{
    statd_lost(s);
    statd_sleep(ms);

    return ms * 2 > STATD_BACKOFF_MAX ? STATD_BACKOFF_MAX : ms * 2;
}


/* Nothing we remember of the store holds on a new connection. */

static void
statd_lost(statd_t *s)
{
    if (s->redis != NULL) {
        chat_sync_close(s->redis);
        s->redis = NULL;
    }

    memset(s->parts, 0, sizeof(s->parts));
    s->renew_ms = 0;
}


redisReply *
statd_call(statd_t *s, const chat_cmd_t *c)
{
    redisReply  *r;

    r = chat_sync_call(s->redis, c);

    if (r != NULL && r->type == REDIS_REPLY_ERROR) {
        statd_log("Redis: %s", r->str);
        freeReplyObject(r);
        return NULL;
    }

    return r;
}


uint64_t
statd_redis_ms(statd_t *s)
{
    uint64_t     sec, usec;
    chat_cmd_t  *c;
    redisReply  *r;

    c = chat_cmd_create(s->mem, 1);
    if (c == NULL) {
        return 0;
    }

    chat_cmd_lit(c, "TIME");

    r = statd_call(s, c);
    if (r == NULL) {
        return 0;
    }

    if (chat_reply_u64(chat_reply_at(r, 0), &sec) != CHAT_OK
        || chat_reply_u64(chat_reply_at(r, 1), &usec) != CHAT_OK)
    {
        sec = 0;
        usec = 0;
    }

    freeReplyObject(r);

    return sec * 1000 + usec / 1000;
}
