
/*
 * How the ring lies in shared memory: private to its writer (chat_ring.c)
 * and its readers (chat_ring_read.c).
 */

#ifndef _CHAT_RING_LAYOUT_H_INCLUDED_
#define _CHAT_RING_LAYOUT_H_INCLUDED_


#include "chat_ring.h"


/* A place that is being written. */
#define CHAT_RING_NOWHERE  UINT64_MAX


/*
 * Newest entry of a partition.  There are two, written in turn: the valid one
 * is that with the greatest pos below head.  So an entry and its place become
 * visible by one store to head, and a writer that dies before it leaves the
 * older place in force.  The epoch of the ring is that of its places: it
 * changes in all of them by the same store.
 */
typedef struct {
    uint64_t             pos;
    uint64_t             ms;
    uint64_t             seq;
    uint32_t             epoch;
    uint32_t             pad;
} chat_ring_place_t;

struct chat_ring_s {
    uint64_t             magic;
    uint32_t             version;
    uint32_t             term;
    uint64_t             size;        /* of data: a multiple of 8 */
    uint32_t             cleaned;     /* term whose writer has taken over */

    /* what readers look at all the time has a cache line of its own */
    uint64_t             head __attribute__((aligned(64)));
    uint64_t             floor;       /* entries below it may be damaged */

    chat_ring_place_t    places[CHAT_FEEDS][2] __attribute__((aligned(64)));

    unsigned char        data[] __attribute__((aligned(64)));
};

/* In the data, at a multiple of 8, followed by header and body. */
typedef struct {
    uint64_t             pos;
    uint32_t             crc;         /* of all but itself */
    uint32_t             len;         /* of header and body */
    uint64_t             prev;        /* of the same partition; 0 = none */
    uint64_t             ms;
    uint64_t             seq;
    uint32_t             epoch;
    uint16_t             header;
    uint8_t              kind;
    uint8_t              partition;
} chat_ring_record_t;

#define chat_ring_align(n)  (((n) + 7) & ~(uint64_t) 7)

#define chat_load(p)        __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define chat_peek(p)        __atomic_load_n(p, __ATOMIC_RELAXED)
#define chat_store(p, v)    __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define chat_poke(p, v)     __atomic_store_n(p, v, __ATOMIC_RELAXED)


/*
 * The newest place as of *head, which is set.  CHAT_DECLINED: there is none,
 * or the writer is faster than we can look.
 */
int chat_ring_place(const chat_ring_t *r, unsigned partition, uint64_t *head,
    chat_ring_place_t *place);


#endif /* _CHAT_RING_LAYOUT_H_INCLUDED_ */
