/* trace_live.h - what is alive now, summed up by where it was allocated, without a snapshot. No Python.h.
 *
 * Frames are those that a snapshot has (traced_rules.h): what started the program is none, and tonnage's own is a sum apart.
 */
#ifndef TN_TRACE_LIVE_H
#define TN_TRACE_LIVE_H

#include "base/base.h"
#include "stacks/spread.h"

enum tn_live_by { TN_LIVE_FILE, TN_LIVE_LINE, TN_LIVE_FUNCTION, TN_LIVE_BYS };

typedef struct tn_live tn_live;

typedef struct tn_live_sum {
    int64_t bytes;
    double count; /* of blocks; an estimate where they are sampled */
} tn_live_sum;

/* file is "" of what has none, such as <native>, which has a name; else the name is that of the function, if rows are
 * functions, and line 0 unless rows are lines that are known. */
typedef struct tn_live_row {
    const char *file, *name; /* not terminated; they last as long as the table */
    uint32_t n_file, n_name, line;
    tn_live_sum sum;
    tn_interval range; /* of bytes, 95 %; both ends are bytes where nothing is left to chance */
} tn_live_row;

/* cumulative: a block counts in the row of each frame of its stack, once, instead of in that of the innermost. With the
 * GIL. Cost: O(stacks), cumulative O((sites + samples) * depth). TN_ENOMEM. */
int tn_live_take(enum tn_live_by by, bool cumulative, tn_live **out, tn_error *err);
uint32_t tn_live_n(const tn_live *live);
tn_live_row tn_live_row_at(const tn_live *live, uint32_t index);
tn_live_sum tn_live_total(const tn_live *live); /* of all blocks but tonnage's own */
tn_live_sum tn_live_own(const tn_live *live);
void tn_live_free(tn_live *live);

#endif
