/* freed.c - the view retained: what would go without one object, or without all of a selection at once, by type; and who is
 * above the selected in the dominator tree.
 */
#include "view/dominator_tree.h"

#include "analysis/suspects.h"
#include "view/parting.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct tn_above {
    uint32_t id, count; /* the dominator; selected objects right below it */
    uint64_t bytes;     /* that these retain */
} tn_above;

typedef struct tn_freed {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    const tn_view_options *options;
    const tn_dominators *d;
    tn_set *set, *gone;
    uint64_t set_bytes, bytes;
    uint64_t count; /* of what goes, dicts that are folded left out */
    tn_graph graph;
    tn_kinds kinds;
    tn_parting parting; /* of what goes */
    tn_place_sums sums;
    uint64_t more, more_bytes;
    tn_above *above; /* by bytes, the most first */
    size_t n_above, capacity;
    tn_buf text;
} tn_freed;

static int choose(tn_freed *f, uint32_t id, tn_error *err)
{
    if (id == TN_NONE)
        return tn__set_selected(f->snapshot, f->options, &f->set, err);
    if (id >= tn_snapshot_n_objects(f->snapshot))
        return tn__error_set(err, TN_EINVAL, 0, "there is no object %u", (unsigned)id);
    TN_TRY(tn__set_new(f->alloc, tn_snapshot_n_objects(f->snapshot), &f->set, err));
    tn__set_add(f->set, id);
    return TN_OK;
}

/* Of what is selected; and of what goes, but for what no object has: nodes that go have their places. */
static int sum_sizes(tn_freed *f, uint64_t *of_objects, tn_error *err)
{
    tn_sizes sizes;
    int more;
    TN_TRY(tn__sizes_open(f->snapshot, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++) {
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t id = (uint32_t)sizes.shap.first_row + i;
            uint64_t bytes = tn__block_at(&sizes.size, i);
            if (tn_set_has(f->set, id) && !tn__sizes_own(&sizes, i))
                f->set_bytes += bytes;
            *of_objects += tn_set_has(f->gone, id) ? bytes : 0;
        }
    }
    tn__sizes_close(&sizes);
    return more;
}

/* The rows add up to all that goes: what synthetic nodes of it have is in a row of its own, with no object. */
static int sum(tn_freed *f, tn_error *err)
{
    const tn_view_options *o = f->options;
    uint64_t of_objects = 0, bytes;
    uint32_t keys;
    TN_TRY(sum_sizes(f, &of_objects, err));
    TN_TRY(tn__parting_open(f->snapshot, f->gone, o->by, o->fold, &f->parting, err));
    TN_TRY(tn__place_sums_open(&f->parting, &f->sums, err));
    tn_groups_total(f->parting.groups, &f->count, &bytes);
    for (uint32_t i = 0; i < tn_groups_count(f->parting.groups); i++) {
        tn_group_sum group = tn__groups_sum(f->parting.groups, i);
        f->sums.rows[i] = (tn_place_sum){.place = i, .rows = 1, .count = group.count, .size = group.bytes};
    }
    keys = tn__place_of_keys(&f->parting);
    if (f->bytes > of_objects)
        f->sums.rows[keys] = (tn_place_sum){.place = keys, .rows = 1, .size = f->bytes - of_objects};
    return TN_OK;
}

static int by_id(const void *left, const void *right)
{
    const tn_above *a = left, *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int by_bytes(const void *left, const void *right)
{
    const tn_above *a = left, *b = right;
    return a->bytes < b->bytes ? 1 : a->bytes > b->bytes ? -1 : by_id(left, right);
}

/* The object that the node is the dict of; else the node. */
static uint32_t owner_of(const tn_freed *f, uint32_t node)
{
    return tn__owner_at(&f->kinds, &f->graph, f->d, node);
}

/* Dominators outside of the set, synthetic ones too, each once. */
static int find_above(tn_freed *f, tn_error *err)
{
    size_t n = 0;
    TN_TRY(tn__graph(f->snapshot, &f->graph, err));
    TN_TRY(tn__kinds_make(f->snapshot, &f->kinds, err));
    f->capacity = tn_set_count(f->set);
    f->above = tn__alloc(f->alloc, f->capacity * sizeof *f->above);
    if (!f->above)
        return tn__no_memory(f->snapshot, err);
    for (uint32_t id = tn_set_next(f->set, 0); id != TN_NONE; id = tn_set_next(f->set, id + 1)) {
        uint32_t above = f->options->fold ? owner_of(f, f->d->idom[id]) : f->d->idom[id];
        if (above != id && !tn_set_has(f->set, above))
            f->above[n++] = (tn_above){above, 1, f->d->retained[id]};
    }
    if (n > 1)
        qsort(f->above, n, sizeof *f->above, by_id);
    for (size_t i = 0; i < n; i++) {
        tn_above *last = f->n_above ? &f->above[f->n_above - 1] : NULL;
        if (!last || last->id != f->above[i].id) {
            f->above[f->n_above++] = f->above[i];
            continue;
        }
        last->count++;
        last->bytes += f->above[i].bytes;
    }
    if (f->n_above > 1)
        qsort(f->above, f->n_above, sizeof *f->above, by_bytes);
    return TN_OK;
}

static int compute(tn_freed *f, uint32_t id, tn_error *err)
{
    const char *const names[] = {"size", "count", tn__by_key(f->options->by)};
    static const enum tn_place_column columns[] = {TN_PLACE_SIZE, TN_PLACE_COUNT, TN_PLACE_KIND};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(f->options->sort, names, 3, 2, &column, &descending, err));
    TN_TRY(choose(f, id, err));
    TN_TRY(tn__dominators(f->snapshot, &f->d, err));
    TN_TRY(tn_retained_set(f->snapshot, f->set, &f->gone, &f->bytes, err));
    TN_TRY(sum(f, err));
    TN_TRY(tn__place_sums_sort(&f->sums, columns[column], descending, f->snapshot, err));
    for (uint32_t i = f->options->limit; f->options->limit && i < f->sums.n; i++) {
        f->more++;
        f->more_bytes += f->sums.rows[i].size;
    }
    return find_above(f, err);
}

