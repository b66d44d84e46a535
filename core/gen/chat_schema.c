
/*
 * Written by schema/gen.pl from schema/chat.schema: do not edit.
 */

#include "chat_schema.h"


const char *const  chat_actor_kind_names[] = {
    "",
    "visitor",
    "operator",
    "system",
    NULL
};


const char *const  chat_dialog_state_names[] = {
    "",
    "queued",
    "active",
    "closed",
    NULL
};


const char *const  chat_close_reason_names[] = {
    "",
    "visitor",
    "operator",
    "idle",
    NULL
};


const char *const  chat_release_reason_names[] = {
    "",
    "operator",
    "no_answer",
    NULL
};


const char *const  chat_role_names[] = {
    "",
    "owner",
    "admin",
    "supervisor",
    "operator",
    "analyst",
    NULL
};


const char *const  chat_link_state_names[] = {
    "",
    "up",
    "down",
    NULL
};


const char *const  chat_bye_reason_names[] = {
    "",
    "reload",
    "slow",
    "revoked",
    "idle",
    "replaced",
    "limit",
    NULL
};


static const chat_field_t  chat_author_fields[] = {
    { chat_string("kind"), 1, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_author_t, kind), 1, 3, NULL,
      chat_actor_kind_names },
    { chat_string("id"), 2, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_author_t, id), 0, INT64_MAX, NULL, NULL },
    { chat_string("name"), 3, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTACT,
      offsetof(chat_author_t, name), 0, 100, NULL, NULL }
};

const chat_type_t  chat_author_type = {
    "author", sizeof(chat_author_t),
    chat_author_fields, 3
};


static const chat_field_t  chat_dialog_view_fields[] = {
    { chat_string("id"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, id), 16, 16, NULL,
      NULL },
    { chat_string("site"), 2, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, site), 0, INT64_MAX,
      NULL, NULL },
    { chat_string("visitor"), 3, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, visitor), 22, 22, NULL,
      NULL },
    { chat_string("state"), 4, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, state), 1, 3, NULL,
      chat_dialog_state_names },
    { chat_string("rev"), 5, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, rev), 0, INT64_MAX,
      NULL, NULL },
    { chat_string("seq"), 6, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, seq), 0, INT64_MAX,
      NULL, NULL },
    { chat_string("last"), 7, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, last), 3, 41, NULL,
      NULL },
    { chat_string("owner"), 8, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_dialog_view_t, owner), 0, INT64_MAX, NULL, NULL },
    { chat_string("name"), 9, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTACT,
      offsetof(chat_dialog_view_t, name), 0, 100, NULL, NULL },
    { chat_string("opened_ms"), 10, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_dialog_view_t, opened_ms), 0,
      INT64_MAX, NULL, NULL },
    { chat_string("queued_ms"), 11, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_dialog_view_t, queued_ms), 0, INT64_MAX, NULL, NULL },
    { chat_string("wait_ms"), 12, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_dialog_view_t, wait_ms), 0, INT64_MAX, NULL, NULL },
    { chat_string("closed_ms"), 13, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_dialog_view_t, closed_ms), 0, INT64_MAX, NULL, NULL },
    { chat_string("text"), 14, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTENT,
      offsetof(chat_dialog_view_t, text), 0, 120, NULL, NULL },
    { chat_string("page"), 15, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTENT,
      offsetof(chat_dialog_view_t, page), 0, 2000, NULL, NULL }
};

const chat_type_t  chat_dialog_view_type = {
    "dialog_view", sizeof(chat_dialog_view_t),
    chat_dialog_view_fields, 15
};


static const chat_field_t  chat_site_view_fields[] = {
    { chat_string("id"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_site_view_t, id), 0, INT64_MAX, NULL,
      NULL },
    { chat_string("name"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_site_view_t, name), 1, 253, NULL,
      NULL },
    { chat_string("role"), 3, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_site_view_t, role), 1, 5, NULL,
      chat_role_names }
};

const chat_type_t  chat_site_view_type = {
    "site_view", sizeof(chat_site_view_t),
    chat_site_view_fields, 3
};


static const chat_field_t  chat_operator_view_fields[] = {
    { chat_string("id"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_operator_view_t, id), 0, INT64_MAX,
      NULL, NULL },
    { chat_string("name"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_operator_view_t, name), 1, 100, NULL,
      NULL },
    { chat_string("online"), 3, CHAT_KIND_BOOL, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_operator_view_t, online), 0, 1, NULL, NULL }
};

const chat_type_t  chat_operator_view_type = {
    "operator_view", sizeof(chat_operator_view_t),
    chat_operator_view_fields, 3
};


static const chat_field_t  chat_event_view_fields[] = {
    { chat_string("e"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_event_view_t, e), 1, 40, NULL, NULL },
    { chat_string("id"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_event_view_t, id), 3, 41, NULL, NULL },
    { chat_string("dialog"), 3, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_event_view_t, dialog), 16, 16, NULL,
      NULL },
    { chat_string("seq"), 4, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_event_view_t, seq), 0, INT64_MAX, NULL, NULL },
    { chat_string("sender"), 5, CHAT_KIND_STR, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_event_view_t, sender), 0, 60, NULL, NULL },
    { chat_string("body"), 6, CHAT_KIND_RAW, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_event_view_t, body), 0, INT64_MAX,
      NULL, NULL }
};

const chat_type_t  chat_event_view_type = {
    "event_view", sizeof(chat_event_view_t),
    chat_event_view_fields, 6
};


static const chat_field_t  chat_login_request_fields[] = {
    { chat_string("login"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_CONTACT, offsetof(chat_login_request_t, login), 1, 100,
      NULL, NULL },
    { chat_string("password"), 2, CHAT_KIND_STR,
      CHAT_FIELD_REQUIRED | CHAT_FIELD_SECRET, CHAT_PRIVACY_NONE,
      offsetof(chat_login_request_t, password), 1, 200, NULL, NULL }
};

const chat_type_t  chat_login_request_type = {
    "login_request", sizeof(chat_login_request_t),
    chat_login_request_fields, 2
};


static const chat_field_t  chat_me_view_fields[] = {
    { chat_string("operator"), 1, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_me_view_t, operator), 0, 0,
      &chat_operator_view_type, NULL },
    { chat_string("csrf"), 2, CHAT_KIND_STR,
      CHAT_FIELD_REQUIRED | CHAT_FIELD_SECRET, CHAT_PRIVACY_NONE,
      offsetof(chat_me_view_t, csrf), 1, 64, NULL, NULL },
    { chat_string("sites"), 3, CHAT_KIND_LIST, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_me_view_t, sites), 0, INT64_MAX,
      &chat_site_view_type, NULL },
    { chat_string("expires_ms"), 4, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_me_view_t, expires_ms), 0, INT64_MAX,
      NULL, NULL }
};

