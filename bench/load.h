
/*
 * The load client: one thread, one epoll, WebSockets in the client role.
 *
 * load.c          options, joining, modes without traffic
 * load_traffic.c  modes with traffic: messages, their numbers and latencies
 * load_fault.c    modes in which connections are cut or somebody stalls
 * load_conn.c     connections: waiting, connecting, ending, queues
 * load_net.c      the loop, upgrade, frames, a write per connection and turn
 * load_tls.c      the same sockets under TLS
 * load_peer.c     how to talk to us, to nchan, to socket.io
 * load_limit.c    what the machine can do: plain HTTP, bare writev, time
 * load_stat.c     percentiles, processor time and memory of the servers,
 *                 what Redis was asked
 */

#ifndef _LOAD_H_INCLUDED_
#define _LOAD_H_INCLUDED_


#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

#include "chat_hist.h"
#include "chat_ws.h"


#define LOAD_PIDS      16
#define LOAD_PORTS     8
#define LOAD_ACCOUNTS  64
#define LOAD_CURSOR    128
#define LOAD_PHASES    3             /* latencies are told apart by phase */
#define LOAD_REDIS     64            /* commands of Redis that are counted */

typedef enum {
    LOAD_CLOSED = 0,
    LOAD_WAITING,               /* for its turn to connect */
    LOAD_IDENTITY,              /* an HTTP answer before the upgrade */
    LOAD_UPGRADE,
    LOAD_OPEN,                  /* a WebSocket; not a member yet */
    LOAD_READY
} load_state_e;

typedef struct load_s       load_t;
typedef struct load_conn_s  load_conn_t;
typedef struct load_peer_s  load_peer_t;

/* Texts, first in, first out. */
typedef struct {
    char           **text;
    size_t           pos;
    size_t           len;
    size_t           cap;
} load_queue_t;

struct load_conn_s {
    load_t          *load;
    load_conn_t     *next_dirty;
    uint64_t         not_before;     /* connects then, */
    uint64_t         after;          /* told to come within so many us */

    int              fd;
    void            *tls;
    load_state_e     state;
    unsigned         index;
    unsigned         operator;       /* our second side */
    unsigned         account;
    unsigned         channel;        /* dialog it belongs to */
    unsigned         publisher;      /* fanout: 1 + its channel */
    unsigned         dirty:1;
    unsigned         blocked:1;      /* waits for EPOLLOUT */
    unsigned         stalled:1;      /* never reads again */
    unsigned         silent:1;       /* opens no dialog */
    unsigned         told:1;         /* a close frame came */
    unsigned         narrow:1;       /* one that will stall */
    unsigned         asking:1;       /* for history */

    chat_ws_t        ws;

    unsigned char   *out;
    size_t           out_pos;
    size_t           out_len;
    size_t           out_cap;

    char            *head;           /* an HTTP answer so far */
    size_t           head_len;

    /* ours */
    char             token[256];
    char             instance[16];
    char             cursor[LOAD_CURSOR];
    uint64_t         n;              /* writes given */
    uint64_t         acked;
    uint64_t         seq;            /* of its dialog: has, */
    uint64_t         newest;         /* and has heard of */
    unsigned        *setup;          /* channels whose take is unanswered */
    unsigned         setup_n;

    load_queue_t     wait;           /* until fewer writes are unanswered */
    load_queue_t     kept;           /* unanswered: sent again if cut */

    uint64_t         since;          /* it was cut */
};

/* A dialog, or what stands for it with a peer. */
typedef struct {
    load_conn_t     *side[2];        /* visitor's, operator's */
    char             dialog[17];     /* ours: its id */
    unsigned         ready;
    uint64_t         sent[2];
    uint64_t         seen[2];        /* last number the other side got */
    uint64_t         mark[2];        /* sent before the last second */
    uint64_t         got[2];         /* when the other side got it */
    uint64_t        *fan;            /* fanout: last number per receiver */
} load_channel_t;

struct load_peer_s {
    const char      *name;
    unsigned         window;         /* writes unanswered at most; 0: any */
    unsigned         shared;         /* an operator's socket for all dialogs
                                        of his account */

    /* HTTP request text; state says which.  Returns its length. */
    size_t         (*request)(load_conn_t *c, char *p, size_t size);
    /* An HTTP answer of LOAD_IDENTITY; CHAT_OK: go on with the upgrade. */
    int            (*identity)(load_conn_t *c, char *head);
    void           (*opened)(load_conn_t *c);
    void           (*frame)(load_conn_t *c, const chat_str_t *text);
    void           (*publish)(load_conn_t *c, unsigned channel,
                              const char *text);
};

struct load_s {
    const load_peer_t  *peer;
    const char         *ip;
    const char         *hosts[LOAD_ACCOUNTS];    /* visitors' */
    const char         *desk;        /* operators' Host */
    int                 ports[LOAD_PORTS];
    unsigned            n_ports;
    const char         *cookies[LOAD_ACCOUNTS];
    unsigned            n_accounts;
    int                 pids[LOAD_PIDS];
    unsigned            n_pids;
    unsigned            tls;
    unsigned            pause;       /* us between two reads: see load_turn */

    int                 epoll;
    load_conn_t        *conns;
    unsigned            n_conns;
    unsigned            connecting;
    load_conn_t       **waiting;     /* to connect: a heap by their times */
    unsigned            n_waiting;
    unsigned            ready;
    load_conn_t        *dirty;

