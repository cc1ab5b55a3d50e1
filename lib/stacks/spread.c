/* spread.c - 95 % intervals of sums over sampled blocks (docs/decisions/intervals.md).
 *
 * A block of s bytes is sampled with the chance p = 1 - e^(-s/R). The number of blocks that were not sampled beside each that
 * was follows a negative binomial distribution, which is a Poisson one whose mean follows a gamma distribution. A sum of such is
 * taken for gamma distributed with the same mean and variance, and one more block of the largest weight above, as Fay and Feuer
 * do it (Confidence intervals for directly standardized rates, 1997, eq. 6 and 7). With small blocks of one weight this is the
 * exact interval of a Poisson mean by Garwood (1936); with blocks much larger than R nothing is left to chance.
 */
#include "stacks/spread.h"

#include <math.h>
#include <stdbool.h>

static const double tail = 0.025;
enum {
    MANY = 2000, /* shapes above are as good as normal */
    FEW = 20,    /* fewer blocks do not tell what sizes there are */
    FEW_UNSURE = 6,
};

double tn__site_chance(uint64_t bytes, uint64_t interval_bytes)
{
    return interval_bytes ? -expm1(-(double)bytes / (double)interval_bytes) : 1;
}

void tn__spread_add(tn_spread *s, uint64_t bytes, uint64_t interval_bytes)
{
    double x = (double)bytes, p = tn__site_chance(bytes, interval_bytes);
    double unseen = x * (1 - p) / p, variance = unseen * x / p;
    s->n++;
    s->seen += x;
    s->unseen += unseen;
    s->variance += variance;
    if (variance >= s->step_variance) {
        s->step = x;
        s->step_unseen = unseen;
        s->step_variance = variance;
    }
}

void tn__spread_merge(tn_spread *into, const tn_spread *from)
{
    into->n += from->n;
    into->seen += from->seen;
    into->unseen += from->unseen;
    into->variance += from->variance;
    if (from->step_variance >= into->step_variance) {
        into->step = from->step;
        into->step_unseen = from->step_unseen;
        into->step_variance = from->step_variance;
    }
}

tn_spread tn__spread_of(double bytes, double interval_bytes)
{
    double r = interval_bytes;
    return bytes > 0 ? (tn_spread){FEW, 0, bytes, bytes * r, r, r, r * r} : (tn_spread){0};
}

/* ---- the gamma distribution ---- */

/* The share of it below x: by its series, or by the continued fraction of the rest (Abramowitz and Stegun 6.5.29, 6.5.31). */
static double share_below(double shape, double x)
{
    if (x <= 0)
        return 0;
    int sign;
    double scale = exp(shape * log(x) - x - lgamma_r(shape, &sign)), sum, term;
    if (x < shape + 1) {
        sum = term = 1 / shape;
        for (double n = 1; term > sum * 1e-12; n++)
            sum += term *= x / (shape + n);
        return sum * scale;
    }
    double b = x + 1 - shape, c = 1e300, d = 1 / b;
    sum = d;
    for (double n = 1; n < 1e5; n++) {
        double a = -n * (n - shape);
        b += 2;
        d = 1 / (a * d + b);
        c = b + a / c;
        term = d * c;
        sum *= term;
        if (fabs(term - 1) < 1e-12)
            break;
    }
    return 1 - scale * sum;
}

/* Shapes so large that the cube root is as good as normal (Wilson and Hilferty 1931). */
static double cube_quantile(double shape, double share)
{
    double z = share < 0.5 ? -1.959963984540054 : 1.959963984540054, ninth = 1 / (9 * shape);
    double root = 1 - ninth + z * sqrt(ninth);
    return root > 0 ? shape * root * root * root : 0;
}

typedef struct tn_tail { /* of a gamma distribution, given that something was seen */
    double shape, share;
    double given, step; /* the chance to see anything is 1 - e^-(given + x step); given INFINITY: certain */
} tn_tail;

static double share_of(const tn_tail *t, double x)
{
    double seen = isinf(t->given) ? 1 : -expm1(-(t->given + x * t->step));
    return share_below(t->shape, x) / seen;
}

/* Regula falsi; an end that stays where it is counts half (Illinois). */
static double solve(const tn_tail *t)
{
    double low = 0, high = t->shape + 10 * sqrt(t->shape) + 20, at_low = -t->share, at_high = 1 - t->share;
    int side = 0;
    for (int i = 0; i < 100 && high - low > 1e-9 * high; i++) {
        double x = (low * at_high - high * at_low) / (at_high - at_low), at = share_of(t, x) - t->share;
        if (at < 0) {
            low = x;
            at_low = at;
            at_high /= side < 0 ? 2 : 1;
        } else {
            high = x;
            at_high = at;
            at_low /= side > 0 ? 2 : 1;
        }
        side = at < 0 ? -1 : 1;
    }
    return low;
}

double tn__gamma_quantile(double shape, double share)
{
    if (shape > MANY && (share == tail || share == 1 - tail))
        return cube_quantile(shape, share);
    return solve(&(tn_tail){shape, share, INFINITY, 0});
}

/* ---- intervals ---- */

/* A few blocks say little of those that were not seen, and one of a small chance among them says too much: then the lower end
 * allows for two more of the largest weight and goes a whole step down, the upper one allows for a block of any size. Many
 * blocks are few, too, if nearly all of them were sure to be seen. */
static bool is_few(const tn_spread *s)
{
    return s->n < FEW || s->unseen * s->unseen < FEW_UNSURE * s->variance;
}

static double low_end(const tn_spread *s, double interval_bytes)
{
    if (!(s->variance > 0))
        return s->seen + s->unseen;
    bool few = is_few(s);
    double variance = s->variance + (few ? 2 * s->step_variance : 0);
    double shape = s->unseen * s->unseen / variance, scale = variance / s->unseen, x;
    if (shape > MANY) {
        x = cube_quantile(shape, tail);
    } else {
        tn_tail t = {shape, tail, s->seen / interval_bytes, scale / interval_bytes};
        x = solve(&t);
    }
    double low = s->seen + x * scale - (s->seen > 0 ? s->step / (few ? 1 : 2) : 0);
    return low > s->seen ? low : s->seen;
}

/* Nothing is left to chance where every block was large. */
static double high_end(const tn_spread *s, double interval_bytes)
{
    bool few = is_few(s);
    double mean = s->unseen + (few ? interval_bytes : s->step_unseen);
    double variance = s->variance + (few ? interval_bytes * interval_bytes : s->step_variance);
    if (!(variance > 0))
        return s->seen + s->unseen;
    double x = tn__gamma_quantile(mean * mean / variance, 1 - tail) * (variance / mean);
    return s->seen + x + (s->seen > 0 ? (x < s->step / 2 ? x : s->step / 2) : 0);
}

tn_interval tn__spread_interval(const tn_spread *s, double interval_bytes)
{
    return (tn_interval){low_end(s, interval_bytes), high_end(s, interval_bytes)};
}

/* Zou and Donner, Construction of confidence limits about effect measures (2008). */
tn_interval tn__interval_minus(double a, tn_interval of_a, double b, tn_interval of_b)
{
    return (tn_interval){a - b - hypot(a - of_a.low, of_b.high - b), a - b + hypot(of_a.high - a, b - of_b.low)};
}
