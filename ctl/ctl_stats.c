
/*
 * Figures: added up over 15-minute buckets, percentiles from their
 * histograms; and the proof that they are what the log says.
 */

#include "chatctl.h"
#include "chat_hist.h"
#include "chat_stats.h"
#include "ctl_stats.h"


typedef struct {
    uint64_t         has;
    chat_str_t       site;
    chat_str_t       login;          /* "operator" in the output */
    int64_t          requests;
    int64_t          answered;
    int64_t          messages_visitor;
    int64_t          messages_operator;
    int64_t          taken;
    int64_t          closed;
    int64_t          released;
    int64_t          reopened;
    int64_t          first_response_n;
    int64_t          first_response_p50;
    int64_t          first_response_p90;
    int64_t          response_n;
    int64_t          response_p50;
    int64_t          response_p90;
    int64_t          queue_wait_n;
    int64_t          queue_wait_p50;
    int64_t          queue_wait_p90;
} ctl_stats_row_t;

/* Where a figure of the schema stands in the row. */
typedef struct {
    int              stat;
    size_t           offset;         /* a counter, or n, p50, p90 */
} ctl_stats_map_t;

typedef struct {
    uint64_t         account;        /* 0: all */
    uint64_t         site;
    uint64_t         operator_id;    /* only his rows */
    uint64_t         from;           /* buckets [from, to] */
    uint64_t         to;
} ctl_stats_want_t;


static int ctl_stats_want(ctl_t *ctl, ctl_stats_want_t *w);
static int ctl_stats_account(ctl_t *ctl, const ctl_stats_want_t *w,
    uint64_t account);
static int ctl_stats_sum(ctl_t *ctl, const ctl_stats_want_t *w,
    const chat_stat_delta_t *who, ctl_figures_t *sum);
static int ctl_stats_print(ctl_t *ctl, const chat_str_t *site,
    const chat_str_t *login, const ctl_figures_t *sum);


#define F(name)  CTL_INT(ctl_stats_row_t, name)

static const chat_field_t  ctl_stats_fields[] = {
    CTL_STR(ctl_stats_row_t, site),
    { chat_string("operator"), 0, CHAT_KIND_STR, 0, 0,
      offsetof(ctl_stats_row_t, login), 0, 0, NULL, NULL },
    F(requests), F(answered), F(messages_visitor), F(messages_operator),
    F(taken), F(closed), F(released), F(reopened),
    F(first_response_n), F(first_response_p50), F(first_response_p90),
    F(response_n), F(response_p50), F(response_p90),
    F(queue_wait_n), F(queue_wait_p50), F(queue_wait_p90),
};

static const chat_type_t  ctl_stats_type =
    CTL_TYPE(ctl_stats_row_t, ctl_stats_fields);

#define M(stat, field)  { stat, offsetof(ctl_stats_row_t, field) }

static const ctl_stats_map_t  ctl_stats_map[] = {
    M(CHAT_STAT_REQUESTS, requests),
    M(CHAT_STAT_ANSWERED, answered),
    M(CHAT_STAT_MESSAGES_VISITOR, messages_visitor),
    M(CHAT_STAT_MESSAGES_OPERATOR, messages_operator),
    M(CHAT_STAT_TAKEN, taken),
    M(CHAT_STAT_CLOSED, closed),
    M(CHAT_STAT_RELEASED, released),
    M(CHAT_STAT_REOPENED, reopened),
    M(CHAT_STAT_FIRST_RESPONSE, first_response_n),
    M(CHAT_STAT_RESPONSE, response_n),
    M(CHAT_STAT_QUEUE_WAIT, queue_wait_n),
};


int
ctl_stats(ctl_t *ctl)
{
    size_t             i, n;
    uint64_t          *accounts;
    chat_str_t         key;
    ctl_stats_want_t   w;

    key = chat_key_global(ctl->mem, "accounts");

    if (ctl_stats_want(ctl, &w) != CTL_OK
        || ctl_numbers(ctl, &key, &accounts, &n) != CTL_OK
        || ctl_begin(ctl, &ctl_stats_type, CTL_LIST) != CTL_OK)
    {
        return CTL_FAILED;
    }

    for (i = 0; i < n; i++) {
        if ((w.account == 0 || accounts[i] == w.account)
            && ctl_stats_account(ctl, &w, accounts[i]) != CTL_OK)
        {
            return CTL_FAILED;
        }
    }

    return ctl_end(ctl);
}


