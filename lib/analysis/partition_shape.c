/* partition_shape.c - groups that the shape of an object tells: one row a name.
 *
 * Two types of one name (a class made anew) are one row, as the selection type:NAME is one set.
 */
#include "analysis/partition.h"

#include <stdlib.h>
#include <string.h>

typedef struct tn_named {
    const char *name;
    uint32_t *row; /* where its row is wanted */
} tn_named;

static int compare_names(const void *left, const void *right)
{
    return strcmp(((const tn_named *)left)->name, ((const tn_named *)right)->name);
}

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

static const char *name_of(const tn_type *type, enum tn_by by, const char *distribution)
{
    switch (by) {
    case TN_BY_TYPE: return type->full_name;
    case TN_BY_MODULE: return type->module ? type->module : "(unknown)";
    case TN_BY_DISTRIBUTION: return distribution;
    default: return strcmp(type->full_name, "dict") == 0 ? "dict (no owner)" : type->full_name;
    }
}

static int name_types(tn_partition *p, tn_named *names, uint32_t *rows, tn_error *err)
{
    const char *const *distributions = NULL;
    if (p->by == TN_BY_DISTRIBUTION)
        TN_TRY(tn__distributions(p->snapshot, &distributions, err));
    for (uint32_t t = 0; t < tn_snapshot_n_types(p->snapshot); t++) {
        tn_type type;
        if (tn_snapshot_type(p->snapshot, t, &type) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)t);
        names[t] = (tn_named){name_of(&type, p->by, distributions ? distributions[t] : NULL), &rows[t]};
    }
    return TN_OK;
}

static int name_dicts(tn_partition *p, tn_named *names, uint32_t *rows, tn_error *err)
{
    static const char before[] = "dict of ";
    for (uint32_t t = 0; t < tn_snapshot_n_types(p->snapshot); t++) {
        tn_type type;
        if (tn_snapshot_type(p->snapshot, t, &type) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "type %u cannot be read", (unsigned)t);
        size_t n = strlen(type.full_name);
        char *name = tn__arena_get(&p->arena, sizeof before + n);
        if (!name)
            return no_memory(err);
        memcpy(name, before, sizeof before - 1);
        memcpy(name + sizeof before - 1, type.full_name, n + 1);
        names[t] = (tn_named){name, &rows[t]};
    }
    return TN_OK;
}

/* Rows in order of name. */
static int number_names(tn_partition *p, tn_named *names, uint32_t n, tn_error *err)
{
    p->names = tn__arena_get(&p->arena, n * sizeof *p->names);
    if (!p->names)
        return no_memory(err);
    if (n > 1)
        qsort(names, n, sizeof *names, compare_names);
    for (uint32_t i = 0; i < n; i++) {
        if (i == 0 || strcmp(names[i].name, names[i - 1].name) != 0)
            p->names[p->n_rows++] = names[i].name;
        *names[i].row = p->n_rows - 1;
    }
    p->n_names = p->n_rows;
    return TN_OK;
}

/* rows: of each type and, when there are twice as many, of the dict of an instance of each type. */
static int make_rows(tn_partition *p, uint32_t *rows, uint32_t n, tn_error *err)
{
    uint32_t n_types = tn_snapshot_n_types(p->snapshot);
    tn_named *names = tn__alloc(p->alloc, n * sizeof *names);
    int status = names ? name_types(p, names, rows, err) : no_memory(err);
    if (status == TN_OK && n > n_types)
        status = name_dicts(p, names + n_types, rows + n_types, err);
    if (status == TN_OK)
        status = number_names(p, names, n, err);
    tn__free(p->alloc, names, n * sizeof *names);
    return status;
}

static int spread(tn_partition *p, const uint32_t *row_of_type, tn_error *err)
{
    const tn_shape *shapes = tn__snapshot_shapes(p->snapshot);
    uint32_t n_shapes = tn__snapshot_n_shapes(p->snapshot);
    p->by_shape = tn__arena_get(&p->arena, n_shapes * sizeof *p->by_shape);
    if (!p->by_shape)
        return no_memory(err);
    for (uint32_t i = 0; i < n_shapes; i++)
        p->by_shape[i] = row_of_type[shapes[i].type];
    return TN_OK;
}

int tn__partition_shapes(tn_partition *p, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(p->snapshot), *rows = tn__arena_get(&p->arena, n * sizeof *rows);
    if (!rows)
        return no_memory(err);
    TN_TRY(make_rows(p, rows, n, err));
    return spread(p, rows, err);
}

int tn__partition_classes(tn_partition *p, const uint32_t **dicts_of, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(p->snapshot), *rows = tn__arena_get(&p->arena, 2 * (size_t)n * sizeof *rows);
    if (!rows)
        return no_memory(err);
    TN_TRY(make_rows(p, rows, 2 * n, err));
    *dicts_of = rows + n;
    return spread(p, rows, err);
}
