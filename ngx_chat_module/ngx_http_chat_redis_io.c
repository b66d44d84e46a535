
/*
 * Calls and answers of a connection to Redis: one send() for all that is
 * asked in a turn of the event loop, answers in order.
 */

#include "ngx_http_chat_redis_internal.h"
#include "ngx_http_chat_spare.h"
#include "ngx_http_chat_zone.h"


#define NGX_HTTP_CHAT_REDIS_RECV  65536
#define NGX_HTTP_CHAT_REDIS_SLOW  50000        /* us, a round trip */


static ngx_int_t ngx_http_chat_redis_replies(ngx_http_chat_redis_t *r);
static uint64_t ngx_http_chat_redis_clock(void);
static void ngx_http_chat_redis_trip(ngx_http_chat_redis_t *r,
    uint64_t asked, uint64_t answered);
static ngx_int_t ngx_http_chat_redis_put(ngx_http_chat_redis_t *r,
    const chat_str_t *bytes, ngx_msec_t timeout,
    ngx_http_chat_redis_reply_pt handler, void *data);
static ngx_int_t ngx_http_chat_redis_room(ngx_http_chat_redis_t *r,
    size_t len);


/* thousands wait when all that is kept for a replay is sent again */
static ngx_http_chat_spare_t  ngx_http_chat_redis_pendings =
    ngx_http_chat_spare(sizeof(ngx_http_chat_redis_pending_t), 256);


/* Calls ------------------------------------------------------------------- */

ngx_int_t
ngx_http_chat_redis_send(ngx_http_chat_redis_t *r, const chat_str_t *bytes,
    ngx_msec_t timeout, ngx_http_chat_redis_reply_pt handler, void *data)
{
    if (!r->up) {
        return NGX_DECLINED;
    }

    return ngx_http_chat_redis_put(r, bytes, timeout, handler, data);
}


ngx_int_t
ngx_http_chat_redis_call(ngx_http_chat_redis_t *r, const chat_cmd_t *cmd,
    ngx_msec_t timeout, ngx_http_chat_redis_reply_pt handler, void *data)
{
    if (!r->up) {
        return NGX_DECLINED;
    }

    return ngx_http_chat_redis_format(r, cmd, timeout, handler, data);
}


