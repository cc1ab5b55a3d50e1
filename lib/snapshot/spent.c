/* spent.c - where threads were: stacks with the samples that were taken on them, read at open. */
#include "snapshot/snapshot.h"

#include <string.h>

typedef struct sums {
    int64_t samples, ns, cpu_ns;
} sums;

static bool add(int64_t *sum, uint64_t number)
{
    return number <= INT64_MAX && !__builtin_add_overflow(*sum, (int64_t)number, sum);
}

/* Adds a row; false: it is not possible, or no sum could hold all. */
static bool add_row(const tn_snapshot *s, const tn_sample_row *row, sums *all)
{
    return row->stack <= tn__chunk_rows(s, TN_ID_STAK) && row->thread < s->n_strings && row->task < s->n_strings &&
           row->state < TN_SAMPLE_STATES && row->samples && add(&all->samples, row->samples) &&
           add(&all->ns, row->ns) && add(&all->cpu_ns, row->cpu_ns);
}

int tn__samples_load(tn_snapshot *s, tn_error *err)
{
    uint32_t at = 0;
    sums all = {0};
    TN_TRY(tn__rows_fit(s, TN_ID_SAMP, sizeof(tn_sample_row), err));
    s->samples = tn__arena_get(&s->arena, tn__chunk_rows(s, TN_ID_SAMP) * sizeof *s->samples + 8);
    if (!s->samples)
        return tn__no_memory(s, err);
    for (size_t k = 0; k < tn__chunk_count(s, TN_ID_SAMP); k++) {
        const tn_chunk *c = tn__chunk_at(s, TN_ID_SAMP, k);
        const uint8_t *payload;
        TN_TRY(tn__chunk_load(s, c, TN_SLOT_LOAD, &payload, err));
        if (c->h.raw_bytes != c->h.n_rows * sizeof(tn_sample_row))
            return tn__corrupt(err, c->offset, "bytes are left over behind its samples");
        if (c->h.n_rows)
            memcpy(s->samples + at, payload, c->h.raw_bytes);
        for (uint64_t end = at + c->h.n_rows; at < end; at++)
            if (!add_row(s, &s->samples[at], &all))
                return tn__corrupt(err, c->offset, "row %u of its samples is not possible", at);
    }
    s->n_samples = at;
    return 0;
}

const tn_sample_row *tn__snapshot_samples(const tn_snapshot *s, uint32_t *n)
{
    *n = s->n_samples;
    return s->samples;
}
