
/*
 * Addresses: which requests are ours, the tables of routes, the steps a
 * request goes through.
 */

#include "ngx_http_chat_http.h"


#define NGX_HTTP_CHAT_FULL  5000           /* ms; come again then */


typedef ngx_int_t (*ngx_http_chat_step_pt)(ngx_http_chat_req_t *q);


static void ngx_http_chat_http_hosts(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_chat_http_claim(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_http_share(ngx_http_chat_req_t *q);
static ngx_int_t ngx_http_chat_http_route(ngx_http_chat_req_t *q);
static ngx_int_t ngx_http_chat_http_match(ngx_http_chat_req_t *q,
    const ngx_http_chat_route_t *routes, ngx_str_t *path);
static ngx_int_t ngx_http_chat_http_allow(ngx_http_chat_req_t *q,
    ngx_uint_t methods);
static ngx_int_t ngx_http_chat_http_room(ngx_http_chat_req_t *q);
static ngx_int_t ngx_http_chat_http_call(ngx_http_chat_req_t *q);
static void ngx_http_chat_http_resume(void *data, ngx_int_t rc);
static void ngx_http_chat_http_cleanup(void *data);


/* A row without a handler: nothing below this prefix. */

static const ngx_http_chat_route_t  ngx_http_chat_visitor_routes[] = {

    { NGX_HTTP_POST, ngx_string("v1/visitor"),
      ngx_http_chat_visitor_handler, NGX_HTTP_CHAT_SITE },

    { NGX_HTTP_GET, ngx_string("v1/ws"),
      ngx_http_chat_ws_handler,
      NGX_HTTP_CHAT_SITE|NGX_HTTP_CHAT_VISITOR|NGX_HTTP_CHAT_HOLDS },

    { NGX_HTTP_GET, ngx_string("v1/events"),
      ngx_http_chat_sse_handler,
      NGX_HTTP_CHAT_SITE|NGX_HTTP_CHAT_VISITOR|NGX_HTTP_CHAT_HOLDS },

    { NGX_HTTP_GET, ngx_string("v1/poll"),
      ngx_http_chat_poll_handler,
      NGX_HTTP_CHAT_SITE|NGX_HTTP_CHAT_VISITOR|NGX_HTTP_CHAT_HOLDS },

    { NGX_HTTP_POST, ngx_string("v1/send"),
      ngx_http_chat_send_handler,
      NGX_HTTP_CHAT_SITE|NGX_HTTP_CHAT_VISITOR|NGX_HTTP_CHAT_JSON },

    { NGX_HTTP_GET, ngx_string("v1/"), NULL, 0 },

    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("/"),
      ngx_http_chat_widget_handler, 0 },

    { 0, ngx_null_string, NULL, 0 }
};


static const ngx_http_chat_route_t  ngx_http_chat_cabinet_routes[] = {

    { NGX_HTTP_POST, ngx_string("api/v1/login"),
      ngx_http_chat_admin_login_handler,
      NGX_HTTP_CHAT_ORIGIN|NGX_HTTP_CHAT_JSON },

    { NGX_HTTP_POST, ngx_string("api/v1/logout"),
      ngx_http_chat_admin_logout_handler,
      NGX_HTTP_CHAT_OPERATOR|NGX_HTTP_CHAT_ORIGIN|NGX_HTTP_CHAT_CSRF },

    { NGX_HTTP_GET, ngx_string("api/v1/me"),
      ngx_http_chat_admin_me_handler, NGX_HTTP_CHAT_OPERATOR },

    { NGX_HTTP_GET, ngx_string("api/v1/sessions"),
      ngx_http_chat_admin_sessions_handler, NGX_HTTP_CHAT_OPERATOR },

    { NGX_HTTP_DELETE, ngx_string("api/v1/sessions/"),
      ngx_http_chat_admin_revoke_handler,
      NGX_HTTP_CHAT_OPERATOR|NGX_HTTP_CHAT_ORIGIN|NGX_HTTP_CHAT_CSRF },

    { NGX_HTTP_GET, ngx_string("api/v1/ws"),
      ngx_http_chat_ws_handler,
      NGX_HTTP_CHAT_OPERATOR|NGX_HTTP_CHAT_ORIGIN|NGX_HTTP_CHAT_HOLDS },

    { NGX_HTTP_GET, ngx_string("api/v1/events"),
      ngx_http_chat_sse_handler,
      NGX_HTTP_CHAT_OPERATOR|NGX_HTTP_CHAT_HOLDS },

    { NGX_HTTP_GET, ngx_string("api/v1/poll"),
      ngx_http_chat_poll_handler,
      NGX_HTTP_CHAT_OPERATOR|NGX_HTTP_CHAT_HOLDS },

    { NGX_HTTP_POST, ngx_string("api/v1/send"),
      ngx_http_chat_send_handler,
      NGX_HTTP_CHAT_OPERATOR|NGX_HTTP_CHAT_ORIGIN|NGX_HTTP_CHAT_CSRF
      |NGX_HTTP_CHAT_JSON },

    { NGX_HTTP_GET, ngx_string("api/"), NULL, 0 },

    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("/"),
      ngx_http_chat_cabinet_handler, 0 },

    { 0, ngx_null_string, NULL, 0 }
};


