/* path_tree.c - the merged shortest paths of a set: where they part, and how much comes through each branch.
 *
 * Branches are places, so that all entries of a dict are one. Rows are those where paths part or that have objects of the set;
 * between them nothing happens. The branches with the most bytes are followed first, so that few rows say most.
 */
#include "view/path_rows.h"

#include "analysis/lookup.h"
#include "analysis/places.h"
#include "base/heap.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

/* What the set has at and below a place. */
typedef struct tn_through {
    uint32_t count, members; /* members: of the set at the place itself */
    uint64_t bytes;
    uint32_t child, sibling; /* places, TN_NONE at the end */
    uint32_t n_nodes, node;  /* nodes of this place in the whole tree, and the last of them */
} tn_through;

typedef struct tn_branch {
    uint32_t place, parent, depth; /* parent: a row, TN_NONE for the first */
    uint32_t count;
    uint64_t bytes;
    uint32_t n_hidden; /* branches below that are no rows */
    uint64_t hidden_bytes;
    uint32_t child, last_child, sibling; /* rows, those with more bytes first */
} tn_branch;

typedef struct tn_tree {
    tn_path_view *view;
    const tn_places *places;
    tn_places own; /* when something is avoided */
    tn_through *through;
    uint32_t n_lost; /* members without a path */
    uint64_t lost_bytes;
    tn_buf now, above; /* texts of the row that is written, and of its parent, with a NUL */
    tn_buf steps;      /* tn_reference */
    tn_buf rows;       /* tn_branch */
    tn_buf heap;       /* tn_branch that may become rows, most bytes first */
    uint32_t n_rows;
    tn_buf order; /* u32: rows as they are written */
} tn_tree;

static tn_branch *branch_at(const tn_tree *t, uint32_t i)
{
    return (tn_branch *)(void *)t->rows.data + i;
}

/* ---- what comes through ---- */

static int find_places(tn_tree *t, tn_error *err)
{
    const tn_path_view *v = t->view;
    if (v->distances != &v->own)
        return tn__places(v->snapshot, &t->places, err);
    TN_TRY(tn__places_by(v->ways, v->distances, &t->own, err));
    t->places = &t->own;
    return TN_OK;
}

static int count_members(tn_tree *t, tn_error *err)
{
    const tn_path_view *v = t->view;
    const uint64_t *sizes;
    uint64_t n;
    TN_TRY(tn__column_u64(v->snapshot, TN_COL_SIZE, &sizes, &n, err));
    for (uint32_t id = 0; (id = tn_set_next(v->set, id)) != TN_NONE; id++) {
        if (tn__is_own(v->ways, id))
            continue;
        if (t->places->of[id] == TN_NONE) {
            t->n_lost++;
            t->lost_bytes += sizes[id];
            continue;
        }
        tn_through *at = &t->through[t->places->of[id]];
        at->members++;
        at->count++;
        at->bytes += sizes[id];
    }
    return TN_OK;
}

/* A place has a lower number than those behind it. */
static void add_up(tn_tree *t)
{
    tn_through *all = t->through;
    for (uint32_t i = 0; i < t->places->n; i++)
        all[i].child = all[i].sibling = TN_NONE;
    for (uint32_t i = t->places->n; i-- > 1;) {
        uint32_t parent = tn__place_row(t->places, i).parent;
        if (!all[i].count)
            continue;
        all[parent].count += all[i].count;
        all[parent].bytes += all[i].bytes;
        all[i].sibling = all[parent].child;
        all[parent].child = i;
    }
    for (uint32_t node = 0; node < t->places->n_nodes; node++) {
        if (t->places->of[node] == TN_NONE)
            continue;
        tn_through *at = &all[t->places->of[node]];
        at->n_nodes++;
        at->node = node;
    }
}

/* ---- which rows ---- */

static bool first(const void *left, const void *right)
{
    const tn_branch *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes;
    return a->count != b->count ? a->count > b->count : a->place < b->place;
}

static tn_branch pop(tn_tree *t)
{
    tn_branch b;
    tn__heap_pop(&t->heap, &b, sizeof b, first);
    return b;
}

static int propose(tn_tree *t, uint32_t place, uint32_t parent)
{
    const tn_through *all = t->through;
    while (!all[place].members && all[place].child != TN_NONE && all[all[place].child].sibling == TN_NONE)
        place = all[place].child;
    tn_branch b = {.place = place,
                   .parent = parent,
                   .depth = parent == TN_NONE ? 0 : branch_at(t, parent)->depth + 1,
                   .count = all[place].count,
                   .bytes = all[place].bytes,
                   .child = TN_NONE,
                   .last_child = TN_NONE,
                   .sibling = TN_NONE};
    return tn__heap_push(&t->heap, &b, sizeof b, first);
}

static int add_row(tn_tree *t, tn_branch b)
{
    uint32_t row = t->n_rows;
    TN_TRY(tn__buf_append(&t->rows, &b, sizeof b));
    t->n_rows++;
    if (b.parent != TN_NONE) {
        tn_branch *parent = branch_at(t, b.parent);
        if (parent->child == TN_NONE)
            parent->child = row;
        else
            branch_at(t, parent->last_child)->sibling = row;
        parent->last_child = row;
    }
    for (uint32_t c = t->through[b.place].child; c != TN_NONE; c = t->through[c].sibling)
        TN_TRY(propose(t, c, row));
    return TN_OK;
}

