
#include "chat_store.h"
#include "chat_str.h"


/* A record: how the fields of a hash go into a struct. */
typedef enum {
    CHAT_STORE_U64,
    CHAT_STORE_STR,
    CHAT_STORE_ON          /* int: the text is "on" */
} chat_store_kind_e;

typedef struct {
    const char          *name;
    chat_store_kind_e    kind;
    size_t               offset;
} chat_store_field_t;


static int chat_store_record(const redisReply *r,
    const chat_store_field_t *fields, void *out, chat_mem_t *mem);
static int chat_store_value(const chat_store_field_t *f,
    const chat_str_t *v, void *out);
static chat_cmd_t *chat_store_hgetall(chat_mem_t *mem,
    const chat_str_t *key);
static chat_cmd_t *chat_store_hget(chat_mem_t *mem, const char *what,
    const chat_str_t *field);
static chat_cmd_t *chat_store_zrange(chat_mem_t *mem,
    const chat_str_t *key);
static int chat_store_pairs(const redisReply *r, chat_str_t **pairs,
    size_t *n, chat_mem_t *mem);
static int chat_store_role(const chat_str_t *name);


#define chat_site_field(name, kind, member)                                  \
    { name, CHAT_STORE_ ## kind, offsetof(chat_site_t, member) }

static const chat_store_field_t  chat_site_fields[] = {
    chat_site_field("id", U64, id),
    chat_site_field("account", U64, account),
    chat_site_field("name", STR, name),
    chat_site_field("hosts", STR, hosts),
    chat_site_field("status", ON, on),
    chat_site_field("rev", U64, rev),
    chat_site_field("idle_ms", U64, rules.idle_ms),
    chat_site_field("accept_ms", U64, rules.accept_ms),
    { NULL, CHAT_STORE_STR, 0 }
};

#define chat_person_field(name, kind, member)                                \
    { name, CHAT_STORE_ ## kind, offsetof(chat_operator_t, member) }

static const chat_store_field_t  chat_person_fields[] = {
    chat_person_field("id", U64, id),
    chat_person_field("account", U64, account),
    chat_person_field("login", STR, login),
    chat_person_field("name", STR, name),
    chat_person_field("hash", STR, hash),
    chat_person_field("status", ON, on),
    chat_person_field("rev", U64, rev),
    { NULL, CHAT_STORE_STR, 0 }
};

#define chat_session_field(name, kind, member)                               \
    { name, CHAT_STORE_ ## kind, offsetof(chat_session_rec_t, member) }

static const chat_store_field_t  chat_session_fields[] = {
    chat_session_field("operator", U64, operator_id),
    chat_session_field("account", U64, account),
    chat_session_field("site", U64, site),
    chat_session_field("csrf", STR, csrf),
    chat_session_field("created_s", U64, created_s),
    chat_session_field("expires_s", U64, expires_s),
    chat_session_field("agent", STR, agent),
    chat_session_field("ip", STR, ip),
    { NULL, CHAT_STORE_STR, 0 }
};


chat_cmd_t *
chat_store_get_cmd(chat_mem_t *mem)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_global(mem, "store");

    c = chat_cmd_create(mem, 5);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "HMGET");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "major");
    chat_cmd_lit(c, "partitions");
    chat_cmd_lit(c, "id");

    return c;
}


int
chat_store_parse(const redisReply *r, uint64_t *major, uint64_t *partitions,
    chat_str_t *id)
{
    const redisReply  *first;

    first = chat_reply_at(r, 0);

    if (first && first->type == REDIS_REPLY_NIL) {
        return CHAT_DECLINED;
    }

    if (chat_reply_u64(first, major) != CHAT_OK
        || chat_reply_u64(chat_reply_at(r, 1), partitions) != CHAT_OK
        || chat_reply_str(chat_reply_at(r, 2), id) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    return CHAT_OK;
}


chat_cmd_t *
chat_next_cmd(chat_mem_t *mem, const char *counter)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_global(mem, "next");

    c = chat_cmd_create(mem, 4);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "HINCRBY");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, counter);
    chat_cmd_lit(c, "1");

    return c;
}


chat_cmd_t *
chat_keys_get_cmd(chat_mem_t *mem)
{
    chat_str_t  key;

    key = chat_key_global(mem, "keys");

    return chat_store_hgetall(mem, &key);
}


/* Newest first; beyond CHAT_KEYS_MAX the oldest are left out. */

