/* test_sampled.c - sampled: what is estimated is right on average, over a thousand fixed seeds, whatever happened meanwhile.
 *
 * The oracle knows all blocks. A mean may be off by four of its standard errors, which are taken from the runs themselves;
 * where a theory says how large they are, that is tested, too.
 */
#include "record_model.h"

#include "suite.h"

#include "tonnage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 1000, SITES = 5, BLOCKS = 900, INTERVAL = 4 << 10 };

typedef struct block {
    uint64_t address, bytes;
    unsigned site;
    bool is_there;
} block;

static model m;
static block blocks[BLOCKS];
static struct {
    double bytes, count;
} allocated[SITES]; /* what counts as that */
static bool exact;  /* which calls are made */

/* Tiny ones, such as are rarely sampled alone, up to those that nearly always are. */
static uint64_t size_of(unsigned i)
{
    static const uint64_t most[SITES] = {12, 60, 600, INTERVAL, 5 * INTERVAL};
    uint64_t most_bytes = most[i % SITES];
    return 1 + most_bytes / 2 + i * 37 % (most_bytes / 2);
}

static void forget(void)
{
    memset(blocks, 0, sizeof blocks);
    memset(allocated, 0, sizeof allocated);
}

static void start(enum tn_record_mode mode, uint64_t seed, uint32_t max_samples)
{
    tn_record_options options = {.mode = mode, .seed = seed, .interval_bytes = INTERVAL, .max_samples = max_samples};
    options.describe = model_describe;
    options.code_offset = MODEL_CODE_OFFSET;
    forget();
    assert_int_equal(tn_record_start(&options), TN_OK);
    exact = mode == TN_RECORD_EXACT;
}

/* As after a start, with other random numbers: stacks stay, which saves time. */
static void begin_again(enum tn_record_mode mode)
{
    forget();
    exact = mode == TN_RECORD_EXACT;
    assert_int_equal(tn_record_switch(mode, INTERVAL), TN_OK);
    tn_record_clear();
}

/* ---- hooks ---- */

static void tell_sample(const block *b)
{
    tn_tracer *t = tn_record_enter();
    model_walk(&m, t, b->site);
    if (exact)
        tn_record_alloc(t, b->address, b->bytes, TN_DOMAIN_OBJ);
    else
        tn_sampled_alloc(t, b->address, b->bytes, TN_DOMAIN_OBJ);
    tn_record_leave(t);
}

static void made(const block *b)
{
    allocated[b->site].bytes += (double)b->bytes;
    allocated[b->site].count++;
    if (exact || tn_sampled_due(b->bytes))
        tell_sample(b);
}

static void allocate(unsigned i)
{
    block *b = &blocks[i];
    b->address = 0x7f0000000000 + i * 0x10000ull;
    b->bytes = size_of(i);
    b->site = i % SITES;
    b->is_there = true;
    made(b);
}

/* Memory was refused, and its hook had counted it. */
static void refuse(uint64_t bytes)
{
    tn_tracer *t;
    if (tn_sampled_due(bytes) && (t = tn_record_enter())) {
        tn_sampled_missed(t);
        tn_record_leave(t);
    }
}

static void release(unsigned i)
{
    block *b = &blocks[i];
    if (exact || tn_sampled_maybe(b->address)) {
        tn_tracer *t = tn_record_enter();
        if (exact)
            tn_record_free(t, b->address, TN_DOMAIN_OBJ);
        else
            tn_sampled_free(t, b->address, TN_DOMAIN_OBJ);
        tn_record_leave(t);
    }
    b->is_there = false;
}

/* By another line than the one before: the block is of that line then, as if it were new. */
static void resize(unsigned i, uint64_t bytes, bool fails)
{
    block *b = &blocks[i];
    tn_taken taken;
    tn_tracer *t = tn_record_enter();
    bool was = tn_sampled_maybe(b->address) && tn_sampled_take(t, b->address, TN_DOMAIN_OBJ, &taken);
    assert_false(was && taken.bytes != b->bytes);
    if (fails) {
        if (was)
            tn_sampled_give(t, &taken, b->address, TN_DOMAIN_OBJ);
        tn_record_leave(t);
        return;
    }
    tn_record_leave(t);
    b->address += 0x1000;
    b->bytes = bytes;
    b->site = (b->site + 1) % SITES;
    made(b);
}

