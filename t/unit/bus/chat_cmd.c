
/*
 * Commands and replies: RESP bytes, wrong types, errors by their first word;
 * answers of the scripts that are not of their form.
 */

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat_due.h"
#include "chat_presence.h"
#include "chat_script.h"
#include "chat_str.h"
#include "chat_sync.h"
#include "slice.h"


static chat_heap_t  *heap;


/* A reply as hiredis reads it; freed by the caller. */

static redisReply *
reply(const char *resp)
{
    void         *r;
    redisReader  *reader;

    reader = redisReaderCreate();
    assert_int_equal(redisReaderFeed(reader, resp, strlen(resp)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &r), REDIS_OK);
    assert_non_null(r);
    redisReaderFree(reader);

    return r;
}


static void
format(void **state)
{
    int          i;
    chat_id_t    id = { 5, 7 };
    chat_cmd_t  *c;
    chat_str_t   out, bin;

    c = chat_cmd_create(chat_heap_mem(heap), 0);
    bin.data = (unsigned char *) "a\0\r\n";
    bin.len = 4;

    assert_int_equal(chat_cmd_format(c, &out), CHAT_ERROR);

    chat_cmd_lit(c, "SET");
    chat_cmd_str(c, &bin);
    chat_cmd_u64(c, UINT64_MAX);
    chat_cmd_id(c, &id);
    bin.len = 0;
    chat_cmd_str(c, &bin);

    assert_int_equal(chat_cmd_format(c, &out), CHAT_OK);
    assert_int_equal(out.len, 65);
    assert_memory_equal(out.data, "*5\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n"
                        "$20\r\n18446744073709551615\r\n$3\r\n5-7\r\n"
                        "$0\r\n\r\n", 65);
    chat_cmd_free(&out);
    assert_null(out.data);

    /* it grows */

    for (i = 0; i < 1000; i++) {
        chat_cmd_u64(c, i);
    }

    assert_int_equal(c->argc, 1005);
    assert_int_equal(chat_cmd_format(c, &out), CHAT_OK);
    assert_memory_equal(out.data + out.len - 15,
                        "\n998\r\n$3\r\n999\r\n", 15);
    chat_cmd_free(&out);
}


static void
read_again(void **state)
{
    int             i;
    size_t          n;
    chat_cmd_t     *c, *again;
    chat_str_t      out, bin, cut;
    unsigned char   old;

    c = chat_cmd_create(chat_heap_mem(heap), 0);
    bin.data = (unsigned char *) "$3\r\n\0";
    bin.len = 6;

    chat_cmd_lit(c, "SET");
    chat_cmd_str(c, &bin);
    bin.len = 0;
    chat_cmd_str(c, &bin);
    assert_int_equal(chat_cmd_format(c, &out), CHAT_OK);

    again = chat_cmd_read(chat_heap_mem(heap), &out);
    assert_non_null(again);
    assert_int_equal(again->argc, 3);

    for (i = 0; i < 3; i++) {
        assert_int_equal(again->argvlen[i], c->argvlen[i]);
        assert_memory_equal(again->argv[i], c->argv[i], c->argvlen[i]);
    }

    /* a part of it, or one that lies about a length, is none */

    for (n = 0; n < out.len; n++) {
        cut.data = out.data;
        cut.len = n;
        assert_null(chat_cmd_read(chat_heap_mem(heap), &cut));
    }

    old = out.data[5];
    out.data[5] = '9';
    assert_null(chat_cmd_read(chat_heap_mem(heap), &out));
    out.data[5] = old;
    out.data[1] = '2';
    assert_null(chat_cmd_read(chat_heap_mem(heap), &out));

    chat_cmd_free(&out);
}


static void
no_memory(void **state)
{
    int             i;
    chat_mem_t      mem;
    chat_cmd_t     *c;
    chat_str_t      out;
    unsigned char   block[512] __attribute__((aligned(16)));

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);
    c = chat_cmd_create(&mem, 4);
    assert_non_null(c);

    for (i = 0; i < 100; i++) {
        chat_cmd_lit(c, "x");
    }

    assert_true(c->failed);
    assert_int_equal(chat_cmd_format(c, &out), CHAT_ERROR);
    assert_null(chat_cmd_create(&mem, 1000));
}


