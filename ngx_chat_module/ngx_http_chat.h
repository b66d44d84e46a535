
/*
 * What the files of the module share.  One worker object per worker process
 * hangs on the main configuration; nothing else is global.
 *
 *   _module.c    directives, configuration
 *   _process.c   life of the process
 *   _conf.c      directives that take an address, a zone, a rate
 *   _zone.[ch]   shared zone: slots, wake-up, keys, counters, the ring
 *   _redis.[ch]  a Redis connection on ngx_connection_t (hiredis formatter
 *                and reader only)
 *   _bus.[ch]    election, dispatching the ring, the clock of the worker
 *   _reader.c    the elected worker: log -> ring, epoch
 *   _probe.c _presence.c _due.c  what the bus does now and then
 *   _host.c _unit.c _write.[ch]  host of operations: batches appends
 *   _replay.c    acknowledged writes, kept and sent again after a loss
 *   _session.[ch]  one client, whatever the transport: commands in, frames out
 *   _ws.c _sse.c _poll.c  the transports
 *   _echo.[ch]   a WebSocket that sends everything back
 *   _http.[ch]   addresses: routing, identity, Origin, JSON answers, files
 *   _registry.[ch]  sites, sessions of operators, keys: cached per worker
 */

#ifndef _NGX_HTTP_CHAT_H_INCLUDED_
#define _NGX_HTTP_CHAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <ngx_thread_pool.h>

#include "chat.h"
#include "chat_event.h"
#include "chat_op.h"
#include "chat_ring.h"
#include "chat_script.h"
#include "chat_store.h"
#include "chat_token.h"

#include "ngx_http_chat_pace.h"


typedef struct ngx_http_chat_worker_s    ngx_http_chat_worker_t;
typedef struct ngx_http_chat_session_s   ngx_http_chat_session_t;
typedef struct ngx_http_chat_zone_s      ngx_http_chat_zone_t;
typedef struct ngx_http_chat_redis_s     ngx_http_chat_redis_t;
typedef struct ngx_http_chat_bus_s       ngx_http_chat_bus_t;
typedef struct ngx_http_chat_writer_s    ngx_http_chat_writer_t;
typedef struct ngx_http_chat_registry_s  ngx_http_chat_registry_t;
typedef struct ngx_http_chat_sessions_s  ngx_http_chat_sessions_t;
typedef struct ngx_http_chat_owner_s     ngx_http_chat_owner_t;


/* chat_redis: parsed, never resolved or connected by nginx -t. */
typedef struct {
    ngx_addr_t                  addr;        /* literal IP or unix socket */
    ngx_str_t                   user;
    ngx_str_t                   password;
    ngx_str_t                   db;          /* decimal, empty = 0 */
    ngx_str_t                   name;        /* for logs, without password */
} ngx_http_chat_redis_conf_t;


typedef struct {
    ngx_shm_zone_t             *zone;        /* its data is w->zone */
    ngx_http_chat_redis_conf_t *redis;
    ngx_uint_t                  connections; /* per worker; 0 = with calls
                                                half of worker_connections */
    ngx_uint_t                  calls;       /* beside them: requests that are
                                                no client that stays */
    ngx_msec_t                  drain;       /* pacing of closes on reload */
    size_t                      outbox;      /* bytes waiting for Redis */
    ngx_thread_pool_t          *threads;     /* "default": password checks */
    ngx_http_chat_worker_t     *worker;      /* set in init_process */
    unsigned                    used:1;      /* chat or chat_cabinet is on
                                                somewhere */
} ngx_http_chat_main_conf_t;


typedef struct {
    ngx_str_t                   path;        /* "/_chat/" */
    ngx_http_complex_value_t   *site;        /* chat_site */
    ngx_str_t                   name;        /* literal site name, or empty */
    ngx_str_t                   hosts;       /* literal server names, joined
                                                by spaces; _http.c */
    ngx_flag_t                  cabinet;
    unsigned                    autocreate:1;  /* literal server_name */
} ngx_http_chat_srv_conf_t;


/* chat_deflate on context=0 min=200 */
typedef struct {
    ngx_flag_t                  enable;
    size_t                      context;     /* bytes of a worker for kept
                                                contexts */
    size_t                      min;         /* shorter frames stay plain */
} ngx_http_chat_deflate_conf_t;


typedef struct {
    ngx_flag_t                  enable;
    ngx_msec_t                  ping;        /* chat_ping 25s */
    ngx_msec_t                  poll;        /* chat_poll_timeout 25s */
    size_t                      frame_max;   /* chat_frame_size 64k */
    size_t                      queue;       /* chat_send_queue 256k */
    ngx_msec_t                  stall;       /* chat_send_timeout 10s */
    ngx_uint_t                  rate;        /* chat_rate frames/s/client */
    ngx_uint_t                  burst;
    ngx_uint_t                  visitors;    /* chat_visitor_rate; 0 = off */
    ngx_uint_t                  visitors_burst;
    ngx_http_chat_deflate_conf_t  deflate;
    ngx_flag_t                  echo;        /* chat_echo; location only */
    size_t                      echo_message;    /* chat_echo_message 64k */
    ngx_uint_t                  echo_fragments;  /* chat_echo_fragments 1024 */
} ngx_http_chat_loc_conf_t;


/*
 * op->owner points to one of these: `done` gets the op back exactly once when
 * it has ended (never from inside chat_op_start() or a step, not after
 * chat_op_cancel()).  It may free the op's memory.
 */
struct ngx_http_chat_owner_s {
    void                      (*done)(ngx_http_chat_owner_t *o,
                                    chat_op_t *op);
    void                       *data;
};


