
/*
 * What goes out by a WebSocket: frames are shared by reference, wait within
 * bounds, and leave in one writev per connection and turn of the event loop.
 * While many entries come they are gathered for a moment: an answer leaves
 * together with its event, and what operators of many dialogs see together.
 * A crowd is written to in slices, between which others have their turn.
 *
 * What its reader does not wait for, his own message that he has the ack of,
 * waits for something that he does, and leaves in the same write.
 */

#include "ngx_http_chat_ws_internal.h"
#include "ngx_http_chat_spare.h"


#define NGX_HTTP_CHAT_WS_SLOW       1000     /* ms for the closing handshake
                                                of who does not read */
#define NGX_HTTP_CHAT_WS_CROWD      32       /* frames of a turn, from which */
#define NGX_HTTP_CHAT_WS_GATHER     4        /* on they wait, ms */
#define NGX_HTTP_CHAT_WS_LATE       256      /* written to in a turn */
#define NGX_HTTP_CHAT_WS_PATIENCE   100      /* ms */


static ngx_msec_t ngx_http_chat_ws_gather(ngx_http_chat_worker_t *w);
static void ngx_http_chat_ws_put(ngx_http_chat_ws_t *ws,
    ngx_http_chat_frame_t *f, ngx_msec_t late, ngx_uint_t patient);
static ngx_int_t ngx_http_chat_ws_push(ngx_http_chat_ws_t *ws,
    ngx_http_chat_frame_t *f);
static void ngx_http_chat_ws_leave(ngx_http_chat_ws_t *ws, ngx_msec_t late,
    ngx_uint_t patient);
static void ngx_http_chat_ws_late(ngx_event_t *ev);
static void ngx_http_chat_ws_shut(ngx_http_chat_ws_t *ws);
static ngx_int_t ngx_http_chat_ws_flush(ngx_http_chat_ws_t *ws);
static ssize_t ngx_http_chat_ws_writev(ngx_http_chat_ws_t *ws);
static ssize_t ngx_http_chat_ws_encrypt(ngx_http_chat_ws_t *ws);
static ngx_chain_t *ngx_http_chat_ws_chain(ngx_http_chat_ws_t *ws,
    ngx_chain_t *chain);
static void ngx_http_chat_ws_left(ngx_http_chat_ws_t *ws, size_t n);


static ngx_http_chat_spare_t  ngx_http_chat_ws_outs =
    ngx_http_chat_spare(sizeof(ngx_http_chat_ws_out_t), 1024);


void
ngx_http_chat_ws_send(ngx_http_chat_ws_t *ws, ngx_http_chat_frame_t *f)
{
    if (!ws->closing) {
        ngx_http_chat_ws_put(ws, f, ngx_http_chat_ws_gather(ws->worker), 0);
    }
}


void
ngx_http_chat_ws_send_later(ngx_http_chat_ws_t *ws, ngx_http_chat_frame_t *f)
{
    if (!ws->closing) {
        ngx_http_chat_ws_put(ws, f, NGX_HTTP_CHAT_WS_PATIENCE, 1);
    }
}


static void
ngx_http_chat_ws_put(ngx_http_chat_ws_t *ws, ngx_http_chat_frame_t *f,
    ngx_msec_t late, ngx_uint_t patient)
{
    ngx_int_t               rc;
    ngx_http_chat_frame_t  *packed;

    if (!ngx_http_chat_ws_room(ws)) {
        ngx_http_chat_ws_too_slow(ws);
        return;
    }

    if (ws->deflate == NULL) {
        rc = ngx_http_chat_ws_push(ws, f);

    } else {
        packed = ngx_http_chat_ws_pack(ws->worker, ws->deflate, f);
        rc = ngx_http_chat_ws_push(ws, packed);
        ngx_http_chat_frame_free(packed);
    }

    if (rc != NGX_OK) {
        /* never skip a frame: the client comes back with its cursor */
        ngx_http_chat_ws_too_slow(ws);
        return;
    }

    ngx_http_chat_ws_leave(ws, late, patient);
}


/*
 * ms; many frames of one turn are few entries for many clients, and to write
 * to all of these takes longer than to wait for the next entry.
 */

