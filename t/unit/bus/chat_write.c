
/*
 * The write operation against a real Redis: first messages, races, rights, a
 * full store.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs.h"


static void
first_message(void **state)
{
    job_t     *j;
    uint64_t   ms;
    char       member[40];

    j = opened();
    ms = j->w.res.id.ms;

    assert_string_equal(field(j->dialog, "state"), "1");
    assert_string_equal(field(j->dialog, "rev"), "1");
    assert_string_equal(field(j->dialog, "seq"), "2");
    assert_string_equal(field(j->dialog, "route"), ROUTE);
    assert_string_equal(field(j->dialog, "length"), "4");
    assert_string_equal(field(j->dialog, "names"),
                        "Annahttps://shop.example/");
    assert_string_equal(field(j->dialog, "owner"), "0");

    assert_int_equal(number(j->dialog, "last"), ms);
    assert_int_equal(number(j->dialog, "opened"), ms);
    assert_int_equal(number(j->dialog, "queued"), ms);
    assert_int_equal(number(j->dialog, "start"), ms);
    assert_int_equal(number(j->dialog, "wait"), ms);

    assert_string_equal(ask("ZRANGE", "queue", "0 -1"), j->dialog);
    assert_string_equal(ask("ZRANGE", "open", "0 -1"), j->dialog);
    assert_string_equal(ask("ZRANGE", "dialogs", "0 -1"), j->dialog);
    assert_memory_equal(ask("GET", "v:3:" VISITOR, ""), j->dialog, 16);
    assert_string_equal(ask("HGET", "v:3:" VISITOR ":about", "name"),
                        "Anna");

    snprintf(member, sizeof(member), "0:7:%s", j->dialog);
    assert_string_equal(due("0 -1"), member);
    assert_int_equal(strtoull(due("0 -1 WITHSCORES") + strlen(member), NULL,
                              10),
                     ms + rules.idle_ms);

    assert_int_equal(listed(j->dialog), 2);
    assert_int_equal(logged(), 2);
}


static void
second_message_is_appended(void **state)
{
    int        n;
    char       last[64];
    job_t     *first, *j;
    uint64_t   start;

    first = opened();
    start = number(first->dialog, "start");

    j = run(by_visitor(CHAT_INTENT_POST, VISITOR, first->dialog, "inst0001",
                       2, "again"));
    accepted(j, 3);
    assert_string_equal(j->dialog, first->dialog);
    assert_int_equal(j->w.tries, 0);

    /* he does not know his dialog: another worker, another tab */

    j = run(by_visitor(CHAT_INTENT_POST, VISITOR, "", "inst0002", 1, "tab"));
    accepted(j, 4);
    assert_string_equal(j->dialog, first->dialog);

    assert_int_equal(number(j->dialog, "start"), start);
    assert_int_equal(number(j->dialog, "wait"), start);
    assert_string_equal(field(j->dialog, "rev"), "1");

    /* it moves among the open ones */

    ask("ZADD", "open", "5 0123456789abcdef");
    redis_ask(&redis, "ZADD chat:%s:a:7:open 1 %s",
              chat_partition_tag(chat_partition(ACCOUNT))->data, j->dialog);
    assert_string_not_equal(ask("ZREVRANGE", "open", "0 0"), j->dialog);

    put_last(j->dialog, 1000000000000);

    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0002",
                            2, "x")), 5);
    assert_string_equal(ask("ZREVRANGE", "open", "0 0"), j->dialog);
    assert_int_equal(listed(j->dialog), 5);
    assert_int_equal(logged(), 5);

    /* once a second */

    n = 3;

    do {
        redis_ask(&redis, "ZADD chat:%s:a:7:open 1 %s",
                  chat_partition_tag(chat_partition(ACCOUNT))->data,
                  j->dialog);
        snprintf(last, sizeof(last), "%s", field(j->dialog, "last"));

        accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog,
                                "inst0002", n, "x")), 3 + n);
        n++;
    } while (strncmp(last, field(j->dialog, "last"), 10) != 0);

    assert_string_not_equal(ask("ZREVRANGE", "open", "0 0"), j->dialog);
}


