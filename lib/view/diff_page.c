/* diff_page.c - what changed between two snapshots: rows that changed in order, collections that grew, new references. */
#include "analysis/sites.h"
#include "view/diff_page.h"

#include <inttypes.h>
#include <stdlib.h>

enum diff_column { BY_SIZE, BY_COUNT, BY_NEW, BY_GONE, BY_NAME };

static bool changed(const tn_diff_row *r)
{
    return r->added.count || r->removed.count || r->old.count != r->new.count || r->old.bytes != r->new.bytes;
}

/* Differences in an order of unsigned numbers. */
static uint64_t shifted(uint64_t now, uint64_t before)
{
    return (now - before) ^ (1ull << 63);
}

static uint64_t key_of(const tn_diff_row *r, enum diff_column column)
{
    switch (column) {
    case BY_SIZE: return shifted(r->new.bytes, r->old.bytes);
    case BY_COUNT: return shifted(r->new.count, r->old.count);
    case BY_NEW: return r->added.count;
    case BY_GONE: return r->removed.count;
    default: return 0;
    }
}

static int order(tn_diff_view *v, const tn_view_options *o, tn_error *err)
{
    const char *names[] = {"size", "count", "new", "gone", tn__by_key(v->by)};
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, 5, 4, &column, &descending, err));
    v->order = tn__alloc_zero(v->rows.alloc, v->rows.n * sizeof *v->order);
    if (!v->order)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < v->rows.n; i++)
        if (changed(&v->rows.rows[i]))
            v->order[v->n_changed++] = (tn_order_key){.number = key_of(&v->rows.rows[i], (enum diff_column)column),
                                                      .text = column == BY_NAME ? v->rows.rows[i].name : "",
                                                      .row = i};
    tn__order_sort(v->order, v->n_changed, descending);
    v->n_shown = o->limit && o->limit < v->n_changed ? o->limit : v->n_changed;
    return TN_OK;
}

