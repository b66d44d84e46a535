
/*
 * The WebSocket parser: any split of a stream gives the same events, and each
 * rule of RFC 6455 has its refusal.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "chat_ws.h"


#define MESSAGE_MAX  70000
#define STREAM_MAX   400000
#define LOG_MAX      4000


/* Frames under construction, as a client sends them. */
typedef struct {
    size_t          len;
    unsigned char   data[STREAM_MAX];
} stream_t;

/* What a parser made of a stream, as text. */
typedef struct {
    size_t          len;
    char            text[LOG_MAX];
} events_t;

static size_t  held;            /* bytes the parser's memory holds now */
static size_t  held_most;
static int     fail_after;      /* calls of resize() until one fails; 0: off */


static void *
resize(void *data, void *p, size_t old, size_t size)
{
    if (size && fail_after && --fail_after == 0) {
        return NULL;
    }

    held += size;
    held -= old;
    held_most = held > held_most ? held : held_most;

    if (size == 0) {
        free(p);
        return NULL;
    }

    return realloc(p, size);
}


static const chat_ws_mem_t  memory = { resize, NULL };


static void
put(stream_t *s, const void *p, size_t n)
{
    assert_true(s->len + n <= STREAM_MAX);
    memcpy(s->data + s->len, p, n);
    s->len += n;
}


/* One frame; first = FIN, RSV and opcode bits. */

static void
frame(stream_t *s, unsigned first, const void *payload, size_t n)
{
    size_t               start;
    unsigned char        h[14], *end;
    const unsigned char  mask[4] = { 0x37, 0xfa, 0x21, 0x3d };

    end = chat_ws_header_masked(h, 0, 0, n, mask);
    h[0] = first;
    put(s, h, end - h);

    start = s->len;
    put(s, payload, n);
    chat_ws_mask(s->data + start, n, mask, 0);
}


static void
text_frame(stream_t *s, unsigned first, const char *text)
{
    frame(s, first, text, strlen(text));
}


static uint32_t
digest(const unsigned char *p, size_t n)
{
    size_t    i;
    uint32_t  h = 2166136261u;

    for (i = 0; i < n; i++) {
        h = (h ^ p[i]) * 16777619u;
    }

    return h;
}


static void
record(events_t *out, int rc, const chat_ws_event_t *ev)
{
    int  n;

    n = snprintf(out->text + out->len, LOG_MAX - out->len,
                 "%s%s%x %u %zu:%08x\n", rc == CHAT_ERROR ? "FAIL " : "",
                 ev->compressed ? "z" : "", ev->opcode, ev->code,
                 ev->data.len, digest(ev->data.data, ev->data.len));
    out->len += n;
    assert_true(out->len < LOG_MAX);
}


/* Feeds one piece; 0 = the connection has failed. */

static int
feed(chat_ws_t *ws, const unsigned char *p, size_t n, events_t *out)
{
    int              rc;
    unsigned char   *piece, *pos;
    chat_ws_event_t  ev;

    /* a buffer of exactly this size, so that sanitizers see overreading */

    piece = malloc(n ? n : 1);
    memcpy(piece, p, n);
    pos = piece;

    do {
        rc = chat_ws_feed(ws, &pos, piece + n, &ev);

        if (rc == CHAT_OK || rc == CHAT_ERROR) {
            record(out, rc, &ev);
        }

    } while (rc == CHAT_OK);

    if (rc != CHAT_ERROR) {
        assert_ptr_equal(pos, piece + n);
    }

    free(piece);

    return rc != CHAT_ERROR;
}


/* The events of a stream cut every `step` bytes, the first time at `at`. */

static void
run(const stream_t *s, size_t at, size_t step, events_t *out,
    void (*setup)(chat_ws_t *ws))
{
    size_t     i, n;
    chat_ws_t  ws;

    out->len = 0;
    out->text[0] = '\0';
    held = 0;
    held_most = 0;

    chat_ws_init(&ws, MESSAGE_MAX, &memory);

    if (setup) {
        setup(&ws);
    }

    for (i = 0; i < s->len; i += n) {
        n = i ? step : at;
        n = n > s->len - i ? s->len - i : n;

        if (!feed(&ws, s->data + i, n, out)) {
            break;
        }
    }

    chat_ws_done(&ws);
    assert_int_equal(held, 0);
}


