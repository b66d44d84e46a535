
/*
 * nginx' memory for a unit: ngx_alloc() that counts what is taken and fails
 * when it is told to.  ngx_free() is free(), so these are linked with
 * --wrap=free.  What is new or given back has no zero byte by chance.
 * Include it once.
 */

#ifndef _NGX_HEAP_H_INCLUDED_
#define _NGX_HEAP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_HEAP_BLOCKS  8192


typedef struct {
    void        *p;
    size_t       size;
} ngx_heap_block_t;


static ngx_heap_block_t  ngx_heap_blocks[NGX_HEAP_BLOCKS];
static ngx_uint_t        ngx_heap_n;          /* not given back */
static size_t            ngx_heap_bytes;
static ngx_uint_t        ngx_heap_calls;      /* of ngx_alloc(), ever */
static ngx_uint_t        ngx_heap_fails;      /* the n-th from now; 0: none */


void __real_free(void *p);
void __wrap_free(void *p);


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    void  *p;

    ngx_heap_calls++;

    if (ngx_heap_fails && --ngx_heap_fails == 0) {
        return NULL;
    }

    p = malloc(size);

    if (p == NULL || ngx_heap_n == NGX_HEAP_BLOCKS) {
        abort();
    }

    ngx_memset(p, 0xa5, size);

    ngx_heap_blocks[ngx_heap_n].p = p;
    ngx_heap_blocks[ngx_heap_n].size = size;

    ngx_heap_n++;
    ngx_heap_bytes += size;

    return p;
}


/* Whoever frees; the last one taken is the first that is looked at. */

void
__wrap_free(void *p)
{
    ngx_uint_t         i;
    ngx_heap_block_t  *block;

    for (i = ngx_heap_n; i > 0; i--) {
        block = &ngx_heap_blocks[i - 1];

        if (block->p == p) {
            ngx_memset(p, 0x5a, block->size);
            ngx_heap_bytes -= block->size;
            *block = ngx_heap_blocks[--ngx_heap_n];
            break;
        }
    }

    __real_free(p);
}


#endif /* _NGX_HEAP_H_INCLUDED_ */
