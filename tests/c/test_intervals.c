/* test_intervals.c - the 95 % intervals of sampled sums hold what they promise, over thousands of fixed seeds.
 *
 * The oracle knows all blocks of a site, and draws samples of them as the recorder does. A site is printed only when a block of
 * it was sampled; one of which none was has nothing to say, and cannot be wrong.
 */
#include "analysis/sites.h"

#include "suite.h"

#include <math.h>
#include <stdlib.h>

enum { RUNS = 2000, INTERVAL = 512 << 10, MOST = 3000 };

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
    uint64_t bytes[MOST];
    double total, expected; /* samples */
} site;

enum kind { EQUAL, SCATTERED, MIXED, KINDS };

static void make_site(site *s, enum kind kind, unsigned n, double size)
{
    *s = (site){.n = n};
    for (unsigned i = 0; i < n; i++) {
        double spread = exp(2 * (uniform() + uniform() + uniform() - 1.5));
        double bytes = kind == EQUAL ? size : kind == SCATTERED ? size * spread : i % 10 ? size : 100 * size;
        s->bytes[i] = bytes < 1 ? 1 : (uint64_t)bytes;
        s->total += (double)s->bytes[i];
        s->expected += tn__site_chance(s->bytes[i], INTERVAL);
    }
}

static bool within(tn_interval range, double value)
{
    return range.low <= value * (1 + 1e-9) && value * (1 - 1e-9) <= range.high;
}

/* The share of runs whose interval holds the sum; of those with a sample in *printed. */
static double coverage(const site *s, double *printed)
{
    unsigned good = 0, told = 0, good_told = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        tn_spread spread = {0};
        for (unsigned i = 0; i < s->n; i++)
            if (uniform() < tn__site_chance(s->bytes[i], INTERVAL))
                tn__spread_add(&spread, s->bytes[i], INTERVAL);
        bool holds = !spread.n || within(tn__spread_interval(&spread, INTERVAL), s->total);
        good += holds;
        told += spread.n > 0;
        good_told += spread.n && holds;
    }
    *printed = told ? (double)good_told / told : 1;
    return (double)good / RUNS;
}

static const unsigned counts[] = {1, 2, 3, 5, 10, 20, 40, 80, 160, 1000};
static const double sizes[] = {100, 5e3, 1e5, 3e5, INTERVAL, 1e6, 2e6, 4e6};

static void test_every_site_is_covered_and_many_are_as_often_as_they_say(void **unused)
{
    (void)unused;
    static site s;
    double pooled = 0;
    unsigned n_pooled = 0, n = 0;
    state = 20260101;
    for (int kind = 0; kind < KINDS; kind++)
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
            for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
                double printed;
                make_site(&s, (enum kind)kind, counts[i], sizes[k]);
                double share = coverage(&s, &printed);
                if (share < 0.93)
                    print_message("kind %d, %u blocks of %.0f: %.3f\n", kind, counts[i], sizes[k], share);
                assert_true(share >= 0.93);
                assert_true(s.expected < 0.5 || printed >= 0.92);
                n++;
                if (s.expected >= 20) {
                    pooled += share;
                    n_pooled++;
                }
            }
    assert_true(n == KINDS * 80 && n_pooled > 60);
    print_message("%u sites; pooled over %u with 20 expected samples: %.4f\n", n, n_pooled, pooled / n_pooled);
    assert_true(pooled / n_pooled >= 0.93 && pooled / n_pooled <= 0.97);
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

static void test_differences_are_covered(void **unused)
{
    (void)unused;
    static site a, b;
    state = 42;
    for (size_t i = 3; i < sizeof counts / sizeof *counts; i++) {
        make_site(&a, SCATTERED, counts[i], 1e5);
        make_site(&b, SCATTERED, counts[i] / 2, 2e5);
        unsigned good = 0, told = 0;
        for (unsigned run = 0; run < RUNS / 2; run++) {
            tn_spread x = {0}, y = {0};
            for (unsigned k = 0; k < a.n; k++)
                if (uniform() < tn__site_chance(a.bytes[k], INTERVAL))
                    tn__spread_add(&x, a.bytes[k], INTERVAL);
            for (unsigned k = 0; k < b.n; k++)
                if (uniform() < tn__site_chance(b.bytes[k], INTERVAL))
                    tn__spread_add(&y, b.bytes[k], INTERVAL);
            if (!x.n || !y.n)
                continue;
            tn_interval range = tn__interval_minus(x.seen + x.unseen, tn__spread_interval(&x, INTERVAL),
                                                   y.seen + y.unseen, tn__spread_interval(&y, INTERVAL));
            told++;
            good += range.low <= a.total - b.total && a.total - b.total <= range.high;
        }
        assert_true(told && (double)good / told >= 0.93);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_site_is_covered_and_many_are_as_often_as_they_say),
        cmocka_unit_test(test_small_blocks_have_the_exact_interval_of_poisson),
        cmocka_unit_test(test_what_nothing_is_left_to_chance_of_has_no_width),
        cmocka_unit_test(test_gamma_quantiles_are_those_of_tables),
        cmocka_unit_test(test_differences_are_covered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
