
/*
 * The log as JSON lines: for people who look into something, and for
 * programs that want their own figures.
 */

#include <signal.h>
#include <time.h>

#include "chatctl.h"
#include "chat_log.h"


#define CTL_TAIL_BATCH  200
#define CTL_TAIL_BLOCK  1000


typedef struct {
    uint64_t         has;
    chat_str_t       id;
    chat_str_t       e;
    int64_t          partition;
    uint64_t         account;
    uint64_t         site;
    chat_str_t       visitor;
    chat_str_t       dialog;
    uint64_t         seq;
    chat_str_t       sender;
    uint64_t         owner;
    uint64_t         wait_ms;
    uint64_t         start_ms;
    chat_str_t       body;
} ctl_entry_row_t;

typedef struct {
    unsigned         first;          /* partitions [first, last] */
    unsigned         last;
    uint64_t         account;        /* only its entries; 0 = all */
    uint64_t         left;           /* entries still to print */
    chat_id_t        pos[CHAT_FEEDS];
} ctl_tail_t;


static int ctl_tail_start(ctl_t *ctl, ctl_tail_t *t);
static redisReply *ctl_tail_read(ctl_t *ctl, ctl_tail_t *t);
static int ctl_tail_stream(ctl_t *ctl, ctl_tail_t *t,
    const redisReply *stream);
static int ctl_tail_entry(ctl_t *ctl, ctl_tail_t *t, unsigned partition,
    const redisReply *entry);
static chat_str_t ctl_tail_body(ctl_t *ctl, const chat_event_def_t *def,
    const chat_str_t *body);
static uint64_t ctl_entry_has(const ctl_entry_row_t *row);
static void ctl_on_signal(int sig);


static volatile sig_atomic_t  ctl_stop;

static const chat_field_t  ctl_entry_fields[] = {
    CTL_STR(ctl_entry_row_t, id),
    CTL_STR(ctl_entry_row_t, e),
    CTL_INT(ctl_entry_row_t, partition),
    CTL_U64(ctl_entry_row_t, account),
    CTL_U64(ctl_entry_row_t, site),
    CTL_STR(ctl_entry_row_t, visitor),
    CTL_STR(ctl_entry_row_t, dialog),
    CTL_U64(ctl_entry_row_t, seq),
    CTL_STR(ctl_entry_row_t, sender),
    CTL_U64(ctl_entry_row_t, owner),
    CTL_U64(ctl_entry_row_t, wait_ms),
    CTL_U64(ctl_entry_row_t, start_ms),
    CTL_RAW(ctl_entry_row_t, body),
};

static const chat_type_t  ctl_entry_type =
    CTL_TYPE(ctl_entry_row_t, ctl_entry_fields);


int
ctl_tail(ctl_t *ctl)
{
    int                more;
    size_t             i;
    chat_heap_t       *heap;
    redisReply        *r;
    ctl_tail_t         t;
    struct sigaction   sa;

    memset(&t, 0, sizeof(ctl_tail_t));

    if (ctl_tail_start(ctl, &t) != CTL_OK
        || ctl_begin(ctl, &ctl_entry_type, CTL_LINES) != CTL_OK)
    {
        return CTL_FAILED;
    }

    memset(&sa, 0, sizeof(struct sigaction));
    sa.sa_handler = ctl_on_signal;
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);

    /* what is printed is forgotten */

    heap = chat_heap_create(0);
    if (heap == NULL) {
        return ctl_error("out of memory");
    }

    ctl->mem = chat_heap_mem(heap);
    more = CTL_OK;

    while (!ctl_stop && more == CTL_OK) {
        r = ctl_tail_read(ctl, &t);

        if (r == NULL) {
            more = CTL_FAILED;
            break;
        }

        if (r->elements == 0 && !ctl->opt.follow) {
            freeReplyObject(r);
            break;
        }

        for (i = 0; i < r->elements && more == CTL_OK; i++) {
            more = ctl_tail_stream(ctl, &t, r->element[i]);
        }

        freeReplyObject(r);
        fflush(stdout);
        chat_heap_reset(heap);
    }

    ctl->mem = chat_heap_mem(ctl->heap);
    chat_heap_destroy(heap);

    /* CHAT_DONE: as many as were wanted */
    return more == CTL_FAILED ? CTL_FAILED : CTL_OK;
}


static int
ctl_tail_start(ctl_t *ctl, ctl_tail_t *t)
{
    unsigned    p;
    uint64_t    ms;
    chat_id_t   after;
    chat_str_t  text;

    t->left = ctl_seen(ctl, "count") ? ctl->opt.count : UINT64_MAX;
    t->last = CHAT_PARTITIONS - 1;

    if (ctl->opt.global) {
        t->first = t->last = CHAT_PARTITION_GLOBAL;

    } else if (ctl->opt.account) {
        if (ctl_account_find(ctl, ctl->opt.account, &t->account) != CTL_OK) {
            return CTL_FAILED;
        }

        t->first = t->last = chat_partition(t->account);
    }

    memset(&after, 0, sizeof(chat_id_t));

    if (ctl->opt.after) {
        text = ctl_str(ctl->opt.after);

        if (chat_id_parse(&text, &after) != CHAT_OK) {

            if (ctl_time_parse(ctl->opt.after, ctl_now_ms(), &ms)
                != CHAT_OK)
            {
                return ctl_error("--after \"%s\" is neither a log id nor a "
                                 "time", ctl->opt.after);
            }

            after.ms = ms;
        }
    }

    for (p = t->first; p <= t->last; p++) {
        t->pos[p] = after;
    }

    return CTL_OK;
}


/* Without --follow it never waits. */

