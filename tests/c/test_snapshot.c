/* test_snapshot.c - what was written is what is read. */
#include "suite.h"

#include "exercise.h"
#include "sample.h"
#include "snapshot/reader.h"
#include "snapshot/tracked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint8_t *bytes;
static size_t n_bytes;
static tn_snapshot *s;

static const char *golden; /* a file written earlier, instead of one written now */

static void read_golden(void)
{
    FILE *f = fopen(golden, "rb");
    assert_non_null(f);
    bytes = malloc(1 << 20);
    n_bytes = fread(bytes, 1, 1 << 20, f);
    fclose(f);
}

static int setup(void **state)
{
    (void)state;
    tn_error err;
    if (golden)
        read_golden();
    else
        bytes = sample_bytes(&n_bytes);
    return tn_snapshot_open_memory(bytes, n_bytes, NULL, &s, &err);
}

static int teardown(void **state)
{
    (void)state;
    tn_snapshot_close(s);
    tn_snapshot_close(NULL);
    free(bytes);
    return 0;
}

static void counts_are_those_written(void **state)
{
    (void)state;
    assert_int_equal(tn_snapshot_n_nodes(s), SAMPLE_NODES);
    assert_int_equal(tn_snapshot_n_objects(s), SAMPLE_OBJECTS);
    assert_int_equal(tn_snapshot_n_references(s), SAMPLE_REFERENCES);
    assert_int_equal(tn_snapshot_n_types(s), SAMPLE_TYPES);
    assert_int_equal(tn_snapshot_n_facts(s), SAMPLE_FACTS);
    assert_int_equal(tn__snapshot_n_shapes(s), SAMPLE_SHAPES);
    assert_int_equal(tn_snapshot_file_bytes(s), n_bytes);
}

static void chunks_lie_one_behind_another(void **state)
{
    (void)state;
    tn_chunk_info info;
    uint64_t at = 32;
    assert_int_equal(tn_snapshot_n_chunks(s), 32 + 1);
    for (size_t i = 0; i < tn_snapshot_n_chunks(s); i++) {
        assert_int_equal(tn_snapshot_chunk(s, i, &info), 0);
        assert_int_equal(info.offset, at);
        assert_int_equal(strlen(info.id), 4);
        at += 48 + ((info.stored_bytes + 7) & ~7ull);
    }
    assert_int_equal(tn_snapshot_chunk(s, tn_snapshot_n_chunks(s), &info), TN_EINVAL);
}

static void strings_are_those_written(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SAMPLE_STRINGS; i++)
        assert_string_equal(tn__snapshot_string(s, i), sample_strings[i]);
}

static void times_are_those_written(void **state)
{
    (void)state;
    tn_time t;
    assert_int_equal(tn_snapshot_n_times(s), SAMPLE_TIMES);
    for (size_t i = 0; i < SAMPLE_TIMES; i++) {
        const tn_time_row *row = &sample_times[i];
        assert_int_equal(tn_snapshot_time(s, i, &t), 0);
        assert_true(t.time_ns == row->time_ns && t.rss_bytes == row->rss_bytes && t.traced_bytes == row->traced_bytes);
        assert_true(t.threads == (i == 2 ? TN_UNKNOWN : row->threads));
        for (unsigned k = 0; k < 3; k++)
            assert_true(t.generations[k] == (i == 2 ? TN_UNKNOWN : row->generations[k]));
    }
    assert_int_equal(tn_snapshot_time(s, SAMPLE_TIMES, &t), TN_EINVAL);
}

static void sites_are_those_written(void **state)
{
    (void)state;
    uint32_t n;
    const tn_site_row *rows = tn__snapshot_sites(s, &n);
    assert_int_equal(n, SAMPLE_SITES);
    assert_memory_equal(rows, sample_sites, sizeof sample_sites);
}

static void samples_are_those_written(void **state)
{
    (void)state;
    uint32_t n;
    const tn_sample_row *rows = tn__snapshot_samples(s, &n);
    assert_int_equal(n, SAMPLE_SAMPLES);
    assert_memory_equal(rows, sample_samples, sizeof sample_samples);
}

