/* output.c - standard output, standard error and the line that says what is being loaded. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static char buffer[65536];
static size_t used;
static int failure; /* errno of the first failed write */

/* The line is made at open; the timer's handler only adds the seconds. */
static char progress[128];
static volatile sig_atomic_t progress_seconds;

static void stop_progress(void)
{
    struct itimerval off = {0};
    setitimer(ITIMER_REAL, &off, NULL);
    if (progress_seconds > 0)
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    progress_seconds = 0;
}

static void on_second(int signal_number)
{
    (void)signal_number;
    int saved = errno;
    char digits[16];
    size_t at = sizeof digits;
    unsigned seconds = (unsigned)(progress_seconds = progress_seconds + 1);
    digits[--at] = 's';
    digits[--at] = ' ';
    do
        digits[--at] = (char)('0' + seconds % 10);
    while (seconds /= 10);
    (void)!write(STDERR_FILENO, progress, strlen(progress));
    (void)!write(STDERR_FILENO, digits + at, sizeof digits - at);
    errno = saved;
}

static void on_interrupt(int signal_number)
{
    _exit(128 + signal_number);
}

static void start_progress(const tn_snapshot *s)
{
    signal(SIGINT, on_interrupt);
    if (!isatty(STDERR_FILENO))
        return;
    snprintf(progress, sizeof progress, "\rloading %u objects, %.1f MiB, ", (unsigned)tn_snapshot_n_objects(s),
             (double)tn_snapshot_file_bytes(s) / 1048576.0);
    struct sigaction action = {.sa_handler = on_second, .sa_flags = SA_RESTART};
    struct itimerval each = {{1, 0}, {1, 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each, NULL);
}

void cli_say(const char *format, ...)
{
    stop_progress();
    va_list args;
    va_start(args, format);
    fputs("tonnage: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

int cli_fail(const char *file, const tn_error *err)
{
    if (failure) /* the sink refused; cli_finish says why */
        return CLI_UNREADABLE;
    const char *force = strstr(err->message, "or force to");
    if (force)
        cli_say("%.*sor --%s", (int)(force - err->message), err->message, force + strlen("or "));
    else if (!file || err->status == TN_EINVAL || strstr(err->message, file))
        cli_say("%s", err->message);
    else
        cli_say("%s: %s", file, err->message);
    return tn_status_exit_code(err->status);
}

static bool flush(void)
{
    size_t done = 0;
    while (!failure && done < used) {
        ssize_t n = write(STDOUT_FILENO, buffer + done, used - done);
        if (n < 0 && errno != EINTR)
            failure = errno;
        done += n > 0 ? (size_t)n : 0;
    }
    used = 0;
    return failure == 0;
}

static bool sink_write(void *ctx, const char *text, size_t n)
{
    (void)ctx;
    stop_progress();
    while (n > 0 && !failure) {
        size_t room = sizeof buffer - used, now = n < room ? n : room;
        memcpy(buffer + used, text, now);
        used += now;
        text += now;
        n -= now;
        if (used == sizeof buffer)
            flush();
    }
    return failure == 0;
}

tn_sink cli_sink(void)
{
    return (tn_sink){.write = sink_write};
}

void cli_print(const char *text)
{
    sink_write(NULL, text, strlen(text));
}

bool cli_is_input(const cli_options *options)
{
    struct stat in, out;
    if (!options->output || stat(options->file, &in) != 0 || stat(options->output, &out) != 0 ||
        in.st_ino != out.st_ino || in.st_dev != out.st_dev)
        return false;
    cli_say("%s is the file that is read: choose another name behind -o", options->output);
    return true;
}

/* A reader that went away (head, a pager) has what it wanted: no message, no failure. */
int cli_finish(int code)
{
    stop_progress();
    flush();
    if (!failure && close(STDOUT_FILENO) < 0 && errno != EINTR)
        failure = errno;
    if (failure == EPIPE)
        return code == CLI_UNREADABLE ? CLI_OK : code;
    if (failure) {
        cli_say("cannot write to standard output: %s", strerror(failure));
        return CLI_UNREADABLE;
    }
    return code;
}

int cli_open(const cli_options *options, bool partial, tn_snapshot **out)
{
    tn_error err = {0};
    tn_open_options how = {.max_memory_bytes = options->max_memory_bytes, .partial = partial};
    int status = tn_snapshot_open(options->file, &how, out, &err);
    if (status < 0)
        return cli_fail(options->file, &err);
    cli_hint_samples(options, *out);
    start_progress(*out);
    return CLI_OK;
}
