
/*
 * The bus of a node: who reads the log, and what comes out of the ring.
 */

#include "ngx_http_chat_bus.h"
#include "ngx_http_chat_spare.h"
#include "ngx_http_chat_write.h"
#include "ngx_http_chat_zone.h"


static void ngx_http_chat_bus_wake_handler(ngx_event_t *ev);
static void ngx_http_chat_bus_dispatch_handler(ngx_event_t *ev);
static void ngx_http_chat_bus_look_handler(ngx_event_t *ev);
static void ngx_http_chat_bus_tick_handler(ngx_event_t *ev);
static void ngx_http_chat_bus_dispatch(ngx_http_chat_bus_t *bus);
static void ngx_http_chat_bus_entry(ngx_http_chat_bus_t *bus,
    chat_ring_entry_t *e);
static void ngx_http_chat_bus_resync(ngx_http_chat_bus_t *bus,
    uint32_t epoch);
static void ngx_http_chat_bus_agree(ngx_http_chat_bus_t *bus);
static ngx_uint_t ngx_http_chat_bus_odd(ngx_http_chat_bus_t *bus);
static void ngx_http_chat_bus_elect(ngx_http_chat_bus_t *bus);
static void ngx_http_chat_bus_event(ngx_http_chat_bus_t *bus,
    ngx_event_t *ev, ngx_event_handler_pt handler);


ngx_int_t
ngx_http_chat_bus_init(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_bus_t  *bus;

    bus = ngx_pcalloc(w->pool, sizeof(ngx_http_chat_bus_t));
    if (bus == NULL) {
        return NGX_ERROR;
    }

    bus->w = w;
    bus->ring = ngx_http_chat_zone_ring(w->zone);
    bus->epoch = chat_ring_join(bus->ring, &bus->pos);
    bus->probe.seen = ngx_current_msec;

    bus->buf = ngx_palloc(w->pool, chat_ring_entry_max(bus->ring));
    if (bus->buf == NULL) {
        return NGX_ERROR;
    }

    w->bus = bus;

    ngx_http_chat_bus_event(bus, &bus->dispatch,
                            ngx_http_chat_bus_dispatch_handler);
    ngx_http_chat_bus_event(bus, &bus->look, ngx_http_chat_bus_look_handler);
    ngx_http_chat_bus_event(bus, &bus->tick, ngx_http_chat_bus_tick_handler);

    ngx_http_chat_presence_init(bus);

    if (ngx_http_chat_reader_init(bus) != NGX_OK
        || ngx_http_chat_due_init(bus) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_chat_zone_claim(w, ngx_http_chat_bus_wake_handler)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "chat: no wake-up is left in chat_zone \"%V\": this "
                      "worker looks for news each %d ms",
                      &w->mcf->zone->shm.name, NGX_HTTP_CHAT_LOOK);

        ngx_add_timer(&bus->look, NGX_HTTP_CHAT_LOOK);
    }

    ngx_http_chat_zone_arm(w);
    ngx_http_chat_bus_tick_handler(&bus->tick);

    return NGX_OK;
}


static void
ngx_http_chat_bus_event(ngx_http_chat_bus_t *bus, ngx_event_t *ev,
    ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = bus;
    ev->log = bus->w->log;
    ev->cancelable = 1;
}


void
ngx_http_chat_bus_stop(ngx_http_chat_worker_t *w)
{
    if (w->slot >= 0) {
        w->zone->slots[w->slot].exiting = 1;
    }

    /* if only leaving workers are left they elect one of them at their tick */

    ngx_http_chat_bus_resign(w->bus);
}


void
ngx_http_chat_bus_exit(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_bus_t  *bus;

    bus = w->bus;

    ngx_http_chat_bus_resign(bus);
    ngx_http_chat_presence_exit(bus);
    ngx_http_chat_reader_exit(bus);
    ngx_http_chat_due_exit(bus);

    if (bus->tick.timer_set) {
        ngx_del_timer(&bus->tick);
    }

    if (bus->look.timer_set) {
        ngx_del_timer(&bus->look);
    }

    ngx_http_chat_zone_release(w);
}


uint64_t
ngx_http_chat_bus_position(ngx_http_chat_worker_t *w)
{
    return w->bus->pos;
}


uint32_t
ngx_http_chat_bus_epoch(ngx_http_chat_worker_t *w)
{
    return w->bus->epoch;
}


ngx_uint_t
ngx_http_chat_bus_agrees(ngx_http_chat_worker_t *w, uint32_t epoch)
{
    return epoch && w->bus->epoch == epoch && w->writer->epoch == epoch;
}


chat_ring_t *
ngx_http_chat_bus_ring(ngx_http_chat_worker_t *w)
{
    return w->bus->ring;
}


const u_char *
ngx_http_chat_bus_cursor_key(ngx_http_chat_worker_t *w)
{
    return w->zone->cursor_key;
}


/* Wake-up ----------------------------------------------------------------- */

