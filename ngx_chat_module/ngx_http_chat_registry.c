
/*
 * The two caches, and who waits for what.  What is asked of the store, and
 * how, is in _registry_load.c.
 */

#include "ngx_http_chat_registry_internal.h"
#include "ngx_http_chat_zone.h"
#include "chat_str.h"


#define NGX_HTTP_CHAT_SITES_MAX   1024
#define NGX_HTTP_CHAT_LOGINS_MAX  4096

/* For so long what is not there is not asked for again. */
#define NGX_HTTP_CHAT_ABSENT_S    2


static void ngx_http_chat_cache_init(ngx_http_chat_cache_t *cache,
    ngx_uint_t max);
static ngx_http_chat_known_t *ngx_http_chat_cache_get(
    ngx_http_chat_worker_t *w, ngx_http_chat_cache_t *cache, ngx_str_t *key);
static void ngx_http_chat_cache_remove(ngx_http_chat_known_t *k);
static void ngx_http_chat_cache_drop(ngx_http_chat_worker_t *w,
    ngx_http_chat_cache_t *cache, uint64_t account, uint64_t operator_id);
static void ngx_http_chat_cache_exit(ngx_http_chat_cache_t *cache);
static ngx_uint_t ngx_http_chat_cache_concerns(ngx_http_chat_known_t *k,
    uint64_t account, uint64_t operator_id);
static ngx_int_t ngx_http_chat_registry_ask(ngx_http_chat_worker_t *w,
    ngx_http_chat_known_t *k, ngx_str_t *hosts, ngx_http_chat_wait_t *wait);
static void ngx_http_chat_registry_wait(ngx_queue_t *waiters,
    ngx_http_chat_wait_t *wait);
static void ngx_http_chat_registry_answer(ngx_queue_t *waiters, ngx_int_t rc);
static void ngx_http_chat_registry_keys_event(ngx_event_t *ev);


ngx_int_t
ngx_http_chat_registry_init(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_registry_t  *reg;

    reg = ngx_pcalloc(w->pool, sizeof(ngx_http_chat_registry_t));
    if (reg == NULL) {
        return NGX_ERROR;
    }

    ngx_http_chat_cache_init(&reg->sites, NGX_HTTP_CHAT_SITES_MAX);
    ngx_http_chat_cache_init(&reg->logins, NGX_HTTP_CHAT_LOGINS_MAX);
    reg->logins.is_login = 1;

    ngx_queue_init(&reg->keys_waiters);

    reg->keys_timer.handler = ngx_http_chat_registry_keys_event;
    reg->keys_timer.data = w;
    reg->keys_timer.log = w->log;
    reg->keys_timer.cancelable = 1;

    w->registry = reg;

    /* a herd that comes back after a restart finds the keys here */

    ngx_add_timer(&reg->keys_timer, 1);

    return NGX_OK;
}


void
ngx_http_chat_registry_exit(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_registry_t  *reg;

    reg = w->registry;

    ngx_http_chat_cache_exit(&reg->sites);
    ngx_http_chat_cache_exit(&reg->logins);

    if (reg->keys_load) {
        ngx_http_chat_load_cancel(reg->keys_load);
    }

    if (reg->keys_timer.timer_set) {
        ngx_del_timer(&reg->keys_timer);
    }
}


ngx_int_t
ngx_http_chat_registry_site(ngx_http_chat_worker_t *w, ngx_str_t *name,
    ngx_str_t *hosts, ngx_http_chat_wait_t *wait, const chat_site_t **site)
{
    ngx_http_chat_known_t  *k;

    k = ngx_http_chat_cache_get(w, &w->registry->sites, name);
    if (k == NULL) {
        return NGX_ERROR;
    }

    if (k->ready) {
        *site = &k->u.site;
        return NGX_OK;
    }

    if (k->absent > ngx_time() && (hosts == NULL || k->refused)) {
        return NGX_DECLINED;
    }

    return ngx_http_chat_registry_ask(w, k, hosts, wait);
}


ngx_int_t
ngx_http_chat_registry_login(ngx_http_chat_worker_t *w, const u_char *hash,
    ngx_http_chat_wait_t *wait, const ngx_http_chat_login_t **login)
{
    u_char                  hex[2 * CHAT_ADMIN_HASH_LEN];
    ngx_str_t               key;
    ngx_http_chat_known_t  *k;

    key.data = hex;
    key.len = chat_hex_print(hex, hash, CHAT_ADMIN_HASH_LEN) - hex;

    k = ngx_http_chat_cache_get(w, &w->registry->logins, &key);
    if (k == NULL) {
        return NGX_ERROR;
    }

    if (k->ready) {
        *login = &k->u.login;

        return k->u.login.session.expires_s > (uint64_t) ngx_time()
               && k->u.login.who.on ? NGX_OK : NGX_DECLINED;
    }

    if (k->absent > ngx_time()) {
        return NGX_DECLINED;
    }

    ngx_memcpy(k->u.login.hash, hash, CHAT_ADMIN_HASH_LEN);

    return ngx_http_chat_registry_ask(w, k, NULL, wait);
}


