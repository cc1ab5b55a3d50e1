/* nodes.c - nodes and references as tonnage.h gives them. */
#include "snapshot/snapshot.h"

#include <string.h>

uint32_t tn_snapshot_n_nodes(const tn_snapshot *s)
{
    return s->n_nodes;
}

uint32_t tn_snapshot_n_objects(const tn_snapshot *s)
{
    return s->n_objects;
}

uint64_t tn_snapshot_n_references(const tn_snapshot *s)
{
    return s->n_references;
}

/* Value of a sparse column for a node, TN_UNKNOWN where it has no row or the column is not in the file. */
static int sparse_value(tn_snapshot *s, unsigned which, enum tn_column column, uint32_t id, uint64_t *out, tn_error *err)
{
    const uint64_t *values;
    uint64_t n, row;
    int status = tn__sparse_row(s, which, id, &row, err);
    *out = TN_UNKNOWN;
    if (status == TN_ENOTFOUND)
        return 0;
    TN_TRY(status);
    TN_TRY(tn__column_u64(s, column, &values, &n, err));
    if (row < n)
        *out = values[row];
    return 0;
}

static int node_parts(tn_snapshot *s, uint32_t id, tn_node *out, tn_error *err)
{
    const uint64_t *sizes;
    const uint32_t *kinds;
    uint64_t n, n_kinds, row;
    out->n_parts = 1;
    out->parts[0].kind = 255;
    out->parts[0].size = out->size;
    uint32_t count = (out->flags & TN_NODE_BUFFERS) >> 8;
    if (!count)
        return 0;
    TN_TRY(tn__sparse_row(s, TN_SPARSE_BUFS, id, &row, err));
    TN_TRY(tn__column_u64(s, TN_COL_BUFS, &sizes, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_BUFK, &kinds, &n_kinds, err));
    for (uint32_t i = 0; i < count && row + i < n && row + i < n_kinds; i++) {
        if (sizes[row + i] > out->parts[0].size)
            return tn__corrupt(err, 0, "the buffers of node %u are larger than the node", id);
        out->parts[0].size -= sizes[row + i];
        out->parts[out->n_parts].kind = (uint8_t)kinds[row + i];
        out->parts[out->n_parts++].size = sizes[row + i];
    }
    return 0;
}

int tn_node_get(tn_snapshot *s, uint32_t id, tn_node *out, tn_error *err)
{
    const uint32_t *shapes, *refcounts, *flags;
    const uint64_t *sizes;
    uint64_t n, n_refcounts, n_flags;
    tn_csr csr;
    if (id >= s->n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "node %u does not exist: there are %u", id, s->n_nodes);
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_SIZE, &sizes, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_REFC, &refcounts, &n_refcounts, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &flags, &n_flags, err));
    TN_TRY(tn__snapshot_references(s, &csr, err));
    TN_TRY(tn__snapshot_addresses(s, err));
    tn_node node = {.id = id, .type = s->shapes[shapes[id]].type, .size = sizes[id]};
    node.flags = n_flags ? flags[id] : 0;
    node.refcount = n_refcounts ? refcounts[id] : 0;
    node.address = id < s->n_objects ? tn__snapshot_address(s, id) : 0;
    for (uint64_t i = csr.offsets[id]; i < csr.offsets[id + 1]; i++)
        node.n_references += csr.targets[i] != TN_NONE;
    TN_TRY(sparse_value(s, TN_SPARSE_LENG, TN_COL_LENG, id, &node.length, err));
    TN_TRY(sparse_value(s, TN_SPARSE_CAPA, TN_COL_CAPA, id, &node.capacity, err));
    TN_TRY(sparse_value(s, TN_SPARSE_HASH, TN_COL_HASH, id, &node.hash, err));
    TN_TRY(node_parts(s, id, &node, err));
    *out = node;
    return 0;
}

/* ---- references ---- */

int tn_references(tn_snapshot *s, uint32_t id, tn_reference_iter *iter, tn_error *err)
{
    const uint32_t *shapes;
    uint64_t n;
    tn_csr csr;
    if (id >= s->n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "node %u does not exist: there are %u", id, s->n_nodes);
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn__snapshot_references(s, &csr, err));
    *iter = (tn_reference_iter){s, id, csr.offsets[id]};
    return 0;
}

static void label_run(const tn_shape *shape, const tn_csr *csr, uint64_t position, uint64_t start, tn_reference *out)
{
    static const enum tn_label_style styles[] = {TN_LABEL_UNKNOWN, TN_LABEL_INDEX, TN_LABEL_KEY,
                                                 TN_LABEL_MEMBER,  TN_LABEL_UNKNOWN, TN_LABEL_STACK};
    out->style = styles[shape->flags & TN_RUN_STYLE];
    out->kind = (enum tn_reference_kind)(shape->flags >> TN_RUN_KIND_SHIFT & 15);
    out->index = position - start;
    if (out->style == TN_LABEL_KEY && (out->index & 1)) {
        out->style = TN_LABEL_VALUE;
        out->key = csr->targets[position - 1];
    }
}

bool tn_reference_next(tn_reference_iter *iter, tn_reference *out)
{
    tn_snapshot *s = iter->snapshot;
    const tn_csr *csr = &s->csr;
    uint64_t first = csr->offsets[iter->source], end = csr->offsets[iter->source + 1];
    const tn_shape *shape = &s->shapes[s->columns[TN_COL_SHAP].u32[iter->source]];
    while (iter->position < end && csr->targets[iter->position] == TN_NONE)
        iter->position++;
    if (iter->position >= end)
        return false;
    uint64_t at = iter->position++, fixed = at - first;
    *out = (tn_reference){.source = iter->source, .target = csr->targets[at], .key = TN_NONE};
    if (fixed < shape->n_fixed) {
        out->text = s->strings[shape->labels[2 * fixed]];
        out->style = (enum tn_label_style)(shape->labels[2 * fixed + 1] & 255);
        out->kind = (enum tn_reference_kind)(shape->labels[2 * fixed + 1] >> 8);
        out->index = fixed;
    } else {
        label_run(shape, csr, at, first + shape->n_fixed, out);
    }
    return true;
}

/* ---- threads ---- */

int tn_snapshot_thread_frame(tn_snapshot *s, uint32_t thread_node, uint32_t depth, tn_frame *out)
{
    const uint64_t *rows;
    uint64_t n, row;
    tn_csr csr;
    tn_stack_entry entry;
    if (thread_node >= s->n_nodes)
        return TN_EINVAL;
    TN_TRY(tn__snapshot_references(s, &csr, NULL));
    TN_TRY(tn__column_u64(s, TN_COL_STKI, &rows, &n, NULL));
    for (uint64_t i = csr.offsets[thread_node]; i < csr.offsets[thread_node + 1]; i++) {
        uint32_t frame = csr.targets[i];
        if (frame == TN_NONE || frame < s->n_objects)
            continue;
        int status = tn__sparse_row(s, TN_SPARSE_STKI, frame, &row, NULL);
        if (status == TN_ENOTFOUND || (status == 0 && (row >= n || rows[row] == 0 || depth-- > 0)))
            continue;
        TN_TRY(status);
        TN_TRY(tn__snapshot_stack(s, rows[row] <= UINT32_MAX ? (uint32_t)rows[row] : UINT32_MAX, &entry, NULL));
        *out = (tn_frame){frame, entry.name, entry.qualified_name, entry.file, entry.line};
        return 0;
    }
    return TN_ENOTFOUND;
}
