
/*
 * From hello to live, without a gap (docs/internals/nginx.md).
 *
 * A session is given its state as of some moment not before ring position C,
 * then the ring from C to where the worker is; from then on dispatch goes on.
 * What the state contained already is left out by ids.  A client that comes
 * back while the ring still holds what it missed costs the store one small
 * question (its number), a long poll none.
 */

#include "ngx_http_chat_attach_internal.h"
#include "ngx_http_chat_write.h"


#define NGX_HTTP_CHAT_ATTACH_MAX     16              /* at once, per worker:
                                                        a turn is not to be
                                                        long for the others */
#define NGX_HTTP_CHAT_ATTACH_CHAIN   4096            /* entries walked back */
#define NGX_HTTP_CHAT_ATTACH_WALK    (1024 * 1024)   /* bytes of the ring */
#define NGX_HTTP_CHAT_ATTACH_RETRY   1000            /* ms */


static void ngx_http_chat_attach_queue(ngx_http_chat_attach_t *a,
    ngx_queue_t *queue);
static void ngx_http_chat_attach_pump_later(ngx_http_chat_sessions_t *ss,
    ngx_msec_t ms);
static void ngx_http_chat_attach_pump_timer(ngx_http_chat_timer_t *t);
static void ngx_http_chat_attach_run(ngx_http_chat_attach_t *a);
static void ngx_http_chat_attach_seen(ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_missed(ngx_http_chat_attach_t *a);
static void ngx_http_chat_attach_stored(ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_find(ngx_http_chat_session_t *s,
    uint64_t *from);
static void ngx_http_chat_attach_again(ngx_http_chat_attach_t *a);
static void ngx_http_chat_attach_timer(ngx_http_chat_timer_t *t);
static void ngx_http_chat_attach_live(ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_walk(ngx_http_chat_session_t *s,
    uint64_t from);
static void ngx_http_chat_attach_drop(ngx_http_chat_attach_t *a);


void
ngx_http_chat_attach_start(ngx_http_chat_session_t *s)
{
    ngx_http_chat_attach_t    *a;
    ngx_http_chat_sessions_t  *ss;

    ngx_http_chat_attach_cancel(s);

    ss = s->worker->sessions;
    a = ngx_calloc(sizeof(ngx_http_chat_attach_t), s->worker->log);

    if (a == NULL) {
        ngx_http_chat_session_give(s, NULL);
        return;
    }

    a->session = s;
    s->attach = a;
    ngx_http_chat_session_state(s, NGX_HTTP_CHAT_ATTACHING);

    if (s->account->loaded) {
        ngx_http_chat_attach_queue(a, &ss->waiting);
        ngx_http_chat_attach_pump(ss);

    } else {
        ngx_http_chat_attach_queue(a, &s->account->waiting);
    }
}


void
ngx_http_chat_attach_cancel(ngx_http_chat_session_t *s)
{
    ngx_http_chat_attach_t  *a;

    a = s->attach;

    if (a) {
        s->attach = NULL;
        ngx_http_chat_wheel_del(&s->worker->sessions->wheel, &a->timer);
        ngx_http_chat_attach_drop(a);

        if (a->queued) {
            ngx_queue_remove(&a->queue);
        }

        ngx_free(a);
    }
}


static void
ngx_http_chat_attach_queue(ngx_http_chat_attach_t *a, ngx_queue_t *queue)
{
    ngx_queue_insert_tail(queue, &a->queue);
    a->queued = 1;
}


void
ngx_http_chat_attach_pump(ngx_http_chat_sessions_t *ss)
{
    ngx_queue_t             *q;
    ngx_http_chat_attach_t  *a;
    ngx_http_chat_worker_t  *w;

    w = ss->worker;

    while (!ngx_queue_empty(&ss->waiting)
           && ss->attaching < NGX_HTTP_CHAT_ATTACH_MAX)
    {
        if (!w->up
            || !ngx_http_chat_bus_agrees(w, ngx_http_chat_bus_epoch(w))
            || !ngx_http_chat_replay_settled(w))
        {
            /* the way to the store is not there, or not known to be, or the
               store will have again what it has lost */

            ngx_http_chat_attach_pump_later(ss, NGX_HTTP_CHAT_ATTACH_RETRY);
            return;
        }

        q = ngx_queue_head(&ss->waiting);
        a = ngx_queue_data(q, ngx_http_chat_attach_t, queue);

        ngx_queue_remove(q);
        a->queued = 0;

        ngx_http_chat_attach_run(a);
    }
}


void
ngx_http_chat_sessions_pump(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_attach_pump(w->sessions);
}


static void
ngx_http_chat_attach_pump_later(ngx_http_chat_sessions_t *ss, ngx_msec_t ms)
{
    if (!ss->pump.set) {
        ngx_http_chat_wheel_set(&ss->wheel, &ss->pump, ms,
                                ngx_http_chat_attach_pump_timer);
    }
}


static void
ngx_http_chat_attach_pump_timer(ngx_http_chat_timer_t *t)
{
    ngx_http_chat_attach_pump(ngx_http_chat_of(t, ngx_http_chat_sessions_t,
                                               pump));
}


static void
ngx_http_chat_attach_run(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_worker_t   *w;
    ngx_http_chat_session_t  *s;

    s = a->session;
    w = s->worker;

    /* the moment: what comes later than this is in the ring */

    a->from = ngx_http_chat_bus_position(w);
    a->epoch = ngx_http_chat_bus_epoch(w);
    s->acked = 0;
    ngx_http_chat_attach_seen(a);

    a->reset = !s->positioned || s->epoch != a->epoch || a->whole;

    a->ring = !a->reset && !a->store;

    if (a->ring
        && (s->transport->quiet || s->who.kind != CHAT_ACTOR_KIND_VISITOR))
    {
        a->ring = (ngx_http_chat_attach_find(s, &a->from) == NGX_OK);
    }

    if (!a->ring && s->last.ms == 0) {
        /* the store cannot tell which dialogs have ended since nothing */
        a->reset = 1;
    }

    if (a->ring && s->transport->quiet) {
        ngx_http_chat_count(w, CHAT_METRIC_RESUME_RING, 1);
        ngx_http_chat_attach_live(a);
        return;
    }

    if (ngx_http_chat_attach_op(a) != NGX_OK) {
        ngx_http_chat_attach_again(a);
    }
}


/*
 * The last id of the account's partition before the moment.  A worker that
 * has dispatched none of it yet finds it in the ring.
 */

static void
ngx_http_chat_attach_seen(ngx_http_chat_attach_t *a)
{
    unsigned                   partition;
    chat_id_t                  id;
    chat_ring_t               *ring;
    ngx_http_chat_sessions_t  *ss;

    ss = a->session->worker->sessions;
    ring = ngx_http_chat_bus_ring(ss->worker);
    partition = chat_partition(a->session->who.account);

    if (ss->seen[partition].ms == 0
        && chat_ring_epoch(ring) == a->epoch
        && chat_ring_before(ring, partition, a->from,
                            NGX_HTTP_CHAT_ATTACH_CHAIN, &id)
           == CHAT_OK)
    {
        ss->seen[partition] = id;
    }

    a->seen = ss->seen[partition];
}


/*
 * The number of a visitor came with whether his dialog went on.  If not he
 * missed nothing, and a crowd that was silent for long costs no walks.
 */

static ngx_int_t
ngx_http_chat_attach_missed(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_session_t  *s;

    s = a->session;

    if (!a->ring || s->who.kind != CHAT_ACTOR_KIND_VISITOR) {
        return NGX_OK;
    }

    if (a->read.missed) {
        return ngx_http_chat_attach_find(s, &a->from);
    }

    if (chat_id_cmp(&a->seen, &s->last) > 0) {
        s->last = a->seen;
    }

    return NGX_OK;
}


/* Where in the ring begins what it missed, if that is all there and near. */

static ngx_int_t
ngx_http_chat_attach_find(ngx_http_chat_session_t *s, uint64_t *from)
{
    uint64_t                 pos;
    ngx_http_chat_worker_t  *w;

    w = s->worker;

    if (chat_ring_find(ngx_http_chat_bus_ring(w),
                       chat_partition(s->who.account), &s->last,
                       NGX_HTTP_CHAT_ATTACH_CHAIN, &pos)
        != CHAT_OK)
    {
        return NGX_DECLINED;
    }

    if (pos >= *from) {
        return NGX_OK;
    }

    if (*from - pos > NGX_HTTP_CHAT_ATTACH_WALK) {
        return NGX_DECLINED;
    }

    *from = pos;

    return NGX_OK;
}


void
ngx_http_chat_attach_catch_up(ngx_http_chat_session_t *s)
{
    uint64_t                 from;
    ngx_http_chat_worker_t  *w;

    w = s->worker;
    from = ngx_http_chat_bus_position(w);

    if (s->epoch == ngx_http_chat_bus_epoch(w)
        && ngx_http_chat_attach_find(s, &from) == NGX_OK)
    {
        ngx_http_chat_session_state(s, NGX_HTTP_CHAT_LIVE);

        if (ngx_http_chat_attach_walk(s, from) != NGX_DECLINED) {
            return;
        }
    }

    ngx_http_chat_attach_start(s);
}


void
ngx_http_chat_attach_done(ngx_http_chat_owner_t *o, chat_op_t *op)
{
    ngx_http_chat_attach_t    *a;
    ngx_http_chat_sessions_t  *ss;

    a = o->data;
    ss = a->session->worker->sessions;

    a->running = 0;
    ss->attaching--;

    if (op->rc != CHAT_DONE) {
        ngx_log_error(NGX_LOG_INFO, a->session->worker->log, 0,
                      "chat: the state of a client cannot be read: %V",
                      (ngx_str_t *) &chat_errors[op->error].name);

        ngx_http_chat_attach_again(a);

    } else if (!ngx_http_chat_bus_agrees(a->session->worker, a->epoch)) {
        /* a state of another history than his */
        ngx_http_chat_attach_again(a);

    } else if (ngx_http_chat_attach_missed(a) != NGX_OK) {
        ngx_http_chat_attach_stored(a);

    } else if (!a->ring && !a->reset && a->read.partial) {
        /* what is left out would stay on his screen as it was */
        a->whole = 1;
        ngx_http_chat_attach_stored(a);

    } else {
        /* who comes for the first time resumes nothing */

        if (a->session->positioned) {
            ngx_http_chat_count(a->session->worker,
                                a->ring ? CHAT_METRIC_RESUME_RING
                                        : CHAT_METRIC_RESUME_STORE, 1);
        }

        ngx_http_chat_attach_live(a);
    }

    ngx_http_chat_attach_pump(ss);
}


/* Later: it was too much at once, or the store went away. */

static void
ngx_http_chat_attach_again(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_attach_drop(a);

    ngx_http_chat_wheel_set(&a->session->worker->sessions->wheel, &a->timer,
                            ngx_random() % NGX_HTTP_CHAT_ATTACH_RETRY,
                            ngx_http_chat_attach_timer);
}


static void
ngx_http_chat_attach_timer(ngx_http_chat_timer_t *t)
{
    ngx_http_chat_attach_t    *a;
    ngx_http_chat_sessions_t  *ss;

    a = ngx_http_chat_of(t, ngx_http_chat_attach_t, timer);
    ss = a->session->worker->sessions;

    ngx_http_chat_attach_queue(a, &ss->waiting);
    ngx_http_chat_attach_pump(ss);
}


/* The ring has it no more: the store does. */

static void
ngx_http_chat_attach_stored(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_attach_drop(a);

    a->store = 1;
    ngx_http_chat_attach_queue(a, &a->session->worker->sessions->waiting);
}


/* The state is there (or not needed): welcome, the ring since, live. */

static void
ngx_http_chat_attach_live(ngx_http_chat_attach_t *a)
{
    ngx_int_t                 rc;
    ngx_http_chat_frame_t    *f;
    ngx_http_chat_session_t  *s;

    s = a->session;

    if (!a->ring && ngx_http_chat_attach_snapshot(a) != NGX_OK) {
        ngx_http_chat_attach_again(a);
        return;
    }

    ngx_http_chat_attach_viewing(a);
    ngx_http_chat_attach_dialog(a);

    if (!a->ring || !s->transport->quiet) {
        f = ngx_http_chat_attach_welcome(a);

        if (f == NULL) {
            ngx_http_chat_attach_again(a);
            return;
        }

        s->missed = 0;
        ngx_http_chat_session_send(s, f);
        ngx_http_chat_frame_free(f);

    } else {
        ngx_http_chat_account_resume(s);
    }

    if (!a->ring) {
        ngx_http_chat_attach_position(a);
    }

    ngx_http_chat_session_state(s, NGX_HTTP_CHAT_LIVE);

    rc = ngx_http_chat_attach_walk(s, a->from);

    if (rc == NGX_DECLINED) {
        /* the writer was faster than we: its position is what it was given */
        ngx_http_chat_session_state(s, NGX_HTTP_CHAT_ATTACHING);
        ngx_http_chat_attach_stored(a);
        return;
    }

    if (rc == NGX_OK) {
        ngx_http_chat_attach_cancel(s);
        ngx_http_chat_account_catch_up(s);
    }
}


/*
 * Delivers the ring from there on to a live session.  NGX_OK: it is where the
 * worker is, or lags since its transport is full; NGX_DECLINED: lapped;
 * NGX_DONE: the session ended on the way.
 */

static ngx_int_t
ngx_http_chat_attach_walk(ngx_http_chat_session_t *s, uint64_t pos)
{
    int                        rc;
    unsigned                   partition;
    chat_ring_t               *ring;
    chat_ring_entry_t          e;
    ngx_http_chat_render_t     r;
    ngx_http_chat_worker_t    *w;
    ngx_http_chat_sessions_t  *ss;

    w = s->worker;
    ss = w->sessions;
    ring = ngx_http_chat_bus_ring(w);
    partition = chat_partition(s->who.account);

    if (pos >= ngx_http_chat_bus_position(w)) {
        return NGX_OK;
    }

    if (ss->entry == NULL) {
        ss->entry = ngx_palloc(w->pool, chat_ring_entry_max(ring));

        if (ss->entry == NULL) {
            return NGX_DECLINED;
        }
    }

    while (pos < ngx_http_chat_bus_position(w)) {

        rc = chat_ring_skip(ring, partition, &pos);

        if (rc == CHAT_DECLINED) {
            return NGX_DECLINED;
        }

        if (rc == CHAT_AGAIN || pos >= ngx_http_chat_bus_position(w)) {
            break;
        }

        if (chat_ring_read(ring, &pos, ss->entry, &e) != CHAT_OK) {
            return NGX_DECLINED;
        }

        ngx_http_chat_render_init(&r, w, &e);

        if (r.def && r.def->audience != CHAT_AUDIENCE_SYSTEM) {
            ngx_http_chat_deliver(s, &r);
        }

        ngx_http_chat_render_done(&r);

        if (s->state == NGX_HTTP_CHAT_ENDED) {
            return NGX_DONE;
        }

        if (s->state == NGX_HTTP_CHAT_LAGGING) {
            break;
        }
    }

    return NGX_OK;
}


/* Frees the operation; the attach itself stays. */

static void
ngx_http_chat_attach_drop(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_sessions_t  *ss;

    if (a->running) {
        chat_op_cancel(&a->op);
        a->running = 0;

        ss = a->session->worker->sessions;
        ss->attaching--;

        if (!ngx_queue_empty(&ss->waiting)) {
            /* its place is free, and whoever drops it is not to be called */
            ngx_http_chat_attach_pump_later(ss, 1);
        }

    } else if (a->pool) {
        chat_op_release(&a->op);
    }

    if (a->pool) {
        ngx_destroy_pool(a->pool);
        a->pool = NULL;
    }
}
