
/*
 * WebSockets: the hand-shake and the way out of HTTP (_ws_upgrade.c), the
 * socket (_ws.c, _ws_in.c, _ws_out.c, _ws_write.c), compression
 * (_ws_deflate.c), and what is behind a socket: a session (_ws_session.c) or
 * an echo (_echo.c).
 *
 * The socket knows neither of the two.  A conformance suite that talks to
 * the echo shall have met the very code visitors talk to: reading, parser,
 * UTF-8, compression, queue, time-outs and closing; so what differs (who
 * gets a message, and what is said at the end) is a table of functions.
 */

#ifndef _NGX_HTTP_CHAT_WS_H_INCLUDED_
#define _NGX_HTTP_CHAT_WS_H_INCLUDED_


#include "ngx_http_chat_session.h"
#include "chat_ws.h"


typedef struct ngx_http_chat_ws_s          ngx_http_chat_ws_t;
typedef struct ngx_http_chat_ws_deflate_s  ngx_http_chat_ws_deflate_t;


/* What is behind a socket; `data` is what it was opened with. */
typedef struct {
    /* A whole text or binary message; not kept. */
    void      (*message)(void *data, int opcode, chat_str_t *text);
    /* What waited has left, after ngx_http_chat_ws_full() was true. */
    void      (*drained)(void *data);
    /* Nothing was heard, not even a pong: say goodbye. */
    void      (*idle)(void *data);
    /* A last frame for a client that does not read; NULL: none. */
    ngx_http_chat_frame_t  *(*slow)(void);
    /* The connection is gone. */
    void      (*gone)(void *data);
    /* Nothing more is read while answers wait; else the owner paces. */
    unsigned    paces:1;
} ngx_http_chat_ws_owner_t;

typedef struct {
    uint32_t    message;           /* bytes, uncompressed */
    uint32_t    fragments;         /* of a message */
    size_t      queue;             /* bytes that may wait */
    uint32_t    frames;            /* and frames */
    ngx_msec_t  ping;
    ngx_msec_t  stall;
} ngx_http_chat_ws_limits_t;


extern const chat_ws_mem_t  ngx_http_chat_ws_mem;


/* _ws_upgrade.c */

/* RFC 6455, 4.2.1.  NGX_OK, or the status to answer; its headers are set. */
ngx_int_t ngx_http_chat_ws_handshake(ngx_http_request_t *r);

/*
 * Sends the 101 and leaves the request behind, from a posted event.
 * NGX_DONE, and ngx_http_chat_ws_start() or _abandon() will be called; else
 * the status to answer.
 */
ngx_int_t ngx_http_chat_ws_switch(ngx_http_request_t *r,
    ngx_http_chat_ws_t *ws);

/*
 * All values of a request header of that (lower case) name, one after
 * another: the one behind `after`, NULL at the end.
 */
ngx_table_elt_t *ngx_http_chat_ws_header(ngx_http_request_t *r,
    const char *name, ngx_table_elt_t *after);


/* _ws.c, _ws_out.c */

/* After the hand-shake is found to be good.  NULL: out of memory. */
ngx_http_chat_ws_t *ngx_http_chat_ws_create(ngx_http_request_t *r,
    ngx_http_chat_worker_t *w, const ngx_http_chat_ws_limits_t *limits);

/*
 * Gives it its owner, who may use it from now on, and leaves HTTP: NGX_DONE;
 * else the status to answer, and `gone` was called.
 */
ngx_int_t ngx_http_chat_ws_open(ngx_http_request_t *r, ngx_http_chat_ws_t *ws,
    const ngx_http_chat_ws_owner_t *owner, void *data);

/* The request is gone, the connection is ours; `left` came with it. */
void ngx_http_chat_ws_start(ngx_http_chat_ws_t *ws, ngx_str_t *left);

/* Frees everything but the connection. */
void ngx_http_chat_ws_abandon(ngx_http_chat_ws_t *ws);

/*
 * Closes one whose peer is gone and which waits for its turn, to make room:
 * NGX_OK, or NGX_DECLINED: there is none.
 */
ngx_int_t ngx_http_chat_ws_reap_one(ngx_http_chat_worker_t *w);

/* Takes a reference; a client over its bounds is closed. */
void ngx_http_chat_ws_send(ngx_http_chat_ws_t *ws, ngx_http_chat_frame_t *f);
/* The same, with the next one or within 100 ms. */
void ngx_http_chat_ws_send_later(ngx_http_chat_ws_t *ws,
    ngx_http_chat_frame_t *f);

/* Does enough wait already?  Then `drained` will be called. */
ngx_uint_t ngx_http_chat_ws_full(ngx_http_chat_ws_t *ws);

/* Our close frame, after what is queued. */
void ngx_http_chat_ws_end(ngx_http_chat_ws_t *ws, ngx_uint_t code,
    u_char *reason, size_t len);


/* _ws_deflate.c: permessage-deflate (core/chat_deflate.h) */

/*
 * Agrees with the client if it is configured: *d, or NULL.  NGX_OK, or the
 * status to answer.
 */
ngx_int_t ngx_http_chat_ws_deflate(ngx_http_request_t *r,
    ngx_http_chat_worker_t *w, const ngx_http_chat_deflate_conf_t *conf,
    ngx_http_chat_ws_deflate_t **d);
void ngx_http_chat_ws_deflate_done(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d);

/*
 * The frame as this client gets it, with a reference for the caller: itself
 * where compressing does not pay.  Clients without contexts share one.
 */
ngx_http_chat_frame_t *ngx_http_chat_ws_pack(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d, ngx_http_chat_frame_t *f);

/*
 * Replaces a compressed message by what it is.  0, and the message must be
 * given back with _inflated(); or the code to close with, and *reason.
 */
ngx_uint_t ngx_http_chat_ws_inflate(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d, chat_ws_event_t *ev, size_t max,
    u_char **reason);
void ngx_http_chat_ws_inflated(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d, chat_ws_event_t *ev);

/* The worker ends. */
void ngx_http_chat_ws_deflate_exit(ngx_http_chat_worker_t *w);


#endif /* _NGX_HTTP_CHAT_WS_H_INCLUDED_ */
