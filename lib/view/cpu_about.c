/* cpu_about.c - what is told of the run of the sampler, by profiles and by `info`: its clock, what it missed, what it took itself.
 */
#include "view/cpu_page.h"
#include "view/info.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char rejected[] = "sample.rejected.";

static bool is_rejected(const tn_fact *fact, uint64_t *n)
{
    if (strncmp(fact->key, rejected, sizeof rejected - 1) != 0 || fact->kind != TN_FACT_UINT)
        return false;
    *n = fact->value.u;
    return true;
}

/* Of all causes; false: it is not told. */
static bool rejected_in_all(tn_snapshot *s, uint64_t *out)
{
    bool told = false;
    tn_fact fact;
    uint64_t n;
    *out = 0;
    for (size_t i = 0; tn_snapshot_fact(s, i, &fact) == TN_OK; i++)
        if (is_rejected(&fact, &n)) {
            *out += n;
            told = true;
        }
    return told;
}

static const char *clock_words(const char *clock)
{
    static const char *const words[][2] = {
        {"real", "time that passed, of each thread"},
        {"prof", "processor time"},
        {"virtual", "processor time, without that of the system"},
        {"gil", "time with the interpreter's lock"},
        {"alloc", "bytes allocated"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], clock) == 0)
            return words[i][1];
    return "samples, and no time";
}

static void print_fact(tn_snapshot *s, tn_out *out, const char *before, const char *key)
{
    uint64_t n;
    tn__out_text(out, before);
    if (tn__fact_u64(s, key, &n))
        tn__out_format(out, "%" PRIu64, n);
    else
        tn__out_text(out, "unknown");
}

static void print_own(tn_snapshot *s, tn_out *out)
{
    uint64_t own, duration;
    if (tn__fact_u64(s, "sample.own.cpu_ns", &own) && tn__fact_u64(s, "sample.duration_ns", &duration) && duration)
        tn__out_format(out, "; the sampler itself took %.2f %% of a processor\n", tn__pct(own, duration));
    else
        tn__out_text(out, "; what the sampler itself took is unknown\n");
}

static void print_sampler(tn_snapshot *s, const char *clock, uint64_t samples, const char *indent, tn_out *out)
{
    uint64_t n, looks, interval, duration;
    char text[40];
    tn__out_format(out, "%sclock %s: %s; ", indent, clock, clock_words(clock));
    tn__out_format(out, "%" PRIu64 " sample%s", samples, samples == 1 ? "" : "s");
    if (tn__fact_u64(s, "sample.interval_ns", &interval)) {
        tn__fact_duration(interval, text, sizeof text);
        tn__out_format(out, ", every %s", text);
    }
    if (tn__fact_u64(s, "sample.duration_ns", &duration)) {
        tn__fact_duration(duration, text, sizeof text);
        tn__out_format(out, " for %s", text);
    }
    tn__out_format(out, "\n%s", indent);
    print_fact(s, out, "missed: ", "sample.missed");
    if (tn__fact_u64(s, "sample.ticks", &looks) && tn__fact_u64(s, "sample.missed", &n))
        tn__out_format(out, " of %" PRIu64, looks + n);
    tn__out_text(out, " ticks; rejected: ");
    if (rejected_in_all(s, &n))
        tn__out_format(out, "%" PRIu64, n);
    else
        tn__out_text(out, "unknown");
    print_fact(s, out, "; without a stack: ", "sample.lost_stacks");
    print_own(s, out);
}

/* The clock; NULL: the file has no samples of threads. */
static const char *sampled_by(tn_snapshot *s, uint64_t *samples)
{
    uint32_t n;
    const tn_sample_row *rows = tn__snapshot_samples(s, &n);
    const char *clock = tn__fact_text(s, "sample.clock");
    *samples = 0;
    for (uint32_t i = 0; i < n; i++)
        *samples += rows[i].samples;
    return n && !clock ? "unknown" : clock && strcmp(clock, "alloc") != 0 ? clock : NULL;
}

