
/*
 * Random operations upon dialogs against a model of the store: the state
 * machine, the numbers and the waiting times hold, and the replayed log gives
 * the live state.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vectors.h"
#include "chat_dialog.h"
#include "chat_rights.h"


#define RUNS         40
#define OPERATIONS   1500
#define DIALOGS      200
#define VISITORS     3
#define ENTRIES      (OPERATIONS * 2)

static const chat_rules_t  rules = { 3600000, 60000 };


/* What we know of a dialog by other means than the rules. */
typedef struct {
    uint64_t       waits_since;      /* first unanswered visitor message */
    uint64_t       episode;          /* its first visitor message */
    unsigned       answered;
    uint64_t       owner;
    int            queue;            /* is it in the queue? */
} model_t;

typedef struct {
    chat_dialog_t  live[DIALOGS];    /* as in the store */
    model_t        model[DIALOGS];
    unsigned       n;
    int            current[VISITORS];
    chat_str_t     visitors[VISITORS];
    chat_entry_t   log[ENTRIES];
    unsigned       logged;
    chat_id_t      id;
    uint64_t       now;
    uint64_t       seed;
    chat_mem_t    *mem;
    unsigned       events[CHAT_EV_MAX];
    unsigned       conflicts;
} store_t;

static unsigned
pick(store_t *s, unsigned n)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 7;
    s->seed ^= s->seed << 17;

    return (s->seed >> 11) % n;
}


static chat_str_t
copy(store_t *s, const char *text)
{
    chat_str_t  src, dst;

    src.data = (unsigned char *) text;
    src.len = strlen(text);
    assert_int_equal(chat_mem_dup(s->mem, &dst, &src), CHAT_OK);

    return dst;
}


/* XADD: the body makes the way through the log's text form, too. */

static void
add(store_t *s, chat_dialog_t *d, const chat_draft_t *draft)
{
    chat_str_t     printed, header, body;
    chat_entry_t   e, *at;
    unsigned char  buf[CHAT_HEADER_MAX];

    memset(&e, 0, sizeof(e));
    e.event = draft->event;
    e.seq = ++d->seq;
    e.owner = draft->owner;
    e.wait_ms = draft->wait_ms;
    e.start_ms = draft->start_ms;
    e.account = d->account;
    e.site = d->site;
    e.visitor = d->visitor;
    e.dialog = d->dialog;

    printed.data = buf;
    printed.len = chat_entry_header(buf, &e) - buf;
    assert_int_equal(chat_mem_dup(s->mem, &header, &printed), CHAT_OK);
    body = vector_body(chat_events[e.event].type, &draft->body, s->mem);

    assert_true(s->logged < ENTRIES);
    at = &s->log[s->logged++];
    assert_int_equal(chat_entry_parse(&header, &body, at), CHAT_OK);

    s->id.seq++;
    at->id = s->id;
    d->last = s->id;
    s->events[e.event]++;
}


static uint64_t
at_event(store_t *s, uint64_t v)
{
    return v == CHAT_AT_EVENT ? s->id.ms : v;
}


/* commit.lua: guards, then events, then the fields named, or nothing. */

