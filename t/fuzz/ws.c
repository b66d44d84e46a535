
/*
 * WebSocket parser: any split of any bytes gives the same events, nothing is
 * held after the end, and what is given lies within bounds.
 *
 * Input: settings, seed of the split, then the stream.
 */

#include <stdlib.h>

#include "chat_ws.h"


#define MESSAGE_MAX  4096


typedef struct {
    uint64_t  hash;
    uint64_t  count;
} outcome_t;

static size_t  held;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void *
resize(void *data, void *p, size_t old, size_t size)
{
    held += size - old;

    if (size > MESSAGE_MAX || held > 2 * MESSAGE_MAX) {
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
mix(outcome_t *out, uint64_t v)
{
    out->hash = (out->hash ^ v) * UINT64_C(1099511628211);
}


static void
record(outcome_t *out, int rc, const chat_ws_event_t *ev)
{
    size_t  i;

    out->count++;
    mix(out, rc == CHAT_ERROR);
    mix(out, ev->opcode);
    mix(out, ev->code);
    mix(out, ev->compressed);

    for (i = 0; i < ev->data.len; i++) {
        mix(out, ev->data.data[i]);
    }

    if (rc == CHAT_OK && ev->data.len > MESSAGE_MAX) {
        abort();
    }
}


static outcome_t
run(const uint8_t *data, size_t size, unsigned settings, uint32_t seed)
{
    int              rc;
    size_t           n;
    chat_ws_t        ws;
    outcome_t        out = { UINT64_C(1469598103934665603), 0 };
    unsigned char   *piece, *pos;
    chat_ws_event_t  ev;

    held = 0;
    chat_ws_init(&ws, MESSAGE_MAX, &memory);
    ws.client = settings & 1;
    ws.allow_rsv1 = settings >> 1;
    ws.fragments_max = settings & 4 ? 5 : 0;

    for (rc = CHAT_AGAIN; size && rc == CHAT_AGAIN; /* void */) {

        /* pieces of their own, so that reading over the end is seen */

        n = size;

        if (seed) {
            seed = seed * 1103515245 + 12345;
            n = 1 + (seed >> 16) % (seed & 0x100 ? 3 : 40);
            n = n > size ? size : n;
        }

        piece = malloc(n);
        memcpy(piece, data, n);
        data += n;
        size -= n;

        for (pos = piece; /* void */; /* void */) {
            rc = chat_ws_feed(&ws, &pos, piece + n, &ev);

            if (rc == CHAT_OK || rc == CHAT_ERROR) {
                record(&out, rc, &ev);
            }

            if (rc != CHAT_OK) {
                break;
            }
        }

        free(piece);
    }

    chat_ws_done(&ws);

    if (held) {
        abort();
    }

    return out;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    outcome_t  whole, split, bytes;

    if (size < 3) {
        return 0;
    }

    whole = run(data + 3, size - 3, data[0], 0);
    split = run(data + 3, size - 3, data[0], data[1] << 8 | data[2] | 1);
    bytes = run(data + 3, size - 3, data[0], 7);

    if (memcmp(&whole, &split, sizeof(whole)) != 0
        || memcmp(&whole, &bytes, sizeof(whole)) != 0)
    {
        abort();
    }

    return 0;
}
