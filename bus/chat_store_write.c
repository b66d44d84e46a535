
/*
 * Writes to the registry: each is one commit in the global slot, guarded
 * against whoever does the same at the same time, with an account_changed
 * event so that every worker drops what it has cached.
 */

#include "chat_store.h"
#include "chat_str.h"


/* A commit in the making. */
typedef struct {
    chat_mem_t          *mem;
    chat_commit_t       *commit;
} chat_registry_t;


static int chat_registry_begin(chat_registry_t *r, chat_mem_t *mem);
static void chat_registry_changed(chat_registry_t *r, uint64_t account,
    uint64_t operator_id);
static void chat_registry_account(chat_registry_t *r, uint64_t id,
    const chat_str_t *name, uint64_t now_ms);
static void chat_registry_hosts(chat_registry_t *r, const chat_site_t *s,
    const chat_str_t *id);
static void chat_registry_login(chat_registry_t *r, const chat_str_t *hash,
    const chat_session_rec_t *s);
static void chat_registry_command(chat_registry_t *r, const char *command,
    const chat_str_t *key, const chat_str_t *value);
static void chat_registry_number(chat_registry_t *r, const chat_str_t *key,
    const char *field, uint64_t v);


static const chat_str_t  chat_on = chat_string("on");
static const chat_str_t  chat_off = chat_string("off");


chat_cmd_t *
chat_store_init_cmd(chat_mem_t *mem, const chat_str_t *id, uint64_t now_ms)
{
    chat_str_t       key;
    chat_registry_t  r;

    if (chat_registry_begin(&r, mem) != CHAT_OK) {
        return NULL;
    }

    key = chat_key_global(mem, "store");

    chat_commit_check(r.commit, &key, "major", '!', NULL);

    chat_registry_number(&r, &key, "major", CHAT_STORE_MAJOR);
    chat_registry_number(&r, &key, "partitions", CHAT_PARTITIONS);
    chat_registry_number(&r, &key, "created_ms", now_ms);
    chat_commit_hset(r.commit, &key, "id", id);

    return chat_commit_cmd(r.commit, 0);
}


chat_cmd_t *
chat_keys_add_cmd(chat_mem_t *mem, const chat_key_t *key)
{
    chat_str_t        name, hex;
    unsigned char    *p;
    chat_registry_t   r;

    /* kid is the field's name: it must end with a zero */

    p = chat_mem_alloc(mem, 11 + 2 * CHAT_KEY_BYTES);
    if (p == NULL || chat_registry_begin(&r, mem) != CHAT_OK) {
        return NULL;
    }

    *chat_u64_print(p, key->kid) = '\0';

    hex.data = p + 11;
    hex.len = chat_hex_print(hex.data, key->key, CHAT_KEY_BYTES) - hex.data;

    name = chat_key_global(mem, "keys");

    chat_commit_check(r.commit, &name, (char *) p, '!', NULL);
    chat_commit_hset(r.commit, &name, (char *) p, &hex);

    chat_registry_changed(&r, 0, 0);

    return chat_commit_cmd(r.commit, 0);
}


chat_cmd_t *
chat_account_add_cmd(chat_mem_t *mem, uint64_t id, const chat_str_t *name,
    uint64_t now_ms)
{
    chat_registry_t  r;

    if (chat_registry_begin(&r, mem) != CHAT_OK) {
        return NULL;
    }

    chat_registry_account(&r, id, name, now_ms);
    chat_registry_changed(&r, id, 0);

    return chat_commit_cmd(r.commit, 0);
}


static void
chat_registry_account(chat_registry_t *r, uint64_t id,
    const chat_str_t *name, uint64_t now_ms)
{
    chat_str_t  key, number;

    key = chat_key_owner(r->mem, id);

    chat_commit_check(r->commit, &key, "name", '!', NULL);

    chat_commit_hset(r->commit, &key, "name", name);
    chat_registry_number(r, &key, "created_ms", now_ms);
    chat_registry_number(r, &key, "rev", 1);

    key = chat_key_global(r->mem, "accounts");
    number = chat_commit_u64(r->commit, id);

    chat_commit_zadd(r->commit, &key, &number, &number);
}


chat_cmd_t *
chat_site_add_cmd(chat_mem_t *mem, const chat_site_t *s,
    const chat_str_t *account_name, uint64_t now_ms)
{
    chat_str_t       key, id;
    chat_registry_t  r;

    if (chat_registry_begin(&r, mem) != CHAT_OK) {
        return NULL;
    }

    id = chat_commit_u64(r.commit, s->id);

    chat_registry_hosts(&r, s, &id);

    if (account_name) {
        chat_registry_account(&r, s->account, account_name, now_ms);

    } else {
        key = chat_key_owner(mem, s->account);
        chat_commit_check(r.commit, &key, "name", '?', NULL);
    }

    key = chat_key_site(mem, s->id);

    chat_commit_check(r.commit, &key, "id", '!', NULL);

    chat_commit_hset(r.commit, &key, "id", &id);
    chat_commit_hset(r.commit, &key, "name", &s->name);
    chat_commit_hset(r.commit, &key, "hosts", &s->hosts);
    chat_commit_hset(r.commit, &key, "status", s->on ? &chat_on : &chat_off);
    chat_registry_number(&r, &key, "account", s->account);
    chat_registry_number(&r, &key, "rev", 1);
    chat_registry_number(&r, &key, "idle_ms", s->rules.idle_ms);
    chat_registry_number(&r, &key, "accept_ms", s->rules.accept_ms);

    key = chat_key_owned(mem, s->account, "sites");
    chat_commit_zadd(r.commit, &key, &id, &id);

    chat_registry_changed(&r, s->account, 0);

    return chat_commit_cmd(r.commit, 0);
}


