/* referrers.c - backward edges: for each node, who refers to it.
 *
 *   starts:  n_nodes + 1 offsets        sources: one node a reference, ascending within a target
 *
 * Counting sort over the forward edges: count, sum, place. While placing, starts[t + 1] is the next free place of t; it
 * ends as the start of t + 1, so no third array is needed.
 */
#include "graph/graph.h"

typedef struct tn_reversed {
    uint64_t n_starts, n_sources;
    uint64_t *starts;
    uint32_t *sources;
} tn_reversed;

static void destroy(tn_snapshot *s, void *p)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_reversed *b = p;
    if (!b)
        return;
    tn__free(a, b->starts, b->n_starts * sizeof *b->starts);
    tn__free(a, b->sources, b->n_sources * sizeof *b->sources);
    tn__free(a, b, sizeof *b);
}

static void fill(tn_reversed *b, const tn_csr *forward, uint32_t n_nodes)
{
    uint64_t *next = b->starts + 1, sum = 0;
    for (uint32_t t = 0; t < n_nodes; t++) { /* counts stand in next; turn them into starts */
        uint64_t count = next[t];
        next[t] = sum;
        sum += count;
    }
    for (uint32_t source = 0; source < n_nodes; source++)
        for (uint64_t e = forward->offsets[source]; e < forward->offsets[source + 1]; e++)
            if (forward->targets[e] != TN_NONE)
                b->sources[next[forward->targets[e]]++] = source;
}

static int build(tn_snapshot *s, void **slot, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_csr forward;
    TN_TRY(tn__snapshot_references(s, &forward, err));
    uint32_t n_nodes = tn_snapshot_n_nodes(s);
    tn_reversed *b = tn__alloc_zero(a, sizeof *b);
    if (!b)
        return tn__no_memory(s, err);
    b->n_starts = (uint64_t)n_nodes + 1;
    b->starts = tn__alloc_zero(a, b->n_starts * sizeof *b->starts);
    for (uint64_t e = 0; b->starts && e < forward.offsets[n_nodes]; e++) {
        if (forward.targets[e] != TN_NONE) {
            b->starts[(uint64_t)forward.targets[e] + 1]++;
            b->n_sources++;
        }
    }
    b->sources = tn__alloc(a, b->n_sources * sizeof *b->sources);
    if (!b->starts || !b->sources) {
        destroy(s, b);
        return tn__no_memory(s, err);
    }
    fill(b, &forward, n_nodes);
    *slot = b;
    return TN_OK;
}

int tn__graph_backward(tn_snapshot *s, tn_backward *out, tn_error *err)
{
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_REFERRERS, destroy);
    if (!*slot)
        TN_TRY(build(s, slot, err));
    const tn_reversed *b = *slot;
    *out = (tn_backward){b->starts, b->sources};
    return TN_OK;
}

int tn_referrers(tn_snapshot *s, uint32_t id, const uint32_t **nodes, uint32_t *n, tn_error *err)
{
    tn_backward b;
    if (id >= tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)id);
    TN_TRY(tn__graph_backward(s, &b, err));
    uint64_t count = b.starts[id + 1] - b.starts[id];
    if (count > UINT32_MAX)
        return tn__error_set(err, TN_ELIMIT, 0, "node %u has more than 2^32 referrers", (unsigned)id);
    *nodes = b.sources + b.starts[id];
    *n = (uint32_t)count;
    return TN_OK;
}
