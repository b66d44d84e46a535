
/*
 * The host of operations: what a worker asks of Redis and whom it answers.
 */

#include "ngx_http_chat_write.h"
#include "ngx_http_chat_http.h"
#include "ngx_http_chat_zone.h"
#include <sodium.h>


typedef struct {
    ngx_queue_t               queue;
    chat_op_t                *op;
} ngx_http_chat_woken_t;

typedef struct {
    ngx_event_t               event;
    chat_call_t              *call;
} ngx_http_chat_sleep_t;


static int ngx_http_chat_host_send(chat_host_t *host, chat_call_t *call);
static void ngx_http_chat_host_wake(chat_host_t *host, chat_op_t *op);
static void ngx_http_chat_host_done(chat_host_t *host, chat_op_t *op);
static void ngx_http_chat_host_forget(chat_host_t *host, chat_op_t *op);
static void ngx_http_chat_host_release(chat_host_t *host, chat_call_e kind,
    void *reply);
static uint64_t ngx_http_chat_host_now(chat_host_t *host);
static void ngx_http_chat_host_random(chat_host_t *host, void *p, size_t n);

static int ngx_http_chat_write_sleep(ngx_http_chat_writer_t *wr,
    chat_call_t *call);
static void ngx_http_chat_write_slept(ngx_event_t *ev);
static int ngx_http_chat_write_collect(ngx_http_chat_writer_t *wr,
    chat_call_t *call);
static int ngx_http_chat_write_command(ngx_http_chat_writer_t *wr,
    chat_call_t *call);
static ngx_http_chat_unit_t *ngx_http_chat_unit_create(
    ngx_http_chat_writer_t *wr, ngx_uint_t n);
static void ngx_http_chat_unit_forget(ngx_http_chat_unit_t *u,
    chat_call_t *call);
static void ngx_http_chat_unit_answer(ngx_http_chat_unit_t *u, int rc);
static void ngx_http_chat_write_flush(ngx_event_t *ev);
static void ngx_http_chat_write_format(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
static void ngx_http_chat_write_submit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
static ngx_int_t ngx_http_chat_write_transmit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
static void ngx_http_chat_write_push(ngx_http_chat_writer_t *wr);
static void ngx_http_chat_write_reply(void *data, ngx_int_t rc,
    redisReply *reply);
static ngx_uint_t ngx_http_chat_write_appended(ngx_http_chat_unit_t *u,
    redisReply *reply);
static ngx_uint_t ngx_http_chat_write_answered(ngx_http_chat_unit_t *u,
    redisReply *reply);
static void ngx_http_chat_write_leave(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
static void ngx_http_chat_write_ready(ngx_http_chat_redis_t *r);
static void ngx_http_chat_write_lost(ngx_http_chat_redis_t *r);
static void ngx_http_chat_write_run(ngx_event_t *ev);


#define ngx_http_chat_host_worker(h)                                         \
    ((ngx_http_chat_worker_t *)                                              \
        ((u_char *) (h) - offsetof(ngx_http_chat_worker_t, host)))


ngx_int_t
ngx_http_chat_write_init(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_writer_t  *wr;

    wr = ngx_pcalloc(w->pool, sizeof(ngx_http_chat_writer_t));
    if (wr == NULL) {
        return NGX_ERROR;
    }

    wr->w = w;

    wr->heap = chat_heap_create(0);
    if (wr->heap == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&wr->waiting);
    ngx_queue_init(&wr->sent);
    ngx_queue_init(&wr->again);
    ngx_queue_init(&wr->woken);
    ngx_queue_init(&wr->nodes);

    wr->flush.handler = ngx_http_chat_write_flush;
    wr->flush.data = wr;
    wr->flush.log = w->log;

    wr->run.handler = ngx_http_chat_write_run;
    wr->run.data = wr;
    wr->run.log = w->log;

    ngx_http_chat_replay_init(wr);

    w->writer = wr;

    w->host.send = ngx_http_chat_host_send;
    w->host.wake = ngx_http_chat_host_wake;
    w->host.done = ngx_http_chat_host_done;
    w->host.forget = ngx_http_chat_host_forget;
    w->host.release = ngx_http_chat_host_release;
    w->host.now_ms = ngx_http_chat_host_now;
    w->host.random = ngx_http_chat_host_random;

    /* the outbox and the tail at once, at the worst */

    ngx_http_chat_redis_init(&wr->redis, w, "commands",
                             w->mcf->outbox + 2 * NGX_HTTP_CHAT_TAIL_MAX);

    wr->redis.ready = ngx_http_chat_write_ready;
    wr->redis.lost = ngx_http_chat_write_lost;
    wr->redis.data = wr;

    wr->down = ngx_current_msec;

    ngx_http_chat_redis_open(&wr->redis);

    return NGX_OK;
}


/* The process ends: nobody waits for answers any more. */

void
ngx_http_chat_write_exit(ngx_http_chat_worker_t *w)
{
    ngx_uint_t               i;
    ngx_queue_t             *q;
    ngx_http_chat_writer_t  *wr;

    wr = w->writer;

    w->up = 0;
    ngx_http_chat_redis_close(&wr->redis);

    if (!ngx_queue_empty(&wr->again)) {
        ngx_queue_add(&wr->waiting, &wr->again);
    }

    while (!ngx_queue_empty(&wr->waiting)) {
        q = ngx_queue_head(&wr->waiting);
        ngx_queue_remove(q);
        ngx_http_chat_unit_free(ngx_queue_data(q, ngx_http_chat_unit_t,
                                               queue));
    }

    for (i = 0; i < CHAT_PARTITIONS; i++) {
        if (wr->collected[i]) {
            ngx_http_chat_unit_free(wr->collected[i]);
        }
    }

    while (!ngx_queue_empty(&wr->nodes)) {
        q = ngx_queue_head(&wr->nodes);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_chat_woken_t, queue));
    }

    ngx_http_chat_replay_exit(wr);
    chat_heap_destroy(wr->heap);
}


