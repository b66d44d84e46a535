
#include "chat_call.h"
#include "chat_page.h"
#include "chat_str.h"


chat_cmd_t *
chat_page_cmd(chat_op_t *op, uint64_t account, const chat_str_t *dialog,
    int64_t from, int64_t to)
{
    int             i;
    chat_cmd_t     *c;
    chat_str_t      key, text;
    unsigned char  *p;

    key = chat_key_dialog_pub(op->mem, account, dialog);
    p = chat_mem_alloc(op->mem, 2 * 21);

    c = chat_cmd_create(op->mem, 4);
    if (c == NULL || key.len == 0 || p == NULL) {
        return NULL;
    }

    chat_cmd_lit(c, "LRANGE");
    chat_cmd_str(c, &key);

    from = from * 2;
    to = to * 2 + 1;

    for (i = 0; i < 2; i++, from = to) {
        text.data = p;

        if (from < 0) {
            *p++ = '-';
            from = -from;
        }

        p = chat_u64_print(p, from);
        text.len = p - text.data;

        chat_cmd_str(c, &text);
    }

    return c;
}


int
chat_page_parse(const redisReply *r, const chat_dialog_t *d,
    chat_entry_t **events, size_t *n, chat_mem_t *mem)
{
    size_t         i;
    chat_str_t     facts, body;
    chat_entry_t  *e;

    if (r->type != REDIS_REPLY_ARRAY || r->elements % 2) {
        return CHAT_ERROR;
    }

    e = chat_mem_alloc(mem, (r->elements / 2 + 1) * sizeof(chat_entry_t));
    if (e == NULL) {
        return CHAT_ERROR;
    }

    *events = e;
    *n = r->elements / 2;

    for (i = 0; i < r->elements; i += 2, e++) {

        if (chat_reply_str(r->element[i], &facts) != CHAT_OK
            || chat_reply_str(r->element[i + 1], &body) != CHAT_OK
            || chat_entry_parse_listed(&facts, &body, e) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        e->account = d->account;
        e->site = d->site;
        e->visitor = d->visitor;
        e->dialog = d->dialog;
    }

    return CHAT_OK;
}


int
chat_page_dialog(chat_op_t *op, unsigned slot, chat_dialog_t *d)
{
    int                rc;
    const redisReply  *r;

    rc = chat_call_reply(op, slot, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_dialog_reply(r, d) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_OK;
}
