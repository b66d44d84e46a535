
/*
 * What a hoster sees of the node: metrics, health (_status.c), and variables
 * for logs (_variables.c).
 */

#ifndef _NGX_HTTP_CHAT_STATUS_H_INCLUDED_
#define _NGX_HTTP_CHAT_STATUS_H_INCLUDED_


#include "ngx_http_chat.h"


/* Directives of a location: chat_status; chat_health; */
char *ngx_http_chat_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_chat_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* preconfiguration: $chat_... */
ngx_int_t ngx_http_chat_variables(ngx_conf_t *cf);


#endif /* _NGX_HTTP_CHAT_STATUS_H_INCLUDED_ */
