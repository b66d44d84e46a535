
/*
 * WebSocket transport: a session behind a socket.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_ws.h"


#define NGX_HTTP_CHAT_WS_FRAMES     512      /* waiting for a client */
#define NGX_HTTP_CHAT_WS_FRAGMENTS  1024     /* of a message */


static void ngx_http_chat_ws_session_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
static void ngx_http_chat_ws_session_later(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
static void ngx_http_chat_ws_session_close(ngx_http_chat_session_t *s,
    ngx_uint_t code, ngx_str_t *reason);
static ngx_uint_t ngx_http_chat_ws_session_full(ngx_http_chat_session_t *s);

static void ngx_http_chat_ws_session_message(void *data, int opcode,
    chat_str_t *text);
static void ngx_http_chat_ws_session_drained(void *data);
static void ngx_http_chat_ws_session_idle(void *data);
static ngx_http_chat_frame_t *ngx_http_chat_ws_session_slow(void);
static void ngx_http_chat_ws_session_gone(void *data);


static const ngx_http_chat_transport_t  ngx_http_chat_ws_transport = {
    .name = "websocket",
    .send = ngx_http_chat_ws_session_send,
    .later = ngx_http_chat_ws_session_later,
    .close = ngx_http_chat_ws_session_close,
    .full = ngx_http_chat_ws_session_full
};

static const ngx_http_chat_ws_owner_t  ngx_http_chat_ws_session_owner = {
    .message = ngx_http_chat_ws_session_message,
    .drained = ngx_http_chat_ws_session_drained,
    .idle = ngx_http_chat_ws_session_idle,
    .slow = ngx_http_chat_ws_session_slow,
    .gone = ngx_http_chat_ws_session_gone
};


ngx_int_t
ngx_http_chat_ws_upgrade(ngx_http_request_t *r, ngx_http_chat_worker_t *w,
    const ngx_http_chat_identity_t *who, ngx_http_chat_loc_conf_t *lcf)
{
    ngx_int_t                   rc;
    ngx_http_chat_ws_t         *ws;
    ngx_http_chat_session_t    *s;
    ngx_http_chat_ws_limits_t   limits;

    rc = ngx_http_chat_ws_handshake(r);

    if (rc != NGX_OK) {
        return rc;
    }

    limits.message = lcf->frame_max;
    limits.fragments = NGX_HTTP_CHAT_WS_FRAGMENTS;
    limits.queue = lcf->queue;
    limits.frames = NGX_HTTP_CHAT_WS_FRAMES;
    limits.ping = lcf->ping;
    limits.stall = lcf->stall;

    ws = ngx_http_chat_ws_create(r, w, &limits);

    if (ws == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s = ngx_http_chat_session_create(w, who, &ngx_http_chat_ws_transport, ws,
                                     lcf);
    if (s == NULL) {
        ngx_http_chat_ws_abandon(ws);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_ws_open(r, ws, &ngx_http_chat_ws_session_owner, s);
}


/* The session's side: what it does with its transport. */

static void
ngx_http_chat_ws_session_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f)
{
    ngx_http_chat_ws_send(ngx_http_chat_session_transport(s), f);
}


static void
ngx_http_chat_ws_session_later(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f)
{
    ngx_http_chat_ws_send_later(ngx_http_chat_session_transport(s), f);
}


static void
ngx_http_chat_ws_session_close(ngx_http_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason)
{
    ngx_http_chat_ws_end(ngx_http_chat_session_transport(s), code,
                         reason->data, reason->len);
}


/*
 * Events fill half of the queue, then wait in the ring; the other half is for
 * answers, which a client has asked for itself.
 */

static ngx_uint_t
ngx_http_chat_ws_session_full(ngx_http_chat_session_t *s)
{
    return ngx_http_chat_ws_full(ngx_http_chat_session_transport(s));
}


/* The socket's side: what it does with its owner. */

static void
ngx_http_chat_ws_session_message(void *data, int opcode, chat_str_t *text)
{
    ngx_str_t                 reason;
    ngx_http_chat_session_t  *s = data;

    if (opcode == CHAT_WS_TEXT) {
        ngx_http_chat_session_input(s, text);
        return;
    }

    ngx_str_set(&reason, "text frames only");
    ngx_http_chat_ws_session_close(s, CHAT_WS_UNSUPPORTED, &reason);
}


static void
ngx_http_chat_ws_session_drained(void *data)
{
    ngx_http_chat_session_drained(data);
}


static void
ngx_http_chat_ws_session_idle(void *data)
{
    ngx_http_chat_session_end(data, CHAT_BYE_REASON_IDLE, 0, 1,
                              CHAT_WS_GOING_AWAY, "nothing was heard");
}


static ngx_http_chat_frame_t *
ngx_http_chat_ws_session_slow(void)
{
    return ngx_http_chat_frame_bye(CHAT_BYE_REASON_SLOW, 0, 1);
}


static void
ngx_http_chat_ws_session_gone(void *data)
{
    ngx_http_chat_session_close(data);
}
