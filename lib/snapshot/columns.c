/* columns.c - columns as arrays, references as compressed rows, addresses. */
#include "snapshot/snapshot.h"

#include <string.h>

static const char *const ids[TN_COLUMNS] = {"AODD", "SHAP", "SIZE", "REFC", "FLAG", "DEGR", "REFS",
                                            "LENG", "CAPA", "BUFS", "BUFK", "HASH", "STKI"};

const char *tn__column_id(enum tn_column column)
{
    return ids[column];
}

static bool is_node_column(enum tn_column c)
{
    return c == TN_COL_SHAP || c == TN_COL_SIZE || c == TN_COL_REFC || c == TN_COL_FLAG;
}

/* ---- one chunk ---- */

static int check_block(const tn_snapshot *s, enum tn_column column, const tn_chunk *c, const tn_block *b, tn_error *err)
{
    if (c->h.width == 0)
        return tn__corrupt(err, c->offset, "chunk %s is no column", ids[column]);
    if (is_node_column(column)) {
        bool last = c->h.first_row + c->h.n_rows == s->n_nodes;
        if (c->h.first_row % TN_NODE_BLOCK || (!last && c->h.n_rows != TN_NODE_BLOCK) || c->h.n_rows > TN_NODE_BLOCK)
            return tn__corrupt(err, c->offset, "chunk %s at byte %llu is not cut at %d nodes", ids[column],
                               (unsigned long long)c->offset, TN_NODE_BLOCK);
    }
    if (column != TN_COL_SHAP)
        return 0;
    uint64_t largest = 0;
    for (uint32_t i = 0; i < b->n_rows && b->width == 2; i++) {
        uint16_t v = ((const uint16_t *)b->data)[i];
        largest = v > largest ? v : largest;
    }
    for (uint32_t i = 0; i < b->n_rows && b->width != 2; i++) {
        uint64_t v = tn__block_at(b, i);
        largest = v > largest ? v : largest;
    }
    return largest < s->n_shapes || !b->n_rows ? 0 : tn__corrupt(err, c->offset, "a node has a shape that does not exist");
}

int tn__column_block(tn_snapshot *s, enum tn_column column, size_t k, unsigned slot, tn_block *out, tn_error *err)
{
    const tn_chunk *c = tn__chunk_of(s, ids[column], k);
    if (!c)
        return TN_ENOTFOUND;
    TN_TRY(tn__chunk_payload(s, c, &s->slots[slot], err));
    tn_block b = {c->h.first_row, (uint32_t)c->h.n_rows, c->h.width, s->slots[slot].data};
    TN_TRY(check_block(s, column, c, &b, err));
    *out = b;
    return 0;
}

/* ---- whole columns ---- */

/* Rows announced are believed only as far as the chunks' sizes bear them out: each has raw_bytes = rows * width. */
static int column_rows(tn_snapshot *s, enum tn_column column, uint64_t *rows, tn_error *err)
{
    uint64_t n = 0;
    const tn_chunk *c;
    for (size_t k = 0; (c = tn__chunk_of(s, ids[column], k)); k++) {
        if (c->h.width == 0 || c->h.raw_bytes / c->h.width != c->h.n_rows)
            return tn__corrupt(err, c->offset, "chunk %s announces rows that it cannot hold", ids[column]);
        n += c->h.n_rows;
    }
    if (is_node_column(column) && n != s->n_nodes)
        return tn__corrupt(err, 0, "column %s has %llu rows for %u nodes", ids[column], (unsigned long long)n, s->n_nodes);
    *rows = n;
    return 0;
}

static int load(tn_snapshot *s, enum tn_column column, bool wide, tn_error *err)
{
    tn_loaded *l = &s->columns[column];
    if (l->loaded || !tn__chunk_of(s, ids[column], 0))
        return 0;
    TN_TRY(column_rows(s, column, &l->n, err));
    size_t bytes = (wide ? 8 : 4) * (size_t)l->n;
    void *values = tn__arena_get(&s->arena, bytes + 8);
    if (!values)
        return tn__no_memory(s, err);
    uint64_t at = 0;
    tn_block b;
    int status;
    for (size_t k = 0; (status = tn__column_block(s, column, k, 4, &b, err)) == 0; k++)
        for (uint32_t i = 0; i < b.n_rows; i++, at++) {
            uint64_t v = tn__block_at(&b, i);
            if (wide)
                ((uint64_t *)values)[at] = v;
            else if (v > UINT32_MAX)
                return tn__error_set(err, TN_ELIMIT, 0, "column %s holds a number beyond 32 bits", ids[column]);
            else
                ((uint32_t *)values)[at] = (uint32_t)v;
        }
    if (status != TN_ENOTFOUND)
        return status;
    l->loaded = true;
    l->u32 = wide ? NULL : values;
    l->u64 = wide ? values : NULL;
    return 0;
}

int tn__column_u32(tn_snapshot *s, enum tn_column column, const uint32_t **values, uint64_t *n, tn_error *err)
{
    TN_TRY(load(s, column, false, err));
    *values = s->columns[column].u32;
    *n = s->columns[column].n;
    return 0;
}

