
/*
 * Typed decoding, whatever the encoding: a front end (chat_json.c on yajl,
 * chat_body.c on msgpack-c) tells what it reads, one token a call and in
 * order; here it is matched with the descriptor, checked and stored.
 *
 * Every call returns CHAT_OK, or CHAT_ERROR with the fault filled: the front
 * end stops then.  `offset` is where the token stands in the input.
 */

#ifndef _CHAT_DECODE_H_INCLUDED_
#define _CHAT_DECODE_H_INCLUDED_


#include "chat_json.h"


typedef struct {
    const chat_type_t    *type;      /* object; NULL: list, or skipped */
    const chat_field_t   *field;     /* whose value comes; NULL: unknown */
    chat_list_t          *list;      /* list of objects */
    unsigned char        *base;      /* object's struct */
    size_t                cap;       /* list: room for elements */
    unsigned              tag:1;     /* object: "t" was seen */
} chat_decode_level_t;

typedef struct {
    const chat_type_t    *type;
    unsigned char        *out;
    chat_mem_t           *mem;
    chat_fault_t         *fault;
    unsigned              lax:1;
    unsigned              tagged:1;
    unsigned              binary:1;  /* enums are numbers, u64 are integers */
    unsigned              depth;
    unsigned              skip;      /* containers open inside a skipped or
                                        raw value */
    chat_str_t           *raw;       /* where the raw value goes */
    const unsigned char  *text;      /* JSON: the input, for raw values */
    size_t                raw_start;
    chat_decode_level_t   levels[CHAT_JSON_DEPTH];
} chat_decode_t;


/* `out` is zeroed. */
void chat_decode_init(chat_decode_t *d, const chat_type_t *type, void *out,
    chat_mem_t *mem, chat_fault_t *fault);

int chat_decode_map(chat_decode_t *d, size_t offset);
int chat_decode_list(chat_decode_t *d, size_t offset);

/* Of the innermost container; `last` is the offset after it. */
int chat_decode_end(chat_decode_t *d, size_t offset, size_t last);

/* Keys: names in JSON, numbers in bodies. */
int chat_decode_key(chat_decode_t *d, const chat_str_t *key, size_t offset);
int chat_decode_number_key(chat_decode_t *d, uint64_t number,
    size_t offset);

int chat_decode_bool(chat_decode_t *d, int v, size_t offset);
/* `negative`: the value is -v. */
int chat_decode_int(chat_decode_t *d, int negative, uint64_t v,
    size_t offset);
/* The slice is stored as it is: it must live as long as the result. */
int chat_decode_str(chat_decode_t *d, const chat_str_t *v, size_t offset);
/* Null, floats, binary: never right, but may be skipped. */
int chat_decode_other(chat_decode_t *d, size_t offset);

/* Is a value that comes now only skipped? */
int chat_decode_skips(const chat_decode_t *d);

/* Fills the fault with the path of the current field; CHAT_ERROR. */
int chat_decode_fail(chat_decode_t *d, chat_fault_e kind, const char *what,
    size_t offset);

/* The same about a key that is no field's: the path ends with it. */
int chat_decode_fail_at(chat_decode_t *d, chat_fault_e kind,
    const char *what, const chat_str_t *key, size_t offset);


#endif /* _CHAT_DECODE_H_INCLUDED_ */
