/* diff_text.c - the comparison of two snapshots as a page. */
#include "view/diff_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *signed_bytes(uint64_t now, uint64_t before, char *out, size_t cap)
{
    char size[24];
    bool less = now < before;
    tn_format_bytes(less ? before - now : now - before, size, sizeof size);
    snprintf(out, cap, "%s%s", now == before ? "" : less ? "-" : "+", size);
    return out;
}

static const char *signed_count(uint64_t now, uint64_t before, char *out, size_t cap)
{
    snprintf(out, cap, now == before ? "%" PRId64 : "%+" PRId64, (int64_t)(now - before));
    return out;
}

/* ---- the overview ---- */

static void print_apart(const tn_diff_view *v, tn_out *out)
{
    char apart[40], when[40];
    uint64_t wall;
    tn__out_text(out, "against the snapshot");
    if (tn__fact_u64(v->old, "capture.wall_time_ns", &wall)) {
        tn__fact_time(wall, when, sizeof when);
        tn__out_format(out, " of %s", when);
    }
    if (v->apart_known) {
        tn__fact_duration((uint64_t)(v->apart_ns < 0 ? -v->apart_ns : v->apart_ns), apart, sizeof apart);
        tn__out_format(out, ", %s %s", apart, v->apart_ns < 0 ? "later (the older one comes first)" : "before");
    }
    if (v->about.same_process)
        tn__out_text(out, ", of the same process\n");
    else
        tn__out_format(out, "; no object is in both: %s\n", v->about.why);
}

/* What the program told of itself; a row is the same where its title is. */
static void fill_user(const tn_diff_view *v, tn_table *t)
{
    tn_user_figure now, before[TN_USER_ROWS];
    unsigned n = 0;
    char text[40];
    while (n < TN_USER_ROWS && tn__user_row(v->old, n, &before[n]))
        n++;
    for (unsigned i = 0; tn__user_row(v->new, i, &now); i++) {
        const tn_user_figure *b = before;
        while (b < before + n && (strcmp(b->title, now.title) != 0 || b->is_size != now.is_size))
            b++;
        bool found = b < before + n;
        tn__table_text(t, now.title);
        tn__table_text(t, found ? tn__user_text(b, b->value, false, text, sizeof text) : "");
        tn__table_text(t, tn__user_text(&now, now.value, false, text, sizeof text));
        tn__table_text(t, found ? tn__user_text(&now, now.value - b->value, true, text, sizeof text) : "");
    }
}

static void fill_totals(const tn_diff_view *v, tn_table *t)
{
    char text[32];
    uint64_t before, now;
    bool known = tn__fact_u64(v->old, "memory.rss_bytes", &before) && tn__fact_u64(v->new, "memory.rss_bytes", &now);
    if (known) {
        tn__table_text(t, "resident set (RSS)");
        tn__table_bytes(t, before);
        tn__table_bytes(t, now);
        tn__table_text(t, signed_bytes(now, before, text, sizeof text));
    }
    tn__table_text(t, "objects");
    tn__table_u64(t, v->about.old_count);
    tn__table_u64(t, v->about.new_count);
    tn__table_text(t, signed_count(v->about.new_count, v->about.old_count, text, sizeof text));
    tn__table_text(t, "bytes of objects");
    tn__table_bytes(t, v->about.old_bytes);
    tn__table_bytes(t, v->about.new_bytes);
    tn__table_text(t, signed_bytes(v->about.new_bytes, v->about.old_bytes, text, sizeof text));
    fill_user(v, t);
}

static void print_matching(const tn_diff_view *v, tn_out *out)
{
    const tn_diff *d = v->diff;
    char size[2][24];
    if (!v->about.same_process)
        return;
    tn__out_format(out, "%" PRIu64 " new (%s), %" PRIu64 " gone (%s), %" PRIu64 " survived\n", d->added_total.count,
                   tn_format_bytes(d->added_total.bytes, size[0], sizeof size[0]), d->removed_total.count,
                   tn_format_bytes(d->removed_total.bytes, size[1], sizeof size[1]),
                   d->new_total.count - d->added_total.count);
    tn__out_format(
        out, "survivors: %" PRIu64 " certain, %" PRIu64 " likely; %" PRIu64 " address%s used again by another object\n",
        v->about.certain, v->about.likely, v->about.reused, v->about.reused == 1 ? " was" : "es were");
    if (d->old_half_total.count || d->new_half_total.count)
        tn__out_format(out,
                       "left out, since they are tonnage's own in the other snapshot: %" PRIu64
                       " object%s (%s) before, "
                       "%" PRIu64 " (%s) now; pages of one of the two, or of three, count them\n",
                       d->old_half_total.count, d->old_half_total.count == 1 ? "" : "s",
                       tn_format_bytes(d->old_half_total.bytes, size[0], sizeof size[0]), d->new_half_total.count,
                       tn_format_bytes(d->new_half_total.bytes, size[1], sizeof size[1]));
}

