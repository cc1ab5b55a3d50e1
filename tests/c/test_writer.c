/* test_writer.c - a snapshot stands under its name whole, or not at all. */
#include "suite.h"

#include "exercise.h"
#include "failing.h"
#include "sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* ---- calls that fail when told to (linked with --wrap) ---- */

static long calls_until_failure = -1;
static int failure_code;
static bool short_writes;
static bool no_nameless, no_proc; /* O_TMPFILE is not known; /proc is not there */
static long n_mallocs;

static bool fails(void)
{
    if (calls_until_failure < 0 || calls_until_failure-- > 0)
        return false;
    calls_until_failure = -1;
    errno = failure_code;
    return true;
}

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
    return fails() ? -1 : __real_write(fd, bytes, short_writes && n > 3 ? n / 2 : n);
}

int __real_open64(const char *name, int flags, ...);
int __wrap_open64(const char *name, int flags, ...);
int __wrap_open64(const char *name, int flags, ...)
{
    if (no_nameless && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open64(name, flags, 0600);
}

int __real_stat64(const char *name, struct stat64 *st);
int __wrap_stat64(const char *name, struct stat64 *st);
int __wrap_stat64(const char *name, struct stat64 *st)
{
    if (no_proc && strncmp(name, "/proc/", 6) == 0) {
        errno = ENOENT;
        return -1;
    }
    return __real_stat64(name, st);
}

int __real_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags);
int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
    return fails() ? -1 : __real_linkat(from_fd, from, to_fd, to, flags);
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
    n_mallocs++;
    return __real_malloc(n);
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n)
{
    n_mallocs++;
    return __real_realloc(p, n);
}

void *__real_calloc(size_t n, size_t each);
void *__wrap_calloc(size_t n, size_t each);
void *__wrap_calloc(size_t n, size_t each)
{
    n_mallocs++;
    return __real_calloc(n, each);
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fails() ? -1 : __real_fsync(fd);
}

int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    return fails() ? -1 : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    return fails() ? -1 : __real_rename(from, to);
}

/* ---- a folder ---- */

static char folder[] = "/tmp/tonnage-writer-XXXXXX";
static char path[64];

