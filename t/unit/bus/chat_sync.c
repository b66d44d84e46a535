
/*
 * The blocking host: a bad server, a dead one, operations in any order,
 * one that is cancelled while its answer is on the way.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "chat_store.h"
#include "redis.h"
#include "slice.h"


static redis_server_t   redis;
static chat_heap_t     *heap;


/* An op that asks twice and adds what it got to a list. */

typedef struct {
    chat_op_t    op;
    int          turns;
    int          failed;
    char        *list;
    char         name;
} asker_t;


static chat_cmd_t *
incr(void)
{
    chat_cmd_t  *c;

    c = chat_cmd_create(chat_heap_mem(heap), 2);
    assert_non_null(c);
    chat_cmd_lit(c, "INCR");
    chat_cmd_lit(c, "counter");

    return c;
}


static int
ask_step(chat_op_t *op)
{
    chat_op_call(op, CHAT_CALL_REDIS, 0, incr());
    chat_op_call(op, CHAT_CALL_REDIS, 0, incr());

    return CHAT_AGAIN;
}


static int
note_step(chat_op_t *op)
{
    asker_t           *a = op->ctx;
    const redisReply  *first, *second;

    first = chat_op_result(op, 0)->reply;
    second = chat_op_result(op, 1)->reply;

    if (first == NULL || second == NULL) {
        a->failed = 1;
        return CHAT_DONE;
    }

    assert_int_equal(second->integer, first->integer + 1);
    a->list[strlen(a->list)] = a->name;

    if (--a->turns) {
        op->next = op->steps;
        return CHAT_OK;
    }

    return CHAT_DONE;
}


static const chat_step_t  asker_steps[] = {
    { "ask",  ask_step },
    { "note", note_step },
    { NULL, NULL }
};


static asker_t *
asker(chat_sync_t *s, char name, int turns, char *list)
{
    asker_t  *a;

    a = chat_mem_alloc(chat_heap_mem(heap), sizeof(asker_t));
    assert_non_null(a);

    a->name = name;
    a->turns = turns;
    a->list = list;

    chat_op_start(&a->op, "asker", asker_steps, chat_sync_host(s),
                  chat_heap_mem(heap), a);

    return a;
}


static void
several(void **state)
{
    char      list[32] = "";
    asker_t  *a, *b, *c;

    a = asker(redis.sync, 'a', 1, list);
    b = asker(redis.sync, 'b', 3, list);
    c = asker(redis.sync, 'c', 2, list);

    assert_int_equal(chat_sync_run(redis.sync, &a->op), CHAT_DONE);
    assert_int_equal(b->op.rc, CHAT_DONE);
    assert_int_equal(c->op.rc, CHAT_DONE);
    assert_string_equal(list, "abcbcb");
    assert_int_equal(chat_sync_turn(redis.sync), 0);

    chat_op_release(&a->op);
    chat_op_release(&b->op);
    chat_op_release(&c->op);
}


/* Before it ran, and with answers on the way: the others' stay their own. */

static void
cancelled(void **state)
{
    char      list[32] = "";
    asker_t  *a, *b, *c;

    a = asker(redis.sync, 'a', 1, list);
    b = asker(redis.sync, 'b', 1, list);
    c = asker(redis.sync, 'c', 1, list);
    chat_op_cancel(&b->op);

    assert_int_equal(chat_sync_run(redis.sync, &a->op), CHAT_DONE);
    assert_string_equal(list, "ac");
    chat_op_release(&a->op);
    chat_op_release(&c->op);

    a = asker(redis.sync, 'd', 1, list);
    b = asker(redis.sync, 'e', 1, list);
    assert_int_equal(chat_sync_turn(redis.sync), 1);
    assert_int_equal(chat_sync_turn(redis.sync), 1);
    chat_op_cancel(&a->op);

    assert_int_equal(chat_sync_run(redis.sync, &b->op), CHAT_DONE);
    assert_string_equal(list, "ace");
    chat_op_release(&b->op);
}


static void
dead(void **state)
{
    char          list[32] = "";
    asker_t      *a;
    redisReply   *r;
    chat_sync_t  *s;

    s = redis_connect(&redis);
    assert_false(chat_sync_dead(s));

    /* out of memory is not the connection's fault */

    assert_null(chat_sync_call(s, NULL));
    assert_false(chat_sync_dead(s));

    a = asker(s, 'a', 1, list);
    assert_int_equal(chat_sync_turn(s), 1);
    redis_ask(&redis, "CLIENT KILL TYPE normal SKIPME yes");
    assert_int_equal(chat_sync_run(s, &a->op), CHAT_DONE);
    assert_true(a->failed);
    assert_true(chat_sync_dead(s));
    assert_true(chat_sync_error(s)[0] != '\0');

    a = asker(s, 'a', 1, list);
    assert_int_equal(chat_sync_run(s, &a->op), CHAT_DONE);
    assert_true(a->failed);
    chat_op_release(&a->op);
    assert_null(chat_sync_call(s, incr()));

    chat_sync_close(s);
    chat_sync_close(redis.sync);
    redis.sync = redis_connect(&redis);

    r = chat_sync_call(redis.sync, incr());
    assert_non_null(r);
    freeReplyObject(r);
}


