
/*
 * Arenas: alignment, bounds, and that a reset gives everything back (leaks
 * and overruns show under ASan).
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "chat_mem.h"


typedef struct {
    unsigned       calls;
    size_t         asked;
    unsigned       fail;         /* at this call, from 1 */
    void          *blocks[64];
} host_t;


static void *
host_alloc(void *data, size_t size)
{
    host_t  *h = data;

    if (++h->calls == h->fail) {
        return NULL;
    }

    h->asked += size;
    h->blocks[h->calls - 1] = malloc(size);
    memset(h->blocks[h->calls - 1], 0xa5, size);

    return h->blocks[h->calls - 1];
}


static void
host_free(host_t *h)
{
    unsigned  i;

    for (i = 0; i < 64; i++) {
        free(h->blocks[i]);
    }
}


static void
check_zeroed(unsigned char *p, size_t n)
{
    size_t  i;

    assert_non_null(p);
    assert_int_equal((uintptr_t) p % 16, 0);

    for (i = 0; i < n; i++) {
        assert_int_equal(p[i], 0);
    }

    memset(p, 0xff, n);
}


static void
test_block(void **state)
{
    size_t         i;
    chat_mem_t     m;
    _Alignas(16) unsigned char  block[100];

    for (i = 0; i < 16; i++) {
        memset(block, 0xa5, sizeof(block));
        chat_mem_init(&m, block + i, 64, NULL, NULL, 0);

        check_zeroed(chat_mem_alloc(&m, 1), 1);
        check_zeroed(chat_mem_alloc(&m, 17), 17);
        assert_null(chat_mem_alloc(&m, 64));
        assert_null(chat_mem_nalloc(&m, SIZE_MAX));
        assert_non_null(chat_mem_alloc(&m, 0));

        /* nothing outside was touched */

        assert_int_equal(block[i + 64], 0xa5);
        assert_true(i == 0 || block[i - 1] == 0xa5);
    }

    chat_mem_init(&m, NULL, 0, NULL, NULL, 0);
    assert_null(chat_mem_alloc(&m, 1));
}


static void
test_host(void **state)
{
    unsigned    i;
    chat_mem_t  m;
    host_t      h = { 0 };

    chat_mem_init(&m, NULL, 0, host_alloc, &h, 0);

    for (i = 0; i < 20; i++) {
        check_zeroed(chat_mem_alloc(&m, 100), 100);
    }

    assert_int_equal(h.calls, 1);

    /* a big piece does not cost the rest of the block */

    check_zeroed(chat_mem_alloc(&m, 10000), 10000);
    assert_int_equal(h.calls, 2);
    check_zeroed(chat_mem_alloc(&m, 100), 100);
    assert_int_equal(h.calls, 2);
    assert_int_equal(m.used, h.asked);

    h.fail = 3;
    assert_null(chat_mem_alloc(&m, 10000));
    check_zeroed(chat_mem_alloc(&m, 100), 100);

    host_free(&h);
}


static void
test_limit(void **state)
{
    size_t      n;
    chat_mem_t  m;
    host_t      h = { 0 };

    chat_mem_init(&m, NULL, 0, host_alloc, &h, 10000);

    for (n = 0; chat_mem_alloc(&m, 500); n += 500) { /* void */ }

    assert_in_range(n, 9000, 10000);
    assert_in_range(h.asked, n, 10000);
    assert_null(chat_mem_alloc(&m, 5000));
    assert_null(chat_mem_nalloc(&m, SIZE_MAX / 2));

    host_free(&h);
}


static void
test_dup(void **state)
{
    chat_mem_t     m;
    chat_str_t     src = chat_string("text"), dst;
    _Alignas(16) unsigned char  block[16];

    chat_mem_init(&m, block, sizeof(block), NULL, NULL, 0);

    assert_int_equal(chat_mem_dup(&m, &dst, &src), CHAT_OK);
    assert_int_equal(dst.len, 4);
    assert_ptr_not_equal(dst.data, src.data);
    assert_memory_equal(dst.data, "text", 4);

    assert_int_equal(chat_mem_dup(&m, &dst, &src), CHAT_ERROR);
    assert_int_equal(dst.len, 0);

    /* in place: the source is the target */

    chat_mem_init(&m, block, sizeof(block), NULL, NULL, 0);
    assert_int_equal(chat_mem_dup(&m, &src, &src), CHAT_OK);
    assert_memory_equal(src.data, "text", 4);

    src = (chat_str_t) chat_null_string;
    assert_int_equal(chat_mem_dup(&m, &dst, &src), CHAT_OK);
    assert_int_equal(dst.len, 0);
}


static void
test_heap(void **state)
{
    size_t        round, i;
    chat_mem_t   *m;
    chat_heap_t  *h;

    h = chat_heap_create(1024 * 1024);
    assert_non_null(h);

    m = chat_heap_mem(h);

    for (round = 0; round < 3; round++) {
        for (i = 1; i < 20000; i = i * 3 / 2 + 1) {
            check_zeroed(chat_mem_alloc(m, i), i);
        }

        assert_null(chat_mem_alloc(m, 1024 * 1024));
        assert_true(m->used > 0);

        chat_heap_reset(h);
        assert_int_equal(m->used, 0);
        assert_int_equal(m->limit, 1024 * 1024);
    }

    chat_heap_destroy(h);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_block),
        cmocka_unit_test(test_host),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_dup),
        cmocka_unit_test(test_heap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
