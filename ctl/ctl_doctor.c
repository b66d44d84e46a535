
/*
 * doctor: one statement per check.  "fail" makes the exit code 1: something
 * loses messages or refuses work; "warn" should be looked at.
 */

#include <stdarg.h>
#include <stdlib.h>

#include "chatctl.h"


#define CTL_REDIS_OLDEST   7000        /* 7.0.0: script flags */
#define CTL_FULL_PERCENT   85
#define CTL_LAG_WARN_S     60
#define CTL_CLOCK_WARN_MS  1000


typedef struct {
    uint64_t         has;
    chat_str_t       check;
    chat_str_t       status;
    chat_str_t       text;
} ctl_check_row_t;

typedef struct {
    ctl_t           *ctl;
    const char      *name;           /* of the check that runs */
    char            *info;           /* INFO's answer */
    int              failed;
} ctl_doctor_t;

typedef struct {
    const char      *name;
    int            (*run)(ctl_doctor_t *d);
} ctl_check_t;


static int ctl_say(ctl_doctor_t *d, const char *status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int ctl_info(ctl_doctor_t *d);
static const char *ctl_info_get(ctl_doctor_t *d, const char *field);
static uint64_t ctl_info_u64(ctl_doctor_t *d, const char *field);
static int ctl_check_redis(ctl_doctor_t *d);
static int ctl_check_store(ctl_doctor_t *d);
static int ctl_check_keys(ctl_doctor_t *d);
static int ctl_check_aof(ctl_doctor_t *d);
static int ctl_check_fsync(ctl_doctor_t *d);
static int ctl_check_eviction(ctl_doctor_t *d);
static int ctl_check_memory(ctl_doctor_t *d);
static int ctl_check_clock(ctl_doctor_t *d);
static int ctl_check_statd(ctl_doctor_t *d);
static int ctl_statd_partition(ctl_doctor_t *d, unsigned p, uint64_t now_ms,
    uint64_t *behind_ms, unsigned *alive);
static uint64_t ctl_redis_ms(ctl_doctor_t *d);


static const chat_field_t  ctl_check_fields[] = {
    CTL_STR(ctl_check_row_t, check),
    CTL_STR(ctl_check_row_t, status),
    CTL_STR(ctl_check_row_t, text),
};

static const chat_type_t  ctl_check_type =
    CTL_TYPE(ctl_check_row_t, ctl_check_fields);

static const ctl_check_t  ctl_checks[] = {
    { "redis", ctl_check_redis },
    { "store", ctl_check_store },
    { "keys", ctl_check_keys },
    { "aof", ctl_check_aof },
    { "fsync", ctl_check_fsync },
    { "eviction", ctl_check_eviction },
    { "memory", ctl_check_memory },
    { "clock", ctl_check_clock },
    { "statd", ctl_check_statd },
};


int
ctl_doctor(ctl_t *ctl)
{
    size_t        i;
    ctl_doctor_t  d;

    memset(&d, 0, sizeof(ctl_doctor_t));
    d.ctl = ctl;

    if (ctl_info(&d) != CTL_OK
        || ctl_begin(ctl, &ctl_check_type, CTL_LIST) != CTL_OK)
    {
        return CTL_FAILED;
    }

    for (i = 0; i < sizeof(ctl_checks) / sizeof(ctl_checks[0]); i++) {
        d.name = ctl_checks[i].name;

        if (ctl_checks[i].run(&d) != CTL_OK) {
            return CTL_FAILED;
        }
    }

    if (ctl_end(ctl) != CTL_OK) {
        return CTL_FAILED;
    }

    return d.failed ? CTL_FAILED : CTL_OK;
}


static int
ctl_say(ctl_doctor_t *d, const char *status, const char *fmt, ...)
{
    char            *text;
    va_list          args;
    ctl_check_row_t  row;

    text = chat_mem_alloc(d->ctl->mem, 300);
    if (text == NULL) {
        return ctl_error("out of memory");
    }

    va_start(args, fmt);
    vsnprintf(text, 300, fmt, args);
    va_end(args);

    memset(&row, 0, sizeof(ctl_check_row_t));
    row.check = ctl_str(d->name);
    row.status = ctl_str(status);
    row.text = ctl_str(text);

    if (strcmp(status, "fail") == 0) {
        d->failed = 1;
    }

    return ctl_row(d->ctl, &row);
}


static int
ctl_info(ctl_doctor_t *d)
{
    redisReply  *r;

    r = ctl_words(d->ctl, "INFO", "all", (char *) NULL);
    if (r == NULL) {
        return CTL_FAILED;
    }

    d->info = r->str;

    return CTL_OK;
}


/* The value up to the end of its line; NULL: there is none. */

static const char *
ctl_info_get(ctl_doctor_t *d, const char *field)
{
    size_t       n;
    const char  *p;

    n = strlen(field);

    for (p = d->info; p != NULL; p = strchr(p, '\n')) {
        p += (*p == '\n');

        if (strncmp(p, field, n) == 0 && p[n] == ':') {
            return p + n + 1;
        }
    }

    return NULL;
}


static uint64_t
ctl_info_u64(ctl_doctor_t *d, const char *field)
{
    const char  *p;

    p = ctl_info_get(d, field);

    return p ? strtoull(p, NULL, 10) : 0;
}


static int
ctl_check_redis(ctl_doctor_t *d)
{
    unsigned     major, minor;
    const char  *version, *role;

    version = ctl_info_get(d, "redis_version");

    if (version == NULL || sscanf(version, "%u.%u", &major, &minor) != 2) {
        return ctl_say(d, "fail", "tells no version");
    }

    if (major * 1000 + minor < CTL_REDIS_OLDEST) {
        return ctl_say(d, "fail", "version %u.%u, at least 7.0 is needed",
                       major, minor);
    }

    role = ctl_info_get(d, "role");

    if (role != NULL && strncmp(role, "master", 6) != 0) {
        return ctl_say(d, "fail", "version %u.%u, a replica: writes are "
                       "refused", major, minor);
    }

    return ctl_say(d, "ok", "version %u.%u, up %llu s", major, minor,
                   (unsigned long long) ctl_info_u64(d, "uptime_in_seconds"));
}


static int
ctl_check_store(ctl_doctor_t *d)
{
    int          rc;
    uint64_t     major, partitions;
    chat_str_t   id;
    redisReply  *r;

    r = ctl_call(d->ctl, chat_store_get_cmd(d->ctl->mem));
    if (r == NULL) {
        return CTL_FAILED;
    }

    rc = chat_store_parse(r, &major, &partitions, &id);

    if (rc == CHAT_DECLINED) {
        return ctl_say(d, "fail", "empty: run chatctl init");
    }

    if (rc != CHAT_OK) {
        return ctl_say(d, "fail", "its record is damaged");
    }

    if (major != CHAT_STORE_MAJOR || partitions != CHAT_PARTITIONS) {
        return ctl_say(d, "fail", "version %llu, this program works on %d",
                       (unsigned long long) major, CHAT_STORE_MAJOR);
    }

    return ctl_say(d, "ok", "%.*s, version %llu, %llu partitions",
                   (int) id.len, id.data, (unsigned long long) major,
                   (unsigned long long) partitions);
}


static int
ctl_check_keys(ctl_doctor_t *d)
{
    chat_keys_t   keys;
    redisReply   *r;

    r = ctl_call(d->ctl, chat_keys_get_cmd(d->ctl->mem));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_keys_parse(r, &keys) != CHAT_OK || keys.n == 0) {
        return ctl_say(d, "fail", "no key signs visitors' tokens: run "
                       "chatctl init");
    }

    return ctl_say(d, "ok", "%u, number %u signs visitors' tokens", keys.n,
                   keys.keys[0].kid);
}


