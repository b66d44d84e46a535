
/*
 * What the files of a connection to Redis share.
 *
 *   _redis.c         connecting, giving up, time-outs
 *   _redis_hello.c   the hand-shake
 *   _redis_io.c      calls out, answers in
 */

#ifndef _NGX_HTTP_CHAT_REDIS_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_REDIS_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_redis.h"
#include "chat_str.h"


#define NGX_HTTP_CHAT_REDIS_KEEP  262144       /* of idle buffers */
#define NGX_HTTP_CHAT_REDIS_AGAIN 60000        /* ms: the same is told again */
#define NGX_HTTP_CHAT_REDIS_FLAPS 3            /* at once after it came */

#define ngx_http_chat_redis_steady(r)                                        \
    (ngx_current_msec - (r)->up_since >= NGX_HTTP_CHAT_REDIS_STEADY)

/* Coming back is no news any more: staying is. */
#define ngx_http_chat_redis_flaps(r)                                         \
    ((r)->flaps == NGX_HTTP_CHAT_REDIS_FLAPS)


/* The names are what happens next. */
typedef enum {
    NGX_HTTP_CHAT_REDIS_CLOSED = 0,
    NGX_HTTP_CHAT_REDIS_PAUSING,
    NGX_HTTP_CHAT_REDIS_CONNECTING,
    NGX_HTTP_CHAT_REDIS_AUTH,
    NGX_HTTP_CHAT_REDIS_SELECT,
    NGX_HTTP_CHAT_REDIS_INFO,
    NGX_HTTP_CHAT_REDIS_ROLE,
    NGX_HTTP_CHAT_REDIS_SCRIPTS,
    NGX_HTTP_CHAT_REDIS_RIGHTS,
    NGX_HTTP_CHAT_REDIS_STORE,
    NGX_HTTP_CHAT_REDIS_READY
} ngx_http_chat_redis_state_e;

typedef struct {
    ngx_queue_t                    queue;
    ngx_http_chat_redis_reply_pt   handler;
    void                          *data;
    ngx_msec_t                     deadline;
    uint64_t                       asked;      /* us */
} ngx_http_chat_redis_pending_t;


/* _redis.c */

/* The one way from state to state: told in the debug log. */
void ngx_http_chat_redis_state(ngx_http_chat_redis_t *r,
    ngx_http_chat_redis_state_e state);
/* ngx_http_chat_redis_fail() with the system's reason. */
void ngx_http_chat_redis_broken(ngx_http_chat_redis_t *r, const char *what,
    ngx_err_t err);
/* The outage is over: told, if the outage was. */
void ngx_http_chat_redis_back(ngx_http_chat_redis_t *r);
/* Tells what is refused of what we ask; the connection stays. */
void ngx_http_chat_redis_denied(ngx_http_chat_redis_t *r, const char *why);
/* Sets the timer for the oldest call. */
void ngx_http_chat_redis_expect(ngx_http_chat_redis_t *r);

/* _redis_hello.c */

/* The next step, with the answer to the one before. */
void ngx_http_chat_redis_handshake(ngx_http_chat_redis_t *r,
    redisReply *reply);

/* _redis_io.c */

/* The oldest of a queue of calls, which is not empty: it leaves it. */
ngx_http_chat_redis_pending_t ngx_http_chat_redis_answered(
    ngx_queue_t *pending);
void ngx_http_chat_redis_read(ngx_event_t *rev);
void ngx_http_chat_redis_write(ngx_event_t *wev);
/* ngx_http_chat_redis_call() for the hand-shake: also when not ready. */
ngx_int_t ngx_http_chat_redis_format(ngx_http_chat_redis_t *r,
    const chat_cmd_t *cmd, ngx_msec_t timeout,
    ngx_http_chat_redis_reply_pt handler, void *data);


#endif /* _NGX_HTTP_CHAT_REDIS_INTERNAL_H_INCLUDED_ */
