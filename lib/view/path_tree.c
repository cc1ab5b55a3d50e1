/* path_tree.c - the merged shortest paths of a set: where they part, and how much comes through each branch.
 *
 * Rows are nodes where paths part or that are of the set; between them nothing happens. The branches with the most bytes are
 * followed first, so that few rows say most.
 */
#include "view/path_rows.h"

#include "analysis/lookup.h"
#include "base/heap.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

typedef struct tn_branch {
    uint32_t node, parent, depth; /* parent: a row, TN_NONE for the first */
    uint32_t count;
    uint64_t bytes;
    uint32_t n_hidden; /* branches below that are no rows */
    uint64_t hidden_bytes;
    uint32_t child, last_child, sibling; /* rows, those with more bytes first */
} tn_branch;

/* Path of a row. Only those at hand are kept: in a long chain all of them would be as long as its square. */
typedef struct tn_branch_text {
    uint32_t row; /* TN_NONE: none yet */
    bool evaluable;
    tn_buf text; /* with a NUL */
} tn_branch_text;

typedef struct tn_tree {
    tn_path_view *view;
    tn_merged merged;
    tn_branch_text now, above; /* of the row that is written, and of its parent */
    tn_buf steps;              /* tn_reference */
    tn_buf rows;               /* tn_branch */
    tn_buf heap;               /* tn_branch that may become rows, most bytes first */
    uint32_t n_rows;
    tn_buf order; /* u32: rows as they are written */
} tn_tree;

static tn_branch *branch_at(const tn_tree *t, uint32_t i)
{
    return (tn_branch *)(void *)t->rows.data + i;
}

/* ---- which rows ---- */

static bool first(const void *left, const void *right)
{
    const tn_branch *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes;
    return a->count != b->count ? a->count > b->count : a->node < b->node;
}

static tn_branch pop(tn_tree *t)
{
    tn_branch b;
    tn__heap_pop(&t->heap, &b, sizeof b, first);
    return b;
}

