
/*
 * WebSocket, RFC 6455, both roles, no I/O: bytes in, frames out.
 *
 * The parser is incremental and complete: any split of the stream gives the
 * same events.  It unmasks in place, assembles fragments up to a bound, lets
 * control frames pass between fragments, checks masking (5.1), reserved bits
 * and opcodes (5.2), control frame size and FIN (5.5), close codes and
 * reason (7.4, 5.5.1), and UTF-8 of text as it arrives (8.1).  Extensions
 * (permessage-deflate) hook in through allow_rsv1 and `compressed`.
 */

#ifndef _CHAT_WS_H_INCLUDED_
#define _CHAT_WS_H_INCLUDED_


#include "chat.h"


typedef enum {
    CHAT_WS_CONTINUATION = 0x0,
    CHAT_WS_TEXT = 0x1,
    CHAT_WS_BINARY = 0x2,
    CHAT_WS_CLOSE = 0x8,
    CHAT_WS_PING = 0x9,
    CHAT_WS_PONG = 0xa
} chat_ws_opcode_e;

/* Close codes, RFC 6455 7.4.1 and the IANA registry; 4000+ are ours. */
#define CHAT_WS_NORMAL          1000
#define CHAT_WS_GOING_AWAY      1001
#define CHAT_WS_PROTOCOL_ERROR  1002
#define CHAT_WS_UNSUPPORTED     1003
#define CHAT_WS_NO_STATUS       1005    /* never on the wire */
#define CHAT_WS_BAD_DATA        1007
#define CHAT_WS_POLICY          1008
#define CHAT_WS_TOO_BIG         1009
#define CHAT_WS_INTERNAL        1011
#define CHAT_WS_RESTART         1012
#define CHAT_WS_TRY_LATER       1013
#define CHAT_WS_UNAUTHORIZED    4001
#define CHAT_WS_SLOW            4008

/*
 * Memory for what must be kept between calls: an incomplete message or
 * control frame.  Nothing is held while a connection is idle.
 */
typedef struct {
    void  *(*resize)(void *data, void *p, size_t old, size_t size);
    void  *data;                       /* of resize: size 0 frees; NULL: no */
} chat_ws_mem_t;

/* Kept per connection: 80 bytes. */
typedef struct {
    const chat_ws_mem_t  *mem;
    unsigned char   *buf;              /* message so far */
    unsigned char   *control;          /* control payload so far */
    uint64_t         rest;             /* payload bytes still to come */
    uint32_t         len;              /* of buf */
    uint32_t         cap;
    uint32_t         message_max;      /* bytes of an assembled message */
    uint32_t         fragments_max;    /* per message; 0 = unbounded */
    uint32_t         fragments;
    uint32_t         utf8;

    /* settings */
    unsigned         client:1;         /* our role: frames to us unmasked */
    unsigned         allow_rsv1:1;

    /* state */
    unsigned         in_frame:1;       /* header is done, payload is not */
    unsigned         in_message:1;     /* between fragments */
    unsigned         fin:1;            /* of the current frame */
    unsigned         opcode:4;
    unsigned         message:4;        /* opcode of the current message */
    unsigned         compressed:1;
    unsigned         closed:1;         /* a close frame came */
    unsigned         spent:1;          /* buf was given out: free it */

    unsigned char    head[14];         /* header so far, then its mask */
    uint8_t          head_len;
    uint8_t          control_len;
} chat_ws_t;

typedef struct {
    int              opcode;           /* TEXT, BINARY, CLOSE, PING, PONG */
    unsigned         compressed:1;
    chat_str_t       data;             /* valid until the next call; CLOSE:
                                          the reason */
    uint16_t         code;             /* CLOSE: 1005 if none was given */
} chat_ws_event_t;


/*
 * As a server, without a bound of fragments and without extensions: set the
 * settings above afterwards.  `mem` outlives the parser.
 */
void chat_ws_init(chat_ws_t *ws, uint32_t message_max,
    const chat_ws_mem_t *mem);

/*
 * Consumes from *pos..last, moving *pos; the bytes are changed (unmasked).
 *   CHAT_OK     *ev is a whole message or control frame: handle, call again
 *   CHAT_AGAIN  everything is consumed, more is needed
 *   CHAT_DONE   bytes after a close frame: ignore the rest
 *   CHAT_ERROR  fail the connection with close code ev->code and ev->data as
 *               reason (static text); do not call again
 * A message that lies whole in the input is given without a copy.  Memory
 * grows with what arrived, never with what a header claims.
 */
int chat_ws_feed(chat_ws_t *ws, unsigned char **pos, unsigned char *last,
    chat_ws_event_t *ev);

/* Frees what an incomplete message holds. */
void chat_ws_done(chat_ws_t *ws);

/*
 * Header of an unmasked final frame into p (10 bytes at most); returns the
 * end.  rsv1: compressed.  The client form adds the mask (14 bytes) and
 * chat_ws_mask() applies it.
 */
unsigned char *chat_ws_header(unsigned char *p, int opcode, int rsv1,
    uint64_t len);
unsigned char *chat_ws_header_masked(unsigned char *p, int opcode, int rsv1,
    uint64_t len, const unsigned char mask[4]);
void chat_ws_mask(unsigned char *p, size_t n, const unsigned char mask[4],
    size_t offset);

/* May this code stand in a close frame (7.4)? */
int chat_ws_code_valid(unsigned code);

/* Is it a Sec-WebSocket-Key: base64 of 16 bytes?  CHAT_OK or CHAT_ERROR. */
int chat_ws_key_valid(const chat_str_t *key);


#endif /* _CHAT_WS_H_INCLUDED_ */
