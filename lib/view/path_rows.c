/* path_rows.c - the paths to one object, or the shortest one to each of a set, as text and JSON. */
#include "view/path_rows.h"

#include "analysis/lookup.h"
#include "view/parting.h"
#include "view/show.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

int tn__path_text_into(tn_snapshot *s, const tn_reference *steps, uint32_t n, tn_buf *out, bool *evaluable,
                       tn_error *err)
{
    int length = tn_path_text(s, steps, n, NULL, 0, evaluable, err);
    TN_TRY(length);
    if (tn__buf_reserve(out, (size_t)length + 1) < 0)
        return tn__no_memory(s, err);
    TN_TRY(tn_path_text(s, steps, n, (char *)out->data + out->size, (size_t)length + 1, evaluable, err));
    out->size += (size_t)length + 1;
    return TN_OK;
}

int tn__path_distances(tn_path_view *v, tn_error *err)
{
    if (v->distances)
        return TN_OK;
    if (!v->no.nodes && !v->no.kinds)
        return tn__distances(v->snapshot, &v->distances, err);
    TN_TRY(tn__distances_without(v->ways, &v->no, &v->own, err));
    v->distances = &v->own;
    return TN_OK;
}

/* ---- rows ---- */

/* Steps that lead to where names begin do not count. */
static uint32_t length_of(const tn_path_view *v, const tn_reference *steps, uint32_t n)
{
    uint32_t lead = 0;
    while (lead < n && tn__is_origin(v->ways, steps[lead].target) &&
           tn__origin(v->ways, tn__origin_of(v->ways, steps[lead].target))->parent == steps[lead].source)
        lead++;
    return n - lead;
}

static int add_row(tn_path_view *v, uint32_t node, const tn_reference *steps, uint32_t n, bool found, tn_error *err)
{
    tn_path_row row = {.node = node, .n_steps = n, .found = found, .text = v->texts.size};
    tn_node about;
    TN_TRY(tn_node_get(v->snapshot, node, &about, err));
    row.size = about.size + (v->fold && node < tn_snapshot_n_objects(v->snapshot) ? tn__fold_extra(v->fold, node) : 0);
    row.length = length_of(v, steps, n);
    row.steps = v->steps.size / sizeof *steps;
    if (tn__buf_append(&v->steps, steps, n * sizeof *steps) < 0)
        return tn__no_memory(v->snapshot, err);
    if (found)
        TN_TRY(tn__path_text_into(v->snapshot, steps, n, &v->texts, &row.evaluable, err));
    if (tn__buf_append(&v->rows, &row, sizeof row) < 0)
        return tn__no_memory(v->snapshot, err);
    v->n_rows++;
    return TN_OK;
}

static int list_paths(tn_path_view *v, const tn_view_options *o, tn_error *err)
{
    tn_path_options options = {.avoid = v->no.nodes, .avoid_kinds = v->no.kinds, .all_shortest = o->all};
    tn_paths *paths;
    const tn_reference *steps;
    uint32_t n;
    TN_TRY(tn_paths_open(v->snapshot, v->target, &options, &paths, err));
    int status;
    while ((status = tn_paths_next(paths, &steps, &n, err)) > 0) {
        v->more = o->limit && v->n_rows == o->limit;
        if (v->more)
            break;
        status = add_row(v, v->target, steps, n, true, err);
        if (status < 0)
            break;
    }
    tn_paths_close(paths);
    return status < 0 ? status : TN_OK;
}

