
/*
 * The elected worker: one XREAD over all logs and ephemeral streams, from
 * concrete ids, into the ring.
 *
 *   ready -> XINFO of all streams -> start (new epoch?) -> XREAD -> ring --+
 *                                                            ^-------------+
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_write.h"
#include "ngx_http_chat_zone.h"
#include "chat_log.h"
#include "chat_str.h"


#define NGX_HTTP_CHAT_READER_BLOCK  5000       /* ms */
/* per stream: bounds the reply, 33 streams of bodies up to 64k */
#define NGX_HTTP_CHAT_READER_COUNT  128

typedef struct {
    ngx_http_chat_reader_t     *reader;
    chat_str_t                  key;
    chat_id_t                   id;            /* read up to here */
    chat_log_info_t             info;          /* when we connected */
} ngx_http_chat_feed_t;

struct ngx_http_chat_reader_s {
    ngx_http_chat_bus_t        *bus;
    ngx_http_chat_redis_t       redis;
    ngx_http_chat_feed_t        feeds[NGX_HTTP_CHAT_FEEDS];
    ngx_uint_t                  asked;         /* XINFO unanswered */
    redisReply                 *held;          /* not in the ring yet */
    unsigned                    begun:1;
    unsigned                    more:1;        /* than COUNT of a stream */
    ngx_event_t                 pause;
    chat_heap_t                *heap;
};


static void ngx_http_chat_reader_ready(ngx_http_chat_redis_t *r);
static void ngx_http_chat_reader_lost(ngx_http_chat_redis_t *r);
static void ngx_http_chat_reader_info(void *data, ngx_int_t rc,
    redisReply *reply);
static void ngx_http_chat_reader_begin(ngx_http_chat_reader_t *reader);
static ngx_int_t ngx_http_chat_reader_resume(ngx_http_chat_reader_t *reader);
static void ngx_http_chat_reader_ask(ngx_http_chat_reader_t *reader);
static void ngx_http_chat_reader_reply(void *data, ngx_int_t rc,
    redisReply *reply);
static void ngx_http_chat_reader_write(ngx_http_chat_reader_t *reader);
static ngx_int_t ngx_http_chat_reader_stream(ngx_http_chat_reader_t *reader,
    ngx_uint_t *n, redisReply *stream);
static ngx_int_t ngx_http_chat_reader_entry(ngx_http_chat_feed_t *feed,
    const redisReply *reply, chat_ring_entry_t *e);
static void ngx_http_chat_reader_pause(ngx_event_t *ev);
static void ngx_http_chat_reader_drop(ngx_http_chat_reader_t *reader);


ngx_int_t
ngx_http_chat_reader_init(ngx_http_chat_bus_t *bus)
{
    chat_mem_t               mem;
    ngx_uint_t               i;
    ngx_http_chat_reader_t  *reader;

    reader = ngx_pcalloc(bus->w->pool, sizeof(ngx_http_chat_reader_t));
    if (reader == NULL) {
        return NGX_ERROR;
    }

    reader->bus = bus;
    bus->reader = reader;

    reader->heap = chat_heap_create(0);
    if (reader->heap == NULL) {
        return NGX_ERROR;
    }

    chat_mem_init(&mem, NULL, 0, ngx_http_chat_palloc, bus->w->pool, 0);

    for (i = 0; i < NGX_HTTP_CHAT_FEEDS; i++) {
        reader->feeds[i].reader = reader;
        reader->feeds[i].key = i < CHAT_FEEDS
                               ? chat_key_log(&mem, i)
                               : chat_key_eph(&mem, i - CHAT_FEEDS);

        if (reader->feeds[i].key.len == 0) {
            return NGX_ERROR;
        }
    }

    reader->pause.handler = ngx_http_chat_reader_pause;
    reader->pause.data = reader;
    reader->pause.log = bus->w->log;
    reader->pause.cancelable = 1;

    ngx_http_chat_redis_init(&reader->redis, bus->w, "log", 65536);

    reader->redis.blocks = 1;
    reader->redis.ready = ngx_http_chat_reader_ready;
    reader->redis.lost = ngx_http_chat_reader_lost;
    reader->redis.data = reader;

    return NGX_OK;
}


