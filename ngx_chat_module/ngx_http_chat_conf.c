
/*
 * Reading and judging the configuration.  Nothing here connects or resolves:
 * "nginx -t" must work while Redis is away.
 */

#include "ngx_http_chat_conf.h"
#include "ngx_http_chat_zone.h"


#define NGX_HTTP_CHAT_SITE_MAX      253
#define NGX_HTTP_CHAT_POOL          384     /* bytes, of a connection */


static char *ngx_http_chat_conf_limit(ngx_conf_t *cf, ngx_uint_t *rate,
    ngx_uint_t *burst, char *bounds);
static ngx_int_t ngx_http_chat_conf_server(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf);
static ngx_int_t ngx_http_chat_conf_needs(ngx_conf_t *cf,
    ngx_http_core_srv_conf_t *cscf, const char *what);
static const char *ngx_http_chat_conf_missing(
    ngx_http_chat_main_conf_t *mcf);
static const char *ngx_http_chat_conf_name(ngx_http_core_srv_conf_t *cscf,
    ngx_str_t *name);
static ngx_uint_t ngx_http_chat_conf_host(ngx_str_t *name);


char *
ngx_http_chat_conf_bounds(ngx_conf_t *cf, void *post, void *data)
{
    ngx_uint_t               value;
    ngx_http_chat_bounds_t  *bounds;

    bounds = post;
    value = *(ngx_uint_t *) data;

    return (value < bounds->low || value > bounds->high) ? bounds->text
                                                         : NGX_CONF_OK;
}


/* "name size" or "name:size" */

char *
ngx_http_chat_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char                     *colon;
    ssize_t                     size;
    ngx_str_t                  *value, name, text;
    ngx_http_chat_main_conf_t  *mcf;

    mcf = conf;

    if (mcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (cf->args->nelts == 3) {
        text = value[2];

    } else {
        colon = (u_char *) ngx_strchr(name.data, ':');

        if (colon == NULL) {
            return "needs a size: \"chat_zone name 32m\"";
        }

        text.data = colon + 1;
        text.len = name.data + name.len - text.data;
        name.len = colon - name.data;
    }

    if (name.len == 0) {
        return "needs a name";
    }

    size = ngx_parse_size(&text);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of chat_zone \"%V\"",
                           &text, &name);
        return NGX_CONF_ERROR;
    }

    if (size < NGX_HTTP_CHAT_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "size \"%V\" of chat_zone \"%V\" is less than 8m",
                           &text, &name);
        return NGX_CONF_ERROR;
    }

    return ngx_http_chat_zone_add(cf, mcf, &name, size);
}


ngx_uint_t
ngx_http_chat_conf_prefix(ngx_str_t *value, const char *prefix,
    ngx_str_t *rest)
{
    size_t  len;

    len = ngx_strlen(prefix);

    if (value->len < len || ngx_strncmp(value->data, prefix, len) != 0) {
        return 0;
    }

    rest->len = value->len - len;
    rest->data = value->data + len;

    return 1;
}


char *
ngx_http_chat_conf_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                      *rv;
    u_char                    *p, *last;
    ngx_http_chat_srv_conf_t  *scf;

    scf = conf;

    rv = ngx_conf_set_str_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    p = scf->path.data;
    last = p + scf->path.len;

    if (scf->path.len < 3 || *p != '/' || last[-1] != '/') {
        return "must begin and end with \"/\" and name a folder, as "
               "\"/_chat/\"";
    }

    for ( /* void */ ; p < last; p++) {

        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
            || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-'
            || *p == '.' || *p == '~')
        {
            continue;
        }

        if (*p == '/' && (p == scf->path.data || p[-1] != '/')) {
            continue;
        }

        return "may have letters, digits, \"-\", \".\", \"_\", \"~\" and "
               "single \"/\" only";
    }

    if (ngx_strstr(scf->path.data, "/./")
        || ngx_strstr(scf->path.data, "/../"))
    {
        return "must not have \"/./\" or \"/../\"";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_chat_conf_site(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > NGX_HTTP_CHAT_SITE_MAX) {
        return "must be 1 to 253 characters long";
    }

    return ngx_http_set_complex_value_slot(cf, cmd, conf);
}


/* "chat_rate 20 burst=100": frames a second of one client */

char *
ngx_http_chat_conf_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_chat_loc_conf_t  *lcf;

    lcf = conf;

    return ngx_http_chat_conf_limit(cf, &lcf->rate, &lcf->burst,
                            "must be between 1 and 10000 frames a second");
}


/* "chat_visitor_rate 60 burst=300": new visitors a minute of one address */

char *
ngx_http_chat_conf_visitor_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                 *value;
    ngx_http_chat_loc_conf_t  *lcf;

    lcf = conf;
    value = cf->args->elts;

    if (lcf->visitors == NGX_CONF_UNSET_UINT && cf->args->nelts == 2
        && value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0)
    {
        lcf->visitors = 0;
        lcf->visitors_burst = 0;
        return NGX_CONF_OK;
    }

    return ngx_http_chat_conf_limit(cf, &lcf->visitors, &lcf->visitors_burst,
                            "must be \"off\" or between 1 and 10000 a minute");
}


