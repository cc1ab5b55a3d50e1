/* treemap.c - the dominator tree down to where it gets small: of all its nodes those that retain most, wherever they hang.
 *
 * What hangs from a node retains no more than the node. So the rows are found by going down from the largest node that was not
 * gone down from, and no other is looked at: a heap has, for each row, what hangs from it, the largest first (cursors).
 *
 * The tops are those of the page dominators. From the root of all objects there may be millions: they are not put in a list.
 * What is no object (roots, threads, frames, and tonnage's own) is gone through, as long as it is at the top.
 */
#include "base/heap.h"
#include "view/dominator_tree.h"

#include <stdlib.h>

/* How a row hangs in the tree. Rows stand in the order they were found: parents before what hangs from them, siblings by what
 * they retain. Row 0 is what all hang from; behind them stand those above it, the nearest first: neither are in the tree. */
typedef struct tn_cell {
    uint32_t parent, first, last, next; /* rows; 0: none */
    uint32_t n_below;                   /* that are rows */
    uint64_t bytes_below;               /* that these retain */
} tn_cell;

/* What hangs from a node and was not looked at yet. */
typedef struct tn_cursor {
    const uint32_t *own, *of_dict, *own_end,
        *dict_end;        /* by what they retain; of the node, of the dict that is a part of it */
    uint32_t dict;        /* it; TN_NONE */
    uint32_t head, depth; /* the first of them all */
    uint32_t row;         /* of the node */
    bool objects;         /* what is none is left out */
    uint64_t retained;    /* by head */
} tn_cursor;

typedef struct tn_treemap {
    tn_tree tree;
    tn_below below;
    const tn_set *all;
    tn_selection sel;
    tn_buf cells, cursors, tops; /* tops: uint32_t, where they were selected */
    size_t n_above;              /* rows at the end */
    uint32_t more_above;         /* that are none */
} tn_treemap;

static tn_cell *cell_at(const tn_treemap *m, uint32_t i)
{
    return (tn_cell *)(void *)m->cells.data + i;
}

/* ---- cursors ---- */

static bool is_first(const void *a, const void *b)
{
    const tn_cursor *left = a, *right = b;
    return left->retained != right->retained ? left->retained > right->retained : left->head < right->head;
}

/* Takes the next one for the head; false: there is none. */
static bool step(const tn_treemap *m, tn_cursor *c)
{
    while (c->own < c->own_end && (*c->own == c->dict || (c->objects && !tn_set_has(m->all, *c->own))))
        c->own++;
    if (c->own == c->own_end && c->of_dict == c->dict_end)
        return false;
    bool own = c->of_dict == c->dict_end || (c->own < c->own_end && tn__tree_before(&m->tree, *c->own, *c->of_dict));
    c->head = own ? *c->own++ : *c->of_dict++;
    c->retained = m->tree.d->retained[c->head];
    return true;
}

static int push(tn_treemap *m, tn_cursor *c, tn_error *err)
{
    if (step(m, c) && tn__heap_push(&m->cursors, c, sizeof *c, is_first) < 0)
        return tn__no_memory(m->tree.snapshot, err);
    return TN_OK;
}

static int push_below(tn_treemap *m, uint32_t node, tn_cursor c, tn_error *err)
{
    uint32_t n, n_dict = 0;
    c.dict = tn__tree_dict(&m->tree, node);
    TN_TRY(tn_dominated(m->tree.snapshot, node, &c.own, &n, err));
    if (c.dict != TN_NONE)
        TN_TRY(tn_dominated(m->tree.snapshot, c.dict, &c.of_dict, &n_dict, err));
    c.own_end = c.own + n;
    c.dict_end = c.of_dict ? c.of_dict + n_dict : NULL;
    return push(m, &c, err);
}

/* ---- the tops ---- */

static uint32_t n_below(const tn_treemap *m, uint32_t node)
{
    return m->below.starts[node + 1] - m->below.starts[node];
}

static void count_top(tn_tree *t, uint32_t id)
{
    t->n_tops++;
    t->tops_bytes += t->d->retained[id];
    t->tops_count += t->d->counts[id];
}

