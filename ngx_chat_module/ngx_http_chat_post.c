
/*
 * Commands by POST: of senders without a session, each by itself.
 */

#include "ngx_http_chat_command_internal.h"
#include "ngx_http_chat_zone.h"

#include <sodium.h>


#define NGX_HTTP_CHAT_POST_WAYS  16     /* places that a sender may have */


static void ngx_http_chat_post_answer(ngx_event_t *ev);
static uint64_t ngx_http_chat_poster_key(ngx_http_chat_job_t *job);


void *
ngx_http_chat_command(ngx_http_chat_worker_t *w,
    const ngx_http_chat_identity_t *who, const chat_str_t *text,
    const chat_str_t *instance, const chat_str_t *cursor,
    ngx_http_chat_loc_conf_t *lcf, ngx_http_chat_command_pt done, void *data)
{
    chat_cursor_t         at;
    ngx_http_chat_job_t  *job;

    job = ngx_http_chat_job_create(w);

    if (job == NULL) {
        return NULL;
    }

    job->who = &job->self;
    job->frames = lcf->rate;
    job->burst = lcf->burst;
    job->done = done;
    job->data = data;

    job->answer.handler = ngx_http_chat_post_answer;
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

    switch (ngx_http_chat_job_cursor(job, cursor, &at)) {

    case NGX_OK:
        job->seen = at.epoch;
        job->positioned = 1;
        break;

    case NGX_ERROR:
        /* a history is refused for it; a write does not ask where he is */
        job->bad_cursor = 1;
        break;
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


/* Posted: an answer never comes from within the call that asks. */

static void
ngx_http_chat_post_answer(ngx_event_t *ev)
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


/*
 * The place of a sender without a session.  He takes one whose owner has his
 * whole burst again and types no more, so that nobody loses his debts; where
 * all owe, of him who will first be without.  To be many enough for that, one
 * must have hundreds of identities, whose own bursts are more than is won by
 * it; refusing newcomers instead would let him lock them out.
 */

ngx_uint_t
ngx_http_chat_poster(ngx_http_chat_job_t *job)
{
    uint64_t                   key;
    ngx_uint_t                 i, n, first;
    ngx_msec_t                 owes, least;
    ngx_http_chat_sessions_t  *ss;

    ss = job->worker->sessions;

    key = ngx_http_chat_poster_key(job);

    first = key % (NGX_HTTP_CHAT_POSTERS / NGX_HTTP_CHAT_POST_WAYS)
            * NGX_HTTP_CHAT_POST_WAYS;
    least = 0;
    n = first;

    for (i = first; i < first + NGX_HTTP_CHAT_POST_WAYS; i++) {

        if (ss->posters[i].key == key) {
            return i;
        }

        /* until when: other locations may have other rates, but it is the
           order that counts */

        owes = ss->posters[i].rate.at_ms
               + (job->frames ? ss->posters[i].rate.used / job->frames : 0);
        owes = ngx_max(owes, ss->posters[i].typed + CHAT_LIMIT_TYPING_MS);

        if (i == first || owes < least) {
            least = owes;
            n = i;
        }
    }

    ngx_memzero(&ss->posters[n], sizeof(ss->posters[n]));
    ss->posters[n].key = key;
    ss->posters[n].typed = ngx_current_msec - CHAT_LIMIT_TYPING_MS;

    return n;
}


/* Of the node's secret: nobody knows who shares a set of places. */

static uint64_t
ngx_http_chat_poster_key(ngx_http_chat_job_t *job)
{
    u_char                key[8], text[2 * 8 + CHAT_VISITOR_LEN];
    uint64_t              hash;
    ngx_http_chat_who_t  *who;

    who = job->who;

    ngx_memzero(text, sizeof(text));

    if (who->kind == CHAT_ACTOR_KIND_VISITOR) {
        ngx_memcpy(text, &who->site, 8);
        ngx_memcpy(text + 2 * 8, who->visitor, CHAT_VISITOR_LEN);

    } else {
        ngx_memcpy(text + 8, &who->operator_id, 8);
    }

    crypto_shorthash(key, text, sizeof(text), job->worker->zone->rates_key);
    ngx_memcpy(&hash, key, sizeof(key));

    return hash;
}