static redisReply *
ctl_tail_read(ctl_t *ctl, ctl_tail_t *t)
{
    unsigned      p;
    chat_cmd_t   *c;
    chat_str_t    keys[CHAT_FEEDS];
    redisReply   *r;

    c = chat_cmd_create(ctl->mem, 2 * CHAT_FEEDS + 6);
    if (c == NULL) {
        ctl_error("out of memory");
        return NULL;
    }

    chat_cmd_lit(c, "XREAD");
    chat_cmd_lit(c, "COUNT");
    chat_cmd_u64(c, CTL_TAIL_BATCH);

    if (ctl->opt.follow) {
        chat_cmd_lit(c, "BLOCK");
        chat_cmd_u64(c, CTL_TAIL_BLOCK);
    }

    chat_cmd_lit(c, "STREAMS");

    for (p = t->first; p <= t->last; p++) {
        keys[p] = chat_key_log(ctl->mem, p);
        chat_cmd_str(c, &keys[p]);
    }

    for (p = t->first; p <= t->last; p++) {
        chat_cmd_id(c, &t->pos[p]);
    }

    r = chat_sync_call(ctl->redis, c);

    if (r == NULL) {
        ctl_error("Redis: %s", chat_sync_error(ctl->redis));
        return NULL;
    }

    if (r->type == REDIS_REPLY_ERROR) {
        ctl_error("Redis: %s", r->str);
        freeReplyObject(r);
        return NULL;
    }

    return r;
}


/* [key, entries] of XREAD's answer */

static int
ctl_tail_stream(ctl_t *ctl, ctl_tail_t *t, const redisReply *stream)
{
    int                rc;
    size_t             i;
    unsigned           partition;
    chat_str_t         key, name;
    const redisReply  *entries;

    entries = chat_reply_at(stream, 1);

    for (partition = t->first; partition < t->last; partition++) {
        key = chat_key_log(ctl->mem, partition);

        if (chat_reply_str(chat_reply_at(stream, 0), &name) == CHAT_OK
            && chat_str_eq(&key, &name))
        {
            break;
        }
    }

    for (i = 0; entries != NULL && i < entries->elements; i++) {

        if (t->left == 0) {
            return CHAT_DONE;
        }

        rc = ctl_tail_entry(ctl, t, partition, entries->element[i]);
        if (rc != CTL_OK) {
            return rc;
        }
    }

    return t->left == 0 ? CHAT_DONE : CTL_OK;
}


static int
ctl_tail_entry(ctl_t *ctl, ctl_tail_t *t, unsigned partition,
    const redisReply *entry)
{
    int                      rc;
    chat_entry_t             e;
    unsigned char           *p;
    ctl_entry_row_t          row;
    const chat_event_def_t  *def;

    rc = chat_log_entry(entry, &e);

    if (rc == CHAT_ERROR) {
        return ctl_error("partition %u: an answer of Redis is not understood",
                         partition);
    }

    t->pos[partition] = e.id;

    if (rc == CHAT_DECLINED) {
        (void) ctl_error("partition %u: entry %llu-%llu is damaged",
                         partition, (unsigned long long) e.id.ms,
                         (unsigned long long) e.id.seq);
        return CTL_OK;
    }

    if (t->account && e.account != t->account) {
        return CTL_OK;
    }

    memset(&row, 0, sizeof(ctl_entry_row_t));
    def = chat_event_def(e.event);

    p = chat_mem_alloc(ctl->mem, 64);
    if (p == NULL) {
        return ctl_error("out of memory");
    }

    row.id.data = p;
    row.id.len = chat_id_print(p, &e.id) - p;
    row.e = def ? def->name : ctl_str("unknown");
    row.partition = partition;
    row.account = e.account;
    row.site = e.site;
    row.visitor = e.visitor;
    row.dialog = e.dialog;
    row.seq = e.seq;
    row.sender = e.sender;
    row.owner = e.owner;
    row.wait_ms = e.wait_ms;
    row.start_ms = e.start_ms;
    row.body = ctl_tail_body(ctl, def, &e.body);
    row.has = ctl_entry_has(&row);
    t->left--;

    return ctl_row(ctl, &row);
}


/* Zero and empty = absent, as in the header. */

static uint64_t
ctl_entry_has(const ctl_entry_row_t *row)
{
    uint64_t             has;
    unsigned             i;
    const char          *p;
    const chat_field_t  *f;

    has = 0;

    for (i = 0; i < ctl_entry_type.n; i++) {
        f = &ctl_entry_fields[i];
        p = (const char *) row + f->offset;

        if (f->kind == CHAT_KIND_INT
            || (f->kind == CHAT_KIND_U64 ? *(const uint64_t *) p != 0
                                         : ((const chat_str_t *) p)->len != 0))
        {
            has |= (uint64_t) 1 << i;
        }
    }

    return has;
}


static chat_str_t
ctl_tail_body(ctl_t *ctl, const chat_event_def_t *def,
    const chat_str_t *body)
{
    void          *in;
    size_t         n;
    chat_str_t     text;
    chat_fault_t   fault;

    text = ctl_str("{}");

    if (def == NULL) {
        return text;
    }

    in = chat_mem_alloc(ctl->mem, def->type->size);

    if (in == NULL
        || chat_body_decode(def->type, body, in, ctl->mem, &fault) != CHAT_OK)
    {
        return text;
    }

    n = chat_json_encode(def->type, in, NULL, 0);
    text.data = chat_mem_alloc(ctl->mem, n);

    if (text.data == NULL) {
        return ctl_str("{}");
    }

    text.len = chat_json_encode(def->type, in, text.data, n);

    return text;
}


static void
ctl_on_signal(int sig)
{
    ctl_stop = 1;
}
