
/*
 * The ring: contents, wraparound, laps, chains, terms, starts.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ring.h"


static void
bounds(void **state)
{
    chat_id_t           id;
    chat_ring_entry_t   e;

    assert_int_equal(chat_ring_init(ring, SIZE - 1), CHAT_ERROR);
    assert_int_equal(chat_ring_init(ring, SIZE), CHAT_OK);
    assert_int_equal(chat_ring_check(ring, SIZE), CHAT_OK);
    assert_int_equal(chat_ring_check(ring, SIZE / 2), CHAT_ERROR);
    assert_int_equal(chat_ring_entry_max(ring), chat_ring_head(ring) / 64);
    assert_in_range(chat_ring_head(ring), SIZE - 4096, SIZE - 1);

    assert_int_equal(chat_ring_epoch(ring), 0);
    assert_int_equal(chat_ring_last(ring, 0, &id), CHAT_DECLINED);

    memset(&e, 0, sizeof(e));
    e.kind = CHAT_RING_LOG;
    e.partition = CHAT_FEEDS;
    assert_int_equal(chat_ring_write(ring, 0, &e), CHAT_ERROR);

    ((unsigned char *) ring)[0] ^= 1;
    assert_int_equal(chat_ring_check(ring, SIZE), CHAT_ERROR);
}


static void
kinds(void **state)
{
    uint64_t            pos;
    chat_id_t           id;
    unsigned char       big[4096];
    chat_ring_entry_t   e;

    fresh(ring);
    pos = chat_ring_head(ring);
    assert_int_equal(take(ring, &pos, &e), CHAT_AGAIN);

    memset(&e, 0, sizeof(e));
    memset(big, 'x', sizeof(big));

    e.kind = CHAT_RING_EPHEMERAL;
    e.partition = 2;
    e.id.ms = 5;
    e.header = str("20 0 - 0 0 0 1:2:v d");
    e.body = str("typing");
    assert_int_equal(chat_ring_write(ring, term, &e), CHAT_OK);

    e.body.data = big;
    e.body.len = sizeof(big);
    assert_int_equal(chat_ring_write(ring, term, &e), CHAT_ERROR);

    e.kind = CHAT_RING_LOG;
    e.id.ms = 6;
    assert_int_equal(chat_ring_write(ring, term, &e), CHAT_OK);
    id.ms = 7;
    id.seq = 0;
    assert_int_equal(begin_at(ring, EPOCH + 1, &id), CHAT_OK);

    assert_int_equal(take(ring, &pos, &e), CHAT_OK);
    assert_int_equal(e.kind, CHAT_RING_EPHEMERAL);
    assert_int_equal(e.partition, 2);
    assert_int_equal(e.epoch, EPOCH);
    assert_true(chat_str_eq_c(&e.body, "typing"));

    assert_int_equal(take(ring, &pos, &e), CHAT_OK);
    assert_int_equal(e.kind, CHAT_RING_BIG);
    assert_true(chat_str_eq_c(&e.header, "20 0 - 0 0 0 1:2:v d"));
    assert_int_equal(e.body.len, 0);
    assert_int_equal(e.id.ms, 6);

    assert_int_equal(take(ring, &pos, &e), CHAT_OK);
    assert_int_equal(e.kind, CHAT_RING_EPOCH);
    assert_int_equal(e.id.ms, EPOCH + 1);
    assert_int_equal(e.epoch, EPOCH + 1);
    assert_int_equal(chat_ring_epoch(ring), EPOCH + 1);

    assert_int_equal(take(ring, &pos, &e), CHAT_AGAIN);

    /* what was before the epoch does not count any more */

    assert_int_equal(chat_ring_last(ring, 2, &id), CHAT_OK);
    assert_int_equal(id.ms, 7);
    id.ms = 6;
    assert_int_equal(chat_ring_find(ring, 2, &id, 10, &pos), CHAT_DECLINED);
}


