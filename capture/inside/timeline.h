/* timeline.h - how memory went while the process lived: samples in a bounded array. When it is full, every second sample
 * goes and the interval doubles, so that the whole life stays covered. No Python.h.
 */
#ifndef TN_TIMELINE_H
#define TN_TIMELINE_H

#include "snapshot/writer.h"

enum { TN_TIMELINE_ROWS = 4096 };

/* Begins anew. counts: three words that are read without a lock at each sample, or NULL: unknown. TN_ENOMEM. */
int tn_timeline_start(uint64_t interval_ns, const uint32_t *const counts[3], tn_error *err);
void tn_timeline_stop(void);   /* and drops the samples */
void tn_timeline_forget(void); /* in a child after fork: like stop, whatever another thread was about */

/* Takes the sample if it is due; returns when the next one is, UINT64_MAX: never. */
uint64_t tn_timeline_tick(uint64_t now_ns);

/* A copy for a capture, taken while the process runs; saving it takes no lock and no memory of malloc, so a child made by a
 * bare clone can. Without samples it is empty and save writes nothing. */
typedef struct tn_timeline_copy {
    tn_time_row *rows;
    uint32_t n;
} tn_timeline_copy;
int tn_timeline_freeze(tn_timeline_copy *out, tn_error *err); /* TN_ENOMEM */
int tn_timeline_save(const tn_timeline_copy *copy, tn_writer *writer, tn_error *err);
void tn_timeline_release(tn_timeline_copy *copy);

#endif
