
/*
 * What this machine can do, beside the other figures: plain HTTP, one request
 * at a time on each of n keepalive connections; and writev, each to one of n
 * sockets that nobody waits for, as a fan-out does at best; and how much of
 * its processors' time a virtual machine does not get.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "load.h"


static const char  load_get[] =
    "GET / HTTP/1.1\r\nHost: static.test\r\n\r\n";


static int load_static_connect(load_t *l);
static void load_static_ask(int fd);
static void load_pairs(int *reader, int *writer, unsigned n);
static uint64_t load_own_ns(void);
static uint64_t load_gaps_us(int cpu, uint64_t us);


void
load_static(load_t *l, load_opt_t *o)
{
    int                 i, got, fd;
    char                buf[4096];
    ssize_t             size;
    uint64_t            start, now, answers;
    struct epoll_event  ee, events[64];

    for (i = 0; i < (int) o->n; i++) {
        fd = load_static_connect(l);

        memset(&ee, 0, sizeof(ee));
        ee.events = EPOLLIN;
        ee.data.fd = fd;

        if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ee) == -1) {
            load_die("epoll_ctl: %s", strerror(errno));
        }

        load_static_ask(fd);
    }

    start = load_now();
    answers = 0;

    do {
        got = epoll_wait(l->epoll, events, 64, 1000);

        for (i = 0; i < got; i++) {
            fd = events[i].data.fd;
            size = recv(fd, buf, sizeof(buf), 0);

            /* a short answer comes whole */

            if (size < 12 || memcmp(buf, "HTTP/1.1 200", 12) != 0) {
                load_die("the static answer is not 200");
            }

            answers++;

            /* nginx closes after keepalive_requests: a new one then */

            buf[size < 4095 ? size : 4095] = '\0';

            if (strstr(buf, "Connection: close")) {
                close(fd);
                fd = load_static_connect(l);

                ee.events = EPOLLIN;
                ee.data.fd = fd;

                if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ee) == -1) {
                    load_die("epoll_ctl: %s", strerror(errno));
                }
            }

            load_static_ask(fd);
        }

        now = load_now();

    } while (now - start < (uint64_t) o->seconds * 1000000);

    printf("answers_per_second %.0f\n", answers * 1e6 / (now - start));
}


static int
load_static_connect(load_t *l)
{
    int                 fd;
    struct sockaddr_in  sin;

    fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(l->ports[0]);

    if (fd == -1 || inet_pton(AF_INET, l->ip, &sin.sin_addr) != 1
        || connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1)
    {
        load_die("connect: %s", strerror(errno));
    }

    return fd;
}


static void
load_static_ask(int fd)
{
    if (send(fd, load_get, sizeof(load_get) - 1, MSG_NOSIGNAL)
        != (ssize_t) sizeof(load_get) - 1)
    {
        load_die("send: %s", strerror(errno));
    }
}


/*
 * As a fan-out is measured: the mean of messages at o->rate a second for
 * o->seconds, between which the processor rests and does other work
 */

void
load_writev(load_t *l, load_opt_t *o)
{
    int              *reader, *writer;
    char              head[4], *body, *sink;
    unsigned          i, round, rounds;
    uint64_t          ns, start;
    struct iovec      iov[2];
    struct timespec   pause;

    reader = calloc(o->n, sizeof(int));
    writer = calloc(o->n, sizeof(int));
    body = calloc(1, l->text_size);
    sink = calloc(1, 2 * l->text_size);

    if (reader == NULL || writer == NULL || body == NULL || sink == NULL) {
        load_die("out of memory");
    }

    load_pairs(reader, writer, o->n);

    memset(head, 0, sizeof(head));
    iov[0].iov_base = head;
    iov[0].iov_len = sizeof(head);
    iov[1].iov_base = body;
    iov[1].iov_len = l->text_size;

    rounds = o->rate * o->seconds;
    pause.tv_sec = o->rate == 1;
    pause.tv_nsec = 1000000000 / o->rate % 1000000000;

    for (round = 0, ns = 0; round < rounds; round++) {
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);

        start = load_own_ns();

        for (i = 0; i < o->n; i++) {
            if (writev(writer[i], iov, 2) == -1) {
                load_die("writev: %s", strerror(errno));
            }
        }

        ns += load_own_ns() - start;

        for (i = 0; i < o->n; i++) {
            if (recv(reader[i], sink, 2 * l->text_size, 0) == -1) {
                load_die("recv: %s", strerror(errno));
            }
        }
    }

    printf("writev_us %.3f\n", ns / 1000.0 / rounds / o->n);
}


static void
load_pairs(int *reader, int *writer, unsigned n)
{
    int                 fd;
    unsigned            i;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd == -1 || bind(fd, (struct sockaddr *) &sin, len) == -1
        || listen(fd, 16) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        load_die("listen: %s", strerror(errno));
    }

    for (i = 0; i < n; i++) {
        reader[i] = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0);

        if (reader[i] == -1
            || connect(reader[i], (struct sockaddr *) &sin, len) == -1
            || (writer[i] = accept(fd, NULL, NULL)) == -1)
        {
            load_die("a pair of sockets: %s", strerror(errno));
        }
    }

    close(fd);
}


static uint64_t
load_own_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


/*
 * Of the processor that misses the most: the percentage of its time that went
 * in pieces of more than a millisecond, seen by one process for each that does
 * nothing but look at the clock.  No latency is better than this.
 */

void
load_gaps(load_t *l, load_opt_t *o)
{
    int        cpu, n, fds[2];
    uint64_t   us, got, most;
    cpu_set_t  cpus;

    (void) l;

    us = (uint64_t) o->seconds * 1000000;

    if (sched_getaffinity(0, sizeof(cpus), &cpus) == -1 || pipe(fds) == -1) {
        load_die("gaps: %s", strerror(errno));
    }

    for (cpu = 0, n = 0; cpu < CPU_SETSIZE; cpu++) {

        if (!CPU_ISSET(cpu, &cpus)) {
            continue;
        }

        n++;

        if (fork() == 0) {
            got = load_gaps_us(cpu, us);
            _exit(write(fds[1], &got, sizeof(got)) != sizeof(got));
        }
    }

    for (most = 0; n; n--) {

        if (read(fds[0], &got, sizeof(got)) != sizeof(got)) {
            load_die("gaps: %s", strerror(errno));
        }

        most = got > most ? got : most;
    }

    printf("gaps_percent %.3f\n", most * 100.0 / us);
}


static uint64_t
load_gaps_us(int cpu, uint64_t us)
{
    uint64_t   start, last, now, lost;
    cpu_set_t  one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);

    start = load_now();
    lost = 0;

    for (now = start; now - start < us; /* void */ ) {
        last = now;
        now = load_now();
        lost += now - last > 1000 ? now - last : 0;
    }

    return lost;
}
