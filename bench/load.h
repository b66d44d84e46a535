
/*
 * The load client: one thread, one epoll, WebSockets in the client role.
 *
 * load.c       options, modes, report
 * load_net.c   sockets, upgrade, frames, one write per connection and turn
 * load_peer.c  how to talk to us, to nchan, to socket.io
 * load_static.c  plain HTTP, for the limit of the machine
 * load_stat.c  latency histogram, processor time and memory of the servers
 */

#ifndef _LOAD_H_INCLUDED_
#define _LOAD_H_INCLUDED_


#include <stdint.h>
#include <stddef.h>

#include "chat_hist.h"
#include "chat_ws.h"


#define LOAD_PIDS      16
#define LOAD_PORTS     8
#define LOAD_ACCOUNTS  64
#define LOAD_CURSOR    128

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

struct load_conn_s {
    load_t          *load;
    load_conn_t     *next_dirty;

    int              fd;
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
    unsigned        *setup;          /* channels whose take is unanswered */
    unsigned         setup_n;

    /* what waits until fewer writes are unanswered: texts as sent */
    char           **wait;
    size_t           wait_pos;
    size_t           wait_len;
    size_t           wait_cap;

    uint64_t         since;          /* connecting began */
};

/* A dialog, or what stands for it with a peer. */
typedef struct {
    load_conn_t     *side[2];        /* visitor's, operator's */
    char             dialog[17];     /* ours: its id */
    unsigned         ready;
    uint64_t         sent[2];
    uint64_t         seen[2];        /* last number the other side got */
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

    int                 epoll;
    load_conn_t        *conns;
    unsigned            n_conns;
    unsigned            connecting;
    unsigned            next;        /* to connect */
    unsigned            ready;
    unsigned            broken;      /* connections lost */
    unsigned            errors;      /* refused writes */
    unsigned            reconnecting;
    load_conn_t        *dirty;

    load_channel_t     *channels;
    unsigned            n_channels;
    unsigned            channels_ready;

    unsigned            fanout;      /* receivers of each message */
    uint64_t            published;
    uint64_t            received;
    uint64_t            counted;     /* received in the window */
    uint64_t            lost;
    uint64_t            doubled;
    uint64_t            window_from; /* latencies count from this due time */
    uint64_t            latency[CHAT_HIST_MAX];
    uint64_t            welcome[CHAT_HIST_MAX];
    unsigned            text_size;
};


/* load_peer.c */

extern const load_peer_t  load_peers[];

/* load_net.c */

uint64_t load_now(void);                            /* us, monotonic */
void load_die(const char *what, ...) __attribute__((noreturn,
    format(printf, 1, 2)));
/* One turn: connects what may, waits at most `us`, reads, flushes. */
void load_turn(load_t *l, uint64_t us);
void load_text(load_conn_t *c, const char *text, size_t len);
void load_close(load_conn_t *c, int reset);
void load_stall(load_conn_t *c);

/* load_static.c */

void load_static(load_t *l, unsigned n, unsigned seconds);

/* load.c: told by peers */

void load_ready(load_conn_t *c);                    /* a member now */
void load_channel_ready(load_t *l, unsigned channel);
void load_acked(load_conn_t *c);
/* One of our texts ("@channel side number due ...") arrived. */
void load_got(load_conn_t *c, const char *text, size_t len);

/* load_stat.c */

typedef struct {
    uint64_t         cpu_ns;
    uint64_t         private_kb;
    uint64_t         shared_kb;
} load_usage_t;

void load_usage(load_t *l, load_usage_t *u);
void load_percentiles(const char *name, const uint64_t *buckets);


#endif /* _LOAD_H_INCLUDED_ */