static void what_was_tracked_is_what_was_written(void **state)
{
    (void)state;
    const tn_tracked *t;
    assert_int_equal(tn__snapshot_tracked(s, &t, NULL), 0);
    assert_true(t->started_wall_ns == 5 && t->started_ns == 100 && t->now_ns == 900 && t->stopped_ns == TN_UNKNOWN);
    assert_int_equal(t->n_rules, 1);
    assert_true(t->rules[0].resolution_level == 2 && t->rules[0].flags == TN_TRACKED_KEEP && !t->rules[0].label);
    assert_int_equal(t->n_kinds, 1);
    assert_string_equal(t->kinds[0].name, "app.Node");
    assert_true(t->kinds[0].born == 1 && t->kinds[0].died == 0);
    assert_int_equal(t->n_instances, 1);
    assert_true(t->instances[0].serial == 7 && t->instances[0].birth_ns == 150 && t->instances[0].found);
    assert_string_equal(t->instances[0].label, "");
    assert_null(t->instances[0].preview);
    assert_int_equal(t->n_moments, 1);
    const tn_tracked_moment *m = &t->moments[0];
    assert_true(m->number == 3 && m->wall_ns == 5 && m->monotonic_ns == 200 && m->duration_ns == 9 && m->pause_ns == 4);
    assert_true(m->rss_bytes == 1 << 20 && m->own_bytes == 4096 && m->heap_bytes == TN_UNKNOWN);
    assert_true(m->heap_count == TN_UNKNOWN && m->tracked_bytes == 500 && m->more == 0 && m->n_sums == 1);
    assert_true(m->sums[0].active == 1 && m->sums[0].bytes == 500 && m->sums[0].retained_bytes == 600);
    assert_int_equal(tn__tracked_row(m, 7), 0);
    assert_true(tn__tracked_row(m, 8) == SIZE_MAX && m->flat[0] == 48 && m->part[0] == 500 && m->retained[0] == 600);
    assert_true(m->n_trees == 1 && t->trees[0].serial == 7 && t->trees[0].n == 1 && t->trees[0].parts[0].more == 3);
}

static void blocks_of_sites_are_those_written(void **state)
{
    (void)state;
    tn_traces t, again;
    tn_error err;
    assert_int_equal(tn__snapshot_traces(s, &t, &err), 0);
    assert_int_equal(t.n, SAMPLE_TRACES);
    for (size_t i = 0; i < SAMPLE_TRACES; i++) {
        const sample_trace *row = &sample_traces[i];
        assert_true(t.address[i] == row->address && t.bytes[i] == row->bytes && t.birth[i] == row->birth);
        assert_true(t.site[i] == row->site && t.node[i] == row->node && t.kind[i] == row->kind);
        assert_true(t.interval[i] == row->interval);
    }
    assert_int_equal(tn__snapshot_traces(s, &again, &err), 0);
    assert_memory_equal(&again, &t, sizeof t);
}

static void facts_are_those_written(void **state)
{
    (void)state;
    tn_fact f;
    assert_int_equal(tn_snapshot_find_fact(s, "capture.tool_version", &f), 0);
    assert_int_equal(f.kind, TN_FACT_TEXT);
    assert_string_equal(f.value.text, "0.1.0");
    assert_int_equal(tn_snapshot_find_fact(s, "process.pid", &f), 0);
    assert_true(f.kind == TN_FACT_UINT && f.value.u == UINT64_MAX - 1);
    assert_int_equal(tn_snapshot_find_fact(s, "clock.offset_ns", &f), 0);
    assert_true(f.kind == TN_FACT_INT && f.value.i == -1);
    assert_int_equal(tn_snapshot_find_fact(s, "load.average", &f), 0);
    assert_true(f.kind == TN_FACT_DOUBLE && f.value.d == 1.5);
    assert_int_equal(tn_snapshot_fact(s, 0, &f), 0);
    assert_string_equal(f.key, "capture.tool_version");
    assert_int_equal(tn_snapshot_fact(s, SAMPLE_FACTS, &f), TN_EINVAL);
    assert_int_equal(tn_snapshot_find_fact(s, "capture", &f), TN_ENOTFOUND);
}

static void types_are_those_written(void **state)
{
    (void)state;
    tn_type t;
    for (uint32_t i = 0; i < SAMPLE_TYPES; i++) {
        const sample_type *want = &sample_types[i];
        assert_int_equal(tn_snapshot_type(s, i, &t), 0);
        assert_string_equal(t.name, sample_strings[want->name]);
        assert_true(want->module == TN_NONE ? !t.module : !strcmp(t.module, sample_strings[want->module]));
        assert_int_equal(t.flags, want->flags);
        assert_int_equal(t.visitor, want->visitor);
        assert_int_equal(t.basic_size, want->basic_size);
        assert_int_equal(t.item_size, want->item_size);
        assert_int_equal(t.node, want->node);
        assert_int_equal(t.base, want->base);
        assert_int_equal(t.n_mro, want->n_mro);
        assert_memory_equal(t.mro, want->mro, want->n_mro * sizeof *t.mro);
    }
    assert_int_equal(tn_snapshot_type(s, SAMPLE_TYPES, &t), TN_EINVAL);
}

