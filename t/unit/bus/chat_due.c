
/*
 * Timers: what is due is done once, what is not is armed anew, what is gone
 * is forgotten.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat_due.h"
#include "chat_presence.h"
#include "chat_store.h"
#include "jobs.h"


static unsigned
partition(void)
{
    return chat_partition(ACCOUNT);
}


/* The clock of the code under test: after an event of ours. */

static void
later(const job_t *j, uint64_t ms)
{
    chat_sync_set_now(redis.sync, j->w.res.id.ms + ms);
}


static const char *
list(uint64_t now_ms)
{
    redisReply  *r;

    static char  text[4096];

    r = chat_sync_call(redis.sync,
                       chat_due_list_cmd(chat_heap_mem(heap), partition(),
                                         now_ms, 0, 100));
    assert_non_null(r);
    text[0] = '\0';
    redis_join(r, text, text + sizeof(text) - 1);
    freeReplyObject(r);

    return text;
}


static chat_due_op_t *
work_off(chat_sync_t *sync, chat_due_e kind, const char *dialog)
{
    char            member[64];
    chat_op_t      *op;
    chat_due_op_t  *d;

    snprintf(member, sizeof(member), "%d:7:%s", kind, dialog);

    op = chat_mem_alloc(chat_heap_mem(heap), sizeof(chat_op_t));
    d = chat_mem_alloc(chat_heap_mem(heap), sizeof(chat_due_op_t));
    assert_non_null(op);
    assert_non_null(d);

    d->partition = partition();
    d->member = str(member);

    chat_op_start(op, "due", chat_due_steps, chat_sync_host(sync),
                  chat_heap_mem(heap), d);
    assert_int_equal(chat_sync_run(sync, op), CHAT_DONE);
    chat_op_release(op);

    return d;
}


static uint64_t
armed(chat_due_e kind, const char *dialog)
{
    return strtoull(redis_ask(&redis, "ZSCORE chat:%s:due %d:7:%s",
                              chat_partition_tag(partition())->data, kind,
                              dialog),
                    NULL, 10);
}


/* The site's record, as chatctl writes it. */

static int
registry(void **state)
{
    chat_str_t             name;
    redisReply            *r;
    chat_site_t            site;
    chat_commit_result_t   res;

    reset(state);
    chat_sync_set_now(redis.sync, 0);

    memset(&site, 0, sizeof(site));
    site.id = SITE;
    site.account = ACCOUNT;
    site.name = str("shop");
    site.hosts = str("shop.example");
    site.on = 1;
    site.rules = rules;
    name = str("Shop");

    r = chat_sync_call(redis.sync,
                       chat_site_add_cmd(chat_heap_mem(heap), &site, &name,
                                         1));
    assert_int_equal(chat_commit_parse(r, &res), CHAT_OK);
    assert_int_equal(res.outcome, CHAT_WRITE_OK);
    freeReplyObject(r);

    return 0;
}


static void
listing(void **state)
{
    job_t  *j;
    char    member[64];

    j = taken();
    snprintf(member, sizeof(member), "1:7:%s", j->dialog);

    assert_string_equal(list(j->w.res.id.ms), "");
    assert_string_equal(list(j->w.res.id.ms + rules.accept_ms - 1), "");
    assert_string_equal(list(j->w.res.id.ms + rules.accept_ms), member);
    assert_int_equal(strlen(list(UINT64_MAX)), 2 * strlen(member) + 1);
}


/* An operator works on several sites: the rules are those of the dialog's. */

static void
rules_of_the_site(void **state)
{
    job_t  *j, *take;

    j = opened();

    redis_ask(&redis, "HSET chat:{g}:site:%d accept_ms 1234", SITE);

    take = by_operator(CHAT_INTENT_TAKE, 5, j->dialog, "oper0005", 1, "");
    take->w.rules = NULL;
    accepted(run(take), 3);
    assert_int_equal(armed(CHAT_DUE_ACCEPT, j->dialog),
                     take->w.res.id.ms + 1234);

    /* the site is gone: no rules, nothing is due */

    accepted(run(by_operator(CHAT_INTENT_RELEASE, 5, j->dialog, "oper0005",
                             2, "")), 4);
    redis_ask(&redis, "DEL chat:{g}:site:%d", SITE);

    take = by_operator(CHAT_INTENT_TAKE, 5, j->dialog, "oper0005", 3, "");
    take->w.rules = NULL;
    accepted(run(take), 5);
    assert_int_equal(armed(CHAT_DUE_ACCEPT, j->dialog), 0);
}


