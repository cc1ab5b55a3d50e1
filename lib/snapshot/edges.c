/* edges.c - references: REFS cut into the nodes' own by their shapes and DEGR, and what each one is called. */
#include "snapshot/snapshot.h"

static size_t offsets_bytes(const tn_snapshot *s)
{
    return ((size_t)s->n_nodes + 1) * sizeof(uint64_t);
}

static size_t targets_bytes(const tn_snapshot *s)
{
    return (size_t)s->n_references * sizeof(uint32_t);
}

static int build_offsets(tn_snapshot *s, uint64_t *offsets, tn_error *err)
{
    const uint32_t *shapes, *degrees;
    uint64_t n, n_degrees, row = 0, sum = 0;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_DEGR, &degrees, &n_degrees, err));
    for (uint32_t i = 0; i < s->n_nodes; i++) {
        const tn_shape *shape = &s->shapes[shapes[i]];
        unsigned style = shape->flags & TN_RUN_STYLE;
        offsets[i] = sum;
        sum += shape->n_fixed;
        if (!style || !degrees)
            continue;
        if (style == TN_RUN_PAIRS && (degrees[row] & 1))
            return tn__corrupt(err, 0, "node %u has a key without a value", i);
        sum += degrees[row++];
    }
    offsets[s->n_nodes] = sum;
    if (sum != s->n_references)
        return tn__corrupt(err, 0, "its nodes have %llu references, column REFS has %llu", (unsigned long long)sum,
                           (unsigned long long)s->n_references);
    return 0;
}

/* Absent is 0 in the file; one less makes it TN_NONE. */
static int fill_targets(tn_snapshot *s, uint32_t *targets, tn_error *err)
{
    tn_block b;
    int status;
    for (size_t k = 0; (status = tn__column_block(s, TN_COL_REFS, k, TN_SLOT_LOAD, &b, err)) == 0; k++) {
        uint32_t *out = targets + b.first_row;
        const uint32_t *four = b.data;
        for (uint32_t i = 0; i < b.n_rows && b.width == 4; i++)
            out[i] = four[i] - 1;
        for (uint32_t i = 0; i < b.n_rows && b.width != 4; i++)
            out[i] = (uint32_t)tn__block_at(&b, i) - 1;
    }
    return status == TN_ENOTFOUND ? 0 : status;
}

static int load(tn_snapshot *s, tn_error *err)
{
    uint64_t *offsets = tn__alloc(&s->alloc, offsets_bytes(s));
    uint32_t *targets = tn__alloc(&s->alloc, targets_bytes(s));
    int status = offsets && targets ? build_offsets(s, offsets, err) : tn__no_memory(s, err);
    if (status == 0)
        status = fill_targets(s, targets, err);
    if (status < 0) {
        tn__free(&s->alloc, offsets, offsets_bytes(s));
        tn__free(&s->alloc, targets, targets_bytes(s));
        return status;
    }
    s->csr_offsets = offsets;
    s->csr_targets = targets;
    return 0;
}

int tn__snapshot_references(tn_snapshot *s, tn_csr *out, tn_error *err)
{
    if (!s->csr_offsets)
        TN_TRY(load(s, err));
    *out = (tn_csr){s->csr_offsets, s->csr_targets};
    return 0;
}

void tn__edges_free(tn_snapshot *s)
{
    tn__free(&s->alloc, s->csr_offsets, offsets_bytes(s));
    tn__free(&s->alloc, s->csr_targets, targets_bytes(s));
}

/* ---- one after another ---- */

int tn_references(tn_snapshot *s, uint32_t id, tn_reference_iter *iter, tn_error *err)
{
    tn_csr csr;
    if (id >= s->n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "node %u does not exist: there are %u", id, s->n_nodes);
    TN_TRY(tn__snapshot_references(s, &csr, err));
    *iter = (tn_reference_iter){s, id, csr.offsets[id]};
    return 0;
}

static void label_run(const tn_shape *shape, const uint32_t *run, uint64_t index, tn_reference *out)
{
    static const enum tn_label_style styles[] = {
        [TN_RUN_ITEMS] = TN_LABEL_INDEX,        [TN_RUN_PAIRS] = TN_LABEL_KEY,   [TN_RUN_MEMBERS] = TN_LABEL_MEMBER,
        [TN_RUN_UNLABELLED] = TN_LABEL_UNKNOWN, [TN_RUN_STACK] = TN_LABEL_STACK,
    };
    out->style = styles[shape->flags & TN_RUN_STYLE];
    out->kind = (enum tn_reference_kind)(shape->flags >> TN_RUN_KIND_SHIFT & 15);
    out->index = index;
    if (out->style == TN_LABEL_KEY && (index & 1)) {
        out->style = TN_LABEL_VALUE;
        out->key = run[index - 1];
    }
}

bool tn_reference_next(tn_reference_iter *iter, tn_reference *out)
{
    const tn_snapshot *s = iter->snapshot;
    uint64_t first = s->csr_offsets[iter->source], end = s->csr_offsets[iter->source + 1], at = iter->position;
    const tn_shape *shape = &s->shapes[s->columns[TN_COL_SHAP].u32[iter->source]];
    while (at < end && s->csr_targets[at] == TN_NONE)
        at++;
    iter->position = at < end ? at + 1 : end;
    if (at >= end)
        return false;
    uint64_t index = at - first;
    *out = (tn_reference){.source = iter->source, .target = s->csr_targets[at], .key = TN_NONE};
    if (index < shape->n_fixed) {
        uint32_t label = shape->labels[2 * index + 1];
        out->text = s->strings[shape->labels[2 * index]];
        out->style = (enum tn_label_style)(label & 255);
        out->kind = (enum tn_reference_kind)(label >> 8);
        out->index = index;
    } else {
        label_run(shape, s->csr_targets + first + shape->n_fixed, index - shape->n_fixed, out);
    }
    return true;
}
