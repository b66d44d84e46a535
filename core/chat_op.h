
/*
 * Resumable operations (ARCHITECTURE 7): a const table of named steps and one
 * typed context.  Callbacks only record; no step runs inside a callback; one
 * exit; late replies are dropped by generation.
 *
 *     static const chat_step_t  login_steps[] = {
 *         { "load",   login_load },
 *         { "verify", login_verify },
 *         { "answer", login_answer },
 *         { NULL, NULL }
 *     };
 */

#ifndef _CHAT_OP_H_INCLUDED_
#define _CHAT_OP_H_INCLUDED_


#include "chat.h"
#include "chat_mem.h"


typedef struct chat_op_s    chat_op_t;
typedef struct chat_call_s  chat_call_t;
typedef struct chat_host_s  chat_host_t;

/*
 * A step returns
 *   CHAT_OK     run the next step now
 *   CHAT_AGAIN  calls were issued: run the next step when all are answered
 *   CHAT_DONE   the operation has its result; calls still out are forgotten
 *   CHAT_ERROR  it failed; op->error says how (chat_error_e)
 * To jump or loop a step sets op->next before returning OK or AGAIN.  A step
 * reads the results of the last round before it issues a call.
 */
typedef int (*chat_step_pt)(chat_op_t *op);

typedef struct {
    const char      *name;
    chat_step_pt     run;
} chat_step_t;

#define CHAT_OP_CALLS  16

/* What an operation may ask its host for; hosts switch on the kind. */
typedef enum {
    CHAT_CALL_REDIS = 1,     /* req: chat_cmd_t *, reply: redisReply * */
    CHAT_CALL_APPEND,        /* req: chat_append_t *, filled in place */
    CHAT_CALL_PWHASH,        /* req: chat_pwhash_t *, filled in place */
    CHAT_CALL_SLEEP          /* req: uint64_t *ms */
} chat_call_e;

struct chat_call_s {
    chat_op_t       *op;
    uint32_t         generation;   /* of the op when issued */
    uint32_t         slot;
    chat_call_e      kind;
    int              partition;    /* key slot group; -1 = global {g} */
    void            *req;
    void            *host;         /* the host's own while it is unanswered;
                                      NULL before send() */
};

/*
 * One slot's outcome.  rc: CHAT_OK and `reply`, valid until the op's results
 * were used (chat_op_release()) or it is given back before (chat_op_drop());
 * CHAT_BUSY: the host's queue is full; CHAT_ERROR: no answer (connection lost,
 * time-out: it may or may not have been executed).  An error reply of Redis
 * is CHAT_OK with a reply of type error.
 */
typedef struct {
    int              rc;
    void            *reply;
} chat_reply_t;

struct chat_host_s {
    /*
     * Starts the call.  CHAT_OK, or CHAT_BUSY / CHAT_ERROR: the slot is then
     * answered so by the engine.  chat_op_reply() may come at once, even
     * before this returns.  The call and its req stay valid until the reply
     * or forget().
     */
    int  (*send)(chat_host_t *host, chat_call_t *call);

    /* Schedules chat_op_run(op) for later in this loop turn. */
    void (*wake)(chat_host_t *host, chat_op_t *op);

    /*
     * The op ended (called exactly once, outside of any step; it is the last
     * that happens to the op).  When the results were used, the owner calls
     * chat_op_release() and may drop the op's memory.
     */
    void (*done)(chat_host_t *host, chat_op_t *op);

    /*
     * The op was cancelled, or ended while calls are unanswered: the host
     * drops its pointers to op and to its calls (a wake that is scheduled
     * too), and releases what is answered later.  The op's memory may be
     * gone as soon as this returns.
     */
    void (*forget)(chat_host_t *host, chat_op_t *op);

    /* Frees a reply that was kept for, or came too late for, an op. */
    void (*release)(chat_host_t *host, chat_call_e kind, void *reply);

    uint64_t (*now_ms)(chat_host_t *host);
    void     (*random)(chat_host_t *host, void *p, size_t n);
};

struct chat_op_s {
    const char         *name;
    const chat_step_t  *next;
    const chat_step_t  *steps;
    chat_host_t        *host;
    chat_mem_t         *mem;       /* dies with the op's owner */
    void               *ctx;       /* the op's typed context */
    void               *owner;     /* of the host: request, session, ... */
    void               *woken;     /* the host's own: place in its run queue */
    int                 rc;        /* result: CHAT_DONE or CHAT_ERROR */
    int                 error;     /* chat_error_e when rc is CHAT_ERROR */
    uint64_t            retry_ms;  /* hint with temporary errors */
    uint32_t            generation;
    unsigned            pending;
    unsigned            n_calls;
    unsigned            finished:1;
    unsigned            running:1;
    unsigned            fresh:1;   /* no call issued in this step yet */
    struct chat_kept_s *kept;      /* replies to release */
    chat_call_t         calls[CHAT_OP_CALLS];
    chat_reply_t        replies[CHAT_OP_CALLS];
};


/*
 * Fills *op and asks the host to run it; `op` is zeroed by the caller once,
 * and may be started again after chat_op_release().
 */
void chat_op_start(chat_op_t *op, const char *name, const chat_step_t *steps,
    chat_host_t *host, chat_mem_t *mem, void *ctx);

/* Runs steps until one waits or the op ends.  Called by the host only. */
void chat_op_run(chat_op_t *op);

/*
 * From a step: issue a call in the next free slot (0, 1, ... of this round).
 * Returns the slot, or -1 when CHAT_OP_CALLS are out.
 */
int chat_op_call(chat_op_t *op, chat_call_e kind, int partition, void *req);

/* The reply of a slot of the round just finished. */
chat_reply_t *chat_op_result(chat_op_t *op, unsigned slot);

/*
 * From a step: gives that reply back now, of which nothing is needed any
 * more.  An op of many rounds would else keep what all of them have read.
 */
void chat_op_drop(chat_op_t *op, unsigned slot);

/*
 * From the host: an answer came.  Only CHAT_CALL_REDIS has a reply object,
 * others give NULL.  Late ones, and a second one for a slot, are released and
 * dropped.
 */
void chat_op_reply(chat_op_t *op, uint32_t generation, uint32_t slot, int rc,
    void *reply);

/*
 * The owner is gone: no done(), replies still to come are dropped, kept ones
 * released.  Not from inside a step.  Nothing to do after the end.
 */
void chat_op_cancel(chat_op_t *op);

/* Gives kept replies back to the host: from the owner, after done(). */
void chat_op_release(chat_op_t *op);

/* Step helper: op->error = error; return CHAT_ERROR. */
int chat_op_fail(chat_op_t *op, int error);


#endif /* _CHAT_OP_H_INCLUDED_ */
