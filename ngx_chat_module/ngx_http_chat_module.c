
/*
 * Directives and configuration.
 */

#include "ngx_http_chat_conf.h"
#include "ngx_http_chat_echo.h"
#include "ngx_http_chat_status.h"
#include <sodium.h>


static void *ngx_http_chat_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_chat_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_chat_create_srv_conf(ngx_conf_t *cf);
static char *ngx_http_chat_merge_srv_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void *ngx_http_chat_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_chat_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_chat_postconfiguration(ngx_conf_t *cf);


/* Slices of core and strings of nginx are the same thing. */

_Static_assert(sizeof(chat_str_t) == sizeof(ngx_str_t)
               && offsetof(chat_str_t, len) == offsetof(ngx_str_t, len)
               && offsetof(chat_str_t, data) == offsetof(ngx_str_t, data),
               "chat_str_t is not ngx_str_t");

_Static_assert(CHAT_OK == NGX_OK && CHAT_ERROR == NGX_ERROR
               && CHAT_AGAIN == NGX_AGAIN && CHAT_BUSY == NGX_BUSY
               && CHAT_DONE == NGX_DONE && CHAT_DECLINED == NGX_DECLINED,
               "return codes differ");

/* ngx_http_chat_conf_bounds() reads them all as one type. */
_Static_assert(sizeof(size_t) == sizeof(ngx_uint_t)
               && sizeof(ngx_msec_t) == sizeof(ngx_uint_t),
               "sizes and times are not of one width");


