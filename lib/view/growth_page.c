/* growth_page.c - what grew over three snapshots and more: by type, by object, by collection; as text and as JSON. */
#include "analysis/growth.h"
#include "view/diff_page.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { SHORT_RUN_S = 600 }; /* up to here slopes are a second, then an hour */

typedef struct growth_page {
    tn_growth growth;
    tn_snapshot *last;
    enum tn_by by;
    tn_order_key *order; /* of rows that changed */
    size_t n_changed, n_shown;
    tn_groups *grown;    /* by type: the objects that a leak leaves */
    tn_groups *made;     /* the same by the line that made them; NULL: that was not recorded */
    tn_site_main *mains; /* of each of grown the line that made most of it */
    tn_brief brief;
} growth_page;

enum growth_column { BY_SLOPE, BY_SIZE, BY_COUNT, BY_NAME };

static uint64_t first_bytes(const tn_growth_row *r)
{
    return r->series[0].bytes;
}

static uint64_t last_bytes(const growth_page *p, const tn_growth_row *r)
{
    return r->series[p->growth.n - 1].bytes;
}

static bool changed(const growth_page *p, const tn_growth_row *r)
{
    return r->n_up || r->n_down || r->series[0].count != r->series[p->growth.n - 1].count;
}

static int order(growth_page *p, const tn_view_options *o, tn_error *err)
{
    const char *names[] = {"slope", "size", "count", tn__by_key(p->by)};
    const tn_growth *g = &p->growth;
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, names, 4, 3, &column, &descending, err));
    p->order = tn__alloc_zero(g->alloc, g->n_rows * sizeof *p->order);
    if (!p->order)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (size_t i = 0; i < g->n_rows; i++) {
        const tn_growth_row *r = &g->rows[i];
        uint64_t numbers[] = {g->n_rows - i, (last_bytes(p, r) - first_bytes(r)) ^ 1ull << 63,
                              (r->series[g->n - 1].count - r->series[0].count) ^ 1ull << 63, 0};
        if (changed(p, r))
            p->order[p->n_changed++] =
                (tn_order_key){.number = numbers[column], .text = column == BY_NAME ? r->name : "", .row = i};
    }
    tn__order_sort(p->order, p->n_changed, descending);
    p->n_shown = o->limit && o->limit < p->n_changed ? o->limit : p->n_changed;
    return TN_OK;
}

static int compute(growth_page *p, tn_snapshot *const *snapshots, size_t n, const tn_view_options *o, tn_error *err)
{
    TN_TRY(tn__growth(snapshots, n, o->by, o->where, &p->growth, err));
    TN_TRY(order(p, o, err));
    if (p->growth.why)
        return TN_OK;
    TN_TRY(tn_groups_make(p->last, p->growth.grown, TN_BY_TYPE, &(tn_groups_options){0}, &p->grown, err));
    if (!tn__sites_there(p->last))
        return TN_OK;
    TN_TRY(tn_groups_make(p->last, p->growth.grown, TN_BY_SITE, NULL, &p->made, err));
    p->mains = tn__alloc(p->growth.alloc, tn_groups_count(p->grown) * sizeof *p->mains);
    if (!p->mains)
        return tn__no_memory(p->last, err);
    return tn__made_mains(p->last, p->made, p->growth.grown, p->grown, p->mains, err);
}

static const tn_growth_row *row_at(const growth_page *p, size_t i)
{
    return &p->growth.rows[p->order[i].row];
}

static const tn_growth_collection *collections_of(const growth_page *p, size_t *n)
{
    *n = p->growth.collections.size / sizeof(tn_growth_collection);
    return (const void *)p->growth.collections.data;
}

static const uint64_t *lengths_of(const growth_page *p, const tn_growth_collection *c)
{
    return (const uint64_t *)(const void *)p->growth.lengths.data + c->series;
}

/* ---- text ---- */

static bool by_hour(const growth_page *p)
{
    return p->growth.timed && p->growth.seconds[p->growth.n - 1] > SHORT_RUN_S;
}

static const char *unit(const growth_page *p)
{
    return !p->growth.timed ? "a snapshot" : by_hour(p) ? "an hour" : "a second";
}

static void put_rate(const growth_page *p, tn_table *t, double rate, bool with_sign)
{
    char text[32], size[24];
    double scaled = fabs(by_hour(p) ? rate * 3600 : rate);
    if (!isfinite(scaled) || scaled >= 0x1p62) {
        tn__table_text(t, "");
        return;
    }
    tn_format_bytes((uint64_t)(scaled + 0.5), size, sizeof size);
    snprintf(text, sizeof text, "%s%s", !with_sign || scaled < 0.5 ? "" : rate < 0 ? "-" : "+", size);
    tn__table_text(t, text);
}

