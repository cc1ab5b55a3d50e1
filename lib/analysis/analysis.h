/* analysis.h - from nodes to selections, sets, groups and ranks. Private to lib/.
 *
 *   selection text -> tn_selection -> tn_scan (tiles of nodes) -> tn_set, tn_census, tn_top
 *
 * A scan decodes the columns SHAP, SIZE and FLAG block by block and keeps none of them.
 */
#ifndef TN_ANALYSIS_H
#define TN_ANALYSIS_H

#include "base/base.h"
#include "snapshot/reader.h"

/* ---- selection.c: the grammar of docs/selection.md ---- */

enum tn_condition_kind {
    TN_COND_TYPE,
    TN_COND_MODULE,
    TN_COND_DIST,
    TN_COND_SIZE,
    TN_COND_REFCOUNT,
    TN_COND_LENGTH,
    TN_COND_FLAG,
    TN_COND_TEXT,
    TN_COND_ADDRESS,
    TN_COND_RETAINED,
    TN_COND_ROOT,
    TN_COND_DOMINATED,
    TN_COND_IS,
    TN_COND_SITE,
    TN_COND_COUNT,
    TN_COND_LARGEST,
    TN_COND_KINDS
};
enum { /* which conditions a selection may hold */
       TN_SELECT_ROWS = 1 << TN_COND_SIZE | 1 << TN_COND_COUNT | 1 << TN_COND_LARGEST,
       TN_SELECT_FACTS = 1 << TN_COND_TEXT | 1 << TN_COND_SIZE,
       TN_SELECT_FINDINGS = 1 << TN_COND_TEXT,
       TN_SELECT_TRACKED =
           1 << TN_COND_TYPE | 1 << TN_COND_MODULE | 1 << TN_COND_SIZE | 1 << TN_COND_RETAINED | 1 << TN_COND_TEXT,
       TN_SELECT_OBJECTS = ((1 << TN_COND_KINDS) - 1) & ~(1 << TN_COND_COUNT | 1 << TN_COND_LARGEST),
};

/* Conditions are looked at in order, from the first one on; each says where to go on. A later condition, or: */
#define TN_ACCEPT UINT32_MAX
#define TN_REJECT (UINT32_MAX - 1)
enum { TN_MAX_CONDITIONS = 1000 };

typedef struct tn_condition {
    enum tn_condition_kind kind;
    bool prefix, subclasses;
    uint32_t next[2];   /* where it does not hold; where it does */
    uint64_t low, high; /* numbers: the range, both ends in it; flags: bits that are looked at, and as they must be; is:
                           enum tn_is */
    uint32_t type_flags;
    const char *text;
    const uint64_t *addresses;
    size_t n_text, n_addresses;
    /* after binding, where the kind has such: */
    uint8_t *by_type; /* one byte a type */
    tn_set *members;
} tn_condition;

typedef struct tn_selection {
    const tn_alloc *alloc;
    tn_arena arena;
    tn_buf conditions; /* tn_condition */
    size_t n;
    uint32_t n_types;     /* of by_type */
    const tn_diff *since; /* what is: compares with; set by whoever has it, before binding */
} tn_selection;

/* What text selects and, where further is not NULL, further too. */
int tn__selection_parse(const tn_alloc *a, const char *text, const char *further, unsigned allowed, tn_selection *out,
                        tn_error *err);
void tn__selection_free(tn_selection *sel);
/* Whether a selection of objects has a word is:. */
int tn__selection_compares(const tn_alloc *a, const char *text, bool *compares, tn_error *err);
static inline tn_condition *tn__selection_at(const tn_selection *sel, size_t i)
{
    return (tn_condition *)(void *)sel->conditions.data + i;
}
bool tn__condition_number(const tn_condition *c, uint64_t value);
/* Asks holds (1, 0, or an error) for one condition after another until it is decided; returns what is decided. */
typedef int (*tn_holds)(void *ctx, const tn_condition *c);
int tn__selection_decide(const tn_selection *sel, tn_holds holds, void *ctx);

/* ---- match.c: a selection against one snapshot ---- */

enum tn_decision { TN_DECIDED_NOT, TN_DECIDED, TN_UNDECIDED };

