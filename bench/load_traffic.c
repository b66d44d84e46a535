
/*
 * Messages at a fixed rate: who sends, what arrives, how long it took.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "load.h"


#define LOAD_DRAIN    3000000        /* us for what is on its way */
#define LOAD_AT_ONCE  64             /* sends between two turns */
#define LOAD_TEXT     4096


static void load_publish(load_t *l, unsigned channel, unsigned side,
    uint64_t due);
static double load_own_cpu(void);


/*
 * Our operators have one socket for all dialogs of their account; of a peer
 * each side of a dialog has one for itself.
 */

void
load_dialogs_open(load_t *l, load_opt_t *o)
{
    unsigned         i, operators;
    load_conn_t     *c;
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
}


void
load_dialogs(load_t *l, load_opt_t *o)
{
    load_dialogs_open(l, o);
    load_traffic(l, o, 2, 1);
    load_traffic_report(l);
    load_percentiles("latency", l->latency[0]);
}


/* The last `stall` readers are for the mode to vex. */

void
load_fanout_open(load_t *l, load_opt_t *o, unsigned stall)
{
    unsigned      i, n;
    load_conn_t  *c;

    n = o->receivers + stall;

    load_allocate(l, n + o->publishers, o->publishers);
    l->fanout = n;

    for (i = 0; i < n; i++) {
        l->conns[i].operator = 1;
        l->conns[i].narrow = i >= o->receivers;
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
    load_join(l, n + o->publishers, o->publishers);
}


void
load_fanout(load_t *l, load_opt_t *o)
{
    load_fanout_open(l, o, 0);
    load_traffic(l, o, 1, o->publishers);
    load_traffic_report(l);
    load_percentiles("latency", l->latency[0]);
}


void
load_traffic(load_t *l, load_opt_t *o, unsigned sides, unsigned burst)
{
    double        step, own;
    unsigned      i, n;
    uint64_t      k, now, due, start, total, warm, end;
    load_usage_t  before, after;

    total = (uint64_t) o->rate * (o->seconds + 1) / burst * burst;
    warm = o->rate / burst * burst;

    start = load_now() + 50000;
    step = 1e6 * burst / o->rate;
    l->window_from = start + (uint64_t) (warm / burst * step);
    memset(&before, 0, sizeof(before));
    own = 0;

    for (k = 0, i = 0; k < total; /* void */) {
        now = load_now();

        if (l->step && !l->step(l, now)) {
            break;
        }

        for (n = 0; n < LOAD_AT_ONCE && k < total; n++) {
            due = start + (uint64_t) (k / burst * step);

            if (due > now) {
                break;
            }

            if (k == warm) {
                own = load_own_cpu();
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
    own = load_own_cpu() - own;
    now = load_now();

    if (k > warm && l->counted) {
        printf("cpu_us_per_delivery %.3f\n",
               (after.cpu_ns - before.cpu_ns) / 1000.0 / l->counted);
        printf("cpu_us_per_message %.3f\n",
               (after.cpu_ns - before.cpu_ns) / 1000.0 / (k - warm));
        printf("client_cpu %.3f\n", own * 1e6 / (now - l->window_from));
    }

    printf("rate %u\nseconds %.3f\ndeliveries %lu\n", o->rate,
           (now - l->window_from) / 1e6, l->counted);
}


void
load_traffic_report(load_t *l)
{
    if (l->received < l->published * l->fanout) {
        l->lost = l->published * l->fanout - l->received;
    }

    printf("published %lu\nlost %lu\ndoubled %lu\n", l->published, l->lost,
           l->doubled);
}


static double
load_own_cpu(void)
{
    struct rusage  own;

    getrusage(RUSAGE_SELF, &own);

    return own.ru_utime.tv_sec + own.ru_stime.tv_sec
           + (own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e6;
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

    if (c->state != LOAD_READY && !l->resume) {
        l->errors++;
        return;
    }

    n = snprintf(text, sizeof(text), "@%u %u %u %lu %lu ", l->run, channel,
                 side, ++ch->sent[side], due);

    if ((unsigned) n < l->text_size) {
        memset(text + n, 'x', l->text_size - n);
        n = l->text_size;
    }

    text[n] = '\0';
    l->published++;

    load_push(&c->wait, text);
    load_next(c);
}


void
load_next(load_conn_t *c)
{
    char               *text;
    unsigned            channel;
    const load_peer_t  *peer;

    peer = c->load->peer;

    while (c->state == LOAD_READY
           && (peer->window == 0 || c->n - c->acked < peer->window)
           && (text = load_shift(&c->wait)) != NULL)
    {
        sscanf(text, "@%*u %u", &channel);
        peer->publish(c, channel, text);
        free(text);
    }
}


void
load_resumed(load_conn_t *c)
{
    size_t  i;

    /* what was not answered, with the same numbers */

    for (i = c->kept.pos; i < c->kept.len; i++) {
        load_text(c, c->kept.text[i], strlen(c->kept.text[i]));
    }

    load_next(c);
}


void
load_got(load_conn_t *c, const char *text, size_t len)
{
    char            *p;
    load_t          *l;
    uint64_t         n, due, *seen, now;
    unsigned         side, channel, phase;
    load_channel_t  *ch;

    p = memchr(text, '@', len);

    if (p == NULL) {
        return;
    }

    l = c->load;

    if (strtoul(p + 1, &p, 10) != l->run) {
        /* late: of a run that has ended */
        return;
    }

    channel = strtoul(p, &p, 10);
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

    if (due < l->window_from || c->narrow) {
        return;
    }

    now = load_now();
    phase = l->phase ? l->phase(l, due) : 0;

    if (phase < LOAD_PHASES) {
        l->latency[phase][chat_hist_index(now > due ? now - due : 0)]++;
    }

    /* the longest time between two messages of one side */

    if (ch->fan == NULL) {
        if (ch->got[side] && now - ch->got[side] > l->silence) {
            l->silence = now - ch->got[side];
        }

        ch->got[side] = now;
    }
}
