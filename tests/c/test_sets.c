/* test_sets.c - sets of objects: what they hold, what operations make of them, what a failed one leaves. */
#include "suite.h"

#include "failing.h"
#include "parts.h"
#include "sample.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *bytes;
static size_t n_bytes;
static tn_snapshot *s;

static int setup(void **state)
{
    (void)state;
    bytes = sample_bytes(&n_bytes);
    return tn_snapshot_open_memory(bytes, n_bytes, NULL, &s, NULL);
}

static int teardown(void **state)
{
    (void)state;
    tn_snapshot_close(s);
    free(bytes);
    return 0;
}

/* Members of a set as bits: the sample has nine objects. */
static unsigned bits_of(const tn_set *set)
{
    unsigned bits = 0, n = 0;
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1), n++)
        bits |= 1u << id;
    assert_int_equal(tn_set_count(set), n);
    return bits;
}

static tn_set *set_of(unsigned bits)
{
    tn_set *set;
    assert_int_equal(tn_set_new(s, &set, NULL), 0);
    for (uint32_t id = 0; id < SAMPLE_OBJECTS; id++)
        if (bits >> id & 1)
            assert_int_equal(tn_set_add(set, id), 0);
    assert_int_equal(bits_of(set), bits);
    return set;
}

static void members_come_and_go(void **state)
{
    (void)state;
    tn_set *set = set_of(0);
    assert_int_equal(tn_set_next(set, 0), TN_NONE);
    assert_int_equal(tn_set_add(set, SAMPLE_OBJECTS), TN_EINVAL);
    assert_int_equal(tn_set_add(set, TN_NONE), TN_EINVAL);
    for (int again = 0; again < 2; again++)
        assert_int_equal(tn_set_add(set, 8), 0);
    assert_int_equal(bits_of(set), 1u << 8);
    assert_true(tn_set_has(set, 8) && !tn_set_has(set, 7) && !tn_set_has(set, TN_NONE));
    for (int again = 0; again < 2; again++)
        tn_set_remove(set, 8);
    tn_set_remove(set, TN_NONE);
    assert_int_equal(bits_of(set), 0);
    tn_set_free(set);
    tn_set_free(NULL);
}

static unsigned all_bits(void)
{
    tn_set *all;
    assert_int_equal(tn_set_where(s, NULL, &all, NULL), 0);
    unsigned bits = bits_of(all);
    tn_set_free(all);
    return bits;
}

static void operations_are_those_of_sets(void **state)
{
    (void)state;
    unsigned all = all_bits();
    for (unsigned a = 0; a < 512; a += 37) {
        for (unsigned b = 0; b < 512; b += 41) {
            tn_set *left = set_of(a), *right = set_of(b), *out[6];
            assert_int_equal(tn_set_union(left, right, &out[0], NULL), 0);
            assert_int_equal(tn_set_intersect(left, right, &out[1], NULL), 0);
            assert_int_equal(tn_set_minus(left, right, &out[2], NULL), 0);
            assert_int_equal(tn_set_xor(left, right, &out[3], NULL), 0);
            assert_int_equal(tn_set_copy(left, &out[4], NULL), 0);
            assert_int_equal(tn_set_complement(s, left, &out[5], NULL), 0);
            unsigned want[6] = {a | b, a & b, a & ~b, a ^ b, a, all & ~a};
            for (int i = 0; i < 6; i++) {
                assert_int_equal(bits_of(out[i]), want[i]);
                tn_set_free(out[i]);
            }
            assert_int_equal(tn_set_equal(left, right), a == b);
            assert_int_equal(tn_set_subset(left, right), (a & ~b) == 0);
            tn_set_free(left);
            tn_set_free(right);
        }
    }
}

static void bytes_of_a_set_are_the_sum_of_its_sizes(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 512; a += 7) {
        tn_set *set = set_of(a);
        uint64_t want = 0, got;
        for (uint32_t id = 0; id < SAMPLE_OBJECTS; id++)
            want += a >> id & 1 ? sample_nodes[id].size : 0;
        assert_int_equal(tn_set_bytes(s, set, &got, NULL), 0);
        assert_int_equal(got, want);
        tn_set_free(set);
    }
}

