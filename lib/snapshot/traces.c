/* traces.c - who allocated: sums of each site at open, blocks that are alive when first asked for. */
#include "snapshot/snapshot.h"

#include <string.h>

/* ---- sites ---- */

enum { SITE_BYTES = 5, SITE_COUNTS = 4 };
#define BELOW 0x1p63

typedef struct sums {
    int64_t bytes[SITE_BYTES];
    double counts[SITE_COUNTS];
} sums;

/* Adds a row; false: it is not possible, or no sum could hold all. */
static bool add_site(const tn_snapshot *s, const tn_site_row *row, sums *all)
{
    int64_t bytes[SITE_BYTES];
    double counts[SITE_COUNTS];
    memcpy(bytes, &row->live_bytes, sizeof bytes);
    memcpy(counts, &row->live_count, sizeof counts);
    bool possible = row->stack <= tn__chunk_rows(s, TN_ID_STAK) &&
                    (row->domain & TN_SITE_TRACKED || row->domain < TN_SITE_ALLOCATORS);
    for (unsigned i = 0; i < SITE_BYTES; i++)
        possible = possible && bytes[i] >= 0 && !__builtin_add_overflow(all->bytes[i], bytes[i], &all->bytes[i]);
    for (unsigned i = 0; i < SITE_COUNTS; i++)
        possible = possible && counts[i] >= 0 && (all->counts[i] += counts[i]) < BELOW;
    return possible;
}

/* Columns of blocks are all there, with as many rows, or none is. */
static int check_columns(const tn_snapshot *s, tn_error *err)
{
    for (unsigned id = TN_COL_TADR; id <= TN_COL_TINT; id++) {
        bool there = tn__chunk_count(s, id), wanted = tn__chunk_count(s, TN_COL_TADR);
        uint64_t rows = tn__chunk_rows(s, id), want = tn__chunk_rows(s, TN_COL_TADR);
        if (there != wanted && !(id == TN_COL_TINT && wanted))
            return tn__corrupt(err, 0, "of columns %s and %s, which belong together, one is missing",
                               tn__chunk_id(TN_COL_TADR), tn__chunk_id(id));
        if (there && rows != want)
            return tn__corrupt(err, tn__chunk_at(s, id, 0)->offset, "column %s has %llu rows for %llu blocks",
                               tn__chunk_id(id), (unsigned long long)rows, (unsigned long long)want);
    }
    return 0;
}

int tn__sites_load(tn_snapshot *s, tn_error *err)
{
    uint32_t at = 0;
    sums all = {0};
    TN_TRY(check_columns(s, err));
    TN_TRY(tn__rows_fit(s, TN_ID_SITE, sizeof(tn_site_row), err));
    s->sites = tn__arena_get(&s->arena, tn__chunk_rows(s, TN_ID_SITE) * sizeof *s->sites + 8);
    if (!s->sites)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_SITE); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_SITE, k);
        const uint8_t *payload;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_site_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind its sites");
        if (c->h.n_rows)
            memcpy(s->sites + at, payload, c->h.raw_bytes);
        for (uint64_t end = at + c->h.n_rows; at < end; at++)
            if (!add_site(s, &s->sites[at], &all))
                return tn__corrupt(err, c->offset, "row %u of its sites is not possible", at);
    }
    s->n_sites = at;
    return 0;
}

const tn_site_row *tn__snapshot_sites(const tn_snapshot *s, uint32_t *n)
{
    *n = s->n_sites;
    return s->sites;
}

/* ---- blocks ---- */

static int load_kinds(tn_snapshot *s, uint64_t n, tn_error *err)
{
    tn_block b;
    int status;
    s->traces.kinds = tn__alloc(&s->alloc, n);
    if (!s->traces.kinds)
        return tn__no_memory(s, err);
    s->traces.all.n = n; /* how much there is to give back */
    for (size_t k = 0; (status = tn__column_block(s, TN_COL_TKND, k, TN_SLOT_LOAD, &b, err)) == 0; k++)
        for (uint32_t i = 0; i < b.n_rows; i++)
            s->traces.kinds[b.first_row + i] = (uint8_t)tn__block_at(&b, i);
    return status == TN_ENOTFOUND ? 0 : status;
}

/* Adds what a block stands for; false: no sum of such could hold all. A sample of x bytes is x / (1 - e^(-x / interval)) of them,
 * at most x + interval; twice that leaves room for the rounding of each. */
static bool add_weight(int64_t *sum, uint64_t bytes, uint64_t interval)
{
    if (bytes > INT64_MAX)
        return false;
    if (!interval)
        return !__builtin_add_overflow(*sum, (int64_t)bytes, sum);
    return bytes < INT64_MAX / 4 && !__builtin_add_overflow(*sum, 2 * (int64_t)(bytes + interval), sum);
}

static int check_traces(const tn_snapshot *s, const tn_traces *t, tn_error *err)
{
    int64_t sum = 0;
    uint32_t owner = 0; /* 1 + the last one */
    for (uint64_t i = 0; i < t->n; i++) {
        unsigned long long row = i;
        if (i && t->address[i] < t->address[i - 1])
            return tn__corrupt(err, 0, "block %llu comes before the one before it", row);
        if (!add_weight(&sum, t->bytes[i], t->interval ? t->interval[i] : 0))
            return tn__corrupt(err, 0, "block %llu is too large, or stands for too much", row);
        if ((t->node[i] == 0) != (t->kind[i] == TN_TRACE_NONE))
            return tn__corrupt(err, 0, "block %llu is of kind %u and of node %lld", row, t->kind[i],
                               (long long)t->node[i] - 1);
        if (t->interval && t->interval[i] && !t->bytes[i])
            return tn__corrupt(err, 0, "block %llu was sampled, but has no bytes", row);
        if (t->kind[i] != TN_TRACE_OWN)
            continue;
        if (t->node[i] <= owner || t->node[i] > s->n_objects)
            return tn__corrupt(err, 0, "block %llu is that of node %u, which cannot be", row, t->node[i] - 1);
        owner = t->node[i];
    }
    return 0;
}

static int load_traces(tn_snapshot *s, tn_traces *t, tn_error *err)
{
    uint64_t n;
    TN_TRY(tn__column_u64(s, TN_COL_TADR, &t->address, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_TBYT, &t->bytes, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_TBIR, &t->birth, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_TSIT, &t->site, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_TNOD, &t->node, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_TINT, &t->interval, &n, err));
    t->n = tn__column_rows(s, TN_COL_TADR);
    TN_TRY(load_kinds(s, t->n, err));
    t->kind = s->traces.kinds;
    return check_traces(s, t, err);
}

int tn__snapshot_traces(tn_snapshot *s, tn_traces *out, tn_error *err)
{
    if (!s->traces.loaded && tn__column_rows(s, TN_COL_TADR)) {
        tn_traces t = {0};
        int status = load_traces(s, &t, err);
        if (status < 0) {
            tn__traces_free(s);
            return status;
        }
        s->traces.all = t;
    }
    s->traces.loaded = true;
    *out = s->traces.all;
    return 0;
}

void tn__traces_free(tn_snapshot *s)
{
    tn__free(&s->alloc, s->traces.kinds, s->traces.all.n);
    s->traces.kinds = NULL;
    s->traces.all.n = 0;
}
