/* groups.c - the census: objects folded by type, by size or by module of the type.
 *
 * By type and module one accumulator a shape is filled in the pass over the objects, then shapes are folded into names:
 * two types of one name (a class made anew) are one row, as the selection type:NAME is one set. By size the accumulators
 * stand in a hash table.
 */
#include "analysis/analysis.h"

#include <stdlib.h>
#include <string.h>

static void add(tn_group_row *row, uint64_t bytes, uint32_t id)
{
    row->count++;
    row->bytes += bytes;
    if (bytes >= row->top) {
        row->top = bytes + 1;
        row->largest_id = id;
    }
}

static void fold(tn_group_row *into, const tn_group_row *from)
{
    into->count += from->count;
    into->bytes += from->bytes;
    if (from->top > into->top || (from->top == into->top && from->largest_id < into->largest_id)) {
        into->top = from->top;
        into->largest_id = from->largest_id;
    }
}

static int grow(tn_census *c, size_t capacity, tn_error *err)
{
    tn_group_row *rows = tn__alloc_zero(c->alloc, capacity * sizeof *rows);
    if (!rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    c->rows = rows;
    c->capacity = capacity;
    return TN_OK;
}

/* ---- by shape ---- */

static int count_shapes(tn_census *c, tn_scan *scan, tn_error *err)
{
    TN_TRY(grow(c, (size_t)scan->n_shapes + 1, err));
    c->n_rows = scan->n_shapes;
    int more;
    while ((more = tn__scan_next(scan, err)) > 0) {
        for (uint32_t i = 0; scan->all && i < scan->n; i++)
            add(&c->rows[scan->shape[i]], scan->bytes[i], scan->first + i);
        for (uint32_t i = 0; !scan->all && i < scan->n; i++) {
            if (scan->state[i] == TN_ROW_SELECTED)
                add(&c->rows[scan->shape[i]], scan->bytes[i], scan->first + i);
            else if (scan->state[i] == TN_ROW_OWN)
                add(&c->own, scan->bytes[i], scan->first + i);
        }
    }
    return more;
}

static int compare_names(const void *left, const void *right)
{
    const tn_group_row *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int fold_names(tn_census *c, tn_snapshot *s, bool by_module)
{
    const tn_shape *shapes = tn__snapshot_shapes(s);
    size_t n = 0;
    for (size_t i = 0; i < c->n_rows; i++) {
        if (c->rows[i].count == 0)
            continue;
        tn_type type;
        TN_TRY(tn_snapshot_type(s, shapes[i].type, &type));
        c->rows[n] = c->rows[i];
        c->rows[n++].name = !by_module ? type.full_name : type.module ? type.module : "(unknown)";
    }
    if (n == 0) {
        c->n_rows = 0;
        return TN_OK;
    }
    qsort(c->rows, n, sizeof *c->rows, compare_names);
    size_t last = 0;
    for (size_t i = 1; i < n; i++) {
        if (strcmp(c->rows[i].name, c->rows[last].name) == 0)
            fold(&c->rows[last], &c->rows[i]);
        else
            c->rows[++last] = c->rows[i];
    }
    c->n_rows = last + 1;
    return TN_OK;
}

/* ---- by size: open addressing, at most half full, a row is empty while its count is 0 ---- */

static tn_group_row *find_slot(tn_group_row *rows, size_t mask, uint64_t bytes)
{
    size_t at = (size_t)((bytes * 0x9e3779b97f4a7c15ull) >> 32) & mask;
    while (rows[at].count && rows[at].each != bytes)
        at = (at + 1) & mask;
    return &rows[at];
}

static int rehash(tn_census *c, tn_error *err)
{
    tn_group_row *old = c->rows;
    size_t n = c->capacity;
    TN_TRY(grow(c, n * 2, err));
    for (size_t i = 0; i < n; i++)
        if (old[i].count)
            *find_slot(c->rows, c->capacity - 1, old[i].each) = old[i];
    tn__free(c->alloc, old, n * sizeof *old);
    return TN_OK;
}

static int count_sizes(tn_census *c, tn_scan *scan, tn_error *err)
{
    TN_TRY(grow(c, 4096, err));
    int more;
    while ((more = tn__scan_next(scan, err)) > 0) {
        while (c->capacity < 2 * (c->n_rows + scan->n))
            TN_TRY(rehash(c, err));
        for (uint32_t i = 0; i < scan->n; i++) {
            if (scan->state[i] == TN_ROW_OWN)
                add(&c->own, scan->bytes[i], scan->first + i);
            if (scan->state[i] != TN_ROW_SELECTED)
                continue;
            tn_group_row *row = find_slot(c->rows, c->capacity - 1, scan->bytes[i]);
            c->n_rows += row->count == 0;
            row->each = scan->bytes[i];
            add(row, scan->bytes[i], scan->first + i);
        }
    }
    size_t n = 0;
    for (size_t i = 0; more == TN_OK && i < c->capacity; i++)
        if (c->rows[i].count)
            c->rows[n++] = c->rows[i];
    return more;
}

/* ---- all ---- */

static int count_all(tn_census *c, tn_snapshot *s, const tn_view_options *o, tn_selection *sel, tn_error *err)
{
    tn_scan *scan;
    TN_TRY(tn__scan_open(s, sel, o->set, &scan, err));
    int status = o->by == TN_BY_SIZE ? count_sizes(c, scan, err) : count_shapes(c, scan, err);
    tn__scan_close(scan);
    TN_TRY(status);
    if (o->by != TN_BY_SIZE && fold_names(c, s, o->by == TN_BY_MODULE) < 0)
        return tn__error_set(err, TN_ECORRUPT, 0, "a shape has no type");
    for (size_t i = 0; i < c->n_rows; i++)
        fold(&c->total, &c->rows[i]);
    return TN_OK;
}

int tn__census(tn_snapshot *s, const tn_view_options *o, tn_census *out, tn_error *err)
{
    tn_census c = {.alloc = tn__snapshot_alloc(s)};
    tn_selection sel;
    TN_TRY(tn__selection_parse(c.alloc, o->where, NULL, TN_SELECT_OBJECTS, &sel, err));
    int status = count_all(&c, s, o, &sel, err);
    tn__selection_free(&sel);
    if (status < 0)
        tn__census_free(&c);
    else
        *out = c;
    return status;
}

void tn__census_free(tn_census *census)
{
    tn__free(census->alloc, census->rows, census->capacity * sizeof *census->rows);
}

static int row_holds(void *ctx, const tn_condition *c)
{
    const tn_group_row *row = ctx;
    switch (c->kind) {
    case TN_COND_SIZE: return tn__condition_number(c, row->bytes);
    case TN_COND_COUNT: return tn__condition_number(c, row->count);
    default: return tn__condition_number(c, tn__group_largest(row));
    }
}

int tn__census_filter(tn_census *census, const char *where_rows, size_t *n_removed, tn_error *err)
{
    tn_selection sel;
    TN_TRY(tn__selection_parse(census->alloc, where_rows, NULL, TN_SELECT_ROWS, &sel, err));
    size_t n = 0;
    for (size_t r = 0; r < census->n_rows; r++)
        if (tn__selection_decide(&sel, row_holds, &census->rows[r]) > 0)
            census->rows[n++] = census->rows[r];
    *n_removed = census->n_rows - n;
    census->n_rows = n;
    tn__selection_free(&sel);
    return TN_OK;
}

/* ---- order; ties by name, so that equal files print equal tables ---- */

static int tie(const tn_group_row *a, const tn_group_row *b)
{
    if (a->name && b->name)
        return strcmp(a->name, b->name);
    return a->each < b->each ? 1 : a->each > b->each ? -1 : 0;
}

#define ORDER(function, field)                                                 \
    static int function(const void *left, const void *right)                   \
    {                                                                          \
        const tn_group_row *a = left, *b = right;                              \
        return a->field < b->field ? 1 : a->field > b->field ? -1 : tie(a, b); \
    }                                                                          \
    static int function##_up(const void *left, const void *right)              \
    {                                                                          \
        const tn_group_row *a = left, *b = right;                              \
        return a->field < b->field ? -1 : a->field > b->field ? 1 : tie(a, b); \
    }
ORDER(by_bytes, bytes)
ORDER(by_count, count)
ORDER(by_largest, top)

static int by_name(const void *left, const void *right)
{
    return tie(right, left);
}

static int by_name_up(const void *left, const void *right)
{
    const tn_group_row *a = left, *b = right;
    return a->name ? tie(a, b) : tie(b, a); /* sizes tie in descending order */
}

void tn__census_sort(tn_census *census, enum tn_census_column column, bool descending)
{
    int (*const orders[][2])(const void *, const void *) = {
        {by_bytes_up, by_bytes},
        {by_count_up, by_count},
        {by_largest_up, by_largest},
        {by_name_up, by_name},
    };
    if (census->n_rows > 1)
        qsort(census->rows, census->n_rows, sizeof *census->rows, orders[column][descending]);
}
