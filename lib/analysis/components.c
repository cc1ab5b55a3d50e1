/* components.c - strongly connected components of what holds what, who waits for the collector, and which cycle is where.
 *
 * One search tells all of it: it starts at the root and at what is anchored, so that what it has not come to by then is garbage.
 * What is no member of any component leads on all the same: such a node waits in a list until the search is through with the
 * one it is in. Nodes without references are left out; a bit tells, which stays near where millions of references lead to a few
 * such ones.
 */
#include "analysis/components.h"

#include "analysis/suspects.h"

#include <stdlib.h>

typedef struct tn_gate {
    uint64_t inside;  /* bits: may be members */
    uint64_t through; /* bits: only lead on, not reached yet */
} tn_gate;

typedef struct tn_search {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    const tn_set *all; /* without tonnage's own */
    uint8_t *holds;
    size_t n_words;
    tn_gate *gates;
    uint64_t *program; /* bits: modules, namespaces, classes */
    uint64_t *twigs;   /* bits: refer to leaves only */
    uint64_t *loops;   /* bits: refer to themselves */
    uint64_t *entered; /* bits, by component */
    tn_finder finder;
    tn_buf todo;      /* u32 */
    uint32_t n_alive; /* components from this number + 1 on are garbage */
} tn_search;


static inline void set_bit(uint64_t *bits, uint32_t id)
{
    bits[id / 64] |= 1ull << (id % 64);
}

/* ---- who may be a member ---- */

static bool holds_something(const tn_graph *g, uint32_t node)
{
    return g->offsets[node] != g->offsets[node + 1] && tn__node_holding(g, node) != TN_HOLDS_NONE;
}

static bool is_mortal(const tn_search *w, uint32_t id)
{
    return w->holds[id] != TN_HOLD_STATIC && w->holds[id] != TN_HOLD_IMMORTAL;
}

/* The namespace of a module is what its __dict__ is. */
static int find_program(tn_search *w, tn_error *err)
{
    const tn_graph *g = &w->graph;
    tn_kinds kinds;
    TN_TRY(tn__kinds_make(w->snapshot, &kinds, err));
    for (uint32_t id = 0; id < g->n_objects; id++) {
        uint32_t kind = kinds.by_shape[g->shapes[id]], slot = kinds.dict_slots[g->shapes[id]];
        if (!(kind & (TN_KIND_MODULE | TN_KIND_CLASS)))
            continue;
        set_bit(w->program, id);
        uint32_t space = kind & TN_KIND_MODULE && slot != TN_NONE ? g->targets[g->offsets[id] + slot] : TN_NONE;
        if (space != TN_NONE && space < g->n_objects)
            set_bit(w->program, space);
    }
    tn__kinds_free(&kinds);
    return TN_OK;
}

/* What refers to leaves alone is in no cycle, and leads nowhere. */
static bool leads_nowhere(const tn_search *w, uint32_t node)
{
    const tn_graph *g = &w->graph;
    for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1]; e++) {
        uint32_t to = g->targets[e];
        if (to != TN_NONE && (w->gates[to / 64].inside | w->gates[to / 64].through) >> (to % 64) & 1)
            return false;
    }
    return true;
}

static void trim(tn_search *w)
{
    for (uint32_t id = 0; id < w->graph.n_objects; id++)
        if (w->gates[id / 64].inside >> (id % 64) & 1 && leads_nowhere(w, id))
            set_bit(w->twigs, id);
    for (size_t i = 0; i < w->n_words; i++)
        w->gates[i].inside &= ~w->twigs[i];
}

/* of: only its members, and nothing leads through others; NULL: all. */
static int open_gates(tn_search *w, const tn_set *of, tn_error *err)
{
    size_t n_through = 0;
    for (uint32_t id = 0; id < w->graph.n_nodes; id++) {
        tn_gate *gate = &w->gates[id / 64];
        bool object = id < w->graph.n_objects, mortal = object && tn__set_test(w->all, id) && is_mortal(w, id);
        if (!holds_something(&w->graph, id) || (of && !(object && tn__set_test(of, id))))
            continue;
        if (mortal && !tn__bit(w->program, id)) {
            gate->inside |= 1ull << (id % 64);
        } else if (!of) {
            gate->through |= 1ull << (id % 64);
            n_through++;
            if (!mortal && object)
                w->program[id / 64] &= ~(1ull << (id % 64));
        }
    }
    trim(w);
    return tn__buf_reserve(&w->todo, n_through * sizeof(uint32_t)) < 0 ? tn__no_memory(w->snapshot, err) : TN_OK;
}

