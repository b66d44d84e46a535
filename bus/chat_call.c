
#include "chat_call.h"
#include "chat_keys.h"
#include "gen/chat_schema.h"


static int chat_call_fail(chat_op_t *op, int error, uint64_t retry_ms);


int
chat_call_redis(chat_op_t *op, unsigned partition, chat_cmd_t *c)
{
    int  group;

    if (c == NULL || c->failed) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    group = (partition == CHAT_PARTITION_GLOBAL) ? -1 : (int) partition;

    if (chat_op_call(op, CHAT_CALL_REDIS, group, c) < 0) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_AGAIN;
}


int
chat_call_reply(chat_op_t *op, unsigned slot, const redisReply **r)
{
    chat_reply_t  *reply;

    reply = chat_op_result(op, slot);
    *r = reply->reply;

    if (reply->rc == CHAT_OK && *r == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return chat_call_outcome(op, reply->rc, chat_reply_error(*r));
}


int
chat_call_outcome(chat_op_t *op, int rc, chat_redis_error_e refused)
{
    if (rc == CHAT_BUSY) {
        return chat_call_fail(op, CHAT_E_BUSY, CHAT_RETRY_BUSY);
    }

    if (rc != CHAT_OK) {
        return chat_call_fail(op, CHAT_E_STORE_DOWN, CHAT_RETRY_DOWN);
    }

    switch (refused) {

    case CHAT_REDIS_OK:
        return CHAT_OK;

    case CHAT_REDIS_FULL:
        return chat_call_fail(op, CHAT_E_STORE_FULL, CHAT_RETRY_FULL);

    case CHAT_REDIS_REFUSED:
        return chat_op_fail(op, CHAT_E_INTERNAL);

    default: /* AWAY, NOSCRIPT: the connection is made anew; AUTH: a right is
                missing, which may be given any time */
        return chat_call_fail(op, CHAT_E_STORE_DOWN, CHAT_RETRY_DOWN);
    }
}


static int
chat_call_fail(chat_op_t *op, int error, uint64_t retry_ms)
{
    op->retry_ms = retry_ms;

    return chat_op_fail(op, error);
}
