/* places.c - the place of every node, in the order in which the search for shortest paths has reached them.
 *
 * The search has settled what one node leads to in the order of its references, so that going over both side by side finds the
 * reference of each: every reference is looked at once.
 */
#include "analysis/places.h"

#include <string.h>

typedef struct tn_place_maker {
    tn_ways *ways;
    const tn_distances *distances;
    tn_place_names names;
    tn_place_steps steps;
    uint32_t *state;           /* of each node */
    uint32_t source;           /* whose references were looked at last */
    uint64_t cursor;           /* the next one */
    uint32_t first_child, end; /* in the order: those that the source has led to so far */
    bool keys;                 /* one of them is a key of the source */
} tn_place_maker;

static bool is_key(const tn_graph *g, uint32_t source, uint64_t edge)
{
    const tn_shape *shape = &g->table[g->shapes[source]];
    uint64_t index = edge - g->offsets[source];
    return (shape->flags & TN_RUN_STYLE) == TN_RUN_PAIRS && index >= shape->n_fixed && !((index - shape->n_fixed) & 1);
}

/* Whether the tree has gone over this reference to the node, as far as costs tell. */
static bool leads_to(const tn_place_maker *m, uint64_t edge, uint32_t node)
{
    static const tn_shunned none = {0};
    const uint64_t *cost = m->distances->cost;
    return m->ways->graph.targets[edge] == node &&
           tn__edge_cost(m->ways, &none, m->source, edge) == cost[node] - cost[m->source];
}

static uint64_t find_between(const tn_place_maker *m, uint32_t node, uint64_t edge, uint64_t end)
{
    while (edge < end && !leads_to(m, edge, node))
        edge++;
    return edge < end ? edge : UINT64_MAX;
}

/* UINT64_MAX: it is held by the root without one. */
static uint64_t find_edge(tn_place_maker *m, uint32_t node)
{
    const tn_graph *g = &m->ways->graph;
    uint64_t cost = m->distances->cost[node];
    if (m->source == g->root && (cost == 1 + TN_RANK_HELD * TN_FAR || cost == 1 + TN_RANK_UNREACHABLE * TN_FAR))
        return UINT64_MAX;
    uint64_t first = g->offsets[m->source], end = g->offsets[m->source + 1];
    if (tn__is_origin(m->ways, node) && m->source != g->root) {
        const tn_origin *origin = tn__origin(m->ways, tn__origin_of(m->ways, node));
        if (origin->parent == m->source)
            return first + origin->edge;
    }
    uint64_t edge = find_between(m, node, m->cursor, end);
    if (edge == UINT64_MAX)
        edge = find_between(m, node, first, m->cursor);
    if (edge != UINT64_MAX)
        m->cursor = edge + 1;
    return edge;
}

static int put(tn_place_maker *m, uint32_t node, uint64_t edge, tn_error *err)
{
    const tn_graph *g = &m->ways->graph;
    uint32_t state = m->state[m->source], piece, type = g->table[g->shapes[node]].type;
    const tn_place_state *at = tn__place_state(&m->steps, state);
    enum tn_place_from from = TN_PLACE_FROM_HOLDER;
    if (edge != UINT64_MAX)
        TN_TRY(tn__place_piece(&m->names, m->source, edge, tn__place_kind(&m->names, at->piece), &piece, &from, err));
    else
        TN_TRY(tn__place_held(&m->names, node, &piece, err));
    if (from == TN_PLACE_SAME) {
        piece = at->piece;
        from = TN_PLACE_FROM_ABOVE;
    }
    state = from == TN_PLACE_FROM_ROOT ? 0 : from == TN_PLACE_FROM_ABOVE ? at->parent : state;
    return tn__place_step(&m->steps, state, piece, type, &m->state[node], err);
}

/* What was found as a key and is a value, too, stands at the value's place. */
static int prefer_values(tn_place_maker *m, tn_error *err)
{
    const tn_graph *g = &m->ways->graph;
    const tn_distances *d = m->distances;
    uint64_t end = g->offsets[m->source + 1];
    for (uint64_t e = g->offsets[m->source] + g->table[g->shapes[m->source]].n_fixed + 1; e < end; e += 2) {
        uint32_t target = g->targets[e];
        if (target == TN_NONE || d->parent[target] != m->source || m->state[target] == TN_NONE)
            continue;
        const tn_place_state *at = tn__place_state(&m->steps, m->state[target]);
        if (at->piece == m->names.key && leads_to(m, e, target))
            TN_TRY(put(m, target, e, err));
    }
    m->keys = false;
    return TN_OK;
}

static int turn_to(tn_place_maker *m, uint32_t source, tn_error *err)
{
    if (m->keys)
        TN_TRY(prefer_values(m, err));
    m->source = source;
    m->cursor = m->ways->graph.offsets[source];
    return TN_OK;
}