static ngx_http_chat_bounds_t  ngx_http_chat_bounds_connections = {
    ngx_http_chat_conf_bounds, 1, 10000000,
    "must be between 1 and 10000000"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_outbox = {
    ngx_http_chat_conf_bounds, 128 * 1024, 1024 * 1024 * 1024,
    "must be between 128k and 1g"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_drain = {
    ngx_http_chat_conf_bounds, 0, 600 * 1000,
    "must be at most 10m"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_frame = {
    ngx_http_chat_conf_bounds, 1024, CHAT_LIMIT_FRAME_MAX,
    "must be between 1k and 64k"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_queue = {
    ngx_http_chat_conf_bounds, 16 * 1024, 64 * 1024 * 1024,
    "must be between 16k and 64m"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_stall = {
    ngx_http_chat_conf_bounds, 1000, 600 * 1000,
    "must be between 1s and 10m"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_ping = {
    ngx_http_chat_conf_bounds, 1000, 3600 * 1000,
    "must be between 1s and 1h"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_poll = {
    ngx_http_chat_conf_bounds, 1000, 300 * 1000,
    "must be between 1s and 5m"
};


static ngx_http_chat_bounds_t  ngx_http_chat_bounds_echo_message = {
    ngx_http_chat_conf_bounds, 1024, 16 * 1024 * 1024,
    "must be between 1k and 16m"
};

static ngx_http_chat_bounds_t  ngx_http_chat_bounds_echo_fragments = {
    ngx_http_chat_conf_bounds, 1, 131072,
    "must be between 1 and 131072"
};


static ngx_command_t  ngx_http_chat_commands[] = {

    { ngx_string("chat_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_redis"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_chat_conf_redis,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_connections"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, connections),
      &ngx_http_chat_bounds_connections },

    { ngx_string("chat_outbox"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, outbox),
      &ngx_http_chat_bounds_outbox },

    { ngx_string("chat_drain"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_chat_main_conf_t, drain),
      &ngx_http_chat_bounds_drain },

    { ngx_string("chat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, enable),
      NULL },

    { ngx_string("chat_path"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_conf_path,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_chat_srv_conf_t, path),
      NULL },

    { ngx_string("chat_site"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_http_chat_conf_site,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_chat_srv_conf_t, site),
      NULL },

    { ngx_string("chat_cabinet"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(ngx_http_chat_srv_conf_t, cabinet),
      NULL },

    { ngx_string("chat_frame_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, frame_max),
      &ngx_http_chat_bounds_frame },

    { ngx_string("chat_send_queue"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, queue),
      &ngx_http_chat_bounds_queue },

    { ngx_string("chat_send_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, stall),
      &ngx_http_chat_bounds_stall },

    { ngx_string("chat_ping"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, ping),
      &ngx_http_chat_bounds_ping },

    { ngx_string("chat_poll_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, poll),
      &ngx_http_chat_bounds_poll },

    { ngx_string("chat_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_conf_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_visitor_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_CONF_TAKE12,
      ngx_http_chat_conf_visitor_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_deflate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_chat_conf_deflate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_echo"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_chat_conf_echo,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, echo),
      NULL },

    { ngx_string("chat_echo_message"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, echo_message),
      &ngx_http_chat_bounds_echo_message },

    { ngx_string("chat_echo_fragments"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_chat_loc_conf_t, echo_fragments),
      &ngx_http_chat_bounds_echo_fragments },

    { ngx_string("chat_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_chat_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("chat_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_chat_health,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_chat_module_ctx = {
    ngx_http_chat_variables,               /* preconfiguration */
    ngx_http_chat_postconfiguration,       /* postconfiguration */

    ngx_http_chat_create_main_conf,        /* create main configuration */
    ngx_http_chat_init_main_conf,          /* init main configuration */

    ngx_http_chat_create_srv_conf,         /* create server configuration */
    ngx_http_chat_merge_srv_conf,          /* merge server configuration */

    ngx_http_chat_create_loc_conf,         /* create location configuration */
    ngx_http_chat_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_chat_module = {
    NGX_MODULE_V1,
    &ngx_http_chat_module_ctx,             /* module context */
    ngx_http_chat_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_chat_init_module,             /* init module */
    ngx_http_chat_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_chat_exit_process,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_chat_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_main_conf_t));
    if (mcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     mcf->zone = NULL;
     *     mcf->redis = NULL;
     *     mcf->worker = NULL;
     *     mcf->used = 0;
     */

    mcf->connections = NGX_CONF_UNSET_UINT;
    mcf->outbox = NGX_CONF_UNSET_SIZE;
    mcf->drain = NGX_CONF_UNSET_MSEC;

    return mcf;
}


static char *
ngx_http_chat_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_chat_main_conf_t  *mcf;

    mcf = conf;

    ngx_conf_init_uint_value(mcf->connections, 0);
    ngx_conf_init_size_value(mcf->outbox, 4 * 1024 * 1024);
    ngx_conf_init_msec_value(mcf->drain, 10000);

    return NGX_CONF_OK;
}


static void *
ngx_http_chat_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_chat_srv_conf_t  *scf;

    scf = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_srv_conf_t));
    if (scf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     scf->path = { 0, NULL };
     *     scf->site = NULL;
     *     scf->name = { 0, NULL };
     *     scf->hosts = { 0, NULL };
     *     scf->autocreate = 0;
     */

    scf->cabinet = NGX_CONF_UNSET;

    return scf;
}


static char *
ngx_http_chat_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_chat_srv_conf_t  *prev, *conf;

    prev = parent;
    conf = child;

    ngx_conf_merge_str_value(conf->path, prev->path, "/_chat/");
    ngx_conf_merge_value(conf->cabinet, prev->cabinet, 0);

    if (conf->site == NULL) {
        conf->site = prev->site;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_chat_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_chat_loc_conf_t  *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_chat_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->enable = NGX_CONF_UNSET;
    lcf->ping = NGX_CONF_UNSET_MSEC;
    lcf->poll = NGX_CONF_UNSET_MSEC;
    lcf->frame_max = NGX_CONF_UNSET_SIZE;
    lcf->queue = NGX_CONF_UNSET_SIZE;
    lcf->stall = NGX_CONF_UNSET_MSEC;
    lcf->rate = NGX_CONF_UNSET_UINT;
    lcf->burst = NGX_CONF_UNSET_UINT;
    lcf->visitors = NGX_CONF_UNSET_UINT;
    lcf->visitors_burst = NGX_CONF_UNSET_UINT;
    lcf->deflate.enable = NGX_CONF_UNSET;
    lcf->echo = NGX_CONF_UNSET;
    lcf->echo_message = NGX_CONF_UNSET_SIZE;
    lcf->echo_fragments = NGX_CONF_UNSET_UINT;

    return lcf;
}


static char *
ngx_http_chat_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_chat_loc_conf_t  *prev, *conf;

    prev = parent;
    conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);
    ngx_conf_merge_msec_value(conf->ping, prev->ping, 25000);
    ngx_conf_merge_msec_value(conf->poll, prev->poll, 25000);
    ngx_conf_merge_size_value(conf->frame_max, prev->frame_max,
                              CHAT_LIMIT_FRAME_MAX);
    ngx_conf_merge_size_value(conf->queue, prev->queue, 256 * 1024);
    ngx_conf_merge_msec_value(conf->stall, prev->stall, 10000);
    ngx_conf_merge_uint_value(conf->rate, prev->rate, 20);
    ngx_conf_merge_uint_value(conf->burst, prev->burst, 100);
    ngx_conf_merge_uint_value(conf->visitors, prev->visitors, 60);
    ngx_conf_merge_uint_value(conf->visitors_burst, prev->visitors_burst,
                              300);
    ngx_conf_merge_size_value(conf->echo_message, prev->echo_message,
                              CHAT_LIMIT_FRAME_MAX);
    ngx_conf_merge_uint_value(conf->echo_fragments, prev->echo_fragments,
                              1024);

    if (conf->deflate.enable == NGX_CONF_UNSET) {
        conf->deflate = prev->deflate;
    }

    if (conf->deflate.enable == NGX_CONF_UNSET) {
        conf->deflate.enable = 0;
    }

    if (conf->queue < 2 * conf->frame_max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"chat_send_queue\" %uz must have room for at "
                           "least two frames of \"chat_frame_size\" %uz",
                           conf->queue, conf->frame_max);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_chat_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_chat_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_chat_module);

    if (ngx_http_chat_conf_servers(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!mcf->used) {
        return NGX_OK;
    }

    if (sodium_init() == -1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "sodium_init() failed");
        return NGX_ERROR;
    }

    return ngx_http_chat_http_init(cf);
}
