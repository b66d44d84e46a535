
/*
 * What XINFO tells of a log, and whether some of it was cut off before it
 * was read.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat_log.h"
#include "redis.h"
#include "slice.h"


static redis_server_t   redis;
static chat_heap_t     *heap;


static chat_log_info_t
info(void)
{
    chat_str_t        key;
    redisReply       *r;
    chat_log_info_t   i;

    key = str("log");
    r = chat_sync_call(redis.sync,
                       chat_log_info_cmd(chat_heap_mem(heap), &key));
    assert_int_equal(chat_log_info_parse(r, &i), CHAT_OK);
    freeReplyObject(r);

    return i;
}


static int
lost(uint64_t ms)
{
    chat_id_t        id = { ms, 0 };
    chat_log_info_t  i;

    i = info();

    return chat_log_lost(&i, &id);
}


/* 1-0 ... 9-0 */

static int
nine(void **state)
{
    int  i;

    chat_heap_reset(heap);
    redis_ask(&redis, "FLUSHALL");

    for (i = 1; i < 10; i++) {
        redis_ask(&redis, "XADD log %d-0 a b", i);
    }

    return 0;
}


static void
what_is_told(void **state)
{
    chat_log_info_t  i;

    redis_ask(&redis, "XTRIM log MINID 3-0");
    redis_ask(&redis, "XDEL log 5-0");

    i = info();
    assert_int_equal(i.length, 6);
    assert_int_equal(i.added, 9);
    assert_int_equal(i.first.ms, 3);
    assert_int_equal(i.deleted.ms, 5);
    assert_int_equal(i.last.ms, 9);
}


static void
nothing_was_cut(void **state)
{
    assert_false(lost(0));
    assert_false(lost(4));
    assert_false(lost(9));

    /* a log that is not there yet */

    redis_ask(&redis, "DEL log");
    assert_false(lost(0));
    assert_false(lost(9));
}


static void
cut_behind_the_reader(void **state)
{
    redis_ask(&redis, "XTRIM log MINID 4-0");

    assert_false(lost(4));
    assert_false(lost(9));

    /* all that there was: he had read it */

    redis_ask(&redis, "XTRIM log MAXLEN 0");
    assert_false(lost(9));
}


static void
cut_before_the_reader(void **state)
{
    redis_ask(&redis, "XTRIM log MINID 4-0");

    assert_true(lost(0));
    assert_true(lost(2));

    redis_ask(&redis, "XTRIM log MAXLEN 0");
    assert_true(lost(0));
    assert_true(lost(8));
}


static void
taken_out(void **state)
{
    redis_ask(&redis, "XDEL log 5-0");

    assert_true(lost(4));
    assert_false(lost(5));
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
        cmocka_unit_test_setup(what_is_told, nine),
        cmocka_unit_test_setup(nothing_was_cut, nine),
        cmocka_unit_test_setup(cut_behind_the_reader, nine),
        cmocka_unit_test_setup(cut_before_the_reader, nine),
        cmocka_unit_test_setup(taken_out, nine),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
