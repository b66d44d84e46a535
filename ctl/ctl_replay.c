
/*
 * stats replay: counts the log again, up to where chat-statd is, and compares
 * with what it wrote.  Only buckets are compared that the log still holds
 * whole.
 *
 * chat-statd may be at work meanwhile.  What it adds is later than the
 * position we began with, so only the bucket of that position can change; its
 * figures are compared if the position is still the same after they were
 * read.
 */

#include "chat_log.h"
#include "ctl_stats.h"


#define CTL_REPLAY_BATCH  1000


typedef struct {
    uint64_t         has;
    int64_t          partition;
    uint64_t         account;
    uint64_t         site;
    uint64_t         operator_id;    /* "operator" in the output */
    uint64_t         bucket_ms;
    chat_str_t       figure;
    int64_t          stored;
    int64_t          counted;
} ctl_replay_row_t;

typedef struct {
    uint64_t         has;
    int64_t          entries;
    int64_t          figures;
    int64_t          different;
    int64_t          moving;         /* not compared: being counted */
} ctl_verdict_row_t;

typedef struct {
    uint64_t         account;        /* only this one; 0 = all */
    uint64_t         first_bucket;   /* whole from here on */
    chat_id_t        pos;
    chat_tally_t     tally;
    chat_heap_t     *heap;
    ctl_verdict_row_t  verdict;
} ctl_replay_t;


static int ctl_replay_partition(ctl_t *ctl, ctl_replay_t *rp, unsigned p);
static int ctl_replay_pos(ctl_t *ctl, unsigned p, chat_id_t *pos);
static int ctl_replay_log(ctl_t *ctl, ctl_replay_t *rp, unsigned p);
static int ctl_replay_whole(ctl_t *ctl, ctl_replay_t *rp, unsigned p);
static int ctl_replay_compare(ctl_t *ctl, ctl_replay_t *rp, unsigned p);
static int ctl_replay_figure(ctl_t *ctl, ctl_replay_t *rp, unsigned p,
    const chat_stat_delta_t *d, uint64_t stored);
static int ctl_replay_extra(ctl_t *ctl, ctl_replay_t *rp, unsigned p,
    const chat_stat_delta_t *d, size_t n, const ctl_figures_t *stored);


static const chat_field_t  ctl_replay_fields[] = {
    CTL_INT(ctl_replay_row_t, partition),
    CTL_U64(ctl_replay_row_t, account),
    CTL_U64(ctl_replay_row_t, site),
    { chat_string("operator"), 0, CHAT_KIND_U64, 0, 0,
      offsetof(ctl_replay_row_t, operator_id), 0, 0, NULL, NULL },
    CTL_U64(ctl_replay_row_t, bucket_ms),
    CTL_STR(ctl_replay_row_t, figure),
    CTL_INT(ctl_replay_row_t, stored),
    CTL_INT(ctl_replay_row_t, counted),
};

static const chat_type_t  ctl_replay_type =
    CTL_TYPE(ctl_replay_row_t, ctl_replay_fields);


int
ctl_stats_replay(ctl_t *ctl)
{
    int           rc;
    unsigned      p;
    ctl_replay_t  rp;

    memset(&rp, 0, sizeof(ctl_replay_t));

    if (ctl->opt.account
        && ctl_account_find(ctl, ctl->opt.account, &rp.account) != CTL_OK)
    {
        return CTL_FAILED;
    }

    rp.heap = chat_heap_create(0);
    if (rp.heap == NULL) {
        return ctl_error("out of memory");
    }

    rc = ctl_begin(ctl, &ctl_replay_type, CTL_LIST);

    for (p = 0; p < CHAT_PARTITIONS && rc == CTL_OK; p++) {
        if (rp.account == 0 || chat_partition(rp.account) == p) {
            rc = ctl_replay_partition(ctl, &rp, p);
        }
    }

    if (rc == CTL_OK) {
        rc = ctl_end(ctl);
    }

    chat_tally_done(&rp.tally);
    chat_heap_destroy(rp.heap);

    if (rc != CTL_OK) {
        return rc;
    }

    fprintf(stderr, "%lld entries, %lld figures, %lld different\n",
            (long long) rp.verdict.entries, (long long) rp.verdict.figures,
            (long long) rp.verdict.different);

    if (rp.verdict.moving) {
        fprintf(stderr, "%lld more are being counted and were left out\n",
                (long long) rp.verdict.moving);
    }

    return rp.verdict.different ? CTL_FAILED : CTL_OK;
}


