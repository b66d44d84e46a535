
/*
 * The writer of a worker: its connection to Redis for commands, and what
 * waits for it, in order (ngx_http_chat_write.h).
 */

#include "ngx_http_chat_write_internal.h"
#include "ngx_http_chat_zone.h"


static void ngx_http_chat_write_ready(ngx_http_chat_redis_t *r);
static void ngx_http_chat_write_lost(ngx_http_chat_redis_t *r);


ngx_int_t
ngx_http_chat_write_init(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_writer_t  *wr;

    wr = ngx_pcalloc(w->pool, sizeof(ngx_http_chat_writer_t));
    if (wr == NULL) {
        return NGX_ERROR;
    }

    wr->w = w;

    wr->heap = chat_heap_create(0);
    if (wr->heap == NULL) {
        return NGX_ERROR;
    }

    wr->collected = ngx_http_chat_unit_create(wr, CHAT_APPEND_BATCH);
    if (wr->collected == NULL) {
        return NGX_ERROR;
    }

    wr->collected->numbered = 1;

    ngx_queue_init(&wr->waiting);
    ngx_queue_init(&wr->sent);
    ngx_queue_init(&wr->again);

    wr->flush.handler = ngx_http_chat_write_flush;
    wr->flush.data = wr;
    wr->flush.log = w->log;

    ngx_http_chat_host_init(wr);
    ngx_http_chat_replay_init(wr);

    w->writer = wr;

    /* the outbox and the tail at once, at the worst */

    ngx_http_chat_redis_init(&wr->redis, w, "commands",
                             w->mcf->outbox + 2 * NGX_HTTP_CHAT_TAIL_MAX);

    wr->redis.ready = ngx_http_chat_write_ready;
    wr->redis.lost = ngx_http_chat_write_lost;
    wr->redis.data = wr;

    wr->down = ngx_current_msec;

    ngx_http_chat_redis_open(&wr->redis);

    return NGX_OK;
}


/* The process ends: nobody waits for answers any more. */

void
ngx_http_chat_write_exit(ngx_http_chat_worker_t *w)
{
    ngx_queue_t             *q;
    ngx_http_chat_writer_t  *wr;

    wr = w->writer;

    w->up = 0;
    ngx_http_chat_redis_close(&wr->redis);

    /* whose lost answers may have set it */

    if (wr->flush.timer_set) {
        ngx_del_timer(&wr->flush);
    }

    if (!ngx_queue_empty(&wr->again)) {
        ngx_queue_add(&wr->waiting, &wr->again);
    }

    while (!ngx_queue_empty(&wr->waiting)) {
        q = ngx_queue_head(&wr->waiting);
        ngx_queue_remove(q);
        ngx_http_chat_unit_free(ngx_queue_data(q, ngx_http_chat_unit_t,
                                               queue));
    }

    ngx_http_chat_unit_free(wr->collected);

    ngx_http_chat_replay_exit(wr);
    chat_heap_destroy(wr->heap);
}


void
ngx_http_chat_write_tick(ngx_http_chat_worker_t *w)
{
    ngx_queue_t             *q, *next;
    ngx_http_chat_unit_t    *u;
    ngx_http_chat_writer_t  *wr;

    wr = w->writer;

    for (q = ngx_queue_head(&wr->waiting);
         q != ngx_queue_sentinel(&wr->waiting);
         q = next)
    {
        next = ngx_queue_next(q);
        u = ngx_queue_data(q, ngx_http_chat_unit_t, queue);

        if (ngx_current_msec - u->since < NGX_HTTP_CHAT_WRITE_AGE) {
            continue;
        }

        ngx_queue_remove(q);
        ngx_http_chat_write_leave(wr, u);
        ngx_http_chat_unit_answer(u, u->tried ? CHAT_ERROR : CHAT_BUSY);
    }

    ngx_http_chat_replay_tick(wr);

    ngx_http_chat_gauge(w, CHAT_METRIC_OUTBOX,
                        wr->calls + wr->collected->n);
    ngx_http_chat_gauge(w, CHAT_METRIC_REPLAY_TAIL, wr->tail_writes);
}


ngx_uint_t
ngx_http_chat_write_busy(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_writer_t  *wr;

    wr = w->writer;

    return wr->collected->n || wr->calls || ngx_http_chat_replay_due(wr);
}


void
ngx_http_chat_write_casual(ngx_http_chat_worker_t *w, const chat_cmd_t *cmd)
{
    ngx_http_chat_redis_t  *r;

    r = &w->writer->redis;

    if (r->out_last - r->out_pos > w->mcf->outbox / 4) {
        return;
    }

    (void) ngx_http_chat_redis_call(r, cmd, NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                    ngx_http_chat_redis_ignore, r);
}


void
ngx_http_chat_write_ping(ngx_http_chat_worker_t *w)
{
    chat_mem_t  *mem;
    chat_cmd_t  *cmd;
    chat_str_t   none;

    mem = ngx_http_chat_write_mem(w);
    none = chat_key_global(mem, "none");
    cmd = chat_cmd_create(mem, 2);

    if (cmd) {
        chat_cmd_lit(cmd, "DEL");
        chat_cmd_str(cmd, &none);
        ngx_http_chat_write_casual(w, cmd);
    }
}


chat_mem_t *
ngx_http_chat_write_mem(ngx_http_chat_worker_t *w)
{
    chat_heap_reset(w->writer->heap);

    return chat_heap_mem(w->writer->heap);
}


/* The connection ---------------------------------------------------------- */

static void
ngx_http_chat_write_ready(ngx_http_chat_redis_t *r)
{
    ngx_http_chat_writer_t  *wr;

    wr = r->data;

    if (ngx_http_chat_replay_start(wr) == NGX_OK) {
        ngx_http_chat_write_up(wr);
    }
}


void
ngx_http_chat_write_up(ngx_http_chat_writer_t *wr)
{
    wr->w->up = 1;
    ngx_http_chat_zone_link(wr->w, 1);

    ngx_http_chat_write_push(wr);
    ngx_http_chat_sessions_link(wr->w, 1);
}


/* What was sent and may be sent again goes before what waits. */

static void
ngx_http_chat_write_lost(ngx_http_chat_redis_t *r)
{
    ngx_uint_t               was_up;
    ngx_http_chat_writer_t  *wr;

    wr = r->data;

    if (!ngx_queue_empty(&wr->again)) {

        if (!ngx_queue_empty(&wr->waiting)) {
            ngx_queue_add(&wr->again, &wr->waiting);
            ngx_queue_init(&wr->waiting);
        }

        ngx_queue_add(&wr->waiting, &wr->again);
        ngx_queue_init(&wr->again);
    }

    ngx_http_chat_replay_lost(wr);

    was_up = wr->w->up;

    wr->w->up = 0;

    if (was_up) {
        wr->down = ngx_current_msec;
        ngx_http_chat_zone_link(wr->w, 0);
        ngx_http_chat_sessions_link(wr->w, 0);
    }
}
