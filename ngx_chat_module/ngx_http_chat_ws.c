
/*
 * A WebSocket.  After the 101 the request is freed; what remains are its
 * ngx_connection_t, this struct and its owner: a session or an echo.
 *
 * Bytes are read into one buffer per worker; frames are shared by reference
 * and leave in one writev per connection and turn of the event loop; one
 * timer of the wheel watches silence and stalls.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_ws.h"


#define NGX_HTTP_CHAT_WS_INPUT      65536    /* bytes read at once */
#define NGX_HTTP_CHAT_WS_BUDGET     131072   /* and per turn of the loop */
#define NGX_HTTP_CHAT_WS_IOVS       64
#define NGX_HTTP_CHAT_WS_CLOSING    5000     /* ms for the closing handshake */
#define NGX_HTTP_CHAT_WS_SLOW       1000     /* the same: he does not read */


#define ngx_http_chat_ws_tls(c)     ((c)->ssl != NULL)


typedef struct ngx_http_chat_ws_out_s  ngx_http_chat_ws_out_t;

struct ngx_http_chat_ws_out_s {
    ngx_http_chat_ws_out_t    *next;
    ngx_http_chat_frame_t     *frame;
};

struct ngx_http_chat_ws_s {
    ngx_connection_t          *connection;
    ngx_http_chat_worker_t    *worker;

    const ngx_http_chat_ws_owner_t  *owner;
    void                      *data;         /* of the owner */
    ngx_http_chat_ws_deflate_t  *deflate;    /* NULL: not agreed */

    ngx_http_chat_ws_out_t    *out;
    ngx_http_chat_ws_out_t   **last;
    size_t                     queued;       /* bytes in out */
    size_t                     queue_max;
    uint32_t                   frames_max;
    uint32_t                   sent;         /* of the first frame */
    uint32_t                   n_out;

    ngx_http_chat_timer_t      timer;
    ngx_msec_t                 heard;        /* when bytes came last */
    ngx_msec_t                 pinged_at;
    ngx_msec_t                 progress;     /* when bytes left last */
    uint32_t                   ping;
    uint32_t                   stall;

    chat_ws_t                  parser;

    uint64_t                   bytes_in;
    uint64_t                   bytes_out;
    uint16_t                   code;         /* for the log */
    unsigned                   pinged:1;
    unsigned                   closing:1;    /* our close frame is queued */
    unsigned                   closed:1;     /* the peer's came */
    unsigned                   failed:1;     /* it broke the protocol */
    unsigned                   shut:1;       /* our direction is shut down */
    unsigned                   held:1;       /* the owner waits for room */
    unsigned                   paused:1;     /* reading waits for room */
    unsigned                   paces:1;      /* ... when there is none */
    unsigned                   slow:1;
};


static void ngx_http_chat_ws_read(ngx_event_t *rev);
static void ngx_http_chat_ws_input(ngx_http_chat_ws_t *ws, u_char *p,
    size_t n);
static void ngx_http_chat_ws_event(ngx_http_chat_ws_t *ws,
    chat_ws_event_t *ev);
static void ngx_http_chat_ws_message(ngx_http_chat_ws_t *ws,
    chat_ws_event_t *ev);
static void ngx_http_chat_ws_fail(ngx_http_chat_ws_t *ws, ngx_uint_t code,
    u_char *reason, size_t len);

static ngx_uint_t ngx_http_chat_ws_room(ngx_http_chat_ws_t *ws);
static ngx_uint_t ngx_http_chat_ws_crowded(ngx_http_chat_ws_t *ws);
static void ngx_http_chat_ws_control(ngx_http_chat_ws_t *ws, int opcode,
    u_char *data, size_t len);
static ngx_int_t ngx_http_chat_ws_push(ngx_http_chat_ws_t *ws,
    ngx_http_chat_frame_t *f);
static void ngx_http_chat_ws_drop(ngx_http_chat_ws_t *ws, ngx_uint_t all);
static void ngx_http_chat_ws_too_slow(ngx_http_chat_ws_t *ws);

