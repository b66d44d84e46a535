
/*
 * For tests and fuzzers of the codecs: values of any descriptor made at
 * random, compared by descriptor, and a type that has every kind of field.
 */

#ifndef _CODEC_H_INCLUDED_
#define _CODEC_H_INCLUDED_


#include <stdlib.h>

#include "chat_event.h"
#include "chat_str.h"


typedef struct {
    uint64_t         has;
    unsigned char    b;
    int64_t          i;
    uint64_t         u;
    int              e;
    chat_str_t       s;
} codec_leaf_t;

typedef struct {
    uint64_t         has;
    codec_leaf_t     leaf;
    chat_list_t      leaves;
    chat_str_t       secret;
    chat_str_t       name;
} codec_node_t;

typedef struct {
    uint64_t         has;
    codec_node_t     node;
    chat_list_t      nodes;
    chat_str_t       text;
} codec_root_t;


static const char *const  codec_names[] = { "", "one", "", "three", NULL };

#define CODEC_FIELD(type, name, number, kind, flags, min, max, sub, names)   \
    { chat_string(#name), number, CHAT_KIND_ ## kind, flags,                 \
      CHAT_PRIVACY_NONE, offsetof(type, name), min, max, sub, names }

static const chat_field_t  codec_leaf_fields[] = {
    CODEC_FIELD(codec_leaf_t, b, 1, BOOL, 0, 0, 1, NULL, NULL),
    CODEC_FIELD(codec_leaf_t, i, 2, INT, 0, -CHAT_INT_MAX, CHAT_INT_MAX,
                NULL, NULL),
    CODEC_FIELD(codec_leaf_t, u, 3, U64, 0, 0, INT64_MAX, NULL, NULL),
    CODEC_FIELD(codec_leaf_t, e, 4, ENUM, CHAT_FIELD_REQUIRED, 1, 3, NULL,
                codec_names),
    CODEC_FIELD(codec_leaf_t, s, 300, STR, 0, 0, 40, NULL, NULL)
};

static const chat_type_t  codec_leaf_type = {
    "leaf", sizeof(codec_leaf_t), codec_leaf_fields, 5
};

static const chat_field_t  codec_node_fields[] = {
    CODEC_FIELD(codec_node_t, leaf, 1, OBJ, 0, 0, 0, &codec_leaf_type, NULL),
    CODEC_FIELD(codec_node_t, leaves, 2, LIST, 0, 0, 20, &codec_leaf_type,
                NULL),
    CODEC_FIELD(codec_node_t, secret, 3, STR, CHAT_FIELD_SECRET, 0, 40, NULL,
                NULL),
    CODEC_FIELD(codec_node_t, name, 4, STR, CHAT_FIELD_REQUIRED, 2, 5, NULL,
                NULL)
};

static const chat_type_t  codec_node_type = {
    "node", sizeof(codec_node_t), codec_node_fields, 4
};

static const chat_field_t  codec_root_fields[] = {
    CODEC_FIELD(codec_root_t, node, 1, OBJ, 0, 0, 0, &codec_node_type, NULL),
    CODEC_FIELD(codec_root_t, nodes, 2, LIST, 0, 1, 3, &codec_node_type,
                NULL),
    CODEC_FIELD(codec_root_t, text, 3, STR, 0, 0, 100000, NULL, NULL)
};

static const chat_type_t  codec_root_type = {
    "root", sizeof(codec_root_t), codec_root_fields, 3
};


/* xorshift64: the same values on every machine. */

static inline uint64_t
codec_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;

    return *seed;
}


/* n characters of one to four bytes, those that JSON escapes among them. */

static inline chat_str_t
codec_text(uint64_t *seed, size_t n, chat_mem_t *mem)
{
    size_t      i, len;
    chat_str_t  s;
    static const char *const  parts[] = {
        "a", "Z", " ", "\"", "\\", "/", "\n", "\x01", "\x7f",
        "\xd0\x96", "\xe2\x82\xac", "\xef\xbf\xbd", "\xf0\x9f\x98\x80"
    };

    s.data = chat_mem_nalloc(mem, n * 4);
    s.len = 0;

    for (i = 0; i < n; i++) {
        const char  *part;

        part = parts[codec_random(seed) % (sizeof(parts) / sizeof(parts[0]))];
        len = strlen(part);
        memcpy(s.data + s.len, part, len);
        s.len += len;
    }

    return s;
}


static inline int64_t
codec_between(uint64_t *seed, int64_t min, int64_t max)
{
    switch (codec_random(seed) % 4) {

    case 0:
        return min;

    case 1:
        return max;

    default:
        return min + (int64_t) (codec_random(seed)
                                % ((uint64_t) (max - min) + 1));
    }
}


/* A value that is right by its descriptor; optional fields come and go. */

