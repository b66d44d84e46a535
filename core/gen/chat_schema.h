
/*
 * Written by schema/gen.pl from schema/chat.schema: do not edit.
 */

#ifndef _CHAT_SCHEMA_H_INCLUDED_
#define _CHAT_SCHEMA_H_INCLUDED_


#include "chat_json.h"


/* enums ------------------------------------------------------------------- */

/* Who did it. */
typedef enum chat_actor_kind_e {
    CHAT_ACTOR_KIND_VISITOR = 1,          /* a person on the site */
    CHAT_ACTOR_KIND_OPERATOR = 2,         /* a person in the cabinet */
    /* a rule of the platform (time-outs) */
    CHAT_ACTOR_KIND_SYSTEM = 3,
    CHAT_ACTOR_KIND_MAX = 4
} chat_actor_kind_e;

/* The life of a dialog. */
typedef enum chat_dialog_state_e {
    CHAT_DIALOG_STATE_QUEUED = 1,         /* waits for an operator */
    CHAT_DIALOG_STATE_ACTIVE = 2,         /* an operator owns it */
    /* ended; a message within 72 h reopens it */
    CHAT_DIALOG_STATE_CLOSED = 3,
    CHAT_DIALOG_STATE_MAX = 4
} chat_dialog_state_e;

/* Why a dialog was closed. */
typedef enum chat_close_reason_e {
    CHAT_CLOSE_REASON_VISITOR = 1,        /* the visitor ended it */
    CHAT_CLOSE_REASON_OPERATOR = 2,       /* the operator ended it */
    /* answered, and nobody wrote for the site's auto-close time */
    CHAT_CLOSE_REASON_IDLE = 3,
    CHAT_CLOSE_REASON_MAX = 4
} chat_close_reason_e;

/* Why a dialog went back to the queue. */
typedef enum chat_release_reason_e {
    CHAT_RELEASE_REASON_OPERATOR = 1,     /* the operator gave it back */
    /* not answered within the site's accept time */
    CHAT_RELEASE_REASON_NO_ANSWER = 2,
    CHAT_RELEASE_REASON_MAX = 3
} chat_release_reason_e;

/* What a member may do on a site; each includes the next. */
typedef enum chat_role_e {
    CHAT_ROLE_OWNER = 1,                  /* everything */
    CHAT_ROLE_ADMIN = 2,                  /* settings and people */
    CHAT_ROLE_SUPERVISOR = 3,             /* other operators' dialogs */
    CHAT_ROLE_OPERATOR = 4,               /* own dialogs and the queue */
    CHAT_ROLE_ANALYST = 5,                /* reads only */
    CHAT_ROLE_MAX = 6
} chat_role_e;

/* The way to the store, as a client should show it. */
typedef enum chat_link_state_e {
    CHAT_LINK_STATE_UP = 1,               /* messages are stored at once */
    /* the store is away: keep your outbox, wait for up */
    CHAT_LINK_STATE_DOWN = 2,
    CHAT_LINK_STATE_MAX = 3
} chat_link_state_e;

/* Why the server ends a connection. */
typedef enum chat_bye_reason_e {
    /* the server reloads; resume after after_ms */
    CHAT_BYE_REASON_RELOAD = 1,
    /* the client does not read; resume from its cursor */
    CHAT_BYE_REASON_SLOW = 2,
    CHAT_BYE_REASON_REVOKED = 3,          /* the session was ended */
    /* nothing was heard for the ping time-out */
    CHAT_BYE_REASON_IDLE = 4,
    /* the same instance connected anew */
    CHAT_BYE_REASON_REPLACED = 5,
    CHAT_BYE_REASON_LIMIT = 6,            /* too many connections or frames */
    CHAT_BYE_REASON_MAX = 7
} chat_bye_reason_e;

extern const char *const  chat_actor_kind_names[];
extern const char *const  chat_dialog_state_names[];
extern const char *const  chat_close_reason_names[];
extern const char *const  chat_release_reason_names[];
extern const char *const  chat_role_names[];
extern const char *const  chat_link_state_names[];
extern const char *const  chat_bye_reason_names[];


/* objects ----------------------------------------------------------------- */

/* The author of an event. */
typedef struct {
    uint64_t                 has;
    int                      kind;        /* chat_actor_kind_e */
    /* operator's id; absent for visitor and system */
    uint64_t                 id;
    chat_str_t               name;        /* name to show */
} chat_author_t;

/* A dialog as lists show it. */
typedef struct {
    uint64_t                 has;
    chat_str_t               id;
    uint64_t                 site;        /* site's id */
    chat_str_t               visitor;
    int                      state;       /* chat_dialog_state_e */
    uint64_t                 rev;         /* changes with every decision */
    uint64_t                 seq;         /* number of the last public event */
    chat_str_t               last;        /* id of the last event folded in */
    uint64_t                 owner;       /* operator's id, while active */
    chat_str_t               name;        /* the visitor's name */
    uint64_t                 opened_ms;
    /* since when it waits in the queue */
    uint64_t                 queued_ms;
    /* since when the visitor waits for an answer */
    uint64_t                 wait_ms;
    uint64_t                 closed_ms;
    chat_str_t               text;        /* beginning of the last message */
    chat_str_t               page;        /* page the dialog was begun on */
} chat_dialog_view_t;

