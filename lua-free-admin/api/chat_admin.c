
/*
 * Cookies, addresses, csrf values, and what every operation needs.
 */

#include <sodium.h>

#include "chat_admin_internal.h"


#define CHAT_ADMIN_V4  4
#define CHAT_ADMIN_V6  16


int
chat_admin_cookie_hash(const chat_str_t *cookie,
    unsigned char hash[CHAT_ADMIN_HASH_LEN])
{
    unsigned char  raw[CHAT_ADMIN_HASH_LEN];

    if (cookie->len != CHAT_ADMIN_COOKIE_LEN
        || chat_b64_parse(cookie, raw, sizeof(raw)) != CHAT_OK)
    {
        return CHAT_ERROR;
    }

    crypto_generichash(hash, CHAT_ADMIN_HASH_LEN, raw, sizeof(raw), NULL, 0);
    sodium_memzero(raw, sizeof(raw));

    return CHAT_OK;
}


size_t
chat_admin_address(unsigned char *out, const void *addr, size_t len)
{
    unsigned char                 *p;
    const unsigned char           *a;
    static const unsigned char     mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                                  0xff, 0xff };

    a = addr;

    /* an IPv4 client of an IPv6 socket */

    if (len == CHAT_ADMIN_V6 && memcmp(a, mapped, sizeof(mapped)) == 0) {
        a += sizeof(mapped);
        len = CHAT_ADMIN_V4;
    }

    p = out;

    switch (len) {

    case CHAT_ADMIN_V4:
        *p++ = '4';
        break;

    case CHAT_ADMIN_V6:
        *p++ = '6';
        len = CHAT_ADMIN_V6 / 2;
        break;

    default:
        memcpy(p, "local", 5);
        return 5;
    }

    return chat_hex_print(p, a, len) - out;
}


int
chat_admin_csrf_ok(const chat_session_rec_t *s, const chat_str_t *value)
{
    return s->csrf.len != 0 && chat_str_eq_secret(&s->csrf, value);
}


int
chat_admin_call(chat_op_t *op, chat_cmd_t *c)
{
    return chat_call_redis(op, CHAT_PARTITION_GLOBAL, c);
}


int
chat_admin_committed(chat_op_t *op, unsigned slot, chat_commit_result_t *res)
{
    const redisReply  *r;

    if (chat_call_reply(op, slot, &r) != CHAT_OK) {
        return CHAT_ERROR;
    }

    if (chat_commit_parse(r, res) != CHAT_OK) {
        return chat_op_fail(op, CHAT_E_INTERNAL);
    }

    return CHAT_OK;
}
