
/*
 * Log entries.  Input: a byte that chooses the form, then
 *
 *   even   header, a newline, body
 *   odd    facts as in a list, a newline, body
 *
 * What parses as a header prints as it was.  Whatever parses either gives no
 * frame or one that reads back: the log is never able to send a client
 * something that is not JSON.
 */

#include "codec.h"


#define MEMORY  (16 * 1024 * 1024)

#define check(expression)  do { if (!(expression)) { abort(); } } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
parse_header(const chat_str_t *in, chat_entry_t *e)
{
    chat_str_t      header, body;
    unsigned char   buf[CHAT_HEADER_MAX], *end;

    body = *in;
    chat_str_cut(&body, '\n', &header);

    if (chat_entry_parse(&header, &body, e) != CHAT_OK) {
        return CHAT_ERROR;
    }

    check(header.len <= CHAT_HEADER_MAX);

    end = chat_entry_header(buf, e);
    check(end);
    check((size_t) (end - buf) == header.len);
    check(memcmp(buf, header.data, header.len) == 0);

    return CHAT_OK;
}


static void
check_frame(const chat_entry_t *e, chat_mem_t *mem)
{
    chat_str_t          s, cursor;
    chat_fault_t        fault;
    chat_frame_event_t  f;

    cursor.data = (unsigned char *) "cursor";
    cursor.len = 6;

    s.len = chat_entry_frame(e, &cursor, NULL, NULL, 0);

    if (s.len == 0) {
        check(chat_entry_view(e, NULL, 0) == 0);
        return;
    }

    check(chat_event_def(e->event));
    check(chat_entry_view(e, NULL, 0) < s.len);

    s.data = chat_mem_nalloc(mem, s.len);
    check(s.data);
    check(chat_entry_frame(e, &cursor, NULL, s.data, s.len) == s.len);

    if (chat_json_decode(&chat_frame_event_type, &s, &f, mem,
                         CHAT_JSON_TAGGED, &fault)
        == CHAT_OK)
    {
        check(chat_has(&f, CHAT_F_FRAME_EVENT_BODY));

        /* U+FFFD takes the place of bytes that are no text */

        check(f.seq == e->seq || e->seq == 0);
        check(f.sender.len >= e->sender.len);

    } else {
        check(fault.kind == CHAT_FAULT_FIELD);
        check(strcmp(fault.field, "dialog") == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int            rc;
    chat_str_t     in, facts;
    chat_heap_t   *heap;
    chat_entry_t   e;

    if (size == 0) {
        return 0;
    }

    in.data = (unsigned char *) data + 1;
    in.len = size - 1;

    if (data[0] & 1) {
        chat_str_cut(&in, '\n', &facts);
        rc = chat_entry_parse_listed(&facts, &in, &e);

        if (rc == CHAT_OK) {
            e.dialog = (chat_str_t) chat_string("0123456789abcdef");
        }

    } else {
        rc = parse_header(&in, &e);
    }

    if (rc == CHAT_OK) {
        heap = chat_heap_create(MEMORY);
        check(heap);
        check_frame(&e, chat_heap_mem(heap));
        chat_heap_destroy(heap);
    }

    return 0;
}
