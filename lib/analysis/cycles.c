/* cycles.c - a short cycle of a component: breadth first from one member after the other, in order of address.
 *
 * A search goes no deeper than what is known makes sense, and not to members whose search is done: a shorter cycle through one
 * of these would have been found. When the passes over the component are used up, what is known is said to be maybe not the
 * shortest. What is spent is counted in references, so that the same file gives the same answer everywhere.
 */
#include "analysis/components.h"

#include "analysis/paths.h"

#include <string.h>

enum { PASSES = 8, MUCH = 50000, LEAST_EFFORT = 2000 };

void tn__cycles_init(tn_components *c)
{
    tn__buf_init(&c->queue, c->alloc);
    tn__buf_init(&c->cycle, c->alloc);
    tn__buf_init(&c->steps, c->alloc);
    tn__buf_init(&c->inside, c->alloc);
}

void tn__cycles_free(tn_components *c)
{
    tn__buf_free(&c->queue);
    tn__buf_free(&c->cycle);
    tn__buf_free(&c->steps);
    tn__buf_free(&c->inside);
    tn__free(c->alloc, c->stamps, c->graph.n_nodes * sizeof *c->stamps);
    tn__free(c->alloc, c->from, c->graph.n_nodes * sizeof *c->from);
}

typedef struct tn_girth {
    tn_components *components;
    uint32_t index;  /* of the component */
    uint32_t length; /* of the cycle that is known; 0: none yet */
    uint64_t effort; /* references that may still be looked at */
} tn_girth;

static bool holds_inside(const tn_components *c, uint32_t index, uint32_t node, uint64_t edge)
{
    uint32_t to = c->graph.targets[edge];
    return to != TN_NONE && tn__in_component(c, index, to) && tn__edge_holds(&c->graph, node, edge);
}

/* Backward from the node that closes it to the start, whose node before it is itself; then turned round. */
static int keep_cycle(tn_girth *g, uint32_t last)
{
    tn_components *c = g->components;
    uint32_t node = last;
    c->cycle.size = 0;
    TN_TRY(tn__buf_append(&c->cycle, &node, sizeof node));
    for (; c->from[node] != node; node = c->from[node])
        TN_TRY(tn__buf_append(&c->cycle, &c->from[node], sizeof node));
    tn__path_reverse(&c->cycle, 0);
    g->length = (uint32_t)(c->cycle.size / sizeof node);
    return TN_OK;
}

static int come_to(tn_components *c, uint32_t node, uint32_t from)
{
    c->stamps[node] = c->stamp;
    c->from[node] = from;
    return tn__buf_append(&c->queue, &node, sizeof node);
}

/* 1: a cycle has been found; 0: no reference of the node closes one. */
static int expand(tn_girth *g, uint32_t node, uint32_t start)
{
    tn_components *c = g->components;
    const tn_graph *graph = &c->graph;
    uint64_t first = graph->offsets[node], end = graph->offsets[node + 1];
    g->effort -= end - first < g->effort ? end - first : g->effort;
    for (uint64_t e = first; e < end; e++) {
        uint32_t to = graph->targets[e];
        bool known = to == TN_NONE || to < start || (to != start && c->stamps[to] == c->stamp);
        if (known || !holds_inside(c, g->index, node, e))
            continue;
        if (to == start) {
            TN_TRY(keep_cycle(g, node));
            return 1;
        }
        TN_TRY(come_to(c, to, node));
    }
    return 0;
}

/* 1: through with it; 0: the effort is used up. */
static int search(tn_girth *g, uint32_t start)
{
    tn_components *c = g->components;
    size_t at = 0;
    uint32_t depth = 1, left = 1; /* objects of a cycle that is closed from here; nodes of this depth */
    c->queue.size = 0;
    c->stamp++;
    TN_TRY(come_to(c, start, start));
    while (at < c->queue.size / sizeof start && (!g->length || depth < g->length)) {
        if (g->effort == 0 && g->length)
            return 0;
        int found = expand(g, ((const uint32_t *)(const void *)c->queue.data)[at++], start);
        if (found)
            return found;
        if (--left == 0) {
            depth++;
            left = (uint32_t)(c->queue.size / sizeof start - at);
        }
    }
    return 1;
}