static int
ctl_stats_want(ctl_t *ctl, ctl_stats_want_t *w)
{
    uint64_t         now, from, to;
    chat_site_t      site;
    chat_operator_t  o;

    memset(w, 0, sizeof(ctl_stats_want_t));
    now = ctl_now_ms();

    if (ctl_time_parse(ctl->opt.from ? ctl->opt.from : "24h", now, &from)
        != CHAT_OK)
    {
        return ctl_error("--from \"%s\" is not a time", ctl->opt.from);
    }

    if (ctl_time_parse(ctl->opt.to ? ctl->opt.to : "now", now, &to)
        != CHAT_OK)
    {
        return ctl_error("--to \"%s\" is not a time", ctl->opt.to);
    }

    w->from = from / CHAT_STATS_BUCKET_MS;
    w->to = to / CHAT_STATS_BUCKET_MS;

    if (w->from > w->to) {
        return ctl_error("--from is after --to");
    }

    if (ctl->opt.account
        && ctl_account_find(ctl, ctl->opt.account, &w->account) != CTL_OK)
    {
        return CTL_FAILED;
    }

    if (ctl->opt.site) {
        if (ctl_site_find(ctl, ctl->opt.site, &site) != CTL_OK) {
            return CTL_FAILED;
        }

        w->account = site.account;
        w->site = site.id;
    }

    if (ctl->opt.login) {
        if (ctl_operator_find(ctl, ctl->opt.login, &o) != CTL_OK) {
            return CTL_FAILED;
        }

        w->account = o.account;
        w->operator_id = o.id;
    }

    return CTL_OK;
}


/* Each site, and below it its operators. */

static int
ctl_stats_account(ctl_t *ctl, const ctl_stats_want_t *w, uint64_t account)
{
    size_t              i, k, n, m;
    uint64_t           *sites, *operators;
    chat_str_t          key, all;
    chat_site_t         site;
    ctl_figures_t      *sum;
    chat_operator_t     o;
    chat_stat_delta_t   who;

    memset(&all, 0, sizeof(chat_str_t));

    key = chat_key(ctl->mem, CHAT_PARTITION_GLOBAL,
                   "chat:%t:account:%u:sites", account);
    if (ctl_numbers(ctl, &key, &sites, &n) != CTL_OK) {
        return CTL_FAILED;
    }

    key = chat_key(ctl->mem, CHAT_PARTITION_GLOBAL,
                   "chat:%t:account:%u:operators", account);
    if (ctl_numbers(ctl, &key, &operators, &m) != CTL_OK) {
        return CTL_FAILED;
    }

    sum = chat_mem_alloc(ctl->mem, sizeof(ctl_figures_t));
    if (sum == NULL) {
        return ctl_error("out of memory");
    }

    for (i = 0; i < n; i++) {

        if (w->site && sites[i] != w->site) {
            continue;
        }

        memset(&who, 0, sizeof(chat_stat_delta_t));
        who.account = account;
        who.site = sites[i];

        if (ctl_site_load(ctl, sites[i], &site) != CTL_OK) {
            return CTL_FAILED;
        }

        if (w->operator_id == 0
            && (ctl_stats_sum(ctl, w, &who, sum) != CTL_OK
                || ctl_stats_print(ctl, &site.name, &all, sum) != CTL_OK))
        {
            return CTL_FAILED;
        }

        for (k = 0; k < m; k++) {

            if (w->operator_id && operators[k] != w->operator_id) {
                continue;
            }

            who.operator_id = operators[k];

            if (ctl_operator_load(ctl, operators[k], &o) != CTL_OK
                || ctl_stats_sum(ctl, w, &who, sum) != CTL_OK)
            {
                return CTL_FAILED;
            }

            if (sum->fields
                && ctl_stats_print(ctl, &site.name, &o.login, sum) != CTL_OK)
            {
                return CTL_FAILED;
            }
        }
    }

    return CTL_OK;
}


