
#include "chat_ring.h"
#include "chat_str.h"


#define CHAT_RING_MAGIC    0x676e697274616863ull     /* "chatring" */
#define CHAT_RING_VERSION  1

/* Internal kind: from here on the ring has all of the partition after id. */
#define CHAT_RING_START    0x80

/* A place that is being written. */
#define CHAT_RING_NOWHERE  UINT64_MAX

#define CHAT_RING_TRIES    100


/*
 * Newest entry of a partition.  There are two, written in turn: the valid one
 * is that with the greatest pos below head.  So an entry and its place become
 * visible by one store to head, and a writer that dies before it leaves the
 * older place in force.
 */
typedef struct {
    uint64_t             pos;
    uint64_t             ms;
    uint64_t             seq;
    uint32_t             epoch;
    uint32_t             pad;
} chat_ring_place_t;

struct chat_ring_s {
    uint64_t             magic;
    uint32_t             version;
    uint32_t             term;
    uint64_t             size;        /* of data: a power of two */
    uint32_t             epoch;
    uint32_t             cleaned;     /* term whose writer has taken over */

    /* what readers look at all the time has a cache line of its own */
    uint64_t             head __attribute__((aligned(64)));
    uint64_t             floor;       /* entries below it may be damaged */

    chat_ring_place_t    places[CHAT_FEEDS][2] __attribute__((aligned(64)));

    unsigned char        data[] __attribute__((aligned(64)));
};

/* In the data, at a multiple of 8, followed by header and body. */
typedef struct {
    uint64_t             pos;
    uint32_t             crc;         /* of all but itself */
    uint32_t             len;         /* of header and body */
    uint64_t             prev;        /* of the same partition; 0 = none */
    uint64_t             ms;
    uint64_t             seq;
    uint32_t             epoch;
    uint16_t             header;
    uint8_t              kind;
    uint8_t              partition;
} chat_ring_record_t;

#define chat_ring_align(n)  (((n) + 7) & ~(uint64_t) 7)

#define chat_load(p)        __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define chat_peek(p)        __atomic_load_n(p, __ATOMIC_RELAXED)
#define chat_store(p, v)    __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define chat_poke(p, v)     __atomic_store_n(p, v, __ATOMIC_RELAXED)


static int chat_ring_put(chat_ring_t *r, uint32_t term,
    chat_ring_record_t *rec, const chat_str_t *header,
    const chat_str_t *body);
static int chat_ring_mine(chat_ring_t *r, uint32_t term);
static void chat_ring_clean(chat_ring_t *r);
static void chat_ring_mark(chat_ring_t *r, const chat_ring_record_t *rec);
static int chat_ring_place(const chat_ring_t *r, unsigned partition,
    uint64_t *head, chat_ring_place_t *place);
static int chat_ring_glance(const chat_ring_t *r, unsigned partition,
    uint64_t *head, chat_ring_place_t *place);
static int chat_ring_fetch(const chat_ring_t *r, uint64_t pos,
    chat_ring_record_t *rec);
static uint32_t chat_ring_crc(const chat_ring_record_t *rec,
    const void *payload);
static void chat_ring_copy_in(chat_ring_t *r, uint64_t pos, const void *src,
    size_t n);
static void chat_ring_copy_out(const chat_ring_t *r, uint64_t pos, void *dst,
    size_t n);


int
chat_ring_init(chat_ring_t *r, size_t size)
{
    unsigned  i;
    uint64_t  n;

    if (size < CHAT_RING_MIN) {
        return CHAT_ERROR;
    }

    for (n = CHAT_RING_MIN / 2; n * 2 <= size - sizeof(chat_ring_t); n *= 2) {
        /* the greatest power of two that fits */
    }

    memset(r, 0, sizeof(chat_ring_t));

    r->version = CHAT_RING_VERSION;
    r->size = n;

    /* positions begin at size: 0 is no position, and no floor is negative */

    r->head = n;
    r->floor = n;

    for (i = 0; i < CHAT_FEEDS; i++) {
        r->places[i][0].pos = CHAT_RING_NOWHERE;
        r->places[i][1].pos = CHAT_RING_NOWHERE;
    }

    chat_store(&r->magic, CHAT_RING_MAGIC);

    return CHAT_OK;
}


int
chat_ring_check(const chat_ring_t *r, size_t size)
{
    uint64_t  head, floor;

    if (size < CHAT_RING_MIN
        || chat_load(&r->magic) != CHAT_RING_MAGIC
        || r->version != CHAT_RING_VERSION
        || r->size < CHAT_RING_MIN / 2
        || (r->size & (r->size - 1))
        || r->size > size - sizeof(chat_ring_t))
    {
        return CHAT_ERROR;
    }

    floor = chat_load(&r->floor);
    head = chat_load(&r->head);

    if (head < r->size || head % 8 || floor < r->size) {
        return CHAT_ERROR;
    }

    return CHAT_OK;
}


