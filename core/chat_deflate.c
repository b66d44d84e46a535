
/*
 * permessage-deflate: messages (RFC 7692, 7.2).
 */

#include <zlib.h>

#include "chat_deflate.h"


/*
 * 1 to 3 are zlib's quick method; with lines of JSON the others win a few
 * per cent of the bytes for twice the time.
 */
#define CHAT_DEFLATE_LEVEL    3

#define CHAT_INFLATE_FIRST    1024       /* bytes of the first try */

/* zlib's own states, without windows, hashes and buffers; rounded up */
#define CHAT_DEFLATE_STATE    7168
#define CHAT_INFLATE_STATE    8192

/* in front of each piece of zlib's memory; keeps its alignment */
#define CHAT_DEFLATE_HEAD     16


struct chat_deflate_s {
    z_stream              z;
    const chat_ws_mem_t  *mem;
};

struct chat_inflate_s {
    z_stream              z;
    const chat_ws_mem_t  *mem;
    size_t                cap;           /* of the message given out */
};


static void *chat_deflate_alloc(void *data, unsigned n, unsigned size);
static void chat_deflate_free(void *data, void *p);
static int chat_deflate_level(unsigned bits);
static int chat_inflate_piece(chat_inflate_t *z, const unsigned char *p,
    size_t n, size_t max, chat_str_t *out);
static int chat_inflate_room(chat_inflate_t *z, size_t max, chat_str_t *out);


size_t
chat_deflate_context_size(const chat_deflate_params_t *params)
{
    size_t    size;
    unsigned  bits;

    size = 0;
    bits = chat_deflate_window(params);

    if (!params->server_no_context && bits) {
        size += sizeof(chat_deflate_t) + CHAT_DEFLATE_STATE
                + ((size_t) 1 << (bits + 2))
                + ((size_t) 1 << (chat_deflate_level(bits) + 9));
    }

    if (!params->client_no_context) {
        size += sizeof(chat_inflate_t) + CHAT_INFLATE_STATE
                + ((size_t) 1 << params->client_bits);
    }

    return size;
}


unsigned
chat_deflate_window(const chat_deflate_params_t *params)
{
    if (params->server_bits >= CHAT_DEFLATE_WIDE) {
        return CHAT_DEFLATE_WIDE;
    }

    return params->server_bits >= CHAT_DEFLATE_NARROW ? CHAT_DEFLATE_NARROW
                                                      : 0;
}


/* zlib's memLevel: the hash has no more places than the window bytes. */

static int
chat_deflate_level(unsigned bits)
{
    return bits - 7;
}


chat_deflate_t *
chat_deflate_create(unsigned bits, const chat_ws_mem_t *mem)
{
    chat_deflate_t  *d;

    d = mem->resize(mem->data, NULL, 0, sizeof(chat_deflate_t));

    if (d == NULL) {
        return NULL;
    }

    memset(d, 0, sizeof(chat_deflate_t));

    d->mem = mem;
    d->z.zalloc = chat_deflate_alloc;
    d->z.zfree = chat_deflate_free;
    d->z.opaque = (void *) mem;

    if (deflateInit2(&d->z, CHAT_DEFLATE_LEVEL, Z_DEFLATED, -(int) bits,
                     chat_deflate_level(bits), Z_DEFAULT_STRATEGY)
        != Z_OK)
    {
        mem->resize(mem->data, d, sizeof(chat_deflate_t), 0);
        return NULL;
    }

    return d;
}


void
chat_deflate_destroy(chat_deflate_t *d)
{
    (void) deflateEnd(&d->z);
    d->mem->resize(d->mem->data, d, sizeof(chat_deflate_t), 0);
}


size_t
chat_deflate_message(chat_deflate_t *d, const chat_str_t *in, int keep,
    unsigned char *dst, size_t size)
{
    size_t  len;

    d->z.next_in = in->data;
    d->z.avail_in = in->len;
    d->z.next_out = dst;
    d->z.avail_out = size;

    /* room that is used up may mean that there is more to come */

    len = 0;

    if (in->len
        && deflate(&d->z, Z_SYNC_FLUSH) == Z_OK
        && d->z.avail_in == 0
        && d->z.avail_out)
    {
        /* without the 00 00 ff ff a flush ends with */
        len = size - d->z.avail_out - 4;
    }

    /* what is not sent must not be referred to */

    if (!keep || len == 0) {
        chat_deflate_forget(d);
    }

    return len;
}


/* The client's window then holds more than ours, which does no harm. */

void
chat_deflate_forget(chat_deflate_t *d)
{
    (void) deflateReset(&d->z);
}


