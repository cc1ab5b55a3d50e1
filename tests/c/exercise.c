/* exercise.c - see exercise.h. */
#include "exercise.h"

#include "analysis/analysis.h"
#include "snapshot/reader.h"

#include <string.h>

static int worse(int status, int next)
{
    return status < 0 || next == TN_ENOTFOUND ? status : next;
}

static uint64_t sum_text(const char *text)
{
    return text ? strlen(text) : 0;
}

static int container(const tn_snapshot *s)
{
    tn_chunk_info info;
    int status = 0;
    for (size_t i = 0; i < tn_snapshot_n_chunks(s); i++)
        status = worse(status, tn_snapshot_chunk(s, i, &info));
    return status;
}

static int tables(tn_snapshot *s, uint64_t *sum)
{
    int status = 0;
    tn_fact fact;
    tn_type type;
    for (size_t i = 0; i < tn_snapshot_n_facts(s); i++) {
        status = worse(status, tn_snapshot_fact(s, i, &fact));
        *sum += sum_text(fact.key) + (fact.kind == TN_FACT_TEXT ? sum_text(fact.value.text) : 0);
        status = worse(status, tn_snapshot_find_fact(s, fact.key, &fact));
    }
    for (size_t i = 0; i < tn_snapshot_n_times(s); i++) {
        tn_time t;
        status = worse(status, tn_snapshot_time(s, i, &t));
        *sum += t.time_ns + t.rss_bytes;
    }
    for (uint32_t i = 0; i < tn_snapshot_n_types(s); i++) {
        status = worse(status, tn_snapshot_type(s, i, &type));
        *sum += sum_text(type.name) + sum_text(type.full_name) + sum_text(type.module);
        for (uint32_t k = 0; k < type.n_mro; k++)
            status = worse(status, tn_snapshot_type(s, type.mro[k], &type));
    }
    return status;
}

static int columns(tn_snapshot *s)
{
    static const bool wide[TN_COLUMNS] = {
        [TN_COL_SIZE] = true, [TN_COL_LENG] = true, [TN_COL_CAPA] = true, [TN_COL_BUFS] = true, [TN_COL_HASH] = true,
        [TN_COL_TADR] = true, [TN_COL_TBYT] = true, [TN_COL_TBIR] = true, [TN_COL_TINT] = true,
    };
    int status = 0;
    tn_block b;
    for (unsigned c = 0; c < TN_COLUMNS; c++) {
        const uint32_t *u32;
        const uint64_t *u64;
        uint64_t n;
        for (size_t k = 0; tn__column_block(s, c, k, c % 4, &b, NULL) == 0; k++)
            ;
        if (!wide[c])
            status = worse(status, tn__column_u32(s, c, &u32, &n, NULL));
        status = worse(status, tn__column_u64(s, c, &u64, &n, NULL));
    }
    return status;
}

static int traces(tn_snapshot *s, uint64_t *sum)
{
    uint32_t n;
    const tn_site_row *sites = tn__snapshot_sites(s, &n);
    tn_traces t = {0};
    int status = tn__snapshot_traces(s, &t, NULL);
    for (uint32_t i = 0; i < n; i++)
        *sum += (uint64_t)sites[i].live_bytes + (uint64_t)sites[i].live_count;
    for (uint64_t i = 0; i < t.n && status == 0; i++)
        *sum += (uint64_t)sites[t.site[i]].peak_bytes + t.bytes[i] + t.kind[i] + (t.interval ? t.interval[i] : 0);
    const tn_sample_row *samples = tn__snapshot_samples(s, &n);
    for (uint32_t i = 0; i < n; i++)
        *sum += samples[i].samples + samples[i].ns + samples[i].cpu_ns;
    return status;
}

