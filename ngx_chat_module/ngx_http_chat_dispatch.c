
/*
 * From entries of the ring to sessions.  A frame is encoded when the first
 * session wants it and shared by all that follow; where nobody is concerned,
 * an entry costs a parse of its header and two look-ups.  What the system says
 * to itself (a probe, a change of an account) is for the worker.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_bus.h"


static void ngx_http_chat_dispatch_public(ngx_http_chat_worker_t *w,
    ngx_http_chat_render_t *r);
static void ngx_http_chat_dispatch_system(ngx_http_chat_worker_t *w,
    ngx_http_chat_render_t *r);
static void ngx_http_chat_dispatch_changed(ngx_http_chat_worker_t *w,
    uint64_t account, uint64_t operator_id);
static void ngx_http_chat_dispatch_presence(ngx_http_chat_worker_t *w,
    ngx_http_chat_render_t *r);
static ngx_uint_t ngx_http_chat_deliver_known(ngx_http_chat_session_t *s,
    const chat_entry_t *e);
static ngx_uint_t ngx_http_chat_deliver_wrote(ngx_http_chat_session_t *s,
    const chat_entry_t *e);
static ngx_uint_t ngx_http_chat_deliver_own(ngx_http_chat_session_t *s,
    const chat_entry_t *e);
static ngx_http_chat_frame_t *ngx_http_chat_render(ngx_http_chat_render_t *r,
    ngx_uint_t viewed);
static ngx_http_chat_frame_t *ngx_http_chat_render_event(
    ngx_http_chat_render_t *r, ngx_uint_t viewed);
static size_t ngx_http_chat_render_view(ngx_http_chat_render_t *r,
    u_char *dst, size_t size);
static ngx_http_chat_frame_t *ngx_http_chat_render_typing(
    ngx_http_chat_render_t *r);


void
ngx_http_chat_sessions_dispatch(ngx_http_chat_worker_t *w,
    chat_ring_entry_t *e, uint64_t pos)
{
    ngx_http_chat_render_t     r;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    ngx_http_chat_pace_add(&w->pace, 1);

    if (e->kind == CHAT_RING_LOG) {
        ss->seen[e->partition] = e->id;
    }

    ngx_http_chat_render_init(&r, w, e);

    if (r.def == NULL) {
        /* damaged, or of a newer version */
        return;
    }

    if (r.def->audience == CHAT_AUDIENCE_SYSTEM) {
        ngx_http_chat_dispatch_system(w, &r);

    } else if (r.entry.event == CHAT_EV_PRESENCE) {
        ngx_http_chat_dispatch_presence(w, &r);

    } else {
        ngx_http_chat_dispatch_public(w, &r);
    }

    ngx_http_chat_render_done(&r);
}


static void
ngx_http_chat_dispatch_public(ngx_http_chat_worker_t *w,
    ngx_http_chat_render_t *r)
{
    ngx_queue_t               *q, *next;
    ngx_http_chat_account_t   *a;
    ngx_http_chat_session_t   *s, *after;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    /* without memory a session ends as it is delivered to: that one, and no
       other, leaves the tree and the queue */

    if (r->def->audience == CHAT_AUDIENCE_PUBLIC
        && r->entry.visitor.len == CHAT_VISITOR_LEN)
    {
        for (s = ngx_http_chat_session_first(ss, r->entry.site,
                                             r->entry.visitor.data);
             s; s = after)
        {
            after = ngx_http_chat_session_next(ss, s);

            if (s->state == NGX_HTTP_CHAT_LIVE) {
                ngx_http_chat_deliver(s, r);
            }
        }
    }

    a = ngx_http_chat_account_find(ss, r->entry.account);

    if (a == NULL) {
        return;
    }

    for (q = ngx_queue_head(&a->operators);
         q != ngx_queue_sentinel(&a->operators);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_chat_session_t, group);

        if (s->state == NGX_HTTP_CHAT_LIVE) {
            ngx_http_chat_deliver(s, r);
        }
    }
}


static void
ngx_http_chat_dispatch_presence(ngx_http_chat_worker_t *w,
    ngx_http_chat_render_t *r)
{
    chat_mem_t                mem;
    chat_fault_t              fault;
    chat_ev_presence_t        presence;
    ngx_http_chat_account_t  *a;

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    a = ngx_http_chat_account_find(w->sessions, r->entry.account);

    if (a && chat_body_decode(&chat_ev_presence_type, &r->entry.body,
                              &presence, &mem, &fault)
             == CHAT_OK)
    {
        ngx_http_chat_account_presence(a, presence.online);
    }
}


