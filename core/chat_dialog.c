
/*
 * The rules of a dialog.  One function per intent; each reads the state and
 * writes a decision, or names the error.
 */

#include "chat_dialog.h"
#include "chat_rights.h"
#include "chat_str.h"


typedef int (*chat_rule_pt)(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);


static int chat_rule_post(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);
static int chat_rule_take(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);
static int chat_rule_close(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);
static int chat_rule_release(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);
static int chat_rule_due_idle(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);
static int chat_rule_due_accept(const chat_dialog_t *d,
    const chat_actor_t *who, const chat_intent_t *in, chat_decision_t *out);

static void chat_decide_open(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);
static void chat_decide_reopen(const chat_dialog_t *d, chat_decision_t *out);
static void chat_decide_episode(chat_decision_t *out);
static void chat_decide_message(const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out);
static void chat_decide_close(const chat_dialog_t *d,
    const chat_actor_t *who, int reason, chat_decision_t *out);
static void chat_decide_release(const chat_dialog_t *d,
    const chat_actor_t *who, int reason, chat_decision_t *out);
static chat_draft_t *chat_decide_event(chat_decision_t *out, int event);
static void chat_decide_due(chat_decision_t *out, chat_due_e kind,
    uint64_t ms);
static void chat_decide_author(chat_author_t *a, const chat_actor_t *who);


static const chat_rule_pt  chat_dialog_rules[CHAT_INTENT_MAX] = {
    [CHAT_INTENT_POST]       = chat_rule_post,
    [CHAT_INTENT_TAKE]       = chat_rule_take,
    [CHAT_INTENT_CLOSE]      = chat_rule_close,
    [CHAT_INTENT_RELEASE]    = chat_rule_release,
    [CHAT_INTENT_DUE_IDLE]   = chat_rule_due_idle,
    [CHAT_INTENT_DUE_ACCEPT] = chat_rule_due_accept,
};

#define CHAT_WRITES(field)  (1u << CHAT_DIALOG_ ## field)


int
chat_dialog_decide(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    memset(out, 0, sizeof(chat_decision_t));

    if (chat_rights_dialog(who, in->intent, d, &out->error) == CHAT_OK) {
        out->next = *d;
        out->error = chat_dialog_rules[in->intent](d, who, in, out);
    }

    if (out->error) {
        return CHAT_DECLINED;
    }

    if (!out->nothing) {
        out->next.rev++;
        out->writes |= CHAT_WRITES(REV);
    }

    return CHAT_OK;
}


int
chat_dialog_open(const chat_dialog_t *d)
{
    return d->exists && d->state != CHAT_DIALOG_STATE_CLOSED;
}


static int
chat_rule_post(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    if (who->kind == CHAT_ACTOR_KIND_OPERATOR) {

        if (!chat_dialog_open(d)) {
            return CHAT_E_CLOSED;
        }

        /* from the queue it must be taken first */

        return d->state == CHAT_DIALOG_STATE_QUEUED ? CHAT_E_FORBIDDEN
                                                    : CHAT_E_CONFLICT;
    }

    if (chat_dialog_open(d)) {
        return CHAT_E_CONFLICT;
    }

    /* our clock may be behind the one that closed it */

    if (d->exists
        && (in->now_ms < d->closed_ms
            || in->now_ms - d->closed_ms < CHAT_LIMIT_REOPEN_MS))
    {
        chat_decide_reopen(d, out);

    } else {
        chat_decide_open(d, who, in, out);
    }

    chat_decide_message(who, in, out);

    if (in->rules && in->rules->idle_ms) {
        chat_decide_due(out, CHAT_DUE_IDLE, in->rules->idle_ms);
    }

    return 0;
}


static int
chat_rule_take(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    chat_draft_t  *draft;

    if (d->state == CHAT_DIALOG_STATE_CLOSED) {
        return CHAT_E_CLOSED;
    }

    if (d->state != CHAT_DIALOG_STATE_QUEUED) {
        return CHAT_E_CONFLICT;
    }

    out->next.state = CHAT_DIALOG_STATE_ACTIVE;
    out->next.owner = who->id;
    out->writes |= CHAT_WRITES(STATE)|CHAT_WRITES(OWNER);
    out->queue = -1;

    draft = chat_decide_event(out, CHAT_EV_DIALOG_TAKEN);
    draft->owner = who->id;
    draft->wait_ms = d->queued_ms;
    chat_decide_author(&draft->body.dialog_taken.operator, who);
    chat_set(&draft->body.dialog_taken, CHAT_F_EV_DIALOG_TAKEN_OPERATOR);

    if (in->rules && in->rules->accept_ms && !d->answered) {
        chat_decide_due(out, CHAT_DUE_ACCEPT, in->rules->accept_ms);
    }

    return 0;
}


