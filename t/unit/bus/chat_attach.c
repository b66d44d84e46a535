
/*
 * What a client needs to go on, and pages of history.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat_attach.h"
#include "jobs.h"


/* A role on SITE only. */

static int
role_here(void *data, uint64_t site)
{
    return site == SITE ? role : 0;
}


static chat_sender_t
visitor(const char *name, const char *instance)
{
    chat_sender_t  s;

    memset(&s, 0, sizeof(s));

    s.kind = CHAT_ACTOR_KIND_VISITOR;
    s.account = ACCOUNT;
    s.site = SITE;
    s.visitor = str(name);
    s.instance = str(instance);

    return s;
}


static chat_sender_t
operator(uint64_t id, const char *instance)
{
    chat_sender_t  s;

    memset(&s, 0, sizeof(s));

    s.kind = CHAT_ACTOR_KIND_OPERATOR;
    s.account = ACCOUNT;
    s.operator_id = id;
    s.instance = str(instance);

    return s;
}


static chat_op_t  op;


static chat_attach_t *
ask_for(const char *name, const chat_step_t *steps, chat_sender_t sender,
    chat_id_t since)
{
    chat_attach_t  *a;

    chat_op_release(&op);
    memset(&op, 0, sizeof(op));

    a = chat_mem_alloc(chat_heap_mem(heap), sizeof(chat_attach_t));
    assert_non_null(a);

    a->sender = sender;
    a->since = since;
    a->role = role_here;

    chat_op_start(&op, name, steps, chat_sync_host(redis.sync),
                  chat_heap_mem(heap), a);
    assert_int_equal(chat_sync_run(redis.sync, &op), CHAT_DONE);

    return a;
}


static chat_attach_t *
attach(chat_sender_t sender, chat_id_t since)
{
    return ask_for("attach", chat_attach_steps, sender, since);
}


static chat_attach_t *
glance(chat_sender_t sender, chat_id_t since)
{
    return ask_for("number", chat_number_steps, sender, since);
}


static chat_history_t *
history(chat_sender_t sender, const char *dialog, uint64_t after)
{
    chat_history_t  *h;

    chat_op_release(&op);
    memset(&op, 0, sizeof(op));

    h = chat_mem_alloc(chat_heap_mem(heap), sizeof(chat_history_t));
    assert_non_null(h);

    h->sender = sender;
    h->dialog = str(dialog);
    h->after = after;
    h->role = role_here;

    chat_op_start(&op, "history", chat_history_steps,
                  chat_sync_host(redis.sync), chat_heap_mem(heap), h);
    chat_sync_run(redis.sync, &op);

    return h;
}


static const chat_id_t  beginning = { 0, 0 };


static job_t *
post(const char *name, const char *dialog, uint64_t n, const char *text)
{
    job_t  *j;

    j = run(by_visitor(CHAT_INTENT_POST, name, dialog, "inst0001", n, text));
    assert_int_equal(j->op.rc, CHAT_DONE);

    return j;
}


static void
visitor_without_a_dialog(void **state)
{
    chat_attach_t  *a;

    a = attach(visitor(VISITOR, "inst0001"), beginning);
    assert_int_equal(a->n, 0);
    assert_int_equal(a->n_dialogs, 0);
    assert_int_equal(a->n_events, 0);
}


