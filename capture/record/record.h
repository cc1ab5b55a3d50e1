/* record.h - the allocation recorder: which stack allocated each block that is alive, and what each stack has allocated.
 *
 * There is one, for the whole process. It knows nothing of Python: hooks around the allocators (capture/inside) tell it of
 * blocks and hand it stacks as (code object, instruction) pairs; recorded.h is what the writer of a snapshot reads.
 *
 *     exact    every block, in a shadow of the address space: removing a trace is two stores
 *     sampled  a Poisson process over the bytes: a block of s bytes is in with probability 1 - exp(-s/interval)
 *
 * Two sides. *Locked* is who holds the one lock that all callers of this side share (the GIL): domains MEM and OBJ, which
 * pay plain stores. *Apart* is everybody else: domain RAW always, whether the caller happens to hold the lock or not, what
 * is tracked by name, and MEM and OBJ of an interpreter with a lock of its own (| TN_DOMAIN_APART); they pay a lock of the
 * site and atomic additions. A block is freed on the side on which it was allocated.
 *
 * What control calls there are (start, stop, clear, switch, reset, and forking) need the lock, and no hook of this thread in
 * progress; they wait until nobody is inside apart. Calls never fail the program: what cannot be recorded is dropped and
 * counted by cause. Memory comes from own mappings; nothing here calls malloc, and errno is kept.
 *
 * A hook, exact:
 *
 *     malloc   p = real(n); if (p && (t = tn_record_enter())) { n_frames into t->walk; tn_walk_end(t, n_frames);
 *              tn_record_alloc(t, p, n, domain); tn_record_leave(t); }
 *                                                     for MEM and OBJ enter before the real malloc: it may ask RAW for memory
 *     free     enter; tn_record_free(t, p, domain); leave; real(p): the address may be somebody else's right after it
 *     realloc  enter; was = tn_record_take(t, p, domain, &taken); q = real(p, n);
 *              q ? (was ? tn_record_give(t, &taken, q, n) : walk, tn_record_alloc) : was ? tn_record_give(t, &taken, p,
 *              taken.bytes) : nothing; leave
 *
 * and sampled, where next to nothing is done as a rule:
 *
 *     malloc   p = real(n); if (p && tn_sampled_due(n) && (t = tn_record_enter())) { walk; tn_sampled_alloc(…); leave }
 *     free     if (tn_sampled_maybe(p) && (t = tn_record_enter())) { tn_sampled_free(t, p, domain); leave } real(p)
 *     realloc  was = tn_sampled_maybe(p) && tn_sampled_take(t, p, domain, &taken); q = real(p, n);
 *              q ? as malloc of n : was ? tn_sampled_give(t, &taken, p, domain) : nothing
 *
 * where MEM and OBJ keep tn__gap and put it back around a real call that may ask RAW for memory. To count n before the real
 * call is right as well: if that fails and n was not due, nothing is lost; if n was due, tn_sampled_missed.
 */
#ifndef TN_RECORD_H
#define TN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tn_tracer tn_tracer;

enum tn_record_mode { TN_RECORD_OFF, TN_RECORD_EXACT, TN_RECORD_SAMPLED };

/* Allocators, by index. */
enum {
    TN_DOMAIN_MEM,
    TN_DOMAIN_OBJ,
    TN_DOMAIN_RAW,
    TN_DOMAIN_TRACKED,   /* the first that tn_record_domain gives */
    TN_DOMAINS = 64,     /* the last of which holds all that came too late for an index */
    TN_DOMAIN_APART = 64 /* added to MEM and OBJ by callers that do not hold the lock */
};

/* A frame of a walk. A pseudo frame has its number in the first two fields. */
typedef struct tn_walked {
    uint64_t code;   /* address of the code object */
    uint64_t at;     /* address of the instruction; while its code lives, no other frame has it */
    uint64_t frame;  /* its own address, for hooks that look whether it is there still; 0: not known */
    uint64_t unseen; /* is no part of stacks */
} tn_walked;

