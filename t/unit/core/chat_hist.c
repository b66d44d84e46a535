
/*
 * The histogram: buckets tile the numbers, and a percentile of buckets is
 * within the promised error of the exact one.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "chat_hist.h"


#define VALUES  5000


static void
known_buckets(void **state)
{
    uint64_t  low, high;

    assert_int_equal(chat_hist_index(0), 0);
    assert_int_equal(chat_hist_index(63), 63);
    assert_int_equal(chat_hist_index(64), 64);
    assert_int_equal(chat_hist_index(65), 64);
    assert_int_equal(chat_hist_index(127), 95);
    assert_int_equal(chat_hist_index(128), 96);

    /* 1000 = 62 * 16 + 8: shift 4, 32 * 4 + 62 */

    assert_int_equal(chat_hist_index(1000), 190);
    chat_hist_bounds(190, &low, &high);
    assert_int_equal(low, 992);
    assert_int_equal(high, 1007);

    /* a minute: 60000 = 58 * 1024 + 608: shift 10, 320 + 58 */

    assert_int_equal(chat_hist_index(60000), 378);
}


static void
tiles(void **state)
{
    unsigned  i;
    uint64_t  low, high, next;

    next = 0;

    for (i = 0; i < CHAT_HIST_MAX; i++) {
        chat_hist_bounds(i, &low, &high);
        assert_true(low == next);
        assert_true(high >= low);
        assert_int_equal(chat_hist_index(low), i);
        assert_int_equal(chat_hist_index(high), i);
        assert_true((high - low) * 32 <= low || low < 64);
        next = high + 1;
    }

    assert_true(next == CHAT_HIST_VALUE_MAX + 1);
    assert_int_equal(chat_hist_index(UINT64_MAX), CHAT_HIST_MAX - 1);

    chat_hist_bounds(CHAT_HIST_MAX + 5, &low, &high);
    assert_true(high == CHAT_HIST_VALUE_MAX);
}


static int
ascending(const void *a, const void *b)
{
    const uint64_t  *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}


/* Any distribution: exact percentile against the one of buckets. */

static void
percentiles(void **state)
{
    size_t              i, n, rank, v;
    double              error;
    uint64_t            value, seed, *values;
    unsigned            p, round;
    chat_hist_bucket_t  b[CHAT_HIST_MAX];

    values = malloc(VALUES * sizeof(uint64_t));
    seed = 88172645463325252;

    for (round = 0; round < 20; round++) {
        uint64_t  counts[CHAT_HIST_MAX] = { 0 };

        for (v = 0; v < VALUES; v++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            values[v] = (seed >> 20) >> (seed % (20 + round));
            values[v] %= CHAT_HIST_VALUE_MAX;
            counts[chat_hist_index(values[v])]++;
        }

        for (i = 0, n = 0; i < CHAT_HIST_MAX; i++) {
            if (counts[i]) {
                b[n].index = i;
                b[n++].count = counts[i];
            }
        }

        qsort(values, VALUES, sizeof(uint64_t), ascending);

        for (p = 0; p <= 1000; p += 10) {
            rank = (p * VALUES + 999) / 1000;
            rank = rank ? rank : 1;

            assert_int_equal(chat_hist_percentile(b, n, p, &value), CHAT_OK);

            error = (double) value - (double) values[rank - 1];
            error = error < 0 ? -error : error;
            assert_true(error <= 0.016 * values[rank - 1]);
        }
    }

    free(values);
}


static void
small_counts(void **state)
{
    uint64_t            v;
    chat_hist_bucket_t  one[] = { { 10, 1 } };
    chat_hist_bucket_t  two[] = { { 10, 1 }, { 20, 1 } };
    chat_hist_bucket_t  none[] = { { 10, 0 } };
    chat_hist_bucket_t  many[] = { { 1, UINT64_C(900000000000000) },
                                   { 2, UINT64_C(100000000000000) } };

    assert_int_equal(chat_hist_percentile(NULL, 0, 500, &v), CHAT_DECLINED);
    assert_int_equal(chat_hist_percentile(none, 1, 500, &v), CHAT_DECLINED);

    assert_int_equal(chat_hist_percentile(one, 1, 0, &v), CHAT_OK);
    assert_int_equal(v, 10);
    assert_int_equal(chat_hist_percentile(one, 1, 1000, &v), CHAT_OK);
    assert_int_equal(v, 10);

    assert_int_equal(chat_hist_percentile(two, 2, 500, &v), CHAT_OK);
    assert_int_equal(v, 10);
    assert_int_equal(chat_hist_percentile(two, 2, 501, &v), CHAT_OK);
    assert_int_equal(v, 20);
    assert_int_equal(chat_hist_percentile(two, 2, 9999, &v), CHAT_OK);
    assert_int_equal(v, 20);

    assert_int_equal(chat_hist_percentile(many, 2, 900, &v), CHAT_OK);
    assert_int_equal(v, 1);
    assert_int_equal(chat_hist_percentile(many, 2, 901, &v), CHAT_OK);
    assert_int_equal(v, 2);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(known_buckets),
        cmocka_unit_test(tiles),
        cmocka_unit_test(percentiles),
        cmocka_unit_test(small_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
