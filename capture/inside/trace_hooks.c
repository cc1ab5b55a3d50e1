/* trace_hooks.c - around the three allocators: what was there before is called, and what comes later calls us.
 *
 * Two sets of hooks. *Exact* ones follow the recorder's mode from call to call. *Sampled* ones do next to nothing as a rule, so
 * that a sampler can stay on; they know no other mode. Whoever saved our functions goes on calling them, so what is not on
 * top cannot be exchanged or taken out: the exact set then does the sampled set's work, or is put on top of it and leaves
 * sampling to it; and after the end both pass everything through.
 *
 * pymalloc asks RAW for what is larger than 512 bytes, which is no block of its own: exact, RAW does nothing while its thread
 * is inside a hook of MEM or OBJ; sampled, see park().
 */
#include "inside/trace_walk.h"
#include "record/usual.h"

tn_trace tn__trace;
__thread uint64_t tn__trace_last_block __attribute__((tls_model("initial-exec")));

/* With what debug hooks add, no more than this comes out of pymalloc's pools. */
enum { SMALL = 440 };

enum { EXACT, SAMPLED, SETS };
enum { DOMAINS = 3 };
static struct {
    PyMemAllocatorEx under[DOMAINS]; /* what we call */
    bool in_chain[DOMAINS];          /* put in by us, and not taken out as far as we know */
} sets[SETS];

static const PyMemAllocatorDomain py_domains[DOMAINS] = {PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ, PYMEM_DOMAIN_RAW};

#define INLINE static inline __attribute__((always_inline))
#define OUT_OF_LINE static __attribute__((noinline))
#define UNDER(set, domain, call, ...) sets[set].under[domain].call(sets[set].under[domain].ctx, __VA_ARGS__)
#define IS_RAW(domain) ((domain) == TN_DOMAIN_RAW)
#define A(p) ((uint64_t)(uintptr_t)(p))

/* A thread that asks who of ours is called, and whom it met: each lets its block pass, and those below say so, too. */
static struct {
    const tn_tracer *by; /* NULL: nobody asks */
    bool met[SETS];
} asked;

OUT_OF_LINE bool is_asked(unsigned set)
{
    const tn_tracer *by = __atomic_load_n(&asked.by, __ATOMIC_RELAXED);
    return by && by == tn__tracer && (asked.met[set] = true);
}

/* ---- blocks ---- */

INLINE const PyThreadState *state_for(unsigned domain)
{
    return IS_RAW(domain) ? tn__trace_own_state() : tn__trace_state();
}

/* The side on which a block of MEM or OBJ is freed. */
INLINE unsigned side_for(unsigned domain)
{
    return TN_OWN_LOCKS && !IS_RAW(domain) && __builtin_expect(tn__trace.others, 0) ? tn__trace_side(tn__trace_state())
                                                                                    : 0;
}

/* A library that was loaded may track memory by name; where code is new, one may have been. */
INLINE void look(unsigned domain)
{
    if (!IS_RAW(domain) && __builtin_expect(tn__trace.look, 0))
        tn__trace_tracked_ask();
}

/* ---- sampling ---- */

/* What pymalloc asks RAW for is no block of its own: meanwhile RAW counts off a distance that does not run out. */
INLINE int64_t park(unsigned domain)
{
    int64_t gap = tn__gap;
    if (!IS_RAW(domain))
        tn__gap = INT64_MAX / 2;
    return gap;
}

INLINE void unpark(unsigned domain, int64_t gap)
{
    if (!IS_RAW(domain))
        tn__gap = gap;
}

OUT_OF_LINE void sampled_made(tn_tracer *t, unsigned domain, const void *p, size_t n)
{
    const PyThreadState *state = state_for(domain);
    unsigned side = IS_RAW(domain) ? 0 : tn__trace_side(state);
    tn__trace_walk(t, state, !IS_RAW(domain));
    tn_sampled_alloc(t, A(p), n, domain | side);
}

INLINE void *under_alloc(unsigned set, unsigned domain, bool clear, size_t count, size_t n)
{
    return clear ? UNDER(set, domain, calloc, count, n) : UNDER(set, domain, malloc, n);
}

