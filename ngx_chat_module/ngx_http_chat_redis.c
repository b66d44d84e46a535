
/*
 * A connection to Redis on nginx's event loop.
 */

#include "ngx_http_chat_redis.h"
#include "ngx_http_chat_zone.h"
#include "chat_str.h"


/* The names are what happens next. */
typedef enum {
    NGX_HTTP_CHAT_REDIS_CLOSED = 0,
    NGX_HTTP_CHAT_REDIS_PAUSING,
    NGX_HTTP_CHAT_REDIS_CONNECTING,
    NGX_HTTP_CHAT_REDIS_AUTH,
    NGX_HTTP_CHAT_REDIS_SELECT,
    NGX_HTTP_CHAT_REDIS_INFO,
    NGX_HTTP_CHAT_REDIS_ROLE,
    NGX_HTTP_CHAT_REDIS_SCRIPTS,
    NGX_HTTP_CHAT_REDIS_STORE,
    NGX_HTTP_CHAT_REDIS_READY
} ngx_http_chat_redis_state_e;

#define NGX_HTTP_CHAT_REDIS_RECV  65536
#define NGX_HTTP_CHAT_REDIS_KEEP  262144       /* of idle buffers */

typedef struct {
    ngx_queue_t                    queue;
    ngx_http_chat_redis_reply_pt   handler;
    void                          *data;
    ngx_msec_t                     deadline;
} ngx_http_chat_redis_pending_t;


static void ngx_http_chat_redis_report(ngx_http_chat_redis_t *r,
    const char *why);
static void ngx_http_chat_redis_broken(ngx_http_chat_redis_t *r,
    const char *what, ngx_err_t err);
static void ngx_http_chat_redis_connect(ngx_http_chat_redis_t *r);
static void ngx_http_chat_redis_handshake(ngx_http_chat_redis_t *r,
    redisReply *reply);
static void ngx_http_chat_redis_step(void *data, ngx_int_t rc,
    redisReply *reply);
static void ngx_http_chat_redis_issue(ngx_http_chat_redis_t *r,
    ngx_uint_t argc, ...);
static const char *ngx_http_chat_redis_info(ngx_http_chat_redis_t *r,
    redisReply *reply);
static ngx_str_t ngx_http_chat_redis_field(redisReply *info,
    const char *name);
static const char *ngx_http_chat_redis_store(ngx_http_chat_redis_t *r,
    redisReply *reply);
static void ngx_http_chat_redis_up(ngx_http_chat_redis_t *r);
static void ngx_http_chat_redis_read(ngx_event_t *rev);
static ngx_int_t ngx_http_chat_redis_replies(ngx_http_chat_redis_t *r);
static void ngx_http_chat_redis_write(ngx_event_t *wev);
static void ngx_http_chat_redis_timer(ngx_event_t *ev);
static void ngx_http_chat_redis_expect(ngx_http_chat_redis_t *r);
static void ngx_http_chat_redis_drop(ngx_http_chat_redis_t *r);
static ngx_int_t ngx_http_chat_redis_room(ngx_http_chat_redis_t *r,
    size_t len);
static ngx_int_t ngx_http_chat_redis_put(ngx_http_chat_redis_t *r,
    const chat_str_t *bytes, ngx_msec_t timeout,
    ngx_http_chat_redis_reply_pt handler, void *data);
static ngx_int_t ngx_http_chat_redis_format(ngx_http_chat_redis_t *r,
    const chat_cmd_t *cmd, ngx_msec_t timeout,
    ngx_http_chat_redis_reply_pt handler, void *data);


static const chat_str_t  ngx_http_chat_redis_load = chat_string("LOAD");


void
ngx_http_chat_redis_init(ngx_http_chat_redis_t *r, ngx_http_chat_worker_t *w,
    const char *purpose, size_t out_max)
{
    ngx_memzero(r, sizeof(ngx_http_chat_redis_t));

    r->w = w;
    r->conf = w->mcf->redis;
    r->purpose = purpose;
    r->out_max = out_max;

    ngx_queue_init(&r->pending);
    ngx_queue_init(&r->spare);

    r->quiet = *w->log;
    r->quiet.log_level = NGX_LOG_ALERT;

    r->timer.handler = ngx_http_chat_redis_timer;
    r->timer.data = r;
    r->timer.log = w->log;
    r->timer.cancelable = 1;
}


