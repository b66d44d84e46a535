
/*
 * The state of a dialog: from the store's hash, from its events, and as
 * clients see it.
 */

#include "chat_dialog.h"
#include "chat_str.h"


/* Characters of the last message in a view (schema, dialog_view.text). */
#define CHAT_VIEW_TEXT  120


typedef int (*chat_field_pt)(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);

typedef struct {
    chat_field_pt  parse;
    size_t         offset;
} chat_dialog_slot_t;

typedef void (*chat_fold_pt)(chat_dialog_t *d, const chat_entry_t *e);


static int chat_dialog_number(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);
static int chat_dialog_text(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);
static int chat_dialog_id(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);
static int chat_dialog_state(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);
static int chat_dialog_answered(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);
static int chat_dialog_route(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);

static void chat_fold_opened(chat_dialog_t *d, const chat_entry_t *e);
static void chat_fold_posted(chat_dialog_t *d, const chat_entry_t *e);
static void chat_fold_taken(chat_dialog_t *d, const chat_entry_t *e);
static void chat_fold_closed(chat_dialog_t *d, const chat_entry_t *e);
static void chat_fold_released(chat_dialog_t *d, const chat_entry_t *e);
static void chat_fold_reopened(chat_dialog_t *d, const chat_entry_t *e);

static chat_str_t chat_dialog_excerpt(const chat_str_t *text);


const chat_str_t  chat_dialog_fields[CHAT_DIALOG_FIELDS] = {
    [CHAT_DIALOG_STATE]    = chat_string("state"),
    [CHAT_DIALOG_REV]      = chat_string("rev"),
    [CHAT_DIALOG_SEQ]      = chat_string("seq"),
    [CHAT_DIALOG_LAST]     = chat_string("last"),
    [CHAT_DIALOG_ROUTE]    = chat_string("route"),
    [CHAT_DIALOG_NAME]     = chat_string("name"),
    [CHAT_DIALOG_PAGE]     = chat_string("page"),
    [CHAT_DIALOG_OWNER]    = chat_string("owner"),
    [CHAT_DIALOG_ANSWERED] = chat_string("answered"),
    [CHAT_DIALOG_OPENED]   = chat_string("opened"),
    [CHAT_DIALOG_QUEUED]   = chat_string("queued"),
    [CHAT_DIALOG_START]    = chat_string("start"),
    [CHAT_DIALOG_WAIT]     = chat_string("wait"),
    [CHAT_DIALOG_CLOSED]   = chat_string("closed"),
};

#define chat_slot(parse, member)  { parse, offsetof(chat_dialog_t, member) }

static const chat_dialog_slot_t  chat_dialog_slots[CHAT_DIALOG_FIELDS] = {
    [CHAT_DIALOG_STATE]    = { chat_dialog_state, 0 },
    [CHAT_DIALOG_REV]      = chat_slot(chat_dialog_number, rev),
    [CHAT_DIALOG_SEQ]      = chat_slot(chat_dialog_number, seq),
    [CHAT_DIALOG_LAST]     = chat_slot(chat_dialog_id, last),
    [CHAT_DIALOG_ROUTE]    = { chat_dialog_route, 0 },
    [CHAT_DIALOG_NAME]     = chat_slot(chat_dialog_text, name),
    [CHAT_DIALOG_PAGE]     = chat_slot(chat_dialog_text, page),
    [CHAT_DIALOG_OWNER]    = chat_slot(chat_dialog_number, owner),
    [CHAT_DIALOG_ANSWERED] = { chat_dialog_answered, 0 },
    [CHAT_DIALOG_OPENED]   = chat_slot(chat_dialog_number, opened_ms),
    [CHAT_DIALOG_QUEUED]   = chat_slot(chat_dialog_number, queued_ms),
    [CHAT_DIALOG_START]    = chat_slot(chat_dialog_number, start_ms),
    [CHAT_DIALOG_WAIT]     = chat_slot(chat_dialog_number, wait_ms),
    [CHAT_DIALOG_CLOSED]   = chat_slot(chat_dialog_number, closed_ms),
};

static const chat_fold_pt  chat_dialog_folds[CHAT_EV_MAX] = {
    [CHAT_EV_DIALOG_OPENED]   = chat_fold_opened,
    [CHAT_EV_MESSAGE_POSTED]  = chat_fold_posted,
    [CHAT_EV_DIALOG_TAKEN]    = chat_fold_taken,
    [CHAT_EV_DIALOG_CLOSED]   = chat_fold_closed,
    [CHAT_EV_DIALOG_RELEASED] = chat_fold_released,
    [CHAT_EV_DIALOG_REOPENED] = chat_fold_reopened,
};