static void full_names_leave_builtins_out(void **state)
{
    (void)state;
    tn_type t;
    assert_int_equal(tn_snapshot_type(s, 0, &t), 0);
    assert_string_equal(t.full_name, "dict");
    assert_int_equal(tn_snapshot_type(s, 4, &t), 0);
    assert_string_equal(t.full_name, "app.Session");
    assert_int_equal(tn_snapshot_type(s, 9, &t), 0);
    assert_string_equal(t.full_name, "<root>");
}

static void nodes_are_those_written(void **state)
{
    (void)state;
    tn_error err;
    for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
        const sample_node *want = &sample_nodes[i];
        const sample_shape *shape = &sample_shapes[want->shape];
        tn_node node;
        uint64_t own = want->size;
        uint32_t present = 0;
        assert_int_equal(tn_node_get(s, i, &node, &err), 0);
        assert_int_equal(node.id, i);
        assert_int_equal(node.type, shape->type);
        assert_int_equal(node.flags, want->flags | want->n_buffers << 8);
        assert_int_equal(node.refcount, want->refcount);
        assert_int_equal(node.address, want->address);
        assert_int_equal(node.size, want->size);
        assert_int_equal(node.length, shape->flags & TN_SHAPE_LENGTH ? want->length : TN_UNKNOWN);
        assert_int_equal(node.capacity, shape->flags & TN_SHAPE_CAPACITY ? want->capacity : TN_UNKNOWN);
        assert_int_equal(node.hash, shape->flags & TN_SHAPE_HASH ? want->hash : TN_UNKNOWN);
        for (uint32_t k = 0; k < want->n_references; k++)
            present += want->references[k] != 0;
        assert_int_equal(node.n_references, present);
        assert_int_equal(node.n_parts, 1 + want->n_buffers);
        for (uint32_t k = 0; k < want->n_buffers; k++) {
            assert_int_equal(node.parts[k + 1].kind, want->buffers[k].kind);
            assert_int_equal(node.parts[k + 1].size, want->buffers[k].size);
            own -= want->buffers[k].size;
        }
        assert_int_equal(node.parts[0].kind, 255);
        assert_int_equal(node.parts[0].size, own);
    }
    tn_node node;
    assert_int_equal(tn_node_get(s, SAMPLE_NODES, &node, &err), TN_EINVAL);
    assert_int_equal(tn_node_get(s, TN_NONE, &node, NULL), TN_EINVAL);
}

static void sizes_beyond_4_gib_survive(void **state)
{
    (void)state;
    tn_node node;
    assert_int_equal(tn_node_get(s, SAMPLE_LARGE, &node, NULL), 0);
    assert_true(node.size > UINT32_MAX && node.length > UINT32_MAX);
}

static void only_starts_of_objects_are_found(void **state)
{
    (void)state;
    tn_error err;
    uint32_t id;
    for (uint32_t i = 0; i < SAMPLE_OBJECTS; i++) {
        uint64_t address = sample_nodes[i].address;
        assert_int_equal(tn_node_at(s, address, &id, &err), 0);
        assert_int_equal(id, i);
        assert_int_equal(tn_node_at(s, address ^ 8, &id, &err), TN_ENOTFOUND);
        assert_int_equal(tn_node_at(s, address + 1, &id, &err), TN_ENOTFOUND);
    }
    assert_int_equal(tn_node_at(s, 0, &id, &err), TN_ENOTFOUND);
    assert_int_equal(tn_node_at(s, UINT64_MAX, &id, &err), TN_ENOTFOUND);
    assert_int_equal(sample_nodes[SAMPLE_ODD].address & 15, 8);
}

static void absent_references_are_left_out(void **state)
{
    (void)state;
    tn_error err;
    for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
        tn_reference_iter iter;
        tn_reference r;
        assert_int_equal(tn_references(s, i, &iter, &err), 0);
        for (uint32_t k = 0; k < sample_nodes[i].n_references; k++) {
            if (!sample_nodes[i].references[k])
                continue;
            assert_true(tn_reference_next(&iter, &r));
            assert_int_equal(r.source, i);
            assert_int_equal(r.target, sample_nodes[i].references[k] - 1);
        }
        assert_false(tn_reference_next(&iter, &r));
        assert_false(tn_reference_next(&iter, &r));
    }
    tn_reference_iter iter;
    assert_int_equal(tn_references(s, SAMPLE_NODES, &iter, &err), TN_EINVAL);
}

