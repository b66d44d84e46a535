
#include "chat_presence.h"
#include "chat_str.h"


static chat_cmd_t *chat_presence_cmd(chat_mem_t *mem, const char *name,
    uint64_t account, int hint);
static void chat_presence_member(chat_cmd_t *c, const chat_presence_at_t *at,
    uint64_t operator_id);
static int chat_presence_operator(const redisReply *r, uint64_t *id);


chat_cmd_t *
chat_presence_renew_cmd(chat_mem_t *mem, uint64_t account,
    const chat_presence_at_t *at, const uint64_t *operators, size_t n,
    uint64_t now_ms)
{
    size_t       i;
    chat_cmd_t  *c;

    c = chat_presence_cmd(mem, "ZADD", account, 2 + 2 * n);

    for (i = 0; c && i < n; i++) {
        chat_cmd_u64(c, now_ms + CHAT_PRESENCE_DEAD_MS);
        chat_presence_member(c, at, operators[i]);
    }

    return c;
}


chat_cmd_t *
chat_presence_leave_cmd(chat_mem_t *mem, uint64_t account,
    const chat_presence_at_t *at, uint64_t operator_id)
{
    chat_cmd_t  *c;

    c = chat_presence_cmd(mem, "ZREM", account, 3);
    if (c) {
        chat_presence_member(c, at, operator_id);
    }

    return c;
}


chat_cmd_t *
chat_presence_expire_cmd(chat_mem_t *mem, uint64_t account, uint64_t now_ms)
{
    chat_cmd_t  *c;

    c = chat_presence_cmd(mem, "ZREMRANGEBYSCORE", account, 4);
    if (c) {
        chat_cmd_lit(c, "-inf");
        chat_cmd_u64(c, now_ms);
    }

    return c;
}


chat_cmd_t *
chat_presence_list_cmd(chat_mem_t *mem, uint64_t account, uint64_t now_ms)
{
    chat_cmd_t  *c;

    /* one whose time is up is dead: strictly later */

    c = chat_presence_cmd(mem, "ZRANGEBYSCORE", account, 4);
    if (c) {
        chat_cmd_u64(c, now_ms + 1);
        chat_cmd_lit(c, "+inf");
    }

    return c;
}


int
chat_presence_parse(const redisReply *r, uint64_t **operators, size_t *n,
    chat_mem_t *mem)
{
    size_t     i, at, count;
    uint64_t   id, *ids;

    if (r == NULL || r->type != REDIS_REPLY_ARRAY) {
        return CHAT_ERROR;
    }

    ids = chat_mem_alloc(mem, (r->elements + 1) * sizeof(uint64_t));
    if (ids == NULL) {
        return CHAT_ERROR;
    }

    count = 0;

    for (i = 0; i < r->elements; i++) {

        if (chat_presence_operator(r->element[i], &id) != CHAT_OK) {
            return CHAT_ERROR;
        }

        for (at = count; at && ids[at - 1] > id; at--) {
            /* where it belongs */
        }

        if (at && ids[at - 1] == id) {
            continue;
        }

        memmove(&ids[at + 1], &ids[at], (count - at) * sizeof(uint64_t));
        ids[at] = id;
        count++;
    }

    *operators = ids;
    *n = count;

    return CHAT_OK;
}


static chat_cmd_t *
chat_presence_cmd(chat_mem_t *mem, const char *name, uint64_t account,
    int hint)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_account(mem, account, "presence");

    c = chat_cmd_create(mem, hint);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, name);
    chat_cmd_str(c, &key);

    return c;
}


static void
chat_presence_member(chat_cmd_t *c, const chat_presence_at_t *at,
    uint64_t operator_id)
{
    chat_str_t  member;

    member = chat_key(c->mem, 0, "%u:%u.%u", operator_id, at->node, at->slot);
    if (member.len == 0) {
        c->failed = 1;
    }

    chat_cmd_str(c, &member);
}


static int
chat_presence_operator(const redisReply *r, uint64_t *id)
{
    chat_str_t      s;
    unsigned char  *colon;

    if (chat_reply_str(r, &s) != CHAT_OK) {
        return CHAT_ERROR;
    }

    colon = s.len ? memchr(s.data, ':', s.len) : NULL;
    if (colon == NULL) {
        return CHAT_ERROR;
    }

    s.len = colon - s.data;

    return chat_str_u64(&s, id);
}