static int
chat_rule_close(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    if (!d->exists) {
        return CHAT_E_NOT_FOUND;
    }

    if (d->state == CHAT_DIALOG_STATE_CLOSED) {
        return CHAT_E_CLOSED;
    }

    chat_decide_close(d, who,
                      who->kind == CHAT_ACTOR_KIND_VISITOR
                      ? CHAT_CLOSE_REASON_VISITOR
                      : CHAT_CLOSE_REASON_OPERATOR,
                      out);

    return 0;
}


static int
chat_rule_release(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    if (d->state == CHAT_DIALOG_STATE_CLOSED) {
        return CHAT_E_CLOSED;
    }

    if (d->state != CHAT_DIALOG_STATE_ACTIVE) {
        return CHAT_E_CONFLICT;
    }

    chat_decide_release(d, who, CHAT_RELEASE_REASON_OPERATOR, out);

    return 0;
}


/*
 * The timer is not moved by each message: when it fires too early it is set
 * to what the last event says.  A visitor who waits for an answer is not
 * sent away: the timer looks again after each further idle time.
 */

static int
chat_rule_due_idle(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    uint64_t  due;

    if (!chat_dialog_open(d) || in->rules == NULL || !in->rules->idle_ms) {
        out->nothing = 1;
        out->due_clear = 1u << CHAT_DUE_IDLE;
        return 0;
    }

    due = d->last.ms + in->rules->idle_ms;

    if (d->wait_ms && in->now_ms >= due) {
        due += (in->now_ms - due) / in->rules->idle_ms * in->rules->idle_ms
               + in->rules->idle_ms;
    }

    if (in->now_ms < due) {
        out->nothing = 1;
        chat_decide_due(out, CHAT_DUE_IDLE, due);
        return 0;
    }

    out->quiet = 1;
    chat_decide_close(d, who, CHAT_CLOSE_REASON_IDLE, out);

    return 0;
}


/*
 * Taken, but no answer within the accept time: somebody else may help.  Only
 * until the episode's first answer; the timer is set by the take itself.
 */

static int
chat_rule_due_accept(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    if (!d->exists
        || d->state != CHAT_DIALOG_STATE_ACTIVE
        || d->answered
        || in->rules == NULL
        || in->rules->accept_ms == 0)
    {
        out->nothing = 1;
        out->due_clear = 1u << CHAT_DUE_ACCEPT;
        return 0;
    }

    out->quiet = 1;
    chat_decide_release(d, who, CHAT_RELEASE_REASON_NO_ANSWER, out);

    return 0;
}


/* A new dialog, be `d` absent or closed too long ago. */

static void
chat_decide_open(const chat_dialog_t *d, const chat_actor_t *who,
    const chat_intent_t *in, chat_decision_t *out)
{
    chat_draft_t             *draft;
    chat_dialog_t            *next;
    chat_ev_dialog_opened_t  *body;

    next = &out->next;
    memset(next, 0, sizeof(chat_dialog_t));

    next->exists = 1;
    next->account = who->account;
    next->site = who->site;
    next->visitor = who->visitor;
    next->dialog = in->new_dialog;
    next->name = who->name;
    next->page = in->page;
    next->opened_ms = CHAT_AT_EVENT;

    out->fresh = 1;
    out->writes |= CHAT_WRITES(ROUTE)|CHAT_WRITES(NAME)|CHAT_WRITES(PAGE)
                   |CHAT_WRITES(OPENED);

    draft = chat_decide_event(out, CHAT_EV_DIALOG_OPENED);
    body = &draft->body.dialog_opened;

    if (who->name.len) {
        body->name = who->name;
        chat_set(body, CHAT_F_EV_DIALOG_OPENED_NAME);
    }

    if (in->page.len) {
        body->page = in->page;
        chat_set(body, CHAT_F_EV_DIALOG_OPENED_PAGE);
    }

    chat_decide_episode(out);
}


/* With the facts a list needs that has forgotten the dialog. */

static void
chat_decide_reopen(const chat_dialog_t *d, chat_decision_t *out)
{
    chat_ev_dialog_reopened_t  *body;

    body = &chat_decide_event(out, CHAT_EV_DIALOG_REOPENED)
               ->body.dialog_reopened;

    if (d->name.len) {
        body->name = d->name;
        chat_set(body, CHAT_F_EV_DIALOG_REOPENED_NAME);
    }

    if (d->page.len) {
        body->page = d->page;
        chat_set(body, CHAT_F_EV_DIALOG_REOPENED_PAGE);
    }

    body->opened_ms = d->opened_ms;
    chat_set(body, CHAT_F_EV_DIALOG_REOPENED_OPENED_MS);

    body->rev = d->rev + 1;
    chat_set(body, CHAT_F_EV_DIALOG_REOPENED_REV);

    out->next.owner = 0;
    out->next.answered = 0;
    out->next.closed_ms = 0;
    out->writes |= CHAT_WRITES(OWNER)|CHAT_WRITES(ANSWERED)
                   |CHAT_WRITES(CLOSED);

    chat_decide_episode(out);
}


