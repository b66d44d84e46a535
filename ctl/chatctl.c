
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <sodium.h>

#include "chatctl.h"


#define CTL_REDIS_DEFAULT  "127.0.0.1:6379"
#define CTL_WORDS_MAX      3


struct ctl_reply_s {
    ctl_reply_t      *next;
    redisReply       *reply;
};


static const ctl_command_t *ctl_command(int *argc, char **argv);
static int ctl_allowed(const ctl_command_t *cmd, uint64_t seen);
static int ctl_run(ctl_t *ctl, const ctl_command_t *cmd);
static int ctl_connect(ctl_t *ctl);
static int ctl_store(ctl_t *ctl);
static int ctl_help(const ctl_command_t *cmd);
static uint64_t ctl_mask(const ctl_command_t *cmd);


#define O(name, kind, field, arg, help)                                      \
    { name, kind, offsetof(ctl_options_t, field), arg, help }

const chat_opt_t  ctl_options[] = {
    O("redis", CHAT_OPT_TEXT, redis, "ADDRESS",
      "unix:/path or host:port; else $CHAT_REDIS"),
    O("json", CHAT_OPT_FLAG, json, NULL, "print JSON"),
    O("help", CHAT_OPT_FLAG, help, NULL, "print this"),
    O("version", CHAT_OPT_FLAG, version, NULL, "print the version"),
    O("account", CHAT_OPT_TEXT, account, "ACCOUNT", "its name or number"),
    O("host", CHAT_OPT_LIST, hosts, "HOST",
      "host of the site; may be repeated; default: its name"),
    O("idle", CHAT_OPT_U64, idle, "MINUTES",
      "close dialogs nobody writes in, to 525600; 0: never"),
    O("accept", CHAT_OPT_U64, accept, "SECONDS",
      "no answer: back to the queue, to 31536000; 0: never"),
    O("name", CHAT_OPT_TEXT, name, "NAME", "name visitors see"),
    O("role", CHAT_OPT_TEXT, role, "ROLE",
      "owner, admin, supervisor, operator (default) or analyst"),
    O("site", CHAT_OPT_TEXT, site, "SITE",
      "its name or number; operator add: only there"),
    O("operator", CHAT_OPT_TEXT, login, "LOGIN", "of this operator"),
    O("password-stdin", CHAT_OPT_FLAG, stdin_password, NULL,
      "read the password from standard input, one line"),
    O("from", CHAT_OPT_TEXT, from, "TIME",
      "2026-11-22, 2026-11-22T10:30 (UTC), or 90m, 24h, 7d ago"),
    O("to", CHAT_OPT_TEXT, to, "TIME", "the same; default: now"),
    O("after", CHAT_OPT_TEXT, after, "ID", "begin after this log id"),
    O("count", CHAT_OPT_U64, count, "N", "end after N entries"),
    O("follow", CHAT_OPT_FLAG, follow, NULL, "wait for new entries"),
    O("global", CHAT_OPT_FLAG, global, NULL, "the log of {g}"),
    { NULL, 0, 0, NULL, NULL }
};


static const ctl_command_t  ctl_commands[] = {
    { "init", "", 0, "", 1,
      "make an empty store ours; safe to repeat", ctl_init },
    { "account add", "NAME", 1, "", 0,
      "add an account: the owner of sites and operators", ctl_account_add },
    { "account list", "", 0, "", 0, "accounts", ctl_account_list },
    { "site add", "NAME", 1, "account host idle accept", 0,
      "add a site (with an account of its own, if none is named)",
      ctl_site_add },
    { "site list", "", 0, "account", 0, "sites", ctl_site_list },
    { "operator add", "LOGIN", 1,
      "account name role site password-stdin", 0,
      "add an operator; asks for his password", ctl_operator_add },
    { "operator list", "", 0, "account", 0, "operators", ctl_operator_list },
    { "operator passwd", "LOGIN", 1, "password-stdin", 0,
      "change a password; ends his sessions", ctl_operator_passwd },
    { "stats", "", 0, "account site operator from to", 0,
      "figures of sites and operators", ctl_stats },
    { "stats replay", "", 0, "account", 0,
      "count again from the log and compare", ctl_stats_replay },
    { "tail", "", 0, "account global after count follow", 0,
      "entries of the log, as JSON lines", ctl_tail },
    { "doctor", "", 0, "", 1,
      "check the store and what works on it", ctl_doctor },
    { NULL, NULL, 0, NULL, 0, NULL, NULL }
};


