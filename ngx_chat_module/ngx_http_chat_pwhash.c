
/*
 * argon2id on nginx's thread pool.  A check owns copies of what it needs, so
 * that the operation, the request and the client may all be gone when it is
 * done; the thread touches nothing but them.
 */

#include "ngx_http_chat_http.h"
#include "ngx_http_chat_zone.h"
#include <sodium.h>


#define NGX_HTTP_CHAT_PASSWORD_MAX  1024
#define NGX_HTTP_CHAT_GUARD         60000


typedef struct {
    ngx_http_chat_worker_t  *worker;
    chat_call_t             *call;          /* NULL: nobody waits */
    ngx_thread_task_t        task;
    ngx_event_t              guard;
    int                      ok;
    size_t                   len;
    char                     hash[crypto_pwhash_STRBYTES];
    char                     password[NGX_HTTP_CHAT_PASSWORD_MAX];
} ngx_http_chat_check_t;


static void ngx_http_chat_pwhash_run(void *data, ngx_log_t *log);
static void ngx_http_chat_pwhash_done(ngx_event_t *ev);
static void ngx_http_chat_pwhash_guard(ngx_event_t *ev);
static void ngx_http_chat_pwhash_free(ngx_http_chat_check_t *check);


int
ngx_http_chat_pwhash_send(ngx_http_chat_worker_t *w, chat_call_t *call)
{
    chat_pwhash_t          *req;
    ngx_http_chat_check_t  *check;

    req = call->req;
    req->ok = 0;

    if (req->password.len > NGX_HTTP_CHAT_PASSWORD_MAX
        || req->hash.len >= crypto_pwhash_STRBYTES)
    {
        return CHAT_ERROR;
    }

    if (ngx_http_chat_zone_check_begin(w) != NGX_OK) {
        ngx_http_chat_count(w, CHAT_METRIC_PWHASH_BUSY, 1);
        return CHAT_BUSY;
    }

    check = ngx_calloc(sizeof(ngx_http_chat_check_t), w->log);
    if (check == NULL) {
        ngx_http_chat_zone_check_end(w);
        return CHAT_ERROR;
    }

    check->worker = w;
    check->call = call;
    check->len = req->password.len;
    ngx_memcpy(check->password, req->password.data, req->password.len);
    ngx_memcpy(check->hash, req->hash.data, req->hash.len);

    check->task.ctx = check;
    check->task.handler = ngx_http_chat_pwhash_run;
    check->task.event.handler = ngx_http_chat_pwhash_done;
    check->task.event.data = check;
    check->task.event.log = w->log;

    check->guard.handler = ngx_http_chat_pwhash_guard;
    check->guard.data = check;
    check->guard.log = w->log;

    if (ngx_thread_task_post(w->mcf->threads, &check->task) != NGX_OK) {
        ngx_http_chat_pwhash_free(check);
        ngx_http_chat_count(w, CHAT_METRIC_PWHASH_BUSY, 1);
        return CHAT_BUSY;
    }

    /* a worker that is stopping waits for timers, not for threads */

    ngx_add_timer(&check->guard, NGX_HTTP_CHAT_GUARD);

    call->host = check;

    return CHAT_OK;
}


void
ngx_http_chat_pwhash_forget(ngx_http_chat_worker_t *w, chat_op_t *op)
{
    ngx_uint_t              i;
    ngx_http_chat_check_t  *check;

    for (i = 0; i < op->n_calls; i++) {

        if (op->calls[i].kind != CHAT_CALL_PWHASH
            || op->calls[i].host == NULL)
        {
            continue;
        }

        check = op->calls[i].host;
        check->call = NULL;
        op->calls[i].host = NULL;
    }
}


/* In a thread. */

static void
ngx_http_chat_pwhash_run(void *data, ngx_log_t *log)
{
    ngx_http_chat_check_t *check = data;

    check->ok = crypto_pwhash_str_verify(check->hash, check->password,
                                         check->len)
                == 0;
}


static void
ngx_http_chat_pwhash_done(ngx_event_t *ev)
{
    chat_call_t            *call;
    ngx_http_chat_check_t  *check = ev->data;

    call = check->call;

    if (call) {
        call->host = NULL;
        ((chat_pwhash_t *) call->req)->ok = check->ok;
    }

    ngx_http_chat_pwhash_free(check);

    if (call) {
        chat_op_reply(call->op, call->generation, call->slot, CHAT_OK, NULL);
    }
}


static void
ngx_http_chat_pwhash_guard(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_CHAT_GUARD);
}


static void
ngx_http_chat_pwhash_free(ngx_http_chat_check_t *check)
{
    if (check->guard.timer_set) {
        ngx_del_timer(&check->guard);
    }

    ngx_http_chat_zone_check_end(check->worker);

    sodium_memzero(check->password, sizeof(check->password));
    ngx_free(check);
}