void
ngx_http_chat_reader_start(ngx_http_chat_bus_t *bus)
{
    ngx_http_chat_redis_open(&bus->reader->redis);
}


void
ngx_http_chat_reader_stop(ngx_http_chat_bus_t *bus)
{
    ngx_http_chat_redis_close(&bus->reader->redis);
    ngx_http_chat_reader_drop(bus->reader);
}


void
ngx_http_chat_reader_fail(ngx_http_chat_bus_t *bus, const char *why)
{
    if (bus->reader->redis.up) {
        ngx_http_chat_redis_fail(&bus->reader->redis, why);
    }
}


void
ngx_http_chat_reader_exit(ngx_http_chat_bus_t *bus)
{
    chat_heap_destroy(bus->reader->heap);
}


static void
ngx_http_chat_reader_lost(ngx_http_chat_redis_t *r)
{
    ngx_http_chat_reader_drop(r->data);
}


/* What is dropped is read again: the ring knows how far it is. */

static void
ngx_http_chat_reader_drop(ngx_http_chat_reader_t *reader)
{
    reader->asked = 0;
    reader->begun = 0;

    if (reader->held) {
        ngx_http_chat_reply_free(reader->held);
        reader->held = NULL;
    }

    if (reader->pause.timer_set) {
        ngx_del_timer(&reader->pause);
    }
}


/* Start ------------------------------------------------------------------- */

static void
ngx_http_chat_reader_ready(ngx_http_chat_redis_t *r)
{
    ngx_uint_t               i;
    chat_cmd_t              *cmd;
    chat_mem_t              *mem;
    ngx_http_chat_reader_t  *reader;

    reader = r->data;

    chat_heap_reset(reader->heap);
    mem = chat_heap_mem(reader->heap);

    reader->asked = 0;

    for (i = 0; i < NGX_HTTP_CHAT_FEEDS; i++) {
        cmd = chat_log_info_cmd(mem, &reader->feeds[i].key);

        if (ngx_http_chat_redis_call(r, cmd, NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                     ngx_http_chat_reader_info,
                                     &reader->feeds[i])
            != NGX_OK)
        {
            ngx_http_chat_redis_fail(r, "out of memory");
            return;
        }

        reader->asked++;
    }
}


static void
ngx_http_chat_reader_info(void *data, ngx_int_t rc, redisReply *reply)
{
    ngx_http_chat_feed_t    *feed;
    ngx_http_chat_reader_t  *reader;

    feed = data;
    reader = feed->reader;

    if (rc != NGX_OK) {
        return;
    }

    /* a stream that is not there yet is read from its beginning */

    rc = chat_log_info_parse(reply, &feed->info);

    if (rc != CHAT_OK) {
        ngx_http_chat_redis_fail(&reader->redis,
                                 reply->type == REDIS_REPLY_ERROR
                                 ? reply->str
                                 : "unexpected answer to XINFO STREAM");
    }

    ngx_http_chat_reply_free(reply);

    if (rc != CHAT_OK) {
        return;
    }

    if (--reader->asked == 0) {
        ngx_http_chat_reader_begin(reader);
    }
}


static void
ngx_http_chat_reader_begin(ngx_http_chat_reader_t *reader)
{
    ngx_int_t             rc;
    ngx_http_chat_bus_t  *bus;

    bus = reader->bus;

    if (!ngx_http_chat_zone_trylock(bus->w)) {
        ngx_add_timer(&reader->pause, 1);
        return;
    }

    rc = ngx_http_chat_reader_resume(reader);

    ngx_http_chat_zone_unlock(bus->w);

    if (rc != NGX_OK) {
        ngx_http_chat_bus_resign(bus);
        return;
    }

    reader->begun = 1;

    ngx_http_chat_bus_publish(bus);
    ngx_http_chat_reader_ask(reader);
}


/*
 * Goes on where the ring ends.  Under another epoch the ring's past means
 * nothing: it starts anew at what the streams have now, and every session
 * takes its state from the store after that.  The same epoch once more if the
 * rest of a log was cut off before we came to read it: sessions go on then as
 * if they had been lapped, those of other partitions from the ring.
 */