static void
types(void **state)
{
    size_t       n;
    uint64_t     v;
    chat_id_t    id;
    chat_str_t   s, *pairs;
    redisReply  *r;

    r = reply("*7\r\n:5\r\n$1\r\n6\r\n$2\r\n-1\r\n:-1\r\n$-1\r\n$3\r\n1-2\r\n"
              "+OK\r\n");

    assert_int_equal(chat_reply_u64(chat_reply_at(r, 0), &v), CHAT_OK);
    assert_int_equal(v, 5);
    assert_int_equal(chat_reply_u64(chat_reply_at(r, 1), &v), CHAT_OK);
    assert_int_equal(v, 6);
    assert_int_equal(chat_reply_u64(chat_reply_at(r, 2), &v), CHAT_ERROR);
    assert_int_equal(chat_reply_u64(chat_reply_at(r, 3), &v), CHAT_ERROR);
    assert_int_equal(chat_reply_u64(chat_reply_at(r, 4), &v), CHAT_ERROR);
    assert_int_equal(chat_reply_u64(r, &v), CHAT_ERROR);
    assert_int_equal(chat_reply_u64(NULL, &v), CHAT_ERROR);

    assert_int_equal(chat_reply_id(chat_reply_at(r, 5), &id), CHAT_OK);
    assert_int_equal(id.seq, 2);
    assert_int_equal(chat_reply_id(chat_reply_at(r, 1), &id), CHAT_ERROR);

    assert_int_equal(chat_reply_str(chat_reply_at(r, 6), &s), CHAT_OK);
    assert_true(chat_str_eq_c(&s, "OK"));
    assert_int_equal(chat_reply_str(chat_reply_at(r, 0), &s), CHAT_ERROR);
    assert_null(chat_reply_at(r, 7));
    assert_null(chat_reply_at(chat_reply_at(r, 0), 0));
    assert_null(chat_reply_at(NULL, 0));

    assert_int_equal(chat_reply_pairs(r, &pairs, &n, chat_heap_mem(heap)),
                     CHAT_ERROR);
    freeReplyObject(r);

    r = reply("*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$0\r\n\r\n");
    assert_int_equal(chat_reply_pairs(r, &pairs, &n, chat_heap_mem(heap)),
                     CHAT_OK);
    assert_int_equal(n, 4);
    assert_true(chat_str_eq_c(&pairs[2], "c"));
    assert_int_equal(pairs[3].len, 0);
    freeReplyObject(r);

    r = reply("*2\r\n$1\r\na\r\n:1\r\n");
    assert_int_equal(chat_reply_pairs(r, &pairs, &n, chat_heap_mem(heap)),
                     CHAT_ERROR);
    assert_int_equal(chat_reply_pairs(NULL, &pairs, &n, chat_heap_mem(heap)),
                     CHAT_ERROR);
    freeReplyObject(r);

    r = reply("*0\r\n");
    assert_int_equal(chat_reply_pairs(r, &pairs, &n, chat_heap_mem(heap)),
                     CHAT_OK);
    assert_int_equal(n, 0);
    freeReplyObject(r);
}


static void
errors(void **state)
{
    unsigned     i;
    redisReply  *r;

    static const struct {
        const char          *resp;
        chat_redis_error_e   means;
    } cases[] = {
        { "+OK\r\n",                               CHAT_REDIS_OK },
        { "-OOM command not allowed\r\n",          CHAT_REDIS_FULL },
        { "-MISCONF Redis is configured\r\n",      CHAT_REDIS_FULL },
        { "-LOADING Redis is loading\r\n",         CHAT_REDIS_AWAY },
        { "-READONLY You can't write\r\n",         CHAT_REDIS_AWAY },
        { "-BUSY Redis is busy\r\n",               CHAT_REDIS_AWAY },
        { "-ERR max number of clients reached\r\n", CHAT_REDIS_AWAY },
        { "-ERR The user executing the script can't run this\r\n",
                                                   CHAT_REDIS_AWAY },
        { "-ERR ACL failure in script: User chat\r\n", CHAT_REDIS_AWAY },
        { "-NOSCRIPT No matching script.\r\n",     CHAT_REDIS_NOSCRIPT },
        { "-NOAUTH Authentication required.\r\n",  CHAT_REDIS_AUTH },
        { "-WRONGTYPE Operation against\r\n",      CHAT_REDIS_REFUSED },
        { "-ERR syntax\r\n",                       CHAT_REDIS_REFUSED },
        { "-OOMPH\r\n",                            CHAT_REDIS_REFUSED },
        { "-OOM\r\n",                              CHAT_REDIS_FULL },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = reply(cases[i].resp);
        assert_int_equal(chat_reply_error(r), cases[i].means);
        freeReplyObject(r);
    }

    assert_int_equal(chat_reply_error(NULL), CHAT_REDIS_OK);
}


