
/*
 * Base of everything: return codes, slices, the version.  Included by every
 * other header of core/.  core/ is pure: no I/O, no clock, no globals; hosts
 * (nginx, daemons, tests, fuzzers) bring memory, time and randomness.
 */

#ifndef _CHAT_H_INCLUDED_
#define _CHAT_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define CHAT_VERSION      "0.1.0"

/*
 * Major version of what is kept in Redis (keys, scripts, bodies).  A process
 * refuses to write to a store of another major version.
 */
#define CHAT_STORE_MAJOR  2


/* nginx's numbers, so that glue passes them through unchanged. */

#define CHAT_OK           0
#define CHAT_ERROR       -1    /* failed; details where the call says */
#define CHAT_AGAIN       -2    /* not complete: call again with more */
#define CHAT_BUSY        -3    /* a bound is reached; nothing was taken */
#define CHAT_DONE        -4
#define CHAT_DECLINED    -5    /* well-formed but refused or not found */


/*
 * A slice: not zero-terminated, not owned.  The layout is that of ngx_str_t
 * (asserted in ngx_http_chat_module.c), so pointers may be cast either way.
 */
typedef struct {
    size_t           len;
    unsigned char   *data;
} chat_str_t;

#define chat_string(s)     { sizeof(s) - 1, (unsigned char *) (s) }
#define chat_null_string   { 0, NULL }
#define chat_str_set(str, text)                                              \
    (str)->len = sizeof(text) - 1; (str)->data = (unsigned char *) (text)


/* A log id "<ms>-<seq>" (Redis stream id); {0,0} is "before everything". */
typedef struct {
    uint64_t         ms;
    uint64_t         seq;
} chat_id_t;


#endif /* _CHAT_H_INCLUDED_ */
