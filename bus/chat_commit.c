
#include "chat_commit_private.h"


static unsigned chat_commit_key(chat_commit_t *c, const chat_str_t *key);
static void *chat_commit_alloc(chat_commit_t *c, size_t size);
static chat_str_t chat_commit_head(chat_commit_t *c, const chat_dialog_t *d);
static chat_str_t chat_commit_text(chat_commit_t *c, chat_str_t text);
static chat_str_t chat_commit_ms(chat_commit_t *c, uint64_t ms);
static chat_commit_event_t *chat_commit_entry(chat_commit_t *c,
    const chat_entry_t *e);
static void chat_commit_body(chat_commit_t *c, chat_str_t *body,
    const chat_type_t *type, const void *in);


/* objects of their own: a literal might share its address with another's */

static unsigned char  chat_at_id_mark[] = "id";
static unsigned char  chat_at_ms_mark[] = "ms";

const chat_str_t  chat_at_id = { 2, chat_at_id_mark };
const chat_str_t  chat_at_ms = { 2, chat_at_ms_mark };


chat_commit_t *
chat_commit_create(chat_mem_t *mem, unsigned partition)
{
    chat_commit_t  *c;

    c = chat_mem_alloc(mem, sizeof(chat_commit_t));
    if (c == NULL) {
        return NULL;
    }

    c->mem = mem;
    c->partition = partition;

    c->last_check = &c->checks;
    c->last_event = &c->events;
    c->last_write = &c->writes;

    return c;
}


/* Index of a key in KEYS, counted from 1 as Lua does. */

static unsigned
chat_commit_key(chat_commit_t *c, const chat_str_t *key)
{
    unsigned     i;
    chat_str_t  *keys;

    if (key->len == 0) {
        chat_commit_fail(c);
        return 0;
    }

    for (i = 0; i < c->n_keys; i++) {
        if (chat_str_eq(&c->keys[i], key)) {
            return i + 1;
        }
    }

    if (c->n_keys == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;

        keys = chat_commit_alloc(c, c->cap * sizeof(chat_str_t));
        if (keys == NULL) {
            c->cap = c->n_keys;
            return 0;
        }

        if (c->n_keys) {
            memcpy(keys, c->keys, c->n_keys * sizeof(chat_str_t));
        }

        c->keys = keys;
    }

    c->keys[c->n_keys++] = *key;

    return c->n_keys;
}


static void *
chat_commit_alloc(chat_commit_t *c, size_t size)
{
    void  *p;

    p = chat_mem_alloc(c->mem, size);
    if (p == NULL) {
        chat_commit_fail(c);
    }

    return p;
}


void
chat_commit_fail(chat_commit_t *c)
{
    c->failed = 1;
}


void
chat_commit_sender(chat_commit_t *c, const chat_sender_t *s,
    const chat_str_t *dialog)
{
    chat_str_t  key;

    key = chat_sender_key(c->mem, s);

    c->sender = s;
    c->sender_key = chat_commit_key(c, &key);
    c->sender_n = chat_commit_u64(c, s->n);
    c->sender_dialog = *dialog;
}


void
chat_commit_pointer(chat_commit_t *c, const chat_str_t *found,
    const chat_str_t *next)
{
    c->pointer = found;
    c->pointer_next = next;
}


void
chat_commit_dialog(chat_commit_t *c, uint64_t account,
    const chat_str_t *dialog, const chat_dialog_t *found,
    const chat_id_t *last)
{
    chat_str_t             key;
    chat_commit_dialog_t  *d;

    d = &c->dialog;

    key = chat_key_dialog(c->mem, account, dialog);
    d->key = chat_commit_key(c, &key);

    if (found) {
        d->found = chat_commit_head(c, found);
    }

    if (last) {
        d->last = chat_commit_text(c, chat_key(c->mem, 0, "%u-%u", last->ms,
                                               last->seq));
    }
}


