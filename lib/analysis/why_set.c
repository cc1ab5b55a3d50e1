/* why_set.c - what holds a set of objects: one reference that holds all of it, or common holders, until all of it goes. */
#include "analysis/why.h"

/* ---- garbage ---- */

/* Members that are garbage. *out is a new set. */
static int find_waiting(const tn_why *why, const tn_set *set, tn_set **out, tn_error *err)
{
    tn_set *garbage;
    TN_TRY(tn__all_garbage(why->top, &garbage, err));
    int status = tn_set_intersect(garbage, set, out, err);
    tn_set_free(garbage);
    return status;
}

/* ---- one reference ---- */

enum mark { UNSEEN, SEEN, ABOVE }; /* ABOVE: the lowest common dominator so far, or one of it */

/* Every node is climbed over once: below the common dominator as SEEN, from it on as ABOVE. */
static uint32_t climb_all(const uint32_t *idom, const tn_set *set, uint8_t *marks)
{
    uint32_t common = tn_set_next(set, 0);
    for (uint32_t at = common; at != TN_NONE; at = idom[at])
        marks[at] = ABOVE;
    for (uint32_t id = tn_set_next(set, common + 1); id != TN_NONE; id = tn_set_next(set, id + 1)) {
        uint32_t at = id;
        for (; at != TN_NONE && marks[at] == UNSEEN; at = idom[at])
            marks[at] = SEEN;
        if (at == TN_NONE)
            return TN_NONE;
        for (; marks[at] == ABOVE && common != at; common = idom[common])
            marks[common] = SEEN;
    }
    return common;
}

static int lowest_dominator(const tn_why *why, const tn_set *set, uint32_t *out, tn_error *err)
{
    const tn_toplevel *t = why->top;
    uint8_t *marks = tn__alloc_zero(t->alloc, t->graph.n_nodes);
    if (!marks)
        return tn__no_memory(t->snapshot, err);
    *out = climb_all(t->tree->idom, set, marks);
    tn__free(t->alloc, marks, t->graph.n_nodes);
    return TN_OK;
}

static int is_held_once(const tn_why *why, uint32_t node, bool *once, tn_error *err)
{
    tn_buf sources;
    tn__buf_init(&sources, why->top->alloc);
    int status = tn__outside_holders(why->top->snapshot, node, NULL, 1, &sources, err);
    *once = sources.size == sizeof(uint32_t);
    tn__buf_free(&sources);
    return status;
}

/* The lowest object that a single reference holds and that all of the set goes with, unless most of what goes is another's. */
static int find_whole(tn_why *why, const tn_set *set, tn_error *err)
{
    enum { FAR = 64 };
    const tn_toplevel *t = why->top;
    uint32_t at = TN_NONE;
    TN_TRY(lowest_dominator(why, set, &at, err));
    for (int i = 0; i < FAR && at != TN_NONE; i++, at = t->tree->idom[at]) {
        bool once;
        at = tn__folded(t, at);
        if (!tn__why_can_go(why, at) || t->tree->retained[at] / 2 > why->live_bytes)
            break;
        TN_TRY(is_held_once(why, at, &once, err));
        if (once) {
            why->whole = at;
            break;
        }
    }
    return TN_OK;
}

/* ---- common holders ---- */

/* What the last reference to the last holder frees alone. */
static int weigh_alone(tn_why *why, tn_error *err)
{
    tn_set_holder *last = &why->holders[why->n_holders - 1];
    uint32_t count;
    return last->trail.n
               ? tn_reference_cut(why->top->snapshot, &last->trail.steps[last->trail.n - 1], &last->alone, &count, err)
               : TN_OK;
}

