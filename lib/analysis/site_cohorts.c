/* site_cohorts.c - how old what is alive is: its blocks in ten parts of the time since the recorder started.
 *
 * Time is the number of allocations of the process. What a site keeps for good is in all cohorts alike, what it lets go of soon
 * in the youngest only. The slope is the mean over the cohorts but the first, when things are set up, and the last, whose
 * blocks are young, with an interval from how much these differ (Student's t): one outburst does not make it steady.
 */
#include "analysis/sites.h"

#include <math.h>

static uint64_t fact(tn_snapshot *s, const char *key, uint64_t missing)
{
    uint64_t value;
    return tn__fact_u64(s, key, &value) ? value : missing;
}

/* Where the facts say nothing of it, of the blocks that are left. */
static void find_ends(const tn_sites *t, tn_cohorts *c)
{
    uint64_t least = UINT64_MAX, most = 0;
    for (uint64_t i = 0; i < t->traces.n; i++) {
        uint64_t birth = t->traces.birth[i];
        if (!birth)
            continue;
        least = birth < least ? birth : least;
        most = birth > most ? birth : most;
    }
    c->first = fact(t->snapshot, "trace.started_births", least == UINT64_MAX ? 0 : least - 1);
    c->last = fact(t->snapshot, "trace.births", most);
    if (c->last <= c->first)
        c->last = c->first + 1;
}

static void slope(const tn_cohorts *c, tn_site_ages *a)
{
    enum { N = TN_COHORTS - 2 };
    static const double student = 2.364624; /* 97.5 % of it with N - 1 = 7 degrees of freedom */
    double sum = 0, squares = 0, births = (double)(c->last - c->first) / TN_COHORTS / 1000;
    for (int i = 1; i <= N; i++)
        sum += a->bytes[i];
    for (int i = 1; i <= N; i++)
        squares += (a->bytes[i] - sum / N) * (a->bytes[i] - sum / N);
    double around = student * sqrt(squares / (N - 1) / N);
    a->slope = sum / N / births;
    a->range = (tn_interval){(sum / N - around) / births, (sum / N + around) / births};
    if (a->range.low < 0)
        a->range.low = 0;
}

static void add(tn_site_ages *a, unsigned cohort, double bytes, double count)
{
    a->bytes[cohort] += bytes;
    a->count[cohort] += count;
}

static void add_blocks(const tn_sites *t, const uint32_t *sum_of, tn_cohorts *c)
{
    double each = (double)(c->last - c->first) / TN_COHORTS;
    for (uint64_t i = 0; i < t->traces.n; i++) {
        uint64_t bytes = t->traces.bytes[i], birth = t->traces.birth[i];
        if (sum_of[i] == TN_NONE)
            continue;
        if (!birth) {
            c->unknown_bytes += bytes;
            continue;
        }
        double p = tn__site_chance(bytes ? bytes : 1, t->traces.interval ? t->traces.interval[i] : 0);
        double at = birth > c->first ? (double)(birth - c->first - 1) / each : 0;
        unsigned cohort = at < TN_COHORTS ? (unsigned)at : TN_COHORTS - 1;
        add(&c->rows[sum_of[i]], cohort, (double)bytes / p, 1 / p);
        add(&c->total, cohort, (double)bytes / p, 1 / p);
    }
}

int tn__cohorts_make(tn_sites *t, tn_cohorts *out, tn_error *err)
{
    tn_cohorts c = {.alloc = t->alloc, .n = tn__sites_n(t)};
    if (t->options.cumulative)
        return tn__error_set(err, TN_EINVAL, 0, "ages are those of what a line itself has allocated");
    TN_TRY(tn__sites_all_told(t->snapshot, "how old blocks are", err));
    uint32_t *sum_of = tn__alloc(t->alloc, t->traces.n * sizeof *sum_of);
    c.rows = tn__alloc_zero(t->alloc, c.n * sizeof *c.rows);
    int status = sum_of && c.rows ? tn__sites_of_blocks(t, sum_of, err) : tn__no_memory(t->snapshot, err);
    if (status == TN_OK) {
        find_ends(t, &c);
        add_blocks(t, sum_of, &c);
        for (size_t i = 0; i < c.n; i++)
            slope(&c, &c.rows[i]);
        slope(&c, &c.total);
    }
    tn__free(t->alloc, sum_of, sum_of ? t->traces.n * sizeof *sum_of : 0);
    if (status < 0)
        tn__cohorts_free(&c);
    else
        *out = c;
    return status;
}

void tn__cohorts_free(tn_cohorts *c)
{
    tn__free(c->alloc, c->rows, c->rows ? c->n * sizeof *c->rows : 0);
    c->rows = NULL;
}
