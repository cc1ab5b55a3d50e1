/* dominator_tree.c - the dominator tree from the root or from an object down: who retains most, and what in it.
 *
 * The first rows are the selected objects that no other selected one dominates (all objects are selected without a selection),
 * so that no byte is in two of them. Below each row stands what hangs from it, as deep as is asked for. Folded, what hangs
 * from the dict of an instance hangs from the instance.
 */
#include "view/dominator_tree.h"

#include "view/parting.h"

typedef struct tn_tree_page {
    tn_tree tree;
    size_t column;
    bool descending;
    uint32_t n_filtered; /* groups below the threshold */
    tn_heap heap;
    tn_parting parting; /* rows are groups of the tops: */
    tn_place_sums sums;
} tn_tree_page;

enum tn_tree_column { BY_RETAINED, BY_COUNT, BY_SIZE, BY_ADDRESS, BY_TYPE };

/* ---- which rows ---- */

/* What hangs from a node, with what hangs from the dict that is a part of it, appended by what they retain. */
static int children(tn_tree *t, uint32_t node, tn_buf *ids, tn_error *err)
{
    const uint32_t *own, *of_dict = NULL;
    uint32_t n, n_dict = 0, i = 0, k = 0, dict = tn__tree_dict(t, node);
    TN_TRY(tn_dominated(t->snapshot, node, &own, &n, err));
    if (dict != TN_NONE)
        TN_TRY(tn_dominated(t->snapshot, dict, &of_dict, &n_dict, err));
    if (tn__buf_reserve(ids, ((size_t)n + n_dict) * sizeof *own) < 0)
        return tn__no_memory(t->snapshot, err);
    while (i < n || k < n_dict) {
        uint32_t next = k == n_dict || (i < n && tn__tree_before(t, own[i], of_dict[k])) ? own[i++] : of_dict[k++];
        if (next != dict)
            (void)tn__buf_append(ids, &next, sizeof next);
    }
    return TN_OK;
}

static int find_tops(tn_tree *t, tn_buf *ids, tn_error *err)
{
    const tn_view_options *o = t->options;
    if (t->under != t->d->root && !o->set && !(o->where && *o->where))
        return children(t, t->under, ids, err); /* synthetic nodes too */
    return tn__tree_tops(t, ids, err);
}