enum {
    TN_FRAME_NATIVE = 1, /* no frame of Python; recorded where the walk is empty */
    TN_FRAME_TRUNCATED,  /* the stack was deeper than the walk could hold, or was to */
    TN_FRAME_LOST,       /* tables were full */
    TN_FRAME_GC,         /* of the sampler only: a garbage collection runs */
    TN_FRAME_CHANGING,   /* likewise: what was called here changed faster than it could be read */
    TN_FRAME_PSEUDO = 16 /* addresses below are numbers of pseudo frames, or of roots' names */
};

/* A code object in plain bytes, valid until the next call of describe: texts in UTF-8 (docs/format.md, `STRS`). */
typedef struct tn_code_facts {
    const char *name, *qualname, *file;
    const uint8_t *lines; /* location table */
    uint32_t n_name, n_qualname, n_file, n_lines;
    uint32_t first_line;
} tn_code_facts;

typedef struct tn_record_options {
    enum tn_record_mode mode;
    uint32_t depth;          /* innermost frames that walks keep; 0: all */
    uint64_t interval_bytes; /* sampled: mean distance of samples; 0: 512 KiB */
    uint64_t seed;           /* of the threads' generators; 0: from the system */
    uint32_t max_samples; /* sampled: beyond it the interval doubles and samples are thinned; 0: 16384; at most 65536 */
    uint64_t max_bytes;   /* of own mappings; what needs more is dropped; 0: no limit */
    uint32_t code_offset; /* from a code object to its first instruction */
    /* Called the first time a code object is seen, on a thread that executes it; may not allocate. false: nothing known. */
    bool (*describe)(uint64_t code, tn_code_facts *facts);
} tn_record_options;

/* ---- record.c: control ---- */

/* TN_EINVAL: running already, no mode, an interval above 2^40. TN_ENOMEM. */
int tn_record_start(const tn_record_options *options);
/* Forgets all and gives the memory back, but what it keeps of each thread, and stacks where tn_record_stacks was called; also
 * when off. */
void tn_record_stop(void);
void tn_record_clear(void);      /* forgets blocks and sums; stacks stay, an interval that was doubled does not */
void tn_record_reset_peak(void); /* the high-water mark and each site's begin with what is alive now */
void tn_record_missed(void); /* the same where frees were not told: code objects are not known by address any more */
/* Another mode or interval (0: as it was) on the run. From exact to sampled each live block is kept with its probability;
 * to exact nothing is kept: estimates are no exact rows. TN_EINVAL: off, or no such mode or interval. */
int tn_record_switch(enum tn_record_mode mode, uint64_t interval_bytes);
enum tn_record_mode tn_record_mode(void);
/* Stacks by number from now on, to the end of the process, also while nothing is recorded: for who keeps them with something
 * else, and calls tn_record_code_dies. TN_ENOMEM. */
int tn_record_stacks(uint32_t code_offset, bool (*describe)(uint64_t code, tn_code_facts *facts));
bool tn_record_has_stacks(void);

/* Around fork(): between before and after nobody records apart. A child made by a bare clone() may call only child, and
 * need not when it only reads: no reader takes a lock. In the child only the calling thread is left. */
void tn_record_before_fork(void);
void tn_record_after_fork_parent(void);
void tn_record_after_fork_child(void);

/* The index of a domain known by number (PyTraceMalloc_Track); any thread. */
unsigned tn_record_domain(uint32_t number);
/* A root that stacks of some threads stand on, by name. 0 (none) when tables are full. Any thread. */
uint32_t tn_record_root(const char *name, size_t n);
/* What the stacks of t's thread stand on from now on, until the recorder is stopped; 0: nothing. On that thread. */
void tn_record_stand_on(tn_tracer *t, uint32_t root);
/* Memory is being freed: if it is a code object's, what comes to its address is another. Any thread; where
 * tn_sampled_maybe(address), in each mode, else there is no code object. */
void tn_record_code_dies(uint64_t address);