static int propose(tn_tree *t, uint32_t node, uint32_t parent)
{
    const tn_merged *m = &t->merged;
    while (!tn_set_has(t->view->set, node) && m->child[node] != TN_NONE && m->sibling[m->child[node]] == TN_NONE)
        node = m->child[node];
    tn_branch b = {.node = node,
                   .parent = parent,
                   .depth = parent == TN_NONE ? 0 : branch_at(t, parent)->depth + 1,
                   .count = m->counts[node],
                   .bytes = m->bytes[node],
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
    for (uint32_t c = t->merged.child[b.node]; c != TN_NONE; c = t->merged.sibling[c])
        TN_TRY(propose(t, c, row));
    return TN_OK;
}

static int choose(tn_tree *t, uint32_t limit)
{
    uint32_t root = t->view->ways->graph.root;
    if (!t->merged.counts[root])
        return TN_OK;
    TN_TRY(propose(t, root, TN_NONE));
    bool shows_root = ((const tn_branch *)(const void *)t->heap.data)->node == root;
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

static int make_text(tn_tree *t, uint32_t row, tn_branch_text *out, tn_error *err)
{
    tn_path_view *v = t->view;
    if (out->row == row)
        return TN_OK;
    out->row = TN_NONE;
    out->text.size = t->steps.size = 0;
    TN_TRY(tn__tree_steps(v->ways, v->distances, branch_at(t, row)->node, &t->steps, err));
    TN_TRY(tn__path_text_into(v->snapshot, (const tn_reference *)(const void *)t->steps.data,
                              (uint32_t)(t->steps.size / sizeof(tn_reference)), &out->text, &out->evaluable, err));
    out->row = row;
    return TN_OK;
}

/* ---- text ---- */

/* Bytes of a text without the dict that its children are attributes of. */
static size_t base_of(const tn_tree *t, const tn_branch_text *of)
{
    static const char dict[] = ".__dict__";
    const char *text = (const char *)of->text.data;
    size_t n = strlen(text), n_dict = sizeof dict - 1;
    bool member = tn_set_has(t->view->set, branch_at(t, of->row)->node);
    return !member && n > n_dict && strcmp(text + n - n_dict, dict) == 0 ? n - n_dict : n;
}

/* What the parent's text begins the row's with; mostly the row before is the parent. */
static int find_lead(tn_tree *t, uint32_t parent, size_t *lead, tn_error *err)
{
    if (t->now.row == parent) {
        tn_branch_text now = t->now;
        t->now = t->above;
        t->above = now;
    }
    TN_TRY(make_text(t, parent, &t->above, err));
    *lead = base_of(t, &t->above);
    return TN_OK;
}

static int print_branch(tn_tree *t, uint32_t row, bool root_shown, tn_out *out, tn_error *err)
{
    const tn_path_view *v = t->view;
    const tn_branch *b = branch_at(t, row);
    char size[24], piece[2048];
    size_t skip = 0;
    if (b->parent != TN_NONE && branch_at(t, b->parent)->node != v->ways->graph.root)
        TN_TRY(find_lead(t, b->parent, &skip, err));
    TN_TRY(make_text(t, row, &t->now, err));
    const char *text = (const char *)t->now.text.data;
    size_t n = base_of(t, &t->now);
    if (skip && (skip >= n || memcmp(t->above.text.data, text, skip) != 0))
        skip = 0;
    n -= skip;
    n = n < sizeof piece ? n : tn__text_fit(text + skip, sizeof piece - 1, sizeof piece - 1);
    memcpy(piece, text + skip, n);
    piece[n] = '\0';
    tn__out_format(out, "%9" PRIu32 "  %10s  %5.1f  %*s", b->count, tn_format_bytes(b->bytes, size, sizeof size),
                   tn__pct(b->bytes, v->bytes), (int)(2 * (b->depth - !root_shown)), "");
    tn__out_text(out, piece);
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

static int write_text(tn_tree *t, const tn_view_options *o, tn_out *out, tn_error *err)
{
    const tn_path_view *v = t->view;
    const uint32_t *order = (const uint32_t *)(const void *)t->order.data;
    bool root_shown = t->n_rows && branch_at(t, 0)->node != v->ways->graph.root;
    char size[24];
    tn__heading_print(v->snapshot, out, o);
    tn__out_format(out, "%" PRIu64 " object%s, %s: where their shortest paths lead through\n\n", v->count,
                   v->count == 1 ? "" : "s", tn_format_bytes(v->bytes, size, sizeof size));
    tn__table_heading(out, o, "    Count        Size      %  Path");
    for (uint32_t i = 0; i < t->n_rows; i++) {
        if (branch_at(t, order[i])->node != v->ways->graph.root)
            TN_TRY(print_branch(t, order[i], root_shown, out, err));
        /* what is left out stands behind the last row below, so behind this one and those of its parents that end here */
        uint32_t next_depth = i + 1 < t->n_rows ? branch_at(t, order[i + 1])->depth : 0;
        for (uint32_t row = order[i]; row != TN_NONE && branch_at(t, row)->depth >= next_depth;
             row = branch_at(t, row)->parent)
            print_hidden(branch_at(t, row), root_shown, out);
    }
    if (t->merged.n_lost)
        tn__out_format(out, "%9" PRIu32 "  %10s  %5.1f  (no path)\n", t->merged.n_lost,
                       tn_format_bytes(t->merged.lost_bytes, size, sizeof size),
                       tn__pct(t->merged.lost_bytes, v->bytes));
    return TN_OK;
}

/* ---- JSON ---- */

static int branch_json(tn_tree *t, tn_json *j, uint32_t row, tn_error *err)
{
    const tn_path_view *v = t->view;
    const tn_branch *b = branch_at(t, row);
    tn_node node;
    TN_TRY(make_text(t, row, &t->now, err));
    TN_TRY(tn_node_get(v->snapshot, b->node, &node, err));
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_u64(j, "depth", b->depth);
    tn__json_u64(j, "count", b->count);
    tn__json_u64(j, "size", b->bytes);
    tn__json_pct(j, "size_pct", b->bytes, v->bytes);
    tn__json_hex(j, "address", node.address);
    tn__json_string(j, "type", tn__type_name(v->snapshot, b->node));
    tn__json_bool(j, "evaluable", t->now.evaluable);
    tn__json_string(j, "path", (const char *)t->now.text.data);
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
    tn__json_u64(&j, "count", t->merged.n_lost);
    tn__json_u64(&j, "size", t->merged.lost_bytes);
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
    TN_TRY(tn__merged_paths(v->ways, v->set, v->distances, &t->merged, err));
    uint32_t root = v->ways->graph.root;
    v->count = (uint64_t)t->merged.counts[root] + t->merged.n_lost;
    v->bytes = t->merged.bytes[root] + t->merged.lost_bytes;
    int status = choose(t, o->limit);
    if (status == TN_OK)
        status = put_in_order(t);
    return status == TN_ENOMEM ? tn__no_memory(v->snapshot, err) : status;
}

int tn__path_tree(tn_path_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_tree t = {.view = v, .now = {.row = TN_NONE}, .above = {.row = TN_NONE}};
    tn__buf_init(&t.now.text, v->alloc);
    tn__buf_init(&t.above.text, v->alloc);
    tn__buf_init(&t.steps, v->alloc);
    tn__buf_init(&t.rows, v->alloc);
    tn__buf_init(&t.heap, v->alloc);
    tn__buf_init(&t.order, v->alloc);
    int status = compute(&t, o, err);
    if (status == TN_OK && o->form == TN_JSON)
        status = write_json(&t, o, out, err);
    else if (status == TN_OK)
        status = write_text(&t, o, out, err);
    if (t.merged.alloc)
        tn__merged_free(&t.merged);
    tn__buf_free(&t.now.text);
    tn__buf_free(&t.above.text);
    tn__buf_free(&t.steps);
    tn__buf_free(&t.rows);
    tn__buf_free(&t.heap);
    tn__buf_free(&t.order);
    return status;
}
