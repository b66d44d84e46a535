
/*
 * Replies in blocks: few of them, used again, given back whatever happens,
 * and no more than our bound for what a server only announces.  That they say
 * what was sent: t/fuzz/reply.c.
 */

#include "ngx_loop.h"
#include "ngx_heap.h"

#include "ngx_http_chat_reply.h"
#include "ngx_http_chat_spare.h"
#include "chat_cmd.h"


#define BLOCK  4096

/* a sanitizer wants none kept */

#ifdef __SANITIZE_ADDRESS__
#define KEPT   0
#else
#define KEPT   64
#endif


static const char  xread[] =
    "*1\r\n*2\r\n$12\r\nchat:{1}:log\r\n*1\r\n*2\r\n$15\r\n1795410035327-0\r\n"
    "*4\r\n$1\r\nh\r\n$5\r\n20 1 \r\n$1\r\nb\r\n$2\r\nhi\r\n";

static redisReader                  *reader;
static ngx_http_chat_reply_build_t   build;


static int
setup(void **state)
{
    ngx_memzero(&build, sizeof(build));
    reader = ngx_http_chat_reply_reader(&build);

    return reader ? 0 : -1;
}


/* Whatever was read: nothing is held but spares. */

static int
teardown(void **state)
{
    size_t      bytes;
    ngx_uint_t  blocks;

    redisReaderFree(reader);
    ngx_http_chat_spare_sum(&blocks, &bytes);

    if (ngx_heap_n != blocks || ngx_heap_bytes != bytes || blocks > KEPT) {
        return -1;
    }

    ngx_http_chat_spare_exit();

    return ngx_heap_n == 0 ? 0 : -1;
}


/* REDIS_OK and NULL: more is to come. */

static int
get(const char *text, size_t len, redisReply **r)
{
    int    rc;
    void  *reply;

    reply = NULL;

    assert_int_equal(redisReaderFeed(reader, text, len), REDIS_OK);
    rc = redisReaderGetReply(reader, &reply);
    *r = reply;

    return rc;
}


static void
test_few(void **state)
{
    redisReply  *r;

    assert_int_equal(get(xread, sizeof(xread) - 1, &r), REDIS_OK);
    assert_non_null(r);
    assert_int_equal(ngx_heap_n, 1);
    assert_int_equal(ngx_heap_bytes, BLOCK);

    ngx_http_chat_reply_free(r);
    ngx_http_chat_reply_free(NULL);
}


static void
test_again(void **state)
{
    ngx_uint_t   i, calls;
    redisReply  *r;

    assert_int_equal(get(xread, sizeof(xread) - 1, &r), REDIS_OK);
    ngx_http_chat_reply_free(r);

    calls = ngx_heap_calls;

    for (i = 0; i < 1000; i++) {
        assert_int_equal(get(xread, sizeof(xread) - 1, &r), REDIS_OK);
        assert_int_equal(r->elements, 1);
        ngx_http_chat_reply_free(r);
    }

    assert_int_equal(ngx_heap_calls - calls, KEPT ? 0 : 1000);
}


/* n strings of so many bytes. */

static redisReply *
strings(size_t n, size_t len)
{
    char        *p, text[64];
    size_t       size;
    redisReply  *r;

    size = ngx_min((size_t) snprintf(text, sizeof(text), "*%zu\r\n", n),
                   sizeof(text));
    assert_int_equal(get(text, size, &r), REDIS_OK);

    p = malloc(len + sizeof(text));
    assert_non_null(p);

    while (n-- > 0) {
        assert_null(r);
        size = sprintf(p, "$%zu\r\n", len);
        memset(p + size, 'x', len);
        size += len;
        p[size++] = '\r';
        p[size++] = '\n';
        assert_int_equal(get(p, size, &r), REDIS_OK);
    }

    free(p);
    assert_non_null(r);

    return r;
}


/* Of a long reply so many blocks are kept, and none of a size of its own. */

static void
test_kept(void **state)
{
    redisReply  *r;

    r = strings(200, BLOCK / 2);
    assert_in_range(ngx_heap_n, 100, 200 + 2);

    ngx_http_chat_reply_free(r);
    assert_int_equal(ngx_heap_n, KEPT);
    assert_int_equal(ngx_heap_bytes, KEPT * BLOCK);

    r = strings(3, 100 * BLOCK);
    assert_true(ngx_heap_bytes >= 300 * BLOCK);

    ngx_http_chat_reply_free(r);
    assert_int_equal(ngx_heap_bytes, KEPT * BLOCK);
}


