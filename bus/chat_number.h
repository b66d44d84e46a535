
/*
 * Private to reads: what both kinds of an attach begin with.
 */

#ifndef _CHAT_NUMBER_H_INCLUDED_
#define _CHAT_NUMBER_H_INCLUDED_


#include "chat_attach.h"


/*
 * The answer to chat_sender_cmd() in slot 0, into a->n and a->dialog.
 * CHAT_ERROR: op->error is set.
 */
int chat_number_parse(chat_op_t *op, chat_attach_t *a);


#endif /* _CHAT_NUMBER_H_INCLUDED_ */
