
/*
 * Bounded writer behind the size-then-write idiom: counts everything, writes
 * what fits.  The result is whole iff len <= the size given.
 */

#ifndef _CHAT_OUT_H_INCLUDED_
#define _CHAT_OUT_H_INCLUDED_


#include "chat_json.h"


typedef struct {
    unsigned char   *dst;
    size_t           size;
    size_t           len;        /* what a large enough dst would hold */
} chat_out_t;


static inline void
chat_out_init(chat_out_t *o, unsigned char *dst, size_t size)
{
    o->dst = dst;
    o->size = size;
    o->len = 0;
}


static inline void
chat_out_put(chat_out_t *o, const void *src, size_t n)
{
    size_t  room;

    if (o->len < o->size) {
        room = o->size - o->len;
        memcpy(o->dst + o->len, src, n < room ? n : room);
    }

    o->len += n;
}


static inline void
chat_out_byte(chat_out_t *o, unsigned char c)
{
    if (o->len < o->size) {
        o->dst[o->len] = c;
    }

    o->len++;
}

#define chat_out_text(o, text)  chat_out_put(o, text, sizeof(text) - 1)


/* A JSON string with its quotes. */
void chat_out_quote(chat_out_t *o, const chat_str_t *s);

/* A whole object. */
void chat_out_object(chat_out_t *o, const chat_type_t *type, const void *in,
    int masked);

/*
 * The inside of an object, "k":v,"k":v.  `first` is 0 if something stands
 * before it already; the return value is 1 if still nothing does.
 */
int chat_out_members(chat_out_t *o, const chat_type_t *type, const void *in,
    int first, int masked);

/* {"t":"NAME" and nothing after it: how frames begin. */
void chat_out_tag(chat_out_t *o, const chat_str_t *name);

/* "k": with a comma unless first. */
void chat_out_key(chat_out_t *o, const chat_field_t *f, int first);


#endif /* _CHAT_OUT_H_INCLUDED_ */