/* The distance has run out. */
OUT_OF_LINE void *sampled_alloc_due(unsigned set, unsigned domain, bool clear, size_t count, size_t n)
{
    bool due = !is_asked(set) && tn__sampled_ran_out() && tn__trace.mode == TN_RECORD_SAMPLED;
    tn_tracer *t = due ? tn_record_enter() : NULL;
    uint64_t begun = t ? tn_cost_begin(t, TN_COST_ALLOC) : 0;
    int64_t gap = park(domain);
    void *p = under_alloc(set, domain, clear, count, n);
    unpark(domain, gap);
    if (!t)
        return p;
    if (p)
        sampled_made(t, domain, p, count * n);
    else
        tn_sampled_missed(t);
    tn_cost_end(t, TN_COST_ALLOC, begun);
    tn_record_leave(t);
    look(domain);
    return p;
}

/* RAW may be asked. */
OUT_OF_LINE void *sampled_alloc_large(unsigned set, unsigned domain, bool clear, size_t count, size_t n)
{
    int64_t gap = park(domain);
    void *p = under_alloc(set, domain, clear, count, n);
    unpark(domain, gap);
    return p;
}

INLINE void *sampled_alloc(unsigned set, unsigned domain, bool clear, size_t count, size_t n)
{
    size_t bytes = count * n;
    if (__builtin_expect((tn__gap -= (int64_t)bytes) < 0, 0))
        return sampled_alloc_due(set, domain, clear, count, n);
    if (!IS_RAW(domain) && __builtin_expect(bytes > SMALL, 0))
        return sampled_alloc_large(set, domain, clear, count, n);
    return under_alloc(set, domain, clear, count, n);
}

OUT_OF_LINE void sampled_free_maybe(unsigned set, unsigned domain, void *p)
{
    tn_tracer *t = p && tn__trace.mode == TN_RECORD_SAMPLED ? tn_record_enter() : NULL;
    if (t) {
        uint64_t begun = tn_cost_begin(t, TN_COST_FREE);
        if (domain == TN_DOMAIN_OBJ)
            tn_record_code_dies(A(p));
        tn_sampled_free(t, A(p), domain | side_for(domain));
        tn_cost_end(t, TN_COST_FREE, begun);
        tn_record_leave(t);
    }
    UNDER(set, domain, free, p);
}

INLINE void sampled_free(unsigned set, unsigned domain, void *p)
{
    if (tn_sampled_maybe(A(p)))
        sampled_free_maybe(set, domain, p);
    else
        UNDER(set, domain, free, p);
}

/* The distance has run out, or p may be a sample. What comes back is as good as new. */
OUT_OF_LINE void *sampled_realloc_maybe(unsigned set, unsigned domain, void *p, size_t n)
{
    bool due = tn__gap < 0 && tn__sampled_ran_out();
    tn_tracer *t = tn__trace.mode == TN_RECORD_SAMPLED ? tn_record_enter() : NULL;
    uint64_t begun = t ? tn_cost_begin(t, TN_COST_RESIZE) : 0;
    unsigned full = domain | side_for(domain);
    tn_taken taken;
    bool was = t && p && tn_sampled_maybe(A(p)) && tn_sampled_take(t, A(p), full, &taken);
    int64_t gap = park(domain);
    void *q = UNDER(set, domain, realloc, p, n);
    unpark(domain, gap);
    if (!t)
        return q;
    if (due && q)
        sampled_made(t, domain, q, n);
    else if (due)
        tn_sampled_missed(t);
    if (was && !q)
        tn_sampled_give(t, &taken, A(p), full);
    tn_cost_end(t, TN_COST_RESIZE, begun);
    tn_record_leave(t);
    return q;
}

INLINE void *sampled_realloc(unsigned set, unsigned domain, void *p, size_t n)
{
    if (__builtin_expect((tn__gap -= (int64_t)n) < 0, 0) || tn_sampled_maybe(A(p)))
        return sampled_realloc_maybe(set, domain, p, n);
    int64_t gap = park(domain);
    void *q = UNDER(set, domain, realloc, p, n);
    unpark(domain, gap);
    return q;
}

