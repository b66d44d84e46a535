
/*
 * Replies of Redis in few blocks: hiredis' reader with object functions of
 * our own.  What it makes is the usual redisReply, but it is given back with
 * ngx_http_chat_reply_free(), as a whole, never with freeReplyObject().
 */

#ifndef _NGX_HTTP_CHAT_REPLY_H_INCLUDED_
#define _NGX_HTTP_CHAT_REPLY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <hiredis/hiredis.h>


/* Of a reader: the reply that is being read.  Zeroed at first. */
typedef struct {
    struct ngx_http_chat_reply_block_s  *last;
    ngx_uint_t                           elements;   /* of all its arrays */
    ngx_log_t                           *log;
} ngx_http_chat_reply_build_t;


/*
 * NULL: out of memory.  `build` is the reader's until it is freed.  What has
 * more than CHAT_REPLY_ELEMENTS in its arrays is an error of the reader.
 */
redisReader *ngx_http_chat_reply_reader(ngx_http_chat_reply_build_t *build);
/* NULL is allowed. */
void ngx_http_chat_reply_free(void *reply);


#endif /* _NGX_HTTP_CHAT_REPLY_H_INCLUDED_ */
