/* finalizers.c - objects with a finalizer, by type. */
#include "analysis/components.h"

#include <stdlib.h>
#include <string.h>

static void count(const tn_components *c, const tn_scan *scan, tn_finalizer_row *sums)
{
    for (uint32_t i = 0; i < scan->n; i++) {
        tn_finalizer_row *row = &sums[c->graph.table[scan->shape[i]].type];
        uint32_t id = scan->first + i;
        if (!row->type || scan->state[i] != TN_ROW_SELECTED)
            continue;
        row->count++;
        row->bytes += scan->bytes[i];
        row->finalized += (tn__scan_flags(scan, i) & TN_NODE_FINALIZED) != 0;
        row->waiting += c->waiting && tn__set_test(c->waiting, id);
        row->listed += c->listed && tn__set_test(c->listed, id);
        row->in_cycles += tn__in_any_component(c, id);
    }
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const tn_finalizer_row *)left)->type, ((const tn_finalizer_row *)right)->type);
}

static int by_waiting(const void *left, const void *right)
{
    const tn_finalizer_row *a = left, *b = right;
    if (a->waiting != b->waiting)
        return a->waiting < b->waiting ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return strcmp(a->type, b->type);
}

/* Types of one name are one row; those without objects are left out, or without garbage. */
static uint32_t fold(tn_finalizer_row *rows, uint32_t n, bool garbage)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].count)
            rows[kept++] = rows[i];
    if (kept > 1)
        qsort(rows, kept, sizeof *rows, by_name);
    n = kept;
    kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        tn_finalizer_row *last = kept ? &rows[kept - 1] : NULL;
        if (!last || strcmp(last->type, rows[i].type) != 0) {
            rows[kept++] = rows[i];
            continue;
        }
        last->count += rows[i].count;
        last->bytes += rows[i].bytes;
        last->finalized += rows[i].finalized;
        last->waiting += rows[i].waiting;
        last->listed += rows[i].listed;
        last->in_cycles += rows[i].in_cycles;
    }
    n = kept;
    kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!garbage || rows[i].waiting || rows[i].listed)
            rows[kept++] = rows[i];
    if (kept > 1)
        qsort(rows, kept, sizeof *rows, by_waiting);
    return kept;
}

int tn__finalizers(const tn_components *c, const tn_set *within, bool garbage, tn_buf *rows, tn_error *err)
{
    uint32_t n = tn_snapshot_n_types(c->snapshot);
    tn_scan *scan;
    int more;
    if (tn__buf_reserve(rows, n * sizeof(tn_finalizer_row)) < 0)
        return tn__no_memory(c->snapshot, err);
    tn_finalizer_row *sums = (tn_finalizer_row *)(void *)rows->data;
    for (uint32_t i = 0; i < n; i++) {
        tn_type type;
        tn_snapshot_type(c->snapshot, i, &type);
        sums[i] = (tn_finalizer_row){.type = type.flags & TN_TYPE_FINALIZER ? type.full_name : NULL};
    }
    TN_TRY(tn__memory_told(c->snapshot, tn__scan_open(c->snapshot, NULL, within, &scan, err), err));
    while ((more = tn__scan_next(scan, err)) > 0)
        count(c, scan, sums);
    tn__scan_close(scan);
    TN_TRY(more);
    rows->size = fold(sums, n, garbage) * sizeof *sums;
    return TN_OK;
}
