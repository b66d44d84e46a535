
/*
 * Variables for access logs and for the rest of a configuration:
 *
 *   $chat_role          visitor, operator; empty: neither
 *   $chat_account       number of the account the request belongs to
 *   $chat_site          number of the site; of an operator only if limited
 *   $chat_route         which address of ours: "v1/ws", "api/v1/login"
 *   $chat_node          this node's name, 16 hex digits
 *   $chat_connections   clients this worker holds
 *   $chat_delivery_age  ms since a message is known to have got through
 *
 * All but the last three are empty for requests that are not the chat's.
 */

#include "ngx_http_chat_http.h"
#include "ngx_http_chat_status.h"
#include "ngx_http_chat_zone.h"


static ngx_int_t ngx_http_chat_variable_role(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_variable_who(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_variable_route(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_variable_node(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_variable_connections(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_variable_age(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_chat_variable_text(ngx_http_variable_value_t *v,
    ngx_str_t *text);
static ngx_int_t ngx_http_chat_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t n);


static ngx_http_variable_t  ngx_http_chat_vars[] = {

    { ngx_string("chat_role"), NULL, ngx_http_chat_variable_role, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_account"), NULL, ngx_http_chat_variable_who,
      offsetof(ngx_http_chat_identity_t, account),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_site"), NULL, ngx_http_chat_variable_who,
      offsetof(ngx_http_chat_identity_t, site),
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_route"), NULL, ngx_http_chat_variable_route, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_node"), NULL, ngx_http_chat_variable_node, 0,
      0, 0 },

    { ngx_string("chat_connections"), NULL,
      ngx_http_chat_variable_connections, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("chat_delivery_age"), NULL, ngx_http_chat_variable_age, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_chat_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_chat_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_variable_role(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             text;
    ngx_http_chat_req_t  *q;

    q = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    if (q == NULL || q->who.kind == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    text.data = (u_char *) chat_actor_kind_names[q->who.kind];
    text.len = ngx_strlen(text.data);

    return ngx_http_chat_variable_text(v, &text);
}


static ngx_int_t
ngx_http_chat_variable_who(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    uint64_t              n;
    ngx_http_chat_req_t  *q;

    q = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    n = q ? *(uint64_t *) ((u_char *) &q->who + data) : 0;

    if (n == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_chat_variable_number(r, v, n);
}


static ngx_int_t
ngx_http_chat_variable_route(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             path;
    ngx_http_chat_req_t  *q;

    q = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    if (q == NULL || q->route == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    path = q->route->path;

    return ngx_http_chat_variable_text(v, &path);
}


static ngx_int_t
ngx_http_chat_variable_node(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                   text;
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);

    if (mcf->worker == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    text.data = ngx_pnalloc(r->pool, 16);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%016xL", mcf->worker->zone->node)
               - text.data;

    return ngx_http_chat_variable_text(v, &text);
}


static ngx_int_t
ngx_http_chat_variable_connections(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);

    if (mcf->worker == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_chat_variable_number(r, v, mcf->worker->connections);
}


static ngx_int_t
ngx_http_chat_variable_age(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);

    if (mcf->worker == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    return ngx_http_chat_variable_number(r, v,
                ngx_http_chat_zone_metric(mcf->worker->zone,
                                          CHAT_METRIC_DELIVERY_AGE_MS));
}


static ngx_int_t
ngx_http_chat_variable_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t n)
{
    ngx_str_t  text;

    text.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (text.data == NULL) {
        return NGX_ERROR;
    }

    text.len = ngx_sprintf(text.data, "%uL", n) - text.data;

    return ngx_http_chat_variable_text(v, &text);
}


static ngx_int_t
ngx_http_chat_variable_text(ngx_http_variable_value_t *v, ngx_str_t *text)
{
    v->data = text->data;
    v->len = text->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
