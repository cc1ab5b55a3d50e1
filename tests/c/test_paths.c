/* test_paths.c - paths of the sample, with their texts, and that nothing is left when memory runs out at any place. That they
 * are the right ones on any small graph is told by tests/python/test_paths.py.
 */
#include "suite.h"

#include "failing.h"
#include "sample.h"

#include <stdlib.h>
#include <string.h>

typedef struct told {
    unsigned n_paths, n_evaluable;
    char text[4096];
} told;

/* Up to 4 paths to each node, one text a line. */
static int tell(tn_snapshot *s, const char *avoid, told *out)
{
    tn_path_options options = {.limit = 4};
    tn_set *nodes = NULL;
    tn_error err = {0};
    int status = avoid ? tn_paths_avoid(s, avoid, NULL, &nodes, &options.avoid_kinds, &err) : 0;
    options.avoid = nodes;
    for (uint32_t id = 0; status == 0 && id < tn_snapshot_n_nodes(s); id++) {
        tn_paths *paths = NULL;
        const tn_reference *steps;
        uint32_t n = 0;
        status = tn_paths_open(s, id, &options, &paths, &err);
        while (status == 0 && (status = tn_paths_next(paths, &steps, &n, &err)) == 1) {
            bool evaluable;
            size_t used = strlen(out->text);
            int length = tn_path_text(s, steps, n, out->text + used, sizeof out->text - used, &evaluable, &err);
            status = length < 0 ? length : 0;
            assert_true(length < (int)(sizeof out->text - used - 2));
            strcat(out->text, "\n");
            out->n_paths++;
            out->n_evaluable += status == 0 && evaluable;
            assert_true(n == 0 || steps[n - 1].target == id);
            for (uint32_t i = 1; i < n; i++)
                assert_int_equal(steps[i].source, steps[i - 1].target);
        }
        tn_paths_close(paths);
    }
    tn_set_free(nodes);
    if (status < 0)
        assert_int_equal(err.status, status);
    return status;
}

static void paths_of_the_sample_end_where_they_should(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = sample_bytes(&n);
    tn_snapshot *s = NULL;
    told all = {0}, fewer = {0};
    assert_int_equal(tn_snapshot_open_memory(bytes, n, NULL, &s, NULL), 0);
    assert_int_equal(tell(s, NULL, &all), 0);
    assert_int_equal(tell(s, "frames,guessed,held", &fewer), 0);
    assert_true(all.n_paths > SAMPLE_NODES);
    assert_true(fewer.n_paths < all.n_paths);
    assert_non_null(strstr(all.text, "held by C › <app.Session 0x"));
    assert_non_null(strstr(all.text, "['hello']\n"));
    assert_null(strstr(fewer.text, "held by C"));
    tn_snapshot_close(s);
    free(bytes);
}

static bool count(void *ctx, const char *text, size_t n)
{
    (void)text;
    *(size_t *)ctx += n;
    return true;
}

/* Every view of paths and references, as text and JSON. */
static int view_all(tn_snapshot *s, size_t *n_written)
{
    tn_sink sink = {count, n_written};
    tn_error err = {0};
    int status = 0;
    for (unsigned i = 0; status == 0 && i < 2; i++) {
        tn_view_options one = {.form = i ? TN_JSON : TN_TEXT, .limit = 3, .avoid = "caches"};
        tn_view_options set = {.form = one.form, .where = "", .sort = "size", .limit = 2};
        tn_view_options merged = {.form = one.form, .where = "", .merge = true, .limit = 4};
        tn_view_options deep = {.form = one.form, .where = "size:>=0", .depth = 4, .limit = 2, .sort = "label"};
        status = tn_view_paths(s, 0, &one, &sink, &err);
        status = status < 0 ? status : tn_view_paths(s, TN_NONE, &set, &sink, &err);
        status = status < 0 ? status : tn_view_paths(s, TN_NONE, &merged, &sink, &err);
        status = status < 0 ? status : tn_view_refs(s, 3, &deep, &sink, &err);
        status = status < 0 ? status : tn_view_referrers(s, 0, &deep, &sink, &err);
        status = status < 0 ? status : tn_view_refs(s, TN_NONE, &set, &sink, &err);
        status = status < 0 ? status : tn_view_referrers(s, TN_NONE, &set, &sink, &err);
    }
    if (status < 0)
        assert_int_equal(err.status, status);
    return status;
}