static void
terms(void **state)
{
    uint32_t   newer;
    uint64_t   head;
    chat_id_t  id;

    fresh(ring);
    assert_int_equal(put(ring, 1, 1), CHAT_OK);

    head = chat_ring_head(ring);
    newer = chat_ring_new_term(ring);
    assert_int_not_equal(newer, term);

    id = id_of(1);
    assert_int_equal(put(ring, 1, 2), CHAT_DECLINED);
    assert_int_equal(begin_at(ring, 1, &id), CHAT_DECLINED);
    assert_int_equal(chat_ring_head(ring), head);

    term = newer;
    assert_int_equal(put(ring, 1, 2), CHAT_OK);

    /* what the ring has is not written twice */

    head = chat_ring_head(ring);
    assert_int_equal(put(ring, 1, 2), CHAT_OK);
    assert_int_equal(put(ring, 1, 1), CHAT_OK);
    assert_int_equal(chat_ring_head(ring), head);

    assert_int_equal(chat_ring_last(ring, 1, &id), CHAT_OK);
    assert_int_equal(id.ms, id_of(2).ms);
    assert_int_equal(id.seq, id_of(2).seq);
}


/* Many times round: all entries, in order, intact; a lap is told. */

static void
wraparound(void **state)
{
    int                 i;
    uint64_t            pos, slow, n;
    chat_ring_entry_t   e;

    fresh(ring);
    pos = slow = chat_ring_head(ring);

    for (n = 0; n < 5000; n++) {
        assert_int_equal(put(ring, n % PARTS, n), CHAT_OK);

        if (n % 50 == 49) {
            for (i = 49; i >= 0; i--) {
                assert_int_equal(take(ring, &pos, &e), CHAT_OK);
                assert_int_equal(intact(&e), n - i);
            }

            assert_int_equal(take(ring, &pos, &e), CHAT_AGAIN);
        }
    }

    assert_int_equal(take(ring, &slow, &e), CHAT_DECLINED);
    assert_int_equal(slow, chat_ring_head(ring));

    /* a position from nowhere */

    slow = chat_ring_head(ring) + 8;
    assert_int_equal(take(ring, &slow, &e), CHAT_DECLINED);
    slow = chat_ring_head(ring) - 8;
    assert_int_equal(take(ring, &slow, &e), CHAT_DECLINED);
}


/* Only what is of the partition and of the log, up to the head. */

static void
skips(void **state)
{
    uint64_t            begin, pos, n;
    chat_ring_entry_t   e;

    fresh(ring);
    begin = chat_ring_head(ring);

    memset(&e, 0, sizeof(e));
    e.kind = CHAT_RING_EPHEMERAL;
    e.partition = 2;
    e.header = str("20 0 - 0 0 0 1:2:v d");
    assert_int_equal(chat_ring_write(ring, term, &e), CHAT_OK);

    for (n = 1; n < 8; n++) {
        assert_int_equal(put(ring, n % 4, n), CHAT_OK);
    }

    pos = begin;
    assert_int_equal(chat_ring_skip(ring, 2, &pos), CHAT_OK);
    assert_int_equal(take(ring, &pos, &e), CHAT_OK);
    assert_int_equal(intact(&e), 2);

    assert_int_equal(chat_ring_skip(ring, 2, &pos), CHAT_OK);
    assert_int_equal(take(ring, &pos, &e), CHAT_OK);
    assert_int_equal(intact(&e), 6);

    assert_int_equal(chat_ring_skip(ring, 2, &pos), CHAT_AGAIN);
    assert_int_equal(pos, chat_ring_head(ring));

    for (n = 8; n < 5000; n++) {
        assert_int_equal(put(ring, n % 4, n), CHAT_OK);
    }

    pos = begin;
    assert_int_equal(chat_ring_skip(ring, 2, &pos), CHAT_DECLINED);
    assert_int_equal(pos, chat_ring_head(ring));
}


