
/*
 * msgpack bodies.  Input: a byte that chooses the type, then the body.  What
 * is taken comes back from the encoder as it was.
 */

#include "codec.h"


#define MEMORY  (16 * 1024 * 1024)

#define check(expression)  do { if (!(expression)) { abort(); } } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void               *a, *b;
    chat_mem_t         *mem;
    chat_str_t          body, again;
    chat_heap_t        *heap;
    chat_fault_t        fault;
    const chat_type_t  *type;

    type = size ? codec_type(data[0]) : NULL;

    if (type == NULL) {
        return 0;
    }

    heap = chat_heap_create(MEMORY);
    check(heap);

    mem = chat_heap_mem(heap);
    a = chat_mem_alloc(mem, type->size);
    b = chat_mem_alloc(mem, type->size);
    check(a && b);

    body.data = (unsigned char *) data + 1;
    body.len = size - 1;

    if (chat_body_decode(type, &body, a, mem, &fault) != CHAT_OK) {
        check(fault.kind >= CHAT_FAULT_SYNTAX);
        check(fault.what && fault.what[0]);
        check(fault.offset <= body.len);

    } else {
        again.len = chat_body_encode(type, a, NULL, 0);
        again.data = chat_mem_nalloc(mem, again.len);
        check(again.data);
        check(chat_body_encode(type, a, again.data, again.len) == again.len);
        check(chat_body_decode(type, &again, b, mem, &fault) == CHAT_OK);
        check(codec_same(type, a, b));
    }

    chat_heap_destroy(heap);

    return 0;
}