int
chat_dialog_parse(const chat_str_t *pairs, size_t n, chat_dialog_t *d)
{
    size_t                     i;
    unsigned                   f;
    chat_str_t                 dialog;
    const chat_dialog_slot_t  *slot;

    dialog = d->dialog;
    memset(d, 0, sizeof(chat_dialog_t));
    d->dialog = dialog;

    if (n == 0) {
        return CHAT_OK;
    }

    for (i = 0; i + 1 < n; i += 2) {

        for (f = 0; f < CHAT_DIALOG_FIELDS; f++) {

            if (!chat_str_eq(&pairs[i], &chat_dialog_fields[f])) {
                continue;
            }

            slot = &chat_dialog_slots[f];

            if (slot->parse(d, &pairs[i + 1], slot->offset) != CHAT_OK) {
                return CHAT_ERROR;
            }

            break;
        }
    }

    if (d->state == 0 || d->account == 0) {
        return CHAT_ERROR;
    }

    d->exists = 1;

    return CHAT_OK;
}


static int
chat_dialog_number(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    return chat_str_u64(v, (uint64_t *) ((char *) d + offset));
}


static int
chat_dialog_text(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    *(chat_str_t *) ((char *) d + offset) = *v;

    return CHAT_OK;
}


static int
chat_dialog_id(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    return chat_id_parse(v, (chat_id_t *) ((char *) d + offset));
}


static int
chat_dialog_state(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    uint64_t  state;

    if (chat_str_u64(v, &state) != CHAT_OK
        || state == 0
        || state >= CHAT_DIALOG_STATE_MAX)
    {
        return CHAT_ERROR;
    }

    d->state = state;

    return CHAT_OK;
}


static int
chat_dialog_answered(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    d->answered = chat_str_eq_c(v, "1");

    return CHAT_OK;
}


/* "<account>:<site>:<visitor>" */

