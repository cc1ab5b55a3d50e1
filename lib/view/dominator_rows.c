/* dominator_rows.c - what the pages dominators and treemap share: a row of the dominator tree, its size, what holds it, and how
 * it is written.
 */
#include "analysis/stream.h"
#include "view/dominator_tree.h"

#include <inttypes.h>
#include <stdio.h>

int tn__tree_open(tn_tree *t, tn_snapshot *s, uint32_t under, const tn_view_options *o, tn_error *err)
{
    *t = (tn_tree){.snapshot = s, .alloc = tn__snapshot_alloc(s), .options = o};
    tn__buf_init(&t->rows, t->alloc);
    tn__buf_init(&t->text, t->alloc);
    TN_TRY(tn__dominators(s, &t->d, err));
    TN_TRY(tn__graph(s, &t->graph, err));
    t->under = under == TN_NONE ? t->d->root : under;
    return o->fold ? tn__kinds_make(s, &t->kinds, err) : TN_OK;
}

void tn__tree_close(tn_tree *t)
{
    if (t->kinds.alloc)
        tn__kinds_free(&t->kinds);
    tn__buf_free(&t->rows);
    tn__buf_free(&t->text);
}

tn_tree_row tn__tree_row(const tn_tree *t, uint32_t id, uint32_t depth)
{
    return (tn_tree_row){.id = id,
                         .depth = depth,
                         .retained = t->d->retained[id],
                         .count = t->d->counts[id],
                         .type = t->graph.table[t->graph.shapes[id]].type};
}

int tn__tree_tops(tn_tree *t, tn_buf *ids, tn_error *err)
{
    const tn_view_options *o = t->options;
    tn_set *set;
    TN_TRY(tn__set_selected(t->snapshot, &(tn_view_options){.where = o->where, .set = o->set, .since = o->since}, &set,
                            err));
    if (tn__tree_dict(t, t->under) != TN_NONE)
        tn_set_remove(set, tn__tree_dict(t, t->under));
    int status = tn__dominator_tops(t->snapshot, set, t->under, ids, err);
    tn_set_free(set);
    return status;
}

int tn__tree_row_holds(void *ctx, const tn_condition *c)
{
    const tn_tree_row *row = ctx;
    return tn__condition_number(c, c->kind == TN_COND_COUNT ? row->count : row->retained);
}

int tn__tree_parse_rows(const tn_tree *t, const char *where, tn_selection *out, tn_error *err)
{
    return tn__selection_parse(t->alloc, where, NULL, TN_SELECT_ROWS & ~(1u << TN_COND_LARGEST), out, err);
}

/* ---- sizes, and what holds rows ---- */

/* From the blocks that hold them: the whole column would be kept. */
static int read_sizes(tn_tree *t, const tn_order_key *by_id, size_t n, tn_error *err)
{
    tn_stream sizes;
    uint64_t size;
    tn__stream_open(&sizes, t->snapshot, TN_COL_SIZE, 0);
    for (size_t i = 0; i < t->n_rows; i++)
        tn__tree_rows(t)[i].size = 0;
    for (size_t i = 0; i < n; i++) {
        TN_TRY(tn__stream_at(&sizes, by_id[i].number, &size, err));
        tn__tree_rows(t)[by_id[i].row].size += size;
    }
    return TN_OK;
}

int tn__tree_sizes(tn_tree *t, tn_error *err)
{
    size_t n = 0, n_keys = 2 * t->n_rows;
    tn_order_key *keys = tn__alloc(t->alloc, n_keys * sizeof *keys);
    if (!keys)
        return tn__no_memory(t->snapshot, err);
    for (size_t i = 0; i < t->n_rows; i++) {
        uint32_t id = tn__tree_rows(t)[i].id, dict = id == TN_NONE ? TN_NONE : tn__tree_dict(t, id);
        if (id != TN_NONE)
            keys[n++] = (tn_order_key){.number = id, .text = "", .row = i};
        if (dict != TN_NONE)
            keys[n++] = (tn_order_key){.number = dict, .text = "", .row = i};
    }
    tn__order_sort(keys, n, false);
    int status = read_sizes(t, keys, n, err);
    tn__free(t->alloc, keys, n_keys * sizeof *keys);
    return status;
}

int tn__tree_held(tn_tree *t, tn_error *err)
{
    TN_TRY(tn__held_find(t->snapshot, tn__tree_rows(t), t->n_rows, err));
    for (size_t i = 0; t->kinds.alloc && i < t->n_rows; i++) {
        tn_tree_row *row = &tn__tree_rows(t)[i];
        uint32_t above = row->id == TN_NONE ? TN_NONE : t->d->idom[row->id];
        row->attribute = above != TN_NONE && tn__owner_at(&t->kinds, &t->graph, t->d, above) != above;
    }
    return TN_OK;
}

/* ---- text ---- */

const tn_table_column tn__tree_columns[TN_TREE_COLUMNS] = {
    {"Retained", true, 0}, {"%", true, 1},     {"Objects", true, 3},  {"Size", true, 4},
    {"at", false, 0},      {"Type", false, 0}, {"Held by", false, 0}, {"Preview", false, 0},
};