ngx_int_t
ngx_http_chat_redis_format(ngx_http_chat_redis_t *r, const chat_cmd_t *cmd,
    ngx_msec_t timeout, ngx_http_chat_redis_reply_pt handler, void *data)
{
    ngx_int_t   rc;
    chat_str_t  bytes;

    if (cmd == NULL || chat_cmd_format(cmd, &bytes) != CHAT_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_chat_redis_put(r, &bytes, timeout, handler, data);

    chat_cmd_free(&bytes);

    return rc;
}


static ngx_int_t
ngx_http_chat_redis_put(ngx_http_chat_redis_t *r, const chat_str_t *bytes,
    ngx_msec_t timeout, ngx_http_chat_redis_reply_pt handler, void *data)
{
    ngx_int_t                       rc;
    ngx_http_chat_redis_pending_t  *p;

    rc = ngx_http_chat_redis_room(r, bytes->len);
    if (rc != NGX_OK) {
        return rc;
    }

    p = ngx_http_chat_spare_get(&ngx_http_chat_redis_pendings, r->w->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->handler = handler;
    p->data = data;
    p->deadline = ngx_current_msec + timeout;

    if (r->asked == 0) {
        r->asked = ngx_http_chat_redis_clock();
    }

    p->asked = r->asked;

    ngx_queue_insert_tail(&r->pending, &p->queue);

    ngx_memcpy(r->out + r->out_last, bytes->data, bytes->len);
    r->out_last += bytes->len;

    ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_CALLS, 1);

    /* one send() for all that is asked in this turn of the loop */

    ngx_post_event(r->connection->write, &ngx_posted_events);

    if (ngx_queue_head(&r->pending) == &p->queue) {
        ngx_http_chat_redis_expect(r);
    }

    return NGX_OK;
}


/* The oldest of the queue, which leaves it. */

ngx_http_chat_redis_pending_t
ngx_http_chat_redis_answered(ngx_queue_t *pending)
{
    ngx_queue_t                    *q;
    ngx_http_chat_redis_pending_t  *p, call;

    q = ngx_queue_head(pending);
    ngx_queue_remove(q);

    p = ngx_queue_data(q, ngx_http_chat_redis_pending_t, queue);
    call = *p;

    ngx_http_chat_spare_put(&ngx_http_chat_redis_pendings, p);

    return call;
}


/* Makes room for `len` more bytes of output. */

static ngx_int_t
ngx_http_chat_redis_room(ngx_http_chat_redis_t *r, size_t len)
{
    size_t   used, size;
    u_char  *out;

    if (r->out_size - r->out_last >= len) {
        return NGX_OK;
    }

    used = r->out_last - r->out_pos;

    if (len > r->out_max - ngx_min(used, r->out_max)) {
        return NGX_BUSY;
    }

    out = r->out;

    if (r->out_size - used < len || used > r->out_size / 2) {

        size = ngx_max(r->out_size, 16384);

        while (size < used + len) {
            size *= 2;
        }

        out = ngx_alloc(size, r->w->log);
        if (out == NULL) {
            return NGX_ERROR;
        }

        r->out_size = size;
    }

    if (used) {
        ngx_memmove(out, r->out + r->out_pos, used);
    }

    if (out != r->out) {
        if (r->out) {
            ngx_free(r->out);
        }

        r->out = out;
    }

    r->out_pos = 0;
    r->out_last = used;

    return NGX_OK;
}


void
ngx_http_chat_redis_ignore(void *data, ngx_int_t rc, redisReply *reply)
{
    ngx_http_chat_redis_t  *r = data;

    if (rc != NGX_OK) {
        return;
    }

    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->w->log, 0,
                       "chat: redis (%s): %s", r->purpose, reply->str);
    }

    ngx_http_chat_reply_free(reply);
}


/* The socket -------------------------------------------------------------- */

void
ngx_http_chat_redis_write(ngx_event_t *wev)
{
    int                     err;
    ssize_t                 n;
    socklen_t               len;
    ngx_connection_t       *c;
    ngx_http_chat_redis_t  *r;

    c = wev->data;
    r = c->data;

    if (r->state == NGX_HTTP_CHAT_REDIS_CONNECTING) {
        err = 0;
        len = sizeof(int);

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len)
            == -1)
        {
            err = ngx_socket_errno;
        }

        if (err) {
            ngx_http_chat_redis_broken(r, "cannot connect", err);
            return;
        }

        ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_AUTH);
        ngx_http_chat_redis_handshake(r, NULL);

        if (r->connection != c) {
            return;
        }
    }

    r->asked = 0;

    while (r->out_pos < r->out_last) {

        n = c->send(c, r->out + r->out_pos, r->out_last - r->out_pos);

        if (n == NGX_ERROR) {
            ngx_http_chat_redis_broken(r, "connection is broken",
                                       ngx_socket_errno);
            return;
        }

        if (n == NGX_AGAIN) {
            break;
        }

        r->out_pos += n;
    }

    if (r->out_pos == r->out_last) {
        r->out_pos = 0;
        r->out_last = 0;

        if (r->out_size > NGX_HTTP_CHAT_REDIS_KEEP) {
            ngx_free(r->out);
            r->out = NULL;
            r->out_size = 0;
        }
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_http_chat_redis_fail(r, "event error");
    }
}


