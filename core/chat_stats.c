
/*
 * Statistics: a table of what each event adds.
 */

#include "chat_stats.h"
#include "chat_hist.h"
#include "chat_str.h"


/* What a rule adds, and whether it does at all. */
typedef enum {
    CHAT_STAT_ONE = 0,           /* 1 */
    CHAT_STAT_ONE_IF_START,      /* 1, at an episode's first human answer */
    CHAT_STAT_SINCE_START,       /* ms since the episode's start, if there */
    CHAT_STAT_SINCE_WAIT         /* ms since the wait began, if there */
} chat_stat_value_e;

typedef struct {
    int                event;
    int                author;   /* chat_actor_kind_e, 0 = any */
    int                stat;
    chat_stat_value_e  value;
} chat_stat_rule_t;

/* The people behind an entry. */
typedef struct {
    int                author;
    uint64_t           operator_id;
} chat_stat_who_t;


static int chat_stats_value(const chat_stat_rule_t *rule,
    const chat_entry_t *e, uint64_t *value);
static size_t chat_stats_rows(const chat_stat_rule_t *rule,
    const chat_entry_t *e, uint64_t operator_id, uint64_t value,
    chat_stat_delta_t *out);
static void chat_stats_who(const chat_entry_t *e, chat_stat_who_t *who);


static const chat_stat_rule_t  chat_stat_rules[] = {

    { CHAT_EV_DIALOG_OPENED, 0, CHAT_STAT_REQUESTS, CHAT_STAT_ONE },

    { CHAT_EV_DIALOG_REOPENED, 0, CHAT_STAT_REQUESTS, CHAT_STAT_ONE },
    { CHAT_EV_DIALOG_REOPENED, 0, CHAT_STAT_REOPENED, CHAT_STAT_ONE },

    { CHAT_EV_MESSAGE_POSTED, CHAT_ACTOR_KIND_VISITOR,
      CHAT_STAT_MESSAGES_VISITOR, CHAT_STAT_ONE },

    { CHAT_EV_MESSAGE_POSTED, CHAT_ACTOR_KIND_OPERATOR,
      CHAT_STAT_MESSAGES_OPERATOR, CHAT_STAT_ONE },
    { CHAT_EV_MESSAGE_POSTED, CHAT_ACTOR_KIND_OPERATOR,
      CHAT_STAT_ANSWERED, CHAT_STAT_ONE_IF_START },
    { CHAT_EV_MESSAGE_POSTED, CHAT_ACTOR_KIND_OPERATOR,
      CHAT_STAT_FIRST_RESPONSE, CHAT_STAT_SINCE_START },
    { CHAT_EV_MESSAGE_POSTED, CHAT_ACTOR_KIND_OPERATOR,
      CHAT_STAT_RESPONSE, CHAT_STAT_SINCE_WAIT },

    { CHAT_EV_DIALOG_TAKEN, 0, CHAT_STAT_TAKEN, CHAT_STAT_ONE },
    { CHAT_EV_DIALOG_TAKEN, 0, CHAT_STAT_QUEUE_WAIT, CHAT_STAT_SINCE_WAIT },

    { CHAT_EV_DIALOG_CLOSED, 0, CHAT_STAT_CLOSED, CHAT_STAT_ONE },

    { CHAT_EV_DIALOG_RELEASED, 0, CHAT_STAT_RELEASED, CHAT_STAT_ONE },
};

#define CHAT_STAT_RULES  (sizeof(chat_stat_rules) / sizeof(chat_stat_rules[0]))


size_t
chat_stats_fold(const chat_entry_t *e, chat_stat_delta_t *out)
{
    size_t                   i, n;
    uint64_t                 value;
    chat_stat_who_t          who;
    const chat_stat_rule_t  *rule;

    n = 0;
    chat_stats_who(e, &who);

    for (i = 0; i < CHAT_STAT_RULES; i++) {
        rule = &chat_stat_rules[i];

        if (rule->event != e->event
            || (rule->author && rule->author != who.author)
            || !chat_stats_value(rule, e, &value))
        {
            continue;
        }

        n += chat_stats_rows(rule, e, 0, value, &out[n]);

        if (who.operator_id
            && (chat_stats[rule->stat].dims & CHAT_DIM_OPERATOR))
        {
            n += chat_stats_rows(rule, e, who.operator_id, value, &out[n]);
        }
    }

    return n;
}


