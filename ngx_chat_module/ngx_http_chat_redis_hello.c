
/*
 * From a connected socket to a connection that may be used: who we are, what
 * the server is, our scripts and whether they may do what they do, and
 * whether it holds a store of ours.
 */

#include "ngx_http_chat_redis_internal.h"
#include "ngx_http_chat_zone.h"


static void ngx_http_chat_redis_step(void *data, ngx_int_t rc,
    redisReply *reply);
static void ngx_http_chat_redis_issue(ngx_http_chat_redis_t *r,
    ngx_uint_t argc, ...);
static const char *ngx_http_chat_redis_info(ngx_http_chat_redis_t *r,
    redisReply *reply);
static ngx_str_t ngx_http_chat_redis_field(redisReply *info,
    const char *name);
static const char *ngx_http_chat_redis_store(ngx_http_chat_redis_t *r,
    redisReply *reply);
static void ngx_http_chat_redis_up(ngx_http_chat_redis_t *r);


static const chat_str_t  ngx_http_chat_redis_load = chat_string("LOAD");
static const chat_str_t  ngx_http_chat_redis_one = chat_string("1");


/*
 * The whole way to a ready connection, top-down: each case takes the answer
 * to the question of the one before.
 */

void
ngx_http_chat_redis_handshake(ngx_http_chat_redis_t *r, redisReply *reply)
{
    chat_mem_t                   mem;
    chat_str_t                   sha, key;
    const char                  *why;
    u_char                       block[1024];
    ngx_http_chat_redis_conf_t  *conf;

    conf = r->conf;

    if (reply && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_chat_redis_fail(r, reply->str);
        return;
    }

    switch (r->state) {

    case NGX_HTTP_CHAT_REDIS_AUTH:

        ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_SELECT);

        if (conf->user.len) {
            ngx_http_chat_redis_issue(r, 3, "AUTH", &conf->user,
                                      &conf->password);
            return;
        }

        if (conf->password.len) {
            ngx_http_chat_redis_issue(r, 2, "AUTH", &conf->password);
            return;
        }

        /* fall through */

    case NGX_HTTP_CHAT_REDIS_SELECT:

        ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_INFO);

        if (conf->db.len) {
            ngx_http_chat_redis_issue(r, 2, "SELECT", &conf->db);
            return;
        }

        /* fall through */

    case NGX_HTTP_CHAT_REDIS_INFO:

        ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_ROLE);
        ngx_http_chat_redis_issue(r, 1, "INFO");
        return;

    case NGX_HTTP_CHAT_REDIS_ROLE:

        why = ngx_http_chat_redis_info(r, reply);

        if (why) {
            ngx_http_chat_redis_fail(r, why);
            return;
        }

        r->script = 0;
        ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_SCRIPTS);

        /* fall through */

    case NGX_HTTP_CHAT_REDIS_SCRIPTS:

        if (r->script
            && (chat_reply_str(reply, &sha) != CHAT_OK
                || !chat_str_eq(&sha, &chat_scripts[r->script - 1].sha)))
        {
            ngx_http_chat_redis_fail(r, "loaded another script than ours");
            return;
        }

        if (r->script < CHAT_SCRIPTS) {
            ngx_http_chat_redis_issue(r, 3, "SCRIPT",
                                      &ngx_http_chat_redis_load,
                                      &chat_scripts[r->script++].text);
            return;
        }

        chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);
        key = chat_key_global(&mem, "store");

        ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_RIGHTS);
        ngx_http_chat_redis_issue(r, 4, "EVALSHA",
                                  &chat_scripts[CHAT_SCRIPT_RIGHTS].sha,
                                  &ngx_http_chat_redis_one, &key);
        return;

    case NGX_HTTP_CHAT_REDIS_RIGHTS:

        chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);

        ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_STORE);

        if (ngx_http_chat_redis_format(r, chat_store_get_cmd(&mem),
                                       NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                       ngx_http_chat_redis_step, r)
            != NGX_OK)
        {
            ngx_http_chat_redis_fail(r, "out of memory");
        }

        return;

    case NGX_HTTP_CHAT_REDIS_STORE:

        why = ngx_http_chat_redis_store(r, reply);

        if (why) {
            ngx_http_chat_redis_fail(r, why);
            return;
        }

        ngx_http_chat_redis_up(r);
        return;
    }
}