static int choose(tn_tree *t, uint32_t limit)
{
    if (!t->through[0].count)
        return TN_OK;
    TN_TRY(propose(t, 0, TN_NONE));
    bool shows_root = ((const tn_branch *)(const void *)t->heap.data)->place == 0;
    while (t->heap.size && (!limit || t->n_rows < limit + shows_root))
        TN_TRY(add_row(t, pop(t)));
    while (t->heap.size) {
        tn_branch b = pop(t);
        branch_at(t, b.parent)->n_hidden++;
        branch_at(t, b.parent)->hidden_bytes += b.bytes;
    }
    return TN_OK;
}

/* Parents before their children, without recursion: to the child, else to the sibling of the nearest parent that has one. */
static int put_in_order(tn_tree *t)
{
    uint32_t row = t->n_rows ? 0 : TN_NONE;
    while (row != TN_NONE) {
        const tn_branch *b = branch_at(t, row);
        TN_TRY(tn__buf_append(&t->order, &row, sizeof row));
        if (b->child != TN_NONE) {
            row = b->child;
            continue;
        }
        while (row != TN_NONE && branch_at(t, row)->sibling == TN_NONE)
            row = branch_at(t, row)->parent;
        row = row == TN_NONE ? row : branch_at(t, row)->sibling;
    }
    return TN_OK;
}

static int make_text(tn_tree *t, uint32_t row, tn_buf *out)
{
    uint32_t place = branch_at(t, row)->place;
    out->size = 0;
    TN_TRY(place ? tn__place_text(t->places, place, out) : tn__buf_append(out, "root", 4));
    return tn__buf_append(out, "", 1);
}

/* The object that alone stands there; TN_NONE. */
static uint32_t only_node(const tn_tree *t, uint32_t row)
{
    const tn_through *at = &t->through[branch_at(t, row)->place];
    return at->n_nodes == 1 ? at->node : TN_NONE;
}

/* Of one object the place may be its path as well. */
static int judge(tn_tree *t, uint32_t row, bool *evaluable, tn_error *err)
{
    const tn_path_view *v = t->view;
    uint32_t node = only_node(t, row);
    *evaluable = false;
    if (node == TN_NONE)
        return TN_OK;
    t->steps.size = t->above.size = 0;
    TN_TRY(tn__tree_steps(v->ways, v->distances, node, &t->steps, err));
    TN_TRY(tn__path_text_into(v->snapshot, (const tn_reference *)(const void *)t->steps.data,
                              (uint32_t)(t->steps.size / sizeof(tn_reference)), &t->above, evaluable, err));
    *evaluable &= strcmp((const char *)t->above.data, (const char *)t->now.data) == 0;
    return TN_OK;
}

/* ---- text ---- */

static int print_branch(tn_tree *t, uint32_t row, bool root_shown, tn_out *out)
{
    const tn_path_view *v = t->view;
    const tn_branch *b = branch_at(t, row);
    char size[24];
    size_t skip = 0;
    TN_TRY(make_text(t, row, &t->now));
    if (b->parent != TN_NONE && branch_at(t, b->parent)->place) { /* its text begins the row's */
        TN_TRY(make_text(t, b->parent, &t->above));
        skip = t->above.size - 1;
    }
    tn__out_format(out, "%9" PRIu32 "  %10s  %5.1f  %*s", b->count, tn_format_bytes(b->bytes, size, sizeof size),
                   tn__pct(b->bytes, v->bytes), (int)(2 * (b->depth - !root_shown)), "");
    tn__out_escaped(out, (const char *)t->now.data + skip);
    tn__out_text(out, "\n");
    return TN_OK;
}

static void print_hidden(const tn_branch *b, bool root_shown, tn_out *out)
{
    char size[24];
    if (b->n_hidden)
        tn__out_format(out, "%9s  %10s  %5s  %*s<%" PRIu32 " more, %s>\n", "", "", "",
                       (int)(2 * (b->depth + root_shown)), "", b->n_hidden,
                       tn_format_bytes(b->hidden_bytes, size, sizeof size));
}

static int write_text(tn_tree *t, const tn_view_options *o, tn_out *out)
{
    const tn_path_view *v = t->view;
    const uint32_t *order = (const uint32_t *)(const void *)t->order.data;
    bool root_shown = t->n_rows && branch_at(t, 0)->place != 0;
    char size[24];
    tn__heading_print(v->snapshot, out, o);
    tn__out_format(out, "%" PRIu64 " object%s, %s: where their shortest paths lead through\n\n", v->count,
                   v->count == 1 ? "" : "s", tn_format_bytes(v->bytes, size, sizeof size));
    tn__table_heading(out, o, "    Count        Size      %  Path");
    for (uint32_t i = 0; i < t->n_rows; i++) {
        if (branch_at(t, order[i])->place != 0)
            TN_TRY(print_branch(t, order[i], root_shown, out));
        /* what is left out stands behind the last row below, so behind this one and those of its parents that end here */
        uint32_t next_depth = i + 1 < t->n_rows ? branch_at(t, order[i + 1])->depth : 0;
        for (uint32_t row = order[i]; row != TN_NONE && branch_at(t, row)->depth >= next_depth;
             row = branch_at(t, row)->parent)
            print_hidden(branch_at(t, row), root_shown, out);
    }
    if (t->n_lost)
        tn__out_format(out, "%9" PRIu32 "  %10s  %5.1f  (no path)\n", t->n_lost,
                       tn_format_bytes(t->lost_bytes, size, sizeof size), tn__pct(t->lost_bytes, v->bytes));
    return TN_OK;
}

