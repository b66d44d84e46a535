
/*
 * One run of yajl over a whole text, with what yajl does not do itself:
 * strict UTF-8, memory from the caller, the offset of every token.
 */

#ifndef _CHAT_YAJL_H_INCLUDED_
#define _CHAT_YAJL_H_INCLUDED_


#include <yajl/yajl_parse.h>

#include "chat_json.h"


/* The context of the callbacks begins with it. */
typedef struct {
    yajl_handle           yajl;
    const chat_str_t     *text;
    size_t                token;     /* offset of the current token */
    size_t                next;      /* after it */
} chat_yajl_t;


/*
 * Calls `callbacks` with ctx (whose first member is a chat_yajl_t).
 *
 * CHAT_OK     the text is one JSON value
 * CHAT_DONE   a callback returned 0: what that means is between the callback
 *             and the caller
 * CHAT_ERROR  *fault is filled
 */
int chat_yajl_run(const yajl_callbacks *callbacks, void *ctx,
    const chat_str_t *text, chat_mem_t *mem, chat_fault_t *fault);

/* To be called first by every callback: finds where the token stands. */
void chat_yajl_token(chat_yajl_t *y);

/*
 * The text of a string or key token.  yajl gives a pointer into the input if
 * there were no escapes, else into a buffer of its own, which is copied.
 * CHAT_ERROR: out of memory.  CHAT_DECLINED: half of a surrogate pair (yajl
 * makes "?" of it).
 */
int chat_yajl_string(chat_yajl_t *y, const unsigned char *data, size_t len,
    chat_str_t *s, chat_mem_t *mem);


#endif /* _CHAT_YAJL_H_INCLUDED_ */
