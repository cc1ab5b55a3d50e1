/* draw.c - a picture into a file: DOT as it is, everything else through the command dot of Graphviz.
 *
 * The file is written under another name beside it, and gets its own when it is whole.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What the name ends in, or NULL. */
static const char *format_of(const char *path)
{
    static const char *const formats[] = {"dot", "gv", "svg", "png", "pdf", "ps", "eps", "jpg"};
    const char *slash = strrchr(path, '/'), *end = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; end && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(end + 1, formats[i]) == 0)
            return formats[i];
    return NULL;
}

static bool is_text(const char *format)
{
    return strcmp(format, "dot") == 0 || strcmp(format, "gv") == 0;
}

static int say_failed(const char *path, int failed)
{
    if (failed == EEXIST) {
        cli_say("graph: %s exists: choose another name, or --force to replace it", path);
        return tn_status_exit_code(TN_EEXIST);
    }
    cli_say("graph: cannot write %s: %s", path, strerror(failed));
    return CLI_UNREADABLE;
}

int cli_can_draw(const cli_options *options)
{
    if (options->view.form == TN_JSON) {
        cli_say("graph: --json goes to standard output, not to -o");
        return CLI_USAGE;
    }
    if (!format_of(options->output)) {
        cli_say("graph: -o takes a name that ends in .dot, .svg, .png, .pdf, .ps, .eps or .jpg, not \"%s\"",
                options->output);
        return CLI_USAGE;
    }
    bool exists = !options->force && faccessat(AT_FDCWD, options->output, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return exists ? say_failed(options->output, EEXIST) : CLI_OK; /* before the work; its name asks again */
}

/* ---- the text ---- */

static bool keep(void *ctx, const char *text, size_t n)
{
    return fwrite(text, 1, n, ctx) == n;
}

static int text_of(const tn_picture *picture, char **text, size_t *n)
{
    tn_error err = {0};
    FILE *memory = open_memstream(text, n);
    int status = memory ? tn_picture_dot(picture, &(tn_sink){keep, memory}, &err) : TN_ENOMEM;
    if (memory && fclose(memory) != 0 && status == TN_OK)
        status = TN_ENOMEM;
    if (status < 0)
        cli_say("graph: %s", *err.message ? err.message : "out of memory");
    return status < 0 ? tn_status_exit_code(status) : CLI_OK;
}

static int write_all(int fd, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, text, n);
        if (done < 0 && errno != EINTR)
            return errno;
        text += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
    return 0;
}

/* ---- Graphviz ---- */

static int start(const char *format, int in, int out, pid_t *child)
{
    char option[16];
    char *const words[] = {"dot", option, NULL};
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    snprintf(option, sizeof option, "-T%s", format);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    failed = posix_spawnp(child, "dot", &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static int needs_graphviz(const char *path, int failed)
{
    if (failed == ENOENT)
        cli_say("graph: %s needs the command dot of Graphviz, which is not here; a name ending in .dot needs nothing",
                path);
    else
        cli_say("graph: the command dot cannot be run: %s", strerror(failed));
    return CLI_NO_TARGET;
}

/* dot reads all before it writes: the text goes in first, then its end is waited for. */
static int run_dot(const char *path, const char *format, const char *text, size_t n, int out)
{
    int ends[2], status = 0;
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        cli_say("graph: %s", strerror(errno));
        return CLI_UNREADABLE;
    }
    int failed = start(format, ends[0], out, &child);
    close(ends[0]);
    if (failed) {
        close(ends[1]);
        return needs_graphviz(path, failed);
    }
    write_all(ends[1], text, n);
    close(ends[1]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    struct stat made;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && fstat(out, &made) == 0 && made.st_size > 0)
        return CLI_OK;
    cli_say("graph: dot failed to draw %s", path);
    return CLI_UNREADABLE;
}

/* ---- the file ---- */

static int fill(const char *path, const char *text, size_t n, int fd)
{
    const char *format = format_of(path);
    if (!is_text(format))
        return run_dot(path, format, text, n, fd);
    int failed = write_all(fd, text, n);
    return failed ? say_failed(path, failed) : CLI_OK;
}

/* Without force what came to stand under the name meanwhile stays. */
static int give_name(const char *part, const char *path, bool force)
{
    if (force)
        return rename(part, path);
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS) /* not in this file system */
        return -1;
    return link(part, path) == 0 ? unlink(part) : -1;
}

static int write_file(const char *path, const char *text, size_t n, bool force)
{
    char part[PATH_MAX];
    int length = snprintf(part, sizeof part, "%s.%d.part", path, (int)getpid());
    int fd = length < (int)sizeof part ? open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return say_failed(path, length < (int)sizeof part ? errno : ENAMETOOLONG);
    int code = fill(path, text, n, fd);
    int failed = close(fd) != 0 || (code == CLI_OK && give_name(part, path, force) != 0) ? errno : 0;
    if (code == CLI_OK && failed)
        code = say_failed(path, failed);
    if (code != CLI_OK)
        unlink(part);
    return code;
}

int cli_draw(const cli_options *options, const tn_picture *picture)
{
    char *text = NULL, line[PATH_MAX + 64];
    size_t n = 0;
    tn_picture_about about;
    int code = text_of(picture, &text, &n);
    if (code == CLI_OK)
        code = write_file(options->output, text, n, options->force);
    free(text);
    tn_picture_tell(picture, &about);
    snprintf(line, sizeof line, "Graph written to %s (%u node%s)\n", options->output, (unsigned)about.n_nodes,
             about.n_nodes == 1 ? "" : "s");
    if (code == CLI_OK)
        cli_print(line);
    return code;
}
