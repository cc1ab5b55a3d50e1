/* spur.c - the cheapest path that leaves a known one at a given node (A* backward, one such search a deviation of Yen's
 * algorithm).
 *
 * The guide is the distance from the root when nothing is blocked: never too high, and exact unless a blocked node is in the
 * way, so mostly the search goes straight to the root. Each node is settled once: at worst O(nodes + references).
 */
#include "analysis/paths.h"

#include "base/heap.h"

#include <string.h>

typedef struct tn_spur_node {
    uint64_t cost;   /* to where that search began */
    uint32_t seen;   /* the search that has reached it */
    uint32_t next;   /* the node after it on the way there */
    uint32_t shut;   /* the clear since which it is blocked */
    uint32_t banned; /* the unban since which it is banned */
} tn_spur_node;

typedef struct tn_open_node {
    uint64_t total, cost;
    uint32_t node;
} tn_open_node;

struct tn_spur {
    tn_ways *ways;
    const tn_shunned *no;
    const tn_distances *distances;
    tn_spur_node *nodes;
    uint32_t search, clear, unban; /* each grows at most with the vertices of paths.c, which are bounded */
    tn_buf heap;                   /* tn_open_node, the least first */
};

int tn__spur_new(tn_ways *w, const tn_shunned *no, const tn_distances *d, tn_spur **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(w->snapshot);
    TN_TRY(tn__ways_back(w, err));
    TN_TRY(tn__ways_holds(w, err));
    tn_spur *spur = tn__alloc_zero(a, sizeof *spur);
    tn_spur_node *nodes = tn__alloc_zero(a, w->graph.n_nodes * sizeof *nodes);
    if (!spur || !nodes) {
        tn__free(a, spur, sizeof *spur);
        tn__free(a, nodes, w->graph.n_nodes * sizeof *nodes);
        return tn__no_memory(w->snapshot, err);
    }
    *spur = (tn_spur){.ways = w, .no = no, .distances = d, .nodes = nodes, .clear = 1, .unban = 1};
    tn__buf_init(&spur->heap, a);
    *out = spur;
    return TN_OK;
}

void tn__spur_free(tn_spur *spur)
{
    if (!spur)
        return;
    const tn_alloc *a = tn__snapshot_alloc(spur->ways->snapshot);
    tn__buf_free(&spur->heap);
    tn__free(a, spur->nodes, spur->ways->graph.n_nodes * sizeof *spur->nodes);
    tn__free(a, spur, sizeof *spur);
}

void tn__spur_clear(tn_spur *spur)
{
    spur->clear++;
}

void tn__spur_block(tn_spur *spur, uint32_t node)
{
    spur->nodes[node].shut = spur->clear;
}

void tn__spur_unban(tn_spur *spur)
{
    spur->unban++;
}

void tn__spur_ban(tn_spur *spur, uint32_t node)
{
    spur->nodes[node].banned = spur->unban;
}

static bool is_shut(const tn_spur *spur, uint32_t node, bool first)
{
    const tn_spur_node *s = &spur->nodes[node];
    return s->shut == spur->clear || (first && s->banned == spur->unban);
}

/* Cost of the step from source to node where it may be taken. */
static uint64_t step(const tn_spur *spur, uint32_t source, uint32_t node, bool first)
{
    if (is_shut(spur, source, first) || spur->distances->cost[source] == TN_NO_WAY ||
        !tn__may_enter(spur->ways, spur->no, source, node))
        return TN_NO_WAY;
    return tn__step_cost(spur->ways, spur->no, source, node);
}

/* The same for the root as holder of what nothing that was found holds. */
static uint64_t held(const tn_spur *spur, uint32_t node, bool first)
{
    uint32_t root = spur->ways->graph.root;
    if (tn__is_origin(spur->ways, node) && !tn__may_enter(spur->ways, spur->no, TN_NONE, node))
        return TN_NO_WAY;
    return is_shut(spur, root, first) ? TN_NO_WAY : tn__held_cost(spur->ways, spur->no, node);
}

uint64_t tn__spur_bound(tn_spur *spur, uint32_t node)
{
    const tn_backward *back = &spur->ways->back;
    uint64_t best = held(spur, node, true);
    uint32_t before = TN_NONE;
    for (uint64_t i = back->starts[node]; i < back->starts[node + 1]; i++) {
        uint32_t source = back->sources[i];
        if (source == before)
            continue;
        before = source;
        uint64_t cost = step(spur, source, node, true);
        uint64_t total = cost == TN_NO_WAY ? cost : tn__cost_sum(cost, spur->distances->cost[source]);
        best = total < best ? total : best;
    }
    return best;
}

static bool better(const void *left, const void *right)
{
    const tn_open_node *a = left, *b = right;
    if (a->total != b->total)
        return a->total < b->total;
    return a->cost != b->cost ? a->cost > b->cost : a->node < b->node; /* nearer to the root first */
}

static int reach(tn_spur *spur, uint32_t source, uint32_t node, uint64_t step_cost)
{
    tn_spur_node *s = &spur->nodes[source];
    if (step_cost == TN_NO_WAY)
        return TN_OK;
    uint64_t cost = tn__cost_sum(spur->nodes[node].cost, step_cost);
    if (s->seen == spur->search && s->cost <= cost)
        return TN_OK;
    s->seen = spur->search;
    s->cost = cost;
    s->next = node;
    tn_open_node open = {tn__cost_sum(cost, spur->distances->cost[source]), cost, source};
    return tn__heap_push(&spur->heap, &open, sizeof open, better);
}

static int expand(tn_spur *spur, uint32_t node, bool first)
{
    const tn_backward *back = &spur->ways->back;
    uint32_t before = TN_NONE;
    TN_TRY(reach(spur, spur->ways->graph.root, node, held(spur, node, first)));
    for (uint64_t i = back->starts[node]; i < back->starts[node + 1]; i++) {
        uint32_t source = back->sources[i];
        if (source != before)
            TN_TRY(reach(spur, source, node, step(spur, source, node, first)));
        before = source;
    }
    return TN_OK;
}

/* From the root along next to where the search began, which is left out. */
static int collect(const tn_spur *spur, uint32_t began, tn_buf *path)
{
    size_t start = path->size;
    for (uint32_t node = spur->ways->graph.root; node != began; node = spur->nodes[node].next)
        TN_TRY(tn__buf_append(path, &node, sizeof node));
    tn__path_reverse(path, start);
    return 1;
}

int tn__spur_search(tn_spur *spur, uint32_t node, tn_buf *path, uint64_t *cost, tn_error *err)
{
    uint32_t root = spur->ways->graph.root;
    spur->search++;
    spur->heap.size = 0;
    spur->nodes[node].seen = spur->search;
    spur->nodes[node].cost = 0;
    int status = expand(spur, node, true);
    while (status == TN_OK && spur->heap.size) {
        tn_open_node open;
        tn__heap_pop(&spur->heap, &open, sizeof open, better);
        if (open.cost != spur->nodes[open.node].cost)
            continue; /* reached more cheaply since */
        if (open.node != root) {
            status = expand(spur, open.node, false);
            continue;
        }
        *cost = open.cost;
        status = collect(spur, node, path);
    }
    return status == TN_ENOMEM ? tn__no_memory(spur->ways->snapshot, err) : status;
}
