
/*
 * A token bucket in 16 bytes: `rate` a second, `burst` at once.
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


#endif /* _CHAT_RATE_H_INCLUDED_ */
