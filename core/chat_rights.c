
/*
 * Rights: what a role may do, and what an intent needs.
 */

#include "chat_rights.h"
#include "chat_str.h"


#define CHAT_BY_VISITOR   (1 << CHAT_ACTOR_KIND_VISITOR)
#define CHAT_BY_OPERATOR  (1 << CHAT_ACTOR_KIND_OPERATOR)
#define CHAT_BY_SYSTEM    (1 << CHAT_ACTOR_KIND_SYSTEM)


typedef struct {
    unsigned  actors;      /* who may want it at all */
    unsigned  may;         /* an operator's role must include these */
    unsigned  others;      /* and these, if another one owns the dialog */
} chat_right_t;


static int chat_rights_visitor(const chat_actor_t *who,
    const chat_dialog_t *d);
static int chat_rights_operator(const chat_actor_t *who,
    const chat_right_t *right, const chat_dialog_t *d);


static const unsigned  chat_rights_roles[CHAT_ROLE_MAX] = {
    [CHAT_ROLE_OWNER]      = CHAT_MAY_READ|CHAT_MAY_ANSWER|CHAT_MAY_OTHERS
                             |CHAT_MAY_MANAGE,
    [CHAT_ROLE_ADMIN]      = CHAT_MAY_READ|CHAT_MAY_ANSWER|CHAT_MAY_OTHERS
                             |CHAT_MAY_MANAGE,
    [CHAT_ROLE_SUPERVISOR] = CHAT_MAY_READ|CHAT_MAY_ANSWER|CHAT_MAY_OTHERS,
    [CHAT_ROLE_OPERATOR]   = CHAT_MAY_READ|CHAT_MAY_ANSWER,
    [CHAT_ROLE_ANALYST]    = CHAT_MAY_READ,
};

/* Nobody writes in another operator's name: 0xff is a right no role has. */
#define CHAT_MAY_NOBODY  0xff

static const chat_right_t  chat_rights_intents[CHAT_INTENT_MAX] = {

    [CHAT_INTENT_POST]       = { CHAT_BY_VISITOR|CHAT_BY_OPERATOR,
                                 CHAT_MAY_ANSWER, CHAT_MAY_NOBODY },

    [CHAT_INTENT_TAKE]       = { CHAT_BY_OPERATOR, CHAT_MAY_ANSWER, 0 },

    [CHAT_INTENT_CLOSE]      = { CHAT_BY_VISITOR|CHAT_BY_OPERATOR,
                                 CHAT_MAY_ANSWER, CHAT_MAY_OTHERS },

    [CHAT_INTENT_RELEASE]    = { CHAT_BY_OPERATOR,
                                 CHAT_MAY_ANSWER, CHAT_MAY_OTHERS },

    [CHAT_INTENT_DUE_IDLE]   = { CHAT_BY_SYSTEM, 0, 0 },

    [CHAT_INTENT_DUE_ACCEPT] = { CHAT_BY_SYSTEM, 0, 0 },
};


int
chat_rights_dialog(const chat_actor_t *who, chat_intent_e intent,
    const chat_dialog_t *d, int *error)
{
    const chat_right_t  *right;

    *error = 0;
    right = &chat_rights_intents[intent];

    /* first whether he may know of it: the answer must not tell */

    switch (who->kind) {

    case CHAT_ACTOR_KIND_VISITOR:
        *error = chat_rights_visitor(who, d);
        break;

    case CHAT_ACTOR_KIND_OPERATOR:
        *error = chat_rights_operator(who, right, d);
        break;
    }

    if (*error == 0 && !(right->actors & (1u << who->kind))) {
        *error = CHAT_E_FORBIDDEN;
    }

    return *error ? CHAT_DECLINED : CHAT_OK;
}


static int
chat_rights_visitor(const chat_actor_t *who, const chat_dialog_t *d)
{
    if (!d->exists) {
        return 0;
    }

    if (d->account != who->account
        || d->site != who->site
        || !chat_str_eq(&d->visitor, &who->visitor))
    {
        return CHAT_E_NOT_FOUND;
    }

    return 0;
}


static int
chat_rights_operator(const chat_actor_t *who, const chat_right_t *right,
    const chat_dialog_t *d)
{
    unsigned  may;

    may = chat_rights_role(who->role);

    if (!d->exists
        || d->account != who->account
        || !(may & CHAT_MAY_READ))
    {
        return CHAT_E_NOT_FOUND;
    }

    if ((may & right->may) != right->may) {
        return CHAT_E_FORBIDDEN;
    }

    if (d->state == CHAT_DIALOG_STATE_ACTIVE
        && d->owner != who->id
        && (may & right->others) != right->others)
    {
        return CHAT_E_FORBIDDEN;
    }

    return 0;
}


unsigned
chat_rights_role(int role)
{
    if (role <= 0 || role >= CHAT_ROLE_MAX) {
        return 0;
    }

    return chat_rights_roles[role];
}
