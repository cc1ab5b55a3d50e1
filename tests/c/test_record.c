/* test_record.c - the recorder, exact, on one thread: what it says is what a plain list of all that happened says. */
#include "record_model.h"

#include "suite.h"

#include "tonnage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static model m;

static void start(enum tn_record_mode mode)
{
    memset(&m, 0, sizeof m);
    model_make_stacks(&m, 11);
    tn_record_options options = {.mode = mode, .seed = 5, .code_offset = MODEL_CODE_OFFSET, .describe = model_describe};
    assert_int_equal(tn_record_start(&options), TN_OK);
    model_begin(&m);
}

static int stop(void **state)
{
    (void)state;
    tn_record_stop();
    return 0;
}

static void tell_alloc(const model_block *b)
{
    tn_tracer *t = tn_record_enter();
    assert_non_null(t);
    model_walk(&m, t, b->stack);
    tn_record_alloc(t, b->address, b->bytes, m.domains[b->domain]);
    tn_record_leave(t);
}

static void tell_free(const model_block *b)
{
    tn_tracer *t = tn_record_enter();
    tn_record_free(t, b->address, m.domains[b->domain]);
    tn_record_leave(t);
}

static bool tell_resize(const model_block *b, uint64_t address, uint64_t bytes)
{
    tn_tracer *t = tn_record_enter();
    tn_taken taken;
    bool was = tn_record_take(t, b->address, m.domains[b->domain], &taken);
    if (was) {
        assert_int_equal(taken.bytes, b->bytes);
        assert_false(tn_record_take(t, b->address, m.domains[b->domain], &taken));
        tn_record_give(t, &taken, address, bytes, m.domains[b->domain]);
    }
    tn_record_leave(t);
    return was;
}

/* Sizes as programs have them, and those at the borders of granules, of leaves and of a slot. */
static uint64_t some_bytes(uint64_t *random)
{
    static const uint64_t borders[] = {0, 1, 15, 16, 17, 32, 33, 1 << 20, (1 << 20) + 16, 3 << 20};
    uint64_t r = model_random(random);
    if (r % 64 == 0)
        return (1ull << 34) - 3 + (r >> 8) % 4;
    return r % 8 == 0 ? borders[(r >> 8) % 10] : (r >> 8) % 600;
}

/* No two blocks of an allocator overlap; some begin in the last granule of a leaf, some are odd or far away. */
static uint64_t some_address(uint64_t *random, unsigned slot, unsigned domain)
{
    uint64_t r = model_random(random), base = 0x7f0000000000 + ((uint64_t)slot << 37);
    if (r % 16 == 0)
        return base + (1 << 20) - 16;
    if (r % 61 == 0)
        return base + 3;
    if (r % 67 == 0)
        return (1ull << 49) + ((uint64_t)slot << 37);
    return (domain >= 3 ? 0x500000000000 : base) + ((r >> 8) % 64) * 16 + ((r >> 20) % 8 << 20);
}

static bool is_free_address(uint64_t address, unsigned domain)
{
    for (unsigned i = 0; i < MODEL_BLOCKS; i++)
        if (m.blocks[i].is_there && m.blocks[i].address == address &&
            (m.blocks[i].domain < 3 ? 0 : m.blocks[i].domain) == (domain < 3 ? 0 : domain))
            return false;
    return true;
}

static void step(uint64_t *random, unsigned slots)
{
    uint64_t r = model_random(random);
    unsigned slot = (unsigned)(r >> 32) % slots;
    model_block *b = &m.blocks[slot];
    if (!b->is_there) {
        b->stack = (unsigned)((r >> 8) % (r % 3 ? 8 : MODEL_STACKS));
        b->domain = (unsigned)(r >> 16) % MODEL_DOMAINS;
        b->bytes = some_bytes(random);
        b->address = some_address(random, slot, b->domain);
        if (!is_free_address(b->address, b->domain))
            return;
        tell_alloc(b);
        model_alloc(&m, b);
    } else if (r % 3 == 0) {
        uint64_t bytes = some_bytes(random), address = some_address(random, slot, b->domain);
        if (r % 5 == 0) { /* the real realloc has failed */
            assert_true(tell_resize(b, b->address, b->bytes));
        } else if (address == b->address || is_free_address(address, b->domain)) {
            assert_true(tell_resize(b, address, bytes));
            model_resize(&m, b, address, bytes);
            return;
        }
    } else {
        tell_free(b);
        model_free(&m, b);
    }
}