const chat_type_t  chat_me_view_type = {
    "me_view", sizeof(chat_me_view_t),
    chat_me_view_fields, 4
};


static const chat_field_t  chat_session_info_fields[] = {
    { chat_string("id"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_session_info_t, id), 16, 16, NULL,
      NULL },
    { chat_string("created_ms"), 2, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_session_info_t, created_ms), 0,
      INT64_MAX, NULL, NULL },
    { chat_string("expires_ms"), 3, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_session_info_t, expires_ms), 0,
      INT64_MAX, NULL, NULL },
    { chat_string("agent"), 4, CHAT_KIND_STR, 0, CHAT_PRIVACY_NETWORK,
      offsetof(chat_session_info_t, agent), 0, 200, NULL, NULL },
    { chat_string("ip"), 5, CHAT_KIND_STR, 0, CHAT_PRIVACY_NETWORK,
      offsetof(chat_session_info_t, ip), 0, 64, NULL, NULL },
    { chat_string("current"), 6, CHAT_KIND_BOOL, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_session_info_t, current), 0, 1, NULL, NULL }
};

const chat_type_t  chat_session_info_type = {
    "session_info", sizeof(chat_session_info_t),
    chat_session_info_fields, 6
};


static const chat_field_t  chat_sessions_view_fields[] = {
    { chat_string("sessions"), 1, CHAT_KIND_LIST, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_sessions_view_t, sessions), 0,
      INT64_MAX, &chat_session_info_type, NULL }
};

const chat_type_t  chat_sessions_view_type = {
    "sessions_view", sizeof(chat_sessions_view_t),
    chat_sessions_view_fields, 1
};


static const chat_field_t  chat_visitor_identity_fields[] = {
    { chat_string("visitor"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_visitor_identity_t, visitor), 22, 22,
      NULL, NULL },
    { chat_string("token"), 2, CHAT_KIND_STR,
      CHAT_FIELD_REQUIRED | CHAT_FIELD_SECRET, CHAT_PRIVACY_NONE,
      offsetof(chat_visitor_identity_t, token), 1, 200, NULL, NULL },
    { chat_string("expires_ms"), 3, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_visitor_identity_t, expires_ms), 0,
      INT64_MAX, NULL, NULL }
};

const chat_type_t  chat_visitor_identity_type = {
    "visitor_identity", sizeof(chat_visitor_identity_t),
    chat_visitor_identity_fields, 3
};


static const chat_field_t  chat_limits_view_fields[] = {
    { chat_string("text_max"), 1, CHAT_KIND_INT, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_limits_view_t, text_max),
      -CHAT_INT_MAX, CHAT_INT_MAX, NULL, NULL },
    { chat_string("ping_ms"), 2, CHAT_KIND_INT, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_limits_view_t, ping_ms),
      -CHAT_INT_MAX, CHAT_INT_MAX, NULL, NULL },
    { chat_string("tail"), 3, CHAT_KIND_INT, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_limits_view_t, tail), -CHAT_INT_MAX,
      CHAT_INT_MAX, NULL, NULL },
    { chat_string("return_ms"), 4, CHAT_KIND_INT, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_limits_view_t, return_ms), -CHAT_INT_MAX, CHAT_INT_MAX,
      NULL, NULL }
};

const chat_type_t  chat_limits_view_type = {
    "limits_view", sizeof(chat_limits_view_t),
    chat_limits_view_fields, 4
};


static const chat_field_t  chat_ev_dialog_opened_fields[] = {
    { chat_string("name"), 1, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTACT,
      offsetof(chat_ev_dialog_opened_t, name), 0, 100, NULL, NULL },
    { chat_string("page"), 2, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTENT,
      offsetof(chat_ev_dialog_opened_t, page), 0, 2000, NULL, NULL }
};

const chat_type_t  chat_ev_dialog_opened_type = {
    "dialog_opened", sizeof(chat_ev_dialog_opened_t),
    chat_ev_dialog_opened_fields, 2
};


static const chat_field_t  chat_ev_message_posted_fields[] = {
    { chat_string("from"), 1, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_message_posted_t, from), 0, 0,
      &chat_author_type, NULL },
    { chat_string("text"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_CONTENT, offsetof(chat_ev_message_posted_t, text), 1,
      4000, NULL, NULL }
};

const chat_type_t  chat_ev_message_posted_type = {
    "message_posted", sizeof(chat_ev_message_posted_t),
    chat_ev_message_posted_fields, 2
};


static const chat_field_t  chat_ev_dialog_taken_fields[] = {
    { chat_string("operator"), 1, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_dialog_taken_t, operator), 0, 0,
      &chat_author_type, NULL }
};

const chat_type_t  chat_ev_dialog_taken_type = {
    "dialog_taken", sizeof(chat_ev_dialog_taken_t),
    chat_ev_dialog_taken_fields, 1
};


static const chat_field_t  chat_ev_dialog_closed_fields[] = {
    { chat_string("by"), 1, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_dialog_closed_t, by), 0, 0,
      &chat_author_type, NULL },
    { chat_string("reason"), 2, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_dialog_closed_t, reason), 1, 3,
      NULL, chat_close_reason_names }
};

const chat_type_t  chat_ev_dialog_closed_type = {
    "dialog_closed", sizeof(chat_ev_dialog_closed_t),
    chat_ev_dialog_closed_fields, 2
};


static const chat_field_t  chat_ev_dialog_released_fields[] = {
    { chat_string("by"), 1, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_dialog_released_t, by), 0, 0,
      &chat_author_type, NULL },
    { chat_string("reason"), 2, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_dialog_released_t, reason), 1, 2,
      NULL, chat_release_reason_names }
};