static void
answers(void **state)
{
    unsigned                i;
    redisReply             *r;
    chat_append_t           a, b, *items[2] = { &a, &b };
    chat_commit_result_t    res;

    static const char *const  broken[] = {
        "*0\r\n", ":1\r\n", "*1\r\n:1\r\n", "*1\r\n$4\r\nwhat\r\n",
        "*1\r\n$2\r\nok\r\n", "*2\r\n$2\r\nok\r\n$3\r\n1-1\r\n",
        "*4\r\n$2\r\nok\r\n$3\r\n1_1\r\n:1\r\n$0\r\n\r\n",
        "*4\r\n$2\r\nok\r\n$3\r\n1-1\r\n:-1\r\n$0\r\n\r\n",
        "*1\r\n$3\r\ngap\r\n", "*2\r\n$3\r\ngap\r\n$1\r\nx\r\n",
        "*2\r\n$8\r\nconflict\r\n:1\r\n"
    };

    static const char *const  untaken[] = {
        "*1\r\n$0\r\n\r\n", "*1\r\n$3\r\n1-1\r\n",
        "*1\r\n$4\r\n1-1 \r\n", "*1\r\n$5\r\n1_1 4\r\n",
        "*1\r\n$6\r\n1-1 4 \r\n", "*1\r\n:1\r\n"
    };

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        r = reply(broken[i]);
        assert_int_equal(chat_commit_parse(r, &res), CHAT_ERROR);
        assert_int_equal(res.outcome, CHAT_WRITE_PENDING);
        freeReplyObject(r);
    }

    r = reply("*3\r\n$8\r\nconflict\r\n:3\r\n$1\r\n7\r\n");
    assert_int_equal(chat_commit_parse(r, &res), CHAT_OK);
    assert_int_equal(res.outcome, CHAT_WRITE_CONFLICT);
    assert_int_equal(res.index, 3);
    assert_true(chat_str_eq_c(&res.found, "7"));
    freeReplyObject(r);

    for (i = 0; i < sizeof(untaken) / sizeof(untaken[0]); i++) {
        r = reply(untaken[i]);
        assert_int_equal(chat_append_parse(r, items, 1), CHAT_ERROR);
        assert_int_equal(a.outcome, CHAT_WRITE_PENDING);
        freeReplyObject(r);
    }

    memset(&a, 0, sizeof(a));
    a.dialog = str("0123456789abcdef");

    r = reply("*2\r\n$5\r\n1-1 4\r\n*2\r\n$3\r\ngap\r\n:9\r\n");
    assert_int_equal(chat_append_parse(r, items, 1), CHAT_ERROR);
    assert_int_equal(chat_append_parse(r, items, 2), CHAT_OK);
    freeReplyObject(r);

    assert_int_equal(a.outcome, CHAT_WRITE_OK);
    assert_int_equal(a.seq, 4);
    assert_memory_equal(a.went, "0123456789abcdef", 16);
    assert_int_equal(b.outcome, CHAT_WRITE_GAP);
    assert_int_equal(b.expected, 9);

    r = reply("-OOM no\r\n");
    assert_int_equal(chat_append_parse(r, items, 2), CHAT_OK);
    assert_int_equal(a.outcome, CHAT_WRITE_PENDING);
    assert_int_equal(b.refused, CHAT_REDIS_FULL);
    freeReplyObject(r);

    assert_int_equal(chat_append_parse(NULL, items, 2), CHAT_ERROR);
}


/* A batch keeps its order and may be of several partitions' accounts. */

static void
batch(void **state)
{
    unsigned        i;
    chat_cmd_t     *c;
    chat_mem_t     *mem;
    chat_str_t      log;
    chat_append_t   item, other, *items[CHAT_APPEND_BATCH + 1];

    mem = chat_heap_mem(heap);

    memset(&item, 0, sizeof(item));
    item.sender.kind = CHAT_ACTOR_KIND_OPERATOR;
    item.sender.account = 7;
    item.sender.operator_id = 5;
    item.sender.instance = str("oper0005");
    item.sender.n = 1;
    item.dialog = str("0123456789abcdef");
    item.event = CHAT_EV_MESSAGE_POSTED;
    item.body = str("body");

    other = item;
    other.sender.account = 1;

    for (i = 0; i <= CHAT_APPEND_BATCH; i++) {
        items[i] = &item;
    }

    assert_null(chat_append_cmd(mem, items, 0));
    assert_null(chat_append_cmd(mem, items, CHAT_APPEND_BATCH + 1));

    c = chat_append_cmd(mem, items, CHAT_APPEND_BATCH);
    assert_non_null(c);
    assert_int_equal(c->argc, 3 + CHAT_APPEND_BATCH * 11);
    assert_true(c->numbered);

    items[1] = &other;
    c = chat_append_cmd(mem, items, 2);
    assert_non_null(c);
    log = chat_key_log(mem, chat_partition(7));
    assert_memory_equal(c->argv[7], log.data, log.len);
    log = chat_key_log(mem, chat_partition(1));
    assert_memory_equal(c->argv[12], log.data, log.len);
}


