
/*
 * POST v1/visitor: a visitor's identity, given or renewed.
 */

#include "ngx_http_chat_http.h"
#include "ngx_http_chat_zone.h"
#include <sodium.h>


#define NGX_HTTP_CHAT_VISITOR_S  (180 * 86400)


static ngx_msec_t ngx_http_chat_visitor_wait(ngx_http_chat_req_t *q);
static ngx_int_t ngx_http_chat_visitor_cookie(ngx_http_chat_req_t *q,
    const chat_str_t *token);


ngx_int_t
ngx_http_chat_visitor_handler(ngx_http_chat_req_t *q)
{
    u_char                    text[CHAT_TOKEN_MAX], rnd[16];
    ngx_int_t                 rc;
    ngx_msec_t                wait;
    chat_token_t              token;
    chat_visitor_identity_t   out;

    rc = ngx_http_chat_http_token(q, &token);

    if (rc == NGX_DECLINED) {
        wait = ngx_http_chat_visitor_wait(q);

        if (wait) {
            ngx_http_chat_count(q->worker, CHAT_METRIC_VISITORS_LIMITED, 1);
            return ngx_http_chat_http_error(q, CHAT_E_RATE, wait);
        }

        randombytes_buf(rnd, sizeof(rnd));
        chat_visitor_print(token.visitor, rnd);

    } else if (rc != NGX_OK) {
        return ngx_http_chat_http_waited(q, rc, CHAT_E_UNAUTHORIZED);
    }

    token.site = q->who.site;
    token.issued = ngx_time();
    token.expires = token.issued + NGX_HTTP_CHAT_VISITOR_S;

    ngx_memzero(&out, sizeof(chat_visitor_identity_t));

    out.visitor.data = token.visitor;
    out.visitor.len = CHAT_VISITOR_LEN;
    chat_set(&out, CHAT_F_VISITOR_IDENTITY_VISITOR);

    out.token.data = text;
    out.token.len = chat_token_print(text, &token,
                                     ngx_http_chat_registry_keys(q->worker))
                    - text;
    chat_set(&out, CHAT_F_VISITOR_IDENTITY_TOKEN);

    out.expires_ms = token.expires * 1000;
    chat_set(&out, CHAT_F_VISITOR_IDENTITY_EXPIRES_MS);

    if (ngx_http_chat_visitor_cookie(q, &out.token) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_chat_http_object(q, &chat_visitor_identity_type, &out);
}


/*
 * Anybody may become a visitor, and each may open a dialog: an address shall
 * not become thousands.  Whoever owns one IPv6 address owns its /64.  0: go
 * on, else ms to wait.
 */

static ngx_msec_t
ngx_http_chat_visitor_wait(ngx_http_chat_req_t *q)
{
    size_t                 len;
    u_char                *p;
    uint64_t               key;
    struct sockaddr       *sa;
    ngx_http_chat_zone_t  *zone;

    sa = q->request->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        p = (u_char *) &((struct sockaddr_in *) sa)->sin_addr;
        len = 4;
        break;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        p = ((struct sockaddr_in6 *) sa)->sin6_addr.s6_addr;
        len = 8;

        if (IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *) sa)->sin6_addr)) {
            p += 12;
            len = 4;
        }

        break;
#endif

    default:
        /* a proxy that does not say whom it speaks for */
        return 0;
    }

    zone = q->worker->zone;

    crypto_shorthash((u_char *) &key, p, len, zone->rates_key);

    return chat_rates_take(&zone->visitors, key, ngx_current_msec,
                           q->lcf->visitors, q->lcf->visitors_burst);
}


/*
 * Lax, not Strict: who comes to the site by a link from elsewhere keeps his
 * dialog.  The path keeps the token away from the site's own programs.
 */

static ngx_int_t
ngx_http_chat_visitor_cookie(ngx_http_chat_req_t *q, const chat_str_t *token)
{
    size_t       len;
    ngx_str_t    value, secure;
    const char  *format;

    format = "chat_visitor=%V; Max-Age=%d; Path=%V; HttpOnly; SameSite=Lax%V";

    if (ngx_http_chat_http_secure(q->request)) {
        ngx_str_set(&secure, "; Secure");

    } else {
        ngx_str_null(&secure);
    }

    len = ngx_strlen(format) + token->len + NGX_INT32_LEN
          + q->scf->path.len + secure.len;

    value.data = ngx_pnalloc(q->request->pool, len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_snprintf(value.data, len, format, token,
                             NGX_HTTP_CHAT_VISITOR_S, &q->scf->path, &secure)
                - value.data;

    return ngx_http_chat_http_header(q->request, "Set-Cookie", &value);
}
