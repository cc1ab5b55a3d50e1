/* test_graph.c - dominators of graphs that are deep, wide or unkind: linear, without recursion, and nothing left when memory
 * runs out. That they are the right ones on any small graph is told by tests/python/test_dominators.py.
 */
#include "suite.h"

#include "exercise.h"
#include "failing.h"
#include "snapshot/reader.h"
#include "snapshot/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

enum { LARGE = 100000 };

/* A graph under construction: objects 0 .. n-1 of 16 bytes, all of one shape, whose references come in order of source; the
 * root refers to the objects of roots. */
typedef struct built {
    uint32_t n;
    uint32_t large;  /* objects from this one on have LARGE bytes; 0: none */
    uint32_t member; /* of the group of static types; 0: there is no such group */
    uint32_t *degrees;
    uint32_t *targets; /* 1 + node */
    uint64_t n_targets, capacity;
    uint32_t roots[4], n_roots;
} built;

static built begin(uint32_t n)
{
    built b = {.n = n, .degrees = calloc(n, sizeof(uint32_t)), .capacity = 4ull * n + 16};
    b.targets = malloc(b.capacity * sizeof *b.targets);
    assert_true(b.degrees && b.targets);
    return b;
}

static void refer(built *b, uint32_t source, uint32_t target)
{
    assert_true(b->n_targets < b->capacity);
    b->targets[b->n_targets++] = target + 1;
    b->degrees[source]++;
}

static void add(tn_buf *b, const void *bytes, size_t n)
{
    assert_int_equal(tn__buf_append(b, bytes, n), 0);
}

static void put_table(tn_writer *w, const char *id, tn_buf *b, uint64_t rows)
{
    assert_int_equal(tn_writer_table(w, id, b->data, b->size, rows, NULL), 0);
    b->size = 0;
}

static void put_tables(tn_writer *w, uint32_t n)
{
    static const uint32_t types[3][9] = {{0, 1, 0, 1, 16, 0, TN_NONE, TN_NONE, 0},
                                         {0, TN_NONE, TN_TYPE_SYNTHETIC, 1, 0, 0, TN_NONE, TN_NONE, 0},
                                         {2, TN_NONE, TN_TYPE_SYNTHETIC, 1, 0, 0, TN_NONE, TN_NONE, 0}};
    static const uint32_t shapes[3][3] = {{0, TN_RUN_ITEMS, 0}, {1, TN_RUN_ITEMS, 0}, {2, TN_RUN_MEMBERS, 0}};
    tn_buf b;
    tn_region_row row;
    tn_strtab tab;
    uint32_t index;
    tn__buf_init(&b, &tn__alloc_libc);
    add(&b, types, sizeof types);
    put_table(w, "TYPE", &b, 3);
    add(&b, shapes, sizeof shapes);
    put_table(w, "SHTB", &b, 3);
    for (uint32_t first = 0, region = 1; first < n; first += 65536, region++) {
        memset(&row, 0, sizeof row);
        row.region = region;
        for (uint32_t i = first; i < n && i < first + 65536; i++)
            row.bits[(i - first) / 64] |= 1ull << (i % 64);
        add(&b, &row, sizeof row);
    }
    put_table(w, "ADDR", &b, (n + 65535) / 65536);
    put_table(w, "FACT", &b, 0);
    tn__buf_free(&b);
    assert_int_equal(tn__strtab_init(&tab, &tn__alloc_libc), 0);
    assert_int_equal(tn__strtab_add(&tab, "thing", 5, &index), 0);
    assert_int_equal(tn__strtab_add(&tab, "app", 3, &index), 0);
    assert_int_equal(tn__strtab_add(&tab, "static types", 12, &index), 0);
    assert_int_equal(tn_writer_strings(w, &tab, NULL), 0);
    tn__strtab_free(&tab);
}

/* Row n is that of the root, the next one that of the group of static types. */
static void put_column(tn_writer *w, const char *id, const uint32_t *values, uint64_t n)
{
    uint32_t *scratch = malloc(TN_NODE_BLOCK * sizeof *scratch);
    for (uint64_t first = 0; first < n; first += TN_NODE_BLOCK) {
        uint64_t rows = n - first < TN_NODE_BLOCK ? n - first : TN_NODE_BLOCK;
        memcpy(scratch, values + first, rows * sizeof *scratch);
        assert_int_equal(tn_writer_column(w, id, scratch, 4, rows, 0, NULL), 0);
    }
    free(scratch);
}