/* With something to avoid, one tree serves all; else the first few are found faster one by one. */
static int add_nearest(tn_path_view *v, uint32_t node, tn_error *err)
{
    tn_path_options options = {.avoid = v->no.nodes, .avoid_kinds = v->no.kinds, .limit = 1};
    tn_paths *paths;
    const tn_reference *steps = NULL;
    uint32_t n = 0;
    tn_buf list;
    if (v->no.nodes || v->no.kinds) {
        TN_TRY(tn__path_distances(v, err));
        tn__buf_init(&list, v->alloc);
        int found = tn__tree_steps(v->ways, v->distances, node, &list, err);
        if (found >= 0)
            found = add_row(v, node, (const tn_reference *)(const void *)list.data,
                            (uint32_t)(list.size / sizeof(tn_reference)), found > 0, err);
        tn__buf_free(&list);
        return found;
    }
    TN_TRY(tn_paths_open(v->snapshot, node, &options, &paths, err));
    int status = tn_paths_next(paths, &steps, &n, err);
    if (status >= 0)
        status = add_row(v, node, steps, n, status > 0, err);
    tn_paths_close(paths);
    return status;
}

enum tn_path_column { BY_SIZE, BY_LENGTH, BY_ADDRESS, BY_TYPE };

static int fill_keys(tn_path_view *v, enum tn_path_column column, tn_order_key *keys, tn_error *err)
{
    const uint64_t *sizes;
    uint64_t n;
    size_t i = 0;
    TN_TRY(tn__column_u64(v->snapshot, TN_COL_SIZE, &sizes, &n, err));
    if (column == BY_LENGTH)
        TN_TRY(tn__path_distances(v, err));
    for (uint32_t id = 0; (id = tn_set_next(v->set, id)) != TN_NONE; id++) {
        keys[i] = (tn_order_key){.text = column == BY_TYPE ? tn__type_name(v->snapshot, id) : "", .row = id};
        uint64_t size = sizes[id] + (v->fold ? tn__fold_extra(v->fold, id) : 0);
        keys[i++].number = column == BY_SIZE ? size : column == BY_LENGTH ? v->distances->cost[id] : 0;
        v->bytes += size;
    }
    return TN_OK;
}

static int list_members(tn_path_view *v, const tn_view_options *o, tn_error *err)
{
    static const char *const names[] = {"size", "length", "address", "type"};
    size_t column, n = tn_set_count(v->set);
    bool descending;
    v->count = n;
    TN_TRY(tn__order_parse(o->sort, names, sizeof names / sizeof *names, 1, &column, &descending, err));
    tn_order_key *keys = tn__alloc(v->alloc, n * sizeof *keys);
    if (!keys)
        return tn__no_memory(v->snapshot, err);
    int status = fill_keys(v, (enum tn_path_column)column, keys, err);
    if (status == TN_OK)
        tn__order_sort(keys, n, descending);
    for (size_t i = 0; status == TN_OK && i < n && (!o->limit || i < o->limit); i++)
        status = add_nearest(v, (uint32_t)keys[i].row, err);
    tn__free(v->alloc, keys, n * sizeof *keys);
    return status;
}

/* The set with dicts of its members, which are no members of their own. */
static int fold_set(tn_path_view *v, tn_error *err)
{
    tn_fold *all;
    tn_set *alone;
    TN_TRY(tn__fold_make(v->snapshot, NULL, &all, err));
    tn__fold_members(all, v->set);
    tn__fold_free(all);
    TN_TRY(tn__fold_make(v->snapshot, v->set, &v->fold, err));
    TN_TRY(tn_set_minus(v->set, v->fold->folded, &alone, err));
    tn_set_free(v->set);
    v->set = alone;
    return TN_OK;
}

static int add_group(tn_path_view *v, uint32_t index, tn_error *err)
{
    tn_group group;
    uint64_t label = v->texts.size;
    TN_TRY(tn_groups_row(v->groups, index, &group, err));
    if (tn__buf_append(&v->texts, group.label, strlen(group.label) + 1) < 0)
        return tn__no_memory(v->snapshot, err);
    TN_TRY(add_nearest(v, group.largest_id, err));
    tn_path_row *row = (tn_path_row *)(void *)v->rows.data + v->n_rows - 1;
    row->label = label;
    row->count = group.count;
    row->bytes = group.bytes;
    return TN_OK;
}