static int
commit(store_t *s, const chat_dialog_t *found, const chat_decision_t *dec)
{
    unsigned              i, w = dec->writes;
    chat_dialog_t        *d;
    const chat_dialog_t  *next = &dec->next;

    if (dec->fresh) {
        assert_true(s->n < DIALOGS);
        i = s->n++;
        d = &s->live[i];
        memset(d, 0, sizeof(chat_dialog_t));
        memset(&s->model[i], 0, sizeof(model_t));
        d->exists = 1;
        d->dialog = next->dialog;

    } else {
        for (i = 0; !chat_str_eq(&s->live[i].dialog, &next->dialog); i++) {
            assert_true(i < s->n);
        }

        d = &s->live[i];

        if (d->rev != found->rev
            || (dec->quiet && chat_id_cmp(&d->last, &found->last) != 0))
        {
            s->conflicts++;
            return -1;
        }
    }

    assert_int_equal(next->rev, d->rev + 1);

    /* timers never overlook what came meanwhile */

    if (dec->events[0].event == CHAT_EV_DIALOG_CLOSED
        && dec->events[0].body.dialog_closed.reason == CHAT_CLOSE_REASON_IDLE)
    {
        assert_true(s->now >= d->last.ms + rules.idle_ms);
        assert_int_equal(d->wait_ms, 0);
    }

    if (dec->events[0].event == CHAT_EV_DIALOG_RELEASED
        && dec->events[0].body.dialog_released.reason
           == CHAT_RELEASE_REASON_NO_ANSWER)
    {
        assert_false(d->answered);
    }

#define write(FIELD, member)                                                 \
    if (w & (1u << CHAT_DIALOG_ ## FIELD)) d->member = next->member
#define write_ms(FIELD, member)                                              \
    if (w & (1u << CHAT_DIALOG_ ## FIELD))                                   \
        d->member = at_event(s, next->member)

    if (w & (1u << CHAT_DIALOG_ROUTE)) {
        d->account = next->account;
        d->site = next->site;
        d->visitor = next->visitor;
    }

    for (w = 0; w < dec->n_events; w++) {
        add(s, d, &dec->events[w]);
    }

    w = dec->writes;
    write(STATE, state);
    write(REV, rev);
    write(NAME, name);
    write(PAGE, page);
    write(OWNER, owner);
    write(ANSWERED, answered);
    write_ms(OPENED, opened_ms);
    write_ms(QUEUED, queued_ms);
    write_ms(START, start_ms);
    write_ms(WAIT, wait_ms);
    write_ms(CLOSED, closed_ms);

    s->model[i].queue += dec->queue;

    return i;
}


/* append.lua */

static int
append(store_t *s, unsigned i, const chat_actor_t *who)
{
    chat_draft_t               draft;
    chat_dialog_t             *d = &s->live[i];
    chat_ev_message_posted_t  *body = &draft.body.message_posted;

    if (d->state == CHAT_DIALOG_STATE_CLOSED
        || (who->kind == CHAT_ACTOR_KIND_OPERATOR
            ? d->owner != who->id
            : !chat_str_eq(&d->visitor, &who->visitor)))
    {
        return -1;
    }

    memset(&draft, 0, sizeof(draft));
    draft.event = CHAT_EV_MESSAGE_POSTED;
    draft.owner = d->owner;
    body->from.kind = who->kind;
    body->from.id = who->id;
    chat_set(&body->from, CHAT_F_AUTHOR_KIND);
    chat_set(&body->from, CHAT_F_AUTHOR_ID);
    chat_str_set(&body->text, "и так далее 😀");
    chat_set(body, CHAT_F_EV_MESSAGE_POSTED_FROM);
    chat_set(body, CHAT_F_EV_MESSAGE_POSTED_TEXT);

    if (who->kind == CHAT_ACTOR_KIND_OPERATOR) {
        draft.wait_ms = d->wait_ms;
        draft.start_ms = d->answered ? 0 : d->start_ms;
        d->wait_ms = 0;
        d->answered = 1;
        add(s, d, &draft);
        return 0;
    }

    add(s, d, &draft);
    d->wait_ms = d->wait_ms ? d->wait_ms : s->id.ms;
    d->start_ms = d->start_ms ? d->start_ms : s->id.ms;

    return 0;
}


static int
by_operator(store_t *s, const chat_entry_t *e)
{
    chat_fault_t              fault;
    chat_ev_message_posted_t  body;

    assert_int_equal(chat_body_decode(&chat_ev_message_posted_type, &e->body,
                                      &body, s->mem, &fault), CHAT_OK);

    return body.from.kind == CHAT_ACTOR_KIND_OPERATOR;
}


/* The model learns from the events alone. */

static void
learn(store_t *s, unsigned i, unsigned from)
{
    model_t              *m = &s->model[i];
    const chat_entry_t   *e;

    for (; from < s->logged; from++) {
        e = &s->log[from];

        switch (e->event) {

        case CHAT_EV_DIALOG_OPENED:
        case CHAT_EV_DIALOG_REOPENED:
            m->waits_since = 0;
            m->episode = 0;
            m->answered = 0;
            m->owner = 0;
            break;

        case CHAT_EV_DIALOG_TAKEN:
            m->owner = e->owner;
            break;

        case CHAT_EV_DIALOG_RELEASED:
            assert_int_equal(e->owner, m->owner);
            m->owner = 0;
            break;

        case CHAT_EV_DIALOG_CLOSED:
            assert_int_equal(e->owner, m->owner);
            m->waits_since = 0;
            m->episode = 0;
            break;

        case CHAT_EV_MESSAGE_POSTED:
            if (by_operator(s, e)) {
                assert_int_equal(e->wait_ms, m->waits_since);
                assert_int_equal(e->start_ms, m->answered ? 0 : m->episode);
                assert_int_equal(e->owner, m->owner);
                m->waits_since = 0;
                m->answered = 1;
                break;
            }

            m->waits_since = m->waits_since ? m->waits_since : e->id.ms;
            m->episode = m->episode ? m->episode : e->id.ms;
            break;
        }
    }
}


static void
invariants(store_t *s, unsigned i)
{
    model_t        *m = &s->model[i];
    chat_dialog_t  *d = &s->live[i];

    assert_in_range(d->state, CHAT_DIALOG_STATE_QUEUED,
                    CHAT_DIALOG_STATE_CLOSED);
    assert_int_equal(m->queue, d->state == CHAT_DIALOG_STATE_QUEUED);
    assert_int_equal(d->owner, m->owner);
    assert_int_equal(d->wait_ms, m->waits_since);
    assert_int_equal(d->start_ms, m->episode);
    assert_int_equal(d->answered, m->answered);

    if (d->state == CHAT_DIALOG_STATE_QUEUED) {
        assert_int_equal(d->owner, 0);
        assert_true(d->queued_ms >= d->opened_ms);
        assert_true(d->wait_ms || d->answered);
    }

    if (d->state == CHAT_DIALOG_STATE_ACTIVE) {
        assert_int_not_equal(d->owner, 0);
    }

    assert_int_equal(d->closed_ms != 0, d->state == CHAT_DIALOG_STATE_CLOSED);
}


static void
same(const chat_dialog_t *a, const chat_dialog_t *b)
{
    assert_int_equal(a->exists, b->exists);
    assert_int_equal(a->answered, b->answered);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->rev, b->rev);
    assert_int_equal(a->seq, b->seq);
    assert_int_equal(chat_id_cmp(&a->last, &b->last), 0);
    assert_int_equal(a->account, b->account);
    assert_int_equal(a->site, b->site);
    assert_true(chat_str_eq(&a->visitor, &b->visitor));
    assert_true(chat_str_eq(&a->dialog, &b->dialog));
    assert_true(chat_str_eq(&a->name, &b->name));
    assert_true(chat_str_eq(&a->page, &b->page));
    assert_int_equal(a->owner, b->owner);
    assert_int_equal(a->opened_ms, b->opened_ms);
    assert_int_equal(a->queued_ms, b->queued_ms);
    assert_int_equal(a->start_ms, b->start_ms);
    assert_int_equal(a->wait_ms, b->wait_ms);
    assert_int_equal(a->closed_ms, b->closed_ms);
}


static void
somebody(store_t *s, chat_intent_e intent, unsigned v, chat_actor_t *who)
{
    memset(who, 0, sizeof(chat_actor_t));
    who->account = 3;

    if (intent >= CHAT_INTENT_DUE_IDLE) {
        who->kind = CHAT_ACTOR_KIND_SYSTEM;

    } else if (intent == CHAT_INTENT_POST || pick(s, 5) == 0) {
        who->kind = CHAT_ACTOR_KIND_VISITOR;
        who->site = 7;
        who->visitor = s->visitors[v];
        chat_str_set(&who->name, "Ёлка");

    } else {
        who->kind = CHAT_ACTOR_KIND_OPERATOR;
        who->id = 1 + pick(s, 4);
        who->role = 1 + pick(s, CHAT_ROLE_MAX - 1);
    }
}


/* Somebody decides upon what he loaded; others may act before he commits. */

static void
decide_once(store_t *s, chat_dialog_t *loaded, unsigned v)
{
    int              i;
    char             id[17];
    unsigned         logged = s->logged;
    chat_actor_t     who;
    chat_intent_t    in;
    chat_decision_t  dec;

    memset(&in, 0, sizeof(in));
    in.intent = 1 + pick(s, CHAT_INTENT_MAX - 1);
    in.now_ms = s->now;
    in.rules = &rules;
    in.text = copy(s, "первое");
    in.page = copy(s, "https://shop.example/каталог");
    snprintf(id, sizeof(id), "%016x", s->n + 1);
    in.new_dialog = copy(s, id);

    somebody(s, in.intent, v, &who);

    if (chat_dialog_decide(loaded, &who, &in, &dec) != CHAT_OK) {
        assert_in_range(dec.error, 1, CHAT_E_MAX - 1);
        return;
    }

    assert_false(who.kind == CHAT_ACTOR_KIND_OPERATOR
                 && who.role == CHAT_ROLE_ANALYST);

    if (dec.nothing) {
        assert_int_equal(dec.n_events, 0);
        assert_int_equal(dec.writes, 0);
        return;
    }

    /* the guard of the visitor's pointer: nobody opened one meanwhile */

    if (dec.fresh && s->current[v] >= 0
        && !chat_str_eq(&s->live[s->current[v]].dialog, &loaded->dialog))
    {
        return;
    }

    i = commit(s, loaded, &dec);

    if (i < 0) {
        return;
    }

    if (dec.fresh) {
        s->current[v] = i;
    }

    learn(s, i, logged);
    invariants(s, i);
}


static void
message_once(store_t *s, unsigned v)
{
    int           i = s->current[v];
    unsigned      logged = s->logged;
    chat_actor_t  who;

    somebody(s, pick(s, 2) ? CHAT_INTENT_POST : CHAT_INTENT_TAKE, v, &who);

    if (i >= 0 && append(s, i, &who) == 0) {
        learn(s, i, logged);
        invariants(s, i);
    }
}


static void
random_run(store_t *s)
{
    unsigned       n, v;
    chat_dialog_t  loaded, none;

    memset(&none, 0, sizeof(none));

    for (n = 0; n < OPERATIONS && s->n < DIALOGS - 1; n++) {
        v = pick(s, VISITORS);
        loaded = s->current[v] >= 0 ? s->live[s->current[v]] : none;

        switch (pick(s, 8)) {

        case 0: /* something comes between load and commit */
            message_once(s, v);
            break;

        case 1:
            decide_once(s, &loaded, v);
            break;
        }

        s->now += (const uint64_t []) { 0, 1, 900, 40000, 90000, 4000000,
                                        1, 100000000 }[pick(s, 8)];
        if (s->now > s->id.ms) {
            s->id.ms = s->now;
            s->id.seq = 0;
        }

        if (pick(s, 3)) {
            decide_once(s, &loaded, v);
        } else {
            message_once(s, v);
        }
    }
}


/* Folds the log anew and compares, dialog by dialog. */

static void
replay(store_t *s)
{
    unsigned        i, n;
    uint64_t        rev;
    chat_dialog_t   d;

    for (i = 0; i < s->n; i++) {
        memset(&d, 0, sizeof(d));

        for (n = 0; n < s->logged; n++) {

            if (!chat_str_eq(&s->log[n].dialog, &s->live[i].dialog)) {
                continue;
            }

            rev = d.rev;
            assert_int_equal(s->log[n].seq, d.seq + 1);
            chat_dialog_apply(&d, &s->log[n]);
            assert_in_range(d.rev, rev, rev + 1);

            /* twice is once */
            chat_dialog_apply(&d, &s->log[n]);
        }

        same(&d, &s->live[i]);
    }
}


static void
live_equals_replay(void **state)
{
    int              i, v, run;
    unsigned         events[CHAT_EV_MAX] = { 0 }, conflicts = 0;
    store_t         *s;
    chat_heap_t     *heap;
    const char      *names[VISITORS] = { "AAECAwQFBgcICQoLDA0ODw",
                                         "BAECAwQFBgcICQoLDA0ODw",
                                         "CAECAwQFBgcICQoLDA0ODw" };

    s = malloc(sizeof(store_t));
    heap = chat_heap_create(0);

    for (run = 0; run < RUNS; run++) {
        memset(s, 0, sizeof(store_t));
        s->mem = chat_heap_mem(heap);
        s->seed = 88172645463325252 + run * 7919;
        s->now = UINT64_C(1700000000000);
        s->id.ms = s->now;

        for (v = 0; v < VISITORS; v++) {
            s->current[v] = -1;
            s->visitors[v] = copy(s, names[v]);
        }

        random_run(s);
        replay(s);
        chat_heap_reset(heap);

        conflicts += s->conflicts;

        for (i = 0; i < CHAT_EV_MAX; i++) {
            events[i] += s->events[i];
        }
    }

    /* the runs went everywhere */

    for (i = CHAT_EV_DIALOG_OPENED; i <= CHAT_EV_DIALOG_REOPENED; i++) {
        assert_in_range(events[i], 100, 1000000);
    }

    assert_in_range(conflicts, 100, 1000000);

    chat_heap_destroy(heap);
    free(s);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(live_equals_replay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
