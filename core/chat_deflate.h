
/*
 * permessage-deflate, RFC 7692, on zlib: what was offered, and single
 * messages in both directions.  No I/O; memory is the host's.
 *
 * A stream of zlib is some ten kilobytes, an idle connection shall cost one.
 * So nothing is kept between messages by default (no_context_takeover both
 * ways): then one stream serves every connection of a worker, and a message
 * to many is compressed once.
 */

#ifndef _CHAT_DEFLATE_H_INCLUDED_
#define _CHAT_DEFLATE_H_INCLUDED_


#include "chat_ws.h"


/*
 * Our window: chat frames are short, and a small window is quick to reset.
 * NARROW is for peers that ask for less; zlib cannot make 8 bits at all, to
 * such a peer nothing is sent compressed (which is always allowed).
 */
#define CHAT_DEFLATE_WIDE        12
#define CHAT_DEFLATE_NARROW      9

#define CHAT_DEFLATE_ANSWER_MAX  160


/* What was agreed. */
typedef struct {
    unsigned         server_no_context:1;    /* we forget */
    unsigned         client_no_context:1;    /* the client forgets */
    unsigned         server_bits:5;          /* 8 .. 15 */
    unsigned         client_bits:5;
    unsigned         tell_server_bits:1;     /* part of the answer */
    unsigned         tell_client_bits:1;
} chat_deflate_params_t;

typedef struct chat_deflate_s  chat_deflate_t;
typedef struct chat_inflate_s  chat_inflate_t;


/*
 * One Sec-WebSocket-Extensions of a client; `context`: may contexts be kept?
 *   CHAT_OK        *params is the first offer that can be served
 *   CHAT_DECLINED  none can: the connection goes on without
 *   CHAT_ERROR     not a list of extensions: 400 (RFC 6455, 9.1)
 * An unknown parameter, one given twice and a value out of its bounds decline
 * an offer (RFC 7692, 7.1), not the ones behind it.
 */
int chat_deflate_negotiate(const chat_str_t *list, int context,
    chat_deflate_params_t *params);

/* Our header, at most CHAT_DEFLATE_ANSWER_MAX bytes; returns the end. */
unsigned char *chat_deflate_answer(const chat_deflate_params_t *params,
    unsigned char *p);

/* Bytes the contexts of one connection can take; 0: it keeps none. */
size_t chat_deflate_context_size(const chat_deflate_params_t *params);

/* The window to compress with, WIDE or NARROW; 0: do not compress. */
unsigned chat_deflate_window(const chat_deflate_params_t *params);


/* NULL: out of memory.  `bits`: WIDE or NARROW. */
chat_deflate_t *chat_deflate_create(unsigned bits, const chat_ws_mem_t *mem);
void chat_deflate_destroy(chat_deflate_t *d);

/*
 * Compresses a message into dst; returns the length, or 0 if it does not
 * become shorter than `size` (then it is sent as it is).  `keep`: with what
 * came before as context.
 */
size_t chat_deflate_message(chat_deflate_t *d, const chat_str_t *in, int keep,
    unsigned char *dst, size_t size);

/*
 * What came before is forgotten: for when a message of a kept context does
 * not leave, since the client does not have what the next would refer to.
 */
void chat_deflate_forget(chat_deflate_t *d);


/* NULL: out of memory.  `bits`: the client's window. */
chat_inflate_t *chat_inflate_create(unsigned bits, const chat_ws_mem_t *mem);
void chat_inflate_destroy(chat_inflate_t *z);

/*
 * The message that `in` is, if it has at most `max` bytes.  Memory grows with
 * what comes out, never beyond max + 1.
 *   CHAT_OK        *out, of the host's memory: to be given back with
 *                  chat_inflate_free() in any case
 *   CHAT_DECLINED  more than max: close with 1009
 *   CHAT_ERROR     not a message by RFC 7692: close with 1007
 *   CHAT_BUSY      out of memory: close with 1011
 * After anything but CHAT_OK a stream that keeps contexts is of no use.
 */
int chat_inflate_message(chat_inflate_t *z, const chat_str_t *in, int keep,
    size_t max, chat_str_t *out);
void chat_inflate_free(chat_inflate_t *z, chat_str_t *out);


#endif /* _CHAT_DEFLATE_H_INCLUDED_ */
