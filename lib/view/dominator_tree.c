/* dominator_tree.c - the dominator tree from the root or from an object down: who retains most, and what in it.
 *
 * The first rows are the selected objects that no other selected one dominates (all objects are selected without a selection),
 * so that no byte is in two of them. Below each row stands what hangs from it, as deep as is asked for. Folded, what hangs
 * from the dict of an instance hangs from the instance.
 */
#include "view/dominator_tree.h"

#include "analysis/stream.h"
#include "analysis/suspects.h"
#include "view/heap_parts.h"
#include "view/parting.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct tn_tree {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    const tn_view_options *options;
    const tn_dominators *d;
    tn_graph graph;
    uint32_t under;
    size_t column;
    bool descending;
    tn_buf rows; /* tn_tree_row */
    size_t n_rows;
    uint64_t n_tops, tops_bytes, tops_count; /* shown or not */
    uint64_t more, more_bytes;               /* tops, or groups of them, that are not shown */
    uint32_t n_filtered;                     /* groups below the threshold */
    tn_heap heap;
    tn_kinds kinds;     /* alloc NULL: nothing is folded */
    tn_parting parting; /* rows are groups of the tops: */
    tn_place_sums sums;
    tn_buf text;
} tn_tree;

enum tn_tree_column { BY_RETAINED, BY_COUNT, BY_SIZE, BY_ADDRESS, BY_TYPE };

static tn_tree_row *rows_of(const tn_tree *t)
{
    return (tn_tree_row *)(void *)t->rows.data;
}

static tn_tree_row row_of(const tn_tree *t, uint32_t id, uint32_t depth)
{
    return (tn_tree_row){.id = id,
                         .depth = depth,
                         .retained = t->d->retained[id],
                         .count = t->d->counts[id],
                         .type = t->graph.table[t->graph.shapes[id]].type};
}

/* The dict that is a part of the node; TN_NONE. */
static uint32_t folded_dict(const tn_tree *t, uint32_t node)
{
    return t->kinds.alloc ? tn__dict_below(&t->kinds, &t->graph, t->d, node) : TN_NONE;
}

/* Sizes, from the blocks that hold them: the whole column would be kept. */
static int read_sizes(tn_tree *t, const tn_order_key *by_id, size_t n, tn_error *err)
{
    tn_stream sizes;
    uint64_t size;
    tn__stream_open(&sizes, t->snapshot, TN_COL_SIZE, 0);
    for (size_t i = 0; i < t->n_rows; i++)
        rows_of(t)[i].size = 0;
    for (size_t i = 0; i < n; i++) {
        TN_TRY(tn__stream_at(&sizes, by_id[i].number, &size, err));
        rows_of(t)[by_id[i].row].size += size;
    }
    return TN_OK;
}

