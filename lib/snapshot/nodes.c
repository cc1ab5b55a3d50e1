/* nodes.c - one node with all that is known of it, and the frames of a thread. */
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

/* ---- one node ---- */

/* TN_UNKNOWN where the node has no row or the file no such column. */
static int sparse_value(tn_snapshot *s, enum tn_sparse which, enum tn_column column, uint32_t id, uint64_t *out,
                        tn_error *err)
{
    const uint64_t *values;
    uint64_t n, row;
    bool has;
    *out = TN_UNKNOWN;
    TN_TRY(tn__sparse_has(s, which, id, &has, err)); /* so that a dict loads no hashes */
    if (!has)
        return 0;
    TN_TRY(tn__column_u64(s, column, &values, &n, err));
    if (!values)
        return 0;
    int status = tn__sparse_row(s, which, id, &row, err);
    if (status == 0)
        *out = values[row];
    return status == TN_ENOTFOUND ? 0 : status;
}

int tn__node_length(tn_snapshot *s, uint32_t id, uint64_t *length, tn_error *err)
{
    const uint32_t *shapes;
    uint64_t n;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err)); /* they tell whether it has one */
    return sparse_value(s, TN_SPARSE_LENG, TN_COL_LENG, id, length, err);
}

int tn__node_hash(tn_snapshot *s, uint32_t id, uint64_t *hash, tn_error *err)
{
    const uint32_t *shapes;
    uint64_t n;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    return sparse_value(s, TN_SPARSE_HASH, TN_COL_HASH, id, hash, err);
}

static int node_parts(tn_snapshot *s, tn_node *node, tn_error *err)
{
    const uint64_t *sizes;
    const uint32_t *kinds;
    bool has;
    uint64_t n_sizes, n_kinds, row;
    node->n_parts = 1;
    node->parts[0].kind = 255;
    node->parts[0].size = node->size;
    TN_TRY(tn__sparse_has(s, TN_SPARSE_BUFS, node->id, &has, err));
    if (!has)
        return 0;
    TN_TRY(tn__column_u64(s, TN_COL_BUFS, &sizes, &n_sizes, err));
    TN_TRY(tn__column_u32(s, TN_COL_BUFK, &kinds, &n_kinds, err));
    int status = sizes ? tn__sparse_row(s, TN_SPARSE_BUFS, node->id, &row, err) : TN_ENOTFOUND;
    if (status < 0)
        return status == TN_ENOTFOUND ? 0 : status;
    uint32_t count = (node->flags & TN_NODE_BUFFERS) >> 8;
    for (uint32_t i = 0; i < count; i++) {
        if (sizes[row + i] > node->parts[0].size)
            return tn__corrupt(err, 0, "the buffers of node %u are larger than the node", node->id);
        node->parts[0].size -= sizes[row + i];
        node->parts[node->n_parts].kind = kinds ? (uint8_t)kinds[row + i] : TN_BUFFER_OTHER;
        node->parts[node->n_parts++].size = sizes[row + i];
    }
    return 0;
}

int tn_node_get(tn_snapshot *s, uint32_t id, tn_node *out, tn_error *err)
{
    const uint32_t *shapes, *refcounts, *flags;
    const uint64_t *sizes;
    uint64_t n, n_references = 0;
    tn_csr csr;
    if (id >= s->n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "node %u does not exist: there are %u", id, s->n_nodes);
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_SIZE, &sizes, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_REFC, &refcounts, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &flags, &n, err));
    TN_TRY(tn__snapshot_references(s, &csr, err));
    TN_TRY(tn__snapshot_addresses(s, err));
    tn_node node = {
        .id = id,
        .type = s->shapes[shapes[id]].type,
        .flags = flags ? flags[id] : 0,
        .refcount = refcounts ? refcounts[id] : 0,
        .address = id < s->n_objects ? tn__snapshot_address(s, id) : 0,
        .size = sizes[id],
    };
    for (uint64_t i = csr.offsets[id]; i < csr.offsets[id + 1]; i++)
        n_references += csr.targets[i] != TN_NONE;
    if (n_references > UINT32_MAX)
        return tn__error_set(err, TN_ELIMIT, 0, "node %u has more references than can be counted in 32 bits", id);
    node.n_references = (uint32_t)n_references;
    TN_TRY(sparse_value(s, TN_SPARSE_LENG, TN_COL_LENG, id, &node.length, err));
    TN_TRY(sparse_value(s, TN_SPARSE_CAPA, TN_COL_CAPA, id, &node.capacity, err));
    TN_TRY(sparse_value(s, TN_SPARSE_HASH, TN_COL_HASH, id, &node.hash, err));
    TN_TRY(node_parts(s, &node, err));
    *out = node;
    return 0;
}

