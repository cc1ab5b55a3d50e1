/* test_sampled_rows.c - from the recorder to the printed row: of 1000 fixed seeds 93 in 100 intervals hold what is alive.
 *
 * Blocks of five sizes, some freed, some resized, under intervals that double because samples are too many, that are set anew
 * on the run, or that come after exact rows. A row is printed where a block of it is a sample; runs without one do not count.
 */
#include "record_model.h"

#include "analysis/sites.h"
#include "suite.h"

#include <math.h>
#include <string.h>

enum { RUNS = 1000, SITES = 5, BLOCKS = 600, INTERVAL = 4 << 10 };

typedef struct block {
    uint64_t address, bytes; /* 0: it is not there */
} block;

static model m;
static block blocks[BLOCKS];
static bool exact;

static void tell_alloc(unsigned i)
{
    tn_tracer *t = exact || tn_sampled_due(blocks[i].bytes) ? tn_record_enter() : NULL;
    if (!t)
        return;
    model_walk(&m, t, i % SITES);
    if (exact)
        tn_record_alloc(t, blocks[i].address, blocks[i].bytes, TN_DOMAIN_OBJ);
    else
        tn_sampled_alloc(t, blocks[i].address, blocks[i].bytes, TN_DOMAIN_OBJ);
    tn_record_leave(t);
}

static void allocate(unsigned i)
{
    static const uint64_t most[SITES] = {12, 200, 1200, INTERVAL, 5 * INTERVAL};
    blocks[i] = (block){0x7f0000000000 + i * 0x10000ull, most[i % SITES] / 2 + i * 37 % (most[i % SITES] / 2)};
    tell_alloc(i);
}

static void release(unsigned i)
{
    tn_tracer *t = exact || tn_sampled_maybe(blocks[i].address) ? tn_record_enter() : NULL;
    if (t && exact)
        tn_record_free(t, blocks[i].address, TN_DOMAIN_OBJ);
    else if (t)
        tn_sampled_free(t, blocks[i].address, TN_DOMAIN_OBJ);
    if (t)
        tn_record_leave(t);
    blocks[i].bytes = 0;
}

static void resize(unsigned i, uint64_t bytes)
{
    tn_taken taken;
    tn_tracer *t = tn_record_enter();
    tn_sampled_take(t, blocks[i].address, TN_DOMAIN_OBJ, &taken);
    tn_record_leave(t);
    blocks[i].address += 0x1000;
    blocks[i].bytes = bytes;
    tell_alloc(i);
}

static void churn(unsigned i)
{
    allocate(i);
    if (i % 5 == 4)
        release(i - i / 7);
    if (i % 5 == 4)
        allocate(i - i / 7);
    if (i % 6 == 5)
        release(i / 2 | 1);
}

static void churn_all(void)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        churn(i);
}

static void resize_all(void)
{
    for (unsigned i = 0; i < BLOCKS; i++)
        allocate(i);
    for (unsigned i = 0; i < BLOCKS; i += 2)
        resize(i, i % 3 ? 2 * blocks[i].bytes : 1 + blocks[i].bytes / 3);
}

static void set_intervals(void)
{
    static const uint64_t intervals[3] = {4 * INTERVAL, INTERVAL / 4, INTERVAL};
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (i % 150 == 149)
            assert_int_equal(tn_record_switch(TN_RECORD_SAMPLED, intervals[i / 150 % 3]), 0);
        churn(i);
    }
}

static void become_sampled(void)
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (i == BLOCKS / 2)
            assert_int_equal(tn_record_switch(TN_RECORD_SAMPLED, 0), 0);
        exact = i < BLOCKS / 2;
        churn(i);
    }
}

typedef struct rows {
    tn_spread of[SITES];
    double interval_bytes; /* the largest */
} rows;

static bool add_block(void *ctx, const tn_recorded_block *b)
{
    rows *r = ctx;
    unsigned i = (unsigned)((b->address - 0x7f0000000000) >> 16);
    assert_int_equal(b->bytes, blocks[i].bytes);
    tn__spread_add(&r->of[i % SITES], b->bytes, (uint64_t)b->interval_bytes);
    r->interval_bytes = fmax(r->interval_bytes, b->interval_bytes);
    return true;
}

static void check(void (*work)(void), enum tn_record_mode mode, uint32_t max_samples)
{
    unsigned printed[SITES] = {0}, good[SITES] = {0};
    tn_record_options options = {.mode = mode, .seed = 1, .interval_bytes = INTERVAL, .max_samples = max_samples};
    options.describe = model_describe;
    options.code_offset = MODEL_CODE_OFFSET;
    assert_int_equal(tn_record_start(&options), 0);
    for (unsigned run = 0; run < RUNS; run++) {
        rows all = {.interval_bytes = 0};
        double truth[SITES] = {0};
        exact = mode == TN_RECORD_EXACT;
        work();
        tn_recorded_blocks(add_block, &all);
        for (unsigned i = 0; i < BLOCKS; i++)
            truth[i % SITES] += (double)blocks[i].bytes;
        for (unsigned i = 0; i < SITES; i++) {
            tn_interval range = tn__spread_interval(&all.of[i], all.interval_bytes);
            printed[i] += all.of[i].n > 0;
            good[i] += all.of[i].n && range.low <= truth[i] && truth[i] <= range.high;
        }
        assert_int_equal(tn_record_switch(mode, INTERVAL), 0);
        tn_record_clear();
    }
    tn_record_stop();
    for (unsigned i = 0; i < SITES; i++) {
        if (good[i] * 100 < printed[i] * 93)
            print_message("site %u: %u of %u\n", i, good[i], printed[i]);
        assert_true(printed[i] > 20 && good[i] * 100 >= printed[i] * 93);
    }
}

static void test_after_frees_and_thinning(void **state)
{
    (void)state;
    check(churn_all, TN_RECORD_SAMPLED, 65536);
    check(churn_all, TN_RECORD_SAMPLED, 60);
}

static void test_after_resizes(void **state)
{
    (void)state;
    check(resize_all, TN_RECORD_SAMPLED, 65536);
}

static void test_under_several_intervals(void **state)
{
    (void)state;
    check(set_intervals, TN_RECORD_SAMPLED, 65536);
}

static void test_after_exact_rows(void **state)
{
    (void)state;
    check(become_sampled, TN_RECORD_EXACT, 65536);
}

static int setup(void **state)
{
    (void)state;
    model_make_stacks(&m, 2);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_frees_and_thinning),
        cmocka_unit_test(test_after_resizes),
        cmocka_unit_test(test_under_several_intervals),
        cmocka_unit_test(test_after_exact_rows),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
