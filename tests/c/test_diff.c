/* test_diff.c - two snapshots compared: what is the same object, and what a failed comparison leaves. */
#include "suite.h"

#include "failing.h"
#include "parts.h"
#include "sample.h"

#include <stdlib.h>
#include <string.h>

enum { START_KEY = 31, START_FACT = 4 };

static struct {
    uint8_t *bytes;
    size_t n;
} old_file, new_file, plain_file;

/* String START_KEY becomes the name of the fact that a process has to have. */
static void name_start(parts *p)
{
    static const char name[] = "process.start_time_ns";
    part *strings = parts_find(p, "STRS"), *facts = parts_find(p, "FACT");
    uint32_t lengths[SAMPLE_STRINGS];
    size_t n = sizeof name - 1, before = sizeof lengths, all = strings->h.raw_bytes;
    memcpy(lengths, strings->payload, sizeof lengths);
    for (int i = 0; i < START_KEY; i++)
        before += lengths[i];
    uint8_t *text = malloc(all + n);
    assert_non_null(text);
    size_t was = lengths[START_KEY];
    lengths[START_KEY] = (uint32_t)n;
    memcpy(text, strings->payload, before);
    memcpy(text, lengths, sizeof lengths);
    memcpy(text + before, name, n);
    memcpy(text + before + n, strings->payload + before + was, all - before - was);
    parts_resize(strings, all - was + n);
    memcpy(strings->payload, text, all - was + n);
    free(text);
    tn_fact_row *row = (tn_fact_row *)(void *)facts->payload + START_FACT;
    row->kind = TN_FACT_UINT;
    row->value = 1;
}

/* The new file: the same, but for the contents of all texts. */
static int setup(void **state)
{
    (void)state;
    parts p;
    plain_file.bytes = sample_bytes(&plain_file.n);
    parts_open(&p, plain_file.bytes, plain_file.n);
    name_start(&p);
    old_file.bytes = parts_bytes(&p, &old_file.n);
    memset(parts_find(&p, "HASH")->payload, 0, parts_find(&p, "HASH")->h.raw_bytes);
    new_file.bytes = parts_bytes(&p, &new_file.n);
    parts_free(&p);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(plain_file.bytes);
    free(old_file.bytes);
    free(new_file.bytes);
    return 0;
}

static tn_snapshot *opened(const uint8_t *bytes, size_t n)
{
    tn_snapshot *s = NULL;
    assert_int_equal(tn_snapshot_open_memory(bytes, n, NULL, &s, NULL), 0);
    return s;
}

static unsigned taken(tn_set *set)
{
    unsigned bits = 0;
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1))
        bits |= 1u << id;
    tn_set_free(set);
    return bits;
}

static unsigned bits_of(const tn_diff *d, enum tn_diff_part which)
{
    tn_set *set;
    assert_int_equal(tn_diff_set(d, which, &set, NULL), 0);
    return taken(set);
}

static void texts_that_differ_are_other_objects(void **state)
{
    (void)state;
    tn_snapshot *old = opened(old_file.bytes, old_file.n), *new = opened(new_file.bytes, new_file.n);
    tn_diff *d;
    tn_diff_info info;
    assert_int_equal(tn_diff_open(old, new, NULL, &d, NULL), 0);
    tn_diff_about(d, &info);
    assert_true(info.same_process);
    assert_int_equal(bits_of(d, TN_DIFF_NEW), 3);
    assert_int_equal(bits_of(d, TN_DIFF_GONE), 3);
    assert_int_equal(bits_of(d, TN_DIFF_SURVIVED), 0x1fc);
    assert_true(info.certain == 2 && info.likely == 5 && info.reused == 2);
    assert_true(info.old_count == SAMPLE_OBJECTS && info.new_bytes == info.old_bytes);
    assert_int_equal(tn_diff_survivor(d, 0), TN_NONE);
    assert_int_equal(tn_diff_survivor(d, 8), 8);
    assert_int_equal(tn_diff_survivor(d, TN_NONE), TN_NONE);
    tn_diff_close(d);
    tn_diff_close(NULL);
    tn_snapshot_close(old);
    tn_snapshot_close(new);
}

static unsigned filtered(const tn_diff *d, const tn_set *within, const char *words)
{
    tn_set *set;
    assert_int_equal(tn_diff_filter(d, within, words, &set, NULL), 0);
    return taken(set);
}

