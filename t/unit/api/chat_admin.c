
/*
 * The cabinet's operations against a fake store of a few answers.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "fake_store.h"


static int
login_as(chat_admin_login_t *l, const char *name)
{
    uint64_t  site = l->site;

    memset(l, 0, sizeof(chat_admin_login_t));
    l->site = site;
    l->login.data = (unsigned char *) name;
    l->login.len = strlen(name);
    chat_str_set(&l->password, "correct horse");
    chat_str_set(&l->address, "47f000001");
    chat_str_set(&l->ip, "127.0.0.1");
    chat_str_set(&l->agent, "Mozilla/5.0");
    run(chat_admin_login_steps, l);

    return op.rc == CHAT_DONE ? 0 : op.error;
}


static void
right_password(void **state)
{
    unsigned char        hash[CHAT_ADMIN_HASH_LEN];
    chat_str_t           cookie;
    chat_site_view_t    *site;
    chat_admin_login_t   l = { 0 };

    assert_int_equal(login_as(&l, "Anna"), 0);      /* case does not matter */

    assert_int_equal(l.me.operator.id, 5);
    assert_true(chat_str_eq_c(&l.me.operator.name, "Anna"));
    assert_int_equal(l.me.csrf.len, CHAT_ADMIN_CSRF_LEN);
    assert_int_equal(l.me.expires_ms, (NOW_S + CHAT_ADMIN_SESSION_S) * 1000);
    assert_int_equal(l.me.sites.n, 2);
    site = l.me.sites.elts;
    assert_int_equal(site[1].id, 2);
    assert_int_equal(site[1].role, CHAT_ROLE_OPERATOR);
    assert_true(chat_str_eq_c(&site[1].name, "shop02.example"));

    assert_int_equal(l.session.operator_id, 5);
    assert_int_equal(l.session.account, 3);
    assert_int_equal(l.session.created_s, NOW_S);
    assert_true(chat_admin_csrf_ok(&l.session, &l.me.csrf));

    cookie.data = l.cookie;
    cookie.len = CHAT_ADMIN_COOKIE_LEN;
    assert_int_equal(chat_admin_cookie_hash(&cookie, hash), CHAT_OK);
    assert_memory_equal(hash, l.hash, sizeof(hash));

    /* the cookie itself never reaches the store */

    assert_int_equal(sent("EVALSHA"), 1);
    assert_true(chat_str_eq_c(&store.checked, "$argon2$"));

    /* nothing is left of the attempt */

    assert_int_equal(store.by_login, 0);
    assert_int_equal(store.by_address, 0);
    assert_int_equal(sent("EXPIRE"), 3);
}


static void
long_user_agent_is_cut(void **state)
{
    char                 agent[1000];
    chat_admin_login_t   l = { 0 };

    memset(agent, 'x', sizeof(agent));
    chat_str_set(&l.login, "anna");
    l.agent.data = (unsigned char *) agent;
    l.agent.len = sizeof(agent);
    run(chat_admin_login_steps, &l);

    assert_int_equal(op.rc, CHAT_DONE);
    assert_int_equal(l.session.agent.len, CHAT_ADMIN_AGENT_MAX);
}


static void
refusals_look_the_same(void **state)
{
    unsigned             calls;
    chat_admin_login_t   l = { 0 };

    store.password_ok = 0;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_BAD_CREDENTIALS);
    calls = f.n_calls;
    assert_int_equal(store.by_login, 1);
    assert_int_equal(store.by_address, 1);
    assert_int_equal(sent("EVALSHA"), 0);

    /* no such login: as many calls, a hash of the same cost */

    assert_int_equal(login_as(&l, "nobody"), CHAT_E_BAD_CREDENTIALS);
    assert_int_equal(f.n_calls, calls);
    assert_memory_equal(store.checked.data, "$argon2id$v=19$m=65536,t=2,p=1$",
                        31);

    /* even if that hash's password were found */

    store.password_ok = 1;
    assert_int_equal(login_as(&l, "nobody"), CHAT_E_BAD_CREDENTIALS);

    store.off = 1;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_BAD_CREDENTIALS);
    assert_int_equal(f.n_calls, calls);
}


