
/*
 * WebSocket: the hand-shake, and leaving HTTP behind.
 *
 * A request costs 4 kB and more; a chat connection lives for hours.  So when
 * the 101 is out, the request is freed, and with it everything but the
 * connection itself; what the connection kept for requests to come (header
 * buffers) is freed as nginx does for idle keep-alive connections.
 */

#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_http.h"
#include "ngx_http_chat_ws.h"

#include <ngx_sha1.h>


#define NGX_HTTP_CHAT_WS_GUID     "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


/* The request while it is being left; lives in its pool. */
typedef struct {
    ngx_event_t          event;
    ngx_http_request_t  *request;
    ngx_http_chat_ws_t  *ws;          /* NULL: nothing to give up any more */
} ngx_http_chat_leave_t;


static ngx_int_t ngx_http_chat_ws_version(ngx_http_request_t *r);
static ngx_uint_t ngx_http_chat_ws_listed(ngx_http_request_t *r,
    const char *name, const char *token);
static ngx_uint_t ngx_http_chat_ws_token(ngx_str_t *list, const char *token);
static ngx_int_t ngx_http_chat_ws_accept(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_ws_subprotocol(ngx_http_request_t *r);
static void ngx_http_chat_ws_empty_handler(ngx_http_request_t *r);
static void ngx_http_chat_ws_detach(ngx_event_t *ev);
static void ngx_http_chat_ws_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc);
static void ngx_http_chat_ws_cleanup(void *data);


static ngx_str_t  ngx_http_chat_ws_websocket = ngx_string("websocket");


ngx_int_t
ngx_http_chat_ws_handshake(ngx_http_request_t *r)
{
    chat_str_t        key;
    ngx_table_elt_t  *h;

    if (r->method != NGX_HTTP_GET) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (r->http_version != NGX_HTTP_VERSION_11
        || !ngx_http_chat_ws_listed(r, "upgrade", "websocket"))
    {
        return ngx_http_chat_ws_version(r);
    }

    if (!ngx_http_chat_ws_listed(r, "connection", "upgrade")) {
        return NGX_HTTP_BAD_REQUEST;
    }

    h = ngx_http_chat_ws_header(r, "sec-websocket-version", NULL);

    if (h == NULL || h->value.len != 2
        || ngx_strncmp(h->value.data, "13", 2) != 0)
    {
        return ngx_http_chat_ws_version(r);
    }

    h = ngx_http_chat_ws_header(r, "sec-websocket-key", NULL);

    if (h == NULL || ngx_http_chat_ws_header(r, "sec-websocket-key", h)) {
        return NGX_HTTP_BAD_REQUEST;
    }

    key.data = h->value.data;
    key.len = h->value.len;

    if (chat_ws_key_valid(&key) != CHAT_OK) {
        return NGX_HTTP_BAD_REQUEST;
    }

    return NGX_OK;
}


/* 426 tells what would be understood (RFC 6455, 4.4; RFC 9110, 15.5.22). */

