
/*
 * A reply lives in a chain of blocks, the reply itself at the beginning of
 * the first: hiredis' own functions take 12 allocations for an entry of a
 * stream, and give each back by itself.
 */

#include "ngx_http_chat_reply.h"
#include "ngx_http_chat_spare.h"
#include "chat_cmd.h"


#define NGX_HTTP_CHAT_REPLY_BLOCK  4096
#define NGX_HTTP_CHAT_REPLY_KEEP   64          /* blocks */


typedef struct ngx_http_chat_reply_block_s  ngx_http_chat_reply_block_t;

struct ngx_http_chat_reply_block_s {
    ngx_http_chat_reply_block_t  *next;
    u_char                       *pos;
    u_char                       *end;
    ngx_uint_t                    large;       /* of a size of its own */
};


static void *ngx_http_chat_reply_string(const redisReadTask *task, char *s,
    size_t len);
static void *ngx_http_chat_reply_array(const redisReadTask *task, int n);
static void *ngx_http_chat_reply_integer(const redisReadTask *task,
    long long value);
static void *ngx_http_chat_reply_nil(const redisReadTask *task);
static void *ngx_http_chat_reply_failed(const redisReadTask *task,
    redisReply *r);
static redisReply *ngx_http_chat_reply_create(const redisReadTask *task,
    int type);
static void *ngx_http_chat_reply_alloc(ngx_http_chat_reply_build_t *build,
    size_t size);


static ngx_http_chat_spare_t  ngx_http_chat_reply_blocks =
    ngx_http_chat_spare(NGX_HTTP_CHAT_REPLY_BLOCK, NGX_HTTP_CHAT_REPLY_KEEP);

static redisReplyObjectFunctions  ngx_http_chat_reply_functions = {
    ngx_http_chat_reply_string,
    ngx_http_chat_reply_array,
    ngx_http_chat_reply_integer,
    ngx_http_chat_reply_nil,
    ngx_http_chat_reply_free
};


redisReader *
ngx_http_chat_reply_reader(ngx_http_chat_reply_build_t *build)
{
    redisReader  *reader;

    reader = redisReaderCreateWithFunctions(&ngx_http_chat_reply_functions);

    if (reader) {
        reader->privdata = build;
    }

    return reader;
}


void
ngx_http_chat_reply_free(void *reply)
{
    ngx_http_chat_reply_block_t  *block, *next;

    if (reply == NULL) {
        return;
    }

    block = (ngx_http_chat_reply_block_t *) reply - 1;

    for ( /* void */ ; block; block = next) {
        next = block->next;

        if (block->large) {
            ngx_free(block);

        } else {
            ngx_http_chat_spare_put(&ngx_http_chat_reply_blocks, block);
        }
    }
}


/* For hiredis ------------------------------------------------------------- */

static void *
ngx_http_chat_reply_string(const redisReadTask *task, char *s, size_t len)
{
    char        *p;
    redisReply  *r;

    r = ngx_http_chat_reply_create(task, task->type);
    if (r == NULL) {
        return NULL;
    }

    p = ngx_http_chat_reply_alloc(task->privdata, len + 1);
    if (p == NULL) {
        return ngx_http_chat_reply_failed(task, r);
    }

    ngx_memcpy(p, s, len);
    p[len] = '\0';

    r->str = p;
    r->len = len;

    return r;
}


static void *
ngx_http_chat_reply_array(const redisReadTask *task, int n)
{
    redisReply                   *r;
    ngx_http_chat_reply_build_t  *build;

    build = task->privdata;

    r = ngx_http_chat_reply_create(task, REDIS_REPLY_ARRAY);
    if (r == NULL) {
        return NULL;
    }

    if ((ngx_uint_t) n > CHAT_REPLY_ELEMENTS - build->elements) {
        return ngx_http_chat_reply_failed(task, r);
    }

    build->elements += n;

    if (n > 0) {
        r->element = ngx_http_chat_reply_alloc(task->privdata,
                                               n * sizeof(redisReply *));
        if (r->element == NULL) {
            return ngx_http_chat_reply_failed(task, r);
        }

        ngx_memzero(r->element, n * sizeof(redisReply *));
    }

    r->elements = n;

    return r;
}


static void *
ngx_http_chat_reply_integer(const redisReadTask *task, long long value)
{
    redisReply  *r;

    r = ngx_http_chat_reply_create(task, REDIS_REPLY_INTEGER);

    if (r) {
        r->integer = value;
    }

    return r;
}


/* Its task is of the type that was expected. */

static void *
ngx_http_chat_reply_nil(const redisReadTask *task)
{
    return ngx_http_chat_reply_create(task, REDIS_REPLY_NIL);
}


/* hiredis knows, and frees, what has a parent. */

static void *
ngx_http_chat_reply_failed(const redisReadTask *task, redisReply *r)
{
    if (task->parent == NULL) {
        ngx_http_chat_reply_free(r);
    }

    return NULL;
}


/* An empty object in its place; one without a parent begins a reply. */

static redisReply *
ngx_http_chat_reply_create(const redisReadTask *task, int type)
{
    redisReply                   *r, *parent;
    ngx_http_chat_reply_build_t  *build;

    build = task->privdata;

    if (task->parent == NULL) {
        build->last = NULL;
        build->elements = 0;
    }

    r = ngx_http_chat_reply_alloc(build, sizeof(redisReply));
    if (r == NULL) {
        return NULL;
    }

    ngx_memzero(r, sizeof(redisReply));
    r->type = type;

    if (task->parent) {
        parent = task->parent->obj;
        parent->element[task->idx] = r;
    }

    return r;
}


static void *
ngx_http_chat_reply_alloc(ngx_http_chat_reply_build_t *build, size_t size)
{
    void                         *p;
    size_t                        head;
    ngx_http_chat_reply_block_t  *block;

    block = build->last;
    head = sizeof(ngx_http_chat_reply_block_t);
    size = ngx_align(size, sizeof(long long));

    if (block == NULL || (size_t) (block->end - block->pos) < size) {

        if (size <= NGX_HTTP_CHAT_REPLY_BLOCK - head) {
            block = ngx_http_chat_spare_get(&ngx_http_chat_reply_blocks,
                                            build->log);
            if (block == NULL) {
                return NULL;
            }

            block->end = (u_char *) block + NGX_HTTP_CHAT_REPLY_BLOCK;
            block->large = 0;

        } else {
            block = ngx_alloc(head + size, build->log);
            if (block == NULL) {
                return NULL;
            }

            block->end = (u_char *) block + head + size;
            block->large = 1;
        }

        block->pos = (u_char *) block + head;
        block->next = NULL;

        if (build->last) {
            build->last->next = block;
        }

        build->last = block;
    }

    p = block->pos;
    block->pos += size;

    return p;
}