/* The path to the largest object of each group. */
static int list_groups(tn_path_view *v, const tn_view_options *o, tn_error *err)
{
    tn_set *whole;
    TN_TRY(tn_set_copy(v->set, &whole, err));
    if (v->fold)
        tn__fold_members(v->fold, whole);
    int status = tn_groups_make(v->snapshot, whole, o->by, &(tn_groups_options){.fold = o->fold}, &v->groups, err);
    tn_set_free(whole);
    TN_TRY(status);
    tn_groups_total(v->groups, &v->count, &v->bytes);
    if (o->where_rows)
        TN_TRY(tn__groups_filter(v->groups, o->where_rows, &v->n_filtered, err));
    TN_TRY(tn__groups_order(v->groups, o->sort, err));
    for (uint32_t i = 0; i < tn_groups_count(v->groups) && (!o->limit || i < o->limit); i++)
        TN_TRY(add_group(v, i, err));
    return TN_OK;
}

/* Rows that are not shown. */
static uint64_t n_more(const tn_path_view *v)
{
    return (v->groups ? tn_groups_count(v->groups) : v->count) - v->n_rows;
}

/* ---- text ---- */

void tn__path_print(tn_out *out, const char *text)
{
    enum { LONGEST = 4000, ENDS = 1200 };
    size_t n = strlen(text), head = ENDS, tail = n - ENDS;
    if (n <= LONGEST) {
        tn__out_bytes(out, text, n);
        return;
    }
    while (((unsigned char)text[head] & 0xc0) == 0x80)
        head++;
    while (((unsigned char)text[tail] & 0xc0) == 0x80)
        tail++;
    tn__out_bytes(out, text, head);
    tn__out_format(out, " … %zu characters … ", tail - head);
    tn__out_bytes(out, text + tail, n - tail);
}

static int print_object(const tn_path_view *v, uint32_t node, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_node n;
    char size[24];
    uint64_t folded = v->fold && node < tn_snapshot_n_objects(v->snapshot) ? tn__fold_extra(v->fold, node) : 0;
    TN_TRY(tn_node_get(v->snapshot, node, &n, err));
    tn__out_text(out, o && o->color ? "\033[1m" : "");
    tn__out_escaped(out, tn__type_name(v->snapshot, node));
    if (n.address)
        tn__out_format(out, " at 0x%" PRIx64, n.address);
    tn__out_text(out, o && o->color ? "\033[0m" : "");
    tn__out_format(out, ", %s\n", tn_format_bytes(n.size + folded, size, sizeof size));
    return TN_OK;
}

static void print_group(const tn_path_view *v, const tn_path_row *row, const tn_view_options *o, tn_out *out)
{
    char size[24];
    tn__out_text(out, o->color ? "\033[1m" : "");
    tn__out_escaped(out, tn__path_text_at(v, row->label));
    tn__out_format(out, "%s: %" PRIu64 " object%s, %s%s", o->color ? "\033[0m" : "", row->count,
                   row->count == 1 ? "" : "s", tn_format_bytes(row->bytes, size, sizeof size),
                   row->count == 1 ? "\n" : "; the largest:\n");
}

/* What Python can evaluate stands behind its prompt. */
static void print_row(const tn_path_view *v, const tn_path_row *row, tn_out *out)
{
    if (!row->found) {
        tn__out_text(out, "no path\n");
        return;
    }
    tn__out_text(out, row->evaluable ? ">>> " : "    ");
    tn__path_print(out, tn__path_text_at(v, row->text));
    tn__out_text(out, "\n");
}