void
ngx_http_chat_redis_read(ngx_event_t *rev)
{
    ssize_t                 n;
    ngx_uint_t              turn;
    ngx_connection_t       *c;
    ngx_http_chat_redis_t  *r;
    u_char                  buf[NGX_HTTP_CHAT_REDIS_RECV];

    c = rev->data;
    r = c->data;

    if (c->close) {
        return;
    }

    if (r->state == NGX_HTTP_CHAT_REDIS_CONNECTING) {

        /* a refusal makes it readable, too */

        ngx_http_chat_redis_write(c->write);

        if (r->connection != c) {
            return;
        }
    }

    turn = r->turn;

    for ( ;; ) {

        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_chat_redis_broken(r, "connection is broken",
                                       ngx_socket_errno);
            return;
        }

        if (n == 0) {
            ngx_http_chat_redis_fail(r, "closed the connection");
            return;
        }

        if (redisReaderFeed(r->reader, (char *) buf, n) != REDIS_OK) {
            ngx_http_chat_redis_fail(r, "out of memory");
            return;
        }

        if (ngx_http_chat_redis_replies(r) != NGX_OK || r->turn != turn
            || r->connection == NULL)
        {
            return;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_chat_redis_fail(r, "event error");
        return;
    }

    if (ngx_http_chat_redis_flaps(r)
        && r->up && ngx_http_chat_redis_steady(r))
    {
        r->flaps = 0;
        ngx_http_chat_redis_back(r);
    }

    ngx_http_chat_redis_expect(r);
}


/* NGX_ERROR: the connection was given up, by us or by a handler. */

static ngx_int_t
ngx_http_chat_redis_replies(ngx_http_chat_redis_t *r)
{
    void                           *answer;
    uint64_t                        now;
    ngx_uint_t                      turn;
    redisReply                     *reply;
    chat_redis_error_e              means;
    ngx_http_chat_redis_pending_t   call;

    now = 0;
    turn = r->turn;

    for ( ;; ) {

        if (redisReaderGetReply(r->reader, &answer) != REDIS_OK) {
            ngx_http_chat_redis_fail(r, "does not speak the protocol");
            return NGX_ERROR;
        }

        if (answer == NULL) {
            return NGX_OK;
        }

        reply = answer;

        if (ngx_queue_empty(&r->pending)) {

            /* "max number of clients reached" comes unasked, too */

            ngx_http_chat_redis_fail(r, reply->type == REDIS_REPLY_ERROR
                                        ? reply->str : "answers unasked");
            ngx_http_chat_reply_free(reply);
            return NGX_ERROR;
        }

        means = chat_reply_error(reply);

        if (means != CHAT_REDIS_OK && !chat_reply_no_key(reply)) {
            ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_ERRORS, 1);
        }

        if (means == CHAT_REDIS_AWAY || means == CHAT_REDIS_NOSCRIPT) {

            /* nobody will be served here: this call is not answered either */

            ngx_http_chat_redis_fail(r, reply->str);
            ngx_http_chat_reply_free(reply);
            return NGX_ERROR;
        }

        /* the hand-shake and the reader of the log tell it themselves */

        if ((means == CHAT_REDIS_AUTH || means == CHAT_REDIS_FULL)
            && r->up && !r->blocks)
        {
            ngx_http_chat_redis_denied(r, reply->str);
        }

        call = ngx_http_chat_redis_answered(&r->pending);

        if (r->up && !r->blocks) {
            now = now ? now : ngx_http_chat_redis_clock();
            ngx_http_chat_redis_trip(r, call.asked, now);
        }

        call.handler(call.data, NGX_OK, reply);

        if (r->turn != turn || r->connection == NULL) {
            return NGX_ERROR;
        }
    }
}


/*
 * A call's time begins when it is asked, not when it leaves, and ends before
 * its handler runs: what its caller waits for Redis.  The clock of nginx
 * stands still within a turn of the loop, so it would measure nothing.
 */

static uint64_t
ngx_http_chat_redis_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
ngx_http_chat_redis_trip(ngx_http_chat_redis_t *r, uint64_t asked,
    uint64_t answered)
{
    ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_TRIPS, 1);
    ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_TRIPS_US, answered - asked);

    if (answered - asked > NGX_HTTP_CHAT_REDIS_SLOW) {
        ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_TRIPS_SLOW, 1);
    }
}
