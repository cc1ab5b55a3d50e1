/* timeline_page.c - tonnage timeline: how memory went before the snapshot, and when what is alive was allocated. */
#include "view/info.h"
#include "view/site_page.h"
#include "view/summary.h"

#include <inttypes.h>
#include <stdio.h>

enum { LINES = 10 }; /* of blocks, as text */

static void number(tn_json *j, tn_snapshot *s, const char *key, const char *fact)
{
    uint64_t value;
    if (tn__fact_u64(s, fact, &value))
        tn__json_u64(j, key, value);
    else
        tn__json_null(j, key);
}

static void write_json(tn_snapshot *s, const tn_site_bins *ages, tn_out *out)
{
    tn_json j;
    tn__json_start(&j, out, "timeline");
    tn__timeline_json(&j, "rows", s);
    tn__json_open(&j, "now", '{');
    number(&j, s, "time_ns", "capture.monotonic_ns");
    number(&j, s, "rss", "memory.rss_bytes");
    number(&j, s, "traced", "trace.traced_bytes");
    number(&j, s, "births", "trace.births");
    tn__json_close(&j, '}');
    tn__json_open(&j, "alive", '[');
    for (uint32_t i = 0; i < ages->n; i++) {
        uint64_t first = ages->first + i * ages->each;
        tn__json_line(&j);
        tn__json_open(&j, NULL, '{');
        tn__json_u64(&j, "first", first);
        tn__json_u64(&j, "last", i + 1 < ages->n ? first + ages->each - 1 : ages->last);
        tn__json_u64(&j, "size", tn__site_whole(ages->bins[i].bytes + 0.5));
        tn__json_u64(&j, "count", tn__site_count(ages->bins[i].count));
        tn__json_close(&j, '}');
    }
    tn__json_close(&j, ']');
    tn__info_json(&j, s);
    tn__json_close(&j, '}');
    tn__out_text(out, "\n");
}

/* ---- text ---- */

static void known(tn_table *t, uint64_t value, bool bytes)
{
    if (value == TN_UNKNOWN)
        tn__table_text(t, "unknown");
    else if (bytes)
        tn__table_bytes(t, value);
    else
        tn__table_u64(t, value);
}

/* As many samples as the limit, evenly spaced, the latest among them. */
static void add_times(tn_table *t, tn_snapshot *s, uint32_t limit)
{
    size_t n = tn_snapshot_n_times(s), step = limit && n > limit ? (n + limit - 1) / limit : 1;
    uint64_t now;
    bool dated = tn__fact_u64(s, "capture.monotonic_ns", &now);
    for (size_t i = n ? (n - 1) % step : 0; i < n; i += step) {
        tn_time row;
        char text[40] = "unknown";
        if (tn_snapshot_time(s, i, &row) < 0)
            return;
        if (dated && now >= row.time_ns)
            tn__fact_duration(now - row.time_ns, text, sizeof text);
        tn__table_text(t, text);
        known(t, row.rss_bytes, true);
        known(t, row.traced_bytes, true);
        known(t, row.threads, false);
    }
}

static int print_times(tn_snapshot *s, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {
        {"Before", true, 0}, {"RSS", true, 0}, {"Traced", true, 0}, {"Threads", true, 0}};
    tn_table t;
    if (!tn_snapshot_n_times(s)) {
        tn__out_text(out, "no time line; tonnage run --every keeps one\n");
        return TN_OK;
    }
    tn__table_init(&t, tn__snapshot_alloc(s), columns, sizeof columns / sizeof *columns);
    add_times(&t, s, o->limit);
    int status = t.status < 0 ? tn__no_memory(s, err) : TN_OK;
    if (status == TN_OK)
        tn__table_print(&t, out, o);
    tn__table_free(&t);
    return status;
}

static int print_ages(tn_snapshot *s, const tn_site_bins *ages, const tn_view_options *o, tn_out *out, tn_error *err)
{
    static const tn_table_column columns[] = {{"Allocations", true, 0}, {"Alive", true, 0}, {"Count", true, 0}};
    tn_table t;
    if (!ages->n)
        return TN_OK;
    tn__table_init(&t, tn__snapshot_alloc(s), columns, sizeof columns / sizeof *columns);
    for (uint32_t i = 0; i < ages->n; i++) {
        char text[48];
        uint64_t first = ages->first + i * ages->each, last = i + 1 < ages->n ? first + ages->each - 1 : ages->last;
        snprintf(text, sizeof text, "%" PRIu64 "-%" PRIu64, first, last);
        tn__table_text(&t, text);
        tn__table_bytes(&t, tn__site_whole(ages->bins[i].bytes + 0.5));
        tn__table_u64(&t, tn__site_count(ages->bins[i].count));
    }
    int status = t.status < 0 ? tn__no_memory(s, err) : TN_OK;
    if (status == TN_OK) {
        tn__out_text(out, "\n");
        tn__table_heading(out, o, "What is alive, by when it was allocated");
        tn__table_print(&t, out, o);
    }
    tn__table_free(&t);
    return status;
}

int tn_view_timeline(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_site_bins ages;
    tn_out out;
    TN_TRY(tn__memory_told(s, tn__site_bins(s, options->form == TN_JSON ? TN_SITE_BINS : LINES, &ages, err), err));
    tn__out_init(&out, sink);
    if (options->form == TN_JSON) {
        write_json(s, &ages, &out);
    } else {
        tn__heading_print(s, &out, options);
        TN_TRY(print_times(s, options, &out, err));
        TN_TRY(print_ages(s, &ages, options, &out, err));
    }
    return tn__out_end(&out, err);
}
