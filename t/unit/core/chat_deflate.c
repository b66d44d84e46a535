
/*
 * permessage-deflate: what is agreed, the examples of RFC 7692, round trips
 * of every size with and without context, bounds of memory.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "chat_deflate.h"


#define PIECE  70000


typedef struct {
    const char  *list;
    int          context;
    int          rc;
    const char  *answer;
} offer_t;

static size_t  held;
static size_t  most;
static int     fail_after;


static void *
resize(void *data, void *p, size_t old, size_t size)
{
    if (size && fail_after && --fail_after == 0) {
        return NULL;
    }

    held += size;
    held -= old;
    most = held > most ? held : most;

    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


static const chat_ws_mem_t  memory = { resize, NULL };


#define NONE  "permessage-deflate; server_no_context_takeover; "             \
              "client_no_context_takeover"

static const offer_t  offers[] = {
    { "permessage-deflate", 0, CHAT_OK, NONE },
    { "permessage-deflate", 1, CHAT_OK, "permessage-deflate" },
    { "permessage-deflate; client_max_window_bits", 0, CHAT_OK, NONE },
    { "permessage-deflate; client_max_window_bits", 1, CHAT_OK,
      "permessage-deflate; client_max_window_bits=10" },
    { "permessage-deflate; client_max_window_bits=9", 1, CHAT_OK,
      "permessage-deflate; client_max_window_bits=9" },
    { "permessage-deflate; server_max_window_bits=8", 1, CHAT_OK,
      "permessage-deflate; server_max_window_bits=8" },
    { "permessage-deflate;server_max_window_bits=15", 0, CHAT_OK,
      NONE "; server_max_window_bits=15" },
    { "permessage-deflate; server_max_window_bits=\"10\"", 1, CHAT_OK,
      "permessage-deflate; server_max_window_bits=10" },
    { "permessage-deflate; server_max_window_bits=\"1\\1\"", 1, CHAT_OK,
      "permessage-deflate; server_max_window_bits=11" },
    { "permessage-deflate; server_no_context_takeover", 1, CHAT_OK,
      "permessage-deflate; server_no_context_takeover" },
    { "permessage-deflate; client_no_context_takeover; "
      "client_max_window_bits=9", 1, CHAT_OK,
      "permessage-deflate; client_no_context_takeover" },
    { "\t permessage-deflate ;\tserver_max_window_bits = 12 ; "
      "client_no_context_takeover , x", 1, CHAT_OK,
      "permessage-deflate; client_no_context_takeover; "
      "server_max_window_bits=12" },

    /* several: the first one that can be served */
    { "x-webkit-deflate-frame, permessage-deflate", 1, CHAT_OK,
      "permessage-deflate" },
    { "permessage-deflate; server_max_window_bits=7, "
      "permessage-deflate; server_max_window_bits=9", 1, CHAT_OK,
      "permessage-deflate; server_max_window_bits=9" },
    { "permessage-deflate; server_max_window_bits=9, permessage-deflate", 1,
      CHAT_OK, "permessage-deflate; server_max_window_bits=9" },
    { ", ,permessage-deflate,", 1, CHAT_OK, "permessage-deflate" },

    /* declined */
    { "", 1, CHAT_DECLINED, NULL },
    { "x-foo; bar=\"b\\az\"", 1, CHAT_DECLINED, NULL },
    { "Permessage-Deflate", 1, CHAT_DECLINED, NULL },
    { "permessage-deflate; unknown", 1, CHAT_DECLINED, NULL },
    { "permessage-deflate; unknown=1", 1, CHAT_DECLINED, NULL },
    { "permessage-deflate; server_no_context_takeover; "
      "server_no_context_takeover", 1, CHAT_DECLINED, NULL },
    { "permessage-deflate; server_no_context_takeover=1", 1, CHAT_DECLINED,
      NULL },
    { "permessage-deflate; client_no_context_takeover=true", 1,
      CHAT_DECLINED, NULL },
    { "permessage-deflate; server_max_window_bits", 1, CHAT_DECLINED, NULL },
    { "permessage-deflate; server_max_window_bits=16", 1, CHAT_DECLINED,
      NULL },
    { "permessage-deflate; server_max_window_bits=08", 1, CHAT_DECLINED,
      NULL },
    { "permessage-deflate; server_max_window_bits=+9", 1, CHAT_DECLINED,
      NULL },
    { "permessage-deflate; server_max_window_bits=99999999999999999999999", 1,
      CHAT_DECLINED, NULL },
    { "permessage-deflate; client_max_window_bits=7", 1, CHAT_DECLINED,
      NULL },
    { "permessage-deflate; client_max_window_bits=9; "
      "client_max_window_bits=9", 1, CHAT_DECLINED, NULL },

    /* not a list of extensions, wherever that shows */
    { "permessage-deflate;", 1, CHAT_ERROR, NULL },
    { "permessage-deflate; server_max_window_bits=", 1, CHAT_ERROR, NULL },
    { "permessage-deflate; server_max_window_bits=\"9", 1, CHAT_ERROR, NULL },
    { "permessage-deflate; server_max_window_bits=\"9\\", 1, CHAT_ERROR,
      NULL },
    { "permessage-deflate; server_max_window_bits=\"\"", 1, CHAT_ERROR,
      NULL },
    { "permessage-deflate; server_max_window_bits=\"9 \"", 1, CHAT_ERROR,
      NULL },
    { "permessage-deflate, =", 1, CHAT_ERROR, NULL },
    { "permessage-deflate foo", 1, CHAT_ERROR, NULL },
    { "perm\xc3\xa9ssage", 1, CHAT_ERROR, NULL },
    { "; x", 1, CHAT_ERROR, NULL }
};


