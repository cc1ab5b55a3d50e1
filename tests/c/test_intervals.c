/* test_intervals.c - the 95 % intervals of sampled sums hold what they promise, over a thousand fixed seeds each.
 *
 * The oracle knows all blocks of a site, and draws samples of them as the recorder does. A row is printed because a block was
 * sampled: only such runs count, and what is so rare that it takes a million runs is drawn under that condition.
 */
#include "analysis/sites.h"

#include "suite.h"

#include <math.h>
#include <stdlib.h>

enum { RUNS = 1000, INTERVAL = 512 << 10, MOST = 1000 };

static uint64_t state;

static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return ((double)(state >> 11) + 0.5) / 9007199254740992.0;
}

typedef struct site {
    unsigned n;
    uint64_t bytes[MOST], interval[MOST];
    double chance[MOST], none[MOST + 1]; /* of a sample; that neither this block nor one after it is sampled */
    double total, expected;              /* bytes, samples */
} site;

enum kind { EQUAL, SCATTERED, MIXED, TWO_INTERVALS, KINDS };

static void make_site(site *s, enum kind kind, unsigned n, double size)
{
    *s = (site){.n = n};
    s->none[n] = 1;
    for (unsigned i = n; i-- > 0;) {
        double spread = exp(2 * (uniform() + uniform() + uniform() - 1.5));
        double bytes = kind == EQUAL ? size : kind == MIXED ? i % 10 ? size : 100 * size : size * spread;
        s->bytes[i] = bytes < 1 ? 1 : (uint64_t)bytes;
        s->interval[i] = kind == TWO_INTERVALS && i % 2 ? INTERVAL / 8 : INTERVAL;
        s->chance[i] = tn__site_chance(s->bytes[i], s->interval[i]);
        s->none[i] = s->none[i + 1] * (1 - s->chance[i]);
        s->total += (double)s->bytes[i];
        s->expected += s->chance[i];
    }
}

static double chance_of_any(const site *s)
{
    return 1 - s->none[0];
}

/* Calls add for each block that was sampled; any: there is one. */
static void draw(const site *s, bool any, void (*add)(void *ctx, const site *s, unsigned block), void *ctx)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (uniform() >= (any ? s->chance[i] / (1 - s->none[i]) : s->chance[i]))
            continue;
        add(ctx, s, i);
        any = false;
    }
}

static void add_sample(void *ctx, const site *s, unsigned block)
{
    tn__spread_add(ctx, s->bytes[block], s->interval[block]);
}

static tn_spread spread_of(const site *s, bool any)
{
    tn_spread spread = {0};
    draw(s, any, add_sample, &spread);
    return spread;
}

static double estimate(const tn_spread *s)
{
    return s->seen + s->unseen;
}

static bool within(tn_interval range, double value)
{
    double slack = 1e-9 * fabs(value);
    return range.low <= value + slack && value - slack <= range.high;
}

/* The share of printed intervals that hold the sum. */
static double coverage(const site *s, tn_interval (*interval)(const tn_spread *))
{
    unsigned good = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        tn_spread spread = spread_of(s, true);
        good += within(interval(&spread), s->total);
    }
    return (double)good / RUNS;
}

static const unsigned counts[] = {1, 2, 3, 5, 10, 20, 40, 80, 160, 1000};
static const double sizes[] = {16, 5e3, 1e5, 3e5, INTERVAL, 1e6, 2e6, 4e6};
enum { COUNTS = sizeof counts / sizeof *counts, SIZES = sizeof sizes / sizeof *sizes };

/* At least 0.93 at each of them; pooled over those that expect 20 samples. */
static double check_sites(tn_interval (*interval)(const tn_spread *), unsigned step)
{
    static site s;
    double pooled = 0, least = 1;
    unsigned n_pooled = 0;
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (unsigned k = 0; k < SIZES * COUNTS; k += step) {
            make_site(&s, kind, counts[k % COUNTS], sizes[k / COUNTS]);
            double share = coverage(&s, interval);
            if (share < 0.93)
                print_message("kind %d, %u blocks of %.0f: %.3f\n", kind, s.n, sizes[k / COUNTS], share);
            assert_true(share >= 0.93);
            least = fmin(least, share);
            if (s.expected >= 20) {
                pooled += share;
                n_pooled++;
            }
        }
    print_message("least %.3f; pooled over %u sites with 20 expected samples: %.4f\n", least, n_pooled,
                  pooled / n_pooled);
    assert_true(n_pooled >= 20);
    return pooled / n_pooled;
}

