/* diff_rows.c - what changed by type or by module: the counts of all shapes of both snapshots, folded by name. */
#include "analysis/diff.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *left, const void *right)
{
    const tn_diff_row *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static const char *name_of(tn_snapshot *s, uint32_t shape, bool by_module)
{
    tn_type type;
    if (tn_snapshot_type(s, tn__snapshot_shapes(s)[shape].type, &type) < 0)
        return "(unknown)"; /* not in a file that has been gone through */
    return !by_module ? type.full_name : type.module ? type.module : "(unknown)";
}

static void add(tn_tally *to, const tn_tally *more)
{
    to->count += more->count;
    to->bytes += more->bytes;
}

static void fold(tn_diff_rows *r)
{
    if (r->n > 1)
        qsort(r->rows, r->n, sizeof *r->rows, compare_names);
    size_t last = 0;
    for (size_t i = 1; i < r->n; i++) {
        tn_diff_row *into = &r->rows[last], *from = &r->rows[i];
        if (strcmp(into->name, from->name) != 0) {
            r->rows[++last] = *from;
            continue;
        }
        add(&into->old, &from->old);
        add(&into->new, &from->new);
        add(&into->added, &from->added);
        add(&into->removed, &from->removed);
        add(&into->old_whole, &from->old_whole);
        add(&into->new_whole, &from->new_whole);
    }
    r->n = r->n ? last + 1 : 0;
}

int tn__diff_rows(const tn_diff *d, enum tn_by by, tn_diff_rows *out, tn_error *err)
{
    tn_diff_rows r = {.alloc = d->alloc, .capacity = (size_t)d->n_old_shapes + d->n_new_shapes};
    r.rows = tn__alloc(r.alloc, r.capacity * sizeof *r.rows);
    if (!r.rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; i < d->n_old_shapes; i++) {
        tn_diff_row row = {name_of(d->old, i, by == TN_BY_MODULE), .old = d->old_all[i], .removed = d->old_removed[i]};
        row.old_whole = row.old;
        add(&row.old_whole, &d->old_half[i]);
        if (row.old_whole.count)
            r.rows[r.n++] = row;
    }
    for (uint32_t i = 0; i < d->n_new_shapes; i++) {
        tn_diff_row row = {name_of(d->new, i, by == TN_BY_MODULE), .new = d->new_all[i], .added = d->new_added[i]};
        row.new_whole = row.new;
        add(&row.new_whole, &d->new_half[i]);
        if (row.new_whole.count)
            r.rows[r.n++] = row;
    }
    fold(&r);
    *out = r;
    return TN_OK;
}

void tn__diff_rows_free(tn_diff_rows *rows)
{
    tn__free(rows->alloc, rows->rows, rows->capacity * sizeof *rows->rows);
}
