/* ways.c - what a path may go over: which references hold, what a step costs, where names begin. */
#include "analysis/paths.h"

#include <stdlib.h>
#include <string.h>

static void destroy(tn_snapshot *s, void *p)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_ways *w = p;
    if (!w)
        return;
    size_t words = (size_t)w->graph.n_nodes / 64 + 1;
    tn__free(a, w->shape_own, w->graph.n_shapes);
    tn__free(a, w->by_node, w->n_origins * sizeof *w->by_node);
    tn__free(a, w->is_origin, words * sizeof *w->is_origin);
    tn__free(a, w->own_frames, words * sizeof *w->own_frames);
    tn__free(a, w->marks, w->graph.n_nodes * sizeof *w->marks);
    tn__buf_free(&w->origins);
    tn__steps_free(w);
    tn__free(a, w, sizeof *w);
}

/* ---- steps ---- */

bool tn__is_own(const tn_ways *w, uint32_t node)
{
    return w->shape_own[w->graph.shapes[node]] || (w->flags && (w->flags[node] & TN_NODE_OWN)) ||
           (w->own_frames[node / 64] >> (node % 64) & 1);
}

uint64_t tn__kind_cost(const tn_graph *g, const tn_shunned *no, uint32_t source, uint64_t edge)
{
    enum tn_reference_kind kind = tn__edge_kind(g, source, edge);
    if (kind == TN_REF_GUESSED)
        return no->kinds & TN_AVOID_GUESSED ? TN_NO_WAY : 1 + TN_RANK_GUESSED * TN_FAR;
    return tn__kind_holds(kind, source >= g->n_objects) ? 1 : TN_NO_WAY;
}

uint64_t tn__place_cost(const tn_ways *w, uint32_t source, uint32_t target, uint64_t cost)
{
    if (tn__is_origin(w, source) && tn__is_origin(w, target)) {
        const tn_origin *origin = tn__origin(w, tn__origin_of(w, target));
        if (origin->parent == source)
            return origin->cost - tn__origin(w, tn__origin_of(w, source))->cost;
    }
    if (source == w->interpreter)
        return cost + TN_RANK_INTERPRETER * TN_FAR;
    return tn__is_own(w, source) && !tn__is_own(w, target) ? cost + TN_RANK_OWN * TN_FAR : cost;
}

bool tn__is_plain(const tn_ways *w, uint32_t source)
{
    const tn_graph *g = &w->graph;
    return source < g->n_objects && tn__node_holding(g, source) == TN_HOLDS_ALL;
}

uint64_t tn__edge_cost(const tn_ways *w, const tn_shunned *no, uint32_t source, uint64_t edge)
{
    uint32_t target = w->graph.targets[edge];
    if (target == TN_NONE)
        return TN_NO_WAY;
    uint64_t cost = tn__is_plain(w, source) ? 1 : tn__kind_cost(&w->graph, no, source, edge);
    return cost == TN_NO_WAY ? cost : tn__place_cost(w, source, target, cost);
}

/* ---- origins ---- */

static int add_origin(tn_ways *w, uint32_t node, uint32_t parent, uint64_t edge, uint64_t cost, tn_error *err)
{
    tn_origin origin = {node, parent, edge, cost};
    if (parent != TN_NONE && !tn__is_origin(w, parent)) /* it is tonnage's own: nothing begins below it */
        return TN_OK;
    if (tn__is_origin(w, node) || (node != w->graph.root && tn__is_own(w, node)))
        return TN_OK;
    if (tn__buf_append(&w->origins, &origin, sizeof origin) < 0)
        return tn__no_memory(w->snapshot, err);
    w->is_origin[node / 64] |= 1ull << (node % 64);
    w->n_origins++;
    return TN_OK;
}

static const char *type_name(const tn_ways *w, uint32_t node)
{
    tn_type type;
    uint32_t row = w->graph.table[w->graph.shapes[node]].type;
    return tn_snapshot_type(w->snapshot, row, &type) == TN_OK ? type.full_name : "";
}

