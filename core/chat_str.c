
#include <sodium.h>

#include "chat_str.h"


/* bit 0 of each */
#define CHAT_EACH_BYTE  UINT64_C(0x0101010101010101)


static int chat_hex_value(unsigned char c);
static int chat_b64_value(unsigned char c);
static size_t chat_ascii(const unsigned char *p, size_t n);
static uint32_t chat_utf8_lead(unsigned char c);


static const char  chat_hex_digits[] = "0123456789abcdef";
static const char  chat_b64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


int
chat_str_eq(const chat_str_t *a, const chat_str_t *b)
{
    return a->len == b->len
           && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}


int
chat_str_eq_c(const chat_str_t *a, const char *text)
{
    size_t  len;

    len = strlen(text);

    return a->len == len && (len == 0 || memcmp(a->data, text, len) == 0);
}


int
chat_str_eq_secret(const chat_str_t *a, const chat_str_t *b)
{
    if (a->len != b->len) {
        return 0;
    }

    return a->len == 0 || sodium_memcmp(a->data, b->data, a->len) == 0;
}


void
chat_str_cut(chat_str_t *rest, unsigned char end, chat_str_t *word)
{
    unsigned char  *p;

    *word = *rest;

    p = rest->len ? memchr(rest->data, end, rest->len) : NULL;

    if (p == NULL) {
        rest->data += rest->len;
        rest->len = 0;
        return;
    }

    word->len = p - rest->data;

    rest->data = p + 1;
    rest->len -= word->len + 1;
}


int
chat_str_u64(const chat_str_t *s, uint64_t *out)
{
    size_t    i;
    uint64_t  v;
    unsigned  digit;

    if (s->len == 0 || s->len > 20 || (s->data[0] == '0' && s->len > 1)) {
        return CHAT_ERROR;
    }

    v = 0;

    for (i = 0; i < s->len; i++) {
        digit = (unsigned) s->data[i] - '0';

        if (digit > 9 || v > (UINT64_MAX - digit) / 10) {
            return CHAT_ERROR;
        }

        v = v * 10 + digit;
    }

    *out = v;

    return CHAT_OK;
}


unsigned char *
chat_u64_print(unsigned char *p, uint64_t v)
{
    size_t         n;
    unsigned char  digits[20];

    n = sizeof(digits);

    do {
        digits[--n] = (unsigned char) ('0' + v % 10);
        v /= 10;
    } while (v);

    memcpy(p, digits + n, sizeof(digits) - n);

    return p + sizeof(digits) - n;
}


int
chat_id_parse(const chat_str_t *s, chat_id_t *id)
{
    chat_id_t       v;
    chat_str_t      part;
    unsigned char  *dash;

    dash = s->len ? memchr(s->data, '-', s->len) : NULL;

    if (dash == NULL) {
        return CHAT_ERROR;
    }

    part.data = s->data;
    part.len = (size_t) (dash - s->data);

    if (chat_str_u64(&part, &v.ms) != CHAT_OK) {
        return CHAT_ERROR;
    }

    part.data = dash + 1;
    part.len = s->len - part.len - 1;

    if (chat_str_u64(&part, &v.seq) != CHAT_OK) {
        return CHAT_ERROR;
    }

    *id = v;

    return CHAT_OK;
}


unsigned char *
chat_id_print(unsigned char *p, const chat_id_t *id)
{
    p = chat_u64_print(p, id->ms);
    *p++ = '-';

    return chat_u64_print(p, id->seq);
}


int
chat_id_cmp(const chat_id_t *a, const chat_id_t *b)
{
    if (a->ms != b->ms) {
        return a->ms < b->ms ? -1 : 1;
    }

    if (a->seq != b->seq) {
        return a->seq < b->seq ? -1 : 1;
    }

    return 0;
}


unsigned char *
chat_hex_print(unsigned char *p, const void *src, size_t n)
{
    size_t                i;
    const unsigned char  *s;

    s = src;

    for (i = 0; i < n; i++) {
        *p++ = (unsigned char) chat_hex_digits[s[i] >> 4];
        *p++ = (unsigned char) chat_hex_digits[s[i] & 0x0f];
    }

    return p;
}


int
chat_hex_parse(const chat_str_t *s, void *dst, size_t n)
{
    int             hi, lo;
    size_t          i;
    unsigned char  *d;

    if (n > SIZE_MAX / 2 || s->len != 2 * n) {
        return CHAT_ERROR;
    }

    d = dst;

    for (i = 0; i < n; i++) {
        hi = chat_hex_value(s->data[2 * i]);
        lo = chat_hex_value(s->data[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return CHAT_ERROR;
        }

        d[i] = (unsigned char) (hi << 4 | lo);
    }

    return CHAT_OK;
}


static int
chat_hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}


size_t
chat_b64_len(size_t n)
{
    return n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}


