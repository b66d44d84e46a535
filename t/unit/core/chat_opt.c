
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "chat_opt.h"


typedef struct {
    int              json;
    const char      *redis;
    uint64_t         count;
    chat_opt_list_t  host;
} conf_t;

static const chat_opt_t  table[] = {
    { "json", CHAT_OPT_FLAG, offsetof(conf_t, json), NULL, "as JSON" },
    { "redis", CHAT_OPT_TEXT, offsetof(conf_t, redis), "ADDRESS",
      "the store" },
    { "count", CHAT_OPT_U64, offsetof(conf_t, count), "N", "how many" },
    { "host", CHAT_OPT_LIST, offsetof(conf_t, host), "NAME", "a host" },
    { NULL, 0, 0, NULL, NULL }
};


static int
parse(conf_t *c, uint64_t *seen, char *error, size_t size, char **argv)
{
    int  n;

    for (n = 0; argv[n] != NULL; n++) { /* void */ }

    memset(c, 0, sizeof(conf_t));

    return chat_opt_parse(table, n, argv, c, seen, error, size);
}


static void
test_values(void **state)
{
    char      error[80];
    conf_t    c;
    uint64_t  seen;
    char     *argv[] = { "site", "--json", "add", "--redis", "unix:/x",
                         "--count=12", "--host", "a", "--host=b", "--",
                         "--json", NULL };

    assert_int_equal(parse(&c, &seen, error, sizeof(error), argv), 3);
    assert_string_equal(argv[0], "site");
    assert_string_equal(argv[1], "add");
    assert_string_equal(argv[2], "--json");
    assert_int_equal(c.json, 1);
    assert_string_equal(c.redis, "unix:/x");
    assert_int_equal(c.count, 12);
    assert_int_equal(c.host.n, 2);
    assert_string_equal(c.host.elts[1], "b");
    assert_int_equal(seen, 15);
}


static void
test_faults(void **state)
{
    size_t    i, k;
    char      error[80];
    char     *argv[4];
    conf_t    c;
    uint64_t  seen;

    static const struct {
        const char  *argv[3];
        const char  *error;
    } cases[] = {
        { { "--jso", NULL, NULL }, "unknown option --jso" },
        { { "--jsonx=1", NULL, NULL }, "unknown option --jsonx" },
        { { "--json=1", NULL, NULL }, "option --json takes no value" },
        { { "--redis", NULL, NULL }, "option --redis needs ADDRESS" },
        { { "--count", "1x", NULL },
          "option --count: \"1x\" is not a number" },
        { { "--count=", NULL, NULL }, "option --count: \"\" is not a number" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (k = 0; k < 3; k++) {
            argv[k] = (char *) cases[i].argv[k];
        }

        assert_int_equal(parse(&c, &seen, error, sizeof(error), argv), -1);
        assert_string_equal(error, cases[i].error);
    }
}


static void
test_list_is_bounded(void **state)
{
    int       i;
    char      error[80];
    char     *argv[CHAT_OPT_LIST_MAX + 2];
    conf_t    c;
    uint64_t  seen;

    for (i = 0; i <= CHAT_OPT_LIST_MAX; i++) {
        argv[i] = "--host=x";
    }

    argv[i] = NULL;

    assert_int_equal(parse(&c, &seen, error, sizeof(error), argv), -1);
    assert_string_equal(error, "too many --host");
}


static void
test_help(void **state)
{
    char    buf[200];
    size_t  n, m;

    n = chat_opt_help(table, 0x5, NULL, 0);
    assert_true(n < sizeof(buf));
    m = chat_opt_help(table, 0x5, buf, sizeof(buf));
    assert_int_equal(n, m);
    buf[n] = '\0';
    assert_string_equal(buf, "  --json                    as JSON\n"
                             "  --count N                 how many\n");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_list_is_bounded),
        cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