static void
throttle_of_a_login(void **state)
{
    int                  i;
    chat_admin_login_t   l = { 0 };

    store.password_ok = 0;

    for (i = 0; i < CHAT_ADMIN_THROTTLE_LOGIN; i++) {
        assert_int_equal(login_as(&l, "anna"), CHAT_E_BAD_CREDENTIALS);
    }

    /* now the right one does not help either, and nothing is verified */

    store.password_ok = 1;
    store.checked.len = 0;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_THROTTLED);
    assert_int_equal(op.retry_ms, 654321);
    assert_int_equal(store.checked.len, 0);
}


static void
throttle_of_an_address(void **state)
{
    chat_admin_login_t  l = { 0 };

    store.by_address = CHAT_ADMIN_THROTTLE_ADDR - 1;
    assert_int_equal(login_as(&l, "anna"), 0);
    assert_int_equal(store.by_address, CHAT_ADMIN_THROTTLE_ADDR - 1);

    store.by_address = CHAT_ADMIN_THROTTLE_ADDR;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_THROTTLED);
}


static void
busy_is_no_failed_attempt(void **state)
{
    chat_admin_login_t  l = { 0 };

    store.pwhash_rc = CHAT_BUSY;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_BUSY);
    assert_int_equal(op.retry_ms, 1000);
    assert_int_equal(store.by_login, 0);
    assert_int_equal(store.by_address, 0);

    store.pwhash_rc = CHAT_ERROR;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_INTERNAL);
    assert_int_equal(store.by_login, 0);
}


static void
limited_to_a_site(void **state)
{
    chat_site_view_t    *site;
    chat_admin_login_t   l = { 0 };

    store.sites = 9;
    store.roles = site_8;
    l.site = 8;
    assert_int_equal(login_as(&l, "anna"), 0);
    assert_int_equal(l.session.site, 8);
    assert_int_equal(l.me.sites.n, 1);
    site = l.me.sites.elts;
    assert_int_equal(site->id, 8);
    assert_int_equal(site->role, CHAT_ROLE_SUPERVISOR);

    l.site = 7;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_FORBIDDEN);
    assert_int_equal(sent("EVALSHA"), 0);
}


static void
many_sites(void **state)
{
    unsigned             i;
    chat_site_view_t    *site;
    chat_admin_login_t   l = { 0 };

    store.sites = 40;
    assert_int_equal(login_as(&l, "anna"), 0);
    assert_int_equal(l.me.sites.n, 40);
    site = l.me.sites.elts;

    for (i = 0; i < 40; i++) {
        assert_int_equal(site[i].id, i + 1);
    }
}


static void
switched_off_meanwhile(void **state)
{
    chat_admin_login_t  l = { 0 };

    store.commit = conflict;
    assert_int_equal(login_as(&l, "anna"), CHAT_E_BAD_CREDENTIALS);
}


static void
store_fails(void **state)
{
    size_t               i;
    chat_admin_login_t   l = { 0 };
    const char          *commands[] = { "INCR", "EXPIRE", "HGET", "HGETALL",
                                        "ZRANGE", "EVALSHA" };

    for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        store.fail = commands[i];

        store.failure = NULL;
        assert_int_equal(login_as(&l, "anna"), CHAT_E_STORE_DOWN);
        assert_true(op.retry_ms > 0);

        store.failure = "-OOM command not allowed\r\n";
        assert_int_equal(login_as(&l, "anna"), CHAT_E_STORE_FULL);

        store.failure = "-ERR strange\r\n";
        assert_int_equal(login_as(&l, "anna"), CHAT_E_INTERNAL);

        store.by_login = 0;
        store.by_address = 0;
    }
}


static chat_session_rec_t
session(void)
{
    chat_session_rec_t  s;

    memset(&s, 0, sizeof(s));
    s.operator_id = 5;
    s.account = 3;
    s.created_s = NOW_S;
    s.expires_s = NOW_S + 1000;
    chat_str_set(&s.csrf, "secret");

    return s;
}


