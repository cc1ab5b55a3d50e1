/* test_cpu.c - every page of a profile, of a whole file and with every allocation failing: an error or an answer, and nothing left.
 *
 * Usage: test_cpu FILE, of tests/python/sample_files.py. What the pages say is tested in tests/cli and tests/python.
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
    tn_cpu_options asked;
    const char *sort;
    bool compared; /* with itself */
} question;

static const char *const places[] = {"any:shop.py", "<gc>"};
static const question all[] = {
    {.asked = {.page = TN_CPU_TABLE}},
    {.asked = {.by = TN_CPU_LINE, .cumulative = true, .include = places, .n_include = 1}, .sort = "bytes"},
    {.asked = {.by = TN_CPU_TRACEBACK}, .compared = true},
    {.asked = {.by = TN_CPU_MODULE, .cumulative = true}, .sort = "name", .compared = true},
    {.asked = {.by = TN_CPU_DISTRIBUTION, .exclude = places + 1, .n_exclude = 1}},
    {.asked = {.by = TN_CPU_THREAD}, .compared = true},
    {.asked = {.by = TN_CPU_TASK, .thread = "*"}},
    {.asked = {.by = TN_CPU_STATE, .state = "running"}},
    {.asked = {.clock = "alloc"}, .compared = true},
    {.asked = {.page = TN_CPU_TREE}},
    {.asked = {.page = TN_CPU_TREE, .by = TN_CPU_LINE}, .sort = "name"},
    {.asked = {.page = TN_CPU_GRAPH}},
    {.asked = {.page = TN_CPU_GRAPH, .by = TN_CPU_FILE}, .sort = "-name"},
    {.asked = {.page = TN_CPU_CALLERS, .function = "load"}},
    {.asked = {.page = TN_CPU_CALLEES, .function = "shop.py"}},
};
enum { QUESTIONS = sizeof all / sizeof *all };

static int ask(const tn_alloc *a, const question *q, enum tn_form form, size_t *written)
{
    tn_open_options how = {.alloc = a};
    tn_snapshot *s = NULL, *old = NULL;
    tn_sink sink = {count, written};
    tn_view_options o = {.form = form, .sort = q->sort, .cpu = &q->asked, .limit = 3};
    int status = tn_snapshot_open(path, &how, &s, NULL);
    if (status == TN_OK && q->compared)
        status = tn_snapshot_open(path, &how, &old, NULL);
    o.against = old;
    if (status == TN_OK)
        status = tn_view_profile(s, &o, &sink, NULL);
    tn_snapshot_close(old);
    tn_snapshot_close(s);
    return status;
}

static void every_page_has_an_answer(void **state)
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
    assert_int_equal(tn_view_profile(s, &(tn_view_options){.limit = 3}, &sink, NULL), TN_EIO);
    tn_snapshot_close(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_has_an_answer),
        cmocka_unit_test(any_failing_allocation_is_an_error_and_leaves_nothing),
        cmocka_unit_test(a_sink_that_takes_nothing_is_an_error),
    };
    if (argc != 2)
        return 2;
    path = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