static void test_every_sum_block_and_stack_is_that_of_a_plain_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t random = seed * 77;
        start(TN_RECORD_EXACT);
        for (unsigned i = 0; i < 4000; i++) {
            step(&random, seed % 2 ? 12 : 200);
            if (i % 797 == 0)
                model_compare(&m);
        }
        model_compare(&m);
        tn_record_stop();
    }
}

static void test_clear_and_reset_peak_begin_again(void **state)
{
    (void)state;
    uint64_t random = 3;
    start(TN_RECORD_EXACT);
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < 500; i++)
            step(&random, 60);
        if (round % 2) {
            tn_record_clear();
            model_forget(&m);
        } else {
            tn_record_reset_peak();
            model_reset_peak(&m);
        }
        model_compare(&m);
    }
}

static void test_what_was_allocated_before_the_start_is_not_known(void **state)
{
    (void)state;
    model_block b = {.address = 0x7f1234567890, .bytes = 40};
    start(TN_RECORD_EXACT);
    tell_free(&b);
    assert_false(tell_resize(&b, b.address, 80));
    model_compare(&m);
}

static void test_a_block_whose_end_nobody_told_is_replaced_and_counted(void **state)
{
    (void)state;
    start(TN_RECORD_EXACT);
    for (unsigned domain = 0; domain < MODEL_DOMAINS; domain++) {
        model_block *b = &m.blocks[domain], lost = {.address = 0x7f0000000000 + 0x1000 * domain, .bytes = 100};
        lost.domain = domain;
        tell_alloc(&lost);
        model_alloc(&m, &lost);
        *b = lost;
        b->stack = 2;
        b->bytes = 30;
        /* the new one is put before the old one is taken out of the sums */
        tell_alloc(b);
        lost.birth = 0; /* nothing says how soon */
        model_alloc(&m, b);
        model_free(&m, &lost);
    }
    tn_recorded_cost cost;
    tn_recorded_cost_now(&cost);
    assert_int_equal(cost.dropped[TN_DROP_REPLACED], MODEL_DOMAINS);
    assert_int_equal(m.live, 30 * MODEL_DOMAINS);
    tn_recorded now;
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, m.live);
}

static void tell_untrack(uint64_t address)
{
    tn_tracer *t = tn_record_enter();
    tn_record_untrack(t, address);
    tn_record_leave(t);
}

/* Sums of all sites of a domain. */
static tn_recorded_site sums_of(bool tracked, uint32_t number)
{
    tn_recorded now;
    tn_recorded_site sum = {0}, one;
    tn_recorded_now(&now);
    for (uint32_t id = 1; id < now.n_sites; id++)
        if (tn_recorded_site_at(id, &one) && one.tracked == tracked && one.domain_number == number) {
            sum.live_bytes += one.live_bytes;
            sum.live_count += one.live_count;
            sum.allocated_bytes += one.allocated_bytes;
            sum.allocated_count += one.allocated_count;
            sum.temporary_count += one.temporary_count;
        }
    return sum;
}

