
/*
 * chat_echo: a diagnostic WebSocket that sends every message back.  The
 * socket is that of chats (ngx_http_chat_ws.h), so a conformance suite that
 * talks to an echo tests what visitors talk to; only the bounds are larger,
 * and nobody asks who it is.
 */

#include "ngx_http_chat_echo.h"
#include "ngx_http_chat_http.h"
#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_ws.h"


#define NGX_HTTP_CHAT_ECHO_FRAMES  65536     /* waiting to be read */
#define NGX_HTTP_CHAT_ECHO_ROOM    65536     /* beside two messages */


typedef struct {
    ngx_queue_t              queue;
    ngx_http_chat_worker_t  *worker;
    ngx_http_chat_ws_t      *ws;
} ngx_http_chat_echo_t;


static ngx_int_t ngx_http_chat_echo_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_echo_busy(ngx_http_request_t *r);
static ngx_http_chat_ws_t *ngx_http_chat_echo_create(ngx_http_request_t *r,
    ngx_http_chat_worker_t *w, ngx_http_chat_loc_conf_t *lcf);
static void ngx_http_chat_echo_message(void *data, int opcode,
    chat_str_t *text);
static void ngx_http_chat_echo_idle(void *data);
static void ngx_http_chat_echo_gone(void *data);
static void ngx_http_chat_echo_end(ngx_http_chat_echo_t *echo,
    ngx_uint_t code, const char *reason);


static const ngx_http_chat_ws_owner_t  ngx_http_chat_echo_owner = {
    .message = ngx_http_chat_echo_message,
    .idle = ngx_http_chat_echo_idle,
    .gone = ngx_http_chat_echo_gone,
    .paces = 1
};


char *
ngx_http_chat_conf_echo(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                       *rv;
    ngx_http_chat_loc_conf_t   *lcf;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_chat_main_conf_t  *mcf;

    lcf = conf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);

    if (rv != NGX_CONF_OK || !lcf->echo) {
        return rv;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is not possible: the location has a handler already";
    }

    clcf->handler = ngx_http_chat_echo_handler;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);
    mcf->used = 1;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_chat_echo_handler(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_http_chat_ws_t         *ws;
    ngx_http_chat_echo_t       *echo;
    ngx_http_chat_worker_t     *w;
    ngx_http_chat_loc_conf_t   *lcf;
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);
    lcf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);
    w = mcf->worker;

#if (NGX_HTTP_V2)
    if (r->stream) {
        /* no RFC 8441 in nginx, and no Upgrade in HTTP/2's answers */
        return 426;
    }
#endif

    if (w == NULL || ngx_http_chat_sessions_room(w) != NGX_OK) {
        return ngx_http_chat_echo_busy(r);
    }

    rc = ngx_http_chat_ws_handshake(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ws = ngx_http_chat_echo_create(r, w, lcf);

    if (ws == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    echo = ngx_alloc(sizeof(ngx_http_chat_echo_t), w->log);

    if (echo == NULL) {
        ngx_http_chat_ws_abandon(ws);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    echo->worker = w;
    echo->ws = ws;

    ngx_queue_insert_tail(&w->sessions->echoes, &echo->queue);
    w->connections++;

    return ngx_http_chat_ws_open(r, ws, &ngx_http_chat_echo_owner, echo);
}


static ngx_int_t
ngx_http_chat_echo_busy(ngx_http_request_t *r)
{
    static ngx_str_t  seconds = ngx_string("2");

    if (ngx_http_chat_http_header(r, "Retry-After", &seconds) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_SERVICE_UNAVAILABLE;
}


static ngx_http_chat_ws_t *
ngx_http_chat_echo_create(ngx_http_request_t *r, ngx_http_chat_worker_t *w,
    ngx_http_chat_loc_conf_t *lcf)
{
    ngx_http_chat_ws_limits_t  limits;

    limits.message = lcf->echo_message;
    limits.fragments = lcf->echo_fragments;
    limits.queue = 2 * lcf->echo_message + NGX_HTTP_CHAT_ECHO_ROOM;
    limits.frames = NGX_HTTP_CHAT_ECHO_FRAMES;
    limits.ping = lcf->ping;
    limits.stall = lcf->stall;

    return ngx_http_chat_ws_create(r, w, &limits);
}


static void
ngx_http_chat_echo_message(void *data, int opcode, chat_str_t *text)
{
    ngx_http_chat_echo_t   *echo = data;
    ngx_http_chat_frame_t  *f;

    f = ngx_http_chat_frame_alloc(text->len);

    if (f == NULL) {
        ngx_http_chat_echo_end(echo, CHAT_WS_INTERNAL, "out of memory");
        return;
    }

    f->len = text->len;
    ngx_memcpy(f->data, text->data, text->len);
    ngx_http_chat_frame_head(f, opcode);

    ngx_http_chat_ws_send(echo->ws, f);

    ngx_http_chat_frame_free(f);
}


static void
ngx_http_chat_echo_idle(void *data)
{
    ngx_http_chat_echo_end(data, CHAT_WS_GOING_AWAY, "nothing was heard");
}


static void
ngx_http_chat_echo_gone(void *data)
{
    ngx_http_chat_echo_t *echo = data;

    ngx_queue_remove(&echo->queue);
    echo->worker->connections--;

    ngx_free(echo);
}


void
ngx_http_chat_echo_drain(ngx_http_chat_worker_t *w)
{
    ngx_queue_t           *q;
    ngx_http_chat_echo_t  *echo;

    for (q = ngx_queue_head(&w->sessions->echoes);
         q != ngx_queue_sentinel(&w->sessions->echoes);
         q = ngx_queue_next(q))
    {
        echo = ngx_queue_data(q, ngx_http_chat_echo_t, queue);

        ngx_http_chat_echo_end(echo, CHAT_WS_RESTART, "reload");
    }
}


static void
ngx_http_chat_echo_end(ngx_http_chat_echo_t *echo, ngx_uint_t code,
    const char *reason)
{
    ngx_http_chat_ws_end(echo->ws, code, (u_char *) reason,
                         ngx_strlen(reason));
}
