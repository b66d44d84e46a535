
/*
 * The operation that reads an account: who is there, and if asked for, its
 * people with their roles and its sites.
 */

#include "ngx_http_chat_account.h"


static int ngx_http_chat_load_ask(chat_op_t *op);
static int ngx_http_chat_load_lists(chat_op_t *op);
static int ngx_http_chat_load_people(chat_op_t *op);
static int ngx_http_chat_load_person(chat_op_t *op);
static int ngx_http_chat_load_sites(chat_op_t *op);
static int ngx_http_chat_load_site(chat_op_t *op);

static int ngx_http_chat_load_call(chat_op_t *op, int partition,
    chat_cmd_t *cmd);
static const redisReply *ngx_http_chat_load_reply(chat_op_t *op,
    ngx_uint_t slot);
static chat_cmd_t *ngx_http_chat_load_range(chat_mem_t *mem, uint64_t account,
    const char *what, ngx_uint_t max);
static int ngx_http_chat_load_copy(chat_mem_t *mem, chat_str_t *s);


const chat_step_t  ngx_http_chat_load_steps[] = {
    { "ask",    ngx_http_chat_load_ask },
    { "lists",  ngx_http_chat_load_lists },
    { "people", ngx_http_chat_load_people },
    { "person", ngx_http_chat_load_person },
    { "sites",  ngx_http_chat_load_sites },
    { "site",   ngx_http_chat_load_site },
    { NULL, NULL }
};

#define ngx_http_chat_load_people_step  (&ngx_http_chat_load_steps[2])
#define ngx_http_chat_load_sites_step   (&ngx_http_chat_load_steps[4])


static int
ngx_http_chat_load_ask(chat_op_t *op)
{
    chat_str_t             key;
    chat_cmd_t            *cmd;
    ngx_http_chat_load_t  *load;

    load = op->ctx;

    key = chat_key_account(op->mem, load->account, "presence");
    cmd = chat_cmd_create(op->mem, 4);

    if (cmd == NULL) {
        return CHAT_ERROR;
    }

    chat_cmd_lit(cmd, "ZRANGEBYSCORE");
    chat_cmd_str(cmd, &key);
    chat_cmd_u64(cmd, op->host->now_ms(op->host));
    chat_cmd_lit(cmd, "+inf");

    if (ngx_http_chat_load_call(op, chat_partition(load->account), cmd)
        != CHAT_AGAIN)
    {
        return CHAT_ERROR;
    }

    if (!load->full) {
        return CHAT_AGAIN;
    }

    cmd = ngx_http_chat_load_range(op->mem, load->account, "operators",
                                   NGX_HTTP_CHAT_PEOPLE_MAX);

    if (ngx_http_chat_load_call(op, -1, cmd) != CHAT_AGAIN) {
        return CHAT_ERROR;
    }

    cmd = ngx_http_chat_load_range(op->mem, load->account, "sites",
                                   NGX_HTTP_CHAT_SITES_MAX);

    return ngx_http_chat_load_call(op, -1, cmd);
}


static int
ngx_http_chat_load_lists(chat_op_t *op)
{
    size_t                 i, n;
    chat_str_t             member;
    const redisReply      *r;
    ngx_http_chat_load_t  *load;

    load = op->ctx;

    r = ngx_http_chat_load_reply(op, 0);

    if (r == NULL) {
        return chat_op_fail(op, CHAT_E_STORE_DOWN);
    }

    n = r->elements;
    load->online = chat_mem_alloc(op->mem, (n + 1) * sizeof(uint64_t));

    if (load->online == NULL) {
        return CHAT_ERROR;
    }

    for (i = 0; i < n; i++) {
        /* <operator>:<node>.<slot> */

        if (chat_reply_str(chat_reply_at(r, i), &member) != CHAT_OK) {
            continue;
        }

        member.len = ngx_strlchr(member.data, member.data + member.len, ':')
                     ? (size_t) (ngx_strlchr(member.data,
                                             member.data + member.len, ':')
                                 - member.data)
                     : member.len;

        if (chat_str_u64(&member, &load->online[load->n_online])
            == CHAT_OK)
        {
            load->n_online++;
        }
    }

    if (!load->full) {
        return CHAT_DONE;
    }

    r = ngx_http_chat_load_reply(op, 1);

    if (r == NULL) {
        return chat_op_fail(op, CHAT_E_STORE_DOWN);
    }

    load->people = chat_mem_alloc(op->mem, (r->elements + 1)
                                           * sizeof(ngx_http_chat_person_t));
    if (load->people == NULL) {
        return CHAT_ERROR;
    }

    for (i = 0; i < r->elements; i++) {
        if (chat_reply_u64(chat_reply_at(r, i),
                           &load->people[load->n_people].id)
            == CHAT_OK)
        {
            load->n_people++;
        }
    }

    r = ngx_http_chat_load_reply(op, 2);

    if (r == NULL) {
        return chat_op_fail(op, CHAT_E_STORE_DOWN);
    }

    load->sites = chat_mem_alloc(op->mem, (r->elements + 1)
                                          * sizeof(chat_site_t));
    if (load->sites == NULL) {
        return CHAT_ERROR;
    }

    for (i = 0; i < r->elements; i++) {
        if (chat_reply_u64(chat_reply_at(r, i),
                           &load->sites[load->n_sites].id)
            == CHAT_OK)
        {
            load->n_sites++;
        }
    }

    return CHAT_OK;
}


/* Two calls each: name (never the password's hash) and roles. */

