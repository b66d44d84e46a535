
/*
 * permessage-deflate of WebSockets: one stream of zlib per worker and
 * direction for all clients without contexts, who also share compressed
 * frames; streams of their own for a few, within a budget.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_http.h"
#include "ngx_http_chat_ws.h"

#include "chat_deflate.h"


#define NGX_HTTP_CHAT_DEFLATE_MIN  200   /* bytes worth to be compressed */


/* What a worker has of it. */
struct ngx_http_chat_ws_zlib_s {
    chat_deflate_t          *out[NGX_HTTP_CHAT_FRAME_PACKED];
    chat_inflate_t          *in;
    size_t                   contexts;       /* bytes promised to clients */
};

/* What was agreed with a client. */
struct ngx_http_chat_ws_deflate_s {
    chat_deflate_t          *out;            /* only with a context */
    chat_inflate_t          *in;
    size_t                   reserved;       /* of the budget */
    size_t                   min;
    uint8_t                  window;         /* 0: nothing is compressed */
    uint8_t                  client_bits;
    unsigned                 keep_out:1;
    unsigned                 keep_in:1;
};


static ngx_int_t ngx_http_chat_ws_deflate_agree(ngx_http_request_t *r,
    chat_deflate_params_t *params, ngx_uint_t context);
static ngx_int_t ngx_http_chat_ws_deflate_tell(ngx_http_request_t *r,
    chat_deflate_params_t *params);
static ngx_http_chat_frame_t *ngx_http_chat_ws_pack_shared(
    ngx_http_chat_ws_zlib_t *zlib, ngx_uint_t window,
    ngx_http_chat_frame_t *f);
static ngx_http_chat_frame_t *ngx_http_chat_ws_pack_own(
    ngx_http_chat_ws_deflate_t *d, ngx_http_chat_frame_t *f);
static ngx_http_chat_frame_t *ngx_http_chat_ws_compress(chat_deflate_t *z,
    ngx_http_chat_frame_t *f, ngx_uint_t keep);
static chat_inflate_t **ngx_http_chat_ws_inflater(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d);


/* chat_deflate on | off [context=size] [min=size] */

