/* why.c - the path that holds an object, which reference of it would free the object, and what else holds it where none does.
 *
 * A reference frees an object when its target dominates the object and nothing else holds the target. So only dominators of
 * the object count, and what a cut frees grows along the path towards the root.
 */
#include "analysis/why.h"

#include <string.h>

/* ---- references to the object ---- */

static int count_references(tn_why *why, tn_error *err)
{
    const tn_graph *g = &why->top->graph;
    tn_backward back;
    tn_node node;
    TN_TRY(tn_node_get(why->top->snapshot, why->node, &node, err));
    TN_TRY(tn__graph_backward(why->top->snapshot, &back, err));
    why->refcount = node.refcount;
    uint32_t last = TN_NONE;
    for (uint64_t i = back.starts[why->node]; i < back.starts[why->node + 1]; i++) {
        uint32_t source = back.sources[i];
        if (source == last)
            continue;
        last = source;
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++) {
            if (g->targets[e] != why->node)
                continue;
            bool weak = tn__edge_kind(g, source, e) == TN_REF_WEAK;
            bool holding = tn__edge_holds(g, source, e);
            why->n_holding += holding;
            why->n_weak += weak;
            why->n_weak_entries += weak && tn__kind_of(why->top, source) & TN_KIND_WEAK_ENTRY;
            why->n_other += !weak && !holding;
        }
    }
    return TN_OK;
}

/* Whether the path may be another one than what keeps the node: tonnage's own objects, say, are its last resort. */
static bool is_doubtful(const tn_why *why)
{
    const tn_reference *first = why->trail.steps;
    bool doubtful = why->trail.n == 0 || (first->style == TN_LABEL_ROOT && first->target < why->top->graph.n_objects &&
                                          why->top->tree->holds[first->target] == TN_HOLD_UNREACHABLE);
    for (uint32_t i = 0; i < why->trail.n && !doubtful; i++)
        doubtful = why->trail.steps[i].kind == TN_REF_GUESSED;
    return doubtful;
}

/* What garbage dominates is garbage. What nothing but the root dominates is told by its path, or, in doubt, by a search. */
static int find_garbage(tn_why *why, tn_error *err)
{
    const tn_toplevel *t = why->top;
    tn_set *garbage;
    uint32_t top = why->node;
    while (top != t->graph.root && t->tree->idom[top] != t->graph.root)
        top = t->tree->idom[top];
    why->garbage = t->tree->holds[top] == TN_HOLD_UNREACHABLE;
    if (t->tree->holds[top] != TN_HOLD_REFERENCES || !is_doubtful(why))
        return TN_OK;
    TN_TRY(tn__all_garbage(t, &garbage, err));
    why->garbage = tn_set_has(garbage, why->node);
    tn_set_free(garbage);
    return TN_OK;
}

/* ---- one reference ---- */

/* Clearing a class, a function or its cache breaks the program: what hangs from them is cleared below them. */
static bool is_spared(const tn_why *why, uint32_t node)
{
    const uint32_t spared = TN_KIND_PROGRAM | TN_KIND_MODULE | TN_KIND_LRU_CACHE;
    uint32_t owner = tn__owner_of(why->top, node);
    return node != why->node && (tn__kind_of(why->top, node) | tn__kind_of(why->top, owner)) & spared;
}

bool tn__why_can_go(const tn_why *why, uint32_t node)
{
    return node < why->top->graph.n_objects && !tn__is_through(why->top, node) &&
           why->top->tree->holds[node] == TN_HOLD_REFERENCES && !is_spared(why, node);
}

static void mark_dominators(const tn_why *why, uint64_t *bits)
{
    for (uint32_t at = why->node; at != TN_NONE; at = why->top->tree->idom[at])
        bits[at / 64] |= 1ull << (at % 64);
}

/* Steps worth trying from either end: each takes a look at all that refers to its target. Of a path with more that free
 * nothing the middle is not looked at. */
enum { MAX_TRIES = 1000 };

