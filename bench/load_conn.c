
/*
 * Connections of the load client: who waits to connect, how it does, how it
 * ends, what it has still to say.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"


#define LOAD_AGAIN   20000           /* us after a connection was refused */
#define LOAD_SOURCE  8192            /* connections of one address */
#define LOAD_NARROW  8192            /* receive buffer of who may stall, */
#define LOAD_SEGMENT 1400            /* and of its segments */


static void load_socket(load_conn_t *c);
static void *load_resize(void *data, void *p, size_t old, size_t size);


static const chat_ws_mem_t  load_ws_mem = { load_resize, NULL };


void
load_wait(load_conn_t *c, uint64_t us)
{
    load_t        *l;
    unsigned       i, up;
    load_conn_t  **heap;

    l = c->load;
    heap = l->waiting;

    c->state = LOAD_WAITING;
    c->not_before = load_now() + us;

    for (i = l->n_waiting++; i; i = up) {
        up = (i - 1) / 2;

        if (heap[up]->not_before <= c->not_before) {
            break;
        }

        heap[i] = heap[up];
    }

    heap[i] = c;
}


load_conn_t *
load_first(load_t *l)
{
    unsigned       i, down;
    load_conn_t   *first, *last, **heap;

    heap = l->waiting;
    first = heap[0];
    last = heap[--l->n_waiting];

    for (i = 0; (down = 2 * i + 1) < l->n_waiting; i = down) {

        if (down + 1 < l->n_waiting
            && heap[down + 1]->not_before < heap[down]->not_before)
        {
            down++;
        }

        if (last->not_before <= heap[down]->not_before) {
            break;
        }

        heap[i] = heap[down];
    }

    heap[i] = last;

    return first;
}


void
load_connect(load_conn_t *c)
{
    load_t             *l;
    struct sockaddr_in  sin;

    l = c->load;

    load_socket(c);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(l->ports[c->index % l->n_ports]);

    if (inet_pton(AF_INET, l->ip, &sin.sin_addr) != 1) {
        load_die("not an address: %s", l->ip);
    }

    l->connecting++;

    c->state = c->token[0] || l->peer->identity == NULL || c->operator
               ? LOAD_UPGRADE : LOAD_IDENTITY;
    c->blocked = 1;
    c->stalled = 0;
    c->told = 0;
    c->asking = 0;
    c->after = 0;
    c->head_len = 0;

    chat_ws_init(&c->ws, 1 << 24, &load_ws_mem);
    c->ws.client = 1;

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        && errno != EINPROGRESS)
    {
        load_lost(c, 0);
        return;
    }

    if (l->tls) {
        load_tls_open(c);
    }

    load_poll(c, EPOLL_CTL_ADD, EPOLLIN|EPOLLOUT);
    load_request(c);
}


static void
load_socket(load_conn_t *c)
{
    int                 one, size, segment;
    struct sockaddr_in  sin;

    one = 1;
    size = LOAD_NARROW;
    segment = LOAD_SEGMENT;

    c->fd = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (c->fd == -1) {
        load_die("socket: %s", strerror(errno));
    }

    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(int));

    if (c->narrow) {
        /* as far away: buffers of loopback hold megabytes */
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(int));
        setsockopt(c->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(int));
    }

    if (c->load->n_conns <= LOAD_SOURCE) {
        return;
    }

    /* an address has not ports enough for a crowd */

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + c->index / LOAD_SOURCE);

    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(int));

    if (bind(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        load_die("bind: %s", strerror(errno));
    }
}


void
load_lost(load_conn_t *c, uint64_t us)
{
    load_t  *l;

    l = c->load;

    if (c->state < LOAD_OPEN) {

        if (!l->resume) {
            load_die("a connection was refused: %s", strerror(errno));
        }

        l->connecting--;
        us = us > LOAD_AGAIN ? us : LOAD_AGAIN;

    } else if (c->state == LOAD_READY) {
        l->ready--;
        l->cut++;
        l->told += c->told;

        c->since = load_now();
        l->last_cut = c->since;
        l->first_cut = l->first_cut ? l->first_cut : c->since;
    }

    load_close(c, 0);

    if (l->resume) {
        load_wait(c, us);

    } else {
        l->broken++;
    }
}


void
load_close(load_conn_t *c, int reset)
{
    struct linger  linger;

    if (reset) {
        linger.l_onoff = 1;
        linger.l_linger = 0;
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }

    if (c->tls) {
        load_tls_close(c);
    }

    close(c->fd);
    chat_ws_done(&c->ws);

    c->state = LOAD_CLOSED;
    c->out_pos = 0;
    c->out_len = 0;
    c->head_len = 0;
}


void
load_stall(load_conn_t *c, unsigned stall)
{
    c->stalled = stall;

    if (c->state > LOAD_WAITING && !c->blocked) {
        load_poll(c, EPOLL_CTL_MOD, stall ? 0 : EPOLLIN);
    }
}


void
load_poll(load_conn_t *c, int op, unsigned events)
{
    struct epoll_event  ee;

    memset(&ee, 0, sizeof(ee));
    ee.events = events;
    ee.data.ptr = c;

    if (epoll_ctl(c->load->epoll, op, c->fd, &ee) == -1) {
        load_die("epoll_ctl: %s", strerror(errno));
    }
}


void
load_push(load_queue_t *q, const char *text)
{
    if (q->len == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 64;
        q->text = realloc(q->text, q->cap * sizeof(char *));
    }

    if (q->text == NULL || (q->text[q->len++] = strdup(text)) == NULL) {
        load_die("out of memory");
    }
}


char *
load_shift(load_queue_t *q)
{
    char  *text;

    if (q->pos == q->len) {
        return NULL;
    }

    text = q->text[q->pos++];

    if (q->pos == q->len) {
        q->pos = 0;
        q->len = 0;
    }

    return text;
}


static void *
load_resize(void *data, void *p, size_t old, size_t size)
{
    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}
