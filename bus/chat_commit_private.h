
/*
 * Private to commits: what is put together (chat_commit.c), and how it becomes
 * the script's argument (chat_commit_pack.c).
 */

#ifndef _CHAT_COMMIT_PRIVATE_H_INCLUDED_
#define _CHAT_COMMIT_PRIVATE_H_INCLUDED_


#include "chat_script.h"
#include "chat_str.h"


typedef struct chat_commit_check_s  chat_commit_check_t;
typedef struct chat_commit_dialog_s  chat_commit_dialog_t;
typedef struct chat_commit_event_s  chat_commit_event_t;
typedef struct chat_commit_write_s  chat_commit_write_t;

struct chat_commit_check_s {
    chat_commit_check_t   *next;
    unsigned               key;
    char                   op;
    const char            *field;
    chat_str_t             value;
};

struct chat_commit_dialog_s {
    unsigned               key;       /* 0: the commit is about none */
    unsigned               about;     /* 0: stays as it is */
    chat_str_t             found;     /* head of the state: up to the id */
    chat_str_t             last;
    chat_str_t             head;      /* as it is to be */
    chat_str_t             moved[3];  /* wait, start, answered */
    chat_str_t             times[3];  /* opened, queued, closed */
    chat_str_t             names;     /* "<bytes of name> <name><page>" */
};

struct chat_commit_event_s {
    chat_commit_event_t   *next;
    unsigned               log;
    unsigned               list;
    int                    event;
    int                    public;
    chat_str_t             facts;     /* "<sender> <owner> <wait> <start>" */
    chat_str_t             route;     /* "<a>:<s>:<visitor> <dialog>" */
    chat_str_t             body;
};

struct chat_commit_write_s {
    chat_commit_write_t   *next;
    unsigned               key;
    int                    argc;
    const chat_str_t      *argv;
    uint64_t               delay;     /* what a chat_at_ms stands for: + N */
};

struct chat_commit_s {
    chat_mem_t            *mem;
    unsigned               partition;
    int                    failed;    /* sticky: out of memory */

    const chat_sender_t   *sender;
    unsigned               sender_key;
    chat_str_t             sender_n;  /* text: Lua's numbers end at 2^53 */
    chat_str_t             sender_dialog;
    const chat_str_t      *pointer, *pointer_next;

    chat_commit_dialog_t   dialog;

    chat_str_t            *keys;
    unsigned               n_keys;
    unsigned               cap;

    chat_commit_check_t   *checks, **last_check;
    chat_commit_event_t   *events, **last_event;
    chat_commit_write_t   *writes, **last_write;
    unsigned               n_checks, n_events, n_writes;
};


/*
 * The argument of commit.lua (msgpack; its comment has the shape), appended to
 * out->data, which has room for all of it; with out->data NULL it is counted
 * only.  out->len is to be 0 before, and is its length after.
 */
void chat_commit_pack(const chat_commit_t *c, chat_str_t *out);


#endif /* _CHAT_COMMIT_PRIVATE_H_INCLUDED_ */
