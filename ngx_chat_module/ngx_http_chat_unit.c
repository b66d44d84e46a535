
/*
 * Units: one command on its way to Redis each, with the calls of all who
 * wait for its answer.
 */

#include "ngx_http_chat_write_internal.h"
#include "ngx_http_chat_zone.h"


static void ngx_http_chat_calls_answer(chat_call_t **calls, ngx_uint_t n,
    int rc);
static ngx_int_t ngx_http_chat_write_transmit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
static void ngx_http_chat_write_reply(void *data, ngx_int_t rc,
    redisReply *reply);
static void ngx_http_chat_write_taken(ngx_http_chat_unit_t *u,
    redisReply *reply);
static ngx_uint_t ngx_http_chat_write_appended(ngx_http_chat_unit_t *u,
    redisReply *reply);
static ngx_uint_t ngx_http_chat_write_answered(ngx_http_chat_unit_t *u,
    redisReply *reply);


ngx_http_chat_unit_t *
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

void
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

void
ngx_http_chat_unit_answer(ngx_http_chat_unit_t *u, int rc)
{
    ngx_http_chat_calls_answer(u->calls, u->n, rc);
    ngx_http_chat_unit_free(u);
}


static void
ngx_http_chat_calls_answer(chat_call_t **calls, ngx_uint_t n, int rc)
{
    ngx_uint_t    i;
    chat_call_t  *call;

    for (i = 0; i < n; i++) {
        call = calls[i];

        if (call) {
            call->host = NULL;
            chat_op_reply(call->op, call->generation, call->slot, rc, NULL);
        }
    }
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


ngx_uint_t
ngx_http_chat_unit_taken(ngx_http_chat_unit_t *u, chat_append_t **items)
{
    ngx_uint_t  i, n;

    u->taken = 0;
    n = 0;

    for (i = 0; i < u->n; i++) {

        if (items[i]->outcome == CHAT_WRITE_OK
            || items[i]->outcome == CHAT_WRITE_ALREADY)
        {
            u->taken |= (uint64_t) 1 << i;
            n++;
        }
    }

    return n;
}


ngx_int_t
ngx_http_chat_unit_cut(ngx_http_chat_unit_t *u)
{
    ngx_uint_t   n;
    chat_cmd_t  *cmd;
    chat_str_t   bytes;

    n = __builtin_popcountll(u->taken);

    if (!u->append || n == u->n) {
        return NGX_OK;
    }

    cmd = chat_append_some(ngx_http_chat_write_mem(u->writer->w), &u->bytes,
                           u->n, u->taken);

    if (cmd == NULL || chat_cmd_format(cmd, &bytes) != CHAT_OK) {
        return NGX_ERROR;
    }

    chat_cmd_free(&u->bytes);

    u->bytes = bytes;
    u->n = n;

    return NGX_OK;
}


/* Out --------------------------------------------------------------------- */

/*
 * What is collected goes out when the batch before is answered, with the rest
 * of what is read in this turn, or after a moment if there is much.
 */

void
ngx_http_chat_write_schedule(ngx_http_chat_writer_t *wr)
{
    ngx_msec_t  gather;

    if (wr->collected->n == 0 || wr->appending) {
        return;
    }

    if (wr->collected->n < CHAT_APPEND_BATCH) {

        if (wr->flush.timer_set) {
            return;
        }

        gather = ngx_http_chat_pace(&wr->w->pace, NGX_HTTP_CHAT_PACE_APPEND);

        if (gather) {
            ngx_add_timer(&wr->flush, gather);
            return;
        }
    }

    ngx_post_event(&wr->flush, &ngx_posted_events);
}


void
ngx_http_chat_write_flush(ngx_event_t *ev)
{
    ngx_http_chat_writer_t  *wr;

    wr = ev->data;

    if (wr->collected->n && wr->appending == 0) {
        ngx_http_chat_write_append(wr);
    }
}


/* From here on the memory of the ops is not needed. */

void
ngx_http_chat_write_append(ngx_http_chat_writer_t *wr)
{
    ngx_uint_t             i, n;
    chat_cmd_t            *cmd;
    chat_append_t         *items[CHAT_APPEND_BATCH];
    ngx_http_chat_unit_t  *u, *collected;

    collected = wr->collected;
    n = 0;

    for (i = 0; i < collected->n; i++) {
        if (collected->calls[i]) {
            items[n] = collected->calls[i]->req;
            collected->calls[n++] = collected->calls[i];
        }
    }

    collected->n = 0;

    if (n == 0) {
        return;
    }

    u = ngx_http_chat_unit_create(wr, n);

    if (u == NULL) {
        ngx_http_chat_calls_answer(collected->calls, n, CHAT_ERROR);
        return;
    }

    u->append = 1;
    u->numbered = 1;
    u->since = collected->since;
    u->n = n;

    for (i = 0; i < n; i++) {
        u->calls[i] = collected->calls[i];
        u->calls[i]->host = u;
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


void
ngx_http_chat_write_submit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    wr->bytes += u->bytes.len;
    wr->calls += u->n;

    wr->appending += u->append;

    ngx_queue_insert_tail(&wr->waiting, &u->queue);
    ngx_http_chat_write_push(wr);
}


/* In order; what cannot go now stays. */

void
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

    if (u->numbered) {
        ngx_http_chat_write_taken(u, reply);
    }

    acked = u->append ? ngx_http_chat_write_appended(u, reply)
                      : ngx_http_chat_write_answered(u, reply);

    if (acked && ngx_http_chat_unit_cut(u) == NGX_OK) {
        ngx_http_chat_replay_keep(wr, u);

    } else {
        ngx_http_chat_unit_free(u);
    }

    ngx_http_chat_write_push(wr);
}


/* The connection stays, health tells it: no memory, or a right is missing. */

static void
ngx_http_chat_write_taken(ngx_http_chat_unit_t *u, redisReply *reply)
{
    switch (chat_reply_error(reply)) {

    case CHAT_REDIS_OK:
        ngx_http_chat_zone_refused(u->writer->w, 0);
        break;

    case CHAT_REDIS_FULL:
    case CHAT_REDIS_AUTH:
        ngx_http_chat_zone_refused(u->writer->w, 1);
        break;

    default:
        break;
    }
}


/* How many items are in the log. */

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

    acked = ngx_http_chat_unit_taken(u, items);

    for (i = 0; i < u->n; i++) {
        call = u->calls[i];

        if (u->taken >> i & 1) {
            u->order = ngx_http_chat_order(&items[i]->id);
        }

        if (call) {
            u->calls[i] = NULL;
            call->host = NULL;
            chat_op_reply(call->op, call->generation, call->slot, rc, NULL);
        }
    }

    ngx_http_chat_reply_free(reply);

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
        ngx_http_chat_reply_free(reply);
        return acked;
    }

    u->calls[0] = NULL;
    call->host = NULL;

    chat_op_reply(call->op, call->generation, call->slot, CHAT_OK, reply);

    return acked;
}


void
ngx_http_chat_write_leave(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    wr->bytes -= u->bytes.len;
    wr->calls -= u->n;

    wr->appending -= u->append;

    ngx_http_chat_write_schedule(wr);
}
