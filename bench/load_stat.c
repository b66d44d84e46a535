
/*
 * What a run cost, how long things took, what Redis was asked.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "load.h"


static uint64_t load_cpu(int pid);
static void load_memory(int pid, load_usage_t *u);


void
load_usage(load_t *l, load_usage_t *u)
{
    unsigned  i;

    memset(u, 0, sizeof(load_usage_t));

    u->cpu_ns = load_cpu_ns(l);

    for (i = 0; i < l->n_pids; i++) {
        load_memory(l->pids[i], u);
    }
}


uint64_t
load_cpu_ns(load_t *l)
{
    unsigned  i;
    uint64_t  ns;

    for (i = 0, ns = 0; i < l->n_pids; i++) {
        ns += load_cpu(l->pids[i]);
    }

    return ns;
}


/* schedstat counts nanoseconds, of the main thread: all servers have one. */

static uint64_t
load_cpu(int pid)
{
    char       path[64];
    FILE      *f;
    uint64_t   ns;

    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);

    f = fopen(path, "r");
    if (f == NULL) {
        load_die("process %d is gone", pid);
    }

    if (fscanf(f, "%lu", &ns) != 1) {
        load_die("cannot read %s", path);
    }

    fclose(f);

    return ns;
}


static void
load_memory(int pid, load_usage_t *u)
{
    char      path[64], line[256];
    FILE     *f;
    uint64_t  kb;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);

    f = fopen(path, "r");
    if (f == NULL) {
        load_die("process %d is gone", pid);
    }

    while (fgets(line, sizeof(line), f)) {

        if (sscanf(line, "Private_Dirty: %lu", &kb) == 1) {
            u->private_kb += kb;

        } else if (sscanf(line, "Pss_Shmem: %lu", &kb) == 1) {
            u->shared_kb += kb;
        }
    }

    fclose(f);
}


void
load_percentiles(const char *name, const uint64_t *buckets)
{
    size_t              i, n;
    uint64_t            value;
    static const struct {
        const char     *name;
        unsigned        permille;
    } points[] = {{"p50", 500}, {"p90", 900}, {"p99", 990}, {"p999", 999},
                  {"max", 1000}};
    chat_hist_bucket_t  b[CHAT_HIST_MAX];

    for (i = 0, n = 0; i < CHAT_HIST_MAX; i++) {
        if (buckets[i]) {
            b[n].index = i;
            b[n++].count = buckets[i];
        }
    }

    for (i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        if (chat_hist_percentile(b, n, points[i].permille, &value)
            == CHAT_OK)
        {
            printf("%s_%s_us %lu\n", name, points[i].name, value);
        }
    }
}


/* INFO as an inline command; its answer ends with the connection. */

void
load_redis(const char *path, load_calls_t calls[LOAD_REDIS])
{
    int                 fd;
    char               *p, buf[16384];
    size_t              n;
    ssize_t             got;
    unsigned            i;
    struct sockaddr_un  sun;
    static const char   ask[] = "INFO commandstats\r\nQUIT\r\n";

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd == -1 || connect(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1
        || write(fd, ask, sizeof(ask) - 1) != (ssize_t) sizeof(ask) - 1)
    {
        load_die("%s: %s", path, strerror(errno));
    }

    for (n = 0; n < sizeof(buf) - 1; n += got) {
        got = read(fd, buf + n, sizeof(buf) - 1 - n);

        if (got <= 0) {
            break;
        }
    }

    close(fd);
    buf[n] = '\0';

    for (i = 0, p = buf; i < LOAD_REDIS - 1; i++, p++) {
        p = strstr(p, "\ncmdstat_");

        if (p == NULL || sscanf(p, "\ncmdstat_%31[^:]:calls=%lu",
                                calls[i].name, &calls[i].calls) != 2)
        {
            break;
        }
    }

    calls[i].name[0] = '\0';
}
