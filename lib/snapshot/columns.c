/* columns.c - columns of numbers: one chunk at a time, or whole. */
#include "snapshot/snapshot.h"

#include <string.h>

/* ---- one chunk ---- */

/* Numbers of a column are below this; UINT64_MAX: any. */
static uint64_t bound_of(const tn_snapshot *s, enum tn_column column)
{
    switch (column) {
    case TN_COL_SHAP: return s->n_shapes;
    case TN_COL_AODD: return s->n_objects;
    case TN_COL_REFS: return s->n_nodes + 1ull;
    case TN_COL_DEGR: return s->n_references < UINT64_MAX ? s->n_references + 1 : UINT64_MAX;
    case TN_COL_BUFK: return TN_BUFFER_KINDS;
    case TN_COL_STKI: return tn__chunk_rows(s, TN_ID_STAK) + 1;
    case TN_COL_TSIT: return tn__chunk_rows(s, TN_ID_SITE);
    case TN_COL_TNOD: return s->n_nodes + 1ull;
    case TN_COL_TKND: return TN_TRACE_BUFFER + TN_BUFFER_KINDS;
    case TN_COL_TINT: return TN_TRACE_MAX_INTERVAL + 1;
    case TN_COL_REFC:
    case TN_COL_FLAG: return 1ull << 32;
    default: return UINT64_MAX;
    }
}

/* One loop a width, so that the compiler makes vectors of them. */
static uint64_t largest(const void *values, unsigned width, size_t n)
{
    const uint8_t *one = values;
    const uint16_t *two = values;
    const uint32_t *four = values;
    const uint64_t *eight = values;
    uint8_t m1 = 0;
    uint16_t m2 = 0;
    uint32_t m4 = 0;
    uint64_t m8 = 0;
    for (size_t i = 0; width == 1 && i < n; i++)
        m1 = one[i] > m1 ? one[i] : m1;
    for (size_t i = 0; width == 2 && i < n; i++)
        m2 = two[i] > m2 ? two[i] : m2;
    for (size_t i = 0; width == 4 && i < n; i++)
        m4 = four[i] > m4 ? four[i] : m4;
    for (size_t i = 0; width == 8 && i < n; i++)
        m8 = eight[i] > m8 ? eight[i] : m8;
    return m1 | m2 | m4 | m8;
}

int tn__column_block(tn_snapshot *s, enum tn_column column, size_t k, unsigned slot, tn_block *out, tn_error *err)
{
    const tn_chunk *c = tn__chunk_at(s, column, k);
    const uint8_t *data;
    if (!c)
        return TN_ENOTFOUND;
    TN_TRY(tn__chunk_load(s, c, slot, &data, err));
    uint64_t bound = bound_of(s, column), n = c->h.n_rows;
    bool any = c->h.width == 8 ? bound == UINT64_MAX : bound > (1ull << 8 * c->h.width) - 1;
    if (n && !any) {
        uint64_t most = largest(data, c->h.width, n);
        if (most >= bound)
            return tn__corrupt(err, c->offset, "chunk %s at byte %llu holds %llu where numbers below %llu are possible",
                               tn__chunk_id(column), (unsigned long long)c->offset, (unsigned long long)most,
                               (unsigned long long)bound);
    }
    *out = (tn_block){c->h.first_row, (uint32_t)n, c->h.width, data};
    return 0;
}

uint64_t tn__column_rows(const tn_snapshot *s, enum tn_column column)
{
    return tn__chunk_rows(s, column);
}