/* What is kept of a batch is the batch of what is kept. */

static void
some_of_a_batch(void **state)
{
    unsigned        i, k, n;
    uint64_t        taken;
    chat_cmd_t     *c;
    chat_mem_t     *mem;
    chat_str_t      all, some, same;
    chat_append_t   item[5], *items[5], *left[5];

    static const char *const  bodies[] = { "a", "bc", "\r\n$1", "", "e" };

    mem = chat_heap_mem(heap);
    memset(item, 0, sizeof(item));

    for (i = 0; i < 5; i++) {
        item[i].sender.kind = CHAT_ACTOR_KIND_OPERATOR;
        item[i].sender.account = 7 + i;
        item[i].sender.operator_id = 5;
        item[i].sender.instance = str("oper0005");
        item[i].sender.n = i + 1;
        item[i].dialog = str("0123456789abcdef");
        item[i].event = CHAT_EV_MESSAGE_POSTED;
        item[i].body = str(bodies[i]);
        items[i] = &item[i];
    }

    assert_int_equal(chat_cmd_format(chat_append_cmd(mem, items, 5), &all),
                     CHAT_OK);

    for (taken = 1; taken < 32; taken++) {

        for (i = 0, n = 0; i < 5; i++) {
            if (taken >> i & 1) {
                left[n++] = &item[i];
            }
        }

        c = chat_append_some(mem, &all, 5, taken);
        assert_non_null(c);
        assert_true(c->numbered);
        assert_int_equal(chat_cmd_format(c, &some), CHAT_OK);
        assert_int_equal(chat_cmd_format(chat_append_cmd(mem, left, n),
                                         &same), CHAT_OK);
        assert_int_equal(some.len, same.len);
        assert_memory_equal(some.data, same.data, same.len);

        chat_cmd_free(&some);
        chat_cmd_free(&same);
    }

    for (k = 0; k < 8; k++) {
        if (k != 5) {
            assert_null(chat_append_some(mem, &all, k, 1));
        }
    }

    assert_null(chat_append_some(mem, &all, 5, 0));

    chat_cmd_free(&all);
}


/* What the store says of a sender, by the name of one of its instances. */

static void
sender(void **state)
{
    size_t         i;
    redisReply     r;
    chat_str_t     instance;
    chat_sent_t    sent;

    static const char  two[] =
        "0123456789abcdef;x-inst0001:9 8-7 0123456789abcdef 6;"
        "inst0001:3 17-1 fedcba9876543210 12";

    static const char *const  bad[] = {
        "0123456789abcde;inst0001:3 17-1 fedcba9876543210 12",
        ";inst0001:3 17-1 fedcba9876543210", ";inst0001:3", ";inst0001:",
        ";inst0001:x 17-1 fedcba9876543210 12", ";inst0001:3 17 d 12",
        ";inst0001:3 17-1 d 12 13", "inst0001"
    };

    instance = str("inst0001");
    memset(&r, 0, sizeof(r));

    r.type = REDIS_REPLY_NIL;
    assert_int_equal(chat_sender_parse(&r, &instance, &sent), CHAT_OK);
    assert_int_equal(sent.n, 0);
    assert_int_equal(sent.pointer.len, 0);

    r.type = REDIS_REPLY_STRING;
    r.str = (char *) two;
    r.len = sizeof(two) - 1;
    assert_int_equal(chat_sender_parse(&r, &instance, &sent), CHAT_OK);
    assert_true(chat_str_eq_c(&sent.pointer, "0123456789abcdef"));
    assert_int_equal(sent.n, 3);
    assert_int_equal(sent.id.ms, 17);
    assert_int_equal(sent.id.seq, 1);
    assert_true(chat_str_eq_c(&sent.dialog, "fedcba9876543210"));
    assert_int_equal(sent.seq, 12);

    instance = str("nst0001");
    assert_int_equal(chat_sender_parse(&r, &instance, &sent), CHAT_OK);
    assert_int_equal(sent.n, 0);
    assert_int_equal(sent.pointer.len, CHAT_DIALOG_LEN);

    instance = str("inst0001");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        r.str = (char *) bad[i];
        r.len = strlen(bad[i]);

        if (chat_sender_parse(&r, &instance, &sent) != CHAT_ERROR) {
            fail_msg("taken: \"%s\"", bad[i]);
        }
    }
}


