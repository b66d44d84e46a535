
/*
 * Every write of a client: one operation "load, decide, commit,
 * answer" (ARCHITECTURE 7), with the append script as its fast path.
 */

#ifndef _CHAT_WRITE_H_INCLUDED_
#define _CHAT_WRITE_H_INCLUDED_


#include "chat_op.h"
#include "chat_script.h"


/*
 * Input: filled by the caller (the rest zero), all slices alive until the op
 * ends.  Of `who` kind, name and the operator's id; the rest comes from the
 * sender.  Result: op->rc CHAT_DONE and res (OK or ALREADY), valid until
 * chat_op_release(); CHAT_ERROR with op->error and, for CHAT_E_GAP,
 * res.expected.
 */
typedef struct {
    chat_actor_t     who;
    chat_sender_t    sender;
    chat_intent_e    intent;
    chat_str_t       dialog;     /* operator; visitor: the dialog he is known
                                    to be in, or empty */
    uint64_t         site;       /* visitor's; operator: the only site of a
                                    limited session, else 0 */
    chat_str_t       text;
    chat_str_t       page;
    const chat_rules_t  *rules;  /* of the dialog's site; NULL: look up */
    /* role of an operator on a site of his account; 0 = none.  Of site 0: one
       whose rights he has on every site, else 0 */
    int            (*role)(void *data, uint64_t site);
    void            *role_data;

    chat_commit_result_t  res;

    /* survives between steps */
    chat_append_t    append;
    chat_dialog_t    found;
    chat_str_t       pointer;
    chat_rules_t     found_rules;
    unsigned         loaded;
    unsigned         tries;
} chat_write_t;

#define CHAT_WRITE_TRIES  8     /* conflicts before CHAT_E_BUSY */

extern const chat_step_t  chat_write_steps[];

/*
 * Does it, as far as it has come, need the append script only?  Then the next
 * write of the same sender need not wait for its answer: appends leave in the
 * order in which they were started, and the script takes their numbers in
 * order.  Should the script refuse it after all, those behind it hear
 * CHAT_E_GAP, and may be started again when it has ended.
 */
int chat_write_straight(const chat_op_t *op);


#endif /* _CHAT_WRITE_H_INCLUDED_ */