size_t tn__column_block_of(const tn_snapshot *s, enum tn_column column, uint64_t row)
{
    size_t low = 0, high = tn__chunk_count(s, column);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const tn_chunk *c = tn__chunk_at(s, column, middle);
        if (c->h.first_row + c->h.n_rows <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- lengths ---- */

static uint64_t rows_of_shape(const tn_shape *shape, enum tn_column column)
{
    switch (column) {
    case TN_COL_DEGR: return (shape->flags & TN_RUN_STYLE) != 0;
    case TN_COL_LENG: return (shape->flags & TN_SHAPE_LENGTH) != 0;
    case TN_COL_CAPA: return (shape->flags & TN_SHAPE_CAPACITY) != 0;
    case TN_COL_HASH: return (shape->flags & TN_SHAPE_HASH) != 0;
    default: return (shape->flags & TN_SHAPE_STACK) != 0;
    }
}

static int rows_by_shape(tn_snapshot *s, enum tn_column column, uint64_t *rows, tn_error *err)
{
    tn_block b;
    int status;
    uint64_t sum = 0;
    for (size_t k = 0; (status = tn__column_block(s, TN_COL_SHAP, k, TN_SLOT_LOAD, &b, err)) == 0; k++)
        for (uint32_t i = 0; i < b.n_rows; i++)
            sum += rows_of_shape(&s->shapes[tn__block_at(&b, i)], column);
    *rows = sum;
    return status == TN_ENOTFOUND ? 0 : status;
}

static int rows_by_flag(tn_snapshot *s, uint64_t *rows, tn_error *err)
{
    tn_block b;
    int status;
    uint64_t sum = 0;
    for (size_t k = 0; (status = tn__column_block(s, TN_COL_FLAG, k, TN_SLOT_LOAD, &b, err)) == 0; k++)
        for (uint32_t i = 0; i < b.n_rows; i++)
            sum += (tn__block_at(&b, i) & TN_NODE_BUFFERS) >> 8;
    *rows = sum;
    return status == TN_ENOTFOUND ? 0 : status;
}

/* A column that is there has the rows that its nodes call for; that node columns have is checked at open. */
static int check_length(tn_snapshot *s, enum tn_column column, tn_error *err)
{
    uint64_t have = tn__chunk_rows(s, column), want = have;
    if (column == TN_COL_DEGR || column == TN_COL_HASH || column == TN_COL_STKI || column == TN_COL_LENG ||
        column == TN_COL_CAPA)
        TN_TRY(rows_by_shape(s, column, &want, err));
    if (column == TN_COL_BUFS || column == TN_COL_BUFK)
        TN_TRY(rows_by_flag(s, &want, err));
    if (have == want)
        return 0;
    return tn__corrupt(err, tn__chunk_at(s, column, 0)->offset, "column %s has %llu rows, its nodes call for %llu",
                       tn__chunk_id(column), (unsigned long long)have, (unsigned long long)want);
}

/* ---- whole columns ---- */

#define COPY(to, from)                                  \
    do {                                                \
        const from *restrict v = b->data;               \
        to *restrict out = (to *)values + b->first_row; \
        for (uint32_t i = 0; i < b->n_rows; i++)        \
            out[i] = (to)v[i];                          \
    } while (0)

static void copy_wide(const tn_block *b, void *values)
{
    switch (b->width) {
    case 1: COPY(uint64_t, uint8_t); break;
    case 2: COPY(uint64_t, uint16_t); break;
    case 4: COPY(uint64_t, uint32_t); break;
    default: COPY(uint64_t, uint64_t);
    }
}

static void copy_narrow(const tn_block *b, void *values)
{
    switch (b->width) {
    case 1: COPY(uint32_t, uint8_t); break;
    case 2: COPY(uint32_t, uint16_t); break;
    case 4: COPY(uint32_t, uint32_t); break;
    default: COPY(uint32_t, uint64_t);
    }
}

static int fill(tn_snapshot *s, enum tn_column column, bool wide, void *values, tn_error *err)
{
    tn_block b;
    int status;
    for (size_t k = 0; (status = tn__column_block(s, column, k, TN_SLOT_LOAD, &b, err)) == 0; k++) {
        if (!wide && b.width == 8 && largest(b.data, 8, b.n_rows) > UINT32_MAX)
            return tn__error_set(err, TN_ELIMIT, tn__chunk_at(s, column, k)->offset,
                                 "column %s holds a number beyond 32 bits", tn__chunk_id(column));
        if (wide)
            copy_wide(&b, values);
        else
            copy_narrow(&b, values);
    }
    return status == TN_ENOTFOUND ? 0 : status;
}

static int load(tn_snapshot *s, enum tn_column column, bool wide, tn_error *err)
{
    tn_loaded *l = &s->columns[column];
    if ((wide ? (void *)l->u64 : (void *)l->u32) || !tn__chunk_count(s, column))
        return 0;
    uint64_t n = tn__chunk_rows(s, column);
    size_t bytes = (size_t)n * (wide ? 8 : 4);
    TN_TRY(check_length(s, column, err));
    void *values = tn__alloc(&s->alloc, bytes);
    if (!values)
        return tn__no_memory(s, err);
    int status = fill(s, column, wide, values, err);
    if (status < 0) {
        tn__free(&s->alloc, values, bytes);
        return status;
    }
    l->n = n;
    if (wide)
        l->u64 = values;
    else
        l->u32 = values;
    return 0;
}

int tn__column_u32(tn_snapshot *s, enum tn_column column, const uint32_t **values, uint64_t *n, tn_error *err)
{
    TN_TRY(load(s, column, false, err));
    *values = s->columns[column].u32;
    *n = s->columns[column].u32 ? s->columns[column].n : 0;
    return 0;
}

int tn__column_u64(tn_snapshot *s, enum tn_column column, const uint64_t **values, uint64_t *n, tn_error *err)
{
    TN_TRY(load(s, column, true, err));
    *values = s->columns[column].u64;
    *n = s->columns[column].u64 ? s->columns[column].n : 0;
    return 0;
}

/* ---- sparse columns ---- */

static uint32_t rows_at(const tn_snapshot *s, enum tn_sparse which, uint32_t node)
{
    static const enum tn_column columns[] = {TN_COL_LENG, TN_COL_CAPA, TN_COL_HASH, TN_COL_STKI};
    if (which == TN_SPARSE_BUFS)
        return s->columns[TN_COL_FLAG].u32 ? (s->columns[TN_COL_FLAG].u32[node] & TN_NODE_BUFFERS) >> 8 : 0;
    return (uint32_t)rows_of_shape(&s->shapes[s->columns[TN_COL_SHAP].u32[node]], columns[which]);
}

int tn__sparse_has(tn_snapshot *s, enum tn_sparse which, uint32_t node, bool *has, tn_error *err)
{
    const uint32_t *unused;
    uint64_t n;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &unused, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &unused, &n, err));
    *has = rows_at(s, which, node) > 0;
    return 0;
}