/* Consumes b. */
static uint8_t *finish(built *b, size_t *n_bytes)
{
    tn_writer *w;
    uint32_t n = b->n, n_nodes = n + 1 + (b->member > 0), *shapes = calloc(n + 2, 4), *sizes = calloc(n + 2, 4);
    for (uint32_t i = 0; i < b->n_roots; i++)
        b->targets[b->n_targets++] = b->roots[i] + 1;
    b->degrees = realloc(b->degrees, (n + 2) * sizeof *b->degrees);
    b->degrees[n] = b->n_roots;
    shapes[n] = 1;
    if (b->member) {
        b->targets[b->n_targets++] = n + 2;
        b->targets[b->n_targets++] = b->member + 1;
        b->degrees[n]++;
        b->degrees[n + 1] = 1;
        shapes[n + 1] = 2;
    }
    for (uint32_t i = 0; i < n; i++)
        sizes[i] = b->large && i >= b->large ? LARGE : 16;
    int fd = memfd_create("graph", 0);
    assert_int_equal(tn_writer_open_fd(fd, 1, &tn__alloc_libc, &w, NULL), 0);
    put_tables(w, n);
    put_column(w, "SHAP", shapes, n_nodes);
    put_column(w, "SIZE", sizes, n_nodes);
    put_column(w, "DEGR", b->degrees, n_nodes);
    put_column(w, "REFS", b->targets, b->n_targets);
    assert_int_equal(tn_writer_commit(w, NULL), 0);
    *n_bytes = (size_t)lseek(fd, 0, SEEK_END);
    uint8_t *bytes = malloc(*n_bytes);
    assert_int_equal(pread(fd, bytes, *n_bytes, 0), *n_bytes);
    close(fd);
    free(shapes);
    free(sizes);
    free(b->degrees);
    free(b->targets);
    return bytes;
}

static uint8_t *bytes;
static tn_snapshot *s;

static void use(built *b)
{
    size_t n_bytes;
    tn_error err = {0};
    bytes = finish(b, &n_bytes);
    if (tn_snapshot_open_memory(bytes, n_bytes, NULL, &s, &err) < 0)
        fail_msg("%s", err.message);
}

static void release(void)
{
    tn_snapshot_close(s);
    free(bytes);
}

static uint32_t dominator(uint32_t id)
{
    uint32_t found = 0;
    assert_int_equal(tn_dominator(s, id, &found, NULL), 0);
    return found;
}

static uint64_t retained(uint32_t id)
{
    uint64_t size;
    uint32_t count;
    assert_int_equal(tn_retained(s, id, &size, &count, NULL), 0);
    assert_int_equal(size, 16ull * count);
    return count;
}

/* ---- deep ---- */

static void a_chain_of_five_million_is_no_recursion(void **state)
{
    (void)state;
    enum { N = 5000000 };
    built b = begin(N);
    for (uint32_t i = 0; i < N; i++) { /* both ways, as parent pointers */
        if (i > 0)
            refer(&b, i, i - 1);
        if (i + 1 < N)
            refer(&b, i, i + 1);
    }
    b.roots[b.n_roots++] = 0;
    use(&b);
    for (uint32_t i = 0; i < N; i += 9973) {
        assert_int_equal(dominator(i), i ? i - 1 : N);
        assert_int_equal(retained(i), N - i);
    }
    release();
}

static void a_chain_of_garbage_is_no_recursion(void **state)
{
    (void)state;
    enum { N = 1000000 };
    enum tn_hold hold;
    built b = begin(N);
    for (uint32_t i = 0; i < N; i++) /* a cycle of half of them, the rest hangs from it */
        refer(&b, i, i == N / 2 ? 0 : i + 1 < N ? i + 1 : N / 2 + 1);
    b.roots[b.n_roots++] = N - 1;
    use(&b);
    assert_int_equal(tn_node_hold(s, N / 4, &hold, NULL), 0);
    assert_int_equal(hold, TN_HOLD_UNREACHABLE);
    assert_int_equal(tn_node_hold(s, N - 1, &hold, NULL), 0);
    assert_int_equal(hold, TN_HOLD_REFERENCES);
    assert_int_equal(dominator(N / 4), N);
    release();
}