static unsigned files(void)
{
    DIR *d = opendir(folder);
    unsigned n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/a.tonnage", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    calls_until_failure = -1;
    short_writes = no_nameless = no_proc = false;
    unlink(path);
    return 0;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int write_sample(bool force, const tn_alloc *alloc, tn_error *err)
{
    tn_writer *w = NULL;
    TN_TRY(tn_writer_open(path, force, 1, alloc, &w, err));
    int status = sample_put(w, err);
    if (status == 0)
        return tn_writer_commit(w, err);
    tn_writer_abort(w);
    return status;
}

static void expect_sound(void)
{
    tn_snapshot *s;
    assert_int_equal(tn_snapshot_open(path, NULL, &s, NULL), 0);
    assert_int_equal(exercise(s), 0);
    tn_snapshot_close(s);
}

/* ---- tests ---- */

static void a_snapshot_is_private_and_alone(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(write_sample(false, &tn__alloc_pages, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(files(), 1);
    expect_sound();
}

static void nothing_stands_under_the_name_before_commit(void **state)
{
    (void)state;
    tn_writer *w;
    assert_int_equal(tn_writer_open(path, false, 1, &tn__alloc_libc, &w, NULL), 0);
    assert_int_equal(sample_put(w, NULL), 0);
    assert_int_equal(files(), 0);
    tn_writer_abort(w);
    tn_writer_abort(NULL);
    assert_int_equal(files(), 0);
}

/* The name of the only file, which ends so. */
static void expect_file_ending(const char *end)
{
    DIR *d = opendir(folder);
    unsigned n = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        n++;
        if (length < strlen(end) || strcmp(entry->d_name + length - strlen(end), end) != 0)
            fail_msg("%s does not end with %s", entry->d_name, end);
    }
    closedir(d);
    assert_int_equal(n, 1);
}

static void a_temporary_name_tells_the_process(void **state)
{
    (void)state;
    char end[64];
    tn_writer *w;
    snprintf(end, sizeof end, "a.tonnage.%d.0.part", (int)getpid());
    for (unsigned i = 0; i < 2; i++) {
        no_nameless = i == 0;
        no_proc = i == 1;
        assert_int_equal(tn_writer_open(path, false, 1, &tn__alloc_libc, &w, NULL), 0);
        expect_file_ending(end);
        assert_int_equal(sample_put(w, NULL), 0);
        assert_int_equal(tn_writer_commit(w, NULL), 0);
        expect_file_ending("a.tonnage");
        expect_sound();
        unlink(path);
    }
}

static void relative_paths_are_served(void **state)
{
    (void)state;
    char before[4096], absolute[sizeof path];
    assert_non_null(getcwd(before, sizeof before));
    memcpy(absolute, path, sizeof path);
    assert_int_equal(chdir(folder), 0);
    snprintf(path, sizeof path, "a.tonnage");
    assert_int_equal(write_sample(false, &tn__alloc_pages, NULL), 0);
    assert_int_equal(write_sample(true, &tn__alloc_pages, NULL), 0);
    expect_sound();
    assert_int_equal(chdir(before), 0);
    memcpy(path, absolute, sizeof path);
    assert_int_equal(files(), 1);
}

/* A table and a column that compress; the path is replaced. */
static int write_numbers(const tn_alloc *alloc, tn_error *err)
{
    static uint32_t numbers[50000];
    tn_writer *w;
    for (uint32_t i = 0; i < 50000; i++)
        numbers[i] = i / 100;
    TN_TRY(tn_writer_open(path, true, 1, alloc, &w, err));
    int status = tn_writer_table(w, "CODE", numbers, sizeof numbers, 1, err);
    if (status == 0)
        status = tn_writer_column(w, "LENG", numbers, 4, 50000, TN_TRANSFORM_DELTA | TN_TRANSFORM_PLANES, err);
    if (status == 0)
        return tn_writer_commit(w, err);
    tn_writer_abort(w);
    return status;
}

static void a_writer_uses_no_malloc(void **state)
{
    (void)state;
    tn_error err = {0};
    for (unsigned i = 0; i < 4; i++) {
        no_nameless = i == 1;
        calls_until_failure = i == 2 ? 3 : -1;
        failure_code = ENOTTY;
        n_mallocs = 0;
        int status = write_numbers(i == 3 ? &tn__alloc_libc : &tn__alloc_pages, &err);
        assert_int_equal(status, i == 2 ? TN_EIO : 0);
        if (i == 2)
            assert_non_null(strstr(err.message, ": error 25 of the system"));
        assert_true(i == 3 ? n_mallocs > 3 : n_mallocs == 0);
    }
}

static void an_existing_file_is_replaced_only_by_force(void **state)
{
    (void)state;
    tn_error err = {0};
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(write_sample(false, &tn__alloc_libc, &err), TN_EEXIST);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(files(), 1);
    assert_int_equal(write_sample(true, &tn__alloc_libc, &err), 0);
    assert_int_equal(files(), 1);
    expect_sound();
}

static void a_file_that_came_meanwhile_is_kept(void **state)
{
    (void)state;
    struct stat st;
    tn_writer *w;
    assert_int_equal(tn_writer_open(path, false, 1, &tn__alloc_libc, &w, NULL), 0);
    assert_int_equal(sample_put(w, NULL), 0);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(tn_writer_commit(w, NULL), TN_EEXIST);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(files(), 1);
}

static void a_dangling_link_is_not_followed(void **state)
{
    (void)state;
    assert_int_equal(symlink("/nonexistent/target", path), 0);
    assert_int_equal(write_sample(false, &tn__alloc_libc, NULL), TN_EEXIST);
    assert_int_equal(write_sample(true, &tn__alloc_libc, NULL), 0);
    expect_sound();
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    tn_writer *w = NULL;
    tn_error err = {0};
    assert_int_equal(tn_writer_open("/nonexistent/folder/a.tonnage", false, 1, &tn__alloc_libc, &w, &err), TN_EIO);
    assert_non_null(strstr(err.message, "/nonexistent/folder/a.tonnage"));
    char longest[5000];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(tn_writer_open(longest, false, 1, &tn__alloc_libc, &w, &err), TN_EINVAL);
    assert_null(w);
}

/* Each call of a writer fails in turn. What stood under the name before, if anything, is untouched. Returns how many. */
static long fail_each_call(bool force, bool exists)
{
    for (long n = 0;; n++) {
        tn_error err = {0};
        struct stat st;
        unlink(path);
        if (exists)
            close(open(path, O_CREAT | O_WRONLY, 0600));
        calls_until_failure = n;
        const int codes[] = {ENOSPC, EDQUOT, EFBIG};
        failure_code = codes[n % 3];
        int status = write_sample(force, &tn__alloc_libc, &err);
        if (calls_until_failure >= 0) { /* never came to it */
            calls_until_failure = -1;
            assert_int_equal(status, 0);
            expect_sound();
            return n;
        }
        assert_int_equal(status, TN_EIO);
        if (!strstr(err.message, failure_code == EFBIG ? ": raise the limit" : "disk full") ||
            !strstr(err.message, "choose another folder (-o, TMPDIR)") || strchr(err.message, '\n'))
            fail_msg("call %ld: %s", n, err.message);
        if (files() != exists)
            fail_msg("call %ld leaves a file", n);
        if (exists && (stat(path, &st) < 0 || st.st_size))
            fail_msg("call %ld touches the old file", n);
    }
}

static void any_failing_call_leaves_nothing(void **state)
{
    (void)state;
    long few = fail_each_call(false, false);
    assert_true(few > 20); /* header, each chunk, trailer, sync, link */
    assert_int_equal(fail_each_call(true, false), few);
    assert_int_equal(fail_each_call(true, true), few + 1 + 1); /* a link that finds the old file, another, rename */
    no_nameless = true;
    assert_int_equal(fail_each_call(false, false), few);
    assert_int_equal(fail_each_call(true, true), few);
}

static void file_systems_without_renameat2_are_served(void **state)
{
    (void)state;
    long n = 0;
    struct stat st;
    tn_error err;
    no_nameless = true;
    for (int status = TN_EIO; status < 0; n++) { /* until only fsync fails, which some file systems cannot */
        calls_until_failure = n;
        failure_code = EINVAL;
        status = write_sample(false, &tn__alloc_libc, &err);
    }
    assert_true(calls_until_failure < 0);
    expect_sound();
    assert_int_equal(unlink(path), 0);
    calls_until_failure = n; /* the call after fsync */
    assert_int_equal(write_sample(false, &tn__alloc_libc, &err), 0);
    assert_true(calls_until_failure < 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_nlink, 1);
    expect_sound();
}

static void short_writes_are_continued(void **state)
{
    (void)state;
    short_writes = true;
    assert_int_equal(write_sample(false, &tn__alloc_libc, NULL), 0);
    expect_sound();
}

/* The signal that comes with it would end the program, and must not be left for later either. */
static void a_limit_of_file_sizes_is_an_error_only(void **state)
{
    (void)state;
    struct rlimit before, limit;
    sigset_t pending;
    tn_error err = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    for (limit.rlim_cur = 0; limit.rlim_cur < 1500; limit.rlim_cur += 300) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        int status = write_sample(false, &tn__alloc_libc, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, TN_EIO);
        assert_non_null(strstr(err.message, "file too large"));
        assert_int_equal(sigpending(&pending), 0);
        assert_false(sigismember(&pending, SIGXFSZ));
        assert_int_equal(files(), 0);
    }
}

static void any_failing_allocation_leaves_nothing(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        failing f;
        tn_error err = {0};
        failing_init(&f, n);
        int status = write_sample(false, &f.alloc, &err);
        assert_int_equal(f.n_pieces, 0);
        assert_int_equal(f.n_bytes, 0);
        if (status == 0)
            break;
        assert_int_equal(status, TN_ENOMEM);
        assert_int_equal(files(), 0);
    }
    expect_sound();
}