/* First reference of node with this label; UINT64_MAX when there is none. */
static uint64_t labelled(const tn_ways *w, uint32_t node, const char *text)
{
    const tn_shape *shape = &w->graph.table[w->graph.shapes[node]];
    uint64_t first = w->graph.offsets[node];
    for (uint32_t i = 0; i < shape->n_fixed; i++)
        if (w->graph.targets[first + i] != TN_NONE &&
            strcmp(tn__snapshot_string(w->snapshot, shape->labels[2 * i]), text) == 0)
            return i;
    return UINT64_MAX;
}

static int add_modules(tn_ways *w, uint32_t interpreter, tn_error *err)
{
    uint64_t place = labelled(w, interpreter, "imports.modules");
    if (place == UINT64_MAX)
        place = labelled(w, interpreter, "modules");
    if (place == UINT64_MAX)
        return TN_OK;
    uint32_t modules = w->graph.targets[w->graph.offsets[interpreter] + place];
    const tn_shape *shape = &w->graph.table[w->graph.shapes[modules]];
    TN_TRY(add_origin(w, modules, interpreter, place, 0, err));
    if ((shape->flags & TN_RUN_STYLE) != TN_RUN_PAIRS)
        return TN_OK;
    uint64_t first = w->graph.offsets[modules], end = w->graph.offsets[modules + 1];
    for (uint64_t e = first + shape->n_fixed + 1; e < end; e += 2) {
        uint32_t module = w->graph.targets[e];
        if (module == TN_NONE || tn__is_origin(w, module) || tn__is_own(w, module))
            continue;
        TN_TRY(add_origin(w, module, modules, e - first, 0, err));
        uint64_t dict = labelled(w, module, "__dict__");
        if (dict != UINT64_MAX && strcmp(type_name(w, module), "module") == 0)
            TN_TRY(add_origin(w, w->graph.targets[w->graph.offsets[module] + dict], module, dict, 0, err));
    }
    return TN_OK;
}

static int add_frames(tn_ways *w, uint32_t thread, tn_error *err)
{
    uint64_t first = w->graph.offsets[thread], end = w->graph.offsets[thread + 1], e = first;
    tn_frame frame;
    int status;
    for (uint32_t depth = 0; (status = tn_snapshot_thread_frame(w->snapshot, thread, depth, &frame)) == TN_OK;
         depth++) {
        while (e < end && w->graph.targets[e] != frame.node)
            e++;
        if (frame.own)
            w->own_frames[frame.node / 64] |= 1ull << (frame.node % 64);
        else if (e < end)
            TN_TRY(add_origin(w, frame.node, thread, e - first, 0, err));
    }
    return status == TN_ENOTFOUND ? TN_OK : tn__error_set(err, status, 0, "the frames of a thread cannot be read");
}

static int find_origins(tn_ways *w, tn_error *err)
{
    uint64_t first = w->graph.offsets[w->graph.root], end = w->graph.offsets[w->graph.root + 1];
    TN_TRY(add_origin(w, w->graph.root, TN_NONE, 0, 0, err));
    for (unsigned pass = 0; pass < 3; pass++) { /* interpreter, threads, static types */
        static const char *const names[] = {"interpreter", "thread", "static types"};
        for (uint64_t e = first; e < end; e++) {
            uint32_t node = w->graph.targets[e];
            if (node == TN_NONE || node < w->graph.n_objects || strcmp(type_name(w, node), names[pass]) != 0)
                continue;
            TN_TRY(add_origin(w, node, w->graph.root, e - first, pass == 2 ? TN_RANK_STATIC * TN_FAR : 0, err));
            if (pass == 0) {
                w->interpreter = node;
                TN_TRY(add_modules(w, node, err));
            } else if (pass == 1) {
                TN_TRY(add_frames(w, node, err));
            }
        }
    }
    return TN_OK;
}

typedef struct tn_place {
    uint32_t node, index;
} tn_place;

static int by_node(const void *a, const void *b)
{
    uint32_t x = ((const tn_place *)a)->node, y = ((const tn_place *)b)->node;
    return (x > y) - (x < y);
}

