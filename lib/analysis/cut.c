/* cut.c - what would go if one reference were cleared.
 *
 * That is all its target retains, if no other reference that holds the target comes from outside of what the target dominates;
 * else nothing.
 */
#include "analysis/dominators.h"

typedef struct tn_cut {
    tn_graph graph;
    const tn_dominators *dominators;
    uint32_t target;
    uint64_t *inside; /* bits: known to be dominated by the target */
} tn_cut;

/* Climbs until that is known, and remembers it, so that no node is climbed over twice. */
static bool dominated(tn_cut *c, uint32_t id)
{
    const uint32_t *idom = c->dominators->idom;
    uint32_t at = id;
    while (at != TN_NONE && at != c->target && !tn__bit(c->inside, at))
        at = idom[at];
    if (at == TN_NONE)
        return false;
    for (; id != at; id = idom[id])
        c->inside[id / 64] |= 1ull << (id % 64);
    return true;
}

/* References of a node that hold the target. */
static uint64_t count_holding(const tn_cut *c, uint32_t source)
{
    uint64_t n = 0;
    for (uint64_t e = c->graph.offsets[source]; e < c->graph.offsets[source + 1]; e++)
        n += c->graph.targets[e] == c->target && tn__edge_holds(&c->graph, source, e);
    return n;
}

static bool only_holder(tn_cut *c, const tn_backward *back, uint32_t source)
{
    for (uint64_t i = back->starts[c->target], end = back->starts[c->target + 1]; i < end;) {
        uint32_t other = back->sources[i];
        uint64_t n = 0;
        for (; i < end && back->sources[i] == other; i++)
            n++;
        if (tn__node_holding(&c->graph, other) != TN_HOLDS_ALL)
            n = count_holding(c, other);
        if (n > (other == source) && !dominated(c, other))
            return false;
    }
    return true;
}

/* One entry a reference. */
static int gather(tn_cut *c, const tn_backward *back, const tn_set *except, size_t limit, tn_buf *sources)
{
    for (uint64_t i = back->starts[c->target], end = back->starts[c->target + 1]; i < end;) {
        uint32_t source = back->sources[i];
        while (i < end && back->sources[i] == source)
            i++;
        uint64_t n = except && tn_set_has(except, source) ? 0 : count_holding(c, source);
        if (n == 0 || dominated(c, source))
            continue;
        for (; n > 0; n--) {
            TN_TRY(tn__buf_append(sources, &source, sizeof source));
            if (sources->size / sizeof source > limit)
                return TN_OK;
        }
    }
    return TN_OK;
}

int tn__outside_holders(tn_snapshot *s, uint32_t target, const tn_set *except, size_t limit, tn_buf *sources,
                        tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_cut c = {.target = target};
    tn_backward back;
    TN_TRY(tn__graph(s, &c.graph, err));
    TN_TRY(tn__dominators(s, &c.dominators, err));
    TN_TRY(tn__graph_backward(s, &back, err));
    size_t inside_bytes = ((size_t)c.graph.n_nodes + 63) / 64 * sizeof *c.inside;
    c.inside = tn__alloc_zero(a, inside_bytes);
    if (!c.inside)
        return tn__no_memory(s, err);
    int status = gather(&c, &back, except, limit, sources);
    tn__free(a, c.inside, inside_bytes);
    return status < 0 ? tn__no_memory(s, err) : TN_OK;
}

int tn_reference_cut(tn_snapshot *s, const tn_reference *r, uint64_t *bytes, uint32_t *count, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_cut c = {.target = r->target};
    tn_backward back;
    TN_TRY(tn__graph(s, &c.graph, err));
    if (r->source >= c.graph.n_nodes || r->target >= c.graph.n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "there is no such reference");
    TN_TRY(tn__dominators(s, &c.dominators, err));
    bool all = tn__kind_holds(r->kind, r->source >= c.graph.n_objects) &&
               c.dominators->holds[r->target] == TN_HOLD_REFERENCES && r->target != c.graph.root;
    if (all) {
        size_t inside_bytes = ((size_t)c.graph.n_nodes + 63) / 64 * sizeof *c.inside;
        TN_TRY(tn__graph_backward(s, &back, err));
        c.inside = tn__alloc_zero(a, inside_bytes);
        if (!c.inside)
            return tn__no_memory(s, err);
        all = only_holder(&c, &back, r->source);
        tn__free(a, c.inside, inside_bytes);
    }
    *bytes = all ? c.dominators->retained[r->target] : 0;
    *count = all ? c.dominators->counts[r->target] : 0;
    return TN_OK;
}
