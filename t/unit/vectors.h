
/*
 * Lines of t/vectors/<name>.jsonl as yajl trees, and pieces of them as the
 * structs of the schema.  Units run in the top folder.
 */

#ifndef _VECTORS_H_INCLUDED_
#define _VECTORS_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_tree.h>

#include "chat_json.h"
#include "chat_str.h"


#define VECTOR_LINE  (1024 * 1024)


static inline yajl_val
vector_get(yajl_val v, const char *name)
{
    const char  *path[] = { name, NULL };

    return yajl_tree_get(v, path, yajl_t_any);
}


static inline chat_str_t
vector_str(yajl_val v, const char *name)
{
    chat_str_t  s = chat_null_string;

    v = vector_get(v, name);

    if (v && YAJL_IS_STRING(v)) {
        s.data = (unsigned char *) v->u.string;
        s.len = strlen(v->u.string);
    }

    return s;
}


/* Of a string of digits or a number; absent = 0. */

static inline uint64_t
vector_u64(yajl_val v, const char *name)
{
    uint64_t    n;
    chat_str_t  s;

    n = 0;
    v = vector_get(v, name);

    if (v == NULL) {
        return 0;
    }

    s.data = (unsigned char *) (YAJL_IS_NUMBER(v) ? v->u.number.r
                                                  : v->u.string);
    s.len = strlen((char *) s.data);
    assert_int_equal(chat_str_u64(&s, &n), CHAT_OK);

    return n;
}


static inline void
vector_gen(yajl_gen g, yajl_val v)
{
    size_t  i;

    switch (v->type) {

    case yajl_t_string:
        yajl_gen_string(g, (unsigned char *) v->u.string,
                        strlen(v->u.string));
        break;

    case yajl_t_number:
        yajl_gen_number(g, v->u.number.r, strlen(v->u.number.r));
        break;

    case yajl_t_true:
    case yajl_t_false:
        yajl_gen_bool(g, YAJL_IS_TRUE(v));
        break;

    case yajl_t_null:
        yajl_gen_null(g);
        break;

    case yajl_t_array:
        yajl_gen_array_open(g);

        for (i = 0; i < v->u.array.len; i++) {
            vector_gen(g, v->u.array.values[i]);
        }

        yajl_gen_array_close(g);
        break;

    default: /* yajl_t_object */
        yajl_gen_map_open(g);

        for (i = 0; i < v->u.object.len; i++) {
            yajl_gen_string(g, (unsigned char *) v->u.object.keys[i],
                            strlen(v->u.object.keys[i]));
            vector_gen(g, v->u.object.values[i]);
        }

        yajl_gen_map_close(g);
    }
}


/* A tree as its JSON text, in the arena. */

static inline chat_str_t
vector_text(yajl_val v, chat_mem_t *mem)
{
    size_t                len;
    yajl_gen              g;
    chat_str_t            s, copy;
    const unsigned char  *buf;

    g = yajl_gen_alloc(NULL);
    vector_gen(g, v);
    yajl_gen_get_buf(g, &buf, &len);

    s.data = (unsigned char *) buf;
    s.len = len;
    assert_int_equal(chat_mem_dup(mem, &copy, &s), CHAT_OK);
    yajl_gen_free(g);

    return copy;
}


/* Decodes a tree by a descriptor of the schema. */

static inline void
vector_struct(yajl_val v, const chat_type_t *type, void *out,
    chat_mem_t *mem)
{
    chat_str_t    text;
    chat_fault_t  fault;

    text = vector_text(v, mem);

    if (chat_json_decode(type, &text, out, mem, CHAT_JSON_STRICT, &fault)
        != CHAT_OK)
    {
        fail_msg("%s: %s at %zu of %.*s", fault.field, fault.what,
                 fault.offset, (int) text.len, (char *) text.data);
    }
}


/* A body as it stands in the log. */

static inline chat_str_t
vector_body(const chat_type_t *type, const void *in, chat_mem_t *mem)
{
    chat_str_t  body;

    body.len = chat_body_encode(type, in, NULL, 0);
    body.data = chat_mem_alloc(mem, body.len);
    assert_int_equal(chat_body_encode(type, in, body.data, body.len),
                     body.len);

    return body;
}


/* Calls run for each line; returns the number of lines. */

static inline unsigned
vectors_each(const char *path, void (*run)(yajl_val line, chat_mem_t *mem))
{
    char          *line, error[200];
    FILE          *file;
    unsigned       n;
    yajl_val       tree;
    chat_heap_t   *heap;

    n = 0;
    heap = chat_heap_create(0);
    line = malloc(VECTOR_LINE);
    file = fopen(path, "r");

    if (file == NULL) {
        fail_msg("%s: not found; units run in the top folder", path);
    }

    while (fgets(line, VECTOR_LINE, file)) {
        tree = yajl_tree_parse(line, error, sizeof(error));

        if (tree == NULL) {
            fail_msg("%s:%u: %s", path, n + 1, error);
        }

        run(tree, chat_heap_mem(heap));
        yajl_tree_free(tree);
        chat_heap_reset(heap);
        n++;
    }

    fclose(file);
    free(line);
    chat_heap_destroy(heap);

    return n;
}


#endif /* _VECTORS_H_INCLUDED_ */