static const ngx_http_chat_step_pt  ngx_http_chat_steps[] = {
    ngx_http_chat_http_share,
    ngx_http_chat_http_route,
    ngx_http_chat_http_form,
    ngx_http_chat_http_site,
    ngx_http_chat_http_identity,
    ngx_http_chat_http_room,
    ngx_http_chat_http_body,
    ngx_http_chat_http_call
};


ngx_int_t
ngx_http_chat_http_init(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_array_t                 *handlers;
    ngx_http_handler_pt         *h;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_chat_main_conf_t   *mcf;
    ngx_http_core_main_conf_t   *cmcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    mcf->threads = ngx_thread_pool_add(cf, NULL);
    if (mcf->threads == NULL) {
        return NGX_ERROR;
    }

    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        ngx_http_chat_http_hosts(cf, cscfp[i]);
    }

    /*
     * Handlers of a phase run from the last to the first: ours goes to the
     * beginning, so that realip has set the address before.
     */

    handlers = &cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers;

    if (ngx_array_push(handlers) == NULL) {
        return NGX_ERROR;
    }

    h = handlers->elts;
    ngx_memmove(h + 1, h, (handlers->nelts - 1) * sizeof(*h));
    h[0] = ngx_http_chat_http_claim;

    return NGX_OK;
}


/* The server's literal names: hosts of a site that is made by itself. */

static void
ngx_http_chat_http_hosts(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf)
{
    size_t                     len;
    u_char                    *p;
    ngx_uint_t                 i;
    ngx_http_server_name_t    *sn;
    ngx_http_chat_srv_conf_t  *scf;

    scf = cscf->ctx->srv_conf[ngx_http_chat_module.ctx_index];
    sn = cscf->server_names.elts;

    for (len = 0, i = 0; i < cscf->server_names.nelts; i++) {
        len += sn[i].name.len + 1;
    }

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        ngx_str_null(&scf->hosts);
        return;
    }

    scf->hosts.data = p;

    for (i = 0; i < cscf->server_names.nelts; i++) {

        if (sn[i].name.len == 0
#if (NGX_PCRE)
            || sn[i].regex
#endif
            || ngx_strlchr(sn[i].name.data,
                           sn[i].name.data + sn[i].name.len, '*')
            || sn[i].name.data[0] == '.' || sn[i].name.data[0] == '_')
        {
            continue;
        }

        if (p != scf->hosts.data) {
            *p++ = ' ';
        }

        p = ngx_cpymem(p, sn[i].name.data, sn[i].name.len);
    }

    scf->hosts.len = p - scf->hosts.data;
}


/*
 * Instead of a location's content handler: nginx goes through no other phase
 * for a request that its handler took over here.
 */

static ngx_int_t
ngx_http_chat_http_claim(ngx_http_request_t *r)
{
    ngx_uint_t                  below;
    ngx_http_cleanup_t         *cln;
    ngx_http_chat_req_t        *q;
    ngx_http_chat_loc_conf_t   *lcf;
    ngx_http_chat_srv_conf_t   *scf;
    ngx_http_chat_main_conf_t  *mcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_chat_module);
    scf = ngx_http_get_module_srv_conf(r, ngx_http_chat_module);

    below = lcf->enable && r->uri.len >= scf->path.len
            && ngx_strncmp(r->uri.data, scf->path.data, scf->path.len) == 0;

    if (!below && !scf->cabinet) {
        return NGX_DECLINED;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);

    if (mcf->worker == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    q = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_req_t));
    cln = ngx_http_cleanup_add(r, 0);
    if (q == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_chat_http_cleanup;
    cln->data = q;

    q->request = r;
    q->worker = mcf->worker;
    q->scf = scf;
    q->lcf = lcf;
    q->cabinet = !below;
    q->wait.handler = ngx_http_chat_http_resume;
    q->wait.data = q;

    q->call = 1;
    q->worker->calls++;
    q->worker->requests++;
    ngx_http_chat_stay(q->worker);

    ngx_http_set_ctx(r, q, ngx_http_chat_module);

    ngx_http_update_location_config(r);

    r->write_event_handler = ngx_http_request_empty_handler;
    ngx_http_finalize_request(r, ngx_http_chat_http_run(q));

    return NGX_DONE;
}


ngx_int_t
ngx_http_chat_http_run(ngx_http_chat_req_t *q)
{
    ngx_int_t  rc;

    for ( ;; ) {
        rc = ngx_http_chat_steps[q->step](q);

        if (rc == NGX_DECLINED) {
            q->step++;
            continue;
        }

        /* else an answer that did not fit the socket: nginx goes on with it */

        if (rc == NGX_AGAIN && q->wait.queued) {
            q->request->main->count++;
            return NGX_DONE;
        }

        return rc;
    }
}