void
ngx_http_chat_write_tick(ngx_http_chat_worker_t *w)
{
    ngx_queue_t             *q, *next;
    ngx_http_chat_unit_t    *u;
    ngx_http_chat_writer_t  *wr;

    wr = w->writer;

    for (q = ngx_queue_head(&wr->waiting);
         q != ngx_queue_sentinel(&wr->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

        if (ngx_current_msec - u->since < NGX_HTTP_CHAT_WRITE_AGE) {
            continue;
        }

        ngx_queue_remove(q);
        ngx_http_chat_write_leave(wr, u);
        ngx_http_chat_unit_answer(u, u->tried ? CHAT_ERROR : CHAT_BUSY);
    }

    ngx_http_chat_replay_tick(wr);

    ngx_http_chat_gauge(w, CHAT_METRIC_OUTBOX, wr->units);
    ngx_http_chat_gauge(w, CHAT_METRIC_REPLAY_TAIL, wr->tail_writes);
}


ngx_uint_t
ngx_http_chat_write_busy(ngx_http_chat_worker_t *w)
{
    return w->writer->units != 0 || !ngx_queue_empty(&w->writer->replaying);
}


void
ngx_http_chat_write_casual(ngx_http_chat_worker_t *w, const chat_cmd_t *cmd)
{
    ngx_http_chat_redis_t  *r;

    r = &w->writer->redis;

    if (r->out_last - r->out_pos > w->mcf->outbox / 4) {
        return;
    }

    (void) ngx_http_chat_redis_call(r, cmd, NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                    ngx_http_chat_redis_ignore, r);
}


void
ngx_http_chat_write_ping(ngx_http_chat_worker_t *w)
{
    chat_cmd_t  *cmd;

    cmd = chat_cmd_create(ngx_http_chat_write_mem(w), 1);

    if (cmd) {
        chat_cmd_lit(cmd, "PING");
        ngx_http_chat_write_casual(w, cmd);
    }
}


chat_mem_t *
ngx_http_chat_write_mem(ngx_http_chat_worker_t *w)
{
    chat_heap_reset(w->writer->heap);

    return chat_heap_mem(w->writer->heap);
}


/* The host ---------------------------------------------------------------- */

static int
ngx_http_chat_host_send(chat_host_t *host, chat_call_t *call)
{
    ngx_http_chat_worker_t  *w;
    ngx_http_chat_writer_t  *wr;

    w = ngx_http_chat_host_worker(host);
    wr = w->writer;

    call->host = NULL;

    if (call->kind == CHAT_CALL_SLEEP) {
        return ngx_http_chat_write_sleep(wr, call);
    }

    if (call->kind == CHAT_CALL_PWHASH) {
        return ngx_http_chat_pwhash_send(w, call);
    }

    /* a long outage is answered at once: no need to wait for the same */

    if (wr->bytes >= w->mcf->outbox
        || (!w->up
            && ngx_current_msec - wr->down > NGX_HTTP_CHAT_WRITE_AGE))
    {
        ngx_http_chat_count(w, CHAT_METRIC_OUTBOX_FULL, 1);
        return CHAT_BUSY;
    }

    if (call->kind == CHAT_CALL_APPEND) {
        return ngx_http_chat_write_collect(wr, call);
    }

    return ngx_http_chat_write_command(wr, call);
}


static void
ngx_http_chat_host_wake(chat_host_t *host, chat_op_t *op)
{
    ngx_queue_t             *q;
    ngx_http_chat_woken_t   *woken;
    ngx_http_chat_worker_t  *w;
    ngx_http_chat_writer_t  *wr;

    w = ngx_http_chat_host_worker(host);
    wr = w->writer;

    if (op->woken) {
        return;
    }

    if (ngx_queue_empty(&wr->nodes)) {
        woken = ngx_alloc(sizeof(ngx_http_chat_woken_t), w->log);

        if (woken == NULL) {

            /* its owner's time-out ends it */

            return;
        }

    } else {
        q = ngx_queue_head(&wr->nodes);
        ngx_queue_remove(q);
        woken = ngx_queue_data(q, ngx_http_chat_woken_t, queue);
    }

    woken->op = op;
    op->woken = woken;

    ngx_queue_insert_tail(&wr->woken, &woken->queue);
    ngx_post_event(&wr->run, &ngx_posted_events);
}


static void
ngx_http_chat_write_run(ngx_event_t *ev)
{
    chat_op_t               *op;
    ngx_queue_t             *q;
    ngx_http_chat_woken_t   *woken;
    ngx_http_chat_writer_t  *wr;

    wr = ev->data;

    while (!ngx_queue_empty(&wr->woken)) {
        q = ngx_queue_head(&wr->woken);
        ngx_queue_remove(q);
        ngx_queue_insert_head(&wr->nodes, q);

        woken = ngx_queue_data(q, ngx_http_chat_woken_t, queue);
        op = woken->op;
        op->woken = NULL;

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                       "chat: op %s: %s", op->name,
                       op->next->name ? op->next->name : "end");

        chat_op_run(op);
    }
}


