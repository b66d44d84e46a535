
/*
 * Who is there: operators connected to this worker, each with an expiry in
 * the store that is moved on while they stay.  And events that are worth
 * nothing later (typing, presence): the ephemeral streams.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_write.h"
#include "ngx_http_chat_zone.h"
#include "chat_presence.h"


#define NGX_HTTP_CHAT_EPHEMERAL_KEEP  1000     /* entries of a stream */


typedef struct {
    ngx_rbtree_node_t         node;            /* key: operator's id */
    uint64_t                  account;
    ngx_uint_t                sessions;
} ngx_http_chat_presence_t;


static ngx_http_chat_presence_t *ngx_http_chat_presence_find(
    ngx_http_chat_bus_t *bus, uint64_t operator_id);
static void ngx_http_chat_presence_store(ngx_http_chat_bus_t *bus,
    ngx_http_chat_presence_t *p, ngx_uint_t online);
static void ngx_http_chat_presence_sweep(ngx_http_chat_bus_t *bus,
    uint64_t account);


void
ngx_http_chat_presence_init(ngx_http_chat_bus_t *bus)
{
    ngx_rbtree_init(&bus->presence, &bus->sentinel, ngx_rbtree_insert_value);
}


void
ngx_http_chat_bus_presence(ngx_http_chat_worker_t *w, uint64_t account,
    uint64_t operator_id, ngx_uint_t online)
{
    ngx_http_chat_bus_t       *bus;
    ngx_http_chat_presence_t  *p;

    bus = w->bus;
    p = ngx_http_chat_presence_find(bus, operator_id);

    if (online) {

        if (p == NULL) {
            p = ngx_calloc(sizeof(ngx_http_chat_presence_t), w->log);
            if (p == NULL) {
                return;
            }

            p->node.key = operator_id;
            p->account = account;

            ngx_rbtree_insert(&bus->presence, &p->node);
            ngx_http_chat_presence_sweep(bus, account);
            ngx_http_chat_presence_store(bus, p, 1);
        }

        p->sessions++;
        return;
    }

    if (p == NULL || --p->sessions) {
        return;
    }

    if (!w->exiting) {
        /* else what is stored expires, if he does not come back */
        ngx_http_chat_presence_store(bus, p, 0);
    }

    ngx_rbtree_delete(&bus->presence, &p->node);
    ngx_free(p);
}


void
ngx_http_chat_presence_renew(ngx_http_chat_bus_t *bus)
{
    ngx_rbtree_node_t  *node;

    if (bus->presence.root == &bus->sentinel) {
        return;
    }

    for (node = ngx_rbtree_min(bus->presence.root, &bus->sentinel);
         node;
         node = ngx_rbtree_next(&bus->presence, node))
    {
        ngx_http_chat_presence_store(bus, (ngx_http_chat_presence_t *) node,
                                     1);
    }
}


void
ngx_http_chat_presence_exit(ngx_http_chat_bus_t *bus)
{
    ngx_rbtree_node_t  *node;

    while (bus->presence.root != &bus->sentinel) {
        node = bus->presence.root;
        ngx_rbtree_delete(&bus->presence, node);
        ngx_free(node);
    }
}


static ngx_http_chat_presence_t *
ngx_http_chat_presence_find(ngx_http_chat_bus_t *bus, uint64_t operator_id)
{
    ngx_rbtree_node_t  *node;

    node = bus->presence.root;

    while (node != &bus->sentinel) {

        if (node->key == operator_id) {
            return (ngx_http_chat_presence_t *) node;
        }

        node = operator_id < node->key ? node->left : node->right;
    }

    return NULL;
}


/* A member per worker, by its pid: none takes away what another one says. */

static void
ngx_http_chat_presence_store(ngx_http_chat_bus_t *bus,
    ngx_http_chat_presence_t *p, ngx_uint_t online)
{
    uint64_t                 now, operator_id;
    chat_cmd_t              *cmd;
    chat_mem_t              *mem;
    chat_presence_at_t       at;
    ngx_http_chat_worker_t  *w;

    w = bus->w;
    now = w->host.now_ms(&w->host);
    operator_id = p->node.key;

    at.node = w->zone->node;
    at.slot = ngx_pid;

    mem = ngx_http_chat_write_mem(w);

    cmd = online ? chat_presence_renew_cmd(mem, p->account, &at,
                                           &operator_id, 1, now)
                 : chat_presence_leave_cmd(mem, p->account, &at,
                                           operator_id);

    ngx_http_chat_write_casual(w, cmd);
}


/* What workers that were killed have left. */

static void
ngx_http_chat_presence_sweep(ngx_http_chat_bus_t *bus, uint64_t account)
{
    ngx_http_chat_worker_t  *w;

    w = bus->w;

    ngx_http_chat_write_casual(w,
        chat_presence_expire_cmd(ngx_http_chat_write_mem(w), account,
                                 w->host.now_ms(&w->host)));
}


void
ngx_http_chat_bus_ephemeral(ngx_http_chat_worker_t *w, const chat_entry_t *e)
{
    chat_str_t   key, header;
    chat_cmd_t  *cmd;
    chat_mem_t  *mem;
    u_char       head[CHAT_HEADER_MAX];

    if (!w->up) {
        return;
    }

    header.data = head;
    header.len = chat_entry_header(head, e) - head;

    mem = ngx_http_chat_write_mem(w);
    key = chat_key_eph(mem, chat_partition(e->account));
    cmd = chat_cmd_create(mem, 10);

    if (cmd == NULL || key.len == 0) {
        return;
    }

    chat_cmd_lit(cmd, "XADD");
    chat_cmd_str(cmd, &key);
    chat_cmd_lit(cmd, "MAXLEN");
    chat_cmd_lit(cmd, "~");
    chat_cmd_u64(cmd, NGX_HTTP_CHAT_EPHEMERAL_KEEP);
    chat_cmd_lit(cmd, "*");
    chat_cmd_lit(cmd, "h");
    chat_cmd_str(cmd, &header);
    chat_cmd_lit(cmd, "b");
    chat_cmd_str(cmd, &e->body);

    ngx_http_chat_write_casual(w, cmd);
}
