/* site_cohorts.c - how old what is alive is: its blocks in ten parts of the time since the recorder started.
 *
 * Time is the number of allocations of the process. What a site keeps for good is in all cohorts alike, what it lets go of soon
 * in the youngest only. The slope is the mean over the cohorts but the first, when things are set up, and the last, whose
 * blocks are young, with an interval from how much these differ (Student's t): one outburst does not make it steady. Sampled,
 * it is no narrower than that of what these cohorts have together, which holds for what was not seen, too.
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

void tn__ages_slope(tn_site_ages *a, double thousands, double interval_bytes)
{
    enum { N = TN_COHORTS - 2 };
    static const double student = 2.364624; /* 97.5 % of it with N - 1 = 7 degrees of freedom */
    double sum = 0, squares = 0;
    for (int i = 1; i <= N; i++)
        sum += a->bytes[i];
    for (int i = 1; i <= N; i++)
        squares += (a->bytes[i] - sum / N) * (a->bytes[i] - sum / N);
    double around = student * sqrt(squares / (N - 1) / N);
    tn_interval range = {sum / N - around, sum / N + around};
    if (interval_bytes > 0) {
        tn_interval all = tn__spread_interval(&a->middle, interval_bytes);
        range = (tn_interval){fmin(range.low, all.low / N), fmax(range.high, all.high / N)};
    }
    a->slope = sum / N / thousands;
    a->range = (tn_interval){fmax(range.low, 0) / thousands, range.high / thousands};
}

void tn__ages_add(tn_site_ages *a, unsigned cohort, uint64_t bytes, uint64_t interval_bytes)
{
    double p = tn__site_chance(bytes ? bytes : 1, interval_bytes);
    a->bytes[cohort] += (double)bytes / p;
    a->count[cohort] += 1 / p;
    if (cohort > 0 && cohort < TN_COHORTS - 1)
        tn__spread_add(&a->middle, bytes ? bytes : 1, interval_bytes);
}

static void add_blocks(const tn_sites *t, const uint32_t *sum_of, tn_cohorts *c)
{
    double each = (double)(c->last - c->first) / TN_COHORTS;
    for (uint64_t i = 0; i < t->traces.n; i++) {
        uint64_t bytes = t->traces.bytes[i], birth = t->traces.birth[i];
        if (sum_of[i] == TN_NONE || !birth)
            continue;
        uint64_t interval = t->traces.interval ? t->traces.interval[i] : 0;
        double at = birth > c->first ? (double)(birth - c->first - 1) / each : 0;
        unsigned cohort = at < TN_COHORTS ? (unsigned)at : TN_COHORTS - 1;
        tn__ages_add(&c->rows[sum_of[i]], cohort, bytes, interval);
        tn__ages_add(&c->total, cohort, bytes, interval);
    }
}

int tn__cohorts_make(tn_sites *t, tn_cohorts *out, tn_error *err)
{
    tn_cohorts c = {.alloc = t->alloc, .n = tn__sites_n(t)};
    if (t->options.cumulative)
        return tn__error_set(err, TN_EINVAL, 0, "ages are those of what a line itself has allocated");
    TN_TRY(tn__sites_all_told(t->snapshot, "how old blocks are", err));
    TN_TRY(tn__sites_blocks_told(t->snapshot, "how old blocks are", err));
    uint32_t *sum_of = tn__alloc(t->alloc, t->traces.n * sizeof *sum_of);
    c.rows = tn__alloc_zero(t->alloc, c.n * sizeof *c.rows);
    int status = sum_of && c.rows ? tn__sites_of_blocks(t, sum_of, err) : tn__no_memory(t->snapshot, err);
    if (status == TN_OK) {
        find_ends(t, &c);
        add_blocks(t, sum_of, &c);
        double thousands = (double)(c.last - c.first) / TN_COHORTS / 1000,
               interval = t->sampled ? t->interval_bytes : 0;
        for (size_t i = 0; i < c.n; i++)
            tn__ages_slope(&c.rows[i], thousands, interval);
        tn__ages_slope(&c.total, thousands, interval);
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
