
/*
 * Cursors: there and back, and nothing else is taken.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "chat_cursor.h"
#include "chat_str.h"
#include "slice.h"


static const unsigned char  key[16] = "0123456789abcde";
static const unsigned char  wrong[16] = "0123456789abcdX";


static chat_str_t
print(unsigned char *buf, const chat_cursor_t *c)
{
    chat_str_t  text;

    text.data = buf;
    text.len = chat_cursor_print(buf, c, key) - buf;
    assert_true(text.len <= CHAT_CURSOR_MAX);

    return text;
}


static chat_cursor_t
sample(void)
{
    chat_cursor_t  c;

    memset(&c, 0, sizeof(c));

    c.epoch = 0x00c0ffee;
    c.n = 2;
    c.at[0].partition = 3;
    c.at[0].id.ms = 1795316423231;
    c.at[1].partition = CHAT_PARTITION_GLOBAL;
    c.at[1].id.ms = 1;
    c.at[1].id.seq = 42;

    return c;
}


static void
there_and_back(void **state)
{
    unsigned        i;
    chat_str_t      text;
    chat_cursor_t   c, got;
    unsigned char   buf[CHAT_CURSOR_MAX];

    c = sample();
    text = print(buf, &c);

    assert_memory_equal(text.data, "1.00c0ffee.3:1795316423231-0.16:1-42.",
                        37);
    assert_int_equal(text.len, 37 + 11);

    assert_int_equal(chat_cursor_parse(&text, &got, key), CHAT_OK);
    assert_int_equal(got.epoch, c.epoch);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.at[0].partition, 3);
    assert_int_equal(got.at[0].id.ms, 1795316423231);
    assert_int_equal(got.at[1].partition, CHAT_PARTITION_GLOBAL);
    assert_int_equal(got.at[1].id.seq, 42);

    /* the longest there is */

    c.epoch = UINT32_MAX;
    c.n = CHAT_PARTITIONS;

    for (i = 0; i < CHAT_PARTITIONS; i++) {
        c.at[i].partition = CHAT_PARTITION_GLOBAL;
        c.at[i].id.ms = UINT64_MAX;
        c.at[i].id.seq = UINT64_MAX;
    }

    text = print(buf, &c);
    assert_int_equal(chat_cursor_parse(&text, &got, key), CHAT_OK);
    assert_int_equal(got.n, CHAT_PARTITIONS);
    assert_int_equal(got.at[15].id.seq, UINT64_MAX);

    c.n = 0;
    text = print(buf, &c);
    assert_int_equal(chat_cursor_parse(&text, &got, key), CHAT_OK);
    assert_int_equal(got.n, 0);
}


static void
forged(void **state)
{
    size_t          i;
    chat_str_t      text;
    chat_cursor_t   c, got;
    unsigned char   buf[CHAT_CURSOR_MAX], bit;

    c = sample();
    text = print(buf, &c);

    assert_int_equal(chat_cursor_parse(&text, &got, wrong), CHAT_ERROR);

    for (i = 0; i < text.len; i++) {

        for (bit = 1; bit; bit <<= 1) {
            text.data[i] ^= bit;
            assert_int_equal(chat_cursor_parse(&text, &got, key),
                             CHAT_ERROR);
            text.data[i] ^= bit;
        }
    }

    assert_int_equal(chat_cursor_parse(&text, &got, key), CHAT_OK);
}


static void
truncated(void **state)
{
    chat_str_t      text, part;
    chat_cursor_t   c, got;
    unsigned char   buf[CHAT_CURSOR_MAX + 1];

    c = sample();
    text = print(buf, &c);

    for (part = text; part.len; part.len--) {
        assert_int_equal(chat_cursor_parse(&part, &got, key),
                         part.len == text.len ? CHAT_OK : CHAT_ERROR);
    }

    assert_int_equal(chat_cursor_parse(&part, &got, key), CHAT_ERROR);

    for (part = text; part.len; part.data++, part.len--) {
        assert_int_equal(chat_cursor_parse(&part, &got, key),
                         part.len == text.len ? CHAT_OK : CHAT_ERROR);
    }

    buf[text.len++] = 'A';
    assert_int_equal(chat_cursor_parse(&text, &got, key), CHAT_ERROR);
}


/* Rightly signed, yet not a cursor: a key that is used for other things. */

#define SIX        ".0:1-1.0:1-1.0:1-1.0:1-1.0:1-1.0:1-1"
#define SEVENTEEN  ("1.00c0ffee" SIX SIX ".0:1-1.0:1-1.0:1-1.0:1-1.0:1-1")

static void
signed_nonsense(void **state)
{
    unsigned        i;
    chat_str_t      text;
    chat_cursor_t   got;
    unsigned char   buf[CHAT_CURSOR_MAX], mac[8];

    static const char *const  texts[] = {
        "", "1", "1.", "1.00c0ffe", "1.00c0ffeg", "2.00c0ffee",
        "1.00c0ffee.", "1.00c0ffee.3", "1.00c0ffee.3:", "1.00c0ffee.3:1",
        "1.00c0ffee.17:1-1", "1.00c0ffee.3:1-1.", "1.00c0ffee.03:1-1",
        "1.00c0ffee.3:1-1..4:1-1", "1.00c0ffee.3:1-18446744073709551616",
        "1.00C0FFEE.3:1-1",
        SEVENTEEN
    };

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {

        text.len = strlen(texts[i]);
        text.data = buf;
        memcpy(buf, texts[i], text.len);

        crypto_shorthash(mac, buf, text.len, key);
        buf[text.len++] = '.';
        text.len = chat_b64_print(buf + text.len, mac, 8) - buf;

        if (chat_cursor_parse(&text, &got, key) != CHAT_ERROR) {
            fail_msg("taken: %s", texts[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(forged),
        cmocka_unit_test(truncated),
        cmocka_unit_test(signed_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
