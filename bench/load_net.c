
/*
 * What goes over the connections: a turn of the loop, HTTP, frames.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"


#define LOAD_CONNECTING  128         /* at once: within every backlog */
#define LOAD_INPUT       262144
#define LOAD_EVENTS      512
#define LOAD_HEAD        8192


static void load_read(load_conn_t *c);
static void load_head(load_conn_t *c, unsigned char *p, size_t n);
static void load_feed(load_conn_t *c, unsigned char *p, size_t n);
static void load_put(load_conn_t *c, const void *p, size_t n);
static unsigned char *load_room(load_conn_t *c, size_t n);
static void load_frame(load_conn_t *c, int opcode, const char *p, size_t n);
static void load_flush(load_conn_t *c);


uint64_t
load_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
load_die(const char *what, ...)
{
    va_list  args;

    va_start(args, what);
    fputs("load: ", stderr);
    vfprintf(stderr, what, args);
    fputc('\n', stderr);
    va_end(args);

    exit(1);
}


void
load_turn(load_t *l, uint64_t us)
{
    int                 i, n;
    uint64_t            now, pause;
    load_conn_t        *c;
    struct timespec     ts;
    struct epoll_event  events[LOAD_EVENTS];

    now = load_now();

    while (l->connecting < LOAD_CONNECTING && l->n_waiting
           && l->waiting[0]->not_before <= now)
    {
        load_connect(load_first(l));
    }

    while (l->dirty) {
        c = l->dirty;
        l->dirty = c->next_dirty;
        c->dirty = 0;
        load_flush(c);
    }

    if (l->n_waiting && l->connecting < LOAD_CONNECTING) {
        c = l->waiting[0];
        pause = c->not_before > now ? c->not_before - now : 0;
        us = us < pause ? us : pause;
    }

    if (l->pause) {
        /*
         * Nobody waits for single messages: the server does not pay for
         * waking us, as it does not with clients behind a network card that
         * gathers what came
         */

        us = 0;

        ts.tv_sec = 0;
        ts.tv_nsec = l->pause * 1000;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
    }

    ts.tv_sec = us / 1000000;
    ts.tv_nsec = us % 1000000 * 1000;

    n = epoll_pwait2(l->epoll, events, LOAD_EVENTS, &ts, NULL);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (c->state <= LOAD_WAITING) {
            continue;
        }

        if (events[i].events & (EPOLLIN|EPOLLHUP|EPOLLERR)) {
            load_read(c);
        }

        if (c->state > LOAD_WAITING && (events[i].events & EPOLLOUT)) {
            load_flush(c);
        }
    }
}


void
load_request(load_conn_t *c)
{
    char    buf[4096];
    size_t  n;

    n = c->load->peer->request(c, buf, sizeof(buf));
    load_put(c, buf, n);
}


static void
load_read(load_conn_t *c)
{
    ssize_t               n;
    static unsigned char  buf[LOAD_INPUT];

    do {
        n = c->tls ? load_tls_recv(c, buf, LOAD_INPUT)
                   : recv(c->fd, buf, LOAD_INPUT, 0);

        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }

        if (n <= 0) {
            load_lost(c, 0);
            return;
        }

        if (c->state < LOAD_OPEN) {
            load_head(c, buf, n);

        } else {
            load_feed(c, buf, n);
        }

        /* what TLS has decrypted wakes nobody */

    } while (c->tls && c->state > LOAD_WAITING);
}


/* Gathers an HTTP answer; what follows a 101 are frames. */

static void
load_head(load_conn_t *c, unsigned char *p, size_t n)
{
    char    *end, *length;
    size_t   size, rest;

    if (c->head == NULL) {
        c->head = malloc(LOAD_HEAD);
    }

    if (c->head == NULL || c->head_len + n >= LOAD_HEAD) {
        load_die("an answer too long");
    }

    memcpy(c->head + c->head_len, p, n);
    c->head_len += n;
    c->head[c->head_len] = '\0';

    end = strstr(c->head, "\r\n\r\n");
    if (end == NULL) {
        return;
    }

    end += 4;

    if (c->state == LOAD_IDENTITY) {
        length = strcasestr(c->head, "\r\ncontent-length:");
        size = length ? strtoul(length + 17, NULL, 10) : 0;

        if (length && c->head_len < (size_t) (end - c->head) + size) {
            return;
        }

        if (c->load->peer->identity(c, c->head) != CHAT_OK) {
            load_die("no identity: %.200s", c->head);
        }

        c->head_len = 0;
        c->state = LOAD_UPGRADE;
        load_request(c);
        return;
    }

    if (strncmp(c->head, "HTTP/1.1 101 ", 13) != 0) {

        if (c->load->resume) {
            /* refused in a herd: it comes again */
            load_lost(c, 0);
            return;
        }

        load_die("no upgrade: %.400s", c->head);
    }

    c->load->connecting--;
    c->state = LOAD_OPEN;
    c->load->peer->opened(c);

    rest = c->head_len - (end - c->head);

    if (rest) {
        load_feed(c, (unsigned char *) end, rest);
    }

    free(c->head);
    c->head = NULL;
    c->head_len = 0;
}


