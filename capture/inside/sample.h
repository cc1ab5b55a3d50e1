/* sample.h - the sampler of processor time (record/sampler.h) in this interpreter.
 *
 *   sample.c          finds the places, starts and stops
 *   sample_names.c    names of threads and tasks, read while their threads run
 *   traced_samples.c  what was sampled, in a snapshot
 */
#ifndef TN_SAMPLE_H
#define TN_SAMPLE_H

#include "inside/inside.h"
#include "record/sampler.h"

/* With the GIL of the main interpreter. TN_EINVAL: it runs, or no such clock or interval; TN_EVERSION; TN_ENOMEM; TN_ELIMIT. */
int tn_sample_start(const tn_inside *inside, const tn_sample_options *options, tn_error *err);

/* Whether bytes are sampled in the place of time: the recorder of allocations does it, and files name the clock. With the GIL. */
extern bool tn_sample_of_bytes;

/* ---- sample_names.c ---- */

void tn_sample_names_start(const tn_layout *layout, const tn_sample_places *places);
uint32_t tn_sample_thread_name(uint64_t outermost_frame, char *out, uint32_t cap);
uint32_t tn_sample_task_name(uint64_t handle_frame, char *out, uint32_t cap);

#endif
