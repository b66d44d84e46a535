
/*
 * Long poll: a session for the time of one request.  It answers with all
 * frames of the loop turn in which the first one came, or with none when
 * chat_poll_timeout is over.
 */

#include "ngx_http_chat_http.h"


typedef struct {
    ngx_http_chat_req_t      *req;
    ngx_http_chat_session_t  *session;
    ngx_array_t               frames;      /* ngx_http_chat_frame_t * */
    size_t                    len;         /* of their texts */
    chat_str_t                cursor;      /* the client's, until a newer */
    chat_str_t                presence;    /* the same */
    ngx_event_t               answer;      /* posted */
    ngx_event_t               timer;
    unsigned                  full:1;
} ngx_http_chat_poll_t;


static void ngx_http_chat_poll_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
static void ngx_http_chat_poll_close(ngx_http_chat_session_t *s,
    ngx_uint_t code, ngx_str_t *reason);
static chat_str_t *ngx_http_chat_poll_knows(ngx_http_chat_session_t *s);
static void ngx_http_chat_poll_answer(ngx_event_t *ev);
static ngx_int_t ngx_http_chat_poll_text(ngx_http_chat_poll_t *poll,
    ngx_str_t *text);
static void ngx_http_chat_poll_cancel(ngx_http_chat_req_t *q);


static const ngx_http_chat_transport_t  ngx_http_chat_poll_transport = {
    .name = "poll",
    .quiet = 1,
    .send = ngx_http_chat_poll_send,
    .close = ngx_http_chat_poll_close,
    .knows = ngx_http_chat_poll_knows
};


ngx_int_t
ngx_http_chat_poll_handler(ngx_http_chat_req_t *q)
{
    chat_str_t             instance;
    ngx_http_request_t    *r;
    ngx_http_chat_poll_t  *poll;

    r = q->request;

    poll = ngx_pcalloc(r->pool, sizeof(ngx_http_chat_poll_t));

    if (poll == NULL
        || ngx_array_init(&poll->frames, r->pool, 4,
                          sizeof(ngx_http_chat_frame_t *))
           != NGX_OK
        || ngx_http_chat_http_arg(r, "instance", &instance) != NGX_OK
        || ngx_http_chat_http_arg(r, "cursor", &poll->cursor) != NGX_OK
        || ngx_http_chat_http_arg(r, "presence", &poll->presence) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!chat_instance_valid(&instance)
        || poll->presence.len > NGX_HTTP_CHAT_PRESENCE_LEN)
    {
        return ngx_http_chat_http_error(q, CHAT_E_BAD_FIELD, 0);
    }

    poll->req = q;

    poll->answer.handler = ngx_http_chat_poll_answer;
    poll->answer.data = poll;
    poll->answer.log = r->connection->log;

    poll->timer.handler = ngx_http_chat_poll_answer;
    poll->timer.data = poll;
    poll->timer.log = r->connection->log;
    poll->timer.cancelable = 1;

    poll->session = ngx_http_chat_session_create(q->worker, &q->who,
                        &ngx_http_chat_poll_transport, poll, q->lcf);
    if (poll->session == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    q->data = poll;
    q->cancel = ngx_http_chat_poll_cancel;

    ngx_http_chat_http_seat(q);

    ngx_http_chat_count(q->worker, CHAT_METRIC_CONNECTIONS_POLL, 1);
    ngx_add_timer(&poll->timer, q->lcf->poll);

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "chat poll: held");

    ngx_http_chat_session_hello(poll->session, &instance, &poll->cursor);

    return ngx_http_chat_http_hold(q);
}


static void
ngx_http_chat_poll_send(ngx_http_chat_session_t *s, ngx_http_chat_frame_t *f)
{
    ngx_http_chat_poll_t    *poll;
    ngx_http_chat_frame_t  **fp;

    poll = ngx_http_chat_session_transport(s);

    /* what does not fit comes with the next poll: the cursor says whence */

    if (poll->frames.nelts
        && poll->len + f->len > poll->req->lcf->queue)
    {
        poll->full = 1;
    }

    if (poll->full) {
        return;
    }

    fp = ngx_array_push(&poll->frames);

    if (fp == NULL) {
        poll->full = 1;

    } else {
        *fp = f;
        f->refs++;
        poll->len += f->len + 1;
    }

    ngx_post_event(&poll->answer, &ngx_posted_events);
}


