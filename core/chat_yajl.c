
#include "chat_str.h"
#include "chat_yajl.h"


/*
 * yajl does not survive an allocation that fails, so it gets all it can need
 * beforehand: its handle, lexer and stack (our depth never makes that grow),
 * and two buffers, one for unescaping, one for a token cut off by the end of
 * the text, which start at 2048 bytes and double; beside the last of each
 * there may be its forerunners.  Texts up to about 2 kB are served from the
 * stack.
 */

#define CHAT_YAJL_FIXED   2048
#define CHAT_YAJL_BUFFER  2048
#define CHAT_YAJL_SLACK   64
#define CHAT_YAJL_LOCAL   (CHAT_YAJL_FIXED + 2 * 2 * CHAT_YAJL_BUFFER)


typedef struct {
    unsigned char        *pos;
    unsigned char        *last;
} chat_yajl_pool_t;

/* Before each piece: realloc() must know how much to copy. */
typedef struct {
    _Alignas(16) size_t   size;
} chat_yajl_head_t;


static int chat_yajl_utf8(const chat_str_t *text, chat_fault_t *fault);
static int chat_yajl_parse(const yajl_callbacks *callbacks, chat_yajl_t *y,
    chat_yajl_pool_t *pool, chat_fault_t *fault);
static int chat_yajl_syntax(chat_fault_t *fault, const char *what,
    size_t offset);
static size_t chat_yajl_budget(const chat_str_t *text);
static int chat_yajl_surrogates(const unsigned char *p,
    const unsigned char *last);
static unsigned chat_yajl_hex4(const unsigned char *p);
static void *chat_yajl_malloc(void *ctx, size_t size);
static void *chat_yajl_realloc(void *ctx, void *p, size_t size);
static void chat_yajl_free(void *ctx, void *p);


int
chat_yajl_run(const yajl_callbacks *callbacks, void *ctx,
    const chat_str_t *text, chat_mem_t *mem, chat_fault_t *fault)
{
    size_t            size;
    chat_yajl_t      *y;
    chat_yajl_pool_t  pool;
    _Alignas(16) unsigned char  local[CHAT_YAJL_LOCAL];

    if (text->len == 0) {
        return chat_yajl_syntax(fault, "unexpected end", 0);
    }

    if (chat_yajl_utf8(text, fault) != CHAT_OK) {
        return CHAT_ERROR;
    }

    size = chat_yajl_budget(text);
    pool.pos = size <= sizeof(local) ? local : chat_mem_nalloc(mem, size);

    if (pool.pos == NULL) {
        fault->kind = CHAT_FAULT_MEMORY;
        fault->what = "out of memory";
        fault->field[0] = '\0';
        fault->offset = 0;

        return CHAT_ERROR;
    }

    pool.last = pool.pos + size;

    y = ctx;
    y->text = text;
    y->token = 0;
    y->next = 0;

    return chat_yajl_parse(callbacks, y, &pool, fault);
}


static int
chat_yajl_parse(const yajl_callbacks *callbacks, chat_yajl_t *y,
    chat_yajl_pool_t *pool, chat_fault_t *fault)
{
    size_t            offset;
    yajl_status       status;
    yajl_alloc_funcs  funcs;

    funcs.malloc = chat_yajl_malloc;
    funcs.realloc = chat_yajl_realloc;
    funcs.free = chat_yajl_free;
    funcs.ctx = pool;

    y->yajl = yajl_alloc(callbacks, &funcs, y);

    (void) yajl_config(y->yajl, yajl_dont_validate_strings, 1);

    status = yajl_parse(y->yajl, y->text->data, y->text->len);
    offset = yajl_get_bytes_consumed(y->yajl);

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(y->yajl);

        if (status == yajl_status_error) {
            yajl_free(y->yajl);
            return chat_yajl_syntax(fault, "unexpected end", y->text->len);
        }
    }

    yajl_free(y->yajl);

    switch (status) {

    case yajl_status_ok:
        return CHAT_OK;

    case yajl_status_client_canceled:
        return CHAT_DONE;

    default:
        return chat_yajl_syntax(fault, "not JSON", offset);
    }
}


static int
chat_yajl_syntax(chat_fault_t *fault, const char *what, size_t offset)
{
    fault->kind = CHAT_FAULT_SYNTAX;
    fault->what = what;
    fault->field[0] = '\0';
    fault->offset = offset;

    return CHAT_ERROR;
}


/* yajl's own check lets overlongs and surrogates pass. */