static void
test_offers(void **state)
{
    size_t                 i;
    chat_str_t             list;
    unsigned char          answer[CHAT_DEFLATE_ANSWER_MAX + 1], *end, *copy;
    chat_deflate_params_t  params;

    for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {

        /* exactly this long, so that sanitizers see overreading */

        list.len = strlen(offers[i].list);
        copy = malloc(list.len ? list.len : 1);
        memcpy(copy, offers[i].list, list.len);
        list.data = copy;

        if (chat_deflate_negotiate(&list, offers[i].context, &params)
            != offers[i].rc)
        {
            fail_msg("%s", offers[i].list);
        }

        free(copy);

        if (offers[i].rc == CHAT_OK) {
            end = chat_deflate_answer(&params, answer);
            assert_true(end - answer <= CHAT_DEFLATE_ANSWER_MAX);
            *end = '\0';
            assert_string_equal(answer, offers[i].answer);
        }
    }
}


static void
test_sizes(void **state)
{
    chat_deflate_params_t  none = { 1, 1, 15, 15, 0, 0 };
    chat_deflate_params_t  ours = { 0, 1, 15, 15, 0, 0 };
    chat_deflate_params_t  eight = { 0, 1, 8, 15, 0, 0 };

    assert_int_equal(chat_deflate_window(&none), CHAT_DEFLATE_WIDE);
    assert_int_equal(chat_deflate_context_size(&none), 0);
    assert_true(chat_deflate_context_size(&ours) > 16384);

    ours.server_bits = 11;
    assert_int_equal(chat_deflate_window(&ours), CHAT_DEFLATE_NARROW);
    assert_true(chat_deflate_context_size(&ours) < 16384);

    assert_int_equal(chat_deflate_window(&eight), 0);
    assert_int_equal(chat_deflate_context_size(&eight), 0);
}


/* RFC 7692, 7.2.3 */

#define HELLO  "\xf2\x48\xcd\xc9\xc9\x07\x00"

static void
inflates(chat_inflate_t *z, const char *bytes, size_t n, const char *text)
{
    chat_str_t  in, out;

    in.data = (unsigned char *) bytes;
    in.len = n;

    assert_int_equal(chat_inflate_message(z, &in, 1, 100, &out), CHAT_OK);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(out.data, text, out.len);

    chat_inflate_free(z, &out);
}


