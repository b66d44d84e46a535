
/*
 * The token bucket against hand-counted cases and a naive model.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(burst_then_rate),
        cmocka_unit_test(refills_to_burst_only),
        cmocka_unit_test(clock_back_and_extremes),
        cmocka_unit_test(never_more_than_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
