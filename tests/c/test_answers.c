/* test_answers.c - suspects, audit and why: what they refuse, and that no failed allocation leaves anything behind. */
#include "suite.h"

#include "failing.h"
#include "sample.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *bytes;
static size_t n_bytes;

static int setup(void **state)
{
    (void)state;
    bytes = sample_bytes(&n_bytes);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(bytes);
    return 0;
}

static bool count(void *ctx, const char *text, size_t n)
{
    (void)text;
    *(size_t *)ctx += n;
    return true;
}

static tn_snapshot *opened(void)
{
    tn_snapshot *s;
    assert_int_equal(tn_snapshot_open_memory(bytes, n_bytes, NULL, &s, NULL), 0);
    return s;
}

static void what_has_no_rows_cannot_be_sorted(void **state)
{
    (void)state;
    size_t written = 0;
    tn_sink sink = {count, &written};
    tn_snapshot *s = opened();
    tn_view_options sorted = {.where = "size:>0", .sort = "size"}, rows = {.where = "size:>0", .where_rows = "size:>1"};
    assert_int_equal(tn_view_suspects(s, &sorted, &sink, NULL), TN_EINVAL);
    assert_int_equal(tn_view_suspects(s, &rows, &sink, NULL), TN_EINVAL);
    assert_int_equal(tn_view_why(s, &sorted, &sink, NULL), TN_EINVAL);
    assert_int_equal(tn_view_why(s, &rows, &sink, NULL), TN_EINVAL);
    assert_int_equal(tn_view_why(s, &(tn_view_options){0}, &sink, NULL), TN_EINVAL);
    assert_int_equal(tn_view_why(s, &(tn_view_options){.where = "type:nothing"}, &sink, NULL), TN_ENOTFOUND);
    assert_int_equal(written, 0);
    tn_snapshot_close(s);
}

static void every_object_has_an_answer(void **state)
{
    (void)state;
    tn_snapshot *s = opened();
    for (uint32_t id = 0; id < SAMPLE_OBJECTS; id++) {
        for (enum tn_form form = TN_TEXT; form <= TN_JSON; form++) {
            tn_set *set;
            size_t written = 0;
            tn_sink sink = {count, &written};
            assert_int_equal(tn_set_new(s, &set, NULL), 0);
            assert_int_equal(tn_set_add(set, id), 0);
            int status = tn_view_why(s, &(tn_view_options){.form = form, .set = set}, &sink, NULL);
            assert_true(status == 0 ? written > 60 : status == TN_ENOTFOUND); /* tonnage's own are in no selection */
            tn_set_free(set);
        }
    }
    tn_snapshot_close(s);
}

static void every_object_has_one_grade(void **state)
{
    (void)state;
    tn_snapshot *s = opened();
    for (uint32_t id = 0; id < tn_snapshot_n_objects(s); id++) {
        tn_account account;
        assert_int_equal(tn_node_account(s, id, &account, NULL), 0);
        bool higher = account.refcount > account.found, lower = account.refcount < account.found;
        assert_true(account.grade == TN_AUDIT_EVEN || (account.grade == TN_AUDIT_SHORT ? lower : higher));
        for (int grade = TN_AUDIT_LOST; grade < TN_AUDIT_GRADES; grade++) {
            tn_set *set;
            assert_int_equal(tn_audit_set(s, NULL, (enum tn_audit_grade)grade, &set, NULL), 0);
            assert_int_equal(tn_set_has(set, id), (int)account.grade == grade);
            tn_set_free(set);
        }
    }
    tn_account none;
    tn_set *set;
    assert_int_equal(tn_node_account(s, tn_snapshot_n_objects(s), &none, NULL), TN_EINVAL);
    assert_int_equal(tn_audit_set(s, NULL, TN_AUDIT_EVEN, &set, NULL), TN_EINVAL);
    tn_snapshot_close(s);
}

static int answers(failing *f, enum tn_form form, bool against)
{
    tn_open_options how = {.alloc = &f->alloc};
    tn_snapshot *s = NULL, *old = NULL;
    size_t written = 0;
    tn_sink sink = {count, &written};
    tn_view_options o = {.form = form};
    int status = tn_snapshot_open_memory(bytes, n_bytes, &how, &s, NULL);
    if (status == 0 && against)
        status = tn_snapshot_open_memory(bytes, n_bytes, &how, &old, NULL);
    o.against = old;
    if (status == 0)
        status = tn_view_suspects(s, &o, &sink, NULL);
    if (status == 0 && !against)
        status = tn_view_audit(s, &o, &sink, NULL);
    o.where_rows = "size:>=1";
    if (status == 0 && !against) /* which of its objects are new a diff alone of one process knows */
        status = tn_view_waste(s, &o, &sink, NULL);
    o.where_rows = NULL;
    o.where = "size:>0";
    if (status == 0 && !against)
        status = tn_view_why(s, &o, &sink, NULL);
    o.where = "type:dict";
    if (status == 0 && !against)
        status = tn_view_why(s, &o, &sink, NULL);
    tn_snapshot_close(old);
    tn_snapshot_close(s);
    return status;
}

static void any_failing_allocation_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        int status = TN_ENOMEM;
        for (long until = 0; status != 0; until++) {
            failing f;
            failing_init(&f, until);
            status = answers(&f, kind & 1 ? TN_JSON : TN_TEXT, kind & 2);
            assert_true(status == 0 || status == TN_ENOMEM);
            assert_int_equal(f.n_pieces, 0);
            assert_int_equal(f.n_bytes, 0);
            assert_true(until < 100000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_no_rows_cannot_be_sorted),
        cmocka_unit_test(every_object_has_an_answer),
        cmocka_unit_test(every_object_has_one_grade),
        cmocka_unit_test(any_failing_allocation_is_an_error_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
