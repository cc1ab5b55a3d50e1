/* components.c - components as rows, those of most bytes first, and which object is in which. */
#include "analysis/component_search.h"

#include "analysis/dominators.h"

#include <stdlib.h>

/* ---- rows ---- */

/* Marks by id, as the finder has them by rank. */
static void spread_marks(const tn_search *w, uint32_t *marks)
{
    for (uint32_t id = 0; id < w->graph.n_nodes; id++)
        marks[id] = tn__has_rank(w, id) ? w->leads[tn__rank_of(w, id)].mark : TN_NONE;
}

/* Number of the component of a node, from 1; 0: it is in none. */
static uint32_t number_of(const tn_components *c, uint32_t id)
{
    return c->marks[id] ? TN_NONE - c->marks[id] : 0;
}

/* Sums by number of the component. */
static int add_up(const tn_components *c, const tn_search *w, tn_component_row *sums, tn_error *err)
{
    tn_sizes sizes;
    int more;
    TN_TRY(tn__sizes_open(w->snapshot, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++) {
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t id = (uint32_t)sizes.shap.first_row + i;
            uint32_t number = number_of(c, id);
            if (number == 0)
                continue;
            if (sums[number].count++ == 0) {
                sums[number].first = id;
                sums[number].loop = TN_NONE;
                sums[number].edges = TN_UNKNOWN;
            }
            if (sums[number].loop == TN_NONE && tn__bit(w->loops, tn__rank_of(w, id)))
                sums[number].loop = id;
            sums[number].bytes += tn__block_at(&sizes.size, i);
        }
    }
    tn__sizes_close(&sizes);
    return more;
}

static void tell_states(const tn_components *c, const tn_search *w, tn_component_row *sums, bool part)
{
    for (uint32_t i = 1; i <= w->finder.n_components; i++) {
        sums[i].state = part             ? TN_CYCLE_UNTOLD
                        : i > w->n_kept  ? TN_CYCLE_WAITING
                        : i > w->n_alive ? TN_CYCLE_LISTED
                                         : TN_CYCLE_ALIVE;
        sums[i].source = !tn__bit(w->entered, i);
    }
    for (uint32_t id = c->listed ? tn_set_next(c->listed, 0) : TN_NONE; id != TN_NONE;
         id = tn_set_next(c->listed, id + 1))
        if (number_of(c, id))
            sums[number_of(c, id)].state = TN_CYCLE_LISTED;
}

typedef struct tn_placed {
    uint64_t bytes;
    uint32_t first, number;
} tn_placed;

static int compare(const void *left, const void *right)
{
    const tn_placed *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Which are wanted, in order; the place of each number in numbers, TN_NONE of others. */
static void order(tn_components *c, const tn_search *w, const tn_component_row *sums, const tn_components_options *o,
                  tn_placed *placed, uint32_t *places)
{
    for (uint32_t i = 0; i <= w->finder.n_components; i++)
        places[i] = o->where ? TN_NONE : 0;
    for (uint32_t id = o->where ? tn_set_next(o->where, 0) : TN_NONE; id != TN_NONE; id = tn_set_next(o->where, id + 1))
        places[number_of(c, id)] = 0;
    for (uint32_t i = 1; i <= w->finder.n_components; i++) {
        if (places[i] == 0 && (!o->garbage || sums[i].state == TN_CYCLE_WAITING || sums[i].state == TN_CYCLE_LISTED))
            placed[c->n++] = (tn_placed){sums[i].bytes, sums[i].first, i};
        places[i] = TN_NONE;
    }
    places[0] = TN_NONE;
    if (c->n > 1)
        qsort(placed, c->n, sizeof *placed, compare);
    for (uint32_t i = 0; i < c->n; i++) {
        places[placed[i].number] = i;
        c->n_members += sums[placed[i].number].count;
        c->bytes += placed[i].bytes;
    }
}

/* Members in order of id; marks tell the row from here on. */
static void fill(tn_components *c, const tn_component_row *sums, const tn_placed *placed, const uint32_t *places)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        c->rows[i] = sums[placed[i].number];
        c->rows[i].first = at;
        at += c->rows[i].count;
        c->rows[i].count = 0;
    }
    for (uint32_t id = 0; id < c->graph.n_nodes; id++) {
        uint32_t number = number_of(c, id), place = places[number];
        c->marks[id] = place != TN_NONE ? TN_NONE - 1 - place : number ? 0 : TN_NONE;
        if (place != TN_NONE)
            c->members[c->rows[place].first + c->rows[place].count++] = id;
    }
}

