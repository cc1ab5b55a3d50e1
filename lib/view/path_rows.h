/* path_rows.h - paths as rows, between path_rows.c (one object, or each of a set), path_tree.c (a set merged) and the view. */
#ifndef TN_PATH_ROWS_H
#define TN_PATH_ROWS_H

#include "analysis/paths.h"
#include "view/view.h"

typedef struct tn_path_row {
    uint32_t node, length, n_steps; /* length: references from where names begin */
    bool found, evaluable;          /* found: there is a path */
    uint64_t steps, text;           /* offsets: first of its references in steps, and its text in texts */
    uint64_t size;                  /* of the node, with its dict where that is folded */
    uint64_t label, count, bytes;   /* of its group: offset in texts; objects, and what they take */
} tn_path_row;

typedef struct tn_path_view {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_ways *ways;
    uint32_t target; /* TN_NONE: a set */
    tn_set *set, *avoid;
    tn_shunned no;
    const tn_distances *distances; /* NULL until needed */
    tn_distances own;              /* when something is avoided */
    tn_buf rows, steps, texts;
    uint32_t n_rows;
    uint64_t count, bytes; /* of the set */
    size_t n_filtered;     /* groups below the threshold */
    tn_fold *fold;         /* NULL: nothing is folded */
    tn_groups *groups;     /* a row is the largest object of a group; NULL: each of a set */
    bool more;             /* of one object: there is another path at least */
} tn_path_view;

static inline const tn_path_row *tn__path_row(const tn_path_view *v, uint32_t i)
{
    return (const tn_path_row *)(const void *)v->rows.data + i;
}
static inline const char *tn__path_text_at(const tn_path_view *v, uint64_t at)
{
    return (const char *)v->texts.data + at;
}
int tn__path_distances(tn_path_view *v, tn_error *err);
/* A path's text into an empty buffer, with a NUL behind it. */
int tn__path_text_into(tn_snapshot *s, const tn_reference *steps, uint32_t n, tn_buf *out, bool *evaluable,
                       tn_error *err);
/* On a line of its own: the middle of a very long one is left out. */
void tn__path_print(tn_out *out, const char *text);
int tn__path_tree(tn_path_view *v, const tn_view_options *o, tn_out *out, tn_error *err);

#endif
