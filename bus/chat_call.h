
/*
 * Steps of operations that talk to Redis: ask, and turn whatever came back
 * into a reply or into the error a client is told.
 */

#ifndef _CHAT_CALL_H_INCLUDED_
#define _CHAT_CALL_H_INCLUDED_


#include "chat_cmd.h"
#include "chat_op.h"


/* What a client should wait before it sends the same again, ms. */
#define CHAT_RETRY_BUSY  300
#define CHAT_RETRY_DOWN  1000
#define CHAT_RETRY_FULL  1000


/*
 * Issues `c` and returns CHAT_AGAIN; `c` == NULL or failed (out of memory):
 * CHAT_ERROR with CHAT_E_INTERNAL.
 */
int chat_call_redis(chat_op_t *op, unsigned partition, chat_cmd_t *c);

/*
 * The reply of a slot.  CHAT_OK: not an error reply; else CHAT_ERROR with
 * op->error and op->retry_ms set: return it from the step.
 */
int chat_call_reply(chat_op_t *op, unsigned slot, const redisReply **r);

/* The same of a slot's rc and what Redis refused (appends). */
int chat_call_outcome(chat_op_t *op, int rc, chat_redis_error_e refused);


#endif /* _CHAT_CALL_H_INCLUDED_ */
