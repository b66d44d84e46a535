
/*
 * Writes of visitors and operators of one account, run to their end against
 * a private Redis; and a look at what they left there.  Include after
 * cmocka.h.
 */

#ifndef _JOBS_H_INCLUDED_
#define _JOBS_H_INCLUDED_


#include "chat_str.h"
#include "chat_write.h"
#include "redis.h"
#include "slice.h"


#define ACCOUNT  7
#define SITE     3

#define ROUTE    "7:3:AAAAAAAAAAAAAAAAAAAAAA"
#define VISITOR  "AAAAAAAAAAAAAAAAAAAAAA"
#define OTHER    "BBBBBBBBBBBBBBBBBBBBBB"


static redis_server_t       redis;
static chat_heap_t         *heap;
static const chat_rules_t   rules = { 600000, 60000 };


/* A write and its op, run to the end. */
typedef struct {
    chat_op_t      op;
    chat_write_t   w;
    char           dialog[CHAT_DIALOG_LEN + 1];
} job_t;


/* An instance of its own; printed into the arena. */

static inline const char *
label(const char *format, int i)
{
    char  *p;

    p = chat_mem_alloc(chat_heap_mem(heap), 16);
    assert_non_null(p);
    snprintf(p, 16, format, i);

    return p;
}


static inline int
role_everywhere(void *data, uint64_t site)
{
    return *(int *) data;
}


static int  role = CHAT_ROLE_OPERATOR;


static inline job_t *
job(chat_intent_e intent, const char *dialog, const char *instance,
    uint64_t n, const char *text)
{
    job_t  *j;

    j = chat_mem_alloc(chat_heap_mem(heap), sizeof(job_t));
    assert_non_null(j);

    j->w.intent = intent;
    j->w.dialog = str(dialog);
    j->w.sender.account = ACCOUNT;
    j->w.sender.instance = str(instance);
    j->w.sender.n = n;
    j->w.text = str(text);
    j->w.rules = &rules;

    return j;
}


static inline job_t *
by_visitor(chat_intent_e intent, const char *visitor, const char *dialog,
    const char *instance, uint64_t n, const char *text)
{
    job_t  *j;

    j = job(intent, dialog, instance, n, text);

    j->w.who.kind = CHAT_ACTOR_KIND_VISITOR;
    j->w.who.name = str("Anna");
    j->w.sender.kind = CHAT_ACTOR_KIND_VISITOR;
    j->w.sender.site = SITE;
    j->w.sender.visitor = str(visitor);
    j->w.site = SITE;
    j->w.page = str("https://shop.example/");

    return j;
}


static inline job_t *
by_operator(chat_intent_e intent, uint64_t id, const char *dialog,
    const char *instance, uint64_t n, const char *text)
{
    job_t  *j;

    j = job(intent, dialog, instance, n, text);

    j->w.who.kind = CHAT_ACTOR_KIND_OPERATOR;
    j->w.who.id = id;
    j->w.sender.kind = CHAT_ACTOR_KIND_OPERATOR;
    j->w.sender.operator_id = id;
    j->w.role = role_everywhere;
    j->w.role_data = &role;

    return j;
}


static inline void
start_on(chat_sync_t *sync, job_t *j)
{
    chat_op_start(&j->op, "write", chat_write_steps, chat_sync_host(sync),
                  chat_heap_mem(heap), &j->w);
}


static inline job_t *
run(job_t *j)
{
    start_on(redis.sync, j);
    chat_sync_run(redis.sync, &j->op);

    if (j->op.rc == CHAT_DONE) {
        assert_int_equal(j->w.res.dialog.len, CHAT_DIALOG_LEN);
        memcpy(j->dialog, j->w.res.dialog.data, CHAT_DIALOG_LEN);
    }

    chat_op_release(&j->op);

    return j;
}


static inline void
accepted(job_t *j, uint64_t seq)
{
    if (j->op.rc != CHAT_DONE) {
        fail_msg("error %d", j->op.error);
    }

    assert_int_equal(j->w.res.outcome, CHAT_WRITE_OK);
    assert_int_equal(j->w.res.seq, seq);
}


static inline void
refused(job_t *j, int error)
{
    assert_int_equal(j->op.rc, CHAT_ERROR);
    assert_int_equal(j->op.error, error);
}


static inline const char *
ask(const char *command, const char *what, const char *rest)
{
    return redis_ask(&redis, "%s chat:%s:a:7:%s %s", command,
                     chat_partition_tag(chat_partition(ACCOUNT))->data, what,
                     rest);
}


/* A text of the store, blanks and all. */

static inline void
put(const char *what, const char *text)
{
    redisReply  *r;

    r = redisCommand(redis.raw, "SET chat:%s:a:7:%s %s",
                     chat_partition_tag(chat_partition(ACCOUNT))->data, what,
                     text);
    assert_non_null(r);
    assert_int_equal(r->type, REDIS_REPLY_STATUS);
    freeReplyObject(r);
}


/* A dialog that nobody wrote in; route as in the state. */

static inline void
put_dialog(const char *dialog, const char *route)
{
    char  what[64], state[128];

    snprintf(what, sizeof(what), "d:%s", dialog);
    snprintf(state, sizeof(state), "1 1 0 %s %s 0 0 0 0 5-0", route, dialog);
    put(what, state);

    snprintf(what, sizeof(what), "d:%s:about", dialog);
    put(what, "0 0 0 0 ");
}


