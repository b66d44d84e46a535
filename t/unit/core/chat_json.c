
/*
 * JSON through descriptors: what is taken, what is refused and how the
 * refusal is told; and that what goes out comes back.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec.h"


static chat_heap_t  *heap;


static chat_str_t
str(const char *text)
{
    chat_str_t  s = { strlen(text), (unsigned char *) text };

    return s;
}


/* The size asked for is the size needed, and nothing is written beyond. */

static chat_str_t
encode(const chat_type_t *type, const void *in)
{
    size_t      size;
    chat_str_t  s;

    s.len = chat_json_encode(type, in, NULL, 0);
    s.data = chat_mem_alloc(chat_heap_mem(heap), s.len + 1);

    for (size = 0; size <= s.len; size += 1 + size / 7) {
        memset(s.data, 0xa5, s.len + 1);
        assert_int_equal(chat_json_encode(type, in, s.data, size), s.len);
        assert_int_equal(s.data[size], 0xa5);
    }

    assert_int_equal(chat_json_encode(type, in, s.data, s.len), s.len);
    assert_int_equal(s.data[s.len], 0xa5);

    return s;
}


static void
test_good(void **state)
{
    size_t        i;
    chat_str_t    s, again;
    codec_root_t  root;
    chat_fault_t  fault;
    static const struct {
        const char  *text;
        const char  *json;       /* encoded again; NULL: the same */
    } cases[] = {
        { "{}", NULL },
        { " \r\n\t{ } ", "{}" },
        { "{\"text\":\"\"}", NULL },
        { "{ \"text\" : \"a/b\" }", "{\"text\":\"a/b\"}" },
        { "{\"text\":\"\\u0041\\/\\b\\f\\n\\r\\t\\\\\\\"\"}",
          "{\"text\":\"A/\\u0008\\u000c\\n\\r\\t\\\\\\\"\"}" },
        { "{\"text\":\"\\u0000\"}", NULL },
        { "{\"text\":\"\\u0436\\ud83d\\uDE00\"}",
          "{\"text\":\"\xd0\xb6\xf0\x9f\x98\x80\"}" },
        { "{\"text\":\"\xf0\x9f\x98\x80\x7f\"}", NULL },
        { "{\"te\\u0078t\":\"a\"}", "{\"text\":\"a\"}" },
        { "{\"nodes\":[{\"name\":\"ab\"}]}", NULL },
        { "{\"nodes\":[{\"name\":\"ab\"},{\"leaves\":[],\"name\":\"cde\"}]}",
          NULL },
        { "{\"node\":{\"leaf\":{\"b\":true,\"i\":-0,\"u\":\"0\","
          "\"e\":\"three\",\"s\":\"\"},\"name\":\"ab\"}}",
          "{\"node\":{\"leaf\":{\"b\":true,\"i\":0,\"u\":\"0\","
          "\"e\":\"three\",\"s\":\"\"},\"name\":\"ab\"}}" },
        { "{\"node\":{\"leaf\":{\"b\":false,\"i\":-9007199254740992,"
          "\"u\":\"18446744073709551615\",\"e\":\"one\"},\"name\":\"ab\"}}",
          NULL },
        { "{\"node\":{\"leaf\":{\"i\":9007199254740992,\"e\":\"one\"},"
          "\"name\":\"ab\"}}", NULL },
        { "{\"text\":\"a\",\"node\":{\"name\":\"ab\"}}",
          "{\"node\":{\"name\":\"ab\"},\"text\":\"a\"}" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);

        if (chat_json_decode(&codec_root_type, &s, &root,
                             chat_heap_mem(heap), CHAT_JSON_STRICT, &fault)
            != CHAT_OK)
        {
            fail_msg("%s: %s", cases[i].text, fault.what);
        }

        s = encode(&codec_root_type, &root);
        again = str(cases[i].json ? cases[i].json : cases[i].text);

        if (!chat_str_eq(&s, &again)) {
            fail_msg("%s: encoded as %.*s", cases[i].text, (int) s.len,
                     s.data);
        }
    }
}


#define S  CHAT_FAULT_SYNTAX
#define F  CHAT_FAULT_FIELD