/* number [burst=number]; `bounds` is the complaint about the number. */

static char *
ngx_http_chat_conf_limit(ngx_conf_t *cf, ngx_uint_t *rate, ngx_uint_t *burst,
    char *bounds)
{
    ngx_int_t   n;
    ngx_str_t  *value, rest;

    if (*rate != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n < 1 || n > 10000) {
        return bounds;
    }

    *rate = n;
    *burst = 5 * n;

    if (cf->args->nelts == 3) {

        if (!ngx_http_chat_conf_prefix(&value[2], "burst=", &rest)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown parameter \"%V\" of %V",
                               &value[2], &value[0]);
            return NGX_CONF_ERROR;
        }

        n = ngx_atoi(rest.data, rest.len);

        if (n == NGX_ERROR || n < 1 || n > 100000) {
            return "must have a burst between 1 and 100000";
        }

        *burst = n;
    }

    return NGX_CONF_OK;
}


/* Servers ----------------------------------------------------------------- */

ngx_int_t
ngx_http_chat_conf_servers(ngx_conf_t *cf)
{
    const char                  *line;
    ngx_uint_t                   i;
    ngx_http_core_srv_conf_t   **cscfp;
    ngx_http_core_main_conf_t   *cmcf;
    ngx_http_chat_main_conf_t   *mcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        if (ngx_http_chat_conf_server(cf, cscfp[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);
    line = mcf->used ? ngx_http_chat_conf_missing(mcf) : NULL;

    if (line) {
        /* in a location of whichever server */
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"chat_echo\" is on: add \"%s\" to the http block",
                      line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_conf_server(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf)
{
    const char                 *why;
    ngx_str_t                   name;
    ngx_http_chat_srv_conf_t   *scf;
    ngx_http_chat_loc_conf_t   *lcf;
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);
    scf = cscf->ctx->srv_conf[ngx_http_chat_module.ctx_index];
    lcf = cscf->ctx->loc_conf[ngx_http_chat_module.ctx_index];

    if (!lcf->enable && !scf->cabinet) {
        return NGX_OK;
    }

    mcf->used = 1;

    /* of the default of 512 bytes a WebSocket leaves much unused for as long
       as it lives; what does not fit takes another block */

    if (cscf->connection_pool_size == 64 * sizeof(void *)) {
        cscf->connection_pool_size = NGX_HTTP_CHAT_POOL;
    }

    if (ngx_http_chat_conf_needs(cf, cscf, lcf->enable ? "chat"
                                                       : "chat_cabinet")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!lcf->enable) {
        return NGX_OK;
    }

    if (scf->site) {

        /* a literal names one site; which one a variable names is checked
         * with each request */

        if (scf->site->lengths == NULL) {
            scf->name = scf->site->value;
        }

        return NGX_OK;
    }

    why = ngx_http_chat_conf_name(cscf, &name);

    if (why) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"chat\" is on in the server at %s:%ui, whose "
                      "server_name \"%V\" %s, so that it does not tell which "
                      "site this is: add \"chat_site <name of the site>;\" "
                      "to that server", cscf->file_name, cscf->line, &name,
                      why);
        return NGX_ERROR;
    }

    scf->name = name;
    scf->autocreate = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_chat_conf_needs(ngx_conf_t *cf, ngx_http_core_srv_conf_t *cscf,
    const char *what)
{
    const char                 *line;
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    line = ngx_http_chat_conf_missing(mcf);

    if (line == NULL) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"%s\" is on in the server at %s:%ui: add \"%s\" to the "
                  "http block", what, cscf->file_name, cscf->line, line);

    return NGX_ERROR;
}


/* The line that chat cannot do without, or NULL. */

static const char *
ngx_http_chat_conf_missing(ngx_http_chat_main_conf_t *mcf)
{
    if (mcf->zone == NULL) {
        return "chat_zone chat 32m;";
    }

    if (mcf->redis == NULL) {
        return "chat_redis unix:/run/redis/redis-server.sock;";
    }

    return NULL;
}


/* The first name is the site's.  NULL, or what is wrong with it. */

static const char *
ngx_http_chat_conf_name(ngx_http_core_srv_conf_t *cscf, ngx_str_t *name)
{
    ngx_http_server_name_t  *sn;

    sn = cscf->server_names.elts;
    *name = sn[0].name;

    if (name->len == 0) {
        return "is empty";
    }

#if (NGX_PCRE)
    if (sn[0].regex) {
        return "is a regular expression";
    }
#endif

    if (name->data[0] == '*' || name->data[0] == '.'
        || name->data[name->len - 1] == '*')
    {
        return "is a wildcard";
    }

    if (!ngx_http_chat_conf_host(name)) {
        return "is not the name of a host";
    }

    return NULL;
}


/* "_" and the like name nobody. */

static ngx_uint_t
ngx_http_chat_conf_host(ngx_str_t *name)
{
    size_t      i;
    u_char      c;
    ngx_uint_t  word;

    if (name->len > NGX_HTTP_CHAT_SITE_MAX) {
        return 0;
    }

    word = 0;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            word = 1;
            continue;
        }

        if (c != '-' && c != '.' && c != '_') {
            return 0;
        }
    }

    return word;
}
