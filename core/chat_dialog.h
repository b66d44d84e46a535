
/*
 * The rules of a dialog: the only place that decides.  Pure: (state, who,
 * intent) -> decision.  A host loads the state, asks here, and commits the
 * decision guarded by what was loaded; on conflict it loads and asks again.
 *
 * Messages into an open dialog do not come here: the append script keeps the
 * one rule they need ("open, and the next number", bus/scripts/append.lua).
 */

#ifndef _CHAT_DIALOG_H_INCLUDED_
#define _CHAT_DIALOG_H_INCLUDED_


#include "chat.h"
#include "chat_mem.h"
#include "chat_event.h"


/* A dialog as the store has it (docs/internals/keys.md); zero and empty =
 * absent. */
typedef struct {
    unsigned         exists:1;
    unsigned         answered:1;   /* the episode got a human answer */
    int              state;        /* chat_dialog_state_e */
    uint64_t         rev;          /* bumped by decisions, not by messages */
    uint64_t         seq;          /* last public event */
    chat_id_t        last;         /* last event folded in */
    uint64_t         account;
    uint64_t         site;
    chat_str_t       visitor;      /* 22 characters, base64url of 128 bits */
    chat_str_t       dialog;       /* 16 hex digits: 42 bits ms, 22 random */
    chat_str_t       name;
    chat_str_t       page;
    uint64_t         owner;
    uint64_t         opened_ms;
    uint64_t         queued_ms;
    uint64_t         start_ms;     /* first visitor message of the episode */
    uint64_t         wait_ms;      /* visitor waits for an answer since */
    uint64_t         closed_ms;
} chat_dialog_t;

typedef struct {
    int              kind;         /* chat_actor_kind_e */
    uint64_t         account;
    uint64_t         site;         /* visitor */
    uint64_t         id;           /* operator */
    int              role;         /* on the dialog's site; 0 = none */
    chat_str_t       visitor;      /* visitor */
    chat_str_t       name;
} chat_actor_t;

/* What somebody wants, or what a timer says is due. */
typedef enum {
    CHAT_INTENT_POST = 1,          /* first or reopening message */
    CHAT_INTENT_TAKE,
    CHAT_INTENT_CLOSE,
    CHAT_INTENT_RELEASE,
    CHAT_INTENT_DUE_IDLE,          /* auto close */
    CHAT_INTENT_DUE_ACCEPT,        /* taken but not answered */
    CHAT_INTENT_MAX
} chat_intent_e;

/* The site's settings that rules use; from the registry. */
typedef struct {
    uint64_t         idle_ms;      /* auto close; 0 = never */
    uint64_t         accept_ms;    /* release when not answered; 0 = never */
} chat_rules_t;

typedef struct {
    chat_intent_e    intent;
    uint64_t         now_ms;       /* host's clock: only compared with
                                      stored times, never stored */
    const chat_rules_t  *rules;
    chat_str_t       new_dialog;   /* POST: the id to use if a new one opens */
    chat_str_t       text;         /* POST */
    chat_str_t       page;         /* POST */
} chat_intent_t;

/*
 * A decision: fields of the dialog to write and events to append, in order.
 * Times in `next` equal to CHAT_AT_EVENT mean "the log id's time of the
 * decision's last event" (nobody's clock is stored; the events of a decision
 * have one and the same ms).  `seq` and `last` are the script's to write.
 *
 * Of wait, start and answered only those named in `writes` are written: a
 * message that comes between load and commit changes them without changing
 * rev, and must not be undone.  Of the others nothing else changes.
 */
#define CHAT_AT_EVENT          UINT64_MAX
#define CHAT_DECISION_EVENTS   3

typedef enum {
    CHAT_DIALOG_STATE = 0,
    CHAT_DIALOG_REV,
    CHAT_DIALOG_ROUTE,             /* account, site, visitor */
    CHAT_DIALOG_NAME,
    CHAT_DIALOG_PAGE,
    CHAT_DIALOG_OWNER,
    CHAT_DIALOG_ANSWERED,
    CHAT_DIALOG_OPENED,
    CHAT_DIALOG_QUEUED,
    CHAT_DIALOG_START,
    CHAT_DIALOG_WAIT,
    CHAT_DIALOG_CLOSED,
    CHAT_DIALOG_FIELDS
} chat_dialog_field_e;

