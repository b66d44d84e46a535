
/*
 * The rules of a dialog, situation by situation.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "chat_dialog.h"
#include "chat_rights.h"
#include "chat_str.h"


#define NOW   UINT64_C(1700000000000)
#define HOUR  UINT64_C(3600000)

#define BIT(f)  (1u << CHAT_DIALOG_ ## f)


static const chat_rules_t  rules = { HOUR, 60000 };
static const chat_rules_t  no_rules = { 0, 0 };

static const chat_str_t    visitor = chat_string("AAECAwQFBgcICQoLDA0ODw");
static const chat_str_t    dialog = chat_string("018bcfe568000001");
static const chat_str_t    other_dialog = chat_string("018bcfe568000002");
static const chat_str_t    text = chat_string("Здравствуйте");
static const chat_str_t    page = chat_string("https://shop.example/");

static chat_decision_t     dec;


/* Dialogs as they are found. */

static chat_dialog_t
absent(void)
{
    chat_dialog_t  d;

    memset(&d, 0, sizeof(d));

    return d;
}


static chat_dialog_t
queued(void)
{
    chat_dialog_t  d = absent();

    d.exists = 1;
    d.state = CHAT_DIALOG_STATE_QUEUED;
    d.rev = 1;
    d.seq = 2;
    d.last.ms = NOW;
    d.last.seq = 1;
    d.account = 3;
    d.site = 7;
    d.visitor = visitor;
    d.dialog = dialog;
    d.opened_ms = NOW;
    d.queued_ms = NOW;
    d.start_ms = NOW;
    d.wait_ms = NOW;

    return d;
}


static chat_dialog_t
active(uint64_t owner)
{
    chat_dialog_t  d = queued();

    d.state = CHAT_DIALOG_STATE_ACTIVE;
    d.rev = 2;
    d.seq = 3;
    d.owner = owner;

    return d;
}


static chat_dialog_t
closed(uint64_t owner)
{
    chat_dialog_t  d = active(owner);

    d.state = CHAT_DIALOG_STATE_CLOSED;
    d.rev = 3;
    d.seq = 5;
    d.answered = 1;
    d.closed_ms = NOW + HOUR;
    d.start_ms = 0;
    d.wait_ms = 0;

    return d;
}


static chat_actor_t
by_visitor(const chat_str_t *id)
{
    chat_actor_t  who;

    memset(&who, 0, sizeof(who));
    who.kind = CHAT_ACTOR_KIND_VISITOR;
    who.account = 3;
    who.site = 7;
    who.visitor = *id;

    return who;
}


static chat_actor_t
by_operator(uint64_t id, int role)
{
    chat_actor_t  who;

    memset(&who, 0, sizeof(who));
    who.kind = CHAT_ACTOR_KIND_OPERATOR;
    who.account = 3;
    who.id = id;
    who.role = role;
    chat_str_set(&who.name, "Anna");

    return who;
}


static chat_actor_t
by_system(void)
{
    chat_actor_t  who;

    memset(&who, 0, sizeof(who));
    who.kind = CHAT_ACTOR_KIND_SYSTEM;
    who.account = 3;

    return who;
}


static int
decide_by(const chat_dialog_t *d, chat_actor_t who, chat_intent_e intent,
    uint64_t now_ms, const chat_rules_t *r)
{
    static chat_actor_t   actor;
    static chat_intent_t  in;

    actor = who;

    memset(&in, 0, sizeof(in));
    in.intent = intent;
    in.now_ms = now_ms;
    in.rules = r;
    in.new_dialog = other_dialog;
    in.text = text;
    in.page = page;

    return chat_dialog_decide(d, &actor, &in, &dec);
}


static void
allowed(const chat_dialog_t *d, chat_actor_t who, chat_intent_e intent,
    uint64_t now_ms)
{
    assert_int_equal(decide_by(d, who, intent, now_ms, &rules), CHAT_OK);
    assert_int_equal(dec.error, 0);
}


