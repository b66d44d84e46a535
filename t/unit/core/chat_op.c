
/*
 * The engine of operations against a fake host: answers at once, later, in
 * any order, twice, too late, with errors; cancelling at every point.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_host.h"
#include "gen/chat_schema.h"


/* What a test's operation does; its steps read it. */
typedef struct {
    unsigned   n;              /* calls to issue in step one */
    int        result;         /* of the step that issues them */
    int        error;
    unsigned   rounds;         /* loops through step one */
    char       trace[64];
} script_t;

static fake_host_t   f;
static chat_heap_t  *heap;
static script_t      script;
static chat_op_t     op;
static char          replies[4];      /* their addresses are the replies */


static void
trace(const char *step)
{
    strcat(script.trace, step);
}


static int
step_ask(chat_op_t *o)
{
    unsigned  i;

    trace("a");

    for (i = 0; i < script.n; i++) {
        assert_int_equal(chat_op_call(o, CHAT_CALL_REDIS, i, &script), i);
    }

    return script.result;
}


static int
step_check(chat_op_t *o)
{
    trace("c");

    if (script.rounds && --script.rounds) {
        o->next = o->steps;
    }

    return CHAT_OK;
}


static int
step_end(chat_op_t *o)
{
    trace("e");

    return script.error ? chat_op_fail(o, script.error) : CHAT_DONE;
}


static const chat_step_t  steps[] = {
    { "ask", step_ask },
    { "check", step_check },
    { "end", step_end },
    { NULL, NULL }
};


static int
setup(void **state)
{
    fake_init(&f);
    memset(&script, 0, sizeof(script));
    memset(&op, 0, sizeof(op));
    script.result = CHAT_AGAIN;
    heap = chat_heap_create(0);

    return 0;
}


static int
teardown(void **state)
{
    assert_int_equal(f.kept, 0);
    assert_null(f.woken);
    chat_heap_destroy(heap);

    return 0;
}


static void
start(unsigned n)
{
    script.n = n;
    chat_op_start(&op, "test", steps, &f.host, chat_heap_mem(heap), &script);
    assert_string_equal(script.trace, "");
    assert_true(fake_run(&f));
}


static void
ended(int rc, const char *steps_run)
{
    assert_int_equal(f.done, 1);
    assert_int_equal(op.rc, rc);
    assert_string_equal(script.trace, steps_run);
    chat_op_release(&op);
    assert_int_equal(f.kept, 0);
}


static void
answers_later_in_any_order(void **state)
{
    start(3);
    assert_int_equal(f.n_calls, 3);
    assert_int_equal(f.calls[1].slot, 1);
    assert_int_equal(f.calls[2].partition, 2);

    fake_reply(&f, 2, CHAT_OK, &replies[2]);
    fake_reply(&f, 0, CHAT_BUSY, NULL);
    assert_false(fake_run(&f));
    assert_string_equal(script.trace, "a");

    fake_reply(&f, 1, CHAT_ERROR, NULL);
    assert_true(fake_run(&f));

    assert_ptr_equal(chat_op_result(&op, 2)->reply, &replies[2]);
    assert_int_equal(chat_op_result(&op, 0)->rc, CHAT_BUSY);
    assert_int_equal(chat_op_result(&op, 1)->rc, CHAT_ERROR);
    assert_int_equal(f.kept, 1);
    ended(CHAT_DONE, "ace");
}


static int
answer_at_once(fake_host_t *host, chat_call_t *call)
{
    host->kept++;
    chat_op_reply(call->op, call->generation, call->slot, CHAT_OK,
                  &replies[0]);

    return CHAT_OK;
}


static void
answers_inside_send(void **state)
{
    f.answer = answer_at_once;
    start(4);

    /* no step runs inside a callback, and nothing is woken twice */
    assert_int_equal(f.wakes, 1);
    ended(CHAT_DONE, "ace");
}


static int
refuse(fake_host_t *host, chat_call_t *call)
{
    return call->slot & 1 ? CHAT_BUSY : CHAT_ERROR;
}


static void
host_refuses(void **state)
{
    f.answer = refuse;
    start(2);

    assert_int_equal(chat_op_result(&op, 0)->rc, CHAT_ERROR);
    assert_int_equal(chat_op_result(&op, 1)->rc, CHAT_BUSY);
    ended(CHAT_DONE, "ace");
}


static void
late_and_double_answers(void **state)
{
    script.rounds = 2;
    start(2);

    fake_reply(&f, 0, CHAT_OK, &replies[0]);
    fake_reply(&f, 0, CHAT_OK, &replies[1]);        /* twice: dropped */
    assert_int_equal(f.kept, 1);
    fake_reply(&f, 1, CHAT_OK, NULL);
    assert_true(fake_run(&f));

    /* second round: answers to the first are of an older generation */

    assert_int_equal(f.n_calls, 4);
    fake_reply(&f, 1, CHAT_OK, &replies[2]);
    assert_int_equal(f.kept, 1);
    fake_reply(&f, 2, CHAT_OK, NULL);
    fake_reply(&f, 3, CHAT_OK, &replies[3]);
    assert_true(fake_run(&f));

    /* both rounds' replies live until the results were used */

    assert_int_equal(f.kept, 2);
    ended(CHAT_DONE, "acace");

    fake_reply(&f, 3, CHAT_OK, &replies[3]);
    assert_int_equal(f.done, 1);
}