static void
not_accepted(void **state)
{
    job_t  *j;

    j = taken();
    later(j, rules.accept_ms);

    assert_true(work_off(redis.sync, CHAT_DUE_ACCEPT, j->dialog)->fired);

    assert_string_equal(field(j->dialog, "state"), "1");
    assert_string_equal(field(j->dialog, "owner"), "0");
    assert_string_equal(ask("ZRANGE", "queue", "0 -1"), j->dialog);
    assert_int_equal(armed(CHAT_DUE_ACCEPT, j->dialog), 0);
    assert_int_equal(listed(j->dialog), 4);

    /* another node had it on its list, too */

    assert_false(work_off(redis.sync, CHAT_DUE_ACCEPT, j->dialog)->fired);
    assert_int_equal(listed(j->dialog), 4);
}


static void
answered_in_time(void **state)
{
    job_t  *j;

    j = taken();
    accepted(run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2,
                             "here")), 4);
    later(j, rules.accept_ms);

    assert_true(armed(CHAT_DUE_ACCEPT, j->dialog) > 0);
    assert_false(work_off(redis.sync, CHAT_DUE_ACCEPT, j->dialog)->fired);
    assert_int_equal(armed(CHAT_DUE_ACCEPT, j->dialog), 0);
    assert_string_equal(field(j->dialog, "state"), "2");
    assert_int_equal(listed(j->dialog), 4);
}


static void
idle(void **state)
{
    job_t  *j, *a;

    j = taken();
    a = run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2,
                        "bye"));
    accepted(a, 4);

    /* fires by the first message's time: armed by the last one's */

    later(j, rules.idle_ms);
    a->w.res.id.ms += 10;
    put_last(j->dialog, a->w.res.id.ms);

    assert_false(work_off(redis.sync, CHAT_DUE_IDLE, j->dialog)->fired);
    assert_int_equal(armed(CHAT_DUE_IDLE, j->dialog),
                     a->w.res.id.ms + rules.idle_ms);
    assert_int_equal(listed(j->dialog), 4);

    later(a, rules.idle_ms);
    assert_true(work_off(redis.sync, CHAT_DUE_IDLE, j->dialog)->fired);
    assert_string_equal(field(j->dialog, "state"), "3");
    assert_string_equal(list(UINT64_MAX), "");
    assert_string_equal(ask("ZCARD", "open", ""), "0");
    assert_int_equal(listed(j->dialog), 5);

    assert_false(work_off(redis.sync, CHAT_DUE_IDLE, j->dialog)->fired);
    assert_int_equal(listed(j->dialog), 5);
}


/* A message between load and commit: the timer must not close over it. */

static void
message_in_between(void **state)
{
    int             i;
    job_t          *j, *a;
    chat_op_t       op;
    chat_sync_t    *other;
    chat_due_op_t   d;
    char            member[64];

    j = taken();
    a = run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2,
                        "bye"));
    accepted(a, 4);

    other = redis_connect(&redis);
    chat_sync_set_now(other, a->w.res.id.ms + rules.idle_ms);

    memset(&op, 0, sizeof(op));
    memset(&d, 0, sizeof(d));
    snprintf(member, sizeof(member), "0:7:%s", j->dialog);
    d.partition = partition();
    d.member = str(member);

    chat_op_start(&op, "due", chat_due_steps, chat_sync_host(other),
                  chat_heap_mem(heap), &d);

    for (i = 0; !d.found.exists; i++) {
        assert_true(chat_sync_turn(other));
    }

    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001",
                            2, "wait!")), 5);

    chat_sync_run(other, &op);
    assert_int_equal(op.rc, CHAT_DONE);
    assert_false(d.fired);
    chat_op_release(&op);
    chat_sync_close(other);

    assert_string_equal(field(j->dialog, "state"), "2");
    assert_true(armed(CHAT_DUE_IDLE, j->dialog) > 0);
}


/* Closed, and reopened before the timer that saw it closed is removed. */

