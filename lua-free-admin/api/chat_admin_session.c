
/*
 * An operator and his sessions: me, logout, list, revoke.
 */

#include <stdlib.h>

#include "chat_admin_internal.h"


static int chat_me_load(chat_op_t *op);
static int chat_me_sites(chat_op_t *op);
static int chat_me_answer(chat_op_t *op);
static int chat_me_operator(chat_op_t *op, chat_admin_me_t *me);
static int chat_logout_end(chat_op_t *op);
static int chat_logout_ended(chat_op_t *op);
static int chat_sessions_list(chat_op_t *op);
static int chat_sessions_hashes(chat_op_t *op);
static int chat_sessions_collect(chat_op_t *op);
static int chat_sessions_info(chat_op_t *op, chat_admin_sessions_t *s,
    unsigned slot);
static int chat_sessions_newest(const void *a, const void *b);
static int chat_revoke_list(chat_op_t *op);
static int chat_revoke_end(chat_op_t *op);

static int chat_session_end(chat_op_t *op, const chat_str_t *hex,
    const chat_session_rec_t *s);
static int chat_session_is(const chat_str_t *hex,
    const unsigned char hash[CHAT_ADMIN_HASH_LEN]);


const chat_step_t  chat_admin_me_steps[] = {
    { "load", chat_me_load },
    { "sites", chat_me_sites },
    { "answer", chat_me_answer },
    { NULL, NULL }
};

const chat_step_t  chat_admin_logout_steps[] = {
    { "end", chat_logout_end },
    { "ended", chat_logout_ended },
    { NULL, NULL }
};

const chat_step_t  chat_admin_sessions_steps[] = {
    { "list", chat_sessions_list },
    { "hashes", chat_sessions_hashes },
    { "collect", chat_sessions_collect },
    { NULL, NULL }
};

const chat_step_t  chat_admin_revoke_steps[] = {
    { "list", chat_revoke_list },
    { "end", chat_revoke_end },
    { "ended", chat_logout_ended },
    { NULL, NULL }
};


/* me --------------------------------------------------------------------- */

