
/*
 * The host of operations in a worker: one connection for commands, and what
 * waits for it.
 *
 *   collected (appends)
 *      -> waiting (the store is away) -> sent -> answered -> tail, 30 s
 *                        ^------ connection lost, numbered
 *
 * Appends of one loop turn go out together, and those that come while others
 * are on their way wait for the answer: a store that is slow, or much used,
 * gets fewer and greater batches, which cost it less.
 *
 * Writes with a sender's number may be sent again: the store takes each
 * number once.  The rest is answered CHAT_ERROR when a connection is lost.
 */

#ifndef _NGX_HTTP_CHAT_WRITE_H_INCLUDED_
#define _NGX_HTTP_CHAT_WRITE_H_INCLUDED_


#include "ngx_http_chat.h"
#include "ngx_http_chat_redis.h"


#define NGX_HTTP_CHAT_WRITE_AGE   5000         /* ms in the outbox */
#define NGX_HTTP_CHAT_TAIL_AGE    30000        /* ms kept for replay */
#define NGX_HTTP_CHAT_TAIL_SYNC   2000         /* ms until it is on a disk */
#define NGX_HTTP_CHAT_TAIL_MAX    (8 * 1024 * 1024)
#define NGX_HTTP_CHAT_REPLAY_AGE  5000         /* ms for predecessors */
#define NGX_HTTP_CHAT_REPLAY_PAUSE_MAX  2000   /* ms between two tries */
#define NGX_HTTP_CHAT_REPLAY_WAIT 2000         /* ms for other workers */


/* One command on its way to Redis, and whom to answer. */
typedef struct {
    ngx_queue_t                 queue;
    ngx_http_chat_writer_t     *writer;
    chat_str_t                  bytes;         /* hiredis'; empty: collected */
    ngx_msec_t                  since;         /* asked; in the tail: acked */
    uint64_t                    order;         /* in the tail: by log id */
    uint64_t                    taken;         /* appends that are in the
                                                  log, the first is bit 0 */
    ngx_uint_t                  n;             /* calls */
    unsigned                    append:1;      /* else one commit or read */
    unsigned                    numbered:1;
    unsigned                    tried:1;       /* sent at least once */
    unsigned                    again:1;       /* replayed after a loss */
    chat_call_t                *calls[1];      /* n; NULL: not waited for */
} ngx_http_chat_unit_t;


struct ngx_http_chat_writer_s {
    ngx_http_chat_worker_t     *w;
    ngx_http_chat_redis_t       redis;         /* shared: commands of the bus
                                                  that need no answer */

    ngx_http_chat_unit_t       *collected;     /* always there */
    ngx_uint_t                  appending;     /* units, waiting or sent */
    ngx_queue_t                 waiting;
    ngx_queue_t                 sent;
    ngx_queue_t                 again;         /* sent, then lost */
    size_t                      bytes;         /* in all of these */
    ngx_uint_t                  calls;
    ngx_msec_t                  down;          /* since when, 0 = up */

    void                       *woken;         /* ops to run, linked through
                                                  their woken */
    void                      **woken_last;
    ngx_event_t                 flush;
    ngx_event_t                 run;

    ngx_queue_t                 tail;          /* oldest first */
    size_t                      tail_bytes;
    ngx_uint_t                  tail_writes;
    ngx_msec_t                  tail_since;    /* when it grew last */
    uint32_t                    epoch;         /* the tail was acked in */

    ngx_queue_t                 replay;        /* to be sent, in order */
    ngx_queue_t                 replaying;     /* sent */
    ngx_queue_t                 refused;       /* tried, to be tried again */
    ngx_uint_t                  replayed;
    ngx_msec_t                  replay_since;
    ngx_msec_t                  replay_pause;
    ngx_event_t                 replay_timer;
    unsigned                    settled:1;     /* nobody replays any more */
    unsigned                    round:1;       /* the first one goes on: new
                                                  writes wait */

    chat_heap_t                *heap;          /* for formatting */
    chat_append_t               scratch[CHAT_APPEND_BATCH];
};


/* Fills w->writer and w->host, opens the connection. */
ngx_int_t ngx_http_chat_write_init(ngx_http_chat_worker_t *w);
void ngx_http_chat_write_exit(ngx_http_chat_worker_t *w);

/* Each second: gives up what is too old. */
void ngx_http_chat_write_tick(ngx_http_chat_worker_t *w);

/*
 * Each second: a dead connection is noticed before it is needed, within 4 s
 * (NGX_HTTP_CHAT_REDIS_TIMEOUT after the next ping), also by a worker that
 * has nothing to ask.  So is a server that answers and takes no writes (a
 * replica), since it is asked to delete a key that never is: where writing is
 * allowed that changes nothing, nor does it reach the AOF.
 */
void ngx_http_chat_write_ping(ngx_http_chat_worker_t *w);

/*
 * Does anything wait for an answer, or may Redis still lose what only this
 * worker could say again?  A stopping one stays for that.
 */
ngx_uint_t ngx_http_chat_write_busy(ngx_http_chat_worker_t *w);

/*
 * Fire and forget, for what may be lost: dropped when the store is away or
 * much waits already.  cmd == NULL is out of memory.
 */
void ngx_http_chat_write_casual(ngx_http_chat_worker_t *w,
    const chat_cmd_t *cmd);

/* An arena for building one command, valid until the next call. */
chat_mem_t *ngx_http_chat_write_mem(ngx_http_chat_worker_t *w);

/* After a loss: another worker may have come further (_replay.c). */
void ngx_http_chat_replay_go(ngx_http_chat_worker_t *w);
/* All of this node that was lost is written again, as far as it is known. */
ngx_uint_t ngx_http_chat_replay_settled(ngx_http_chat_worker_t *w);


#endif /* _NGX_HTTP_CHAT_WRITE_H_INCLUDED_ */