static ngx_int_t
ngx_http_chat_http_share(ngx_http_chat_req_t *q)
{
    if (ngx_http_chat_sessions_share(q->worker) == NGX_OK) {
        return NGX_DECLINED;
    }

    return ngx_http_chat_http_error(q, CHAT_E_BUSY, NGX_HTTP_CHAT_FULL);
}


static ngx_int_t
ngx_http_chat_http_route(ngx_http_chat_req_t *q)
{
    ngx_str_t  path;

    path = q->request->uri;

    if (q->cabinet) {
        path.data++;
        path.len--;

        return ngx_http_chat_http_match(q, ngx_http_chat_cabinet_routes,
                                        &path);
    }

    path.data += q->scf->path.len;
    path.len -= q->scf->path.len;

    return ngx_http_chat_http_match(q, ngx_http_chat_visitor_routes, &path);
}


static ngx_int_t
ngx_http_chat_http_match(ngx_http_chat_req_t *q,
    const ngx_http_chat_route_t *routes, ngx_str_t *path)
{
    size_t                        len;
    ngx_uint_t                    methods;
    const ngx_http_chat_route_t  *route;

    methods = 0;

    for (route = routes; route->path.len; route++) {

        len = route->path.len;

        if (len == 1) {
            /* "/": everything that is left */
            len = 0;

        } else if (route->path.data[len - 1] == '/') {
            if (path->len <= len) {
                continue;
            }

        } else if (path->len != len) {
            continue;
        }

        if (ngx_strncmp(path->data, route->path.data, len) != 0) {
            continue;
        }

        if (route->handler == NULL || (len == 0 && methods)) {
            break;
        }

        if (route->method & q->request->method) {
            q->route = route;
            q->rest.data = path->data + len;
            q->rest.len = path->len - len;

            return NGX_DECLINED;
        }

        methods |= route->method;
    }

    if (methods) {
        return ngx_http_chat_http_allow(q, methods);
    }

    return ngx_http_chat_http_error(q, CHAT_E_NOT_FOUND, 0);
}


static ngx_int_t
ngx_http_chat_http_allow(ngx_http_chat_req_t *q, ngx_uint_t methods)
{
    ngx_str_t  allow;

    if (methods & NGX_HTTP_HEAD) {
        ngx_str_set(&allow, "GET, HEAD");

    } else if (methods & NGX_HTTP_GET) {
        ngx_str_set(&allow, "GET");

    } else if (methods & NGX_HTTP_DELETE) {
        ngx_str_set(&allow, "DELETE");

    } else {
        ngx_str_set(&allow, "POST");
    }

    if (ngx_http_chat_http_header(q->request, "Allow", &allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_http_error(q, CHAT_E_METHOD, 0);
}


static ngx_int_t
ngx_http_chat_http_room(ngx_http_chat_req_t *q)
{
    if (!(q->route->flags & NGX_HTTP_CHAT_HOLDS)
        || ngx_http_chat_sessions_room(q->worker) == NGX_OK)
    {
        return NGX_DECLINED;
    }

    return ngx_http_chat_http_error(q, CHAT_E_BUSY, NGX_HTTP_CHAT_FULL);
}


static ngx_int_t
ngx_http_chat_http_call(ngx_http_chat_req_t *q)
{
    ngx_int_t  rc;

    if (!q->body_read) {
        rc = ngx_http_discard_request_body(q->request);
        if (rc != NGX_OK) {
            return rc;
        }

        q->body_read = 1;
    }

    return q->route->handler(q);
}


/* From the registry: the step that waited runs again. */

static void
ngx_http_chat_http_resume(void *data, ngx_int_t rc)
{
    ngx_http_chat_req_t *q = data;

    q->again = 1;
    q->waited = rc;

    ngx_http_chat_http_finish(q, ngx_http_chat_http_run(q));
}


ngx_int_t
ngx_http_chat_http_hold(ngx_http_chat_req_t *q)
{
    ngx_event_t         *rev;
    ngx_http_request_t  *r;

    r = q->request;
    rev = r->connection->read;

    /* with "listen ... deferred" nothing was told of the connection so far */

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    r->main->count++;
    r->read_event_handler = ngx_http_test_reading;

    /* the client may have left while we waited for the store */

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_events);
    }

    return NGX_DONE;
}


void
ngx_http_chat_http_seat(ngx_http_chat_req_t *q)
{
    if (q->call) {
        q->call = 0;
        q->worker->calls--;
    }
}


void
ngx_http_chat_http_finish(ngx_http_chat_req_t *q, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = q->request->connection;

    ngx_http_finalize_request(q->request, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_chat_http_cleanup(void *data)
{
    ngx_http_chat_req_t *q = data;

    ngx_http_chat_registry_cancel(&q->wait);

    if (q->cancel) {
        q->cancel(q);
        q->cancel = NULL;
    }

    ngx_http_chat_http_seat(q);
    q->worker->requests--;
}
