
/*
 * LD_PRELOAD for redis-server in tests: each fsync and fdatasync takes as
 * many milliseconds more as the file $SLOW_FSYNC_FILE says, read each time.
 * With a slow disk Redis holds its append-only buffer in memory: what was
 * acknowledged is then lost at kill -9.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


static void
slow_down(void)
{
    FILE             *f;
    long              ms;
    const char       *name;
    struct timespec   ts;

    name = getenv("SLOW_FSYNC_FILE");
    if (name == NULL) {
        return;
    }

    f = fopen(name, "r");
    if (f == NULL) {
        return;
    }

    if (fscanf(f, "%ld", &ms) != 1 || ms < 0) {
        ms = 0;
    }

    fclose(f);

    ts.tv_sec = ms / 1000;
    ts.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&ts, NULL);
}


__attribute__((visibility("default"))) int
fsync(int fd)
{
    int  (*real)(int);

    real = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    slow_down();

    return real(fd);
}


__attribute__((visibility("default"))) int
fdatasync(int fd)
{
    int  (*real)(int);

    real = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    slow_down();

    return real(fd);
}
