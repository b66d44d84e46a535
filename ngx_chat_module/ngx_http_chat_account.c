
/*
 * What a worker knows of an account that has clients here: its people, its
 * sites, and who of the people is there.  Loaded when the first client says
 * hello, again when the log says that the account changed; presence also
 * when an operator comes or goes, and each 15 s for nodes that died.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_account.h"

#include "chat_ws.h"


#define NGX_HTTP_CHAT_PRESENCE   15000     /* ms between two looks */
#define NGX_HTTP_CHAT_GRACE      4000      /* to come back after leaving */
#define NGX_HTTP_CHAT_KEEP       30000     /* an account without clients */
#define NGX_HTTP_CHAT_LOAD_MAX   (4 * 1024 * 1024)


static void ngx_http_chat_account_timer(ngx_http_chat_timer_t *t);
static void ngx_http_chat_account_free(ngx_http_chat_account_t *a);
static void ngx_http_chat_account_loaded(ngx_http_chat_owner_t *o,
    chat_op_t *op);
static void ngx_http_chat_account_take(ngx_http_chat_account_t *a,
    ngx_http_chat_load_t *load);
static void ngx_http_chat_account_check(ngx_http_chat_account_t *a);
static void ngx_http_chat_account_ready(ngx_http_chat_account_t *a);
static void ngx_http_chat_account_suspend(ngx_http_chat_account_t *a);
static ngx_http_chat_person_t *ngx_http_chat_account_person(
    ngx_http_chat_person_t *people, ngx_uint_t n, uint64_t id);


ngx_http_chat_account_t *
ngx_http_chat_account_find(ngx_http_chat_sessions_t *ss, uint64_t id)
{
    ngx_rbtree_node_t  *node;

    node = ss->accounts.root;

    while (node != ss->accounts.sentinel) {

        if (id == node->key) {
            return ngx_http_chat_of(node, ngx_http_chat_account_t, node);
        }

        node = (id < node->key) ? node->left : node->right;
    }

    return NULL;
}


ngx_http_chat_account_t *
ngx_http_chat_account_get(ngx_http_chat_sessions_t *ss, uint64_t id)
{
    ngx_http_chat_account_t  *a;

    a = ngx_http_chat_account_find(ss, id);

    if (a) {
        return a;
    }

    a = ngx_calloc(sizeof(ngx_http_chat_account_t), ss->worker->log);

    if (a == NULL) {
        return NULL;
    }

    a->worker = ss->worker;
    a->id = id;
    a->node.key = id;

    ngx_queue_init(&a->operators);
    ngx_queue_init(&a->visitors);
    ngx_queue_init(&a->waiting);

    ngx_rbtree_insert(&ss->accounts, &a->node);

    ngx_http_chat_account_load(a, 1);

    return a;
}


void
ngx_http_chat_account_left(ngx_http_chat_account_t *a)
{
    if (ngx_queue_empty(&a->operators) && ngx_queue_empty(&a->visitors)) {

        /* the next look stays where it is: long polls leave all the time */

        a->left = ngx_current_msec;
    }
}


void
ngx_http_chat_account_presence(ngx_http_chat_account_t *a, ngx_uint_t online)
{
    if (online) {
        ngx_http_chat_account_load(a, 0);
        return;
    }

    /* a page that is loaded anew is no leaving */

    ngx_http_chat_wheel_set(&a->worker->sessions->wheel, &a->timer,
                            NGX_HTTP_CHAT_GRACE, ngx_http_chat_account_timer);
}


static void
ngx_http_chat_account_timer(ngx_http_chat_timer_t *t)
{
    ngx_msec_t                gone;
    ngx_http_chat_account_t  *a;

    a = ngx_http_chat_of(t, ngx_http_chat_account_t, timer);

    if (ngx_queue_empty(&a->operators) && ngx_queue_empty(&a->visitors)) {
        gone = ngx_current_msec - a->left;

        if (!a->loaded || gone >= NGX_HTTP_CHAT_KEEP) {
            ngx_http_chat_account_free(a);
            return;
        }

        ngx_http_chat_wheel_set(&a->worker->sessions->wheel, &a->timer,
                                NGX_HTTP_CHAT_KEEP - gone,
                                ngx_http_chat_account_timer);
        return;
    }

    ngx_http_chat_account_load(a, !a->loaded);
}


void
ngx_http_chat_accounts_free(ngx_http_chat_sessions_t *ss)
{
    while (ss->accounts.root != ss->accounts.sentinel) {
        ngx_http_chat_account_free(ngx_http_chat_of(ss->accounts.root,
                                       ngx_http_chat_account_t, node));
    }
}


static void
ngx_http_chat_account_free(ngx_http_chat_account_t *a)
{
    ngx_http_chat_sessions_t  *ss;

    ss = a->worker->sessions;

    ngx_http_chat_wheel_del(&ss->wheel, &a->timer);
    ngx_rbtree_delete(&ss->accounts, &a->node);

    if (a->load) {
        chat_op_cancel(&a->load->op);
        ngx_destroy_pool(a->load->pool);
    }

    if (a->pool) {
        ngx_destroy_pool(a->pool);
    }

    ngx_free(a);
}


