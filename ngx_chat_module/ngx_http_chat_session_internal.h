
/*
 * What the files of the session layer share (docs/internals/session.md).
 *
 *   _session.c   life of a session, ends, drain
 *   _session_index.c  by client and account; who takes whose place
 *   _session_login.c  an operator's login, while he is here
 *   _who.c       identities
 *   _attach.c    from hello to live: ring or store
 *   _attach_state.c   what it asks of the store, the welcome
 *   _command.c   the command table, limits and rights
 *   _post.c      a command that came by POST, without a session
 *   _job.c       the queue of a session, what goes to the store, answers
 *   _dispatch.c  entries of the ring to frames, frames to sessions
 *   _account.c   what a worker knows of an account: people, sites, presence
 *   _load.c      ... and how it reads it
 *   _typing.c    who may show that he types
 *   _frame.c     frames
 */

#ifndef _NGX_HTTP_CHAT_SESSION_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_SESSION_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_session.h"
#include "ngx_http_chat_registry.h"
#include "ngx_http_chat_wheel.h"

#include "chat_attach.h"
#include "chat_cursor.h"
#include "chat_rate.h"
#include "chat_rights.h"
#include "chat_str.h"
#include "chat_write.h"


#define NGX_HTTP_CHAT_POSTERS   1024     /* senders by POST, hashed */
#define NGX_HTTP_CHAT_RETRY     500      /* ms, when nobody knows better */

#define ngx_http_chat_of(p, type, member)                                    \
    ((type *) ((u_char *) (p) - offsetof(type, member)))


typedef struct ngx_http_chat_account_s  ngx_http_chat_account_t;
typedef struct ngx_http_chat_attach_s   ngx_http_chat_attach_t;
typedef struct ngx_http_chat_job_s      ngx_http_chat_job_t;
typedef struct ngx_http_chat_load_s     ngx_http_chat_load_t;
typedef struct ngx_http_chat_ws_zlib_s  ngx_http_chat_ws_zlib_t;


/* What only operators have: one allocation beside the session. */
typedef struct {
    chat_str_t                   name;
    chat_roles_t                 roles;
    u_char                       login[CHAT_ADMIN_HASH_LEN];
} ngx_http_chat_operator_t;

/* Who gives a command: of a session, or of a single POST. */
typedef struct {
    int                          kind;
    uint64_t                     account;
    uint64_t                     site;        /* operator: the only one or 0 */
    uint64_t                     operator_id;
    u_char                       visitor[CHAT_VISITOR_LEN];
    chat_rules_t                 rules;
    ngx_http_chat_operator_t    *operator;    /* NULL: a visitor */
} ngx_http_chat_who_t;


/*
 * What a snapshot of dialogs already contains: kept until the ring is past
 * it, so that nothing of it is sent again.
 */
typedef struct {
    chat_id_t                    max;
    ngx_uint_t                   n;
    struct {
        chat_id_t                last;
        u_char                   dialog[CHAT_DIALOG_LEN];
    } elts[1];
} ngx_http_chat_snapshot_t;


typedef enum {
    NGX_HTTP_CHAT_NEW = 0,       /* no hello yet */
    NGX_HTTP_CHAT_ATTACHING,     /* dispatch passes it by */
    NGX_HTTP_CHAT_LIVE,
    NGX_HTTP_CHAT_LAGGING,       /* its transport is full: the ring keeps
                                    what it has not got */
    NGX_HTTP_CHAT_ENDED          /* its transport is closing */
} ngx_http_chat_state_e;

struct ngx_http_chat_session_s {
    ngx_rbtree_node_t            node;        /* visitors, by client */
    ngx_queue_t                  all;         /* of the worker */
    ngx_queue_t                  group;       /* of the account, by kind */

    ngx_http_chat_worker_t      *worker;
    ngx_http_chat_account_t     *account;     /* from hello on */
    const ngx_http_chat_transport_t  *transport;
    void                        *transport_data;

    ngx_http_chat_who_t          who;

    chat_id_t                    last;        /* everything up to it was
                                                 given, in `epoch` */
    ngx_http_chat_snapshot_t    *snapshot;
    ngx_http_chat_attach_t      *attach;
    ngx_queue_t                  jobs;

