
/*
 * Load client: one run of one mode against one server; see bench/run.pl.
 *
 *   load mode=dialogs peer=chat ip=127.0.0.1 ports=8080 cookies=FILE
 *        pids=PID,PID dialogs=200 rate=2000 seconds=5
 *
 * dialogs  messages there and back in many dialogs, at a fixed rate
 * fanout   each message to `receivers`, in bursts of `publishers`
 * idle     memory of n connections that are silent
 * herd     n connections cut at once come back while dialogs go on
 * fault    dialogs; in their midst `signal` is sent to the process `kill`
 * stalled  fanout; one reader more stalls every other second
 * static   plain HTTP requests of n connections
 * writev   what a writev of `size` bytes costs, each to one of n sockets
 * gaps     time that a processor's host takes away
 *
 * A message's time runs from when it was due, not from when it was sent: a
 * server (or a client) that hesitates is not forgiven what waits meanwhile.
 * Every message carries the number of its sender: lost and doubled ones are
 * counted per receiver.  What is found goes to stdout, "NAME VALUE" lines.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"


#define LOAD_PATIENCE    60000000    /* us for all to be members */
#define LOAD_SETTLE      1000000
#define LOAD_FIRST       500         /* connections before memory counts */
#define LOAD_FILES       65536
#define LOAD_TEXT_MAX    3900


static void load_options(load_t *l, load_opt_t *o, char **argv);
static unsigned load_numbers(const char *list, int *dst, unsigned max);
static void load_cookies(load_t *l, const char *path);
static void load_files(void);
static void load_idle(load_t *l, load_opt_t *o);


int
main(int argc, char **argv)
{
    size_t      i;
    load_t      l;
    load_opt_t  o;

    const struct {
        const char  *name;
        void       (*run)(load_t *l, load_opt_t *o);
    } modes[] = {
        {"dialogs", load_dialogs}, {"fanout", load_fanout},
        {"idle", load_idle}, {"herd", load_herd}, {"fault", load_fault},
        {"stalled", load_stalled}, {"static", load_static},
        {"writev", load_writev},
        {"gaps", load_gaps}
    };

    memset(&l, 0, sizeof(load_t));
    load_options(&l, &o, argv + 1);

    for (i = 0; strcmp(modes[i].name, o.mode) != 0; i++) {
        if (i + 1 == sizeof(modes) / sizeof(modes[0])) {
            load_die("no such mode: %s", o.mode);
        }
    }

    load_files();
    srandom(load_now());
    l.run = random();
    prctl(PR_SET_TIMERSLACK, 1000);

    l.epoll = epoll_create1(EPOLL_CLOEXEC);

    modes[i].run(&l, &o);

    printf("broken %u\nerrors %u\n", l.broken, l.errors);

    return 0;
}


static void
load_options(load_t *l, load_opt_t *o, char **argv)
{
    char    *value;
    size_t   i;

    memset(o, 0, sizeof(load_opt_t));

    o->mode = "dialogs";
    o->peer = "chat";
    o->ports = "8080";
    o->pids = "";
    o->dialogs = 200;
    o->receivers = 1000;
    o->publishers = 1;
    o->n = 1000;
    o->rate = 2000;
    o->seconds = 5;
    o->rounds = 4;

    l->ip = "127.0.0.1";
    l->desk = "desk.test";
    l->text_size = 200;

    const struct {
        const char   *name;
        const char  **text;
        unsigned     *number;
    } options[] = {
        {"mode", &o->mode, NULL}, {"peer", &o->peer, NULL},
        {"ports", &o->ports, NULL}, {"pids", &o->pids, NULL},
        {"cookies", &o->cookies, NULL}, {"ip", &l->ip, NULL},
        {"desk", &l->desk, NULL}, {"dialogs", NULL, &o->dialogs},
        {"receivers", NULL, &o->receivers},
        {"publishers", NULL, &o->publishers}, {"n", NULL, &o->n},
        {"rate", NULL, &o->rate}, {"seconds", NULL, &o->seconds},
        {"rounds", NULL, &o->rounds}, {"talk", NULL, &o->talk},
        {"kill", NULL, &o->kill},
        {"signal", NULL, &o->signal}, {"redis", &o->redis, NULL},
        {"tls", NULL, &l->tls}, {"pause", NULL, &l->pause},
        {"jitter", NULL, &l->jitter}, {"size", NULL, &l->text_size}
    };

    for ( /* void */ ; *argv; argv++) {
        value = strchr(*argv, '=');

        if (value == NULL) {
            load_die("usage: load NAME=VALUE...");
        }

        *value++ = '\0';

        for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
            if (strcmp(options[i].name, *argv) == 0) {
                break;
            }
        }

        if (i == sizeof(options) / sizeof(options[0])) {
            load_die("no such option: %s", *argv);
        }

        if (options[i].text) {
            *options[i].text = value;

        } else {
            *options[i].number = strtoul(value, NULL, 10);
        }
    }

    for (l->peer = load_peers; l->peer->name; l->peer++) {
        if (strcmp(l->peer->name, o->peer) == 0) {
            break;
        }
    }

    if (l->peer->name == NULL || o->seconds == 0 || o->rate == 0
        || o->publishers == 0 || o->dialogs == 0
        || l->text_size > LOAD_TEXT_MAX)
    {
        load_die("bad options");
    }

    l->n_ports = load_numbers(o->ports, l->ports, LOAD_PORTS);
    l->n_pids = load_numbers(o->pids, l->pids, LOAD_PIDS);

    l->n_accounts = 1;
    l->hosts[0] = "s0.test";

    if (o->cookies) {
        load_cookies(l, o->cookies);
    }
}


