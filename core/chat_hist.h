
/*
 * Log-linear histogram: 32 equal buckets in each power of two.
 *
 *     shift = max(0, floor(log2(v)) - 5)
 *     index = 32 * shift + (v >> shift)
 *
 * Values below 64 are exact; above, a bucket is at most 1/32 of its lower
 * bound wide, and its middle is within 1.6 % of every value in it.  Counts of
 * buckets add up, so any percentile over any period can be had from stored
 * ones.
 */

#ifndef _CHAT_HIST_H_INCLUDED_
#define _CHAT_HIST_H_INCLUDED_


#include "chat.h"


#define CHAT_HIST_VALUE_MAX  ((UINT64_C(1) << 42) - 1)    /* 139 years in ms */
#define CHAT_HIST_MAX        1216                         /* buckets */

typedef struct {
    uint32_t         index;
    uint64_t         count;
} chat_hist_bucket_t;


/* Values beyond CHAT_HIST_VALUE_MAX go to the last bucket. */
unsigned chat_hist_index(uint64_t value);

/* Lowest and highest value of a bucket. */
void chat_hist_bounds(unsigned index, uint64_t *low, uint64_t *high);

/*
 * The value below or at which `permille` thousandths of all lie (nearest
 * rank), as the middle of its bucket.  Buckets are in order of index.
 * CHAT_DECLINED: nothing was counted.
 */
int chat_hist_percentile(const chat_hist_bucket_t *b, size_t n,
    unsigned permille, uint64_t *value);


#endif /* _CHAT_HIST_H_INCLUDED_ */
