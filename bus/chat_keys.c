
#include <stdarg.h>

#include "chat_keys.h"
#include "chat_str.h"


/* Most keys are shorter. */
#define CHAT_KEY_SIZE  128


static size_t chat_key_print(unsigned char *p, size_t size,
    unsigned partition, const char *fmt, va_list args);
static size_t chat_key_put(unsigned char *p, size_t size, size_t n,
    const void *src, size_t len);


/*
 * Tag i hashes (CRC16 of what is between the braces, as Redis Cluster does)
 * into slots i * 1024 .. i * 1024 + 1023: an even spread over any number of
 * masters.  Fixed for ever: data is stored under them.
 */
static const chat_str_t  chat_tags[CHAT_FEEDS] = {
    chat_string("{p00ab}"), chat_string("{p01aa}"), chat_string("{p02d}"),
    chat_string("{p03bb}"), chat_string("{p04c}"),  chat_string("{p05db}"),
    chat_string("{p06fa}"), chat_string("{p07fb}"), chat_string("{p08fc}"),
    chat_string("{p09c}"),  chat_string("{p10c}"),  chat_string("{p11dc}"),
    chat_string("{p12fa}"), chat_string("{p13fb}"), chat_string("{p14ac}"),
    chat_string("{p15ad}"), chat_string("{g}")
};


unsigned
chat_partition(uint64_t account)
{
    uint32_t        hash;
    unsigned char   text[20], *p, *last;

    last = chat_u64_print(text, account);
    hash = 2166136261u;

    for (p = text; p < last; p++) {
        hash = (hash ^ *p) * 16777619u;
    }

    return hash % CHAT_PARTITIONS;
}


const chat_str_t *
chat_partition_tag(unsigned partition)
{
    return &chat_tags[partition];
}


chat_str_t
chat_key(chat_mem_t *mem, unsigned partition, const char *fmt, ...)
{
    va_list        args;
    chat_str_t     key;
    unsigned char  buf[CHAT_KEY_SIZE];

    va_start(args, fmt);
    key.len = chat_key_print(buf, sizeof(buf), partition, fmt, args);
    va_end(args);

    key.data = chat_mem_alloc(mem, key.len);
    if (key.data == NULL) {
        key.len = 0;
        return key;
    }

    if (key.len <= sizeof(buf)) {
        memcpy(key.data, buf, key.len);
        return key;
    }

    va_start(args, fmt);
    chat_key_print(key.data, key.len, partition, fmt, args);
    va_end(args);

    return key;
}


/* Writes what there is room for, returns the length of all. */

static size_t
chat_key_print(unsigned char *p, size_t size, unsigned partition,
    const char *fmt, va_list args)
{
    size_t             n, run;
    const char        *text;
    unsigned char      num[20], *last;
    const chat_str_t  *s;

    n = 0;

    for ( ;; ) {
        run = strcspn(fmt, "%");
        n += chat_key_put(p, size, n, fmt, run);
        fmt += run;

        if (*fmt == '\0') {
            return n;
        }

        fmt += 2;

        switch (fmt[-1]) {

        case 't':
            s = chat_partition_tag(partition);
            n += chat_key_put(p, size, n, s->data, s->len);
            break;

        case 'u':
            last = chat_u64_print(num, va_arg(args, uint64_t));
            n += chat_key_put(p, size, n, num, last - num);
            break;

        case 's':
            s = va_arg(args, const chat_str_t *);
            n += chat_key_put(p, size, n, s->data, s->len);
            break;

        default: /* 'c' */
            text = va_arg(args, const char *);
            n += chat_key_put(p, size, n, text, strlen(text));
            break;
        }
    }
}


static size_t
chat_key_put(unsigned char *p, size_t size, size_t n, const void *src,
    size_t len)
{
    if (len && n <= size && len <= size - n) {
        memcpy(p + n, src, len);
    }

    return len;
}