static void
reopened_in_between(void **state)
{
    int             i;
    job_t          *j;
    chat_op_t       op;
    chat_sync_t    *other;
    chat_due_op_t   d;
    char            member[64];

    j = taken();
    accepted(run(by_operator(CHAT_INTENT_CLOSE, 5, j->dialog, "oper0005", 2,
                             "")), 4);
    assert_int_equal(armed(CHAT_DUE_IDLE, j->dialog), 0);

    /* another node still has it on its list */

    other = redis_connect(&redis);
    chat_sync_set_now(other, j->w.res.id.ms + rules.idle_ms);

    memset(&op, 0, sizeof(op));
    memset(&d, 0, sizeof(d));
    snprintf(member, sizeof(member), "0:7:%s", j->dialog);
    d.partition = partition();
    d.member = str(member);

    chat_op_start(&op, "due", chat_due_steps, chat_sync_host(other),
                  chat_heap_mem(heap), &d);

    for (i = 0; !d.found.exists; i++) {
        assert_true(chat_sync_turn(other));
    }

    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001",
                            2, "one more thing")), 6);
    assert_true(armed(CHAT_DUE_IDLE, j->dialog) > 0);

    chat_sync_run(other, &op);
    assert_int_equal(op.rc, CHAT_DONE);
    assert_false(d.fired);
    chat_op_release(&op);
    chat_sync_close(other);

    assert_true(armed(CHAT_DUE_IDLE, j->dialog) > 0);
}


static void
gone(void **state)
{
    unsigned        i;
    chat_op_t       op;
    chat_due_op_t   d;

    static const char *const  members[] = {
        "0:7:0123456789abcdef",       /* no such dialog */
        "9:7:0123456789abcdef",       /* of a newer version, or of nobody */
        "rubbish"
    };

    for (i = 0; i < 3; i++) {
        redis_ask(&redis, "ZADD chat:%s:due 1 %s",
                  chat_partition_tag(partition())->data, members[i]);

        memset(&op, 0, sizeof(op));
        memset(&d, 0, sizeof(d));
        d.partition = partition();
        d.member = str(members[i]);

        chat_op_start(&op, "due", chat_due_steps, chat_sync_host(redis.sync),
                      chat_heap_mem(heap), &d);
        assert_int_equal(chat_sync_run(redis.sync, &op), CHAT_DONE);
        chat_op_release(&op);

        assert_false(d.fired);
        assert_string_equal(list(UINT64_MAX), "");
    }
}


static void
presence_call(chat_cmd_t *c, size_t n, uint64_t first, uint64_t second)
{
    size_t       got;
    uint64_t    *ids;
    redisReply  *r;

    r = chat_sync_call(redis.sync, c);
    assert_non_null(r);

    if (first) {
        assert_int_equal(chat_presence_parse(r, &ids, &got,
                                             chat_heap_mem(heap)), CHAT_OK);
        assert_int_equal(got, n);
        assert_int_equal(ids[0], first);

        if (n > 1) {
            assert_int_equal(ids[1], second);
        }

    } else {
        assert_int_equal(r->type, REDIS_REPLY_INTEGER);
        assert_int_equal(r->integer, n);
    }

    freeReplyObject(r);
}


static void
presence(void **state)
{
    uint64_t             ids[] = { 5, 3 };
    chat_mem_t          *mem;
    chat_presence_at_t   here = { 77, 1 }, there = { 78, 0 };

    mem = chat_heap_mem(heap);

    presence_call(chat_presence_renew_cmd(mem, 7, &here, ids, 2, 1000), 2, 0,
                  0);
    presence_call(chat_presence_renew_cmd(mem, 7, &there, ids, 1, 5000), 1,
                  0, 0);
    presence_call(chat_presence_list_cmd(mem, 7, 5000), 2, 3, 5);

    /* 3 was renewed by nobody, 5 is still there on the other node */

    presence_call(chat_presence_list_cmd(mem, 7, 15999), 2, 3, 5);
    presence_call(chat_presence_list_cmd(mem, 7, 16000), 1, 5, 0);
    presence_call(chat_presence_expire_cmd(mem, 7, 16000), 2, 0, 0);
    presence_call(chat_presence_leave_cmd(mem, 7, &there, 5), 1, 0, 0);
    presence_call(chat_presence_leave_cmd(mem, 7, &there, 5), 0, 0, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(listing, registry),
        cmocka_unit_test_setup(rules_of_the_site, registry),
        cmocka_unit_test_setup(not_accepted, registry),
        cmocka_unit_test_setup(answered_in_time, registry),
        cmocka_unit_test_setup(idle, registry),
        cmocka_unit_test_setup(message_in_between, registry),
        cmocka_unit_test_setup(reopened_in_between, registry),
        cmocka_unit_test_setup(gone, registry),
        cmocka_unit_test_setup(presence, registry),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