/* A site as the cabinet shows it. */
typedef struct {
    uint64_t                 has;
    uint64_t                 id;
    chat_str_t               name;
    int                      role;        /* chat_role_e */
} chat_site_view_t;

/* A colleague. */
typedef struct {
    uint64_t                 has;
    uint64_t                 id;
    chat_str_t               name;
    unsigned char            online;
} chat_operator_view_t;

/* An event of the log as clients see it. */
typedef struct {
    uint64_t                 has;
    chat_str_t               e;           /* event's name */
    /* its log id; the order of everything */
    chat_str_t               id;
    chat_str_t               dialog;
    /* contiguous number among the dialog's public events */
    uint64_t                 seq;
    /* INSTANCE:N of the client that sent it */
    chat_str_t               sender;
    chat_str_t               body;        /* the event's own fields */
} chat_event_view_t;

/* Body of POST /api/v1/login. */
typedef struct {
    uint64_t                 has;
    chat_str_t               login;
    chat_str_t               password;
} chat_login_request_t;

/* Who is logged in: answer to login and GET /api/v1/me. */
typedef struct {
    uint64_t                 has;
    chat_operator_view_t     operator;
    chat_str_t               csrf;        /* for the X-CSRF header */
    chat_list_t              sites;       /* of chat_site_view_t */
    uint64_t                 expires_ms;  /* when the session ends */
} chat_me_view_t;

/* One of an operator's logins. */
typedef struct {
    uint64_t                 has;
    chat_str_t               id;
    uint64_t                 created_ms;
    uint64_t                 expires_ms;
    chat_str_t               agent;       /* browser */
    chat_str_t               ip;
    unsigned char            current;     /* the one that asks */
} chat_session_info_t;

/* Answer to GET /api/v1/sessions. */
typedef struct {
    uint64_t                 has;
    chat_list_t              sessions;    /* of chat_session_info_t */
} chat_sessions_view_t;

/* Answer to POST v1/visitor. */
typedef struct {
    uint64_t                 has;
    chat_str_t               visitor;
    /* for Authorization: Bearer, where there are no cookies */
    chat_str_t               token;
    uint64_t                 expires_ms;
} chat_visitor_identity_t;

/* Bounds a client should keep. */
typedef struct {
    uint64_t                 has;
    int64_t                  text_max;    /* characters in a message */
    /* silence after which to send ping */
    int64_t                  ping_ms;
    /* acknowledged sends to keep for resending */
    int64_t                  tail;
    /*
     * cut without a word, and nobody waits for it: come back after a random
     * part of this
     */
    int64_t                  return_ms;
} chat_limits_view_t;


/* events ------------------------------------------------------------------ */

/* A visitor began a dialog; it waits in the queue. */
typedef struct {
    uint64_t                 has;
    chat_str_t               name;
    chat_str_t               page;
} chat_ev_dialog_opened_t;

/* Somebody wrote. */
typedef struct {
    uint64_t                 has;
    chat_author_t            from;
    chat_str_t               text;
} chat_ev_message_posted_t;

/* An operator took it from the queue. */
typedef struct {
    uint64_t                 has;
    chat_author_t            operator;
} chat_ev_dialog_taken_t;

/* The dialog ended. */
typedef struct {
    uint64_t                 has;
    chat_author_t            by;
    int                      reason;      /* chat_close_reason_e */
} chat_ev_dialog_closed_t;

/* It went back to the queue. */
typedef struct {
    uint64_t                 has;
    chat_author_t            by;
    int                      reason;      /* chat_release_reason_e */
} chat_ev_dialog_released_t;

/*
 * The visitor wrote again within 72 hours; what a list shows of a dialog it
 * has not.
 */
typedef struct {
    uint64_t                 has;
    chat_str_t               name;
    chat_str_t               page;
    uint64_t                 opened_ms;   /* when it began */
    uint64_t                 rev;         /* of the dialog, after this */
} chat_ev_dialog_reopened_t;

/* A node checks that what is written comes back. */
typedef struct {
    uint64_t                 has;
    chat_str_t               node;
    uint64_t                 n;
} chat_ev_probe_t;

/* Sites, people or settings of an account changed: drop caches. */
typedef struct {
    uint64_t                 has;
    uint64_t                 account;
    uint64_t                 operator;    /* only this operator's sessions */
} chat_ev_account_changed_t;

/* Somebody is typing now. */
typedef struct {
    uint64_t                 has;
    chat_author_t            from;
} chat_ev_typing_t;

/* Whether any operator of the site is there. */
typedef struct {
    uint64_t                 has;
    unsigned char            online;
} chat_ev_presence_t;


/* commands ---------------------------------------------------------------- */

/* First frame of a connection: who I am and what I have seen. */
typedef struct {
    uint64_t                 has;
    /* random, [A-Za-z0-9_-]; one per tab, kept over reloads */
    chat_str_t               instance;
    /* from the last frame that carried one */
    chat_str_t               cursor;
    chat_str_t               page;        /* visitor: where he is */
} chat_cmd_hello_t;

