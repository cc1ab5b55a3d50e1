/* site_peak.c - when the high-water mark of all that is traced was, and how far above what is alive now. */
#include "view/site_page.h"

/* The sample of the time line with the most traced, if that is near the peak: samples may be far from each other. */
static uint64_t before_ns(tn_snapshot *s, uint64_t peak)
{
    uint64_t most = 0, at = 0, now;
    tn_time t;
    for (size_t i = 0; tn_snapshot_time(s, i, &t) == TN_OK; i++)
        if (t.traced_bytes != TN_UNKNOWN && t.traced_bytes > most) {
            most = t.traced_bytes;
            at = t.time_ns;
        }
    if (!most || most < peak - peak / 10 || !tn__fact_u64(s, "capture.monotonic_ns", &now) || now < at)
        return TN_UNKNOWN;
    return now - at;
}

bool tn__site_peak(tn_snapshot *s, tn_site_peak *out)
{
    uint64_t peak, now, birth, births, started;
    if (!tn__fact_u64(s, "trace.peak_bytes", &peak) || !tn__fact_u64(s, "trace.traced_bytes", &now) ||
        !tn__fact_u64(s, "trace.peak_birth", &birth) || !tn__fact_u64(s, "trace.births", &births) ||
        !tn__fact_u64(s, "trace.started_births", &started) || births < started || birth < started)
        return false;
    *out = (tn_site_peak){peak > now ? peak - now : 0, birth - started, births - started, before_ns(s, peak)};
    return true;
}
