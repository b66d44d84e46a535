
/*
 * A session: its life and its ends; and what happens to all of a worker.
 */

#include "ngx_http_chat_echo.h"
#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_ws.h"


#define NGX_HTTP_CHAT_DRAIN_TICK   100       /* ms */
#define NGX_HTTP_CHAT_DRAIN_REST   6000      /* for closing handshakes */


static void ngx_http_chat_sessions_ticked(void *data);
static ngx_int_t ngx_http_chat_sessions_reap(ngx_http_chat_worker_t *w,
    ngx_uint_t (*full)(ngx_http_chat_worker_t *w));
static ngx_uint_t ngx_http_chat_sessions_full(ngx_http_chat_worker_t *w);
static ngx_uint_t ngx_http_chat_sessions_over(ngx_http_chat_worker_t *w);
static void ngx_http_chat_sessions_drain_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_chat_sessions_due(ngx_http_chat_sessions_t *ss,
    ngx_msec_t passed);


ngx_int_t
ngx_http_chat_sessions_init(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_sessions_t  *ss;

    ss = ngx_pcalloc(w->pool, sizeof(ngx_http_chat_sessions_t));

    if (ss == NULL) {
        return NGX_ERROR;
    }

    ss->worker = w;
    w->sessions = ss;

    ngx_http_chat_wheel_init(&ss->wheel, w->log);
    ss->wheel.ticked = ngx_http_chat_sessions_ticked;
    ss->wheel.data = ss;

    ngx_queue_init(&ss->all);
    ngx_queue_init(&ss->echoes);
    ngx_queue_init(&ss->waiting);

    ngx_rbtree_init(&ss->visitors, &ss->visitors_sentinel,
                    ngx_rbtree_insert_value);
    ngx_rbtree_init(&ss->accounts, &ss->accounts_sentinel,
                    ngx_rbtree_insert_value);

    return NGX_OK;
}


void
ngx_http_chat_sessions_exit(ngx_http_chat_worker_t *w)
{
    ngx_queue_t               *q;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    /* a fast stop: the connections are nginx's to close */

    for (q = ngx_queue_head(&ss->all);
         q != ngx_queue_sentinel(&ss->all);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_chat_session_t, all);

        ngx_http_chat_attach_cancel(s);
        ngx_http_chat_jobs_cancel(s);
    }

    ngx_http_chat_accounts_free(ss);
    ngx_http_chat_ws_deflate_exit(w);

    ngx_http_chat_wheel_stop(&ss->wheel);

    if (ss->late.flush.timer_set) {
        ngx_del_timer(&ss->late.flush);
    }

    if (ss->patient.flush.timer_set) {
        ngx_del_timer(&ss->patient.flush);
    }

    if (ss->reap.timer_set) {
        ngx_del_timer(&ss->reap);
    }
}


static void
ngx_http_chat_sessions_ticked(void *data)
{
    ngx_http_chat_sessions_t *ss = data;

    ngx_http_chat_gauge(ss->worker, CHAT_METRIC_WHEEL_TIMERS, ss->wheel.n);
}


ngx_int_t
ngx_http_chat_sessions_room(ngx_http_chat_worker_t *w)
{
    if (w->exiting) {
        ngx_http_chat_count(w, CHAT_METRIC_CONNECTIONS_REFUSED, 1);
        return NGX_BUSY;
    }

    return ngx_http_chat_sessions_reap(w, ngx_http_chat_sessions_full);
}


ngx_int_t
ngx_http_chat_sessions_share(ngx_http_chat_worker_t *w)
{
    return ngx_http_chat_sessions_reap(w, ngx_http_chat_sessions_over);
}


/* Those that were lost and are not closed yet make room, as many as needed. */