static void
refused(const chat_dialog_t *d, chat_actor_t who, chat_intent_e intent,
    int error)
{
    assert_int_equal(decide_by(d, who, intent, NOW, &rules), CHAT_DECLINED);
    assert_int_equal(dec.error, error);
    assert_int_equal(dec.n_events, 0);
}


static void
first_message(void **state)
{
    chat_dialog_t  d = absent();
    chat_actor_t   who = by_visitor(&visitor);

    chat_str_set(&who.name, "Мария");
    allowed(&d, who, CHAT_INTENT_POST, NOW);

    assert_true(dec.fresh);
    assert_int_equal(dec.queue, 1);
    assert_int_equal(dec.next.rev, 1);
    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_QUEUED);
    assert_int_equal(dec.next.account, 3);
    assert_int_equal(dec.next.site, 7);
    assert_true(chat_str_eq(&dec.next.visitor, &visitor));
    assert_true(chat_str_eq(&dec.next.dialog, &other_dialog));
    assert_true(chat_str_eq_c(&dec.next.name, "Мария"));
    assert_true(chat_str_eq(&dec.next.page, &page));
    assert_true(dec.next.opened_ms == CHAT_AT_EVENT);
    assert_true(dec.next.queued_ms == CHAT_AT_EVENT);
    assert_true(dec.next.start_ms == CHAT_AT_EVENT);
    assert_true(dec.next.wait_ms == CHAT_AT_EVENT);
    assert_int_equal(dec.writes,
                     BIT(STATE)|BIT(REV)|BIT(ROUTE)|BIT(NAME)|BIT(PAGE)
                     |BIT(OPENED)|BIT(QUEUED)|BIT(START)|BIT(WAIT));

    assert_int_equal(dec.n_events, 2);
    assert_int_equal(dec.events[0].event, CHAT_EV_DIALOG_OPENED);
    assert_true(chat_str_eq_c(&dec.events[0].body.dialog_opened.name,
                              "Мария"));
    assert_int_equal(dec.events[1].event, CHAT_EV_MESSAGE_POSTED);
    assert_true(chat_str_eq(&dec.events[1].body.message_posted.text, &text));
    assert_int_equal(dec.events[1].body.message_posted.from.kind,
                     CHAT_ACTOR_KIND_VISITOR);
    assert_int_equal(dec.events[1].owner, 0);
    assert_int_equal(dec.events[1].wait_ms, 0);
    assert_int_equal(dec.events[1].start_ms, 0);

    assert_int_equal(dec.due_set, 1 << CHAT_DUE_IDLE);
    assert_int_equal(dec.due_ms[CHAT_DUE_IDLE], HOUR);

    /* a site without automatic close */

    decide_by(&d, who, CHAT_INTENT_POST, NOW, &no_rules);
    assert_int_equal(dec.due_set, 0);
}


static void
post_into_open_is_appended(void **state)
{
    chat_dialog_t  q = queued(), a = active(5), c = closed(5), n = absent();

    assert_true(chat_dialog_open(&q));
    assert_true(chat_dialog_open(&a));
    assert_false(chat_dialog_open(&c));
    assert_false(chat_dialog_open(&n));

    refused(&q, by_visitor(&visitor), CHAT_INTENT_POST, CHAT_E_CONFLICT);
    refused(&a, by_visitor(&visitor), CHAT_INTENT_POST, CHAT_E_CONFLICT);
    refused(&a, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_POST,
            CHAT_E_CONFLICT);

    /* an operator writes into his own open dialogs only */

    refused(&q, by_operator(5, CHAT_ROLE_OWNER), CHAT_INTENT_POST,
            CHAT_E_FORBIDDEN);
    refused(&a, by_operator(6, CHAT_ROLE_OWNER), CHAT_INTENT_POST,
            CHAT_E_FORBIDDEN);
    refused(&c, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_POST,
            CHAT_E_CLOSED);
}


