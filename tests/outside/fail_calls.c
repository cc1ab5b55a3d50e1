/* fail_calls.c - preloaded into a process under test: a chosen call of a libc function, made by tonnage, fails.
 *
 *     LD_PRELOAD=fail_calls.so TONNAGE_FAIL=write:3:ENOSPC      the third write fails
 *                              TONNAGE_FAIL=write:3+:ENOSPC     and all after it
 *                              TONNAGE_FAIL=write:3:KILL        the process is killed instead
 *                              TONNAGE_FAIL=write:0:ENOSPC      none: calls are only counted
 *
 * Only calls whose return address lies in _capture, _core or the command count. A process may change the plan with
 * fail_calls_plan (Python: by ctypes), and ask what has happened since then.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the plan ---- */

static char kind[32];
static long first;
static bool all_later;
static int code;
static atomic_long mapped_bytes;

/* One count for the process and its copies made by clone. */
static struct counts {
    atomic_long seen, failed;
} * counts;

static const struct {
    const char *name;
    int code;
} codes[] = {{"EACCES", EACCES}, {"EAGAIN", EAGAIN}, {"EDQUOT", EDQUOT}, {"EFBIG", EFBIG},          {"EINTR", EINTR},
             {"EINVAL", EINVAL}, {"EIO", EIO},       {"EMFILE", EMFILE}, {"ENOMEM", ENOMEM},        {"ENOSPC", ENOSPC},
             {"ENOSYS", ENOSYS}, {"KILL", -1},       {"EPERM", EPERM},   {"EOPNOTSUPP", EOPNOTSUPP}};

/* NULL or "": nothing fails. False where the text makes no sense. */
bool fail_calls_plan(const char *text)
{
    char number[32] = "", name[32] = "", what[32] = "";
    kind[0] = 0;
    counts->seen = counts->failed = 0;
    if (!text || !*text)
        return true;
    if (sscanf(text, "%31[^:]:%31[^:]:%31s", what, number, name) != 3)
        return false;
    char *end;
    first = strtol(number, &end, 10);
    all_later = *end == '+';
    code = 0;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        code = strcmp(codes[i].name, name) == 0 ? codes[i].code : code;
    memcpy(kind, what, sizeof kind);
    return code != 0;
}

long fail_calls_seen(void)
{
    return counts->seen;
}

long fail_calls_failed(void)
{
    return counts->failed;
}

/* What tonnage has mapped and not given back. */
long fail_calls_mapped(void)
{
    return mapped_bytes;
}

__attribute__((constructor)) static void begin(void)
{
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!fail_calls_plan(getenv("TONNAGE_FAIL"))) {
        fprintf(stderr, "fail_calls: TONNAGE_FAIL is no plan\n");
        _exit(99);
    }
}

/* TONNAGE_FAIL_TOLD: a file for the number of calls that failed. */
__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("TONNAGE_FAIL_TOLD");
    FILE *out = path ? fopen(path, "w") : NULL;
    if (out) {
        fprintf(out, "%ld\n", (long)counts->failed);
        fclose(out);
    }
}

/* ---- whose call it is ---- */

static struct {
    uintptr_t start, end;
} ours[8];
static unsigned n_ours;

static bool is_known(uintptr_t at)
{
    for (unsigned i = 0; i < n_ours; i++)
        if (at >= ours[i].start && at < ours[i].end)
            return true;
    return false;
}

static void add(const uint8_t *base)
{
    const Elf64_Ehdr *head = (const Elf64_Ehdr *)(const void *)base;
    const Elf64_Phdr *part = (const Elf64_Phdr *)(const void *)(base + head->e_phoff);
    uintptr_t bytes = 0;
    for (unsigned i = 0; i < head->e_phnum; i++)
        if (part[i].p_type == PT_LOAD && part[i].p_vaddr + part[i].p_memsz > bytes)
            bytes = part[i].p_vaddr + part[i].p_memsz;
    if (n_ours < sizeof ours / sizeof *ours) {
        ours[n_ours].start = (uintptr_t)base;
        ours[n_ours++].end = (uintptr_t)base + bytes;
    }
}