static int fill_tops(tn_tree *t, tn_error *err)
{
    tn_buf ids;
    tn_selection sel;
    TN_TRY(tn__tree_parse_rows(t, t->options->grouped ? NULL : t->options->where_rows, &sel, err));
    tn__buf_init(&ids, t->alloc);
    int status = find_tops(t, &ids, err);
    for (size_t i = 0; status == TN_OK && i < ids.size / sizeof(uint32_t); i++) {
        tn_tree_row row = tn__tree_row(t, ((const uint32_t *)(const void *)ids.data)[i], 0);
        if (tn__selection_decide(&sel, tn__tree_row_holds, &row) <= 0)
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

static int key_of(const tn_tree_page *p, const tn_tree_row *row, tn_order_key *key)
{
    tn_type type = {0};
    key->text = "";
    switch ((enum tn_tree_column)p->column) {
    case BY_RETAINED: key->number = row->retained; break;
    case BY_COUNT: key->number = row->count; break;
    case BY_SIZE: key->number = row->size; break;
    case BY_ADDRESS: key->number = row->id; break; /* objects stand in the file in order of address */
    case BY_TYPE: TN_TRY(tn_snapshot_type(p->tree.snapshot, row->type, &type)); key->text = type.full_name;
    }
    return TN_OK;
}

/* Puts the tops in order; those that are shown stay. */
static int sort_tops(tn_tree_page *p, tn_error *err)
{
    tn_tree *t = &p->tree;
    size_t n = t->n_rows, limit = t->options->limit, n_shown = limit && limit < n ? limit : n;
    tn_order_key *keys = tn__alloc(t->alloc, n * sizeof *keys);
    tn_buf sorted;
    tn__buf_init(&sorted, t->alloc);
    int status = keys && tn__buf_reserve(&sorted, n_shown * sizeof(tn_tree_row)) == TN_OK ? TN_OK : TN_ENOMEM;
    for (size_t i = 0; status == TN_OK && i < n; i++) {
        keys[i] = (tn_order_key){.row = i};
        status = key_of(p, &tn__tree_rows(t)[i], &keys[i]);
    }
    if (status == TN_OK) {
        tn__order_sort(keys, n, p->descending);
        for (size_t i = 0; i < n_shown && status == TN_OK; i++)
            status = tn__buf_append(&sorted, &tn__tree_rows(t)[keys[i].row], sizeof(tn_tree_row));
        for (size_t i = n_shown; i < n; i++)
            t->more_bytes += tn__tree_rows(t)[keys[i].row].retained;
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
        tn_tree_row row = tn__tree_row(t, node_at(level, level->next++), depth);
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
        status = put(t, &out, &tn__tree_rows(t)[i], err);
        if (status == TN_OK)
            status = put_below(t, &out, &levels, tn__tree_rows(t)[i].id, err);
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

static uint32_t sums_shown(const tn_tree_page *p)
{
    uint32_t limit = p->tree.options->limit;
    return limit && limit < p->sums.n ? limit : p->sums.n;
}

static int fill_sums(tn_tree_page *p, tn_table *table, tn_error *err)
{
    uint64_t whole = p->tree.d->retained[p->tree.d->root];
    for (uint32_t i = 0; i < sums_shown(p); i++) {
        const tn_place_sum *row = &p->sums.rows[i];
        const char *label;
        TN_TRY(tn__place_label(&p->parting, row->place, &label, err));
        tn__table_bytes(table, row->retained);
        tn__table_pct(table, row->retained, whole);
        tn__table_u64(table, row->count);
        tn__table_u64(table, row->rows);
        tn__table_bytes(table, row->size);
        tn__table_text(table, label);
    }
    return TN_OK;
}

static int write_text(tn_tree_page *p, tn_out *out, tn_error *err)
{
    tn_tree *t = &p->tree;
    const tn_view_options *o = t->options;
    const tn_table_column sums[] = {
        {"Retained", true, 0}, {"%", true, 1},    {"Objects", true, 2},
        {"Rows", true, 0},     {"Size", true, 3}, {tn__place_heading(o->by), false, 0},
    };
    tn_table table;
    if (o->grouped)
        tn__table_init(&table, t->alloc, sums, sizeof sums / sizeof *sums);
    else
        tn__table_init(&table, t->alloc, tn__tree_columns, TN_TREE_COLUMNS);
    int status = o->grouped ? fill_sums(p, &table, err) : tn__tree_table(t, &table, err);
    if (status == TN_OK && table.status < 0)
        status = tn__no_memory(t->snapshot, err);
    if (status == TN_OK)
        status = tn__tree_head(t, &p->heap, out, err);
    if (status == TN_OK) {
        tn__table_print(&table, out, o);
        tn__tree_more(t, out);
        tn__filtered_print(out, p->n_filtered);
    }
    tn__table_free(&table);
    return status;
}

/* ---- JSON ---- */

static int json_rows(tn_tree_page *p, tn_json *j, tn_error *err)
{
    tn_tree *t = &p->tree;
    uint64_t whole = t->d->retained[t->d->root];
    TN_TRY(tn__snapshot_addresses(t->snapshot, err));
    for (size_t i = 0; i < t->n_rows && !t->options->grouped; i++) {
        const tn_tree_row *row = &tn__tree_rows(t)[i];
        if (row->id == TN_NONE)
            continue;
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        TN_TRY(tn__tree_json_row(t, row, j, err));
        tn__json_close(j, '}');
    }
    for (uint32_t i = 0; t->options->grouped && i < sums_shown(p); i++) {
        const tn_place_sum *row = &p->sums.rows[i];
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "retained", row->retained);
        tn__json_pct(j, "retained_pct", row->retained, whole);
        tn__json_u64(j, "count", row->count);
        tn__json_u64(j, "rows", row->rows);
        tn__json_u64(j, "size", row->size);
        TN_TRY(tn__place_json(&p->parting, row->place, j, err));
        tn__json_close(j, '}');
    }
    return TN_OK;
}

static int write_json(tn_tree_page *p, tn_out *out, tn_error *err)
{
    tn_tree *t = &p->tree;
    const char *const sums[] = {"retained", "retained_pct", "count", "rows", "size", tn__by_key(t->options->by)};
    bool grouped = t->options->grouped;
    tn_json j;
    tn__json_start(&j, out, "dominators");
    tn__json_string(&j, "where", t->options->where);
    tn__against_json(t->options, &j);
    tn__json_string(&j, "by", grouped ? tn_by_names[t->options->by] : NULL);
    tn__json_bool(&j, "fold", t->options->fold);
    tn__json_strings(&j, "columns", grouped ? sums : tn__tree_keys,
                     grouped ? sizeof sums / sizeof *sums : TN_TREE_KEYS);
    tn__tree_json_units(&j);
    tn__json_open(&j, "rows", '[');
    TN_TRY(json_rows(p, &j, err));
    tn__json_close(&j, ']');
    tn__json_line(&j);
    tn__tree_json_total(t, &j);
    tn__heap_json(&p->heap, &j);
    tn__json_u64(&j, "more", t->more);
    tn__json_u64(&j, "more_retained", t->more_bytes);
    if (grouped)
        tn__json_u64(&j, "filtered", p->n_filtered);
    tn__info_json(&j, t->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

/* ---- all ---- */

/* Sizes are not in this sum of a group's rows twice: they are of what stands in the rows, without what hangs from them. */
static int add_tops(tn_tree_page *p, tn_error *err)
{
    tn_tree *t = &p->tree;
    tn_set *set;
    TN_TRY(tn_set_new(t->snapshot, &set, err));
    for (size_t i = 0; i < t->n_rows; i++)
        (void)tn_set_add(set, tn__tree_rows(t)[i].id); /* no synthetic node */
    int status = tn__parting_open_tree(t->snapshot, set, t->options->by, &p->parting, err);
    tn_set_free(set);
    TN_TRY(status);
    TN_TRY(tn__place_sums_open(&p->parting, &p->sums, err));
    for (size_t i = 0; i < t->n_rows; i++) {
        const tn_tree_row *row = &tn__tree_rows(t)[i];
        uint32_t place;
        TN_TRY(tn__place_of(&p->parting, row->id, &place, err));
        tn_place_sum *sum = &p->sums.rows[place];
        sum->rows++;
        sum->count += row->count;
        sum->size += row->size;
        sum->retained += row->retained;
    }
    return TN_OK;
}

static int filter_sums(tn_tree_page *p, tn_error *err)
{
    tn_tree *t = &p->tree;
    tn_selection sel;
    uint32_t n = 0;
    TN_TRY(tn__tree_parse_rows(t, t->options->where_rows, &sel, err));
    for (uint32_t i = 0; i < p->sums.n; i++) {
        tn_place_sum sum = p->sums.rows[i];
        tn_tree_row row = {.retained = sum.retained, .count = (uint32_t)sum.count};
        if (tn__selection_decide(&sel, tn__tree_row_holds, &row) > 0)
            p->sums.rows[n++] = sum;
    }
    p->n_filtered = p->sums.n - n;
    p->sums.n = n;
    tn__selection_free(&sel);
    return TN_OK;
}

static int sum_tops(tn_tree_page *p, tn_error *err)
{
    tn_tree *t = &p->tree;
    TN_TRY(tn__tree_sizes(t, err));
    TN_TRY(add_tops(p, err));
    TN_TRY(tn__place_sums_sort(&p->sums, (enum tn_place_column)p->column, p->descending, t->snapshot, err));
    TN_TRY(filter_sums(p, err));
    for (uint32_t i = sums_shown(p); i < p->sums.n; i++) {
        t->more++;
        t->more_bytes += p->sums.rows[i].retained;
    }
    return TN_OK;
}

static int parse_order(tn_tree_page *p, const tn_view_options *o, tn_error *err)
{
    static const char *const names[] = {"retained", "count", "size", "address", "type"};
    const char *const sums[] = {"retained", "count", "rows", "size", tn__by_key(o->by)};
    return o->grouped
               ? tn__order_parse(o->sort, sums, sizeof sums / sizeof *sums, 4, &p->column, &p->descending, err)
               : tn__order_parse(o->sort, names, sizeof names / sizeof *names, 3, &p->column, &p->descending, err);
}

static int compute(tn_tree_page *p, tn_error *err)
{
    tn_tree *t = &p->tree;
    const tn_view_options *o = t->options;
    TN_TRY(tn__heap_parts(t->snapshot, &p->heap, err));
    TN_TRY(fill_tops(t, err));
    if (o->grouped)
        return sum_tops(p, err);
    if (p->column == BY_SIZE)
        TN_TRY(tn__tree_sizes(t, err));
    TN_TRY(sort_tops(p, err));
    if (o->depth > 1)
        TN_TRY(fill_below(t, err));
    TN_TRY(tn__tree_sizes(t, err));
    return tn__tree_held(t, err);
}

int tn_view_dominators(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_view_options o;
    tn_tree_page p = {0};
    tn_out out;
    tn_diff *made;
    if (id != TN_NONE && id >= tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)id);
    TN_TRY(parse_order(&p, options, err));
    TN_TRY(tn__against(s, options, &o, &made, err));
    tn__out_init(&out, sink);
    int status = tn__tree_open(&p.tree, s, id, &o, err);
    if (status == TN_OK)
        status = compute(&p, err);
    if (status == TN_OK)
        status = options->form == TN_JSON ? write_json(&p, &out, err) : write_text(&p, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    tn__place_sums_close(&p.sums);
    tn__parting_close(&p.parting);
    tn__tree_close(&p.tree);
    tn_diff_close(made);
    return status;
}
