
/*
 * Entries in header and list form, the frames made of them, and commands of
 * clients with what they are told when wrong.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec.h"


/* The longest sender, the greatest number. */
#define SENDER  "123456789012345678901234567890123456789012345678901234567890"

#define MOST    "18446744073709551615"

static chat_heap_t  *heap;


static chat_str_t
str(const char *text)
{
    chat_str_t  s = { strlen(text), (unsigned char *) text };

    return s;
}


static void
assert_str(const chat_str_t *s, const char *text)
{
    if (!chat_str_eq_c(s, text)) {
        fail_msg("\"%.*s\" is not \"%s\"", (int) s->len, s->data, text);
    }
}


static void
test_header(void **state)
{
    size_t         i;
    chat_str_t     header, body, again;
    chat_entry_t   e;
    unsigned char  buf[CHAT_HEADER_MAX];
    static const char *const  good[] = {
        "2 7 k3J9aPq1:12 3 4 5 1:2:abcdefghijklmnopqrstuv 0123456789abcdef",
        "1 0 - 0 0 0 0:0:- -",
        "9999 18446744073709551615 - 0 0 0 1:2:- 0123456789abcdef",
        "1 " MOST " " SENDER " " MOST " " MOST " " MOST " " MOST ":" MOST
        ":abcdefghijklmnopqrstuv 0123456789abcdef",
    };

    body = str("the body");

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        header = str(good[i]);
        assert_in_range(header.len, 1, CHAT_HEADER_MAX);
        assert_int_equal(chat_entry_parse(&header, &body, &e), CHAT_OK);
        assert_ptr_equal(e.body.data, body.data);

        again.data = buf;
        again.len = (size_t) (chat_entry_header(buf, &e) - buf);
        assert_str(&again, good[i]);
    }

    header = str(good[0]);
    assert_int_equal(chat_entry_parse(&header, &body, &e), CHAT_OK);
    assert_int_equal(e.event, CHAT_EV_MESSAGE_POSTED);
    assert_int_equal(e.seq, 7);
    assert_str(&e.sender, "k3J9aPq1:12");
    assert_int_equal(e.owner, 3);
    assert_int_equal(e.wait_ms, 4);
    assert_int_equal(e.start_ms, 5);
    assert_int_equal(e.account, 1);
    assert_int_equal(e.site, 2);
    assert_str(&e.visitor, "abcdefghijklmnopqrstuv");
    assert_str(&e.dialog, "0123456789abcdef");
    assert_str(&e.body, "the body");

    header = str(good[1]);
    assert_int_equal(chat_entry_parse(&header, &body, &e), CHAT_OK);
    assert_int_equal(e.sender.len + e.visitor.len + e.dialog.len, 0);
}


static void
test_header_bad(void **state)
{
    size_t        i;
    chat_str_t    header, body;
    chat_entry_t  e;
    static const char *const  bad[] = {
        "", " ", "1", "1 0", "1 0 - 0 0 0 1:2:-", "1 0 - 0 0 0 1:2:- ",
        "0 0 - 0 0 0 1:2:- -", "10000 0 - 0 0 0 1:2:- -",
        "-1 0 - 0 0 0 1:2:- -", "a 0 - 0 0 0 1:2:- -",
        "1 -1 - 0 0 0 1:2:- -", "1 01 - 0 0 0 1:2:- -",
        "1 0  0 0 0 1:2:- -", " 1 0 - 0 0 0 1:2:- -",
        "1  0 - 0 0 0 1:2:- -", "1 0 - 0 0 0 1:2:-  -",
        "1 0 - 0 0 0 1:2:- - ", "1 0 - 0 0 0 1:2:- - -",
        "1 0 - 0 0 0 1:2 -", "1 0 - 0 0 0 1 2 - -", "1 0 - 0 0 0 :2:- -",
        "1 0 - 0 0 0 1::- -", "1 0 - 0 0 0 1:2: -",
        "1 0 - - 0 0 1:2:- -", "1 0 - 0 - 0 1:2:- -", "1 0 - 0 0 - 1:2:- -",
        "1 0 - 0 0 0 1:2:abcdefghijklmnopqrstuvw -",
        "1 0 - 0 0 0 1:2:- 0123456789abcdef0",
        "1 0 " SENDER "1 0 0 0 1:2:- -",
        "1 18446744073709551616 - 0 0 0 1:2:- -",
    };

    body = str("");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        header = str(bad[i]);

        if (chat_entry_parse(&header, &body, &e) != CHAT_ERROR) {
            fail_msg("taken: \"%s\"", bad[i]);
        }
    }

    header = (chat_str_t) chat_null_string;
    assert_int_equal(chat_entry_parse(&header, &body, &e), CHAT_ERROR);
}


