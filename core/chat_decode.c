
#include "chat_decode.h"
#include "chat_str.h"


#define CHAT_DECODE_LIST_FIRST  4


static int chat_decode_open(chat_decode_t *d, int map, size_t offset);
static int chat_decode_element(chat_decode_t *d, chat_decode_level_t *list,
    size_t offset);
static chat_decode_level_t *chat_decode_push(chat_decode_t *d);
static int chat_decode_missing(chat_decode_t *d, chat_decode_level_t *l,
    size_t offset);
static int chat_decode_field(chat_decode_t *d, const chat_field_t *f,
    size_t offset);
static int chat_decode_target(chat_decode_t *d, const chat_field_t **f,
    size_t offset);
static void chat_decode_present(chat_decode_level_t *l);
static int chat_decode_range(chat_decode_t *d, const chat_field_t *f,
    int64_t v, const char *less, const char *more, size_t offset);
static int chat_decode_u64_text(chat_decode_t *d, const chat_field_t *f,
    const chat_str_t *v, void *dst, size_t offset);
static int chat_decode_enum_name(chat_decode_t *d, const chat_field_t *f,
    const chat_str_t *v, void *dst, size_t offset);


/* The name of a frame or command: read by others, accepted here. */
static const chat_field_t  chat_decode_tag = {
    .name = chat_string("t"), .kind = CHAT_KIND_STR
};


void
chat_decode_init(chat_decode_t *d, const chat_type_t *type, void *out,
    chat_mem_t *mem, chat_fault_t *fault)
{
    memset(d, 0, sizeof(chat_decode_t));
    memset(fault, 0, sizeof(chat_fault_t));
    memset(out, 0, type->size);

    d->type = type;
    d->out = out;
    d->mem = mem;
    d->fault = fault;
}


int
chat_decode_map(chat_decode_t *d, size_t offset)
{
    return chat_decode_open(d, 1, offset);
}


int
chat_decode_list(chat_decode_t *d, size_t offset)
{
    return chat_decode_open(d, 0, offset);
}


static int
chat_decode_open(chat_decode_t *d, int map, size_t offset)
{
    const chat_field_t   *f;
    chat_decode_level_t  *l, *next;

    if (d->depth == 0) {
        if (!map) {
            return chat_decode_fail(d, CHAT_FAULT_SYNTAX, "not an object",
                                    offset);
        }

        next = chat_decode_push(d);
        next->type = d->type;
        next->base = d->out;

        return CHAT_OK;
    }

    if (d->depth == CHAT_JSON_DEPTH) {
        return chat_decode_fail(d, CHAT_FAULT_SYNTAX, "nested too deep",
                                offset);
    }

    if (chat_decode_skips(d)) {
        d->skip++;
        (void) chat_decode_push(d);

        return CHAT_OK;
    }

    l = &d->levels[d->depth - 1];

    if (l->list) {
        if (!map) {
            return chat_decode_fail(d, CHAT_FAULT_FIELD, "wrong type",
                                    offset);
        }

        return chat_decode_element(d, l, offset);
    }

    f = l->field;

    if (map && f->kind == CHAT_KIND_OBJ) {
        chat_decode_present(l);
        next = chat_decode_push(d);
        next->type = f->type;
        next->base = l->base + f->offset;

        return CHAT_OK;
    }

    if (map && f->kind == CHAT_KIND_RAW && !d->binary) {
        chat_decode_present(l);
        d->raw = (chat_str_t *) (void *) (l->base + f->offset);
        d->raw_start = offset;
        d->skip = 1;
        (void) chat_decode_push(d);

        return CHAT_OK;
    }

    if (!map && f->kind == CHAT_KIND_LIST) {
        chat_decode_present(l);
        next = chat_decode_push(d);
        next->list = (chat_list_t *) (void *) (l->base + f->offset);

        return CHAT_OK;
    }

    return chat_decode_fail(d, CHAT_FAULT_FIELD, "wrong type", offset);
}


/* Makes room for one more struct; only slices point out of it, so that it
 * may move. */

static int
chat_decode_element(chat_decode_t *d, chat_decode_level_t *l, size_t offset)
{
    void                 *elts;
    size_t                cap, size;
    const chat_field_t   *f;
    chat_decode_level_t  *next;

    f = d->levels[d->depth - 2].field;
    size = f->type->size;

    if (l->list->n == (uint64_t) f->max) {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, "too many", offset);
    }

    if (l->list->n == l->cap) {
        cap = l->cap ? l->cap * 2 : CHAT_DECODE_LIST_FIRST;
        elts = chat_mem_alloc(d->mem, cap * size);

        if (elts == NULL) {
            return chat_decode_fail(d, CHAT_FAULT_MEMORY, "out of memory",
                                    offset);
        }

        if (l->cap) {
            memcpy(elts, l->list->elts, l->cap * size);
        }

        l->list->elts = elts;
        l->cap = cap;
    }

    next = chat_decode_push(d);
    next->type = f->type;
    next->base = (unsigned char *) l->list->elts + l->list->n * size;
    l->list->n++;

    return CHAT_OK;
}