static int
ctl_replay_partition(ctl_t *ctl, ctl_replay_t *rp, unsigned p)
{
    int  rc;

    chat_tally_reset(&rp->tally);

    rc = ctl_replay_pos(ctl, p, &rp->pos);

    if (rc == CTL_OK) {
        rc = ctl_replay_log(ctl, rp, p);
    }

    if (rc == CTL_OK) {
        rc = ctl_replay_whole(ctl, rp, p);
    }

    if (rc == CTL_OK) {
        chat_tally_merge(&rp->tally);
        rc = ctl_replay_compare(ctl, rp, p);
    }

    return rc;
}


/* How far chat-statd is. */

static int
ctl_replay_pos(ctl_t *ctl, unsigned p, chat_id_t *pos)
{
    chat_str_t    key;
    chat_cmd_t   *c;
    redisReply   *r;

    key = chat_key(ctl->mem, p, "chat:%t:statd");

    c = chat_cmd_create(ctl->mem, 3);
    if (c == NULL) {
        return ctl_error("out of memory");
    }

    chat_cmd_lit(c, "HGET");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "pos");

    r = ctl_call(ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    memset(pos, 0, sizeof(chat_id_t));

    /* absent: nothing was counted */
    (void) chat_reply_id(r, pos);

    return CTL_OK;
}


static int
ctl_replay_log(ctl_t *ctl, ctl_replay_t *rp, unsigned p)
{
    int            rc;
    size_t         i, n;
    chat_id_t      from;
    chat_mem_t    *mem;
    chat_cmd_t    *c;
    chat_str_t     key, start;
    redisReply    *r;
    chat_entry_t   e;
    unsigned char  text[48];

    if (rp->pos.ms == 0) {
        return CTL_OK;
    }

    mem = chat_heap_mem(rp->heap);
    memset(&from, 0, sizeof(chat_id_t));

    do {
        chat_heap_reset(rp->heap);
        key = chat_key_log(mem, p);

        /* "(" : after */
        start.data = text;
        text[0] = '(';
        start.len = chat_id_print(text + 1, &from) - text;

        c = chat_cmd_create(mem, 6);
        if (c == NULL) {
            return ctl_error("out of memory");
        }

        chat_cmd_lit(c, "XRANGE");
        chat_cmd_str(c, &key);
        chat_cmd_str(c, &start);
        chat_cmd_id(c, &rp->pos);
        chat_cmd_lit(c, "COUNT");
        chat_cmd_u64(c, CTL_REPLAY_BATCH);

        r = chat_sync_call(ctl->redis, c);

        if (r == NULL || r->type == REDIS_REPLY_ERROR) {
            rc = ctl_error("Redis: %s",
                           r ? r->str : chat_sync_error(ctl->redis));
            if (r) {
                freeReplyObject(r);
            }

            return rc;
        }

        n = r->elements;
        rc = CTL_OK;

        for (i = 0; i < n && rc == CTL_OK; i++) {

            /* what is damaged counts nothing, as in chat-statd */

            if (chat_log_entry(r->element[i], &e) == CHAT_OK
                && chat_tally_add(&rp->tally, &e) != CHAT_OK)
            {
                rc = ctl_error("out of memory");
            }

            from = e.id;
        }

        freeReplyObject(r);
        chat_tally_merge(&rp->tally);
        rp->verdict.entries += (int64_t) n;

    } while (rc == CTL_OK && n > 0);

    return rc;
}


/*
 * Which buckets the log does not hold whole.  Asked after it was read: it may
 * have been cut below us.
 */

static int
ctl_replay_whole(ctl_t *ctl, ctl_replay_t *rp, unsigned p)
{
    chat_str_t        key;
    redisReply       *r;
    chat_log_info_t   info;

    rp->first_bucket = 0;

    if (rp->pos.ms == 0) {
        return CTL_OK;
    }

    key = chat_key_log(ctl->mem, p);

    r = ctl_call(ctl, chat_log_info_cmd(ctl->mem, &key));
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_log_info_parse(r, &info) != CHAT_OK) {
        return ctl_error("partition %u: XINFO is not understood", p);
    }

    if (info.added > info.length) {
        rp->first_bucket = (info.length ? info.first.ms : info.last.ms)
                           / CHAT_STATS_BUCKET_MS + 1;
    }

    return CTL_OK;
}