static void
any_split(const stream_t *s, const char *expected,
    void (*setup)(chat_ws_t *ws))
{
    size_t    at, stride;
    events_t  whole, split;

    run(s, s->len, s->len, &whole, setup);

    if (expected) {
        assert_string_equal(whole.text, expected);
    }

    stride = s->len / 150 + 1;

    for (at = 1; at < s->len; at += stride) {
        run(s, at, s->len, &split, setup);
        assert_string_equal(split.text, whole.text);
    }

    for (at = 1; at < 20; at++) {
        run(s, at, at, &split, setup);
        assert_string_equal(split.text, whole.text);
    }
}


/* The outcome of a stream that must be refused with a code. */

static void
refused_with(const stream_t *s, unsigned code, void (*setup)(chat_ws_t *ws))
{
    char      tail[32];
    events_t  out;

    any_split(s, NULL, setup);
    run(s, s->len, s->len, &out, setup);

    snprintf(tail, sizeof(tail), "FAIL 8 %u ", code);
    assert_non_null(strstr(out.text, tail));
}


static void
as_client(chat_ws_t *ws)
{
    ws->client = 1;
}


static void
with_rsv1(chat_ws_t *ws)
{
    ws->allow_rsv1 = 1;
}


static void
three_fragments(chat_ws_t *ws)
{
    ws->fragments_max = 3;
}


static stream_t *
fresh(void)
{
    static stream_t  s;

    s.len = 0;

    return &s;
}


static char *
event_line(char *p, int opcode, unsigned code, const void *data, size_t n)
{
    return p + sprintf(p, "%x %u %zu:%08x\n", opcode, code, n,
                       digest(data, n));
}


static void
messages_and_controls(void **state)
{
    char             expected[LOG_MAX], *p;
    stream_t        *s;
    unsigned char    big[66000], close[] = "\x03\xe8" "bye";

    memset(big, 'x', sizeof(big));
    s = fresh();
    p = expected;

    text_frame(s, 0x81, "Привет 😀");
    p = event_line(p, 1, 0, "Привет 😀", strlen("Привет 😀"));

    text_frame(s, 0x81, "");
    p = event_line(p, 1, 0, "", 0);

    frame(s, 0x82, big, 126);
    p = event_line(p, 2, 0, big, 126);

    text_frame(s, 0x89, "are you there");
    p = event_line(p, 9, 0, "are you there", 13);

    /* controls between fragments, UTF-8 split inside a character */

    frame(s, 0x01, "\xd0\x9f\xd1", 3);
    text_frame(s, 0x8a, "pong");
    p = event_line(p, 10, 0, "pong", 4);
    frame(s, 0x00, "\x80\xf0\x9f", 3);
    frame(s, 0x00, "", 0);
    frame(s, 0x89, "", 0);
    p = event_line(p, 9, 0, "", 0);
    frame(s, 0x80, "\x98\x80", 2);
    p = event_line(p, 1, 0, "\xd0\x9f\xd1\x80\xf0\x9f\x98\x80", 8);

    frame(s, 0x82, big, 65536);
    p = event_line(p, 2, 0, big, 65536);

    frame(s, 0x88, close, 5);
    p = event_line(p, 8, 1000, "bye", 3);

    text_frame(s, 0x81, "after close: ignored");

    any_split(s, expected, NULL);
}


static void
frames_to_a_client(void **state)
{
    char            expected[200], *p;
    stream_t       *s;
    unsigned char   h[10], big[300];

    s = fresh();
    p = expected;
    memset(big, 'y', sizeof(big));

    put(s, h, chat_ws_header(h, CHAT_WS_TEXT, 0, 2) - h);
    put(s, "ok", 2);
    p = event_line(p, 1, 0, "ok", 2);

    put(s, h, chat_ws_header(h, CHAT_WS_BINARY, 0, 300) - h);
    put(s, big, 300);
    p = event_line(p, 2, 0, big, 300);

    any_split(s, expected, as_client);

    text_frame(s, 0x81, "masked");
    refused_with(s, 1002, as_client);
}


