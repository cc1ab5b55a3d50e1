/* fuzz_import.c - any bytes as a dump: what is made of them, if anything, is a snapshot in which everything holds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void check(const char *path)
{
    tn_snapshot *s;
    tn_error err = {0};
    if (tn_snapshot_open(path, NULL, &s, &err) < 0 || tn_snapshot_check(s, NULL, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
    tn_snapshot_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static const tn_import_options options = {.max_memory_bytes = 64 << 20};
    char dump[64], folder[] = "/tmp/fuzz-import-XXXXXX", out[64];
    int fd = memfd_create("dump", 0);
    if (fd < 0 || write(fd, bytes, n_bytes) != (ssize_t)n_bytes || !mkdtemp(folder))
        abort();
    snprintf(dump, sizeof dump, "/proc/self/fd/%d", fd);
    snprintf(out, sizeof out, "%s/out.tonnage", folder);
    if (tn_import(dump, out, &options, NULL, NULL) == TN_OK)
        check(out);
    close(fd);
    unlink(out);
    rmdir(folder);
    return 0;
}