static void
ngx_http_chat_bus_wake_handler(ngx_event_t *ev)
{
    uint64_t                 n;
    ngx_connection_t        *c;
    ngx_http_chat_worker_t  *w;

    c = ev->data;
    w = c->data;

    if (read(c->fd, &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "read() of eventfd failed");
    }

    if (w->bus == NULL) {
        return;
    }

    if (w->zone->leader == 0) {
        ngx_http_chat_bus_elect(w->bus);
    }

    ngx_http_chat_replay_go(w);
    ngx_http_chat_sessions_pump(w);
    ngx_http_chat_bus_dispatch(w->bus);
}


static void
ngx_http_chat_bus_dispatch_handler(ngx_event_t *ev)
{
    ngx_http_chat_bus_dispatch(ev->data);
}


static void
ngx_http_chat_bus_look_handler(ngx_event_t *ev)
{
    ngx_http_chat_bus_dispatch(ev->data);
    ngx_add_timer(ev, NGX_HTTP_CHAT_LOOK);
}


void
ngx_http_chat_bus_publish(ngx_http_chat_bus_t *bus)
{
    ngx_http_chat_zone_wake(bus->w);
    ngx_post_event(&bus->dispatch, &ngx_posted_events);
}


/* Dispatch ---------------------------------------------------------------- */

static void
ngx_http_chat_bus_dispatch(ngx_http_chat_bus_t *bus)
{
    int                rc;
    uint64_t           pos;
    ngx_uint_t         n;
    chat_ring_entry_t  e;

    n = 0;

    for ( ;; ) {

        if (n++ == NGX_HTTP_CHAT_TURN) {

            /* others' turn; not armed, so nobody wakes us for nothing */

            ngx_post_event(&bus->dispatch, &ngx_posted_next_events);
            return;
        }

        pos = bus->pos;
        rc = chat_ring_read(bus->ring, &pos, bus->buf, &e);

        if (rc == CHAT_AGAIN) {
            ngx_http_chat_zone_arm(bus->w);

            /* what was written before it knew that we sleep */

            if (chat_ring_head(bus->ring) == bus->pos) {
                return;
            }

            continue;
        }

        bus->pos = pos;

        if (rc == CHAT_DECLINED) {
            ngx_log_error(NGX_LOG_WARN, bus->w->log, 0,
                          "chat: the ring overtook this worker: its sessions "
                          "go on from the store");

            ngx_http_chat_count(bus->w, CHAT_METRIC_RING_LAPS, 1);

            /* an epoch may be among what was overtaken */

            ngx_http_chat_bus_resync(bus,
                                     chat_ring_join(bus->ring, &bus->pos));
            continue;
        }

        ngx_http_chat_bus_entry(bus, &e);
    }
}


static void
ngx_http_chat_bus_entry(ngx_http_chat_bus_t *bus, chat_ring_entry_t *e)
{
    ngx_http_chat_worker_t  *w;

    w = bus->w;

    ngx_log_debug5(NGX_LOG_DEBUG_HTTP, w->log, 0,
                   "chat: ring kind:%d part:%uD id:%uL-%uL len:%uz",
                   e->kind, e->partition, e->id.ms, e->id.seq, e->body.len);

    ngx_http_chat_count(w, CHAT_METRIC_RING_ENTRIES, 1);

    switch (e->kind) {

    case CHAT_RING_EPOCH:

        /* the same one again: some of the log was never read */

        ngx_http_chat_bus_resync(bus, e->epoch);
        return;

    case CHAT_RING_BIG:

        /* no writer of ours makes such: sessions fetch it from the store */

        ngx_http_chat_bus_resync(bus, bus->epoch);
        return;

    case CHAT_RING_LOG:
    case CHAT_RING_EPHEMERAL:
        break;

    case CHAT_RING_START:
        return;
    }

    ngx_http_chat_sessions_dispatch(w, e, bus->pos);
}


/*
 * The epoch goes with the position, not with the ring's head: a session that
 * attaches before the worker has come to a new one is still of the old one,
 * and is told to forget what it has when the worker comes there.
 */

static void
ngx_http_chat_bus_resync(ngx_http_chat_bus_t *bus, uint32_t epoch)
{
    ngx_uint_t  reset;

    reset = (bus->epoch != epoch);
    bus->epoch = epoch;

    ngx_http_chat_sessions_resync(bus->w, reset);
}


/* Election ---------------------------------------------------------------- */

