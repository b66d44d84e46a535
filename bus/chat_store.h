
/*
 * Registry: store record, accounts, sites, operators, roles, sessions, keys.
 * Commands and parsers only; who sends them is the caller's business
 * (chatctl: synchronously, nginx: through an op).
 */

#ifndef _CHAT_STORE_H_INCLUDED_
#define _CHAT_STORE_H_INCLUDED_


#include "chat_cmd.h"
#include "chat_script.h"
#include "chat_token.h"


typedef struct {
    uint64_t         id;
    uint64_t         account;
    chat_str_t       name;
    chat_str_t       hosts;        /* space-separated, lower case */
    int              on;
    uint64_t         rev;
    chat_rules_t     rules;
} chat_site_t;

typedef struct {
    uint64_t         id;
    uint64_t         account;
    chat_str_t       login;
    chat_str_t       name;
    chat_str_t       hash;         /* argon2id string */
    int              on;
    uint64_t         rev;
} chat_operator_t;

/* What a site has unless somebody says otherwise. */
#define CHAT_SITE_IDLE_MS    (30 * 60 * 1000)
#define CHAT_SITE_ACCEPT_MS  (2 * 60 * 1000)

/* Roles of an operator; site 0 = every site of the account ("*"). */
typedef struct {
    size_t           n;
    struct { uint64_t site; int role; }  *elts;
} chat_roles_t;

typedef struct {
    uint64_t         operator_id;
    uint64_t         account;
    uint64_t         site;         /* 0 = all; else limited to this one */
    chat_str_t       csrf;
    uint64_t         created_s;
    uint64_t         expires_s;
    chat_str_t       agent;        /* as it came with the login */
    chat_str_t       ip;
} chat_session_rec_t;

/* Each cmd returns NULL when out of memory; each parse CHAT_OK, CHAT_DECLINED
 * (not there) or CHAT_ERROR (not of the form expected). */

chat_cmd_t *chat_store_get_cmd(chat_mem_t *mem);           /* store record */
int chat_store_parse(const redisReply *r, uint64_t *major,
    uint64_t *partitions, chat_str_t *id);
/* A commit: CONFLICT, there is one (found = its major version). */
chat_cmd_t *chat_store_init_cmd(chat_mem_t *mem, const chat_str_t *id,
    uint64_t now_ms);

/* "account", "site", "operator", "kid": an integer, never given twice. */
chat_cmd_t *chat_next_cmd(chat_mem_t *mem, const char *counter);

chat_cmd_t *chat_keys_get_cmd(chat_mem_t *mem);
int chat_keys_parse(const redisReply *r, chat_keys_t *keys);
/* A commit: CONFLICT, the kid is in use. */
chat_cmd_t *chat_keys_add_cmd(chat_mem_t *mem, const chat_key_t *key);

/* HGET: the site's id, or nil. */
chat_cmd_t *chat_host_get_cmd(chat_mem_t *mem, const chat_str_t *host);
chat_cmd_t *chat_site_name_cmd(chat_mem_t *mem, const chat_str_t *name);
chat_cmd_t *chat_site_get_cmd(chat_mem_t *mem, uint64_t site);
int chat_site_parse(const redisReply *r, chat_site_t *s, chat_mem_t *mem);
/*
 * One commit each: chat_commit_parse().  Refuses a name or host in use
 * (CONFLICT, found = its site) and an account that does not exist (CONFLICT,
 * found empty); writes an account_changed event.  account_name: creates the
 * account, too, unless NULL.
 */
chat_cmd_t *chat_site_add_cmd(chat_mem_t *mem, const chat_site_t *s,
    const chat_str_t *account_name, uint64_t now_ms);
chat_cmd_t *chat_account_add_cmd(chat_mem_t *mem, uint64_t id,
    const chat_str_t *name, uint64_t now_ms);

/* ZRANGE: ids, in their order. */
chat_cmd_t *chat_accounts_list_cmd(chat_mem_t *mem);
chat_cmd_t *chat_account_sites_cmd(chat_mem_t *mem, uint64_t account);
chat_cmd_t *chat_account_operators_cmd(chat_mem_t *mem, uint64_t account);
/* HGETALL: name, created_ms, rev. */
chat_cmd_t *chat_account_get_cmd(chat_mem_t *mem, uint64_t account);

/* HGET: the operator's id, or nil. */
chat_cmd_t *chat_login_get_cmd(chat_mem_t *mem, const chat_str_t *login);
chat_cmd_t *chat_operator_get_cmd(chat_mem_t *mem, uint64_t id);
int chat_operator_parse(const redisReply *r, chat_operator_t *o,
    chat_mem_t *mem);
/* Commits.  CONFLICT: the login is in use (found = its operator), or there is
 * no such account (found empty).  site 0: the role is for every site. */
chat_cmd_t *chat_operator_add_cmd(chat_mem_t *mem, const chat_operator_t *o,
    uint64_t site, int role, uint64_t now_ms);
chat_cmd_t *chat_operator_hash_cmd(chat_mem_t *mem, uint64_t account,
    uint64_t id, const chat_str_t *hash);
chat_cmd_t *chat_roles_get_cmd(chat_mem_t *mem, uint64_t operator_id);
int chat_roles_parse(const redisReply *r, chat_roles_t *roles,
    chat_mem_t *mem);
int chat_roles_of(const chat_roles_t *roles, uint64_t site);

chat_cmd_t *chat_session_get_cmd(chat_mem_t *mem, const chat_str_t *hash);
int chat_session_parse(const redisReply *r, chat_session_rec_t *s,
    chat_mem_t *mem);
/* Commits; agent and ip may be NULL.  add: CONFLICT: the operator is gone or
 * switched off meanwhile. */
chat_cmd_t *chat_session_add_cmd(chat_mem_t *mem, const chat_str_t *hash,
    const chat_session_rec_t *s, const chat_str_t *agent,
    const chat_str_t *ip);
/* Removes it and tells every worker (account_changed of that operator). */
chat_cmd_t *chat_session_del_cmd(chat_mem_t *mem, const chat_str_t *hash,
    const chat_session_rec_t *s);
/* Key hashes and expiry (s) in turn. */
chat_cmd_t *chat_sessions_list_cmd(chat_mem_t *mem, uint64_t operator_id);

/*
 * argon2id cost of a password's hash (libsodium's interactive limits).  The
 * hash verified for unknown logins has the same.
 */
#define CHAT_PWHASH_OPS     2
#define CHAT_PWHASH_MEMORY  (64 * 1024 * 1024)

/* argon2id request for the host's thread pool. */
typedef struct {
    chat_str_t       password;
    chat_str_t       hash;         /* in: to verify against */
    int              ok;           /* out */
} chat_pwhash_t;


#endif /* _CHAT_STORE_H_INCLUDED_ */
