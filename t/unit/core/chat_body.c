
/*
 * msgpack bodies: bytes as another program would write them, refusals, and
 * newer writers whose fields nobody knows here.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec.h"


#define BYTES(text)  { sizeof(text) - 1, (unsigned char *) (text) }

static chat_heap_t  *heap;


static chat_str_t
encode(const chat_type_t *type, const void *in)
{
    size_t      size;
    chat_str_t  s;

    s.len = chat_body_encode(type, in, NULL, 0);
    s.data = chat_mem_alloc(chat_heap_mem(heap), s.len + 1);

    for (size = 0; size <= s.len; size += 1 + size / 7) {
        memset(s.data, 0xa5, s.len + 1);
        assert_int_equal(chat_body_encode(type, in, s.data, size), s.len);
        assert_int_equal(s.data[size], 0xa5);
    }

    assert_int_equal(chat_body_encode(type, in, s.data, s.len), s.len);

    return s;
}


static int
decode(const chat_str_t *body, codec_leaf_t *leaf, chat_fault_t *fault)
{
    return chat_body_decode(&codec_leaf_type, body, leaf,
                            chat_heap_mem(heap), fault);
}


/* The wire form is fixed: other programs read the log. */

static void
test_form(void **state)
{
    chat_str_t    s;
    codec_leaf_t  leaf;
    static const char  form[] =
        "\x85\x01\xc3\x02\xfe\x03\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
        "\x04\x03\xcd\x01\x2c\xa2" "ab";

    memset(&leaf, 0, sizeof(leaf));
    leaf.has = 0x1f;
    leaf.b = 1;
    leaf.i = -2;
    leaf.u = UINT64_MAX;
    leaf.e = 3;
    leaf.s = (chat_str_t) chat_string("ab");

    s = encode(&codec_leaf_type, &leaf);

    assert_int_equal(s.len, sizeof(form) - 1);
    assert_memory_equal(s.data, form, s.len);

    leaf.has = 0;
    s = encode(&codec_leaf_type, &leaf);
    assert_int_equal(s.len, 1);
    assert_int_equal(s.data[0], 0x80);
}


