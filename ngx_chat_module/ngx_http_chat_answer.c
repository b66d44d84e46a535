
/*
 * Answers and headers.
 */

#include "ngx_http_chat_http.h"
#include "chat_str.h"


#define NGX_HTTP_CHAT_ERROR_MAX    512
#define NGX_HTTP_CHAT_ERROR_RETRY  1000   /* ms, when nobody knows better */


static ngx_int_t ngx_http_chat_answer_headers(ngx_http_chat_req_t *q,
    ngx_uint_t status, off_t len);
static ngx_int_t ngx_http_chat_answer_retry(ngx_http_request_t *r,
    ngx_msec_t ms);


ngx_int_t
ngx_http_chat_http_error(ngx_http_chat_req_t *q, ngx_uint_t error,
    ngx_msec_t retry_ms)
{
    u_char                   *p;
    ngx_str_t                 text;
    ngx_http_request_t       *r;
    chat_frame_error_t        frame;
    const chat_error_def_t   *def;

    r = q->request;
    def = &chat_errors[error];

    ngx_memzero(&frame, sizeof(chat_frame_error_t));

    frame.code = def->name;
    chat_set(&frame, CHAT_F_FRAME_ERROR_CODE);
    frame.text = def->text;
    chat_set(&frame, CHAT_F_FRAME_ERROR_TEXT);

    if (retry_ms == 0 && def->klass == CHAT_ERROR_TEMPORARY) {
        retry_ms = NGX_HTTP_CHAT_ERROR_RETRY;
    }

    if (retry_ms) {
        frame.retry_ms = retry_ms;
        chat_set(&frame, CHAT_F_FRAME_ERROR_RETRY_MS);

        if (ngx_http_chat_answer_retry(r, retry_ms) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (q->fault) {
        frame.field.data = (u_char *) q->fault->field;
        frame.field.len = ngx_strlen(q->fault->field);
        chat_set(&frame, CHAT_F_FRAME_ERROR_FIELD);

        frame.offset = q->fault->offset;
        chat_set(&frame, CHAT_F_FRAME_ERROR_OFFSET);
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_CHAT_ERROR_MAX);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = p;
    text.len = ngx_min(chat_frame_encode(CHAT_FRAME_ERROR, &frame, p,
                                         NGX_HTTP_CHAT_ERROR_MAX),
                       NGX_HTTP_CHAT_ERROR_MAX);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "chat: refused: %V", (ngx_str_t *) &def->name);

    return ngx_http_chat_http_text(q, def->http, &text);
}


static ngx_int_t
ngx_http_chat_answer_retry(ngx_http_request_t *r, ngx_msec_t ms)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_TIME_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%T", (time_t) (ms + 999) / 1000)
                - value.data;

    return ngx_http_chat_http_header(r, "Retry-After", &value);
}


ngx_int_t
ngx_http_chat_http_object(ngx_http_chat_req_t *q, const chat_type_t *type,
    const void *object)
{
    ngx_str_t  text;

    text.len = chat_json_encode(type, object, NULL, 0);

    text.data = ngx_pnalloc(q->request->pool, text.len);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) chat_json_encode(type, object, text.data, text.len);

    return ngx_http_chat_http_text(q, NGX_HTTP_OK, &text);
}


ngx_int_t
ngx_http_chat_http_text(ngx_http_chat_req_t *q, ngx_uint_t status,
    ngx_str_t *text)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = q->request;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    rc = ngx_http_chat_answer_headers(q, status, text->len);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = text->len ? 1 : 0;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_chat_http_empty(ngx_http_chat_req_t *q)
{
    q->request->header_only = 1;

    return ngx_http_chat_answer_headers(q, NGX_HTTP_NO_CONTENT, -1);
}


static ngx_int_t
ngx_http_chat_answer_headers(ngx_http_chat_req_t *q, ngx_uint_t status,
    off_t len)
{
    ngx_int_t            rc;
    ngx_str_t            value;
    ngx_http_request_t  *r;

    r = q->request;

    if (!q->body_read) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        q->body_read = 1;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = len;

    ngx_str_set(&value, "no-store");
    if (ngx_http_chat_http_header(r, "Cache-Control", &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&value, "nosniff");
    if (ngx_http_chat_http_header(r, "X-Content-Type-Options", &value)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_chat_http_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


ngx_str_t *
ngx_http_chat_http_in(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_chat_http_cookie(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
#if (nginx_version >= 1023000)

    if (ngx_http_parse_multi_header_lines(r, r->headers_in.cookie, name,
                                          value)
        == NULL)
    {
        return NGX_DECLINED;
    }

#else

    if (ngx_http_parse_multi_header_lines(&r->headers_in.cookies, name,
                                          value)
        == NGX_DECLINED)
    {
        return NGX_DECLINED;
    }

#endif

    return value->len ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_chat_http_arg(ngx_http_request_t *r, const char *name,
    chat_str_t *value)
{
    u_char     *dst, *src;
    ngx_str_t   arg;

    value->len = 0;
    value->data = NULL;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &arg) != NGX_OK
        || arg.len == 0)
    {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, arg.len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    value->data = dst;
    src = arg.data;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


ngx_uint_t
ngx_http_chat_http_secure(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)
    return r->connection->ssl != NULL;
#else
    return 0;
#endif
}


ngx_uint_t
ngx_http_chat_http_loopback(ngx_http_request_t *r)
{
    in_addr_t             addr;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        addr = ntohl(sin->sin_addr.s_addr);
        return (addr >> 24) == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        return 1;
#endif

    default:
        return 0;
    }
}
