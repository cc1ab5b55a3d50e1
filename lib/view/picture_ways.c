/* picture_ways.c - pictures of paths, from where names begin to the objects; and of cycles, each component in a box. */
#include "analysis/dominators.h"
#include "view/picture.h"

#include <stdlib.h>

enum { MANY = 256, DEFAULT_PATHS = 5, DEFAULT_MEMBERS = 30, MEMBERS_PER_BRANCH = 3 };

/* ---- paths ---- */

/* From the last step where names begin: what leads there is the same for all. */
static int draw_steps(tn_picture *p, const tn_reference *steps, uint32_t n, tn_error *err)
{
    uint32_t first = n - 1, from, to;
    while (first > 0 && !tn__is_origin(p->ways, steps[first].source))
        first--;
    for (uint32_t i = first; i < n; i++) {
        uint32_t source = tn__drawn_as(p, steps[i].source), target = tn__drawn_as(p, steps[i].target);
        TN_TRY(tn__picture_object(p, source, false, &from, err));
        TN_TRY(tn__picture_object(p, target, false, &to, err));
        if (source == target || tn__picture_joined(p, from, to))
            continue;
        TN_TRY(tn__picture_reference(p, from, to, &steps[i], source != steps[i].source, err));
    }
    return TN_OK;
}

static int no_path(tn_picture *p, uint32_t place, tn_error *err)
{
    return tn_picture_note(p, place, "no path leads here", err);
}

typedef struct tn_keep_away {
    tn_set *nodes;
    unsigned kinds;
} tn_keep_away;

/* As many paths to an object as that; *n_found: there may be more. */
static int draw_paths(tn_picture *p, uint32_t id, const tn_keep_away *away, uint32_t most, uint32_t *n_found,
                      tn_error *err)
{
    tn_path_options how = {
        .avoid = away->nodes, .avoid_kinds = away->kinds, .limit = most, .all_shortest = p->view.all};
    const tn_reference *steps;
    tn_paths *paths;
    uint32_t n, place;
    TN_TRY(tn__picture_object(p, id, true, &place, err));
    TN_TRY(tn_paths_open(p->snapshot, id, &how, &paths, err));
    int status;
    *n_found = 0;
    while ((status = tn_paths_next(paths, &steps, &n, err)) > 0) {
        ++*n_found;
        status = n ? draw_steps(p, steps, n, err) : TN_OK;
        if (status < 0)
            break;
    }
    tn_paths_close(paths);
    return status == TN_OK && *n_found == 0 ? no_path(p, place, err) : status;
}

typedef struct tn_climbing {
    const tn_distances *tree;
    uint64_t *climbed;   /* bits: the step to the node is drawn, and what is above it */
    tn_buf nodes, steps; /* u32; tn_reference */
} tn_climbing;

/* What of the path is not drawn yet: from where names begin, or from where another path has been. */
static int climb(tn_picture *p, tn_climbing *c, uint32_t node, tn_error *err)
{
    c->nodes.size = c->steps.size = 0;
    for (bool more = true; more;) {
        uint32_t above = c->tree->parent[node];
        if (tn__buf_append(&c->nodes, &node, sizeof node) < 0)
            return tn__picture_no_memory(p, err);
        more = above != TN_NONE && !tn__bit(c->climbed, node) &&
               (c->nodes.size == sizeof node || !tn__is_origin(p->ways, node));
        if (more)
            c->climbed[node / 64] |= 1ull << (node % 64);
        node = above;
    }
    tn__path_reverse(&c->nodes, 0);
    return tn__path_steps(p->ways, (const uint32_t *)(const void *)c->nodes.data, c->nodes.size / sizeof node,
                          &c->steps, err);
}

static int draw_climbed(tn_picture *p, tn_climbing *c, uint32_t id, tn_error *err)
{
    uint32_t place;
    TN_TRY(tn__picture_object(p, id, true, &place, err));
    if (c->tree->cost[id] == TN_NO_WAY)
        return no_path(p, place, err);
    TN_TRY(climb(p, c, id, err));
    uint32_t n = (uint32_t)(c->steps.size / sizeof(tn_reference));
    return n ? draw_steps(p, (const tn_reference *)(const void *)c->steps.data, n, err) : TN_OK;
}

