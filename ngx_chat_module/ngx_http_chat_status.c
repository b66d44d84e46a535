
/*
 * chat_status: every metric of the node, from the one table of the schema,
 * as Prometheus text or JSON.  chat_health: whether messages get through,
 * measured, not assumed.  Both only read the zone.
 */

#include "ngx_http_chat_status.h"
#include "ngx_http_chat_zone.h"


/*
 * A probe goes through the log each 2 s, and one that does not come back is
 * noticed after 2.5 s: beyond that nothing is known to be delivered.  Whatever
 * keeps it away is told within 5 s.
 */
#define NGX_HTTP_CHAT_HEALTHY  4500            /* ms */
#define NGX_HTTP_CHAT_CONNECT  1000
/* who was refused tries again after a second */
#define NGX_HTTP_CHAT_REFUSED  2000


typedef struct {
    ngx_str_t        type;
    /* writes all metrics; NULL as `p`: returns how many bytes it takes */
    u_char        *(*write)(u_char *p, u_char *last,
                       ngx_http_chat_zone_t *zone);
    size_t           fixed;        /* bytes beside the rows */
    size_t           row;          /* beside a row's name, unit and text */
} ngx_http_chat_status_form_t;


static ngx_int_t ngx_http_chat_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_health_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_chat_status_send(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_buf_t *b);
static ngx_int_t ngx_http_chat_status_accepts(ngx_http_request_t *r);
static u_char *ngx_http_chat_status_prometheus(u_char *p, u_char *last,
    ngx_http_chat_zone_t *zone);
static u_char *ngx_http_chat_status_json(u_char *p, u_char *last,
    ngx_http_chat_zone_t *zone);
static ngx_uint_t ngx_http_chat_status_workers(ngx_http_chat_zone_t *zone,
    ngx_uint_t exiting);
static char *ngx_http_chat_status_set(ngx_conf_t *cf,
    ngx_http_handler_pt handler);


enum {
    NGX_HTTP_CHAT_STATUS_PROMETHEUS = 0,
    NGX_HTTP_CHAT_STATUS_JSON
};


static const ngx_http_chat_status_form_t  ngx_http_chat_status_forms[] = {

    { ngx_string("text/plain; version=0.0.4; charset=utf-8"),
      ngx_http_chat_status_prometheus, 512,
      sizeof("# HELP chat__total (): \n# TYPE chat__total counter\n"
             "chat__total \n") * 2 + NGX_INT_T_LEN },

    { ngx_string("application/json"),
      ngx_http_chat_status_json, 512,
      sizeof("\"\":,") + NGX_INT_T_LEN }
};


static ngx_str_t  ngx_http_chat_status_json_type =
                                               ngx_string("application/json");


char *
ngx_http_chat_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_chat_status_set(cf, ngx_http_chat_status_handler);
}


char *
ngx_http_chat_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_chat_status_set(cf, ngx_http_chat_health_handler);
}


static char *
ngx_http_chat_status_set(ngx_conf_t *cf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is not possible: the location has a handler already";
    }

    clcf->handler = handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_chat_status_handler(ngx_http_request_t *r)
{
    size_t                              len;
    ngx_buf_t                          *b;
    ngx_int_t                           rc;
    ngx_str_t                           type;
    ngx_uint_t                          i;
    ngx_http_chat_main_conf_t          *mcf;
    const ngx_http_chat_status_form_t  *form;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);

    if (mcf->worker == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    form = &ngx_http_chat_status_forms[ngx_http_chat_status_accepts(r)];

    len = form->fixed;

    for (i = 0; i < CHAT_METRIC_MAX; i++) {
        len += form->row + 3 * chat_metrics[i].name.len
               + chat_metrics[i].unit.len + chat_metrics[i].doc.len;
    }

    b = ngx_create_temp_buf(r->pool, len);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->last = form->write(b->last, b->end, mcf->worker->zone);

    type = form->type;

    return ngx_http_chat_status_send(r, NGX_HTTP_OK, &type, b);
}


/* ?format=json|prometheus decides; else what the client accepts. */

static ngx_int_t
ngx_http_chat_status_accepts(ngx_http_request_t *r)
{
    ngx_str_t         format;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    if (ngx_http_arg(r, (u_char *) "format", 6, &format) == NGX_OK) {
        return format.len == 4 && ngx_strncmp(format.data, "json", 4) == 0
               ? NGX_HTTP_CHAT_STATUS_JSON : NGX_HTTP_CHAT_STATUS_PROMETHEUS;
    }

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NGX_HTTP_CHAT_STATUS_PROMETHEUS;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == 6
            && ngx_strncasecmp(h[i].key.data, (u_char *) "Accept", 6) == 0
            && ngx_strnstr(h[i].value.data, "application/json",
                           h[i].value.len))
        {
            return NGX_HTTP_CHAT_STATUS_JSON;
        }
    }
}


/*
 * The text exposition format of Prometheus: names in base form with their
 * unit in HELP, counters end in _total.
 */

