
/*
 * The browsers' files, out of the module itself: nothing to install beside
 * it, nothing that could be of another version than the server.
 */

#include "ngx_http_chat_http.h"
#include "ngx_http_chat_static.h"


typedef struct {
    const char      *name;
    ngx_str_t        value;
} ngx_http_chat_static_header_t;


static const ngx_http_chat_asset_t *ngx_http_chat_static_find(
    const ngx_http_chat_asset_t *assets, ngx_str_t *path);
static ngx_int_t ngx_http_chat_static_send(ngx_http_chat_req_t *q,
    const ngx_http_chat_asset_t *a,
    const ngx_http_chat_static_header_t *headers);
static ngx_int_t ngx_http_chat_static_headers(ngx_http_request_t *r,
    const ngx_http_chat_static_header_t *headers);


static const ngx_http_chat_static_header_t  ngx_http_chat_any_headers[] = {
    { "X-Content-Type-Options", ngx_string("nosniff") },
    { "Vary", ngx_string("Accept-Encoding") },
    { NULL, ngx_null_string }
};


static const ngx_http_chat_static_header_t  ngx_http_chat_widget_headers[] = {
    { NULL, ngx_null_string }
};


/*
 * The cabinet takes everything from its own host, is nobody's frame, and has
 * no script or style but its files.
 */

static const ngx_http_chat_static_header_t  ngx_http_chat_cabinet_headers[] = {
    { "Content-Security-Policy",
      ngx_string("default-src 'none'; script-src 'self'; style-src 'self'; "
                 "img-src 'self' data:; font-src 'self'; "
                 "connect-src 'self'; manifest-src 'self'; "
                 "base-uri 'none'; form-action 'self'; "
                 "frame-ancestors 'none'") },
    { "X-Frame-Options", ngx_string("DENY") },
    { "Referrer-Policy", ngx_string("same-origin") },
    { "Cross-Origin-Opener-Policy", ngx_string("same-origin") },
    { "Cross-Origin-Resource-Policy", ngx_string("same-origin") },
    { "Permissions-Policy",
      ngx_string("camera=(), microphone=(), geolocation=()") },
    { NULL, ngx_null_string }
};


ngx_int_t
ngx_http_chat_widget_handler(ngx_http_chat_req_t *q)
{
    ngx_str_t                     path;
    const ngx_http_chat_asset_t  *a;

    path = q->rest;

    if (path.len > 7 && ngx_strncmp(path.data, "widget/", 7) == 0) {
        path.data += 7;
        path.len -= 7;
    }

    a = ngx_http_chat_static_find(ngx_http_chat_widget_assets, &path);

    if (a == NULL) {
        return ngx_http_chat_http_error(q, CHAT_E_NOT_FOUND, 0);
    }

    return ngx_http_chat_static_send(q, a, ngx_http_chat_widget_headers);
}


/* Paths that are not files are places inside of the cabinet. */

ngx_int_t
ngx_http_chat_cabinet_handler(ngx_http_chat_req_t *q)
{
    ngx_str_t                     path;
    const ngx_http_chat_asset_t  *a;

    a = ngx_http_chat_static_find(ngx_http_chat_cabinet_assets, &q->rest);

    if (a == NULL
        && ngx_strlchr(q->rest.data, q->rest.data + q->rest.len, '.') == NULL)
    {
        ngx_str_set(&path, "index.html");
        a = ngx_http_chat_static_find(ngx_http_chat_cabinet_assets, &path);
    }

    if (a == NULL) {
        return ngx_http_chat_http_error(q, CHAT_E_NOT_FOUND, 0);
    }

    return ngx_http_chat_static_send(q, a, ngx_http_chat_cabinet_headers);
}


static const ngx_http_chat_asset_t *
ngx_http_chat_static_find(const ngx_http_chat_asset_t *assets, ngx_str_t *path)
{
    const ngx_http_chat_asset_t  *a;

    for (a = assets; a->path.len; a++) {
        if (a->path.len == path->len
            && ngx_strncmp(a->path.data, path->data, path->len) == 0)
        {
            return a;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_chat_static_send(ngx_http_chat_req_t *q,
    const ngx_http_chat_asset_t *a,
    const ngx_http_chat_static_header_t *headers)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_str_t            value;
    ngx_chain_t          out;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    r = q->request;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = (u_char *) a->start;
    b->last = (u_char *) a->end;
    b->last_buf = 1;
    b->last_in_chain = 1;

#if (NGX_HTTP_GZIP)
    if (a->gz_start && ngx_http_gzip_ok(r) == NGX_OK) {
        b->pos = (u_char *) a->gz_start;
        b->last = (u_char *) a->gz_end;

        ngx_str_set(&value, "gzip");

        if (ngx_http_chat_http_header(r, "Content-Encoding", &value)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        h = r->headers_out.headers.last->elts;
        r->headers_out.content_encoding =
                              &h[r->headers_out.headers.last->nelts - 1];
    }
#endif

    b->memory = b->pos == b->last ? 0 : 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type = a->type;
    r->headers_out.content_type_len = a->type.len;

    if (a->hashed) {
        ngx_str_set(&value, "public, max-age=31536000, immutable");

    } else {
        ngx_str_set(&value, "no-cache");
    }

    if (ngx_http_chat_http_header(r, "Cache-Control", &value) != NGX_OK
        || ngx_http_chat_static_headers(r, ngx_http_chat_any_headers)
           != NGX_OK
        || ngx_http_chat_static_headers(r, headers) != NGX_OK
        || ngx_http_chat_http_header(r, "ETag", (ngx_str_t *) &a->etag)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h = r->headers_out.headers.last->elts;
    r->headers_out.etag = &h[r->headers_out.headers.last->nelts - 1];

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_http_chat_static_headers(ngx_http_request_t *r,
    const ngx_http_chat_static_header_t *headers)
{
    ngx_str_t  value;

    for ( /* void */ ; headers->name; headers++) {
        value = headers->value;

        if (ngx_http_chat_http_header(r, headers->name, &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
