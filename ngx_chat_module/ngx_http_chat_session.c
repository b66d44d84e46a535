
/*
 * A session: its life, its place in the indexes, its ends.
 */

#include "ngx_http_chat_echo.h"
#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_ws.h"


#define NGX_HTTP_CHAT_DRAIN_TICK   100       /* ms */
#define NGX_HTTP_CHAT_DRAIN_REST   6000      /* for closing handshakes */


static void ngx_http_chat_session_unregister(ngx_http_chat_session_t *s);
static void ngx_http_chat_session_presence(ngx_http_chat_session_t *s,
    ngx_http_chat_account_t *a, ngx_uint_t online);
static void ngx_http_chat_session_replace(ngx_http_chat_session_t *s);
static ngx_uint_t ngx_http_chat_session_same(ngx_http_chat_session_t *a,
    ngx_http_chat_session_t *b);
static void ngx_http_chat_session_checked(void *data, ngx_int_t rc);
static void ngx_http_chat_session_login(ngx_http_chat_session_t *s,
    const ngx_http_chat_login_t *login);
static ngx_uint_t ngx_http_chat_roles_equal(const chat_roles_t *a,
    const chat_roles_t *b);
static void ngx_http_chat_sessions_ticked(void *data);
static void ngx_http_chat_sessions_drain_handler(ngx_event_t *ev);


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

    if (ss->wheel.tick.timer_set) {
        ngx_del_timer(&ss->wheel.tick);
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
    ngx_uint_t  max, reserve;

    max = w->mcf->connections ? w->mcf->connections
                              : w->cycle->connection_n / 2;

    /* what the web sites need, and our own way to the store */
    reserve = w->cycle->connection_n / 32;

    if (w->exiting
        || w->connections >= max
        || w->cycle->free_connection_n < reserve)
    {
        ngx_http_chat_count(w, CHAT_METRIC_CONNECTIONS_REFUSED, 1);
        return NGX_BUSY;
    }

    return NGX_OK;
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

    w->connections++;

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


ngx_int_t
ngx_http_chat_session_register(ngx_http_chat_session_t *s)
{
    ngx_http_chat_account_t   *a;
    ngx_http_chat_sessions_t  *ss;

    ss = s->worker->sessions;

    ngx_http_chat_session_replace(s);

    a = ngx_http_chat_account_get(ss, s->who.account);

    if (a == NULL) {
        return NGX_ERROR;
    }

    s->account = a;

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        s->node.key = ngx_http_chat_who_hash(s->who.site, s->who.visitor);
        ngx_rbtree_insert(&ss->visitors, &s->node);
        ngx_queue_insert_tail(&a->visitors, &s->group);

    } else {
        ngx_http_chat_session_presence(s, a, 1);
        ngx_queue_insert_tail(&a->operators, &s->group);
    }

    return NGX_OK;
}


static void
ngx_http_chat_session_unregister(ngx_http_chat_session_t *s)
{
    ngx_http_chat_attach_cancel(s);
    ngx_http_chat_jobs_cancel(s);

    if (s->check) {
        ngx_http_chat_registry_cancel(s->check);
        ngx_free(s->check);
        s->check = NULL;
    }

    if (s->snapshot) {
        ngx_free(s->snapshot);
        s->snapshot = NULL;
    }

    s->state = NGX_HTTP_CHAT_ENDED;

    ngx_queue_remove(&s->all);

    if (s->account == NULL) {
        return;
    }

    ngx_queue_remove(&s->group);

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        ngx_rbtree_delete(&s->worker->sessions->visitors, &s->node);

    } else if (!s->worker->exiting) {
        /* on reload he comes back at once: what is stored expires */
        ngx_http_chat_session_presence(s, s->account, 0);
    }

    ngx_http_chat_account_left(s->account);
    s->account = NULL;
}


/* Only the first session of an operator, and the last one, are news. */

static void
ngx_http_chat_session_presence(ngx_http_chat_session_t *s,
    ngx_http_chat_account_t *a, ngx_uint_t online)
{
    u_char                    body[64];
    ngx_queue_t              *q;
    chat_entry_t              e;
    chat_ev_presence_t        presence;
    ngx_http_chat_session_t  *other;

    ngx_http_chat_bus_presence(s->worker, s->who.account, s->who.operator_id,
                               online);

    for (q = ngx_queue_head(&a->operators);
         q != ngx_queue_sentinel(&a->operators);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, ngx_http_chat_session_t, group);

        if (other->who.operator_id == s->who.operator_id) {
            return;
        }
    }

    ngx_memzero(&presence, sizeof(chat_ev_presence_t));

    presence.online = online;
    chat_set(&presence, CHAT_F_EV_PRESENCE_ONLINE);

    ngx_memzero(&e, sizeof(chat_entry_t));

    e.event = CHAT_EV_PRESENCE;
    e.account = s->who.account;
    e.owner = s->who.operator_id;
    e.body.data = body;
    e.body.len = chat_body_encode(&chat_ev_presence_type, &presence, body,
                                  sizeof(body));

    ngx_http_chat_bus_ephemeral(s->worker, &e);
}


