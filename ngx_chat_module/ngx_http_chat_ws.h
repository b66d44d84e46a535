
/*
 * Between the two halves of the WebSocket transport: the hand-shake and the
 * way out of HTTP (_ws_upgrade.c), and the socket (_ws.c).
 */

#ifndef _NGX_HTTP_CHAT_WS_H_INCLUDED_
#define _NGX_HTTP_CHAT_WS_H_INCLUDED_


#include "ngx_http_chat.h"
#include "chat_ws.h"


typedef struct ngx_http_chat_ws_s  ngx_http_chat_ws_t;


/* RFC 6455, 4.2.1.  NGX_OK, or the status to answer; its headers are set. */
ngx_int_t ngx_http_chat_ws_handshake(ngx_http_request_t *r);

/*
 * Sends the 101 and leaves the request behind, from a posted event.
 * NGX_DONE, and ngx_http_chat_ws_start() or _abandon() will be called; else
 * the status to answer.
 */
ngx_int_t ngx_http_chat_ws_switch(ngx_http_request_t *r,
    ngx_http_chat_ws_t *ws);

/* The request is gone, the connection is ours; `left` came with it. */
void ngx_http_chat_ws_start(ngx_http_chat_ws_t *ws, ngx_str_t *left);

/* Frees everything but the connection. */
void ngx_http_chat_ws_abandon(ngx_http_chat_ws_t *ws);


#endif /* _NGX_HTTP_CHAT_WS_H_INCLUDED_ */
