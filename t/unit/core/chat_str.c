
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat_str.h"


static chat_str_t
str(const char *text)
{
    chat_str_t  s = { strlen(text), (unsigned char *) text };

    return s;
}


static void
assert_text(const unsigned char *from, const unsigned char *to,
    const char *text)
{
    assert_int_equal(to - from, strlen(text));
    assert_memory_equal(from, text, strlen(text));
}


static void
test_equal(void **state)
{
    size_t      i, j;
    chat_str_t  a, b;
    static const char *const  texts[] = { "", "a", "b", "ab", "aB", "abc" };

    for (i = 0; i < 6; i++) {
        for (j = 0; j < 6; j++) {
            a = str(texts[i]);
            b = str(texts[j]);

            assert_int_equal(chat_str_eq(&a, &b), i == j);
            assert_int_equal(chat_str_eq_secret(&a, &b), i == j);
            assert_int_equal(chat_str_eq_c(&a, texts[j]), i == j);
        }
    }

    a = (chat_str_t) chat_null_string;
    b = str("");

    assert_true(chat_str_eq(&a, &b));
    assert_true(chat_str_eq(&a, &a));
    assert_true(chat_str_eq_secret(&a, &b));
    assert_true(chat_str_eq_c(&a, ""));
}


static void
test_u64(void **state)
{
    size_t         i;
    uint64_t       v;
    chat_str_t     s;
    unsigned char  buf[20];
    static const struct {
        const char  *text;
        uint64_t     v;
    } good[] = {
        { "0", 0 }, { "1", 1 }, { "9", 9 }, { "10", 10 },
        { "4294967296", 4294967296 },
        { "18446744073709551609", UINT64_MAX - 6 },
        { "18446744073709551610", UINT64_MAX - 5 },
        { "18446744073709551615", UINT64_MAX },
    };
    static const char *const  bad[] = {
        "", "-", "-1", "+1", " 1", "1 ", "00", "01", "1a", "0x1", "1.0",
        "18446744073709551616", "18446744073709551620",
        "28446744073709551615", "99999999999999999999",
        "100000000000000000000", "/", ":"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = str(good[i].text);
        v = 77;
        assert_int_equal(chat_str_u64(&s, &v), CHAT_OK);
        assert_true(v == good[i].v);
        assert_text(buf, chat_u64_print(buf, v), good[i].text);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        v = 77;
        assert_int_equal(chat_str_u64(&s, &v), CHAT_ERROR);
        assert_true(v == 77);
    }

    s = (chat_str_t) chat_null_string;
    assert_int_equal(chat_str_u64(&s, &v), CHAT_ERROR);
}


static void
test_id(void **state)
{
    size_t         i;
    chat_id_t      id;
    chat_str_t     s;
    unsigned char  buf[41];
    static const struct {
        const char  *text;
        chat_id_t    id;
    } good[] = {
        { "0-0", { 0, 0 } },
        { "1-2", { 1, 2 } },
        { "1700000000000-15", { 1700000000000, 15 } },
        { "18446744073709551615-18446744073709551615",
          { UINT64_MAX, UINT64_MAX } },
    };
    static const char *const  bad[] = {
        "", "-", "1", "1-", "-1", "1--2", "1-2-3", "01-2", "1-02", "1- 2",
        "1-18446744073709551616"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = str(good[i].text);
        assert_int_equal(chat_id_parse(&s, &id), CHAT_OK);
        assert_int_equal(chat_id_cmp(&id, &good[i].id), 0);
        assert_text(buf, chat_id_print(buf, &id), good[i].text);
    }

    /* the table is in order */

    for (i = 1; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(chat_id_cmp(&good[i - 1].id, &good[i].id), -1);
        assert_int_equal(chat_id_cmp(&good[i].id, &good[i - 1].id), 1);
    }

    id.ms = 5;
    id.seq = 6;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        assert_int_equal(chat_id_parse(&s, &id), CHAT_ERROR);
        assert_true(id.ms == 5 && id.seq == 6);
    }

    s = (chat_str_t) chat_null_string;
    assert_int_equal(chat_id_parse(&s, &id), CHAT_ERROR);

    assert_int_equal(chat_id_cmp(&(chat_id_t) { 7, 1 },
                                 &(chat_id_t) { 7, 2 }), -1);
}


static void
test_hex(void **state)
{
    size_t         i;
    chat_str_t     s;
    unsigned char  buf[8], out[4];
    static const unsigned char  bytes[4] = { 0x00, 0x9f, 0xa0, 0xff };
    static const char *const    bad[] = {
        "", "009fa0f", "009fa0fff", "009fA0ff", "009fg0ff", "009f 0ff",
        "/09fa0ff", ":09fa0ff", "`09fa0ff"
    };

    assert_text(buf, chat_hex_print(buf, bytes, 4), "009fa0ff");

    s = str("009fa0ff");
    assert_int_equal(chat_hex_parse(&s, out, 4), CHAT_OK);
    assert_memory_equal(out, bytes, 4);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        assert_int_equal(chat_hex_parse(&s, out, 4), CHAT_ERROR);
    }

    assert_int_equal(chat_hex_parse(&s, out, SIZE_MAX), CHAT_ERROR);
}