/* ---- recording ---- */

/* The end of a call whose time is taken, or that is not as usual. */
OUT_OF_LINE void made_any(tn_tracer *t, unsigned domain, const void *p, size_t n)
{
    uint64_t begun = tn_cost_begin(t, TN_COST_ALLOC);
    const PyThreadState *state = state_for(domain);
    unsigned side = IS_RAW(domain) ? 0 : tn__trace_side(state);
    tn__trace_walk(t, state, !IS_RAW(domain));
    tn_record_alloc(t, A(p), n, domain | side);
    tn_cost_end(t, TN_COST_ALLOC, begun);
}

INLINE void made(tn_tracer *t, unsigned domain, const void *p, size_t n)
{
    const PyThreadState *state = tn__trace_state();
    if (__builtin_expect(!t->left[TN_COST_ALLOC] || tn__trace_side(state), 0)) {
        made_any(t, domain, p, n);
        return;
    }
    t->left[TN_COST_ALLOC]--;
    tn__trace_walk(t, state, true);
    if (!tn__usual_alloc(t, A(p), n, domain))
        tn_record_alloc(t, A(p), n, domain);
}

/* ---- the exact set ---- */

/* Nothing is recorded exactly. Does this set sample? Not what is left to a sampled set below. */
INLINE bool samples(unsigned domain)
{
    return tn__trace.mode == TN_RECORD_SAMPLED && !is_asked(EXACT) && !sets[SAMPLED].in_chain[domain];
}

INLINE bool is_exact(void)
{
    return __builtin_expect(tn__trace.mode == TN_RECORD_EXACT, 1);
}

/* An object that was made, or resized, is told of as one that is made. */
INLINE void last_block(unsigned domain, const void *p)
{
    if (domain == TN_DOMAIN_OBJ && TN_REF_TRACER)
        tn__trace_last_block = A(p);
}

OUT_OF_LINE void *exact_alloc_any(unsigned domain, bool clear, size_t count, size_t n)
{
    if (!is_exact())
        return samples(domain) ? sampled_alloc(EXACT, domain, clear, count, n)
                               : under_alloc(EXACT, domain, clear, count, n);
    tn_tracer *t = tn_record_enter();
    void *p = under_alloc(EXACT, domain, clear, count, n);
    if (!t)
        return p;
    if (p) {
        made_any(t, domain, p, count * n);
        last_block(domain, p);
    }
    tn_record_leave(t);
    look(domain);
    return p;
}

INLINE void *exact_alloc(unsigned domain, bool clear, size_t count, size_t n)
{
    tn_tracer *t = tn__tracer;
    if (IS_RAW(domain) || !is_exact() || __builtin_expect(!t || t->inside, 0))
        return exact_alloc_any(domain, clear, count, n);
    t->inside = 1;
    void *p = under_alloc(EXACT, domain, clear, count, n);
    if (__builtin_expect(p != NULL, 1)) {
        made(t, domain, p, count * n);
        last_block(domain, p);
    }
    tn_record_leave(t);
    look(domain);
    return p;
}

OUT_OF_LINE void exact_free_any(unsigned domain, void *p)
{
    if (!is_exact()) {
        if (samples(domain))
            sampled_free(EXACT, domain, p);
        else
            UNDER(EXACT, domain, free, p);
        return;
    }
    tn_tracer *t = p ? tn_record_enter() : NULL;
    if (t) {
        uint64_t begun = tn_cost_begin(t, TN_COST_FREE);
        if (domain == TN_DOMAIN_OBJ && tn_sampled_maybe(A(p)))
            tn_record_code_dies(A(p));
        tn_record_free(t, A(p), domain | side_for(domain));
        tn_cost_end(t, TN_COST_FREE, begun);
        tn_record_leave(t);
    }
    UNDER(EXACT, domain, free, p);
}

