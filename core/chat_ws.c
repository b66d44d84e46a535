
/*
 * WebSocket parser, RFC 6455.
 */

#include "chat_ws.h"
#include "chat_str.h"


#define CHAT_WS_FIN        0x80
#define CHAT_WS_RSV1       0x40
#define CHAT_WS_RSV23      0x30
#define CHAT_WS_OPCODE     0x0f
#define CHAT_WS_IS_CONTROL 0x08
#define CHAT_WS_MASKED     0x80
#define CHAT_WS_LENGTH     0x7f

#define CHAT_WS_CONTROL_MAX  125
#define CHAT_WS_BUF_MIN      512


static int chat_ws_head(chat_ws_t *ws, unsigned char **pos,
    unsigned char *last, chat_ws_event_t *ev);
static size_t chat_ws_head_size(const chat_ws_t *ws, const unsigned char *p);
static int chat_ws_head_first(chat_ws_t *ws, unsigned b, chat_ws_event_t *ev);
static int chat_ws_head_second(chat_ws_t *ws, unsigned b,
    chat_ws_event_t *ev);
static int chat_ws_head_length(chat_ws_t *ws, const unsigned char *p,
    chat_ws_event_t *ev);
static int chat_ws_data(chat_ws_t *ws, unsigned char **pos,
    unsigned char *last, chat_ws_event_t *ev);
static int chat_ws_control(chat_ws_t *ws, unsigned char **pos,
    unsigned char *last, chat_ws_event_t *ev);
static int chat_ws_close(chat_ws_t *ws, chat_ws_event_t *ev);
static size_t chat_ws_take(chat_ws_t *ws, unsigned char **pos,
    unsigned char *last, unsigned char **p);
static int chat_ws_keep(chat_ws_t *ws, const unsigned char *p, size_t n);
static void chat_ws_drop(chat_ws_t *ws);
static int chat_ws_fail(chat_ws_event_t *ev, unsigned code,
    const char *reason);


void
chat_ws_init(chat_ws_t *ws, uint32_t message_max, const chat_ws_mem_t *mem)
{
    memset(ws, 0, sizeof(chat_ws_t));

    ws->message_max = message_max;
    ws->mem = mem;
}


void
chat_ws_done(chat_ws_t *ws)
{
    ws->spent = 1;
    ws->in_frame = 0;
    chat_ws_drop(ws);
}


int
chat_ws_feed(chat_ws_t *ws, unsigned char **pos, unsigned char *last,
    chat_ws_event_t *ev)
{
    int  rc;

    chat_ws_drop(ws);

    if (ws->closed) {
        *pos = last;
        return CHAT_DONE;
    }

    for ( ;; ) {

        if (!ws->in_frame) {
            rc = chat_ws_head(ws, pos, last, ev);

            if (rc != CHAT_OK) {
                return rc;
            }

            ws->in_frame = 1;
        }

        if (ws->opcode & CHAT_WS_IS_CONTROL) {
            return chat_ws_control(ws, pos, last, ev);
        }

        rc = chat_ws_data(ws, pos, last, ev);

        if (rc != CHAT_DECLINED) {
            return rc;
        }

        /* a fragment that does not end its message */
    }
}


/*
 * Takes a frame's header; keeps what there is of it if it is not complete.
 * Each part is checked as soon as it is there, so the outcome does not depend
 * on how the stream was split.
 */

