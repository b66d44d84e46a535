
/*
 * The ring against a model.  Input: operations of 4 bytes {what, a, b, c}.
 * Until something is damaged a reader gets exactly what was written, or is
 * told that it was lapped; afterwards nothing is read out of bounds.
 */

#include <stdlib.h>

#include "chat_ring.h"
#include "chat_str.h"


#define SIZE    CHAT_RING_MIN
#define OPS     2048
#define RECORD  48               /* bytes before an entry's header */

#define check(expression)  do { if (!(expression)) { abort(); } } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* What was written, in order. */
typedef struct {
    chat_ring_kind_e  kind;
    unsigned          partition;
    chat_id_t         id;
    uint32_t          epoch;
    size_t            len;
    unsigned char     fill;
    uint64_t          pos;         /* where it begins */
} written_t;

typedef struct {
    chat_ring_t      *ring;
    uint32_t          term;
    uint32_t          epoch;
    written_t         log[OPS];
    unsigned          n;
    unsigned          next;        /* what the reader gets next */
    uint64_t          pos;         /* the reader's */
    int               started[CHAT_FEEDS];
    unsigned          since[CHAT_FEEDS];    /* entries before the start */
    chat_id_t         last[CHAT_FEEDS];
    int               damaged;
    unsigned char     buf[SIZE];
} model_t;


static void
write_entry(model_t *m, unsigned a, unsigned b, unsigned c)
{
    int                 rc;
    uint64_t            head;
    written_t          *w;
    chat_ring_entry_t   e;

    static unsigned char  body[256 * 16];

    memset(&e, 0, sizeof(e));
    memset(body, c, sizeof(body));

    e.kind = (a & 0x40) ? CHAT_RING_EPHEMERAL : CHAT_RING_LOG;
    e.partition = (a & 0x1f) % CHAT_FEEDS;
    e.id = m->last[e.partition];
    e.id.seq += c % 4;
    e.header.data = (unsigned char *) "header";
    e.header.len = a % 7;
    e.body.data = body;
    e.body.len = b * 16;

    head = chat_ring_head(m->ring);
    rc = chat_ring_write(m->ring, m->term, &e);

    if (((RECORD + e.header.len + e.body.len + 7) & ~7ull)
        > chat_ring_entry_max(m->ring))
    {

        if (e.kind == CHAT_RING_EPHEMERAL) {
            check(rc == CHAT_ERROR);
            return;
        }

        e.kind = CHAT_RING_BIG;
        e.body.len = 0;
    }

    check(rc == CHAT_OK);

    if (e.kind != CHAT_RING_EPHEMERAL) {

        /* what it has is not written again */

        if (m->started[e.partition] && c % 4 == 0) {
            check(chat_ring_head(m->ring) == head);
            return;
        }

        m->started[e.partition] = 1;
        m->last[e.partition] = e.id;
    }

    w = &m->log[m->n++];
    w->kind = e.kind;
    w->partition = e.partition;
    w->id = e.id;
    w->epoch = m->epoch;
    w->len = e.body.len;
    w->fill = c;
    w->pos = head;
}


/* The same again for one feed, or one that never was, for all. */

static void
begin(model_t *m, unsigned partition, unsigned b, uint32_t epoch)
{
    unsigned          i;
    chat_id_t         id;
    written_t        *w;
    const chat_id_t  *feeds[CHAT_FEEDS];

    id.ms = b;
    id.seq = 0;

    for (i = 0; i < CHAT_FEEDS; i++) {
        feeds[i] = (i == partition || epoch != m->epoch) ? &id : NULL;
    }

    w = &m->log[m->n++];
    memset(w, 0, sizeof(written_t));

    w->kind = CHAT_RING_EPOCH;
    w->pos = chat_ring_head(m->ring);
    w->epoch = epoch;
    w->id.ms = epoch;

    check(chat_ring_begin(m->ring, m->term, epoch, feeds) == CHAT_OK);

    for (i = 0; i < CHAT_FEEDS; i++) {

        if (feeds[i]) {
            m->started[i] = 1;
            m->since[i] = m->n;
            m->last[i] = id;
        }
    }

    m->epoch = epoch;
    check(chat_ring_epoch(m->ring) == epoch);
}


