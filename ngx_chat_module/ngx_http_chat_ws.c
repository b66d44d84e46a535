
/*
 * A WebSocket.  After the 101 the request is freed; what remains are its
 * ngx_connection_t, this struct and its owner: a session or an echo.
 *
 * Here is its life: from the hand-shake to the end of the connection, and
 * the one timer of the wheel that watches silence and stalls.
 */

#include "ngx_http_chat_ws_internal.h"


#define NGX_HTTP_CHAT_WS_REAP         16     /* closed at once, every ms */
#define NGX_HTTP_CHAT_WS_REAP_STEPS   512    /* ms, about, for any number */


static ngx_uint_t ngx_http_chat_ws_taking(ngx_http_chat_ws_t *ws);
static void ngx_http_chat_ws_reap(ngx_event_t *ev);
static void *ngx_http_chat_ws_resize(void *data, void *p, size_t old,
    size_t size);


const chat_ws_mem_t  ngx_http_chat_ws_mem = {
    ngx_http_chat_ws_resize, NULL
};


ngx_http_chat_ws_t *
ngx_http_chat_ws_create(ngx_http_request_t *r, ngx_http_chat_worker_t *w,
    const ngx_http_chat_ws_limits_t *limits)
{
    ngx_http_chat_ws_t        *ws;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    if (ss->input == NULL) {
        ss->input = ngx_palloc(w->pool, NGX_HTTP_CHAT_WS_INPUT);
        ss->bufs = ngx_pcalloc(w->pool,
                               NGX_HTTP_CHAT_WS_IOVS * sizeof(ngx_buf_t));

        if (ss->input == NULL || ss->bufs == NULL) {
            ss->input = NULL;
            return NULL;
        }

        ngx_http_chat_ws_late_init(&ss->late, w->log);
        ngx_http_chat_ws_late_init(&ss->patient, w->log);
        ngx_queue_init(&ss->lost);

        ss->reap.handler = ngx_http_chat_ws_reap;
        ss->reap.data = ss;
        ss->reap.log = w->log;
    }

    ws = ngx_calloc(sizeof(ngx_http_chat_ws_t), w->log);

    if (ws == NULL) {
        return NULL;
    }

    ws->connection = r->connection;
    ws->worker = w;
    ws->last = &ws->out;
    ws->queue_max = limits->queue;
    ws->frames_max = limits->frames;
    ws->stall = limits->stall;
    ws->code = 1006;

    /* pings of clients that came together are spread, and drift apart */
    ws->ping = limits->ping - ngx_random() % (limits->ping / 4 + 1);

    chat_ws_init(&ws->parser, limits->message, &ngx_http_chat_ws_mem);
    ws->parser.fragments_max = limits->fragments;

    ngx_http_chat_count(w, CHAT_METRIC_CONNECTIONS_WS, 1);

    return ws;
}


ngx_int_t
ngx_http_chat_ws_open(ngx_http_request_t *r, ngx_http_chat_ws_t *ws,
    const ngx_http_chat_ws_owner_t *owner, void *data)
{
    ngx_int_t                  rc;
    ngx_http_chat_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);

    ws->owner = owner;
    ws->data = data;
    ws->paces = owner->paces;

    rc = ngx_http_chat_ws_deflate(r, ws->worker, &lcf->deflate, &ws->deflate);

    if (rc == NGX_OK) {
        ws->parser.allow_rsv1 = (ws->deflate != NULL);
        rc = ngx_http_chat_ws_switch(r, ws);
    }

    if (rc != NGX_DONE) {
        ngx_http_chat_ws_abandon(ws);
    }

    return rc;
}


void
ngx_http_chat_ws_abandon(ngx_http_chat_ws_t *ws)
{
    ngx_http_chat_wheel_del(&ws->worker->sessions->wheel, &ws->timer);

    if (ws->owner) {
        ws->owner->gone(ws->data);
    }

    if (ws->deflate) {
        ngx_http_chat_ws_deflate_done(ws->worker, ws->deflate);
    }

    if (ws->lost) {
        ws->worker->sessions->n_lost--;
    }

    ngx_http_chat_ws_unqueue(ws);
    ngx_http_chat_ws_drop(ws, 1);
    chat_ws_done(&ws->parser);

    ngx_http_chat_count(ws->worker, CHAT_METRIC_CONNECTIONS_WS, -1);

    ngx_free(ws);
}