static void
ngx_http_chat_dispatch_system(ngx_http_chat_worker_t *w,
    ngx_http_chat_render_t *r)
{
    chat_mem_t                 mem;
    chat_fault_t               fault;
    chat_ev_account_changed_t  changed;
    u_char                     block[256];

    if (r->entry.event == CHAT_EV_PROBE) {
        ngx_http_chat_probe_seen(w->bus, &r->entry.body);
        return;
    }

    if (r->entry.event != CHAT_EV_ACCOUNT_CHANGED) {
        return;
    }

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);

    if (chat_body_decode(&chat_ev_account_changed_type, &r->entry.body,
                         &changed, &mem, &fault)
        != CHAT_OK)
    {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "chat: account_changed of the log cannot be read: %s",
                      fault.what);

        /* whatever it was: forget everything */
        ngx_http_chat_registry_drop(w, 0, 0);
        return;
    }

    ngx_http_chat_registry_drop(w, changed.account, changed.operator);
    ngx_http_chat_dispatch_changed(w, changed.account, changed.operator);
}


static void
ngx_http_chat_dispatch_changed(ngx_http_chat_worker_t *w, uint64_t account,
    uint64_t operator_id)
{
    ngx_uint_t                n;
    ngx_queue_t              *q;
    ngx_http_chat_account_t  *a;
    ngx_http_chat_session_t  *s;

    a = ngx_http_chat_account_find(w->sessions, account);

    if (a == NULL) {
        return;
    }

    ngx_http_chat_account_load(a, 1);

    /* once around, as ngx_http_chat_sessions_resync() goes */

    n = 0;

    for (q = ngx_queue_head(&a->operators);
         q != ngx_queue_sentinel(&a->operators);
         q = ngx_queue_next(q))
    {
        n++;
    }

    for ( /* void */ ; n && !ngx_queue_empty(&a->operators); n--) {
        q = ngx_queue_head(&a->operators);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&a->operators, q);

        s = ngx_queue_data(q, ngx_http_chat_session_t, group);

        if (operator_id == 0 || s->who.operator_id == operator_id) {
            ngx_http_chat_session_check(s);
        }
    }
}


void
ngx_http_chat_deliver(ngx_http_chat_session_t *s, ngx_http_chat_render_t *r)
{
    ngx_http_chat_frame_t  *f;
    const chat_entry_t     *e;

    e = &r->entry;

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {

        if (r->def->audience != CHAT_AUDIENCE_PUBLIC
            || e->site != s->who.site
            || e->visitor.len != CHAT_VISITOR_LEN
            || ngx_memcmp(e->visitor.data, s->who.visitor, CHAT_VISITOR_LEN)
               != 0)
        {
            return;
        }

    } else if (e->account != s->who.account
               || ngx_http_chat_role(&s->who, e->site) == 0)
    {
        return;
    }

    if (r->def->durable && ngx_http_chat_deliver_known(s, e)) {
        return;
    }

    if (!r->def->durable && ngx_http_chat_deliver_own(s, e)) {
        return;
    }

    if (ngx_http_chat_session_full(s)) {

        if (r->def->durable) {
            /* it stays in the ring; what is worth nothing later is lost */
            ngx_http_chat_session_state(s, NGX_HTTP_CHAT_LAGGING);
        }

        return;
    }

    f = ngx_http_chat_render(r, s->who.kind == CHAT_ACTOR_KIND_OPERATOR
                                && (r->opens || s->viewing));
    if (f == NULL) {

        if (!r->broken) {
            ngx_http_chat_session_give(s, NULL);
        }

        return;
    }

    if (r->def->durable) {
        s->last = e->id;
        s->epoch = r->epoch;

        if (s->who.kind == CHAT_ACTOR_KIND_VISITOR
            && e->dialog.len == CHAT_DIALOG_LEN)
        {
            ngx_memcpy(s->dialog, e->dialog.data, CHAT_DIALOG_LEN);
            s->has_dialog = 1;
        }
    }

    if (ngx_http_chat_deliver_wrote(s, e)) {
        ngx_http_chat_session_send_later(s, f);
    } else {
        ngx_http_chat_session_send(s, f);
    }
}


/*
 * Is it a message that this very client wrote?  He has its text and the ack,
 * or the ack is behind it.  An instance's name alone proves nothing: everybody
 * is shown it.
 */

