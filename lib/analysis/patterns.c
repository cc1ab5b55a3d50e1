/* patterns.c - the rows of a reference pattern, breadth first from the set.
 *
 * Each row is opened once: its referrers are found, in order of id, their references into the row counted, and those that are
 * in no row yet become rows of their own, one a kind. An object is in one row only, so that the work is bounded by the
 * references of what is met, but for a hub that refers to several rows, whose references are looked at for each. To a row with
 * a good part of all objects nearly everything refers: all references are looked at in their order, which waits for memory
 * less than going back from each member does.
 */
#include "analysis/patterns.h"

#include "analysis/partition.h"

#include <stdlib.h>
#include <string.h>

typedef struct tn_pattern_met {
    uint32_t node, child;
} tn_pattern_met;

/* What opening one row takes. */
typedef struct tn_opening {
    tn_patterns *p;
    uint32_t row;
    tn_buf sources;          /* uint32_t */
    tn_buf children;         /* tn_pattern_node */
    tn_buf met;              /* tn_pattern_met: the objects of the children */
    tn_map known;            /* kind -> child + 1 */
    tn_map loops;            /* row -> index in the loops of p + 1 */
    uint32_t loop_row, loop; /* the one asked for last; TN_NONE */
} tn_opening;

uint32_t tn__pattern_dict(const tn_patterns *p, uint32_t node)
{
    if (!p->owner_of || node >= p->graph.n_objects)
        return TN_NONE;
    uint32_t slot = p->kinds.dict_slots[p->graph.shapes[node]];
    uint32_t dict = slot == TN_NONE ? TN_NONE : p->graph.targets[p->graph.offsets[node] + slot];
    return dict < p->graph.n_objects && p->owner_of[dict] == node ? dict : TN_NONE;
}

static uint32_t whole(const tn_patterns *p, uint32_t node)
{
    return p->owner_of && p->owner_of[node] != TN_NONE ? p->owner_of[node] : node;
}

/* Its dict is in the row with it. */
static void put_into_row(tn_patterns *p, uint32_t node, uint32_t row)
{
    uint32_t dict = tn__pattern_dict(p, node);
    p->row_of[node] = row;
    if (dict != TN_NONE)
        p->row_of[dict] = row;
}

/* ---- one row ---- */

/* Referrers come more than once. */
static int gather(tn_opening *w, uint32_t target)
{
    const tn_backward *b = &w->p->backward;
    uint32_t last = TN_NONE;
    for (uint64_t i = b->starts[target]; i < b->starts[target + 1]; i++) {
        uint32_t source = whole(w->p, b->sources[i]);
        if (source != last)
            TN_TRY(tn__buf_append(&w->sources, &source, sizeof source));
        last = source;
    }
    return TN_OK;
}

static void count_member(const tn_patterns *p, tn_pattern_node *at, uint32_t node)
{
    uint32_t dict = tn__pattern_dict(p, node);
    at->n++;
    at->dicts += dict != TN_NONE;
    at->bytes += p->sizes[node] + (dict != TN_NONE ? p->sizes[dict] : 0);
    at->held += node < p->graph.n_objects && p->holds[node] == TN_HOLD_C;
    if (node < p->graph.n_objects && at->end == TN_PATTERN_OPEN &&
        p->kinds.by_shape[p->graph.shapes[node]] & (TN_KIND_MODULE | TN_KIND_CLASS | TN_KIND_FRAME))
        at->end = TN_PATTERN_ROOT;
}

/* Frames that run its code, too. */
static bool is_own(const tn_patterns *p, uint32_t root)
{
    tn_frame frame;
    return tn__snapshot_frame(p->snapshot, root, &frame) == TN_OK && frame.own;
}

/* *out stays as it is for what is tonnage's own. */
static int child_of(tn_opening *w, uint32_t source, tn_pattern_node **out, tn_error *err)
{
    tn_patterns *p = w->p;
    uint32_t group = 0, *known, child;
    bool root = source >= p->graph.n_objects;
    if (!root)
        TN_TRY(tn_groups_of(p->groups, source, &group, err));
    if (root ? is_own(p, source) : group == TN_NONE)
        return TN_OK;
    uint64_t kind = root ? (uint64_t)tn_groups_count(p->groups) + source : group;
    TN_TRY(tn__map_slot(&w->known, kind, &known, err));
    if (!*known) {
        tn_pattern_node node = {.parent = w->row,
                                .depth = tn__pattern_at(p, w->row)->depth + 1,
                                .kind = kind,
                                .n_kinds = 1,
                                .end = root ? TN_PATTERN_ROOT : TN_PATTERN_OPEN};
        if (tn__buf_append(&w->children, &node, sizeof node) < 0)
            return tn__no_memory(p->snapshot, err);
        *known = (uint32_t)(w->children.size / sizeof node);
    }
    child = *known - 1;
    if (tn__buf_append(&w->met, &(tn_pattern_met){source, child}, sizeof(tn_pattern_met)) < 0)
        return tn__no_memory(p->snapshot, err);
    *out = (tn_pattern_node *)(void *)w->children.data + child;
    count_member(p, *out, source);
    return TN_OK;
}

