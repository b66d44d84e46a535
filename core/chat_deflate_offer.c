
/*
 * permessage-deflate: offers and our answer (RFC 7692, 7.1; the list by RFC
 * 6455, 9.1).
 */

#include "chat_deflate.h"
#include "chat_str.h"


/*
 * With a context of its own each connection pays for the window: ask clients
 * that leave us the choice for a small one.
 */
#define CHAT_DEFLATE_CLIENT_BITS  10

#define CHAT_DEFLATE_VALUE        16     /* longer values are no number */


typedef struct {
    const unsigned char  *p;
    const unsigned char  *last;
} chat_deflate_text_t;

typedef struct {
    chat_str_t            name;
    unsigned              valued:1;
    size_t                len;           /* of value, unquoted */
    unsigned char         value[CHAT_DEFLATE_VALUE];
} chat_deflate_param_t;

enum {
    CHAT_DEFLATE_SERVER_NO_CONTEXT = 0,
    CHAT_DEFLATE_CLIENT_NO_CONTEXT,
    CHAT_DEFLATE_SERVER_MAX,
    CHAT_DEFLATE_CLIENT_MAX,
    CHAT_DEFLATE_PARAMS
};


static int chat_deflate_extension(chat_deflate_text_t *t, int context,
    chat_deflate_params_t *params);
static void chat_deflate_choose(chat_deflate_params_t *params, int context,
    unsigned client_max);
static int chat_deflate_param(chat_deflate_text_t *t,
    chat_deflate_param_t *param);
static int chat_deflate_quoted(chat_deflate_text_t *t,
    chat_deflate_param_t *param);
static int chat_deflate_known(const chat_deflate_param_t *param);
static unsigned chat_deflate_bits(const chat_deflate_param_t *param);
static int chat_deflate_token(chat_deflate_text_t *t, chat_str_t *token);
static int chat_deflate_tchar(unsigned c);
static int chat_deflate_next(chat_deflate_text_t *t, unsigned c);
static void chat_deflate_blank(chat_deflate_text_t *t);
static unsigned char *chat_deflate_put(unsigned char *p, const char *name);


static const chat_str_t  chat_deflate_names[CHAT_DEFLATE_PARAMS] = {
    chat_string("server_no_context_takeover"),
    chat_string("client_no_context_takeover"),
    chat_string("server_max_window_bits"),
    chat_string("client_max_window_bits")
};


int
chat_deflate_negotiate(const chat_str_t *list, int context,
    chat_deflate_params_t *params)
{
    int                     rc, found;
    chat_deflate_text_t     t;
    chat_deflate_params_t   offer;

    found = 0;
    t.p = list->data;
    t.last = list->data + list->len;

    /* also what stands behind the first good offer must be a list */

    do {
        chat_deflate_blank(&t);

        if (t.p == t.last || *t.p == ',') {
            continue;
        }

        rc = chat_deflate_extension(&t, context, &offer);

        if (rc == CHAT_ERROR) {
            return CHAT_ERROR;
        }

        if (rc == CHAT_OK && !found) {
            found = 1;
            *params = offer;
        }

    } while (chat_deflate_next(&t, ','));

    if (t.p < t.last) {
        return CHAT_ERROR;
    }

    return found ? CHAT_OK : CHAT_DECLINED;
}


static int
chat_deflate_extension(chat_deflate_text_t *t, int context,
    chat_deflate_params_t *params)
{
    int                    k, ours;
    unsigned               bits, seen, client_max;
    chat_str_t             name;
    chat_deflate_param_t   param;

    static const chat_str_t  deflate = chat_string("permessage-deflate");

    if (chat_deflate_token(t, &name) != CHAT_OK) {
        return CHAT_ERROR;
    }

    memset(params, 0, sizeof(chat_deflate_params_t));

    params->server_bits = 15;
    params->client_bits = 15;

    seen = 0;
    client_max = 0;
    ours = chat_str_eq(&name, &deflate);

    while (chat_deflate_next(t, ';')) {

        if (chat_deflate_param(t, &param) != CHAT_OK) {
            return CHAT_ERROR;
        }

        k = chat_deflate_known(&param);

        if (k == CHAT_DEFLATE_PARAMS || seen & 1u << k) {
            ours = 0;
            continue;
        }

        seen |= 1u << k;
        bits = chat_deflate_bits(&param);

        switch (k) {

        case CHAT_DEFLATE_SERVER_NO_CONTEXT:
            params->server_no_context = 1;
            ours &= !param.valued;
            break;

        case CHAT_DEFLATE_CLIENT_NO_CONTEXT:
            params->client_no_context = 1;
            ours &= !param.valued;
            break;

        case CHAT_DEFLATE_SERVER_MAX:
            params->server_bits = bits;
            params->tell_server_bits = 1;
            ours &= bits != 0;
            break;

        default: /* CHAT_DEFLATE_CLIENT_MAX */
            client_max = param.valued ? bits : 15;
            ours &= client_max != 0;
            break;
        }
    }

    if (!ours) {
        return CHAT_DECLINED;
    }

    chat_deflate_choose(params, context, client_max);

    return CHAT_OK;
}


