
/*
 * The queue of a WebSocket into its connection: one send or writev a turn,
 * through nginx's record buffer under TLS, and the end of what is all said.
 */

#include "ngx_http_chat_ws_internal.h"


static void ngx_http_chat_ws_shut(ngx_http_chat_ws_t *ws);
static ssize_t ngx_http_chat_ws_writev(ngx_http_chat_ws_t *ws);
static ssize_t ngx_http_chat_ws_encrypt(ngx_http_chat_ws_t *ws);
static ngx_chain_t *ngx_http_chat_ws_chain(ngx_http_chat_ws_t *ws,
    ngx_chain_t *chain);
static void ngx_http_chat_ws_left(ngx_http_chat_ws_t *ws, size_t n);


void
ngx_http_chat_ws_write(ngx_event_t *wev)
{
    ngx_connection_t    *c;
    ngx_http_chat_ws_t  *ws;

    c = wev->data;
    ws = c->data;

    if (ws->lost) {
        return;
    }

    ngx_http_chat_ws_unqueue(ws);

    if (c->close || c->error
        || ngx_http_chat_ws_flush(ws) != NGX_OK)
    {
        ngx_http_chat_ws_finish(ws);
        return;
    }

    if (ws->out || c->buffered) {

        if (ngx_handle_write_event(wev, 0) != NGX_OK) {
            ngx_http_chat_ws_finish(ws);
            return;
        }

        if (!ws->closing) {
            ngx_http_chat_ws_arm(ws);
        }

        return;
    }

    if (ws->paused) {
        ws->paused = 0;
        ngx_post_event(c->read, &ngx_posted_events);
    }

    if (ws->held && !ws->closing) {
        /* fills the queue again and posts this event */
        ws->held = 0;
        ws->owner->drained(ws->data);

        if (ws->out) {
            return;
        }
    }

    if (ngx_http_chat_ws_tls(c)) {
        ngx_ssl_free_buffer(c);
    }

    if (ws->failed || ws->closed) {
        ngx_http_chat_ws_shut(ws);
    }
}


/*
 * All is said.  What the peer still sends is read until it ends, too, or its
 * time is over: bytes that nobody read would make the kernel reset the
 * connection and throw away what it has not delivered (RFC 6455, 7.1.1).
 * Under TLS it is told by the close_notify of the end, which comes at once
 * after both close frames; who broke the protocol may still be sending, and
 * is read until it goes or its time is over.
 */

static void
ngx_http_chat_ws_shut(ngx_http_chat_ws_t *ws)
{
    ngx_connection_t  *c;

    c = ws->connection;

    if (ngx_http_chat_ws_tls(c)) {

        if (ws->closed) {
            ngx_http_chat_ws_finish(ws);
        }

        return;
    }

    if (ws->eof) {
        ngx_http_chat_ws_finish(ws);
        return;
    }

    if (ws->shut) {
        return;
    }

    ws->shut = 1;

    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
        ngx_connection_error(c, ngx_socket_errno,
                             ngx_shutdown_socket_n " failed");
        ngx_http_chat_ws_finish(ws);
    }
}


ngx_int_t
ngx_http_chat_ws_flush(ngx_http_chat_ws_t *ws)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = ws->connection;

    while (c->write->ready && (ws->out || c->buffered)) {

        n = ngx_http_chat_ws_tls(c) ? ngx_http_chat_ws_encrypt(ws)
                                    : ngx_http_chat_ws_writev(ws);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == 0) {
            break;
        }

        ws->progress = ngx_current_msec;
    }

    return NGX_OK;
}


/*
 * Without nginx's chains, which ngx_linux_sendfile_chain() would walk three
 * times for files that are not there.  0: not now.
 */