    uint64_t                     acked;       /* n, since an attach began */
    chat_rate_t                  rate;
    ngx_msec_t                   typed;       /* last typing passed on */
    ngx_http_chat_wait_t        *check;       /* its login is looked at */

    uint32_t                     epoch;
    uint32_t                     ping;        /* ms */
    uint32_t                     frames;      /* a second */
    uint32_t                     burst;
    uint32_t                     jobs_bytes;

    u_char                       instance[32];
    u_char                       dialog[CHAT_DIALOG_LEN];   /* visitor's */

    uint8_t                      instance_len;
    uint8_t                      n_jobs;
    uint8_t                      n_running;   /* of them */
    unsigned                     state:3;
    unsigned                     positioned:1;   /* last, epoch are set */
    unsigned                     unlinked:1;  /* a link frame had no room */
    unsigned                     has_dialog:1;
    unsigned                     viewing:1;   /* views with every event: he
                                                 may lack dialogs */
    unsigned                     online:1;    /* visitor: what he was told */
    unsigned                     missed:1;    /* somebody came or went, and
                                                 there was no room to tell */
};


/* Somebody of an account, as colleagues see him. */
typedef struct {
    uint64_t                     id;
    chat_str_t                   name;
    chat_roles_t                 roles;
    unsigned                     online:1;
} ngx_http_chat_person_t;

/* An account with clients in this worker. */
struct ngx_http_chat_account_s {
    ngx_rbtree_node_t            node;
    ngx_http_chat_worker_t      *worker;
    uint64_t                     id;

    ngx_queue_t                  operators;   /* sessions */
    ngx_queue_t                  visitors;
    ngx_queue_t                  waiting;     /* attaches, until loaded */

    ngx_pool_t                  *pool;        /* of people and sites */
    ngx_http_chat_person_t      *people;
    ngx_uint_t                   n_people;
    chat_site_t                 *sites;
    ngx_uint_t                   n_sites;

    ngx_http_chat_load_t        *load;
    ngx_http_chat_timer_t        timer;
    ngx_msec_t                   left;        /* when the last client went */
    unsigned                     loaded:1;
    unsigned                     again:1;     /* changed during the load */
    unsigned                     full:1;      /* people and sites are to be
                                                 read by the next load */
};


/* Sockets that are written to in a moment, see _ws_out.c. */
typedef struct {
    ngx_queue_t                  queue;
    ngx_event_t                  flush;
} ngx_http_chat_late_t;

struct ngx_http_chat_sessions_s {
    ngx_http_chat_worker_t      *worker;
    ngx_http_chat_wheel_t        wheel;

    ngx_queue_t                  all;
    ngx_uint_t                   n;           /* of all */
    ngx_queue_t                  echoes;      /* sockets without a session */
    ngx_rbtree_t                 visitors;
    ngx_rbtree_node_t            visitors_sentinel;
    ngx_rbtree_t                 accounts;
    ngx_rbtree_node_t            accounts_sentinel;

    chat_id_t                    seen[CHAT_FEEDS];   /* last dispatched */

    ngx_queue_t                  waiting;     /* attaches to be started */
    ngx_uint_t                   attaching;   /* started ones */
    ngx_http_chat_timer_t        pump;

    ngx_msec_t                   turn;        /* and frames sent in it */
    ngx_uint_t                   crowd;
    ngx_http_chat_late_t         late;
    ngx_http_chat_late_t         patient;     /* ... or with what comes */
    ngx_queue_t                  lost;        /* sockets, see _ws.c */
    ngx_uint_t                   n_lost;
    ngx_event_t                  reap;

    u_char                      *entry;       /* a copy of a ring's entry */
    u_char                      *input;       /* bytes of whichever socket */
    ngx_buf_t                   *bufs;        /* of whichever writev */
    ngx_http_chat_ws_zlib_t     *zlib;        /* when first needed */

    ngx_event_t                  drain;
    ngx_msec_t                   drained;     /* since when */
    ngx_uint_t                   left;        /* told to go */

    struct {
        uint64_t                 key;
        ngx_msec_t               typed;
        chat_rate_t              rate;
    } posters[NGX_HTTP_CHAT_POSTERS];
};


