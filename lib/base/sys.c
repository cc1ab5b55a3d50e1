/* sys.c - the operating system, as far as the library needs it. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
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

/* Large mappings begin at a multiple of a huge page and ask for them: first touching memory is dear otherwise. */
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
        madvise(p, n, MADV_HUGEPAGE);
    }
    return p;
}

void *tn__sys_remap(void *p, size_t old_bytes, size_t new_bytes)
{
    size_t old_pages = whole_pages(old_bytes), new_pages = whole_pages(new_bytes);
    if (old_pages == new_pages)
        return p;
    void *q = mremap(p, old_pages, new_pages, MREMAP_MAYMOVE);
    return q == MAP_FAILED ? NULL : q;
}

void tn__sys_unmap(void *p, size_t bytes)
{
    munmap(p, whole_pages(bytes));
}

/* ---- reading ---- */

static int io_error(tn_error *err, const char *what, const char *path)
{
    int code = errno;
    if (code == ENOSPC)
        return tn__error_set(err, TN_EIO, 0, "%s %s: disk full: free space or choose another folder (-o, TMPDIR)", what,
                             path);
    if (code == EDQUOT)
        return tn__error_set(err, TN_EIO, 0,
                             "%s %s: disk full by your quota: free space or choose another folder (-o, TMPDIR)", what,
                             path);
    if (code == EFBIG)
        return tn__error_set(
            err, TN_EIO, 0,
            "%s %s: file too large: raise the limit of file sizes (ulimit -f) or choose another folder (-o, TMPDIR)",
            what, path);
    if (code == EACCES || code == EPERM)
        return tn__error_set(err, TN_EPERM, 0, "%s %s: permission denied", what, path);
    if (code == ENOENT)
        return tn__error_set(err, TN_EIO, 0, "%s %s: no such file or folder", what, path);
    return tn__error_set(err, TN_EIO, 0, "%s %s: %s", what, path, strerror(code));
}

static int file_size(int fd, const char *path, uint64_t *bytes, tn_error *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return io_error(err, "cannot read", path);
    if (!S_ISREG(st.st_mode))
        return tn__error_set(err, TN_EFORMAT, 0, "cannot read %s: not a regular file", path);
    *bytes = (uint64_t)st.st_size;
    return 0;
}

int tn__sys_open_read(const char *path, int *fd, uint64_t *bytes, tn_error *err)
{
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return io_error(err, "cannot read", path);
    int status = file_size(opened, path, bytes, err);
    if (status < 0)
        close(opened);
    else
        *fd = opened;
    return status;
}

int tn__sys_dup(int fd, int *out, uint64_t *bytes, tn_error *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return io_error(err, "cannot read", "the file descriptor");
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
            return io_error(err, "cannot read", "the snapshot");
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

int tn__sys_write(int fd, const void *bytes, size_t n, tn_error *err)
{
    const uint8_t *at = bytes;
    while (n) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return io_error(err, "cannot write", "the snapshot");
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
    int code = errno;
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

static int create_aside(const char *path)
{
    int held[3];
    unsigned n = hold_standard(held);
    int made = tn__sys_aside(open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)), code = errno;
    while (n)
        close(held[--n]);
    errno = code;
    return made;
}

int tn__sys_create_beside(const char *path, char *temp, size_t cap, int *fd, tn_error *err)
{
    for (unsigned i = 0; i < 1000; i++) {
        if ((size_t)snprintf(temp, cap, "%s.%d.%u.part", path, (int)getpid(), i) >= cap)
            return tn__error_set(err, TN_EINVAL, 0, "the path of the snapshot is too long");
        int made = create_aside(temp);
        if (made >= 0) {
            *fd = made;
            return 0;
        }
        if (errno != EEXIST)
            return io_error(err, "cannot write", path);
    }
    return tn__error_set(err, TN_EIO, 0, "cannot write %s: too many unfinished files beside it", path);
}

/* Neither way replaces what came to stand under the name meanwhile. File systems without either: rename after looking. */
static int publish_new(const char *temp, const char *path)
{
    struct stat st;
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
    if (lstat(path, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(temp, path);
}

int tn__sys_publish(int fd, const char *temp, const char *path, bool force, tn_error *err)
{
    if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return io_error(err, "cannot write", path);
    if ((force ? rename(temp, path) : publish_new(temp, path)) == 0)
        return 0;
    if (errno == EEXIST)
        return tn__error_set(err, TN_EEXIST, 0, "%s exists: choose another name, or force to replace it", path);
    return io_error(err, "cannot write", path);
}

bool tn__sys_exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

void tn__sys_unlink(const char *path)
{
    unlink(path);
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
