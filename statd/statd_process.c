
/*
 * The daemon as a process: in the background, stopped by a signal, and what
 * it says.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "statd.h"


volatile sig_atomic_t  statd_stop;


static void statd_on_signal(int sig);


int
statd_daemon(const statd_conf_t *conf)
{
    int    fd;
    pid_t  pid;

    fd = open(conf->log ? conf->log : "/dev/null",
              O_WRONLY | O_APPEND | O_CREAT, 0640);
    if (fd < 0) {
        statd_log("cannot open %s: %s", conf->log, strerror(errno));
        return CHAT_ERROR;
    }

    pid = fork();
    if (pid < 0) {
        statd_log("fork: %s", strerror(errno));
        return CHAT_ERROR;
    }

    if (pid > 0) {
        _exit(0);
    }

    (void) setsid();

    if (statd_pid(conf) != CHAT_OK) {
        return CHAT_ERROR;
    }

    (void) dup2(fd, STDERR_FILENO);
    (void) dup2(fd, STDOUT_FILENO);
    close(fd);

    fd = open("/dev/null", O_RDONLY);
    if (fd >= 0) {
        (void) dup2(fd, STDIN_FILENO);
        close(fd);
    }

    return CHAT_OK;
}


int
statd_pid(const statd_conf_t *conf)
{
    FILE  *f;

    if (conf->pid == NULL) {
        return CHAT_OK;
    }

    f = fopen(conf->pid, "w");

    if (f == NULL || fprintf(f, "%ld\n", (long) getpid()) < 0
        || fclose(f) != 0)
    {
        statd_log("cannot write %s: %s", conf->pid, strerror(errno));
        return CHAT_ERROR;
    }

    return CHAT_OK;
}


void
statd_signals(void)
{
    struct sigaction  sa;

    memset(&sa, 0, sizeof(struct sigaction));
    sa.sa_handler = statd_on_signal;
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGQUIT, &sa, NULL);

    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
}


static void
statd_on_signal(int sig)
{
    statd_stop = 1;
}


void
statd_log(const char *fmt, ...)
{
    char             when[32];
    time_t           t;
    va_list          args;
    struct tm        tm;

    t = time(NULL);
    gmtime_r(&t, &tm);

    if (strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        when[0] = '\0';
    }

    fprintf(stderr, "chat-statd: %s ", when);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}


void
statd_sleep(unsigned ms)
{
    struct timespec  ts;

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = (long) (ms % 1000) * 1000000;

    /* a signal ends it early, which is what we want */
    (void) nanosleep(&ts, NULL);
}


uint64_t
statd_monotonic_ms(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