/* Write into a dialog; a visitor's first message opens it. */
typedef struct {
    uint64_t                 has;
    /* last accepted number of this instance + 1 */
    uint64_t                 n;
    chat_str_t               dialog;      /* operator: which dialog */
    chat_str_t               text;
    /* visitor: page, kept if this opens a dialog */
    chat_str_t               page;
} chat_cmd_post_message_t;

/* Take a dialog from the queue. */
typedef struct {
    uint64_t                 has;
    uint64_t                 n;
    chat_str_t               dialog;
} chat_cmd_take_dialog_t;

/* End a dialog. */
typedef struct {
    uint64_t                 has;
    uint64_t                 n;
    chat_str_t               dialog;      /* operator: which dialog */
} chat_cmd_close_dialog_t;

/* Give a dialog back to the queue. */
typedef struct {
    uint64_t                 has;
    uint64_t                 n;
    chat_str_t               dialog;
} chat_cmd_release_dialog_t;

/* I am typing; at most one each 2 s. */
typedef struct {
    uint64_t                 has;
    chat_str_t               dialog;      /* operator: which dialog */
} chat_cmd_typing_t;

/* Send me public events of a dialog after a number. */
typedef struct {
    uint64_t                 has;
    chat_str_t               dialog;
    uint64_t                 after;       /* 0 = from the beginning */
} chat_cmd_history_t;

/* Are you there? */
typedef struct {
    uint64_t                 has;
} chat_cmd_ping_t;


/* frames ------------------------------------------------------------------ */

/* Answer to hello; everything after it continues from `cursor`. */
typedef struct {
    uint64_t                 has;
    chat_str_t               cursor;
    /*
     * forget what you have: the store's history changed or your cursor is too
     * old
     */
    unsigned char            reset;
    /* last accepted number of your instance; 0 = none */
    uint64_t                 n;
    chat_limits_view_t       limits;
    int                      link;        /* chat_link_state_e */
    unsigned char            online;      /* visitor: an operator is there */
    /* visitor: the last dialog, if any */
    chat_dialog_view_t       dialog;
    /* of chat_event_view_t: visitor: its public events you have not seen */
    chat_list_t              events;
    /*
     * of chat_dialog_view_t: operator: dialogs changed since the cursor (all
     * open ones when reset)
     */
    chat_list_t              dialogs;
    chat_operator_view_t     operator;    /* operator: you */
    /* of chat_operator_view_t: operator: people of the account */
    chat_list_t              colleagues;
    /* of chat_site_view_t: operator: your sites */
    chat_list_t              sites;
} chat_frame_welcome_t;

/* Something happened; `cursor` says how far you are. */
typedef struct {
    uint64_t                 has;
    chat_str_t               cursor;
    chat_str_t               e;
    chat_str_t               id;
    chat_str_t               dialog;
    uint64_t                 seq;
    chat_str_t               sender;
    /* operator: the dialog, with its first event */
    chat_dialog_view_t       view;
    chat_str_t               body;
} chat_frame_event_t;

/* Your write number n is in the log. */
typedef struct {
    uint64_t                 has;
    uint64_t                 n;
    chat_str_t               id;
    chat_str_t               dialog;
    uint64_t                 seq;
    unsigned char            already;     /* it had been accepted before */
} chat_frame_ack_t;

/* A command was refused.  Without n it is about the frame itself. */
typedef struct {
    uint64_t                 has;
    chat_str_t               code;        /* name from the error table */
    chat_str_t               text;
    uint64_t                 n;           /* number of the refused write */
    uint64_t                 expected;    /* gap: the number to resend from */
    /* temporary: send the same number again after this */
    int64_t                  retry_ms;
    chat_str_t               field;       /* which field */
    int64_t                  offset;      /* byte of the frame */
} chat_frame_error_t;

/* Public events of a dialog, in order. */
typedef struct {
    uint64_t                 has;
    chat_str_t               dialog;
    chat_list_t              events;      /* of chat_event_view_t */
    unsigned char            more;        /* ask again after the last one */
} chat_frame_history_t;

/* Somebody is typing; forget it after 5 s or at his message. */
typedef struct {
    uint64_t                 has;
    chat_str_t               dialog;
    chat_author_t            from;
} chat_frame_typing_t;

/* Operators came or went. */
typedef struct {
    uint64_t                 has;
    /* visitor: an operator of the site is there */
    unsigned char            online;
    /* of chat_operator_view_t: operator: whose state changed */
    chat_list_t              operators;
} chat_frame_presence_t;

/* The way to the store changed. */
typedef struct {
    uint64_t                 has;
    int                      link;        /* chat_link_state_e */
} chat_frame_link_t;

/* The connection ends now; come back after after_ms. */
typedef struct {
    uint64_t                 has;
    int                      reason;      /* chat_bye_reason_e */
    /* 0 = at once; spread yourself over 0..after_ms */
    int64_t                  after_ms;
    /* false: do not come back without a new login */
    unsigned char            resume;
} chat_frame_bye_t;

/* I am here. */
typedef struct {
    uint64_t                 has;
} chat_frame_pong_t;


/* presence ---------------------------------------------------------------- */

#define CHAT_F_AUTHOR_KIND                       0
#define CHAT_F_AUTHOR_ID                         1
#define CHAT_F_AUTHOR_NAME                       2

