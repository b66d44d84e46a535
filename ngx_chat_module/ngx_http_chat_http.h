
/*
 * Everything HTTP.  chat_path, and every address of a cabinet's host, is
 * claimed right after the request was read: rewrites, vhost authentication,
 * try_files and locations do not apply to it.
 *
 * A request goes through steps (route, site, identity, body), each of which
 * may wait for the store, and then to the handler of its row in the table of
 * routes.
 */

#ifndef _NGX_HTTP_CHAT_HTTP_H_INCLUDED_
#define _NGX_HTTP_CHAT_HTTP_H_INCLUDED_


#include "ngx_http_chat_registry.h"
#include "ngx_http_chat_session.h"


typedef struct ngx_http_chat_req_s  ngx_http_chat_req_t;

/* Returns what ngx_http_finalize_request() takes; NGX_DONE: the handler keeps
 * the request (it has called ngx_http_chat_http_hold()). */
typedef ngx_int_t (*ngx_http_chat_handler_pt)(ngx_http_chat_req_t *q);

#define NGX_HTTP_CHAT_SITE      0x01    /* below chat_path: find the site */
#define NGX_HTTP_CHAT_VISITOR   0x02    /* a visitor's token is needed */
#define NGX_HTTP_CHAT_OPERATOR  0x04    /* an operator's login is needed */
#define NGX_HTTP_CHAT_ORIGIN    0x08    /* Origin must be there, not only be
                                           right when it is */
#define NGX_HTTP_CHAT_CSRF      0x10    /* X-CSRF of the login */
#define NGX_HTTP_CHAT_JSON      0x20    /* takes a JSON body */
#define NGX_HTTP_CHAT_HOLDS     0x40    /* long-lived: chat_connections */

typedef struct {
    ngx_uint_t                      method;   /* NGX_HTTP_GET: HEAD too */
    ngx_str_t                       path;     /* ends in "/": a prefix */
    ngx_http_chat_handler_pt        handler;
    ngx_uint_t                      flags;
} ngx_http_chat_route_t;

/* Our side of a request: its module context. */
struct ngx_http_chat_req_s {
    ngx_http_request_t             *request;
    ngx_http_chat_worker_t         *worker;
    ngx_http_chat_srv_conf_t       *scf;
    ngx_http_chat_loc_conf_t       *lcf;
    const ngx_http_chat_route_t    *route;
    ngx_str_t                       rest;     /* path after the route's */
    ngx_uint_t                      step;
    ngx_int_t                       waited;   /* outcome of the last wait */
    ngx_http_chat_wait_t            wait;
    ngx_http_chat_identity_t        who;      /* site's part comes first */
    chat_session_rec_t              session;  /* operator's, copied */
    ngx_str_t                       body;
    const chat_fault_t             *fault;    /* what is wrong with body */
    void                           *data;     /* of the handler */
    void                          (*cancel)(ngx_http_chat_req_t *q);
                                              /* request ends early or late:
                                                 the handler lets go */
    unsigned                        cabinet:1;
    unsigned                        again:1;  /* a wait came to an end */
    unsigned                        body_read:1;
    unsigned                        call:1;   /* in w->calls */
};


/*
 * Steps of _identity.c: NGX_DECLINED to go on, NGX_AGAIN when the store was
 * asked, else what to finalize with.  site: which site this address serves,
 * and whether Host and Origin are its own.  identity: who asks.
 */
ngx_int_t ngx_http_chat_http_site(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_http_identity(ngx_http_chat_req_t *q);

/*
 * Steps of _http_body.c, of routes that take JSON: is one announced, and not
 * too long; and q->body, for which NGX_DONE is returned: run() goes on when
 * all of it came.
 */
ngx_int_t ngx_http_chat_http_form(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_http_body(ngx_http_chat_req_t *q);

/* From q->step on, until a step waits or answers. */
ngx_int_t ngx_http_chat_http_run(ngx_http_chat_req_t *q);

/* The visitor's token of a request: NGX_OK, or as look-ups of the registry. */
ngx_int_t ngx_http_chat_http_token(ngx_http_chat_req_t *q,
    chat_token_t *token);
ngx_int_t ngx_http_chat_http_waited(ngx_http_chat_req_t *q, ngx_int_t rc,
    ngx_uint_t declined);

/*
 * Answers (_answer.c), each returns what to finalize the request with.  An
 * error frame comes from chat_errors[], with its HTTP status; retry_ms is
 * told in the frame and as Retry-After.
 */
ngx_int_t ngx_http_chat_http_error(ngx_http_chat_req_t *q, ngx_uint_t error,
    ngx_msec_t retry_ms);
ngx_int_t ngx_http_chat_http_object(ngx_http_chat_req_t *q,
    const chat_type_t *type, const void *object);
ngx_int_t ngx_http_chat_http_text(ngx_http_chat_req_t *q, ngx_uint_t status,
    ngx_str_t *text);
ngx_int_t ngx_http_chat_http_empty(ngx_http_chat_req_t *q);      /* 204 */

/* A response header; the value is not copied. */
ngx_int_t ngx_http_chat_http_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);

/* A request header by its lower-case name; the first of several, or NULL. */
ngx_str_t *ngx_http_chat_http_in(ngx_http_request_t *r, const char *name);
ngx_int_t ngx_http_chat_http_cookie(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);

/* Argument of the query, unescaped; empty when absent. */
ngx_int_t ngx_http_chat_http_arg(ngx_http_request_t *r, const char *name,
    chat_str_t *value);

/*
 * The request outlives the handler: count it, watch the client.  Later
 * ngx_http_chat_http_finish() ends it from wherever in the event loop.
 */
ngx_int_t ngx_http_chat_http_hold(ngx_http_chat_req_t *q);
void ngx_http_chat_http_finish(ngx_http_chat_req_t *q, ngx_int_t rc);

/* A session begins: it is counted by chat_connections, its request not. */
void ngx_http_chat_http_seat(ngx_http_chat_req_t *q);

/* Plain HTTP is good enough for a password only on the machine itself. */
ngx_uint_t ngx_http_chat_http_secure(ngx_http_request_t *r);
ngx_uint_t ngx_http_chat_http_loopback(ngx_http_request_t *r);

/* Name of the operator's cookie here, __Host-chat over TLS. */
ngx_str_t *ngx_http_chat_http_cookie_name(ngx_http_request_t *r);


/* Handlers of routes, one file each. */

ngx_int_t ngx_http_chat_visitor_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_ws_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_sse_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_poll_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_send_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_widget_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_cabinet_handler(ngx_http_chat_req_t *q);

ngx_int_t ngx_http_chat_admin_login_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_admin_logout_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_admin_me_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_admin_sessions_handler(ngx_http_chat_req_t *q);
ngx_int_t ngx_http_chat_admin_revoke_handler(ngx_http_chat_req_t *q);


/*
 * Password checks on the thread pool (_pwhash.c): CHAT_CALL_PWHASH of the
 * host of operations.  At most NGX_HTTP_CHAT_CHECKS run at once on this node,
 * whoever asks: CHAT_BUSY beyond it.  `call` stays valid until
 * chat_op_reply() or ngx_http_chat_pwhash_forget().
 */
int ngx_http_chat_pwhash_send(ngx_http_chat_worker_t *w, chat_call_t *call);
void ngx_http_chat_pwhash_forget(ngx_http_chat_worker_t *w, chat_op_t *op);


#endif /* _NGX_HTTP_CHAT_HTTP_H_INCLUDED_ */
