
#include <stdlib.h>

#include "chat_cmd.h"
#include "chat_str.h"


#define CHAT_CMD_HEAD  23                /* type, 20 digits, CR, LF */


static void chat_cmd_add(chat_cmd_t *c, const void *data, size_t len);
static int chat_cmd_grow(chat_cmd_t *c, int cap);
static unsigned char *chat_cmd_head(unsigned char *p, unsigned char type,
    uint64_t n);
static int chat_cmd_head_read(const unsigned char **p,
    const unsigned char *last, unsigned char type, uint64_t *n);


/* By first word; a word ends at a space or at the end of the text. */
static const struct {
    const char          *word;
    chat_redis_error_e   means;
} chat_redis_errors[] = {
    { "OOM",           CHAT_REDIS_FULL },
    { "MISCONF",       CHAT_REDIS_FULL },
    { "LOADING",       CHAT_REDIS_AWAY },
    { "READONLY",      CHAT_REDIS_AWAY },
    { "MASTERDOWN",    CHAT_REDIS_AWAY },
    { "NOREPLICAS",    CHAT_REDIS_AWAY },
    { "CLUSTERDOWN",   CHAT_REDIS_AWAY },
    { "TRYAGAIN",      CHAT_REDIS_AWAY },
    { "BUSY",          CHAT_REDIS_AWAY },
    { "UNBLOCKED",     CHAT_REDIS_AWAY },
    { "NOSCRIPT",      CHAT_REDIS_NOSCRIPT },
    { "NOAUTH",        CHAT_REDIS_AUTH },
    { "WRONGPASS",     CHAT_REDIS_AUTH },
    { "NOPERM",        CHAT_REDIS_AUTH },
    { NULL,            CHAT_REDIS_REFUSED }
};

/*
 * Known by their text only; all mean CHAT_REDIS_AWAY.  The last two: a right
 * was taken away under a script, which leaves what it has done.  Whoever asks
 * again leaves it again; a new connection is not used before scripts may do
 * what they do.
 */
static const char  *chat_redis_away[] = {
    "ERR max number of clients",
    "ERR The user executing the script can't",      /* Redis 7.0 */
    "ERR ACL failure in script",                    /* 7.2 */
    NULL
};


chat_cmd_t *
chat_cmd_create(chat_mem_t *mem, int hint)
{
    chat_cmd_t  *c;

    c = chat_mem_alloc(mem, sizeof(chat_cmd_t));
    if (c == NULL) {
        return NULL;
    }

    c->mem = mem;

    if (chat_cmd_grow(c, hint > 0 ? hint : 8) != CHAT_OK) {
        return NULL;
    }

    return c;
}


void
chat_cmd_str(chat_cmd_t *c, const chat_str_t *s)
{
    chat_cmd_add(c, s->len ? (const void *) s->data : "", s->len);
}


void
chat_cmd_lit(chat_cmd_t *c, const char *text)
{
    chat_cmd_add(c, text, strlen(text));
}


void
chat_cmd_u64(chat_cmd_t *c, uint64_t v)
{
    unsigned char  *p;

    p = chat_mem_alloc(c->mem, 20);
    if (p == NULL) {
        c->failed = 1;
        return;
    }

    chat_cmd_add(c, p, chat_u64_print(p, v) - p);
}


void
chat_cmd_id(chat_cmd_t *c, const chat_id_t *id)
{
    unsigned char  *p;

    p = chat_mem_alloc(c->mem, 41);
    if (p == NULL) {
        c->failed = 1;
        return;
    }

    chat_cmd_add(c, p, chat_id_print(p, id) - p);
}


static void
chat_cmd_add(chat_cmd_t *c, const void *data, size_t len)
{
    if (c->argc == c->cap && chat_cmd_grow(c, c->cap * 2) != CHAT_OK) {
        c->failed = 1;
        return;
    }

    c->argv[c->argc] = data;
    c->argvlen[c->argc++] = len;
}


static int
chat_cmd_grow(chat_cmd_t *c, int cap)
{
    size_t       *argvlen;
    const char  **argv;

    argv = chat_mem_alloc(c->mem, cap * sizeof(const char *));
    argvlen = chat_mem_alloc(c->mem, cap * sizeof(size_t));

    if (argv == NULL || argvlen == NULL) {
        return CHAT_ERROR;
    }

    if (c->argc) {
        memcpy(argv, c->argv, c->argc * sizeof(const char *));
        memcpy(argvlen, c->argvlen, c->argc * sizeof(size_t));
    }

    c->argv = argv;
    c->argvlen = argvlen;
    c->cap = cap;

    return CHAT_OK;
}


/*
 * "*<argc>\r\n", then "$<length>\r\n<bytes>\r\n" for each.  hiredis' own
 * prints every number with sprintf(): of an XREAD over all streams that was
 * more than everything else the reader does.
 */

