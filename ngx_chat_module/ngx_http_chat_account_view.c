
/*
 * What clients are told of their account: its people and sites in the
 * welcome, and who comes and goes.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_account.h"


static void ngx_http_chat_account_tell_visitors(ngx_http_chat_account_t *a);


void
ngx_http_chat_account_tell(ngx_http_chat_account_t *a, chat_list_t *changed)
{
    ngx_queue_t              *q;
    chat_frame_presence_t     presence;
    ngx_http_chat_frame_t    *f;
    ngx_http_chat_session_t  *s;

    if (changed->n == 0) {
        return;
    }

    ngx_http_chat_account_tell_visitors(a);

    ngx_memzero(&presence, sizeof(chat_frame_presence_t));

    presence.operators = *changed;
    chat_set(&presence, CHAT_F_FRAME_PRESENCE_OPERATORS);

    f = NULL;

    for (q = ngx_queue_head(&a->operators);
         q != ngx_queue_sentinel(&a->operators);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_chat_session_t, group);

        if (s->state != NGX_HTTP_CHAT_LIVE || ngx_http_chat_session_full(s)) {
            continue;
        }

        if (f == NULL) {
            f = ngx_http_chat_frame_encode(CHAT_FRAME_PRESENCE, &presence,
                                           NULL);
            if (f == NULL) {
                /* the next look tells no difference: those here miss it */
                return;
            }
        }

        ngx_http_chat_session_send(s, f);
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
    chat_frame_presence_t     presence;
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

        if (s->state != NGX_HTTP_CHAT_LIVE || s->online == online
            || ngx_http_chat_session_full(s))
        {
            continue;
        }

        if (f[online] == NULL) {
            ngx_memzero(&presence, sizeof(chat_frame_presence_t));

            presence.online = online;
            chat_set(&presence, CHAT_F_FRAME_PRESENCE_ONLINE);

            f[online] = ngx_http_chat_frame_encode(CHAT_FRAME_PRESENCE,
                                                   &presence, NULL);
            if (f[online] == NULL) {
                break;
            }
        }

        s->online = online;
        ngx_http_chat_session_send(s, f[online]);
    }

    for (online = 0; online < 2; online++) {
        if (f[online]) {
            ngx_http_chat_frame_free(f[online]);
        }
    }
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

    for (i = 0; i < a->n_people; i++) {
        ngx_http_chat_person_view(&a->people[i], &view[i]);
    }

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
