/* partition_number.c - groups of objects that have a number in common: size, generation, hash of the content, stack.
 *
 * Rows are found by the number in a hash table and given out in the order of the first object.
 */
#include "analysis/partition.h"
#include "analysis/sites.h"

#include <string.h>

/* What has no such number. */
#define NOTHING UINT64_MAX

static int row_of(tn_partition *p, uint64_t number, uint32_t *row, tn_error *err)
{
    uint32_t *value, zero = 0;
    TN_TRY(tn__map_slot(&p->numbers.rows, number, &value, err));
    if (!*value) {
        if (tn__buf_append(&p->numbers.values, &number, sizeof number) < 0 ||
            (p->by == TN_BY_SITE && tn__buf_append(&p->numbers.examples, &zero, sizeof zero) < 0))
            return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
        *value = ++p->n_rows;
    }
    *row = *value - 1;
    return TN_OK;
}

uint64_t tn__partition_number(const tn_partition *p, uint32_t row)
{
    return ((const uint64_t *)(const void *)p->numbers.values.data)[row];
}

static uint32_t *example(const tn_partition *p, uint32_t row)
{
    return (uint32_t *)(void *)p->numbers.examples.data + row;
}

/* ---- what number ---- */

static uint64_t size_class(uint64_t bytes)
{
    if (bytes <= 16)
        return bytes ? 16 : 0;
    return bytes > 1ull << 63 ? UINT64_MAX - 1 : 1ull << (64 - __builtin_clzll(bytes - 1));
}

static uint64_t generation(uint64_t flags)
{
    return flags & TN_NODE_TRACKED ? 1 + ((flags & TN_NODE_GENERATION) >> 1) : 0;
}

/* From a column that has rows for the nodes of some shapes only. Without the column there is nothing. */
static uint64_t from_column(tn_partition *p, const uint64_t *values, uint32_t flag, const tn_shape *shape)
{
    return values && (shape->flags & flag) ? values[p->numbers.at++] : NOTHING;
}

/* The hash of equal str and bytes is the same; these are not. 0: it was not read. */
static uint64_t content(tn_partition *p, const uint64_t *hashes, const tn_shape *shape)
{
    uint64_t hash = from_column(p, hashes, TN_SHAPE_HASH, shape);
    return hash == NOTHING || !hash ? NOTHING : hash + shape->type * 0x9e3779b97f4a7c15ull;
}

/* The innermost call alone: stacks that differ further out are one site. File and name stand once in a file. */
static int site(tn_partition *p, uint32_t entry, uint64_t *number, tn_error *err)
{
    tn_stack_entry one;
    *number = NOTHING;
    if (entry == 0)
        return TN_OK;
    TN_TRY(tn__snapshot_stack(p->snapshot, entry, &one, err));
    *number = (uint64_t)(uintptr_t)tn__site_file(&one) * 0x9e3779b97f4a7c15ull ^
              (uint64_t)(uintptr_t)one.qualified_name << 16 ^ one.line;
    return TN_OK;
}

/* The column, or what it is for sites, with room for as many rows as it has values, if few: growing step by step would cost as much again. */
static int load(tn_partition *p, const uint64_t **values, const uint32_t **births, tn_error *err)
{
    uint64_t n = 0;
    *values = NULL;
    *births = NULL;
    if (p->by == TN_BY_CONTENT)
        TN_TRY(tn__column_u64(p->snapshot, TN_COL_HASH, values, &n, err));
    if (p->by == TN_BY_SITE)
        TN_TRY(tn__births(p->snapshot, births, err));
    return tn__map_reserve(&p->numbers.rows, p->by == TN_BY_CONTENT && n < UINT32_MAX / 4 ? (uint32_t)n : 1, err);
}

typedef struct tn_numbers {
    uint64_t number[TN_TILE];
    uint32_t entry[TN_TILE]; /* of STAK */
} tn_numbers;

static int fill(tn_partition *p, const tn_scan *scan, const uint64_t *values, const uint32_t *births, tn_numbers *out,
                tn_error *err)
{
    const tn_shape *shapes = tn__snapshot_shapes(p->snapshot);
    for (uint32_t i = 0; i < scan->n; i++) {
        const tn_shape *shape = &shapes[scan->shape[i]];
        uint64_t *number = &out->number[i];
        switch (p->by) {
        case TN_BY_SIZE_CLASS: *number = size_class(scan->bytes[i]); break;
        case TN_BY_GENERATION: *number = generation(tn__scan_flags(scan, i)); break;
        case TN_BY_CONTENT: *number = content(p, values, shape); break;
        case TN_BY_SITE:
            out->entry[i] = births ? births[scan->first + i] : 0;
            TN_TRY(site(p, out->entry[i], number, err));
            break;
        default: *number = scan->bytes[i];
        }
    }
    return TN_OK;
}

int tn__partition_number_rows(tn_partition *p, const tn_scan *scan, uint32_t *rows, tn_error *err)
{
    enum { AHEAD = 12 };
    const uint64_t *values;
    const uint32_t *births;
    tn_numbers all;
    TN_TRY(load(p, &values, &births, err));
    TN_TRY(fill(p, scan, values, births, &all, err));
    for (uint32_t i = 0; i < scan->n; i++) {
        if (p->by == TN_BY_CONTENT && i + AHEAD < scan->n)
            tn__map_fetch(&p->numbers.rows, all.number[i + AHEAD]);
        if (scan->state[i] != TN_ROW_SELECTED)
            continue;
        TN_TRY(row_of(p, all.number[i], &rows[i], err));
        if (p->by == TN_BY_SITE)
            *example(p, rows[i]) = all.entry[i];
    }
    return TN_OK;
}

/* ---- labels ---- */

static int add(tn_buf *out, const char *text, tn_error *err)
{
    return tn__buf_append(out, text, strlen(text) + 1) < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

static int size_class_label(uint64_t most, tn_buf *out, tn_error *err)
{
    char text[64], least[24], greatest[24];
    tn_format_bytes(most <= 16 ? (most ? 1 : 0) : most / 2 + 1, least, sizeof least);
    if (most)
        tn__compose(text, sizeof text, "%s to %s", least, tn_format_bytes(most, greatest, sizeof greatest));
    return add(out, most ? text : least, err);
}

static int content_label(tn_partition *p, uint32_t id, tn_buf *out, tn_error *err)
{
    char text[512];
    int n = tn_node_preview(p->snapshot, id, text, sizeof text, err);
    TN_TRY(n);
    if (n > 0)
        return add(out, text, err);
    n = tn_node_describe(p->snapshot, id, text, sizeof text, err);
    TN_TRY(n);
    return add(out, text, err);
}

int tn__partition_number_label(tn_partition *p, uint32_t row, uint32_t largest_id, tn_buf *out, tn_error *err)
{
    static const char *const generations[] = {"not tracked", "generation 0", "generation 1", "generation 2", "frozen"};
    uint64_t number = tn__partition_number(p, row);
    char text[24];
    switch (p->by) {
    case TN_BY_SIZE_CLASS: return size_class_label(number, out, err);
    case TN_BY_GENERATION: return add(out, generations[number], err);
    case TN_BY_CONTENT:
        return number == NOTHING ? add(out, "(no content recorded)", err) : content_label(p, largest_id, out, err);
    case TN_BY_SITE:
        return number == NOTHING ? add(out, TN_NOT_RECORDED, err)
                                 : tn__site_text(p->snapshot, *example(p, row), out, err);
    default: tn__compose(text, sizeof text, "%llu B", (unsigned long long)number); return add(out, text, err);
    }
}