static int
chat_ws_head(chat_ws_t *ws, unsigned char **pos, unsigned char *last,
    chat_ws_event_t *ev)
{
    size_t  size;

    while (*pos < last) {
        ws->head[ws->head_len++] = *(*pos)++;

        if (ws->head_len == 1
            && chat_ws_head_first(ws, ws->head[0], ev) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        if (ws->head_len == 1) {
            continue;
        }

        if (ws->head_len == 2
            && chat_ws_head_second(ws, ws->head[1], ev) != CHAT_OK)
        {
            return CHAT_ERROR;
        }

        size = chat_ws_head_size(ws, ws->head);

        if (ws->head_len < size) {
            continue;
        }

        ws->head_len = 0;

        if (chat_ws_head_length(ws, ws->head, ev) != CHAT_OK) {
            return CHAT_ERROR;
        }

        /* the mask moves to the front, where chat_ws_take() turns it */

        if (!ws->client) {
            memmove(ws->head, ws->head + size - 4, 4);
        }

        return CHAT_OK;
    }

    return CHAT_AGAIN;
}


static size_t
chat_ws_head_size(const chat_ws_t *ws, const unsigned char *p)
{
    size_t  size;

    size = 2;

    switch (p[1] & CHAT_WS_LENGTH) {
    case 126:
        size += 2;
        break;
    case 127:
        size += 8;
        break;
    }

    return size + (ws->client ? 0 : 4);
}


static int
chat_ws_head_first(chat_ws_t *ws, unsigned b, chat_ws_event_t *ev)
{
    ws->fin = (b & CHAT_WS_FIN) != 0;
    ws->opcode = b & CHAT_WS_OPCODE;

    if (b & CHAT_WS_RSV23) {
        return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR, "reserved bit");
    }

    if ((b & CHAT_WS_RSV1)
        && (!ws->allow_rsv1
            || (ws->opcode != CHAT_WS_TEXT && ws->opcode != CHAT_WS_BINARY)))
    {
        return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR, "reserved bit");
    }

    switch (ws->opcode) {

    case CHAT_WS_CONTINUATION:
        if (!ws->in_message) {
            return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR,
                                "continuation of nothing");
        }

        break;

    case CHAT_WS_TEXT:
    case CHAT_WS_BINARY:
        if (ws->in_message) {
            return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR,
                                "message inside a message");
        }

        ws->in_message = 1;
        ws->message = ws->opcode;
        ws->compressed = (b & CHAT_WS_RSV1) != 0;
        ws->fragments = 0;
        ws->utf8 = CHAT_UTF8_ACCEPT;
        break;

    case CHAT_WS_CLOSE:
    case CHAT_WS_PING:
    case CHAT_WS_PONG:
        if (!ws->fin) {
            return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR,
                                "fragmented control frame");
        }

        return CHAT_OK;

    default:
        return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR, "unknown opcode");
    }

    if (ws->fragments_max && ws->fragments == ws->fragments_max) {
        return chat_ws_fail(ev, CHAT_WS_TOO_BIG, "too many fragments");
    }

    ws->fragments++;

    return CHAT_OK;
}


static int
chat_ws_head_second(chat_ws_t *ws, unsigned b, chat_ws_event_t *ev)
{
    if (((b & CHAT_WS_MASKED) != 0) == ws->client) {
        return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR,
                            ws->client ? "masked frame" : "unmasked frame");
    }

    if ((ws->opcode & CHAT_WS_IS_CONTROL)
        && (b & CHAT_WS_LENGTH) > CHAT_WS_CONTROL_MAX)
    {
        return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR,
                            "control frame too long");
    }

    return CHAT_OK;
}


static int
chat_ws_head_length(chat_ws_t *ws, const unsigned char *p,
    chat_ws_event_t *ev)
{
    unsigned  i;
    uint64_t  len;

    len = p[1] & CHAT_WS_LENGTH;

    if (len == 126) {
        len = (uint64_t) p[2] << 8 | p[3];

        if (len < 126) {
            return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR,
                                "length not minimal");
        }

    } else if (len == 127) {

        for (len = 0, i = 2; i < 10; i++) {
            len = len << 8 | p[i];
        }

        if (len < 65536 || len >> 63) {
            return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR,
                                "length not minimal");
        }
    }

    if (!(ws->opcode & CHAT_WS_IS_CONTROL)
        && len > ws->message_max - ws->len)
    {
        return chat_ws_fail(ev, CHAT_WS_TOO_BIG, "message too big");
    }

    ws->rest = len;

    return CHAT_OK;
}


/*
 * CHAT_DECLINED: the frame is complete, its message is not.
 */

static int
chat_ws_data(chat_ws_t *ws, unsigned char **pos, unsigned char *last,
    chat_ws_event_t *ev)
{
    size_t          n;
    unsigned char  *p;

    n = chat_ws_take(ws, pos, last, &p);

    if (ws->message == CHAT_WS_TEXT && !ws->compressed) {

        if (chat_utf8_feed(&ws->utf8, p, n) != CHAT_OK
            || (ws->fin && ws->rest == 0 && ws->utf8 != CHAT_UTF8_ACCEPT))
        {
            return chat_ws_fail(ev, CHAT_WS_BAD_DATA, "invalid UTF-8");
        }
    }

    if (ws->rest || !ws->fin || ws->len) {

        if (chat_ws_keep(ws, p, n) != CHAT_OK) {
            return chat_ws_fail(ev, CHAT_WS_INTERNAL, "out of memory");
        }

        if (ws->rest) {
            return CHAT_AGAIN;
        }
    }

    ws->in_frame = 0;

    if (!ws->fin) {
        return CHAT_DECLINED;
    }

    if (ws->len) {
        p = ws->buf;
        n = ws->len;
    }

    memset(ev, 0, sizeof(chat_ws_event_t));

    ev->opcode = ws->message;
    ev->compressed = ws->compressed;
    ev->data.data = p;
    ev->data.len = n;

    ws->in_message = 0;
    ws->spent = 1;

    return CHAT_OK;
}


