
/*
 * A connection to Redis on nginx's event loop: it connects, is given up for
 * a reason that is told once, and comes back after a pause.
 */

#include "ngx_http_chat_redis_internal.h"


static void ngx_http_chat_redis_report(ngx_http_chat_redis_t *r,
    const char *why);
static void ngx_http_chat_redis_tell(ngx_http_chat_redis_t *r,
    const char *why);
static void ngx_http_chat_redis_connect(ngx_http_chat_redis_t *r);
static void ngx_http_chat_redis_timer(ngx_event_t *ev);
static void ngx_http_chat_redis_drop(ngx_http_chat_redis_t *r);


#if (NGX_DEBUG)

static const char  *ngx_http_chat_redis_states[] = {
    [NGX_HTTP_CHAT_REDIS_CLOSED]     = "closed",
    [NGX_HTTP_CHAT_REDIS_PAUSING]    = "pausing",
    [NGX_HTTP_CHAT_REDIS_CONNECTING] = "connecting",
    [NGX_HTTP_CHAT_REDIS_AUTH]       = "auth",
    [NGX_HTTP_CHAT_REDIS_SELECT]     = "select",
    [NGX_HTTP_CHAT_REDIS_INFO]       = "info",
    [NGX_HTTP_CHAT_REDIS_ROLE]       = "role",
    [NGX_HTTP_CHAT_REDIS_SCRIPTS]    = "scripts",
    [NGX_HTTP_CHAT_REDIS_RIGHTS]     = "rights",
    [NGX_HTTP_CHAT_REDIS_STORE]      = "store",
    [NGX_HTTP_CHAT_REDIS_READY]      = "ready"
};

#endif


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

    r->quiet = *w->log;
    r->quiet.log_level = NGX_LOG_ALERT;

    r->timer.handler = ngx_http_chat_redis_timer;
    r->timer.data = r;
    r->timer.log = w->log;
    r->timer.cancelable = 1;
}


void
ngx_http_chat_redis_state(ngx_http_chat_redis_t *r,
    ngx_http_chat_redis_state_e state)
{
    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, r->w->log, 0,
                   "chat: redis \"%V\" (%s): %s -> %s",
                   &r->conf->name, r->purpose,
                   ngx_http_chat_redis_states[r->state],
                   ngx_http_chat_redis_states[state]);

    r->state = state;
}


void
ngx_http_chat_redis_open(ngx_http_chat_redis_t *r)
{
    if (r->wanted) {
        return;
    }

    r->wanted = 1;
    r->reported = 0;
    r->flaps = 0;
    r->pause = NGX_HTTP_CHAT_REDIS_PAUSE;
    r->since = ngx_current_msec;

    ngx_http_chat_redis_connect(r);
}


void
ngx_http_chat_redis_close(ngx_http_chat_redis_t *r)
{
    r->wanted = 0;
    ngx_http_chat_redis_drop(r);

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

    if (r->up) {

        /* one that comes up and fails at once is as bad as none */

        if (ngx_http_chat_redis_steady(r)) {
            r->pause = NGX_HTTP_CHAT_REDIS_PAUSE;
            r->flaps = 0;

        } else if (!ngx_http_chat_redis_flaps(r)) {
            r->flaps++;
        }

        if (!ngx_http_chat_redis_flaps(r)) {
            r->since = ngx_current_msec;
        }
    }

    ngx_http_chat_redis_report(r, why);

    /* lost() may close */

    ngx_http_chat_redis_drop(r);

    if (!r->wanted) {
        return;
    }

    /* half of it random, so that a herd of workers spreads */

    pause = r->pause / 2 + ngx_random() % (r->pause / 2 + 1);
    r->pause = ngx_min(r->pause * 2, NGX_HTTP_CHAT_REDIS_PAUSES);

    ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_PAUSING);
    ngx_add_timer(&r->timer, pause);
}


void
ngx_http_chat_redis_back(ngx_http_chat_redis_t *r)
{
    if (!r->reported) {
        return;
    }

    r->reported = 0;

    ngx_log_error(NGX_LOG_NOTICE, r->w->log, 0,
                  "chat: redis \"%V\" (%s) is back after %Mms",
                  &r->conf->name, r->purpose, r->up_since - r->since);
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

    ngx_http_chat_redis_tell(r, why);
    r->reported = 1;
}


/*
 * Of what this user may not do, or has no room for, one call fails while all
 * others are served: that is no outage, but somebody must hear of it.
 */

void
ngx_http_chat_redis_denied(ngx_http_chat_redis_t *r, const char *why)
{
    ngx_msec_t  age;

    age = ngx_current_msec - r->told;

    if (age < 1000
        || (age < NGX_HTTP_CHAT_REDIS_AGAIN
            && ngx_strncmp(r->reason, why, sizeof(r->reason) - 1) == 0))
    {
        return;
    }

    ngx_http_chat_redis_tell(r, why);
}


static void
ngx_http_chat_redis_tell(ngx_http_chat_redis_t *r, const char *why)
{
    ngx_log_error(NGX_LOG_ERR, r->w->log, 0, "chat: redis \"%V\" (%s): %s",
                  &r->conf->name, r->purpose, why);

    (void) ngx_cpystrn((u_char *) r->reason, (u_char *) why,
                       sizeof(r->reason));
    r->told = ngx_current_msec;
}


/* With the system's reason. */

void
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
    ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_CONNECTING);

    r->build.log = r->w->log;
    r->reader = ngx_http_chat_reply_reader(&r->build);
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

void
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
    ngx_uint_t                     was_up;
    ngx_queue_t                    lost;
    ngx_http_chat_redis_pending_t  call;

    was_up = r->up;

    r->up = 0;
    ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_CLOSED);
    r->out_pos = 0;
    r->out_last = 0;
    r->asked = 0;

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
        call = ngx_http_chat_redis_answered(&lost);
        call.handler(call.data, NGX_ERROR, NULL);
    }

    if (was_up) {
        r->lost(r);
    }
}