/* Once a library is known no lock of the dynamic linker is taken: a copy of the process made by clone may call, too. */
static bool is_ours(const void *caller)
{
    Dl_info info;
    if (is_known((uintptr_t)caller))
        return true;
    if (!dladdr(caller, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/'), *name = slash ? slash + 1 : info.dli_fname;
    if (strncmp(name, "_capture.", 9) != 0 && strncmp(name, "_core.", 6) != 0 && strcmp(name, "tonnage") != 0)
        return false;
    add(info.dli_fbase);
    return true;
}

static bool fails(const char *what, const void *caller)
{
    if (strcmp(what, kind) != 0 || !is_ours(caller))
        return false;
    long n = ++counts->seen;
    if (first == 0 || (all_later ? n < first : n != first))
        return false;
    counts->failed++;
    if (code < 0)
        kill(getpid(), SIGKILL);
    errno = code;
    return true;
}

static void *find(void *slot, const char *name)
{
    void **real = slot;
    if (!*real)
        *real = dlsym(RTLD_NEXT, name);
    return *real;
}

#define CALLER __builtin_return_address(0)
#define REAL(name) ((__typeof__(real_##name))find(&real_##name, #name))

/* ---- calls that only fail ---- */

#define CALL(what, name, params, args) \
    static int(*real_##name) params;   \
    int name params                    \
    {                                  \
        if (fails(#what, CALLER))      \
            return -1;                 \
        return REAL(name) args;        \
    }

#define SIZED(what, name, params, args)  \
    static ssize_t(*real_##name) params; \
    ssize_t name params                  \
    {                                    \
        if (fails(#what, CALLER))        \
            return -1;                   \
        return REAL(name) args;          \
    }

SIZED(write, write, (int fd, const void *bytes, size_t n), (fd, bytes, n))
SIZED(read, read, (int fd, void *bytes, size_t n), (fd, bytes, n))
SIZED(pread, pread64, (int fd, void *bytes, size_t n, off64_t at), (fd, bytes, n, at))
SIZED(readlink, readlink, (const char *path, char *out, size_t n), (path, out, n))
CALL(fsync, fsync, (int fd), (fd))
CALL(fstat, fstat64, (int fd, struct stat64 *st), (fd, st))
CALL(stat, stat64, (const char *path, struct stat64 *st), (path, st))
CALL(rename, rename, (const char *from, const char *to), (from, to))
CALL(rename, renameat2, (int from_fd, const char *from, int to_fd, const char *to, unsigned flags),
     (from_fd, from, to_fd, to, flags))
CALL(link, linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags),
     (from_fd, from, to_fd, to, flags))
CALL(link, link, (const char *from, const char *to), (from, to))
CALL(madvise, madvise, (void *p, size_t n, int advice), (p, n, advice))

/* ---- calls with a form of their own ---- */

static int (*real_open64)(const char *path, int flags, ...);

/* The plan "nameless" refuses only files without a name, as some file systems do. */
int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned) : 0;
    va_end(args);
    if (fails("open", CALLER) || ((flags & O_TMPFILE) == O_TMPFILE && fails("nameless", CALLER)))
        return -1;
    return REAL(open64)(path, flags, mode);
}

static int (*real_fcntl64)(int fd, int command, ...);

int fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    return fails("fcntl", CALLER) ? -1 : REAL(fcntl64)(fd, command, argument);
}

static int (*real_close)(int fd);

int close(int fd) /* a close that fails closes all the same */
{
    int done = REAL(close)(fd);
    return fails("close", CALLER) ? -1 : done;
}

static int (*real_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*run)(void *), void *arg)
{
    return fails("pthread_create", CALLER) ? code : REAL(pthread_create)(thread, how, run, arg);
}

static long (*real_syscall)(long number, ...);

long syscall(long number, ...)
{
    long a[6];
    va_list args;
    va_start(args, number);
    for (unsigned i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    return fails("syscall", CALLER) ? -1 : REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ---- memory ---- */

static void *(*real_mmap64)(void *, size_t, int, int, int, off64_t);

void *mmap64(void *at, size_t bytes, int prot, int flags, int fd, off64_t offset)
{
    if (fails("mmap", CALLER))
        return MAP_FAILED;
    void *p = REAL(mmap64)(at, bytes, prot, flags, fd, offset);
    if (p != MAP_FAILED && is_ours(CALLER))
        mapped_bytes += (long)bytes;
    return p;
}

static int (*real_munmap)(void *, size_t);

int munmap(void *p, size_t bytes)
{
    if (is_ours(CALLER))
        mapped_bytes -= (long)bytes;
    return REAL(munmap)(p, bytes);
}

static void *(*real_mremap)(void *, size_t, size_t, int, ...);

void *mremap(void *p, size_t before, size_t bytes, int flags, ...)
{
    if (fails("mmap", CALLER))
        return MAP_FAILED;
    void *q = REAL(mremap)(p, before, bytes, flags);
    if (q != MAP_FAILED && is_ours(CALLER))
        mapped_bytes += (long)bytes - (long)before;
    return q;
}

/* Looking up the real ones would allocate. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t each);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    return fails("malloc", CALLER) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t each)
{
    return fails("malloc", CALLER) ? NULL : __libc_calloc(n, each);
}

void *realloc(void *p, size_t n)
{
    return fails("malloc", CALLER) ? NULL : __libc_realloc(p, n);
}