static ngx_int_t
ngx_http_chat_sessions_reap(ngx_http_chat_worker_t *w,
    ngx_uint_t (*full)(ngx_http_chat_worker_t *w))
{
    while (full(w)) {

        if (ngx_http_chat_ws_reap_one(w) != NGX_OK) {
            ngx_http_chat_count(w, CHAT_METRIC_CONNECTIONS_REFUSED, 1);
            return NGX_BUSY;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_chat_sessions_full(ngx_http_chat_worker_t *w)
{
    /* what the web sites need, and our own way to the store */

    return w->connections >= w->mcf->connections
           || w->cycle->free_connection_n < w->cycle->connection_n / 32;
}


/*
 * Requests wait as long as the store is silent, or their clients are slow:
 * with those who are connected they take no more than chat's share.
 */

static ngx_uint_t
ngx_http_chat_sessions_over(ngx_http_chat_worker_t *w)
{
    return w->connections + w->calls > w->mcf->connections + w->mcf->calls;
}


ngx_http_chat_session_t *
ngx_http_chat_session_create(ngx_http_chat_worker_t *w,
    const ngx_http_chat_identity_t *who, const ngx_http_chat_transport_t *t,
    void *transport_data, ngx_http_chat_loc_conf_t *lcf)
{
    ngx_http_chat_session_t  *s;

    s = ngx_calloc(sizeof(ngx_http_chat_session_t), w->log);

    if (s == NULL) {
        return NULL;
    }

    s->worker = w;
    s->transport = t;
    s->transport_data = transport_data;

    if (ngx_http_chat_who_init(&s->who, who) != NGX_OK) {
        ngx_free(s);
        return NULL;
    }

    s->ping = lcf->ping;
    s->frames = lcf->rate;
    s->burst = lcf->burst;

    /* the first typing is never too early */
    s->typed = ngx_current_msec - CHAT_LIMIT_TYPING_MS;

    ngx_queue_init(&s->jobs);
    ngx_queue_insert_tail(&w->sessions->all, &s->all);

    w->sessions->n++;
    w->connections++;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, w->log, 0,
                   "chat: session %p (%s): new, %ui with it",
                   s, t->name, w->connections);

    return s;
}


void
ngx_http_chat_session_close(ngx_http_chat_session_t *s)
{
    if (s->state != NGX_HTTP_CHAT_ENDED) {
        ngx_http_chat_session_unregister(s);
    }

    s->worker->connections--;

    ngx_http_chat_who_done(&s->who);
    ngx_free(s);
}


void *
ngx_http_chat_session_transport(ngx_http_chat_session_t *s)
{
    return s->transport_data;
}


void
ngx_http_chat_session_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f)
{
    ngx_http_chat_count(s->worker, CHAT_METRIC_FRAMES_OUT, 1);

    s->transport->send(s, f);
}


void
ngx_http_chat_session_send_later(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f)
{
    if (s->transport->later == NULL) {
        ngx_http_chat_session_send(s, f);
        return;
    }

    ngx_http_chat_count(s->worker, CHAT_METRIC_FRAMES_OUT, 1);

    s->transport->later(s, f);
}


ngx_uint_t
ngx_http_chat_session_full(ngx_http_chat_session_t *s)
{
    return s->transport->full && s->transport->full(s);
}


void
ngx_http_chat_session_drained(ngx_http_chat_session_t *s)
{
    if (s->state == NGX_HTTP_CHAT_LAGGING) {
        ngx_http_chat_attach_catch_up(s);
    }

    if (s->state == NGX_HTTP_CHAT_ENDED) {
        return;
    }

    if (s->unlinked && !ngx_http_chat_session_full(s)) {
        s->unlinked = 0;
        ngx_http_chat_session_give(s,
                                   ngx_http_chat_frame_link(s->worker->up));
    }

    ngx_http_chat_account_catch_up(s);

    if (s->state != NGX_HTTP_CHAT_ENDED) {
        ngx_http_chat_jobs_next(s);
    }
}


void
ngx_http_chat_session_give(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f)
{
    if (f == NULL) {
        /* nothing may be skipped: it comes back with its cursor */
        ngx_http_chat_session_end(s, CHAT_BYE_REASON_LIMIT,
                                  NGX_HTTP_CHAT_RETRY, 1,
                                  CHAT_WS_TRY_LATER, "out of memory");
        return;
    }

    ngx_http_chat_session_send(s, f);
    ngx_http_chat_frame_free(f);
}


void
ngx_http_chat_session_end(ngx_http_chat_session_t *s, ngx_uint_t bye,
    ngx_msec_t after, ngx_uint_t resume, ngx_uint_t code, const char *reason)
{
    ngx_str_t               text;
    ngx_http_chat_frame_t  *f;

    if (s->state == NGX_HTTP_CHAT_ENDED) {
        return;
    }

    ngx_http_chat_session_unregister(s);

    f = ngx_http_chat_frame_bye(bye, after, resume);

    if (f) {
        ngx_http_chat_session_send(s, f);
        ngx_http_chat_frame_free(f);
    }

    text.data = (u_char *) reason;
    text.len = ngx_strlen(reason);

    s->transport->close(s, code, &text);
}


void
ngx_http_chat_sessions_link(ngx_http_chat_worker_t *w, ngx_uint_t up)
{
    ngx_queue_t               *q, *next;
    ngx_http_chat_frame_t     *f;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;
    f = ngx_http_chat_frame_link(up);

    for (q = ngx_queue_head(&ss->all);
         q != ngx_queue_sentinel(&ss->all);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_chat_session_t, all);

        if (s->state == NGX_HTTP_CHAT_NEW || s->transport->quiet) {
            continue;
        }

        s->unlinked = (f == NULL || ngx_http_chat_session_full(s));

        if (!s->unlinked) {
            ngx_http_chat_session_send(s, f);
        }
    }

    if (f) {
        ngx_http_chat_frame_free(f);
    }

    if (up) {
        ngx_http_chat_attach_pump(ss);
    }
}