static ssize_t
ngx_http_chat_ws_writev(ngx_http_chat_ws_t *ws)
{
    size_t                   skip;
    ssize_t                  n;
    ngx_iovec_t              vec;
    struct iovec             iovs[NGX_HTTP_CHAT_WS_IOVS];
    ngx_connection_t        *c;
    ngx_http_chat_ws_out_t  *out;

    c = ws->connection;
    skip = ws->sent;

    vec.iovs = iovs;
    vec.count = 0;
    vec.size = 0;
    vec.nalloc = NGX_HTTP_CHAT_WS_IOVS;

    for (out = ws->out; out && vec.count < vec.nalloc; out = out->next) {
        iovs[vec.count].iov_base = out->frame->data - out->frame->ws_len
                                   + skip;
        iovs[vec.count].iov_len = ngx_http_chat_ws_size(out) - skip;

        vec.size += iovs[vec.count++].iov_len;
        skip = 0;
    }

    if (vec.count == 1) {
        /* most are: send() is the shorter way through the kernel */
        n = c->send(c, iovs[0].iov_base, iovs[0].iov_len);

    } else {
        n = ngx_writev(c, &vec);
        c->sent += (n > 0) ? n : 0;
    }

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (n == NGX_AGAIN) {
        n = 0;
    }

    if ((size_t) n < vec.size) {
        c->write->ready = 0;
    }

    ws->bytes_out += n;

    ngx_http_chat_ws_left(ws, n);

    return n;
}


/* By TLS, whose buffer may hold something, too. */

static ssize_t
ngx_http_chat_ws_encrypt(ngx_http_chat_ws_t *ws)
{
    off_t              before;
    size_t             taken;
    ngx_chain_t        links[NGX_HTTP_CHAT_WS_IOVS], *chain, *cl;
    ngx_connection_t  *c;

    c = ws->connection;

    chain = ngx_http_chat_ws_chain(ws, links);
    before = c->sent;

    if (c->send_chain(c, chain, 0) == NGX_CHAIN_ERROR) {
        return NGX_ERROR;
    }

    ws->bytes_out += c->sent - before;
    taken = 0;

    for (cl = chain; cl; cl = cl->next) {
        taken += cl->buf->pos - cl->buf->start;
    }

    taken -= chain ? ws->sent : 0;

    ngx_http_chat_ws_left(ws, taken);

    return taken ? (ssize_t) taken : (ssize_t) (c->sent - before);
}


/* The head of the queue as buffers; NULL: only the TLS buffer holds some. */

static ngx_chain_t *
ngx_http_chat_ws_chain(ngx_http_chat_ws_t *ws, ngx_chain_t *chain)
{
    ngx_buf_t               *b;
    ngx_uint_t               i;
    ngx_http_chat_ws_out_t  *out;

    i = 0;

    for (out = ws->out; out && i < NGX_HTTP_CHAT_WS_IOVS; out = out->next) {
        b = &ws->worker->sessions->bufs[i];

        ngx_memzero(b, sizeof(ngx_buf_t));

        b->memory = 1;
        b->start = out->frame->data - out->frame->ws_len;
        b->pos = b->start + (i == 0 ? ws->sent : 0);
        b->last = out->frame->data + out->frame->len;
        b->end = b->last;

        chain[i].buf = b;
        chain[i].next = NULL;

        if (i) {
            chain[i - 1].next = &chain[i];
        }

        i++;
    }

    if (i == 0) {
        return NULL;
    }

    chain[i - 1].buf->flush = 1;

    return chain;
}


/* So many bytes of the queue are gone: whole frames are freed. */

static void
ngx_http_chat_ws_left(ngx_http_chat_ws_t *ws, size_t n)
{
    size_t                   size;
    ngx_http_chat_ws_out_t  *out;

    n += ws->sent;

    while ((out = ws->out)) {
        size = ngx_http_chat_ws_size(out);

        if (n < size) {
            break;
        }

        n -= size;

        ws->out = out->next;
        ngx_http_chat_ws_free(ws, out);

        ngx_http_chat_count(ws->worker, CHAT_METRIC_BYTES_OUT, size);
    }

    if (ws->out == NULL) {
        ws->last = &ws->out;
    }

    ws->sent = n;
}