/* From here the visitor waits. */

static void
chat_decide_episode(chat_decision_t *out)
{
    out->next.state = CHAT_DIALOG_STATE_QUEUED;
    out->next.queued_ms = CHAT_AT_EVENT;
    out->next.start_ms = CHAT_AT_EVENT;
    out->next.wait_ms = CHAT_AT_EVENT;
    out->writes |= CHAT_WRITES(STATE)|CHAT_WRITES(QUEUED)|CHAT_WRITES(START)
                   |CHAT_WRITES(WAIT);
    out->queue = 1;
}


static void
chat_decide_message(const chat_actor_t *who, const chat_intent_t *in,
    chat_decision_t *out)
{
    chat_ev_message_posted_t  *body;

    body = &chat_decide_event(out, CHAT_EV_MESSAGE_POSTED)
            ->body.message_posted;

    chat_decide_author(&body->from, who);
    body->text = in->text;
    chat_set(body, CHAT_F_EV_MESSAGE_POSTED_FROM);
    chat_set(body, CHAT_F_EV_MESSAGE_POSTED_TEXT);
}


/* The owner stays: it is known who had it. */

static void
chat_decide_close(const chat_dialog_t *d, const chat_actor_t *who, int reason,
    chat_decision_t *out)
{
    chat_draft_t             *draft;
    chat_ev_dialog_closed_t  *body;

    if (d->state == CHAT_DIALOG_STATE_QUEUED) {
        out->queue = -1;
    }

    out->next.state = CHAT_DIALOG_STATE_CLOSED;
    out->next.closed_ms = CHAT_AT_EVENT;
    out->next.start_ms = 0;
    out->next.wait_ms = 0;
    out->writes |= CHAT_WRITES(STATE)|CHAT_WRITES(CLOSED)|CHAT_WRITES(START)
                   |CHAT_WRITES(WAIT);
    out->due_clear = 1u << CHAT_DUE_IDLE | 1u << CHAT_DUE_ACCEPT;

    draft = chat_decide_event(out, CHAT_EV_DIALOG_CLOSED);
    draft->owner = d->owner;

    body = &draft->body.dialog_closed;
    chat_decide_author(&body->by, who);
    body->reason = reason;
    chat_set(body, CHAT_F_EV_DIALOG_CLOSED_BY);
    chat_set(body, CHAT_F_EV_DIALOG_CLOSED_REASON);
}


static void
chat_decide_release(const chat_dialog_t *d, const chat_actor_t *who,
    int reason, chat_decision_t *out)
{
    chat_draft_t               *draft;
    chat_ev_dialog_released_t  *body;

    out->next.state = CHAT_DIALOG_STATE_QUEUED;
    out->next.owner = 0;
    out->next.queued_ms = CHAT_AT_EVENT;
    out->writes |= CHAT_WRITES(STATE)|CHAT_WRITES(OWNER)|CHAT_WRITES(QUEUED);
    out->queue = 1;
    out->due_clear = 1u << CHAT_DUE_ACCEPT;

    draft = chat_decide_event(out, CHAT_EV_DIALOG_RELEASED);
    draft->owner = d->owner;

    body = &draft->body.dialog_released;
    chat_decide_author(&body->by, who);
    body->reason = reason;
    chat_set(body, CHAT_F_EV_DIALOG_RELEASED_BY);
    chat_set(body, CHAT_F_EV_DIALOG_RELEASED_REASON);
}


static chat_draft_t *
chat_decide_event(chat_decision_t *out, int event)
{
    chat_draft_t  *draft;

    draft = &out->events[out->n_events++];
    draft->event = event;

    return draft;
}


static void
chat_decide_due(chat_decision_t *out, chat_due_e kind, uint64_t ms)
{
    out->due_set |= 1u << kind;
    out->due_ms[kind] = ms;
}


static void
chat_decide_author(chat_author_t *a, const chat_actor_t *who)
{
    a->kind = who->kind;
    chat_set(a, CHAT_F_AUTHOR_KIND);

    if (who->kind == CHAT_ACTOR_KIND_OPERATOR) {
        a->id = who->id;
        chat_set(a, CHAT_F_AUTHOR_ID);
    }

    if (who->name.len) {
        a->name = who->name;
        chat_set(a, CHAT_F_AUTHOR_NAME);
    }
}
