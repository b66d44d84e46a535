
/*
 * init, account, site.  Adding what is there already tells its number.
 */

#include <sodium.h>

#include "chatctl.h"


#define CTL_STORE_ID    8          /* random bytes */
#define CTL_IDLE_MAX    525600     /* minutes of a year */
#define CTL_ACCEPT_MAX  31536000   /* seconds of one */


typedef struct {
    uint64_t         has;
    chat_str_t       store;
    int64_t          major;
    int64_t          partitions;
    unsigned char    fresh;
} ctl_store_row_t;

typedef struct {
    uint64_t         has;
    uint64_t         id;
    chat_str_t       name;
    unsigned char    fresh;
} ctl_added_row_t;

typedef struct {
    uint64_t         has;
    uint64_t         id;
    chat_str_t       name;
    int64_t          sites;
    int64_t          operators;
} ctl_account_row_t;

typedef struct {
    uint64_t         has;
    uint64_t         id;
    chat_str_t       name;
    chat_str_t       account;
    chat_str_t       hosts;
    chat_str_t       status;
    int64_t          idle_ms;
    int64_t          accept_ms;
} ctl_site_row_t;


static int ctl_init_key(ctl_t *ctl);
static int ctl_added(ctl_t *ctl, uint64_t id, const chat_str_t *name,
    int fresh);
static int ctl_site_exists(ctl_t *ctl, const chat_str_t *name, uint64_t *id);
static int ctl_site_hosts(ctl_t *ctl, chat_str_t *hosts);
static int ctl_site_report(ctl_t *ctl, uint64_t id, uint64_t account);
static int ctl_name_check(const char *what, const chat_str_t *name);


static const chat_field_t  ctl_store_fields[] = {
    CTL_STR(ctl_store_row_t, store),
    CTL_INT(ctl_store_row_t, major),
    CTL_INT(ctl_store_row_t, partitions),
    CTL_BOOL(ctl_store_row_t, fresh),
};

static const chat_type_t  ctl_store_type =
    CTL_TYPE(ctl_store_row_t, ctl_store_fields);

static const chat_field_t  ctl_added_fields[] = {
    CTL_U64(ctl_added_row_t, id),
    CTL_STR(ctl_added_row_t, name),
    CTL_BOOL(ctl_added_row_t, fresh),
};

static const chat_type_t  ctl_added_type =
    CTL_TYPE(ctl_added_row_t, ctl_added_fields);

static const chat_field_t  ctl_account_fields[] = {
    CTL_U64(ctl_account_row_t, id),
    CTL_STR(ctl_account_row_t, name),
    CTL_INT(ctl_account_row_t, sites),
    CTL_INT(ctl_account_row_t, operators),
};

static const chat_type_t  ctl_account_type =
    CTL_TYPE(ctl_account_row_t, ctl_account_fields);

static const chat_field_t  ctl_site_fields[] = {
    CTL_U64(ctl_site_row_t, id),
    CTL_STR(ctl_site_row_t, name),
    CTL_STR(ctl_site_row_t, account),
    CTL_STR(ctl_site_row_t, hosts),
    CTL_STR(ctl_site_row_t, status),
    CTL_INT(ctl_site_row_t, idle_ms),
    CTL_INT(ctl_site_row_t, accept_ms),
};

static const chat_type_t  ctl_site_type =
    CTL_TYPE(ctl_site_row_t, ctl_site_fields);


