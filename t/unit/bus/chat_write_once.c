
/*
 * What the store has of senders, against a real Redis: every command once,
 * one by one, in batches, and with more instances than are kept.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs.h"


/* number after number, twice, with holes: nothing twice, nothing skipped */

static void
exactly_once(void **state)
{
    int        i;
    job_t     *j, *last;

    static const struct {
        uint64_t   n;
        int        outcome;      /* or 0: refused as a gap */
        uint64_t   expected;
    } steps[] = {
        { 1, CHAT_WRITE_ALREADY, 0 },
        { 3, 0, 2 },
        { 2, CHAT_WRITE_OK, 0 },
        { 2, CHAT_WRITE_ALREADY, 0 },
        { 1, CHAT_WRITE_ALREADY, 0 },
        { 9, 0, 3 },
        { 3, CHAT_WRITE_OK, 0 },
        { 4, CHAT_WRITE_OK, 0 },
    };

    last = opened();

    for (i = 0; i < 8; i++) {
        j = run(by_visitor(CHAT_INTENT_POST, VISITOR,
                           i % 2 ? last->dialog : "", "inst0001", steps[i].n,
                           "x"));

        if (steps[i].outcome == 0) {
            refused(j, CHAT_E_GAP);
            assert_int_equal(j->w.res.expected, steps[i].expected);
            continue;
        }

        assert_int_equal(j->op.rc, CHAT_DONE);
        assert_int_equal(j->w.res.outcome, steps[i].outcome);
        assert_string_equal(j->dialog, last->dialog);

        if (steps[i].outcome == CHAT_WRITE_ALREADY) {
            assert_int_equal(chat_id_cmp(&j->w.res.id, &last->w.res.id), 0);
            assert_int_equal(j->w.res.seq, last->w.res.seq);
        } else {
            last = j;
        }
    }

    assert_int_equal(listed(last->dialog), 5);
    assert_int_equal(logged(), 5);
}


/* What the store has of a sender (bus/scripts/sender.lua). */

static int
instances(const char *sender)
{
    int          n;
    const char  *p;

    for (n = 0, p = ask("GET", sender, ""); (p = strchr(p, ';')); p++) {
        n++;
    }

    return n;
}


static int
knows(const char *sender, const char *instance)
{
    char  entry[64];

    snprintf(entry, sizeof(entry), ";%s:", instance);

    return strstr(ask("GET", sender, ""), entry) != NULL;
}


/* Several messages of one sender and dialog in one call, and what is not. */

static void
batch(void **state)
{
    int             i;
    job_t          *first;
    chat_append_t   items[8];

    static const struct {
        const char  *instance;
        uint64_t     n;
        int          outcome;
        uint64_t     seq;        /* or what was expected instead of n */
    } cases[8] = {
        { "inst0001", 2, CHAT_WRITE_OK, 3 },
        { "inst0001", 3, CHAT_WRITE_OK, 4 },
        { "inst0001", 5, CHAT_WRITE_GAP, 4 },
        { "x-inst0001", 1, CHAT_WRITE_OK, 5 },
        { "inst0001", 3, CHAT_WRITE_ALREADY, 4 },
        { "inst0001", 4, CHAT_WRITE_OK, 6 },
        { "x-inst0001", 2, CHAT_WRITE_OK, 7 },
        { "nst0001-", 2, CHAT_WRITE_GAP, 1 },
    };

    first = opened();

    for (i = 0; i < 8; i++) {
        append(&items[i], first, first->dialog, cases[i].n);
        items[i].sender.instance = str(cases[i].instance);
    }

    append_batch(items, 8);

    for (i = 0; i < 8; i++) {
        assert_int_equal(items[i].outcome, cases[i].outcome);
        assert_int_equal(items[i].outcome == CHAT_WRITE_GAP
                             ? items[i].expected : items[i].seq,
                         cases[i].seq);
    }

    assert_int_equal(chat_id_cmp(&items[4].id, &items[1].id), 0);
    assert_string_equal(field(first->dialog, "seq"), "7");
    assert_int_equal(number(first->dialog, "last"), items[6].id.ms);
    assert_int_equal(listed(first->dialog), 7);
    assert_int_equal(instances("v:3:" VISITOR), 2);

    /* who wrote last stands first, behind the visitor's dialog */

    assert_memory_equal(ask("GET", "v:3:" VISITOR, "") + CHAT_DIALOG_LEN,
                        ";x-inst0001:2 ", 14);
}


/* A key of another type in the middle: what was before it is complete. */

