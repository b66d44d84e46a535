
#include "chat_attach.h"
#include "chat_call.h"
#include "chat_page.h"
#include "chat_rights.h"
#include "chat_str.h"


static int chat_history_begin(chat_op_t *op);
static int chat_history_loaded(chat_op_t *op);
static int chat_history_mine(const chat_history_t *h);


const chat_step_t  chat_history_steps[] = {
    { "begin",  chat_history_begin },
    { "loaded", chat_history_loaded },
    { NULL, NULL }
};


static int
chat_history_begin(chat_op_t *op)
{
    int              rc;
    unsigned         partition;
    chat_history_t  *h = op->ctx;

    if (!chat_dialog_id_valid(&h->dialog) || h->after > INT32_MAX) {
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    partition = chat_partition(h->sender.account);

    rc = chat_call_redis(op, partition,
                         chat_dialog_cmd(op->mem, h->sender.account,
                                         &h->dialog));
    if (rc != CHAT_AGAIN) {
        return rc;
    }

    return chat_call_redis(op, partition,
                           chat_page_cmd(op, h->sender.account, &h->dialog,
                                         h->after,
                                         h->after + CHAT_LIMIT_HISTORY_PAGE
                                         - 1));
}


static int
chat_history_loaded(chat_op_t *op)
{
    int                rc;
    chat_history_t    *h = op->ctx;
    const redisReply  *r;

    h->found.dialog = h->dialog;

    rc = chat_page_dialog(op, 0, &h->found);
    if (rc != CHAT_OK) {
        return rc;
    }

    rc = chat_call_reply(op, 1, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (!chat_history_mine(h)) {
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    if (chat_page_parse(r, &h->found, &h->events, &h->n_events, op->mem)
        != CHAT_OK)
    {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    h->more = h->found.seq > h->after + h->n_events;

    return CHAT_DONE;
}


static int
chat_history_mine(const chat_history_t *h)
{
    const chat_dialog_t  *d;

    d = &h->found;

    if (!d->exists || d->account != h->sender.account) {
        return 0;
    }

    if (h->sender.kind == CHAT_ACTOR_KIND_VISITOR) {
        return d->site == h->sender.site
               && chat_str_eq(&d->visitor, &h->sender.visitor);
    }

    return (chat_rights_role(h->role(h->role_data, d->site)) & CHAT_MAY_READ)
           != 0;
}
