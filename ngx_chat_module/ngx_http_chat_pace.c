
/*
 * What waits for company.  A question to Redis, a write to a socket, a wake-up
 * of another process cost about the same for one message as for ten.  While
 * there are few messages, none of them waits.  The more there are, the longer
 * they are gathered: each is later by some milliseconds then, and all of them
 * come, since Redis and the kernel have less to do for each.
 */

#include "ngx_http_chat_pace.h"


typedef struct {
    ngx_uint_t  rate;        /* entries a ms */
    ngx_uint_t  ahead;       /* so many more than that at once */
    ngx_msec_t  gather[NGX_HTTP_CHAT_PACE_KINDS];    /* ms */
} ngx_http_chat_pace_level_t;


/*
 * An XREAD over all feeds costs Redis as much as four entries; a batch, much
 * less than each of its messages.
 */

static const ngx_http_chat_pace_level_t
    ngx_http_chat_pace_levels[NGX_HTTP_CHAT_PACE_LEVELS] =
{
    { 4, 32, { 1, 0, 1 } },
    { 8, 64, { 2, 1, 3 } }
};


/* Buckets that leak; one is full after a burst, or stays full. */

void
ngx_http_chat_pace_add(ngx_http_chat_pace_t *p, ngx_uint_t n)
{
    ngx_uint_t                         i, leaked;
    ngx_msec_t                         passed;
    const ngx_http_chat_pace_level_t  *level;

    passed = ngx_current_msec - p->at;
    p->at = ngx_current_msec;

    for (i = 0; i < NGX_HTTP_CHAT_PACE_LEVELS; i++) {
        level = &ngx_http_chat_pace_levels[i];
        leaked = passed * level->rate;

        p->filled[i] -= ngx_min(p->filled[i], leaked);
        p->filled[i] = ngx_min(p->filled[i] + n, 2 * level->ahead);
    }
}


ngx_msec_t
ngx_http_chat_pace(ngx_http_chat_pace_t *p, ngx_http_chat_pace_e kind)
{
    ngx_uint_t  i;

    ngx_http_chat_pace_add(p, 0);

    for (i = NGX_HTTP_CHAT_PACE_LEVELS; i-- > 0; /* void */) {

        if (p->filled[i] >= ngx_http_chat_pace_levels[i].ahead) {
            return ngx_http_chat_pace_levels[i].gather[kind];
        }
    }

    return 0;
}
