/* crew.h - a few threads for one piece of work. Helpers run no code of the target, block all signals, and are gone, with
 * their stacks, when the call returns.
 */
#ifndef TN_CREW_H
#define TN_CREW_H

#include <stdint.h>

/* Processors that this thread may keep busy, by its affinity and the quota of its control group; at most cap, at least 1. */
uint32_t tn_crew_size(uint32_t cap);

/* Calls work(ctx, 0) on this thread and work(ctx, i), 0 < i < n, on others; returns when all have. Where the system gives
 * no more threads there are fewer calls, so work must take its share from a common store until that is empty. n <= 16.
 * Returns how many threads there were. */
uint32_t tn_crew_run(uint32_t n, void (*work)(void *ctx, uint32_t index), void *ctx);

#endif
