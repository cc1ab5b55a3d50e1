/* scan.c - one pass over all objects in tiles: shape, size and whether the object is selected.
 *
 * Blocks stay at their stored width; a tile widens 2048 rows at a time into arrays that stay in the first-level cache,
 * so that one loop serves every width and compilers vectorise the widening.
 */
#include "analysis/analysis.h"

#include <string.h>

static int shape_states(tn_scan *scan, const tn_selection *sel, tn_error *err)
{
    static const uint8_t states[] = {
        [TN_DECIDED_NOT] = TN_ROW_OTHER, [TN_DECIDED] = TN_ROW_SELECTED, [TN_UNDECIDED] = TN_ROW_UNDECIDED};
    const tn_shape *shapes = tn__snapshot_shapes(scan->snapshot);
    if (sel)
        tn__selection_shapes(sel, scan->snapshot, scan->shape_state);
    for (uint32_t i = 0; i < scan->n_shapes; i++) {
        tn_type type;
        if (tn_snapshot_type(scan->snapshot, shapes[i].type, &type) < 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "shape %u has no type", (unsigned)i);
        uint8_t state = sel ? states[scan->shape_state[i]] : TN_ROW_SELECTED;
        scan->shape_state[i] = type.flags & TN_TYPE_OWN ? TN_ROW_OWN : state;
        scan->undecided |= scan->shape_state[i] == TN_ROW_UNDECIDED;
    }
    return TN_OK;
}

int tn__scan_open(tn_snapshot *s, tn_selection *sel, const tn_set *within, tn_scan **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_scan *scan = tn__alloc_zero(a, sizeof *scan);
    if (!scan)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    scan->snapshot = s;
    scan->selection = sel;
    scan->within = within;
    scan->n_shapes = tn__snapshot_n_shapes(s);
    scan->n_objects = tn_snapshot_n_objects(s);
    scan->shape_state = tn__alloc_zero(a, scan->n_shapes);
    int status = scan->shape_state ? TN_OK : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    if (status == TN_OK && sel)
        status = tn__selection_bind(sel, s, err);
    if (status == TN_OK)
        status = shape_states(scan, sel, err);
    if (status < 0)
        tn__scan_close(scan);
    else
        *out = scan;
    return status;
}

void tn__scan_close(tn_scan *scan)
{
    if (!scan)
        return;
    const tn_alloc *a = tn__snapshot_alloc(scan->snapshot);
    tn__free(a, scan->shape_state, scan->n_shapes);
    tn__free(a, scan, sizeof *scan);
}

static int next_block(tn_scan *scan, tn_error *err)
{
    size_t k = scan->block;
    int status = tn__column_block(scan->snapshot, TN_COL_SHAP, k, 0, &scan->shap, err);
    if (status == TN_ENOTFOUND)
        return 0;
    TN_TRY(status);
    status = tn__column_block(scan->snapshot, TN_COL_SIZE, k, 1, &scan->size, err);
    if (status == TN_ENOTFOUND || (status == TN_OK && scan->size.n_rows != scan->shap.n_rows))
        return tn__error_set(err, TN_ECORRUPT, scan->shap.first_row, "block %zu of the sizes is missing", k);
    TN_TRY(status);
    status = tn__column_block(scan->snapshot, TN_COL_FLAG, k, 2, &scan->flag, err);
    if (status == TN_ENOTFOUND || (status == TN_OK && scan->flag.n_rows != scan->shap.n_rows))
        scan->flag = (tn_block){0};
    else
        TN_TRY(status);
    scan->block++;
    scan->offset = 0;
    return 1;
}

#define WIDEN(from)                                         \
    do {                                                    \
        const from *source = (const from *)b->data + start; \
        for (uint32_t i = 0; i < n; i++)                    \
            out[i] = source[i];                             \
    } while (0)

static void widen_u32(const tn_block *b, uint32_t start, uint32_t n, uint32_t *out)
{
    switch (b->width) {
    case 1: WIDEN(uint8_t); break;
    case 2: WIDEN(uint16_t); break;
    case 4: WIDEN(uint32_t); break;
    default:
        for (uint32_t i = 0; i < n; i++)
            out[i] = (uint32_t)tn__block_at(b, start + i);
    }
}

static void widen_u64(const tn_block *b, uint32_t start, uint32_t n, uint64_t *out)
{
    switch (b->width) {
    case 1: WIDEN(uint8_t); break;
    case 2: WIDEN(uint16_t); break;
    case 4: WIDEN(uint32_t); break;
    default: WIDEN(uint64_t);
    }
}

static void mark_own(tn_scan *scan)
{
    const tn_block *b = &scan->flag;
    for (uint32_t i = 0; b->data && i < scan->n; i++)
        if (tn__block_at(b, scan->offset + i) & TN_NODE_OWN)
            scan->state[i] = TN_ROW_OWN;
}

static void leave_out(tn_scan *scan)
{
    for (uint32_t i = 0; i < scan->n; i++)
        if (scan->state[i] != TN_ROW_OWN && !tn_set_has(scan->within, scan->first + i))
            scan->state[i] = TN_ROW_OTHER;
}

static int decide_rows(tn_scan *scan, tn_error *err)
{
    for (uint32_t i = 0; i < scan->n; i++) {
        if (scan->state[i] != TN_ROW_UNDECIDED)
            continue;
        tn_candidate object = {
            .snapshot = scan->snapshot,
            .id = scan->first + i,
            .shape = scan->shape[i],
            .flags = tn__scan_flags(scan, i),
            .bytes = scan->bytes[i],
            .err = err,
        };
        int holds = tn__selection_object(scan->selection, &object);
        TN_TRY(holds);
        scan->state[i] = holds ? TN_ROW_SELECTED : TN_ROW_OTHER;
    }
    return TN_OK;
}

static int fill_tile(tn_scan *scan, tn_error *err)
{
    widen_u32(&scan->shap, scan->offset, scan->n, scan->shape);
    widen_u64(&scan->size, scan->offset, scan->n, scan->bytes);
    uint64_t any_bytes = 0;
    uint8_t any_state = 0;
    for (uint32_t i = 0; i < scan->n; i++) {
        any_bytes |= scan->bytes[i];
        scan->state[i] = scan->shape_state[scan->shape[i]];
    }
    if (any_bytes >> 52) /* sums of 2048 stay below 2^63 */
        return tn__error_set(err, TN_ECORRUPT, scan->first, "a size after node %u is larger than any memory",
                             (unsigned)scan->first);
    mark_own(scan);
    if (scan->within)
        leave_out(scan);
    if (scan->undecided)
        TN_TRY(decide_rows(scan, err));
    for (uint32_t i = 0; i < scan->n; i++)
        any_state |= scan->state[i];
    scan->all = any_state == 0;
    return 1;
}

int tn__scan_next(tn_scan *scan, tn_error *err)
{
    if (scan->offset == scan->shap.n_rows) {
        int more = next_block(scan, err);
        if (more <= 0)
            return more;
    }
    uint64_t first = scan->shap.first_row + scan->offset;
    if (first >= scan->n_objects)
        return 0;
    uint64_t n = scan->shap.n_rows - scan->offset;
    if (n > scan->n_objects - first)
        n = scan->n_objects - first;
    scan->n = n < TN_TILE ? (uint32_t)n : TN_TILE;
    scan->first = (uint32_t)first;
    int status = fill_tile(scan, err);
    scan->offset += scan->n;
    return status;
}