#define CHAT_F_DIALOG_VIEW_ID                    0
#define CHAT_F_DIALOG_VIEW_SITE                  1
#define CHAT_F_DIALOG_VIEW_VISITOR               2
#define CHAT_F_DIALOG_VIEW_STATE                 3
#define CHAT_F_DIALOG_VIEW_REV                   4
#define CHAT_F_DIALOG_VIEW_SEQ                   5
#define CHAT_F_DIALOG_VIEW_LAST                  6
#define CHAT_F_DIALOG_VIEW_OWNER                 7
#define CHAT_F_DIALOG_VIEW_NAME                  8
#define CHAT_F_DIALOG_VIEW_OPENED_MS             9
#define CHAT_F_DIALOG_VIEW_QUEUED_MS             10
#define CHAT_F_DIALOG_VIEW_WAIT_MS               11
#define CHAT_F_DIALOG_VIEW_CLOSED_MS             12
#define CHAT_F_DIALOG_VIEW_TEXT                  13
#define CHAT_F_DIALOG_VIEW_PAGE                  14

#define CHAT_F_SITE_VIEW_ID                      0
#define CHAT_F_SITE_VIEW_NAME                    1
#define CHAT_F_SITE_VIEW_ROLE                    2

#define CHAT_F_OPERATOR_VIEW_ID                  0
#define CHAT_F_OPERATOR_VIEW_NAME                1
#define CHAT_F_OPERATOR_VIEW_ONLINE              2

#define CHAT_F_EVENT_VIEW_E                      0
#define CHAT_F_EVENT_VIEW_ID                     1
#define CHAT_F_EVENT_VIEW_DIALOG                 2
#define CHAT_F_EVENT_VIEW_SEQ                    3
#define CHAT_F_EVENT_VIEW_SENDER                 4
#define CHAT_F_EVENT_VIEW_BODY                   5

#define CHAT_F_LOGIN_REQUEST_LOGIN               0
#define CHAT_F_LOGIN_REQUEST_PASSWORD            1

#define CHAT_F_ME_VIEW_OPERATOR                  0
#define CHAT_F_ME_VIEW_CSRF                      1
#define CHAT_F_ME_VIEW_SITES                     2
#define CHAT_F_ME_VIEW_EXPIRES_MS                3

#define CHAT_F_SESSION_INFO_ID                   0
#define CHAT_F_SESSION_INFO_CREATED_MS           1
#define CHAT_F_SESSION_INFO_EXPIRES_MS           2
#define CHAT_F_SESSION_INFO_AGENT                3
#define CHAT_F_SESSION_INFO_IP                   4
#define CHAT_F_SESSION_INFO_CURRENT              5

#define CHAT_F_SESSIONS_VIEW_SESSIONS            0

#define CHAT_F_VISITOR_IDENTITY_VISITOR          0
#define CHAT_F_VISITOR_IDENTITY_TOKEN            1
#define CHAT_F_VISITOR_IDENTITY_EXPIRES_MS       2

#define CHAT_F_LIMITS_VIEW_TEXT_MAX              0
#define CHAT_F_LIMITS_VIEW_PING_MS               1
#define CHAT_F_LIMITS_VIEW_TAIL                  2
#define CHAT_F_LIMITS_VIEW_RETURN_MS             3

#define CHAT_F_EV_DIALOG_OPENED_NAME             0
#define CHAT_F_EV_DIALOG_OPENED_PAGE             1

#define CHAT_F_EV_MESSAGE_POSTED_FROM            0
#define CHAT_F_EV_MESSAGE_POSTED_TEXT            1

#define CHAT_F_EV_DIALOG_TAKEN_OPERATOR          0

#define CHAT_F_EV_DIALOG_CLOSED_BY               0
#define CHAT_F_EV_DIALOG_CLOSED_REASON           1

#define CHAT_F_EV_DIALOG_RELEASED_BY             0
#define CHAT_F_EV_DIALOG_RELEASED_REASON         1

#define CHAT_F_EV_DIALOG_REOPENED_NAME           0
#define CHAT_F_EV_DIALOG_REOPENED_PAGE           1
#define CHAT_F_EV_DIALOG_REOPENED_OPENED_MS      2
#define CHAT_F_EV_DIALOG_REOPENED_REV            3

#define CHAT_F_EV_PROBE_NODE                     0
#define CHAT_F_EV_PROBE_N                        1

#define CHAT_F_EV_ACCOUNT_CHANGED_ACCOUNT        0
#define CHAT_F_EV_ACCOUNT_CHANGED_OPERATOR       1

#define CHAT_F_EV_TYPING_FROM                    0

#define CHAT_F_EV_PRESENCE_ONLINE                0

#define CHAT_F_CMD_HELLO_INSTANCE                0
#define CHAT_F_CMD_HELLO_CURSOR                  1
#define CHAT_F_CMD_HELLO_PAGE                    2

#define CHAT_F_CMD_POST_MESSAGE_N                0
#define CHAT_F_CMD_POST_MESSAGE_DIALOG           1
#define CHAT_F_CMD_POST_MESSAGE_TEXT             2
#define CHAT_F_CMD_POST_MESSAGE_PAGE             3

#define CHAT_F_CMD_TAKE_DIALOG_N                 0
#define CHAT_F_CMD_TAKE_DIALOG_DIALOG            1

