/* sampled.c - a Poisson process over the bytes that are allocated, and bounded memory for it.
 *
 * A thread draws the distance to its next sample, gap = floor(E), E exponential with mean R, and counts bytes down. Whatever
 * was allocated before, a block of s bytes is in with p(s, R) = 1 - exp(-s / R), for the exponential distribution has no
 * memory; a block that is in stands for 1 / p blocks (Horvitz and Thompson). A sample keeps its size and the R it is in by,
 * so that R may change at any time:
 *
 *     full table           R doubles, each sample stays with p(s, 2R) / p(s, R)
 *     gap drawn under R'   the block stays with p(s, R) / p(s, R') if R is larger; else it is in by R'
 *     realloc              a block of its new size, born by whoever resizes it: of blocks that are not in neither the size
 *                          nor the site that they had is known, and what is in has to follow the same rule
 *     exact to sampled     each block is kept with p(s, R)
 */
#include "record/state.h"

#include <math.h>

double tn__probability(uint64_t bytes, double interval)
{
    return -expm1(-(double)bytes / interval);
}

int64_t tn__weighted_bytes(uint64_t bytes, float interval)
{
    return interval > 0 ? llround((double)bytes * tn__weight(bytes, interval)) : (int64_t)bytes;
}

int64_t tn__weighted_count(uint64_t bytes, float interval)
{
    return interval > 0 ? llround(TN_COUNT_ONE * tn__weight(bytes, interval)) : TN_COUNT_ONE;
}

static bool happens(tn_tracer *t, double probability)
{
    return probability >= 1 || tn__random_unit(t) <= probability;
}

static float interval_now(void)
{
    return (float)tn_get(&tn__rec.interval);
}

/* ---- the countdown ---- */

static void draw(tn_tracer *t)
{
    t->interval = interval_now();
    double gap = -log(tn__random_unit(t)) * (double)t->interval;
    t->clock -= (uint64_t)tn__gap;
    tn__gap = gap < 0x1p62 ? (int64_t)gap : INT64_MAX / 2;
    t->clock += (uint64_t)tn__gap;
}

/* The first gap of a thread is drawn when its first block comes. */
bool tn__sampled_ran_out(void)
{
    tn_tracer *t = tn__tracer ? tn__tracer : tn__tracer_make();
    if (!t || !tn__apart_enter(t)) {
        tn__gap = 0;
        return false;
    }
    bool due = tn_get(&tn__rec.mode) == TN_RECORD_SAMPLED;
    if (!due) {
        tn__gap = 0;
        t->interval = 0;
    } else if (t->interval == 0) {
        int64_t bytes = -tn__gap;
        tn__gap = 0;
        draw(t);
        due = (tn__gap -= bytes) < 0;
    }
    tn__apart_leave(t);
    return due;
}

/* A thread that has counted down bytes bytes draws anew. Is it a sample still? Then by which interval, else 0. */
static float drawn_by(tn_tracer *t, uint64_t bytes)
{
    float by = t->interval;
    draw(t);
    if (by >= t->interval)
        return by;
    return happens(t, tn__probability(bytes, t->interval) / tn__probability(bytes, by)) ? t->interval : 0;
}

/* ---- thinning ---- */

static void change_live(const tn_block_row *b, float before, float now)
{
    tn__tally(b->site, true, false, 0, 0, tn__weighted_bytes(b->bytes, now) - tn__weighted_bytes(b->bytes, before),
              tn__weighted_count(b->bytes, now) - tn__weighted_count(b->bytes, before));
}

static bool thinned(void *ctx, tn_block_row *b)
{
    tn_tracer *t = ctx;
    float now = interval_now();
    if (b->interval >= now)
        return true;
    if (!happens(t, tn__probability(b->bytes, now) / tn__probability(b->bytes, b->interval))) {
        tn__block_forget(t, b, false);
        return false;
    }
    change_live(b, b->interval, now);
    b->interval = now;
    return true;
}

void tn__sampled_thin(tn_tracer *t)
{
    tn__rows_filter(thinned, t);
}

static void bound(tn_tracer *t)
{
    static uint32_t lock;
    if (tn__rows_count() <= tn__rec.max_samples)
        return;
    tn__spin_lock(&lock);
    while (tn__rows_count() > tn__rec.max_samples) {
        tn_set(&tn__rec.interval, 2 * tn_get(&tn__rec.interval));
        tn__sampled_thin(t);
    }
    tn__spin_unlock(&lock);
}