/* At most so many, also of arrays within arrays; none is made first. */

static void
test_elements(void **state)
{
    size_t            i;
    char              text[128];
    redisReply       *r;
    static const int  cases[][3] = {
        { CHAT_REPLY_ELEMENTS,     0,                   REDIS_OK },
        { CHAT_REPLY_ELEMENTS + 1, 0,                   REDIS_ERR },
        { CHAT_REPLY_ELEMENTS - 2, 2,                   REDIS_OK },
        { CHAT_REPLY_ELEMENTS - 2, 3,                   REDIS_ERR },
        { 1,                       CHAT_REPLY_ELEMENTS, REDIS_ERR },
        { 2147483647,              0,                   REDIS_ERR },
        { 1,                       2147483647,          REDIS_ERR },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text), "*%d\r\n*%d\r\n", cases[i][0],
                        cases[i][1]);
        assert_int_equal(get(text, strlen(text), &r), cases[i][2]);
        assert_null(r);

        if (cases[i][2] == REDIS_ERR) {
            assert_true(ngx_heap_bytes <= CHAT_REPLY_ELEMENTS);
        }

        assert_int_equal(teardown(NULL), 0);
        assert_int_equal(setup(NULL), 0);
    }
}


/* The bound is that of a reply, not of a connection. */

static void
test_elements_again(void **state)
{
    char        *p, text[32];
    size_t       i, n, size;
    redisReply  *r;

    n = 250000;
    p = malloc(4 * n);
    assert_non_null(p);

    for (i = 0; i < n; i++) {
        memcpy(p + 4 * i, ":7\r\n", 4);
    }

    size = ngx_min((size_t) snprintf(text, sizeof(text), "*%zu\r\n", n),
                   sizeof(text));

    for (i = 0; i <= CHAT_REPLY_ELEMENTS / n; i++) {
        assert_int_equal(get(text, size, &r), REDIS_OK);
        assert_null(r);
        assert_int_equal(get(p, 4 * n, &r), REDIS_OK);
        assert_non_null(r);
        assert_int_equal(r->element[n - 1]->integer, 7);
        ngx_http_chat_reply_free(r);
    }

    free(p);
}


/* Each allocation of a reply fails once. */

static void
no_memory(const char *text, size_t len, ngx_uint_t needs)
{
    int          rc;
    ngx_uint_t   n;
    redisReply  *r;

    for (n = 1; /* void */ ; n++) {
        ngx_heap_fails = n;
        rc = get(text, len, &r);

        if (rc == REDIS_OK) {
            break;
        }

        assert_null(r);
        assert_int_equal(reader->err, REDIS_ERR_OOM);
        assert_int_equal(ngx_heap_fails, 0);
        assert_int_equal(teardown(NULL), 0);
        assert_int_equal(setup(NULL), 0);
    }

    ngx_heap_fails = 0;

    assert_non_null(r);
    ngx_http_chat_reply_free(r);
    assert_int_equal(n - 1, needs);

    assert_int_equal(teardown(NULL), 0);
    assert_int_equal(setup(NULL), 0);
}


static void
test_no_memory(void **state)
{
    size_t  i;
    char    text[3 * BLOCK];

    no_memory(":1\r\n", 4, 1);
    no_memory("*-1\r\n", 5, 1);
    no_memory(xread, sizeof(xread) - 1, 1);

    /* a string of a size of its own, alone and in an array */

    memset(text, 'x', sizeof(text));
    memcpy(text, "$8000\r\n", 7);
    memcpy(text + 8007, "\r\n", 2);
    no_memory(text, 8009, 2);

    memcpy(text, "*2\r\n:1\r\n$8000\r\n", 15);
    memcpy(text + 8015, "\r\n", 2);
    no_memory(text, 8017, 2);

    /* an array of such a size; then 84 numbers fit into each block */

    memcpy(text, "*1000\r\n", 7);

    for (i = 0; i < 1000; i++) {
        memcpy(text + 7 + 4 * i, ":1\r\n", 4);
    }

    no_memory(text, 7 + 4 * 1000, 2 + 12);
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_few),
        TEST(test_again),
        TEST(test_kept),
        TEST(test_elements),
        TEST(test_elements_again),
        TEST(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