int tn__tree_table(tn_tree *t, tn_table *table, tn_error *err)
{
    uint64_t whole = t->d->retained[t->d->root];
    TN_TRY(tn__snapshot_addresses(t->snapshot, err));
    for (size_t i = 0; i < t->n_rows; i++) {
        const tn_tree_row *row = &tn__tree_rows(t)[i];
        char type_text[256];
        tn_type type = {0};
        int indent = row->depth < 40 ? (int)(2 * row->depth) : 80;
        tn__table_bytes(table, row->retained);
        tn__table_pct(table, row->retained, whole);
        if (row->id == TN_NONE) {
            snprintf(type_text, sizeof type_text, "%*s<%" PRIu32 " more>", indent, "", row->count);
            for (int c = 0; c < 3; c++)
                tn__table_text(table, "");
            tn__table_text(table, type_text);
            tn__table_text(table, "");
            tn__table_text(table, "");
            continue;
        }
        TN_TRY(tn_snapshot_type(t->snapshot, row->type, &type));
        snprintf(type_text, sizeof type_text, "%*s%s", indent, "", type.full_name);
        tn__table_u64(table, row->count);
        tn__table_bytes(table, row->size);
        tn__table_hex(table,
                      row->id < tn_snapshot_n_objects(t->snapshot) ? tn__snapshot_address(t->snapshot, row->id) : 0);
        tn__table_text(table, type_text);
        TN_TRY(tn__held_into(t->snapshot, row, &t->text, err));
        tn__table_text(table, (const char *)t->text.data);
        TN_TRY(tn__preview_into(t->snapshot, row->id, &t->text, err));
        tn__table_text(table, (const char *)t->text.data);
    }
    return TN_OK;
}

int tn__tree_head(tn_tree *t, const tn_heap *heap, tn_out *out, tn_error *err)
{
    char size[24], all[24];
    uint64_t whole = t->d->retained[t->d->root];
    tn__heading_print(t->snapshot, out, t->options);
    if (t->under != t->d->root) {
        TN_TRY(tn__describe_into(t->snapshot, t->under, &t->text, err));
        tn__out_text(out, "below ");
        tn__out_escaped(out, (const char *)t->text.data);
        tn__out_text(out, "\n");
    } else if (heap) {
        tn__heap_print(heap, t->options, out);
    }
    tn__out_format(out, "%" PRIu64 " object%s retain%s %" PRIu64 " object%s, %s of %s\n\n", t->n_tops,
                   t->n_tops == 1 ? "" : "s", t->n_tops == 1 ? "s" : "", t->tops_count, t->tops_count == 1 ? "" : "s",
                   tn_format_bytes(t->tops_bytes, size, sizeof size), tn_format_bytes(whole, all, sizeof all));
    return TN_OK;
}

void tn__tree_more(const tn_tree *t, tn_out *out)
{
    char size[24];
    if (!t->more)
        return;
    tn__out_wrap(out, t->options->width);
    tn__out_format(out, "<%" PRIu64 " more, %s; use --limit N to see more, --limit 0 for all>\n", t->more,
                   tn_format_bytes(t->more_bytes, size, sizeof size));
    tn__out_unwrap(out);
}

/* ---- JSON ---- */

const char *const tn__tree_keys[TN_TREE_KEYS] = {"depth",   "retained", "retained_pct", "count",   "size",
                                                 "address", "type",     "held_by",      "preview", "node"};

void tn__tree_json_units(tn_json *j)
{
    tn__json_open(j, "units", '{');
    tn__json_string(j, "retained", "bytes");
    tn__json_string(j, "retained_pct", "percent");
    tn__json_string(j, "count", "objects");
    tn__json_string(j, "size", "bytes");
    tn__json_string(j, "address", "address");
    tn__json_close(j, '}');
}

int tn__tree_json_row(tn_tree *t, const tn_tree_row *row, tn_json *j, tn_error *err)
{
    uint64_t whole = t->d->retained[t->d->root];
    tn_type type;
    TN_TRY(tn_snapshot_type(t->snapshot, row->type, &type));
    tn__json_u64(j, "depth", row->depth);
    tn__json_u64(j, "retained", row->retained);
    tn__json_pct(j, "retained_pct", row->retained, whole);
    tn__json_u64(j, "count", row->count);
    tn__json_u64(j, "size", row->size);
    tn__json_hex(j, "address",
                 row->id < tn_snapshot_n_objects(t->snapshot) ? tn__snapshot_address(t->snapshot, row->id) : 0);
    tn__json_string(j, "type", type.full_name);
    TN_TRY(tn__held_into(t->snapshot, row, &t->text, err));
    tn__json_string(j, "held_by", (const char *)t->text.data);
    TN_TRY(tn__preview_into(t->snapshot, row->id, &t->text, err));
    tn__json_string(j, "preview", t->text.size ? (const char *)t->text.data : NULL);
    tn__json_u64(j, "node", row->id);
    return TN_OK;
}

void tn__tree_json_total(const tn_tree *t, tn_json *j)
{
    tn__json_open(j, "total", '{');
    tn__json_u64(j, "rows", t->n_tops);
    tn__json_u64(j, "count", t->tops_count);
    tn__json_u64(j, "retained", t->tops_bytes);
    tn__json_close(j, '}');
}
