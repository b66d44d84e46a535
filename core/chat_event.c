
#include "chat_event.h"
#include "chat_out.h"
#include "chat_str.h"


#define CHAT_EVENT_MAX    9999
#define CHAT_SENDER_MAX   60
#define CHAT_VISITOR_MAX  22
#define CHAT_DIALOG_MAX   16


static int chat_entry_facts(chat_str_t *rest, unsigned char end,
    chat_entry_t *e);
static int chat_entry_word(chat_str_t *rest, unsigned char end,
    chat_str_t *word);
static int chat_entry_number(chat_str_t *rest, unsigned char end,
    uint64_t *v);
static int chat_entry_text(chat_str_t *rest, unsigned char end, size_t max,
    chat_str_t *text);
static unsigned char *chat_entry_put(unsigned char *p, const chat_str_t *s,
    size_t max);
static size_t chat_entry_render(const chat_entry_t *e,
    const chat_str_t *cursor, const chat_str_t *view, unsigned char *dst,
    size_t size);
static void chat_entry_json(chat_out_t *o, const chat_entry_t *e,
    const chat_str_t *cursor, const chat_str_t *view,
    const chat_event_def_t *def, const void *body);


int
chat_entry_parse(const chat_str_t *header, const chat_str_t *body,
    chat_entry_t *e)
{
    chat_str_t  rest;

    memset(e, 0, sizeof(chat_entry_t));

    rest = *header;

    if (chat_entry_facts(&rest, ' ', e) != CHAT_OK
        || chat_entry_number(&rest, ':', &e->account) != CHAT_OK
        || chat_entry_number(&rest, ':', &e->site) != CHAT_OK
        || chat_entry_text(&rest, ' ', CHAT_VISITOR_MAX, &e->visitor)
           != CHAT_OK
        || chat_entry_text(&rest, '\0', CHAT_DIALOG_MAX, &e->dialog)
           != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    e->body = *body;

    return CHAT_OK;
}


int
chat_entry_parse_listed(const chat_str_t *facts, const chat_str_t *body,
    chat_entry_t *e)
{
    chat_str_t  rest, word;

    memset(e, 0, sizeof(chat_entry_t));

    rest = *facts;

    if (chat_entry_word(&rest, ' ', &word) != CHAT_OK
        || chat_id_parse(&word, &e->id) != CHAT_OK
        || chat_entry_facts(&rest, '\0', e) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    e->body = *body;

    return CHAT_OK;
}


/* What both forms share. */

static int
chat_entry_facts(chat_str_t *rest, unsigned char end, chat_entry_t *e)
{
    uint64_t  event;

    if (chat_entry_number(rest, ' ', &event) != CHAT_OK
        || event == 0 || event > CHAT_EVENT_MAX
        || chat_entry_number(rest, ' ', &e->seq) != CHAT_OK
        || chat_entry_text(rest, ' ', CHAT_SENDER_MAX, &e->sender) != CHAT_OK
        || chat_entry_number(rest, ' ', &e->owner) != CHAT_OK
        || chat_entry_number(rest, ' ', &e->wait_ms) != CHAT_OK
        || chat_entry_number(rest, end, &e->start_ms) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    e->event = (int) event;

    return CHAT_OK;
}


/* Cuts a word off and what ends it; '\0' stands for the end of all. */

static int
chat_entry_word(chat_str_t *rest, unsigned char end, chat_str_t *word)
{
    size_t  i;

    for (i = 0; i < rest->len; i++) {
        if (rest->data[i] == end || rest->data[i] == ' ') {
            break;
        }
    }

    word->data = rest->data;
    word->len = i;

    if (i == 0) {
        return CHAT_ERROR;
    }

    if (end == '\0') {
        return i == rest->len ? CHAT_OK : CHAT_ERROR;
    }

    if (i == rest->len || rest->data[i] != end) {
        return CHAT_ERROR;
    }

    rest->data += i + 1;
    rest->len -= i + 1;

    return CHAT_OK;
}


static int
chat_entry_number(chat_str_t *rest, unsigned char end, uint64_t *v)
{
    chat_str_t  word;

    if (chat_entry_word(rest, end, &word) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return chat_str_u64(&word, v);
}


static int
chat_entry_text(chat_str_t *rest, unsigned char end, size_t max,
    chat_str_t *text)
{
    if (chat_entry_word(rest, end, text) != CHAT_OK || text->len > max) {
        return CHAT_ERROR;
    }

    if (text->len == 1 && text->data[0] == '-') {
        text->len = 0;
    }

    return CHAT_OK;
}


unsigned char *
chat_entry_header(unsigned char *p, const chat_entry_t *e)
{
    p = chat_u64_print(p, (uint64_t) e->event);
    *p++ = ' ';
    p = chat_u64_print(p, e->seq);
    *p++ = ' ';

    p = chat_entry_put(p, &e->sender, CHAT_SENDER_MAX);

    if (p == NULL) {
        return NULL;
    }

    *p++ = ' ';
    p = chat_u64_print(p, e->owner);
    *p++ = ' ';
    p = chat_u64_print(p, e->wait_ms);
    *p++ = ' ';
    p = chat_u64_print(p, e->start_ms);
    *p++ = ' ';
    p = chat_u64_print(p, e->account);
    *p++ = ':';
    p = chat_u64_print(p, e->site);
    *p++ = ':';

    p = chat_entry_put(p, &e->visitor, CHAT_VISITOR_MAX);

    if (p == NULL) {
        return NULL;
    }

    *p++ = ' ';

    return chat_entry_put(p, &e->dialog, CHAT_DIALOG_MAX);
}


static unsigned char *
chat_entry_put(unsigned char *p, const chat_str_t *s, size_t max)
{
    if (s->len == 0) {
        *p++ = '-';
        return p;
    }

    if (s->len > max || memchr(s->data, ' ', s->len)) {
        return NULL;
    }

    memcpy(p, s->data, s->len);

    return p + s->len;
}


const chat_event_def_t *
chat_event_def(int event)
{
    if (event <= 0 || event >= CHAT_EV_MAX || chat_events[event].type == NULL)
    {
        return NULL;
    }

    return &chat_events[event];
}


size_t
chat_entry_frame(const chat_entry_t *e, const chat_str_t *cursor,
    const chat_str_t *view, unsigned char *dst, size_t size)
{
    return chat_entry_render(e, cursor, view, dst, size);
}


size_t
chat_entry_view(const chat_entry_t *e, unsigned char *dst, size_t size)
{
    return chat_entry_render(e, NULL, NULL, dst, size);
}


static size_t
chat_entry_render(const chat_entry_t *e, const chat_str_t *cursor,
    const chat_str_t *view, unsigned char *dst, size_t size)
{
    chat_mem_t               mem;
    chat_out_t               o;
    chat_fault_t             fault;
    chat_event_body_t        body;
    const chat_event_def_t  *def;

    def = chat_event_def(e->event);

    if (def == NULL || e->dialog.len == 0) {
        return 0;
    }

    /* strings stay in the body, and the schema allows no lists there */

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    if (chat_body_decode(def->type, &e->body, &body, &mem, &fault)
        != CHAT_OK)
    {
        return 0;
    }

    chat_out_init(&o, dst, size);
    chat_entry_json(&o, e, cursor, view, def, &body);

    return o.len;
}


/*
 * The event's own object and the view are there already or come from another
 * descriptor, so they are put behind the other fields: the schema has them
 * last.
 */

static void
chat_entry_json(chat_out_t *o, const chat_entry_t *e,
    const chat_str_t *cursor, const chat_str_t *view,
    const chat_event_def_t *def, const void *body)
{
    unsigned char        id[41];
    chat_frame_event_t   f;
    const chat_field_t  *fields;

    memset(&f, 0, sizeof(chat_frame_event_t));

    f.e = def->name;
    f.id.data = id;
    f.id.len = (size_t) (chat_id_print(id, &e->id) - id);
    f.dialog = e->dialog;
    f.seq = e->seq;
    f.sender = e->sender;

    chat_set(&f, CHAT_F_FRAME_EVENT_E);
    chat_set(&f, CHAT_F_FRAME_EVENT_ID);
    chat_set(&f, CHAT_F_FRAME_EVENT_DIALOG);

    if (e->seq) {
        chat_set(&f, CHAT_F_FRAME_EVENT_SEQ);
    }

    if (e->sender.len) {
        chat_set(&f, CHAT_F_FRAME_EVENT_SENDER);
    }

    fields = chat_frame_event_type.fields;

    if (cursor) {
        f.cursor = *cursor;
        chat_set(&f, CHAT_F_FRAME_EVENT_CURSOR);
        chat_out_tag(o, &chat_frames[CHAT_FRAME_EVENT].name);

    } else {
        chat_out_byte(o, '{');
    }

    chat_out_members(o, &chat_frame_event_type, &f, cursor == NULL, 0);

    if (view) {
        chat_out_key(o, &fields[CHAT_F_FRAME_EVENT_VIEW], 0);
        chat_out_put(o, view->data, view->len);
    }

    chat_out_key(o, &fields[CHAT_F_FRAME_EVENT_BODY], 0);
    chat_out_object(o, def->type, body, 0);
    chat_out_byte(o, '}');
}


size_t
chat_frame_encode(int frame, const void *in, unsigned char *dst, size_t size)
{
    chat_out_t  o;

    if (frame <= 0 || frame >= CHAT_FRAME_MAX
        || chat_frames[frame].type == NULL)
    {
        return 0;
    }

    chat_out_init(&o, dst, size);
    chat_out_tag(&o, &chat_frames[frame].name);
    chat_out_members(&o, chat_frames[frame].type, in, 0, 0);
    chat_out_byte(&o, '}');

    return o.len;
}
