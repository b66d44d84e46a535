
/*
 * chat-statd: reads every partition's log from its stored position and writes
 * what it counted together with the new position, in one transaction.
 */

#ifndef _STATD_H_INCLUDED_
#define _STATD_H_INCLUDED_


#include <signal.h>

#include "chat_keys.h"
#include "chat_log.h"
#include "chat_sync.h"
#include "chat_tally.h"


#define STATD_ID_LEN    16

typedef struct {
    const char      *redis;
    const char      *log;
    const char      *pid;
    int              foreground;
    int              once;
    int              help;
    int              version;
    uint64_t         keep_s;       /* age up to which the log is kept */
    uint64_t         trim_s;
    uint64_t         share;        /* % of maxmemory for the logs, 0: any */
    uint64_t         lease_ms;
    uint64_t         batch;
} statd_conf_t;

/* One partition as this process sees it. */
typedef struct {
    unsigned         mine:1;       /* we hold the lease */
    chat_id_t        pos;          /* folded up to here */
    uint64_t         fence;
} statd_part_t;

typedef struct {
    statd_conf_t     conf;
    chat_sync_t     *redis;
    chat_heap_t     *heap;
    chat_mem_t      *mem;          /* of the current turn */
    chat_tally_t     tally;
    char             id[STATD_ID_LEN + 1];   /* of this process */
    statd_part_t     parts[CHAT_PARTITIONS];
    uint64_t         folded;
    uint64_t         renew_ms;     /* monotonic: next time to */
    uint64_t         trim_ms;
    uint64_t         down_ms;      /* say again that Redis is away */
    chat_id_t        looked_pos[CHAT_PARTITIONS];   /* at the last cut */
    uint64_t         lost[CHAT_PARTITIONS];   /* uncounted, told so far */
    unsigned         looked:1;     /* there was one */
    unsigned         refused:1;    /* a figure, which is lost */
    unsigned         over_told:1;
    unsigned         info_told:1;  /* since the last cut */
    unsigned         standby_told:1;
} statd_t;


/* statd_process.c --------------------------------------------------------- */

/* Set by SIGTERM, SIGINT and SIGQUIT. */
extern volatile sig_atomic_t  statd_stop;

void statd_signals(void);
/* Goes on in the background, its messages in conf->log, its pid written. */
int statd_daemon(const statd_conf_t *conf);
/* Writes conf->pid, if there is one.  Both: CHAT_ERROR was told. */
int statd_pid(const statd_conf_t *conf);
/* "chat-statd: <time> ..." to stderr. */
void statd_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A signal ends it early. */
void statd_sleep(unsigned ms);
uint64_t statd_monotonic_ms(void);


/* chat_statd.c ------------------------------------------------------------ */

/*
 * One answer; error replies are logged and NULL is returned for them as for
 * a lost connection (chat_sync_dead() tells which).
 */
redisReply *statd_call(statd_t *s, const chat_cmd_t *c);

/* Redis' clock in ms; 0: no answer. */
uint64_t statd_redis_ms(statd_t *s);


/* statd_lease.c: takes, renews, and gives back the partitions. ------------ */

/*
 * Takes what is free and renews what is ours.  CHAT_OK, or CHAT_ERROR: the
 * connection failed.
 */
int statd_lease(statd_t *s);
void statd_release(statd_t *s);

/*
 * WATCHes the partition's record and compares it with what we think.
 * CHAT_OK: ours, a transaction may follow; CHAT_DECLINED: no longer ours (the
 * partition is then let go); CHAT_ERROR: the connection failed.
 */
int statd_watch(statd_t *s, unsigned partition);

/*
 * Says if entries that were never counted are gone: the log begins after
 * `pos`, and more was cut off than the `folded` ones.
 */
void statd_gap(statd_t *s, unsigned partition, const chat_id_t *pos,
    uint64_t folded);

/*
 * XINFO STREAM; zeroes if there is no such log.  CHAT_DECLINED: an error
 * reply (the first one of a cut is logged) and zeroes as well; CHAT_ERROR.
 */
int statd_info(statd_t *s, const chat_str_t *key, chat_log_info_t *info);


/* statd_fold.c ------------------------------------------------------------ */

/* Queues a command of a transaction; see statd_exec(). */
typedef struct {
    statd_t         *statd;
    unsigned         partition;
    unsigned         queued;
    unsigned         failed:1;
} statd_tx_t;

void statd_multi(statd_tx_t *tx, statd_t *s, unsigned partition);
void statd_queue(statd_tx_t *tx, chat_cmd_t *c);
/* CHAT_OK: done; CHAT_DECLINED: somebody else wrote; CHAT_ERROR. */
int statd_exec(statd_tx_t *tx);

/*
 * One turn: waits for entries of our partitions (up to block_ms), folds and
 * writes them.  CHAT_OK: there were some; CHAT_AGAIN: none; CHAT_ERROR: the
 * connection failed, or Redis refused and that was logged.
 */
int statd_turn(statd_t *s, unsigned block_ms);


/* statd_trim.c ------------------------------------------------------------ */

/* Cuts the logs to what somebody may still need, and to their share. */
int statd_trim(statd_t *s);


#endif /* _STATD_H_INCLUDED_ */
