/* distance.c - the tree of shortest paths from the root to everything, breadth first.
 *
 * A queue of nodes in order of cost is the result's `order`. References of cost 1 lead from one level to the next; the few
 * that cost more wait in a heap until the queue has come to their cost. What is held by nothing that was found comes in order
 * of its id, when the queue has come to that rank.
 */
#include "analysis/paths.h"

#include "analysis/dominators.h"
#include "base/heap.h"

#include <string.h>

typedef struct tn_late {
    uint64_t cost;
    uint32_t source, target;
    uint32_t serial; /* first come, first served */
} tn_late;

typedef struct tn_search {
    tn_ways *ways;
    const tn_shunned *no;
    tn_distances *d;
    tn_buf heap; /* tn_late, the least first */
    uint32_t serial;
    uint32_t rank; /* of what is held by nothing that was found: the next to come; past TN_RANK_UNREACHABLE: done */
} tn_search;

static bool before(const void *left, const void *right)
{
    const tn_late *a = left, *b = right;
    return a->cost != b->cost ? a->cost < b->cost : a->serial < b->serial;
}

static int wait_for(tn_search *q, uint64_t cost, uint32_t source, uint32_t target)
{
    tn_late late = {cost, source, target, q->serial++};
    return tn__heap_push(&q->heap, &late, sizeof late, before);
}

static void settle(tn_search *q, uint32_t node, uint32_t parent, uint64_t cost)
{
    tn_distances *d = q->d;
    if (d->cost[node] != TN_NO_WAY || tn__shuns(q->no, node))
        return;
    d->cost[node] = cost;
    d->parent[node] = parent;
    d->order[d->n_reached++] = node;
}

static int expand(tn_search *q, uint32_t source)
{
    const tn_ways *w = q->ways;
    const tn_graph *g = &w->graph;
    uint64_t from = q->d->cost[source], next = tn__cost_sum(from, 1);
    bool plain = source < g->n_objects && tn__node_holding(g, source) == TN_HOLDS_ALL && !tn__is_own(w, source);
    for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++) {
        uint32_t target = g->targets[e];
        if (target == TN_NONE || q->d->cost[target] != TN_NO_WAY)
            continue;
        uint64_t cost = plain ? 1 : tn__edge_cost(w, q->no, source, e);
        if (cost == 1)
            settle(q, target, source, next);
        else if (cost != TN_NO_WAY)
            TN_TRY(wait_for(q, tn__cost_sum(from, cost), source, target));
    }
    return TN_OK;
}

/* Origins at no cost are the first level; the others come later. */
static int begin(tn_search *q)
{
    for (uint32_t i = 0; i < q->ways->n_origins; i++) {
        const tn_origin *origin = tn__origin(q->ways, i);
        if (i > 0 && q->d->cost[origin->parent] == TN_NO_WAY)
            continue;
        if (origin->cost == 0)
            settle(q, origin->node, origin->parent, 0);
        else
            TN_TRY(wait_for(q, origin->cost, origin->parent, origin->node));
    }
    return TN_OK;
}

/* Cost at which the next objects come that nothing seems to hold; TN_NO_WAY when all have come. */
static uint64_t held_cost(const tn_search *q)
{
    bool done = q->rank > TN_RANK_UNREACHABLE || (q->no->kinds & TN_AVOID_HELD);
    return done || q->d->n_reached == q->d->n_nodes ? TN_NO_WAY : 1 + q->rank * TN_FAR;
}

/* Told by the tree that avoids nothing; by dominators, if they are known. */
static int find_garbage(const tn_search *q, tn_error *err)
{
    const tn_distances *unused;
    if (tn__dominators_known(q->ways->snapshot))
        return TN_OK;
    if (q->no->nodes || q->no->kinds)
        return tn__distances(q->ways->snapshot, &unused, err);
    return tn__garbage(q->ways, q->d, err);
}

static int settle_held(tn_search *q, tn_error *err)
{
    tn_ways *w = q->ways;
    uint64_t cost = held_cost(q);
    TN_TRY(tn__ways_holds(w, err));
    if (q->rank == TN_RANK_UNREACHABLE)
        TN_TRY(find_garbage(q, err));
    for (uint32_t node = 0; node < w->graph.n_objects; node++)
        if (q->d->cost[node] == TN_NO_WAY && tn__held_cost(w, q->no, node) == cost)
            settle(q, node, w->graph.root, cost);
    q->rank++;
    return TN_OK;
}

static int run(tn_search *q, tn_error *err)
{
    TN_TRY(begin(q));
    uint64_t cost = 0;
    for (uint32_t at = 0;;) {
        for (uint32_t end = q->d->n_reached; at < end; at++)
            TN_TRY(expand(q, q->d->order[at]));
        uint64_t next = q->d->n_reached > at ? tn__cost_sum(cost, 1) : TN_NO_WAY, held = held_cost(q);
        const tn_late *first = (const tn_late *)(const void *)q->heap.data;
        if (q->heap.size && first->cost < next)
            next = first->cost;
        cost = held < next ? held : next;
        if (cost == TN_NO_WAY)
            return TN_OK;
        while (q->heap.size && first->cost <= cost) {
            tn_late late;
            tn__heap_pop(&q->heap, &late, sizeof late, before);
            settle(q, late.target, late.source, cost);
        }
        if (held == cost)
            TN_TRY(settle_held(q, err));
    }
}

void tn__distances_free(tn_distances *d)
{
    size_t n = d->n_nodes;
    tn__free(d->alloc, d->parent, n * sizeof *d->parent);
    tn__free(d->alloc, d->cost, n * sizeof *d->cost);
    tn__free(d->alloc, d->order, n * sizeof *d->order);
    *d = (tn_distances){0};
}

int tn__distances_without(tn_ways *w, const tn_shunned *no, tn_distances *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(w->snapshot);
    size_t n = w->graph.n_nodes;
    tn_distances d = {.alloc = a, .n_nodes = w->graph.n_nodes};
    tn_search q = {.ways = w, .no = no, .d = &d, .rank = TN_RANK_HELD};
    d.parent = tn__alloc(a, n * sizeof *d.parent);
    d.cost = tn__alloc(a, n * sizeof *d.cost);
    d.order = tn__alloc(a, n * sizeof *d.order);
    tn__buf_init(&q.heap, a);
    int status = d.parent && d.cost && d.order ? TN_OK : TN_ENOMEM;
    if (status == TN_OK) {
        memset(d.parent, 0xff, n * sizeof *d.parent);
        memset(d.cost, 0xff, n * sizeof *d.cost);
        status = run(&q, err);
    }
    tn__buf_free(&q.heap);
    if (status < 0)
        tn__distances_free(&d);
    else
        *out = d;
    return status == TN_ENOMEM ? tn__no_memory(w->snapshot, err) : status;
}

static void destroy(tn_snapshot *s, void *p)
{
    if (p)
        tn__distances_free(p);
    tn__free(tn__snapshot_alloc(s), p, sizeof(tn_distances));
}

int tn__distances(tn_snapshot *s, const tn_distances **out, tn_error *err)
{
    static const tn_shunned nothing = {0};
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_DISTANCES, destroy);
    if (!*slot) {
        tn_ways *w;
        TN_TRY(tn__ways(s, &w, err));
        tn_distances *d = tn__alloc(tn__snapshot_alloc(s), sizeof *d);
        int status = d ? tn__distances_without(w, &nothing, d, err) : tn__no_memory(s, err);
        if (status < 0) {
            tn__free(tn__snapshot_alloc(s), d, sizeof *d);
            return status;
        }
        *slot = d;
    }
    *out = *slot;
    return TN_OK;
}
