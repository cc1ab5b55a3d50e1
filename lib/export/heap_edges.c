/* heap_edges.c - references of the file's nodes: those of the snapshot, and those that the format needs besides.
 *
 * Besides: from the root to the nodes for anchors, and, weak, so that they hold nothing, to modules and frames, from which
 * DevTools count distances; from those nodes to what they anchor; from an owner to its fold; from anything to its rest. A fold
 * refers to what its members hold, once to each.
 */
#include "export/heapsnapshot.h"

static int find_user_roots(tn_heap_edges *e, tn_error *err)
{
    const tn_heap_plan *p = e->plan;
    for (uint32_t id = 0; id < p->graph.n_nodes; id++) {
        if (!tn__heap_is_user_root(e->names, p->graph.table[p->graph.shapes[id]].type) || !tn__heap_kept(p, id))
            continue;
        if (tn__buf_append(&e->user_roots, &id, sizeof id) < 0)
            return tn__no_memory(p->snapshot, err);
    }
    return TN_OK;
}

int tn__heap_edges_open(const tn_heap_plan *p, tn_heap_names *names, tn_heap_edges *out, tn_error *err)
{
    tn_heap_edges e = {.plan = p, .names = names};
    int status = TN_OK;
    tn__buf_init(&e.user_roots, p->alloc);
    if (p->n_folds) {
        e.stamps = tn__alloc(p->alloc, tn__heap_n_nodes(p) * sizeof *e.stamps);
        if (!e.stamps)
            status = tn__no_memory(p->snapshot, err);
    }
    if (status == TN_OK)
        status = tn__heap_string(names, "folded", &e.folded, err);
    if (status == TN_OK)
        status = tn__heap_string(names, "more bytes of it", &e.rest, err);
    if (status == TN_OK)
        status = tn__heap_string(names, "held", &e.named, err);
    if (status == TN_OK)
        status = find_user_roots(&e, err);
    if (status < 0)
        tn__heap_edges_close(&e);
    else
        *out = e;
    return status;
}

void tn__heap_edges_close(tn_heap_edges *e)
{
    tn__free(e->plan->alloc, e->stamps, tn__heap_n_nodes(e->plan) * sizeof *e->stamps);
    tn__buf_free(&e->user_roots);
}

static int visit_rests(tn_heap_edges *e, uint64_t bytes, tn_error *err)
{
    for (uint32_t n = tn__heap_rests(bytes); n; n--)
        TN_TRY(e->visit(e->ctx, TN_HEAP_INTERNAL, e->rest, e->next_rest++, err));
    return TN_OK;
}

static int visit_references(tn_heap_edges *e, uint32_t node, tn_error *err)
{
    const tn_heap_plan *p = e->plan;
    tn_reference_iter iter;
    tn_reference r;
    TN_TRY(tn_references(p->snapshot, node, &iter, err));
    while (tn_reference_next(&iter, &r)) {
        enum tn_heap_edge type = TN_HEAP_INTERNAL;
        uint32_t name = 0;
        if (e->telling)
            TN_TRY(tn__heap_edge_name(e->names, &r, tn__kind_holds(r.kind, node >= p->graph.n_objects), &type, &name,
                                      err));
        TN_TRY(e->visit(e->ctx, type, name, p->places[r.target], err));
    }
    return TN_OK;
}

int tn__heap_node_edges(tn_heap_edges *e, uint32_t node, uint64_t bytes, tn_error *err)
{
    const tn_heap_plan *p = e->plan;
    TN_TRY(visit_references(e, node, err));
    if (p->fold_of && p->fold_of[node] != TN_NONE)
        TN_TRY(e->visit(e->ctx, TN_HEAP_INTERNAL, e->folded, tn__heap_first_fold(p) + p->fold_of[node], err));
    return visit_rests(e, bytes, err);
}

int tn__heap_root_edges(tn_heap_edges *e, tn_error *err)
{
    const tn_heap_plan *p = e->plan;
    const uint32_t *nodes = (const uint32_t *)(const void *)e->user_roots.data;
    TN_TRY(tn__heap_node_edges(e, p->graph.root, 0, err));
    for (uint32_t i = 0; i < TN_HEAP_GROUPS; i++)
        TN_TRY(e->visit(e->ctx, TN_HEAP_ELEMENT, 1 + i, 1 + i, err));
    for (size_t i = 0; i < e->user_roots.size / sizeof *nodes; i++)
        TN_TRY(e->visit(e->ctx, TN_HEAP_WEAK, e->named, p->places[nodes[i]], err));
    return TN_OK;
}

int tn__heap_group_edges(tn_heap_edges *e, enum tn_hold hold, tn_error *err)
{
    const tn_heap_plan *p = e->plan;
    uint32_t n = 0;
    for (uint32_t id = 0; id < p->graph.n_nodes; id++)
        if (p->dominators->holds[id] == hold && tn__heap_kept(p, id) && id != p->graph.root)
            TN_TRY(e->visit(e->ctx, TN_HEAP_ELEMENT, n++, p->places[id], err));
    return TN_OK;
}

int tn__heap_fold_edges(tn_heap_edges *e, uint32_t fold, tn_error *err)
{
    const tn_heap_plan *p = e->plan;
    const tn_graph *g = &p->graph;
    const tn_heap_fold *f = tn__heap_fold_at(p, fold);
    uint32_t self = tn__heap_first_fold(p) + fold, n = 0;
    e->stamps[self] = self;
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t node = p->folded[f->first + i];
        for (uint64_t edge = g->offsets[node]; edge < g->offsets[node + 1]; edge++) {
            uint32_t to = tn__edge_holds(g, node, edge) ? p->places[g->targets[edge]] : self;
            if (e->stamps[to] == self)
                continue;
            e->stamps[to] = self;
            TN_TRY(e->visit(e->ctx, TN_HEAP_ELEMENT, n++, to, err));
        }
    }
    return visit_rests(e, f->bytes, err);
}
