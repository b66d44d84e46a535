
#include "chat_call.h"
#include "chat_due.h"
#include "chat_store.h"
#include "chat_str.h"


static int chat_due_begin(chat_op_t *op);
static int chat_due_loaded(chat_op_t *op);
static int chat_due_decide(chat_op_t *op);
static int chat_due_committed(chat_op_t *op);
static int chat_due_done(chat_op_t *op);

static int chat_due_rules(chat_op_t *op, chat_due_op_t *d);
static int chat_due_move(chat_op_t *op, chat_due_op_t *d,
    const chat_decision_t *dec);
static int chat_due_remove(chat_op_t *op, chat_due_op_t *d);
static int chat_due_forget(chat_op_t *op, chat_due_op_t *d);


enum {
    CHAT_DUE_AT_BEGIN = 0,
    CHAT_DUE_AT_LOADED,
    CHAT_DUE_AT_DECIDE,
    CHAT_DUE_AT_COMMITTED,
    CHAT_DUE_AT_DONE
};

const chat_step_t  chat_due_steps[] = {
    { "begin",     chat_due_begin },
    { "loaded",    chat_due_loaded },
    { "decide",    chat_due_decide },
    { "committed", chat_due_committed },
    { "done",      chat_due_done },
    { NULL, NULL }
};

static const chat_intent_e  chat_due_intents[] = {
    [CHAT_DUE_IDLE]   = CHAT_INTENT_DUE_IDLE,
    [CHAT_DUE_ACCEPT] = CHAT_INTENT_DUE_ACCEPT
};


chat_str_t
chat_due_print(chat_mem_t *mem, chat_due_e kind, uint64_t account,
    const chat_str_t *dialog)
{
    return chat_key(mem, 0, "%u:%u:%s", (uint64_t) kind, account, dialog);
}


int
chat_due_parse(const chat_str_t *member, chat_due_t *d)
{
    unsigned        i;
    uint64_t        kind;
    chat_str_t      part[2];
    unsigned char  *p, *last, *colon;

    p = member->data;
    last = member->data + member->len;

    for (i = 0; i < 2; i++) {
        colon = p < last ? memchr(p, ':', last - p) : NULL;
        if (colon == NULL) {
            return CHAT_ERROR;
        }

        part[i].data = p;
        part[i].len = colon - p;
        p = colon + 1;
    }

    d->dialog.data = p;
    d->dialog.len = last - p;

    if (chat_str_u64(&part[0], &kind) != CHAT_OK
        || kind > CHAT_DUE_ACCEPT
        || chat_str_u64(&part[1], &d->account) != CHAT_OK
        || !chat_dialog_id_valid(&d->dialog))
    {
        return CHAT_ERROR;
    }

    d->kind = kind;

    return CHAT_OK;
}


chat_cmd_t *
chat_due_list_cmd(chat_mem_t *mem, unsigned partition, uint64_t now_ms,
    unsigned skip, unsigned max)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_due(mem, partition);

    c = chat_cmd_create(mem, 7);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "ZRANGEBYSCORE");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "-inf");
    chat_cmd_u64(c, now_ms);
    chat_cmd_lit(c, "LIMIT");
    chat_cmd_u64(c, skip);
    chat_cmd_u64(c, max);

    return c;
}


static int
chat_due_begin(chat_op_t *op)
{
    chat_due_op_t  *d = op->ctx;

    if (chat_due_parse(&d->member, &d->due) != CHAT_OK
        || chat_partition(d->due.account) != d->partition)
    {
        return chat_due_forget(op, d);
    }

    return chat_call_redis(op, d->partition,
                           chat_dialog_cmd(op->mem, d->due.account,
                                           &d->due.dialog));
}


/* The dialog is there: now the rules of its site, from the global slot. */

