
/*
 * WebSocket frames to write, masking, and the shapes of codes and keys.
 */

#include "chat_ws.h"


#define CHAT_WS_FIN     0x80
#define CHAT_WS_RSV1    0x40
#define CHAT_WS_MASKED  0x80


unsigned char *
chat_ws_header(unsigned char *p, int opcode, int rsv1, uint64_t len)
{
    int  shift;

    *p++ = CHAT_WS_FIN | (rsv1 ? CHAT_WS_RSV1 : 0) | opcode;

    if (len < 126) {
        *p++ = len;
        return p;
    }

    if (len < 65536) {
        *p++ = 126;
        *p++ = len >> 8;
        *p++ = len & 0xff;
        return p;
    }

    *p++ = 127;

    for (shift = 56; shift >= 0; shift -= 8) {
        *p++ = (len >> shift) & 0xff;
    }

    return p;
}


unsigned char *
chat_ws_header_masked(unsigned char *p, int opcode, int rsv1, uint64_t len,
    const unsigned char mask[4])
{
    unsigned char  *end;

    end = chat_ws_header(p, opcode, rsv1, len);
    p[1] |= CHAT_WS_MASKED;

    memcpy(end, mask, 4);

    return end + 4;
}


void
chat_ws_mask(unsigned char *p, size_t n, const unsigned char mask[4],
    size_t offset)
{
    size_t         i;
    uint64_t       word, wide;
    unsigned char  turned[8];

    for (i = 0; i < 8; i++) {
        turned[i] = mask[(offset + i) & 3];
    }

    memcpy(&wide, turned, 8);

    for (i = 0; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        word ^= wide;
        memcpy(p + i, &word, 8);
    }

    for (/* void */; i < n; i++) {
        p[i] ^= turned[i & 7];
    }
}


int
chat_ws_code_valid(unsigned code)
{
    if (code >= 3000 && code <= 4999) {
        return 1;
    }

    /* 1004 is reserved; 1005, 1006 and 1015 only ever exist locally */

    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}


int
chat_ws_key_valid(const chat_str_t *key)
{
    size_t         i;
    unsigned char  c;

    if (key->len != 24 || key->data[22] != '=' || key->data[23] != '=') {
        return CHAT_ERROR;
    }

    for (i = 0; i < 22; i++) {
        c = key->data[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9') || c == '+' || c == '/'))
        {
            return CHAT_ERROR;
        }
    }

    return CHAT_OK;
}