static void
test_good(void **state)
{
    size_t        i;
    chat_fault_t  fault;
    codec_leaf_t  leaf;
    static const struct {
        chat_str_t   body;
        uint64_t     has;
        int64_t      i;
    } cases[] = {
        { BYTES("\x81\x04\x01"), 8, 0 },
        { BYTES("\xde\x00\x01\x04\x01"), 8, 0 },
        { BYTES("\xdf\x00\x00\x00\x01\x04\x01"), 8, 0 },
        { BYTES("\x81\xcc\x04\xcf\0\0\0\0\0\0\0\x01"), 8, 0 },
        { BYTES("\x82\x04\x01\x02\xd0\xff"), 10, -1 },
        { BYTES("\x82\x02\xd3\xff\xe0\0\0\0\0\0\0\x04\x01"), 10,
          -CHAT_INT_MAX },
        { BYTES("\x82\x02\xcf\0\x20\0\0\0\0\0\0\x04\x01"), 10, CHAT_INT_MAX },
        { BYTES("\x82\x02\xd2\0\0\0\x05\x04\x01"), 10, 5 },
        { BYTES("\x82\x03\xd1\0\x05\x04\x01"), 12, 0 },

        /* of a newer writer */
        { BYTES("\x82\x04\x01\x09\xc0"), 8, 0 },
        { BYTES("\x82\x09\xca\0\0\0\0\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\xcb\0\0\0\0\0\0\0\0\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\xc4\x02\xff\xff\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\xd5\x07\xff\xff\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\xa3\xff\xff\xff\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\xa0\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\x90\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\x80\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\x93\xc3\x91\x81\xa1\x61\xc0\x80\x04\x01"), 8, 0 },
        { BYTES("\x82\x09\x82\xa1\x61\x90\x91\xc0\xff\x04\x01"), 8, 0 },
        { BYTES("\x83\x09\x01\x09\x02\x04\x01"), 8, 0 },
        { BYTES("\x82\xff\x01\x04\x01"), 8, 0 },
        { BYTES("\x82\x00\x01\x04\x01"), 8, 0 },
        { BYTES("\x82\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x01\x04\x01"), 8,
          0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (decode(&cases[i].body, &leaf, &fault) != CHAT_OK) {
            fail_msg("%zu: %s in %s", i, fault.what, fault.field);
        }

        assert_int_equal(leaf.has, cases[i].has);
        assert_int_equal(leaf.e, 1);
        assert_true(leaf.i == cases[i].i);
    }
}


#define S  CHAT_FAULT_SYNTAX
#define F  CHAT_FAULT_FIELD

static const struct {
    chat_str_t     body;
    chat_fault_e   kind;
    const char    *what;
    const char    *field;
} faults[] = {
    { BYTES(""), S, "unexpected end", "" },
    { BYTES("\x81"), S, "unexpected end", "" },
    { BYTES("\x81\x04"), S, "unexpected end", "" },
    { BYTES("\x82\x04\x01"), S, "unexpected end", "" },
    { BYTES("\x81\x0c\xda\xff"), S, "unexpected end", "" },
    { BYTES("\xdf\xff\xff\xff\xff\x04\x01"), S, "unexpected end", "" },
    { BYTES("\x81\xcd\x01\x2c\xdb\xff\xff\xff\xff" "a"), S, "unexpected end",
      "" },
    { BYTES("\x81\x04\x01\x00"), S, "trailing bytes", "" },
    { BYTES("\x81\x04\xc1"), S, "not msgpack", "" },
    { BYTES("\x90"), S, "not an object", "" },
    { BYTES("\x01"), S, "not an object", "" },
    { BYTES("\xc0"), S, "not an object", "" },
    { BYTES("\xa1" "a"), S, "not an object", "" },
    { BYTES("\xa0"), S, "not an object", "" },
    { BYTES("\xc2"), S, "not an object", "" },
    { BYTES("\x81\xa1\x65\x01"), S, "a key is not a number", "" },
    { BYTES("\x81\xc3\x01"), S, "a key is not a number", "" },
    { BYTES("\x81\xc0\x01"), S, "a key is not a number", "" },
    { BYTES("\x81\x80\x01"), S, "a key is not a number", "" },
    { BYTES("\x81\x90\x01"), S, "a key is not a number", "" },
    { BYTES("\x81\xca\0\0\0\0\x01"), S, "a key is not a number", "" },
    { BYTES("\x80"), F, "required", "e" },
    { BYTES("\x81\x09\x01"), F, "required", "e" },
    { BYTES("\x82\x04\x01\x04\x01"), F, "duplicate field", "e" },
    { BYTES("\x81\x04\x00"), F, "too small", "e" },
    { BYTES("\x81\x04\x02"), F, "unknown value", "e" },
    { BYTES("\x81\x04\x04"), F, "too large", "e" },
    { BYTES("\x81\x04\xff"), F, "too small", "e" },
    { BYTES("\x81\x04\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), F, "too large",
      "e" },
    { BYTES("\x81\x04\xa3one"), F, "wrong type", "e" },
    { BYTES("\x81\x01\x01"), F, "wrong type", "b" },
    { BYTES("\x81\x01\xc0"), F, "wrong type", "b" },
    { BYTES("\x81\x02\xc3"), F, "wrong type", "i" },
    { BYTES("\x81\x02\xca\0\0\0\0"), F, "wrong type", "i" },
    { BYTES("\x81\x02\xcf\0\x20\0\0\0\0\0\x01"), F, "too large", "i" },
    { BYTES("\x81\x02\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), F, "too large",
      "i" },
    { BYTES("\x81\x02\xd3\xff\xdf\xff\xff\xff\xff\xff\xff"), F, "too small",
      "i" },
    { BYTES("\x81\x02\xd3\x80\0\0\0\0\0\0\0"), F, "too small", "i" },
    { BYTES("\x81\x03\xff"), F, "too small", "u" },
    { BYTES("\x81\x03\xa1\x31"), F, "wrong type", "u" },
    { BYTES("\x81\xcd\x01\x2c\xa1\xff"), F, "bad UTF-8", "s" },
    { BYTES("\x81\xcd\x01\x2c\xc4\x01\x61"), F, "wrong type", "s" },
    { BYTES("\x81\xcd\x01\x2c\x80"), F, "wrong type", "s" },
    { BYTES("\x81\xcd\x01\x2c\x90"), F, "wrong type", "s" },
    { BYTES("\x81\x09\x91\x91\x91\x91\x91\x91\x91\x91\xc0"), S,
      "nested too deep", "" },
    { BYTES("\x81\x09\x81\x01\x81\x01\x81\x01\x81\x01\x81\x01\x81\x01\x81"
            "\x01\x80"), S, "nested too deep", "" },
};


static void
test_faults(void **state)
{
    size_t        i;
    chat_fault_t  fault;
    codec_leaf_t  leaf;

    for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        assert_int_equal(decode(&faults[i].body, &leaf, &fault), CHAT_ERROR);

        if (fault.kind != faults[i].kind
            || strcmp(fault.what, faults[i].what) != 0
            || strcmp(fault.field, faults[i].field) != 0)
        {
            fail_msg("%zu: \"%s\" in \"%s\", not \"%s\" in \"%s\"", i,
                     fault.what, fault.field, faults[i].what,
                     faults[i].field);
        }

        assert_in_range(fault.offset, 0, faults[i].body.len);
    }
}


static void
test_lists(void **state)
{
    size_t               i;
    chat_fault_t         fault;
    codec_root_t         root;
    const codec_node_t  *nodes;
    static const struct {
        chat_str_t   body;
        const char  *what;
        const char  *field;
    } cases[] = {
        { BYTES("\x81\x02\x91\x81\x04\xa2" "ab"), NULL, NULL },
        { BYTES("\x81\x02\x90"), "too few", "nodes" },
        { BYTES("\x81\x02\x80"), "wrong type", "nodes" },
        { BYTES("\x81\x02\x91\x01"), "wrong type", "nodes.0" },
        { BYTES("\x81\x02\x91\x90"), "wrong type", "nodes.0" },
        { BYTES("\x81\x02\x91\x80"), "required", "nodes.0.name" },
        { BYTES("\x81\x02\x92\x81\x04\xa2" "ab\x81\x04\xa1" "a"), "too short",
          "nodes.1.name" },
        { BYTES("\x81\x02\x94\x81\x04\xa2" "ab\x81\x04\xa2" "ab\x81\x04\xa2"
                "ab\x81\x04\xa2" "ab"), "too many", "nodes.3" },
        { BYTES("\x81\x02\xdd\xff\xff\xff\xff\x81\x04\xa2" "ab"),
          "unexpected end", "" },
        { BYTES("\x81\x01\x82\x01\x80\x04\xa2" "ab"), "required",
          "node.leaf.e" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (chat_body_decode(&codec_root_type, &cases[i].body, &root,
                             chat_heap_mem(heap), &fault)
            == CHAT_OK)
        {
            assert_null(cases[i].what);
            assert_int_equal(root.nodes.n, 1);
            nodes = root.nodes.elts;
            assert_ptr_equal(nodes[0].name.data, cases[i].body.data + 6);
            continue;
        }

        assert_string_equal(fault.what, cases[i].what);
        assert_string_equal(fault.field, cases[i].field);
    }
}


/* decode(encode(x)) == x, and every beginning of it is refused. */

static void
test_round_trip(void **state)
{
    void               *in, *out;
    size_t              cut;
    unsigned            i, round;
    uint64_t            seed;
    chat_str_t          s, part;
    chat_fault_t        fault;
    const chat_type_t  *type;

    seed = 20260102;

    for (i = 0; (type = codec_type(i)) != NULL; i++) {
        if (codec_has_raw(type)) {
            continue;
        }

        for (round = 0; round < 20; round++) {
            chat_heap_reset(heap);
            in = chat_mem_alloc(chat_heap_mem(heap), type->size);
            out = chat_mem_alloc(chat_heap_mem(heap), type->size);

            codec_fill(type, in, &seed, chat_heap_mem(heap));
            s = encode(type, in);

            if (chat_body_decode(type, &s, out, chat_heap_mem(heap), &fault)
                != CHAT_OK)
            {
                fail_msg("%s: %s in %s", type->name, fault.what, fault.field);
            }

            assert_true(codec_same(type, in, out));

            for (cut = 0; cut < s.len && round == 0; cut++) {
                part.len = cut;
                part.data = chat_mem_nalloc(chat_heap_mem(heap), cut);
                memcpy(part.data, s.data, cut);

                assert_int_equal(chat_body_decode(type, &part, out,
                                                  chat_heap_mem(heap),
                                                  &fault), CHAT_ERROR);
            }
        }
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
        TEST(test_form),
        TEST(test_good),
        TEST(test_faults),
        TEST(test_lists),
        TEST(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