static void put_steps(const growth_page *p, tn_table *t, uint32_t up)
{
    char text[32];
    snprintf(text, sizeof text, "%u of %u", (unsigned)up, (unsigned)(p->growth.n - 1));
    tn__table_text(t, text);
}

static void fill_times(growth_page *p, const tn_view_options *o, tn_table *t)
{
    const tn_growth *g = &p->growth;
    char text[32];
    for (uint32_t i = 0; i < g->n; i++) {
        uint64_t rss;
        snprintf(text, sizeof text, "%.1f s", g->seconds[i]);
        tn__table_u64(t, i + 1);
        tn__table_text(t, g->timed ? text : "unknown");
        if (tn__fact_u64(g->snapshots[i], "memory.rss_bytes", &rss))
            tn__table_bytes(t, rss);
        else
            tn__table_text(t, "unknown");
        tn__table_u64(t, g->totals[i].count);
        tn__table_bytes(t, g->totals[i].bytes);
        if (o->files)
            tn__table_text(t, o->files[i]);
    }
}

static void fill_rows(growth_page *p, tn_table *t)
{
    char text[32];
    for (size_t i = 0; i < p->n_shown; i++) {
        const tn_growth_row *r = row_at(p, i);
        uint64_t before = r->series[0].count, now = r->series[p->growth.n - 1].count;
        tn__table_u64(t, i);
        snprintf(text, sizeof text, before == now ? "%" PRId64 : "%+" PRId64, (int64_t)(now - before));
        tn__table_text(t, text);
        tn__table_bytes(t, first_bytes(r));
        tn__table_bytes(t, last_bytes(p, r));
        put_rate(p, t, r->slope, true);
        put_rate(p, t, r->error, false);
        put_steps(p, t, r->n_up);
        tn__table_text(t, r->name);
    }
}

static int fill_grown(growth_page *p, size_t n, tn_table *t, tn_error *err)
{
    tn_group group;
    for (uint32_t i = 0; i < n; i++) {
        TN_TRY(tn_groups_row(p->grown, i, &group, err));
        tn__table_u64(t, group.count);
        tn__table_bytes(t, group.bytes);
        tn__table_text(t, group.label);
        if (p->mains)
            TN_TRY(tn__made_cell(t, p->made, &p->mains[i], group.count, err));
    }
    return TN_OK;
}

static int fill_collections(growth_page *p, size_t n, tn_table *t, tn_error *err)
{
    size_t all;
    const tn_growth_collection *rows = collections_of(p, &all);
    for (size_t i = 0; i < n; i++) {
        const uint64_t *lengths = lengths_of(p, &rows[i]);
        tn__table_u64(t, lengths[rows[i].start]);
        tn__table_u64(t, lengths[p->growth.n - 1]);
        put_steps(p, t, rows[i].n_up);
        TN_TRY(tn__brief(p->last, rows[i].node, n > TN_BRIEF_MANY, &p->brief, err));
        TN_TRY(tn__brief_cells(t, &p->brief, err));
    }
    return TN_OK;
}

/* One table under its heading. */
static int print_table(tn_table *t, const char *heading, const tn_view_options *o, tn_out *out, tn_error *err)
{
    if (t->status < 0)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (heading) {
        tn__out_text(out, "\n");
        tn__table_heading(out, o, heading);
    }
    tn__table_print(t, out, o);
    return TN_OK;
}

static int print_overview(growth_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Snapshot", true, 0}, {"after", true, 0}, {"RSS", true, 0},
        {"Objects", true, 0},  {"Bytes", true, 0}, {"File", false, 0},
    };
    tn_table t;
    tn__table_init(&t, p->growth.alloc, columns, o->files ? 6 : 5);
    fill_times(p, o, &t);
    tn__heading_print(p->last, out, o);
    tn__out_wrap(out, o->width);
    if (p->growth.why)
        tn__out_format(out, "no object is in all of them: %s\n", p->growth.why);
    if (!p->growth.timed)
        tn__out_text(out, "when they were taken is not known, or not in this order: slopes are by snapshot\n");
    tn__out_unwrap(out);
    tn__out_text(out, "\n");
    int status = print_table(&t, NULL, o, out, err);
    tn__table_free(&t);
    return status;
}

