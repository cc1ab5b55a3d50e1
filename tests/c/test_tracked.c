/* test_tracked.c - every page of tracked classes, of a whole file and with every allocation failing: an error or an answer, and
 * nothing left.
 *
 * Usage: test_tracked FILE, of tests/python/tracked_files.py. What the pages say is tested in tests/cli and tests/python.
 */
#include "failing.h"

#include "suite.h"

#include "tonnage.h"

static const char *path;

static bool count(void *ctx, const char *text, size_t n_bytes)
{
    (void)text;
    *(size_t *)ctx += n_bytes;
    return true;
}

static const char *const sorts[TN_TRACKED_PAGES] = {NULL, "class", "-death", "name"};

static int ask(const tn_alloc *a, enum tn_tracked_page page, enum tn_form form, size_t *written)
{
    tn_open_options how = {.alloc = a};
    tn_snapshot *s = NULL;
    tn_sink sink = {count, written};
    tn_view_options o = {
        .form = form, .tracked = page, .sort = sorts[page], .where = "type:Node+ or text:e", .limit = 5};
    int status = tn_snapshot_open(path, &how, &s, NULL);
    if (status == TN_OK)
        status = tn_view_tracked(s, &o, &sink, NULL);
    tn_snapshot_close(s);
    return status;
}

static void any_failing_allocation_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    for (int page = 0; page < TN_TRACKED_PAGES; page++) {
        int status = TN_ENOMEM;
        size_t written = 0;
        for (long until = 0; status != 0; until++) {
            failing f;
            failing_init(&f, until);
            status = ask(&f.alloc, (enum tn_tracked_page)page, page & 1 ? TN_JSON : TN_TEXT, &written);
            assert_true(status == 0 || (status == TN_ENOMEM && written == 0));
            assert_int_equal(f.n_pieces, 0);
            assert_int_equal(f.n_bytes, 0);
            assert_true(until < 100000);
        }
        assert_true(written > 100);
    }
}

static bool refuse(void *ctx, const char *text, size_t n_bytes)
{
    (void)ctx;
    (void)text;
    (void)n_bytes;
    return false;
}

static void a_sink_that_takes_nothing_is_an_error(void **state)
{
    (void)state;
    tn_snapshot *s;
    tn_sink sink = {refuse, NULL};
    assert_int_equal(tn_snapshot_open(path, NULL, &s, NULL), 0);
    assert_int_equal(tn_view_tracked(s, &(tn_view_options){.limit = 3}, &sink, NULL), TN_EIO);
    tn_snapshot_close(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_failing_allocation_is_an_error_and_leaves_nothing),
        cmocka_unit_test(a_sink_that_takes_nothing_is_an_error),
    };
    if (argc != 2)
        return 2;
    path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
