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
    TN_COND_SIZE,
    TN_COND_TEXT,
    TN_COND_ADDRESS,
    TN_COND_COUNT,
    TN_COND_LARGEST,
    TN_COND_KINDS
};
enum tn_compare { TN_CMP_EQ, TN_CMP_LT, TN_CMP_LE, TN_CMP_GT, TN_CMP_GE };
enum { /* which conditions a selection may hold */
       TN_SELECT_OBJECTS =
           1 << TN_COND_TYPE | 1 << TN_COND_MODULE | 1 << TN_COND_SIZE | 1 << TN_COND_TEXT | 1 << TN_COND_ADDRESS,
       TN_SELECT_ROWS = 1 << TN_COND_SIZE | 1 << TN_COND_COUNT | 1 << TN_COND_LARGEST,
       TN_SELECT_FACTS = 1 << TN_COND_TEXT | 1 << TN_COND_SIZE,
       TN_SELECT_FINDINGS = 1 << TN_COND_TEXT,
};

typedef struct tn_condition {
    enum tn_condition_kind kind;
    enum tn_compare compare;
    bool negated, prefix, subclasses;
    uint64_t number; /* bytes, count, address; after binding an address: the node, or TN_NONE */
    const char *text;
    size_t n_text;
} tn_condition;

typedef struct tn_selection {
    const tn_alloc *alloc;
    tn_arena arena;
    tn_buf conditions; /* tn_condition */
    size_t n;
} tn_selection;

int tn__selection_parse(const tn_alloc *a, const char *text, unsigned allowed, tn_selection *out, tn_error *err);
void tn__selection_free(tn_selection *sel);
static inline tn_condition *tn__selection_at(const tn_selection *sel, size_t i)
{
    return (tn_condition *)(void *)sel->conditions.data + i;
}
bool tn__condition_number(const tn_condition *c, uint64_t value); /* negation included */

/* ---- match.c: a selection against one snapshot ---- */

int tn__selection_bind(const tn_selection *sel, tn_snapshot *s, tn_error *err); /* addresses become nodes */
int tn__selection_types(const tn_selection *sel, tn_snapshot *s, uint8_t *ok, tn_error *err); /* one byte a type */
/* Conditions on text and address; 1 holds, 0 does not, or an error. */
int tn__selection_node(const tn_selection *sel, tn_snapshot *s, uint32_t id, tn_error *err);
/* A row that is no object: its two texts, its size or NULL (no condition on sizes holds then). */
bool tn__selection_row(const tn_selection *sel, const char *first, const char *second, const uint64_t *size);

/* ---- scan.c ---- */

enum { TN_TILE = 2048 };
enum tn_tile_state { TN_ROW_SELECTED, TN_ROW_OTHER, TN_ROW_OWN };

typedef struct tn_scan {
    tn_snapshot *snapshot;
    const tn_selection *selection; /* NULL: all */
    const tn_set *within;          /* of these only; NULL: all */
    uint8_t *shape_state;          /* one byte a shape */
    uint32_t n_shapes, n_objects;
    size_t block;    /* next one to decode */
    uint32_t offset; /* in the current block */
    tn_block shap, size, flag;
    bool by_size, by_node;
    /* the current tile: objects first .. first + n - 1 */
    uint32_t first, n;
    bool all; /* every state is TN_ROW_SELECTED */
    uint32_t shape[TN_TILE];
    uint64_t bytes[TN_TILE];
    uint8_t state[TN_TILE];
} tn_scan;
int tn__scan_open(tn_snapshot *s, const tn_selection *sel, const tn_set *within, tn_scan **out, tn_error *err);
int tn__scan_next(tn_scan *scan, tn_error *err); /* 1: a tile is there; 0: the end */
void tn__scan_close(tn_scan *scan);

/* ---- set.c ---- */

struct tn_set {
    const tn_alloc *alloc;
    uint32_t n, count; /* n: ids below it */
    uint64_t *words;
};
int tn__set_new(const tn_alloc *a, uint32_t n, tn_set **out, tn_error *err);
void tn__set_add(tn_set *set, uint32_t id);
/* All objects but tonnage's own; the snapshot's. */
int tn__set_of_all(tn_snapshot *s, const tn_set **out, tn_error *err);

/* ---- where.c ---- */

/* tn_set_where, of these objects only; within may be NULL. */
int tn__set_where(tn_snapshot *s, const char *selection, const tn_set *within, tn_set **out, tn_error *err);

/* ---- groups.c ---- */

typedef struct tn_group_row {
    const char *name; /* full name of a type, a module; NULL by size */
    uint64_t each;    /* by size: the size */
    uint64_t count, bytes;
    uint64_t top; /* largest + 1; 0: none yet */
    uint32_t largest_id;
} tn_group_row;
static inline uint64_t tn__group_largest(const tn_group_row *row)
{
    return row->top ? row->top - 1 : 0;
}

typedef struct tn_census {
    const tn_alloc *alloc;
    tn_group_row *rows;
    size_t n_rows, capacity;
    tn_group_row total, own;
} tn_census;
enum tn_census_column { TN_CENSUS_SIZE, TN_CENSUS_COUNT, TN_CENSUS_LARGEST, TN_CENSUS_NAME };

int tn__census(tn_snapshot *s, const tn_view_options *o, tn_census *out, tn_error *err); /* by, where, set */
int tn__census_filter(tn_census *census, const char *where_rows, size_t *n_removed, tn_error *err);
void tn__census_sort(tn_census *census, enum tn_census_column column, bool descending);
void tn__census_free(tn_census *census);

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
/* The limit biggest (or smallest) of the selected objects, in order; limit 0: all. within may be NULL. */
int tn__top(tn_snapshot *s, const char *where, const tn_set *within, uint32_t limit, bool smallest, tn_top *out,
            tn_error *err);
void tn__top_free(tn_top *top);

#endif
