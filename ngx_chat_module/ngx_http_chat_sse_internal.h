
/*
 * What the two files of an event stream share: _sse.c, its life, and
 * _sse_out.c, frames to bytes.
 */

#ifndef _NGX_HTTP_CHAT_SSE_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_SSE_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_http.h"


typedef struct {
    ngx_http_chat_req_t       *req;
    ngx_http_chat_session_t   *session;
    ngx_http_chat_frame_t    **frames;      /* ring of `size` pointers */
    ngx_uint_t                 first;
    ngx_uint_t                 n;
    ngx_uint_t                 size;
    size_t                     queued;      /* bytes in frames */
    u_char                    *start;       /* what is being sent */
    size_t                     room;
    ngx_buf_t                  buf;
    off_t                      sent;        /* when the stall timer began */
    ngx_event_t                flush;       /* posted */
    ngx_event_t                beat;        /* timer */
    unsigned                   opened:1;
    unsigned                   beating:1;   /* a comment is due */
    unsigned                   closing:1;
    unsigned                   held:1;      /* events wait for room */
    unsigned                   slow:1;
} ngx_http_chat_sse_t;


/* The request's write handler: what is due leaves, or the stream ends. */
void ngx_http_chat_sse_write(ngx_http_request_t *r);

/* Lets the session go; nothing comes from it any more. */
void ngx_http_chat_sse_cancel(ngx_http_chat_req_t *q);


#endif /* _NGX_HTTP_CHAT_SSE_INTERNAL_H_INCLUDED_ */
