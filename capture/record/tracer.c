/* tracer.c - what the recorder keeps for each thread.
 *
 * Nothing is called when a thread ends, so nothing can come too late: a record is taken over when the system says that its
 * thread is not there any more. Each new thread asks about a few, by turns.
 */
#include "record/state.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_ROOM = 128, MOST_ROOM = 1 << 20, ASKED = 4, SLAB = 64 };

__thread tn_tracer *tn__tracer __attribute__((tls_model("initial-exec")));
__thread int64_t tn__gap __attribute__((tls_model("initial-exec")));

static struct {
    uint32_t lock;
    tn_tracer *slab; /* unused ones */
    uint32_t n_slab;
    tn_tracer *asked; /* whom to ask about next */
} threads;

static bool is_there(int32_t thread)
{
    return syscall(SYS_tgkill, getpid(), thread, 0) == 0 || errno != ESRCH;
}

static tn_tracer *taken_over(void)
{
    for (unsigned i = 0; i < ASKED && tn__rec.tracers; i++) {
        tn_tracer *t = threads.asked ? threads.asked : tn__rec.tracers;
        threads.asked = t->next;
        if (!t->thread || !is_there(t->thread)) {
            (void)tn_get_acquire(&t->inside);
            (void)tn_get_acquire(&t->busy);
            return t;
        }
    }
    return NULL;
}

enum { FIRST_TIMED = 512, TIMED_EACH = 1024 };

static void clear_costs(tn_tracer *t)
{
    for (unsigned kind = 0; kind < TN_COSTS; kind++) {
        tn_set(&t->left[kind], FIRST_TIMED);
        tn_set(&t->calls[kind], FIRST_TIMED);
        tn_set(&t->timed[kind], 0);
        tn_set(&t->ns[kind], 0);
    }
}

static tn_tracer *new_one(void)
{
    if (!threads.n_slab) {
        threads.slab = tn__pages_get(TN_PART_THREADS, SLAB * sizeof *threads.slab);
        threads.n_slab = threads.slab ? SLAB : 0;
    }
    if (!threads.n_slab)
        return NULL;
    tn_tracer *t = threads.slab++;
    threads.n_slab--;
    t->number = (uint32_t)(TN_BIRTH_TAG >> 48) | tn__rec.n_tracers++ % TN_NOBODY;
    t->next = tn__rec.tracers;
    clear_costs(t);
    __atomic_store_n(&tn__rec.tracers, t, __ATOMIC_SEQ_CST);
    return t;
}

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Numbers of former owners' blocks are below what it counts as recent. */
static void begin(tn_tracer *t)
{
    t->thread = (int32_t)syscall(SYS_gettid);
    t->inside = t->greeted = t->root = t->n_path = t->n_same = 0;
    t->n_recent = 0;
    for (unsigned i = 0; i < TN_RECENT; i++)
        t->recent[i] = tn_get(&tn__rec.births) + 1;
    t->clock = 0;
    t->interval = 0;
}

tn_tracer *tn__tracer_make(void)
{
    if (!tn__has_stacks())
        return NULL;
    int error = errno;
    tn__spin_lock(&threads.lock);
    tn_tracer *t = taken_over();
    if (!t)
        t = new_one();
    if (t)
        begin(t);
    tn__spin_unlock(&threads.lock);
    if (!t)
        tn__drop(TN_DROP_MEMORY);
    errno = error;
    return tn__tracer = t;
}

uint32_t tn__tracer_grow(tn_tracer *t, uint32_t n)
{
    uint32_t room = t->room ? 2 * t->room : FIRST_ROOM;
    size_t row = 2 * sizeof(tn_walked) + sizeof(tn_place);
    tn_walked *walk = room <= MOST_ROOM ? tn__pages_get(TN_PART_THREADS, room * row + sizeof *walk) : NULL;
    if (!walk)
        return t->room;
    tn_walked *path = walk + room + 1;
    tn_place *places = (tn_place *)(path + room);
    uint32_t known = t->n_same > t->n_path ? t->n_same : t->n_path;
    if (t->room) {
        memcpy(walk, t->walk, n * sizeof *walk);
        memcpy(path, t->path, known * sizeof *path);
        memcpy(places, t->places, known * sizeof *places);
        tn__pages_retire(t->walk);
    }
    t->walk = walk;
    t->path = path;
    t->places = places;
    return t->room = room;
}

void tn_record_stand_on(tn_tracer *t, uint32_t root)
{
    t->root = root;
    t->root_run = tn_get(&tn__rec.run);
    t->n_same = 0;
}

void tn__tracers_forked(void)
{
    for (tn_tracer *t = tn__rec.tracers; t; t = t->next) {
        t->busy = 0;
        t->thread = t == tn__tracer ? (int32_t)syscall(SYS_gettid) : 0;
    }
}

/* ---- random numbers: xoshiro256** of Blackman and Vigna ---- */

static uint64_t rotated(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

uint64_t tn__random(tn_tracer *t)
{
    uint64_t *s = t->random;
    if (t->samples_of != tn__rec.session) {
        uint64_t seed = tn__rec.seed + (t->number & TN_NOBODY) + ((uint64_t)tn__rec.clears << 32);
        for (unsigned i = 0; i < 4; i++)
            s[i] = split_mix(&seed);
        t->samples_of = tn__rec.session;
    }
    uint64_t result = rotated(s[1] * 5, 7) * 9, shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotated(s[3], 45);
    return result;
}

double tn__random_unit(tn_tracer *t)
{
    return ((double)(tn__random(t) >> 11) + 1) * 0x1p-53;
}

/* ---- the time that calls take ---- */

void tn__costs_clear(void)
{
    for (tn_tracer *t = tn__rec.tracers; t; t = t->next)
        clear_costs(t);
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t tn__cost_clock(tn_tracer *t, unsigned kind)
{
    tn_set(&t->left[kind], TIMED_EACH - 1);
    tn_set(&t->calls[kind], t->calls[kind] + TIMED_EACH);
    return clock_ns();
}

void tn__cost_add(tn_tracer *t, unsigned kind, uint64_t begun_ns)
{
    tn_set(&t->ns[kind], t->ns[kind] + clock_ns() - begun_ns);
    tn_set(&t->timed[kind], t->timed[kind] + 1);
}
