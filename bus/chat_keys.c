
#include <stdarg.h>

#include "chat_keys.h"
#include "chat_str.h"


static size_t chat_key_print(unsigned char *p, unsigned partition,
    const char *fmt, va_list args);
static size_t chat_key_put(unsigned char *p, size_t n, const void *src,
    size_t len);


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
    va_list     args;
    chat_str_t  key;

    va_start(args, fmt);
    key.len = chat_key_print(NULL, partition, fmt, args);
    va_end(args);

    key.data = chat_mem_alloc(mem, key.len);
    if (key.data == NULL) {
        key.len = 0;
        return key;
    }

    va_start(args, fmt);
    chat_key_print(key.data, partition, fmt, args);
    va_end(args);

    return key;
}


/* Counts with p = NULL, else writes. */

static size_t
chat_key_print(unsigned char *p, unsigned partition, const char *fmt,
    va_list args)
{
    size_t             n;
    const char        *text;
    unsigned char      num[20], *last;
    const chat_str_t  *s;

    n = 0;

    for ( /* void */ ; *fmt; fmt++) {

        if (*fmt != '%') {
            n += chat_key_put(p, n, fmt, 1);
            continue;
        }

        switch (*++fmt) {

        case 't':
            s = chat_partition_tag(partition);
            n += chat_key_put(p, n, s->data, s->len);
            break;

        case 'u':
            last = chat_u64_print(num, va_arg(args, uint64_t));
            n += chat_key_put(p, n, num, last - num);
            break;

        case 's':
            s = va_arg(args, const chat_str_t *);
            n += chat_key_put(p, n, s->data, s->len);
            break;

        default: /* 'c' */
            text = va_arg(args, const char *);
            n += chat_key_put(p, n, text, strlen(text));
            break;
        }
    }

    return n;
}


static size_t
chat_key_put(unsigned char *p, size_t n, const void *src, size_t len)
{
    if (p && len) {
        memcpy(p + n, src, len);
    }

    return len;
}