/* All of a small snapshot; of one with many nodes, the first and the last. */
static int nodes(tn_snapshot *s, uint64_t *sum)
{
    int status = 0;
    uint32_t n = tn_snapshot_n_nodes(s), id;
    for (uint32_t i = 0; i < n; i = i == 2000 && n > 4000 ? n - 2000 : i + 1) {
        tn_node node;
        tn_reference_iter iter;
        tn_reference r;
        tn_preview preview;
        tn_frame frame;
        status = worse(status, tn_node_get(s, i, &node, NULL));
        if (status < 0)
            return status;
        if (node.address)
            status = worse(status, tn_node_at(s, node.address, &id, NULL));
        status = worse(status, tn_references(s, i, &iter, NULL));
        for (unsigned k = 0; k < 5000 && status == 0 && tn_reference_next(&iter, &r); k++)
            *sum += sum_text(r.text) + r.target;
        status = worse(status, tn__snapshot_preview(s, i, &preview, NULL));
        for (uint16_t k = 0; status == 0 && k < preview.length; k++)
            *sum += preview.bytes[k];
        for (uint32_t depth = 0; depth < 64 && tn_snapshot_thread_frame(s, i, depth, &frame) == 0; depth++)
            *sum += sum_text(frame.name) + sum_text(frame.file) + frame.line;
    }
    return status;
}

static int graph(tn_snapshot *s, uint64_t *sum)
{
    int status = 0;
    uint32_t n = tn_snapshot_n_nodes(s);
    for (uint32_t i = 0; i < n && i < 200; i++) {
        uint32_t other, count;
        uint64_t bytes;
        const uint32_t *nodes;
        enum tn_hold hold;
        tn_reference_iter iter;
        tn_reference r;
        status = worse(status, tn_node_hold(s, i, &hold, NULL));
        status = worse(status, tn_dominator(s, i, &other, NULL));
        status = worse(status, tn_retained(s, i, &bytes, &count, NULL));
        status = worse(status, tn_dominated(s, i, &nodes, &count, NULL));
        for (uint32_t k = 0; status == 0 && k < count; k++)
            *sum += nodes[k];
        status = worse(status, tn_references(s, i, &iter, NULL));
        for (unsigned k = 0; k < 20 && status == 0 && tn_reference_next(&iter, &r); k++)
            status = worse(status, tn_reference_cut(s, &r, &bytes, &count, NULL));
    }
    return status;
}

/* What a set retains, and who is above it. */
static int sets(tn_snapshot *s, uint64_t *sum)
{
    tn_set *set = NULL, *gone = NULL, *above = NULL;
    uint64_t bytes = 0;
    int status;
    if (tn__set_new(tn__snapshot_alloc(s), tn_snapshot_n_objects(s), &set, NULL) < 0)
        return 0;
    for (uint32_t i = 0; i < tn_snapshot_n_objects(s) && i < 100; i += 3)
        tn__set_add(set, i);
    status = tn_retained_set(s, set, &gone, &bytes, NULL);
    if (status == 0)
        status = tn_set_dominators(s, set, &above, NULL);
    if (status == 0)
        *sum += bytes + tn_set_count(gone) + tn_set_count(above);
    tn_set_free(set);
    tn_set_free(gone);
    tn_set_free(above);
    return status;
}

int exercise(tn_snapshot *s)
{
    uint64_t sum = tn_snapshot_file_bytes(s) + tn_snapshot_n_objects(s) + tn_snapshot_n_references(s);
    int status = container(s);
    status = worse(status, tables(s, &sum));
    status = worse(status, nodes(s, &sum));
    status = worse(status, columns(s));
    status = worse(status, traces(s, &sum));
    status = worse(status, graph(s, &sum));
    status = worse(status, sets(s, &sum));
    status = worse(status, tn_snapshot_check(s, NULL, NULL, NULL));
    return sum == UINT64_MAX ? TN_EBUSY : status; /* the sum is used: nothing above may be left out by a compiler */
}

int exercise_bytes(const void *bytes, size_t n, const tn_alloc *alloc, uint64_t max_memory_bytes)
{
    tn_open_options options = {.alloc = alloc, .max_memory_bytes = max_memory_bytes};
    tn_snapshot *s = NULL;
    int status = tn_snapshot_open_memory(bytes, n, &options, &s, NULL);
    if (status == 0)
        status = exercise(s);
    tn_snapshot_close(s);
    if (status == TN_ETRUNCATED) {
        options.partial = true;
        s = NULL;
        if (tn_snapshot_open_memory(bytes, n, &options, &s, NULL) == 0)
            exercise(s);
        tn_snapshot_close(s);
    }
    return status;
}
