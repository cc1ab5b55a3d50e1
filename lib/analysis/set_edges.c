/* set_edges.c - from a set along references: to its referrers, referents, all it reaches, what it alone refers to. */
#include "analysis/analysis.h"
#include "graph/graph.h"

#include <string.h>

typedef struct tn_walk {
    tn_graph graph;
    const tn_set *set, *all; /* all: without tonnage's own */
    tn_set *found;
    unsigned kinds;
} tn_walk;

static bool counts(const tn_walk *w, uint32_t source, uint64_t edge)
{
    if (w->graph.targets[edge] == TN_NONE)
        return false;
    return w->kinds ? w->kinds >> tn__edge_kind(&w->graph, source, edge) & 1 : tn__edge_holds(&w->graph, source, edge);
}

static bool in(const tn_walk *w, const tn_set *set, uint32_t node)
{
    return node < w->graph.n_objects && tn__set_test(set, node);
}

static int open_walk(tn_snapshot *s, const tn_set *set, unsigned kinds, tn_walk *out, tn_error *err)
{
    *out = (tn_walk){.set = set, .kinds = kinds};
    TN_TRY(tn__graph(s, &out->graph, err));
    TN_TRY(tn__set_of_all(s, &out->all, err));
    if (set->n != out->graph.n_objects)
        return tn__error_set(err, TN_EINVAL, 0, "the set is of another snapshot");
    return tn_set_new(s, &out->found, err);
}

int tn_set_referrers(tn_snapshot *s, const tn_set *set, unsigned kinds, tn_set **out, tn_error *err)
{
    tn_walk w;
    TN_TRY(open_walk(s, set, kinds, &w, err));
    const tn_graph *g = &w.graph;
    for (uint32_t source = 0; source < g->n_objects; source++) {
        bool refers = false;
        if (!tn__set_test(w.all, source))
            continue;
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1] && !refers; e++)
            refers = in(&w, set, g->targets[e]) && counts(&w, source, e);
        if (refers)
            tn__set_add(w.found, source);
    }
    *out = w.found;
    return TN_OK;
}

int tn_set_referents(tn_snapshot *s, const tn_set *set, unsigned kinds, tn_set **out, tn_error *err)
{
    tn_walk w;
    TN_TRY(open_walk(s, set, kinds, &w, err));
    const tn_graph *g = &w.graph;
    for (uint32_t source = tn_set_next(set, 0); source != TN_NONE; source = tn_set_next(set, source + 1))
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++)
            if (counts(&w, source, e) && in(&w, w.all, g->targets[e]))
                tn__set_add(w.found, g->targets[e]);
    *out = w.found;
    return TN_OK;
}

/* ---- all that is reached ---- */

typedef struct tn_reach {
    tn_walk walk;
    const tn_set *avoid;
    tn_set *seen; /* of all nodes: the way may lead through key tables */
    tn_buf stack;
} tn_reach;

static int visit(tn_reach *r, uint32_t node, tn_error *err)
{
    if (tn__set_test(r->seen, node) || (r->avoid && in(&r->walk, r->avoid, node)))
        return TN_OK;
    tn__set_add(r->seen, node);
    if (in(&r->walk, r->walk.all, node))
        tn__set_add(r->walk.found, node);
    if (tn__node_holding(&r->walk.graph, node) == TN_HOLDS_NONE)
        return TN_OK;
    return tn__buf_append(&r->stack, &node, sizeof node) < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory")
                                                             : TN_OK;
}

static int follow(tn_reach *r, tn_error *err)
{
    const tn_graph *g = &r->walk.graph;
    while (r->stack.size) {
        uint32_t node;
        r->stack.size -= sizeof node;
        memcpy(&node, r->stack.data + r->stack.size, sizeof node);
        for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1]; e++)
            if (tn__edge_holds(g, node, e))
                TN_TRY(visit(r, g->targets[e], err));
    }
    return TN_OK;
}

int tn_set_reachable(tn_snapshot *s, const tn_set *from, const tn_set *avoid, tn_set **out, tn_error *err)
{
    tn_reach r = {.avoid = avoid};
    const tn_alloc *a = tn__snapshot_alloc(s);
    TN_TRY(open_walk(s, from, 0, &r.walk, err));
    tn__buf_init(&r.stack, a);
    int status = tn__set_new(a, r.walk.graph.n_nodes, &r.seen, err);
    for (uint32_t id = tn_set_next(from, 0); status == TN_OK && id != TN_NONE; id = tn_set_next(from, id + 1)) {
        status = visit(&r, id, err);
        if (status == TN_OK)
            status = follow(&r, err);
    }
    tn_set_free(r.seen);
    tn__buf_free(&r.stack);
    if (status < 0)
        tn_set_free(r.walk.found);
    else
        *out = r.walk.found;
    return status;
}

/* ---- what is referred to by members only ---- */

static void leave_out_held(tn_walk *w, const uint8_t *holds)
{
    const tn_graph *g = &w->graph;
    for (uint32_t id = tn_set_next(w->found, 0); id != TN_NONE; id = tn_set_next(w->found, id + 1))
        if (holds[id] != TN_HOLD_REFERENCES && holds[id] != TN_HOLD_UNREACHABLE)
            tn_set_remove(w->found, id);
    for (uint32_t source = 0; source < g->n_nodes; source++) {
        if (in(w, w->set, source))
            continue;
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++)
            if (in(w, w->found, g->targets[e]) && tn__edge_holds(g, source, e))
                tn_set_remove(w->found, g->targets[e]);
    }
}

int tn_set_owned(tn_snapshot *s, const tn_set *set, tn_set **out, tn_error *err)
{
    tn_walk w = {.set = set};
    uint8_t *holds;
    TN_TRY(tn__graph(s, &w.graph, err));
    TN_TRY(tn__anchors(s, &holds, err));
    TN_TRY(tn_set_referents(s, set, 0, &w.found, err));
    leave_out_held(&w, holds);
    *out = w.found;
    return TN_OK;
}
