/* test_shadow.c - the words of the shadow: blocks whose end nobody told, pairs of words seen half, births of small blocks. */
#include "record/state.h"
#include "record_model.h"

#include "suite.h"

#include "tonnage.h"

#include <pthread.h>
#include <string.h>

enum { GRANULE = 16, STALE = 5000 /* more births than there are sites */ };
static const uint64_t BASE = 0x7f0000000000;
static const unsigned three[] = {TN_DOMAIN_MEM, TN_DOMAIN_OBJ, TN_DOMAIN_RAW};

static model m;

static void start(void)
{
    memset(&m, 0, sizeof m);
    model_make_stacks(&m, 11);
    tn_record_options options = {.mode = TN_RECORD_EXACT, .code_offset = MODEL_CODE_OFFSET, .describe = model_describe};
    assert_int_equal(tn_record_start(&options), TN_OK);
    model_begin(&m);
}

static int stop(void **state)
{
    (void)state;
    tn_record_stop();
    return 0;
}

static void tell_alloc(uint64_t address, uint64_t bytes, unsigned domain)
{
    tn_tracer *t = tn_record_enter();
    model_walk(&m, t, (unsigned)(bytes % 3));
    tn_record_alloc(t, address, bytes, domain);
    tn_record_leave(t);
}

static void tell_free(uint64_t address, unsigned domain)
{
    tn_tracer *t = tn_record_enter();
    tn_record_free(t, address, domain);
    tn_record_leave(t);
}

static bool tell_resize(uint64_t address, uint64_t to, uint64_t bytes, unsigned domain)
{
    tn_tracer *t = tn_record_enter();
    tn_taken taken;
    bool was = tn_record_take(t, address, domain, &taken);
    if (was)
        tn_record_give(t, &taken, to, bytes, domain);
    tn_record_leave(t);
    return was;
}

/* ---- what there is ---- */

typedef struct census {
    unsigned n;
    int64_t bytes;
} census;

static bool count(void *ctx, const tn_recorded_block *b)
{
    census *c = ctx;
    c->n++;
    c->bytes += (int64_t)b->bytes;
    return true;
}

static census blocks_now(void)
{
    census c = {0};
    tn_recorded_blocks(count, &c);
    return c;
}

static int64_t live_of_sites(void)
{
    int64_t live = 0;
    tn_recorded_site site;
    for (uint32_t id = 1; tn_recorded_site_at(id, &site); id++) {
        assert_true(tn_get(&tn__sums_at(id)->live_bytes) >= 0);
        live += site.live_bytes;
    }
    return live;
}

static void expect(unsigned n, int64_t bytes)
{
    census c = blocks_now();
    tn_recorded now;
    tn_recorded_now(&now);
    assert_int_equal(c.n, n);
    assert_int_equal(c.bytes, bytes);
    assert_int_equal(now.traced_bytes, bytes);
    assert_int_equal(live_of_sites(), bytes);
}

static uint64_t replaced(void)
{
    tn_recorded_cost cost;
    tn_recorded_cost_now(&cost);
    return cost.dropped[TN_DROP_REPLACED];
}

/* Nobody is told of the end of a block; one of a single granule comes in its place and goes: the second word is left. */
static void leave_second_word(uint64_t address, unsigned domain)
{
    for (unsigned i = 0; i < STALE; i++) {
        tell_alloc(address, 100, domain);
        tell_free(address, domain);
    }
    tell_alloc(address, 100, domain);
    tell_alloc(address, 8, domain);
    tell_free(address, domain);
}

static void test_what_is_left_of_a_block_is_no_block(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        tn_recorded_block b;
        uint64_t second = BASE + GRANULE;
        start();
        leave_second_word(BASE, three[i]);
        expect(0, 0); /* as a reader sees a block that is just being put or taken */
        assert_false(tn_recorded_block_at(second, &b));
        assert_false(tell_resize(second, second, 50, three[i]));
        tell_free(second, three[i]);
        expect(0, 0);
        tell_alloc(second, 4000, three[i]);
        expect(1, 4000);
        assert_true(tn_recorded_block_at(second, &b) && b.bytes == 4000);
        assert_int_equal(replaced(), 2);
        tell_free(second, three[i]);
        expect(0, 0);
        tn_record_stop();
    }
}

static void test_a_block_that_came_to_the_second_word_of_another_is_read(void **state)
{
    (void)state;
    start();
    for (unsigned i = 0; i < 3; i++) {
        tell_alloc(BASE, 20000, three[i]);
        tell_alloc(BASE + GRANULE, 300, three[i]);
        tell_alloc(BASE + 10000, 200, three[i]);
        assert_int_equal(replaced(), i + 1);
        expect(3, 20500);
        tell_free(BASE + GRANULE, three[i]);
        tell_free(BASE + 10000, three[i]);
        tell_free(BASE, three[i]);
        expect(0, 0);
    }
}

static void test_a_block_that_nobody_ended_hides_none_of_the_next_leaf(void **state)
{
    (void)state;
    enum { LEAF_BYTES = 1 << 20, LARGE = 3 * LEAF_BYTES };
    const uint64_t starts[] = {BASE + LEAF_BYTES - GRANULE, BASE + LEAF_BYTES - 4 * GRANULE};
    for (unsigned i = 0; i < 2; i++) {
        start();
        tell_alloc(starts[i], LARGE, TN_DOMAIN_RAW);
        expect(1, LARGE);
        for (unsigned k = 0; k < 3; k++) /* where it would be, were it alive */
            tell_alloc(BASE + LEAF_BYTES + k * 64, 50, TN_DOMAIN_OBJ);
        expect(4, LARGE + 3 * 50);
        tn_record_stop();
    }
}