#define CHAT_F_CMD_CLOSE_DIALOG_N                0
#define CHAT_F_CMD_CLOSE_DIALOG_DIALOG           1

#define CHAT_F_CMD_RELEASE_DIALOG_N              0
#define CHAT_F_CMD_RELEASE_DIALOG_DIALOG         1

#define CHAT_F_CMD_TYPING_DIALOG                 0

#define CHAT_F_CMD_HISTORY_DIALOG                0
#define CHAT_F_CMD_HISTORY_AFTER                 1

#define CHAT_F_FRAME_WELCOME_CURSOR              0
#define CHAT_F_FRAME_WELCOME_RESET               1
#define CHAT_F_FRAME_WELCOME_N                   2
#define CHAT_F_FRAME_WELCOME_LIMITS              3
#define CHAT_F_FRAME_WELCOME_LINK                4
#define CHAT_F_FRAME_WELCOME_ONLINE              5
#define CHAT_F_FRAME_WELCOME_DIALOG              6
#define CHAT_F_FRAME_WELCOME_EVENTS              7
#define CHAT_F_FRAME_WELCOME_DIALOGS             8
#define CHAT_F_FRAME_WELCOME_OPERATOR            9
#define CHAT_F_FRAME_WELCOME_COLLEAGUES          10
#define CHAT_F_FRAME_WELCOME_SITES               11

#define CHAT_F_FRAME_EVENT_CURSOR                0
#define CHAT_F_FRAME_EVENT_E                     1
#define CHAT_F_FRAME_EVENT_ID                    2
#define CHAT_F_FRAME_EVENT_DIALOG                3
#define CHAT_F_FRAME_EVENT_SEQ                   4
#define CHAT_F_FRAME_EVENT_SENDER                5
#define CHAT_F_FRAME_EVENT_VIEW                  6
#define CHAT_F_FRAME_EVENT_BODY                  7

#define CHAT_F_FRAME_ACK_N                       0
#define CHAT_F_FRAME_ACK_ID                      1
#define CHAT_F_FRAME_ACK_DIALOG                  2
#define CHAT_F_FRAME_ACK_SEQ                     3
#define CHAT_F_FRAME_ACK_ALREADY                 4

#define CHAT_F_FRAME_ERROR_CODE                  0
#define CHAT_F_FRAME_ERROR_TEXT                  1
#define CHAT_F_FRAME_ERROR_N                     2
#define CHAT_F_FRAME_ERROR_EXPECTED              3
#define CHAT_F_FRAME_ERROR_RETRY_MS              4
#define CHAT_F_FRAME_ERROR_FIELD                 5
#define CHAT_F_FRAME_ERROR_OFFSET                6

#define CHAT_F_FRAME_HISTORY_DIALOG              0
#define CHAT_F_FRAME_HISTORY_EVENTS              1
#define CHAT_F_FRAME_HISTORY_MORE                2

#define CHAT_F_FRAME_TYPING_DIALOG               0
#define CHAT_F_FRAME_TYPING_FROM                 1

#define CHAT_F_FRAME_PRESENCE_ONLINE             0
#define CHAT_F_FRAME_PRESENCE_OPERATORS          1

#define CHAT_F_FRAME_LINK_LINK                   0

#define CHAT_F_FRAME_BYE_REASON                  0
#define CHAT_F_FRAME_BYE_AFTER_MS                1
#define CHAT_F_FRAME_BYE_RESUME                  2


/* descriptors ------------------------------------------------------------- */
extern const chat_type_t  chat_author_type;
extern const chat_type_t  chat_dialog_view_type;
extern const chat_type_t  chat_site_view_type;
extern const chat_type_t  chat_operator_view_type;
extern const chat_type_t  chat_event_view_type;
extern const chat_type_t  chat_login_request_type;
extern const chat_type_t  chat_me_view_type;
extern const chat_type_t  chat_session_info_type;
extern const chat_type_t  chat_sessions_view_type;
extern const chat_type_t  chat_visitor_identity_type;
extern const chat_type_t  chat_limits_view_type;
extern const chat_type_t  chat_ev_dialog_opened_type;
extern const chat_type_t  chat_ev_message_posted_type;
extern const chat_type_t  chat_ev_dialog_taken_type;
extern const chat_type_t  chat_ev_dialog_closed_type;
extern const chat_type_t  chat_ev_dialog_released_type;
extern const chat_type_t  chat_ev_dialog_reopened_type;
extern const chat_type_t  chat_ev_probe_type;
extern const chat_type_t  chat_ev_account_changed_type;
extern const chat_type_t  chat_ev_typing_type;
extern const chat_type_t  chat_ev_presence_type;
extern const chat_type_t  chat_cmd_hello_type;
extern const chat_type_t  chat_cmd_post_message_type;
extern const chat_type_t  chat_cmd_take_dialog_type;
extern const chat_type_t  chat_cmd_close_dialog_type;
extern const chat_type_t  chat_cmd_release_dialog_type;
extern const chat_type_t  chat_cmd_typing_type;
extern const chat_type_t  chat_cmd_history_type;
extern const chat_type_t  chat_cmd_ping_type;
extern const chat_type_t  chat_frame_welcome_type;
extern const chat_type_t  chat_frame_event_type;
extern const chat_type_t  chat_frame_ack_type;
extern const chat_type_t  chat_frame_error_type;
extern const chat_type_t  chat_frame_history_type;
extern const chat_type_t  chat_frame_typing_type;
extern const chat_type_t  chat_frame_presence_type;
extern const chat_type_t  chat_frame_link_type;
extern const chat_type_t  chat_frame_bye_type;
extern const chat_type_t  chat_frame_pong_type;