/* ---- tracer.c: threads ---- */

enum { TN_RECENT = 16 }; /* freed before its thread's 16th further allocation: temporary */

/* Kinds of calls whose time is taken, one in 1024. */
enum { TN_COST_ALLOC, TN_COST_RESIZE, TN_COST_FREE, TN_COSTS };

/* A step from a node of the call tree to the next, which a thread has made lately; node 0: none. */
typedef struct tn_step {
    uint64_t at; /* the instruction, see tn_walked */
    uint32_t parent, node;
    uint32_t site[2]; /* of the stack that ends here, of MEM and OBJ; 0: not known yet */
} tn_step;

/* A frame of the path: its node of the call tree, 0 before the first, and its step, if that has not made room for another. */
typedef struct tn_place {
    uint32_t node, step;
} tn_place;
enum { TN_STEP_BITS = 8 };

/* A thread's own part of the recorder. The hooks use the first of it. */
struct tn_tracer {
    tn_walked *walk; /* filled by the hook, innermost frame first */
    /* The stack that is to be recorded, outermost frame first: tn_walk_end, or the hook itself, makes it so. path[-1] is all
     * zero. */
    tn_walked *path;
    uint32_t room; /* frames that each of them can hold */
    uint32_t n_path;
    uint32_t n_same; /* frames of path that are as they were when their nodes were looked up */
    uint32_t inside;
    uint32_t greeted; /* the hooks' own; 0 for a thread that is new */
    /* Private from here. */
    uint32_t root, root_run;
    uint32_t number; /* with bit 15, see tn__birth */
    uint32_t busy, code_generation;
    tn_place *places; /* of path */
    uint64_t n_recent, recent[TN_RECENT];
    uint64_t clock; /* sampled: what the thread will have allocated when tn__gap runs out */
    float interval; /* under which tn__gap was drawn; 0: not yet */
    uint32_t samples_of;
    uint64_t random[4];
    uint32_t left[TN_COSTS];                                 /* calls until one whose time is taken */
    uint64_t calls[TN_COSTS], timed[TN_COSTS], ns[TN_COSTS]; /* calls: what they will have been then */
    int32_t thread;
    struct tn_tracer *next;
    tn_step steps[1 << TN_STEP_BITS]; /* by hash */
};

extern __thread tn_tracer *tn__tracer __attribute__((tls_model("initial-exec")));
extern __thread int64_t tn__gap __attribute__((tls_model("initial-exec")));

tn_tracer *tn__tracer_make(void);                   /* of this thread; NULL: off, or no memory */
uint32_t tn__tracer_grow(tn_tracer *t, uint32_t n); /* more room for walk, whose first n frames are kept; the room */

/* NULL: off, no memory, or this thread is inside already. */
static inline tn_tracer *tn_record_enter(void)
{
    tn_tracer *t = tn__tracer;
    if (__builtin_expect(!t, 0) && !(t = tn__tracer_make()))
        return NULL;
    if (t->inside)
        return NULL;
    t->inside = 1;
    return t;
}

static inline void tn_record_leave(tn_tracer *t)
{
    __atomic_store_n(&t->inside, 0, __ATOMIC_RELEASE); /* for who takes the record over when this thread has ended */
}

/* Is there room for frame n of a walk? Where there is none the walk ends with n: the recorder says so in the stack. */
static inline bool tn_walk_room(tn_tracer *t, uint32_t n)
{
    return n < t->room || tn__tracer_grow(t, n) > n;
}

/* The first n frames of walk are the stack. */
static inline __attribute__((always_inline)) void tn_walk_end(tn_tracer *t, uint32_t n)
{
    const tn_walked *f = t->walk + n;
    uint32_t same = t->n_same;
    for (uint32_t i = 0; i < n; i++) {
        f--;
        if (f->at != t->path[i].at || f->code != t->path[i].code || f->unseen != t->path[i].unseen)
            same = same < i ? same : i;
        t->path[i] = *f;
    }
    t->n_path = n;
    t->n_same = same;
}

