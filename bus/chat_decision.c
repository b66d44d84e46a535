
#include "chat_due.h"
#include "chat_script.h"
#include "chat_str.h"


static void chat_decision_visitor(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *next);
static void chat_decision_lists(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec);
static void chat_decision_due(chat_commit_t *c, chat_mem_t *mem,
    const chat_decision_t *dec);
static void chat_decision_zrem(chat_commit_t *c, const chat_str_t *key,
    const chat_str_t *member);
static chat_str_t chat_decision_number(chat_commit_t *c, uint64_t v);


/* One command, so that both texts are of one moment. */

chat_cmd_t *
chat_dialog_cmd(chat_mem_t *mem, uint64_t account, const chat_str_t *dialog)
{
    chat_cmd_t  *c;
    chat_str_t   key, about;

    key = chat_key_dialog(mem, account, dialog);
    about = chat_key_dialog_about(mem, account, dialog);

    c = chat_cmd_create(mem, 3);
    if (c == NULL || key.len == 0 || about.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "MGET");
    chat_cmd_str(c, &key);
    chat_cmd_str(c, &about);

    return c;
}


int
chat_dialog_reply(const redisReply *r, chat_dialog_t *d)
{
    chat_str_t         state, about;
    const redisReply  *first, *second;

    chat_str_set(&state, "");
    chat_str_set(&about, "0 0 0 0 ");

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
        return CHAT_ERROR;
    }

    first = r->element[0];
    second = r->element[1];

    if (first->type != REDIS_REPLY_NIL
        && (chat_reply_str(first, &state) != CHAT_OK || state.len == 0))
    {
        return CHAT_ERROR;
    }

    /* somebody's eviction took it: what is left is enough to talk */

    if (second->type != REDIS_REPLY_NIL
        && chat_reply_str(second, &about) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    return chat_dialog_parse(&state, &about, d);
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

    if (sender && pointer) {
        chat_commit_pointer(c, pointer, dec->fresh ? &next->dialog : NULL);
    }

    /* a message does not move rev, but the timer must know of it */

    chat_commit_dialog(c, next->account, &next->dialog,
                       dec->fresh ? NULL : found,
                       dec->quiet ? &found->last : NULL);
    chat_commit_next(c, next, dec->writes);

    /* the number of the client's command is on its last event: the one whose
       id is its answer */

    for (i = 0; i < dec->n_events; i++) {
        chat_commit_event(c, next, &dec->events[i],
                          i + 1 == dec->n_events ? sender : NULL);
    }

    if (dec->fresh) {
        chat_decision_visitor(c, mem, next);
    }

    chat_decision_lists(c, mem, dec);
    chat_decision_due(c, mem, dec);

    /* closing gives memory back in the end: it may run when Redis is full */

    return chat_commit_cmd(c, next->state == CHAT_DIALOG_STATE_CLOSED);
}


static void
chat_decision_visitor(chat_commit_t *c, chat_mem_t *mem,
    const chat_dialog_t *next)
{
    chat_str_t  argv[4];

    argv[1] = chat_key_visitor_about(mem, next->account, next->site,
                                     &next->visitor);

    if (next->name.len) {
        chat_str_set(&argv[0], "HSET");
        chat_str_set(&argv[2], "name");
        argv[3] = next->name;

        chat_commit_write(c, argv, 4);
    }

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