static void
find(void **state)
{
    int         found;
    uint64_t    n, last, pos;
    chat_id_t   id;

    fresh(ring);
    last = 0;

    /* n = 1, 4, 7, ... of partition 1; 0 is the start */

    for (n = 0; n < 600; n++) {
        assert_int_equal(put(ring, n % PARTS, n), CHAT_OK);

        if (n % PARTS == 1) {
            last = n;
        }
    }

    found = 0;

    for (n = 1; n <= last; n += PARTS) {
        id = id_of(n);

        if (chat_ring_find(ring, 1, &id, 1000, &pos) == CHAT_OK) {
            found++;
            follow(ring, pos, 1, n, last);
        } else {
            assert_int_equal(found, 0);   /* older ones were overwritten */
        }
    }

    assert_true(found > 60 && found < 180);

    /* bounded */

    id = id_of(last - 10 * PARTS);
    assert_int_equal(chat_ring_find(ring, 1, &id, 1000, &pos), CHAT_OK);
    assert_int_equal(chat_ring_find(ring, 1, &id, 5, &pos), CHAT_DECLINED);

    /* an id between two entries, and one to come */

    id = id_of(last);
    id.seq++;
    assert_int_equal(chat_ring_find(ring, 1, &id, 10, &pos), CHAT_OK);
    assert_int_equal(pos, chat_ring_head(ring));

    /* quiet for many rounds: still known to have nothing newer */

    for (n = 600; n < 3300; n++) {
        assert_int_equal(put(ring, 2, n), CHAT_OK);
    }

    id = id_of(last);
    assert_int_equal(chat_ring_find(ring, 1, &id, 10, &pos), CHAT_OK);
    assert_int_equal(pos, chat_ring_head(ring));
    id = id_of(last - PARTS);
    assert_int_equal(chat_ring_find(ring, 1, &id, 10, &pos), CHAT_DECLINED);
}


/* What a reader at any position has seen of a feed. */

static void
before(void **state)
{
    uint64_t          n, at[30];
    chat_id_t         id;
    const chat_id_t  *feeds[CHAT_FEEDS] = { NULL, &id };

    fresh(ring);

    id = id_of(100);
    at[0] = chat_ring_head(ring);
    assert_int_equal(chat_ring_begin(ring, term, EPOCH, feeds), CHAT_OK);

    /* nothing yet, or only that an epoch began: from where it goes on */

    assert_int_equal(chat_ring_before(ring, 1, at[0], 9, &id), CHAT_OK);
    assert_int_equal(id.ms, id_of(100).ms);
    assert_int_equal(chat_ring_before(ring, 1, chat_ring_head(ring), 9, &id),
                     CHAT_OK);
    assert_int_equal(id.ms, id_of(100).ms);

    for (n = 0; n < 30; n++) {
        at[n] = chat_ring_head(ring);
        assert_int_equal(put(ring, n % PARTS, 101 + n), CHAT_OK);
    }

    /* each third one is of partition 1: 102, 105, ... 129 */

    for (n = 0; n < 30; n++) {
        assert_int_equal(chat_ring_before(ring, 1, at[n], 99, &id), CHAT_OK);
        assert_int_equal(id.ms, id_of(n < 2 ? 100 : 101 + n - 1
                                                   - (n - 2) % PARTS).ms);
    }

    /* bounded */

    assert_int_equal(chat_ring_before(ring, 1, at[2], 9, &id),
                     CHAT_DECLINED);
    assert_int_equal(id.ms, 0);
}


/* A start says from where on the ring is complete; others go on. */