static void
answer_carries_the_facts(void **state)
{
    job_t       *j, *a;
    char         facts[200];
    uint64_t     start;
    const char  *log;

    j = taken();
    start = number(j->dialog, "start");

    a = run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2,
                        "hello"));
    accepted(a, 4);

    assert_string_equal(field(j->dialog, "wait"), "0");
    assert_string_equal(field(j->dialog, "answered"), "1");
    assert_int_equal(number(j->dialog, "start"), start);

    log = redis_ask(&redis, "XREVRANGE chat:%s:log + - COUNT 1",
                    chat_partition_tag(chat_partition(ACCOUNT))->data);
    snprintf(facts, sizeof(facts),
             " h 2 4 oper0005:2 5 %llu %llu " ROUTE " %s b ",
             (unsigned long long) start, (unsigned long long) start,
             j->dialog);
    assert_non_null(strstr(log, facts));

    /* the episode is answered: the next one only ends a wait, or none */

    a = run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 3, "so"));
    accepted(a, 5);

    log = redis_ask(&redis, "XREVRANGE chat:%s:log + - COUNT 1",
                    chat_partition_tag(chat_partition(ACCOUNT))->data);
    assert_non_null(strstr(log, " h 2 5 oper0005:3 5 0 0 " ROUTE));

    a = run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001", 2,
                       "and?"));
    accepted(a, 6);
    assert_int_equal(number(j->dialog, "wait"), a->w.res.id.ms);
    assert_int_equal(number(j->dialog, "start"), start);

    a = run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 4, "ok"));
    accepted(a, 7);

    log = redis_ask(&redis, "LINDEX chat:%s:a:7:d:%s:pub -2",
                    chat_partition_tag(chat_partition(ACCOUNT))->data,
                    j->dialog);
    assert_non_null(strstr(log, " 2 7 oper0005:4 5 1"));
    assert_null(strstr(log, ROUTE));
}


/*
 * Steps of operations on connections of their own are run in turns: all load,
 * then all commit.  Exactly one wins, the others decide again.
 */

#define RACERS  6

static void
race(job_t **jobs, int n)
{
    int           i, busy;
    chat_sync_t  *sync[RACERS];

    for (i = 0; i < n; i++) {
        sync[i] = redis_connect(&redis);
        start_on(sync[i], jobs[i]);
    }

    do {
        for (i = 0, busy = 0; i < n; i++) {
            busy |= chat_sync_turn(sync[i]);
        }
    } while (busy);

    for (i = 0; i < n; i++) {
        if (jobs[i]->op.rc == CHAT_DONE) {
            memcpy(jobs[i]->dialog, jobs[i]->w.res.dialog.data,
                   CHAT_DIALOG_LEN);
        }

        chat_op_release(&jobs[i]->op);
        chat_sync_close(sync[i]);
    }
}


static void
first_messages_race(void **state)
{
    int     i;
    job_t  *jobs[RACERS];

    for (i = 0; i < RACERS; i++) {
        jobs[i] = by_visitor(CHAT_INTENT_POST, VISITOR, "",
                             label("race%04d", i), 1, "first!");
    }

    race(jobs, RACERS);

    for (i = 0; i < RACERS; i++) {
        assert_int_equal(jobs[i]->op.rc, CHAT_DONE);
        assert_int_equal(jobs[i]->w.res.outcome, CHAT_WRITE_OK);
        assert_string_equal(jobs[i]->dialog, jobs[0]->dialog);
        assert_int_equal(jobs[i]->w.tries, i ? 1 : 0);
    }

    assert_int_equal(listed(jobs[0]->dialog), RACERS + 1);
    assert_int_equal(logged(), RACERS + 1);
    assert_string_equal(ask("ZCARD", "dialogs", ""), "1");
}


/* The same command twice at once: a client that reconnected in a hurry. */

static void
same_number_race(void **state)
{
    int     i, ok;
    job_t  *jobs[RACERS];

    for (i = 0; i < RACERS; i++) {
        jobs[i] = by_visitor(CHAT_INTENT_POST, VISITOR, "", "inst0001", 1,
                             "once");
    }

    race(jobs, RACERS);

    for (i = 0, ok = 0; i < RACERS; i++) {
        assert_int_equal(jobs[i]->op.rc, CHAT_DONE);
        assert_int_equal(chat_id_cmp(&jobs[i]->w.res.id,
                                     &jobs[0]->w.res.id), 0);
        ok += jobs[i]->w.res.outcome == CHAT_WRITE_OK;
    }

    assert_int_equal(ok, 1);
    assert_int_equal(listed(jobs[0]->dialog), 2);
}


static void
take_race(void **state)
{
    int     i, won;
    job_t  *j, *jobs[RACERS];

    j = opened();

    for (i = 0; i < RACERS; i++) {
        jobs[i] = by_operator(CHAT_INTENT_TAKE, 10 + i, j->dialog,
                              label("race%04d", i), 1, "");
    }

    race(jobs, RACERS);

    for (i = 0, won = 0; i < RACERS; i++) {

        if (jobs[i]->op.rc == CHAT_DONE) {
            won++;
            assert_int_equal(number(j->dialog, "owner"), 10 + i);
        } else {

            /* by then it is another's: plain operators may not look in */

            refused(jobs[i], jobs[i]->op.error == CHAT_E_CONFLICT
                             ? CHAT_E_CONFLICT : CHAT_E_FORBIDDEN);
        }
    }

    assert_int_equal(won, 1);
    assert_int_equal(listed(j->dialog), 3);
    assert_string_equal(ask("ZCARD", "queue", ""), "0");
    assert_string_equal(field(j->dialog, "rev"), "2");
}


