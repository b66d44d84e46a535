
/*
 * chat_echo: a diagnostic WebSocket that sends every message back.
 */

#ifndef _NGX_HTTP_CHAT_ECHO_H_INCLUDED_
#define _NGX_HTTP_CHAT_ECHO_H_INCLUDED_


#include "ngx_http_chat.h"


/* The directive: makes its location an echo. */
char *ngx_http_chat_conf_echo(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* Graceful stop: closes all of them, at once. */
void ngx_http_chat_echo_drain(ngx_http_chat_worker_t *w);


#endif /* _NGX_HTTP_CHAT_ECHO_H_INCLUDED_ */
