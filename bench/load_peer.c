
/*
 * Protocols of the load client: ours (docs/protocol.md), nchan's WebSocket
 * pubsub, and socket.io's packets over a plain WebSocket.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"


#define LOAD_WINDOW  24              /* of the 32 commands a session queues */
#define LOAD_FRAME   8192
#define LOAD_RETRY   50000           /* us after a refused write */

#define LOAD_UPGRADE_HEADERS                                                  \
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"                           \
    "Sec-WebSocket-Version: 13\r\n"                                           \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


static size_t load_chat_request(load_conn_t *c, char *p, size_t size);
static int load_chat_identity(load_conn_t *c, char *head);
static void load_chat_opened(load_conn_t *c);
static void load_chat_frame(load_conn_t *c, const chat_str_t *text);
static void load_chat_welcome(load_conn_t *c, const chat_str_t *text);
static void load_chat_acked(load_conn_t *c, const chat_str_t *text);
static void load_chat_take(load_conn_t *c, unsigned channel);
static void load_chat_publish(load_conn_t *c, unsigned channel,
    const char *text);
static unsigned load_chat_missing(load_conn_t *c, const chat_str_t *text);
static void load_chat_ask(load_conn_t *c);
static void load_chat_history(load_conn_t *c, const chat_str_t *text);
static uint64_t load_chat_seq(const chat_str_t *text);
static void load_chat_cursor(load_conn_t *c, const chat_str_t *text);
static int load_field(const chat_str_t *text, const char *name,
    const char *ends, char *dst, size_t size);

static size_t load_nchan_request(load_conn_t *c, char *p, size_t size);
static void load_nchan_opened(load_conn_t *c);
static void load_nchan_frame(load_conn_t *c, const chat_str_t *text);
static void load_nchan_publish(load_conn_t *c, unsigned channel,
    const char *text);

static size_t load_sio_request(load_conn_t *c, char *p, size_t size);
static void load_sio_opened(load_conn_t *c);
static void load_sio_frame(load_conn_t *c, const chat_str_t *text);
static void load_sio_publish(load_conn_t *c, unsigned channel,
    const char *text);


const load_peer_t  load_peers[] = {
    { .name = "chat", .window = LOAD_WINDOW, .shared = 1,
      .request = load_chat_request, .identity = load_chat_identity,
      .opened = load_chat_opened, .frame = load_chat_frame,
      .publish = load_chat_publish },

    { .name = "nchan",
      .request = load_nchan_request, .opened = load_nchan_opened,
      .frame = load_nchan_frame, .publish = load_nchan_publish },

    { .name = "socket.io",
      .request = load_sio_request, .opened = load_sio_opened,
      .frame = load_sio_frame, .publish = load_sio_publish },

    { .name = NULL }
};


/* Ours -------------------------------------------------------------------- */

static size_t
load_chat_request(load_conn_t *c, char *p, size_t size)
{
    load_t      *l;
    const char  *scheme;

    l = c->load;
    scheme = l->tls ? "https" : "http";

    if (c->state == LOAD_IDENTITY) {
        return snprintf(p, size, "POST /_chat/v1/visitor HTTP/1.1\r\n"
                        "Host: %s\r\nOrigin: %s://%s\r\n"
                        "Content-Type: application/json\r\n"
                        "Content-Length: 2\r\n\r\n{}",
                        l->hosts[c->account], scheme, l->hosts[c->account]);
    }

    if (c->operator) {
        return snprintf(p, size, "GET /api/v1/ws HTTP/1.1\r\nHost: %s\r\n"
                        "Origin: %s://%s\r\nCookie: %s%s\r\n"
                        LOAD_UPGRADE_HEADERS "\r\n", l->desk, scheme,
                        l->desk, l->tls ? "__Host-" : "",
                        l->cookies[c->account]);
    }

    return snprintf(p, size, "GET /_chat/v1/ws HTTP/1.1\r\nHost: %s\r\n"
                    "Origin: %s://%s\r\nAuthorization: Bearer %s\r\n"
                    LOAD_UPGRADE_HEADERS "\r\n", l->hosts[c->account],
                    scheme, l->hosts[c->account], c->token);
}


static int
load_chat_identity(load_conn_t *c, char *head)
{
    chat_str_t  text;

    text.data = (unsigned char *) head;
    text.len = strlen(head);

    return load_field(&text, "\"token\":\"", "\"", c->token,
                      sizeof(c->token));
}


static void
load_chat_opened(load_conn_t *c)
{
    int   n;
    char  hello[512];

    if (c->instance[0] == '\0') {
        snprintf(c->instance, sizeof(c->instance), "bench%08x",
                 (unsigned) random());
    }

    n = snprintf(hello, sizeof(hello),
                 "{\"t\":\"hello\",\"instance\":\"%s\"%s%s%s}", c->instance,
                 c->cursor[0] ? ",\"cursor\":\"" : "", c->cursor,
                 c->cursor[0] ? "\"" : "");
    load_text(c, hello, n);
}


