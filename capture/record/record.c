/* record.c - the recorder's state, and what starts, stops and changes it.
 *
 * Control calls exclude everybody: the caller holds the lock of the locked side, and those apart raise a flag of their thread
 * before they look whether they may come in, while the caller raises `closed` before it looks whether anybody is in. Both in
 * one total order, so one of them sees the other.
 */
#include "record/state.h"

#include "tonnage.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { DEFAULT_INTERVAL = 512 << 10, DEFAULT_SAMPLES = 16384, MOST_SAMPLES = 65536 };

tn_recorder tn__rec = {.process = 1};

/* Who is waited for may run on this processor, and as a real-time thread below us: then sched_yield() gives it
 * nothing. */
static void wait_a_little(unsigned tries)
{
    enum { SPINS = 64, YIELDS = 100, SLEEP_NS = 50000 };
    if (tries >= SPINS + YIELDS)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){.tv_nsec = SLEEP_NS}, NULL); /* errno stays */
    else if (tries >= SPINS)
        sched_yield();
}

void tn__spin_lock(uint32_t *lock)
{
    uint32_t self = tn_get(&tn__rec.process);
    for (unsigned tries = 0;; tries++) {
        uint32_t seen = tn_get(lock);
        if (seen != self && __atomic_compare_exchange_n(lock, &seen, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
        wait_a_little(tries);
    }
}

/* ---- exclusion ---- */

bool tn__busy_wait(uint32_t *busy)
{
    for (;;) {
        __atomic_store_n(busy, 0, __ATOMIC_SEQ_CST);
        for (unsigned tries = 0; __atomic_load_n(&tn__rec.closed, __ATOMIC_SEQ_CST); tries++)
            wait_a_little(tries);
        __atomic_store_n(busy, 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&tn__rec.closed, __ATOMIC_SEQ_CST))
            return true;
    }
}

static void wait_for(const uint32_t *busy)
{
    for (unsigned tries = 0; __atomic_load_n(busy, __ATOMIC_SEQ_CST); tries++)
        wait_a_little(tries);
}

static void exclude(void)
{
    __atomic_store_n(&tn__rec.closed, 1, __ATOMIC_SEQ_CST);
    for (const tn_tracer *t = __atomic_load_n(&tn__rec.tracers, __ATOMIC_SEQ_CST); t; t = t->next)
        wait_for(&t->busy);
    wait_for(&tn__rec.sampling);
    tn__pages_sweep();
}

static void admit(void)
{
    __atomic_store_n(&tn__rec.closed, 0, __ATOMIC_SEQ_CST);
}

/* ---- control ---- */

static uint64_t system_seed(void)
{
    uint64_t seed = 0;
    int error = errno;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)now.tv_sec;
    }
    errno = error;
    return seed;
}

static bool is_mode(enum tn_record_mode mode)
{
    return mode == TN_RECORD_EXACT || mode == TN_RECORD_SAMPLED;
}

/* Blocks, and what was counted of them. The gaps of other threads stay: they were drawn under an interval they know. */
static void forget_blocks(void)
{
    tn_recorder *r = &tn__rec;
    tn__gap = 0;
    if (tn__tracer)
        tn__tracer->interval = 0;
    tn__shadow_free();
    tn__rows_clear();
    tn__codes_mark();
    r->session++;
    r->clears++;
    r->interval = r->options.interval_bytes;
    r->live = r->live_apart = r->peak = 0;
    r->peak_birth = r->started_births = r->births;
}

/* Code objects that kept stacks name are not known by address any more: who saw them die may be gone. */
static void forget_all(void)
{
    tn_recorder *r = &tn__rec;
    if (r->kept) {
        tn__codes_forget();
        r->code_generation++;
    }
    forget_blocks();
    tn__rows_free();
    if (r->kept) {
        tn__sites_free();
    } else {
        tn__stacks_free();
        tn__codes_free();
    }
    r->n_domains = 0;
    r->options = (tn_record_options){.code_offset = r->options.code_offset, .describe = r->options.describe};
    tn_set(&r->max_bytes, 0);
}

