
/*
 * Options of programs: one table says how an option is spelled, where its
 * value goes and what --help prints.
 */

#ifndef _CHAT_OPT_H_INCLUDED_
#define _CHAT_OPT_H_INCLUDED_


#include "chat.h"


typedef enum {
    CHAT_OPT_FLAG = 0,           /* int: set to 1 */
    CHAT_OPT_TEXT,               /* const char * */
    CHAT_OPT_U64,                /* uint64_t, strictly decimal */
    CHAT_OPT_LIST                /* chat_opt_list_t: may be repeated */
} chat_opt_e;

#define CHAT_OPT_LIST_MAX  32

typedef struct {
    unsigned         n;
    const char      *elts[CHAT_OPT_LIST_MAX];
} chat_opt_list_t;

/* Tables end with a NULL name and have at most 64 options. */
typedef struct {
    const char      *name;       /* without dashes */
    chat_opt_e       kind;
    size_t           offset;     /* in the program's struct */
    const char      *arg;        /* what help calls the value */
    const char      *help;
} chat_opt_t;


/*
 * Parses "--name value" and "--name=value" anywhere in argv[0..argc); "--"
 * ends options.  Other words are moved to the front of argv in their order;
 * their number is returned, *seen has bit i for option i of the table.  -1:
 * `error` (of `size` bytes) says what is wrong.
 */
int chat_opt_parse(const chat_opt_t *table, int argc, char **argv, void *out,
    uint64_t *seen, char *error, size_t size);

/* Index of an option, -1 if there is none. */
int chat_opt_find(const chat_opt_t *table, const char *name, size_t len);

/*
 * Help lines of the options in `mask`; size-then-write idiom, no terminating
 * zero.
 */
size_t chat_opt_help(const chat_opt_t *table, uint64_t mask, char *dst,
    size_t size);


#endif /* _CHAT_OPT_H_INCLUDED_ */