static int
ctl_stats_sum(ctl_t *ctl, const ctl_stats_want_t *w,
    const chat_stat_delta_t *who, ctl_figures_t *sum)
{
    size_t             i;
    chat_cmd_t        *c;
    chat_str_t         key;
    redisReply        *r;
    chat_stat_delta_t  at;

    memset(sum, 0, sizeof(ctl_figures_t));

    key = chat_tally_buckets_key(ctl->mem, who->account);

    c = chat_cmd_create(ctl->mem, 4);
    if (c == NULL) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "ZRANGEBYSCORE");
    chat_cmd_str(c, &key);
    chat_cmd_u64(c, w->from);
    chat_cmd_u64(c, w->to);

    r = ctl_call(ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    at = *who;

    for (i = 0; i < r->elements; i++) {
        if (chat_reply_u64(chat_reply_at(r, i), &at.bucket) != CHAT_OK) {
            return ctl_error("the account's buckets are damaged");
        }

        if (ctl_figures_load(ctl, &at, sum) != CTL_OK) {
            return CTL_FAILED;
        }
    }

    return CTL_OK;
}


int
ctl_figures_load(ctl_t *ctl, const chat_stat_delta_t *at, ctl_figures_t *sum)
{
    int          stat, index;
    size_t       i, n;
    uint64_t     v;
    chat_cmd_t  *c;
    chat_str_t   key, *pairs;
    redisReply  *r;

    key = chat_tally_key(ctl->mem, at);

    c = chat_cmd_create(ctl->mem, 2);
    if (c == NULL) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "HGETALL");
    chat_cmd_str(c, &key);

    r = ctl_call(ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_reply_pairs(r, &pairs, &n, ctl->mem) != CHAT_OK) {
        return ctl_error("%.*s is damaged", (int) key.len, key.data);
    }

    for (i = 0; i + 1 < n; i += 2) {

        /* a newer program's figures are not ours to add up */
        if (chat_stats_field_parse(&pairs[i], &stat, &index) != CHAT_OK) {
            continue;
        }

        if (chat_str_u64(&pairs[i + 1], &v) != CHAT_OK) {
            return ctl_error("%.*s is damaged", (int) key.len, key.data);
        }

        sum->fields++;

        if (index == CHAT_STATS_COUNT) {
            sum->count[stat] += v;

        } else {
            sum->hist[stat][index] += v;
        }
    }

    return CTL_OK;
}


static int
ctl_stats_print(ctl_t *ctl, const chat_str_t *site, const chat_str_t *login,
    const ctl_figures_t *sum)
{
    int                  stat;
    size_t               i, k, n;
    int64_t             *p;
    uint64_t             total, v;
    ctl_stats_row_t      row;
    chat_hist_bucket_t   buckets[CHAT_HIST_MAX];

    memset(&row, 0, sizeof(ctl_stats_row_t));
    row.site = *site;
    row.login = *login;

    for (i = 0; i < sizeof(ctl_stats_map) / sizeof(ctl_stats_map[0]); i++) {
        stat = ctl_stats_map[i].stat;
        p = (int64_t *) ((char *) &row + ctl_stats_map[i].offset);

        if (!chat_stats[stat].histogram) {
            *p = (int64_t) sum->count[stat];
            continue;
        }

        n = 0;
        total = 0;

        for (k = 0; k < CHAT_HIST_MAX; k++) {
            if (sum->hist[stat][k]) {
                buckets[n].index = (uint32_t) k;
                buckets[n].count = sum->hist[stat][k];
                total += buckets[n++].count;
            }
        }

        p[0] = (int64_t) total;

        if (chat_hist_percentile(buckets, n, 500, &v) == CHAT_OK) {
            p[1] = (int64_t) v;
        }

        if (chat_hist_percentile(buckets, n, 900, &v) == CHAT_OK) {
            p[2] = (int64_t) v;
        }
    }

    return ctl_row(ctl, &row);
}