/* ---- what is true, what is said ---- */

enum { LIVE_BYTES, LIVE_COUNT, MADE_BYTES, MADE_COUNT, MEASURES };
typedef double sums[SITES][MEASURES];

static void count_truth(sums out)
{
    memset(out, 0, sizeof(sums));
    for (unsigned i = 0; i < BLOCKS; i++) {
        const block *b = &blocks[i];
        out[b->site][LIVE_BYTES] += b->is_there ? (double)b->bytes : 0;
        out[b->site][LIVE_COUNT] += b->is_there;
    }
    for (unsigned i = 0; i < SITES; i++) {
        out[i][MADE_BYTES] = allocated[i].bytes;
        out[i][MADE_COUNT] = allocated[i].count;
    }
}

typedef struct heap {
    double bytes[64];
    unsigned n;
} heap;

static bool add_block(void *ctx, const tn_recorded_block *b)
{
    heap *h = ctx;
    assert_true(b->site < 64);
    h->bytes[b->site] += (double)b->bytes * b->weight;
    h->n++;
    const block *truth = &blocks[(b->address - 0x7f0000000000) >> 16];
    assert_true(truth->is_there);
    assert_int_equal(truth->address, b->address);
    assert_int_equal(truth->bytes, b->bytes);
    return true;
}

static unsigned site_of(uint32_t stack)
{
    char text[sizeof m.stacks[0].text];
    model_stack_text(stack, text, sizeof text);
    for (unsigned i = 0; i < SITES; i++)
        if (strcmp(text, m.stacks[i].text) == 0)
            return i;
    fail_msg("no such stack: %s", text);
    return 0;
}

/* What is said of sites is what their samples stand for, and the sum is that of all. */
static void read_sums(sums out, uint32_t max_samples)
{
    heap h = {0};
    tn_recorded now;
    tn_recorded_site site;
    int64_t live = 0, at_peak = 0;
    tn_recorded_blocks(add_block, &h);
    assert_true(h.n <= max_samples);
    memset(out, 0, sizeof(sums));
    for (uint32_t id = 1; tn_recorded_site_at(id, &site); id++) {
        live += site.live_bytes;
        at_peak += site.at_peak_bytes;
        assert_true(fabs(h.bytes[id] - (double)site.live_bytes) <= BLOCKS);
        if (id < 3)
            continue;
        double *s = out[site_of(site.stack)];
        s[LIVE_BYTES] += (double)site.live_bytes;
        s[LIVE_COUNT] += site.live_count;
        s[MADE_BYTES] += (double)site.allocated_bytes;
        s[MADE_COUNT] += site.allocated_count;
    }
    tn_recorded_now(&now);
    assert_int_equal(live, now.traced_bytes);
    assert_int_equal(at_peak, now.peak_bytes);
    assert_true(now.interval_bytes >= INTERVAL / 4);
}

/* ---- a thousand runs ---- */

static void check_unbiased(void (*work)(void), enum tn_record_mode mode, uint32_t max_samples, sums variance)
{
    sums truth, got, mean = {0}, square = {0};
    start(mode, 1, max_samples);
    for (unsigned run = 1; run <= RUNS; run++) {
        work();
        count_truth(truth);
        read_sums(got, max_samples);
        begin_again(mode);
        for (unsigned i = 0; i < SITES * MEASURES; i++) {
            double value = got[i / MEASURES][i % MEASURES], off = value - mean[i / MEASURES][i % MEASURES];
            mean[i / MEASURES][i % MEASURES] += off / run;
            square[i / MEASURES][i % MEASURES] += off * (value - mean[i / MEASURES][i % MEASURES]);
        }
    }
    tn_record_stop();
    for (unsigned i = 0; i < SITES * MEASURES; i++) {
        unsigned site = i / MEASURES, measure = i % MEASURES;
        double error = sqrt(square[site][measure] / RUNS / RUNS), off = mean[site][measure] - truth[site][measure];
        if (fabs(off) > 4 * error + 1e-4 * truth[site][measure])
            fail_msg("site %u, measure %u: %g on average, not %g (standard error %g)", site, measure,
                     mean[site][measure], truth[site][measure], error);
        if (variance)
            variance[site][measure] = square[site][measure] / RUNS;
    }
}

