
/*
 * What workers write into their rows of the zone and anybody reads: counters,
 * and when a probe came by last.
 */

#include "ngx_http_chat_zone.h"


ngx_http_chat_slot_t *
ngx_http_chat_zone_row(ngx_http_chat_worker_t *w)
{
    return &w->zone->slots[w->slot < 0 ? NGX_HTTP_CHAT_SLOTS : w->slot];
}


void
ngx_http_chat_count(ngx_http_chat_worker_t *w, ngx_uint_t m, ngx_int_t delta)
{
    (void) ngx_atomic_fetch_add(&ngx_http_chat_zone_row(w)->counters[m],
                                delta);
}


void
ngx_http_chat_gauge(ngx_http_chat_worker_t *w, ngx_uint_t m, ngx_int_t value)
{
    ngx_http_chat_zone_row(w)->counters[m] = value;
}


void
ngx_http_chat_zone_delivered(ngx_http_chat_worker_t *w)
{
    ngx_http_chat_zone_row(w)->delivered = ngx_current_msec;
}


void
ngx_http_chat_zone_link(ngx_http_chat_worker_t *w, ngx_uint_t up)
{
    ngx_http_chat_zone_row(w)->down = up ? 0 : ngx_current_msec | 1;
}


void
ngx_http_chat_zone_refused(ngx_http_chat_worker_t *w, ngx_uint_t yes)
{
    ngx_http_chat_zone_row(w)->refused = yes ? ngx_current_msec | 1 : 0;
}


ngx_int_t
ngx_http_chat_zone_age(ngx_http_chat_zone_t *zone)
{
    ngx_int_t              age, value;
    ngx_uint_t             i;
    ngx_http_chat_slot_t  *slot;

    age = 0;

    for (i = 0; i < NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &zone->slots[i];
        value = (ngx_msec_int_t) (ngx_current_msec - slot->delivered);

        if (value > age && ngx_http_chat_zone_alive(slot->pid)) {
            age = value;
        }
    }

    return age;
}


ngx_int_t
ngx_http_chat_zone_down(ngx_http_chat_zone_t *zone)
{
    ngx_int_t              down, value;
    ngx_uint_t             i;
    ngx_http_chat_slot_t  *slot;

    down = 0;

    for (i = 0; i < NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &zone->slots[i];

        if (slot->down == 0 || slot->exiting) {
            continue;
        }

        value = (ngx_msec_int_t) (ngx_current_msec - slot->down);

        if (value > down && ngx_http_chat_zone_alive(slot->pid)) {
            down = value;
        }
    }

    return down;
}


ngx_uint_t
ngx_http_chat_zone_refuses(ngx_http_chat_zone_t *zone, ngx_msec_int_t ms)
{
    ngx_uint_t             i;
    ngx_http_chat_slot_t  *slot;

    for (i = 0; i < NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &zone->slots[i];

        if (slot->refused
            && (ngx_msec_int_t) (ngx_current_msec - slot->refused) < ms
            && ngx_http_chat_zone_alive(slot->pid))
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_chat_zone_metric(ngx_http_chat_zone_t *zone, ngx_uint_t m)
{
    ngx_int_t              sum, value;
    ngx_uint_t             i;
    ngx_http_chat_slot_t  *slot;

    if (m == CHAT_METRIC_DELIVERY_AGE_MS) {
        return ngx_http_chat_zone_age(zone);
    }

    sum = 0;

    for (i = 0; i <= NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &zone->slots[i];
        value = slot->counters[m];

        if (value == 0
            || (chat_metrics[m].gauge && i < NGX_HTTP_CHAT_SLOTS
                && !ngx_http_chat_zone_alive(slot->pid)))
        {
            continue;
        }

        sum += value;
    }

    return sum;
}
