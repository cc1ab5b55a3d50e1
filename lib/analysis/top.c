/* top.c - the biggest objects: a heap of the best rows so far, its root the one to give up first. */
#include "analysis/analysis.h"

#include <stdlib.h>

/* Order wanted: bigger first, then lower address. The smallest-first list flips the sizes on the way in and out. */
static bool before(const tn_top_row *a, const tn_top_row *b)
{
    return a->bytes != b->bytes ? a->bytes > b->bytes : a->id < b->id;
}

static int compare(const void *left, const void *right)
{
    return before(left, right) ? -1 : 1;
}

static void sift_down(tn_top_row *rows, size_t n, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            return;
        if (child + 1 < n && before(&rows[child], &rows[child + 1]))
            child++;
        if (!before(&rows[at], &rows[child]))
            return;
        tn_top_row keep = rows[at];
        rows[at] = rows[child];
        rows[child] = keep;
        at = child;
    }
}

static void offer(tn_top *top, tn_top_row row)
{
    if (top->n_rows < top->capacity) {
        top->rows[top->n_rows++] = row;
        if (top->n_rows == top->capacity)
            for (size_t i = top->n_rows / 2; i-- > 0;)
                sift_down(top->rows, top->n_rows, i);
    } else if (top->n_rows > 0 && before(&row, &top->rows[0])) {
        top->rows[0] = row;
        sift_down(top->rows, top->n_rows, 0);
    }
}

static int collect(tn_top *top, tn_scan *scan, uint64_t flip, tn_error *err)
{
    int more;
    while ((more = tn__scan_next(scan, err)) > 0) {
        for (uint32_t i = 0; i < scan->n; i++) {
            if (scan->state[i] != TN_ROW_SELECTED)
                continue;
            top->count++;
            top->bytes += scan->bytes[i];
            offer(top, (tn_top_row){scan->bytes[i] ^ flip, scan->first + i, scan->shape[i]});
        }
    }
    return more;
}

static int run(tn_top *top, tn_snapshot *s, tn_selection *sel, const tn_set *within, uint64_t flip, tn_error *err)
{
    top->rows = tn__alloc(top->alloc, top->capacity * sizeof *top->rows);
    if (!top->rows)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    tn_scan *scan;
    TN_TRY(tn__scan_open(s, sel, within, &scan, err));
    int status = collect(top, scan, flip, err);
    tn__scan_close(scan);
    if (top->n_rows > 1)
        qsort(top->rows, top->n_rows, sizeof *top->rows, compare);
    for (size_t i = 0; i < top->n_rows; i++)
        top->rows[i].bytes ^= flip;
    return status;
}

int tn__top(tn_snapshot *s, const tn_view_options *o, bool smallest, tn_top *out, tn_error *err)
{
    uint32_t n = o->set ? tn_set_count(o->set) : tn_snapshot_n_objects(s);
    tn_top top = {.alloc = tn__snapshot_alloc(s), .capacity = o->limit && o->limit < n ? o->limit : n};
    tn_selection sel;
    TN_TRY(tn__selection_parse(top.alloc, o->where, o->where_rows, TN_SELECT_OBJECTS, &sel, err));
    sel.since = o->since;
    int status = run(&top, s, &sel, o->set, smallest ? UINT64_MAX : 0, err);
    tn__selection_free(&sel);
    if (status < 0)
        tn__top_free(&top);
    else
        *out = top;
    return status;
}

void tn__top_free(tn_top *top)
{
    tn__free(top->alloc, top->rows, top->capacity * sizeof *top->rows);
}