static const struct {
    const char    *text;
    chat_fault_e   kind;
    const char    *what;
    const char    *field;
    size_t         offset;
} faults[] = {
    { "", S, "unexpected end", "", 0 },
    { "   ", S, "unexpected end", "", 3 },
    { "{", S, "unexpected end", "", 1 },
    { "{\"text\":\"a\"", S, "unexpected end", "", 11 },
    { "{\"text\":\"a", S, "unexpected end", "", 10 },
    { "[]", S, "not an object", "", 0 },
    { " 12", S, "not an object", "", 1 },
    { "\"a\" ", S, "not an object", "", 0 },
    { "null", S, "not an object", "", 0 },
    { "true ", S, "not an object", "", 0 },
    { "{} {}", S, "not JSON", "", 4 },
    { "{}x", S, "not JSON", "", 2 },
    { "{\"text\":\"a\",}", S, "not JSON", "", 13 },
    { "{\"text\":\"a\" \"node\":1}", S, "not JSON", "", 13 },
    { "{text:1}", S, "not JSON", "", 1 },
    { "{'text':1}", S, "not JSON", "", 1 },
    { "{\"text\":\"a\nb\"}", S, "not JSON", "", 10 },
    { "{\"text\":\"\\x\"}", S, "not JSON", "", 10 },
    { "{\"text\":\"\\u12g4\"}", S, "not JSON", "", 13 },
    { "{/**/}", S, "not JSON", "", 1 },
    { "{\"text\":01}", F, "wrong type", "text", 8 },
    { "{\"text\":\"\xc0\x80\"}", S, "bad UTF-8", "", 9 },
    { "{\"text\":\"a\xed\xa0\x80\"}", S, "bad UTF-8", "", 11 },
    { "{\"text\":\"a\"}\xd0", S, "bad UTF-8", "", 13 },
    { "{\"a\xff\":1}", S, "bad UTF-8", "", 3 },
    { "{\"text\":\"\\ud83d\"}", F, "half of a surrogate pair", "text", 8 },
    { "{\"text\":\"\\ude00\"}", F, "half of a surrogate pair", "text", 8 },
    { "{\"text\":\"\\ud83dx\\ude00\"}", F, "half of a surrogate pair", "text",
      8 },
    { "{\"text\":\"\\ud83d\\u0041\"}", F, "half of a surrogate pair", "text",
      8 },
    { "{\"text\":\"\\n\\\\ud83d\\ude00\"}", F, "half of a surrogate pair",
      "text", 8 },
    { "{\"what\":1}", F, "unknown field", "what", 1 },
    { "{\"\":1}", F, "unknown field", "", 1 },
    { "{\"t\":\"root\"}", F, "unknown field", "t", 1 },
    { "{\"Text\":\"a\"}", F, "unknown field", "Text", 1 },
    { "{\"node\":{\"leaf\":{\"x\":1}}}", F, "unknown field", "node.leaf.x",
      17 },
    { "{\"text\":\"a\", \"text\":\"a\"}", F, "duplicate field", "text", 13 },
    { "{\"nodes\":[{\"name\":\"ab\"}],\"nodes\":[]}", F, "duplicate field",
      "nodes", 25 },
    { "{\"node\":{\"name\":\"ab\"},\"node\":{}}", F, "duplicate field", "node",
      22 },
    { "{\"text\":null}", F, "wrong type", "text", 8 },
    { "{\"text\" : 1.5}", F, "wrong type", "text", 10 },
    { "{\"text\":true}", F, "wrong type", "text", 8 },
    { "{\"text\":{}}", F, "wrong type", "text", 8 },
    { "{\"text\":[]}", F, "wrong type", "text", 8 },
    { "{\"node\":[]}", F, "wrong type", "node", 8 },
    { "{\"node\":\"a\"}", F, "wrong type", "node", 8 },
    { "{\"nodes\":{}}", F, "wrong type", "nodes", 9 },
    { "{\"nodes\":[1]}", F, "wrong type", "nodes.0", 10 },
    { "{\"nodes\":[[]]}", F, "wrong type", "nodes.0", 10 },
    { "{\"nodes\":[]}", F, "too few", "nodes", 10 },
    { "{\"nodes\":[{\"name\":\"ab\"},{\"name\":\"ab\"},{\"name\":\"ab\"},"
      "{\"name\":\"ab\"}]}", F, "too many", "nodes.3", 52 },
    { "{\"nodes\":[{\"name\":\"ab\"},{\"name\":1}]}", F, "wrong type",
      "nodes.1.name", 32 },
    { "{\"node\":{\"secret\":\"a\"}}", F, "required", "node.name", 21 },
    { "{\"node\":{\"name\":\"a\"}}", F, "too short", "node.name", 16 },
    { "{\"node\":{\"name\":\"\xd0\xb6\"}}", F, "too short", "node.name", 16 },
    { "{\"node\":{\"name\":\"abcdef\"}}", F, "too long", "node.name", 16 },
    { "{\"node\":{\"leaf\":{}}}", F, "required", "node.leaf.e", 17 },
    { "{\"node\":{\"leaf\":{\"e\":\"two\"}}}", F, "unknown value",
      "node.leaf.e", 21 },
    { "{\"node\":{\"leaf\":{\"e\":\"\"}}}", F, "unknown value",
      "node.leaf.e", 21 },
    { "{\"node\":{\"leaf\":{\"e\":1}}}", F, "wrong type", "node.leaf.e", 21 },
    { "{\"node\":{\"leaf\":{\"i\":1e2}}}", F, "wrong type", "node.leaf.i",
      21 },
    { "{\"node\":{\"leaf\":{\"i\":\"1\"}}}", F, "wrong type", "node.leaf.i",
      21 },
    { "{\"node\":{\"leaf\":{\"i\":9007199254740993}}}", F, "too large",
      "node.leaf.i", 21 },
    { "{\"node\":{\"leaf\":{\"i\":-9007199254740993}}}", F, "too small",
      "node.leaf.i", 21 },
    { "{\"node\":{\"leaf\":{\"i\":99999999999999999999999}}}", F, "too large",
      "node.leaf.i", 21 },
    { "{\"node\":{\"leaf\":{\"i\":-18446744073709551616}}}", F, "too small",
      "node.leaf.i", 21 },
    { "{\"node\":{\"leaf\":{\"u\":1}}}", F, "wrong type", "node.leaf.u", 21 },
    { "{\"node\":{\"leaf\":{\"u\":\"-1\"}}}", F,
      "not a string of digits of 64 bits", "node.leaf.u", 21 },
    { "{\"node\":{\"leaf\":{\"u\":\"18446744073709551616\"}}}", F,
      "not a string of digits of 64 bits", "node.leaf.u", 21 },
    { "{\"node\":{\"leaf\":{\"b\":1}}}", F, "wrong type", "node.leaf.b", 21 },
    { "{\"node\":{\"leaf\":{\"s\":\"a\\u0\"}}}", S, "not JSON", "", 26 },
};


