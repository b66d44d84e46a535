
/*
 * POST v1/visitor: a visitor's identity, given or renewed.
 */

#include "ngx_http_chat_http.h"
#include <sodium.h>


#define NGX_HTTP_CHAT_VISITOR_S  (180 * 86400)


static ngx_int_t ngx_http_chat_visitor_cookie(ngx_http_chat_req_t *q,
    const chat_str_t *token);


ngx_int_t
ngx_http_chat_visitor_handler(ngx_http_chat_req_t *q)
{
    u_char                    text[CHAT_TOKEN_MAX], rnd[16];
    ngx_int_t                 rc;
    chat_token_t              token;
    chat_visitor_identity_t   out;

    rc = ngx_http_chat_http_token(q, &token);

    if (rc == NGX_DECLINED) {
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
