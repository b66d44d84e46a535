
/*
 * The timing wheel.
 */

#include "ngx_http_chat_wheel.h"


static void ngx_http_chat_wheel_tick(ngx_event_t *ev);
static void ngx_http_chat_wheel_run(ngx_event_t *ev);
static void ngx_http_chat_wheel_arm(ngx_http_chat_wheel_t *wheel);


void
ngx_http_chat_wheel_init(ngx_http_chat_wheel_t *wheel, ngx_log_t *log)
{
    ngx_uint_t  i;

    ngx_memzero(wheel, sizeof(ngx_http_chat_wheel_t));

    for (i = 0; i < NGX_HTTP_CHAT_WHEEL_SLOTS; i++) {
        ngx_queue_init(&wheel->slots[i]);
    }

    ngx_queue_init(&wheel->work);

    wheel->start = ngx_current_msec;

    wheel->rest.handler = ngx_http_chat_wheel_run;
    wheel->rest.data = wheel;
    wheel->rest.log = log;

    wheel->tick.handler = ngx_http_chat_wheel_tick;
    wheel->tick.data = wheel;
    wheel->tick.log = log;
    wheel->tick.cancelable = 1;
}


void
ngx_http_chat_wheel_set(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *t, ngx_msec_t after,
    ngx_http_chat_timer_pt handler)
{
    ngx_msec_t  due;

    ngx_http_chat_wheel_del(wheel, t);

    if (wheel->n == 0) {
        /* the clock stood still while there was nothing to wait for */
        wheel->now = (ngx_current_msec - wheel->start) / 1000;
    }

    due = ngx_current_msec - wheel->start + ngx_max(after, 1);

    t->due = (due + 999) / 1000;

    if (t->due <= wheel->now) {
        t->due = wheel->now + 1;
    }

    t->handler = handler;
    t->set = 1;

    ngx_queue_insert_tail(&wheel->slots[t->due % NGX_HTTP_CHAT_WHEEL_SLOTS],
                          &t->queue);
    wheel->n++;

    if (!wheel->tick.timer_set) {
        ngx_http_chat_wheel_arm(wheel);
    }
}


void
ngx_http_chat_wheel_del(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *t)
{
    if (t->set) {
        ngx_queue_remove(&t->queue);
        t->set = 0;
        wheel->n--;
    }
}


void
ngx_http_chat_wheel_stop(ngx_http_chat_wheel_t *wheel)
{
    if (wheel->tick.timer_set) {
        ngx_del_timer(&wheel->tick);
    }

    if (wheel->rest.posted) {
        ngx_delete_posted_event(&wheel->rest);
    }
}


static void
ngx_http_chat_wheel_tick(ngx_event_t *ev)
{
    uint32_t                now;
    ngx_queue_t            *slot;
    ngx_http_chat_wheel_t  *wheel;

    wheel = ev->data;
    now = (ngx_current_msec - wheel->start) / 1000;

    if (now - wheel->now > NGX_HTTP_CHAT_WHEEL_SLOTS) {
        /* the process was stopped for long: each slot once is enough */
        wheel->now = now - NGX_HTTP_CHAT_WHEEL_SLOTS;
    }

    while (wheel->now != now) {
        wheel->now++;
        slot = &wheel->slots[wheel->now % NGX_HTTP_CHAT_WHEEL_SLOTS];

        if (!ngx_queue_empty(slot)) {
            ngx_queue_add(&wheel->work, slot);
            ngx_queue_init(slot);
        }
    }

    if (!wheel->rest.posted) {
        ngx_http_chat_wheel_run(&wheel->rest);
    }

    if (wheel->n) {
        ngx_http_chat_wheel_arm(wheel);
    }

    if (wheel->ticked) {
        wheel->ticked(wheel->data);
    }
}


/*
 * A handler may set or cancel any timer, so those whose second has come are
 * taken from the head of a list of their own until it is empty.  A crowd that
 * is to be pinged in one second is a long list: others come in between.
 */

static void
ngx_http_chat_wheel_run(ngx_event_t *ev)
{
    ngx_uint_t              n;
    ngx_queue_t            *q;
    ngx_http_chat_timer_t  *t;
    ngx_http_chat_wheel_t  *wheel;

    wheel = ev->data;

    for (n = 0; !ngx_queue_empty(&wheel->work); n++) {

        if (n == NGX_HTTP_CHAT_WHEEL_TURN) {
            ngx_post_event(ev, &ngx_posted_next_events);
            return;
        }

        q = ngx_queue_head(&wheel->work);
        t = ngx_queue_data(q, ngx_http_chat_timer_t, queue);

        ngx_queue_remove(q);

        if (t->due > wheel->now) {
            /* a later turn of the wheel */
            q = &wheel->slots[t->due % NGX_HTTP_CHAT_WHEEL_SLOTS];
            ngx_queue_insert_tail(q, &t->queue);
            continue;
        }

        t->set = 0;
        wheel->n--;

        t->handler(t);
    }
}


static void
ngx_http_chat_wheel_arm(ngx_http_chat_wheel_t *wheel)
{
    ngx_msec_t  elapsed;

    elapsed = ngx_current_msec - wheel->start;

    ngx_add_timer(&wheel->tick, 1000 - elapsed % 1000);
}
