
/*
 * Commands of clients.  A first pass over the text finds what decides how to
 * read it: the name, and the number that a refusal must carry.
 */

#include "chat_event.h"
#include "chat_str.h"
#include "chat_yajl.h"


typedef enum {
    CHAT_SCAN_OTHER = 0,
    CHAT_SCAN_NAME,
    CHAT_SCAN_NUMBER
} chat_scan_key_e;

typedef struct {
    chat_yajl_t                yajl;
    unsigned                   depth;
    chat_scan_key_e            key;      /* at depth 1 */
    unsigned                   named:1;  /* a "t" was seen */
    unsigned                   wrong:1;  /* but it is not a string */
    size_t                     offset;   /* of its value */
    const chat_command_def_t  *def;
    uint64_t                   n;
} chat_scan_t;


static int chat_scan_string(void *ctx, const unsigned char *data,
    size_t len);
static int chat_scan_map_key(void *ctx, const unsigned char *data,
    size_t len);
static int chat_scan_start(void *ctx);
static int chat_scan_start_array(void *ctx);
static int chat_scan_end(void *ctx);
static int chat_scan_null(void *ctx);
static int chat_scan_boolean(void *ctx, int v);
static int chat_scan_number(void *ctx, const char *text, size_t len);
static int chat_scan_scalar(chat_scan_t *s);
static int chat_scan_enough(const chat_scan_t *s);
static const chat_command_def_t *chat_command_find(const chat_str_t *name);
static int chat_command_unnamed(const chat_scan_t *s, int *error,
    chat_fault_t *fault);


static const yajl_callbacks  chat_scan_callbacks = {
    .yajl_null = chat_scan_null,
    .yajl_boolean = chat_scan_boolean,
    .yajl_number = chat_scan_number,
    .yajl_string = chat_scan_string,
    .yajl_start_map = chat_scan_start,
    .yajl_map_key = chat_scan_map_key,
    .yajl_end_map = chat_scan_end,
    .yajl_start_array = chat_scan_start_array,
    .yajl_end_array = chat_scan_end
};


int
chat_command_decode(const chat_str_t *text, int *command,
    chat_command_t *out, chat_mem_t *mem, int *error, chat_fault_t *fault,
    uint64_t *n)
{
    int          rc;
    chat_scan_t  s;

    memset(&s, 0, sizeof(chat_scan_t));
    memset(fault, 0, sizeof(chat_fault_t));

    *command = 0;
    *n = 0;

    rc = chat_yajl_run(&chat_scan_callbacks, &s, text, mem, fault);

    *n = s.n;

    if (rc == CHAT_OK && s.def == NULL) {
        return chat_command_unnamed(&s, error, fault);
    }

    /*
     * Stopped by a callback: enough is known, or it is no object or too deep,
     * which the decoder tells better, whatever the type.
     */

    if (rc == CHAT_DONE || rc == CHAT_OK) {
        *command = s.def ? s.def->number : 0;
        rc = chat_json_decode(s.def ? s.def->type : &chat_cmd_ping_type, text,
                              out, mem,
                              CHAT_JSON_TAGGED | (s.def ? 0 : CHAT_JSON_LAX),
                              fault);
    }

    if (rc == CHAT_OK) {
        *error = 0;
        return CHAT_OK;
    }

    *error = fault->kind == CHAT_FAULT_MEMORY ? CHAT_E_INTERNAL
             : fault->kind == CHAT_FAULT_SYNTAX ? CHAT_E_BAD_JSON
             : CHAT_E_BAD_FIELD;

    return CHAT_ERROR;
}


static int
chat_command_unnamed(const chat_scan_t *s, int *error, chat_fault_t *fault)
{
    fault->kind = CHAT_FAULT_FIELD;
    fault->what = !s->named ? "required"
                  : s->wrong ? "wrong type" : "unknown command";
    fault->field[0] = 't';
    fault->field[1] = '\0';
    fault->offset = s->offset;

    *error = s->named && !s->wrong ? CHAT_E_UNKNOWN_COMMAND
                                   : CHAT_E_BAD_FIELD;

    return CHAT_ERROR;
}


static const chat_command_def_t *
chat_command_find(const chat_str_t *name)
{
    int  i;

    for (i = 1; i < CHAT_CMD_MAX; i++) {
        if (chat_commands[i].type && chat_str_eq(&chat_commands[i].name, name))
        {
            return &chat_commands[i];
        }
    }

    return NULL;
}


/* The name is known, and the number if such a command has one. */

static int
chat_scan_enough(const chat_scan_t *s)
{
    return s->def && (!s->def->write || s->n);
}


static int
chat_scan_string(void *ctx, const unsigned char *data, size_t len)
{
    chat_str_t    text;
    chat_scan_t  *s = ctx;

    chat_yajl_token(&s->yajl);

    if (s->depth == 0) {
        return 0;
    }

    if (s->depth == 1) {
        text.data = (unsigned char *) data;
        text.len = len;

        if (s->key == CHAT_SCAN_NAME && !s->named) {
            s->named = 1;
            s->offset = s->yajl.token;
            s->def = chat_command_find(&text);
        }

        if (s->key == CHAT_SCAN_NUMBER && s->n == 0) {
            (void) chat_str_u64(&text, &s->n);
        }
    }

    return !chat_scan_enough(s);
}


static int
chat_scan_map_key(void *ctx, const unsigned char *data, size_t len)
{
    chat_str_t    text;
    chat_scan_t  *s = ctx;

    chat_yajl_token(&s->yajl);

    if (s->depth == 1) {
        text.data = (unsigned char *) data;
        text.len = len;

        s->key = chat_str_eq_c(&text, "t") ? CHAT_SCAN_NAME
                 : chat_str_eq_c(&text, "n") ? CHAT_SCAN_NUMBER
                 : CHAT_SCAN_OTHER;
    }

    return 1;
}


static int
chat_scan_start_array(void *ctx)
{
    chat_scan_t  *s = ctx;

    return s->depth ? chat_scan_start(ctx) : 0;
}


static int
chat_scan_start(void *ctx)
{
    chat_scan_t  *s = ctx;

    chat_yajl_token(&s->yajl);

    if (s->depth && !chat_scan_scalar(s)) {
        return 0;
    }

    return ++s->depth <= CHAT_JSON_DEPTH;
}


static int
chat_scan_end(void *ctx)
{
    chat_scan_t  *s = ctx;

    chat_yajl_token(&s->yajl);
    s->depth--;

    return 1;
}


static int
chat_scan_null(void *ctx)
{
    chat_scan_t  *s = ctx;

    chat_yajl_token(&s->yajl);

    return chat_scan_scalar(s);
}


static int
chat_scan_boolean(void *ctx, int v)
{
    return chat_scan_null(ctx);
}


static int
chat_scan_number(void *ctx, const char *text, size_t len)
{
    return chat_scan_null(ctx);
}


/* A value that can be neither name nor number. */

static int
chat_scan_scalar(chat_scan_t *s)
{
    if (s->depth == 1 && s->key == CHAT_SCAN_NAME && !s->named) {
        s->named = 1;
        s->wrong = 1;
        s->offset = s->yajl.token;
    }

    return s->depth != 0;
}