static void
ngx_http_chat_bus_tick_handler(ngx_event_t *ev)
{
    size_t                bytes;
    ngx_uint_t            blocks;
    ngx_http_chat_bus_t  *bus;

    bus = ev->data;

    ngx_http_chat_bus_elect(bus);
    ngx_http_chat_bus_dispatch(bus);
    ngx_http_chat_probe_check(bus);
    ngx_http_chat_bus_agree(bus);

    if (bus->ticks % 4 == 0) {
        ngx_http_chat_write_tick(bus->w);
        ngx_http_chat_write_ping(bus->w);

        ngx_http_chat_spare_sum(&blocks, &bytes);
        ngx_http_chat_gauge(bus->w, CHAT_METRIC_SPARE_BLOCKS, blocks);
        ngx_http_chat_gauge(bus->w, CHAT_METRIC_SPARE_BYTES, bytes);
    }

    if (bus->ticks % 20 == 0) {
        ngx_http_chat_presence_renew(bus);
    }

    if (bus->leader && bus->ticks % 2 == 0) {
        ngx_http_chat_due_poll(bus);
    }

    if (bus->leader && bus->ticks % 8 == 0) {
        ngx_http_chat_probe_send(bus);
    }

    bus->ticks++;

    ngx_add_timer(&bus->tick, NGX_HTTP_CHAT_TICK);
}


/*
 * A server may begin another history without closing our connections (it was
 * a replica for a while): whoever comes to know of it first shows it by his
 * epoch, and the others ask again, the reader of the log first.
 */

static void
ngx_http_chat_bus_agree(ngx_http_chat_bus_t *bus)
{
    ngx_http_chat_writer_t  *wr;

    wr = bus->w->writer;

    if (!bus->w->up || !ngx_http_chat_bus_odd(bus)) {
        bus->odd = 0;
        return;
    }

    if (bus->odd == 0) {
        bus->odd = ngx_current_msec | 1;
        return;
    }

    if (ngx_current_msec - bus->odd
        < (bus->leader ? NGX_HTTP_CHAT_ODD_EPOCH
                       : 2 * NGX_HTTP_CHAT_ODD_EPOCH))
    {
        return;
    }

    bus->odd = 0;

    if (bus->leader) {
        ngx_http_chat_reader_fail(bus, "the epoch is another one");
    }

    ngx_http_chat_redis_fail(&wr->redis, "the epoch is another one");
}


static ngx_uint_t
ngx_http_chat_bus_odd(ngx_http_chat_bus_t *bus)
{
    uint32_t               epoch;
    ngx_uint_t             i;
    ngx_http_chat_slot_t  *slot;

    epoch = chat_ring_epoch(bus->ring);

    if (epoch == 0) {
        return 0;
    }

    if (bus->w->writer->epoch != epoch) {
        return 1;
    }

    for (i = 0; bus->leader && i < NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &bus->w->zone->slots[i];

        if (slot->replay_epoch
            && slot->replay_epoch != epoch
            && ngx_http_chat_zone_alive(slot->pid))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * The pid is the ballot; the term, which every write into the ring carries,
 * keeps out a leader that was only asleep.
 */

static void
ngx_http_chat_bus_elect(ngx_http_chat_bus_t *bus)
{
    ngx_msec_int_t           silent;
    ngx_atomic_uint_t        leader;
    ngx_http_chat_zone_t    *zone;
    ngx_http_chat_worker_t  *w;

    w = bus->w;
    zone = w->zone;
    leader = zone->leader;

    silent = (ngx_msec_int_t) (ngx_current_msec - zone->heartbeat);

    if (bus->leader) {

        if (leader == (ngx_atomic_uint_t) ngx_pid) {
            zone->heartbeat = ngx_current_msec;

            if (silent >= NGX_HTTP_CHAT_LEADER_DEAD) {

                /* nobody took over, but we begin as he would: what was not
                   read meanwhile may not be in the log any more */

                ngx_http_chat_reader_fail(bus, "this worker slept");
            }

            return;
        }

        ngx_http_chat_bus_resign(bus);
        return;
    }

    if (leader != (ngx_atomic_uint_t) ngx_pid
        && ngx_http_chat_zone_alive(leader)
        && silent < NGX_HTTP_CHAT_LEADER_DEAD)
    {
        return;
    }

    if (w->exiting && ngx_http_chat_zone_staying(zone)) {
        return;
    }

    if (!ngx_atomic_cmp_set(&zone->leader, leader, ngx_pid)) {
        return;
    }

    zone->heartbeat = ngx_current_msec;

    bus->leader = 1;
    bus->term = chat_ring_new_term(bus->ring);

    ngx_log_error(NGX_LOG_INFO, w->log, 0,
                  "chat: this worker reads the log now, term %uD", bus->term);

    ngx_http_chat_reader_start(bus);
}


void
ngx_http_chat_bus_resign(ngx_http_chat_bus_t *bus)
{
    if (!bus->leader) {
        return;
    }

    bus->leader = 0;
    bus->probe.waiting = 0;

    ngx_http_chat_reader_stop(bus);

    if (ngx_atomic_cmp_set(&bus->w->zone->leader, ngx_pid, 0)) {

        /* somebody awake takes over at once */

        ngx_http_chat_zone_wake(bus->w);
    }

    ngx_log_error(NGX_LOG_INFO, bus->w->log, 0,
                  "chat: this worker does not read the log any more");
}