static int fill_sizes(tn_tree *t, tn_error *err)
{
    size_t n = 0, n_keys = 2 * t->n_rows;
    tn_order_key *keys = tn__alloc(t->alloc, n_keys * sizeof *keys);
    if (!keys)
        return tn__no_memory(t->snapshot, err);
    for (size_t i = 0; i < t->n_rows; i++) {
        uint32_t id = rows_of(t)[i].id, dict = id == TN_NONE ? TN_NONE : folded_dict(t, id);
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

/* ---- which rows ---- */

static bool before(const tn_tree *t, uint32_t a, uint32_t b)
{
    return t->d->retained[a] != t->d->retained[b] ? t->d->retained[a] > t->d->retained[b] : a < b;
}

/* What hangs from a node, with what hangs from the dict that is a part of it, appended by what they retain. */
static int children(tn_tree *t, uint32_t node, tn_buf *ids, tn_error *err)
{
    const uint32_t *own, *of_dict = NULL;
    uint32_t n, n_dict = 0, i = 0, k = 0, dict = folded_dict(t, node);
    TN_TRY(tn_dominated(t->snapshot, node, &own, &n, err));
    if (dict != TN_NONE)
        TN_TRY(tn_dominated(t->snapshot, dict, &of_dict, &n_dict, err));
    if (tn__buf_reserve(ids, ((size_t)n + n_dict) * sizeof *own) < 0)
        return tn__no_memory(t->snapshot, err);
    while (i < n || k < n_dict) {
        uint32_t next = k == n_dict || (i < n && before(t, own[i], of_dict[k])) ? own[i++] : of_dict[k++];
        if (next != dict)
            (void)tn__buf_append(ids, &next, sizeof next);
    }
    return TN_OK;
}

static int find_tops(tn_tree *t, tn_buf *ids, tn_error *err)
{
    const tn_view_options *o = t->options;
    tn_set *set;
    if (t->under != t->d->root && !o->set && !(o->where && *o->where))
        return children(t, t->under, ids, err); /* synthetic nodes too */
    TN_TRY(tn__set_selected(t->snapshot, &(tn_view_options){.where = o->where, .set = o->set, .since = o->since}, &set,
                            err));
    if (folded_dict(t, t->under) != TN_NONE)
        tn_set_remove(set, folded_dict(t, t->under));
    int status = tn__dominator_tops(t->snapshot, set, t->under, ids, err);
    tn_set_free(set);
    return status;
}

static int row_holds(void *ctx, const tn_condition *c)
{
    const tn_tree_row *row = ctx;
    return tn__condition_number(c, c->kind == TN_COND_COUNT ? row->count : row->retained);
}

static int parse_rows(const tn_tree *t, const char *where, tn_selection *out, tn_error *err)
{
    return tn__selection_parse(t->alloc, where, NULL, TN_SELECT_ROWS & ~(1u << TN_COND_LARGEST), out, err);
}

static int fill_tops(tn_tree *t, tn_error *err)
{
    tn_buf ids;
    tn_selection sel;
    TN_TRY(parse_rows(t, t->options->grouped ? NULL : t->options->where_rows, &sel, err));
    tn__buf_init(&ids, t->alloc);
    int status = find_tops(t, &ids, err);
    for (size_t i = 0; status == TN_OK && i < ids.size / sizeof(uint32_t); i++) {
        tn_tree_row row = row_of(t, ((const uint32_t *)(const void *)ids.data)[i], 0);
        if (tn__selection_decide(&sel, row_holds, &row) <= 0)
            continue;
        t->n_tops++;
        t->tops_bytes += row.retained;
        t->tops_count += row.count;
        if (tn__buf_append(&t->rows, &row, sizeof row) < 0)
            status = tn__no_memory(t->snapshot, err);
    }
    t->n_rows = t->rows.size / sizeof(tn_tree_row);
    tn__buf_free(&ids);
    tn__selection_free(&sel);
    return status;
}

static int key_of(const tn_tree *t, const tn_tree_row *row, tn_order_key *key)
{
    tn_type type = {0};
    key->text = "";
    switch ((enum tn_tree_column)t->column) {
    case BY_RETAINED: key->number = row->retained; break;
    case BY_COUNT: key->number = row->count; break;
    case BY_SIZE: key->number = row->size; break;
    case BY_ADDRESS: key->number = row->id; break; /* objects stand in the file in order of address */
    case BY_TYPE: TN_TRY(tn_snapshot_type(t->snapshot, row->type, &type)); key->text = type.full_name;
    }
    return TN_OK;
}

/* Puts the tops in order; those that are shown stay. */
static int sort_tops(tn_tree *t, tn_error *err)
{
    size_t n = t->n_rows, limit = t->options->limit, n_shown = limit && limit < n ? limit : n;
    tn_order_key *keys = tn__alloc(t->alloc, n * sizeof *keys);
    tn_buf sorted;
    tn__buf_init(&sorted, t->alloc);
    int status = keys && tn__buf_reserve(&sorted, n_shown * sizeof(tn_tree_row)) == TN_OK ? TN_OK : TN_ENOMEM;
    for (size_t i = 0; status == TN_OK && i < n; i++) {
        keys[i] = (tn_order_key){.row = i};
        status = key_of(t, &rows_of(t)[i], &keys[i]);
    }
    if (status == TN_OK) {
        tn__order_sort(keys, n, t->descending);
        for (size_t i = 0; i < n_shown && status == TN_OK; i++)
            status = tn__buf_append(&sorted, &rows_of(t)[keys[i].row], sizeof(tn_tree_row));
        for (size_t i = n_shown; i < n; i++)
            t->more_bytes += rows_of(t)[keys[i].row].retained;
    }
    tn__free(t->alloc, keys, n * sizeof *keys);
    if (status < 0) {
        tn__buf_free(&sorted);
        return status == TN_ENOMEM ? tn__no_memory(t->snapshot, err) : status;
    }
    tn__buf_free(&t->rows);
    t->rows = sorted;
    t->n_rows = n_shown;
    t->more = n - n_shown;
    return TN_OK;
}

/* ---- what hangs from them ---- */

typedef struct tn_level {
    tn_buf nodes; /* uint32_t */
    uint32_t n, next;
} tn_level;

static uint32_t node_at(const tn_level *level, uint32_t i)
{
    return ((const uint32_t *)(const void *)level->nodes.data)[i];
}

static int put(tn_tree *t, tn_buf *out, const tn_tree_row *row, tn_error *err)
{
    return tn__buf_append(out, row, sizeof *row) < 0 ? tn__no_memory(t->snapshot, err) : TN_OK;
}

static int put_ghost(tn_tree *t, tn_buf *out, const tn_level *level, uint32_t depth, tn_error *err)
{
    tn_tree_row ghost = {.id = TN_NONE, .depth = depth, .count = level->n - level->next};
    for (uint32_t i = level->next; i < level->n; i++)
        ghost.retained += t->d->retained[node_at(level, i)];
    return put(t, out, &ghost, err);
}

static int open_level(tn_tree *t, tn_buf *levels, uint32_t id, tn_error *err)
{
    tn_level level = {0};
    tn__buf_init(&level.nodes, t->alloc);
    int status = children(t, id, &level.nodes, err);
    level.n = (uint32_t)(level.nodes.size / sizeof(uint32_t));
    if (status == TN_OK && tn__buf_append(levels, &level, sizeof level) < 0)
        status = tn__no_memory(t->snapshot, err);
    if (status < 0)
        tn__buf_free(&level.nodes);
    return status;
}

static tn_level *last_level(const tn_buf *levels)
{
    return (tn_level *)(void *)levels->data + levels->size / sizeof(tn_level) - 1;
}

static void close_level(tn_buf *levels)
{
    tn__buf_free(&last_level(levels)->nodes);
    levels->size -= sizeof(tn_level);
}

/* Goes down from one row; levels holds the way. */
static int put_below(tn_tree *t, tn_buf *out, tn_buf *levels, uint32_t id, tn_error *err)
{
    uint32_t limit = t->options->limit ? t->options->limit : UINT32_MAX;
    TN_TRY(open_level(t, levels, id, err));
    while (levels->size) {
        uint32_t depth = (uint32_t)(levels->size / sizeof(tn_level));
        tn_level *level = last_level(levels);
        if (level->next == level->n || level->next == limit) {
            if (level->next < level->n)
                TN_TRY(put_ghost(t, out, level, depth, err));
            close_level(levels);
            continue;
        }
        tn_tree_row row = row_of(t, node_at(level, level->next++), depth);
        TN_TRY(put(t, out, &row, err));
        if (depth + 1 < t->options->depth)
            TN_TRY(open_level(t, levels, row.id, err));
    }
    return TN_OK;
}

static int fill_below(tn_tree *t, tn_error *err)
{
    tn_buf levels, out;
    int status = TN_OK;
    tn__buf_init(&levels, t->alloc);
    tn__buf_init(&out, t->alloc);
    for (size_t i = 0; status == TN_OK && i < t->n_rows; i++) {
        status = put(t, &out, &rows_of(t)[i], err);
        if (status == TN_OK)
            status = put_below(t, &out, &levels, rows_of(t)[i].id, err);
    }
    while (levels.size)
        close_level(&levels);
    tn__buf_free(&levels);
    tn__buf_free(&t->rows);
    t->rows = out;
    t->n_rows = out.size / sizeof(tn_tree_row);
    return status;
}

/* ---- text ---- */

static int fill_table(tn_tree *t, tn_table *table, tn_error *err)
{
    uint64_t whole = t->d->retained[t->d->root];
    TN_TRY(tn__snapshot_addresses(t->snapshot, err));
    for (size_t i = 0; i < t->n_rows; i++) {
        const tn_tree_row *row = &rows_of(t)[i];
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

static uint32_t sums_shown(const tn_tree *t)
{
    return t->options->limit && t->options->limit < t->sums.n ? t->options->limit : t->sums.n;
}

static int fill_sums(tn_tree *t, tn_table *table, tn_error *err)
{
    uint64_t whole = t->d->retained[t->d->root];
    for (uint32_t i = 0; i < sums_shown(t); i++) {
        const tn_place_sum *row = &t->sums.rows[i];
        const char *label;
        TN_TRY(tn__place_label(&t->parting, row->place, &label, err));
        tn__table_bytes(table, row->retained);
        tn__table_pct(table, row->retained, whole);
        tn__table_u64(table, row->count);
        tn__table_u64(table, row->rows);
        tn__table_bytes(table, row->size);
        tn__table_text(table, label);
    }
    return TN_OK;
}

static int print_head(tn_tree *t, tn_out *out, tn_error *err)
{
    char size[24], all[24];
    uint64_t whole = t->d->retained[t->d->root];
    tn__heading_print(t->snapshot, out, t->options);
    if (t->under != t->d->root) {
        TN_TRY(tn__describe_into(t->snapshot, t->under, &t->text, err));
        tn__out_text(out, "below ");
        tn__out_escaped(out, (const char *)t->text.data);
        tn__out_text(out, "\n");
    }
    if (t->under == t->d->root)
        tn__heap_print(&t->heap, t->options, out);
    tn__out_format(out, "%" PRIu64 " object%s retain%s %" PRIu64 " object%s, %s of %s\n\n", t->n_tops,
                   t->n_tops == 1 ? "" : "s", t->n_tops == 1 ? "s" : "", t->tops_count, t->tops_count == 1 ? "" : "s",
                   tn_format_bytes(t->tops_bytes, size, sizeof size), tn_format_bytes(whole, all, sizeof all));
    return TN_OK;
}

static void print_more(const tn_tree *t, tn_out *out)
{
    char size[24];
    if (!t->more)
        return;
    tn__out_wrap(out, t->options->width);
    tn__out_format(out, "<%" PRIu64 " more, %s; use --limit N to see more, --limit 0 for all>\n", t->more,
                   tn_format_bytes(t->more_bytes, size, sizeof size));
    tn__out_unwrap(out);
}

static int write_text(tn_tree *t, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Retained", true, 0}, {"%", true, 1},     {"Objects", true, 3},  {"Size", true, 4},
        {"at", false, 0},      {"Type", false, 0}, {"Held by", false, 0}, {"Preview", false, 0},
    };
    const tn_view_options *o = t->options;
    const tn_table_column sums[] = {
        {"Retained", true, 0}, {"%", true, 1},    {"Objects", true, 2},
        {"Rows", true, 0},     {"Size", true, 3}, {tn__place_heading(o->by), false, 0},
    };
    tn_table table;
    if (o->grouped)
        tn__table_init(&table, t->alloc, sums, sizeof sums / sizeof *sums);
    else
        tn__table_init(&table, t->alloc, columns, sizeof columns / sizeof *columns);
    int status = o->grouped ? fill_sums(t, &table, err) : fill_table(t, &table, err);
    if (status == TN_OK && table.status < 0)
        status = tn__no_memory(t->snapshot, err);
    if (status == TN_OK)
        status = print_head(t, out, err);
    if (status == TN_OK) {
        tn__table_print(&table, out, o);
        print_more(t, out);
        tn__filtered_print(out, t->n_filtered);
    }
    tn__table_free(&table);
    return status;
}

/* ---- JSON ---- */

static int json_row(tn_tree *t, const tn_tree_row *row, tn_json *j, tn_error *err)
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

static int json_rows(tn_tree *t, tn_json *j, tn_error *err)
{
    uint64_t whole = t->d->retained[t->d->root];
    TN_TRY(tn__snapshot_addresses(t->snapshot, err));
    for (size_t i = 0; i < t->n_rows && !t->options->grouped; i++) {
        const tn_tree_row *row = &rows_of(t)[i];
        if (row->id == TN_NONE)
            continue;
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        TN_TRY(json_row(t, row, j, err));
        tn__json_close(j, '}');
    }
    for (uint32_t i = 0; t->options->grouped && i < sums_shown(t); i++) {
        const tn_place_sum *row = &t->sums.rows[i];
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "retained", row->retained);
        tn__json_pct(j, "retained_pct", row->retained, whole);
        tn__json_u64(j, "count", row->count);
        tn__json_u64(j, "rows", row->rows);
        tn__json_u64(j, "size", row->size);
        TN_TRY(tn__place_json(&t->parting, row->place, j, err));
        tn__json_close(j, '}');
    }
    return TN_OK;
}

static int write_json(tn_tree *t, tn_out *out, tn_error *err)
{
    static const char *const columns[] = {"depth",   "retained", "retained_pct", "count",   "size",
                                          "address", "type",     "held_by",      "preview", "node"};
    const char *const sums[] = {"retained", "retained_pct", "count", "rows", "size", tn__by_key(t->options->by)};
    bool grouped = t->options->grouped;
    tn_json j;
    tn__json_start(&j, out, "dominators");
    tn__json_string(&j, "where", t->options->where);
    tn__against_json(t->options, &j);
    tn__json_string(&j, "by", grouped ? tn_by_names[t->options->by] : NULL);
    tn__json_bool(&j, "fold", t->options->fold);
    tn__json_strings(&j, "columns", grouped ? sums : columns,
                     grouped ? sizeof sums / sizeof *sums : sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "retained", "bytes");
    tn__json_string(&j, "retained_pct", "percent");
    tn__json_string(&j, "count", "objects");
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "address", "address");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    TN_TRY(json_rows(t, &j, err));
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "rows", t->n_tops);
    tn__json_u64(&j, "count", t->tops_count);
    tn__json_u64(&j, "retained", t->tops_bytes);
    tn__json_close(&j, '}');
    tn__heap_json(&t->heap, &j);
    tn__json_u64(&j, "more", t->more);
    tn__json_u64(&j, "more_retained", t->more_bytes);
    if (grouped)
        tn__json_u64(&j, "filtered", t->n_filtered);
    tn__info_json(&j, t->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

/* ---- all ---- */

/* Sizes are not in this sum of a group's rows twice: they are of what stands in the rows, without what hangs from them. */
static int add_tops(tn_tree *t, tn_error *err)
{
    tn_set *set;
    TN_TRY(tn_set_new(t->snapshot, &set, err));
    for (size_t i = 0; i < t->n_rows; i++)
        (void)tn_set_add(set, rows_of(t)[i].id); /* no synthetic node */
    int status = tn__parting_open_tree(t->snapshot, set, t->options->by, &t->parting, err);
    tn_set_free(set);
    TN_TRY(status);
    TN_TRY(tn__place_sums_open(&t->parting, &t->sums, err));
    for (size_t i = 0; i < t->n_rows; i++) {
        const tn_tree_row *row = &rows_of(t)[i];
        uint32_t place;
        TN_TRY(tn__place_of(&t->parting, row->id, &place, err));
        tn_place_sum *sum = &t->sums.rows[place];
        sum->rows++;
        sum->count += row->count;
        sum->size += row->size;
        sum->retained += row->retained;
    }
    return TN_OK;
}

static int filter_sums(tn_tree *t, tn_error *err)
{
    tn_selection sel;
    uint32_t n = 0;
    TN_TRY(parse_rows(t, t->options->where_rows, &sel, err));
    for (uint32_t i = 0; i < t->sums.n; i++) {
        tn_place_sum sum = t->sums.rows[i];
        tn_tree_row row = {.retained = sum.retained, .count = (uint32_t)sum.count};
        if (tn__selection_decide(&sel, row_holds, &row) > 0)
            t->sums.rows[n++] = sum;
    }
    t->n_filtered = t->sums.n - n;
    t->sums.n = n;
    tn__selection_free(&sel);
    return TN_OK;
}

static int sum_tops(tn_tree *t, tn_error *err)
{
    TN_TRY(fill_sizes(t, err));
    TN_TRY(add_tops(t, err));
    TN_TRY(tn__place_sums_sort(&t->sums, (enum tn_place_column)t->column, t->descending, t->snapshot, err));
    TN_TRY(filter_sums(t, err));
    for (uint32_t i = sums_shown(t); i < t->sums.n; i++) {
        t->more++;
        t->more_bytes += t->sums.rows[i].retained;
    }
    return TN_OK;
}

static void mark_attributes(tn_tree *t)
{
    for (size_t i = 0; t->kinds.alloc && i < t->n_rows; i++) {
        tn_tree_row *row = &rows_of(t)[i];
        uint32_t above = row->id == TN_NONE ? TN_NONE : t->d->idom[row->id];
        row->attribute = above != TN_NONE && tn__owner_at(&t->kinds, &t->graph, t->d, above) != above;
    }
}

static int compute(tn_tree *t, tn_error *err)
{
    static const char *const names[] = {"retained", "count", "size", "address", "type"};
    const char *const sums[] = {"retained", "count", "rows", "size", tn__by_key(t->options->by)};
    const tn_view_options *o = t->options;
    TN_TRY(o->grouped
               ? tn__order_parse(o->sort, sums, sizeof sums / sizeof *sums, 4, &t->column, &t->descending, err)
               : tn__order_parse(o->sort, names, sizeof names / sizeof *names, 3, &t->column, &t->descending, err));
    TN_TRY(tn__dominators(t->snapshot, &t->d, err));
    TN_TRY(tn__graph(t->snapshot, &t->graph, err));
    TN_TRY(tn__heap_parts(t->snapshot, &t->heap, err));
    if (o->fold)
        TN_TRY(tn__kinds_make(t->snapshot, &t->kinds, err));
    t->under = t->under == TN_NONE ? t->d->root : t->under;
    TN_TRY(fill_tops(t, err));
    if (o->grouped)
        return sum_tops(t, err);
    if (t->column == BY_SIZE)
        TN_TRY(fill_sizes(t, err));
    TN_TRY(sort_tops(t, err));
    if (o->depth > 1)
        TN_TRY(fill_below(t, err));
    TN_TRY(fill_sizes(t, err));
    TN_TRY(tn__held_find(t->snapshot, rows_of(t), t->n_rows, err));
    mark_attributes(t);
    return TN_OK;
}

int tn_view_dominators(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_view_options o;
    tn_tree t = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .options = &o, .under = id};
    tn_out out;
    tn_diff *made;
    if (id != TN_NONE && id >= tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)id);
    TN_TRY(tn__against(s, options, &o, &made, err));
    tn__buf_init(&t.rows, t.alloc);
    tn__buf_init(&t.text, t.alloc);
    tn__out_init(&out, sink);
    int status = compute(&t, err);
    if (status == TN_OK)
        status = options->form == TN_JSON ? write_json(&t, &out, err) : write_text(&t, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    tn__place_sums_close(&t.sums);
    tn__parting_close(&t.parting);
    if (t.kinds.alloc)
        tn__kinds_free(&t.kinds);
    tn__buf_free(&t.rows);
    tn__buf_free(&t.text);
    tn_diff_close(made);
    return status;
}
