/* cmd_import.c - tonnage import DUMP -o OUT; a dump that gzip has packed is unpacked into a file without a name first. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { NAME_BYTES = 32 };

static bool is_packed(int fd)
{
    unsigned char first[2];
    return pread(fd, first, 2, 0) == 2 && first[0] == 0x1f && first[1] == 0x8b;
}

/* Whether gzip has read all of it, and found it whole. */
static int unpack(const char *file, int in, int out)
{
    char *const words[] = {"gzip", "-dc", NULL};
    posix_spawn_file_actions_t actions;
    int status = 0;
    pid_t child;
    int failed = posix_spawn_file_actions_init(&actions);
    if (!failed) {
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        failed = posix_spawnp(&child, "gzip", &actions, NULL, words, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    if (failed) {
        cli_say("%s: it is compressed, and gzip cannot be run: %s", file, strerror(failed));
        return CLI_NO_TARGET;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return CLI_OK;
    cli_say("%s: it is compressed, and gzip cannot unpack it", file);
    return CLI_UNREADABLE;
}

/* What is to be read, into name; *unpacked is to be closed, which removes it. */
static int find_dump(const char *file, char name[NAME_BYTES], const char **dump, FILE **unpacked)
{
    int code = CLI_OK, fd = strcmp(file, "-") ? open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    *dump = strcmp(file, "-") ? file : "/dev/stdin";
    *unpacked = NULL;
    if (fd >= 0 && is_packed(fd)) {
        *unpacked = tmpfile();
        if (*unpacked) {
            snprintf(name, NAME_BYTES, "/dev/fd/%d", fileno(*unpacked));
            *dump = name;
            code = unpack(file, fd, fileno(*unpacked));
        } else {
            cli_say("%s: no room to unpack it: %s", file, strerror(errno));
            code = CLI_UNREADABLE;
        }
    }
    if (fd >= 0)
        close(fd);
    return code;
}

static int import(const cli_options *options, const char *dump)
{
    tn_import_options how = {.max_memory_bytes = options->max_memory_bytes, .force = options->force};
    tn_import_info info;
    tn_error err = {0};
    char line[512], bytes[24];
    if (tn_import(dump, options->output, &how, &info, &err) < 0)
        return cli_fail(err.status == TN_EEXIST ? options->output : options->file, &err);
    tn_format_bytes(info.bytes, bytes, sizeof bytes);
    if (info.samples)
        snprintf(line, sizeof line, "%" PRIu64 " sample%s; threads, clock and times are not in such a dump\n",
                 info.samples, info.samples == 1 ? "" : "s");
    else if (!info.objects) /* what Meliae dumps has some */
        snprintf(line, sizeof line, "%" PRIu64 " traced block%s, %s; objects are not in such a dump\n", info.blocks,
                 info.blocks == 1 ? "" : "s", bytes);
    else
        snprintf(line, sizeof line,
                 "%" PRIu64 " object%s, %s; roots are unknown, and %" PRIu64
                 " reference%s to what is not in the dump\n",
                 info.objects, info.objects == 1 ? "" : "s", bytes, info.elsewhere,
                 info.elsewhere == 1 ? " leads" : "s lead");
    cli_print(line);
    return CLI_OK;
}

int cmd_import(const cli_options *options)
{
    char name[NAME_BYTES];
    const char *dump;
    FILE *unpacked;
    if (!options->output || strcmp(options->output, "-") == 0) {
        cli_say(options->output ? "import: a snapshot goes to a file: -o takes its name, not -"
                                : "import: -o OUT is missing; see tonnage import --help");
        return CLI_USAGE;
    }
    if (cli_is_input(options))
        return CLI_USAGE;
    int code = find_dump(options->file, name, &dump, &unpacked);
    if (code == CLI_OK)
        code = import(options, dump);
    if (unpacked)
        fclose(unpacked);
    return code;
}
