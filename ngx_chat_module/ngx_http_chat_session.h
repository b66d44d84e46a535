
/*
 * A session: one client behind any transport.  The transport gives it whole
 * command texts and takes whole frame texts; identity, attach without a gap,
 * rate limit, single-flight writes and bounded queues are here.
 */

#ifndef _NGX_HTTP_CHAT_SESSION_H_INCLUDED_
#define _NGX_HTTP_CHAT_SESSION_H_INCLUDED_


#include "ngx_http_chat.h"


/*
 * An encoded frame, shared by reference within the worker: text only; each
 * transport wraps it ("data: ", comma).  The unmasked WebSocket header of
 * ws_len bytes stands right before data, so that one iovec is enough.
 */
typedef struct ngx_http_chat_frame_s  ngx_http_chat_frame_t;

#define NGX_HTTP_CHAT_FRAME_PACKED  2        /* compressed forms */

struct ngx_http_chat_frame_s {
    ngx_uint_t        refs;
    u_char           *data;
    size_t            len;
    chat_str_t        cursor;      /* for SSE's id: */
    unsigned          kind:8;      /* CHAT_FRAME_* */
    unsigned          ws_len:8;
    unsigned          durable:1;   /* carries a cursor */
    unsigned          compressed:1;
    unsigned          solid:2;     /* by form: compressing does not pay */
    unsigned          spare:2;     /* its block's kind, + 1; 0: malloc() */
    unsigned          retry_s:12;  /* of a temporary error */
    ngx_http_chat_frame_t  *packed[NGX_HTTP_CHAT_FRAME_PACKED];
};

/* Room for size bytes, len 0, one reference.  NULL: out of memory. */
ngx_http_chat_frame_t *ngx_http_chat_frame_alloc(size_t size);
/* len is final: writes the WebSocket header. */
void ngx_http_chat_frame_seal(ngx_http_chat_frame_t *f);
void ngx_http_chat_frame_free(ngx_http_chat_frame_t *f);   /* drops a ref */


typedef struct {
    const char  *name;
    /*
     * Answers are gathered (long poll): a resume that brings nothing stays
     * silent instead of sending a welcome.
     */
    unsigned     quiet:1;
    /* Takes a reference.  Never calls back into the session; a transport
     * over its bounds marks itself and closes from a posted event. */
    void       (*send)(ngx_http_chat_session_t *s, ngx_http_chat_frame_t *f);
    /* The same for what nobody waits for: a moment later, in its turn.
     * NULL: as `send`. */
    void       (*later)(ngx_http_chat_session_t *s,
        ngx_http_chat_frame_t *f);
    /* Ends the connection after what was sent: WebSocket close code and
     * reason, or the end of the response. */
    void       (*close)(ngx_http_chat_session_t *s, ngx_uint_t code,
        ngx_str_t *reason);
    /*
     * Does enough wait for the client already?  Then events are left in the
     * ring and commands in their queue until ngx_http_chat_session_drained();
     * answers to commands may still come.  NULL: never.
     */
    ngx_uint_t (*full)(ngx_http_chat_session_t *s);
    /* Quiet ones: what the client says it was told of who is there
     * (ngx_http_chat_session_known()); empty: it does not say. */
    chat_str_t  *(*knows)(ngx_http_chat_session_t *s);
} ngx_http_chat_transport_t;


/* Who is at the other end; filled by _http.c before the session starts. */
typedef struct {
    int               kind;        /* CHAT_ACTOR_KIND_VISITOR or _OPERATOR */
    uint64_t          account;
    uint64_t          site;        /* visitor's; operator: 0 or the only one */
    u_char            visitor[CHAT_VISITOR_LEN];
    uint64_t          operator_id;
    ngx_str_t         name;        /* operator's, copied by the session */
    chat_roles_t      roles;       /* operator's, copied */
    chat_rules_t      rules;       /* visitor: of the site */
    u_char            login[32];   /* operator: session key hash, raw */
} ngx_http_chat_identity_t;


/*
 * Is there room for one more connection of chat?  NGX_BUSY: answer 503 with
 * Retry-After; counted.  A session counts from create to close.
 */
ngx_int_t ngx_http_chat_sessions_room(ngx_http_chat_worker_t *w);
/* The same for a request, which is in w->calls already. */
ngx_int_t ngx_http_chat_sessions_share(ngx_http_chat_worker_t *w);

/* NULL: out of memory.  lcf's limits are copied. */
ngx_http_chat_session_t *ngx_http_chat_session_create(
    ngx_http_chat_worker_t *w, const ngx_http_chat_identity_t *who,
    const ngx_http_chat_transport_t *t, void *transport_data,
    ngx_http_chat_loc_conf_t *lcf);

/* One command text (not kept).  Answers come through transport->send. */
void ngx_http_chat_session_input(ngx_http_chat_session_t *s,
    const chat_str_t *text);

/* SSE and long poll: the same as a hello with these. */
void ngx_http_chat_session_hello(ngx_http_chat_session_t *s,
    const chat_str_t *instance, const chat_str_t *cursor);

/* From the event loop: what waited for the client has left. */
void ngx_http_chat_session_drained(ngx_http_chat_session_t *s);

/*
 * Who is there, in NGX_HTTP_CHAT_PRESENCE_LEN bytes: of the same length and
 * different when somebody came or went.  NGX_DECLINED: the client does not
 * know all of it yet.
 */
#define NGX_HTTP_CHAT_PRESENCE_LEN  8

ngx_int_t ngx_http_chat_session_known(ngx_http_chat_session_t *s,
    u_char *p);

/* The transport is gone; the session is freed, ops are cancelled. */
void ngx_http_chat_session_close(ngx_http_chat_session_t *s);

void *ngx_http_chat_session_transport(ngx_http_chat_session_t *s);

/*
 * The WebSocket transport; to be called from a content handler once identity,
 * Origin and room are settled.  NGX_DONE: the request is taken over; else the
 * status to answer: 400, 405, 426 (with its headers set), 500.
 */
ngx_int_t ngx_http_chat_ws_upgrade(ngx_http_request_t *r,
    ngx_http_chat_worker_t *w, const ngx_http_chat_identity_t *who,
    ngx_http_chat_loc_conf_t *lcf);

/*
 * POST: one command of a client without a session of its own.  The answer (an
 * ack, error, history or pong frame; pong also for typing) is given to `done`
 * exactly once, later, never from within this call; `done` takes the frame's
 * reference.  `status` is CHAT_E_* or 0 and becomes the HTTP status.
 * `cursor` may be empty: what the client has seen; it is given a history of
 * that epoch only.  NULL: out of memory.
 */
typedef void (*ngx_http_chat_command_pt)(void *data, ngx_uint_t status,
    ngx_http_chat_frame_t *f);

void *ngx_http_chat_command(ngx_http_chat_worker_t *w,
    const ngx_http_chat_identity_t *who, const chat_str_t *text,
    const chat_str_t *instance, const chat_str_t *cursor,
    ngx_http_chat_loc_conf_t *lcf, ngx_http_chat_command_pt done, void *data);
void ngx_http_chat_command_cancel(void *command);


#endif /* _NGX_HTTP_CHAT_SESSION_H_INCLUDED_ */
