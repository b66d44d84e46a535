
/*
 * The cabinet's operations against a real Redis, with real argon2id: what
 * login leaves in the store, and what ends with it.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <sodium.h>
#include <cmocka.h>

#include "chat_admin.h"
#include "chat_str.h"
#include "redis.h"


#define ACCOUNT   3
#define OPERATOR  5

static redis_server_t  redis;
static chat_heap_t    *heap;
static chat_op_t       op;
static char            hash[crypto_pwhash_STRBYTES];


static chat_str_t
str(const char *text)
{
    chat_str_t  s;

    s.data = (unsigned char *) text;
    s.len = strlen(text);

    return s;
}


static chat_mem_t *
mem(void)
{
    return chat_heap_mem(heap);
}


/* A commit that must succeed. */

static void
must(const chat_cmd_t *c)
{
    redisReply            *r;
    chat_commit_result_t   res;

    r = chat_sync_call(redis.sync, c);
    assert_int_equal(chat_commit_parse(r, &res), CHAT_OK);
    assert_int_equal(res.outcome, CHAT_WRITE_OK);
    freeReplyObject(r);
}


static long
number(const char *command)
{
    long         n;
    redisReply  *r;

    r = redisCommand(redis.raw, command);
    assert_non_null(r);
    assert_int_equal(r->type, REDIS_REPLY_INTEGER);
    n = r->integer;
    freeReplyObject(r);

    return n;
}


static long
keys_like(const char *pattern)
{
    long         n;
    redisReply  *r;

    r = redisCommand(redis.raw, "KEYS %s", pattern);
    n = r->elements;
    freeReplyObject(r);

    return n;
}


static void
add_site(uint64_t id, const char *name, int first)
{
    chat_site_t  site;
    chat_str_t   account = str("Boots Ltd");

    memset(&site, 0, sizeof(site));
    site.id = id;
    site.account = ACCOUNT;
    site.name = str(name);
    site.hosts = site.name;
    site.on = 1;

    must(chat_site_add_cmd(mem(), &site, first ? &account : NULL, 1));
}


static int
start(void **state)
{
    chat_operator_t  who;

    assert_true(sodium_init() >= 0);
    redis_start(&redis, NULL);
    heap = chat_heap_create(0);

    add_site(7, "shop.example", 1);
    add_site(8, "outlet.example", 0);

    assert_int_equal(crypto_pwhash_str(hash, "correct horse", 13,
                                       CHAT_PWHASH_OPS, CHAT_PWHASH_MEMORY),
                     0);

    memset(&who, 0, sizeof(who));
    who.id = OPERATOR;
    who.account = ACCOUNT;
    who.login = str("anna@boots.example");
    who.name = str("Anna Ёлкина");
    who.hash = str(hash);
    who.on = 1;
    must(chat_operator_add_cmd(mem(), &who, 7, CHAT_ROLE_OPERATOR, 1));

    return 0;
}


static int
stop(void **state)
{
    redis_stop(&redis);
    chat_heap_destroy(heap);

    return 0;
}


static int
forget_throttle(void **state)
{
    size_t       i;
    redisReply  *r;

    chat_op_release(&op);
    chat_heap_reset(heap);

    r = redisCommand(redis.raw, "KEYS chat:{g}:throttle:*");

    for (i = 0; i < r->elements; i++) {
        freeReplyObject(redisCommand(redis.raw, "DEL %s",
                                     r->element[i]->str));
    }

    freeReplyObject(r);

    return 0;
}


/* 0, or the error. */

static int
run(const chat_step_t *steps, void *ctx)
{
    chat_op_release(&op);
    memset(&op, 0, sizeof(op));
    chat_op_start(&op, "test", steps, chat_sync_host(redis.sync), mem(), ctx);

    return chat_sync_run(redis.sync, &op) == CHAT_DONE ? 0 : op.error;
}


