
/*
 * Frames: one allocation each, encoded once, shared by reference within the
 * worker.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_spare.h"

#include "chat_ws.h"


#define NGX_HTTP_CHAT_FRAME_HEAD    10   /* of an unmasked WebSocket frame */
#define NGX_HTTP_CHAT_FRAME_SPARES  2


/* answers, and messages of usual length */
static ngx_http_chat_spare_t
    ngx_http_chat_frame_spares[NGX_HTTP_CHAT_FRAME_SPARES] =
{
    ngx_http_chat_spare(256, 256),
    ngx_http_chat_spare(1024, 256)
};


ngx_http_chat_frame_t *
ngx_http_chat_frame_alloc(size_t size)
{
    ngx_uint_t              i;
    ngx_http_chat_frame_t  *f;
    ngx_http_chat_spare_t  *spares;

    spares = ngx_http_chat_frame_spares;
    size += sizeof(ngx_http_chat_frame_t) + NGX_HTTP_CHAT_FRAME_HEAD;

    for (i = 0; i < NGX_HTTP_CHAT_FRAME_SPARES; i++) {
        if (size <= spares[i].size) {
            break;
        }
    }

    f = (i < NGX_HTTP_CHAT_FRAME_SPARES)
        ? ngx_http_chat_spare_get(&spares[i], ngx_cycle->log)
        : ngx_alloc(size, ngx_cycle->log);

    if (f == NULL) {
        return NULL;
    }

    ngx_memzero(f, sizeof(ngx_http_chat_frame_t));

    f->refs = 1;
    f->spare = (i + 1) % (NGX_HTTP_CHAT_FRAME_SPARES + 1);
    f->data = (u_char *) f + sizeof(ngx_http_chat_frame_t)
              + NGX_HTTP_CHAT_FRAME_HEAD;

    return f;
}


void
ngx_http_chat_frame_free(ngx_http_chat_frame_t *f)
{
    ngx_uint_t  i;

    if (--f->refs) {
        return;
    }

    for (i = 0; i < NGX_HTTP_CHAT_FRAME_PACKED; i++) {
        if (f->packed[i]) {
            ngx_http_chat_frame_free(f->packed[i]);
        }
    }

    if (f->spare) {
        ngx_http_chat_spare_put(&ngx_http_chat_frame_spares[f->spare - 1], f);
        return;
    }

    ngx_free(f);
}


void
ngx_http_chat_frame_seal(ngx_http_chat_frame_t *f)
{
    ngx_http_chat_frame_head(f, CHAT_WS_TEXT);
}


