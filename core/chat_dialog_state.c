
/*
 * The state of a dialog: from the store's texts, from its events, and as
 * clients see it.
 */

#include "chat_dialog.h"
#include "chat_str.h"


typedef int (*chat_field_pt)(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);

typedef struct {
    chat_field_pt  parse;
    size_t         offset;
} chat_dialog_slot_t;

typedef void (*chat_fold_pt)(chat_dialog_t *d, const chat_entry_t *e);


static int chat_dialog_number(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);
static int chat_dialog_take(chat_dialog_t *d, chat_str_t *rest,
    const chat_dialog_slot_t *slot);
static int chat_dialog_length(chat_dialog_t *d, const chat_str_t *v,
    size_t offset);
static int chat_dialog_same(chat_dialog_t *d, const chat_str_t *v,
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


#define chat_slot(parse, member)  { parse, offsetof(chat_dialog_t, member) }

static const chat_dialog_slot_t  chat_dialog_words[] = {
    { chat_dialog_state, 0 },
    chat_slot(chat_dialog_number, rev),
    chat_slot(chat_dialog_number, owner),
    { chat_dialog_route, 0 },
    chat_slot(chat_dialog_same, dialog),
    chat_slot(chat_dialog_number, seq),
    chat_slot(chat_dialog_number, wait_ms),
    chat_slot(chat_dialog_number, start_ms),
    { chat_dialog_answered, 0 },
    chat_slot(chat_dialog_id, last),
    { NULL, 0 }
};

static const chat_dialog_slot_t  chat_dialog_about_words[] = {
    chat_slot(chat_dialog_number, opened_ms),
    chat_slot(chat_dialog_number, queued_ms),
    chat_slot(chat_dialog_number, closed_ms),
    chat_slot(chat_dialog_length, name),
    { NULL, 0 }
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
chat_dialog_parse(const chat_str_t *state, const chat_str_t *about,
    chat_dialog_t *d)
{
    chat_str_t  rest, dialog;

    dialog = d->dialog;
    memset(d, 0, sizeof(chat_dialog_t));
    d->dialog = dialog;

    if (state->len == 0) {
        return CHAT_OK;
    }

    rest = *state;

    if (chat_dialog_take(d, &rest, chat_dialog_words) != CHAT_OK
        || rest.len)
    {
        return CHAT_ERROR;
    }

    rest = *about;

    if (chat_dialog_take(d, &rest, chat_dialog_about_words) != CHAT_OK
        || d->name.len > rest.len)
    {
        return CHAT_ERROR;
    }

    d->name.data = rest.data;
    d->page.data = rest.data + d->name.len;
    d->page.len = rest.len - d->name.len;

    d->exists = 1;

    return CHAT_OK;
}


/* A word to each slot. */

static int
chat_dialog_take(chat_dialog_t *d, chat_str_t *rest,
    const chat_dialog_slot_t *slot)
{
    chat_str_t  word;

    for ( /* void */ ; slot->parse; slot++) {
        chat_str_cut(rest, ' ', &word);

        if (slot->parse(d, &word, slot->offset) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    return CHAT_OK;
}


static int
chat_dialog_number(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    return chat_str_u64(v, (uint64_t *) ((char *) d + offset));
}


/* Of a text that comes behind all words. */

static int
chat_dialog_length(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    uint64_t  len;

    if (chat_str_u64(v, &len) != CHAT_OK) {
        return CHAT_ERROR;
    }

    ((chat_str_t *) ((char *) d + offset))->len = len;

    return CHAT_OK;
}


static int
chat_dialog_same(chat_dialog_t *d, const chat_str_t *v, size_t offset)
{
    return chat_str_eq(v, (chat_str_t *) ((char *) d + offset)) ? CHAT_OK
                                                               : CHAT_ERROR;
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
    uint64_t  answered;

    if (chat_str_u64(v, &answered) != CHAT_OK || answered > 1) {
        return CHAT_ERROR;
    }

    d->answered = answered;

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
        || chat_str_u64(&site, &d->site) != CHAT_OK
        || d->account == 0)
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


chat_str_t
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