static void
test_examples(void **state)
{
    size_t           n;
    chat_str_t       hello = chat_string("Hello");
    unsigned char    dst[64];
    chat_deflate_t  *d;
    chat_inflate_t  *z;

    held = 0;
    z = chat_inflate_create(15, &memory);
    assert_non_null(z);

    /* 7.2.3.1, 7.2.3.2 */
    inflates(z, HELLO, 7, "Hello");
    inflates(z, "\xf2\x00\x11\x00\x00", 5, "Hello");

    /* 7.2.3.3: a block that is not compressed */
    inflates(z, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, "Hello");

    /* 7.2.3.4: the last block says so; what follows may refer to it */
    inflates(z, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, "Hello");
    inflates(z, "\xf2\x00\x11\x00\x00", 5, "Hello");

    /* 7.2.3.5: two blocks */
    inflates(z, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13,
             "Hello");

    /* 7.2.3.6: nothing */
    inflates(z, "\x00", 1, "");

    chat_inflate_destroy(z);

    /* and the other way */

    d = chat_deflate_create(CHAT_DEFLATE_WIDE, &memory);
    assert_non_null(d);

    n = chat_deflate_message(d, &hello, 1, dst, sizeof(dst));
    assert_int_equal(n, 7);
    assert_memory_equal(dst, HELLO, 7);

    n = chat_deflate_message(d, &hello, 1, dst, sizeof(dst));
    assert_int_equal(n, 5);
    assert_memory_equal(dst, "\xf2\x00\x11\x00\x00", 5);

    /* it does not get shorter: not sent, so never referred to */

    assert_int_equal(chat_deflate_message(d, &hello, 1, dst, 5), 0);
    n = chat_deflate_message(d, &hello, 0, dst, sizeof(dst));
    assert_int_equal(n, 7);

    n = chat_deflate_message(d, &hello, 1, dst, sizeof(dst));
    assert_int_equal(n, 7);

    chat_deflate_destroy(d);
    assert_int_equal(held, 0);
}


/* Thousands of blocks that say so, each empty: the window is still there. */

static void
test_last_blocks(void **state)
{
    size_t           i, n;
    chat_str_t       in, out;
    chat_inflate_t  *z;

    held = 0;
    z = chat_inflate_create(15, &memory);
    assert_non_null(z);

    in.data = malloc(7 + 2 * 30000 + 5);
    assert_non_null(in.data);

    memcpy(in.data, "\xf3\x48\xcd\xc9\xc9\x07\x00", 7);
    n = 7;

    for (i = 0; i < 30000; i++) {
        in.data[n++] = 0x03;
        in.data[n++] = 0x00;
    }

    memcpy(in.data + n, "\xf2\x00\x11\x00\x00", 5);
    in.len = n + 5;

    assert_int_equal(chat_inflate_message(z, &in, 1, 100, &out), CHAT_OK);
    assert_int_equal(out.len, 10);
    assert_memory_equal(out.data, "HelloHello", 10);
    chat_inflate_free(z, &out);

    inflates(z, "\xf2\x00\x11\x00\x00", 5, "Hello");

    chat_inflate_destroy(z);
    free(in.data);
    assert_int_equal(held, 0);
}


static void
test_broken(void **state)
{
    size_t           i;
    chat_str_t       in, out;
    chat_inflate_t  *z;

    static const struct {
        const char  *bytes;
        size_t       n;
    } broken[] = {
        { "\xf2\x48\xcd", 3 },                /* cut off */
        { "\xf2\x48\xcd\xc9\xc9\x07", 6 },
        { "", 0 },                            /* not even a block */
        { "\x07", 1 },                        /* reserved type of block */
        { "\x00\x05\x00\xfa\xfe", 5 },        /* lengths disagree */
        { "\xf2\x00\x11\x00\x00", 5 },        /* refers to what never was */
        { "\xff\xff\xff\xff", 4 },
        { "Hello", 5 }
    };

    held = 0;
    z = chat_inflate_create(15, &memory);

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        in.data = (unsigned char *) broken[i].bytes;
        in.len = broken[i].n;

        if (chat_inflate_message(z, &in, 0, 100, &out) != CHAT_ERROR) {
            fail_msg("broken message %zu", i);
        }

        chat_inflate_free(z, &out);

        /* a shared stream goes on for others */
        inflates(z, HELLO, 7, "Hello");
        (void) chat_inflate_message(z, &in, 0, 100, &out);
        chat_inflate_free(z, &out);
    }

    chat_inflate_destroy(z);
    assert_int_equal(held, 0);
}


static void
fill(unsigned char *p, size_t n, unsigned kind, uint32_t seed)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        seed = seed * 1103515245 + 12345;
        p[i] = kind == 0 ? 'a' : kind == 1 ? (char) (seed >> 16)
               : "{\"t\":\"event\",}"[(i + (seed >> 28 == 0)) % 14];
    }
}


/* Every kind of data, many sizes, both windows: what went in comes out. */

