
/*
 * Plain HTTP: what the server answers at most, one request at a time on each
 * of n keepalive connections.  The physical limit beside the other figures.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"


static const char  load_get[] =
    "GET / HTTP/1.1\r\nHost: static.test\r\n\r\n";


static int load_static_connect(load_t *l);
static void load_static_ask(int fd);


void
load_static(load_t *l, unsigned n, unsigned seconds)
{
    int                 i, got, fd;
    char                buf[4096];
    ssize_t             size;
    uint64_t            start, now, answers;
    struct epoll_event  ee, events[64];

    for (i = 0; i < (int) n; i++) {
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

    } while (now - start < (uint64_t) seconds * 1000000);

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
