
/*
 * Shared by the operations of the cabinet's API.
 */

#ifndef _CHAT_ADMIN_INTERNAL_H_INCLUDED_
#define _CHAT_ADMIN_INTERNAL_H_INCLUDED_


#include "chat_admin.h"
#include "chat_call.h"
#include "chat_str.h"


/*
 * What a me_view is made of.  Two steps of an operation are spent on it:
 *
 *     ask     chat_admin_view_ask() adds its calls to the step's round
 *     sites   chat_admin_view_sites() reads them and fetches the sites, as
 *             many rounds as it takes
 */
typedef struct chat_admin_view_s {
    uint64_t           site;         /* limited to it, 0 = not */
    unsigned           slot;         /* of the first call */
    chat_roles_t       roles;
    uint64_t          *ids;          /* sites with a role */
    size_t             n;
    size_t             at;           /* fetched so far */
    size_t             asked;        /* in this round; at 0: none yet */
    unsigned           started:1;
    chat_site_view_t  *sites;
    size_t             n_sites;
} chat_admin_view_t;

/* NULL: no memory. */
chat_admin_view_t *chat_admin_view_create(chat_op_t *op, uint64_t site);

/* slot: calls the step has issued before.  CHAT_AGAIN or CHAT_ERROR. */
int chat_admin_view_ask(chat_op_t *op, chat_admin_view_t *v, unsigned slot,
    uint64_t operator_id, uint64_t account);

/* CHAT_OK: v is complete; CHAT_AGAIN, CHAT_ERROR: return that. */
int chat_admin_view_sites(chat_op_t *op, chat_admin_view_t *v);

/* Fills the answer; slices point to its arguments. */
void chat_admin_view_fill(chat_me_view_t *me, const chat_admin_view_t *v,
    const chat_operator_t *who, const chat_session_rec_t *s);

/* A command to {g}. */
int chat_admin_call(chat_op_t *op, chat_cmd_t *c);

/* chat_commit_parse() of a slot; CHAT_ERROR with op->error. */
int chat_admin_committed(chat_op_t *op, unsigned slot,
    chat_commit_result_t *res);

/*
 * Hashes of an operator's living sessions, the ones that end last first, at
 * most CHAT_ADMIN_SESSIONS_MAX: from the reply of chat_sessions_list_cmd().
 */
#define CHAT_ADMIN_SESSIONS_MAX  100

int chat_admin_session_hashes(chat_op_t *op, unsigned slot,
    chat_str_t **hashes, size_t *n);


#endif /* _CHAT_ADMIN_INTERNAL_H_INCLUDED_ */
