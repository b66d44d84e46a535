
/*
 * The bus of a node: one elected worker reads the log into the ring, every
 * worker dispatches the ring to its own sessions.
 *
 *   _bus.c       election, wake-up, dispatch, the worker's clock
 *   _reader.c    log -> ring; only in the elected worker
 *   _probe.c     is what we write delivered to us?
 *   _presence.c  operators of this worker, ephemeral events
 *   _due.c       dialogs whose time has come; only in the elected worker
 */

#ifndef _NGX_HTTP_CHAT_BUS_H_INCLUDED_
#define _NGX_HTTP_CHAT_BUS_H_INCLUDED_


#include "ngx_http_chat.h"
#include "ngx_http_chat_redis.h"


#define NGX_HTTP_CHAT_TICK         250         /* ms */
#define NGX_HTTP_CHAT_LEADER_DEAD  2000        /* ms without a heartbeat */
#define NGX_HTTP_CHAT_LOOK         10          /* ms, without a slot */
#define NGX_HTTP_CHAT_ODD_EPOCH    3000        /* ms */
#define NGX_HTTP_CHAT_TURN         256         /* entries per loop turn */

/* logs of the partitions and the global one, then ephemeral streams */
#define NGX_HTTP_CHAT_FEEDS        (CHAT_FEEDS + CHAT_PARTITIONS)


typedef struct ngx_http_chat_reader_s    ngx_http_chat_reader_t;
typedef struct ngx_http_chat_due_s       ngx_http_chat_due_t;

typedef struct {
    uint64_t                    n;             /* of the last probe */
    ngx_msec_t                  written;       /* Redis confirmed it */
    ngx_msec_t                  seen;          /* any probe of this node */
    unsigned                    waiting:1;     /* written, not seen yet */
} ngx_http_chat_probe_t;

struct ngx_http_chat_bus_s {
    ngx_http_chat_worker_t     *w;
    chat_ring_t                *ring;
    u_char                     *buf;           /* one entry of the ring */
    uint64_t                    pos;           /* dispatched up to here */
    uint32_t                    epoch;         /* as of pos */
    ngx_event_t                 dispatch;
    ngx_event_t                 look;          /* instead of a wake-up */
    ngx_event_t                 tick;
    ngx_uint_t                  ticks;
    ngx_msec_t                  odd;           /* connections disagree about
                                                  the epoch since, 0 = no */
    uint32_t                    term;
    unsigned                    leader:1;
    ngx_http_chat_reader_t     *reader;
    ngx_http_chat_due_t        *due;
    ngx_http_chat_probe_t       probe;
    ngx_rbtree_t                presence;      /* by operator */
    ngx_rbtree_node_t           sentinel;
};


/* Takes a slot, looks at the ring from now on, takes part in elections. */
ngx_int_t ngx_http_chat_bus_init(ngx_http_chat_worker_t *w);
/* The worker was told to stop: somebody else reads from now on. */
void ngx_http_chat_bus_stop(ngx_http_chat_worker_t *w);
void ngx_http_chat_bus_exit(ngx_http_chat_worker_t *w);

/* There is something new in the ring: wakes the others, dispatches here. */
void ngx_http_chat_bus_publish(ngx_http_chat_bus_t *bus);
void ngx_http_chat_bus_resign(ngx_http_chat_bus_t *bus);

ngx_int_t ngx_http_chat_reader_init(ngx_http_chat_bus_t *bus);
void ngx_http_chat_reader_start(ngx_http_chat_bus_t *bus);
void ngx_http_chat_reader_stop(ngx_http_chat_bus_t *bus);
/* Connected, but something is wrong with it: connect anew. */
void ngx_http_chat_reader_fail(ngx_http_chat_bus_t *bus, const char *why);
void ngx_http_chat_reader_exit(ngx_http_chat_bus_t *bus);

/* Each 2 s in the elected worker. */
void ngx_http_chat_probe_send(ngx_http_chat_bus_t *bus);
/* Each tick: ages, and notices a deaf reader. */
void ngx_http_chat_probe_check(ngx_http_chat_bus_t *bus);
void ngx_http_chat_probe_seen(ngx_http_chat_bus_t *bus,
    const chat_str_t *body);

void ngx_http_chat_presence_init(ngx_http_chat_bus_t *bus);
void ngx_http_chat_presence_renew(ngx_http_chat_bus_t *bus);
void ngx_http_chat_presence_exit(ngx_http_chat_bus_t *bus);

ngx_int_t ngx_http_chat_due_init(ngx_http_chat_bus_t *bus);
/* Each 500 ms in the elected worker. */
void ngx_http_chat_due_poll(ngx_http_chat_bus_t *bus);
void ngx_http_chat_due_exit(ngx_http_chat_bus_t *bus);


#endif /* _NGX_HTTP_CHAT_BUS_H_INCLUDED_ */