static void
take(void **state)
{
    chat_dialog_t  q = queued(), a = active(5), c = closed(5);

    allowed(&q, by_operator(6, CHAT_ROLE_OPERATOR), CHAT_INTENT_TAKE, NOW);

    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_ACTIVE);
    assert_int_equal(dec.next.owner, 6);
    assert_int_equal(dec.next.rev, 2);
    assert_int_equal(dec.queue, -1);
    assert_int_equal(dec.writes, BIT(STATE)|BIT(REV)|BIT(OWNER));
    assert_int_equal(dec.n_events, 1);
    assert_int_equal(dec.events[0].event, CHAT_EV_DIALOG_TAKEN);
    assert_int_equal(dec.events[0].owner, 6);
    assert_int_equal(dec.events[0].wait_ms, NOW);
    assert_int_equal(dec.events[0].body.dialog_taken.operator.id, 6);
    assert_int_equal(dec.due_set, 1 << CHAT_DUE_ACCEPT);
    assert_int_equal(dec.due_ms[CHAT_DUE_ACCEPT], 60000);

    /* the race: who loads after the winner's commit is told so */

    refused(&a, by_operator(6, CHAT_ROLE_OPERATOR), CHAT_INTENT_TAKE,
            CHAT_E_CONFLICT);
    refused(&a, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_TAKE,
            CHAT_E_CONFLICT);
    refused(&c, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_TAKE,
            CHAT_E_CLOSED);

    /* an answered episode has no accept time any more */

    q.answered = 1;
    allowed(&q, by_operator(6, CHAT_ROLE_OPERATOR), CHAT_INTENT_TAKE, NOW);
    assert_int_equal(dec.due_set, 0);
}


static void
closing(void **state)
{
    chat_dialog_t  q = queued(), a = active(5), c = closed(5), n = absent();

    allowed(&a, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_CLOSE, NOW);
    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_CLOSED);
    assert_true(dec.next.closed_ms == CHAT_AT_EVENT);
    assert_int_equal(dec.next.wait_ms, 0);
    assert_int_equal(dec.next.start_ms, 0);
    assert_int_equal(dec.next.owner, 5);
    assert_int_equal(dec.queue, 0);
    assert_false(dec.quiet);
    assert_int_equal(dec.writes, BIT(STATE)|BIT(REV)|BIT(CLOSED)|BIT(START)
                                 |BIT(WAIT));
    assert_int_equal(dec.due_clear, 1 << CHAT_DUE_IDLE | 1 << CHAT_DUE_ACCEPT);
    assert_int_equal(dec.events[0].owner, 5);
    assert_int_equal(dec.events[0].body.dialog_closed.reason,
                     CHAT_CLOSE_REASON_OPERATOR);

    allowed(&a, by_visitor(&visitor), CHAT_INTENT_CLOSE, NOW);
    assert_int_equal(dec.events[0].body.dialog_closed.reason,
                     CHAT_CLOSE_REASON_VISITOR);
    assert_int_equal(dec.events[0].owner, 5);

    /* out of the queue */

    allowed(&q, by_visitor(&visitor), CHAT_INTENT_CLOSE, NOW);
    assert_int_equal(dec.queue, -1);
    allowed(&q, by_operator(6, CHAT_ROLE_OPERATOR), CHAT_INTENT_CLOSE, NOW);
    assert_int_equal(dec.events[0].owner, 0);

    refused(&c, by_visitor(&visitor), CHAT_INTENT_CLOSE, CHAT_E_CLOSED);
    refused(&n, by_visitor(&visitor), CHAT_INTENT_CLOSE, CHAT_E_NOT_FOUND);
    refused(&c, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_CLOSE,
            CHAT_E_CLOSED);

    /* another operator's: from supervisor upwards */

    refused(&a, by_operator(6, CHAT_ROLE_OPERATOR), CHAT_INTENT_CLOSE,
            CHAT_E_FORBIDDEN);
    allowed(&a, by_operator(6, CHAT_ROLE_SUPERVISOR), CHAT_INTENT_CLOSE, NOW);
}


