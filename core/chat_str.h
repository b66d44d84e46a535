
/*
 * Slices: comparison, numbers, hex, base64url, UTF-8.
 */

#ifndef _CHAT_STR_H_INCLUDED_
#define _CHAT_STR_H_INCLUDED_


#include "chat.h"


int chat_str_eq(const chat_str_t *a, const chat_str_t *b);
int chat_str_eq_c(const chat_str_t *a, const char *text);

/* Constant time in the contents; unequal lengths answer 0 at once. */
int chat_str_eq_secret(const chat_str_t *a, const chat_str_t *b);

/*
 * Cuts what stands before the first `end` off, and that; without one, all of
 * it.
 */
void chat_str_cut(chat_str_t *rest, unsigned char end, chat_str_t *word);

/*
 * Strict decimal: digits only, no sign, no leading zero except "0", no
 * overflow.  CHAT_ERROR otherwise; *out is then unchanged.
 */
int chat_str_u64(const chat_str_t *s, uint64_t *out);

/* Writes decimal digits, returns the end.  Needs up to 20 bytes. */
unsigned char *chat_u64_print(unsigned char *p, uint64_t v);

/* "<ms>-<seq>": strict; up to 41 bytes. */
int chat_id_parse(const chat_str_t *s, chat_id_t *id);
unsigned char *chat_id_print(unsigned char *p, const chat_id_t *id);
int chat_id_cmp(const chat_id_t *a, const chat_id_t *b);

/* Hex of n bytes, lower case; the parser is strict about case and length. */
unsigned char *chat_hex_print(unsigned char *p, const void *src, size_t n);
int chat_hex_parse(const chat_str_t *s, void *dst, size_t n);

/* base64url without padding (RFC 4648, 5). */
size_t chat_b64_len(size_t n);
unsigned char *chat_b64_print(unsigned char *p, const void *src, size_t n);
int chat_b64_parse(const chat_str_t *s, void *dst, size_t n);

/*
 * UTF-8 (RFC 3629): no overlongs, surrogates, nothing above U+10FFFF.
 * Returns the number of characters, or -1.
 */
int64_t chat_utf8_length(const chat_str_t *s);

/*
 * Incremental form for streams: *state starts at 0 (CHAT_UTF8_ACCEPT).
 * CHAT_ERROR as soon as a byte cannot belong to valid text.  The text is
 * complete iff the state is back at 0.
 */
#define CHAT_UTF8_ACCEPT  0

int chat_utf8_feed(uint32_t *state, const unsigned char *p, size_t n);


#endif /* _CHAT_STR_H_INCLUDED_ */
