
/*
 * The zone shared by the workers of a node: slots, wake-up, locks, keys.
 */

#include "ngx_http_chat_zone.h"
#include <sys/eventfd.h>
#include <sodium.h>


static ngx_int_t ngx_http_chat_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static size_t ngx_http_chat_zone_head(void);
static ngx_int_t ngx_http_chat_zone_take(ngx_http_chat_zone_t *zone,
    ngx_uint_t i);
static ngx_int_t ngx_http_chat_zone_listen(ngx_http_chat_worker_t *w,
    ngx_event_handler_pt handler);
static void ngx_http_chat_zone_clear(ngx_http_chat_slot_t *slot);


/*
 * The only mutable globals of the module: they have to outlive every cycle,
 * for workers of all generations wake each other through them.
 */
static ngx_fd_t    ngx_http_chat_eventfd[NGX_HTTP_CHAT_SLOTS];
static ngx_uint_t  ngx_http_chat_eventfd_n;


char *
ngx_http_chat_zone_add(ngx_conf_t *cf, ngx_http_chat_main_conf_t *mcf,
    ngx_str_t *name, size_t size)
{
    /* the size is that of the ring: what manages it, and the pages of the
     * slab allocator, come on top */

    size += ngx_http_chat_zone_head() + 16 * ngx_pagesize;
    size += size / ngx_pagesize * sizeof(ngx_slab_page_t);

    mcf->zone = ngx_shared_memory_add(cf, name, size, &ngx_http_chat_module);
    if (mcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->zone->init = ngx_http_chat_zone_init;

    return NGX_CONF_OK;
}


static size_t
ngx_http_chat_zone_head(void)
{
    return ngx_align(sizeof(ngx_http_chat_zone_t), ngx_pagesize);
}


/* In the master, before it is known that the new configuration is good. */

static ngx_int_t
ngx_http_chat_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t                 size;
    ngx_slab_pool_t       *shpool;
    ngx_http_chat_zone_t  *zone;

    if (data) {
        zone = data;

        if (zone->magic != NGX_HTTP_CHAT_ZONE_MAGIC
            || zone->layout != sizeof(ngx_http_chat_zone_t)
            || chat_ring_check(ngx_http_chat_zone_ring(zone),
                               zone->ring_size)
               != CHAT_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "chat_zone \"%V\" is of another layout: restart "
                          "nginx", &shm_zone->shm.name);
            return NGX_ERROR;
        }

        shm_zone->data = zone;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* everything there is, at once: nothing is allocated later */

    size = shpool->pfree * ngx_pagesize;

    zone = ngx_slab_alloc(shpool, size);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(zone, sizeof(ngx_http_chat_zone_t));

    zone->layout = sizeof(ngx_http_chat_zone_t);
    zone->ring_size = size - ngx_http_chat_zone_head();

    randombytes_buf(&zone->node, sizeof(zone->node));
    randombytes_buf(zone->rates_key, sizeof(zone->rates_key));

    if (chat_ring_init(ngx_http_chat_zone_ring(zone), zone->ring_size)
        != CHAT_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "chat_zone \"%V\" is too small", &shm_zone->shm.name);
        return NGX_ERROR;
    }

    zone->magic = NGX_HTTP_CHAT_ZONE_MAGIC;
    shm_zone->data = zone;

    return NGX_OK;
}


chat_ring_t *
ngx_http_chat_zone_ring(ngx_http_chat_zone_t *zone)
{
    return (chat_ring_t *) ((u_char *) zone + ngx_http_chat_zone_head());
}


/*
 * Never fails: workers without a descriptor poll.  Enough for the workers of
 * four generations; more workers after a reload get more descriptors, which
 * older generations do not know and therefore cannot wake.
 */

void
ngx_http_chat_zone_eventfds(ngx_cycle_t *cycle)
{
    ngx_fd_t          fd;
    ngx_uint_t        n;
    struct rlimit     rlmt;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    n = ngx_max(32, 4 * (ngx_uint_t) ngx_max(1, ccf->worker_processes));
    n = ngx_min(n, NGX_HTTP_CHAT_SLOTS);

    /* clients need descriptors more */

    if (getrlimit(RLIMIT_NOFILE, &rlmt) == 0) {
        n = ngx_min(n, (ngx_uint_t) rlmt.rlim_cur / 8);
    }

    while (ngx_http_chat_eventfd_n < n) {
        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                          "eventfd() failed: some workers will poll");
            return;
        }

        ngx_http_chat_eventfd[ngx_http_chat_eventfd_n++] = fd;
    }
}


