/* series.c - the time line: points of traced bytes, halved in number whenever there is no room for more. */
#include "record/state.h"

#include <string.h>

enum { MOST = 4096 };

static struct {
    tn_recorded_point points[MOST];
    uint32_t n;
    uint32_t stride, pending; /* ticks that make a point; those that the last point has so far */
} series;

/* a, and then b. */
static tn_recorded_point joined(const tn_recorded_point *a, const tn_recorded_point *b)
{
    tn_recorded_point p = *b;
    p.traced_max_bytes = a->traced_max_bytes > b->traced_max_bytes ? a->traced_max_bytes : b->traced_max_bytes;
    p.rss_bytes = a->rss_bytes > b->rss_bytes ? a->rss_bytes : b->rss_bytes;
    return p;
}

void tn_record_tick(uint64_t time_ns, uint64_t rss_bytes)
{
    int64_t traced = tn_get(&tn__rec.live) + tn_get(&tn__rec.live_apart);
    tn_recorded_point p = {time_ns, tn_get(&tn__rec.births), rss_bytes, traced, traced};
    if (series.n && series.pending < series.stride) {
        series.points[series.n - 1] = joined(&series.points[series.n - 1], &p);
        series.pending++;
        return;
    }
    if (series.n == MOST) {
        for (uint32_t i = 0; i < MOST / 2; i++)
            series.points[i] = joined(&series.points[2 * i], &series.points[2 * i + 1]);
        series.n = MOST / 2;
        series.stride *= 2;
    }
    series.stride = series.n ? series.stride : 1;
    series.points[series.n] = p;
    tn_set_release(&series.n, series.n + 1);
    series.pending = 1;
}

uint32_t tn_recorded_points(tn_recorded_point *out, uint32_t cap)
{
    uint32_t n = tn_get_acquire(&series.n);
    if (cap)
        memcpy(out, series.points, (n < cap ? n : cap) * sizeof *out);
    return n;
}

void tn__series_clear(void)
{
    series.n = series.pending = 0;
}
