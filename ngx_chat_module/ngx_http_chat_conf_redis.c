
/*
 * "chat_redis": an address, and what it takes to be let in.
 */

#include "ngx_http_chat_conf.h"


#define NGX_HTTP_CHAT_REDIS_PORT    6379
#define NGX_HTTP_CHAT_SECRET_MAX    512


static char *ngx_http_chat_conf_redis_address(ngx_conf_t *cf,
    ngx_http_chat_redis_conf_t *rc, ngx_str_t *value);
static char *ngx_http_chat_conf_redis_option(ngx_conf_t *cf,
    ngx_http_chat_redis_conf_t *rc, ngx_str_t *value);
static char *ngx_http_chat_conf_secret(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *secret);


char *
ngx_http_chat_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                        *rv;
    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_chat_main_conf_t   *mcf;
    ngx_http_chat_redis_conf_t  *rc;

    mcf = conf;

    if (mcf->redis) {
        return "is duplicate";
    }

    rc = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_redis_conf_t));
    if (rc == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    rv = ngx_http_chat_conf_redis_address(cf, rc, &value[1]);

    for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_chat_conf_redis_option(cf, rc, &value[i]);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (rc->user.len && rc->password.len == 0) {
        return "has \"user=\" but no \"password=\" or \"password_file=\"";
    }

    mcf->redis = rc;

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_conf_redis_address(ngx_conf_t *cf,
    ngx_http_chat_redis_conf_t *rc, ngx_str_t *value)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = *value;
    u.default_port = NGX_HTTP_CHAT_REDIS_PORT;
    u.no_resolve = 1;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\" of chat_redis: %s", value,
                           u.err ? u.err : "cannot be parsed");
        return NGX_CONF_ERROR;
    }

    if (u.naddrs == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "chat_redis \"%V\" is a host name, which is never "
                           "resolved: give \"unix:/path\" or an IP address",
                           value);
        return NGX_CONF_ERROR;
    }

    rc->addr = u.addrs[0];
    rc->name = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_chat_conf_redis_option(ngx_conf_t *cf,
    ngx_http_chat_redis_conf_t *rc, ngx_str_t *value)
{
    ngx_int_t  n;
    ngx_str_t  rest;

    if (ngx_http_chat_conf_prefix(value, "db=", &rest)) {

        n = ngx_atoi(rest.data, rest.len);

        if (n == NGX_ERROR || n > 65535) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid database \"%V\" of chat_redis: a "
                               "number is needed", value);
            return NGX_CONF_ERROR;
        }

        rc->db = rest;
        return NGX_CONF_OK;
    }

    if (ngx_http_chat_conf_prefix(value, "user=", &rest)) {
        rc->user = rest;
        return rest.len ? NGX_CONF_OK : "has an empty \"user=\"";
    }

    if (ngx_http_chat_conf_prefix(value, "password=", &rest)) {

        if (rc->password.len) {
            return "has two passwords";
        }

        rc->password = rest;
        return rest.len ? NGX_CONF_OK : "has an empty \"password=\"";
    }

    if (ngx_http_chat_conf_prefix(value, "password_file=", &rest)) {

        if (rc->password.len) {
            return "has two passwords";
        }

        return ngx_http_chat_conf_secret(cf, &rest, &rc->password);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown parameter \"%V\" of chat_redis", value);

    return NGX_CONF_ERROR;
}


/* The first line of a file, relative to the configuration. */

static char *
ngx_http_chat_conf_secret(ngx_conf_t *cf, ngx_str_t *file, ngx_str_t *secret)
{
    size_t      len;
    ssize_t     n;
    ngx_fd_t    fd;
    ngx_err_t   err;
    u_char      buf[NGX_HTTP_CHAT_SECRET_MAX + 2];

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", file);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));
    err = ngx_errno;

    (void) ngx_close_file(fd);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           ngx_read_fd_n " \"%V\" failed", file);
        return NGX_CONF_ERROR;
    }

    for (len = 0; len < (size_t) n; len++) {
        if (buf[len] == LF || buf[len] == CR) {
            break;
        }
    }

    if (len == 0 || len > NGX_HTTP_CHAT_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no password of at most %d characters in the "
                           "first line of \"%V\"", NGX_HTTP_CHAT_SECRET_MAX,
                           file);
        return NGX_CONF_ERROR;
    }

    secret->len = len;
    secret->data = ngx_pnalloc(cf->pool, len);

    if (secret->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(secret->data, buf, len);
    ngx_explicit_memzero(buf, sizeof(buf));

    return NGX_CONF_OK;
}
