
/*
 * The timing wheel: nothing early, nothing later than a second and the turns
 * that a crowd takes, whatever is set, moved or cancelled meanwhile.
 */

#include "ngx_loop.h"

#include "ngx_http_chat_wheel.h"


#define TIMERS  500

typedef struct {
    ngx_http_chat_timer_t  timer;      /* first: a handler finds the rest */
    ngx_msec_t             set_at;
    ngx_msec_t             after;
    ngx_uint_t             fired;
} item_t;


static ngx_log_t               quiet;
static ngx_http_chat_wheel_t   wheel;
static item_t                  items[TIMERS];
static ngx_uint_t              fired;      /* in all */
static ngx_http_chat_timer_t  *victim;     /* cancelled by who fires */


static int
setup(void **state)
{
    ngx_memzero(items, sizeof(items));
    fired = 0;
    victim = NULL;

    ngx_loop_init(123456);
    ngx_http_chat_wheel_init(&wheel, &quiet);

    return 0;
}


static void
fire(ngx_http_chat_timer_t *t)
{
    item_t  *item = (item_t *) t;

    assert_false(t->set);
    assert_true(ngx_current_msec - item->set_at >= item->after);

    item->fired++;
    fired++;

    if (victim) {
        ngx_http_chat_wheel_del(&wheel, victim);
    }
}


static void
again(ngx_http_chat_timer_t *t)
{
    fire(t);

    ((item_t *) t)->set_at = ngx_current_msec;
    ngx_http_chat_wheel_set(&wheel, t, ((item_t *) t)->after, again);
}


static void
set(item_t *item, ngx_msec_t after)
{
    item->set_at = ngx_current_msec;
    item->after = after;

    ngx_http_chat_wheel_set(&wheel, &item->timer, after, fire);
}


static void
run(ngx_msec_t ms)
{
    ngx_loop_run(&wheel.tick, ms);
}


/* All in one second, of whom a first turn has fired. */

static void
crowd(void)
{
    ngx_uint_t  i;

    for (i = 0; i < TIMERS; i++) {
        set(&items[i], 5000);
    }

    while (fired == 0) {
        run(1);
    }
}


/* Of any second's part, within the wheel's turn and far beyond it. */

static void
test_within_a_second(void **state)
{
    ngx_uint_t               i, k;
    static const ngx_msec_t  afters[] = { 0, 1, 999, 1000, 1001, 30000,
                                          126999, 127000, 128000, 128001,
                                          300000 };
    static const ngx_msec_t  parts[] = { 0, 1, 500, 999 };

    for (i = 0; i < sizeof(afters) / sizeof(afters[0]); i++) {
        for (k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
            setup(NULL);
            run(parts[k]);
            set(&items[0], afters[i]);

            run(ngx_max(afters[i], 1) - 1);
            assert_int_equal(fired, 0);

            run(1000);
            assert_int_equal(fired, 1);
            assert_int_equal(wheel.n, 0);
        }
    }
}


static void
test_cancelled(void **state)
{
    set(&items[0], 2000);
    set(&items[1], 2000);
    run(1500);

    ngx_http_chat_wheel_del(&wheel, &items[0].timer);
    ngx_http_chat_wheel_del(&wheel, &items[0].timer);
    assert_int_equal(wheel.n, 1);

    run(5000);
    assert_int_equal(items[0].fired, 0);
    assert_int_equal(items[1].fired, 1);
}


/* By one whose second is the same. */

static void
test_cancelled_by_another(void **state)
{
    set(&items[0], 1000);
    set(&items[1], 1000);
    victim = &items[1].timer;

    run(5000);
    assert_int_equal(items[0].fired, 1);
    assert_int_equal(items[1].fired, 0);
    assert_int_equal(wheel.n, 0);
}


static void
test_set_again(void **state)
{
    set(&items[0], 3000);
    run(2000);
    set(&items[0], 3000);
    assert_int_equal(wheel.n, 1);

    run(2999);
    assert_int_equal(fired, 0);

    run(1000);
    assert_int_equal(fired, 1);
}


/* As a ping: each time from its own handler. */

static void
test_set_by_itself(void **state)
{
    items[0].set_at = ngx_current_msec;
    items[0].after = 1000;
    ngx_http_chat_wheel_set(&wheel, &items[0].timer, 1000, again);

    run(20000);
    assert_in_range(fired, 10, 20);
    assert_int_equal(wheel.n, 1);
}