/* Of one granule, of more, of an odd address, and of 16 GB, which the table of blocks has. */
static void test_a_block_that_is_tracked_by_name_counts_once(void **state)
{
    (void)state;
    static const uint64_t addresses[] = {0x7f0000001000, 0x7f0000002000, 0x7f0000003008, 0x7f1000000000},
                          sizes[] = {8, 100, 40, 1ull << 34};
    enum { RAW = 2, NAMED = 3, BLOCKS = sizeof sizes / sizeof *sizes };
    int64_t all = 0;
    start(TN_RECORD_EXACT);
    for (unsigned i = 0; i < BLOCKS; i++) {
        model_block b = {.address = addresses[i], .bytes = sizes[i], .domain = RAW, .stack = i};
        tell_alloc(&b);
        tell_untrack(b.address);
        tn_recorded_block gone;
        assert_false(tn_recorded_block_at(b.address, &gone));
        tell_untrack(b.address); /* there is no more */
        b.domain = NAMED;
        tell_alloc(&b);
        all += (int64_t)b.bytes;
    }
    tn_recorded now;
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, all);
    assert_int_equal(now.peak_bytes, all);
    tn_recorded_site raw = sums_of(false, TN_DOMAIN_RAW), named = sums_of(true, model_tracked[0]);
    assert_int_equal(raw.live_bytes, 0);
    assert_int_equal(raw.allocated_bytes, 0);
    assert_true(raw.allocated_count == 0 && raw.live_count == 0);
    assert_int_equal(named.live_bytes, all);
    assert_true(named.allocated_count == BLOCKS);
    for (unsigned i = 0; i < BLOCKS; i++) { /* freed before or after its name is told to be gone */
        model_block b = {.address = addresses[i], .domain = i % 2 ? RAW : NAMED};
        tell_free(&b);
        b.domain = i % 2 ? NAMED : RAW;
        tell_free(&b);
    }
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, 0);
    assert_true(sums_of(false, TN_DOMAIN_RAW).temporary_count == 0);
}

static void test_only_blocks_of_raw_are_taken_out_of_the_allocators(void **state)
{
    (void)state;
    start(TN_RECORD_EXACT);
    for (unsigned domain = 0; domain < MODEL_DOMAINS; domain++) {
        model_block *b = &m.blocks[domain];
        *b = (model_block){.address = 0x7f0000000000 + 0x1000 * domain, .bytes = 100, .domain = domain};
        tell_alloc(b);
        if (domain != TN_DOMAIN_RAW) {
            model_alloc(&m, b);
            tell_untrack(b->address);
        } else {
            tell_free(b);
            model_alloc(&m, b);
            model_free(&m, b);
        }
    }
    model_compare(&m);
}

/* ---- stacks ---- */

static uint32_t stack_at(uint64_t address)
{
    tn_recorded_block b;
    assert_true(tn_recorded_block_at(address, &b));
    return b.stack;
}

static void alloc_with(const tn_walked *frames, uint32_t n, uint64_t address)
{
    tn_tracer *t = tn_record_enter();
    for (uint32_t i = 0; i < n; i++) {
        assert_true(tn_walk_room(t, i));
        t->walk[i] = frames[i];
    }
    tn_walk_end(t, n);
    tn_record_alloc(t, address, 64, TN_DOMAIN_OBJ);
    tn_record_leave(t);
}

static void test_no_frame_is_native_and_roots_have_names(void **state)
{
    (void)state;
    char text[200];
    tn_walked end = {.code = TN_FRAME_TRUNCATED, .at = TN_FRAME_TRUNCATED};
    tn_walked f = {.code = 0x10000, .at = 0x10000 + MODEL_CODE_OFFSET + 4};
    tn_walked both[2] = {f, end};
    start(TN_RECORD_EXACT);
    alloc_with(NULL, 0, 0x1000);
    model_stack_text(stack_at(0x1000), text, sizeof text);
    assert_string_equal(text, "<native>");
    alloc_with(both, 2, 0x2000);
    model_stack_text(stack_at(0x2000), text, sizeof text);
    assert_string_equal(text, "<truncated>;f10000+4");
    tn_tracer *t = tn_record_enter();
    tn_record_stand_on(t, tn_record_root("worker", 6));
    tn_record_leave(t);
    alloc_with(both, 2, 0x3000);
    model_stack_text(stack_at(0x3000), text, sizeof text);
    assert_string_equal(text, "worker;<truncated>;f10000+4");
    tn_record_stop();
    start(TN_RECORD_EXACT); /* the root was of the run before */
    alloc_with(both, 2, 0x3000);
    model_stack_text(stack_at(0x3000), text, sizeof text);
    assert_string_equal(text, "<truncated>;f10000+4");
}