/* Whether this call of a kind is one whose time is taken: then its beginning, else 0. A thread's first calls, which fetch
 * memory, are not. */
uint64_t tn__cost_clock(tn_tracer *t, unsigned kind);
void tn__cost_add(tn_tracer *t, unsigned kind, uint64_t begun_ns);
static inline uint64_t tn_cost_begin(tn_tracer *t, unsigned kind)
{
    if (!t->left[kind])
        return tn__cost_clock(t, kind);
    t->left[kind]--;
    return 0;
}
static inline uint64_t tn_cost_calls(const tn_tracer *t, unsigned kind)
{
    return __atomic_load_n(&t->calls[kind], __ATOMIC_RELAXED) - __atomic_load_n(&t->left[kind], __ATOMIC_RELAXED);
}
static inline void tn_cost_end(tn_tracer *t, unsigned kind, uint64_t begun_ns)
{
    if (begun_ns)
        tn__cost_add(t, kind, begun_ns);
}

/* ---- stacks.c ---- */

/* The number of the stack that was walked; on the locked side. */
uint32_t tn_record_stack(tn_tracer *t);

/* ---- shadow.c: exact ---- */

/* A trace between the removal of a block and its return. */
typedef struct tn_taken {
    uint64_t bytes, birth;
    uint32_t site;
    float interval; /* 0: exact */
    uint64_t clock;
    uint32_t session;
} tn_taken;

void tn_record_alloc(tn_tracer *t, uint64_t address, uint64_t bytes, unsigned domain);
void tn_record_free(tn_tracer *t, uint64_t address, unsigned domain);
/* false: not traced, and *taken is untouched. What was taken must be given, or dropped. */
bool tn_record_take(tn_tracer *t, uint64_t address, unsigned domain, tn_taken *taken);
void tn_record_give(tn_tracer *t, const tn_taken *taken, uint64_t address, uint64_t bytes, unsigned domain);

/* In each mode: a block of RAW counts as if it had never been allocated, for its owner tracks it by name. Of other domains none
 * does. */
void tn_record_untrack(tn_tracer *t, uint64_t address);

/* ---- sampled.c ---- */

enum { TN_FILTER_BITS = 17 };
extern uint8_t tn__filter[1 << TN_FILTER_BITS]; /* samples and code objects whose address is there; 255 stays */

/* Neighbours are neighbours: what is freed keeps few lines of the cache busy. */
static inline uint32_t tn__filter_of(uint64_t address)
{
    return (uint32_t)address >> 4 & ((1u << TN_FILTER_BITS) - 1);
}

bool tn__sampled_ran_out(void);

/* Counts bytes that this thread has allocated. true: a sample, for tn_sampled_alloc; where that cannot be, it is lost. */
static inline bool tn_sampled_due(uint64_t bytes)
{
    return __builtin_expect((tn__gap -= (int64_t)bytes) < 0, 0) && tn__sampled_ran_out();
}

/* false: certainly no sample, and no code object that stacks were seen in. */
static inline bool tn_sampled_maybe(uint64_t address)
{
    return __builtin_expect(__atomic_load_n(&tn__filter[tn__filter_of(address)], __ATOMIC_RELAXED), 0);
}

void tn_sampled_alloc(tn_tracer *t, uint64_t address, uint64_t bytes, unsigned domain);
void tn_sampled_free(tn_tracer *t, uint64_t address, unsigned domain);
void tn_sampled_missed(tn_tracer *t); /* what was due could not be allocated: the distance is drawn anew */
/* Before a realloc: a sample goes out of the live sums, though it was not freed. What comes back is allocated anew, by its
 * whole size and where it is resized. false: none. */
bool tn_sampled_take(tn_tracer *t, uint64_t address, unsigned domain, tn_taken *taken);
/* The realloc has failed: it is as it was. */
void tn_sampled_give(tn_tracer *t, const tn_taken *taken, uint64_t address, unsigned domain);

#endif
