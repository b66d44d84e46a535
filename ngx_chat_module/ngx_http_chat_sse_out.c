
/*
 * What goes out by an event stream.  Frames wait in a queue by reference;
 * what is due goes out once per loop turn as one buffer, which is used again
 * and again: a stream costs the same after a million events as after one.
 */

#include "ngx_http_chat_sse_internal.h"


#define NGX_HTTP_CHAT_SSE_CHUNK  32768     /* of the buffer, if frames allow */

/* A browser comes back after so many ms by itself. */
#define NGX_HTTP_CHAT_SSE_OPEN   "retry: 2000\n\n"
#define NGX_HTTP_CHAT_SSE_BEAT   ":\n\n"


static ngx_int_t ngx_http_chat_sse_output(ngx_http_chat_sse_t *sse);
static ngx_uint_t ngx_http_chat_sse_busy(ngx_http_chat_sse_t *sse);
static ngx_int_t ngx_http_chat_sse_wait(ngx_http_chat_sse_t *sse);
static ngx_int_t ngx_http_chat_sse_compose(ngx_http_chat_sse_t *sse);
static size_t ngx_http_chat_sse_length(ngx_http_chat_frame_t *f);
static u_char *ngx_http_chat_sse_print(u_char *p, ngx_http_chat_frame_t *f);


void
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
    ngx_event_t         *wev;
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

    wev = r->connection->write;

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
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
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = sse->req->request;
    c = r->connection;
    wev = c->write;

    /*
     * Who takes something, however little, has all the time again: a long
     * welcome needs more of it on a slow line.  Of an HTTP/2 connection `sent`
     * is the stream's own.  The timer of limit_rate is not ours.
     */

    if (!wev->delayed && (!wev->timer_set || c->sent != sse->sent)) {
        sse->sent = c->sent;
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

    ngx_http_chat_count(sse->req->worker, CHAT_METRIC_FRAMES_WAITING,
                        -(ngx_int_t) n);

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
