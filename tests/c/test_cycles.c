/* test_cycles.c - components and cycles of tests/c/cycles.tonnage (made by tests/cli/cycles_snapshot.py), and that nothing is left
 * when memory runs out at any place. That they are the right ones on any small graph is told by tests/python/test_cycles.py.
 */
#include "suite.h"

#include "failing.h"

#include <string.h>

static const char *path;

static bool count(void *ctx, const char *text, size_t n)
{
    (void)text;
    *(size_t *)ctx += n;
    return true;
}

static tn_snapshot *opened(void)
{
    tn_snapshot *s;
    assert_int_equal(tn_snapshot_open(path, NULL, &s, NULL), 0);
    return s;
}

static void components_are_those_that_were_planted(void **state)
{
    (void)state;
    tn_snapshot *s = opened();
    tn_components *c;
    tn_component row;
    const tn_reference *steps;
    uint32_t n;
    uint64_t n_references, bytes = 0;
    bool shortest = false;
    unsigned states[4] = {0};
    assert_int_equal(tn_components_make(s, NULL, &c, NULL), 0);
    assert_int_equal(tn_components_count(c), 7);
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(tn_components_row(c, i, &row, NULL), 0);
        states[row.state]++;
        bytes += row.bytes;
        assert_int_equal(tn_components_cycle(c, i, &steps, &n, &shortest, NULL), 0);
        assert_true(shortest);
        assert_int_equal(n, row.count); /* all of them are rings */
        assert_int_equal(steps[n - 1].target, steps[0].source);
        assert_int_equal(tn_components_references(c, i, &steps, &n_references, NULL), 0);
        assert_int_equal(n_references, row.references);
        assert_int_equal(n_references, row.count);
    }
    assert_int_equal(states[TN_CYCLE_ALIVE], 4);
    assert_int_equal(states[TN_CYCLE_WAITING], 2);
    assert_int_equal(states[TN_CYCLE_LISTED], 1);
    assert_int_equal(bytes, 1072);
    tn_components_free(c);
    tn_snapshot_close(s);
}

static void what_is_not_there_is_invalid(void **state)
{
    (void)state;
    tn_snapshot *s = opened();
    tn_components *c;
    tn_component row;
    tn_cycle_group group;
    tn_set *set;
    const tn_reference *steps;
    uint32_t n;
    uint64_t n_references;
    size_t written = 0;
    tn_sink sink = {count, &written};
    assert_int_equal(tn_components_make(s, &(tn_components_options){.garbage = true}, &c, NULL), 0);
    assert_int_equal(tn_components_count(c), 3); /* one is in gc.garbage */
    assert_int_equal(tn_components_groups(c, &n, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(tn_components_row(c, 3, &row, NULL), TN_EINVAL);
    assert_int_equal(tn_components_members(c, 3, &set, NULL), TN_EINVAL);
    assert_int_equal(tn_components_cycle(c, 3, &steps, &n, NULL, NULL), TN_EINVAL);
    assert_int_equal(tn_components_references(c, 3, &steps, &n_references, NULL), TN_EINVAL);
    assert_int_equal(tn_components_group(c, 2, &group, NULL), TN_EINVAL);
    assert_int_equal(tn_components_group_members(c, 2, &set, NULL), TN_EINVAL);
    assert_int_equal(tn_view_cycles(s, &(tn_view_options){.where_rows = "size:>1"}, &sink, NULL), TN_EINVAL);
    assert_int_equal(tn_view_cycles(s, &(tn_view_options){.by = TN_BY_RCS}, &sink, NULL), TN_EINVAL);
    assert_int_equal(written, 0);
    tn_components_free(c);
    tn_components_free(NULL);
    tn_snapshot_close(s);
}

static int ask(tn_snapshot *s)
{
    tn_components *c = NULL;
    tn_set *garbage = NULL, *members = NULL, *more = NULL;
    const tn_reference *steps;
    uint32_t n;
    uint64_t n_references;
    int status = tn_garbage_set(s, &garbage, NULL);
    if (status == 0)
        status = tn_components_make(s, &(tn_components_options){.of = garbage, .where = garbage}, &c, NULL);
    if (status == 0)
        status = tn_components_members(c, 0, &members, NULL);
    if (status == 0)
        status = tn_components_group_members(c, 0, &more, NULL);
    if (status == 0)
        status = tn_components_cycle(c, 1, &steps, &n, NULL, NULL);
    if (status == 0)
        status = tn_components_references(c, 1, &steps, &n_references, NULL);
    tn_set_free(more);
    tn_set_free(members);
    tn_set_free(garbage);
    tn_components_free(c);
    return status;
}

static int answers(failing *f, int kind)
{
    tn_open_options how = {.alloc = &f->alloc};
    tn_snapshot *s = NULL;
    size_t written = 0;
    tn_sink sink = {count, &written};
    tn_view_options o = {.form = kind & 1 ? TN_JSON : TN_TEXT, .by = kind & 2 ? TN_BY_ID : TN_BY_TYPE, .sort = "size"};
    if (kind == 4)
        o.sort = "cycle";
    int status = tn_snapshot_open(path, &how, &s, NULL);
    if (status == 0)
        status = kind == 5 ? ask(s) : tn_view_cycles(s, &o, &sink, NULL);
    tn_snapshot_close(s);
    return status;
}

static void any_failing_allocation_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        int status = TN_ENOMEM;
        for (long until = 0; status != 0; until++) {
            failing f;
            failing_init(&f, until);
            status = answers(&f, kind);
            assert_true(status == 0 || status == TN_ENOMEM);
            assert_int_equal(f.n_pieces, 0);
            assert_int_equal(f.n_bytes, 0);
            assert_true(until < 100000);
        }
    }
}

int main(int argc, char **argv)
{
    path = argc > 1 ? argv[1] : "tests/c/cycles.tonnage";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_are_those_that_were_planted),
        cmocka_unit_test(what_is_not_there_is_invalid),
        cmocka_unit_test(any_failing_allocation_is_an_error_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
