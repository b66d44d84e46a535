
/*
 * What workers know of the registry without asking: sites by name, logged in
 * operators by the hash of their cookie, signing keys.  Asked for once, kept
 * per worker in two bounded caches (the longest unused goes first), dropped
 * by ngx_http_chat_registry_drop() when the log says that an account changed.
 *
 * A look-up answers at once or later:
 *
 *   NGX_OK        *site or *login is set; valid until control returns to the
 *                 event loop, so copy what is needed
 *   NGX_DECLINED  there is no such thing
 *   NGX_BUSY      the store is away and this worker does not know
 *   NGX_AGAIN     `wait` was queued; its handler runs once, from the event
 *                 loop, with NGX_OK (look up again, it is there now) or one
 *                 of the other two
 *   NGX_ERROR     out of memory
 */

#ifndef _NGX_HTTP_CHAT_REGISTRY_H_INCLUDED_
#define _NGX_HTTP_CHAT_REGISTRY_H_INCLUDED_


#include "ngx_http_chat.h"
#include "chat_admin.h"


/* Who waits for an answer; embedded in the waiter, which zeroes it. */
typedef struct {
    ngx_queue_t               queue;
    void                    (*handler)(void *data, ngx_int_t rc);
    void                     *data;
    unsigned                  queued:1;
} ngx_http_chat_wait_t;

/* A logged in operator. */
typedef struct {
    u_char                    hash[CHAT_ADMIN_HASH_LEN];
    chat_session_rec_t        session;
    chat_operator_t           who;
    chat_roles_t              roles;
} ngx_http_chat_login_t;


/*
 * `hosts` not NULL: a site that is not there is created with these hosts and
 * an account of its own, by whoever is first.
 */
ngx_int_t ngx_http_chat_registry_site(ngx_http_chat_worker_t *w,
    ngx_str_t *name, ngx_str_t *hosts, ngx_http_chat_wait_t *wait,
    const chat_site_t **site);

/* The hash is that of chat_admin_cookie_hash().  Expired, ended or switched
 * off: NGX_DECLINED. */
ngx_int_t ngx_http_chat_registry_login(ngx_http_chat_worker_t *w,
    const u_char *hash, ngx_http_chat_wait_t *wait,
    const ngx_http_chat_login_t **login);

/*
 * Keys into the zone; the store's first key is made by whoever finds none.
 * NGX_OK: ngx_http_chat_registry_keys() has them.
 */
ngx_int_t ngx_http_chat_registry_keys_load(ngx_http_chat_worker_t *w,
    ngx_http_chat_wait_t *wait);

/* The waiter goes away; harmless when it does not wait. */
void ngx_http_chat_registry_cancel(ngx_http_chat_wait_t *wait);


#endif /* _NGX_HTTP_CHAT_REGISTRY_H_INCLUDED_ */
