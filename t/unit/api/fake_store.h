
/*
 * A store of one operator, some sites and four sessions, that answers the
 * cabinet's operations at once; a test bends it.  Include after cmocka.h.
 */

#ifndef _FAKE_STORE_H_INCLUDED_
#define _FAKE_STORE_H_INCLUDED_


#include <stdio.h>

#include "fake_host.h"
#include "chat_admin.h"
#include "chat_str.h"


#define NOW_S     UINT64_C(1700000000)
#define RESP_MAX  20000
#define SENT_MAX  64

#define OPERATOR_5                                                           \
    "*14\r\n$2\r\nid\r\n$1\r\n5\r\n$5\r\nlogin\r\n$4\r\nanna\r\n"          \
    "$4\r\nname\r\n$4\r\nAnna\r\n$7\r\naccount\r\n$1\r\n3\r\n"               \
    "$4\r\nhash\r\n$8\r\n$argon2$\r\n$6\r\nstatus\r\n$%u\r\n%s\r\n"         \
    "$3\r\nrev\r\n$1\r\n1\r\n"


/* What the fake store holds and what it was asked. */
typedef struct {
    uint64_t     by_login;         /* attempts counted */
    uint64_t     by_address;
    int          off;              /* the operator is switched off */
    int          password_ok;
    int          pwhash_rc;
    const char  *roles;            /* RESP */
    unsigned     sites;            /* of the account */
    const char  *commit;           /* RESP */
    const char  *fail;             /* command that gets the answer below */
    const char  *failure;
    char         sent[SENT_MAX][200];
    unsigned     n_sent;
    chat_str_t   checked;          /* the hash that was verified against */
} store_t;

static store_t       store;
static fake_host_t   f;
static chat_heap_t  *heap;
static chat_op_t     op;

static const char  every_site[] = "*2\r\n$1\r\n*\r\n$8\r\noperator\r\n";
static const char  site_8[] = "*2\r\n$1\r\n8\r\n$10\r\nsupervisor\r\n";
static const char  committed[] =
    "*4\r\n$2\r\nok\r\n$3\r\n1-1\r\n:0\r\n$0\r\n\r\n";
static const char  conflict[] =
    "*3\r\n$8\r\nconflict\r\n:0\r\n$3\r\noff\r\n";