/* The request is gone, the connection is ours; `left` came with it. */

void
ngx_http_chat_ws_start(ngx_http_chat_ws_t *ws, ngx_str_t *left)
{
    size_t             n;
    ngx_connection_t  *c;

    c = ws->connection;

    c->data = ws;
    c->read->handler = ngx_http_chat_ws_read;
    c->write->handler = ngx_http_chat_ws_write;

    ws->heard = ngx_current_msec;
    ws->progress = ngx_current_msec;

    if (!ws->closing) {
        /* else the worker began to leave before the request did */
        ngx_http_chat_wheel_set(&ws->worker->sessions->wheel, &ws->timer,
                                ws->ping, ngx_http_chat_ws_timer);
    }

    /* a large header buffer may hold more than we read at once */

    while (left->len) {
        n = ngx_min(left->len, NGX_HTTP_CHAT_WS_INPUT);
        ngx_memcpy(ws->worker->sessions->input, left->data, n);

        ngx_http_chat_ws_input(ws, ws->worker->sessions->input, n);

        left->data += n;
        left->len -= n;
    }

    if (ws->out) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    /* what was read ahead by TLS makes no event */

    ngx_post_event(c->read, &ngx_posted_events);
}


void
ngx_http_chat_ws_timer(ngx_http_chat_timer_t *t)
{
    ngx_http_chat_ws_t  *ws;

    ws = ngx_http_chat_of(t, ngx_http_chat_ws_t, timer);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ws->connection->log, 0,
                   "chat websocket timer: silent:%M pinged:%d closing:%d "
                   "waiting:%uD", ngx_current_msec - ws->heard, ws->pinged,
                   ws->closing, ws->n_out);

    if (ws->closing) {
        /* the peer had its time */
        ngx_http_chat_ws_finish(ws);
        return;
    }

    if ((ws->out || ws->connection->buffered)
        && ngx_current_msec - ws->progress >= ws->stall)
    {
        ngx_http_chat_ws_too_slow(ws);
        return;
    }

    if (ws->pinged) {

        if (ngx_current_msec - ws->pinged_at >= ws->ping) {

            if (!ngx_http_chat_ws_taking(ws)) {
                ws->owner->idle(ws->data);
                return;
            }

            ws->pinged_at = ngx_current_msec;
        }

    } else if (ngx_current_msec - ws->heard >= ws->ping) {
        ws->pinged = 1;
        ws->pinged_at = ngx_current_msec;

        (void) ngx_http_chat_ws_taking(ws);

        ngx_http_chat_ws_control(ws, CHAT_WS_PING, NULL, 0);
    }

    ngx_http_chat_ws_arm(ws);
}


/*
 * A ping stands behind what was sent before, in our queue and the kernel's.
 * While the peer's kernel takes some of that, and there is more, it cannot be
 * asked to have answered: a history over a slow line takes longer than two
 * pings.  (A peer that takes nothing for long is the stall's.)
 */

static ngx_uint_t
ngx_http_chat_ws_taking(ngx_http_chat_ws_t *ws)
{
    int         left;
    uint32_t    taken;
    ngx_uint_t  more;

    if (ioctl(ws->connection->fd, TIOCOUTQ, &left) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ws->connection->log, ngx_errno,
                      "ioctl(TIOCOUTQ) failed");
        left = 0;
    }

    taken = (uint32_t) ws->bytes_out - left;
    more = (left || ws->out) && (int32_t) (taken - ws->taken) > 0;

    ws->taken = taken;

    return more;
}


/* Sets the timer for whichever deadline is the next. */

