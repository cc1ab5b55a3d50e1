/* test_sites.c - every page of sites, of whole files and with every allocation failing: an error or an answer, and nothing left.
 *
 * Usage: test_sites FILE OLDER, of tests/cli/sites_snapshot.py. What the pages say is tested in tests/cli and tests/python.
 */
#include "failing.h"

#include "suite.h"

#include "tonnage.h"

static const char *paths[2];

static bool count(void *ctx, const char *text, size_t n_bytes)
{
    (void)text;
    *(size_t *)ctx += n_bytes;
    return true;
}

typedef struct question {
    tn_sites_options asked;
    const char *where;
    bool compared; /* the first file with the second */
    bool sampled;  /* the second file with itself: the blocks of both are compared */
} question;

static const char *const places[] = {"any:app/*", "=/srv/app/work.py:11"};
static const question all[] = {
    {.asked = {.page = TN_SITES_TABLE}},
    {.asked = {.page = TN_SITES_TABLE, .by = TN_SITES_TRACEBACK}, .compared = true},
    {.asked = {.page = TN_SITES_TABLE, .by = TN_SITES_MODULE, .cumulative = true}, .compared = true},
    {.asked = {.page = TN_SITES_TABLE, .by = TN_SITES_TYPE, .retained = true, .include = places, .n_include = 1}},
    {.asked = {.page = TN_SITES_TABLE, .by = TN_SITES_DISTRIBUTION}, .where = "site:any:main.py type:*"},
    {.asked = {.page = TN_SITES_CREATORS, .from = places + 1, .n_from = 1}},
    {.asked = {.page = TN_SITES_CREATORS}},
    {.asked = {.page = TN_SITES_AT_PEAK, .by = TN_SITES_THREAD}, .compared = true},
    {.asked = {.page = TN_SITES_TABLE}, .sampled = true},
    {.asked = {.page = TN_SITES_TABLE, .by = TN_SITES_TYPE}, .where = "type:*", .sampled = true},
    {.asked = {.page = TN_SITES_SOON_FREED, .by = TN_SITES_TRACEBACK}, .compared = true},
    {.asked = {.page = TN_SITES_SOON_FREED, .exclude = places, .n_exclude = 1}},
    {.asked = {.page = TN_SITES_SURVIVORS, .by = TN_SITES_FUNCTION}},
};
enum { QUESTIONS = sizeof all / sizeof *all };

static int ask(const tn_alloc *a, const question *q, enum tn_form form, size_t *written)
{
    tn_open_options how = {.alloc = a};
    tn_snapshot *both[2] = {NULL, NULL};
    tn_sink sink = {count, written};
    tn_view_options o = {.form = form, .where = q->where, .sites = &q->asked, .limit = 5};
    int status = TN_OK;
    size_t n = q->compared || q->sampled ? 2 : 1;
    for (size_t i = 0; status == TN_OK && i < n; i++)
        status = tn_snapshot_open(paths[q->sampled ? 1 : i], &how, &both[i], NULL);
    if (status == TN_OK)
        status = tn_view_sites(both, n, &o, &sink, NULL);
    if (status == TN_OK && q->asked.page == TN_SITES_TABLE && !q->asked.cumulative) {
        tn_set *members;
        status = tn_sites_members(both[0], &q->asked, NULL, NULL, &members, NULL);
        if (status == TN_OK)
            tn_set_free(members);
    }
    tn_snapshot_close(both[1]);
    tn_snapshot_close(both[0]);
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
            assert_true(status == 0 || status == TN_ENOMEM);
            assert_int_equal(f.n_pieces, 0);
            assert_int_equal(f.n_bytes, 0);
            assert_true(until < 100000);
        }
    }
}

static void an_object_has_a_birth_or_none(void **state)
{
    (void)state;
    tn_snapshot *s;
    unsigned known = 0;
    assert_int_equal(tn_snapshot_open(paths[0], NULL, &s, NULL), 0);
    for (uint32_t id = 0; id < tn_snapshot_n_nodes(s); id++) {
        tn_birth birth;
        tn_frame f;
        assert_int_equal(tn_node_birth(s, id, &birth, NULL), 0);
        assert_int_equal(tn_birth_frame(s, &birth, 0, &f, NULL), birth.entry ? TN_OK : TN_ENOTFOUND);
        assert_int_equal(tn_birth_frame(s, &birth, 1000, &f, NULL), TN_ENOTFOUND);
        known += birth.entry > 0;
        while (tn_birth_frame(s, &birth, 1, &f, NULL) == TN_OK) {
            tn_frame outer;
            assert_int_equal(tn_birth_caller(s, &birth, NULL), TN_OK);
            assert_int_equal(tn_birth_frame(s, &birth, 0, &outer, NULL), TN_OK);
            assert_true(outer.file == f.file && outer.line == f.line && outer.qualified_name == f.qualified_name);
        }
        uint32_t outermost = birth.entry;
        assert_int_equal(tn_birth_caller(s, &birth, NULL), TN_ENOTFOUND);
        assert_int_equal(birth.entry, outermost);
    }
    assert_int_equal(known, 4);
    tn_birth none;
    assert_int_equal(tn_node_birth(s, tn_snapshot_n_nodes(s), &none, NULL), TN_EINVAL);
    tn_snapshot_close(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_page_has_an_answer),
        cmocka_unit_test(any_failing_allocation_is_an_error_and_leaves_nothing),
        cmocka_unit_test(an_object_has_a_birth_or_none),
    };
    if (argc != 3)
        return 2;
    paths[0] = argv[1];
    paths[1] = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
