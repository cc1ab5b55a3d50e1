/* graph.c - the forward graph and which of its references hold.
 *
 * Kinds are implied by shapes: a shape whose references all hold, or none of them, is told by one byte; only the rest has
 * to look at its labels.
 */
#include "graph/graph.h"

static void destroy(tn_snapshot *s, void *p)
{
    tn__free(tn__snapshot_alloc(s), p, 2 * (size_t)tn__snapshot_n_shapes(s));
}

static enum tn_reference_kind run_kind(const tn_shape *shape)
{
    return (enum tn_reference_kind)(shape->flags >> TN_RUN_KIND_SHIFT & 15);
}

static enum tn_holding holding_of(const tn_shape *shape, bool synthetic)
{
    bool any = false, all = true;
    for (uint32_t i = 0; i < shape->n_fixed; i++) {
        bool holds = tn__kind_holds((enum tn_reference_kind)(shape->labels[2 * i + 1] >> 8), synthetic);
        any |= holds;
        all &= holds;
    }
    if (shape->flags & TN_RUN_STYLE) {
        any |= tn__kind_holds(run_kind(shape), synthetic);
        all &= tn__kind_holds(run_kind(shape), synthetic);
    }
    return all ? TN_HOLDS_ALL : any ? TN_HOLDS_SOME : TN_HOLDS_NONE;
}

enum tn_reference_kind tn__edge_kind(const tn_graph *g, uint32_t source, uint64_t edge)
{
    const tn_shape *shape = &g->table[g->shapes[source]];
    uint64_t index = edge - g->offsets[source];
    return index < shape->n_fixed ? (enum tn_reference_kind)(shape->labels[2 * index + 1] >> 8) : run_kind(shape);
}

int tn__graph(tn_snapshot *s, tn_graph *out, tn_error *err)
{
    tn_graph g = {
        .n_nodes = tn_snapshot_n_nodes(s),
        .n_objects = tn_snapshot_n_objects(s),
        .root = tn_snapshot_n_objects(s),
        .n_shapes = tn__snapshot_n_shapes(s),
        .table = tn__snapshot_shapes(s),
    };
    tn_csr csr;
    uint64_t n;
    if (g.root >= g.n_nodes)
        return tn__error_set(err, TN_ECORRUPT, 0, "the snapshot has no root");
    TN_TRY(tn__snapshot_references(s, &csr, err));
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &g.shapes, &n, err));
    g.offsets = csr.offsets;
    g.targets = csr.targets;
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_GRAPH, destroy);
    if (!*slot) {
        uint8_t *holding = tn__alloc(tn__snapshot_alloc(s), 2 * (size_t)g.n_shapes);
        if (!holding)
            return tn__no_memory(s, err);
        for (uint32_t i = 0; i < g.n_shapes; i++) {
            holding[i] = (uint8_t)holding_of(&g.table[i], false);
            holding[g.n_shapes + i] = (uint8_t)holding_of(&g.table[i], true);
        }
        *slot = holding;
    }
    g.holding = *slot;
    *out = g;
    return TN_OK;
}
