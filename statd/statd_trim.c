
/*
 * The log is kept for a day, and as long as it is not counted; but all logs
 * together never take more than their share of Redis' maxmemory.
 *
 * The share is divided as water fills basins: logs that need less than their
 * part give the rest to the others, so that one busy account shortens its own
 * partition's past and nobody else's.
 *
 * Beyond the share, entries not yet counted are kept only while counting
 * comes forward, and not above the share's double: a store that is full
 * refuses our figures, too, and would never have room again.  What is cut
 * off uncounted is said.
 *
 * Nothing here asks whose a partition is: the positions in the store bind
 * every process alike, and a full store gives no leases.
 */

#include "statd.h"
#include "chat_str.h"


#define STATD_TRIM_STEP   10000        /* entries of one XTRIM: about a ms */
#define STATD_TRIM_STEPS  200          /* of one log and turn */


/* What is to be known of a log before it is cut. */
typedef struct {
    chat_str_t       key;
    chat_log_info_t  info;
    uint64_t         bytes;
    uint64_t         folded;
    chat_id_t        pos;          /* counted up to here; global: last */
    unsigned         stuck:1;      /* ... and no further since the last cut */
} statd_log_t;


static int statd_trim_look(statd_t *s, unsigned partition,
    statd_log_t *log);
static int statd_trim_ask(statd_t *s, chat_cmd_t *c, redisReply **r);
static int statd_trim_share(statd_t *s, uint64_t *share);
static uint64_t statd_trim_level(const statd_log_t *logs, uint64_t share);
static int statd_trim_age(statd_t *s, statd_log_t *log,
    const chat_id_t *oldest);
static int statd_trim_size(statd_t *s, unsigned partition, statd_log_t *log,
    uint64_t level, int over);
static int statd_trim_cut(statd_t *s, const statd_log_t *log,
    const chat_id_t *before, uint64_t most, uint64_t *cut);


int
statd_trim(statd_t *s)
{
    int          rc, over;
    unsigned     p;
    uint64_t     now_ms, keep_ms, share, all, level;
    chat_id_t    oldest;
    statd_log_t  logs[CHAT_FEEDS];

    now_ms = statd_redis_ms(s);
    if (now_ms == 0) {
        return CHAT_ERROR;
    }

    /* longer than there is time: nothing is too old */

    keep_ms = s->conf.keep_s * 1000;
    oldest.ms = now_ms > keep_ms ? now_ms - keep_ms : 0;
    oldest.seq = 0;

    all = 0;
    s->info_told = 0;

    for (p = 0; p < CHAT_FEEDS; p++) {
        rc = statd_trim_look(s, p, &logs[p]);

        if (rc == CHAT_OK) {
            rc = statd_trim_age(s, &logs[p], &oldest);
        }

        if (rc != CHAT_OK) {
            return rc;
        }

        all += logs[p].bytes;
    }

    s->looked = 1;

    rc = statd_trim_share(s, &share);
    if (rc != CHAT_OK) {
        return rc == CHAT_DECLINED ? CHAT_OK : rc;
    }

    over = (all > share);

    if (over && !s->over_told) {
        statd_log("the logs take %llu kB, more than their %llu: they are "
                  "cut before their time",
                  (unsigned long long) (all >> 10),
                  (unsigned long long) (share >> 10));
    }

    if (over) {
        s->over_told = 1;

    } else if (all <= share / 4 * 3) {
        s->over_told = 0;
    }

    if (!over) {
        return CHAT_OK;
    }

    level = statd_trim_level(logs, share);

    for (p = 0; p < CHAT_FEEDS; p++) {
        rc = statd_trim_size(s, p, &logs[p], level, all / 2 > share);

        if (rc != CHAT_OK) {
            return rc;
        }
    }

    return CHAT_OK;
}


static int
statd_trim_look(statd_t *s, unsigned partition, statd_log_t *log)
{
    int           rc;
    chat_str_t    key;
    chat_cmd_t   *c;
    redisReply   *r;

    memset(log, 0, sizeof(statd_log_t));
    log->key = chat_key_log(s->mem, partition);

    /* refused: nothing to go by, so it is left as it is */

    if (statd_info(s, &log->key, &log->info) == CHAT_ERROR) {
        return CHAT_ERROR;
    }

    c = chat_cmd_create(s->mem, 3);
    if (c != NULL) {
        chat_cmd_lit(c, "MEMORY");
        chat_cmd_lit(c, "USAGE");
        chat_cmd_str(c, &log->key);
    }

    rc = statd_trim_ask(s, c, &r);

    if (rc == CHAT_OK) {
        /* nil: no such log */
        (void) chat_reply_u64(r, &log->bytes);
        freeReplyObject(r);
    }

    if (rc == CHAT_ERROR || partition == CHAT_PARTITION_GLOBAL) {
        /* the global log has no reader that counts */
        log->pos = log->info.last;
        return rc == CHAT_ERROR ? CHAT_ERROR : CHAT_OK;
    }

    key = chat_key(s->mem, partition, "chat:%t:statd");

    c = chat_cmd_create(s->mem, 4);
    if (c != NULL) {
        chat_cmd_lit(c, "HMGET");
        chat_cmd_str(c, &key);
        chat_cmd_lit(c, "pos");
        chat_cmd_lit(c, "folded");
    }

    if (statd_trim_ask(s, c, &r) != CHAT_OK) {
        return CHAT_ERROR;
    }

    /* absent: nobody counted yet */
    (void) chat_reply_id(chat_reply_at(r, 0), &log->pos);
    (void) chat_reply_u64(chat_reply_at(r, 1), &log->folded);
    freeReplyObject(r);

    log->stuck = s->looked
                 && chat_id_cmp(&log->pos, &s->looked_pos[partition]) == 0;
    s->looked_pos[partition] = log->pos;

    return CHAT_OK;
}


