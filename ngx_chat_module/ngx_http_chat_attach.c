
/*
 * From hello to live, without a gap (docs/internals/nginx.md).
 *
 * A session is given its state as of some moment not before ring position C,
 * then the ring from C to where the worker is; from then on dispatch goes on.
 * What the state contained already is left out by ids.  A client that comes
 * back while the ring still holds what it missed costs the store one small
 * question (its number), a long poll none.
 */

#include "ngx_http_chat_session_internal.h"


#define NGX_HTTP_CHAT_ATTACH_MAX     64              /* at once, per worker */
#define NGX_HTTP_CHAT_ATTACH_CHAIN   4096            /* entries walked back */
#define NGX_HTTP_CHAT_ATTACH_WALK    (1024 * 1024)   /* bytes of the ring */
#define NGX_HTTP_CHAT_ATTACH_MEM     (16 * 1024 * 1024)
#define NGX_HTTP_CHAT_ATTACH_RETRY   1000            /* ms */


struct ngx_http_chat_attach_s {
    ngx_queue_t                  queue;
    ngx_http_chat_session_t     *session;
    ngx_pool_t                  *pool;        /* of the operation */
    ngx_http_chat_owner_t        owner;
    ngx_http_chat_timer_t        timer;       /* to try again */

    chat_mem_t                   mem;
    chat_op_t                    op;
    chat_attach_t                read;
    chat_str_t                   instance;

    uint64_t                     from;        /* in the ring */
    chat_id_t                    seen;        /* all up to it is in a state
                                                 read after `from` */
    unsigned                     queued:1;
    unsigned                     running:1;
    unsigned                     ring:1;
    unsigned                     reset:1;
    unsigned                     store:1;     /* the ring was lapped: do not
                                                 try it again */
};


static void ngx_http_chat_attach_queue(ngx_http_chat_attach_t *a,
    ngx_queue_t *queue);