static int go(tn_place_maker *m, tn_error *err)
{
    const tn_distances *d = m->distances;
    const tn_graph *g = &m->ways->graph;
    m->source = g->root;
    m->cursor = g->offsets[g->root];
    m->state[g->root] = 0;
    for (uint32_t i = 0; i < d->n_reached; i++) {
        uint32_t node = d->order[i], parent = d->parent[node];
        if (parent == TN_NONE)
            continue;
        if (parent != m->source)
            TN_TRY(turn_to(m, parent, err));
        uint64_t edge = find_edge(m, node);
        TN_TRY(put(m, node, edge, err));
        m->keys |= edge != UINT64_MAX && is_key(g, parent, edge);
    }
    return m->keys ? prefer_values(m, err) : TN_OK;
}

/* Of states their places. */
static void finish(tn_place_maker *m, tn_places *p)
{
    for (uint32_t i = 0; i < p->n_nodes; i++)
        if (p->of[i] != TN_NONE)
            p->of[i] = tn__place_state(&m->steps, p->of[i])->place;
}

static int make(tn_place_maker *m, tn_places *p, tn_error *err)
{
    if (tn__strtab_init(&p->pieces, p->alloc) < 0)
        return tn__no_memory(m->ways->snapshot, err);
    p->of = m->state = tn__alloc(p->alloc, p->n_nodes * sizeof *p->of);
    if (!p->of)
        return tn__no_memory(m->ways->snapshot, err);
    memset(p->of, 0xff, p->n_nodes * sizeof *p->of);
    TN_TRY(tn__ways_holds(m->ways, err));
    TN_TRY(tn__place_names_open(&m->names, m->ways, &p->pieces, err));
    TN_TRY(tn__place_steps_open(&m->steps, p, m->names.none, m->names.mark, err));
    TN_TRY(go(m, err));
    finish(m, p);
    return TN_OK;
}

int tn__places_by(tn_ways *w, const tn_distances *d, tn_places *out, tn_error *err)
{
    tn_places p = {.alloc = tn__snapshot_alloc(w->snapshot), .n_nodes = w->graph.n_nodes};
    tn_place_maker m = {.ways = w, .distances = d};
    tn__buf_init(&p.rows, p.alloc);
    int status = make(&m, &p, err);
    tn__place_names_close(&m.names);
    tn__place_steps_close(&m.steps);
    if (status < 0)
        tn__places_free(&p);
    else
        *out = p;
    return status;
}

void tn__places_free(tn_places *p)
{
    tn__free(p->alloc, p->of, p->n_nodes * sizeof *p->of);
    tn__buf_free(&p->rows);
    tn__strtab_free(&p->pieces);
    *p = (tn_places){0};
}

static void destroy(tn_snapshot *s, void *p)
{
    if (p)
        tn__places_free(p);
    tn__free(tn__snapshot_alloc(s), p, sizeof(tn_places));
}

int tn__places(tn_snapshot *s, const tn_places **out, tn_error *err)
{
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_PLACES, destroy);
    if (!*slot) {
        tn_ways *w;
        const tn_distances *d;
        TN_TRY(tn__ways(s, &w, err));
        TN_TRY(tn__distances(s, &d, err));
        tn_places *p = tn__alloc(tn__snapshot_alloc(s), sizeof *p);
        int status = p ? tn__places_by(w, d, p, err) : tn__no_memory(s, err);
        if (status < 0) {
            tn__free(tn__snapshot_alloc(s), p, sizeof *p);
            return status;
        }
        *slot = p;
    }
    *out = *slot;
    return TN_OK;
}

int tn__place_text(const tn_places *p, uint32_t place, tn_buf *out)
{
    const uint32_t *starts = (const uint32_t *)(const void *)p->pieces.offsets.data;
    uint32_t chain[TN_PLACE_MOST], n = 0;
    for (; place != TN_NONE; place = tn__place_row(p, place).parent)
        chain[n++] = tn__place_row(p, place).piece;
    while (n-- > 0)
        TN_TRY(tn__buf_append(out, p->pieces.bytes.data + starts[chain[n]], starts[chain[n] + 1] - starts[chain[n]]));
    return TN_OK;
}

/* ---- groups ---- */

/* Places are rows; the root's, which no object has, is that of objects without a path. */
int tn__partition_places(tn_partition *p, tn_error *err)
{
    TN_TRY(tn__places(p->snapshot, &p->places, err));
    p->n_rows = p->places->n;
    return TN_OK;
}

int tn__partition_place_rows(tn_partition *p, const tn_scan *scan, uint32_t *rows)
{
    const uint32_t *of = p->places->of + scan->first;
    for (uint32_t i = 0; i < scan->n; i++)
        rows[i] = of[i] != TN_NONE ? of[i] : 0;
    return TN_OK;
}

int tn__partition_place_label(tn_partition *p, uint32_t row, tn_buf *out, tn_error *err)
{
    int status = row ? tn__place_text(p->places, row, out) : tn__buf_append(out, "(no path)", 9);
    if (status == TN_OK)
        status = tn__buf_append(out, "", 1);
    return status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}
