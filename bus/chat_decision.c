
#include "chat_due.h"
#include "chat_script.h"
#include "chat_str.h"


static void chat_decision_guard(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *found, const chat_decision_t *dec,
    const chat_str_t *pointer);
static void chat_decision_fields(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec);
static chat_str_t chat_decision_value(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *d, unsigned field);
static chat_str_t chat_decision_route(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *d);
static void chat_decision_visitor(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *next);
static void chat_decision_lists(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec);
static void chat_decision_due(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec);
static void chat_decision_zrem(chat_commit_t *c, const chat_str_t *key,
    const chat_str_t *member);
static chat_str_t chat_decision_number(chat_commit_t *c, uint64_t v);


static chat_str_t  chat_hset = chat_string("HSET");
static chat_str_t  chat_hdel = chat_string("HDEL");


chat_cmd_t *
chat_dialog_cmd(chat_mem_t *mem, uint64_t account, const chat_str_t *dialog)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_dialog(mem, account, dialog);

    c = chat_cmd_create(mem, 2);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "HGETALL");
    chat_cmd_str(c, &key);

    return c;
}


chat_cmd_t *
chat_decision_cmd(chat_mem_t *mem, const chat_dialog_t *found,
    const chat_decision_t *dec, const chat_sender_t *sender,
    const chat_str_t *pointer)
{
    unsigned              i;
    chat_commit_t        *c;
    const chat_dialog_t  *next;

    next = &dec->next;

    c = chat_commit_create(mem, chat_partition(next->account));
    if (c == NULL) {
        return NULL;
    }

    if (sender && sender->n == 0) {
        sender = NULL;
    }

    if (sender) {
        chat_commit_sender(c, sender, &next->dialog);
    }

    chat_decision_guard(c, mem, found, dec, pointer);

    /* the number of the client's command is on its last event: the one whose
       id is its answer */

    for (i = 0; i < dec->n_events; i++) {
        chat_commit_event(c, next, &dec->events[i],
                          i + 1 == dec->n_events ? sender : NULL);
    }

    chat_decision_fields(c, mem, dec);

    if (dec->fresh) {
        chat_decision_visitor(c, mem, next);
    }

    chat_decision_lists(c, mem, dec);
    chat_decision_due(c, mem, dec);

    /* closing gives memory back in the end: it may run when Redis is full */

    return chat_commit_cmd(c, next->state == CHAT_DIALOG_STATE_CLOSED);
}


static void
chat_decision_guard(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *found, const chat_decision_t *dec,
    const chat_str_t *pointer)
{
    chat_str_t            key, value;
    const chat_dialog_t  *next;

    next = &dec->next;
    key = chat_key_dialog(mem, next->account, &next->dialog);

    if (dec->fresh) {
        chat_commit_check(c, &key, "state", '!', NULL);

    } else {
        value = chat_decision_number(c, found->rev);
        chat_commit_check(c, &key, "rev", '=', &value);
    }

    if (dec->quiet) {

        /* a message does not move rev, but the timer must know of it */

        value = chat_key(mem, 0, "%u-%u", found->last.ms, found->last.seq);

        if (value.len == 0) {
            chat_commit_fail(c);
        }

        chat_commit_check(c, &key, "last", '=', &value);
    }

    if (pointer == NULL) {
        return;
    }

    key = chat_key_visitor(mem, next->account, next->site, &next->visitor);

    if (pointer->len) {
        chat_commit_check(c, &key, "dialog", '=', pointer);
    } else {
        chat_commit_check(c, &key, "dialog", '!', NULL);
    }
}


static void
chat_decision_fields(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec)
{
    int         n_set, n_del;
    unsigned    i;
    chat_str_t  value, set[2 + CHAT_DIALOG_FIELDS * 2];
    chat_str_t  del[2 + CHAT_DIALOG_FIELDS];

    set[0] = chat_hset;
    del[0] = chat_hdel;
    set[1] = chat_key_dialog(mem, dec->next.account, &dec->next.dialog);
    del[1] = set[1];

    n_set = 2;
    n_del = 2;

    for (i = 0; i < CHAT_DIALOG_FIELDS; i++) {

        if ((dec->writes & (1u << i)) == 0) {
            continue;
        }

        value = chat_decision_value(c, mem, &dec->next, i);

        if (value.len) {
            set[n_set++] = chat_dialog_fields[i];
            set[n_set++] = value;

        } else {
            del[n_del++] = chat_dialog_fields[i];
        }
    }

    if (n_set > 2) {
        chat_commit_write(c, set, n_set);
    }

    if (n_del > 2) {
        chat_commit_write(c, del, n_del);
    }
}


