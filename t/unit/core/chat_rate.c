
/*
 * The token bucket against hand-counted cases and a naive model; the table of
 * buckets against the single one, when it is full, and among processes.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "chat_rate.h"


static void
burst_then_rate(void **state)
{
    int          i;
    chat_rate_t  r = { 0, 0 };

    for (i = 0; i < 5; i++) {
        assert_int_equal(chat_rate_take(&r, 1000, 10, 5), 0);
    }

    /* 10 a second: the next in 100 ms, and asking takes nothing */
    assert_int_equal(chat_rate_take(&r, 1000, 10, 5), 100);
    assert_int_equal(chat_rate_take(&r, 1040, 10, 5), 60);
    assert_int_equal(chat_rate_take(&r, 1099, 10, 5), 1);
    assert_int_equal(chat_rate_take(&r, 1100, 10, 5), 0);
    assert_int_equal(chat_rate_take(&r, 1100, 10, 5), 100);
}


static void
refills_to_burst_only(void **state)
{
    int          i;
    chat_rate_t  r = { 0, 0 };

    for (i = 0; i < 3; i++) {
        assert_int_equal(chat_rate_take(&r, 1, 1, 3), 0);
    }

    for (i = 0; i < 3; i++) {
        assert_int_equal(chat_rate_take(&r, 1000000, 1, 3), 0);
    }

    assert_int_equal(chat_rate_take(&r, 1000000, 1, 3), 1000);
}


static void
clock_back_and_extremes(void **state)
{
    chat_rate_t  r = { 0, 0 };

    assert_int_equal(chat_rate_take(&r, 5000, 1, 1), 0);
    assert_int_equal(chat_rate_take(&r, 1000, 1, 1), 1000);
    assert_int_equal(chat_rate_take(&r, UINT64_MAX, 1000000, 1), 0);
    assert_int_equal(chat_rate_take(&r, UINT64_MAX, 0, 1), 0);
    assert_int_equal(chat_rate_take(&r, UINT64_MAX, 1, 0), 1000);
}


/* In no window may more than burst + rate * window pass. */

static void
never_more_than_allowed(void **state)
{
    uint64_t     now, passed[4000], n, i;
    unsigned     rate, burst;
    chat_rate_t  r;

    srand(7);

    for (rate = 1; rate <= 50; rate += 7) {
        burst = rate / 2 + 1;
        now = 1000;
        n = 0;
        memset(&r, 0, sizeof(r));

        while (n < 2000) {
            now += rand() % 40;

            if (chat_rate_take(&r, now, rate, burst) == 0) {
                passed[n++] = now;
            }
        }

        for (i = burst; i < n; i++) {
            /* burst + 1 of them took at least one refill */
            assert_true((passed[i] - passed[i - burst]) * rate >= 999);
        }
    }
}


/* Keys as the hash makes them: set in the low bits, tag in the high ones. */
#define KEY(set, tag)  ((uint64_t) (tag) << 40 | (set))


static void
table_burst_then_rate(void **state)
{
    int           i;
    chat_rates_t *t;

    t = calloc(1, sizeof(chat_rates_t));

    for (i = 0; i < 3; i++) {
        assert_int_equal(chat_rates_take(t, KEY(1, 7), 1000, 60, 3), 0);
    }

    /* one a second, and asking takes nothing */
    assert_int_equal(chat_rates_take(t, KEY(1, 7), 1000, 60, 3), 1000);
    assert_int_equal(chat_rates_take(t, KEY(1, 7), 1400, 60, 3), 600);
    assert_int_equal(chat_rates_take(t, KEY(1, 7), 2000, 60, 3), 0);
    assert_int_equal(chat_rates_take(t, KEY(1, 7), 2000, 60, 3), 1000);

    /* another tag of the set, another set */
    assert_int_equal(chat_rates_take(t, KEY(1, 8), 2000, 60, 3), 0);
    assert_int_equal(chat_rates_take(t, KEY(2, 7), 2000, 60, 3), 0);
    assert_int_equal(chat_rates_take(t, KEY(1, 7), 2000, 60, 3), 1000);

    /* after long enough there is a whole burst again, and no more */
    for (i = 0; i < 3; i++) {
        assert_int_equal(chat_rates_take(t, KEY(1, 7), 900000, 60, 3), 0);
    }

    assert_int_equal(chat_rates_take(t, KEY(1, 7), 900000, 60, 3), 1000);

    /* no limit; and lower bounds than those it was filled by */
    assert_int_equal(chat_rates_take(t, KEY(1, 7), 900000, 0, 0), 0);
    assert_int_equal(chat_rates_take(t, KEY(1, 7), 900000, 60, 1), 1000);

    free(t);
}


