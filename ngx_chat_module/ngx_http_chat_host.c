
/*
 * The host of operations: what an op asks for becomes a part of a unit, a
 * timer or a job for a thread; who was answered runs at the end of the turn.
 */

#include "ngx_http_chat_write_internal.h"
#include "ngx_http_chat_http.h"
#include "ngx_http_chat_zone.h"
#include <sodium.h>


typedef struct {
    ngx_event_t               event;
    chat_call_t              *call;
} ngx_http_chat_sleep_t;


static int ngx_http_chat_host_send(chat_host_t *host, chat_call_t *call);
static void ngx_http_chat_host_wake(chat_host_t *host, chat_op_t *op);
static void ngx_http_chat_host_run(ngx_event_t *ev);
static void ngx_http_chat_host_unwake(ngx_http_chat_writer_t *wr,
    chat_op_t *op);
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


/* What op->woken of the last one points to: it must not be NULL. */
static char  ngx_http_chat_host_end;


#define ngx_http_chat_host_worker(h)                                         \
    ((ngx_http_chat_worker_t *)                                              \
        ((u_char *) (h) - offsetof(ngx_http_chat_worker_t, host)))


void
ngx_http_chat_host_init(ngx_http_chat_writer_t *wr)
{
    ngx_http_chat_worker_t  *w;

    w = wr->w;

    wr->woken = &ngx_http_chat_host_end;
    wr->woken_last = &wr->woken;

    wr->run.handler = ngx_http_chat_host_run;
    wr->run.data = wr;
    wr->run.log = w->log;

    w->host.send = ngx_http_chat_host_send;
    w->host.wake = ngx_http_chat_host_wake;
    w->host.done = ngx_http_chat_host_done;
    w->host.forget = ngx_http_chat_host_forget;
    w->host.release = ngx_http_chat_host_release;
    w->host.now_ms = ngx_http_chat_host_now;
    w->host.random = ngx_http_chat_host_random;
}


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

    if (wr->bytes >= w->mcf->outbox) {
        ngx_http_chat_count(w, CHAT_METRIC_OUTBOX_FULL, 1);
        return CHAT_BUSY;
    }

    if (!w->up && ngx_current_msec - wr->down > NGX_HTTP_CHAT_WRITE_AGE) {
        /* a long outage is answered at once: no need to wait for the same */
        ngx_http_chat_count(w, CHAT_METRIC_OUTBOX_FULL, 1);
        return CHAT_ERROR;
    }

    if (call->kind == CHAT_CALL_APPEND) {
        return ngx_http_chat_write_collect(wr, call);
    }

    return ngx_http_chat_write_command(wr, call);
}


/* The queue runs through the ops themselves: waking cannot fail. */

static void
ngx_http_chat_host_wake(chat_host_t *host, chat_op_t *op)
{
    ngx_http_chat_writer_t  *wr;

    if (op->woken) {
        return;
    }

    wr = ngx_http_chat_host_worker(host)->writer;

    op->woken = &ngx_http_chat_host_end;
    *wr->woken_last = op;
    wr->woken_last = &op->woken;

    ngx_post_event(&wr->run, &ngx_posted_events);
}


static void
ngx_http_chat_host_run(ngx_event_t *ev)
{
    chat_op_t               *op;
    ngx_http_chat_writer_t  *wr;

    wr = ev->data;

    while (wr->woken != &ngx_http_chat_host_end) {
        op = wr->woken;
        ngx_http_chat_host_unwake(wr, op);

        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                       "chat: op %s: %s", op->name,
                       op->next->name ? op->next->name : "end");

        chat_op_run(op);
    }
}


/* The first one mostly; else it is looked for. */

static void
ngx_http_chat_host_unwake(ngx_http_chat_writer_t *wr, chat_op_t *op)
{
    void  **p;

    for (p = &wr->woken; *p != op; p = &((chat_op_t *) *p)->woken) {
        /* it is there: woken is set */
    }

    if (wr->woken_last == &op->woken) {
        wr->woken_last = p;
    }

    *p = op->woken;
    op->woken = NULL;
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
    ngx_http_chat_worker_t  *w;

    w = ngx_http_chat_host_worker(host);

    if (op->woken) {
        ngx_http_chat_host_unwake(w->writer, op);
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
    ngx_http_chat_reply_free(reply);
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


static int
ngx_http_chat_write_collect(ngx_http_chat_writer_t *wr, chat_call_t *call)
{
    ngx_http_chat_unit_t  *u;

    u = wr->collected;

    if (u->n == CHAT_APPEND_BATCH) {
        ngx_http_chat_write_append(wr);
    }

    if (u->n == 0) {
        u->since = ngx_current_msec;
    }

    u->calls[u->n++] = call;
    call->host = u;

    ngx_http_chat_write_schedule(wr);

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