/* A client that lost its connection may be here again before we notice. */

static void
ngx_http_chat_session_replace(ngx_http_chat_session_t *s)
{
    ngx_queue_t               *q, *next;
    ngx_http_chat_account_t   *a;
    ngx_http_chat_session_t   *old, *after;
    ngx_http_chat_sessions_t  *ss;

    ss = s->worker->sessions;

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {

        for (old = ngx_http_chat_session_first(ss, s->who.site,
                                               s->who.visitor);
             old; old = after)
        {
            after = ngx_http_chat_session_next(ss, old);

            if (ngx_http_chat_session_same(old, s)) {
                ngx_http_chat_session_end(old, CHAT_BYE_REASON_REPLACED, 0, 0,
                                          CHAT_WS_NORMAL, "replaced");
            }
        }

        return;
    }

    a = ngx_http_chat_account_find(ss, s->who.account);

    if (a == NULL) {
        return;
    }

    for (q = ngx_queue_head(&a->operators);
         q != ngx_queue_sentinel(&a->operators);
         q = next)
    {
        next = ngx_queue_next(q);
        old = ngx_queue_data(q, ngx_http_chat_session_t, group);

        if (old->who.operator_id == s->who.operator_id
            && ngx_http_chat_session_same(old, s))
        {
            ngx_http_chat_session_end(old, CHAT_BYE_REASON_REPLACED, 0, 0,
                                      CHAT_WS_NORMAL, "replaced");
        }
    }
}


static ngx_uint_t
ngx_http_chat_session_same(ngx_http_chat_session_t *a,
    ngx_http_chat_session_t *b)
{
    return a != b
           && a->instance_len == b->instance_len
           && ngx_memcmp(a->instance, b->instance, a->instance_len) == 0;
}


/* Sessions of a visitor: equal hashes lie side by side in the tree. */

ngx_http_chat_session_t *
ngx_http_chat_session_first(ngx_http_chat_sessions_t *ss, uint64_t site,
    const u_char *visitor)
{
    ngx_rbtree_key_t          key;
    ngx_rbtree_node_t        *node, *found;
    ngx_http_chat_session_t  *s;

    key = ngx_http_chat_who_hash(site, visitor);
    node = ss->visitors.root;
    found = NULL;

    while (node != ss->visitors.sentinel) {

        if (key <= node->key) {
            found = (key == node->key) ? node : found;
            node = node->left;

        } else {
            node = node->right;
        }
    }

    if (found == NULL) {
        return NULL;
    }

    s = ngx_http_chat_of(found, ngx_http_chat_session_t, node);

    if (s->who.site == site
        && ngx_memcmp(s->who.visitor, visitor, CHAT_VISITOR_LEN) == 0)
    {
        return s;
    }

    /* another visitor of the same hash */

    while ((found = ngx_rbtree_next(&ss->visitors, found))
           && found->key == key)
    {
        s = ngx_http_chat_of(found, ngx_http_chat_session_t, node);

        if (s->who.site == site
            && ngx_memcmp(s->who.visitor, visitor, CHAT_VISITOR_LEN) == 0)
        {
            return s;
        }
    }

    return NULL;
}


ngx_http_chat_session_t *
ngx_http_chat_session_next(ngx_http_chat_sessions_t *ss,
    ngx_http_chat_session_t *s)
{
    ngx_rbtree_node_t        *node;
    ngx_http_chat_session_t  *next;

    node = &s->node;

    while ((node = ngx_rbtree_next(&ss->visitors, node))
           && node->key == s->node.key)
    {
        next = ngx_http_chat_of(node, ngx_http_chat_session_t, node);

        if (next->who.site == s->who.site
            && ngx_memcmp(next->who.visitor, s->who.visitor, CHAT_VISITOR_LEN)
               == 0)
        {
            return next;
        }
    }

    return NULL;
}


void
ngx_http_chat_session_check(ngx_http_chat_session_t *s)
{
    ngx_int_t                     rc;
    ngx_http_chat_wait_t         *wait;
    const ngx_http_chat_login_t  *login;

    if (s->check) {
        return;
    }

    wait = ngx_calloc(sizeof(ngx_http_chat_wait_t), s->worker->log);

    if (wait == NULL) {
        /* rather out than in without a right */
        rc = NGX_DECLINED;
        login = NULL;

    } else {
        wait->handler = ngx_http_chat_session_checked;
        wait->data = s;

        rc = ngx_http_chat_registry_login(s->worker, s->who.operator->login,
                                          wait, &login);
        if (rc == NGX_AGAIN) {
            s->check = wait;
            return;
        }

        ngx_free(wait);
    }

    ngx_http_chat_session_login(s, rc == NGX_OK ? login : NULL);
}


