/* sys.c - the operating system, as far as the library needs it. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- memory ---- */

enum { HUGE_BYTES = 2 << 20 };

static size_t whole_pages(size_t bytes)
{
    return (bytes + 4095) & ~(size_t)4095;
}

/* Large pieces ask for huge pages: first touching memory is dear otherwise. Small ones want none, so that as a rule the kernel
 * makes no mapping of them together with memory of the program beside them: what smaps says of that would be of both. */
static void advise(void *p, size_t n)
{
    int error = errno;
    madvise(p, n, n >= HUGE_BYTES ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    errno = error;
}

/* Large mappings begin at a multiple of a huge page. */
void *tn__sys_map(size_t bytes)
{
    size_t n = whole_pages(bytes), slack = n >= HUGE_BYTES ? HUGE_BYTES : 0;
    if (n < bytes || n + slack < n)
        return NULL;
    uint8_t *p = mmap(NULL, n + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (slack) {
        size_t before = -(uintptr_t)p & (HUGE_BYTES - 1);
        if (before)
            munmap(p, before);
        if (slack - before)
            munmap(p + before + n, slack - before);
        p += before;
    }
    advise(p, n);
    return p;
}

void *tn__sys_remap(void *p, size_t old_bytes, size_t new_bytes)
{
    size_t old_pages = whole_pages(old_bytes), new_pages = whole_pages(new_bytes);
    if (old_pages == new_pages)
        return p;
    void *q = mremap(p, old_pages, new_pages, MREMAP_MAYMOVE);
    if (q == MAP_FAILED)
        return NULL;
    advise(q, new_pages);
    return q;
}

void tn__sys_unmap(void *p, size_t bytes)
{
    munmap(p, whole_pages(bytes));
}

/* ---- reading ---- */

/* What system calls on files say, in English: strerror() is of the C library's locale, and has state. */
static const struct {
    int code, status;
    const char *text;
} reasons[] = {
    {ENOSPC, TN_EIO, "disk full: free space or choose another folder (-o, TMPDIR)"},
    {EDQUOT, TN_EIO, "disk full by your quota: free space or choose another folder (-o, TMPDIR)"},
    {EFBIG, TN_EIO, "file too large: raise the limit of file sizes (ulimit -f) or choose another folder (-o, TMPDIR)"},
    {EACCES, TN_EPERM, "permission denied"},
    {EPERM, TN_EPERM, "permission denied"},
    {ENOENT, TN_EIO, "no such file or folder"},
    {ENOTDIR, TN_EIO, "a part of the path is no folder"},
    {EISDIR, TN_EIO, "it is a folder"},
    {EROFS, TN_EIO, "the file system is read-only: choose another folder (-o, TMPDIR)"},
    {EIO, TN_EIO, "input/output error: the disk may be damaged"},
    {EMFILE, TN_EIO, "too many open files: close some or raise the limit (ulimit -n)"},
    {ENFILE, TN_EIO, "too many open files on this machine"},
    {ENAMETOOLONG, TN_EIO, "file name too long"},
    {ELOOP, TN_EIO, "too many symbolic links"},
    {ENOMEM, TN_ENOMEM, "out of memory"},
    {ENXIO, TN_EIO, "no such device"},
    {ESTALE, TN_EIO, "the file is gone from its server"},
};

int tn__sys_error(tn_error *err, const char *what, const char *path)
{
    int code = errno;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            return tn__error_set(err, reasons[i].status, 0, "%s %s: %s", what, path, reasons[i].text);
    return tn__error_set(err, TN_EIO, 0, "%s %s: error %d of the system", what, path, code);
}

static int file_size(int fd, const char *path, uint64_t *bytes, tn_error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return tn__sys_error(err, "cannot read", path);
    if (!S_ISREG(st.st_mode))
        return tn__error_set(err, TN_EFORMAT, 0, "cannot read %s: not a regular file", path);
    *bytes = (uint64_t)st.st_size;
    return 0;
}

bool tn__sys_is_file(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISREG(found.st_mode);
}

int tn__sys_open_read(const char *path, int *fd, uint64_t *bytes, tn_error *err)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return tn__sys_error(err, "cannot read", path);
    int status = file_size(opened, path, bytes, err);
    if (status < 0)
        close(opened);
    else
        *fd = opened;
    return status;
}

int tn__sys_open_stream(const char *path, int *fd, tn_error *err)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC);
    if (opened < 0)
        return tn__sys_error(err, "cannot read", path);
    *fd = opened;
    return 0;
}