void
chat_commit_next(chat_commit_t *c, const chat_dialog_t *next, unsigned writes)
{
    chat_str_t             key;
    chat_commit_dialog_t  *d;

    static const unsigned  about = 1u << CHAT_DIALOG_OPENED
                                   | 1u << CHAT_DIALOG_QUEUED
                                   | 1u << CHAT_DIALOG_CLOSED
                                   | 1u << CHAT_DIALOG_NAME
                                   | 1u << CHAT_DIALOG_PAGE;

    d = &c->dialog;

    d->head = chat_commit_head(c, next);

    if (writes & 1u << CHAT_DIALOG_WAIT) {
        d->moved[0] = chat_commit_ms(c, next->wait_ms);
    }

    if (writes & 1u << CHAT_DIALOG_START) {
        d->moved[1] = chat_commit_ms(c, next->start_ms);
    }

    if (writes & 1u << CHAT_DIALOG_ANSWERED) {
        d->moved[2] = chat_commit_u64(c, next->answered);
    }

    if ((writes & about) == 0) {
        return;
    }

    key = chat_key_dialog_about(c->mem, next->account, &next->dialog);
    d->about = chat_commit_key(c, &key);

    d->times[0] = chat_commit_ms(c, next->opened_ms);
    d->times[1] = chat_commit_ms(c, next->queued_ms);
    d->times[2] = chat_commit_ms(c, next->closed_ms);

    d->names = chat_commit_text(c, chat_key(c->mem, 0, "%u %s%s",
                                            (uint64_t) next->name.len,
                                            &next->name, &next->page));
}


static chat_str_t
chat_commit_head(chat_commit_t *c, const chat_dialog_t *d)
{
    return chat_commit_text(c, chat_key(c->mem, 0, "%u %u %u %u:%u:%s %s",
                                        (uint64_t) d->state, d->rev, d->owner,
                                        d->account, d->site, &d->visitor,
                                        &d->dialog));
}


/* Printed where all of the commit is; empty: there was no room. */

static chat_str_t
chat_commit_text(chat_commit_t *c, chat_str_t text)
{
    if (text.len == 0) {
        chat_commit_fail(c);
    }

    return text;
}


static chat_str_t
chat_commit_ms(chat_commit_t *c, uint64_t ms)
{
    return ms == CHAT_AT_EVENT ? chat_at_ms : chat_commit_u64(c, ms);
}


void
chat_commit_check(chat_commit_t *c, const chat_str_t *key, const char *field,
    char op, const chat_str_t *value)
{
    chat_commit_check_t  *check;

    check = chat_commit_alloc(c, sizeof(chat_commit_check_t));
    if (check == NULL) {
        return;
    }

    check->key = chat_commit_key(c, key);
    check->field = field;
    check->op = op;

    if (value) {
        check->value = *value;
    }

    *c->last_check = check;
    c->last_check = &check->next;
    c->n_checks++;
}


void
chat_commit_event(chat_commit_t *c, const chat_dialog_t *d,
    const chat_draft_t *draft, const chat_sender_t *sender)
{
    chat_str_t               key;
    chat_entry_t             entry;
    unsigned char           *p;
    chat_commit_event_t     *e;
    const chat_event_def_t  *def;

    def = chat_event_def(draft->event);
    if (def == NULL) {
        chat_commit_fail(c);
        return;
    }

    memset(&entry, 0, sizeof(chat_entry_t));

    entry.event = draft->event;
    entry.owner = draft->owner;
    entry.wait_ms = draft->wait_ms;
    entry.start_ms = draft->start_ms;
    entry.account = d->account;
    entry.site = d->site;
    entry.visitor = d->visitor;
    entry.dialog = d->dialog;

    if (sender && sender->n) {
        p = chat_commit_alloc(c, sender->instance.len + 21);
        if (p == NULL) {
            return;
        }

        entry.sender.data = p;
        memcpy(p, sender->instance.data, sender->instance.len);
        p += sender->instance.len;
        *p++ = ':';
        entry.sender.len = chat_u64_print(p, sender->n) - entry.sender.data;
    }

    chat_commit_body(c, &entry.body, def->type, &draft->body);

    e = chat_commit_entry(c, &entry);
    if (e == NULL) {
        return;
    }

    e->public = (def->audience == CHAT_AUDIENCE_PUBLIC);

    key = e->public ? chat_key_dialog_pub(c->mem, d->account, &d->dialog)
                    : chat_key_dialog_staff(c->mem, d->account, &d->dialog);
    e->list = chat_commit_key(c, &key);
}


void
chat_commit_plain(chat_commit_t *c, const chat_entry_t *e)
{
    (void) chat_commit_entry(c, e);
}


/*
 * The number (seq) is the script's to give: the header is cut around it, into
 * what comes with the facts and what only the log needs.
 */