static int print_overview(const tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"", false, 0}, {"before", true, 0}, {"now", true, 0}, {"change", true, 0}};
    tn_table t;
    tn__table_init(&t, v->rows.alloc, columns, sizeof columns / sizeof *columns);
    fill_totals(v, &t);
    int status = t.status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
    if (status == TN_OK) {
        tn__heading_print(v->new, out, o);
        tn__out_wrap(out, o->width);
        print_apart(v, out);
        tn__out_unwrap(out);
        tn__out_text(out, "\n");
        tn__table_print(&t, out, o);
        tn__out_wrap(out, o->width);
        print_matching(v, out);
        tn__out_unwrap(out);
        tn__out_text(out, "\n");
    }
    tn__table_free(&t);
    return status;
}

/* ---- rows ---- */

static int fill_rows(const tn_diff_view *v, tn_table *t, tn_error *err)
{
    char text[32];
    for (size_t i = 0; i < v->n_shown; i++) {
        const tn_diff_row *r = tn__diff_row(v, i);
        tn__table_u64(t, i);
        if (v->about.same_process) {
            tn__table_u64(t, r->added.count);
            tn__table_u64(t, r->removed.count);
            tn__table_u64(t, r->new.count - r->added.count);
        } else {
            tn__table_u64(t, r->old.count);
            tn__table_u64(t, r->new.count);
        }
        tn__table_text(t, signed_count(r->new.count, r->old.count, text, sizeof text));
        tn__table_bytes(t, r->old.bytes);
        tn__table_bytes(t, r->new.bytes);
        tn__table_text(t, signed_bytes(r->new.bytes, r->old.bytes, text, sizeof text));
        tn__table_text(t, r->name);
        if (v->mains)
            TN_TRY(tn__made_cell(t, v->made, tn__diff_main(v, i), r->added.count, err));
    }
    return t->status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

static int print_rows(const tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    const char *name = tn__diff_heading(v->by);
    const tn_table_column one[] = {
        {"Index", true, 2},  {"New", true, 0}, {"Gone", true, 0},   {"Survived", true, 3}, {"Count", true, 0},
        {"Before", true, 4}, {"Now", true, 4}, {"Change", true, 0}, {name, false, 0},      {"New made at", false, 0}};
    const tn_table_column two[] = {{"Index", true, 2},  {"Count before", true, 3}, {"now", true, 3},
                                   {"Change", true, 0}, {"Size before", true, 4},  {"now", true, 4},
                                   {"Change", true, 0}, {name, false, 0}};
    tn_table t;
    tn__table_init(&t, v->rows.alloc, v->about.same_process ? one : two,
                   v->about.same_process ? sizeof one / sizeof *one - !v->mains : sizeof two / sizeof *two);
    t.last_width = v->mains ? 48 : 0; /* a line, and how much of the row it made */
    int status = fill_rows(v, &t, err);
    if (status == TN_OK && v->n_changed == 0)
        tn__out_text(out, "nothing changed\n");
    else if (status == TN_OK)
        tn__table_print(&t, out, o);
    tn__table_free(&t);
    if (status == TN_OK && v->n_changed > v->n_shown)
        tn__out_format(out, "<%zu more row%s; use --limit 0 to see all>\n", v->n_changed - v->n_shown,
                       v->n_changed - v->n_shown == 1 ? "" : "s");
    if (status == TN_OK && v->rows.n > v->n_changed)
        tn__out_format(out, "%zu %s did not change\n", v->rows.n - v->n_changed,
                       tn__diff_nouns(v->by, v->rows.n - v->n_changed));
    return status;
}

/* ---- what grew, and who holds what is new ---- */

static int fill_growing(tn_diff_view *v, size_t n, tn_table *t, tn_error *err)
{
    const tn_change *rows = (const void *)v->growing.data;
    char change[32];
    for (size_t i = 0; i < n; i++) {
        tn__table_u64(t, rows[i].held_old);
        tn__table_u64(t, rows[i].held_new);
        tn__table_text(t, signed_count(rows[i].held_new, rows[i].held_old, change, sizeof change));
        if (v->apart_ns > 0)
            snprintf(change, sizeof change, "%.3g",
                     (double)(rows[i].held_new - rows[i].held_old) / ((double)v->apart_ns / 1e9));
        tn__table_text(t, v->apart_ns > 0 ? change : "");
        TN_TRY(tn__brief(v->new, rows[i].new, n > TN_BRIEF_MANY, &v->brief, err));
        TN_TRY(tn__brief_cells(t, &v->brief, err));
    }
    return t->status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

static int print_growing(tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {{"Before", true, 2},   {"Now", true, 0},         {"Change", true, 0},
                                              {"a second", true, 1}, {"Collection", false, 0}, {"held as", false, 0},
                                              {"Made at", false, 0}};
    size_t all = v->growing.size / sizeof(tn_change), n = tn__diff_section(o, all);
    tn_table t;
    if (all == 0)
        return TN_OK;
    tn__table_init(&t, v->rows.alloc, columns, sizeof columns / sizeof *columns - !v->made);
    t.last_width = v->made ? 44 : 0;
    int status = fill_growing(v, n, &t, err);
    if (status == TN_OK) {
        tn__out_text(out, "\n");
        tn__table_heading(out, o, "Collections that hold more than before");
        tn__table_print(&t, out, o);
        if (all > n)
            tn__out_format(out, "<%zu more>\n", all - n);
    }
    tn__table_free(&t);
    return status;
}

static int print_edges(const tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {{"References", true, 0}, {"to bytes", true, 0}, {"From", false, 0}};
    size_t n = tn__diff_section(o, v->edges.n);
    tn_table t;
    char from[160];
    if (n == 0)
        return TN_OK;
    tn__table_init(&t, v->rows.alloc, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < n; i++) {
        const tn_diff_edge *r = &v->edges.rows[i];
        tn_text text;
        tn__text_init(&text, from, sizeof from);
        tn__text_format(&text, "%s%s", r->type, r->label);
        tn__text_end(&text);
        tn__table_u64(&t, r->count);
        tn__table_bytes(&t, r->bytes);
        tn__table_text(&t, from);
    }
    int status = t.status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
    if (status == TN_OK) {
        tn__out_text(out, "\n");
        tn__table_heading(out, o, "References of survivors to new objects");
        tn__table_print(&t, out, o);
        if (v->edges.n > n)
            tn__out_format(out, "<%zu more>\n", v->edges.n - n);
    }
    tn__table_free(&t);
    return status;
}

static int print_made(const tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {{"Objects", true, 0}, {"Size", true, 0}, {"Line", false, 0}};
    size_t all = v->made ? tn_groups_count(v->made) : 0, n = tn__diff_section(o, all);
    tn_table t;
    if (n == 0)
        return TN_OK;
    tn__table_init(&t, v->rows.alloc, columns, sizeof columns / sizeof *columns);
    int status = TN_OK;
    for (size_t i = 0; i < n && status == TN_OK; i++) {
        tn_group row;
        status = tn_groups_row(v->made, (uint32_t)i, &row, err);
        if (status < 0)
            break;
        tn__table_u64(&t, row.count);
        tn__table_bytes(&t, row.bytes);
        tn__table_text(&t, row.label);
    }
    if (status == TN_OK && t.status < 0)
        status = tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (status == TN_OK) {
        tn__out_text(out, "\n");
        tn__table_heading(out, o, "Where new objects were made");
        tn__table_print(&t, out, o);
        if (all > n)
            tn__out_format(out, "<%zu more>\n", all - n);
    }
    tn__table_free(&t);
    return status;
}

static void print_hint(const tn_diff_view *v, const tn_view_options *o, tn_out *out)
{
    const char *const unnamed[] = {"OLD", "NEW"}, *const *files = o->files ? o->files : unnamed;
    if (v->n_shown == 0 || !v->about.same_process || v->by != TN_BY_TYPE || tn__diff_row(v, 0)->added.count == 0)
        return;
    tn__out_text(out, "\nnext: tonnage largest ");
    tn__out_escaped(out, files[1]);
    tn__out_text(out, " --against ");
    tn__out_escaped(out, files[0]);
    tn__out_text(out, " --where 'type:");
    tn__out_escaped(out, tn__diff_row(v, 0)->name);
    tn__out_text(out, "'\n");
}

int tn__diff_text(tn_diff_view *v, const tn_view_options *o, tn_out *out, tn_error *err)
{
    TN_TRY(print_overview(v, o, out, err));
    TN_TRY(print_rows(v, o, out, err));
    TN_TRY(print_growing(v, o, out, err));
    TN_TRY(print_edges(v, o, out, err));
    TN_TRY(print_made(v, o, out, err));
    tn__out_wrap(out, o->width);
    print_hint(v, o, out);
    tn__out_unwrap(out);
    return TN_OK;
}