const chat_type_t  chat_ev_dialog_released_type = {
    "dialog_released", sizeof(chat_ev_dialog_released_t),
    chat_ev_dialog_released_fields, 2
};


static const chat_field_t  chat_ev_dialog_reopened_fields[] = {
    { chat_string("name"), 1, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTACT,
      offsetof(chat_ev_dialog_reopened_t, name), 0, 100, NULL, NULL },
    { chat_string("page"), 2, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTENT,
      offsetof(chat_ev_dialog_reopened_t, page), 0, 2000, NULL, NULL },
    { chat_string("opened_ms"), 3, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_ev_dialog_reopened_t, opened_ms), 0, INT64_MAX, NULL,
      NULL },
    { chat_string("rev"), 4, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_ev_dialog_reopened_t, rev), 0, INT64_MAX, NULL, NULL }
};

const chat_type_t  chat_ev_dialog_reopened_type = {
    "dialog_reopened", sizeof(chat_ev_dialog_reopened_t),
    chat_ev_dialog_reopened_fields, 4
};


static const chat_field_t  chat_ev_probe_fields[] = {
    { chat_string("node"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_probe_t, node), 1, 32, NULL, NULL },
    { chat_string("n"), 2, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_probe_t, n), 0, INT64_MAX, NULL,
      NULL }
};

const chat_type_t  chat_ev_probe_type = {
    "probe", sizeof(chat_ev_probe_t),
    chat_ev_probe_fields, 2
};


static const chat_field_t  chat_ev_account_changed_fields[] = {
    { chat_string("account"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_account_changed_t, account), 0,
      INT64_MAX, NULL, NULL },
    { chat_string("operator"), 2, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_ev_account_changed_t, operator), 0, INT64_MAX, NULL,
      NULL }
};

const chat_type_t  chat_ev_account_changed_type = {
    "account_changed", sizeof(chat_ev_account_changed_t),
    chat_ev_account_changed_fields, 2
};


static const chat_field_t  chat_ev_typing_fields[] = {
    { chat_string("from"), 1, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_typing_t, from), 0, 0,
      &chat_author_type, NULL }
};

const chat_type_t  chat_ev_typing_type = {
    "typing", sizeof(chat_ev_typing_t),
    chat_ev_typing_fields, 1
};


static const chat_field_t  chat_ev_presence_fields[] = {
    { chat_string("online"), 1, CHAT_KIND_BOOL, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_ev_presence_t, online), 0, 1, NULL,
      NULL }
};

const chat_type_t  chat_ev_presence_type = {
    "presence", sizeof(chat_ev_presence_t),
    chat_ev_presence_fields, 1
};


static const chat_field_t  chat_cmd_hello_fields[] = {
    { chat_string("instance"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_hello_t, instance), 8, 32, NULL,
      NULL },
    { chat_string("cursor"), 2, CHAT_KIND_STR, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_cmd_hello_t, cursor), 0, 700, NULL, NULL },
    { chat_string("page"), 3, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTENT,
      offsetof(chat_cmd_hello_t, page), 0, 2000, NULL, NULL }
};

const chat_type_t  chat_cmd_hello_type = {
    "hello", sizeof(chat_cmd_hello_t),
    chat_cmd_hello_fields, 3
};


static const chat_field_t  chat_cmd_post_message_fields[] = {
    { chat_string("n"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_post_message_t, n), 1, INT64_MAX,
      NULL, NULL },
    { chat_string("dialog"), 2, CHAT_KIND_STR, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_cmd_post_message_t, dialog), 16, 16, NULL, NULL },
    { chat_string("text"), 3, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_CONTENT, offsetof(chat_cmd_post_message_t, text), 1, 4000,
      NULL, NULL },
    { chat_string("page"), 4, CHAT_KIND_STR, 0, CHAT_PRIVACY_CONTENT,
      offsetof(chat_cmd_post_message_t, page), 0, 2000, NULL, NULL }
};

const chat_type_t  chat_cmd_post_message_type = {
    "post_message", sizeof(chat_cmd_post_message_t),
    chat_cmd_post_message_fields, 4
};


static const chat_field_t  chat_cmd_take_dialog_fields[] = {
    { chat_string("n"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_take_dialog_t, n), 1, INT64_MAX,
      NULL, NULL },
    { chat_string("dialog"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_take_dialog_t, dialog), 16, 16,
      NULL, NULL }
};

const chat_type_t  chat_cmd_take_dialog_type = {
    "take_dialog", sizeof(chat_cmd_take_dialog_t),
    chat_cmd_take_dialog_fields, 2
};


static const chat_field_t  chat_cmd_close_dialog_fields[] = {
    { chat_string("n"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_close_dialog_t, n), 1, INT64_MAX,
      NULL, NULL },
    { chat_string("dialog"), 2, CHAT_KIND_STR, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_cmd_close_dialog_t, dialog), 16, 16, NULL, NULL }
};

const chat_type_t  chat_cmd_close_dialog_type = {
    "close_dialog", sizeof(chat_cmd_close_dialog_t),
    chat_cmd_close_dialog_fields, 2
};


static const chat_field_t  chat_cmd_release_dialog_fields[] = {
    { chat_string("n"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_release_dialog_t, n), 1,
      INT64_MAX, NULL, NULL },
    { chat_string("dialog"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_release_dialog_t, dialog), 16, 16,
      NULL, NULL }
};

const chat_type_t  chat_cmd_release_dialog_type = {
    "release_dialog", sizeof(chat_cmd_release_dialog_t),
    chat_cmd_release_dialog_fields, 2
};


static const chat_field_t  chat_cmd_typing_fields[] = {
    { chat_string("dialog"), 1, CHAT_KIND_STR, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_cmd_typing_t, dialog), 16, 16, NULL, NULL }
};

const chat_type_t  chat_cmd_typing_type = {
    "typing", sizeof(chat_cmd_typing_t),
    chat_cmd_typing_fields, 1
};


