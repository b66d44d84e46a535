
/* Literals as slices. */

#ifndef _SLICE_H_INCLUDED_
#define _SLICE_H_INCLUDED_


#include "chat.h"


static inline chat_str_t
str(const char *text)
{
    chat_str_t  s;

    s.data = (unsigned char *) text;
    s.len = strlen(text);

    return s;
}


#endif /* _SLICE_H_INCLUDED_ */
