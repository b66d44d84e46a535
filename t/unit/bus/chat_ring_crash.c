
/*
 * The writer of a ring is killed: at random moments beside a live reader,
 * and at every instruction.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "ring.h"


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
 * Runs `act` in a process that is stopped after each machine instruction, and
 * looks at a copy of the ring whenever something in it has changed: what is
 * there is what the death of a writer would leave.  Returns how often, and
 * all that `look` returned; 0: not permitted here.
 */

static int
each_state(void (*act)(void), int (*look)(chat_ring_t *copy), int *seen)
{
    int           status, steps, states;
    pid_t         pid;
    uint32_t      sum, last_sum;
    chat_ring_t  *copy;

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(3);
        }

        raise(SIGSTOP);
        act();
        _exit(0);
    }

    waitpid(pid, &status, 0);

    if (WIFEXITED(status)) {
        print_message("ptrace is not permitted here\n");
        return 0;
    }

    copy = malloc(SIZE);
    assert_non_null(copy);

    last_sum = 0;
    steps = states = *seen = 0;

    while (WIFSTOPPED(status)) {
        sum = chat_crc32c(0, ring, SIZE);

        if (sum != last_sum) {
            last_sum = sum;
            states++;

            memcpy(copy, ring, SIZE);
            *seen |= look(copy);
        }

        assert_true(++steps < 1000000);

        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0) {
            break;
        }

        waitpid(pid, &status, 0);
    }

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);

    free(copy);

    return states;
}


#define BEFORE  1
#define AFTER   2


/*
 * The state a death would leave: the entry is there as a whole, or not at
 * all; a new writer goes on either way and the chain holds.
 */

static uint64_t  before;         /* head */
static uint64_t  n;              /* the entry */


static int
entry_whole(chat_ring_t *copy)
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

    return last == n ? AFTER : BEFORE;
}


static void
write_entry(void)
{
    put(ring, n % PARTS, n);
}


static void
every_instruction(void **state)
{
    int  states, seen;

    fresh(ring);

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

    states = each_state(write_entry, entry_whole, &seen);

    if (states == 0) {
        skip();
    }

    assert_true(states > 20);
    assert_int_equal(seen, BEFORE|AFTER);
}


/*
 * An epoch and the starts of all feeds: nobody ever sees the one without the
 * others, nor does the writer that comes next.
 */

static const chat_id_t  start = { 77, 7 };


static int
epoch_whole(chat_ring_t *copy)
{
    int                 after;
    uint32_t            old;
    uint64_t            pos;
    unsigned            i, taken_over;
    chat_id_t           id;
    chat_ring_entry_t   e;

    old = term;
    after = (chat_ring_head(copy) != before);

    for (taken_over = 0; taken_over < 2; taken_over++) {
        assert_int_equal(chat_ring_epoch(copy), after ? EPOCH + 1 : EPOCH);

        for (i = 0; i < CHAT_FEEDS; i++) {
            assert_int_equal(chat_ring_last(copy, i, &id), CHAT_OK);
            assert_int_equal(id.ms, after ? start.ms : 0);
            assert_int_equal(chat_ring_find(copy, i, &start, 1, &pos),
                             CHAT_OK);
        }

        /* the next writer's first entry must not wake what is half done */

        memset(&e, 0, sizeof(e));

        e.kind = CHAT_RING_EPHEMERAL;
        e.header = str("typing");

        term = chat_ring_new_term(copy);
        assert_int_equal(chat_ring_write(copy, term, &e), CHAT_OK);
    }

    pos = before;
    assert_int_equal(chat_ring_read(copy, &pos, buf, &e), CHAT_OK);
    assert_int_equal(e.kind, after ? CHAT_RING_EPOCH : CHAT_RING_EPHEMERAL);

    assert_int_equal(begin_at(copy, EPOCH + 1, &start), CHAT_OK);
    assert_int_equal(chat_ring_epoch(copy), EPOCH + 1);

    term = old;

    return after ? AFTER : BEFORE;
}


static void
begin_epoch(void)
{
    begin_at(ring, EPOCH + 1, &start);
}


static void
every_instruction_of_an_epoch(void **state)
{
    int  states, seen;

    fresh(ring);
    before = chat_ring_head(ring);

    states = each_state(begin_epoch, epoch_whole, &seen);

    if (states == 0) {
        skip();
    }

    assert_true(states > 20);
    assert_int_equal(seen, BEFORE|AFTER);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(killed_writers),
        cmocka_unit_test(every_instruction),
        cmocka_unit_test(every_instruction_of_an_epoch),
    };

    return cmocka_run_group_tests(tests, ring_begin, ring_end);
}
