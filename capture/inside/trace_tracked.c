/* trace_tracked.c - memory that extensions track by name: numpy's arrays, and whatever else calls PyTraceMalloc_Track.
 *
 * The two functions are CPython's own and tell nobody but tracemalloc. A library calls them through a word of its own, which
 * the dynamic linker filled; while we record, that word has our function, which calls CPython's (docs/decisions/trace-hooks.md).
 */
#include "inside/trace_walk.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#define A(p) ((uint64_t)(uintptr_t)(p))

/* ---- in place of CPython's functions ---- */

static unsigned domain_of(unsigned number)
{
    static uint64_t last; /* number and index; 0: none */
    uint64_t seen = __atomic_load_n(&last, __ATOMIC_RELAXED);
    if (seen >> 32 == tn__trace.run && (seen >> 6 & 0x3ffffff) == number)
        return seen & 63;
    unsigned index = tn_record_domain(number);
    if (number <= 0x3ffffff)
        __atomic_store_n(&last, (uint64_t)tn__trace.run << 32 | (uint64_t)number << 6 | index, __ATOMIC_RELAXED);
    return index;
}

static void forget(tn_tracer *t, unsigned domain, uint64_t address)
{
    if (tn__trace.mode == TN_RECORD_EXACT)
        tn_record_free(t, address, domain);
    else if (tn_sampled_maybe(address))
        tn_sampled_free(t, address, domain);
}

/* Tracked again: it has another size and another stack, as in tracemalloc. */
static int track(unsigned number, uintptr_t address, size_t bytes)
{
    tn_tracer *t = tn__trace.mode == TN_RECORD_OFF ? NULL : tn_record_enter();
    if (t) {
        unsigned domain = domain_of(number);
        forget(t, domain, address);
        bool exact = tn__trace.mode == TN_RECORD_EXACT;
        bool due = exact || tn_sampled_due(bytes);
        if (due)
            tn__trace_walk(t, tn__trace_own_state(), false);
        if (exact)
            tn_record_alloc(t, address, bytes, domain);
        else if (due)
            tn_sampled_alloc(t, address, bytes, domain);
        tn_record_leave(t);
    }
    return PyTraceMalloc_Track(number, address, bytes);
}

static int untrack(unsigned number, uintptr_t address)
{
    tn_tracer *t = tn__trace.mode == TN_RECORD_OFF ? NULL : tn_record_enter();
    if (t) {
        forget(t, domain_of(number), address);
        tn_record_leave(t);
    }
    return PyTraceMalloc_Untrack(number, address);
}

/* ---- words of libraries ---- */

enum { CALLS = 2 };
static const char *const names[CALLS] = {"PyTraceMalloc_Track", "PyTraceMalloc_Untrack"};

typedef struct library {
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * tables[2]; /* of calls, of data */
    size_t counts[2];
    ElfW(Addr) base, relro, relro_end; /* read only since the start */
} library;

static uint64_t function(unsigned call, bool is_ours)
{
    const uint64_t ours[CALLS] = {A(track), A(untrack)},
                   theirs[CALLS] = {A(PyTraceMalloc_Track), A(PyTraceMalloc_Untrack)};
    return is_ours ? ours[call] : theirs[call];
}

static void read_dynamic(const ElfW(Dyn) * d, library *out)
{
    for (; d->d_tag != DT_NULL; d++)
        switch (d->d_tag) {
        case DT_SYMTAB: out->symbols = (const void *)d->d_un.d_ptr; break;
        case DT_STRTAB: out->strings = (const void *)d->d_un.d_ptr; break;
        case DT_JMPREL: out->tables[0] = (const void *)d->d_un.d_ptr; break;
        case DT_PLTRELSZ: out->counts[0] = d->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_RELA: out->tables[1] = (const void *)d->d_un.d_ptr; break;
        case DT_RELASZ: out->counts[1] = d->d_un.d_val / sizeof(ElfW(Rela)); break;
        default: break;
        }
}

/* A library that was loaded before is looked through once. */
static struct {
    uint64_t seen[4096];
    unsigned n_seen;
    unsigned long long loaded, unloaded; /* libraries there have been */
    bool on;
} known;