static size_t sparse_bytes(const tn_snapshot *s)
{
    return ((size_t)s->n_nodes / TN_SPARSE_STEP + 1) * sizeof(uint64_t);
}

static int sparse_load(tn_snapshot *s, enum tn_sparse which, tn_error *err)
{
    const uint32_t *unused;
    uint64_t n, rows = 0;
    if (s->sparse[which])
        return 0;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &unused, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &unused, &n, err));
    uint64_t *starts = tn__alloc(&s->alloc, sparse_bytes(s));
    if (!starts)
        return tn__no_memory(s, err);
    for (uint32_t i = 0; i < s->n_nodes; i++) {
        if (i % TN_SPARSE_STEP == 0)
            starts[i / TN_SPARSE_STEP] = rows;
        rows += rows_at(s, which, i);
    }
    s->sparse[which] = starts;
    return 0;
}

int tn__sparse_row(tn_snapshot *s, enum tn_sparse which, uint32_t node, uint64_t *row, tn_error *err)
{
    TN_TRY(sparse_load(s, which, err));
    if (!rows_at(s, which, node))
        return TN_ENOTFOUND;
    uint64_t at = s->sparse[which][node / TN_SPARSE_STEP];
    for (uint32_t i = node - node % TN_SPARSE_STEP; i < node; i++)
        at += rows_at(s, which, i);
    *row = at;
    return 0;
}

void tn__columns_free(tn_snapshot *s)
{
    for (unsigned i = 0; i < TN_COLUMNS; i++) {
        tn__free(&s->alloc, s->columns[i].u32, s->columns[i].n * 4);
        tn__free(&s->alloc, s->columns[i].u64, s->columns[i].n * 8);
    }
    for (unsigned i = 0; i < TN_SPARSES; i++)
        tn__free(&s->alloc, s->sparse[i], sparse_bytes(s));
}