/* As it stands in the hash; empty = absent. */

static chat_str_t
chat_decision_value(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *d, unsigned field)
{
    uint64_t    v;
    chat_str_t  none = chat_null_string;

    switch (field) {

    case CHAT_DIALOG_ROUTE:
        return chat_decision_route(c, mem, d);

    case CHAT_DIALOG_NAME:
        return d->name;

    case CHAT_DIALOG_PAGE:
        return d->page;

    case CHAT_DIALOG_STATE:
        v = d->state;
        break;

    case CHAT_DIALOG_REV:
        v = d->rev;
        break;

    case CHAT_DIALOG_OWNER:
        v = d->owner;
        break;

    case CHAT_DIALOG_ANSWERED:
        v = d->answered;
        break;

    case CHAT_DIALOG_OPENED:
        v = d->opened_ms;
        break;

    case CHAT_DIALOG_QUEUED:
        v = d->queued_ms;
        break;

    case CHAT_DIALOG_START:
        v = d->start_ms;
        break;

    case CHAT_DIALOG_WAIT:
        v = d->wait_ms;
        break;

    case CHAT_DIALOG_CLOSED:
        v = d->closed_ms;
        break;

    default: /* seq and last are the script's to write */
        return none;
    }

    return v ? chat_decision_number(c, v) : none;
}


static chat_str_t
chat_decision_route(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *d)
{
    chat_str_t  text;

    text = chat_key(mem, 0, "%u:%u:%s", d->account, d->site, &d->visitor);
    if (text.len == 0) {
        chat_commit_fail(c);
    }

    return text;
}


/* The pointer that the first message's race is decided by. */

static void
chat_decision_visitor(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *next)
{
    chat_str_t  argv[6];

    argv[0] = chat_hset;
    argv[1] = chat_key_visitor(mem, next->account, next->site,
                               &next->visitor);
    chat_str_set(&argv[2], "dialog");
    argv[3] = next->dialog;
    chat_str_set(&argv[4], "name");
    argv[5] = next->name;

    chat_commit_write(c, argv, next->name.len ? 6 : 4);

    chat_str_set(&argv[0], "HSETNX");
    chat_str_set(&argv[2], "first_ms");
    argv[3] = chat_at_ms;

    chat_commit_write(c, argv, 4);
}


static void
chat_decision_lists(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec)
{
    chat_str_t            key, score;
    const chat_dialog_t  *next;

    next = &dec->next;

    key = chat_key_account(mem, next->account, "queue");

    if (dec->queue > 0) {
        score = chat_decision_number(c, next->queued_ms);
        chat_commit_zadd(c, &key, &score, &next->dialog);

    } else if (dec->queue < 0) {
        chat_decision_zrem(c, &key, &next->dialog);
    }

    key = chat_key_account(mem, next->account, "open");

    if (next->state == CHAT_DIALOG_STATE_CLOSED) {
        chat_decision_zrem(c, &key, &next->dialog);
    } else {
        chat_commit_zadd(c, &key, &chat_at_ms, &next->dialog);
    }

    key = chat_key_account(mem, next->account, "dialogs");
    chat_commit_zadd(c, &key, &chat_at_ms, &next->dialog);
}


static void
chat_decision_due(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec)
{
    unsigned    kind;
    chat_str_t  key, member;

    key = chat_key_due(mem, chat_partition(dec->next.account));

    for (kind = CHAT_DUE_IDLE; kind <= CHAT_DUE_ACCEPT; kind++) {

        if (((dec->due_set | dec->due_clear) & (1u << kind)) == 0) {
            continue;
        }

        member = chat_due_print(mem, kind, dec->next.account,
                                &dec->next.dialog);
        if (member.len == 0) {
            chat_commit_fail(c);
            return;
        }

        if (dec->due_set & (1u << kind)) {
            chat_commit_due(c, &key, dec->due_ms[kind], &member);
        } else {
            chat_decision_zrem(c, &key, &member);
        }
    }
}


static void
chat_decision_zrem(chat_commit_t *c, const chat_str_t *key,
    const chat_str_t *member)
{
    chat_str_t  argv[3];

    chat_str_set(&argv[0], "ZREM");
    argv[1] = *key;
    argv[2] = *member;

    chat_commit_write(c, argv, 3);
}


static chat_str_t
chat_decision_number(chat_commit_t *c, uint64_t v)
{
    return v == CHAT_AT_EVENT ? chat_at_ms : chat_commit_u64(c, v);
}
