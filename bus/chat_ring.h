
/*
 * The ring in shared memory: one writer (the elected reader of the log), any
 * number of readers, no lock on the read path, no addresses, no refcounts.
 * Layout only: (base, size) may be any mapping; 64-bit positions only grow.
 *
 * A reader copies an entry out and verifies it after the copy (floor, then
 * crc32c); a mismatch means it was lapped: it goes to the store instead.
 * The writer drops a LOG entry whose id is not above its partition's last
 * one, so that a new writer may safely offer again what the last one had
 * written: within an epoch every id is in the ring at most once, in order.
 */

#ifndef _CHAT_RING_H_INCLUDED_
#define _CHAT_RING_H_INCLUDED_


#include "chat.h"
#include "chat_keys.h"


typedef struct chat_ring_s  chat_ring_t;      /* lives in shared memory */

typedef enum {
    CHAT_RING_LOG = 1,         /* durable entry */
    CHAT_RING_EPHEMERAL,
    CHAT_RING_EPOCH,           /* the store's history changed: id.ms = epoch */
    CHAT_RING_BIG,             /* too big for the ring: fetch from the list */
    CHAT_RING_START            /* the ring's own: its feed starts after id */
} chat_ring_kind_e;

typedef struct {
    chat_ring_kind_e kind;
    uint32_t         epoch;
    uint32_t         partition;
    chat_id_t        id;
    chat_str_t       header;   /* of the log entry */
    chat_str_t       body;
} chat_ring_entry_t;


/* Smallest sensible region; an entry is at most size / 64. */
#define CHAT_RING_MIN  (256 * 1024)

/* Initialises a fresh region, aligned to 64 bytes. */
int chat_ring_init(chat_ring_t *r, size_t size);

/* Magic, version and bounds; CHAT_ERROR: do not use. */
int chat_ring_check(const chat_ring_t *r, size_t size);

/*
 * Writer.  The caller holds the zone's trylock and the leadership `term`.
 * CHAT_OK (also when the ring has that LOG id); CHAT_DECLINED: another term
 * was seen (resign); a LOG entry over the bound is replaced by CHAT_RING_BIG
 * with the same header and an empty body, an ephemeral one: CHAT_ERROR.  The
 * entry gets the ring's epoch.  If the previous writer died in the middle,
 * nothing of its entry is visible.
 */
int chat_ring_write(chat_ring_t *r, uint32_t term,
    const chat_ring_entry_t *e);

/* Position after the newest entry. */
uint64_t chat_ring_head(const chat_ring_t *r);

/*
 * Reads the entry at *pos into buf (slices of *e point there), moves *pos.
 * CHAT_OK; CHAT_AGAIN: nothing newer; CHAT_DECLINED: lapped, *pos is set to
 * the head: resume from the store.  buf needs chat_ring_entry_max() bytes.
 */
int chat_ring_read(const chat_ring_t *r, uint64_t *pos, unsigned char *buf,
    chat_ring_entry_t *e);
size_t chat_ring_entry_max(const chat_ring_t *r);

/*
 * Moves *pos on to the next LOG entry of `partition`, by the fixed parts of
 * those between alone.  CHAT_OK; CHAT_AGAIN: there is none, *pos is the head;
 * CHAT_DECLINED: lapped, as above.
 */
int chat_ring_skip(const chat_ring_t *r, unsigned partition, uint64_t *pos);

/*
 * Finds where to read from to see every LOG entry of `partition` with an id
 * greater than `id`: walks its chain back from the head, at most `max`
 * entries.  CHAT_OK and *pos; CHAT_DECLINED: not (or not surely) all there.
 * Requires that the ring holds the partition without gaps: see floor below.
 */
int chat_ring_find(const chat_ring_t *r, unsigned partition,
    const chat_id_t *id, unsigned max, uint64_t *pos);

/*
 * The id a reader of the log goes on from: the last one written, else the
 * one the feed was started at; survives worker deaths.  CHAT_DECLINED: no
 * epoch has begun yet ({0,0} with CHAT_OK is a stream still empty).
 */
int chat_ring_last(const chat_ring_t *r, unsigned partition, chat_id_t *id);

/*
 * What a reader has seen of `partition` that reads on at `pos`: the id of the
 * newest entry before it, else the one the feed was started at.  Walks back
 * over what it has yet to read, at most `max` entries.  CHAT_DECLINED: more,
 * or overwritten; id is {0,0} then.
 */
int chat_ring_before(const chat_ring_t *r, unsigned partition, uint64_t pos,
    unsigned max, chat_id_t *id);

/*
 * Writes a CHAT_RING_EPOCH entry, and a start of each feed that has one in
 * `feeds` (CHAT_FEEDS of them): from then on the ring will hold every entry
 * of it after that id, which may be less than ids before.  NULL leaves a feed
 * as it is: under the same epoch only, else CHAT_ERROR.  All of it becomes
 * visible at once: nobody ever sees an epoch whose feeds are not started.
 */
int chat_ring_begin(chat_ring_t *r, uint32_t term, uint32_t epoch,
    const chat_id_t *const *feeds);

/* 0 until one has begun. */
uint32_t chat_ring_epoch(const chat_ring_t *r);

/* The head as a position to read from, and the epoch as of just there. */
uint32_t chat_ring_join(const chat_ring_t *r, uint64_t *pos);

/* Raises the term writers must carry (election); returns it. */
uint32_t chat_ring_new_term(chat_ring_t *r);

uint32_t chat_crc32c(uint32_t crc, const void *p, size_t n);


#endif /* _CHAT_RING_H_INCLUDED_ */