int
main(int argc, char **argv)
{
    int                   rc, n;
    char                  error[200];
    ctl_t                 ctl;
    const ctl_command_t  *cmd;

    memset(&ctl, 0, sizeof(ctl_t));

    n = chat_opt_parse(ctl_options, argc - 1, argv + 1, &ctl.opt, &ctl.seen,
                       error, sizeof(error));
    if (n < 0) {
        ctl_error("%s", error);
        return CTL_USAGE;
    }

    if (ctl.opt.version) {
        printf("chatctl %s, store %d\n", CHAT_VERSION, CHAT_STORE_MAJOR);
        return CTL_OK;
    }

    ctl.args = argv + 1;
    cmd = ctl_command(&n, ctl.args);

    if (ctl.opt.help || (cmd == NULL && n == 0)) {
        return ctl_help(cmd);
    }

    if (cmd == NULL) {
        ctl_error("no such command: %s%s%s; see chatctl --help",
                  ctl.args[0], n > 1 ? " " : "", n > 1 ? ctl.args[1] : "");
        return CTL_USAGE;
    }

    if (n != cmd->n_args) {
        ctl_error("usage: chatctl %s%s%s", cmd->words, *cmd->args ? " " : "",
                  cmd->args);
        return CTL_USAGE;
    }

    if (ctl_allowed(cmd, ctl.seen) != CTL_OK) {
        return CTL_USAGE;
    }

    if (sodium_init() < 0) {
        return ctl_error("libsodium does not start");
    }

    ctl.heap = chat_heap_create(0);
    if (ctl.heap == NULL) {
        return ctl_error("out of memory");
    }

    ctl.mem = chat_heap_mem(ctl.heap);
    rc = ctl_run(&ctl, cmd);

    while (ctl.replies != NULL) {
        freeReplyObject(ctl.replies->reply);
        ctl.replies = ctl.replies->next;
    }

    if (ctl.redis != NULL) {
        chat_sync_close(ctl.redis);
    }

    chat_heap_destroy(ctl.heap);

    if (fflush(stdout) != 0 && rc == CTL_OK) {
        return ctl_error("cannot write");
    }

    return rc;
}


static int
ctl_run(ctl_t *ctl, const ctl_command_t *cmd)
{
    if (ctl_connect(ctl) != CTL_OK) {
        return CTL_FAILED;
    }

    if (!cmd->bare && ctl_store(ctl) != CTL_OK) {
        return CTL_FAILED;
    }

    return cmd->run(ctl);
}


/*
 * The longest row that matches the first words; they are taken off argv.
 */

static const ctl_command_t *
ctl_command(int *argc, char **argv)
{
    int                   i, n, best_n;
    char                  text[100];
    const ctl_command_t  *c, *best;

    best = NULL;
    best_n = 0;
    text[0] = '\0';

    for (n = 1; n <= *argc && n <= CTL_WORDS_MAX; n++) {

        if (strlen(text) + strlen(argv[n - 1]) + 2 > sizeof(text)) {
            break;
        }

        if (n > 1) {
            strcat(text, " ");
        }

        strcat(text, argv[n - 1]);

        for (c = ctl_commands; c->words != NULL; c++) {
            if (strcmp(c->words, text) == 0) {
                best = c;
                best_n = n;
            }
        }
    }

    for (i = best_n; i < *argc; i++) {
        argv[i - best_n] = argv[i];
    }

    *argc -= best_n;

    return best;
}


/* Options every command takes, and its own. */

static uint64_t
ctl_mask(const ctl_command_t *cmd)
{
    int          i;
    size_t       len;
    uint64_t     mask;
    const char  *p;

    mask = (uint64_t) 1 << chat_opt_find(ctl_options, "redis", 5)
           | (uint64_t) 1 << chat_opt_find(ctl_options, "json", 4)
           | (uint64_t) 1 << chat_opt_find(ctl_options, "help", 4);

    for (p = cmd ? cmd->options : "version"; *p; p += len + (p[len] == ' ')) {
        len = strcspn(p, " ");
        i = chat_opt_find(ctl_options, p, len);
        mask |= (uint64_t) 1 << i;
    }

    return mask;
}


static int
ctl_allowed(const ctl_command_t *cmd, uint64_t seen)
{
    int       i;
    uint64_t  wrong;

    wrong = seen & ~ctl_mask(cmd);

    for (i = 0; ctl_options[i].name != NULL; i++) {
        if (wrong >> i & 1) {
            return ctl_error("chatctl %s takes no --%s", cmd->words,
                             ctl_options[i].name);
        }
    }

    return CTL_OK;
}


static int
ctl_help(const ctl_command_t *cmd)
{
    char                  buf[4096];
    size_t                n;
    const ctl_command_t  *c;

    if (cmd != NULL) {
        printf("chatctl %s%s%s: %s\n", cmd->words, *cmd->args ? " " : "",
               cmd->args, cmd->help);

    } else {
        printf("chatctl COMMAND [OPTIONS]: set up and look after a chat "
               "store\n\n");

        for (c = ctl_commands; c->words != NULL; c++) {
            n = strlen(c->words) + strlen(c->args) + 1;
            printf("  %s %s%*s%s\n", c->words, c->args,
                   n < 24 ? (int) (24 - n) : 1, "", c->help);
        }

        printf("\nchatctl COMMAND --help lists a command's options.\n");
    }

    n = chat_opt_help(ctl_options, ctl_mask(cmd), buf, sizeof(buf));
    printf("\n%.*s", (int) n, buf);

    return CTL_OK;
}