static void
ngx_http_chat_poll_close(ngx_http_chat_session_t *s, ngx_uint_t code,
    ngx_str_t *reason)
{
    ngx_http_chat_poll_t  *poll;

    poll = ngx_http_chat_session_transport(s);

    ngx_post_event(&poll->answer, &ngx_posted_events);
}


static chat_str_t *
ngx_http_chat_poll_knows(ngx_http_chat_session_t *s)
{
    ngx_http_chat_poll_t  *poll;

    poll = ngx_http_chat_session_transport(s);

    return &poll->presence;
}


static void
ngx_http_chat_poll_answer(ngx_event_t *ev)
{
    ngx_int_t              rc;
    ngx_str_t              text;
    ngx_http_chat_req_t   *q;
    ngx_http_chat_poll_t  *poll = ev->data;

    q = poll->req;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ev->log, 0,
                   "chat poll: held -> answered, %ui frames",
                   poll->frames.nelts);

    rc = ngx_http_chat_poll_text(poll, &text);

    q->cancel = NULL;
    ngx_http_chat_poll_cancel(q);

    if (rc == NGX_OK) {
        rc = ngx_http_chat_http_text(q, NGX_HTTP_OK, &text);
        ngx_http_chat_count(q->worker, CHAT_METRIC_BYTES_OUT, text.len);

    } else {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_chat_http_finish(q, rc);
}


/*
 * {"cursor":"...","presence":"...","frames":[...]}: the frames are JSON
 * already.
 */

static ngx_int_t
ngx_http_chat_poll_text(ngx_http_chat_poll_t *poll, ngx_str_t *text)
{
    u_char                  *p;
    size_t                   cursor, presence;
    u_char                   now[NGX_HTTP_CHAT_PRESENCE_LEN];
    ngx_uint_t               i;
    ngx_http_chat_frame_t  **fp;

    fp = poll->frames.elts;

    for (i = 0; i < poll->frames.nelts; i++) {
        if (fp[i]->durable) {
            poll->cursor = fp[i]->cursor;
        }
    }

    if (!poll->full
        && ngx_http_chat_session_known(poll->session, now) == NGX_OK)
    {
        poll->presence.data = now;
        poll->presence.len = sizeof(now);
    }

    cursor = chat_json_quote(&poll->cursor, NULL, 0);
    presence = chat_json_quote(&poll->presence, NULL, 0);

    text->data = ngx_pnalloc(poll->req->request->pool,
                     sizeof("{\"cursor\":,\"presence\":,\"frames\":[]}")
                     + cursor + presence + poll->len);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(text->data, "{\"cursor\":", 10);
    p += chat_json_quote(&poll->cursor, p, cursor);
    p = ngx_cpymem(p, ",\"presence\":", 12);
    p += chat_json_quote(&poll->presence, p, presence);
    p = ngx_cpymem(p, ",\"frames\":[", 11);

    for (i = 0; i < poll->frames.nelts; i++) {
        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, fp[i]->data, fp[i]->len);
    }

    *p++ = ']';
    *p++ = '}';

    text->len = p - text->data;

    return NGX_OK;
}


static void
ngx_http_chat_poll_cancel(ngx_http_chat_req_t *q)
{
    ngx_uint_t               i;
    ngx_http_chat_poll_t    *poll = q->data;
    ngx_http_chat_frame_t  **fp;

    ngx_http_chat_session_close(poll->session);
    ngx_http_chat_count(q->worker, CHAT_METRIC_CONNECTIONS_POLL, -1);

    fp = poll->frames.elts;

    for (i = 0; i < poll->frames.nelts; i++) {
        ngx_http_chat_frame_free(fp[i]);
    }

    if (poll->answer.posted) {
        ngx_delete_posted_event(&poll->answer);
    }

    if (poll->timer.timer_set) {
        ngx_del_timer(&poll->timer);
    }
}
