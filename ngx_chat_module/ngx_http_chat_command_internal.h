
/*
 * What _command.c and _job.c share: a command of a client, until it is
 * answered.
 */

#ifndef _NGX_HTTP_CHAT_COMMAND_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_COMMAND_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_session_internal.h"


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
    uint32_t                     epoch;       /* when it was started */
    chat_command_t               in;          /* its text is the caller's
                                                 until it is queued */
    size_t                       bytes;       /* of it, from then on */

    ngx_http_chat_owner_t        owner;
    chat_op_t                    op;
    union {
        chat_write_t             write;
        chat_history_t           history;
        ngx_http_chat_typing_t   typing;
    } ctx;

    /* by POST */
    ngx_http_chat_who_t          self;
    uint32_t                     seen;        /* epoch of its cursor */
    ngx_uint_t                   frames;      /* a second */
    ngx_uint_t                   burst;
    ngx_http_chat_command_pt     done;
    void                        *data;
    ngx_event_t                  answer;
    ngx_http_chat_frame_t       *frame;
    ngx_uint_t                   status;

    unsigned                     running:1;
    unsigned                     positioned:1; /* has a cursor */
    unsigned                     bad_cursor:1;
};


/* _command.c */

/* Has a room of its own for its texts.  NULL: out of memory. */
ngx_http_chat_job_t *ngx_http_chat_job_create(ngx_http_chat_worker_t *w);
/* It has all but what the text says; ends with an answer or in the queue. */
void ngx_http_chat_job_accept(ngx_http_chat_job_t *job,
    const chat_str_t *text);
/* What a client has seen.  NGX_DECLINED: nothing, NGX_ERROR: damaged. */
ngx_int_t ngx_http_chat_job_cursor(ngx_http_chat_job_t *job,
    const chat_str_t *text, chat_cursor_t *at);
void ngx_http_chat_job_free(ngx_http_chat_job_t *job);

/* _post.c */

/* Where the sender stands among those without a session: an index of
   sessions->posters, for now. */
ngx_uint_t ngx_http_chat_poster(ngx_http_chat_job_t *job);

/* _job.c: each of these ends with an answer, and frees the job */

void ngx_http_chat_job_queue(ngx_http_chat_job_t *job);
void ngx_http_chat_job_refuse(ngx_http_chat_job_t *job, ngx_uint_t error);
void ngx_http_chat_job_refuse_why(ngx_http_chat_job_t *job,
    const ngx_http_chat_refusal_t *why);
/* The job is over.  `f` may be NULL where there is nothing to say. */
void ngx_http_chat_job_answer(ngx_http_chat_job_t *job, ngx_uint_t status,
    ngx_http_chat_frame_t *f);


#endif /* _NGX_HTTP_CHAT_COMMAND_INTERNAL_H_INCLUDED_ */