int tn__column_u64(tn_snapshot *s, enum tn_column column, const uint64_t **values, uint64_t *n, tn_error *err)
{
    TN_TRY(load(s, column, true, err));
    *values = s->columns[column].u64;
    *n = s->columns[column].n;
    return 0;
}

/* ---- addresses ---- */

int tn__addresses_load(tn_snapshot *s, tn_error *err)
{
    const tn_chunk *c;
    uint64_t n = tn__chunk_rows(s, "ADDR"), objects = 0, at = 0;
    if (n > s->file_bytes * 16384 || n > UINT32_MAX)
        return tn__corrupt(err, 0, "it announces %llu regions", (unsigned long long)n);
    for (size_t k = 0; (c = tn__chunk_of(s, "ADDR", k)); k++)
        if (c->h.raw_bytes % sizeof(tn_region_row) || c->h.raw_bytes / sizeof(tn_region_row) != c->h.n_rows)
            return tn__corrupt(err, c->offset, "chunk ADDR has %llu bytes for %llu rows", (unsigned long long)c->h.raw_bytes,
                               (unsigned long long)c->h.n_rows);
    s->regions = tn__arena_get(&s->arena, n * sizeof *s->regions + 8);
    s->region_ranks = tn__arena_get(&s->arena, (n + 1) * sizeof *s->region_ranks);
    if (!s->regions || !s->region_ranks)
        return tn__no_memory(s, err);
    for (size_t k = 0; (c = tn__chunk_of(s, "ADDR", k)); k++) {
        TN_TRY(tn__chunk_payload(s, c, &s->slots[4], err));
        if (s->slots[4].size)
            memcpy(s->regions + at, s->slots[4].data, s->slots[4].size);
        at += c->h.n_rows;
    }
    for (uint64_t i = 0; i < n; i++) {
        s->region_ranks[i] = (uint32_t)objects;
        for (unsigned j = 0; j < TN_REGION_WORDS; j++)
            objects += (unsigned)__builtin_popcountll(s->regions[i].bits[j]);
        if (objects >= TN_NONE || s->regions[i].region >> 44 || (i && s->regions[i].region <= s->regions[i - 1].region))
            return tn__corrupt(err, 0, "its regions are not in ascending order or hold too many objects");
    }
    s->n_regions = n;
    s->region_ranks[n] = (uint32_t)objects;
    s->n_objects = (uint32_t)objects;
    if (objects >= s->n_nodes)
        return tn__corrupt(err, 0, "it has %llu objects but %u nodes, and no root", (unsigned long long)objects, s->n_nodes);
    return 0;
}

static bool is_odd(const tn_snapshot *s, uint32_t id)
{
    const uint32_t *odd = s->columns[TN_COL_AODD].u32;
    uint64_t lo = 0, hi = s->columns[TN_COL_AODD].n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (odd[mid] < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < s->columns[TN_COL_AODD].n && odd[lo] == id;
}

int tn__snapshot_addresses(tn_snapshot *s, tn_error *err)
{
    tn_loaded *l = &s->columns[TN_COL_AODD];
    if (l->loaded)
        return 0;
    TN_TRY(load(s, TN_COL_AODD, false, err));
    for (uint64_t i = 0; i < l->n; i++)
        if (l->u32[i] >= s->n_objects || (i && l->u32[i] <= l->u32[i - 1])) {
            l->loaded = false;
            l->n = 0;
            return tn__corrupt(err, 0, "its list of odd addresses is not in ascending order");
        }
    return 0;
}

uint64_t tn__snapshot_address(const tn_snapshot *s, uint32_t id)
{
    uint64_t lo = 0, hi = s->n_regions;
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (s->region_ranks[mid] <= id)
            lo = mid;
        else
            hi = mid;
    }
    const tn_region_row *r = &s->regions[lo];
    uint32_t left = id - s->region_ranks[lo];
    for (unsigned i = 0; i < TN_REGION_WORDS; i++) {
        uint64_t bits = r->bits[i];
        uint32_t n = (uint32_t)__builtin_popcountll(bits);
        if (left >= n) {
            left -= n;
            continue;
        }
        while (left--)
            bits &= bits - 1;
        uint64_t granule = 64ull * i + (unsigned)__builtin_ctzll(bits);
        return r->region << TN_REGION_SHIFT | granule << 4 | (is_odd(s, id) ? 8u : 0u);
    }
    return 0;
}

int tn_node_at(tn_snapshot *s, uint64_t address, uint32_t *id, tn_error *err)
{
    TN_TRY(tn__snapshot_addresses(s, err));
    uint64_t region = address >> TN_REGION_SHIFT, lo = 0, hi = s->n_regions;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (s->regions[mid].region < region)
            lo = mid + 1;
        else
            hi = mid;
    }
    unsigned word = address >> 10 & 1023, bit = address >> 4 & 63;
    if (lo < s->n_regions && s->regions[lo].region == region && (s->regions[lo].bits[word] >> bit & 1)) {
        uint64_t rank = s->region_ranks[lo];
        for (unsigned i = 0; i < word; i++)
            rank += (unsigned)__builtin_popcountll(s->regions[lo].bits[i]);
        rank += (unsigned)__builtin_popcountll(s->regions[lo].bits[word] & ((1ull << bit) - 1));
        if ((address & 15) == (is_odd(s, (uint32_t)rank) ? 8 : 0)) {
            *id = (uint32_t)rank;
            return 0;
        }
    }
    return tn__error_set(err, TN_ENOTFOUND, 0, "no object starts at 0x%llx in this snapshot", (unsigned long long)address);
}

