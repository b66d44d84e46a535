
/*
 * Answers of Redis.  Input: '0', or the longest chunk ('1': byte by byte);
 * '0', or which allocation fails; RESP.  The module's replies are those of
 * hiredis, whatever a server sends, and no parser reads beyond one or takes
 * one type for another.
 */

#include <stdlib.h>

#include "ngx_heap.h"

#include "ngx_http_chat_reply.h"
#include "ngx_http_chat_spare.h"
#include "chat_cmd.h"
#include "chat_due.h"
#include "chat_log.h"
#include "chat_page.h"
#include "chat_presence.h"
#include "chat_store.h"
#include "chat_str.h"


#define MEMORY  (4 * 1024 * 1024)
#define BLOCK   4096               /* of the module's replies */
#define SHORT   3                  /* the shortest reply: "+\r\n" */

#define check(expression)  do { if (!(expression)) { abort(); } } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Those of hiredis, and what it has taken for elements of a reply. */
static redisReplyObjectFunctions  *objects;
static size_t                      taken;


/* Every byte of a slice is looked at: ASan sees where it leads. */

static unsigned
touch(chat_str_t s)
{
    unsigned  sum;

    for (sum = 0; s.len; s.len--) {
        sum += s.data[s.len - 1];
    }

    return sum;
}


static unsigned
scripts(const redisReply *r)
{
    unsigned               sum;
    chat_str_t             instance;
    chat_sent_t            sent;
    chat_append_t          a, b, *items[2] = { &a, &b };
    chat_commit_result_t   res;

    sum = 0;
    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));

    if (chat_commit_parse(r, &res) == CHAT_OK) {
        check(res.outcome != CHAT_WRITE_PENDING);
        sum += touch(res.dialog) + touch(res.found);
    }

    if (chat_append_parse(r, items, 2) == CHAT_OK) {
        check(a.refused == b.refused);
        check((a.refused != CHAT_REDIS_OK)
              == (a.outcome == CHAT_WRITE_PENDING));
        check((b.refused != CHAT_REDIS_OK)
              == (b.outcome == CHAT_WRITE_PENDING));
    }

    chat_str_set(&instance, "k3J9aPq1");

    if (chat_sender_parse(r, &instance, &sent) == CHAT_OK) {
        check(sent.pointer.len == 0 || sent.pointer.len == CHAT_DIALOG_LEN);
        sum += touch(sent.dialog) + touch(sent.pointer);
    }

    return sum;
}


static unsigned
registry(const redisReply *r, chat_mem_t *mem)
{
    unsigned             sum;
    uint64_t             major, partitions;
    chat_str_t           id;
    chat_site_t          site;
    chat_keys_t          keys;
    chat_roles_t         roles;
    chat_operator_t      person;
    chat_session_rec_t   session;

    sum = 0;

    if (chat_store_parse(r, &major, &partitions, &id) == CHAT_OK) {
        sum += touch(id);
    }

    if (chat_keys_parse(r, &keys) == CHAT_OK) {
        check(keys.n > 0 && keys.n <= CHAT_KEYS_MAX);
    }

    if (chat_site_parse(r, &site, mem) == CHAT_OK) {
        check(site.id && site.account && site.name.len);
        sum += touch(site.name) + touch(site.hosts);
    }

    if (chat_operator_parse(r, &person, mem) == CHAT_OK) {
        sum += touch(person.login) + touch(person.name) + touch(person.hash);
    }

    if (chat_session_parse(r, &session, mem) == CHAT_OK) {
        sum += touch(session.csrf) + touch(session.agent) + touch(session.ip);
    }

    if (chat_roles_parse(r, &roles, mem) == CHAT_OK) {
        sum += chat_roles_of(&roles, 1);
    }

    return sum;
}


static unsigned
dialogs(const redisReply *r, chat_mem_t *mem)
{
    size_t          i, n;
    unsigned        sum;
    uint64_t       *ids;
    chat_due_t      due;
    chat_str_t      text;
    chat_dialog_t   d;

    sum = 0;
    memset(&d, 0, sizeof(d));

    chat_str_set(&d.dialog, "0123456789abcdef");

    if (chat_dialog_reply(r, &d) == CHAT_OK) {
        sum += touch(d.visitor) + touch(d.name) + touch(d.page);
    }

    if (chat_presence_parse(r, &ids, &n, mem) == CHAT_OK) {
        for (i = 1; i < n; i++) {
            check(ids[i - 1] < ids[i]);
        }
    }

    if (chat_reply_str(r, &text) == CHAT_OK
        && chat_due_parse(&text, &due) == CHAT_OK)
    {
        check(due.dialog.len == CHAT_DIALOG_LEN);
        sum += touch(due.dialog);
    }

    return sum;
}


static unsigned
entry(const chat_entry_t *e)
{
    return touch(e->sender) + touch(e->visitor) + touch(e->dialog)
           + touch(e->body);
}


/* XREAD, XINFO, and the list of a dialog. */

static unsigned
events(const redisReply *r, chat_mem_t *mem)
{
    size_t            i, n;
    unsigned          sum;
    chat_entry_t      e, *listed;
    chat_dialog_t     d;
    chat_log_info_t   info;

    sum = 0;
    memset(&d, 0, sizeof(d));

    if (chat_log_entry(r, &e) == CHAT_OK) {
        sum += entry(&e);
    }

    if (chat_log_info_parse(r, &info) == CHAT_OK) {
        sum += info.length;
    }

    if (chat_page_parse(r, &d, &listed, &n, mem) == CHAT_OK) {
        check(n == r->elements / 2);

        for (i = 0; i < n; i++) {
            sum += entry(&listed[i]);
        }
    }

    /* as it goes down into the answer: feeds, entries */

    for (i = 0; r->type == REDIS_REPLY_ARRAY && i < r->elements; i++) {
        sum += events(r->element[i], mem);
    }

    return sum;
}


