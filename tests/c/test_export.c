/* test_export.c - batches of tables: columns hold what the file says, whoever releases them when; a failed one leaves nothing. */
#include "suite.h"

#include "failing.h"
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

/* The only batch of a table. */
static struct ArrowArray batch_of(enum tn_table_name table, const char *columns)
{
    tn_batches *b;
    struct ArrowArray batch, none;
    assert_int_equal(tn_batches_open(s, table, NULL, columns, &b, NULL), 0);
    assert_int_equal(tn_batches_next(b, &batch, NULL), 1);
    assert_int_equal(tn_batches_next(b, &none, NULL), 0);
    tn_batches_close(b);
    return batch;
}

static bool is_ours(uint32_t id)
{
    return !(sample_nodes[id].flags & TN_NODE_OWN) &&
           !(sample_types[sample_shapes[sample_nodes[id].shape].type].flags & TN_TYPE_OWN);
}

static void columns_hold_what_the_nodes_have(void **state)
{
    (void)state;
    struct ArrowArray batch = batch_of(TN_TABLE_OBJECTS, "size,address,refcount");
    const int64_t *sizes = batch.children[0]->buffers[1], *refcounts = batch.children[2]->buffers[1];
    const uint64_t *addresses = batch.children[1]->buffers[1];
    int64_t n = 0;
    assert_int_equal(batch.n_children, 3);
    for (uint32_t id = 0; id < SAMPLE_OBJECTS; id++) {
        if (!is_ours(id))
            continue;
        assert_int_equal(sizes[n], sample_nodes[id].size);
        assert_int_equal(addresses[n], sample_nodes[id].address);
        assert_int_equal(refcounts[n], sample_nodes[id].refcount);
        n++;
    }
    assert_int_equal(batch.length, n);
    assert_int_equal(batch.children[0]->length, n);
    batch.release(&batch);
    assert_null(batch.release);
}

static void a_child_that_was_moved_away_lives_on(void **state)
{
    (void)state;
    struct ArrowArray batch = batch_of(TN_TABLE_OBJECTS, "type,preview"), type = *batch.children[0], words;
    batch.children[0]->release = NULL;
    batch.release(&batch);
    words = *type.dictionary;
    type.dictionary->release = NULL;
    const int32_t *indices = type.buffers[1];
    int32_t first = indices[0];
    assert_true(first >= 0 && first < words.length);
    type.release(&type);
    const int32_t *starts = words.buffers[1];
    const char *text = words.buffers[2];
    assert_true(starts[first + 1] > starts[first]);
    assert_non_null(memchr(text, text[0], (size_t)starts[words.length]));
    words.release(&words);
}

static void a_schema_names_columns_and_outlives_the_batches(void **state)
{
    (void)state;
    tn_batches *b;
    struct ArrowSchema schema, moved;
    assert_int_equal(tn_batches_open(s, TN_TABLE_OBJECTS, NULL, NULL, &b, NULL), 0);
    assert_int_equal(tn_batches_schema(b, &schema, NULL), 0);
    tn_batches_close(b);
    assert_string_equal(schema.format, "+s");
    uint32_t n = 0;
    bool asked;
    const char *name;
    for (uint32_t i = 0; (name = tn_batches_column(TN_TABLE_OBJECTS, i, &asked)); i++)
        if (!asked)
            assert_string_equal(schema.children[n++]->name, name);
    assert_int_equal(schema.n_children, n);
    moved = *schema.children[1];
    schema.children[1]->release = NULL;
    schema.release(&schema);
    assert_string_equal(moved.dictionary->format, "u");
    moved.release(&moved);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    tn_batches *b = NULL;
    tn_error err;
    assert_int_equal(tn_batches_open(s, TN_TABLES, NULL, NULL, &b, &err), TN_EINVAL);
    for (const char *const *words = (const char *const[]){"", "size,", "nope", "size,size", ",", NULL}; *words; words++)
        assert_int_equal(tn_batches_open(s, TN_TABLE_OBJECTS, NULL, *words, &b, &err), TN_EINVAL);
    assert_null(b);
    assert_null(tn_batches_column(TN_TABLES, 0, NULL));
    assert_int_equal(tn_export(s, &(tn_export_options){.format = "xls"}, NULL, &err), TN_EINVAL);
    assert_int_equal(tn_export(s, &(tn_export_options){0}, NULL, &err), TN_EINVAL);
}