static ngx_uint_t
ngx_http_chat_deliver_wrote(ngx_http_chat_session_t *s, const chat_entry_t *e)
{
    chat_mem_t                mem;
    chat_fault_t              fault;
    chat_ev_message_posted_t  body;

    if (e->event != CHAT_EV_MESSAGE_POSTED
        || s->instance_len == 0
        || e->sender.len <= s->instance_len
        || e->sender.data[s->instance_len] != ':'
        || ngx_memcmp(e->sender.data, s->instance, s->instance_len) != 0)
    {
        return 0;
    }

    /* its texts stay in the body */
    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    return chat_body_decode(&chat_ev_message_posted_type, &e->body, &body,
                            &mem, &fault)
           == CHAT_OK
           && body.from.kind == s->who.kind
           && (s->who.kind == CHAT_ACTOR_KIND_VISITOR
               || body.from.id == s->who.operator_id);
}


/* Did the session get it, alone or as part of a state? */

static ngx_uint_t
ngx_http_chat_deliver_known(ngx_http_chat_session_t *s, const chat_entry_t *e)
{
    ngx_uint_t                 i;
    ngx_http_chat_snapshot_t  *snap;

    if (chat_id_cmp(&e->id, &s->last) <= 0) {
        return 1;
    }

    snap = s->snapshot;

    if (snap == NULL) {
        return 0;
    }

    if (chat_id_cmp(&e->id, &snap->max) > 0) {
        s->snapshot = NULL;
        ngx_free(snap);
        return 0;
    }

    for (i = 0; i < snap->n; i++) {

        if (e->dialog.len == CHAT_DIALOG_LEN
            && ngx_memcmp(snap->elts[i].dialog, e->dialog.data,
                          CHAT_DIALOG_LEN)
               == 0)
        {
            return chat_id_cmp(&e->id, &snap->elts[i].last) <= 0;
        }
    }

    return 0;
}


/* Nobody is told that he types himself: owner is who does, 0 = visitor. */

static ngx_uint_t
ngx_http_chat_deliver_own(ngx_http_chat_session_t *s, const chat_entry_t *e)
{
    return e->owner == s->who.operator_id;
}


void
ngx_http_chat_render_init(ngx_http_chat_render_t *r,
    ngx_http_chat_worker_t *w, const chat_ring_entry_t *e)
{
    ngx_memzero(r, sizeof(ngx_http_chat_render_t));

    r->worker = w;
    r->epoch = e->epoch;
    r->partition = e->partition;

    if (chat_entry_parse(&e->header, &e->body, &r->entry) != CHAT_OK) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "chat: malformed log entry %uL-%uL in partition %uD: "
                      "\"%V\"", e->id.ms, e->id.seq, e->partition,
                      (ngx_str_t *) &e->header);
        return;
    }

    r->entry.id = e->id;
    r->def = chat_event_def(r->entry.event);
    r->opens = r->entry.event == CHAT_EV_DIALOG_OPENED
               || r->entry.event == CHAT_EV_DIALOG_REOPENED;
}


void
ngx_http_chat_render_done(ngx_http_chat_render_t *r)
{
    if (r->plain) {
        ngx_http_chat_frame_free(r->plain);
    }

    if (r->viewed) {
        ngx_http_chat_frame_free(r->viewed);
    }
}


static ngx_http_chat_frame_t *
ngx_http_chat_render(ngx_http_chat_render_t *r, ngx_uint_t viewed)
{
    ngx_http_chat_frame_t  **f;

    f = viewed ? &r->viewed : &r->plain;

    if (*f == NULL && !r->broken) {
        *f = (r->entry.event == CHAT_EV_TYPING)
                 ? ngx_http_chat_render_typing(r)
                 : ngx_http_chat_render_event(r, viewed);
    }

    return *f;
}