static void
visitor_resumes(void **state)
{
    job_t          *j;
    chat_id_t       seen;
    chat_attach_t  *a;

    j = taken();
    seen = j->w.res.id;
    post(VISITOR, j->dialog, 2, "still there?");

    a = attach(visitor(VISITOR, "inst0001"), beginning);
    assert_int_equal(a->n, 2);
    assert_int_equal(a->n_dialogs, 1);
    assert_int_equal(a->n_events, 4);
    assert_int_equal(a->events[0].event, CHAT_EV_DIALOG_OPENED);
    assert_int_equal(a->events[0].seq, 1);
    assert_int_equal(a->events[1].event, CHAT_EV_MESSAGE_POSTED);
    assert_true(chat_str_eq_c(&a->events[1].sender, "inst0001:1"));
    assert_int_equal(a->events[2].event, CHAT_EV_DIALOG_TAKEN);
    assert_int_equal(a->events[2].owner, 5);
    assert_true(chat_str_eq_c(&a->events[3].dialog, j->dialog));
    assert_true(chat_str_eq_c(&a->events[3].visitor, VISITOR));
    assert_int_equal(a->events[3].site, SITE);
    assert_true(chat_str_eq_c(&a->texts[0], "still there?"));
    assert_int_equal(chat_id_cmp(&a->events[3].id, &a->dialogs[0].last), 0);

    a = attach(visitor(VISITOR, "other001"), seen);
    assert_int_equal(a->n, 0);
    assert_int_equal(a->n_events, 1);
    assert_int_equal(a->events[0].seq, 4);
    assert_true(chat_str_eq_c(&a->texts[0], "still there?"));

    a = attach(visitor(VISITOR, "inst0001"), a->dialogs[0].last);
    assert_int_equal(a->n_events, 0);
    assert_int_equal(a->n_dialogs, 1);

    /* another one is told nothing of it */

    a = attach(visitor(OTHER, "inst0001"), beginning);
    assert_int_equal(a->n_dialogs, 0);
}


/* Without its events: whether there are any since. */

static void
visitor_missed(void **state)
{
    char            key[64];
    job_t          *j;
    chat_id_t       seen;
    chat_attach_t  *a;

    a = glance(visitor(VISITOR, "inst0001"), beginning);
    assert_int_equal(a->n, 0);
    assert_int_equal(a->dialog.len, 0);
    assert_false(a->missed);

    j = opened();
    seen = j->w.res.id;

    a = glance(visitor(VISITOR, "inst0001"), beginning);
    assert_int_equal(a->n, 1);
    assert_true(chat_str_eq_c(&a->dialog, j->dialog));
    assert_true(a->missed);

    a = glance(visitor(VISITOR, "other001"), seen);
    assert_int_equal(a->n, 0);
    assert_true(chat_str_eq_c(&a->dialog, j->dialog));
    assert_false(a->missed);

    post(VISITOR, j->dialog, 2, "more");
    a = glance(visitor(VISITOR, "inst0001"), seen);
    assert_int_equal(a->n, 2);
    assert_true(a->missed);

    accepted(run(by_visitor(CHAT_INTENT_CLOSE, VISITOR, j->dialog, "inst0001",
                            3, "")), 4);
    seen = attach(visitor(VISITOR, "inst0001"), seen)->dialogs[0].last;
    a = glance(visitor(VISITOR, "inst0001"), seen);
    assert_int_equal(a->n, 3);
    assert_false(a->missed);

    /* the next one */

    j = post(VISITOR, "", 4, "again");
    a = glance(visitor(VISITOR, "inst0001"), seen);
    assert_true(chat_str_eq_c(&a->dialog, j->dialog));
    assert_true(a->missed);

    /* erased: there is nothing to write to, and its end may be missed */

    snprintf(key, sizeof(key), "d:%s", j->dialog);
    ask("DEL", key, "");
    a = glance(visitor(VISITOR, "inst0001"), seen);
    assert_int_equal(a->dialog.len, 0);
    assert_true(a->missed);
}


/* More than a page: the newest, and a hint to ask for the rest. */