int
chat_keys_parse(const redisReply *r, chat_keys_t *keys)
{
    size_t         i;
    uint32_t       at;
    uint64_t       kid;
    chat_str_t     hex;
    unsigned char  key[CHAT_KEY_BYTES];

    keys->n = 0;

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements % 2) {
        return CHAT_ERROR;
    }

    if (r->elements == 0) {
        return CHAT_DECLINED;
    }

    for (i = 0; i + 1 < r->elements; i += 2) {

        if (chat_reply_u64(r->element[i], &kid) != CHAT_OK
            || kid == 0
            || kid > UINT32_MAX
            || chat_reply_str(r->element[i + 1], &hex) != CHAT_OK
            || chat_hex_parse(&hex, key, CHAT_KEY_BYTES) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        for (at = keys->n; at && keys->keys[at - 1].kid < kid; at--) {
            if (at < CHAT_KEYS_MAX) {
                keys->keys[at] = keys->keys[at - 1];
            }
        }

        if (at < CHAT_KEYS_MAX) {
            keys->keys[at].kid = kid;
            memcpy(keys->keys[at].key, key, CHAT_KEY_BYTES);

            keys->n += keys->n < CHAT_KEYS_MAX;
        }
    }

    return CHAT_OK;
}


chat_cmd_t *
chat_host_get_cmd(chat_mem_t *mem, const chat_str_t *host)
{
    return chat_store_hget(mem, "hosts", host);
}


chat_cmd_t *
chat_site_name_cmd(chat_mem_t *mem, const chat_str_t *name)
{
    return chat_store_hget(mem, "sites", name);
}


chat_cmd_t *
chat_login_get_cmd(chat_mem_t *mem, const chat_str_t *login)
{
    return chat_store_hget(mem, "login", login);
}


chat_cmd_t *
chat_site_get_cmd(chat_mem_t *mem, uint64_t site)
{
    chat_str_t  key;

    key = chat_key_site(mem, site);

    return chat_store_hgetall(mem, &key);
}


int
chat_site_parse(const redisReply *r, chat_site_t *s, chat_mem_t *mem)
{
    int  rc;

    memset(s, 0, sizeof(chat_site_t));

    rc = chat_store_record(r, chat_site_fields, s, mem);
    if (rc != CHAT_OK) {
        return rc;
    }

    return s->id && s->account && s->name.len ? CHAT_OK : CHAT_ERROR;
}


chat_cmd_t *
chat_operator_get_cmd(chat_mem_t *mem, uint64_t id)
{
    chat_str_t  key;

    key = chat_key_person(mem, id);

    return chat_store_hgetall(mem, &key);
}


int
chat_operator_parse(const redisReply *r, chat_operator_t *o, chat_mem_t *mem)
{
    int  rc;

    memset(o, 0, sizeof(chat_operator_t));

    rc = chat_store_record(r, chat_person_fields, o, mem);
    if (rc != CHAT_OK) {
        return rc;
    }

    return o->id && o->account && o->login.len ? CHAT_OK : CHAT_ERROR;
}


chat_cmd_t *
chat_roles_get_cmd(chat_mem_t *mem, uint64_t operator_id)
{
    chat_str_t  key;

    key = chat_key_roles(mem, operator_id);

    return chat_store_hgetall(mem, &key);
}


/* A role this version does not know gives no rights. */

int
chat_roles_parse(const redisReply *r, chat_roles_t *roles, chat_mem_t *mem)
{
    int          rc;
    size_t       i, n;
    chat_str_t  *f;

    memset(roles, 0, sizeof(chat_roles_t));

    rc = chat_store_pairs(r, &f, &n, mem);
    if (rc != CHAT_OK) {
        return rc;
    }

    roles->elts = chat_mem_alloc(mem, n / 2 * sizeof(roles->elts[0]));
    if (roles->elts == NULL) {
        return CHAT_ERROR;
    }

    for (i = 0; i < n; i += 2) {

        roles->elts[roles->n].site = 0;

        if (!chat_str_eq_c(&f[i], "*")
            && chat_str_u64(&f[i], &roles->elts[roles->n].site) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        roles->elts[roles->n].role = chat_store_role(&f[i + 1]);
        roles->n += (roles->elts[roles->n].role != 0);
    }

    return CHAT_OK;
}


/* The site's own role counts before that for every site. */

int
chat_roles_of(const chat_roles_t *roles, uint64_t site)
{
    int     every;
    size_t  i;

    every = 0;

    for (i = 0; i < roles->n; i++) {

        if (roles->elts[i].site == 0) {
            every = roles->elts[i].role;

        } else if (roles->elts[i].site == site) {
            return roles->elts[i].role;
        }
    }

    return every;
}


chat_cmd_t *
chat_session_get_cmd(chat_mem_t *mem, const chat_str_t *hash)
{
    chat_str_t  key;

    key = chat_key_session(mem, hash);

    return chat_store_hgetall(mem, &key);
}


int
chat_session_parse(const redisReply *r, chat_session_rec_t *s,
    chat_mem_t *mem)
{
    int  rc;

    memset(s, 0, sizeof(chat_session_rec_t));

    rc = chat_store_record(r, chat_session_fields, s, mem);
    if (rc != CHAT_OK) {
        return rc;
    }

    return s->operator_id && s->account && s->csrf.len ? CHAT_OK
                                                       : CHAT_ERROR;
}


chat_cmd_t *
chat_sessions_list_cmd(chat_mem_t *mem, uint64_t operator_id)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_sessions(mem, operator_id);

    c = chat_store_zrange(mem, &key);
    if (c) {
        chat_cmd_lit(c, "WITHSCORES");
    }

    return c;
}