static void ngx_http_chat_ws_write(ngx_event_t *wev);
static ngx_int_t ngx_http_chat_ws_flush(ngx_http_chat_ws_t *ws);
static ngx_chain_t *ngx_http_chat_ws_chain(ngx_http_chat_ws_t *ws,
    ngx_chain_t *chain);
static size_t ngx_http_chat_ws_sent(ngx_http_chat_ws_t *ws,
    ngx_chain_t *chain);

static void ngx_http_chat_ws_timer(ngx_http_chat_timer_t *t);
static void ngx_http_chat_ws_arm(ngx_http_chat_ws_t *ws);
static void ngx_http_chat_ws_finish(ngx_http_chat_ws_t *ws);
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

    ngx_http_chat_wheel_set(&ws->worker->sessions->wheel, &ws->timer,
                            ws->ping, ngx_http_chat_ws_timer);

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


static void
ngx_http_chat_ws_read(ngx_event_t *rev)
{
    size_t               budget;
    ssize_t              n;
    ngx_connection_t    *c;
    ngx_http_chat_ws_t  *ws;

    c = rev->data;
    ws = c->data;

    if (c->close || c->error) {
        /* worker_shutdown_timeout */
        ngx_http_chat_ws_finish(ws);
        return;
    }

    budget = NGX_HTTP_CHAT_WS_BUDGET;

    do {
        if (ws->paces && !ws->closing && ngx_http_chat_ws_crowded(ws)) {
            /* it reads nothing of what it asks for: neither do we */
            ws->paused = 1;
            break;
        }

        n = c->recv(c, ws->worker->sessions->input, NGX_HTTP_CHAT_WS_INPUT);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_chat_ws_finish(ws);
            return;
        }

        ngx_http_chat_ws_input(ws, ws->worker->sessions->input, n);

        if (rev->ready && (size_t) n >= budget) {
            ngx_post_event(rev, &ngx_posted_next_events);
            break;
        }

        budget -= ngx_min(budget, (size_t) n);

    } while (rev->ready);

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_chat_ws_finish(ws);
    }
}


static void
ngx_http_chat_ws_input(ngx_http_chat_ws_t *ws, u_char *p, size_t n)
{
    int               rc;
    u_char           *last;
    chat_ws_event_t   ev;

    last = p + n;

    ws->heard = ngx_current_msec;
    ws->pinged = 0;
    ws->bytes_in += n;

    while (!ws->closed && !ws->failed) {
        rc = chat_ws_feed(&ws->parser, &p, last, &ev);

        if (rc == CHAT_OK) {
            ngx_http_chat_ws_event(ws, &ev);
            continue;
        }

        if (rc == CHAT_ERROR) {
            ngx_http_chat_ws_fail(ws, ev.code, ev.data.data, ev.data.len);
        }

        break;
    }
}


static void
ngx_http_chat_ws_event(ngx_http_chat_ws_t *ws, chat_ws_event_t *ev)
{
    u_char  echo[2];

    switch (ev->opcode) {

    case CHAT_WS_PING:
        if (!ws->closing && !ngx_http_chat_ws_room(ws)) {
            ngx_http_chat_ws_too_slow(ws);
        }

        if (!ws->closing) {
            ngx_http_chat_ws_control(ws, CHAT_WS_PONG, ev->data.data,
                                     ev->data.len);
        }

        break;

    case CHAT_WS_PONG:
        break;

    case CHAT_WS_CLOSE:
        ws->closed = 1;

        if (ws->closing) {
            /* ours is on its way, or was the first */
            ngx_post_event(ws->connection->write, &ngx_posted_events);
            break;
        }

        ws->code = ev->code;
        ws->closing = 1;

        echo[0] = (u_char) (ev->code >> 8);
        echo[1] = (u_char) ev->code;

        ngx_http_chat_ws_control(ws, CHAT_WS_CLOSE, echo,
                                 ev->code == CHAT_WS_NO_STATUS ? 0 : 2);
        ngx_http_chat_wheel_set(&ws->worker->sessions->wheel, &ws->timer,
                                NGX_HTTP_CHAT_WS_CLOSING,
                                ngx_http_chat_ws_timer);
        break;

    default: /* CHAT_WS_TEXT, CHAT_WS_BINARY */
        if (!ws->closing) {
            ngx_http_chat_ws_message(ws, ev);
        }

        break;
    }
}


