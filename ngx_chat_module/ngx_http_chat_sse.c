
/*
 * Server-sent events: a stream from its request to its end, and what its
 * session and the timers ask of it.  The bytes are _sse_out.c.
 */

#include "ngx_http_chat_sse_internal.h"


static ngx_int_t ngx_http_chat_sse_header(ngx_http_chat_req_t *q);
static void ngx_http_chat_sse_patience(ngx_http_request_t *r, ngx_msec_t ms);
static void ngx_http_chat_sse_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
static ngx_uint_t ngx_http_chat_sse_full(ngx_http_chat_session_t *s);
static ngx_int_t ngx_http_chat_sse_grow(ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_close(ngx_http_chat_session_t *s,
    ngx_uint_t code, ngx_str_t *reason);
static void ngx_http_chat_sse_flush(ngx_event_t *ev);
static void ngx_http_chat_sse_beat(ngx_event_t *ev);
static void ngx_http_chat_sse_rest(ngx_http_chat_sse_t *sse);
static void ngx_http_chat_sse_cleanup(void *data);


static const ngx_http_chat_transport_t  ngx_http_chat_sse_transport = {
    .name = "events",
    .send = ngx_http_chat_sse_send,
    .close = ngx_http_chat_sse_close,
    .full = ngx_http_chat_sse_full
};


ngx_int_t
ngx_http_chat_sse_handler(ngx_http_chat_req_t *q)
{
    ngx_int_t             rc;
    ngx_str_t            *last;
    chat_str_t            instance, cursor;
    ngx_http_request_t   *r;
    ngx_pool_cleanup_t   *cln;
    ngx_http_chat_sse_t  *sse;

    r = q->request;

    if (ngx_http_chat_http_arg(r, "instance", &instance) != NGX_OK
        || ngx_http_chat_http_arg(r, "cursor", &cursor) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!chat_instance_valid(&instance)) {
        return ngx_http_chat_http_error(q, CHAT_E_BAD_FIELD, 0);
    }

    /* a browser that reconnects asks the same URL, with an older cursor */

    last = ngx_http_chat_http_in(r, "last-event-id");

    if (last && last->len) {
        cursor.data = last->data;
        cursor.len = last->len;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_chat_sse_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_chat_sse_cleanup;
    sse = cln->data;
    ngx_memzero(sse, sizeof(ngx_http_chat_sse_t));

    sse->req = q;

    sse->flush.handler = ngx_http_chat_sse_flush;
    sse->flush.data = sse;
    sse->flush.log = r->connection->log;

    sse->beat.handler = ngx_http_chat_sse_beat;
    sse->beat.data = sse;
    sse->beat.log = r->connection->log;
    sse->beat.cancelable = 1;

    sse->session = ngx_http_chat_session_create(q->worker, &q->who,
                       &ngx_http_chat_sse_transport, sse, q->lcf);
    if (sse->session == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    q->data = sse;
    q->cancel = ngx_http_chat_sse_cancel;

    ngx_http_chat_http_seat(q);

    rc = ngx_http_chat_sse_header(q);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_chat_sse_patience(r, ngx_max(q->lcf->ping, q->lcf->stall));

    ngx_http_chat_count(q->worker, CHAT_METRIC_CONNECTIONS_SSE, 1);

    r->write_event_handler = ngx_http_chat_sse_write;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "chat event stream: open");

    ngx_http_chat_session_hello(sse->session, &instance, &cursor);

    ngx_post_event(&sse->flush, &ngx_posted_events);
    ngx_http_chat_sse_rest(sse);

    return ngx_http_chat_http_hold(q);
}


static ngx_int_t
ngx_http_chat_sse_header(ngx_http_chat_req_t *q)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_http_request_t  *r;

    r = q->request;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    ngx_str_set(&value, "no-cache, no-transform");
    if (ngx_http_chat_http_header(r, "Cache-Control", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

#if (NGX_HTTP_GZIP)
    /* 256 kB a stream would be the price, whatever gzip_types says */
    r->gzip_tested = 1;
    r->gzip_ok = 0;
#endif

    /* for an nginx in front of us */
    ngx_str_set(&value, "no");
    if (ngx_http_chat_http_header(r, "X-Accel-Buffering", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    return NGX_OK;
}


/*
 * A client that vanished takes comments for a quarter of an hour: they leave
 * for the kernel, which sends them again and again.  It shall give up when
 * nothing of what it holds was taken for so long; 0: as before.
 */

static void
ngx_http_chat_sse_patience(ngx_http_request_t *r, ngx_msec_t ms)
{
#ifdef TCP_USER_TIMEOUT

    unsigned int       value;
    ngx_connection_t  *c;

    c = r->connection;

#if (NGX_HTTP_V2)
    if (r->stream && ms == 0) {
        /* the connection may have other streams of ours */
        return;
    }
#endif

    if (c->error
        || c->type != SOCK_STREAM
        || c->sockaddr->sa_family == AF_UNIX)
    {
        return;
    }

    value = (unsigned int) ms;

    if (setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                   (const void *) &value, sizeof(unsigned int))
        == -1)
    {
        /* a connection that is reset already may say so here */
        ngx_log_error(NGX_LOG_INFO, c->log, ngx_socket_errno,
                      "setsockopt(TCP_USER_TIMEOUT) failed");
    }

#endif
}


/* ---------------------------------------------------- from the session */

static void
ngx_http_chat_sse_send(ngx_http_chat_session_t *s, ngx_http_chat_frame_t *f)
{
    ngx_http_chat_sse_t  *sse;

    sse = ngx_http_chat_session_transport(s);

    if (sse->slow) {
        return;
    }

    if (sse->queued >= sse->req->lcf->queue
        || (sse->n == sse->size && ngx_http_chat_sse_grow(sse) != NGX_OK))
    {
        sse->slow = 1;

    } else {
        f->refs++;
        sse->frames[(sse->first + sse->n++) % sse->size] = f;
        sse->queued += f->len;

        ngx_http_chat_count(sse->req->worker, CHAT_METRIC_FRAMES_WAITING, 1);
    }

    ngx_post_event(&sse->flush, &ngx_posted_events);
}


static ngx_uint_t
ngx_http_chat_sse_full(ngx_http_chat_session_t *s)
{
    ngx_http_chat_sse_t  *sse;

    sse = ngx_http_chat_session_transport(s);

    sse->held |= sse->queued >= sse->req->lcf->queue / 2;

    return sse->held;
}


static ngx_int_t
ngx_http_chat_sse_grow(ngx_http_chat_sse_t *sse)
{
    ngx_uint_t               i, size;
    ngx_http_chat_frame_t  **frames;

    size = sse->size ? sse->size * 2 : 8;

    frames = ngx_alloc(size * sizeof(ngx_http_chat_frame_t *), sse->flush.log);
    if (frames == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sse->n; i++) {
        frames[i] = sse->frames[(sse->first + i) % sse->size];
    }

    if (sse->frames) {
        ngx_free(sse->frames);
    }

    sse->frames = frames;
    sse->size = size;
    sse->first = 0;

    return NGX_OK;
}


/* An event stream has no close codes: the bye frame said why. */

static void
ngx_http_chat_sse_close(ngx_http_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason)
{
    ngx_http_chat_sse_t  *sse;

    sse = ngx_http_chat_session_transport(s);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, sse->req->request->connection->log, 0,
                   "chat event stream: open -> closing");

    sse->closing = 1;
    ngx_post_event(&sse->flush, &ngx_posted_events);
}


/* ----------------------------------------------------- from the event loop */

static void
ngx_http_chat_sse_flush(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_chat_sse_t  *sse = ev->data;

    c = sse->req->request->connection;

    ngx_http_chat_sse_write(sse->req->request);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_chat_sse_beat(ngx_event_t *ev)
{
    ngx_http_chat_sse_t  *sse = ev->data;

    sse->beating = 1;
    ngx_http_chat_sse_rest(sse);
    ngx_post_event(&sse->flush, &ngx_posted_events);
}


/* Until the next comment; those of clients that came together are spread. */

static void
ngx_http_chat_sse_rest(ngx_http_chat_sse_t *sse)
{
    ngx_msec_t  ping;

    ping = sse->req->lcf->ping;

    ngx_add_timer(&sse->beat, ping - ngx_random() % (ping / 4 + 1));
}


void
ngx_http_chat_sse_cancel(ngx_http_chat_req_t *q)
{
    ngx_http_chat_sse_t  *sse = q->data;

    ngx_http_chat_session_close(sse->session);
    ngx_http_chat_sse_patience(q->request, 0);

    if (sse->flush.posted) {
        ngx_delete_posted_event(&sse->flush);
    }

    if (sse->beat.timer_set) {
        ngx_del_timer(&sse->beat);
        ngx_http_chat_count(q->worker, CHAT_METRIC_CONNECTIONS_SSE, -1);
    }
}


/*
 * With the request's pool, not before: HTTP/2 may still be sending from the
 * buffer when a request has already been given up.
 */

static void
ngx_http_chat_sse_cleanup(void *data)
{
    ngx_http_chat_sse_t *sse = data;

    ngx_http_chat_count(sse->req->worker, CHAT_METRIC_FRAMES_WAITING,
                        -(ngx_int_t) sse->n);

    for ( /* void */ ; sse->n; sse->n--) {
        ngx_http_chat_frame_free(sse->frames[sse->first]);
        sse->first = (sse->first + 1) % sse->size;
    }

    if (sse->frames) {
        ngx_free(sse->frames);
    }

    if (sse->start) {
        ngx_free(sse->start);
    }
}