static int write_rows(tn_components *c, const tn_search *w, const tn_components_options *o, tn_error *err)
{
    size_t n = (size_t)w->finder.n_components + 1;
    tn_component_row *sums = tn__alloc_zero(c->alloc, n * sizeof *sums);
    tn_placed *placed = tn__alloc(c->alloc, n * sizeof *placed);
    uint32_t *places = tn__alloc(c->alloc, n * sizeof *places);
    int status = sums && placed && places ? add_up(c, w, sums, err) : tn__no_memory(c->snapshot, err);
    if (status == TN_OK)
        status = o->of ? TN_OK : tn__search_listed(w, &c->listed, err);
    if (status == TN_OK) {
        tell_states(c, w, sums, o->of != NULL);
        order(c, w, sums, o, placed, places);
        c->rows = tn__alloc(c->alloc, c->n * sizeof *c->rows);
        c->members = tn__alloc(c->alloc, c->n_members * sizeof *c->members);
        if (c->rows && c->members)
            fill(c, sums, placed, places);
        else
            status = tn__no_memory(c->snapshot, err);
    }
    tn__free(c->alloc, sums, n * sizeof *sums);
    tn__free(c->alloc, placed, n * sizeof *placed);
    tn__free(c->alloc, places, n * sizeof *places);
    return status;
}

/* ---- what others ask ---- */

static int make(tn_components *c, const tn_components_options *o, tn_error *err)
{
    tn_search w;
    TN_TRY(tn__search_open(c->snapshot, &w, err));
    int status = tn__search_run(&w, o->of, &c->waiting, err);
    if (status == TN_OK)
        spread_marks(&w, c->marks);
    if (status == TN_OK)
        status = write_rows(c, &w, o, err);
    tn__search_close(&w);
    return status;
}

int tn_components_make(tn_snapshot *s, const tn_components_options *options, tn_components **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_components_options o = options ? *options : (tn_components_options){0};
    TN_TRY(tn__set_check(s, o.of, err));
    TN_TRY(tn__set_check(s, o.where, err));
    if (o.by != TN_BY_TYPE && o.by != TN_BY_SITE)
        return tn__error_set(err, TN_EINVAL, 0, "groups of cycles are by type, what they go over, or by site");
    tn_components *c = tn__alloc_zero(a, sizeof *c);
    if (!c)
        return tn__no_memory(s, err);
    *c = (tn_components){.snapshot = s, .alloc = a, .by = o.by};
    tn__cycles_init(c);
    int status = tn__graph(s, &c->graph, err);
    if (status == TN_OK) {
        c->marks = tn__alloc_zero(a, c->graph.n_nodes * sizeof *c->marks);
        status = c->marks ? make(c, &o, err) : tn__no_memory(s, err);
    }
    if (status < 0)
        tn_components_free(c);
    else
        *out = c;
    return status;
}

void tn_components_free(tn_components *c)
{
    if (!c)
        return;
    tn__cycle_groups_free(c);
    tn__cycles_free(c);
    tn_set_free(c->waiting);
    tn_set_free(c->listed);
    tn__free(c->alloc, c->marks, c->graph.n_nodes * sizeof *c->marks);
    tn__free(c->alloc, c->rows, c->n * sizeof *c->rows);
    tn__free(c->alloc, c->members, c->n_members * sizeof *c->members);
    tn__free(c->alloc, c, sizeof *c);
}

uint32_t tn_components_count(const tn_components *c)
{
    return c->n;
}

int tn__component_check(const tn_components *c, uint32_t index, tn_error *err)
{
    return index < c->n ? TN_OK : tn__error_set(err, TN_EINVAL, 0, "there is no component %u", (unsigned)index);
}

uint64_t tn__component_edges(tn_components *c, uint32_t index)
{
    tn_component_row *row = &c->rows[index];
    const uint32_t *members = tn__component_members(c, index);
    if (row->edges != TN_UNKNOWN)
        return row->edges;
    row->edges = 0;
    for (uint32_t i = 0; i < row->count; i++)
        for (uint64_t e = c->graph.offsets[members[i]]; e < c->graph.offsets[members[i] + 1]; e++)
            row->edges += c->graph.targets[e] != TN_NONE && tn__in_component(c, index, c->graph.targets[e]) &&
                          tn__edge_holds(&c->graph, members[i], e);
    return row->edges;
}

int tn_components_row(tn_components *c, uint32_t index, tn_component *out, tn_error *err)
{
    TN_TRY(tn__component_check(c, index, err));
    const tn_component_row *row = &c->rows[index];
    *out = (tn_component){.count = row->count,
                          .first = c->members[row->first],
                          .bytes = row->bytes,
                          .references = tn__component_edges(c, index),
                          .state = row->state,
                          .source = row->source};
    return TN_OK;
}

void tn__component_add(const tn_components *c, uint32_t index, tn_set *out)
{
    const uint32_t *members = tn__component_members(c, index);
    for (uint32_t i = 0; i < c->rows[index].count; i++)
        tn__set_add(out, members[i]);
}

int tn_components_members(const tn_components *c, uint32_t index, tn_set **out, tn_error *err)
{
    tn_set *set;
    TN_TRY(tn__component_check(c, index, err));
    TN_TRY(tn_set_new(c->snapshot, &set, err));
    tn__component_add(c, index, set);
    *out = set;
    return TN_OK;
}

int tn_garbage_set(tn_snapshot *s, tn_set **out, tn_error *err)
{
    tn_components *c;
    TN_TRY(tn_components_make(s, &(tn_components_options){.garbage = true}, &c, err));
    *out = c->waiting;
    c->waiting = NULL;
    tn_components_free(c);
    return TN_OK;
}
