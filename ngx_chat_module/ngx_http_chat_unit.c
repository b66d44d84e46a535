
/*
 * Units: one command on its way to Redis each, with the calls of all who
 * wait for its answer.
 */

#include "ngx_http_chat_write_internal.h"


static ngx_int_t ngx_http_chat_write_transmit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
static void ngx_http_chat_write_reply(void *data, ngx_int_t rc,
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

void
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

void
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


void
ngx_http_chat_write_submit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    wr->bytes += u->bytes.len;
    wr->units++;

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


void
ngx_http_chat_write_leave(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u)
{
    wr->bytes -= u->bytes.len;
    wr->units--;
}
