
/*
 * The cabinet's HTTP API: rows of the table of routes onto the operations of
 * chat_admin.h.  A request owns its operation; when the client goes away,
 * both go.
 */

#include "ngx_http_chat_http.h"
#include "chat_admin.h"


#define NGX_HTTP_CHAT_ADMIN_MEM  (256 * 1024)


typedef struct ngx_http_chat_admin_s  ngx_http_chat_admin_t;

struct ngx_http_chat_admin_s {
    ngx_http_chat_owner_t      owner;
    ngx_http_chat_req_t       *req;
    chat_mem_t                 mem;
    chat_op_t                  op;
    ngx_int_t                (*answer)(ngx_http_chat_admin_t *a);
    chat_fault_t               fault;
    u_char                     address[CHAT_ADMIN_ADDR_MAX];

    union {
        chat_admin_login_t     login;
        chat_admin_logout_t    logout;
        chat_admin_me_t        me;
        chat_admin_sessions_t  sessions;
        chat_admin_revoke_t    revoke;
    } u;
};


static ngx_http_chat_admin_t *ngx_http_chat_admin_create(
    ngx_http_chat_req_t *q);
static ngx_int_t ngx_http_chat_admin_start(ngx_http_chat_admin_t *a,
    const char *name, const chat_step_t *steps,
    ngx_int_t (*answer)(ngx_http_chat_admin_t *a));
static void ngx_http_chat_admin_done(ngx_http_chat_owner_t *o, chat_op_t *op);
static void ngx_http_chat_admin_cancel(ngx_http_chat_req_t *q);

static ngx_int_t ngx_http_chat_admin_login_input(ngx_http_chat_admin_t *a);
static ngx_int_t ngx_http_chat_admin_login_answer(ngx_http_chat_admin_t *a);
static ngx_int_t ngx_http_chat_admin_logout_answer(ngx_http_chat_admin_t *a);
static ngx_int_t ngx_http_chat_admin_me_answer(ngx_http_chat_admin_t *a);
static ngx_int_t ngx_http_chat_admin_sessions_answer(
    ngx_http_chat_admin_t *a);
static ngx_int_t ngx_http_chat_admin_revoke_answer(ngx_http_chat_admin_t *a);
static void ngx_http_chat_admin_changed(ngx_http_chat_admin_t *a);
static ngx_int_t ngx_http_chat_admin_cookie(ngx_http_chat_req_t *q,
    ngx_str_t *value, ngx_uint_t age);


/* -------------------------------------------------------------- operations */

static ngx_http_chat_admin_t *
ngx_http_chat_admin_create(ngx_http_chat_req_t *q)
{
    ngx_http_chat_admin_t  *a;

    a = ngx_pcalloc(q->request->pool, sizeof(ngx_http_chat_admin_t));

    if (a) {
        a->req = q;
        a->owner.done = ngx_http_chat_admin_done;
        a->owner.data = a;
        a->op.owner = &a->owner;

        chat_mem_init(&a->mem, NULL, 0, ngx_http_chat_palloc,
                      q->request->pool, NGX_HTTP_CHAT_ADMIN_MEM);
    }

    return a;
}


static ngx_int_t
ngx_http_chat_admin_start(ngx_http_chat_admin_t *a, const char *name,
    const chat_step_t *steps, ngx_int_t (*answer)(ngx_http_chat_admin_t *a))
{
    ngx_http_chat_req_t  *q;

    q = a->req;
    a->answer = answer;

    q->data = a;
    q->cancel = ngx_http_chat_admin_cancel;

    chat_op_start(&a->op, name, steps, &q->worker->host, &a->mem, &a->u);

    return ngx_http_chat_http_hold(q);
}


static void
ngx_http_chat_admin_done(ngx_http_chat_owner_t *o, chat_op_t *op)
{
    ngx_int_t               rc;
    ngx_http_chat_req_t    *q;
    ngx_http_chat_admin_t  *a = o->data;

    q = a->req;
    q->cancel = NULL;

    if (op->rc == CHAT_DONE) {
        rc = a->answer(a);

    } else {
        rc = ngx_http_chat_http_error(q, op->error, op->retry_ms);
    }

    chat_op_release(op);

    ngx_http_chat_http_finish(q, rc);
}


