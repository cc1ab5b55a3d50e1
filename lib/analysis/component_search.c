/* component_search.c - strongly connected components of what holds what, and who waits for the collector.
 *
 * One search tells all of it: it starts at the root and at what is anchored, so that what it has not come to by then is garbage.
 * What is no member of any component leads on all the same: such a node waits in a list until the search is through with the
 * one it is in. Leaves, and what refers to leaves alone, are cut off first, and what is left is numbered and its references are
 * copied: a search waits for memory at every step, and the less there is of it the less it waits.
 */
#include "analysis/component_search.h"

#include "analysis/suspects.h"

enum { LEAD_SHIFT = 2, MARK_AT = 3 }; /* in words of a tn_lead: how far marks stand from each other, and where */

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

/* Classes among what a node refers to. */
static int name_classes(tn_search *w, const tn_kinds *kinds, uint32_t node, tn_buf *named)
{
    const tn_graph *g = &w->graph;
    for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1]; e++) {
        uint32_t to = g->targets[e];
        if (to >= g->n_objects || !(kinds->by_shape[g->shapes[to]] & TN_KIND_CLASS) || tn__bit(w->program, to))
            continue;
        set_bit(w->program, to);
        TN_TRY(tn__buf_append(named, &to, sizeof to));
    }
    return TN_OK;
}

/* What a named class refers to itself, and what is in its dict and its tuples: classes in it, its bases. */
static int name_inner(tn_search *w, const tn_kinds *kinds, uint32_t class, tn_buf *named)
{
    const tn_graph *g = &w->graph;
    TN_TRY(name_classes(w, kinds, class, named));
    for (uint64_t e = g->offsets[class]; e < g->offsets[class + 1]; e++) {
        unsigned style = g->targets[e] < g->n_objects ? g->table[g->shapes[g->targets[e]]].flags & TN_RUN_STYLE : 0;
        if (style == TN_RUN_PAIRS || style == TN_RUN_ITEMS)
            TN_TRY(name_classes(w, kinds, g->targets[e], named));
    }
    return TN_OK;
}

/* Modules and their namespaces, which are what their __dict__s are; roots and frames, which have classes in use. */
static int name_from_modules(tn_search *w, const tn_kinds *kinds, tn_buf *named)
{
    const tn_graph *g = &w->graph;
    for (uint32_t id = 0; id < g->n_objects; id++) {
        uint32_t kind = kinds->by_shape[g->shapes[id]], slot = kinds->dict_slots[g->shapes[id]];
        if (kind & TN_KIND_CLASS && w->holds[id] != TN_HOLD_REFERENCES && w->holds[id] != TN_HOLD_UNREACHABLE) {
            set_bit(w->program, id);
            TN_TRY(tn__buf_append(named, &id, sizeof id));
        }
        if (!(kind & TN_KIND_MODULE))
            continue;
        set_bit(w->program, id);
        TN_TRY(name_classes(w, kinds, id, named));
        uint32_t space = slot != TN_NONE ? g->targets[g->offsets[id] + slot] : TN_NONE;
        if (space >= g->n_objects)
            continue;
        set_bit(w->program, space);
        TN_TRY(name_classes(w, kinds, space, named));
    }
    for (uint32_t node = g->n_objects; node < g->n_nodes; node++)
        TN_TRY(name_classes(w, kinds, node, named));
    return TN_OK;
}

/* Modules, namespaces, and the classes that are named in these or in one another. */
static int find_program(tn_search *w, tn_error *err)
{
    tn_kinds kinds;
    tn_buf named;
    TN_TRY(tn__kinds_make(w->snapshot, &kinds, err));
    tn__buf_init(&named, w->alloc);
    int status = name_from_modules(w, &kinds, &named);
    while (status == TN_OK && named.size) {
        named.size -= sizeof(uint32_t);
        status = name_inner(w, &kinds, *(const uint32_t *)(const void *)(named.data + named.size), &named);
    }
    tn__buf_free(&named);
    tn__kinds_free(&kinds);
    return status < 0 ? tn__no_memory(w->snapshot, err) : TN_OK;
}

/* of: only its members, and nothing leads through others; NULL: all. */
static void open_gates(tn_search *w, const tn_set *of)
{
    for (uint32_t id = 0; id < w->graph.n_nodes; id++) {
        tn_gate *gate = &w->gates[id / 64];
        bool object = id < w->graph.n_objects, mortal = object && tn__set_test(w->all, id) && is_mortal(w, id);
        if (!mortal)
            w->program[id / 64] &= ~(1ull << (id % 64));
        if (!holds_something(&w->graph, id) || (of && !(object && tn__set_test(of, id))))
            continue;
        if (mortal && !tn__bit(w->program, id))
            gate->inside |= 1ull << (id % 64);
        else if (!of)
            gate->others |= 1ull << (id % 64);
    }
}

