
/*
 * A ring in shared memory, and entries that tell by their number what they
 * have to look like.  Include after cmocka.h.
 */

#ifndef _RING_H_INCLUDED_
#define _RING_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "chat_ring.h"
#include "chat_str.h"
#include "slice.h"


#define SIZE   CHAT_RING_MIN
#define EPOCH  0x1234

#define PARTS  3                 /* partitions used by the crash tests */


static chat_ring_t    *ring;
static unsigned char  *buf;
static uint32_t        term;
static uint64_t        room;     /* bytes for entries: the first position */


static inline chat_id_t
id_of(uint64_t n)
{
    chat_id_t  id;

    id.ms = 1000 + n / 3;
    id.seq = n % 3;

    return id;
}


/* The next entry that is not the ring's own. */

static inline int
take(const chat_ring_t *r, uint64_t *pos, chat_ring_entry_t *e)
{
    int  rc;

    do {
        rc = chat_ring_read(r, pos, buf, e);
    } while (rc == CHAT_OK && e->kind == CHAT_RING_START);

    return rc;
}


/* What entry n of a partition looks like: length and bytes follow from n. */

static inline size_t
pattern(unsigned partition, uint64_t n, unsigned char *p)
{
    size_t  i, len;

    len = (n * 7919 + partition * 31) % 1500;

    for (i = 0; i < len; i++) {
        p[i] = n + i * 13 + partition;
    }

    return len;
}


static inline int
put(chat_ring_t *r, unsigned partition, uint64_t n)
{
    char               header[64];
    unsigned char      body[1500];
    chat_ring_entry_t  e;

    memset(&e, 0, sizeof(e));

    snprintf(header, sizeof(header), "%u %llu", partition,
             (unsigned long long) n);

    e.kind = CHAT_RING_LOG;
    e.partition = partition;
    e.id = id_of(n);
    e.header = str(header);
    e.body.data = body;
    e.body.len = pattern(partition, n, body);

    return chat_ring_write(r, term, &e);
}


/* n of an entry, or -1: it is not what was written. */

static inline int64_t
intact(const chat_ring_entry_t *e)
{
    char           header[64], *end;
    chat_id_t      id;
    uint64_t       n;
    unsigned char  body[1500];

    if (e->header.len == 0 || e->header.len >= sizeof(header)) {
        return -1;
    }

    memcpy(header, e->header.data, e->header.len);
    header[e->header.len] = '\0';

    if (strtoul(header, &end, 10) != e->partition) {
        return -1;
    }

    n = strtoull(end, NULL, 10);
    id = id_of(n);

    if (chat_id_cmp(&id, &e->id) != 0
        || e->epoch != EPOCH
        || e->kind != CHAT_RING_LOG
        || e->body.len != pattern(e->partition, n, body)
        || memcmp(e->body.data, body, e->body.len) != 0)
    {
        return -1;
    }

    return n;
}


/* An epoch with all feeds started at one id. */

static inline int
begin_at(chat_ring_t *r, uint32_t epoch, const chat_id_t *id)
{
    unsigned          i;
    const chat_id_t  *feeds[CHAT_FEEDS];

    for (i = 0; i < CHAT_FEEDS; i++) {
        feeds[i] = id;
    }

    return chat_ring_begin(r, term, epoch, feeds);
}


static inline void
fresh(chat_ring_t *r)
{
    chat_id_t  zero = { 0, 0 };

    assert_int_equal(chat_ring_init(r, SIZE), CHAT_OK);
    assert_int_equal(chat_ring_check(r, SIZE), CHAT_OK);

    room = chat_ring_head(r);
    term = chat_ring_new_term(r);
    assert_int_equal(begin_at(r, EPOCH, &zero), CHAT_OK);
}


/* Reads on from pos: ids of the partition above n must come without a hole. */

static inline void
follow(const chat_ring_t *r, uint64_t pos, unsigned partition, uint64_t n,
    uint64_t last)
{
    int                 rc;
    int64_t             got;
    chat_ring_entry_t   e;

    while ((rc = take(r, &pos, &e)) == CHAT_OK) {

        got = intact(&e);
        assert_true(got >= 0);

        if (e.partition == partition && (uint64_t) got > n) {
            n += PARTS;
            assert_int_equal(got, n);
        }
    }

    assert_int_equal(rc, CHAT_AGAIN);
    assert_int_equal(n, last);
}


static inline int
ring_begin(void **state)
{
    ring = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);
    buf = malloc(SIZE);

    return ring == MAP_FAILED || buf == NULL;
}


static inline int
ring_end(void **state)
{
    free(buf);

    return munmap(ring, SIZE);
}


#endif /* _RING_H_INCLUDED_ */
