/* steps.c - which reference of a holder leads to an object, and what it costs.
 *
 * A search of a list for each of its items takes the square of its length. What is asked about often is put in order of
 * target, and looked up:
 *
 *   asked: holder -> 1 … OFTEN times asked, OFTEN + i -> ordered[i - 1]: places of its references, by target, then by place
 */
#include "analysis/paths.h"

enum { MANY = 128, OFTEN = 16 };

typedef struct tn_ordered {
    uint32_t *places; /* counted from the holder's first reference */
    uint64_t n;
} tn_ordered;

void tn__steps_init(tn_ways *w)
{
    w->asked.alloc = tn__snapshot_alloc(w->snapshot);
    tn__buf_init(&w->ordered, w->asked.alloc);
}

void tn__steps_free(tn_ways *w)
{
    const tn_ordered *all = (const tn_ordered *)(const void *)w->ordered.data;
    for (size_t i = 0; i < w->ordered.size / sizeof *all; i++)
        tn__free(w->asked.alloc, all[i].places, all[i].n * sizeof *all[i].places);
    tn__buf_free(&w->ordered);
    tn__map_free(&w->asked);
}

/* ---- in order of target ---- */

static bool fill(const uint32_t *targets, tn_ordered *out, const tn_alloc *a)
{
    tn_sort_item *from = tn__alloc(a, out->n * sizeof *from), *to = tn__alloc(a, out->n * sizeof *to), *sorted;
    uint64_t differing = 0;
    for (uint64_t i = 0; from && to && i < out->n; i++) {
        from[i] = (tn_sort_item){targets[i], i};
        differing |= targets[i] ^ targets[0];
    }
    sorted = from && to ? tn__radix_sort(from, to, out->n, differing) : NULL;
    for (uint64_t i = 0; sorted && i < out->n; i++)
        out->places[i] = (uint32_t)sorted[i].at;
    tn__free(a, from, out->n * sizeof *from);
    tn__free(a, to, out->n * sizeof *to);
    return sorted != NULL;
}

/* Without memory for it the references are searched as they stand. */
static bool put_in_order(tn_ways *w, uint32_t source)
{
    const tn_graph *g = &w->graph;
    tn_ordered made = {.n = g->offsets[source + 1] - g->offsets[source]};
    made.places = tn__alloc(w->asked.alloc, made.n * sizeof *made.places);
    if (made.places && fill(g->targets + g->offsets[source], &made, w->asked.alloc) &&
        tn__buf_append(&w->ordered, &made, sizeof made) == TN_OK)
        return true;
    tn__free(w->asked.alloc, made.places, made.n * sizeof *made.places);
    return false;
}

/* NULL: they are not in order. */
static const tn_ordered *ordered(tn_ways *w, uint32_t source)
{
    const tn_graph *g = &w->graph;
    uint64_t n = g->offsets[source + 1] - g->offsets[source];
    uint32_t *asked;
    if (n < MANY || n >= TN_NONE || tn__map_slot(&w->asked, source, &asked, NULL) < 0)
        return NULL;
    if (*asked < OFTEN)
        ++*asked;
    else if (*asked == OFTEN)
        *asked = put_in_order(w, source) ? OFTEN + (uint32_t)(w->ordered.size / sizeof(tn_ordered)) : 1;
    return *asked > OFTEN ? (const tn_ordered *)(const void *)w->ordered.data + *asked - OFTEN - 1 : NULL;
}

/* ---- references to one object ---- */

typedef struct tn_finding {
    const tn_graph *graph;
    const tn_ordered *ordered; /* NULL: as they stand */
    uint64_t first;
    uint32_t target;
} tn_finding;

static tn_finding find_in(tn_ways *w, uint32_t source, uint32_t target)
{
    return (tn_finding){&w->graph, ordered(w, source), w->graph.offsets[source], target};
}

static bool before(const tn_finding *f, uint32_t place, uint64_t edge)
{
    uint32_t target = f->graph->targets[f->first + place];
    return target != f->target ? target < f->target : f->first + place < edge;
}

/* The first reference to the target from this edge on; end where there is none before that. */
static uint64_t find(const tn_finding *f, uint64_t edge, uint64_t end)
{
    if (!f->ordered) {
        while (edge < end && f->graph->targets[edge] != f->target)
            edge++;
        return edge < end ? edge : end;
    }
    uint64_t low = 0, high = f->ordered->n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (before(f, f->ordered->places[middle], edge))
            low = middle + 1;
        else
            high = middle;
    }
    uint64_t found = low < f->ordered->n ? f->first + f->ordered->places[low] : end;
    return found < end && f->graph->targets[found] == f->target ? found : end;
}

uint64_t tn__step_cost(tn_ways *w, const tn_shunned *no, uint32_t source, uint32_t target)
{
    const tn_graph *g = &w->graph;
    if (tn__is_plain(w, source))
        return tn__place_cost(w, source, target, 1);
    uint64_t first = g->offsets[source], end = g->offsets[source + 1],
             run = first + g->table[g->shapes[source]].n_fixed;
    uint64_t best = TN_NO_WAY, rest = run < end ? tn__kind_cost(g, no, source, run) : TN_NO_WAY;
    tn_finding f = find_in(w, source, target);
    for (uint64_t e = find(&f, first, run); e < run; e = find(&f, e + 1, run)) {
        uint64_t cost = tn__kind_cost(g, no, source, e);
        best = cost < best ? cost : best;
    }
    if (rest < best && find(&f, run, end) < end)
        best = rest;
    return best == TN_NO_WAY ? best : tn__place_cost(w, source, target, best);
}

uint64_t tn__step_edge(tn_ways *w, uint32_t source, uint32_t target)
{
    static const tn_shunned all = {0};
    const tn_graph *g = &w->graph;
    const tn_shape *shape = &g->table[g->shapes[source]];
    uint64_t first = g->offsets[source], end = g->offsets[source + 1], run = first + shape->n_fixed, found = UINT64_MAX;
    bool pairs = (shape->flags & TN_RUN_STYLE) == TN_RUN_PAIRS, found_key = false;
    uint64_t best = TN_NO_WAY;
    tn_finding f = find_in(w, source, target);
    for (uint64_t e = find(&f, first, end); e < end && (best > 1 || found_key); e = find(&f, e + 1, end)) {
        uint64_t cost = tn__kind_cost(g, &all, source, e);
        bool key = pairs && e >= run && (e - run) % 2 == 0;
        if (cost < best || (cost == best && found_key && !key)) {
            best = cost;
            found = e - first;
            found_key = key;
        }
    }
    return found;
}

int tn__step_reference(tn_ways *w, uint32_t source, uint32_t target, tn_reference *out, tn_error *err)
{
    tn_reference_iter iter;
    uint64_t edge = tn__step_edge(w, source, target);
    if (edge == UINT64_MAX)
        return tn__error_set(err, TN_ENOTFOUND, 0, "node %u does not refer to %u", (unsigned)source, (unsigned)target);
    TN_TRY(tn_references(w->snapshot, source, &iter, err));
    iter.position += edge;
    tn_reference_next(&iter, out);
    return TN_OK;
}