static int print_rows(growth_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    const tn_table_column columns[] = {
        {"Index", true, 2}, {"Count", true, 0}, {"First", true, 3},    {"Last", true, 0},
        {unit(p), true, 0}, {"±", true, 1},     {"Steps up", true, 0}, {tn__diff_heading(p->by), false, 0},
    };
    size_t still = p->growth.n_rows - p->n_changed, more = p->n_changed - p->n_shown;
    tn_table t;
    tn__table_init(&t, p->growth.alloc, columns, sizeof columns / sizeof *columns);
    fill_rows(p, &t);
    int status = TN_OK;
    tn__out_text(out, "\n");
    if (p->n_changed == 0)
        tn__out_text(out, "nothing changed\n");
    else
        status = print_table(&t, NULL, o, out, err);
    tn__table_free(&t);
    if (more)
        tn__out_format(out, "<%zu more row%s; use --limit 0 to see all>\n", more, more == 1 ? "" : "s");
    if (still)
        tn__out_format(out, "%zu %s did not change\n", still, tn__diff_nouns(p->by, still));
    return status;
}

static int print_grown(growth_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Count", true, 0}, {"Size", true, 0}, {"Type", false, 0}, {"Made at", false, 0}};
    size_t all = p->grown ? tn_groups_count(p->grown) : 0, n = tn__diff_section(o, all);
    uint64_t count, bytes;
    tn_table t;
    char heading[120], size[24];
    if (n == 0)
        return TN_OK;
    tn_groups_total(p->grown, &count, &bytes);
    snprintf(heading, sizeof heading, "Made after the first, before the last, and still there: %" PRIu64 " objects, %s",
             count, tn_format_bytes(bytes, size, sizeof size));
    tn__table_init(&t, p->growth.alloc, columns, sizeof columns / sizeof *columns - !p->mains);
    int status = fill_grown(p, n, &t, err);
    if (status == TN_OK)
        status = print_table(&t, heading, o, out, err);
    tn__table_free(&t);
    if (all > n)
        tn__out_format(out, "<%zu more>\n", all - n);
    return status;
}

static int print_collections(growth_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {{"Held", true, 0},        {"Now", true, 0},      {"Steps up", true, 1},
                                              {"Collection", false, 0}, {"held as", false, 0}, {"Made at", false, 0}};
    size_t all;
    collections_of(p, &all);
    size_t n = tn__diff_section(o, all);
    tn_table t;
    if (n == 0)
        return TN_OK;
    tn__table_init(&t, p->growth.alloc, columns, sizeof columns / sizeof *columns - !p->made);
    t.last_width = p->made ? 44 : 0;
    int status = fill_collections(p, n, &t, err);
    if (status == TN_OK)
        status = print_table(&t, "Collections that only grow", o, out, err);
    tn__table_free(&t);
    if (all > n)
        tn__out_format(out, "<%zu more>\n", all - n);
    return status;
}

static int write_text(growth_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    TN_TRY(print_overview(p, o, out, err));
    TN_TRY(print_rows(p, o, out, err));
    TN_TRY(print_grown(p, o, out, err));
    return print_collections(p, o, out, err);
}

/* ---- JSON ---- */

static void rate_json(tn_json *j, const growth_page *p, const char *key, double rate)
{
    if (p->growth.timed)
        tn__json_double(j, key, rate);
    else
        tn__json_null(j, key);
}

static void numbers_json(tn_json *j, const char *key, const uint64_t *values, size_t n, size_t stride)
{
    tn__json_open(j, key, '[');
    for (size_t i = 0; i < n; i++)
        tn__json_u64(j, NULL, values[i * stride]);
    tn__json_close(j, ']');
}