ngx_int_t
ngx_http_chat_zone_claim(ngx_http_chat_worker_t *w,
    ngx_event_handler_pt handler)
{
    ngx_uint_t  i;

    w->slot = -1;

    for (i = 0; i < NGX_HTTP_CHAT_SLOTS; i++) {

        if (ngx_http_chat_zone_take(w->zone, i) == NGX_OK) {
            w->slot = i;
            break;
        }
    }

    /* the first slots have eventfds, the rest is good for counting */

    if (w->slot >= 0
        && w->slot < (ngx_int_t) ngx_http_chat_eventfd_n
        && ngx_http_chat_zone_listen(w, handler) == NGX_OK)
    {
        ngx_log_debug1(NGX_LOG_DEBUG_HTTP, w->log, 0,
                       "chat: slot %i", w->slot);
        return NGX_OK;
    }

    ngx_http_chat_gauge(w, CHAT_METRIC_NO_SLOT, 1);

    return NGX_DECLINED;
}


/* A slot that is free, or whose worker died. */

static ngx_int_t
ngx_http_chat_zone_take(ngx_http_chat_zone_t *zone, ngx_uint_t i)
{
    ngx_atomic_uint_t      pid;
    ngx_http_chat_slot_t  *slot;

    slot = &zone->slots[i];
    pid = slot->pid;

    if (ngx_http_chat_zone_alive(pid)
        || !ngx_atomic_cmp_set(&slot->pid, pid, ngx_pid))
    {
        return NGX_DECLINED;
    }

    /* we do not wait since its last owner died */

    slot->delivered = ngx_current_msec;
    slot->down = ngx_current_msec | 1;
    slot->refused = 0;

    ngx_http_chat_zone_clear(slot);

    slot->armed = 0;
    slot->checks = 0;
    slot->exiting = 0;
    slot->replay_epoch = 0;
    slot->replay_next = (ngx_atomic_uint_t) -1;

    return NGX_OK;
}


/*
 * The same as ngx_add_channel_event(), which leaves no way to c->data.  A
 * "channel" may stay open when the worker exits.
 */

