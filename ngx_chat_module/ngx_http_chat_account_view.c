
/*
 * What clients are told of their account: its people and sites in the
 * welcome, and who comes and goes.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_account.h"


static void ngx_http_chat_account_tell_visitors(ngx_http_chat_account_t *a);
static ngx_uint_t ngx_http_chat_account_reach(ngx_http_chat_session_t *s);
static ngx_uint_t ngx_http_chat_account_give(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
static void ngx_http_chat_account_sum(ngx_http_chat_session_t *s, u_char *p);
static ngx_http_chat_frame_t *ngx_http_chat_account_frame_people(
    chat_list_t *people);
static ngx_http_chat_frame_t *ngx_http_chat_account_frame_online(
    ngx_uint_t online);
static void ngx_http_chat_account_colleagues(ngx_http_chat_account_t *a,
    chat_operator_view_t *view);


void
ngx_http_chat_account_tell(ngx_http_chat_account_t *a, chat_list_t *changed)
{
    ngx_queue_t              *q;
    ngx_http_chat_frame_t    *f;
    ngx_http_chat_session_t  *s;

    ngx_http_chat_account_tell_visitors(a);

    if (changed->n == 0) {
        return;
    }

    f = NULL;

    for (q = ngx_queue_head(&a->operators);
         q != ngx_queue_sentinel(&a->operators);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_chat_session_t, group);

        if (!ngx_http_chat_account_reach(s)) {
            continue;
        }

        if (f == NULL) {
            f = ngx_http_chat_account_frame_people(changed);
        }

        ngx_http_chat_account_give(s, f);
    }

    if (f) {
        ngx_http_chat_frame_free(f);
    }
}


static void
ngx_http_chat_account_tell_visitors(ngx_http_chat_account_t *a)
{
    uint64_t                  site;
    ngx_uint_t                online;
    ngx_queue_t              *q;
    ngx_http_chat_frame_t    *f[2];
    ngx_http_chat_session_t  *s;

    f[0] = NULL;
    f[1] = NULL;
    site = 0;
    online = 0;

    for (q = ngx_queue_head(&a->visitors);
         q != ngx_queue_sentinel(&a->visitors);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_chat_session_t, group);

        if (s->who.site != site) {
            site = s->who.site;
            online = ngx_http_chat_account_online(a, site);
        }

        if (s->online == online || !ngx_http_chat_account_reach(s)) {
            continue;
        }

        if (f[online] == NULL) {
            f[online] = ngx_http_chat_account_frame_online(online);
        }

        if (ngx_http_chat_account_give(s, f[online])) {
            s->online = online;
        }
    }

    for (online = 0; online < 2; online++) {
        if (f[online]) {
            ngx_http_chat_frame_free(f[online]);
        }
    }
}


/* Somebody who cannot be told now, is when there is room again. */

static ngx_uint_t
ngx_http_chat_account_reach(ngx_http_chat_session_t *s)
{
    if (s->missed) {
        return 0;
    }

    s->missed = (s->state != NGX_HTTP_CHAT_LIVE
                 || ngx_http_chat_session_full(s));

    return !s->missed;
}


static ngx_uint_t
ngx_http_chat_account_give(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f)
{
    if (f == NULL) {
        /* out of memory */
        s->missed = 1;
        return 0;
    }

    s->missed = 0;
    ngx_http_chat_session_send(s, f);

    return 1;
}


void
ngx_http_chat_account_catch_up(ngx_http_chat_session_t *s)
{
    ngx_uint_t                online;
    chat_list_t               people;
    ngx_http_chat_frame_t    *f;
    ngx_http_chat_account_t  *a;

    if (!s->missed || s->state != NGX_HTTP_CHAT_LIVE
        || ngx_http_chat_session_full(s))
    {
        return;
    }

    a = s->account;

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        online = ngx_http_chat_account_online(a, s->who.site);

        if (s->online == online) {
            s->missed = 0;
            return;
        }

        f = ngx_http_chat_account_frame_online(online);

    } else {
        online = 0;
        people.n = a->n_people;
        people.elts = ngx_alloc((a->n_people + 1)
                                * sizeof(chat_operator_view_t),
                                s->worker->log);
        if (people.elts == NULL) {
            return;
        }

        ngx_http_chat_account_colleagues(a, people.elts);

        f = ngx_http_chat_account_frame_people(&people);

        ngx_free(people.elts);
    }

    if (ngx_http_chat_account_give(s, f)) {
        s->online = online;
        ngx_http_chat_frame_free(f);
    }
}


void
ngx_http_chat_account_resume(ngx_http_chat_session_t *s)
{
    u_char       now[NGX_HTTP_CHAT_PRESENCE_LEN];
    chat_str_t  *known;

    known = s->transport->knows(s);

    if (known->len) {
        ngx_http_chat_account_sum(s, now);

        s->missed = (known->len != sizeof(now)
                     || ngx_memcmp(known->data, now, sizeof(now)) != 0);
    }

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        s->online = ngx_http_chat_account_online(s->account, s->who.site)
                    ^ s->missed;
    }
}