static void
test_faults(void **state)
{
    size_t        i;
    chat_str_t    s;
    codec_root_t  root;
    chat_fault_t  fault;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        s = str(faults[i].text);

        assert_int_equal(chat_json_decode(&codec_root_type, &s, &root,
                                          chat_heap_mem(heap),
                                          CHAT_JSON_STRICT, &fault),
                         CHAT_ERROR);

        /* of a token that cannot be, yajl tells the beginning or the end */

        if (strcmp(fault.what, "not JSON") == 0
            && fault.offset == faults[i].offset + 1)
        {
            fault.offset--;
        }

        if (fault.kind != faults[i].kind
            || strcmp(fault.what, faults[i].what) != 0
            || strcmp(fault.field, faults[i].field) != 0
            || fault.offset != faults[i].offset)
        {
            fail_msg("%s: \"%s\" in \"%s\" at %zu, not \"%s\" in \"%s\" at "
                     "%zu", faults[i].text, fault.what, fault.field,
                     fault.offset, faults[i].what, faults[i].field,
                     faults[i].offset);
        }
    }
}


/* A long name is cut between characters, whatever its length. */

static void
test_fault_path(void **state)
{
    size_t        n, i;
    char          text[400], *p;
    chat_str_t    s;
    codec_root_t  root;
    chat_fault_t  fault;

    for (n = 0; n < 64; n++) {
        p = stpcpy(text, "{\"node\":{\"leaf\":{\"");

        for (i = 0; i < n % 4; i++) {
            *p++ = 'x';
        }

        for (i = 0; i < n; i++) {
            p = stpcpy(p, "\xf0\x9f\x98\x80");
        }

        (void) stpcpy(p, "\":1}}}");
        s = str(text);

        assert_int_equal(chat_json_decode(&codec_root_type, &s, &root,
                                          chat_heap_mem(heap), 0, &fault),
                         CHAT_ERROR);
        assert_string_equal(fault.what, "unknown field");

        s = str(fault.field);
        assert_true(chat_utf8_length(&s) >= 0);
        assert_memory_equal(s.data, "node.leaf", 9);
        assert_in_range(s.len, n > 12 ? 60 : 10, 63);
    }
}


