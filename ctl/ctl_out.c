
/*
 * Rows of structs by their descriptor: people get a table, programs JSON.
 * JSON is written by core's encoder, never by printf.
 */

#include "chatctl.h"


#define CTL_COLUMNS  24


struct ctl_out_s {
    ctl_form_e           form;
    const chat_type_t   *type;
    size_t               rows;
    size_t               width[CTL_COLUMNS];
    struct ctl_cells_s  *first;
    struct ctl_cells_s **last;
};

typedef struct ctl_cells_s  ctl_cells_t;

struct ctl_cells_s {
    ctl_cells_t         *next;
    chat_str_t           cell[CTL_COLUMNS];
};


static int ctl_row_json(ctl_t *ctl, const void *row);
static int ctl_row_cells(ctl_t *ctl, const void *row);
static chat_str_t ctl_cell(ctl_t *ctl, const chat_field_t *f,
    const void *row);
static size_t ctl_width(const chat_str_t *s);
static void ctl_print(const chat_str_t *s, size_t width);


int
ctl_begin(ctl_t *ctl, const chat_type_t *type, ctl_form_e form)
{
    unsigned    i;
    ctl_out_t  *o;

    o = chat_mem_alloc(ctl->mem, sizeof(ctl_out_t));
    if (o == NULL || type->n > CTL_COLUMNS) {
        return ctl_error("out of memory");
    }

    o->form = form;
    o->type = type;
    o->last = &o->first;

    for (i = 0; i < type->n; i++) {
        o->width[i] = type->fields[i].name.len;
    }

    ctl->out = o;

    if (ctl->opt.json && form == CTL_LIST) {
        fputs("[", stdout);
    }

    return CTL_OK;
}


int
ctl_row(ctl_t *ctl, void *row)
{
    /* every generated and every row struct begins so */
    uint64_t  *has = row;

    if (*has == 0) {
        *has = ~UINT64_C(0);
    }

    ctl->out->rows++;

    if (ctl->opt.json || ctl->out->form == CTL_LINES) {
        return ctl_row_json(ctl, row);
    }

    return ctl_row_cells(ctl, row);
}


static int
ctl_row_json(ctl_t *ctl, const void *row)
{
    size_t          n;
    ctl_out_t      *o;
    unsigned char  *p;

    o = ctl->out;
    n = chat_json_encode(o->type, row, NULL, 0);

    p = chat_mem_alloc(ctl->mem, n + 1);
    if (p == NULL) {
        return ctl_error("out of memory");
    }

    chat_json_encode(o->type, row, p, n);

    if (o->form == CTL_LIST) {
        fputs(o->rows > 1 ? ",\n " : "\n ", stdout);
    }

    fwrite(p, 1, n, stdout);

    if (o->form != CTL_LIST) {
        fputc('\n', stdout);
    }

    return CTL_OK;
}


static int
ctl_row_cells(ctl_t *ctl, const void *row)
{
    size_t        w;
    unsigned      i;
    ctl_out_t    *o;
    ctl_cells_t  *cells;

    o = ctl->out;

    cells = chat_mem_alloc(ctl->mem, sizeof(ctl_cells_t));
    if (cells == NULL) {
        return ctl_error("out of memory");
    }

    for (i = 0; i < o->type->n; i++) {
        if (*(const uint64_t *) row >> i & 1) {
            cells->cell[i] = ctl_cell(ctl, &o->type->fields[i], row);
        }

        w = ctl_width(&cells->cell[i]);

        if (w > o->width[i]) {
            o->width[i] = w;
        }
    }

    *o->last = cells;
    o->last = &cells->next;

    return CTL_OK;
}


static chat_str_t
ctl_cell(ctl_t *ctl, const chat_field_t *f, const void *row)
{
    chat_str_t      s;
    const char     *p;
    unsigned char  *end;

    p = (const char *) row + f->offset;

    switch (f->kind) {

    case CHAT_KIND_BOOL:
        return ctl_str(*(const unsigned char *) p ? "yes" : "no");

    case CHAT_KIND_INT:
    case CHAT_KIND_U64:
        s.data = chat_mem_alloc(ctl->mem, 24);
        if (s.data == NULL) {
            return ctl_str("?");
        }

        /* rows never hold negative numbers */
        end = chat_u64_print(s.data, *(const uint64_t *) p);
        s.len = end - s.data;
        return s;

    default: /* STR, RAW */
        return *(const chat_str_t *) p;
    }
}


int
ctl_end(ctl_t *ctl)
{
    size_t        label;
    unsigned      i;
    ctl_out_t    *o;
    ctl_cells_t  *c;

    o = ctl->out;

    if (ctl->opt.json || o->form == CTL_LINES) {
        if (o->form == CTL_LIST) {
            fputs(o->rows ? "\n]\n" : "]\n", stdout);
        }

        return CTL_OK;
    }

    if (o->form == CTL_ONE) {
        label = 0;

        for (i = 0; i < o->type->n; i++) {
            if (o->type->fields[i].name.len > label) {
                label = o->type->fields[i].name.len;
            }
        }

        for (c = o->first; c != NULL; c = c->next) {
            for (i = 0; i < o->type->n; i++) {
                ctl_print(&o->type->fields[i].name, label + 2);
                ctl_print(&c->cell[i], 0);
                fputc('\n', stdout);
            }
        }

        return CTL_OK;
    }

    if (o->rows == 0) {
        return CTL_OK;
    }

    for (i = 0; i < o->type->n; i++) {
        ctl_print(&o->type->fields[i].name,
                  i + 1 < o->type->n ? o->width[i] + 2 : 0);
    }

    fputc('\n', stdout);

    for (c = o->first; c != NULL; c = c->next) {
        for (i = 0; i < o->type->n; i++) {
            ctl_print(&c->cell[i], i + 1 < o->type->n ? o->width[i] + 2 : 0);
        }

        fputc('\n', stdout);
    }

    return CTL_OK;
}


/* Columns on a terminal, near enough: characters. */

static size_t
ctl_width(const chat_str_t *s)
{
    int64_t  n;

    n = chat_utf8_length(s);

    return n < 0 ? s->len : (size_t) n;
}


/* Bytes of a terminal's control codes are not for people's names. */

static void
ctl_print(const chat_str_t *s, size_t width)
{
    size_t  i, n;

    for (i = 0; i < s->len; i++) {
        fputc(s->data[i] < 0x20 || s->data[i] == 0x7f ? '?' : s->data[i],
              stdout);
    }

    for (n = ctl_width(s); n < width; n++) {
        fputc(' ', stdout);
    }
}
