
/*
 * Commands of clients: one table; a queue per session, one at a time on its
 * way to the store; the same for a single command by POST.
 */

#include "ngx_http_chat_session_internal.h"


#define NGX_HTTP_CHAT_JOB_MEM  (4 * 1024 * 1024)


struct ngx_http_chat_job_s {
    ngx_queue_t                  queue;
    ngx_http_chat_worker_t      *worker;
    ngx_http_chat_session_t     *session;     /* NULL: by POST */
    ngx_http_chat_who_t         *who;
    chat_str_t                   instance;

    ngx_pool_t                  *pool;
    chat_mem_t                   mem;
    int                          command;     /* CHAT_CMD_* */
    uint64_t                     n;
    chat_command_t               in;

    ngx_http_chat_owner_t        owner;
    chat_op_t                    op;
    union {
        chat_write_t             write;
        chat_history_t           history;
        ngx_http_chat_typing_t   typing;
    } ctx;

    /* by POST */
    ngx_http_chat_who_t          self;
    ngx_uint_t                   frames;      /* a second */
    ngx_uint_t                   burst;
    ngx_http_chat_command_pt     done;
    void                        *data;
    ngx_event_t                  answer;
    ngx_http_chat_frame_t       *frame;
    ngx_uint_t                   status;

    unsigned                     running:1;
};

typedef void (*ngx_http_chat_do_pt)(ngx_http_chat_job_t *job);


static ngx_http_chat_job_t *ngx_http_chat_job_create(
    ngx_http_chat_worker_t *w, const chat_str_t *text);
static void ngx_http_chat_job_free(ngx_http_chat_job_t *job);
static void ngx_http_chat_job_accept(ngx_http_chat_job_t *job,
    const chat_str_t *text);
static ngx_msec_t ngx_http_chat_job_rate(ngx_http_chat_job_t *job);
static ngx_uint_t ngx_http_chat_poster(ngx_http_chat_job_t *job);

static void ngx_http_chat_do_hello(ngx_http_chat_job_t *job);
static void ngx_http_chat_do_typing(ngx_http_chat_job_t *job);
static void ngx_http_chat_do_ping(ngx_http_chat_job_t *job);

static void ngx_http_chat_job_queue(ngx_http_chat_job_t *job);
static void ngx_http_chat_job_start(ngx_http_chat_job_t *job);
static const chat_step_t *ngx_http_chat_job_write(ngx_http_chat_job_t *job);
static void ngx_http_chat_job_done(ngx_http_chat_owner_t *o, chat_op_t *op);
static ngx_http_chat_frame_t *ngx_http_chat_job_result(
    ngx_http_chat_job_t *job);
static ngx_http_chat_frame_t *ngx_http_chat_job_history(
    ngx_http_chat_job_t *job);
static void ngx_http_chat_job_failed(ngx_http_chat_job_t *job,
    ngx_http_chat_refusal_t *why);

static void ngx_http_chat_job_refuse(ngx_http_chat_job_t *job,
    ngx_uint_t error);
static void ngx_http_chat_job_refuse_why(ngx_http_chat_job_t *job,
    const ngx_http_chat_refusal_t *why);
static void ngx_http_chat_job_answer(ngx_http_chat_job_t *job,
    ngx_uint_t status, ngx_http_chat_frame_t *f);
static void ngx_http_chat_job_post(ngx_event_t *ev);


static const ngx_http_chat_do_pt  ngx_http_chat_handlers[CHAT_CMD_MAX] = {
    [CHAT_CMD_HELLO]          = ngx_http_chat_do_hello,
    [CHAT_CMD_POST_MESSAGE]   = ngx_http_chat_job_queue,
    [CHAT_CMD_TAKE_DIALOG]    = ngx_http_chat_job_queue,
    [CHAT_CMD_CLOSE_DIALOG]   = ngx_http_chat_job_queue,
    [CHAT_CMD_RELEASE_DIALOG] = ngx_http_chat_job_queue,
    [CHAT_CMD_TYPING]         = ngx_http_chat_do_typing,
    [CHAT_CMD_HISTORY]        = ngx_http_chat_job_queue,
    [CHAT_CMD_PING]           = ngx_http_chat_do_ping,
};

