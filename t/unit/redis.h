
/*
 * A private redis-server for a unit test: its own directory and unix socket,
 * nothing on disk, gone with the test.  Include after cmocka.h.
 */

#ifndef _REDIS_H_INCLUDED_
#define _REDIS_H_INCLUDED_


#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chat_sync.h"


#define REDIS_DEADLINE_MS  10000

typedef struct {
    pid_t            pid;
    char             dir[256];
    char             socket[300];
    chat_sync_t     *sync;      /* where the code under test works */
    redisContext    *raw;       /* where the test looks */
} redis_server_t;


static inline void
redis_spawn(redis_server_t *s, const char *const *extra)
{
    int          n, fd;
    const char  *argv[40] = {
        "redis-server", "--port", "0", "--unixsocket", s->socket,
        "--save", "", "--appendonly", "no", "--dir", s->dir,
        "--daemonize", "no"
    };

    for (n = 13; extra && *extra && n < 39; extra++) {
        argv[n++] = *extra;
    }

    s->pid = fork();
    assert_true(s->pid >= 0);

    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);

        fd = open("/dev/null", O_RDWR);
        dup2(fd, 0);
        dup2(fd, 1);
        dup2(fd, 2);

        execvp(argv[0], (char *const *) argv);
        _exit(127);
    }
}


static inline chat_sync_t *
redis_connect(redis_server_t *s)
{
    char              error[256];
    chat_sync_t      *sync;
    chat_sync_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = s->socket;

    sync = chat_sync_open(&conf, error, sizeof(error));
    if (sync == NULL) {
        fail_msg("redis: %s", error);
    }

    return sync;
}


/* extra: more arguments of redis-server, ended by NULL; or NULL. */
static inline void
redis_start(redis_server_t *s, const char *const *extra)
{
    int              i, status;
    const char      *tmp;
    struct timespec  ts = { 0, 10000000 };

    signal(SIGPIPE, SIG_IGN);

    tmp = getenv("TMPDIR");
    snprintf(s->dir, sizeof(s->dir), "%s/chat-unit-XXXXXX",
             tmp ? tmp : P_tmpdir);

    assert_non_null(mkdtemp(s->dir));
    snprintf(s->socket, sizeof(s->socket), "%s/redis.sock", s->dir);

    redis_spawn(s, extra);

    for (i = 0; i < REDIS_DEADLINE_MS / 10; i++) {

        assert_int_equal(waitpid(s->pid, &status, WNOHANG), 0);

        s->raw = redisConnectUnix(s->socket);

        if (s->raw && s->raw->err == 0) {
            s->sync = redis_connect(s);
            return;
        }

        if (s->raw) {
            redisFree(s->raw);
        }

        nanosleep(&ts, NULL);
    }

    fail_msg("redis-server does not listen on %s", s->socket);
}


static inline void
redis_stop(redis_server_t *s)
{
    int  status;

    chat_sync_close(s->sync);
    redisFree(s->raw);

    kill(s->pid, SIGKILL);
    waitpid(s->pid, &status, 0);

    unlink(s->socket);
    rmdir(s->dir);
}


/* Elements joined by spaces, "nil" for none; cut at `last`. */
static inline char *
redis_join(const redisReply *r, char *p, char *last)
{
    size_t  i;

    switch (r->type) {

    case REDIS_REPLY_INTEGER:
        p += snprintf(p, last - p, "%lld", r->integer);
        break;

    case REDIS_REPLY_NIL:
        p += snprintf(p, last - p, "nil");
        break;

    case REDIS_REPLY_ARRAY:
        for (i = 0; i < r->elements && last - p > 1; i++) {
            if (i) {
                *p++ = ' ';
            }

            p = redis_join(r->element[i], p, last);
        }

        break;

    default:
        if ((size_t) (last - p) > r->len) {
            memcpy(p, r->str, r->len);
            p += r->len;
        }
    }

    *p = '\0';

    return p;
}


/*
 * A command (words by spaces) and its answer as one line, in one of a few
 * static buffers.
 */
__attribute__((format(printf, 2, 3)))
static inline const char *
redis_ask(redis_server_t *s, const char *format, ...)
{
    va_list      args;
    char         command[1024];
    redisReply  *r;

    static int   turn;
    static char  text[8][65536];

    va_start(args, format);
    vsnprintf(command, sizeof(command), format, args);
    va_end(args);

    r = redisCommand(s->raw, command);

    if (r == NULL) {
        fail_msg("redis: %s", s->raw->errstr);
    }

    turn = (turn + 1) % 8;
    text[turn][0] = '\0';
    redis_join(r, text[turn], text[turn] + sizeof(text[0]) - 1);
    freeReplyObject(r);

    return text[turn];
}


#endif /* _REDIS_H_INCLUDED_ */