/* The same answers as the bucket of one sender, at random moments. */

static void
table_against_bucket(void **state)
{
    int           i;
    uint64_t      now, a, b;
    chat_rate_t   r = { 0, 0 };
    chat_rates_t *t;

    t = calloc(1, sizeof(chat_rates_t));
    now = 5000;
    srand(1);

    for (i = 0; i < 20000; i++) {
        now += rand() % 1500;

        /* 2 a second = 120 a minute */
        a = chat_rate_take(&r, now, 2, 5);
        b = chat_rates_take(t, KEY(9, 9), now, 120, 5);

        assert_int_equal(a, b);
    }

    free(t);
}


/* More keys than cells: the fullest bucket is forgotten, nobody is refused. */

static void
table_full(void **state)
{
    int           i, k;
    chat_rates_t *t;

    t = calloc(1, sizeof(chat_rates_t));

    for (k = 1; k <= CHAT_RATE_WAYS; k++) {
        for (i = 0; i < k + 1; i++) {
            assert_int_equal(chat_rates_take(t, KEY(3, k), 1000, 60, 8), 0);
        }
    }

    /* the first had taken least */
    assert_int_equal(chat_rates_take(t, KEY(3, 99), 1000, 60, 8), 0);

    /* the greedy one is still known: three are left */
    for (i = 0; i < 8 - CHAT_RATE_WAYS - 1; i++) {
        assert_int_equal(chat_rates_take(t, KEY(3, CHAT_RATE_WAYS), 1000, 60,
                                         8), 0);
    }

    assert_int_equal(chat_rates_take(t, KEY(3, CHAT_RATE_WAYS), 1000, 60, 8),
                     1000);

    for (i = 0; i < 100000; i++) {
        assert_int_equal(chat_rates_take(t, (uint64_t) i
                                            * 0x9e3779b97f4a7c15ULL, 1000,
                                         60, 8), 0);
    }

    free(t);
}


/* Processes that ask at once are given the burst, not one more or less. */

static void
table_shared(void **state)
{
    int            i, k, given[4][2], n, status;
    pid_t          pid[4];
    chat_rates_t  *t;

    t = mmap(NULL, sizeof(chat_rates_t), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(t != MAP_FAILED);

    for (k = 0; k < 4; k++) {
        assert_int_equal(pipe(given[k]), 0);
        pid[k] = fork();

        if (pid[k] == 0) {
            n = 0;

            for (i = 0; i < 20000; i++) {
                n += (chat_rates_take(t, KEY(5, 5), 1000, 60, 30000) == 0);
            }

            i = write(given[k][1], &n, sizeof(n));
            _exit(i == sizeof(n) ? 0 : 1);
        }
    }

    for (k = 0, i = 0; k < 4; k++) {
        assert_int_equal(waitpid(pid[k], &status, 0), pid[k]);
        assert_int_equal(status, 0);
        assert_int_equal(read(given[k][0], &n, sizeof(n)), sizeof(n));
        i += n;

        close(given[k][0]);
        close(given[k][1]);
    }

    assert_int_equal(i, 30000);
    munmap(t, sizeof(chat_rates_t));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(burst_then_rate),
        cmocka_unit_test(refills_to_burst_only),
        cmocka_unit_test(clock_back_and_extremes),
        cmocka_unit_test(never_more_than_allowed),
        cmocka_unit_test(table_burst_then_rate),
        cmocka_unit_test(table_against_bucket),
        cmocka_unit_test(table_full),
        cmocka_unit_test(table_shared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
