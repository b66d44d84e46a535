
/*
 * Private to the blocking host: the connection (chat_sync.c) and the host of
 * operations on it (chat_sync_host.c).
 */

#ifndef _CHAT_SYNC_PRIVATE_H_INCLUDED_
#define _CHAT_SYNC_PRIVATE_H_INCLUDED_


#include "chat_sync.h"


/* A call that waits for its turn; call is NULL when its op was cancelled. */
typedef struct chat_sync_wait_s  chat_sync_wait_t;

struct chat_sync_wait_s {
    chat_sync_wait_t   *next;
    chat_call_t        *call;
    chat_call_e         kind;
};

struct chat_sync_s {
    chat_host_t         host;        /* first: hosts are cast back */
    redisContext       *redis;
    uint64_t            now;         /* a test's clock, or 0 */
    unsigned            timeout;
    chat_op_t          *ready;       /* linked through op->woken */
    chat_sync_wait_t   *waits, **last_wait;
    char                error[256];
};

extern const chat_host_t  chat_sync_calls;


#endif /* _CHAT_SYNC_PRIVATE_H_INCLUDED_ */
