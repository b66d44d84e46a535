
#include "chatctl.h"
#include "ctl_password.h"


typedef struct {
    uint64_t         has;
    uint64_t         id;
    chat_str_t       login;
    unsigned char    fresh;
} ctl_login_row_t;

typedef struct {
    uint64_t         has;
    uint64_t         id;
    chat_str_t       login;
    chat_str_t       name;
    chat_str_t       account;
    chat_str_t       roles;
    chat_str_t       status;
} ctl_operator_row_t;


static int ctl_operator_exists(ctl_t *ctl, const chat_str_t *login,
    uint64_t *id);
static int ctl_operator_report(ctl_t *ctl, uint64_t id, int fresh);
static int ctl_operator_known(ctl_t *ctl, uint64_t id);
static int ctl_operator_login(ctl_t *ctl, chat_str_t *login);
static int ctl_operator_row(ctl_t *ctl, uint64_t id);
static int ctl_roles_text(ctl_t *ctl, uint64_t id, chat_str_t *text);
static int ctl_sessions_end(ctl_t *ctl, const chat_operator_t *o);
static int ctl_role(const char *text);


static const chat_field_t  ctl_login_fields[] = {
    CTL_U64(ctl_login_row_t, id),
    CTL_STR(ctl_login_row_t, login),
    CTL_BOOL(ctl_login_row_t, fresh),
};

static const chat_type_t  ctl_login_type =
    CTL_TYPE(ctl_login_row_t, ctl_login_fields);

static const chat_field_t  ctl_operator_fields[] = {
    CTL_U64(ctl_operator_row_t, id),
    CTL_STR(ctl_operator_row_t, login),
    CTL_STR(ctl_operator_row_t, name),
    CTL_STR(ctl_operator_row_t, account),
    CTL_STR(ctl_operator_row_t, roles),
    CTL_STR(ctl_operator_row_t, status),
};

static const chat_type_t  ctl_operator_type =
    CTL_TYPE(ctl_operator_row_t, ctl_operator_fields);


