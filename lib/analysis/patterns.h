/* patterns.h - who refers to a set, kind by kind. Private to lib/.
 *
 *   patterns.c       from the set outwards: the rows, breadth first
 *   pattern_rows.c   names, kinds and members of rows, as the public header has them
 *
 *        set (row 0) <- referrers of kind a <- their referrers of kind aa, ab
 *                    <- referrers of kind b          ^ b: they are in row b already: a loop
 */
#ifndef TN_PATTERNS_H
#define TN_PATTERNS_H

#include "analysis/analysis.h"
#include "analysis/suspects.h"
#include "graph/graph.h"

enum { TN_PATTERN_WIDEST = 26 + 26 * 26, TN_PATTERN_LABELS = 4, TN_PATTERN_MOST_ROWS = 10000 };

typedef struct tn_pattern_label {
    enum tn_label_style style;
    const char *text; /* strings of a snapshot are distinct, so the pointer tells */
    uint32_t key;
    uint64_t count;
} tn_pattern_label;

/* Equal labels are counted together as far as there is room: the first ones met. */
typedef struct tn_pattern_labels {
    tn_pattern_label at[TN_PATTERN_LABELS];
    uint64_t references, entries; /* all; those that are entries of dicts */
} tn_pattern_labels;

typedef struct tn_pattern_link {
    uint32_t row, from;
    tn_pattern_labels labels;
} tn_pattern_link;

typedef struct tn_pattern_node {
    uint32_t parent, depth, letter; /* letter: place among its siblings */
    uint64_t kind;                  /* group; of a root, the number of groups + its node; of the REST nothing */
    uint32_t n_kinds;
    uint32_t first, n; /* in members */
    uint32_t held;
    uint32_t dicts; /* of members */
    uint64_t bytes;
    enum tn_pattern_end end;
    tn_pattern_labels labels;
    uint32_t first_loop, n_loops;
} tn_pattern_node;

struct tn_patterns {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_patterns_options options;
    tn_set *set;       /* row 0 */
    tn_groups *groups; /* the kinds, of all objects */
    uint32_t set_kind; /* group that all of the set is in; TN_NONE */
    tn_kinds kinds;    /* what types mean: which end a branch */
    tn_graph graph;
    tn_backward backward; /* once it is needed */
    const uint64_t *sizes;
    uint8_t *holds;
    uint32_t *row_of;   /* of each node, with that of its owner for a folded dict; TN_NONE */
    uint32_t *owner_of; /* of each dict that is a part of an object; NULL: nothing is folded */
    tn_buf rows;        /* tn_pattern_node */
    tn_buf members;     /* uint32_t, by row */
    tn_buf loops;       /* tn_pattern_link, by row */
    tn_buf text, name, labels[TN_PATTERN_WAYS];
};

static inline uint32_t tn__pattern_count(const tn_patterns *p)
{
    return (uint32_t)(p->rows.size / sizeof(tn_pattern_node));
}
static inline tn_pattern_node *tn__pattern_at(const tn_patterns *p, uint32_t row)
{
    return (tn_pattern_node *)(void *)p->rows.data + row;
}
static inline const uint32_t *tn__pattern_members(const tn_patterns *p, uint32_t row)
{
    const uint32_t *all = (const uint32_t *)(const void *)p->members.data;
    return all ? all + tn__pattern_at(p, row)->first : NULL; /* of nothing selected there are none */
}
/* Depth and width that a row needs to be there, with as much below it as they say. EINVAL: no name, or too many levels. */
int tn__pattern_reach(const char *name, uint32_t *depth, uint32_t *width, tn_error *err);
/* The dict that counts as a part of an object; TN_NONE. */
uint32_t tn__pattern_dict(const tn_patterns *p, uint32_t node);

#endif