static bool is_known(uint64_t key)
{
    for (unsigned i = 0; i < known.n_seen; i++)
        if (known.seen[i] == key)
            return true;
    if (known.n_seen < sizeof known.seen / sizeof *known.seen)
        known.seen[known.n_seen++] = key;
    return false;
}

/* false: the library holds us, or cannot be read. */
static bool read_library(const struct dl_phdr_info *info, library *out)
{
    *out = (library){.base = info->dlpi_addr};
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        ElfW(Addr) start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;
        if (p->p_type == PT_LOAD && A(names) >= start && A(names) < end)
            return false;
        if (p->p_type == PT_DYNAMIC)
            read_dynamic((const void *)start, out);
        if (p->p_type == PT_GNU_RELRO) {
            out->relro = start;
            out->relro_end = end;
        }
    }
    /* glibc has made addresses of these, other linkers leave offsets; the kernel's library has none at all. */
    return out->symbols && out->strings && A(out->symbols) >= out->base && A(out->strings) >= out->base;
}

static void set_word(const library *l, uint64_t *word, uint64_t value)
{
    size_t bytes = (size_t)getpagesize();
    void *page = (void *)(A(word) & ~(uint64_t)(bytes - 1));
    bool guarded = A(word) >= l->relro && A(word) < l->relro_end;
    if (guarded && mprotect(page, bytes, PROT_READ | PROT_WRITE) != 0)
        return;
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
    if (guarded)
        mprotect(page, bytes, PROT_READ);
}

#if defined(__x86_64__)
enum { CALL_WORD = R_X86_64_JUMP_SLOT, DATA_WORD = R_X86_64_GLOB_DAT };
#elif defined(__aarch64__)
enum { CALL_WORD = R_AARCH64_JUMP_SLOT, DATA_WORD = R_AARCH64_GLOB_DAT };
#else
enum { CALL_WORD = -1, DATA_WORD = -2 }; /* none is known */
#endif

static int type_of(const ElfW(Rela) * r)
{
    return (int)ELF64_R_TYPE(r->r_info);
}

/* Only what is CPython's function, or ours, is replaced: another tool's stays. One that was not called yet may have its
 * library's own stub, which would look CPython's up and forget us: it is replaced as well. */
static void set_words(const library *l, const ElfW(Rela) * r, bool on)
{
    const char *name = l->strings + l->symbols[ELF64_R_SYM(r->r_info)].st_name;
    for (unsigned call = 0; call < CALLS; call++) {
        if (strcmp(name, names[call]) != 0)
            continue;
        uint64_t *word = (uint64_t *)(l->base + r->r_offset), seen = *word;
        bool is_stub = type_of(r) == CALL_WORD && seen - l->base < (uint64_t)1 << 31 && seen != function(call, false);
        if (on ? seen == function(call, false) || is_stub : seen == function(call, true))
            set_word(l, word, function(call, on));
    }
}

static int look_at(struct dl_phdr_info *info, size_t size, void *ctx)
{
    library l;
    (void)ctx;
    if (size >= sizeof *info && known.on && info->dlpi_adds == known.loaded && info->dlpi_subs == known.unloaded)
        return 1;
    if ((known.on && is_known(info->dlpi_addr ^ A(info->dlpi_name))) || !read_library(info, &l))
        return 0;
    for (unsigned t = 0; t < 2; t++)
        for (size_t i = 0; l.tables[t] && i < l.counts[t]; i++)
            if (type_of(&l.tables[t][i]) == CALL_WORD || type_of(&l.tables[t][i]) == DATA_WORD)
                set_words(&l, &l.tables[t][i], known.on);
    return 0;
}

static int count_libraries(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)ctx, (void)size;
    if (info->dlpi_subs != known.unloaded)
        known.n_seen = 0;
    known.loaded = info->dlpi_adds;
    known.unloaded = info->dlpi_subs;
    return 1;
}

void tn__trace_tracked(bool on)
{
    known.on = on;
    known.n_seen = 0;
    known.loaded = known.unloaded = 0;
    tn__trace_tracked_look();
}

/* Interpreters with a lock of their own may come at once: then one looks. */
void tn__trace_tracked_look(void)
{
    static bool busy;
    int error = errno;
    tn__trace.look = 0;
    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return;
    dl_iterate_phdr(look_at, NULL);
    dl_iterate_phdr(count_libraries, NULL);
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    errno = error;
}