const chat_keys_t *
ngx_http_chat_registry_keys(ngx_http_chat_worker_t *w)
{
    ngx_atomic_uint_t          seq;
    ngx_http_chat_registry_t  *reg;

    reg = w->registry;
    seq = w->zone->keys_seq;

    if (reg->keys_seq != seq || reg->keys.n == 0) {

        if (ngx_http_chat_zone_keys_get(w->zone, &reg->keys) != NGX_OK) {
            return reg->keys.n ? &reg->keys : NULL;
        }

        reg->keys_seq = seq;
    }

    return reg->keys.n ? &reg->keys : NULL;
}


ngx_int_t
ngx_http_chat_registry_keys_load(ngx_http_chat_worker_t *w,
    ngx_http_chat_wait_t *wait)
{
    ngx_http_chat_registry_t  *reg;

    reg = w->registry;

    if (reg->keys_load == NULL) {
        reg->keys_load = ngx_http_chat_load_keys(w);

        if (reg->keys_load == NULL) {
            return NGX_ERROR;
        }
    }

    if (wait) {
        ngx_http_chat_registry_wait(&reg->keys_waiters, wait);
    }

    return NGX_AGAIN;
}


/*
 * For all workers; where somebody else holds the lock at this moment they
 * have to ask for themselves.
 */

void
ngx_http_chat_registry_keys_set(ngx_http_chat_worker_t *w,
    const chat_keys_t *keys)
{
    ngx_http_chat_registry_t  *reg;

    reg = w->registry;

    (void) ngx_http_chat_zone_keys_set(w, keys);

    reg->keys = *keys;
    reg->keys_seq = w->zone->keys_seq;
}


void
ngx_http_chat_registry_keys_loaded(ngx_http_chat_worker_t *w, ngx_int_t rc)
{
    ngx_http_chat_registry_t  *reg;

    reg = w->registry;
    reg->keys_load = NULL;

    if (rc != NGX_OK && !reg->keys_timer.timer_set) {
        ngx_add_timer(&reg->keys_timer, 1000);
    }

    ngx_http_chat_registry_answer(&reg->keys_waiters, rc);
}


static void
ngx_http_chat_registry_keys_event(ngx_event_t *ev)
{
    ngx_http_chat_worker_t  *w = ev->data;

    if (ngx_http_chat_registry_keys_load(w, NULL) == NGX_ERROR) {
        ngx_add_timer(ev, 1000);
    }
}


void
ngx_http_chat_registry_drop(ngx_http_chat_worker_t *w, uint64_t account,
    uint64_t operator_id)
{
    ngx_http_chat_cache_drop(w, &w->registry->sites, account, operator_id);
    ngx_http_chat_cache_drop(w, &w->registry->logins, account, operator_id);

    if (account == 0) {
        /* another history: perhaps another store, with other keys */
        (void) ngx_http_chat_registry_keys_load(w, NULL);
    }
}


void
ngx_http_chat_registry_cancel(ngx_http_chat_wait_t *wait)
{
    if (wait->queued) {
        ngx_queue_remove(&wait->queue);
        wait->queued = 0;
    }
}


/* ---------------------------------------------------------------- waiting */

static ngx_int_t
ngx_http_chat_registry_ask(ngx_http_chat_worker_t *w,
    ngx_http_chat_known_t *k, ngx_str_t *hosts, ngx_http_chat_wait_t *wait)
{
    if (k->load == NULL) {
        k->stale = 0;
        k->load = ngx_http_chat_load_known(w, k);

        if (k->load == NULL) {
            return NGX_ERROR;
        }
    }

    if (hosts) {
        k->load->hosts = *hosts;
    }

    ngx_http_chat_registry_wait(&k->waiters, wait);

    return NGX_AGAIN;
}


static void
ngx_http_chat_registry_wait(ngx_queue_t *waiters, ngx_http_chat_wait_t *wait)
{
    ngx_queue_insert_tail(waiters, &wait->queue);
    wait->queued = 1;
}


/* From a load: rc is NGX_OK (k is filled), NGX_DECLINED or NGX_BUSY. */

void
ngx_http_chat_registry_loaded(ngx_http_chat_worker_t *w,
    ngx_http_chat_known_t *k, ngx_int_t rc)
{
    ngx_str_t    hosts;
    ngx_queue_t  waiters;

    hosts = k->load->hosts;
    k->load = NULL;

    if (k->stale && rc != NGX_BUSY) {
        /* it changed while we were reading: read once more */

        k->stale = 0;
        k->load = ngx_http_chat_load_known(w, k);

        if (k->load) {
            k->load->hosts = hosts;
            return;
        }

        rc = NGX_BUSY;
    }

    ngx_queue_init(&waiters);

    if (!ngx_queue_empty(&k->waiters)) {
        ngx_queue_add(&waiters, &k->waiters);
        ngx_queue_init(&k->waiters);
    }

    switch (rc) {

    case NGX_OK:
        k->ready = 1;
        break;

    case NGX_DECLINED:
        k->absent = ngx_time() + NGX_HTTP_CHAT_ABSENT_S;
        k->refused = hosts.len ? 1 : 0;
        break;

    default:
        ngx_http_chat_cache_remove(k);
    }

    ngx_http_chat_registry_answer(&waiters, rc);
}