static void expect_label(uint32_t node, unsigned which, enum tn_label_style style, enum tn_reference_kind kind,
                         const char *text, uint64_t index, uint32_t key)
{
    tn_reference_iter iter;
    tn_reference r;
    assert_int_equal(tn_references(s, node, &iter, NULL), 0);
    for (unsigned i = 0; i <= which; i++)
        assert_true(tn_reference_next(&iter, &r));
    assert_int_equal(r.style, style);
    assert_int_equal(r.kind, kind);
    assert_true(text ? r.text && strcmp(r.text, text) == 0 : !r.text);
    assert_int_equal(r.index, index);
    assert_int_equal(r.key, key);
}

static void labels_follow_from_shapes(void **state)
{
    (void)state;
    expect_label(3, 2, TN_LABEL_INDEX, TN_REF_OWNING, NULL, 3, TN_NONE); /* behind an absent item */
    expect_label(4, 0, TN_LABEL_KEY, TN_REF_OWNING, NULL, 0, TN_NONE);
    expect_label(4, 3, TN_LABEL_VALUE, TN_REF_OWNING, NULL, 3, 1);
    expect_label(5, 0, TN_LABEL_ATTRIBUTE, TN_REF_OWNING, "name", 0, TN_NONE);
    expect_label(5, 1, TN_LABEL_ITEM, TN_REF_WEAK, "_cache", 1, TN_NONE);
    expect_label(6, 1, TN_LABEL_MEMBER, TN_REF_BORROWED, NULL, 1, TN_NONE);
    expect_label(7, 0, TN_LABEL_UNKNOWN, TN_REF_OWNING, NULL, 0, TN_NONE);
    expect_label(9, 1, TN_LABEL_ROOT, TN_REF_OWNING, "threads", 1, TN_NONE);
    expect_label(10, 1, TN_LABEL_UNKNOWN, TN_REF_INTERNED, NULL, 1, TN_NONE);
    expect_label(12, 0, TN_LABEL_LOCAL, TN_REF_OWNING, "x", 0, TN_NONE);
    expect_label(12, 2, TN_LABEL_STACK, TN_REF_GUESSED, NULL, 1, TN_NONE);
    expect_label(13, 0, TN_LABEL_LOCAL, TN_REF_OWNING, "y", 1, TN_NONE);
}

static void frames_are_innermost_first(void **state)
{
    (void)state;
    tn_frame f;
    for (unsigned pass = 0; pass < 2; pass++) { /* the second time backwards */
        assert_int_equal(tn_snapshot_thread_frame(s, SAMPLE_THREAD, pass, &f), 0);
        assert_int_equal(f.node, pass ? SAMPLE_OUTER_FRAME : SAMPLE_INNER_FRAME);
        assert_int_equal(tn_snapshot_thread_frame(s, SAMPLE_THREAD, 1 - pass, &f), 0);
        assert_int_equal(f.node, pass ? SAMPLE_INNER_FRAME : SAMPLE_OUTER_FRAME);
    }
    assert_int_equal(tn_snapshot_thread_frame(s, SAMPLE_THREAD, 2, &f), TN_ENOTFOUND);
    assert_int_equal(tn_snapshot_thread_frame(s, 0, 0, &f), TN_ENOTFOUND);
    assert_int_equal(tn_snapshot_thread_frame(s, SAMPLE_NODES, 0, &f), TN_EINVAL);
}

static void lines_are_recorded_or_follow_from_the_instruction(void **state)
{
    (void)state;
    tn_frame f;
    assert_int_equal(tn_snapshot_thread_frame(s, SAMPLE_THREAD, 0, &f), 0);
    assert_string_equal(f.name, "handle");
    assert_string_equal(f.qualified_name, "Server.handle");
    assert_string_equal(f.file, "/srv/app.py");
    assert_int_equal(f.line, 12);
    assert_int_equal(tn_snapshot_thread_frame(s, SAMPLE_THREAD, 1, &f), 0);
    assert_string_equal(f.name, "<module>");
    assert_int_equal(f.line, 77);
    tn_stack_entry entry;
    assert_int_equal(tn__snapshot_stack(s, 2, &entry, NULL), 0);
    assert_int_equal(entry.parent, 1);
    assert_int_equal(tn__snapshot_stack(s, 0, &entry, NULL), TN_EINVAL);
    assert_int_equal(tn__snapshot_stack(s, 3, &entry, NULL), TN_EINVAL);
}

