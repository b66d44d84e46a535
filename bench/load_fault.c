
/*
 * Connections are cut, or somebody reads nothing, while messages go on.
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load.h"


#define LOAD_SECOND     1000000
#define LOAD_HERD_MAX   60           /* seconds */
#define LOAD_CALM_US    1500000      /* parts of a round with a stall */
#define LOAD_STALL_US   3000000
#define LOAD_ROUND_US   5500000

typedef struct {
    load_opt_t      *opt;
    uint64_t         at;             /* it was cut */
    uint64_t         end;            /* all were back */
    unsigned         marked;
    int              fd;             /* to the crowd */
    uint64_t         from;           /* us before it is cut */
    uint64_t         cpu;            /* of the servers meanwhile */
    load_calls_t     redis[3][LOAD_REDIS];
} load_fault_t;


static int load_fault_step(load_t *l, uint64_t now);
static unsigned load_deaf(load_t *l);
static void load_crowd(load_t *l, load_opt_t *o, int fd);
static unsigned load_crowd_acked(load_t *l);
static int load_herd_step(load_t *l, uint64_t now);
static unsigned load_herd_phase(load_t *l, uint64_t due);
static void load_herd_redis(load_fault_t *f, unsigned n);
static int load_stalled_step(load_t *l, uint64_t now);
static unsigned load_stalled_phase(load_t *l, uint64_t due);


/* A second of peace, the fault, and what comes of it. */

void
load_fault(load_t *l, load_opt_t *o)
{
    load_fault_t  f;

    memset(&f, 0, sizeof(load_fault_t));
    f.opt = o;

    l->resume = 1;
    load_dialogs_open(l, o);

    l->mode = &f;
    l->step = load_fault_step;

    load_traffic(l, o, 2, 1);
    load_traffic_report(l);

    printf("cut %u\ntold %u\nresets %u\n", l->cut, l->told, l->resets);
    printf("cut_spread_us %lu\n", l->last_cut - l->first_cut);
    printf("listeners %u\ndeaf %u\n", 2 * l->n_channels, load_deaf(l));
    printf("silence_us %lu\n", l->silence);
    load_percentiles("back", l->back);
    load_percentiles("latency", l->latency[0]);
}


static int
load_fault_step(load_t *l, uint64_t now)
{
    unsigned       i;
    load_fault_t  *f;

    f = l->mode;

    if (!f->at && now >= l->window_from + LOAD_SECOND) {
        f->at = now;

        if (kill(f->opt->kill, f->opt->signal) == -1) {
            load_die("kill %u: %s", f->opt->kill, strerror(errno));
        }
    }

    if (!f->marked
        && now >= l->window_from + (f->opt->seconds - 1) * LOAD_SECOND)
    {
        f->marked = 1;

        for (i = 0; i < l->n_channels; i++) {
            l->channels[i].mark[0] = l->channels[i].sent[0];
            l->channels[i].mark[1] = l->channels[i].sent[1];
        }
    }

    return 1;
}


/* Who got nothing of all that was said in the last second. */

static unsigned
load_deaf(load_t *l)
{
    unsigned         i, side, deaf;
    load_channel_t  *ch;

    for (i = 0, deaf = 0; i < l->n_channels; i++) {
        ch = &l->channels[i];

        for (side = 0; side < 2; side++) {
            deaf += ch->sent[side] > ch->mark[side]
                    && ch->seen[side] <= ch->mark[side];
        }
    }

    return deaf;
}


/*
 * The crowd is a process of its own, and gives way to all others, so that its
 * closing and connecting does not hold up those who talk on: it would be on
 * other machines.
 */

void
load_herd(load_t *l, load_opt_t *o)
{
    int            fd[2], status;
    char           go;
    pid_t          pid;
    unsigned       seconds;
    load_fault_t   f;

    memset(&f, 0, sizeof(load_fault_t));

    if (socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, fd) == -1) {
        load_die("socketpair: %s", strerror(errno));
    }

    pid = fork();

    if (pid == -1) {
        load_die("fork: %s", strerror(errno));
    }

    if (pid == 0) {
        close(fd[0]);
        load_crowd(l, o, fd[1]);
        exit(0);
    }

    close(fd[1]);

    if (read(fd[0], &go, 1) != 1) {
        load_die("the crowd did not come");
    }

    load_dialogs_open(l, o);

    f.opt = o;
    f.fd = fd[0];

    l->mode = &f;
    l->step = load_herd_step;
    l->phase = load_herd_phase;

    seconds = o->seconds;
    o->seconds = LOAD_HERD_MAX;
    f.from = seconds * LOAD_SECOND;

    load_traffic(l, o, 2, 1);

    close(f.fd);
    waitpid(pid, &status, 0);

    if (f.end == 0 || status != 0) {
        load_die("the crowd did not come back");
    }

    load_traffic_report(l);
    printf("connections %u\nall_back_us %lu\n", o->n, f.end - f.at);
    printf("cpu_us_per_client %.3f\n", f.cpu / 1000.0 / o->n);
    load_percentiles("before", l->latency[0]);
    load_percentiles("meanwhile", l->latency[1]);

    if (o->redis) {
        load_herd_redis(&f, o->n);
    }
}


