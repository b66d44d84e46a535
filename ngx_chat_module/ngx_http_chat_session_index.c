
/*
 * The indexes of sessions: by visitor, by account; who takes whose place.
 */

#include "ngx_http_chat_session_internal.h"
#include "chat_ws.h"


static void ngx_http_chat_session_presence(ngx_http_chat_session_t *s,
    ngx_http_chat_account_t *a, ngx_uint_t online);
static void ngx_http_chat_session_replace(ngx_http_chat_session_t *s);
static ngx_uint_t ngx_http_chat_session_same(ngx_http_chat_session_t *a,
    ngx_http_chat_session_t *b);


#if (NGX_DEBUG)

static const char  *ngx_http_chat_session_states[] = {
    [NGX_HTTP_CHAT_NEW]       = "new",
    [NGX_HTTP_CHAT_ATTACHING] = "attaching",
    [NGX_HTTP_CHAT_LIVE]      = "live",
    [NGX_HTTP_CHAT_LAGGING]   = "lagging",
    [NGX_HTTP_CHAT_ENDED]     = "ended"
};

#endif


void
ngx_http_chat_session_state(ngx_http_chat_session_t *s,
    ngx_http_chat_state_e state)
{
    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, s->worker->log, 0,
                   "chat: session %p (%s): %s -> %s",
                   s, s->transport->name,
                   ngx_http_chat_session_states[s->state],
                   ngx_http_chat_session_states[state]);

    s->state = state;
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


void
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

    ngx_http_chat_session_state(s, NGX_HTTP_CHAT_ENDED);

    ngx_queue_remove(&s->all);
    s->worker->sessions->n--;

    if (s->account == NULL) {
        return;
    }

    ngx_queue_remove(&s->group);

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        ngx_rbtree_delete(&s->worker->sessions->visitors, &s->node);

    } else {
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

    if (s->worker->exiting) {
        /* he comes back at once, to another worker */
        return;
    }

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
