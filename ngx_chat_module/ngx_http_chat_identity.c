
/*
 * Which site an address serves, whether Host and Origin are its own, and who
 * asks.  Nothing here is taken from the client without a check: the site
 * comes from the configuration, the visitor from a signed token, the
 * operator from a cookie whose hash the store knows.
 */

#include "ngx_http_chat_http.h"
#include "chat_str.h"


static ngx_int_t ngx_http_chat_site_find(ngx_http_chat_req_t *q,
    const chat_site_t **site);
static ngx_uint_t ngx_http_chat_site_serves(ngx_http_chat_req_t *q,
    const chat_site_t *site, const ngx_str_t *host);
static ngx_uint_t ngx_http_chat_site_origin(ngx_http_chat_req_t *q,
    const chat_site_t *site);
static ngx_uint_t ngx_http_chat_site_own_origin(ngx_http_chat_req_t *q);
static ngx_uint_t ngx_http_chat_host_listed(const u_char *hosts, size_t len,
    const ngx_str_t *host);
static ngx_int_t ngx_http_chat_identity_visitor(ngx_http_chat_req_t *q);
static ngx_int_t ngx_http_chat_identity_operator(ngx_http_chat_req_t *q);
static ngx_int_t ngx_http_chat_identity_copy(ngx_http_chat_req_t *q,
    const ngx_http_chat_login_t *login);


static ngx_str_t  ngx_http_chat_cookie_visitor = ngx_string("chat_visitor");
static ngx_str_t  ngx_http_chat_cookie_secure =
    ngx_string(CHAT_ADMIN_COOKIE);
static ngx_str_t  ngx_http_chat_cookie_plain =
    ngx_string(CHAT_ADMIN_COOKIE_PLAIN);


/*
 * Visitors' addresses need the site; so do those of a cabinet that stands on
 * a vhost with chat: its sessions are limited to that one site.
 */