static chat_decode_level_t *
chat_decode_push(chat_decode_t *d)
{
    chat_decode_level_t  *l;

    l = &d->levels[d->depth++];
    memset(l, 0, sizeof(chat_decode_level_t));

    return l;
}


int
chat_decode_end(chat_decode_t *d, size_t offset, size_t last)
{
    const chat_field_t   *f;
    chat_decode_level_t  *l;

    l = &d->levels[d->depth - 1];

    if (d->skip) {
        d->skip--;

        if (d->skip == 0 && d->raw) {
            d->raw->data = (unsigned char *) d->text + d->raw_start;
            d->raw->len = last - d->raw_start;
            d->raw = NULL;
        }

    } else if (l->type) {
        if (chat_decode_missing(d, l, offset) != CHAT_OK) {
            return CHAT_ERROR;
        }

    } else {
        f = d->levels[d->depth - 2].field;

        if (l->list->n < (uint64_t) f->min) {
            d->depth--;            /* of the list, not of an element */
            return chat_decode_fail(d, CHAT_FAULT_FIELD, "too few", offset);
        }
    }

    d->depth--;

    return CHAT_OK;
}


static int
chat_decode_missing(chat_decode_t *d, chat_decode_level_t *l, size_t offset)
{
    unsigned  i;
    uint64_t  has;

    memcpy(&has, l->base, sizeof(has));

    for (i = 0; i < l->type->n; i++) {
        l->field = &l->type->fields[i];

        if ((l->field->flags & CHAT_FIELD_REQUIRED) && !(has >> i & 1)) {
            return chat_decode_fail(d, CHAT_FAULT_FIELD, "required", offset);
        }
    }

    return CHAT_OK;
}


int
chat_decode_key(chat_decode_t *d, const chat_str_t *key, size_t offset)
{
    unsigned              i;
    chat_decode_level_t  *l;

    if (d->skip) {
        return CHAT_OK;
    }

    l = &d->levels[d->depth - 1];
    l->field = NULL;

    for (i = 0; i < l->type->n; i++) {
        if (chat_str_eq(&l->type->fields[i].name, key)) {
            return chat_decode_field(d, &l->type->fields[i], offset);
        }
    }

    if (d->tagged && d->depth == 1
        && chat_str_eq(&chat_decode_tag.name, key))
    {
        l->field = &chat_decode_tag;

        if (l->tag) {
            return chat_decode_fail(d, CHAT_FAULT_FIELD, "duplicate field",
                                    offset);
        }

        l->tag = 1;

        return CHAT_OK;
    }

    if (d->lax) {
        return CHAT_OK;
    }

    return chat_decode_fail_at(d, CHAT_FAULT_FIELD, "unknown field", key,
                               offset);
}


int
chat_decode_number_key(chat_decode_t *d, uint64_t number, size_t offset)
{
    unsigned              i;
    chat_decode_level_t  *l;

    if (d->skip) {
        return CHAT_OK;
    }

    l = &d->levels[d->depth - 1];
    l->field = NULL;

    for (i = 0; i < l->type->n; i++) {
        if ((uint64_t) l->type->fields[i].number == number) {
            return chat_decode_field(d, &l->type->fields[i], offset);
        }
    }

    return CHAT_OK;
}


static int
chat_decode_field(chat_decode_t *d, const chat_field_t *f, size_t offset)
{
    uint64_t              has;
    chat_decode_level_t  *l;

    l = &d->levels[d->depth - 1];
    l->field = f;

    memcpy(&has, l->base, sizeof(has));

    if (has >> (f - l->type->fields) & 1) {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, "duplicate field",
                                offset);
    }

    return CHAT_OK;
}


int
chat_decode_skips(const chat_decode_t *d)
{
    const chat_decode_level_t  *l;

    if (d->depth == 0) {
        return 0;
    }

    l = &d->levels[d->depth - 1];

    return d->skip || (l->list == NULL && l->field == NULL);
}


/* The field a scalar is for; CHAT_DONE: nobody wants it. */

static int
chat_decode_target(chat_decode_t *d, const chat_field_t **f, size_t offset)
{
    if (d->depth == 0) {
        return chat_decode_fail(d, CHAT_FAULT_SYNTAX, "not an object",
                                offset);
    }

    if (chat_decode_skips(d)) {
        return CHAT_DONE;
    }

    *f = d->levels[d->depth - 1].field;

    return *f ? CHAT_OK : chat_decode_fail(d, CHAT_FAULT_FIELD, "wrong type",
                                           offset);
}


static void
chat_decode_present(chat_decode_level_t *l)
{
    uint64_t  has;

    memcpy(&has, l->base, sizeof(has));
    has |= (uint64_t) 1 << (l->field - l->type->fields);
    memcpy(l->base, &has, sizeof(has));
}


