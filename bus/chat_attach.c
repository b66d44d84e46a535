
#include "chat_attach.h"
#include "chat_call.h"
#include "chat_dialog.h"
#include "chat_number.h"
#include "chat_page.h"
#include "chat_rights.h"
#include "chat_ring.h"
#include "chat_str.h"


/* Calls of a round: two per dialog. */
#define CHAT_ATTACH_ROUND  (CHAT_OP_CALLS / 2)

/* Last events of a dialog among which its last message is looked for. */
#define CHAT_ATTACH_TEXT   4


static int chat_attach_begin(chat_op_t *op);
static int chat_attach_begun(chat_op_t *op);
static int chat_attach_load(chat_op_t *op);
static int chat_attach_loaded(chat_op_t *op);

static chat_cmd_t *chat_attach_changed_cmd(chat_op_t *op,
    const chat_attach_t *a, const char *what);
static int chat_attach_room(chat_op_t *op, chat_attach_t *a, size_t n);
static void chat_attach_ids(chat_attach_t *a, const redisReply *r);
static int chat_attach_add(chat_attach_t *a, const chat_str_t *id);
static int chat_attach_dialog(chat_op_t *op, chat_attach_t *a, size_t slot);
static int chat_attach_shown(chat_op_t *op, chat_attach_t *a,
    const redisReply *r, const chat_dialog_t *d);
static void chat_attach_order(chat_attach_t *a);
static int chat_attach_events(chat_op_t *op, chat_attach_t *a,
    const redisReply *r, const chat_dialog_t *d);
static chat_str_t chat_attach_text(const chat_entry_t *events, size_t n);


enum {
    CHAT_ATTACH_AT_BEGIN = 0,
    CHAT_ATTACH_AT_BEGUN,
    CHAT_ATTACH_AT_LOAD,
    CHAT_ATTACH_AT_LOADED
};

const chat_step_t  chat_attach_steps[] = {
    { "begin",  chat_attach_begin },
    { "begun",  chat_attach_begun },
    { "load",   chat_attach_load },
    { "loaded", chat_attach_loaded },
    { NULL, NULL }
};

static int
chat_attach_begin(chat_op_t *op)
{
    int             rc;
    unsigned        partition;
    chat_attach_t  *a = op->ctx;

    partition = chat_partition(a->sender.account);

    rc = chat_call_redis(op, partition, chat_sender_cmd(op->mem, &a->sender));

    if (rc != CHAT_AGAIN || a->sender.kind == CHAT_ACTOR_KIND_VISITOR) {
        return rc;
    }

    /* messages move a dialog in `open`, decisions in `dialogs` */

    rc = chat_call_redis(op, partition,
                         chat_attach_changed_cmd(op, a, "open"));

    if (rc != CHAT_AGAIN || a->since.ms == 0) {
        return rc;
    }

    return chat_call_redis(op, partition,
                           chat_attach_changed_cmd(op, a, "dialogs"));
}


/*
 * The account's dialogs, newest first: what changed since.  In `open` a
 * message moves a dialog only if it is the first of its second.
 */

static chat_cmd_t *
chat_attach_changed_cmd(chat_op_t *op, const chat_attach_t *a,
    const char *what)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_key_account(op->mem, a->sender.account, what);

    c = chat_cmd_create(op->mem, 7);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "ZREVRANGEBYSCORE");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "+inf");
    chat_cmd_u64(c, a->since.ms - a->since.ms % 1000);
    chat_cmd_lit(c, "LIMIT");
    chat_cmd_lit(c, "0");
    chat_cmd_u64(c, CHAT_LIMIT_DIALOGS_MAX + 1);

    return c;
}


