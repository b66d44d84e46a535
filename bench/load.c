
/*
 * Load client: one run of one mode against one server; see bench/run.pl.
 *
 *   load mode=dialogs peer=chat ip=127.0.0.1 ports=8080 cookies=FILE
 *        pids=PID,PID dialogs=200 rate=2000 seconds=5
 *
 * dialogs  messages there and back in many dialogs, at a fixed rate
 * fanout   each message to `receivers`, in bursts of `publishers`
 * idle     memory of n connections that are silent
 * herd     n connections cut at once come back
 * static   plain HTTP requests of n connections
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
#include <time.h>

#include "load.h"


#define LOAD_PATIENCE    60000000    /* us for all to be members */
#define LOAD_DRAIN       5000000     /* us for what is on its way */
#define LOAD_AT_ONCE     64          /* sends between two turns */
#define LOAD_TEXT        2048
#define LOAD_FIRST       500         /* connections before memory counts */

typedef struct {
    const char      *mode;
    const char      *peer;
    const char      *ports;
    const char      *pids;
    const char      *cookies;
    unsigned         dialogs;
    unsigned         receivers;
    unsigned         publishers;
    unsigned         n;
    unsigned         rate;
    unsigned         seconds;
    unsigned         stall;
} load_opt_t;


static void load_options(load_t *l, load_opt_t *o, char **argv);
static unsigned load_numbers(const char *list, int *dst, unsigned max);
static void load_cookies(load_t *l, const char *path);
static void load_allocate(load_t *l, unsigned conns, unsigned channels);
static void load_join(load_t *l, unsigned n, unsigned conns);
static void load_dialogs(load_t *l, load_opt_t *o);
static void load_fanout(load_t *l, load_opt_t *o);
static void load_idle(load_t *l, load_opt_t *o);
static void load_herd(load_t *l, load_opt_t *o);
static void load_traffic(load_t *l, load_opt_t *o, unsigned side,
    unsigned burst);
static void load_publish(load_t *l, unsigned channel, unsigned side,
    uint64_t due);
static void load_quiet(load_t *l, uint64_t us);


int
main(int argc, char **argv)
{
    load_t      l;
    load_opt_t  o;

    memset(&l, 0, sizeof(load_t));
    load_options(&l, &o, argv + 1);

    srandom(load_now());
    prctl(PR_SET_TIMERSLACK, 1000);

    l.epoll = epoll_create1(EPOLL_CLOEXEC);

    if (strcmp(o.mode, "dialogs") == 0) {
        load_dialogs(&l, &o);

    } else if (strcmp(o.mode, "fanout") == 0) {
        load_fanout(&l, &o);

    } else if (strcmp(o.mode, "idle") == 0) {
        load_idle(&l, &o);

    } else if (strcmp(o.mode, "herd") == 0) {
        load_herd(&l, &o);

    } else if (strcmp(o.mode, "static") == 0) {
        load_static(&l, o.n, o.seconds);

    } else {
        load_die("no such mode: %s", o.mode);
    }

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
        {"stall", NULL, &o->stall}, {"size", NULL, &l->text_size}
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
        || l->text_size > LOAD_TEXT - 100)
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


static void
load_allocate(load_t *l, unsigned conns, unsigned channels)
{
    unsigned  i;

    l->conns = calloc(conns, sizeof(load_conn_t));
    l->channels = calloc(channels, sizeof(load_channel_t));
    l->n_channels = channels;

    if (l->conns == NULL || l->channels == NULL) {
        load_die("out of memory");
    }

    for (i = 0; i < conns; i++) {
        l->conns[i].load = l;
        l->conns[i].index = i;
        l->conns[i].state = LOAD_WAITING;
    }
}


/* Connects up to the n-th and waits until `n` are members. */

static void
load_join(load_t *l, unsigned n, unsigned channels)
{
    uint64_t  end;

    l->n_conns = n;
    end = load_now() + LOAD_PATIENCE;

    while (l->ready < n || l->channels_ready < channels) {
        load_turn(l, 10000);

        if (load_now() > end) {
            load_die("%u of %u connections, %u of %u dialogs are ready",
                     l->ready, n, l->channels_ready, channels);
        }
    }
}


/*
 * Our operators have one socket for all dialogs of their account; of a peer
 * each side of a dialog has one for itself.
 */

