/* process.c - what the kernel and the C library say of this process. No Python.h, no malloc. */
#include "inside/inside.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const tn_memory_class_names[TN_MEMORY_CLASSES] = {"heap", "anonymous", "stack",
                                                              "file", "shared",    "special"};

size_t tn_process_read_file(const char *path, char *out, size_t cap)
{
    int fd = tn__sys_aside(open(path, O_RDONLY | O_CLOEXEC));
    size_t n = 0;
    while (fd >= 0 && n < cap) {
        ssize_t got = read(fd, out + n, cap - n);
        if (got < 0)
            n = 0; /* half a number is another number */
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    return n;
}

/* ---- lines of a /proc file, of any length, through one page buffer ---- */

bool tn_process_line(tn_lines *l, char *out, size_t cap)
{
    size_t n = 0;
    for (;;) {
        if (l->at == l->n) {
            ssize_t got = read(l->fd, l->buffer, sizeof l->buffer);
            if (got < 0)
                l->error = errno;
            if (got <= 0)
                return false;
            l->n = (size_t)got;
            l->at = 0;
        }
        char c = l->buffer[l->at++];
        if (c == '\n')
            break;
        if (n + 1 < cap)
            out[n++] = c;
    }
    out[n] = 0;
    return true;
}

/* ---- a mapping: "7f..-7f.. r-xp 00001000 08:01 1234     /usr/lib/a b.so", the last field to the end of the line ---- */

/* These are read in a forked child, too, where stdio is in no known state. *at is moved behind the number. */
static bool take_hex(const char **at, char end, uint64_t *out)
{
    const char *p = *at;
    for (*out = 0; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
        *out = *out << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
    bool found = p > *at && *p == end;
    *at = p + 1;
    return found;
}

static const char *skip_words(const char *at, int n)
{
    for (; n > 0; n--) {
        at += strspn(at, " ");
        at += strcspn(at, " ");
    }
    return at + strspn(at, " ");
}

bool tn_process_mapping(const char *line, tn_mapping *out)
{
    const char *at = line;
    tn_mapping m = {0};
    if (!take_hex(&at, '-', &m.start) || !take_hex(&at, ' ', &m.end) || strcspn(at, " ") != 4)
        return false;
    memcpy(m.perms, at, 4);
    m.name = skip_words(at, 4);
    *out = m;
    return true;
}

bool tn_process_kib(const char *line, const char *key, uint64_t *bytes)
{
    size_t n = strlen(key);
    if (strncmp(line, key, n) != 0 || line[n] != ':')
        return false;
    const char *at = line + n + 1 + strspn(line + n + 1, " \t"), *p = at;
    uint64_t kib = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        kib = 10 * kib + (uint64_t)(*p - '0');
    *bytes = kib << 10;
    return p > at && strcmp(p, " kB") == 0;
}

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Brackets mean the kernel's own names at the beginning only: a path may hold them too. Thread stacks are anonymous; glibc
 * puts a guard below each one. */
enum tn_memory_class tn_process_class(const tn_mapping *m, uint64_t guard_end)
{
    if (strcmp(m->name, "[heap]") == 0)
        return TN_MEMORY_HEAP;
    if (strcmp(m->name, "[stack]") == 0 || begins(m->name, "[stack:"))
        return TN_MEMORY_STACK;
    if (begins(m->name, "[v"))
        return TN_MEMORY_SPECIAL;
    if (m->perms[3] == 's')
        return TN_MEMORY_SHARED;
    if (m->name[0] == '/')
        return TN_MEMORY_FILE;
    return m->start == guard_end && m->perms[1] == 'w' ? TN_MEMORY_STACK : TN_MEMORY_ANONYMOUS;
}

uint64_t tn_process_guard(const tn_mapping *m)
{
    return strcmp(m->perms, "---p") == 0 && m->end - m->start <= 65536 ? m->end : 0;
}

/* ---- ranges ---- */

/* Adds a range; what does not fit is counted only. */
static void add_range(tn_range_list *list, uint64_t start, uint64_t end)
{
    if (list->count && list->count <= list->capacity && list->data[list->count - 1].end == start) {
        list->data[list->count - 1].end = end;
        return;
    }
    if (list->count < list->capacity)
        list->data[list->count] = (tn_range){start, end};
    list->count++;
}

/* Calls fill until everything fits. The list is made larger only before it is filled again: a mapping that goes while the
 * others are listed would be listed, and be read when it is gone. */
static int fill_list(tn_range_list *list, bool (*fill)(tn_range_list *list), tn_error *err)
{
    for (;;) {
        list->count = 0;
        if (list->capacity && !fill(list))
            return TN_EIO;
        if (list->capacity && list->count <= list->capacity)
            return 0;
        uint32_t capacity = list->count + list->count / 2 + 2048;
        tn_range *data =
            tn__realloc(&tn__alloc_pages, list->data, list->capacity * sizeof *data, capacity * sizeof *data);
        if (!data)
            return tn__error_set(err, TN_ENOMEM, 0, "not enough memory to begin a snapshot");
        list->data = data;
        list->capacity = capacity;
    }
}

static bool add_mappings(tn_range_list *list)
{
    char line[512];
    tn_mapping m;
    tn_lines l = {.fd = tn__sys_aside(open("/proc/self/maps", O_RDONLY | O_CLOEXEC))};
    if (l.fd < 0)
        return false;
    while (tn_process_line(&l, line, sizeof line))
        if (tn_process_mapping(line, &m) && m.perms[0] == 'r' && tn_process_class(&m, 0) != TN_MEMORY_SPECIAL)
            add_range(list, m.start, m.end);
    close(l.fd);
    errno = l.error;
    return list->count && !l.error;
}

int tn_process_ranges(tn_range_list *list, tn_error *err)
{
    int status = fill_list(list, add_mappings, err);
    if (status == TN_EIO)
        return errno == ENOENT ? tn__error_set(err, TN_EIO, 0, "/proc/self/maps cannot be read: is /proc mounted?")
                               : tn__sys_error(err, "cannot read", "/proc/self/maps");
    return status;
}

static int add_segments(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    tn_range_list *list = data;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD)
            continue;
        uint64_t start = (info->dlpi_addr + p->p_vaddr) & ~4095ull;
        uint64_t end = (info->dlpi_addr + p->p_vaddr + p->p_memsz + 4095) & ~4095ull;
        add_range(list, start, end);
    }
    return 0;
}