static const chat_field_t  chat_cmd_history_fields[] = {
    { chat_string("dialog"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_history_t, dialog), 16, 16, NULL,
      NULL },
    { chat_string("after"), 2, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_cmd_history_t, after), 0, INT64_MAX,
      NULL, NULL }
};

const chat_type_t  chat_cmd_history_type = {
    "history", sizeof(chat_cmd_history_t),
    chat_cmd_history_fields, 2
};


const chat_type_t  chat_cmd_ping_type = {
    "ping", sizeof(chat_cmd_ping_t),
    NULL, 0
};


static const chat_field_t  chat_frame_welcome_fields[] = {
    { chat_string("cursor"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_welcome_t, cursor), 1, 700,
      NULL, NULL },
    { chat_string("reset"), 2, CHAT_KIND_BOOL, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_welcome_t, reset), 0, 1, NULL,
      NULL },
    { chat_string("n"), 3, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_welcome_t, n), 0, INT64_MAX,
      NULL, NULL },
    { chat_string("limits"), 4, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_welcome_t, limits), 0, 0,
      &chat_limits_view_type, NULL },
    { chat_string("link"), 5, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_welcome_t, link), 1, 2, NULL,
      chat_link_state_names },
    { chat_string("online"), 6, CHAT_KIND_BOOL, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_welcome_t, online), 0, 1, NULL, NULL },
    { chat_string("dialog"), 7, CHAT_KIND_OBJ, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_welcome_t, dialog), 0, 0, &chat_dialog_view_type,
      NULL },
    { chat_string("events"), 8, CHAT_KIND_LIST, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_welcome_t, events), 0, INT64_MAX,
      &chat_event_view_type, NULL },
    { chat_string("dialogs"), 9, CHAT_KIND_LIST, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_welcome_t, dialogs), 0, INT64_MAX,
      &chat_dialog_view_type, NULL },
    { chat_string("operator"), 10, CHAT_KIND_OBJ, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_welcome_t, operator), 0, 0,
      &chat_operator_view_type, NULL },
    { chat_string("colleagues"), 11, CHAT_KIND_LIST, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_welcome_t, colleagues), 0, INT64_MAX,
      &chat_operator_view_type, NULL },
    { chat_string("sites"), 12, CHAT_KIND_LIST, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_welcome_t, sites), 0, INT64_MAX,
      &chat_site_view_type, NULL }
};

const chat_type_t  chat_frame_welcome_type = {
    "welcome", sizeof(chat_frame_welcome_t),
    chat_frame_welcome_fields, 12
};


static const chat_field_t  chat_frame_event_fields[] = {
    { chat_string("cursor"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_event_t, cursor), 1, 700, NULL,
      NULL },
    { chat_string("e"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_event_t, e), 1, 40, NULL, NULL },
    { chat_string("id"), 3, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_event_t, id), 3, 41, NULL, NULL },
    { chat_string("dialog"), 4, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_event_t, dialog), 16, 16, NULL,
      NULL },
    { chat_string("seq"), 5, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_event_t, seq), 0, INT64_MAX, NULL, NULL },
    { chat_string("sender"), 6, CHAT_KIND_STR, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_event_t, sender), 0, 60, NULL, NULL },
    { chat_string("view"), 7, CHAT_KIND_OBJ, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_event_t, view), 0, 0, &chat_dialog_view_type, NULL },
    { chat_string("body"), 8, CHAT_KIND_RAW, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_event_t, body), 0, INT64_MAX,
      NULL, NULL }
};

const chat_type_t  chat_frame_event_type = {
    "event", sizeof(chat_frame_event_t),
    chat_frame_event_fields, 8
};


static const chat_field_t  chat_frame_ack_fields[] = {
    { chat_string("n"), 1, CHAT_KIND_U64, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_ack_t, n), 0, INT64_MAX, NULL,
      NULL },
    { chat_string("id"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_ack_t, id), 3, 41, NULL, NULL },
    { chat_string("dialog"), 3, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_ack_t, dialog), 16, 16, NULL,
      NULL },
    { chat_string("seq"), 4, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_ack_t, seq), 0, INT64_MAX, NULL, NULL },
    { chat_string("already"), 5, CHAT_KIND_BOOL, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_ack_t, already), 0, 1, NULL, NULL }
};

const chat_type_t  chat_frame_ack_type = {
    "ack", sizeof(chat_frame_ack_t),
    chat_frame_ack_fields, 5
};


static const chat_field_t  chat_frame_error_fields[] = {
    { chat_string("code"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_error_t, code), 1, 40, NULL,
      NULL },
    { chat_string("text"), 2, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_error_t, text), 1, 200, NULL,
      NULL },
    { chat_string("n"), 3, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_error_t, n), 0, INT64_MAX, NULL, NULL },
    { chat_string("expected"), 4, CHAT_KIND_U64, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_error_t, expected), 0, INT64_MAX, NULL, NULL },
    { chat_string("retry_ms"), 5, CHAT_KIND_INT, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_error_t, retry_ms), -CHAT_INT_MAX, CHAT_INT_MAX,
      NULL, NULL },
    { chat_string("field"), 6, CHAT_KIND_STR, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_error_t, field), 0, 64, NULL, NULL },
    { chat_string("offset"), 7, CHAT_KIND_INT, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_error_t, offset), -CHAT_INT_MAX, CHAT_INT_MAX,
      NULL, NULL }
};

const chat_type_t  chat_frame_error_type = {
    "error", sizeof(chat_frame_error_t),
    chat_frame_error_fields, 7
};


static const chat_field_t  chat_frame_history_fields[] = {
    { chat_string("dialog"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_history_t, dialog), 16, 16,
      NULL, NULL },
    { chat_string("events"), 2, CHAT_KIND_LIST, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_history_t, events), 0,
      INT64_MAX, &chat_event_view_type, NULL },
    { chat_string("more"), 3, CHAT_KIND_BOOL, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_history_t, more), 0, 1, NULL,
      NULL }
};

const chat_type_t  chat_frame_history_type = {
    "history", sizeof(chat_frame_history_t),
    chat_frame_history_fields, 3
};


static const chat_field_t  chat_frame_typing_fields[] = {
    { chat_string("dialog"), 1, CHAT_KIND_STR, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_typing_t, dialog), 16, 16, NULL,
      NULL },
    { chat_string("from"), 2, CHAT_KIND_OBJ, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_typing_t, from), 0, 0,
      &chat_author_type, NULL }
};