int
chat_ring_write(chat_ring_t *r, uint32_t term, const chat_ring_entry_t *e)
{
    chat_id_t           last;
    chat_str_t          body;
    chat_ring_record_t  rec;

    body = e->body;

    if (e->partition >= CHAT_FEEDS
        || e->header.len > UINT16_MAX
        || sizeof(chat_ring_record_t) + e->header.len + 7
           > chat_ring_entry_max(r))
    {
        return CHAT_ERROR;
    }

    memset(&rec, 0, sizeof(chat_ring_record_t));

    rec.kind = e->kind;
    rec.partition = e->partition;
    rec.ms = e->id.ms;
    rec.seq = e->id.seq;

    if (chat_ring_align(sizeof(chat_ring_record_t) + e->header.len + body.len)
        > chat_ring_entry_max(r))
    {
        if (e->kind != CHAT_RING_LOG) {
            return CHAT_ERROR;
        }

        rec.kind = CHAT_RING_BIG;
        body.len = 0;
    }

    if (rec.kind == CHAT_RING_LOG || rec.kind == CHAT_RING_BIG) {

        if (chat_ring_mine(r, term) != CHAT_OK) {
            return CHAT_DECLINED;
        }

        if (chat_ring_last(r, e->partition, &last) == CHAT_OK
            && chat_id_cmp(&e->id, &last) <= 0)
        {
            return CHAT_OK;
        }
    }

    return chat_ring_put(r, term, &rec, &e->header, &body);
}


/*
 * The order is what makes it safe.  Readers: floor is raised before anything
 * they might still copy is overwritten.  Death of the writer: nothing it has
 * written counts before the one store to head.
 */

static int
chat_ring_put(chat_ring_t *r, uint32_t term, chat_ring_record_t *rec,
    const chat_str_t *header, const chat_str_t *body)
{
    uint64_t           head, next;
    uint32_t           crc;
    chat_ring_place_t  place;

    if (chat_ring_mine(r, term) != CHAT_OK) {
        return CHAT_DECLINED;
    }

    head = chat_peek(&r->head);

    rec->pos = head;
    rec->len = header->len + body->len;
    rec->header = header->len;

    if (rec->kind != CHAT_RING_EPOCH) {
        rec->epoch = chat_peek(&r->epoch);
    }

    /* a start cuts the chain: what was before it may not join up */

    if ((rec->kind == CHAT_RING_LOG || rec->kind == CHAT_RING_BIG)
        && chat_ring_place(r, rec->partition, &head, &place) == CHAT_OK
        && place.epoch == rec->epoch)
    {
        rec->prev = place.pos;
    }

    rec->crc = 0;
    crc = chat_crc32c(0, rec, sizeof(chat_ring_record_t));
    crc = chat_crc32c(crc, header->data, header->len);
    rec->crc = chat_crc32c(crc, body->data, body->len);

    next = head + chat_ring_align(sizeof(chat_ring_record_t) + rec->len);

    if (next - r->size > chat_peek(&r->floor)) {
        chat_poke(&r->floor, next - r->size);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }

    chat_ring_copy_in(r, head, rec, sizeof(chat_ring_record_t));
    chat_ring_copy_in(r, head + sizeof(chat_ring_record_t), header->data,
                      header->len);
    chat_ring_copy_in(r, head + sizeof(chat_ring_record_t) + header->len,
                      body->data, body->len);

    if (rec->kind != CHAT_RING_EPHEMERAL && rec->kind != CHAT_RING_EPOCH) {
        chat_ring_mark(r, rec);
    }

    chat_store(&r->head, next);

    return CHAT_OK;
}


static int
chat_ring_mine(chat_ring_t *r, uint32_t term)
{
    if (chat_load(&r->term) != term) {
        return CHAT_DECLINED;
    }

    if (r->cleaned != term) {
        chat_ring_clean(r);
        r->cleaned = term;
    }

    return CHAT_OK;
}


/*
 * What a dead writer had marked but not published is at or above head; it
 * would come to life with our own first entry.
 */

static void
chat_ring_clean(chat_ring_t *r)
{
    unsigned            i;
    uint64_t            head;
    chat_ring_place_t  *place;

    head = chat_peek(&r->head);

    for (i = 0; i < CHAT_FEEDS * 2; i++) {
        place = &r->places[i / 2][i % 2];

        if (chat_peek(&place->pos) >= head) {
            chat_store(&place->pos, CHAT_RING_NOWHERE);
        }
    }
}


