
#include "chat_script.h"
#include "chat_str.h"


#define CHAT_APPEND_HEAD  3      /* EVALSHA, script, number of keys */
#define CHAT_APPEND_KEYS  5      /* of a message */
#define CHAT_APPEND_ARGS  6


static chat_cmd_t *chat_append_head(chat_mem_t *mem, size_t n);
static void chat_append_keys(chat_cmd_t *cmd, const chat_append_t *item);
static void chat_append_args(chat_cmd_t *cmd, const chat_append_t *item);
static int chat_append_answer(const redisReply *r, chat_append_t *item);
static int chat_append_taken(const redisReply *r, chat_append_t *item);
static int chat_sender_entry(const chat_str_t *entry, chat_sent_t *sent);


/* First words of the scripts' answers. */
static const struct {
    const char    *word;
    chat_write_e   outcome;
} chat_write_words[] = {
    { "ok",        CHAT_WRITE_OK },
    { "already",   CHAT_WRITE_ALREADY },
    { "gap",       CHAT_WRITE_GAP },
    { "absent",    CHAT_WRITE_ABSENT },
    { "closed",    CHAT_WRITE_CLOSED },
    { "denied",    CHAT_WRITE_DENIED },
    { "conflict",  CHAT_WRITE_CONFLICT },
    { NULL,        CHAT_WRITE_PENDING }
};


chat_cmd_t *
chat_append_cmd(chat_mem_t *mem, chat_append_t *const *items, size_t n)
{
    size_t       i;
    chat_cmd_t  *cmd;

    cmd = chat_append_head(mem, n);

    if (cmd == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        chat_append_keys(cmd, items[i]);
    }

    for (i = 0; i < n; i++) {
        chat_append_args(cmd, items[i]);
    }

    return cmd->failed ? NULL : cmd;
}


static chat_cmd_t *
chat_append_head(chat_mem_t *mem, size_t n)
{
    chat_cmd_t  *cmd;

    if (n == 0 || n > CHAT_APPEND_BATCH) {
        return NULL;
    }

    cmd = chat_cmd_create(mem, CHAT_APPEND_HEAD
                               + n * (CHAT_APPEND_KEYS + CHAT_APPEND_ARGS));
    if (cmd == NULL) {
        return NULL;
    }

    chat_cmd_lit(cmd, "EVALSHA");
    chat_cmd_str(cmd, &chat_scripts[CHAT_SCRIPT_APPEND].sha);
    chat_cmd_u64(cmd, n * CHAT_APPEND_KEYS);

    cmd->numbered = 1;

    return cmd;
}


chat_cmd_t *
chat_append_some(chat_mem_t *mem, const chat_str_t *bytes, size_t n,
    uint64_t taken)
{
    size_t       i, k, width, at;
    chat_str_t   arg;
    chat_cmd_t  *all, *cmd;

    all = chat_cmd_read(mem, bytes);
    cmd = chat_append_head(mem, __builtin_popcountll(taken));

    if (all == NULL || cmd == NULL || n > CHAT_APPEND_BATCH
        || (size_t) all->argc != CHAT_APPEND_HEAD
                               + n * (CHAT_APPEND_KEYS + CHAT_APPEND_ARGS))
    {
        return NULL;
    }

    at = CHAT_APPEND_HEAD;

    for (width = CHAT_APPEND_KEYS; at < (size_t) all->argc;
         width = CHAT_APPEND_ARGS)
    {
        for (i = 0; i < n; i++) {

            for (k = 0; k < width; k++, at++) {

                if (taken >> i & 1) {
                    arg.data = (unsigned char *) all->argv[at];
                    arg.len = all->argvlen[at];
                    chat_cmd_str(cmd, &arg);
                }
            }
        }
    }

    return cmd->failed ? NULL : cmd;
}