static void
load_dialogs(load_t *l, load_opt_t *o)
{
    unsigned        i, operators;
    load_conn_t    *c;
    load_channel_t  *ch;

    operators = l->peer->shared ? l->n_accounts : o->dialogs;

    load_allocate(l, operators + o->dialogs, o->dialogs);
    l->fanout = 1;

    for (i = 0; i < operators; i++) {
        c = &l->conns[i];
        c->operator = 1;
        c->account = i % l->n_accounts;
        c->channel = i;
    }

    for (i = 0; i < o->dialogs; i++) {
        c = &l->conns[operators + i];
        c->account = i % l->n_accounts;
        c->channel = i;

        ch = &l->channels[i];
        ch->side[0] = c;
        ch->side[1] = &l->conns[i % operators];
    }

    load_join(l, operators, 0);
    load_join(l, operators + o->dialogs, o->dialogs);

    load_traffic(l, o, 2, 1);
}


static void
load_fanout(load_t *l, load_opt_t *o)
{
    unsigned      i, n;
    load_conn_t  *c;

    n = o->receivers + o->stall;

    load_allocate(l, n + o->publishers, o->publishers);
    l->fanout = o->receivers;

    for (i = 0; i < n; i++) {
        l->conns[i].operator = 1;
    }

    for (i = 0; i < o->publishers; i++) {
        c = &l->conns[n + i];
        c->publisher = i + 1;

        l->channels[i].side[0] = c;
        l->channels[i].fan = calloc(n, sizeof(uint64_t));

        if (l->channels[i].fan == NULL) {
            load_die("out of memory");
        }
    }

    load_join(l, n, 0);

    for (i = 0; i < o->stall; i++) {
        load_stall(&l->conns[o->receivers + i]);
    }

    load_join(l, n + o->publishers, o->publishers);

    load_traffic(l, o, 1, o->publishers);
}


static void
load_idle(load_t *l, load_opt_t *o)
{
    unsigned      i;
    load_usage_t  before, after, later;

    /* the first ones pay for what is allocated once */

    load_allocate(l, o->n + LOAD_FIRST, 1);

    for (i = 0; i < o->n + LOAD_FIRST; i++) {
        l->conns[i].silent = 1;
        l->conns[i].account = i % l->n_accounts;
    }

    load_join(l, LOAD_FIRST, 0);
    load_quiet(l, 1500000);
    load_usage(l, &before);

    load_join(l, o->n + LOAD_FIRST, 0);
    load_quiet(l, 1500000);
    load_usage(l, &after);

    load_quiet(l, o->seconds * 1000000);
    load_usage(l, &later);

    printf("connections %u\n", o->n);
    printf("private_bytes %.0f\n",
           ((double) after.private_kb - before.private_kb) * 1024 / o->n);
    printf("shared_bytes %.0f\n",
           ((double) after.shared_kb - before.shared_kb) * 1024 / o->n);
    printf("idle_cpu_us %.3f\n", (later.cpu_ns - after.cpu_ns) / 1000.0
           / o->n / o->seconds);
}


static void
load_herd(load_t *l, load_opt_t *o)
{
    unsigned  i;
    uint64_t  start;

    load_allocate(l, o->n, 1);

    for (i = 0; i < o->n; i++) {
        l->conns[i].silent = 1;
        l->conns[i].account = i % l->n_accounts;
    }

    load_join(l, o->n, 0);
    load_quiet(l, 1000000);

    start = load_now();
    l->reconnecting = 1;

    for (i = 0; i < o->n; i++) {
        load_close(&l->conns[i], 1);
        l->conns[i].state = LOAD_WAITING;
        l->conns[i].since = start;
    }

    l->ready = 0;
    l->next = 0;

    load_join(l, o->n, 0);

    printf("connections %u\n", o->n);
    load_percentiles("back", l->welcome);
}


/* Messages at o->rate a second, one of each `sides` in turn. */

