
/*
 * What the files of a WebSocket share.
 *
 *   _ws.c       life of the socket, its timer
 *   _ws_in.c    bytes to messages
 *   _ws_out.c   frames that wait: the queue, its bounds, when they leave
 *   _ws_write.c frames to bytes, and the end of all
 *
 * Nobody else knows the struct (ngx_http_chat_ws.h).
 */

#ifndef _NGX_HTTP_CHAT_WS_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_WS_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_session_internal.h"
#include "ngx_http_chat_ws.h"


#define NGX_HTTP_CHAT_WS_INPUT      65536    /* bytes read at once */
#define NGX_HTTP_CHAT_WS_IOVS       64       /* frames written at once */
#define NGX_HTTP_CHAT_WS_CLOSING    5000     /* ms for the closing handshake */
#define NGX_HTTP_CHAT_WS_LONG       8        /* so many frames fill a queue,
                                                however long they are */


#define ngx_http_chat_ws_tls(c)     ((c)->ssl != NULL)


typedef struct ngx_http_chat_ws_out_s  ngx_http_chat_ws_out_t;

struct ngx_http_chat_ws_out_s {
    ngx_http_chat_ws_out_t    *next;
    ngx_http_chat_frame_t     *frame;
};

/* Bytes of a queued frame. */
#define ngx_http_chat_ws_size(out)                                           \
    ((out)->frame->ws_len + (out)->frame->len)

/*
 * As many as count when there must be room for one more.  A history may be
 * longer than the queue, and two long frames may wait together (a welcome and
 * an answer): whoever reads them slowly may go on pinging meanwhile.  An echo
 * has room for its longest messages, and all of every one counts: few bytes,
 * inflated, are many of them.
 */
#define ngx_http_chat_ws_weight(ws, out)                                     \
    ((ws)->paces ? ngx_http_chat_ws_size(out)                                \
                 : ngx_min(ngx_http_chat_ws_size(out),                       \
                           (ws)->queue_max / NGX_HTTP_CHAT_WS_LONG))

struct ngx_http_chat_ws_s {
    ngx_connection_t          *connection;
    ngx_http_chat_worker_t    *worker;

    const ngx_http_chat_ws_owner_t  *owner;
    void                      *data;         /* of the owner */
    ngx_http_chat_ws_deflate_t  *deflate;    /* NULL: not agreed */

    ngx_http_chat_ws_out_t    *out;
    ngx_http_chat_ws_out_t   **last;
    ngx_queue_t                late;         /* or lost; next == NULL: is
                                                neither */
    size_t                     queued;       /* bytes in out */
    size_t                     weight;       /* of them, what counts */
    size_t                     queue_max;
    uint32_t                   frames_max;
    uint32_t                   sent;         /* of the first frame */
    uint32_t                   n_out;

    ngx_http_chat_timer_t      timer;
    ngx_msec_t                 heard;        /* when bytes came last */
    ngx_msec_t                 pinged_at;
    ngx_msec_t                 progress;     /* when bytes left last */
    uint32_t                   ping;
    uint32_t                   stall;
    uint32_t                   taken;        /* by the peer, modulo 2^32, when
                                                that was asked last */

    chat_ws_t                  parser;

    uint64_t                   bytes_in;
    uint64_t                   bytes_out;
    uint16_t                   code;         /* for the log */
    unsigned                   pinged:1;
    unsigned                   closing:1;    /* our close frame is queued */
    unsigned                   closed:1;     /* the peer's came */
    unsigned                   failed:1;     /* it broke the protocol */
    unsigned                   shut:1;       /* our direction is shut down */
    unsigned                   eof:1;        /* its direction, after a close */
    unsigned                   held:1;       /* the owner waits for room */
    unsigned                   paused:1;     /* reading waits for room */
    unsigned                   paces:1;      /* ... when there is none */
    unsigned                   slow:1;
    unsigned                   lost:1;       /* waits to be closed */
    unsigned                   patient:1;    /* nothing waits that somebody
                                                waits for */
};


/* _ws.c */

/* The timer's handler: pings, stalls, the end of the closing handshake. */
void ngx_http_chat_ws_timer(ngx_http_chat_timer_t *t);
/* Sets the timer for whichever deadline is the next. */
void ngx_http_chat_ws_arm(ngx_http_chat_ws_t *ws);
/* The end of the connection, whatever was said before. */
void ngx_http_chat_ws_finish(ngx_http_chat_ws_t *ws);
/* The same in a moment: its peer is gone, perhaps with many others. */
void ngx_http_chat_ws_lost(ngx_http_chat_ws_t *ws);

/* _ws_in.c */

void ngx_http_chat_ws_read(ngx_event_t *rev);
/* Bytes, changed in place. */
void ngx_http_chat_ws_input(ngx_http_chat_ws_t *ws, u_char *p, size_t n);

/* _ws_write.c */

void ngx_http_chat_ws_write(ngx_event_t *wev);
/* What can leave at once does; NGX_ERROR: the connection is gone. */
ngx_int_t ngx_http_chat_ws_flush(ngx_http_chat_ws_t *ws);

/* _ws_out.c */

/* The handler of sessions->flush: sockets that are late are written to. */
void ngx_http_chat_ws_late_init(ngx_http_chat_late_t *l, ngx_log_t *log);
/* This one is not late any more, or lost. */
void ngx_http_chat_ws_unqueue(ngx_http_chat_ws_t *ws);
/* Is there room for one more frame?  What can leave does so first. */
ngx_uint_t ngx_http_chat_ws_room(ngx_http_chat_ws_t *ws);
/* Does half of what may wait, wait? */
ngx_uint_t ngx_http_chat_ws_crowded(ngx_http_chat_ws_t *ws);
void ngx_http_chat_ws_control(ngx_http_chat_ws_t *ws, int opcode,
    u_char *data, size_t len);
/* Drops what is queued; a frame that has begun to leave only if `all`. */
void ngx_http_chat_ws_drop(ngx_http_chat_ws_t *ws, ngx_uint_t all);
/* One that is out of the queue already: it waits no more. */
void ngx_http_chat_ws_free(ngx_http_chat_ws_t *ws,
    ngx_http_chat_ws_out_t *out);
void ngx_http_chat_ws_too_slow(ngx_http_chat_ws_t *ws);


#endif /* _NGX_HTTP_CHAT_WS_INTERNAL_H_INCLUDED_ */
