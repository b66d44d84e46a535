
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include <sodium.h>

#include "chat_script.h"
#include "chat_sync_private.h"


static int chat_sync_hello(chat_sync_t *s, const chat_sync_conf_t *conf);
static int chat_sync_expect(chat_sync_t *s, chat_cmd_t *c, const char *what,
    const chat_str_t *answer);
static int chat_sync_load(chat_sync_t *s, chat_mem_t *mem);
static void chat_sync_fail(chat_sync_t *s, const char *what,
    const char *text);
static struct timeval chat_sync_timeval(unsigned ms);


int
chat_sync_address(char *text, chat_sync_conf_t *conf)
{
    char  *port, *end;
    long   n;

    conf->path = NULL;
    conf->host = NULL;
    conf->port = 6379;

    if (strncmp(text, "unix:", 5) == 0 || text[0] == '/') {
        conf->path = text[0] == '/' ? text : text + 5;
        return *conf->path ? CHAT_OK : CHAT_ERROR;
    }

    if (text[0] == '[') {
        end = strchr(text, ']');

        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return CHAT_ERROR;
        }

        port = end[1] ? end + 2 : NULL;
        *end = '\0';
        conf->host = text + 1;

    } else {
        port = strrchr(text, ':');

        if (port) {
            *port++ = '\0';
        }

        conf->host = text;
    }

    if (port) {
        errno = 0;
        n = strtol(port, &end, 10);

        if (errno || *port < '0' || *port > '9' || *end || n < 1 || n > 65535)
        {
            return CHAT_ERROR;
        }

        conf->port = n;
    }

    return *conf->host ? CHAT_OK : CHAT_ERROR;
}


chat_sync_t *
chat_sync_open(const chat_sync_conf_t *conf, char *error, size_t size)
{
    chat_sync_t     *s;
    struct timeval   tv;

    s = calloc(1, sizeof(chat_sync_t));
    if (s == NULL || sodium_init() < 0) {
        snprintf(error, size, "out of memory");
        free(s);
        return NULL;
    }

    s->host = chat_sync_calls;
    s->last_wait = &s->waits;
    s->timeout = conf->timeout_ms ? conf->timeout_ms : CHAT_SYNC_TIMEOUT_MS;

    tv = chat_sync_timeval(s->timeout);

    s->redis = conf->path
               ? redisConnectUnixWithTimeout(conf->path, tv)
               : redisConnectWithTimeout(conf->host, conf->port, tv);

    if (s->redis == NULL) {
        chat_sync_fail(s, "connect", "out of memory");

    } else if (s->redis->err) {
        chat_sync_fail(s, "connect", s->redis->errstr);

    } else if (chat_sync_timeout(s, 0) == CHAT_OK
               && chat_sync_hello(s, conf) == CHAT_OK)
    {
        return s;
    }

    snprintf(error, size, "%s", s->error);
    chat_sync_close(s);

    return NULL;
}


void
chat_sync_close(chat_sync_t *s)
{
    chat_sync_wait_t  *w;

    if (s == NULL) {
        return;
    }

    while ((w = s->waits) != NULL) {
        s->waits = w->next;
        free(w);
    }

    if (s->redis) {
        redisFree(s->redis);
    }

    free(s);
}


static int
chat_sync_hello(chat_sync_t *s, const chat_sync_conf_t *conf)
{
    int                 rc;
    chat_cmd_t         *c;
    chat_mem_t         *mem;
    chat_heap_t        *heap;

    static const chat_str_t  ok = chat_string("OK");

    heap = chat_heap_create(0);
    if (heap == NULL) {
        chat_sync_fail(s, "connect", "out of memory");
        return CHAT_ERROR;
    }

    mem = chat_heap_mem(heap);
    rc = CHAT_OK;

    if (conf->password) {
        c = chat_cmd_create(mem, 3);

        if (c) {
            chat_cmd_lit(c, "AUTH");

            if (conf->user) {
                chat_cmd_lit(c, conf->user);
            }

            chat_cmd_lit(c, conf->password);
        }

        rc = chat_sync_expect(s, c, "AUTH", &ok);
    }

    if (rc == CHAT_OK && conf->db) {
        c = chat_cmd_create(mem, 2);

        if (c) {
            chat_cmd_lit(c, "SELECT");
            chat_cmd_u64(c, conf->db);
        }

        rc = chat_sync_expect(s, c, "SELECT", &ok);
    }

    if (rc == CHAT_OK) {
        rc = chat_sync_load(s, mem);
    }

    chat_heap_destroy(heap);

    return rc;
}