static int write_text(tn_path_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    char size[24];
    if (v->target != TN_NONE) {
        TN_TRY(print_object(v, v->target, o, out, err));
        tn__out_text(out, v->n_rows ? "\nLength  Path\n" : "\nno path leads to it\n");
    } else {
        tn__heading_print(v->snapshot, out, o);
        tn__out_format(out, "%" PRIu64 " object%s, %s\n", v->count, v->count == 1 ? "" : "s",
                       tn_format_bytes(v->bytes, size, sizeof size));
    }
    for (uint32_t i = 0; i < v->n_rows; i++) {
        const tn_path_row *row = tn__path_row(v, i);
        if (v->target != TN_NONE) {
            tn__out_format(out, "%6" PRIu32 "  ", row->length);
        } else {
            tn__out_text(out, "\n");
            if (v->groups)
                print_group(v, row, o, out);
            TN_TRY(print_object(v, row->node, NULL, out, err));
            tn__out_text(out, "    ");
        }
        print_row(v, row, out);
    }
    if (v->target != TN_NONE && v->more)
        tn__out_text(out, "<more; use --limit N to see more, --limit 0 for all>\n");
    if (v->target == TN_NONE && n_more(v))
        tn__out_format(out, "\n<%" PRIu64 " more %s; use --limit N to see more, --limit 0 for all>\n", n_more(v),
                       v->groups ? "groups" : "objects");
    tn__filtered_print(out, v->n_filtered);
    return TN_OK;
}

/* ---- JSON ---- */

static int step_json(const tn_path_view *v, tn_json *j, const tn_reference *step, tn_buf *label, tn_error *err)
{
    tn_node node;
    TN_TRY(tn__label_into(v->snapshot, step, label, err));
    TN_TRY(tn_node_get(v->snapshot, step->target, &node, err));
    tn__json_open(j, NULL, '{');
    tn__json_label(j, "label", (const char *)label->data);
    tn__json_string(j, "kind", tn__kind_name(step->kind));
    tn__json_u64(j, "node", step->target);
    tn__json_hex(j, "address", node.address);
    tn__json_string(j, "type", tn__type_name(v->snapshot, step->target));
    tn__json_close(j, '}');
    return TN_OK;
}

/* The type of a group's largest object is a column already. */
static void group_json(const tn_path_view *v, tn_json *j, const tn_path_row *row)
{
    if (v->groups->by == TN_BY_SIZE)
        tn__json_u64(j, tn__by_key(TN_BY_SIZE), row->bytes / row->count);
    else if (v->groups->by != TN_BY_TYPE)
        tn__json_string(j, tn__by_key(v->groups->by), tn__path_text_at(v, row->label));
    tn__json_u64(j, "count", row->count);
    tn__json_u64(j, "group_size", row->bytes);
}

static int row_json(const tn_path_view *v, tn_json *j, const tn_path_row *row, tn_buf *label, tn_error *err)
{
    tn_node node;
    const tn_reference *steps =
        row->n_steps ? (const tn_reference *)(const void *)v->steps.data + row->steps : NULL; /* none: the root */
    TN_TRY(tn_node_get(v->snapshot, row->node, &node, err));
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__json_hex(j, "address", node.address);
    tn__json_string(j, "type", tn__type_name(v->snapshot, row->node));
    tn__json_u64(j, "size", row->size);
    if (v->groups)
        group_json(v, j, row);
    if (row->found)
        tn__json_u64(j, "length", row->length);
    else
        tn__json_null(j, "length");
    tn__json_bool(j, "evaluable", row->evaluable);
    tn__json_string(j, "path", row->found ? tn__path_text_at(v, row->text) : NULL);
    tn__json_open(j, "steps", '[');
    for (uint32_t i = 0; i < row->n_steps; i++)
        TN_TRY(step_json(v, j, &steps[i], label, err));
    tn__json_close(j, ']');
    tn__json_close(j, '}');
    return TN_OK;
}

