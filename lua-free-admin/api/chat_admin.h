
/*
 * Operations of the cabinet's HTTP API, without HTTP: request in, result out,
 * one table of steps each (core/chat_op.h).  Routing, cookies, Origin, CSRF
 * and JSON texts are the host's business (ngx_http_chat_admin.c).
 *
 *     op->rc CHAT_DONE   the out fields are filled
 *     op->rc CHAT_ERROR  op->error (chat_error_e), op->retry_ms if temporary
 *
 * A session is a random cookie; the store knows only its BLAKE2b hash, so
 * that who reads the store cannot log in with what he found.
 */

#ifndef _CHAT_ADMIN_H_INCLUDED_
#define _CHAT_ADMIN_H_INCLUDED_


#include "chat_op.h"
#include "chat_store.h"


#define CHAT_ADMIN_HASH_LEN        32      /* raw; 64 hex digits in keys */
#define CHAT_ADMIN_COOKIE_LEN      43      /* base64url of 32 random bytes */
#define CHAT_ADMIN_CSRF_LEN        43
#define CHAT_ADMIN_ID_LEN          16      /* public name of a session */

/*
 * From login to the end of the session; the cookie's Max-Age is the same.
 * Fixed, not sliding: a stolen cookie ends too.
 */
#define CHAT_ADMIN_SESSION_S       (14 * 86400)

/*
 * Failed logins within the window after which the door is closed for its
 * rest.  An address may be a whole office behind NAT; a login is one person.
 */
#define CHAT_ADMIN_THROTTLE_S      900
#define CHAT_ADMIN_THROTTLE_LOGIN  10
#define CHAT_ADMIN_THROTTLE_ADDR   50

#define CHAT_ADMIN_ADDR_MAX        32
#define CHAT_ADMIN_AGENT_MAX       200     /* bytes kept of a User-Agent */

/*
 * Cookie names.  The first only over TLS: browsers refuse the prefix on
 * plain HTTP, which is allowed on loopback only.
 */
#define CHAT_ADMIN_COOKIE          "__Host-chat"
#define CHAT_ADMIN_COOKIE_PLAIN    "chat"


/*
 * Shape and hash of a cookie's value.  CHAT_ERROR: not one of ours; do not
 * ask the store.  The hex form of the hash is the H of chat_session_get_cmd().
 */
int chat_admin_cookie_hash(const chat_str_t *cookie,
    unsigned char hash[CHAT_ADMIN_HASH_LEN]);

/*
 * What logins are counted by: an IPv4 address, or the /64 of an IPv6 one
 * (a client has all of it).  `addr` is the binary form of 4 or 16 bytes in
 * network order; any other length (unix socket) gives "local".  Returns the
 * length; `out` needs CHAT_ADMIN_ADDR_MAX bytes.
 */
size_t chat_admin_address(unsigned char *out, const void *addr, size_t len);

/* Constant time; 1 = the header's value is the session's. */
int chat_admin_csrf_ok(const chat_session_rec_t *s, const chat_str_t *value);


/*
 * POST /api/v1/login.  Errors: throttled (retry_ms), bad_credentials (also
 * for unknown and disabled logins, after the same work), forbidden (right
 * password, but no role on the one `site` this host is limited to), busy
 * (two password checks are running on this node), store_down, store_full.
 */
typedef struct {
    /* in */
    chat_str_t           login;
    chat_str_t           password;
    chat_str_t           address;    /* chat_admin_address() */
    chat_str_t           ip;         /* to show in the list of sessions */
    chat_str_t           agent;      /* User-Agent, any length */
    uint64_t             site;       /* 0: the cabinet's own host; else the
                                        session is limited to this one */
    /* out */
    unsigned char        cookie[CHAT_ADMIN_COOKIE_LEN];
    unsigned char        hash[CHAT_ADMIN_HASH_LEN];
    chat_session_rec_t   session;
    chat_me_view_t       me;         /* the answer */

    /* survives between steps */
    chat_str_t           lower;
    chat_str_t           keys[2];    /* throttle: login, address */
    chat_operator_t      who;
    chat_pwhash_t        check;
    int                  verdict;    /* chat_error_e; 0 = let in */
    struct chat_admin_view_s  *view;
} chat_admin_login_t;

extern const chat_step_t  chat_admin_login_steps[];


/* GET /api/v1/me */
typedef struct {
    /* in */
    chat_session_rec_t   session;
    /* out */
    chat_me_view_t       me;

    chat_operator_t      who;
    struct chat_admin_view_s  *view;
} chat_admin_me_t;

extern const chat_step_t  chat_admin_me_steps[];


/* POST /api/v1/logout: ends `session`; it is no error if it had ended. */
typedef struct {
    /* in */
    unsigned char        hash[CHAT_ADMIN_HASH_LEN];
    chat_session_rec_t   session;
} chat_admin_logout_t;

extern const chat_step_t  chat_admin_logout_steps[];


/* GET /api/v1/sessions: the operator's own, newest first. */
typedef struct {
    /* in */
    unsigned char        hash[CHAT_ADMIN_HASH_LEN];    /* the current one */
    chat_session_rec_t   session;
    /* out */
    chat_sessions_view_t view;

    chat_str_t          *hashes;     /* hex, as the store lists them */
    size_t               n;
    size_t               at;         /* fetched so far */
    size_t               asked;      /* in this round */
} chat_admin_sessions_t;

extern const chat_step_t  chat_admin_sessions_steps[];


/* DELETE /api/v1/sessions/{id}.  Errors: not_found. */
typedef struct {
    /* in */
    unsigned char        hash[CHAT_ADMIN_HASH_LEN];    /* the current one */
    chat_session_rec_t   session;
    chat_str_t           id;
    /* out */
    int                  current;    /* it was this one: drop the cookie */

    chat_str_t           found;      /* hex hash of the session to end */
} chat_admin_revoke_t;

extern const chat_step_t  chat_admin_revoke_steps[];


#endif /* _CHAT_ADMIN_H_INCLUDED_ */