static void
test_depth(void **state)
{
    int           n, i, rc, array;
    char          text[64], *p;
    chat_str_t    s;
    codec_root_t  root;
    chat_fault_t  fault;

    for (array = 0; array < 2; array++) {
        for (n = 1; n <= CHAT_JSON_DEPTH + 1; n++) {
            p = stpcpy(text, "{\"x\":");

            for (i = 1; i < n; i++) {
                p = stpcpy(p, array ? "[" : "{\"y\":");
            }

            p = stpcpy(p, "1");

            for (i = 1; i < n; i++) {
                p = stpcpy(p, array ? "]" : "}");
            }

            (void) stpcpy(p, "}");
            s = str(text);

            rc = chat_json_decode(&codec_root_type, &s, &root,
                                  chat_heap_mem(heap), CHAT_JSON_LAX, &fault);

            assert_int_equal(rc, n <= CHAT_JSON_DEPTH ? CHAT_OK : CHAT_ERROR);

            if (rc == CHAT_ERROR) {
                assert_string_equal(fault.what, "nested too deep");
                assert_int_equal(fault.kind, CHAT_FAULT_SYNTAX);
            }
        }
    }
}


static void
test_lax(void **state)
{
    chat_str_t    s;
    codec_root_t  root;
    chat_fault_t  fault;

    s = str("{\"x\":null,\"t\":1.5e9,\"text\":\"a\","
            "\"y\":[{\"text\":[]},\"\\n\"],"
            "\"x\":{\"nodes\":true,\"x\":[[],[[]]]},\"z\":\"\\ud83d\"}");

    assert_int_equal(chat_json_decode(&codec_root_type, &s, &root,
                                      chat_heap_mem(heap), CHAT_JSON_LAX,
                                      &fault), CHAT_OK);
    assert_int_equal(root.has, 1 << 2);
    assert_int_equal(root.text.len, 1);

    /* what is known is still checked */

    s = str("{\"x\":1,\"text\":2}");

    assert_int_equal(chat_json_decode(&codec_root_type, &s, &root,
                                      chat_heap_mem(heap), CHAT_JSON_LAX,
                                      &fault), CHAT_ERROR);
    assert_string_equal(fault.field, "text");
}


static void
test_tagged(void **state)
{
    size_t        i;
    chat_str_t    s;
    codec_root_t  root;
    chat_fault_t  fault;
    static const struct {
        const char  *text;
        const char  *what;
    } cases[] = {
        { "{\"t\":\"root\",\"text\":\"a\"}", NULL },
        { "{\"text\":\"a\",\"t\":\"\"}", NULL },
        { "{\"text\":\"a\"}", NULL },
        { "{\"t\":1}", "wrong type" },
        { "{\"t\":{}}", "wrong type" },
        { "{\"t\":null}", "wrong type" },
        { "{\"t\":\"a\",\"t\":\"a\"}", "duplicate field" },
        { "{\"node\":{\"t\":\"a\"}}", "unknown field" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);

        if (chat_json_decode(&codec_root_type, &s, &root,
                             chat_heap_mem(heap), CHAT_JSON_TAGGED, &fault)
            == CHAT_OK)
        {
            assert_null(cases[i].what);

        } else {
            assert_string_equal(fault.what, cases[i].what);
        }
    }
}


/* Slices point into the text, unless it had escapes. */