static void allocate_all(void)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        allocate(i);
}

/* Programs that try large and fall back. */
static void allocate_after_failures(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        refuse(i % 3 ? 1ull << 40 : INTERVAL / 2);
        allocate(i);
    }
}

static void allocate_and_free(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        allocate(i);
        if (i % 3 == 2)
            release(i - i % 7);
        if (i % 3 == 2)
            allocate(i - i % 7);
    }
    for (unsigned i = 0; i < BLOCKS; i += 2)
        if (blocks[i].is_there)
            release(i);
}

/* As a list grows, then shrinks. */
static void resize_all(void)
{
    allocate_all();
    for (unsigned i = 0; i < BLOCKS; i++) {
        for (unsigned k = 0; k < i % 5; k++)
            resize(i, blocks[i].bytes + blocks[i].bytes / 4 + 16, false);
        if (i % 4 == 0)
            resize(i, 1 + blocks[i].bytes / 3, false);
        resize(i, 0, true);
        if (i % 6 == 0)
            release(i);
    }
}

static void change_interval(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        static const uint64_t intervals[3] = {4 * INTERVAL, INTERVAL / 4, INTERVAL};
        if (i % 200 == 199)
            assert_int_equal(tn_record_switch(TN_RECORD_SAMPLED, intervals[i / 200 % 3]), TN_OK);
        allocate(i);
        if (i % 5 == 4)
            release(i - 2);
    }
}

static void become_sampled(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (i == BLOCKS / 2) {
            assert_int_equal(tn_record_switch(TN_RECORD_SAMPLED, 0), TN_OK);
            exact = false;
        }
        allocate(i);
        if (i % 3 == 2)
            release(i / 2);
    }
}

static void test_allocated_and_live_are_right_on_average(void **state)
{
    (void)state;
    sums variance;
    check_unbiased(allocate_all, TN_RECORD_SAMPLED, 65536, variance);
    for (unsigned site = 0; site < SITES; site++) {
        double theory = 0, blocks_theory = 0;
        for (unsigned i = site; i < BLOCKS; i += SITES) {
            double s = (double)size_of(i), p = 1 - exp(-s / INTERVAL);
            theory += s * s * (1 - p) / p; /* Horvitz and Thompson */
            blocks_theory += (1 - p) / p;
        }
        assert_true(fabs(variance[site][LIVE_BYTES] / theory - 1) < 0.2);
        assert_true(fabs(variance[site][LIVE_COUNT] / blocks_theory - 1) < 0.2);
    }
}

static void test_frees_leave_it_right(void **state)
{
    (void)state;
    check_unbiased(allocate_and_free, TN_RECORD_SAMPLED, 65536, NULL);
}

static void test_what_was_refused_leaves_it_right(void **state)
{
    (void)state;
    check_unbiased(allocate_after_failures, TN_RECORD_SAMPLED, 65536, NULL);
}

static void test_thinning_leaves_it_right(void **state)
{
    (void)state;
    check_unbiased(allocate_and_free, TN_RECORD_SAMPLED, 100, NULL);
    check_unbiased(allocate_all, TN_RECORD_SAMPLED, 40, NULL);
}

static void test_what_was_resized_is_of_the_line_that_did_it(void **state)
{
    (void)state;
    check_unbiased(resize_all, TN_RECORD_SAMPLED, 65536, NULL);
    check_unbiased(resize_all, TN_RECORD_SAMPLED, 100, NULL);
}

static void test_another_interval_on_the_run_leaves_it_right(void **state)
{
    (void)state;
    check_unbiased(change_interval, TN_RECORD_SAMPLED, 65536, NULL);
}

static void test_from_exact_to_sampled_it_stays_right(void **state)
{
    (void)state;
    check_unbiased(become_sampled, TN_RECORD_EXACT, 65536, NULL);
    check_unbiased(become_sampled, TN_RECORD_EXACT, 60, NULL);
}

/* ---- intervals ---- */

/* The probability of at most n events where mean are expected. */
static double poisson_at_most(unsigned n, double mean)
{
    double term = exp(-mean), sum = term;
    for (unsigned i = 1; i <= n; i++)
        sum += term *= mean / i;
    return sum;
}