static bool add_modules(tn_range_list *list)
{
    return dl_iterate_phdr(add_segments, list) == 0;
}

/* By start, in place: qsort() of older C libraries calls malloc, and a capture leaves the program's heap as it is. */
void tn_process_sort(tn_range *ranges, uint32_t n)
{
    uint32_t heap = n / 2;
    while (n > 1) {
        tn_range one;
        if (heap > 0) {
            one = ranges[--heap]; /* make a heap, the largest first */
        } else {
            one = ranges[--n]; /* take the largest out */
            ranges[n] = ranges[0];
        }
        uint32_t at = heap;
        for (uint32_t child; (child = 2 * at + 1) < n; at = child) {
            child += child + 1 < n && ranges[child + 1].start > ranges[child].start;
            if (ranges[child].start <= one.start)
                break;
            ranges[at] = ranges[child];
        }
        ranges[at] = one;
    }
}

int tn_process_statics(tn_range_list *list, tn_error *err)
{
    int status = fill_list(list, add_modules, err);
    if (status == 0)
        tn_process_sort(list->data, list->count);
    return status;
}

/* ---- allocator ---- */

/* Does this module define malloc? An executable at a fixed address that takes malloc's address (Debian's Pythons do) has
 * an undefined symbol with a value, its jump to the true one: dlsym and dladdr name the executable then. */