static int
chat_due_loaded(chat_op_t *op)
{
    int                rc;
    const redisReply  *r;
    chat_due_op_t     *d = op->ctx;

    rc = chat_call_reply(op, 0, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    d->found.dialog = d->due.dialog;

    if (chat_dialog_reply(r, &d->found) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (!d->found.exists) {
        return chat_due_forget(op, d);
    }

    return chat_call_redis(op, CHAT_PARTITION_GLOBAL,
                           chat_site_get_cmd(op->mem, d->found.site));
}


static int
chat_due_decide(chat_op_t *op)
{
    int               rc;
    chat_actor_t      who;
    chat_due_op_t    *d = op->ctx;
    chat_intent_t     in;
    chat_decision_t  *dec;

    rc = chat_due_rules(op, d);
    if (rc != CHAT_OK) {
        return rc;
    }

    dec = chat_mem_alloc(op->mem, sizeof(chat_decision_t));
    if (dec == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    memset(&who, 0, sizeof(who));
    who.kind = CHAT_ACTOR_KIND_SYSTEM;
    who.account = d->due.account;

    memset(&in, 0, sizeof(in));
    in.intent = chat_due_intents[d->due.kind];
    in.now_ms = op->host->now_ms(op->host);
    in.rules = &d->rules;

    /* what no rule wants to hear of must not come again each poll */

    if (chat_dialog_decide(&d->found, &who, &in, dec) != CHAT_OK) {
        return chat_due_remove(op, d);
    }

    if (dec->nothing) {
        return chat_due_move(op, d, dec);
    }

    return chat_call_redis(op, d->partition,
                           chat_decision_cmd(op->mem, &d->found, dec, NULL,
                                             NULL));
}


/* A site that is gone has no rules: nothing is due any more. */

static int
chat_due_rules(chat_op_t *op, chat_due_op_t *d)
{
    int                rc;
    chat_site_t        site;
    const redisReply  *r;

    rc = chat_call_reply(op, 0, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    memset(&d->rules, 0, sizeof(chat_rules_t));

    switch (chat_site_parse(r, &site, op->mem)) {

    case CHAT_OK:
        d->rules = site.rules;
        return CHAT_OK;

    case CHAT_DECLINED:
        return CHAT_OK;

    default:
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }
}


static int
chat_due_committed(chat_op_t *op)
{
    int                    rc;
    chat_due_op_t         *d = op->ctx;
    const redisReply      *r;
    chat_commit_result_t   res;

    rc = chat_call_reply(op, 0, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_commit_parse(r, &res) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (res.outcome == CHAT_WRITE_OK) {
        d->fired = 1;
        return CHAT_DONE;
    }

    /* something happened meanwhile: at the next poll it looks again */

    return CHAT_DONE;
}


/* Not yet due: set to when it will be.  No longer due: remove. */

static int
chat_due_move(chat_op_t *op, chat_due_op_t *d, const chat_decision_t *dec)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    if ((dec->due_set & (1u << d->due.kind)) == 0) {
        return chat_due_remove(op, d);
    }

    key = chat_key_due(op->mem, d->partition);

    c = chat_cmd_create(op->mem, 6);
    if (c == NULL || key.len == 0) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    /* XX: who closed it meanwhile has removed it, and it stays removed */

    chat_cmd_lit(c, "ZADD");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "XX");
    chat_cmd_u64(c, dec->due_ms[d->due.kind]);
    chat_cmd_str(c, &d->member);

    op->next = &chat_due_steps[CHAT_DUE_AT_DONE];

    return chat_call_redis(op, d->partition, c);
}


/*
 * As a commit, for it is a decision about the dialog as it was loaded: who
 * reopened it meanwhile has set the timer anew, and it stays.
 */

static int
chat_due_remove(chat_op_t *op, chat_due_op_t *d)
{
    chat_str_t      argv[3];
    chat_commit_t  *c;

    c = chat_commit_create(op->mem, d->partition);
    if (c == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    chat_commit_dialog(c, d->due.account, &d->due.dialog, &d->found, NULL);

    chat_str_set(&argv[0], "ZREM");
    argv[1] = chat_key_due(op->mem, d->partition);
    argv[2] = d->member;
    chat_commit_write(c, argv, 3);

    op->next = &chat_due_steps[CHAT_DUE_AT_DONE];

    /* it takes no memory: also when Redis is full */

    return chat_call_redis(op, d->partition, chat_commit_cmd(c, 1));
}


/* Of no dialog, or of one that was erased and never comes back. */

static int
chat_due_forget(chat_op_t *op, chat_due_op_t *d)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_due(op->mem, d->partition);

    c = chat_cmd_create(op->mem, 3);
    if (c == NULL || key.len == 0) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    chat_cmd_lit(c, "ZREM");
    chat_cmd_str(c, &key);
    chat_cmd_str(c, &d->member);

    op->next = &chat_due_steps[CHAT_DUE_AT_DONE];

    return chat_call_redis(op, d->partition, c);
}


static int
chat_due_done(chat_op_t *op)
{
    const redisReply  *r;

    /* its error, if any, is the operation's; a conflict is none: what has
       changed is looked at by the next poll */

    return chat_call_reply(op, 0, &r) == CHAT_OK ? CHAT_DONE : CHAT_ERROR;
}
