
/*
 * The registry: what is written is read back, names, hosts and logins are
 * unique whoever is faster, every change is told.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat_store.h"
#include "chat_str.h"
#include "redis.h"
#include "slice.h"


static redis_server_t   redis;
static chat_heap_t     *heap;


/* A call; the reply lives in `last` until the next one. */

static redisReply  *last;

static redisReply *
call(chat_cmd_t *c)
{
    freeReplyObject(last);
    last = chat_sync_call(redis.sync, c);
    assert_non_null(last);

    return last;
}


static chat_commit_result_t
commit(chat_cmd_t *c)
{
    chat_commit_result_t  res;

    assert_int_equal(chat_commit_parse(call(c), &res), CHAT_OK);

    return res;
}


static void
committed(chat_cmd_t *c)
{
    assert_int_equal(commit(c).outcome, CHAT_WRITE_OK);
}


static void
conflict(chat_cmd_t *c, const char *found)
{
    chat_commit_result_t  res;

    res = commit(c);
    assert_int_equal(res.outcome, CHAT_WRITE_CONFLICT);

    if (!chat_str_eq_c(&res.found, found)) {
        fail_msg("found \"%.*s\"", (int) res.found.len, res.found.data);
    }
}


/* Body of the newest account_changed. */

static chat_ev_account_changed_t
told(void)
{
    redisReply                 *r;
    chat_str_t                  header, body;
    chat_entry_t                e;
    chat_fault_t                fault;
    chat_ev_account_changed_t   ev;

    r = redisCommand(redis.raw, "XREVRANGE chat:{g}:log + - COUNT 1");
    assert_non_null(r);
    assert_int_equal(r->elements, 1);

    header.data = (unsigned char *) r->element[0]->element[1]->element[1]->str;
    header.len = r->element[0]->element[1]->element[1]->len;
    body.data = (unsigned char *) r->element[0]->element[1]->element[3]->str;
    body.len = r->element[0]->element[1]->element[3]->len;

    assert_int_equal(chat_entry_parse(&header, &body, &e), CHAT_OK);
    assert_int_equal(e.event, CHAT_EV_ACCOUNT_CHANGED);
    assert_int_equal(chat_body_decode(&chat_ev_account_changed_type, &e.body,
                                      &ev, chat_heap_mem(heap), &fault),
                     CHAT_OK);
    assert_int_equal(e.account, ev.account);
    freeReplyObject(r);

    return ev;
}


static chat_mem_t *
mem(void)
{
    return chat_heap_mem(heap);
}


static chat_site_t
site(uint64_t id, const char *name, const char *hosts)
{
    chat_site_t  s;

    memset(&s, 0, sizeof(s));

    s.id = id;
    s.account = 1;
    s.name = str(name);
    s.hosts = str(hosts);
    s.on = 1;
    s.rules.idle_ms = 600000;
    s.rules.accept_ms = 60000;

    return s;
}


static chat_cmd_t *
add_site(chat_site_t s, const char *account)
{
    chat_str_t  name;

    name = str(account ? account : "");

    return chat_site_add_cmd(mem(), &s, account ? &name : NULL, 1000);
}


static chat_operator_t
person(uint64_t id, const char *login)
{
    chat_operator_t  o;

    memset(&o, 0, sizeof(o));

    o.id = id;
    o.account = 1;
    o.login = str(login);
    o.name = str("Olga");
    o.hash = str("$argon2id$...");
    o.on = 1;

    return o;
}


static chat_cmd_t *
add_person(chat_operator_t o, uint64_t on_site, int role)
{
    return chat_operator_add_cmd(mem(), &o, on_site, role, 1000);
}