/* All objects: those that nothing but what is gone through stands above. */
static int push_all_tops(tn_treemap *m, tn_error *err)
{
    tn_buf left;
    uint32_t at = m->tree.under;
    tn__buf_init(&left, m->tree.alloc);
    int status = tn__buf_append(&left, &at, sizeof at) < 0 ? tn__no_memory(m->tree.snapshot, err) : TN_OK;
    while (left.size && status == TN_OK) {
        left.size -= sizeof at;
        at = *(uint32_t *)(void *)(left.data + left.size);
        for (uint32_t i = m->below.starts[at]; i < m->below.starts[at + 1] && status == TN_OK; i++) {
            uint32_t id = m->below.nodes[i];
            if (tn_set_has(m->all, id))
                count_top(&m->tree, id);
            else if (n_below(m, id) && tn__buf_append(&left, &id, sizeof id) < 0)
                status = tn__no_memory(m->tree.snapshot, err);
        }
        if (status == TN_OK)
            status = push_below(m, at, (tn_cursor){.objects = true}, err);
    }
    tn__buf_free(&left);
    return status;
}

static int by_retained(const void *a, const void *b)
{
    const tn_order_key *left = a, *right = b;
    if (left->number != right->number)
        return left->number > right->number ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

/* The selected ones, in order of what they retain, in tops. */
static int sort_tops(tn_treemap *m, tn_error *err)
{
    tn_tree *t = &m->tree;
    size_t n = m->tops.size / sizeof(uint32_t);
    uint32_t *ids = (uint32_t *)(void *)m->tops.data;
    tn_order_key *keys = tn__alloc(t->alloc, n * sizeof *keys);
    if (!keys)
        return tn__no_memory(t->snapshot, err);
    for (size_t i = 0; i < n; i++) {
        keys[i] = (tn_order_key){.number = t->d->retained[ids[i]], .row = ids[i]};
        count_top(t, ids[i]);
    }
    if (n > 1)
        qsort(keys, n, sizeof *keys, by_retained);
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)keys[i].row;
    tn__free(t->alloc, keys, n * sizeof *keys);
    return TN_OK;
}

static int push_tops(tn_treemap *m, tn_error *err)
{
    tn_tree *t = &m->tree;
    const tn_view_options *o = t->options;
    tn_cursor top = {.dict = TN_NONE};
    if (o->set || (o->where && *o->where)) {
        TN_TRY(tn__tree_tops(t, &m->tops, err));
        TN_TRY(sort_tops(m, err));
        top.own = (const uint32_t *)(const void *)m->tops.data;
        top.own_end = top.own ? top.own + m->tops.size / sizeof *top.own : NULL;
        return push(m, &top, err);
    }
    if (t->under == t->d->root)
        return push_all_tops(m, err);
    uint32_t dict = tn__tree_dict(t, t->under), nodes[] = {t->under, dict};
    for (size_t k = 0; k < 1 + (dict != TN_NONE); k++)
        for (uint32_t i = m->below.starts[nodes[k]]; i < m->below.starts[nodes[k] + 1]; i++)
            if (m->below.nodes[i] != dict)
                count_top(t, m->below.nodes[i]);
    return push_below(m, t->under, top, err);
}

/* ---- rows ---- */

static int add_row(tn_treemap *m, const tn_tree_row *row, uint32_t parent, tn_error *err)
{
    uint32_t at = (uint32_t)m->tree.n_rows;
    tn_cell cell = {.parent = parent};
    if (tn__buf_append(&m->cells, &cell, sizeof cell) < 0 || tn__buf_append(&m->tree.rows, row, sizeof *row) < 0)
        return tn__no_memory(m->tree.snapshot, err);
    m->tree.n_rows = at + 1;
    if (at == 0)
        return TN_OK;
    tn_cell *above = cell_at(m, parent);
    above->bytes_below += row->retained;
    above->n_below++;
    if (above->first)
        cell_at(m, above->last)->next = at;
    else
        above->first = at;
    above->last = at;
    return TN_OK;
}

static int find_rows(tn_treemap *m, tn_error *err)
{
    tn_tree *t = &m->tree;
    const tn_view_options *o = t->options;
    uint32_t levels = o->depth ? o->depth : UINT32_MAX;
    tn_tree_row row = tn__tree_row(t, t->under, 0);
    TN_TRY(add_row(m, &row, 0, err));
    TN_TRY(push_tops(m, err));
    while (m->cursors.size && (!o->limit || t->n_rows <= o->limit)) {
        tn_cursor c, below;
        tn__heap_pop(&m->cursors, &c, sizeof c, is_first);
        row = tn__tree_row(t, c.head, c.depth);
        if (tn__selection_decide(&m->sel, tn__tree_row_holds, &row) > 0) {
            below = (tn_cursor){.depth = c.depth + 1, .row = (uint32_t)t->n_rows};
            TN_TRY(add_row(m, &row, c.row, err));
            if (below.depth < levels)
                TN_TRY(push_below(m, c.head, below, err));
        }
        TN_TRY(push(m, &c, err));
    }
    t->more = t->n_tops - cell_at(m, 0)->n_below;
    t->more_bytes = t->tops_bytes - cell_at(m, 0)->bytes_below;
    return TN_OK;
}