/* ---- the search ---- */

/* There is room for all of them. */
static void wait_for(tn_search *w, uint32_t node)
{
    w->gates[node / 64].through &= ~(1ull << (node % 64));
    (void)tn__buf_append(&w->todo, &node, sizeof node);
}

static inline void fetch(const tn_search *w, uint32_t node)
{
    if (node == TN_NONE || !(w->gates[node / 64].inside >> (node % 64) & 1))
        return;
    __builtin_prefetch(&w->finder.marks[node], 1);
    __builtin_prefetch(&w->graph.offsets[node]);
    __builtin_prefetch(&w->graph.shapes[node]);
}

static uint32_t next(void *ctx, uint32_t node, uint64_t *at)
{
    enum { AHEAD = 16 };
    tn_search *w = ctx;
    const tn_graph *g = &w->graph;
    bool all = tn__node_holding(g, node) == TN_HOLDS_ALL;
    uint64_t end = g->offsets[node + 1], e = g->offsets[node] + *at;
    for (uint64_t k = e; *at == 0 && k < end && k < e + AHEAD; k++)
        fetch(w, g->targets[k]);
    for (; e < end; e++) {
        uint32_t to = g->targets[e];
        if (to == TN_NONE)
            continue;
        const tn_gate *gate = &w->gates[to / 64];
        if (!((gate->inside | gate->through) >> (to % 64) & 1) || (!all && !tn__edge_holds(g, node, e)))
            continue;
        if (!(gate->inside >> (to % 64) & 1)) {
            wait_for(w, to);
            continue;
        }
        if (to == node)
            set_bit(w->loops, node);
        *at = e + 1 - g->offsets[node];
        return to;
    }
    return TN_NONE;
}

static bool counts(void *ctx, uint32_t node)
{
    return tn__bit(((const tn_search *)ctx)->loops, node);
}

static void enter(void *ctx, uint32_t component)
{
    set_bit(((const tn_search *)ctx)->entered, component);
}

static int visit(tn_search *w, uint32_t node)
{
    const tn_successors successors = {w, next, counts, enter};
    return tn__finder_visit(&w->finder, node, &successors);
}

/* Through a node that is no member. */
static int lead_on(tn_search *w, uint32_t node)
{
    uint64_t at = 0;
    for (uint32_t to; (to = next(w, node, &at)) != TN_NONE;) {
        if (!w->finder.marks[to])
            TN_TRY(visit(w, to));
        if (tn__component_of(&w->finder, to))
            enter(w, tn__component_of(&w->finder, to));
    }
    return TN_OK;
}

static int reach(tn_search *w, uint32_t node)
{
    const tn_gate *gate = &w->gates[node / 64];
    if (gate->through >> (node % 64) & 1)
        wait_for(w, node);
    else if (gate->inside >> (node % 64) & 1 && !w->finder.marks[node])
        TN_TRY(visit(w, node));
    while (w->todo.size) {
        w->todo.size -= sizeof node;
        TN_TRY(lead_on(w, *(const uint32_t *)(const void *)(w->todo.data + w->todo.size)));
    }
    return TN_OK;
}

static int reach_all_inside(tn_search *w)
{
    for (uint32_t id = 0; id < w->graph.n_objects; id++)
        if (w->gates[id / 64].inside >> (id % 64) & 1 && !w->finder.marks[id])
            TN_TRY(reach(w, id));
    return TN_OK;
}

static bool is_anchor(const tn_search *w, uint32_t id)
{
    return w->holds[id] != TN_HOLD_REFERENCES && w->holds[id] != TN_HOLD_UNREACHABLE;
}

static int reach_alive(tn_search *w)
{
    TN_TRY(reach(w, w->graph.root));
    for (uint32_t id = 0; id < w->graph.n_objects; id++)
        if (is_anchor(w, id))
            TN_TRY(reach(w, id));
    w->n_alive = w->finder.n_components;
    return TN_OK;
}

/* ---- garbage ---- */

static bool is_leaf(const tn_search *w, uint32_t id)
{
    return tn__bit(w->twigs, id) || !holds_something(&w->graph, id);
}