static void
store(void **state)
{
    uint64_t    major, partitions;
    chat_str_t  id, mine;

    assert_int_equal(chat_store_parse(call(chat_store_get_cmd(mem())),
                                      &major, &partitions, &id),
                     CHAT_DECLINED);

    mine = str("00112233445566ff");
    committed(chat_store_init_cmd(mem(), &mine, 5));
    conflict(chat_store_init_cmd(mem(), &mine, 6), "2");

    assert_int_equal(chat_store_parse(call(chat_store_get_cmd(mem())),
                                      &major, &partitions, &id),
                     CHAT_OK);
    assert_int_equal(major, CHAT_STORE_MAJOR);
    assert_int_equal(partitions, CHAT_PARTITIONS);
    assert_true(chat_str_eq(&id, &mine));

    redis_ask(&redis, "HSET chat:{g}:store partitions x");
    assert_int_equal(chat_store_parse(call(chat_store_get_cmd(mem())),
                                      &major, &partitions, &id),
                     CHAT_ERROR);

    assert_int_equal(call(chat_next_cmd(mem(), "site"))->integer, 1);
    assert_int_equal(call(chat_next_cmd(mem(), "site"))->integer, 2);
    assert_int_equal(call(chat_next_cmd(mem(), "kid"))->integer, 1);
}


static void
keys(void **state)
{
    unsigned     i;
    chat_key_t   key;
    chat_keys_t  ring;

    static const uint32_t  kids[] = { 3, 1, UINT32_MAX, 2, 7, 5 };

    assert_int_equal(chat_keys_parse(call(chat_keys_get_cmd(mem())), &ring),
                     CHAT_DECLINED);

    for (i = 0; i < 6; i++) {
        key.kid = kids[i];
        memset(key.key, kids[i] & 0xff, sizeof(key.key));
        committed(chat_keys_add_cmd(mem(), &key));
    }

    assert_int_equal(told().account, 0);

    key.kid = 3;
    memset(key.key, 0, sizeof(key.key));
    assert_int_equal(commit(chat_keys_add_cmd(mem(), &key)).outcome,
                     CHAT_WRITE_CONFLICT);

    /* the newest four, newest first */

    assert_int_equal(chat_keys_parse(call(chat_keys_get_cmd(mem())), &ring),
                     CHAT_OK);
    assert_int_equal(ring.n, 4);
    assert_int_equal(ring.keys[0].kid, UINT32_MAX);
    assert_int_equal(ring.keys[1].kid, 7);
    assert_int_equal(ring.keys[2].kid, 5);
    assert_int_equal(ring.keys[3].kid, 3);
    assert_int_equal(ring.keys[1].key[31], 7);

    redis_ask(&redis, "HSET chat:{g}:keys 8 nothex");
    assert_int_equal(chat_keys_parse(call(chat_keys_get_cmd(mem())), &ring),
                     CHAT_ERROR);
}


static void
sites(void **state)
{
    chat_site_t  s;
    chat_str_t   name;

    /* an account comes with its first site, or not at all */

    conflict(add_site(site(1, "shop", "shop.example"), NULL), "");
    committed(add_site(site(1, "shop", "shop.example www.shop.example"),
                       "Shops"));
    assert_int_equal(told().account, 1);
    assert_false(told().operator);

    assert_int_equal(chat_site_parse(call(chat_site_get_cmd(mem(), 1)), &s,
                                     mem()), CHAT_OK);
    assert_int_equal(s.id, 1);
    assert_int_equal(s.account, 1);
    assert_true(chat_str_eq_c(&s.name, "shop"));
    assert_true(chat_str_eq_c(&s.hosts, "shop.example www.shop.example"));
    assert_true(s.on);
    assert_int_equal(s.rev, 1);
    assert_int_equal(s.rules.idle_ms, 600000);
    assert_int_equal(s.rules.accept_ms, 60000);

    name = str("www.shop.example");
    assert_string_equal(call(chat_host_get_cmd(mem(), &name))->str, "1");
    name = str("shop");
    assert_string_equal(call(chat_site_name_cmd(mem(), &name))->str, "1");
    name = str("Shop");
    assert_int_equal(call(chat_site_name_cmd(mem(), &name))->type,
                     REDIS_REPLY_NIL);

    /* name, any host, id, account: all or nothing */

    conflict(add_site(site(2, "shop", "other.example"), NULL), "1");
    conflict(add_site(site(2, "two", "two.example www.shop.example"), NULL),
             "1");
    conflict(add_site(site(2, "two", "two.example"), "Again"), "Shops");
    conflict(add_site(site(1, "two", "two.example"), NULL), "1");

    name = str("two.example");
    assert_int_equal(call(chat_host_get_cmd(mem(), &name))->type,
                     REDIS_REPLY_NIL);
    assert_int_equal(chat_site_parse(call(chat_site_get_cmd(mem(), 2)), &s,
                                     mem()), CHAT_DECLINED);

    committed(add_site(site(2, "two", "  two.example "), NULL));
    assert_string_equal(call(chat_host_get_cmd(mem(), &name))->str, "2");
    assert_int_equal(call(chat_account_sites_cmd(mem(), 1))->elements, 2);
    assert_int_equal(call(chat_accounts_list_cmd(mem()))->elements, 1);
    assert_int_equal(call(chat_account_get_cmd(mem(), 1))->elements, 6);

    redis_ask(&redis, "HSET chat:{g}:site:2 idle_ms -1");
    assert_int_equal(chat_site_parse(call(chat_site_get_cmd(mem(), 2)), &s,
                                     mem()), CHAT_ERROR);
}


