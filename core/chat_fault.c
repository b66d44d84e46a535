
/*
 * What was wrong with an input: the path to it, for people and programs.
 */

#include "chat_decode.h"
#include "chat_str.h"


static void chat_fault_path(chat_decode_t *d);
static void chat_fault_append(chat_fault_t *fault, const char *text,
    size_t len);


int
chat_decode_fail(chat_decode_t *d, chat_fault_e kind, const char *what,
    size_t offset)
{
    return chat_decode_fail_at(d, kind, what, NULL, offset);
}


int
chat_decode_fail_at(chat_decode_t *d, chat_fault_e kind, const char *what,
    const chat_str_t *key, size_t offset)
{
    d->fault->kind = kind;
    d->fault->what = what;
    d->fault->offset = offset;

    chat_fault_path(d);

    if (key) {
        chat_fault_append(d->fault, (const char *) key->data, key->len);
    }

    return CHAT_ERROR;
}


/* "dialogs.3.name": what leads to the value that comes now. */

static void
chat_fault_path(chat_decode_t *d)
{
    unsigned              i;
    unsigned char         digits[20], *p;
    chat_decode_level_t  *l;

    d->fault->field[0] = '\0';

    for (i = 0; i < d->depth; i++) {
        l = &d->levels[i];

        if (l->list) {
            /* inside the last element, or where the next one begins */

            p = chat_u64_print(digits, l->list->n - (i < d->depth - 1));
            chat_fault_append(d->fault, (char *) digits,
                              (size_t) (p - digits));

        } else if (l->field) {
            chat_fault_append(d->fault, (char *) l->field->name.data,
                              l->field->name.len);
        }
    }
}


static void
chat_fault_append(chat_fault_t *fault, const char *text, size_t len)
{
    size_t  used, room;

    used = strlen(fault->field);
    room = sizeof(fault->field) - 1 - used;

    if (used && room) {
        fault->field[used++] = '.';
        room--;
    }

    if (len > room) {
        len = room;

        /* not in the middle of a character */

        while (len && ((unsigned char) text[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    memcpy(fault->field + used, text, len);
    fault->field[used + len] = '\0';
}