static void
test_base64(void **state)
{
    size_t         i, n;
    chat_str_t     s;
    unsigned char  buf[44], out[32], bytes[32];
    static const struct {
        const char  *bytes;
        const char  *text;
    } rfc[] = {                       /* RFC 4648, 10, without padding */
        { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg" }, { "fooba", "Zm9vYmE" },
        { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "-_-_" },
    };
    static const char *const  bad[] = {
        "", "Z", "Zg=", "Zg==", "Zh", "Z+", "Z/", "Z ", "Zgg", "Z[", "Z@",
        "Z`", "Z{"
    };

    for (i = 0; i < sizeof(rfc) / sizeof(rfc[0]); i++) {
        n = strlen(rfc[i].bytes);
        assert_int_equal(chat_b64_len(n), strlen(rfc[i].text));
        assert_text(buf, chat_b64_print(buf, rfc[i].bytes, n), rfc[i].text);

        s = str(rfc[i].text);
        assert_int_equal(chat_b64_parse(&s, out, n), CHAT_OK);
        assert_memory_equal(out, rfc[i].bytes, n);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        assert_int_equal(chat_b64_parse(&s, out, 1), CHAT_ERROR);
    }

    /* every byte in every place */

    for (i = 0; i < 256; i++) {
        for (n = 0; n <= 32; n++) {
            memset(bytes, (int) i, n);
            s.data = buf;
            s.len = (size_t) (chat_b64_print(buf, bytes, n) - buf);
            assert_int_equal(s.len, chat_b64_len(n));
            assert_int_equal(chat_b64_parse(&s, out, n), CHAT_OK);
            assert_memory_equal(out, bytes, n);
        }
    }
}


/* RFC 3629: encodes a code point as the text says, not as we do. */

static size_t
encode(unsigned char *p, uint32_t c, size_t n)
{
    size_t  i;
    static const unsigned char  lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    if (n == 1) {
        p[0] = (unsigned char) c;
        return 1;
    }

    for (i = n - 1; i > 0; i--) {
        p[i] = (unsigned char) (0x80 | (c & 0x3f));
        c >>= 6;
    }

    p[0] = (unsigned char) (lead[n] | c);

    return n;
}


/* Bytes are counted eight at a time. */

static void
test_utf8_counts(void **state)
{
    size_t         i, n;
    int64_t        points;
    chat_str_t     s;
    unsigned char  buf[80];

    static const uint32_t  c[] = { 'a', 0x436, 0x20ac, 0x1f600 };

    for (n = 0; n < 1000; n++) {
        s.data = buf;
        s.len = 0;
        points = 0;

        /* of every kind in another order each time */

        for (i = n; s.len < sizeof(buf) - 4 && i; i /= 2) {
            s.len += encode(buf + s.len, c[i % 4], i % 4 + 1);
            points++;
        }

        assert_int_equal(chat_utf8_length(&s), points);
    }
}


static void
test_utf8_points(void **state)
{
    size_t         n, need;
    uint32_t       c;
    chat_str_t     s;
    unsigned char  buf[4];

    for (c = 0; c < 0x200000; c++) {
        need = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

        for (n = need; n <= 4; n++) {
            s.data = buf;
            s.len = encode(buf, c, n);

            /* the shortest form, no surrogate, not beyond the end */

            assert_int_equal(chat_utf8_length(&s),
                             n == need && (c < 0xd800 || c > 0xdfff)
                             && c <= 0x10ffff ? 1 : -1);
        }
    }
}


static void
test_utf8_texts(void **state)
{
    size_t      i, cut;
    uint32_t    st;
    chat_str_t  s;
    static const struct {
        const char  *text;
        int          n;
    } cases[] = {
        { "", 0 }, { "abc", 3 }, { "\xd0\x96\xd1\x83\xd0\xba", 3 },
        { "a\xf0\x9f\x98\x80z", 3 }, { "\x80", -1 }, { "\xff", -1 },
        { "\xfe", -1 }, { "a\xc2", -1 }, { "\xe2\x82", -1 },
        { "\xe2\x28\xa1", -1 }, { "\xf0\x9f\x98", -1 }, { "\xc0\x80", -1 },
        { "\xc3\xc3\xa4", -1 }, { "\xf5\x80\x80\x80", -1 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);
        assert_int_equal(chat_utf8_length(&s), cases[i].n);

        /* any split of the text says the same */

        for (cut = 0; cut <= s.len; cut++) {
            st = CHAT_UTF8_ACCEPT;

            if (chat_utf8_feed(&st, s.data, cut) == CHAT_OK
                && chat_utf8_feed(&st, s.data + cut, s.len - cut) == CHAT_OK
                && st == CHAT_UTF8_ACCEPT)
            {
                assert_true(cases[i].n >= 0);

            } else {
                assert_int_equal(cases[i].n, -1);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_id),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_utf8_counts),
        cmocka_unit_test(test_utf8_points),
        cmocka_unit_test(test_utf8_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
