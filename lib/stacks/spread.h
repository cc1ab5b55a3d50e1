/* spread.h - 95 % intervals of sums over sampled blocks (docs/decisions/intervals.md). */
#ifndef TN_SPREAD_H
#define TN_SPREAD_H

#include <stdint.h>

/* Of the bytes of blocks, each of which was seen with a chance p. */
typedef struct tn_spread {
    uint64_t n;                              /* blocks that were seen */
    double seen;                             /* their bytes: surely there */
    double unseen;                           /* bytes (1 - p) / p of each: expected beside them */
    double variance;                         /* bytes² (1 - p) / p² */
    double step, step_unseen, step_variance; /* the same of the one block that adds most */
} tn_spread;
typedef struct tn_interval {
    double low, high;
} tn_interval;

double tn__site_chance(uint64_t bytes, uint64_t interval_bytes); /* that a block is sampled; interval 0: it is */
void tn__spread_add(tn_spread *s, uint64_t bytes, uint64_t interval_bytes);
void tn__spread_merge(tn_spread *into, const tn_spread *from);
/* Of an estimate alone: all blocks count as small ones, and as many as it takes. */
tn_spread tn__spread_of(double bytes, double interval_bytes);
/* 95 %. That there is anything to tell, because one of the blocks was seen, counts. */
tn_interval tn__spread_interval(const tn_spread *s, double interval_bytes);
/* Of a difference of two estimates that do not depend on each other. */
tn_interval tn__interval_minus(double a, tn_interval of_a, double b, tn_interval of_b);
/* What a share of the values of a gamma distribution lies below. */
double tn__gamma_quantile(double shape, double share);

#endif
