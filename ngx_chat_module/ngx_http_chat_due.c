
/*
 * Dialogs whose time has come (auto close, not answered): the elected worker
 * looks into each partition's sorted set and works off what is due.  Other
 * nodes do the same; the commits are guarded by the dialog's revision.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_write.h"
#include "chat_due.h"


#define NGX_HTTP_CHAT_DUE_JOBS  16             /* at once, per partition */
#define NGX_HTTP_CHAT_DUE_MEM   (256 * 1024)


typedef struct {
    ngx_http_chat_bus_t        *bus;
    ngx_uint_t                  running;
    ngx_uint_t                  failed;        /* since the list's beginning:
                                                  they are due all the same,
                                                  and not in others' way */
    unsigned                    asked:1;
} ngx_http_chat_due_part_t;

struct ngx_http_chat_due_s {
    ngx_http_chat_due_part_t    parts[CHAT_PARTITIONS];
    ngx_queue_t                 jobs;
};

typedef struct {
    ngx_http_chat_owner_t       owner;
    ngx_queue_t                 queue;
    ngx_http_chat_due_part_t   *part;
    chat_heap_t                *heap;
    chat_op_t                   op;
    chat_due_op_t               ctx;
} ngx_http_chat_due_job_t;


static void ngx_http_chat_due_list(ngx_http_chat_due_part_t *part,
    ngx_uint_t partition);
static void ngx_http_chat_due_listed(void *data, ngx_int_t rc,
    redisReply *reply);
static ngx_int_t ngx_http_chat_due_start(ngx_http_chat_due_part_t *part,
    const chat_str_t *member);
static void ngx_http_chat_due_done(ngx_http_chat_owner_t *o, chat_op_t *op);
static void ngx_http_chat_due_free(ngx_http_chat_due_job_t *job);


ngx_int_t
ngx_http_chat_due_init(ngx_http_chat_bus_t *bus)
{
    ngx_uint_t  i;

    bus->due = ngx_pcalloc(bus->w->pool, sizeof(ngx_http_chat_due_t));
    if (bus->due == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&bus->due->jobs);

    for (i = 0; i < CHAT_PARTITIONS; i++) {
        bus->due->parts[i].bus = bus;
    }

    return NGX_OK;
}


void
ngx_http_chat_due_exit(ngx_http_chat_bus_t *bus)
{
    ngx_queue_t              *q;
    ngx_http_chat_due_job_t  *job;

    while (!ngx_queue_empty(&bus->due->jobs)) {
        q = ngx_queue_head(&bus->due->jobs);
        job = ngx_queue_data(q, ngx_http_chat_due_job_t, queue);

        chat_op_cancel(&job->op);
        ngx_http_chat_due_free(job);
    }
}


void
ngx_http_chat_due_poll(ngx_http_chat_bus_t *bus)
{
    ngx_uint_t                 i;
    ngx_http_chat_due_part_t  *part;

    if (!bus->w->up) {
        return;
    }

    for (i = 0; i < CHAT_PARTITIONS; i++) {
        part = &bus->due->parts[i];

        if (part->running == 0 && !part->asked) {
            ngx_http_chat_due_list(part, i);
        }
    }
}


static void
ngx_http_chat_due_list(ngx_http_chat_due_part_t *part, ngx_uint_t partition)
{
    chat_cmd_t              *cmd;
    ngx_http_chat_worker_t  *w;

    w = part->bus->w;

    cmd = chat_due_list_cmd(ngx_http_chat_write_mem(w), partition,
                            w->host.now_ms(&w->host), part->failed,
                            NGX_HTTP_CHAT_DUE_JOBS);

    if (ngx_http_chat_redis_call(&w->writer->redis, cmd,
                                 NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                 ngx_http_chat_due_listed, part)
        == NGX_OK)
    {
        part->asked = 1;
    }
}


static void
ngx_http_chat_due_listed(void *data, ngx_int_t rc, redisReply *reply)
{
    size_t                     i;
    chat_str_t                 member;
    ngx_http_chat_due_part_t  *part;

    part = data;
    part->asked = 0;

    if (rc != NGX_OK) {
        return;
    }

    if (reply->elements < NGX_HTTP_CHAT_DUE_JOBS) {
        part->failed = 0;
    }

    for (i = 0; i < reply->elements; i++) {

        if (chat_reply_str(reply->element[i], &member) != CHAT_OK
            || ngx_http_chat_due_start(part, &member) != NGX_OK)
        {
            break;
        }
    }

    ngx_http_chat_reply_free(reply);
}


static ngx_int_t
ngx_http_chat_due_start(ngx_http_chat_due_part_t *part,
    const chat_str_t *member)
{
    chat_mem_t               *mem;
    ngx_http_chat_bus_t      *bus;
    ngx_http_chat_due_job_t  *job;

    bus = part->bus;

    job = ngx_calloc(sizeof(ngx_http_chat_due_job_t), bus->w->log);
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->heap = chat_heap_create(NGX_HTTP_CHAT_DUE_MEM);
    if (job->heap == NULL) {
        ngx_free(job);
        return NGX_ERROR;
    }

    mem = chat_heap_mem(job->heap);

    if (chat_mem_dup(mem, &job->ctx.member, member) != CHAT_OK) {
        chat_heap_destroy(job->heap);
        ngx_free(job);
        return NGX_ERROR;
    }

    job->part = part;
    job->ctx.partition = part - bus->due->parts;
    job->owner.done = ngx_http_chat_due_done;
    job->owner.data = job;
    job->op.owner = &job->owner;

    part->running++;
    ngx_queue_insert_tail(&bus->due->jobs, &job->queue);

    chat_op_start(&job->op, "due", chat_due_steps, &bus->w->host, mem,
                  &job->ctx);

    return NGX_OK;
}


static void
ngx_http_chat_due_done(ngx_http_chat_owner_t *o, chat_op_t *op)
{
    ngx_http_chat_due_job_t  *job;

    job = o->data;

    ngx_log_debug3(NGX_LOG_DEBUG_HTTP, job->part->bus->w->log, 0,
                   "chat: due \"%*s\" fired:%d", job->ctx.member.len,
                   job->ctx.member.data, job->ctx.fired);

    if (op->rc != CHAT_DONE) {
        job->part->failed++;
    }

    chat_op_release(op);
    ngx_http_chat_due_free(job);
}


static void
ngx_http_chat_due_free(ngx_http_chat_due_job_t *job)
{
    job->part->running--;

    ngx_queue_remove(&job->queue);
    chat_heap_destroy(job->heap);
    ngx_free(job);
}