static ngx_msec_t
ngx_http_chat_ws_gather(ngx_http_chat_worker_t *w)
{
    ngx_msec_t                 late;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    if (ss->turn != ngx_current_msec) {
        ss->turn = ngx_current_msec;
        ss->crowd = 0;
    }

    ss->crowd++;

    late = ngx_http_chat_pace(&w->pace, NGX_HTTP_CHAT_PACE_SEND);

    if (late == 0 && ss->crowd > NGX_HTTP_CHAT_WS_CROWD) {
        return NGX_HTTP_CHAT_WS_GATHER;
    }

    return late;
}


ngx_uint_t
ngx_http_chat_ws_full(ngx_http_chat_ws_t *ws)
{
    if (ngx_http_chat_ws_crowded(ws)) {
        ws->held = 1;
        return 1;
    }

    return 0;
}


/*
 * For one more frame.  Thousands of answers may be due for what was read at
 * once: what can leave does so before anybody is called slow.
 *
 * The bound of what waits: half of the queue and the frame that fills it;
 * then only what the owner had begun (ngx_http_chat_ws_full()), each frame of
 * which counts as an eighth of the queue at most; and short ones for the rest
 * of the queue.
 */

ngx_uint_t
ngx_http_chat_ws_room(ngx_http_chat_ws_t *ws)
{
    if (ws->weight < ws->queue_max && ws->n_out < ws->frames_max) {
        return 1;
    }

    if (ws->connection->data == ws) {
        /* an error comes again with the write event that is posted */
        (void) ngx_http_chat_ws_flush(ws);
    }

    return ws->weight < ws->queue_max && ws->n_out < ws->frames_max;
}


ngx_uint_t
ngx_http_chat_ws_crowded(ngx_http_chat_ws_t *ws)
{
    return ws->queued >= ws->queue_max / 2
           || ws->n_out >= ws->frames_max / 2;
}


/* Our close frame, after what is queued. */

void
ngx_http_chat_ws_end(ngx_http_chat_ws_t *ws, ngx_uint_t code, u_char *reason,
    size_t len)
{
    u_char  payload[125];

    if (ws->closing) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ws->connection->log, 0,
                   "chat websocket: open -> closing by us, code %ui", code);

    ws->closing = 1;
    ws->code = code;

    len = ngx_min(len, sizeof(payload) - 2);

    payload[0] = (u_char) (code >> 8);
    payload[1] = (u_char) code;
    ngx_memcpy(payload + 2, reason, len);

    ngx_http_chat_ws_control(ws, CHAT_WS_CLOSE, payload, len + 2);

    ngx_http_chat_wheel_set(&ws->worker->sessions->wheel, &ws->timer,
                            ws->slow ? NGX_HTTP_CHAT_WS_SLOW
                                     : NGX_HTTP_CHAT_WS_CLOSING,
                            ngx_http_chat_ws_timer);
}


void
ngx_http_chat_ws_control(ngx_http_chat_ws_t *ws, int opcode, u_char *data,
    size_t len)
{
    ngx_http_chat_frame_t  *f;

    f = ngx_http_chat_frame_alloc(len);

    if (f) {
        f->len = len;

        if (len) {
            ngx_memcpy(f->data, data, len);
        }

        ngx_http_chat_frame_head(f, opcode);

        /* without memory the timer ends what cannot be said */
        if (ngx_http_chat_ws_push(ws, f) == NGX_OK) {
            ngx_http_chat_ws_leave(ws, 0, 0);
        }

        ngx_http_chat_frame_free(f);
    }
}


static ngx_int_t
ngx_http_chat_ws_push(ngx_http_chat_ws_t *ws, ngx_http_chat_frame_t *f)
{
    ngx_http_chat_ws_out_t  *out;

    out = ngx_http_chat_spare_get(&ngx_http_chat_ws_outs, ws->worker->log);

    if (out == NULL) {
        return NGX_ERROR;
    }

    out->next = NULL;
    out->frame = f;
    f->refs++;

    if (ws->out == NULL) {
        ws->progress = ngx_current_msec;
    }

    *ws->last = out;
    ws->last = &out->next;

    ws->queued += ngx_http_chat_ws_size(out);
    ws->weight += ngx_http_chat_ws_weight(ws, out);
    ws->n_out++;

    ngx_http_chat_count(ws->worker, CHAT_METRIC_FRAMES_WAITING, 1);

    return NGX_OK;
}


/* At the end of the turn, or that many ms later. */

