
/*
 * A log entry: the same thing in three places.
 *
 *   stream  XADD <log> * h <header> b <body>
 *   header  "<event> <seq> <sender> <owner> <wait> <start> <route> <dialog>"
 *   route   "<account>:<site>:<visitor>"
 *   list    "<id> <event> <seq> <sender> <owner> <wait> <start>", body
 *   ring    header and body, beside the id and the partition
 *
 * Absent numbers are 0, absent texts "-".  The body is msgpack by the event's
 * descriptor.  Numbers are decimal, one space between fields.
 */

#ifndef _CHAT_EVENT_H_INCLUDED_
#define _CHAT_EVENT_H_INCLUDED_


#include "chat.h"
#include "chat_json.h"
#include "gen/chat_schema.h"


typedef struct {
    chat_id_t        id;
    int              event;      /* chat_event_e; unknown ones are kept */
    uint64_t         seq;        /* among the dialog's public events, or 0 */
    chat_str_t       sender;     /* "<instance>:<n>", empty: no client */
    uint64_t         owner;      /* operator who owns the dialog after it;
                                    closed, released: who had it, or 0 */
    uint64_t         wait_ms;    /* message of an operator: since when the
                                    visitor waited; taken: since queued */
    uint64_t         start_ms;   /* only at an episode's first human answer:
                                    when the episode began */
    uint64_t         account;    /* the four below: not in list form */
    uint64_t         site;
    chat_str_t       visitor;
    chat_str_t       dialog;
    chat_str_t       body;
} chat_entry_t;

#define CHAT_HEADER_MAX      256

/* Slices of *e point into header and body.  CHAT_ERROR: malformed. */
int chat_entry_parse(const chat_str_t *header, const chat_str_t *body,
    chat_entry_t *e);
int chat_entry_parse_listed(const chat_str_t *facts, const chat_str_t *body,
    chat_entry_t *e);

/*
 * Writes the header; needs CHAT_HEADER_MAX bytes; returns the end.  NULL: a
 * text does not fit the form (a blank in it; sender over 60 bytes,
 * visitor over 22, dialog over 16).
 */
unsigned char *chat_entry_header(unsigned char *p, const chat_entry_t *e);

/*
 * The frame clients see, {"t":"event",...}, ended by nothing.  `cursor` is
 * printed as given; `view` (may be NULL) is an already encoded dialog_view.
 * JSON is rendered once per audience and shared.  Same idiom as
 * chat_json_encode().  0: the event is unknown, has no dialog or its body is
 * damaged, the caller skips it.  An event_view (elements of history and
 * welcome) is the same without t and cursor: chat_entry_view().
 */
size_t chat_entry_frame(const chat_entry_t *e, const chat_str_t *cursor,
    const chat_str_t *view, unsigned char *dst, size_t size);
size_t chat_entry_view(const chat_entry_t *e, unsigned char *dst,
    size_t size);

/* Durable? who may see it? -- from the generated table; NULL if unknown. */
const chat_event_def_t *chat_event_def(int event);


/* {"t":"<name>",...} for any frame struct of the schema. */
size_t chat_frame_encode(int frame, const void *in, unsigned char *dst,
    size_t size);

/*
 * A client's frame: finds "t", then decodes STRICT by that command's
 * descriptor into *out (a union big enough for all commands).  CHAT_OK, or
 * CHAT_ERROR with *error one of CHAT_E_BAD_JSON, _BAD_FIELD,
 * _UNKNOWN_COMMAND, _INTERNAL (no memory) and *fault filled.  If the frame
 * had a readable "n" it is stored in *n (else 0), so that the refusal can
 * name it.
 */
int chat_command_decode(const chat_str_t *text, int *command,
    chat_command_t *out, chat_mem_t *mem, int *error, chat_fault_t *fault,
    uint64_t *n);


#endif /* _CHAT_EVENT_H_INCLUDED_ */
