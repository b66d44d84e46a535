
/*
 * The state of a dialog, by the vectors shared with TypeScript.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vectors.h"
#include "chat_dialog.h"


#define VECTORS  "t/vectors/dialog.jsonl"


static int
event_number(const chat_str_t *name)
{
    int  i;

    for (i = 1; i < CHAT_EV_MAX; i++) {
        if (chat_str_eq(&chat_events[i].name, name)) {
            return i;
        }
    }

    return 999;      /* of a newer server */
}


/* What the log has for a frame; *text is set to a message's text. */

static void
entry_of_frame(yajl_val frame, chat_entry_t *e, chat_str_t *text,
    chat_mem_t *mem)
{
    yajl_val    body, operator;
    chat_str_t  name, id;
    union {
        chat_ev_dialog_opened_t    dialog_opened;
        chat_ev_message_posted_t   message_posted;
        chat_ev_dialog_closed_t    dialog_closed;
        chat_ev_dialog_released_t  dialog_released;
        chat_ev_dialog_taken_t     dialog_taken;
    } u;

    memset(e, 0, sizeof(chat_entry_t));

    name = vector_str(frame, "e");
    id = vector_str(frame, "id");
    assert_int_equal(chat_id_parse(&id, &e->id), CHAT_OK);
    e->event = event_number(&name);
    e->seq = vector_u64(frame, "seq");
    e->sender = vector_str(frame, "sender");
    e->account = 1;
    e->site = 7;
    chat_str_set(&e->visitor, "AAECAwQFBgcICQoLDA0ODw");
    e->dialog = vector_str(frame, "dialog");

    if (e->event >= CHAT_EV_MAX) {
        return;
    }

    body = vector_get(frame, "body");
    vector_struct(body, chat_events[e->event].type, &u, mem);
    e->body = vector_body(chat_events[e->event].type, &u, mem);

    operator = vector_get(body, "operator");

    if (operator) {
        e->owner = vector_u64(operator, "id");
    }

    if (e->event == CHAT_EV_MESSAGE_POSTED) {
        *text = u.message_posted.text;
    }
}


static chat_str_t
encode_view(const chat_dialog_view_t *view, chat_mem_t *mem)
{
    chat_str_t  s;

    s.len = chat_json_encode(&chat_dialog_view_type, view, NULL, 0);
    s.data = chat_mem_alloc(mem, s.len + 1);
    chat_json_encode(&chat_dialog_view_type, view, s.data, s.len);

    return s;
}


static void
run_scenario(yajl_val line, chat_mem_t *mem)
{
    size_t              i;
    yajl_val            steps, step;
    chat_str_t          text, last, name, got, want;
    chat_entry_t        e;
    chat_dialog_t       d;
    chat_dialog_view_t  view, expected;

    name = vector_str(line, "name");
    steps = vector_get(line, "steps");
    memset(&d, 0, sizeof(d));
    last.len = 0;

    for (i = 0; i < steps->u.array.len; i++) {
        step = steps->u.array.values[i];

        text.data = NULL;
        entry_of_frame(vector_get(step, "frame"), &e, &text, mem);

        if (text.data && chat_id_cmp(&e.id, &d.last) > 0) {
            last = text;
        }

        chat_dialog_apply(&d, &e);
        chat_dialog_view(&d, &last, &view, mem);
        vector_struct(vector_get(step, "view"), &chat_dialog_view_type,
                      &expected, mem);

        got = encode_view(&view, mem);
        want = encode_view(&expected, mem);

        if (!chat_str_eq(&got, &want)) {
            fail_msg("%s, step %zu:\n got %s\nwant %s", (char *) name.data,
                     i + 1, (char *) got.data, (char *) want.data);
        }
    }
}


static void
vectors(void **state)
{
    assert_in_range(vectors_each(VECTORS, run_scenario), 12, 1000);
}


static void
ephemeral_changes_nothing(void **state)
{
    chat_entry_t   e;
    chat_dialog_t  d, before;

    memset(&d, 0, sizeof(d));
    memset(&e, 0, sizeof(e));
    d.exists = 1;
    d.state = CHAT_DIALOG_STATE_ACTIVE;
    before = d;
    e.id.ms = 5;
    e.event = CHAT_EV_TYPING;

    chat_dialog_apply(&d, &e);
    assert_memory_equal(&d, &before, sizeof(d));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(ephemeral_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