static int loop_of(tn_opening *w, uint32_t from, uint32_t *index, tn_error *err)
{
    uint32_t *known;
    *index = w->loop;
    if (from == w->loop_row)
        return TN_OK;
    TN_TRY(tn__map_slot(&w->loops, from, &known, err));
    if (!*known) {
        tn_pattern_link loop = {.row = w->row, .from = from};
        if (tn__buf_append(&w->p->loops, &loop, sizeof loop) < 0)
            return tn__no_memory(w->p->snapshot, err);
        *known = (uint32_t)(w->p->loops.size / sizeof loop);
    }
    w->loop_row = from;
    *index = w->loop = *known - 1;
    return TN_OK;
}

/* An index is like any other. */
static void count_label(tn_pattern_labels *labels, const tn_reference *r, bool folded)
{
    tn_pattern_label label = {r->style, r->text, r->style == TN_LABEL_VALUE ? r->key : TN_NONE, 1};
    if (folded && label.style == TN_LABEL_VALUE)
        label.style = TN_LABEL_ATTRIBUTE;
    labels->references++;
    labels->entries += label.style == TN_LABEL_VALUE;
    for (uint32_t i = 0; i < TN_PATTERN_LABELS; i++) {
        tn_pattern_label *at = &labels->at[i];
        if (at->count == 0)
            *at = label;
        else if (at->style == label.style && at->text == label.text && at->key == label.key)
            at->count++;
        else
            continue;
        return;
    }
}

typedef struct tn_pattern_source {
    uint32_t node;          /* a dict stands for its owner */
    tn_pattern_node *child; /* NULL: none yet */
    uint32_t loop;          /* index in the loops; TN_NONE */
    bool is_own;
} tn_pattern_source;

static int meet(tn_opening *w, tn_pattern_source *source, tn_error *err)
{
    uint32_t row = w->p->row_of[source->node];
    if (row != TN_NONE)
        return loop_of(w, row, &source->loop, err);
    TN_TRY(child_of(w, source->node, &source->child, err));
    source->is_own = !source->child;
    return TN_OK;
}

static int count_reference(tn_opening *w, tn_pattern_source *source, uint32_t node, uint64_t edge, tn_error *err)
{
    tn_patterns *p = w->p;
    tn_reference_iter iter;
    tn_reference r;
    if (!source->child && source->loop == TN_NONE)
        TN_TRY(meet(w, source, err));
    if (source->is_own)
        return TN_OK;
    tn_pattern_labels *labels =
        source->child ? &source->child->labels : &((tn_pattern_link *)(void *)p->loops.data + source->loop)->labels;
    TN_TRY(tn_references(p->snapshot, node, &iter, err));
    iter.position = edge;
    if (tn_reference_next(&iter, &r))
        count_label(labels, &r, node != source->node);
    return TN_OK;
}

/* References of a node, which is the source or its dict, into the row. */
static int look(tn_opening *w, tn_pattern_source *source, uint32_t node, tn_error *err)
{
    enum { AHEAD = 32 };
    tn_patterns *p = w->p;
    const tn_graph *g = &p->graph;
    uint64_t n_edges = g->offsets[g->n_nodes];
    uint32_t dict = node == source->node ? tn__pattern_dict(p, node) : TN_NONE;
    for (uint64_t e = g->offsets[node]; e < g->offsets[node + 1] && !source->is_own; e++) {
        uint32_t to = g->targets[e], ahead = e + AHEAD < n_edges ? g->targets[e + AHEAD] : TN_NONE;
        if (ahead != TN_NONE)
            __builtin_prefetch(&p->row_of[ahead]);
        if (to != TN_NONE && p->row_of[to] == w->row && to != dict && tn__edge_holds(g, node, e))
            TN_TRY(count_reference(w, source, node, e, err));
    }
    return TN_OK;
}

static int look_at_whole(tn_opening *w, uint32_t node, tn_error *err)
{
    tn_pattern_source source = {node, NULL, TN_NONE, false};
    uint32_t dict = tn__pattern_dict(w->p, node);
    TN_TRY(look(w, &source, node, err));
    return dict == TN_NONE ? TN_OK : look(w, &source, dict, err);
}