static void test_a_deep_recursion_is_one_stack(void **state)
{
    (void)state;
    enum { DEPTH = 50000 };
    tn_walked *frames = calloc(DEPTH, sizeof *frames);
    for (unsigned i = 0; i < DEPTH; i++)
        frames[i] = (tn_walked){.code = 0x10000, .at = 0x10000 + MODEL_CODE_OFFSET + 2};
    start(TN_RECORD_EXACT);
    alloc_with(frames, DEPTH, 0x1000);
    alloc_with(frames, DEPTH - 1, 0x2000);
    tn_recorded_stack s;
    unsigned depth = 0;
    for (uint32_t at = stack_at(0x1000); at; at = s.parent, depth++)
        assert_true(tn_recorded_stack_at(at, &s));
    assert_int_equal(depth, DEPTH);
    assert_true(tn_recorded_stack_at(stack_at(0x1000), &s));
    assert_int_equal(s.parent, stack_at(0x2000));
    free(frames);
}

static uint64_t dead_code;

static bool describe_after(uint64_t code, tn_code_facts *facts)
{
    static const uint8_t other[] = {0x80, 0x09};
    bool ok = model_describe(code, facts);
    if (code == dead_code)
        facts->lines = other;
    return ok;
}

static void test_code_at_the_address_of_code_that_died_is_other_code(void **state)
{
    (void)state;
    tn_walked f = {.code = 0x30000, .at = 0x30000 + MODEL_CODE_OFFSET + 8};
    tn_recorded_stack before, after, again;
    tn_recorded now;
    memset(&m, 0, sizeof m);
    dead_code = 0;
    tn_record_options options = {.mode = TN_RECORD_EXACT, .code_offset = MODEL_CODE_OFFSET, .describe = describe_after};
    assert_int_equal(tn_record_start(&options), TN_OK);
    alloc_with(&f, 1, 0x1000);
    tn_record_code_dies(f.code);
    dead_code = f.code;
    alloc_with(&f, 1, 0x2000);
    assert_true(tn_recorded_stack_at(stack_at(0x1000), &before));
    assert_true(tn_recorded_stack_at(stack_at(0x2000), &after));
    assert_true(before.code != after.code);
    tn_recorded_now(&now);
    uint32_t n_codes = now.n_codes;
    for (unsigned i = 0; i < 5000; i++) { /* the same function made anew, as exec does: no row more */
        tn_record_code_dies(f.code);
        alloc_with(&f, 1, 0x3000);
    }
    assert_true(tn_recorded_stack_at(stack_at(0x3000), &again));
    assert_int_equal(again.code, after.code);
    tn_recorded_now(&now);
    assert_int_equal(now.n_codes, n_codes);
}

static void test_where_frees_were_missed_no_code_is_known_by_address(void **state)
{
    (void)state;
    tn_walked f = {.code = 0x30000, .at = 0x30000 + MODEL_CODE_OFFSET + 8};
    tn_walked g = {.code = 0x40000, .at = 0x40000 + MODEL_CODE_OFFSET + 8};
    tn_recorded_stack before, after, same;
    tn_recorded now;
    memset(&m, 0, sizeof m);
    dead_code = 0;
    tn_record_options options = {.mode = TN_RECORD_EXACT, .code_offset = MODEL_CODE_OFFSET, .describe = describe_after};
    assert_int_equal(tn_record_start(&options), TN_OK);
    alloc_with(&f, 1, 0x1000);
    uint32_t old = stack_at(0x1000);
    assert_true(tn_recorded_stack_at(old, &before));
    dead_code = f.code; /* nobody was told */
    for (unsigned i = 0; i < 3; i++) {
        tn_record_missed();
        tn_recorded_now(&now);
        assert_int_equal(now.traced_bytes, 0);
        assert_int_equal(now.started_births, now.births);
        tn_recorded_block b;
        assert_false(tn_recorded_block_at(0x1000, &b));
        assert_false(tn_sampled_maybe(f.code));
        alloc_with(&f, 1, 0x2000);
        alloc_with(&g, 1, 0x3000);
        assert_true(tn_recorded_stack_at(stack_at(0x2000), &after));
        assert_true(before.code != after.code);
        assert_true(tn_sampled_maybe(f.code));
    }
    assert_true(tn_recorded_stack_at(old, &same)); /* for who has its number */
    assert_int_equal(same.code, before.code);
    tn_record_code_dies(f.code);
    dead_code = 0;
    alloc_with(&f, 1, 0x4000);
    assert_true(tn_recorded_stack_at(stack_at(0x4000), &after));
    assert_int_equal(after.code, before.code);
}