void
ngx_http_chat_redis_open(ngx_http_chat_redis_t *r)
{
    if (r->wanted) {
        return;
    }

    r->wanted = 1;
    r->reported = 0;
    r->pause = NGX_HTTP_CHAT_REDIS_PAUSE;
    r->since = ngx_current_msec;

    ngx_http_chat_redis_connect(r);
}


void
ngx_http_chat_redis_close(ngx_http_chat_redis_t *r)
{
    ngx_queue_t  *q;

    r->wanted = 0;
    ngx_http_chat_redis_drop(r);

    while (!ngx_queue_empty(&r->spare)) {
        q = ngx_queue_head(&r->spare);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_chat_redis_pending_t, queue));
    }

    if (r->out) {
        ngx_free(r->out);
        r->out = NULL;
        r->out_size = 0;
    }
}


void
ngx_http_chat_redis_fail(ngx_http_chat_redis_t *r, const char *why)
{
    ngx_msec_t  pause;

    if (!r->wanted || r->state == NGX_HTTP_CHAT_REDIS_PAUSING) {
        return;
    }

    ngx_http_chat_redis_report(r, why);

    if (r->up) {
        r->since = ngx_current_msec;
    }

    /* lost() may close */

    ngx_http_chat_redis_drop(r);

    if (!r->wanted) {
        return;
    }

    /* half of it random, so that a herd of workers spreads */

    pause = r->pause / 2 + ngx_random() % (r->pause / 2 + 1);
    r->pause = ngx_min(r->pause * 2, NGX_HTTP_CHAT_REDIS_PAUSES);

    r->state = NGX_HTTP_CHAT_REDIS_PAUSING;
    ngx_add_timer(&r->timer, pause);
}


/* An outage is told once, not at every attempt; so is another reason. */

static void
ngx_http_chat_redis_report(ngx_http_chat_redis_t *r, const char *why)
{
    if (r->reported
        && (ngx_current_msec - r->told < 1000
            || ngx_strncmp(r->reason, why, sizeof(r->reason) - 1) == 0))
    {
        ngx_log_debug3(NGX_LOG_DEBUG_HTTP, r->w->log, 0,
                       "chat: redis \"%V\" (%s): %s",
                       &r->conf->name, r->purpose, why);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, r->w->log, 0, "chat: redis \"%V\" (%s): %s",
                  &r->conf->name, r->purpose, why);

    (void) ngx_cpystrn((u_char *) r->reason, (u_char *) why,
                       sizeof(r->reason));
    r->reported = 1;
    r->told = ngx_current_msec;
}


/* With the system's reason. */

static void
ngx_http_chat_redis_broken(ngx_http_chat_redis_t *r, const char *what,
    ngx_err_t err)
{
    u_char  *p, *last, why[128];

    last = why + sizeof(why) - 2;

    p = ngx_snprintf(why, sizeof(why) / 2, "%s (%d: ", what, err);
    p = ngx_strerror(err, p, last - p);
    *p++ = ')';
    *p = '\0';

    ngx_http_chat_redis_fail(r, (char *) why);
}


static void
ngx_http_chat_redis_connect(ngx_http_chat_redis_t *r)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    ngx_memzero(&r->peer, sizeof(ngx_peer_connection_t));

    r->peer.sockaddr = r->conf->addr.sockaddr;
    r->peer.socklen = r->conf->addr.socklen;
    r->peer.name = &r->conf->addr.name;
    r->peer.get = ngx_event_get_peer;
    r->peer.log = &r->quiet;
    r->peer.log_error = NGX_ERROR_ERR;

    r->turn++;
    r->state = NGX_HTTP_CHAT_REDIS_CONNECTING;

    r->reader = redisReaderCreate();
    if (r->reader == NULL) {
        ngx_http_chat_redis_fail(r, "out of memory");
        return;
    }

    /* its buffer of 16k would be freed and made anew with each XREAD */

    r->reader->maxbuf = NGX_HTTP_CHAT_REDIS_KEEP;

    rc = ngx_event_connect_peer(&r->peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_http_chat_redis_broken(r, "cannot connect", ngx_socket_errno);
        return;
    }

    c = r->peer.connection;

    c->data = r;
    c->read->handler = ngx_http_chat_redis_read;
    c->write->handler = ngx_http_chat_redis_write;

    r->connection = c;

    ngx_add_timer(&r->timer, NGX_HTTP_CHAT_REDIS_TIMEOUT);

    if (rc == NGX_OK) {
        ngx_http_chat_redis_write(c->write);
    }
}


