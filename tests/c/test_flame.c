/* test_flame.c - trees of stacks, and the time line, of a whole file and with every allocation failing: an error or an answer, and
 * nothing left.
 *
 * Usage: test_flame FILE, of tests/python/sample_files.py. What the pages say is tested in tests/cli and tests/python.
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

typedef struct question {
    tn_flame_options asked;
    const char *where;
    bool timeline;
} question;

static const char *const places[] = {"any:shop.py", "<gc>"};
static const question all[] = {
    {.asked = {.what = TN_FLAME_ANY}},
    {.asked = {.what = TN_FLAME_CPU, .by = TN_SITES_FUNCTION, .inverted = true}},
    {.asked = {.what = TN_FLAME_CPU, .by = TN_SITES_MODULE, .exclude = places + 1, .n_exclude = 1}},
    {.asked = {.what = TN_FLAME_COUNT, .inverted = true, .born_first = 1, .born_last = 2}},
    {.asked = {.what = TN_FLAME_ALLOCATED, .by = TN_SITES_DISTRIBUTION, .include = places, .n_include = 1}},
    {.asked = {.what = TN_FLAME_PEAK, .by = TN_SITES_FILE}},
    {.asked = {.what = TN_FLAME_LIVE}, .where = "size:>=0"},
    {.asked = {.what = TN_FLAME_RETAINED}},
    {.timeline = true},
};
enum { QUESTIONS = sizeof all / sizeof *all };

static int ask(const tn_alloc *a, const question *q, enum tn_form form, size_t *written)
{
    tn_open_options how = {.alloc = a};
    tn_snapshot *s = NULL;
    tn_sink sink = {count, written};
    tn_view_options o = {.form = form, .where = q->where, .flame = &q->asked, .limit = 3};
    int status = tn_snapshot_open(path, &how, &s, NULL);
    if (status == TN_OK)
        status = q->timeline ? tn_view_timeline(s, &o, &sink, NULL) : tn_view_flame(s, &o, &sink, NULL);
    tn_snapshot_close(s);
    return status;
}

static void every_tree_has_an_answer(void **state)
{
    (void)state;
    for (int k = 0; k < QUESTIONS; k++)
        for (int form = TN_TEXT; form <= TN_JSON; form++) {
            size_t written = 0;
            assert_int_equal(ask(NULL, &all[k], (enum tn_form)form, &written), 0);
            assert_true(written > 100);
        }
}

static void any_failing_allocation_is_an_error_and_leaves_nothing(void **state)
{
    (void)state;
    for (int k = 0; k < QUESTIONS; k++) {
        int status = TN_ENOMEM;
        for (long until = 0; status != 0; until++) {
            failing f;
            size_t written = 0;
            failing_init(&f, until);
            status = ask(&f.alloc, &all[k], k & 1 ? TN_JSON : TN_TEXT, &written);
            assert_true(status == 0 || (status == TN_ENOMEM && written == 0));
            assert_int_equal(f.n_pieces, 0);
            assert_int_equal(f.n_bytes, 0);
            assert_true(until < 100000);
        }
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
    assert_int_equal(tn_view_flame(s, &(tn_view_options){.limit = 3}, &sink, NULL), TN_EIO);
    tn_snapshot_close(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tree_has_an_answer),
        cmocka_unit_test(any_failing_allocation_is_an_error_and_leaves_nothing),
        cmocka_unit_test(a_sink_that_takes_nothing_is_an_error),
    };
    if (argc != 2)
        return 2;
    path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
