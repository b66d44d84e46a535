
/*
 * As much of nginx' event loop as a unit needs: the clock, one timer, events
 * that are posted for the next turn.  Include it once.
 */

#ifndef _NGX_LOOP_H_INCLUDED_
#define _NGX_LOOP_H_INCLUDED_


#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


volatile ngx_msec_t  ngx_current_msec;
ngx_rbtree_t         ngx_event_timer_rbtree;
ngx_queue_t          ngx_posted_next_events;


/* The event itself knows whether it is set, and for when. */

void
ngx_rbtree_insert(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
}


void
ngx_rbtree_delete(ngx_rbtree_t *tree, ngx_rbtree_node_t *node)
{
}


void
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


static inline void
ngx_loop_init(ngx_msec_t now)
{
    ngx_current_msec = now;
    ngx_queue_init(&ngx_posted_next_events);
}


/* One turn: what was posted, then the timer if its time has come. */

static inline void
ngx_loop_turn(ngx_event_t *timer)
{
    ngx_queue_t   posted, *q;
    ngx_event_t  *ev;

    ngx_queue_init(&posted);

    if (!ngx_queue_empty(&ngx_posted_next_events)) {
        ngx_queue_add(&posted, &ngx_posted_next_events);
        ngx_queue_init(&ngx_posted_next_events);
    }

    if (timer->timer_set
        && (ngx_msec_int_t) (timer->timer.key - ngx_current_msec) <= 0)
    {
        timer->timer_set = 0;
        timer->handler(timer);
    }

    while (!ngx_queue_empty(&posted)) {
        q = ngx_queue_head(&posted);
        ev = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(ev);
        ev->handler(ev);
    }
}


/* Turn after turn, a millisecond each. */

static inline void
ngx_loop_run(ngx_event_t *timer, ngx_msec_t ms)
{
    while (ms-- > 0) {
        ngx_current_msec++;
        ngx_loop_turn(timer);
    }
}


#endif /* _NGX_LOOP_H_INCLUDED_ */