/* The mean at which at most n events have this probability: the more are expected, the less likely they are so few. */
static double poisson_mean(unsigned n, double probability)
{
    double low = 0, high = 2 * n + 40;
    for (unsigned i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        *(poisson_at_most(n, middle) > probability ? &low : &high) = middle;
    }
    return low;
}

/* Of one size, samples are as many as a Poisson process has events, and Garwood's interval is what it says. */
static void test_the_exact_interval_of_a_few_samples_covers_what_there_is(void **state)
{
    (void)state;
    enum { EXPECTED = 6 };
    static const unsigned n_blocks[EXPECTED] = {60, 120, 240, 480, 720, 900};
    start(TN_RECORD_SAMPLED, 6, 65536);
    for (unsigned k = 0; k < EXPECTED; k++) {
        unsigned covered = 0, seen = 0;
        for (unsigned run = 0; run < RUNS; run++) {
            heap h = {0};
            for (unsigned i = 0; i < n_blocks[k]; i++) {
                blocks[i] = (block){.address = 0x7f0000000000 + i * 0x10000ull, .bytes = 41, .is_there = true};
                if (tn_sampled_due(41))
                    tell_sample(&blocks[i]);
            }
            tn_recorded_blocks(add_block, &h);
            double weight = 1 / (1 - exp(-41.0 / INTERVAL));
            double low = h.n ? poisson_mean(h.n - 1, 0.975) * weight : 0, high = poisson_mean(h.n, 0.025) * weight;
            covered += low <= n_blocks[k] && n_blocks[k] <= high;
            seen += h.n;
            begin_again(TN_RECORD_SAMPLED);
        }
        assert_true(covered >= RUNS * 94 / 100);
        assert_true(fabs(seen / (double)RUNS / (n_blocks[k] * 41.0 / INTERVAL) - 1) < 0.15);
    }
}

/* ---- the rest ---- */

static int setup(void **state)
{
    (void)state;
    model_make_stacks(&m, 2);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tn_record_stop();
    return 0;
}

static void test_the_same_seed_gives_the_same_samples(void **state)
{
    (void)state;
    sums first, again, other;
    for (unsigned i = 0; i < 3; i++) {
        start(TN_RECORD_SAMPLED, i < 2 ? 77 : 78, 65536);
        allocate_and_free();
        read_sums(i == 0 ? first : i == 1 ? again : other, 65536);
        tn_record_stop();
    }
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
}

static void test_the_interval_doubles_until_samples_fit(void **state)
{
    (void)state;
    tn_recorded now;
    start(TN_RECORD_SAMPLED, 4, 20);
    allocate_all();
    tn_recorded_now(&now);
    assert_int_equal(now.first_interval_bytes, INTERVAL);
    assert_true(now.interval_bytes >= 4 * INTERVAL);
    assert_int_equal(now.interval_bytes & (now.interval_bytes - 1), 0);
}

static void test_when_all_is_freed_nothing_is_left_and_no_free_is_slow(void **state)
{
    (void)state;
    static const uint8_t zeros[sizeof tn__filter];
    tn_recorded now;
    start(TN_RECORD_SAMPLED, 4, 65536);
    allocate_all();
    assert_memory_not_equal(tn__filter, zeros, sizeof zeros);
    for (unsigned i = 0; i < BLOCKS; i++)
        release(i);
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, 0);
    model_compare_filter();
}

static void test_what_is_freed_at_once_is_temporary(void **state)
{
    (void)state;
    tn_recorded_site site;
    start(TN_RECORD_SAMPLED, 4, 65536);
    for (unsigned i = 0; i < 5000; i++) { /* site 2 at once, site 1 after ten blocks of site 2: 3 KB and more */
        unsigned slow = 1 + i % 10 * SITES, quick = 102;
        if (blocks[slow].is_there)
            release(slow);
        allocate(slow);
        allocate(quick);
        release(quick);
    }
    double temporary[SITES] = {0}, made[SITES] = {0};
    for (uint32_t id = 3; tn_recorded_site_at(id, &site); id++) {
        temporary[site_of(site.stack)] += site.temporary_count;
        made[site_of(site.stack)] += site.allocated_count;
    }
    assert_true(made[1] > 1000 && temporary[1] == 0);
    assert_true(made[2] > 4000 && temporary[2] == made[2]);
}

