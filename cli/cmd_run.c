/* cmd_run.c - tonnage run …, sample …, config … and what else is written in Python: hands over to `python -m tonnage …` of
 * a Python that has the package.
 *
 * Candidates: --python PATH alone; else python3 and python beside this command, then on PATH. Each must import tonnage;
 * those that cannot are asked what they are (python/tonnage/_interpreter.py, built in).
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <interpreter_question.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char tried[1024];

static char what[512]; /* the first of them that says it is not supported is … */
static char which[PATH_MAX];

/* Runs python -c CODE. Returns its exit code, -1 without one; its output, cut at cap, if out is given. */
static int ask(const char *python, const char *code, char *out, size_t cap)
{
    char *const words[] = {(char *)(uintptr_t)python, "-c", (char *)(uintptr_t)code, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status, ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    for (int fd = 0; fd <= 2; fd++)
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", fd ? O_WRONLY : O_RDONLY, 0);
    if (out)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    int failed = posix_spawnp(&child, python, &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    size_t n = 0;
    for (ssize_t got = 1; !failed && out && n + 1 < cap && got != 0;) {
        got = read(ends[0], out + n, cap - 1 - n);
        if (got < 0 && errno != EINTR)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    close(ends[0]);
    if (out)
        out[n] = '\0';
    while (!failed && waitpid(child, &status, 0) < 0)
        failed = errno != EINTR;
    return !failed && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool try_python(const char *python)
{
    size_t n = strlen(tried);
    if (ask(python, "import tonnage", NULL, 0) == 0)
        return true;
    snprintf(tried + n, sizeof tried - n, "%s%s", n ? ", " : "", python);
    if (!what[0] && ask(python, INTERPRETER_QUESTION, what, sizeof what) == CLI_UNSUPPORTED)
        snprintf(which, sizeof which, "%s", python);
    else if (!which[0])
        what[0] = '\0';
    what[strcspn(what, "\n")] = '\0';
    return false;
}

/* The folder of the file that runs, symbolic links resolved: bin/ of the environment it was installed in. */
static bool beside(const char *name, char *out, size_t cap)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return false;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return snprintf(out, cap, "%s/%s", path, name) < (int)cap && access(out, X_OK) == 0;
}

static const char *find_python(char *path, size_t cap)
{
    static const char *const names[] = {"python3", "python"};
    for (int i = 0; i < 2; i++)
        if (beside(names[i], path, cap) && try_python(path))
            return path;
    for (int i = 0; i < 2; i++)
        if (try_python(names[i]))
            return names[i];
    return NULL;
}

/* given, or the one that is found; NULL if it cannot import tonnage. TONNAGE=1 is not for those that are only tried. */
static const char *look(const char *given, char *path, size_t cap)
{
    const char *set = getenv("TONNAGE");
    char *kept = set ? strdup(set) : NULL;
    const char *found;
    unsetenv("TONNAGE");
    if (given)
        found = try_python(given) ? given : NULL;
    else
        found = find_python(path, cap);
    if (kept)
        setenv("TONNAGE", kept, 1);
    free(kept);
    return found;
}

static int exec_python(const char *python, const char *verb, int n, char **words)
{
    char **all = calloc((size_t)n + 5, sizeof *all);
    if (!all) {
        cli_say("out of memory");
        return CLI_UNREADABLE;
    }
    static char dash_m[] = "-m", package[] = "tonnage";
    all[0] = (char *)(uintptr_t)python;
    all[1] = dash_m;
    all[2] = package;
    all[3] = (char *)(uintptr_t)verb;
    for (int i = 0; i < n; i++)
        all[4 + i] = words[i];
    if (strcmp(verb, "report") == 0) { /* as main() does for what this process reads itself */
        setenv("MALLOC_MMAP_MAX_", "0", 0);
        setenv("MALLOC_TRIM_THRESHOLD_", "2147483647", 0);
    }
    execvp(python, all);
    cli_say("%s: cannot start %s: %s", verb, python, strerror(errno));
    free(all);
    return CLI_NO_TARGET;
}

static void help(bool samples)
{
    if (samples)
        cli_print("usage: tonnage sample [--python PATH] [options] script.py args | -m module | -c code | -\n\n"
                  "Runs a Python program, samples where its time goes, and writes that when it ends, by `PATH -m\n"
                  "tonnage sample`. tonnage profile FILE shows it.\n");
    else
        cli_print("usage: tonnage run [--python PATH] [options] script.py args | -m module | -c code | -\n\n"
                  "Runs a Python program and writes a snapshot of it when it ends, and others meanwhile if told to, by "
                  "`PATH -m\n"
                  "tonnage run`.\n");
    cli_print(
        "Without --python it is the python3 or python beside this command, then the one on PATH; it must be able to\n"
        "import tonnage. All other options are those of `python -m tonnage ");
    cli_print(samples ? "sample --help`.\n\nexamples:\n"
                        "  tonnage sample -o app.tonnage app.py --serve\n"
                        "  tonnage sample --clock real --interval 5ms --duration 30 -o app.tonnage -m app.worker\n"
                      : "run --help`.\n\nexamples:\n"
                        "  tonnage run -o app.tonnage app.py --serve\n"
                        "  tonnage run --every 5m --keep 6 --on-signal USR2 -o app.tonnage app.py --serve\n");
    cli_print("\n  --python PATH          the interpreter to run\n"
              "  --help                 this page\n");
}

int cmd_python(const char *verb, int n, char **words)
{
    char path[PATH_MAX];
    const char *python = NULL;
    bool samples = strcmp(verb, "sample") == 0;
    if (n > 0 && (samples || strcmp(verb, "run") == 0) &&
        (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)) {
        help(samples);
        return CLI_OK;
    }
    bool named = n > 0 && (strcmp(words[0], "--python") == 0 || strncmp(words[0], "--python=", 9) == 0);
    if (named) {
        bool equals = words[0][8] == '=';
        if (!equals && n < 2) {
            cli_say("%s: a path must follow --python; see tonnage %s --help", verb, samples ? verb : "run");
            return CLI_USAGE;
        }
        python = equals ? words[0] + 9 : words[1];
        n -= equals ? 1 : 2;
        words += equals ? 1 : 2;
    }
    python = look(python, path, sizeof path);
    if (!python && what[0]) {
        cli_say("%s: %s is %s", verb, which, what);
        return CLI_UNSUPPORTED;
    }
    if (!python) {
        cli_say("%s: no Python that can import tonnage (tried %s); install the package there, or name one with "
                "--python PATH",
                verb, tried[0] ? tried : "none");
        return CLI_NO_TARGET;
    }
    return exec_python(python, verb, n, words);
}
