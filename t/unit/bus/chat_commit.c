
/*
 * The commit script by itself: the sender's number, every kind of check,
 * what placeholders become, all or nothing; and a batch of appends.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs.h"


static const chat_str_t  key = chat_string("chat:{p06fa}:test");
static const chat_str_t  zset = chat_string("chat:{p06fa}:zset");


static chat_commit_t *
fresh(void)
{
    chat_commit_t  *c;

    c = chat_commit_create(chat_heap_mem(heap), chat_partition(ACCOUNT));
    assert_non_null(c);

    return c;
}


/* A log entry with nothing in it, for its id. */

static void
entry(chat_commit_t *c)
{
    chat_entry_t  e;

    memset(&e, 0, sizeof(e));
    e.event = CHAT_EV_PROBE;
    e.account = ACCOUNT;
    e.body = str("body");

    chat_commit_plain(c, &e);
}


static chat_commit_result_t
send_to(chat_sync_t *sync, chat_commit_t *c)
{
    redisReply             *r;
    chat_commit_result_t    res;

    static char  found[64];

    r = chat_sync_call(sync, chat_commit_cmd(c, 0));
    assert_non_null(r);
    assert_int_equal(chat_commit_parse(r, &res), CHAT_OK);

    assert_true(res.found.len < sizeof(found));

    if (res.found.len) {
        memcpy(found, res.found.data, res.found.len);
    }

    res.found.data = (unsigned char *) found;
    freeReplyObject(r);

    return res;
}


static chat_commit_result_t
commit(chat_commit_t *c)
{
    return send_to(redis.sync, c);
}


static void
numbers(void **state)
{
    int                     i;
    chat_str_t              dialog, value;
    chat_commit_t          *c;
    chat_sender_t           s;
    chat_commit_result_t    res;

    static const struct {
        uint64_t       n;
        chat_write_e   outcome;
        uint64_t       expected;
    } steps[] = {
        { 0, CHAT_WRITE_GAP, 1 },
        { 2, CHAT_WRITE_GAP, 1 },
        { 1, CHAT_WRITE_OK, 0 },
        { 1, CHAT_WRITE_ALREADY, 0 },
        { 0, CHAT_WRITE_ALREADY, 0 },
        { 3, CHAT_WRITE_GAP, 2 },
        { 2, CHAT_WRITE_OK, 0 },
        { 1, CHAT_WRITE_ALREADY, 0 },
        { UINT32_MAX, CHAT_WRITE_GAP, 3 },
        { UINT64_MAX, CHAT_WRITE_GAP, 3 },
    };

    memset(&s, 0, sizeof(s));
    s.kind = CHAT_ACTOR_KIND_OPERATOR;
    s.account = ACCOUNT;
    s.operator_id = 5;
    s.instance = str("oper0005");
    dialog = str("0123456789abcdef");
    value = str("x");

    for (i = 0; i < 10; i++) {
        s.n = steps[i].n;

        c = fresh();
        chat_commit_sender(c, &s, &dialog);
        entry(c);
        chat_commit_hset(c, &key, "field", &value);
        res = commit(c);

        assert_int_equal(res.outcome, steps[i].outcome);
        assert_int_equal(res.expected, steps[i].expected);
    }

    assert_int_equal(logged(), 2);

    /* without a number it is executed each time */

    assert_int_equal(commit(fresh()).outcome, CHAT_WRITE_OK);
}


static void
checks(void **state)
{
    unsigned                i;
    chat_str_t              value;
    chat_commit_t          *c;
    chat_commit_result_t    res;

    static const struct {
        const char  *field;
        char         op;
        const char  *value;
        const char  *conflict;    /* found; NULL: it passes */
    } cases[] = {
        { "five", '=', "5", NULL },
        { "five", '=', "6", "5" },
        { "five", '=', "05", "5" },
        { "none", '=', "5", "" },
        { "none", '!', NULL, NULL },
        { "five", '!', NULL, "5" },
        { "five", '?', NULL, NULL },
        { "none", '?', NULL, "" },
        { "five", '<', "6", NULL },
        { "five", '<', "5", "5" },
        { "five", '<', "10", NULL },
        { "none", '<', "1", NULL },
        { "none", '<', "0", "" },
    };

    value = str("5");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        redis_ask(&redis, "DEL %s", key.data);
        redis_ask(&redis, "HSET %s five 5", key.data);

        c = fresh();
        chat_commit_check(c, &key, "five", '=', &value);

        if (cases[i].value) {
            chat_str_t  v;

            v = str(cases[i].value);
            chat_commit_check(c, &key, cases[i].field, cases[i].op, &v);
        } else {
            chat_commit_check(c, &key, cases[i].field, cases[i].op, NULL);
        }

        entry(c);
        chat_commit_hset(c, &key, "written", &value);
        res = commit(c);

        if (cases[i].conflict == NULL) {
            assert_int_equal(res.outcome, CHAT_WRITE_OK);
            assert_string_equal(redis_ask(&redis, "HGET %s written",
                                          key.data), "5");
            continue;
        }

        assert_int_equal(res.outcome, CHAT_WRITE_CONFLICT);
        assert_int_equal(res.index, 1);
        assert_true(chat_str_eq_c(&res.found, cases[i].conflict));
        assert_string_equal(redis_ask(&redis, "HGET %s written", key.data),
                            "nil");
    }

    /* nothing was logged for what was refused */

    assert_int_equal(logged(), 6);
}