static void
ngx_http_chat_admin_cancel(ngx_http_chat_req_t *q)
{
    ngx_http_chat_admin_t  *a = q->data;

    chat_op_cancel(&a->op);
}


/* ------------------------------------------------------------------- login */

ngx_int_t
ngx_http_chat_admin_login_handler(ngx_http_chat_req_t *q)
{
    ngx_http_chat_admin_t  *a;

    if (!ngx_http_chat_http_secure(q->request)
        && !ngx_http_chat_http_loopback(q->request))
    {
        return ngx_http_chat_http_error(q, CHAT_E_INSECURE, 0);
    }

    a = ngx_http_chat_admin_create(q);
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_chat_admin_login_input(a) != NGX_OK) {
        q->fault = &a->fault;
        return ngx_http_chat_http_error(q, a->fault.field[0]
                                           ? CHAT_E_BAD_FIELD
                                           : CHAT_E_BAD_JSON, 0);
    }

    return ngx_http_chat_admin_start(a, "login", chat_admin_login_steps,
                                     ngx_http_chat_admin_login_answer);
}


static ngx_int_t
ngx_http_chat_admin_login_input(ngx_http_chat_admin_t *a)
{
    ngx_str_t             *agent;
    chat_str_t             body;
    ngx_connection_t      *c;
    chat_admin_login_t    *login;
    chat_login_request_t   in;
    struct sockaddr_in    *sin;
    ngx_http_chat_req_t   *q;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6   *sin6;
#endif

    q = a->req;
    c = q->request->connection;
    login = &a->u.login;

    body.len = q->body.len;
    body.data = q->body.data;

    if (chat_json_decode(&chat_login_request_type, &body, &in, &a->mem,
                         CHAT_JSON_STRICT, &a->fault)
        != CHAT_OK)
    {
        return NGX_ERROR;
    }

    login->login = in.login;
    login->password = in.password;
    login->site = q->who.site;

    login->ip.len = c->addr_text.len;
    login->ip.data = c->addr_text.data;

    agent = ngx_http_chat_http_in(q->request, "user-agent");

    if (agent) {
        login->agent.len = agent->len;
        login->agent.data = agent->data;
    }

    login->address.data = a->address;

    switch (c->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) c->sockaddr;
        login->address.len = chat_admin_address(a->address, &sin->sin_addr, 4);
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) c->sockaddr;
        login->address.len = chat_admin_address(a->address, &sin6->sin6_addr,
                                                16);
        break;
