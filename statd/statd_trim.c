
/*
 * The log is kept for a day, and as long as we have not counted it.  Cutting
 * is approximate (whole nodes of the stream), never beyond.
 */

#include "statd.h"


static int statd_trim_log(statd_t *s, unsigned partition,
    const chat_id_t *before);


int
statd_trim(statd_t *s)
{
    unsigned   p;
    uint64_t   now_ms;
    chat_id_t  oldest, before;

    now_ms = statd_redis_ms(s);
    if (now_ms == 0) {
        return CHAT_ERROR;
    }

    oldest.ms = now_ms - s->conf.keep_s * 1000;
    oldest.seq = 0;

    for (p = 0; p < CHAT_PARTITIONS; p++) {

        if (!s->parts[p].mine) {
            continue;
        }

        before = oldest;

        if (s->parts[p].pos.ms < before.ms) {
            before = s->parts[p].pos;
        }

        if (statd_trim_log(s, p, &before) != CHAT_OK) {
            return CHAT_ERROR;
        }
    }

    /* the global log has no reader that counts */

    if (s->parts[0].mine) {
        return statd_trim_log(s, CHAT_PARTITION_GLOBAL, &oldest);
    }

    return CHAT_OK;
}


static int
statd_trim_log(statd_t *s, unsigned partition, const chat_id_t *before)
{
    chat_cmd_t  *c;
    chat_str_t   key;
    redisReply  *r;

    key = chat_key_log(s->mem, partition);

    c = chat_cmd_create(s->mem, 5);
    if (c == NULL) {
        return CHAT_OK;
    }

    chat_cmd_lit(c, "XTRIM");
    chat_cmd_str(c, &key);
    chat_cmd_lit(c, "MINID");
    chat_cmd_lit(c, "~");
    chat_cmd_id(c, before);

    r = statd_call(s, c);
    if (r == NULL) {
        return chat_sync_dead(s->redis) ? CHAT_ERROR : CHAT_OK;
    }

    freeReplyObject(r);

    return CHAT_OK;
}
