/* diff.h - two snapshots of one process, object by object. Private to lib/.
 *
 *   addresses of both -> the same address -> type and content -> graded: survived, or one gone and one new
 *
 * diff_walk.c goes over the objects of one snapshot in order and reads what a column has of an object only when asked for it;
 * diff.c goes over two at once, with diff_types.c before and diff_settle.c after; diff_rows.c, diff_edges.c and growth.c stand
 * on what that leaves behind.
 */
#ifndef TN_DIFF_H
#define TN_DIFF_H

#include "analysis/analysis.h"
#include "analysis/stream.h"

/* ---- diff_walk.c ---- */

enum { /* what a shape says of its objects */
       TN_WALK_LENGTH = 1,
       TN_WALK_HASH = 2,
       TN_WALK_RUN = 4,
       TN_WALK_PAIRS = 8,
       TN_WALK_COLLECTION = 16,    /* holds objects and has a capacity: it can grow */
       TN_WALK_FIXED_LENGTH = 32,  /* its length never changes: str, bytes, int */
       TN_WALK_FIXED_RUN = 64,     /* the references of its run never change: tuple, frozenset */
       TN_WALK_FIXED = 128,        /* none of its references does: bound method, slice */
       TN_WALK_YOUNG_AGAIN = 256,  /* the collector may let go of it, and meet it again as a young one: dict, tuple */
       TN_WALK_TEXT_CHANGES = 512, /* its preview may change: bytearray */
       TN_WALK_PREVIEW = 1024      /* it may have a preview */
};

typedef struct tn_walk {
    tn_snapshot *snapshot;
    tn_scan *scan;     /* its tile: shapes, bytes and states of objects */
    uint16_t *kinds;   /* one a shape */
    uint32_t *n_fixed; /* likewise */
    uint32_t n_shapes;
    tn_set *selected;
    uint32_t n, at; /* of the tile; the current one */
    struct {        /* rows of the next object */
        uint64_t degree, length, hash, buffer, reference;
    } next;
    tn_stream degrees, lengths, hashes, buffers, references;
    struct {
        size_t block;
        uint32_t at;
        const uint8_t *bytes;
        tn_preview_block b;
    } previews;
    /* of the tile's objects: flags, references of the run, and the rows where their values begin */
    uint32_t flags[TN_TILE], degree[TN_TILE];
    uint64_t length_row[TN_TILE], hash_row[TN_TILE], buffer_row[TN_TILE], reference_row[TN_TILE];
} tn_walk;

/* Selected objects, of within where that is not NULL, are put into selected as they come. */
int tn__walk_open(tn_snapshot *s, tn_selection *sel, const tn_set *within, tn_set *selected, tn_walk **out,
                  tn_error *err);
void tn__walk_close(tn_walk *w);
int tn__walk_turn(tn_walk *w, tn_error *err);               /* to the next tile */
static inline int tn__walk_ready(tn_walk *w, tn_error *err) /* 1: there is a current object; 0: the end */
{
    return w->at < w->n ? 1 : tn__walk_turn(w, err);
}
static inline uint32_t tn__walk_node(const tn_walk *w)
{
    return w->scan->first + w->at;
}
static inline uint32_t tn__walk_shape(const tn_walk *w)
{
    return w->scan->shape[w->at];
}
/* Of the current object; never of an earlier one. TN_UNKNOWN where it has none or the file has no such column. */
int tn__walk_length(tn_walk *w, uint64_t *out, tn_error *err);
int tn__walk_hash(tn_walk *w, uint64_t *out, tn_error *err);
int tn__walk_own_block(tn_walk *w, uint64_t *out, tn_error *err);              /* bytes without private buffers */
int tn__walk_preview(tn_walk *w, tn_preview *out, tn_error *err);              /* kind 0: none */
int tn__walk_target(tn_walk *w, uint64_t index, uint32_t *out, tn_error *err); /* ascending; TN_NONE: absent */
uint64_t tn__walk_held(const tn_walk *w); /* what a collection holds: references, or pairs of them */

/* ---- diff.c ---- */

typedef struct tn_tally {
    uint64_t count, bytes;
} tn_tally;

typedef struct tn_change { /* a surviving collection that holds more or less than before; ascending by both nodes */
    uint32_t old, new;
    uint64_t held_old, held_new;
} tn_change;