static void
release(void **state)
{
    chat_dialog_t  q = queued(), a = active(5), c = closed(5);

    allowed(&a, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_RELEASE, NOW);
    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_QUEUED);
    assert_int_equal(dec.next.owner, 0);
    assert_true(dec.next.queued_ms == CHAT_AT_EVENT);
    assert_int_equal(dec.queue, 1);
    assert_int_equal(dec.writes, BIT(STATE)|BIT(REV)|BIT(OWNER)|BIT(QUEUED));
    assert_int_equal(dec.due_clear, 1 << CHAT_DUE_ACCEPT);
    assert_int_equal(dec.events[0].event, CHAT_EV_DIALOG_RELEASED);
    assert_int_equal(dec.events[0].owner, 5);
    assert_int_equal(dec.events[0].body.dialog_released.reason,
                     CHAT_RELEASE_REASON_OPERATOR);

    refused(&q, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_RELEASE,
            CHAT_E_CONFLICT);
    refused(&c, by_operator(5, CHAT_ROLE_OPERATOR), CHAT_INTENT_RELEASE,
            CHAT_E_CLOSED);
    refused(&a, by_operator(6, CHAT_ROLE_OPERATOR), CHAT_INTENT_RELEASE,
            CHAT_E_FORBIDDEN);
    allowed(&a, by_operator(6, CHAT_ROLE_ADMIN), CHAT_INTENT_RELEASE, NOW);
    refused(&a, by_visitor(&visitor), CHAT_INTENT_RELEASE, CHAT_E_FORBIDDEN);
}


static void
reopen_within_72_hours(void **state)
{
    chat_dialog_t  c = closed(5);
    uint64_t       end = c.closed_ms + 72 * HOUR;

    allowed(&c, by_visitor(&visitor), CHAT_INTENT_POST, end - 1);
    assert_false(dec.fresh);
    assert_true(chat_str_eq(&dec.next.dialog, &dialog));
    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_QUEUED);
    assert_int_equal(dec.next.rev, 4);
    assert_int_equal(dec.next.owner, 0);
    assert_int_equal(dec.next.answered, 0);
    assert_int_equal(dec.next.closed_ms, 0);
    assert_int_equal(dec.next.opened_ms, NOW);
    assert_true(dec.next.start_ms == CHAT_AT_EVENT);
    assert_true(dec.next.wait_ms == CHAT_AT_EVENT);
    assert_int_equal(dec.queue, 1);
    assert_int_equal(dec.due_set, 1 << CHAT_DUE_IDLE);
    assert_int_equal(dec.n_events, 2);
    assert_int_equal(dec.events[0].event, CHAT_EV_DIALOG_REOPENED);
    assert_int_equal(dec.events[1].event, CHAT_EV_MESSAGE_POSTED);

    /* our clock behind the one that closed it */

    allowed(&c, by_visitor(&visitor), CHAT_INTENT_POST, c.closed_ms - 5000);
    assert_false(dec.fresh);

    /* later: a new dialog, the old one is left as it is */

    allowed(&c, by_visitor(&visitor), CHAT_INTENT_POST, end);
    assert_true(dec.fresh);
    assert_true(chat_str_eq(&dec.next.dialog, &other_dialog));
    assert_int_equal(dec.next.rev, 1);
    assert_int_equal(dec.next.seq, 0);
    assert_int_equal(dec.next.owner, 0);
    assert_int_equal(dec.events[0].event, CHAT_EV_DIALOG_OPENED);
}