chat_cmd_t *
chat_accounts_list_cmd(chat_mem_t *mem)
{
    chat_str_t  key;

    key = chat_key_global(mem, "accounts");

    return chat_store_zrange(mem, &key);
}


chat_cmd_t *
chat_account_sites_cmd(chat_mem_t *mem, uint64_t account)
{
    chat_str_t  key;

    key = chat_key_owned(mem, account, "sites");

    return chat_store_zrange(mem, &key);
}


chat_cmd_t *
chat_account_operators_cmd(chat_mem_t *mem, uint64_t account)
{
    chat_str_t  key;

    key = chat_key_owned(mem, account, "operators");

    return chat_store_zrange(mem, &key);
}


chat_cmd_t *
chat_account_get_cmd(chat_mem_t *mem, uint64_t account)
{
    chat_str_t  key;

    key = chat_key_owner(mem, account);

    return chat_store_hgetall(mem, &key);
}


/* Fields we do not know are a newer version's. */

static int
chat_store_record(const redisReply *r, const chat_store_field_t *fields,
    void *out, chat_mem_t *mem)
{
    int                        rc;
    size_t                     i, n;
    chat_str_t                *pairs;
    const chat_store_field_t  *f;

    rc = chat_store_pairs(r, &pairs, &n, mem);
    if (rc != CHAT_OK) {
        return rc;
    }

    for (i = 0; i < n; i += 2) {

        for (f = fields; f->name; f++) {

            if (!chat_str_eq_c(&pairs[i], f->name)) {
                continue;
            }

            if (chat_store_value(f, &pairs[i + 1], out) != CHAT_OK) {
                return CHAT_ERROR;
            }

            break;
        }
    }

    return CHAT_OK;
}


static int
chat_store_value(const chat_store_field_t *f, const chat_str_t *v, void *out)
{
    void  *to;

    to = (char *) out + f->offset;

    switch (f->kind) {

    case CHAT_STORE_U64:
        return chat_str_u64(v, to);

    case CHAT_STORE_ON:
        *(int *) to = chat_str_eq_c(v, "on");
        return CHAT_OK;

    default: /* CHAT_STORE_STR */
        *(chat_str_t *) to = *v;
        return CHAT_OK;
    }
}


static chat_cmd_t *
chat_store_hgetall(chat_mem_t *mem, const chat_str_t *key)
{
    chat_cmd_t  *c;

    c = chat_cmd_create(mem, 2);
    if (c == NULL || key->len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "HGETALL");
    chat_cmd_str(c, key);

    return c;
}


static chat_cmd_t *
chat_store_hget(chat_mem_t *mem, const char *what, const chat_str_t *field)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_global(mem, what);

    c = chat_cmd_create(mem, 3);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "HGET");
    chat_cmd_str(c, &key);
    chat_cmd_str(c, field);

    return c;
}


static chat_cmd_t *
chat_store_zrange(chat_mem_t *mem, const chat_str_t *key)
{
    chat_cmd_t  *c;

    c = chat_cmd_create(mem, 5);
    if (c == NULL || key->len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "ZRANGE");
    chat_cmd_str(c, key);
    chat_cmd_lit(c, "0");
    chat_cmd_lit(c, "-1");

    return c;
}


static int
chat_store_pairs(const redisReply *r, chat_str_t **pairs, size_t *n,
    chat_mem_t *mem)
{
    if (chat_reply_pairs(r, pairs, n, mem) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return *n ? CHAT_OK : CHAT_DECLINED;
}


static int
chat_store_role(const chat_str_t *name)
{
    int  role;

    for (role = 1; role < CHAT_ROLE_MAX; role++) {
        if (chat_str_eq_c(name, chat_role_names[role])) {
            return role;
        }
    }

    return 0;
}
