
/*
 * Deltas of many log entries added up, and the keys they are kept under
 * (docs/internals/keys.md).  chat-statd writes them, chatctl counts anew and
 * compares.
 */

#ifndef _CHAT_TALLY_H_INCLUDED_
#define _CHAT_TALLY_H_INCLUDED_


#include "chat_mem.h"
#include "chat_stats.h"


/* Zero at the start; chat_tally_done() frees. */
typedef struct {
    chat_stat_delta_t  *elts;
    size_t              n;
    size_t              cap;
} chat_tally_t;


/* Folds one entry.  CHAT_OK; CHAT_ERROR: out of memory, nothing is added. */
int chat_tally_add(chat_tally_t *t, const chat_entry_t *e);

/*
 * Sorts, and adds up deltas of the same figure.  Those of one hash are then
 * neighbours.
 */
void chat_tally_merge(chat_tally_t *t);

/* Forgets the deltas, keeps the memory. */
void chat_tally_reset(chat_tally_t *t);
void chat_tally_done(chat_tally_t *t);

/* Do two deltas live in the same hash? */
int chat_tally_same(const chat_stat_delta_t *a, const chat_stat_delta_t *b);

/* Key of a delta's hash, and of the account's set of buckets. */
chat_str_t chat_tally_key(chat_mem_t *mem, const chat_stat_delta_t *d);
chat_str_t chat_tally_buckets_key(chat_mem_t *mem, uint64_t account);


#endif /* _CHAT_TALLY_H_INCLUDED_ */