static void
test_header_misfit(void **state)
{
    chat_entry_t   e;
    unsigned char  buf[CHAT_HEADER_MAX];

    memset(&e, 0, sizeof(e));
    e.event = 1;
    assert_non_null(chat_entry_header(buf, &e));

    e.dialog = str("0123456789abcdef0");
    assert_null(chat_entry_header(buf, &e));

    e.dialog = str("a b");
    assert_null(chat_entry_header(buf, &e));

    e.dialog = str("a");
    e.visitor = str("abcdefghijklmnopqrstuvw");
    assert_null(chat_entry_header(buf, &e));

    e.visitor = str("a");
    e.sender = str(" ");
    assert_null(chat_entry_header(buf, &e));
}


static void
test_listed(void **state)
{
    size_t        i;
    chat_str_t    s, body;
    chat_entry_t  e;
    static const char *const  bad[] = {
        "", "1-2", "1-2 2 7 x:1 3 4", "1 2 7 x:1 3 4 5", "-",
        "1-2 0 7 x:1 3 4 5", "1-2 2 7 x:1 3 4 body", " 1-2 2 7 - 3 4 5",
        "1-2 2 7 x:1 3 4 5 ", "1-2 2 7 x:1 3 4 5 6"
    };

    s = str("1700000000000-3 2 7 k3J9aPq1:1 3 4 5");
    body = str("a body: with blanks ");

    assert_int_equal(chat_entry_parse_listed(&s, &body, &e), CHAT_OK);
    assert_true(e.id.ms == 1700000000000 && e.id.seq == 3);
    assert_int_equal(e.event, 2);
    assert_int_equal(e.seq, 7);
    assert_str(&e.sender, "k3J9aPq1:1");
    assert_int_equal(e.owner, 3);
    assert_int_equal(e.wait_ms, 4);
    assert_int_equal(e.start_ms, 5);
    assert_str(&e.body, "a body: with blanks ");
    assert_int_equal(e.account, 0);
    assert_int_equal(e.dialog.len, 0);

    s = str("0-1 2 0 - 0 0 0");
    body = str("");
    assert_int_equal(chat_entry_parse_listed(&s, &body, &e), CHAT_OK);
    assert_int_equal(e.body.len, 0);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);

        if (chat_entry_parse_listed(&s, &body, &e) != CHAT_ERROR) {
            fail_msg("taken: \"%s\"", bad[i]);
        }
    }
}


/* A message of an operator, as the log has it. */

static void
message(chat_entry_t *e, unsigned char *body, size_t size)
{
    chat_ev_message_posted_t  m;

    memset(&m, 0, sizeof(m));
    m.text = str("hi \"there\"\n\xf0\x9f\x98\x80");
    m.from.kind = CHAT_ACTOR_KIND_OPERATOR;
    m.from.id = UINT64_MAX;
    chat_set(&m, CHAT_F_EV_MESSAGE_POSTED_FROM);
    chat_set(&m, CHAT_F_EV_MESSAGE_POSTED_TEXT);
    chat_set(&m.from, CHAT_F_AUTHOR_KIND);
    chat_set(&m.from, CHAT_F_AUTHOR_ID);

    memset(e, 0, sizeof(chat_entry_t));
    e->id.ms = 1700000000000;
    e->id.seq = 3;
    e->event = CHAT_EV_MESSAGE_POSTED;
    e->seq = 7;
    e->sender = str("k3J9aPq1:12");
    e->dialog = str("0123456789abcdef");
    e->body.data = body;
    e->body.len = chat_body_encode(&chat_ev_message_posted_type, &m, body,
                                   size);

    assert_in_range(e->body.len, 1, size);
}

#define MESSAGE_FIELDS                                                       \
    "\"e\":\"message_posted\",\"id\":\"1700000000000-3\","                   \
    "\"dialog\":\"0123456789abcdef\",\"seq\":\"7\","                         \
    "\"sender\":\"k3J9aPq1:12\""
