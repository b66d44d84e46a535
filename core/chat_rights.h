
/*
 * Who may do what: one table, command x role.  Checked on the server only.
 */

#ifndef _CHAT_RIGHTS_H_INCLUDED_
#define _CHAT_RIGHTS_H_INCLUDED_


#include "chat_dialog.h"


/*
 * May `who` do `intent` on `d`?  CHAT_OK, or CHAT_DECLINED with *error
 * (CHAT_E_FORBIDDEN; CHAT_E_NOT_FOUND where even existence is a secret:
 * another account, another visitor, a site without a role).
 */
int chat_rights_dialog(const chat_actor_t *who, chat_intent_e intent,
    const chat_dialog_t *d, int *error);

/* May `role` use this part of the cabinet's API?  Bits CHAT_MAY_*. */
#define CHAT_MAY_READ      0x01
#define CHAT_MAY_ANSWER    0x02
#define CHAT_MAY_OTHERS    0x04    /* other operators' dialogs */
#define CHAT_MAY_MANAGE    0x08

unsigned chat_rights_role(int role);


#endif /* _CHAT_RIGHTS_H_INCLUDED_ */
