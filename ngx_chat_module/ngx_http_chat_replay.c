
/*
 * Acknowledged writes are kept for a while and sent again, in order, when the
 * server's history changed: it may have lost what it had confirmed (AOF
 * everysec, a fail-over).  The senders' numbers make survivors no-ops.
 *
 * Workers of a node take turns, by the ids that their writes had: a question
 * comes before its answer, and both before the end of the dialog.  Between
 * nodes a write may be refused for want of its predecessor: the refused ones
 * are tried again for 5 s.
 */

#include "ngx_http_chat_write_internal.h"
#include "ngx_http_chat_zone.h"


#define NGX_HTTP_CHAT_REPLAY_LOOK  20          /* ms, if nobody wakes us */

#define ngx_http_chat_replay_order(q)                                        \
    ((ngx_queue_data(q, ngx_http_chat_unit_t, queue))->order)


static void ngx_http_chat_replay_send(ngx_http_chat_writer_t *wr);
static ngx_uint_t ngx_http_chat_replay_turn(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
static ngx_uint_t ngx_http_chat_replay_ahead(ngx_http_chat_writer_t *wr,
    uint64_t order, ngx_msec_t patience);
static void ngx_http_chat_replay_tell(ngx_http_chat_writer_t *wr);
static void ngx_http_chat_replay_reply(void *data, ngx_int_t rc,
    redisReply *reply);
static ngx_uint_t ngx_http_chat_replay_taken(ngx_http_chat_unit_t *u,
    redisReply *reply);
static void ngx_http_chat_replay_count(ngx_http_chat_writer_t *wr,
    ngx_uint_t n);
static void ngx_http_chat_replay_round(ngx_http_chat_writer_t *wr);
static void ngx_http_chat_replay_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_chat_replay_give_up(ngx_http_chat_writer_t *wr);
static void ngx_http_chat_replay_forget(ngx_http_chat_writer_t *wr,
    ngx_queue_t *q);
static void ngx_http_chat_replay_merge(ngx_queue_t *to, ngx_queue_t *from);
static void ngx_http_chat_replay_drop(ngx_queue_t *units);


void
ngx_http_chat_replay_init(ngx_http_chat_writer_t *wr)
{
    ngx_queue_init(&wr->tail);
    ngx_queue_init(&wr->replay);
    ngx_queue_init(&wr->replaying);
    ngx_queue_init(&wr->refused);

    wr->replay_timer.handler = ngx_http_chat_replay_timer;
    wr->replay_timer.data = wr;
    wr->replay_timer.log = wr->w->log;
    wr->replay_timer.cancelable = 1;
}


void
ngx_http_chat_replay_exit(ngx_http_chat_writer_t *wr)
{
    if (wr->replay_timer.timer_set) {
        ngx_del_timer(&wr->replay_timer);
    }

    ngx_http_chat_replay_drop(&wr->tail);
    ngx_http_chat_replay_drop(&wr->replay);
    ngx_http_chat_replay_drop(&wr->replaying);
    ngx_http_chat_replay_drop(&wr->refused);
}


/*
 * What was sent again goes before younger writes that overtook it: Redis may
 * lose it once more.
 */

void
ngx_http_chat_replay_keep(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    ngx_queue_t  *q;

    u->since = ngx_current_msec;
    wr->tail_since = ngx_current_msec;

    q = ngx_queue_last(&wr->tail);

    while (u->again
           && q != ngx_queue_sentinel(&wr->tail)
           && ngx_http_chat_replay_order(q) > u->order)
    {
        q = ngx_queue_prev(q);
    }

    ngx_queue_insert_after(q, &u->queue);

    wr->tail_bytes += u->bytes.len;
    wr->tail_writes += u->n;

    while (wr->tail_bytes > NGX_HTTP_CHAT_TAIL_MAX) {
        u = ngx_queue_data(ngx_queue_head(&wr->tail), ngx_http_chat_unit_t,
                           queue);

        ngx_http_chat_count(wr->w, CHAT_METRIC_REPLAY_DROPPED, u->n);
        ngx_http_chat_replay_forget(wr, &u->queue);
    }
}


void
ngx_http_chat_replay_tick(ngx_http_chat_writer_t *wr)
{
    ngx_queue_t           *q;
    ngx_http_chat_unit_t  *u;

    if (!wr->w->up) {
        /* what it may have lost is as old as when it went */
        return;
    }

    while (!ngx_queue_empty(&wr->tail)) {
        q = ngx_queue_head(&wr->tail);
        u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

        if (ngx_current_msec - u->since < NGX_HTTP_CHAT_TAIL_AGE) {
            return;
        }

        ngx_http_chat_replay_forget(wr, q);
    }
}


/*
 * With appendfsync everysec a server that dies has lost what is younger than
 * about two seconds; one that is away has lost nobody knows what.
 */

ngx_uint_t
ngx_http_chat_replay_due(ngx_http_chat_writer_t *wr)
{
    if (!ngx_queue_empty(&wr->replay)
        || !ngx_queue_empty(&wr->replaying)
        || !ngx_queue_empty(&wr->refused))
    {
        return 1;
    }

    if (ngx_queue_empty(&wr->tail)) {
        return 0;
    }

    return !wr->w->up
           || ngx_current_msec - wr->tail_since < NGX_HTTP_CHAT_TAIL_SYNC;
}


static void
ngx_http_chat_replay_forget(ngx_http_chat_writer_t *wr, ngx_queue_t *q)
{
    ngx_http_chat_unit_t  *u;

    u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

    wr->tail_bytes -= u->bytes.len;
    wr->tail_writes -= u->n;

    ngx_queue_remove(q);
    ngx_http_chat_unit_free(u);
}


ngx_int_t
ngx_http_chat_replay_start(ngx_http_chat_writer_t *wr)
{
    if (wr->epoch && wr->epoch != wr->redis.epoch) {

        if (wr->tail_writes) {
            ngx_log_error(NGX_LOG_NOTICE, wr->w->log, 0,
                          "chat: redis \"%V\" restarted or failed over: "
                          "%ui acknowledged writes are sent again",
                          &wr->redis.conf->name, wr->tail_writes);
        }

        /* a second loss may come before all of the first is made good */
        ngx_http_chat_replay_merge(&wr->replay, &wr->tail);

        wr->tail_bytes = 0;
        wr->tail_writes = 0;
    }

    if (wr->epoch != wr->redis.epoch) {
        wr->settled = 0;
    }

    wr->epoch = wr->redis.epoch;
    wr->replay_since = ngx_current_msec;

    if (ngx_queue_empty(&wr->replay)) {
        ngx_http_chat_replay_tell(wr);
        return NGX_OK;
    }

    wr->round = 1;
    wr->replayed = 0;
    wr->replay_pause = 100;

    ngx_http_chat_replay_tell(wr);
    ngx_http_chat_replay_send(wr);

    return NGX_AGAIN;
}


/* Those refused go in order with those that were not sent yet. */

void
ngx_http_chat_replay_lost(ngx_http_chat_writer_t *wr)
{
    if (wr->replay_timer.timer_set) {
        ngx_del_timer(&wr->replay_timer);
    }

    wr->round = 0;

    if (wr->w->slot >= 0) {
        wr->w->zone->slots[wr->w->slot].replay_epoch = 0;
    }

    ngx_http_chat_replay_merge(&wr->replay, &wr->refused);
}


void
ngx_http_chat_replay_go(ngx_http_chat_worker_t *w)
{
    if (w->writer->round) {
        ngx_http_chat_replay_send(w->writer);
    }
}


static void
ngx_http_chat_replay_send(ngx_http_chat_writer_t *wr)
{
    ngx_queue_t           *q;
    ngx_http_chat_unit_t  *u;

    while (!ngx_queue_empty(&wr->replay)) {
        q = ngx_queue_head(&wr->replay);
        u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

        if (!ngx_http_chat_replay_turn(wr, u)
            || ngx_http_chat_redis_send(&wr->redis, &u->bytes,
                                        NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                        ngx_http_chat_replay_reply, u)
               != NGX_OK)
        {
            ngx_add_timer(&wr->replay_timer, NGX_HTTP_CHAT_REPLAY_LOOK);
            return;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&wr->replaying, q);
    }
}


/* Nobody has an earlier one left, or he has had the time to write it. */

static ngx_uint_t
ngx_http_chat_replay_turn(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    return !wr->round
           || !ngx_http_chat_replay_ahead(wr, u->order,
                                          NGX_HTTP_CHAT_REPLAY_WAIT);
}


/*
 * A state tells its client what he has to send again: so it is read when
 * nobody on this node may write that any more.
 */

ngx_uint_t
ngx_http_chat_replay_settled(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_writer_t  *wr;

    wr = w->writer;

    if (!wr->settled) {
        wr->settled = !ngx_http_chat_replay_ahead(wr,
                                             (ngx_atomic_uint_t) -1,
                                             NGX_HTTP_CHAT_REPLAY_AGE);
    }

    return wr->settled;
}


/*
 * Whether another worker may still write something from before `order`: for
 * `patience`, if he is at it.  One who did not come back to this server yet
 * may have such, too: he is waited for, but not for long.
 */

static ngx_uint_t
ngx_http_chat_replay_ahead(ngx_http_chat_writer_t *wr, uint64_t order,
    ngx_msec_t patience)
{
    ngx_int_t              i;
    ngx_msec_t             late;
    ngx_uint_t             back;
    ngx_http_chat_slot_t  *slot;

    late = ngx_current_msec - wr->replay_since;

    for (i = 0; i < NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &wr->w->zone->slots[i];
        back = (slot->replay_epoch == wr->epoch);

        if (i == wr->w->slot
            || slot->pid == 0
            || (back && slot->replay_next >= order)
            || late > (back ? patience : NGX_HTTP_CHAT_REPLAY_WAIT)
            || !ngx_http_chat_zone_alive(slot->pid))
        {
            continue;
        }

        return 1;
    }

    return 0;
}


/* Where we are; those who wait for us are woken. */

static void
ngx_http_chat_replay_tell(ngx_http_chat_writer_t *wr)
{
    ngx_queue_t           *first;
    ngx_http_chat_slot_t  *slot;
    ngx_http_chat_unit_t  *u;

    if (wr->w->slot < 0) {
        return;
    }

    slot = &wr->w->zone->slots[wr->w->slot];
    first = ngx_queue_empty(&wr->replaying) ? &wr->replay : &wr->replaying;

    if (wr->round && !ngx_queue_empty(first)) {
        u = ngx_queue_data(ngx_queue_head(first), ngx_http_chat_unit_t,
                           queue);
        slot->replay_next = u->order;

    } else {
        slot->replay_next = (ngx_atomic_uint_t) -1;
    }

    ngx_memory_barrier();
    slot->replay_epoch = wr->epoch;

    ngx_http_chat_zone_wake(wr->w);
}


static void
ngx_http_chat_replay_reply(void *data, ngx_int_t rc, redisReply *reply)
{
    ngx_http_chat_unit_t    *u;
    ngx_http_chat_writer_t  *wr;

    u = data;
    wr = u->writer;

    ngx_queue_remove(&u->queue);

    if (rc != NGX_OK) {
        ngx_queue_insert_tail(&wr->refused, &u->queue);
        return;
    }

    switch (chat_reply_error(reply)) {

    case CHAT_REDIS_FULL:
    case CHAT_REDIS_AUTH:
        /* it takes nothing at all: that says nothing of this write */
        wr->replay_since = ngx_current_msec;
        break;

    default:
        break;
    }

    if (ngx_http_chat_replay_taken(u, reply)) {
        ngx_http_chat_replay_keep(wr, u);

    } else {
        ngx_queue_insert_tail(&wr->refused, &u->queue);
    }

    ngx_http_chat_reply_free(reply);

    if (wr->round) {
        ngx_http_chat_replay_tell(wr);
    }

    ngx_http_chat_replay_send(wr);

    if (ngx_queue_empty(&wr->replaying) && ngx_queue_empty(&wr->replay)) {
        ngx_http_chat_replay_round(wr);
    }
}


/* Is all of it in the log now? */

static ngx_uint_t
ngx_http_chat_replay_taken(ngx_http_chat_unit_t *u, redisReply *reply)
{
    ngx_uint_t             i, n;
    chat_append_t         *items[CHAT_APPEND_BATCH];
    chat_commit_result_t   res;

    if (!u->append) {

        if (chat_commit_parse(reply, &res) != CHAT_OK) {
            return 0;
        }

        if (res.outcome == CHAT_WRITE_OK) {
            ngx_http_chat_replay_count(u->writer, 1);
            return 1;
        }

        return res.outcome == CHAT_WRITE_ALREADY;
    }

    if (ngx_http_chat_unit_parse(u, reply, items) != CHAT_OK) {
        u->taken = 0;
        return 0;
    }

    n = 0;

    for (i = 0; i < u->n; i++) {
        n += (items[i]->outcome == CHAT_WRITE_OK);
    }

    ngx_http_chat_replay_count(u->writer, n);

    return ngx_http_chat_unit_taken(u, items) == u->n;
}


/* At once: the round may never come to its end. */

static void
ngx_http_chat_replay_count(ngx_http_chat_writer_t *wr, ngx_uint_t n)
{
    wr->replayed += n;
    ngx_http_chat_count(wr->w, CHAT_METRIC_REPLAYED, n);
}


static void
ngx_http_chat_replay_round(ngx_http_chat_writer_t *wr)
{
    ngx_uint_t  n;

    if (wr->round) {
        wr->round = 0;
        ngx_http_chat_write_up(wr);
    }

    if (!ngx_queue_empty(&wr->refused)) {

        if (ngx_current_msec - wr->replay_since < NGX_HTTP_CHAT_REPLAY_AGE) {
            ngx_add_timer(&wr->replay_timer, wr->replay_pause);
            wr->replay_pause = ngx_min(2 * wr->replay_pause,
                                       NGX_HTTP_CHAT_REPLAY_PAUSE_MAX);
            return;
        }

        n = ngx_http_chat_replay_give_up(wr);

        ngx_log_error(NGX_LOG_WARN, wr->w->log, 0,
                      "chat: %ui acknowledged writes do not fit what the "
                      "store has now; their senders will be told", n);
    }

    if (wr->replayed) {
        ngx_log_error(NGX_LOG_NOTICE, wr->w->log, 0,
                      "chat: %ui acknowledged writes restored",
                      wr->replayed);
    }
}


static void
ngx_http_chat_replay_timer(ngx_event_t *ev)
{
    ngx_http_chat_writer_t  *wr;

    wr = ev->data;

    if (ngx_queue_empty(&wr->replay)) {
        ngx_http_chat_replay_merge(&wr->replay, &wr->refused);
    }

    ngx_http_chat_replay_send(wr);
}


/* How many writes of the refused are lost; what is in the log is kept. */

static ngx_uint_t
ngx_http_chat_replay_give_up(ngx_http_chat_writer_t *wr)
{
    ngx_uint_t             n;
    ngx_queue_t           *q;
    ngx_http_chat_unit_t  *u;

    n = 0;

    while (!ngx_queue_empty(&wr->refused)) {
        q = ngx_queue_head(&wr->refused);
        u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

        ngx_queue_remove(q);
        n += u->n;

        if (u->taken && ngx_http_chat_unit_cut(u) == NGX_OK) {
            n -= u->n;
            ngx_http_chat_replay_keep(wr, u);

        } else {
            ngx_http_chat_unit_free(u);
        }
    }

    return n;
}


/* Two queues in order become one. */

static void
ngx_http_chat_replay_merge(ngx_queue_t *to, ngx_queue_t *from)
{
    ngx_queue_t           *at, *q;
    ngx_http_chat_unit_t  *u;

    at = ngx_queue_head(to);

    while (!ngx_queue_empty(from)) {
        q = ngx_queue_head(from);
        u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

        ngx_queue_remove(q);
        u->again = 1;

        while (at != ngx_queue_sentinel(to)
               && ngx_http_chat_replay_order(at) <= u->order)
        {
            at = ngx_queue_next(at);
        }

        /* before it */
        ngx_queue_insert_tail(at, q);
    }
}


static void
ngx_http_chat_replay_drop(ngx_queue_t *units)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(units)) {
        q = ngx_queue_head(units);
        ngx_queue_remove(q);
        ngx_http_chat_unit_free(ngx_queue_data(q, ngx_http_chat_unit_t,
                                               queue));
    }
}
