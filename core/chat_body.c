
/*
 * msgpack bodies: a map {field number: value}, written by msgpack-c's packer
 * and read by its unpacker template, whose values go to chat_decode as they
 * come: no tree, no allocation.
 */

#include <msgpack/pack.h>
#include <msgpack/unpack.h>
#include <msgpack/unpack_define.h>

#include "chat_decode.h"
#include "chat_json.h"
#include "chat_out.h"


/* What is open, so that keys, values and ends can be told apart. */
typedef struct {
    unsigned              map:1;
    unsigned              key:1;       /* the next value is a key */
    uint64_t              rest;        /* keys and values to come */
} chat_body_level_t;

typedef struct {
    chat_decode_t         decode;
    chat_body_level_t     levels[CHAT_JSON_DEPTH];
} chat_body_t;


static int chat_body_put(void *data, const char *buf, size_t len);
static void chat_body_pack(msgpack_packer *pk, const chat_type_t *type,
    const void *in);
static void chat_body_pack_value(msgpack_packer *pk, const chat_field_t *f,
    const unsigned char *in);
static int chat_body_value(chat_body_t *b);
static int chat_body_wants_key(chat_body_t *b);
static int chat_body_no_key(chat_body_t *b);
static int chat_body_int(chat_body_t *b, int negative, uint64_t v);
static int chat_body_other(chat_body_t *b);
static int chat_body_open(chat_body_t *b, int map, unsigned n);


/* The template's object type: values leave at once, nothing is kept. */
typedef unsigned char     chat_body_none_t;

#define msgpack_unpack_struct(name)       struct chat_body_unpack ## name
#define msgpack_unpack_func(ret, name)                                       \
    static inline ret chat_body_unpack ## name
#define msgpack_unpack_callback(name)     chat_body_cb ## name
#define msgpack_unpack_object             chat_body_none_t
#define msgpack_unpack_user               chat_body_t *


static inline chat_body_none_t
chat_body_cb_root(chat_body_t **b)
{
    return 0;
}

#define chat_body_cb_uint(name, type)                                        \
    static inline int                                                        \
    chat_body_cb_ ## name(chat_body_t **b, type v, chat_body_none_t *o)      \
    {                                                                        \
        *o = 0;                                                              \
        return chat_body_int(*b, 0, v);                                      \
    }

#define chat_body_cb_sint(name, type)                                        \
    static inline int                                                        \
    chat_body_cb_ ## name(chat_body_t **b, type v, chat_body_none_t *o)      \
    {                                                                        \
        *o = 0;                                                              \
        return v < 0 ? chat_body_int(*b, 1, 0 - (uint64_t) v)                \
                     : chat_body_int(*b, 0, (uint64_t) v);                   \
    }

#define chat_body_cb_real(name, type)                                        \
    static inline int                                                        \
    chat_body_cb_ ## name(chat_body_t **b, type v, chat_body_none_t *o)      \
    {                                                                        \
        *o = 0;                                                              \
        return chat_body_other(*b);                                          \
    }

#define chat_body_cb_bool(name, v)                                           \
    static inline int                                                        \
    chat_body_cb_ ## name(chat_body_t **b, chat_body_none_t *o)              \
    {                                                                        \
        *o = 0;                                                              \
                                                                             \
        if (chat_body_no_key(*b) != CHAT_OK                                  \
            || chat_decode_bool(&(*b)->decode, v, 0) != CHAT_OK)             \
        {                                                                    \
            return CHAT_ERROR;                                               \
        }                                                                    \
                                                                             \
        return chat_body_value(*b);                                          \
    }

#define chat_body_cb_bytes(name)                                             \
    static inline int                                                        \
    chat_body_cb_ ## name(chat_body_t **b, const char *base, const char *p,  \
        unsigned n, chat_body_none_t *o)                                     \
    {                                                                        \
        *o = 0;                                                              \
        return chat_body_other(*b);                                          \
    }

