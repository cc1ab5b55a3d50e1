/* chain.c - breadth first from an object, outwards or inwards, one object after another: the caller says when it has found
 * what it looked for, and gets the references that lead there.
 */
#include "analysis/paths.h"

#include <string.h>

struct tn_chain {
    tn_ways *ways;
    tn_shunned no;
    uint32_t from;
    bool inwards;
    uint32_t *previous; /* by node: the one before it; itself for from, TN_NONE for what was not reached */
    tn_buf queue;       /* u32 */
    tn_buf steps;       /* tn_reference */
    size_t at, given;   /* in queue: expanded, and given out, up to these */
};

int tn_chain_open(tn_snapshot *s, uint32_t from, bool inwards, const tn_path_options *o, tn_chain **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_ways *w;
    if (o)
        TN_TRY(tn__avoid_check(s, o->avoid, err));
    TN_TRY(tn__ways(s, &w, err));
    if (from >= w->graph.n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)from);
    if (inwards)
        TN_TRY(tn__ways_back(w, err));
    tn_chain *c = tn__alloc_zero(a, sizeof *c);
    size_t bytes = (size_t)w->graph.n_nodes * sizeof *c->previous;
    uint32_t *previous = tn__alloc(a, bytes);
    if (!c || !previous) {
        tn__free(a, c, sizeof *c);
        tn__free(a, previous, bytes);
        return tn__no_memory(s, err);
    }
    *c = (tn_chain){.ways = w, .from = from, .inwards = inwards, .previous = previous};
    if (o)
        c->no = (tn_shunned){o->avoid, o->avoid_kinds, from};
    memset(previous, 0xff, bytes);
    tn__buf_init(&c->queue, a);
    tn__buf_init(&c->steps, a);
    *out = c;
    return TN_OK;
}

void tn_chain_close(tn_chain *c)
{
    if (!c)
        return;
    const tn_alloc *a = tn__snapshot_alloc(c->ways->snapshot);
    tn__buf_free(&c->queue);
    tn__buf_free(&c->steps);
    tn__free(a, c->previous, (size_t)c->ways->graph.n_nodes * sizeof *c->previous);
    tn__free(a, c, sizeof *c);
}

static int reach(tn_chain *c, uint32_t node, uint32_t previous)
{
    if (c->previous[node] != TN_NONE || tn__shuns(&c->no, node))
        return TN_OK;
    TN_TRY(tn__buf_append(&c->queue, &node, sizeof node));
    c->previous[node] = previous;
    return TN_OK;
}

static int expand(tn_chain *c, uint32_t node)
{
    tn_ways *w = c->ways;
    const tn_graph *g = &w->graph;
    for (uint64_t e = g->offsets[node]; !c->inwards && e < g->offsets[node + 1]; e++)
        if (tn__edge_cost(w, &c->no, node, e) != TN_NO_WAY)
            TN_TRY(reach(c, g->targets[e], node));
    for (uint64_t i = c->inwards ? w->back.starts[node] : 1; i < (c->inwards ? w->back.starts[node + 1] : 0); i++)
        if (c->previous[w->back.sources[i]] == TN_NONE &&
            tn__step_cost(w, &c->no, w->back.sources[i], node) != TN_NO_WAY)
            TN_TRY(reach(c, w->back.sources[i], node));
    return TN_OK;
}

int tn_chain_next(tn_chain *c, uint32_t *node, tn_error *err)
{
    int status = c->given ? TN_OK : reach(c, c->from, c->from);
    while (status == TN_OK && c->given == c->queue.size / sizeof *node && c->at < c->given)
        status = expand(c, ((const uint32_t *)(const void *)c->queue.data)[c->at++]);
    if (status < 0)
        return tn__no_memory(c->ways->snapshot, err);
    if (c->given == c->queue.size / sizeof *node)
        return 0;
    *node = ((const uint32_t *)(const void *)c->queue.data)[c->given++];
    return 1;
}

int tn_chain_steps(tn_chain *c, uint32_t node, const tn_reference **steps, uint32_t *n, tn_error *err)
{
    tn_ways *w = c->ways;
    c->steps.size = 0;
    if (node >= w->graph.n_nodes || c->previous[node] == TN_NONE)
        return tn__error_set(err, TN_EINVAL, 0, "node %u has not been reached", (unsigned)node);
    for (uint32_t at = node; at != c->from; at = c->previous[at]) {
        tn_reference step;
        uint32_t source = c->inwards ? at : c->previous[at], target = c->inwards ? c->previous[at] : at;
        TN_TRY(tn__step_reference(w, source, target, &step, err));
        if (tn__buf_append(&c->steps, &step, sizeof step) < 0)
            return tn__no_memory(w->snapshot, err);
    }
    tn_reference *list = (tn_reference *)(void *)c->steps.data;
    *n = (uint32_t)(c->steps.size / sizeof *list);
    for (size_t i = 0, k = *n; !c->inwards && i + 1 < k; i++) {
        tn_reference step = list[i];
        list[i] = list[--k];
        list[k] = step;
    }
    *steps = list;
    return TN_OK;
}
