
/*
 * "I am typing": who may show it in which dialog, then one ephemeral event.
 * A visitor's session knows its dialog and asks nothing.
 */

#include "ngx_http_chat_session_internal.h"

#include "chat_call.h"


static int ngx_http_chat_typing_find(chat_op_t *op);
static int ngx_http_chat_typing_found(chat_op_t *op);
static int ngx_http_chat_typing_load(chat_op_t *op);
static int ngx_http_chat_typing_tell(chat_op_t *op);
static int ngx_http_chat_typing_call(chat_op_t *op, chat_cmd_t *cmd);


const chat_step_t  ngx_http_chat_typing_steps[] = {
    { "find",  ngx_http_chat_typing_find },
    { "found", ngx_http_chat_typing_found },
    { "load",  ngx_http_chat_typing_load },
    { "tell",  ngx_http_chat_typing_tell },
    { NULL, NULL }
};


/* A visitor without a session: his last dialog. */

static int
ngx_http_chat_typing_find(chat_op_t *op)
{
    chat_str_t               none;
    chat_sender_t            sender;
    ngx_http_chat_typing_t  *t;

    t = op->ctx;

    if (t->dialog.len) {
        op->next = &ngx_http_chat_typing_steps[2];
        return CHAT_OK;
    }

    chat_str_set(&none, "");
    ngx_http_chat_who_sender(t->who, &none, 0, &sender);

    return ngx_http_chat_typing_call(op, chat_sender_cmd(op->mem, &sender));
}


static int
ngx_http_chat_typing_found(chat_op_t *op)
{
    int                      rc;
    chat_str_t               none;
    chat_sent_t              sent;
    const redisReply        *reply;
    ngx_http_chat_typing_t  *t;

    t = op->ctx;

    rc = chat_call_reply(op, 0, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    chat_str_set(&none, "");

    if (chat_sender_parse(reply, &none, &sent) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (sent.pointer.len == 0) {
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    t->dialog = sent.pointer;

    return CHAT_OK;
}


static int
ngx_http_chat_typing_load(chat_op_t *op)
{
    ngx_http_chat_typing_t  *t;

    t = op->ctx;

    return ngx_http_chat_typing_call(op, chat_dialog_cmd(op->mem,
                                                         t->who->account,
                                                         &t->dialog));
}


static int
ngx_http_chat_typing_tell(chat_op_t *op)
{
    int                      rc, error;
    chat_actor_t             actor;
    const redisReply        *reply;
    ngx_http_chat_typing_t  *t;

    t = op->ctx;

    rc = chat_call_reply(op, 0, &reply);
    if (rc != CHAT_OK) {
        return rc;
    }

    t->found.dialog = t->dialog;

    if (chat_dialog_reply(reply, &t->found) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    if (!t->found.exists) {
        return chat_op_fail(op, CHAT_E_NOT_FOUND);
    }

    ngx_http_chat_who_actor(t->who, &actor);
    actor.role = ngx_http_chat_role((void *) t->who, t->found.site);

    if (chat_rights_dialog(&actor, CHAT_INTENT_POST, &t->found, &error)
        != CHAT_OK)
    {
        return chat_op_fail(op, error);
    }

    ngx_http_chat_typing_send(t->worker, t->who, &t->found.visitor,
                              t->found.site, &t->dialog);
    return CHAT_DONE;
}


void
ngx_http_chat_typing_send(ngx_http_chat_worker_t *w,
    const ngx_http_chat_who_t *who, const chat_str_t *visitor, uint64_t site,
    const chat_str_t *dialog)
{
    u_char            body[512];
    chat_entry_t      e;
    chat_ev_typing_t  typing;

    ngx_memzero(&typing, sizeof(chat_ev_typing_t));

    typing.from.kind = who->kind;
    chat_set(&typing.from, CHAT_F_AUTHOR_KIND);

    if (who->operator) {
        typing.from.id = who->operator_id;
        chat_set(&typing.from, CHAT_F_AUTHOR_ID);

        typing.from.name = who->operator->name;
        chat_set(&typing.from, CHAT_F_AUTHOR_NAME);
    }

    chat_set(&typing, CHAT_F_EV_TYPING_FROM);

    ngx_memzero(&e, sizeof(chat_entry_t));

    e.event = CHAT_EV_TYPING;
    e.account = who->account;
    e.site = site;
    e.visitor = *visitor;
    e.dialog = *dialog;
    e.owner = who->operator_id;
    e.body.data = body;
    e.body.len = chat_body_encode(&chat_ev_typing_type, &typing, body,
                                  sizeof(body));

    if (e.body.len <= sizeof(body)) {
        ngx_http_chat_bus_ephemeral(w, &e);
    }
}


static int
ngx_http_chat_typing_call(chat_op_t *op, chat_cmd_t *cmd)
{
    ngx_http_chat_typing_t  *t;

    t = op->ctx;

    if (cmd == NULL
        || chat_op_call(op, CHAT_CALL_REDIS, chat_partition(t->who->account),
                        cmd)
           < 0)
    {
        return CHAT_ERROR;
    }

    return CHAT_AGAIN;
}
