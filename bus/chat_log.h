
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

/* What XINFO STREAM tells; "no such key" is an empty log. */
typedef struct {
    uint64_t         length;
    uint64_t         added;        /* ever */
    chat_id_t        first;        /* oldest entry there is */
    chat_id_t        last;         /* id generated last */
    chat_id_t        deleted;      /* greatest one taken out by XDEL */
} chat_log_info_t;

chat_cmd_t *chat_log_info_cmd(chat_mem_t *mem, const chat_str_t *key);

/* CHAT_OK, or CHAT_ERROR: not of the form expected. */
int chat_log_info_parse(const redisReply *r, chat_log_info_t *info);

/*
 * Whether something after `id`, up to which the log was read, is not there
 * any more.  Also true when only `id` itself and what was before it is known
 * to be gone: Redis does not tell the one from the other.
 */
int chat_log_lost(const chat_log_info_t *info, const chat_id_t *id);


#endif /* _CHAT_LOG_H_INCLUDED_ */
