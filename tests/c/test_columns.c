/* test_columns.c - columns of every width and transform, in one chunk and many. */
#include "suite.h"

#include "sample.h"
#include "snapshot/reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file with n nodes of one shape that has a length, no objects but the first n_objects, and what put adds. */
typedef int (*put_more)(tn_writer *w, uint32_t n_nodes, tn_error *err);

static int put_blocks(tn_writer *w, const char *id, uint32_t n, uint64_t (*value)(uint32_t), unsigned width,
                      tn_error *err)
{
    uint64_t *block = malloc(TN_NODE_BLOCK * sizeof *block);
    int status = 0;
    for (uint32_t at = 0; at < n && status == 0; at += TN_NODE_BLOCK) {
        uint32_t rows = n - at < TN_NODE_BLOCK ? n - at : TN_NODE_BLOCK;
        for (uint32_t i = 0; i < rows; i++) {
            uint64_t v = value(at + i);
            memcpy((uint8_t *)block + (size_t)i * width, &v, width);
        }
        status = tn_writer_column(w, id, block, width, rows, 0, err);
    }
    free(block);
    return status;
}

static uint64_t zero(uint32_t i)
{
    (void)i;
    return 0;
}

static uint64_t size_of_node(uint32_t i)
{
    return i == 300000 ? 1ull << 40 : 16ull * (i % 100);
}

static uint64_t refcount_of_node(uint32_t i)
{
    return i < TN_NODE_BLOCK ? i % 200 : i;
}

static int put_tables(tn_writer *w, uint32_t n_nodes, tn_error *err)
{
    static const uint32_t type[] = {0, TN_NONE, 0, 0, 16, 0, TN_NONE, TN_NONE, 1, 0}, shape[] = {0, TN_SHAPE_LENGTH, 0};
    static const tn_fact_row fact = {0, 0, 1};
    tn_region_row region = {.region = 7, .bits = {5}};
    tn_strtab tab;
    uint32_t index;
    TN_TRY(tn_writer_table(w, "TYPE", type, sizeof type, 1, err));
    TN_TRY(tn_writer_table(w, "SHTB", shape, sizeof shape, 1, err));
    TN_TRY(tn_writer_table(w, "ADDR", &region, sizeof region, 1, err));
    TN_TRY(tn_writer_table(w, "FACT", &fact, sizeof fact, 1, err));
    TN_TRY(tn__strtab_init(&tab, &tn__alloc_libc));
    TN_TRY(tn__strtab_add(&tab, "thing\xff", 6, &index));
    int status = tn_writer_strings(w, &tab, err);
    tn__strtab_free(&tab);
    TN_TRY(status);
    TN_TRY(put_blocks(w, "SHAP", n_nodes, zero, 1, err));
    return put_blocks(w, "SIZE", n_nodes, size_of_node, 8, err);
}

static tn_snapshot *open_file(uint32_t n_nodes, put_more more)
{
    tn_error err = {0};
    tn_writer *w;
    tn_snapshot *s = NULL;
    int fd = memfd_create("columns", 0);
    assert_int_equal(tn_writer_open_fd(fd, 1, &tn__alloc_pages, &w, &err), 0);
    assert_int_equal(put_tables(w, n_nodes, &err), 0);
    assert_int_equal(more(w, n_nodes, &err), 0);
    uint64_t before = tn_writer_bytes(w);
    assert_int_equal(tn_writer_commit(w, &err), 0);
    assert_true((uint64_t)lseek(fd, 0, SEEK_END) > before);
    if (tn_snapshot_open_fd(fd, NULL, &s, &err) < 0)
        fail_msg("%s", err.message);
    close(fd);
    return s;
}

/* ---- widths and transforms ---- */

static unsigned in_width, transform, bits;

static uint64_t value_of(uint32_t i)
{
    uint64_t v = (i + 1) * 0x9e3779b97f4a7c15;
    if (i % 7 == 0)
        v = UINT64_MAX;
    if (i % 11 == 0)
        v = 0;
    return v >> (64 - bits);
}

static int put_lengths(tn_writer *w, uint32_t n, tn_error *err)
{
    uint64_t *values = malloc(n * sizeof *values + 1);
    int status = 0;
    for (uint32_t at = 0, rows; at < n && status == 0; at += rows) { /* chunks of uneven lengths, an empty one first */
        rows = at ? 1000 + at : 1;
        rows = rows < n - at ? rows : n - at;
        for (uint32_t i = 0; i < rows; i++) {
            uint64_t v = value_of(at + i);
            memcpy((uint8_t *)values + (size_t)i * in_width, &v, in_width);
        }
        status = tn_writer_column(w, "LENG", values, in_width, 0, transform, err);
        if (status == 0)
            status = tn_writer_column(w, "LENG", values, in_width, rows, transform, err);
    }
    free(values);
    return status;
}

static void every_width_and_transform_survives(void **state)
{
    (void)state;
    enum { N = 5000 };
    for (transform = 0; transform < 4; transform++)
        for (in_width = 1; in_width <= 8; in_width *= 2)
            for (bits = 1; bits <= 8 * in_width; bits = bits == 1 ? 8 : 2 * bits) {
                tn_snapshot *s = open_file(N, put_lengths);
                const uint64_t *values;
                uint64_t n;
                assert_int_equal(tn__column_u64(s, TN_COL_LENG, &values, &n, NULL), 0);
                assert_int_equal(n, N);
                for (uint32_t i = 0; i < N; i++)
                    assert_int_equal(values[i], value_of(i));
                const uint32_t *narrow;
                int status = tn__column_u32(s, TN_COL_LENG, &narrow, &n, NULL);
                assert_int_equal(status, bits > 32 ? TN_ELIMIT : 0);
                assert_int_equal(tn_snapshot_check(s, NULL, NULL, NULL), 0);
                tn_snapshot_close(s);
            }
}