/* What goes with the holders that are known, and how many of the set. */
static int weigh_holders(tn_why *why, const tn_set *set, const tn_set *holders, tn_error *err)
{
    tn_set_holder *last = &why->holders[why->n_holders - 1];
    tn_set *gone, *both;
    TN_TRY(tn_retained_set(why->top->snapshot, holders, &gone, &last->bytes, err));
    last->count = tn_set_count(gone);
    int status = tn_set_intersect(gone, set, &both, err);
    tn_set_free(gone);
    TN_TRY(status);
    last->weighed = true;
    last->selected = tn_set_count(both);
    tn_set_free(both);
    return TN_OK;
}

/* The next holder, on the paths around those before it; 1, or 0 when there is no other. */
static int next_holder(tn_why *why, const tn_set *set, const tn_set *around, tn_error *err)
{
    tn_set_holder *next = &why->holders[why->n_holders];
    tn_ways *ways;
    tn_distances without;
    const tn_distances *d = &without;
    tn_shunned shunned = {.nodes = around};
    if (why->n_holders == 0) {
        TN_TRY(tn__distances(why->top->snapshot, &d, err));
    } else {
        TN_TRY(tn__ways(why->top->snapshot, &ways, err));
        TN_TRY(tn__distances_without(ways, &shunned, &without, err));
    }
    int status = tn__common_holder(why->top, d, set, &next->common, err);
    if (d == &without)
        tn__distances_free(&without);
    TN_TRY(status);
    if (why->n_holders == 0)
        why->common = next->common;
    if (why->n_holders == 0 && why->whole != TN_NONE) {
        next->common.node = why->whole;
        next->common.carried = next->common.sampled;
    }
    if (next->common.node == TN_NONE || next->common.node >= why->top->graph.n_objects)
        return 0;
    TN_TRY(tn__trail_make(why->top, next->common.node, why->n_holders ? around : NULL, &next->trail, err));
    why->n_holders++;
    return 1;
}

static int make_room(tn_why *why, uint32_t n, tn_error *err)
{
    tn__why_free_holders(why);
    why->holders = tn__alloc_zero(why->top->alloc, n * sizeof *why->holders);
    if (!why->holders)
        return tn__no_memory(why->top->snapshot, err);
    why->room = n;
    return TN_OK;
}

/* What goes with it and those before it is told of the first few, and of the last. */
static int take_entry(tn_why *why, const tn_set *set, const tn_entry *entry, tn_set *holders, tn_error *err)
{
    tn_set_holder *next = &why->holders[why->n_holders];
    next->common = (tn_common){.sampled = why->common.sampled, .node = entry->node, .carried = entry->carried};
    TN_TRY(tn__trail_make(why->top, entry->node, NULL, &next->trail, err));
    why->n_holders++;
    TN_TRY(tn_set_add(holders, entry->node));
    TN_TRY(weigh_alone(why, err));
    if (why->n_holders > TN_MAX_HOLDERS && why->n_holders < why->room)
        return TN_OK;
    return weigh_holders(why, set, holders, err);
}

/* Without a common holder: the first objects of most paths. */
static int take_entries(tn_why *why, const tn_set *set, tn_set *holders, tn_error *err)
{
    const tn_distances *d;
    tn_buf entries;
    TN_TRY(tn__distances(why->top->snapshot, &d, err));
    tn__buf_init(&entries, why->top->alloc);
    int status = tn__path_entries(why->top, d, set, &entries, err);
    why->n_entries = status == TN_OK ? entries.size / sizeof(tn_entry) : 0;
    uint32_t n = why->n_entries < why->most ? (uint32_t)why->n_entries : why->most;
    if (n)
        status = make_room(why, n, err);
    for (uint32_t i = 0; i < n && status == TN_OK; i++)
        status = take_entry(why, set, (const tn_entry *)(const void *)entries.data + i, holders, err);
    tn__buf_free(&entries);
    return status;
}