static int
login(chat_admin_login_t *l, const char *name, const char *password)
{
    memset(l, 0, sizeof(chat_admin_login_t));
    l->login = str(name);
    l->password = str(password);
    l->address = str("47f000001");
    l->ip = str("127.0.0.1");
    l->agent = str("Mozilla/5.0 (X11; Linux x86_64)");

    return run(chat_admin_login_steps, l);
}


/* What the server does with a cookie: CHAT_OK, or CHAT_DECLINED. */

static int
session_of(chat_admin_login_t *l, chat_session_rec_t *s)
{
    int            rc;
    redisReply    *r;
    chat_str_t     cookie, hex;
    unsigned char  raw[CHAT_ADMIN_HASH_LEN], *p;

    cookie.data = l->cookie;
    cookie.len = CHAT_ADMIN_COOKIE_LEN;
    assert_int_equal(chat_admin_cookie_hash(&cookie, raw), CHAT_OK);

    p = chat_mem_alloc(mem(), CHAT_ADMIN_HASH_LEN * 2);
    hex.data = p;
    hex.len = chat_hex_print(p, raw, sizeof(raw)) - p;

    r = chat_sync_call(redis.sync, chat_session_get_cmd(mem(), &hex));
    rc = chat_session_parse(r, s, mem());

    /* only numbers are used after this */
    s->csrf.len = 0;
    s->agent.len = 0;
    s->ip.len = 0;
    freeReplyObject(r);

    return rc;
}


static void
a_session_from_login_to_logout(void **state)
{
    chat_admin_me_t      me;
    chat_site_view_t    *site;
    chat_admin_login_t   l;
    chat_session_rec_t   s;
    chat_admin_logout_t  out;

    assert_int_equal(login(&l, "Anna@Boots.Example", "correct horse"), 0);
    assert_true(chat_str_eq_c(&l.me.operator.name, "Anna Ёлкина"));

    /* his role is on one of the account's two sites */

    assert_int_equal(l.me.sites.n, 1);
    site = l.me.sites.elts;
    assert_true(chat_str_eq_c(&site->name, "shop.example"));
    assert_int_equal(site->role, CHAT_ROLE_OPERATOR);

    assert_int_equal(session_of(&l, &s), CHAT_OK);
    assert_int_equal(s.operator_id, OPERATOR);
    assert_int_equal(s.account, ACCOUNT);
    assert_int_equal(s.site, 0);
    assert_int_equal(s.expires_s - s.created_s, CHAT_ADMIN_SESSION_S);

    assert_int_equal(keys_like("chat:{g}:session:*"), 1);
    assert_int_equal(number("ZCARD chat:{g}:operator:5:sessions"), 1);

    memset(&me, 0, sizeof(me));
    me.session = s;
    assert_int_equal(run(chat_admin_me_steps, &me), 0);
    assert_int_equal(me.me.operator.id, OPERATOR);
    assert_int_equal(me.me.sites.n, 1);

    memset(&out, 0, sizeof(out));
    memcpy(out.hash, l.hash, sizeof(l.hash));
    out.session = s;
    assert_int_equal(run(chat_admin_logout_steps, &out), 0);
    assert_int_equal(session_of(&l, &s), CHAT_DECLINED);
    assert_int_equal(keys_like("chat:{g}:session:*"), 0);
    assert_int_equal(number("ZCARD chat:{g}:operator:5:sessions"), 0);

    /* twice is no error */

    assert_int_equal(run(chat_admin_logout_steps, &out), 0);
}


