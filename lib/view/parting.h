/* parting.h - rows that are groups of nodes by any enum tn_by, with sums that groups.c has not: references, what is retained.
 * Private to lib/view.
 *
 * A node has a *place*: that of its group, or, where it is no object of the set that was parted, that of its type behind
 * these (frames, tonnage's own objects); keys that dicts share have the last one.
 */
#ifndef TN_PARTING_H
#define TN_PARTING_H

#include "analysis/suspects.h"
#include "view/summary.h"

typedef struct tn_parting {
    tn_snapshot *snapshot;
    tn_graph graph;
    enum tn_by by;
    tn_groups *groups;  /* in order of kind; NULL: not open, or */
    uint32_t *place_of; /* of each object, TN_NONE of those that were not parted */
    const char **names; /* of the groups */
    tn_arena arena;
    uint32_t n_groups, n_places;
    tn_buf label;
} tn_parting;
static inline bool tn__parting_is_open(const tn_parting *p)
{
    return p->groups || p->place_of;
}

/* The set may go once it is open. */
int tn__parting_open(tn_snapshot *s, const tn_set *set, enum tn_by by, bool fold, tn_parting *out, tn_error *err);
/* The same of what stands in the dominator tree: by MODULE a dict or a list is of the module that holds it (docs/graph.md). */
int tn__parting_open_tree(tn_snapshot *s, const tn_set *set, enum tn_by by, tn_parting *out, tn_error *err);
void tn__parting_close(tn_parting *p); /* zeroes allowed */
int tn__place_of(tn_parting *p, uint32_t node, uint32_t *place, tn_error *err);
static inline uint32_t tn__place_of_keys(const tn_parting *p)
{
    return p->n_places - 1;
}
/* Not escaped; until the next call. */
int tn__place_label(tn_parting *p, uint32_t place, const char **label, tn_error *err);
/* Under the key that rows of this kind have; a number where it is one. */
int tn__place_json(tn_parting *p, uint32_t place, tn_json *j, tn_error *err);

const char *tn__place_heading(enum tn_by by);

/* ---- module_of.c: fills place_of, names and n_groups ---- */
int tn__parting_modules(tn_snapshot *s, const tn_set *set, tn_parting *p, tn_error *err);

/* ---- rows ---- */

typedef struct tn_place_sum {
    uint32_t place;
    uint64_t rows, count, size, retained;
} tn_place_sum;
typedef struct tn_place_sums {
    const tn_alloc *alloc;
    tn_place_sum *rows; /* one a place; closed up: those with something, in order */
    uint32_t n, capacity;
} tn_place_sums;
enum tn_place_column { TN_PLACE_RETAINED, TN_PLACE_COUNT, TN_PLACE_ROWS, TN_PLACE_SIZE, TN_PLACE_KIND };
int tn__place_sums_open(const tn_parting *p, tn_place_sums *out, tn_error *err);
int tn__place_sums_sort(tn_place_sums *sums, enum tn_place_column column, bool descending, tn_snapshot *s,
                        tn_error *err);
void tn__place_sums_close(tn_place_sums *sums);

#endif