static void a_filtered_set_is_what_is_selected_of_its_members(void **state)
{
    (void)state;
    static const char *const selections[] = {"", "type:dict+ or size:>=64", "-text:hello refcount:>0", "retained:>100"};
    for (size_t i = 0; i < sizeof selections / sizeof *selections; i++) {
        tn_set *selected;
        assert_int_equal(tn_set_where(s, selections[i], &selected, NULL), 0);
        unsigned bits = bits_of(selected);
        tn_set_free(selected);
        for (unsigned a = 0; a < 512; a += 7) {
            tn_set *set = set_of(a), *filtered;
            assert_int_equal(tn_set_filter(s, set, selections[i], &filtered, NULL), 0);
            assert_int_equal(bits_of(filtered), a & bits);
            tn_set_free(filtered);
            tn_set_free(set);
        }
    }
}

static void sets_of_two_snapshots_do_not_mix(void **state)
{
    (void)state;
    tn_snapshot *other;
    tn_set *left = set_of(3), *right, *out = NULL;
    tn_error err = {0};
    assert_int_equal(tn_snapshot_open_memory(bytes, n_bytes, NULL, &other, NULL), 0);
    assert_int_equal(tn_set_where(other, NULL, &right, NULL), 0);
    assert_int_equal(tn_set_union(left, right, &out, &err), TN_EINVAL);
    assert_string_equal(err.message, "the two sets are of two snapshots");
    assert_null(out);
    uint64_t sum;
    tn_groups *groups;
    const tn_groups_options options = {.heads = right};
    assert_int_equal(tn_set_bytes(s, right, &sum, NULL), TN_EINVAL);
    assert_int_equal(tn_set_reachable(s, left, right, &out, NULL), TN_EINVAL);
    assert_int_equal(tn_set_filter(s, right, "", &out, NULL), TN_EINVAL);
    assert_int_equal(tn_retained_set(s, right, NULL, &sum, NULL), TN_EINVAL);
    assert_int_equal(tn_retained_set(s, NULL, NULL, &sum, NULL), TN_EINVAL);
    assert_int_equal(tn_set_dominators(s, right, &out, NULL), TN_EINVAL);
    assert_int_equal(tn_set_dominators(s, NULL, &out, NULL), TN_EINVAL);
    tn_paths *paths;
    tn_chain *chain;
    const tn_path_options avoid = {.avoid = right};
    assert_int_equal(tn_paths_open(s, 0, &avoid, &paths, NULL), TN_EINVAL);
    assert_int_equal(tn_chain_open(s, 0, true, &avoid, &chain, NULL), TN_EINVAL);
    assert_int_equal(tn_set_referents(s, right, 0, &out, NULL), TN_EINVAL);
    assert_int_equal(tn_set_numbers(s, right, TN_NUMBER_SIZE, &sum, NULL), TN_EINVAL);
    assert_int_equal(tn_groups_make(s, right, TN_BY_TYPE, NULL, &groups, NULL), TN_EINVAL);
    assert_int_equal(tn_groups_make(s, left, TN_BY_HEADS, &options, &groups, NULL), TN_EINVAL);
    assert_int_equal(tn_groups_make(s, left, TN_BYS, NULL, &groups, NULL), TN_EINVAL);
    assert_false(tn_set_equal(left, right));
    assert_false(tn_set_subset(left, right));
    tn_set_free(right);
    tn_set_free(left);
    tn_snapshot_close(other);
}

/* Everything that makes a set; the status of the first that fails. */
static int make_all(tn_snapshot *of)
{
    tn_set *set = NULL, *made = NULL;
    uint64_t sum;
    int status = tn_set_where(of, "type:dict+ size:>=1", &set, NULL);
    if (status == 0)
        status = tn_set_complement(of, set, &made, NULL);
    tn_set_free(made);
    made = NULL;
    if (status == 0)
        status = tn_set_xor(set, set, &made, NULL);
    if (status == 0)
        status = tn_set_bytes(of, set, &sum, NULL);
    tn_set_free(made);
    tn_set_free(set);
    return status;
}

