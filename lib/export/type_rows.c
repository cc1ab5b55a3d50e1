/* type_rows.c - a row a type, with how many objects of it there are. */
#include "analysis/analysis.h"
#include "export/batches.h"

#include <string.h>

enum { COUNT, SIZE, BASIC_SIZE, ITEM_SIZE, BASE };

typedef struct tn_type_state {
    uint32_t next, n;
    uint64_t *counts, *bytes;
} tn_type_state;

static tn_type_state *state_of(const tn_batches *b)
{
    return b->state;
}

static uint32_t row_of(const tn_batches *b, uint32_t i)
{
    return ((const uint32_t *)(const void *)b->rows.data)[i];
}

/* ---- rows ---- */

static int add_up(tn_batches *b, tn_type_state *st, tn_error *err)
{
    tn_scan *scan;
    int more;
    TN_TRY(tn__scan_open(b->snapshot, NULL, b->selected, &scan, err));
    while ((more = tn__scan_next(scan, err)) > 0)
        for (uint32_t i = 0; i < scan->n; i++)
            if (scan->state[i] == TN_ROW_SELECTED) {
                uint32_t type = tn__snapshot_shapes(b->snapshot)[scan->shape[i]].type;
                st->counts[type]++;
                st->bytes[type] += scan->bytes[i];
            }
    tn__scan_close(scan);
    return more;
}

static int start(tn_batches *b, tn_error *err)
{
    tn_type_state *st = b->state = tn__alloc_zero(b->alloc, sizeof *st);
    if (!st)
        return tn__no_memory(b->snapshot, err);
    st->n = tn_snapshot_n_types(b->snapshot);
    st->counts = tn__alloc_zero(b->alloc, st->n * sizeof *st->counts);
    st->bytes = tn__alloc_zero(b->alloc, st->n * sizeof *st->bytes);
    return st->counts && st->bytes ? add_up(b, st, err) : tn__no_memory(b->snapshot, err);
}

static bool stands_for_nothing(const tn_batches *b, uint32_t row)
{
    tn_type type;
    return tn_snapshot_type(b->snapshot, row, &type) < 0 || type.flags & (TN_TYPE_SYNTHETIC | TN_TYPE_OWN);
}

static int next(tn_batches *b, tn_error *err)
{
    tn_type_state *st = state_of(b);
    uint32_t n = 0;
    for (uint32_t row = st->next; row < st->n && n < b->limit; row++) {
        if (stands_for_nothing(b, row))
            continue;
        if (tn__buf_append(&b->rows, &row, sizeof row) < 0)
            return tn__no_memory(b->snapshot, err);
        n++;
    }
    return TN_OK;
}

static void seen(tn_batches *b, uint32_t n_taken)
{
    state_of(b)->next = row_of(b, n_taken - 1) + 1;
}

static void end(tn_batches *b)
{
    tn_type_state *st = state_of(b);
    if (!st)
        return;
    tn__free(b->alloc, st->counts, st->n * sizeof *st->counts);
    tn__free(b->alloc, st->bytes, st->n * sizeof *st->bytes);
    tn__free(b->alloc, st, sizeof *st);
}

/* ---- columns ---- */

static int fill_id(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++)
        tn__cells_number(c, row_of(b, i));
    return TN_OK;
}

static int fill_name(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        uint32_t word = (b->spec->what ? b->module_words : b->type_words)[row_of(b, i)];
        if (word == TN_NONE)
            tn__cells_null(c);
        else
            tn__cells_word(c, word);
    }
    return TN_OK;
}

static int fill_number(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        tn_type type;
        uint32_t row = row_of(b, i);
        tn_snapshot_type(b->snapshot, row, &type);
        switch (b->spec->what) {
        case COUNT: tn__cells_number(c, state_of(b)->counts[row]); break;
        case SIZE: tn__cells_number(c, state_of(b)->bytes[row]); break;
        case BASIC_SIZE: tn__cells_number(c, type.basic_size); break;
        case ITEM_SIZE: tn__cells_number(c, type.item_size); break;
        default:
            if (type.base == TN_NONE)
                tn__cells_null(c);
            else
                tn__cells_number(c, type.base);
        }
    }
    return TN_OK;
}

static int fill_flag(tn_batches *b, tn_cells *c, tn_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < b->n_rows; i++) {
        tn_type type;
        tn_snapshot_type(b->snapshot, row_of(b, i), &type);
        tn__cells_yes_no(c, type.flags & b->spec->what);
    }
    return TN_OK;
}

static const tn_column_spec columns[] = {
    {.name = "type_id", .cell = TN_CELL_NUMBER, .fill = fill_id},
    {.name = "type", .cell = TN_CELL_WORD, .nullable = true, .fill = fill_name, .words = tn__batches_type_words},
    {.name = "module",
     .cell = TN_CELL_WORD,
     .nullable = true,
     .fill = fill_name,
     .words = tn__batches_module_words,
     .what = 1},
    {.name = "count", .cell = TN_CELL_NUMBER, .fill = fill_number, .what = COUNT},
    {.name = "size", .cell = TN_CELL_NUMBER, .fill = fill_number, .what = SIZE},
    {.name = "base", .cell = TN_CELL_NUMBER, .nullable = true, .fill = fill_number, .what = BASE},
    {.name = "basic_size", .cell = TN_CELL_NUMBER, .fill = fill_number, .what = BASIC_SIZE},
    {.name = "item_size", .cell = TN_CELL_NUMBER, .fill = fill_number, .what = ITEM_SIZE},
    {.name = "heaptype", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_TYPE_HEAP},
    {.name = "finalizer", .cell = TN_CELL_YES_NO, .fill = fill_flag, .what = TN_TYPE_FINALIZER},
    {.name = NULL},
};

const tn_table_spec tn__type_table = {columns, sizeof(uint32_t), start, next, seen, end};
