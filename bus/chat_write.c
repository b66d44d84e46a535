
#include "chat_call.h"
#include "chat_rights.h"
#include "chat_store.h"
#include "chat_str.h"
#include "chat_write.h"


static int chat_write_begin(chat_op_t *op);
static int chat_write_append(chat_op_t *op);
static int chat_write_appended(chat_op_t *op);
static int chat_write_pointer(chat_op_t *op);
static int chat_write_load(chat_op_t *op);
static int chat_write_loaded(chat_op_t *op);
static int chat_write_rules(chat_op_t *op);
static int chat_write_decide(chat_op_t *op);
static int chat_write_committed(chat_op_t *op);

static int chat_write_appends(const chat_write_t *w);
static int chat_write_goto(chat_op_t *op, int step);
static int chat_write_again(chat_op_t *op, int step);
static int chat_write_body(chat_op_t *op, chat_write_t *w, chat_str_t *body);
static int chat_write_found(chat_op_t *op, chat_write_t *w);
static int chat_write_sent(chat_op_t *op, chat_write_t *w);


enum {
    CHAT_WRITE_AT_BEGIN = 0,
    CHAT_WRITE_AT_APPEND,
    CHAT_WRITE_AT_APPENDED,
    CHAT_WRITE_AT_POINTER,
    CHAT_WRITE_AT_LOAD,
    CHAT_WRITE_AT_LOADED,
    CHAT_WRITE_AT_RULES,
    CHAT_WRITE_AT_DECIDE,
    CHAT_WRITE_AT_COMMITTED
};

const chat_step_t  chat_write_steps[] = {
    { "begin",     chat_write_begin },
    { "append",    chat_write_append },
    { "appended",  chat_write_appended },
    { "pointer",   chat_write_pointer },
    { "load",      chat_write_load },
    { "loaded",    chat_write_loaded },
    { "rules",     chat_write_rules },
    { "decide",    chat_write_decide },
    { "committed", chat_write_committed },
    { NULL, NULL }
};


