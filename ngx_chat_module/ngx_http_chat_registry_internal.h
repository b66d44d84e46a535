
/*
 * Between _registry.c (caches) and _registry_load.c (what the store is
 * asked).
 */

#ifndef _NGX_HTTP_CHAT_REGISTRY_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_REGISTRY_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_registry.h"


typedef struct ngx_http_chat_known_s  ngx_http_chat_known_t;

typedef struct {
    ngx_rbtree_t             tree;
    ngx_rbtree_node_t        sentinel;
    ngx_queue_t              used;          /* most recently used first */
    ngx_uint_t               n;
    ngx_uint_t               max;
    unsigned                 is_login:1;    /* else sites */
} ngx_http_chat_cache_t;

/* An operation that reads the registry. */
typedef struct {
    ngx_http_chat_owner_t    owner;
    ngx_http_chat_worker_t  *worker;
    ngx_pool_t              *pool;
    chat_mem_t               mem;
    chat_op_t                op;
    ngx_http_chat_known_t   *known;         /* NULL: keys */
    ngx_str_t                hosts;         /* of a site to be made */
    uint64_t                 account;       /* ditto */
    ngx_uint_t               tries;
    chat_keys_t              keys;
} ngx_http_chat_load_t;

/* What is known of a site or a login. */
struct ngx_http_chat_known_s {
    ngx_str_node_t           node;          /* name, or hex of the hash */
    ngx_queue_t              used;
    ngx_queue_t              waiters;
    ngx_http_chat_cache_t   *cache;
    ngx_pool_t              *pool;          /* its own memory */
    ngx_http_chat_load_t    *load;          /* being asked for */
    time_t                   absent;        /* till then it is not there */
    unsigned                 ready:1;
    unsigned                 refused:1;     /* could not be made either */
    unsigned                 stale:1;       /* changed during the load */

    union {
        chat_site_t            site;
        ngx_http_chat_login_t  login;
    } u;
};

struct ngx_http_chat_registry_s {
    ngx_http_chat_cache_t    sites;
    ngx_http_chat_cache_t    logins;

    chat_keys_t              keys;          /* copy of the zone's */
    ngx_atomic_uint_t        keys_seq;
    ngx_http_chat_load_t    *keys_load;
    ngx_queue_t              keys_waiters;
    ngx_event_t              keys_timer;
};


/* Start a load; it ends, never at once, with one of the calls below. */
ngx_http_chat_load_t *ngx_http_chat_load_known(ngx_http_chat_worker_t *w,
    ngx_http_chat_known_t *k);
ngx_http_chat_load_t *ngx_http_chat_load_keys(ngx_http_chat_worker_t *w);

/* Without any of these calls. */
void ngx_http_chat_load_cancel(ngx_http_chat_load_t *load);

void ngx_http_chat_registry_keys_set(ngx_http_chat_worker_t *w,
    const chat_keys_t *keys);
void ngx_http_chat_registry_loaded(ngx_http_chat_worker_t *w,
    ngx_http_chat_known_t *k, ngx_int_t rc);
void ngx_http_chat_registry_keys_loaded(ngx_http_chat_worker_t *w,
    ngx_int_t rc);


#endif /* _NGX_HTTP_CHAT_REGISTRY_INTERNAL_H_INCLUDED_ */