static tn_interval of_live(const tn_spread *s)
{
    return tn__spread_interval(s, INTERVAL);
}

static void test_what_is_alive_is_covered_at_every_site_and_overall_as_often_as_said(void **unused)
{
    (void)unused;
    state = 20260101;
    double pooled = check_sites(of_live, 1);
    assert_true(pooled >= 0.93 && pooled <= 0.97);
}

/* Of what was allocated, freed soon or alive at the peak the estimate is left. */
static tn_interval of_sum(const tn_spread *s)
{
    tn_spread all = tn__spread_of(estimate(s), INTERVAL);
    return tn__spread_interval(&all, INTERVAL);
}

static void test_a_sum_whose_samples_are_gone_is_covered_at_every_site(void **unused)
{
    (void)unused;
    state = 20260102;
    check_sites(of_sum, 3);
}

/* With blocks of one small size it is Garwood's interval of a Poisson mean; his table (1936). */
static void test_small_blocks_have_the_exact_interval_of_poisson(void **unused)
{
    (void)unused;
    static const struct {
        unsigned n;
        double low, high;
    } table[] = {{20, 12.217, 30.888}, {30, 20.241, 42.827}, {50, 37.111, 65.919}, {100, 81.364, 121.627}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        tn_spread s = {0};
        for (unsigned k = 0; k < table[i].n; k++)
            tn__spread_add(&s, 1, 1 << 20);
        tn_interval range = tn__spread_interval(&s, 1 << 20);
        assert_true(fabs(range.low / (1 << 20) - table[i].low) < 2e-3 * table[i].low);
        assert_true(fabs(range.high / (1 << 20) - table[i].high) < 2e-3 * table[i].high);
    }
}

static void test_what_nothing_is_left_to_chance_of_has_no_width(void **unused)
{
    (void)unused;
    tn_spread s = {0};
    for (int i = 0; i < 30; i++)
        tn__spread_add(&s, 64 << 20, INTERVAL);
    tn_interval range = tn__spread_interval(&s, INTERVAL);
    assert_true(range.low == s.seen && range.high - s.seen < 1);
    tn_spread exact = {0};
    for (int i = 0; i < 30; i++)
        tn__spread_add(&exact, 100, 0);
    range = tn__spread_interval(&exact, 0);
    assert_true(range.low == 3000 && range.high == 3000);
}

