/* growth.h - three snapshots and more of one process, oldest first: what grows from each to the next. Private to lib/. */
#ifndef TN_GROWTH_H
#define TN_GROWTH_H

#include "analysis/diff.h"

typedef struct tn_growth_row {
    const char *name;       /* of a type, a module, a group */
    uint64_t number;        /* where that is a size; else TN_UNKNOWN */
    const tn_tally *series; /* one a snapshot */
    double slope, error;    /* bytes a second by least squares, and its standard error (NaN of two snapshots) */
    uint32_t n_up, n_down;  /* steps in which the bytes grew, shrank */
} tn_growth_row;

typedef struct tn_growth_collection {
    uint32_t node;  /* in the last snapshot */
    uint32_t start; /* first snapshot of its growth: since then it has never held less */
    uint32_t n_up;  /* steps in which it grew */
    size_t series;  /* of its lengths in tn_growth.lengths; known from start on */
} tn_growth_collection;

typedef struct tn_growth {
    const tn_alloc *alloc;
    tn_snapshot *const *snapshots;
    uint32_t n;
    const char *why; /* NULL: all of one process; else why not, and there is nothing but rows */
    double *seconds; /* after the first; their numbers where the files do not say when they were taken */
    bool timed;
    tn_tally *totals;
    tn_growth_row *rows; /* those that only grow first, then by slope */
    size_t n_rows, row_capacity;
    tn_tally *series;
    tn_buf collections; /* tn_growth_collection; those that grew in most steps first, then by growth */
    tn_buf lengths;     /* uint64_t, n a series */
    tn_arena names;     /* of the rows */
    uint16_t *births;   /* for each object of the current snapshot the first one that has it */
    uint32_t n_births;
    tn_set *grown; /* of the last: born after the first snapshot and before the last */
} tn_growth;

enum { TN_GROWTH_MAX = 65535 }; /* snapshots */

/* Snapshots are compared two at a time; memory of both, and 2 bytes an object. */
int tn__growth(tn_snapshot *const *snapshots, size_t n, enum tn_by by, const char *where, tn_growth *out,
               tn_error *err);
void tn__growth_free(tn_growth *g);

#endif