static void
load_chat_frame(load_conn_t *c, const chat_str_t *text)
{
    char         after[16];
    const char  *p;

    p = (const char *) text->data;

    if (text->len < 12 || memcmp(p, "{\"t\":\"", 6) != 0) {
        load_die("a frame of ours without a name");
    }

    switch (p[6]) {

    case 'e':

        if (p[7] == 'v') {
            if (c->load->resume) {
                load_chat_cursor(c, text);

                if (load_chat_missing(c, text)) {
                    return;
                }
            }

            load_got(c, p, text->len);
            return;
        }

        if (c->load->resume) {
            /* what is unanswered is sent again with the next connection */
            load_lost(c, LOAD_RETRY);
            return;
        }

        if (c->load->errors++ == 0) {
            fprintf(stderr, "load: refused: %.*s\n", (int) text->len, p);
        }

        return;

    case 'a':
        load_chat_acked(c, text);
        return;

    case 'w':
        load_chat_welcome(c, text);
        return;

    case 'h':
        load_chat_history(c, text);
        return;

    case 'b':

        if (load_field(text, "\"after_ms\":", ",}", after, sizeof(after))
            == CHAT_OK)
        {
            c->after = strtoul(after, NULL, 10) * 1000;
        }

        return;

    default: /* presence, link, typing */
        return;
    }
}


/* `n`: how far it came; what was accepted then has no other answer. */

static void
load_chat_welcome(load_conn_t *c, const chat_str_t *text)
{
    char  n[24];

    load_chat_cursor(c, text);

    if (c->since
        && load_field(text, "\"n\":\"", "\"", n, sizeof(n)) == CHAT_OK)
    {
        while (c->acked < strtoull(n, NULL, 10) && c->acked < c->n) {
            c->acked++;
            free(load_shift(&c->kept));
        }
    }

    if (c->since && memmem(text->data, text->len, "\"reset\":true", 12)) {
        c->load->resets++;
    }

    load_ready(c);

    if (c->narrow && c->since) {
        /* whatever it told: ask and see */
        load_chat_ask(c);
    }
}


/*
 * Who was away for long is told of dialogs that have changed, and asks for
 * what is missing in his (a reader that stalls has only one).  What comes
 * before that answer is part of it, or of the next.
 */

static unsigned
load_chat_missing(load_conn_t *c, const chat_str_t *text)
{
    uint64_t  seq;

    seq = c->narrow ? load_chat_seq(text) : 0;

    if (seq == 0) {
        return 0;
    }

    if (c->asking || seq > c->seq + 1) {
        c->newest = seq;

        if (!c->asking) {
            load_chat_ask(c);
        }

        return 1;
    }

    c->seq = seq;

    return 0;
}


static void
load_chat_ask(load_conn_t *c)
{
    int   n;
    char  text[128];

    c->asking = 1;

    n = snprintf(text, sizeof(text),
                 "{\"t\":\"history\",\"dialog\":\"%s\",\"after\":\"%lu\"}",
                 c->load->channels[0].dialog, c->seq);
    load_text(c, text, n);
}


static void
load_chat_history(load_conn_t *c, const chat_str_t *text)
{
    const char  *p, *last;

    p = (const char *) text->data;
    last = p + text->len;

    while ((p = memchr(p, '@', last - p)) != NULL) {
        load_got(c, p, last - p);
        p++;
    }

    c->seq = load_chat_seq(text);
    c->asking = 0;

    if (c->newest > c->seq
        || memmem(text->data, text->len, "\"more\":true", 11))
    {
        load_chat_ask(c);
    }
}


/* The last one, of a frame with several. */

static uint64_t
load_chat_seq(const chat_str_t *text)
{
    size_t       left;
    uint64_t     seq;
    const char  *p;

    static const char  name[] = "\"seq\":\"";

    seq = 0;
    p = (const char *) text->data;
    left = text->len;

    while ((p = memmem(p, left, name, sizeof(name) - 1)) != NULL) {
        p += sizeof(name) - 1;
        left = (const char *) text->data + text->len - p;
        seq = strtoull(p, NULL, 10);
    }

    return seq;
}


static void
load_chat_cursor(load_conn_t *c, const chat_str_t *text)
{
    if (load_field(text, "\"cursor\":\"", "\"", c->cursor, LOAD_CURSOR)
        != CHAT_OK)
    {
        load_die("a frame without a cursor");
    }
}


/*
 * A visitor's first answer names the dialog: its operator takes it.  The
 * operator's answers to takes come in their order.
 */

