
/*
 * What an entry of the log adds to the figures of schema/chat.schema (`stat`
 * lines; formulas by METRICS).  Pure: an entry carries all facts, so that it
 * is counted without looking state up, and counted anew with the same result.
 *
 * An episode goes from dialog_opened or dialog_reopened to dialog_closed.
 * Time is the log id's; a bucket is 15 minutes UTC.
 */

#ifndef _CHAT_STATS_H_INCLUDED_
#define _CHAT_STATS_H_INCLUDED_


#include "chat.h"
#include "chat_event.h"


#define CHAT_STATS_BUCKET_MS   900000
#define CHAT_STATS_COUNT       -1

/*
 * A histogram gives two rows: its bucket (index of chat_hist.h) += 1, and
 * with CHAT_STATS_COUNT the exact sum += value.
 */
typedef struct {
    int              stat;         /* chat_stat_e */
    uint64_t         account;
    uint64_t         site;
    uint64_t         operator_id;  /* 0: the site's row, else the operator's
                                      row on this site */
    uint64_t         bucket;       /* ms / CHAT_STATS_BUCKET_MS */
    int              index;        /* CHAT_STATS_COUNT or histogram's */
    uint64_t         delta;
} chat_stat_delta_t;

/* Most rows of one entry: each stat for site and operator, two rows each. */
#define CHAT_STATS_DELTAS      (CHAT_STAT_MAX * 4)


/*
 * Returns the number of rows written to out, which has room for
 * CHAT_STATS_DELTAS; 0 for entries that count nothing.
 */
size_t chat_stats_fold(const chat_entry_t *e, chat_stat_delta_t *out);

/*
 * Field of a statistics hash: "<stat>" or "<stat>:<index>".  The printer
 * needs CHAT_STATS_FIELD_MAX bytes and returns the end; the parser answers
 * CHAT_DECLINED for a figure it does not know.
 */
#define CHAT_STATS_FIELD_MAX   64

unsigned char *chat_stats_field_print(unsigned char *p, int stat, int index);
int chat_stats_field_parse(const chat_str_t *field, int *stat, int *index);


#endif /* _CHAT_STATS_H_INCLUDED_ */