static bool refuse(void *ctx, const char *text, size_t n)
{
    (void)text;
    (void)n;
    ++*(int *)ctx;
    return false;
}

static void a_sink_that_refuses_is_asked_once(void **state)
{
    (void)state;
    int calls = 0;
    const tn_sink sink = {refuse, &calls};
    assert_int_equal(tn_export(s, &(tn_export_options){.format = "csv"}, &sink, NULL), TN_EIO);
    assert_int_equal(calls, 1);
}

static int read_all(tn_snapshot *from, enum tn_table_name table, const char *columns)
{
    tn_batches *b;
    struct ArrowArray batch;
    int status = tn_batches_open(from, table, NULL, columns, &b, NULL);
    if (status < 0)
        return status;
    while ((status = tn_batches_next(b, &batch, NULL)) > 0)
        batch.release(&batch);
    tn_batches_close(b);
    return status;
}

static void any_failing_allocation_leaves_nothing(void **state)
{
    (void)state;
    static const char *const columns[TN_TABLES] = {
        [TN_TABLE_OBJECTS] = "address,type,module,length,hash,preview,retained,dominator,hold",
        [TN_TABLE_REFERENCES] = "source,target,name,label,key",
    };
    for (int table = 0; table < TN_TABLES; table++) {
        int status = TN_ENOMEM;
        for (long until = 0; status == TN_ENOMEM; until++) {
            failing f;
            tn_snapshot *mine;
            failing_init(&f, -1);
            const tn_open_options options = {.alloc = &f.alloc};
            assert_int_equal(tn_snapshot_open_memory(bytes, n_bytes, &options, &mine, NULL), 0);
            f.until = until;
            status = read_all(mine, (enum tn_table_name)table, columns[table]);
            assert_true(status == 0 || status == TN_ENOMEM);
            tn_snapshot_close(mine);
            assert_int_equal(f.n_pieces, 0);
        }
    }
}

static bool take(void *ctx, const char *text, size_t n)
{
    (void)text;
    *(size_t *)ctx += n;
    return true;
}

static void any_failing_allocation_leaves_nothing_of_a_profile(void **state)
{
    (void)state;
    for (const char *const *name = (const char *const[]){"pprof", "speedscope", "collapsed", NULL}; *name; name++) {
        int status = TN_ENOMEM;
        size_t written = 0;
        for (long until = 0; status == TN_ENOMEM; until++) {
            failing f;
            tn_snapshot *mine;
            failing_init(&f, -1);
            const tn_open_options options = {.alloc = &f.alloc};
            assert_int_equal(tn_snapshot_open_memory(bytes, n_bytes, &options, &mine, NULL), 0);
            f.until = until;
            written = 0;
            status = tn_export(mine, &(tn_export_options){.format = *name}, &(tn_sink){take, &written}, NULL);
            assert_true(status == TN_OK || status == TN_ENOMEM);
            tn_snapshot_close(mine);
            assert_int_equal(f.n_pieces, 0);
        }
        assert_true(written > 20);
    }
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(columns_hold_what_the_nodes_have),
        cmocka_unit_test(a_child_that_was_moved_away_lives_on),
        cmocka_unit_test(a_schema_names_columns_and_outlives_the_batches),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(a_sink_that_refuses_is_asked_once),
        cmocka_unit_test(any_failing_allocation_leaves_nothing),
        cmocka_unit_test(any_failing_allocation_leaves_nothing_of_a_profile),
    };
    return cmocka_run_group_tests(all, setup, teardown);
}
