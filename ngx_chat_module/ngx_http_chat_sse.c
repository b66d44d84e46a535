
/*
 * Server-sent events.  Frames wait in a queue by reference; what is due goes
 * out once per loop turn as one buffer, which is used again and again: a
 * stream costs the same after a million events as after one.
 */

#include "ngx_http_chat_http.h"


#define NGX_HTTP_CHAT_SSE_CHUNK  32768     /* of the buffer, if frames allow */

/* A browser comes back after so many ms by itself. */
#define NGX_HTTP_CHAT_SSE_OPEN   "retry: 2000\n\n"
#define NGX_HTTP_CHAT_SSE_BEAT   ":\n\n"


typedef struct {
    ngx_http_chat_req_t       *req;
    ngx_http_chat_session_t   *session;
    ngx_http_chat_frame_t    **frames;      /* ring of `size` pointers */
    ngx_uint_t                 first;
    ngx_uint_t                 n;
    ngx_uint_t                 size;
    size_t                     queued;      /* bytes in frames */
    u_char                    *start;       /* what is being sent */
    size_t                     room;
    ngx_buf_t                  buf;
    ngx_event_t                flush;       /* posted */
    ngx_event_t                beat;        /* timer */
    unsigned                   opened:1;
    unsigned                   beating:1;   /* a comment is due */
    unsigned                   closing:1;
    unsigned                   held:1;      /* events wait for room */
    unsigned                   slow:1;
} ngx_http_chat_sse_t;


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
static void ngx_http_chat_sse_write(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_sse_output(ngx_http_chat_sse_t *sse);
static ngx_uint_t ngx_http_chat_sse_busy(ngx_http_chat_sse_t *sse);
static ngx_int_t ngx_http_chat_sse_wait(ngx_http_chat_sse_t *sse);
static ngx_int_t ngx_http_chat_sse_compose(ngx_http_chat_sse_t *sse);
static size_t ngx_http_chat_sse_length(ngx_http_chat_frame_t *f);
static u_char *ngx_http_chat_sse_print(u_char *p, ngx_http_chat_frame_t *f);
static void ngx_http_chat_sse_cancel(ngx_http_chat_req_t *q);
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

    rc = ngx_http_chat_sse_header(q);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_chat_sse_patience(r, ngx_max(q->lcf->ping, q->lcf->stall));

    ngx_http_chat_count(q->worker, CHAT_METRIC_CONNECTIONS_SSE, 1);

    r->write_event_handler = ngx_http_chat_sse_write;

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


static void
ngx_http_chat_sse_write(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_chat_req_t  *q;
    ngx_http_chat_sse_t  *sse;

    q = ngx_http_get_module_ctx(r, ngx_http_chat_module);
    sse = q->data;

    if (r->connection->write->timedout) {
        sse->slow = 1;
    }

    if (sse->slow) {
        ngx_http_chat_count(q->worker, CHAT_METRIC_SLOW_CLOSED, 1);
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "chat: client does not read its events");
        r->connection->timedout = 1;
        rc = NGX_HTTP_REQUEST_TIME_OUT;

    } else {
        rc = r->connection->error ? NGX_ERROR : ngx_http_chat_sse_output(sse);

        if (rc == NGX_AGAIN) {
            return;
        }
    }

    /* nothing comes from the session any more while nginx sends the rest */

    q->cancel = NULL;
    ngx_http_chat_sse_cancel(q);

    ngx_http_finalize_request(r, rc);
}


/* NGX_AGAIN: more later, NGX_OK: it was all, NGX_ERROR. */