static void test_ten_thousand_codes_keep_their_texts(void **state)
{
    (void)state;
    start(TN_RECORD_EXACT);
    for (uint64_t i = 0; i < 10000; i++) {
        tn_walked f = {.code = 0x100000 + 0x1000 * i, .at = 0x100000 + 0x1000 * i + MODEL_CODE_OFFSET};
        alloc_with(&f, 1, 0x1000000 + 0x1000 * i);
    }
    for (uint64_t i = 0; i < 10000; i++) {
        char text[64], name[64];
        model_code_text(name, sizeof name, 0x100000 + 0x1000 * i);
        strcat(name, "+0");
        model_stack_text(stack_at(0x1000000 + 0x1000 * i), text, sizeof text);
        assert_string_equal(text, name);
    }
}

/* ---- limits, failures ---- */

static void test_what_does_not_fit_is_counted_and_nothing_is_wrong(void **state)
{
    (void)state;
    tn_recorded_cost cost;
    bool whole = false;
    for (uint64_t limit = 1 << 20; !whole; limit += 300 << 10) {
        uint64_t random = 9;
        memset(&m, 0, sizeof m);
        model_make_stacks(&m, 11);
        tn_record_options options = {.mode = TN_RECORD_EXACT, .code_offset = MODEL_CODE_OFFSET, .max_bytes = limit};
        options.describe = model_describe;
        int status = tn_record_start(&options);
        if (status == TN_ENOMEM)
            continue;
        assert_int_equal(status, TN_OK);
        int64_t live = 0, allocated = 0;
        for (unsigned i = 0; i < 3000; i++) {
            model_block b = {.address = 0x7f0000000000 + (model_random(&random) % 4096 << 16), .bytes = 48};
            b.stack = (unsigned)(model_random(&random) % MODEL_STACKS);
            tn_tracer *t = tn_record_enter();
            if (!t)
                continue;
            if (i % 3 == 2) {
                tn_record_free(t, b.address, TN_DOMAIN_OBJ);
            } else {
                uint32_t n = 0;
                for (; n < m.stacks[b.stack].n && tn_walk_room(t, n); n++)
                    t->walk[n] = m.stacks[b.stack].frames[n];
                tn_walk_end(t, n);
                tn_record_alloc(t, b.address, b.bytes, TN_DOMAIN_OBJ);
            }
            tn_record_leave(t);
        }
        tn_recorded_cost_now(&cost);
        uint64_t mapped = 0;
        for (unsigned i = 0; i < TN_PARTS; i++)
            mapped += cost.mapped_bytes[i];
        assert_true(mapped <= limit);
        assert_true(cost.resident_bytes <= mapped && cost.resident_bytes > 0);
        whole = cost.dropped[TN_DROP_MEMORY] + cost.dropped[TN_DROP_STACK] + cost.dropped[TN_DROP_SITE] +
                    cost.dropped[TN_DROP_CODE] ==
                0;
        tn_recorded now;
        tn_recorded_site site;
        for (uint32_t id = 1; tn_recorded_site_at(id, &site); id++) {
            live += site.live_bytes;
            allocated += site.allocated_bytes;
        }
        tn_recorded_now(&now);
        assert_int_equal(live, now.traced_bytes); /* what has no stack is in the sums all the same */
        assert_true(allocated >= live);
        tn_record_stop();
    }
}

