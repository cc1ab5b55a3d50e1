/* type_sums.c - rows added up by the name of their type, or by its module. */
#include "view/dominator_tree.h"

#include <stdlib.h>
#include <string.h>

int tn__type_sums_open(tn_snapshot *s, bool by_module, tn_type_sums *out, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(s);
    tn_type_sums sums = {tn__snapshot_alloc(s), by_module, n, n + 1, NULL};
    sums.rows = tn__alloc_zero(sums.alloc, sums.capacity * sizeof *sums.rows);
    if (!sums.rows)
        return tn__no_memory(s, err);
    for (uint32_t i = 0; i < n; i++) {
        tn_type type;
        tn_snapshot_type(s, i, &type);
        sums.rows[i].name = !by_module ? type.full_name : type.module ? type.module : "(unknown)";
    }
    *out = sums;
    return TN_OK;
}

void tn__type_sums_close(tn_type_sums *sums)
{
    tn__free(sums->alloc, sums->rows, sums->capacity * sizeof *sums->rows);
}

void tn__type_sums_add(tn_type_sums *sums, uint32_t type, uint32_t count, uint64_t bytes)
{
    tn_type_sum *row = &sums->rows[type];
    row->rows++;
    row->count += count;
    row->bytes += bytes;
}

static int compare_names(const void *left, const void *right)
{
    const tn_type_sum *a = left, *b = right;
    return strcmp(a->name, b->name);
}

void tn__type_sums_fold(tn_type_sums *sums)
{
    uint32_t n = 0;
    if (sums->n > 1)
        qsort(sums->rows, sums->n, sizeof *sums->rows, compare_names);
    for (uint32_t i = 0; i < sums->n; i++) {
        tn_type_sum *row = &sums->rows[i];
        if (row->rows == 0)
            continue;
        if (n == 0 || strcmp(sums->rows[n - 1].name, row->name) != 0) {
            sums->rows[n++] = *row;
            continue;
        }
        sums->rows[n - 1].rows += row->rows;
        sums->rows[n - 1].count += row->count;
        sums->rows[n - 1].bytes += row->bytes;
    }
    sums->n = n;
}

void tn__type_sums_rest(tn_type_sums *sums, const char *name, uint64_t bytes)
{
    sums->rows[sums->n++] = (tn_type_sum){name, 1, 0, bytes};
}

/* Ties by name, so that equal files print equal tables. */
#define ORDER(function, field)                                                                  \
    static int function(const void *left, const void *right)                                    \
    {                                                                                           \
        const tn_type_sum *a = left, *b = right;                                                \
        return a->field < b->field ? 1 : a->field > b->field ? -1 : compare_names(left, right); \
    }                                                                                           \
    static int function##_up(const void *left, const void *right)                               \
    {                                                                                           \
        const tn_type_sum *a = left, *b = right;                                                \
        return a->field < b->field ? -1 : a->field > b->field ? 1 : compare_names(left, right); \
    }
ORDER(by_bytes, bytes)
ORDER(by_count, count)
ORDER(by_rows, rows)

static int names_down(const void *left, const void *right)
{
    return compare_names(right, left);
}

void tn__type_sums_sort(tn_type_sums *sums, enum tn_sums_column column, bool descending)
{
    int (*const orders[][2])(const void *, const void *) = {
        {by_bytes_up, by_bytes}, {by_count_up, by_count}, {by_rows_up, by_rows}, {compare_names, names_down}};
    if (sums->n > 1)
        qsort(sums->rows, sums->n, sizeof *sums->rows, orders[column][descending]);
}