static void
load_traffic(load_t *l, load_opt_t *o, unsigned sides, unsigned burst)
{
    double         step;
    unsigned       i, n;
    uint64_t       k, now, due, start, total, warm, end;
    load_usage_t   before, after;
    struct rusage  own, own_after;

    total = (uint64_t) o->rate * (o->seconds + 1) / burst * burst;
    warm = o->rate / burst * burst;

    start = load_now() + 50000;
    step = 1e6 * burst / o->rate;
    l->window_from = start + (uint64_t) (warm / burst * step);
    memset(&before, 0, sizeof(before));

    for (k = 0, i = 0; k < total; /* void */) {
        now = load_now();

        for (n = 0; n < LOAD_AT_ONCE && k < total; n++) {
            due = start + (uint64_t) (k / burst * step);

            if (due > now) {
                break;
            }

            if (k == warm) {
                getrusage(RUSAGE_SELF, &own);
                load_usage(l, &before);
                l->counted = 0;
            }

            load_publish(l, i, sides == 1 ? 0 : (k / l->n_channels) % 2,
                         due);
            i = (i + 1) % l->n_channels;
            k++;
        }

        now = load_now();
        load_turn(l, k < total && due > now ? due - now : 0);
    }

    end = load_now() + LOAD_DRAIN;

    while (l->received < l->published * l->fanout && load_now() < end) {
        load_turn(l, 1000);
    }

    load_usage(l, &after);
    getrusage(RUSAGE_SELF, &own_after);
    now = load_now();

    if (l->received < l->published * l->fanout) {
        l->lost = l->published * l->fanout - l->received;
    }

    printf("rate %u\npublished %lu\nlost %lu\ndoubled %lu\n", o->rate,
           l->published, l->lost, l->doubled);
    printf("seconds %.3f\n", (now - l->window_from) / 1e6);
    printf("deliveries %lu\n", l->counted);
    printf("cpu_us_per_delivery %.3f\n",
           (after.cpu_ns - before.cpu_ns) / 1000.0 / l->counted);
    printf("cpu_us_per_message %.3f\n",
           (after.cpu_ns - before.cpu_ns) / 1000.0 / (total - warm));
    printf("client_cpu %.3f\n",
           (own_after.ru_utime.tv_sec - own.ru_utime.tv_sec
            + own_after.ru_stime.tv_sec - own.ru_stime.tv_sec
            + (own_after.ru_utime.tv_usec - own.ru_utime.tv_usec
               + own_after.ru_stime.tv_usec - own.ru_stime.tv_usec) / 1e6)
           / ((now - l->window_from) / 1e6));

    load_percentiles("latency", l->latency);
}


static void
load_publish(load_t *l, unsigned channel, unsigned side, uint64_t due)
{
    int              n;
    char             text[LOAD_TEXT];
    load_conn_t     *c;
    load_channel_t  *ch;

    ch = &l->channels[channel];
    c = ch->side[side];

    if (c->state != LOAD_READY) {
        l->errors++;
        return;
    }

    n = snprintf(text, sizeof(text), "@%u %u %lu %lu ", channel, side,
                 ++ch->sent[side], due);

    if ((unsigned) n < l->text_size) {
        memset(text + n, 'x', l->text_size - n);
        n = l->text_size;
    }

    text[n] = '\0';
    l->published++;

    if (l->peer->window == 0
        || (c->wait_pos == c->wait_len && c->n - c->acked < l->peer->window))
    {
        l->peer->publish(c, channel, text);
        return;
    }

    if (c->wait_len == c->wait_cap) {
        c->wait_cap = c->wait_cap ? 2 * c->wait_cap : 64;
        c->wait = realloc(c->wait, c->wait_cap * sizeof(char *));
    }

    if (c->wait == NULL || (c->wait[c->wait_len++] = strdup(text)) == NULL) {
        load_die("out of memory");
    }
}


void
load_acked(load_conn_t *c)
{
    char      *text;
    unsigned   channel;

    if (c->wait_pos == c->wait_len) {
        return;
    }

    text = c->wait[c->wait_pos++];

    if (c->wait_pos == c->wait_len) {
        c->wait_pos = 0;
        c->wait_len = 0;
    }

    channel = strtoul(text + 1, NULL, 10);
    c->load->peer->publish(c, channel, text);
    free(text);
}


void
load_ready(load_conn_t *c)
{
    load_t          *l;
    load_channel_t  *ch;

    l = c->load;

    c->state = LOAD_READY;
    l->ready++;

    if (l->reconnecting) {
        l->welcome[chat_hist_index(load_now() - c->since)]++;
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


void
load_got(load_conn_t *c, const char *text, size_t len)
{
    char            *p;
    load_t          *l;
    uint64_t         n, due, *seen, now;
    unsigned         side, channel;
    load_channel_t  *ch;

    p = memchr(text, '@', len);

    if (p == NULL) {
        return;
    }

    l = c->load;

    channel = strtoul(p + 1, &p, 10);
    side = strtoul(p, &p, 10);
    n = strtoull(p, &p, 10);
    due = strtoull(p, &p, 10);

    if (channel >= l->n_channels || side > 1) {
        load_die("a text that nobody sent: %.*s", (int) len, text);
    }

    if (side == c->operator) {
        /* its own, from the log */
        return;
    }

    ch = &l->channels[channel];

    if (ch->fan) {
        if (c->index >= l->n_conns || c->publisher) {
            return;
        }

        seen = &ch->fan[c->index];

    } else {
        seen = &ch->seen[side];
    }

    if (n <= *seen) {
        l->doubled++;
        return;
    }

    *seen = n;
    l->received++;
    l->counted++;

    if (due >= l->window_from) {
        now = load_now();
        l->latency[chat_hist_index(now > due ? now - due : 0)]++;
    }
}


/* Lets time pass: connections stay alive. */

static void
load_quiet(load_t *l, uint64_t us)
{
    uint64_t  end;

    end = load_now() + us;

    while (load_now() < end) {
        load_turn(l, 20000);
    }
}