/* ---- threads ---- */

/* Frame number depth from where the last call left off, if that was before it: a stack read in order is read once. */
static int find_frame(tn_snapshot *s, const tn_csr *csr, uint32_t thread, uint32_t depth, uint32_t *frame,
                      tn_error *err)
{
    uint64_t position = csr->offsets[thread], row;
    uint32_t at = 0;
    if (s->last_frame.thread == thread && s->last_frame.depth <= depth) {
        position = s->last_frame.position;
        at = s->last_frame.depth;
    }
    for (; position < csr->offsets[thread + 1]; position++) {
        if (csr->targets[position] == TN_NONE)
            continue;
        int status = tn__sparse_row(s, TN_SPARSE_STKI, csr->targets[position], &row, err);
        if (status == TN_ENOTFOUND)
            continue;
        TN_TRY(status);
        if (at++ < depth)
            continue;
        s->last_frame.thread = thread;
        s->last_frame.depth = depth;
        s->last_frame.position = position;
        *frame = csr->targets[position];
        return 0;
    }
    return TN_ENOTFOUND;
}

/* Target of the first reference of this label, or TN_NONE; that of TN_NONE is TN_NONE. */
static int labelled(tn_snapshot *s, uint32_t node, enum tn_label_style style, const char *text, uint32_t *target)
{
    tn_reference_iter iter;
    tn_reference r;
    *target = TN_NONE;
    if (node == TN_NONE)
        return 0;
    TN_TRY(tn_references(s, node, &iter, NULL));
    while (*target == TN_NONE && tn_reference_next(&iter, &r))
        if (r.style == style && r.text && strcmp(r.text, text) == 0)
            *target = r.target;
    return 0;
}

/* The function that runs may be held by the frame alone; the module it is of is tonnage's beyond doubt. */
static int frame_is_own(tn_snapshot *s, uint32_t frame, bool *own)
{
    const uint32_t *flags;
    uint64_t n;
    uint32_t function, globals;
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &flags, &n, NULL));
    TN_TRY(labelled(s, frame, TN_LABEL_FIELD, "function", &function));
    TN_TRY(labelled(s, function, TN_LABEL_ATTRIBUTE, "__globals__", &globals));
    *own = flags && globals != TN_NONE && (flags[globals] & TN_NODE_OWN);
    return 0;
}

int tn__snapshot_frame(tn_snapshot *s, uint32_t node, tn_frame *out)
{
    tn_frame frame = {.node = node, .name = "?", .qualified_name = "?", .file = "?"};
    uint64_t row;
    const uint32_t *entries;
    uint64_t n;
    TN_TRY(tn__column_u32(s, TN_COL_STKI, &entries, &n, NULL));
    TN_TRY(tn__sparse_row(s, TN_SPARSE_STKI, node, &row, NULL));
    if (entries && entries[row]) {
        tn_stack_entry entry;
        TN_TRY(tn__snapshot_stack(s, entries[row], &entry, NULL));
        frame.name = entry.name;
        frame.qualified_name = entry.qualified_name;
        frame.file = entry.file;
        frame.line = entry.line;
    }
    TN_TRY(frame_is_own(s, frame.node, &frame.own));
    *out = frame;
    return 0;
}

int tn_snapshot_thread_frame(tn_snapshot *s, uint32_t thread_node, uint32_t depth, tn_frame *out)
{
    tn_csr csr;
    uint32_t node;
    if (thread_node >= s->n_nodes)
        return TN_EINVAL;
    TN_TRY(tn__snapshot_references(s, &csr, NULL));
    TN_TRY(find_frame(s, &csr, thread_node, depth, &node, NULL));
    return tn__snapshot_frame(s, node, out);
}