static void previews_are_those_written(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SAMPLE_NODES; i++) {
        tn_preview p;
        assert_int_equal(tn__snapshot_preview(s, i, &p, NULL), 0);
        assert_int_equal(p.kind, sample_nodes[i].preview_kind);
        assert_int_equal(p.length, sample_nodes[i].preview_length);
        if (p.length)
            assert_memory_equal(p.bytes, sample_nodes[i].preview, p.length);
    }
}

static void a_sound_file_has_no_findings(void **state)
{
    (void)state;
    tn_error err = {0};
    assert_int_equal(tn_snapshot_check(s, NULL, NULL, &err), 0);
    assert_int_equal(exercise_bytes(bytes, n_bytes, NULL, 0), 0);
}

static void paths_descriptors_and_memory_give_the_same(void **state)
{
    (void)state;
    char path[] = "/tmp/tonnage-test-XXXXXX";
    tn_snapshot *other;
    tn_error err;
    int fd = mkstemp(path);
    assert_int_equal(write(fd, bytes, n_bytes), (ssize_t)n_bytes);
    assert_int_equal(tn_snapshot_open(path, NULL, &other, &err), 0);
    assert_int_equal(exercise(other), 0);
    tn_snapshot_close(other);
    assert_int_equal(tn_snapshot_open_fd(fd, NULL, &other, &err), 0);
    close(fd); /* the snapshot has its own */
    unlink(path);
    assert_int_equal(exercise(other), 0);
    tn_snapshot_close(other);
    assert_int_equal(tn_snapshot_open(path, NULL, &other, &err), TN_EIO);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(tn_snapshot_open("/", NULL, &other, &err), TN_EFORMAT);
    assert_int_equal(tn_snapshot_open_fd(-1, NULL, &other, &err), TN_EIO);
}

static void a_file_that_shrinks_meanwhile_is_an_error(void **state)
{
    (void)state;
    tn_snapshot *other;
    tn_node node;
    int fd = memfd_create("shrinks", 0);
    assert_int_equal(write(fd, bytes, n_bytes), (ssize_t)n_bytes);
    assert_int_equal(tn_snapshot_open_fd(fd, NULL, &other, NULL), 0);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(tn_node_get(other, 0, &node, NULL), TN_ETRUNCATED);
    tn_snapshot_close(other);
    close(fd);
}

static void statuses_have_names_texts_and_exit_codes(void **state)
{
    (void)state;
    assert_string_equal(tn_status_name(TN_OK), "OK");
    assert_string_equal(tn_status_name(TN_ECORRUPT), "ECORRUPT");
    assert_string_equal(tn_status_name(1), "?");
    assert_string_equal(tn_status_text(TN_EVERSION), "unsupported version");
    assert_non_null(tn_status_text(12345));
    assert_int_equal(tn_status_exit_code(TN_EVERSION), 6);
    assert_int_equal(tn_status_exit_code(TN_OK), 0);
    assert_int_equal(tn_status_exit_code(12345), 1);
}

int main(int argc, char **argv)
{
    golden = argc > 1 ? argv[1] : NULL;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_written),
        cmocka_unit_test(chunks_lie_one_behind_another),
        cmocka_unit_test(strings_are_those_written),
        cmocka_unit_test(sites_are_those_written),
        cmocka_unit_test(samples_are_those_written),
        cmocka_unit_test(what_was_tracked_is_what_was_written),
        cmocka_unit_test(blocks_of_sites_are_those_written),
        cmocka_unit_test(facts_are_those_written),
        cmocka_unit_test(times_are_those_written),
        cmocka_unit_test(types_are_those_written),
        cmocka_unit_test(full_names_leave_builtins_out),
        cmocka_unit_test(nodes_are_those_written),
        cmocka_unit_test(sizes_beyond_4_gib_survive),
        cmocka_unit_test(only_starts_of_objects_are_found),
        cmocka_unit_test(absent_references_are_left_out),
        cmocka_unit_test(labels_follow_from_shapes),
        cmocka_unit_test(frames_are_innermost_first),
        cmocka_unit_test(lines_are_recorded_or_follow_from_the_instruction),
        cmocka_unit_test(previews_are_those_written),
        cmocka_unit_test(a_sound_file_has_no_findings),
        cmocka_unit_test(paths_descriptors_and_memory_give_the_same),
        cmocka_unit_test(a_file_that_shrinks_meanwhile_is_an_error),
        cmocka_unit_test(statuses_have_names_texts_and_exit_codes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