static void
starts(void **state)
{
    uint64_t          pos, at;
    chat_id_t         id;
    const chat_id_t  *feeds[CHAT_FEEDS] = { NULL, &id };

    fresh(ring);

    assert_int_equal(chat_ring_last(ring, 1, &id), CHAT_OK);
    assert_int_equal(id.ms, 0);

    assert_int_equal(put(ring, 1, 2), CHAT_OK);
    assert_int_equal(put(ring, 2, 2), CHAT_OK);

    /* some of one feed is never going to be read */

    pos = chat_ring_head(ring);
    id = id_of(10);
    assert_int_equal(chat_ring_begin(ring, term, EPOCH, feeds), CHAT_OK);
    assert_int_equal(chat_ring_join(ring, &at), EPOCH);
    assert_int_equal(at, chat_ring_head(ring));
    assert_true(at > pos);
    assert_int_equal(put(ring, 1, 13), CHAT_OK);

    id = id_of(10);
    assert_int_equal(chat_ring_find(ring, 1, &id, 10, &pos), CHAT_OK);
    follow(ring, pos, 1, 10, 13);

    id = id_of(9);
    assert_int_equal(chat_ring_find(ring, 1, &id, 10, &pos), CHAT_DECLINED);

    assert_int_equal(put(ring, 2, 5), CHAT_OK);
    id = id_of(2);
    assert_int_equal(chat_ring_find(ring, 2, &id, 10, &pos), CHAT_OK);
    follow(ring, pos, 2, 2, 5);

    /* another epoch is one of all feeds */

    at = chat_ring_head(ring);
    assert_int_equal(chat_ring_begin(ring, term, EPOCH + 1, feeds),
                     CHAT_ERROR);
    assert_int_equal(chat_ring_head(ring), at);

    /* with ids that are less */

    id = id_of(2);
    assert_int_equal(begin_at(ring, EPOCH + 1, &id), CHAT_OK);
    assert_int_equal(put(ring, 1, 4), CHAT_OK);
    assert_int_equal(chat_ring_last(ring, 1, &id), CHAT_OK);
    assert_int_equal(id.ms, id_of(4).ms);
}


/* Whatever byte of an entry is not as written: nobody is given it. */

static void
damaged(void **state)
{
    uint64_t            i, pos, first, next;
    unsigned char      *data;
    chat_ring_entry_t   e;

    fresh(ring);
    first = chat_ring_head(ring);
    assert_int_equal(put(ring, 1, 1), CHAT_OK);
    next = chat_ring_head(ring);

    data = (unsigned char *) ring + SIZE - room + first % room;
    assert_memory_equal(data, &first, sizeof(first));

    for (i = 0; i < next - first; i++) {
        data[i] ^= 0x10;
        pos = first;

        /* padding up to 8 bytes is nobody's */

        if (take(ring, &pos, &e) == CHAT_OK) {
            assert_true(next - first - i < 8);
            assert_int_equal(intact(&e), 1);
        } else {
            assert_int_equal(pos, next);
        }

        data[i] ^= 0x10;
    }
}


static void
crc(void **state)
{
    unsigned     i;
    char         text[64];
    const char  *digits = "123456789";

    /* RFC 3720, B.4 */

    memset(text, 0, 32);
    assert_int_equal(chat_crc32c(0, text, 32), 0x8a9136aa);
    memset(text, 0xff, 32);
    assert_int_equal(chat_crc32c(0, text, 32), 0x62a8ab43);
    assert_int_equal(chat_crc32c(0, digits, 9), 0xe3069283);

    for (i = 0; i <= 9; i++) {
        assert_int_equal(chat_crc32c(chat_crc32c(0, digits, i),
                                     digits + i, 9 - i),
                         0xe3069283);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(crc),
        cmocka_unit_test(bounds),
        cmocka_unit_test(kinds),
        cmocka_unit_test(terms),
        cmocka_unit_test(wraparound),
        cmocka_unit_test(skips),
        cmocka_unit_test(find),
        cmocka_unit_test(before),
        cmocka_unit_test(starts),
        cmocka_unit_test(damaged),
    };

    return cmocka_run_group_tests(tests, ring_begin, ring_end);
}
