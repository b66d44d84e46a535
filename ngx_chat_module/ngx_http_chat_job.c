
/*
 * Commands on their way to the store: a queue per session, one at a time,
 * except messages, which may follow each other; the same for a single command
 * by POST.  And their answers, in order.
 */

#include "ngx_http_chat_command_internal.h"


#define NGX_HTTP_CHAT_OUTDATED  500           /* ms to ask again after */


static ngx_int_t ngx_http_chat_job_keep(ngx_http_chat_job_t *job);
static ngx_http_chat_job_t *ngx_http_chat_jobs_first(
    ngx_http_chat_session_t *s);
static ngx_uint_t ngx_http_chat_job_overtook(ngx_http_chat_job_t *job);
static void ngx_http_chat_job_outdated(ngx_http_chat_job_t *job);
static void ngx_http_chat_job_start(ngx_http_chat_job_t *job);
static const chat_step_t *ngx_http_chat_job_write(ngx_http_chat_job_t *job);
static void ngx_http_chat_job_done(ngx_http_chat_owner_t *o, chat_op_t *op);
static ngx_http_chat_frame_t *ngx_http_chat_job_result(
    ngx_http_chat_job_t *job);
static ngx_http_chat_frame_t *ngx_http_chat_job_history(
    ngx_http_chat_job_t *job);
static void ngx_http_chat_job_failed(ngx_http_chat_job_t *job,
    ngx_http_chat_refusal_t *why);


static const chat_intent_e  ngx_http_chat_intents[CHAT_CMD_MAX] = {
    [CHAT_CMD_POST_MESSAGE]   = CHAT_INTENT_POST,
    [CHAT_CMD_TAKE_DIALOG]    = CHAT_INTENT_TAKE,
    [CHAT_CMD_CLOSE_DIALOG]   = CHAT_INTENT_CLOSE,
    [CHAT_CMD_RELEASE_DIALOG] = CHAT_INTENT_RELEASE,
};


/* The queue --------------------------------------------------------------- */

void
ngx_http_chat_job_queue(ngx_http_chat_job_t *job)
{
    ngx_http_chat_session_t  *s;

    s = job->session;

    if (ngx_http_chat_job_keep(job) != NGX_OK) {
        ngx_http_chat_job_refuse(job, CHAT_E_INTERNAL);
        return;
    }

    if (s == NULL) {
        ngx_http_chat_job_start(job);
        return;
    }

    if (s->n_jobs >= CHAT_LIMIT_SESSION_QUEUE
        || s->jobs_bytes + job->bytes > CHAT_LIMIT_SESSION_BYTES)
    {
        ngx_http_chat_count(s->worker, CHAT_METRIC_QUEUE_FULL, 1);
        ngx_http_chat_job_refuse(job, CHAT_E_BUSY);
        return;
    }

    ngx_queue_insert_tail(&s->jobs, &job->queue);
    s->n_jobs++;
    s->jobs_bytes += job->bytes;

    ngx_http_chat_jobs_next(s);
}


/* The frame it came in is gone when it has waited: its own copy of it. */

static ngx_int_t
ngx_http_chat_job_keep(ngx_http_chat_job_t *job)
{
    size_t               i;
    chat_str_t          *s, text;
    const chat_type_t   *type;
    const chat_field_t  *f;

    type = chat_commands[job->command].type;

    for (i = 0; i < type->n; i++) {
        f = &type->fields[i];

        if (f->kind != CHAT_KIND_STR) {
            continue;
        }

        s = (chat_str_t *) ((u_char *) &job->in + f->offset);
        text = *s;

        if (text.len == 0) {
            continue;
        }

        if (chat_mem_dup(&job->mem, s, &text) != CHAT_OK) {
            return NGX_ERROR;
        }

        job->bytes += text.len;
    }

    return NGX_OK;
}


void
ngx_http_chat_jobs_next(ngx_http_chat_session_t *s)
{
    ngx_http_chat_job_t  *job;

    while ((job = ngx_http_chat_jobs_first(s))
           && !ngx_http_chat_session_full(s))
    {
        /* it is run later: nothing ends in here */
        ngx_http_chat_job_start(job);
    }
}