static void
due_idle(void **state)
{
    chat_dialog_t  q = queued(), a = active(5), c = closed(5), n = absent();

    a.last.ms = NOW + 1000;
    a.answered = 1;
    a.wait_ms = 0;

    /* somebody wrote since: try again when that is old enough */

    allowed(&a, by_system(), CHAT_INTENT_DUE_IDLE, NOW + HOUR);
    assert_true(dec.nothing);
    assert_int_equal(dec.due_set, 1 << CHAT_DUE_IDLE);
    assert_int_equal(dec.due_ms[CHAT_DUE_IDLE], NOW + 1000 + HOUR);
    assert_int_equal(dec.writes, 0);
    assert_int_equal(dec.n_events, 0);

    allowed(&a, by_system(), CHAT_INTENT_DUE_IDLE, NOW + HOUR + 1000);
    assert_false(dec.nothing);
    assert_true(dec.quiet);
    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_CLOSED);
    assert_int_equal(dec.events[0].owner, 5);
    assert_int_equal(dec.events[0].body.dialog_closed.by.kind,
                     CHAT_ACTOR_KIND_SYSTEM);
    assert_int_equal(dec.events[0].body.dialog_closed.reason,
                     CHAT_CLOSE_REASON_IDLE);

    /* who waits for an answer is not sent away, be it in the queue or not */

    allowed(&q, by_system(), CHAT_INTENT_DUE_IDLE, NOW + HOUR);
    assert_true(dec.nothing);
    assert_int_equal(dec.due_ms[CHAT_DUE_IDLE], NOW + 2 * HOUR);

    allowed(&q, by_system(), CHAT_INTENT_DUE_IDLE, NOW + 5 * HOUR + 1);
    assert_true(dec.nothing);
    assert_int_equal(dec.due_ms[CHAT_DUE_IDLE], NOW + 6 * HOUR);

    a.wait_ms = NOW + 1000;
    allowed(&a, by_system(), CHAT_INTENT_DUE_IDLE, NOW + HOUR + 1000);
    assert_true(dec.nothing);
    a.wait_ms = 0;

    /* answered and given back: it may go from the queue */

    q.answered = 1;
    q.wait_ms = 0;
    allowed(&q, by_system(), CHAT_INTENT_DUE_IDLE, NOW + HOUR);
    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_CLOSED);
    assert_int_equal(dec.queue, -1);

    /* closed, erased, or switched off meanwhile: the timer goes */

    allowed(&c, by_system(), CHAT_INTENT_DUE_IDLE, NOW + 9 * HOUR);
    assert_true(dec.nothing);
    assert_int_equal(dec.due_clear, 1 << CHAT_DUE_IDLE);

    allowed(&n, by_system(), CHAT_INTENT_DUE_IDLE, NOW);
    assert_true(dec.nothing);
    assert_int_equal(dec.due_clear, 1 << CHAT_DUE_IDLE);

    decide_by(&a, by_system(), CHAT_INTENT_DUE_IDLE, NOW + 9 * HOUR,
              &no_rules);
    assert_true(dec.nothing);
    assert_int_equal(dec.due_clear, 1 << CHAT_DUE_IDLE);

    decide_by(&a, by_system(), CHAT_INTENT_DUE_IDLE, NOW + 9 * HOUR, NULL);
    assert_true(dec.nothing);
}


static void
due_accept(void **state)
{
    chat_dialog_t  q = queued(), a = active(5), n = absent();

    allowed(&a, by_system(), CHAT_INTENT_DUE_ACCEPT, NOW + 60000);
    assert_false(dec.nothing);
    assert_true(dec.quiet);
    assert_int_equal(dec.next.state, CHAT_DIALOG_STATE_QUEUED);
    assert_int_equal(dec.events[0].event, CHAT_EV_DIALOG_RELEASED);
    assert_int_equal(dec.events[0].owner, 5);
    assert_int_equal(dec.events[0].body.dialog_released.reason,
                     CHAT_RELEASE_REASON_NO_ANSWER);

    a.answered = 1;
    allowed(&a, by_system(), CHAT_INTENT_DUE_ACCEPT, NOW + 60000);
    assert_true(dec.nothing);
    assert_int_equal(dec.due_clear, 1 << CHAT_DUE_ACCEPT);

    allowed(&q, by_system(), CHAT_INTENT_DUE_ACCEPT, NOW + 60000);
    assert_true(dec.nothing);

    allowed(&n, by_system(), CHAT_INTENT_DUE_ACCEPT, NOW + 60000);
    assert_true(dec.nothing);
}


/* The two texts of the store. */

