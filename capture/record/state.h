/* state.h - the recorder's state, and what its files share.
 *
 * Who may write what:
 *     plain fields                        control calls, which exclude everybody; or the lock named beside them
 *     tn_get, tn_set (relaxed atomics)    several threads; a reader may see one call less
 *     tally of a site of the locked side  plain, holders of that side's lock; of any other site, and of all while sampling:
 *                                         under the site's own lock, by tn_set, because readers do not take it
 */
#ifndef TN_RECORD_STATE_H
#define TN_RECORD_STATE_H

#include "record/recorded.h"

#include <math.h>

/* ---- atomics and locks ---- */

#define tn_get(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define tn_set(p, value) __atomic_store_n(p, value, __ATOMIC_RELAXED)
#define tn_get_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define tn_set_release(p, value) __atomic_store_n(p, value, __ATOMIC_RELEASE)
#define tn_add(p, value) __atomic_add_fetch(p, value, __ATOMIC_RELAXED)

/* A lock holds the number of the process that took it: one that was held when its process forked is free in the child. */
void tn__spin_lock(uint32_t *lock);
static inline void tn__spin_unlock(uint32_t *lock)
{
    tn_set_release(lock, 0);
}

/* ---- pages.c: memory ---- */

void *tn__pages_get(unsigned part, size_t bytes); /* zeroed, 64-aligned; NULL: none, or beyond the limit */
void tn__pages_put(void *p);                      /* only while all are excluded; NULL is none */
void tn__pages_put_all(unsigned part);            /* likewise, all that is of a part */
void tn__pages_retire(void *p); /* to be given back at the next exclusion: somebody may be reading it */
void tn__pages_sweep(void);     /* gives back what was retired */
/* Mapped without a head, for what must be page after page. */
void *tn__pages_map(unsigned part, size_t bytes);
void tn__pages_unmap(unsigned part, void *p, size_t bytes);
int tn__pages_open_map(void); /* for what follows; -1, which it takes, too: there is none */
void tn__pages_close_map(int map);
uint64_t tn__pages_resident(int map); /* of what tn__pages_get gave */
uint64_t tn__pages_mapped(unsigned part);
uint64_t tn__pages_resident_at(int map, const void *p, size_t bytes);

/* An array that never moves: a directory of segments. */
enum { SEGMENTS = 4096 };
typedef struct tn_segments {
    void *at[SEGMENTS];
    uint32_t count; /* rows there are, from 1 on; published after the row is whole */
} tn_segments;
/* Room for one more row, not counted yet; its id in *id. NULL: none. Under the lock that guards the array. */
void *tn__segments_add(tn_segments *s, unsigned part, unsigned shift, size_t row_bytes, uint32_t *id);

/* Ids by hash: open addressing over (hash, id), replaced as a whole when it grows. Found without a lock. */
typedef struct tn_index_table {
    uint32_t mask;
    uint64_t slots[];
} tn_index_table;
typedef struct tn_index {
    tn_index_table *table;
    uint32_t used;
} tn_index;
/* stale: whether a slot need not be kept when the table grows; NULL: all are. false: no memory. */
bool tn__index_add(tn_index *x, unsigned part, uint32_t hash, uint32_t id, bool (*stale)(uint32_t hash, uint32_t id));

/* same is to be inlined. 0: not there. */
static inline __attribute__((always_inline)) uint32_t
tn__index_find(const tn_index *x, uint32_t hash, bool (*same)(uint32_t id, const void *key), const void *key)
{
    const tn_index_table *table = tn_get_acquire(&x->table);
    if (!table)
        return 0;
    for (uint32_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        uint64_t slot = tn_get_acquire(&table->slots[i]);
        if (!slot)
            return 0;
        if (slot >> 32 == hash && same((uint32_t)slot, key))
            return (uint32_t)slot;
    }
}

/* ---- rows ---- */

/* A node of the call tree. */
typedef struct tn_call_row {
    uint32_t parent, code, instruction;
    uint32_t site; /* the first whose stack ends here */
} tn_call_row;
enum { NODE_SHIFT = 14, LOST_NODE = 1 /* of <lost> */ };

/* What is allocated by one stack from one domain. */
typedef struct tn_site {
    uint32_t stack, next; /* the next with this stack */
    uint32_t domain;      /* with TN_DOMAIN_APART */
    uint32_t lock;
    int64_t temporary_bytes, temporary_count;
} tn_site;
/* One line of the cache. Counts are in units of 1 / TN_COUNT_ONE, for weights are not whole. */
typedef struct tn_sums {
    int64_t allocated_bytes, allocated_count, live_bytes, live_count;
    int64_t at_peak_bytes,
        at_peak_count; /* what was alive at the high-water mark, if epoch is that mark's; else live_* */
    uint64_t epoch;
    int64_t peak_bytes; /* largest live_bytes */
} tn_sums;
enum { SITE_SHIFT = 12, TN_COUNT_ONE = 1 << 16, LOST_SITE = 1 /* of all that no site could be made for */ };

