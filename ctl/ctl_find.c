
/*
 * What people name, by number or by name.
 */

#include "chatctl.h"


int
ctl_numbers(ctl_t *ctl, const chat_str_t *key, uint64_t **ids, size_t *n)
{
    size_t       i;
    chat_cmd_t  *c;
    redisReply  *r;

    c = chat_cmd_create(ctl->mem, 4);
    if (c == NULL) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "ZRANGE");
    chat_cmd_str(c, key);
    chat_cmd_lit(c, "0");
    chat_cmd_lit(c, "-1");

    r = ctl_call(ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    *n = r->elements;
    *ids = chat_mem_alloc(ctl->mem, (r->elements + 1) * sizeof(uint64_t));

    if (*ids == NULL) {
        return ctl_error("out of memory");
    }

    for (i = 0; i < r->elements; i++) {
        if (chat_reply_u64(chat_reply_at(r, i), &(*ids)[i]) != CHAT_OK) {
            return ctl_error("%.*s is damaged", (int) key->len, key->data);
        }
    }

    return CTL_OK;
}


int
ctl_account_name(ctl_t *ctl, uint64_t id, chat_str_t *name)
{
    chat_str_t   key;
    chat_cmd_t  *c;
    redisReply  *r;

    key = chat_key(ctl->mem, CHAT_PARTITION_GLOBAL, "chat:%t:account:%u", id);

    c = chat_cmd_create(ctl->mem, 3);
    if (c == NULL || key.len == 0) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "HGET");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "name");

    r = ctl_call(ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_reply_str(r, name) != CHAT_OK) {
        return ctl_error("there is no account %llu",
                         (unsigned long long) id);
    }

    return CTL_OK;
}


int
ctl_account_lookup(ctl_t *ctl, const char *text, uint64_t *id)
{
    size_t       i, n;
    uint64_t     number, *ids;
    chat_str_t   key, name, want;

    want = ctl_str(text);

    if (chat_str_u64(&want, &number) != CHAT_OK) {
        number = 0;
    }

    *id = 0;
    key = chat_key_global(ctl->mem, "accounts");

    if (ctl_numbers(ctl, &key, &ids, &n) != CTL_OK) {
        return CTL_FAILED;
    }

    for (i = 0; i < n; i++) {
        if (ids[i] == number) {
            *id = number;
            return CTL_OK;
        }
    }

    for (i = 0; i < n; i++) {
        if (ctl_account_name(ctl, ids[i], &name) != CTL_OK) {
            return CTL_FAILED;
        }

        if (chat_str_eq(&name, &want)) {
            *id = ids[i];
            return CTL_OK;
        }
    }

    return CTL_OK;
}


int
ctl_account_find(ctl_t *ctl, const char *text, uint64_t *id)
{
    if (ctl_account_lookup(ctl, text, id) != CTL_OK) {
        return CTL_FAILED;
    }

    return *id ? CTL_OK : ctl_error("there is no account \"%s\"", text);
}


int
ctl_site_load(ctl_t *ctl, uint64_t id, chat_site_t *site)
{
    redisReply  *r;

    r = ctl_call(ctl, chat_site_get_cmd(ctl->mem, id));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_site_parse(r, site, ctl->mem) != CHAT_OK) {
        return ctl_error("there is no site %llu", (unsigned long long) id);
    }

    return CTL_OK;
}


int
ctl_site_find(ctl_t *ctl, const char *text, chat_site_t *site)
{
    uint64_t     id;
    chat_str_t   name;
    redisReply  *r;

    name = ctl_str(text);

    r = ctl_call(ctl, chat_site_name_cmd(ctl->mem, &name));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_reply_u64(r, &id) != CHAT_OK
        && chat_str_u64(&name, &id) != CHAT_OK)
    {
        return ctl_error("there is no site \"%s\"", text);
    }

    return ctl_site_load(ctl, id, site);
}


int
ctl_operator_load(ctl_t *ctl, uint64_t id, chat_operator_t *o)
{
    redisReply  *r;

    r = ctl_call(ctl, chat_operator_get_cmd(ctl->mem, id));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_operator_parse(r, o, ctl->mem) != CHAT_OK) {
        return ctl_error("there is no operator %llu",
                         (unsigned long long) id);
    }

    return CTL_OK;
}


int
ctl_operator_find(ctl_t *ctl, const char *login, chat_operator_t *o)
{
    uint64_t     id;
    chat_str_t   name;
    redisReply  *r;

    name = ctl_str(login);

    r = ctl_call(ctl, chat_login_get_cmd(ctl->mem, &name));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_reply_u64(r, &id) != CHAT_OK) {
        return ctl_error("there is no operator \"%s\"", login);
    }

    return ctl_operator_load(ctl, id, o);
}