/* Two nodes meet the same new vhost at the same time. */

static void
site_race(void **state)
{
    int                    i, won;
    redisReply            *r;
    chat_str_t             host;
    chat_sync_t           *other[4];
    chat_commit_result_t   res;

    for (i = 0; i < 4; i++) {
        other[i] = redis_connect(&redis);
        assert_int_equal(chat_sync_send(other[i],
                             add_site(site(10 + i, i % 2 ? "one" : "another",
                                           "same.example"),
                                      i ? NULL : "Racer")),
                         CHAT_OK);
    }

    for (i = 0, won = 0; i < 4; i++) {
        r = chat_sync_recv(other[i]);
        assert_int_equal(chat_commit_parse(r, &res), CHAT_OK);

        if (res.outcome == CHAT_WRITE_OK) {
            won++;
            host = str("same.example");
            assert_int_equal(atoi(call(chat_host_get_cmd(mem(),
                                                         &host))->str),
                             10 + i);
        } else {
            assert_int_equal(res.outcome, CHAT_WRITE_CONFLICT);
        }

        freeReplyObject(r);
        chat_sync_close(other[i]);
    }

    assert_int_equal(won, 1);
    assert_string_equal(redis_ask(&redis, "HLEN chat:{g}:hosts"), "1");
    assert_string_equal(redis_ask(&redis, "HLEN chat:{g}:sites"), "1");
}


static void
people(void **state)
{
    chat_str_t        login, hash;
    chat_roles_t      roles;
    chat_operator_t   o;

    conflict(add_person(person(1, "olga"), 0, CHAT_ROLE_OWNER), "");
    committed(add_site(site(1, "shop", "shop.example"), "Shops"));

    committed(add_person(person(1, "olga"), 0, CHAT_ROLE_OWNER));
    conflict(add_person(person(2, "olga"), 0, CHAT_ROLE_OWNER), "1");
    conflict(add_person(person(1, "ivan"), 0, CHAT_ROLE_OWNER), "1");
    assert_null(add_person(person(2, "ivan"), 0, CHAT_ROLE_MAX));
    committed(add_person(person(2, "ivan"), 3, CHAT_ROLE_OPERATOR));

    login = str("olga");
    assert_string_equal(call(chat_login_get_cmd(mem(), &login))->str, "1");
    assert_int_equal(call(chat_account_operators_cmd(mem(), 1))->elements,
                     2);

    assert_int_equal(chat_operator_parse(call(chat_operator_get_cmd(mem(),
                                                                    1)),
                                         &o, mem()), CHAT_OK);
    assert_int_equal(o.id, 1);
    assert_int_equal(o.account, 1);
    assert_true(o.on);
    assert_true(chat_str_eq_c(&o.name, "Olga"));
    assert_true(chat_str_eq_c(&o.hash, "$argon2id$..."));
    assert_int_equal(chat_operator_parse(call(chat_operator_get_cmd(mem(),
                                                                    9)),
                                         &o, mem()), CHAT_DECLINED);

    /* a password is changed within its account only */

    hash = str("$argon2id$new");
    conflict(chat_operator_hash_cmd(mem(), 2, 1, &hash), "1");
    conflict(chat_operator_hash_cmd(mem(), 1, 9, &hash), "");
    committed(chat_operator_hash_cmd(mem(), 1, 1, &hash));
    assert_int_equal(told().operator, 1);
    assert_int_equal(chat_operator_parse(call(chat_operator_get_cmd(mem(),
                                                                    1)),
                                         &o, mem()), CHAT_OK);
    assert_true(chat_str_eq(&o.hash, &hash));
    assert_int_equal(o.rev, 2);

    /* roles: of a site before those of all; unknown ones are none */

    assert_int_equal(chat_roles_parse(call(chat_roles_get_cmd(mem(), 9)),
                                      &roles, mem()), CHAT_DECLINED);
    assert_int_equal(chat_roles_parse(call(chat_roles_get_cmd(mem(), 2)),
                                      &roles, mem()), CHAT_OK);
    assert_int_equal(chat_roles_of(&roles, 3), CHAT_ROLE_OPERATOR);
    assert_int_equal(chat_roles_of(&roles, 4), 0);

    redis_ask(&redis, "HSET chat:{g}:operator:1:roles 5 analyst 6 king");
    assert_int_equal(chat_roles_parse(call(chat_roles_get_cmd(mem(), 1)),
                                      &roles, mem()), CHAT_OK);
    assert_int_equal(roles.n, 2);
    assert_int_equal(chat_roles_of(&roles, 4), CHAT_ROLE_OWNER);
    assert_int_equal(chat_roles_of(&roles, 5), CHAT_ROLE_ANALYST);

    redis_ask(&redis, "HSET chat:{g}:operator:1:roles x owner");
    assert_int_equal(chat_roles_parse(call(chat_roles_get_cmd(mem(), 1)),
                                      &roles, mem()), CHAT_ERROR);
}