/* Objects that both the end and the beginning of a chain refer to: from the end, their dominator is far up, for each. */
static void expect_far_dominators(uint32_t n, bool leaves)
{
    built b = begin(leaves ? 2 * n + 1 : 3 * n + 1);
    refer(&b, 0, 1);
    for (uint32_t i = 0; i < n; i++)
        refer(&b, 0, n + 1 + i);
    for (uint32_t i = 1; i < n; i++)
        refer(&b, i, i + 1);
    for (uint32_t i = 0; i < n; i++)
        refer(&b, n, n + 1 + i);
    for (uint32_t i = 0; i < n && !leaves; i++)
        refer(&b, n + 1 + i, 2 * n + 1 + i);
    b.roots[b.n_roots++] = 0;
    use(&b);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(dominator(n + 1 + i), 0);
        if (!leaves)
            assert_int_equal(dominator(2 * n + 1 + i), n + 1 + i);
    }
    for (uint32_t i = 1; i <= n; i++)
        assert_int_equal(dominator(i), i - 1);
    assert_int_equal(retained(1), n);
    release();
}

static void far_dominators_of_leaves_take_no_quadratic_time(void **state)
{
    (void)state;
    expect_far_dominators(400000, true); /* step by step: 160 billion steps */
}

static void far_dominators_of_containers_take_no_quadratic_time(void **state)
{
    (void)state;
    expect_far_dominators(400000, false);
}

static void two_lists_of_the_same_items_take_no_quadratic_time(void **state)
{
    (void)state;
    enum { N = 300000 };
    built b = begin(3 * N);
    for (uint32_t k = 0; k < 2; k++)
        for (uint32_t i = 0; i < N; i++) {
            if (i + 1 < N)
                refer(&b, k * N + i, k * N + i + 1);
            refer(&b, k * N + i, 2 * N + i);
        }
    b.roots[b.n_roots++] = 0;
    b.roots[b.n_roots++] = N;
    use(&b);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(dominator(2 * N + i), 3 * N);
    assert_int_equal(retained(N / 3), N - N / 3);
    release();
}

/* ---- paths ---- */

static void no_chain_is_so_long_that_a_nameless_step_is_shorter(void **state)
{
    (void)state;
    enum { N = 1200000 };
    const tn_path_options options = {.all_shortest = true};
    const tn_reference *steps;
    tn_paths *paths;
    uint32_t n;
    built b = begin(N);
    for (uint32_t i = 0; i + 1 < N; i++)
        refer(&b, i, i + 1);
    b.roots[b.n_roots++] = 0;
    b.member = N - 1;
    use(&b);
    assert_int_equal(tn_paths_open(s, N - 1, &options, &paths, NULL), 0);
    assert_int_equal(tn_paths_next(paths, &steps, &n, NULL), 1);
    assert_int_equal(n, N);
    assert_int_equal(tn_paths_next(paths, &steps, &n, NULL), 0);
    tn_paths_close(paths);
    release();
}

/* ---- sets and references ---- */

/* Each is the first to load what it asks for, while a scan is to come that has blocks of one width, then of another. */
static void what_a_condition_loads_leaves_the_scan_as_it_was(void **state)
{
    (void)state;
    enum { N = TN_NODE_BLOCK + 40000 };
    static const char *const all[] = {
        "retained:>=16", "-dominated-by:0x100010", "-root:thread", "-text:x", "-dist:x", "-len:5", "-refcount:5"};
    built b = begin(N);
    for (uint32_t i = 1; i < N; i++)
        refer(&b, 0, i);
    b.roots[b.n_roots++] = 0;
    b.large = TN_NODE_BLOCK;
    use(&b);
    size_t n_bytes = (size_t)tn_snapshot_file_bytes(s);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char selection[64];
        tn_set *set;
        snprintf(selection, sizeof selection, "size:16 %s", all[i]);
        tn_snapshot_close(s);
        assert_int_equal(tn_snapshot_open_memory(bytes, n_bytes, NULL, &s, NULL), 0);
        assert_int_equal(tn_set_where(s, selection, &set, NULL), 0);
        assert_int_equal(tn_set_count(set), TN_NODE_BLOCK);
        tn_set_free(set);
    }
    release();
}