static void
long_dialog(void **state)
{
    int              i;
    job_t           *j;
    uint64_t         after;
    chat_attach_t   *a;
    chat_history_t  *h;

    j = opened();

    for (i = 2; i <= 230; i++) {
        post(VISITOR, j->dialog, i, "x");
    }

    a = attach(visitor(VISITOR, "inst0001"), beginning);
    assert_int_equal(a->n_events, CHAT_LIMIT_HISTORY_PAGE);
    assert_int_equal(a->events[0].seq, 132);
    assert_int_equal(a->events[99].seq, 231);

    /* from the first of the page on nothing is missing */

    a = attach(visitor(VISITOR, "inst0001"), a->events[0].id);
    assert_int_equal(a->n_events, 99);

    /* the whole of it, page by page */

    after = 0;

    do {
        h = history(visitor(VISITOR, "inst0001"), j->dialog, after);
        assert_int_equal(op.rc, CHAT_DONE);
        assert_true(h->n_events > 0);

        for (i = 0; i < (int) h->n_events; i++) {
            assert_int_equal(h->events[i].seq, ++after);
        }
    } while (h->more);

    assert_int_equal(after, 231);

    h = history(visitor(VISITOR, "inst0001"), j->dialog, 231);
    assert_int_equal(op.rc, CHAT_DONE);
    assert_int_equal(h->n_events, 0);
    assert_false(h->more);
}


static void
failed(int error)
{
    assert_int_equal(op.rc, CHAT_ERROR);
    assert_int_equal(op.error, error);
}


static void
history_is_private(void **state)
{
    job_t  *j;

    j = opened();

    history(visitor(OTHER, "inst0001"), j->dialog, 0);
    failed(CHAT_E_NOT_FOUND);

    history(visitor(VISITOR, "inst0001"), "0123456789abcdef", 0);
    failed(CHAT_E_NOT_FOUND);

    history(visitor(VISITOR, "inst0001"), "0123456789ab:pub", 0);
    failed(CHAT_E_NOT_FOUND);

    history(visitor(VISITOR, "inst0001"), j->dialog, UINT64_MAX);
    failed(CHAT_E_NOT_FOUND);

    history(operator(5, "oper0005"), j->dialog, 0);
    assert_int_equal(op.rc, CHAT_DONE);

    role = 0;
    history(operator(5, "oper0005"), j->dialog, 0);
    failed(CHAT_E_NOT_FOUND);
}


static void        (*given_back)(chat_host_t *, chat_call_e, void *);
static unsigned      n_given_back;


static void
count_given_back(chat_host_t *host, chat_call_e kind, void *reply)
{
    n_given_back++;
    given_back(host, kind, reply);
}


/* Each dialog's messages, before the next round asks for more. */

static void
operator_keeps_no_messages(void **state)
{
    unsigned        i;
    char            name[2] = "a";
    chat_host_t    *host;
    chat_attach_t  *a;

    for (i = 0; i < 20; i++, name[0]++) {
        post(name, "", 1, "hello");
    }

    chat_op_release(&op);

    host = chat_sync_host(redis.sync);
    given_back = host->release;
    host->release = count_given_back;
    n_given_back = 0;

    a = attach(operator(5, "oper0005"), beginning);

    host->release = given_back;

    assert_int_equal(n_given_back, 20);
    assert_int_equal(a->n_dialogs, 20);

    for (i = 0; i < 20; i++) {
        assert_true(chat_str_eq_c(&a->texts[i], "hello"));
    }
}


static void
operator_begins(void **state)
{
    job_t          *j, *k;
    chat_attach_t  *a;

    a = attach(operator(5, "oper0005"), beginning);
    assert_int_equal(a->n_dialogs, 0);

    j = taken();
    k = post(OTHER, "", 1, "second");
    post(OTHER, k->dialog, 2, "third");

    /* of a site where he has no role, and a closed one */

    put_dialog("0123456789abcdef", "7:9:x");
    ask("ZADD", "open", "9 0123456789abcdef");

    a = attach(operator(5, "oper0005"), beginning);
    assert_int_equal(a->n, 1);
    assert_int_equal(a->n_dialogs, 2);
    assert_false(a->partial);
    assert_true(chat_str_eq_c(&a->dialogs[0].dialog, k->dialog));
    assert_true(chat_str_eq_c(&a->texts[0], "third"));
    assert_true(chat_str_eq_c(&a->dialogs[1].dialog, j->dialog));
    assert_int_equal(a->dialogs[1].owner, 5);
    assert_true(chat_str_eq_c(&a->texts[1], "hi"));

    role = CHAT_ROLE_ANALYST;
    a = attach(operator(6, "oper0006"), beginning);
    assert_int_equal(a->n, 0);
    assert_int_equal(a->n_dialogs, 2);
}