static void test_gamma_quantiles_are_those_of_tables(void **unused)
{
    (void)unused;
    static const double known[][3] = {
        /* shape, share, half of the chi-square quantile with twice the degrees of freedom */
        {1, 0.025, 0.025318},  {1, 0.975, 3.688879},   {5, 0.025, 1.623486},
        {5, 0.975, 10.241589}, {15, 0.975, 23.489621}, {50, 0.025, 37.110964},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_true(fabs(tn__gamma_quantile(known[i][0], known[i][1]) - known[i][2]) < 1e-4);
    /* where the two ways of reckoning meet */
    assert_true(fabs(tn__gamma_quantile(1999.9, 0.975) - tn__gamma_quantile(2000.1, 0.975)) < 0.3);
    assert_true(fabs(tn__gamma_quantile(1999.9, 0.025) - tn__gamma_quantile(2000.1, 0.025)) < 0.3);
}

/* Blocks that are new, blocks that are gone; a row of neither is printed, too, if anything else is there. */
static bool covers_change(const site *a, const site *b, bool printed)
{
    double any_a = chance_of_any(a), any_b = chance_of_any(b), any = 1 - (1 - any_a) * (1 - any_b);
    bool first = printed && uniform() * any < any_a;
    tn_spread x = spread_of(a, first), y = {0};
    if (!printed || first)
        y = spread_of(b, false);
    else
        x = (tn_spread){0}, y = spread_of(b, true);
    tn_interval range = tn__interval_minus(estimate(&x), tn__spread_interval(&x, INTERVAL), estimate(&y),
                                           tn__spread_interval(&y, INTERVAL));
    return within(range, a->total - b->total);
}

static void test_differences_are_covered(void **unused)
{
    (void)unused;
    static site a, b;
    static const unsigned n[] = {0, 1, 8, 120};
    state = 42;
    for (unsigned k = 1; k < 4 * 4 * 3; k++) {
        make_site(&a, SCATTERED, n[k % 4], sizes[k / 16 * 2]);
        make_site(&b, SCATTERED, n[k / 4 % 4], sizes[2 + k % 2 * 4]);
        for (unsigned printed = 0; printed < 2 && a.n + b.n; printed++) {
            unsigned good = 0;
            for (unsigned run = 0; run < RUNS; run++)
                good += covers_change(&a, &b, printed);
            if (good < RUNS * 93 / 100)
                print_message("%u of %.0f, %u of %.0f: %u\n", a.n, a.total, b.n, b.total, good);
            assert_true(good >= RUNS * 93 / 100);
        }
    }
}

/* ---- survivors ---- */

typedef struct aged {
    const unsigned *weights; /* of the cohorts */
    unsigned total;
    tn_site_ages ages;
} aged;

static unsigned cohort_of(const aged *a, unsigned block)
{
    unsigned at = block * 7919 % a->total, cohort = 0; /* sizes do not go by age */
    while (at >= a->weights[cohort])
        at -= a->weights[cohort++];
    return cohort;
}

static void add_aged(void *ctx, const site *s, unsigned block)
{
    aged *a = ctx;
    tn__ages_add(&a->ages, cohort_of(a, block), s->bytes[block], s->interval[block]);
}

static void test_what_is_kept_is_covered_whatever_its_ages_are(void **unused)
{
    (void)unused;
    static site s;
    static const unsigned weights[][TN_COHORTS] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {20, 1, 0, 1, 0, 0, 0, 0, 0, 20}, {0, 0, 0, 0, 9, 0, 0, 0, 0, 1}};
    state = 7;
    for (unsigned k = 0; k < 3 * SIZES * COUNTS; k += 2) {
        unsigned good = 0, kind = k / (SIZES * COUNTS);
        double kept = 0;
        aged a = {.weights = weights[kind]};
        for (unsigned c = 0; c < TN_COHORTS; c++)
            a.total += a.weights[c];
        make_site(&s, SCATTERED, counts[k % COUNTS], sizes[k / COUNTS % SIZES]);
        for (unsigned i = 0; i < s.n; i++) {
            unsigned cohort = cohort_of(&a, i);
            kept += cohort > 0 && cohort < TN_COHORTS - 1 ? (double)s.bytes[i] : 0;
        }
        for (unsigned run = 0; run < RUNS / 2; run++) {
            a.ages = (tn_site_ages){.slope = 0};
            draw(&s, true, add_aged, &a);
            tn__ages_slope(&a.ages, 0.5, INTERVAL);
            good += within(a.ages.range, kept / (TN_COHORTS - 2) / 0.5);
        }
        if (good < RUNS / 2 * 93 / 100)
            print_message("ages %u, %u blocks of %.0f: %u\n", kind, s.n, s.total / s.n, good);
        assert_true(good >= RUNS / 2 * 93 / 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_alive_is_covered_at_every_site_and_overall_as_often_as_said),
        cmocka_unit_test(test_a_sum_whose_samples_are_gone_is_covered_at_every_site),
        cmocka_unit_test(test_small_blocks_have_the_exact_interval_of_poisson),
        cmocka_unit_test(test_what_nothing_is_left_to_chance_of_has_no_width),
        cmocka_unit_test(test_gamma_quantiles_are_those_of_tables),
        cmocka_unit_test(test_differences_are_covered),
        cmocka_unit_test(test_what_is_kept_is_covered_whatever_its_ages_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
