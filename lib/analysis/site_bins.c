/* site_bins.c - what is alive, by the number of the allocation that made it. */
#include "analysis/sites.h"

static uint64_t fact(tn_snapshot *s, const char *key, uint64_t missing)
{
    uint64_t value;
    return tn__fact_u64(s, key, &value) ? value : missing;
}

/* Of facts, and of all blocks, whatever the facts say. */
static void find_ends(tn_snapshot *s, const tn_traces *t, tn_site_bins *out)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t i = 0; i < t->n; i++) {
        if (!t->birth[i])
            continue;
        least = t->birth[i] < least ? t->birth[i] : least;
        most = t->birth[i] > most ? t->birth[i] : most;
    }
    if (!most)
        return;
    uint64_t started = fact(s, "trace.started_births", least - 1), births = fact(s, "trace.births", most);
    out->first = started < least ? started + 1 : least;
    out->last = births > most ? births : most;
}

int tn__site_bins(tn_snapshot *s, uint32_t n, tn_site_bins *out, tn_error *err)
{
    tn_traces t = {0};
    *out = (tn_site_bins){0};
    if (!tn__sites_there(s))
        return TN_OK;
    TN_TRY(tn__snapshot_traces(s, &t, err));
    find_ends(s, &t, out);
    if (!out->last)
        return TN_OK;
    uint64_t span = out->last - out->first;
    out->each = span / n + 1;
    out->n = (uint32_t)(span / out->each) + 1;
    for (uint64_t i = 0; i < t.n; i++) {
        uint64_t interval = t.interval ? t.interval[i] : 0;
        double p = tn__site_chance(t.bytes[i] ? t.bytes[i] : 1, interval);
        tn_site_bin *bin = &out->bins[t.birth[i] ? (t.birth[i] - out->first) / out->each : 0];
        bin->bytes += (double)t.bytes[i] / p;
        bin->count += 1 / p;
    }
    return TN_OK;
}