static ngx_int_t
ngx_http_chat_sse_output(ngx_http_chat_sse_t *sse)
{
    ngx_int_t            rc;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = sse->req->request;

    if (ngx_http_chat_sse_busy(sse)
        && ngx_http_output_filter(r, NULL) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    for ( ;; ) {

        if (ngx_http_chat_sse_busy(sse)) {
            return ngx_http_chat_sse_wait(sse);
        }

        rc = ngx_http_chat_sse_compose(sse);

        if (rc == NGX_DECLINED) {

            if (!sse->held) {
                break;
            }

            sse->held = 0;
            ngx_http_chat_session_drained(sse->session);

            if (sse->n == 0) {
                break;
            }

            continue;
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }

        out.buf = &sse->buf;
        out.next = NULL;

        if (ngx_http_output_filter(r, &out) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    if (r->connection->write->timer_set) {
        ngx_del_timer(r->connection->write);
    }

    if (!sse->closing) {
        return NGX_AGAIN;
    }

    return ngx_http_send_special(r, NGX_HTTP_LAST) == NGX_ERROR ? NGX_ERROR
                                                                : NGX_OK;
}


static ngx_uint_t
ngx_http_chat_sse_busy(ngx_http_chat_sse_t *sse)
{
    ngx_http_request_t  *r;

    r = sse->req->request;

    return sse->buf.pos != sse->buf.last || r->buffered || r->postponed
           || r->connection->buffered;
}


static ngx_int_t
ngx_http_chat_sse_wait(ngx_http_chat_sse_t *sse)
{
    ngx_event_t         *wev;
    ngx_http_request_t  *r;

    r = sse->req->request;
    wev = r->connection->write;

    /* from the first byte that waits, not from the last one sent */

    if (!wev->timer_set) {
        ngx_add_timer(wev, sse->req->lcf->stall);
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return NGX_AGAIN;
    }
#endif

    return ngx_handle_write_event(wev, 0) == NGX_OK ? NGX_AGAIN : NGX_ERROR;
}


/* Next buffer: at least one frame, as many as fit; or a comment. */

static ngx_int_t
ngx_http_chat_sse_compose(ngx_http_chat_sse_t *sse)
{
    size_t                  len, add;
    u_char                 *p;
    ngx_uint_t              i, n;
    ngx_http_chat_frame_t  *f;

    len = (sse->beating ? sizeof(NGX_HTTP_CHAT_SSE_BEAT) - 1 : 0)
          + (sse->opened ? 0 : sizeof(NGX_HTTP_CHAT_SSE_OPEN) - 1);

    for (n = 0; n < sse->n; n++) {
        f = sse->frames[(sse->first + n) % sse->size];
        add = ngx_http_chat_sse_length(f);

        if (n && len + add > NGX_HTTP_CHAT_SSE_CHUNK) {
            break;
        }

        len += add;
    }

    if (len == 0) {
        return NGX_DECLINED;
    }

    /* keep a small buffer, but not what a long frame needed once */

    if (sse->room < len || sse->room > NGX_HTTP_CHAT_SSE_CHUNK) {

        if (sse->start) {
            ngx_free(sse->start);
        }

        sse->room = ngx_max(len, 512);
        sse->start = ngx_alloc(sse->room, sse->flush.log);

        if (sse->start == NULL) {
            sse->room = 0;
            return NGX_ERROR;
        }
    }

    p = sse->start;

    if (!sse->opened) {
        p = ngx_cpymem(p, NGX_HTTP_CHAT_SSE_OPEN,
                       sizeof(NGX_HTTP_CHAT_SSE_OPEN) - 1);
        sse->opened = 1;
    }

    for (i = 0; i < n; i++) {
        f = sse->frames[sse->first];
        sse->first = (sse->first + 1) % sse->size;

        p = ngx_http_chat_sse_print(p, f);

        sse->queued -= f->len;
        ngx_http_chat_frame_free(f);
    }

    sse->n -= n;

    if (sse->beating) {
        p = ngx_cpymem(p, NGX_HTTP_CHAT_SSE_BEAT,
                       sizeof(NGX_HTTP_CHAT_SSE_BEAT) - 1);
        sse->beating = 0;
    }

    ngx_memzero(&sse->buf, sizeof(ngx_buf_t));

    sse->buf.start = sse->start;
    sse->buf.end = sse->start + sse->room;
    sse->buf.pos = sse->start;
    sse->buf.last = p;
    sse->buf.memory = 1;
    sse->buf.flush = 1;
    sse->buf.tag = (ngx_buf_tag_t) &ngx_http_chat_module;

    ngx_http_chat_count(sse->req->worker, CHAT_METRIC_BYTES_OUT,
                        p - sse->start);

    return NGX_OK;
}


static size_t
ngx_http_chat_sse_length(ngx_http_chat_frame_t *f)
{
    return sizeof("data: \n\n") - 1 + f->len
           + (f->durable ? sizeof("id: \n") - 1 + f->cursor.len : 0);
}


/* The id comes first: an event that was cut off is not dispatched at all. */

static u_char *
ngx_http_chat_sse_print(u_char *p, ngx_http_chat_frame_t *f)
{
    if (f->durable) {
        p = ngx_cpymem(p, "id: ", 4);
        p = ngx_cpymem(p, f->cursor.data, f->cursor.len);
        *p++ = '\n';
    }

    p = ngx_cpymem(p, "data: ", 6);
    p = ngx_cpymem(p, f->data, f->len);
    *p++ = '\n';
    *p++ = '\n';

    return p;
}


static void
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