ngx_int_t
ngx_http_chat_http_site(ngx_http_chat_req_t *q)
{
    ngx_int_t           rc;
    ngx_str_t          *host;
    const chat_site_t  *site;

    if (q->cabinet
        && (q->route->flags & (NGX_HTTP_CHAT_OPERATOR|NGX_HTTP_CHAT_ORIGIN)))
    {
        if (!ngx_http_chat_site_own_origin(q)) {
            return ngx_http_chat_http_error(q, CHAT_E_BAD_ORIGIN, 0);
        }

        if (!q->lcf->enable) {
            return NGX_DECLINED;
        }

    } else if (!(q->route->flags & NGX_HTTP_CHAT_SITE)) {
        return NGX_DECLINED;
    }

    rc = ngx_http_chat_site_find(q, &site);

    if (rc != NGX_OK) {
        return ngx_http_chat_http_waited(q, rc, CHAT_E_MISDIRECTED);
    }

    host = ngx_http_chat_http_in(q->request, "host");

    if (host == NULL || !ngx_http_chat_site_serves(q, site, host)) {
        return ngx_http_chat_http_error(q, CHAT_E_MISDIRECTED, 0);
    }

    if (!q->cabinet && !ngx_http_chat_site_origin(q, site)) {
        return ngx_http_chat_http_error(q, CHAT_E_BAD_ORIGIN, 0);
    }

    if (!site->on && !q->cabinet) {
        return ngx_http_chat_http_error(q, CHAT_E_SUSPENDED, 0);
    }

    q->who.account = site->account;
    q->who.site = site->id;
    q->who.rules = site->rules;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_chat_site_find(ngx_http_chat_req_t *q, const chat_site_t **site)
{
    ngx_str_t                  name;
    ngx_http_chat_srv_conf_t  *scf;

    if (q->again) {
        q->again = 0;

        if (q->waited != NGX_OK) {
            return q->waited;
        }
    }

    scf = q->scf;

    if (scf->name.len) {
        return ngx_http_chat_registry_site(q->worker, &scf->name,
                   scf->autocreate && scf->hosts.len ? &scf->hosts : NULL,
                   &q->wait, site);
    }

    if (scf->site == NULL
        || ngx_http_complex_value(q->request, scf->site, &name) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* the name of a site is a host's: nothing else can be registered */

    if (name.len == 0 || name.len > 253) {
        return NGX_DECLINED;
    }

    ngx_strlow(name.data, name.data, name.len);

    return ngx_http_chat_registry_site(q->worker, &name, NULL, &q->wait,
                                       site);
}


/*
 * A site's hosts; where the configuration names the site, the names of the
 * server as well.
 */

static ngx_uint_t
ngx_http_chat_site_serves(ngx_http_chat_req_t *q, const chat_site_t *site,
    const ngx_str_t *host)
{
    if (ngx_http_chat_host_listed(site->hosts.data, site->hosts.len, host)) {
        return 1;
    }

    return q->scf->name.len
           && ngx_http_chat_host_listed(q->scf->hosts.data,
                                        q->scf->hosts.len, host);
}


/* Programs send no Origin; whoever sends one has to be a page of the site. */

static ngx_uint_t
ngx_http_chat_site_origin(ngx_http_chat_req_t *q, const chat_site_t *site)
{
    ngx_str_t  *origin, host;

    origin = ngx_http_chat_http_in(q->request, "origin");

    if (origin == NULL) {
        return 1;
    }

    host = *origin;

    if (host.len > 8 && ngx_strncmp(host.data, "https://", 8) == 0) {
        host.data += 8;
        host.len -= 8;

    } else if (host.len > 7 && ngx_strncmp(host.data, "http://", 7) == 0) {
        host.data += 7;
        host.len -= 7;

    } else {
        return 0;
    }

    return ngx_http_chat_site_serves(q, site, &host);
}


/*
 * The cabinet's Origin is exactly the address it was asked at.  A request
 * without one is fine where the route does not demand it: browsers send it
 * with everything that changes something, and with WebSockets.
 */

static ngx_uint_t
ngx_http_chat_site_own_origin(ngx_http_chat_req_t *q)
{
    size_t      len;
    u_char     *scheme;
    ngx_str_t  *host, *origin;

    host = ngx_http_chat_http_in(q->request, "host");
    origin = ngx_http_chat_http_in(q->request, "origin");

    if (origin == NULL) {
        return !(q->route->flags & NGX_HTTP_CHAT_ORIGIN);
    }

    if (ngx_http_chat_http_secure(q->request)) {
        scheme = (u_char *) "https://";
        len = 8;

    } else {
        scheme = (u_char *) "http://";
        len = 7;
    }

    return host
           && origin->len == len + host->len
           && ngx_strncmp(origin->data, scheme, len) == 0
           && ngx_strncasecmp(origin->data + len, host->data, host->len) == 0;
}


/*
 * Is host[:port] in the list?  A listed host without a port stands for every
 * port, one with a port for that port only.
 */

static ngx_uint_t
ngx_http_chat_host_listed(const u_char *hosts, size_t len,
    const ngx_str_t *host)
{
    size_t         bare, n;
    const u_char  *p, *last, *end;

    /* a port follows the last colon, unless that is inside of [::1] */

    for (bare = host->len; bare; bare--) {
        if (host->data[bare - 1] == ':') {
            bare--;
            break;
        }

        if (host->data[bare - 1] < '0' || host->data[bare - 1] > '9') {
            bare = host->len;
            break;
        }
    }

    if (host->len == 0 || bare == 0) {
        return 0;
    }

    last = hosts + len;

    for (p = hosts; p < last; p = end + 1) {
        end = ngx_strlchr((u_char *) p, (u_char *) last, ' ');
        if (end == NULL) {
            end = last;
        }

        n = end - p;

        if ((n == host->len || n == bare)
            && ngx_strncasecmp((u_char *) p, host->data, n) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_chat_http_identity(ngx_http_chat_req_t *q)
{
    if (q->route->flags & NGX_HTTP_CHAT_VISITOR) {
        return ngx_http_chat_identity_visitor(q);
    }

    if (q->route->flags & NGX_HTTP_CHAT_OPERATOR) {
        return ngx_http_chat_identity_operator(q);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_chat_http_token(ngx_http_chat_req_t *q, chat_token_t *token)
{
    ngx_int_t           rc;
    ngx_str_t          *auth, text;
    const chat_keys_t  *keys;

    if (q->again) {
        q->again = 0;

        if (q->waited != NGX_OK) {
            return q->waited;
        }
    }

    keys = ngx_http_chat_registry_keys(q->worker);

    if (keys == NULL) {
        rc = ngx_http_chat_registry_keys_load(q->worker, &q->wait);

        if (rc != NGX_OK) {
            return rc;
        }

        keys = ngx_http_chat_registry_keys(q->worker);

        if (keys == NULL) {
            return NGX_ERROR;
        }
    }

    auth = ngx_http_chat_http_in(q->request, "authorization");

    if (auth && auth->len > 7
        && ngx_strncasecmp(auth->data, (u_char *) "Bearer ", 7) == 0)
    {
        text.data = auth->data + 7;
        text.len = auth->len - 7;

    } else if (ngx_http_chat_http_cookie(q->request,
                                         &ngx_http_chat_cookie_visitor, &text)
               != NGX_OK)
    {
        return NGX_DECLINED;
    }

    if (chat_token_verify((chat_str_t *) &text, q->who.site, ngx_time(), keys,
                          token)
        != CHAT_OK)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_identity_visitor(ngx_http_chat_req_t *q)
{
    ngx_int_t     rc;
    chat_token_t  token;

    rc = ngx_http_chat_http_token(q, &token);

    if (rc != NGX_OK) {
        return ngx_http_chat_http_waited(q, rc, CHAT_E_UNAUTHORIZED);
    }

    q->who.kind = CHAT_ACTOR_KIND_VISITOR;
    ngx_memcpy(q->who.visitor, token.visitor, CHAT_VISITOR_LEN);

    return NGX_DECLINED;
}


ngx_str_t *
ngx_http_chat_http_cookie_name(ngx_http_request_t *r)
{
    return ngx_http_chat_http_secure(r) ? &ngx_http_chat_cookie_secure
                                        : &ngx_http_chat_cookie_plain;
}


static ngx_int_t
ngx_http_chat_identity_operator(ngx_http_chat_req_t *q)
{
    u_char                        hash[CHAT_ADMIN_HASH_LEN];
    ngx_int_t                     rc;
    ngx_str_t                     cookie, *csrf;
    ngx_http_request_t           *r;
    const ngx_http_chat_login_t  *login;

    r = q->request;

    if ((!ngx_http_chat_http_secure(r) && !ngx_http_chat_http_loopback(r))
        || ngx_http_chat_http_cookie(r, ngx_http_chat_http_cookie_name(r),
                                     &cookie)
           != NGX_OK
        || chat_admin_cookie_hash((chat_str_t *) &cookie, hash) != CHAT_OK)
    {
        return ngx_http_chat_http_error(q, CHAT_E_UNAUTHORIZED, 0);
    }

    if (q->again && q->waited != NGX_OK) {
        rc = q->waited;

    } else {
        rc = ngx_http_chat_registry_login(q->worker, hash, &q->wait, &login);
    }

    q->again = 0;

    if (rc != NGX_OK) {
        return ngx_http_chat_http_waited(q, rc, CHAT_E_UNAUTHORIZED);
    }

    /* a vhost with chat takes only sessions that are limited to its site */

    if (q->lcf->enable && login->session.site != q->who.site) {
        return ngx_http_chat_http_error(q, CHAT_E_UNAUTHORIZED, 0);
    }

    if (q->route->flags & NGX_HTTP_CHAT_CSRF) {
        csrf = ngx_http_chat_http_in(r, "x-csrf");

        if (csrf == NULL
            || !chat_admin_csrf_ok(&login->session, (chat_str_t *) csrf))
        {
            return ngx_http_chat_http_error(q, CHAT_E_BAD_CSRF, 0);
        }
    }

    if (ngx_http_chat_identity_copy(q, login) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_chat_identity_copy(ngx_http_chat_req_t *q,
    const ngx_http_chat_login_t *login)
{
    u_char      *p;
    ngx_pool_t  *pool;

    pool = q->request->pool;

    q->session = login->session;
    q->who.kind = CHAT_ACTOR_KIND_OPERATOR;
    q->who.account = login->session.account;
    q->who.site = login->session.site;
    q->who.operator_id = login->session.operator_id;
    q->who.name.len = login->who.name.len;
    q->who.roles.n = login->roles.n;
    ngx_memcpy(q->who.login, login->hash, CHAT_ADMIN_HASH_LEN);

    chat_str_set(&q->session.agent, "");
    chat_str_set(&q->session.ip, "");

    p = ngx_pstrdup(pool, (ngx_str_t *) &login->session.csrf);
    if (p == NULL) {
        return NGX_ERROR;
    }

    q->session.csrf.data = p;

    q->who.name.data = ngx_pstrdup(pool, (ngx_str_t *) &login->who.name);
    if (q->who.name.data == NULL) {
        return NGX_ERROR;
    }

    q->who.roles.elts = ngx_palloc(pool, (login->roles.n + 1)
                                         * sizeof(*login->roles.elts));
    if (q->who.roles.elts == NULL) {
        return NGX_ERROR;
    }

    if (login->roles.n) {
        ngx_memcpy(q->who.roles.elts, login->roles.elts,
                   login->roles.n * sizeof(*login->roles.elts));
    }

    return NGX_OK;
}


/* What a look-up that brought nothing means; NGX_AGAIN goes through. */

ngx_int_t
ngx_http_chat_http_waited(ngx_http_chat_req_t *q, ngx_int_t rc,
    ngx_uint_t declined)
{
    switch (rc) {

    case NGX_AGAIN:
        return NGX_AGAIN;

    case NGX_DECLINED:
        return ngx_http_chat_http_error(q, declined, 0);

    case NGX_BUSY:
        return ngx_http_chat_http_error(q, CHAT_E_STORE_DOWN, 2000);

    default:
        return ngx_http_chat_http_error(q, CHAT_E_INTERNAL, 2000);
    }
}