static int put_one_constant(tn_writer *w, uint32_t n, tn_error *err)
{
    uint64_t *values = calloc(n, sizeof *values);
    int status = tn_writer_column(w, "LENG", values, 8, n, 0, err);
    free(values);
    return status;
}

static void the_narrowest_width_is_stored(void **state)
{
    (void)state;
    tn_snapshot *s = open_file(1000, put_one_constant);
    tn_block b;
    assert_int_equal(tn__column_block(s, TN_COL_LENG, 0, 3, &b, NULL), 0);
    assert_int_equal(b.width, 1);
    assert_int_equal(b.n_rows, 1000);
    assert_int_equal(tn__column_block(s, TN_COL_LENG, 1, 3, &b, NULL), TN_ENOTFOUND);
    tn_snapshot_close(s);
}

/* ---- many nodes ---- */

static uint64_t buffers_of_node(uint32_t i)
{
    return i >= 5 && i % 1000 == 5 ? 1u << 8 : 0;
}

static int put_node_columns(tn_writer *w, uint32_t n, tn_error *err)
{
    uint32_t *sizes = malloc(n * sizeof *sizes);
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (buffers_of_node(i))
            sizes[count++] = 16;
    int status = tn_writer_column(w, "BUFS", sizes, 4, count, 0, err);
    free(sizes);
    TN_TRY(status);
    TN_TRY(put_blocks(w, "REFC", n, refcount_of_node, 4, err));
    return put_blocks(w, "FLAG", n, buffers_of_node, 2, err);
}

static void equal_blocks_hold_equal_nodes(void **state)
{
    (void)state;
    enum { N = 3 * TN_NODE_BLOCK + 17 };
    tn_snapshot *s = open_file(N, put_node_columns);
    tn_block shapes, sizes, refcounts;
    uint32_t at = 0;
    for (size_t k = 0; tn__column_block(s, TN_COL_SHAP, k, 0, &shapes, NULL) == 0; k++) {
        assert_int_equal(tn__column_block(s, TN_COL_SIZE, k, 1, &sizes, NULL), 0);
        assert_int_equal(tn__column_block(s, TN_COL_REFC, k, 2, &refcounts, NULL), 0);
        assert_int_equal(shapes.first_row, at);
        assert_int_equal(sizes.first_row, at);
        assert_int_equal(sizes.n_rows, shapes.n_rows);
        assert_int_equal(refcounts.n_rows, shapes.n_rows);
        for (uint32_t i = 0; i < sizes.n_rows; i++) {
            assert_int_equal(tn__block_at(&sizes, i), size_of_node(at + i));
            assert_int_equal(tn__block_at(&refcounts, i), refcount_of_node(at + i));
        }
        at += sizes.n_rows;
    }
    assert_int_equal(at, N);
    tn_snapshot_close(s);
}

static void nodes_of_later_blocks_are_found(void **state)
{
    (void)state;
    enum { N = 2 * TN_NODE_BLOCK + 1 };
    tn_snapshot *s = open_file(N, put_node_columns);
    for (uint32_t i = 0; i < N; i += i % 1000 == 5 ? 995 : 5) {
        tn_node node;
        assert_int_equal(tn_node_get(s, i, &node, NULL), 0);
        assert_int_equal(node.size, size_of_node(i));
        assert_int_equal(node.refcount, refcount_of_node(i));
        assert_int_equal(node.n_parts, buffers_of_node(i) ? 2 : 1);
        assert_int_equal(node.length, TN_UNKNOWN);
        assert_int_equal(node.n_references, 0);
    }
    assert_int_equal(tn_snapshot_check(s, NULL, NULL, NULL), 0);
    tn_snapshot_close(s);
}

static int put_nothing(tn_writer *w, uint32_t n, tn_error *err)
{
    (void)w;
    (void)n;
    (void)err;
    return 0;
}

static void columns_left_out_are_absent(void **state)
{
    (void)state;
    tn_snapshot *s = open_file(10, put_nothing);
    tn_node node;
    for (unsigned c = 0; c < TN_COLUMNS; c++) {
        const uint64_t *values;
        uint64_t n;
        assert_int_equal(tn__column_u64(s, c, &values, &n, NULL), 0);
        bool there = c == TN_COL_SHAP || c == TN_COL_SIZE;
        assert_int_equal(n, there ? 10 : 0);
        assert_true(there == (values != NULL));
    }
    assert_string_equal(tn__snapshot_string(s, 0), "thing\xed\xb3\xbf"); /* what is no UTF-8 is escaped */
    assert_int_equal(tn_node_get(s, 1, &node, NULL), 0);
    assert_int_equal(node.address, 7 << 20 | 32);
    assert_int_equal(node.length, TN_UNKNOWN);
    tn_snapshot_close(s);
}

static int put_unknown(tn_writer *w, uint32_t n, tn_error *err)
{
    (void)n;
    return tn_writer_table(w, "ZZZZ", "later", 5, 1, err);
}

static void unknown_chunks_are_skipped(void **state)
{
    (void)state;
    tn_snapshot *s = open_file(10, put_unknown);
    assert_int_equal(tn_snapshot_check(s, NULL, NULL, NULL), 0);
    tn_snapshot_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_and_transform_survives), cmocka_unit_test(the_narrowest_width_is_stored),
        cmocka_unit_test(equal_blocks_hold_equal_nodes),      cmocka_unit_test(nodes_of_later_blocks_are_found),
        cmocka_unit_test(columns_left_out_are_absent),        cmocka_unit_test(unknown_chunks_are_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