chat_inflate_t *
chat_inflate_create(unsigned bits, const chat_ws_mem_t *mem)
{
    chat_inflate_t  *z;

    z = mem->resize(mem->data, NULL, 0, sizeof(chat_inflate_t));

    if (z == NULL) {
        return NULL;
    }

    memset(z, 0, sizeof(chat_inflate_t));

    z->mem = mem;
    z->z.zalloc = chat_deflate_alloc;
    z->z.zfree = chat_deflate_free;
    z->z.opaque = (void *) mem;

    if (inflateInit2(&z->z, -(int) bits) != Z_OK) {
        mem->resize(mem->data, z, sizeof(chat_inflate_t), 0);
        return NULL;
    }

    return z;
}


void
chat_inflate_destroy(chat_inflate_t *z)
{
    (void) inflateEnd(&z->z);
    z->mem->resize(z->mem->data, z, sizeof(chat_inflate_t), 0);
}


int
chat_inflate_message(chat_inflate_t *z, const chat_str_t *in, int keep,
    size_t max, chat_str_t *out)
{
    int  rc;

    static const unsigned char  tail[4] = { 0x00, 0x00, 0xff, 0xff };

    out->data = NULL;
    out->len = 0;
    z->cap = 0;

    rc = chat_inflate_piece(z, in->data, in->len, max, out);

    if (rc == CHAT_OK) {
        rc = chat_inflate_piece(z, tail, sizeof(tail), max, out);
    }

    /*
     * 128: between blocks; the lower bits: none is left of the last byte.
     * Else the tail was taken for a part of a block that is cut off.
     */

    if (rc == CHAT_OK
        && ((z->z.data_type & 128) == 0 || (z->z.data_type & 63)))
    {
        rc = CHAT_ERROR;
    }

    if (!keep || rc != CHAT_OK) {
        (void) inflateReset(&z->z);
    }

    return rc;
}


void
chat_inflate_free(chat_inflate_t *z, chat_str_t *out)
{
    if (out->data) {
        z->mem->resize(z->mem->data, out->data, z->cap, 0);
        out->data = NULL;
    }
}


static int
chat_inflate_piece(chat_inflate_t *z, const unsigned char *p, size_t n,
    size_t max, chat_str_t *out)
{
    int  rc;

    z->z.next_in = (unsigned char *) p;
    z->z.avail_in = n;

    for ( ;; ) {

        if (out->len > max) {
            return CHAT_DECLINED;
        }

        if (chat_inflate_room(z, max, out) != CHAT_OK) {
            return CHAT_BUSY;
        }

        z->z.next_out = out->data + out->len;
        z->z.avail_out = z->cap - out->len;

        rc = inflate(&z->z, Z_SYNC_FLUSH);

        out->len = z->cap - z->z.avail_out;

        switch (rc) {

        case Z_OK:
            break;

        case Z_STREAM_END:
            /*
             * A block that calls itself the last one ends zlib's stream, not
             * the message and not the window (RFC 7692, 7.2.3.5): the next
             * one begins where it stood.  A peer may send thousands of them,
             * two bytes each: the window stays where it is.
             */

            if (inflateResetKeep(&z->z) != Z_OK) {
                return CHAT_ERROR;
            }

            break;

        case Z_BUF_ERROR:
            /* nothing to do: all of it is here already */
            return CHAT_OK;

        case Z_MEM_ERROR:
            return CHAT_BUSY;

        default:
            return CHAT_ERROR;
        }

        if (z->z.avail_in == 0 && z->z.avail_out) {
            return CHAT_OK;
        }
    }
}


/* There is room for at least one byte: doubles, to one byte over the bound. */

static int
chat_inflate_room(chat_inflate_t *z, size_t max, chat_str_t *out)
{
    void    *p;
    size_t   cap;

    if (out->len < z->cap) {
        return CHAT_OK;
    }

    cap = z->cap ? z->cap * 2 : CHAT_INFLATE_FIRST;

    if (cap > max + 1) {
        cap = max + 1;
    }

    p = z->mem->resize(z->mem->data, out->data, z->cap, cap);

    if (p == NULL) {
        return CHAT_ERROR;
    }

    out->data = p;
    z->cap = cap;

    return CHAT_OK;
}


/* zlib frees without telling how much: the size stands in front. */

static void *
chat_deflate_alloc(void *data, unsigned n, unsigned size)
{
    size_t                bytes;
    unsigned char        *p;
    const chat_ws_mem_t  *mem;

    mem = data;
    bytes = (size_t) n * size + CHAT_DEFLATE_HEAD;

    p = mem->resize(mem->data, NULL, 0, bytes);

    if (p == NULL) {
        return NULL;
    }

    memcpy(p, &bytes, sizeof(bytes));

    return p + CHAT_DEFLATE_HEAD;
}


static void
chat_deflate_free(void *data, void *p)
{
    size_t                bytes;
    unsigned char        *start;
    const chat_ws_mem_t  *mem;

    mem = data;
    start = (unsigned char *) p - CHAT_DEFLATE_HEAD;

    memcpy(&bytes, start, sizeof(bytes));
    mem->resize(mem->data, start, bytes, 0);
}