static void
chat_append_keys(chat_cmd_t *cmd, const chat_append_t *item)
{
    int                   i;
    chat_str_t            key[CHAT_APPEND_KEYS];
    const chat_sender_t  *s;

    s = &item->sender;

    key[0] = chat_key_dialog(cmd->mem, s->account, &item->dialog);
    key[1] = chat_key_dialog_pub(cmd->mem, s->account, &item->dialog);
    key[2] = chat_sender_key(cmd->mem, s);
    key[3] = chat_key_account(cmd->mem, s->account, "open");
    key[4] = chat_key_log(cmd->mem, chat_partition(s->account));

    for (i = 0; i < CHAT_APPEND_KEYS; i++) {
        if (key[i].len == 0) {
            cmd->failed = 1;
        }

        chat_cmd_str(cmd, &key[i]);
    }
}


static void
chat_append_args(chat_cmd_t *cmd, const chat_append_t *item)
{
    chat_str_t            me, before, route;
    const chat_sender_t  *s;

    s = &item->sender;
    me = chat_key(cmd->mem, 0, "%s:%u", &s->instance, s->n);
    before = chat_key(cmd->mem, 0, ";%s:%u ", &s->instance, s->n - 1);

    if (me.len == 0 || before.len == 0) {
        cmd->failed = 1;
    }

    chat_cmd_str(cmd, &me);
    chat_cmd_str(cmd, &before);

    if (s->kind == CHAT_ACTOR_KIND_VISITOR) {
        route = chat_key(cmd->mem, 0, "%u:%u:%s", s->account, s->site,
                         &s->visitor);
        if (route.len == 0) {
            cmd->failed = 1;
        }

        chat_cmd_lit(cmd, "visitor");
        chat_cmd_str(cmd, &route);

    } else {
        chat_cmd_lit(cmd, "operator");
        chat_cmd_u64(cmd, s->operator_id);
    }

    chat_cmd_u64(cmd, item->event);
    chat_cmd_str(cmd, &item->body);
}


