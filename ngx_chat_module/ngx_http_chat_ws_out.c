
/*
 * What goes out by a WebSocket: frames are shared by reference, wait within
 * bounds, and leave once per connection and turn of the event loop
 * (_ws_write.c).  While many entries come they are gathered for a moment: an
 * answer leaves together with its event, and what operators of many dialogs
 * see together.  A crowd is written to in slices, between which others have
 * their turn.
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
        ngx_http_chat_ws_free(ws, out);
    }

    ws->last = keep;
}


void
ngx_http_chat_ws_free(ngx_http_chat_ws_t *ws, ngx_http_chat_ws_out_t *out)
{
    ws->queued -= ngx_http_chat_ws_size(out);
    ws->weight -= ngx_http_chat_ws_weight(ws, out);
    ws->n_out--;

    ngx_http_chat_count(ws->worker, CHAT_METRIC_FRAMES_WAITING, -1);

    ngx_http_chat_frame_free(out->frame);
    ngx_http_chat_spare_put(&ngx_http_chat_ws_outs, out);
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
