
/*
 * The ring: contents, wraparound, laps, chains, terms; then a writer that is
 * killed, at random moments beside a live reader, and at every instruction.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <cmocka.h>

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


static chat_id_t
id_of(uint64_t n)
{
    chat_id_t  id;

    id.ms = 1000 + n / 3;
    id.seq = n % 3;

    return id;
}


/* The next entry that is not the ring's own. */

static int
take(const chat_ring_t *r, uint64_t *pos, chat_ring_entry_t *e)
{
    int  rc;

    do {
        rc = chat_ring_read(r, pos, buf, e);
    } while (rc == CHAT_OK && e->kind == CHAT_RING_START);

    return rc;
}


/* What entry n of a partition looks like: length and bytes follow from n. */

static size_t
pattern(unsigned partition, uint64_t n, unsigned char *p)
{
    size_t  i, len;

    len = (n * 7919 + partition * 31) % 1500;

    for (i = 0; i < len; i++) {
        p[i] = n + i * 13 + partition;
    }

    return len;
}


static int
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

static int64_t
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


static void
fresh(chat_ring_t *r)
{
    unsigned   i;
    chat_id_t  zero = { 0, 0 };

    assert_int_equal(chat_ring_init(r, SIZE), CHAT_OK);
    assert_int_equal(chat_ring_check(r, SIZE), CHAT_OK);

    room = chat_ring_head(r);
    term = chat_ring_new_term(r);
    assert_int_equal(chat_ring_set_epoch(r, term, EPOCH), CHAT_OK);

    for (i = 0; i < CHAT_FEEDS; i++) {
        assert_int_equal(chat_ring_start(r, term, i, &zero), CHAT_OK);
    }
}


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
    assert_int_equal(chat_ring_set_epoch(ring, term, EPOCH + 1), CHAT_OK);

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

    /* the epoch voids the starts, and what was before them */

    assert_int_equal(chat_ring_last(ring, 2, &id), CHAT_DECLINED);
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
    assert_int_equal(chat_ring_start(ring, term, 1, &id), CHAT_DECLINED);
    assert_int_equal(chat_ring_set_epoch(ring, term, 1), CHAT_DECLINED);
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


/* Reads on from pos: ids of the partition above n must come without a hole. */

static void
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


/* A start says from where on the ring is complete. */

static void
starts(void **state)
{
    uint64_t   pos;
    chat_id_t  id;

    fresh(ring);

    assert_int_equal(chat_ring_last(ring, 1, &id), CHAT_OK);
    assert_int_equal(id.ms, 0);

    id = id_of(10);
    assert_int_equal(chat_ring_start(ring, term, 1, &id), CHAT_OK);
    assert_int_equal(put(ring, 1, 13), CHAT_OK);

    id = id_of(10);
    assert_int_equal(chat_ring_find(ring, 1, &id, 10, &pos), CHAT_OK);
    follow(ring, pos, 1, 10, 13);

    id = id_of(9);
    assert_int_equal(chat_ring_find(ring, 1, &id, 10, &pos), CHAT_DECLINED);

    /* the feed is started anew, with ids that are less */

    assert_int_equal(chat_ring_set_epoch(ring, term, EPOCH + 1), CHAT_OK);
    id = id_of(2);
    assert_int_equal(chat_ring_start(ring, term, 1, &id), CHAT_OK);
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


/* A writer until it is killed: goes on where the ring says. */

static void
writer(void)
{
    unsigned   i;
    uint64_t   n[PARTS];
    chat_id_t  id;

    for (i = 0; i < PARTS; i++) {
        chat_ring_last(ring, i, &id);
        n[i] = id.ms ? (id.ms - 1000) * 3 + id.seq + 1 : 0;
    }

    for (i = 0; /* void */ ; i = (i + 1) % PARTS) {

        if (put(ring, i, n[i]) != CHAT_OK) {
            _exit(2);
        }

        n[i]++;

        /* a single processor gives the reader its turn before a lap, too */

        if (n[i] % 100 == 0) {
            sched_yield();
        }
    }
}


typedef struct {
    uint64_t  entries;
    uint64_t  laps;
    uint64_t  bad;
    int       stop;
} report_t;


/* A reader beside it: intact, no hole, nothing twice. */

static void
reader(report_t *report)
{
    int                 i;
    int64_t             n, next[PARTS];
    uint64_t            pos;
    chat_ring_entry_t   e;

    pos = chat_ring_head(ring);
    memset(next, 0xff, sizeof(next));

    while (!__atomic_load_n(&report->stop, __ATOMIC_ACQUIRE)) {

        switch (take(ring, &pos, &e)) {

        case CHAT_OK:
            n = intact(&e);

            if (n < 0 || (next[e.partition] >= 0 && n != next[e.partition])) {
                report->bad++;
            }

            next[e.partition] = n + 1;
            report->entries++;
            break;

        case CHAT_DECLINED:
            report->laps++;

            for (i = 0; i < PARTS; i++) {
                next[i] = -1;
            }

            break;
        }
    }

    _exit(0);
}


static pid_t
fork_as(void (*run)(void), void (*run_with)(report_t *), report_t *report)
{
    pid_t  pid;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        if (run) {
            run();
        } else {
            run_with(report);
        }

        _exit(0);
    }

    return pid;
}


/* From each of its last entries the way to the newest can be found. */

