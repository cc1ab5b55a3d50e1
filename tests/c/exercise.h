/* exercise.h - calls everything that reads a snapshot, whatever is in it. */
#ifndef TN_EXERCISE_H
#define TN_EXERCISE_H

#include "tonnage.h"

/* Status of the first call that failed, or 0. None may crash. */
int exercise(tn_snapshot *s);

/* Opens bytes and exercises; also as a truncated file. Status of opening without partial, else of exercise. */
int exercise_bytes(const void *bytes, size_t n, const tn_alloc *alloc, uint64_t max_memory_bytes);

#endif
