
/*
 * A connection to Redis: nginx's connection, hiredis' formatter and reader.
 * It comes back by itself after a failure, with growing pauses, until it is
 * closed.  What a lost call means is for its owner to decide: nothing is
 * ever sent twice from here.
 *
 *  closed -> connecting -> AUTH, SELECT, INFO, scripts, rights, store -> ready
 *               ^ pause <-------- any failure ----------------------------+
 */

#ifndef _NGX_HTTP_CHAT_REDIS_H_INCLUDED_
#define _NGX_HTTP_CHAT_REDIS_H_INCLUDED_


#include "ngx_http_chat.h"
#include "ngx_http_chat_reply.h"
#include "chat_cmd.h"


#define NGX_HTTP_CHAT_REDIS_TIMEOUT  3000      /* ms, connect and answers */
#define NGX_HTTP_CHAT_REDIS_PAUSE    50        /* ms, doubles up to */
#define NGX_HTTP_CHAT_REDIS_PAUSES   1000
#define NGX_HTTP_CHAT_REDIS_STEADY   5000      /* ms up: the pause is short */

/*
 * Called exactly once for every call that was taken, from the event loop, in
 * order.  NGX_OK: `reply` is the handler's (ngx_http_chat_reply_free()); it
 * may be an error reply, but not one that tells that the server cannot serve
 * us.
 * NGX_ERROR: the connection is gone, whether the call was executed is not
 * known, reply is NULL.
 */
typedef void (*ngx_http_chat_redis_reply_pt)(void *data, ngx_int_t rc,
    redisReply *reply);

struct ngx_http_chat_redis_s {
    ngx_http_chat_worker_t      *w;
    ngx_http_chat_redis_conf_t  *conf;
    const char                  *purpose;      /* for logs */

    /* ready to take calls; was ready and is no more (after all its calls
     * were answered NGX_ERROR).  They may close, not free. */
    void                       (*ready)(ngx_http_chat_redis_t *r);
    void                       (*lost)(ngx_http_chat_redis_t *r);
    void                        *data;

    uint32_t                     epoch;        /* of the server, when ready */
    unsigned                     up:1;         /* ready */
    unsigned                     blocks:1;     /* its calls wait for news: no
                                                  round trips to measure */

    /* private */
    unsigned                     wanted:1;
    unsigned                     reported:1;   /* this outage is in the log */
    char                         reason[128];  /* ... as this */
    ngx_msec_t                   told;         /* ... at this time */
    ngx_uint_t                   state;
    ngx_uint_t                   script;
    ngx_uint_t                   turn;         /* counts connections */
    ngx_connection_t            *connection;
    ngx_peer_connection_t        peer;
    ngx_log_t                    quiet;        /* we tell what happened */
    redisReader                 *reader;
    ngx_http_chat_reply_build_t  build;
    u_char                      *out;
    size_t                       out_pos;
    size_t                       out_last;
    size_t                       out_size;
    size_t                       out_max;
    ngx_queue_t                  pending;
    ngx_event_t                  timer;        /* pause, or oldest answer */
    uint64_t                     asked;        /* us, when the calls that
                                                  are not sent yet; 0: none */
    ngx_msec_t                   pause;
    ngx_msec_t                   since;        /* beginning of the outage */
    ngx_msec_t                   up_since;
    ngx_uint_t                   flaps;        /* failures soon after, in a
                                                  row */
};


/* Fills *r; out_max bounds what is formatted but not yet sent. */
void ngx_http_chat_redis_init(ngx_http_chat_redis_t *r,
    ngx_http_chat_worker_t *w, const char *purpose, size_t out_max);

/* Connects and stays connected until closed.  Never fails: it tries again. */
void ngx_http_chat_redis_open(ngx_http_chat_redis_t *r);
void ngx_http_chat_redis_close(ngx_http_chat_redis_t *r);

/* Drops the connection, for a reason to be logged, and connects anew. */
void ngx_http_chat_redis_fail(ngx_http_chat_redis_t *r, const char *why);

/*
 * Queues RESP bytes (copied) to be sent at the end of this loop turn.
 * NGX_OK; NGX_DECLINED: not ready; NGX_BUSY: too much waits; NGX_ERROR: out
 * of memory.  The handler is not called unless NGX_OK.
 */
ngx_int_t ngx_http_chat_redis_send(ngx_http_chat_redis_t *r,
    const chat_str_t *bytes, ngx_msec_t timeout,
    ngx_http_chat_redis_reply_pt handler, void *data);

/* The same with a command; cmd == NULL is out of memory. */
ngx_int_t ngx_http_chat_redis_call(ngx_http_chat_redis_t *r,
    const chat_cmd_t *cmd, ngx_msec_t timeout,
    ngx_http_chat_redis_reply_pt handler, void *data);

/* A handler for calls whose answer does not matter; data is r. */
void ngx_http_chat_redis_ignore(void *data, ngx_int_t rc, redisReply *reply);


#endif /* _NGX_HTTP_CHAT_REDIS_H_INCLUDED_ */
