
/*
 * Who counts a partition.  The record chat:{t}:statd holds owner, fence (a
 * number that grows with each owner) and until_ms by Redis' clock, beside the
 * position.  The lease only keeps two processes from doing the same work: what
 * makes a wrong count impossible is that every transaction WATCHes the record
 * and was preceded by a look at it.
 */

#include "statd.h"
#include "chat_str.h"


typedef struct {
    chat_str_t       owner;
    chat_id_t        pos;
    uint64_t         fence;
    uint64_t         until_ms;
    uint64_t         folded;
} statd_record_t;


static int statd_take(statd_t *s, unsigned partition, uint64_t now_ms);
static int statd_record(statd_t *s, unsigned partition, statd_record_t *r,
    redisReply **reply);
static int statd_write(statd_t *s, unsigned partition, uint64_t until_ms);
static int statd_unwatch(statd_t *s);
static int statd_mine(statd_t *s, unsigned partition,
    const statd_record_t *r);


int
statd_lease(statd_t *s)
{
    int       rc;
    unsigned  p, mine;
    uint64_t  now_ms;

    now_ms = statd_redis_ms(s);
    if (now_ms == 0) {
        return CHAT_ERROR;
    }

    mine = 0;

    for (p = 0; p < CHAT_PARTITIONS; p++) {
        rc = statd_take(s, p, now_ms);
        if (rc == CHAT_ERROR) {
            return CHAT_ERROR;
        }

        mine += s->parts[p].mine;
    }

    if (mine == 0 && !s->standby_told) {
        statd_log("another chat-statd is at work, standing by");
    }

    s->standby_told = (mine == 0);

    return CHAT_OK;
}


