
/*
 * What _attach.c and _attach_state.c share: a session on its way to live.
 */

#ifndef _NGX_HTTP_CHAT_ATTACH_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_ATTACH_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_session_internal.h"


struct ngx_http_chat_attach_s {
    ngx_queue_t                  queue;
    ngx_http_chat_session_t     *session;
    ngx_pool_t                  *pool;        /* of the operation */
    ngx_http_chat_owner_t        owner;
    ngx_http_chat_timer_t        timer;       /* to try again */

    chat_mem_t                   mem;
    chat_op_t                    op;
    chat_attach_t                read;
    chat_str_t                   instance;

    uint64_t                     from;        /* in the ring */
    uint32_t                     epoch;       /* there */
    chat_id_t                    seen;        /* all up to it is in a state
                                                 read after `from` */
    unsigned                     queued:1;
    unsigned                     running:1;
    unsigned                     ring:1;
    unsigned                     reset:1;
    unsigned                     store:1;     /* the ring was lapped: do not
                                                 try it again */
    unsigned                     whole:1;     /* too much has changed */
};


/* _attach.c */

/* The owner's handler of the operation. */
void ngx_http_chat_attach_done(ngx_http_chat_owner_t *o, chat_op_t *op);

/* _attach_state.c */

/* Asks the store.  NGX_ERROR: out of memory. */
ngx_int_t ngx_http_chat_attach_op(ngx_http_chat_attach_t *a);
/* Where the client is when it has processed the welcome. */
void ngx_http_chat_attach_position(ngx_http_chat_attach_t *a);
/* Whether events are to tell of dialogs he may lack. */
void ngx_http_chat_attach_viewing(ngx_http_chat_attach_t *a);
/* To which dialog belongs what a visitor does next. */
void ngx_http_chat_attach_dialog(ngx_http_chat_attach_t *a);
/* Which dialog was given as of when.  NGX_ERROR: out of memory. */
ngx_int_t ngx_http_chat_attach_snapshot(ngx_http_chat_attach_t *a);
/* NULL: out of memory. */
ngx_http_chat_frame_t *ngx_http_chat_attach_welcome(
    ngx_http_chat_attach_t *a);


#endif /* _NGX_HTTP_CHAT_ATTACH_INTERNAL_H_INCLUDED_ */
