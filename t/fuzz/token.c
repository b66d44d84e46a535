
/*
 * Visitor tokens: nothing but a token we signed is believed; a believed one
 * prints as the same text, and holds for its site and its time only.  The
 * input is what precedes the mac, or a whole token.  The other shapes of ids
 * are read, too.
 */

#include <stdlib.h>
#include <sodium.h>

#include "chat_token.h"
#include "chat_str.h"


#define NOW   1700000000
#define SITE  7


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static chat_keys_t  keys = { 1, { { 1, { 0 } } } };


static void
same_again(const chat_str_t *s)
{
    chat_str_t     t;
    chat_token_t   token, other;
    unsigned char  text[CHAT_TOKEN_MAX];

    if (chat_token_verify(s, SITE, NOW, &keys, &token) != CHAT_OK) {
        return;
    }

    t.data = text;
    t.len = chat_token_print(text, &token, &keys) - text;

    if (!chat_str_eq(s, &t) || token.site != SITE || token.expires <= NOW) {
        abort();
    }

    if (chat_token_verify(s, SITE, token.expires - 1, &keys, &other)
        != CHAT_OK)
    {
        abort();
    }

    if (chat_token_verify(s, SITE, token.expires, &keys, &other)
        != CHAT_DECLINED
        || chat_token_verify(s, SITE + 1, NOW, &keys, &other)
           != CHAT_DECLINED)
    {
        abort();
    }
}


/* The site that a text names: the key is derived from it. */

static uint64_t
site_of(unsigned char *p, size_t size)
{
    unsigned        n;
    uint64_t        site;
    chat_str_t      s;
    unsigned char  *dot, *end;

    end = p + size;

    for (n = 0; n < 2; n++) {
        dot = memchr(p, '.', end - p);

        if (dot == NULL) {
            return 0;
        }

        p = dot + 1;
    }

    dot = memchr(p, '.', end - p);

    s.data = p;
    s.len = (dot ? dot : end) - p;

    return chat_str_u64(&s, &site) == CHAT_OK ? site : 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chat_str_t      s;
    unsigned char  *copy, mac[crypto_auth_BYTES],
                    key[crypto_auth_KEYBYTES];

    /* exactly as long as it is, so that reading over the end is seen */

    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    s.data = copy;
    s.len = size;

    same_again(&s);

    if (chat_visitor_valid(&s) && s.len != CHAT_VISITOR_LEN) {
        abort();
    }

    if (chat_dialog_id_valid(&s) && s.len != CHAT_DIALOG_LEN) {
        abort();
    }

    if (chat_instance_valid(&s) && (s.len < 8 || s.len > 32)) {
        abort();
    }

    /* signed: now what it says is believed, if it is well said */

    copy = realloc(copy, size + 1 + chat_b64_len(sizeof(mac)));

    crypto_kdf_derive_from_key(key, sizeof(key), site_of(copy, size),
                               "chatvis1", keys.keys[0].key);
    crypto_auth(mac, copy, size, key);
    copy[size] = '.';

    s.data = copy;
    s.len = chat_b64_print(copy + size + 1, mac, sizeof(mac)) - copy;

    same_again(&s);

    free(copy);

    return 0;
}
