
/*
 * A part of a dialog's public events as the store lists them.
 */

#ifndef _CHAT_PAGE_H_INCLUDED_
#define _CHAT_PAGE_H_INCLUDED_


#include "chat_op.h"
#include "chat_script.h"


/*
 * LRANGE of the events from..to, counted from 0, or back from -1; each has two
 * elements.  NULL: out of memory.
 */
chat_cmd_t *chat_page_cmd(chat_op_t *op, uint64_t account,
    const chat_str_t *dialog, int64_t from, int64_t to);

/*
 * Its answer, with what all entries of `d` have in common.  CHAT_ERROR: out
 * of memory, or it holds something else.
 */
int chat_page_parse(const redisReply *r, const chat_dialog_t *d,
    chat_entry_t **events, size_t *n, chat_mem_t *mem);

/* The dialog (chat_dialog_cmd()), answered in that slot: CHAT_OK, or fails
 * `op`. */
int chat_page_dialog(chat_op_t *op, unsigned slot, chat_dialog_t *d);


#endif /* _CHAT_PAGE_H_INCLUDED_ */
