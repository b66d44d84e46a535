
/*
 * A token bucket in 16 bytes: `rate` a second, `burst` at once.  And buckets
 * of anybody who comes along, in a table that never grows.
 */

#ifndef _CHAT_RATE_H_INCLUDED_
#define _CHAT_RATE_H_INCLUDED_


#include "chat.h"


/* Zeroed = full. */
typedef struct {
    uint64_t         at_ms;        /* when it was looked at last */
    uint64_t         used;         /* thousandths taken and not yet refilled */
} chat_rate_t;


/*
 * Takes one: 0, or, taking nothing, the ms after which there will be one.
 * A clock that steps back refills nothing.  rate 0 = no limit.
 */
uint64_t chat_rate_take(chat_rate_t *r, uint64_t now_ms, unsigned rate,
    unsigned burst);


#define CHAT_RATE_WAYS   4
#define CHAT_RATE_CELLS  (2048 * CHAT_RATE_WAYS)

/*
 * Zeroed = all full.  May be shared by processes: a cell is one word, 24 bits
 * of its owner's key and the 40 bits of the ms when its bucket is full again.
 */
typedef struct {
    uint64_t         cells[CHAT_RATE_CELLS];
} chat_rates_t;


/*
 * The same for the bucket of `key`, which is evenly distributed (a hash that
 * nobody can foresee): `rate` a minute, 1 to 60000.  When its place is taken
 * by others who are all short of tokens, the one who has most is forgotten:
 * a flood of keys makes the table forget, not refuse.
 */
uint64_t chat_rates_take(chat_rates_t *t, uint64_t key, uint64_t now_ms,
    unsigned rate, unsigned burst);


#endif /* _CHAT_RATE_H_INCLUDED_ */
