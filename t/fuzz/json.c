
/*
 * JSON codec.  Input: a byte that chooses the type (the last one: a client's
 * command), then the text.
 *
 * What STRICT takes comes back from the encoder as it was, encodes to the
 * same bytes again, and is taken by LAX with the same result; a refusal
 * always says what, where and of which kind.
 */

#include "codec.h"


#define MEMORY  (16 * 1024 * 1024)

#define check(expression)  do { if (!(expression)) { abort(); } } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_fault(const chat_fault_t *fault, size_t len)
{
    chat_str_t  field;

    field.data = (unsigned char *) fault->field;
    field.len = strlen(fault->field);

    check(fault->kind >= CHAT_FAULT_SYNTAX);
    check(fault->kind <= CHAT_FAULT_MEMORY);
    check(fault->what && fault->what[0]);
    check(fault->offset <= len);
    check(field.len < sizeof(fault->field));
}


static chat_str_t
encode(const chat_type_t *type, const void *in, chat_mem_t *mem)
{
    chat_str_t  s;

    s.len = chat_json_encode(type, in, NULL, 0);
    s.data = chat_mem_nalloc(mem, s.len);
    check(s.data);
    check(chat_json_encode(type, in, s.data, s.len) == s.len);

    return s;
}


static void
check_type(const chat_type_t *type, const chat_str_t *text, chat_mem_t *mem)
{
    void          *a, *b, *c;
    chat_str_t     json, again;
    chat_fault_t   fault;

    a = chat_mem_alloc(mem, type->size);
    b = chat_mem_alloc(mem, type->size);
    c = chat_mem_alloc(mem, type->size);
    check(a && b && c);

    if (chat_json_decode(type, text, a, mem, CHAT_JSON_STRICT, &fault)
        != CHAT_OK)
    {
        check_fault(&fault, text->len);
        (void) chat_json_decode(type, text, a, mem, CHAT_JSON_LAX, &fault);
        return;
    }

    check(chat_json_decode(type, text, c, mem, CHAT_JSON_LAX, &fault)
          == CHAT_OK);
    check(codec_same(type, a, c));

    json = encode(type, a, mem);
    check(chat_json_decode(type, &json, b, mem, CHAT_JSON_STRICT, &fault)
          == CHAT_OK);
    check(codec_same(type, a, b));

    again = encode(type, b, mem);
    check(chat_str_eq(&json, &again));

    check(chat_json_encode_masked(type, a, NULL, 0) > 0);
}


static void
check_command(const chat_str_t *text, chat_mem_t *mem)
{
    int             command, error;
    uint64_t        n;
    chat_fault_t    fault;
    chat_command_t  c;

    if (chat_command_decode(text, &command, &c, mem, &error, &fault, &n)
        != CHAT_OK)
    {
        check_fault(&fault, text->len);
        check(error == CHAT_E_BAD_JSON || error == CHAT_E_BAD_FIELD
              || error == CHAT_E_UNKNOWN_COMMAND
              || error == CHAT_E_INTERNAL);
        check((error == CHAT_E_BAD_JSON)
              == (fault.kind == CHAT_FAULT_SYNTAX));
        return;
    }

    check(error == 0);
    check(command > 0 && command < CHAT_CMD_MAX);
    check(!chat_commands[command].write || n > 0);
    check(chat_json_encode(chat_commands[command].type, &c, NULL, 0) > 1);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chat_heap_t        *heap;
    chat_str_t          text;
    const chat_type_t  *type;

    if (size == 0) {
        return 0;
    }

    heap = chat_heap_create(MEMORY);
    check(heap);

    text.data = (unsigned char *) data + 1;
    text.len = size - 1;
    type = data[0] == 0xff ? NULL : codec_type(data[0]);

    if (type) {
        check_type(type, &text, chat_heap_mem(heap));

    } else {
        check_command(&text, chat_heap_mem(heap));
    }

    chat_heap_destroy(heap);

    return 0;
}