/* Nothing is called meanwhile, so the thread need not be marked as inside. */
INLINE void exact_free(unsigned domain, void *p)
{
    tn_tracer *t = tn__tracer;
    if (IS_RAW(domain) || !is_exact() || __builtin_expect(!t || t->inside || !t->left[TN_COST_FREE], 0) ||
        (domain == TN_DOMAIN_OBJ && tn_sampled_maybe(A(p))) || side_for(domain) || !tn__usual_free(t, A(p))) {
        exact_free_any(domain, p);
        return;
    }
    t->left[TN_COST_FREE]--;
    UNDER(EXACT, domain, free, p);
}

INLINE void *exact_realloc(unsigned domain, void *p, size_t n)
{
    if (!is_exact())
        return samples(domain) ? sampled_realloc(EXACT, domain, p, n) : UNDER(EXACT, domain, realloc, p, n);
    tn_tracer *t = tn_record_enter();
    if (!t)
        return UNDER(EXACT, domain, realloc, p, n);
    tn_taken taken;
    uint64_t begun = tn_cost_begin(t, TN_COST_RESIZE);
    unsigned full = domain | side_for(domain);
    bool was = p && tn_record_take(t, A(p), full, &taken);
    void *q = UNDER(EXACT, domain, realloc, p, n);
    if (was)
        tn_record_give(t, &taken, q ? A(q) : A(p), q ? n : taken.bytes, full);
    else if (q)
        made_any(t, domain, q, n);
    last_block(domain, q);
    tn_cost_end(t, TN_COST_RESIZE, begun);
    tn_record_leave(t);
    return q;
}

/* ---- as functions: one of each kind for each domain, which use no context ---- */

#define FUNCTIONS(set, name, ...)                                    \
    static void *set##_malloc_##name(void *ctx, size_t n)            \
    {                                                                \
        (void)ctx;                                                   \
        return set##_alloc(__VA_ARGS__, false, 1, n);                \
    }                                                                \
    static void *set##_calloc_##name(void *ctx, size_t n, size_t of) \
    {                                                                \
        (void)ctx;                                                   \
        return set##_alloc(__VA_ARGS__, true, n, of);                \
    }                                                                \
    static void *set##_realloc_##name(void *ctx, void *p, size_t n)  \
    {                                                                \
        (void)ctx;                                                   \
        return set##_realloc(__VA_ARGS__, p, n);                     \
    }                                                                \
    static void set##_free_##name(void *ctx, void *p)                \
    {                                                                \
        (void)ctx;                                                   \
        set##_free(__VA_ARGS__, p);                                  \
    }

FUNCTIONS(exact, mem, TN_DOMAIN_MEM)
FUNCTIONS(exact, obj, TN_DOMAIN_OBJ)
FUNCTIONS(exact, raw, TN_DOMAIN_RAW)
FUNCTIONS(sampled, mem, SAMPLED, TN_DOMAIN_MEM)
FUNCTIONS(sampled, obj, SAMPLED, TN_DOMAIN_OBJ)
FUNCTIONS(sampled, raw, SAMPLED, TN_DOMAIN_RAW)

#define ALLOCATOR(set, name)                                                                    \
    {                                                                                           \
        NULL, set##_malloc_##name, set##_calloc_##name, set##_realloc_##name, set##_free_##name \
    }
static const PyMemAllocatorEx ours[SETS][DOMAINS] = {
    {ALLOCATOR(exact, mem), ALLOCATOR(exact, obj), ALLOCATOR(exact, raw)},
    {ALLOCATOR(sampled, mem), ALLOCATOR(sampled, obj), ALLOCATOR(sampled, raw)},
};

/* ---- the chain ---- */

static unsigned set_of(enum tn_record_mode mode)
{
    return mode == TN_RECORD_SAMPLED ? SAMPLED : EXACT;
}

/* The set whose hooks are on top; SETS: another's are. */
static unsigned on_top(unsigned domain, PyMemAllocatorEx *top)
{
    unsigned set = 0;
    PyMem_GetAllocator(py_domains[domain], top);
    while (set < SETS && top->free != ours[set][domain].free)
        set++;
    return set;
}

