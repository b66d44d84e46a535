
/*
 * A host of operations for tests: calls wait until the test answers them, or
 * are answered at once by its function.  One operation at a time.
 */

#ifndef _FAKE_HOST_H_INCLUDED_
#define _FAKE_HOST_H_INCLUDED_


#include <stdlib.h>

#include "chat_op.h"


#define FAKE_CALLS  256


typedef struct fake_host_s  fake_host_t;

/* Answers a call from inside send(): CHAT_OK, and CHAT_AGAIN = later. */
typedef int (*fake_answer_pt)(fake_host_t *f, chat_call_t *call);

struct fake_host_s {
    chat_host_t      host;         /* first: cast from chat_host_t * */
    fake_answer_pt   answer;       /* NULL: the test answers */
    void            *data;         /* the test's own */
    chat_op_t       *woken;
    chat_call_t      calls[FAKE_CALLS];   /* copies, in order of sending */
    unsigned         n_calls;
    unsigned         wakes;
    unsigned         done;
    unsigned         forgot;
    unsigned         kept;         /* replies given and not yet released */
    uint64_t         now_ms;
    uint64_t         seed;
    void           (*free_reply)(void *reply);
};


static int
fake_send(chat_host_t *host, chat_call_t *call)
{
    fake_host_t  *f = (fake_host_t *) host;

    assert_true(f->n_calls < FAKE_CALLS);
    f->calls[f->n_calls++] = *call;

    return f->answer ? f->answer(f, call) : CHAT_OK;
}


static void
fake_wake(chat_host_t *host, chat_op_t *op)
{
    fake_host_t  *f = (fake_host_t *) host;

    assert_null(f->woken);
    f->woken = op;
    f->wakes++;
}


static void
fake_done(chat_host_t *host, chat_op_t *op)
{
    fake_host_t  *f = (fake_host_t *) host;

    assert_true(op->finished);
    f->done++;
}


static void
fake_forget(chat_host_t *host, chat_op_t *op)
{
    fake_host_t  *f = (fake_host_t *) host;

    f->woken = NULL;
    f->forgot++;
}


static void
fake_release(chat_host_t *host, chat_call_e kind, void *reply)
{
    fake_host_t  *f = (fake_host_t *) host;

    assert_int_equal(kind, CHAT_CALL_REDIS);
    assert_true(f->kept > 0);
    f->kept--;

    if (f->free_reply) {
        f->free_reply(reply);
    }
}


static uint64_t
fake_now_ms(chat_host_t *host)
{
    return ((fake_host_t *) host)->now_ms;
}


/* Repeatable: xorshift64. */

static void
fake_random(chat_host_t *host, void *p, size_t n)
{
    size_t        i;
    fake_host_t  *f = (fake_host_t *) host;

    for (i = 0; i < n; i++) {
        f->seed ^= f->seed << 13;
        f->seed ^= f->seed >> 7;
        f->seed ^= f->seed << 17;
        ((unsigned char *) p)[i] = f->seed;
    }
}


static void
fake_init(fake_host_t *f)
{
    memset(f, 0, sizeof(fake_host_t));

    f->host.send = fake_send;
    f->host.wake = fake_wake;
    f->host.done = fake_done;
    f->host.forget = fake_forget;
    f->host.release = fake_release;
    f->host.now_ms = fake_now_ms;
    f->host.random = fake_random;
    f->now_ms = UINT64_C(1700000000000);
    f->seed = 88172645463325252;
}


/* Runs what was woken; 0 = nothing was. */

static int
fake_run(fake_host_t *f)
{
    chat_op_t  *op = f->woken;

    if (op == NULL) {
        return 0;
    }

    f->woken = NULL;
    chat_op_run(op);

    return 1;
}


/* Answers the i-th call ever sent; a reply is counted until released. */

static inline void
fake_reply(fake_host_t *f, unsigned i, int rc, void *reply)
{
    chat_call_t  *call = &f->calls[i];

    assert_true(i < f->n_calls);
    f->kept += (reply != NULL);
    chat_op_reply(call->op, call->generation, call->slot, rc, reply);
}


#endif /* _FAKE_HOST_H_INCLUDED_ */