/* tables ------------------------------------------------------------------ */

/* Events by their stored number. */
typedef enum chat_event_e {
    /* A visitor began a dialog; it waits in the queue. */
    CHAT_EV_DIALOG_OPENED = 1,
    CHAT_EV_MESSAGE_POSTED = 2,           /* Somebody wrote. */
    /* An operator took it from the queue. */
    CHAT_EV_DIALOG_TAKEN = 3,
    CHAT_EV_DIALOG_CLOSED = 4,            /* The dialog ended. */
    CHAT_EV_DIALOG_RELEASED = 5,          /* It went back to the queue. */
    /*
     * The visitor wrote again within 72 hours; what a list shows of a dialog
     * it has not.
     */
    CHAT_EV_DIALOG_REOPENED = 6,
    /* A node checks that what is written comes back. */
    CHAT_EV_PROBE = 7,
    /* Sites, people or settings of an account changed: drop caches. */
    CHAT_EV_ACCOUNT_CHANGED = 8,
    CHAT_EV_TYPING = 20,                  /* Somebody is typing now. */
    /* Whether any operator of the site is there. */
    CHAT_EV_PRESENCE = 21,
    CHAT_EV_MAX = 22
} chat_event_e;

/* Commands of clients. */
typedef enum chat_command_e {
    /* First frame of a connection: who I am and what I have seen. */
    CHAT_CMD_HELLO = 1,
    /* Write into a dialog; a visitor's first message opens it. */
    CHAT_CMD_POST_MESSAGE = 2,
    CHAT_CMD_TAKE_DIALOG = 3,             /* Take a dialog from the queue. */
    CHAT_CMD_CLOSE_DIALOG = 4,            /* End a dialog. */
    /* Give a dialog back to the queue. */
    CHAT_CMD_RELEASE_DIALOG = 5,
    /* I am typing; at most one each 2 s. */
    CHAT_CMD_TYPING = 6,
    /* Send me public events of a dialog after a number. */
    CHAT_CMD_HISTORY = 7,
    CHAT_CMD_PING = 8,                    /* Are you there? */
    CHAT_CMD_MAX = 9
} chat_command_e;

/* Frames of the server. */
typedef enum chat_frame_e {
    /* Answer to hello; everything after it continues from `cursor`. */
    CHAT_FRAME_WELCOME = 1,
    /* Something happened; `cursor` says how far you are. */
    CHAT_FRAME_EVENT = 2,
    /* Your write number n is in the log. */
    CHAT_FRAME_ACK = 3,
    /* A command was refused.  Without n it is about the frame itself. */
    CHAT_FRAME_ERROR = 4,
    /* Public events of a dialog, in order. */
    CHAT_FRAME_HISTORY = 5,
    /* Somebody is typing; forget it after 5 s or at his message. */
    CHAT_FRAME_TYPING = 6,
    CHAT_FRAME_PRESENCE = 7,              /* Operators came or went. */
    CHAT_FRAME_LINK = 8,                  /* The way to the store changed. */
    /* The connection ends now; come back after after_ms. */
    CHAT_FRAME_BYE = 9,
    CHAT_FRAME_PONG = 10,                 /* I am here. */
    CHAT_FRAME_MAX = 11
} chat_frame_e;

/* Errors as clients are told. */
typedef enum chat_error_e {
    CHAT_E_BAD_JSON = 1,                  /* The frame is not a JSON object. */
    /* A field is missing, unknown or out of range. */
    CHAT_E_BAD_FIELD = 2,
    CHAT_E_UNKNOWN_COMMAND = 3,           /* There is no such command. */
    CHAT_E_TOO_LARGE = 4,                 /* The frame is too large. */
    /* Log in or get a visitor token first. */
    CHAT_E_UNAUTHORIZED = 5,
    CHAT_E_FORBIDDEN = 6,                 /* You may not do that. */
    CHAT_E_NOT_FOUND = 7,                 /* There is no such thing. */
    CHAT_E_CONFLICT = 8,                  /* Somebody else was faster. */
    CHAT_E_CLOSED = 9,                    /* The dialog is closed. */
    /* Numbers are missing: resend from `expected`. */
    CHAT_E_GAP = 10,
    CHAT_E_BUSY = 11,                     /* Too much waits here; try again. */
    /* The store is away; nothing is lost on your side. */
    CHAT_E_STORE_DOWN = 12,
    /* The store is full; new messages are refused until there is room. */
    CHAT_E_STORE_FULL = 13,
    CHAT_E_RATE = 14,                     /* Too many requests. */
    /* This host does not serve that site. */
    CHAT_E_MISDIRECTED = 15,
    /* The Origin is not one of this site's hosts. */
    CHAT_E_BAD_ORIGIN = 16,
    /* The cursor is damaged; say hello without it. */
    CHAT_E_BAD_CURSOR = 17,
    CHAT_E_EXPECTED_HELLO = 18,           /* The first frame must be hello. */
    CHAT_E_BAD_CREDENTIALS = 19,          /* Wrong login or password. */
    CHAT_E_THROTTLED = 20,                /* Too many attempts; wait. */
    /* The CSRF header is missing or wrong. */
    CHAT_E_BAD_CSRF = 21,
    /* This address does not take that method. */
    CHAT_E_METHOD = 22,
    CHAT_E_MEDIA_TYPE = 23,               /* Send application/json. */
    /* This address speaks WebSocket version 13 only. */
    CHAT_E_UPGRADE = 24,
    /* Chat is switched off for this site. */
    CHAT_E_SUSPENDED = 25,
    /* Something failed on our side; it is logged. */
    CHAT_E_INTERNAL = 26,
    /* Send the length of the body (Content-Length). */
    CHAT_E_LENGTH = 27,
    /* Passwords are taken over HTTPS only. */
    CHAT_E_INSECURE = 28,
    CHAT_E_MAX = 29
} chat_error_e;