static void
broken_batch(void **state)
{
    int             i;
    char            what[64];
    job_t          *good, *bad;
    chat_append_t   items[3];

    good = opened();
    bad = run(by_visitor(CHAT_INTENT_POST, OTHER, "", "inst0001", 1, "hi"));
    accepted(bad, 2);

    snprintf(what, sizeof(what), "d:%s:pub", bad->dialog);
    put(what, "no list");

    append(&items[0], good, good->dialog, 2);
    append(&items[1], bad, bad->dialog, 2);
    append(&items[2], good, good->dialog, 3);

    append_fails(items, 3, "WRONGTYPE");

    assert_int_equal(listed(good->dialog), 3);
    assert_string_equal(field(good->dialog, "seq"), "3");

    /* sent again */

    i = run(by_visitor(CHAT_INTENT_POST, VISITOR, good->dialog, "inst0001", 2,
                       "x"))->w.res.outcome;
    assert_int_equal(i, CHAT_WRITE_ALREADY);
    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, good->dialog,
                            "inst0001", 3, "x")), 4);

    /* a sender or a dialog of another type is not written over */

    snprintf(what, sizeof(what), "d:%s", good->dialog);
    ask("DEL", what, "");
    ask("HSET", what, "state 1");

    append_fails(items, 1, "WRONGTYPE");

    assert_string_equal(ask("HGET", what, "state"), "1");
}


/* A command that was executed, sent again: its own effect is no refusal. */

static void
already_comes_before_the_rules(void **state)
{
    job_t  *j, *a;

    j = taken();

    a = run(by_operator(CHAT_INTENT_TAKE, 5, j->dialog, "oper0005", 1, ""));
    assert_int_equal(a->op.rc, CHAT_DONE);
    assert_int_equal(a->w.res.outcome, CHAT_WRITE_ALREADY);
    assert_int_equal(chat_id_cmp(&a->w.res.id, &j->w.res.id), 0);

    a = run(by_operator(CHAT_INTENT_CLOSE, 5, j->dialog, "oper0005", 2, ""));
    accepted(a, 4);

    a = run(by_operator(CHAT_INTENT_CLOSE, 5, j->dialog, "oper0005", 2, ""));
    assert_int_equal(a->w.res.outcome, CHAT_WRITE_ALREADY);

    /* of the visitor, into what is closed now */

    a = run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001", 1,
                       "hi"));
    assert_int_equal(a->op.rc, CHAT_DONE);
    assert_int_equal(a->w.res.outcome, CHAT_WRITE_ALREADY);
    assert_string_equal(field(j->dialog, "state"), "3");

    /* a refusal does not use the number up */

    refused(run(by_operator(CHAT_INTENT_CLOSE, 5, j->dialog, "oper0005", 3,
                            "")),
            CHAT_E_CLOSED);
    refused(run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 3,
                            "x")),
            CHAT_E_CLOSED);
    assert_int_equal(logged(), 4);
}


static void
seventeenth_instance(void **state)
{
    int         i;
    job_t      *j, *first;

    first = opened();

    /* inst0001 goes on: not the oldest any more when the 17th comes */

    for (i = 0; i < 15; i++) {
        j = run(by_visitor(CHAT_INTENT_POST, VISITOR, first->dialog,
                           label("tab%05d", i), 1, "x"));
        accepted(j, 3 + i);
    }

    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, first->dialog,
                            "inst0001", 2, "x")), 18);

    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, first->dialog,
                            "tab00099", 1, "x")), 19);

    assert_int_equal(instances("v:3:" VISITOR), 16);
    assert_false(knows("v:3:" VISITOR, "tab00000"));
    assert_true(knows("v:3:" VISITOR, "tab00001"));
    assert_true(knows("v:3:" VISITOR, "inst0001"));
    assert_true(knows("v:3:" VISITOR, "tab00099"));
    assert_memory_equal(ask("GET", "v:3:" VISITOR, ""), first->dialog, 16);

    /* the forgotten one is told to begin anew; its resend is a new number */

    j = run(by_visitor(CHAT_INTENT_POST, VISITOR, first->dialog, "tab00000",
                       2, "x"));
    refused(j, CHAT_E_GAP);
    assert_int_equal(j->w.res.expected, 1);

    /* by a decision, too: an operator's sixteen and one */

    for (i = 0; i < 16; i++) {
        j = run(by_operator(i % 2 ? CHAT_INTENT_RELEASE : CHAT_INTENT_TAKE, 5,
                            first->dialog, label("ope%05d", i), 1, ""));
        accepted(j, 20 + i);
    }

    accepted(run(by_operator(CHAT_INTENT_TAKE, 5, first->dialog, "ope00099",
                             1, "")), 36);
    assert_int_equal(instances("o:5"), 16);
    assert_false(knows("o:5", "ope00000"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(exactly_once, reset),
        cmocka_unit_test_setup(batch, reset),
        cmocka_unit_test_setup(broken_batch, reset),
        cmocka_unit_test_setup(already_comes_before_the_rules, reset),
        cmocka_unit_test_setup(seventeenth_instance, reset),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