static void
sessions(void **state)
{
    uint64_t             now;
    chat_str_t           hash, agent;
    chat_session_rec_t   s, got;

    committed(add_site(site(1, "shop", "shop.example"), "Shops"));
    committed(add_person(person(1, "olga"), 0, CHAT_ROLE_OWNER));

    now = chat_sync_now(redis.sync) / 1000;

    memset(&s, 0, sizeof(s));
    s.operator_id = 1;
    s.account = 1;
    s.site = 3;
    s.csrf = str("secret");
    s.created_s = now;
    s.expires_s = now + 100;
    agent = str("Mozilla");

    /* one that expired long ago is swept from the list */

    redis_ask(&redis, "ZADD chat:{g}:operator:1:sessions 5 old");

    hash = str("aaaa");
    committed(chat_session_add_cmd(mem(), &hash, &s, &agent, NULL));

    assert_int_equal(chat_session_parse(call(chat_session_get_cmd(mem(),
                                                                  &hash)),
                                        &got, mem()), CHAT_OK);
    assert_int_equal(got.operator_id, 1);
    assert_int_equal(got.account, 1);
    assert_int_equal(got.site, 3);
    assert_true(chat_str_eq_c(&got.csrf, "secret"));
    assert_true(chat_str_eq_c(&got.agent, "Mozilla"));
    assert_int_equal(got.ip.len, 0);
    assert_int_equal(got.expires_s, now + 100);

    assert_in_range(atoi(redis_ask(&redis, "TTL chat:{g}:session:aaaa")), 90,
                    100);
    assert_int_equal(call(chat_sessions_list_cmd(mem(), 1))->elements, 2);

    committed(chat_session_del_cmd(mem(), &hash, &s));
    assert_int_equal(told().operator, 1);
    assert_int_equal(chat_session_parse(call(chat_session_get_cmd(mem(),
                                                                  &hash)),
                                        &got, mem()), CHAT_DECLINED);
    assert_int_equal(call(chat_sessions_list_cmd(mem(), 1))->elements, 0);

    /* switched off between the password check and the session */

    redis_ask(&redis, "HSET chat:{g}:operator:1 status off");
    conflict(chat_session_add_cmd(mem(), &hash, &s, &agent, &agent), "off");
    s.operator_id = 9;
    conflict(chat_session_add_cmd(mem(), &hash, &s, &agent, &agent), "");
}


static int
reset(void **state)
{
    chat_heap_reset(heap);
    redis_ask(&redis, "FLUSHALL");

    return 0;
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
    freeReplyObject(last);
    redis_stop(&redis);
    chat_heap_destroy(heap);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(store, reset),
        cmocka_unit_test_setup(keys, reset),
        cmocka_unit_test_setup(sites, reset),
        cmocka_unit_test_setup(site_race, reset),
        cmocka_unit_test_setup(people, reset),
        cmocka_unit_test_setup(sessions, reset),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