static int
chat_write_begin(chat_op_t *op)
{
    chat_write_t  *w = op->ctx;

    if (w->sender.n == 0) {
        return chat_op_fail(op, CHAT_E_BAD_FIELD);
    }

    /* it becomes part of keys */

    if (w->dialog.len && !chat_dialog_id_valid(&w->dialog)) {
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    w->who.account = w->sender.account;

    if (w->who.kind == CHAT_ACTOR_KIND_VISITOR) {
        w->who.site = w->sender.site;
        w->who.visitor = w->sender.visitor;
    }

    return chat_write_goto(op, chat_write_appends(w) ? CHAT_WRITE_AT_APPEND
                                                     : CHAT_WRITE_AT_POINTER);
}


/*
 * The script knows owners, not roles: whoever may not answer on every site
 * has his dialog looked at first.
 */

static int
chat_write_appends(const chat_write_t *w)
{
    if (w->intent != CHAT_INTENT_POST || w->dialog.len == 0) {
        return 0;
    }

    return w->who.kind == CHAT_ACTOR_KIND_VISITOR
           || (w->site == 0
               && (chat_rights_role(w->role(w->role_data, 0))
                   & CHAT_MAY_ANSWER));
}


int
chat_write_straight(const chat_op_t *op)
{
    const chat_write_t  *w = op->ctx;

    return op->next <= &chat_write_steps[CHAT_WRITE_AT_APPENDED]
           && w->tries == 0
           && chat_write_appends(w);
}


static int
chat_write_append(chat_op_t *op)
{
    chat_write_t  *w = op->ctx;

    if (w->append.body.data == NULL
        && chat_write_body(op, w, &w->append.body) != CHAT_OK)
    {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    w->append.sender = w->sender;
    w->append.dialog = w->dialog;
    w->append.event = CHAT_EV_MESSAGE_POSTED;
    w->append.outcome = CHAT_WRITE_PENDING;
    w->append.refused = CHAT_REDIS_OK;

    chat_op_call(op, CHAT_CALL_APPEND, chat_partition(w->sender.account),
                 &w->append);

    return CHAT_AGAIN;
}


static int
chat_write_body(chat_op_t *op, chat_write_t *w, chat_str_t *body)
{
    chat_ev_message_posted_t  ev;

    memset(&ev, 0, sizeof(ev));

    ev.from.kind = w->who.kind;
    chat_set(&ev.from, CHAT_F_AUTHOR_KIND);

    if (w->who.kind == CHAT_ACTOR_KIND_OPERATOR) {
        ev.from.id = w->who.id;
        chat_set(&ev.from, CHAT_F_AUTHOR_ID);
    }

    if (w->who.name.len) {
        ev.from.name = w->who.name;
        chat_set(&ev.from, CHAT_F_AUTHOR_NAME);
    }

    ev.text = w->text;
    chat_set(&ev, CHAT_F_EV_MESSAGE_POSTED_FROM);
    chat_set(&ev, CHAT_F_EV_MESSAGE_POSTED_TEXT);

    body->len = chat_body_encode(&chat_ev_message_posted_type, &ev, NULL, 0);

    body->data = chat_mem_alloc(op->mem, body->len);
    if (body->data == NULL) {
        return CHAT_ERROR;
    }

    (void) chat_body_encode(&chat_ev_message_posted_type, &ev, body->data,
                            body->len);

    return CHAT_OK;
}


static int
chat_write_appended(chat_op_t *op)
{
    int             rc;
    chat_write_t   *w = op->ctx;
    chat_append_t  *a = &w->append;

    rc = chat_call_outcome(op, chat_op_result(op, 0)->rc, a->refused);
    if (rc != CHAT_OK) {
        return rc;
    }

    w->res.outcome = a->outcome;
    w->res.id = a->id;
    w->res.seq = a->seq;
    w->res.expected = a->expected;
    w->res.dialog.data = a->went;
    w->res.dialog.len = CHAT_DIALOG_LEN;

    switch (a->outcome) {

    case CHAT_WRITE_OK:
    case CHAT_WRITE_ALREADY:
        return CHAT_DONE;

    case CHAT_WRITE_GAP:
        return chat_op_fail(op, CHAT_E_GAP);

    case CHAT_WRITE_ABSENT:
    case CHAT_WRITE_CLOSED:
    case CHAT_WRITE_DENIED:
        return chat_write_again(op, CHAT_WRITE_AT_POINTER);

    default:
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }
}


/* A visitor is in the dialog that the store names, others in the given one. */

static int
chat_write_pointer(chat_op_t *op)
{
    chat_write_t  *w = op->ctx;

    if (w->who.kind != CHAT_ACTOR_KIND_VISITOR) {
        w->found.dialog = w->dialog;
        return CHAT_OK;
    }

    return chat_call_redis(op, chat_partition(w->sender.account),
                           chat_sender_cmd(op->mem, &w->sender));
}


static int
chat_write_load(chat_op_t *op)
{
    int                rc;
    chat_sent_t        sent;
    const redisReply  *r;
    chat_write_t      *w = op->ctx;

    if (w->who.kind == CHAT_ACTOR_KIND_VISITOR) {

        rc = chat_call_reply(op, 0, &r);
        if (rc != CHAT_OK) {
            return rc;
        }

        if (chat_sender_parse(r, &w->sender.instance, &sent) != CHAT_OK) {
            return chat_op_fail(op, CHAT_E_INTERNAL);
        }

        w->pointer = sent.pointer;
        w->found.dialog = w->pointer;
    }

    w->loaded = 0;

    if (w->found.dialog.len) {
        rc = chat_call_redis(op, chat_partition(w->sender.account),
                             chat_dialog_cmd(op->mem, w->sender.account,
                                             &w->found.dialog));
        if (rc != CHAT_AGAIN) {
            return rc;
        }

        w->loaded = 1;
    }

    /* after the dialog: if it was changed by this very command, sent before,
       we shall know */

    return chat_call_redis(op, chat_partition(w->sender.account),
                           chat_sender_cmd(op->mem, &w->sender));
}


static int
chat_write_loaded(chat_op_t *op)
{
    int            rc;
    chat_write_t  *w = op->ctx;

    rc = chat_write_found(op, w);
    if (rc != CHAT_OK) {
        return rc;
    }

    rc = chat_write_sent(op, w);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (w->who.kind == CHAT_ACTOR_KIND_OPERATOR) {
        w->who.role = w->found.exists ? w->role(w->role_data, w->found.site)
                                      : 0;
    }

    /* opened, or taken by him, meanwhile: it is an append after all */

    if (w->intent == CHAT_INTENT_POST
        && chat_dialog_open(&w->found)
        && (w->who.kind == CHAT_ACTOR_KIND_VISITOR
            || (w->found.state == CHAT_DIALOG_STATE_ACTIVE
                && w->found.owner == w->who.id
                && (chat_rights_role(w->who.role) & CHAT_MAY_ANSWER))))
    {
        w->dialog = w->found.dialog;
        return chat_write_goto(op, CHAT_WRITE_AT_APPEND);
    }

    if (w->rules || !w->found.exists) {
        return chat_write_goto(op, CHAT_WRITE_AT_DECIDE);
    }

    /* an operator works on several sites, each with rules of its own */

    return chat_call_redis(op, CHAT_PARTITION_GLOBAL,
                           chat_site_get_cmd(op->mem, w->found.site));
}


static int
chat_write_rules(chat_op_t *op)
{
    int                rc;
    chat_site_t        site;
    chat_write_t      *w = op->ctx;
    const redisReply  *r;

    rc = chat_call_reply(op, 0, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    /* a site that is gone has no rules */

    rc = chat_site_parse(r, &site, op->mem);
    if (rc == CHAT_ERROR) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (rc == CHAT_OK) {
        w->found_rules = site.rules;
    }

    w->rules = &w->found_rules;

    return CHAT_OK;
}


static int
chat_write_decide(chat_op_t *op)
{
    uint32_t          rnd;
    chat_cmd_t       *c;
    chat_write_t     *w = op->ctx;
    chat_intent_t     in;
    chat_decision_t  *dec;

    dec = chat_mem_alloc(op->mem, sizeof(chat_decision_t));
    in.new_dialog.data = chat_mem_alloc(op->mem, CHAT_DIALOG_LEN);
    in.new_dialog.len = CHAT_DIALOG_LEN;

    if (dec == NULL || in.new_dialog.data == NULL) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    in.intent = w->intent;
    in.now_ms = op->host->now_ms(op->host);
    in.rules = w->rules;
    in.text = w->text;
    in.page = w->page;

    op->host->random(op->host, &rnd, sizeof(rnd));
    chat_dialog_id_print(in.new_dialog.data, in.now_ms, rnd);

    if (chat_dialog_decide(&w->found, &w->who, &in, dec) != CHAT_OK) {
        return chat_op_fail(op, dec->error);
    }

    c = chat_decision_cmd(op->mem, &w->found, dec, &w->sender,
                          w->who.kind == CHAT_ACTOR_KIND_VISITOR ? &w->pointer
                                                                 : NULL);

    return chat_call_redis(op, chat_partition(w->sender.account), c);
}


/* The dialog, if there was one to load. */

static int
chat_write_found(chat_op_t *op, chat_write_t *w)
{
    int                rc;
    chat_str_t         dialog;
    const redisReply  *r;

    if (!w->loaded) {
        dialog = w->found.dialog;
        memset(&w->found, 0, sizeof(chat_dialog_t));
        w->found.dialog = dialog;
        return CHAT_OK;
    }

    rc = chat_call_reply(op, 0, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_dialog_reply(r, &w->found) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_OK;
}


/*
 * The number counts before the rules: what a command has changed may make the
 * same command, sent once more, look wrong.
 */

static int
chat_write_sent(chat_op_t *op, chat_write_t *w)
{
    int                rc;
    chat_sent_t        sent;
    const redisReply  *r;

    rc = chat_call_reply(op, w->loaded, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_sender_parse(r, &w->sender.instance, &sent) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (w->sender.n <= sent.n) {
        w->res.outcome = CHAT_WRITE_ALREADY;
        w->res.id = sent.id;
        w->res.seq = sent.seq;
        w->res.dialog = sent.dialog;
        return CHAT_DONE;
    }

    if (w->sender.n > sent.n + 1) {
        w->res.outcome = CHAT_WRITE_GAP;
        w->res.expected = sent.n + 1;
        return chat_op_fail(op, CHAT_E_GAP);
    }

    return CHAT_OK;
}


static int
chat_write_committed(chat_op_t *op)
{
    int                rc;
    chat_write_t      *w = op->ctx;
    const redisReply  *r;

    rc = chat_call_reply(op, 0, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (chat_commit_parse(r, &w->res) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    switch (w->res.outcome) {

    case CHAT_WRITE_OK:
    case CHAT_WRITE_ALREADY:
        return CHAT_DONE;

    case CHAT_WRITE_GAP:
        return chat_op_fail(op, CHAT_E_GAP);

    default: /* CHAT_WRITE_CONFLICT */
        return chat_write_again(op, CHAT_WRITE_AT_POINTER);
    }
}


static int
chat_write_goto(chat_op_t *op, int step)
{
    op->next = &chat_write_steps[step];

    return CHAT_OK;
}


/* Somebody was faster: look again, but not for ever. */

static int
chat_write_again(chat_op_t *op, int step)
{
    chat_write_t  *w = op->ctx;

    if (++w->tries == CHAT_WRITE_TRIES) {
        return chat_op_fail(op, CHAT_E_BUSY);
    }

    return chat_write_goto(op, step);
}
