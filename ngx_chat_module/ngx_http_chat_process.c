
/*
 * Life of the process: the worker object, made and freed; and how a worker
 * learns that it shall stop, while clients are still here.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_spare.h"
#include "ngx_http_chat_write.h"
#include "ngx_http_chat_zone.h"


#define NGX_HTTP_CHAT_CALLS   8                /* one place of so many */
#define NGX_HTTP_CHAT_LINGER  100              /* ms */
#define NGX_HTTP_CHAT_LINGERS 70               /* more than an outbox's age */


static ngx_int_t ngx_http_chat_start(ngx_http_chat_worker_t *w);
static void ngx_http_chat_places(ngx_http_chat_worker_t *w);
static ngx_int_t ngx_http_chat_watch(ngx_http_chat_worker_t *w);
static void ngx_http_chat_quit(ngx_event_t *ev);
static void ngx_http_chat_linger(ngx_event_t *ev);


/* An error here would end a running master: it only prepares. */

ngx_int_t
ngx_http_chat_init_module(ngx_cycle_t *cycle)
{
    ngx_http_chat_main_conf_t  *mcf;

    if (ngx_test_config) {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chat_module);

    if (mcf && mcf->used) {
        ngx_http_chat_zone_eventfds(cycle);
    }

    return NGX_OK;
}


/*
 * Cache managers and loaders come by here, too.  An error would end the
 * worker for good ("cannot be respawned"): websites go on without chat.
 */

ngx_int_t
ngx_http_chat_init_process(ngx_cycle_t *cycle)
{
    ngx_pool_t                 *pool;
    ngx_http_chat_worker_t     *w;
    ngx_http_chat_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chat_module);

    if (mcf == NULL || !mcf->used) {
        return NGX_OK;
    }

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, cycle->log);
    if (pool == NULL) {
        return NGX_OK;
    }

    w = ngx_pcalloc(pool, sizeof(ngx_http_chat_worker_t));

    if (w) {
        w->mcf = mcf;
        w->cycle = cycle;
        w->pool = pool;
        w->log = cycle->log;
        w->zone = mcf->zone->data;
        w->slot = -1;

        if (ngx_http_chat_start(w) == NGX_OK) {
            mcf->worker = w;
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                  "chat: no memory to start with: this worker serves no "
                  "chat");

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_start(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_places(w);

    if (ngx_http_chat_registry_init(w) != NGX_OK
        || ngx_http_chat_sessions_init(w) != NGX_OK
        || ngx_http_chat_write_init(w) != NGX_OK
        || ngx_http_chat_bus_init(w) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_chat_watch(w);
}


/*
 * Requests have places beside those of the clients that are connected:
 * streams and polls send by them.  By default chat has half of all.
 */

static void
ngx_http_chat_places(ngx_http_chat_worker_t *w)
{
    ngx_uint_t                  half, calls;
    ngx_http_chat_main_conf_t  *mcf;

    mcf = w->mcf;

    half = ngx_max(w->cycle->connection_n / 2, 2);
    calls = ngx_max(half / NGX_HTTP_CHAT_CALLS, 1);

    if (mcf->connections >= w->cycle->connection_n) {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "chat_connections %ui leaves none of %ui "
                      "worker_connections to websites: %ui are used",
                      mcf->connections, w->cycle->connection_n, half - calls);
        mcf->connections = 0;
    }

    if (mcf->connections == 0) {
        mcf->connections = half - calls;
        mcf->calls = calls;
        return;
    }

    mcf->calls = ngx_max(mcf->connections / NGX_HTTP_CHAT_CALLS, calls);
}


void
ngx_http_chat_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_chat_worker_t     *w;
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_chat_module);

    if (mcf == NULL || mcf->worker == NULL) {
        return;
    }

    w = mcf->worker;
    mcf->worker = NULL;

    ngx_http_chat_bus_exit(w);
    ngx_http_chat_sessions_exit(w);
    ngx_http_chat_registry_exit(w);
    ngx_http_chat_write_exit(w);

    ngx_http_chat_spare_exit();

    ngx_destroy_pool(w->pool);
}


/*
 * A graceful stop is told to idle connections only, and nothing but timers
 * keeps the worker from leaving: an idle connection that is none, and is
 * the first to hear of it.
 */

static ngx_int_t
ngx_http_chat_watch(ngx_http_chat_worker_t *w)
{
    ngx_connection_t  *c, *saved;

    saved = ngx_cycle->files ? ngx_cycle->files[0] : NULL;

    c = ngx_get_connection(0, w->log);

    if (ngx_cycle->files) {
        ngx_cycle->files[0] = saved;
    }

    if (c == NULL) {
        return NGX_ERROR;
    }

    c->fd = (ngx_socket_t) -2;
    c->idle = 1;
    c->data = w;
    c->log = w->log;
    c->read->log = w->log;
    c->write->log = w->log;
    c->read->handler = ngx_http_chat_quit;

    return NGX_OK;
}


static void
ngx_http_chat_quit(ngx_event_t *ev)
{
    ngx_connection_t        *c, *saved;
    ngx_http_chat_worker_t  *w;

    c = ev->data;
    w = c->data;

    if (!c->close) {
        return;
    }

    /* a descriptor that is valid for ngx_free_connection() */

    saved = ngx_cycle->files ? ngx_cycle->files[0] : NULL;

    c->fd = 0;
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    if (ngx_cycle->files) {
        ngx_cycle->files[0] = saved;
    }

    w->exiting = 1;

    ngx_http_chat_bus_stop(w);
    ngx_http_chat_sessions_drain(w);

    /* answers under way are worth a moment */

    w->linger.handler = ngx_http_chat_linger;
    w->linger.data = w;
    w->linger.log = w->log;

    ngx_http_chat_stay(w);
}


void
ngx_http_chat_stay(ngx_http_chat_worker_t *w)
{
    if (w->exiting) {
        w->lingers = 0;

        if (!w->linger.timer_set) {
            ngx_add_timer(&w->linger, NGX_HTTP_CHAT_LINGER);
        }
    }
}


static void
ngx_http_chat_linger(ngx_event_t *ev)
{
    ngx_http_chat_worker_t  *w;

    w = ev->data;

    /* who waits for the store has no timer of its own */

    if ((ngx_http_chat_write_busy(w) || w->requests)
        && w->lingers++ < NGX_HTTP_CHAT_LINGERS)
    {
        ngx_add_timer(ev, NGX_HTTP_CHAT_LINGER);
    }
}


void *
ngx_http_chat_palloc(void *pool, size_t size)
{
    return ngx_palloc(pool, size);
}
