
/*
 * What a client needs whose events are all in the ring: its numbers, and
 * whether it knows of everything.
 */

#include "chat_attach.h"
#include "chat_call.h"
#include "chat_dialog.h"
#include "chat_number.h"
#include "chat_str.h"


static int chat_number_begin(chat_op_t *op);
static int chat_number_begun(chat_op_t *op);
static int chat_number_missed(chat_op_t *op);


const chat_step_t  chat_number_steps[] = {
    { "begin",  chat_number_begin },
    { "begun",  chat_number_begun },
    { "missed", chat_number_missed },
    { NULL, NULL }
};


static int
chat_number_begin(chat_op_t *op)
{
    int             rc;
    unsigned        partition;
    chat_cmd_t     *c;
    chat_str_t      key;
    chat_attach_t  *a = op->ctx;

    partition = chat_partition(a->sender.account);

    rc = chat_call_redis(op, partition, chat_sender_cmd(op->mem, &a->sender));

    if (rc != CHAT_AGAIN || a->sender.kind == CHAT_ACTOR_KIND_VISITOR) {
        return rc;
    }

    key = chat_key_account(op->mem, a->sender.account, "open");
    c = chat_cmd_create(op->mem, 2);

    if (c && key.len) {
        chat_cmd_lit(c, "ZCARD");
        chat_cmd_str(c, &key);
    }

    return chat_call_redis(op, partition, key.len ? c : NULL);
}


int
chat_number_parse(chat_op_t *op, chat_attach_t *a)
{
    int                rc;
    chat_sent_t        sent;
    const redisReply  *r;

    rc = chat_call_reply(op, 0, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_sender_parse(r, &a->sender.instance, &sent) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    a->n = sent.n;
    a->dialog = sent.pointer;

    return CHAT_OK;
}


/* All of a visitor's events are those of his dialog: its last one tells. */

static int
chat_number_begun(chat_op_t *op)
{
    int                rc;
    chat_attach_t     *a = op->ctx;
    const redisReply  *r;

    rc = chat_number_parse(op, a);

    if (rc != CHAT_OK) {
        return rc;
    }

    if (a->sender.kind == CHAT_ACTOR_KIND_VISITOR) {

        if (a->dialog.len == 0) {
            return CHAT_DONE;
        }

        return chat_call_redis(op, chat_partition(a->sender.account),
                               chat_dialog_cmd(op->mem, a->sender.account,
                                               &a->dialog));
    }

    rc = chat_call_reply(op, 1, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_reply_u64(r, &a->open) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_DONE;
}


static int
chat_number_missed(chat_op_t *op)
{
    int                rc;
    chat_dialog_t      d;
    chat_attach_t     *a = op->ctx;
    const redisReply  *r;

    rc = chat_call_reply(op, 0, &r);

    if (rc != CHAT_OK) {
        return rc;
    }

    d.dialog = a->dialog;

    if (chat_dialog_reply(r, &d) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (!d.exists) {
        /* it was erased */
        a->dialog.len = 0;
        a->missed = 1;

    } else {
        a->missed = (chat_id_cmp(&d.last, &a->since) > 0);
    }

    return CHAT_DONE;
}