/* Statistics. */
typedef enum chat_stat_e {
    /* episodes that entered the queue (METRICS 1) */
    CHAT_STAT_REQUESTS = 1,
    /* episodes that got a first human message */
    CHAT_STAT_ANSWERED = 2,
    CHAT_STAT_MESSAGES_VISITOR = 3,       /* written by visitors */
    CHAT_STAT_MESSAGES_OPERATOR = 4,      /* written by operators */
    CHAT_STAT_TAKEN = 5,                  /* taken from the queue */
    CHAT_STAT_CLOSED = 6,                 /* closed */
    CHAT_STAT_RELEASED = 7,               /* given back to the queue */
    CHAT_STAT_REOPENED = 8,               /* reopened within 72 h */
    /* first human message - start (METRICS 5) */
    CHAT_STAT_FIRST_RESPONSE = 9,
    /* human reply - first message of the visitor's run (METRICS 6) */
    CHAT_STAT_RESPONSE = 10,
    /* accept - entering the queue (METRICS 4) */
    CHAT_STAT_QUEUE_WAIT = 11,
    CHAT_STAT_MAX = 12
} chat_stat_e;

/* Metrics of a worker. */
typedef enum chat_metric_e {
    CHAT_METRIC_CONNECTIONS_WS = 0,       /* WebSockets open */
    CHAT_METRIC_CONNECTIONS_SSE = 1,      /* event streams open */
    CHAT_METRIC_CONNECTIONS_POLL = 2,     /* long polls held */
    /* refused: no room, or the worker leaves */
    CHAT_METRIC_CONNECTIONS_REFUSED = 3,
    CHAT_METRIC_FRAMES_IN = 4,            /* commands received */
    CHAT_METRIC_FRAMES_OUT = 5,           /* frames sent to clients */
    CHAT_METRIC_BYTES_OUT = 6,            /* sent to clients */
    CHAT_METRIC_WRITES_ACKED = 7,         /* acknowledged */
    CHAT_METRIC_WRITES_REFUSED = 8,       /* tried, then refused for good */
    CHAT_METRIC_WRITES_BUSY = 9,          /* tried, then answered: try again */
    /* writes and reads that Redis has not answered */
    CHAT_METRIC_OUTBOX = 10,
    /* refused: the outbox was full, or Redis away for more than 5 s */
    CHAT_METRIC_OUTBOX_FULL = 11,
    /* acknowledged writes kept for replay */
    CHAT_METRIC_REPLAY_TAIL = 12,
    /* replayed after the store lost data */
    CHAT_METRIC_REPLAYED = 13,
    /* pushed out of the replay tail by its bound before their time */
    CHAT_METRIC_REPLAY_DROPPED = 14,
    CHAT_METRIC_RING_ENTRIES = 15,        /* read from the ring */
    /* times the ring overtook this worker */
    CHAT_METRIC_RING_LAPS = 16,
    CHAT_METRIC_RESUME_RING = 17,         /* served from the ring */
    CHAT_METRIC_RESUME_STORE = 18,        /* served from Redis */
    CHAT_METRIC_SLOW_CLOSED = 19,         /* closed: the client did not read */
    /* refused: the session's queue was full */
    CHAT_METRIC_QUEUE_FULL = 20,
    CHAT_METRIC_RATE_LIMITED = 21,        /* refused by the rate limit */
    /* refused: too many new ones from their address */
    CHAT_METRIC_VISITORS_LIMITED = 22,
    CHAT_METRIC_REDIS_CALLS = 23,         /* sent to Redis */
    /* answered by an error; that a log is not there yet is none */
    CHAT_METRIC_REDIS_ERRORS = 24,
    /* answered by Redis, those that wait for news left out */
    CHAT_METRIC_REDIS_TRIPS = 25,
    /* from asked to answered, all redis_trips together */
    CHAT_METRIC_REDIS_TRIPS_US = 26,
    /* of redis_trips, longer than 50 ms */
    CHAT_METRIC_REDIS_TRIPS_SLOW = 27,
    CHAT_METRIC_REDIS_RECONNECTS = 28,    /* made anew */
    /* 1: this worker has no wake-up slot and polls */
    CHAT_METRIC_NO_SLOT = 29,
    /* since the last verified delivery */
    CHAT_METRIC_DELIVERY_AGE_MS = 30,
    CHAT_METRIC_WHEEL_TIMERS = 31,        /* deadlines in the wheel */
    /* kept for the next frames, replies and commands */
    CHAT_METRIC_SPARE_BLOCKS = 32,
    CHAT_METRIC_SPARE_BYTES = 33,         /* in these */
    /* refused: two password checks were running */
    CHAT_METRIC_PWHASH_BUSY = 34,
    /* for clients, until their sockets take them */
    CHAT_METRIC_FRAMES_WAITING = 35,
    CHAT_METRIC_MAX = 36
} chat_metric_e;