static int
ctl_check_aof(ctl_doctor_t *d)
{
    const char  *status;

    if (ctl_info_u64(d, "aof_enabled") == 0) {
        return ctl_say(d, "fail", "off: a restart loses messages; set "
                       "appendonly yes");
    }

    status = ctl_info_get(d, "aof_last_write_status");

    if (status != NULL && strncmp(status, "ok", 2) != 0) {
        return ctl_say(d, "fail", "the last write failed: look at the disk");
    }

    return ctl_say(d, "ok", "on, %llu bytes",
                   (unsigned long long) ctl_info_u64(d, "aof_current_size"));
}


static int
ctl_check_fsync(ctl_doctor_t *d)
{
    chat_str_t   v;
    chat_cmd_t  *c;
    redisReply  *r;

    c = chat_cmd_create(d->ctl->mem, 3);
    if (c == NULL) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "CONFIG");
    chat_cmd_lit(c, "GET");
    chat_cmd_lit(c, "appendfsync");

    /* hosted servers refuse CONFIG: that is an answer, too */

    r = chat_sync_call(d->ctl->redis, c);

    if (chat_reply_str(chat_reply_at(r, 1), &v) != CHAT_OK) {
        if (r != NULL) {
            freeReplyObject(r);
        }

        return ctl_say(d, "warn", "CONFIG is refused: cannot tell");
    }

    if (chat_str_eq_c(&v, "always")) {
        freeReplyObject(r);
        return ctl_say(d, "ok", "always: what is acknowledged is on disk");
    }

    if (chat_str_eq_c(&v, "everysec")) {
        freeReplyObject(r);
        return ctl_say(d, "ok", "everysec: a crash of the machine may lose "
                       "about a second; workers and clients send it again");
    }

    freeReplyObject(r);

    return ctl_say(d, "fail", "no: the disk is left to chance; set "
                   "appendfsync everysec or always");
}


