/* traced_samples.h - what was sampled of processor time, in a snapshot: SAMP, and facts sample.*. No Python.h. */
#ifndef TN_TRACED_SAMPLES_H
#define TN_TRACED_SAMPLES_H

#include "engine/engine.h"
#include "record/sampler.h"

typedef struct tn_traced_samples {
    tn_sampled now;
    tn_buf rows; /* tn_sample_row */
} tn_traced_samples;

/* first_stack: rows of STAK before the recorder's. Copied before the stacks are. TN_ENOMEM. */
int tn_traced_samples_take(tn_walk *w, bool redact, uint32_t first_stack, tn_traced_samples *out);
int tn_traced_samples_save(const tn_traced_samples *s, tn_writer *writer, tn_error *err);
void tn_traced_samples_tell(const tn_traced_samples *s, void (*number)(void *ctx, const char *key, uint64_t value),
                            void (*word)(void *ctx, const char *key, const char *word), void *ctx);

#endif
