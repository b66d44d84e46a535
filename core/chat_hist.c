
/*
 * Log-linear histogram.
 */

#include "chat_hist.h"


#define CHAT_HIST_BITS  5
#define CHAT_HIST_SUB   (1u << CHAT_HIST_BITS)


unsigned
chat_hist_index(uint64_t value)
{
    unsigned  shift;

    if (value > CHAT_HIST_VALUE_MAX) {
        value = CHAT_HIST_VALUE_MAX;
    }

    if (value < 2 * CHAT_HIST_SUB) {
        return value;
    }

    shift = 63 - __builtin_clzll(value) - CHAT_HIST_BITS;

    return CHAT_HIST_SUB * shift + (value >> shift);
}


void
chat_hist_bounds(unsigned index, uint64_t *low, uint64_t *high)
{
    unsigned  shift;

    if (index >= CHAT_HIST_MAX) {
        index = CHAT_HIST_MAX - 1;
    }

    if (index < 2 * CHAT_HIST_SUB) {
        *low = index;
        *high = index;
        return;
    }

    shift = index / CHAT_HIST_SUB - 1;

    *low = (uint64_t) (index - CHAT_HIST_SUB * shift) << shift;
    *high = *low + ((UINT64_C(1) << shift) - 1);
}


int
chat_hist_percentile(const chat_hist_bucket_t *b, size_t n, unsigned permille,
    uint64_t *value)
{
    size_t    i;
    uint64_t  low, rank, seen, high, total;

    for (i = 0, total = 0; i < n; i++) {
        total += b[i].count;
    }

    if (total == 0) {
        return CHAT_DECLINED;
    }

    if (permille > 1000) {
        permille = 1000;
    }

    /* ceil(total * permille / 1000), without overflow; at least the first */

    rank = total / 1000 * permille
           + (total % 1000 * permille + 999) / 1000;

    if (rank == 0) {
        rank = 1;
    }

    for (i = 0, seen = 0; i < n; i++) {
        seen += b[i].count;

        if (seen >= rank) {
            break;
        }
    }

    chat_hist_bounds(b[i].index, &low, &high);
    *value = low + (high - low) / 2;

    return CHAT_OK;
}
