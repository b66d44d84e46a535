
/*
 * The zone: what the workers of one node share.  Everything is allocated
 * when it is made; a reload attaches to what is there and changes nothing.
 * It holds no addresses of processes, no descriptors, no references.
 *
 * A worker takes a slot by writing its pid into it; slots of dead workers are
 * taken over.  Slot i is woken through eventfd i of a pool that the master
 * made once: every generation of workers inherits all of them.
 */

#ifndef _NGX_HTTP_CHAT_ZONE_H_INCLUDED_
#define _NGX_HTTP_CHAT_ZONE_H_INCLUDED_


#include "ngx_http_chat.h"
#include "chat_rate.h"


#define NGX_HTTP_CHAT_SLOTS       256
#define NGX_HTTP_CHAT_ZONE_MAGIC  0x74616863
/* An entry is at most 1/64 of the ring, a body in the log up to 64k. */
#define NGX_HTTP_CHAT_ZONE_MIN    (8 * 1024 * 1024)
/* argon2id takes 64M each */
#define NGX_HTTP_CHAT_CHECKS      2


typedef struct {
    ngx_atomic_t        pid;           /* 0 = free */
    ngx_atomic_t        armed;         /* sleeps: wake it for a new entry */
    ngx_atomic_t        exiting;
    ngx_atomic_t        checks;        /* of passwords, running */
    ngx_atomic_t        delivered;     /* the last probe, ngx_current_msec */
    ngx_atomic_t        down;          /* since then without Redis, or 0 */
    ngx_atomic_t        refused;       /* the last write that Redis did not
                                          take of it, or 0 */
    ngx_atomic_t        replay_epoch;  /* of the server, 0 = not connected */
    ngx_atomic_t        replay_next;   /* order of the first write it has yet
                                          to send again; all bits: none */
    /* of all workers it ever had; gauges: of the one it has */
    ngx_atomic_t        counters[CHAT_METRIC_MAX];
} ngx_http_chat_slot_t;


struct ngx_http_chat_zone_s {
    uint32_t            magic;
    uint32_t            layout;        /* sizeof(ngx_http_chat_zone_t) */
    size_t              ring_size;
    uint64_t            node;          /* random: two masters are two nodes */

    ngx_atomic_t        leader;        /* pid of the reader of the log */
    ngx_atomic_t        heartbeat;     /* its, ngx_current_msec */

    ngx_atomic_t        keys_seq;      /* odd while keys are written */
    chat_keys_t         keys;
    u_char              cursor_key[16];

    u_char              rates_key[16];           /* random */
    chat_rates_t        visitors;                /* new ones, by address */

    /* the last one is for counting in workers that got none */
    ngx_http_chat_slot_t  slots[NGX_HTTP_CHAT_SLOTS + 1];
};


/* chat_zone: NGX_CONF_OK or a text. */
char *ngx_http_chat_zone_add(ngx_conf_t *cf, ngx_http_chat_main_conf_t *mcf,
    ngx_str_t *name, size_t size);

/* From init_module: fills the pool of eventfds up to what workers need. */
void ngx_http_chat_zone_eventfds(ngx_cycle_t *cycle);

/*
 * Takes a slot and listens on its eventfd: `handler` gets an event whose
 * data is a connection whose data is w.  NGX_DECLINED: no slot with an
 * eventfd is free, the worker has to look by itself.
 */
ngx_int_t ngx_http_chat_zone_claim(ngx_http_chat_worker_t *w,
    ngx_event_handler_pt handler);
void ngx_http_chat_zone_release(ngx_http_chat_worker_t *w);

/* Wakes all sleeping workers of the node but this one. */
void ngx_http_chat_zone_wake(ngx_http_chat_worker_t *w);
/* From now on a new entry wakes us: look once more after this. */
void ngx_http_chat_zone_arm(ngx_http_chat_worker_t *w);

/* Whether a process that wrote its pid somewhere is still there. */
ngx_uint_t ngx_http_chat_zone_alive(ngx_atomic_uint_t pid);
/* Is there a worker in the zone that does not exit? */
ngx_uint_t ngx_http_chat_zone_staying(ngx_http_chat_zone_t *zone);

/*
 * The writers' lock of the ring and the keys; nobody ever waits for it.
 * That of an owner who died is taken over.
 */
ngx_uint_t ngx_http_chat_zone_trylock(ngx_http_chat_worker_t *w);
void ngx_http_chat_zone_unlock(ngx_http_chat_worker_t *w);

chat_ring_t *ngx_http_chat_zone_ring(ngx_http_chat_zone_t *zone);

/* Keys of visitors' tokens.  get: NGX_DECLINED before the first set. */
ngx_int_t ngx_http_chat_zone_keys_get(ngx_http_chat_zone_t *zone,
    chat_keys_t *keys);
ngx_int_t ngx_http_chat_zone_keys_set(ngx_http_chat_worker_t *w,
    const chat_keys_t *keys);

/* The key of cursors follows from the store's id. */
void ngx_http_chat_zone_store(ngx_http_chat_worker_t *w,
    const chat_str_t *id);

/* Password checks of the node: NGX_BUSY beyond NGX_HTTP_CHAT_CHECKS. */
ngx_int_t ngx_http_chat_zone_check_begin(ngx_http_chat_worker_t *w);
void ngx_http_chat_zone_check_end(ngx_http_chat_worker_t *w);

/*
 * _zone_count.c
 *
 * The row of this worker; all that have no slot share one.
 */
ngx_http_chat_slot_t *ngx_http_chat_zone_row(ngx_http_chat_worker_t *w);

/*
 * What the others may know of this worker: a probe came by; Redis is there;
 * it takes no writes.
 */
void ngx_http_chat_zone_delivered(ngx_http_chat_worker_t *w);
void ngx_http_chat_zone_link(ngx_http_chat_worker_t *w, ngx_uint_t up);
void ngx_http_chat_zone_refused(ngx_http_chat_worker_t *w, ngx_uint_t yes);

/* ms: the worker that waits longest for a probe, even if it is stuck. */
ngx_int_t ngx_http_chat_zone_age(ngx_http_chat_zone_t *zone);
/* ms: the worker that stays and is longest without Redis, 0: none is. */
ngx_int_t ngx_http_chat_zone_down(ngx_http_chat_zone_t *zone);
/* Was a write refused to any of them within `ms`, and none taken since? */
ngx_uint_t ngx_http_chat_zone_refuses(ngx_http_chat_zone_t *zone,
    ngx_msec_int_t ms);

/* One metric over all workers: their sum, or what the above say. */
ngx_int_t ngx_http_chat_zone_metric(ngx_http_chat_zone_t *zone,
    ngx_uint_t m);


#endif /* _NGX_HTTP_CHAT_ZONE_H_INCLUDED_ */