/* A message that comes between load and commit is not undone by it. */

static void
message_between_load_and_commit(void **state)
{
    job_t        *j, *take;
    uint64_t      wait;
    chat_sync_t  *other;

    j = taken();
    accepted(run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2,
                             "yes?")), 4);

    take = by_operator(CHAT_INTENT_RELEASE, 5, j->dialog, "oper0005", 3, "");
    other = redis_connect(&redis);
    start_on(other, take);

    while (take->w.found.exists == 0) {
        assert_true(chat_sync_turn(other));
    }

    j = run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001", 2,
                       "in between"));
    accepted(j, 5);
    wait = j->w.res.id.ms;

    chat_sync_run(other, &take->op);
    accepted(take, 6);
    assert_int_equal(take->w.tries, 0);
    chat_op_release(&take->op);
    chat_sync_close(other);

    assert_int_equal(number(j->dialog, "wait"), wait);
    assert_string_equal(field(j->dialog, "answered"), "1");
    assert_string_equal(field(j->dialog, "seq"), "6");
    assert_string_equal(field(j->dialog, "state"), "1");
    assert_string_equal(field(j->dialog, "owner"), "0");
}


static void
close_and_reopen(void **state)
{
    job_t  *j, *a;
    char    first[CHAT_DIALOG_LEN + 1];

    j = taken();
    memcpy(first, j->dialog, sizeof(first));

    a = run(by_visitor(CHAT_INTENT_CLOSE, VISITOR, "", "inst0001", 2, ""));
    accepted(a, 4);

    assert_string_equal(field(first, "state"), "3");
    assert_string_equal(field(first, "wait"), "0");
    assert_string_equal(field(first, "start"), "0");
    assert_int_equal(number(first, "closed"), a->w.res.id.ms);
    assert_string_equal(ask("ZCARD", "open", ""), "0");
    assert_string_equal(ask("ZCARD", "queue", ""), "0");
    assert_string_equal(ask("ZRANGE", "dialogs", "0 -1"), first);
    assert_string_equal(due("0 -1"), "");

    /* within 72 hours the same dialog, known or not */

    a = run(by_visitor(CHAT_INTENT_POST, VISITOR, first, "inst0001", 3,
                       "one more thing"));
    accepted(a, 6);
    assert_string_equal(a->dialog, first);
    assert_string_equal(field(first, "state"), "1");
    assert_string_equal(field(first, "answered"), "0");
    assert_string_equal(field(first, "owner"), "0");
    assert_string_equal(field(first, "closed"), "0");
    assert_int_equal(number(first, "start"), a->w.res.id.ms);
    assert_string_equal(ask("ZRANGE", "queue", "0 -1"), first);

    accepted(run(by_visitor(CHAT_INTENT_CLOSE, VISITOR, first, "inst0001", 4,
                            "")), 7);

    /* later a new one, and the store has him there */

    chat_sync_set_now(redis.sync, chat_sync_now(redis.sync)
                                  + CHAT_LIMIT_REOPEN_MS + 1000);
    a = run(by_visitor(CHAT_INTENT_POST, VISITOR, first, "inst0001", 5,
                       "me again"));
    chat_sync_set_now(redis.sync, 0);

    accepted(a, 2);
    assert_string_not_equal(a->dialog, first);
    assert_memory_equal(ask("GET", "v:3:" VISITOR, ""), a->dialog, 16);
    assert_string_equal(ask("ZCARD", "dialogs", ""), "2");
}


