
/*
 * Visitor tokens and other signed texts.
 *
 *   v1.<kid>.<site>.<visitor>.<issued>.<expires>.<mac>
 *
 * kid and site decimal, visitor 22 base64url characters, times in seconds
 * UTC, mac = crypto_auth (HMAC-SHA-512-256, 43 base64url characters) over
 * everything before the last dot, with a key derived per site
 * (crypto_kdf_derive_from_key, context "chatvis1", subkey = site).
 */

#ifndef _CHAT_TOKEN_H_INCLUDED_
#define _CHAT_TOKEN_H_INCLUDED_


#include "chat.h"


#define CHAT_KEY_BYTES      32
#define CHAT_KEYS_MAX       4
#define CHAT_TOKEN_MAX      200
#define CHAT_VISITOR_LEN    22
#define CHAT_DIALOG_LEN     16

/* Signing keys of the store, newest first; old ones verify until retired. */
typedef struct {
    uint32_t         kid;
    unsigned char    key[CHAT_KEY_BYTES];
} chat_key_t;

typedef struct {
    uint32_t         n;
    chat_key_t       keys[CHAT_KEYS_MAX];
} chat_keys_t;

typedef struct {
    uint64_t         site;
    unsigned char    visitor[CHAT_VISITOR_LEN];
    uint64_t         issued;       /* seconds */
    uint64_t         expires;
} chat_token_t;


/* Signs with keys[0]; needs CHAT_TOKEN_MAX bytes; returns the end. */
unsigned char *chat_token_print(unsigned char *p, const chat_token_t *t,
    const chat_keys_t *keys);

/*
 * CHAT_OK; CHAT_DECLINED: expired, of another site, or of an unknown key;
 * CHAT_ERROR: not a token or a wrong mac (compared in constant time).
 */
int chat_token_verify(const chat_str_t *text, uint64_t site,
    uint64_t now_s, const chat_keys_t *keys, chat_token_t *t);

/* Ids from random bytes given by the host. */
void chat_visitor_print(unsigned char out[CHAT_VISITOR_LEN],
    const unsigned char rnd[16]);
void chat_dialog_id_print(unsigned char out[CHAT_DIALOG_LEN],
    uint64_t now_ms, uint32_t rnd);

/* Shape only: length and alphabet. */
int chat_visitor_valid(const chat_str_t *s);
int chat_dialog_id_valid(const chat_str_t *s);
int chat_instance_valid(const chat_str_t *s);    /* 8..32 of [A-Za-z0-9_-] */


#endif /* _CHAT_TOKEN_H_INCLUDED_ */