struct tn_diff {
    tn_snapshot *old, *new;
    const tn_alloc *alloc; /* new's, so that its limit holds */
    bool same_process;
    const char *why; /* not the same process: why; else "" */
    uint32_t n_old, n_new;
    uint32_t *survivor; /* for each object of old the one of new that it is, or TN_NONE; NULL: not the same process */
    tn_set *added, *removed, *survived; /* selected ones; of new, old, new; NULL likewise */
    tn_set *all_old, *all_new;          /* selected ones that are counted */
    tn_set *likely;                     /* of survived */
    tn_set *chosen;                     /* tn__diff_choose */
    const tn_set *within[2];            /* of old, of new; only while it is made */
    uint64_t graded[3];
    tn_tally old_total, new_total, added_total, removed_total;
    /* of selected objects, one a shape */
    uint32_t n_old_shapes, n_new_shapes;
    tn_tally *old_all, *old_removed, *new_all, *new_added;
    /* further ones, tonnage's own in the other snapshot: no part of a comparison, but of what each one holds */
    tn_tally *old_half, *new_half, old_half_total, new_half_total;
    tn_buf changes; /* tn_change */
};

/* NULL: two files are of one process, and of as much of it; else why not. */
const char *tn__other_process(const tn_snapshot *a, const tn_snapshot *b);

enum tn_is { TN_IS_NEW, TN_IS_SURVIVED, TN_IS_CERTAIN, TN_IS_LIKELY };
/* The objects of s, which is one of the two, that are so: a set of its own. EINVAL where the processes differ. */
int tn__diff_is(const tn_diff *d, const tn_snapshot *s, enum tn_is what, tn_set **out, tn_error *err);
/* Sets chosen: what is new, of set where that is not NULL. */
int tn__diff_choose(tn_diff *d, const tn_set *set, tn_error *err);
/* Selected collections that hold more than before, the most grown first; tn_change. */
int tn__diff_growing(const tn_diff *d, tn_buf *out, tn_error *err);

/* ---- diff_types.c ---- */

/* For each type of from the one of to that it is, or TN_NONE. */
int tn__diff_types(tn_snapshot *from, tn_snapshot *to, uint32_t *same, tn_error *err);

/* ---- diff_settle.c ---- */

typedef struct tn_open_pair { /* graded before all that it holds was */
    uint32_t old;
    uint32_t n;   /* references that never change */
    uint64_t row; /* of the first of them */
} tn_open_pair;
/* Parts the pairs (tn_open_pair, ascending) of which a reference is to an object that is gone, and has them counted so.
 * is_open: those of old. */
int tn__diff_settle(tn_diff *d, const tn_buf *open, tn_set *is_open, tn_error *err);

/* ---- diff_rows.c: by type or module, from what was counted a shape; else groups of both, joined by label ---- */

typedef struct tn_diff_row {
    const char *name;
    uint64_t number;                   /* where the name is one, a size; else TN_UNKNOWN */
    tn_tally old, new, added, removed; /* those of one process only: added, removed */
    tn_tally old_whole, new_whole;     /* with what is tonnage's own in the other snapshot */
} tn_diff_row;
typedef struct tn_diff_rows {
    const tn_alloc *alloc;
    tn_diff_row *rows;
    size_t n, capacity;
    tn_arena names; /* of groups */
} tn_diff_rows;
int tn__diff_rows(const tn_diff *d, enum tn_by by, tn_diff_rows *out, tn_error *err);
void tn__diff_rows_free(tn_diff_rows *rows);
tn_diff_row *tn__diff_find(const tn_diff_rows *rows, const char *name, uint64_t number); /* NULL: there is none */

/* ---- diff_edges.c: references of survivors to new objects ---- */

typedef struct tn_diff_edge {
    const char *type, *label; /* of the source; label as it follows its holder: ".name", "[…]" */
    uint64_t count, bytes;    /* references; bytes of the new objects they point to, each time */
} tn_diff_edge;
typedef struct tn_diff_edges {
    const tn_alloc *alloc;
    tn_arena texts;
    tn_diff_edge *rows; /* most references first */
    size_t n, capacity;
} tn_diff_edges;
int tn__diff_edges(tn_diff *d, tn_diff_edges *out, tn_error *err);
void tn__diff_edges_free(tn_diff_edges *found);

#endif
