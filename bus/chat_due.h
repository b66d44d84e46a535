
/*
 * Timers: the sorted set `due` of a partition holds "<kind>:<account>:
 * <dialog>" by the ms when it should be looked at.  Every node polls it;
 * commits are guarded by the dialog's revision, so races are harmless.
 */

#ifndef _CHAT_DUE_H_INCLUDED_
#define _CHAT_DUE_H_INCLUDED_


#include "chat_op.h"
#include "chat_script.h"


typedef struct {
    chat_due_e       kind;
    uint64_t         account;
    chat_str_t       dialog;
} chat_due_t;


/* Empty: out of memory. */
chat_str_t chat_due_print(chat_mem_t *mem, chat_due_e kind,
    uint64_t account, const chat_str_t *dialog);
/* d->dialog points into the text.  CHAT_ERROR: not a member we wrote. */
int chat_due_parse(const chat_str_t *member, chat_due_t *d);

/*
 * At most `max` members due at now_ms, oldest first, without the first `skip`
 * of them: an array of strings.
 */
chat_cmd_t *chat_due_list_cmd(chat_mem_t *mem, unsigned partition,
    uint64_t now_ms, unsigned skip, unsigned max);

/*
 * Works off one member: loads the dialog and its site's rules, decides, and
 * commits, arms anew, or removes what is no longer due.  op->rc CHAT_DONE also
 * when somebody else was faster.
 */
typedef struct {
    /* in */
    unsigned         partition;
    chat_str_t       member;

    /* out */
    int              fired;        /* an event was written */

    /* survives between steps */
    chat_due_t       due;
    chat_dialog_t    found;
    chat_rules_t     rules;
} chat_due_op_t;

extern const chat_step_t  chat_due_steps[];


#endif /* _CHAT_DUE_H_INCLUDED_ */
