/* profile_rows.c - sites, or samples, of a snapshot as rows of a stack and values. */
#include "export/profile.h"

#include "analysis/sites.h"

#include <string.h>

/* What rows are made of: one of the two tables. */
typedef struct tn_profile_source {
    const tn_site_row *sites;
    const tn_sample_row *samples;
    uint32_t n;
} tn_profile_source;

static int no_memory(tn_error *err)
{
    return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
}

/* ---- what is counted ---- */

static const tn_profile_type memory_types[] = {
    {"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}};

static void of_memory(tn_profile *p, tn_snapshot *s)
{
    memcpy(p->types, memory_types, sizeof memory_types);
    p->n_values = sizeof memory_types / sizeof *memory_types;
    p->main = p->of == TN_PROFILE_ALLOCATED ? TN_PROFILE_ALLOC_SPACE : TN_PROFILE_INUSE_SPACE;
    p->live_only = tn__sites_live_only(s);
    p->period = 1;
    tn__fact_u64(s, "trace.interval_bytes", &p->period);
}

/* Of samples whose clock is not known the time is not, either. */
static void of_time(tn_profile *p, tn_snapshot *s)
{
    static const struct {
        const char *name, *counts;
    } clocks[] = {{"real", "wall"}, {"prof", "cpu"}, {"virtual", "user"}, {"gil", "gil"}};
    tn_fact clock;
    p->types[p->n_values++] = (tn_profile_type){"samples", "count"};
    if (tn_snapshot_find_fact(s, "sample.clock", &clock) < 0 || clock.kind != TN_FACT_TEXT)
        return;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
        if (strcmp(clock.value.text, clocks[i].name) == 0) {
            p->types[p->n_values++] = (tn_profile_type){clocks[i].counts, "nanoseconds"};
            p->main = TN_PROFILE_CLOCK_NS;
        }
    if (p->main && strcmp(p->types[p->main].name, "cpu") != 0)
        p->types[p->n_values++] = (tn_profile_type){"cpu", "nanoseconds"};
    if (p->main)
        tn__fact_u64(s, "sample.interval_ns", &p->period);
}

int64_t tn__profile_value(const tn_profile *p, const tn_profile_row *row, unsigned value)
{
    double blocks = row->blocks[value / 2];
    if (tn__profile_of_time(p))
        return row->sums[value];
    if (value % 2)
        return row->sums[value / 2];
    if (!(blocks > 0))
        return 0;
    return blocks < 9e18 ? (int64_t)(blocks + 0.5) : INT64_MAX;
}

/* ---- one row of a table ---- */

static void of_site(const tn_site_row *site, enum tn_profile_of of, tn_profile_row *row)
{
    bool peak = of == TN_PROFILE_PEAK;
    row->sums[0] = site->allocated_bytes;
    row->sums[1] = peak ? site->at_peak_bytes : site->live_bytes;
    row->blocks[0] = site->allocated_count;
    row->blocks[1] = peak ? site->at_peak_count : site->live_count;
}

static void of_sample(const tn_sample_row *sample, tn_profile_row *row)
{
    row->sums[TN_PROFILE_SAMPLES] = (int64_t)sample->samples;
    row->sums[TN_PROFILE_CLOCK_NS] = (int64_t)sample->ns;
    row->sums[TN_PROFILE_CPU_NS] = (int64_t)sample->cpu_ns;
}

static tn_profile_row row_at(const tn_profile *p, const tn_profile_source *from, uint32_t i)
{
    tn_profile_row row = {0};
    if (from->samples)
        of_sample(&from->samples[i], &row);
    else
        of_site(&from->sites[i], p->of, &row);
    return row;
}

static uint32_t stack_at(const tn_profile_source *from, uint32_t i)
{
    return from->samples ? from->samples[i].stack : from->sites[i].stack;
}

static bool is_empty(const tn_profile *p, const tn_profile_source *from, uint32_t i)
{
    tn_profile_row row = row_at(p, from, i);
    return !row.sums[0] && !row.sums[1] && !row.sums[2] && !(row.blocks[0] > 0) && !(row.blocks[1] > 0);
}

static int label_of(tn_profile *p, tn_snapshot *s, const tn_profile_source *from, uint32_t i, enum tn_profile_by by,
                    uint32_t *out, tn_error *err)
{
    tn_profile_label label = {0};
    if (from->samples && by != TN_PROFILE_BY_STACK)
        TN_TRY(tn__profile_word(p, tn__snapshot_string(s, from->samples[i].thread), &label.thread, err));
    if (from->samples && by == TN_PROFILE_BY_LABEL) {
        TN_TRY(tn__profile_word(p, tn__snapshot_string(s, from->samples[i].task), &label.task, err));
        label.state = p->main ? from->samples[i].state : 0; /* where not even a clock is known nobody looked */
    }
    if (from->sites && by == TN_PROFILE_BY_LABEL)
        label.domain = from->sites[i].domain;
    return tn__strtab_add(&p->labels, (const char *)&label, sizeof label, out) < 0 ? no_memory(err) : TN_OK;
}

/* ---- all of them ---- */

static int add_row(tn_profile *p, const tn_profile_row *values, uint32_t node, uint32_t label, tn_error *err)
{
    const tn_profile_row fresh = {.node = node, .label = label};
    uint32_t at;
    TN_TRY(tn__profile_number(&p->row_of, (uint64_t)node << 32 | label, &p->rows, &fresh, sizeof fresh, &at, err));
    tn_profile_row *row = (tn_profile_row *)(void *)p->rows.data + at;
    for (unsigned i = 0; i < 3; i++)
        row->sums[i] = (int64_t)((uint64_t)row->sums[i] + (uint64_t)values->sums[i]);
    for (unsigned i = 0; i < 2; i++)
        row->blocks[i] += values->blocks[i];
    return TN_OK;
}

static int make_rows(tn_profile *p, tn_snapshot *s, const tn_profile_source *from, enum tn_profile_by by,
                     uint32_t *nodes, uint32_t n_entries, tn_error *err)
{
    for (uint32_t i = 0; i < from->n; i++)
        if (!is_empty(p, from, i))
            nodes[stack_at(from, i)] = 1;
    TN_TRY(tn__profile_nodes(p, s, nodes, n_entries, err));
    for (uint32_t i = 0; i < from->n; i++) {
        const tn_profile_row values = row_at(p, from, i);
        uint32_t node, label;
        if (is_empty(p, from, i))
            continue;
        if (stack_at(from, i))
            node = nodes[stack_at(from, i)] - 1;
        else
            TN_TRY(tn__profile_lost(p, &node, err));
        TN_TRY(label_of(p, s, from, i, by, &label, err));
        TN_TRY(add_row(p, &values, node, label, err));
    }
    return TN_OK;
}

/* What is meant where nothing is said: samples where there are no allocations, all allocations where these were sampled in the
 * place of time, else what is alive. */
static enum tn_profile_of find_of(tn_snapshot *s, enum tn_profile_of of)
{
    tn_fact clock;
    uint32_t n_sites, n_samples;
    if (of != TN_PROFILE_ANY)
        return of;
    tn__snapshot_sites(s, &n_sites);
    tn__snapshot_samples(s, &n_samples);
    if (n_samples && !n_sites)
        return TN_PROFILE_CPU;
    if (!n_samples && tn_snapshot_find_fact(s, "sample.clock", &clock) == TN_OK && clock.kind == TN_FACT_TEXT &&
        strcmp(clock.value.text, "alloc") == 0)
        return TN_PROFILE_ALLOCATED;
    return TN_PROFILE_LIVE;
}

static int find_source(tn_snapshot *s, enum tn_profile_of asked, const tn_profile *p, tn_profile_source *from,
                       tn_error *err)
{
    if (tn__profile_of_time(p))
        from->samples = tn__snapshot_samples(s, &from->n);
    else
        from->sites = tn__snapshot_sites(s, &from->n);
    if (from->n)
        return TN_OK;
    return tn__error_set(
        err, TN_EINVAL, 0, "%s",
        tn__profile_of_time(p)    ? "the snapshot has no samples of the processor's time: nothing was sampled"
        : asked == TN_PROFILE_ANY ? "the snapshot has no allocations and no samples: nothing was traced or sampled"
                                  : "the snapshot has no allocations: nothing was traced");
}

int tn__profile_make(tn_snapshot *s, const tn_profile_how *how, tn_profile *p, tn_error *err)
{
    tn_profile_source from = {0};
    uint32_t n_entries = 0;
    TN_TRY(tn__profile_begin(p, tn__snapshot_alloc(s), how->names, err));
    p->of = find_of(s, how->of);
    if (p->of == TN_PROFILE_ALLOCATED || p->of == TN_PROFILE_PEAK)
        TN_TRY(tn__sites_all_told(s, p->of == TN_PROFILE_PEAK ? "the peak" : "what was allocated", err));
    TN_TRY(find_source(s, how->of, p, &from, err));
    if (from.samples)
        of_time(p, s);
    else
        of_memory(p, s);
    for (uint32_t i = 0; i < from.n; i++)
        n_entries = stack_at(&from, i) > n_entries ? stack_at(&from, i) : n_entries;
    size_t bytes = ((size_t)n_entries + 1) * sizeof(uint32_t);
    uint32_t *nodes = tn__alloc_zero(p->alloc, bytes);
    if (!nodes)
        return no_memory(err);
    int status = make_rows(p, s, &from, how->by, nodes, n_entries, err);
    tn__free(p->alloc, nodes, bytes);
    TN_TRY(status);
    return tn__profile_end(p, err);
}