static int
step_drop(chat_op_t *o)
{
    trace("d");

    chat_op_drop(o, 1);
    assert_null(chat_op_result(o, 1)->reply);
    chat_op_drop(o, 1);

    if (script.rounds && --script.rounds) {
        o->next = o->steps;
    }

    return CHAT_OK;
}


static void
replies_given_back_before_the_end(void **state)
{
    static const chat_step_t  drops[] = { { "ask", step_ask },
                                          { "drop", step_drop },
                                          { NULL, NULL } };

    script.rounds = 2;
    script.n = 2;
    chat_op_start(&op, "drops", drops, &f.host, chat_heap_mem(heap), &script);
    fake_run(&f);

    fake_reply(&f, 1, CHAT_OK, &replies[1]);
    fake_reply(&f, 0, CHAT_OK, &replies[0]);
    assert_int_equal(f.kept, 2);
    fake_run(&f);
    assert_int_equal(f.kept, 1);

    fake_reply(&f, 2, CHAT_OK, &replies[2]);
    fake_reply(&f, 3, CHAT_OK, NULL);            /* nothing to give back */
    fake_run(&f);
    assert_int_equal(f.kept, 2);
    ended(CHAT_DONE, "adad");
}


static void
done_with_calls_out(void **state)
{
    script.result = CHAT_DONE;
    start(2);

    assert_int_equal(f.forgot, 1);
    ended(CHAT_DONE, "a");

    fake_reply(&f, 0, CHAT_OK, &replies[0]);
    assert_int_equal(f.kept, 0);
    assert_false(fake_run(&f));
}


static void
errors(void **state)
{
    script.result = CHAT_OK;
    script.error = CHAT_E_NOT_FOUND;
    start(0);
    assert_int_equal(op.error, CHAT_E_NOT_FOUND);
    ended(CHAT_ERROR, "ace");
}


static void
error_without_a_name(void **state)
{
    script.result = CHAT_ERROR;
    start(0);
    assert_int_equal(op.error, CHAT_E_INTERNAL);
    ended(CHAT_ERROR, "a");
}


static void
end_of_the_table_is_done(void **state)
{
    static const chat_step_t  one[] = { { "check", step_check },
                                        { NULL, NULL } };

    chat_op_start(&op, "one", one, &f.host, chat_heap_mem(heap), &script);
    fake_run(&f);
    ended(CHAT_DONE, "c");
}


static void
cancel_everywhere(void **state)
{
    unsigned  at;

    for (at = 0; at < 4; at++) {
        fake_init(&f);
        memset(&op, 0, sizeof(op));
        script.trace[0] = '\0';
        script.n = 2;

        chat_op_start(&op, "test", steps, &f.host, chat_heap_mem(heap),
                      &script);

        if (at > 0) {
            fake_run(&f);
        }

        if (at > 1) {
            fake_reply(&f, 0, CHAT_OK, &replies[0]);
        }

        if (at > 2) {
            fake_reply(&f, 1, CHAT_OK, &replies[1]);     /* a wake waits */
        }

        chat_op_cancel(&op);
        chat_op_cancel(&op);

        assert_int_equal(f.forgot, 1);
        assert_int_equal(f.done, 0);
        assert_int_equal(f.kept, 0);
        assert_false(fake_run(&f));

        /* a host that forgot too late does no harm */
        chat_op_run(&op);
        assert_string_equal(script.trace, at ? "a" : "");

        if (at) {
            fake_reply(&f, 1, CHAT_OK, &replies[1]);
            assert_int_equal(f.kept, 0);
        }
    }
}


static int
step_too_many(chat_op_t *o)
{
    int  i;

    for (i = 0; i < CHAT_OP_CALLS; i++) {
        assert_int_equal(chat_op_call(o, CHAT_CALL_SLEEP, -1, NULL), i);
    }

    assert_int_equal(chat_op_call(o, CHAT_CALL_SLEEP, -1, NULL), -1);

    return CHAT_AGAIN;
}


static void
sixteen_calls(void **state)
{
    int                       i;
    static const chat_step_t  many[] = { { "many", step_too_many },
                                         { "end", step_end },
                                         { NULL, NULL } };

    chat_op_start(&op, "many", many, &f.host, chat_heap_mem(heap), &script);
    fake_run(&f);

    for (i = 0; i < CHAT_OP_CALLS; i++) {
        assert_false(fake_run(&f));
        fake_reply(&f, i, CHAT_OK, NULL);
    }

    assert_true(fake_run(&f));
    ended(CHAT_DONE, "e");
}


static void
no_memory_to_keep_a_reply(void **state)
{
    chat_mem_t  none;

    chat_mem_init(&none, NULL, 0, NULL, NULL, 0);
    script.n = 1;
    chat_op_start(&op, "test", steps, &f.host, &none, &script);
    fake_run(&f);
    fake_reply(&f, 0, CHAT_OK, &replies[0]);

    assert_int_equal(f.kept, 0);
    assert_int_equal(chat_op_result(&op, 0)->rc, CHAT_ERROR);
    assert_null(chat_op_result(&op, 0)->reply);
    fake_run(&f);
    ended(CHAT_DONE, "ace");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
#define unit(t)  cmocka_unit_test_setup_teardown(t, setup, teardown)
        unit(answers_later_in_any_order),
        unit(answers_inside_send),
        unit(host_refuses),
        unit(late_and_double_answers),
        unit(replies_given_back_before_the_end),
        unit(done_with_calls_out),
        unit(errors),
        unit(error_without_a_name),
        unit(end_of_the_table_is_done),
        unit(cancel_everywhere),
        unit(sixteen_calls),
        unit(no_memory_to_keep_a_reply),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