/* A thread without the GIL may see half of an exchange: so ours have the context of what they replace, which they do not use. */
static void put_in(unsigned domain, unsigned set, const PyMemAllocatorEx *under)
{
    PyMemAllocatorEx hooks = ours[set][domain];
    hooks.ctx = under->ctx;
    sets[set].under[domain] = *under;
    sets[set].in_chain[domain] = true;
    PyMem_SetAllocator(py_domains[domain], &hooks);
}

/* What is below those of ours that are on top. */
static unsigned peel(unsigned domain, PyMemAllocatorEx *top)
{
    unsigned n = 0;
    for (unsigned set = on_top(domain, top); set < SETS; n++) {
        *top = sets[set].under[domain];
        sets[set].in_chain[domain] = false;
        for (set = 0; set < SETS && top->free != ours[set][domain].free;)
            set++;
    }
    return n;
}

/* ---- are we called? ---- */

static void *ask(unsigned domain)
{
    return domain == TN_DOMAIN_MEM   ? PyMem_Malloc(1)
           : domain == TN_DOMAIN_OBJ ? PyObject_Malloc(1)
                                     : PyMem_RawMalloc(1);
}

static void take_back(unsigned domain, void *p)
{
    if (domain == TN_DOMAIN_MEM)
        PyMem_Free(p);
    else if (domain == TN_DOMAIN_OBJ)
        PyObject_Free(p);
    else
        PyMem_RawFree(p);
}

/* Who came after us may have gone with us, or come back: a block of one byte shows who of ours is in the chain. It is due as a
 * sample, so that the sampled set looks who asks. The exact set, while it records, counts the call; what is below it then
 * does not matter. */
static void find(unsigned domain)
{
    tn_tracer *t = tn_record_enter();
    if (!t)
        return;
    tn_record_leave(t);
    uint64_t calls = tn_cost_calls(t, TN_COST_ALLOC);
    int64_t gap = tn__gap;
    asked.met[EXACT] = asked.met[SAMPLED] = false;
    tn__gap = -1;
    __atomic_store_n(&asked.by, t, __ATOMIC_RELAXED);
    void *p = ask(domain);
    __atomic_store_n(&asked.by, NULL, __ATOMIC_RELAXED);
    tn__gap = gap;
    if (!p)
        return;
    sets[EXACT].in_chain[domain] = asked.met[EXACT] || tn_cost_calls(t, TN_COST_ALLOC) != calls;
    if (tn__trace.mode == TN_RECORD_SAMPLED)
        sets[SAMPLED].in_chain[domain] = asked.met[SAMPLED];
    take_back(domain, p);
}

static bool serves(unsigned domain, enum tn_record_mode mode)
{
    return sets[EXACT].in_chain[domain] || (mode == TN_RECORD_SAMPLED && sets[SAMPLED].in_chain[domain]);
}

bool tn__trace_is_called(void)
{
    bool all = true;
    for (unsigned domain = 0; domain < DOMAINS && tn__trace.mode != TN_RECORD_OFF; domain++) {
        PyMemAllocatorEx top;
        if (on_top(domain, &top) == set_of(tn__trace.mode))
            continue;
        find(domain);
        all = all && serves(domain, tn__trace.mode);
    }
    return all;
}

/* ---- in and out ---- */

/* One exchange each, so that no call of another thread passes by. */
void tn__trace_install(enum tn_record_mode mode)
{
    for (unsigned domain = 0; domain < DOMAINS; domain++) {
        PyMemAllocatorEx top;
        find(domain); /* to be in the chain twice would be to call oneself for ever */
        unsigned n = peel(domain, &top);
        if (!serves(domain, mode))
            put_in(domain, set_of(mode), &top);
        else if (n)
            PyMem_SetAllocator(py_domains[domain], &top);
    }
}

void tn__trace_remove(void)
{
    for (unsigned domain = 0; domain < DOMAINS; domain++) {
        PyMemAllocatorEx top;
        if (peel(domain, &top))
            PyMem_SetAllocator(py_domains[domain], &top);
    }
}