static bool defines_malloc(const struct link_map *module)
{
    Dl_info info;
    void *handle = dlopen(module->l_name[0] ? module->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
    void *found = handle ? dlsym(handle, "malloc") : NULL, *owner = NULL, *symbol = NULL;
    bool defines = found && dladdr1(found, &info, &owner, RTLD_DL_LINKMAP) && owner == module &&
                   dladdr1(found, &info, &symbol, RTLD_DL_SYMENT) && symbol &&
                   ((const ElfW(Sym) *)symbol)->st_shndx != SHN_UNDEF;
    if (handle)
        dlclose(handle);
    return defines;
}

/* The malloc in use is that of the first module, in the linker's order, that defines one. */
bool tn_process_is_glibc(void)
{
    struct link_map *module = NULL;
    void *program = dlopen(NULL, RTLD_LAZY);
    if (!program || dlinfo(program, RTLD_DI_LINKMAP, &module) < 0)
        module = NULL;
    while (module && !defines_malloc(module))
        module = module->l_next;
    if (program)
        dlclose(program);
    return module && strstr(module->l_name, "libc.so") && dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
}

static void read_malloc(tn_process_memory *out)
{
    struct mallinfo2 (*info)(void);
    void *symbol = dlsym(RTLD_DEFAULT, "mallinfo2");
    if (!symbol)
        return;
    memcpy(&info, &symbol, sizeof info);
    struct mallinfo2 m = info();
    out->malloc_known = true;
    out->malloc_in_use = m.uordblks + m.hblkhd;
    out->malloc_free = m.fordblks;
    out->malloc_mmap = m.hblkhd;
}

/* ---- resident memory ---- */

uint64_t tn_process_rss(void)
{
    char text[256];
    unsigned long long size, resident;
    size_t n = tn_process_read_file("/proc/self/statm", text, sizeof text - 1);
    text[n] = 0;
    return sscanf(text, "%llu %llu", &size, &resident) == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void add_smaps_line(const char *line, tn_class_memory *c)
{
    uint64_t bytes;
    if (tn_process_kib(line, "Size", &bytes))
        c->size += bytes;
    else if (tn_process_kib(line, "Rss", &bytes))
        c->rss += bytes;
    else if (tn_process_kib(line, "Pss", &bytes))
        c->pss += bytes;
    else if (tn_process_kib(line, "Swap", &bytes))
        c->swap += bytes;
}

void tn_process_memory_read(tn_process_memory *out, bool glibc)
{
    char line[1024];
    tn_mapping m;
    uint64_t guard_end = 0;
    enum tn_memory_class class = TN_MEMORY_SPECIAL;
    tn_lines l = {.fd = tn__sys_aside(open("/proc/self/smaps", O_RDONLY | O_CLOEXEC))};
    memset(out, 0, sizeof *out);
    while (l.fd >= 0 && tn_process_line(&l, line, sizeof line)) {
        if (tn_process_mapping(line, &m)) {
            class = tn_process_class(&m, guard_end);
            guard_end = tn_process_guard(&m);
        } else {
            add_smaps_line(line, &out->classes[class]);
        }
    }
    if (l.fd >= 0)
        close(l.fd);
    if (l.error)
        memset(out, 0, sizeof *out);
    if (glibc)
        read_malloc(out);
}

uint64_t tn_process_resident(uint64_t address, uint64_t bytes)
{
    unsigned char pages[1024];
    uint64_t start = address & ~4095ull, end = (address + bytes + 4095) & ~4095ull, resident = 0;
    for (; start < end; start += sizeof pages * 4096) {
        uint64_t part = end - start < sizeof pages * 4096 ? end - start : sizeof pages * 4096;
        if (mincore((void *)(uintptr_t)start, part, pages) < 0)
            continue;
        for (uint64_t i = 0; i < part / 4096; i++)
            resident += pages[i] & 1 ? 4096 : 0;
    }
    return resident;
}

uint64_t tn_process_start_ns(void)
{
    char text[4096];
    unsigned long long ticks = 0, boot = 0;
    size_t n = tn_process_read_file("/proc/self/stat", text, sizeof text - 1);
    text[n] = 0;
    const char *after = strrchr(text, ')');
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                         &ticks) != 1)
        return 0;
    tn_lines l = {.fd = tn__sys_aside(open("/proc/stat", O_RDONLY | O_CLOEXEC))};
    char line[512];
    while (l.fd >= 0 && tn_process_line(&l, line, sizeof line))
        if (sscanf(line, "btime %llu", &boot) == 1)
            break;
    if (l.fd >= 0)
        close(l.fd);
    uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
    return boot * 1000000000ull + ticks * (1000000000ull / hz);
}

/* ---- the report ---- */

static void read_link(const char *path, char *out, size_t cap)
{
    ssize_t n = readlink(path, out, cap - 1);
    out[n > 0 ? n : 0] = 0;
}

void tn_process_report_read(tn_process_report *out, bool glibc)
{
    out->read_ns = tn__sys_monotonic_ns();
    out->pid = (uint64_t)getpid();
    out->start_time_ns = tn_process_start_ns();
    tn_process_memory_read(&out->memory, glibc);
    out->argv_bytes = tn_process_read_file("/proc/self/cmdline", out->argv, sizeof out->argv - 1);
    out->argv[out->argv_bytes] = 0;
    out->status[tn_process_read_file("/proc/self/status", out->status, sizeof out->status - 1)] = 0;
    read_link("/proc/self/exe", out->executable, sizeof out->executable);
    read_link("/proc/self/cwd", out->cwd, sizeof out->cwd);
    if (gethostname(out->host, sizeof out->host - 1) < 0)
        out->host[0] = 0;
    out->host[sizeof out->host - 1] = 0;
}
