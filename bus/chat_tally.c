
#include <stdlib.h>

#include "chat_tally.h"
#include "chat_keys.h"


static int chat_tally_cmp(const void *one, const void *two);


int
chat_tally_add(chat_tally_t *t, const chat_entry_t *e)
{
    size_t              cap;
    chat_stat_delta_t  *elts;

    if (t->cap - t->n < CHAT_STATS_DELTAS) {
        cap = 2 * t->cap + CHAT_STATS_DELTAS;

        elts = realloc(t->elts, cap * sizeof(chat_stat_delta_t));
        if (elts == NULL) {
            return CHAT_ERROR;
        }

        t->elts = elts;
        t->cap = cap;
    }

    t->n += chat_stats_fold(e, t->elts + t->n);

    return CHAT_OK;
}


void
chat_tally_merge(chat_tally_t *t)
{
    size_t  i, last;

    if (t->n == 0) {
        return;
    }

    qsort(t->elts, t->n, sizeof(chat_stat_delta_t), chat_tally_cmp);

    last = 0;

    for (i = 1; i < t->n; i++) {
        if (chat_tally_cmp(&t->elts[last], &t->elts[i]) == 0) {
            t->elts[last].delta += t->elts[i].delta;

        } else {
            t->elts[++last] = t->elts[i];
        }
    }

    t->n = last + 1;
}


#define CHAT_TALLY_CMP(field)                                                \
    if (a->field != b->field) {                                              \
        return a->field < b->field ? -1 : 1;                                 \
    }

static int
chat_tally_cmp(const void *one, const void *two)
{
    const chat_stat_delta_t  *a, *b;

    a = one;
    b = two;

    CHAT_TALLY_CMP(account);
    CHAT_TALLY_CMP(bucket);
    CHAT_TALLY_CMP(operator_id);
    CHAT_TALLY_CMP(site);
    CHAT_TALLY_CMP(stat);
    CHAT_TALLY_CMP(index);

    return 0;
}


int
chat_tally_same(const chat_stat_delta_t *a, const chat_stat_delta_t *b)
{
    return a->account == b->account && a->bucket == b->bucket
           && a->operator_id == b->operator_id && a->site == b->site;
}


void
chat_tally_reset(chat_tally_t *t)
{
    t->n = 0;
}


void
chat_tally_done(chat_tally_t *t)
{
    free(t->elts);
    memset(t, 0, sizeof(chat_tally_t));
}


chat_str_t
chat_tally_key(chat_mem_t *mem, const chat_stat_delta_t *d)
{
    unsigned  p;

    p = chat_partition(d->account);

    if (d->operator_id) {
        return chat_key(mem, p, "chat:%t:a:%u:stat:%u:o:%u:%u", d->account,
                        d->bucket, d->operator_id, d->site);
    }

    return chat_key(mem, p, "chat:%t:a:%u:stat:%u:s:%u", d->account,
                    d->bucket, d->site);
}


chat_str_t
chat_tally_buckets_key(chat_mem_t *mem, uint64_t account)
{
    return chat_key_account(mem, account, "stats");
}