static redisReply *
resp(const char *text)
{
    void         *reply = NULL;
    redisReader  *r;

    r = redisReaderCreate();
    redisReaderFeed(r, text, strlen(text));
    assert_int_equal(redisReaderGetReply(r, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(r);

    return reply;
}


static int
is(const chat_cmd_t *c, const char *name)
{
    return c->argvlen[0] == strlen(name)
           && memcmp(c->argv[0], name, c->argvlen[0]) == 0;
}


static int
key_has(const chat_cmd_t *c, const char *part)
{
    size_t  i, n = strlen(part);

    for (i = 0; i + n <= c->argvlen[1]; i++) {
        if (memcmp(c->argv[1] + i, part, n) == 0) {
            return 1;
        }
    }

    return 0;
}


/* "INCR chat:{g}:throttle:... ": what a test may look for. */

static void
note(const chat_cmd_t *c)
{
    int      i;
    size_t   n = 0;
    char    *p;

    assert_true(store.n_sent < SENT_MAX);
    p = store.sent[store.n_sent++];

    for (i = 0; i < c->argc && n < 150; i++) {
        n += snprintf(p + n, 200 - n, "%s%.*s", i ? " " : "",
                      c->argvlen[i] < 60 ? (int) c->argvlen[i] : 60,
                      c->argv[i]);
    }
}


static int
sent(const char *start)
{
    unsigned  i;
    int       n;

    for (i = 0, n = 0; i < store.n_sent; i++) {
        n += strncmp(store.sent[i], start, strlen(start)) == 0;
    }

    return n;
}


/* The login's key comes first in a round, the address's after it. */

static uint64_t *
counter(const chat_cmd_t *c)
{
    static char  first[100];

    if (store.n_sent == 1) {
        snprintf(first, sizeof(first), "%.*s", (int) c->argvlen[1],
                 c->argv[1]);
    }

    return strncmp(first, c->argv[1], c->argvlen[1]) == 0
           ? &store.by_login : &store.by_address;
}


static char *
hash_of_site(char *p, unsigned site)
{
    sprintf(p, "*8\r\n$2\r\nid\r\n$%u\r\n%u\r\n$7\r\naccount\r\n$1\r\n3\r\n"
            "$4\r\nname\r\n$%u\r\nshop%02u.example\r\n"
            "$6\r\nstatus\r\n$2\r\non\r\n", site < 10 ? 1 : 2, site, 14,
            site);

    return p;
}


static redisReply *
hgetall(const chat_cmd_t *c)
{
    char      buf[1000];
    unsigned  site;

    if (key_has(c, ":operator:5:roles")) {
        return resp(store.roles);
    }

    if (key_has(c, ":operator:5")) {
        snprintf(buf, sizeof(buf), OPERATOR_5, store.off ? 3u : 2u,
                 store.off ? "off" : "on");
        return resp(buf);
    }

    if (key_has(c, "{g}:site:")) {
        snprintf(buf, sizeof(buf), "%.*s", (int) c->argvlen[1], c->argv[1]);
        site = atoi(strrchr(buf, ':') + 1);
        return resp(hash_of_site(buf, site));
    }

    if (key_has(c, "{g}:session:bb")) {
        return resp("*0\r\n");                    /* ended meanwhile */
    }

    if (key_has(c, "{g}:session:")) {
        return resp("*16\r\n$8\r\noperator\r\n$1\r\n5\r\n$7\r\naccount\r\n"
                    "$1\r\n3\r\n$4\r\nsite\r\n$1\r\n0\r\n$4\r\ncsrf\r\n"
                    "$1\r\nx\r\n$9\r\ncreated_s\r\n$10\r\n1699999000\r\n"
                    "$9\r\nexpires_s\r\n$10\r\n1700009000\r\n"
                    "$5\r\nagent\r\n$3\r\nMoz\r\n$2\r\nip\r\n"
                    "$9\r\n127.0.0.1\r\n");
    }

    return resp("*0\r\n");
}


static redisReply *
zrange(const chat_cmd_t *c)
{
    char      buf[RESP_MAX], *p;
    unsigned  i;

    p = buf;

    if (key_has(c, ":sites")) {
        p += sprintf(p, "*%u\r\n", store.sites);

        for (i = 1; i <= store.sites; i++) {
            p += sprintf(p, "$%u\r\n%u\r\n", i < 10 ? 1 : 2, i);
        }

        return resp(buf);
    }

    /* sessions: expired, ended, another, the current one */

    for (i = 0, p += sprintf(p, "*8\r\n"); i < 4; i++) {
        p += sprintf(p, "$64\r\n");
        memset(p, 'a' + i, 64);
        p += 64;
        p += sprintf(p, "\r\n$10\r\n%lu\r\n",
                     (unsigned long) (i ? NOW_S + 100 * i : NOW_S - 1));
    }

    return resp(buf);
}


static redisReply *
redis(const chat_cmd_t *c)
{
    char  buf[40];

    if (store.fail && is(c, store.fail)) {
        return store.failure ? resp(store.failure) : NULL;
    }

    if (is(c, "INCR") || is(c, "DECR")) {
        uint64_t  *n = counter(c);

        *n += is(c, "INCR") ? 1 : -1;
        snprintf(buf, sizeof(buf), ":%ld\r\n", (long) *n);
        return resp(buf);
    }

    if (is(c, "DEL")) {
        *counter(c) = 0;
        return resp(":1\r\n");
    }

    if (is(c, "PTTL")) {
        return resp(":654321\r\n");
    }

    if (is(c, "HGET")) {
        return c->argvlen[2] == 4 && memcmp(c->argv[2], "anna", 4) == 0
               ? resp("$1\r\n5\r\n") : resp("$-1\r\n");
    }

    if (is(c, "HGETALL")) {
        return hgetall(c);
    }

    if (is(c, "ZRANGE")) {
        return zrange(c);
    }

    if (is(c, "EVALSHA")) {
        return resp(store.commit);
    }

    assert_true(is(c, "EXPIRE"));

    return resp(":1\r\n");
}


static int
answer(fake_host_t *host, chat_call_t *call)
{
    redisReply     *reply;
    chat_pwhash_t  *check;

    if (call->kind == CHAT_CALL_PWHASH) {
        check = call->req;
        store.checked = check->hash;
        check->ok = store.password_ok;

        if (store.pwhash_rc != CHAT_OK) {
            return store.pwhash_rc;
        }

        chat_op_reply(call->op, call->generation, call->slot, CHAT_OK, NULL);
        return CHAT_OK;
    }

    assert_int_equal(call->kind, CHAT_CALL_REDIS);
    assert_int_equal(call->partition, -1);

    note(call->req);
    reply = redis(call->req);

    if (reply == NULL) {
        return CHAT_ERROR;
    }

    host->kept++;
    chat_op_reply(call->op, call->generation, call->slot, CHAT_OK, reply);

    return CHAT_OK;
}


static int
setup(void **state)
{
    memset(&store, 0, sizeof(store));
    store.password_ok = 1;
    store.roles = every_site;
    store.sites = 2;
    store.commit = committed;

    fake_init(&f);
    f.answer = answer;
    f.free_reply = freeReplyObject;
    memset(&op, 0, sizeof(op));
    heap = chat_heap_create(0);

    return 0;
}


static int
teardown(void **state)
{
    chat_op_release(&op);
    assert_int_equal(f.kept, 0);
    chat_heap_destroy(heap);

    return 0;
}


static void
run(const chat_step_t *steps, void *ctx)
{
    chat_op_release(&op);
    memset(&op, 0, sizeof(op));
    f.done = 0;
    f.n_calls = 0;
    store.n_sent = 0;

    chat_op_start(&op, "test", steps, &f.host, chat_heap_mem(heap), ctx);
    assert_true(fake_run(&f));
    assert_int_equal(f.done, 1);
}


#endif /* _FAKE_STORE_H_INCLUDED_ */