#define MESSAGE_BODY                                                         \
    "\"body\":{\"from\":{\"kind\":\"operator\","                             \
    "\"id\":\"18446744073709551615\"},"                                      \
    "\"text\":\"hi \\\"there\\\"\\n\xf0\x9f\x98\x80\"}}"


static void
test_frame(void **state)
{
    size_t              n;
    chat_str_t          s, cursor, view;
    chat_entry_t        e;
    chat_fault_t        fault;
    unsigned char       body[200], buf[1000];
    chat_event_view_t   v;
    chat_frame_event_t  f;

    message(&e, body, sizeof(body));

    cursor = str("1.2.3");
    view = str("{\"id\":\"0123456789abcdef\"}");
    s.data = buf;

    s.len = chat_entry_view(&e, buf, sizeof(buf));
    assert_str(&s, "{" MESSAGE_FIELDS "," MESSAGE_BODY);
    assert_int_equal(chat_json_decode(&chat_event_view_type, &s, &v,
                                      chat_heap_mem(heap), 0, &fault),
                     CHAT_OK);

    s.len = chat_entry_frame(&e, &cursor, NULL, buf, sizeof(buf));
    assert_str(&s, "{\"t\":\"event\",\"cursor\":\"1.2.3\"," MESSAGE_FIELDS ","
               MESSAGE_BODY);
    assert_int_equal(chat_json_decode(&chat_frame_event_type, &s, &f,
                                      chat_heap_mem(heap), CHAT_JSON_TAGGED,
                                      &fault), CHAT_OK);

    s.len = chat_entry_frame(&e, &cursor, &view, buf, sizeof(buf));
    assert_str(&s, "{\"t\":\"event\",\"cursor\":\"1.2.3\"," MESSAGE_FIELDS
               ",\"view\":{\"id\":\"0123456789abcdef\"}," MESSAGE_BODY);

    /* the size is known beforehand, nothing is written beyond */

    for (n = 0; n <= s.len; n++) {
        memset(buf, 0xa5, sizeof(buf));
        assert_int_equal(chat_entry_frame(&e, &cursor, &view, buf, n), s.len);
        assert_int_equal(buf[n], 0xa5);
    }

    e.seq = 0;
    e.sender.len = 0;
    s.len = chat_entry_view(&e, buf, sizeof(buf));
    assert_str(&s, "{\"e\":\"message_posted\",\"id\":\"1700000000000-3\","
               "\"dialog\":\"0123456789abcdef\"," MESSAGE_BODY);
}


static void
test_frame_none(void **state)
{
    int            event;
    chat_str_t     cursor;
    chat_entry_t   e;
    unsigned char  body[200], buf[1000];
    static const int  unknown[] = { -1, 0, 15, 9999, CHAT_EV_MAX };

    cursor = str("c");

    for (event = 0; event < 5; event++) {
        message(&e, body, sizeof(body));
        e.event = unknown[event];
        assert_null(chat_event_def(e.event));
        assert_int_equal(chat_entry_view(&e, buf, sizeof(buf)), 0);
        assert_int_equal(chat_entry_frame(&e, &cursor, NULL, buf,
                                          sizeof(buf)), 0);
    }

    message(&e, body, sizeof(body));
    e.body.len--;
    assert_int_equal(chat_entry_view(&e, buf, sizeof(buf)), 0);

    message(&e, body, sizeof(body));
    e.dialog.len = 0;
    assert_int_equal(chat_entry_view(&e, buf, sizeof(buf)), 0);
}


/* Whatever the log may hold comes out as a frame that reads back. */

static void
test_frame_all(void **state)
{
    int                  round, event;
    uint64_t             seed;
    chat_mem_t          *mem;
    chat_str_t           s;
    chat_entry_t         e;
    chat_fault_t         fault;
    chat_event_body_t    in, out;
    chat_event_view_t    v;
    const chat_type_t   *type;

    seed = 20260103;

    for (event = 1; event < CHAT_EV_MAX; event++) {
        if (chat_event_def(event) == NULL) {
            continue;
        }

        type = chat_event_def(event)->type;

        for (round = 0; round < 20; round++) {
            chat_heap_reset(heap);
            mem = chat_heap_mem(heap);

            codec_fill(type, &in, &seed, mem);
            memset(&e, 0, sizeof(e));
            e.event = event;
            e.dialog = str("0123456789abcdef");
            e.body.len = chat_body_encode(type, &in, NULL, 0);
            e.body.data = chat_mem_nalloc(mem, e.body.len);
            chat_body_encode(type, &in, e.body.data, e.body.len);

            s.len = chat_entry_view(&e, NULL, 0);
            s.data = chat_mem_nalloc(mem, s.len);
            assert_int_equal(chat_entry_view(&e, s.data, s.len), s.len);

            assert_int_equal(chat_json_decode(&chat_event_view_type, &s, &v,
                                              mem, 0, &fault), CHAT_OK);
            assert_int_equal(chat_json_decode(type, &v.body, &out, mem, 0,
                                              &fault), CHAT_OK);
            assert_true(codec_same(type, &in, &out));
        }
    }
}