int tn_record_start(const tn_record_options *options)
{
    tn_recorder *r = &tn__rec;
    if (r->mode != TN_RECORD_OFF || !is_mode(options->mode) || options->interval_bytes > 1ull << 40)
        return TN_EINVAL;
    exclude();
    r->options = *options;
    if (!r->options.interval_bytes)
        r->options.interval_bytes = DEFAULT_INTERVAL;
    r->interval = r->options.interval_bytes;
    r->max_samples = options->max_samples ? options->max_samples : DEFAULT_SAMPLES;
    r->max_samples = r->max_samples < MOST_SAMPLES ? r->max_samples : MOST_SAMPLES;
    r->seed = options->seed ? options->seed : system_seed();
    tn_set(&r->max_bytes, options->max_bytes);
    r->session++;
    r->clears = 0;
    r->run++;
    r->code_generation++;
    memset(r->dropped, 0, sizeof r->dropped);
    tn__costs_clear();
    bool ok = tn__codes_start() && tn__sites_start();
    if (ok)
        tn_set(&r->mode, options->mode);
    else
        forget_all();
    admit();
    return ok ? TN_OK : TN_ENOMEM;
}

void tn_record_stop(void)
{
    if (tn__rec.mode == TN_RECORD_OFF)
        return;
    exclude();
    tn_set(&tn__rec.mode, TN_RECORD_OFF);
    forget_all();
    admit();
}

void tn_record_clear(void)
{
    exclude();
    forget_blocks();
    tn__sites_clear();
    admit();
}

void tn_record_missed(void)
{
    exclude();
    tn__codes_forget();
    forget_blocks();
    tn__sites_clear();
    tn__rec.code_generation++;
    admit();
}

void tn_record_reset_peak(void)
{
    tn_recorder *r = &tn__rec;
    exclude();
    r->peak = r->live + r->live_apart;
    r->peak_birth = r->births;
    r->epoch++;
    tn__sites_reset_peak();
    admit();
}

int tn_record_switch(enum tn_record_mode mode, uint64_t interval_bytes)
{
    tn_recorder *r = &tn__rec;
    tn_tracer *t = tn__tracer ? tn__tracer : tn__tracer_make();
    if (r->mode == TN_RECORD_OFF || !is_mode(mode) || interval_bytes > 1ull << 40)
        return TN_EINVAL;
    if (!t)
        return TN_ENOMEM;
    exclude();
    bool thins = interval_bytes && interval_bytes > r->interval;
    if (interval_bytes) {
        r->options.interval_bytes = interval_bytes;
        tn_set(&r->interval, interval_bytes);
    }
    if (r->mode == TN_RECORD_SAMPLED && mode == TN_RECORD_EXACT) {
        forget_blocks();
        tn__sites_clear();
    } else if (r->mode == TN_RECORD_EXACT && mode == TN_RECORD_SAMPLED) {
        tn__sampled_convert(t);
    } else if (thins) {
        tn__sampled_thin(t);
    }
    r->code_generation++; /* walks that came too late for their mode are no walks before */
    tn_set(&r->mode, mode);
    admit();
    return TN_OK;
}

bool tn__tables_keep(uint32_t whom)
{
    tn_recorder *r = &tn__rec;
    if (r->kept & whom)
        return true;
    exclude();
    bool are_there = r->kept || r->mode != TN_RECORD_OFF;
    if (are_there || (tn__codes_start() && tn__node(0, TN_FRAME_LOST, 0) == LOST_NODE))
        tn_set(&r->kept, r->kept | whom);
    else
        forget_all();
    admit();
    return r->kept & whom;
}

void tn__tables_release(uint32_t whom)
{
    tn_recorder *r = &tn__rec;
    exclude();
    bool were_kept = r->kept;
    tn_set(&r->kept, r->kept & ~whom);
    if (were_kept && !r->kept && r->mode == TN_RECORD_OFF)
        forget_all();
    admit();
}

int tn_record_stacks(uint32_t code_offset, bool (*describe)(uint64_t code, tn_code_facts *facts))
{
    if (!tn__tables_keep(TN_KEPT_FOR_STACKS))
        return TN_ENOMEM;
    tn__rec.options.code_offset = code_offset;
    tn__rec.options.describe = describe;
    return TN_OK;
}

bool tn_record_has_stacks(void)
{
    return tn__has_stacks();
}

enum tn_record_mode tn_record_mode(void)
{
    return tn_get(&tn__rec.mode);
}

/* ---- fork ---- */

void tn_record_before_fork(void)
{
    exclude();
}

void tn_record_after_fork_parent(void)
{
    admit();
}

void tn_record_after_fork_child(void)
{
    tn_set(&tn__rec.process, tn_get(&tn__rec.process) + 1);
    tn__tracers_forked();
    admit();
}