static ngx_int_t
ngx_http_chat_zone_listen(ngx_http_chat_worker_t *w,
    ngx_event_handler_pt handler)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(ngx_http_chat_eventfd[w->slot], w->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = w;
    c->log = w->log;
    c->read->log = w->log;
    c->write->log = w->log;
    c->read->channel = 1;
    c->write->channel = 1;
    c->read->handler = handler;

    if (ngx_add_event(c->read, NGX_READ_EVENT, 0) == NGX_ERROR) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_chat_zone_release(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_slot_t  *slot;

    if (w->slot < 0) {
        return;
    }

    slot = &w->zone->slots[w->slot];

    slot->armed = 0;
    ngx_http_chat_zone_clear(slot);
    ngx_memory_barrier();
    slot->pid = 0;

    w->slot = -1;
}


/*
 * What a worker has counted stays in its slot when it is gone, and whoever
 * takes the slot goes on from there: nothing is moved, so nothing is lost or
 * counted twice by a death on the way.  Gauges were its own.
 */

static void
ngx_http_chat_zone_clear(ngx_http_chat_slot_t *slot)
{
    ngx_uint_t  m;

    for (m = 0; m < CHAT_METRIC_MAX; m++) {

        if (chat_metrics[m].gauge) {
            slot->counters[m] = 0;
        }
    }
}


void
ngx_http_chat_zone_wake(ngx_http_chat_worker_t *w)
{
    uint64_t               one;
    ngx_int_t              i;
    ngx_http_chat_slot_t  *slot;

    one = 1;

    for (i = 0; i < (ngx_int_t) ngx_http_chat_eventfd_n; i++) {
        slot = &w->zone->slots[i];

        if (i == w->slot
            || slot->pid == 0
            || !slot->armed
            || !ngx_atomic_cmp_set(&slot->armed, 1, 0))
        {
            continue;
        }

        if (write(ngx_http_chat_eventfd[i], &one, sizeof(one)) == -1
            && ngx_errno != NGX_EAGAIN)
        {
            ngx_log_error(NGX_LOG_ALERT, w->log, ngx_errno,
                          "write() to eventfd %i failed", i);
        }
    }
}


void
ngx_http_chat_zone_arm(ngx_http_chat_worker_t *w)
{
    if (w->slot < 0) {
        return;
    }

    w->zone->slots[w->slot].armed = 1;
    ngx_memory_barrier();
}


ngx_uint_t
ngx_http_chat_zone_alive(ngx_atomic_uint_t pid)
{
    if (pid == 0) {
        return 0;
    }

    return kill((ngx_pid_t) pid, 0) == 0 || ngx_errno != ESRCH;
}


ngx_uint_t
ngx_http_chat_zone_staying(ngx_http_chat_zone_t *zone)
{
    ngx_uint_t             i;
    ngx_http_chat_slot_t  *slot;

    for (i = 0; i < NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &zone->slots[i];

        if (slot->pid && !slot->exiting
            && ngx_http_chat_zone_alive(slot->pid))
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_chat_zone_trylock(ngx_http_chat_worker_t *w)
{
    ngx_slab_pool_t    *shpool;
    ngx_atomic_uint_t   pid;

    shpool = (ngx_slab_pool_t *) w->mcf->zone->shm.addr;

    if (ngx_shmtx_trylock(&shpool->mutex)) {
        return 1;
    }

    /* the master frees those of its own cycle only: not that of a zone that
       a reload replaced, nor anybody's when it is dead itself */

    pid = *shpool->mutex.lock;

    return pid
           && !ngx_http_chat_zone_alive(pid)
           && ngx_shmtx_force_unlock(&shpool->mutex, pid)
           && ngx_shmtx_trylock(&shpool->mutex);
}


void
ngx_http_chat_zone_unlock(ngx_http_chat_worker_t *w)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) w->mcf->zone->shm.addr;

    ngx_shmtx_unlock(&shpool->mutex);
}


/* A writer may die between: the next one makes the sequence even again. */

ngx_int_t
ngx_http_chat_zone_keys_set(ngx_http_chat_worker_t *w,
    const chat_keys_t *keys)
{
    ngx_http_chat_zone_t  *zone;

    zone = w->zone;

    if (!ngx_http_chat_zone_trylock(w)) {
        return NGX_BUSY;
    }

    zone->keys_seq |= 1;
    ngx_memory_barrier();

    zone->keys = *keys;

    ngx_memory_barrier();
    zone->keys_seq++;

    ngx_http_chat_zone_unlock(w);

    return NGX_OK;
}


ngx_int_t
ngx_http_chat_zone_keys_get(ngx_http_chat_zone_t *zone, chat_keys_t *keys)
{
    ngx_uint_t         tries;
    ngx_atomic_uint_t  seq;

    for (tries = 0; tries < 100; tries++) {
        seq = zone->keys_seq;

        if (seq == 0) {
            return NGX_DECLINED;
        }

        ngx_memory_barrier();
        *keys = zone->keys;
        ngx_memory_barrier();

        if (!(seq & 1) && seq == zone->keys_seq) {
            return keys->n ? NGX_OK : NGX_DECLINED;
        }

        ngx_cpu_pause();
    }

    return NGX_DECLINED;
}


/* All workers come to the same key, whoever writes it. */

void
ngx_http_chat_zone_store(ngx_http_chat_worker_t *w, const chat_str_t *id)
{
    u_char  key[16];

    (void) crypto_generichash(key, sizeof(key), id->data, id->len,
                              (u_char *) "chat cursor key.", 16);

    if (ngx_memcmp(key, w->zone->cursor_key, sizeof(key)) != 0) {
        ngx_memcpy(w->zone->cursor_key, key, sizeof(key));
    }
}


ngx_int_t
ngx_http_chat_zone_check_begin(ngx_http_chat_worker_t *w)
{
    ngx_uint_t             i, n;
    ngx_http_chat_slot_t  *slot;

    slot = ngx_http_chat_zone_row(w);

    (void) ngx_atomic_fetch_add(&slot->checks, 1);

    n = 0;

    for (i = 0; i <= NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &w->zone->slots[i];

        if (slot->checks
            && (i == NGX_HTTP_CHAT_SLOTS
                || ngx_http_chat_zone_alive(slot->pid)))
        {
            n += slot->checks;
        }
    }

    if (n > NGX_HTTP_CHAT_CHECKS) {
        ngx_http_chat_zone_check_end(w);
        return NGX_BUSY;
    }

    return NGX_OK;
}


void
ngx_http_chat_zone_check_end(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_slot_t  *slot;

    slot = ngx_http_chat_zone_row(w);

    (void) ngx_atomic_fetch_add(&slot->checks, -1);
}