static chat_commit_event_t *
chat_commit_entry(chat_commit_t *c, const chat_entry_t *entry)
{
    int                   fields;
    chat_str_t            key;
    unsigned char        *p, *last, *facts, *route;
    chat_commit_event_t  *e;

    e = chat_commit_alloc(c, sizeof(chat_commit_event_t) + CHAT_HEADER_MAX);
    if (e == NULL) {
        return NULL;
    }

    p = (unsigned char *) &e[1];
    last = chat_entry_header(p, entry);

    facts = route = last;

    for (fields = 0; p < last; p++) {
        if (*p == ' ') {
            fields++;

            if (fields == 2) {
                facts = p + 1;

            } else if (fields == 6) {
                route = p + 1;
                break;
            }
        }
    }

    if (route == last) {
        chat_commit_fail(c);
        return NULL;
    }

    e->event = entry->event;
    e->facts.data = facts;
    e->facts.len = route - 1 - facts;
    e->route.data = route;
    e->route.len = last - route;
    e->body = entry->body;

    key = chat_key_log(c->mem, c->partition);
    e->log = chat_commit_key(c, &key);

    *c->last_event = e;
    c->last_event = &e->next;
    c->n_events++;

    return e;
}


static void
chat_commit_body(chat_commit_t *c, chat_str_t *body, const chat_type_t *type,
    const void *in)
{
    body->len = chat_body_encode(type, in, NULL, 0);

    body->data = chat_commit_alloc(c, body->len);
    if (body->data == NULL) {
        body->len = 0;
        return;
    }

    (void) chat_body_encode(type, in, body->data, body->len);
}


void
chat_commit_write(chat_commit_t *c, const chat_str_t *argv, int argc)
{
    chat_str_t           *copy;
    chat_commit_write_t  *w;

    w = chat_commit_alloc(c, sizeof(chat_commit_write_t));
    copy = chat_commit_alloc(c, argc * sizeof(chat_str_t));

    if (w == NULL || copy == NULL) {
        return;
    }

    memcpy(copy, argv, argc * sizeof(chat_str_t));

    w->key = chat_commit_key(c, &argv[1]);
    w->argc = argc;
    w->argv = copy;

    *c->last_write = w;
    c->last_write = &w->next;
    c->n_writes++;
}


void
chat_commit_due(chat_commit_t *c, const chat_str_t *key, uint64_t delay_ms,
    const chat_str_t *member)
{
    chat_str_t            argv[4];
    chat_commit_write_t **w;

    chat_str_set(&argv[0], "ZADD");
    argv[1] = *key;
    argv[2] = chat_at_ms;
    argv[3] = *member;

    w = c->last_write;
    chat_commit_write(c, argv, 4);

    if (*w) {
        (*w)->delay = delay_ms;
    }
}


void
chat_commit_hset(chat_commit_t *c, const chat_str_t *key, const char *field,
    const chat_str_t *value)
{
    chat_str_t  argv[4];

    chat_str_set(&argv[0], "HSET");
    argv[1] = *key;
    argv[2].data = (unsigned char *) field;
    argv[2].len = strlen(field);
    argv[3] = *value;

    chat_commit_write(c, argv, 4);
}


void
chat_commit_zadd(chat_commit_t *c, const chat_str_t *key,
    const chat_str_t *score, const chat_str_t *member)
{
    chat_str_t  argv[4];

    chat_str_set(&argv[0], "ZADD");
    argv[1] = *key;
    argv[2] = *score;
    argv[3] = *member;

    chat_commit_write(c, argv, 4);
}


chat_str_t
chat_commit_u64(chat_commit_t *c, uint64_t v)
{
    chat_str_t      text;
    unsigned char  *p;

    text.len = 0;
    text.data = p = chat_commit_alloc(c, 20);

    if (p) {
        text.len = chat_u64_print(p, v) - p;
    }

    return text;
}


chat_cmd_t *
chat_commit_cmd(chat_commit_t *c, int oom)
{
    unsigned     i;
    chat_cmd_t  *cmd;
    chat_str_t   arg;

    /* the first pass of the packer counts, the second one writes */

    arg.len = 0;
    arg.data = NULL;
    chat_commit_pack(c, &arg);

    arg.data = chat_commit_alloc(c, arg.len);
    cmd = chat_cmd_create(c->mem, 4 + c->n_keys);

    if (cmd == NULL || c->failed) {
        return NULL;
    }

    arg.len = 0;
    chat_commit_pack(c, &arg);

    chat_cmd_lit(cmd, "EVALSHA");
    chat_cmd_str(cmd, &chat_scripts[oom ? CHAT_SCRIPT_COMMIT_OOM
                                        : CHAT_SCRIPT_COMMIT].sha);
    chat_cmd_u64(cmd, c->n_keys);

    for (i = 0; i < c->n_keys; i++) {
        chat_cmd_str(cmd, &c->keys[i]);
    }

    chat_cmd_str(cmd, &arg);

    cmd->numbered = (c->sender != NULL);

    return cmd->failed ? NULL : cmd;
}