static int try_cut(tn_why *why, const uint64_t *dominators, uint32_t step, unsigned *tries, tn_way *out, tn_error *err)
{
    const tn_reference *r = &why->trail.steps[step];
    *out = (tn_way){.reference = *r};
    why->spared |= tn__bit(dominators, r->target) && r->target < why->top->graph.n_objects && is_spared(why, r->target);
    if (!tn__bit(dominators, r->target) || tn__why_is_part(why, r->target) || !tn__why_can_go(why, r->target))
        return TN_OK;
    ++*tries;
    return tn_reference_cut(why->top->snapshot, r, &out->bytes, &out->count, err);
}

static int find_cuts(tn_why *why, const uint64_t *dominators, tn_error *err)
{
    unsigned tries = 0;
    for (uint32_t i = why->trail.n; i-- > 0 && !why->nearest && tries < MAX_TRIES;) {
        TN_TRY(try_cut(why, dominators, i, &tries, &why->near, err));
        why->nearest = why->near.bytes || why->near.count ? i + 1 : 0;
    }
    uint32_t last = why->nearest ? why->nearest : why->trail.n;
    tries = 0;
    for (uint32_t i = 0; i < last && !why->widest; i++) {
        i = tries < MAX_TRIES ? i : last - 1;
        TN_TRY(try_cut(why, dominators, i, &tries, &why->wide, err));
        why->widest = why->wide.bytes || why->wide.count ? i + 1 : 0;
    }
    if (!why->nearest) {
        why->nearest = why->widest;
        why->near = why->wide;
    }
    return TN_OK;
}

/* ---- several references ---- */

/* The dominator that the fewest references hold, the lowest among equals. */
static int find_held(tn_why *why, const tn_set *garbage, tn_error *err)
{
    enum { FAR = 64 };
    const tn_toplevel *t = why->top;
    tn_buf sources;
    int status = TN_OK;
    tn__buf_init(&sources, t->alloc);
    uint32_t at = why->node;
    for (int i = 0; i < FAR && at != TN_NONE && tn__why_can_go(why, at) && status == TN_OK;
         i++, at = t->tree->idom[at]) {
        if (tn__why_is_part(why, at))
            continue;
        size_t limit = why->held == TN_NONE ? 1u << 20 : (size_t)why->n_ways;
        sources.size = 0;
        status = tn__outside_holders(t->snapshot, at, garbage, limit, &sources, err);
        uint64_t n = sources.size / sizeof(uint32_t);
        if (n && (why->held == TN_NONE || n < why->n_ways)) {
            why->held = at;
            why->n_ways = n;
        }
    }
    tn__buf_free(&sources);
    return status;
}

/* The reference number skip of source that holds the target. */
static int find_reference(const tn_why *why, uint32_t source, uint32_t skip, tn_reference *out, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(why->top->snapshot, source, &iter, err));
    while (tn_reference_next(&iter, &r)) {
        bool holds = tn__kind_holds(r.kind, source >= why->top->graph.n_objects);
        if (r.target == why->held && holds && skip-- == 0) {
            *out = r;
            return TN_OK;
        }
    }
    return tn__error_set(err, TN_ECORRUPT, 0, "a reference to node %u is lost", (unsigned)why->held);
}

static int tell_ways(tn_why *why, const tn_set *around, const uint32_t *sources, uint32_t n, tn_error *err)
{
    uint32_t skip = 0;
    for (uint32_t i = 0; i < n; i++) {
        tn_way *way = &why->ways[i];
        skip = i > 0 && sources[i] == sources[i - 1] ? skip + 1 : 0;
        TN_TRY(find_reference(why, sources[i], skip, &way->reference, err));
        if (sources[i] != why->top->graph.root)
            TN_TRY(tn__trail_make(why->top, sources[i], around, &way->trail, err));
        why->n_told++;
    }
    return TN_OK;
}