static void ngx_http_chat_attach_run(ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_find(ngx_http_chat_session_t *s,
    uint64_t *from);
static ngx_int_t ngx_http_chat_attach_op(ngx_http_chat_attach_t *a);
static int ngx_http_chat_attach_ask_number(chat_op_t *op);
static int ngx_http_chat_attach_got_number(chat_op_t *op);
static void ngx_http_chat_attach_done(ngx_http_chat_owner_t *o,
    chat_op_t *op);
static void ngx_http_chat_attach_again(ngx_http_chat_attach_t *a);
static void ngx_http_chat_attach_timer(ngx_http_chat_timer_t *t);
static void ngx_http_chat_attach_pump_timer(ngx_http_chat_timer_t *t);
static void ngx_http_chat_attach_live(ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_walk(ngx_http_chat_session_t *s,
    uint64_t from);
static void ngx_http_chat_attach_seen(ngx_http_chat_attach_t *a);
static void ngx_http_chat_attach_position(ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_snapshot(ngx_http_chat_attach_t *a);
static ngx_http_chat_frame_t *ngx_http_chat_attach_welcome(
    ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_state(ngx_http_chat_attach_t *a,
    chat_frame_welcome_t *f);
static void ngx_http_chat_attach_drop(ngx_http_chat_attach_t *a);


static const chat_step_t  ngx_http_chat_number_steps[] = {
    { "ask", ngx_http_chat_attach_ask_number },
    { "got", ngx_http_chat_attach_got_number },
    { NULL, NULL }
};


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
    s->state = NGX_HTTP_CHAT_ATTACHING;

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
        if (!w->up || chat_ring_epoch(ngx_http_chat_bus_ring(w)) == 0) {

            /* the way to the store is not there, or not known to be */

            if (!ss->pump.set) {
                ngx_http_chat_wheel_set(&ss->wheel, &ss->pump,
                                        NGX_HTTP_CHAT_ATTACH_RETRY,
                                        ngx_http_chat_attach_pump_timer);
            }

            return;
        }

        q = ngx_queue_head(&ss->waiting);
        a = ngx_queue_data(q, ngx_http_chat_attach_t, queue);

        ngx_queue_remove(q);
        a->queued = 0;

        ngx_http_chat_attach_run(a);
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
    ngx_http_chat_attach_seen(a);

    a->reset = !s->positioned
               || s->epoch != chat_ring_epoch(ngx_http_chat_bus_ring(w));

    a->ring = !a->reset && !a->store
              && ngx_http_chat_attach_find(s, &a->from) == NGX_OK;

    if (a->ring && s->transport->quiet) {
        ngx_http_chat_count(w, CHAT_METRIC_RESUME_RING, 1);
        ngx_http_chat_attach_live(a);
        return;
    }

    if (ngx_http_chat_attach_op(a) != NGX_OK) {
        ngx_http_chat_attach_again(a);
    }
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

    if (s->epoch == chat_ring_epoch(ngx_http_chat_bus_ring(w))
        && ngx_http_chat_attach_find(s, &from) == NGX_OK)
    {
        s->state = NGX_HTTP_CHAT_LIVE;

        if (ngx_http_chat_attach_walk(s, from) != NGX_DECLINED) {
            return;
        }
    }

    ngx_http_chat_attach_start(s);
}


static ngx_int_t
ngx_http_chat_attach_op(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_worker_t   *w;
    ngx_http_chat_session_t  *s;

    s = a->session;
    w = s->worker;

    a->pool = ngx_create_pool(1024, w->log);

    if (a->pool == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&a->op, sizeof(chat_op_t));
    ngx_memzero(&a->read, sizeof(chat_attach_t));

    chat_mem_init(&a->mem, NULL, 0, ngx_http_chat_palloc, a->pool,
                  NGX_HTTP_CHAT_ATTACH_MEM);

    a->instance.data = s->instance;
    a->instance.len = s->instance_len;

    ngx_http_chat_who_sender(&s->who, &a->instance, 0, &a->read.sender);

    a->read.role = ngx_http_chat_role;
    a->read.role_data = &s->who;

    if (!a->reset) {
        a->read.since = s->last;
    }

    a->owner.done = ngx_http_chat_attach_done;
    a->owner.data = a;
    a->op.owner = &a->owner;

    a->running = 1;
    w->sessions->attaching++;

    if (a->ring) {
        chat_op_start(&a->op, "number", ngx_http_chat_number_steps, &w->host,
                      &a->mem, &a->read);
    } else {
        chat_op_start(&a->op, "attach", chat_attach_steps, &w->host, &a->mem,
                      &a->read);
    }

    return NGX_OK;
}


/* Of a state only the instance's last accepted number. */

static int
ngx_http_chat_attach_ask_number(chat_op_t *op)
{
    chat_str_t      key, field;
    chat_cmd_t     *cmd;
    chat_sender_t  *sender;

    sender = &((chat_attach_t *) op->ctx)->sender;

    key = (sender->kind == CHAT_ACTOR_KIND_VISITOR)
              ? chat_key_visitor(op->mem, sender->account, sender->site,
                                 &sender->visitor)
              : chat_key_operator(op->mem, sender->account,
                                  sender->operator_id);

    field.data = chat_mem_alloc(op->mem, 2 + sender->instance.len);
    cmd = chat_cmd_create(op->mem, 3);

    if (cmd == NULL || field.data == NULL) {
        return CHAT_ERROR;
    }

    field.len = ngx_sprintf(field.data, "i:%V",
                            (ngx_str_t *) &sender->instance)
                - field.data;

    chat_cmd_lit(cmd, "HGET");
    chat_cmd_str(cmd, &key);
    chat_cmd_str(cmd, &field);

    return chat_op_call(op, CHAT_CALL_REDIS, chat_partition(sender->account),
                        cmd)
           < 0 ? CHAT_ERROR : CHAT_AGAIN;
}


static int
ngx_http_chat_attach_got_number(chat_op_t *op)
{
    u_char         *space;
    chat_str_t      value;
    chat_reply_t   *reply;
    chat_attach_t  *read;

    read = op->ctx;
    reply = chat_op_result(op, 0);

    if (reply->rc != CHAT_OK
        || chat_reply_error(reply->reply) != CHAT_REDIS_OK)
    {
        return chat_op_fail(op, CHAT_E_STORE_DOWN);
    }

    if (chat_reply_str(reply->reply, &value) == CHAT_OK) {
        /* "<n> <id> <dialog> <seq>" */

        space = ngx_strlchr(value.data, value.data + value.len, ' ');
        value.len = space ? (size_t) (space - value.data) : value.len;

        if (chat_str_u64(&value, &read->n) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    return CHAT_DONE;
}


static void
ngx_http_chat_attach_done(ngx_http_chat_owner_t *o, chat_op_t *op)
{
    ngx_http_chat_attach_t    *a;
    ngx_http_chat_sessions_t  *ss;

    a = o->data;
    ss = a->session->worker->sessions;

    a->running = 0;
    ss->attaching--;

    if (op->rc == CHAT_DONE) {
        ngx_http_chat_count(a->session->worker,
                            a->ring ? CHAT_METRIC_RESUME_RING
                                    : CHAT_METRIC_RESUME_STORE, 1);

        ngx_http_chat_attach_live(a);

    } else {
        ngx_log_error(NGX_LOG_INFO, a->session->worker->log, 0,
                      "chat: the state of a client cannot be read: %V",
                      (ngx_str_t *) &chat_errors[op->error].name);

        ngx_http_chat_attach_again(a);
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

    if (!a->ring || !s->transport->quiet) {
        f = ngx_http_chat_attach_welcome(a);

        if (f == NULL) {
            ngx_http_chat_attach_again(a);
            return;
        }

        ngx_http_chat_session_send(s, f);
        ngx_http_chat_frame_free(f);

    } else if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        /* what an earlier welcome told */
        s->online = ngx_http_chat_account_online(s->account, s->who.site);
    }

    if (!a->ring) {
        ngx_http_chat_attach_position(a);
    }

    s->state = NGX_HTTP_CHAT_LIVE;

    rc = ngx_http_chat_attach_walk(s, a->from);

    if (rc == NGX_DECLINED) {
        /* the writer was faster than we: its position is what it was given */
        s->state = NGX_HTTP_CHAT_ATTACHING;
        ngx_http_chat_attach_drop(a);
        a->store = 1;
        ngx_http_chat_attach_queue(a, &s->worker->sessions->waiting);
        return;
    }

    if (rc == NGX_OK) {
        ngx_http_chat_attach_cancel(s);
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
    chat_ring_t               *ring;
    chat_ring_entry_t          e;
    ngx_http_chat_render_t     r;
    ngx_http_chat_worker_t    *w;
    ngx_http_chat_sessions_t  *ss;

    w = s->worker;
    ss = w->sessions;
    ring = ngx_http_chat_bus_ring(w);

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

        rc = chat_ring_read(ring, &pos, ss->entry, &e);

        if (rc != CHAT_OK) {
            return NGX_DECLINED;
        }

        if (e.kind != CHAT_RING_LOG
            || e.partition != chat_partition(s->who.account))
        {
            continue;
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


/* The last id of the account's partition before the moment. */

static void
ngx_http_chat_attach_seen(ngx_http_chat_attach_t *a)
{
    unsigned                   partition;
    uint64_t                   pos;
    chat_id_t                  id;
    chat_ring_t               *ring;
    ngx_http_chat_sessions_t  *ss;

    ss = a->session->worker->sessions;
    ring = ngx_http_chat_bus_ring(ss->worker);
    partition = chat_partition(a->session->who.account);

    if (ss->seen[partition].ms == 0
        && chat_ring_last(ring, partition, &id) == CHAT_OK
        && chat_ring_find(ring, partition, &id, 1, &pos) == CHAT_OK
        && pos <= a->from)
    {
        /* nothing was dispatched here yet: this worker is young */
        ss->seen[partition] = id;
    }

    a->seen = ss->seen[partition];
}


/* Where the client is when it has processed the welcome. */

static void
ngx_http_chat_attach_position(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_session_t  *s;

    s = a->session;

    s->epoch = chat_ring_epoch(ngx_http_chat_bus_ring(s->worker));
    s->last = a->seen;
    s->positioned = 1;

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR && a->read.n_dialogs) {

        /* all his events are those of his dialogs, in one order */

        if (chat_id_cmp(&a->read.dialogs[0].last, &s->last) > 0) {
            s->last = a->read.dialogs[0].last;
        }
    }
}


/* For an operator: which dialog was given as of when. */

static ngx_int_t
ngx_http_chat_attach_snapshot(ngx_http_chat_attach_t *a)
{
    size_t                     i;
    chat_dialog_t             *d;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_snapshot_t  *snap;

    s = a->session;

    if (s->snapshot) {
        ngx_free(s->snapshot);
        s->snapshot = NULL;
    }

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {

        s->has_dialog = a->read.n_dialogs
                        && a->read.dialogs[0].dialog.len == CHAT_DIALOG_LEN;

        if (s->has_dialog) {
            ngx_memcpy(s->dialog, a->read.dialogs[0].dialog.data,
                       CHAT_DIALOG_LEN);
        }

        return NGX_OK;
    }

    s->viewing = a->read.partial;

    if (a->read.n_dialogs == 0) {
        return NGX_OK;
    }

    snap = ngx_alloc(sizeof(ngx_http_chat_snapshot_t)
                     + (a->read.n_dialogs - 1) * sizeof(snap->elts[0]),
                     s->worker->log);

    if (snap == NULL) {
        return NGX_ERROR;
    }

    snap->n = 0;
    snap->max.ms = 0;
    snap->max.seq = 0;

    for (i = 0; i < a->read.n_dialogs; i++) {
        d = &a->read.dialogs[i];

        if (d->dialog.len != CHAT_DIALOG_LEN) {
            continue;
        }

        ngx_memcpy(snap->elts[snap->n].dialog, d->dialog.data,
                   CHAT_DIALOG_LEN);
        snap->elts[snap->n].last = d->last;
        snap->n++;

        if (chat_id_cmp(&d->last, &snap->max) > 0) {
            snap->max = d->last;
        }
    }

    if (chat_id_cmp(&snap->max, &a->seen) <= 0) {
        /* the ring is past all of it */
        ngx_free(snap);
        return NGX_OK;
    }

    s->snapshot = snap;

    return NGX_OK;
}


static ngx_http_chat_frame_t *
ngx_http_chat_attach_welcome(ngx_http_chat_attach_t *a)
{
    u_char                    text[CHAT_CURSOR_MAX];
    chat_id_t                *id;
    chat_cursor_t             at;
    chat_frame_welcome_t      f;
    ngx_http_chat_worker_t   *w;
    ngx_http_chat_session_t  *s;

    s = a->session;
    w = s->worker;

    ngx_memzero(&f, sizeof(chat_frame_welcome_t));

    id = &a->seen;

    if (a->ring) {
        id = &s->last;

    } else if (s->who.kind == CHAT_ACTOR_KIND_VISITOR && a->read.n_dialogs
               && chat_id_cmp(&a->read.dialogs[0].last, id) > 0)
    {
        id = &a->read.dialogs[0].last;
    }

    at.epoch = chat_ring_epoch(ngx_http_chat_bus_ring(w));
    at.n = 1;
    at.at[0].partition = chat_partition(s->who.account);
    at.at[0].id = *id;

    f.cursor.data = text;
    f.cursor.len = chat_cursor_print(text, &at,
                                     ngx_http_chat_bus_cursor_key(w))
                   - text;
    chat_set(&f, CHAT_F_FRAME_WELCOME_CURSOR);

    f.reset = a->reset;
    chat_set(&f, CHAT_F_FRAME_WELCOME_RESET);

    f.n = a->read.n;
    chat_set(&f, CHAT_F_FRAME_WELCOME_N);

    f.limits.text_max = CHAT_LIMIT_TEXT_MAX;
    chat_set(&f.limits, CHAT_F_LIMITS_VIEW_TEXT_MAX);

    f.limits.ping_ms = s->ping;
    chat_set(&f.limits, CHAT_F_LIMITS_VIEW_PING_MS);

    f.limits.tail = CHAT_LIMIT_TAIL;
    chat_set(&f.limits, CHAT_F_LIMITS_VIEW_TAIL);

    chat_set(&f, CHAT_F_FRAME_WELCOME_LIMITS);

    f.link = w->up ? CHAT_LINK_STATE_UP : CHAT_LINK_STATE_DOWN;
    chat_set(&f, CHAT_F_FRAME_WELCOME_LINK);

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        s->online = ngx_http_chat_account_online(s->account, s->who.site);

        f.online = s->online;
        chat_set(&f, CHAT_F_FRAME_WELCOME_ONLINE);

    } else if (ngx_http_chat_account_views(s->account, &s->who, &f, &a->mem)
               != NGX_OK)
    {
        return NULL;
    }

    if (!a->ring && ngx_http_chat_attach_state(a, &f) != NGX_OK) {
        return NULL;
    }

    return ngx_http_chat_frame_encode(CHAT_FRAME_WELCOME, &f, &f.cursor);
}


/* What the store told: a visitor's dialog and events, or dialogs. */

static ngx_int_t
ngx_http_chat_attach_state(ngx_http_chat_attach_t *a, chat_frame_welcome_t *f)
{
    size_t                i;
    ngx_int_t             rc;
    chat_event_view_t    *event;
    chat_dialog_view_t   *view;
    const chat_attach_t  *read;

    read = &a->read;

    if (read->sender.kind == CHAT_ACTOR_KIND_OPERATOR) {
        view = chat_mem_alloc(&a->mem, (read->n_dialogs + 1)
                                       * sizeof(chat_dialog_view_t));
        if (view == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < read->n_dialogs; i++) {
            chat_dialog_view(&read->dialogs[i], &read->texts[i], &view[i],
                             &a->mem);
        }

        f->dialogs.elts = view;
        f->dialogs.n = read->n_dialogs;
        chat_set(f, CHAT_F_FRAME_WELCOME_DIALOGS);

        return NGX_OK;
    }

    if (read->n_dialogs == 0) {
        return NGX_OK;
    }

    chat_dialog_view(&read->dialogs[0], &read->texts[0], &f->dialog, &a->mem);
    chat_set(f, CHAT_F_FRAME_WELCOME_DIALOG);

    event = chat_mem_alloc(&a->mem, (read->n_events + 1)
                                    * sizeof(chat_event_view_t));
    if (event == NULL) {
        return NGX_ERROR;
    }

    f->events.elts = event;
    chat_set(f, CHAT_F_FRAME_WELCOME_EVENTS);

    for (i = 0; i < read->n_events; i++) {

        rc = ngx_http_chat_frame_event_view(&read->events[i], event,
                                            &a->mem);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            event->dialog = read->dialogs[0].dialog;
            event++;
            f->events.n++;
        }
    }

    return NGX_OK;
}


/* Frees the operation; the attach itself stays. */

static void
ngx_http_chat_attach_drop(ngx_http_chat_attach_t *a)
{
    if (a->running) {
        chat_op_cancel(&a->op);
        a->running = 0;
        a->session->worker->sessions->attaching--;

    } else if (a->pool) {
        chat_op_release(&a->op);
    }

    if (a->pool) {
        ngx_destroy_pool(a->pool);
        a->pool = NULL;
    }
}
