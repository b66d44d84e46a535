
/*
 * JSON out, by descriptors.  No allocation, no failure: what does not fit is
 * counted only.
 */

#include "chat_json.h"
#include "chat_out.h"
#include "chat_str.h"


static void chat_out_value(chat_out_t *o, const chat_field_t *f,
    const unsigned char *in, int masked);
static void chat_out_list(chat_out_t *o, const chat_field_t *f,
    const chat_list_t *list, int masked);
static void chat_out_int(chat_out_t *o, int64_t v);
static void chat_out_enum(chat_out_t *o, const chat_field_t *f, int value);
static size_t chat_out_plain(const unsigned char *p, size_t n);
static void chat_out_escape(chat_out_t *o, unsigned char c);
static size_t chat_utf8_next(const unsigned char *p,
    const unsigned char *last);


size_t
chat_json_encode(const chat_type_t *type, const void *in, unsigned char *dst,
    size_t size)
{
    chat_out_t  o;

    chat_out_init(&o, dst, size);
    chat_out_object(&o, type, in, 0);

    return o.len;
}


size_t
chat_json_encode_masked(const chat_type_t *type, const void *in,
    unsigned char *dst, size_t size)
{
    chat_out_t  o;

    chat_out_init(&o, dst, size);
    chat_out_object(&o, type, in, 1);

    return o.len;
}


size_t
chat_json_quote(const chat_str_t *s, unsigned char *dst, size_t size)
{
    chat_out_t  o;

    chat_out_init(&o, dst, size);
    chat_out_quote(&o, s);

    return o.len;
}


void
chat_out_object(chat_out_t *o, const chat_type_t *type, const void *in,
    int masked)
{
    chat_out_byte(o, '{');
    chat_out_members(o, type, in, 1, masked);
    chat_out_byte(o, '}');
}


int
chat_out_members(chat_out_t *o, const chat_type_t *type, const void *in,
    int first, int masked)
{
    unsigned             i;
    uint64_t             has;
    const chat_field_t  *f;

    memcpy(&has, in, sizeof(has));

    for (i = 0; i < type->n; i++) {

        if (!(has >> i & 1)) {
            continue;
        }

        f = &type->fields[i];

        chat_out_key(o, f, first);
        first = 0;

        if (masked && (f->flags & CHAT_FIELD_SECRET)) {
            chat_out_text(o, "\"***\"");
            continue;
        }

        chat_out_value(o, f, (const unsigned char *) in + f->offset, masked);
    }

    return first;
}


void
chat_out_tag(chat_out_t *o, const chat_str_t *name)
{
    chat_out_text(o, "{\"t\":");
    chat_out_quote(o, name);
}


void
chat_out_key(chat_out_t *o, const chat_field_t *f, int first)
{
    if (!first) {
        chat_out_byte(o, ',');
    }

    /* names of the schema are [a-z0-9_] */

    chat_out_byte(o, '"');
    chat_out_put(o, f->name.data, f->name.len);
    chat_out_text(o, "\":");
}


static void
chat_out_value(chat_out_t *o, const chat_field_t *f, const unsigned char *in,
    int masked)
{
    uint64_t           u;
    unsigned char      buf[20], *p;
    const chat_str_t  *s;

    switch (f->kind) {

    case CHAT_KIND_BOOL:
        if (*in) {
            chat_out_text(o, "true");

        } else {
            chat_out_text(o, "false");
        }

        return;

    case CHAT_KIND_INT:
        chat_out_int(o, *(const int64_t *) (const void *) in);
        return;

    case CHAT_KIND_U64:
        u = *(const uint64_t *) (const void *) in;
        p = chat_u64_print(buf, u);

        chat_out_byte(o, '"');
        chat_out_put(o, buf, (size_t) (p - buf));
        chat_out_byte(o, '"');
        return;

    case CHAT_KIND_ENUM:
        chat_out_enum(o, f, *(const int *) (const void *) in);
        return;

    case CHAT_KIND_STR:
        chat_out_quote(o, (const chat_str_t *) (const void *) in);
        return;

    case CHAT_KIND_RAW:
        s = (const chat_str_t *) (const void *) in;

        if (s->len) {
            chat_out_put(o, s->data, s->len);

        } else {
            chat_out_text(o, "{}");
        }

        return;

    case CHAT_KIND_OBJ:
        chat_out_object(o, f->type, in, masked);
        return;

    case CHAT_KIND_LIST:
        chat_out_list(o, f, (const chat_list_t *) (const void *) in, masked);
        return;
    }
}