static void
rights(void **state)
{
    job_t  *j, *a;

    refused(run(by_visitor(CHAT_INTENT_CLOSE, VISITOR, "", "inst0001", 1,
                           "")),
            CHAT_E_NOT_FOUND);
    refused(run(by_visitor(CHAT_INTENT_POST, VISITOR, "", "inst0001", 0,
                           "x")),
            CHAT_E_BAD_FIELD);

    j = taken();

    /* another visitor who knows the id gets a dialog of his own */

    a = run(by_visitor(CHAT_INTENT_POST, OTHER, j->dialog, "inst0009", 1,
                       "x"));
    accepted(a, 2);
    assert_string_not_equal(a->dialog, j->dialog);

    /* not his, absent, no id at all, another key's name */

    refused(run(by_operator(CHAT_INTENT_POST, 6, j->dialog, "oper0006", 1,
                            "x")),
            CHAT_E_FORBIDDEN);
    refused(run(by_operator(CHAT_INTENT_POST, 5, "0123456789abcdef",
                            "oper0005", 2, "x")),
            CHAT_E_NOT_FOUND);
    refused(run(by_operator(CHAT_INTENT_POST, 5, "", "oper0005", 2, "x")),
            CHAT_E_NOT_FOUND);
    refused(run(by_operator(CHAT_INTENT_TAKE, 5, "0123456789ab:pub",
                            "oper0005", 2, "x")),
            CHAT_E_NOT_FOUND);

    /* from the queue: take first */

    refused(run(by_operator(CHAT_INTENT_POST, 5, a->dialog, "oper0005", 2,
                            "x")),
            CHAT_E_FORBIDDEN);

    /* nor to his own, when he has become a reader */

    role = CHAT_ROLE_ANALYST;
    refused(run(by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2,
                            "x")),
            CHAT_E_FORBIDDEN);

    /* a session limited to another site does not know his own dialog */

    role = 0;
    a = by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2, "x");
    a->w.site = SITE + 1;
    refused(run(a), CHAT_E_NOT_FOUND);

    /* ... and to this one writes as ever */

    role = CHAT_ROLE_OPERATOR;
    a = by_operator(CHAT_INTENT_POST, 5, j->dialog, "oper0005", 2, "x");
    a->w.site = SITE;
    accepted(run(a), 4);
}


/* Messages are refused, closing goes on. */

static void
full(void **state)
{
    job_t  *j;

    j = taken();

    redis_ask(&redis, "CONFIG SET maxmemory-policy noeviction");
    redis_ask(&redis, "CONFIG SET maxmemory 1000");

    refused(run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001",
                           2, "x")),
            CHAT_E_STORE_FULL);
    refused(run(by_visitor(CHAT_INTENT_POST, OTHER, "", "inst0009", 1, "x")),
            CHAT_E_STORE_FULL);
    refused(run(by_operator(CHAT_INTENT_RELEASE, 5, j->dialog, "oper0005", 2,
                            "")),
            CHAT_E_STORE_FULL);

    accepted(run(by_operator(CHAT_INTENT_CLOSE, 5, j->dialog, "oper0005", 2,
                             "")), 4);

    redis_ask(&redis, "CONFIG SET maxmemory 0");

    /* a temporary refusal: the same number again */

    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001",
                            2, "x")), 6);
}


static void
away(void **state)
{
    job_t  *j;

    j = opened();

    redis_ask(&redis, "REPLICAOF 127.0.0.1 1");

    refused(run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001",
                           2, "x")),
            CHAT_E_STORE_DOWN);
    refused(run(by_operator(CHAT_INTENT_TAKE, 5, j->dialog, "oper0005", 1,
                            "")),
            CHAT_E_STORE_DOWN);

    redis_ask(&redis, "REPLICAOF NO ONE");
    redis_ask(&redis, "SCRIPT FLUSH SYNC");

    j = run(by_visitor(CHAT_INTENT_POST, VISITOR, j->dialog, "inst0001", 2,
                       "x"));
    refused(j, CHAT_E_STORE_DOWN);
    assert_true(j->op.retry_ms > 0);

    chat_sync_close(redis.sync);
    redis.sync = redis_connect(&redis);

    accepted(run(by_visitor(CHAT_INTENT_POST, VISITOR, "", "inst0001", 2,
                            "x")), 3);
}


/* The page of a visitor cannot make the store write something else. */

static void
placeholders_are_not_text(void **state)
{
    job_t  *j;

    j = by_visitor(CHAT_INTENT_POST, VISITOR, "", "inst0001", 1, "\x01id");
    j->w.page = str("\x01ms");
    j->w.who.name = str("ms");
    run(j);
    accepted(j, 2);

    assert_string_equal(field(j->dialog, "length"), "2");
    assert_string_equal(field(j->dialog, "names"), "ms\x01ms");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(first_message, reset),
        cmocka_unit_test_setup(second_message_is_appended, reset),
        cmocka_unit_test_setup(answer_carries_the_facts, reset),
        cmocka_unit_test_setup(first_messages_race, reset),
        cmocka_unit_test_setup(same_number_race, reset),
        cmocka_unit_test_setup(take_race, reset),
        cmocka_unit_test_setup(message_between_load_and_commit, reset),
        cmocka_unit_test_setup(close_and_reopen, reset),
        cmocka_unit_test_setup(rights, reset),
        cmocka_unit_test_setup(full, reset),
        cmocka_unit_test_setup(away, reset),
        cmocka_unit_test_setup(placeholders_are_not_text, reset),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
