/* places.h - the places of a program: paths of the tree of shortest paths with indices and keys left out (docs/sets.md). Private to
 * lib/.
 *
 *   tree of paths.h ─ places.c ─> of each node the reference that its path ends with ─ place_names.c ─> its piece of text
 *                   ─ place_steps.c ─> from the place of the holder to that of the node: one step, remembered
 */
#ifndef TN_PLACES_H
#define TN_PLACES_H

#include "analysis/partition.h"
#include "analysis/paths.h"

enum {
    TN_PLACE_WINDOW = 8,                    /* steps back that are looked through for the same one */
    TN_PLACE_DEPTH = 64,                    /* steps of a place */
    TN_PLACE_MOST = 2 * TN_PLACE_DEPTH + 1, /* pieces: each step may have a mark */
};

typedef struct tn_place_row {
    uint32_t parent, piece; /* parent: a place with a lower number */
} tn_place_row;

/* Places are numbered from 0, which is the root and has no text. */
typedef struct tn_places {
    const tn_alloc *alloc;
    uint32_t n_nodes;
    uint32_t *of; /* by node; TN_NONE: no path */
    uint32_t n;
    tn_buf rows; /* tn_place_row */
    tn_strtab pieces;
} tn_places;

/* Of all nodes, by the tree that avoids nothing: made at the first call and kept. O(nodes + references), 4 bytes a node. */
int tn__places(tn_snapshot *s, const tn_places **out, tn_error *err);
/* By another tree; free with tn__places_free. */
int tn__places_by(tn_ways *w, const tn_distances *d, tn_places *out, tn_error *err);
void tn__places_free(tn_places *p);
static inline tn_place_row tn__place_row(const tn_places *p, uint32_t place)
{
    return ((const tn_place_row *)(const void *)p->rows.data)[place];
}
/* Appended without a NUL, not escaped. */
int tn__place_text(const tn_places *p, uint32_t place, tn_buf *out);

/* ---- place_names.c ---- */

/* What the references of the object at the end of a piece are, as far as its place tells. */
enum tn_place_kind {
    TN_PLACE_PLAIN,
    TN_PLACE_NAMESPACE, /* a __dict__: entries are attributes of what has it */
    TN_PLACE_LOCALS,    /* the same of a frame */
    TN_PLACE_VIEW,      /* the dict of a mappingproxy: entries are its own */
    TN_PLACE_CELL,      /* a local variable, maybe in a cell */
};

typedef struct tn_place_key { /* pieces of keys that were met last */
    uint32_t key, as, piece;  /* as: enum tn_place_kind + 1; 0: none */
} tn_place_key;

typedef struct tn_place_names {
    tn_snapshot *snapshot;
    const tn_ways *ways;
    tn_strtab *pieces;
    tn_buf kinds;     /* u8 by piece: enum tn_place_kind */
    uint32_t *starts; /* of each shape in fixed; the end of all is the last */
    uint32_t *fixed;  /* piece + 1 of each fixed reference of each shape; 0: not met */
    tn_place_key *keys;
    tn_map threads; /* node of a thread -> piece + 1 */
    tn_buf text;
    uint32_t none, item, member, key, unknown, mark; /* pieces that have no name in them */
    uint32_t modules;                                /* sys.modules */
} tn_place_names;

int tn__place_names_open(tn_place_names *n, tn_ways *w, tn_strtab *pieces, tn_error *err);
void tn__place_names_close(tn_place_names *n);
static inline enum tn_place_kind tn__place_kind(const tn_place_names *n, uint32_t piece)
{
    return (enum tn_place_kind)n->kinds.data[piece];
}
enum tn_place_from { TN_PLACE_FROM_HOLDER, TN_PLACE_FROM_ABOVE, TN_PLACE_FROM_ROOT, TN_PLACE_SAME };
/* Piece of a reference (edge counts in graph.targets), and the place that it stands behind: that of the holder, or of what the
 * holder is a part of; SAME: there is no piece, it is the holder's place. as: the kind of the holder's piece. */
int tn__place_piece(tn_place_names *n, uint32_t source, uint64_t edge, enum tn_place_kind as, uint32_t *piece,
                    enum tn_place_from *from, tn_error *err);
/* Of an object that the root holds without a reference. */
int tn__place_held(tn_place_names *n, uint32_t node, uint32_t *piece, tn_error *err);

/* ---- place_steps.c ---- */

/* A place with what led to it: two states of one place differ in the types of objects on the way. */
typedef struct tn_place_state {
    uint32_t parent, piece, type, place;
    uint16_t depth;
    bool marked;
} tn_place_state;

typedef struct tn_place_step { /* a step that was made lately */
    uint32_t from, piece, type, to;
} tn_place_step;

typedef struct tn_place_steps {
    const tn_alloc *alloc;
    tn_places *places;
    uint32_t mark;  /* piece */
    tn_buf states;  /* tn_place_state; 0 is the root */
    tn_map ends;    /* piece, type -> number + 1 */
    tn_map steps;   /* state, number of an end -> state + 1 */
    tn_map marked;  /* state -> that behind the mark + 1 */
    tn_map by_text; /* place, piece -> place + 1 */
    tn_place_step *recent;
} tn_place_steps;

int tn__place_steps_open(tn_place_steps *t, tn_places *places, uint32_t none, uint32_t mark, tn_error *err);
void tn__place_steps_close(tn_place_steps *t);
static inline const tn_place_state *tn__place_state(const tn_place_steps *t, uint32_t state)
{
    return (const tn_place_state *)(const void *)t->states.data + state;
}
/* From a state over a reference of this piece to an object of this type. */
int tn__place_step(tn_place_steps *t, uint32_t from, uint32_t piece, uint32_t type, uint32_t *to, tn_error *err);

#endif
