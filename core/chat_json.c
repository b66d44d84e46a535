
/*
 * JSON in, by descriptors: yajl's tokens go to chat_decode.
 */

#include "chat_decode.h"
#include "chat_json.h"
#include "chat_str.h"
#include "chat_yajl.h"


typedef struct {
    chat_yajl_t     yajl;
    chat_decode_t   decode;
} chat_json_t;


static int chat_json_null(void *ctx);
static int chat_json_boolean(void *ctx, int v);
static int chat_json_number(void *ctx, const char *text, size_t len);
static int chat_json_string(void *ctx, const unsigned char *data,
    size_t len);
static int chat_json_start_map(void *ctx);
static int chat_json_map_key(void *ctx, const unsigned char *data,
    size_t len);
static int chat_json_start_array(void *ctx);
static int chat_json_end(void *ctx);
static int chat_json_text(chat_json_t *j, const unsigned char *data,
    size_t len, chat_str_t *s);


static const yajl_callbacks  chat_json_callbacks = {
    .yajl_null = chat_json_null,
    .yajl_boolean = chat_json_boolean,
    .yajl_number = chat_json_number,
    .yajl_string = chat_json_string,
    .yajl_start_map = chat_json_start_map,
    .yajl_map_key = chat_json_map_key,
    .yajl_end_map = chat_json_end,
    .yajl_start_array = chat_json_start_array,
    .yajl_end_array = chat_json_end
};


int
chat_json_decode(const chat_type_t *type, const chat_str_t *text, void *out,
    chat_mem_t *mem, unsigned mode, chat_fault_t *fault)
{
    int          rc;
    chat_json_t  j;

    chat_decode_init(&j.decode, type, out, mem, fault);

    j.decode.lax = (mode & CHAT_JSON_LAX) != 0;
    j.decode.tagged = (mode & CHAT_JSON_TAGGED) != 0;
    j.decode.text = text->data;

    rc = chat_yajl_run(&chat_json_callbacks, &j, text, mem, fault);

    /* a callback that stops has filled the fault */

    return rc == CHAT_OK ? CHAT_OK : CHAT_ERROR;
}


static int
chat_json_null(void *ctx)
{
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    return chat_decode_other(&j->decode, j->yajl.token) == CHAT_OK;
}


static int
chat_json_boolean(void *ctx, int v)
{
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    return chat_decode_bool(&j->decode, v, j->yajl.token) == CHAT_OK;
}


static int
chat_json_number(void *ctx, const char *text, size_t len)
{
    int           negative;
    uint64_t      v;
    chat_str_t    digits;
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    negative = text[0] == '-';
    digits.data = (unsigned char *) text + negative;
    digits.len = len - (size_t) negative;

    if (chat_str_u64(&digits, &v) == CHAT_OK) {
        return chat_decode_int(&j->decode, negative, v, j->yajl.token)
               == CHAT_OK;
    }

    /* digits beyond 64 bits are an integer all the same: out of range */

    if (!memchr(text, '.', len) && !memchr(text, 'e', len)
        && !memchr(text, 'E', len))
    {
        return chat_decode_int(&j->decode, negative, UINT64_MAX,
                               j->yajl.token)
               == CHAT_OK;
    }

    return chat_decode_other(&j->decode, j->yajl.token) == CHAT_OK;
}


static int
chat_json_string(void *ctx, const unsigned char *data, size_t len)
{
    chat_str_t    s;
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    if (chat_decode_skips(&j->decode)) {
        return 1;
    }

    return chat_json_text(j, data, len, &s)
           && chat_decode_str(&j->decode, &s, j->yajl.token) == CHAT_OK;
}


static int
chat_json_map_key(void *ctx, const unsigned char *data, size_t len)
{
    chat_str_t    s;
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    /* only compared and cut into the fault: yajl's buffer is good enough */

    s.data = (unsigned char *) data;
    s.len = len;

    return chat_decode_key(&j->decode, &s, j->yajl.token) == CHAT_OK;
}


static int
chat_json_start_map(void *ctx)
{
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    return chat_decode_map(&j->decode, j->yajl.token) == CHAT_OK;
}


static int
chat_json_start_array(void *ctx)
{
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    return chat_decode_list(&j->decode, j->yajl.token) == CHAT_OK;
}


static int
chat_json_end(void *ctx)
{
    chat_json_t  *j = ctx;

    chat_yajl_token(&j->yajl);

    return chat_decode_end(&j->decode, j->yajl.token, j->yajl.next)
           == CHAT_OK;
}


static int
chat_json_text(chat_json_t *j, const unsigned char *data, size_t len,
    chat_str_t *s)
{
    switch (chat_yajl_string(&j->yajl, data, len, s, j->decode.mem)) {

    case CHAT_OK:
        return 1;

    case CHAT_DECLINED:
        (void) chat_decode_fail(&j->decode, CHAT_FAULT_FIELD,
                                "half of a surrogate pair", j->yajl.token);
        return 0;

    default:
        (void) chat_decode_fail(&j->decode, CHAT_FAULT_MEMORY,
                                "out of memory", j->yajl.token);
        return 0;
    }
}
