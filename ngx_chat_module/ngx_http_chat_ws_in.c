
/*
 * What comes in by a WebSocket: bytes are read into one buffer per worker,
 * go through the parser, and whole messages to the owner.
 */

#include "ngx_http_chat_ws_internal.h"


#define NGX_HTTP_CHAT_WS_BUDGET     131072   /* bytes per turn of the loop */


static void ngx_http_chat_ws_event(ngx_http_chat_ws_t *ws,
    chat_ws_event_t *ev);
static void ngx_http_chat_ws_message(ngx_http_chat_ws_t *ws,
    chat_ws_event_t *ev);
static void ngx_http_chat_ws_fail(ngx_http_chat_ws_t *ws, ngx_uint_t code,
    u_char *reason, size_t len);


void
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

    if (ws->lost) {
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

        if (n == 0 && ws->closed && (ws->out || c->buffered)) {
            /* it sends no more, but may read what it waits for */
            ws->eof = 1;
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_chat_ws_lost(ws);
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


void
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

        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ws->connection->log, 0,
                       "chat websocket: open -> closing by the peer, code %d",
                       ev->code);

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