static void
ngx_http_chat_host_done(chat_host_t *host, chat_op_t *op)
{
    ngx_http_chat_owner_t  *owner;

    owner = op->owner;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, ngx_http_chat_host_worker(host)->log,
                   0, "chat: op %s: rc:%d error:%d", op->name, op->rc,
                   op->error);

    owner->done(owner, op);
}


static void
ngx_http_chat_host_forget(chat_host_t *host, chat_op_t *op)
{
    ngx_uint_t               i, checks;
    chat_call_t             *call;
    ngx_http_chat_sleep_t   *sleep;
    ngx_http_chat_woken_t   *woken;
    ngx_http_chat_worker_t  *w;

    w = ngx_http_chat_host_worker(host);

    if (op->woken) {
        woken = op->woken;
        op->woken = NULL;

        ngx_queue_remove(&woken->queue);
        ngx_queue_insert_head(&w->writer->nodes, &woken->queue);
    }

    checks = 0;

    for (i = 0; i < op->n_calls; i++) {
        call = &op->calls[i];

        if (call->kind == CHAT_CALL_PWHASH) {
            checks = 1;
            continue;
        }

        if (call->host == NULL) {
            continue;
        }

        if (call->kind == CHAT_CALL_SLEEP) {
            sleep = call->host;
            ngx_del_timer(&sleep->event);
            ngx_free(sleep);

        } else {
            ngx_http_chat_unit_forget(call->host, call);
        }

        call->host = NULL;
    }

    if (checks) {
        ngx_http_chat_pwhash_forget(w, op);
    }
}


