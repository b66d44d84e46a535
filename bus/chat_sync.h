
/*
 * Redis over hiredis' blocking calls, for programs that may wait: chatctl,
 * chat-statd, unit tests.  Also a chat_host_t, so that the operations that
 * nginx runs asynchronously run here to their end.
 */

#ifndef _CHAT_SYNC_H_INCLUDED_
#define _CHAT_SYNC_H_INCLUDED_


#include "chat_cmd.h"
#include "chat_op.h"


typedef struct chat_sync_s  chat_sync_t;

#define CHAT_SYNC_TIMEOUT_MS  5000

/* Zero-terminated texts that outlive the call of chat_sync_open() only. */
typedef struct {
    const char      *path;       /* unix socket, or NULL */
    const char      *host;       /* literal address or name */
    int              port;
    const char      *user;       /* NULL: default user */
    const char      *password;   /* NULL: no AUTH */
    unsigned         db;
    unsigned         timeout_ms; /* connect and each answer; 0 = 5 s */
} chat_sync_conf_t;


/*
 * "unix:/path", "/path", "host:port", "[v6]:port", "host"; the texts of
 * *conf are cut out of `text` in place.  CHAT_OK or CHAT_ERROR.
 */
int chat_sync_address(char *text, chat_sync_conf_t *conf);

/*
 * Connects, AUTH, SELECT, SCRIPT LOAD of all scripts.  NULL: `error` (at
 * least 1 byte) tells why, zero-terminated, without the password.  Programs
 * ignore SIGPIPE.
 */
chat_sync_t *chat_sync_open(const chat_sync_conf_t *conf, char *error,
    size_t size);
void chat_sync_close(chat_sync_t *s);

/*
 * One command and its answer; free with freeReplyObject().  An error reply of
 * Redis is a reply (chat_reply_error()).  NULL: `c` is NULL or failed (out of
 * memory: the connection is still good), or no answer came: the connection is
 * then dead, open anew.
 */
redisReply *chat_sync_call(chat_sync_t *s, const chat_cmd_t *c);

/* Pipelines: send() any number, then one recv() for each, in order. */
int chat_sync_send(chat_sync_t *s, const chat_cmd_t *c);
redisReply *chat_sync_recv(chat_sync_t *s);

/* 1: the connection failed; chat_sync_error() says how. */
int chat_sync_dead(const chat_sync_t *s);
const char *chat_sync_error(const chat_sync_t *s);

/* For answers that may take longer (XREAD BLOCK); 0 = the default. */
int chat_sync_timeout(chat_sync_t *s, unsigned ms);

/* For chat_op_start(). */
chat_host_t *chat_sync_host(chat_sync_t *s);

/*
 * Runs a started op (and every other one started on this host) to its end;
 * returns op->rc.  Then use the results, and chat_op_release(op).  PWHASH is
 * computed and SLEEP slept on the spot.
 */
int chat_sync_run(chat_sync_t *s, chat_op_t *op);

/* One turn of that loop: a step, or an answer.  0: nothing is left. */
int chat_sync_turn(chat_sync_t *s);

/* CLOCK_REALTIME in ms, or what a test set; 0 = the real one again. */
uint64_t chat_sync_now(const chat_sync_t *s);
void chat_sync_set_now(chat_sync_t *s, uint64_t ms);


#endif /* _CHAT_SYNC_H_INCLUDED_ */
