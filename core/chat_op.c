
/*
 * The engine of resumable operations: a loop over steps and an account of
 * what was asked and answered.
 */

#include "chat_op.h"
#include "gen/chat_schema.h"


/* A reply that lives until the results of the op were used. */
typedef struct chat_kept_s {
    struct chat_kept_s  *next;
    void                *reply;
} chat_kept_t;

/* A slot that was not answered yet; no call ends with it. */
#define CHAT_OP_UNANSWERED  CHAT_AGAIN


static int chat_op_step(chat_op_t *op);
static void chat_op_finish(chat_op_t *op, int rc);
static void chat_op_answer(chat_op_t *op, uint32_t slot, int rc,
    void *reply);


void
chat_op_start(chat_op_t *op, const char *name, const chat_step_t *steps,
    chat_host_t *host, chat_mem_t *mem, void *ctx)
{
    /* an earlier run's late answers are known by their generation */

    op->finished = 0;
    op->error = 0;
    op->retry_ms = 0;
    op->n_calls = 0;

    op->name = name;
    op->steps = steps;
    op->next = steps;
    op->host = host;
    op->mem = mem;
    op->ctx = ctx;

    host->wake(host, op);
}


void
chat_op_run(chat_op_t *op)
{
    int  rc;

    if (op->finished || op->running || op->pending) {
        return;
    }

    op->running = 1;

    do {
        rc = chat_op_step(op);
    } while (rc == CHAT_OK && op->pending == 0);

    op->running = 0;

    if (rc != CHAT_OK) {
        chat_op_finish(op, rc);
    }
}


/* CHAT_OK: go on, now or when the calls are answered. */

static int
chat_op_step(chat_op_t *op)
{
    int                 rc;
    const chat_step_t  *step;

    step = op->next;

    if (step->run == NULL) {
        return CHAT_DONE;
    }

    op->next = step + 1;
    op->fresh = 1;

    rc = step->run(op);

    if (rc == CHAT_AGAIN) {
        return CHAT_OK;
    }

    if (rc == CHAT_ERROR && op->error == 0) {
        op->error = CHAT_E_INTERNAL;
    }

    return rc;
}


/* The one exit: after done() the op may not be touched any more. */

static void
chat_op_finish(chat_op_t *op, int rc)
{
    op->rc = rc;
    op->finished = 1;
    op->generation++;

    if (op->pending) {
        op->pending = 0;
        op->host->forget(op->host, op);
    }

    op->host->done(op->host, op);
}


int
chat_op_call(chat_op_t *op, chat_call_e kind, int partition, void *req)
{
    int           rc;
    uint32_t      slot;
    chat_call_t  *call;

    if (op->fresh) {
        op->fresh = 0;
        op->n_calls = 0;
        op->generation++;
    }

    if (op->n_calls == CHAT_OP_CALLS) {
        return -1;
    }

    slot = op->n_calls++;
    call = &op->calls[slot];

    call->op = op;
    call->generation = op->generation;
    call->slot = slot;
    call->kind = kind;
    call->partition = partition;
    call->req = req;
    call->host = NULL;

    op->replies[slot].rc = CHAT_OP_UNANSWERED;
    op->replies[slot].reply = NULL;
    op->pending++;

    rc = op->host->send(op->host, call);

    if (rc != CHAT_OK && op->replies[slot].rc == CHAT_OP_UNANSWERED) {
        chat_op_answer(op, slot, rc, NULL);
    }

    return slot;
}


chat_reply_t *
chat_op_result(chat_op_t *op, unsigned slot)
{
    return &op->replies[slot];
}


void
chat_op_drop(chat_op_t *op, unsigned slot)
{
    chat_kept_t   *kept, **last;
    chat_reply_t  *r;

    r = &op->replies[slot];

    if (r->reply == NULL) {
        return;
    }

    /* those of this round are the first */

    for (last = &op->kept; (kept = *last) != NULL; last = &kept->next) {

        if (kept->reply == r->reply) {
            *last = kept->next;
            op->host->release(op->host, CHAT_CALL_REDIS, r->reply);
            break;
        }
    }

    r->reply = NULL;
}


void
chat_op_reply(chat_op_t *op, uint32_t generation, uint32_t slot, int rc,
    void *reply)
{
    if (op->finished
        || generation != op->generation
        || slot >= op->n_calls
        || op->replies[slot].rc != CHAT_OP_UNANSWERED)
    {
        if (reply) {
            op->host->release(op->host, CHAT_CALL_REDIS, reply);
        }

        return;
    }

    chat_op_answer(op, slot, rc, reply);

    if (op->pending == 0 && !op->running) {
        op->host->wake(op->host, op);
    }
}


static void
chat_op_answer(chat_op_t *op, uint32_t slot, int rc, void *reply)
{
    chat_kept_t  *kept;

    op->pending--;
    op->replies[slot].rc = (rc == CHAT_OP_UNANSWERED) ? CHAT_ERROR : rc;

    if (reply == NULL) {
        return;
    }

    kept = chat_mem_alloc(op->mem, sizeof(chat_kept_t));

    if (kept == NULL) {
        op->host->release(op->host, CHAT_CALL_REDIS, reply);
        op->replies[slot].rc = CHAT_ERROR;
        return;
    }

    kept->reply = reply;
    kept->next = op->kept;
    op->kept = kept;

    op->replies[slot].reply = reply;
}


void
chat_op_cancel(chat_op_t *op)
{
    if (op->finished) {
        return;
    }

    op->finished = 1;
    op->generation++;
    op->pending = 0;

    op->host->forget(op->host, op);

    chat_op_release(op);
}


void
chat_op_release(chat_op_t *op)
{
    chat_kept_t  *kept;

    for (kept = op->kept; kept; kept = kept->next) {
        op->host->release(op->host, CHAT_CALL_REDIS, kept->reply);
    }

    op->kept = NULL;
}


int
chat_op_fail(chat_op_t *op, int error)
{
    op->error = error;

    return CHAT_ERROR;
}