static void snapshots_json(tn_json *j, const growth_page *p, const tn_view_options *o)
{
    const tn_growth *g = &p->growth;
    tn__json_line(j);
    tn__json_open(j, "snapshots", '[');
    for (uint32_t i = 0; i < g->n; i++) {
        uint64_t rss;
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "file", o->files ? o->files[i] : NULL);
        rate_json(j, p, "seconds", g->seconds[i]);
        if (tn__fact_u64(g->snapshots[i], "memory.rss_bytes", &rss))
            tn__json_u64(j, "rss", rss);
        else
            tn__json_null(j, "rss");
        tn__json_u64(j, "count", g->totals[i].count);
        tn__json_u64(j, "size", g->totals[i].bytes);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static void rows_json(tn_json *j, const growth_page *p)
{
    const char *const columns[] = {tn__by_key(p->by), "counts", "sizes", "slope", "error", "up", "down"};
    tn__json_strings(j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(j, "units", '{');
    tn__json_string(j, "counts", "objects");
    tn__json_string(j, "sizes", "bytes");
    tn__json_string(j, "slope", "bytes a second");
    tn__json_string(j, "error", "bytes a second");
    tn__json_close(j, '}');
    tn__json_open(j, "rows", '[');
    for (size_t i = 0; i < p->n_shown; i++) {
        const tn_growth_row *r = row_at(p, i);
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__diff_key_json(j, p->by, r->name, r->number);
        numbers_json(j, "counts", &r->series[0].count, p->growth.n, sizeof(tn_tally) / sizeof(uint64_t));
        numbers_json(j, "sizes", &r->series[0].bytes, p->growth.n, sizeof(tn_tally) / sizeof(uint64_t));
        rate_json(j, p, "slope", r->slope);
        rate_json(j, p, "error", r->error);
        tn__json_u64(j, "up", r->n_up);
        tn__json_u64(j, "down", r->n_down);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}

static int grown_json(tn_json *j, const growth_page *p, const tn_view_options *o, tn_error *err)
{
    size_t all = tn_groups_count(p->grown), n = tn__diff_section(o, all);
    uint64_t count, bytes;
    tn_group group;
    tn_groups_total(p->grown, &count, &bytes);
    tn__json_line(j);
    tn__json_open(j, "grown", '{');
    tn__json_u64(j, "count", count);
    tn__json_u64(j, "size", bytes);
    tn__json_open(j, "rows", '[');
    for (uint32_t i = 0; i < n; i++) {
        TN_TRY(tn_groups_row(p->grown, i, &group, err));
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "type", group.label);
        tn__json_u64(j, "count", group.count);
        tn__json_u64(j, "size", group.bytes);
        if (p->mains)
            TN_TRY(tn__made_json(j, p->made, &p->mains[i], err));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "more", all - n);
    tn__json_close(j, '}');
    return TN_OK;
}

static int collections_json(tn_json *j, growth_page *p, const tn_view_options *o, tn_error *err)
{
    size_t all;
    const tn_growth_collection *rows = collections_of(p, &all);
    size_t n = tn__diff_section(o, all);
    tn__json_line(j);
    tn__json_open(j, "collections", '[');
    for (size_t i = 0; i < n; i++) {
        TN_TRY(tn__brief(p->last, rows[i].node, n > TN_BRIEF_MANY, &p->brief, err));
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        TN_TRY(tn__brief_json(j, &p->brief, err));
        tn__json_u64(j, "start", rows[i].start);
        numbers_json(j, "lengths", lengths_of(p, &rows[i]) + rows[i].start, p->growth.n - rows[i].start, 1);
        tn__json_u64(j, "up", rows[i].n_up);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "collections_more", all - n);
    return TN_OK;
}

static int write_json(growth_page *p, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_json j;
    tn__json_start(&j, out, "growth");
    tn__json_string(&j, "by", tn_by_names[p->by]);
    tn__json_string(&j, "where", o->where);
    tn__json_bool(&j, "same_process", p->growth.why == NULL);
    tn__json_string(&j, "why", p->growth.why);
    snapshots_json(&j, p, o);
    rows_json(&j, p);
    tn__json_u64(&j, "more", p->n_changed - p->n_shown);
    tn__json_u64(&j, "unchanged", p->growth.n_rows - p->n_changed);
    if (!p->growth.why) {
        TN_TRY(grown_json(&j, p, o, err));
        TN_TRY(collections_json(&j, p, o, err));
    }
    tn__json_line(&j);
    tn__info_json(&j, p->last);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}

int tn__growth_page(tn_snapshot *const *snapshots, size_t n, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_snapshot *last = snapshots[n - 1];
    const tn_alloc *a = tn__snapshot_alloc(last);
    growth_page p = {.growth.alloc = a, .last = last, .by = o->by};
    tn__buf_init(&p.growth.collections, a);
    tn__buf_init(&p.growth.lengths, a);
    tn__buf_init(&p.brief.path, a);
    int status = compute(&p, snapshots, n, o, err);
    if (status == TN_OK)
        status = o->form == TN_JSON ? write_json(&p, o, out, err) : write_text(&p, o, out, err);
    tn__free(a, p.order, p.growth.n_rows * sizeof *p.order);
    tn__buf_free(&p.brief.path);
    tn__free(a, p.mains, p.grown ? tn_groups_count(p.grown) * sizeof *p.mains : 0);
    tn_groups_free(p.made);
    tn_groups_free(p.grown);
    tn__growth_free(&p.growth);
    return status;
}