static void
ngx_http_chat_ws_message(ngx_http_chat_ws_t *ws, chat_ws_event_t *ev)
{
    u_char      *reason;
    ngx_uint_t   code;

    if (!ev->compressed) {
        ws->owner->message(ws->data, ev->opcode, &ev->data);
        return;
    }

    code = ngx_http_chat_ws_inflate(ws->worker, ws->deflate, ev,
                                    ws->parser.message_max, &reason);
    if (code) {
        ngx_http_chat_ws_fail(ws, code, reason, ngx_strlen(reason));
        return;
    }

    ws->owner->message(ws->data, ev->opcode, &ev->data);

    ngx_http_chat_ws_inflated(ws->worker, ws->deflate, ev);
}


/*
 * What else it sends is read and thrown away: unread bytes would make the
 * kernel reset the connection and lose our close frame.
 */

static void
ngx_http_chat_ws_fail(ngx_http_chat_ws_t *ws, ngx_uint_t code, u_char *reason,
    size_t len)
{
    ws->failed = 1;

    ngx_http_chat_ws_end(ws, code, reason, len);
    ngx_post_event(ws->connection->write, &ngx_posted_events);
}


void
ngx_http_chat_ws_send(ngx_http_chat_ws_t *ws, ngx_http_chat_frame_t *f)
{
    ngx_int_t               rc;
    ngx_http_chat_frame_t  *packed;

    if (ws->closing) {
        return;
    }

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
    }
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
 */

static ngx_uint_t
ngx_http_chat_ws_room(ngx_http_chat_ws_t *ws)
{
    if (ws->queued < ws->queue_max && ws->n_out < ws->frames_max) {
        return 1;
    }

    if (ws->connection->data == ws) {
        /* an error comes again with the write event that is posted */
        (void) ngx_http_chat_ws_flush(ws);
    }

    return ws->queued < ws->queue_max && ws->n_out < ws->frames_max;
}


static ngx_uint_t
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


static void
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
        (void) ngx_http_chat_ws_push(ws, f);

        ngx_http_chat_frame_free(f);
    }
}


static ngx_int_t
ngx_http_chat_ws_push(ngx_http_chat_ws_t *ws, ngx_http_chat_frame_t *f)
{
    ngx_http_chat_ws_out_t  *out;

    out = ngx_alloc(sizeof(ngx_http_chat_ws_out_t), ws->worker->log);

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

    ws->queued += f->ws_len + f->len;
    ws->n_out++;

    /* before the request is detached its own handler would be called */

    if (ws->connection->data == ws) {
        ngx_post_event(ws->connection->write, &ngx_posted_events);
    }

    return NGX_OK;
}


/* Drops what is queued, except a frame that has begun to leave. */

static void
ngx_http_chat_ws_drop(ngx_http_chat_ws_t *ws, ngx_uint_t all)
{
    ngx_http_chat_ws_out_t  *out, **keep;

    keep = (ws->sent && !all) ? &ws->out->next : &ws->out;

    while ((out = *keep)) {
        *keep = out->next;

        ws->queued -= out->frame->ws_len + out->frame->len;
        ws->n_out--;

        ngx_http_chat_frame_free(out->frame);
        ngx_free(out);
    }

    ws->last = keep;
}


/*
 * The client does not read.  What it was not sent it gets when it comes back
 * with its cursor: frames are dropped only together with the connection.
 */