static const chat_intent_e  ngx_http_chat_intents[CHAT_CMD_MAX] = {
    [CHAT_CMD_POST_MESSAGE]   = CHAT_INTENT_POST,
    [CHAT_CMD_TAKE_DIALOG]    = CHAT_INTENT_TAKE,
    [CHAT_CMD_CLOSE_DIALOG]   = CHAT_INTENT_CLOSE,
    [CHAT_CMD_RELEASE_DIALOG] = CHAT_INTENT_RELEASE,
};


void
ngx_http_chat_session_input(ngx_http_chat_session_t *s,
    const chat_str_t *text)
{
    ngx_http_chat_job_t  *job;

    if (s->state == NGX_HTTP_CHAT_ENDED) {
        return;
    }

    job = ngx_http_chat_job_create(s->worker, text);

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
    chat_str_t            text;
    ngx_http_chat_job_t  *job;

    chat_str_set(&text, "");

    job = ngx_http_chat_job_create(s->worker, &text);

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


void *
ngx_http_chat_command(ngx_http_chat_worker_t *w,
    const ngx_http_chat_identity_t *who, const chat_str_t *text,
    const chat_str_t *instance, ngx_http_chat_loc_conf_t *lcf,
    ngx_http_chat_command_pt done, void *data)
{
    ngx_http_chat_job_t  *job;

    job = ngx_http_chat_job_create(w, text);

    if (job == NULL) {
        return NULL;
    }

    job->who = &job->self;
    job->frames = lcf->rate;
    job->burst = lcf->burst;
    job->done = done;
    job->data = data;

    job->answer.handler = ngx_http_chat_job_post;
    job->answer.data = job;
    job->answer.log = w->log;

    if (ngx_http_chat_who_init(&job->self, who) != NGX_OK
        || chat_mem_dup(&job->mem, &job->instance, instance) != CHAT_OK)
    {
        ngx_http_chat_job_free(job);
        return NULL;
    }

    if (!chat_instance_valid(&job->instance)) {
        ngx_http_chat_job_refuse(job, CHAT_E_BAD_FIELD);
        return job;
    }

    ngx_http_chat_job_accept(job, text);

    return job;
}


void
ngx_http_chat_command_cancel(void *command)
{
    ngx_http_chat_job_t *job = command;

    if (job->running) {
        chat_op_cancel(&job->op);
    }

    ngx_http_chat_job_free(job);
}


static ngx_http_chat_job_t *
ngx_http_chat_job_create(ngx_http_chat_worker_t *w, const chat_str_t *text)
{
    ngx_pool_t           *pool;
    ngx_http_chat_job_t  *job;

    pool = ngx_create_pool(sizeof(ngx_http_chat_job_t) + 1024, w->log);

    if (pool == NULL) {
        return NULL;
    }

    /* fits: the pool was made for it */
    job = ngx_pcalloc(pool, sizeof(ngx_http_chat_job_t));

    if (job == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    job->pool = pool;
    job->worker = w;

    chat_mem_init(&job->mem, NULL, 0, ngx_http_chat_palloc, pool,
                  NGX_HTTP_CHAT_JOB_MEM);

    return job;
}


static void
ngx_http_chat_job_free(ngx_http_chat_job_t *job)
{
    if (job->answer.posted) {
        ngx_delete_posted_event(&job->answer);
    }

    if (job->frame) {
        ngx_http_chat_frame_free(job->frame);
    }

    ngx_http_chat_who_done(&job->self);
    ngx_destroy_pool(job->pool);
}


static void
ngx_http_chat_job_accept(ngx_http_chat_job_t *job, const chat_str_t *text)
{
    int                        error;
    ngx_msec_t                 wait;
    chat_str_t                 copy;
    chat_fault_t               fault;
    ngx_http_chat_refusal_t    why;
    const chat_command_def_t  *def;

    ngx_http_chat_count(job->worker, CHAT_METRIC_FRAMES_IN, 1);

    ngx_memzero(&why, sizeof(ngx_http_chat_refusal_t));

    if (chat_mem_dup(&job->mem, &copy, text) != CHAT_OK) {
        ngx_http_chat_job_refuse(job, CHAT_E_TOO_LARGE);
        return;
    }

    if (chat_command_decode(&copy, &job->command, &job->in, &job->mem, &error,
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


/* The place of a sender without a session; whoever was there is forgotten. */

static ngx_uint_t
ngx_http_chat_poster(ngx_http_chat_job_t *job)
{
    uint64_t                   key;
    ngx_uint_t                 i;
    ngx_http_chat_sessions_t  *ss;

    ss = job->worker->sessions;

    key = (job->who->kind == CHAT_ACTOR_KIND_VISITOR)
              ? ngx_http_chat_who_hash(job->who->site, job->who->visitor)
              : job->who->operator_id * 0x9e3779b97f4a7c15ULL;

    i = (key >> 32) % NGX_HTTP_CHAT_POSTERS;

    if (ss->posters[i].key != key) {
        ngx_memzero(&ss->posters[i], sizeof(ss->posters[i]));
        ss->posters[i].key = key;
        ss->posters[i].typed = ngx_current_msec - CHAT_LIMIT_TYPING_MS;
    }

    return i;
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

    s->positioned = 0;

    if (chat_has(hello, CHAT_F_CMD_HELLO_CURSOR) && hello->cursor.len) {

        if (chat_cursor_parse(&hello->cursor, &cursor,
                              ngx_http_chat_bus_cursor_key(s->worker))
            != CHAT_OK
            || cursor.n != 1)
        {
            ngx_http_chat_job_refuse(job, CHAT_E_BAD_CURSOR);
            return;
        }

        /* one of another account's partition is of another client */

        if (cursor.at[0].partition == chat_partition(s->who.account)) {
            s->positioned = 1;
            s->epoch = cursor.epoch;
            s->last = cursor.at[0].id;
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
        s->state = NGX_HTTP_CHAT_ATTACHING;
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


/* The queue --------------------------------------------------------------- */

static void
ngx_http_chat_job_queue(ngx_http_chat_job_t *job)
{
    ngx_http_chat_session_t  *s;

    s = job->session;

    if (s == NULL) {
        ngx_http_chat_job_start(job);
        return;
    }

    if (s->n_jobs >= CHAT_LIMIT_SESSION_QUEUE) {
        ngx_http_chat_count(s->worker, CHAT_METRIC_QUEUE_FULL, 1);
        ngx_http_chat_job_refuse(job, CHAT_E_BUSY);
        return;
    }

    ngx_queue_insert_tail(&s->jobs, &job->queue);
    s->n_jobs++;

    ngx_http_chat_jobs_next(s);
}


void
ngx_http_chat_jobs_next(ngx_http_chat_session_t *s)
{
    ngx_http_chat_job_t  *job;

    if (ngx_queue_empty(&s->jobs)) {
        return;
    }

    job = ngx_queue_data(ngx_queue_head(&s->jobs), ngx_http_chat_job_t,
                         queue);

    if (!job->running && !ngx_http_chat_session_full(s)) {
        ngx_http_chat_job_start(job);
    }
}


static void
ngx_http_chat_job_start(ngx_http_chat_job_t *job)
{
    void                    *ctx;
    const chat_step_t       *steps;
    chat_history_t          *history;
    ngx_http_chat_typing_t  *typing;

    ctx = &job->ctx;

    switch (job->command) {

    case CHAT_CMD_HISTORY:
        steps = chat_history_steps;
        history = &job->ctx.history;

        ngx_http_chat_who_sender(job->who, &job->instance, 0,
                                 &history->sender);
        history->dialog = job->in.history.dialog;
        history->after = job->in.history.after;
        history->role = ngx_http_chat_role;
        history->role_data = job->who;
        break;

    case CHAT_CMD_TYPING:
        steps = ngx_http_chat_typing_steps;
        typing = &job->ctx.typing;

        typing->worker = job->worker;
        typing->who = job->who;

        if (job->who->kind == CHAT_ACTOR_KIND_OPERATOR) {
            typing->dialog = job->in.typing.dialog;
        }

        break;

    default:
        steps = ngx_http_chat_job_write(job);
        break;
    }

    job->running = 1;
    job->owner.done = ngx_http_chat_job_done;
    job->owner.data = job;
    job->op.owner = &job->owner;

    chat_op_start(&job->op, (char *) chat_commands[job->command].name.data,
                  steps, &job->worker->host, &job->mem, ctx);
}


static const chat_step_t *
ngx_http_chat_job_write(ngx_http_chat_job_t *job)
{
    chat_write_t             *write;
    ngx_http_chat_session_t  *s;

    s = job->session;
    write = &job->ctx.write;

    ngx_http_chat_who_actor(job->who, &write->who);

    /* new roles of a session replace the block that its name is in */

    if (job->who->operator
        && chat_mem_dup(&job->mem, &write->who.name,
                        &job->who->operator->name)
           != CHAT_OK)
    {
        write->who.name.len = 0;
    }

    ngx_http_chat_who_sender(job->who, &job->instance, job->n,
                             &write->sender);

    write->intent = ngx_http_chat_intents[job->command];
    write->site = job->who->site;
    write->role = ngx_http_chat_role;
    write->role_data = job->who;

    switch (job->command) {

    case CHAT_CMD_POST_MESSAGE:
        write->dialog = job->in.post_message.dialog;
        write->text = job->in.post_message.text;
        write->page = job->in.post_message.page;
        break;

    case CHAT_CMD_TAKE_DIALOG:
        write->dialog = job->in.take_dialog.dialog;
        break;

    case CHAT_CMD_CLOSE_DIALOG:
        write->dialog = job->in.close_dialog.dialog;
        break;

    default: /* CHAT_CMD_RELEASE_DIALOG */
        write->dialog = job->in.release_dialog.dialog;
        break;
    }

    if (job->who->kind == CHAT_ACTOR_KIND_VISITOR) {
        write->rules = &job->who->rules;

        /* he has one dialog, and does not choose it */
        write->dialog.len = 0;

        if (s && s->has_dialog) {
            write->dialog.len = CHAT_DIALOG_LEN;
            write->dialog.data = chat_mem_alloc(&job->mem, CHAT_DIALOG_LEN);

            if (write->dialog.data == NULL) {
                write->dialog.len = 0;

            } else {
                ngx_memcpy(write->dialog.data, s->dialog, CHAT_DIALOG_LEN);
            }
        }
    }

    return chat_write_steps;
}


static void
ngx_http_chat_job_done(ngx_http_chat_owner_t *o, chat_op_t *op)
{
    ngx_uint_t                status;
    ngx_http_chat_job_t      *job;
    ngx_http_chat_frame_t    *f;
    ngx_http_chat_refusal_t   why;
    ngx_http_chat_session_t  *s;

    job = o->data;
    s = job->session;

    job->running = 0;

    if (op->rc == CHAT_DONE) {
        status = 0;
        f = ngx_http_chat_job_result(job);

    } else {
        ngx_http_chat_job_failed(job, &why);
        status = why.error;
        f = (job->command == CHAT_CMD_TYPING && s)
                ? NULL : ngx_http_chat_frame_error(&why);
    }

    chat_op_release(op);

    if (s) {
        ngx_queue_remove(&job->queue);
        s->n_jobs--;
    }

    ngx_http_chat_job_answer(job, status, f);

    if (s && s->state != NGX_HTTP_CHAT_ENDED) {
        ngx_http_chat_jobs_next(s);
    }
}


static ngx_http_chat_frame_t *
ngx_http_chat_job_result(ngx_http_chat_job_t *job)
{
    u_char                    id[48];
    chat_frame_ack_t          ack;
    ngx_http_chat_session_t  *s;
    chat_commit_result_t     *res;

    s = job->session;

    switch (job->command) {

    case CHAT_CMD_TYPING:
        return s ? NULL : ngx_http_chat_frame_pong();

    case CHAT_CMD_HISTORY:
        return ngx_http_chat_job_history(job);
    }

    res = &job->ctx.write.res;

    ngx_http_chat_count(job->worker, CHAT_METRIC_WRITES_ACKED, 1);

    if (s && s->who.kind == CHAT_ACTOR_KIND_VISITOR
        && res->dialog.len == CHAT_DIALOG_LEN)
    {
        ngx_memcpy(s->dialog, res->dialog.data, CHAT_DIALOG_LEN);
        s->has_dialog = 1;
    }

    ngx_memzero(&ack, sizeof(chat_frame_ack_t));

    ack.n = job->n;
    chat_set(&ack, CHAT_F_FRAME_ACK_N);

    ack.id.data = id;
    ack.id.len = chat_id_print(id, &res->id) - id;
    chat_set(&ack, CHAT_F_FRAME_ACK_ID);

    ack.dialog = res->dialog;
    chat_set(&ack, CHAT_F_FRAME_ACK_DIALOG);

    if (res->seq) {
        ack.seq = res->seq;
        chat_set(&ack, CHAT_F_FRAME_ACK_SEQ);
    }

    if (res->outcome == CHAT_WRITE_ALREADY) {
        ack.already = 1;
        chat_set(&ack, CHAT_F_FRAME_ACK_ALREADY);
    }

    return ngx_http_chat_frame_encode(CHAT_FRAME_ACK, &ack, NULL);
}


static ngx_http_chat_frame_t *
ngx_http_chat_job_history(ngx_http_chat_job_t *job)
{
    size_t                 i;
    ngx_int_t              rc;
    chat_history_t        *history;
    chat_event_view_t     *view;
    chat_frame_history_t   f;

    history = &job->ctx.history;

    view = chat_mem_alloc(&job->mem, (history->n_events + 1)
                                     * sizeof(chat_event_view_t));
    if (view == NULL) {
        return NULL;
    }

    ngx_memzero(&f, sizeof(chat_frame_history_t));

    f.events.elts = view;

    for (i = 0; i < history->n_events; i++) {

        rc = ngx_http_chat_frame_event_view(&history->events[i], view,
                                            &job->mem);
        if (rc == NGX_ERROR) {
            return NULL;
        }

        if (rc == NGX_OK) {
            view->dialog = history->dialog;
            view++;
            f.events.n++;
        }
    }

    chat_set(&f, CHAT_F_FRAME_HISTORY_EVENTS);

    f.dialog = history->dialog;
    chat_set(&f, CHAT_F_FRAME_HISTORY_DIALOG);

    f.more = history->more;
    chat_set(&f, CHAT_F_FRAME_HISTORY_MORE);

    return ngx_http_chat_frame_encode(CHAT_FRAME_HISTORY, &f, NULL);
}


static void
ngx_http_chat_job_failed(ngx_http_chat_job_t *job,
    ngx_http_chat_refusal_t *why)
{
    ngx_memzero(why, sizeof(ngx_http_chat_refusal_t));

    why->error = job->op.error;
    why->retry_ms = job->op.retry_ms;

    if (!chat_commands[job->command].write) {
        return;
    }

    why->n = job->n;
    why->expected = job->ctx.write.res.expected;

    ngx_http_chat_count(job->worker,
                        chat_errors[why->error].klass == CHAT_ERROR_TEMPORARY
                            ? CHAT_METRIC_WRITES_BUSY
                            : CHAT_METRIC_WRITES_REFUSED, 1);
}


/* Answers ----------------------------------------------------------------- */

static void
ngx_http_chat_job_refuse(ngx_http_chat_job_t *job, ngx_uint_t error)
{
    ngx_http_chat_refusal_t  why;

    ngx_memzero(&why, sizeof(ngx_http_chat_refusal_t));

    why.error = error;
    why.n = job->n;

    ngx_http_chat_job_refuse_why(job, &why);
}


static void
ngx_http_chat_job_refuse_why(ngx_http_chat_job_t *job,
    const ngx_http_chat_refusal_t *why)
{
    ngx_http_chat_job_answer(job, why->error, ngx_http_chat_frame_error(why));
}


/* The job is over.  `f` may be NULL where there is nothing to say. */

static void
ngx_http_chat_job_answer(ngx_http_chat_job_t *job, ngx_uint_t status,
    ngx_http_chat_frame_t *f)
{
    ngx_http_chat_session_t  *s;

    s = job->session;

    if (s == NULL) {
        job->frame = f;
        job->status = f ? status : CHAT_E_INTERNAL;
        ngx_post_event(&job->answer, &ngx_posted_events);
        return;
    }

    if (f) {
        ngx_http_chat_session_give(s, f);

    } else if (job->command != CHAT_CMD_TYPING) {
        ngx_http_chat_session_give(s, NULL);
    }

    ngx_http_chat_job_free(job);
}


static void
ngx_http_chat_job_post(ngx_event_t *ev)
{
    ngx_uint_t                 status;
    ngx_http_chat_job_t       *job;
    ngx_http_chat_frame_t     *f;
    ngx_http_chat_command_pt   done;
    void                      *data;

    job = ev->data;

    f = job->frame;
    status = job->status;
    done = job->done;
    data = job->data;

    job->frame = NULL;
    ngx_http_chat_job_free(job);

    done(data, status, f);
}


void
ngx_http_chat_jobs_cancel(ngx_http_chat_session_t *s)
{
    ngx_queue_t          *q;
    ngx_http_chat_job_t  *job;

    while (!ngx_queue_empty(&s->jobs)) {
        q = ngx_queue_head(&s->jobs);
        job = ngx_queue_data(q, ngx_http_chat_job_t, queue);

        ngx_queue_remove(q);

        if (job->running) {
            chat_op_cancel(&job->op);
        }

        ngx_http_chat_job_free(job);
    }

    s->n_jobs = 0;
}