typedef struct {
    int              event;        /* chat_event_e */
    union {
        chat_ev_dialog_opened_t    dialog_opened;
        chat_ev_message_posted_t   message_posted;
        chat_ev_dialog_taken_t     dialog_taken;
        chat_ev_dialog_closed_t    dialog_closed;
        chat_ev_dialog_released_t  dialog_released;
        chat_ev_dialog_reopened_t  dialog_reopened;
    } body;
    uint64_t         owner;        /* facts of the entry (chat_event.h) */
    uint64_t         wait_ms;
    uint64_t         start_ms;
} chat_draft_t;

typedef struct {
    int              error;        /* chat_error_e; 0 = allowed */
    unsigned         fresh:1;      /* a new dialog: guard "absent" */
    unsigned         nothing:1;    /* due, but no longer: only rearm */
    unsigned         quiet:1;      /* guard that no message came: seq too */
    chat_dialog_t    next;         /* rev already bumped */
    unsigned         writes;       /* bit per chat_dialog_field_e */
    chat_draft_t     events[CHAT_DECISION_EVENTS];
    unsigned         n_events;
    int              queue;        /* +1 enter, -1 leave, 0 stay */
    unsigned         due_set;      /* bit per chat_due_e: set due[] */
    unsigned         due_clear;    /* bit per chat_due_e: remove */
    uint64_t         due_ms[2];    /* delay after the event, or absolute
                                      ms when `nothing` */
} chat_decision_t;

typedef enum { CHAT_DUE_IDLE = 0, CHAT_DUE_ACCEPT = 1 } chat_due_e;


/*
 * Decides, rights included (chat_rights.h).  Always fills *out; returns
 * CHAT_OK if allowed, CHAT_DECLINED with out->error otherwise.  An absent `d`
 * (exists = 0) is for a visitor's POST; CHAT_E_NOT_FOUND for others, nothing
 * for timers.  A POST into an open dialog is CHAT_E_CONFLICT: append it.
 * Slices in *out point into the arguments.
 */
int chat_dialog_decide(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);

/*
 * Which dialog may a visitor's message go to: 1 = append as it is (open),
 * 0 = decide (absent, closed).
 */
int chat_dialog_open(const chat_dialog_t *d);

/*
 * Fold one event into a state: what the scripts do, for replays and tests.
 * Events up to d->last and ephemeral ones change nothing.  Slices of *d then
 * point into the entry.
 */
void chat_dialog_apply(chat_dialog_t *d, const chat_entry_t *e);

/*
 * What the store has of a dialog:
 *
 *   state   "<state> <rev> <owner> <account>:<site>:<visitor> <dialog> <seq>
 *           <wait> <start> <answered> <last>", with single blanks
 *   about   "<opened> <queued> <closed> <bytes of name> <name><page>"
 *
 * Absent numbers and times are 0.  An empty state: exists = 0.  Slices of *d
 * point into both.  Writes all but d->dialog, which must be the one in it.
 * CHAT_ERROR: damaged.
 */
int chat_dialog_parse(const chat_str_t *state, const chat_str_t *about,
    chat_dialog_t *d);

/* Characters of the last message in a view (schema, dialog_view.text). */
#define CHAT_VIEW_TEXT  120

/* As many of a message's at most, whole ones: a slice of `text`. */
chat_str_t chat_dialog_excerpt(const chat_str_t *text);

/*
 * The view clients get; `text` is the last message (its beginning is taken)
 * or NULL.  What is printed (`last`) goes to mem.
 */
void chat_dialog_view(const chat_dialog_t *d, const chat_str_t *text,
    chat_dialog_view_t *view, chat_mem_t *mem);


#endif /* _CHAT_DIALOG_H_INCLUDED_ */