/* Nothing answers in time: an error, soon. */

static void
timeout(void **state)
{
    uint64_t           before;
    chat_cmd_t        *c;
    redisReply        *r;
    chat_sync_t       *s;
    chat_sync_conf_t   conf;
    char               error[256];

    memset(&conf, 0, sizeof(conf));
    conf.path = redis.socket;
    conf.timeout_ms = 100;

    s = chat_sync_open(&conf, error, sizeof(error));
    assert_non_null(s);

    /* what is known to take longer gets more time, once */

    c = chat_cmd_create(chat_heap_mem(heap), 3);
    chat_cmd_lit(c, "BLPOP");
    chat_cmd_lit(c, "nothing");
    chat_cmd_lit(c, "0.3");

    assert_int_equal(chat_sync_timeout(s, 10000), CHAT_OK);
    r = chat_sync_call(s, c);
    assert_non_null(r);
    freeReplyObject(r);

    c = chat_cmd_create(chat_heap_mem(heap), 3);
    chat_cmd_lit(c, "BLPOP");
    chat_cmd_lit(c, "nothing");
    chat_cmd_lit(c, "5");

    assert_int_equal(chat_sync_timeout(s, 0), CHAT_OK);
    before = chat_sync_now(s);
    assert_null(chat_sync_call(s, c));
    assert_true(chat_sync_dead(s));
    assert_in_range(chat_sync_now(s) - before, 90, 4000);

    chat_sync_close(s);
}


static void
login(void **state)
{
    char               error[256];
    chat_sync_t       *s;
    chat_sync_conf_t   conf;

    redis_ask(&redis, "ACL SETUSER chat on >geheim ~* +@all");
    redis_ask(&redis, "ACL SETUSER poor on >geheim ~* +ping");

    memset(&conf, 0, sizeof(conf));
    conf.path = redis.socket;
    conf.user = "chat";
    conf.password = "falsch";

    assert_null(chat_sync_open(&conf, error, sizeof(error)));
    assert_non_null(strstr(error, "AUTH: WRONGPASS"));
    assert_null(strstr(error, "falsch"));

    conf.password = "geheim";
    conf.db = 3;
    s = chat_sync_open(&conf, error, sizeof(error));
    assert_non_null(s);
    chat_sync_close(s);

    conf.db = 99;
    assert_null(chat_sync_open(&conf, error, sizeof(error)));
    assert_non_null(strstr(error, "SELECT: "));

    conf.db = 0;
    conf.user = "poor";
    assert_null(chat_sync_open(&conf, error, sizeof(error)));
    assert_non_null(strstr(error, "SCRIPT LOAD: NOPERM"));

    conf.path = "/nonexistent/redis.sock";
    assert_null(chat_sync_open(&conf, error, 12));
    assert_string_equal(error, "connect: No");
}


static int
sleep_step(chat_op_t *op)
{
    chat_op_call(op, CHAT_CALL_SLEEP, 0, op->ctx);

    return CHAT_AGAIN;
}


static int
pwhash_step(chat_op_t *op)
{
    chat_op_call(op, CHAT_CALL_PWHASH, 0, op->ctx);

    return CHAT_AGAIN;
}


static void
run_step(chat_step_pt step, void *ctx)
{
    chat_op_t    op;
    chat_step_t  steps[] = { { "one", step }, { NULL, NULL } };

    memset(&op, 0, sizeof(op));
    chat_op_start(&op, "one", steps, chat_sync_host(redis.sync),
                  chat_heap_mem(heap), ctx);
    assert_int_equal(chat_sync_run(redis.sync, &op), CHAT_DONE);
}


static void
other_calls(void **state)
{
    char            hash[crypto_pwhash_STRBYTES];
    uint64_t        ms, before;
    chat_pwhash_t   pw;

    ms = 50;
    before = chat_sync_now(redis.sync);
    run_step(sleep_step, &ms);
    assert_true(chat_sync_now(redis.sync) - before >= 49);

    assert_int_equal(crypto_pwhash_str(hash, "geheim", 6,
                                       crypto_pwhash_OPSLIMIT_MIN,
                                       crypto_pwhash_MEMLIMIT_MIN), 0);
    pw.password = str("geheim");
    pw.hash = str(hash);
    run_step(pwhash_step, &pw);
    assert_true(pw.ok);

    pw.password = str("falsch");
    run_step(pwhash_step, &pw);
    assert_false(pw.ok);

    pw.hash = str("not a hash");
    run_step(pwhash_step, &pw);
    assert_false(pw.ok);

    pw.hash.data = (unsigned char *) redis_ask(&redis, "INFO");
    pw.hash.len = 1000;
    run_step(pwhash_step, &pw);
    assert_false(pw.ok);
}


static int
begin(void **state)
{
    heap = chat_heap_create(0);
    assert_non_null(heap);

    redis_start(&redis, NULL);

    return 0;
}


static int
end(void **state)
{
    redis_stop(&redis);
    chat_heap_destroy(heap);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(several),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(dead),
        cmocka_unit_test(timeout),
        cmocka_unit_test(login),
        cmocka_unit_test(other_calls),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
