
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
