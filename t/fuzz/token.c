
/*
 * Visitor tokens: nothing but a token we signed is believed; a believed one
 * prints as the same text.  The other shapes of ids are read, too.
 */

#include <stdlib.h>

#include "chat_token.h"
#include "chat_str.h"


#define NOW  1700000000


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chat_str_t      s, t;
    chat_keys_t     keys;
    chat_token_t    token;
    unsigned char  *copy, text[CHAT_TOKEN_MAX];

    memset(&keys, 0, sizeof(keys));
    keys.n = 1;
    keys.keys[0].kid = 1;

    /* exactly as long as it is, so that reading over the end is seen */

    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    s.data = copy;
    s.len = size;

    if (chat_token_verify(&s, 7, NOW, &keys, &token) == CHAT_OK) {
        t.data = text;
        t.len = chat_token_print(text, &token, &keys) - text;

        if (!chat_str_eq(&s, &t) || token.site != 7 || token.expires <= NOW) {
            abort();
        }
    }

    if (chat_visitor_valid(&s) && s.len != CHAT_VISITOR_LEN) {
        abort();
    }

    if (chat_dialog_id_valid(&s) && s.len != CHAT_DIALOG_LEN) {
        abort();
    }

    if (chat_instance_valid(&s) && (s.len < 8 || s.len > 32)) {
        abort();
    }

    free(copy);

    return 0;
}
