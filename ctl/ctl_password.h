
/*
 * Passwords come from a terminal (asked twice, not shown) or, with
 * --password-stdin, as one line of standard input; never from argv, which
 * everybody on the machine can read.
 */

#ifndef _CTL_PASSWORD_H_INCLUDED_
#define _CTL_PASSWORD_H_INCLUDED_


#include "chatctl.h"


typedef struct {
    size_t           len;
    char             text[512];
} ctl_password_t;


/* CTL_OK, or CTL_FAILED, told. */
int ctl_password_read(ctl_t *ctl, ctl_password_t *pw);

/* argon2id string into the arena; forgets the password in any case. */
int ctl_password_hash(ctl_t *ctl, ctl_password_t *pw, chat_str_t *hash);

void ctl_password_forget(ctl_password_t *pw);


#endif /* _CTL_PASSWORD_H_INCLUDED_ */
