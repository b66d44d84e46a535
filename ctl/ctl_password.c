
#include <errno.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#include "ctl_password.h"


#define CTL_PASSWORD_MIN  8


static int ctl_password_line(FILE *f, ctl_password_t *pw);
static int ctl_password_ask(FILE *tty, const char *prompt,
    ctl_password_t *pw);
static int ctl_password_tty(ctl_password_t *pw);


int
ctl_password_read(ctl_t *ctl, ctl_password_t *pw)
{
    int  rc;

    memset(pw, 0, sizeof(ctl_password_t));

    if (ctl->opt.stdin_password) {
        rc = ctl_password_line(stdin, pw);
        if (rc != CTL_OK) {
            return ctl_error("no password on standard input");
        }

    } else if (ctl_password_tty(pw) != CTL_OK) {
        return CTL_FAILED;
    }

    if (pw->len < CTL_PASSWORD_MIN) {
        return ctl_error("a password has at least %d characters",
                         CTL_PASSWORD_MIN);
    }

    return CTL_OK;
}


int
ctl_password_hash(ctl_t *ctl, ctl_password_t *pw, chat_str_t *hash)
{
    int    rc;
    char  *p;

    p = chat_mem_alloc(ctl->mem, crypto_pwhash_STRBYTES);
    if (p == NULL) {
        return ctl_error("out of memory");
    }

    rc = crypto_pwhash_str(p, pw->text, pw->len, CHAT_PWHASH_OPS,
                           CHAT_PWHASH_MEMORY);
    ctl_password_forget(pw);

    if (rc != 0) {
        return ctl_error("argon2id: out of memory");
    }

    *hash = ctl_str(p);

    return CTL_OK;
}


void
ctl_password_forget(ctl_password_t *pw)
{
    sodium_memzero(pw, sizeof(ctl_password_t));
}


static int
ctl_password_tty(ctl_password_t *pw)
{
    int              rc;
    FILE            *tty;
    ctl_password_t   again;

    tty = fopen("/dev/tty", "r+");
    if (tty == NULL) {
        return ctl_error("no terminal to ask for the password: "
                         "use --password-stdin");
    }

    rc = ctl_password_ask(tty, "Password: ", pw);

    if (rc == CTL_OK) {
        rc = ctl_password_ask(tty, "Again: ", &again);

        if (rc == CTL_OK && strcmp(pw->text, again.text) != 0) {
            rc = ctl_error("the two differ");
        }

        ctl_password_forget(&again);
    }

    fclose(tty);

    return rc;
}


static int
ctl_password_ask(FILE *tty, const char *prompt, ctl_password_t *pw)
{
    int             rc;
    struct termios  was, quiet;

    if (tcgetattr(fileno(tty), &was) != 0) {
        return ctl_error("the terminal: %s", strerror(errno));
    }

    quiet = was;
    quiet.c_lflag &= ~(tcflag_t) ECHO;

    fputs(prompt, tty);
    fflush(tty);

    if (tcsetattr(fileno(tty), TCSAFLUSH, &quiet) != 0) {
        return ctl_error("the terminal: %s", strerror(errno));
    }

    rc = ctl_password_line(tty, pw);

    (void) tcsetattr(fileno(tty), TCSAFLUSH, &was);
    fputs("\n", tty);

    return rc == CTL_OK ? CTL_OK : ctl_error("no password given");
}


static int
ctl_password_line(FILE *f, ctl_password_t *pw)
{
    if (fgets(pw->text, sizeof(pw->text), f) == NULL) {
        return CTL_FAILED;
    }

    pw->len = strcspn(pw->text, "\r\n");
    pw->text[pw->len] = '\0';

    return CTL_OK;
}
