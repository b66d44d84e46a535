
/*
 * Cursors: what nobody signed is refused; what is signed and accepted prints
 * as the same text.  The input is what precedes the mac, or a whole cursor.
 */

#include <stdlib.h>
#include <sodium.h>

#include "chat_cursor.h"
#include "chat_str.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const unsigned char  key[16] = { 1, 2, 3, 4, 5, 6, 7, 8,
                                        9, 10, 11, 12, 13, 14, 15, 16 };


static void
same_again(const chat_str_t *text, const chat_cursor_t *c)
{
    chat_str_t     again;
    unsigned char  buf[CHAT_CURSOR_MAX];

    again.data = buf;
    again.len = chat_cursor_print(buf, c, key) - buf;

    if (again.len > CHAT_CURSOR_MAX || !chat_str_eq(text, &again)) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chat_str_t      s;
    chat_cursor_t   c;
    unsigned char  *p, mac[crypto_shorthash_BYTES];

    /* as it is: room of its own, so that reading over the end is seen */

    p = malloc(size + 1 + chat_b64_len(sizeof(mac)));
    memcpy(p, data, size);
    s.data = p;
    s.len = size;

    if (chat_cursor_parse(&s, &c, key) == CHAT_OK) {
        same_again(&s, &c);
    }

    /* signed: now every byte of it is looked at */

    crypto_shorthash(mac, p, size, key);
    p[size] = '.';
    s.len = chat_b64_print(p + size + 1, mac, sizeof(mac)) - p;

    if (chat_cursor_parse(&s, &c, key) == CHAT_OK) {
        same_again(&s, &c);
    }

    free(p);

    return 0;
}
