
/*
 * Visitor tokens, and the ids that are made of random bytes.
 */

#include <sodium.h>

#include "chat_token.h"
#include "chat_str.h"


#define CHAT_TOKEN_VERSION   "v1"
#define CHAT_TOKEN_CONTEXT   "chatvis1"
#define CHAT_TOKEN_FIELDS    7

#define CHAT_DIALOG_RANDOM_BITS  22


/* The fields of a token's text, in order. */
typedef enum {
    CHAT_TOKEN_V = 0,
    CHAT_TOKEN_KID,
    CHAT_TOKEN_SITE,
    CHAT_TOKEN_VISITOR,
    CHAT_TOKEN_ISSUED,
    CHAT_TOKEN_EXPIRES,
    CHAT_TOKEN_MAC
} chat_token_field_e;


static int chat_token_split(const chat_str_t *text,
    chat_str_t fields[CHAT_TOKEN_FIELDS]);
static void chat_token_mac(unsigned char mac[crypto_auth_BYTES],
    const unsigned char *p, size_t n, uint64_t site, const chat_key_t *key);
static const chat_key_t *chat_token_key(const chat_keys_t *keys,
    uint64_t kid);
static int chat_token_alphabet(const chat_str_t *s);


unsigned char *
chat_token_print(unsigned char *p, const chat_token_t *t,
    const chat_keys_t *keys)
{
    unsigned char  *start, mac[crypto_auth_BYTES];

    start = p;

    memcpy(p, CHAT_TOKEN_VERSION ".", sizeof(CHAT_TOKEN_VERSION));
    p += sizeof(CHAT_TOKEN_VERSION);

    p = chat_u64_print(p, keys->keys[0].kid);
    *p++ = '.';
    p = chat_u64_print(p, t->site);
    *p++ = '.';
    memcpy(p, t->visitor, CHAT_VISITOR_LEN);
    p += CHAT_VISITOR_LEN;
    *p++ = '.';
    p = chat_u64_print(p, t->issued);
    *p++ = '.';
    p = chat_u64_print(p, t->expires);

    chat_token_mac(mac, start, p - start, t->site, &keys->keys[0]);

    *p++ = '.';

    return chat_b64_print(p, mac, sizeof(mac));
}


/*
 * The shape is checked first, then the key is looked up, then the mac: what
 * is inside is believed only after that.
 */

int
chat_token_verify(const chat_str_t *text, uint64_t site, uint64_t now_s,
    const chat_keys_t *keys, chat_token_t *t)
{
    uint64_t          kid;
    chat_str_t        fields[CHAT_TOKEN_FIELDS];
    unsigned char     mac[crypto_auth_BYTES], given[crypto_auth_BYTES];
    const chat_key_t *key;

    if (text->len > CHAT_TOKEN_MAX
        || chat_token_split(text, fields) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    if (!chat_str_eq_c(&fields[CHAT_TOKEN_V], CHAT_TOKEN_VERSION)
        || chat_str_u64(&fields[CHAT_TOKEN_KID], &kid) != CHAT_OK
        || chat_str_u64(&fields[CHAT_TOKEN_SITE], &t->site) != CHAT_OK
        || !chat_visitor_valid(&fields[CHAT_TOKEN_VISITOR])
        || chat_str_u64(&fields[CHAT_TOKEN_ISSUED], &t->issued) != CHAT_OK
        || chat_str_u64(&fields[CHAT_TOKEN_EXPIRES], &t->expires) != CHAT_OK
        || chat_b64_parse(&fields[CHAT_TOKEN_MAC], given, sizeof(given))
           != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    key = chat_token_key(keys, kid);

    if (key == NULL) {
        return CHAT_DECLINED;
    }

    chat_token_mac(mac, text->data,
                   fields[CHAT_TOKEN_MAC].data - 1 - text->data, t->site,
                   key);

    if (sodium_memcmp(mac, given, sizeof(mac)) != 0) {
        return CHAT_ERROR;
    }

    memcpy(t->visitor, fields[CHAT_TOKEN_VISITOR].data, CHAT_VISITOR_LEN);

    if (t->site != site || t->expires <= now_s) {
        return CHAT_DECLINED;
    }

    return CHAT_OK;
}


static int
chat_token_split(const chat_str_t *text, chat_str_t fields[CHAT_TOKEN_FIELDS])
{
    size_t    i, start;
    unsigned  n;

    n = 0;
    start = 0;

    for (i = 0; i <= text->len; i++) {

        if (i < text->len && text->data[i] != '.') {
            continue;
        }

        if (n == CHAT_TOKEN_FIELDS) {
            return CHAT_ERROR;
        }

        fields[n].data = text->data + start;
        fields[n].len = i - start;
        n++;

        start = i + 1;
    }

    return n == CHAT_TOKEN_FIELDS ? CHAT_OK : CHAT_ERROR;
}


static void
chat_token_mac(unsigned char mac[crypto_auth_BYTES], const unsigned char *p,
    size_t n, uint64_t site, const chat_key_t *key)
{
    unsigned char  derived[crypto_auth_KEYBYTES];

    crypto_kdf_derive_from_key(derived, sizeof(derived), site,
                               CHAT_TOKEN_CONTEXT, key->key);
    crypto_auth(mac, p, n, derived);

    sodium_memzero(derived, sizeof(derived));
}


static const chat_key_t *
chat_token_key(const chat_keys_t *keys, uint64_t kid)
{
    uint32_t  i;

    for (i = 0; i < keys->n; i++) {

        if (keys->keys[i].kid == kid) {
            return &keys->keys[i];
        }
    }

    return NULL;
}


void
chat_visitor_print(unsigned char out[CHAT_VISITOR_LEN],
    const unsigned char rnd[16])
{
    chat_b64_print(out, rnd, 16);
}


/* Ids sort by time of creation: 42 bits of ms last until the year 2109. */

void
chat_dialog_id_print(unsigned char out[CHAT_DIALOG_LEN], uint64_t now_ms,
    uint32_t rnd)
{
    unsigned       i;
    uint64_t       id;
    unsigned char  bytes[8];

    id = now_ms << CHAT_DIALOG_RANDOM_BITS
         | (rnd & (((uint32_t) 1 << CHAT_DIALOG_RANDOM_BITS) - 1));

    for (i = 0; i < 8; i++) {
        bytes[i] = (id >> (56 - 8 * i)) & 0xff;
    }

    chat_hex_print(out, bytes, 8);
}


int
chat_visitor_valid(const chat_str_t *s)
{
    unsigned char  bytes[16];

    return s->len == CHAT_VISITOR_LEN
           && chat_b64_parse(s, bytes, sizeof(bytes)) == CHAT_OK;
}


int
chat_dialog_id_valid(const chat_str_t *s)
{
    unsigned char  bytes[8];

    return chat_hex_parse(s, bytes, sizeof(bytes)) == CHAT_OK;
}


int
chat_instance_valid(const chat_str_t *s)
{
    return s->len >= 8 && s->len <= 32 && chat_token_alphabet(s);
}


static int
chat_token_alphabet(const chat_str_t *s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_'))
        {
            return 0;
        }
    }

    return 1;
}
