
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include <sodium.h>

#include "chat_script.h"
#include "chat_store.h"
#include "chat_sync_private.h"


/* op->woken of the last one in the queue: it must not be NULL */
static char  chat_sync_end;


static int chat_sync_host_send(chat_host_t *host, chat_call_t *call);
static int chat_sync_put(chat_sync_t *s, chat_call_t *call);
static void chat_sync_host_wake(chat_host_t *host, chat_op_t *op);
static void chat_sync_host_done(chat_host_t *host, chat_op_t *op);
static void chat_sync_host_forget(chat_host_t *host, chat_op_t *op);
static void chat_sync_host_release(chat_host_t *host, chat_call_e kind,
    void *reply);
static uint64_t chat_sync_host_now(chat_host_t *host);
static void chat_sync_host_random(chat_host_t *host, void *p, size_t n);
static void chat_sync_answer(chat_sync_t *s);
static int chat_sync_appended(const redisReply *r, chat_append_t *item);
static void chat_sync_pwhash(chat_pwhash_t *pw);
static void chat_sync_sleep(uint64_t ms);


const chat_host_t  chat_sync_calls = {
    .send = chat_sync_host_send,
    .wake = chat_sync_host_wake,
    .done = chat_sync_host_done,
    .forget = chat_sync_host_forget,
    .release = chat_sync_host_release,
    .now_ms = chat_sync_host_now,
    .random = chat_sync_host_random
};


chat_host_t *
chat_sync_host(chat_sync_t *s)
{
    return &s->host;
}


int
chat_sync_run(chat_sync_t *s, chat_op_t *op)
{
    while (chat_sync_turn(s)) {
        /* to the end */
    }

    return op->rc;
}


int
chat_sync_turn(chat_sync_t *s)
{
    chat_op_t  *op;

    if (s->ready) {
        op = s->ready;
        s->ready = (void *) op->woken == &chat_sync_end ? NULL : op->woken;
        op->woken = NULL;

        chat_op_run(op);

        return 1;
    }

    if (s->waits) {
        chat_sync_answer(s);
        return 1;
    }

    return 0;
}


static int
chat_sync_host_send(chat_host_t *host, chat_call_t *call)
{
    chat_sync_t       *s = (chat_sync_t *) host;
    chat_sync_wait_t  *w;

    if (chat_sync_put(s, call) != CHAT_OK) {
        return CHAT_ERROR;
    }

    w = malloc(sizeof(chat_sync_wait_t));
    if (w == NULL) {

        /* its answer would be taken for another's */

        shutdown(s->redis->fd, SHUT_RDWR);
        return CHAT_ERROR;
    }

    w->next = NULL;
    w->call = call;
    w->kind = call->kind;

    *s->last_wait = w;
    s->last_wait = &w->next;

    return CHAT_OK;
}


/* Into hiredis' output, what goes to Redis. */

static int
chat_sync_put(chat_sync_t *s, chat_call_t *call)
{
    chat_append_t  *item;

    switch (call->kind) {

    case CHAT_CALL_REDIS:
        return chat_sync_send(s, call->req);

    case CHAT_CALL_APPEND:
        item = call->req;
        return chat_sync_send(s, chat_append_cmd(call->op->mem, &item, 1));

    default:
        return CHAT_OK;
    }
}


static void
chat_sync_host_wake(chat_host_t *host, chat_op_t *op)
{
    chat_op_t    **p;
    chat_sync_t   *s = (chat_sync_t *) host;

    if (op->woken) {
        return;
    }

    for (p = &s->ready; *p && (void *) *p != &chat_sync_end;
         p = (chat_op_t **) &(*p)->woken)
    {
        /* to the end: in the order they were woken */
    }

    op->woken = &chat_sync_end;
    *p = op;
}


static void
chat_sync_host_done(chat_host_t *host, chat_op_t *op)
{
    /* chat_sync_run() sees op->finished by its rc */
}


static void
chat_sync_host_forget(chat_host_t *host, chat_op_t *op)
{
    chat_op_t         **p;
    chat_sync_t        *s = (chat_sync_t *) host;
    chat_sync_wait_t   *w;

    for (w = s->waits; w; w = w->next) {
        if (w->call && w->call->op == op) {
            w->call = NULL;
        }
    }

    if (op->woken == NULL) {
        return;
    }

    for (p = &s->ready; *p != op; p = (chat_op_t **) &(*p)->woken) {
        /* it is there: woken is set */
    }

    *p = op->woken;
    op->woken = NULL;

    if ((void *) s->ready == &chat_sync_end) {
        s->ready = NULL;
    }
}


static void
chat_sync_host_release(chat_host_t *host, chat_call_e kind, void *reply)
{
    freeReplyObject(reply);
}


static uint64_t
chat_sync_host_now(chat_host_t *host)
{
    return chat_sync_now((chat_sync_t *) host);
}


static void
chat_sync_host_random(chat_host_t *host, void *p, size_t n)
{
    randombytes_buf(p, n);
}


/* Answers the oldest call. */

static void
chat_sync_answer(chat_sync_t *s)
{
    int                rc;
    redisReply        *r;
    chat_call_t       *call;
    chat_sync_wait_t  *w;

    w = s->waits;
    s->waits = w->next;

    if (s->waits == NULL) {
        s->last_wait = &s->waits;
    }

    r = NULL;
    rc = CHAT_OK;

    if (w->kind == CHAT_CALL_REDIS || w->kind == CHAT_CALL_APPEND) {
        r = chat_sync_recv(s);
        rc = r ? CHAT_OK : CHAT_ERROR;
    }

    call = w->call;
    free(w);

    if (call == NULL) {
        freeReplyObject(r);
        return;
    }

    switch (call->kind) {

    case CHAT_CALL_APPEND:
        if (r) {
            rc = chat_sync_appended(r, call->req);
            freeReplyObject(r);
            r = NULL;
        }

        break;

    case CHAT_CALL_PWHASH:
        chat_sync_pwhash(call->req);
        break;

    case CHAT_CALL_SLEEP:
        chat_sync_sleep(*(uint64_t *) call->req);
        break;

    default: /* CHAT_CALL_REDIS */
        break;
    }

    chat_op_reply(call->op, call->generation, call->slot, rc, r);
}


static int
chat_sync_appended(const redisReply *r, chat_append_t *item)
{
    return chat_append_parse(r, &item, 1);
}


static void
chat_sync_pwhash(chat_pwhash_t *pw)
{
    char  hash[crypto_pwhash_STRBYTES];

    pw->ok = 0;

    if (pw->hash.len >= sizeof(hash)) {
        return;
    }

    memcpy(hash, pw->hash.data, pw->hash.len);
    memset(hash + pw->hash.len, 0, sizeof(hash) - pw->hash.len);

    pw->ok = crypto_pwhash_str_verify(hash, (char *) pw->password.data,
                                      pw->password.len)
             == 0;
}


static void
chat_sync_sleep(uint64_t ms)
{
    struct timespec  ts;

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = (ms % 1000) * 1000000;

    while (nanosleep(&ts, &ts) == -1 && errno == EINTR) {
        /* the rest of it */
    }
}
