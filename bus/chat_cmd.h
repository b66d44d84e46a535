
/*
 * A Redis command as an argument vector in an arena, its bytes, and readers
 * for replies.  The same commands serve nginx (asynchronous) and
 * the daemon and ctl (hiredis' synchronous API).
 */

#ifndef _CHAT_CMD_H_INCLUDED_
#define _CHAT_CMD_H_INCLUDED_


#include <hiredis/hiredis.h>

#include "chat.h"
#include "chat_mem.h"


typedef struct {
    chat_mem_t      *mem;
    const char     **argv;
    size_t          *argvlen;
    int              argc;
    int              cap;
    int              failed;       /* sticky: out of memory */
    int              numbered;     /* a commit with a sender's number: may be
                                      sent again, kept for replay; set by
                                      chat_commit_cmd() */
} chat_cmd_t;


/* An empty command with room for `hint` arguments (it grows). */
chat_cmd_t *chat_cmd_create(chat_mem_t *mem, int hint);

/* Appends; the bytes are not copied (literals, arena, or living inputs). */
void chat_cmd_str(chat_cmd_t *c, const chat_str_t *s);
void chat_cmd_lit(chat_cmd_t *c, const char *text);
void chat_cmd_u64(chat_cmd_t *c, uint64_t v);
void chat_cmd_id(chat_cmd_t *c, const chat_id_t *id);

/* RESP bytes, malloc()ed; free with chat_cmd_free(). */
int chat_cmd_format(const chat_cmd_t *c, chat_str_t *out);
void chat_cmd_free(chat_str_t *out);
/*
 * The command that was formatted so; its arguments point into the bytes.
 * NULL: out of memory, or these are not bytes of chat_cmd_format().
 */
chat_cmd_t *chat_cmd_read(chat_mem_t *mem, const chat_str_t *bytes);

/*
 * No reply of ours has more elements, those of arrays within arrays counted,
 * too: a registry of two million sites.  hiredis asks for the memory of as
 * many as a server announces (up to 2^31 - 1) before it has seen one.
 */
#define CHAT_REPLY_ELEMENTS  (4 * 1024 * 1024)

/* Replies.  All tolerate NULL and a wrong type: CHAT_ERROR. */
int chat_reply_str(const redisReply *r, chat_str_t *s);   /* string/status */
int chat_reply_u64(const redisReply *r, uint64_t *v);   /* int or decimal */
int chat_reply_id(const redisReply *r, chat_id_t *id);
const redisReply *chat_reply_at(const redisReply *r, size_t i);
/* HGETALL: slice pairs into the arena; n = number of slices (2 per field) */
int chat_reply_pairs(const redisReply *r, chat_str_t **pairs, size_t *n,
    chat_mem_t *mem);

/* What an error reply means for us, by its first word. */
typedef enum {
    CHAT_REDIS_OK = 0,         /* not an error */
    CHAT_REDIS_REFUSED,        /* the command's own fault */
    CHAT_REDIS_FULL,           /* OOM, MISCONF */
    CHAT_REDIS_AWAY,           /* LOADING READONLY MASTERDOWN NOREPLICAS
                                  CLUSTERDOWN TRYAGAIN BUSY, max clients,
                                  a script denied half way: drop the
                                  connection and come back */
    CHAT_REDIS_NOSCRIPT,
    CHAT_REDIS_AUTH            /* NOAUTH WRONGPASS NOPERM */
} chat_redis_error_e;

chat_redis_error_e chat_reply_error(const redisReply *r);

/* "no such key": an answer more than an error, what was asked for is not. */
int chat_reply_no_key(const redisReply *r);


#endif /* _CHAT_CMD_H_INCLUDED_ */
