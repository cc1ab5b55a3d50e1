/* copy.c - see copy.h. */
#include "outside/copy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { PAGE = 4096, PIECE = 16 << 20, TRIES = 8 };

static bool add_range(tn_copy *c, uint64_t start, uint64_t end)
{
    tn_range *ranges = (tn_range *)(uintptr_t)c->memory.ranges;
    if (c->memory.n_ranges && ranges[c->memory.n_ranges - 1].end == start) {
        ranges[c->memory.n_ranges - 1].end = end;
        return true;
    }
    if (c->memory.n_ranges == c->capacity) {
        uint32_t capacity = c->capacity ? 2 * c->capacity : 1024;
        ranges = tn__realloc(&tn__alloc_pages, ranges, c->capacity * sizeof *ranges, capacity * sizeof *ranges);
        if (!ranges)
            return false;
        c->memory.ranges = ranges;
        c->capacity = capacity;
    }
    ranges[c->memory.n_ranges++] = (tn_range){start, end};
    return true;
}

/* [vdso], [vvar] and their like are code and data of the kernel. A path may hold the same characters, but not begin so. */
static bool kernels_own(const char *name)
{
    return strncmp(name, "[v", 2) == 0;
}

/* Readable mappings, whole; what cannot be read is taken out again by copy_range. */
static int read_maps(int pid, tn_copy *c, tn_error *err)
{
    char path[64], line[512], perms[8];
    unsigned long long start, end;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return tn__error_set(err, errno == EACCES ? TN_EPERM : TN_ENOTFOUND, 0, "process %d cannot be read: %s", pid,
                             errno == EACCES ? "permission denied; run as its user or with CAP_SYS_PTRACE"
                                             : "there is no such process");
    bool ok = true, begins = true;
    while (ok && fgets(line, sizeof line, f)) {
        bool whole = strchr(line, '\n'); /* a line longer than the buffer goes on with the next piece */
        int name = -1;
        if (begins && sscanf(line, "%llx-%llx %7s %*s %*s %*s %n", &start, &end, perms, &name) == 3 &&
            perms[0] == 'r' && !kernels_own(name < 0 ? "" : line + name))
            ok = add_range(c, start, end);
        begins = whole;
    }
    fclose(f);
    return ok ? 0 : tn__error_set(err, TN_ENOMEM, 0, "not enough memory to copy process %d", pid);
}

/* Places every range at bias; false, with nothing left mapped, when one is taken. */
static bool reserve(const tn_copy *c, uint64_t bias)
{
    for (uint32_t i = 0; i < c->memory.n_ranges; i++) {
        const tn_range *r = &c->memory.ranges[i];
        void *want = (void *)(uintptr_t)(r->start + bias);
        void *got = mmap(want, r->end - r->start, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (got == want)
            continue;
        if (got != MAP_FAILED)
            munmap(got, r->end - r->start);
        while (i-- > 0)
            munmap((void *)(uintptr_t)(c->memory.ranges[i].start + bias),
                   c->memory.ranges[i].end - c->memory.ranges[i].start);
        return false;
    }
    return true;
}

static bool copy_piece(int pid, uint64_t start, uint64_t bytes, uint64_t bias)
{
    struct iovec here = {(void *)(uintptr_t)(start + bias), bytes}, there = {(void *)(uintptr_t)start, bytes};
    return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)bytes;
}

/* A piece that fails is tried page by page; pages that fail too are left out of the ranges of out. */
static bool copy_range(int pid, const tn_range *r, tn_copy *out)
{
    uint64_t bias = out->memory.bias;
    for (uint64_t at = r->start; at < r->end; at += PIECE) {
        uint64_t end = r->end - at < PIECE ? r->end : at + PIECE;
        if (copy_piece(pid, at, end - at, bias)) {
            if (!add_range(out, at, end))
                return false;
            continue;
        }
        for (uint64_t page = at; page < end; page += PAGE)
            if (copy_piece(pid, page, PAGE, bias) && !add_range(out, page, page + PAGE))
                return false;
    }
    return true;
}

int tn_copy_process(int pid, tn_copy *out, tn_error *err)
{
    tn_copy maps = {.memory = {.checked = true}}, copy = {.memory = {.checked = true}};
    int status = read_maps(pid, &maps, err);
    bool placed = false;
    for (unsigned i = 1; status == 0 && !placed && i <= TRIES; i++) {
        copy.memory.bias = 0 - ((uint64_t)i << 43);
        placed = reserve(&maps, copy.memory.bias);
    }
    if (status == 0 && !placed)
        status = tn__error_set(err, TN_ENOMEM, 0, "no room in the address space for a copy of process %d", pid);
    for (uint32_t i = 0; status == 0 && i < maps.memory.n_ranges; i++)
        if (!copy_range(pid, &maps.memory.ranges[i], &copy))
            status = tn__error_set(err, TN_ENOMEM, 0, "not enough memory to copy process %d", pid);
    if (status == 0 && copy.memory.n_ranges == 0)
        status =
            tn__error_set(err, TN_EPERM, 0,
                          "process %d cannot be read: permission denied; run as its user or with CAP_SYS_PTRACE", pid);
    tn__free(&tn__alloc_pages, (void *)(uintptr_t)maps.memory.ranges, maps.capacity * sizeof(tn_range));
    if (status < 0)
        tn_copy_free(&copy);
    else
        *out = copy;
    return status;
}

void tn_copy_free(tn_copy *c)
{
    for (uint32_t i = 0; i < c->memory.n_ranges; i++)
        munmap((void *)(uintptr_t)(c->memory.ranges[i].start + c->memory.bias),
               c->memory.ranges[i].end - c->memory.ranges[i].start);
    tn__free(&tn__alloc_pages, (void *)(uintptr_t)c->memory.ranges, c->capacity * sizeof(tn_range));
    *c = (tn_copy){0};
}
