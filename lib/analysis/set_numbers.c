/* set_numbers.c - members of a set as a column of numbers, and in order of one. */
#include "analysis/analysis.h"
#include "analysis/stream.h"

const char *const tn_number_names[TN_NUMBERS] = {
    [TN_NUMBER_SIZE] = "size",         [TN_NUMBER_ADDRESS] = "address", [TN_NUMBER_TYPE] = "type",
    [TN_NUMBER_REFCOUNT] = "refcount", [TN_NUMBER_LENGTH] = "length",   [TN_NUMBER_FLAGS] = "flags",
    [TN_NUMBER_RETAINED] = "retained", [TN_NUMBER_PART] = "part",       [TN_NUMBER_PART_COUNT] = "part_count",
};

/* From what holds it for all objects, or costs little for one. */
static int number_of(tn_snapshot *s, enum tn_number what, uint32_t id, uint64_t *out, tn_error *err)
{
    uint32_t count;
    switch (what) {
    case TN_NUMBER_ADDRESS: *out = tn__snapshot_address(s, id); return TN_OK;
    case TN_NUMBER_LENGTH: return tn__node_length(s, id, out, err);
    default: return tn_retained(s, id, out, &count, err);
    }
}

/* From a column; members ascend, so each block is decoded once and none is kept. */
static int read_column(tn_snapshot *s, const tn_set *set, enum tn_column column, uint64_t *out, tn_error *err)
{
    tn_stream values;
    tn__stream_open(&values, s, column, 0);
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1), out++) {
        *out = 0;
        if (values.present)
            TN_TRY(tn__stream_at(&values, id, out, err));
        if (column == TN_COL_SHAP)
            *out = tn__snapshot_shapes(s)[*out].type;
    }
    return TN_OK;
}

int tn_set_numbers(tn_snapshot *s, const tn_set *set, enum tn_number what, uint64_t *out, tn_error *err)
{
    if ((unsigned)what >= TN_NUMBERS)
        return tn__error_set(err, TN_EINVAL, 0, "objects have no number %u", (unsigned)what);
    TN_TRY(tn__set_check(s, set, err));
    switch (what) {
    case TN_NUMBER_SIZE: return read_column(s, set, TN_COL_SIZE, out, err);
    case TN_NUMBER_TYPE: return read_column(s, set, TN_COL_SHAP, out, err);
    case TN_NUMBER_REFCOUNT: return read_column(s, set, TN_COL_REFC, out, err);
    case TN_NUMBER_FLAGS: return read_column(s, set, TN_COL_FLAG, out, err);
    case TN_NUMBER_PART:
    case TN_NUMBER_PART_COUNT: return tn__set_parts(s, set, what == TN_NUMBER_PART_COUNT, out, err);
    case TN_NUMBER_ADDRESS: TN_TRY(tn__snapshot_addresses(s, err)); break;
    default: break;
    }
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1))
        TN_TRY(number_of(s, what, id, out++, err));
    return TN_OK;
}

static int sort(tn_snapshot *s, const tn_set *set, enum tn_number what, bool descending, tn_sort_item *items,
                uint64_t *numbers, uint32_t *ids, tn_error *err)
{
    size_t n = 0;
    uint64_t differing = 0;
    TN_TRY(tn_set_numbers(s, set, what, numbers, err));
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1), n++) {
        items[n] = (tn_sort_item){descending ? ~numbers[n] : numbers[n], id};
        differing |= items[n].value ^ items[0].value;
    }
    const tn_sort_item *sorted = tn__radix_sort(items, items + n, n, differing);
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)sorted[i].at;
    return TN_OK;
}

int tn_set_sorted(tn_snapshot *s, const tn_set *set, enum tn_number what, bool descending, uint32_t *ids, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    size_t n = tn_set_count(set);
    tn_sort_item *items = tn__alloc(a, 2 * n * sizeof *items);
    uint64_t *numbers = tn__alloc(a, n * sizeof *numbers);
    int status = items && numbers ? sort(s, set, what, descending, items, numbers, ids, err)
                                  : tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    tn__free(a, items, 2 * n * sizeof *items);
    tn__free(a, numbers, n * sizeof *numbers);
    return status;
}