const chat_type_t  chat_frame_typing_type = {
    "typing", sizeof(chat_frame_typing_t),
    chat_frame_typing_fields, 2
};


static const chat_field_t  chat_frame_presence_fields[] = {
    { chat_string("online"), 1, CHAT_KIND_BOOL, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_presence_t, online), 0, 1, NULL, NULL },
    { chat_string("operators"), 2, CHAT_KIND_LIST, 0, CHAT_PRIVACY_NONE,
      offsetof(chat_frame_presence_t, operators), 0, INT64_MAX,
      &chat_operator_view_type, NULL }
};

const chat_type_t  chat_frame_presence_type = {
    "presence", sizeof(chat_frame_presence_t),
    chat_frame_presence_fields, 2
};


static const chat_field_t  chat_frame_link_fields[] = {
    { chat_string("link"), 1, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_link_t, link), 1, 2, NULL,
      chat_link_state_names }
};

const chat_type_t  chat_frame_link_type = {
    "link", sizeof(chat_frame_link_t),
    chat_frame_link_fields, 1
};


static const chat_field_t  chat_frame_bye_fields[] = {
    { chat_string("reason"), 1, CHAT_KIND_ENUM, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_bye_t, reason), 1, 6, NULL,
      chat_bye_reason_names },
    { chat_string("after_ms"), 2, CHAT_KIND_INT, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_bye_t, after_ms), -CHAT_INT_MAX,
      CHAT_INT_MAX, NULL, NULL },
    { chat_string("resume"), 3, CHAT_KIND_BOOL, CHAT_FIELD_REQUIRED,
      CHAT_PRIVACY_NONE, offsetof(chat_frame_bye_t, resume), 0, 1, NULL,
      NULL }
};

const chat_type_t  chat_frame_bye_type = {
    "bye", sizeof(chat_frame_bye_t),
    chat_frame_bye_fields, 3
};


const chat_type_t  chat_frame_pong_type = {
    "pong", sizeof(chat_frame_pong_t),
    NULL, 0
};


const chat_event_def_t  chat_events[CHAT_EV_MAX] = {
    [CHAT_EV_DIALOG_OPENED] =
    { CHAT_EV_DIALOG_OPENED, chat_string("dialog_opened"), 1,
      CHAT_AUDIENCE_PUBLIC, &chat_ev_dialog_opened_type },
    [CHAT_EV_MESSAGE_POSTED] =
    { CHAT_EV_MESSAGE_POSTED, chat_string("message_posted"), 1,
      CHAT_AUDIENCE_PUBLIC, &chat_ev_message_posted_type },
    [CHAT_EV_DIALOG_TAKEN] =
    { CHAT_EV_DIALOG_TAKEN, chat_string("dialog_taken"), 1,
      CHAT_AUDIENCE_PUBLIC, &chat_ev_dialog_taken_type },
    [CHAT_EV_DIALOG_CLOSED] =
    { CHAT_EV_DIALOG_CLOSED, chat_string("dialog_closed"), 1,
      CHAT_AUDIENCE_PUBLIC, &chat_ev_dialog_closed_type },
    [CHAT_EV_DIALOG_RELEASED] =
    { CHAT_EV_DIALOG_RELEASED, chat_string("dialog_released"), 1,
      CHAT_AUDIENCE_PUBLIC, &chat_ev_dialog_released_type },
    [CHAT_EV_DIALOG_REOPENED] =
    { CHAT_EV_DIALOG_REOPENED, chat_string("dialog_reopened"), 1,
      CHAT_AUDIENCE_PUBLIC, &chat_ev_dialog_reopened_type },
    [CHAT_EV_PROBE] =
    { CHAT_EV_PROBE, chat_string("probe"), 1, CHAT_AUDIENCE_SYSTEM,
      &chat_ev_probe_type },
    [CHAT_EV_ACCOUNT_CHANGED] =
    { CHAT_EV_ACCOUNT_CHANGED, chat_string("account_changed"), 1,
      CHAT_AUDIENCE_SYSTEM, &chat_ev_account_changed_type },
    [CHAT_EV_TYPING] =
    { CHAT_EV_TYPING, chat_string("typing"), 0, CHAT_AUDIENCE_PUBLIC,
      &chat_ev_typing_type },
    [CHAT_EV_PRESENCE] =
    { CHAT_EV_PRESENCE, chat_string("presence"), 0, CHAT_AUDIENCE_PUBLIC,
      &chat_ev_presence_type }
};


const chat_command_def_t  chat_commands[CHAT_CMD_MAX] = {
    [CHAT_CMD_HELLO] =
    { CHAT_CMD_HELLO, chat_string("hello"),
      1 << CHAT_ACTOR_KIND_VISITOR | 1 << CHAT_ACTOR_KIND_OPERATOR, 0,
      &chat_cmd_hello_type },
    [CHAT_CMD_POST_MESSAGE] =
    { CHAT_CMD_POST_MESSAGE, chat_string("post_message"),
      1 << CHAT_ACTOR_KIND_VISITOR | 1 << CHAT_ACTOR_KIND_OPERATOR, 1,
      &chat_cmd_post_message_type },
    [CHAT_CMD_TAKE_DIALOG] =
    { CHAT_CMD_TAKE_DIALOG, chat_string("take_dialog"),
      1 << CHAT_ACTOR_KIND_OPERATOR, 1, &chat_cmd_take_dialog_type },
    [CHAT_CMD_CLOSE_DIALOG] =
    { CHAT_CMD_CLOSE_DIALOG, chat_string("close_dialog"),
      1 << CHAT_ACTOR_KIND_VISITOR | 1 << CHAT_ACTOR_KIND_OPERATOR, 1,
      &chat_cmd_close_dialog_type },
    [CHAT_CMD_RELEASE_DIALOG] =
    { CHAT_CMD_RELEASE_DIALOG, chat_string("release_dialog"),
      1 << CHAT_ACTOR_KIND_OPERATOR, 1, &chat_cmd_release_dialog_type },
    [CHAT_CMD_TYPING] =
    { CHAT_CMD_TYPING, chat_string("typing"),
      1 << CHAT_ACTOR_KIND_VISITOR | 1 << CHAT_ACTOR_KIND_OPERATOR, 0,
      &chat_cmd_typing_type },
    [CHAT_CMD_HISTORY] =
    { CHAT_CMD_HISTORY, chat_string("history"),
      1 << CHAT_ACTOR_KIND_VISITOR | 1 << CHAT_ACTOR_KIND_OPERATOR, 0,
      &chat_cmd_history_type },
    [CHAT_CMD_PING] =
    { CHAT_CMD_PING, chat_string("ping"),
      1 << CHAT_ACTOR_KIND_VISITOR | 1 << CHAT_ACTOR_KIND_OPERATOR, 0,
      &chat_cmd_ping_type }
};


