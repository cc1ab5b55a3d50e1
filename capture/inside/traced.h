/* traced.h - what the recorder of allocations knows, in a snapshot. No Python.h.
 *
 * Blocks, sums, stacks and code objects are copied when the walk is done, while the world stands still or in the forked child:
 * then the recorder may go on, be cleared or stopped. Joining and writing come afterwards.
 */
#ifndef TN_TRACED_H
#define TN_TRACED_H

#include "engine/engine.h"
#include "record/recorded.h"

#define TN_NO_MEMORY_TO_COPY \
    "not enough memory for a copy of what was recorded of allocations: free some, or stop tracing"

typedef struct tn_traced tn_traced; /* in memory of the walk */

/* *out is NULL where nothing is recorded or sampled. blocks: those, too, not only sums. With the GIL. TN_ENOMEM. */
int tn_traced_take(tn_walk *w, bool redact, bool blocks, tn_traced **out, tn_error *err);
/* SAMP, SITE, and the columns of blocks; before tn_walk_save. t NULL: nothing. */
int tn_traced_save(tn_traced *t, tn_walk *w, tn_writer *writer, tn_error *err);
void tn_traced_free(tn_traced *t); /* NULL allowed; before the walk is freed */

/* Facts trace.* and sample.* (docs/facts.md), once it is saved; t NULL: whether there was ever a recorder. */
void tn_traced_tell(const tn_traced *t, void (*number)(void *ctx, const char *key, uint64_t value),
                    void (*word)(void *ctx, const char *key, const char *word), void *ctx);
uint64_t tn_traced_resident(const tn_traced *t); /* memory of the recorder itself; t NULL: 0 */

#endif
