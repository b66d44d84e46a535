
/*
 * Partitions and keys (docs/internals/keys.md).  One function per key; all
 * print into an arena and return an empty slice when it is out of memory.
 */

#ifndef _CHAT_KEYS_H_INCLUDED_
#define _CHAT_KEYS_H_INCLUDED_


#include "chat.h"
#include "chat_mem.h"


#define CHAT_PARTITIONS        16
#define CHAT_PARTITION_GLOBAL  16      /* {g}'s own log; index in cursors */
#define CHAT_FEEDS             17      /* partitions + global */

/* fnv1a32 of the decimal account number, mod CHAT_PARTITIONS. */
unsigned chat_partition(uint64_t account);

/* "{...}" of partition 0..15, or "{g}" for CHAT_PARTITION_GLOBAL. */
const chat_str_t *chat_partition_tag(unsigned partition);

/*
 * printf-like: %t tag of `partition`, %u uint64_t, %s const chat_str_t *,
 * %c const char *.  Everything else is literal.
 */
chat_str_t chat_key(chat_mem_t *mem, unsigned partition, const char *fmt,
    ...);

#define chat_key_log(m, p)           chat_key(m, p, "chat:%t:log")
#define chat_key_eph(m, p)           chat_key(m, p, "chat:%t:eph")
#define chat_key_due(m, p)           chat_key(m, p, "chat:%t:due")
#define chat_key_dialog(m, a, d)                                             \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:d:%s", (uint64_t) (a), d)
#define chat_key_dialog_about(m, a, d)                                       \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:d:%s:about",                \
             (uint64_t) (a), d)
#define chat_key_dialog_pub(m, a, d)                                         \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:d:%s:pub", (uint64_t) (a), d)
#define chat_key_dialog_staff(m, a, d)                                       \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:d:%s:staff",                \
             (uint64_t) (a), d)
#define chat_key_visitor(m, a, s, v)                                         \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:v:%u:%s", (uint64_t) (a),   \
             (uint64_t) (s), v)
#define chat_key_visitor_about(m, a, s, v)                                   \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:v:%u:%s:about",             \
             (uint64_t) (a), (uint64_t) (s), v)
#define chat_key_operator(m, a, o)                                           \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:o:%u", (uint64_t) (a),      \
             (uint64_t) (o))
#define chat_key_account(m, a, what)                                         \
    chat_key(m, chat_partition(a), "chat:%t:a:%u:%c", (uint64_t) (a), what)
#define chat_key_site(m, s)                                                  \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:site:%u", (uint64_t) (s))
#define chat_key_owner(m, a)                                                 \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:account:%u", (uint64_t) (a))
#define chat_key_owned(m, a, what)                                           \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:account:%u:%c",              \
             (uint64_t) (a), what)
#define chat_key_person(m, o)                                                \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:operator:%u", (uint64_t) (o))
#define chat_key_roles(m, o)                                                 \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:operator:%u:roles",          \
             (uint64_t) (o))
#define chat_key_sessions(m, o)                                              \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:operator:%u:sessions",       \
             (uint64_t) (o))
#define chat_key_session(m, hash)                                            \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:session:%s", hash)
#define chat_key_global(m, what)                                             \
    chat_key(m, CHAT_PARTITION_GLOBAL, "chat:%t:%c", what)


#endif /* _CHAT_KEYS_H_INCLUDED_ */