static void test_samples_that_are_tracked_by_name_count_once(void **state)
{
    (void)state;
    tn_recorded now;
    tn_recorded_site site;
    start(TN_RECORD_SAMPLED, 6, 65536);
    unsigned seen = 0;
    for (unsigned i = 0; i < 200; i++) {
        uint64_t address = 0x7f0000000000 + i * 0x10000ull;
        if (!tn_sampled_due(INTERVAL))
            continue;
        tn_tracer *t = tn_record_enter();
        model_walk(&m, t, i % SITES);
        tn_sampled_alloc(t, address, INTERVAL, TN_DOMAIN_RAW);
        tn_recorded_block b;
        seen += tn_recorded_block_at(address, &b);
        tn_record_untrack(t, address);
        assert_false(tn_recorded_block_at(address, &b));
        tn_record_leave(t);
    }
    assert_true(seen > 50);
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, 0);
    for (uint32_t id = 1; tn_recorded_site_at(id, &site); id++)
        assert_true(site.allocated_bytes == 0 && site.allocated_count == 0 && site.live_count == 0);
    model_compare_filter();
}

/* A hook of RAW may have begun before the change, and come in after it. */
static void test_what_is_freed_as_the_mode_changes_leaves_no_sample(void **state)
{
    (void)state;
    enum { LARGE = 100 * INTERVAL, N = 3 };
    tn_recorded now;
    tn_recorded_block b;
    tn_taken taken;
    start(TN_RECORD_EXACT, 8, 65536);
    for (unsigned i = 0; i < N; i++) {
        tn_tracer *t = tn_record_enter();
        model_walk(&m, t, i);
        tn_record_alloc(t, 0x7f0000000000 + i * 0x100000ull, LARGE, TN_DOMAIN_RAW);
        tn_record_leave(t);
    }
    assert_int_equal(tn_record_switch(TN_RECORD_SAMPLED, INTERVAL), TN_OK);
    for (unsigned i = 0; i < N; i++) {
        uint64_t address = 0x7f0000000000 + i * 0x100000ull;
        assert_true(tn_recorded_block_at(address, &b));
        tn_tracer *t = tn_record_enter();
        if (i)
            tn_record_free(t, address, TN_DOMAIN_RAW);
        else
            assert_false(tn_record_take(t, address, TN_DOMAIN_RAW, &taken));
        tn_record_leave(t);
        assert_false(tn_recorded_block_at(address, &b));
    }
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, 0);
    model_compare_filter();
}

static void test_births_survive_a_change_to_sampled(void **state)
{
    (void)state;
    static uint64_t births[BLOCKS];
    tn_recorded_block b;
    unsigned n = 0;
    start(TN_RECORD_EXACT, 3, 65536);
    allocate_all();
    for (unsigned i = 0; i < BLOCKS; i++) {
        assert_true(tn_recorded_block_at(blocks[i].address, &b));
        births[i] = b.birth;
    }
    assert_int_equal(tn_record_switch(TN_RECORD_SAMPLED, 256), TN_OK);
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (!tn_recorded_block_at(blocks[i].address, &b))
            continue;
        assert_int_equal(b.birth, births[i]);
        assert_true(b.interval_bytes == 256);
        n++;
    }
    assert_true(n > BLOCKS / 3 && n < BLOCKS);
    assert_int_equal(tn_record_switch(TN_RECORD_EXACT, 0), TN_OK);
    for (unsigned i = 0; i < BLOCKS; i++)
        assert_false(tn_recorded_block_at(blocks[i].address, &b));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(allocated_and_live_are_right_on_average),
        TEST(frees_leave_it_right),
        TEST(what_was_refused_leaves_it_right),
        TEST(thinning_leaves_it_right),
        TEST(what_was_resized_is_of_the_line_that_did_it),
        TEST(another_interval_on_the_run_leaves_it_right),
        TEST(from_exact_to_sampled_it_stays_right),
        TEST(the_exact_interval_of_a_few_samples_covers_what_there_is),
        TEST(the_same_seed_gives_the_same_samples),
        TEST(the_interval_doubles_until_samples_fit),
        TEST(when_all_is_freed_nothing_is_left_and_no_free_is_slow),
        TEST(what_is_freed_at_once_is_temporary),
        TEST(samples_that_are_tracked_by_name_count_once),
        TEST(what_is_freed_as_the_mode_changes_leaves_no_sample),
        TEST(births_survive_a_change_to_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