static void
placeholders(void **state)
{
    char                    id[48];
    chat_str_t              member, long_text;
    chat_commit_t          *c;
    chat_commit_result_t    res;

    member = str("member");
    long_text.len = 70000;
    long_text.data = chat_mem_alloc(chat_heap_mem(heap), long_text.len);
    assert_non_null(long_text.data);
    memset(long_text.data, 'x', long_text.len);

    c = fresh();
    entry(c);
    entry(c);
    chat_commit_hset(c, &key, "id", &chat_at_id);
    chat_commit_hset(c, &key, "ms", &chat_at_ms);
    chat_commit_hset(c, &key, "long", &long_text);
    chat_commit_due(c, &zset, 3600000, &member);
    res = commit(c);
    assert_int_equal(res.outcome, CHAT_WRITE_OK);

    *chat_id_print((unsigned char *) id, &res.id) = '\0';

    assert_string_equal(redis_ask(&redis, "HGET %s id", key.data), id);
    assert_int_equal(strtoull(redis_ask(&redis, "HGET %s ms", key.data),
                              NULL, 10),
                     res.id.ms);
    assert_string_equal(redis_ask(&redis, "HSTRLEN %s long", key.data),
                        "70000");
    assert_int_equal(strtoull(redis_ask(&redis, "ZSCORE %s member",
                                        zset.data), NULL, 10),
                     res.id.ms + 3600000);

    /* both events have one time */

    assert_int_equal(logged(), 2);
    assert_int_equal(strtoull(redis_ask(&redis, "XRANGE chat:{p06fa}:log "
                                        "- + COUNT 1"), NULL, 10),
                     res.id.ms);
}


static void
failed(void **state)
{
    chat_mem_t       mem;
    chat_str_t       none = chat_null_string;
    chat_commit_t   *c;
    unsigned char    block[600] __attribute__((aligned(16)));

    /* a key that could not be built, a commit that had no room */

    c = fresh();
    chat_commit_hset(c, &none, "field", &key);
    assert_null(chat_commit_cmd(c, 0));

    c = fresh();
    chat_commit_fail(c);
    assert_null(chat_commit_cmd(c, 0));

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);
    c = chat_commit_create(&mem, 0);
    assert_non_null(c);
    entry(c);
    assert_null(chat_commit_cmd(c, 0));
}


/*
 * Five messages in one call: two of one sender in a row, one that is not
 * allowed, one number too many, one into another dialog.
 */

static void
batch(void **state)
{
    job_t          *mine, *other;
    chat_append_t   items[5];

    mine = opened();
    other = run(by_visitor(CHAT_INTENT_POST, OTHER, "", "inst0002", 1, "x"));
    accepted(other, 2);

    append(&items[0], mine, mine->dialog, 2);
    append(&items[1], mine, mine->dialog, 3);
    append(&items[2], other, mine->dialog, 2);      /* not his */
    append(&items[3], mine, mine->dialog, 5);
    append(&items[4], other, other->dialog, 2);

    append_batch(items, 5);

    assert_int_equal(items[0].outcome, CHAT_WRITE_OK);
    assert_int_equal(items[0].seq, 3);
    assert_int_equal(items[1].outcome, CHAT_WRITE_OK);
    assert_int_equal(items[1].seq, 4);
    assert_int_equal(items[2].outcome, CHAT_WRITE_DENIED);
    assert_int_equal(items[3].outcome, CHAT_WRITE_GAP);
    assert_int_equal(items[3].expected, 4);
    assert_int_equal(items[4].outcome, CHAT_WRITE_OK);
    assert_int_equal(items[4].seq, 3);
    assert_memory_equal(items[4].went, other->dialog, CHAT_DIALOG_LEN);

    assert_true(chat_id_cmp(&items[0].id, &items[1].id) < 0);
    assert_true(chat_id_cmp(&items[1].id, &items[4].id) < 0);
    assert_int_equal(logged(), 7);

    /* the connection broke before the answer: all of it again */

    append_batch(items, 5);

    assert_int_equal(items[0].outcome, CHAT_WRITE_ALREADY);
    assert_int_equal(items[1].outcome, CHAT_WRITE_ALREADY);
    assert_int_equal(items[4].outcome, CHAT_WRITE_ALREADY);
    assert_int_equal(logged(), 7);

    /* number 0 is none */

    items[0].sender.n = 0;
    items[0].sender.instance = str("unknown1");
    append_batch(items, 1);

    assert_int_equal(items[0].outcome, CHAT_WRITE_GAP);
    assert_int_equal(items[0].expected, 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(numbers, reset),
        cmocka_unit_test_setup(checks, reset),
        cmocka_unit_test_setup(placeholders, reset),
        cmocka_unit_test_setup(failed, reset),
        cmocka_unit_test_setup(batch, reset),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