int
chat_append_parse(const redisReply *r, chat_append_t *const *items, size_t n)
{
    size_t              i;
    chat_redis_error_e  refused;

    refused = chat_reply_error(r);

    for (i = 0; i < n; i++) {
        items[i]->outcome = CHAT_WRITE_PENDING;
        items[i]->refused = refused;
    }

    if (refused != CHAT_REDIS_OK) {
        return CHAT_OK;
    }

    if (r == NULL || r->type != REDIS_REPLY_ARRAY || r->elements != n) {
        return CHAT_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (chat_append_answer(r->element[i], items[i]) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    return CHAT_OK;
}


/* "<id> <seq>" if it was taken, else as a commit's. */

static int
chat_append_answer(const redisReply *r, chat_append_t *item)
{
    chat_commit_result_t  res;

    if (r && r->type == REDIS_REPLY_STRING) {
        return chat_append_taken(r, item);
    }

    if (chat_commit_parse(r, &res) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (res.outcome == CHAT_WRITE_OK || res.outcome == CHAT_WRITE_ALREADY) {

        /* a number that went into a decision without a dialog has none */

        if (res.dialog.len == CHAT_DIALOG_LEN) {
            memcpy(item->went, res.dialog.data, CHAT_DIALOG_LEN);
        } else {
            memset(item->went, '0', CHAT_DIALOG_LEN);
        }
    }

    item->outcome = res.outcome;
    item->id = res.id;
    item->seq = res.seq;
    item->expected = res.expected;

    return CHAT_OK;
}


static int
chat_append_taken(const redisReply *r, chat_append_t *item)
{
    chat_str_t      id, seq;
    unsigned char  *p;

    p = memchr(r->str, ' ', r->len);

    if (p == NULL) {
        return CHAT_ERROR;
    }

    id.data = (unsigned char *) r->str;
    id.len = p - id.data;

    seq.data = p + 1;
    seq.len = r->len - id.len - 1;

    if (chat_id_parse(&id, &item->id) != CHAT_OK
        || chat_str_u64(&seq, &item->seq) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    if (item->dialog.len == CHAT_DIALOG_LEN) {
        memcpy(item->went, item->dialog.data, CHAT_DIALOG_LEN);
    }

    item->outcome = CHAT_WRITE_OK;

    return CHAT_OK;
}


int
chat_commit_parse(const redisReply *r, chat_commit_result_t *res)
{
    int         i;
    uint64_t    index;
    chat_str_t  word;

    memset(res, 0, sizeof(chat_commit_result_t));

    if (chat_reply_str(chat_reply_at(r, 0), &word) != CHAT_OK) {
        return CHAT_ERROR;
    }

    for (i = 0; chat_write_words[i].word; i++) {
        if (chat_str_eq_c(&word, chat_write_words[i].word)) {
            break;
        }
    }

    switch (chat_write_words[i].outcome) {

    case CHAT_WRITE_OK:
    case CHAT_WRITE_ALREADY:

        if (chat_reply_id(chat_reply_at(r, 1), &res->id) != CHAT_OK
            || chat_reply_u64(chat_reply_at(r, 2), &res->seq) != CHAT_OK
            || chat_reply_str(chat_reply_at(r, 3), &res->dialog) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        break;

    case CHAT_WRITE_GAP:

        if (chat_reply_u64(chat_reply_at(r, 1), &res->expected) != CHAT_OK) {
            return CHAT_ERROR;
        }

        break;

    case CHAT_WRITE_CONFLICT:

        if (chat_reply_u64(chat_reply_at(r, 1), &index) != CHAT_OK
            || chat_reply_str(chat_reply_at(r, 2), &res->found) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        res->index = index;
        break;

    case CHAT_WRITE_PENDING:
        return CHAT_ERROR;

    default:
        break;
    }

    res->outcome = chat_write_words[i].outcome;

    return CHAT_OK;
}


chat_str_t
chat_sender_key(chat_mem_t *mem, const chat_sender_t *s)
{
    if (s->kind == CHAT_ACTOR_KIND_VISITOR) {
        return chat_key_visitor(mem, s->account, s->site, &s->visitor);
    }

    return chat_key_operator(mem, s->account, s->operator_id);
}


chat_cmd_t *
chat_sender_cmd(chat_mem_t *mem, const chat_sender_t *s)
{
    chat_cmd_t  *c;
    chat_str_t   key;

    key = chat_sender_key(mem, s);

    c = chat_cmd_create(mem, 2);
    if (c == NULL || key.len == 0) {
        return NULL;
    }

    chat_cmd_lit(c, "GET");
    chat_cmd_str(c, &key);

    return c;
}


/* "<dialog>;<instance>:<n> <id> <dialog> <seq>;..." */

int
chat_sender_parse(const redisReply *r, const chat_str_t *instance,
    chat_sent_t *sent)
{
    chat_str_t  rest, entry, name;

    memset(sent, 0, sizeof(chat_sent_t));

    if (r && r->type == REDIS_REPLY_NIL) {
        return CHAT_OK;
    }

    if (chat_reply_str(r, &rest) != CHAT_OK) {
        return CHAT_ERROR;
    }

    chat_str_cut(&rest, ';', &sent->pointer);

    if (sent->pointer.len && !chat_dialog_id_valid(&sent->pointer)) {
        return CHAT_ERROR;
    }

    while (rest.len) {
        chat_str_cut(&rest, ';', &entry);
        chat_str_cut(&entry, ':', &name);

        if (chat_str_eq(&name, instance)) {
            return chat_sender_entry(&entry, sent);
        }
    }

    return CHAT_OK;
}


/* "<n> <id> <dialog> <seq>" */

static int
chat_sender_entry(const chat_str_t *entry, chat_sent_t *sent)
{
    chat_str_t  rest, n, id;

    rest = *entry;

    chat_str_cut(&rest, ' ', &n);
    chat_str_cut(&rest, ' ', &id);
    chat_str_cut(&rest, ' ', &sent->dialog);

    if (chat_str_u64(&n, &sent->n) != CHAT_OK
        || chat_id_parse(&id, &sent->id) != CHAT_OK
        || chat_str_u64(&rest, &sent->seq) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    return CHAT_OK;
}