const chat_frame_def_t  chat_frames[CHAT_FRAME_MAX] = {
    [CHAT_FRAME_WELCOME] =
    { CHAT_FRAME_WELCOME, chat_string("welcome"), &chat_frame_welcome_type },
    [CHAT_FRAME_EVENT] =
    { CHAT_FRAME_EVENT, chat_string("event"), &chat_frame_event_type },
    [CHAT_FRAME_ACK] =
    { CHAT_FRAME_ACK, chat_string("ack"), &chat_frame_ack_type },
    [CHAT_FRAME_ERROR] =
    { CHAT_FRAME_ERROR, chat_string("error"), &chat_frame_error_type },
    [CHAT_FRAME_HISTORY] =
    { CHAT_FRAME_HISTORY, chat_string("history"), &chat_frame_history_type },
    [CHAT_FRAME_TYPING] =
    { CHAT_FRAME_TYPING, chat_string("typing"), &chat_frame_typing_type },
    [CHAT_FRAME_PRESENCE] =
    { CHAT_FRAME_PRESENCE, chat_string("presence"),
      &chat_frame_presence_type },
    [CHAT_FRAME_LINK] =
    { CHAT_FRAME_LINK, chat_string("link"), &chat_frame_link_type },
    [CHAT_FRAME_BYE] =
    { CHAT_FRAME_BYE, chat_string("bye"), &chat_frame_bye_type },
    [CHAT_FRAME_PONG] =
    { CHAT_FRAME_PONG, chat_string("pong"), &chat_frame_pong_type }
};


const chat_error_def_t  chat_errors[CHAT_E_MAX] = {
    [CHAT_E_BAD_JSON] =
    { CHAT_E_BAD_JSON, chat_string("bad_json"), 400, CHAT_ERROR_FINAL,
      chat_string("The frame is not a JSON object.") },
    [CHAT_E_BAD_FIELD] =
    { CHAT_E_BAD_FIELD, chat_string("bad_field"), 400, CHAT_ERROR_FINAL,
      chat_string("A field is missing, unknown or out of range.") },
    [CHAT_E_UNKNOWN_COMMAND] =
    { CHAT_E_UNKNOWN_COMMAND, chat_string("unknown_command"), 400,
      CHAT_ERROR_FINAL, chat_string("There is no such command.") },
    [CHAT_E_TOO_LARGE] =
    { CHAT_E_TOO_LARGE, chat_string("too_large"), 413, CHAT_ERROR_FINAL,
      chat_string("The frame is too large.") },
    [CHAT_E_UNAUTHORIZED] =
    { CHAT_E_UNAUTHORIZED, chat_string("unauthorized"), 401,
      CHAT_ERROR_FINAL, chat_string("Log in or get a visitor token first.") },
    [CHAT_E_FORBIDDEN] =
    { CHAT_E_FORBIDDEN, chat_string("forbidden"), 403, CHAT_ERROR_FINAL,
      chat_string("You may not do that.") },
    [CHAT_E_NOT_FOUND] =
    { CHAT_E_NOT_FOUND, chat_string("not_found"), 404, CHAT_ERROR_FINAL,
      chat_string("There is no such thing.") },
    [CHAT_E_CONFLICT] =
    { CHAT_E_CONFLICT, chat_string("conflict"), 409, CHAT_ERROR_FINAL,
      chat_string("Somebody else was faster.") },
    [CHAT_E_CLOSED] =
    { CHAT_E_CLOSED, chat_string("closed"), 409, CHAT_ERROR_FINAL,
      chat_string("The dialog is closed.") },
    [CHAT_E_GAP] =
    { CHAT_E_GAP, chat_string("gap"), 409, CHAT_ERROR_GAP,
      chat_string("Numbers are missing: resend from `expected`.") },
    [CHAT_E_BUSY] =
    { CHAT_E_BUSY, chat_string("busy"), 503, CHAT_ERROR_TEMPORARY,
      chat_string("Too much waits here; try again.") },
    [CHAT_E_STORE_DOWN] =
    { CHAT_E_STORE_DOWN, chat_string("store_down"), 503,
      CHAT_ERROR_TEMPORARY,
      chat_string("The store is away; nothing is lost on your side.") },
    [CHAT_E_STORE_FULL] =
    { CHAT_E_STORE_FULL, chat_string("store_full"), 503,
      CHAT_ERROR_TEMPORARY,
      chat_string("The store is full; new messages are refused until there is "
                  "room.") },
    [CHAT_E_RATE] =
    { CHAT_E_RATE, chat_string("rate"), 429, CHAT_ERROR_TEMPORARY,
      chat_string("Too many requests.") },
    [CHAT_E_MISDIRECTED] =
    { CHAT_E_MISDIRECTED, chat_string("misdirected"), 421, CHAT_ERROR_FINAL,
      chat_string("This host does not serve that site.") },
    [CHAT_E_BAD_ORIGIN] =
    { CHAT_E_BAD_ORIGIN, chat_string("bad_origin"), 403, CHAT_ERROR_FINAL,
      chat_string("The Origin is not one of this site's hosts.") },
    [CHAT_E_BAD_CURSOR] =
    { CHAT_E_BAD_CURSOR, chat_string("bad_cursor"), 400, CHAT_ERROR_FINAL,
      chat_string("The cursor is damaged; say hello without it.") },
    [CHAT_E_EXPECTED_HELLO] =
    { CHAT_E_EXPECTED_HELLO, chat_string("expected_hello"), 400,
      CHAT_ERROR_FINAL, chat_string("The first frame must be hello.") },
    [CHAT_E_BAD_CREDENTIALS] =
    { CHAT_E_BAD_CREDENTIALS, chat_string("bad_credentials"), 401,
      CHAT_ERROR_FINAL, chat_string("Wrong login or password.") },
    [CHAT_E_THROTTLED] =
    { CHAT_E_THROTTLED, chat_string("throttled"), 429, CHAT_ERROR_TEMPORARY,
      chat_string("Too many attempts; wait.") },
    [CHAT_E_BAD_CSRF] =
    { CHAT_E_BAD_CSRF, chat_string("bad_csrf"), 403, CHAT_ERROR_FINAL,
      chat_string("The CSRF header is missing or wrong.") },
    [CHAT_E_METHOD] =
    { CHAT_E_METHOD, chat_string("method"), 405, CHAT_ERROR_FINAL,
      chat_string("This address does not take that method.") },
    [CHAT_E_MEDIA_TYPE] =
    { CHAT_E_MEDIA_TYPE, chat_string("media_type"), 415, CHAT_ERROR_FINAL,
      chat_string("Send application/json.") },
    [CHAT_E_UPGRADE] =
    { CHAT_E_UPGRADE, chat_string("upgrade"), 426, CHAT_ERROR_FINAL,
      chat_string("This address speaks WebSocket version 13 only.") },
    [CHAT_E_SUSPENDED] =
    { CHAT_E_SUSPENDED, chat_string("suspended"), 403, CHAT_ERROR_FINAL,
      chat_string("Chat is switched off for this site.") },
    [CHAT_E_INTERNAL] =
    { CHAT_E_INTERNAL, chat_string("internal"), 500, CHAT_ERROR_TEMPORARY,
      chat_string("Something failed on our side; it is logged.") },
    [CHAT_E_LENGTH] =
    { CHAT_E_LENGTH, chat_string("length"), 411, CHAT_ERROR_FINAL,
      chat_string("Send the length of the body (Content-Length).") },
    [CHAT_E_INSECURE] =
    { CHAT_E_INSECURE, chat_string("insecure"), 403, CHAT_ERROR_FINAL,
      chat_string("Passwords are taken over HTTPS only.") }
};