int
ctl_init(ctl_t *ctl)
{
    int              rc, fresh;
    uint64_t         major, partitions;
    chat_str_t       id;
    redisReply      *r;
    unsigned char    rnd[CTL_STORE_ID], hex[2 * CTL_STORE_ID];
    ctl_store_row_t  row;

    fresh = 0;

    for ( ;; ) {
        r = ctl_call(ctl, chat_store_get_cmd(ctl->mem));
        if (r == NULL) {
            return CTL_FAILED;
        }

        rc = chat_store_parse(r, &major, &partitions, &id);

        if (rc == CHAT_OK) {
            break;
        }

        if (rc != CHAT_DECLINED || fresh) {
            return ctl_error("the store's record is damaged");
        }

        randombytes_buf(rnd, sizeof(rnd));
        chat_hex_print(hex, rnd, sizeof(rnd));
        id.data = hex;
        id.len = sizeof(hex);

        r = ctl_call(ctl, chat_store_init_cmd(ctl->mem, &id, ctl_now_ms()));
        if (r == NULL) {
            return CTL_FAILED;
        }

        fresh = 1;
    }

    if (major != CHAT_STORE_MAJOR || partitions != CHAT_PARTITIONS) {
        return ctl_error("the store has version %llu with %llu partitions, "
                         "this program works on version %d with %d",
                         (unsigned long long) major,
                         (unsigned long long) partitions, CHAT_STORE_MAJOR,
                         CHAT_PARTITIONS);
    }

    if (ctl_init_key(ctl) != CTL_OK) {
        return CTL_FAILED;
    }

    memset(&row, 0, sizeof(ctl_store_row_t));
    row.store = id;
    row.major = (int64_t) major;
    row.partitions = (int64_t) partitions;
    row.fresh = (unsigned char) fresh;

    if (ctl_begin(ctl, &ctl_store_type, CTL_ONE) != CTL_OK
        || ctl_row(ctl, &row) != CTL_OK)
    {
        return CTL_FAILED;
    }

    return ctl_end(ctl);
}


/* Visitors' tokens need a key. */

static int
ctl_init_key(ctl_t *ctl)
{
    uint64_t      kid;
    chat_key_t    key;
    chat_keys_t   keys;
    redisReply   *r;

    r = ctl_call(ctl, chat_keys_get_cmd(ctl->mem));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_keys_parse(r, &keys) == CHAT_OK && keys.n > 0) {
        return CTL_OK;
    }

    kid = ctl_next(ctl, "kid");
    if (kid == 0) {
        return CTL_FAILED;
    }

    key.kid = (uint32_t) kid;
    randombytes_buf(key.key, sizeof(key.key));

    r = ctl_call(ctl, chat_keys_add_cmd(ctl->mem, &key));
    sodium_memzero(&key, sizeof(chat_key_t));

    return r ? CTL_OK : CTL_FAILED;
}


static int
ctl_added(ctl_t *ctl, uint64_t id, const chat_str_t *name, int fresh)
{
    ctl_added_row_t  row;

    memset(&row, 0, sizeof(ctl_added_row_t));
    row.id = id;
    row.name = *name;
    row.fresh = (unsigned char) fresh;

    if (!ctl->opt.json) {
        printf("%llu\n", (unsigned long long) id);
        return CTL_OK;
    }

    if (ctl_begin(ctl, &ctl_added_type, CTL_ONE) != CTL_OK
        || ctl_row(ctl, &row) != CTL_OK)
    {
        return CTL_FAILED;
    }

    return ctl_end(ctl);
}


static int
ctl_name_check(const char *what, const chat_str_t *name)
{
    size_t    i;
    int64_t   n;

    n = chat_utf8_length(name);

    if (n < 1 || n > 100) {
        return ctl_error("the %s's name must have 1 to 100 characters of "
                         "UTF-8", what);
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < 0x20 || name->data[i] == 0x7f) {
            return ctl_error("the %s's name has control characters", what);
        }
    }

    return CTL_OK;
}