typedef struct tn_code_row {
    tn_code_facts facts; /* texts are copies of ours */
    uint32_t hash, pseudo;
} tn_code_row;
enum { CODE_SHIFT = 12 };

/* A code object that lives: several may have one row. */
typedef struct tn_alias {
    uint64_t address; /* 0: died */
    uint32_t code, next_free;
} tn_alias;
enum { ALIAS_SHIFT = 14 };

/* ---- the state ---- */

typedef struct tn_recorder {
    uint32_t mode, session; /* a session ends with all blocks forgotten */
    uint32_t code_generation, closed;
    uint32_t sampling;               /* the sampler is inside apart */
    uint32_t kept;                   /* for whom: tn__tables_keep */
    uint32_t run, clears;            /* starts there were; and since then, how often all was forgotten */
    uint64_t births, started_births; /* the latter: what all was forgotten at */
    int64_t live, live_apart;        /* bytes, by side */
    int64_t peak;
    uint64_t peak_birth;
    uint64_t epoch;    /* high-water marks there were */
    uint64_t interval; /* bytes */
    uint32_t max_samples, n_tracers;
    uint32_t process; /* 1, in a child 2, … */
    uint32_t intern;  /* lock: guards codes, stacks, sites, domains */
    tn_tracer *tracers;
    uint64_t seed, max_bytes;
    tn_record_options options;
    uint64_t dropped[TN_DROPS];
    tn_index alias_index, code_index, node_index;
    tn_segments aliases, codes, nodes, sites, tallies;
    uint32_t free_alias, n_domains;
    uint32_t domains[TN_DOMAINS]; /* numbers by index */
} tn_recorder;
extern tn_recorder tn__rec;

static inline tn_call_row *tn__node_at(uint32_t id)
{
    return (tn_call_row *)tn__rec.nodes.at[id >> NODE_SHIFT] + (id & ((1u << NODE_SHIFT) - 1));
}

static inline tn_site *tn__site_at(uint32_t id)
{
    return (tn_site *)tn__rec.sites.at[id >> SITE_SHIFT] + (id & ((1u << SITE_SHIFT) - 1));
}

static inline tn_sums *tn__sums_at(uint32_t id)
{
    return (tn_sums *)tn__rec.tallies.at[id >> SITE_SHIFT] + (id & ((1u << SITE_SHIFT) - 1));
}

static inline tn_code_row *tn__code_at(uint32_t id)
{
    return (tn_code_row *)tn__rec.codes.at[id >> CODE_SHIFT] + (id & ((1u << CODE_SHIFT) - 1));
}

static inline bool tn__is_apart(unsigned domain)
{
    return domain >= TN_DOMAIN_RAW;
}

/* Blocks of the three allocators share one space of addresses, what is tracked by name has one for each name. */
static inline uint64_t tn__block_key(uint64_t address, unsigned domain)
{
    unsigned index = domain & (TN_DOMAIN_APART - 1);
    return address | (uint64_t)(index >= TN_DOMAIN_TRACKED ? index : 0) << 57;
}

static inline void tn__drop(unsigned cause)
{
    tn_add(&tn__rec.dropped[cause], 1);
}

/* ---- record.c ---- */

bool tn__busy_wait(uint32_t *busy); /* the slow part of tn__busy_enter */

/* To be inside apart is to keep control calls waiting: never around a call of somebody else's. false: off. */
static inline bool tn__busy_enter(uint32_t *busy)
{
    __atomic_store_n(busy, 1, __ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_load_n(&tn__rec.closed, __ATOMIC_SEQ_CST), 0))
        return tn__busy_wait(busy);
    return true;
}

static inline void tn__busy_leave(uint32_t *busy)
{
    tn_set_release(busy, 0);
}

static inline bool tn__apart_enter(tn_tracer *t)
{
    return tn__busy_enter(&t->busy);
}

static inline void tn__apart_leave(tn_tracer *t)
{
    tn__busy_leave(&t->busy);
}