/*
 * The whole way to a ready connection, top-down: each case takes the answer
 * to the question of the one before.
 */

static void
ngx_http_chat_redis_handshake(ngx_http_chat_redis_t *r, redisReply *reply)
{
    chat_mem_t                   mem;
    chat_str_t                   sha;
    const char                  *why;
    u_char                       block[1024];
    ngx_http_chat_redis_conf_t  *conf;

    conf = r->conf;

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_chat_redis_fail(r, reply->str);
        return;
    }

    switch (r->state) {

    case NGX_HTTP_CHAT_REDIS_AUTH:

        r->state = NGX_HTTP_CHAT_REDIS_SELECT;

        if (conf->user.len) {
            ngx_http_chat_redis_issue(r, 3, "AUTH", &conf->user,
                                      &conf->password);
            return;
        }

        if (conf->password.len) {
            ngx_http_chat_redis_issue(r, 2, "AUTH", &conf->password);
            return;
        }

        /* fall through */

    case NGX_HTTP_CHAT_REDIS_SELECT:

        r->state = NGX_HTTP_CHAT_REDIS_INFO;

        if (conf->db.len) {
            ngx_http_chat_redis_issue(r, 2, "SELECT", &conf->db);
            return;
        }

        /* fall through */

    case NGX_HTTP_CHAT_REDIS_INFO:

        r->state = NGX_HTTP_CHAT_REDIS_ROLE;
        ngx_http_chat_redis_issue(r, 1, "INFO");
        return;

    case NGX_HTTP_CHAT_REDIS_ROLE:

        why = ngx_http_chat_redis_info(r, reply);

        if (why) {
            ngx_http_chat_redis_fail(r, why);
            return;
        }

        r->script = 0;
        r->state = NGX_HTTP_CHAT_REDIS_SCRIPTS;

        /* fall through */

    case NGX_HTTP_CHAT_REDIS_SCRIPTS:

        if (r->script
            && (chat_reply_str(reply, &sha) != CHAT_OK
                || !chat_str_eq(&sha, &chat_scripts[r->script - 1].sha)))
        {
            ngx_http_chat_redis_fail(r, "loaded another script than ours");
            return;
        }

        if (r->script < CHAT_SCRIPTS) {
            ngx_http_chat_redis_issue(r, 3, "SCRIPT",
                                      &ngx_http_chat_redis_load,
                                      &chat_scripts[r->script++].text);
            return;
        }

        chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);

        r->state = NGX_HTTP_CHAT_REDIS_STORE;

        if (ngx_http_chat_redis_format(r, chat_store_get_cmd(&mem),
                                       NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                       ngx_http_chat_redis_step, r)
            != NGX_OK)
        {
            ngx_http_chat_redis_fail(r, "out of memory");
        }

        return;

    case NGX_HTTP_CHAT_REDIS_STORE:

        why = ngx_http_chat_redis_store(r, reply);

        if (why) {
            ngx_http_chat_redis_fail(r, why);
            return;
        }

        ngx_http_chat_redis_up(r);
        return;
    }
}


static void
ngx_http_chat_redis_step(void *data, ngx_int_t rc, redisReply *reply)
{
    if (rc == NGX_OK) {
        ngx_http_chat_redis_handshake(data, reply);
        freeReplyObject(reply);
    }
}


/* A command of the handshake: a literal, then ngx_str_t or chat_str_t. */

static void
ngx_http_chat_redis_issue(ngx_http_chat_redis_t *r, ngx_uint_t argc, ...)
{
    va_list      args;
    chat_cmd_t  *cmd;
    chat_mem_t   mem;
    u_char       block[1024];

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);

    cmd = chat_cmd_create(&mem, argc);

    if (cmd) {
        va_start(args, argc);
        chat_cmd_lit(cmd, va_arg(args, const char *));

        while (--argc) {
            chat_cmd_str(cmd, va_arg(args, const chat_str_t *));
        }

        va_end(args);
    }

    if (ngx_http_chat_redis_format(r, cmd, NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                   ngx_http_chat_redis_step, r)
        != NGX_OK)
    {
        ngx_http_chat_redis_fail(r, "out of memory");
    }
}


