/* diff_rows.c - what changed by group.
 *
 * By type and module the counts of all shapes of both snapshots are folded by name; by all else the groups of four sets,
 * all and removed of old, all and added of new, are joined by their labels.
 */
#include "analysis/diff.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *left, const void *right)
{
    const tn_diff_row *a = left, *b = right;
    if (a->number != b->number)
        return a->number > b->number ? -1 : 1;
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
        if (compare_names(into, from) != 0) {
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

static int by_shapes(const tn_diff *d, enum tn_by by, tn_diff_rows *r, tn_error *err)
{
    r->capacity = (size_t)d->n_old_shapes + d->n_new_shapes;
    r->rows = tn__alloc(r->alloc, r->capacity * sizeof *r->rows);
    if (!r->rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t i = 0; i < d->n_old_shapes; i++) {
        tn_diff_row row = {name_of(d->old, i, by == TN_BY_MODULE), TN_UNKNOWN, .old = d->old_all[i],
                           .removed = d->old_removed[i]};
        row.old_whole = row.old;
        add(&row.old_whole, &d->old_half[i]);
        if (row.old_whole.count)
            r->rows[r->n++] = row;
    }
    for (uint32_t i = 0; i < d->n_new_shapes; i++) {
        tn_diff_row row = {name_of(d->new, i, by == TN_BY_MODULE), TN_UNKNOWN, .new = d->new_all[i],
                           .added = d->new_added[i]};
        row.new_whole = row.new;
        add(&row.new_whole, &d->new_half[i]);
        if (row.new_whole.count)
            r->rows[r->n++] = row;
    }
    return TN_OK;
}

/* ---- by groups ---- */

enum which { OLD, NEW, ADDED, REMOVED, WHICHES };

static int take_groups(tn_groups *g, enum which which, tn_diff_rows *r, tn_error *err)
{
    tn_group group;
    for (uint32_t i = 0; i < tn_groups_count(g); i++) {
        TN_TRY(tn_groups_row(g, i, &group, err));
        char *name = tn__arena_text(&r->names, group.label, strlen(group.label));
        if (!name)
            return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
        tn_diff_row *row = &r->rows[r->n++];
        *row = (tn_diff_row){.name = name, .number = group.number};
        tn_tally *places[] = {&row->old, &row->new, &row->added, &row->removed};
        *places[which] = (tn_tally){group.count, group.bytes};
        row->old_whole = row->old;
        row->new_whole = row->new;
    }
    return TN_OK;
}

static int join(tn_groups *const *groups, tn_diff_rows *r, tn_error *err)
{
    for (int w = 0; w < WHICHES; w++)
        r->capacity += groups[w] ? tn_groups_count(groups[w]) : 0;
    r->rows = tn__alloc(r->alloc, r->capacity * sizeof *r->rows);
    if (!r->rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (int w = 0; w < WHICHES; w++)
        if (groups[w])
            TN_TRY(take_groups(groups[w], (enum which)w, r, err));
    return TN_OK;
}

static int by_groups(const tn_diff *d, enum tn_by by, tn_diff_rows *r, tn_error *err)
{
    const tn_set *sets[] = {[OLD] = d->all_old, [NEW] = d->all_new, [ADDED] = d->added, [REMOVED] = d->removed};
    tn_snapshot *of[] = {[OLD] = d->old, [NEW] = d->new, [ADDED] = d->new, [REMOVED] = d->old};
    tn_groups *groups[WHICHES] = {0};
    const tn_groups_options how = {0};
    int status = TN_OK;
    for (int w = 0; w < WHICHES && status == TN_OK; w++)
        if (sets[w])
            status = tn_groups_make(of[w], sets[w], by, &how, &groups[w], err);
    if (status == TN_OK)
        status = join(groups, r, err);
    for (int w = 0; w < WHICHES; w++)
        tn_groups_free(groups[w]);
    return status;
}

int tn__diff_rows(const tn_diff *d, enum tn_by by, tn_diff_rows *out, tn_error *err)
{
    tn_diff_rows r = {.alloc = d->alloc};
    tn__arena_init(&r.names, d->alloc);
    int status = by == TN_BY_TYPE || by == TN_BY_MODULE ? by_shapes(d, by, &r, err) : by_groups(d, by, &r, err);
    if (status < 0) {
        tn__diff_rows_free(&r);
        return status;
    }
    fold(&r);
    *out = r;
    return TN_OK;
}

tn_diff_row *tn__diff_find(const tn_diff_rows *rows, const char *name, uint64_t number)
{
    tn_diff_row key = {.name = name, .number = number};
    return rows->n ? bsearch(&key, rows->rows, rows->n, sizeof key, compare_names) : NULL;
}

void tn__diff_rows_free(tn_diff_rows *rows)
{
    tn__free(rows->alloc, rows->rows, rows->capacity * sizeof *rows->rows);
    tn__arena_free(&rows->names);
}
