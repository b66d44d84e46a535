
#include "chat_ring_layout.h"
#include "chat_str.h"


/* Looks at a place that moves on meanwhile. */
#define CHAT_RING_TRIES  100


static int chat_ring_glance(const chat_ring_t *r, unsigned partition,
    uint64_t *head, chat_ring_place_t *place);
static int chat_ring_fetch(const chat_ring_t *r, uint64_t pos,
    chat_ring_record_t *rec);
static uint32_t chat_ring_crc(const chat_ring_record_t *rec,
    const void *payload);
static void chat_ring_copy_out(const chat_ring_t *r, uint64_t pos, void *dst,
    size_t n);


int
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


int
chat_ring_read(const chat_ring_t *r, uint64_t *pos, unsigned char *buf,
    chat_ring_entry_t *e)
{
    uint64_t            head;
    chat_ring_record_t  rec;

    head = chat_load(&r->head);

    if (*pos == head) {
        return CHAT_AGAIN;
    }

    if (*pos > head || chat_ring_fetch(r, *pos, &rec) != CHAT_OK) {
        goto lapped;
    }

    chat_ring_copy_out(r, *pos + sizeof(chat_ring_record_t), buf, rec.len);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    if (chat_peek(&r->floor) > *pos || chat_ring_crc(&rec, buf) != rec.crc) {
        goto lapped;
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

    *pos += chat_ring_align(sizeof(chat_ring_record_t) + rec.len);

    return CHAT_OK;

lapped:

    *pos = chat_load(&r->head);

    return CHAT_DECLINED;
}


int
chat_ring_skip(const chat_ring_t *r, unsigned partition, uint64_t *pos)
{
    uint64_t            head;
    chat_ring_record_t  rec;

    head = chat_load(&r->head);

    while (*pos < head) {

        if (chat_ring_fetch(r, *pos, &rec) != CHAT_OK) {
            *pos = chat_load(&r->head);
            return CHAT_DECLINED;
        }

        if (rec.kind == CHAT_RING_LOG && rec.partition == partition) {
            return CHAT_OK;
        }

        *pos += chat_ring_align(sizeof(chat_ring_record_t) + rec.len);
    }

    return CHAT_AGAIN;
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
    uint64_t            head, at, newer;
    chat_id_t           found;
    chat_ring_place_t   place;
    chat_ring_record_t  rec;

    if (chat_ring_place(r, partition, &head, &place) != CHAT_OK) {
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
            || rec.epoch != place.epoch)
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
    uint64_t           head;
    chat_ring_place_t  place;

    id->ms = 0;
    id->seq = 0;

    if (chat_ring_place(r, partition, &head, &place) != CHAT_OK) {
        return CHAT_DECLINED;
    }

    id->ms = place.ms;
    id->seq = place.seq;

    return CHAT_OK;
}


int
chat_ring_before(const chat_ring_t *r, unsigned partition, uint64_t pos,
    unsigned max, chat_id_t *id)
{
    uint64_t            head, at;
    chat_ring_place_t   place;
    chat_ring_record_t  rec;

    id->ms = 0;
    id->seq = 0;

    if (chat_ring_place(r, partition, &head, &place) != CHAT_OK) {
        return CHAT_DECLINED;
    }

    if (place.pos < pos) {
        id->ms = place.ms;
        id->seq = place.seq;
        return CHAT_OK;
    }

    for (at = place.pos; at && max--; at = rec.prev) {

        if (chat_ring_fetch(r, at, &rec) != CHAT_OK
            || rec.partition != partition
            || rec.epoch != place.epoch)
        {
            return CHAT_DECLINED;
        }

        if (at < pos || rec.kind == CHAT_RING_START) {
            id->ms = rec.ms;
            id->seq = rec.seq;
            return CHAT_OK;
        }
    }

    return CHAT_DECLINED;
}


uint32_t
chat_ring_epoch(const chat_ring_t *r)
{
    uint64_t  pos;

    return chat_ring_join(r, &pos);
}


/*
 * The epoch of any feed's place as of a head is that of the ring as of it:
 * had it a word of its own, one of the two would be seen without the other.
 * The global feed moves least.
 */

uint32_t
chat_ring_join(const chat_ring_t *r, uint64_t *pos)
{
    int                rc;
    chat_ring_place_t  place;

    do {
        rc = chat_ring_glance(r, CHAT_PARTITION_GLOBAL, pos, &place);
    } while (rc == CHAT_AGAIN);

    return rc == CHAT_OK ? place.epoch : 0;
}


static void
chat_ring_copy_out(const chat_ring_t *r, uint64_t pos, void *dst, size_t n)
{
    size_t  at, part;

    at = pos % r->size;
    part = r->size - at < n ? r->size - at : n;

    if (part) {
        memcpy(dst, r->data + at, part);
    }

    if (n > part) {
        memcpy((unsigned char *) dst + part, r->data, n - part);
    }
}