static void
load_feed(load_conn_t *c, unsigned char *p, size_t n)
{
    int              rc;
    unsigned char   *last;
    chat_ws_event_t  ev;

    last = p + n;

    while ((rc = chat_ws_feed(&c->ws, &p, last, &ev)) == CHAT_OK) {

        switch (ev.opcode) {

        case CHAT_WS_TEXT:
            c->load->peer->frame(c, &ev.data);
            break;

        case CHAT_WS_PING:
            load_frame(c, CHAT_WS_PONG, (char *) ev.data.data, ev.data.len);
            break;

        case CHAT_WS_CLOSE:
            c->told = 1;
            load_frame(c, CHAT_WS_CLOSE, "", 0);
            load_flush(c);

            if (c->state > LOAD_WAITING) {
                load_lost(c, c->after ? random() % c->after : 0);
            }

            return;
        }

        if (c->state <= LOAD_WAITING) {
            return;
        }
    }

    if (rc == CHAT_ERROR) {
        load_die("%s sends bad frames: %.*s", c->load->peer->name,
                 (int) ev.data.len, ev.data.data);
    }
}


void
load_text(load_conn_t *c, const char *text, size_t len)
{
    load_frame(c, CHAT_WS_TEXT, text, len);
}


static void
load_frame(load_conn_t *c, int opcode, const char *text, size_t len)
{
    unsigned char        *p, *start;
    static const unsigned char  mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

    start = load_room(c, len + 14);
    p = chat_ws_header_masked(start, opcode, 0, len, mask);

    memcpy(p, text, len);
    chat_ws_mask(p, len, mask, 0);

    c->out_len += p + len - start;
}


static void
load_put(load_conn_t *c, const void *p, size_t n)
{
    memcpy(load_room(c, n), p, n);
    c->out_len += n;
}


/* Room for n bytes; the connection is flushed at the next turn. */

static unsigned char *
load_room(load_conn_t *c, size_t n)
{
    if (c->out_pos == c->out_len) {
        c->out_pos = 0;
        c->out_len = 0;
    }

    if (c->out_len + n > c->out_cap) {
        c->out_cap = 2 * (c->out_len + n);
        c->out = realloc(c->out, c->out_cap);

        if (c->out == NULL) {
            load_die("out of memory");
        }
    }

    if (!c->dirty) {
        c->dirty = 1;
        c->next_dirty = c->load->dirty;
        c->load->dirty = c;
    }

    return c->out + c->out_len;
}


static void
load_flush(load_conn_t *c)
{
    size_t          size;
    ssize_t         n;
    unsigned char  *p;

    if (c->state <= LOAD_WAITING) {
        return;
    }

    while (c->out_pos < c->out_len) {
        p = c->out + c->out_pos;
        size = c->out_len - c->out_pos;

        n = c->tls ? load_tls_send(c, p, size)
                   : send(c->fd, p, size, MSG_NOSIGNAL);

        if (n == -1) {

            if (errno == EAGAIN || errno == ENOTCONN) {
                if (!c->blocked) {
                    c->blocked = 1;
                    load_poll(c, EPOLL_CTL_MOD, EPOLLIN|EPOLLOUT);
                }

                return;
            }

            load_lost(c, 0);
            return;
        }

        c->out_pos += n;
    }

    if (c->blocked) {
        c->blocked = 0;
        load_poll(c, EPOLL_CTL_MOD, c->stalled ? 0 : EPOLLIN);
    }

    if (c->state == LOAD_READY && c->out_cap > 4096) {
        free(c->out);
        c->out = NULL;
        c->out_cap = 0;
        c->out_pos = 0;
        c->out_len = 0;
    }
}
