
/*
 * C side of the two Redis scripts (docs/internals/keys.md).
 */

#ifndef _CHAT_SCRIPT_H_INCLUDED_
#define _CHAT_SCRIPT_H_INCLUDED_


#include "chat_cmd.h"
#include "chat_dialog.h"
#include "chat_event.h"
#include "chat_keys.h"
#include "chat_token.h"


typedef enum {
    CHAT_SCRIPT_APPEND = 0,
    CHAT_SCRIPT_COMMIT,
    CHAT_SCRIPT_COMMIT_OOM,
    CHAT_SCRIPT_RIGHTS,        /* asked once: what the others need */
    CHAT_SCRIPTS
} chat_script_e;

/* Text and SHA-1 (40 hex) of each; generated from bus/scripts/ (make gen). */
typedef struct {
    chat_str_t       text;
    chat_str_t       sha;
} chat_script_t;

extern const chat_script_t  chat_scripts[CHAT_SCRIPTS];


/* What a write came to. */
typedef enum {
    CHAT_WRITE_PENDING = 0,
    CHAT_WRITE_OK,
    CHAT_WRITE_ALREADY,
    CHAT_WRITE_GAP,
    CHAT_WRITE_ABSENT,         /* append: no such dialog */
    CHAT_WRITE_CLOSED,         /* append: decide instead */
    CHAT_WRITE_DENIED,         /* append: guard differs */
    CHAT_WRITE_CONFLICT        /* commit: load and decide again */
} chat_write_e;

/* The sender's number (exactly once). */
typedef struct {
    int              kind;       /* CHAT_ACTOR_KIND_VISITOR or _OPERATOR */
    uint64_t         account;
    uint64_t         site;       /* visitor */
    chat_str_t       visitor;
    uint64_t         operator_id;
    chat_str_t       instance;
    uint64_t         n;          /* 0 = no number (system) */
} chat_sender_t;

/* Where the store has what it knows of him; empty: out of memory. */
chat_str_t chat_sender_key(chat_mem_t *mem, const chat_sender_t *s);

/*
 * GET of that, and what it says: a visitor's dialog; n, id, dialog and seq of
 * the instance's last write.  Unknown: all of them 0 and empty.  CHAT_ERROR:
 * damaged.  Slices point into the reply.
 */
chat_cmd_t *chat_sender_cmd(chat_mem_t *mem, const chat_sender_t *s);

typedef struct {
    chat_str_t       pointer;    /* visitor: the dialog he is in */
    uint64_t         n;
    chat_id_t        id;
    chat_str_t       dialog;
    uint64_t         seq;
} chat_sent_t;

int chat_sender_parse(const redisReply *r, const chat_str_t *instance,
    chat_sent_t *sent);

/* One message of an append batch; also what the replay tail keeps. */
typedef struct {
    chat_sender_t    sender;
    chat_str_t       dialog;
    int              event;      /* CHAT_EV_MESSAGE_POSTED */
    chat_str_t       body;       /* msgpack */

    chat_write_e     outcome;    /* filled by chat_append_parse() */
    chat_redis_error_e  refused; /* Redis did not run the batch: FULL, ... */
    chat_id_t        id;
    uint64_t         seq;
    uint64_t         expected;   /* GAP */
    unsigned char    went[CHAT_DIALOG_LEN];   /* OK, ALREADY: where to */
} chat_append_t;

/*
 * EVALSHA of a batch, at most CHAT_APPEND_BATCH, in the order given, of any
 * accounts.  (With Redis Cluster, of accounts of one partition.)  A visitor's
 * item is guarded by the dialog's visitor and site (route), an operator's by
 * owner.
 */
#define CHAT_APPEND_BATCH  64

chat_cmd_t *chat_append_cmd(chat_mem_t *mem, chat_append_t *const *items,
    size_t n);

/*
 * The same for those of a formatted batch of `n` whose bit in `taken` is set
 * (the first item is bit 0), at least one; its arguments point into `bytes`.
 * NULL: out of memory, or that is no such batch.
 */
chat_cmd_t *chat_append_some(chat_mem_t *mem, const chat_str_t *bytes,
    size_t n, uint64_t taken);

/*
 * CHAT_OK, or CHAT_ERROR if the reply is not of the script's form.  An error
 * reply is CHAT_OK, too: every item then has `refused` set and the outcome
 * PENDING.  What was taken went to the item's own dialog (`went` stays as it
 * is if the item has none); what had been, to the one that is told.  Nothing
 * in the items points into the reply.
 */
int chat_append_parse(const redisReply *r, chat_append_t *const *items,
    size_t n);


