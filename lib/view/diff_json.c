/* diff_json.c - the comparison of two snapshots as docs/view-json.md specifies it. */
#include "view/diff_page.h"

static void tally_json(tn_json *j, const char *key, uint64_t count, uint64_t bytes)
{
    tn__json_open(j, key, '{');
    tn__json_u64(j, "count", count);
    tn__json_u64(j, "size", bytes);
    tn__json_close(j, '}');
}

static void columns_json(tn_json *j, const tn_diff_view *v)
{
    const char *const columns[] = {tn__by_key(v->by), "new",          "gone",     "survived",  "old_count",
                                   "now_count",       "count_change", "new_size", "gone_size", "old_size",
                                   "now_size",        "size_change",  "main_site"};
    tn__json_strings(j, "columns", columns, sizeof columns / sizeof *columns - !v->mains);
    tn__json_open(j, "units", '{');
    for (size_t i = 1; i < 7; i++)
        tn__json_string(j, columns[i], "objects");
    for (size_t i = 7; i < 12; i++)
        tn__json_string(j, columns[i], "bytes");
    tn__json_close(j, '}');
}

static int row_json(tn_json *j, const tn_diff_view *v, size_t i, tn_error *err)
{
    const tn_diff_row *r = tn__diff_row(v, i);
    bool same = v->about.same_process;
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__diff_key_json(j, v->by, r->name, r->number);
    static const char *const of_one[] = {"new", "gone", "survived"};
    const uint64_t counts[] = {r->added.count, r->removed.count, r->new.count - r->added.count};
    for (size_t k = 0; k < 3; k++) {
        if (same)
            tn__json_u64(j, of_one[k], counts[k]);
        else
            tn__json_null(j, of_one[k]);
    }
    tn__json_u64(j, "old_count", r->old.count);
    tn__json_u64(j, "now_count", r->new.count);
    tn__json_i64(j, "count_change", (int64_t)(r->new.count - r->old.count));
    if (same) {
        tn__json_u64(j, "new_size", r->added.bytes);
        tn__json_u64(j, "gone_size", r->removed.bytes);
    } else {
        tn__json_null(j, "new_size");
        tn__json_null(j, "gone_size");
    }
    tn__json_u64(j, "old_size", r->old.bytes);
    tn__json_u64(j, "now_size", r->new.bytes);
    tn__json_i64(j, "size_change", (int64_t)(r->new.bytes - r->old.bytes));
    if (v->mains)
        TN_TRY(tn__made_json(j, v->made, tn__diff_main(v, i), err));
    tn__json_close(j, '}');
    return TN_OK;
}

static int growing_json(tn_json *j, tn_diff_view *v, const tn_view_options *o, tn_error *err)
{
    const tn_change *rows = (const void *)v->growing.data;
    size_t all = v->growing.size / sizeof *rows, n = tn__diff_section(o, all);
    tn__json_line(j);
    tn__json_open(j, "growing", '[');
    for (size_t i = 0; i < n; i++) {
        TN_TRY(tn__brief(v->new, rows[i].new, n > TN_BRIEF_MANY, &v->brief, err));
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        TN_TRY(tn__brief_json(j, &v->brief, err));
        tn__json_u64(j, "old_length", rows[i].held_old);
        tn__json_u64(j, "now_length", rows[i].held_new);
        if (v->apart_ns > 0)
            tn__json_double(j, "per_second",
                            (double)(rows[i].held_new - rows[i].held_old) / ((double)v->apart_ns / 1e9));
        else
            tn__json_null(j, "per_second");
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "growing_more", all - n);
    return TN_OK;
}

static void edges_json(tn_json *j, const tn_diff_view *v, const tn_view_options *o)
{
    size_t n = tn__diff_section(o, v->edges.n);
    tn__json_line(j);
    tn__json_open(j, "references", '[');
    for (size_t i = 0; i < n; i++) {
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "type", v->edges.rows[i].type);
        tn__json_label(j, "label", v->edges.rows[i].label);
        tn__json_u64(j, "count", v->edges.rows[i].count);
        tn__json_u64(j, "size", v->edges.rows[i].bytes);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "references_more", v->edges.n - n);
}

static void total_json(tn_json *j, const tn_diff_view *v)
{
    const tn_diff *d = v->diff;
    tn__json_line(j);
    tn__json_open(j, "total", '{');
    tally_json(j, "old", d->old_total.count, d->old_total.bytes);
    tally_json(j, "now", d->new_total.count, d->new_total.bytes);
    if (v->about.same_process) {
        tally_json(j, "new", d->added_total.count, d->added_total.bytes);
        tally_json(j, "gone", d->removed_total.count, d->removed_total.bytes);
        tally_json(j, "survived", d->new_total.count - d->added_total.count, d->new_total.bytes - d->added_total.bytes);
        tally_json(j, "left_out_old", d->old_half_total.count, d->old_half_total.bytes);
        tally_json(j, "left_out_now", d->new_half_total.count, d->new_half_total.bytes);
    }
    tn__json_close(j, '}');
}

static int made_json(tn_json *j, const tn_diff_view *v, const tn_view_options *o, tn_error *err)
{
    size_t all = v->made ? tn_groups_count(v->made) : 0, n = tn__diff_section(o, all);
    if (!v->made)
        return TN_OK;
    tn__json_open(j, "sites", '[');
    for (size_t i = 0; i < n; i++) {
        tn_group row;
        TN_TRY(tn_groups_row(v->made, (uint32_t)i, &row, err));
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_string(j, "site", row.label);
        tn__json_u64(j, "count", row.count);
        tn__json_u64(j, "size", row.bytes);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_u64(j, "sites_more", all - n);
    return TN_OK;
}

int tn__diff_json(tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    tn_json j;
    tn__json_start(&j, out, "diff");
    tn__json_string(&j, "by", tn_by_names[v->by]);
    tn__json_string(&j, "where", o->where);
    tn__json_bool(&j, "same_process", v->about.same_process);
    tn__json_string(&j, "why", v->about.same_process ? NULL : v->about.why);
    if (v->apart_known)
        tn__json_i64(&j, "apart_ns", v->apart_ns);
    else
        tn__json_null(&j, "apart_ns");
    columns_json(&j, v);
    tn__json_open(&j, "rows", '[');
    for (size_t i = 0; i < v->n_shown; i++)
        TN_TRY(row_json(&j, v, i, err));
    tn__json_close(&j, ']');
    total_json(&j, v);
    tn__json_u64(&j, "more", v->n_changed - v->n_shown);
    tn__json_u64(&j, "unchanged", v->rows.n - v->n_changed);
    if (v->about.same_process) {
        tn__json_open(&j, "survivors", '{');
        tn__json_u64(&j, "certain", v->about.certain);
        tn__json_u64(&j, "likely", v->about.likely);
        tn__json_u64(&j, "reused", v->about.reused);
        tn__json_close(&j, '}');
        TN_TRY(growing_json(&j, v, o, err));
        edges_json(&j, v, o);
        TN_TRY(made_json(&j, v, o, err));
    }
    tn__json_line(&j);
    tn__info_json(&j, v->new);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
    return TN_OK;
}