static unsigned
load_numbers(const char *list, int *dst, unsigned max)
{
    char      *end;
    unsigned   n;

    for (n = 0; *list && n < max; n++) {
        dst[n] = strtol(list, &end, 10);
        list = *end ? end + 1 : end;
    }

    return n;
}


/* A line an account: visitors' host, operator's cookie. */

static void
load_cookies(load_t *l, const char *path)
{
    FILE  *f;
    char   host[128], cookie[512];

    f = fopen(path, "r");

    if (f == NULL) {
        load_die("cannot read %s", path);
    }

    l->n_accounts = 0;

    while (l->n_accounts < LOAD_ACCOUNTS
           && fscanf(f, "%127s %511s", host, cookie) == 2)
    {
        l->hosts[l->n_accounts] = strdup(host);
        l->cookies[l->n_accounts++] = strdup(cookie);
    }

    fclose(f);

    if (l->n_accounts == 0) {
        load_die("no accounts in %s", path);
    }
}


/* As many files as one may have: the system has more than a shell gives. */

static void
load_files(void)
{
    struct rlimit  limit;

    limit.rlim_cur = LOAD_FILES;
    limit.rlim_max = LOAD_FILES;

    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        return;
    }

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}


void
load_allocate(load_t *l, unsigned conns, unsigned channels)
{
    unsigned  i;

    l->conns = calloc(conns, sizeof(load_conn_t));
    l->waiting = calloc(conns, sizeof(load_conn_t *));
    l->channels = calloc(channels, sizeof(load_channel_t));
    l->n_channels = channels;

    if (l->conns == NULL || l->waiting == NULL || l->channels == NULL) {
        load_die("out of memory");
    }

    for (i = 0; i < conns; i++) {
        l->conns[i].load = l;
        l->conns[i].index = i;
    }
}


void
load_join(load_t *l, unsigned n, unsigned channels)
{
    uint64_t  end;

    while (l->n_conns < n) {
        load_wait(&l->conns[l->n_conns++], 0);
    }

    end = load_now() + LOAD_PATIENCE;

    while (l->ready < n || l->channels_ready < channels) {
        load_turn(l, 10000);

        if (load_now() > end) {
            load_die("%u of %u connections, %u of %u dialogs are ready",
                     l->ready, n, l->channels_ready, channels);
        }
    }
}


static void
load_idle(load_t *l, load_opt_t *o)
{
    unsigned      i;
    load_usage_t  before, after;

    /* the first ones pay for what is allocated once */

    load_allocate(l, o->n + LOAD_FIRST, 1);

    for (i = 0; i < o->n + LOAD_FIRST; i++) {
        l->conns[i].silent = 1;
        l->conns[i].account = i % l->n_accounts;
    }

    load_join(l, LOAD_FIRST, 0);
    load_quiet(l, LOAD_SETTLE);
    load_usage(l, &before);

    load_join(l, o->n + LOAD_FIRST, 0);
    load_quiet(l, LOAD_SETTLE);
    load_usage(l, &after);

    printf("connections %u\n", o->n);
    printf("private_bytes %.0f\n",
           ((double) after.private_kb - before.private_kb) * 1024 / o->n);
    printf("shared_bytes %.0f\n",
           ((double) after.shared_kb - before.shared_kb) * 1024 / o->n);
}


void
load_quiet(load_t *l, uint64_t us)
{
    uint64_t  end;

    end = load_now() + us;

    while (load_now() < end) {
        load_turn(l, 20000);
    }
}


void
load_ready(load_conn_t *c)
{
    load_t          *l;
    load_channel_t  *ch;

    l = c->load;

    c->state = LOAD_READY;
    l->ready++;

    if (c->since) {
        l->back[chat_hist_index(load_now() - c->since)]++;
        load_resumed(c);
        return;
    }

    if (c->silent || c->operator) {
        return;
    }

    ch = &l->channels[c->publisher ? c->publisher - 1 : c->channel];

    if (l->peer->identity) {
        /* ours: the first message opens it, the answer names it */
        l->peer->publish(c, ch - l->channels, "good morning");

    } else {
        load_channel_ready(l, ch - l->channels);
    }
}


void
load_channel_ready(load_t *l, unsigned channel)
{
    if (!l->channels[channel].ready) {
        l->channels[channel].ready = 1;
        l->channels_ready++;
    }
}