static void what_two_hold_together_goes_with_both(void **state)
{
    (void)state;
    built b = begin(5); /* 0 -> 1, 2; 1 -> 3; 2 -> 3; 3 -> 4, 4 */
    refer(&b, 0, 1);
    refer(&b, 0, 2);
    refer(&b, 1, 3);
    refer(&b, 2, 3);
    refer(&b, 3, 4);
    refer(&b, 3, 4);
    b.roots[b.n_roots++] = 0;
    use(&b);
    tn_set *set, *gone, *above;
    uint64_t size;
    assert_int_equal(tn_set_where(s, "address:0x100010", &set, NULL), 0);
    assert_int_equal(tn_retained_set(s, set, &gone, &size, NULL), 0);
    assert_int_equal(size, 16);
    assert_int_equal(tn_set_count(gone), 1);
    tn_set_free(gone);
    assert_int_equal(tn_set_dominators(s, set, &above, NULL), 0);
    assert_true(tn_set_count(above) == 1 && tn_set_has(above, 0));
    tn_set_free(above);
    tn_set_free(set);
    assert_int_equal(tn_set_where(s, "-address:0x100000", &set, NULL), 0);
    assert_int_equal(tn_retained_set(s, set, NULL, &size, NULL), 0);
    assert_int_equal(size, 64);
    tn_set_free(set);

    tn_reference_iter iter;
    tn_reference r;
    uint32_t count, n;
    const uint32_t *nodes;
    assert_int_equal(tn_references(s, 0, &iter, NULL), 0);
    assert_true(tn_reference_next(&iter, &r));
    assert_int_equal(tn_reference_cut(s, &r, &size, &count, NULL), 0);
    assert_true(size == 16 && count == 1);
    assert_int_equal(tn_references(s, 3, &iter, NULL), 0);
    assert_true(tn_reference_next(&iter, &r)); /* one of two that are alike */
    assert_int_equal(tn_reference_cut(s, &r, &size, &count, NULL), 0);
    assert_true(size == 0 && count == 0);
    assert_int_equal(tn_dominated(s, 0, &nodes, &n, NULL), 0);
    assert_true(n == 3 && nodes[0] == 3 && nodes[1] == 1 && nodes[2] == 2);
    assert_int_equal(tn_dominator(s, 99, &n, NULL), TN_EINVAL);
    assert_int_equal(tn_dominated(s, 99, &nodes, &n, NULL), TN_EINVAL);
    release();
}

/* ---- the index ---- */

static char folder[] = "/tmp/tonnage-index-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.index", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

/* Two roots share a chain's end; a cycle of garbage. */
static void use_small(uint32_t n)
{
    built b = begin(n + 2);
    for (uint32_t i = 0; i + 1 < n; i++)
        refer(&b, i, i + 1);
    refer(&b, n - 1, n / 2);
    refer(&b, n, n + 1);
    refer(&b, n + 1, n);
    b.roots[b.n_roots++] = 0;
    b.roots[b.n_roots++] = n / 3;
    use(&b);
}

static size_t read_index(uint8_t *out, size_t cap)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(out, 1, cap, f);
    fclose(f);
    return n;
}

static void write_index(const uint8_t *in, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(in, 1, n, f), n);
    fclose(f);
}

static void an_index_says_what_was_computed(void **state)
{
    (void)state;
    enum { N = 5000 };
    static uint32_t idom[N + 3], counts[N + 3];
    static enum tn_hold holds[N + 3];
    use_small(N);
    assert_int_equal(tn_index_load(s, path, NULL), TN_ENOTFOUND);
    for (uint32_t i = 0; i < N + 3; i++) {
        uint64_t size;
        assert_int_equal(tn_dominator(s, i, &idom[i], NULL), 0);
        assert_int_equal(tn_retained(s, i, &size, &counts[i], NULL), 0);
        assert_int_equal(tn_node_hold(s, i, &holds[i], NULL), 0);
    }
    assert_int_equal(holds[N], TN_HOLD_UNREACHABLE);
    assert_int_equal(tn_index_save(s, path, NULL), 0);
    release();

    use_small(N);
    assert_int_equal(tn_index_load(s, path, NULL), 0);
    for (uint32_t i = 0; i < N + 3; i++) {
        enum tn_hold hold;
        assert_int_equal(dominator(i), idom[i]);
        assert_int_equal(retained(i), counts[i]);
        assert_int_equal(tn_node_hold(s, i, &hold, NULL), 0);
        assert_int_equal(hold, holds[i]);
    }
    assert_int_equal(tn_index_load(s, path, NULL), 0); /* again: nothing changes under those who look */
    assert_int_equal(dominator(1), 0);
    release();

    use_small(N + 1);
    assert_int_equal(tn_index_load(s, path, NULL), TN_EINVAL);
    assert_int_equal(dominator(1), 0);
    release();
}