static void
ngx_http_chat_redis_step(void *data, ngx_int_t rc, redisReply *reply)
{
    if (rc == NGX_OK) {
        ngx_http_chat_redis_handshake(data, reply);
        ngx_http_chat_reply_free(reply);
    }
}


/* A command of the handshake: a literal, then ngx_str_t or chat_str_t. */

static void
ngx_http_chat_redis_issue(ngx_http_chat_redis_t *r, ngx_uint_t argc, ...)
{
    va_list      args;
    chat_cmd_t  *cmd;
    chat_mem_t   mem;
    u_char       block[1024];

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);

    cmd = chat_cmd_create(&mem, argc);

    if (cmd) {
        va_start(args, argc);
        chat_cmd_lit(cmd, va_arg(args, const char *));

        while (--argc) {
            chat_cmd_str(cmd, va_arg(args, const chat_str_t *));
        }

        va_end(args);
    }

    if (ngx_http_chat_redis_format(r, cmd, NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                   ngx_http_chat_redis_step, r)
        != NGX_OK)
    {
        ngx_http_chat_redis_fail(r, "out of memory");
    }
}


/* May we write there, and is it the server we knew? */

static const char *
ngx_http_chat_redis_info(ngx_http_chat_redis_t *r, redisReply *reply)
{
    uint32_t   crc;
    ngx_str_t  run, role, replid, loading, good;

    if (reply == NULL || reply->type != REDIS_REPLY_STRING) {
        return "unexpected answer to INFO";
    }

    run = ngx_http_chat_redis_field(reply, "run_id:");
    role = ngx_http_chat_redis_field(reply, "role:");
    replid = ngx_http_chat_redis_field(reply, "master_replid:");
    loading = ngx_http_chat_redis_field(reply, "loading:");
    good = ngx_http_chat_redis_field(reply, "min_slaves_good_slaves:");

    if (run.len == 0 || replid.len == 0) {
        return "INFO tells no run_id";
    }

    if (loading.len && loading.data[0] != '0') {
        return "is loading its data";
    }

    if (role.len != 6 || ngx_memcmp(role.data, "master", 6) != 0) {
        return "is not a master";
    }

    /* it is told only where min-replicas-to-write asks for some */

    if (good.len == 1 && good.data[0] == '0') {
        return "has no replica in time, takes no writes";
    }

    crc = chat_crc32c(0, run.data, run.len);
    crc = chat_crc32c(crc, replid.data, replid.len);

    /* 0 is "none yet" */

    r->epoch = crc ? crc : 1;

    return NULL;
}


static ngx_str_t
ngx_http_chat_redis_field(redisReply *info, const char *name)
{
    u_char     *p, *last;
    ngx_str_t   value;

    ngx_str_null(&value);

    p = (u_char *) ngx_strstr(info->str, name);

    /* "role:" is also the end of other names */

    while (p && p != (u_char *) info->str && p[-1] != LF) {
        p = (u_char *) ngx_strstr(p + 1, name);
    }

    if (p == NULL) {
        return value;
    }

    p += ngx_strlen(name);
    last = (u_char *) info->str + info->len;

    value.data = p;

    while (p < last && *p != CR && *p != LF) {
        p++;
    }

    value.len = p - value.data;

    return value;
}


static const char *
ngx_http_chat_redis_store(ngx_http_chat_redis_t *r, redisReply *reply)
{
    uint64_t    major, partitions;
    chat_str_t  id;

    switch (chat_store_parse(reply, &major, &partitions, &id)) {

    case CHAT_OK:
        break;

    case CHAT_DECLINED:
        return "holds no store yet: run \"chatctl init\"";

    default:
        return "holds a store that cannot be read";
    }

    if (major != CHAT_STORE_MAJOR) {
        return "holds a store of another major version: "
               "use the programs that made it";
    }

    if (partitions != CHAT_PARTITIONS) {
        return "holds a store with another number of partitions";
    }

    ngx_http_chat_zone_store(r->w, &id);

    return NULL;
}


static void
ngx_http_chat_redis_up(ngx_http_chat_redis_t *r)
{
    if (r->turn > 1) {
        ngx_http_chat_count(r->w, CHAT_METRIC_REDIS_RECONNECTS, 1);
    }

    ngx_http_chat_redis_state(r, NGX_HTTP_CHAT_REDIS_READY);
    r->up = 1;
    r->up_since = ngx_current_msec;

    if (!ngx_http_chat_redis_flaps(r)) {
        ngx_http_chat_redis_back(r);
    }

    r->ready(r);
}
