
/*
 * permessage-deflate: what was offered never reads beyond its end and what is
 * agreed keeps to it; any bytes inflate within their bound or are refused,
 * with the same outcome for a stream that was used before; what was deflated
 * inflates to itself.
 *
 * Input: settings; then an offer, or a compressed message, or a message.
 */

#include <stdlib.h>

#include "chat_deflate.h"


#define MESSAGE_MAX  20000


static size_t  held;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void *
resize(void *data, void *p, size_t old, size_t size)
{
    held += size - old;

    if (held > 200000) {
        abort();
    }

    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


static const chat_ws_mem_t  memory = { resize, NULL };


static void
require(int ok)
{
    if (!ok) {
        abort();
    }
}


/* What we answer is itself an offer that we would answer the same way. */

static void
offer(const chat_str_t *in, int context)
{
    chat_str_t             text;
    unsigned char          answer[CHAT_DEFLATE_ANSWER_MAX];
    unsigned char          again[CHAT_DEFLATE_ANSWER_MAX];
    chat_deflate_params_t  params, same;

    if (chat_deflate_negotiate(in, context, &params) != CHAT_OK) {
        return;
    }

    require(params.server_bits >= 8 && params.server_bits <= 15);
    require(params.client_bits >= 8 && params.client_bits <= 15);
    require(context || chat_deflate_context_size(&params) == 0);

    text.data = answer;
    text.len = chat_deflate_answer(&params, answer) - answer;

    require(chat_deflate_negotiate(&text, context, &same) == CHAT_OK);
    require(chat_deflate_answer(&same, again) - again == (long) text.len);
    require(memcmp(answer, again, text.len) == 0);
}


/* The message twice: a stream that is reset must not remember anything. */

static void
inflate_any(const chat_str_t *in, size_t max)
{
    int              rc, again;
    chat_str_t       out, out2;
    chat_inflate_t  *fresh, *used;

    fresh = chat_inflate_create(15, &memory);
    used = chat_inflate_create(15, &memory);

    (void) chat_inflate_message(used, in, 0, MESSAGE_MAX, &out2);
    chat_inflate_free(used, &out2);

    rc = chat_inflate_message(fresh, in, 0, max, &out);
    again = chat_inflate_message(used, in, 0, max, &out2);

    require(rc == again);
    require(rc == CHAT_OK || rc == CHAT_ERROR || rc == CHAT_DECLINED);
    require(rc != CHAT_OK || out.len <= max);
    require(out.len == out2.len);
    require(out.len == 0 || memcmp(out.data, out2.data, out.len) == 0);

    chat_inflate_free(fresh, &out);
    chat_inflate_free(used, &out2);
    chat_inflate_destroy(fresh);
    chat_inflate_destroy(used);
}


/* Cut into messages at each byte that is 0 modulo 16. */

static void
round_trip(const chat_str_t *in, unsigned bits, int keep)
{
    size_t           len, n;
    chat_str_t       piece, packed, out;
    unsigned char   *dst;
    chat_deflate_t  *d;
    chat_inflate_t  *z;

    d = chat_deflate_create(bits, &memory);
    z = chat_inflate_create(bits, &memory);
    dst = malloc(in->len + 64);

    for (piece = *in; piece.len; piece.data += n, piece.len = len - n) {
        len = piece.len;

        for (n = 1; n < len && piece.data[n] % 16; n++) { /* void */ }

        piece.len = n;
        packed.data = dst;
        packed.len = chat_deflate_message(d, &piece, keep, dst,
                                          n % 3 ? n + 64 : n);
        require(packed.len || n % 3 == 0);

        if (packed.len == 0) {
            continue;
        }

        require(chat_inflate_message(z, &packed, keep, n, &out) == CHAT_OK);
        require(out.len == n && memcmp(out.data, piece.data, n) == 0);
        chat_inflate_free(z, &out);

        require(keep
                || chat_inflate_message(z, &packed, 0, n - 1, &out)
                   == CHAT_DECLINED);

        if (!keep) {
            chat_inflate_free(z, &out);
        }
    }

    free(dst);
    chat_deflate_destroy(d);
    chat_inflate_destroy(z);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chat_str_t  in;

    if (size < 2) {
        return 0;
    }

    held = 0;
    in.data = (unsigned char *) data + 2;
    in.len = size - 2;

    switch (data[0] & 3) {

    case 0:
        offer(&in, data[0] >> 2 & 1);
        break;

    case 1:
        inflate_any(&in, data[1] * 64);
        break;

    default:
        round_trip(&in, data[0] & 4 ? CHAT_DEFLATE_WIDE : CHAT_DEFLATE_NARROW,
                   data[0] >> 3 & 1);
        break;
    }

    require(held == 0);

    return 0;
}