static void
chat_out_list(chat_out_t *o, const chat_field_t *f, const chat_list_t *list,
    int masked)
{
    size_t                i;
    const unsigned char  *elt;

    chat_out_byte(o, '[');

    for (i = 0; i < list->n; i++) {
        elt = (const unsigned char *) list->elts + i * f->type->size;

        if (i) {
            chat_out_byte(o, ',');
        }

        chat_out_object(o, f->type, elt, masked);
    }

    chat_out_byte(o, ']');
}


static void
chat_out_int(chat_out_t *o, int64_t v)
{
    uint64_t       u;
    unsigned char  buf[20], *p;

    u = (uint64_t) v;

    if (v < 0) {
        chat_out_byte(o, '-');
        u = 0 - u;
    }

    p = chat_u64_print(buf, u);
    chat_out_put(o, buf, (size_t) (p - buf));
}


/* A number without a name becomes "": no reader takes that for a value. */

static void
chat_out_enum(chat_out_t *o, const chat_field_t *f, int value)
{
    const char  *name;

    name = value >= f->min && value <= f->max ? f->names[value] : "";

    chat_out_byte(o, '"');
    chat_out_put(o, name, strlen(name));
    chat_out_byte(o, '"');
}


void
chat_out_quote(chat_out_t *o, const chat_str_t *s)
{
    size_t                n;
    const unsigned char  *p, *last, *run;

    p = s->data;
    last = p + s->len;
    run = p;

    chat_out_byte(o, '"');

    while (p < last) {
        p += chat_out_plain(p, (size_t) (last - p));

        if (p == last) {
            break;
        }

        n = chat_utf8_next(p, last);

        if (n > 1) {
            p += n;
            continue;
        }

        chat_out_put(o, run, (size_t) (p - run));

        if (n == 1) {
            chat_out_escape(o, *p);

        } else {
            chat_out_text(o, "\xef\xbf\xbd");
        }

        run = ++p;
    }

    if (p > run) {
        chat_out_put(o, run, (size_t) (p - run));
    }

    chat_out_byte(o, '"');
}


/*
 * How many bytes at p stand for themselves; eight at a time.  A byte of x
 * less than n shows in the high bit of x - n where x's own is not set (Bit
 * Twiddling Hacks, "Determine if a word has a byte less than n").
 */

#define CHAT_OUT_EACH     UINT64_C(0x0101010101010101)
#define CHAT_OUT_HIGH     UINT64_C(0x8080808080808080)
#define chat_out_less(x, n)  (((x) - CHAT_OUT_EACH * (n)) & ~(x))

static size_t
chat_out_plain(const unsigned char *p, size_t n)
{
    size_t    i;
    uint64_t  word, odd;

    for (i = 0; n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));

        odd = word | chat_out_less(word, 0x20)
              | chat_out_less(word ^ CHAT_OUT_EACH * '"', 1)
              | chat_out_less(word ^ CHAT_OUT_EACH * '\\', 1);

        if (odd & CHAT_OUT_HIGH) {
            break;
        }
    }

    while (i < n && p[i] >= 0x20 && p[i] < 0x80 && p[i] != '"'
           && p[i] != '\\')
    {
        i++;
    }

    return i;
}


static void
chat_out_escape(chat_out_t *o, unsigned char c)
{
    unsigned char  hex[2];

    switch (c) {

    case '"':
        chat_out_text(o, "\\\"");
        return;

    case '\\':
        chat_out_text(o, "\\\\");
        return;

    case '\n':
        chat_out_text(o, "\\n");
        return;

    case '\r':
        chat_out_text(o, "\\r");
        return;

    case '\t':
        chat_out_text(o, "\\t");
        return;

    default:
        chat_hex_print(hex, &c, 1);
        chat_out_text(o, "\\u00");
        chat_out_put(o, hex, 2);
    }
}


/* Bytes of the character at p; 0: not UTF-8. */

static size_t
chat_utf8_next(const unsigned char *p, const unsigned char *last)
{
    size_t    n;
    uint32_t  state;

    state = CHAT_UTF8_ACCEPT;

    for (n = 0; p + n < last; n++) {

        if (chat_utf8_feed(&state, p + n, 1) != CHAT_OK) {
            return 0;
        }

        if (state == CHAT_UTF8_ACCEPT) {
            return n + 1;
        }
    }

    return 0;
}
