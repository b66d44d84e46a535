
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

/* What XINFO STREAM tells; an error reply (no such key) is an empty log. */
typedef struct {
    uint64_t         length;
    uint64_t         added;        /* ever */
    chat_id_t        first;        /* oldest entry there is */
    chat_id_t        last;         /* id generated last */
} chat_log_info_t;

chat_cmd_t *chat_log_info_cmd(chat_mem_t *mem, const chat_str_t *key);

/* CHAT_OK, or CHAT_ERROR: not of the form expected. */
int chat_log_info_parse(const redisReply *r, chat_log_info_t *info);


#endif /* _CHAT_LOG_H_INCLUDED_ */