static ngx_int_t
ngx_http_chat_ws_version(ngx_http_request_t *r)
{
    static ngx_str_t  version = ngx_string("13");

    if (ngx_http_chat_http_header(r, "Sec-WebSocket-Version", &version)
        != NGX_OK
        || ngx_http_chat_http_header(r, "Upgrade",
                                     &ngx_http_chat_ws_websocket)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return 426;
}


ngx_table_elt_t *
ngx_http_chat_ws_header(ngx_http_request_t *r, const char *name,
    ngx_table_elt_t *after)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (after) {
                if (&h[i] == after) {
                    after = NULL;
                }

                continue;
            }

            if (h[i].key.len == len
                && ngx_strncmp(h[i].lowcase_key, name, len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


/* Is it in a header, whose list may be split into lines (RFC 9110, 5.3)? */

static ngx_uint_t
ngx_http_chat_ws_listed(ngx_http_request_t *r, const char *name,
    const char *token)
{
    ngx_table_elt_t  *h;

    h = NULL;

    while ((h = ngx_http_chat_ws_header(r, name, h))) {

        if (ngx_http_chat_ws_token(&h->value, token)) {
            return 1;
        }
    }

    return 0;
}


/* Is the token in a comma-separated list, in any case of letters? */

static ngx_uint_t
ngx_http_chat_ws_token(ngx_str_t *list, const char *token)
{
    u_char  *p, *end, *start, *stop;
    size_t   len;

    len = ngx_strlen(token);
    p = list->data;
    end = p + list->len;

    while (p < end) {
        start = p;

        while (p < end && *p != ',') {
            p++;
        }

        stop = p++;

        while (start < stop && (*start == ' ' || *start == '\t')) {
            start++;
        }

        while (stop > start && (stop[-1] == ' ' || stop[-1] == '\t')) {
            stop--;
        }

        if ((size_t) (stop - start) == len
            && ngx_strncasecmp(start, (u_char *) token, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_chat_ws_accept(ngx_http_request_t *r)
{
    u_char            sha[20];
    ngx_str_t         digest, value;
    ngx_sha1_t        sha1;
    ngx_table_elt_t  *h;

    h = ngx_http_chat_ws_header(r, "sec-websocket-key", NULL);

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, h->value.data, h->value.len);
    ngx_sha1_update(&sha1, NGX_HTTP_CHAT_WS_GUID,
                    sizeof(NGX_HTTP_CHAT_WS_GUID) - 1);
    ngx_sha1_final(sha, &sha1);

    digest.data = sha;
    digest.len = sizeof(sha);

    value.data = ngx_pnalloc(r->pool, ngx_base64_encoded_length(sizeof(sha)));

    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&value, &digest);

    return ngx_http_chat_http_header(r, "Sec-WebSocket-Accept", &value);
}


static ngx_int_t
ngx_http_chat_ws_subprotocol(ngx_http_request_t *r)
{
    static ngx_str_t  protocol = ngx_string("chat.v1");

    if (!ngx_http_chat_ws_listed(r, "sec-websocket-protocol", "chat.v1")) {
        return NGX_OK;
    }

    return ngx_http_chat_http_header(r, "Sec-WebSocket-Protocol", &protocol);
}


ngx_int_t
ngx_http_chat_ws_switch(ngx_http_request_t *r, ngx_http_chat_ws_t *ws)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_chat_leave_t  *leave;

    if (r != r->main || r->count != 1) {
        /* the connection, the request and its pool are others', too */
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "chat: a subrequest, or a request that has some, cannot "
                      "become a WebSocket: is there a \"mirror\"?");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_chat_leave_t));

    if (cln == NULL
        || ngx_http_chat_ws_accept(r) != NGX_OK
        || ngx_http_chat_ws_subprotocol(r) != NGX_OK
        || ngx_http_chat_http_header(r, "Upgrade",
                                     &ngx_http_chat_ws_websocket)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    leave = cln->data;
    ngx_memzero(leave, sizeof(ngx_http_chat_leave_t));

    leave->request = r;
    leave->event.handler = ngx_http_chat_ws_detach;
    leave->event.data = leave;
    leave->event.log = r->connection->log;

    r->keepalive = 0;
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");

    if (ngx_http_send_header(r) == NGX_ERROR
        || ngx_http_send_special(r, NGX_HTTP_FLUSH) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    leave->ws = ws;
    cln->handler = ngx_http_chat_ws_cleanup;

    r->read_event_handler = ngx_http_chat_ws_empty_handler;
    r->write_event_handler = ngx_http_chat_ws_empty_handler;

    /*
     * The request is freed later in this turn of the loop: callers up to
     * ngx_http_run_posted_requests() still look at it.
     */

    r->main->count++;
    ngx_post_event(&leave->event, &ngx_posted_events);

    return NGX_DONE;
}


static void
ngx_http_chat_ws_empty_handler(ngx_http_request_t *r)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "chat: event of a request that is being left");
}


static void
ngx_http_chat_ws_detach(ngx_event_t *ev)
{
    ngx_str_t               left;
    ngx_buf_t              *b;
    ngx_connection_t       *c;
    ngx_http_chat_ws_t     *ws;
    ngx_http_request_t     *r;
    ngx_http_connection_t  *hc;
    ngx_http_chat_leave_t  *leave;

    leave = ev->data;
    r = leave->request;
    c = r->connection;

    if (r->out || c->buffered || c->error) {
        /* not even the 101 found room in the socket */
        ngx_http_finalize_request(r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
        return;
    }

    ws = leave->ws;
    leave->ws = NULL;

    b = r->header_in;
    hc = r->http_connection;

    left.data = b->pos;
    left.len = b->last - b->pos;

    ngx_http_free_request(r, 0);

    c->destroyed = 0;
    c->sent = 0;
    c->log->action = "serving a chat";

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (c->tcp_nodelay == NGX_TCP_NODELAY_UNSET) {
        /* a refusal is logged; the chat goes on, if slower */
        (void) ngx_tcp_nodelay(c);
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "chat websocket: upgraded -> open, %uz bytes read ahead",
                   left.len);

    ngx_http_chat_ws_start(ws, &left);

    ngx_http_chat_ws_free_buffers(c, hc);
}


static void
ngx_http_chat_ws_free_buffers(ngx_connection_t *c, ngx_http_connection_t *hc)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl, *ln;

    b = c->buffer;

    if (ngx_pfree(c->pool, b->start) == NGX_OK) {
        b->start = NULL;
        b->pos = NULL;
        b->last = NULL;
    }

    for (cl = hc->free; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->free = NULL;

    for (cl = hc->busy; cl; /* void */) {
        ln = cl;
        cl = cl->next;
        ngx_pfree(c->pool, ln->buf->start);
        ngx_free_chain(c->pool, ln);
    }

    hc->busy = NULL;
    hc->nbusy = 0;

    if (c->ssl && !c->buffered) {
        /* answers to what came with the handshake may be waiting there */
        ngx_ssl_free_buffer(c);
    }
}


/* The request ends another way than by being left. */

static void
ngx_http_chat_ws_cleanup(void *data)
{
    ngx_http_chat_leave_t *leave = data;

    if (leave->event.posted) {
        ngx_delete_posted_event(&leave->event);
    }

    if (leave->ws) {
        ngx_http_chat_ws_abandon(leave->ws);
    }
}