/* The path of the tree to each: one search for all, where several would be many, or what to keep away from makes them long. */
static int draw_tree_paths(tn_picture *p, const tn_asked *asked, const tn_distances *tree, tn_error *err)
{
    size_t bytes = ((size_t)p->graph.n_nodes / 64 + 1) * sizeof(uint64_t);
    tn_climbing c = {.tree = tree, .climbed = tn__alloc_zero(p->alloc, bytes)};
    int status = c.climbed ? TN_OK : tn__picture_no_memory(p, err);
    tn__buf_init(&c.nodes, p->alloc);
    tn__buf_init(&c.steps, p->alloc);
    for (uint32_t i = 0; status == TN_OK && i < asked->n; i++)
        status = draw_climbed(p, &c, asked->ids[i], err);
    tn__free(p->alloc, c.climbed, bytes);
    tn__buf_free(&c.nodes);
    tn__buf_free(&c.steps);
    return status;
}

static int draw_one_each(tn_picture *p, const tn_asked *asked, const tn_keep_away *away, tn_error *err)
{
    const tn_shunned no = {.nodes = away->nodes, .kinds = away->kinds, .except = TN_NONE};
    const tn_distances *tree;
    tn_distances own;
    uint32_t n_found;
    if (no.nodes || no.kinds) {
        TN_TRY(tn__distances_without(p->ways, &no, &own, err));
        int status = draw_tree_paths(p, asked, &own, err);
        tn__distances_free(&own);
        return status;
    }
    if (asked->n > MANY) {
        TN_TRY(tn__distances(p->snapshot, &tree, err));
        return draw_tree_paths(p, asked, tree, err);
    }
    for (uint32_t i = 0; i < asked->n; i++)
        TN_TRY(draw_paths(p, asked->ids[i], away, 1, &n_found, err));
    return TN_OK;
}

static int draw_all_paths(tn_picture *p, const tn_asked *asked, const tn_keep_away *away, tn_error *err)
{
    uint32_t most = p->view.branches ? p->view.branches : DEFAULT_PATHS, n_found;
    if (asked->n_all == 1) {
        TN_TRY(draw_paths(p, asked->ids[0], away, most, &n_found, err));
        return tn__picture_title(p, err, "%u path%s to an object, the shortest ones", (unsigned)n_found,
                                 tn__picture_s(n_found));
    }
    TN_TRY(draw_one_each(p, asked, away, err));
    return tn__picture_title(p, err, "The shortest path to each of %u object%s, of %u that are selected",
                             (unsigned)asked->n, tn__picture_s(asked->n), (unsigned)asked->n_all);
}

int tn__picture_paths(tn_picture *p, tn_error *err)
{
    tn_keep_away away = {0};
    tn_asked asked;
    const char *words = p->view.avoid ? p->view.avoid : "";
    if (*words || p->view.avoid_set)
        TN_TRY(tn_paths_avoid(p->snapshot, words, p->view.avoid_set, &away.nodes, &away.kinds, err));
    int status = tn__picture_asked(p, &asked, err);
    if (status == TN_OK) {
        status = draw_all_paths(p, &asked, &away, err);
        tn__free(p->alloc, asked.ids, asked.bytes);
    }
    tn_set_free(away.nodes);
    return status;
}

/* ---- cycles, object by object ---- */

/* References of one member to others that are drawn, the dict of an instance being a part of it. */
static int join_member(tn_picture *p, tn_components *c, uint32_t index, uint32_t member, tn_error *err)
{
    tn_reference_iter iter;
    tn_reference r;
    uint32_t source = tn__drawn_as(p, member), from = tn__picture_find(p, source);
    if (from == TN_NONE)
        return TN_OK;
    TN_TRY(tn_references(p->snapshot, member, &iter, err));
    while (tn_reference_next(&iter, &r)) {
        bool inside = tn__kind_holds(r.kind, false) && tn__in_component(c, index, r.target);
        uint32_t target = tn__drawn_as(p, r.target), to = inside ? tn__picture_find(p, target) : TN_NONE;
        if (to != TN_NONE && (target != source || r.target == target || member != source))
            TN_TRY(tn__picture_reference(p, from, to, &r, source != member, err));
    }
    return TN_OK;
}