const chat_stat_def_t  chat_stats[CHAT_STAT_MAX] = {
    [CHAT_STAT_REQUESTS] =
    { CHAT_STAT_REQUESTS, chat_string("requests"), 0, chat_string("dialogs"),
      CHAT_DIM_SITE,
      chat_string("episodes that entered the queue (METRICS 1)") },
    [CHAT_STAT_ANSWERED] =
    { CHAT_STAT_ANSWERED, chat_string("answered"), 0, chat_string("dialogs"),
      CHAT_DIM_SITE | CHAT_DIM_OPERATOR,
      chat_string("episodes that got a first human message") },
    [CHAT_STAT_MESSAGES_VISITOR] =
    { CHAT_STAT_MESSAGES_VISITOR, chat_string("messages_visitor"), 0,
      chat_string("messages"), CHAT_DIM_SITE,
      chat_string("written by visitors") },
    [CHAT_STAT_MESSAGES_OPERATOR] =
    { CHAT_STAT_MESSAGES_OPERATOR, chat_string("messages_operator"), 0,
      chat_string("messages"), CHAT_DIM_SITE | CHAT_DIM_OPERATOR,
      chat_string("written by operators") },
    [CHAT_STAT_TAKEN] =
    { CHAT_STAT_TAKEN, chat_string("taken"), 0, chat_string("dialogs"),
      CHAT_DIM_SITE | CHAT_DIM_OPERATOR, chat_string("taken from the queue") },
    [CHAT_STAT_CLOSED] =
    { CHAT_STAT_CLOSED, chat_string("closed"), 0, chat_string("dialogs"),
      CHAT_DIM_SITE | CHAT_DIM_OPERATOR, chat_string("closed") },
    [CHAT_STAT_RELEASED] =
    { CHAT_STAT_RELEASED, chat_string("released"), 0, chat_string("dialogs"),
      CHAT_DIM_SITE | CHAT_DIM_OPERATOR,
      chat_string("given back to the queue") },
    [CHAT_STAT_REOPENED] =
    { CHAT_STAT_REOPENED, chat_string("reopened"), 0, chat_string("dialogs"),
      CHAT_DIM_SITE, chat_string("reopened within 72 h") },
    [CHAT_STAT_FIRST_RESPONSE] =
    { CHAT_STAT_FIRST_RESPONSE, chat_string("first_response"), 1,
      chat_string("ms"), CHAT_DIM_SITE | CHAT_DIM_OPERATOR,
      chat_string("first human message - start (METRICS 5)") },
    [CHAT_STAT_RESPONSE] =
    { CHAT_STAT_RESPONSE, chat_string("response"), 1, chat_string("ms"),
      CHAT_DIM_SITE | CHAT_DIM_OPERATOR,
      chat_string("human reply - first message of the visitor's run (METRICS "
                  "6)") },
    [CHAT_STAT_QUEUE_WAIT] =
    { CHAT_STAT_QUEUE_WAIT, chat_string("queue_wait"), 1, chat_string("ms"),
      CHAT_DIM_SITE | CHAT_DIM_OPERATOR,
      chat_string("accept - entering the queue (METRICS 4)") }
};


