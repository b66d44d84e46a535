
/*
 * chatctl: what its files share.  A command is a row of the table in
 * chatctl.c; it gets the words behind its name and the options, prints rows
 * through ctl_row(), and returns an exit code.
 */

#ifndef _CHATCTL_H_INCLUDED_
#define _CHATCTL_H_INCLUDED_


#include <stdio.h>

#include "chat_opt.h"
#include "chat_store.h"
#include "chat_str.h"
#include "chat_sync.h"


#define CTL_OK      0
#define CTL_FAILED  1            /* refused, not found, unhealthy */
#define CTL_USAGE   2

typedef struct ctl_s        ctl_t;
typedef struct ctl_out_s    ctl_out_t;
typedef struct ctl_reply_s  ctl_reply_t;

/* Every option of every command; a command names those it takes. */
typedef struct {
    int               json;
    int               help;
    int               version;
    int               stdin_password;
    int               follow;
    int               global;
    const char       *redis;
    const char       *account;
    const char       *name;
    const char       *role;
    const char       *site;
    const char       *login;
    const char       *from;
    const char       *to;
    const char       *after;
    uint64_t          count;
    uint64_t          idle;
    uint64_t          accept;
    chat_opt_list_t   hosts;
} ctl_options_t;

typedef struct {
    const char       *words;     /* "site add" */
    const char       *args;      /* "NAME" */
    int               n_args;
    const char       *options;   /* names, space-separated */
    unsigned          bare:1;    /* runs on an empty store, too */
    const char       *help;
    int             (*run)(ctl_t *ctl);
} ctl_command_t;

struct ctl_s {
    ctl_options_t     opt;
    uint64_t          seen;      /* options given: CTL_SEEN() */
    char            **args;
    chat_heap_t      *heap;
    chat_mem_t       *mem;
    chat_sync_t      *redis;
    ctl_reply_t      *replies;   /* kept until the end */
    ctl_out_t        *out;
};

extern const chat_opt_t  ctl_options[];

/* Was this option given? */
int ctl_seen(const ctl_t *ctl, const char *name);


/* Prints "chatctl: ..." to stderr; returns CTL_FAILED. */
int ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * One command.  NULL: no answer or an error reply, told already.  The reply
 * lives until the program ends.
 */
redisReply *ctl_call(ctl_t *ctl, const chat_cmd_t *c);

/* From literal words, NULL-terminated. */
redisReply *ctl_words(ctl_t *ctl, const char *word, ...)
    __attribute__((sentinel));

/* Next number of a counter of the store; 0: failed, told. */
uint64_t ctl_next(ctl_t *ctl, const char *counter);

/*
 * A commit: CTL_OK; CTL_FAILED, told, unless it is a conflict with check
 * `index`: then res is filled and CTL_OK returned.
 */
int ctl_commit(ctl_t *ctl, const chat_cmd_t *c, chat_commit_result_t *res);

chat_str_t ctl_str(const char *text);
uint64_t ctl_now_ms(void);


/* ctl_find.c: what people name; CTL_OK, or CTL_FAILED, told. ------------- */

/* By number or name; *id is 0 and CTL_OK if there is none. */
int ctl_account_lookup(ctl_t *ctl, const char *text, uint64_t *id);
int ctl_account_find(ctl_t *ctl, const char *text, uint64_t *id);
int ctl_account_name(ctl_t *ctl, uint64_t id, chat_str_t *name);
int ctl_site_find(ctl_t *ctl, const char *text, chat_site_t *site);
int ctl_operator_find(ctl_t *ctl, const char *login, chat_operator_t *o);
int ctl_site_load(ctl_t *ctl, uint64_t id, chat_site_t *site);
int ctl_operator_load(ctl_t *ctl, uint64_t id, chat_operator_t *o);
/* Numbers of a sorted set: chat:{g}:accounts and such. */
int ctl_numbers(ctl_t *ctl, const chat_str_t *key, uint64_t **ids, size_t *n);


/* ctl_out.c: rows of structs, as a table or as JSON ---------------------- */

/* A descriptor's field of a row. */
#define CTL_FIELD(t, f, k)                                                   \
    { chat_string(#f), 0, k, 0, 0, offsetof(t, f), 0, 0, NULL, NULL }
#define CTL_U64(t, f)   CTL_FIELD(t, f, CHAT_KIND_U64)
#define CTL_INT(t, f)   CTL_FIELD(t, f, CHAT_KIND_INT)
#define CTL_STR(t, f)   CTL_FIELD(t, f, CHAT_KIND_STR)
#define CTL_BOOL(t, f)  CTL_FIELD(t, f, CHAT_KIND_BOOL)
#define CTL_RAW(t, f)   CTL_FIELD(t, f, CHAT_KIND_RAW)
#define CTL_TYPE(t, fields)                                                  \
    { #t, sizeof(t), fields, sizeof(fields) / sizeof(fields[0]) }

typedef enum {
    CTL_ONE = 0,                 /* one row: an object; "field: value" */
    CTL_LIST,                    /* an array; a table with a heading */
    CTL_LINES                    /* JSON lines, printed at once */
} ctl_form_e;

int ctl_begin(ctl_t *ctl, const chat_type_t *type, ctl_form_e form);
/* All fields are present unless the row's `has` says otherwise (not 0). */
int ctl_row(ctl_t *ctl, void *row);
int ctl_end(ctl_t *ctl);


/* ctl_time.c -------------------------------------------------------------- */

/*
 * "2026-11-22", "2026-11-22T10:30", "2026-11-22T10:30:15" (UTC), "now",
 * "90m", "24h", "7d" ago, "1795309406331" (ms).
 */
int ctl_time_parse(const char *text, uint64_t now_ms, uint64_t *ms);
/* "2026-11-22T10:30:15Z" into 21 bytes. */
void ctl_time_print(char *dst, uint64_t ms);


/* Commands ---------------------------------------------------------------- */

int ctl_init(ctl_t *ctl);
int ctl_account_add(ctl_t *ctl);
int ctl_account_list(ctl_t *ctl);
int ctl_site_add(ctl_t *ctl);
int ctl_site_list(ctl_t *ctl);
int ctl_operator_add(ctl_t *ctl);
int ctl_operator_list(ctl_t *ctl);
int ctl_operator_passwd(ctl_t *ctl);
int ctl_stats(ctl_t *ctl);
int ctl_stats_replay(ctl_t *ctl);
int ctl_tail(ctl_t *ctl);
int ctl_doctor(ctl_t *ctl);


#endif /* _CHATCTL_H_INCLUDED_ */