/* What a reply says is the same, and it is whole. */

static void
same(const redisReply *r, const redisReply *h)
{
    size_t  i;

    check(r && h && r->type == h->type);

    switch (r->type) {

    case REDIS_REPLY_ARRAY:
        check(r->elements == h->elements);

        for (i = 0; i < r->elements; i++) {
            same(r->element[i], h->element[i]);
        }

        break;

    case REDIS_REPLY_INTEGER:
        check(r->integer == h->integer);
        break;

    case REDIS_REPLY_NIL:
        check(r->str == NULL && r->element == NULL);
        break;

    default:
        check(r->len == h->len);
        check(memcmp(r->str, h->str, r->len + 1) == 0);
    }
}


/* The bytes that a reply must have; one that is being read ends in NULLs. */

static size_t
needed(const redisReply *r, size_t *elements)
{
    size_t  i, size;

    size = sizeof(redisReply);

    if (r->type == REDIS_REPLY_ARRAY) {
        size += r->elements * sizeof(redisReply *);
        *elements += r->elements;

        for (i = 0; i < r->elements && r->element[i]; i++) {
            size += needed(r->element[i], elements);
        }

    } else if (r->str) {
        check(r->str[r->len] == '\0');
        size += ngx_align(r->len + 1, sizeof(long long));
    }

    return size;
}


/*
 * Two blocks that follow each other hold more than one of them could.  What
 * an answer can take is known from its length, but for announced elements.
 */

static void
bounded(const redisReply *r, size_t answered)
{
    size_t      bytes, size, elements;
    ngx_uint_t  blocks;

    elements = 0;
    size = needed(r, &elements);

    check(elements <= CHAT_REPLY_ELEMENTS);
    check(size <= elements * sizeof(redisReply *)
                  + answered / SHORT
                    * (sizeof(redisReply) + sizeof(long long)));

    ngx_http_chat_spare_sum(&blocks, &bytes);
    check(ngx_heap_bytes - bytes <= 2 * size + size / 32 + BLOCK);
}


/* As in the module: of hiredis, but within its bound. */

static void *
array(const redisReadTask *task, int n)
{
    if (task->parent == NULL) {
        taken = 0;
    }

    taken += n;

    return taken > CHAT_REPLY_ELEMENTS ? NULL : objects->createArray(task, n);
}


/* The next reply, also one of hiredis: NULL if there is none yet. */

static void *
next(redisReader *reader)
{
    void  *r;

    return redisReaderGetReply(reader, &r) == REDIS_OK ? r : NULL;
}


static void
replies(redisReader *reader, redisReader *hiredis, chat_heap_t *heap,
    size_t answered)
{
    redisReply         *r, *h;
    volatile unsigned   sum;

    while ((r = next(reader))) {
        h = next(hiredis);
        same(r, h);
        freeReplyObject(h);
        bounded(r, answered);

        sum = scripts(r);
        sum += registry(r, chat_heap_mem(heap));
        sum += dialogs(r, chat_heap_mem(heap));
        sum += events(r, chat_heap_mem(heap));

        ngx_http_chat_reply_free(r);
        chat_heap_reset(heap);
    }

    (void) sum;
}


static void
answer(redisReader *reader, redisReader *hiredis, chat_heap_t *heap,
    const uint8_t *data, size_t size, uint8_t most)
{
    size_t    n, fed;
    unsigned  seed;

    check(redisReaderFeed(hiredis, (char *) data, size) == REDIS_OK);

    for (fed = 0, seed = most; fed < size && !reader->err; fed += n) {
        seed = seed * 1103515245 + 12345;
        n = most ? 1 + (seed >> 16) % most : size;
        n = ngx_min(n, size - fed);

        check(redisReaderFeed(reader, (char *) data + fed, n) == REDIS_OK);
        replies(reader, hiredis, heap, size);
    }

    if (reader->reply) {
        bounded(reader->reply, size);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                       bytes;
    ngx_uint_t                   blocks, fails;
    redisReader                 *reader, *hiredis;
    chat_heap_t                 *heap;
    redisReplyObjectFunctions    functions;
    ngx_http_chat_reply_build_t  build;

    if (size < 2) {
        return 0;
    }

    ngx_memzero(&build, sizeof(build));
    fails = (uint8_t) (data[1] - '0');

    reader = ngx_http_chat_reply_reader(&build);
    hiredis = redisReaderCreate();
    heap = chat_heap_create(MEMORY);
    check(reader && hiredis && heap);

    objects = hiredis->fn;
    functions = *objects;
    functions.createArray = array;
    hiredis->fn = &functions;

    ngx_heap_fails = fails;
    answer(reader, hiredis, heap, data + 2, size - 2, data[0] - '0');

    if (fails == 0) {
        check(next(hiredis) == NULL && reader->err == hiredis->err);

    } else if (ngx_heap_fails == 0) {
        check(reader->err == REDIS_ERR_OOM);
    }

    ngx_heap_fails = 0;

    redisReaderFree(reader);
    redisReaderFree(hiredis);
    chat_heap_destroy(heap);

    /* nothing is held but spares */

    ngx_http_chat_spare_sum(&blocks, &bytes);
    check(ngx_heap_n == blocks && ngx_heap_bytes == bytes);

    ngx_http_chat_spare_exit();
    check(ngx_heap_n == 0);

    return 0;
}
