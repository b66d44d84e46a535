
/*
 * Answers of Redis.  Input: RESP.  No parser reads beyond a reply or takes
 * one type for another, whatever a server sends.
 */

#include <stdlib.h>

#include "chat_cmd.h"
#include "chat_due.h"
#include "chat_log.h"
#include "chat_page.h"
#include "chat_presence.h"
#include "chat_store.h"
#include "chat_str.h"


#define MEMORY  (4 * 1024 * 1024)

#define check(expression)  do { if (!(expression)) { abort(); } } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static redisReplyObjectFunctions  *objects;


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


/* As in the module: of hiredis, but within its bound. */

static void *
array(const redisReadTask *task, int n)
{
    return n > CHAT_REPLY_ELEMENTS ? NULL : objects->createArray(task, n);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void                      *r;
    redisReader               *reader;
    chat_heap_t               *heap;
    volatile unsigned          sum;
    redisReplyObjectFunctions  bounded;

    reader = redisReaderCreate();
    heap = chat_heap_create(MEMORY);
    check(reader && heap);

    objects = reader->fn;
    bounded = *objects;
    bounded.createArray = array;
    reader->fn = &bounded;

    if (redisReaderFeed(reader, (char *) data, size) == REDIS_OK) {

        while (redisReaderGetReply(reader, &r) == REDIS_OK && r) {
            sum = scripts(r);
            sum += registry(r, chat_heap_mem(heap));
            sum += dialogs(r, chat_heap_mem(heap));
            sum += events(r, chat_heap_mem(heap));
            freeReplyObject(r);
            chat_heap_reset(heap);
        }
    }

    (void) sum;
    redisReaderFree(reader);
    chat_heap_destroy(heap);

    return 0;
}