/* client_max: the most the client wants; 0: it cannot be told any. */

static void
chat_deflate_choose(chat_deflate_params_t *params, int context,
    unsigned client_max)
{
    if (!context) {
        params->server_no_context = 1;
        params->client_no_context = 1;
    }

    if (params->client_no_context || client_max == 0) {
        return;
    }

    params->tell_client_bits = 1;
    params->client_bits = client_max < CHAT_DEFLATE_CLIENT_BITS
                              ? client_max : CHAT_DEFLATE_CLIENT_BITS;
}


static int
chat_deflate_param(chat_deflate_text_t *t, chat_deflate_param_t *param)
{
    chat_str_t  value;

    param->len = 0;
    param->valued = 0;

    chat_deflate_blank(t);

    if (chat_deflate_token(t, &param->name) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (!chat_deflate_next(t, '=')) {
        return CHAT_OK;
    }

    param->valued = 1;

    chat_deflate_blank(t);

    if (t->p < t->last && *t->p == '"') {
        return chat_deflate_quoted(t, param);
    }

    if (chat_deflate_token(t, &value) != CHAT_OK) {
        return CHAT_ERROR;
    }

    param->len = value.len;

    if (value.len <= CHAT_DEFLATE_VALUE) {
        memcpy(param->value, value.data, value.len);
    }

    return CHAT_OK;
}


/* What is quoted must be a token, too, when the quoting is undone. */

static int
chat_deflate_quoted(chat_deflate_text_t *t, chat_deflate_param_t *param)
{
    unsigned  c;

    for (t->p++; t->p < t->last; t->p++) {
        c = *t->p;

        if (c == '"') {
            t->p++;
            return param->len ? CHAT_OK : CHAT_ERROR;
        }

        if (c == '\\') {

            if (++t->p == t->last) {
                break;
            }

            c = *t->p;
        }

        if (!chat_deflate_tchar(c)) {
            return CHAT_ERROR;
        }

        if (param->len < CHAT_DEFLATE_VALUE) {
            param->value[param->len] = c;
        }

        param->len++;
    }

    return CHAT_ERROR;
}


static int
chat_deflate_known(const chat_deflate_param_t *param)
{
    int  k;

    for (k = 0; k < CHAT_DEFLATE_PARAMS; k++) {
        if (chat_str_eq(&param->name, &chat_deflate_names[k])) {
            break;
        }
    }

    return k;
}


/* 8 .. 15 without leading zeros, else 0. */

static unsigned
chat_deflate_bits(const chat_deflate_param_t *param)
{
    const unsigned char  *v;

    v = param->value;

    if (param->len == 1 && (v[0] == '8' || v[0] == '9')) {
        return v[0] - '0';
    }

    if (param->len == 2 && v[0] == '1' && v[1] >= '0' && v[1] <= '5') {
        return 10 + v[1] - '0';
    }

    return 0;
}


static int
chat_deflate_token(chat_deflate_text_t *t, chat_str_t *token)
{
    token->data = (unsigned char *) t->p;

    while (t->p < t->last && chat_deflate_tchar(*t->p)) {
        t->p++;
    }

    token->len = t->p - token->data;

    return token->len ? CHAT_OK : CHAT_ERROR;
}


static int
chat_deflate_tchar(unsigned c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9'))
    {
        return 1;
    }

    return c && c < 0x80 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}


/* Is `c` next, behind blanks?  Then it is taken. */

static int
chat_deflate_next(chat_deflate_text_t *t, unsigned c)
{
    chat_deflate_blank(t);

    if (t->p < t->last && *t->p == c) {
        t->p++;
        return 1;
    }

    return 0;
}


static void
chat_deflate_blank(chat_deflate_text_t *t)
{
    while (t->p < t->last && (*t->p == ' ' || *t->p == '\t')) {
        t->p++;
    }
}


unsigned char *
chat_deflate_answer(const chat_deflate_params_t *params, unsigned char *p)
{
    p = chat_deflate_put(p, "permessage-deflate");

    if (params->server_no_context) {
        p = chat_deflate_put(p, "; server_no_context_takeover");
    }

    if (params->client_no_context) {
        p = chat_deflate_put(p, "; client_no_context_takeover");
    }

    if (params->tell_server_bits) {
        p = chat_deflate_put(p, "; server_max_window_bits=");
        p = chat_u64_print(p, params->server_bits);
    }

    if (params->tell_client_bits) {
        p = chat_deflate_put(p, "; client_max_window_bits=");
        p = chat_u64_print(p, params->client_bits);
    }

    return p;
}


static unsigned char *
chat_deflate_put(unsigned char *p, const char *name)
{
    size_t  len;

    len = strlen(name);
    memcpy(p, name, len);

    return p + len;
}