static void
load_crowd(load_t *l, load_opt_t *o, int fd)
{
    char                c;
    unsigned            i;
    uint64_t            start;
    struct sched_param  param;

    param.sched_priority = 0;

    if (sched_setscheduler(0, SCHED_IDLE, &param) == -1) {
        load_die("sched_setscheduler: %s", strerror(errno));
    }

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    srandom(load_now());

    load_allocate(l, o->n, 1);

    for (i = 0; i < o->n; i++) {
        l->conns[i].silent = !o->talk;
        l->conns[i].account = i % l->n_accounts;
        /* nobody speaks there */
        l->conns[i].channel = o->talk ? 0 : o->dialogs;
    }

    /* who has a dialog knows where he is in it */
    l->resume = o->talk;

    load_join(l, o->n, 0);

    while (o->talk && !load_crowd_acked(l)) {
        load_turn(l, 5000);
    }

    l->resume = 1;

    if (write(fd, "r", 1) != 1) {
        load_die("write: %s", strerror(errno));
    }

    while (recv(fd, &c, 1, MSG_DONTWAIT) != 1) {
        load_turn(l, 5000);
    }

    start = load_now();

    for (i = 0; i < o->n; i++) {
        load_close(&l->conns[i], 1);
        l->conns[i].since = start;
    }

    for (i = 0; i < o->n; i++) {
        load_wait(&l->conns[i], l->jitter ? random() % l->jitter : 0);
    }

    l->ready = 0;
    load_join(l, o->n, 0);

    load_percentiles("back", l->back);
    printf("refused %u\n", l->errors);
    fflush(stdout);

    if (write(fd, "b", 1) == 1) {
        /* until the others have ended */
        (void) !read(fd, &c, 1);
    }
}


static unsigned
load_crowd_acked(load_t *l)
{
    unsigned  i;

    for (i = 0; i < l->n_conns; i++) {
        if (l->conns[i].acked < l->conns[i].n) {
            return 0;
        }
    }

    return 1;
}


static int
load_herd_step(load_t *l, uint64_t now)
{
    char           c;
    ssize_t        n;
    load_opt_t    *o;
    load_fault_t  *f;

    f = l->mode;
    o = f->opt;

    if (now < l->window_from) {
        return 1;
    }

    if (!f->marked) {
        f->marked = 1;
        l->window_from = now;

        if (o->redis) {
            load_redis(o->redis, f->redis[0]);
        }
    }

    if (!f->at) {

        if (now < l->window_from + f->from) {
            return 1;
        }

        if (o->redis) {
            load_redis(o->redis, f->redis[1]);
        }

        if (write(f->fd, "c", 1) != 1) {
            load_die("the crowd is gone");
        }

        f->at = now;
        f->cpu = load_cpu_ns(l);
        return 1;
    }

    n = recv(f->fd, &c, 1, MSG_DONTWAIT);

    if (n == -1 && errno == EAGAIN) {
        return 1;
    }

    if (n == 1) {
        f->end = now;
        f->cpu = load_cpu_ns(l) - f->cpu;

        if (o->redis) {
            load_redis(o->redis, f->redis[2]);
        }
    }

    return 0;
}


static unsigned
load_herd_phase(load_t *l, uint64_t due)
{
    load_fault_t  *f;

    f = l->mode;

    return f->at == 0 || due < f->at ? 0 : 1;
}


/* Calls for each of the crowd, less what the dialogs' cost before. */

static void
load_herd_redis(load_fault_t *f, unsigned n)
{
    double         ratio, calls, sum;
    unsigned       i, k, phase;
    uint64_t       count[3];
    load_calls_t  *r;

    ratio = (double) (f->end - f->at) / f->from;
    sum = 0;

    for (i = 0; f->redis[2][i].name[0]; i++) {

        for (phase = 0; phase < 3; phase++) {
            count[phase] = 0;

            for (k = 0; f->redis[phase][k].name[0]; k++) {
                r = &f->redis[phase][k];

                if (strcmp(r->name, f->redis[2][i].name) == 0) {
                    count[phase] = r->calls;
                }
            }
        }

        calls = (count[2] - count[1] - (count[1] - count[0]) * ratio) / n;
        sum += calls > 0 ? calls : 0;

        if (calls > 0.005) {
            printf("redis_%s %.3f\n", f->redis[2][i].name, calls);
        }
    }

    printf("redis_calls %.3f\n", sum);
}


/*
 * Rounds of three parts: all read; one stalls; it reads again (and comes
 * back, if it was closed).  What the others have in the first two of them.
 */

void
load_stalled(load_t *l, load_opt_t *o)
{
    load_fault_t  f;

    memset(&f, 0, sizeof(load_fault_t));
    f.opt = o;

    l->resume = 1;
    load_fanout_open(l, o, 1);

    l->mode = &f;
    l->step = load_stalled_step;
    l->phase = load_stalled_phase;
    o->seconds = (o->rounds * LOAD_ROUND_US + LOAD_SECOND - 1) / LOAD_SECOND;

    load_traffic(l, o, 1, o->publishers);
    load_traffic_report(l);

    printf("stalls %u\ncut %u\ntold %u\nresets %u\n", o->rounds, l->cut,
           l->told, l->resets);
    load_percentiles("without", l->latency[0]);
    load_percentiles("with", l->latency[1]);
}


static int
load_stalled_step(load_t *l, uint64_t now)
{
    unsigned      stall;
    load_conn_t  *c;

    c = &l->conns[((load_fault_t *) l->mode)->opt->receivers];
    stall = now >= l->window_from && load_stalled_phase(l, now) == 1;

    if (c->stalled != stall) {
        load_stall(c, stall);
    }

    return 1;
}


static unsigned
load_stalled_phase(load_t *l, uint64_t due)
{
    uint64_t  at;

    at = (due - l->window_from) % LOAD_ROUND_US;

    if (at < LOAD_CALM_US) {
        return 0;
    }

    return at < LOAD_CALM_US + LOAD_STALL_US ? 1 : LOAD_PHASES;
}