static ngx_int_t
ngx_http_chat_reader_resume(ngx_http_chat_reader_t *reader)
{
    uint32_t               epoch;
    chat_id_t              id;
    ngx_uint_t             i, n;
    const chat_id_t       *starts[CHAT_FEEDS];
    ngx_http_chat_bus_t   *bus;
    ngx_http_chat_feed_t  *feed;

    bus = reader->bus;
    epoch = reader->redis.epoch;

    if (chat_ring_epoch(bus->ring) != epoch) {
        ngx_log_error(NGX_LOG_NOTICE, bus->w->log, 0,
                      "chat: redis \"%V\": epoch %08XD",
                      &reader->redis.conf->name, epoch);
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_CHAT_FEEDS; i++) {
        feed = &reader->feeds[i];
        feed->id = feed->info.last;

        if (i >= CHAT_FEEDS) {
            /* ephemeral: what was missed is worth nothing by now */
            continue;
        }

        starts[i] = NULL;

        if (chat_ring_epoch(bus->ring) == epoch
            && chat_ring_last(bus->ring, i, &id) == CHAT_OK)
        {
            if (!chat_log_lost(&feed->info, &id)) {
                feed->id = id;
                continue;
            }

            ngx_log_error(NGX_LOG_WARN, bus->w->log, 0,
                          "chat: redis \"%V\": \"%V\" was cut off after "
                          "%uL-%uL, before it was read: sessions go on from "
                          "the store", &reader->redis.conf->name,
                          (ngx_str_t *) &feed->key, id.ms, id.seq);
        }

        starts[i] = &feed->id;
        n++;
    }

    if (n == 0) {
        return NGX_OK;
    }

    return chat_ring_begin(bus->ring, bus->term, epoch, starts) == CHAT_OK
           ? NGX_OK : NGX_DECLINED;
}


/* Read -------------------------------------------------------------------- */

static void
ngx_http_chat_reader_ask(ngx_http_chat_reader_t *reader)
{
    ngx_uint_t   i;
    chat_cmd_t  *cmd;

    chat_heap_reset(reader->heap);

    cmd = chat_cmd_create(chat_heap_mem(reader->heap),
                          6 + 2 * NGX_HTTP_CHAT_FEEDS);

    if (cmd) {
        chat_cmd_lit(cmd, "XREAD");
        chat_cmd_lit(cmd, "COUNT");
        chat_cmd_u64(cmd, NGX_HTTP_CHAT_READER_COUNT);
        chat_cmd_lit(cmd, "BLOCK");
        chat_cmd_u64(cmd, NGX_HTTP_CHAT_READER_BLOCK);
        chat_cmd_lit(cmd, "STREAMS");

        for (i = 0; i < NGX_HTTP_CHAT_FEEDS; i++) {
            chat_cmd_str(cmd, &reader->feeds[i].key);
        }

        for (i = 0; i < NGX_HTTP_CHAT_FEEDS; i++) {
            chat_cmd_id(cmd, &reader->feeds[i].id);
        }
    }

    if (ngx_http_chat_redis_call(&reader->redis, cmd,
                                 NGX_HTTP_CHAT_READER_BLOCK
                                 + NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                 ngx_http_chat_reader_reply, reader)
        != NGX_OK)
    {
        ngx_http_chat_redis_fail(&reader->redis, "out of memory");
    }
}


static void
ngx_http_chat_reader_reply(void *data, ngx_int_t rc, redisReply *reply)
{
    ngx_http_chat_reader_t  *reader;

    reader = data;

    if (rc != NGX_OK) {
        return;
    }

    switch (reply->type) {

    case REDIS_REPLY_NIL:

        ngx_http_chat_reply_free(reply);
        ngx_http_chat_reader_ask(reader);
        return;

    case REDIS_REPLY_ARRAY:

        reader->held = reply;
        ngx_http_chat_reader_write(reader);
        return;

    default:

        ngx_http_chat_redis_fail(&reader->redis,
                                 reply->type == REDIS_REPLY_ERROR
                                 ? reply->str
                                 : "unexpected answer to XREAD");
        ngx_http_chat_reply_free(reply);
        return;
    }
}


/* After a pause: what could not be written, or the next question. */

static void
ngx_http_chat_reader_pause(ngx_event_t *ev)
{
    ngx_http_chat_reader_t  *reader;

    reader = ev->data;

    if (reader->held) {
        ngx_http_chat_reader_write(reader);

    } else if (!reader->begun) {
        ngx_http_chat_reader_begin(reader);

    } else {
        ngx_http_chat_reader_ask(reader);
    }
}