/* Which may start: the first, or a message behind messages only. */

static ngx_http_chat_job_t *
ngx_http_chat_jobs_first(ngx_http_chat_session_t *s)
{
    ngx_queue_t          *q;
    ngx_http_chat_job_t  *job;

    if (s->n_running == s->n_jobs) {
        return NULL;
    }

    for (q = ngx_queue_head(&s->jobs);
         q != ngx_queue_sentinel(&s->jobs);
         q = ngx_queue_next(q))
    {
        job = ngx_queue_data(q, ngx_http_chat_job_t, queue);

        if (!job->running) {
            return (q == ngx_queue_head(&s->jobs)
                    || job->command == CHAT_CMD_POST_MESSAGE) ? job : NULL;
        }

        if (job->command != CHAT_CMD_POST_MESSAGE
            || !chat_write_straight(&job->op))
        {
            return NULL;
        }
    }

    return NULL;
}


/*
 * One before it was refused by the script and is decided upon anew (it opens
 * the dialog again, perhaps): what was sent behind it waits for that.
 */

static ngx_uint_t
ngx_http_chat_job_overtook(ngx_http_chat_job_t *job)
{
    ngx_http_chat_session_t  *s;

    s = job->session;

    return s
           && job->op.rc != CHAT_DONE
           && job->op.error == CHAT_E_GAP
           && ngx_queue_head(&s->jobs) != &job->queue;
}


/*
 * A history of events that are not those he has: he is about to be told that
 * the store's history is another one, and asks again.  This worker may know it
 * already and still be reading the state that he will be told it with.
 */

static void
ngx_http_chat_job_outdated(ngx_http_chat_job_t *job)
{
    ngx_http_chat_session_t  *s;

    s = job->session;

    if (job->command != CHAT_CMD_HISTORY || job->op.rc != CHAT_DONE) {
        return;
    }

    if (!ngx_http_chat_bus_agrees(job->worker, job->epoch)
        || (s && s->positioned && s->epoch != job->epoch)
        || (job->positioned && job->seen != job->epoch))
    {
        job->op.rc = CHAT_ERROR;
        job->op.error = CHAT_E_STORE_DOWN;
        job->op.retry_ms = NGX_HTTP_CHAT_OUTDATED;
    }
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
    s->n_running = 0;
    s->jobs_bytes = 0;
}


/* At the store ------------------------------------------------------------ */

static void
ngx_http_chat_job_start(ngx_http_chat_job_t *job)
{
    void                    *ctx;
    const chat_step_t       *steps;
    chat_history_t          *history;
    ngx_http_chat_typing_t  *typing;

    ctx = &job->ctx;

    /* it may have been started before */
    ngx_memzero(ctx, sizeof(job->ctx));

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

    if (job->session) {
        job->session->n_running++;
    }

    job->epoch = ngx_http_chat_bus_epoch(job->worker);
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

    if (s) {
        s->n_running--;
    }

    if (ngx_http_chat_job_overtook(job)) {
        chat_op_release(op);
        return;
    }

    ngx_http_chat_job_outdated(job);

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
        s->jobs_bytes -= job->bytes;
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

    if (s && job->instance.len == s->instance_len
        && ngx_memcmp(job->instance.data, s->instance, s->instance_len) == 0)
    {
        s->acked = ngx_max(s->acked, job->n);
    }

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

void
ngx_http_chat_job_refuse(ngx_http_chat_job_t *job, ngx_uint_t error)
{
    ngx_http_chat_refusal_t  why;

    ngx_memzero(&why, sizeof(ngx_http_chat_refusal_t));

    why.error = error;
    why.n = job->n;

    ngx_http_chat_job_refuse_why(job, &why);
}


void
ngx_http_chat_job_refuse_why(ngx_http_chat_job_t *job,
    const ngx_http_chat_refusal_t *why)
{
    ngx_http_chat_job_answer(job, why->error, ngx_http_chat_frame_error(why));
}


/* The job is over.  `f` may be NULL where there is nothing to say. */

void
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