/* Stacks and code objects are kept, whether allocations are recorded or not. With the lock. */
enum { TN_KEPT_FOR_SAMPLER = 1, TN_KEPT_FOR_STACKS = 2 };
bool tn__tables_keep(uint32_t whom);    /* false: no memory */
void tn__tables_release(uint32_t whom); /* what was retired has been given back */
/* Are stacks of threads' own walks wanted? */
static inline bool tn__has_stacks(void)
{
    return tn_get(&tn__rec.mode) != TN_RECORD_OFF || tn_get(&tn__rec.kept) & TN_KEPT_FOR_STACKS;
}

/* ---- tracer.c ---- */

void tn__tracers_forked(void);        /* in a child: the others are not there */
void tn__costs_clear(void);           /* of all threads, while all are excluded */
uint64_t tn__random(tn_tracer *t);    /* xoshiro256** */
double tn__random_unit(tn_tracer *t); /* in (0, 1] */

/* The number of an allocation, and its thread, which counts it among its recent ones: 63 one · 62…48 thread · 47…0 number. */
#define TN_BIRTH_TAG (1ull << 63)
enum { TN_NOBODY = 0x7fff }; /* no thread's number */
static inline uint64_t tn__birth(tn_tracer *t, bool apart)
{
    uint64_t birth;
    if (apart) {
        birth = tn_add(&tn__rec.births, 1);
    } else {
        birth = tn_get(&tn__rec.births) + 1;
        tn_set(&tn__rec.births, birth);
    }
    t->recent[t->n_recent++ % TN_RECENT] = birth;
    return birth | (uint64_t)t->number << 48; /* 2^48 are ten months at ten million a second */
}

static inline uint64_t tn__birth_number(uint64_t birth)
{
    return birth & ((1ull << 48) - 1);
}

/* ---- codes.c ---- */

bool tn__codes_start(void); /* the pseudo frames */
void tn__codes_free(void);
void tn__codes_forget(void);                                    /* all aliases, and then the filter is to be cleared */
void tn__codes_mark(void);                                      /* in the filter, once that was cleared */
uint32_t tn__code_known(uint64_t code);                         /* TN_FRAME_LOST where tables are full */
uint32_t tn__code_add(const tn_code_facts *f, uint32_t pseudo); /* under intern; 0: no memory */

/* ---- stacks.c ---- */

uint32_t tn__node(uint32_t parent, uint32_t code, uint32_t instruction); /* 0: no memory */
uint32_t tn__pseudo(uint32_t parent, uint32_t pseudo, const char *name,
                    uint32_t n); /* a frame without code; likewise */

/* ---- sites.c ---- */

bool tn__sites_start(void);
void tn__stacks_free(void);                         /* of stacks and sites */
void tn__sites_free(void);                          /* of sites alone */
uint32_t tn__site(uint32_t stack, unsigned domain); /* LOST_SITE where tables are full */
void tn__sites_clear(void);
void tn__sites_reset_peak(void);
void tn__sites_forget_live(void); /* what is alive counts for nothing; what was allocated stays */

/* Where a step from parent to the instruction at is kept. */
static inline uint32_t tn__step_at(uint32_t parent, uint64_t at)
{
    return (((uint32_t)at ^ parent * 0x85ebca6bu) * 0x9e3779b1u) >> (32 - TN_STEP_BITS);
}

/* Of t's path. */
uint32_t tn__site_of(tn_tracer *t, unsigned domain);
/* The same for MEM and OBJ of the locked side, where all frames are as they were, or all but the innermost, which has been
 * there before. 0: not known. */
static inline __attribute__((always_inline)) uint32_t tn__site_usual(tn_tracer *t, unsigned domain)
{
    uint32_t last = t->n_path - 1; /* where there is no frame n_same is less */
    if (t->n_same < last || t->code_generation != tn_get(&tn__rec.code_generation))
        return 0;
    if (t->n_same > last) {
        tn_place at = t->places[last];
        return t->steps[at.step].node == at.node ? t->steps[at.step].site[domain] : 0;
    }
    const tn_walked *frame = &t->path[last];
    uint32_t parent = last ? t->places[last - 1].node : t->root, i = tn__step_at(parent, frame->at);
    const tn_step *step = &t->steps[i];
    if (step->at != frame->at || step->parent != parent || frame->unseen || !step->site[domain])
        return 0;
    t->places[last] = (tn_place){step->node, i};
    t->n_same = last + 1;
    return step->site[domain];
}

#define TN_FIELD_ADD(apart, field, change) \
    ((apart) ? tn_set(&(field), (field) + (change)) : (void)((field) += (change)))

