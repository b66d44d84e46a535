
/*
 * Reads: what a client needs to go on from its cursor, and history.
 */

#ifndef _CHAT_ATTACH_H_INCLUDED_
#define _CHAT_ATTACH_H_INCLUDED_


#include "chat_op.h"
#include "chat_script.h"


/*
 * State of a visitor or of an operator's account, as of some moment after
 * the op started (everything up to each dialog's `last` is in it).
 */
typedef struct {
    /* in */
    chat_sender_t    sender;       /* who; instance, for n */
    chat_id_t        since;        /* {0,0}: everything */
    int            (*role)(void *data, uint64_t site);   /* operator */
    void            *role_data;

    /* out: valid until chat_op_release() */
    uint64_t         n;            /* last accepted number of the instance */
    uint64_t         open;         /* number_steps, operator: dialogs of the
                                      account that are open */
    int              missed;       /* number_steps, visitor: something is after
                                      `since` in his dialog */
    chat_str_t       dialog;       /* visitor: his last one; empty: none */
    chat_dialog_t   *dialogs;      /* visitor: 0 or 1 */
    chat_str_t      *texts;        /* per dialog: beginning of last message */
    size_t           n_dialogs;
    int              partial;      /* operator: more than dialogs_max changed;
                                      the newest are given */
    chat_entry_t    *events;       /* visitor: public ones after `since`; at
                                      most history_page, the newest: if their
                                      first seq leaves a hole, ask history */
    size_t           n_events;

    /* survives between steps */
    chat_str_t      *ids;          /* of dialogs to load */
    size_t           n_ids;
    uint16_t        *places;       /* of ids, by hash; number + 1, 0: free */
    size_t           mask;
    size_t           room;
    size_t           done;
} chat_attach_t;

extern const chat_step_t  chat_attach_steps[];

/* Of all this `n`, `open`, `missed` and `dialog`: the ring has the events. */
extern const chat_step_t  chat_number_steps[];

/*
 * Public events of one dialog after a number, at most history_page.
 * CHAT_E_NOT_FOUND also if it is none of the sender's.
 */
typedef struct {
    chat_sender_t    sender;
    chat_str_t       dialog;
    uint64_t         after;
    int            (*role)(void *data, uint64_t site);
    void            *role_data;

    /* out: valid until chat_op_release() */
    chat_dialog_t    found;
    chat_entry_t    *events;
    size_t           n_events;
    int              more;
} chat_history_t;

extern const chat_step_t  chat_history_steps[];


#endif /* _CHAT_ATTACH_H_INCLUDED_ */