/* A bounded part of them in each turn of the loop, the first set first. */

static void
test_crowd(void **state)
{
    ngx_uint_t  i, before, turns;

    for (i = 0; i < TIMERS; i++) {
        set(&items[i], 5000);
    }

    for (turns = 0; fired < TIMERS; /* void */) {
        before = fired;
        run(1);

        assert_true(fired - before <= NGX_HTTP_CHAT_WHEEL_TURN);
        assert_true(before == 0 || fired > before);

        turns += fired > before;

        for (i = 0; i < TIMERS; i++) {
            assert_int_equal(items[i].fired, i < fired);
        }
    }

    assert_int_equal(turns, (TIMERS + NGX_HTTP_CHAT_WHEEL_TURN - 1)
                            / NGX_HTTP_CHAT_WHEEL_TURN);
}


/* Those that wait for their turn are timers still. */

static void
test_crowd_cancelled(void **state)
{
    ngx_uint_t  i;

    crowd();
    assert_int_equal(fired, NGX_HTTP_CHAT_WHEEL_TURN);

    for (i = fired + 1; i < TIMERS; i++) {
        ngx_http_chat_wheel_del(&wheel, &items[i].timer);
    }

    set(&items[fired], 2000);
    assert_int_equal(wheel.n, 1);

    run(1999);
    assert_int_equal(fired, NGX_HTTP_CHAT_WHEEL_TURN);

    run(1001);
    assert_int_equal(fired, NGX_HTTP_CHAT_WHEEL_TURN + 1);
    assert_int_equal(wheel.n, 0);
}


/* Stopped and woken: what is due comes at once, what is not does not. */

static void
test_long_stop(void **state)
{
    set(&items[0], 10000);
    set(&items[1], 200000);
    set(&items[2], 700000);
    run(100);

    ngx_current_msec += 600000;
    run(2);
    assert_int_equal(items[0].fired, 1);
    assert_int_equal(items[1].fired, 1);
    assert_int_equal(items[2].fired, 0);

    run(100898);
    assert_int_equal(items[2].fired, 1);
}


/* Idle, it does not tick; its clock goes on with the next timer. */

static void
test_idle(void **state)
{
    set(&items[0], 1000);
    run(3000);
    assert_int_equal(fired, 1);
    assert_false(wheel.tick.timer_set);

    ngx_current_msec += 1000 * 1000 + 250;
    set(&items[0], 1500);
    run(1499);
    assert_int_equal(fired, 1);

    run(1000);
    assert_int_equal(fired, 2);
}


static void
test_stop(void **state)
{
    crowd();
    ngx_http_chat_wheel_stop(&wheel);

    run(10000);
    assert_int_equal(fired, NGX_HTTP_CHAT_WHEEL_TURN);
}


/* Anything, in any order. */

static void
test_mixed(void **state)
{
    item_t      *item;
    uint64_t     x;
    ngx_uint_t   i, k;
    ngx_msec_t   late;

    x = 88172645463325252ull;

    for (k = 0; k < 100000; k++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;

        item = &items[x % TIMERS];

        switch ((x >> 32) % 4) {

        case 0:
            ngx_http_chat_wheel_del(&wheel, &item->timer);
            break;

        case 1:
            run((x >> 40) % 50);
            break;

        default:
            set(item, (x >> 40) % 200000);
        }
    }

    late = 1000 + TIMERS / NGX_HTTP_CHAT_WHEEL_TURN + 1;

    for (i = 0; i < TIMERS; i++) {
        assert_true(!items[i].timer.set
                    || ngx_current_msec - items[i].set_at
                       <= items[i].after + late);
    }

    run(200000 + late);
    assert_int_equal(wheel.n, 0);
}


#define TEST(name)  cmocka_unit_test_setup(name, setup)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_within_a_second),
        TEST(test_cancelled),
        TEST(test_cancelled_by_another),
        TEST(test_set_again),
        TEST(test_set_by_itself),
        TEST(test_crowd),
        TEST(test_crowd_cancelled),
        TEST(test_long_stop),
        TEST(test_idle),
        TEST(test_stop),
        TEST(test_mixed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
