/* areas.c - where pointers may stand outside of objects: writable data of the program and its libraries, as the loader knows
 * them, and private writable mappings that no file is behind. No Python.h, no malloc.
 */
#include "inside/inside.h"

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_AREAS = 8192, PAGE = 4096 };

static void add(tn_area_list *list, uint64_t start, uint64_t end, enum tn_area_kind kind, const char *name)
{
    if (start >= end)
        return;
    if (list->count == MAX_AREAS) {
        list->overflow = true;
        return;
    }
    tn_area *area = &list->data[list->count++];
    *area = (tn_area){.start = start, .end = end, .kind = kind};
    tn__compose(area->name, sizeof area->name, "%s", name);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool contains(const struct dl_phdr_info *info, uint64_t address)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && address - (info->dlpi_addr + p->p_vaddr) < p->p_memsz)
            return true;
    }
    return false;
}

/* Whose data it is: names of files would not tell the interpreter from what embeds it or is called alike. */
static int add_data(struct dl_phdr_info *info, size_t size, void *ctx)
{
    tn_area_list *list = ctx;
    bool interpreter = contains(info, list->interpreter);
    const char *name = interpreter                                      ? TN_SEEN_INTERPRETER
                       : !info->dlpi_name[0]                            ? "the program"
                       : contains(info, (uint64_t)(uintptr_t)last_part) ? TN_SEEN_OWN
                                                                        : last_part(info->dlpi_name);
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        uint64_t start = info->dlpi_addr + p->p_vaddr;
        uint32_t before = list->count;
        if (p->p_type == PT_LOAD && (p->p_flags & PF_W))
            add(list, (start + 7) & ~7ull, start + p->p_memsz, TN_AREA_STATIC, name);
        if (list->count > before)
            list->data[before].interpreter = interpreter;
    }
    return 0;
}

/* The end of library data that the start of a mapping still belongs to: the kernel joins it with what lies behind it. */
static uint64_t behind_data(const tn_area_list *list, uint64_t start)
{
    for (uint32_t i = 0; i < list->count; i++) {
        uint64_t end = (list->data[i].end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        if (list->data[i].kind == TN_AREA_STATIC && list->data[i].start <= start && start < end)
            start = end;
    }
    return start;
}

static void add_mapping(tn_area_list *list, const tn_mapping *m, enum tn_memory_class class, uint64_t stack)
{
    if (m->perms[0] != 'r' || m->perms[1] != 'w' || m->perms[3] != 'p')
        return;
    uint64_t start = stack >= m->start && stack < m->end ? stack : behind_data(list, m->start);
    if (class == TN_MEMORY_STACK || start == stack)
        add(list, start, m->end, TN_AREA_STACK, "");
    else if (class == TN_MEMORY_HEAP)
        add(list, start, m->end, TN_AREA_HEAP, "");
    else if (class == TN_MEMORY_ANONYMOUS)
        add(list, start, m->end, TN_AREA_OTHER, "");
}

static void add_mappings(tn_area_list *list, uint64_t stack)
{
    char line[512];
    tn_mapping m;
    uint64_t guard_end = 0;
    tn_lines l = {.fd = tn__sys_aside(open("/proc/self/maps", O_RDONLY | O_CLOEXEC))};
    while (l.fd >= 0 && tn_process_line(&l, line, sizeof line))
        if (tn_process_mapping(line, &m)) {
            add_mapping(list, &m, tn_process_class(&m, guard_end), stack);
            guard_end = tn_process_guard(&m);
        }
    if (l.fd >= 0)
        close(l.fd);
    list->overflow |= l.fd < 0 || l.error;
}

static bool is_resident(uint64_t address, uint64_t bytes)
{
    unsigned char pages[512];
    for (uint64_t at = address & ~(uint64_t)(PAGE - 1); at < address + bytes; at += sizeof pages * PAGE) {
        uint64_t part = address + bytes - at < sizeof pages * PAGE ? address + bytes - at : sizeof pages * PAGE;
        if (mincore((void *)(uintptr_t)at, part, pages) < 0)
            return true; /* some of it is gone: what is left is copied */
        for (uint64_t i = 0; i < (part + PAGE - 1) / PAGE; i++)
            if (pages[i] & 1)
                return true;
    }
    return false;
}

static size_t peek(void *ctx, uint64_t address, void *out, size_t n)
{
    tn_area_list *list = ctx;
    if (list->memory < 0) /* of the process that walks: the forked one opens its own */
        list->memory = tn__sys_aside(open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
    if (list->memory < 0 || !is_resident(address, n))
        return 0;
    ssize_t got = pread(list->memory, out, n, (off_t)address);
    return got > 0 ? (size_t)got : 0;
}

void tn_inside_open_areas(tn_inside *inside, uint64_t stack)
{
    tn_area_list *list = &inside->areas;
    if (!list->data)
        list->data = tn__alloc(&tn__alloc_pages, MAX_AREAS * sizeof *list->data);
    if (!list->data)
        return;
    list->count = 0;
    list->overflow = false;
    list->interpreter = inside->target.subtype_traverse;
    list->memory = -1;
    dl_iterate_phdr(add_data, list);
    add_mappings(list, stack);
    if (list->overflow)
        return;
    inside->target.areas = list->data;
    inside->target.n_areas = list->count;
    inside->target.peek = peek;
    inside->target.peek_ctx = list;
}

void tn_inside_close_areas(tn_inside *inside)
{
    if (inside->target.areas && inside->areas.memory >= 0)
        close(inside->areas.memory);
    inside->target.areas = NULL;
    inside->target.n_areas = 0;
}