void tn__samples_print(tn_snapshot *s, tn_out *out)
{
    uint64_t samples;
    const char *clock = sampled_by(s, &samples);
    if (clock)
        print_sampler(s, clock, samples, "  ", out);
}

void tn__cpu_about_print(const tn_cpu_page_made *p, tn_out *out)
{
    char amount[32], range[32];
    const tn_cpu *t = &p->now;
    double interval = tn__sites_interval_of(p->snapshot);
    tn__out_wrap(out, p->o->width);
    tn__cpu_amount(t, t->all.weight, amount, sizeof amount);
    if (t->of_bytes) {
        tn__out_format(out, "clock %s: %s; %s in %" PRIu64 " allocations", t->clock, clock_words(t->clock), amount,
                       t->all.samples);
        if (interval > 0)
            tn__out_format(out, ", sampled every %s", tn_format_bytes((uint64_t)interval, range, sizeof range));
        tn__out_text(out, "\n");
    } else {
        print_sampler(p->snapshot, t->clock, t->all.samples, "", out);
    }
    if (tn__cpu_of_time(t)) {
        tn__out_format(out, "%s s in all", amount);
        if (strcmp(t->clock, "prof") != 0)
            tn__out_format(out, ", %.3f s of processor time measured meanwhile", (double)t->all.cpu_ns / 1e9);
        tn__out_text(out, "\n");
    }
    tn__out_unwrap(out);
}

/* ---- JSON ---- */

static void fact_json(tn_snapshot *s, tn_json *j, const char *key, const char *fact)
{
    uint64_t n;
    if (s && tn__fact_u64(s, fact, &n))
        tn__json_u64(j, key, n);
    else
        tn__json_null(j, key);
}

static void rejected_json(tn_snapshot *s, tn_json *j)
{
    tn_fact fact;
    uint64_t n;
    if (!s || !rejected_in_all(s, &n)) {
        tn__json_null(j, "rejected");
        return;
    }
    tn__json_open(j, "rejected", '{');
    for (size_t i = 0; tn_snapshot_fact(s, i, &fact) == TN_OK; i++)
        if (is_rejected(&fact, &n))
            tn__json_u64(j, fact.key + sizeof rejected - 1, n);
    tn__json_close(j, '}');
}

/* s NULL: nothing of it is known. */
static void sampler_json(tn_snapshot *s, tn_json *j)
{
    static const char *const facts[][2] = {
        {"interval_ns", "sample.interval_ns"},
        {"duration_ns", "sample.duration_ns"},
        {"ticks", "sample.ticks"},
        {"missed", "sample.missed"},
        {"samples", "sample.samples"},
        {"lost_stacks", "sample.lost_stacks"},
        {"own_cpu_ns", "sample.own.cpu_ns"},
        {"own_bytes", "sample.own.bytes"},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        fact_json(s, j, facts[i][0], facts[i][1]);
    rejected_json(s, j);
}

void tn__samples_json(tn_json *j, tn_snapshot *s)
{
    uint64_t samples;
    const char *clock = sampled_by(s, &samples);
    if (!clock) {
        tn__json_null(j, "sampled");
        return;
    }
    tn__json_open(j, "sampled", '{');
    tn__json_string(j, "clock", clock);
    sampler_json(s, j);
    tn__json_close(j, '}');
}

void tn__cpu_about_json(const tn_cpu_page_made *p, tn_json *j)
{
    double interval = p->now.of_bytes ? tn__sites_interval_of(p->snapshot) : 0;
    tn__json_open(j, "profile", '{');
    tn__json_string(j, "clock", p->now.clock);
    tn__json_string(j, "unit", tn__cpu_unit(&p->now));
    sampler_json(p->now.of_bytes ? NULL : p->snapshot, j);
    if (interval > 0)
        tn__json_double(j, "interval_bytes", interval);
    else
        tn__json_null(j, "interval_bytes");
    tn__json_close(j, '}');
}
