/* groups.c - a set of objects parted into groups, with the sums of each; any group is a set again.
 *
 *   scan (tiles of selected objects) -> fold -> partition (row of each) -> sums -> order
 */
#include "analysis/partition.h"

#include <string.h>

void tn__group_add(tn_group_sum *sum, uint64_t bytes, uint32_t id)
{
    sum->count++;
    sum->bytes += bytes;
    if (bytes >= sum->top) {
        sum->top = bytes + 1;
        sum->largest_id = id;
    }
}

static void add_sum(tn_group_sum *into, const tn_group_sum *from)
{
    into->count += from->count;
    into->bytes += from->bytes;
    if (from->top > into->top || (from->top == into->top && from->largest_id < into->largest_id)) {
        into->top = from->top;
        into->largest_id = from->largest_id;
    }
}

/* ---- sums ---- */

static int reserve(tn_groups *g, size_t n, tn_error *err)
{
    if (n <= g->capacity)
        return TN_OK;
    size_t capacity = n < g->capacity + g->capacity / 2 ? g->capacity + g->capacity / 2 : n;
    tn_group_sum *sums = tn__realloc(g->alloc, g->sums, g->capacity * sizeof *sums, capacity * sizeof *sums);
    if (!sums)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    memset(sums + g->capacity, 0, (capacity - g->capacity) * sizeof *sums);
    g->sums = sums;
    g->capacity = capacity;
    return TN_OK;
}

int tn__groups_scan(tn_groups *g, tn_scan **out, tn_error *err)
{
    tn__partition_rewind(g->partition);
    if (g->fold)
        tn__fold_rewind(g->fold);
    return tn__scan_open(g->snapshot, NULL, g->within, out, err);
}

int tn__groups_next_tile(tn_groups *g, tn_scan *scan, uint32_t *rows, tn_error *err)
{
    int more = tn__scan_next(scan, err);
    if (more <= 0)
        return more;
    if (g->fold)
        tn__fold_tile(g->fold, scan);
    TN_TRY(tn__partition_rows(g->partition, scan, rows, err));
    return 1;
}

static int sum_tile(tn_groups *g, const tn_scan *scan, const uint32_t *rows, tn_error *err)
{
    TN_TRY(reserve(g, g->partition->n_rows, err));
    for (uint32_t i = 0; i < scan->n; i++) {
        if (scan->state[i] == TN_ROW_OWN)
            tn__group_add(&g->own, scan->bytes[i], scan->first + i);
        if (scan->state[i] != TN_ROW_SELECTED)
            continue;
        tn_group_sum *sum = &g->sums[rows[i]];
        sum->key = rows[i];
        tn__group_add(sum, scan->bytes[i], scan->first + i);
    }
    return TN_OK;
}

/* Groups of nothing go. */
static void close_up(tn_groups *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->capacity; i++) {
        if (g->sums[i].count == 0)
            continue;
        add_sum(&g->total, &g->sums[i]);
        g->sums[n++] = g->sums[i];
    }
    g->n = n;
}

static int sum_all(tn_groups *g, tn_error *err)
{
    tn_scan *scan;
    uint32_t rows[TN_TILE];
    int more;
    TN_TRY(tn__groups_scan(g, &scan, err));
    while ((more = tn__groups_next_tile(g, scan, rows, err)) > 0) {
        more = sum_tile(g, scan, rows, err);
        if (more < 0)
            break;
    }
    tn__scan_close(scan);
    if (more == TN_OK)
        close_up(g);
    return more;
}

/* ---- making ---- */

static int select_objects(tn_groups *g, const tn_set *set, const tn_groups_options *o, tn_error *err)
{
    if (o && o->where && *o->where)
        return tn__set_selected(g->snapshot, &(tn_view_options){.where = o->where, .set = set, .since = o->since},
                                &g->within, err);
    return set ? tn_set_copy(set, &g->within, err) : TN_OK;
}

static int make(tn_groups *g, const tn_set *set, const tn_groups_options *o, tn_error *err)
{
    tn_partition *p;
    TN_TRY(tn__set_check(g->snapshot, set, err));
    TN_TRY(tn__set_check(g->snapshot, o ? o->heads : NULL, err));
    TN_TRY(select_objects(g, set, o, err));
    if (o && o->fold)
        TN_TRY(tn__fold_make(g->snapshot, g->within, &g->fold, err));
    p = tn__alloc_zero(g->alloc, sizeof *p);
    if (!p)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    int status = tn__partition_make(g->snapshot, g->within, g->by, o, p, err);
    if (status < 0) {
        tn__free(g->alloc, p, sizeof *p);
        return status;
    }
    g->partition = p;
    TN_TRY(g->by == TN_BY_ID ? tn__singles_make(g, err) : sum_all(g, err));
    g->listed_bytes = g->total.bytes;
    return tn_groups_sort(g, TN_GROUPS_SIZE, true, err);
}