static void test_errno_is_kept_and_nothing_stays_mapped(void **state)
{
    (void)state;
    uint64_t random = 4;
    tn_recorded_cost cost;
    start(TN_RECORD_EXACT);
    step(&random, 50);
    tn_record_stop();
    tn_recorded_cost_now(&cost);
    uint64_t threads = cost.mapped_bytes[TN_PART_THREADS]; /* stays, for threads may be about to use it */
    for (unsigned round = 0; round < 50; round++) {
        start(round % 2 ? TN_RECORD_EXACT : TN_RECORD_SAMPLED);
        errno = 123;
        for (unsigned i = 0; round % 2 && i < 100; i++)
            step(&random, 50);
        assert_int_equal(errno, 123);
        tn_record_stop();
        tn_recorded_cost_now(&cost);
        for (unsigned i = 0; i < TN_PARTS; i++)
            assert_int_equal(cost.mapped_bytes[i], i == TN_PART_THREADS ? threads : 0);
    }
}

/* Whoever looks for blocks, a snapshot first of all, reads pages of the shadow that nothing was written to. */
static void test_pages_that_were_only_read_are_no_memory(void **state)
{
    (void)state;
    enum { BASE = 1 << 30, LEAF_PAGES = 128, PAGE_BYTES = 4096 };
    tn_recorded_cost before, after;
    tn_recorded_block b;
    start(TN_RECORD_EXACT);
    tn_tracer *t = tn_record_enter();
    tn_walk_end(t, 0);
    tn_record_alloc(t, BASE, 32, TN_DOMAIN_OBJ);
    tn_recorded_cost_now(&before);
    for (uint64_t at = BASE + 32; at < BASE + (1 << 20); at += 16)
        assert_false(tn_recorded_block_at(at, &b));
    tn_recorded_cost_now(&after);
    assert_int_equal(after.resident_bytes, before.resident_bytes);
    for (uint64_t at = BASE + 32; at < BASE + (1 << 20); at += 16)
        tn_record_alloc(t, at, 16, TN_DOMAIN_OBJ);
    tn_record_leave(t);
    tn_recorded_cost_now(&after);
    assert_true(after.resident_bytes >= before.resident_bytes + (LEAF_PAGES - 2) * PAGE_BYTES);
    tn_record_stop();
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    tn_record_options options = {.mode = TN_RECORD_OFF};
    assert_int_equal(tn_record_start(&options), TN_EINVAL);
    options = (tn_record_options){.mode = TN_RECORD_SAMPLED, .interval_bytes = 1ull << 41};
    assert_int_equal(tn_record_start(&options), TN_EINVAL);
    assert_int_equal(tn_record_switch(TN_RECORD_EXACT, 0), TN_EINVAL);
    assert_int_equal(tn_record_mode(), TN_RECORD_OFF);
    start(TN_RECORD_EXACT);
    assert_int_equal(tn_record_start(&options), TN_EINVAL);
    assert_int_equal(tn_record_switch(TN_RECORD_OFF, 0), TN_EINVAL);
    assert_int_equal(tn_record_mode(), TN_RECORD_EXACT);
}

static void test_off_nothing_is_done(void **state)
{
    (void)state;
    tn_recorded now;
    tn_tracer *t = tn_record_enter();
    tn_record_clear();
    tn_record_stop();
    if (t) {
        tn_record_alloc(t, 0x1000, 10, TN_DOMAIN_OBJ);
        tn_record_alloc(t, 0x1000, 10, TN_DOMAIN_RAW);
        tn_record_free(t, 0x1000, TN_DOMAIN_OBJ);
        tn_record_leave(t);
    }
    assert_int_equal(tn_record_root("a", 1), 0);
    tn_recorded_now(&now);
    assert_int_equal(now.traced_bytes, 0);
    assert_int_equal(now.n_sites, 0);
}

static void test_a_call_within_a_call_is_refused(void **state)
{
    (void)state;
    start(TN_RECORD_EXACT);
    tn_tracer *t = tn_record_enter();
    assert_non_null(t);
    assert_null(tn_record_enter());
    tn_record_leave(t);
    assert_ptr_equal(tn_record_enter(), t);
    tn_record_leave(t);
}

/* ---- time ---- */