static void
close_frames(void **state)
{
    size_t                i;
    char                  expected[100];
    stream_t             *s;
    unsigned char         code[2];
    static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009,
                                     1010, 1011, 1012, 1013, 1014, 3000,
                                     3999, 4000, 4001, 4008, 4999 };
    static const unsigned bad[] = { 0, 1, 999, 1004, 1005, 1006, 1015, 1016,
                                    1100, 2000, 2999, 5000, 65535 };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = fresh();
        code[0] = good[i] >> 8;
        code[1] = good[i] & 0xff;
        frame(s, 0x88, code, 2);
        event_line(expected, 8, good[i], "", 0);
        any_split(s, expected, NULL);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = fresh();
        code[0] = bad[i] >> 8;
        code[1] = bad[i] & 0xff;
        frame(s, 0x88, code, 2);
        refused_with(s, 1002, NULL);
    }

    s = fresh();
    frame(s, 0x88, "", 0);
    event_line(expected, 8, CHAT_WS_NO_STATUS, "", 0);
    any_split(s, expected, NULL);

    s = fresh();
    frame(s, 0x88, "\x03", 1);
    refused_with(s, 1002, NULL);

    s = fresh();
    frame(s, 0x88, "\x03\xe8\xff", 3);
    refused_with(s, 1007, NULL);

    s = fresh();
    frame(s, 0x88, "\x03\xe8\xd0", 3);
    refused_with(s, 1007, NULL);
}


static void
after_close(void **state)
{
    stream_t        *s;
    chat_ws_t        ws;
    unsigned char   *pos;
    chat_ws_event_t  ev;

    s = fresh();
    frame(s, 0x88, "", 0);
    put(s, "\xff\xff\xff", 3);

    chat_ws_init(&ws, MESSAGE_MAX, &memory);
    pos = s->data;

    assert_int_equal(chat_ws_feed(&ws, &pos, s->data + s->len, &ev), CHAT_OK);
    assert_int_equal(ev.opcode, CHAT_WS_CLOSE);
    assert_int_equal(chat_ws_feed(&ws, &pos, s->data + s->len, &ev),
                     CHAT_DONE);
    assert_ptr_equal(pos, s->data + s->len);
}