static int
ctl_connect(ctl_t *ctl)
{
    char              error[256];
    char             *address;
    chat_str_t        src, dst;
    const char       *text;
    chat_sync_conf_t  conf;

    text = ctl->opt.redis ? ctl->opt.redis : getenv("CHAT_REDIS");
    src = ctl_str(text && *text ? text : CTL_REDIS_DEFAULT);

    address = chat_mem_alloc(ctl->mem, src.len + 1);
    if (address == NULL) {
        return ctl_error("out of memory");
    }

    dst.data = (unsigned char *) address;
    memcpy(dst.data, src.data, src.len);
    memset(&conf, 0, sizeof(chat_sync_conf_t));

    if (chat_sync_address(address, &conf) != CHAT_OK) {
        return ctl_error("\"%s\" is not an address of Redis: "
                         "unix:/path or host:port", (char *) src.data);
    }

    conf.user = getenv("CHAT_REDIS_USER");
    conf.password = getenv("CHAT_REDIS_PASSWORD");

    ctl->redis = chat_sync_open(&conf, error, sizeof(error));
    if (ctl->redis == NULL) {
        return ctl_error("Redis at %s: %s", (char *) src.data, error);
    }

    return CTL_OK;
}


/* Refuses to work on a store that is not there or not ours. */

static int
ctl_store(ctl_t *ctl)
{
    int          rc;
    uint64_t     major, partitions;
    chat_str_t   id;
    redisReply  *r;

    r = ctl_call(ctl, chat_store_get_cmd(ctl->mem));
    if (r == NULL) {
        return CTL_FAILED;
    }

    rc = chat_store_parse(r, &major, &partitions, &id);

    if (rc == CHAT_DECLINED) {
        return ctl_error("the store is empty: run chatctl init first");
    }

    if (rc != CHAT_OK) {
        return ctl_error("the store's record is damaged");
    }

    if (major != CHAT_STORE_MAJOR || partitions != CHAT_PARTITIONS) {
        return ctl_error("the store has version %llu with %llu partitions, "
                         "this program works on version %d with %d",
                         (unsigned long long) major,
                         (unsigned long long) partitions, CHAT_STORE_MAJOR,
                         CHAT_PARTITIONS);
    }

    return CTL_OK;
}


int
ctl_seen(const ctl_t *ctl, const char *name)
{
    return ctl->seen >> chat_opt_find(ctl_options, name, strlen(name)) & 1;
}


int
ctl_error(const char *fmt, ...)
{
    va_list  args;

    fputs("chatctl: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);

    return CTL_FAILED;
}


redisReply *
ctl_call(ctl_t *ctl, const chat_cmd_t *c)
{
    redisReply   *r;
    ctl_reply_t  *kept;

    kept = c ? chat_mem_alloc(ctl->mem, sizeof(ctl_reply_t)) : NULL;
    if (kept == NULL) {
        ctl_error("out of memory");
        return NULL;
    }

    r = chat_sync_call(ctl->redis, c);
    if (r == NULL) {
        ctl_error("Redis: %s", chat_sync_error(ctl->redis));
        return NULL;
    }

    if (r->type == REDIS_REPLY_ERROR) {
        ctl_error("Redis: %s", r->str);
        freeReplyObject(r);
        return NULL;
    }

    kept->reply = r;
    kept->next = ctl->replies;
    ctl->replies = kept;

    return r;
}


redisReply *
ctl_words(ctl_t *ctl, const char *word, ...)
{
    va_list      args;
    chat_cmd_t  *c;

    c = chat_cmd_create(ctl->mem, 8);
    if (c == NULL) {
        ctl_error("out of memory");
        return NULL;
    }

    va_start(args, word);

    for (/* void */; word != NULL; word = va_arg(args, const char *)) {
        chat_cmd_lit(c, word);
    }

    va_end(args);

    return ctl_call(ctl, c);
}


uint64_t
ctl_next(ctl_t *ctl, const char *counter)
{
    uint64_t     n;
    redisReply  *r;

    r = ctl_call(ctl, chat_next_cmd(ctl->mem, counter));
    if (r == NULL) {
        return 0;
    }

    if (chat_reply_u64(r, &n) != CHAT_OK || n == 0) {
        ctl_error("the store gave no number for \"%s\"", counter);
        return 0;
    }

    return n;
}


int
ctl_commit(ctl_t *ctl, const chat_cmd_t *c, chat_commit_result_t *res)
{
    redisReply  *r;

    r = ctl_call(ctl, c);
    if (r == NULL) {
        return CTL_FAILED;
    }

    if (chat_commit_parse(r, res) != CHAT_OK) {
        return ctl_error("an answer of the store is not understood");
    }

    if (res->outcome != CHAT_WRITE_OK && res->outcome != CHAT_WRITE_CONFLICT) {
        return ctl_error("the store refused the change (%d)", res->outcome);
    }

    return CTL_OK;
}


chat_str_t
ctl_str(const char *text)
{
    chat_str_t  s;

    s.len = strlen(text);
    s.data = (unsigned char *) text;

    return s;
}


uint64_t
ctl_now_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