int
chat_decode_bool(chat_decode_t *d, int v, size_t offset)
{
    int                   rc;
    const chat_field_t   *f;
    chat_decode_level_t  *l;

    rc = chat_decode_target(d, &f, offset);

    if (rc != CHAT_OK) {
        return rc == CHAT_DONE ? CHAT_OK : rc;
    }

    if (f->kind != CHAT_KIND_BOOL) {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, "wrong type", offset);
    }

    l = &d->levels[d->depth - 1];
    l->base[f->offset] = v ? 1 : 0;
    chat_decode_present(l);

    return CHAT_OK;
}


int
chat_decode_int(chat_decode_t *d, int negative, uint64_t v, size_t offset)
{
    int                   rc;
    void                 *dst;
    int64_t               i;
    const chat_field_t   *f;
    chat_decode_level_t  *l;

    rc = chat_decode_target(d, &f, offset);

    if (rc != CHAT_OK) {
        return rc == CHAT_DONE ? CHAT_OK : rc;
    }

    l = &d->levels[d->depth - 1];
    dst = l->base + f->offset;

    if (d->binary && f->kind == CHAT_KIND_U64) {
        if (negative || v < (uint64_t) f->min) {
            return chat_decode_fail(d, CHAT_FAULT_FIELD, "too small", offset);
        }

        *(uint64_t *) dst = v;
        chat_decode_present(l);

        return CHAT_OK;
    }

    if (f->kind != CHAT_KIND_INT
        && !(d->binary && f->kind == CHAT_KIND_ENUM))
    {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, "wrong type", offset);
    }

    i = v > INT64_MAX ? INT64_MAX : (int64_t) v;

    if (chat_decode_range(d, f, negative ? -i : i, "too small", "too large",
                          offset)
        != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    if (f->kind == CHAT_KIND_INT) {
        *(int64_t *) dst = negative ? -i : i;

    } else if (f->names[i][0] != '\0') {
        *(int *) dst = (int) i;

    } else {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, "unknown value",
                                offset);
    }

    chat_decode_present(l);

    return CHAT_OK;
}


int
chat_decode_str(chat_decode_t *d, const chat_str_t *v, size_t offset)
{
    int                   rc;
    void                 *dst;
    int64_t               n;
    const chat_field_t   *f;
    chat_decode_level_t  *l;

    rc = chat_decode_target(d, &f, offset);

    if (rc != CHAT_OK) {
        return rc == CHAT_DONE ? CHAT_OK : rc;
    }

    if (f == &chat_decode_tag) {
        return CHAT_OK;
    }

    l = &d->levels[d->depth - 1];
    dst = l->base + f->offset;

    if (!d->binary && f->kind == CHAT_KIND_U64) {
        rc = chat_decode_u64_text(d, f, v, dst, offset);

    } else if (!d->binary && f->kind == CHAT_KIND_ENUM) {
        rc = chat_decode_enum_name(d, f, v, dst, offset);

    } else if (f->kind == CHAT_KIND_STR) {
        n = chat_utf8_length(v);

        if (n < 0) {
            return chat_decode_fail(d, CHAT_FAULT_FIELD, "bad UTF-8",
                                    offset);
        }

        rc = chat_decode_range(d, f, n, "too short", "too long", offset);
        *(chat_str_t *) dst = *v;

    } else {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, "wrong type", offset);
    }

    if (rc == CHAT_OK) {
        chat_decode_present(l);
    }

    return rc;
}


int
chat_decode_other(chat_decode_t *d, size_t offset)
{
    int                  rc;
    const chat_field_t  *f;

    rc = chat_decode_target(d, &f, offset);

    if (rc != CHAT_OK) {
        return rc == CHAT_DONE ? CHAT_OK : rc;
    }

    return chat_decode_fail(d, CHAT_FAULT_FIELD, "wrong type", offset);
}


static int
chat_decode_range(chat_decode_t *d, const chat_field_t *f, int64_t v,
    const char *less, const char *more, size_t offset)
{
    if (v < f->min) {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, less, offset);
    }

    if (v > f->max) {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, more, offset);
    }

    return CHAT_OK;
}


static int
chat_decode_u64_text(chat_decode_t *d, const chat_field_t *f,
    const chat_str_t *v, void *dst, size_t offset)
{
    if (chat_str_u64(v, dst) != CHAT_OK) {
        return chat_decode_fail(d, CHAT_FAULT_FIELD,
                                "not a string of digits of 64 bits", offset);
    }

    if (*(uint64_t *) dst < (uint64_t) f->min) {
        return chat_decode_fail(d, CHAT_FAULT_FIELD, "too small", offset);
    }

    return CHAT_OK;
}


static int
chat_decode_enum_name(chat_decode_t *d, const chat_field_t *f,
    const chat_str_t *v, void *dst, size_t offset)
{
    int  i;

    for (i = 0; f->names[i]; i++) {
        if (v->len && chat_str_eq_c(v, f->names[i])) {
            *(int *) dst = i;
            return CHAT_OK;
        }
    }

    return chat_decode_fail(d, CHAT_FAULT_FIELD, "unknown value", offset);
}
