
/*
 * What the store is asked: a site by its name (made if there is none and the
 * configuration says so), a login with its operator and roles, the keys.
 */

#include "ngx_http_chat_registry_internal.h"
#include "chat_call.h"


#define NGX_HTTP_CHAT_LOAD_MEM  65536
/* Others may make the same site, or take its names, at the same time. */
#define NGX_HTTP_CHAT_LOAD_TRIES  3


static ngx_http_chat_load_t *ngx_http_chat_load_create(
    ngx_http_chat_worker_t *w, const char *name, const chat_step_t *steps);
static void ngx_http_chat_load_done(ngx_http_chat_owner_t *o, chat_op_t *op);
static int ngx_http_chat_load_call(chat_op_t *op, chat_cmd_t *cmd);
static int ngx_http_chat_load_commit(chat_op_t *op,
    chat_commit_result_t *res);
static int ngx_http_chat_load_parsed(chat_op_t *op, int rc);
static ngx_int_t ngx_http_chat_load_keep(ngx_http_chat_known_t *k,
    chat_str_t *s);

static int ngx_http_chat_site_ask(chat_op_t *op);
static int ngx_http_chat_site_asked(chat_op_t *op);
static int ngx_http_chat_site_read(chat_op_t *op);
static int ngx_http_chat_site_numbers(chat_op_t *op);
static int ngx_http_chat_site_add(chat_op_t *op);
static int ngx_http_chat_site_added(chat_op_t *op);

static int ngx_http_chat_login_ask(chat_op_t *op);
static int ngx_http_chat_login_session(chat_op_t *op);
static int ngx_http_chat_login_read(chat_op_t *op);

static int ngx_http_chat_keys_ask(chat_op_t *op);
static int ngx_http_chat_keys_read(chat_op_t *op);
static int ngx_http_chat_keys_added(chat_op_t *op);


static const chat_step_t  ngx_http_chat_site_steps[] = {
    { "ask", ngx_http_chat_site_ask },
    { "asked", ngx_http_chat_site_asked },
    { "read", ngx_http_chat_site_read },
#define NGX_HTTP_CHAT_SITE_MAKE  3
    { "numbers", ngx_http_chat_site_numbers },
    { "add", ngx_http_chat_site_add },
    { "added", ngx_http_chat_site_added },
    { NULL, NULL }
};

static const chat_step_t  ngx_http_chat_login_steps[] = {
    { "ask", ngx_http_chat_login_ask },
    { "session", ngx_http_chat_login_session },
    { "read", ngx_http_chat_login_read },
    { NULL, NULL }
};

static const chat_step_t  ngx_http_chat_keys_steps[] = {
    { "ask", ngx_http_chat_keys_ask },
    { "read", ngx_http_chat_keys_read },
    { "added", ngx_http_chat_keys_added },
    { NULL, NULL }
};


ngx_http_chat_load_t *
ngx_http_chat_load_known(ngx_http_chat_worker_t *w, ngx_http_chat_known_t *k)
{
    ngx_http_chat_load_t  *load;

    if (k->cache->is_login) {
        load = ngx_http_chat_load_create(w, "login",
                                         ngx_http_chat_login_steps);

    } else {
        load = ngx_http_chat_load_create(w, "site", ngx_http_chat_site_steps);
    }

    if (load) {
        load->known = k;
    }

    return load;
}


ngx_http_chat_load_t *
ngx_http_chat_load_keys(ngx_http_chat_worker_t *w)
{
    return ngx_http_chat_load_create(w, "keys", ngx_http_chat_keys_steps);
}