/* Rows that are shown of n. */
static size_t shown(const tn_freed *f, size_t n)
{
    return f->options->limit && f->options->limit < n ? f->options->limit : n;
}

static uint64_t whole(const tn_freed *f)
{
    return f->d->retained[f->d->root];
}

static int describe_above(tn_freed *f, uint32_t id, uint64_t *address, tn_type *type, tn_error *err)
{
    TN_TRY(tn__type_and_address(f->snapshot, id, type, address, err));
    return tn__preview_into(f->snapshot, id, &f->text, err);
}

/* ---- text ---- */

static int fill_groups(tn_freed *f, tn_table *table, tn_error *err)
{
    for (size_t i = 0; i < shown(f, f->sums.n); i++) {
        const tn_place_sum *row = &f->sums.rows[i];
        const char *label;
        TN_TRY(tn__place_label(&f->parting, row->place, &label, err));
        tn__table_u64(table, row->count);
        tn__table_pct(table, row->count, f->count);
        tn__table_bytes(table, row->size);
        tn__table_pct(table, row->size, f->bytes);
        tn__table_text(table, label);
    }
    return TN_OK;
}

/* "dict of app.Session" where it is the dict of one. */
static int put_holder(tn_freed *f, uint32_t id, const char *type, tn_table *table, tn_error *err)
{
    uint32_t owner = owner_of(f, id);
    if (id == f->d->root) {
        tn__table_text(table, "(no single holder)");
        return TN_OK;
    }
    if (owner == id) {
        tn__table_text(table, type);
        return TN_OK;
    }
    const char *of = tn__type_name(f->snapshot, owner);
    size_t room = strlen(type) + strlen(of) + sizeof " of ";
    tn_buf text;
    tn__buf_init(&text, f->alloc);
    int status = tn__buf_reserve(&text, room);
    if (status == TN_OK) {
        tn__compose((char *)text.data, room, "%s of %s", type, of);
        tn__table_text(table, (const char *)text.data);
    }
    tn__buf_free(&text);
    return status < 0 ? tn__no_memory(f->snapshot, err) : TN_OK;
}

static int fill_above(tn_freed *f, tn_table *table, tn_error *err)
{
    for (size_t i = 0; i < shown(f, f->n_above); i++) {
        const tn_above *row = &f->above[i];
        tn_type type;
        uint64_t address;
        TN_TRY(describe_above(f, row->id, &address, &type, err));
        tn__table_u64(table, row->count);
        tn__table_bytes(table, row->bytes);
        tn__table_hex(table, address);
        TN_TRY(put_holder(f, row->id, type.full_name, table, err));
        tn__table_text(table, (const char *)f->text.data);
    }
    return TN_OK;
}

static void print_totals(const tn_freed *f, tn_out *out)
{
    char size[24], gone[24];
    uint32_t n = tn_set_count(f->set);
    tn__heading_print(f->snapshot, out, f->options);
    tn__out_wrap(out, f->options->width);
    tn__out_format(out, "%" PRIu32 " object%s, %s; without %s %" PRIu64 " object%s, %s, would go, %.1f %% of all\n\n",
                   n, n == 1 ? "" : "s", tn_format_bytes(f->set_bytes, size, sizeof size), n == 1 ? "it" : "them",
                   f->count, f->count == 1 ? "" : "s", tn_format_bytes(f->bytes, gone, sizeof gone),
                   tn__pct(f->bytes, whole(f)));
    tn__out_unwrap(out);
}

