
/*
 * Rights: the whole table, intent by intent, and what may not even be known.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "chat_rights.h"


#define OK   0
#define NO   CHAT_E_FORBIDDEN
#define NIL  CHAT_E_NOT_FOUND


/* Who is asked about: roles on his own, another's, and a queued dialog. */
typedef struct {
    int  role;
    int  own[CHAT_INTENT_MAX];
    int  others[CHAT_INTENT_MAX];
    int  queued[CHAT_INTENT_MAX];
} row_t;

/*                       -   post take close release idle accept */
static const row_t  rows[] = {
    { 0,
      { 0, NIL, NIL, NIL, NIL, NIL, NIL },
      { 0, NIL, NIL, NIL, NIL, NIL, NIL },
      { 0, NIL, NIL, NIL, NIL, NIL, NIL } },
    { CHAT_ROLE_ANALYST,
      { 0, NO, NO, NO, NO, NO, NO },
      { 0, NO, NO, NO, NO, NO, NO },
      { 0, NO, NO, NO, NO, NO, NO } },
    { CHAT_ROLE_OPERATOR,
      { 0, OK, OK, OK, OK, NO, NO },
      { 0, NO, OK, NO, NO, NO, NO },
      { 0, OK, OK, OK, OK, NO, NO } },
    { CHAT_ROLE_SUPERVISOR,
      { 0, OK, OK, OK, OK, NO, NO },
      { 0, NO, OK, OK, OK, NO, NO },
      { 0, OK, OK, OK, OK, NO, NO } },
    { CHAT_ROLE_ADMIN,
      { 0, OK, OK, OK, OK, NO, NO },
      { 0, NO, OK, OK, OK, NO, NO },
      { 0, OK, OK, OK, OK, NO, NO } },
    { CHAT_ROLE_OWNER,
      { 0, OK, OK, OK, OK, NO, NO },
      { 0, NO, OK, OK, OK, NO, NO },
      { 0, OK, OK, OK, OK, NO, NO } },
};

static const chat_str_t  visitor = chat_string("AAECAwQFBgcICQoLDA0ODw");
static const chat_str_t  stranger = chat_string("BBECAwQFBgcICQoLDA0ODw");


static chat_dialog_t
dialog(int state, uint64_t owner)
{
    chat_dialog_t  d;

    memset(&d, 0, sizeof(d));
    d.exists = 1;
    d.account = 3;
    d.site = 7;
    d.visitor = visitor;
    d.state = state;
    d.owner = owner;

    return d;
}


static int
ask(const chat_actor_t *who, chat_intent_e intent, chat_dialog_t d)
{
    int  rc, error;

    rc = chat_rights_dialog(who, intent, &d, &error);
    assert_int_equal(rc, error ? CHAT_DECLINED : CHAT_OK);

    return error;
}


static void
operators(void **state)
{
    int           i;
    size_t        n;
    chat_actor_t  who;

    memset(&who, 0, sizeof(who));
    who.kind = CHAT_ACTOR_KIND_OPERATOR;
    who.account = 3;
    who.id = 5;

    for (n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
        who.role = rows[n].role;

        for (i = CHAT_INTENT_POST; i < CHAT_INTENT_MAX; i++) {
            assert_int_equal(
                ask(&who, i, dialog(CHAT_DIALOG_STATE_ACTIVE, 5)),
                rows[n].own[i]);
            assert_int_equal(
                ask(&who, i, dialog(CHAT_DIALOG_STATE_ACTIVE, 6)),
                rows[n].others[i]);
            assert_int_equal(
                ask(&who, i, dialog(CHAT_DIALOG_STATE_QUEUED, 0)),
                rows[n].queued[i]);
        }
    }

    /* another account, and a dialog that is not there, look the same */

    who.role = CHAT_ROLE_OWNER;
    who.account = 4;

    for (i = CHAT_INTENT_POST; i < CHAT_INTENT_MAX; i++) {
        chat_dialog_t  none = dialog(0, 0);

        none.exists = 0;
        assert_int_equal(ask(&who, i, dialog(CHAT_DIALOG_STATE_QUEUED, 0)),
                         NIL);
        assert_int_equal(ask(&who, i, none), NIL);
    }
}


static void
visitors(void **state)
{
    int            i;
    chat_actor_t   who;
    chat_dialog_t  d = dialog(CHAT_DIALOG_STATE_ACTIVE, 5);

    memset(&who, 0, sizeof(who));
    who.kind = CHAT_ACTOR_KIND_VISITOR;
    who.account = 3;
    who.site = 7;
    who.visitor = visitor;

    for (i = CHAT_INTENT_POST; i < CHAT_INTENT_MAX; i++) {
        assert_int_equal(ask(&who, i, d),
                         i == CHAT_INTENT_POST || i == CHAT_INTENT_CLOSE
                         ? OK : NO);
    }

    who.visitor = stranger;
    assert_int_equal(ask(&who, CHAT_INTENT_POST, d), NIL);
    assert_int_equal(ask(&who, CHAT_INTENT_TAKE, d), NIL);

    who.visitor = visitor;
    who.site = 8;
    assert_int_equal(ask(&who, CHAT_INTENT_POST, d), NIL);

    who.site = 7;
    who.account = 4;
    assert_int_equal(ask(&who, CHAT_INTENT_CLOSE, d), NIL);
}


static void
timers(void **state)
{
    int            i;
    chat_actor_t   who;
    chat_dialog_t  d = dialog(CHAT_DIALOG_STATE_ACTIVE, 5);

    memset(&who, 0, sizeof(who));
    who.kind = CHAT_ACTOR_KIND_SYSTEM;

    for (i = CHAT_INTENT_POST; i < CHAT_INTENT_MAX; i++) {
        assert_int_equal(ask(&who, i, d),
                         i >= CHAT_INTENT_DUE_IDLE ? OK : NO);
    }
}


static void
roles(void **state)
{
    assert_int_equal(chat_rights_role(0), 0);
    assert_int_equal(chat_rights_role(-1), 0);
    assert_int_equal(chat_rights_role(CHAT_ROLE_MAX), 0);
    assert_int_equal(chat_rights_role(CHAT_ROLE_ANALYST), CHAT_MAY_READ);
    assert_int_equal(chat_rights_role(CHAT_ROLE_OPERATOR),
                     CHAT_MAY_READ|CHAT_MAY_ANSWER);
    assert_int_equal(chat_rights_role(CHAT_ROLE_SUPERVISOR),
                     CHAT_MAY_READ|CHAT_MAY_ANSWER|CHAT_MAY_OTHERS);
    assert_true(chat_rights_role(CHAT_ROLE_ADMIN) & CHAT_MAY_MANAGE);
    assert_true(chat_rights_role(CHAT_ROLE_OWNER) & CHAT_MAY_MANAGE);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(operators),
        cmocka_unit_test(visitors),
        cmocka_unit_test(timers),
        cmocka_unit_test(roles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
