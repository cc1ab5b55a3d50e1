/* flood.c - labels that spread over references until two of them meet.
 *
 * A node goes from no label to one, from that to "shared" and from there to "outside", never back: it is visited three
 * times at most, and the result is the same in whatever order. It is dominance in the graph in which every source hangs
 * from the root: there the sources of one label together dominate what bears it, and all but those outside what is shared.
 */
#include "analysis/partition.h"

#include <string.h>

/* Nodes from which something is held: others need no visit. */
static void find_holders(tn_flood *f)
{
    const tn_graph *g = &f->graph;
    for (uint32_t node = 0; node < g->n_nodes; node++)
        if (g->offsets[node] < g->offsets[node + 1] && tn__node_holding(g, node) != TN_HOLDS_NONE)
            tn__set_add(f->holders, node);
}

int tn__flood_open(tn_snapshot *s, tn_flood *out, tn_error *err)
{
    tn_flood f = {.alloc = tn__snapshot_alloc(s)};
    TN_TRY(tn__graph(s, &f.graph, err));
    tn__buf_init(&f.stack, f.alloc);
    f.labels = tn__alloc(f.alloc, f.graph.n_nodes * sizeof *f.labels);
    int status = f.labels ? tn__set_new(f.alloc, f.graph.n_nodes, &f.sources, err)
                          : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (status == TN_OK)
        status = tn__set_new(f.alloc, f.graph.n_nodes, &f.holders, err);
    if (status < 0) {
        tn__flood_close(&f);
        return status;
    }
    memset(f.labels, 0xff, f.graph.n_nodes * sizeof *f.labels);
    find_holders(&f);
    *out = f;
    return TN_OK;
}

void tn__flood_close(tn_flood *f)
{
    tn__free(f->alloc, f->labels, f->graph.n_nodes * sizeof *f->labels);
    tn_set_free(f->sources);
    tn_set_free(f->holders);
    tn__buf_free(&f->stack);
}

static int push(tn_flood *f, uint32_t node, tn_error *err)
{
    if (tn__set_test(f->holders, node) && tn__buf_append(&f->stack, &node, sizeof node) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    return TN_OK;
}

int tn__flood_source(tn_flood *f, uint32_t node, uint32_t label, tn_error *err)
{
    if (tn__set_test(f->sources, node))
        return TN_OK;
    tn__set_add(f->sources, node);
    f->labels[node] = label;
    return push(f, node, err);
}

int tn__flood_reach(tn_flood *f, uint32_t node, uint32_t label, tn_error *err)
{
    uint32_t now = f->labels[node];
    uint32_t both = now == TN_NONE || label == TN_FLOOD_OUTSIDE ? label : TN_FLOOD_SHARED;
    if (now == label || now == both || now == TN_FLOOD_OUTSIDE || tn__set_test(f->sources, node))
        return TN_OK;
    f->labels[node] = both;
    return push(f, node, err);
}

static int visit(tn_flood *f, uint32_t node, tn_error *err)
{
    const tn_graph *g = &f->graph;
    uint64_t first = g->offsets[node], end = g->offsets[node + 1];
    uint32_t label = f->labels[node];
    for (uint64_t e = first; e < end && e < first + 16; e++)
        if (g->targets[e] != TN_NONE)
            __builtin_prefetch(&f->labels[g->targets[e]], 1);
    for (uint64_t e = first; e < end; e++)
        if (tn__edge_holds(g, node, e))
            TN_TRY(tn__flood_reach(f, g->targets[e], label, err));
    return TN_OK;
}

/* The order of visits does not matter: those that come next wait in a ring while what they need comes from memory. */
int tn__flood_run(tn_flood *f, tn_error *err)
{
    enum { RING = 16 };
    const tn_graph *g = &f->graph;
    uint32_t ring[RING];
    unsigned first = 0, n = 0;
    while (n || f->stack.size) {
        for (; n < RING && f->stack.size; n++) {
            uint32_t *node = &ring[(first + n) % RING];
            f->stack.size -= sizeof *node;
            memcpy(node, f->stack.data + f->stack.size, sizeof *node);
            __builtin_prefetch(&g->offsets[*node]);
            __builtin_prefetch(&g->shapes[*node]);
        }
        __builtin_prefetch(&g->targets[g->offsets[ring[(first + n / 2) % RING]]]);
        TN_TRY(visit(f, ring[first], err));
        first = (first + 1) % RING;
        n--;
    }
    return TN_OK;
}