/* ---- JSON ---- */

static int branch_json(tn_tree *t, tn_json *j, uint32_t row, tn_error *err)
{
    const tn_path_view *v = t->view;
    const tn_branch *b = branch_at(t, row);
    uint32_t only = only_node(t, row);
    tn_node node;
    bool evaluable;
    TN_TRY(make_text(t, row, &t->now));
    TN_TRY(judge(t, row, &evaluable, err));
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "depth", b->depth);
    tn__json_u64(j, "count", b->count);
    tn__json_u64(j, "size", b->bytes);
    tn__json_pct(j, "size_pct", b->bytes, v->bytes);
    if (only != TN_NONE) {
        TN_TRY(tn_node_get(v->snapshot, only, &node, err));
        tn__json_hex(j, "address", node.address);
    } else {
        tn__json_null(j, "address");
    }
    tn__json_string(j, "type", only != TN_NONE ? tn__type_name(v->snapshot, only) : NULL);
    tn__json_bool(j, "evaluable", evaluable);
    tn__json_string(j, "path", (const char *)t->now.data);
    tn__json_u64(j, "hidden", b->n_hidden);
    tn__json_u64(j, "hidden_size", b->hidden_bytes);
    tn__json_close(j, '}');
    return TN_OK;
}

static int write_json(tn_tree *t, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"depth", "count",     "size", "size_pct", "address",
                                          "type",  "evaluable", "path", "hidden",   "hidden_size"};
    const tn_path_view *v = t->view;
    const uint32_t *order = (const uint32_t *)(const void *)t->order.data;
    tn_json j;
    tn__json_start(&j, out, "paths");
    tn__json_bool(&j, "merged", true);
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_string(&j, "avoid", o->avoid);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "count", "objects");
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "size_pct", "percent");
    tn__json_string(&j, "address", "address");
    tn__json_string(&j, "hidden_size", "bytes");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; i < t->n_rows; i++)
        TN_TRY(branch_json(t, &j, order[i], err));
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", v->count);
    tn__json_u64(&j, "size", v->bytes);
    tn__json_close(&j, '}');
    tn__json_open(&j, "lost", '{');
    tn__json_u64(&j, "count", t->n_lost);
    tn__json_u64(&j, "size", t->lost_bytes);
    tn__json_close(&j, '}');
    tn__info_json(&j, v->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

static int compute(tn_tree *t, const tn_view_options *o, tn_error *err)
{
    tn_path_view *v = t->view;
    if (o->sort)
        return tn__error_set(err, TN_EINVAL, 0, "merged paths are in order of their bytes; --sort makes no sense here");
    TN_TRY(tn__path_distances(v, err));
    TN_TRY(find_places(t, err));
    t->through = tn__alloc_zero(v->alloc, t->places->n * sizeof *t->through);
    if (!t->through)
        return tn__no_memory(v->snapshot, err);
    TN_TRY(count_members(t, err));
    add_up(t);
    v->count = (uint64_t)t->through[0].count + t->n_lost;
    v->bytes = t->through[0].bytes + t->lost_bytes;
    int status = choose(t, o->limit);
    if (status == TN_OK)
        status = put_in_order(t);
    return status == TN_ENOMEM ? tn__no_memory(v->snapshot, err) : status;
}

int tn__path_tree(tn_path_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_tree t = {.view = v};
    tn__buf_init(&t.now, v->alloc);
    tn__buf_init(&t.above, v->alloc);
    tn__buf_init(&t.steps, v->alloc);
    tn__buf_init(&t.rows, v->alloc);
    tn__buf_init(&t.heap, v->alloc);
    tn__buf_init(&t.order, v->alloc);
    int status = compute(&t, o, err);
    if (status == TN_OK && o->form == TN_JSON)
        status = write_json(&t, o, out, err);
    else if (status == TN_OK)
        status = write_text(&t, o, out);
    status = status == TN_ENOMEM ? tn__no_memory(v->snapshot, err) : status;
    if (t.places)
        tn__free(v->alloc, t.through, t.places->n * sizeof *t.through);
    if (t.own.alloc)
        tn__places_free(&t.own);
    tn__buf_free(&t.now);
    tn__buf_free(&t.above);
    tn__buf_free(&t.steps);
    tn__buf_free(&t.rows);
    tn__buf_free(&t.heap);
    tn__buf_free(&t.order);
    return status;
}