int tn__sys_read(int fd, void *out, size_t room, size_t *bytes, tn_error *err)
{
    uint8_t *at = out;
    while (room) {
        ssize_t n = read(fd, at, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tn__sys_error(err, "cannot read", "the file");
        if (n == 0)
            break;
        at += n;
        room -= (size_t)n;
    }
    *bytes = (size_t)(at - (uint8_t *)out);
    return 0;
}

int tn__sys_not_input(int fd, const char *path, tn_error *err)
{
    struct stat in, out;
    if (fstat(fd, &in) != 0 || stat(path, &out) != 0 || in.st_ino != out.st_ino || in.st_dev != out.st_dev)
        return 0;
    return tn__error_set(err, TN_EINVAL, 0, "%.100s is the file that is read: choose another name", path);
}

int tn__sys_dup(int fd, int *out, uint64_t *bytes, tn_error *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return tn__sys_error(err, "cannot read", "the file descriptor");
    int status = file_size(copy, "the file descriptor", bytes, err);
    if (status < 0)
        close(copy);
    else
        *out = copy;
    return status;
}

int tn__sys_read_at(int fd, uint64_t offset, void *out, size_t bytes, tn_error *err)
{
    uint8_t *at = out;
    while (bytes) {
        ssize_t n = pread(fd, at, bytes, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tn__sys_error(err, "cannot read", "the snapshot");
        if (n == 0)
            return tn__error_set(err, TN_ETRUNCATED, offset, "the file ends early, at byte %llu",
                                 (unsigned long long)offset);
        at += n;
        bytes -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* ---- writing ---- */

/* Beyond the limit of file sizes there comes a signal too, which would end a program that did not ask for it. It is held
 * back during the call and taken away after it. */
static ssize_t write_quietly(int fd, const void *bytes, size_t n)
{
    sigset_t limit, before;
    sigemptyset(&limit);
    sigaddset(&limit, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit, &before);
    ssize_t done = write(fd, bytes, n);
    int code = errno;
    if (done < 0 && code == EFBIG)
        sigtimedwait(&limit, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return done;
}

int tn__sys_write(int fd, const void *bytes, size_t n, tn_error *err)
{
    const uint8_t *at = bytes;
    while (n) {
        ssize_t done = write_quietly(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return tn__sys_error(err, "cannot write", "the snapshot");
        at += done;
        n -= (size_t)done;
    }
    return 0;
}

void tn__sys_begin_writeback(int fd, uint64_t offset, uint64_t bytes)
{
    sync_file_range(fd, (off_t)offset, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
}

void tn__sys_close(int fd)
{
    close(fd);
}

/* New files get the lowest number that is free, so few programs come to these. */
int tn__sys_aside(int fd)
{
    enum { HIGH = 512 };
    if (fd < 0 || fd >= HIGH)
        return fd;
    int other = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
    if (other < 0 && fd > STDERR_FILENO) /* no process may have so many */
        return fd;
    if (other < 0)
        other = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int code = errno == EINVAL ? EMFILE : errno; /* the number is beyond the limit */
    close(fd);
    errno = code;
    return other;
}

/* Takes the numbers of closed standard streams, for reading from nothing; returns how many. */
static unsigned hold_standard(int held[3])
{
    unsigned n = 0;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO && n < 3) {
        held[n++] = fd;
        fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    if (fd >= 0)
        close(fd);
    return n;
}

static int open_aside(const char *path, int flags)
{
    int held[3];
    unsigned n = hold_standard(held);
    int made = tn__sys_aside(open(path, flags | O_WRONLY | O_CLOEXEC, 0600)), code = errno;
    while (n)
        close(held[--n]);
    errno = code;
    return made;
}

/* ---- files that get their name when they are whole ---- */

enum { PATH_BYTES = 4096, PROC_BYTES = 40 };

static void proc_path(int fd, char out[PROC_BYTES])
{
    tn__compose(out, PROC_BYTES, "/proc/self/fd/%d", fd);
}

static int open_nameless(const char *path)
{
    char folder[PATH_BYTES] = ".", proc[PROC_BYTES];
    struct stat st, same;
    const char *slash = strrchr(path, '/');
    if (slash && tn__compose(folder, sizeof folder, "%.*s", (int)(slash - path) + 1, path) >= sizeof folder)
        return -1;
    int fd = open_aside(folder, O_TMPFILE);
    if (fd < 0)
        return -1;
    proc_path(fd, proc);
    if (fstat(fd, &st) == 0 && stat(proc, &same) == 0 && st.st_ino == same.st_ino && st.st_dev == same.st_dev)
        return fd;
    close(fd); /* without /proc it could never get a name */
    return -1;
}

/* The i-th temporary name of a process for path. */
static bool name_beside(const char *path, int pid, unsigned i, char *temp, size_t cap)
{
    return tn__compose(temp, cap, "%s.%d.%u.part", path, pid, i) < cap;
}

void tn__sys_sweep(const char *path, int pid)
{
    char temp[4096];
    for (unsigned i = 0; i < 2 && name_beside(path, pid, i, temp, sizeof temp); i++)
        unlink(temp);
}

int tn__sys_create_beside(const char *path, char *temp, size_t cap, int *fd, tn_error *err)
{
    *temp = 0;
    int made = open_nameless(path);
    for (unsigned i = 0; made < 0 && i < 1000; i++) {
        if (!name_beside(path, (int)getpid(), i, temp, cap))
            return tn__error_set(err, TN_EINVAL, 0, "the path of the snapshot is too long");
        made = open_aside(temp, O_CREAT | O_EXCL | O_NOFOLLOW);
        if (made < 0 && errno != EEXIST)
            return tn__sys_error(err, "cannot write", path);
    }
    if (made < 0)
        return tn__error_set(err, TN_EIO, 0, "cannot write %s: too many unfinished files beside it", path);
    fchmod(made, 0600); /* whatever the umask of the program is */
    *fd = made;
    return 0;
}

/* No way replaces what came to stand under the name meanwhile. File systems that know neither of the first two: an empty
 * file takes the name, then is replaced. */
static int publish_new(const char *temp, const char *path)
{
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (link(temp, path) == 0) {
        unlink(temp);
        return 0;
    }
    if (errno == EEXIST)
        return -1;
    int empty = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (empty < 0)
        return -1;
    close(empty);
    if (rename(temp, path) == 0)
        return 0;
    int code = errno;
    unlink(path);
    errno = code;
    return -1;
}

/* A link never replaces: where path exists and may be replaced, a temporary name comes in between, for two calls. */
static int publish_nameless(int fd, char *temp, size_t cap, const char *path, bool force)
{
    char proc[PROC_BYTES];
    proc_path(fd, proc);
    int status = linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
    if (status == 0 || errno != EEXIST || !force)
        return status;
    for (unsigned i = 0; status < 0 && errno == EEXIST && i < 1000; i++) {
        if (!name_beside(path, (int)getpid(), i, temp, cap)) {
            errno = ENAMETOOLONG;
            break;
        }
        status = linkat(AT_FDCWD, proc, AT_FDCWD, temp, AT_SYMLINK_FOLLOW);
    }
    if (status == 0)
        return rename(temp, path);
    *temp = 0;
    return status;
}

int tn__sys_publish(int fd, char *temp, size_t cap, const char *path, bool force, tn_error *err)
{
    int status;
    if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return tn__sys_error(err, "cannot write", path);
    if (*temp)
        status = force ? rename(temp, path) : publish_new(temp, path);
    else
        status = publish_nameless(fd, temp, cap, path, force);
    if (status == 0)
        return 0;
    if (errno == EEXIST && !force)
        return tn__error_set(err, TN_EEXIST, 0, "%s exists: choose another name, or force to replace it", path);
    return tn__sys_error(err, "cannot write", path);
}

void tn__sys_discard(int fd, const char *temp)
{
    if (*temp)
        unlink(temp);
    close(fd);
}

bool tn__sys_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* ---- time ---- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t tn__sys_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t tn__sys_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}