const chat_metric_def_t  chat_metrics[CHAT_METRIC_MAX] = {
    [CHAT_METRIC_CONNECTIONS_WS] =
    { chat_string("connections_ws"), 1, chat_string("connections"),
      chat_string("WebSockets open") },
    [CHAT_METRIC_CONNECTIONS_SSE] =
    { chat_string("connections_sse"), 1, chat_string("connections"),
      chat_string("event streams open") },
    [CHAT_METRIC_CONNECTIONS_POLL] =
    { chat_string("connections_poll"), 1, chat_string("connections"),
      chat_string("long polls held") },
    [CHAT_METRIC_CONNECTIONS_REFUSED] =
    { chat_string("connections_refused"), 0, chat_string("connections"),
      chat_string("refused: no room, or the worker leaves") },
    [CHAT_METRIC_FRAMES_IN] =
    { chat_string("frames_in"), 0, chat_string("frames"),
      chat_string("commands received") },
    [CHAT_METRIC_FRAMES_OUT] =
    { chat_string("frames_out"), 0, chat_string("frames"),
      chat_string("frames sent to clients") },
    [CHAT_METRIC_BYTES_OUT] =
    { chat_string("bytes_out"), 0, chat_string("bytes"),
      chat_string("sent to clients") },
    [CHAT_METRIC_WRITES_ACKED] =
    { chat_string("writes_acked"), 0, chat_string("writes"),
      chat_string("acknowledged") },
    [CHAT_METRIC_WRITES_REFUSED] =
    { chat_string("writes_refused"), 0, chat_string("writes"),
      chat_string("tried, then refused for good") },
    [CHAT_METRIC_WRITES_BUSY] =
    { chat_string("writes_busy"), 0, chat_string("writes"),
      chat_string("tried, then answered: try again") },
    [CHAT_METRIC_OUTBOX] =
    { chat_string("outbox"), 1, chat_string("calls"),
      chat_string("writes and reads that Redis has not answered") },
    [CHAT_METRIC_OUTBOX_FULL] =
    { chat_string("outbox_full"), 0, chat_string("calls"),
      chat_string("refused: the outbox was full, or Redis away for more than "
                  "5 s") },
    [CHAT_METRIC_REPLAY_TAIL] =
    { chat_string("replay_tail"), 1, chat_string("writes"),
      chat_string("acknowledged writes kept for replay") },
    [CHAT_METRIC_REPLAYED] =
    { chat_string("replayed"), 0, chat_string("writes"),
      chat_string("replayed after the store lost data") },
    [CHAT_METRIC_REPLAY_DROPPED] =
    { chat_string("replay_dropped"), 0, chat_string("writes"),
      chat_string("pushed out of the replay tail by its bound before their "
                  "time") },
    [CHAT_METRIC_RING_ENTRIES] =
    { chat_string("ring_entries"), 0, chat_string("entries"),
      chat_string("read from the ring") },
    [CHAT_METRIC_RING_LAPS] =
    { chat_string("ring_laps"), 0, chat_string("laps"),
      chat_string("times the ring overtook this worker") },
    [CHAT_METRIC_RESUME_RING] =
    { chat_string("resume_ring"), 0, chat_string("resumes"),
      chat_string("served from the ring") },
    [CHAT_METRIC_RESUME_STORE] =
    { chat_string("resume_store"), 0, chat_string("resumes"),
      chat_string("served from Redis") },
    [CHAT_METRIC_SLOW_CLOSED] =
    { chat_string("slow_closed"), 0, chat_string("connections"),
      chat_string("closed: the client did not read") },
    [CHAT_METRIC_QUEUE_FULL] =
    { chat_string("queue_full"), 0, chat_string("commands"),
      chat_string("refused: the session's queue was full") },
    [CHAT_METRIC_RATE_LIMITED] =
    { chat_string("rate_limited"), 0, chat_string("frames"),
      chat_string("refused by the rate limit") },
    [CHAT_METRIC_VISITORS_LIMITED] =
    { chat_string("visitors_limited"), 0, chat_string("visitors"),
      chat_string("refused: too many new ones from their address") },
    [CHAT_METRIC_REDIS_CALLS] =
    { chat_string("redis_calls"), 0, chat_string("calls"),
      chat_string("sent to Redis") },
    [CHAT_METRIC_REDIS_ERRORS] =
    { chat_string("redis_errors"), 0, chat_string("calls"),
      chat_string("answered by an error; that a log is not there yet is "
                  "none") },
    [CHAT_METRIC_REDIS_TRIPS] =
    { chat_string("redis_trips"), 0, chat_string("calls"),
      chat_string("answered by Redis, those that wait for news left out") },
    [CHAT_METRIC_REDIS_TRIPS_US] =
    { chat_string("redis_trips_us"), 0, chat_string("us"),
      chat_string("from asked to answered, all redis_trips together") },
    [CHAT_METRIC_REDIS_TRIPS_SLOW] =
    { chat_string("redis_trips_slow"), 0, chat_string("calls"),
      chat_string("of redis_trips, longer than 50 ms") },
    [CHAT_METRIC_REDIS_RECONNECTS] =
    { chat_string("redis_reconnects"), 0, chat_string("connections"),
      chat_string("made anew") },
    [CHAT_METRIC_NO_SLOT] =
    { chat_string("no_slot"), 1, chat_string("workers"),
      chat_string("1: this worker has no wake-up slot and polls") },
    [CHAT_METRIC_DELIVERY_AGE_MS] =
    { chat_string("delivery_age_ms"), 1, chat_string("ms"),
      chat_string("since the last verified delivery") },
    [CHAT_METRIC_WHEEL_TIMERS] =
    { chat_string("wheel_timers"), 1, chat_string("timers"),
      chat_string("deadlines in the wheel") },
    [CHAT_METRIC_SPARE_BLOCKS] =
    { chat_string("spare_blocks"), 1, chat_string("blocks"),
      chat_string("kept for the next frames, replies and commands") },
    [CHAT_METRIC_SPARE_BYTES] =
    { chat_string("spare_bytes"), 1, chat_string("bytes"),
      chat_string("in these") },
    [CHAT_METRIC_PWHASH_BUSY] =
    { chat_string("pwhash_busy"), 0, chat_string("logins"),
      chat_string("refused: two password checks were running") },
    [CHAT_METRIC_FRAMES_WAITING] =
    { chat_string("frames_waiting"), 1, chat_string("frames"),
      chat_string("for clients, until their sockets take them") }
};


const chat_type_t *const  chat_objects[] = {
    &chat_author_type,
    &chat_dialog_view_type,
    &chat_site_view_type,
    &chat_operator_view_type,
    &chat_event_view_type,
    &chat_login_request_type,
    &chat_me_view_type,
    &chat_session_info_type,
    &chat_sessions_view_type,
    &chat_visitor_identity_type,
    &chat_limits_view_type,
    NULL
};