/* Until the whole set goes with them. */
static int find_holders(tn_why *why, const tn_set *set, tn_set *holders, tn_error *err)
{
    int more = 1;
    while (more > 0 && why->n_holders < TN_MAX_HOLDERS) {
        more = next_holder(why, set, holders, err);
        if (more <= 0)
            break;
        TN_TRY(tn_set_add(holders, why->holders[why->n_holders - 1].common.node));
        TN_TRY(weigh_alone(why, err));
        TN_TRY(weigh_holders(why, set, holders, err));
        more = why->holders[why->n_holders - 1].selected < tn_set_count(set);
    }
    return more < 0 ? more : TN_OK;
}

static int look_at_holders(tn_why *why, const tn_set *set, tn_error *err)
{
    tn_set *holders;
    TN_TRY(make_room(why, TN_MAX_HOLDERS, err));
    TN_TRY(tn_set_new(why->top->snapshot, &holders, err));
    int status = find_holders(why, set, holders, err);
    why->node = why->n_holders ? why->holders[0].common.node : TN_NONE;
    if (status == TN_OK && !why->n_holders)
        status = take_entries(why, set, holders, err);
    tn_set_free(holders);
    return status;
}

/* ---- all ---- */

int tn__why_with_parts(const tn_toplevel *t, const tn_set *set, tn_set **out, tn_error *err)
{
    tn_set *whole;
    TN_TRY(tn_set_copy(set, &whole, err));
    for (uint32_t id = 0; t->fold && (id = tn_set_next(set, id)) != TN_NONE; id++) {
        uint32_t dict = tn__dict_below(&t->kinds, &t->graph, t->tree, id);
        if (dict != TN_NONE)
            tn__set_add(whole, dict);
    }
    *out = whole;
    return TN_OK;
}

static int sum_sizes(const tn_why *why, const tn_set *set, uint64_t *bytes, tn_error *err)
{
    tn_set *whole;
    TN_TRY(tn__why_with_parts(why->top, set, &whole, err));
    int status = tn_set_bytes(why->top->snapshot, whole, bytes, err);
    tn_set_free(whole);
    return status;
}

static int look_at_live(tn_why *why, const tn_set *set, tn_error *err)
{
    tn_set *gone;
    TN_TRY(tn_retained_set(why->top->snapshot, set, &gone, &why->live_bytes, err));
    tn_set_free(gone);
    TN_TRY(find_whole(why, set, err));
    TN_TRY(look_at_holders(why, set, err));
    return why->node == TN_NONE ? TN_OK : tn__why_look_at(why, err);
}

static int look_at_parts(tn_why *why, const tn_set *set, const tn_set *waiting, tn_error *err)
{
    tn_set *live;
    why->waiting_count = tn_set_count(waiting);
    why->all_garbage = why->waiting_count == why->count;
    TN_TRY(sum_sizes(why, waiting, &why->waiting_bytes, err));
    if (why->all_garbage)
        return TN_OK;
    TN_TRY(tn_set_minus(set, waiting, &live, err));
    int status = look_at_live(why, live, err);
    tn_set_free(live);
    return status;
}

int tn__why_look_at_set(tn_why *why, const tn_set *set, tn_error *err)
{
    tn_set *gone, *waiting;
    why->is_set = true;
    why->count = tn_set_count(set);
    TN_TRY(sum_sizes(why, set, &why->bytes, err));
    TN_TRY(tn_retained_set(why->top->snapshot, set, &gone, &why->retained_bytes, err));
    why->retained_count = tn_set_count(gone);
    tn_set_free(gone);
    TN_TRY(find_waiting(why, set, &waiting, err));
    int status = look_at_parts(why, set, waiting, err);
    tn_set_free(waiting);
    return status;
}

void tn__why_free_holders(tn_why *why)
{
    for (uint32_t i = 0; i < why->n_holders; i++)
        tn__trail_free(&why->holders[i].trail);
    if (why->holders)
        tn__free(why->top->alloc, why->holders, why->room * sizeof *why->holders);
    why->holders = NULL;
    why->n_holders = why->room = 0;
}
