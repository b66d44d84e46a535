
/*
 * The browsers' bundles inside the module: tables written at build time by
 * packaging/assets.pl.  The last row has an empty path.
 */

#ifndef _NGX_HTTP_CHAT_STATIC_H_INCLUDED_
#define _NGX_HTTP_CHAT_STATIC_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    ngx_str_t        path;         /* below dist/ */
    ngx_str_t        type;
    ngx_str_t        etag;         /* with quotes; of the contents */
    ngx_uint_t       hashed;       /* the name changes with the contents */
    const u_char    *start;
    const u_char    *end;
    const u_char    *gz_start;     /* NULL: not worth it */
    const u_char    *gz_end;
} ngx_http_chat_asset_t;


extern const ngx_http_chat_asset_t  ngx_http_chat_widget_assets[];
extern const ngx_http_chat_asset_t  ngx_http_chat_cabinet_assets[];


#endif /* _NGX_HTTP_CHAT_STATIC_H_INCLUDED_ */
