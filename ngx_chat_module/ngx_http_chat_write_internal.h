
/*
 * What the files of the writer share.
 *
 *   _write.c    the connection, what waits for it, its life
 *   _host.c     operations: what they ask for, and when they run
 *   _unit.c     units: made, sent, answered
 *   _replay.c   acknowledged ones, kept and sent again after a loss
 */

#ifndef _NGX_HTTP_CHAT_WRITE_INTERNAL_H_INCLUDED_
#define _NGX_HTTP_CHAT_WRITE_INTERNAL_H_INCLUDED_


#include "ngx_http_chat_write.h"


/* Log ids as one number, for comparing across workers. */
#define ngx_http_chat_order(id)                                              \
    (((id)->ms << 20) | ngx_min((id)->seq, 0xfffff))


/* _write.c */

/* The connection takes writes from now on. */
void ngx_http_chat_write_up(ngx_http_chat_writer_t *wr);

/* _host.c */

/* Fills w->host. */
void ngx_http_chat_host_init(ngx_http_chat_writer_t *wr);

/* _unit.c */

ngx_http_chat_unit_t *ngx_http_chat_unit_create(ngx_http_chat_writer_t *wr,
    ngx_uint_t n);
void ngx_http_chat_unit_free(ngx_http_chat_unit_t *u);
/* Nobody waits for this call any more. */
void ngx_http_chat_unit_forget(ngx_http_chat_unit_t *u, chat_call_t *call);
/* The same to all who still wait; the unit is freed. */
void ngx_http_chat_unit_answer(ngx_http_chat_unit_t *u, int rc);

/* Outcomes of an append unit, into the items of its calls. */
ngx_int_t ngx_http_chat_unit_parse(ngx_http_chat_unit_t *u,
    redisReply *reply, chat_append_t **items);

/* ... and which of them are in the log, into u->taken. */
ngx_uint_t ngx_http_chat_unit_taken(ngx_http_chat_unit_t *u,
    chat_append_t **items);
/*
 * Leaves what is in the log, if only a part is: what was refused was told so,
 * and its number may be another write's by now.  NGX_ERROR: out of memory.
 */
ngx_int_t ngx_http_chat_unit_cut(ngx_http_chat_unit_t *u);

/* Calls were collected, or a batch was answered. */
void ngx_http_chat_write_schedule(ngx_http_chat_writer_t *wr);
/* The handler of wr->flush: what was collected goes out. */
void ngx_http_chat_write_flush(ngx_event_t *ev);
/* What was collected, as a unit of its own; it does not need its ops. */
void ngx_http_chat_write_append(ngx_http_chat_writer_t *wr);
/* Behind all that waits. */
void ngx_http_chat_write_submit(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);
/* Sends what waits, in order; what cannot go now stays. */
void ngx_http_chat_write_push(ngx_http_chat_writer_t *wr);
/* A unit is in none of the queues any more. */
void ngx_http_chat_write_leave(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);

/* _replay.c */

void ngx_http_chat_replay_init(ngx_http_chat_writer_t *wr);

/* Keeps an acknowledged unit. */
void ngx_http_chat_replay_keep(ngx_http_chat_writer_t *wr,
    ngx_http_chat_unit_t *u);

/*
 * The connection is ready: sends the tail again if the store's history
 * changed.  NGX_OK: nothing to do, writes may go on; NGX_AGAIN:
 * ngx_http_chat_write_up() is called after the first round.
 */
ngx_int_t ngx_http_chat_replay_start(ngx_http_chat_writer_t *wr);
void ngx_http_chat_replay_lost(ngx_http_chat_writer_t *wr);
/* Is some of it to be sent again, or may it have to be soon? */
ngx_uint_t ngx_http_chat_replay_due(ngx_http_chat_writer_t *wr);
void ngx_http_chat_replay_tick(ngx_http_chat_writer_t *wr);
void ngx_http_chat_replay_exit(ngx_http_chat_writer_t *wr);


#endif /* _NGX_HTTP_CHAT_WRITE_INTERNAL_H_INCLUDED_ */