/* An entry on its way to sessions; frames are made when first wanted. */
typedef struct {
    ngx_http_chat_worker_t      *worker;
    chat_entry_t                 entry;
    const chat_event_def_t      *def;
    uint32_t                     epoch;
    uint32_t                     partition;
    ngx_http_chat_frame_t       *plain;
    ngx_http_chat_frame_t       *viewed;      /* with the dialog's view */
    unsigned                     opens:1;     /* view goes to everybody */
    unsigned                     broken:1;    /* body cannot be shown */
} ngx_http_chat_render_t;


/* Why a command was refused. */
typedef struct {
    ngx_uint_t                   error;       /* CHAT_E_* */
    uint64_t                     n;
    uint64_t                     expected;
    ngx_msec_t                   retry_ms;
    const chat_fault_t          *fault;       /* may be NULL */
} ngx_http_chat_refusal_t;


/* _session.c */

void ngx_http_chat_session_send(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
void ngx_http_chat_session_send_later(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
/* The same; the reference is given away.  NULL (no memory) ends it. */
void ngx_http_chat_session_give(ngx_http_chat_session_t *s,
    ngx_http_chat_frame_t *f);
ngx_uint_t ngx_http_chat_session_full(ngx_http_chat_session_t *s);
/* bye, then the transport's close.  `s` may be gone afterwards. */
void ngx_http_chat_session_end(ngx_http_chat_session_t *s,
    ngx_uint_t bye, ngx_msec_t after, ngx_uint_t resume, ngx_uint_t code,
    const char *reason);

/* _session_index.c */

/* The one way from state to state: told in the debug log. */
void ngx_http_chat_session_state(ngx_http_chat_session_t *s,
    ngx_http_chat_state_e state);
/* Enters the indexes after its first hello; the same client's older one of
 * this instance ends.  NGX_ERROR: out of memory. */
ngx_int_t ngx_http_chat_session_register(ngx_http_chat_session_t *s);
/* Leaves them, with all that goes on for it: it has ended. */
void ngx_http_chat_session_unregister(ngx_http_chat_session_t *s);
ngx_http_chat_session_t *ngx_http_chat_session_first(
    ngx_http_chat_sessions_t *ss, uint64_t site, const u_char *visitor);
ngx_http_chat_session_t *ngx_http_chat_session_next(
    ngx_http_chat_sessions_t *ss, ngx_http_chat_session_t *s);

/* _session_login.c */

/* Its login may have ended or its roles changed. */
void ngx_http_chat_session_check(ngx_http_chat_session_t *s);

/* _who.c */

ngx_int_t ngx_http_chat_who_init(ngx_http_chat_who_t *who,
    const ngx_http_chat_identity_t *id);
void ngx_http_chat_who_done(ngx_http_chat_who_t *who);
/* Replaces what is known of an operator; NGX_ERROR leaves it as it was. */
ngx_int_t ngx_http_chat_operator_copy(ngx_http_chat_who_t *who,
    const ngx_str_t *name, const chat_roles_t *roles, const u_char *login);
/* An operator's role on a site, 0 = none; the form operations ask in.  Of
 * site 0: the one he has on every site, 0 if they differ. */
int ngx_http_chat_role(void *who, uint64_t site);
void ngx_http_chat_who_sender(const ngx_http_chat_who_t *who,
    const chat_str_t *instance, uint64_t n, chat_sender_t *sender);
void ngx_http_chat_who_actor(const ngx_http_chat_who_t *who,
    chat_actor_t *actor);
uint64_t ngx_http_chat_who_hash(uint64_t site, const u_char *visitor);

/* _attach.c */

/* From its position if it has one; whatever was going on starts over. */
void ngx_http_chat_attach_start(ngx_http_chat_session_t *s);
void ngx_http_chat_attach_cancel(ngx_http_chat_session_t *s);
/* A lagging session goes on from the ring, else from the store. */
void ngx_http_chat_attach_catch_up(ngx_http_chat_session_t *s);
/* Starts what waits, as far as it may. */
void ngx_http_chat_attach_pump(ngx_http_chat_sessions_t *ss);

/* _job.c */

void ngx_http_chat_jobs_cancel(ngx_http_chat_session_t *s);
/* Starts the next command, if one waits and its answer has room. */
void ngx_http_chat_jobs_next(ngx_http_chat_session_t *s);

/* _dispatch.c */

void ngx_http_chat_render_init(ngx_http_chat_render_t *r,
    ngx_http_chat_worker_t *w, const chat_ring_entry_t *e);
void ngx_http_chat_render_done(ngx_http_chat_render_t *r);
/* One entry to one session, if it is for it and new to it. */
void ngx_http_chat_deliver(ngx_http_chat_session_t *s,
    ngx_http_chat_render_t *r);

/* _account.c */

ngx_http_chat_account_t *ngx_http_chat_account_find(
    ngx_http_chat_sessions_t *ss, uint64_t id);
/* The same, made when it is not there.  NULL: out of memory. */
ngx_http_chat_account_t *ngx_http_chat_account_get(
    ngx_http_chat_sessions_t *ss, uint64_t id);
void ngx_http_chat_accounts_free(ngx_http_chat_sessions_t *ss);
/* A session left; an account without any is forgotten a little later. */
void ngx_http_chat_account_left(ngx_http_chat_account_t *a);
/* Asks the store: presence, and with `full` also people and sites. */
void ngx_http_chat_account_load(ngx_http_chat_account_t *a, ngx_uint_t full);
/* Somebody came or left, by the log. */
void ngx_http_chat_account_presence(ngx_http_chat_account_t *a,
    ngx_uint_t online);
/* A visitor's session: new rules apply at once; it ends if its site is
 * switched off. */
void ngx_http_chat_account_rules(ngx_http_chat_account_t *a,
    ngx_http_chat_session_t *s);
/* Is there somebody who could answer on the site? */
ngx_uint_t ngx_http_chat_account_online(ngx_http_chat_account_t *a,
    uint64_t site);
/* There is room again: who came or went meanwhile, if anybody did. */
void ngx_http_chat_account_catch_up(ngx_http_chat_session_t *s);
/* No welcome told it: what it knows it says itself, or it is up to date. */
void ngx_http_chat_account_resume(ngx_http_chat_session_t *s);
/* welcome: colleagues and sites of an operator. */
ngx_int_t ngx_http_chat_account_views(ngx_http_chat_account_t *a,
    ngx_http_chat_who_t *who, chat_frame_welcome_t *welcome,
    chat_mem_t *mem);

/* _typing.c */

typedef struct {
    ngx_http_chat_worker_t      *worker;
    const ngx_http_chat_who_t   *who;
    chat_str_t                   dialog;      /* visitor: may be empty */
    chat_dialog_t                found;
} ngx_http_chat_typing_t;

extern const chat_step_t  ngx_http_chat_typing_steps[];

/* The event itself, once the right to it is known. */
void ngx_http_chat_typing_send(ngx_http_chat_worker_t *w,
    const ngx_http_chat_who_t *who, const chat_str_t *visitor, uint64_t site,
    const chat_str_t *dialog);

/* _frame.c: NULL = out of memory */

/*
 * Most frames are shorter: they are encoded once, beside the stack, and
 * copied, where a longer one is encoded twice, first for its length.
 */
#define NGX_HTTP_CHAT_FRAME_MOST   2048

void ngx_http_chat_frame_head(ngx_http_chat_frame_t *f, int opcode);
ngx_http_chat_frame_t *ngx_http_chat_frame_encode(int kind, const void *in,
    const chat_str_t *cursor);
/* Behind len there is room for it. */
void ngx_http_chat_frame_cursor(ngx_http_chat_frame_t *f,
    const chat_str_t *cursor);
ngx_http_chat_frame_t *ngx_http_chat_frame_error(
    const ngx_http_chat_refusal_t *why);
ngx_http_chat_frame_t *ngx_http_chat_frame_bye(ngx_uint_t reason,
    ngx_msec_t after, ngx_uint_t resume);
ngx_http_chat_frame_t *ngx_http_chat_frame_link(ngx_uint_t up);
ngx_http_chat_frame_t *ngx_http_chat_frame_pong(void);
/* NGX_DECLINED: not an event clients can see. */
ngx_int_t ngx_http_chat_frame_event_view(const chat_entry_t *e,
    chat_event_view_t *view, chat_mem_t *mem);


#endif /* _NGX_HTTP_CHAT_SESSION_INTERNAL_H_INCLUDED_ */