void
ngx_http_chat_account_load(ngx_http_chat_account_t *a, ngx_uint_t full)
{
    ngx_pool_t            *pool;
    ngx_http_chat_load_t  *load;

    if (a->load) {
        /* what it reads may be older than what we were told */
        a->again = 1;
        a->full |= full;
        return;
    }

    /* the next look, whatever comes of this one */

    ngx_http_chat_wheel_set(&a->worker->sessions->wheel, &a->timer,
                            a->loaded ? NGX_HTTP_CHAT_PRESENCE
                                        - ngx_random() % 2000
                                      : 1000,
                            ngx_http_chat_account_timer);

    pool = ngx_create_pool(2048, a->worker->log);

    if (pool == NULL) {
        return;
    }

    load = ngx_pcalloc(pool, sizeof(ngx_http_chat_load_t));

    if (load == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    load->pool = pool;
    load->account = a->id;
    load->full = full | a->full;
    a->full = 0;

    chat_mem_init(&load->mem, NULL, 0, ngx_http_chat_palloc, pool,
                  NGX_HTTP_CHAT_LOAD_MAX);

    load->owner.done = ngx_http_chat_account_loaded;
    load->owner.data = a;
    load->op.owner = &load->owner;

    a->load = load;

    chat_op_start(&load->op, "account", ngx_http_chat_load_steps,
                  &a->worker->host, &load->mem, load);
}


static void
ngx_http_chat_account_loaded(ngx_http_chat_owner_t *o, chat_op_t *op)
{
    int                       rc;
    ngx_http_chat_load_t     *load;
    ngx_http_chat_account_t  *a;

    a = o->data;
    load = a->load;
    a->load = NULL;

    rc = op->rc;

    if (rc == CHAT_DONE) {
        ngx_http_chat_account_take(a, load);

    } else {
        /* what has changed is to be read by the next one */
        a->full |= load->full;

        chat_op_release(op);
        ngx_destroy_pool(load->pool);
    }

    if (a->again) {
        a->again = 0;

        ngx_http_chat_account_load(a, !a->loaded);
    }

    if (a->loaded) {
        ngx_http_chat_account_ready(a);
    }

    if (rc == CHAT_DONE) {
        ngx_http_chat_account_check(a);
    }
}


/*
 * Logins end by themselves, and a look at one may have failed while the store
 * was away: the open sessions are looked at with each load.
 */

static void
ngx_http_chat_account_check(ngx_http_chat_account_t *a)
{
    ngx_uint_t                n;
    ngx_queue_t              *q;
    ngx_http_chat_session_t  *s;

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

        ngx_http_chat_session_check(s);
    }
}


/* The new knowledge takes the old one's place; the difference is told. */

static void
ngx_http_chat_account_take(ngx_http_chat_account_t *a,
    ngx_http_chat_load_t *load)
{
    ngx_uint_t               i, was, is;
    chat_list_t              changed;
    chat_operator_view_t    *view;
    ngx_http_chat_person_t  *people, *p;

    chat_op_release(&load->op);

    people = load->full ? load->people : a->people;

    changed.n = 0;
    changed.elts = chat_mem_alloc(&load->mem,
                         ((load->full ? load->n_people : a->n_people) + 1)
                         * sizeof(chat_operator_view_t));

    if (changed.elts == NULL) {
        a->full |= load->full;
        ngx_destroy_pool(load->pool);
        return;
    }

    view = changed.elts;

    for (i = 0; i < (load->full ? load->n_people : a->n_people); i++) {

        p = load->full
            ? ngx_http_chat_account_person(a->people, a->n_people,
                                           people[i].id)
            : &people[i];

        was = p ? p->online : 0;
        is = ngx_http_chat_load_online(load, people[i].id);

        people[i].online = is;

        if (was != is) {
            ngx_http_chat_person_view(&people[i], &view[changed.n++]);
        }
    }

    if (load->full) {

        if (a->pool) {
            ngx_destroy_pool(a->pool);
        }

        a->pool = load->pool;
        a->people = load->people;
        a->n_people = load->n_people;
        a->sites = load->sites;
        a->n_sites = load->n_sites;
    }

    /* roles decide, too, whether a visitor has somebody to ask */

    if (a->loaded && (changed.n || load->full)) {
        ngx_http_chat_account_tell(a, &changed);
    }

    a->loaded = 1;

    if (load->full) {
        ngx_http_chat_account_suspend(a);

    } else {
        ngx_destroy_pool(load->pool);
    }
}


/* Attaches that waited for it go on. */

static void
ngx_http_chat_account_ready(ngx_http_chat_account_t *a)
{
    ngx_http_chat_sessions_t  *ss;

    ss = a->worker->sessions;

    if (!ngx_queue_empty(&a->waiting)) {
        ngx_queue_add(&ss->waiting, &a->waiting);
        ngx_queue_init(&a->waiting);
    }

    ngx_http_chat_attach_pump(ss);
}


static void
ngx_http_chat_account_suspend(ngx_http_chat_account_t *a)
{
    ngx_queue_t              *q, *next;
    ngx_http_chat_session_t  *s;

    for (q = ngx_queue_head(&a->visitors);
         q != ngx_queue_sentinel(&a->visitors);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_chat_session_t, group);

        ngx_http_chat_account_rules(a, s);
    }
}


void
ngx_http_chat_account_rules(ngx_http_chat_account_t *a,
    ngx_http_chat_session_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < a->n_sites; i++) {

        if (a->sites[i].id != s->who.site) {
            continue;
        }

        s->who.rules = a->sites[i].rules;

        if (!a->sites[i].on) {
            ngx_http_chat_session_end(s, CHAT_BYE_REASON_REVOKED, 0, 0,
                                      CHAT_WS_UNAUTHORIZED,
                                      "chat is switched off");
        }

        return;
    }
}


static ngx_http_chat_person_t *
ngx_http_chat_account_person(ngx_http_chat_person_t *people, ngx_uint_t n,
    uint64_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (people[i].id == id) {
            return &people[i];
        }
    }

    return NULL;
}
