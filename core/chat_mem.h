
/*
 * Arena: allocations that die together.  Starts in a caller-given block and
 * asks the host for more blocks, never beyond `limit` bytes in all.
 */

#ifndef _CHAT_MEM_H_INCLUDED_
#define _CHAT_MEM_H_INCLUDED_


#include "chat.h"


/* Returns at least `size` bytes aligned for any type, or NULL. */
typedef void *(*chat_alloc_pt)(void *data, size_t size);

typedef struct {
    unsigned char   *pos;
    unsigned char   *last;
    chat_alloc_pt    alloc;      /* NULL: the first block is all there is */
    void            *data;       /* first argument of alloc */
    size_t           used;       /* bytes asked of alloc so far */
    size_t           limit;      /* bound of `used`; 0 = unbounded */
} chat_mem_t;


/* `block` may be NULL with size 0.  The arena owns neither block nor data. */
void chat_mem_init(chat_mem_t *m, void *block, size_t size,
    chat_alloc_pt alloc, void *data, size_t limit);

/* 16-byte aligned, zeroed.  NULL: out of memory or over the limit. */
void *chat_mem_alloc(chat_mem_t *m, size_t size);

/* The same, not zeroed: for what is written at once. */
void *chat_mem_nalloc(chat_mem_t *m, size_t size);

/* Copies a slice.  CHAT_ERROR: out of memory; dst is then empty. */
int chat_mem_dup(chat_mem_t *m, chat_str_t *dst, const chat_str_t *src);

/*
 * An arena of malloc()ed blocks for programs and tests: init, then
 * chat_mem_free() releases every block at once.
 */
typedef struct chat_heap_s  chat_heap_t;

chat_heap_t *chat_heap_create(size_t limit);
chat_mem_t *chat_heap_mem(chat_heap_t *h);
void chat_heap_reset(chat_heap_t *h);        /* drops all, keeps one block */
void chat_heap_destroy(chat_heap_t *h);


#endif /* _CHAT_MEM_H_INCLUDED_ */
