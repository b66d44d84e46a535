
/*
 * LD_PRELOAD for programs in tests: counts what they have allocated and not
 * freed, to the byte.  Each process keeps both numbers, bytes and blocks, in
 * a file of its own, $HEAP_DIR/PID, for others to read at any time.  What the
 * system says of a process cannot tell a leak from what the allocator holds.
 *
 * A third and a fourth number are written by the test: what asks for as many
 * bytes as from the one to the other gets none.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


#define EXPORT  __attribute__((visibility("default")))

typedef struct {
    _Atomic long    bytes;
    _Atomic long    blocks;
    _Atomic long    none_from;
    _Atomic long    none_to;        /* 0: memory for everything */
} heap_t;


extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *p);


static heap_t   heap_early;             /* until there is a file */
static heap_t  *heap = &heap_early;
static char     heap_dir[512];          /* nginx clears its environment */


/* Also in the child of a fork, which goes on from its parent's numbers. */

static void
heap_open(void)
{
    int      fd;
    char     name[sizeof(heap_dir) + 32];
    heap_t  *h;

    snprintf(name, sizeof(name), "%s/%d", heap_dir, (int) getpid());

    fd = open(name, O_RDWR|O_CREAT|O_CLOEXEC, 0644);

    if (fd == -1 || ftruncate(fd, sizeof(heap_t)) != 0) {
        abort();
    }

    h = mmap(NULL, sizeof(heap_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (h == MAP_FAILED) {
        abort();
    }

    close(fd);

    atomic_store(&h->bytes, atomic_load(&heap->bytes));
    atomic_store(&h->blocks, atomic_load(&heap->blocks));

    heap = h;
}


__attribute__((constructor)) static void
heap_init(void)
{
    const char  *dir;

    dir = getenv("HEAP_DIR");

    if (dir == NULL) {
        return;
    }

    snprintf(heap_dir, sizeof(heap_dir), "%s", dir);
    heap_open();
    pthread_atfork(NULL, NULL, heap_open);
}


static int
heap_none(size_t size)
{
    if ((long) size > atomic_load(&heap->none_to)
        || (long) size < atomic_load(&heap->none_from))
    {
        return 0;
    }

    errno = ENOMEM;

    return 1;
}


static void *
heap_add(void *p)
{
    if (p) {
        atomic_fetch_add(&heap->bytes, (long) malloc_usable_size(p));
        atomic_fetch_add(&heap->blocks, 1);
    }

    return p;
}


static void
heap_sub(void *p)
{
    if (p) {
        atomic_fetch_sub(&heap->bytes, (long) malloc_usable_size(p));
        atomic_fetch_sub(&heap->blocks, 1);
    }
}


EXPORT void *
malloc(size_t size)
{
    return heap_none(size) ? NULL : heap_add(__libc_malloc(size));
}


EXPORT void *
calloc(size_t n, size_t size)
{
    return heap_none(n * size) ? NULL : heap_add(__libc_calloc(n, size));
}


EXPORT void *
realloc(void *p, size_t size)
{
    void  *to;

    if (heap_none(size)) {
        return NULL;
    }

    heap_sub(p);
    to = __libc_realloc(p, size);

    if (to == NULL && size) {
        heap_add(p);
        return NULL;
    }

    return heap_add(to);
}


EXPORT void
free(void *p)
{
    heap_sub(p);
    __libc_free(p);
}


EXPORT void *
memalign(size_t align, size_t size)
{
    return heap_none(size) ? NULL : heap_add(__libc_memalign(align, size));
}


EXPORT void *
aligned_alloc(size_t align, size_t size)
{
    return memalign(align, size);
}


EXPORT int
posix_memalign(void **p, size_t align, size_t size)
{
    void  *to;

    to = memalign(align, size);

    if (to == NULL) {
        return ENOMEM;
    }

    *p = to;

    return 0;
}