/* May we write there, and is it the server we knew? */

static const char *
ngx_http_chat_redis_info(ngx_http_chat_redis_t *r, redisReply *reply)
{
    uint32_t   crc;
    ngx_str_t  run, role, replid, loading;

    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return "unexpected answer to INFO";
    }

    run = ngx_http_chat_redis_field(reply, "run_id:");
    role = ngx_http_chat_redis_field(reply, "role:");
    replid = ngx_http_chat_redis_field(reply, "master_replid:");
    loading = ngx_http_chat_redis_field(reply, "loading:");

    if (run.len == 0 || replid.len == 0) {
        return "INFO tells no run_id";
    }

    if (loading.len && loading.data[0] != '0') {
        return "is loading its data";
    }

    if (role.len != 6 || ngx_memcmp(role.data, "master", 6) != 0) {
        return "is not a master";
    }

    crc = chat_crc32c(0, run.data, run.len);
    crc = chat_crc32c(crc, replid.data, replid.len);

    /* 0 is "none yet" */

    r->epoch = crc ? crc : 1;

    return NULL;
}


static ngx_str_t
ngx_http_chat_redis_field(redisReply *info, const char *name)
{
    u_char     *p, *last;
    ngx_str_t   value;

    ngx_str_null(&value);

    p = (u_char *) ngx_strstr(info->str, name);

    /* "role:" is also the end of other names */

    while (p && p != (u_char *) info->str && p[-1] != LF) {
        p = (u_char *) ngx_strstr(p + 1, name);
    }

    if (p == NULL) {
        return value;
    }

    p += ngx_strlen(name);
    last = (u_char *) info->str + info->len;

    value.data = p;

    while (p < last && *p != CR && *p != LF) {
        p++;
    }

    value.len = p - value.data;

    return value;
}


static const char *
ngx_http_chat_redis_store(ngx_http_chat_redis_t *r, redisReply *reply)
{
    uint64_t    major, partitions;
    chat_str_t  id;

    switch (chat_store_parse(reply, &major, &partitions, &id)) {

    case CHAT_OK:
        break;

    case CHAT_DECLINED:
        return "holds no store yet: run \"chatctl init\"";

    default:
        return "holds a store that cannot be read";
    }

    if (major != CHAT_STORE_MAJOR) {
        return "holds a store of another major version: "
               "run \"chatctl upgrade\"";
    }

    if (partitions != CHAT_PARTITIONS) {
        return "holds a store with another number of partitions";
    }

    ngx_http_chat_zone_store(r->w, &id);

    return NULL;
}


static void
ngx_http_chat_redis_up(ngx_http_chat_redis_t *r)
{
    if (r->reported) {
        ngx_log_error(NGX_LOG_NOTICE, r->w->log, 0,
                      "chat: redis \"%V\" (%s) is back after %Mms",
                      &r->conf->name, r->purpose,
                      ngx_current_msec - r->since);
    }

    if (r->turn > 1) {
        ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_RECONNECTS, 1);
    }

    r->state = NGX_HTTP_CHAT_REDIS_READY;
    r->pause = NGX_HTTP_CHAT_REDIS_PAUSE;
    r->reported = 0;
    r->up = 1;

    r->ready(r);
}


static void
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

    ngx_http_chat_redis_expect(r);
}


/* NGX_ERROR: the connection was given up, by us or by a handler. */