static int
ngx_http_chat_load_people(chat_op_t *op)
{
    chat_str_t             key;
    chat_cmd_t            *cmd;
    ngx_uint_t             i;
    ngx_http_chat_load_t  *load;

    load = op->ctx;

    if (load->next == load->n_people) {
        load->next = 0;
        op->next = ngx_http_chat_load_sites_step;
        return CHAT_OK;
    }

    load->asked = ngx_min(load->n_people - load->next, CHAT_OP_CALLS / 2);

    for (i = load->next; i < load->next + load->asked; i++) {

        key = chat_key(op->mem, CHAT_PARTITION_GLOBAL, "chat:%t:operator:%u",
                       load->people[i].id);
        cmd = chat_cmd_create(op->mem, 3);

        if (cmd == NULL) {
            return CHAT_ERROR;
        }

        chat_cmd_lit(cmd, "HGET");
        chat_cmd_str(cmd, &key);
        chat_cmd_lit(cmd, "name");

        if (ngx_http_chat_load_call(op, -1, cmd) != CHAT_AGAIN
            || ngx_http_chat_load_call(op, -1,
                           chat_roles_get_cmd(op->mem, load->people[i].id))
               != CHAT_AGAIN)
        {
            return CHAT_ERROR;
        }
    }

    return CHAT_AGAIN;
}


static int
ngx_http_chat_load_person(chat_op_t *op)
{
    ngx_uint_t               i;
    const redisReply        *name, *roles;
    ngx_http_chat_load_t    *load;
    ngx_http_chat_person_t  *p;

    load = op->ctx;

    for (i = 0; i < load->asked; i++) {
        p = &load->people[load->next + i];

        name = ngx_http_chat_load_reply(op, 2 * i);
        roles = ngx_http_chat_load_reply(op, 2 * i + 1);

        if (name == NULL || roles == NULL) {
            return chat_op_fail(op, CHAT_E_STORE_DOWN);
        }

        /* one without a name or roles is still a number */

        if (chat_reply_str(name, &p->name) != CHAT_OK) {
            p->name.len = 0;
        }

        if (chat_roles_parse(roles, &p->roles, op->mem) != CHAT_OK) {
            p->roles.n = 0;
        }

        if (ngx_http_chat_load_copy(op->mem, &p->name) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    load->next += load->asked;
    op->next = ngx_http_chat_load_people_step;

    return CHAT_OK;
}


static int
ngx_http_chat_load_sites(chat_op_t *op)
{
    ngx_uint_t             i;
    ngx_http_chat_load_t  *load;

    load = op->ctx;

    if (load->next == load->n_sites) {
        return CHAT_DONE;
    }

    load->asked = ngx_min(load->n_sites - load->next, CHAT_OP_CALLS);

    for (i = load->next; i < load->next + load->asked; i++) {

        if (ngx_http_chat_load_call(op, -1,
                              chat_site_get_cmd(op->mem, load->sites[i].id))
            != CHAT_AGAIN)
        {
            return CHAT_ERROR;
        }
    }

    return CHAT_AGAIN;
}


static int
ngx_http_chat_load_site(chat_op_t *op)
{
    ngx_uint_t             i;
    chat_site_t           *site;
    const redisReply      *r;
    ngx_http_chat_load_t  *load;

    load = op->ctx;

    for (i = 0; i < load->asked; i++) {
        site = &load->sites[load->next + i];

        r = ngx_http_chat_load_reply(op, i);

        if (r == NULL) {
            return chat_op_fail(op, CHAT_E_STORE_DOWN);
        }

        if (chat_site_parse(r, site, op->mem) != CHAT_OK) {
            /* a row that went between the two questions */
            ngx_memzero(site, sizeof(chat_site_t));
        }

        if (ngx_http_chat_load_copy(op->mem, &site->name) != CHAT_OK) {
            return CHAT_ERROR;
        }

        site->hosts.len = 0;
    }

    load->next += load->asked;
    op->next = ngx_http_chat_load_sites_step;

    return CHAT_OK;
}


ngx_uint_t
ngx_http_chat_load_online(ngx_http_chat_load_t *load, uint64_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < load->n_online; i++) {
        if (load->online[i] == id) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_http_chat_load_call(chat_op_t *op, int partition, chat_cmd_t *cmd)
{
    if (cmd == NULL) {
        return CHAT_ERROR;
    }

    return chat_op_call(op, CHAT_CALL_REDIS, partition, cmd) < 0 ? CHAT_ERROR
                                                                 : CHAT_AGAIN;
}


/* NULL: no answer, or an error. */

static const redisReply *
ngx_http_chat_load_reply(chat_op_t *op, ngx_uint_t slot)
{
    chat_reply_t  *reply;

    reply = chat_op_result(op, slot);

    if (reply->rc != CHAT_OK
        || chat_reply_error(reply->reply) != CHAT_REDIS_OK)
    {
        return NULL;
    }

    return reply->reply;
}


static chat_cmd_t *
ngx_http_chat_load_range(chat_mem_t *mem, uint64_t account, const char *what,
    ngx_uint_t max)
{
    chat_str_t   key;
    chat_cmd_t  *cmd;

    key = chat_key(mem, CHAT_PARTITION_GLOBAL, "chat:%t:account:%u:%c",
                   account, what);
    cmd = chat_cmd_create(mem, 4);

    if (cmd) {
        chat_cmd_lit(cmd, "ZRANGE");
        chat_cmd_str(cmd, &key);
        chat_cmd_u64(cmd, 0);
        chat_cmd_u64(cmd, max - 1);
    }

    return cmd;
}


/* Replies go when the operation ends; what is kept is copied. */

static int
ngx_http_chat_load_copy(chat_mem_t *mem, chat_str_t *s)
{
    chat_str_t  src;

    src = *s;

    return chat_mem_dup(mem, s, &src);
}