static void
ngx_http_chat_host_release(chat_host_t *host, chat_call_e kind, void *reply)
{
    freeReplyObject(reply);
}


static uint64_t
ngx_http_chat_host_now(chat_host_t *host)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}


static void
ngx_http_chat_host_random(chat_host_t *host, void *p, size_t n)
{
    randombytes_buf(p, n);
}


/* Calls ------------------------------------------------------------------- */

static int
ngx_http_chat_write_sleep(ngx_http_chat_writer_t *wr, chat_call_t *call)
{
    ngx_http_chat_sleep_t  *sleep;

    sleep = ngx_calloc(sizeof(ngx_http_chat_sleep_t), wr->w->log);
    if (sleep == NULL) {
        return CHAT_ERROR;
    }

    sleep->call = call;
    sleep->event.handler = ngx_http_chat_write_slept;
    sleep->event.data = sleep;
    sleep->event.log = wr->w->log;
    sleep->event.cancelable = 1;

    call->host = sleep;

    ngx_add_timer(&sleep->event, (ngx_msec_t) *(uint64_t *) call->req);

    return CHAT_OK;
}


static void
ngx_http_chat_write_slept(ngx_event_t *ev)
{
    chat_call_t            *call;
    ngx_http_chat_sleep_t  *sleep;

    sleep = ev->data;
    call = sleep->call;

    ngx_free(sleep);
    call->host = NULL;

    chat_op_reply(call->op, call->generation, call->slot, CHAT_OK, NULL);
}


/* Appends of one loop turn go out together. */

static int
ngx_http_chat_write_collect(ngx_http_chat_writer_t *wr, chat_call_t *call)
{
    ngx_http_chat_unit_t  **slot, *u;

    if (call->partition < 0 || call->partition >= CHAT_PARTITIONS) {
        return CHAT_ERROR;
    }

    slot = &wr->collected[call->partition];

    if (*slot && (*slot)->n == CHAT_APPEND_BATCH) {
        u = *slot;
        *slot = NULL;
        ngx_http_chat_write_format(wr, u);
    }

    if (*slot == NULL) {
        u = ngx_http_chat_unit_create(wr, CHAT_APPEND_BATCH);
        if (u == NULL) {
            return CHAT_ERROR;
        }

        u->append = 1;
        u->numbered = 1;

        *slot = u;
        ngx_post_event(&wr->flush, &ngx_posted_events);
    }

    u = *slot;
    u->calls[u->n++] = call;
    call->host = u;

    return CHAT_OK;
}


static int
ngx_http_chat_write_command(ngx_http_chat_writer_t *wr, chat_call_t *call)
{
    chat_cmd_t            *cmd;
    ngx_http_chat_unit_t  *u;

    u = ngx_http_chat_unit_create(wr, 1);
    if (u == NULL) {
        return CHAT_ERROR;
    }

    cmd = call->req;

    if (cmd == NULL || chat_cmd_format(cmd, &u->bytes) != CHAT_OK) {
        ngx_http_chat_unit_free(u);
        return CHAT_ERROR;
    }

    u->numbered = cmd->numbered ? 1 : 0;
    u->calls[u->n++] = call;
    call->host = u;

    ngx_http_chat_write_submit(wr, u);

    return CHAT_OK;
}


/* Units ------------------------------------------------------------------- */

static ngx_http_chat_unit_t *
ngx_http_chat_unit_create(ngx_http_chat_writer_t *wr, ngx_uint_t n)
{
    ngx_http_chat_unit_t  *u;

    u = ngx_calloc(sizeof(ngx_http_chat_unit_t)
                   + (n - 1) * sizeof(chat_call_t *),
                   wr->w->log);
    if (u == NULL) {
        return NULL;
    }

    u->writer = wr;
    u->since = ngx_current_msec;

    return u;
}


void
ngx_http_chat_unit_free(ngx_http_chat_unit_t *u)
{
    if (u->bytes.data) {
        chat_cmd_free(&u->bytes);
    }

    ngx_free(u);
}


/* Writes go their way even if nobody waits any more; reads do not. */