static u_char *
ngx_http_chat_status_prometheus(u_char *p, u_char *last,
    ngx_http_chat_zone_t *zone)
{
    const char               *suffix;
    ngx_uint_t                i;
    const chat_metric_def_t  *m;

    p = ngx_slprintf(p, last,
                     "# HELP chat_info Version of the module and this node's "
                     "random name.\n"
                     "# TYPE chat_info gauge\n"
                     "chat_info{version=\"%s\",node=\"%016xL\"} 1\n"
                     "# HELP chat_workers Workers of this node.\n"
                     "# TYPE chat_workers gauge\n"
                     "chat_workers{state=\"serving\"} %ui\n"
                     "chat_workers{state=\"draining\"} %ui\n",
                     CHAT_VERSION, zone->node,
                     ngx_http_chat_status_workers(zone, 0),
                     ngx_http_chat_status_workers(zone, 1));

    for (i = 0; i < CHAT_METRIC_MAX; i++) {
        m = &chat_metrics[i];
        suffix = m->gauge ? "" : "_total";

        p = ngx_slprintf(p, last,
                         "# HELP chat_%V%s %V (%V).\n"
                         "# TYPE chat_%V%s %s\n"
                         "chat_%V%s %i\n",
                         &m->name, suffix, &m->doc, &m->unit,
                         &m->name, suffix, m->gauge ? "gauge" : "counter",
                         &m->name, suffix,
                         ngx_http_chat_zone_metric(zone, i));
    }

    return p;
}


static u_char *
ngx_http_chat_status_json(u_char *p, u_char *last, ngx_http_chat_zone_t *zone)
{
    ngx_time_t  *tp;
    ngx_uint_t   i;

    tp = ngx_timeofday();

    p = ngx_slprintf(p, last,
                     "{\"version\":\"%s\",\"node\":\"%016xL\","
                     "\"time_ms\":%uL,\"workers\":%ui,\"draining\":%ui",
                     CHAT_VERSION, zone->node,
                     (uint64_t) tp->sec * 1000 + tp->msec,
                     ngx_http_chat_status_workers(zone, 0),
                     ngx_http_chat_status_workers(zone, 1));

    for (i = 0; i < CHAT_METRIC_MAX; i++) {
        p = ngx_slprintf(p, last, ",\"%V\":%i", &chat_metrics[i].name,
                         ngx_http_chat_zone_metric(zone, i));
    }

    return ngx_slprintf(p, last, "}\n");
}


static ngx_uint_t
ngx_http_chat_status_workers(ngx_http_chat_zone_t *zone, ngx_uint_t exiting)
{
    ngx_uint_t             i, n;
    ngx_http_chat_slot_t  *slot;

    n = 0;

    for (i = 0; i < NGX_HTTP_CHAT_SLOTS; i++) {
        slot = &zone->slots[i];

        /* the slot of one that was killed waits for its next worker */

        if (ngx_http_chat_zone_alive(slot->pid)
            && (slot->exiting != 0) == (exiting != 0))
        {
            n++;
        }
    }

    return n;
}


/*
 * 200 while the node's probe came by at every worker lately and each has its
 * way to Redis, 503 otherwise; a worker that begins has a second to find it.
 * 503 as well while writes are refused: the probe is none of the scripts, and
 * a user may have the right to it and not to them.  What counts is the way of
 * a message, not that some connection is open.
 */

static ngx_int_t
ngx_http_chat_health_handler(ngx_http_request_t *r)
{
    ngx_buf_t                  *b;
    ngx_int_t                   rc, age;
    ngx_uint_t                  up, refuses, healthy;
    ngx_http_chat_worker_t     *w;
    ngx_http_chat_main_conf_t  *mcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_http_chat_module);
    w = mcf->worker;

    b = ngx_create_temp_buf(r->pool, 128 + NGX_INT_T_LEN);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    up = w && w->up
         && ngx_http_chat_zone_down(w->zone) < NGX_HTTP_CHAT_CONNECT;
    age = w ? ngx_http_chat_zone_age(w->zone) : -1;
    refuses = up && ngx_http_chat_zone_refuses(w->zone, NGX_HTTP_CHAT_REFUSED);
    healthy = up && !refuses && age < NGX_HTTP_CHAT_HEALTHY;

    b->last = ngx_slprintf(b->last, b->end,
                           "{\"healthy\":%s,\"redis\":\"%s\","
                           "\"delivery_age_ms\":%i}\n",
                           healthy ? "true" : "false",
                           !up ? "down" : refuses ? "refuses" : "up", age);

    return ngx_http_chat_status_send(r, healthy ? NGX_HTTP_OK
                                            : NGX_HTTP_SERVICE_UNAVAILABLE,
                                     &ngx_http_chat_status_json_type, b);
}


static ngx_int_t
ngx_http_chat_status_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_buf_t *b)
{
    ngx_int_t         rc;
    ngx_chain_t       out;
    ngx_table_elt_t  *h;

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
