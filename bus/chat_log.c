
#include "chat_log.h"
#include "chat_str.h"


int
chat_log_entry(const redisReply *r, chat_entry_t *e)
{
    size_t             i;
    chat_id_t          id;
    chat_str_t         name, value, header, body;
    const redisReply  *fields;

    memset(e, 0, sizeof(chat_entry_t));
    memset(&header, 0, sizeof(chat_str_t));
    memset(&body, 0, sizeof(chat_str_t));

    fields = chat_reply_at(r, 1);

    if (chat_reply_id(chat_reply_at(r, 0), &id) != CHAT_OK
        || fields == NULL)
    {
        return CHAT_ERROR;
    }

    for (i = 0; i + 1 < fields->elements; i += 2) {
        if (chat_reply_str(fields->element[i], &name) != CHAT_OK
            || chat_reply_str(fields->element[i + 1], &value) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        if (chat_str_eq_c(&name, "h")) {
            header = value;

        } else if (chat_str_eq_c(&name, "b")) {
            body = value;
        }
    }

    if (chat_entry_parse(&header, &body, e) != CHAT_OK) {
        memset(e, 0, sizeof(chat_entry_t));
        e->id = id;
        return CHAT_DECLINED;
    }

    e->id = id;

    return CHAT_OK;
}


chat_cmd_t *
chat_log_info_cmd(chat_mem_t *mem, const chat_str_t *key)
{
    chat_cmd_t  *c;

    c = chat_cmd_create(mem, 3);
    if (c == NULL) {
        return NULL;
    }

    chat_cmd_lit(c, "XINFO");
    chat_cmd_lit(c, "STREAM");
    chat_cmd_str(c, key);

    return c;
}


int
chat_log_info_parse(const redisReply *r, chat_log_info_t *info)
{
    int                rc;
    size_t             i;
    unsigned           found;
    chat_str_t         name;
    const redisReply  *v;

    memset(info, 0, sizeof(chat_log_info_t));

    if (r == NULL) {
        return CHAT_ERROR;
    }

    if (r->type == REDIS_REPLY_ERROR) {
        return chat_reply_no_key(r) ? CHAT_OK : CHAT_ERROR;
    }

    found = 0;

    for (i = 0; i + 1 < r->elements; i += 2) {
        if (chat_reply_str(r->element[i], &name) != CHAT_OK) {
            return CHAT_ERROR;
        }

        v = r->element[i + 1];

        if (chat_str_eq_c(&name, "length")) {
            rc = chat_reply_u64(v, &info->length);

        } else if (chat_str_eq_c(&name, "entries-added")) {
            rc = chat_reply_u64(v, &info->added);

        } else if (chat_str_eq_c(&name, "recorded-first-entry-id")) {
            rc = chat_reply_id(v, &info->first);

        } else if (chat_str_eq_c(&name, "last-generated-id")) {
            rc = chat_reply_id(v, &info->last);

        } else if (chat_str_eq_c(&name, "max-deleted-entry-id")) {
            rc = chat_reply_id(v, &info->deleted);

        } else {
            continue;
        }

        if (rc != CHAT_OK) {
            return CHAT_ERROR;
        }

        found++;
    }

    return found == 5 ? CHAT_OK : CHAT_ERROR;
}


int
chat_log_lost(const chat_log_info_t *info, const chat_id_t *id)
{
    if (chat_id_cmp(&info->last, id) <= 0) {
        return 0;
    }

    if (chat_id_cmp(&info->deleted, id) > 0) {
        return 1;
    }

    /* trimming leaves no trace but that the first entry is a later one */

    if (info->length && chat_id_cmp(&info->first, id) <= 0) {
        return 0;
    }

    /* from the very beginning it is known: was ever anything removed? */

    return id->ms || id->seq || info->added != info->length;
}