void
ngx_http_chat_frame_head(ngx_http_chat_frame_t *f, int opcode)
{
    u_char  head[NGX_HTTP_CHAT_FRAME_HEAD], *end;

    end = chat_ws_header(head, opcode, f->compressed, f->len);

    f->ws_len = end - head;
    ngx_memcpy(f->data - f->ws_len, head, f->ws_len);
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_encode(int kind, const void *in, const chat_str_t *cursor)
{
    size_t                  len;
    u_char                  buf[NGX_HTTP_CHAT_FRAME_MOST];
    ngx_http_chat_frame_t  *f;

    len = chat_frame_encode(kind, in, buf, NGX_HTTP_CHAT_FRAME_MOST);

    f = ngx_http_chat_frame_alloc(len + (cursor ? cursor->len : 0));

    if (f == NULL) {
        return NULL;
    }

    f->kind = kind;
    f->len = len;

    if (len <= NGX_HTTP_CHAT_FRAME_MOST) {
        ngx_memcpy(f->data, buf, len);

    } else {
        (void) chat_frame_encode(kind, in, f->data, len);
    }

    ngx_http_chat_frame_cursor(f, cursor);
    ngx_http_chat_frame_seal(f);

    return f;
}


void
ngx_http_chat_frame_cursor(ngx_http_chat_frame_t *f, const chat_str_t *cursor)
{
    if (cursor) {
        f->durable = 1;
        f->cursor.len = cursor->len;
        f->cursor.data = f->data + f->len;
        ngx_memcpy(f->cursor.data, cursor->data, cursor->len);
    }
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_error(const ngx_http_chat_refusal_t *why)
{
    chat_frame_error_t       e;
    ngx_http_chat_frame_t   *f;
    const chat_error_def_t  *def;

    ngx_memzero(&e, sizeof(chat_frame_error_t));

    def = &chat_errors[why->error];

    e.code = def->name;
    chat_set(&e, CHAT_F_FRAME_ERROR_CODE);

    e.text = def->text;
    chat_set(&e, CHAT_F_FRAME_ERROR_TEXT);

    if (why->n) {
        e.n = why->n;
        chat_set(&e, CHAT_F_FRAME_ERROR_N);
    }

    if (def->klass == CHAT_ERROR_GAP) {
        e.expected = why->expected;
        chat_set(&e, CHAT_F_FRAME_ERROR_EXPECTED);
    }

    if (def->klass == CHAT_ERROR_TEMPORARY) {
        e.retry_ms = why->retry_ms ? why->retry_ms
                                   : NGX_HTTP_CHAT_RETRY;
        chat_set(&e, CHAT_F_FRAME_ERROR_RETRY_MS);
    }

    if (why->fault) {
        e.field.data = (u_char *) why->fault->field;
        e.field.len = ngx_strlen(why->fault->field);

        if (e.field.len) {
            chat_set(&e, CHAT_F_FRAME_ERROR_FIELD);
        }

        e.offset = why->fault->offset;
        chat_set(&e, CHAT_F_FRAME_ERROR_OFFSET);
    }

    f = ngx_http_chat_frame_encode(CHAT_FRAME_ERROR, &e, NULL);

    if (f) {
        f->retry_s = ngx_min((e.retry_ms + 999) / 1000, 4095);
    }

    return f;
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_bye(ngx_uint_t reason, ngx_msec_t after,
    ngx_uint_t resume)
{
    chat_frame_bye_t  bye;

    ngx_memzero(&bye, sizeof(chat_frame_bye_t));

    bye.reason = reason;
    chat_set(&bye, CHAT_F_FRAME_BYE_REASON);

    bye.after_ms = after;
    chat_set(&bye, CHAT_F_FRAME_BYE_AFTER_MS);

    bye.resume = resume;
    chat_set(&bye, CHAT_F_FRAME_BYE_RESUME);

    return ngx_http_chat_frame_encode(CHAT_FRAME_BYE, &bye, NULL);
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_link(ngx_uint_t up)
{
    chat_frame_link_t  link;

    ngx_memzero(&link, sizeof(chat_frame_link_t));

    link.link = up ? CHAT_LINK_STATE_UP : CHAT_LINK_STATE_DOWN;
    chat_set(&link, CHAT_F_FRAME_LINK_LINK);

    return ngx_http_chat_frame_encode(CHAT_FRAME_LINK, &link, NULL);
}


ngx_http_chat_frame_t *
ngx_http_chat_frame_pong(void)
{
    chat_frame_pong_t  pong;

    ngx_memzero(&pong, sizeof(chat_frame_pong_t));

    return ngx_http_chat_frame_encode(CHAT_FRAME_PONG, &pong, NULL);
}


/* An event of the log as an element of welcome and history. */

ngx_int_t
ngx_http_chat_frame_event_view(const chat_entry_t *e, chat_event_view_t *view,
    chat_mem_t *mem)
{
    void                    *body;
    size_t                   len;
    u_char                  *p;
    chat_fault_t             fault;
    const chat_event_def_t  *def;

    ngx_memzero(view, sizeof(chat_event_view_t));

    def = chat_event_def(e->event);

    if (def == NULL) {
        return NGX_DECLINED;
    }

    body = chat_mem_alloc(mem, def->type->size);

    if (body == NULL) {
        return NGX_ERROR;
    }

    if (chat_body_decode(def->type, &e->body, body, mem, &fault) != CHAT_OK) {
        return NGX_DECLINED;
    }

    len = chat_json_encode(def->type, body, NULL, 0);
    p = chat_mem_alloc(mem, len + 64);

    if (p == NULL) {
        return NGX_ERROR;
    }

    view->body.data = p;
    view->body.len = chat_json_encode(def->type, body, p, len);
    chat_set(view, CHAT_F_EVENT_VIEW_BODY);

    p += len;

    view->id.data = p;
    view->id.len = chat_id_print(p, &e->id) - p;
    chat_set(view, CHAT_F_EVENT_VIEW_ID);

    view->e = def->name;
    chat_set(view, CHAT_F_EVENT_VIEW_E);

    view->dialog = e->dialog;
    chat_set(view, CHAT_F_EVENT_VIEW_DIALOG);

    if (e->seq) {
        view->seq = e->seq;
        chat_set(view, CHAT_F_EVENT_VIEW_SEQ);
    }

    if (e->sender.len) {
        view->sender = e->sender;
        chat_set(view, CHAT_F_EVENT_VIEW_SENDER);
    }

    return NGX_OK;
}