int tn__selection_bind(tn_selection *sel, tn_snapshot *s, tn_error *err);
/* What is already decided by its shape, for every shape; after binding. */
void tn__selection_shapes(const tn_selection *sel, tn_snapshot *s, uint8_t *decisions);
typedef struct tn_candidate {
    tn_snapshot *snapshot;
    uint32_t id, shape, flags;
    uint64_t bytes;
    tn_error *err;
} tn_candidate;
int tn__selection_object(const tn_selection *sel, tn_candidate *object); /* 1, 0, or an error */
/* A row that is no object: its two texts, its size or NULL (no condition on sizes holds then). */
bool tn__selection_row(const tn_selection *sel, const char *first, const char *second, const uint64_t *size);

/* ---- distribution.c ---- */

/* For each type the distribution that its module was installed with, or a word in brackets (docs/selection.md). Kept with
 * the snapshot. Cost: previews are loaded; modules and their dicts are looked through. */
int tn__distributions(tn_snapshot *s, const char *const **by_type, tn_error *err);
/* Modules by the names they have, with the files they came from: NULL where that is not known. Kept likewise. */
typedef struct tn_named_module {
    const char *name, *distribution, *file;
} tn_named_module;
int tn__named_modules(tn_snapshot *s, const tn_named_module **rows, size_t *n, tn_error *err);
/* NULL without memory. cut: the path goes on, so what its end would say is unknown. */
const char *tn__distribution_of_path(tn_arena *arena, const char *path, bool cut);
/* What follows ".../lib/python3.N/" (lib64; 3.Nt without the lock), NULL without it. A program may have such a name too. */
const char *tn__in_library(const char *path);

/* ---- scan.c ---- */

enum { TN_TILE = 2048 };
enum tn_tile_state { TN_ROW_SELECTED, TN_ROW_OTHER, TN_ROW_OWN, TN_ROW_UNDECIDED };

typedef struct tn_scan {
    tn_snapshot *snapshot;
    const tn_selection *selection; /* NULL: nothing is left to decide */
    const tn_set *within;          /* of these only; NULL: all */
    uint8_t *shape_state;          /* one byte a shape */
    uint32_t n_shapes, n_objects;
    size_t block;    /* next one to decode */
    uint32_t offset; /* in the current block */
    tn_block shap, size, flag;
    bool undecided; /* some shape leaves it to the object */
    /* the current tile: objects first .. first + n - 1 */
    uint32_t first, n;
    bool all; /* every state is TN_ROW_SELECTED */
    uint32_t shape[TN_TILE];
    uint64_t bytes[TN_TILE];
    uint8_t state[TN_TILE];
} tn_scan;
/* sel, which may be NULL, is bound here; both must outlive the scan. */
int tn__scan_open(tn_snapshot *s, tn_selection *sel, const tn_set *within, tn_scan **out, tn_error *err);
int tn__scan_next(tn_scan *scan, tn_error *err); /* 1: a tile is there; 0: the end */
void tn__scan_close(tn_scan *scan);
static inline uint32_t tn__scan_flags(const tn_scan *scan, uint32_t i) /* of the i-th object of the tile */
{
    return scan->flag.data ? (uint32_t)tn__block_at(&scan->flag, scan->first + i - (uint32_t)scan->flag.first_row) : 0;
}

/* ---- set.c ---- */

struct tn_set {
    const tn_alloc *alloc;
    uint32_t n, count; /* n: ids below it */
    uint64_t *words;
};
int tn__set_new(const tn_alloc *a, uint32_t n, tn_set **out, tn_error *err);
void tn__set_add(tn_set *set, uint32_t id);
static inline bool tn__set_test(const tn_set *set, uint32_t id) /* id < n */
{
    return set->words[id / 64] >> (id % 64) & 1;
}
/* EINVAL when a set (NULL is none) is of another snapshot. */
int tn__set_check(tn_snapshot *s, const tn_set *set, tn_error *err);
/* set_parts.c: tn_set_numbers of TN_NUMBER_PART, and PART_COUNT */
int tn__set_parts(tn_snapshot *s, const tn_set *set, bool count, uint64_t *out, tn_error *err);
/* All objects but tonnage's own; the snapshot's. */
int tn__set_of_all(tn_snapshot *s, const tn_set **out, tn_error *err);

/* ---- where.c ---- */

/* The objects that the options select by where, where_rows and set. */
int tn__set_selected(tn_snapshot *s, const tn_view_options *o, tn_set **out, tn_error *err);

/* ---- heads.c ---- */

/* Words for the kinds of roots: "module" and so on. */
bool tn__root_kind_known(const char *word, size_t n);
/* "thread 'worker-2'", from the facts thread.N.node and .name. */
void tn__thread_name(tn_snapshot *s, uint32_t node, char *out, size_t cap);

/* ---- groups.c ---- */

