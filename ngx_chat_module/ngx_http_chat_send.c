
/*
 * POST v1/send: one command of a client that listens by other means.  Also
 * where the WebSocket transport is entered.
 */

#include "ngx_http_chat_http.h"


static void ngx_http_chat_send_done(void *data, ngx_uint_t status,
    ngx_http_chat_frame_t *f);
static ngx_int_t ngx_http_chat_send_answer(ngx_http_chat_req_t *q,
    ngx_uint_t status, ngx_http_chat_frame_t *f);
static void ngx_http_chat_send_cancel(ngx_http_chat_req_t *q);


ngx_int_t
ngx_http_chat_send_handler(ngx_http_chat_req_t *q)
{
    chat_str_t  instance, cursor;

    if (ngx_http_chat_http_arg(q->request, "instance", &instance) != NGX_OK
        || ngx_http_chat_http_arg(q->request, "cursor", &cursor) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!chat_instance_valid(&instance)) {
        return ngx_http_chat_http_error(q, CHAT_E_BAD_FIELD, 0);
    }

    q->data = ngx_http_chat_command(q->worker, &q->who,
                                    (chat_str_t *) &q->body, &instance,
                                    &cursor, q->lcf, ngx_http_chat_send_done,
                                    q);
    if (q->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    q->cancel = ngx_http_chat_send_cancel;

    return ngx_http_chat_http_hold(q);
}


static void
ngx_http_chat_send_done(void *data, ngx_uint_t status,
    ngx_http_chat_frame_t *f)
{
    ngx_int_t             rc;
    ngx_http_chat_req_t  *q = data;

    q->data = NULL;
    q->cancel = NULL;

    rc = ngx_http_chat_send_answer(q, status, f);

    if (f) {
        ngx_http_chat_frame_free(f);
    }

    ngx_http_chat_http_finish(q, rc);
}


static ngx_int_t
ngx_http_chat_send_answer(ngx_http_chat_req_t *q, ngx_uint_t status,
    ngx_http_chat_frame_t *f)
{
    ngx_str_t  text, value;

    if (f == NULL) {
        return ngx_http_chat_http_error(q, status ? status : CHAT_E_INTERNAL,
                                        0);
    }

    text.len = f->len;
    text.data = ngx_pnalloc(q->request->pool, f->len);
    if (text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(text.data, f->data, f->len);

    if (status == 0) {
        return ngx_http_chat_http_text(q, NGX_HTTP_OK, &text);
    }

    if (f->retry_s) {
        value.data = ngx_pnalloc(q->request->pool, NGX_INT_T_LEN);
        if (value.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        value.len = ngx_sprintf(value.data, "%ui", (ngx_uint_t) f->retry_s)
                    - value.data;

        if (ngx_http_chat_http_header(q->request, "Retry-After", &value)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_chat_http_text(q, chat_errors[status].http, &text);
}


static void
ngx_http_chat_send_cancel(ngx_http_chat_req_t *q)
{
    ngx_http_chat_command_cancel(q->data);
}


ngx_int_t
ngx_http_chat_ws_handler(ngx_http_chat_req_t *q)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = q->request;

#if (NGX_HTTP_V2)
    if (r->stream) {
        /* no RFC 8441 in nginx: browsers open an HTTP/1.1 connection */
        return ngx_http_chat_http_error(q, CHAT_E_UPGRADE, 0);
    }
#endif

    ngx_http_chat_http_seat(q);

    rc = ngx_http_chat_ws_upgrade(r, q->worker, &q->who, q->lcf);

    if (rc < NGX_HTTP_SPECIAL_RESPONSE || r->header_sent) {
        return rc;
    }

    /* refused: in our words, with the headers that upgrade() has set */

    switch (rc) {

    case NGX_HTTP_BAD_REQUEST:
        return ngx_http_chat_http_error(q, CHAT_E_BAD_FIELD, 0);

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        return ngx_http_chat_http_error(q, CHAT_E_INTERNAL, 2000);

    default:
        return ngx_http_chat_http_error(q, CHAT_E_UPGRADE, 0);
    }
}
