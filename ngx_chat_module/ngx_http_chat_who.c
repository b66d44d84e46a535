
/*
 * Who is at the other end: copies of an identity, roles, senders.
 */

#include "ngx_http_chat_session_internal.h"


ngx_int_t
ngx_http_chat_who_init(ngx_http_chat_who_t *who,
    const ngx_http_chat_identity_t *id)
{
    ngx_memzero(who, sizeof(ngx_http_chat_who_t));

    who->kind = id->kind;
    who->account = id->account;
    who->site = id->site;
    who->operator_id = id->operator_id;
    who->rules = id->rules;

    if (id->kind == CHAT_ACTOR_KIND_VISITOR) {
        ngx_memcpy(who->visitor, id->visitor, CHAT_VISITOR_LEN);
        return NGX_OK;
    }

    return ngx_http_chat_operator_copy(who, &id->name, &id->roles, id->login);
}


void
ngx_http_chat_who_done(ngx_http_chat_who_t *who)
{
    if (who->operator) {
        ngx_free(who->operator);
        who->operator = NULL;
    }
}


/* One block: the struct, the roles, the name. */

ngx_int_t
ngx_http_chat_operator_copy(ngx_http_chat_who_t *who, const ngx_str_t *name,
    const chat_roles_t *roles, const u_char *login)
{
    size_t                     len;
    ngx_http_chat_operator_t  *o;

    len = roles->n * sizeof(*roles->elts);

    o = ngx_alloc(sizeof(ngx_http_chat_operator_t) + len + name->len,
                  ngx_cycle->log);

    if (o == NULL) {
        return NGX_ERROR;
    }

    o->roles.n = roles->n;
    o->roles.elts = (void *) (o + 1);

    /* who has lost all his roles has no list of them either */

    if (len) {
        ngx_memcpy(o->roles.elts, roles->elts, len);
    }

    o->name.len = name->len;
    o->name.data = (u_char *) o->roles.elts + len;
    ngx_memcpy(o->name.data, name->data, name->len);

    ngx_memcpy(o->login, login, CHAT_ADMIN_HASH_LEN);

    ngx_http_chat_who_done(who);
    who->operator = o;

    return NGX_OK;
}


int
ngx_http_chat_role(void *data, uint64_t site)
{
    size_t                      i;
    const chat_roles_t         *roles;
    const ngx_http_chat_who_t  *who = data;

    if (who->operator == NULL || (who->site && who->site != site)) {
        return 0;
    }

    roles = &who->operator->roles;

    /* "on every site": only who has no other role on any */

    for (i = 0; site == 0 && i < roles->n; i++) {
        if (roles->elts[i].site) {
            return 0;
        }
    }

    return chat_roles_of(roles, site);
}


void
ngx_http_chat_who_sender(const ngx_http_chat_who_t *who,
    const chat_str_t *instance, uint64_t n, chat_sender_t *sender)
{
    ngx_memzero(sender, sizeof(chat_sender_t));

    sender->kind = who->kind;
    sender->account = who->account;
    sender->instance = *instance;
    sender->n = n;

    if (who->kind == CHAT_ACTOR_KIND_VISITOR) {
        sender->site = who->site;
        sender->visitor.data = (u_char *) who->visitor;
        sender->visitor.len = CHAT_VISITOR_LEN;

    } else {
        sender->operator_id = who->operator_id;
    }
}


void
ngx_http_chat_who_actor(const ngx_http_chat_who_t *who, chat_actor_t *actor)
{
    ngx_memzero(actor, sizeof(chat_actor_t));

    actor->kind = who->kind;
    actor->account = who->account;

    if (who->kind == CHAT_ACTOR_KIND_VISITOR) {
        actor->site = who->site;
        actor->visitor.data = (u_char *) who->visitor;
        actor->visitor.len = CHAT_VISITOR_LEN;

    } else {
        actor->id = who->operator_id;
        actor->name = who->operator->name;
    }
}


uint64_t
ngx_http_chat_who_hash(uint64_t site, const u_char *visitor)
{
    uint64_t  high, low;

    /* ids of visitors are random and signed: nobody chooses his hash */

    high = ngx_murmur_hash2((u_char *) visitor, CHAT_VISITOR_LEN);
    low = ngx_murmur_hash2((u_char *) visitor + 4, CHAT_VISITOR_LEN - 4);

    return ((high << 32) | low) ^ (site * 0x9e3779b97f4a7c15ULL);
}
