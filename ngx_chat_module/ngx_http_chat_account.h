
/*
 * Between _account.c, _load.c, which reads an account from the store, and
 * _account_view.c, which tells clients of it.
 */

#ifndef _NGX_HTTP_CHAT_ACCOUNT_H_INCLUDED_
#define _NGX_HTTP_CHAT_ACCOUNT_H_INCLUDED_


#include "ngx_http_chat_session_internal.h"


#define NGX_HTTP_CHAT_PEOPLE_MAX   1000
#define NGX_HTTP_CHAT_SITES_MAX    1000


struct ngx_http_chat_load_s {
    ngx_http_chat_owner_t        owner;
    chat_op_t                    op;
    chat_mem_t                   mem;
    ngx_pool_t                  *pool;

    uint64_t                     account;
    ngx_uint_t                   full;

    uint64_t                    *online;      /* ids, several times each */
    ngx_uint_t                   n_online;
    ngx_http_chat_person_t      *people;
    ngx_uint_t                   n_people;
    chat_site_t                 *sites;
    ngx_uint_t                   n_sites;
    ngx_uint_t                   next;        /* to be asked */
    ngx_uint_t                   asked;
};

extern const chat_step_t  ngx_http_chat_load_steps[];


ngx_uint_t ngx_http_chat_load_online(ngx_http_chat_load_t *load, uint64_t id);

/* One of the people as a client sees him; the name is not copied. */
void ngx_http_chat_person_view(ngx_http_chat_person_t *p,
    chat_operator_view_t *view);
/*
 * Tells operators of those (chat_operator_view_t; perhaps none), visitors
 * whether anybody could answer; who has no room for it is told later.
 */
void ngx_http_chat_account_tell(ngx_http_chat_account_t *a,
    chat_list_t *changed);


#endif /* _NGX_HTTP_CHAT_ACCOUNT_H_INCLUDED_ */