static int
chat_yajl_utf8(const chat_str_t *text, chat_fault_t *fault)
{
    size_t    i;
    uint32_t  state;

    state = CHAT_UTF8_ACCEPT;

    if (chat_utf8_feed(&state, text->data, text->len) == CHAT_OK
        && state == CHAT_UTF8_ACCEPT)
    {
        return CHAT_OK;
    }

    state = CHAT_UTF8_ACCEPT;

    for (i = 0; i < text->len; i++) {
        if (chat_utf8_feed(&state, text->data + i, 1) != CHAT_OK) {
            break;
        }
    }

    return chat_yajl_syntax(fault, "bad UTF-8", i);
}


static size_t
chat_yajl_budget(const chat_str_t *text)
{
    size_t  size;

    size = CHAT_YAJL_BUFFER;

    while (size <= text->len + CHAT_YAJL_SLACK) {
        size *= 2;
    }

    size *= 2;

    if (size > 2 * CHAT_YAJL_BUFFER
        && memchr(text->data, '\\', text->len) == NULL)
    {
        return CHAT_YAJL_FIXED + size;         /* nothing to unescape */
    }

    return CHAT_YAJL_FIXED + 2 * size;
}


void
chat_yajl_token(chat_yajl_t *y)
{
    const unsigned char  *p;

    /* the text up to here was good: only these stand between tokens */

    for (y->token = y->next; y->token < y->text->len; y->token++) {
        p = y->text->data + y->token;

        if (memchr(" \t\r\n\f\v,:", *p, 8) == NULL) {
            break;
        }
    }

    y->next = yajl_get_bytes_consumed(y->yajl);
}


int
chat_yajl_string(chat_yajl_t *y, const unsigned char *data, size_t len,
    chat_str_t *s, chat_mem_t *mem)
{
    uintptr_t   from, at;
    chat_str_t  found;

    /* compared as numbers: it may point elsewhere */

    from = (uintptr_t) y->text->data;
    at = (uintptr_t) data;

    found.data = (unsigned char *) data;
    found.len = len;

    if (at >= from && at < from + y->text->len) {
        *s = found;
        return CHAT_OK;
    }

    if (chat_yajl_surrogates(y->text->data + y->token,
                             y->text->data + y->next)
        != CHAT_OK)
    {
        return CHAT_DECLINED;
    }

    return chat_mem_dup(mem, s, &found);
}


/* Escapes of a token that yajl's lexer has passed. */

static int
chat_yajl_surrogates(const unsigned char *p, const unsigned char *last)
{
    unsigned  c;

    while (last - p >= 2) {

        if (*p != '\\') {
            p++;
            continue;
        }

        if (p[1] != 'u' || last - p < 6) {
            p += 2;
            continue;
        }

        c = chat_yajl_hex4(p + 2);
        p += 6;

        if (c < 0xd800 || c > 0xdfff) {
            continue;
        }

        if (c > 0xdbff || last - p < 6 || p[0] != '\\' || p[1] != 'u') {
            return CHAT_DECLINED;
        }

        c = chat_yajl_hex4(p + 2);
        p += 6;

        if (c < 0xdc00 || c > 0xdfff) {
            return CHAT_DECLINED;
        }
    }

    return CHAT_OK;
}


static unsigned
chat_yajl_hex4(const unsigned char *p)
{
    unsigned  i, v;

    v = 0;

    for (i = 0; i < 4; i++) {
        v = v << 4
            | (p[i] <= '9' ? p[i] - 0x30u : (p[i] | 0x20u) - 'a' + 10);
    }

    return v;
}


static void *
chat_yajl_malloc(void *ctx, size_t size)
{
    chat_yajl_pool_t  *pool;
    chat_yajl_head_t  *h;

    pool = ctx;
    size = (size + 15) & ~(size_t) 15;

    if (size + sizeof(chat_yajl_head_t) > (size_t) (pool->last - pool->pos)) {
        return NULL;
    }

    h = (chat_yajl_head_t *) (void *) pool->pos;
    h->size = size;
    pool->pos += sizeof(chat_yajl_head_t) + size;

    return h + 1;
}


static void *
chat_yajl_realloc(void *ctx, void *p, size_t size)
{
    void              *q;
    chat_yajl_head_t  *h;

    q = chat_yajl_malloc(ctx, size);

    if (q && p) {
        h = (chat_yajl_head_t *) p - 1;
        memcpy(q, p, h->size < size ? h->size : size);
    }

    return q;
}


static void
chat_yajl_free(void *ctx, void *p)
{
    /* the pool goes as a whole */
}
