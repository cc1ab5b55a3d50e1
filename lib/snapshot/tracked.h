/* tracked.h - what a tracker knew of classes and their instances (docs/format.md, TRAK), read and checked when first asked for.
 *
 *   rules -> kinds (exact types) -> instances, by serial number
 *   moments: sizes of kinds and of instances at one time, some with a tree of parts
 *
 * Times are of the monotonic clock. Texts are never NULL but where they say so.
 */
#ifndef TN_TRACKED_H
#define TN_TRACKED_H

#include "base/base.h"

enum { TN_TRACKED_AGES = 40 };
enum { TN_TRACKED_KEEP = 1, TN_TRACKED_TRACE = 2, TN_TRACKED_SUBCLASSES = 4 };

typedef struct tn_tracked_rule {
    const char *name, *label; /* NULL: of one object; without a name of its own */
    uint32_t resolution_level, flags;
} tn_tracked_rule;

typedef struct tn_tracked_kind {
    const char *name;
    uint32_t rule, n_bases;
    const uint32_t *bases; /* kinds */
    uint64_t born, found, died, morphed, lifetime_ns;
    const uint64_t *ages; /* TN_TRACKED_AGES: deaths below 1 ms, 2 ms, 4 ms, … */
} tn_tracked_kind;

typedef struct tn_tracked_frame {
    const char *file, *function;
    uint32_t line; /* 0: not known */
} tn_tracked_frame;

typedef struct tn_tracked_stack {
    uint32_t n;
    const tn_tracked_frame *frames; /* innermost first */
} tn_tracked_stack;

typedef struct tn_tracked_instance {
    uint64_t serial, birth_ns, death_ns, address; /* death_ns TN_UNKNOWN: alive; address 0: not known */
    uint32_t kind;
    bool found;                               /* it was there before it was tracked */
    uint32_t stack;                           /* 0: not known, else 1 + index */
    const char *label, *morphed_to, *preview; /* NULL: none */
} tn_tracked_instance;

typedef struct tn_tracked_sum {
    uint32_t kind, zero;
    uint64_t active, bytes, flat_bytes, retained_bytes; /* bytes add up; retained: of all instances together */
} tn_tracked_sum;

typedef struct tn_tracked_part {
    uint32_t depth, more; /* more: parts of it that are not told */
    const char *label, *type;
    uint64_t bytes;
} tn_tracked_part;

typedef struct tn_tracked_tree {
    uint64_t serial;
    uint32_t n;
    const tn_tracked_part *parts; /* in pre-order */
} tn_tracked_tree;

typedef struct tn_tracked_moment {
    uint64_t number, wall_ns, monotonic_ns, duration_ns, pause_ns;
    uint64_t rss_bytes, own_bytes, heap_count, heap_bytes; /* heap: TN_UNKNOWN without; rss 0: not known */
    uint64_t tracked_bytes, shared_bytes, shared_count, more;
    const char *description;
    uint32_t n_sums;
    const tn_tracked_sum *sums;
    size_t n_sizes; /* columns of as many, serials ascend */
    const uint64_t *serials, *flat, *part, *retained;
    size_t first_tree, n_trees; /* of all trees */
} tn_tracked_moment;

typedef struct tn_tracked {
    uint64_t started_wall_ns, started_ns, now_ns, stopped_ns; /* TN_UNKNOWN: it went on */
    size_t n_rules, n_kinds, n_stacks, n_instances, n_moments, n_trees;
    const tn_tracked_rule *rules;
    const tn_tracked_kind *kinds;
    const tn_tracked_stack *stacks;
    const tn_tracked_instance *instances;
    const tn_tracked_moment *moments;
    const tn_tracked_tree *trees;
} tn_tracked;

/* Kept by the snapshot. ENOTFOUND: nothing was tracked. Cost: a pass over the chunk, once. */
int tn__snapshot_tracked(tn_snapshot *s, const tn_tracked **out, tn_error *err);
bool tn__tracked_there(const tn_snapshot *s);
/* Row of a serial in the sizes of a moment, or SIZE_MAX. O(log rows) */
size_t tn__tracked_row(const tn_tracked_moment *m, uint64_t serial);

#endif