static inline void
codec_fill(const chat_type_t *type, void *out, uint64_t *seed,
    chat_mem_t *mem)
{
    size_t               j;
    int64_t              n;
    uint64_t             has;
    unsigned             i;
    unsigned char       *p;
    chat_list_t         *list;
    const chat_field_t  *f;

    memset(out, 0, type->size);
    has = 0;

    for (i = 0; i < type->n; i++) {
        f = &type->fields[i];
        p = (unsigned char *) out + f->offset;

        if (!(f->flags & CHAT_FIELD_REQUIRED) && codec_random(seed) % 3 == 0)
        {
            continue;
        }

        has |= (uint64_t) 1 << i;

        switch (f->kind) {

        case CHAT_KIND_BOOL:
            *p = codec_random(seed) & 1;
            break;

        case CHAT_KIND_INT:
            *(int64_t *) (void *) p = codec_between(seed, f->min, f->max);
            break;

        case CHAT_KIND_U64:
            *(uint64_t *) (void *) p = codec_random(seed) % 2
                                       ? codec_random(seed)
                                       : (uint64_t) f->min;
            break;

        case CHAT_KIND_ENUM:
            do {
                n = codec_between(seed, f->min, f->max);
            } while (f->names[n][0] == '\0');

            *(int *) (void *) p = (int) n;
            break;

        case CHAT_KIND_STR:
            n = codec_between(seed, f->min, f->max > 60 ? 60 : f->max);
            *(chat_str_t *) (void *) p = codec_text(seed, (size_t) n, mem);
            break;

        case CHAT_KIND_RAW:
            *(chat_str_t *) (void *) p =
                (chat_str_t) chat_string("{\"a\":[1,{}],\"b\":\"}\"}");
            break;

        case CHAT_KIND_OBJ:
            codec_fill(f->type, p, seed, mem);
            break;

        case CHAT_KIND_LIST:
            list = (chat_list_t *) (void *) p;
            list->n = (size_t) codec_between(seed, f->min,
                                             f->max > 6 ? 6 : f->max);
            list->elts = chat_mem_alloc(mem, list->n * f->type->size);

            for (j = 0; j < list->n; j++) {
                codec_fill(f->type, (char *) list->elts + j * f->type->size,
                           seed, mem);
            }

            break;
        }
    }

    memcpy(out, &has, sizeof(has));
}


/* Equal in what is present? */

static inline int
codec_same(const chat_type_t *type, const void *a, const void *b)
{
    int                   same;
    size_t                j;
    unsigned              i;
    uint64_t              has, other;
    const void           *x, *y;
    const chat_list_t    *v, *w;
    const chat_field_t   *f;

    memcpy(&has, a, sizeof(has));
    memcpy(&other, b, sizeof(other));
    same = has == other;

    for (i = 0; i < type->n && same; i++) {
        if (!(has >> i & 1)) {
            continue;
        }

        f = &type->fields[i];
        x = (const char *) a + f->offset;
        y = (const char *) b + f->offset;

        switch (f->kind) {

        case CHAT_KIND_BOOL:
            same = *(const char *) x == *(const char *) y;
            break;

        case CHAT_KIND_INT:
        case CHAT_KIND_U64:
            same = *(const uint64_t *) x == *(const uint64_t *) y;
            break;

        case CHAT_KIND_ENUM:
            same = *(const int *) x == *(const int *) y;
            break;

        case CHAT_KIND_STR:
        case CHAT_KIND_RAW:
            same = chat_str_eq(x, y);
            break;

        case CHAT_KIND_OBJ:
            same = codec_same(f->type, x, y);
            break;

        case CHAT_KIND_LIST:
            v = x;
            w = y;
            same = v->n == w->n;

            for (j = 0; j < v->n && same; j++) {
                same = codec_same(f->type,
                                  (const char *) v->elts + j * f->type->size,
                                  (const char *) w->elts + j * f->type->size);
            }

            break;
        }
    }

    return same;
}


/* JSON inside: such a type has no msgpack form. */

static inline int
codec_has_raw(const chat_type_t *type)
{
    unsigned  i;

    for (i = 0; i < type->n; i++) {
        if (type->fields[i].kind == CHAT_KIND_RAW
            || (type->fields[i].type
                && codec_has_raw(type->fields[i].type)))
        {
            return 1;
        }
    }

    return 0;
}


/* Every type there is, by index; NULL at the end. */

static inline const chat_type_t *
codec_type(unsigned i)
{
    unsigned  n;

    if (i == 0) {
        return &codec_root_type;
    }

    for (n = 1; n < CHAT_EV_MAX; n++) {
        if (chat_events[n].type && --i == 0) {
            return chat_events[n].type;
        }
    }

    for (n = 1; n < CHAT_CMD_MAX; n++) {
        if (chat_commands[n].type && --i == 0) {
            return chat_commands[n].type;
        }
    }

    for (n = 1; n < CHAT_FRAME_MAX; n++) {
        if (chat_frames[n].type && --i == 0) {
            return chat_frames[n].type;
        }
    }

    for (n = 0; chat_objects[n]; n++) {
        if (--i == 0) {
            return chat_objects[n];
        }
    }

    return NULL;
}


#endif /* _CODEC_H_INCLUDED_ */