static void
test_round_trips(void **state)
{
    size_t          n, step, len;
    unsigned        kind, wide, keep;
    chat_str_t      in, out, packed;
    chat_deflate_t  *d;
    chat_inflate_t  *z;

    in.data = malloc(PIECE);
    packed.data = malloc(PIECE * 2);
    held = 0;

    for (wide = 0; wide < 2; wide++) {
        for (keep = 0; keep < 2; keep++) {
            d = chat_deflate_create(wide ? CHAT_DEFLATE_WIDE
                                         : CHAT_DEFLATE_NARROW, &memory);
            z = chat_inflate_create(wide ? CHAT_DEFLATE_WIDE
                                         : CHAT_DEFLATE_NARROW, &memory);

            for (n = 1; n <= PIECE; n += step) {
                step = n < 300 ? 1 : n / 2;

                for (kind = 0; kind < 3; kind++) {
                    fill(in.data, n, kind, n);
                    in.len = n;

                    len = chat_deflate_message(d, &in, keep, packed.data,
                                               PIECE * 2);
                    assert_true(len > 0);
                    packed.len = len;

                    assert_int_equal(chat_inflate_message(z, &packed, keep, n,
                                                          &out), CHAT_OK);
                    assert_int_equal(out.len, n);
                    assert_memory_equal(out.data, in.data, n);
                    chat_inflate_free(z, &out);
                }
            }

            chat_inflate_destroy(z);
            chat_deflate_destroy(d);
            assert_int_equal(held, 0);
        }
    }

    free(in.data);
    free(packed.data);
}


/* A kept context has what the client got, not what was only compressed. */

static void
test_forget(void **state)
{
    int              rc;
    size_t           len;
    unsigned         forget;
    chat_str_t       in, out, packed;
    unsigned char    text[400], bytes[800];
    chat_deflate_t  *d;
    chat_inflate_t  *z;

    fill(text, sizeof(text), 1, 7);
    in.data = text;
    in.len = sizeof(text);
    packed.data = bytes;
    held = 0;

    for (forget = 0; forget < 2; forget++) {
        d = chat_deflate_create(CHAT_DEFLATE_WIDE, &memory);
        z = chat_inflate_create(CHAT_DEFLATE_WIDE, &memory);

        /* the first one is lost on the way */
        assert_true(chat_deflate_message(d, &in, 1, bytes, sizeof(bytes)));

        if (forget) {
            chat_deflate_forget(d);
        }

        len = chat_deflate_message(d, &in, 1, bytes, sizeof(bytes));
        assert_true(len > 0);
        packed.len = len;

        rc = chat_inflate_message(z, &packed, 1, sizeof(text), &out);

        if (forget) {
            assert_int_equal(rc, CHAT_OK);
            assert_int_equal(out.len, sizeof(text));
            assert_memory_equal(out.data, text, sizeof(text));

        } else {
            /* it refers to the lost one: the client is out of step */
            assert_int_equal(rc, CHAT_ERROR);
        }

        chat_inflate_free(z, &out);
        chat_inflate_destroy(z);
        chat_deflate_destroy(d);
        assert_int_equal(held, 0);
    }
}


/* One byte over the bound is too much, and a bomb costs the bound. */

static void
test_bounds(void **state)
{
    size_t           max, streams;
    chat_str_t       in, out, packed;
    chat_deflate_t  *d;
    chat_inflate_t  *z;

    in.len = 16 * 1024 * 1024;
    in.data = calloc(1, in.len);
    packed.data = malloc(in.len);

    held = 0;
    d = chat_deflate_create(CHAT_DEFLATE_WIDE, &memory);
    z = chat_inflate_create(15, &memory);

    packed.len = chat_deflate_message(d, &in, 0, packed.data, in.len);
    assert_in_range(packed.len, 1, 200000);

    chat_deflate_destroy(d);

    assert_int_equal(chat_inflate_message(z, &packed, 0, in.len, &out),
                     CHAT_OK);
    assert_int_equal(out.len, in.len);
    chat_inflate_free(z, &out);

    streams = held;

    for (max = 0; max < in.len; max = max * 16 + 1) {
        most = held;
        assert_int_equal(chat_inflate_message(z, &packed, 0, max, &out),
                         CHAT_DECLINED);
        assert_true(most - streams <= max + 1);
        chat_inflate_free(z, &out);
    }

    assert_int_equal(chat_inflate_message(z, &packed, 0, in.len - 1, &out),
                     CHAT_DECLINED);
    chat_inflate_free(z, &out);

    chat_inflate_destroy(z);
    assert_int_equal(held, 0);

    free(in.data);
    free(packed.data);
}


/* What a context is counted as, it does not exceed. */