static void test_one_call_in_1024_is_timed(void **state)
{
    (void)state;
    tn_recorded_cost cost;
    unsigned timed = 0;
    start(TN_RECORD_EXACT);
    tn_tracer *t = tn_record_enter();
    tn_recorded_cost_now(&cost);
    uint64_t before = cost.calls[TN_COST_FREE];
    for (unsigned i = 0; i < 10240; i++) {
        uint64_t begun = tn_cost_begin(t, TN_COST_FREE);
        timed += begun != 0;
        tn_cost_end(t, TN_COST_FREE, begun);
    }
    tn_record_leave(t);
    assert_int_equal(timed, 10);
    tn_recorded_cost_now(&cost);
    assert_int_equal(cost.calls[TN_COST_FREE] - before, 10240);
    assert_true(cost.ns[TN_COST_FREE] > 0);
}

/* ---- fork ---- */

static int child_of(void (*work)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        work();
        _exit(0);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void compare(void)
{
    model_compare(&m);
}

static void go_on(void)
{
    uint64_t random = 8;
    tn_record_after_fork_child();
    for (unsigned i = 0; i < 1000; i++)
        step(&random, 100);
    model_compare(&m);
}

static void test_a_child_reads_what_there_was_and_may_go_on(void **state)
{
    (void)state;
    uint64_t random = 6;
    start(TN_RECORD_EXACT);
    for (unsigned i = 0; i < 2000; i++)
        step(&random, 100);
    assert_int_equal(child_of(compare), 0); /* as after a bare clone: nothing was said before */
    tn_record_before_fork();
    int status = child_of(go_on);
    tn_record_after_fork_parent();
    assert_int_equal(status, 0);
    for (unsigned i = 0; i < 100; i++)
        step(&random, 100);
    model_compare(&m);
}

static int status_of_child;

/* Called while the call tree is locked: as if another thread had been at it when the process forked. */
static bool describe_and_fork(uint64_t code, tn_code_facts *facts)
{
    if (code != dead_code)
        return model_describe(code, facts);
    pid_t pid = fork();
    if (pid == 0) {
        tn_walked f = {.code = 0x20000, .at = 0x20000 + MODEL_CODE_OFFSET};
        alarm(20);
        tn_record_after_fork_child();
        tn_record_leave(tn__tracer);
        alloc_with(&f, 1, 0x2000);
        _exit(stack_at(0x2000) ? 0 : 1);
    }
    assert_true(waitpid(pid, &status_of_child, 0) == pid);
    return model_describe(code, facts);
}

static void test_a_lock_of_a_thread_that_is_not_there_is_free(void **state)
{
    (void)state;
    tn_walked f = {.code = 0x10000, .at = 0x10000 + MODEL_CODE_OFFSET};
    tn_record_options options = {
        .mode = TN_RECORD_EXACT, .code_offset = MODEL_CODE_OFFSET, .describe = describe_and_fork};
    status_of_child = -1;
    dead_code = f.code;
    assert_int_equal(tn_record_start(&options), TN_OK);
    alloc_with(&f, 1, 0x1000);
    assert_int_equal(status_of_child, 0);
}

#define TEST(name) cmocka_unit_test_teardown(test_##name, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_sum_block_and_stack_is_that_of_a_plain_list),
        TEST(clear_and_reset_peak_begin_again),
        TEST(what_was_allocated_before_the_start_is_not_known),
        TEST(a_block_whose_end_nobody_told_is_replaced_and_counted),
        TEST(a_block_that_is_tracked_by_name_counts_once),
        TEST(only_blocks_of_raw_are_taken_out_of_the_allocators),
        TEST(no_frame_is_native_and_roots_have_names),
        TEST(a_deep_recursion_is_one_stack),
        TEST(code_at_the_address_of_code_that_died_is_other_code),
        TEST(where_frees_were_missed_no_code_is_known_by_address),
        TEST(ten_thousand_codes_keep_their_texts),
        TEST(what_does_not_fit_is_counted_and_nothing_is_wrong),
        TEST(errno_is_kept_and_nothing_stays_mapped),
        TEST(pages_that_were_only_read_are_no_memory),
        TEST(bad_options_are_refused),
        TEST(off_nothing_is_done),
        TEST(a_call_within_a_call_is_refused),
        TEST(one_call_in_1024_is_timed),
        TEST(a_child_reads_what_there_was_and_may_go_on),
        TEST(a_lock_of_a_thread_that_is_not_there_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
