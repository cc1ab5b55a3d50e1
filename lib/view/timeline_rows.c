/* timeline_rows.c - the time line: a few lines on the page of `info`, every sample in its JSON. */
#include "view/info.h"

#include <stdio.h>

typedef struct span {
    uint64_t first, last, min, max; /* TN_UNKNOWN without a known one */
} span;

static void add(span *a, uint64_t value)
{
    if (value == TN_UNKNOWN)
        return;
    if (a->first == TN_UNKNOWN)
        *a = (span){value, value, value, value};
    a->last = value;
    a->min = value < a->min ? value : a->min;
    a->max = value > a->max ? value : a->max;
}

static void print_bytes(tn_out *out, const char *name, const span *a)
{
    char first[24], last[24], min[24], max[24];
    if (a->first != TN_UNKNOWN)
        tn__out_format(out, "  %-32s %s -> %s, least %s, most %s\n", name,
                       tn_format_bytes(a->first, first, sizeof first), tn_format_bytes(a->last, last, sizeof last),
                       tn_format_bytes(a->min, min, sizeof min), tn_format_bytes(a->max, max, sizeof max));
}

void tn__timeline_print(tn_snapshot *s, const tn_view_options *o, tn_out *out)
{
    const span none = {TN_UNKNOWN, TN_UNKNOWN, TN_UNKNOWN, TN_UNKNOWN};
    span time = none, rss = none, traced = none, threads = none;
    char duration[32];
    tn_time t;
    size_t n = tn_snapshot_n_times(s);
    for (size_t i = 0; tn_snapshot_time(s, i, &t) == TN_OK; i++) {
        add(&time, t.time_ns);
        add(&rss, t.rss_bytes);
        add(&traced, t.traced_bytes);
        add(&threads, t.threads);
    }
    if (!n)
        return;
    tn__fact_duration(time.last - time.first, duration, sizeof duration);
    tn__out_text(out, "\n");
    tn__table_heading(out, o, "Time line");
    tn__out_format(out, "  samples                          %zu in %s\n", n, duration);
    print_bytes(out, "resident set", &rss);
    print_bytes(out, "traced", &traced);
    if (threads.first != TN_UNKNOWN)
        tn__out_format(out, "  threads                          %llu -> %llu, least %llu, most %llu\n",
                       (unsigned long long)threads.first, (unsigned long long)threads.last,
                       (unsigned long long)threads.min, (unsigned long long)threads.max);
}

static void number(tn_json *j, const char *key, uint64_t value)
{
    if (value == TN_UNKNOWN)
        tn__json_null(j, key);
    else
        tn__json_u64(j, key, value);
}

void tn__timeline_json(tn_json *j, const char *key, tn_snapshot *s)
{
    tn_time t;
    tn__json_open(j, key, '[');
    for (size_t i = 0; tn_snapshot_time(s, i, &t) == TN_OK; i++) {
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "time_ns", t.time_ns);
        number(j, "rss", t.rss_bytes);
        number(j, "traced", t.traced_bytes);
        tn__json_open(j, "generations", '[');
        for (unsigned k = 0; k < 3; k++)
            number(j, NULL, t.generations[k]);
        tn__json_close(j, ']');
        number(j, "threads", t.threads);
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
}