ngx_int_t
ngx_http_chat_session_known(ngx_http_chat_session_t *s, u_char *p)
{
    if (s->state != NGX_HTTP_CHAT_LIVE || s->missed) {
        return NGX_DECLINED;
    }

    ngx_http_chat_account_sum(s, p);

    return NGX_OK;
}


/*
 * Of the others: that he polls himself is no news.  They may be in another
 * order in another worker: a sum has none.
 */

static void
ngx_http_chat_account_sum(ngx_http_chat_session_t *s, u_char *p)
{
    uint32_t                  sum;
    uint64_t                  who[2];
    ngx_uint_t                i;
    ngx_http_chat_account_t  *a;

    a = s->account;

    if (s->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        sum = (uint32_t) ngx_http_chat_account_online(a, s->who.site);

    } else {
        sum = 0;

        for (i = 0; i < a->n_people; i++) {
            if (a->people[i].id == s->who.operator_id) {
                continue;
            }

            who[0] = a->people[i].id;
            who[1] = a->people[i].online;

            sum += chat_crc32c(0, who, sizeof(who));
        }
    }

    ngx_sprintf(p, "%08xD", sum);
}


/* Both frames: NULL: out of memory. */

static ngx_http_chat_frame_t *
ngx_http_chat_account_frame_people(chat_list_t *people)
{
    chat_frame_presence_t  presence;

    ngx_memzero(&presence, sizeof(chat_frame_presence_t));

    presence.operators = *people;
    chat_set(&presence, CHAT_F_FRAME_PRESENCE_OPERATORS);

    return ngx_http_chat_frame_encode(CHAT_FRAME_PRESENCE, &presence, NULL);
}


static ngx_http_chat_frame_t *
ngx_http_chat_account_frame_online(ngx_uint_t online)
{
    chat_frame_presence_t  presence;

    ngx_memzero(&presence, sizeof(chat_frame_presence_t));

    presence.online = online;
    chat_set(&presence, CHAT_F_FRAME_PRESENCE_ONLINE);

    return ngx_http_chat_frame_encode(CHAT_FRAME_PRESENCE, &presence, NULL);
}


ngx_uint_t
ngx_http_chat_account_online(ngx_http_chat_account_t *a, uint64_t site)
{
    ngx_uint_t               i;
    ngx_http_chat_person_t  *p;

    for (i = 0; i < a->n_people; i++) {
        p = &a->people[i];

        if (p->online
            && (chat_rights_role(chat_roles_of(&p->roles, site))
                & CHAT_MAY_ANSWER))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_chat_account_views(ngx_http_chat_account_t *a,
    ngx_http_chat_who_t *who, chat_frame_welcome_t *welcome, chat_mem_t *mem)
{
    int                     role;
    ngx_uint_t              i;
    chat_site_view_t       *site;
    chat_operator_view_t   *view;

    view = chat_mem_alloc(mem, (a->n_people + 1)
                               * sizeof(chat_operator_view_t));
    site = chat_mem_alloc(mem, (a->n_sites + 1) * sizeof(chat_site_view_t));

    if (view == NULL || site == NULL) {
        return NGX_ERROR;
    }

    ngx_http_chat_account_colleagues(a, view);

    welcome->colleagues.elts = view;
    welcome->colleagues.n = a->n_people;
    chat_set(welcome, CHAT_F_FRAME_WELCOME_COLLEAGUES);

    welcome->sites.elts = site;

    for (i = 0; i < a->n_sites; i++) {
        role = ngx_http_chat_role(who, a->sites[i].id);

        if (role == 0) {
            continue;
        }

        site->id = a->sites[i].id;
        chat_set(site, CHAT_F_SITE_VIEW_ID);

        site->name = a->sites[i].name;
        chat_set(site, CHAT_F_SITE_VIEW_NAME);

        site->role = role;
        chat_set(site, CHAT_F_SITE_VIEW_ROLE);

        site++;
        welcome->sites.n++;
    }

    chat_set(welcome, CHAT_F_FRAME_WELCOME_SITES);

    welcome->operator.id = who->operator_id;
    chat_set(&welcome->operator, CHAT_F_OPERATOR_VIEW_ID);

    welcome->operator.name = who->operator->name;
    chat_set(&welcome->operator, CHAT_F_OPERATOR_VIEW_NAME);

    welcome->operator.online = 1;
    chat_set(&welcome->operator, CHAT_F_OPERATOR_VIEW_ONLINE);

    chat_set(welcome, CHAT_F_FRAME_WELCOME_OPERATOR);

    return NGX_OK;
}


static void
ngx_http_chat_account_colleagues(ngx_http_chat_account_t *a,
    chat_operator_view_t *view)
{
    ngx_uint_t  i;

    for (i = 0; i < a->n_people; i++) {
        ngx_http_chat_person_view(&a->people[i], &view[i]);
    }
}


void
ngx_http_chat_person_view(ngx_http_chat_person_t *p,
    chat_operator_view_t *view)
{
    ngx_memzero(view, sizeof(chat_operator_view_t));

    view->id = p->id;
    chat_set(view, CHAT_F_OPERATOR_VIEW_ID);

    view->name = p->name;
    chat_set(view, CHAT_F_OPERATOR_VIEW_NAME);

    view->online = p->online;
    chat_set(view, CHAT_F_OPERATOR_VIEW_ONLINE);
}