void
ngx_http_chat_sessions_resync(ngx_http_chat_worker_t *w, ngx_uint_t reset)
{
    ngx_uint_t                 n;
    ngx_queue_t               *q;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    /* what was not seen may have changed rights */

    ngx_http_chat_registry_drop(w, 0, 0);

    if (reset) {
        /* ids may have gone back */
        ngx_memzero(ss->seen, sizeof(ss->seen));
    }

    /*
     * Once around: what is done for one session may start another's attach,
     * which ends it when there is no memory.  Then it leaves the queue, so
     * none may be kept in hand as the next.  Who ended makes that some come
     * twice, which is harmless; nobody is left out.
     */

    for (n = ss->n; n && !ngx_queue_empty(&ss->all); n--) {
        q = ngx_queue_head(&ss->all);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ss->all, q);

        s = ngx_queue_data(q, ngx_http_chat_session_t, all);

        if (s->state == NGX_HTTP_CHAT_NEW) {
            continue;
        }

        s->account->full = 1;
        ngx_http_chat_attach_start(s);

        if (s->state != NGX_HTTP_CHAT_ENDED
            && s->who.kind == CHAT_ACTOR_KIND_OPERATOR)
        {
            ngx_http_chat_session_check(s);
        }
    }
}


/*
 * The clients leave evenly over chat_drain, the first at once and the last at
 * its end, so that they do not arrive at our successors all at once; then the
 * last ones get time for their closing handshakes.
 */

void
ngx_http_chat_sessions_drain(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    ngx_http_chat_echo_drain(w);

    if (ss->n == 0 && w->connections == 0) {
        return;
    }

    ss->left = 0;
    ss->drained = ngx_current_msec;

    ss->drain.handler = ngx_http_chat_sessions_drain_handler;
    ss->drain.data = ss;
    ss->drain.log = w->log;

    /* only this timer keeps the worker from leaving */

    ngx_add_timer(&ss->drain, 1);
}


static void
ngx_http_chat_sessions_drain_handler(ngx_event_t *ev)
{
    ngx_uint_t                 n;
    ngx_msec_t                 passed;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_sessions_t  *ss;

    ss = ev->data;

    passed = ngx_current_msec - ss->drained;

    for (n = ngx_http_chat_sessions_due(ss, passed);
         n && !ngx_queue_empty(&ss->all);
         n--)
    {
        s = ngx_queue_data(ngx_queue_head(&ss->all), ngx_http_chat_session_t,
                           all);

        ss->left++;

        ngx_http_chat_session_end(s, CHAT_BYE_REASON_RELOAD,
                                  NGX_HTTP_CHAT_RETRY, 1, CHAT_WS_RESTART,
                                  "reload");
    }

    if (ss->worker->connections
        && passed < ss->worker->mcf->drain + NGX_HTTP_CHAT_DRAIN_REST)
    {
        ngx_add_timer(ev, NGX_HTTP_CHAT_DRAIN_TICK);
        return;
    }

    /* their last writes */

    ngx_http_chat_stay(ss->worker);
}


/*
 * How many are to go now.  Of all that were told or are still here: some go
 * by themselves meanwhile, and the rest has the whole time none the less.
 */

static ngx_uint_t
ngx_http_chat_sessions_due(ngx_http_chat_sessions_t *ss, ngx_msec_t passed)
{
    ngx_msec_t  drain;
    ngx_uint_t  due;

    drain = ss->worker->mcf->drain;

    if (passed >= drain || ss->n == 0) {
        return ss->n;
    }

    due = 1 + (uint64_t) (ss->left + ss->n - 1) * passed / drain;

    return due > ss->left ? due - ss->left : 0;
}