static int
chat_sync_load(chat_sync_t *s, chat_mem_t *mem)
{
    unsigned     i;
    chat_cmd_t  *c;

    for (i = 0; i < CHAT_SCRIPTS; i++) {
        c = chat_cmd_create(mem, 3);

        if (c) {
            chat_cmd_lit(c, "SCRIPT");
            chat_cmd_lit(c, "LOAD");
            chat_cmd_str(c, &chat_scripts[i].text);
        }

        if (chat_sync_expect(s, c, "SCRIPT LOAD", &chat_scripts[i].sha)
            != CHAT_OK)
        {
            return CHAT_ERROR;
        }
    }

    return CHAT_OK;
}


static int
chat_sync_expect(chat_sync_t *s, chat_cmd_t *c, const char *what,
    const chat_str_t *answer)
{
    int          rc;
    chat_str_t   found;
    redisReply  *r;

    r = chat_sync_call(s, c);
    rc = CHAT_ERROR;

    if (r == NULL) {
        chat_sync_fail(s, what, s->redis->err ? s->redis->errstr
                                              : "out of memory");

    } else if (r->type == REDIS_REPLY_ERROR) {
        chat_sync_fail(s, what, r->str);

    } else if (chat_reply_str(r, &found) != CHAT_OK
               || found.len != answer->len
               || memcmp(found.data, answer->data, found.len) != 0)
    {
        chat_sync_fail(s, what, "unexpected answer");

    } else {
        rc = CHAT_OK;
    }

    freeReplyObject(r);

    return rc;
}


static void
chat_sync_fail(chat_sync_t *s, const char *what, const char *text)
{
    snprintf(s->error, sizeof(s->error), "%s: %s", what, text);
}


redisReply *
chat_sync_call(chat_sync_t *s, const chat_cmd_t *c)
{
    if (chat_sync_send(s, c) != CHAT_OK) {
        return NULL;
    }

    return chat_sync_recv(s);
}


int
chat_sync_send(chat_sync_t *s, const chat_cmd_t *c)
{
    int         rc;
    chat_str_t  bytes;

    if (c == NULL || s->redis->err || chat_cmd_format(c, &bytes) != CHAT_OK) {
        return CHAT_ERROR;
    }

    rc = redisAppendFormattedCommand(s->redis, (char *) bytes.data,
                                     bytes.len);
    chat_cmd_free(&bytes);

    return rc == REDIS_OK ? CHAT_OK : CHAT_ERROR;
}


redisReply *
chat_sync_recv(chat_sync_t *s)
{
    void  *reply;

    if (redisGetReply(s->redis, &reply) != REDIS_OK) {
        return NULL;
    }

    return reply;
}


int
chat_sync_dead(const chat_sync_t *s)
{
    return s->redis->err != 0;
}


const char *
chat_sync_error(const chat_sync_t *s)
{
    return s->redis->err ? s->redis->errstr : "";
}


int
chat_sync_timeout(chat_sync_t *s, unsigned ms)
{
    if (redisSetTimeout(s->redis, chat_sync_timeval(ms ? ms : s->timeout))
        != REDIS_OK)
    {
        chat_sync_fail(s, "timeout", s->redis->errstr);
        return CHAT_ERROR;
    }

    return CHAT_OK;
}


static struct timeval
chat_sync_timeval(unsigned ms)
{
    struct timeval  tv;

    tv.tv_sec = ms / 1000;
    tv.tv_usec = (ms % 1000) * 1000;

    return tv;
}


uint64_t
chat_sync_now(const chat_sync_t *s)
{
    struct timespec  ts;

    if (s->now) {
        return s->now;
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


void
chat_sync_set_now(chat_sync_t *s, uint64_t ms)
{
    s->now = ms;
}