static void
me(void **state)
{
    chat_admin_me_t  m = { .session = session() };

    run(chat_admin_me_steps, &m);
    assert_int_equal(op.rc, CHAT_DONE);
    assert_int_equal(m.me.operator.id, 5);
    assert_true(chat_str_eq_c(&m.me.csrf, "secret"));
    assert_int_equal(m.me.expires_ms, (NOW_S + 1000) * 1000);
    assert_int_equal(m.me.sites.n, 2);

    store.off = 1;
    memset(&m, 0, sizeof(m));
    m.session = session();
    run(chat_admin_me_steps, &m);
    assert_int_equal(op.error, CHAT_E_UNAUTHORIZED);

    memset(&m, 0, sizeof(m));
    m.session = session();
    m.session.operator_id = 6;
    run(chat_admin_me_steps, &m);
    assert_int_equal(op.error, CHAT_E_UNAUTHORIZED);
}


static void
logout(void **state)
{
    chat_admin_logout_t  out = { .session = session() };

    memset(out.hash, 0xdd, sizeof(out.hash));
    run(chat_admin_logout_steps, &out);
    assert_int_equal(op.rc, CHAT_DONE);
    assert_int_equal(sent("EVALSHA"), 1);

    store.fail = "EVALSHA";
    run(chat_admin_logout_steps, &out);
    assert_int_equal(op.error, CHAT_E_STORE_DOWN);
}


static void
sessions(void **state)
{
    chat_session_info_t    *info;
    chat_admin_sessions_t   s = { .session = session() };

    memset(s.hash, 0xdd, sizeof(s.hash));
    run(chat_admin_sessions_steps, &s);
    assert_int_equal(op.rc, CHAT_DONE);

    /* "aa" has expired, "bb" is gone */

    assert_int_equal(s.view.sessions.n, 2);
    info = s.view.sessions.elts;
    assert_true(chat_str_eq_c(&info[0].id, "dddddddddddddddd"));
    assert_true(info[0].current);
    assert_true(chat_str_eq_c(&info[1].id, "cccccccccccccccc"));
    assert_false(info[1].current);
    assert_int_equal(info[1].created_ms, UINT64_C(1699999000000));
    assert_true(chat_str_eq_c(&info[1].agent, "Moz"));
    assert_true(chat_str_eq_c(&info[1].ip, "127.0.0.1"));
}


static int
revoke_id(chat_admin_revoke_t *r, const char *id)
{
    memset(r, 0, sizeof(chat_admin_revoke_t));
    memset(r->hash, 0xdd, sizeof(r->hash));
    r->session = session();
    r->id.data = (unsigned char *) id;
    r->id.len = strlen(id);
    run(chat_admin_revoke_steps, r);

    return op.rc == CHAT_DONE ? 0 : op.error;
}


static void
revoke(void **state)
{
    chat_admin_revoke_t  r;

    assert_int_equal(revoke_id(&r, "cccccccccccccccc"), 0);
    assert_false(r.current);
    assert_int_equal(sent("EVALSHA"), 1);

    assert_int_equal(revoke_id(&r, "dddddddddddddddd"), 0);
    assert_true(r.current);

    assert_int_equal(revoke_id(&r, "eeeeeeeeeeeeeeee"), CHAT_E_NOT_FOUND);
    assert_int_equal(revoke_id(&r, "aaaaaaaaaaaaaaaa"), CHAT_E_NOT_FOUND);
    assert_int_equal(revoke_id(&r, "cccc"), CHAT_E_NOT_FOUND);
    assert_int_equal(revoke_id(&r, ""), CHAT_E_NOT_FOUND);
    assert_int_equal(sent("EVALSHA"), 0);
}


static void
cookies(void **state)
{
    size_t            i;
    unsigned char     hash[CHAT_ADMIN_HASH_LEN];
    const chat_str_t  bad[] = {
        chat_string(""), chat_string("short"),
        chat_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+"),
        chat_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chat_admin_cookie_hash(&bad[i], hash), CHAT_ERROR);
    }
}


static void
addresses(void **state)
{
    chat_str_t     s;
    unsigned char  out[CHAT_ADMIN_ADDR_MAX];

    s.data = out;
    s.len = chat_admin_address(out, "\x7f\0\0\x01", 4);
    assert_true(chat_str_eq_c(&s, "47f000001"));

    s.len = chat_admin_address(out, "\x20\x01\x0d\xb8\0\0\0\x01"
                                    "\1\2\3\4\5\6\7\x08", 16);
    assert_true(chat_str_eq_c(&s, "620010db800000001"));

    s.len = chat_admin_address(out, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01",
                               16);
    assert_true(chat_str_eq_c(&s, "47f000001"));

    s.len = chat_admin_address(out, NULL, 0);
    assert_true(chat_str_eq_c(&s, "local"));
}