int
ctl_account_add(ctl_t *ctl)
{
    uint64_t     id;
    chat_str_t   name;
    chat_commit_result_t  res;

    name = ctl_str(ctl->args[0]);

    if (ctl_name_check("account", &name) != CTL_OK
        || ctl_account_lookup(ctl, ctl->args[0], &id) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (id) {
        return ctl_added(ctl, id, &name, 0);
    }

    id = ctl_next(ctl, "account");
    if (id == 0
        || ctl_commit(ctl, chat_account_add_cmd(ctl->mem, id, &name,
                                                ctl_now_ms()), &res)
           != CTL_OK)
    {
        return CTL_FAILED;
    }

    return ctl_added(ctl, id, &name, 1);
}


int
ctl_account_list(ctl_t *ctl)
{
    size_t              i, n, sites, operators;
    uint64_t           *ids, *list;
    chat_str_t          key;
    ctl_account_row_t   row;

    key = chat_key_global(ctl->mem, "accounts");

    if (ctl_numbers(ctl, &key, &ids, &n) != CTL_OK
        || ctl_begin(ctl, &ctl_account_type, CTL_LIST) != CTL_OK)
    {
        return CTL_FAILED;
    }

    for (i = 0; i < n; i++) {
        memset(&row, 0, sizeof(ctl_account_row_t));
        row.id = ids[i];

        if (ctl_account_name(ctl, ids[i], &row.name) != CTL_OK) {
            return CTL_FAILED;
        }

        key = chat_key(ctl->mem, CHAT_PARTITION_GLOBAL,
                       "chat:%t:account:%u:sites", ids[i]);
        if (ctl_numbers(ctl, &key, &list, &sites) != CTL_OK) {
            return CTL_FAILED;
        }

        key = chat_key(ctl->mem, CHAT_PARTITION_GLOBAL,
                       "chat:%t:account:%u:operators", ids[i]);
        if (ctl_numbers(ctl, &key, &list, &operators) != CTL_OK) {
            return CTL_FAILED;
        }

        row.sites = (int64_t) sites;
        row.operators = (int64_t) operators;

        if (ctl_row(ctl, &row) != CTL_OK) {
            return CTL_FAILED;
        }
    }

    return ctl_end(ctl);
}


int
ctl_site_add(ctl_t *ctl)
{
    uint64_t               id, account;
    chat_str_t             account_name;
    chat_site_t            site;
    chat_commit_result_t   res;

    /* ms, added to times: what is said in years would wrap */

    if (ctl->opt.idle > CTL_IDLE_MAX) {
        return ctl_error("--idle is 0 to %d minutes", CTL_IDLE_MAX);
    }

    if (ctl->opt.accept > CTL_ACCEPT_MAX) {
        return ctl_error("--accept is 0 to %d seconds", CTL_ACCEPT_MAX);
    }

    memset(&site, 0, sizeof(chat_site_t));
    site.name = ctl_str(ctl->args[0]);
    site.on = 1;
    site.rules.idle_ms = ctl->opt.idle * 60000;
    site.rules.accept_ms = ctl->opt.accept * 1000;

    if (ctl_name_check("site", &site.name) != CTL_OK
        || ctl_site_hosts(ctl, &site.hosts) != CTL_OK)
    {
        return CTL_FAILED;
    }

    account = 0;

    if (ctl->opt.account
        && ctl_account_find(ctl, ctl->opt.account, &account) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (ctl_site_exists(ctl, &site.name, &id) != CTL_OK) {
        return CTL_FAILED;
    }

    if (id) {
        return ctl_site_report(ctl, id, account);
    }

    site.id = ctl_next(ctl, "site");
    if (site.id == 0) {
        return CTL_FAILED;
    }

    account_name = site.name;
    site.account = account ? account : ctl_next(ctl, "account");

    if (site.account == 0
        || ctl_commit(ctl, chat_site_add_cmd(ctl->mem, &site,
                                          account ? NULL : &account_name,
                                          ctl_now_ms()), &res)
           != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (res.outcome == CHAT_WRITE_CONFLICT) {

        /* somebody was faster, or a host is another site's */

        if (ctl_site_exists(ctl, &site.name, &id) != CTL_OK) {
            return CTL_FAILED;
        }

        if (id) {
            return ctl_site_report(ctl, id, account);
        }

        return ctl_error("a host of it is in use by site %.*s",
                         (int) res.found.len, res.found.data);
    }

    return ctl_added(ctl, site.id, &site.name, 1);
}


static int
ctl_site_exists(ctl_t *ctl, const chat_str_t *name, uint64_t *id)
{
    redisReply  *r;

    *id = 0;

    r = ctl_call(ctl, chat_site_name_cmd(ctl->mem, name));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (r->type != REDIS_REPLY_NIL && chat_reply_u64(r, id) != CHAT_OK) {
        return ctl_error("the registry of sites is damaged");
    }

    return CTL_OK;
}


static int
ctl_site_report(ctl_t *ctl, uint64_t id, uint64_t account)
{
    chat_site_t  site;

    if (ctl_site_load(ctl, id, &site) != CTL_OK) {
        return CTL_FAILED;
    }

    if (account && site.account != account) {
        return ctl_error("site \"%.*s\" belongs to account %llu",
                         (int) site.name.len, site.name.data,
                         (unsigned long long) site.account);
    }

    return ctl_added(ctl, id, &site.name, 0);
}


/* --host ... or the name, lower case, separated by spaces. */

static int
ctl_site_hosts(ctl_t *ctl, chat_str_t *hosts)
{
    size_t         len;
    unsigned       i, n;
    const char    *p, **list;
    unsigned char *dst;

    n = ctl->opt.hosts.n;
    list = ctl->opt.hosts.elts;

    if (n == 0) {
        n = 1;
        list = (const char **) ctl->args;
    }

    len = 0;

    for (i = 0; i < n; i++) {
        len += strlen(list[i]) + 1;
    }

    dst = chat_mem_alloc(ctl->mem, len);
    if (dst == NULL) {
        return ctl_error("out of memory");
    }

    hosts->data = dst;

    for (i = 0; i < n; i++) {

        if (i > 0) {
            *dst++ = ' ';
        }

        for (p = list[i]; *p; p++) {
            if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
                || *p == '-' || *p == '.')
            {
                *dst++ = (unsigned char) *p;

            } else if (*p >= 'A' && *p <= 'Z') {
                *dst++ = (unsigned char) (*p | 0x20);

            } else {
                return ctl_error("\"%s\" is not a host name; give the site's "
                                 "hosts with --host", list[i]);
            }
        }

        if (p == list[i] || p - list[i] > 253) {
            return ctl_error("\"%s\" is not a host name", list[i]);
        }
    }

    hosts->len = dst - hosts->data;

    return CTL_OK;
}


int
ctl_site_list(ctl_t *ctl)
{
    size_t           i, k, n, m;
    uint64_t         account, *accounts, *ids;
    chat_str_t       key;
    chat_site_t      site;
    ctl_site_row_t   row;

    account = 0;

    if (ctl->opt.account
        && ctl_account_find(ctl, ctl->opt.account, &account) != CTL_OK)
    {
        return CTL_FAILED;
    }

    key = chat_key_global(ctl->mem, "accounts");

    if (ctl_numbers(ctl, &key, &accounts, &n) != CTL_OK
        || ctl_begin(ctl, &ctl_site_type, CTL_LIST) != CTL_OK)
    {
        return CTL_FAILED;
    }

    for (i = 0; i < n; i++) {

        if (account && accounts[i] != account) {
            continue;
        }

        key = chat_key(ctl->mem, CHAT_PARTITION_GLOBAL,
                       "chat:%t:account:%u:sites", accounts[i]);
        if (ctl_numbers(ctl, &key, &ids, &m) != CTL_OK) {
            return CTL_FAILED;
        }

        for (k = 0; k < m; k++) {
            memset(&row, 0, sizeof(ctl_site_row_t));

            if (ctl_site_load(ctl, ids[k], &site) != CTL_OK
                || ctl_account_name(ctl, site.account, &row.account)
                   != CTL_OK)
            {
                return CTL_FAILED;
            }

            row.id = site.id;
            row.name = site.name;
            row.hosts = site.hosts;
            row.status = ctl_str(site.on ? "on" : "off");
            row.idle_ms = (int64_t) site.rules.idle_ms;
            row.accept_ms = (int64_t) site.rules.accept_ms;

            if (ctl_row(ctl, &row) != CTL_OK) {
                return CTL_FAILED;
            }
        }
    }

    return ctl_end(ctl);
}