/* ---- references ---- */

static int build_offsets(tn_snapshot *s, uint64_t *offsets, tn_error *err)
{
    const uint32_t *shapes, *degrees;
    uint64_t n, n_degrees, run = 0, sum = 0;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_DEGR, &degrees, &n_degrees, err));
    for (uint32_t i = 0; i < s->n_nodes; i++) {
        const tn_shape *shape = &s->shapes[shapes[i]];
        offsets[i] = sum;
        sum += shape->n_fixed;
        if (!(shape->flags & TN_RUN_STYLE))
            continue;
        if (run == n_degrees)
            return tn__corrupt(err, 0, "column DEGR has %llu rows, too few for its nodes", (unsigned long long)n_degrees);
        if ((shape->flags & TN_RUN_STYLE) == TN_RUN_PAIRS && (degrees[run] & 1))
            return tn__corrupt(err, 0, "node %u has a key without a value", i);
        sum += degrees[run++];
    }
    offsets[s->n_nodes] = sum;
    if (run != n_degrees || sum != s->n_references)
        return tn__corrupt(err, 0, "its nodes have %llu references, column REFS has %llu", (unsigned long long)sum,
                           (unsigned long long)s->n_references);
    return 0;
}

int tn__snapshot_references(tn_snapshot *s, tn_csr *out, tn_error *err)
{
    if (!s->csr.offsets) {
        const uint32_t *targets;
        uint64_t n;
        uint64_t *offsets = tn__arena_get(&s->arena, ((size_t)s->n_nodes + 1) * sizeof *offsets);
        if (!offsets)
            return tn__no_memory(s, err);
        TN_TRY(build_offsets(s, offsets, err));
        TN_TRY(tn__column_u32(s, TN_COL_REFS, &targets, &n, err));
        uint32_t *shifted = s->columns[TN_COL_REFS].u32;
        for (uint64_t i = 0; i < n; i++) {
            if (shifted[i] > s->n_nodes)
                return tn__corrupt(err, 0, "a reference leads to node %u, which does not exist", shifted[i] - 1);
            shifted[i]--; /* absent: TN_NONE */
        }
        s->csr = (tn_csr){offsets, targets};
    }
    *out = s->csr;
    return 0;
}

/* ---- sparse columns: rows for some nodes only ---- */

static uint32_t rows_at(const tn_snapshot *s, unsigned which, uint32_t node)
{
    static const uint32_t flags[] = {TN_SHAPE_LENGTH, TN_SHAPE_CAPACITY, TN_SHAPE_HASH, TN_SHAPE_STACK};
    if (which == TN_SPARSE_BUFS)
        return s->columns[TN_COL_FLAG].u32 ? (s->columns[TN_COL_FLAG].u32[node] & TN_NODE_BUFFERS) >> 8 : 0;
    return (s->shapes[s->columns[TN_COL_SHAP].u32[node]].flags & flags[which]) != 0;
}

int tn__sparse_index(tn_snapshot *s, unsigned which, tn_error *err)
{
    static const enum tn_column columns[] = {TN_COL_LENG, TN_COL_CAPA, TN_COL_HASH, TN_COL_STKI, TN_COL_BUFS};
    const uint32_t *unused;
    uint64_t n;
    if (s->sparse[which])
        return 0;
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &unused, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &unused, &n, err));
    uint32_t *starts = tn__arena_get(&s->arena, ((size_t)s->n_nodes / TN_SPARSE_STEP + 2) * sizeof *starts);
    if (!starts)
        return tn__no_memory(s, err);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < s->n_nodes; i++) {
        if (i % TN_SPARSE_STEP == 0)
            starts[i / TN_SPARSE_STEP] = (uint32_t)rows;
        rows += rows_at(s, which, i);
    }
    uint64_t have = tn__chunk_rows(s, ids[columns[which]]);
    if (rows != have && tn__chunk_of(s, ids[columns[which]], 0))
        return tn__corrupt(err, 0, "column %s has %llu rows, its nodes need %llu", ids[columns[which]],
                           (unsigned long long)have, (unsigned long long)rows);
    s->sparse[which] = starts;
    return 0;
}

int tn__sparse_row(tn_snapshot *s, unsigned which, uint32_t node, uint64_t *row, tn_error *err)
{
    TN_TRY(tn__sparse_index(s, which, err));
    if (!rows_at(s, which, node))
        return TN_ENOTFOUND;
    uint64_t at = s->sparse[which][node / TN_SPARSE_STEP];
    for (uint32_t i = node - node % TN_SPARSE_STEP; i < node; i++)
        at += rows_at(s, which, i);
    *row = at;
    return 0;
}