static int write_path(tn_snapshot *s, const tn_reference *steps, uint32_t n, tn_brief *out, tn_error *err)
{
    int wanted = tn_path_text(s, steps, n, NULL, 0, &out->evaluable, err);
    TN_TRY(wanted);
    if (tn__buf_reserve(&out->path, (size_t)wanted + 1) < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    TN_TRY(tn_path_text(s, steps, n, (char *)out->path.data, (size_t)wanted + 1, &out->evaluable, err));
    out->path.size = (size_t)wanted;
    return TN_OK;
}

static int find_path(tn_snapshot *s, uint32_t object, tn_brief *out, tn_error *err)
{
    tn_paths *paths;
    const tn_reference *steps;
    uint32_t n;
    out->path.size = 0;
    out->evaluable = false;
    TN_TRY(tn_paths_open(s, object, &(tn_path_options){.limit = 1}, &paths, err));
    int more = tn_paths_next(paths, &steps, &n, err);
    if (more > 0)
        more = write_path(s, steps, n, out, err);
    tn_paths_close(paths);
    return more;
}

/* One block of each column for a few objects, the whole columns for many. */
static int shape_and_size(tn_snapshot *s, uint32_t object, bool many, uint64_t *shape, uint64_t *bytes, tn_error *err)
{
    const uint32_t *shapes;
    const uint64_t *sizes;
    uint64_t n;
    if (many) {
        TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
        TN_TRY(tn__column_u64(s, TN_COL_SIZE, &sizes, &n, err));
        *shape = shapes[object];
        *bytes = sizes[object];
        return TN_OK;
    }
    tn_stream st;
    tn__stream_open(&st, s, TN_COL_SHAP, 0);
    TN_TRY(tn__stream_at(&st, object, shape, err));
    tn__stream_open(&st, s, TN_COL_SIZE, 1);
    return tn__stream_at(&st, object, bytes, err);
}

int tn__brief(tn_snapshot *s, uint32_t object, bool many, tn_brief *out, tn_error *err)
{
    uint64_t shape;
    TN_TRY(shape_and_size(s, object, many, &shape, &out->bytes, err));
    TN_TRY(tn__snapshot_addresses(s, err));
    TN_TRY(tn_snapshot_type(s, tn__snapshot_shapes(s)[shape].type, &out->type));
    out->address = tn__snapshot_address(s, object);
    out->of = s;
    out->object = object;
    out->type_row = tn__snapshot_shapes(s)[shape].type;
    out->sited = tn__sites_there(s);
    return find_path(s, object, out, err);
}

int tn__brief_cells(tn_table *t, const tn_brief *b, tn_error *err)
{
    char text[200], size[24];
    tn_text into;
    tn__text_init(&into, text, sizeof text);
    tn__text_format(&into, "%.120s at 0x%" PRIx64 ", %s", b->type.full_name, b->address,
                    tn_format_bytes(b->bytes, size, sizeof size));
    tn__text_end(&into);
    tn__table_text(t, text);
    tn__table_text(t, b->path.size ? (const char *)b->path.data : "");
    return b->sited ? tn__made_object_cell(t, b->of, b->object, b->type_row, err) : TN_OK;
}

int tn__brief_json(tn_json *j, const tn_brief *b, tn_error *err)
{
    tn__json_hex(j, "address", b->address);
    tn__json_string(j, "type", b->type.full_name);
    tn__json_u64(j, "size", b->bytes);
    tn__json_string(j, "path", b->path.size ? (const char *)b->path.data : NULL);
    tn__json_bool(j, "evaluable", b->evaluable);
    return b->sited ? tn__birth_json(b->of, b->object, j, err) : TN_OK;
}

const char *tn__diff_heading(enum tn_by by)
{
    return by == TN_BY_TYPE     ? "Type"
           : by == TN_BY_MODULE ? "Module"
           : by == TN_BY_SIZE   ? "Each"
           : by == TN_BY_PATH   ? "Place"
                                : "Kind";
}

const char *tn__diff_nouns(enum tn_by by, size_t n)
{
    static const char *const nouns[][2] = {
        {"types", "type"}, {"modules", "module"}, {"places", "place"}, {"groups", "group"}};
    return nouns[by == TN_BY_TYPE ? 0 : by == TN_BY_MODULE ? 1 : by == TN_BY_PATH ? 2 : 3][n == 1];
}

void tn__diff_key_json(tn_json *j, enum tn_by by, const char *name, uint64_t number)
{
    if (by == TN_BY_SIZE)
        tn__json_u64(j, tn__by_key(by), number);
    else
        tn__json_string(j, tn__by_key(by), name);
}

/* The monotonic clock is one process's; of two, that of the wall has to do. */
static void find_apart(tn_diff_view *v)
{
    const char *key = v->about.same_process ? "capture.monotonic_ns" : "capture.wall_time_ns";
    uint64_t before, now;
    v->apart_known = tn__fact_u64(v->old, key, &before) && tn__fact_u64(v->new, key, &now);
    v->apart_ns = v->apart_known ? (int64_t)(now - before) : 0;
}

/* Rows and groups of what is new go by the same names. */
static int name_mains(tn_diff_view *v, tn_groups *groups, const tn_site_main *mains, tn_error *err)
{
    for (uint32_t i = 0; i < tn_groups_count(groups); i++) {
        tn_group group;
        TN_TRY(tn_groups_row(groups, i, &group, err));
        tn_diff_row *row = tn__diff_find(&v->rows, group.label, group.number);
        if (row)
            v->mains[row - v->rows.rows] = mains[i];
    }
    return TN_OK;
}

static int find_mains(tn_diff_view *v, tn_error *err)
{
    const tn_alloc *a = v->rows.alloc;
    tn_groups *groups;
    v->mains = tn__alloc(a, v->rows.n * sizeof *v->mains);
    if (!v->mains)
        return tn__no_memory(v->new, err);
    for (size_t i = 0; i < v->rows.n; i++)
        v->mains[i] = (tn_site_main){.line = TN_NONE};
    TN_TRY(tn_groups_make(v->new, v->diff->added, v->by, NULL, &groups, err));
    size_t bytes = tn_groups_count(groups) * sizeof(tn_site_main);
    tn_site_main *mains = tn__alloc(a, bytes);
    int status =
        mains ? tn__made_mains(v->new, v->made, v->diff->added, groups, mains, err) : tn__no_memory(v->new, err);
    if (status == TN_OK)
        status = name_mains(v, groups, mains, err);
    tn__free(a, mains, bytes);
    tn_groups_free(groups);
    return status;
}

static int compute(tn_diff_view *v, const tn_view_options *o, tn_error *err)
{
    TN_TRY(tn_diff_open_sets(v->old, o->old_set, v->new, o->set, o->where, &v->diff, err));
    tn_diff_about(v->diff, &v->about);
    find_apart(v);
    TN_TRY(tn__diff_rows(v->diff, o->by, &v->rows, err));
    TN_TRY(order(v, o, err));
    if (!v->about.same_process)
        return TN_OK;
    TN_TRY(tn__diff_growing(v->diff, &v->growing, err));
    TN_TRY(tn__diff_edges(v->diff, &v->edges, err));
    if (!tn__sites_there(v->new))
        return TN_OK;
    TN_TRY(tn_groups_make(v->new, v->diff->added, TN_BY_SITE, NULL, &v->made, err));
    return v->by == TN_BY_SITE ? TN_OK : find_mains(v, err);
}

static int view_two(tn_snapshot *old, tn_snapshot *new, const tn_view_options *o, tn_out *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(new);
    tn_diff_view v = {.old = old, .new = new, .by = o->by, .rows.alloc = a, .edges.alloc = a};
    tn__buf_init(&v.growing, a);
    tn__buf_init(&v.brief.path, a);
    tn__arena_init(&v.edges.texts, a);
    int status = compute(&v, o, err);
    if (status == TN_OK)
        status = o->form == TN_JSON ? tn__diff_json(&v, o, out, err) : tn__diff_text(&v, o, out, err);
    tn__free(a, v.mains, v.rows.n * sizeof *v.mains);
    tn_groups_free(v.made);
    tn__diff_edges_free(&v.edges);
    tn__buf_free(&v.brief.path);
    tn__buf_free(&v.growing);
    tn__free(a, v.order, v.rows.n * sizeof *v.order);
    tn__diff_rows_free(&v.rows);
    tn_diff_close(v.diff);
    return status;
}

/* A page is whole before a byte of it is written: names of collections are looked up while it is made. */
typedef struct page {
    tn_buf text;
    bool full;
} page;

static bool write_page(void *ctx, const char *text, size_t n)
{
    page *p = ctx;
    p->full |= tn__buf_append(&p->text, text, n) < 0;
    return !p->full;
}

static int make_page(tn_snapshot *const *snapshots, size_t n, const tn_view_options *o, page *p, tn_error *err)
{
    tn_out out;
    tn_sink sink = {write_page, p};
    tn__out_init(&out, &sink);
    int status =
        n == 2 ? view_two(snapshots[0], snapshots[1], o, &out, err) : tn__growth_page(snapshots, n, o, &out, err);
    if (status == TN_OK)
        status = tn__out_end(&out, err);
    return p->full ? tn__no_memory(snapshots[n - 1], err) : tn__memory_told(snapshots[n - 1], status, err);
}

int tn_view_diff(tn_snapshot *const *snapshots, size_t n, const tn_view_options *options, const tn_sink *sink,
                 tn_error *err)
{
    if (options->where_rows)
        return tn__error_set(err, TN_EINVAL, 0, "a change has no threshold: it may be less than nothing");
    if (n < 2)
        return tn__error_set(err, TN_EINVAL, 0, "a diff is of two snapshots or more");
    if (options->by == TN_BY_HEADS || options->heads || options->fold)
        return tn__error_set(err, TN_EINVAL, 0, "a diff is by kinds of objects, not by heads, and folds nothing");
    page p = {.full = false};
    tn__buf_init(&p.text, tn__snapshot_alloc(snapshots[n - 1]));
    int status = make_page(snapshots, n, options, &p, err);
    if (status == TN_OK) {
        tn_out out;
        tn__out_init(&out, sink);
        tn__out_bytes(&out, (const char *)p.text.data, p.text.size);
        status = tn__out_end(&out, err);
    }
    tn__buf_free(&p.text);
    return status;
}

/* ---- other views, of what is new ---- */

int tn__since(tn_snapshot *s, const tn_view_options *o, tn_view_options *out, tn_diff **made, tn_error *err)
{
    bool compares;
    *out = *o;
    *made = NULL;
    if (!o->against)
        return TN_OK;
    TN_TRY(tn__selection_compares(tn__snapshot_alloc(s), o->where, &compares, err));
    if (compares)
        TN_TRY(tn_diff_open(o->against, s, NULL, made, err));
    out->since = *made;
    return TN_OK;
}

int tn__against(tn_snapshot *s, const tn_view_options *o, tn_view_options *out, tn_diff **made, tn_error *err)
{
    TN_TRY(tn__since(s, o, out, made, err));
    if (!o->against || *made)
        return TN_OK;
    tn_diff *d;
    TN_TRY(tn_diff_open(o->against, s, NULL, &d, err));
    int status = tn__diff_choose(d, o->set, err);
    if (status < 0) {
        tn_diff_close(d);
        return status;
    }
    out->set = d->chosen;
    *made = d;
    return TN_OK;
}

bool tn__against_is_later(tn_snapshot *s, const tn_view_options *o)
{
    uint64_t wall, now;
    return o->against && tn__fact_u64(o->against, "capture.wall_time_ns", &wall) &&
           tn__fact_u64(s, "capture.wall_time_ns", &now) && now < wall;
}

void tn__against_print(tn_snapshot *s, const tn_view_options *o, tn_out *out)
{
    uint64_t wall;
    char when[40];
    if (!o->against)
        return;
    tn__out_text(out, o->since ? "is: compares with the snapshot" : "only what is new since the snapshot");
    if (tn__fact_u64(o->against, "capture.wall_time_ns", &wall)) {
        tn__fact_time(wall, when, sizeof when);
        tn__out_format(out, " of %s", when);
        if (tn__against_is_later(s, o))
            tn__out_text(out, ", which is later (the older one comes after --against)");
    }
    tn__out_text(out, "\n");
}

void tn__against_json(const tn_view_options *o, tn_json *j)
{
    uint64_t wall, pid;
    if (!o->against) {
        tn__json_null(j, "against");
        return;
    }
    tn__json_open(j, "against", '{');
    if (tn__fact_u64(o->against, "process.pid", &pid))
        tn__json_u64(j, "pid", pid);
    else
        tn__json_null(j, "pid");
    if (tn__fact_u64(o->against, "capture.wall_time_ns", &wall))
        tn__json_u64(j, "wall_time_ns", wall);
    else
        tn__json_null(j, "wall_time_ns");
    tn__json_close(j, '}');
}