static void
csrf(void **state)
{
    chat_str_t           value = chat_string("secret");
    chat_session_rec_t   s = session();

    assert_true(chat_admin_csrf_ok(&s, &value));
    chat_str_set(&value, "Secret");
    assert_false(chat_admin_csrf_ok(&s, &value));
    value.len = 0;
    assert_false(chat_admin_csrf_ok(&s, &value));
    s.csrf.len = 0;
    assert_false(chat_admin_csrf_ok(&s, &value));
}


/* Every operation, ready to be run. */

typedef union {
    chat_admin_login_t     login;
    chat_admin_me_t        me;
    chat_admin_logout_t    logout;
    chat_admin_sessions_t  sessions;
    chat_admin_revoke_t    revoke;
} any_t;

static const chat_step_t *const  operations[] = {
    chat_admin_login_steps, chat_admin_me_steps, chat_admin_logout_steps,
    chat_admin_sessions_steps, chat_admin_revoke_steps
};


static void
any_op(any_t *u, const chat_step_t *steps)
{
    memset(u, 0, sizeof(any_t));
    store.by_login = 0;
    store.by_address = 0;

    if (steps == chat_admin_login_steps) {
        chat_str_set(&u->login.login, "anna");

    } else if (steps == chat_admin_me_steps) {
        u->me.session = session();

    } else if (steps == chat_admin_logout_steps) {
        u->logout.session = session();

    } else if (steps == chat_admin_sessions_steps) {
        u->sessions.session = session();

    } else {
        u->revoke.session = session();
        chat_str_set(&u->revoke.id, "cccccccccccccccc");
    }
}


/* Any allocation may fail: an error, no crash, nothing leaked. */

static void
memory_fails(void **state)
{
    any_t           u;
    size_t          i, size;
    chat_mem_t      mem;
    unsigned char  *block;

    block = malloc(65536);

    for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {

        for (size = 0; size < 65536; size += 16) {
            any_op(&u, operations[i]);
            memset(&op, 0, sizeof(op));
            store.n_sent = 0;
            f.n_calls = 0;

            chat_mem_init(&mem, block, size, NULL, NULL, 0);
            chat_op_start(&op, "any", operations[i], &f.host, &mem, &u);
            fake_run(&f);
            chat_op_release(&op);
            assert_int_equal(f.kept, 0);

            if (op.rc == CHAT_DONE) {
                break;
            }

            assert_int_not_equal(op.error, 0);
        }

        assert_int_equal(op.rc, CHAT_DONE);
        assert_in_range(size, 16, 8192);
    }

    free(block);
}


/* The n-th answer is wrong, for each n: the error is told, nothing leaks. */

static void
any_answer_fails(void **state)
{
    any_t         u;
    size_t        i, n;
    unsigned      k;
    const char   *commands[] = { "HGETALL", "ZRANGE", "EVALSHA" };

    for (i = 1; i < sizeof(operations) / sizeof(operations[0]); i++) {

        for (n = 0; n < 3; n++) {
            store.fail = commands[n];

            for (k = 0; k < 2; k++) {
                store.failure = k ? "+OK\r\n" : NULL;
                any_op(&u, operations[i]);
                run(operations[i], &u);

                if (sent(commands[n])) {
                    assert_int_equal(op.rc, CHAT_ERROR);
                    assert_int_not_equal(op.error, 0);

                } else {
                    assert_int_equal(op.rc, CHAT_DONE);
                }
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
#define unit(t)  cmocka_unit_test_setup_teardown(t, setup, teardown)
        unit(right_password),
        unit(long_user_agent_is_cut),
        unit(refusals_look_the_same),
        unit(throttle_of_a_login),
        unit(throttle_of_an_address),
        unit(busy_is_no_failed_attempt),
        unit(limited_to_a_site),
        unit(many_sites),
        unit(switched_off_meanwhile),
        unit(store_fails),
        unit(me),
        unit(logout),
        unit(sessions),
        unit(revoke),
        unit(cookies),
        unit(addresses),
        unit(csrf),
        unit(memory_fails),
        unit(any_answer_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
