
#include "ngx_http_chat_spare.h"


/* A sanitizer, of gcc or clang, is to see each use of what was given back. */

#ifndef __has_feature
#define __has_feature(feature)  0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define ngx_http_chat_spare_full(s)  1
#else
#define ngx_http_chat_spare_full(s)  ((s)->n >= (s)->max)
#endif


static ngx_http_chat_spare_t  *ngx_http_chat_spares;


void *
ngx_http_chat_spare_get(ngx_http_chat_spare_t *s, ngx_log_t *log)
{
    void  *p;

    p = ngx_http_chat_spare_take(s);

    return p ? p : ngx_alloc(s->size, log);
}


void *
ngx_http_chat_spare_take(ngx_http_chat_spare_t *s)
{
    void  *p;

    p = s->first;

    if (p) {
        s->first = *(void **) p;
        s->n--;
    }

    return p;
}


void
ngx_http_chat_spare_put(ngx_http_chat_spare_t *s, void *p)
{
    if (ngx_http_chat_spare_full(s)) {
        ngx_free(p);
        return;
    }

    if (!s->used) {
        s->used = 1;
        s->next = ngx_http_chat_spares;
        ngx_http_chat_spares = s;
    }

    *(void **) p = s->first;

    s->first = p;
    s->n++;
}


void
ngx_http_chat_spare_sum(ngx_uint_t *blocks, size_t *bytes)
{
    ngx_http_chat_spare_t  *s;

    *blocks = 0;
    *bytes = 0;

    for (s = ngx_http_chat_spares; s; s = s->next) {
        *blocks += s->n;
        *bytes += s->n * s->size;
    }
}


void
ngx_http_chat_spare_exit(void)
{
    void                   *p;
    ngx_http_chat_spare_t  *s;

    for (s = ngx_http_chat_spares; s; s = s->next) {
        while ((p = ngx_http_chat_spare_take(s))) {
            ngx_free(p);
        }
    }
}
