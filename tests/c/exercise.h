/* exercise.h - calls everything that reads a snapshot (exercise.c) or works something out (questions.c,
 * site_questions.c, cpu_questions.c), whatever is in it. */
#ifndef TN_EXERCISE_H
#define TN_EXERCISE_H

#include "tonnage.h"

/* Status of the first call that failed, or 0. None may crash. */
int exercise(tn_snapshot *s);

/* Opens bytes and exercises; also as a truncated file. Status of opening without partial, else of exercise. */
int exercise_bytes(const void *bytes, size_t n, const tn_alloc *alloc, uint64_t max_memory_bytes);

/* Asks for paths, sets, groups, differences and every view of a snapshot that is small, and for its index with a byte changed.
 * Status of opening, or of the first that failed otherwise than by EINVAL or ENOTFOUND, or 0. */
int exercise_questions(const void *bytes, size_t n, uint64_t max_memory_bytes);

/* The part of these that is about sites: of s, alone and compared with another snapshot. */
int exercise_sites(tn_snapshot *older, tn_snapshot *s, const tn_sink *sink);
/* ... and that about samples. */
int exercise_profile(tn_snapshot *older, tn_snapshot *s, const tn_sink *sink);

#endif