/* As if its last event had been then. */

static inline void
put_last(const char *dialog, uint64_t ms)
{
    char   what[64], state[256], *last;

    snprintf(what, sizeof(what), "d:%s", dialog);
    snprintf(state, sizeof(state), "%s", ask("GET", what, ""));

    last = strrchr(state, ' ');
    assert_non_null(last);
    snprintf(last, sizeof(state) - (last - state), " %llu-0",
             (unsigned long long) ms);
    put(what, state);
}


/* A word of what the store has of a dialog (core/chat_dialog.h). */

static inline const char *
field(const char *dialog, const char *name)
{
    int          i, n;
    char         what[64], text[1024], *p;

    static int   turn;
    static char  words[4][512];

    static const char *const  names[] = {
        "state", "rev", "owner", "route", "dialog", "seq", "wait", "start",
        "answered", "last", "opened", "queued", "closed", "length", "names"
    };

    snprintf(what, sizeof(what), "d:%s", dialog);
    n = snprintf(text, sizeof(text), "%s ", ask("GET", what, ""));

    snprintf(what, sizeof(what), "d:%s:about", dialog);
    snprintf(text + n, sizeof(text) - n, "%s", ask("GET", what, ""));

    for (i = 0, p = text; strcmp(names[i], name) != 0; i++) {
        p = strchr(p, ' ');
        assert_non_null(p);
        p++;
    }

    n = i == 14 ? (int) strlen(p) : (int) strcspn(p, " ");

    turn = (turn + 1) % 4;
    snprintf(words[turn], sizeof(words[0]), "%.*s", n, p);

    return words[turn];
}


static inline uint64_t
number(const char *dialog, const char *name)
{
    return strtoull(field(dialog, name), NULL, 10);
}


static inline int
listed(const char *dialog)
{
    char  what[64];

    snprintf(what, sizeof(what), "d:%s:pub", dialog);

    return atoi(ask("LLEN", what, "")) / 2;
}


static inline int
logged(void)
{
    return atoi(redis_ask(&redis, "XLEN chat:%s:log",
                     chat_partition_tag(chat_partition(ACCOUNT))->data));
}


static inline const char *
due(const char *rest)
{
    return redis_ask(&redis, "ZRANGE chat:%s:due %s",
                     chat_partition_tag(chat_partition(ACCOUNT))->data, rest);
}


/* A visitor's first message: the beginning of most tests. */

static inline job_t *
opened(void)
{
    job_t  *j;

    j = run(by_visitor(CHAT_INTENT_POST, VISITOR, "", "inst0001", 1, "hi"));
    accepted(j, 2);

    return j;
}


/* ... and taken by operator 5. */

static inline job_t *
taken(void)
{
    job_t  *j;

    j = run(by_operator(CHAT_INTENT_TAKE, 5, opened()->dialog, "oper0005", 1,
                        ""));
    accepted(j, 3);

    return j;
}


/* One of a batch: who wrote `j` posts into a dialog with that number. */

static inline void
append(chat_append_t *item, const job_t *j, const char *dialog, uint64_t n)
{
    memset(item, 0, sizeof(chat_append_t));

    item->sender = j->w.sender;
    item->sender.n = n;
    item->dialog = str(dialog);
    item->event = CHAT_EV_MESSAGE_POSTED;
    item->body = str("\x81\x02\xa1x");
}


/* So many of them in one call: what Redis says, never NULL. */

static inline redisReply *
append_raw(chat_append_t *items, size_t n, chat_append_t **p)
{
    size_t       i;
    redisReply  *r;

    assert_in_range(n, 1, CHAT_APPEND_BATCH);

    for (i = 0; i < n; i++) {
        p[i] = &items[i];
    }

    r = chat_sync_call(redis.sync,
                       chat_append_cmd(chat_heap_mem(heap), p, n));
    assert_non_null(r);

    return r;
}


/* ... and what the items say then. */

static inline void
append_batch(chat_append_t *items, size_t n)
{
    redisReply     *r;
    chat_append_t  *p[CHAT_APPEND_BATCH];

    r = append_raw(items, n, p);
    assert_int_equal(chat_append_parse(r, p, n), CHAT_OK);
    freeReplyObject(r);
}


static inline void
append_fails(chat_append_t *items, size_t n, const char *error)
{
    redisReply     *r;
    chat_append_t  *p[CHAT_APPEND_BATCH];

    r = append_raw(items, n, p);
    assert_int_equal(r->type, REDIS_REPLY_ERROR);
    assert_non_null(strstr(r->str, error));
    freeReplyObject(r);
}


static inline int
reset(void **state)
{
    chat_heap_reset(heap);
    role = CHAT_ROLE_OPERATOR;
    redis_ask(&redis, "FLUSHALL");

    return 0;
}


static inline int
begin(void **state)
{
    heap = chat_heap_create(0);
    assert_non_null(heap);

    redis_start(&redis, NULL);

    return 0;
}


static inline int
end(void **state)
{
    redis_stop(&redis);
    chat_heap_destroy(heap);

    return 0;
}


#endif /* _JOBS_H_INCLUDED_ */