/* A commit under construction. */
typedef struct chat_commit_s  chat_commit_t;

chat_commit_t *chat_commit_create(chat_mem_t *mem, unsigned partition);
void chat_commit_sender(chat_commit_t *c, const chat_sender_t *s,
    const chat_str_t *dialog);
/*
 * The sender is a visitor: he must be in `found` (empty: in none); `next`,
 * unless NULL, is the dialog he is in afterwards.
 */
void chat_commit_pointer(chat_commit_t *c, const chat_str_t *found,
    const chat_str_t *next);
/*
 * The dialog of all events that have one.  All that messages leave alone must
 * be as it was found (NULL: it must not be there), so a revision of another
 * history is none; and it must be at `last`, unless NULL.
 */
void chat_commit_dialog(chat_commit_t *c, uint64_t account,
    const chat_str_t *dialog, const chat_dialog_t *found,
    const chat_id_t *last);
/*
 * How it is afterwards.  Of wait, start and answered only those named in
 * `writes` (bit per chat_dialog_field_e): messages move them; opened, queued,
 * closed, name and page if one of these is; state, rev, owner and route
 * always.  Times may be CHAT_AT_EVENT.
 */
void chat_commit_next(chat_commit_t *c, const chat_dialog_t *next,
    unsigned writes);
/* op: '=' equal, '!' absent, '?' present, '<' a number less than value */
void chat_commit_check(chat_commit_t *c, const chat_str_t *key,
    const char *field, char op, const chat_str_t *value);
/* Body is encoded from the draft by its descriptor. */
void chat_commit_event(chat_commit_t *c, const chat_dialog_t *d,
    const chat_draft_t *draft, const chat_sender_t *sender);
/* A log entry without a dialog (account_changed, probe). */
void chat_commit_plain(chat_commit_t *c, const chat_entry_t *e);
/*
 * argv[0] is the command, argv[1] the key.  A value may be chat_at_id or
 * chat_at_ms: the last event's log id and its time.  They are known by their
 * address: no text of a client can be one.
 */
void chat_commit_write(chat_commit_t *c, const chat_str_t *argv, int argc);
extern const chat_str_t  chat_at_id;
extern const chat_str_t  chat_at_ms;

/* ZADD of `member` with the last event's time + delay_ms. */
void chat_commit_due(chat_commit_t *c, const chat_str_t *key,
    uint64_t delay_ms, const chat_str_t *member);

/* Shorthands: HSET of one field, ZADD, a number's text (in the arena). */
void chat_commit_hset(chat_commit_t *c, const chat_str_t *key,
    const char *field, const chat_str_t *value);
void chat_commit_zadd(chat_commit_t *c, const chat_str_t *key,
    const chat_str_t *score, const chat_str_t *member);
chat_str_t chat_commit_u64(chat_commit_t *c, uint64_t v);

/* What a caller could not build: the commit then comes to NULL. */
void chat_commit_fail(chat_commit_t *c);

/* oom: use the copy that may run when Redis is full.  NULL: no memory. */
chat_cmd_t *chat_commit_cmd(chat_commit_t *c, int oom);

typedef struct {
    chat_write_e     outcome;
    chat_id_t        id;         /* of the last event */
    chat_str_t       dialog;     /* OK, ALREADY: the dialog it went to */
    uint64_t         seq;
    uint64_t         expected;
    unsigned         index;      /* CONFLICT: which check, from 0 */
    chat_str_t       found;
} chat_commit_result_t;

int chat_commit_parse(const redisReply *r, chat_commit_result_t *res);

/* MGET of a dialog: chat_dialog_reply(). */
chat_cmd_t *chat_dialog_cmd(chat_mem_t *mem, uint64_t account,
    const chat_str_t *dialog);
/* CHAT_OK, d->exists tells if there is one; CHAT_ERROR: damaged.  Slices point
 * into the reply. */
int chat_dialog_reply(const redisReply *r, chat_dialog_t *d);

/*
 * The whole commit of a decision: sender's number, guards (dialog's rev, or
 * absent; for a visitor's POST also that he is in the dialog `pointer`,
 * empty = in none; NULL = do not look), events, the fields
 * decision->writes, queue/open/dialogs/due sets.  NULL: out of memory.
 */
chat_cmd_t *chat_decision_cmd(chat_mem_t *mem, const chat_dialog_t *found,
    const chat_decision_t *dec, const chat_sender_t *sender,
    const chat_str_t *pointer);


#endif /* _CHAT_SCRIPT_H_INCLUDED_ */
