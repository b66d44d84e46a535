
/*
 * A commit as the argument of commit.lua.
 */

#include <msgpack.h>

#include "chat_commit_private.h"


static int chat_commit_sink(void *data, const char *buf, size_t len);
static void chat_commit_pack_sender(const chat_commit_t *c,
    msgpack_packer *pk);
static void chat_commit_pack_dialog(const chat_commit_dialog_t *d,
    msgpack_packer *pk);
static void chat_commit_pack_check(const chat_commit_check_t *check,
    msgpack_packer *pk);
static void chat_commit_pack_event(const chat_commit_event_t *e,
    msgpack_packer *pk);
static void chat_commit_pack_write(const chat_commit_write_t *w,
    msgpack_packer *pk);
static void chat_pack_value(msgpack_packer *pk, const chat_str_t *s,
    uint64_t delay);
static void chat_pack_if(msgpack_packer *pk, const chat_str_t *s);
static void chat_pack_str(msgpack_packer *pk, const chat_str_t *s);
static void chat_pack_c(msgpack_packer *pk, const char *text);


static int
chat_commit_sink(void *data, const char *buf, size_t len)
{
    chat_str_t  *out = data;

    if (out->data) {
        memcpy(out->data + out->len, buf, len);
    }

    out->len += len;

    return 0;
}


void
chat_commit_pack(const chat_commit_t *c, chat_str_t *out)
{
    msgpack_packer              pk;
    const chat_commit_check_t  *check;
    const chat_commit_event_t  *e;
    const chat_commit_write_t  *w;

    msgpack_packer_init(&pk, out, chat_commit_sink);

    msgpack_pack_map(&pk, 3 + (c->sender != NULL) + (c->dialog.key != 0));

    if (c->sender) {
        chat_pack_c(&pk, "s");
        chat_commit_pack_sender(c, &pk);
    }

    if (c->dialog.key) {
        chat_pack_c(&pk, "d");
        chat_commit_pack_dialog(&c->dialog, &pk);
    }

    chat_pack_c(&pk, "c");
    msgpack_pack_array(&pk, c->n_checks);

    for (check = c->checks; check; check = check->next) {
        chat_commit_pack_check(check, &pk);
    }

    chat_pack_c(&pk, "e");
    msgpack_pack_array(&pk, c->n_events);

    for (e = c->events; e; e = e->next) {
        chat_commit_pack_event(e, &pk);
    }

    chat_pack_c(&pk, "w");
    msgpack_pack_array(&pk, c->n_writes);

    for (w = c->writes; w; w = w->next) {
        chat_commit_pack_write(w, &pk);
    }
}


static void
chat_commit_pack_sender(const chat_commit_t *c, msgpack_packer *pk)
{
    msgpack_pack_array(pk, 6);
    msgpack_pack_uint32(pk, c->sender_key);
    chat_pack_str(pk, &c->sender->instance);
    chat_pack_str(pk, &c->sender_n);
    chat_pack_str(pk, &c->sender_dialog);
    chat_pack_if(pk, c->pointer);
    chat_pack_if(pk, c->pointer_next);
}


static void
chat_commit_pack_dialog(const chat_commit_dialog_t *d, msgpack_packer *pk)
{
    unsigned  i;

    msgpack_pack_array(pk, d->head.len ? 4 : 3);
    msgpack_pack_uint32(pk, d->key);
    chat_pack_str(pk, &d->found);
    chat_pack_if(pk, d->last.len ? &d->last : NULL);

    if (d->head.len == 0) {
        return;
    }

    msgpack_pack_array(pk, 9);
    msgpack_pack_uint32(pk, d->about);
    chat_pack_str(pk, &d->head);

    for (i = 0; i < 3; i++) {
        if (d->moved[i].len) {
            chat_pack_value(pk, &d->moved[i], 0);
        } else {
            msgpack_pack_false(pk);
        }
    }

    for (i = 0; i < 3; i++) {
        chat_pack_value(pk, &d->times[i], 0);
    }

    chat_pack_str(pk, &d->names);
}


static void
chat_commit_pack_check(const chat_commit_check_t *check, msgpack_packer *pk)
{
    msgpack_pack_array(pk, 4);
    msgpack_pack_uint32(pk, check->key);
    chat_pack_c(pk, check->field);
    msgpack_pack_str(pk, 1);
    msgpack_pack_str_body(pk, &check->op, 1);
    chat_pack_str(pk, &check->value);
}


static void
chat_commit_pack_event(const chat_commit_event_t *e, msgpack_packer *pk)
{
    msgpack_pack_array(pk, 7);
    msgpack_pack_uint32(pk, e->log);
    msgpack_pack_uint32(pk, e->list);

    if (e->public) {
        msgpack_pack_true(pk);
    } else {
        msgpack_pack_false(pk);
    }

    msgpack_pack_int(pk, e->event);
    chat_pack_str(pk, &e->facts);
    chat_pack_str(pk, &e->route);
    chat_pack_str(pk, &e->body);
}


static void
chat_commit_pack_write(const chat_commit_write_t *w, msgpack_packer *pk)
{
    int  i;

    msgpack_pack_array(pk, w->argc);
    chat_pack_str(pk, &w->argv[0]);
    msgpack_pack_uint32(pk, w->key);

    for (i = 2; i < w->argc; i++) {
        chat_pack_value(pk, &w->argv[i], w->delay);
    }
}


/* The last event's id, its time and some ms, or a text. */

static void
chat_pack_value(msgpack_packer *pk, const chat_str_t *s, uint64_t delay)
{
    if (s->data == chat_at_id.data) {
        msgpack_pack_true(pk);

    } else if (s->data == chat_at_ms.data) {
        msgpack_pack_uint64(pk, delay);

    } else {
        chat_pack_str(pk, s);
    }
}


static void
chat_pack_if(msgpack_packer *pk, const chat_str_t *s)
{
    if (s) {
        chat_pack_str(pk, s);
    } else {
        msgpack_pack_false(pk);
    }
}


static void
chat_pack_str(msgpack_packer *pk, const chat_str_t *s)
{
    msgpack_pack_str(pk, s->len);

    if (s->len) {
        msgpack_pack_str_body(pk, s->data, s->len);
    }
}


static void
chat_pack_c(msgpack_packer *pk, const char *text)
{
    msgpack_pack_str(pk, strlen(text));
    msgpack_pack_str_body(pk, text, strlen(text));
}