/* A change of what a site has allocated and of what is alive of it. locked: by the site's lock, else by that of its side. */
static inline __attribute__((always_inline)) void tn__tally(uint32_t site, const bool locked, const bool grows,
                                                            int64_t made_bytes, int64_t made_count, int64_t bytes,
                                                            int64_t count)
{
    tn_recorder *r = &tn__rec;
    tn_sums *y = tn__sums_at(site);
    int64_t total;
    if (locked) {
        tn__spin_lock(&tn__site_at(site)->lock);
        total = tn_add(&r->live_apart, bytes) + tn_get(&r->live);
    } else {
        total = tn_get(&r->live) + bytes;
        tn_set(&r->live, total);
        total += grows ? tn_get(&r->live_apart) : 0;
    }
    if (grows && total > tn_get(&r->peak)) {
        tn_set(&r->peak, total);
        tn_set(&r->peak_birth, tn_get(&r->births));
        tn_set(&r->epoch, tn_get(&r->epoch) + 1);
    } else {
        uint64_t epoch = tn_get(&r->epoch);
        if (y->epoch != epoch) {
            TN_FIELD_ADD(locked, y->at_peak_bytes, y->live_bytes - y->at_peak_bytes);
            TN_FIELD_ADD(locked, y->at_peak_count, y->live_count - y->at_peak_count);
            TN_FIELD_ADD(locked, y->epoch, epoch - y->epoch);
        }
    }
    if (grows) {
        TN_FIELD_ADD(locked, y->allocated_bytes, made_bytes);
        TN_FIELD_ADD(locked, y->allocated_count, made_count);
    }
    TN_FIELD_ADD(locked, y->live_bytes, bytes);
    TN_FIELD_ADD(locked, y->live_count, count);
    if (grows && y->live_bytes > y->peak_bytes)
        TN_FIELD_ADD(locked, y->peak_bytes, y->live_bytes - y->peak_bytes);
    if (locked)
        tn__spin_unlock(&tn__site_at(site)->lock);
}

static inline void tn__temporary(uint32_t site, bool locked, int64_t bytes, int64_t count)
{
    tn_site *s = tn__site_at(site);
    if (locked) {
        tn_add(&s->temporary_bytes, bytes);
        tn_add(&s->temporary_count, count);
    } else {
        s->temporary_bytes += bytes;
        s->temporary_count += count;
    }
}

/* ---- blocks.c: a table of blocks by key ---- */

typedef struct tn_block_row {
    uint64_t key, bytes;
    uint64_t birth; /* with the thread's number */
    uint64_t clock;
    uint32_t site;
    float interval; /* 0: exact */
} tn_block_row;

bool tn__rows_put(const tn_block_row *b,
                  tn_block_row *replaced); /* false: no memory. replaced->key 0: none was there */
bool tn__rows_take(uint64_t key, tn_block_row *taken);
bool tn__rows_find(uint64_t key, tn_block_row *found);                          /* no lock: see recorded.h */
void tn__rows_each(bool (*visit)(void *ctx, const tn_block_row *b), void *ctx); /* no lock */
/* Each row under its lock, some twice: change may alter interval; false: it goes. */
void tn__rows_filter(bool (*change)(void *ctx, tn_block_row *b), void *ctx);
uint32_t tn__rows_count(void);
void tn__rows_clear(void); /* while all are excluded; so, too: */
void tn__rows_free(void);
void tn__filter_mark(uint64_t address,
                     int change); /* tn_sampled_maybe(address) from now on, or for this reason no more */

/* ---- shadow.c ---- */

/* Each block in ascending order; those too large for a slot have bytes UINT64_MAX. */
void tn__shadow_each(bool (*visit)(void *ctx, uint64_t address, uint64_t bytes, uint64_t birth, uint32_t site),
                     void *ctx);
bool tn__shadow_find(uint64_t address, uint64_t *bytes, uint64_t *birth, uint32_t *site);
uint64_t tn__shadow_resident(int map);
void tn__shadow_free(void);
void tn__block_forget(tn_tracer *t, const tn_block_row *b, bool is_free); /* takes b out of its site's live sums */

/* ---- sampled.c ---- */

double tn__probability(uint64_t bytes, double interval); /* of a sample */
/* Blocks and bytes that a block stands for. */
static inline double tn__weight(uint64_t bytes, float interval)
{
    return interval > 0 ? 1 / tn__probability(bytes, interval) : 1;
}
int64_t tn__weighted_bytes(uint64_t bytes, float interval);
int64_t tn__weighted_count(uint64_t bytes, float interval);
void tn__sampled_thin(tn_tracer *t); /* to the interval there is now */
/* Makes samples of what is recorded exactly: while all are excluded. */
void tn__sampled_convert(tn_tracer *t);

#endif