/* A waiter may look up again, wait again, or cancel others. */

static void
ngx_http_chat_registry_answer(ngx_queue_t *waiters, ngx_int_t rc)
{
    ngx_queue_t           *q, now;
    ngx_http_chat_wait_t  *wait;

    if (ngx_queue_empty(waiters)) {
        return;
    }

    ngx_queue_init(&now);
    ngx_queue_add(&now, waiters);
    ngx_queue_init(waiters);

    while (!ngx_queue_empty(&now)) {
        q = ngx_queue_head(&now);
        wait = ngx_queue_data(q, ngx_http_chat_wait_t, queue);

        ngx_http_chat_registry_cancel(wait);
        wait->handler(wait->data, rc);
    }
}


/* ---------------------------------------------------------------- a cache */

static void
ngx_http_chat_cache_init(ngx_http_chat_cache_t *cache, ngx_uint_t max)
{
    ngx_rbtree_init(&cache->tree, &cache->sentinel,
                    ngx_str_rbtree_insert_value);
    ngx_queue_init(&cache->used);
    cache->max = max;
}


/* The entry of a key, made if need be; it is the most recently used now. */

static ngx_http_chat_known_t *
ngx_http_chat_cache_get(ngx_http_chat_worker_t *w,
    ngx_http_chat_cache_t *cache, ngx_str_t *key)
{
    uint32_t                hash;
    ngx_pool_t             *pool;
    ngx_queue_t            *q;
    ngx_http_chat_known_t  *k;

    hash = ngx_crc32_short(key->data, key->len);

    k = (ngx_http_chat_known_t *) ngx_str_rbtree_lookup(&cache->tree, key,
                                                        hash);
    if (k) {
        ngx_queue_remove(&k->used);
        ngx_queue_insert_head(&cache->used, &k->used);
        return k;
    }

    /* room: the longest unused one that nobody waits for */

    for (q = ngx_queue_last(&cache->used);
         cache->n >= cache->max && q != ngx_queue_sentinel(&cache->used); )
    {
        k = ngx_queue_data(q, ngx_http_chat_known_t, used);
        q = ngx_queue_prev(q);

        if (k->load == NULL) {
            ngx_http_chat_cache_remove(k);
        }
    }

    pool = ngx_create_pool(1024, w->log);
    if (pool == NULL) {
        return NULL;
    }

    k = ngx_pcalloc(pool, sizeof(ngx_http_chat_known_t));
    if (k == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    k->node.str.len = key->len;
    k->node.str.data = ngx_pstrdup(pool, key);
    if (k->node.str.data == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    k->node.node.key = hash;
    k->pool = pool;
    k->cache = cache;
    ngx_queue_init(&k->waiters);

    ngx_rbtree_insert(&cache->tree, &k->node.node);
    ngx_queue_insert_head(&cache->used, &k->used);
    cache->n++;

    return k;
}


/* Nobody may be waiting for it. */

static void
ngx_http_chat_cache_remove(ngx_http_chat_known_t *k)
{
    ngx_rbtree_delete(&k->cache->tree, &k->node.node);
    ngx_queue_remove(&k->used);
    k->cache->n--;

    ngx_destroy_pool(k->pool);
}


/* What is being asked for goes with its entry. */

static void
ngx_http_chat_cache_exit(ngx_http_chat_cache_t *cache)
{
    ngx_queue_t            *q;
    ngx_http_chat_known_t  *k;

    while (!ngx_queue_empty(&cache->used)) {
        q = ngx_queue_head(&cache->used);
        k = ngx_queue_data(q, ngx_http_chat_known_t, used);

        if (k->load) {
            ngx_http_chat_load_cancel(k->load);
        }

        ngx_http_chat_cache_remove(k);
    }
}


static void
ngx_http_chat_cache_drop(ngx_http_chat_worker_t *w,
    ngx_http_chat_cache_t *cache, uint64_t account, uint64_t operator_id)
{
    ngx_queue_t            *q;
    ngx_http_chat_known_t  *k;

    for (q = ngx_queue_head(&cache->used);
         q != ngx_queue_sentinel(&cache->used); )
    {
        k = ngx_queue_data(q, ngx_http_chat_known_t, used);
        q = ngx_queue_next(q);

        if (k->load) {
            k->stale = 1;

        } else if (ngx_http_chat_cache_concerns(k, account, operator_id)) {
            ngx_http_chat_cache_remove(k);
        }
    }
}


static ngx_uint_t
ngx_http_chat_cache_concerns(ngx_http_chat_known_t *k, uint64_t account,
    uint64_t operator_id)
{
    if (account == 0 || !k->ready) {
        return 1;
    }

    if (!k->cache->is_login) {
        return operator_id == 0 && k->u.site.account == account;
    }

    return k->u.login.session.account == account
           && (operator_id == 0
               || k->u.login.session.operator_id == operator_id);
}
