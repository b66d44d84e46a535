
/*
 * Entries of a log as XREAD and XRANGE answer them.
 */

#ifndef _CHAT_LOG_H_INCLUDED_
#define _CHAT_LOG_H_INCLUDED_


#include "chat_cmd.h"
#include "chat_event.h"


/*
 * One element of the answer: [id, [field, value, ...]].  Slices of *e point
 * into it.  CHAT_OK; CHAT_DECLINED: e->id is good, the rest is damaged;
 * CHAT_ERROR: not an entry of a stream.
 */
int chat_log_entry(const redisReply *r, chat_entry_t *e);


#endif /* _CHAT_LOG_H_INCLUDED_ */