static void a_damaged_index_is_refused(void **state)
{
    (void)state;
    static uint8_t good[4096], bad[4096];
    use_small(100);
    assert_int_equal(tn_index_save(s, path, NULL), 0);
    size_t n = read_index(good, sizeof good);
    release();
    for (size_t i = 0; i < n; i++) {
        memcpy(bad, good, n);
        bad[i] ^= (uint8_t)(1 << i % 8);
        write_index(bad, n);
        use_small(100);
        int status = tn_index_load(s, path, NULL);
        assert_true(status == TN_ECORRUPT || status == TN_EINVAL);
        assert_int_equal(dominator(1), 0); /* computed after all */
        release();
        write_index(good, i);
        use_small(100);
        status = tn_index_load(s, path, NULL);
        assert_true(status == TN_ECORRUPT || status == TN_ETRUNCATED);
        release();
    }
    write_index(good, n);
}

/* Of garbage the index says that C code holds it; all hashes are right. */
static void tell_otherwise(void)
{
    static const uint8_t garbage[] = {2 * TN_HOLD_UNREACHABLE + 1, 16, 1};
    enum { HASHED = 32, HEADER = 40 };
    static uint8_t index[4096];
    size_t n = read_index(index, sizeof index), n_found = 0;
    for (size_t i = HEADER; i + sizeof garbage <= n; i++) {
        if (memcmp(index + i, garbage, sizeof garbage) == 0) {
            index[i] = 2 * TN_HOLD_C + 1;
            n_found++;
        }
    }
    assert_int_equal(n_found, 2);
    XXH3_state_t hash;
    XXH3_64bits_reset(&hash);
    XXH3_64bits_update(&hash, index, HASHED);
    XXH3_64bits_update(&hash, index + HEADER, n - HEADER);
    uint64_t digest = XXH3_64bits_digest(&hash);
    memcpy(index + HASHED, &digest, sizeof digest);
    write_index(index, n);
}

static void an_index_changes_nothing_that_is_known(void **state)
{
    (void)state;
    enum { N = 100 };
    enum tn_hold hold;
    use_small(N);
    assert_int_equal(tn_index_save(s, path, NULL), 0);
    tell_otherwise();
    assert_int_equal(tn_index_load(s, path, NULL), 0);
    assert_int_equal(tn_node_hold(s, N, &hold, NULL), 0);
    assert_int_equal(hold, TN_HOLD_UNREACHABLE);
    release();
    use_small(N);
    assert_int_equal(tn_index_load(s, path, NULL), 0);
    assert_int_equal(tn_node_hold(s, N, &hold, NULL), 0);
    assert_int_equal(hold, TN_HOLD_C);
    release();
}

static void any_failing_allocation_leaves_the_index_unused(void **state)
{
    (void)state;
    built b = begin(50);
    for (uint32_t i = 0; i + 1 < 50; i++)
        refer(&b, i, i + 1);
    b.roots[b.n_roots++] = 0;
    use(&b);
    assert_int_equal(tn_index_save(s, path, NULL), 0);
    size_t n_bytes = tn_snapshot_file_bytes(s);
    for (long n = 0;; n++) {
        failing f;
        tn_snapshot *again;
        uint32_t idom = 0;
        failing_init(&f, -1);
        const tn_open_options options = {.alloc = &f.alloc};
        assert_int_equal(tn_snapshot_open_memory(bytes, n_bytes, &options, &again, NULL), 0);
        f.until = n;
        int status = tn_index_load(again, path, NULL);
        bool enough = f.until > 0;
        f.until = -1;
        assert_int_equal(tn_dominator(again, 7, &idom, NULL), 0);
        assert_int_equal(idom, 6);
        tn_snapshot_close(again);
        assert_int_equal(f.n_pieces, 0);
        assert_true(status == 0 || status == TN_ENOMEM);
        if (enough && status == 0)
            break;
    }
    release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_of_five_million_is_no_recursion),
        cmocka_unit_test(a_chain_of_garbage_is_no_recursion),
        cmocka_unit_test(far_dominators_of_leaves_take_no_quadratic_time),
        cmocka_unit_test(far_dominators_of_containers_take_no_quadratic_time),
        cmocka_unit_test(two_lists_of_the_same_items_take_no_quadratic_time),
        cmocka_unit_test(no_chain_is_so_long_that_a_nameless_step_is_shorter),
        cmocka_unit_test(what_a_condition_loads_leaves_the_scan_as_it_was),
        cmocka_unit_test(what_two_hold_together_goes_with_both),
        cmocka_unit_test(an_index_says_what_was_computed),
        cmocka_unit_test(a_damaged_index_is_refused),
        cmocka_unit_test(an_index_changes_nothing_that_is_known),
        cmocka_unit_test(any_failing_allocation_leaves_the_index_unused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
