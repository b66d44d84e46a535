
/*
 * "Connected" is not "delivering": the elected worker writes a probe into the
 * log each 2 s, and every worker measures how long ago one came back.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_write.h"
#include "ngx_http_chat_zone.h"
#include "chat_str.h"


/* ms; with 2 s until the next probe and a tick it is noticed within 5 s */
#define NGX_HTTP_CHAT_PROBE_LOST  2500
/* the global log: half a day of probes of one node */
#define NGX_HTTP_CHAT_PROBE_KEEP  20000

#define NGX_HTTP_CHAT_NODE_LEN    16


static void ngx_http_chat_probe_written(void *data, ngx_int_t rc,
    redisReply *reply);


void
ngx_http_chat_probe_send(ngx_http_chat_bus_t *bus)
{
    u_char                  *p;
    chat_str_t               key, header, body;
    chat_cmd_t              *cmd;
    chat_mem_t              *mem;
    chat_entry_t             e;
    chat_ev_probe_t          probe;
    ngx_http_chat_worker_t  *w;
    u_char                   node[NGX_HTTP_CHAT_NODE_LEN];
    u_char                   head[CHAT_HEADER_MAX], data[64];

    w = bus->w;

    if (!w->up || bus->probe.waiting) {
        return;
    }

    p = chat_hex_print(node, &w->zone->node, sizeof(w->zone->node));

    ngx_memzero(&probe, sizeof(chat_ev_probe_t));

    chat_set(&probe, CHAT_F_EV_PROBE_NODE);
    probe.node.data = node;
    probe.node.len = p - node;
    chat_set(&probe, CHAT_F_EV_PROBE_N);
    probe.n = ++bus->probe.n;

    body.data = data;
    body.len = chat_body_encode(&chat_ev_probe_type, &probe, data,
                                sizeof(data));

    ngx_memzero(&e, sizeof(chat_entry_t));
    e.event = CHAT_EV_PROBE;

    header.data = head;
    header.len = chat_entry_header(head, &e) - head;

    mem = ngx_http_chat_write_mem(w);
    key = chat_key_log(mem, CHAT_PARTITION_GLOBAL);
    cmd = chat_cmd_create(mem, 10);

    if (cmd == NULL || key.len == 0) {
        return;
    }

    chat_cmd_lit(cmd, "XADD");
    chat_cmd_str(cmd, &key);
    chat_cmd_lit(cmd, "MAXLEN");
    chat_cmd_lit(cmd, "~");
    chat_cmd_u64(cmd, NGX_HTTP_CHAT_PROBE_KEEP);
    chat_cmd_lit(cmd, "*");
    chat_cmd_lit(cmd, "h");
    chat_cmd_str(cmd, &header);
    chat_cmd_lit(cmd, "b");
    chat_cmd_str(cmd, &body);

    (void) ngx_http_chat_redis_call(&w->writer->redis, cmd,
                                    NGX_HTTP_CHAT_REDIS_TIMEOUT,
                                    ngx_http_chat_probe_written, bus);
}


static void
ngx_http_chat_probe_written(void *data, ngx_int_t rc, redisReply *reply)
{
    ngx_http_chat_bus_t  *bus;

    bus = data;

    if (rc != NGX_OK) {
        return;
    }

    /* it may have come back before this answer: the age tells */

    if (reply->type == REDIS_REPLY_STRING
        && bus->leader
        && ngx_current_msec - bus->probe.seen > NGX_HTTP_CHAT_TICK)
    {
        bus->probe.waiting = 1;
        bus->probe.written = ngx_current_msec;
    }

    ngx_http_chat_reply_free(reply);
}


void
ngx_http_chat_probe_seen(ngx_http_chat_bus_t *bus, const chat_str_t *body)
{
    chat_mem_t       mem;
    chat_fault_t     fault;
    chat_ev_probe_t  probe;
    u_char           block[256], node[NGX_HTTP_CHAT_NODE_LEN];

    chat_mem_init(&mem, block, sizeof(block), NULL, NULL, 0);

    if (chat_body_decode(&chat_ev_probe_type, body, &probe, &mem, &fault)
        != CHAT_OK)
    {
        return;
    }

    (void) chat_hex_print(node, &bus->w->zone->node,
                          sizeof(bus->w->zone->node));

    if (probe.node.len != NGX_HTTP_CHAT_NODE_LEN
        || ngx_memcmp(probe.node.data, node, NGX_HTTP_CHAT_NODE_LEN) != 0)
    {
        return;
    }

    bus->probe.waiting = 0;
    bus->probe.seen = ngx_current_msec;

    ngx_http_chat_zone_delivered(bus->w);
}


void
ngx_http_chat_probe_check(ngx_http_chat_bus_t *bus)
{
    if (bus->leader && bus->probe.waiting
        && ngx_current_msec - bus->probe.written > NGX_HTTP_CHAT_PROBE_LOST)
    {
        bus->probe.waiting = 0;
        ngx_http_chat_reader_fail(bus, "what is written does not come back");
    }
}