static int
chat_me_load(chat_op_t *op)
{
    int               rc;
    chat_admin_me_t  *me;

    me = op->ctx;
    me->view = chat_admin_view_create(op, me->session.site);

    if (me->view == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    rc = chat_admin_call(op, chat_operator_get_cmd(op->mem,
                                                   me->session.operator_id));
    if (rc != CHAT_AGAIN) {
        return rc;
    }

    return chat_admin_view_ask(op, me->view, 1, me->session.operator_id,
                               me->session.account);
}


static int
chat_me_sites(chat_op_t *op)
{
    chat_admin_me_t  *me;

    me = op->ctx;

    if (!me->view->started && chat_me_operator(op, me) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return chat_admin_view_sites(op, me->view);
}


static int
chat_me_operator(chat_op_t *op, chat_admin_me_t *me)
{
    int                rc;
    const redisReply  *r;

    if (chat_call_reply(op, 0, &r) != CHAT_OK) {
        return CHAT_ERROR;
    }

    rc = chat_operator_parse(r, &me->who, op->mem);

    if (rc == CHAT_ERROR) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (rc == CHAT_DECLINED || !me->who.on) {
        return chat_op_fail(op, CHAT_E_UNAUTHORIZED);
    }

    return CHAT_OK;
}


static int
chat_me_answer(chat_op_t *op)
{
    chat_admin_me_t  *me;

    me = op->ctx;
    chat_admin_view_fill(&me->me, me->view, &me->who, &me->session);

    return CHAT_DONE;
}


/* logout ----------------------------------------------------------------- */

static int
chat_logout_end(chat_op_t *op)
{
    chat_str_t            hex;
    unsigned char        *p;
    chat_admin_logout_t  *out;

    out = op->ctx;
    p = chat_mem_alloc(op->mem, CHAT_ADMIN_HASH_LEN * 2);

    if (p == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    hex.data = p;
    hex.len = chat_hex_print(p, out->hash, CHAT_ADMIN_HASH_LEN) - p;

    return chat_session_end(op, &hex, &out->session);
}


static int
chat_logout_ended(chat_op_t *op)
{
    chat_commit_result_t  res;

    if (chat_admin_committed(op, 0, &res) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return CHAT_DONE;
}


/* sessions --------------------------------------------------------------- */

static int
chat_sessions_list(chat_op_t *op)
{
    chat_admin_sessions_t  *s;

    s = op->ctx;

    return chat_admin_call(op, chat_sessions_list_cmd(op->mem,
                                                 s->session.operator_id));
}


static int
chat_sessions_hashes(chat_op_t *op)
{
    chat_admin_sessions_t  *s;

    s = op->ctx;

    if (chat_admin_session_hashes(op, 0, &s->hashes, &s->n) != CHAT_OK) {
        return CHAT_ERROR;
    }

    s->view.sessions.elts = chat_mem_alloc(op->mem, (s->n + 1)
                                           * sizeof(chat_session_info_t));

    if (s->view.sessions.elts == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_OK;
}


/* Fetches what there is, a round of calls at a time. */

static int
chat_sessions_collect(chat_op_t *op)
{
    int                     rc;
    size_t                  i, n;
    chat_admin_sessions_t  *s;

    s = op->ctx;

    for (i = 0; i < s->asked; i++) {

        if (chat_sessions_info(op, s, i) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    s->at += s->asked;
    n = s->n - s->at;

    if (n == 0) {
        qsort(s->view.sessions.elts, s->view.sessions.n,
              sizeof(chat_session_info_t), chat_sessions_newest);
        chat_set(&s->view, CHAT_F_SESSIONS_VIEW_SESSIONS);
        return CHAT_DONE;
    }

    n = n < CHAT_OP_CALLS ? n : CHAT_OP_CALLS;

    for (i = 0; i < n; i++) {
        rc = chat_admin_call(op, chat_session_get_cmd(op->mem,
                                                 &s->hashes[s->at + i]));
        if (rc != CHAT_AGAIN) {
            return rc;
        }
    }

    s->asked = n;
    op->next--;

    return CHAT_AGAIN;
}


static int
chat_sessions_info(chat_op_t *op, chat_admin_sessions_t *s, unsigned slot)
{
    int                   rc;
    chat_str_t           *hash;
    const redisReply     *r;
    chat_session_rec_t    rec;
    chat_session_info_t  *info;

    if (chat_call_reply(op, slot, &r) != CHAT_OK) {
        return CHAT_ERROR;
    }

    rc = chat_session_parse(r, &rec, op->mem);

    if (rc == CHAT_DECLINED) {
        return CHAT_OK;              /* it ended in between */
    }

    if (rc != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    hash = &s->hashes[s->at + slot];
    info = (chat_session_info_t *) s->view.sessions.elts
           + s->view.sessions.n++;

    info->id.data = hash->data;
    info->id.len = CHAT_ADMIN_ID_LEN;
    info->created_ms = rec.created_s * 1000;
    info->expires_ms = rec.expires_s * 1000;
    info->agent = rec.agent;
    info->ip = rec.ip;
    info->current = chat_session_is(hash, s->hash);

    chat_set(info, CHAT_F_SESSION_INFO_ID);
    chat_set(info, CHAT_F_SESSION_INFO_CREATED_MS);
    chat_set(info, CHAT_F_SESSION_INFO_EXPIRES_MS);
    chat_set(info, CHAT_F_SESSION_INFO_AGENT);
    chat_set(info, CHAT_F_SESSION_INFO_IP);
    chat_set(info, CHAT_F_SESSION_INFO_CURRENT);

    return CHAT_OK;
}


static int
chat_sessions_newest(const void *a, const void *b)
{
    const chat_session_info_t  *x, *y;

    x = a;
    y = b;

    return (x->created_ms < y->created_ms) - (x->created_ms > y->created_ms);
}


/* revoke ----------------------------------------------------------------- */

static int
chat_revoke_list(chat_op_t *op)
{
    chat_admin_revoke_t  *rev;

    rev = op->ctx;

    if (rev->id.len != CHAT_ADMIN_ID_LEN) {
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    return chat_admin_call(op, chat_sessions_list_cmd(op->mem,
                                                 rev->session.operator_id));
}


/* Only own sessions are looked through: others' ids are unknown ids. */

static int
chat_revoke_end(chat_op_t *op)
{
    size_t                i, n;
    chat_str_t           *hashes;
    chat_admin_revoke_t  *rev;

    rev = op->ctx;

    if (chat_admin_session_hashes(op, 0, &hashes, &n) != CHAT_OK) {
        return CHAT_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (memcmp(hashes[i].data, rev->id.data, CHAT_ADMIN_ID_LEN) == 0) {
            rev->found = hashes[i];
            rev->current = chat_session_is(&rev->found, rev->hash);

            return chat_session_end(op, &rev->found, &rev->session);
        }
    }

    return chat_op_fail(op, CHAT_E_NOT_FOUND);
}


/* ------------------------------------------------------------------------- */

int
chat_admin_session_hashes(chat_op_t *op, unsigned slot, chat_str_t **hashes,
    size_t *n)
{
    size_t             i;
    uint64_t           expires, now_s;
    chat_str_t         hash;
    const redisReply  *r;

    *n = 0;

    if (chat_call_reply(op, slot, &r) != CHAT_OK) {
        return CHAT_ERROR;
    }

    *hashes = chat_mem_alloc(op->mem, CHAT_ADMIN_SESSIONS_MAX
                                      * sizeof(chat_str_t));

    if (r->type != REDIS_REPLY_ARRAY || *hashes == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    now_s = op->host->now_ms(op->host) / 1000;

    for (i = r->elements; i > 1 && *n < CHAT_ADMIN_SESSIONS_MAX; i -= 2) {

        if (chat_reply_str(r->element[i - 2], &hash) == CHAT_OK
            && chat_reply_u64(r->element[i - 1], &expires) == CHAT_OK
            && hash.len == CHAT_ADMIN_HASH_LEN * 2
            && expires > now_s)
        {
            (*hashes)[(*n)++] = hash;
        }
    }

    return CHAT_OK;
}


static int
chat_session_end(chat_op_t *op, const chat_str_t *hex,
    const chat_session_rec_t *s)
{
    return chat_admin_call(op, chat_session_del_cmd(op->mem, hex, s));
}


static int
chat_session_is(const chat_str_t *hex,
    const unsigned char hash[CHAT_ADMIN_HASH_LEN])
{
    unsigned char  raw[CHAT_ADMIN_HASH_LEN];

    return chat_hex_parse(hex, raw, sizeof(raw)) == CHAT_OK
           && memcmp(raw, hash, sizeof(raw)) == 0;
}