static ngx_int_t
ngx_http_chat_redis_replies(ngx_http_chat_redis_t *r)
{
    void                           *answer;
    ngx_uint_t                      turn;
    redisReply                     *reply;
    ngx_queue_t                    *q;
    chat_redis_error_e              means;
    ngx_http_chat_redis_pending_t  *p;

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
            freeReplyObject(reply);
            return NGX_ERROR;
        }

        means = chat_reply_error(reply);

        if (means != CHAT_REDIS_OK) {
            ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_ERRORS, 1);
        }

        if (means == CHAT_REDIS_AWAY || means == CHAT_REDIS_NOSCRIPT) {

            /* nobody will be served here: this call is not answered either */

            ngx_http_chat_redis_fail(r, reply->str);
            freeReplyObject(reply);
            return NGX_ERROR;
        }

        q = ngx_queue_head(&r->pending);
        ngx_queue_remove(q);
        ngx_queue_insert_head(&r->spare, q);

        p = ngx_queue_data(q, ngx_http_chat_redis_pending_t, queue);
        p->handler(p->data, NGX_OK, reply);

        if (r->turn != turn || r->connection == NULL) {
            return NGX_ERROR;
        }
    }
}


static void
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

        r->state = NGX_HTTP_CHAT_REDIS_AUTH;
        ngx_http_chat_redis_handshake(r, NULL);

        if (r->connection != c) {
            return;
        }
    }

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


static void
ngx_http_chat_redis_timer(ngx_event_t *ev)
{
    ngx_http_chat_redis_t  *r;

    r = ev->data;

    if (r->state == NGX_HTTP_CHAT_REDIS_PAUSING) {
        ngx_http_chat_redis_connect(r);
        return;
    }

    ngx_http_chat_redis_fail(r, r->state == NGX_HTTP_CHAT_REDIS_CONNECTING
                                ? "cannot connect: timed out"
                                : "does not answer");
}


/* The timer watches the oldest call; answers come in order. */

static void
ngx_http_chat_redis_expect(ngx_http_chat_redis_t *r)
{
    ngx_msec_int_t                  left;
    ngx_http_chat_redis_pending_t  *p;

    if (r->state < NGX_HTTP_CHAT_REDIS_AUTH) {
        return;
    }

    if (ngx_queue_empty(&r->pending)) {
        if (r->timer.timer_set) {
            ngx_del_timer(&r->timer);
        }

        return;
    }

    p = ngx_queue_data(ngx_queue_head(&r->pending),
                       ngx_http_chat_redis_pending_t, queue);

    left = (ngx_msec_int_t) (p->deadline - ngx_current_msec);

    ngx_add_timer(&r->timer, ngx_max(left, 1));
}


/* Closes; everything unanswered is told so, in order. */

static void
ngx_http_chat_redis_drop(ngx_http_chat_redis_t *r)
{
    ngx_uint_t                      was_up;
    ngx_queue_t                    *q, lost;
    ngx_http_chat_redis_pending_t  *p;

    was_up = r->up;

    r->up = 0;
    r->state = NGX_HTTP_CHAT_REDIS_CLOSED;
    r->out_pos = 0;
    r->out_last = 0;

    if (r->timer.timer_set) {
        ngx_del_timer(&r->timer);
    }

    if (r->connection) {
        ngx_close_connection(r->connection);
        r->connection = NULL;
    }

    if (r->reader) {
        redisReaderFree(r->reader);
        r->reader = NULL;
    }

    ngx_queue_init(&lost);

    if (!ngx_queue_empty(&r->pending)) {
        ngx_queue_add(&lost, &r->pending);
        ngx_queue_init(&r->pending);
    }

    while (!ngx_queue_empty(&lost)) {
        q = ngx_queue_head(&lost);
        ngx_queue_remove(q);

        p = ngx_queue_data(q, ngx_http_chat_redis_pending_t, queue);
        p->handler(p->data, NGX_ERROR, NULL);

        ngx_queue_insert_head(&r->spare, q);
    }

    if (was_up) {
        r->lost(r);
    }
}


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


static ngx_int_t
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
    ngx_queue_t                    *q;
    ngx_http_chat_redis_pending_t  *p;

    rc = ngx_http_chat_redis_room(r, bytes->len);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_queue_empty(&r->spare)) {
        p = ngx_alloc(sizeof(ngx_http_chat_redis_pending_t), r->w->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

    } else {
        q = ngx_queue_head(&r->spare);
        ngx_queue_remove(q);
        p = ngx_queue_data(q, ngx_http_chat_redis_pending_t, queue);
    }

    p->handler = handler;
    p->data = data;
    p->deadline = ngx_current_msec + timeout;

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

    freeReplyObject(reply);
}