static void
ngx_http_chat_ws_leave(ngx_http_chat_ws_t *ws, ngx_msec_t late,
    ngx_uint_t patient)
{
    ngx_http_chat_late_t      *l;
    ngx_http_chat_sessions_t  *ss;

    if (ws->connection->data != ws) {

        /* the request is not detached: its own handler would be called */

        return;
    }

    if (!late) {
        ngx_post_event(ws->connection->write, &ngx_posted_events);
        return;
    }

    if (ws->late.next && (patient || !ws->patient)) {
        return;
    }

    ngx_http_chat_ws_unqueue(ws);

    ss = ws->worker->sessions;
    l = patient ? &ss->patient : &ss->late;

    ngx_queue_insert_tail(&l->queue, &ws->late);
    ws->patient = patient;

    if (!l->flush.timer_set && !l->flush.posted) {
        ngx_add_timer(&l->flush, late);
    }
}


void
ngx_http_chat_ws_late_init(ngx_http_chat_late_t *l, ngx_log_t *log)
{
    ngx_queue_init(&l->queue);

    l->flush.handler = ngx_http_chat_ws_late;
    l->flush.data = l;
    l->flush.log = log;
    l->flush.cancelable = 1;
}


static void
ngx_http_chat_ws_late(ngx_event_t *ev)
{
    ngx_uint_t             n;
    ngx_queue_t           *q;
    ngx_http_chat_ws_t    *ws;
    ngx_http_chat_late_t  *l;

    l = ev->data;

    for (n = 0; !ngx_queue_empty(&l->queue); n++) {

        if (n == NGX_HTTP_CHAT_WS_LATE) {
            /* somebody else may have a word */
            ngx_post_event(ev, &ngx_posted_next_events);
            return;
        }

        q = ngx_queue_head(&l->queue);
        ws = ngx_queue_data(q, ngx_http_chat_ws_t, late);

        ngx_http_chat_ws_unqueue(ws);
        ngx_post_event(ws->connection->write, &ngx_posted_events);
    }
}


void
ngx_http_chat_ws_unqueue(ngx_http_chat_ws_t *ws)
{
    if (ws->late.next) {
        ngx_queue_remove(&ws->late);
        ws->late.next = NULL;
        ws->patient = 0;
    }
}


/* Drops what is queued, except a frame that has begun to leave. */

void
ngx_http_chat_ws_drop(ngx_http_chat_ws_t *ws, ngx_uint_t all)
{
    ngx_http_chat_ws_out_t  *out, **keep;

    keep = (ws->sent && !all) ? &ws->out->next : &ws->out;

    while ((out = *keep)) {
        *keep = out->next;

        ws->queued -= ngx_http_chat_ws_size(out);
        ws->weight -= ngx_http_chat_ws_weight(ws, out);
        ws->n_out--;

        ngx_http_chat_count(ws->worker, CHAT_METRIC_FRAMES_WAITING, -1);

        ngx_http_chat_frame_free(out->frame);
        ngx_http_chat_spare_put(&ngx_http_chat_ws_outs, out);
    }

    ws->last = keep;
}


/*
 * The client does not read.  What it was not sent it gets when it comes back
 * with its cursor: frames are dropped only together with the connection.
 */

void
ngx_http_chat_ws_too_slow(ngx_http_chat_ws_t *ws)
{
    ngx_str_t               reason;
    ngx_http_chat_frame_t  *f;

    ws->slow = 1;

    ngx_http_chat_ws_drop(ws, 0);

    f = ws->owner->slow ? ws->owner->slow() : NULL;

    if (f) {
        /* the close frame comes after it */
        (void) ngx_http_chat_ws_push(ws, f);
        ngx_http_chat_frame_free(f);
    }

    ngx_str_set(&reason, "slow: resume from your cursor");
    ngx_http_chat_ws_end(ws, CHAT_WS_SLOW, reason.data, reason.len);

    ngx_http_chat_count(ws->worker, CHAT_METRIC_SLOW_CLOSED, 1);
}


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
 * A TLS connection has its own way to say so.
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


static ngx_int_t
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
        ws->queued -= size;
        ws->weight -= ngx_http_chat_ws_weight(ws, out);
        ws->n_out--;

        ngx_http_chat_count(ws->worker, CHAT_METRIC_FRAMES_WAITING, -1);
        ngx_http_chat_count(ws->worker, CHAT_METRIC_BYTES_OUT, size);

        ngx_http_chat_frame_free(out->frame);
        ngx_http_chat_spare_put(&ngx_http_chat_ws_outs, out);
    }

    if (ws->out == NULL) {
        ws->last = &ws->out;
    }

    ws->sent = n;
}
