
/*
 * What an attach asks of the store, and what it makes of the answer: the
 * session's position, the snapshot of an operator, the welcome.
 */

#include "ngx_http_chat_attach_internal.h"


#define NGX_HTTP_CHAT_ATTACH_MEM     (16 * 1024 * 1024)
/* open dialogs: who comes back to less had them all most likely */
#define NGX_HTTP_CHAT_ATTACH_MANY    (CHAT_LIMIT_DIALOGS_MAX / 4)


static chat_id_t *ngx_http_chat_attach_last(ngx_http_chat_attach_t *a);
static ngx_int_t ngx_http_chat_attach_state(ngx_http_chat_attach_t *a,
    chat_frame_welcome_t *f);


ngx_int_t
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
        chat_op_start(&a->op, "number", chat_number_steps, &w->host, &a->mem,
                      &a->read);
    } else {
        chat_op_start(&a->op, "attach", chat_attach_steps, &w->host, &a->mem,
                      &a->read);
    }

    return NGX_OK;
}


/*
 * An operator who lacks dialogs is told of them by their events.  Whether he
 * does is known here after a whole snapshot only: one who comes back with a
 * cursor may have been given a part of them, by whichever worker.
 */

void
ngx_http_chat_attach_viewing(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_session_t  *s;

    s = a->session;

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        return;
    }

    if (!a->ring) {
        s->viewing = a->read.partial || !a->reset;

    } else if (a->read.open > NGX_HTTP_CHAT_ATTACH_MANY
               || s->transport->quiet)
    {
        /* a poll asks for nothing, not even how many there are */
        s->viewing = 1;
    }
}


/*
 * Where a client is that has processed the state it is given: what this
 * worker had dispatched, or the end of a visitor's dialog, since all his
 * events are those of his dialogs, in one order.  But not behind where it
 * was: another worker may have come further than this one.
 */

static chat_id_t *
ngx_http_chat_attach_last(ngx_http_chat_attach_t *a)
{
    chat_id_t  *last;

    last = &a->seen;

    if (a->session->who.kind == CHAT_ACTOR_KIND_VISITOR
        && a->read.n_dialogs
        && chat_id_cmp(&a->read.dialogs[0].last, last) > 0)
    {
        last = &a->read.dialogs[0].last;
    }

    /* {0,0} if it begins anew */

    if (chat_id_cmp(&a->read.since, last) > 0) {
        last = &a->read.since;
    }

    return last;
}


void
ngx_http_chat_attach_position(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_session_t  *s;

    s = a->session;

    s->epoch = ngx_http_chat_bus_epoch(s->worker);
    s->last = *ngx_http_chat_attach_last(a);
    s->positioned = 1;
}


/* For a visitor: to which dialog belongs what he does next. */

void
ngx_http_chat_attach_dialog(ngx_http_chat_attach_t *a)
{
    ngx_http_chat_session_t  *s;

    s = a->session;

    if (s->who.kind != CHAT_ACTOR_KIND_VISITOR || a->pool == NULL) {
        /* or the store was asked nothing */
        return;
    }

    s->has_dialog = (a->read.dialog.len == CHAT_DIALOG_LEN);

    if (s->has_dialog) {
        ngx_memcpy(s->dialog, a->read.dialog.data, CHAT_DIALOG_LEN);
    }
}


/* For an operator: which dialog was given as of when. */

ngx_int_t
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

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR || a->read.n_dialogs == 0) {
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


ngx_http_chat_frame_t *
ngx_http_chat_attach_welcome(ngx_http_chat_attach_t *a)
{
    u_char                    text[CHAT_CURSOR_MAX];
    chat_cursor_t             at;
    chat_frame_welcome_t      f;
    ngx_http_chat_worker_t   *w;
    ngx_http_chat_session_t  *s;

    s = a->session;
    w = s->worker;

    ngx_memzero(&f, sizeof(chat_frame_welcome_t));

    at.epoch = ngx_http_chat_bus_epoch(w);
    at.n = 1;
    at.at[0].partition = chat_partition(s->who.account);
    at.at[0].id = a->ring ? s->last : *ngx_http_chat_attach_last(a);

    f.cursor.data = text;
    f.cursor.len = chat_cursor_print(text, &at,
                                     ngx_http_chat_bus_cursor_key(w))
                   - text;
    chat_set(&f, CHAT_F_FRAME_WELCOME_CURSOR);

    f.reset = a->reset;
    chat_set(&f, CHAT_F_FRAME_WELCOME_RESET);

    /* what was acknowledged since it was read counts, too */
    f.n = ngx_max(a->read.n, s->acked);
    chat_set(&f, CHAT_F_FRAME_WELCOME_N);

    f.limits.text_max = CHAT_LIMIT_TEXT_MAX;
    chat_set(&f.limits, CHAT_F_LIMITS_VIEW_TEXT_MAX);

    f.limits.ping_ms = s->ping;
    chat_set(&f.limits, CHAT_F_LIMITS_VIEW_PING_MS);

    f.limits.tail = CHAT_LIMIT_TAIL;
    chat_set(&f.limits, CHAT_F_LIMITS_VIEW_TAIL);

    f.limits.return_ms = w->mcf->drain;
    chat_set(&f.limits, CHAT_F_LIMITS_VIEW_RETURN_MS);

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