/* 0: the rule does not apply. */

static int
chat_stats_value(const chat_stat_rule_t *rule, const chat_entry_t *e,
    uint64_t *value)
{
    uint64_t  since;

    *value = 1;

    switch (rule->value) {

    case CHAT_STAT_ONE_IF_START:
        return e->start_ms != 0;

    case CHAT_STAT_SINCE_START:
        since = e->start_ms;
        break;

    case CHAT_STAT_SINCE_WAIT:
        since = e->wait_ms;
        break;

    default: /* CHAT_STAT_ONE */
        return 1;
    }

    if (since == 0) {
        return 0;
    }

    *value = (e->id.ms > since) ? e->id.ms - since : 0;

    return 1;
}


static size_t
chat_stats_rows(const chat_stat_rule_t *rule, const chat_entry_t *e,
    uint64_t operator_id, uint64_t value, chat_stat_delta_t *out)
{
    out->stat = rule->stat;
    out->account = e->account;
    out->site = e->site;
    out->operator_id = operator_id;
    out->bucket = e->id.ms / CHAT_STATS_BUCKET_MS;
    out->index = CHAT_STATS_COUNT;
    out->delta = value;

    if (!chat_stats[rule->stat].histogram) {
        return 1;
    }

    out[1] = out[0];
    out[1].index = chat_hist_index(value);
    out[1].delta = 1;

    return 2;
}


/* A message counts for who wrote it, anything else for whose dialog it is. */

static void
chat_stats_who(const chat_entry_t *e, chat_stat_who_t *who)
{
    chat_mem_t                mem;
    chat_fault_t              fault;
    chat_ev_message_posted_t  body;

    who->author = 0;
    who->operator_id = e->owner;

    if (e->event != CHAT_EV_MESSAGE_POSTED) {
        return;
    }

    chat_mem_init(&mem, NULL, 0, NULL, NULL, 0);

    if (chat_body_decode(&chat_ev_message_posted_type, &e->body, &body, &mem,
                         &fault)
        != CHAT_OK)
    {
        return;
    }

    who->author = body.from.kind;

    if (body.from.kind == CHAT_ACTOR_KIND_OPERATOR) {
        who->operator_id = body.from.id;
    }
}


unsigned char *
chat_stats_field_print(unsigned char *p, int stat, int index)
{
    const chat_str_t  *name;

    name = &chat_stats[stat].name;

    memcpy(p, name->data, name->len);
    p += name->len;

    if (index != CHAT_STATS_COUNT) {
        *p++ = ':';
        p = chat_u64_print(p, index);
    }

    return p;
}


int
chat_stats_field_parse(const chat_str_t *field, int *stat, int *index)
{
    int             i;
    uint64_t        v;
    chat_str_t      name, number;
    unsigned char  *colon;

    name = *field;
    *index = CHAT_STATS_COUNT;

    colon = field->len ? memchr(field->data, ':', field->len) : NULL;

    if (colon) {
        name.len = colon - field->data;
        number.data = colon + 1;
        number.len = field->data + field->len - number.data;

        if (chat_str_u64(&number, &v) != CHAT_OK || v >= CHAT_HIST_MAX) {
            return CHAT_DECLINED;
        }

        *index = v;
    }

    for (i = 1; i < CHAT_STAT_MAX; i++) {

        if (chat_str_eq(&name, &chat_stats[i].name)
            && (colon == NULL || chat_stats[i].histogram))
        {
            *stat = i;
            return CHAT_OK;
        }
    }

    return CHAT_DECLINED;
}
