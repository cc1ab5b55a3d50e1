/* anchors.c - what lives without any reference that was found: immortal objects, those in static memory, and those whose
 * reference count is higher than the owning references to them (somebody else has the rest: C code, or the interpreter's
 * evaluation stack).
 */
#include "graph/graph.h"

#include <string.h>

static void destroy(tn_snapshot *s, void *p)
{
    tn__free(tn__snapshot_alloc(s), p, tn_snapshot_n_nodes(s));
}

static void count_one(uint32_t *counts, uint32_t target)
{
    if (target != TN_NONE)
        counts[target] += counts[target] != UINT32_MAX;
}

/* The second time, of a shape that owns each key twice. */
static void count_keys_again(const tn_graph *g, uint32_t object, uint32_t *counts)
{
    const tn_shape *shape = &g->table[g->shapes[object]];
    if (shape->flags & TN_SHAPE_KEYS_TWICE)
        for (uint64_t e = g->offsets[object] + shape->n_fixed; e < g->offsets[object + 1]; e += 2)
            count_one(counts, g->targets[e]);
}

void tn__count_owning_of(const tn_graph *g, uint32_t object, uint32_t *counts)
{
    for (uint64_t e = g->offsets[object]; e < g->offsets[object + 1]; e++)
        if (tn__edge_kind(g, object, e) == TN_REF_OWNING)
            count_one(counts, g->targets[e]);
    count_keys_again(g, object, counts);
}

static bool any_owns_twice(const tn_graph *g)
{
    for (uint32_t shape = 0; shape < g->n_shapes; shape++)
        if (g->table[shape].flags & TN_SHAPE_KEYS_TWICE)
            return true;
    return false;
}

void tn__count_owning(const tn_graph *g, uint32_t *counts)
{
    enum { AHEAD = 24 };
    uint64_t n_edges = g->offsets[g->n_nodes];
    for (uint32_t source = 0; source < g->n_nodes; source++) {
        enum tn_holding holding = source < g->n_objects ? tn__node_holding(g, source) : TN_HOLDS_SOME;
        if (holding == TN_HOLDS_NONE)
            continue;
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++) {
            uint32_t target = g->targets[e], ahead = g->targets[e + AHEAD < n_edges ? e + AHEAD : e];
            if (ahead != TN_NONE)
                __builtin_prefetch(&counts[ahead], 1);
            if (holding == TN_HOLDS_ALL || tn__edge_kind(g, source, e) == TN_REF_OWNING)
                count_one(counts, target);
        }
    }
    bool twice = any_owns_twice(g);
    for (uint32_t source = 0; twice && source < g->n_objects; source++)
        count_keys_again(g, source, counts);
}

static enum tn_hold hold_of(uint64_t flags, uint64_t refcount, uint32_t found)
{
    return flags & TN_NODE_STATIC     ? TN_HOLD_STATIC
           : flags & TN_NODE_IMMORTAL ? TN_HOLD_IMMORTAL
           : refcount > found         ? TN_HOLD_C
                                      : TN_HOLD_REFERENCES;
}

/* Columns that are missing say 0. */
static int tell(tn_snapshot *s, uint32_t n_objects, const uint32_t *counts, uint8_t *holds, tn_error *err)
{
    tn_block shap, flag, refcount;
    int status;
    for (size_t k = 0; (status = tn__column_block(s, TN_COL_SHAP, k, 0, &shap, err)) == TN_OK; k++) {
        int flag_status = tn__column_block(s, TN_COL_FLAG, k, 1, &flag, err);
        int refcount_status = tn__column_block(s, TN_COL_REFC, k, 2, &refcount, err);
        if (flag_status < 0 && flag_status != TN_ENOTFOUND)
            return flag_status;
        if (refcount_status < 0 && refcount_status != TN_ENOTFOUND)
            return refcount_status;
        bool flags = flag_status == TN_OK && flag.n_rows == shap.n_rows;
        bool refcounts = refcount_status == TN_OK && refcount.n_rows == shap.n_rows;
        for (uint32_t i = 0; i < shap.n_rows && shap.first_row + i < n_objects; i++) {
            size_t id = (size_t)shap.first_row + i;
            holds[id] = (uint8_t)hold_of(flags ? tn__block_at(&flag, i) : 0, refcounts ? tn__block_at(&refcount, i) : 0,
                                         counts[id]);
        }
    }
    return status == TN_ENOTFOUND ? TN_OK : status;
}

static int build(tn_snapshot *s, void **slot, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_graph g;
    TN_TRY(tn__graph(s, &g, err));
    uint32_t *counts = tn__alloc_zero(a, g.n_nodes * sizeof *counts);
    uint8_t *holds = tn__alloc_zero(a, g.n_nodes);
    int status = counts && holds ? TN_OK : tn__no_memory(s, err);
    if (status == TN_OK) {
        tn__count_owning(&g, counts);
        status = tell(s, g.n_objects, counts, holds, err);
    }
    tn__free(a, counts, g.n_nodes * sizeof *counts);
    if (status == TN_OK)
        *slot = holds;
    else
        tn__free(a, holds, g.n_nodes);
    return status;
}

int tn__anchors(tn_snapshot *s, uint8_t **holds, tn_error *err)
{
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_ANCHORS, destroy);
    if (!*slot)
        TN_TRY(build(s, slot, err));
    *holds = *slot;
    return TN_OK;
}

int tn__anchors_put(tn_snapshot *s, const uint8_t *holds, tn_error *err)
{
    uint32_t n = tn_snapshot_n_nodes(s);
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_ANCHORS, destroy);
    if (!*slot && !(*slot = tn__alloc(tn__snapshot_alloc(s), n)))
        return tn__no_memory(s, err);
    memcpy(*slot, holds, n);
    return TN_OK;
}
