
/*
 * Runs a fuzz target over its corpus, t/fuzz/corpus/NAME, as a test: every
 * file whole, and every beginning of it (a copy of exactly that size, so
 * that reading beyond the end shows under ASan).
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdint.h>
#include <string.h>


#define INPUT_MAX  (256 * 1024)
#define CUTS       2000


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
run(const uint8_t *data, size_t size)
{
    uint8_t  *copy;

    copy = malloc(size ? size : 1);

    if (copy == NULL) {
        abort();
    }

    memcpy(copy, data, size);
    (void) LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}


static int
replay(const char *path)
{
    FILE           *file;
    size_t          size, cut, step;
    static uint8_t  data[INPUT_MAX];

    file = fopen(path, "rb");

    if (file == NULL) {
        return -1;
    }

    size = fread(data, 1, sizeof(data), file);
    (void) fclose(file);

    step = size / CUTS + 1;

    for (cut = 0; cut < size; cut += step) {
        run(data, cut);
    }

    run(data, size);

    return 0;
}


int
main(int argc, char **argv)
{
    int             n, failed;
    DIR            *dir;
    char            path[4096];
    const char     *name;
    struct dirent  *entry;

    name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];

    (void) snprintf(path, sizeof(path), "t/fuzz/corpus/%s", name);
    dir = opendir(path);

    if (dir == NULL) {
        printf("1..1\nnot ok 1 - no %s\n", path);
        return 1;
    }

    n = 0;
    failed = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        (void) snprintf(path, sizeof(path), "t/fuzz/corpus/%s/%s", name,
                        entry->d_name);

        if (replay(path) == 0) {
            printf("ok %d - %s\n", ++n, entry->d_name);

        } else {
            printf("not ok %d - %s\n", ++n, entry->d_name);
            failed = 1;
        }

        (void) fflush(stdout);
    }

    (void) closedir(dir);
    printf("1..%d\n", n);

    return failed || n == 0;
}
