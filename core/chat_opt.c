
#include <stdio.h>

#include "chat_opt.h"
#include "chat_str.h"


#define CHAT_OPT_COLUMN  28


static int chat_opt_set(const chat_opt_t *o, void *out, const char *value,
    char *error, size_t size);


int
chat_opt_parse(const chat_opt_t *table, int argc, char **argv, void *out,
    uint64_t *seen, char *error, size_t size)
{
    int          i, k, words;
    char        *name, *eq;
    size_t       len;
    const char  *value;

    *seen = 0;
    words = 0;

    for (i = 0; i < argc; i++) {

        if (argv[i][0] != '-' || argv[i][1] != '-') {
            argv[words++] = argv[i];
            continue;
        }

        name = argv[i] + 2;

        if (*name == '\0') {
            for (i++; i < argc; i++) {
                argv[words++] = argv[i];
            }
            break;
        }

        eq = strchr(name, '=');
        len = eq ? (size_t) (eq - name) : strlen(name);
        k = chat_opt_find(table, name, len);

        if (k < 0) {
            snprintf(error, size, "unknown option --%.*s", (int) len, name);
            return -1;
        }

        value = eq ? eq + 1 : NULL;

        if (table[k].kind == CHAT_OPT_FLAG) {
            if (value != NULL) {
                snprintf(error, size, "option --%s takes no value",
                         table[k].name);
                return -1;
            }

        } else if (value == NULL) {
            if (i + 1 == argc) {
                snprintf(error, size, "option --%s needs %s", table[k].name,
                         table[k].arg);
                return -1;
            }

            value = argv[++i];
        }

        if (chat_opt_set(&table[k], out, value, error, size) != CHAT_OK) {
            return -1;
        }

        *seen |= (uint64_t) 1 << k;
    }

    return words;
}


static int
chat_opt_set(const chat_opt_t *o, void *out, const char *value, char *error,
    size_t size)
{
    char             *p;
    chat_str_t        s;
    chat_opt_list_t  *list;

    p = (char *) out + o->offset;

    switch (o->kind) {

    case CHAT_OPT_FLAG:
        *(int *) p = 1;
        return CHAT_OK;

    case CHAT_OPT_TEXT:
        *(const char **) p = value;
        return CHAT_OK;

    case CHAT_OPT_U64:
        s.len = strlen(value);
        s.data = (unsigned char *) value;

        if (chat_str_u64(&s, (uint64_t *) p) != CHAT_OK) {
            snprintf(error, size, "option --%s: \"%s\" is not a number",
                     o->name, value);
            return CHAT_ERROR;
        }

        return CHAT_OK;

    default: /* CHAT_OPT_LIST */
        list = (chat_opt_list_t *) p;

        if (list->n == CHAT_OPT_LIST_MAX) {
            snprintf(error, size, "too many --%s", o->name);
            return CHAT_ERROR;
        }

        list->elts[list->n++] = value;
        return CHAT_OK;
    }
}


int
chat_opt_find(const chat_opt_t *table, const char *name, size_t len)
{
    int  i;

    for (i = 0; table[i].name != NULL; i++) {
        if (strlen(table[i].name) == len
            && memcmp(table[i].name, name, len) == 0)
        {
            return i;
        }
    }

    return -1;
}


size_t
chat_opt_help(const chat_opt_t *table, uint64_t mask, char *dst, size_t size)
{
    int     i, n, pad;
    size_t  len;

    len = 0;

    for (i = 0; table[i].name != NULL; i++) {
        if (!(mask >> i & 1)) {
            continue;
        }

        n = (int) strlen(table[i].name)
            + (table[i].arg ? (int) strlen(table[i].arg) + 1 : 0);
        pad = n < CHAT_OPT_COLUMN - 4 ? CHAT_OPT_COLUMN - 4 - n : 1;

        n = snprintf(len < size ? dst + len : NULL,
                     len < size ? size - len : 0, "  --%s%s%s%*s%s\n",
                     table[i].name, table[i].arg ? " " : "",
                     table[i].arg ? table[i].arg : "", pad, "",
                     table[i].help);
        len += n;
    }

    return len;
}