/* Whether the search has come to a node, leaves aside. */
static bool is_reached(const tn_search *w, uint32_t id)
{
    const tn_gate *gate = &w->gates[id / 64];
    return !(gate->through >> (id % 64) & 1) && !(gate->inside >> (id % 64) & 1 && !w->finder.marks[id]);
}

/* Of leaves and twigs. */
static bool is_alive(const tn_search *w, const uint64_t *alive, uint32_t id)
{
    return is_anchor(w, id) || tn__bit(alive, id);
}

/* Leaves are alive when something alive refers to them, or they are anchored; first those to which no twig does, and twigs. */
static void find_alive_leaves(const tn_search *w, bool twigs, uint64_t *alive)
{
    const tn_graph *g = &w->graph;
    for (uint32_t node = 0; node < g->n_nodes; node++) {
        if (tn__bit(w->twigs, node) != twigs || !(twigs ? is_alive(w, alive, node) : holds_something(g, node) && is_reached(w, node)))
            continue;
        bool all = tn__node_holding(g, node) == TN_HOLDS_ALL;
        for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1]; e++)
            if (g->targets[e] != TN_NONE && (all || tn__edge_holds(g, node, e)))
                set_bit(alive, g->targets[e]);
    }
}

/* After all that is alive has been reached. */
static int find_waiting(const tn_search *w, tn_set **out, tn_error *err)
{
    uint64_t *alive = tn__alloc_zero(w->alloc, w->n_words * sizeof *alive);
    tn_set *waiting = NULL;
    int status = alive ? tn_set_new(w->snapshot, &waiting, err) : tn__no_memory(w->snapshot, err);
    if (status == TN_OK) {
        find_alive_leaves(w, false, alive);
        find_alive_leaves(w, true, alive);
        for (uint32_t id = tn_set_next(w->all, 0); id != TN_NONE; id = tn_set_next(w->all, id + 1))
            if (is_leaf(w, id) ? !is_alive(w, alive, id) : !is_reached(w, id))
                tn__set_add(waiting, id);
        *out = waiting;
    }
    tn__free(w->alloc, alive, w->n_words * sizeof *alive);
    return status;
}

/* A class, module or namespace that waits is a member like any other object. */
static void admit_program(tn_search *w)
{
    for (size_t i = 0; i < w->n_words; i++) {
        uint64_t left = w->gates[i].through & w->program[i];
        w->gates[i].inside |= left;
        w->gates[i].through &= ~left;
    }
}

static int search(tn_search *w, const tn_set *of, tn_set **waiting, tn_error *err)
{
    if (!of)
        TN_TRY(find_program(w, err));
    TN_TRY(open_gates(w, of, err));
    if (!of) {
        if (reach_alive(w) < 0)
            return tn__no_memory(w->snapshot, err);
        TN_TRY(find_waiting(w, waiting, err));
        admit_program(w);
    }
    return reach_all_inside(w) < 0 ? tn__no_memory(w->snapshot, err) : TN_OK;
}

static void close_search(tn_search *w)
{
    tn__finder_free(&w->finder);
    tn__buf_free(&w->todo);
    tn__free(w->alloc, w->gates, w->n_words * sizeof *w->gates);
    tn__free(w->alloc, w->program, w->n_words * sizeof *w->program);
    tn__free(w->alloc, w->twigs, w->n_words * sizeof *w->twigs);
    tn__free(w->alloc, w->loops, w->n_words * sizeof *w->loops);
    tn__free(w->alloc, w->entered, (w->n_words + 1) * sizeof *w->entered);
}

static int open_search(tn_snapshot *s, uint32_t *marks, tn_search *out, tn_error *err)
{
    tn_search w = {.snapshot = s, .alloc = tn__snapshot_alloc(s)};
    TN_TRY(tn__graph(s, &w.graph, err));
    TN_TRY(tn__anchors(s, &w.holds, err));
    TN_TRY(tn__set_of_all(s, &w.all, err));
    w.n_words = ((size_t)w.graph.n_nodes + 63) / 64;
    w.gates = tn__alloc_zero(w.alloc, w.n_words * sizeof *w.gates);
    w.program = tn__alloc_zero(w.alloc, w.n_words * sizeof *w.program);
    w.twigs = tn__alloc_zero(w.alloc, w.n_words * sizeof *w.twigs);
    w.loops = tn__alloc_zero(w.alloc, w.n_words * sizeof *w.loops);
    w.entered = tn__alloc_zero(w.alloc, (w.n_words + 1) * sizeof *w.entered);
    tn__buf_init(&w.todo, w.alloc);
    tn__finder_init(&w.finder, w.alloc, marks);
    if (!w.gates || !w.program || !w.twigs || !w.loops || !w.entered) {
        close_search(&w);
        return tn__no_memory(s, err);
    }
    *out = w;
    return TN_OK;
}