/* A shortest cycle first, then the others by address. */
static int draw_members(tn_picture *p, tn_components *c, uint32_t index, tn_error *err)
{
    const tn_component_row *row = &c->rows[index];
    const uint32_t *members = tn__component_members(c, index);
    uint32_t most = p->view.branches ? MEMBERS_PER_BRANCH * p->view.branches : DEFAULT_MEMBERS, place, n;
    const tn_reference *steps;
    uint32_t first = p->n_nodes;
    TN_TRY(tn_components_cycle(c, index, &steps, &n, NULL, err));
    for (uint32_t i = 0; i < n && p->n_nodes - first < most; i++)
        TN_TRY(tn__picture_object(p, tn__drawn_as(p, steps[i].source), true, &place, err));
    for (uint32_t i = 0; i < row->count && p->n_nodes - first < most; i++)
        TN_TRY(tn__picture_object(p, tn__drawn_as(p, members[i]), false, &place, err));
    uint32_t left = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        TN_TRY(join_member(p, c, index, members[i], err));
        left += tn__picture_find(p, tn__drawn_as(p, members[i])) == TN_NONE;
    }
    return tn__picture_ghost(p, TN_NONE, left, false, err);
}

static const char *state_words(enum tn_cycle_state state)
{
    return state == TN_CYCLE_WAITING ? ", waits for the collector" : state == TN_CYCLE_LISTED ? ", in gc.garbage" : "";
}

static int draw_component(tn_picture *p, tn_components *c, uint32_t index, tn_error *err)
{
    const tn_component_row *row = &c->rows[index];
    char title[160], bytes[24];
    tn__compose(title, sizeof title, "%u object%s, %s%s", (unsigned)row->count, tn__picture_s(row->count),
                tn_format_bytes(row->bytes, bytes, sizeof bytes), state_words(row->state));
    TN_TRY(tn__picture_cluster_begin(p, title, err));
    return draw_members(p, c, index, err);
}

/* Indexes in order of the sort. */
static int order_components(const tn_picture *p, const tn_components *c, tn_order_key *keys, tn_error *err)
{
    static const char *const names[] = {"size", "count"};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(p->view.sort, names, 2, 2, &column, &descending, err));
    for (uint32_t i = 0; i < c->n; i++)
        keys[i] = (tn_order_key){.number = column ? c->rows[i].count : c->rows[i].bytes, .text = "", .row = i};
    tn__order_sort(keys, c->n, descending);
    return TN_OK;
}

static int draw_components(tn_picture *p, tn_components *c, tn_error *err)
{
    uint32_t n = tn__picture_limit(p, c->n);
    size_t bytes = c->n * sizeof(tn_order_key);
    char size[24];
    tn_order_key *keys = tn__alloc(p->alloc, bytes);
    int status = keys ? order_components(p, c, keys, err) : tn__picture_no_memory(p, err);
    for (uint32_t i = 0; status == TN_OK && i < n; i++)
        status = draw_component(p, c, (uint32_t)keys[i].row, err);
    tn__free(p->alloc, keys, bytes);
    TN_TRY(status);
    return tn__picture_title(p, err, "%u of %u cycle%s%s, %s in %u object%s", (unsigned)n, (unsigned)c->n,
                             tn__picture_s(c->n), p->view.garbage ? " of garbage" : "",
                             tn_format_bytes(c->bytes, size, sizeof size), (unsigned)c->n_members,
                             tn__picture_s(c->n_members));
}

int tn__picture_cycles(tn_picture *p, tn_components **out, tn_error *err)
{
    tn_set *where = NULL;
    if ((p->view.where && *p->view.where) || p->view.set)
        TN_TRY(tn__set_selected(p->snapshot, &p->view, &where, err));
    tn_components_options how = {
        .where = where, .garbage = p->view.garbage, .by = p->view.by == TN_BY_SITE ? TN_BY_SITE : TN_BY_TYPE};
    int status = tn_components_make(p->snapshot, &how, out, err);
    tn_set_free(where);
    return status;
}

int tn__picture_components(tn_picture *p, tn_error *err)
{
    tn_components *c;
    TN_TRY(tn__picture_cycles(p, &c, err));
    int status = draw_components(p, c, err);
    tn_components_free(c);
    return status;
}
