
/*
 * An operator's session while his login lives: it ends with it, and attaches
 * anew when his roles changed.
 */

#include "ngx_http_chat_session_internal.h"
#include "chat_ws.h"


static void ngx_http_chat_session_checked(void *data, ngx_int_t rc);
static void ngx_http_chat_session_login(ngx_http_chat_session_t *s,
    const ngx_http_chat_login_t *login);
static ngx_uint_t ngx_http_chat_roles_within(const chat_roles_t *a,
    const chat_roles_t *b);


void
ngx_http_chat_session_check(ngx_http_chat_session_t *s)
{
    ngx_int_t                     rc;
    ngx_http_chat_wait_t         *wait;
    const ngx_http_chat_login_t  *login;

    if (s->check) {
        return;
    }

    wait = ngx_calloc(sizeof(ngx_http_chat_wait_t), s->worker->log);

    if (wait == NULL) {
        /* rather out than in without a right */
        rc = NGX_DECLINED;
        login = NULL;

    } else {
        wait->handler = ngx_http_chat_session_checked;
        wait->data = s;

        rc = ngx_http_chat_registry_login(s->worker, s->who.operator->login,
                                          wait, &login);
        if (rc == NGX_AGAIN) {
            s->check = wait;
            return;
        }

        ngx_free(wait);
    }

    ngx_http_chat_session_login(s, rc == NGX_OK ? login : NULL);
}


static void
ngx_http_chat_session_checked(void *data, ngx_int_t rc)
{
    ngx_http_chat_session_t *s = data;

    ngx_free(s->check);
    s->check = NULL;

    if (rc == NGX_OK) {
        ngx_http_chat_session_check(s);
        return;
    }

    if (rc == NGX_BUSY) {
        /* the store is away: who was in stays in, it is asked when the
           client comes the next time */
        return;
    }

    ngx_http_chat_session_login(s, NULL);
}


static void
ngx_http_chat_session_login(ngx_http_chat_session_t *s,
    const ngx_http_chat_login_t *login)
{
    if (login == NULL) {
        ngx_http_chat_session_end(s, CHAT_BYE_REASON_REVOKED, 0, 0,
                                  CHAT_WS_UNAUTHORIZED, "logged out");
        return;
    }

    if (ngx_http_chat_roles_within(&login->roles, &s->who.operator->roles)
        && ngx_http_chat_roles_within(&s->who.operator->roles, &login->roles))
    {
        return;
    }

    if (ngx_http_chat_operator_copy(&s->who, (ngx_str_t *) &login->who.name,
                                    &login->roles, login->hash)
        != NGX_OK)
    {
        ngx_http_chat_session_give(s, NULL);
        return;
    }

    /* other sites, other dialogs */

    s->positioned = 0;
    ngx_http_chat_attach_start(s);
}


/*
 * Is everything that `a` names the same by `b`?  It is by "*" what `b` does
 * not name: roles are equal if it is so both ways.
 */

static ngx_uint_t
ngx_http_chat_roles_within(const chat_roles_t *a, const chat_roles_t *b)
{
    size_t  i;

    for (i = 0; i < a->n; i++) {
        if (chat_roles_of(b, a->elts[i].site) != a->elts[i].role) {
            return 0;
        }
    }

    return 1;
}
