/* set_edges.c - from a set along references: to its referrers, referents, all it reaches, what it alone refers to. */
#include "analysis/partition.h"

enum { REACHED = 0 }; /* the label */

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
    TN_TRY(tn__set_check(s, set, err));
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

static int flood(tn_flood *f, const tn_set *from, const tn_set *avoid, tn_error *err)
{
    for (uint32_t id = avoid ? tn_set_next(avoid, 0) : TN_NONE; id != TN_NONE; id = tn_set_next(avoid, id + 1))
        tn__set_add(f->sources, id); /* of nothing: it only stops what comes */
    for (uint32_t id = tn_set_next(from, 0); id != TN_NONE; id = tn_set_next(from, id + 1))
        TN_TRY(tn__flood_reach(f, id, REACHED, err));
    return tn__flood_run(f, err);
}

int tn_set_reachable(tn_snapshot *s, const tn_set *from, const tn_set *avoid, tn_set **out, tn_error *err)
{
    tn_walk w;
    tn_flood f;
    TN_TRY(tn__set_check(s, avoid, err));
    TN_TRY(open_walk(s, from, 0, &w, err));
    int status = tn__flood_open(s, &f, err);
    if (status == TN_OK) {
        status = flood(&f, from, avoid, err);
        for (uint32_t id = 0; status == TN_OK && id < w.graph.n_objects; id++)
            if (f.labels[id] == REACHED && tn__set_test(w.all, id))
                tn__set_add(w.found, id);
        tn__flood_close(&f);
    }
    if (status < 0)
        tn_set_free(w.found);
    else
        *out = w.found;
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
