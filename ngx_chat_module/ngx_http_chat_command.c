
/*
 * Commands of clients: from text, of a session or of a POST (_post.c),
 * through limits and rights to what the table says.  What asks the store goes
 * on as a job (_job.c).
 */

#include "ngx_http_chat_command_internal.h"
#include "ngx_http_chat_spare.h"


#define NGX_HTTP_CHAT_JOB_MEM   (4 * 1024 * 1024)

/* its texts and the keys it asks for: most commands need no more */
#define NGX_HTTP_CHAT_JOB_ROOM  1024
#define NGX_HTTP_CHAT_JOB_POOL                                                \
    (sizeof(ngx_pool_t) + sizeof(ngx_http_chat_job_t)                         \
     + NGX_HTTP_CHAT_JOB_ROOM + 4 * sizeof(ngx_pool_large_t))

/* reading a short text takes no more */
#define NGX_HTTP_CHAT_JOB_TEXT  2048


typedef void (*ngx_http_chat_do_pt)(ngx_http_chat_job_t *job);


static void ngx_http_chat_job_take(ngx_http_chat_job_t *job,
    const chat_str_t *text, chat_mem_t *mem);
static void *ngx_http_chat_job_scratch(void *data, size_t size);
static ngx_msec_t ngx_http_chat_job_rate(ngx_http_chat_job_t *job);

static void ngx_http_chat_do_hello(ngx_http_chat_job_t *job);
static void ngx_http_chat_do_typing(ngx_http_chat_job_t *job);
static void ngx_http_chat_do_history(ngx_http_chat_job_t *job);
static void ngx_http_chat_do_ping(ngx_http_chat_job_t *job);


static ngx_http_chat_spare_t  ngx_http_chat_job_pools =
    ngx_http_chat_spare(NGX_HTTP_CHAT_JOB_POOL, 32);

static const ngx_http_chat_do_pt  ngx_http_chat_handlers[CHAT_CMD_MAX] = {
    [CHAT_CMD_HELLO]          = ngx_http_chat_do_hello,
    [CHAT_CMD_POST_MESSAGE]   = ngx_http_chat_job_queue,
    [CHAT_CMD_TAKE_DIALOG]    = ngx_http_chat_job_queue,
    [CHAT_CMD_CLOSE_DIALOG]   = ngx_http_chat_job_queue,
    [CHAT_CMD_RELEASE_DIALOG] = ngx_http_chat_job_queue,
    [CHAT_CMD_TYPING]         = ngx_http_chat_do_typing,
    [CHAT_CMD_HISTORY]        = ngx_http_chat_do_history,
    [CHAT_CMD_PING]           = ngx_http_chat_do_ping,
};


void
ngx_http_chat_session_input(ngx_http_chat_session_t *s,
    const chat_str_t *text)
{
    ngx_http_chat_job_t  *job;

    if (s->state == NGX_HTTP_CHAT_ENDED) {
        return;
    }

    job = ngx_http_chat_job_create(s->worker);

    if (job == NULL) {
        ngx_http_chat_session_give(s, NULL);
        return;
    }

    job->session = s;
    job->who = &s->who;
    job->instance.data = s->instance;
    job->instance.len = s->instance_len;

    ngx_http_chat_job_accept(job, text);
}


void
ngx_http_chat_session_hello(ngx_http_chat_session_t *s,
    const chat_str_t *instance, const chat_str_t *cursor)
{
    ngx_http_chat_job_t  *job;

    job = ngx_http_chat_job_create(s->worker);

    if (job == NULL) {
        ngx_http_chat_session_give(s, NULL);
        return;
    }

    job->session = s;
    job->who = &s->who;
    job->command = CHAT_CMD_HELLO;
    job->in.hello.instance = *instance;

    if (cursor->len) {
        job->in.hello.cursor = *cursor;
        chat_set(&job->in.hello, CHAT_F_CMD_HELLO_CURSOR);
    }

    ngx_http_chat_do_hello(job);
}