static void
due_members(void **state)
{
    unsigned    i;
    chat_due_t  d;
    chat_str_t  text;

    static const char *const  broken[] = {
        "", ":", "0:7", "2:7:0123456789abcdef", "0:07:0123456789abcdef",
        "0:7:0123456789abcde", "0:7:0123456789abcdeg", "0:7:",
        "-1:7:0123456789abcdef", "0:7:0123456789abcdef:"
    };

    text = str("0123456789abcdef");
    text = chat_due_print(chat_heap_mem(heap), CHAT_DUE_ACCEPT, 7, &text);
    assert_true(chat_str_eq_c(&text, "1:7:0123456789abcdef"));

    assert_int_equal(chat_due_parse(&text, &d), CHAT_OK);
    assert_int_equal(d.kind, CHAT_DUE_ACCEPT);
    assert_int_equal(d.account, 7);
    assert_true(chat_str_eq_c(&d.dialog, "0123456789abcdef"));

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        text = str(broken[i]);
        assert_int_equal(chat_due_parse(&text, &d), CHAT_ERROR);
    }
}


static void
presence(void **state)
{
    size_t       n;
    uint64_t    *ids;
    redisReply  *r;

    r = reply("*5\r\n$5\r\n7:1.0\r\n$6\r\n12:1.0\r\n$5\r\n3:2.9\r\n"
              "$5\r\n7:2.9\r\n$5\r\n3:1.1\r\n");
    assert_int_equal(chat_presence_parse(r, &ids, &n, chat_heap_mem(heap)),
                     CHAT_OK);
    assert_int_equal(n, 3);
    assert_int_equal(ids[0], 3);
    assert_int_equal(ids[1], 7);
    assert_int_equal(ids[2], 12);
    freeReplyObject(r);

    r = reply("*1\r\n$1\r\n7\r\n");
    assert_int_equal(chat_presence_parse(r, &ids, &n, chat_heap_mem(heap)),
                     CHAT_ERROR);
    assert_int_equal(chat_presence_parse(NULL, &ids, &n,
                                         chat_heap_mem(heap)),
                     CHAT_ERROR);
    freeReplyObject(r);
}


static void
addresses(void **state)
{
    unsigned          i;
    char              text[64];
    chat_sync_conf_t  conf;

    static const struct {
        const char  *text;
        const char  *path;
        const char  *host;
        int          port;
    } cases[] = {
        { "unix:/run/x.sock",   "/run/x.sock", NULL,        0 },
        { "/run/x.sock",        "/run/x.sock", NULL,        0 },
        { "localhost",          NULL,          "localhost", 6379 },
        { "127.0.0.1:7000",     NULL,          "127.0.0.1", 7000 },
        { "[::1]",              NULL,          "::1",       6379 },
        { "[::1]:65535",        NULL,          "::1",       65535 },
        { "unix:",              NULL,          NULL,        -1 },
        { "",                   NULL,          NULL,        -1 },
        { ":6379",              NULL,          NULL,        -1 },
        { "host:",              NULL,          NULL,        -1 },
        { "host:0",             NULL,          NULL,        -1 },
        { "host:65536",         NULL,          NULL,        -1 },
        { "host:+1",            NULL,          NULL,        -1 },
        { "host:1x",            NULL,          NULL,        -1 },
        { "[::1",               NULL,          NULL,        -1 },
        { "[::1]x",             NULL,          NULL,        -1 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&conf, 0, sizeof(conf));
        strcpy(text, cases[i].text);

        if (cases[i].port == -1) {
            assert_int_equal(chat_sync_address(text, &conf), CHAT_ERROR);
            continue;
        }

        assert_int_equal(chat_sync_address(text, &conf), CHAT_OK);

        if (cases[i].path) {
            assert_string_equal(conf.path, cases[i].path);
        } else {
            assert_null(conf.path);
            assert_string_equal(conf.host, cases[i].host);
            assert_int_equal(conf.port, cases[i].port);
        }
    }
}


static int
begin(void **state)
{
    heap = chat_heap_create(0);

    return heap == NULL;
}


static int
end(void **state)
{
    chat_heap_destroy(heap);

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(format),
        cmocka_unit_test(read_again),
        cmocka_unit_test(no_memory),
        cmocka_unit_test(types),
        cmocka_unit_test(errors),
        cmocka_unit_test(answers),
        cmocka_unit_test(batch),
        cmocka_unit_test(some_of_a_batch),
        cmocka_unit_test(sender),
        cmocka_unit_test(due_members),
        cmocka_unit_test(presence),
        cmocka_unit_test(addresses),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