static int sort_origins(tn_ways *w, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(w->snapshot);
    size_t n = w->n_origins;
    tn_place *places = tn__alloc(a, n * sizeof *places);
    w->by_node = tn__alloc(a, n * sizeof *w->by_node);
    for (uint32_t i = 0; places && i < n; i++)
        places[i] = (tn_place){tn__origin(w, i)->node, i};
    if (places && w->by_node) {
        qsort(places, n, sizeof *places, by_node);
        for (uint32_t i = 0; i < n; i++)
            w->by_node[i] = places[i].index;
    }
    bool failed = !places || !w->by_node;
    tn__free(a, places, n * sizeof *places);
    return failed ? tn__no_memory(w->snapshot, err) : TN_OK;
}

uint32_t tn__origin_of(const tn_ways *w, uint32_t node)
{
    if (!tn__is_origin(w, node))
        return TN_NONE;
    uint32_t low = 0, high = w->n_origins;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (tn__origin(w, w->by_node[middle])->node <= node)
            low = middle;
        else
            high = middle;
    }
    return w->by_node[low];
}

bool tn__origin_allowed(const tn_ways *w, const tn_shunned *no, uint32_t index)
{
    for (const tn_origin *o = tn__origin(w, index); o->parent != TN_NONE;
         o = tn__origin(w, tn__origin_of(w, o->parent)))
        if (tn__shuns(no, o->node))
            return false;
    return true;
}

bool tn__may_enter(const tn_ways *w, const tn_shunned *no, uint32_t source, uint32_t node)
{
    if (!tn__is_origin(w, node) || node == no->except)
        return true;
    uint32_t index = tn__origin_of(w, node);
    return tn__origin(w, index)->parent == source || !tn__origin_allowed(w, no, index);
}

/* ---- held by what is not seen ---- */

uint64_t tn__held_cost(const tn_ways *w, const tn_shunned *no, uint32_t node)
{
    if ((no->kinds & TN_AVOID_HELD) || node >= w->graph.n_objects || w->holds[node] == TN_HOLD_REFERENCES)
        return TN_NO_WAY;
    return 1 + TN_FAR * (w->holds[node] == TN_HOLD_UNREACHABLE ? TN_RANK_UNREACHABLE : TN_RANK_HELD);
}

int tn__ways_holds(tn_ways *w, tn_error *err)
{
    uint8_t *holds;
    TN_TRY(tn__anchors(w->snapshot, &holds, err));
    w->holds = holds;
    return TN_OK;
}

int tn__ways_back(tn_ways *w, tn_error *err)
{
    return tn__graph_backward(w->snapshot, &w->back, err);
}

/* ---- all of it ---- */

static int fill(tn_ways *w, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(w->snapshot);
    size_t words = (size_t)w->graph.n_nodes / 64 + 1;
    w->shape_own = tn__alloc(a, w->graph.n_shapes);
    w->is_origin = tn__alloc_zero(a, words * sizeof *w->is_origin);
    w->own_frames = tn__alloc_zero(a, words * sizeof *w->own_frames);
    if (!w->shape_own || !w->is_origin || !w->own_frames)
        return tn__no_memory(w->snapshot, err);
    for (uint32_t i = 0; i < w->graph.n_shapes; i++) {
        tn_type type;
        TN_TRY(tn_snapshot_type(w->snapshot, w->graph.table[i].type, &type));
        w->shape_own[i] = (type.flags & TN_TYPE_OWN) != 0;
    }
    TN_TRY(find_origins(w, err));
    return sort_origins(w, err);
}

int tn__ways(tn_snapshot *s, tn_ways **out, tn_error *err)
{
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_WAYS, destroy);
    const tn_alloc *a = tn__snapshot_alloc(s);
    uint64_t n;
    if (*slot) {
        *out = *slot;
        return TN_OK;
    }
    tn_ways *w = tn__alloc_zero(a, sizeof *w);
    if (!w)
        return tn__no_memory(s, err);
    w->snapshot = s;
    w->interpreter = TN_NONE;
    tn__buf_init(&w->origins, a);
    tn__steps_init(w);
    int status = tn__graph(s, &w->graph, err);
    if (status == TN_OK)
        status = tn__column_u32(s, TN_COL_FLAG, &w->flags, &n, err);
    if (status == TN_OK)
        status = fill(w, err);
    if (status < 0) {
        destroy(s, w);
        return status;
    }
    *out = *slot = w;
    return TN_OK;
}
