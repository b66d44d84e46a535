
/*
 * XREAD over our partitions; per partition one transaction: figures and
 * position.
 */

#include "statd.h"
#include "chat_str.h"


static redisReply *statd_read(statd_t *s, unsigned block_ms);
static int statd_batch(statd_t *s, unsigned partition,
    const redisReply *entries);
static int statd_entry(statd_t *s, unsigned partition,
    const redisReply *entry, chat_id_t *id);
static int statd_store(statd_t *s, unsigned partition, const chat_id_t *pos,
    uint64_t entries);
static chat_cmd_t *statd_incr(statd_t *s, const chat_str_t *key,
    const chat_stat_delta_t *d);
static chat_cmd_t *statd_bucket(statd_t *s, const chat_stat_delta_t *d);
static void statd_exec_look(statd_tx_t *tx, const redisReply *r);


int
statd_turn(statd_t *s, unsigned block_ms)
{
    int          rc;
    size_t       i;
    unsigned     p;
    chat_str_t   name, key;
    redisReply  *r;

    /* nothing to read is nil; what Redis refuses comes back with a pause */

    r = statd_read(s, block_ms);
    if (r == NULL) {
        return CHAT_ERROR;
    }

    rc = (r->elements > 0) ? CHAT_OK : CHAT_AGAIN;

    for (i = 0; i < r->elements; i++) {
        if (chat_reply_str(chat_reply_at(r->element[i], 0), &name)
            != CHAT_OK)
        {
            continue;
        }

        for (p = 0; p < CHAT_PARTITIONS; p++) {
            key = chat_key_log(s->mem, p);

            if (chat_str_eq(&key, &name)
                && statd_batch(s, p, chat_reply_at(r->element[i], 1))
                   == CHAT_ERROR)
            {
                freeReplyObject(r);
                return CHAT_ERROR;
            }
        }
    }

    freeReplyObject(r);

    return rc;
}


static redisReply *
statd_read(statd_t *s, unsigned block_ms)
{
    unsigned     p;
    chat_cmd_t  *c;
    chat_str_t  *keys;

    keys = chat_mem_alloc(s->mem, CHAT_PARTITIONS * sizeof(chat_str_t));
    c = chat_cmd_create(s->mem, 2 * CHAT_PARTITIONS + 6);

    if (keys == NULL || c == NULL) {
        statd_log("out of memory");
        return NULL;
    }

    chat_cmd_lit(c, "XREAD");
    chat_cmd_lit(c, "COUNT");
    chat_cmd_u64(c, s->conf.batch);

    if (block_ms) {
        chat_cmd_lit(c, "BLOCK");
        chat_cmd_u64(c, block_ms);
    }

    chat_cmd_lit(c, "STREAMS");

    for (p = 0; p < CHAT_PARTITIONS; p++) {
        if (s->parts[p].mine) {
            keys[p] = chat_key_log(s->mem, p);
            chat_cmd_str(c, &keys[p]);
        }
    }

    for (p = 0; p < CHAT_PARTITIONS; p++) {
        if (s->parts[p].mine) {
            chat_cmd_id(c, &s->parts[p].pos);
        }
    }

    return statd_call(s, c);
}