/* What changed since: by messages, by decisions, by both; not the rest. */

static void
operator_resumes(void **state)
{
    job_t          *quiet, *talks, *ends;
    chat_id_t       seen;
    chat_attach_t  *a;

    quiet = post("CCCCCCCCCCCCCCCCCCCCCC", "", 1, "quiet");
    talks = post(OTHER, "", 1, "talks");
    ends = post(VISITOR, "", 1, "ends");
    seen = ends->w.res.id;

    a = attach(operator(5, "oper0005"), seen);
    assert_int_equal(a->n_dialogs, 0);

    accepted(run(by_visitor(CHAT_INTENT_CLOSE, VISITOR, ends->dialog,
                            "inst0001", 2, "")), 3);
    post(OTHER, talks->dialog, 2, "more");

    a = attach(operator(5, "oper0005"), seen);
    assert_int_equal(a->n_dialogs, 2);
    assert_true(chat_str_eq_c(&a->dialogs[0].dialog, talks->dialog));
    assert_true(chat_str_eq_c(&a->dialogs[1].dialog, ends->dialog));
    assert_int_equal(a->dialogs[1].state, CHAT_DIALOG_STATE_CLOSED);

    /* taken and talking: in both sets, told once */

    accepted(run(by_operator(CHAT_INTENT_TAKE, 5, talks->dialog, "oper0005",
                             1, "")), 4);

    a = attach(operator(5, "oper0005"), seen);
    assert_int_equal(a->n_dialogs, 2);

    a = attach(operator(5, "oper0005"), beginning);
    assert_int_equal(a->n_dialogs, 2);
    assert_true(chat_str_eq_c(&a->dialogs[0].dialog, talks->dialog));
    assert_true(chat_str_eq_c(&a->dialogs[1].dialog, quiet->dialog));
}


/* Rounds of several dialogs, and the bound. */

static void
many_dialogs(void **state)
{
    int             i;
    char            zadd[64], id[32];
    chat_attach_t  *a;

    for (i = 0; i < CHAT_LIMIT_DIALOGS_MAX + 5; i++) {
        snprintf(id, sizeof(id), "%016x", i);
        put_dialog(id, ROUTE);
        snprintf(zadd, sizeof(zadd), "%d %016x", i + 1, i);
        ask("ZADD", "open", zadd);

        if (i == 20) {
            a = attach(operator(5, "oper0005"), beginning);
            assert_int_equal(a->n_dialogs, 21);
            assert_false(a->partial);
        }
    }

    a = attach(operator(5, "oper0005"), beginning);
    assert_int_equal(a->n_dialogs, CHAT_LIMIT_DIALOGS_MAX);
    assert_true(a->partial);
    assert_true(chat_str_eq_c(&a->dialogs[0].dialog, "00000000000003ec"));
    assert_true(chat_str_eq_c(&a->dialogs[999].dialog, "0000000000000005"));
}


static int
release(void **state)
{
    chat_op_release(&op);
    memset(&op, 0, sizeof(op));

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(visitor_without_a_dialog, reset,
                                        release),
        cmocka_unit_test_setup_teardown(visitor_resumes, reset, release),
        cmocka_unit_test_setup_teardown(visitor_missed, reset, release),
        cmocka_unit_test_setup_teardown(long_dialog, reset, release),
        cmocka_unit_test_setup_teardown(history_is_private, reset, release),
        cmocka_unit_test_setup_teardown(operator_begins, reset, release),
        cmocka_unit_test_setup_teardown(operator_keeps_no_messages, reset,
                                        release),
        cmocka_unit_test_setup_teardown(operator_resumes, reset, release),
        cmocka_unit_test_setup_teardown(many_dialogs, reset, release),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