/* A large component gets no more than one of MUCH references: for a pass over it many small ones are searched. */
static uint64_t effort_for(const tn_components *c, uint32_t index)
{
    const uint32_t *members = tn__component_members(c, index);
    uint64_t references = 0;
    for (uint32_t i = 0; i < c->rows[index].count && references < MUCH; i++)
        references += c->graph.offsets[members[i] + 1] - c->graph.offsets[members[i]];
    return PASSES * (references < MUCH ? references : MUCH) + LEAST_EFFORT;
}

static int allocate(tn_components *c, tn_error *err)
{
    size_t bytes = c->graph.n_nodes * sizeof *c->stamps;
    if (!c->stamps)
        c->stamps = tn__alloc_zero(c->alloc, bytes);
    if (!c->from)
        c->from = tn__alloc_zero(c->alloc, bytes);
    return c->stamps && c->from ? TN_OK : tn__no_memory(c->snapshot, err);
}

int tn__cycle_find(tn_components *c, uint32_t index, bool *shortest, tn_error *err)
{
    const tn_component_row *row = &c->rows[index];
    const uint32_t *members = tn__component_members(c, index);
    tn_girth g = {.components = c, .index = index, .effort = effort_for(c, index)};
    int done = 1;
    TN_TRY(allocate(c, err));
    c->cycle.size = 0;
    if (row->loop != TN_NONE)
        done = tn__buf_append(&c->cycle, &row->loop, sizeof row->loop) < 0 ? TN_ENOMEM : 1;
    for (uint32_t i = 0; row->loop == TN_NONE && i < row->count && done > 0 && g.length != 2; i++) {
        done = search(&g, members[i]);
        if (i == 0 && g.length == row->count && tn__component_edges(c, index) == row->count)
            break; /* a ring: there is no other cycle */
    }
    if (done < 0)
        return tn__no_memory(c->snapshot, err);
    *shortest = done;
    return TN_OK;
}

int tn_components_cycle(tn_components *c, uint32_t index, const tn_reference **steps, uint32_t *n, bool *shortest,
                        tn_error *err)
{
    tn_ways *w;
    bool exact;
    TN_TRY(tn__component_check(c, index, err));
    TN_TRY(tn__ways(c->snapshot, &w, err));
    TN_TRY(tn__cycle_find(c, index, &exact, err));
    const uint32_t *nodes = (const uint32_t *)(const void *)c->cycle.data;
    uint32_t length = (uint32_t)(c->cycle.size / sizeof *nodes);
    c->steps.size = 0;
    for (uint32_t i = 0; i < length; i++) {
        tn_reference step;
        TN_TRY(tn__step_reference(w, nodes[i], nodes[(i + 1) % length], &step, err));
        if (tn__buf_append(&c->steps, &step, sizeof step) < 0)
            return tn__no_memory(c->snapshot, err);
    }
    *steps = (const tn_reference *)(const void *)c->steps.data;
    *n = length;
    if (shortest)
        *shortest = exact;
    return TN_OK;
}

int tn_components_references(tn_components *c, uint32_t index, const tn_reference **references, uint64_t *n,
                             tn_error *err)
{
    TN_TRY(tn__component_check(c, index, err));
    const uint32_t *members = tn__component_members(c, index);
    c->inside.size = 0;
    for (uint32_t i = 0; i < c->rows[index].count; i++) {
        tn_reference_iter iter;
        tn_reference r;
        TN_TRY(tn_references(c->snapshot, members[i], &iter, err));
        while (tn_reference_next(&iter, &r))
            if (tn__kind_holds(r.kind, false) && tn__in_component(c, index, r.target) &&
                tn__buf_append(&c->inside, &r, sizeof r) < 0)
                return tn__no_memory(c->snapshot, err);
    }
    *references = (const tn_reference *)(const void *)c->inside.data;
    *n = c->inside.size / sizeof **references;
    return TN_OK;
}