static int
chat_dialog_route(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    chat_str_t      account, site;
    unsigned char  *p, *last, *colon;

    p = v->data;
    last = v->data + v->len;

    colon = memchr(p, ':', last - p);

    if (colon == NULL) {
        return CHAT_ERROR;
    }

    account.data = p;
    account.len = colon - p;

    p = colon + 1;
    colon = memchr(p, ':', last - p);

    if (colon == NULL) {
        return CHAT_ERROR;
    }

    site.data = p;
    site.len = colon - p;

    d->visitor.data = colon + 1;
    d->visitor.len = last - d->visitor.data;

    if (chat_str_u64(&account, &d->account) != CHAT_OK
        || chat_str_u64(&site, &d->site) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    return CHAT_OK;
}


void
chat_dialog_apply(chat_dialog_t *d, const chat_entry_t *e)
{
    const chat_event_def_t  *def;

    def = chat_event_def(e->event);

    if ((def && !def->durable) || chat_id_cmp(&e->id, &d->last) <= 0) {
        return;
    }

    if (e->event < CHAT_EV_MAX && chat_dialog_folds[e->event]) {
        chat_dialog_folds[e->event](d, e);
    }

    /* events of newer writers count too */

    d->last = e->id;

    if (e->seq) {
        d->seq = e->seq;
    }
}


static void
chat_fold_opened(chat_dialog_t *d, const chat_entry_t *e)
{
    chat_mem_t               mem;
    chat_fault_t             fault;
    chat_ev_dialog_opened_t  body;

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    if (chat_body_decode(&chat_ev_dialog_opened_type, &e->body, &body, &mem,
                         &fault)
        == CHAT_OK)
    {
        d->name = body.name;
        d->page = body.page;
    }

    d->exists = 1;
    d->account = e->account;
    d->site = e->site;
    d->visitor = e->visitor;
    d->dialog = e->dialog;
    d->state = CHAT_DIALOG_STATE_QUEUED;
    d->rev = 1;
    d->opened_ms = e->id.ms;
    d->queued_ms = e->id.ms;
}


static void
chat_fold_posted(chat_dialog_t *d, const chat_entry_t *e)
{
    chat_mem_t                mem;
    chat_fault_t              fault;
    chat_ev_message_posted_t  body;

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    if (chat_body_decode(&chat_ev_message_posted_type, &e->body, &body, &mem,
                         &fault)
        != CHAT_OK)
    {
        return;
    }

    if (body.from.kind == CHAT_ACTOR_KIND_OPERATOR) {
        d->wait_ms = 0;
        d->answered = 1;
        return;
    }

    if (body.from.kind != CHAT_ACTOR_KIND_VISITOR) {
        return;
    }

    if (d->wait_ms == 0) {
        d->wait_ms = e->id.ms;
    }

    if (d->start_ms == 0) {
        d->start_ms = e->id.ms;
    }
}


static void
chat_fold_taken(chat_dialog_t *d, const chat_entry_t *e)
{
    d->state = CHAT_DIALOG_STATE_ACTIVE;
    d->owner = e->owner;
    d->rev++;
}


static void
chat_fold_closed(chat_dialog_t *d, const chat_entry_t *e)
{
    d->state = CHAT_DIALOG_STATE_CLOSED;
    d->closed_ms = e->id.ms;
    d->start_ms = 0;
    d->wait_ms = 0;
    d->rev++;
}


static void
chat_fold_released(chat_dialog_t *d, const chat_entry_t *e)
{
    d->state = CHAT_DIALOG_STATE_QUEUED;
    d->owner = 0;
    d->queued_ms = e->id.ms;
    d->rev++;
}


/* Its facts say nothing new to who has followed the dialog. */

static void
chat_fold_reopened(chat_dialog_t *d, const chat_entry_t *e)
{
    chat_mem_t                 mem;
    chat_fault_t               fault;
    chat_ev_dialog_reopened_t  body;

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    d->state = CHAT_DIALOG_STATE_QUEUED;
    d->owner = 0;
    d->answered = 0;
    d->queued_ms = e->id.ms;
    d->closed_ms = 0;
    d->rev++;

    if (chat_body_decode(&chat_ev_dialog_reopened_type, &e->body, &body, &mem,
                         &fault)
        != CHAT_OK)
    {
        return;
    }

    if (chat_has(&body, CHAT_F_EV_DIALOG_REOPENED_NAME)) {
        d->name = body.name;
    }

    if (chat_has(&body, CHAT_F_EV_DIALOG_REOPENED_PAGE)) {
        d->page = body.page;
    }

    if (chat_has(&body, CHAT_F_EV_DIALOG_REOPENED_OPENED_MS)) {
        d->opened_ms = body.opened_ms;
    }

    if (chat_has(&body, CHAT_F_EV_DIALOG_REOPENED_REV)) {
        d->rev = body.rev;
    }
}


void
chat_dialog_view(const chat_dialog_t *d, const chat_str_t *text,
    chat_dialog_view_t *view, chat_mem_t *mem)
{
    unsigned char  *p;

    memset(view, 0, sizeof(chat_dialog_view_t));

#define chat_view_set(member, NAME, value)                                   \
    view->member = (value);                                                  \
    chat_set(view, CHAT_F_DIALOG_VIEW_ ## NAME)

    chat_view_set(id, ID, d->dialog);
    chat_view_set(site, SITE, d->site);
    chat_view_set(visitor, VISITOR, d->visitor);
    chat_view_set(state, STATE, d->state);
    chat_view_set(rev, REV, d->rev);
    chat_view_set(seq, SEQ, d->seq);
    chat_view_set(opened_ms, OPENED_MS, d->opened_ms);

    p = chat_mem_alloc(mem, 41);

    if (p) {
        view->last.data = p;
        view->last.len = chat_id_print(p, &d->last) - p;
        chat_set(view, CHAT_F_DIALOG_VIEW_LAST);
    }

    if (d->name.len) {
        chat_view_set(name, NAME, d->name);
    }

    if (d->page.len) {
        chat_view_set(page, PAGE, d->page);
    }

    if (text && text->len) {
        chat_view_set(text, TEXT, chat_dialog_excerpt(text));
    }

    if (d->wait_ms) {
        chat_view_set(wait_ms, WAIT_MS, d->wait_ms);
    }

    switch (d->state) {

    case CHAT_DIALOG_STATE_QUEUED:
        chat_view_set(queued_ms, QUEUED_MS, d->queued_ms);
        break;

    case CHAT_DIALOG_STATE_ACTIVE:
        chat_view_set(owner, OWNER, d->owner);
        break;

    case CHAT_DIALOG_STATE_CLOSED:
        chat_view_set(closed_ms, CLOSED_MS, d->closed_ms);
        break;
    }

#undef chat_view_set
}


/* The first characters, whole ones. */

static chat_str_t
chat_dialog_excerpt(const chat_str_t *text)
{
    size_t      i;
    unsigned    n;
    chat_str_t  s;

    s = *text;

    for (i = 0, n = 0; i < s.len; i++) {

        if ((s.data[i] & 0xc0) == 0x80) {
            continue;
        }

        if (n++ == CHAT_VIEW_TEXT) {
            s.len = i;
            break;
        }
    }

    return s;
}