static ngx_http_chat_load_t *
ngx_http_chat_load_create(ngx_http_chat_worker_t *w, const char *name,
    const chat_step_t *steps)
{
    ngx_pool_t            *pool;
    ngx_http_chat_load_t  *load;

    pool = ngx_create_pool(4096, w->log);
    if (pool == NULL) {
        return NULL;
    }

    load = ngx_pcalloc(pool, sizeof(ngx_http_chat_load_t));
    if (load == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    load->worker = w;
    load->pool = pool;
    load->owner.done = ngx_http_chat_load_done;
    load->owner.data = load;
    load->op.owner = &load->owner;

    chat_mem_init(&load->mem, NULL, 0, ngx_http_chat_palloc, pool,
                  NGX_HTTP_CHAT_LOAD_MEM);

    chat_op_start(&load->op, name, steps, &w->host, &load->mem, load);

    return load;
}


void
ngx_http_chat_load_cancel(ngx_http_chat_load_t *load)
{
    chat_op_cancel(&load->op);
    ngx_destroy_pool(load->pool);
}


static void
ngx_http_chat_load_done(ngx_http_chat_owner_t *o, chat_op_t *op)
{
    ngx_int_t              rc;
    ngx_http_chat_load_t  *load = o->data;

    if (op->rc == CHAT_DONE) {
        rc = NGX_OK;

    } else if (op->error == CHAT_E_NOT_FOUND) {
        rc = NGX_DECLINED;

    } else {
        rc = NGX_BUSY;
    }

    chat_op_release(op);

    if (load->known) {
        ngx_http_chat_registry_loaded(load->worker, load->known, rc);

    } else {
        ngx_http_chat_registry_keys_loaded(load->worker, rc);
    }

    ngx_destroy_pool(load->pool);
}


/* ---------------------------------------------------------------- helpers */

static int
ngx_http_chat_load_call(chat_op_t *op, chat_cmd_t *cmd)
{
    return chat_call_redis(op, CHAT_PARTITION_GLOBAL, cmd);
}


static int
ngx_http_chat_load_commit(chat_op_t *op, chat_commit_result_t *res)
{
    int                rc;
    const redisReply  *reply;

    rc = chat_call_reply(op, 0, &reply);

    if (rc == CHAT_OK && chat_commit_parse(reply, res) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return rc;
}


static int
ngx_http_chat_load_parsed(chat_op_t *op, int rc)
{
    switch (rc) {

    case CHAT_OK:
        return CHAT_OK;

    case CHAT_DECLINED:
        return chat_op_fail(op, CHAT_E_NOT_FOUND);

    default:
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }
}


/* Out of the reply, into the memory of the entry. */

static ngx_int_t
ngx_http_chat_load_keep(ngx_http_chat_known_t *k, chat_str_t *s)
{
    u_char  *p;

    if (s->len == 0) {
        s->data = NULL;
        return NGX_OK;
    }

    p = ngx_pstrdup(k->pool, (ngx_str_t *) s);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->data = p;

    return NGX_OK;
}


/* ------------------------------------------------------------------ a site */

static int
ngx_http_chat_site_ask(chat_op_t *op)
{
    ngx_http_chat_load_t  *load = op->ctx;

    return ngx_http_chat_load_call(op,
               chat_site_name_cmd(op->mem,
                                  (chat_str_t *) &load->known->node.str));
}


static int
ngx_http_chat_site_asked(chat_op_t *op)
{
    int                    rc;
    uint64_t               id;
    const redisReply      *reply;
    ngx_http_chat_load_t  *load = op->ctx;

    rc = chat_call_reply(op, 0, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_reply_u64(reply, &id) == CHAT_OK) {
        return ngx_http_chat_load_call(op, chat_site_get_cmd(op->mem, id));
    }

    if (load->hosts.len == 0) {
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    if (load->tries++ == NGX_HTTP_CHAT_LOAD_TRIES) {
        ngx_log_error(NGX_LOG_ERR, load->worker->log, 0,
                      "chat: site \"%V\" is not registered and its hosts "
                      "belong to other sites", &load->known->node.str);
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    op->next = &op->steps[NGX_HTTP_CHAT_SITE_MAKE];

    return CHAT_OK;
}


static int
ngx_http_chat_site_read(chat_op_t *op)
{
    int                     rc;
    chat_site_t            *site;
    const redisReply       *reply;
    ngx_http_chat_load_t   *load = op->ctx;
    ngx_http_chat_known_t  *k;

    rc = chat_call_reply(op, 0, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    k = load->known;
    site = &k->u.site;

    rc = ngx_http_chat_load_parsed(op, chat_site_parse(reply, site, op->mem));
    if (rc != CHAT_OK) {
        return rc;
    }

    if (ngx_http_chat_load_keep(k, &site->name) != NGX_OK
        || ngx_http_chat_load_keep(k, &site->hosts) != NGX_OK)
    {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_DONE;
}


static int
ngx_http_chat_site_numbers(chat_op_t *op)
{
    int  rc;

    rc = ngx_http_chat_load_call(op, chat_next_cmd(op->mem, "account"));

    if (rc != CHAT_AGAIN) {
        return rc;
    }

    return ngx_http_chat_load_call(op, chat_next_cmd(op->mem, "site"));
}


static int
ngx_http_chat_site_add(chat_op_t *op)
{
    int                    rc;
    chat_site_t            site;
    const redisReply      *account, *number;
    ngx_http_chat_load_t  *load = op->ctx;

    rc = chat_call_reply(op, 0, &account);
    if (rc != CHAT_OK) {
        return rc;
    }

    rc = chat_call_reply(op, 1, &number);
    if (rc != CHAT_OK) {
        return rc;
    }

    ngx_memzero(&site, sizeof(chat_site_t));

    if (chat_reply_u64(account, &site.account) != CHAT_OK
        || chat_reply_u64(number, &site.id) != CHAT_OK)
    {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    site.name.len = load->known->node.str.len;
    site.name.data = load->known->node.str.data;
    site.on = 1;
    site.rules.idle_ms = CHAT_SITE_IDLE_MS;
    site.rules.accept_ms = CHAT_SITE_ACCEPT_MS;

    /* an alias may be another site's: then only the name itself */

    site.hosts = site.name;

    if (load->tries == 1) {
        site.hosts.len = load->hosts.len;
        site.hosts.data = load->hosts.data;
    }

    return ngx_http_chat_load_call(op,
               chat_site_add_cmd(op->mem, &site, &site.name,
                                 op->host->now_ms(op->host)));
}


static int
ngx_http_chat_site_added(chat_op_t *op)
{
    int                    rc;
    chat_commit_result_t   res;
    ngx_http_chat_load_t  *load = op->ctx;

    rc = ngx_http_chat_load_commit(op, &res);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (res.outcome == CHAT_WRITE_OK) {
        ngx_log_error(NGX_LOG_NOTICE, load->worker->log, 0,
                      "chat: site \"%V\" registered by its server_name",
                      &load->known->node.str);
    }

    /* ours, or that of whoever was faster */

    op->next = op->steps;

    return CHAT_OK;
}


/* ----------------------------------------------------------------- a login */

static int
ngx_http_chat_login_ask(chat_op_t *op)
{
    ngx_http_chat_load_t  *load = op->ctx;

    return ngx_http_chat_load_call(op,
               chat_session_get_cmd(op->mem,
                                    (chat_str_t *) &load->known->node.str));
}


static int
ngx_http_chat_login_session(chat_op_t *op)
{
    int                    rc;
    uint64_t               id;
    const redisReply      *reply;
    chat_session_rec_t    *session;
    ngx_http_chat_load_t  *load = op->ctx;

    rc = chat_call_reply(op, 0, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    session = &load->known->u.login.session;

    rc = ngx_http_chat_load_parsed(op,
             chat_session_parse(reply, session, op->mem));
    if (rc != CHAT_OK) {
        return rc;
    }

    chat_str_set(&session->agent, "");
    chat_str_set(&session->ip, "");

    if (ngx_http_chat_load_keep(load->known, &session->csrf) != NGX_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    id = session->operator_id;

    rc = ngx_http_chat_load_call(op, chat_operator_get_cmd(op->mem, id));

    if (rc != CHAT_AGAIN) {
        return rc;
    }

    return ngx_http_chat_load_call(op, chat_roles_get_cmd(op->mem, id));
}


static int
ngx_http_chat_login_read(chat_op_t *op)
{
    int                     rc;
    chat_mem_t              mem;
    const redisReply       *who, *roles;
    ngx_http_chat_load_t   *load = op->ctx;
    ngx_http_chat_known_t  *k;
    ngx_http_chat_login_t  *login;

    rc = chat_call_reply(op, 0, &who);
    if (rc != CHAT_OK) {
        return rc;
    }

    rc = chat_call_reply(op, 1, &roles);
    if (rc != CHAT_OK) {
        return rc;
    }

    k = load->known;
    login = &k->u.login;

    rc = ngx_http_chat_load_parsed(op,
             chat_operator_parse(who, &login->who, op->mem));
    if (rc != CHAT_OK) {
        return rc;
    }

    /* the password's hash has no business in a cache */

    chat_str_set(&login->who.hash, "");

    if (login->who.account != login->session.account
        || ngx_http_chat_load_keep(k, &login->who.login) != NGX_OK
        || ngx_http_chat_load_keep(k, &login->who.name) != NGX_OK)
    {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    chat_mem_init(&mem, NULL, 0, ngx_http_chat_palloc, k->pool,
                  NGX_HTTP_CHAT_LOAD_MEM);

    rc = chat_roles_parse(roles, &login->roles, &mem);

    if (rc == CHAT_DECLINED) {
        login->roles.n = 0;

    } else if (rc != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_DONE;
}


/* ---------------------------------------------------------------- the keys */

static int
ngx_http_chat_keys_ask(chat_op_t *op)
{
    return ngx_http_chat_load_call(op, chat_keys_get_cmd(op->mem));
}


static int
ngx_http_chat_keys_read(chat_op_t *op)
{
    int                    rc;
    chat_key_t             key;
    const redisReply      *reply;
    ngx_http_chat_load_t  *load = op->ctx;

    rc = chat_call_reply(op, 0, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    rc = chat_keys_parse(reply, &load->keys);

    if (rc == CHAT_OK && load->keys.n) {

        ngx_http_chat_registry_keys_set(load->worker, &load->keys);

        return CHAT_DONE;
    }

    if (rc == CHAT_ERROR || load->tries++ == NGX_HTTP_CHAT_LOAD_TRIES) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    key.kid = 1;
    op->host->random(op->host, key.key, CHAT_KEY_BYTES);

    return ngx_http_chat_load_call(op, chat_keys_add_cmd(op->mem, &key));
}


static int
ngx_http_chat_keys_added(chat_op_t *op)
{
    int                   rc;
    chat_commit_result_t  res;

    rc = ngx_http_chat_load_commit(op, &res);
    if (rc != CHAT_OK) {
        return rc;
    }

    /* ours, or that of whoever was faster */

    op->next = op->steps;

    return CHAT_OK;
}