/* References from garbage, which a collection takes away. */
static int count_garbage_ways(tn_why *why, tn_error *err)
{
    tn_buf all;
    tn__buf_init(&all, why->top->alloc);
    int status = tn__outside_holders(why->top->snapshot, why->held, NULL, 1u << 20, &all, err);
    why->garbage_ways = status == TN_OK ? all.size / sizeof(uint32_t) - why->n_ways : 0;
    tn__buf_free(&all);
    return status;
}

static int find_living_ways(tn_why *why, const tn_set *garbage, tn_error *err)
{
    tn_set *around = NULL;
    tn_buf sources;
    TN_TRY(find_held(why, garbage, err));
    if (why->held == TN_NONE)
        return TN_OK;
    if (tn_set_count(garbage))
        TN_TRY(count_garbage_ways(why, err));
    tn__buf_init(&sources, why->top->alloc);
    int status = tn__outside_holders(why->top->snapshot, why->held, garbage, why->most, &sources, err);
    if (status == TN_OK)
        status = tn_set_new(why->top->snapshot, &around, err);
    if (status == TN_OK)
        status = tn_set_add(around, why->held);
    uint32_t n = (uint32_t)(sources.size / sizeof(uint32_t));
    why->most = n < why->most ? n : why->most;
    why->ways = status == TN_OK ? tn__alloc_zero(why->top->alloc, why->most * sizeof *why->ways) : NULL;
    if (status == TN_OK && !why->ways)
        status = tn__no_memory(why->top->snapshot, err);
    if (status == TN_OK)
        status = tell_ways(why, around, (const uint32_t *)(const void *)sources.data, why->most, err);
    tn_set_free(around);
    tn__buf_free(&sources);
    return status;
}

static int find_ways(tn_why *why, tn_error *err)
{
    tn_set *garbage;
    TN_TRY(tn__all_garbage(why->top, &garbage, err));
    int status = find_living_ways(why, garbage, err);
    tn_set_free(garbage);
    return status;
}

/* ---- an object ---- */

int tn__why_look_at(tn_why *why, tn_error *err)
{
    const tn_toplevel *t = why->top;
    why->hold = (enum tn_hold)t->tree->holds[why->node];
    TN_TRY(count_references(why, err));
    TN_TRY(tn__trail_make(t, why->node, NULL, &why->trail, err));
    TN_TRY(find_garbage(why, err));
    if (why->garbage || !tn__why_can_go(why, why->node))
        return TN_OK;
    size_t bytes = ((size_t)t->graph.n_nodes + 63) / 64 * sizeof(uint64_t);
    uint64_t *dominators = tn__alloc_zero(t->alloc, bytes);
    if (!dominators)
        return tn__no_memory(t->snapshot, err);
    mark_dominators(why, dominators);
    int status = find_cuts(why, dominators, err);
    tn__free(t->alloc, dominators, bytes);
    TN_TRY(status);
    return why->nearest ? TN_OK : find_ways(why, err);
}

static int look_at(tn_why *why, const tn_set *set, tn_error *err)
{
    if (tn_set_count(set) > 1)
        return tn__why_look_at_set(why, set, err);
    why->node = tn_set_next(set, 0);
    why->count = 1;
    why->retained_bytes = why->top->tree->retained[why->node];
    why->retained_count = why->top->tree->counts[why->node];
    return tn__why_look_at(why, err);
}

int tn__why_set(const tn_toplevel *t, const tn_set *set, uint32_t limit, tn_why *out, tn_error *err)
{
    tn_why why = {.top = t, .node = TN_NONE, .held = TN_NONE, .whole = TN_NONE};
    why.most = limit && limit < TN_MAX_WAYS ? limit : TN_MAX_WAYS;
    int status = look_at(&why, set, err);
    if (status < 0)
        tn__why_free(&why);
    else
        *out = why;
    return status;
}

void tn__why_free(tn_why *why)
{
    tn__trail_free(&why->trail);
    for (uint32_t i = 0; i < why->most && why->ways; i++)
        tn__trail_free(&why->ways[i].trail);
    if (why->ways)
        tn__free(why->top->alloc, why->ways, why->most * sizeof *why->ways);
    tn__why_free_holders(why);
}