static void
load_chat_acked(load_conn_t *c, const chat_str_t *text)
{
    unsigned         i, channel;
    load_channel_t  *ch;

    c->acked++;
    free(load_shift(&c->kept));

    if (c->operator) {

        if (c->setup_n) {
            load_channel_ready(c->load, c->setup[0]);
            c->setup_n--;

            for (i = 0; i < c->setup_n; i++) {
                c->setup[i] = c->setup[i + 1];
            }

            return;
        }

    } else if (c->acked == 1) {
        channel = c->publisher ? c->publisher - 1 : c->channel;
        ch = &c->load->channels[channel];

        if (load_field(text, "\"dialog\":\"", "\"", ch->dialog,
                       sizeof(ch->dialog))
            != CHAT_OK)
        {
            load_die("an answer without a dialog");
        }

        if (ch->side[1]) {
            load_chat_take(ch->side[1], channel);

        } else {
            load_channel_ready(c->load, channel);
        }

        return;
    }

    load_next(c);
}


static void
load_chat_take(load_conn_t *c, unsigned channel)
{
    int   n;
    char  text[128];

    c->setup = realloc(c->setup, (c->setup_n + 1) * sizeof(unsigned));

    if (c->setup == NULL) {
        load_die("out of memory");
    }

    c->setup[c->setup_n++] = channel;

    n = snprintf(text, sizeof(text),
                 "{\"t\":\"take_dialog\",\"n\":\"%lu\",\"dialog\":\"%s\"}",
                 ++c->n, c->load->channels[channel].dialog);
    load_text(c, text, n);
}


static void
load_chat_publish(load_conn_t *c, unsigned channel, const char *text)
{
    int   n;
    char  buf[LOAD_FRAME];

    if (c->operator) {
        n = snprintf(buf, sizeof(buf), "{\"t\":\"post_message\",\"n\":\"%lu\","
                     "\"dialog\":\"%s\",\"text\":\"%s\"}", ++c->n,
                     c->load->channels[channel].dialog, text);

    } else {
        n = snprintf(buf, sizeof(buf), "{\"t\":\"post_message\",\"n\":\"%lu\","
                     "\"text\":\"%s\"}", ++c->n, text);
    }

    if (c->load->resume) {
        load_push(&c->kept, buf);
    }

    load_text(c, buf, n);
}


static int
load_field(const chat_str_t *text, const char *name, const char *ends,
    char *dst, size_t size)
{
    size_t       n;
    const char  *p, *last;

    p = memmem(text->data, text->len, name, strlen(name));

    if (p == NULL) {
        return CHAT_DECLINED;
    }

    p += strlen(name);
    last = (const char *) text->data + text->len;

    for (n = 0; p < last && strchr(ends, *p) == NULL; p++) {

        if (n + 1 == size) {
            return CHAT_ERROR;
        }

        dst[n++] = *p;
    }

    dst[n] = '\0';

    return p < last ? CHAT_OK : CHAT_ERROR;
}


/* nchan ------------------------------------------------------------------- */

static size_t
load_nchan_request(load_conn_t *c, char *p, size_t size)
{
    return snprintf(p, size, "GET /ps/c%u HTTP/1.1\r\nHost: %s\r\n"
                    LOAD_UPGRADE_HEADERS "\r\n", c->channel,
                    c->load->hosts[0]);
}


static void
load_nchan_opened(load_conn_t *c)
{
    load_ready(c);
}


static void
load_nchan_frame(load_conn_t *c, const chat_str_t *text)
{
    load_got(c, (const char *) text->data, text->len);
}


static void
load_nchan_publish(load_conn_t *c, unsigned channel, const char *text)
{
    load_text(c, text, strlen(text));
}


/* socket.io --------------------------------------------------------------- */

static size_t
load_sio_request(load_conn_t *c, char *p, size_t size)
{
    return snprintf(p, size,
                    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                    "Host: %s\r\n" LOAD_UPGRADE_HEADERS "\r\n",
                    c->load->hosts[0]);
}


static void
load_sio_opened(load_conn_t *c)
{
    load_text(c, "40", 2);
}


/* "2" ping, "40{...}" connected, "431[]" joined, "42[...]" event */

static void
load_sio_frame(load_conn_t *c, const chat_str_t *text)
{
    int          n;
    char         join[64];
    const char  *p;

    p = (const char *) text->data;

    if (text->len >= 2 && p[0] == '4') {

        switch (p[1]) {

        case '0':
            n = snprintf(join, sizeof(join), "421[\"join\",\"c%u\"]",
                         c->channel);
            load_text(c, join, n);
            return;

        case '3':
            load_ready(c);
            return;

        case '2':
            load_got(c, p, text->len);
            return;
        }
    }

    if (text->len == 1 && p[0] == '2') {
        load_text(c, "3", 1);
    }
}


static void
load_sio_publish(load_conn_t *c, unsigned channel, const char *text)
{
    int   n;
    char  buf[LOAD_FRAME];

    n = snprintf(buf, sizeof(buf), "42[\"m\",\"c%u\",\"%s\"]",
                 c->channel,
                 text);
    load_text(c, buf, n);
}