static void
chat_ring_mark(chat_ring_t *r, const chat_ring_record_t *rec)
{
    uint64_t            first, second;
    chat_ring_place_t  *place;

    first = chat_peek(&r->places[rec->partition][0].pos);
    second = chat_peek(&r->places[rec->partition][1].pos);

    /* the one that is in force must stay: NOWHERE + 1 is less than any */

    place = &r->places[rec->partition][first + 1 > second + 1];

    chat_poke(&place->pos, CHAT_RING_NOWHERE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    chat_poke(&place->ms, rec->ms);
    chat_poke(&place->seq, rec->seq);
    chat_poke(&place->epoch, rec->epoch);

    chat_store(&place->pos, rec->pos);
}


/*
 * The newest place as of *head, which is set.  CHAT_DECLINED: there is none,
 * or the writer is faster than we can look.
 */

static int
chat_ring_place(const chat_ring_t *r, unsigned partition, uint64_t *head,
    chat_ring_place_t *place)
{
    int  rc, tries;

    rc = CHAT_AGAIN;

    for (tries = 0; rc == CHAT_AGAIN && tries < CHAT_RING_TRIES; tries++) {
        rc = chat_ring_glance(r, partition, head, place);
    }

    return rc == CHAT_OK ? CHAT_OK : CHAT_DECLINED;
}


/*
 * Both places must have stood still while both were read: else the older one
 * might be taken for the newest.
 */

static int
chat_ring_glance(const chat_ring_t *r, unsigned partition, uint64_t *head,
    chat_ring_place_t *place)
{
    int                       i, found;
    chat_ring_place_t         copy[2];
    const chat_ring_place_t  *p;

    p = r->places[partition];

    *head = chat_load(&r->head);

    for (i = 0; i < 2; i++) {
        copy[i].pos = chat_load(&p[i].pos);
        copy[i].ms = chat_peek(&p[i].ms);
        copy[i].seq = chat_peek(&p[i].seq);
        copy[i].epoch = chat_peek(&p[i].epoch);
    }

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    found = -1;

    for (i = 0; i < 2; i++) {

        if (chat_peek(&p[i].pos) != copy[i].pos) {
            return CHAT_AGAIN;
        }

        if (copy[i].pos < *head
            && (found < 0 || copy[i].pos > copy[found].pos))
        {
            found = i;
        }
    }

    if (found < 0) {

        /* two entries since the head was read, or none ever */

        return chat_load(&r->head) == *head ? CHAT_DECLINED : CHAT_AGAIN;
    }

    *place = copy[found];

    return CHAT_OK;
}


uint64_t
chat_ring_head(const chat_ring_t *r)
{
    return chat_load(&r->head);
}


size_t
chat_ring_entry_max(const chat_ring_t *r)
{
    return r->size / 64;
}


int
chat_ring_read(const chat_ring_t *r, uint64_t *pos, unsigned char *buf,
    chat_ring_entry_t *e)
{
    uint64_t            head;
    chat_ring_record_t  rec;

    head = chat_load(&r->head);

    for ( ;; ) {

        if (*pos == head) {
            return CHAT_AGAIN;
        }

        if (*pos > head
            || chat_ring_fetch(r, *pos, &rec) != CHAT_OK)
        {
            break;
        }

        if (rec.kind != CHAT_RING_START) {
            chat_ring_copy_out(r, *pos + sizeof(chat_ring_record_t), buf,
                               rec.len);
            __atomic_thread_fence(__ATOMIC_ACQUIRE);

            if (chat_peek(&r->floor) > *pos
                || chat_ring_crc(&rec, buf) != rec.crc)
            {
                break;
            }
        }

        *pos += chat_ring_align(sizeof(chat_ring_record_t) + rec.len);

        if (rec.kind == CHAT_RING_START) {
            continue;
        }

        e->kind = rec.kind;
        e->epoch = rec.epoch;
        e->partition = rec.partition;
        e->id.ms = rec.ms;
        e->id.seq = rec.seq;
        e->header.data = buf;
        e->header.len = rec.header;
        e->body.data = buf + rec.header;
        e->body.len = rec.len - rec.header;

        return CHAT_OK;
    }

    *pos = chat_load(&r->head);

    return CHAT_DECLINED;
}


/* Copies the fixed part of the entry at pos; CHAT_DECLINED: it is gone. */

static int
chat_ring_fetch(const chat_ring_t *r, uint64_t pos, chat_ring_record_t *rec)
{
    if (chat_load(&r->floor) > pos) {
        return CHAT_DECLINED;
    }

    chat_ring_copy_out(r, pos, rec, sizeof(chat_ring_record_t));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    if (chat_peek(&r->floor) > pos
        || rec->pos != pos
        || rec->len > chat_ring_entry_max(r) - sizeof(chat_ring_record_t)
        || rec->header > rec->len
        || rec->partition >= CHAT_FEEDS)
    {
        return CHAT_DECLINED;
    }

    return CHAT_OK;
}


static uint32_t
chat_ring_crc(const chat_ring_record_t *rec, const void *payload)
{
    chat_ring_record_t  copy;

    copy = *rec;
    copy.crc = 0;

    return chat_crc32c(chat_crc32c(0, &copy, sizeof(chat_ring_record_t)),
                       payload, rec->len);
}


/*
 * Nothing newer: from the head on.  Else from the oldest one that is newer,
 * if the chain leads surely to it: an entry or a start at or before `id`.
 */

int
chat_ring_find(const chat_ring_t *r, unsigned partition, const chat_id_t *id,
    unsigned max, uint64_t *pos)
{
    uint32_t            epoch;
    uint64_t            head, at, newer;
    chat_id_t           found;
    chat_ring_place_t   place;
    chat_ring_record_t  rec;

    /* the epoch is read first: an older one than the head's fails below */

    epoch = chat_load(&r->epoch);

    if (chat_ring_place(r, partition, &head, &place) != CHAT_OK
        || place.epoch != epoch)
    {
        return CHAT_DECLINED;
    }

    newer = head;
    at = place.pos;

    found.ms = place.ms;
    found.seq = place.seq;

    if (chat_id_cmp(&found, id) <= 0) {
        *pos = head;
        return CHAT_OK;
    }

    while (at && max--) {

        if (chat_ring_fetch(r, at, &rec) != CHAT_OK
            || rec.partition != partition
            || rec.epoch != epoch)
        {
            return CHAT_DECLINED;
        }

        found.ms = rec.ms;
        found.seq = rec.seq;

        if (chat_id_cmp(&found, id) <= 0) {
            *pos = newer;
            return CHAT_OK;
        }

        if (rec.kind == CHAT_RING_START) {
            return CHAT_DECLINED;
        }

        newer = at;
        at = rec.prev;
    }

    return CHAT_DECLINED;
}


int
chat_ring_last(const chat_ring_t *r, unsigned partition, chat_id_t *id)
{
    uint32_t           epoch;
    uint64_t           head;
    chat_ring_place_t  place;

    id->ms = 0;
    id->seq = 0;

    epoch = chat_load(&r->epoch);

    if (chat_ring_place(r, partition, &head, &place) != CHAT_OK
        || place.epoch != epoch)
    {
        return CHAT_DECLINED;
    }

    id->ms = place.ms;
    id->seq = place.seq;

    return CHAT_OK;
}


int
chat_ring_start(chat_ring_t *r, uint32_t term, unsigned partition,
    const chat_id_t *id)
{
    chat_ring_record_t  rec;

    static const chat_str_t  none = chat_null_string;

    memset(&rec, 0, sizeof(chat_ring_record_t));

    rec.kind = CHAT_RING_START;
    rec.partition = partition;
    rec.ms = id->ms;
    rec.seq = id->seq;

    return chat_ring_put(r, term, &rec, &none, &none);
}


uint32_t
chat_ring_epoch(const chat_ring_t *r)
{
    return chat_load(&r->epoch);
}


int
chat_ring_set_epoch(chat_ring_t *r, uint32_t term, uint32_t epoch)
{
    int                 rc;
    chat_ring_record_t  rec;

    static const chat_str_t  none = chat_null_string;

    memset(&rec, 0, sizeof(chat_ring_record_t));

    rec.kind = CHAT_RING_EPOCH;
    rec.ms = epoch;
    rec.epoch = epoch;

    /* a writer that dies in between leaves an epoch to be set once more */

    rc = chat_ring_put(r, term, &rec, &none, &none);

    if (rc == CHAT_OK) {
        chat_store(&r->epoch, epoch);
    }

    return rc;
}


uint32_t
chat_ring_new_term(chat_ring_t *r)
{
    return __atomic_add_fetch(&r->term, 1, __ATOMIC_SEQ_CST);
}


static void
chat_ring_copy_in(chat_ring_t *r, uint64_t pos, const void *src, size_t n)
{
    size_t  at, part;

    at = pos & (r->size - 1);
    part = r->size - at < n ? r->size - at : n;

    if (part) {
        memcpy(r->data + at, src, part);
    }

    if (n > part) {
        memcpy(r->data, (const unsigned char *) src + part, n - part);
    }
}


static void
chat_ring_copy_out(const chat_ring_t *r, uint64_t pos, void *dst, size_t n)
{
    size_t  at, part;

    at = pos & (r->size - 1);
    part = r->size - at < n ? r->size - at : n;

    if (part) {
        memcpy(dst, r->data + at, part);
    }

    if (n > part) {
        memcpy((unsigned char *) dst + part, r->data, n - part);
    }
}
