
/*
 * Figures of one site or operator, added up over buckets.
 */

#ifndef _CTL_STATS_H_INCLUDED_
#define _CTL_STATS_H_INCLUDED_


#include "chatctl.h"
#include "chat_hist.h"
#include "chat_tally.h"


typedef struct {
    uint64_t         fields;         /* found at all */
    uint64_t         count[CHAT_STAT_MAX];   /* counters, histograms' sums */
    uint64_t         hist[CHAT_STAT_MAX][CHAT_HIST_MAX];
} ctl_figures_t;


/* Adds what is stored under `at` (account, site, operator, bucket). */
int ctl_figures_load(ctl_t *ctl, const chat_stat_delta_t *at,
    ctl_figures_t *sum);


#endif /* _CTL_STATS_H_INCLUDED_ */