static void
test_frame_encode(void **state)
{
    chat_str_t         s;
    unsigned char      buf[200];
    chat_frame_ack_t   ack;
    chat_frame_pong_t  pong;

    memset(&ack, 0, sizeof(ack));
    ack.n = 5;
    ack.already = 1;
    chat_set(&ack, CHAT_F_FRAME_ACK_N);
    chat_set(&ack, CHAT_F_FRAME_ACK_ALREADY);

    s.data = buf;
    s.len = chat_frame_encode(CHAT_FRAME_ACK, &ack, buf, sizeof(buf));
    assert_str(&s, "{\"t\":\"ack\",\"n\":\"5\",\"already\":true}");
    assert_int_equal(chat_frame_encode(CHAT_FRAME_ACK, &ack, NULL, 0), s.len);

    pong.has = 0;
    s.len = chat_frame_encode(CHAT_FRAME_PONG, &pong, buf, sizeof(buf));
    assert_str(&s, "{\"t\":\"pong\"}");

    assert_int_equal(chat_frame_encode(0, &pong, buf, sizeof(buf)), 0);
    assert_int_equal(chat_frame_encode(CHAT_FRAME_MAX, &pong, buf,
                                       sizeof(buf)), 0);
}


static void
test_command(void **state)
{
    int             command, error;
    uint64_t        n;
    chat_str_t      s;
    chat_fault_t    fault;
    chat_command_t  c;

    s = str("{\"text\":\"h\\u0069\",\"n\":\"7\",\"t\":\"post_message\"}");

    assert_int_equal(chat_command_decode(&s, &command, &c,
                                         chat_heap_mem(heap), &error, &fault,
                                         &n), CHAT_OK);
    assert_int_equal(command, CHAT_CMD_POST_MESSAGE);
    assert_int_equal(error, 0);
    assert_int_equal(n, 7);
    assert_int_equal(c.post_message.n, 7);
    assert_str(&c.post_message.text, "hi");
    assert_true(chat_has(&c.post_message, CHAT_F_CMD_POST_MESSAGE_TEXT));
    assert_false(chat_has(&c.post_message, CHAT_F_CMD_POST_MESSAGE_PAGE));

    s = str("{\"t\":\"ping\"}");

    assert_int_equal(chat_command_decode(&s, &command, &c,
                                         chat_heap_mem(heap), &error, &fault,
                                         &n), CHAT_OK);
    assert_int_equal(command, CHAT_CMD_PING);
    assert_int_equal(n, 0);
}