void
ngx_http_chat_ws_arm(ngx_http_chat_ws_t *ws)
{
    ngx_msec_t  since, rest, silence, stall;

    silence = ngx_current_msec - (ws->pinged ? ws->pinged_at : ws->heard);
    rest = (silence < ws->ping) ? ws->ping - silence : 1;

    if (ws->out || ws->connection->buffered) {
        since = ngx_current_msec - ws->progress;
        stall = (since < ws->stall) ? ws->stall - since : 1;
        rest = ngx_min(rest, stall);
    }

    ngx_http_chat_wheel_set(&ws->worker->sessions->wheel, &ws->timer, rest,
                            ngx_http_chat_ws_timer);
}


/* The end of the connection, whatever was said before. */

void
ngx_http_chat_ws_finish(ngx_http_chat_ws_t *ws)
{
    struct linger      linger;
    ngx_connection_t  *c;

    c = ws->connection;

    c->log->action = "closing a chat";

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "chat websocket closed: code %ud, %uL bytes in, "
                  "%uL bytes out, %M ms", (ngx_uint_t) ws->code,
                  ws->bytes_in, ws->bytes_out,
                  ngx_current_msec - c->start_time);

    if (ws->slow && (ws->out || c->buffered)) {
        /* it does not read: do not let the kernel hold what it got */
        linger.l_onoff = 1;
        linger.l_linger = 0;

        if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, (const void *) &linger,
                       sizeof(struct linger)) == -1)
        {
            ngx_log_error(NGX_LOG_ALERT, c->log, ngx_socket_errno,
                          "setsockopt(SO_LINGER) failed");
        }
    }

    if (ngx_http_chat_ws_tls(c) && ws->closed
        && !c->read->eof && !c->error && !c->close)
    {
        /*
         * HTTP does not wait for the peer's close_notify.  Unread, it would
         * make the kernel reset the connection and throw away what it has
         * not delivered: nginx reads it, for 3 s at most.
         */
        c->ssl->no_wait_shutdown = 0;

        /* what it says meanwhile is a "crit" to nginx, as often as it likes */
        c->log->log_level = ngx_min(c->log->log_level, NGX_LOG_ALERT);
    }

    ngx_http_chat_ws_abandon(ws);

    ngx_http_close_connection(c);
}


/*
 * When thousands go at once, those who stay do not wait until all are closed,
 * which takes longer than to look at them: a few are closed at once, others a
 * few every ms.  In between the processor is free for whoever else has to do
 * with those who stay: other workers, Redis.
 */

void
ngx_http_chat_ws_lost(ngx_http_chat_ws_t *ws)
{
    ngx_http_chat_sessions_t  *ss;

    if (ws->worker->exiting) {
        ngx_http_chat_ws_finish(ws);
        return;
    }

    ss = ws->worker->sessions;

    ws->lost = 1;
    ss->n_lost++;

    ngx_http_chat_ws_unqueue(ws);
    ngx_queue_insert_tail(&ss->lost, &ws->late);

    if (!ss->reap.posted && !ss->reap.timer_set) {
        ngx_post_event(&ss->reap, &ngx_posted_events);
    }
}


static void
ngx_http_chat_ws_reap(ngx_event_t *ev)
{
    ngx_uint_t                 n;
    ngx_http_chat_sessions_t  *ss;

    ss = ev->data;

    n = ss->n_lost / NGX_HTTP_CHAT_WS_REAP_STEPS;
    n = ngx_max(n, NGX_HTTP_CHAT_WS_REAP);

    while (n-- && ngx_http_chat_ws_reap_one(ss->worker) == NGX_OK) {
        /* void */
    }

    if (ss->n_lost) {
        ngx_add_timer(ev, 1);
    }
}


ngx_int_t
ngx_http_chat_ws_reap_one(ngx_http_chat_worker_t *w)
{
    ngx_queue_t               *q;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    if (ss->n_lost == 0) {
        return NGX_DECLINED;
    }

    q = ngx_queue_head(&ss->lost);
    ngx_http_chat_ws_finish(ngx_queue_data(q, ngx_http_chat_ws_t, late));

    return NGX_OK;
}


static void *
ngx_http_chat_ws_resize(void *data, void *p, size_t old, size_t size)
{
    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}