static void
read_entry(model_t *m)
{
    size_t              i;
    written_t          *w;
    chat_ring_entry_t   e;

    switch (chat_ring_read(m->ring, &m->pos, m->buf, &e)) {

    case CHAT_OK:
        if (m->damaged || e.kind == CHAT_RING_START) {
            break;
        }

        check(m->next < m->n);
        w = &m->log[m->next++];

        check(e.kind == w->kind && e.epoch == w->epoch);
        check(e.partition == w->partition);
        check(chat_id_cmp(&e.id, &w->id) == 0);
        check(e.body.len == w->len);

        for (i = 0; i < e.body.len; i++) {
            check(e.body.data[i] == w->fill);
        }

        break;

    case CHAT_AGAIN:
        check(m->damaged || m->next == m->n);
        break;

    default: /* CHAT_DECLINED: lapped */
        check(m->pos == chat_ring_head(m->ring));
        m->next = m->n;
        break;
    }
}


/* All that is newer than the id lies at the position found, or after it. */

static void
find(model_t *m, unsigned partition, unsigned b)
{
    unsigned    i;
    uint64_t    pos;
    chat_id_t   id;

    id.ms = b;
    id.seq = 0;

    if (chat_ring_find(m->ring, partition, &id, 50, &pos) != CHAT_OK
        || m->damaged)
    {
        return;
    }

    check(pos <= chat_ring_head(m->ring));

    for (i = m->n; i > m->since[partition]; i--) {

        if (m->log[i - 1].kind == CHAT_RING_EPOCH
            && m->log[i - 1].epoch != m->epoch)
        {
            break;
        }

        if (m->log[i - 1].partition == partition
            && m->log[i - 1].kind != CHAT_RING_EPOCH
            && m->log[i - 1].kind != CHAT_RING_EPHEMERAL
            && m->log[i - 1].pos < pos)
        {
            check(chat_id_cmp(&m->log[i - 1].id, &id) <= 0);
            break;
        }
    }
}


static void
check_last(const model_t *m, unsigned partition)
{
    chat_id_t  id;

    if (m->damaged) {
        return;
    }

    if (chat_ring_last(m->ring, partition, &id) == CHAT_OK) {
        check(m->started[partition]);
        check(chat_id_cmp(&id, &m->last[partition]) == 0);
    } else {
        check(!m->started[partition]);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t           i;
    uint64_t         head, room;
    unsigned         a, b, c;
    static model_t  *m;

    if (m == NULL) {
        m = malloc(sizeof(model_t));
        check(m);
        m->ring = malloc(SIZE);
        check(m->ring);
    }

    /* keeps the ring, forgets the rest */

    m->n = m->next = 0;
    m->epoch = 0;
    m->damaged = 0;
    memset(m->started, 0, sizeof(m->started));
    memset(m->since, 0, sizeof(m->since));
    memset(m->last, 0, sizeof(m->last));

    check(chat_ring_init(m->ring, SIZE) == CHAT_OK);
    m->term = chat_ring_new_term(m->ring);
    m->pos = chat_ring_head(m->ring);
    room = m->pos;

    for (i = 0; i + 4 <= size && m->n < OPS; i += 4) {
        a = data[i + 1];
        b = data[i + 2];
        c = data[i + 3];

        switch (data[i] % 8) {

        case 0:
        case 1:
            write_entry(m, a, b, c);
            break;

        case 2:
            begin(m, a % CHAT_FEEDS, b, m->epoch);
            break;

        case 3:
            begin(m, a % CHAT_FEEDS, b, m->epoch + a % 2);
            break;

        case 4:
            m->term = chat_ring_new_term(m->ring);
            break;

        case 5:
            read_entry(m);
            break;

        case 6:
            find(m, a % CHAT_FEEDS, b);
            check_last(m, a % CHAT_FEEDS);
            break;

        default:
            /* in the entries: what is before them only a writer writes */

            head = SIZE - room + ((a << 8 | b) * 4 + c) % room;
            ((unsigned char *) m->ring)[head] ^= c | 1;
            m->damaged = 1;
            break;
        }
    }

    return 0;
}