static void
protocol_errors(void **state)
{
    unsigned   op, first;
    stream_t  *s;

    /* reserved bits and opcodes */

    for (first = 0x80; first < 0x100; first++) {
        op = first & 0x0f;

        if (first < 0x90 && (op == 1 || op == 2 || op >= 8) && op <= 10) {
            continue;
        }

        s = fresh();
        frame(s, first, "ab", 2);
        refused_with(s, 1002, NULL);
    }

    /* fragmented control frame, control frame too long */

    s = fresh();
    frame(s, 0x09, "", 0);
    refused_with(s, 1002, NULL);

    s = fresh();
    put(s, "\x89\xfe\x00\x7e\0\0\0\0", 8);
    refused_with(s, 1002, NULL);

    /* unmasked */

    s = fresh();
    put(s, "\x81\x02hi", 4);
    refused_with(s, 1002, NULL);

    /* continuation of nothing; a message inside a message */

    s = fresh();
    text_frame(s, 0x80, "?");
    refused_with(s, 1002, NULL);

    s = fresh();
    text_frame(s, 0x01, "one");
    text_frame(s, 0x81, "two");
    refused_with(s, 1002, NULL);

    /* lengths that are not minimal, and one with the highest bit */

    s = fresh();
    put(s, "\x81\xfe\x00\x7d\0\0\0\0", 8);
    refused_with(s, 1002, NULL);

    s = fresh();
    put(s, "\x81\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14);
    refused_with(s, 1002, NULL);

    s = fresh();
    put(s, "\x81\xff\x80\0\0\0\0\x01\0\0\0\0\0\0", 14);
    refused_with(s, 1002, NULL);
}


static void
bad_utf8(void **state)
{
    size_t             i;
    stream_t          *s;
    static const char *bad[] = {
        "\xff", "abc\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xd0", "\xe2\x82", "\xf0\x9f\x98", "\xd0\xd0"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        s = fresh();
        text_frame(s, 0x81, bad[i]);
        refused_with(s, 1007, NULL);

        s = fresh();
        text_frame(s, 0x01, "good");
        text_frame(s, 0x80, bad[i]);
        refused_with(s, 1007, NULL);

        /* binary may be anything */

        s = fresh();
        text_frame(s, 0x82, bad[i]);
        any_split(s, NULL, NULL);
    }

    /* it fails at the bad byte, not at the end of the message */

    {
        events_t  out;

        s = fresh();
        text_frame(s, 0x01, "\xff");
        s->len = 7;
        run(s, 7, 7, &out, NULL);
        assert_non_null(strstr(out.text, "FAIL 8 1007"));
    }
}


static void
bounds(void **state)
{
    size_t          i;
    stream_t       *s;
    unsigned char   big[MESSAGE_MAX + 1];
    events_t        out;

    memset(big, 'b', sizeof(big));

    s = fresh();
    frame(s, 0x82, big, MESSAGE_MAX);
    any_split(s, NULL, NULL);

    s = fresh();
    frame(s, 0x82, big, MESSAGE_MAX + 1);
    refused_with(s, 1009, NULL);

    s = fresh();
    frame(s, 0x02, big, MESSAGE_MAX);
    frame(s, 0x80, big, 1);
    refused_with(s, 1009, NULL);

    /* fragments */

    s = fresh();
    frame(s, 0x02, big, 1);
    frame(s, 0x00, big, 1);
    frame(s, 0x80, big, 1);
    any_split(s, NULL, three_fragments);

    s = fresh();
    frame(s, 0x02, big, 0);

    for (i = 0; i < 3; i++) {
        frame(s, 0x00, big, 0);
    }

    refused_with(s, 1009, three_fragments);

    /* a claim of 2^62 bytes, and of the greatest message, holds nothing */

    s = fresh();
    put(s, "\x82\xff\x40\0\0\0\0\0\0\0\x01\x02\x03\x04", 14);
    refused_with(s, 1009, NULL);

    s = fresh();
    frame(s, 0x82, big, MESSAGE_MAX);
    s->len = 14 + 10;
    run(s, s->len, s->len, &out, NULL);
    assert_string_equal(out.text, "");
    assert_in_range(held_most, 10, 512);
}


static void
compressed_messages(void **state)
{
    stream_t  *s;
    events_t   out;

    s = fresh();
    frame(s, 0xc1, "\xff\xfe", 2);          /* UTF-8 is the inflater's job */
    frame(s, 0x41, "\xff", 1);
    frame(s, 0x80, "\xfe", 1);
    any_split(s, NULL, with_rsv1);
    run(s, s->len, s->len, &out, with_rsv1);
    assert_non_null(strstr(out.text, "z1 0 2:"));

    s = fresh();
    frame(s, 0x41, "a", 1);
    frame(s, 0xc0, "b", 1);                 /* RSV1 on a continuation */
    refused_with(s, 1002, with_rsv1);

    s = fresh();
    frame(s, 0xc9, "", 0);                  /* and on a control frame */
    refused_with(s, 1002, with_rsv1);

    s = fresh();
    frame(s, 0xc1, "a", 1);                 /* not negotiated */
    refused_with(s, 1002, NULL);
}


static void
whole_message_is_not_copied(void **state)
{
    stream_t        *s;
    chat_ws_t        ws;
    unsigned char   *pos;
    chat_ws_event_t  ev;

    s = fresh();
    text_frame(s, 0x81, "in place");
    held_most = 0;

    chat_ws_init(&ws, MESSAGE_MAX, &memory);
    pos = s->data;

    assert_int_equal(chat_ws_feed(&ws, &pos, s->data + s->len, &ev), CHAT_OK);
    assert_ptr_equal(ev.data.data, s->data + 6);
    assert_memory_equal(ev.data.data, "in place", 8);
    assert_int_equal(held_most, 0);
    assert_true(sizeof(chat_ws_t) <= 96);
}


static void
out_of_memory(void **state)
{
    int        i;
    stream_t  *s;
    events_t   out;

    for (i = 1; i < 4; i++) {
        s = fresh();
        text_frame(s, 0x01, "one");
        text_frame(s, 0x89, "ping");
        text_frame(s, 0x80, "two");

        fail_after = i;
        run(s, 3, 3, &out, NULL);

        if (fail_after == 0) {
            assert_non_null(strstr(out.text, "FAIL 8 1011"));
        }

        fail_after = 0;
    }
}


static void
masking(void **state)
{
    size_t              i, n, offset;
    unsigned char       a[80], b[80];
    const unsigned char mask[4] = { 1, 20, 77, 200 };

    for (offset = 0; offset < 9; offset++) {
        for (n = 0; n < 70; n++) {

            for (i = 0; i < sizeof(a); i++) {
                a[i] = i * 7;
                b[i] = i * 7 ^ (i < n ? mask[(offset + i) & 3] : 0);
            }

            chat_ws_mask(a, n, mask, offset);
            assert_memory_equal(a, b, sizeof(a));
        }
    }
}


/* Word-wise it is about 0.1 ns a byte; the bound is for shared machines. */

static void
masking_speed(void **state)
{
    int                  i;
    double               ns;
    unsigned char       *p;
    struct timespec      from, to;
    const size_t         size = 1 << 20;
    const unsigned char  mask[4] = { 1, 2, 3, 4 };

    p = calloc(1, size);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);

    for (i = 0; i < 64; i++) {
        chat_ws_mask(p, size, mask, i);
    }

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    free(p);

    ns = (to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec);
    print_message("unmasking: %.3f ns/byte\n", ns / (64.0 * size));

    assert_true(ns / (64.0 * size) < 2);
}