/* ---- samples ---- */

static bool put(tn_tracer *t, const tn_block_row *b)
{
    tn_block_row before;
    if (!tn__rows_put(b, &before)) {
        tn__drop(TN_DROP_SAMPLE);
        return false;
    }
    if (before.key) {
        tn__drop(TN_DROP_REPLACED);
        tn__block_forget(t, &before, false);
    }
    return true;
}

static void add(tn_tracer *t, const tn_block_row *b)
{
    int64_t bytes = tn__weighted_bytes(b->bytes, b->interval), count = tn__weighted_count(b->bytes, b->interval);
    if (put(t, b))
        tn__tally(b->site, true, true, bytes, count, bytes, count);
}

static void sample(tn_tracer *t, uint64_t address, uint64_t bytes, unsigned domain)
{
    float by = drawn_by(t, bytes);
    if (by == 0)
        return;
    tn_block_row b = {.key = tn__block_key(address, domain), .bytes = bytes, .interval = by};
    b.site = tn__site_of(t, domain);
    b.birth = tn__birth(t, true);
    b.clock = t->clock - (uint64_t)tn__gap;
    add(t, &b);
    bound(t);
}

void tn_sampled_alloc(tn_tracer *t, uint64_t address, uint64_t bytes, unsigned domain)
{
    if (!tn__apart_enter(t))
        return;
    if (tn_get(&tn__rec.mode) == TN_RECORD_SAMPLED && bytes)
        sample(t, address, bytes, domain);
    tn__apart_leave(t);
}

/* The next block draws: a failure that was not due took bytes off a distance that has no memory, so that is right either way. */
void tn_sampled_missed(tn_tracer *t)
{
    tn__gap = 0;
    t->interval = 0;
}

bool tn_sampled_take(tn_tracer *t, uint64_t address, unsigned domain, tn_taken *taken)
{
    tn_block_row b;
    if (!tn__apart_enter(t))
        return false;
    bool found = tn__rows_take(tn__block_key(address, domain), &b);
    if (found) {
        *taken = (tn_taken){b.bytes, b.birth, b.site, b.interval, b.clock, tn__rec.session};
        tn__block_forget(t, &b, false);
    }
    tn__apart_leave(t);
    return found;
}

void tn_sampled_give(tn_tracer *t, const tn_taken *taken, uint64_t address, unsigned domain)
{
    tn_block_row b = {.key = tn__block_key(address, domain),
                      .bytes = taken->bytes,
                      .birth = taken->birth,
                      .site = taken->site,
                      .clock = taken->clock,
                      .interval = taken->interval};
    if (!tn__apart_enter(t))
        return;
    if (taken->session == tn__rec.session && tn_get(&tn__rec.mode) == TN_RECORD_SAMPLED && put(t, &b))
        tn__tally(b.site, true, true, 0, 0, tn__weighted_bytes(b.bytes, b.interval),
                  tn__weighted_count(b.bytes, b.interval));
    tn__apart_leave(t);
}

void tn_sampled_free(tn_tracer *t, uint64_t address, unsigned domain)
{
    tn_block_row b;
    if (!tn__apart_enter(t))
        return;
    if (tn__rows_take(tn__block_key(address, domain), &b))
        tn__block_forget(t, &b, true);
    tn__apart_leave(t);
}

/* ---- from exact ---- */

static bool convert_row(void *ctx, tn_block_row *b)
{
    tn_tracer *t = ctx;
    if (b->interval > 0)
        return true;
    b->interval = interval_now();
    if (!b->bytes || !happens(t, tn__probability(b->bytes, b->interval)))
        return false;
    tn__tally(b->site, true, false, 0, 0, tn__weighted_bytes(b->bytes, b->interval),
              tn__weighted_count(b->bytes, b->interval));
    return true;
}

static bool convert_block(void *ctx, uint64_t address, uint64_t bytes, uint64_t birth, uint32_t site)
{
    tn_block_row b = {.key = address, .bytes = bytes, .birth = birth, .site = site};
    if (bytes != UINT64_MAX && convert_row(ctx, &b)) {
        if (!put(ctx, &b))
            tn__block_forget(ctx, &b, false);
        bound(ctx);
    }
    return true;
}

void tn__sampled_convert(tn_tracer *t)
{
    tn__sites_forget_live();
    tn__rows_filter(convert_row, t);
    tn__shadow_each(convert_block, t);
    tn__shadow_free();
}
