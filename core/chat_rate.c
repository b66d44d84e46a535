
/*
 * The token bucket.  One token is 1000 parts: rate parts come back each ms.
 * In the table a bucket is the moment when it is full again: a token taken
 * moves it on by the time of one.
 */

#include "chat_rate.h"


#define CHAT_RATE_TOKEN   1000

#define CHAT_RATE_MINUTE  60000          /* ms */
#define CHAT_RATE_BITS    40             /* of a cell: its time */
#define CHAT_RATE_TIME    ((UINT64_C(1) << CHAT_RATE_BITS) - 1)


static uint64_t *chat_rates_cell(chat_rates_t *t, uint64_t key,
    uint64_t now_ms, uint64_t *value);


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


uint64_t
chat_rates_take(chat_rates_t *t, uint64_t key, uint64_t now_ms, unsigned rate,
    unsigned burst)
{
    uint64_t  one, most, full, value, *cell;

    if (rate == 0) {
        return 0;
    }

    one = CHAT_RATE_MINUTE / rate;
    most = now_ms + one * (burst ? burst : 1);

    do {
        cell = chat_rates_cell(t, key, now_ms, &value);
        full = value & CHAT_RATE_TIME;

        if (full < now_ms || value >> CHAT_RATE_BITS != key >> CHAT_RATE_BITS)
        {
            full = now_ms;
        }

        if (full > most) {
            /* from before the bounds were lowered */
            full = most;
        }

        full += one;

        if (full > most) {
            return full - most;
        }

    } while (!__atomic_compare_exchange_n(cell, &value,
                 (key & ~CHAT_RATE_TIME) | full, 0, __ATOMIC_RELAXED,
                 __ATOMIC_RELAXED));

    return 0;
}


/* Its own, or else the one that is or will be full first. */

static uint64_t *
chat_rates_cell(chat_rates_t *t, uint64_t key, uint64_t now_ms,
    uint64_t *value)
{
    unsigned   i;
    uint64_t   v, *set, *cell;

    set = &t->cells[key % (CHAT_RATE_CELLS / CHAT_RATE_WAYS)
                    * CHAT_RATE_WAYS];
    cell = NULL;

    for (i = 0; i < CHAT_RATE_WAYS; i++) {
        v = __atomic_load_n(&set[i], __ATOMIC_RELAXED);

        if (v >> CHAT_RATE_BITS == key >> CHAT_RATE_BITS
            && (v & CHAT_RATE_TIME) > now_ms)
        {
            *value = v;
            return &set[i];
        }

        if (cell == NULL || (v & CHAT_RATE_TIME) < (*value & CHAT_RATE_TIME))
        {
            cell = &set[i];
            *value = v;
        }
    }

    return cell;
}