ngx_http_chat_job_t *
ngx_http_chat_job_create(ngx_http_chat_worker_t *w)
{
    void                 *room;
    ngx_pool_t           *pool;
    ngx_http_chat_job_t  *job;

    pool = ngx_http_chat_spare_take(&ngx_http_chat_job_pools);

    if (pool) {
        ngx_reset_pool(pool);

    } else {
        pool = ngx_create_pool(NGX_HTTP_CHAT_JOB_POOL, w->log);
    }

    if (pool == NULL) {
        return NULL;
    }

    /* both fit: the pool was made for them */
    job = ngx_pcalloc(pool, sizeof(ngx_http_chat_job_t));
    room = ngx_palloc(pool, NGX_HTTP_CHAT_JOB_ROOM);

    if (job == NULL || room == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    job->pool = pool;
    job->worker = w;

    chat_mem_init(&job->mem, room, NGX_HTTP_CHAT_JOB_ROOM,
                  ngx_http_chat_palloc, pool, NGX_HTTP_CHAT_JOB_MEM);

    return job;
}


void
ngx_http_chat_job_free(ngx_http_chat_job_t *job)
{
    ngx_pool_t  *pool;

    if (job->answer.posted) {
        ngx_delete_posted_event(&job->answer);
    }

    if (job->frame) {
        ngx_http_chat_frame_free(job->frame);
    }

    ngx_http_chat_who_done(&job->self);

    pool = job->pool;

    /* most never grow */

    if (pool->d.next == NULL) {
        ngx_reset_pool(pool);
        ngx_http_chat_spare_put(&ngx_http_chat_job_pools, pool);
        return;
    }

    ngx_destroy_pool(pool);
}


/*
 * What it takes to read a text, several times its length, is not kept for as
 * long as the command waits.
 */

void
ngx_http_chat_job_accept(ngx_http_chat_job_t *job, const chat_str_t *text)
{
    u_char       block[NGX_HTTP_CHAT_JOB_TEXT];
    chat_mem_t   mem;
    ngx_pool_t  *pool;

    pool = NULL;

    chat_mem_init(&mem, block, sizeof(block), ngx_http_chat_job_scratch,
                  &pool, NGX_HTTP_CHAT_JOB_MEM);

    ngx_http_chat_job_take(job, text, &mem);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


static void *
ngx_http_chat_job_scratch(void *data, size_t size)
{
    ngx_pool_t **pool = data;

    if (*pool == NULL) {
        *pool = ngx_create_pool(1024, ngx_cycle->log);

        if (*pool == NULL) {
            return NULL;
        }
    }

    return ngx_palloc(*pool, size);
}


static void
ngx_http_chat_job_take(ngx_http_chat_job_t *job, const chat_str_t *text,
    chat_mem_t *mem)
{
    int                        error;
    ngx_msec_t                 wait;
    chat_fault_t               fault;
    ngx_http_chat_refusal_t    why;
    const chat_command_def_t  *def;

    ngx_http_chat_count(job->worker, CHAT_METRIC_FRAMES_IN, 1);

    ngx_memzero(&why, sizeof(ngx_http_chat_refusal_t));

    if (chat_command_decode(text, &job->command, &job->in, mem, &error,
                            &fault, &job->n)
        != CHAT_OK)
    {
        why.error = error;
        why.fault = &fault;
        why.n = job->n;
        ngx_http_chat_job_refuse_why(job, &why);
        return;
    }

    def = &chat_commands[job->command];

    wait = ngx_http_chat_job_rate(job);

    if (wait) {
        ngx_http_chat_count(job->worker, CHAT_METRIC_RATE_LIMITED, 1);

        why.error = CHAT_E_RATE;
        why.retry_ms = wait;
        why.n = def->write ? job->n : 0;
        ngx_http_chat_job_refuse_why(job, &why);
        return;
    }

    if (job->session && job->session->state == NGX_HTTP_CHAT_NEW
        && job->command != CHAT_CMD_HELLO)
    {
        ngx_http_chat_job_refuse(job, CHAT_E_EXPECTED_HELLO);
        return;
    }

    if (!(def->actors & (1 << job->who->kind))) {
        ngx_http_chat_job_refuse(job, CHAT_E_FORBIDDEN);
        return;
    }

    ngx_http_chat_handlers[job->command](job);
}


/* 0, or ms until it may come again. */

static ngx_msec_t
ngx_http_chat_job_rate(ngx_http_chat_job_t *job)
{
    ngx_uint_t                 i;
    ngx_http_chat_sessions_t  *ss;

    if (job->session) {
        return chat_rate_take(&job->session->rate, ngx_current_msec,
                              job->session->frames, job->session->burst);
    }

    ss = job->worker->sessions;
    i = ngx_http_chat_poster(job);

    return chat_rate_take(&ss->posters[i].rate, ngx_current_msec,
                          job->frames, job->burst);
}


/* Commands ---------------------------------------------------------------- */

static void
ngx_http_chat_do_hello(ngx_http_chat_job_t *job)
{
    chat_fault_t              fault;
    ngx_uint_t                first;
    chat_cursor_t             cursor;
    chat_cmd_hello_t         *hello;
    ngx_http_chat_refusal_t   why;
    ngx_http_chat_session_t  *s;

    s = job->session;
    hello = &job->in.hello;

    if (s == NULL) {
        /* a single command has no connection to greet */
        ngx_http_chat_job_refuse(job, CHAT_E_UNKNOWN_COMMAND);
        return;
    }

    if (!chat_instance_valid(&hello->instance)
        || (s->state != NGX_HTTP_CHAT_NEW
            && (s->instance_len != hello->instance.len
                || ngx_memcmp(s->instance, hello->instance.data,
                              hello->instance.len)
                   != 0)))
    {
        ngx_memzero(&fault, sizeof(chat_fault_t));
        ngx_memcpy(fault.field, "instance", sizeof("instance"));

        ngx_memzero(&why, sizeof(ngx_http_chat_refusal_t));
        why.error = CHAT_E_BAD_FIELD;
        why.fault = &fault;

        ngx_http_chat_job_refuse_why(job, &why);
        return;
    }

    if (s->state != NGX_HTTP_CHAT_NEW && ngx_http_chat_session_full(s)) {
        /* he has not read the last welcome */
        ngx_http_chat_job_refuse(job, CHAT_E_BUSY);
        return;
    }

    s->positioned = 0;

    if (chat_has(hello, CHAT_F_CMD_HELLO_CURSOR)) {

        switch (ngx_http_chat_job_cursor(job, &hello->cursor, &cursor)) {

        case NGX_OK:
            s->positioned = 1;
            s->epoch = cursor.epoch;
            s->last = cursor.at[0].id;
            break;

        case NGX_ERROR:
            ngx_http_chat_job_refuse(job, CHAT_E_BAD_CURSOR);
            return;
        }
    }

    first = (s->state == NGX_HTTP_CHAT_NEW);

    if (first) {
        s->instance_len = hello->instance.len;
        ngx_memcpy(s->instance, hello->instance.data, hello->instance.len);

        if (ngx_http_chat_session_register(s) != NGX_OK) {
            ngx_http_chat_job_free(job);
            ngx_http_chat_session_give(s, NULL);
            return;
        }
    }

    ngx_http_chat_job_free(job);

    if (!s->worker->up && !s->transport->quiet) {
        ngx_http_chat_session_state(s, NGX_HTTP_CHAT_ATTACHING);
        ngx_http_chat_session_give(s, ngx_http_chat_frame_link(0));

        if (s->state == NGX_HTTP_CHAT_ENDED) {
            return;
        }
    }

    ngx_http_chat_attach_start(s);

    if (!first || s->state == NGX_HTTP_CHAT_ENDED) {
        return;
    }

    /* nobody told it of what happened between upgrade and hello */

    if (s->who.kind == CHAT_ACTOR_KIND_OPERATOR) {
        ngx_http_chat_session_check(s);

    } else {
        ngx_http_chat_account_rules(s->account, s);
    }
}


ngx_int_t
ngx_http_chat_job_cursor(ngx_http_chat_job_t *job, const chat_str_t *text,
    chat_cursor_t *at)
{
    if (text->len == 0) {
        return NGX_DECLINED;
    }

    if (chat_cursor_parse(text, at,
                          ngx_http_chat_bus_cursor_key(job->worker))
        != CHAT_OK
        || at->n != 1)
    {
        return NGX_ERROR;
    }

    /* one of another account's partition is of another client */

    return (at->at[0].partition == chat_partition(job->who->account))
           ? NGX_OK : NGX_DECLINED;
}


static void
ngx_http_chat_do_history(ngx_http_chat_job_t *job)
{
    if (job->bad_cursor) {
        ngx_http_chat_job_refuse(job, CHAT_E_BAD_CURSOR);
        return;
    }

    ngx_http_chat_job_queue(job);
}


static void
ngx_http_chat_do_ping(ngx_http_chat_job_t *job)
{
    ngx_http_chat_job_answer(job, 0, ngx_http_chat_frame_pong());
}


static void
ngx_http_chat_do_typing(ngx_http_chat_job_t *job)
{
    chat_str_t                 dialog, visitor;
    ngx_msec_t                *typed;
    ngx_http_chat_session_t   *s;
    ngx_http_chat_sessions_t  *ss;

    s = job->session;
    ss = job->worker->sessions;

    typed = s ? &s->typed : &ss->posters[ngx_http_chat_poster(job)].typed;

    if (ngx_current_msec - *typed < CHAT_LIMIT_TYPING_MS) {
        /* it is known that he types */
        ngx_http_chat_job_answer(job, 0,
                                 s ? NULL : ngx_http_chat_frame_pong());
        return;
    }

    *typed = ngx_current_msec;

    if (s && job->who->kind == CHAT_ACTOR_KIND_VISITOR) {

        if (s->has_dialog) {
            dialog.data = s->dialog;
            dialog.len = CHAT_DIALOG_LEN;
            visitor.data = s->who.visitor;
            visitor.len = CHAT_VISITOR_LEN;

            ngx_http_chat_typing_send(s->worker, &s->who, &visitor,
                                      s->who.site, &dialog);
        }

        ngx_http_chat_job_answer(job, 0, NULL);
        return;
    }

    ngx_http_chat_job_queue(job);
}
