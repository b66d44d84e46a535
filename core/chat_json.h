
/*
 * One descriptor per type for both directions and both encodings: JSON (on
 * yajl) for clients, msgpack (on msgpack-c) for bodies in the log.  Tables
 * are generated from schema/ (core/gen/chat_schema.[ch]).
 *
 * In a C struct a field is, by kind:
 *   BOOL   unsigned char
 *   INT    int64_t      JSON number; values beyond 2^53 are refused
 *   U64    uint64_t     JSON string of digits
 *   ENUM   int          value's number (the names are in sub.names)
 *   STR    chat_str_t   UTF-8; min/max count characters
 *   OBJ    struct embedded by value
 *   LIST   chat_list_t  elements of struct type sub.type, in the arena
 *   RAW    chat_str_t   a JSON object as it is: encoded verbatim, decoded as
 *                       a slice of the text; JSON only
 * The first member of every generated struct is `uint64_t has`: bit i is set
 * iff field i of the table is present.
 */

#ifndef _CHAT_JSON_H_INCLUDED_
#define _CHAT_JSON_H_INCLUDED_


#include "chat.h"
#include "chat_mem.h"


typedef enum {
    CHAT_KIND_BOOL = 0,
    CHAT_KIND_INT,
    CHAT_KIND_U64,
    CHAT_KIND_ENUM,
    CHAT_KIND_STR,
    CHAT_KIND_OBJ,
    CHAT_KIND_LIST,
    CHAT_KIND_RAW
} chat_kind_e;

#define CHAT_FIELD_REQUIRED  0x01
#define CHAT_FIELD_SECRET    0x02     /* masked in logs */

/* 2^53: beyond it JSON's numbers are not exact everywhere. */
#define CHAT_INT_MAX         INT64_C(9007199254740992)

/* Privacy class: how long a value may live (ARCHITECTURE 4). */
typedef enum {
    CHAT_PRIVACY_NONE = 0,
    CHAT_PRIVACY_CONTACT,
    CHAT_PRIVACY_CONTENT,
    CHAT_PRIVACY_NETWORK
} chat_privacy_e;

typedef struct chat_type_s  chat_type_t;

typedef struct {
    chat_str_t               name;
    int                      number;   /* key in msgpack bodies, > 0 */
    chat_kind_e              kind;
    unsigned                 flags;
    chat_privacy_e           privacy;
    size_t                   offset;
    int64_t                  min;      /* of value, characters or elements */
    int64_t                  max;
    const chat_type_t       *type;     /* OBJ, LIST */
    const char *const       *names;    /* ENUM: by value, NULL-terminated;
                                          "" marks an unused number */
} chat_field_t;

struct chat_type_s {
    const char              *name;
    size_t                   size;     /* of the C struct */
    const chat_field_t      *fields;
    unsigned                 n;        /* <= 63 */
};

typedef struct {
    void                    *elts;     /* n structs of type->size bytes */
    size_t                   n;
} chat_list_t;

typedef enum {
    CHAT_FAULT_SYNTAX = 1,             /* not one JSON object or msgpack map */
    CHAT_FAULT_FIELD,                  /* it is, but a field is wrong */
    CHAT_FAULT_MEMORY                  /* the arena is too small */
} chat_fault_e;

/* What was wrong with an input, to be told to whoever sent it. */
typedef struct {
    chat_fault_e             kind;
    const char              *what;     /* static text: "unknown field" ... */
    char                     field[64];  /* dotted path, "" at top level;
                                          UTF-8, cut if longer */
    size_t                   offset;   /* byte in the input where the token
                                          stands; not JSON, or msgpack:
                                          where reading stopped */
} chat_fault_t;

#define CHAT_JSON_STRICT     0         /* unknown fields are faults */
#define CHAT_JSON_LAX        1         /* unknown fields are skipped */
#define CHAT_JSON_TAGGED     2         /* or-ed: a frame or command, "t" at
                                          the top is not a field */

#define CHAT_JSON_DEPTH      8


/*
 * Decodes one JSON object into *out (zeroed first).  Strings point into the
 * text where they have no escapes, else into the arena.  STRICT refuses:
 * unknown or duplicate field, wrong type, bad UTF-8, depth over
 * CHAT_JSON_DEPTH, a required field missing, values out of range, anything
 * after the object.  CHAT_OK or CHAT_ERROR with *fault filled.
 */
int chat_json_decode(const chat_type_t *type, const chat_str_t *text,
    void *out, chat_mem_t *mem, unsigned mode, chat_fault_t *fault);

/*
 * Encodes present fields in table order.  Returns the length needed; writes
 * at most `size` bytes (nginx's size-then-write idiom).  `dst` may be NULL
 * with size 0.
 */
size_t chat_json_encode(const chat_type_t *type, const void *in,
    unsigned char *dst, size_t size);

/* The same with SECRET values as "***", for logs. */
size_t chat_json_encode_masked(const chat_type_t *type, const void *in,
    unsigned char *dst, size_t size);

/* A JSON string with quotes; same idiom.  Invalid UTF-8 becomes U+FFFD. */
size_t chat_json_quote(const chat_str_t *s, unsigned char *dst, size_t size);

/*
 * msgpack: a map {field number: value}.  Readers skip unknown numbers
 * (newer writers), so fields may be added at any time.  Same idioms, same
 * faults.
 */
size_t chat_body_encode(const chat_type_t *type, const void *in,
    unsigned char *dst, size_t size);
int chat_body_decode(const chat_type_t *type, const chat_str_t *body,
    void *out, chat_mem_t *mem, chat_fault_t *fault);

/* Presence: index i is the generated CHAT_F_<TYPE>_<FIELD>. */
#define chat_has(s, i)       (((s)->has >> (i)) & 1)
#define chat_set(s, i)       ((s)->has |= (uint64_t) 1 << (i))


#endif /* _CHAT_JSON_H_INCLUDED_ */