typedef struct tn_group_sum {
    uint64_t count, bytes;
    uint64_t top;        /* largest + 1; 0: none yet */
    uint32_t largest_id; /* the first of the largest ones */
    uint32_t key;        /* row of the partition */
} tn_group_sum;
static inline uint64_t tn__group_largest(const tn_group_sum *sum)
{
    return sum->top ? sum->top - 1 : 0;
}

/* A group of one object. */
typedef struct tn_single {
    uint32_t size; /* bytes, UINT32_MAX for more than that too */
    uint32_t id;
} tn_single;

struct tn_partition;
struct tn_groups {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    enum tn_by by;
    struct tn_partition *partition;
    tn_set *within; /* what was parted; NULL: all */
    struct tn_fold *fold;
    tn_group_sum *sums;
    size_t n, capacity;
    tn_single *singles; /* by ID, in place of sums; with the sizes of all objects */
    size_t n_singles;
    const uint64_t *sizes;
    tn_group_sum total, own; /* own: tonnage's, in no group */
    uint64_t listed_bytes;   /* of the groups that are left */
    tn_buf label;
    /* when first asked for: */
    uint32_t *rows_of; /* key of each object, TN_NONE: not parted */
    uint32_t *places;  /* index of each key */
    size_t n_places;
};
/* Leaves groups out; their number is *n_removed. */
int tn__groups_filter(tn_groups *g, const char *where_rows, size_t *n_removed, tn_error *err);
void tn__group_add(tn_group_sum *sum, uint64_t bytes, uint32_t id);
bool tn__by_number(enum tn_by by); /* labels are sizes */
uint64_t tn__group_number(const tn_groups *g, uint32_t key);
/* A pass over what was parted: the tiles, and the key of each selected object. */
int tn__groups_scan(tn_groups *g, tn_scan **out, tn_error *err);
int tn__groups_next_tile(tn_groups *g, tn_scan *scan, uint32_t *keys, tn_error *err);
int tn__groups_none(const tn_groups *g, uint32_t index, tn_error *err); /* EINVAL: no such group */
void tn__groups_forget(tn_groups *g);                                   /* where the groups stand */

/* ---- group_singles.c ---- */

int tn__singles_make(tn_groups *g, tn_error *err);
int tn__singles_sort(tn_groups *g, enum tn_groups_column column, bool descending, tn_error *err);
tn_group_sum tn__groups_sum(const tn_groups *g, size_t i); /* of any groups */

/* ---- fold.c: dicts that count in what they are attributes of ---- */

typedef struct tn_fold {
    const tn_alloc *alloc;
    tn_set *folded; /* the dicts */
    tn_buf pairs;   /* tn_folded, by owner */
    size_t n, at;   /* pairs; next one in a pass over objects */
} tn_fold;
typedef struct tn_folded {
    uint32_t owner, dict;
    uint64_t bytes; /* of the dict */
} tn_folded;
int tn__fold_make(tn_snapshot *s, const tn_set *within, tn_fold **out, tn_error *err);
void tn__fold_free(tn_fold *fold);
void tn__fold_rewind(tn_fold *fold);
uint64_t tn__fold_extra(const tn_fold *fold, uint32_t owner); /* bytes that are folded into it */
void tn__fold_members(const tn_fold *fold, tn_set *members);  /* puts the dicts of members in */
void tn__fold_rows(const tn_fold *fold, uint32_t *rows_of);   /* of each object: dicts get those of their owners */
void tn__fold_tile(tn_fold *fold, tn_scan *scan);             /* sizes of owners grow, folded dicts are TN_ROW_OTHER */

/* ---- radix.c ---- */

typedef struct tn_sort_item {
    uint64_t value;
    size_t at;
} tn_sort_item;
/* Sorts n items by value with as many more as room; returns which of the two has them. differing: the bits in which values
 * differ. */
tn_sort_item *tn__radix_sort(tn_sort_item *from, tn_sort_item *to, size_t n, uint64_t differing);

/* ---- top.c ---- */

typedef struct tn_top_row {
    uint64_t bytes;
    uint32_t id, shape;
} tn_top_row;
typedef struct tn_top {
    const tn_alloc *alloc;
    tn_top_row *rows;
    size_t n_rows, capacity;
    uint64_t count, bytes; /* of all selected objects */
} tn_top;
/* The limit biggest (or smallest) of the objects that where, where_rows and set select, in order; limit 0: all. */
int tn__top(tn_snapshot *s, const tn_view_options *o, bool smallest, tn_top *out, tn_error *err);
void tn__top_free(tn_top *top);

#endif