/* What refers to leaves alone is in no cycle, and leads nowhere. */
static bool leads_nowhere(const tn_search *w, uint32_t node)
{
    const tn_graph *g = &w->graph;
    for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1]; e++)
        if (g->targets[e] != TN_NONE && tn__has_rank(w, g->targets[e]))
            return false;
    return true;
}

/* Told of all of them before any is cut off. */
static void trim(tn_search *w)
{
    for (uint32_t id = 0; id < w->graph.n_objects; id++)
        if (w->gates[id / 64].inside >> (id % 64) & 1 && leads_nowhere(w, id))
            set_bit(w->twigs, id);
    for (size_t i = 0; i < w->n_words; i++)
        w->gates[i].inside &= ~w->twigs[i];
}

/* ---- ranks ---- */

static void number(tn_search *w)
{
    uint32_t n_others = 0;
    for (size_t i = 0; i < w->n_words; i++) {
        w->gates[i].before_inside = w->n_inside;
        w->gates[i].before_others = n_others;
        w->n_inside += (uint32_t)__builtin_popcountll(w->gates[i].inside);
        n_others += (uint32_t)__builtin_popcountll(w->gates[i].others);
    }
    w->n_ranks = w->n_inside + n_others;
}

/* References that stand side by side more than once count once: [x] * 1000. */
static int add_edges(tn_search *w, uint32_t node)
{
    enum { AHEAD = 16 };
    const tn_graph *g = &w->graph;
    uint64_t n_edges = g->offsets[g->n_nodes];
    bool all = tn__node_holding(g, node) == TN_HOLDS_ALL;
    uint32_t last = TN_NONE;
    TN_TRY(tn__buf_reserve(&w->edges, (g->offsets[node + 1] - g->offsets[node]) * sizeof(uint32_t)));
    uint32_t *out = (uint32_t *)(void *)(w->edges.data + w->edges.size), *start = out;
    for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1]; e++) {
        uint32_t to = g->targets[e], ahead = e + AHEAD < n_edges ? g->targets[e + AHEAD] : TN_NONE;
        if (ahead != TN_NONE)
            __builtin_prefetch(&w->gates[ahead / 64]);
        if (to == TN_NONE || to == last || !tn__has_rank(w, to) || (!all && !tn__edge_holds(g, node, e)))
            continue;
        *out++ = tn__rank_of(w, to);
        last = to;
    }
    w->edges.size += (size_t)(out - start) * sizeof *out;
    return TN_OK;
}

static int keep_edges(tn_search *w, uint32_t rank, size_t before)
{
    tn_lead *lead = &w->leads[rank];
    uint64_t n = (w->edges.size - before) / sizeof(uint32_t);
    if (n >= TN_NONE) /* 16 GiB */
        return TN_ENOMEM;
    lead->n = (uint32_t)n;
    lead->first = before / sizeof(uint32_t);
    if (n != 1)
        return TN_OK;
    lead->first = *(const uint32_t *)(const void *)(w->edges.data + before);
    w->edges.size = before;
    return TN_OK;
}

