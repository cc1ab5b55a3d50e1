/* replay.c - feeds files, or all files of folders, to a fuzz target: the corpus as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static unsigned replayed;

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) {
        perror(path);
        return 1;
    }
    size_t n = (size_t)ftell(f);
    uint8_t *bytes = malloc(n ? n : 1);
    rewind(f);
    int failed = !bytes || fread(bytes, 1, n, f) != n;
    if (!failed)
        LLVMFuzzerTestOneInput(bytes, n);
    replayed += !failed;
    free(bytes);
    fclose(f);
    return failed;
}

static int replay(const char *path)
{
    DIR *d = opendir(path);
    int failed = 0;
    if (!d)
        return replay_file(path);
    for (struct dirent *e; (e = readdir(d));) {
        char name[4096];
        if (e->d_name[0] == '.' || strcmp(e->d_name, "meson.build") == 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        failed |= replay_file(name);
    }
    closedir(d);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%u inputs replayed\n", replayed);
    return failed || replayed == 0;
}