static int write_text(tn_freed *f, tn_out *out, tn_error *err)
{
    const tn_table_column groups[] = {{"Count", true, 0},
                                      {"%", true, 1},
                                      {"Size", true, 0},
                                      {"%", true, 1},
                                      {tn__place_heading(f->options->by), false, 0}};
    static const tn_table_column above[] = {
        {"Count", true, 0}, {"Retained", true, 0}, {"at", false, 0}, {"Dominated by", false, 0}, {"Preview", false, 0}};
    const tn_view_options *o = f->options;
    char size[24];
    tn_table first, second;
    tn__table_init(&first, f->alloc, groups, 5);
    tn__table_init(&second, f->alloc, above, 5);
    int status = fill_groups(f, &first, err);
    if (status == TN_OK)
        status = fill_above(f, &second, err);
    if (status == TN_OK && (first.status < 0 || second.status < 0))
        status = tn__no_memory(f->snapshot, err);
    if (status == TN_OK) {
        print_totals(f, out);
        tn__table_print(&first, out, o);
        if (f->more)
            tn__out_format(out, "<%" PRIu64 " more, %s; use --limit N to see more, --limit 0 for all>\n", f->more,
                           tn_format_bytes(f->more_bytes, size, sizeof size));
        tn__out_text(out, "\n");
        tn__table_print(&second, out, o);
        if (f->n_above > shown(f, f->n_above))
            tn__out_format(out, "<%zu more; use --limit N to see more, --limit 0 for all>\n",
                           f->n_above - shown(f, f->n_above));
    }
    tn__table_free(&first);
    tn__table_free(&second);
    return status;
}

/* ---- JSON ---- */

static void json_total(tn_json *j, const char *key, uint64_t count, uint64_t bytes, uint64_t all)
{
    tn__json_open(j, key, '{');
    tn__json_u64(j, "count", count);
    tn__json_u64(j, "size", bytes);
    tn__json_pct(j, "size_pct", bytes, all);
    tn__json_close(j, '}');
}

static int json_groups(tn_freed *f, tn_json *j, tn_error *err)
{
    tn__json_open(j, "rows", '[');
    for (size_t i = 0; i < shown(f, f->sums.n); i++) {
        const tn_place_sum *row = &f->sums.rows[i];
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "count", row->count);
        tn__json_pct(j, "count_pct", row->count, f->count);
        tn__json_u64(j, "size", row->size);
        tn__json_pct(j, "size_pct", row->size, f->bytes);
        TN_TRY(tn__place_json(&f->parting, row->place, j, err));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    return TN_OK;
}

static int json_above(tn_freed *f, tn_json *j, tn_error *err)
{
    tn__json_open(j, "dominators", '[');
    for (size_t i = 0; i < shown(f, f->n_above); i++) {
        const tn_above *row = &f->above[i];
        tn_type type;
        uint64_t address;
        TN_TRY(describe_above(f, row->id, &address, &type, err));
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "count", row->count);
        tn__json_u64(j, "retained", row->bytes);
        tn__json_hex(j, "address", address);
        tn__json_string(j, "type", type.full_name);
        tn__json_string(j, "preview", f->text.size ? (const char *)f->text.data : NULL);
        uint32_t owner = owner_of(f, row->id);
        tn__json_hex(j, "owner", owner == row->id ? 0 : tn__snapshot_address(f->snapshot, owner));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    return TN_OK;
}

static int write_json(tn_freed *f, tn_out *out, tn_error *err)
{
    const char *const columns[] = {"count", "count_pct", "size", "size_pct", tn__by_key(f->options->by)};
    tn_json j;
    tn__json_start(&j, out, "retained");
    tn__json_string(&j, "where", f->options->where);
    tn__against_json(f->options, &j);
    tn__json_string(&j, "by", tn_by_names[f->options->by]);
    tn__json_bool(&j, "fold", f->options->fold);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "count", "objects");
    tn__json_string(&j, "count_pct", "percent");
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "size_pct", "percent");
    tn__json_close(&j, '}');
    json_total(&j, "selected", tn_set_count(f->set), f->set_bytes, whole(f));
    json_total(&j, "total", f->count, f->bytes, whole(f));
    TN_TRY(json_groups(f, &j, err));
    tn__json_u64(&j, "more", f->more);
    tn__json_u64(&j, "more_size", f->more_bytes);
    TN_TRY(json_above(f, &j, err));
    tn__json_u64(&j, "more_dominators", f->n_above - shown(f, f->n_above));
    tn__info_json(&j, f->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

int tn_view_retained(tn_snapshot *s, uint32_t id, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_view_options o;
    tn_freed f = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .options = &o};
    tn_out out;
    tn_diff *made;
    TN_TRY(tn__against(s, options, &o, &made, err));
    tn__buf_init(&f.text, f.alloc);
    tn__out_init(&out, sink);
    int status = compute(&f, id, err);
    if (status == TN_OK)
        status = options->form == TN_JSON ? write_json(&f, &out, err) : write_text(&f, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    tn__place_sums_close(&f.sums);
    tn__parting_close(&f.parting);
    if (f.kinds.alloc)
        tn__kinds_free(&f.kinds);
    tn__free(f.alloc, f.above, f.capacity * sizeof *f.above);
    tn_set_free(f.set);
    tn_set_free(f.gone);
    tn__buf_free(&f.text);
    tn_diff_close(made);
    return status;
}
