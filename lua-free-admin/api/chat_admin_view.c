
/*
 * Who is logged in, with his sites and roles: the answer to login and me.
 */

#include "chat_admin_internal.h"


static int chat_admin_view_ids(chat_op_t *op, chat_admin_view_t *v);
static int chat_admin_view_collect(chat_op_t *op, chat_admin_view_t *v);


chat_admin_view_t *
chat_admin_view_create(chat_op_t *op, uint64_t site)
{
    chat_admin_view_t  *v;

    v = chat_mem_alloc(op->mem, sizeof(chat_admin_view_t));

    if (v) {
        v->site = site;
    }

    return v;
}


int
chat_admin_view_ask(chat_op_t *op, chat_admin_view_t *v, unsigned slot,
    uint64_t operator_id, uint64_t account)
{
    int  rc;

    v->slot = slot;

    rc = chat_admin_call(op, chat_roles_get_cmd(op->mem, operator_id));

    if (rc != CHAT_AGAIN) {
        return rc;
    }

    return chat_admin_call(op, chat_account_sites_cmd(op->mem, account));
}


int
chat_admin_view_sites(chat_op_t *op, chat_admin_view_t *v)
{
    int     rc;
    size_t  i, n;

    rc = v->started ? chat_admin_view_collect(op, v)
                    : chat_admin_view_ids(op, v);

    if (rc != CHAT_OK || v->at == v->n) {
        return rc;
    }

    n = v->n - v->at;
    n = n < CHAT_OP_CALLS ? n : CHAT_OP_CALLS;

    for (i = 0; i < n; i++) {
        rc = chat_admin_call(op, chat_site_get_cmd(op->mem,
                                                   v->ids[v->at + i]));
        if (rc != CHAT_AGAIN) {
            return rc;
        }
    }

    v->asked = n;
    op->next--;                      /* this step again, with the answers */

    return CHAT_AGAIN;
}


/* Roles and the account's sites are there: which ones are his? */

static int
chat_admin_view_ids(chat_op_t *op, chat_admin_view_t *v)
{
    size_t             i;
    uint64_t           site;
    const redisReply  *roles, *sites;

    v->started = 1;

    if (chat_call_reply(op, v->slot, &roles) != CHAT_OK
        || chat_call_reply(op, v->slot + 1, &sites) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    if (chat_roles_parse(roles, &v->roles, op->mem) == CHAT_ERROR
        || sites->type != REDIS_REPLY_ARRAY)
    {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    v->ids = chat_mem_alloc(op->mem, (sites->elements + 1)
                                     * sizeof(uint64_t));
    v->sites = chat_mem_alloc(op->mem, (sites->elements + 1)
                                       * sizeof(chat_site_view_t));

    if (v->ids == NULL || v->sites == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    for (i = 0; i < sites->elements; i++) {

        if (chat_reply_u64(sites->element[i], &site) == CHAT_OK
            && (v->site == 0 || v->site == site)
            && chat_roles_of(&v->roles, site))
        {
            v->ids[v->n++] = site;
        }
    }

    return CHAT_OK;
}


static int
chat_admin_view_collect(chat_op_t *op, chat_admin_view_t *v)
{
    int                rc;
    size_t             i;
    chat_site_t        site;
    const redisReply  *r;
    chat_site_view_t  *view;

    for (i = 0; i < v->asked; i++) {

        if (chat_call_reply(op, i, &r) != CHAT_OK) {
            return CHAT_ERROR;
        }

        rc = chat_site_parse(r, &site, op->mem);

        if (rc == CHAT_DECLINED) {
            continue;                /* it went away in between */
        }

        if (rc != CHAT_OK) {
            return chat_op_fail(op, CHAT_E_INTERNAL);
        }

        view = &v->sites[v->n_sites++];
        view->id = site.id;
        view->name = site.name;
        view->role = chat_roles_of(&v->roles, site.id);
        chat_set(view, CHAT_F_SITE_VIEW_ID);
        chat_set(view, CHAT_F_SITE_VIEW_NAME);
        chat_set(view, CHAT_F_SITE_VIEW_ROLE);
    }

    v->at += v->asked;
    v->asked = 0;

    return CHAT_OK;
}


void
chat_admin_view_fill(chat_me_view_t *me, const chat_admin_view_t *v,
    const chat_operator_t *who, const chat_session_rec_t *s)
{
    memset(me, 0, sizeof(chat_me_view_t));

    me->operator.id = who->id;
    me->operator.name = who->name;
    chat_set(&me->operator, CHAT_F_OPERATOR_VIEW_ID);
    chat_set(&me->operator, CHAT_F_OPERATOR_VIEW_NAME);

    me->csrf = s->csrf;
    me->sites.elts = v->sites;
    me->sites.n = v->n_sites;
    me->expires_ms = s->expires_s * 1000;

    chat_set(me, CHAT_F_ME_VIEW_OPERATOR);
    chat_set(me, CHAT_F_ME_VIEW_CSRF);
    chat_set(me, CHAT_F_ME_VIEW_SITES);
    chat_set(me, CHAT_F_ME_VIEW_EXPIRES_MS);
}