static int compare_nodes(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static int gather_all(tn_opening *w, tn_error *err)
{
    tn_patterns *p = w->p;
    const uint32_t *members = tn__pattern_members(p, w->row);
    int status = TN_OK;
    TN_TRY(tn__graph_backward(p->snapshot, &p->backward, err));
    for (uint32_t i = 0; status == TN_OK && i < tn__pattern_at(p, w->row)->n; i++) {
        uint32_t dict = tn__pattern_dict(p, members[i]);
        status = gather(w, members[i]);
        if (status == TN_OK && dict != TN_NONE)
            status = gather(w, dict);
    }
    if (status < 0)
        return tn__no_memory(p->snapshot, err);
    if (w->sources.size)
        qsort(w->sources.data, w->sources.size / sizeof(uint32_t), sizeof(uint32_t), compare_nodes);
    return TN_OK;
}

static int find_children(tn_opening *w, tn_error *err)
{
    enum { GOOD_PART = 16 };
    tn_patterns *p = w->p;
    if (tn__pattern_at(p, w->row)->n >= p->graph.n_nodes / GOOD_PART) {
        for (uint32_t node = 0; node < p->graph.n_nodes; node++)
            if (whole(p, node) == node)
                TN_TRY(look_at_whole(w, node, err));
        return TN_OK;
    }
    TN_TRY(gather_all(w, err));
    const uint32_t *sources = (const uint32_t *)(const void *)w->sources.data;
    for (size_t i = 0; i < w->sources.size / sizeof *sources; i++)
        if (i == 0 || sources[i] != sources[i - 1])
            TN_TRY(look_at_whole(w, sources[i], err));
    return TN_OK;
}

/* ---- from what was met to rows ---- */

typedef struct tn_pattern_rank {
    uint64_t number, kind;
    uint32_t child;
} tn_pattern_rank;

static int by_rank(const void *left, const void *right)
{
    const tn_pattern_rank *a = left, *b = right;
    if (a->number != b->number)
        return a->number < b->number ? 1 : -1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

static uint64_t rank_of(const tn_patterns *p, const tn_pattern_node *child)
{
    switch (p->options.order) {
    case TN_PATTERNS_BY_COUNT: return child->n;
    case TN_PATTERNS_BY_SIZE: return child->bytes;
    default: return child->labels.references;
    }
}

static void add_to_rest(tn_pattern_node *rest, const tn_pattern_node *child)
{
    rest->n_kinds++;
    rest->n += child->n;
    rest->held += child->held;
    rest->bytes += child->bytes;
    rest->dicts += child->dicts;
    rest->labels.references += child->labels.references;
}

/* Appends the rows of the children, in order of rank; row of each child into rows. */
static int add_rows(tn_opening *w, uint32_t n, tn_pattern_rank *ranks, uint32_t *rows, tn_error *err)
{
    tn_patterns *p = w->p;
    const tn_pattern_node *children = (const tn_pattern_node *)(const void *)w->children.data;
    for (uint32_t i = 0; i < n; i++)
        ranks[i] = (tn_pattern_rank){rank_of(p, &children[i]), children[i].kind, i};
    if (n > 1)
        qsort(ranks, n, sizeof *ranks, by_rank);
    uint32_t shown = n > p->options.width ? p->options.width : n, first = tn__pattern_count(p);
    tn_pattern_node rest = {
        .parent = w->row, .depth = tn__pattern_at(p, w->row)->depth + 1, .letter = shown, .end = TN_PATTERN_REST};
    for (uint32_t i = 0; i < n; i++) {
        tn_pattern_node node = children[ranks[i].child];
        node.letter = i;
        rows[ranks[i].child] = first + (i < shown ? i : shown);
        if (i >= shown)
            add_to_rest(&rest, &node);
        else if (tn__buf_append(&p->rows, &node, sizeof node) < 0)
            return tn__no_memory(p->snapshot, err);
    }
    if (n > shown && tn__buf_append(&p->rows, &rest, sizeof rest) < 0)
        return tn__no_memory(p->snapshot, err);
    return TN_OK;
}

/* Members go where their rows are, in order of meeting. */
static int add_members(tn_opening *w, uint32_t first_row, const uint32_t *rows, tn_error *err)
{
    tn_patterns *p = w->p;
    const tn_pattern_met *met = (const tn_pattern_met *)(const void *)w->met.data;
    size_t n = w->met.size / sizeof *met;
    uint32_t at = (uint32_t)(p->members.size / sizeof(uint32_t));
    if (tn__buf_reserve(&p->members, n * sizeof(uint32_t)) < 0)
        return tn__no_memory(p->snapshot, err);
    p->members.size += n * sizeof(uint32_t);
    for (uint32_t row = first_row; row < tn__pattern_count(p); row++) {
        tn_pattern_node *node = tn__pattern_at(p, row);
        node->first = at;
        at += node->n;
        node->n = 0; /* counted again while they are put there */
    }
    for (size_t i = 0; i < n; i++) {
        tn_pattern_node *node = tn__pattern_at(p, rows[met[i].child]);
        ((uint32_t *)(void *)p->members.data)[node->first + node->n++] = met[i].node;
        put_into_row(p, met[i].node, rows[met[i].child]);
    }
    return TN_OK;
}

static int open_row(tn_opening *w, uint32_t row, tn_error *err)
{
    tn_patterns *p = w->p;
    w->row = row;
    w->sources.size = w->children.size = w->met.size = 0;
    tn__map_free(&w->known);
    tn__map_free(&w->loops);
    w->known = w->loops = (tn_map){.alloc = p->alloc};
    w->loop_row = w->loop = TN_NONE;
    uint32_t first_loop = (uint32_t)(p->loops.size / sizeof(tn_pattern_link));
    TN_TRY(find_children(w, err));
    tn__pattern_at(p, row)->first_loop = first_loop;
    tn__pattern_at(p, row)->n_loops = (uint32_t)(p->loops.size / sizeof(tn_pattern_link)) - first_loop;
    uint32_t n = (uint32_t)(w->children.size / sizeof(tn_pattern_node)), first_row = tn__pattern_count(p);
    tn_pattern_rank *ranks = tn__alloc(p->alloc, n * sizeof *ranks);
    uint32_t *rows = tn__alloc(p->alloc, n * sizeof *rows);
    int status = ranks && rows ? add_rows(w, n, ranks, rows, err) : tn__no_memory(p->snapshot, err);
    if (status == TN_OK)
        status = add_members(w, first_row, rows, err);
    tn__free(p->alloc, ranks, n * sizeof *ranks);
    tn__free(p->alloc, rows, n * sizeof *rows);
    return status;
}

static int open_rows(tn_patterns *p, tn_error *err)
{
    tn_opening w = {.p = p, .known.alloc = p->alloc, .loops.alloc = p->alloc};
    int status = TN_OK;
    tn__buf_init(&w.sources, p->alloc);
    tn__buf_init(&w.children, p->alloc);
    tn__buf_init(&w.met, p->alloc);
    for (uint32_t row = 0; status == TN_OK && row < tn__pattern_count(p); row++) {
        tn_pattern_node *at = tn__pattern_at(p, row);
        if (at->end != TN_PATTERN_OPEN)
            continue;
        if (at->depth >= p->options.depth || tn__pattern_count(p) >= TN_PATTERN_MOST_ROWS)
            at->end = TN_PATTERN_DEPTH;
        else
            status = open_row(&w, row, err);
    }
    tn__buf_free(&w.sources);
    tn__buf_free(&w.children);
    tn__buf_free(&w.met);
    tn__map_free(&w.known);
    tn__map_free(&w.loops);
    return status;
}

/* ---- the set ---- */

typedef struct tn_pattern_fold {
    tn_patterns *p;
    const tn_set *set;
} tn_pattern_fold;

/* A dict of the set whose owner is not in it is what was asked for, and stays an object of its own. */
static void fold_dict(void *ctx, uint32_t dict, uint32_t owner)
{
    const tn_pattern_fold *f = ctx;
    if (f->p->owner_of[dict] == TN_NONE && (!tn_set_has(f->set, dict) || tn_set_has(f->set, owner)))
        f->p->owner_of[dict] = owner;
}

static int add_set(tn_patterns *p, const tn_set *set, tn_error *err)
{
    tn_pattern_node first = {.parent = TN_NONE};
    if (tn__buf_append(&p->rows, &first, sizeof first) < 0)
        return tn__no_memory(p->snapshot, err);
    tn_pattern_node *row = tn__pattern_at(p, 0);
    for (uint32_t id = 0; (id = tn_set_next(set, id)) != TN_NONE; id++) {
        row->bytes += p->sizes[id];
        row->dicts += whole(p, id) != id;
        if (whole(p, id) != id)
            continue;
        if (tn__buf_append(&p->members, &id, sizeof id) < 0)
            return tn__no_memory(p->snapshot, err);
        row->n++;
        row->held += p->holds[id] == TN_HOLD_C;
        put_into_row(p, id, 0);
    }
    return TN_OK;
}

/* Once all of it is known to be of one. */
static int find_kind(tn_patterns *p, tn_error *err)
{
    const uint32_t *members = tn__pattern_members(p, 0);
    uint32_t first = TN_NONE, group;
    for (uint32_t i = 0; i < tn__pattern_at(p, 0)->n; i++) {
        TN_TRY(tn_groups_of(p->groups, members[i], &group, err));
        if (group == TN_NONE || (i && group != first))
            return TN_OK;
        first = group;
    }
    p->set_kind = first;
    return TN_OK;
}

static int prepare(tn_patterns *p, const tn_set *set, tn_error *err)
{
    uint64_t n;
    TN_TRY(tn__graph(p->snapshot, &p->graph, err));
    TN_TRY(tn__anchors(p->snapshot, &p->holds, err));
    TN_TRY(tn__column_u64(p->snapshot, TN_COL_SIZE, &p->sizes, &n, err));
    TN_TRY(tn_set_copy(set, &p->set, err));
    TN_TRY(tn__kinds_make(p->snapshot, &p->kinds, err));
    TN_TRY(tn_groups_make(p->snapshot, NULL, p->options.by, NULL, &p->groups, err));
    size_t bytes = p->graph.n_nodes * sizeof(uint32_t);
    p->row_of = tn__alloc(p->alloc, bytes);
    p->owner_of = p->options.fold ? tn__alloc(p->alloc, bytes) : NULL;
    if (!p->row_of || (p->options.fold && !p->owner_of))
        return tn__no_memory(p->snapshot, err);
    memset(p->row_of, 0xff, bytes);
    if (!p->owner_of)
        return TN_OK;
    memset(p->owner_of, 0xff, bytes);
    return tn__dicts_of_instances(p->snapshot, fold_dict, &(tn_pattern_fold){p, set}, err);
}

int tn_patterns_make(tn_snapshot *s, const tn_set *set, const tn_patterns_options *o, tn_patterns **out, tn_error *err)
{
    if ((int)o->by < 0 || o->by >= TN_BYS || o->by == TN_BY_HEADS)
        return tn__error_set(err, TN_EINVAL, 0, "no such kinds for a pattern");
    tn_patterns_options options = *o;
    options.depth += options.depth ? 0 : 4;
    options.width += options.width ? 0 : 5;
    if (o->width > TN_PATTERN_WIDEST)
        return tn__error_set(err, TN_EINVAL, 0, "a row is followed to %d kinds at most", TN_PATTERN_WIDEST);
    TN_TRY(tn__pattern_reach(o->at ? o->at : "", &options.depth, &options.width, err));
    options.at = NULL; /* the caller's */
    TN_TRY(tn__set_check(s, set, err));
    if (!set)
        TN_TRY(tn__set_of_all(s, &set, err));
    tn_patterns *p = tn__alloc_zero(tn__snapshot_alloc(s), sizeof *p);
    if (!p)
        return tn__no_memory(s, err);
    p->snapshot = s;
    p->alloc = p->kinds.alloc = tn__snapshot_alloc(s);
    p->options = options;
    p->set_kind = TN_NONE;
    tn__buf_init(&p->rows, p->alloc);
    tn__buf_init(&p->members, p->alloc);
    tn__buf_init(&p->loops, p->alloc);
    tn__buf_init(&p->text, p->alloc);
    tn__buf_init(&p->name, p->alloc);
    for (uint32_t i = 0; i < TN_PATTERN_WAYS; i++)
        tn__buf_init(&p->labels[i], p->alloc);
    int status = prepare(p, set, err);
    if (status == TN_OK)
        status = add_set(p, set, err);
    if (status == TN_OK)
        status = find_kind(p, err);
    if (status == TN_OK)
        status = open_rows(p, err);
    status = tn__memory_told(s, status, err);
    if (status < 0)
        tn_patterns_free(p);
    else
        *out = p;
    return status;
}

void tn_patterns_free(tn_patterns *p)
{
    if (!p)
        return;
    size_t bytes = p->graph.n_nodes * sizeof(uint32_t);
    tn__free(p->alloc, p->row_of, bytes);
    tn__free(p->alloc, p->owner_of, bytes);
    tn__kinds_free(&p->kinds);
    tn_groups_free(p->groups);
    tn_set_free(p->set);
    tn__buf_free(&p->rows);
    tn__buf_free(&p->members);
    tn__buf_free(&p->loops);
    tn__buf_free(&p->text);
    tn__buf_free(&p->name);
    for (uint32_t i = 0; i < TN_PATTERN_WAYS; i++)
        tn__buf_free(&p->labels[i]);
    tn__free(p->alloc, p, sizeof *p);
}