static ngx_http_chat_frame_t *
ngx_http_chat_render_event(ngx_http_chat_render_t *r, ngx_uint_t viewed)
{
    size_t                  len;
    u_char                  text[CHAT_CURSOR_MAX], view[8192];
    u_char                  buf[NGX_HTTP_CHAT_FRAME_MOST];
    chat_str_t              cursor, v;
    chat_cursor_t           at;
    ngx_http_chat_frame_t  *f;

    at.epoch = r->epoch;
    at.n = 1;
    at.at[0].partition = r->partition;
    at.at[0].id = r->entry.id;

    cursor.data = text;
    cursor.len = chat_cursor_print(text, &at,
                               ngx_http_chat_bus_cursor_key(r->worker))
                 - text;

    v.data = view;
    v.len = viewed ? ngx_http_chat_render_view(r, view, sizeof(view)) : 0;

    len = chat_entry_frame(&r->entry, &cursor, v.len ? &v : NULL, buf,
                           NGX_HTTP_CHAT_FRAME_MOST);

    if (len == 0) {
        r->broken = 1;
        ngx_log_error(NGX_LOG_ERR, r->worker->log, 0,
                      "chat: the body of an event of the log cannot be read");
        return NULL;
    }

    f = ngx_http_chat_frame_alloc(len + cursor.len);

    if (f == NULL) {
        return NULL;
    }

    f->kind = CHAT_FRAME_EVENT;
    f->len = len;

    if (len <= NGX_HTTP_CHAT_FRAME_MOST) {
        ngx_memcpy(f->data, buf, len);

    } else {
        (void) chat_entry_frame(&r->entry, &cursor, v.len ? &v : NULL,
                                f->data, len);
    }

    ngx_http_chat_frame_cursor(f, &cursor);
    ngx_http_chat_frame_seal(f);

    return f;
}


/*
 * A view of what the entry itself tells: complete for dialog_opened; for the
 * others what an operator needs to show a dialog he has not seen.
 */

static size_t
ngx_http_chat_render_view(ngx_http_chat_render_t *r, u_char *dst, size_t size)
{
    size_t                     len;
    u_char                     block[256], bytes[8];
    chat_mem_t                 mem;
    chat_str_t                 text;
    ngx_uint_t                 i;
    chat_fault_t               fault;
    chat_dialog_t              d;
    chat_dialog_view_t         view;
    const chat_entry_t        *e;
    chat_ev_message_posted_t   posted;

    e = &r->entry;

    ngx_memzero(&d, sizeof(chat_dialog_t));

    d.exists = 1;
    d.account = e->account;
    d.site = e->site;
    d.visitor = e->visitor;
    d.dialog = e->dialog;
    d.owner = e->owner;
    d.state = e->owner ? CHAT_DIALOG_STATE_ACTIVE : CHAT_DIALOG_STATE_QUEUED;

    if (chat_hex_parse(&e->dialog, bytes, sizeof(bytes)) == CHAT_OK) {
        /* a dialog's id begins with 42 bits of ms */
        for (i = 0; i < 6; i++) {
            d.opened_ms = d.opened_ms << 8 | bytes[i];
        }

        d.opened_ms >>= 6;
    }

    chat_dialog_apply(&d, e);

    if (d.state == CHAT_DIALOG_STATE_QUEUED && d.queued_ms == 0) {
        d.queued_ms = d.opened_ms;
    }

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);
    chat_str_set(&text, "");

    if (e->event == CHAT_EV_MESSAGE_POSTED
        && chat_body_decode(&chat_ev_message_posted_type, &e->body, &posted,
                            &mem, &fault)
           == CHAT_OK)
    {
        text = posted.text;
    }

    chat_dialog_view(&d, &text, &view, &mem);

    len = chat_json_encode(&chat_dialog_view_type, &view, NULL, 0);

    if (len > size) {
        /* a page's address made of escapes */
        view.has &= ~((uint64_t) 1 << CHAT_F_DIALOG_VIEW_PAGE);
        len = chat_json_encode(&chat_dialog_view_type, &view, NULL, 0);
    }

    return len > size ? 0
                      : chat_json_encode(&chat_dialog_view_type, &view, dst,
                                         size);
}


static ngx_http_chat_frame_t *
ngx_http_chat_render_typing(ngx_http_chat_render_t *r)
{
    chat_mem_t           mem;
    chat_fault_t         fault;
    chat_ev_typing_t     body;
    chat_frame_typing_t  typing;

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    if (chat_body_decode(&chat_ev_typing_type, &r->entry.body, &body, &mem,
                         &fault)
        != CHAT_OK)
    {
        r->broken = 1;
        return NULL;
    }

    ngx_memzero(&typing, sizeof(chat_frame_typing_t));

    typing.dialog = r->entry.dialog;
    chat_set(&typing, CHAT_F_FRAME_TYPING_DIALOG);

    typing.from = body.from;
    chat_set(&typing, CHAT_F_FRAME_TYPING_FROM);

    return ngx_http_chat_frame_encode(CHAT_FRAME_TYPING, &typing, NULL);
}