unsigned char *
chat_b64_print(unsigned char *p, const void *src, size_t n)
{
    uint32_t              bits;
    unsigned              have;
    const unsigned char  *s, *last;

    bits = 0;
    have = 0;
    s = src;

    for (last = s + n; s < last; s++) {
        bits = bits << 8 | *s;
        have += 8;

        while (have >= 6) {
            have -= 6;
            *p++ = (unsigned char) chat_b64_digits[bits >> have & 0x3f];
        }
    }

    if (have) {
        *p++ = (unsigned char) chat_b64_digits[bits << (6 - have) & 0x3f];
    }

    return p;
}


int
chat_b64_parse(const chat_str_t *s, void *dst, size_t n)
{
    int             v;
    size_t          i;
    uint32_t        bits;
    unsigned        have;
    unsigned char  *d;

    if (s->len != chat_b64_len(n)) {
        return CHAT_ERROR;
    }

    bits = 0;
    have = 0;
    d = dst;

    for (i = 0; i < s->len; i++) {
        v = chat_b64_value(s->data[i]);

        if (v < 0) {
            return CHAT_ERROR;
        }

        bits = bits << 6 | (uint32_t) v;
        have += 6;

        if (have >= 8) {
            have -= 8;
            *d++ = (unsigned char) (bits >> have);
        }
    }

    /* one text per value: bits that say nothing must be zero */

    return (bits & ((1u << have) - 1)) ? CHAT_ERROR : CHAT_OK;
}


static int
chat_b64_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    if (c == '-') {
        return 62;
    }

    return c == '_' ? 63 : -1;
}


int64_t
chat_utf8_length(const chat_str_t *s)
{
    size_t    i;
    int64_t   n;
    uint32_t  state;
    uint64_t  word;

    state = CHAT_UTF8_ACCEPT;

    if (chat_utf8_feed(&state, s->data, s->len) != CHAT_OK
        || state != CHAT_UTF8_ACCEPT)
    {
        return -1;
    }

    n = (int64_t) s->len;

    /* less the continuation bytes, bit 7 of which is set and bit 6 is not; the
       product has in its highest byte the sum of all */

    for (i = 0; s->len - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, s->data + i, sizeof(word));
        word = (word >> 7) & ~(word >> 6) & CHAT_EACH_BYTE;
        n -= (int64_t) (word * CHAT_EACH_BYTE >> 56);
    }

    for ( /* void */ ; i < s->len; i++) {
        n -= (s->data[i] & 0xc0) == 0x80;
    }

    return n;
}


/* Bytes of ASCII at p, eight at a time; the rest is for the caller. */

static size_t
chat_ascii(const unsigned char *p, size_t n)
{
    size_t    i;
    uint64_t  word;

    for (i = 0; n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));

        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
    }

    return i;
}


/*
 * The state between bytes: how many are still to come, and the range of the
 * next one (only the first continuation byte has one of its own: that is
 * where overlongs, surrogates and the end of Unicode show).
 */
#define CHAT_UTF8_STATE(rest, lo, hi)                                        \
    ((uint32_t) (rest) | (uint32_t) (lo) << 8 | (uint32_t) (hi) << 16)


static uint32_t
chat_utf8_lead(unsigned char c)
{
    if (c < 0xc2 || c > 0xf4) {
        return CHAT_UTF8_ACCEPT;       /* not a leading byte */
    }

    if (c < 0xe0) {
        return CHAT_UTF8_STATE(1, 0x80, 0xbf);
    }

    switch (c) {

    case 0xe0:
        return CHAT_UTF8_STATE(2, 0xa0, 0xbf);

    case 0xed:
        return CHAT_UTF8_STATE(2, 0x80, 0x9f);

    case 0xf0:
        return CHAT_UTF8_STATE(3, 0x90, 0xbf);

    case 0xf4:
        return CHAT_UTF8_STATE(3, 0x80, 0x8f);

    default:
        return CHAT_UTF8_STATE(c < 0xf0 ? 2 : 3, 0x80, 0xbf);
    }
}


int
chat_utf8_feed(uint32_t *state, const unsigned char *p, size_t n)
{
    uint32_t              s;
    const unsigned char  *last;

    s = *state;

    for (last = p + n; p < last; p++) {

        if (s == CHAT_UTF8_ACCEPT) {
            p += chat_ascii(p, (size_t) (last - p));

            if (p == last) {
                break;
            }

            if (*p < 0x80) {
                continue;
            }

            s = chat_utf8_lead(*p);

            if (s == CHAT_UTF8_ACCEPT) {
                return CHAT_ERROR;
            }

            continue;
        }

        if (*p < (s >> 8 & 0xff) || *p > (s >> 16 & 0xff)) {
            return CHAT_ERROR;
        }

        s = (s & 0xff) == 1 ? CHAT_UTF8_ACCEPT
                            : CHAT_UTF8_STATE((s & 0xff) - 1, 0x80, 0xbf);
    }

    *state = s;

    return CHAT_OK;
}