/* First the members' edges, then those of the others, so that edges stand in order of rank. */
static int fill_edges(tn_search *w)
{
    uint32_t rank = 0;
    for (unsigned others = 0; others < 2; others++) {
        for (size_t i = 0; i < w->n_words; i++) {
            for (uint64_t bits = others ? w->gates[i].others : w->gates[i].inside; bits; bits &= bits - 1) {
                size_t before = w->edges.size;
                TN_TRY(add_edges(w, (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(bits)));
                TN_TRY(keep_edges(w, rank++, before));
            }
        }
    }
    return TN_OK;
}

static size_t rank_words(const tn_search *w)
{
    return (size_t)w->n_ranks / 64 + 1;
}

static int make_ranks(tn_search *w, tn_error *err)
{
    trim(w);
    number(w);
    w->leads = tn__alloc_zero(w->alloc, w->n_ranks * sizeof *w->leads);
    tn__finder_init(&w->finder, w->alloc, w->leads ? (uint32_t *)(void *)w->leads + MARK_AT : NULL, LEAD_SHIFT);
    w->admitted = tn__alloc_zero(w->alloc, rank_words(w) * sizeof *w->admitted);
    w->loops = tn__alloc_zero(w->alloc, rank_words(w) * sizeof *w->loops);
    w->entered = tn__alloc_zero(w->alloc, rank_words(w) * sizeof *w->entered);
    bool room = w->leads && w->admitted && w->loops && w->entered &&
                tn__buf_reserve(&w->todo, (w->n_ranks - w->n_inside) * sizeof(uint32_t)) == TN_OK;
    return room && fill_edges(w) == TN_OK ? TN_OK : tn__no_memory(w->snapshot, err);
}

/* ---- the search ---- */

static inline bool is_member(const tn_search *w, uint32_t rank)
{
    return rank < w->n_inside || tn__bit(w->admitted, rank);
}

/* There is room for all of them. */
static void wait_for(tn_search *w, uint32_t rank)
{
    w->leads[rank].mark = TN_NONE;
    (void)tn__buf_append(&w->todo, &rank, sizeof rank);
}

static inline uint32_t next(void *ctx, uint32_t rank, uint64_t *at)
{
    enum { AHEAD = 16 };
    tn_search *w = ctx;
    const tn_lead *lead = &w->leads[rank];
    const uint32_t one = (uint32_t)lead->first, n = lead->n;
    const uint32_t *edges = n == 1 ? &one : (const uint32_t *)(const void *)w->edges.data + lead->first;
    for (uint32_t k = 0; *at == 0 && k < n && k < AHEAD; k++)
        __builtin_prefetch(&w->leads[edges[k]], 1);
    for (uint64_t e = *at; e < n; e++) {
        uint32_t to = edges[e];
        if (is_member(w, to)) {
            if (to == rank)
                set_bit(w->loops, rank);
            *at = e + 1;
            return to;
        }
        if (!w->leads[to].mark)
            wait_for(w, to);
    }
    return TN_NONE;
}

static bool counts(void *ctx, uint32_t rank)
{
    return tn__bit(((const tn_search *)ctx)->loops, rank);
}

static void enter(void *ctx, uint32_t component)
{
    set_bit(((const tn_search *)ctx)->entered, component);
}

static int visit(tn_search *w, uint32_t rank)
{
    const tn_successors successors = {w, next, counts, enter};
    return tn__finder_visit(&w->finder, rank, &successors);
}

/* Through a node that is no member. */
static int lead_on(tn_search *w, uint32_t rank)
{
    uint64_t at = 0;
    for (uint32_t to; (to = next(w, rank, &at)) != TN_NONE;) {
        if (!w->leads[to].mark)
            TN_TRY(visit(w, to));
        if (tn__component_of(&w->finder, to))
            enter(w, tn__component_of(&w->finder, to));
    }
    return TN_OK;
}

static int reach_waiting(tn_search *w)
{
    while (w->todo.size) {
        w->todo.size -= sizeof(uint32_t);
        TN_TRY(lead_on(w, *(const uint32_t *)(const void *)(w->todo.data + w->todo.size)));
    }
    return TN_OK;
}

static int reach(tn_search *w, uint32_t rank)
{
    if (w->leads[rank].mark)
        return TN_OK;
    if (is_member(w, rank))
        TN_TRY(visit(w, rank));
    else
        wait_for(w, rank);
    return reach_waiting(w);
}

/* Of a node that has a rank. */
static bool is_reached(const tn_search *w, uint32_t id)
{
    return w->leads[tn__rank_of(w, id)].mark != 0;
}

static bool is_anchor(const tn_search *w, uint32_t id)
{
    return w->holds[id] != TN_HOLD_REFERENCES && w->holds[id] != TN_HOLD_UNREACHABLE;
}

static int reach_anchored(tn_search *w)
{
    if (tn__has_rank(w, w->graph.root))
        TN_TRY(reach(w, tn__rank_of(w, w->graph.root)));
    for (uint32_t id = 0; id < w->graph.n_objects; id++)
        if (is_anchor(w, id) && tn__has_rank(w, id))
            TN_TRY(reach(w, tn__rank_of(w, id)));
    return TN_OK;
}

/* A class, module or namespace that nothing alive leads to is a member like any other object. */
static void admit_program(tn_search *w)
{
    for (uint32_t id = 0; id < w->graph.n_objects; id++)
        if (tn__bit(w->program, id) && tn__has_rank(w, id) && !is_reached(w, id))
            set_bit(w->admitted, tn__rank_of(w, id));
}

/* gc.garbage keeps what would be gone without it: first it leads nowhere, then to that. It is a member of nothing itself. */
static int reach_alive(tn_search *w)
{
    tn_lead *lead = w->list != TN_NONE && tn__has_rank(w, w->list) ? &w->leads[tn__rank_of(w, w->list)] : NULL;
    uint32_t n = lead ? lead->n : 0;
    if (lead)
        lead->n = 0;
    TN_TRY(reach_anchored(w));
    w->n_alive = w->finder.n_components;
    admit_program(w);
    if (lead)
        lead->n = n;
    if (lead && lead->mark) {
        TN_TRY(lead_on(w, tn__rank_of(w, w->list)));
        TN_TRY(reach_waiting(w));
    }
    w->n_kept = w->finder.n_components;
    return TN_OK;
}

static int reach_rest(tn_search *w)
{
    for (uint32_t rank = 0; rank < w->n_ranks; rank++)
        if (is_member(w, rank))
            TN_TRY(reach(w, rank));
    return TN_OK;
}

/* ---- garbage ---- */

/* Of leaves and twigs. */
static bool is_alive(const tn_search *w, const uint64_t *alive, uint32_t id)
{
    return is_anchor(w, id) || tn__bit(alive, id);
}

/* Leaves and twigs are alive when something alive refers to them, or they are anchored; what twigs refer to comes last. */
static void find_alive_leaves(const tn_search *w, bool twigs, uint64_t *alive)
{
    const tn_graph *g = &w->graph;
    for (uint32_t node = 0; node < g->n_nodes; node++) {
        if (twigs ? !tn__bit(w->twigs, node) || !is_alive(w, alive, node)
                  : !tn__has_rank(w, node) || !is_reached(w, node))
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
            if (tn__has_rank(w, id) ? !is_reached(w, id) : !is_alive(w, alive, id))
                tn__set_add(waiting, id);
        *out = waiting;
    }
    tn__free(w->alloc, alive, w->n_words * sizeof *alive);
    return status;
}

int tn__search_listed(const tn_search *w, tn_set **out, tn_error *err)
{
    const tn_graph *g = &w->graph;
    TN_TRY(tn_set_new(w->snapshot, out, err));
    for (uint64_t e = w->list == TN_NONE ? 1 : g->offsets[w->list]; w->list != TN_NONE && e < g->offsets[w->list + 1];
         e++)
        if (g->targets[e] != TN_NONE && tn__set_test(w->all, g->targets[e]))
            tn__set_add(*out, g->targets[e]);
    return TN_OK;
}

int tn__search_run(tn_search *w, const tn_set *of, tn_set **waiting, tn_error *err)
{
    if (!of) {
        TN_TRY(find_program(w, err));
        TN_TRY(tn__garbage_list(w->snapshot, &w->list, err));
    }
    open_gates(w, of);
    TN_TRY(make_ranks(w, err));
    if (!of) {
        if (reach_alive(w) < 0)
            return tn__no_memory(w->snapshot, err);
        TN_TRY(find_waiting(w, waiting, err));
    }
    return reach_rest(w) < 0 ? tn__no_memory(w->snapshot, err) : TN_OK;
}

void tn__search_close(tn_search *w)
{
    tn__free(w->alloc, w->gates, w->n_words * sizeof *w->gates);
    tn__free(w->alloc, w->program, w->n_words * sizeof *w->program);
    tn__free(w->alloc, w->twigs, w->n_words * sizeof *w->twigs);
    tn__free(w->alloc, w->leads, w->n_ranks * sizeof *w->leads);
    tn__free(w->alloc, w->admitted, rank_words(w) * sizeof *w->admitted);
    tn__free(w->alloc, w->loops, rank_words(w) * sizeof *w->loops);
    tn__free(w->alloc, w->entered, rank_words(w) * sizeof *w->entered);
    tn__finder_free(&w->finder);
    tn__buf_free(&w->edges);
    tn__buf_free(&w->todo);
}

int tn__search_open(tn_snapshot *s, tn_search *out, tn_error *err)
{
    tn_search w = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .list = TN_NONE};
    TN_TRY(tn__graph(s, &w.graph, err));
    TN_TRY(tn__anchors(s, &w.holds, err));
    TN_TRY(tn__set_of_all(s, &w.all, err));
    w.n_words = ((size_t)w.graph.n_nodes + 63) / 64;
    w.gates = tn__alloc_zero(w.alloc, w.n_words * sizeof *w.gates);
    w.program = tn__alloc_zero(w.alloc, w.n_words * sizeof *w.program);
    w.twigs = tn__alloc_zero(w.alloc, w.n_words * sizeof *w.twigs);
    tn__buf_init(&w.edges, w.alloc);
    tn__buf_init(&w.todo, w.alloc);
    tn__finder_init(&w.finder, w.alloc, NULL, 0);
    *out = w;
    if (w.gates && w.program && w.twigs)
        return TN_OK;
    tn__search_close(&w);
    return tn__no_memory(s, err);
}
