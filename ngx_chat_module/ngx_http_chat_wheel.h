
/*
 * One timing wheel per worker: 1 s slots, intrusive, O(1) to set and to
 * cancel.  For deadlines that need no precision: pings, stalls, hand-shakes
 * of closing.  Its tick is cancelable: it never keeps a worker alive.
 */

#ifndef _NGX_HTTP_CHAT_WHEEL_H_INCLUDED_
#define _NGX_HTTP_CHAT_WHEEL_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


#define NGX_HTTP_CHAT_WHEEL_SLOTS  128
#define NGX_HTTP_CHAT_WHEEL_TURN   64         /* timers per turn of the loop */


typedef struct ngx_http_chat_timer_s  ngx_http_chat_timer_t;
typedef void (*ngx_http_chat_timer_pt)(ngx_http_chat_timer_t *t);

/* Embedded in whatever has a deadline; zeroed = not set. */
struct ngx_http_chat_timer_s {
    ngx_queue_t              queue;
    ngx_http_chat_timer_pt   handler;
    uint32_t                 due;      /* second of the wheel's clock */
    uint32_t                 set;
};

typedef struct {
    ngx_queue_t              slots[NGX_HTTP_CHAT_WHEEL_SLOTS];
    ngx_queue_t              work;     /* their second has come */
    ngx_event_t              tick;
    ngx_event_t              rest;     /* of work, in the next turn */
    ngx_uint_t               n;        /* timers set */
    uint32_t                 now;      /* last second that was run */
    ngx_msec_t               start;
    void                   (*ticked)(void *data);   /* may be NULL */
    void                    *data;
} ngx_http_chat_wheel_t;


void ngx_http_chat_wheel_init(ngx_http_chat_wheel_t *wheel, ngx_log_t *log);
/* Nothing fires any more; timers that are set need not be cancelled. */
void ngx_http_chat_wheel_stop(ngx_http_chat_wheel_t *wheel);

/*
 * Fires between `after` and `after` + 1 s from now, with many others some
 * turns of the loop later; 0 counts as 1 ms.
 */
void ngx_http_chat_wheel_set(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *t, ngx_msec_t after,
    ngx_http_chat_timer_pt handler);
void ngx_http_chat_wheel_del(ngx_http_chat_wheel_t *wheel,
    ngx_http_chat_timer_t *t);


#endif /* _NGX_HTTP_CHAT_WHEEL_H_INCLUDED_ */