static int
ctl_check_eviction(ctl_doctor_t *d)
{
    int          n;
    const char  *policy;

    policy = ctl_info_get(d, "maxmemory_policy");

    if (policy == NULL) {
        return ctl_say(d, "warn", "tells no policy");
    }

    n = (int) strcspn(policy, "\r\n");

    if (n != 10 || strncmp(policy, "noeviction", 10) != 0) {
        return ctl_say(d, "fail", "%.*s: Redis would throw messages away; "
                       "set maxmemory-policy noeviction", n, policy);
    }

    return ctl_say(d, "ok", "noeviction");
}


static int
ctl_check_memory(ctl_doctor_t *d)
{
    uint64_t  used, max;

    used = ctl_info_u64(d, "used_memory");
    max = ctl_info_u64(d, "maxmemory");

    if (max == 0) {
        return ctl_say(d, "warn", "%llu MB used, no maxmemory: the kernel "
                       "would kill Redis instead of Redis refusing writes",
                       (unsigned long long) (used >> 20));
    }

    return ctl_say(d, used * 100 / max >= CTL_FULL_PERCENT ? "fail" : "ok",
                   "%llu of %llu MB used, %llu %%",
                   (unsigned long long) (used >> 20),
                   (unsigned long long) (max >> 20),
                   (unsigned long long) (used * 100 / max));
}


static uint64_t
ctl_redis_ms(ctl_doctor_t *d)
{
    uint64_t     sec, usec;
    redisReply  *r;

    r = ctl_words(d->ctl, "TIME", (char *) NULL);

    if (chat_reply_u64(chat_reply_at(r, 0), &sec) != CHAT_OK
        || chat_reply_u64(chat_reply_at(r, 1), &usec) != CHAT_OK)
    {
        return 0;
    }

    return sec * 1000 + usec / 1000;
}


static int
ctl_check_clock(ctl_doctor_t *d)
{
    uint64_t  theirs, ours, diff;

    theirs = ctl_redis_ms(d);
    ours = ctl_now_ms();

    if (theirs == 0) {
        return CTL_FAILED;
    }

    diff = ours > theirs ? ours - theirs : theirs - ours;

    return ctl_say(d, diff > CTL_CLOCK_WARN_MS ? "warn" : "ok",
                   "%llu ms between this machine's and Redis'",
                   (unsigned long long) diff);
}


static int
ctl_check_statd(ctl_doctor_t *d)
{
    unsigned  p, alive, total;
    uint64_t  now_ms, behind, worst;

    now_ms = ctl_redis_ms(d);
    if (now_ms == 0) {
        return CTL_FAILED;
    }

    total = 0;
    worst = 0;

    for (p = 0; p < CHAT_PARTITIONS; p++) {
        if (ctl_statd_partition(d, p, now_ms, &behind, &alive) != CTL_OK) {
            return CTL_FAILED;
        }

        total += alive;

        if (behind > worst) {
            worst = behind;
        }
    }

    if (total < CHAT_PARTITIONS) {
        return ctl_say(d, "warn", "counts %u of %d partitions, %llu s "
                       "behind: is chat-statd running?", total,
                       CHAT_PARTITIONS, (unsigned long long) (worst / 1000));
    }

    return ctl_say(d, worst / 1000 >= CTL_LAG_WARN_S ? "warn" : "ok",
                   "counts all partitions, %llu s behind",
                   (unsigned long long) (worst / 1000));
}


/* Age of the oldest entry that is not counted, and whether anyone counts. */

static int
ctl_statd_partition(ctl_doctor_t *d, unsigned p, uint64_t now_ms,
    uint64_t *behind_ms, unsigned *alive)
{
    uint64_t        until;
    chat_id_t       pos, next;
    chat_mem_t     *mem;
    chat_cmd_t     *c;
    chat_str_t      key, start;
    redisReply     *r;
    unsigned char   text[48];

    mem = d->ctl->mem;
    *behind_ms = 0;
    *alive = 0;

    key = chat_key(mem, p, "chat:%t:statd");

    c = chat_cmd_create(mem, 4);
    if (c == NULL) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "HMGET");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "pos");
    chat_cmd_lit(c, "until_ms");

    r = ctl_call(d->ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    memset(&pos, 0, sizeof(chat_id_t));

    /* absent: nothing was counted yet */
    (void) chat_reply_id(chat_reply_at(r, 0), &pos);

    if (chat_reply_u64(chat_reply_at(r, 1), &until) == CHAT_OK) {
        *alive = until > now_ms;
    }

    key = chat_key_log(mem, p);
    text[0] = '(';
    start.data = text;
    start.len = chat_id_print(text + 1, &pos) - text;

    c = chat_cmd_create(mem, 6);
    if (c == NULL) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "XRANGE");
    chat_cmd_str(c, &key);
    chat_cmd_str(c, &start);
    chat_cmd_lit(c, "+");
    chat_cmd_lit(c, "COUNT");
    chat_cmd_lit(c, "1");

    r = ctl_call(d->ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_reply_id(chat_reply_at(chat_reply_at(r, 0), 0), &next)
        == CHAT_OK
        && now_ms > next.ms)
    {
        *behind_ms = now_ms - next.ms;
    }

    return CTL_OK;
}
