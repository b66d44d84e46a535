
/*
 * What waits for company: nothing while there are few, longer the more there
 * are, and a burst is forgotten when it has leaked away.
 */

#include "ngx_loop.h"

#include "ngx_http_chat_pace.h"


static ngx_http_chat_pace_t  pace;


static int
setup(void **state)
{
    ngx_loop_init(123456);
    ngx_memzero(&pace, sizeof(pace));
    pace.at = ngx_current_msec;

    return 0;
}


/* n entries in each ms, for so many ms; how long a frame waits then. */

static ngx_msec_t
rate(ngx_uint_t n, ngx_msec_t ms)
{
    while (ms-- > 0) {
        ngx_current_msec++;
        ngx_http_chat_pace_add(&pace, n);
    }

    return ngx_http_chat_pace(&pace, NGX_HTTP_CHAT_PACE_SEND);
}


static void
test_few(void **state)
{
    assert_int_equal(ngx_http_chat_pace(&pace, NGX_HTTP_CHAT_PACE_READ), 0);
    assert_int_equal(ngx_http_chat_pace(&pace, NGX_HTTP_CHAT_PACE_APPEND), 0);
    assert_int_equal(rate(4, 10000), 0);
}


static void
test_many(void **state)
{
    ngx_msec_t  many, most;

    many = rate(6, 1000);
    assert_true(many > 0);

    most = rate(20, 1000);
    assert_true(most > many);

    assert_true(ngx_http_chat_pace(&pace, NGX_HTTP_CHAT_PACE_APPEND)
                < most);
}


/* However much it was: no longer than its bound takes to leak. */

static void
test_forgotten(void **state)
{
    assert_true(rate(100000, 1) > 0);

    ngx_current_msec += 16;
    assert_int_equal(ngx_http_chat_pace(&pace, NGX_HTTP_CHAT_PACE_SEND), 0);
}


/* A worker that slept for days has no overflow to wait for. */

static void
test_slept(void **state)
{
    assert_true(rate(20, 100) > 0);

    ngx_current_msec += (ngx_msec_t) 1 << 40;
    assert_int_equal(ngx_http_chat_pace(&pace, NGX_HTTP_CHAT_PACE_SEND), 0);
}


#define TEST(name)  cmocka_unit_test_setup(name, setup)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_few),
        TEST(test_many),
        TEST(test_forgotten),
        TEST(test_slept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