static void test_a_block_of_the_table_is_replaced_and_replaces(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {
        40, 8, 1ull << 36, (1ull << 36) + 5, 1ull << 34, (1ull << 34) - 1, (1ull << 34) - 2};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    for (unsigned before = 0; before < SIZES; before++)
        for (unsigned after = 0; after < SIZES; after++) {
            start();
            tell_alloc(BASE, sizes[before], TN_DOMAIN_RAW);
            tell_alloc(BASE, sizes[after], TN_DOMAIN_RAW);
            expect(1, (int64_t)sizes[after]);
            assert_int_equal(replaced(), 1);
            tell_free(BASE, TN_DOMAIN_RAW);
            expect(0, 0);
            tn_record_stop();
        }
}

/* ---- births of blocks of one granule ---- */

static uint64_t birth_of(uint64_t address)
{
    tn_recorded_block b;
    assert_true(tn_recorded_block_at(address, &b));
    return b.birth;
}

static uint64_t temporary(void)
{
    double n = 0;
    tn_recorded_site site;
    for (uint32_t id = 1; tn_recorded_site_at(id, &site); id++)
        n += site.temporary_count;
    return (uint64_t)n;
}

static void test_births_of_small_blocks_are_whole_beyond_the_bits_of_a_word(void **state)
{
    (void)state;
    static const uint64_t borders[] = {1ull << 34, 1ull << 35, 77ull << 34, 1ull << 47};
    start();
    for (unsigned i = 0; i < 4; i++) {
        uint64_t next = borders[i] - 20;
        tn_set(&tn__rec.births, next - 1);
        for (unsigned k = 0; k < 40; k++)
            tell_alloc(BASE + k * GRANULE, k % 17, three[k % 3]);
        for (unsigned k = 0; k < 40; k++)
            assert_int_equal(birth_of(BASE + k * GRANULE), next + k);
        for (unsigned k = 0; k < 40; k++)
            assert_true(tell_resize(BASE + k * GRANULE, BASE + (1000 + 4 * k) * GRANULE, 17 + k, three[k % 3]));
        for (unsigned k = 0; k < 40; k++)
            assert_int_equal(birth_of(BASE + (1000 + 4 * k) * GRANULE), next + k);
        uint64_t before = temporary();
        for (unsigned k = 0; k < 40; k++)
            tell_free(BASE + (1000 + 4 * k) * GRANULE, three[k % 3]);
        assert_int_equal(temporary() - before, TN_RECENT);
    }
}

typedef struct found {
    unsigned bytes;
    uint64_t of_another, own;
} found;

static void *free_all(void *ctx)
{
    found *f = ctx;
    for (unsigned k = 0; k < TN_RECENT; k++)
        tell_free(BASE + k * 64, TN_DOMAIN_RAW);
    f->of_another = temporary();
    for (unsigned k = 0; k < TN_RECENT + 4; k++)
        tell_alloc(BASE + k * 64, f->bytes, TN_DOMAIN_RAW);
    for (unsigned k = 0; k < TN_RECENT + 4; k++)
        tell_free(BASE + k * 64, TN_DOMAIN_RAW);
    f->own = temporary();
    return NULL;
}

static void test_births_of_small_blocks_stay_as_others_come(void **state)
{
    (void)state;
    static const int64_t later[] = {0, -(1 << 29), 1 << 30, 1ll << 32, 1ll << 33};
    uint64_t births = 1ull << 36;
    start();
    tn_set(&tn__rec.births, births - 1);
    tell_alloc(BASE, 16, TN_DOMAIN_OBJ);
    for (unsigned i = 0; i < 5; i++) {
        tn_set(&tn__rec.births, births + (uint64_t)later[i]);
        assert_int_equal(birth_of(BASE), births);
    }
}

static void test_what_another_thread_has_made_is_not_temporary_whatever_its_size(void **state)
{
    (void)state;
    for (unsigned bytes = 0; bytes < 48; bytes += 8) {
        found f = {.bytes = bytes};
        pthread_t thread;
        start();
        for (unsigned k = 0; k < TN_RECENT; k++)
            tell_alloc(BASE + k * 64, bytes, TN_DOMAIN_RAW);
        assert_int_equal(pthread_create(&thread, NULL, free_all, &f), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(f.of_another, 0);
        assert_int_equal(f.own, TN_RECENT);
        tn_record_stop();
    }
}

#define TEST(name) cmocka_unit_test_teardown(test_##name, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_left_of_a_block_is_no_block),
        TEST(a_block_that_came_to_the_second_word_of_another_is_read),
        TEST(a_block_that_nobody_ended_hides_none_of_the_next_leaf),
        TEST(a_block_of_the_table_is_replaced_and_replaces),
        TEST(births_of_small_blocks_are_whole_beyond_the_bits_of_a_word),
        TEST(births_of_small_blocks_stay_as_others_come),
        TEST(what_another_thread_has_made_is_not_temporary_whatever_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