/* Objects without which that of row 0 would go. */
static int add_above(tn_treemap *m, tn_error *err)
{
    enum { MOST = 30 };
    tn_tree *t = &m->tree;
    for (uint32_t id = t->under; (id = t->d->idom[id]) != TN_NONE;) {
        if (t->kinds.alloc)
            id = tn__owner_at(&t->kinds, &t->graph, t->d, id);
        if (!tn_set_has(m->all, id))
            continue;
        if (m->n_above == MOST) {
            m->more_above++;
            continue;
        }
        tn_tree_row row = tn__tree_row(t, id, 0);
        if (tn__buf_append(&t->rows, &row, sizeof row) < 0)
            return tn__no_memory(t->snapshot, err);
        t->n_rows++;
        m->n_above++;
    }
    return TN_OK;
}

/* How many nodes hang right from that of a row and are no rows. */
static uint32_t n_hidden(const tn_treemap *m, uint32_t row)
{
    uint32_t node = tn__tree_rows(&m->tree)[row].id, dict = tn__tree_dict(&m->tree, node);
    return n_below(m, node) + (dict == TN_NONE ? 0 : n_below(m, dict) - 1) - cell_at(m, row)->n_below;
}

/* What these retain: of an object all but what it takes itself, which is nothing of tonnage's own. */
static uint64_t hidden_bytes(const tn_treemap *m, uint32_t row)
{
    const tn_tree_row *at = &tn__tree_rows(&m->tree)[row];
    uint64_t sum = 0;
    if (at->id < m->tree.graph.n_objects) {
        sum = at->retained - (tn_set_has(m->all, at->id) ? at->size : 0);
    } else {
        for (uint32_t i = m->below.starts[at->id]; i < m->below.starts[at->id + 1]; i++)
            sum += m->tree.d->retained[m->below.nodes[i]];
    }
    return sum - cell_at(m, row)->bytes_below;
}

/* The row that is shown behind this one; 0: none. n_ended: how many, from this one upwards, have no more behind them. */
static uint32_t next_row(const tn_treemap *m, uint32_t at, uint32_t *n_ended)
{
    *n_ended = 0;
    if (cell_at(m, at)->first)
        return cell_at(m, at)->first;
    for (; at; at = cell_at(m, at)->parent) {
        ++*n_ended;
        if (cell_at(m, at)->next)
            return cell_at(m, at)->next;
    }
    return 0;
}

/* ---- text ---- */

static int put(tn_treemap *m, tn_buf *out, const tn_tree_row *row, tn_error *err)
{
    return tn__buf_append(out, row, sizeof *row) < 0 ? tn__no_memory(m->tree.snapshot, err) : TN_OK;
}

/* Rows in the order they are shown, and a ghost at the end of what hangs from each, where that is not all. */
static int put_in_order(tn_treemap *m, tn_buf *out, tn_error *err)
{
    const tn_tree_row *rows = tn__tree_rows(&m->tree);
    uint32_t n_ended;
    for (uint32_t at = cell_at(m, 0)->first, next; at; at = next) {
        TN_TRY(put(m, out, &rows[at], err));
        next = next_row(m, at, &n_ended);
        for (; n_ended; n_ended--, at = cell_at(m, at)->parent) {
            tn_tree_row ghost = {.id = TN_NONE, .depth = rows[at].depth + 1, .count = n_hidden(m, at)};
            if (!ghost.count || !cell_at(m, at)->n_below)
                continue;
            ghost.retained = hidden_bytes(m, at);
            TN_TRY(put(m, out, &ghost, err));
        }
    }
    return TN_OK;
}

static int write_text(tn_treemap *m, tn_out *out, tn_error *err)
{
    tn_tree *t = &m->tree;
    tn_table table;
    tn_buf rows;
    tn__buf_init(&rows, t->alloc);
    tn__table_init(&table, t->alloc, tn__tree_columns, TN_TREE_COLUMNS);
    int status = put_in_order(m, &rows, err);
    tn__buf_free(&t->rows);
    t->rows = rows;
    t->n_rows = rows.size / sizeof(tn_tree_row);
    if (status == TN_OK)
        status = tn__tree_table(t, &table, err);
    if (status == TN_OK && table.status < 0)
        status = tn__no_memory(t->snapshot, err);
    if (status == TN_OK)
        status = tn__tree_head(t, NULL, out, err);
    if (status == TN_OK) {
        tn__table_print(&table, out, t->options);
        tn__tree_more(t, out);
    }
    tn__table_free(&table);
    return status;
}