struct ngx_http_chat_worker_s {
    ngx_http_chat_main_conf_t  *mcf;
    ngx_cycle_t                *cycle;
    ngx_pool_t                 *pool;        /* life of the process */
    ngx_log_t                  *log;
    ngx_http_chat_zone_t       *zone;
    ngx_int_t                   slot;        /* in the zone, -1 = none */
    ngx_http_chat_bus_t        *bus;
    ngx_http_chat_writer_t     *writer;
    ngx_http_chat_registry_t   *registry;
    ngx_http_chat_sessions_t   *sessions;
    chat_host_t                 host;        /* of operations: see _host.c */
    ngx_http_chat_pace_t        pace;        /* of the ring's entries */
    ngx_uint_t                  connections; /* chat's, in this worker */
    unsigned                    up:1;        /* Redis takes our writes */
    unsigned                    exiting:1;   /* draining */
    ngx_uint_t                  requests;    /* ours, not yet answered */
    ngx_uint_t                  calls;       /* of these, those that are not
                                                in connections */
    ngx_uint_t                  lingers;     /* waits for last answers */
    ngx_event_t                 linger;
};


/* Counters: worker's own row in the zone; m is CHAT_METRIC_<NAME>. */
void ngx_http_chat_count(ngx_http_chat_worker_t *w, ngx_uint_t m,
    ngx_int_t delta);
void ngx_http_chat_gauge(ngx_http_chat_worker_t *w, ngx_uint_t m,
    ngx_int_t value);


/* chat_alloc_pt over a pool: chat_mem_init(m, NULL, 0,
 * ngx_http_chat_palloc, pool, limit). */
void *ngx_http_chat_palloc(void *pool, size_t size);


/* _process.c, for nginx --------------------------------------------------- */

ngx_int_t ngx_http_chat_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_chat_init_process(ngx_cycle_t *cycle);
void ngx_http_chat_exit_process(ngx_cycle_t *cycle);

/* A request came: a worker that is to leave waits for its answer. */
void ngx_http_chat_stay(ngx_http_chat_worker_t *w);


/* _bus.c and _write.c, for sessions ------------------------------------- */

/* Position in the ring up to which this worker has dispatched. */
uint64_t ngx_http_chat_bus_position(ngx_http_chat_worker_t *w);
/* The epoch as of there, 0 = none yet: the ring may have a later one. */
uint32_t ngx_http_chat_bus_epoch(ngx_http_chat_worker_t *w);
/* Is what the store answers now of the history that was dispatched, and the
 * same as at `epoch`?  After a restart of Redis the one or the other of the
 * two connections comes to know of it first. */
ngx_uint_t ngx_http_chat_bus_agrees(ngx_http_chat_worker_t *w,
    uint32_t epoch);
chat_ring_t *ngx_http_chat_bus_ring(ngx_http_chat_worker_t *w);
/* 16 bytes; signs cursors, the same on all nodes of the store.  Zeros until
 * the store was reached once: a hello waits for w->up. */
const u_char *ngx_http_chat_bus_cursor_key(ngx_http_chat_worker_t *w);
/* Appends to the partition's ephemeral stream; fire and forget, bounded. */
void ngx_http_chat_bus_ephemeral(ngx_http_chat_worker_t *w,
    const chat_entry_t *e);
/* An operator's session came to or left this worker (counted here): presence
 * is renewed each 5 s, dead at 15 s. */
void ngx_http_chat_bus_presence(ngx_http_chat_worker_t *w, uint64_t account,
    uint64_t operator_id, ngx_uint_t online);


/* _session.c, for the bus ------------------------------------------------ */

/* A new entry of the ring, in ring order; LOG and EPHEMERAL. */
void ngx_http_chat_sessions_dispatch(ngx_http_chat_worker_t *w,
    chat_ring_entry_t *e, uint64_t pos);
/* Redis went or came back: link frames. */
void ngx_http_chat_sessions_link(ngx_http_chat_worker_t *w, ngx_uint_t up);
/* Something that clients wait for may have come to its end. */
void ngx_http_chat_sessions_pump(ngx_http_chat_worker_t *w);
/* The ring lapped us, or the epoch moved: every session attaches anew
 * (reset = tell it to forget what it has). */
void ngx_http_chat_sessions_resync(ngx_http_chat_worker_t *w,
    ngx_uint_t reset);
/* Graceful stop: close all with bye, spread over mcf->drain. */
void ngx_http_chat_sessions_drain(ngx_http_chat_worker_t *w);
ngx_int_t ngx_http_chat_sessions_init(ngx_http_chat_worker_t *w);
/* The process ends: operations are cancelled, memory is given back. */
void ngx_http_chat_sessions_exit(ngx_http_chat_worker_t *w);


/* _http.c ---------------------------------------------------------------- */

/* Phase handlers; from postconfiguration, if chat is used anywhere. */
ngx_int_t ngx_http_chat_http_init(ngx_conf_t *cf);


/* _registry.c ------------------------------------------------------------ */

ngx_int_t ngx_http_chat_registry_init(ngx_http_chat_worker_t *w);
/* Before the host of operations goes. */
void ngx_http_chat_registry_exit(ngx_http_chat_worker_t *w);
/* account_changed came by, or the epoch moved (account 0: everything). */
void ngx_http_chat_registry_drop(ngx_http_chat_worker_t *w, uint64_t account,
    uint64_t operator_id);
/* Token keys mirrored in the zone; NULL before the first load. */
const chat_keys_t *ngx_http_chat_registry_keys(ngx_http_chat_worker_t *w);


extern ngx_module_t  ngx_http_chat_module;


#endif /* _NGX_HTTP_CHAT_H_INCLUDED_ */