static void
test_slices(void **state)
{
    chat_str_t        s;
    codec_root_t      root;
    chat_fault_t      fault;
    chat_event_view_t v;

    s = str("{\"text\":\"plain\"}");
    assert_int_equal(chat_json_decode(&codec_root_type, &s, &root,
                                      chat_heap_mem(heap), 0, &fault),
                     CHAT_OK);
    assert_ptr_equal(root.text.data, s.data + 9);

    s = str("{\"e\":\"x\",\"id\":\"1-1\",\"dialog\":\"0123456789abcdef\","
            "\"body\": {\"a\" : [1 ,{}]} }");
    assert_int_equal(chat_json_decode(&chat_event_view_type, &s, &v,
                                      chat_heap_mem(heap), 0, &fault),
                     CHAT_OK);
    assert_int_equal(v.body.len, 15);
    assert_memory_equal(v.body.data, "{\"a\" : [1 ,{}]}", 15);

    s = str("{\"body\":[]}");
    assert_int_equal(chat_json_decode(&chat_event_view_type, &s, &v,
                                      chat_heap_mem(heap), 0, &fault),
                     CHAT_ERROR);
    assert_string_equal(fault.what, "wrong type");
}


/* Texts and unescaped texts of any size, from memory that is just enough or
 * not: never more than told, never a crash. */

static void
test_sizes(void **state)
{
    int             rc;
    size_t          n, room;
    chat_mem_t      mem;
    chat_str_t      s;
    codec_root_t    root;
    chat_fault_t    fault;
    unsigned char  *p, *block;

    for (n = 1000; n < 70000; n = n * 3 / 2) {
        s.data = chat_mem_nalloc(chat_heap_mem(heap), n + 20);
        p = (unsigned char *) stpcpy((char *) s.data, "{\"text\":\"\\n");
        memset(p, 'a', n);
        memcpy(p + n, "\"}", 2);
        s.len = (size_t) (p - s.data) + n + 2;

        for (room = 0; ; room = room ? room * 2 : 1024) {
            block = chat_mem_nalloc(chat_heap_mem(heap), room + 1);
            block[room] = 0xa5;
            chat_mem_init(&mem, block, room, NULL, NULL, 0);

            rc = chat_json_decode(&codec_root_type, &s, &root, &mem, 0,
                                  &fault);
            assert_int_equal(block[room], 0xa5);

            if (rc == CHAT_OK) {
                break;
            }

            assert_int_equal(fault.kind, CHAT_FAULT_MEMORY);
            assert_true(room < 16 * n);
        }

        assert_int_equal(root.text.len, n + 1);
        assert_int_equal(root.text.data[0], '\n');
        assert_int_equal(root.text.data[n], 'a');

        /* the same, cut off: no buffer of yajl's runs over */

        s.len -= 2;
        assert_int_equal(chat_json_decode(&codec_root_type, &s, &root,
                                          chat_heap_mem(heap), 0, &fault),
                         CHAT_ERROR);
        assert_string_equal(fault.what, "unexpected end");
        assert_int_equal(fault.offset, s.len);
    }
}


static void
test_list_memory(void **state)
{
    chat_mem_t      mem;
    chat_str_t      s;
    codec_root_t    root;
    chat_fault_t    fault;
    unsigned char   block[64];

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);
    s = str("{\"nodes\":[{\"name\":\"ab\"}]}");

    assert_int_equal(chat_json_decode(&codec_root_type, &s, &root, &mem, 0,
                                      &fault), CHAT_ERROR);
    assert_int_equal(fault.kind, CHAT_FAULT_MEMORY);
    assert_int_equal(fault.offset, 10);
}


static void
test_masked(void **state)
{
    size_t          n;
    chat_str_t      s;
    codec_root_t    root;
    chat_fault_t    fault;
    unsigned char   buf[200];
    static const char  json[] =
        "{\"node\":{\"secret\":\"***\",\"name\":\"ab\"},"
        "\"nodes\":[{\"secret\":\"***\",\"name\":\"cd\"}]}";

    s = str("{\"node\":{\"secret\":\"x\",\"name\":\"ab\"},"
            "\"nodes\":[{\"secret\":\"y\",\"name\":\"cd\"}]}");

    assert_int_equal(chat_json_decode(&codec_root_type, &s, &root,
                                      chat_heap_mem(heap), 0, &fault),
                     CHAT_OK);

    n = chat_json_encode_masked(&codec_root_type, &root, buf, sizeof(buf));
    assert_int_equal(n, sizeof(json) - 1);
    assert_memory_equal(buf, json, n);
}


