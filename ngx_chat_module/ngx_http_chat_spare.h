
/*
 * Blocks of one size that a worker needs again and again: kept when they are
 * given back, up to a bound, where malloc() would join and split them.
 */

#ifndef _NGX_HTTP_CHAT_SPARE_H_INCLUDED_
#define _NGX_HTTP_CHAT_SPARE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_http_chat_spare_s  ngx_http_chat_spare_t;

struct ngx_http_chat_spare_s {
    size_t                   size;         /* of a block */
    ngx_uint_t               max;          /* kept at most */
    ngx_uint_t               n;
    void                    *first;
    ngx_http_chat_spare_t   *next;         /* all that were used */
    unsigned                 used:1;
};


/* Of static ones: size >= sizeof(void *). */
#define ngx_http_chat_spare(size, max)  { (size), (max), 0, NULL, NULL, 0 }

/* NULL: out of memory.  Not zeroed. */
void *ngx_http_chat_spare_get(ngx_http_chat_spare_t *s, ngx_log_t *log);
/* NULL: none is kept.  All but the first word is as it was given back. */
void *ngx_http_chat_spare_take(ngx_http_chat_spare_t *s);
/* A block of ngx_alloc() or ngx_memalign(): kept or freed. */
void ngx_http_chat_spare_put(ngx_http_chat_spare_t *s, void *p);

/* How much the process keeps, of all sizes. */
void ngx_http_chat_spare_sum(ngx_uint_t *blocks, size_t *bytes);
/* It ends: all of this is freed. */
void ngx_http_chat_spare_exit(void);


#endif /* _NGX_HTTP_CHAT_SPARE_H_INCLUDED_ */