/*
 * Name and hosts are unique in the store; the checks come first, so that a
 * conflict tells whose they are.
 */

static void
chat_registry_hosts(chat_registry_t *r, const chat_site_t *s,
    const chat_str_t *id)
{
    char           *field;
    chat_str_t      sites, hosts;
    unsigned char  *p, *last, *end;

    sites = chat_key_global(r->mem, "sites");
    hosts = chat_key_global(r->mem, "hosts");

    field = chat_mem_alloc(r->mem, s->name.len + 1);
    if (field == NULL) {
        chat_commit_fail(r->commit);
        return;
    }

    memcpy(field, s->name.data, s->name.len);

    chat_commit_check(r->commit, &sites, field, '!', NULL);
    chat_commit_hset(r->commit, &sites, field, id);

    last = s->hosts.data + s->hosts.len;

    for (p = s->hosts.data; p < last; p = end + 1) {

        end = memchr(p, ' ', last - p);
        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        field = chat_mem_alloc(r->mem, end - p + 1);
        if (field == NULL) {
            chat_commit_fail(r->commit);
            return;
        }

        memcpy(field, p, end - p);

        chat_commit_check(r->commit, &hosts, field, '!', NULL);
        chat_commit_hset(r->commit, &hosts, field, id);
    }
}


chat_cmd_t *
chat_operator_add_cmd(chat_mem_t *mem, const chat_operator_t *o,
    uint64_t site, int role, uint64_t now_ms)
{
    char            *login, *field;
    chat_str_t       key, id, name;
    chat_registry_t  r;

    if (role <= 0
        || role >= CHAT_ROLE_MAX
        || chat_registry_begin(&r, mem) != CHAT_OK)
    {
        return NULL;
    }

    login = chat_mem_alloc(mem, o->login.len + 1);
    field = chat_mem_alloc(mem, 21);
    if (login == NULL || field == NULL) {
        return NULL;
    }

    memcpy(login, o->login.data, o->login.len);
    id = chat_commit_u64(r.commit, o->id);

    key = chat_key_global(mem, "login");
    chat_commit_check(r.commit, &key, login, '!', NULL);
    chat_commit_hset(r.commit, &key, login, &id);

    key = chat_key_owner(mem, o->account);
    chat_commit_check(r.commit, &key, "name", '?', NULL);

    key = chat_key_person(mem, o->id);
    chat_commit_check(r.commit, &key, "id", '!', NULL);

    chat_commit_hset(r.commit, &key, "id", &id);
    chat_commit_hset(r.commit, &key, "login", &o->login);
    chat_commit_hset(r.commit, &key, "name", &o->name);
    chat_commit_hset(r.commit, &key, "hash", &o->hash);
    chat_commit_hset(r.commit, &key, "status", o->on ? &chat_on : &chat_off);
    chat_registry_number(&r, &key, "account", o->account);
    chat_registry_number(&r, &key, "rev", 1);
    chat_registry_number(&r, &key, "created_ms", now_ms);

    key = chat_key_owned(mem, o->account, "operators");
    chat_commit_zadd(r.commit, &key, &id, &id);

    if (site) {
        chat_u64_print((unsigned char *) field, site);
    } else {
        field[0] = '*';
    }

    key = chat_key_roles(mem, o->id);
    name.data = (unsigned char *) chat_role_names[role];
    name.len = strlen(chat_role_names[role]);
    chat_commit_hset(r.commit, &key, field, &name);

    chat_registry_changed(&r, o->account, 0);

    return chat_commit_cmd(r.commit, 0);
}


/* Guarded by the account: nobody changes a password across tenants. */

chat_cmd_t *
chat_operator_hash_cmd(chat_mem_t *mem, uint64_t account, uint64_t id,
    const chat_str_t *hash)
{
    chat_str_t       key, number, argv[4];
    chat_registry_t  r;

    if (chat_registry_begin(&r, mem) != CHAT_OK) {
        return NULL;
    }

    key = chat_key_person(mem, id);
    number = chat_commit_u64(r.commit, account);

    chat_commit_check(r.commit, &key, "account", '=', &number);
    chat_commit_hset(r.commit, &key, "hash", hash);

    chat_str_set(&argv[0], "HINCRBY");
    argv[1] = key;
    chat_str_set(&argv[2], "rev");
    chat_str_set(&argv[3], "1");
    chat_commit_write(r.commit, argv, 4);

    chat_registry_changed(&r, account, id);

    return chat_commit_cmd(r.commit, 0);
}


