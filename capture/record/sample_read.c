/* sample_read.c - copies of memory of this process that may change or go meanwhile, and clocks of its threads. */
#include "record/sample_state.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    pid_t pid;
    uint64_t fixed_start, fixed_end;
    int memory; /* descriptor of /proc/self/mem, where the system refuses process_vm_readv(); -1: it does not */
} from = {.memory = -1};

bool tn_sample_read_start(void)
{
    uint64_t word = 1, copy = 0;
    from.pid = getpid();
    if (from.memory >= 0)
        close(from.memory);
    from.memory = -1;
    if (tn_sample_copy((uintptr_t)&word, &copy, sizeof copy) && copy == word)
        return true;
    int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    from.memory = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 600); /* where programs do not come to */
    if (fd >= 0)
        close(fd);
    return tn_sample_copy((uintptr_t)&word, &copy, sizeof copy) && copy == word;
}

static size_t read_file(const struct iovec *to, const struct iovec *at, unsigned n)
{
    size_t copied = 0;
    for (unsigned i = 0; i < n; i++) {
        ssize_t got = pread(from.memory, to[i].iov_base, to[i].iov_len, (off_t)(uintptr_t)at[i].iov_base);
        copied += got > 0 ? (size_t)got : 0;
        if (got != (ssize_t)to[i].iov_len)
            break;
    }
    return copied;
}

size_t tn__sample_gather(const struct iovec *to, const struct iovec *at, unsigned n)
{
    if (from.memory >= 0)
        return read_file(to, at, n);
    ssize_t copied = process_vm_readv(from.pid, to, n, at, n, 0);
    return copied < 0 ? 0 : (size_t)copied;
}

void tn__sample_fixed(uint64_t start, uint64_t end)
{
    from.fixed_start = start;
    from.fixed_end = end;
}

/* A call of the kernel takes a hundred times as long. */
static void load_words(uint64_t address, void *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 4) {
        uint32_t word = tn_get((const uint32_t *)(uintptr_t)(address + i));
        memcpy((char *)out + i, &word, sizeof word);
    }
}

bool tn_sample_copy(uint64_t address, void *out, size_t bytes)
{
    bool fixed = address >= from.fixed_start && address < from.fixed_end && bytes <= from.fixed_end - address;
    if (fixed && !((address | bytes) & 3)) {
        load_words(address, out, bytes);
        return true;
    }
    struct iovec to = {out, bytes}, at = {(void *)(uintptr_t)address, bytes};
    return tn__sample_gather(&to, &at, 1) == bytes;
}

/* ---- texts ---- */

static uint32_t encode(const uint8_t *data, uint64_t length, unsigned kind, char *out, uint32_t cap)
{
    uint32_t n = 0;
    for (uint64_t i = 0; i < length && n + 4 <= cap; i++) {
        static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        uint32_t c = 0;
        memcpy(&c, data + i * kind, kind);
        unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
        out[n++] = (char)(lead[more] | c >> 6 * more);
        while (more)
            out[n++] = (char)(0x80 | (c >> 6 * --more & 0x3f));
    }
    return n;
}

bool tn_sample_text(const tn_sample_places *p, uint64_t object, char *out, uint32_t cap, uint32_t *n)
{
    enum { HEAD = 64, MOST = 4096 };
    uint8_t head[HEAD], data[MOST];
    uint64_t length;
    uint32_t state;
    if (p->str_length + 8 > HEAD || p->str_state + 4 > HEAD || !object || object & 7 ||
        !tn_sample_copy(object, head, sizeof head < p->str_ascii ? sizeof head : p->str_ascii))
        return false;
    memcpy(&length, head + p->str_length, sizeof length);
    memcpy(&state, head + p->str_state, sizeof state);
    unsigned kind = state >> p->str_kind_shift & 7;
    bool ascii = state & p->str_ascii_bit;
    if (!(state & p->str_compact_bit) || (kind != 1 && kind != 2 && kind != 4) || (ascii && kind != 1) ||
        length > 1 << 20)
        return false;
    uint64_t taken = length < cap ? length : cap;
    taken = taken * kind < MOST ? taken : MOST / kind;
    if (!tn_sample_copy(object + (ascii ? p->str_ascii : p->str_compact), data, taken * kind))
        return false;
    if (ascii)
        memcpy(out, data, taken);
    *n = ascii ? (uint32_t)taken : encode(data, taken, kind, out, cap);
    return true;
}

/* ---- clocks ---- */

/* The number of a thread's clock (include/linux/posix-timers.h): no descriptor, no call of the C library. */
uint64_t tn__sample_clock(uint64_t native, bool user)
{
    enum { THREAD = 4, VIRT = 1, SCHED = 2 };
    struct timespec t;
    clockid_t id = (clockid_t)(~(uint32_t)native << 3 | THREAD | (user ? VIRT : SCHED));
    return clock_gettime(id, &t) < 0 ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Waits for our processor, as on a machine that has one. */
bool tn__sample_waits_for_us(uint64_t native)
{
    enum { PROCESSOR = 39 }; /* number of the field, as proc(5) counts */
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%llu/stat", (unsigned long long)native);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *end = strrchr(text, ')'); /* of its name */
    if (!end || end[1] != ' ' || end[2] != 'R')
        return false;
    for (unsigned field = 2; end && field < PROCESSOR; field++)
        end = strchr(end + 1, ' ');
    return end && strtol(end, NULL, 10) == sched_getcpu();
}
