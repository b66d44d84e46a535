
#include "chat_ring_layout.h"
#include "chat_str.h"


#define CHAT_RING_MAGIC    0x676e697274616863ull     /* "chatring" */
#define CHAT_RING_VERSION  2


static int chat_ring_put(chat_ring_t *r, uint32_t term,
    chat_ring_record_t *rec, const chat_str_t *header,
    const chat_str_t *body);
static void chat_ring_room(chat_ring_t *r, uint64_t next);
static uint64_t chat_ring_lay(chat_ring_t *r, uint64_t pos,
    chat_ring_record_t *rec, const chat_str_t *header,
    const chat_str_t *body);
static int chat_ring_mine(chat_ring_t *r, uint32_t term);
static void chat_ring_clean(chat_ring_t *r);
static void chat_ring_mark(chat_ring_t *r, const chat_ring_record_t *rec);
static void chat_ring_copy_in(chat_ring_t *r, uint64_t pos, const void *src,
    size_t n);


int
chat_ring_init(chat_ring_t *r, size_t size)
{
    unsigned  i;

    if (size < CHAT_RING_MIN) {
        return CHAT_ERROR;
    }

    memset(r, 0, sizeof(chat_ring_t));

    r->version = CHAT_RING_VERSION;
    r->size = (size - sizeof(chat_ring_t)) & ~(uint64_t) 7;

    /* positions begin at size: 0 is no position, and no floor is negative */

    r->head = r->size;
    r->floor = r->size;

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
        || r->size % 8
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


static int
chat_ring_put(chat_ring_t *r, uint32_t term, chat_ring_record_t *rec,
    const chat_str_t *header, const chat_str_t *body)
{
    uint64_t           head;
    chat_ring_place_t  place;

    if (chat_ring_mine(r, term) != CHAT_OK) {
        return CHAT_DECLINED;
    }

    rec->epoch = chat_ring_epoch(r);

    if (rec->kind != CHAT_RING_EPHEMERAL
        && chat_ring_place(r, rec->partition, &head, &place) == CHAT_OK)
    {
        rec->prev = place.pos;
    }

    head = chat_peek(&r->head);

    chat_ring_room(r, head + chat_ring_align(sizeof(chat_ring_record_t)
                                             + header->len + body->len));

    chat_store(&r->head, chat_ring_lay(r, head, rec, header, body));

    return CHAT_OK;
}


/*
 * The order is what makes it safe.  Readers: floor is raised before anything
 * they might still copy is overwritten.  Death of the writer: nothing that
 * was laid counts before the one store to head, which follows it.
 */

static void
chat_ring_room(chat_ring_t *r, uint64_t next)
{
    if (next - r->size > chat_peek(&r->floor)) {
        chat_poke(&r->floor, next - r->size);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}


/* At or above head; returns where it ends. */

static uint64_t
chat_ring_lay(chat_ring_t *r, uint64_t pos, chat_ring_record_t *rec,
    const chat_str_t *header, const chat_str_t *body)
{
    uint32_t  crc;

    rec->pos = pos;
    rec->len = header->len + body->len;
    rec->header = header->len;

    rec->crc = 0;
    crc = chat_crc32c(0, rec, sizeof(chat_ring_record_t));
    crc = chat_crc32c(crc, header->data, header->len);
    rec->crc = chat_crc32c(crc, body->data, body->len);

    chat_ring_copy_in(r, pos, rec, sizeof(chat_ring_record_t));
    chat_ring_copy_in(r, pos + sizeof(chat_ring_record_t), header->data,
                      header->len);
    chat_ring_copy_in(r, pos + sizeof(chat_ring_record_t) + header->len,
                      body->data, body->len);

    if (rec->kind != CHAT_RING_EPHEMERAL && rec->kind != CHAT_RING_EPOCH) {
        chat_ring_mark(r, rec);
    }

    return pos + chat_ring_align(sizeof(chat_ring_record_t) + rec->len);
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


size_t
chat_ring_entry_max(const chat_ring_t *r)
{
    return r->size / 64;
}


/*
 * One store to head for all of it.  With two, whoever looked in between, or
 * whenever a writer died in between, would see an epoch without its feeds:
 * sessions would load their state then, and what was written until the feeds
 * are started would reach none of them.
 */

int
chat_ring_begin(chat_ring_t *r, uint32_t term, uint32_t epoch,
    const chat_id_t *const *feeds)
{
    unsigned            i;
    uint64_t            head, next;
    chat_ring_record_t  rec;

    static const chat_str_t  none = chat_null_string;

    if (chat_ring_mine(r, term) != CHAT_OK) {
        return CHAT_DECLINED;
    }

    head = chat_peek(&r->head);
    next = head + sizeof(chat_ring_record_t);

    for (i = 0; i < CHAT_FEEDS; i++) {

        if (feeds[i]) {
            next += sizeof(chat_ring_record_t);

        } else if (chat_ring_epoch(r) != epoch) {
            return CHAT_ERROR;
        }
    }

    chat_ring_room(r, next);

    memset(&rec, 0, sizeof(chat_ring_record_t));

    rec.kind = CHAT_RING_EPOCH;
    rec.ms = epoch;
    rec.epoch = epoch;

    next = chat_ring_lay(r, head, &rec, &none, &none);

    /* no prev: a start cuts the chain, what was before it may not join up */

    rec.kind = CHAT_RING_START;

    for (i = 0; i < CHAT_FEEDS; i++) {

        if (feeds[i]) {
            rec.partition = i;
            rec.ms = feeds[i]->ms;
            rec.seq = feeds[i]->seq;

            next = chat_ring_lay(r, next, &rec, &none, &none);
        }
    }

    chat_store(&r->head, next);

    return CHAT_OK;
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

    at = pos % r->size;
    part = r->size - at < n ? r->size - at : n;

    if (part) {
        memcpy(r->data + at, src, part);
    }

    if (n > part) {
        memcpy(r->data, (const unsigned char *) src + part, n - part);
    }
}
