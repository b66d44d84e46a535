
/*
 * Directives that nginx's own setters do not read.  All return NGX_CONF_OK,
 * NGX_CONF_ERROR (told already), or a text that nginx puts after the
 * directive's name.
 */

#ifndef _NGX_HTTP_CHAT_CONF_H_INCLUDED_
#define _NGX_HTTP_CHAT_CONF_H_INCLUDED_


#include "ngx_http_chat.h"


/* A `post` of the size, time and number setters. */
typedef struct {
    ngx_conf_post_handler_pt    check;
    ngx_uint_t                  low;
    ngx_uint_t                  high;
    char                       *text;        /* "must be between ..." */
} ngx_http_chat_bounds_t;

/* Finds the bounds in post; data is the value read. */
char *ngx_http_chat_conf_bounds(ngx_conf_t *cf, void *post, void *data);

char *ngx_http_chat_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* _conf_redis.c */
char *ngx_http_chat_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_conf_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_conf_site(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_conf_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_chat_conf_visitor_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* _ws_deflate.c */
char *ngx_http_chat_conf_deflate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* "prefix=rest": rest, which is not copied; 0: something else. */
ngx_uint_t ngx_http_chat_conf_prefix(ngx_str_t *value, const char *prefix,
    ngx_str_t *rest);

/*
 * What can be judged only when all is read: which servers have chat, that
 * there is a zone and a Redis for them, and which site each of them is.
 */
ngx_int_t ngx_http_chat_conf_servers(ngx_conf_t *cf);


#endif /* _NGX_HTTP_CHAT_CONF_H_INCLUDED_ */
