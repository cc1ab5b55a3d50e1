/* dominator_tree.h - rows of the views dominators and retained, and what holds each of them. Private to lib/view. */
#ifndef TN_DOMINATOR_TREE_H
#define TN_DOMINATOR_TREE_H

#include "analysis/dominators.h"
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

#endif