char *
ngx_http_chat_conf_deflate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    off_t                          size;
    ngx_str_t                     *value, s;
    ngx_uint_t                     i;
    ngx_http_chat_loc_conf_t      *lcf;
    ngx_http_chat_deflate_conf_t  *dcf;

    lcf = conf;
    dcf = &lcf->deflate;

    if (dcf->enable != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        dcf->enable = 1;

    } else if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        dcf->enable = 0;

    } else {
        return "must be \"on\" or \"off\"";
    }

    dcf->context = 0;
    dcf->min = NGX_HTTP_CHAT_DEFLATE_MIN;

    for (i = 2; i < cf->args->nelts; i++) {
        s = value[i];

        if (ngx_strncmp(s.data, "context=", 8) == 0) {
            s.data += 8;
            s.len -= 8;
            size = ngx_parse_offset(&s);

            if (size == NGX_ERROR || size > 1024 * 1024 * 1024) {
                return "must have a context between 0 and 1g";
            }

            dcf->context = size;
            continue;
        }

        if (ngx_strncmp(s.data, "min=", 4) == 0) {
            s.data += 4;
            s.len -= 4;
            size = ngx_parse_offset(&s);

            if (size == NGX_ERROR || size > 1024 * 1024) {
                return "must have a min between 0 and 1m";
            }

            dcf->min = size;
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown parameter \"%V\" of chat_deflate", &s);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_chat_ws_deflate(ngx_http_request_t *r, ngx_http_chat_worker_t *w,
    const ngx_http_chat_deflate_conf_t *conf, ngx_http_chat_ws_deflate_t **d)
{
    size_t                    size;
    ngx_int_t                 rc;
    chat_deflate_params_t     params;
    ngx_http_chat_ws_zlib_t  *zlib;

    *d = NULL;

    if (!conf->enable) {
        return NGX_OK;
    }

    zlib = w->sessions->zlib;

    if (zlib == NULL) {
        zlib = ngx_pcalloc(w->pool, sizeof(ngx_http_chat_ws_zlib_t));

        if (zlib == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        w->sessions->zlib = zlib;
    }

    rc = ngx_http_chat_ws_deflate_agree(r, &params, conf->context > 0);
    size = (rc == NGX_OK) ? chat_deflate_context_size(&params) : 0;

    if (size && zlib->contexts + size > conf->context) {
        rc = ngx_http_chat_ws_deflate_agree(r, &params, 0);
        size = 0;
    }

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_HTTP_BAD_REQUEST;
    }

    if (ngx_http_chat_ws_deflate_tell(r, &params) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *d = ngx_calloc(sizeof(ngx_http_chat_ws_deflate_t), w->log);

    if (*d == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    zlib->contexts += size;

    (*d)->reserved = size;
    (*d)->min = conf->min;
    (*d)->window = chat_deflate_window(&params);
    (*d)->client_bits = params.client_bits;
    (*d)->keep_out = !params.server_no_context;
    (*d)->keep_in = !params.client_no_context;

    return NGX_OK;
}


/* Offers may stand in several headers; the first good one is taken. */

static ngx_int_t
ngx_http_chat_ws_deflate_agree(ngx_http_request_t *r,
    chat_deflate_params_t *params, ngx_uint_t context)
{
    int                     rc;
    ngx_int_t               found;
    ngx_table_elt_t        *h;
    chat_deflate_params_t   p;

    h = NULL;
    found = NGX_DECLINED;

    while ((h = ngx_http_chat_ws_header(r, "sec-websocket-extensions", h))) {

        rc = chat_deflate_negotiate((chat_str_t *) &h->value, context, &p);

        if (rc == CHAT_ERROR) {
            return NGX_ERROR;
        }

        if (rc == CHAT_OK && found != NGX_OK) {
            found = NGX_OK;
            *params = p;
        }
    }

    return found;
}


static ngx_int_t
ngx_http_chat_ws_deflate_tell(ngx_http_request_t *r,
    chat_deflate_params_t *params)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, CHAT_DEFLATE_ANSWER_MAX);

    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = chat_deflate_answer(params, value.data) - value.data;

    return ngx_http_chat_http_header(r, "Sec-WebSocket-Extensions", &value);
}


void
ngx_http_chat_ws_deflate_done(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d)
{
    if (d->out) {
        chat_deflate_destroy(d->out);
    }

    if (d->in) {
        chat_inflate_destroy(d->in);
    }

    w->sessions->zlib->contexts -= d->reserved;

    ngx_free(d);
}


void
ngx_http_chat_ws_deflate_exit(ngx_http_chat_worker_t *w)
{
    ngx_uint_t                i;
    ngx_http_chat_ws_zlib_t  *zlib;

    zlib = w->sessions->zlib;

    if (zlib == NULL) {
        return;
    }

    for (i = 0; i < NGX_HTTP_CHAT_FRAME_PACKED; i++) {
        if (zlib->out[i]) {
            chat_deflate_destroy(zlib->out[i]);
        }
    }

    if (zlib->in) {
        chat_inflate_destroy(zlib->in);
    }

    w->sessions->zlib = NULL;
}


ngx_http_chat_frame_t *
ngx_http_chat_ws_pack(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d, ngx_http_chat_frame_t *f)
{
    ngx_http_chat_frame_t  *packed;

    if (d->window == 0 || f->len < d->min) {
        packed = NULL;

    } else if (d->keep_out) {
        packed = ngx_http_chat_ws_pack_own(d, f);

        if (packed) {
            return packed;
        }

    } else {
        packed = ngx_http_chat_ws_pack_shared(w->sessions->zlib, d->window,
                                              f);
    }

    if (packed == NULL) {
        packed = f;
    }

    packed->refs++;

    return packed;
}


/* The frame keeps its compressed forms, and that there is none. */

static ngx_http_chat_frame_t *
ngx_http_chat_ws_pack_shared(ngx_http_chat_ws_zlib_t *zlib, ngx_uint_t window,
    ngx_http_chat_frame_t *f)
{
    ngx_uint_t  i;

    i = (window == CHAT_DEFLATE_WIDE);

    if (f->packed[i] || f->solid & 1u << i) {
        return f->packed[i];
    }

    if (zlib->out[i] == NULL) {
        zlib->out[i] = chat_deflate_create(window, &ngx_http_chat_ws_mem);

        if (zlib->out[i] == NULL) {
            return NULL;
        }
    }

    f->packed[i] = ngx_http_chat_ws_compress(zlib->out[i], f, 0);

    if (f->packed[i] == NULL) {
        f->solid |= 1u << i;
    }

    return f->packed[i];
}


static ngx_http_chat_frame_t *
ngx_http_chat_ws_pack_own(ngx_http_chat_ws_deflate_t *d,
    ngx_http_chat_frame_t *f)
{
    if (d->out == NULL) {
        d->out = chat_deflate_create(d->window, &ngx_http_chat_ws_mem);

        if (d->out == NULL) {
            return NULL;
        }
    }

    return ngx_http_chat_ws_compress(d->out, f, 1);
}


/* NULL: it does not get shorter, or there is no memory to try. */

static ngx_http_chat_frame_t *
ngx_http_chat_ws_compress(chat_deflate_t *z, ngx_http_chat_frame_t *f,
    ngx_uint_t keep)
{
    size_t                  len;
    u_char                 *dst;
    chat_str_t              in;
    ngx_http_chat_frame_t  *packed;

    if (f->len == 0) {
        return NULL;
    }

    /* what waits for a slow client shall have its own size only */

    dst = ngx_alloc(f->len, ngx_cycle->log);

    if (dst == NULL) {
        return NULL;
    }

    in.data = f->data;
    in.len = f->len;

    packed = NULL;
    len = chat_deflate_message(z, &in, keep, dst, f->len);

    if (len) {
        packed = ngx_http_chat_frame_alloc(len);
    }

    if (packed) {
        packed->kind = f->kind;
        packed->compressed = 1;
        packed->len = len;
        ngx_memcpy(packed->data, dst, len);

        /* text or binary, as it was */
        ngx_http_chat_frame_head(packed, *(f->data - f->ws_len) & 0x0f);

    } else if (len) {
        /* it goes as it is: the client will not know this context */
        chat_deflate_forget(z);
    }

    ngx_free(dst);

    return packed;
}


ngx_uint_t
ngx_http_chat_ws_inflate(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d, chat_ws_event_t *ev, size_t max,
    u_char **reason)
{
    int              rc;
    uint32_t         utf8;
    chat_str_t       out;
    chat_inflate_t  *z;

    z = *ngx_http_chat_ws_inflater(w, d);

    if (z == NULL) {
        *reason = (u_char *) "out of memory";
        return CHAT_WS_INTERNAL;
    }

    rc = chat_inflate_message(z, &ev->data, d->keep_in, max, &out);
    utf8 = CHAT_UTF8_ACCEPT;

    if (rc == CHAT_OK
        && (ev->opcode != CHAT_WS_TEXT
            || (chat_utf8_feed(&utf8, out.data, out.len) == CHAT_OK
                && utf8 == CHAT_UTF8_ACCEPT)))
    {
        ev->data = out;
        return 0;
    }

    chat_inflate_free(z, &out);

    switch (rc) {

    case CHAT_OK:
        *reason = (u_char *) "invalid UTF-8";
        return CHAT_WS_BAD_DATA;

    case CHAT_DECLINED:
        *reason = (u_char *) "message too big";
        return CHAT_WS_TOO_BIG;

    case CHAT_BUSY:
        *reason = (u_char *) "out of memory";
        return CHAT_WS_INTERNAL;

    default: /* CHAT_ERROR */
        *reason = (u_char *) "invalid compressed data";
        return CHAT_WS_BAD_DATA;
    }
}


void
ngx_http_chat_ws_inflated(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d, chat_ws_event_t *ev)
{
    chat_inflate_free(*ngx_http_chat_ws_inflater(w, d), &ev->data);
}


/* The client's own stream, or everybody's; made when first needed. */

static chat_inflate_t **
ngx_http_chat_ws_inflater(ngx_http_chat_worker_t *w,
    ngx_http_chat_ws_deflate_t *d)
{
    chat_inflate_t  **z;

    z = d->keep_in ? &d->in : &w->sessions->zlib->in;

    if (*z == NULL) {
        *z = chat_inflate_create(d->keep_in ? d->client_bits : 15,
                                 &ngx_http_chat_ws_mem);
    }

    return z;
}