static void
headers(void **state)
{
    unsigned char       h[14];
    const unsigned char mask[4] = { 9, 8, 7, 6 };

    assert_int_equal(chat_ws_header(h, 1, 0, 125) - h, 2);
    assert_memory_equal(h, "\x81\x7d", 2);
    assert_int_equal(chat_ws_header(h, 2, 1, 126) - h, 4);
    assert_memory_equal(h, "\xc2\x7e\x00\x7e", 4);
    assert_int_equal(chat_ws_header(h, 1, 0, 65535) - h, 4);
    assert_int_equal(chat_ws_header(h, 1, 0, 65536) - h, 10);
    assert_memory_equal(h, "\x81\x7f\0\0\0\0\0\x01\0\0", 10);
    assert_int_equal(chat_ws_header_masked(h, 1, 0, 65536, mask) - h, 14);
    assert_memory_equal(h, "\x81\xff\0\0\0\0\0\x01\0\0\x09\x08\x07\x06", 14);
}


static void
keys(void **state)
{
    size_t            i;
    chat_str_t        good = chat_string("dGhlIHNhbXBsZSBub25jZQ==");
    const chat_str_t  bad[] = {
        chat_string(""), chat_string("dGhlIHNhbXBsZSBub25jZQ="),
        chat_string("dGhlIHNhbXBsZSBub25jZQ==="),
        chat_string("dGhlIHNhbXBsZSBub25jZQAA"),
        chat_string("dGhlIHNhbXBsZSBub25j-_=="),
        chat_string("dGhlIHNhbXBsZSBub25jZ\xd0==")
    };

    assert_int_equal(chat_ws_key_valid(&good), CHAT_OK);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chat_ws_key_valid(&bad[i]), CHAT_ERROR);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(messages_and_controls),
        cmocka_unit_test(frames_to_a_client),
        cmocka_unit_test(close_frames),
        cmocka_unit_test(after_close),
        cmocka_unit_test(protocol_errors),
        cmocka_unit_test(bad_utf8),
        cmocka_unit_test(bounds),
        cmocka_unit_test(compressed_messages),
        cmocka_unit_test(whole_message_is_not_copied),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(masking),
        cmocka_unit_test(masking_speed),
        cmocka_unit_test(headers),
        cmocka_unit_test(keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
