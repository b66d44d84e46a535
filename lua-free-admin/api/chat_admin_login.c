
/*
 * Login.  Whoever asks, and whether or not there is such an operator, the
 * same work is done before the answer, so that it tells nothing.
 */

#include <sodium.h>

#include "chat_admin_internal.h"


#define CHAT_ADMIN_RETRY_MS      1000
#define CHAT_ADMIN_THROTTLE_KEY  16

/* Calls of the first round. */
typedef enum {
    CHAT_LOGIN_INCR = 0,         /* of the login; + 3: of the address */
    CHAT_LOGIN_EXPIRE,
    CHAT_LOGIN_PTTL,
    CHAT_LOGIN_PER_KEY,
    CHAT_LOGIN_ID = 6
} chat_login_slot_e;


static int chat_login_count(chat_op_t *op);
static int chat_login_throttle(chat_op_t *op);
static int chat_login_check(chat_op_t *op);
static int chat_login_verdict(chat_op_t *op);
static int chat_login_sites(chat_op_t *op);
static int chat_login_session(chat_op_t *op);
static int chat_login_answer(chat_op_t *op);
static int chat_login_back(chat_op_t *op);

static int chat_login_count_key(chat_op_t *op, const chat_str_t *key);
static int chat_login_uncount_key(chat_op_t *op, const chat_str_t *key);
static int chat_login_over(chat_op_t *op, unsigned first, uint64_t limit);
static chat_str_t chat_login_key(chat_op_t *op, const char *kind,
    const chat_str_t *text);
static int chat_login_lower(chat_op_t *op, chat_admin_login_t *login);
static int chat_login_secrets(chat_op_t *op, chat_admin_login_t *login);
static chat_cmd_t *chat_login_cmd(chat_op_t *op, const char *name,
    const chat_str_t *key);


const chat_step_t  chat_admin_login_steps[] = {
    { "count", chat_login_count },
    { "throttle", chat_login_throttle },
    { "check", chat_login_check },
    { "verdict", chat_login_verdict },
    { "sites", chat_login_sites },
    { "session", chat_login_session },
    { "answer", chat_login_answer },
    { NULL, NULL }
};

/* Undoes "count" when the password could not be looked at. */
static const chat_step_t  chat_login_back_steps[] = {
    { "back", chat_login_back },
    { NULL, NULL }
};

/*
 * Of a random password that nobody kept, at the cost of bus/chat_store.h: it
 * is verified for logins that do not exist.
 */
static chat_str_t  chat_login_nobody = chat_string(
    "$argon2id$v=19$m=65536,t=2,p=1$F/3s9Y/YDgw3xsiHXBuL9g$"
    "99mcnIazoGkRj9UnmGl4S223Apn1mOmROwMyzWquIyM");


/* An attempt counts before it is looked at: many at once are many, too. */

