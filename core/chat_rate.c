
/*
 * The token bucket.  One token is 1000 parts: rate parts come back each ms.
 */

#include "chat_rate.h"


#define CHAT_RATE_TOKEN  1000


uint64_t
chat_rate_take(chat_rate_t *r, uint64_t now_ms, unsigned rate, unsigned burst)
{
    uint64_t  used, room, elapsed, back;

    if (rate == 0) {
        return 0;
    }

    used = r->used;
    elapsed = (now_ms > r->at_ms) ? now_ms - r->at_ms : 0;

    if (elapsed >= used / rate + 1) {
        used = 0;

    } else {
        used -= elapsed * rate;
    }

    room = (uint64_t) (burst ? burst : 1) * CHAT_RATE_TOKEN;

    if (used + CHAT_RATE_TOKEN <= room) {
        r->used = used + CHAT_RATE_TOKEN;
        r->at_ms = now_ms;
        return 0;
    }

    back = used + CHAT_RATE_TOKEN - room;

    return (back + rate - 1) / rate;
}