static void
parse(void **state)
{
    size_t               i;
    chat_str_t           s, about, rest;
    chat_dialog_t        d;

    static const char    good[] =
        "2 18446744073709551615 5 3:7:AAECAwQFBgcICQoLDA0ODw "
        "018bcfe568000001 12 4 3 1 1700000000000-3";

    static const char *const  bad[] = {
        "x 1 5 3:7:v 018bcfe568000001 12 4 3 1 5-0",
        "0 1 5 3:7:v 018bcfe568000001 12 4 3 1 5-0",
        "9 1 5 3:7:v 018bcfe568000001 12 4 3 1 5-0",
        "2 1 5 3:v 018bcfe568000001 12 4 3 1 5-0",
        "2 1 5 3 018bcfe568000001 12 4 3 1 5-0",
        "2 1 5 3:x:y 018bcfe568000001 12 4 3 1 5-0",
        "2 1 5 0:7:v 018bcfe568000001 12 4 3 1 5-0",
        "2 1 5 3:7:v 018bcfe568000002 12 4 3 1 5-0",
        "2 1 5 3:7:v 018bcfe568000001 12 4 3 2 5-0",
        "2 1 5 3:7:v 018bcfe568000001 12 4 3 1 5",
        "2 1 5 3:7:v 018bcfe568000001 12 4 3 1 5-0 6",
        "2 1 5 3:7:v 018bcfe568000001 12 4 3 1",
        "2 1 5  3:7:v 018bcfe568000001 12 4 3 1 5-0",
        " ", "2", "state"
    };

    static const char *const  damage[] = {
        "", "1 2 5", "1 2 5 11 Anna", "1 2 x 0 ", "-1 2 5 0 ", "1 2 5 x Anna",
        "1 2 5 18446744073709551615 x"
    };

    d.dialog = dialog;
    chat_str_set(&s, good);
    chat_str_set(&about, "1 2 5 10 Мария/a page: 1 2");

    assert_int_equal(chat_dialog_parse(&s, &about, &d), CHAT_OK);
    assert_true(d.exists);
    assert_int_equal(d.state, CHAT_DIALOG_STATE_ACTIVE);
    assert_true(d.rev == UINT64_MAX);
    assert_int_equal(d.seq, 12);
    assert_int_equal(d.last.ms, NOW);
    assert_int_equal(d.last.seq, 3);
    assert_int_equal(d.account, 3);
    assert_int_equal(d.site, 7);
    assert_true(chat_str_eq(&d.visitor, &visitor));
    assert_true(chat_str_eq_c(&d.name, "Мария"));
    assert_true(chat_str_eq_c(&d.page, "/a page: 1 2"));
    assert_int_equal(d.owner, 5);
    assert_true(d.answered);
    assert_int_equal(d.opened_ms, 1);
    assert_int_equal(d.queued_ms, 2);
    assert_int_equal(d.start_ms, 3);
    assert_int_equal(d.wait_ms, 4);
    assert_int_equal(d.closed_ms, 5);
    assert_true(chat_str_eq(&d.dialog, &dialog));

    chat_str_set(&about, "1 2 5 0 ");
    assert_int_equal(chat_dialog_parse(&s, &about, &d), CHAT_OK);
    assert_int_equal(d.name.len, 0);
    assert_int_equal(d.page.len, 0);

    /* absent */

    chat_str_set(&rest, "");
    assert_int_equal(chat_dialog_parse(&rest, &about, &d), CHAT_OK);
    assert_false(d.exists);
    assert_true(chat_str_eq(&d.dialog, &dialog));

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        rest.data = (unsigned char *) bad[i];
        rest.len = strlen(bad[i]);

        if (chat_dialog_parse(&rest, &about, &d) != CHAT_ERROR || d.exists) {
            fail_msg("taken: \"%s\"", bad[i]);
        }
    }

    for (i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        rest.data = (unsigned char *) damage[i];
        rest.len = strlen(damage[i]);

        if (chat_dialog_parse(&s, &rest, &d) != CHAT_ERROR || d.exists) {
            fail_msg("taken: \"%s\"", damage[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(first_message),
        cmocka_unit_test(post_into_open_is_appended),
        cmocka_unit_test(take),
        cmocka_unit_test(closing),
        cmocka_unit_test(release),
        cmocka_unit_test(reopen_within_72_hours),
        cmocka_unit_test(due_idle),
        cmocka_unit_test(due_accept),
        cmocka_unit_test(parse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