static int
chat_login_count(chat_op_t *op)
{
    int                  rc, i;
    chat_admin_login_t  *login;

    login = op->ctx;

    if (chat_login_lower(op, login) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    login->keys[0] = chat_login_key(op, "login", &login->lower);
    login->keys[1] = chat_login_key(op, "address", &login->address);

    for (i = 0; i < 2; i++) {
        rc = chat_login_count_key(op, &login->keys[i]);

        if (rc != CHAT_AGAIN) {
            return rc;
        }
    }

    return chat_admin_call(op, chat_login_get_cmd(op->mem, &login->lower));
}


static int
chat_login_throttle(chat_op_t *op)
{
    uint64_t           id;
    const redisReply  *r;

    if (chat_login_over(op, CHAT_LOGIN_INCR, CHAT_ADMIN_THROTTLE_LOGIN)
        != CHAT_OK
        || chat_login_over(op, CHAT_LOGIN_INCR + CHAT_LOGIN_PER_KEY,
                           CHAT_ADMIN_THROTTLE_ADDR)
           != CHAT_OK
        || chat_call_reply(op, CHAT_LOGIN_ID, &r) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    /* operator 0 does not exist, and is asked for like any other */

    if (chat_reply_u64(r, &id) != CHAT_OK) {
        id = 0;
    }

    return chat_admin_call(op, chat_operator_get_cmd(op->mem, id));
}


static int
chat_login_check(chat_op_t *op)
{
    int                  rc;
    const redisReply    *r;
    chat_admin_login_t  *login;

    login = op->ctx;

    if (chat_call_reply(op, 0, &r) != CHAT_OK) {
        return CHAT_ERROR;
    }

    rc = chat_operator_parse(r, &login->who, op->mem);

    if (rc == CHAT_ERROR) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    login->check.password = login->password;
    login->check.hash = login->who.hash;

    if (rc == CHAT_DECLINED || !login->who.on || !login->who.hash.len) {
        login->check.hash = chat_login_nobody;
        login->verdict = CHAT_E_BAD_CREDENTIALS;
    }

    if (chat_op_call(op, CHAT_CALL_PWHASH, -1, &login->check) < 0) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_AGAIN;
}


static int
chat_login_verdict(chat_op_t *op)
{
    int                  rc;
    chat_admin_login_t  *login;

    login = op->ctx;
    rc = chat_op_result(op, 0)->rc;

    if (rc != CHAT_OK) {
        login->verdict = (rc == CHAT_BUSY) ? CHAT_E_BUSY : CHAT_E_INTERNAL;
        op->retry_ms = CHAT_ADMIN_RETRY_MS;
        op->next = chat_login_back_steps;

        rc = chat_login_uncount_key(op, &login->keys[0]);

        return (rc == CHAT_AGAIN)
               ? chat_login_uncount_key(op, &login->keys[1]) : rc;
    }

    if (login->verdict || !login->check.ok) {
        return chat_op_fail(op, CHAT_E_BAD_CREDENTIALS);
    }

    login->view = chat_admin_view_create(op, login->site);

    if (login->view == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return chat_admin_view_ask(op, login->view, 0, login->who.id,
                               login->who.account);
}


static int
chat_login_back(chat_op_t *op)
{
    chat_admin_login_t  *login;

    login = op->ctx;

    return chat_op_fail(op, login->verdict);
}


static int
chat_login_sites(chat_op_t *op)
{
    chat_admin_login_t  *login;

    login = op->ctx;

    return chat_admin_view_sites(op, login->view);
}


static int
chat_login_session(chat_op_t *op)
{
    int                  rc;
    chat_str_t           hash;
    unsigned char       *p;
    chat_admin_login_t  *login;

    login = op->ctx;

    if (login->site && login->view->n_sites == 0) {
        return chat_op_fail(op, CHAT_E_FORBIDDEN);
    }

    p = chat_mem_alloc(op->mem, CHAT_ADMIN_HASH_LEN * 2);

    if (p == NULL || chat_login_secrets(op, login) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    hash.data = p;
    hash.len = chat_hex_print(p, login->hash, CHAT_ADMIN_HASH_LEN) - p;

    rc = chat_admin_call(op, chat_session_add_cmd(op->mem, &hash,
                                                  &login->session,
                                                  &login->session.agent,
                                                  &login->session.ip));
    if (rc != CHAT_AGAIN) {
        return rc;
    }

    /* whoever knows the password has no failed attempts */

    rc = chat_admin_call(op, chat_login_cmd(op, "DEL", &login->keys[0]));

    if (rc != CHAT_AGAIN) {
        return rc;
    }

    return chat_login_uncount_key(op, &login->keys[1]);
}


static int
chat_login_answer(chat_op_t *op)
{
    chat_admin_login_t    *login;
    chat_commit_result_t   res;

    login = op->ctx;

    if (chat_admin_committed(op, 0, &res) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (res.outcome != CHAT_WRITE_OK) {

        /* switched off while we looked */

        return chat_op_fail(op, CHAT_E_BAD_CREDENTIALS);
    }

    chat_admin_view_fill(&login->me, login->view, &login->who,
                         &login->session);

    return CHAT_DONE;
}


static int
chat_login_count_key(chat_op_t *op, const chat_str_t *key)
{
    int          rc;
    chat_cmd_t  *c;

    rc = chat_admin_call(op, chat_login_cmd(op, "INCR", key));

    if (rc != CHAT_AGAIN) {
        return rc;
    }

    /* NX: the window does not move while somebody keeps knocking */

    c = chat_login_cmd(op, "EXPIRE", key);

    if (c) {
        chat_cmd_u64(c, CHAT_ADMIN_THROTTLE_S);
        chat_cmd_lit(c, "NX");
    }

    rc = chat_admin_call(op, c);

    if (rc != CHAT_AGAIN) {
        return rc;
    }

    return chat_admin_call(op, chat_login_cmd(op, "PTTL", key));
}


/* The key may have expired meanwhile: it must not stay without a TTL. */

static int
chat_login_uncount_key(chat_op_t *op, const chat_str_t *key)
{
    int          rc;
    chat_cmd_t  *c;

    rc = chat_admin_call(op, chat_login_cmd(op, "DECR", key));

    if (rc != CHAT_AGAIN) {
        return rc;
    }

    c = chat_login_cmd(op, "EXPIRE", key);

    if (c) {
        chat_cmd_u64(c, CHAT_ADMIN_THROTTLE_S);
        chat_cmd_lit(c, "NX");
    }

    return chat_admin_call(op, c);
}


static int
chat_login_over(chat_op_t *op, unsigned first, uint64_t limit)
{
    uint64_t           n, ttl;
    const redisReply  *r;

    /* without an expiry a door would stay closed */

    if (chat_call_reply(op, first + CHAT_LOGIN_EXPIRE, &r) != CHAT_OK
        || chat_call_reply(op, first + CHAT_LOGIN_INCR, &r) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    /* not a u64: below zero, by successes after the end of a window */

    if (chat_reply_u64(r, &n) != CHAT_OK || n <= limit) {
        return CHAT_OK;
    }

    if (chat_call_reply(op, first + CHAT_LOGIN_PTTL, &r) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (chat_reply_u64(r, &ttl) != CHAT_OK) {
        ttl = CHAT_ADMIN_THROTTLE_S * 1000;
    }

    op->retry_ms = ttl;

    return chat_op_fail(op, CHAT_E_THROTTLED);
}


/* Logins and addresses are hashed: keys have one length and tell nothing. */

static chat_str_t
chat_login_key(chat_op_t *op, const char *kind, const chat_str_t *text)
{
    chat_str_t                hex;
    unsigned char             hash[CHAT_ADMIN_THROTTLE_KEY];
    unsigned char             digits[CHAT_ADMIN_THROTTLE_KEY * 2];
    crypto_generichash_state  state;

    crypto_generichash_init(&state, NULL, 0, sizeof(hash));
    crypto_generichash_update(&state, (const unsigned char *) kind,
                              strlen(kind) + 1);
    crypto_generichash_update(&state, text->data, text->len);
    crypto_generichash_final(&state, hash, sizeof(hash));

    hex.data = digits;
    hex.len = chat_hex_print(digits, hash, sizeof(hash)) - digits;

    return chat_key(op->mem, CHAT_PARTITION_GLOBAL, "chat:%t:throttle:%s",
                    &hex);
}


static int
chat_login_lower(chat_op_t *op, chat_admin_login_t *login)
{
    size_t         i;
    unsigned char  c;

    if (chat_mem_dup(op->mem, &login->lower, &login->login) != CHAT_OK) {
        return CHAT_ERROR;
    }

    for (i = 0; i < login->lower.len; i++) {
        c = login->lower.data[i];

        if (c >= 'A' && c <= 'Z') {
            login->lower.data[i] = c | 0x20;
        }
    }

    return CHAT_OK;
}


/* The session, with a cookie and a csrf value of 256 random bits each. */

static int
chat_login_secrets(chat_op_t *op, chat_admin_login_t *login)
{
    uint64_t             now_s;
    chat_str_t           cookie;
    unsigned char        raw[CHAT_ADMIN_HASH_LEN], *csrf;
    chat_session_rec_t  *s;

    csrf = chat_mem_alloc(op->mem, CHAT_ADMIN_CSRF_LEN);

    if (csrf == NULL) {
        return CHAT_ERROR;
    }

    s = &login->session;
    now_s = op->host->now_ms(op->host) / 1000;

    op->host->random(op->host, raw, sizeof(raw));
    chat_b64_print(login->cookie, raw, sizeof(raw));

    op->host->random(op->host, raw, sizeof(raw));
    s->csrf.data = csrf;
    s->csrf.len = chat_b64_print(csrf, raw, sizeof(raw)) - csrf;

    sodium_memzero(raw, sizeof(raw));

    cookie.data = login->cookie;
    cookie.len = CHAT_ADMIN_COOKIE_LEN;

    s->operator_id = login->who.id;
    s->account = login->who.account;
    s->site = login->site;
    s->created_s = now_s;
    s->expires_s = now_s + CHAT_ADMIN_SESSION_S;
    s->ip = login->ip;
    s->agent = login->agent;

    if (s->agent.len > CHAT_ADMIN_AGENT_MAX) {
        s->agent.len = CHAT_ADMIN_AGENT_MAX;
    }

    return chat_admin_cookie_hash(&cookie, login->hash);
}


static chat_cmd_t *
chat_login_cmd(chat_op_t *op, const char *name, const chat_str_t *key)
{
    chat_cmd_t  *c;

    c = chat_cmd_create(op->mem, 4);

    if (c == NULL || key->len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, name);
    chat_cmd_str(c, key);

    return c;
}