static int
statd_batch(statd_t *s, unsigned partition, const redisReply *entries)
{
    int        rc;
    size_t     i;
    chat_id_t  id;

    if (entries == NULL || entries->elements == 0) {
        return CHAT_OK;
    }

    chat_tally_reset(&s->tally);
    id = s->parts[partition].pos;

    for (i = 0; i < entries->elements; i++) {
        if (statd_entry(s, partition, entries->element[i], &id) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    rc = statd_watch(s, partition);
    if (rc != CHAT_OK) {
        return rc;
    }

    rc = statd_store(s, partition, &id, entries->elements);

    if (rc == CHAT_OK) {
        s->parts[partition].pos = id;
        s->folded += entries->elements;
    }

    if (rc == CHAT_DECLINED) {
        statd_log("partition %u was taken over", partition);
        s->parts[partition].mine = 0;
    }

    return rc;
}


/*
 * An entry that cannot be read counts nothing and is passed: it will not get
 * better.  CHAT_ERROR: out of memory, or not a stream's entry at all.
 */

static int
statd_entry(statd_t *s, unsigned partition, const redisReply *entry,
    chat_id_t *id)
{
    int           rc;
    chat_entry_t  e;

    rc = chat_log_entry(entry, &e);

    if (rc == CHAT_ERROR) {
        statd_log("partition %u: XREAD's answer is not understood",
                  partition);
        return CHAT_ERROR;
    }

    *id = e.id;

    if (rc == CHAT_DECLINED) {
        statd_log("partition %u: entry %llu-%llu is damaged and not counted",
                  partition, (unsigned long long) id->ms,
                  (unsigned long long) id->seq);
        return CHAT_OK;
    }

    if (chat_tally_add(&s->tally, &e) != CHAT_OK) {
        statd_log("out of memory");
        return CHAT_ERROR;
    }

    return CHAT_OK;
}


static int
statd_store(statd_t *s, unsigned partition, const chat_id_t *pos,
    uint64_t entries)
{
    size_t              i;
    chat_str_t          key;
    chat_cmd_t         *c;
    statd_tx_t          tx;
    chat_stat_delta_t  *d, *prev;

    chat_tally_merge(&s->tally);
    statd_multi(&tx, s, partition);

    memset(&key, 0, sizeof(chat_str_t));
    prev = NULL;

    for (i = 0; i < s->tally.n; i++) {
        d = &s->tally.elts[i];

        if (prev == NULL || !chat_tally_same(prev, d)) {
            key = chat_tally_key(s->mem, d);
        }

        if (prev == NULL || prev->account != d->account
            || prev->bucket != d->bucket)
        {
            statd_queue(&tx, statd_bucket(s, d));
        }

        statd_queue(&tx, statd_incr(s, &key, d));
        prev = d;
    }

    key = chat_key(s->mem, partition, "chat:%t:statd");

    c = chat_cmd_create(s->mem, 4);
    if (c != NULL) {
        chat_cmd_lit(c, "HSET");
        chat_cmd_str(c, &key);
        chat_cmd_lit(c, "pos");
        chat_cmd_id(c, pos);
    }

    statd_queue(&tx, c);

    c = chat_cmd_create(s->mem, 4);
    if (c != NULL) {
        chat_cmd_lit(c, "HINCRBY");
        chat_cmd_str(c, &key);
        chat_cmd_lit(c, "folded");
        chat_cmd_u64(c, entries);
    }

    statd_queue(&tx, c);

    return statd_exec(&tx);
}


static chat_cmd_t *
statd_incr(statd_t *s, const chat_str_t *key, const chat_stat_delta_t *d)
{
    chat_cmd_t     *c;
    chat_str_t      field;
    unsigned char  *p;

    c = chat_cmd_create(s->mem, 4);
    p = chat_mem_alloc(s->mem, CHAT_STATS_FIELD_MAX);

    if (c == NULL || p == NULL) {
        return NULL;
    }

    field.data = p;
    field.len = chat_stats_field_print(p, d->stat, d->index) - p;

    chat_cmd_lit(c, "HINCRBY");
    chat_cmd_str(c, key);
    chat_cmd_str(c, &field);
    chat_cmd_u64(c, d->delta);

    return c;
}


static chat_cmd_t *
statd_bucket(statd_t *s, const chat_stat_delta_t *d)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    c = chat_cmd_create(s->mem, 4);
    if (c == NULL) {
        return NULL;
    }

    key = chat_tally_buckets_key(s->mem, d->account);

    chat_cmd_lit(c, "ZADD");
    chat_cmd_str(c, &key);
    chat_cmd_u64(c, d->bucket);
    chat_cmd_u64(c, d->bucket);

    return c;
}


/*
 * A transaction goes out as one pipeline: MULTI, the commands, EXEC.  One
 * that could not be built or sent whole is thrown away with its connection.
 */

void
statd_multi(statd_tx_t *tx, statd_t *s, unsigned partition)
{
    chat_cmd_t  *c;

    memset(tx, 0, sizeof(statd_tx_t));
    tx->statd = s;
    tx->partition = partition;

    c = chat_cmd_create(s->mem, 1);
    if (c != NULL) {
        chat_cmd_lit(c, "MULTI");
    }

    statd_queue(tx, c);
}


void
statd_queue(statd_tx_t *tx, chat_cmd_t *c)
{
    if (tx->failed) {
        return;
    }

    if (c == NULL || chat_sync_send(tx->statd->redis, c) != CHAT_OK) {
        tx->failed = 1;
        return;
    }

    tx->queued++;
}


int
statd_exec(statd_tx_t *tx)
{
    int          rc;
    statd_t     *s;
    chat_cmd_t  *c;
    redisReply  *r;

    s = tx->statd;

    c = chat_cmd_create(s->mem, 1);
    if (c != NULL) {
        chat_cmd_lit(c, "EXEC");
    }

    statd_queue(tx, c);

    if (tx->failed) {
        statd_log("a transaction could not be sent");
        return CHAT_ERROR;
    }

    rc = CHAT_OK;

    while (tx->queued > 0) {
        r = chat_sync_recv(s->redis);
        if (r == NULL) {
            return CHAT_ERROR;
        }

        tx->queued--;

        if (r->type == REDIS_REPLY_ERROR) {
            if (rc != CHAT_ERROR) {
                statd_log("partition %u: Redis: %s", tx->partition, r->str);
            }

            rc = CHAT_ERROR;

        } else if (tx->queued == 0 && r->type == REDIS_REPLY_NIL) {
            rc = CHAT_DECLINED;

        } else if (tx->queued == 0) {
            statd_exec_look(tx, r);
        }

        freeReplyObject(r);
    }

    return rc;
}


/*
 * EXEC went through, but a command of it may have failed.  Redis takes nothing
 * back then: the other writes are done, the position has moved, and what was
 * refused (a figure's key that is no hash) stays uncounted.
 */

static void
statd_exec_look(statd_tx_t *tx, const redisReply *r)
{
    size_t  i;

    for (i = 0; i < r->elements; i++) {
        if (r->element[i]->type == REDIS_REPLY_ERROR) {
            statd_log("partition %u: not counted: Redis: %s", tx->partition,
                      r->element[i]->str);
            tx->statd->refused = 1;
            return;
        }
    }
}