static void
test_quote(void **state)
{
    size_t         i, n;
    chat_str_t     s;
    unsigned char  buf[100];
    static const struct {
        const char  *text;
        const char  *json;
    } cases[] = {
        { "", "\"\"" },
        { "a\"b\\c", "\"a\\\"b\\\\c\"" },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"" },
        { "\xd0\xb6", "\"\xd0\xb6\"" },
        { "\xff", "\"\xef\xbf\xbd\"" },
        { "a\xd0", "\"a\xef\xbf\xbd\"" },
        { "\xd0z", "\"\xef\xbf\xbdz\"" },
        { "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "\xf0\x9f\x98\x80\xf0\x9f", "\"\xf0\x9f\x98\x80\xef\xbf\xbd"
          "\xef\xbf\xbd\"" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s = str(cases[i].text);
        n = chat_json_quote(&s, buf, sizeof(buf));
        assert_int_equal(n, strlen(cases[i].json));
        assert_memory_equal(buf, cases[i].json, n);
        assert_int_equal(chat_json_quote(&s, NULL, 0), n);
    }

    s = (chat_str_t) chat_null_string;
    assert_int_equal(chat_json_quote(&s, buf, sizeof(buf)), 2);
}


/* Every byte at every place among plain ones, which go eight at a time. */

static void
test_quote_places(void **state)
{
    size_t         len, at;
    unsigned       c;
    chat_str_t     s, one;
    unsigned char  text[20], buf[100], alone[16];

    one.data = text;
    one.len = 1;

    for (c = 0; c < 256; c++) {
        text[0] = (unsigned char) c;
        len = chat_json_quote(&one, alone, sizeof(alone)) - 2;

        for (at = 0; at < sizeof(text); at++) {
            memset(text, 'x', sizeof(text));
            text[at] = (unsigned char) c;

            s.data = text;
            s.len = sizeof(text);

            assert_int_equal(chat_json_quote(&s, buf, sizeof(buf)),
                             sizeof(text) - 1 + len + 2);
            assert_memory_equal(buf + 1, text, at);
            assert_memory_equal(buf + 1 + at, alone + 1, len);
            assert_memory_equal(buf + 1 + at + len, text + at + 1,
                                sizeof(text) - at - 1);
        }
    }
}


/* decode(encode(x)) == x for every type of the schema. */

static void
test_round_trip(void **state)
{
    void               *in, *out;
    unsigned            i, round;
    uint64_t            seed;
    chat_str_t          s;
    chat_fault_t        fault;
    const chat_type_t  *type;

    seed = 20260101;

    for (i = 0; (type = codec_type(i)) != NULL; i++) {
        for (round = 0; round < 20; round++) {
            chat_heap_reset(heap);
            in = chat_mem_alloc(chat_heap_mem(heap), type->size);
            out = chat_mem_alloc(chat_heap_mem(heap), type->size);

            codec_fill(type, in, &seed, chat_heap_mem(heap));
            s = encode(type, in);

            if (chat_json_decode(type, &s, out, chat_heap_mem(heap),
                                 CHAT_JSON_STRICT, &fault)
                != CHAT_OK)
            {
                fail_msg("%s: %s in %s: %.*s", type->name, fault.what,
                         fault.field, (int) s.len, s.data);
            }

            assert_true(codec_same(type, in, out));
        }
    }
}


static void
test_bad_enum(void **state)
{
    codec_leaf_t   leaf, out;
    chat_str_t     s;
    chat_fault_t   fault;

    memset(&leaf, 0, sizeof(leaf));
    leaf.has = 1 << 3;

    for (leaf.e = -1; leaf.e <= 5; leaf.e++) {
        s = encode(&codec_leaf_type, &leaf);

        assert_int_equal(chat_json_decode(&codec_leaf_type, &s, &out,
                                          chat_heap_mem(heap), 0, &fault),
                         leaf.e == 1 || leaf.e == 3 ? CHAT_OK : CHAT_ERROR);
    }
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
        TEST(test_good),
        TEST(test_faults),
        TEST(test_fault_path),
        TEST(test_depth),
        TEST(test_lax),
        TEST(test_tagged),
        TEST(test_slices),
        TEST(test_sizes),
        TEST(test_list_memory),
        TEST(test_masked),
        TEST(test_quote),
        TEST(test_quote_places),
        TEST(test_round_trip),
        TEST(test_bad_enum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
