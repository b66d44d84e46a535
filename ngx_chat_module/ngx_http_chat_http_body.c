
/*
 * The step that waits for the body of a request, and the one that judges it
 * by its headers before.
 */

#include "ngx_http_chat_http.h"


static void ngx_http_chat_http_body_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_http_body_take(ngx_http_chat_req_t *q);


/* A body is announced as JSON, with its length, and is not too long. */

ngx_int_t
ngx_http_chat_http_form(ngx_http_chat_req_t *q)
{
    ngx_str_t           *type;
    ngx_http_request_t  *r;

    if (!(q->route->flags & NGX_HTTP_CHAT_JSON)) {
        return NGX_DECLINED;
    }

    r = q->request;
    type = ngx_http_chat_http_in(r, "content-type");

    if (type == NULL || type->len < 16
        || ngx_strncasecmp(type->data, (u_char *) "application/json", 16) != 0
        || (type->len > 16 && type->data[16] != ';'
            && type->data[16] != ' '))
    {
        return ngx_http_chat_http_error(q, CHAT_E_MEDIA_TYPE, 0);
    }

    if (r->headers_in.content_length_n < 0) {
        return ngx_http_chat_http_error(q, CHAT_E_LENGTH, 0);
    }

    if (r->headers_in.content_length_n > (off_t) q->lcf->frame_max) {
        return ngx_http_chat_http_error(q, CHAT_E_TOO_LARGE, 0);
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_chat_http_body(ngx_http_chat_req_t *q)
{
    ngx_int_t  rc;

    if (!(q->route->flags & NGX_HTTP_CHAT_JSON)) {
        return NGX_DECLINED;
    }

    q->body_read = 1;
    q->request->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(q->request,
                                           ngx_http_chat_http_body_read);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_chat_http_body_read(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_chat_req_t  *q;

    q = ngx_http_get_module_ctx(r, ngx_http_chat_module);

    r->write_event_handler = ngx_http_request_empty_handler;

    rc = ngx_http_chat_http_body_take(q);

    if (rc == NGX_OK) {
        q->step++;
        rc = ngx_http_chat_http_run(q);
    }

    ngx_http_finalize_request(r, rc);
}


/* The body as one text; client_body_buffer_size may have put it in a file. */

static ngx_int_t
ngx_http_chat_http_body_take(ngx_http_chat_req_t *q)
{
    off_t                size;
    u_char              *p;
    ssize_t              n;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = q->request;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (size = 0, cl = r->request_body->bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    q->body.data = p = ngx_pnalloc(r->pool, size + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        if (!b->in_file) {
            continue;
        }

        n = ngx_read_file(b->file, p, b->file_last - b->file_pos,
                          b->file_pos);
        if (n != b->file_last - b->file_pos) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += n;
    }

    q->body.len = p - q->body.data;

    return NGX_OK;
}
