
#include <sodium.h>

#include "chat_cursor.h"
#include "chat_str.h"


#define CHAT_CURSOR_MAC  8       /* bytes; 11 characters */


typedef struct {
    const unsigned char  *p;
    const unsigned char  *last;
} chat_cursor_text_t;


static int chat_cursor_field(chat_cursor_text_t *t, char end, chat_str_t *s);


unsigned char *
chat_cursor_print(unsigned char *p, const chat_cursor_t *c,
    const unsigned char key[16])
{
    uint32_t        i;
    unsigned char  *start, be[4], mac[CHAT_CURSOR_MAC];

    start = p;

    *p++ = '1';
    *p++ = '.';

    for (i = 0; i < 4; i++) {
        be[i] = c->epoch >> (24 - 8 * i);
    }

    p = chat_hex_print(p, be, 4);

    for (i = 0; i < c->n; i++) {
        *p++ = '.';
        p = chat_u64_print(p, c->at[i].partition);
        *p++ = ':';
        p = chat_id_print(p, &c->at[i].id);
    }

    crypto_shorthash(mac, start, p - start, key);

    *p++ = '.';

    return chat_b64_print(p, mac, CHAT_CURSOR_MAC);
}


int
chat_cursor_parse(const chat_str_t *text, chat_cursor_t *c,
    const unsigned char key[16])
{
    uint64_t            partition;
    chat_str_t          s;
    unsigned char       be[4], mac[CHAT_CURSOR_MAC], given[CHAT_CURSOR_MAC];
    chat_cursor_text_t  t;

    if (text->len < 2 || text->len > CHAT_CURSOR_MAX) {
        return CHAT_ERROR;
    }

    /* the mac first: what it covers was printed by us */

    t.p = text->data;

    for (t.last = text->data + text->len; t.last > t.p; t.last--) {
        if (t.last[-1] == '.') {
            break;
        }
    }

    if (t.last == t.p) {
        return CHAT_ERROR;
    }

    s.data = (unsigned char *) t.last;
    s.len = text->data + text->len - t.last;

    if (s.len != chat_b64_len(CHAT_CURSOR_MAC)
        || chat_b64_parse(&s, given, CHAT_CURSOR_MAC) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    t.last--;
    crypto_shorthash(mac, t.p, t.last - t.p, key);

    if (sodium_memcmp(mac, given, CHAT_CURSOR_MAC) != 0) {
        return CHAT_ERROR;
    }

    if (chat_cursor_field(&t, '.', &s) != CHAT_OK
        || !chat_str_eq_c(&s, "1")
        || chat_cursor_field(&t, '.', &s) != CHAT_OK
        || s.len != 8
        || chat_hex_parse(&s, be, 4) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    c->epoch = (uint32_t) be[0] << 24 | be[1] << 16 | be[2] << 8 | be[3];

    for (c->n = 0; t.p < t.last; c->n++) {

        if (c->n == CHAT_PARTITIONS
            || chat_cursor_field(&t, ':', &s) != CHAT_OK
            || chat_str_u64(&s, &partition) != CHAT_OK
            || partition >= CHAT_FEEDS)
        {
            return CHAT_ERROR;
        }

        c->at[c->n].partition = partition;

        if (chat_cursor_field(&t, '.', &s) != CHAT_OK
            || chat_id_parse(&s, &c->at[c->n].id) != CHAT_OK)
        {
            return CHAT_ERROR;
        }
    }

    return CHAT_OK;
}


/* Up to `end` or to the end of the text; not empty, and no end for nothing. */

static int
chat_cursor_field(chat_cursor_text_t *t, char end, chat_str_t *s)
{
    s->data = (unsigned char *) t->p;

    while (t->p < t->last && *t->p != (unsigned char) end) {
        t->p++;
    }

    s->len = t->p - s->data;

    if (s->len == 0 || (t->p < t->last && ++t->p == t->last)) {
        return CHAT_ERROR;
    }

    return CHAT_OK;
}