/* Hash by hash: figures of one hash are neighbours. */

static int
ctl_replay_compare(ctl_t *ctl, ctl_replay_t *rp, unsigned p)
{
    int                 rc;
    size_t              i, k, n;
    uint64_t            stored, last;
    chat_id_t           pos;
    ctl_figures_t      *figures;
    chat_stat_delta_t  *d;

    figures = chat_mem_alloc(ctl->mem, sizeof(ctl_figures_t));
    if (figures == NULL) {
        return ctl_error("out of memory");
    }

    last = rp->pos.ms / CHAT_STATS_BUCKET_MS;
    rc = CTL_OK;

    for (i = 0; i < rp->tally.n && rc == CTL_OK; i += n) {
        d = &rp->tally.elts[i];

        for (n = 1; i + n < rp->tally.n && chat_tally_same(d, d + n); n++) {
            /* void */
        }

        if (d->bucket < rp->first_bucket
            || (rp->account && d->account != rp->account))
        {
            continue;
        }

        memset(figures, 0, sizeof(ctl_figures_t));
        rc = ctl_figures_load(ctl, d, figures);

        if (rc == CTL_OK && d->bucket >= last) {
            rc = ctl_replay_pos(ctl, p, &pos);

            if (rc == CTL_OK && chat_id_cmp(&pos, &rp->pos) != 0) {
                rp->verdict.moving += (int64_t) n;
                continue;
            }
        }

        for (k = 0; k < n && rc == CTL_OK; k++) {
            stored = d[k].index == CHAT_STATS_COUNT
                     ? figures->count[d[k].stat]
                     : figures->hist[d[k].stat][d[k].index];
            rc = ctl_replay_figure(ctl, rp, p, &d[k], stored);
        }

        if (rc == CTL_OK) {
            rc = ctl_replay_extra(ctl, rp, p, d, n, figures);
        }
    }

    return rc;
}


static int
ctl_replay_figure(ctl_t *ctl, ctl_replay_t *rp, unsigned p,
    const chat_stat_delta_t *d, uint64_t stored)
{
    unsigned char     *text;
    ctl_replay_row_t   row;

    rp->verdict.figures++;

    if (stored == d->delta) {
        return CTL_OK;
    }

    rp->verdict.different++;

    text = chat_mem_alloc(ctl->mem, CHAT_STATS_FIELD_MAX);
    if (text == NULL) {
        return ctl_error("out of memory");
    }

    memset(&row, 0, sizeof(ctl_replay_row_t));
    row.partition = p;
    row.account = d->account;
    row.site = d->site;
    row.operator_id = d->operator_id;
    row.bucket_ms = d->bucket * CHAT_STATS_BUCKET_MS;
    row.figure.data = text;
    row.figure.len = chat_stats_field_print(text, d->stat, d->index) - text;
    row.stored = (int64_t) stored;
    row.counted = (int64_t) d->delta;

    return ctl_row(ctl, &row);
}


/* Figures that are stored in a hash but were not counted now. */

static int
ctl_replay_extra(ctl_t *ctl, ctl_replay_t *rp, unsigned p,
    const chat_stat_delta_t *d, size_t n, const ctl_figures_t *stored)
{
    int                rc, stat;
    size_t             i, k;
    uint64_t           v;
    chat_stat_delta_t  extra;

    extra = d[0];
    extra.delta = 0;
    rc = CTL_OK;

    for (stat = 1; stat < CHAT_STAT_MAX && rc == CTL_OK; stat++) {
        for (i = 0; i <= CHAT_HIST_MAX && rc == CTL_OK; i++) {

            extra.stat = stat;
            extra.index = i == CHAT_HIST_MAX ? CHAT_STATS_COUNT : (int) i;
            v = i == CHAT_HIST_MAX ? stored->count[stat]
                                   : stored->hist[stat][i];

            if (v == 0) {
                continue;
            }

            for (k = 0; k < n; k++) {
                if (d[k].stat == stat && d[k].index == extra.index) {
                    break;
                }
            }

            if (k == n) {
                rc = ctl_replay_figure(ctl, rp, p, &extra, v);
            }
        }
    }

    return rc;
}
