/* dominator_tree.h - rows of the views dominators, treemap and retained, and what holds each of them. Private to lib/view. */
#ifndef TN_DOMINATOR_TREE_H
#define TN_DOMINATOR_TREE_H

#include "analysis/suspects.h"
#include "view/heap_parts.h"
#include "view/summary.h"

typedef struct tn_tree_row {
    uint32_t id;    /* TN_NONE: a ghost, in place of more rows of this depth */
    uint32_t depth; /* from 0 */
    uint64_t retained, size;
    uint32_t count;              /* objects retained; of a ghost: rows left out */
    uint32_t type, n_references; /* of its dominator to it that hold; the first is: */
    tn_reference reference;
    bool attribute; /* the reference is out of a dict that is a part of an instance */
} tn_tree_row;

/* ---- held.c ---- */

/* Type of a node, and its address (0 of a synthetic one), without the columns that tn_node_get loads. */
int tn__type_and_address(tn_snapshot *s, uint32_t id, tn_type *type, uint64_t *address, tn_error *err);

/* Fills n_references and reference of all rows but ghosts: each dominator is gone through once. */
int tn__held_find(tn_snapshot *s, tn_tree_row *rows, size_t n, tn_error *err);
/* How the row is held, in words: "module json", "local rows of main()", "['user:7']", "static memory"; see docs/graph.md.
 * Into a buffer, which is emptied first and ends in a NUL. */
int tn__held_into(tn_snapshot *s, const tn_tree_row *row, tn_buf *out, tn_error *err);
/* "thread MainThread", appended without a NUL; TN_ENOMEM without a message. */
int tn__thread_words(tn_snapshot *s, uint32_t thread, tn_buf *out);

/* ---- dominator_rows.c: what the pages dominators and treemap share ---- */

typedef struct tn_tree {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    const tn_view_options *options;
    const tn_dominators *d;
    tn_graph graph;
    tn_kinds kinds; /* alloc NULL: nothing is folded */
    uint32_t under; /* the node whose tree it is */
    tn_buf rows;    /* tn_tree_row */
    size_t n_rows;
    uint64_t n_tops, tops_bytes, tops_count; /* rows of depth 0, shown or not */
    uint64_t more, more_bytes;               /* tops, or groups of them, that are not shown */
    tn_buf text;
} tn_tree;
/* Computes dominators; under TN_NONE: from the root. To be closed in any case. */
int tn__tree_open(tn_tree *t, tn_snapshot *s, uint32_t under, const tn_view_options *o, tn_error *err);
void tn__tree_close(tn_tree *t);

static inline tn_tree_row *tn__tree_rows(const tn_tree *t)
{
    return (tn_tree_row *)(void *)t->rows.data;
}
tn_tree_row tn__tree_row(const tn_tree *t, uint32_t id, uint32_t depth); /* all but sizes and what holds it */
/* The dict that is a part of the node; TN_NONE. */
static inline uint32_t tn__tree_dict(const tn_tree *t, uint32_t node)
{
    return t->kinds.alloc ? tn__dict_below(&t->kinds, &t->graph, t->d, node) : TN_NONE;
}
/* Whether it stands first of what hangs from a node: it retains more. */
static inline bool tn__tree_before(const tn_tree *t, uint32_t a, uint32_t b)
{
    return t->d->retained[a] != t->d->retained[b] ? t->d->retained[a] > t->d->retained[b] : a < b;
}
int tn__tree_tops(tn_tree *t, tn_buf *ids, tn_error *err); /* the selected ones that no other selected one dominates */

/* Rows at the top are selected by --threshold. */
int tn__tree_row_holds(void *row, const tn_condition *c);
int tn__tree_parse_rows(const tn_tree *t, const char *where, tn_selection *out, tn_error *err);

int tn__tree_sizes(tn_tree *t, tn_error *err); /* of all rows */
int tn__tree_held(tn_tree *t, tn_error *err);  /* what holds them */

enum { TN_TREE_COLUMNS = 8 };
extern const tn_table_column tn__tree_columns[TN_TREE_COLUMNS];
int tn__tree_table(tn_tree *t, tn_table *table, tn_error *err);
int tn__tree_head(tn_tree *t, const tn_heap *heap, tn_out *out, tn_error *err); /* heap NULL: nothing of it */
void tn__tree_more(const tn_tree *t, tn_out *out);

enum { TN_TREE_KEYS = 10 };
extern const char *const tn__tree_keys[TN_TREE_KEYS];
void tn__tree_json_units(tn_json *j);
int tn__tree_json_row(tn_tree *t, const tn_tree_row *row, tn_json *j, tn_error *err); /* wants addresses loaded */
void tn__tree_json_total(const tn_tree *t, tn_json *j);

#endif