/* Everything along references, and every way of parting. */
static int part_all(tn_snapshot *of)
{
    tn_set *all = NULL, *made[4] = {NULL};
    uint32_t ids[64], index;
    uint8_t marks[64];
    int status = tn_snapshot_n_objects(of) <= 64 ? tn_set_where(of, "-dist:nowhere", &all, NULL) : TN_ELIMIT;
    if (status == 0)
        status = tn_set_referrers(of, all, 0, &made[0], NULL);
    if (status == 0)
        status = tn_set_referents(of, all, 1 << TN_REF_WEAK, &made[1], NULL);
    if (status == 0)
        status = tn_set_reachable(of, all, made[0], &made[2], NULL);
    if (status == 0)
        status = tn_set_owned(of, all, &made[3], NULL);
    for (int what = 0; what < TN_NUMBERS && status == 0; what++)
        status = tn_set_sorted(of, all, (enum tn_number)what, true, ids, NULL);
    for (int by = 0; by < TN_BYS && status == 0; by++) {
        tn_groups *groups = NULL;
        tn_set *members = NULL;
        tn_group row;
        tn_groups_options options = {.fold = by % 2, .where = by % 3 ? NULL : "size:>0", .heads = all};
        status = tn_groups_make(of, all, (enum tn_by)by, &options, &groups, NULL);
        if (status == 0 && tn_groups_count(groups) && tn_groups_count(groups) <= 64) {
            status = tn_groups_row(groups, 0, &row, NULL);
            if (status == 0)
                status = tn_groups_members(groups, 0, &members, NULL);
            if (status == 0)
                status = tn_groups_of(groups, row.largest_id, &index, NULL);
            if (status == 0)
                status = tn_groups_related(groups, 0, true, marks, NULL);
            if (status == 0)
                status = tn_groups_sort(groups, TN_GROUPS_COUNT, false, NULL);
        }
        tn_set_free(members);
        tn_groups_free(groups);
    }
    for (int i = 0; i < 4; i++)
        tn_set_free(made[i]);
    tn_set_free(all);
    return status;
}

static void leaves_nothing(int (*calls)(tn_snapshot *))
{
    int status = -1;
    for (long n = 0; status < 0; n++) {
        failing f;
        tn_snapshot *of;
        failing_init(&f, -1);
        const tn_open_options options = {.alloc = &f.alloc};
        assert_int_equal(tn_snapshot_open_memory(bytes, n_bytes, &options, &of, NULL), 0);
        f.until = n;
        status = calls(of);
        assert_true(status == 0 || status == TN_ENOMEM);
        f.until = -1;
        assert_int_equal(calls(of), 0);
        tn_snapshot_close(of);
        assert_int_equal(f.n_pieces, 0);
        assert_int_equal(f.n_bytes, 0);
    }
}

static void any_failing_allocation_leaves_nothing(void **state)
{
    (void)state;
    leaves_nothing(make_all);
}

static void any_failing_allocation_of_groups_leaves_nothing(void **state)
{
    (void)state;
    leaves_nothing(part_all);
}

/* What opening accepts may still be nonsense: one bit of any byte after another, with checksums made right again. */
static void whatever_a_file_says_is_parted_or_refused(void **state)
{
    (void)state;
    unsigned n_opened = 0;
    uint8_t *copy = malloc(n_bytes);
    for (size_t at = 32; at < n_bytes; at++) {
        tn_snapshot *of;
        memcpy(copy, bytes, n_bytes);
        copy[at] ^= (uint8_t)(1u << at % 8);
        parts_rehash(copy, n_bytes);
        const tn_open_options options = {.max_memory_bytes = 64 << 20};
        if (tn_snapshot_open_memory(copy, n_bytes, &options, &of, NULL) < 0)
            continue;
        n_opened++;
        part_all(of);
        make_all(of);
        tn_snapshot_close(of);
    }
    assert_true(n_opened > 100);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(operations_are_those_of_sets),
        cmocka_unit_test(bytes_of_a_set_are_the_sum_of_its_sizes),
        cmocka_unit_test(a_filtered_set_is_what_is_selected_of_its_members),
        cmocka_unit_test(sets_of_two_snapshots_do_not_mix),
        cmocka_unit_test(any_failing_allocation_leaves_nothing),
        cmocka_unit_test(any_failing_allocation_of_groups_leaves_nothing),
        cmocka_unit_test(whatever_a_file_says_is_parted_or_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
