
/*
 * Statistics by vectors worked out by hand (t/vectors/stats.jsonl).
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vectors.h"
#include "chat_hist.h"
#include "chat_stats.h"


#define VECTORS  "t/vectors/stats.jsonl"
#define SUMS     200

typedef struct {
    chat_stat_delta_t  elts[SUMS];
    unsigned           n;
} sums_t;

/* In how many scenarios each figure was expected. */
static unsigned  seen[CHAT_STAT_MAX];


static int
same_row(const chat_stat_delta_t *a, const chat_stat_delta_t *b)
{
    return a->stat == b->stat && a->account == b->account
           && a->site == b->site && a->operator_id == b->operator_id
           && a->bucket == b->bucket && a->index == b->index;
}


static void
sum(sums_t *s, const chat_stat_delta_t *d)
{
    unsigned  i;

    for (i = 0; i < s->n; i++) {
        if (same_row(&s->elts[i], d)) {
            s->elts[i].delta += d->delta;
            return;
        }
    }

    assert_true(s->n < SUMS);
    s->elts[s->n++] = *d;
}


static int
event_number(const chat_str_t *name)
{
    int  i;

    for (i = 1; i < CHAT_EV_MAX; i++) {
        if (chat_str_eq(&chat_events[i].name, name)) {
            return i;
        }
    }

    return 999;
}


static int
stat_number(const chat_str_t *name)
{
    int  stat, index;

    assert_int_equal(chat_stats_field_parse(name, &stat, &index), CHAT_OK);

    return stat;
}


static void
entry(yajl_val v, chat_entry_t *e, chat_mem_t *mem)
{
    char               decoded[1024];
    chat_str_t         s;
    const chat_type_t *type;

    memset(e, 0, sizeof(chat_entry_t));

    s = vector_str(v, "id");
    assert_int_equal(chat_id_parse(&s, &e->id), CHAT_OK);
    s = vector_str(v, "event");
    e->event = event_number(&s);
    e->owner = vector_u64(v, "owner");
    e->wait_ms = vector_u64(v, "wait_ms");
    e->start_ms = vector_u64(v, "start_ms");
    e->account = 3;
    e->site = 7;

    if (e->event < CHAT_EV_MAX) {
        type = chat_events[e->event].type;
        assert_true(type->size <= sizeof(decoded));
        vector_struct(vector_get(v, "body"), type, decoded, mem);
        e->body = vector_body(type, decoded, mem);
    }
}


static void
print_row(const char *what, const chat_stat_delta_t *d)
{
    print_error("%s: %s operator %lu bucket %lu index %d: %lu\n", what,
                (char *) chat_stats[d->stat].name.data,
                (unsigned long) d->operator_id, (unsigned long) d->bucket,
                d->index, (unsigned long) d->delta);
}


static void
compare(const char *name, const sums_t *got, const sums_t *want)
{
    unsigned  i, n, bad;

    bad = 0;

    for (i = 0; i < want->n; i++) {

        for (n = 0; n < got->n; n++) {
            if (same_row(&got->elts[n], &want->elts[i])
                && got->elts[n].delta == want->elts[i].delta)
            {
                break;
            }
        }

        if (n == got->n) {
            print_row("missing", &want->elts[i]);
            bad++;
        }
    }

    if (bad || got->n != want->n) {

        for (n = 0; n < got->n; n++) {
            print_row("got", &got->elts[n]);
        }

        fail_msg("%s: %u rows, expected %u", name, got->n, want->n);
    }
}


static void
run(yajl_val line, chat_mem_t *mem)
{
    size_t             i, n, k;
    yajl_val           list, v;
    sums_t             got, want;
    chat_str_t         name;
    chat_entry_t       e;
    chat_stat_delta_t  deltas[CHAT_STATS_DELTAS], d;

    got.n = 0;
    want.n = 0;
    list = vector_get(line, "entries");

    for (i = 0; i < list->u.array.len; i++) {
        entry(list->u.array.values[i], &e, mem);
        n = chat_stats_fold(&e, deltas);
        assert_in_range(n, 0, CHAT_STATS_DELTAS);

        for (k = 0; k < n; k++) {
            sum(&got, &deltas[k]);
        }
    }

    list = vector_get(line, "deltas");

    for (i = 0; i < list->u.array.len; i++) {
        v = list->u.array.values[i];
        name = vector_str(v, "stat");

        d.stat = stat_number(&name);
        d.account = 3;
        d.site = 7;
        d.operator_id = vector_u64(v, "operator");
        d.bucket = vector_u64(v, "bucket");
        d.index = vector_get(v, "index") ? (int) vector_u64(v, "index")
                                         : CHAT_STATS_COUNT;
        d.delta = vector_u64(v, "delta");
        sum(&want, &d);
        seen[d.stat] += (d.index == CHAT_STATS_COUNT && !d.operator_id);
    }

    name = vector_str(line, "name");
    compare((char *) name.data, &got, &want);
}


static void
vectors(void **state)
{
    int  i;

    assert_in_range(vectors_each(VECTORS, run), 10, 1000);

    for (i = 1; i < CHAT_STAT_MAX; i++) {
        if (seen[i] < 2) {
            fail_msg("%s: less than two situations in " VECTORS,
                     (char *) chat_stats[i].name.data);
        }
    }
}


static void
damaged_body(void **state)
{
    chat_entry_t       e;
    chat_stat_delta_t  deltas[CHAT_STATS_DELTAS];

    memset(&e, 0, sizeof(e));
    e.event = CHAT_EV_MESSAGE_POSTED;
    chat_str_set(&e.body, "\xff");
    assert_int_equal(chat_stats_fold(&e, deltas), 0);
}


static void
fields(void **state)
{
    int               stat, index;
    size_t            i;
    chat_str_t        s;
    unsigned char     buf[CHAT_STATS_FIELD_MAX];
    const chat_str_t  bad[] = {
        chat_string(""), chat_string("nothing"), chat_string("requests:1"),
        chat_string("response:"), chat_string("response:1216"),
        chat_string("response:-1"), chat_string(":5")
    };

    s.data = buf;
    s.len = chat_stats_field_print(buf, CHAT_STAT_REQUESTS, CHAT_STATS_COUNT)
            - buf;
    assert_true(chat_str_eq_c(&s, "requests"));

    s.len = chat_stats_field_print(buf, CHAT_STAT_FIRST_RESPONSE, 1215) - buf;
    assert_true(chat_str_eq_c(&s, "first_response:1215"));
    assert_int_equal(chat_stats_field_parse(&s, &stat, &index), CHAT_OK);
    assert_int_equal(stat, CHAT_STAT_FIRST_RESPONSE);
    assert_int_equal(index, 1215);

    for (i = 1; i < CHAT_STAT_MAX; i++) {
        s.len = chat_stats_field_print(buf, i, CHAT_STATS_COUNT) - buf;
        assert_in_range(s.len, 1, CHAT_STATS_FIELD_MAX - 5);
        assert_int_equal(chat_stats_field_parse(&s, &stat, &index), CHAT_OK);
        assert_int_equal(stat, i);
        assert_int_equal(index, CHAT_STATS_COUNT);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(chat_stats_field_parse(&bad[i], &stat, &index),
                         CHAT_DECLINED);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(damaged_body),
        cmocka_unit_test(fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