static void
ngx_http_chat_session_checked(void *data, ngx_int_t rc)
{
    ngx_http_chat_session_t *s = data;

    ngx_free(s->check);
    s->check = NULL;

    if (rc == NGX_OK) {
        ngx_http_chat_session_check(s);
        return;
    }

    if (rc == NGX_BUSY) {
        /* the store is away: who was in stays in, it is asked when the
           client comes the next time */
        return;
    }

    ngx_http_chat_session_login(s, NULL);
}


static void
ngx_http_chat_session_login(ngx_http_chat_session_t *s,
    const ngx_http_chat_login_t *login)
{
    if (login == NULL) {
        ngx_http_chat_session_end(s, CHAT_BYE_REASON_REVOKED, 0, 0,
                                  CHAT_WS_UNAUTHORIZED, "logged out");
        return;
    }

    if (ngx_http_chat_roles_equal(&login->roles, &s->who.operator->roles)) {
        return;
    }

    if (ngx_http_chat_operator_copy(&s->who, (ngx_str_t *) &login->who.name,
                                    &login->roles, login->hash)
        != NGX_OK)
    {
        ngx_http_chat_session_give(s, NULL);
        return;
    }

    /* other sites, other dialogs */

    s->positioned = 0;
    ngx_http_chat_attach_start(s);
}


static ngx_uint_t
ngx_http_chat_roles_equal(const chat_roles_t *a, const chat_roles_t *b)
{
    size_t  i;

    if (a->n != b->n) {
        return 0;
    }

    for (i = 0; i < a->n; i++) {
        if (chat_roles_of(b, a->elts[i].site) != a->elts[i].role) {
            return 0;
        }
    }

    return 1;
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

        if (f && s->state != NGX_HTTP_CHAT_NEW && !s->transport->quiet
            && !ngx_http_chat_session_full(s))
        {
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
    ngx_queue_t               *q, *next;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;

    /* what was not seen may have changed rights */

    ngx_http_chat_registry_drop(w, 0, 0);

    if (reset) {
        /* ids may have gone back */
        ngx_memzero(ss->seen, sizeof(ss->seen));
    }

    for (q = ngx_queue_head(&ss->all);
         q != ngx_queue_sentinel(&ss->all);
         q = next)
    {
        next = ngx_queue_next(q);
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
 * The clients leave in steps, so that they do not arrive at our successors
 * all at once; then the last ones get time for their closing handshakes.
 */

void
ngx_http_chat_sessions_drain(ngx_http_chat_worker_t *w)
{
    ngx_queue_t               *q;
    ngx_uint_t                 n, steps;
    ngx_http_chat_sessions_t  *ss;

    ss = w->sessions;
    n = 0;

    ngx_http_chat_echo_drain(w);

    for (q = ngx_queue_head(&ss->all);
         q != ngx_queue_sentinel(&ss->all);
         q = ngx_queue_next(q))
    {
        n++;
    }

    if (n == 0 && w->connections == 0) {
        return;
    }

    steps = w->mcf->drain / NGX_HTTP_CHAT_DRAIN_TICK + 1;

    ss->drain_step = (n + steps - 1) / steps;
    ss->drain_until = ngx_current_msec + w->mcf->drain
                      + NGX_HTTP_CHAT_DRAIN_REST;

    ss->drain.handler = ngx_http_chat_sessions_drain_handler;
    ss->drain.data = ss;
    ss->drain.log = w->log;

    /* only this timer keeps the worker from leaving */

    ngx_add_timer(&ss->drain, 1);
}


static void
ngx_http_chat_sessions_drain_handler(ngx_event_t *ev)
{
    ngx_uint_t                 i;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_sessions_t  *ss;

    ss = ev->data;

    for (i = 0; i < ss->drain_step && !ngx_queue_empty(&ss->all); i++) {
        s = ngx_queue_data(ngx_queue_head(&ss->all), ngx_http_chat_session_t,
                           all);

        ngx_http_chat_session_end(s, CHAT_BYE_REASON_RELOAD,
                                  NGX_HTTP_CHAT_RETRY, 1, CHAT_WS_RESTART,
                                  "reload");
    }

    if (ss->worker->connections
        && (ngx_msec_int_t) (ss->drain_until - ngx_current_msec) > 0)
    {
        ngx_add_timer(ev, NGX_HTTP_CHAT_DRAIN_TICK);
    }
}
