
#include <stdlib.h>

#include "chat_mem.h"


#define CHAT_MEM_ALIGN   16
#define CHAT_MEM_BLOCK   4096
#define CHAT_HEAP_FIRST  8192

#define chat_mem_align(n)                                                    \
    (((n) + CHAT_MEM_ALIGN - 1) & ~((size_t) CHAT_MEM_ALIGN - 1))


typedef struct chat_heap_block_s  chat_heap_block_t;

/* Its size keeps what follows aligned. */
struct chat_heap_block_s {
    _Alignas(CHAT_MEM_ALIGN) chat_heap_block_t  *next;
};

/* The first block is part of the heap: it is the one a reset keeps. */
struct chat_heap_s {
    chat_mem_t          mem;
    chat_heap_block_t  *blocks;
    _Alignas(CHAT_MEM_ALIGN) unsigned char  first[CHAT_HEAP_FIRST];
};


static void *chat_mem_take(chat_mem_t *m, size_t size);
static void *chat_mem_more(chat_mem_t *m, size_t size);
static void *chat_heap_alloc(void *data, size_t size);


void
chat_mem_init(chat_mem_t *m, void *block, size_t size, chat_alloc_pt alloc,
    void *data, size_t limit)
{
    m->pos = block;
    m->last = block ? (unsigned char *) block + size : NULL;
    m->alloc = alloc;
    m->data = data;
    m->used = 0;
    m->limit = limit;
}


void *
chat_mem_nalloc(chat_mem_t *m, size_t size)
{
    void  *p;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    p = chat_mem_take(m, size);

    return p ? p : chat_mem_more(m, size);
}


void *
chat_mem_alloc(chat_mem_t *m, size_t size)
{
    void  *p;

    p = chat_mem_nalloc(m, size);

    return p ? memset(p, 0, size) : NULL;
}


int
chat_mem_dup(chat_mem_t *m, chat_str_t *dst, const chat_str_t *src)
{
    size_t  len;

    len = src->len;
    dst->data = chat_mem_nalloc(m, len);

    if (dst->data == NULL) {
        dst->len = 0;
        return CHAT_ERROR;
    }

    if (len) {
        memcpy(dst->data, src->data, len);
    }

    dst->len = len;

    return CHAT_OK;
}


/* From the current block, which may start at any address. */

static void *
chat_mem_take(chat_mem_t *m, size_t size)
{
    size_t          skip;
    unsigned char  *p;

    if (m->pos == NULL) {
        return NULL;
    }

    skip = (size_t) (-(uintptr_t) m->pos & (CHAT_MEM_ALIGN - 1));

    if (skip > (size_t) (m->last - m->pos)
        || size > (size_t) (m->last - m->pos) - skip)
    {
        return NULL;
    }

    p = m->pos + skip;
    m->pos = p + size;

    return p;
}


/*
 * From the host.  A big piece gets a block of its own, so that the rest of
 * the current one is not lost; near the limit a block is as small as need be.
 */

static void *
chat_mem_more(chat_mem_t *m, size_t size)
{
    size_t          block, left;
    unsigned char  *p;

    if (m->alloc == NULL) {
        return NULL;
    }

    size = size ? chat_mem_align(size) : CHAT_MEM_ALIGN;
    left = m->limit ? m->limit - m->used : SIZE_MAX;

    if (size > left) {
        return NULL;
    }

    block = size < CHAT_MEM_BLOCK / 2 && left >= CHAT_MEM_BLOCK
            ? CHAT_MEM_BLOCK : size;

    p = m->alloc(m->data, block);

    if (p == NULL) {
        return NULL;
    }

    m->used += block;

    if (block > size) {
        m->pos = p + size;
        m->last = p + block;
    }

    return p;
}


chat_heap_t *
chat_heap_create(size_t limit)
{
    chat_heap_t  *h;

    h = aligned_alloc(CHAT_MEM_ALIGN, sizeof(chat_heap_t));

    if (h == NULL) {
        return NULL;
    }

    h->blocks = NULL;
    chat_mem_init(&h->mem, h->first, sizeof(h->first), chat_heap_alloc, h,
                  limit);

    return h;
}


chat_mem_t *
chat_heap_mem(chat_heap_t *h)
{
    return &h->mem;
}


void
chat_heap_reset(chat_heap_t *h)
{
    chat_heap_block_t  *b, *next;

    for (b = h->blocks; b; b = next) {
        next = b->next;
        free(b);
    }

    h->blocks = NULL;
    chat_mem_init(&h->mem, h->first, sizeof(h->first), chat_heap_alloc, h,
                  h->mem.limit);
}


void
chat_heap_destroy(chat_heap_t *h)
{
    chat_heap_reset(h);
    free(h);
}


static void *
chat_heap_alloc(void *data, size_t size)
{
    chat_heap_t        *h;
    chat_heap_block_t  *b;

    h = data;

    if (size > SIZE_MAX - sizeof(chat_heap_block_t)) {
        return NULL;
    }

    b = malloc(sizeof(chat_heap_block_t) + size);

    if (b == NULL) {
        return NULL;
    }

    b->next = h->blocks;
    h->blocks = b;

    return b + 1;
}