static void
ngx_http_chat_ws_too_slow(ngx_http_chat_ws_t *ws)
{
    ngx_str_t               reason;
    ngx_http_chat_frame_t  *f;

    ws->slow = 1;

    ngx_http_chat_ws_drop(ws, 0);

    f = ws->owner->slow ? ws->owner->slow() : NULL;

    if (f) {
        (void) ngx_http_chat_ws_push(ws, f);
        ngx_http_chat_frame_free(f);
    }

    ngx_str_set(&reason, "slow: resume from your cursor");
    ngx_http_chat_ws_end(ws, CHAT_WS_SLOW, reason.data, reason.len);

    ngx_http_chat_count(ws->worker, CHAT_METRIC_SLOW_CLOSED, 1);
}


static void
ngx_http_chat_ws_write(ngx_event_t *wev)
{
    ngx_connection_t    *c;
    ngx_http_chat_ws_t  *ws;

    c = wev->data;
    ws = c->data;

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

    if (ws->closing && ws->closed) {
        ngx_http_chat_ws_finish(ws);
        return;
    }

    if (ws->failed && !ws->shut && !ngx_http_chat_ws_tls(c)) {
        ws->shut = 1;

        if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
            ngx_connection_error(c, ngx_socket_errno,
                                 ngx_shutdown_socket_n " failed");
            ngx_http_chat_ws_finish(ws);
        }
    }
}


static ngx_int_t
ngx_http_chat_ws_flush(ngx_http_chat_ws_t *ws)
{
    off_t              before;
    size_t             done;
    ngx_chain_t        links[NGX_HTTP_CHAT_WS_IOVS], *chain;
    ngx_connection_t  *c;

    c = ws->connection;

    while (c->write->ready && (ws->out || c->buffered)) {

        chain = ngx_http_chat_ws_chain(ws, links);
        before = c->sent;

        if (c->send_chain(c, chain, 0) == NGX_CHAIN_ERROR) {
            return NGX_ERROR;
        }

        done = ngx_http_chat_ws_sent(ws, chain);

        ws->bytes_out += c->sent - before;

        if (done == 0 && c->sent == before) {
            break;
        }

        ws->progress = ngx_current_msec;
    }

    return NGX_OK;
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


/* Frees the frames that left; returns the bytes taken. */

static size_t
ngx_http_chat_ws_sent(ngx_http_chat_ws_t *ws, ngx_chain_t *chain)
{
    size_t                   done;
    ngx_buf_t               *b;
    ngx_http_chat_ws_out_t  *out;

    done = 0;

    for ( /* void */ ; chain; chain = chain->next) {
        b = chain->buf;

        if (b->pos < b->last) {
            done += (b->pos - b->start) - ws->sent;
            ws->sent = b->pos - b->start;
            break;
        }

        done += (b->last - b->start) - ws->sent;

        out = ws->out;
        ws->out = out->next;

        if (ws->out == NULL) {
            ws->last = &ws->out;
        }

        ws->queued -= b->last - b->start;
        ws->n_out--;
        ws->sent = 0;

        ngx_http_chat_count(ws->worker, CHAT_METRIC_BYTES_OUT,
                            b->last - b->start);

        ngx_http_chat_frame_free(out->frame);
        ngx_free(out);
    }

    return done;
}


static void
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
            ws->owner->idle(ws->data);
            return;
        }

    } else if (ngx_current_msec - ws->heard >= ws->ping) {
        ws->pinged = 1;
        ws->pinged_at = ngx_current_msec;

        ngx_http_chat_ws_control(ws, CHAT_WS_PING, NULL, 0);
    }

    ngx_http_chat_ws_arm(ws);
}


/* Sets the timer for whichever deadline is the next. */

static void
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

static void
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

    if (ngx_http_chat_ws_tls(c) && !ws->closed) {
        /* the peer left without a close: it will not answer here either */
        c->ssl->no_wait_shutdown = 1;
    }

    ngx_http_chat_ws_abandon(ws);

    ngx_http_close_connection(c);
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