chat_cmd_t *
chat_session_add_cmd(chat_mem_t *mem, const chat_str_t *hash,
    const chat_session_rec_t *s, const chat_str_t *agent,
    const chat_str_t *ip)
{
    chat_str_t       key;
    chat_registry_t  r;

    if (chat_registry_begin(&r, mem) != CHAT_OK) {
        return NULL;
    }

    key = chat_key_person(mem, s->operator_id);
    chat_commit_check(r.commit, &key, "status", '=', &chat_on);

    key = chat_key_session(mem, hash);

    chat_registry_number(&r, &key, "operator", s->operator_id);
    chat_registry_number(&r, &key, "account", s->account);
    chat_registry_number(&r, &key, "site", s->site);
    chat_registry_number(&r, &key, "created_s", s->created_s);
    chat_registry_number(&r, &key, "expires_s", s->expires_s);
    chat_commit_hset(r.commit, &key, "csrf", &s->csrf);

    if (agent) {
        chat_commit_hset(r.commit, &key, "agent", agent);
    }

    if (ip) {
        chat_commit_hset(r.commit, &key, "ip", ip);
    }

    chat_registry_login(&r, hash, s);

    return chat_commit_cmd(r.commit, 0);
}


/* Expiry of the session, and its place among the operator's. */

static void
chat_registry_login(chat_registry_t *r, const chat_str_t *hash,
    const chat_session_rec_t *s)
{
    chat_str_t  key, expires, argv[4];

    key = chat_key_session(r->mem, hash);
    expires = chat_commit_u64(r->commit, s->expires_s);

    chat_registry_command(r, "EXPIREAT", &key, &expires);

    key = chat_key_sessions(r->mem, s->operator_id);
    chat_commit_zadd(r->commit, &key, &expires, hash);

    chat_str_set(&argv[0], "ZREMRANGEBYSCORE");
    argv[1] = key;
    chat_str_set(&argv[2], "-inf");
    argv[3] = chat_commit_u64(r->commit, s->created_s);
    chat_commit_write(r->commit, argv, 4);
}


chat_cmd_t *
chat_session_del_cmd(chat_mem_t *mem, const chat_str_t *hash,
    const chat_session_rec_t *s)
{
    chat_str_t       key;
    chat_registry_t  r;

    if (chat_registry_begin(&r, mem) != CHAT_OK) {
        return NULL;
    }

    key = chat_key_session(mem, hash);
    chat_registry_command(&r, "DEL", &key, NULL);

    key = chat_key_sessions(mem, s->operator_id);
    chat_registry_command(&r, "ZREM", &key, hash);

    chat_registry_changed(&r, s->account, s->operator_id);

    /* logging out must be possible when the store is full */

    return chat_commit_cmd(r.commit, 1);
}


static int
chat_registry_begin(chat_registry_t *r, chat_mem_t *mem)
{
    r->mem = mem;
    r->commit = chat_commit_create(mem, CHAT_PARTITION_GLOBAL);

    return r->commit ? CHAT_OK : CHAT_ERROR;
}


static void
chat_registry_changed(chat_registry_t *r, uint64_t account,
    uint64_t operator_id)
{
    chat_entry_t                e;
    chat_ev_account_changed_t   body;

    memset(&body, 0, sizeof(body));

    body.account = account;
    chat_set(&body, CHAT_F_EV_ACCOUNT_CHANGED_ACCOUNT);

    if (operator_id) {
        body.operator = operator_id;
        chat_set(&body, CHAT_F_EV_ACCOUNT_CHANGED_OPERATOR);
    }

    memset(&e, 0, sizeof(e));

    e.event = CHAT_EV_ACCOUNT_CHANGED;
    e.account = account;
    e.body.len = chat_body_encode(&chat_ev_account_changed_type, &body, NULL,
                                  0);

    e.body.data = chat_mem_alloc(r->mem, e.body.len);
    if (e.body.data == NULL) {
        chat_commit_fail(r->commit);
        return;
    }

    (void) chat_body_encode(&chat_ev_account_changed_type, &body,
                            e.body.data, e.body.len);

    chat_commit_plain(r->commit, &e);
}


/* A command of a key and at most one value. */

static void
chat_registry_command(chat_registry_t *r, const char *command,
    const chat_str_t *key, const chat_str_t *value)
{
    chat_str_t  argv[3];

    argv[0].data = (unsigned char *) command;
    argv[0].len = strlen(command);
    argv[1] = *key;

    if (value) {
        argv[2] = *value;
    }

    chat_commit_write(r->commit, argv, value ? 3 : 2);
}


static void
chat_registry_number(chat_registry_t *r, const chat_str_t *key,
    const char *field, uint64_t v)
{
    chat_str_t  text;

    text = chat_commit_u64(r->commit, v);
    chat_commit_hset(r->commit, key, field, &text);
}