static int
chat_ws_control(chat_ws_t *ws, unsigned char **pos, unsigned char *last,
    chat_ws_event_t *ev)
{
    size_t          n;
    unsigned char  *p;

    n = chat_ws_take(ws, pos, last, &p);

    if (ws->rest || ws->control) {

        if (ws->control == NULL) {
            ws->control = ws->mem->resize(ws->mem->data, NULL, 0,
                                          CHAT_WS_CONTROL_MAX);
            if (ws->control == NULL) {
                return chat_ws_fail(ev, CHAT_WS_INTERNAL, "out of memory");
            }
        }

        memcpy(ws->control + ws->control_len, p, n);
        ws->control_len += n;

        if (ws->rest) {
            return CHAT_AGAIN;
        }

        p = ws->control;
        n = ws->control_len;
    }

    ws->in_frame = 0;

    memset(ev, 0, sizeof(chat_ws_event_t));

    ev->opcode = ws->opcode;
    ev->data.data = p;
    ev->data.len = n;

    if (ws->opcode == CHAT_WS_CLOSE) {
        return chat_ws_close(ws, ev);
    }

    return CHAT_OK;
}


static int
chat_ws_close(chat_ws_t *ws, chat_ws_event_t *ev)
{
    uint32_t  utf8;

    ws->closed = 1;

    if (ev->data.len == 0) {
        ev->code = CHAT_WS_NO_STATUS;
        return CHAT_OK;
    }

    if (ev->data.len == 1) {
        return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR, "half a close code");
    }

    ev->code = ev->data.data[0] << 8 | ev->data.data[1];
    ev->data.data += 2;
    ev->data.len -= 2;

    if (!chat_ws_code_valid(ev->code)) {
        return chat_ws_fail(ev, CHAT_WS_PROTOCOL_ERROR, "bad close code");
    }

    utf8 = CHAT_UTF8_ACCEPT;

    if (chat_utf8_feed(&utf8, ev->data.data, ev->data.len) != CHAT_OK
        || utf8 != CHAT_UTF8_ACCEPT)
    {
        return chat_ws_fail(ev, CHAT_WS_BAD_DATA, "invalid UTF-8");
    }

    return CHAT_OK;
}


/* Takes what there is of the payload, unmasked; *p is where it lies. */

static size_t
chat_ws_take(chat_ws_t *ws, unsigned char **pos, unsigned char *last,
    unsigned char **p)
{
    size_t         n, turn;
    unsigned char  mask[4];

    *p = *pos;
    n = last - *pos;

    if (n > ws->rest) {
        n = ws->rest;
    }

    *pos += n;
    ws->rest -= n;

    if (ws->client || n == 0) {
        return n;
    }

    memcpy(mask, ws->head, 4);
    chat_ws_mask(*p, n, mask, 0);

    for (turn = 0; turn < 4; turn++) {
        ws->head[turn] = mask[(n + turn) & 3];
    }

    return n;
}


static int
chat_ws_keep(chat_ws_t *ws, const unsigned char *p, size_t n)
{
    void      *buf;
    uint64_t   cap, whole;

    if (n == 0) {
        return CHAT_OK;
    }

    if (ws->cap - ws->len < n) {

        /* doubling, up to what the frames known so far can need */

        cap = (uint64_t) ws->cap * 2;
        whole = ws->len + n + ws->rest;

        if (cap < CHAT_WS_BUF_MIN) {
            cap = CHAT_WS_BUF_MIN;
        }

        if (cap > whole && ws->fin) {
            cap = whole;
        }

        if (cap < ws->len + n) {
            cap = ws->len + n;
        }

        if (cap > ws->message_max) {
            cap = ws->message_max;
        }

        buf = ws->mem->resize(ws->mem->data, ws->buf, ws->cap, cap);

        if (buf == NULL) {
            return CHAT_ERROR;
        }

        ws->buf = buf;
        ws->cap = cap;
    }

    memcpy(ws->buf + ws->len, p, n);
    ws->len += n;

    return CHAT_OK;
}


/* Frees what the last event pointed to. */

static void
chat_ws_drop(chat_ws_t *ws)
{
    if (ws->control && !ws->in_frame) {
        ws->mem->resize(ws->mem->data, ws->control, CHAT_WS_CONTROL_MAX, 0);
        ws->control = NULL;
        ws->control_len = 0;
    }

    if (!ws->spent) {
        return;
    }

    if (ws->buf) {
        ws->mem->resize(ws->mem->data, ws->buf, ws->cap, 0);
        ws->buf = NULL;
    }

    ws->len = 0;
    ws->cap = 0;
    ws->spent = 0;
}


static int
chat_ws_fail(chat_ws_event_t *ev, unsigned code, const char *reason)
{
    memset(ev, 0, sizeof(chat_ws_event_t));

    ev->opcode = CHAT_WS_CLOSE;
    ev->code = code;
    ev->data.data = (unsigned char *) reason;
    ev->data.len = strlen(reason);

    return CHAT_ERROR;
}
