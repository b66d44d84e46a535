
#ifndef _NGX_HTTP_CHAT_PACE_H_INCLUDED_
#define _NGX_HTTP_CHAT_PACE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HTTP_CHAT_PACE_LEVELS  2


/* What is gathered. */
typedef enum {
    NGX_HTTP_CHAT_PACE_READ = 0,     /* entries of the log for an XREAD */
    NGX_HTTP_CHAT_PACE_APPEND,       /* messages for a batch */
    NGX_HTTP_CHAT_PACE_SEND,         /* frames for a socket */
    NGX_HTTP_CHAT_PACE_KINDS
} ngx_http_chat_pace_e;


/* How many entries came lately to this worker; zeros at the start. */
typedef struct {
    ngx_msec_t  at;
    ngx_uint_t  filled[NGX_HTTP_CHAT_PACE_LEVELS];
} ngx_http_chat_pace_t;


/* n entries came. */
void ngx_http_chat_pace_add(ngx_http_chat_pace_t *p, ngx_uint_t n);

/* ms to gather what is of that kind; 0: it goes at the end of this turn. */
ngx_msec_t ngx_http_chat_pace(ngx_http_chat_pace_t *p,
    ngx_http_chat_pace_e kind);


#endif /* _NGX_HTTP_CHAT_PACE_H_INCLUDED_ */