static int write_json(tn_path_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    const char *const columns[] = {"address", "type",  "size",  "length",     "evaluable",
                                   "path",    "steps", "count", "group_size", tn__by_key(o->by)};
    size_t n_columns = !v->groups ? 7 : o->by == TN_BY_TYPE ? 9 : 10;
    tn_json j;
    tn_buf label;
    int status = TN_OK;
    tn__buf_init(&label, v->alloc);
    for (size_t i = 0; status == TN_OK && i < v->steps.size / sizeof(tn_reference); i++) /* room for all labels */
        status = tn__label_into(v->snapshot, (const tn_reference *)(const void *)v->steps.data + i, &label, err);
    if (status < 0) {
        tn__buf_free(&label);
        return status;
    }
    tn__json_start(&j, out, "paths");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_string(&j, "avoid", o->avoid);
    tn__json_string(&j, "by", o->grouped ? tn_by_names[o->by] : NULL);
    tn__json_bool(&j, "fold", o->fold);
    tn__json_strings(&j, "columns", columns, n_columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "address", "address");
    tn__json_string(&j, "size", "bytes");
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; status == TN_OK && i < v->n_rows; i++)
        status = row_json(v, &j, tn__path_row(v, i), &label, err);
    tn__buf_free(&label);
    tn__json_close(&j, ']');
    tn__json_line(&j);
    if (v->target == TN_NONE) {
        tn__json_open(&j, "total", '{');
        tn__json_u64(&j, "count", v->count);
        tn__json_u64(&j, "size", v->bytes);
        tn__json_close(&j, '}');
    }
    tn__json_u64(&j, "more", v->target == TN_NONE ? n_more(v) : v->more);
    if (v->groups)
        tn__json_u64(&j, "filtered", v->n_filtered);
    tn__info_json(&j, v->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return status;
}

/* ---- the view ---- */

/* Of groups the threshold is about these. */
static int choose(tn_path_view *v, tn_view_options o, tn_error *err)
{
    o.where_rows = o.grouped ? NULL : o.where_rows;
    return tn__set_selected(v->snapshot, &o, &v->set, err);
}

static int compute(tn_path_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    TN_TRY(tn__ways(v->snapshot, &v->ways, err));
    v->no.except = v->target;
    if (o->avoid || o->avoid_set)
        TN_TRY(tn_paths_avoid(v->snapshot, o->avoid ? o->avoid : "", o->avoid_set, &v->avoid, &v->no.kinds, err));
    v->no.nodes = v->avoid;
    if (v->target == TN_NONE)
        TN_TRY(choose(v, *o, err));
    else if (o->merge || o->sort || o->where || o->where_rows || o->set || o->grouped)
        return tn__error_set(err, TN_EINVAL, 0,
                             "paths to one object come in order of their length, and are not merged or parted");
    if (o->merge && (o->grouped || o->fold))
        return tn__error_set(err, TN_EINVAL, 0, "paths are merged or parted by a kind, and merged ones do not fold");
    if (o->merge)
        return tn__path_tree(v, o, out, err);
    if (o->fold)
        TN_TRY(v->target == TN_NONE ? fold_set(v, err) : tn__fold_make(v->snapshot, NULL, &v->fold, err));
    TN_TRY(v->target != TN_NONE ? list_paths(v, o, err)
           : o->grouped         ? list_groups(v, o, err)
                                : list_members(v, o, err));
    return o->form == TN_JSON ? write_json(v, o, out, err) : write_text(v, o, out, err);
}

int tn_view_paths(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_path_view v = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .target = id};
    tn_out out;
    tn_view_options o;
    tn_diff *made;
    TN_TRY(tn__against(s, options, &o, &made, err));
    tn__buf_init(&v.rows, v.alloc);
    tn__buf_init(&v.steps, v.alloc);
    tn__buf_init(&v.texts, v.alloc);
    tn__out_init(&out, sink);
    int status = compute(&v, &o, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    tn__buf_free(&v.rows);
    tn__buf_free(&v.steps);
    tn__buf_free(&v.texts);
    if (v.own.alloc)
        tn__distances_free(&v.own);
    tn_set_free(v.set);
    tn_set_free(v.avoid);
    tn_groups_free(v.groups);
    tn__fold_free(v.fold);
    tn_diff_close(made);
    return status;
}