static void words_and_sets_choose_what_is_compared(void **state)
{
    (void)state;
    tn_snapshot *old = opened(old_file.bytes, old_file.n), *new = opened(new_file.bytes, new_file.n);
    tn_diff *d;
    tn_set *before, *now, *none;
    tn_error err;
    assert_int_equal(tn_diff_open(old, new, NULL, &d, NULL), 0);
    assert_int_equal(filtered(d, NULL, "is:new"), 3);
    assert_int_equal(filtered(d, NULL, "is:survived"), 0x1fc);
    assert_int_equal(filtered(d, NULL, "is:certain") | filtered(d, NULL, "is:likely"), 0x1fc);
    assert_int_equal(filtered(d, NULL, "is:certain is:likely"), 0);
    assert_int_equal(filtered(d, NULL, "-is:survived"), 3);
    assert_int_equal(tn_diff_filter(d, NULL, "is:gone", &none, &err), TN_EINVAL);
    assert_int_equal(tn_set_where(new, "is:new", &none, &err), TN_EINVAL);
    tn_diff_close(d);
    assert_int_equal(tn_set_new(old, &before, NULL), 0);
    assert_int_equal(tn_set_new(new, &now, NULL), 0);
    for (uint32_t id = 1; id < 4; id++) {
        assert_int_equal(tn_set_add(before, id), 0);
        assert_int_equal(tn_set_add(now, id - 1), 0);
    }
    assert_int_equal(tn_diff_open_sets(new, before, old, now, NULL, &d, &err), TN_EINVAL); /* of the other side */
    assert_int_equal(tn_diff_open_sets(old, before, new, now, NULL, &d, NULL), 0);
    assert_int_equal(bits_of(d, TN_DIFF_NEW), 3);
    assert_int_equal(bits_of(d, TN_DIFF_GONE), 2);
    assert_int_equal(bits_of(d, TN_DIFF_SURVIVED), 4);
    tn_diff_close(d);
    tn_set_free(before);
    tn_set_free(now);
    tn_snapshot_close(old);
    tn_snapshot_close(new);
}

static void what_cannot_be_compared_is_said(void **state)
{
    (void)state;
    tn_snapshot *old = opened(plain_file.bytes, plain_file.n), *new = opened(new_file.bytes, new_file.n);
    tn_diff *d;
    tn_diff_info info;
    tn_set *set;
    tn_error err;
    assert_int_equal(tn_diff_open(old, old, NULL, &d, &err), TN_EINVAL);
    assert_int_equal(tn_diff_open(old, new, "size:many", &d, &err), TN_EINVAL);
    assert_int_equal(tn_diff_open(old, new, NULL, &d, &err), 0);
    tn_diff_about(d, &info);
    assert_false(info.same_process);
    assert_non_null(strstr(info.why, "does not say"));
    assert_int_equal(tn_diff_set(d, TN_DIFF_NEW, &set, &err), TN_EINVAL);
    assert_int_equal(tn_diff_survivor(d, 8), TN_NONE);
    tn_diff_close(d);
    tn_snapshot *many[] = {old, new, old};
    assert_int_equal(tn_growth_set(many, 3, NULL, &set, &err), TN_EINVAL);
    assert_int_equal(tn_growth_set(many, 1, NULL, &set, &err), TN_EINVAL);
    tn_snapshot_close(old);
    tn_snapshot_close(new);
}

static void growth_is_what_lies_between(void **state)
{
    (void)state;
    tn_snapshot *many[] = {opened(old_file.bytes, old_file.n), opened(new_file.bytes, new_file.n),
                           opened(new_file.bytes, new_file.n)};
    tn_set *set;
    assert_int_equal(tn_growth_set(many, 3, NULL, &set, NULL), 0);
    assert_int_equal(tn_set_count(set), 2);
    assert_true(tn_set_has(set, 0) && tn_set_has(set, 1));
    tn_set_free(set);
    assert_int_equal(tn_growth_set(many, 2, NULL, &set, NULL), 0);
    assert_int_equal(tn_set_count(set), 0);
    tn_set_free(set);
    for (int i = 0; i < 3; i++)
        tn_snapshot_close(many[i]);
}

static bool forget(void *ctx, const char *text, size_t n)
{
    (void)text;
    *(size_t *)ctx += n;
    return true;
}