int tn_groups_make(tn_snapshot *s, const tn_set *set, enum tn_by by, const tn_groups_options *o, tn_groups **out,
                   tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_groups *g = tn__alloc_zero(a, sizeof *g);
    if (!g)
        return tn__no_memory(s, err);
    g->snapshot = s;
    g->alloc = a;
    g->by = by;
    tn__buf_init(&g->label, a);
    int status = tn__memory_told(s, make(g, set, o, err), err);
    if (status < 0)
        tn_groups_free(g);
    else
        *out = g;
    return status;
}

void tn_groups_free(tn_groups *g)
{
    if (!g)
        return;
    const tn_alloc *a = g->alloc;
    if (g->partition)
        tn__partition_free(g->partition);
    tn__free(a, g->partition, sizeof *g->partition);
    tn__fold_free(g->fold);
    tn_set_free(g->within);
    tn__free(a, g->rows_of, tn_snapshot_n_objects(g->snapshot) * sizeof *g->rows_of);
    tn__groups_forget(g);
    tn__free(a, g->sums, g->capacity * sizeof *g->sums);
    tn__free(a, g->singles, g->n_singles * sizeof *g->singles);
    tn__buf_free(&g->label);
    tn__free(a, g, sizeof *g);
}

/* ---- groups ---- */

uint32_t tn_groups_count(const tn_groups *g)
{
    return (uint32_t)g->n;
}

void tn_groups_total(const tn_groups *g, uint64_t *count, uint64_t *bytes)
{
    *count = g->total.count;
    *bytes = g->total.bytes;
}

int tn__groups_none(const tn_groups *g, uint32_t index, tn_error *err)
{
    return tn__error_set(err, TN_EINVAL, 0, "there is no group %u: there are %zu", (unsigned)index, g->n);
}

bool tn__by_number(enum tn_by by)
{
    return by == TN_BY_SIZE || by == TN_BY_SIZE_CLASS;
}

uint64_t tn__group_number(const tn_groups *g, uint32_t key)
{
    return tn__by_number(g->by) ? tn__partition_number(g->partition, key) : TN_UNKNOWN;
}

int tn_groups_row(tn_groups *g, uint32_t index, tn_group *out, tn_error *err)
{
    if (index >= g->n)
        return tn__groups_none(g, index, err);
    const tn_group_sum one = tn__groups_sum(g, index), *sum = &one;
    g->label.size = 0;
    TN_TRY(tn__memory_told(g->snapshot, tn__partition_label(g->partition, sum->key, sum->largest_id, &g->label, err),
                           err));
    *out = (tn_group){
        .label = (const char *)g->label.data,
        .count = sum->count,
        .bytes = sum->bytes,
        .largest = tn__group_largest(sum),
        .largest_id = sum->largest_id,
        .head = sum->key < g->partition->n_heads ? g->partition->heads[sum->key] : TN_NONE,
        .number = tn__group_number(g, sum->key),
    };
    return TN_OK;
}

static int collect(tn_groups *g, uint32_t key, tn_set *members, tn_error *err)
{
    tn_scan *scan;
    uint32_t rows[TN_TILE];
    int more;
    TN_TRY(tn__groups_scan(g, &scan, err));
    while ((more = tn__groups_next_tile(g, scan, rows, err)) > 0)
        for (uint32_t i = 0; i < scan->n; i++)
            if (scan->state[i] == TN_ROW_SELECTED && rows[i] == key)
                tn__set_add(members, scan->first + i);
    tn__scan_close(scan);
    return more;
}

int tn_groups_members(tn_groups *g, uint32_t index, tn_set **out, tn_error *err)
{
    tn_set *members;
    if (index >= g->n)
        return tn__groups_none(g, index, err);
    TN_TRY(tn_set_new(g->snapshot, &members, err));
    int status = TN_OK;
    if (!g->singles)
        status = tn__memory_told(g->snapshot, collect(g, g->sums[index].key, members, err), err);
    else
        tn__set_add(members, g->singles[index].id);
    if (status == TN_OK && g->fold)
        tn__fold_members(g->fold, members);
    if (status < 0)
        tn_set_free(members);
    else
        *out = members;
    return status;
}

static int sum_holds(void *ctx, const tn_condition *c)
{
    const tn_group_sum *sum = ctx;
    switch (c->kind) {
    case TN_COND_SIZE: return tn__condition_number(c, sum->bytes);
    case TN_COND_COUNT: return tn__condition_number(c, sum->count);
    default: return tn__condition_number(c, tn__group_largest(sum));
    }
}

int tn__groups_filter(tn_groups *g, const char *where_rows, size_t *n_removed, tn_error *err)
{
    tn_selection sel;
    TN_TRY(tn__selection_parse(g->alloc, where_rows, NULL, TN_SELECT_ROWS, &sel, err));
    size_t n = 0;
    g->listed_bytes = 0;
    for (size_t i = 0; i < g->n; i++) {
        tn_group_sum sum = tn__groups_sum(g, i);
        if (tn__selection_decide(&sel, sum_holds, &sum) <= 0)
            continue;
        g->listed_bytes += sum.bytes;
        if (g->singles)
            g->singles[n++] = g->singles[i];
        else
            g->sums[n++] = sum;
    }
    tn__groups_forget(g);
    *n_removed = g->n - n;
    g->n = n;
    tn__selection_free(&sel);
    return TN_OK;
}
