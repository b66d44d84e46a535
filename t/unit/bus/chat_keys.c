
/*
 * Keys: tags in their slots, partitions that never change, one tenant's keys
 * never another's.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat_keys.h"
#include "chat_str.h"
#include "slice.h"


static chat_heap_t  *heap;


/* CRC-16/XMODEM, as the Redis Cluster specification gives it. */

static unsigned
crc16(const unsigned char *p, size_t n)
{
    int       bit;
    unsigned  crc;

    for (crc = 0; n; p++, n--) {
        crc ^= *p << 8;

        for (bit = 0; bit < 8; bit++) {
            crc = ((crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
        }
    }

    return crc;
}


static void
slots(void **state)
{
    unsigned           i;
    const chat_str_t  *tag;

    assert_int_equal(crc16((unsigned char *) "123456789", 9), 0x31c3);

    for (i = 0; i < CHAT_PARTITIONS; i++) {
        tag = chat_partition_tag(i);

        assert_int_equal(tag->data[0], '{');
        assert_int_equal(tag->data[tag->len - 1], '}');
        assert_int_equal(crc16(tag->data + 1, tag->len - 2) % 16384 / 1024,
                         i);
    }

    assert_true(chat_str_eq_c(chat_partition_tag(CHAT_PARTITION_GLOBAL),
                              "{g}"));
}


/* Data are stored by it: these numbers may never change. */

static void
partitions(void **state)
{
    unsigned  i, count[CHAT_PARTITIONS];

    assert_int_equal(chat_partition(1), 12);
    assert_int_equal(chat_partition(2), 5);
    assert_int_equal(chat_partition(7), 6);
    assert_int_equal(chat_partition(UINT64_MAX), 4);

    memset(count, 0, sizeof(count));

    for (i = 1; i <= 16000; i++) {
        count[chat_partition(i)]++;
    }

    for (i = 0; i < CHAT_PARTITIONS; i++) {
        assert_in_range(count[i], 800, 1200);
    }
}


static void
names(void **state)
{
    chat_str_t   d, v, key;
    chat_mem_t  *mem;

    mem = chat_heap_mem(heap);
    d = str("0123456789abcdef");
    v = str("AAAAAAAAAAAAAAAAAAAAAA");

#define is(expr, text)                                                       \
    key = expr;                                                              \
    assert_int_equal(key.len, sizeof(text) - 1);                             \
    assert_memory_equal(key.data, text, key.len)

    is(chat_key_log(mem, 16), "chat:{g}:log");
    is(chat_key_due(mem, 2), "chat:{p02d}:due");
    is(chat_key_dialog(mem, 7, &d), "chat:{p06fa}:a:7:d:0123456789abcdef");
    is(chat_key_dialog_pub(mem, 7, &d),
       "chat:{p06fa}:a:7:d:0123456789abcdef:pub");
    is(chat_key_dialog_staff(mem, 7, &d),
       "chat:{p06fa}:a:7:d:0123456789abcdef:staff");
    is(chat_key_visitor(mem, 7, 3, &v),
       "chat:{p06fa}:a:7:v:3:AAAAAAAAAAAAAAAAAAAAAA");
    is(chat_key_visitor_about(mem, 7, 3, &v),
       "chat:{p06fa}:a:7:v:3:AAAAAAAAAAAAAAAAAAAAAA:about");
    is(chat_key_dialog_about(mem, 7, &d),
       "chat:{p06fa}:a:7:d:0123456789abcdef:about");
    is(chat_key_operator(mem, 7, 5), "chat:{p06fa}:a:7:o:5");
    is(chat_key_account(mem, 7, "queue"), "chat:{p06fa}:a:7:queue");
    is(chat_key_site(mem, 3), "chat:{g}:site:3");
    is(chat_key_owned(mem, UINT64_MAX, "sites"),
       "chat:{g}:account:18446744073709551615:sites");
    is(chat_key(mem, 0, "a%cb%ud%s", "", (uint64_t) 0, &v),
       "ab0dAAAAAAAAAAAAAAAAAAAAAA");

#undef is
}


static void
no_memory(void **state)
{
    chat_mem_t     mem;
    chat_str_t     key;
    unsigned char  block[16];

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);
    key = chat_key_account(&mem, 7, "a key that does not fit in there");
    assert_int_equal(key.len, 0);
}


static int
begin(void **state)
{
    heap = chat_heap_create(0);

    return heap == NULL;
}


static int
end(void **state)
{
    chat_heap_destroy(heap);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(slots),
        cmocka_unit_test(partitions),
        cmocka_unit_test(names),
        cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