/* ---- rows ---- */

/* Sums by number of the component. */
static int add_up(const tn_search *w, tn_component_row *sums, tn_error *err)
{
    tn_sizes sizes;
    int more;
    TN_TRY(tn__sizes_open(w->snapshot, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++) {
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t id = (uint32_t)sizes.shap.first_row + i;
            uint32_t number = w->finder.marks[id] ? tn__component_of(&w->finder, id) : 0;
            if (number == 0)
                continue;
            if (sums[number].count++ == 0) {
                sums[number].first = id;
                sums[number].loop = TN_NONE;
                sums[number].edges = TN_UNKNOWN;
            }
            if (sums[number].loop == TN_NONE && tn__bit(w->loops, id))
                sums[number].loop = id;
            sums[number].bytes += tn__block_at(&sizes.size, i);
        }
    }
    tn__sizes_close(&sizes);
    return more;
}

static int tell_states(const tn_search *w, tn_component_row *sums, const tn_components_options *o, tn_error *err)
{
    const tn_graph *g = &w->graph;
    uint32_t list = TN_NONE;
    for (uint32_t i = 1; i <= w->finder.n_components; i++) {
        sums[i].state = o->of ? TN_CYCLE_UNTOLD : i > w->n_alive ? TN_CYCLE_WAITING : TN_CYCLE_ALIVE;
        sums[i].source = !tn__bit(w->entered, i);
    }
    if (o->of)
        return TN_OK;
    TN_TRY(tn__garbage_list(w->snapshot, &list, err));
    for (uint64_t e = list == TN_NONE ? 1 : g->offsets[list]; list != TN_NONE && e < g->offsets[list + 1]; e++) {
        uint32_t to = g->targets[e];
        if (to != TN_NONE && w->finder.marks[to] && tn__component_of(&w->finder, to))
            sums[tn__component_of(&w->finder, to)].state = TN_CYCLE_LISTED;
    }
    return TN_OK;
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
        if (w->finder.marks[id])
            places[tn__component_of(&w->finder, id)] = 0;
    for (uint32_t i = 1; i <= w->finder.n_components; i++) {
        if (places[i] == 0 && (!o->garbage || sums[i].state == TN_CYCLE_WAITING))
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
static void fill(tn_components *c, const tn_search *w, const tn_component_row *sums, const tn_placed *placed,
                 const uint32_t *places)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        c->rows[i] = sums[placed[i].number];
        c->rows[i].first = at;
        at += c->rows[i].count;
        c->rows[i].count = 0;
    }
    for (uint32_t id = 0; id < c->graph.n_nodes; id++) {
        uint32_t place = c->marks[id] ? places[tn__component_of(&w->finder, id)] : TN_NONE;
        c->marks[id] = place == TN_NONE ? TN_NONE : TN_NONE - 1 - place;
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
    int status = sums && placed && places ? add_up(w, sums, err) : tn__no_memory(c->snapshot, err);
    if (status == TN_OK)
        status = tell_states(w, sums, o, err);
    if (status == TN_OK) {
        order(c, w, sums, o, placed, places);
        c->rows = tn__alloc(c->alloc, c->n * sizeof *c->rows);
        c->members = tn__alloc(c->alloc, c->n_members * sizeof *c->members);
        if (c->rows && c->members)
            fill(c, w, sums, placed, places);
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
    TN_TRY(open_search(c->snapshot, c->marks, &w, err));
    int status = search(&w, o->of, &c->waiting, err);
    if (status == TN_OK)
        status = write_rows(c, &w, o, err);
    close_search(&w);
    return status;
}

int tn_components_make(tn_snapshot *s, const tn_components_options *options, tn_components **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_components_options o = options ? *options : (tn_components_options){0};
    TN_TRY(tn__set_check(s, o.of, err));
    TN_TRY(tn__set_check(s, o.where, err));
    tn_components *c = tn__alloc_zero(a, sizeof *c);
    if (!c)
        return tn__no_memory(s, err);
    *c = (tn_components){.snapshot = s, .alloc = a};
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
