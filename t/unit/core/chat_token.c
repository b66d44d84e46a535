
/*
 * Visitor tokens: what was signed is believed, nothing else.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "chat_token.h"
#include "chat_str.h"


#define NOW  1700000000

static chat_keys_t    keys;
static chat_token_t   token;
static unsigned char  text[CHAT_TOKEN_MAX];


static int
setup(void **state)
{
    unsigned  i;

    keys.n = 2;
    keys.keys[0].kid = 12;
    keys.keys[1].kid = 11;

    for (i = 0; i < CHAT_KEY_BYTES; i++) {
        keys.keys[0].key[i] = i;
        keys.keys[1].key[i] = 255 - i;
    }

    token.site = 7;
    memcpy(token.visitor, "AAECAwQFBgcICQoLDA0ODw", CHAT_VISITOR_LEN);
    token.issued = NOW;
    token.expires = NOW + 3600;

    return 0;
}


static chat_str_t
print(void)
{
    chat_str_t  s;

    s.data = text;
    s.len = chat_token_print(text, &token, &keys) - text;

    return s;
}


static int
verify(const chat_str_t *s, uint64_t site, uint64_t now)
{
    chat_token_t  t;

    return chat_token_verify(s, site, now, &keys, &t);
}


static void
round_trip(void **state)
{
    chat_str_t    s = print();
    chat_token_t  t;

    assert_memory_equal(s.data, "v1.12.7.AAECAwQFBgcICQoLDA0ODw.1700000000.",
                        42);
    assert_int_equal(chat_token_verify(&s, 7, NOW, &keys, &t), CHAT_OK);
    assert_int_equal(t.site, 7);
    assert_memory_equal(t.visitor, token.visitor, CHAT_VISITOR_LEN);
    assert_int_equal(t.issued, NOW);
    assert_int_equal(t.expires, NOW + 3600);
}


static void
expiry(void **state)
{
    chat_str_t  s = print();

    assert_int_equal(verify(&s, 7, NOW + 3599), CHAT_OK);
    assert_int_equal(verify(&s, 7, NOW + 3600), CHAT_DECLINED);
}


static void
another_site(void **state)
{
    chat_str_t      s = print();
    unsigned char  *p;

    assert_int_equal(verify(&s, 8, NOW), CHAT_DECLINED);

    /* the site is signed: changing it in the text is a forgery */

    p = memchr(text, '7', s.len);
    *p = '8';
    assert_int_equal(verify(&s, 8, NOW), CHAT_ERROR);
}


static void
keys_change(void **state)
{
    chat_str_t  s = print();

    /* a new key signs; the old one verifies until it is retired */

    keys.keys[1] = keys.keys[0];
    keys.keys[0].kid = 13;
    keys.keys[0].key[0] ^= 1;
    assert_int_equal(verify(&s, 7, NOW), CHAT_OK);

    keys.n = 1;
    assert_int_equal(verify(&s, 7, NOW), CHAT_DECLINED);

    /* the number of a key, but not its bytes */

    keys.keys[0].kid = 12;
    assert_int_equal(verify(&s, 7, NOW), CHAT_ERROR);
}


static void
every_bit_counts(void **state)
{
    size_t         i;
    unsigned       bit;
    chat_str_t     s = print();

    for (i = 0; i < s.len; i++) {
        for (bit = 0; bit < 8; bit++) {
            text[i] ^= 1 << bit;
            assert_int_not_equal(verify(&s, 7, NOW), CHAT_OK);
            text[i] ^= 1 << bit;
        }
    }

    assert_int_equal(verify(&s, 7, NOW), CHAT_OK);

    for (i = 0; i < s.len; i++) {
        chat_str_t  cut = { i, text };

        assert_int_equal(verify(&cut, 7, NOW), CHAT_ERROR);
    }
}


static void
not_a_token(void **state)
{
    size_t            i;
    const chat_str_t  bad[] = {
        chat_string(""), chat_string("."), chat_string("......"),
        chat_string("v1.12.7.AAECAwQFBgcICQoLDA0ODw.1.2"),
        chat_string("v2.12.7.AAECAwQFBgcICQoLDA0ODw.1.9999999999."
                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        chat_string("v1.12.7.AAECAwQFBgcICQoLDA0ODw.1.9999999999."
                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        chat_string("v1.12.7.AAECAwQFBgcICQoLDA0ODw.1.9999999999.."
                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        chat_string("v1.012.7.AAECAwQFBgcICQoLDA0ODw.1.9999999999."
                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(verify(&bad[i], 7, NOW), CHAT_ERROR);
    }
}


static void
longest(void **state)
{
    chat_str_t  s;

    keys.keys[0].kid = UINT32_MAX;
    token.site = UINT64_MAX;
    token.issued = UINT64_MAX;
    token.expires = UINT64_MAX;

    s = print();
    assert_in_range(s.len, 1, CHAT_TOKEN_MAX);
    assert_int_equal(verify(&s, UINT64_MAX, NOW), CHAT_OK);
}


static void
ids(void **state)
{
    chat_str_t           s;
    unsigned char        v[CHAT_VISITOR_LEN], d[CHAT_DIALOG_LEN];
    const unsigned char  rnd[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                     13, 14, 15 };

    chat_visitor_print(v, rnd);
    assert_memory_equal(v, "AAECAwQFBgcICQoLDA0ODw", CHAT_VISITOR_LEN);
    s.data = v;
    s.len = CHAT_VISITOR_LEN;
    assert_true(chat_visitor_valid(&s));
    s.len--;
    assert_false(chat_visitor_valid(&s));
    s.len++;
    v[3] = '+';
    assert_false(chat_visitor_valid(&s));

    /* 1700000000000 << 22 | 0x3fffff */

    chat_dialog_id_print(d, UINT64_C(1700000000000), UINT32_MAX);
    assert_memory_equal(d, "62f3f95a003fffff", CHAT_DIALOG_LEN);
    s.data = d;
    s.len = CHAT_DIALOG_LEN;
    assert_true(chat_dialog_id_valid(&s));
    s.len--;
    assert_false(chat_dialog_id_valid(&s));
    s.len++;
    d[0] = 'A';
    assert_false(chat_dialog_id_valid(&s));
}


static void
instances(void **state)
{
    size_t            i;
    const chat_str_t  good[] = {
        chat_string("k3J9aPq1"),
        chat_string("abcdefgh-_0123456789ABCDEFGHIJKL")
    };
    const chat_str_t  bad[] = {
        chat_string(""), chat_string("k3J9aPq"), chat_string("k3J9 aPq1"),
        chat_string("k3J9aPq:"), chat_string("k3J9aP\xd0\xb6"),
        chat_string("abcdefgh-_0123456789ABCDEFGHIJKLM")
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(chat_instance_valid(&good[i]));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(chat_instance_valid(&bad[i]));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
#define unit(t)  cmocka_unit_test_setup(t, setup)
        unit(round_trip),
        unit(expiry),
        unit(another_site),
        unit(keys_change),
        unit(every_bit_counts),
        unit(not_a_token),
        unit(longest),
        unit(ids),
        unit(instances),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