/* CHAT_OK; CHAT_DECLINED: an error reply, which was logged; CHAT_ERROR. */

static int
statd_trim_ask(statd_t *s, chat_cmd_t *c, redisReply **r)
{
    *r = statd_call(s, c);

    if (*r != NULL) {
        return CHAT_OK;
    }

    return chat_sync_dead(s->redis) || c == NULL ? CHAT_ERROR
                                                 : CHAT_DECLINED;
}


/* What the logs may take in all; CHAT_DECLINED: no bound. */

static int
statd_trim_share(statd_t *s, uint64_t *share)
{
    int          rc;
    char        *p, *end;
    uint64_t     max;
    chat_str_t   value;
    chat_cmd_t  *c;
    redisReply  *r;

    if (s->conf.share == 0) {
        return CHAT_DECLINED;
    }

    c = chat_cmd_create(s->mem, 2);
    if (c != NULL) {
        chat_cmd_lit(c, "INFO");
        chat_cmd_lit(c, "memory");
    }

    rc = statd_trim_ask(s, c, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    max = 0;
    p = r->type == REDIS_REPLY_STRING ? strstr(r->str, "\nmaxmemory:") : NULL;

    if (p != NULL) {
        p += sizeof("\nmaxmemory:") - 1;
        end = p + strcspn(p, "\r\n");

        value.data = (unsigned char *) p;
        value.len = end - p;

        if (chat_str_u64(&value, &max) != CHAT_OK) {
            max = 0;
        }
    }

    freeReplyObject(r);

    *share = max / 100 * s->conf.share;

    return max ? CHAT_OK : CHAT_DECLINED;
}


/* The bytes above which a log is cut. */

static uint64_t
statd_trim_level(const statd_log_t *logs, uint64_t share)
{
    unsigned  p, n, filled;
    uint64_t  level;
    char      full[CHAT_FEEDS];

    memset(full, 0, sizeof(full));
    n = CHAT_FEEDS;

    do {
        level = share / n;
        filled = 0;

        for (p = 0; p < CHAT_FEEDS; p++) {

            if (!full[p] && logs[p].bytes <= level) {
                full[p] = 1;
                share -= logs[p].bytes;
                filled++;
            }
        }

        n -= filled;

    } while (filled && n);

    return level;
}


static int
statd_trim_age(statd_t *s, statd_log_t *log, const chat_id_t *oldest)
{
    int        rc;
    uint64_t   cut;
    chat_id_t  before;

    before = chat_id_cmp(&log->pos, oldest) < 0 ? log->pos : *oldest;

    if (log->info.length == 0 || chat_id_cmp(&log->info.first, &before) >= 0) {
        return CHAT_OK;
    }

    rc = statd_trim_cut(s, log, &before, log->info.length, &cut);

    if (cut) {
        log->bytes -= log->bytes / log->info.length * cut;
        log->info.length -= cut;
    }

    return rc;
}


/* `over`: there is no room left to wait for the counting. */

static int
statd_trim_size(statd_t *s, unsigned partition, statd_log_t *log,
    uint64_t level, int over)
{
    int        rc, pass;
    uint64_t   cut, most;
    chat_id_t  before;

    if (log->bytes <= level || log->info.length == 0) {
        return CHAT_OK;
    }

    /* without rounding: a log of few large entries is cut, too */
    most = log->info.length
           - (uint64_t) ((double) log->info.length * level / log->bytes);

    pass = (log->stuck || over)
           && chat_id_cmp(&log->pos, &log->info.last) < 0;

    before = pass ? log->info.last : log->pos;

    rc = statd_trim_cut(s, log, &before, most, &cut);

    if (rc == CHAT_OK && pass && cut) {
        statd_gap(s, partition, &log->pos, log->folded);
    }

    return rc;
}


/*
 * Approximate: whole nodes of the stream, never more than `most` entries and
 * none from `before` on.
 */

static int
statd_trim_cut(statd_t *s, const statd_log_t *log, const chat_id_t *before,
    uint64_t most, uint64_t *cut)
{
    int          rc;
    unsigned     i;
    uint64_t     n;
    chat_cmd_t  *c;
    redisReply  *r;

    *cut = 0;

    for (i = 0; i < STATD_TRIM_STEPS && *cut < most; i++) {

        n = most - *cut;

        c = chat_cmd_create(s->mem, 7);
        if (c != NULL) {
            chat_cmd_lit(c, "XTRIM");
            chat_cmd_str(c, &log->key);
            chat_cmd_lit(c, "MINID");
            chat_cmd_lit(c, "~");
            chat_cmd_id(c, before);
            chat_cmd_lit(c, "LIMIT");
            chat_cmd_u64(c, n < STATD_TRIM_STEP ? n : STATD_TRIM_STEP);
        }

        rc = statd_trim_ask(s, c, &r);
        if (rc != CHAT_OK) {
            return rc == CHAT_DECLINED ? CHAT_OK : rc;
        }

        n = 0;
        (void) chat_reply_u64(r, &n);
        freeReplyObject(r);

        if (n == 0) {
            break;
        }

        *cut += n;
    }

    return CHAT_OK;
}