int
chat_cmd_format(const chat_cmd_t *c, chat_str_t *out)
{
    int             i;
    size_t          size;
    unsigned char  *p;

    out->len = 0;
    out->data = NULL;

    if (c->failed || c->argc == 0) {
        return CHAT_ERROR;
    }

    size = CHAT_CMD_HEAD;

    for (i = 0; i < c->argc; i++) {
        size += CHAT_CMD_HEAD + c->argvlen[i] + 2;
    }

    out->data = malloc(size);
    if (out->data == NULL) {
        return CHAT_ERROR;
    }

    p = chat_cmd_head(out->data, '*', c->argc);

    for (i = 0; i < c->argc; i++) {
        p = chat_cmd_head(p, '$', c->argvlen[i]);

        memcpy(p, c->argv[i], c->argvlen[i]);
        p += c->argvlen[i];

        *p++ = '\r';
        *p++ = '\n';
    }

    out->len = p - out->data;

    return CHAT_OK;
}


static unsigned char *
chat_cmd_head(unsigned char *p, unsigned char type, uint64_t n)
{
    *p++ = type;
    p = chat_u64_print(p, n);
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


chat_cmd_t *
chat_cmd_read(chat_mem_t *mem, const chat_str_t *bytes)
{
    uint64_t              argc, len;
    chat_cmd_t           *c;
    const unsigned char  *p, *last;

    p = bytes->data;
    last = p + bytes->len;

    /* an argument takes six bytes at least */

    if (chat_cmd_head_read(&p, last, '*', &argc) != CHAT_OK
        || argc > bytes->len / 6)
    {
        return NULL;
    }

    c = chat_cmd_create(mem, argc);

    if (c == NULL) {
        return NULL;
    }

    while (argc--) {

        if (chat_cmd_head_read(&p, last, '$', &len) != CHAT_OK
            || len > (size_t) (last - p)
            || (size_t) (last - p) - len < 2)
        {
            return NULL;
        }

        chat_cmd_add(c, p, len);
        p += len + 2;
    }

    return (c->failed || p != last) ? NULL : c;
}


static int
chat_cmd_head_read(const unsigned char **p, const unsigned char *last,
    unsigned char type, uint64_t *n)
{
    chat_str_t            digits;
    const unsigned char  *end;

    if (*p == last || **p != type) {
        return CHAT_ERROR;
    }

    end = memchr(*p, '\r', last - *p);

    if (end == NULL || last - end < 2) {
        return CHAT_ERROR;
    }

    digits.data = (unsigned char *) *p + 1;
    digits.len = end - digits.data;

    *p = end + 2;

    return chat_str_u64(&digits, n);
}


void
chat_cmd_free(chat_str_t *out)
{
    free(out->data);

    out->len = 0;
    out->data = NULL;
}


int
chat_reply_str(const redisReply *r, chat_str_t *s)
{
    if (r == NULL
        || (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_STATUS))
    {
        return CHAT_ERROR;
    }

    s->len = r->len;
    s->data = (unsigned char *) r->str;

    return CHAT_OK;
}


int
chat_reply_u64(const redisReply *r, uint64_t *v)
{
    chat_str_t  s;

    if (r && r->type == REDIS_REPLY_INTEGER && r->integer >= 0) {
        *v = r->integer;
        return CHAT_OK;
    }

    if (chat_reply_str(r, &s) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return chat_str_u64(&s, v);
}


int
chat_reply_id(const redisReply *r, chat_id_t *id)
{
    chat_str_t  s;

    if (chat_reply_str(r, &s) != CHAT_OK) {
        return CHAT_ERROR;
    }

    return chat_id_parse(&s, id);
}


const redisReply *
chat_reply_at(const redisReply *r, size_t i)
{
    if (r == NULL || r->type != REDIS_REPLY_ARRAY || i >= r->elements) {
        return NULL;
    }

    return r->element[i];
}


int
chat_reply_pairs(const redisReply *r, chat_str_t **pairs, size_t *n,
    chat_mem_t *mem)
{
    size_t       i;
    chat_str_t  *s;

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements % 2) {
        return CHAT_ERROR;
    }

    s = chat_mem_alloc(mem, (r->elements + 1) * sizeof(chat_str_t));
    if (s == NULL) {
        return CHAT_ERROR;
    }

    for (i = 0; i < r->elements; i++) {
        if (chat_reply_str(r->element[i], &s[i]) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    *pairs = s;
    *n = r->elements;

    return CHAT_OK;
}


chat_redis_error_e
chat_reply_error(const redisReply *r)
{
    size_t       i, len;
    const char  *sp;

    if (r == NULL || r->type != REDIS_REPLY_ERROR) {
        return CHAT_REDIS_OK;
    }

    for (i = 0; chat_redis_away[i]; i++) {
        len = strlen(chat_redis_away[i]);

        if (r->len >= len && memcmp(r->str, chat_redis_away[i], len) == 0) {
            return CHAT_REDIS_AWAY;
        }
    }

    sp = memchr(r->str, ' ', r->len);
    len = sp ? (size_t) (sp - r->str) : r->len;

    for (i = 0; chat_redis_errors[i].word; i++) {
        if (len == strlen(chat_redis_errors[i].word)
            && memcmp(r->str, chat_redis_errors[i].word, len) == 0)
        {
            break;
        }
    }

    return chat_redis_errors[i].means;
}


int
chat_reply_no_key(const redisReply *r)
{
    static const char  text[] = "ERR no such key";

    return r->type == REDIS_REPLY_ERROR
           && r->len >= sizeof(text) - 1
           && memcmp(r->str, text, sizeof(text) - 1) == 0;
}
