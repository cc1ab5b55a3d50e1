/* merged_paths.c - the shortest paths of a set in one tree: how many of the set, and bytes, come through each node.
 *
 * The tree of shortest paths has them all; counts are added up against the order of its making, children before parents.
 */
#include "analysis/paths.h"

#include <stdlib.h>
#include <string.h>

void tn__merged_free(tn_merged *m)
{
    size_t n = m->n_nodes;
    tn__free(m->alloc, m->counts, n * sizeof *m->counts);
    tn__free(m->alloc, m->bytes, n * sizeof *m->bytes);
    tn__free(m->alloc, m->child, n * sizeof *m->child);
    tn__free(m->alloc, m->sibling, n * sizeof *m->sibling);
    *m = (tn_merged){0};
}

static int count_members(tn_ways *w, const tn_set *set, const tn_distances *d, tn_merged *m, tn_error *err)
{
    const uint64_t *sizes;
    uint64_t n;
    TN_TRY(tn__column_u64(w->snapshot, TN_COL_SIZE, &sizes, &n, err));
    for (uint32_t id = 0; (id = tn_set_next(set, id)) != TN_NONE; id++) {
        if (tn__is_own(w, id))
            continue;
        if (d->cost[id] == TN_NO_WAY) {
            m->n_lost++;
            m->lost_bytes += sizes[id];
        } else {
            m->counts[id] = 1;
            m->bytes[id] = sizes[id];
        }
    }
    return TN_OK;
}

static void add_up(const tn_distances *d, tn_merged *m)
{
    for (uint32_t i = d->n_reached; i-- > 1;) {
        uint32_t node = d->order[i], parent = d->parent[node];
        if (!m->counts[node])
            continue;
        m->counts[parent] += m->counts[node];
        m->bytes[parent] += m->bytes[node];
        m->sibling[node] = m->child[parent];
        m->child[parent] = node;
    }
}

int tn__merged_paths(tn_ways *w, const tn_set *set, const tn_distances *d, tn_merged *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(w->snapshot);
    size_t n = w->graph.n_nodes;
    tn_merged m = {.alloc = a, .n_nodes = w->graph.n_nodes};
    m.counts = tn__alloc_zero(a, n * sizeof *m.counts);
    m.bytes = tn__alloc_zero(a, n * sizeof *m.bytes);
    m.child = tn__alloc(a, n * sizeof *m.child);
    m.sibling = tn__alloc(a, n * sizeof *m.sibling);
    int status = m.counts && m.bytes && m.child && m.sibling ? TN_OK : tn__no_memory(w->snapshot, err);
    if (status == TN_OK)
        status = count_members(w, set, d, &m, err);
    if (status == TN_OK) {
        memset(m.child, 0xff, n * sizeof *m.child);
        memset(m.sibling, 0xff, n * sizeof *m.sibling);
        add_up(d, &m);
        *out = m;
    } else {
        tn__merged_free(&m);
    }
    return status;
}