static void
whole_chain(unsigned partition)
{
    int                 found;
    uint64_t            n, last, back, pos;
    chat_id_t           id;
    chat_ring_entry_t   e;

    assert_int_equal(chat_ring_last(ring, partition, &id), CHAT_OK);
    last = (id.ms - 1000) * 3 + id.seq;

    for (back = 0, found = 0; back < 10; back++) {

        n = last - back;
        id = id_of(n);

        if (chat_ring_find(ring, partition, &id, 100, &pos) != CHAT_OK) {
            continue;
        }

        found++;

        while (take(ring, &pos, &e) == CHAT_OK) {
            assert_true(intact(&e) >= 0);

            if (e.partition == partition && (uint64_t) intact(&e) > n) {
                assert_int_equal(intact(&e), ++n);
            }
        }

        assert_int_equal(n, last);
    }

    assert_int_equal(found, 10);
}


static void
killed_writers(void **state)
{
    int              i, status;
    pid_t            r, w;
    uint64_t         head;
    unsigned         p;
    report_t        *report;
    struct timespec  ts;

    fresh(ring);

    report = mmap(NULL, sizeof(report_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_true(report != MAP_FAILED);

    r = fork_as(NULL, reader, report);
    srandom(1);

    for (i = 0; i < 150; i++) {
        head = chat_ring_head(ring);
        term = chat_ring_new_term(ring);
        w = fork_as(writer, NULL, NULL);

        /* a random moment is the point here */

        ts.tv_sec = 0;
        ts.tv_nsec = random() % 4000000;
        nanosleep(&ts, NULL);

        kill(w, SIGKILL);
        waitpid(w, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_true(chat_ring_head(ring) >= head);
        assert_int_equal(chat_ring_check(ring, SIZE), CHAT_OK);
    }

    __atomic_store_n(&report->stop, 1, __ATOMIC_RELEASE);
    waitpid(r, &status, 0);
    assert_true(WIFEXITED(status));

    assert_int_equal(report->bad, 0);
    assert_true(report->entries > 1000);
    munmap(report, sizeof(report_t));

    for (p = 0; p < PARTS; p++) {
        whole_chain(p);
    }
}


/*
 * The state a death would leave: the entry is there as a whole, or not at
 * all; a new writer goes on either way and the chain holds.
 */

static uint64_t
inspect(chat_ring_t *copy, uint64_t before, uint64_t n)
{
    uint32_t            old;
    uint64_t            pos, last;
    chat_id_t           id;
    chat_ring_entry_t   e;

    old = term;
    term = chat_ring_new_term(copy);

    pos = before;
    last = n - PARTS;

    switch (take(copy, &pos, &e)) {

    case CHAT_OK:
        assert_int_equal(intact(&e), n);
        last = n;
        break;

    case CHAT_AGAIN:
        assert_int_equal(chat_ring_head(copy), before);
        break;

    default:
        fail_msg("lapped");
    }

    assert_int_equal(chat_ring_last(copy, n % PARTS, &id), CHAT_OK);
    assert_int_equal((id.ms - 1000) * 3 + id.seq, last);

    /* another partition first: it must not wake what is half done */

    assert_int_equal(put(copy, (n + 1) % PARTS, n + 1), CHAT_OK);
    assert_int_equal(chat_ring_last(copy, n % PARTS, &id), CHAT_OK);
    assert_int_equal((id.ms - 1000) * 3 + id.seq, last);

    assert_int_equal(put(copy, n % PARTS, n), CHAT_OK);
    assert_int_equal(put(copy, n % PARTS, n + PARTS), CHAT_OK);

    id = id_of(n - PARTS);
    assert_int_equal(chat_ring_find(copy, n % PARTS, &id, 100, &pos),
                     CHAT_OK);
    follow(copy, pos, n % PARTS, n - PARTS, n + PARTS);

    term = old;

    return last;
}


static void
every_instruction(void **state)
{
    int           status, steps, states, seen;
    pid_t         pid;
    uint64_t      n, before;
    uint32_t      sum, last_sum;
    chat_ring_t  *copy;

    fresh(ring);

    copy = malloc(SIZE);
    assert_non_null(copy);

    /* full, and such that the entry wraps round the end of the data */

    for (n = 0; n < 3000; n++) {
        assert_int_equal(put(ring, n % PARTS, n), CHAT_OK);

        if (n > 1000
            && chat_ring_head(ring) % room > room - 200
            && pattern((n + 1) % PARTS, n + 1, buf) > 300)
        {
            break;
        }
    }

    assert_true(n < 3000);
    n++;
    before = chat_ring_head(ring);

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(3);
        }

        raise(SIGSTOP);
        put(ring, n % PARTS, n);
        _exit(0);
    }

    waitpid(pid, &status, 0);

    if (WIFEXITED(status)) {
        free(copy);
        print_message("ptrace is not permitted here\n");
        skip();
    }

    last_sum = 0;
    steps = states = seen = 0;

    while (WIFSTOPPED(status)) {

        /* only when something in the ring has changed */

        sum = chat_crc32c(0, ring, SIZE);

        if (sum != last_sum) {
            last_sum = sum;
            states++;

            memcpy(copy, ring, SIZE);
            seen |= inspect(copy, before, n) == n ? 2 : 1;
        }

        assert_true(++steps < 1000000);

        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0) {
            break;
        }

        waitpid(pid, &status, 0);
    }

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(seen, 3);
    assert_true(states > 20);

    free(copy);
}


static int
begin(void **state)
{
    ring = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);
    buf = malloc(SIZE);

    return ring == MAP_FAILED || buf == NULL;
}


static int
end(void **state)
{
    free(buf);

    return munmap(ring, SIZE);
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
        cmocka_unit_test(starts),
        cmocka_unit_test(damaged),
        cmocka_unit_test(killed_writers),
        cmocka_unit_test(every_instruction),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
