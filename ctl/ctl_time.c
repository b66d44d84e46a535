
#include <time.h>

#include "chatctl.h"


int
ctl_time_parse(const char *text, uint64_t now_ms, uint64_t *ms)
{
    int          n;
    size_t       len;
    time_t       t;
    uint64_t     v, unit;
    struct tm    tm;
    chat_str_t   s;

    if (strcmp(text, "now") == 0) {
        *ms = now_ms;
        return CHAT_OK;
    }

    s = ctl_str(text);
    len = s.len;

    if (chat_str_u64(&s, &v) == CHAT_OK) {
        *ms = v;
        return CHAT_OK;
    }

    unit = len < 2 ? 0 : text[len - 1] == 'm' ? 60000
           : text[len - 1] == 'h' ? 3600000
           : text[len - 1] == 'd' ? 86400000 : 0;

    if (unit) {
        s.len--;

        if (chat_str_u64(&s, &v) != CHAT_OK || v > now_ms / unit) {
            return CHAT_ERROR;
        }

        *ms = now_ms - v * unit;
        return CHAT_OK;
    }

    memset(&tm, 0, sizeof(struct tm));
    n = 0;

    if (sscanf(text, "%4d-%2d-%2d%nT%2d:%2d%n:%2d%n", &tm.tm_year,
               &tm.tm_mon, &tm.tm_mday, &n, &tm.tm_hour, &tm.tm_min, &n,
               &tm.tm_sec, &n) < 3
        || (size_t) n != len || tm.tm_year < 1970 || tm.tm_mon < 1
        || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31
        || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
    {
        return CHAT_ERROR;
    }

    tm.tm_year -= 1900;
    tm.tm_mon--;

    t = timegm(&tm);
    if (t < 0) {
        return CHAT_ERROR;
    }

    *ms = (uint64_t) t * 1000;

    return CHAT_OK;
}


void
ctl_time_print(char *dst, uint64_t ms)
{
    time_t     t;
    struct tm  tm;

    t = (time_t) (ms / 1000);
    gmtime_r(&t, &tm);

    if (strftime(dst, 21, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        dst[0] = '\0';
    }
}