static void
wrong_passwords(void **state)
{
    int                 i;
    chat_admin_login_t  l;

    assert_int_equal(login(&l, "anna@boots.example", "Correct horse"),
                     CHAT_E_BAD_CREDENTIALS);
    assert_int_equal(login(&l, "nobody@boots.example", "correct horse"),
                     CHAT_E_BAD_CREDENTIALS);
    assert_int_equal(keys_like("chat:{g}:session:*"), 0);
    assert_int_equal(keys_like("chat:{g}:throttle:*"), 3);

    for (i = 1; i < CHAT_ADMIN_THROTTLE_LOGIN; i++) {
        assert_int_equal(login(&l, "anna@boots.example", "?"),
                         CHAT_E_BAD_CREDENTIALS);
    }

    assert_int_equal(login(&l, "anna@boots.example", "correct horse"),
                     CHAT_E_THROTTLED);
    assert_in_range(op.retry_ms, (CHAT_ADMIN_THROTTLE_S - 60) * 1000,
                    CHAT_ADMIN_THROTTLE_S * 1000);
}


static void
success_clears_the_count(void **state)
{
    redisReply          *r;
    chat_admin_login_t   l;

    login(&l, "anna@boots.example", "?");
    assert_int_equal(login(&l, "anna@boots.example", "correct horse"), 0);

    /* the address keeps the failure, and both keys expire */

    assert_int_equal(keys_like("chat:{g}:throttle:*"), 1);

    r = redisCommand(redis.raw, "EVAL %s 0",
                     "local k = redis.call('KEYS', 'chat:{g}:throttle:*')[1]"
                     " return {redis.call('GET', k), redis.call('TTL', k)}");
    assert_string_equal(r->element[0]->str, "1");
    assert_in_range(r->element[1]->integer, 1, CHAT_ADMIN_THROTTLE_S);
    freeReplyObject(r);
}


static void
list_and_revoke(void **state)
{
    chat_str_t              id;
    chat_admin_login_t      a, b;
    chat_session_rec_t      s;
    chat_session_info_t    *info;
    chat_admin_revoke_t     revoke;
    chat_admin_sessions_t   list;

    /* two browsers; what the last test left is ended by its id, too */

    assert_int_equal(login(&a, "anna@boots.example", "correct horse"), 0);
    assert_int_equal(login(&b, "anna@boots.example", "correct horse"), 0);
    assert_int_equal(session_of(&b, &s), CHAT_OK);

    memset(&list, 0, sizeof(list));
    memcpy(list.hash, b.hash, sizeof(b.hash));
    list.session = s;
    assert_int_equal(run(chat_admin_sessions_steps, &list), 0);
    assert_int_equal(list.view.sessions.n, 3);

    info = list.view.sessions.elts;
    assert_int_equal(info[0].current + info[1].current + info[2].current, 1);
    assert_true(chat_str_eq_c(&info[0].ip, "127.0.0.1"));
    assert_true(chat_str_eq_c(&info[0].agent,
                              "Mozilla/5.0 (X11; Linux x86_64)"));

    while (info->current) {
        info++;
    }

    assert_int_equal(chat_mem_dup(mem(), &id, &info->id), CHAT_OK);

    memset(&revoke, 0, sizeof(revoke));
    memcpy(revoke.hash, b.hash, sizeof(b.hash));
    revoke.session = s;
    revoke.id = id;
    assert_int_equal(run(chat_admin_revoke_steps, &revoke), 0);
    assert_false(revoke.current);

    assert_int_equal(run(chat_admin_revoke_steps, &revoke),
                     CHAT_E_NOT_FOUND);
    assert_int_equal(number("ZCARD chat:{g}:operator:5:sessions"), 2);
    assert_int_equal(session_of(&b, &s), CHAT_OK);
}


static void
switched_off(void **state)
{
    chat_admin_login_t  l;

    freeReplyObject(redisCommand(redis.raw,
                                 "HSET chat:{g}:operator:5 status off"));
    assert_int_equal(login(&l, "anna@boots.example", "correct horse"),
                     CHAT_E_BAD_CREDENTIALS);
    freeReplyObject(redisCommand(redis.raw,
                                 "HSET chat:{g}:operator:5 status on"));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
#define unit(t)  cmocka_unit_test_teardown(t, forget_throttle)
        unit(a_session_from_login_to_logout),
        unit(wrong_passwords),
        unit(success_clears_the_count),
        unit(list_and_revoke),
        unit(switched_off),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