/* ---- JSON ---- */

static int json_above(tn_treemap *m, tn_json *j, tn_error *err)
{
    const tn_tree_row *rows = tn__tree_rows(&m->tree);
    if (m->tree.under == m->tree.d->root) {
        tn__json_null(j, "object");
    } else {
        tn__json_open(j, "object", '{');
        TN_TRY(tn__tree_json_row(&m->tree, &rows[0], j, err));
        tn__json_close(j, '}');
    }
    tn__json_open(j, "above", '[');
    for (size_t i = 0; i < m->n_above; i++) {
        tn__json_open(j, NULL, '{');
        TN_TRY(tn__tree_json_row(&m->tree, &rows[m->tree.n_rows - 1 - i], j, err));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more_above", m->more_above);
    return TN_OK;
}

static int json_rows(tn_treemap *m, tn_json *j, tn_error *err)
{
    uint32_t n_ended;
    for (uint32_t at = cell_at(m, 0)->first; at; at = next_row(m, at, &n_ended)) {
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        TN_TRY(tn__tree_json_row(&m->tree, &tn__tree_rows(&m->tree)[at], j, err));
        tn__json_u64(j, "more", n_hidden(m, at));
        tn__json_u64(j, "more_retained", hidden_bytes(m, at));
        tn__json_close(j, '}');
    }
    return TN_OK;
}

static int write_json(tn_treemap *m, tn_out *out, tn_error *err)
{
    tn_tree *t = &m->tree;
    const char *columns[TN_TREE_KEYS + 2];
    tn_json j;
    memcpy(columns, tn__tree_keys, sizeof tn__tree_keys);
    columns[TN_TREE_KEYS] = "more";
    columns[TN_TREE_KEYS + 1] = "more_retained";
    TN_TRY(tn__snapshot_addresses(t->snapshot, err));
    tn__json_start(&j, out, "treemap");
    tn__json_string(&j, "where", t->options->where);
    tn__against_json(t->options, &j);
    tn__json_bool(&j, "fold", t->options->fold);
    TN_TRY(json_above(m, &j, err));
    tn__json_strings(&j, "columns", columns, TN_TREE_KEYS + 2);
    tn__tree_json_units(&j);
    tn__json_open(&j, "rows", '[');
    TN_TRY(json_rows(m, &j, err));
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__tree_json_total(t, &j);
    tn__json_u64(&j, "whole", t->d->retained[t->d->root]);
    tn__json_u64(&j, "more", t->more);
    tn__json_u64(&j, "more_retained", t->more_bytes);
    tn__info_json(&j, t->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

/* ---- all ---- */

static int compute(tn_treemap *m, tn_error *err)
{
    tn_snapshot *s = m->tree.snapshot;
    TN_TRY(tn__dominated(s, &m->below, err));
    TN_TRY(tn__set_of_all(s, &m->all, err));
    TN_TRY(find_rows(m, err));
    TN_TRY(add_above(m, err));
    TN_TRY(tn__tree_sizes(&m->tree, err));
    return tn__tree_held(&m->tree, err);
}

int tn_view_treemap(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_view_options o;
    tn_treemap m = {0};
    tn_out out;
    tn_diff *made;
    if (id != TN_NONE && id >= tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)id);
    TN_TRY(tn__against(s, options, &o, &made, err));
    tn__out_init(&out, sink);
    int status = tn__tree_open(&m.tree, s, id, &o, err);
    tn__buf_init(&m.cells, m.tree.alloc);
    tn__buf_init(&m.cursors, m.tree.alloc);
    tn__buf_init(&m.tops, m.tree.alloc);
    if (status == TN_OK)
        status = tn__tree_parse_rows(&m.tree, o.where_rows, &m.sel, err);
    if (status == TN_OK) {
        status = compute(&m, err);
        tn__selection_free(&m.sel);
    }
    if (status == TN_OK)
        status = options->form == TN_JSON ? write_json(&m, &out, err) : write_text(&m, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    tn__buf_free(&m.cells);
    tn__buf_free(&m.cursors);
    tn__buf_free(&m.tops);
    tn__tree_close(&m.tree);
    tn_diff_close(made);
    return status;
}