chat_body_cb_uint(uint8, uint8_t)
chat_body_cb_uint(uint16, uint16_t)
chat_body_cb_uint(uint32, uint32_t)
chat_body_cb_uint(uint64, uint64_t)
chat_body_cb_sint(int8, int8_t)
chat_body_cb_sint(int16, int16_t)
chat_body_cb_sint(int32, int32_t)
chat_body_cb_sint(int64, int64_t)
chat_body_cb_real(float, float)
chat_body_cb_real(double, double)
chat_body_cb_bool(true, 1)
chat_body_cb_bool(false, 0)
chat_body_cb_bytes(bin)
chat_body_cb_bytes(ext)


static inline int
chat_body_cb_nil(chat_body_t **b, chat_body_none_t *o)
{
    *o = 0;

    return chat_body_other(*b);
}


static inline int
chat_body_cb_str(chat_body_t **b, const char *base, const char *p,
    unsigned n, chat_body_none_t *o)
{
    chat_str_t  s;

    /* of an empty string the template gives no address */

    s.data = (unsigned char *) (n ? p : base);
    s.len = n;
    *o = 0;

    if (chat_body_no_key(*b) != CHAT_OK
        || chat_decode_str(&(*b)->decode, &s, 0) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    return chat_body_value(*b);
}


static inline int
chat_body_cb_array(chat_body_t **b, unsigned n, chat_body_none_t *o)
{
    *o = 0;

    return chat_body_open(*b, 0, n);
}


static inline int
chat_body_cb_array_item(chat_body_t **b, chat_body_none_t *list,
    chat_body_none_t o)
{
    return 0;
}


static inline int
chat_body_cb_map(chat_body_t **b, unsigned n, chat_body_none_t *o)
{
    *o = 0;

    return chat_body_open(*b, 1, n);
}


static inline int
chat_body_cb_map_item(chat_body_t **b, chat_body_none_t *map,
    chat_body_none_t key, chat_body_none_t value)
{
    return 0;
}


#include <msgpack/unpack_template.h>


int
chat_body_decode(const chat_type_t *type, const chat_str_t *body, void *out,
    chat_mem_t *mem, chat_fault_t *fault)
{
    int                              rc;
    size_t                           off;
    chat_body_t                      b;
    struct chat_body_unpack_context  ctx;

    chat_decode_init(&b.decode, type, out, mem, fault);
    b.decode.lax = 1;
    b.decode.binary = 1;

    ctx.user = &b;
    chat_body_unpack_init(&ctx);

    off = 0;
    rc = body->len
         ? chat_body_unpack_execute(&ctx, (const char *) body->data,
                                    body->len, &off)
         : 0;

    if (rc > 0 && off == body->len) {
        return CHAT_OK;
    }

    if (fault->kind == 0) {
        (void) chat_decode_fail(&b.decode, CHAT_FAULT_SYNTAX,
                                rc > 0 ? "trailing bytes"
                                : rc < 0 ? "not msgpack" : "unexpected end",
                                off);
        fault->field[0] = '\0';
    }

    fault->offset = off;

    return CHAT_ERROR;
}


/* In a skipped map keys may be anything, and nobody looks at them. */

static int
chat_body_wants_key(chat_body_t *b)
{
    return b->decode.depth && !b->decode.skip
           && b->levels[b->decode.depth - 1].key;
}


static int
chat_body_no_key(chat_body_t *b)
{
    if (!chat_body_wants_key(b)) {
        return CHAT_OK;
    }

    return chat_decode_fail(&b->decode, CHAT_FAULT_SYNTAX,
                            "a key is not a number", 0);
}


/* A value has ended, and with it perhaps what it stood in. */

static int
chat_body_value(chat_body_t *b)
{
    chat_body_level_t  *l;

    while (b->decode.depth) {
        l = &b->levels[b->decode.depth - 1];

        if (--l->rest) {
            l->key = l->map;
            return CHAT_OK;
        }

        if (chat_decode_end(&b->decode, 0, 0) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    return CHAT_OK;
}


static int
chat_body_int(chat_body_t *b, int negative, uint64_t v)
{
    chat_body_level_t  *l;

    if (chat_body_wants_key(b)) {
        l = &b->levels[b->decode.depth - 1];
        l->key = 0;
        l->rest--;

        /* numbers of fields begin at 1: nobody knows a negative one */

        return chat_decode_number_key(&b->decode, negative ? 0 : v, 0);
    }

    if (chat_decode_int(&b->decode, negative, v, 0) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return chat_body_value(b);
}


static int
chat_body_other(chat_body_t *b)
{
    if (chat_body_no_key(b) != CHAT_OK
        || chat_decode_other(&b->decode, 0) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    return chat_body_value(b);
}


static int
chat_body_open(chat_body_t *b, int map, unsigned n)
{
    int                 rc;
    chat_body_level_t  *l;

    if (chat_body_no_key(b) != CHAT_OK) {
        return CHAT_ERROR;
    }

    rc = map ? chat_decode_map(&b->decode, 0)
             : chat_decode_list(&b->decode, 0);

    if (rc != CHAT_OK) {
        return CHAT_ERROR;
    }

    l = &b->levels[b->decode.depth - 1];
    l->map = map ? 1 : 0;
    l->key = l->map;
    l->rest = (uint64_t) n * (map ? 2 : 1);

    if (n) {
        return CHAT_OK;
    }

    if (chat_decode_end(&b->decode, 0, 0) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return chat_body_value(b);
}


size_t
chat_body_encode(const chat_type_t *type, const void *in, unsigned char *dst,
    size_t size)
{
    chat_out_t      o;
    msgpack_packer  pk;

    chat_out_init(&o, dst, size);
    msgpack_packer_init(&pk, &o, chat_body_put);
    chat_body_pack(&pk, type, in);

    return o.len;
}


static int
chat_body_put(void *data, const char *buf, size_t len)
{
    chat_out_put(data, buf, len);

    return 0;
}


/* Bodies are the log's: a field of kind RAW (JSON) has no place there. */

static void
chat_body_pack(msgpack_packer *pk, const chat_type_t *type, const void *in)
{
    unsigned             i, n;
    uint64_t             has;
    const chat_field_t  *f;

    memcpy(&has, in, sizeof(has));
    n = 0;

    for (i = 0; i < type->n; i++) {
        n += (has >> i & 1) && type->fields[i].kind != CHAT_KIND_RAW;
    }

    (void) msgpack_pack_map(pk, n);

    for (i = 0; i < type->n; i++) {
        f = &type->fields[i];

        if (!(has >> i & 1) || f->kind == CHAT_KIND_RAW) {
            continue;
        }

        (void) msgpack_pack_int(pk, f->number);
        chat_body_pack_value(pk, f, (const unsigned char *) in + f->offset);
    }
}


static void
chat_body_pack_value(msgpack_packer *pk, const chat_field_t *f,
    const unsigned char *in)
{
    size_t              i;
    const void         *v;
    const chat_str_t   *s;
    const chat_list_t  *list;

    v = in;

    switch (f->kind) {

    case CHAT_KIND_BOOL:
        (void) (*in ? msgpack_pack_true(pk) : msgpack_pack_false(pk));
        return;

    case CHAT_KIND_INT:
        (void) msgpack_pack_int64(pk, *(const int64_t *) v);
        return;

    case CHAT_KIND_U64:
        (void) msgpack_pack_uint64(pk, *(const uint64_t *) v);
        return;

    case CHAT_KIND_ENUM:
        (void) msgpack_pack_int(pk, *(const int *) v);
        return;

    case CHAT_KIND_STR:
        s = v;
        (void) msgpack_pack_str(pk, s->len);
        (void) msgpack_pack_str_body(pk, s->data, s->len);
        return;

    case CHAT_KIND_OBJ:
        chat_body_pack(pk, f->type, in);
        return;

    case CHAT_KIND_LIST:
        list = v;
        (void) msgpack_pack_array(pk, list->n);

        for (i = 0; i < list->n; i++) {
            chat_body_pack(pk, f->type,
                           (const unsigned char *) list->elts
                           + i * f->type->size);
        }

        return;

    case CHAT_KIND_RAW:
        return;
    }
}