static int
statd_take(statd_t *s, unsigned partition, uint64_t now_ms)
{
    int              rc;
    redisReply      *reply;
    statd_part_t    *part;
    statd_record_t   r;

    part = &s->parts[partition];

    rc = statd_record(s, partition, &r, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (!statd_mine(s, partition, &r)) {

        if (part->mine) {
            statd_log("partition %u was taken over", partition);
            part->mine = 0;
        }

        /* one of our own is left of a lost connection: it binds others */

        if (r.until_ms > now_ms && !chat_str_eq_c(&r.owner, s->id)) {
            freeReplyObject(reply);
            return statd_unwatch(s);
        }

        part->fence = r.fence + 1;
        part->pos = r.pos;
    }

    freeReplyObject(reply);

    rc = statd_write(s, partition, now_ms + s->conf.lease_ms);

    if (rc == CHAT_OK && !part->mine) {
        part->mine = 1;
        statd_gap(s, partition, &part->pos, r.folded);
    }

    if (rc == CHAT_DECLINED) {
        part->mine = 0;
    }

    return rc;
}


int
statd_watch(statd_t *s, unsigned partition)
{
    int              rc;
    redisReply      *reply;
    statd_record_t   r;

    rc = statd_record(s, partition, &r, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (!statd_mine(s, partition, &r)) {
        statd_log("partition %u was taken over", partition);
        s->parts[partition].mine = 0;
        rc = statd_unwatch(s) == CHAT_OK ? CHAT_DECLINED : CHAT_ERROR;
    }

    freeReplyObject(reply);

    return rc;
}


/* A watch left behind would spoil the next partition's transaction. */

static int
statd_unwatch(statd_t *s)
{
    chat_cmd_t  *c;
    redisReply  *r;

    c = chat_cmd_create(s->mem, 1);
    if (c == NULL) {
        return CHAT_ERROR;
    }

    chat_cmd_lit(c, "UNWATCH");

    r = statd_call(s, c);
    if (r == NULL) {
        return CHAT_ERROR;
    }

    freeReplyObject(r);

    return CHAT_OK;
}


static int
statd_mine(statd_t *s, unsigned partition, const statd_record_t *r)
{
    statd_part_t  *part;

    part = &s->parts[partition];

    return part->mine && r->fence == part->fence
           && chat_str_eq_c(&r->owner, s->id)
           && chat_id_cmp(&r->pos, &part->pos) == 0;
}


/* WATCH and read; the owner points into the reply. */

static int
statd_record(statd_t *s, unsigned partition, statd_record_t *r,
    redisReply **reply)
{
    chat_cmd_t  *c;
    chat_str_t   key;
    redisReply  *watch;

    key = chat_key(s->mem, partition, "chat:%t:statd");

    c = chat_cmd_create(s->mem, 2);
    if (c == NULL) {
        return CHAT_ERROR;
    }

    chat_cmd_lit(c, "WATCH");
    chat_cmd_str(c, &key);

    watch = statd_call(s, c);
    if (watch == NULL) {
        return CHAT_ERROR;
    }

    freeReplyObject(watch);

    c = chat_cmd_create(s->mem, 7);
    if (c == NULL) {
        return CHAT_ERROR;
    }

    chat_cmd_lit(c, "HMGET");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "pos");
    chat_cmd_lit(c, "owner");
    chat_cmd_lit(c, "fence");
    chat_cmd_lit(c, "until_ms");
    chat_cmd_lit(c, "folded");

    *reply = statd_call(s, c);
    if (*reply == NULL) {
        return CHAT_ERROR;
    }

    memset(r, 0, sizeof(statd_record_t));

    /* absent fields stay zero: a partition nobody counted yet */
    (void) chat_reply_id(chat_reply_at(*reply, 0), &r->pos);
    (void) chat_reply_str(chat_reply_at(*reply, 1), &r->owner);
    (void) chat_reply_u64(chat_reply_at(*reply, 2), &r->fence);
    (void) chat_reply_u64(chat_reply_at(*reply, 3), &r->until_ms);
    (void) chat_reply_u64(chat_reply_at(*reply, 4), &r->folded);

    return CHAT_OK;
}


static int
statd_write(statd_t *s, unsigned partition, uint64_t until_ms)
{
    chat_cmd_t    *c;
    chat_str_t     key, id;
    statd_tx_t     tx;

    key = chat_key(s->mem, partition, "chat:%t:statd");
    id.data = (unsigned char *) s->id;
    id.len = STATD_ID_LEN;

    statd_multi(&tx, s, partition);

    c = chat_cmd_create(s->mem, 8);
    if (c != NULL) {
        chat_cmd_lit(c, "HSET");
        chat_cmd_str(c, &key);
        chat_cmd_lit(c, "owner");
        chat_cmd_str(c, &id);
        chat_cmd_lit(c, "fence");
        chat_cmd_u64(c, s->parts[partition].fence);
        chat_cmd_lit(c, "until_ms");
        chat_cmd_u64(c, until_ms);
    }

    statd_queue(&tx, c);

    return statd_exec(&tx);
}


void
statd_release(statd_t *s)
{
    unsigned  p;

    for (p = 0; p < CHAT_PARTITIONS; p++) {
        if (s->parts[p].mine && statd_watch(s, p) == CHAT_OK
            && statd_write(s, p, 0) == CHAT_ERROR)
        {
            return;
        }

        s->parts[p].mine = 0;
    }
}


void
statd_gap(statd_t *s, unsigned partition, const chat_id_t *pos,
    uint64_t folded)
{
    uint64_t         lost;
    chat_str_t       key;
    chat_log_info_t  info;

    key = chat_key_log(s->mem, partition);

    if (statd_info(s, &key, &info) == CHAT_OK
        && chat_id_cmp(pos, info.length ? &info.first : &info.last)
           < 0
        && info.added - info.length > folded)
    {
        lost = info.added - info.length - folded;

        /* a partition is taken anew after each error */

        if (lost == s->lost[partition]) {
            return;
        }

        s->lost[partition] = lost;

        statd_log("partition %u: %llu entries were cut off the log before "
                  "they were counted", partition, (unsigned long long) lost);
    }
}


int
statd_info(statd_t *s, const chat_str_t *key, chat_log_info_t *info)
{
    int          rc;
    redisReply  *r;

    r = chat_sync_call(s->redis, chat_log_info_cmd(s->mem, key));
    if (r == NULL) {
        return CHAT_ERROR;
    }

    rc = chat_log_info_parse(r, info);

    if (rc != CHAT_OK && r->type == REDIS_REPLY_ERROR) {
        if (!s->info_told) {
            statd_log("%.*s: Redis: %s", (int) key->len, key->data, r->str);
            s->info_told = 1;
        }

        rc = CHAT_DECLINED;
    }

    freeReplyObject(r);

    return rc;
}