    unsigned            broken;      /* connections lost, for good */
    unsigned            errors;      /* refused writes */
    unsigned            cut;         /* connections lost, come back */
    unsigned            told;        /* of them with a close frame */
    unsigned            resets;      /* came back and had to begin anew */
    uint64_t            first_cut;
    uint64_t            last_cut;

    /* who is cut comes back, after a random part of this time (us) */
    unsigned            resume:1;
    unsigned            jitter;

    load_channel_t     *channels;
    unsigned            n_channels;
    unsigned            channels_ready;

    unsigned            run;         /* marks its texts */
    unsigned            fanout;      /* receivers of each message */
    uint64_t            published;
    uint64_t            received;
    uint64_t            counted;     /* received in the window */
    uint64_t            lost;
    uint64_t            doubled;
    uint64_t            window_from; /* latencies count from this due time */
    uint64_t            silence;     /* longest time a member got nothing */
    unsigned            text_size;

    /* told each turn of traffic; 0 ends it */
    int               (*step)(load_t *l, uint64_t now);
    /* of a message that was due then: 0.., LOAD_PHASES: none */
    unsigned          (*phase)(load_t *l, uint64_t due);
    void               *mode;        /* for both */

    uint64_t            latency[LOAD_PHASES][CHAT_HIST_MAX];
    uint64_t            back[CHAT_HIST_MAX];
};

typedef struct {
    const char      *mode;
    const char      *peer;
    const char      *ports;
    const char      *pids;
    const char      *cookies;
    const char      *redis;          /* unix socket: what is it asked? */
    unsigned         dialogs;
    unsigned         receivers;
    unsigned         publishers;
    unsigned         n;
    unsigned         rate;
    unsigned         seconds;
    unsigned         rounds;
    unsigned         talk;           /* each of the herd has a dialog */
    unsigned         kill;           /* process, */
    unsigned         signal;         /* and what it is sent */
} load_opt_t;


/* load.c */

void load_allocate(load_t *l, unsigned conns, unsigned channels);
/* Connects up to the n-th and waits until `n` are members. */
void load_join(load_t *l, unsigned n, unsigned channels);
/* Lets time pass: connections stay alive. */
void load_quiet(load_t *l, uint64_t us);
void load_ready(load_conn_t *c);                    /* a member now */
void load_channel_ready(load_t *l, unsigned channel);

/* load_traffic.c */

void load_dialogs_open(load_t *l, load_opt_t *o);
void load_dialogs(load_t *l, load_opt_t *o);
void load_fanout_open(load_t *l, load_opt_t *o, unsigned stall);
void load_fanout(load_t *l, load_opt_t *o);
/*
 * Messages at o->rate a second for o->seconds, or until l->step says so;
 * `side` 0: of visitors only, 2: of both sides; then what is on its way.
 */
void load_traffic(load_t *l, load_opt_t *o, unsigned sides, unsigned burst);
void load_traffic_report(load_t *l);
/* Sends what waits, as much as a server stands unanswered. */
void load_next(load_conn_t *c);
/* A member again: what it had to say goes out. */
void load_resumed(load_conn_t *c);
/* One of our texts ("@run channel side number due ...") arrived. */
void load_got(load_conn_t *c, const char *text, size_t len);

/* load_fault.c */

void load_herd(load_t *l, load_opt_t *o);
void load_fault(load_t *l, load_opt_t *o);
void load_stalled(load_t *l, load_opt_t *o);

/* load_peer.c */

extern const load_peer_t  load_peers[];

/* load_net.c */

uint64_t load_now(void);                            /* us, monotonic */
void load_die(const char *what, ...) __attribute__((noreturn,
    format(printf, 1, 2)));
/* One turn: connects what may, waits at most `us`, reads, flushes. */
void load_turn(load_t *l, uint64_t us);
void load_request(load_conn_t *c);                  /* of its state */
void load_text(load_conn_t *c, const char *text, size_t len);

/* load_conn.c */

/* It connects in so many us: first, or again. */
void load_wait(load_conn_t *c, uint64_t us);
load_conn_t *load_first(load_t *l);                 /* to connect now */
void load_connect(load_conn_t *c);
/* It is over; with l->resume it comes back in so many us. */
void load_lost(load_conn_t *c, uint64_t us);
void load_close(load_conn_t *c, int reset);
void load_stall(load_conn_t *c, unsigned stall);
void load_poll(load_conn_t *c, int op, unsigned events);
void load_push(load_queue_t *q, const char *text);
char *load_shift(load_queue_t *q);                  /* to free; or NULL */

/* load_tls.c: like connect's end, recv and send; -1 with EAGAIN */

void load_tls_open(load_conn_t *c);
void load_tls_close(load_conn_t *c);
ssize_t load_tls_recv(load_conn_t *c, void *p, size_t n);
ssize_t load_tls_send(load_conn_t *c, const void *p, size_t n);

/* load_limit.c */

void load_static(load_t *l, load_opt_t *o);
void load_writev(load_t *l, load_opt_t *o);
void load_gaps(load_t *l, load_opt_t *o);

/* load_stat.c */

typedef struct {
    uint64_t         cpu_ns;
    uint64_t         private_kb;
    uint64_t         shared_kb;
} load_usage_t;

typedef struct {
    char             name[32];
    uint64_t         calls;
} load_calls_t;

void load_usage(load_t *l, load_usage_t *u);
uint64_t load_cpu_ns(load_t *l);                    /* of the servers */
void load_percentiles(const char *name, const uint64_t *buckets);
/* Calls by command so far, the last name empty. */
void load_redis(const char *socket, load_calls_t calls[LOAD_REDIS]);


#endif /* _LOAD_H_INCLUDED_ */