static void
test_budget(void **state)
{
    int                     context, bits;
    chat_str_t              in;
    unsigned char           dst[4096];
    chat_deflate_t         *d;
    chat_inflate_t         *z;
    chat_deflate_params_t   params;

    in.data = calloc(1, 4096);
    in.len = 4096;

    for (bits = 9; bits <= 15; bits++) {
        for (context = 1; context < 4; context++) {
            held = 0;
            most = 0;
            d = NULL;
            z = NULL;

            memset(&params, 0, sizeof(params));
            params.server_bits = bits;
            params.client_bits = bits;
            params.server_no_context = !(context & 1);
            params.client_no_context = !(context & 2);

            if (context & 1) {
                d = chat_deflate_create(chat_deflate_window(&params),
                                        &memory);
                assert_true(chat_deflate_message(d, &in, 1, dst, 4096) > 0);
            }

            if (context & 2) {
                z = chat_inflate_create(bits, &memory);
                inflates(z, HELLO, 7, "Hello");
            }

            /* without the message itself */
            assert_true(held <= chat_deflate_context_size(&params));
            assert_true(held + 4096 >= chat_deflate_context_size(&params));

            if (d) {
                chat_deflate_destroy(d);
            }

            if (z) {
                chat_inflate_destroy(z);
            }

            assert_int_equal(held, 0);
        }
    }

    free(in.data);
}


/* Whichever allocation fails, nothing leaks and nothing is believed. */

static void
test_no_memory(void **state)
{
    int              i, rc, done;
    chat_str_t       in = { 7, (unsigned char *) HELLO };
    chat_str_t       out;
    chat_deflate_t  *d;
    chat_inflate_t  *z;

    held = 0;

    for (done = 0, i = 1; !done; i++) {
        fail_after = i;
        d = chat_deflate_create(CHAT_DEFLATE_WIDE, &memory);
        z = d ? chat_inflate_create(15, &memory) : NULL;

        if (z) {
            rc = chat_inflate_message(z, &in, 0, 100, &out);
            assert_true(rc == CHAT_OK || rc == CHAT_BUSY);
            done = rc == CHAT_OK;
            chat_inflate_free(z, &out);
            chat_inflate_destroy(z);
        }

        if (d) {
            chat_deflate_destroy(d);
        }

        assert_int_equal(held, 0);
    }

    fail_after = 0;
    assert_true(i > 6);
}


/* A compressed message in any two or three fragments, with a ping between. */

static void
test_fragments(void **state)
{
    size_t           i, k, from, to, cut[3];
    chat_ws_t        ws;
    chat_str_t       in, out;
    chat_inflate_t  *z;
    unsigned char    stream[256], *end, *pos;
    chat_ws_event_t  ev;

    const unsigned char  mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    static const char    packed[] = "\xf2\x48\x05\x00\x00\x00\xff\xff\xca"
                                    "\xc9\xc9\x07\x00";

    held = 0;
    z = chat_inflate_create(15, &memory);

    for (i = 0; i < 14 * 14; i++) {
        cut[0] = i % 14;
        cut[1] = cut[0] > i / 14 ? cut[0] : i / 14;
        cut[2] = sizeof(packed) - 1;

        if (cut[1] > cut[2]) {
            cut[1] = cut[2];
        }

        chat_ws_init(&ws, 100, &memory);
        ws.allow_rsv1 = 1;
        end = stream;

        for (k = 0, from = 0; k < 3; k++, from = to) {
            to = cut[k];
            pos = chat_ws_header_masked(end, k ? 0 : CHAT_WS_TEXT, k == 0,
                                        to - from, mask);
            end[0] = (end[0] & 0x7f) | (k == 2 ? 0x80 : 0);
            memcpy(pos, packed + from, to - from);
            chat_ws_mask(pos, to - from, mask, 0);
            end = pos + (to - from);

            if (k < 2) {
                end = chat_ws_header_masked(end, CHAT_WS_PING, 0, 0, mask);
            }
        }

        pos = stream;
        assert_int_equal(chat_ws_feed(&ws, &pos, end, &ev), CHAT_OK);
        assert_int_equal(ev.opcode, CHAT_WS_PING);
        assert_int_equal(chat_ws_feed(&ws, &pos, end, &ev), CHAT_OK);
        assert_int_equal(chat_ws_feed(&ws, &pos, end, &ev), CHAT_OK);
        assert_int_equal(ev.opcode, CHAT_WS_TEXT);
        assert_true(ev.compressed);

        in = ev.data;
        assert_int_equal(chat_inflate_message(z, &in, 0, 5, &out), CHAT_OK);
        assert_int_equal(out.len, 5);
        assert_memory_equal(out.data, "Hello", 5);

        chat_inflate_free(z, &out);
        chat_ws_done(&ws);
    }

    chat_inflate_destroy(z);
    assert_int_equal(held, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_offers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_last_blocks),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_fragments)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
