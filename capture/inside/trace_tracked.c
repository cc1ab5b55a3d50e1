/* trace_tracked.c - memory that extensions track by name: numpy's arrays, and whatever else calls PyTraceMalloc_Track.
 *
 * The two functions are CPython's own and tell nobody but tracemalloc. A library calls them through a word of its own, which
 * the dynamic linker filled; while we record, that word has our function, which calls CPython's (docs/decisions/trace-hooks.md).
 */
#include "inside/trace_walk.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
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

/* The domain of tracemalloc in which all three allocators are. An extension that takes memory from one and tracks it by a name
 * of its own takes it out of there first, as numpy does since 2.5: then it counts by its name alone. Not before it is tracked:
 * while tracemalloc is off, numpy leaves an array that was resized at that. */
enum { ALLOCATORS = 0 };
static __thread uint64_t taken_out __attribute__((tls_model("initial-exec"))); /* the last such address */

static void leave_allocators(tn_tracer *t, uint64_t address)
{
    if (taken_out == address && (tn__trace.mode == TN_RECORD_EXACT || tn_sampled_maybe(address)))
        tn_record_untrack(t, address);
    taken_out = 0;
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
        leave_allocators(t, address);
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
        if (number == ALLOCATORS)
            taken_out = address;
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
    ElfW(Addr) base, end, relro, relro_end; /* relro: pages that are read only since the start */
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

/* How often the dynamic linker has added and removed a library. */
typedef struct changes {
    unsigned long long added, removed;
} changes;

/* A library that was loaded before is looked through once. Of who looks. */
static struct {
    uint64_t seen[4096];
    unsigned n_seen;
    changes changes; /* until then all have been looked through */
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
    ElfW(Addr) pages = ~((ElfW(Addr))getpagesize() - 1);
    *out = (library){.base = info->dlpi_addr};
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        ElfW(Addr) start = info->dlpi_addr + p->p_vaddr, end = start + p->p_memsz;
        if (p->p_type == PT_LOAD && A(names) >= start && A(names) < end)
            return false;
        if (p->p_type == PT_LOAD && end > out->end)
            out->end = end;
        if (p->p_type == PT_DYNAMIC)
            read_dynamic((const void *)start, out);
        if (p->p_type == PT_GNU_RELRO) { /* what is in part on a page is data as well: linkers leave it */
            out->relro = start & pages;
            out->relro_end = end & pages;
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
        bool is_stub = type_of(r) == CALL_WORD && seen - l->base < l->end - l->base && seen != function(call, false);
        if (on ? seen == function(call, false) || is_stub : seen == function(call, true))
            set_word(l, word, function(call, on));
    }
}

static int look_at(struct dl_phdr_info *info, size_t size, void *ctx)
{
    const changes *until = ctx;
    library l;
    (void)size;
    if (info->dlpi_adds != until->added || info->dlpi_subs != until->removed)
        return 1;
    if ((known.on && is_known(info->dlpi_addr ^ A(info->dlpi_name))) || !read_library(info, &l))
        return 0;
    for (unsigned t = 0; t < 2; t++)
        for (size_t i = 0; l.tables[t] && i < l.counts[t]; i++)
            if (type_of(&l.tables[t][i]) == CALL_WORD || type_of(&l.tables[t][i]) == DATA_WORD)
                set_words(&l, &l.tables[t][i], known.on);
    return 0;
}

static int count_changes(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    *(changes *)ctx = (changes){info->dlpi_adds, info->dlpi_subs};
    return 1;
}

/* A library is in the linker's list before its words are filled and its pages closed. Whoever loads one holds another lock of
 * the linker's until that is done, which dladdr() waits for. false: meanwhile somebody loads the next. */
static bool look_once(bool on)
{
    changes now = {0};
    Dl_info here;
    dl_iterate_phdr(count_changes, &now);
    if (on == known.on && memcmp(&now, &known.changes, sizeof now) == 0)
        return true;
    dladdr(names, &here);
    if (on != known.on || now.removed != known.changes.removed)
        known.n_seen = 0;
    known.on = on;
    if (dl_iterate_phdr(look_at, &now) != 0)
        return false;
    known.changes = now;
    return true;
}

/* ---- in a child of a fork ---- */

enum { PATIENCE_NS = 100000000 };

/* Somebody may have had the linker's lock when the process forked: then it is held for ever here, and who asks for it hangs. */
static struct {
    pthread_t id; /* of a thread that asks for it */
    bool is_doubtful, runs;
} probe;

static struct timespec soon(void)
{
    enum { SECOND_NS = 1000000000 };
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += PATIENCE_NS;
    t.tv_sec += t.tv_nsec / SECOND_NS;
    t.tv_nsec %= SECOND_NS;
    return t;
}

static void *ask_for_lock(void *nothing)
{
    changes c;
    dl_iterate_phdr(count_changes, &c);
    return nothing;
}

static bool starts_probe(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool runs = pthread_create(&probe.id, NULL, ask_for_lock, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return runs;
}

/* false: not known yet. Only the first one waits. */
static bool has_linker(void)
{
    struct timespec until = {0};
    if (!probe.is_doubtful)
        return true;
    if (!probe.runs) {
        if (!(probe.runs = starts_probe()))
            return false;
        until = soon();
    }
    if (pthread_timedjoin_np(probe.id, NULL, &until) != 0)
        return false;
    probe.is_doubtful = probe.runs = false;
    return true;
}

/* ---- when ---- */

static pthread_mutex_t looking = PTHREAD_MUTEX_INITIALIZER;
static __thread bool holds_looking __attribute__((tls_model("initial-exec")));
static bool asked; /* for look_now */

/* Without the GIL: another thread may wait for it, and hold the linker's lock, in a callback of dl_iterate_phdr(). The mode may
 * change meanwhile: who changes it looks afterwards. */
static bool look(void)
{
    PyThreadState *state = PyEval_SaveThread();
    pthread_mutex_lock(&looking);
    bool can = has_linker();
    while (can && !look_once(__atomic_load_n(&tn__trace.mode, __ATOMIC_RELAXED) != TN_RECORD_OFF))
        ;
    pthread_mutex_unlock(&looking);
    PyEval_RestoreThread(state);
    return can;
}

/* What could not be taken out passes everything through. */
void tn__trace_tracked(void)
{
    look();
}

/* Whoever gives up the GIL may wait long for it: so only if there are more modules, or fewer. */
static int look_now(void *nothing)
{
    static Py_ssize_t n_modules;
    (void)nothing;
    asked = false;
    if (tn__trace.mode == TN_RECORD_OFF || !Py_IsInitialized())
        return 0;
    Py_ssize_t n = PyDict_Size(PyImport_GetModuleDict());
    if (n != n_modules && look())
        n_modules = n;
    return 0;
}

/* Other interpreters may have pending calls of their own, which run who knows when. */
void tn__trace_tracked_ask(void)
{
    const PyThreadState *state = tn__trace_state();
    if (!state || state->interp != tn__trace.interpreter)
        return;
    tn__trace.look = 0;
    if (!asked && Py_AddPendingCall(look_now, NULL) == 0)
        asked = true;
    else if (!asked)
        tn__trace.look = 1; /* too many of others */
}

/* ---- forks ---- */

/* In a child nobody gives back a lock of the linker's that we hold. Who looks may wait for it, though, while somebody else has
 * it who waits for what the forking thread holds: then the lock is not ours. */
void tn__trace_tracked_before_fork(void)
{
    struct timespec until = soon();
    holds_looking = pthread_mutex_timedlock(&looking, &until) == 0;
}

void tn__trace_tracked_after_fork(bool in_child)
{
    if (holds_looking) {
        pthread_mutex_unlock(&looking);
    } else if (in_child) {
        looking = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        known.n_seen = 0;
        known.changes = (changes){0};
    }
    if (in_child) {
        probe.is_doubtful = true;
        probe.runs = false;
    }
    holds_looking = false;
}