typedef enum {
    CHAT_AUDIENCE_PUBLIC = 1,
    CHAT_AUDIENCE_STAFF = 2,
    CHAT_AUDIENCE_SYSTEM = 3
} chat_audience_e;

typedef struct {
    int                      number;
    chat_str_t               name;
    int                      durable;
    int                      audience;   /* chat_audience_e */
    const chat_type_t       *type;
} chat_event_def_t;

typedef struct {
    int                      number;
    chat_str_t               name;
    unsigned                 actors;     /* 1 << chat_actor_kind_e */
    int                      write;      /* it carries a number n */
    const chat_type_t       *type;
} chat_command_def_t;

typedef struct {
    int                      number;
    chat_str_t               name;
    const chat_type_t       *type;
} chat_frame_def_t;

typedef enum {
    CHAT_ERROR_FINAL = 1,                /* refused for good */
    CHAT_ERROR_TEMPORARY,                /* send the same number again */
    CHAT_ERROR_GAP                       /* resend from `expected` */
} chat_error_class_e;

typedef struct {
    int                      number;
    chat_str_t               name;
    int                      http;
    int                      klass;      /* chat_error_class_e */
    chat_str_t               text;
} chat_error_def_t;

#define CHAT_DIM_SITE      0x01
#define CHAT_DIM_OPERATOR  0x02

typedef struct {
    int                      number;
    chat_str_t               name;
    int                      histogram;
    chat_str_t               unit;
    unsigned                 dims;       /* CHAT_DIM_* */
    chat_str_t               doc;
} chat_stat_def_t;

typedef struct {
    chat_str_t               name;
    int                      gauge;
    chat_str_t               unit;
    chat_str_t               doc;
} chat_metric_def_t;

/* Indexed by number; unused numbers have an empty name. */
extern const chat_event_def_t    chat_events[CHAT_EV_MAX];
extern const chat_command_def_t  chat_commands[CHAT_CMD_MAX];
extern const chat_frame_def_t    chat_frames[CHAT_FRAME_MAX];
extern const chat_error_def_t    chat_errors[CHAT_E_MAX];
extern const chat_stat_def_t     chat_stats[CHAT_STAT_MAX];
extern const chat_metric_def_t   chat_metrics[CHAT_METRIC_MAX];

/* Every object of the schema; NULL ends it. */
extern const chat_type_t *const  chat_objects[];


/* One command, decoded. */
typedef union {
    chat_cmd_hello_t         hello;
    chat_cmd_post_message_t  post_message;
    chat_cmd_take_dialog_t   take_dialog;
    chat_cmd_close_dialog_t  close_dialog;
    chat_cmd_release_dialog_t release_dialog;
    chat_cmd_typing_t        typing;
    chat_cmd_history_t       history;
    chat_cmd_ping_t          ping;
} chat_command_t;


/* The body of one event, decoded. */
typedef union {
    chat_ev_dialog_opened_t  dialog_opened;
    chat_ev_message_posted_t message_posted;
    chat_ev_dialog_taken_t   dialog_taken;
    chat_ev_dialog_closed_t  dialog_closed;
    chat_ev_dialog_released_t dialog_released;
    chat_ev_dialog_reopened_t dialog_reopened;
    chat_ev_probe_t          probe;
    chat_ev_account_changed_t account_changed;
    chat_ev_typing_t         typing;
    chat_ev_presence_t       presence;
} chat_event_body_t;


/* limits ------------------------------------------------------------------ */
/* characters in a message */
#define CHAT_LIMIT_TEXT_MAX            4000
/* bytes of a client's frame or POST body */
#define CHAT_LIMIT_FRAME_MAX           65536
/* bytes of an event's body in the log */
#define CHAT_LIMIT_BODY_MAX            65536
/* instances remembered per sender, the oldest is forgotten */
#define CHAT_LIMIT_INSTANCES           16
/* sends acknowledged ones a client keeps */
#define CHAT_LIMIT_TAIL                32
/* commands waiting in one session */
#define CHAT_LIMIT_SESSION_QUEUE       32
/* bytes of text in the commands waiting in one session */
#define CHAT_LIMIT_SESSION_BYTES       131072
/* events in one history frame */
#define CHAT_LIMIT_HISTORY_PAGE        100
/* dialogs in one welcome; beyond it the cabinet pages */
#define CHAT_LIMIT_DIALOGS_MAX         1000
/* ms after closing in which a message reopens (METRICS 12) */
#define CHAT_LIMIT_REOPEN_MS           259200000
/* ms between two typing events of a sender */
#define CHAT_LIMIT_TYPING_MS           2000


#endif /* _CHAT_SCHEMA_H_INCLUDED_ */