static void
test_command_bad(void **state)
{
    int             command, error;
    size_t          i;
    uint64_t        n;
    chat_str_t      s;
    chat_fault_t    fault;
    chat_command_t  c;
    static const struct {
        const char  *text;
        int          error;
        const char  *what;
        const char  *field;
        uint64_t     n;
    } cases[] = {
        { "", CHAT_E_BAD_JSON, "unexpected end", "", 0 },
        { "[]", CHAT_E_BAD_JSON, "not an object", "", 0 },
        { "1", CHAT_E_BAD_JSON, "not an object", "", 0 },
        { "\"t\"", CHAT_E_BAD_JSON, "not an object", "", 0 },
        { "null", CHAT_E_BAD_JSON, "not an object", "", 0 },
        { "{\"t\":\"ping\"", CHAT_E_BAD_JSON, "unexpected end", "", 0 },
        { "{\"n\":\"3\",\"t\":\"po", CHAT_E_BAD_JSON, "unexpected end", "",
          3 },
        { "{\"t\":\"ping\"}{}", CHAT_E_BAD_JSON, "not JSON", "", 0 },
        { "{\"t\":\"\xff\"}", CHAT_E_BAD_JSON, "bad UTF-8", "", 0 },
        { "{\"a\":[[[[[[[[1]]]]]]]],\"t\":\"ping\"}", CHAT_E_BAD_JSON,
          "nested too deep", "", 0 },
        { "{}", CHAT_E_BAD_FIELD, "required", "t", 0 },
        { "{\"n\":\"4\"}", CHAT_E_BAD_FIELD, "required", "t", 4 },
        { "{\"t\":1,\"n\":\"4\"}", CHAT_E_BAD_FIELD, "wrong type", "t", 4 },
        { "{\"t\":null}", CHAT_E_BAD_FIELD, "wrong type", "t", 0 },
        { "{\"t\":{\"t\":\"ping\"}}", CHAT_E_BAD_FIELD, "wrong type", "t",
          0 },
        { "{\"t\":[\"ping\"]}", CHAT_E_BAD_FIELD, "wrong type", "t", 0 },
        { "{\"x\":{\"t\":\"ping\"}}", CHAT_E_BAD_FIELD, "required", "t", 0 },
        { "{\"t\":\"\"}", CHAT_E_UNKNOWN_COMMAND, "unknown command", "t", 0 },
        { "{\"t\":\"Ping\",\"n\":\"9\"}", CHAT_E_UNKNOWN_COMMAND,
          "unknown command", "t", 9 },
        { "{\"t\":\"ping\",\"t\":\"ping\"}", CHAT_E_BAD_FIELD,
          "duplicate field", "t", 0 },
        { "{\"t\":\"ping\",\"x\":1}", CHAT_E_BAD_FIELD, "unknown field", "x",
          0 },
        { "{\"t\":\"take_dialog\",\"n\":\"5\"}", CHAT_E_BAD_FIELD, "required",
          "dialog", 5 },
        { "{\"t\":\"take_dialog\",\"dialog\":\"0123456789abcdef\"}",
          CHAT_E_BAD_FIELD, "required", "n", 0 },
        { "{\"t\":\"close_dialog\",\"n\":\"0\"}", CHAT_E_BAD_FIELD,
          "too small", "n", 0 },
        { "{\"t\":\"close_dialog\",\"n\":5}", CHAT_E_BAD_FIELD, "wrong type",
          "n", 0 },
        { "{\"t\":\"close_dialog\",\"n\":\"5\",\"n\":\"5\"}",
          CHAT_E_BAD_FIELD, "duplicate field", "n", 5 },
        { "{\"n\":\"6\",\"t\":\"post_message\",\"text\":\"\"}",
          CHAT_E_BAD_FIELD, "too short", "text", 6 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);

        assert_int_equal(chat_command_decode(&s, &command, &c,
                                             chat_heap_mem(heap), &error,
                                             &fault, &n), CHAT_ERROR);

        if (error != cases[i].error || n != cases[i].n
            || strcmp(fault.what, cases[i].what) != 0
            || strcmp(fault.field, cases[i].field) != 0)
        {
            fail_msg("%s: error %d, \"%s\" in \"%s\"", cases[i].text, error,
                     fault.what, fault.field);
        }
    }
}


static void
test_command_memory(void **state)
{
    int             command, error;
    size_t          len;
    uint64_t        n;
    chat_mem_t      mem;
    chat_str_t      s;
    chat_fault_t    fault;
    chat_command_t  c;
    static char     text[10000];

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    len = strlen(strcpy(text, "{\"t\":\"ping\",\"x\":\""));
    memset(text + len, 'a', sizeof(text) - len);
    s.data = (unsigned char *) text;
    s.len = sizeof(text);

    assert_int_equal(chat_command_decode(&s, &command, &c, &mem, &error,
                                         &fault, &n), CHAT_ERROR);
    assert_int_equal(error, CHAT_E_INTERNAL);
    assert_int_equal(fault.kind, CHAT_FAULT_MEMORY);
}


static int
setup(void **state)
{
    heap = chat_heap_create(0);

    return heap == NULL;
}


static int
teardown(void **state)
{
    chat_heap_destroy(heap);

    return 0;
}


#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        TEST(test_header),
        TEST(test_header_bad),
        TEST(test_header_misfit),
        TEST(test_listed),
        TEST(test_frame),
        TEST(test_frame_none),
        TEST(test_frame_all),
        TEST(test_frame_encode),
        TEST(test_command),
        TEST(test_command_bad),
        TEST(test_command_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