static int
chat_attach_begun(chat_op_t *op)
{
    int                rc;
    size_t             n;
    unsigned           slot, last;
    chat_attach_t     *a = op->ctx;
    const redisReply  *r;

    rc = chat_number_parse(op, a);

    if (rc != CHAT_OK) {
        return rc;
    }

    if (a->sender.kind == CHAT_ACTOR_KIND_VISITOR) {

        rc = chat_attach_room(op, a, 1);

        if (rc == CHAT_OK && a->dialog.len) {
            (void) chat_attach_add(a, &a->dialog);
        }

        return rc;
    }

    last = a->since.ms == 0 ? 1 : 2;

    for (n = 0, slot = 1; slot <= last; slot++) {

        rc = chat_call_reply(op, slot, &r);
        if (rc != CHAT_OK) {
            return rc;
        }

        if (r->type != REDIS_REPLY_ARRAY) {
            return chat_op_fail(op, CHAT_E_INTERNAL);
        }

        n += r->elements;
    }

    rc = chat_attach_room(op, a, n);

    for (slot = 1; slot <= last && rc == CHAT_OK; slot++) {
        chat_attach_ids(a, chat_op_result(op, slot)->reply);
    }

    return rc;
}


static int
chat_attach_room(chat_op_t *op, chat_attach_t *a, size_t n)
{
    size_t  places;

    if (n > CHAT_LIMIT_DIALOGS_MAX) {
        n = CHAT_LIMIT_DIALOGS_MAX;
    }

    for (places = 2; places < 2 * n; places *= 2) { /* void */ }

    /* one more: where a dialog is looked at that is not taken then */

    a->ids = chat_mem_alloc(op->mem, (n + 1) * sizeof(chat_str_t));
    a->texts = chat_mem_alloc(op->mem, (n + 1) * sizeof(chat_str_t));
    a->dialogs = chat_mem_alloc(op->mem, (n + 1) * sizeof(chat_dialog_t));
    a->places = chat_mem_alloc(op->mem, places * sizeof(uint16_t));

    if (a->ids == NULL || a->texts == NULL || a->dialogs == NULL
        || a->places == NULL)
    {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    memset(a->places, 0, places * sizeof(uint16_t));

    a->mask = places - 1;
    a->room = n;

    return CHAT_OK;
}


static void
chat_attach_ids(chat_attach_t *a, const redisReply *r)
{
    size_t      i;
    chat_str_t  id;

    for (i = 0; i < r->elements; i++) {

        if (chat_reply_str(r->element[i], &id) == CHAT_OK
            && chat_attach_add(a, &id) != CHAT_OK)
        {
            break;
        }
    }
}


/*
 * Once each, however many lists have it.  CHAT_DECLINED: there is no room for
 * it.  A list is as long as somebody's day: places are found by the hash.
 */

static int
chat_attach_add(chat_attach_t *a, const chat_str_t *id)
{
    size_t  i;

    for (i = chat_crc32c(0, id->data, id->len) & a->mask;
         a->places[i];
         i = (i + 1) & a->mask)
    {
        if (chat_str_eq(&a->ids[a->places[i] - 1], id)) {
            return CHAT_OK;
        }
    }

    if (a->n_ids == a->room) {
        a->partial = 1;
        return CHAT_DECLINED;
    }

    a->ids[a->n_ids++] = *id;
    a->places[i] = (uint16_t) a->n_ids;

    return CHAT_OK;
}


/*
 * State before list: an event between the two is left out of `events`, being
 * above `last`; it comes from the ring.  The other way round it would be lost.
 */

static int
chat_attach_load(chat_op_t *op)
{
    int             rc;
    size_t          i;
    int64_t         tail;
    unsigned        partition;
    chat_attach_t  *a = op->ctx;

    if (a->done == a->n_ids) {
        return CHAT_DONE;
    }

    partition = chat_partition(a->sender.account);

    tail = a->sender.kind == CHAT_ACTOR_KIND_VISITOR ? CHAT_LIMIT_HISTORY_PAGE
                                                     : CHAT_ATTACH_TEXT;

    for (i = a->done; i < a->n_ids && i < a->done + CHAT_ATTACH_ROUND; i++) {

        rc = chat_call_redis(op, partition,
                             chat_dialog_cmd(op->mem, a->sender.account,
                                             &a->ids[i]));
        if (rc != CHAT_AGAIN) {
            return rc;
        }

        rc = chat_call_redis(op, partition,
                             chat_page_cmd(op, a->sender.account, &a->ids[i],
                                           -tail, -1));
        if (rc != CHAT_AGAIN) {
            return rc;
        }
    }

    return CHAT_AGAIN;
}


static int
chat_attach_loaded(chat_op_t *op)
{
    int             rc;
    size_t          i, n;
    chat_attach_t  *a = op->ctx;

    n = a->n_ids - a->done;

    if (n > CHAT_ATTACH_ROUND) {
        n = CHAT_ATTACH_ROUND;
    }

    for (i = 0; i < n; i++) {

        rc = chat_attach_dialog(op, a, i);
        if (rc != CHAT_OK) {
            return rc;
        }
    }

    a->done += n;
    op->next = &chat_attach_steps[CHAT_ATTACH_AT_LOAD];

    return CHAT_OK;
}


static int
chat_attach_dialog(chat_op_t *op, chat_attach_t *a, size_t slot)
{
    int                rc;
    chat_dialog_t     *d;
    const redisReply  *r;

    d = &a->dialogs[a->n_dialogs];
    d->dialog = a->ids[a->done + slot];

    rc = chat_page_dialog(op, slot * 2, d);
    if (rc != CHAT_OK) {
        return rc;
    }

    rc = chat_call_reply(op, slot * 2 + 1, &r);
    if (rc != CHAT_OK) {
        return rc;
    }

    if (!d->exists) {
        a->dialog.len = 0;
        return CHAT_OK;
    }

    if (a->sender.kind == CHAT_ACTOR_KIND_VISITOR) {
        a->n_dialogs++;
        return chat_attach_events(op, a, r, d);
    }

    if (chat_id_cmp(&d->last, &a->since) > 0
        && chat_rights_role(a->role(a->role_data, d->site)) & CHAT_MAY_READ)
    {
        rc = chat_attach_shown(op, a, r, d);
    }

    /* a thousand times four messages would be up to 64M until the end */

    chat_op_drop(op, slot * 2 + 1);

    return rc;
}


/* An operator's: the beginning of its last message goes with it. */

static int
chat_attach_shown(chat_op_t *op, chat_attach_t *a, const redisReply *r,
    const chat_dialog_t *d)
{
    size_t         n;
    chat_str_t     last;
    chat_entry_t  *events;

    if (chat_page_parse(r, d, &events, &n, op->mem) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    last = chat_attach_text(events, n);
    last = chat_dialog_excerpt(&last);

    if (chat_mem_dup(op->mem, &a->texts[a->n_dialogs++], &last) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    chat_attach_order(a);

    return CHAT_OK;
}


/* The last one goes before those of the same second that are older. */

static void
chat_attach_order(chat_attach_t *a)
{
    size_t         i;
    chat_str_t     text;
    chat_dialog_t  d, *prev;

    i = a->n_dialogs - 1;
    d = a->dialogs[i];
    text = a->texts[i];

    for ( /* void */ ; i; i--) {
        prev = &a->dialogs[i - 1];

        if (prev->last.ms / 1000 != d.last.ms / 1000
            || chat_id_cmp(&prev->last, &d.last) >= 0)
        {
            break;
        }

        a->dialogs[i] = *prev;
        a->texts[i] = a->texts[i - 1];
    }

    a->dialogs[i] = d;
    a->texts[i] = text;
}


/* A visitor's: what is after `since` and in the state that was read. */

static int
chat_attach_events(chat_op_t *op, chat_attach_t *a, const redisReply *r,
    const chat_dialog_t *d)
{
    size_t  n;

    if (chat_page_parse(r, d, &a->events, &n, op->mem) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    while (n && chat_id_cmp(&a->events[n - 1].id, &d->last) > 0) {
        n--;
    }

    a->texts[0] = chat_attach_text(a->events, n);

    while (n && chat_id_cmp(&a->events[0].id, &a->since) <= 0) {
        a->events++;
        n--;
    }

    a->n_events = n;

    return CHAT_OK;
}


static chat_str_t
chat_attach_text(const chat_entry_t *events, size_t n)
{
    chat_mem_t                mem;
    chat_str_t                none = chat_null_string;
    chat_fault_t              fault;
    chat_ev_message_posted_t  body;

    /* strings of bodies are slices: nothing is allocated */

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    while (n--) {
        if (events[n].event == CHAT_EV_MESSAGE_POSTED
            && chat_body_decode(&chat_ev_message_posted_type, &events[n].body,
                                &body, &mem, &fault)
               == CHAT_OK)
        {
            return body.text;
        }
    }

    return none;
}