static void
ngx_http_chat_unit_forget(ngx_http_chat_unit_t *u, chat_call_t *call)
{
    ngx_uint_t  i;

    for (i = 0; i < u->n; i++) {
        if (u->calls[i] == call) {
            u->calls[i] = NULL;
        }
    }

    if (!u->numbered && !u->tried) {
        ngx_queue_remove(&u->queue);
        ngx_http_chat_write_leave(u->writer, u);
        ngx_http_chat_unit_free(u);
    }
}


/* The same to all who still wait; the unit is freed. */

static void
ngx_http_chat_unit_answer(ngx_http_chat_unit_t *u, int rc)
{
    ngx_uint_t    i;
    chat_call_t  *call;

    for (i = 0; i < u->n; i++) {
        call = u->calls[i];

        if (call) {
            call->host = NULL;
            chat_op_reply(call->op, call->generation, call->slot, rc, NULL);
        }
    }

    ngx_http_chat_unit_free(u);
}


ngx_int_t
ngx_http_chat_unit_parse(ngx_http_chat_unit_t *u, redisReply *reply,
    chat_append_t **items)
{
    ngx_uint_t               i;
    ngx_http_chat_writer_t  *wr;

    wr = u->writer;

    for (i = 0; i < u->n; i++) {
        items[i] = u->calls[i] ? u->calls[i]->req : &wr->scratch[i];
    }

    return chat_append_parse(reply, items, u->n);
}


/* Out --------------------------------------------------------------------- */

static void
ngx_http_chat_write_flush(ngx_event_t *ev)
{
    ngx_uint_t               i;
    ngx_http_chat_unit_t    *u;
    ngx_http_chat_writer_t  *wr;

    wr = ev->data;

    for (i = 0; i < CHAT_PARTITIONS; i++) {
        u = wr->collected[i];

        if (u) {
            wr->collected[i] = NULL;
            ngx_http_chat_write_format(wr, u);
        }
    }
}


/* From here on the unit does not need the memory of its ops. */

static void
ngx_http_chat_write_format(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    ngx_uint_t      i, n;
    chat_cmd_t     *cmd;
    chat_append_t  *items[CHAT_APPEND_BATCH];

    n = 0;

    for (i = 0; i < u->n; i++) {
        if (u->calls[i]) {
            items[n] = u->calls[i]->req;
            u->calls[n++] = u->calls[i];
        }
    }

    u->n = n;

    if (n == 0) {
        ngx_http_chat_unit_free(u);
        return;
    }

    cmd = chat_append_cmd(ngx_http_chat_write_mem(wr->w), items, n);

    if (cmd == NULL || chat_cmd_format(cmd, &u->bytes) != CHAT_OK) {
        ngx_log_error(NGX_LOG_ERR, wr->w->log, 0,
                      "chat: cannot format %ui appends", n);
        ngx_http_chat_unit_answer(u, CHAT_ERROR);
        return;
    }

    ngx_http_chat_write_submit(wr, u);
}


static void
ngx_http_chat_write_submit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    wr->bytes += u->bytes.len;
    wr->units++;

    ngx_queue_insert_tail(&wr->waiting, &u->queue);
    ngx_http_chat_write_push(wr);
}


/* In order; what cannot go now stays. */

static void
ngx_http_chat_write_push(ngx_http_chat_writer_t *wr)
{
    ngx_queue_t           *q;
    ngx_http_chat_unit_t  *u;

    if (!wr->w->up) {
        return;
    }

    while (!ngx_queue_empty(&wr->waiting)) {
        q = ngx_queue_head(&wr->waiting);
        u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

        if (ngx_http_chat_write_transmit(wr, u) != NGX_OK) {
            return;
        }
    }
}


static ngx_int_t
ngx_http_chat_write_transmit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    if (ngx_http_chat_redis_send(&wr->redis, &u->bytes,
                                 NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                 ngx_http_chat_write_reply, u)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    u->tried = 1;

    ngx_queue_remove(&u->queue);
    ngx_queue_insert_tail(&wr->sent, &u->queue);

    return NGX_OK;
}


/* In ---------------------------------------------------------------------- */

