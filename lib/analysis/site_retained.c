/* site_retained.c - what the objects of each group retain: the dominator tree folded on stacks.
 *
 * An object counts with all it retains where no object above it in the dominator tree is of its group, so that nothing counts
 * twice in one group. What two groups tell may overlap: a dict retains the strings in it, whoever made these.
 */
#include "analysis/dominators.h"
#include "analysis/sites.h"

#include <string.h>

typedef struct tn_descent {
    const tn_dominators *d;
    tn_below below;
    const uint32_t *sum_of; /* a node: its sum; TN_NONE: of none */
    uint32_t *active;       /* a sum: its objects on the way from the root */
    uint32_t *at;           /* a node on the way: its next child in below.nodes */
    uint32_t *way;          /* nodes from the root on */
} tn_descent;

static void enter(tn_sites *t, tn_descent *w, uint32_t node)
{
    uint32_t sum = w->sum_of[node];
    if (sum != TN_NONE && w->active[sum]++ == 0)
        tn__sites_at(t, sum)->retained += w->d->retained[node];
}

static void descend(tn_sites *t, tn_descent *w)
{
    uint32_t depth = 0;
    w->way[0] = w->d->root;
    w->at[0] = w->below.starts[w->d->root];
    enter(t, w, w->d->root);
    for (;;) {
        uint32_t node = w->way[depth];
        if (w->at[depth] < w->below.starts[node + 1]) {
            uint32_t next = w->below.nodes[w->at[depth]++];
            w->way[++depth] = next;
            w->at[depth] = w->below.starts[next];
            enter(t, w, next);
            continue;
        }
        if (w->sum_of[node] != TN_NONE)
            w->active[w->sum_of[node]]--;
        if (!depth--)
            return;
    }
}

/* Of an object's own block; the root and other synthetic nodes have none. */
static int place_nodes(tn_sites *t, uint32_t *sum_of_node, size_t n_nodes, tn_error *err)
{
    uint32_t *sum_of = tn__alloc(t->alloc, t->traces.n * sizeof *sum_of);
    if (!sum_of)
        return tn__no_memory(t->snapshot, err);
    int status = tn__sites_of_blocks(t, sum_of, err);
    memset(sum_of_node, 0xff, n_nodes * sizeof *sum_of_node);
    for (uint64_t i = 0; status == TN_OK && i < t->traces.n; i++)
        if (t->traces.kind[i] == TN_TRACE_OWN)
            sum_of_node[t->traces.node[i] - 1] = sum_of[i];
    tn__free(t->alloc, sum_of, t->traces.n * sizeof *sum_of);
    return status;
}

int tn__sites_retained(tn_sites *t, tn_error *err)
{
    tn_descent w = {0};
    size_t n = tn_snapshot_n_nodes(t->snapshot), n_sums = tn__sites_n(t);
    if (t->sampled)
        return tn__error_set(err, TN_EINVAL, 0,
                             "what sites retain needs a snapshot traced exactly: of most objects a "
                             "sampled one does not know who made them");
    TN_TRY(tn__dominators(t->snapshot, &w.d, err));
    TN_TRY(tn__dominated(t->snapshot, &w.below, err));
    uint32_t *sum_of = tn__alloc(t->alloc, n * sizeof *sum_of);
    w.active = tn__alloc_zero(t->alloc, n_sums * sizeof *w.active);
    w.at = tn__alloc(t->alloc, n * sizeof *w.at);
    w.way = tn__alloc(t->alloc, n * sizeof *w.way);
    w.sum_of = sum_of;
    int status = sum_of && w.active && w.at && w.way ? TN_OK : tn__no_memory(t->snapshot, err);
    if (status == TN_OK)
        status = place_nodes(t, sum_of, n, err);
    if (status == TN_OK)
        descend(t, &w);
    tn__free(t->alloc, sum_of, sum_of ? n * sizeof *sum_of : 0);
    tn__free(t->alloc, w.active, w.active ? n_sums * sizeof *w.active : 0);
    tn__free(t->alloc, w.at, w.at ? n * sizeof *w.at : 0);
    tn__free(t->alloc, w.way, w.way ? n * sizeof *w.way : 0);
    return status;
}
