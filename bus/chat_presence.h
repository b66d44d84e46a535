
/*
 * Which operators are there: a sorted set per account, members
 * "<operator>:<node>.<slot>" (a worker) by the ms when they are taken for
 * gone unless renewed.
 */

#ifndef _CHAT_PRESENCE_H_INCLUDED_
#define _CHAT_PRESENCE_H_INCLUDED_


#include "chat_cmd.h"
#include "chat_keys.h"


#define CHAT_PRESENCE_RENEW_MS  5000
#define CHAT_PRESENCE_DEAD_MS   15000

/* Who holds the connections: the node's random id and the worker's slot. */
typedef struct {
    uint64_t         node;
    uint64_t         slot;
} chat_presence_at_t;


/* NULL: out of memory.  Comes, or is still there: for another 15 s. */
chat_cmd_t *chat_presence_renew_cmd(chat_mem_t *mem, uint64_t account,
    const chat_presence_at_t *at, const uint64_t *operators, size_t n,
    uint64_t now_ms);

/* Left this worker. */
chat_cmd_t *chat_presence_leave_cmd(chat_mem_t *mem, uint64_t account,
    const chat_presence_at_t *at, uint64_t operator_id);

/* Forgets the dead: now and then, by anyone. */
chat_cmd_t *chat_presence_expire_cmd(chat_mem_t *mem, uint64_t account,
    uint64_t now_ms);

/* Who is there: each operator once, in ascending order. */
chat_cmd_t *chat_presence_list_cmd(chat_mem_t *mem, uint64_t account,
    uint64_t now_ms);
int chat_presence_parse(const redisReply *r, uint64_t **operators, size_t *n,
    chat_mem_t *mem);


#endif /* _CHAT_PRESENCE_H_INCLUDED_ */