/* Every page of two or three snapshots, with an allocator that fails after n calls. */
static int pages(failing *f, size_t n_files, enum tn_form form)
{
    tn_open_options how = {.alloc = &f->alloc};
    tn_snapshot *many[3] = {0};
    size_t written = 0;
    tn_sink sink = {forget, &written};
    tn_view_options o = {.form = form};
    tn_set *set = NULL;
    int status = 0;
    for (size_t i = 0; i < n_files && status == 0; i++) {
        const uint8_t *bytes = i ? new_file.bytes : old_file.bytes;
        status = tn_snapshot_open_memory(bytes, i ? new_file.n : old_file.n, &how, &many[i], NULL);
    }
    if (status == 0)
        status = tn_view_diff(many, n_files, &o, &sink, NULL);
    if (status == 0)
        status = tn_growth_set(many, n_files, "size:>0", &set, NULL);
    o.against = many[0];
    if (status == 0)
        status = tn_view_largest(many[1], &o, &sink, NULL);
    int (*const views[])(tn_snapshot *, uint32_t, const tn_view_options *, const tn_sink *, tn_error *) = {
        tn_view_dominators, tn_view_retained, tn_view_paths, tn_view_refs, tn_view_referrers};
    for (size_t i = 0; i < sizeof views / sizeof *views && status == 0; i++)
        status = views[i](many[1], TN_NONE, &o, &sink, NULL);
    if (status == 0)
        status = tn_view_groups(many[1], &o, &sink, NULL);
    if (status == 0)
        assert_true(written > 100);
    tn_set_free(set);
    for (size_t i = 0; i < 3; i++)
        tn_snapshot_close(many[i]);
    return status;
}

/* Words is: and sets, likewise. */
static int comparisons(failing *f)
{
    tn_open_options how = {.alloc = &f->alloc};
    tn_snapshot *old = NULL, *new = NULL;
    size_t written = 0;
    tn_sink sink = {forget, &written};
    tn_diff *d = NULL, *of_sets = NULL;
    tn_set *lived = NULL, *none = NULL;
    int status = tn_snapshot_open_memory(old_file.bytes, old_file.n, &how, &old, NULL);
    if (status == 0)
        status = tn_snapshot_open_memory(new_file.bytes, new_file.n, &how, &new, NULL);
    if (status == 0)
        status = tn_diff_open(old, new, "-is:likely", &d, NULL);
    if (status == 0)
        status = tn_diff_filter(d, NULL, "is:survived", &lived, NULL);
    if (status == 0)
        status = tn_set_new(old, &none, NULL);
    if (status == 0)
        status = tn_diff_open_sets(old, none, new, lived, NULL, &of_sets, NULL);
    tn_view_options o = {.where = "is:certain or is:new", .against = old, .set = lived, .old_set = none};
    int (*const views[])(tn_snapshot *, const tn_view_options *, const tn_sink *,
                         tn_error *) = {tn_view_largest, tn_view_groups, tn_view_suspects, tn_view_summary};
    for (size_t i = 0; i < sizeof views / sizeof *views && status == 0; i++)
        status = views[i](new, &o, &sink, NULL);
    tn_diff_close(d);
    tn_diff_close(of_sets);
    tn_set_free(lived);
    tn_set_free(none);
    tn_snapshot_close(old);
    tn_snapshot_close(new);
    return status;
}

static void a_comparison_that_fails_leaves_nothing(void **state)
{
    (void)state;
    int status = TN_ENOMEM;
    for (long until = 0; status != 0; until++) {
        failing f;
        failing_init(&f, until);
        status = comparisons(&f);
        assert_true(status == 0 || status == TN_ENOMEM);
        assert_int_equal(f.n_pieces, 0);
        assert_int_equal(f.n_bytes, 0);
        assert_true(until < 100000);
    }
}

static void any_failing_allocation_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    for (size_t n_files = 2; n_files <= 3; n_files++) {
        for (enum tn_form form = TN_TEXT; form <= TN_JSON; form++) {
            int status = TN_ENOMEM;
            for (long until = 0; status != 0; until++) {
                failing f;
                failing_init(&f, until);
                status = pages(&f, n_files, form);
                assert_true(status == 0 || status == TN_ENOMEM);
                assert_int_equal(f.n_pieces, 0);
                assert_int_equal(f.n_bytes, 0);
                assert_true(until < 100000);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_differ_are_other_objects),
        cmocka_unit_test(words_and_sets_choose_what_is_compared),
        cmocka_unit_test(a_comparison_that_fails_leaves_nothing),
        cmocka_unit_test(what_cannot_be_compared_is_said),
        cmocka_unit_test(growth_is_what_lies_between),
        cmocka_unit_test(any_failing_allocation_is_an_error_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