#endif

    default:
        login->address.len = chat_admin_address(a->address, NULL, 0);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_admin_login_answer(ngx_http_chat_admin_t *a)
{
    ngx_str_t            cookie;
    chat_admin_login_t  *login;

    login = &a->u.login;

    cookie.len = CHAT_ADMIN_COOKIE_LEN;
    cookie.data = login->cookie;

    if (ngx_http_chat_admin_cookie(a->req, &cookie, CHAT_ADMIN_SESSION_S)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_http_object(a->req, &chat_me_view_type, &login->me);
}


/* ------------------------------------------------------------ the sessions */

ngx_int_t
ngx_http_chat_admin_logout_handler(ngx_http_chat_req_t *q)
{
    ngx_http_chat_admin_t  *a;

    a = ngx_http_chat_admin_create(q);
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(a->u.logout.hash, q->who.login, CHAT_ADMIN_HASH_LEN);
    a->u.logout.session = q->session;

    return ngx_http_chat_admin_start(a, "logout", chat_admin_logout_steps,
                                     ngx_http_chat_admin_logout_answer);
}


static ngx_int_t
ngx_http_chat_admin_logout_answer(ngx_http_chat_admin_t *a)
{
    ngx_http_chat_admin_changed(a);

    if (ngx_http_chat_admin_cookie(a->req, NULL, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_http_empty(a->req);
}


ngx_int_t
ngx_http_chat_admin_me_handler(ngx_http_chat_req_t *q)
{
    ngx_http_chat_admin_t  *a;

    a = ngx_http_chat_admin_create(q);
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    a->u.me.session = q->session;

    return ngx_http_chat_admin_start(a, "me", chat_admin_me_steps,
                                     ngx_http_chat_admin_me_answer);
}


static ngx_int_t
ngx_http_chat_admin_me_answer(ngx_http_chat_admin_t *a)
{
    return ngx_http_chat_http_object(a->req, &chat_me_view_type,
                                     &a->u.me.me);
}


ngx_int_t
ngx_http_chat_admin_sessions_handler(ngx_http_chat_req_t *q)
{
    ngx_http_chat_admin_t  *a;

    a = ngx_http_chat_admin_create(q);
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(a->u.sessions.hash, q->who.login, CHAT_ADMIN_HASH_LEN);
    a->u.sessions.session = q->session;

    return ngx_http_chat_admin_start(a, "sessions", chat_admin_sessions_steps,
                                     ngx_http_chat_admin_sessions_answer);
}


static ngx_int_t
ngx_http_chat_admin_sessions_answer(ngx_http_chat_admin_t *a)
{
    return ngx_http_chat_http_object(a->req, &chat_sessions_view_type,
                                     &a->u.sessions.view);
}


ngx_int_t
ngx_http_chat_admin_revoke_handler(ngx_http_chat_req_t *q)
{
    ngx_http_chat_admin_t  *a;

    a = ngx_http_chat_admin_create(q);
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(a->u.revoke.hash, q->who.login, CHAT_ADMIN_HASH_LEN);
    a->u.revoke.session = q->session;
    a->u.revoke.id.len = q->rest.len;
    a->u.revoke.id.data = q->rest.data;

    return ngx_http_chat_admin_start(a, "revoke", chat_admin_revoke_steps,
                                     ngx_http_chat_admin_revoke_answer);
}


static ngx_int_t
ngx_http_chat_admin_revoke_answer(ngx_http_chat_admin_t *a)
{
    ngx_http_chat_admin_changed(a);

    if (a->u.revoke.current
        && ngx_http_chat_admin_cookie(a->req, NULL, 0) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_http_empty(a->req);
}


/*
 * The log will tell every worker; this one knows at once, so that a client
 * that is answered here does not find its session alive on the same
 * connection.
 */

static void
ngx_http_chat_admin_changed(ngx_http_chat_admin_t *a)
{
    ngx_http_chat_registry_drop(a->req->worker, a->req->who.account,
                                a->req->who.operator_id);
}


/* NULL: the browser shall forget it. */

static ngx_int_t
ngx_http_chat_admin_cookie(ngx_http_chat_req_t *q, ngx_str_t *value,
    ngx_uint_t age)
{
    size_t      len;
    ngx_str_t   header, *name, empty, secure;

    ngx_str_null(&empty);

    if (value == NULL) {
        value = &empty;
    }

    if (ngx_http_chat_http_secure(q->request)) {
        ngx_str_set(&secure, "; Secure");

    } else {
        ngx_str_null(&secure);
    }

    name = ngx_http_chat_http_cookie_name(q->request);

    len = sizeof("=; Max-Age=; Path=/; HttpOnly; SameSite=Strict")
          + name->len + value->len + NGX_INT_T_LEN + secure.len;

    header.data = ngx_pnalloc(q->request->pool, len);
    if (header.data == NULL) {
        return NGX_ERROR;
    }

    header.len = ngx_snprintf(header.data, len,
                              "%V=%V; Max-Age=%ui; Path=/; HttpOnly; "
                              "SameSite=Strict%V",
                              name, value, age, &secure)
                 - header.data;

    return ngx_http_chat_http_header(q->request, "Set-Cookie", &header);
}