static int search(tn_snapshot *s)
{
    int status = 0;
    for (unsigned inwards = 0; status == 0 && inwards < 2; inwards++) {
        tn_chain *chain = NULL;
        uint32_t node, n, last = TN_NONE;
        const tn_reference *steps;
        status = tn_chain_open(s, SAMPLE_OUTER_FRAME, inwards, NULL, &chain, NULL);
        while (status == 0 && (status = tn_chain_next(chain, &node, NULL)) == 1) {
            status = tn_chain_steps(chain, node, &steps, &n, NULL);
            assert_true(status < 0 || n == 0 || node != last);
            last = node;
        }
        tn_chain_close(chain);
    }
    return status;
}

static void views_leave_nothing_when_memory_runs_out(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = sample_bytes(&n);
    int status = TN_ENOMEM;
    long until = 0;
    for (; status == TN_ENOMEM; until++) {
        failing f;
        tn_snapshot *s = NULL;
        size_t n_written = 0;
        failing_init(&f, until);
        tn_open_options options = {.alloc = &f.alloc};
        status = tn_snapshot_open_memory(bytes, n, &options, &s, NULL);
        if (status == 0)
            status = view_all(s, &n_written);
        if (status == 0)
            status = search(s);
        assert_true(status == 0 || status == TN_ENOMEM);
        assert_true(status < 0 || n_written > 1000);
        tn_snapshot_close(s);
        assert_int_equal(f.n_pieces, 0);
        assert_int_equal(f.n_bytes, 0);
    }
    assert_int_equal(status, 0);
    free(bytes);
}

static void nothing_is_left_when_memory_runs_out(void **state)
{
    const char *avoid = *state;
    size_t n;
    uint8_t *bytes = sample_bytes(&n);
    int status = TN_ENOMEM;
    long until = 0;
    for (; status == TN_ENOMEM; until++) {
        failing f;
        tn_snapshot *s = NULL;
        told out = {0};
        failing_init(&f, until);
        tn_open_options options = {.alloc = &f.alloc};
        status = tn_snapshot_open_memory(bytes, n, &options, &s, NULL);
        if (status == 0)
            status = tell(s, avoid, &out);
        assert_true(status == 0 || status == TN_ENOMEM);
        tn_snapshot_close(s);
        assert_int_equal(f.n_pieces, 0);
        assert_int_equal(f.n_bytes, 0);
    }
    assert_int_equal(status, 0);
    assert_true(until > 100);
    free(bytes);
}

static void a_bad_node_or_word_is_refused(void **state)
{
    (void)state;
    size_t n;
    uint8_t *bytes = sample_bytes(&n);
    tn_snapshot *s = NULL;
    tn_paths *paths = NULL;
    tn_set *nodes = NULL;
    unsigned kinds = 0;
    tn_error err = {0};
    assert_int_equal(tn_snapshot_open_memory(bytes, n, NULL, &s, NULL), 0);
    assert_int_equal(tn_paths_open(s, SAMPLE_NODES, NULL, &paths, &err), TN_EINVAL);
    assert_int_equal(tn_paths_avoid(s, "caches, frame", NULL, &nodes, &kinds, &err), TN_EINVAL);
    assert_int_equal(err.offset, strlen("caches, "));
    assert_null(nodes);
    tn_snapshot_close(s);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_of_the_sample_end_where_they_should),
        cmocka_unit_test_prestate(nothing_is_left_when_memory_runs_out, NULL),
        {"nothing is left when memory runs out, something avoided", nothing_is_left_when_memory_runs_out, NULL, NULL,
         "frames,modules,guessed,type:dict"},
        cmocka_unit_test(views_leave_nothing_when_memory_runs_out),
        cmocka_unit_test(a_bad_node_or_word_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