static void
ngx_http_chat_reader_write(ngx_http_chat_reader_t *reader)
{
    ngx_int_t             rc;
    ngx_msec_t            gather;
    ngx_uint_t            i, n;
    ngx_http_chat_bus_t  *bus;

    bus = reader->bus;

    if (!ngx_http_chat_zone_trylock(bus->w)) {
        ngx_add_timer(&reader->pause, 1);
        return;
    }

    n = 0;
    rc = NGX_OK;
    reader->more = 0;

    for (i = 0; i < reader->held->elements && rc == NGX_OK; i++) {
        rc = ngx_http_chat_reader_stream(reader, &n,
                                         reader->held->element[i]);
    }

    ngx_http_chat_zone_unlock(bus->w);

    ngx_http_chat_reply_free(reader->held);
    reader->held = NULL;

    ngx_http_chat_bus_publish(bus);

    if (rc == NGX_DECLINED) {
        ngx_http_chat_bus_resign(bus);
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_chat_redis_fail(&reader->redis,
                                 "unexpected answer to XREAD");
        return;
    }

    gather = ngx_http_chat_pace(&bus->w->pace, NGX_HTTP_CHAT_PACE_READ);

    if (gather && !reader->more) {
        ngx_add_timer(&reader->pause, gather);
        return;
    }

    ngx_http_chat_reader_ask(reader);
}


/* Streams come in the order in which they were asked for. */

static ngx_int_t
ngx_http_chat_reader_stream(ngx_http_chat_reader_t *reader, ngx_uint_t *n,
    redisReply *stream)
{
    size_t                 i;
    chat_str_t             key;
    const redisReply      *entries;
    chat_ring_entry_t      e;
    ngx_http_chat_feed_t  *feed;

    if (chat_reply_str(chat_reply_at(stream, 0), &key) != CHAT_OK) {
        return NGX_ERROR;
    }

    while (*n < NGX_HTTP_CHAT_FEEDS
           && !chat_str_eq(&reader->feeds[*n].key, &key))
    {
        (*n)++;
    }

    entries = chat_reply_at(stream, 1);

    if (*n == NGX_HTTP_CHAT_FEEDS || entries == NULL) {
        return NGX_ERROR;
    }

    feed = &reader->feeds[*n];

    ngx_memzero(&e, sizeof(chat_ring_entry_t));

    e.kind = *n < CHAT_FEEDS ? CHAT_RING_LOG : CHAT_RING_EPHEMERAL;
    e.partition = *n < CHAT_FEEDS ? *n : *n - CHAT_FEEDS;

    for (i = 0; i < entries->elements; i++) {

        if (ngx_http_chat_reader_entry(feed, entries->element[i], &e)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (chat_ring_write(reader->bus->ring, reader->bus->term, &e)
            == CHAT_DECLINED)
        {
            return NGX_DECLINED;
        }

        feed->id = e.id;
    }

    if (entries->elements == NGX_HTTP_CHAT_READER_COUNT) {
        reader->more = 1;
    }

    return NGX_OK;
}


/* [id, [field, value, ...]]; fields of later versions are skipped. */

static ngx_int_t
ngx_http_chat_reader_entry(ngx_http_chat_feed_t *feed,
    const redisReply *reply, chat_ring_entry_t *e)
{
    size_t             i;
    chat_str_t         name, value;
    const redisReply  *fields;

    ngx_str_null(&e->header);
    ngx_str_null(&e->body);

    fields = chat_reply_at(reply, 1);

    if (chat_reply_id(chat_reply_at(reply, 0), &e->id) != CHAT_OK
        || fields == NULL)
    {
        return NGX_ERROR;
    }

    for (i = 0; i + 1 < fields->elements; i += 2) {

        if (chat_reply_str(fields->element[i], &name) != CHAT_OK
            || chat_reply_str(fields->element[i + 1], &value) != CHAT_OK)
        {
            return NGX_ERROR;
        }

        if (chat_str_eq_c(&name, "h")) {
            e->header = value;

        } else if (chat_str_eq_c(&name, "b")) {
            e->body = value;
        }
    }

    return NGX_OK;
}
