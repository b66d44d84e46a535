
/*
 * t/vectors/bounds.json, generated from the schema: values at the ends of a
 * field's range are taken by both codecs, those beyond are refused and the
 * fault names the field.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <yajl/yajl_tree.h>

#include "codec.h"


static chat_heap_t  *heap;


static const chat_type_t *
find_type(const char *name)
{
    int  i;

    for (i = 0; chat_objects[i]; i++) {
        if (strcmp(chat_objects[i]->name, name) == 0) {
            return chat_objects[i];
        }
    }

    for (i = 0; i < CHAT_EV_MAX; i++) {
        if (strncmp(name, "ev_", 3) == 0
            && chat_str_eq_c(&chat_events[i].name, name + 3))
        {
            return chat_events[i].type;
        }
    }

    for (i = 0; i < CHAT_CMD_MAX; i++) {
        if (strncmp(name, "cmd_", 4) == 0
            && chat_str_eq_c(&chat_commands[i].name, name + 4))
        {
            return chat_commands[i].type;
        }
    }

    for (i = 0; i < CHAT_FRAME_MAX; i++) {
        if (strncmp(name, "frame_", 6) == 0
            && chat_str_eq_c(&chat_frames[i].name, name + 6))
        {
            return chat_frames[i].type;
        }
    }

    fail_msg("no type %s", name);

    return NULL;
}


static unsigned
find_field(const chat_type_t *type, const char *name)
{
    unsigned  i;

    for (i = 0; i < type->n; i++) {
        if (chat_str_eq_c(&type->fields[i].name, name)) {
            return i;
        }
    }

    fail_msg("no field %s in %s", name, type->name);

    return 0;
}


static void
put_value(const chat_field_t *f, void *dst, int64_t value)
{
    size_t       i;
    chat_str_t  *s;

    switch (f->kind) {

    case CHAT_KIND_INT:
        *(int64_t *) dst = value;
        return;

    case CHAT_KIND_U64:
        *(uint64_t *) dst = (uint64_t) value;
        return;

    default:
        assert_int_equal(f->kind, CHAT_KIND_STR);

        s = dst;
        s->len = (size_t) value * 2;
        s->data = chat_mem_nalloc(chat_heap_mem(heap), s->len);

        for (i = 0; i < s->len; i += 2) {
            memcpy(s->data + i, "\xd0\x96", 2);
        }
    }
}


static void
check(const chat_type_t *type, unsigned index, int64_t value, int expected)
{
    int                  rc;
    void                *in, *out;
    uint64_t             has, seed;
    chat_mem_t          *mem;
    chat_str_t           s;
    chat_fault_t         fault;
    const chat_field_t  *f;

    chat_heap_reset(heap);

    f = &type->fields[index];
    seed = 4711;
    mem = chat_heap_mem(heap);
    in = chat_mem_alloc(mem, type->size);
    out = chat_mem_alloc(mem, type->size);

    codec_fill(type, in, &seed, mem);
    put_value(f, (char *) in + f->offset, value);

    memcpy(&has, in, sizeof(has));
    has |= (uint64_t) 1 << index;
    memcpy(in, &has, sizeof(has));

    s.len = chat_json_encode(type, in, NULL, 0);
    s.data = chat_mem_nalloc(mem, s.len);
    chat_json_encode(type, in, s.data, s.len);

    rc = chat_json_decode(type, &s, out, mem, CHAT_JSON_STRICT, &fault);
    assert_int_equal(rc, expected);

    if (rc == CHAT_OK) {
        assert_true(codec_same(type, in, out));

    } else {
        assert_true(chat_str_eq_c(&f->name, fault.field));
    }

    if (codec_has_raw(type)) {
        return;
    }

    s.len = chat_body_encode(type, in, NULL, 0);
    s.data = chat_mem_nalloc(mem, s.len);
    chat_body_encode(type, in, s.data, s.len);

    rc = chat_body_decode(type, &s, out, mem, &fault);
    assert_int_equal(rc, expected);

    if (rc == CHAT_OK) {
        assert_true(codec_same(type, in, out));

    } else {
        assert_true(chat_str_eq_c(&f->name, fault.field));
    }
}


static void
check_all(const chat_type_t *type, unsigned index, yajl_val values,
    int expected)
{
    size_t  i;

    assert_true(YAJL_IS_ARRAY(values));

    for (i = 0; i < values->u.array.len; i++) {
        assert_true(YAJL_IS_INTEGER(values->u.array.values[i]));

        check(type, index, YAJL_GET_INTEGER(values->u.array.values[i]),
              expected);
    }
}


static void
test_bounds(void **state)
{
    FILE               *file;
    char                error[200];
    size_t              i, n;
    static char         text[1024 * 1024];
    yajl_val            root, row;
    unsigned            index;
    const chat_type_t  *type;
    static const char  *type_path[] = { "type", NULL };
    static const char  *field_path[] = { "field", NULL };
    static const char  *good_path[] = { "good", NULL };
    static const char  *bad_path[] = { "bad", NULL };

    file = fopen("t/vectors/bounds.json", "r");
    assert_non_null(file);

    n = fread(text, 1, sizeof(text) - 1, file);
    (void) fclose(file);
    text[n] = '\0';

    root = yajl_tree_parse(text, error, sizeof(error));
    assert_true(YAJL_IS_ARRAY(root));
    assert_true(root->u.array.len > 50);

    for (i = 0; i < root->u.array.len; i++) {
        row = root->u.array.values[i];

        type = find_type(YAJL_GET_STRING(yajl_tree_get(row, type_path,
                                                       yajl_t_string)));
        index = find_field(type, YAJL_GET_STRING(yajl_tree_get(row,
                                           field_path, yajl_t_string)));

        check_all(type, index, yajl_tree_get(row, good_path, yajl_t_array),
                  CHAT_OK);
        check_all(type, index, yajl_tree_get(row, bad_path, yajl_t_array),
                  CHAT_ERROR);
    }

    yajl_tree_free(root);
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