int
ctl_operator_add(ctl_t *ctl)
{
    int                    role;
    uint64_t               id;
    chat_site_t            site;
    ctl_password_t         password;
    chat_operator_t        o;
    chat_commit_result_t   res;

    memset(&o, 0, sizeof(chat_operator_t));
    memset(&site, 0, sizeof(chat_site_t));
    o.on = 1;

    role = ctl->opt.role ? ctl_role(ctl->opt.role) : CHAT_ROLE_OPERATOR;
    if (role == 0) {
        return ctl_error("there is no role \"%s\"", ctl->opt.role);
    }

    if (ctl_operator_login(ctl, &o.login) != CTL_OK) {
        return CTL_FAILED;
    }

    o.name = ctl->opt.name ? ctl_str(ctl->opt.name) : o.login;

    if (chat_utf8_length(&o.name) < 1 || chat_utf8_length(&o.name) > 100) {
        return ctl_error("the operator's name must have 1 to 100 characters "
                         "of UTF-8");
    }

    if (ctl->opt.site && ctl_site_find(ctl, ctl->opt.site, &site) != CTL_OK) {
        return CTL_FAILED;
    }

    if (ctl->opt.account) {
        if (ctl_account_find(ctl, ctl->opt.account, &o.account) != CTL_OK) {
            return CTL_FAILED;
        }

        if (site.id && site.account != o.account) {
            return ctl_error("site \"%s\" is not of account \"%s\"",
                             ctl->opt.site, ctl->opt.account);
        }

    } else if (site.id) {
        o.account = site.account;

    } else {
        return ctl_error("whose operator? give --account or --site");
    }

    if (ctl_operator_exists(ctl, &o.login, &id) != CTL_OK) {
        return CTL_FAILED;
    }

    if (id) {
        return ctl_operator_known(ctl, id);
    }

    if (ctl_password_read(ctl, &password) != CTL_OK
        || ctl_password_hash(ctl, &password, &o.hash) != CTL_OK)
    {
        ctl_password_forget(&password);
        return CTL_FAILED;
    }

    o.id = ctl_next(ctl, "operator");
    if (o.id == 0
        || ctl_commit(ctl, chat_operator_add_cmd(ctl->mem, &o, site.id, role,
                                                 ctl_now_ms()), &res)
           != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (res.outcome == CHAT_WRITE_CONFLICT) {
        if (ctl_operator_exists(ctl, &o.login, &id) != CTL_OK || id == 0) {
            return ctl_error("the login is in use");
        }

        return ctl_operator_known(ctl, id);
    }

    return ctl_operator_report(ctl, o.id, 1);
}


/* Somebody has this login: the same account's is fine, another's is not. */

static int
ctl_operator_known(ctl_t *ctl, uint64_t id)
{
    uint64_t         account;
    chat_operator_t  o;

    if (ctl_operator_load(ctl, id, &o) != CTL_OK) {
        return CTL_FAILED;
    }

    if (ctl->opt.account) {
        if (ctl_account_find(ctl, ctl->opt.account, &account) != CTL_OK) {
            return CTL_FAILED;
        }

        if (account != o.account) {
            return ctl_error("the login is in use in another account");
        }
    }

    return ctl_operator_report(ctl, id, 0);
}


static int
ctl_operator_report(ctl_t *ctl, uint64_t id, int fresh)
{
    ctl_login_row_t  row;
    chat_operator_t  o;

    if (!ctl->opt.json) {
        printf("%llu\n", (unsigned long long) id);
        return CTL_OK;
    }

    if (ctl_operator_load(ctl, id, &o) != CTL_OK) {
        return CTL_FAILED;
    }

    memset(&row, 0, sizeof(ctl_login_row_t));
    row.id = id;
    row.login = o.login;
    row.fresh = (unsigned char) fresh;

    if (ctl_begin(ctl, &ctl_login_type, CTL_ONE) != CTL_OK
        || ctl_row(ctl, &row) != CTL_OK)
    {
        return CTL_FAILED;
    }

    return ctl_end(ctl);
}


int
ctl_operator_passwd(ctl_t *ctl)
{
    chat_str_t             login;
    ctl_password_t         password;
    chat_operator_t        o;
    chat_commit_result_t   res;

    if (ctl_operator_login(ctl, &login) != CTL_OK
        || ctl_operator_find(ctl, (char *) login.data, &o) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (ctl_password_read(ctl, &password) != CTL_OK
        || ctl_password_hash(ctl, &password, &o.hash) != CTL_OK)
    {
        ctl_password_forget(&password);
        return CTL_FAILED;
    }

    if (ctl_commit(ctl, chat_operator_hash_cmd(ctl->mem, o.account, o.id,
                                               &o.hash), &res)
        != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (res.outcome != CHAT_WRITE_OK) {
        return ctl_error("the operator changed meanwhile; try again");
    }

    if (ctl_sessions_end(ctl, &o) != CTL_OK) {
        return CTL_FAILED;
    }

    return ctl_operator_report(ctl, o.id, 0);
}


/* Whoever knew the old password is logged out. */

static int
ctl_sessions_end(ctl_t *ctl, const chat_operator_t *o)
{
    size_t                 i;
    chat_str_t             hash;
    redisReply            *r;
    chat_session_rec_t     rec;
    chat_commit_result_t   res;

    r = ctl_call(ctl, chat_sessions_list_cmd(ctl->mem, o->id));
    if (r == NULL) {
        return CTL_FAILED;
    }

    memset(&rec, 0, sizeof(chat_session_rec_t));
    rec.operator_id = o->id;
    rec.account = o->account;

    /* members and scores */

    for (i = 0; i < r->elements; i += 2) {
        if (chat_reply_str(chat_reply_at(r, i), &hash) == CHAT_OK
            && ctl_commit(ctl, chat_session_del_cmd(ctl->mem, &hash, &rec),
                          &res)
               != CTL_OK)
        {
            return CTL_FAILED;
        }
    }

    return CTL_OK;
}


int
ctl_operator_list(ctl_t *ctl)
{
    size_t      i, k, n, m;
    uint64_t    account, *accounts, *ids;
    chat_str_t  key;

    account = 0;

    if (ctl->opt.account
        && ctl_account_find(ctl, ctl->opt.account, &account) != CTL_OK)
    {
        return CTL_FAILED;
    }

    key = chat_key_global(ctl->mem, "accounts");

    if (ctl_numbers(ctl, &key, &accounts, &n) != CTL_OK
        || ctl_begin(ctl, &ctl_operator_type, CTL_LIST) != CTL_OK)
    {
        return CTL_FAILED;
    }

    for (i = 0; i < n; i++) {

        if (account && accounts[i] != account) {
            continue;
        }

        key = chat_key(ctl->mem, CHAT_PARTITION_GLOBAL,
                       "chat:%t:account:%u:operators", accounts[i]);
        if (ctl_numbers(ctl, &key, &ids, &m) != CTL_OK) {
            return CTL_FAILED;
        }

        for (k = 0; k < m; k++) {
            if (ctl_operator_row(ctl, ids[k]) != CTL_OK) {
                return CTL_FAILED;
            }
        }
    }

    return ctl_end(ctl);
}


static int
ctl_operator_row(ctl_t *ctl, uint64_t id)
{
    chat_operator_t     o;
    ctl_operator_row_t  row;

    memset(&row, 0, sizeof(ctl_operator_row_t));

    if (ctl_operator_load(ctl, id, &o) != CTL_OK
        || ctl_account_name(ctl, o.account, &row.account) != CTL_OK
        || ctl_roles_text(ctl, id, &row.roles) != CTL_OK)
    {
        return CTL_FAILED;
    }

    row.id = o.id;
    row.login = o.login;
    row.name = o.name;
    row.status = ctl_str(o.on ? "on" : "off");

    return ctl_row(ctl, &row);
}


/* "operator" for all sites, "shop.test:operator other.test:admin" for some. */

static int
ctl_roles_text(ctl_t *ctl, uint64_t id, chat_str_t *text)
{
    size_t          i, k, n, len;
    redisReply     *r;
    const char     *name;
    chat_site_t    *sites;
    chat_roles_t    roles;
    unsigned char  *p;

    r = ctl_call(ctl, chat_roles_get_cmd(ctl->mem, id));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_roles_parse(r, &roles, ctl->mem) != CHAT_OK) {
        *text = ctl_str("none");
        return CTL_OK;
    }

    sites = chat_mem_alloc(ctl->mem, (roles.n + 1) * sizeof(chat_site_t));
    if (sites == NULL) {
        return ctl_error("out of memory");
    }

    len = 0;

    for (i = 0; i < roles.n; i++) {
        if (roles.elts[i].site
            && ctl_site_load(ctl, roles.elts[i].site, &sites[i]) != CTL_OK)
        {
            return CTL_FAILED;
        }

        len += sites[i].name.len + 2
               + strlen(chat_role_names[roles.elts[i].role]);
    }

    p = chat_mem_alloc(ctl->mem, len + 1);
    if (p == NULL) {
        return ctl_error("out of memory");
    }

    n = 0;

    for (i = 0; i < roles.n; i++) {
        if (i > 0) {
            p[n++] = ' ';
        }

        for (k = 0; k < sites[i].name.len; k++) {
            p[n++] = sites[i].name.data[k];
        }

        if (k) {
            p[n++] = ':';
        }

        for (name = chat_role_names[roles.elts[i].role]; *name; name++) {
            p[n++] = (unsigned char) *name;
        }
    }

    text->data = p;
    text->len = n;

    return CTL_OK;
}


static int
ctl_operator_exists(ctl_t *ctl, const chat_str_t *login, uint64_t *id)
{
    redisReply  *r;

    *id = 0;

    r = ctl_call(ctl, chat_login_get_cmd(ctl->mem, login));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (r->type != REDIS_REPLY_NIL && chat_reply_u64(r, id) != CHAT_OK) {
        return ctl_error("the registry of logins is damaged");
    }

    return CTL_OK;
}


/* ASCII letters are folded: Ann and ann are one login. */

static int
ctl_operator_login(ctl_t *ctl, chat_str_t *login)
{
    size_t           i;
    chat_str_t       given;
    unsigned char    c;

    given = ctl_str(ctl->args[0]);

    login->data = chat_mem_alloc(ctl->mem, given.len + 1);
    if (login->data == NULL) {
        return ctl_error("out of memory");
    }

    login->len = given.len;

    if (chat_utf8_length(&given) < 1 || chat_utf8_length(&given) > 100) {
        return ctl_error("a login has 1 to 100 characters of UTF-8");
    }

    for (i = 0; i < given.len; i++) {
        c = given.data[i];

        if (c <= 0x20 || c == 0x7f) {
            return ctl_error("a login has no spaces or control characters");
        }

        login->data[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    }

    return CTL_OK;
}


static int
ctl_role(const char *text)
{
    int  i;

    for (i = 1; i < CHAT_ROLE_MAX; i++) {
        if (strcmp(chat_role_names[i], text) == 0) {
            return i;
        }
    }

    return 0;
}