static void
ngx_http_chat_write_reply(void *data, ngx_int_t rc, redisReply *reply)
{
    ngx_uint_t               acked;
    ngx_http_chat_unit_t    *u;
    ngx_http_chat_writer_t  *wr;

    u = data;
    wr = u->writer;

    ngx_queue_remove(&u->queue);

    if (rc != NGX_OK) {

        if (u->numbered) {
            ngx_queue_insert_tail(&wr->again, &u->queue);
            return;
        }

        ngx_http_chat_write_leave(wr, u);
        ngx_http_chat_unit_answer(u, CHAT_ERROR);
        return;
    }

    ngx_http_chat_write_leave(wr, u);

    acked = u->append ? ngx_http_chat_write_appended(u, reply)
                      : ngx_http_chat_write_answered(u, reply);

    if (acked) {
        ngx_http_chat_replay_keep(wr, u);

    } else {
        ngx_http_chat_unit_free(u);
    }

    ngx_http_chat_write_push(wr);
}


/* Whether at least one item is in the log. */

static ngx_uint_t
ngx_http_chat_write_appended(ngx_http_chat_unit_t *u, redisReply *reply)
{
    int             rc;
    ngx_uint_t      i, acked;
    chat_call_t    *call;
    chat_append_t  *items[CHAT_APPEND_BATCH];

    rc = ngx_http_chat_unit_parse(u, reply, items);

    if (rc != CHAT_OK) {
        ngx_log_error(NGX_LOG_ERR, u->writer->w->log, 0,
                      "chat: unexpected answer to %ui appends", u->n);
    }

    acked = 0;

    for (i = 0; i < u->n; i++) {
        call = u->calls[i];

        if (items[i]->outcome == CHAT_WRITE_OK
            || items[i]->outcome == CHAT_WRITE_ALREADY)
        {
            acked = 1;
            u->order = ngx_http_chat_order(&items[i]->id);
        }

        if (call) {
            u->calls[i] = NULL;
            call->host = NULL;
            chat_op_reply(call->op, call->generation, call->slot, rc, NULL);
        }
    }

    freeReplyObject(reply);

    return acked;
}


static ngx_uint_t
ngx_http_chat_write_answered(ngx_http_chat_unit_t *u, redisReply *reply)
{
    ngx_uint_t             acked;
    chat_call_t           *call;
    chat_commit_result_t   res;

    acked = u->numbered
            && chat_commit_parse(reply, &res) == CHAT_OK
            && (res.outcome == CHAT_WRITE_OK
                || res.outcome == CHAT_WRITE_ALREADY);

    if (acked) {
        u->order = ngx_http_chat_order(&res.id);
    }

    call = u->calls[0];

    if (call == NULL) {
        freeReplyObject(reply);
        return acked;
    }

    u->calls[0] = NULL;
    call->host = NULL;

    chat_op_reply(call->op, call->generation, call->slot, CHAT_OK, reply);

    return acked;
}


static void
ngx_http_chat_write_leave(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    wr->bytes -= u->bytes.len;
    wr->units--;
}


/* The connection ---------------------------------------------------------- */

static void
ngx_http_chat_write_ready(ngx_http_chat_redis_t *r)
{
    ngx_http_chat_writer_t  *wr;

    wr = r->data;

    if (ngx_http_chat_replay_start(wr) == NGX_OK) {
        ngx_http_chat_write_up(wr);
    }
}


void
ngx_http_chat_write_up(ngx_http_chat_writer_t *wr)
{
    wr->w->up = 1;

    ngx_http_chat_write_push(wr);
    ngx_http_chat_sessions_link(wr->w, 1);
}


/* What was sent and may be sent again goes before what waits. */

static void
ngx_http_chat_write_lost(ngx_http_chat_redis_t *r)
{
    ngx_uint_t               was_up;
    ngx_http_chat_writer_t  *wr;

    wr = r->data;

    if (!ngx_queue_empty(&wr->again)) {

        if (!ngx_queue_empty(&wr->waiting)) {
            ngx_queue_add(&wr->again, &wr->waiting);
            ngx_queue_init(&wr->waiting);
        }

        ngx_queue_add(&wr->waiting, &wr->again);
        ngx_queue_init(&wr->again);
    }

    ngx_http_chat_replay_lost(wr);

    was_up = wr->w->up;

    wr->w->up = 0;

    if (was_up) {
        wr->down = ngx_current_msec;
        ngx_http_chat_sessions_link(wr->w, 0);
    }
}
