
/*
 * Cursor = how far a client has seen the log:
 *     1.<epoch 8 hex>.<partition>:<ms>-<seq>[.<partition>:<ms>-<seq>]*.<mac>
 * mac = 11 base64url characters of SipHash-2-4 (crypto_shorthash) over what
 * precedes the last dot, so that nobody makes us search from made-up places.
 */

#ifndef _CHAT_CURSOR_H_INCLUDED_
#define _CHAT_CURSOR_H_INCLUDED_


#include "chat.h"
#include "chat_keys.h"


#define CHAT_CURSOR_MAX  768      /* bytes, for any ids */

typedef struct {
    uint32_t         epoch;
    uint32_t         n;
    struct {
        uint32_t     partition;
        chat_id_t    id;
    } at[CHAT_PARTITIONS];
} chat_cursor_t;

/* Needs CHAT_CURSOR_MAX bytes; returns the end. */
unsigned char *chat_cursor_print(unsigned char *p, const chat_cursor_t *c,
    const unsigned char key[16]);

/* CHAT_OK, CHAT_ERROR: damaged or forged. */
int chat_cursor_parse(const chat_str_t *text, chat_cursor_t *c,
    const unsigned char key[16]);


#endif /* _CHAT_CURSOR_H_INCLUDED_ */