static void chunks_beyond_the_limit_are_refused(void **state)
{
    (void)state;
    tn_writer *w;
    char *large = calloc(1, TN_CHUNK_MAX_RAW + 1);
    assert_int_equal(tn_writer_open(path, false, 1, &tn__alloc_libc, &w, NULL), 0);
    assert_int_equal(tn_writer_table(w, "CODE", large, TN_CHUNK_MAX_RAW + 1, 1, NULL), TN_ELIMIT);
    assert_int_equal(tn_writer_column(w, "SHAP", large, 1, TN_NODE_BLOCK + 1, 0, NULL), TN_EINVAL);
    tn_writer_abort(w);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_snapshot_is_private_and_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_stands_under_the_name_before_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_temporary_name_tells_the_process, setup, teardown),
        cmocka_unit_test_setup_teardown(relative_paths_are_served, setup, teardown),
        cmocka_unit_test_setup_teardown(a_writer_uses_no_malloc, setup, teardown),
        cmocka_unit_test_setup_teardown(an_existing_file_is_replaced_only_by_force, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_came_meanwhile_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dangling_link_is_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(any_failing_call_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(file_systems_without_renameat2_are_served, setup, teardown),
        cmocka_unit_test_setup_teardown(short_writes_are_continued, setup, teardown),
        cmocka_unit_test_setup_teardown(a_limit_of_file_sizes_is_an_error_only, setup, teardown),
        cmocka_unit_test_setup_teardown(any_failing_allocation_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(chunks_beyond_the_limit_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
