/* heapsnapshot.h - a snapshot as Chrome's DevTools read heaps. Private to lib/export.
 *
 *   heap_fold.c      which nodes stand for themselves, which are folded into one; their places in the file
 *   heap_ids.c       ids of 32 bits, the same for the same object in two files
 *   heap_names.c     what nodes and references are called, and of what kind they are
 *   heap_edges.c     references of a node of the file, one after another
 *   heapsnapshot.c   the file, front to back
 *
 * A file is: the root, one node for each way of being anchored, nodes of the snapshot, nodes that stand for folded ones, and
 * the rest of what is larger than 32 bits can say. docs/heapsnapshot.md says what each is for.
 */
#ifndef TN_HEAPSNAPSHOT_H
#define TN_HEAPSNAPSHOT_H

#include "analysis/dominators.h"
#include "export/export.h"
#include "graph/graph.h"

/* As their numbers in the file: places in the lists of names that heapsnapshot.c writes. */
enum tn_heap_type {
    TN_HEAP_HIDDEN = 0,
    TN_HEAP_STRING = 2,
    TN_HEAP_OBJECT = 3,
    TN_HEAP_CODE = 4,
    TN_HEAP_CLOSURE = 5,
    TN_HEAP_NUMBER = 7,
    TN_HEAP_NATIVE = 8,
    TN_HEAP_SYNTHETIC = 9,
};
enum tn_heap_edge {
    TN_HEAP_CONTEXT = 0,
    TN_HEAP_ELEMENT = 1,
    TN_HEAP_PROPERTY = 2,
    TN_HEAP_INTERNAL = 3,
    TN_HEAP_WEAK = 6,
};
enum { TN_HEAP_NODE_FIELDS = 7, TN_HEAP_GROUPS = 4, TN_HEAP_MOST = UINT32_MAX };

/* ---- heap_fold.c ---- */

/* Nodes under one owner in the dominator tree that are too small to stand for themselves. */
typedef struct tn_heap_fold {
    uint32_t owner, first, n; /* in folded */
    uint64_t bytes;
} tn_heap_fold;

typedef struct tn_heap_plan {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    const tn_dominators *dominators;
    uint64_t least;    /* retained bytes from which on a node stands for itself; 0: all do */
    uint32_t n_kept;   /* the root not counted */
    uint32_t *places;  /* by node: the place in the file of itself, or of the fold that it is in */
    uint32_t *fold_of; /* by node: of its folded ones; TN_NONE. NULL: nothing is folded */
    uint32_t *folded;  /* nodes, fold by fold */
    uint32_t n_folded;
    tn_buf folds; /* tn_heap_fold */
    uint32_t n_folds, n_rests;
} tn_heap_plan;
/* max_nodes 0: nothing is folded. O(nodes · log bytes); 8 bytes a node, 12 where something is folded. */
int tn__heap_plan_make(tn_snapshot *s, uint32_t max_nodes, tn_heap_plan *out, tn_error *err);
void tn__heap_plan_free(tn_heap_plan *p);

static inline bool tn__heap_kept(const tn_heap_plan *p, uint32_t node)
{
    return p->dominators->retained[node] >= p->least || node == p->graph.root;
}
static inline const tn_heap_fold *tn__heap_fold_at(const tn_heap_plan *p, uint32_t fold)
{
    return (const tn_heap_fold *)(const void *)p->folds.data + fold;
}
static inline uint32_t tn__heap_first_fold(const tn_heap_plan *p)
{
    return 1 + TN_HEAP_GROUPS + p->n_kept;
}
static inline uint64_t tn__heap_n_nodes(const tn_heap_plan *p)
{
    return (uint64_t)tn__heap_first_fold(p) + p->n_folds + p->n_rests;
}
/* Nodes that say how many bytes more something has than its own node can. */
static inline uint32_t tn__heap_rests(uint64_t bytes)
{
    return bytes ? (uint32_t)((bytes - 1) / TN_HEAP_MOST) : 0;
}

/* Sizes of nodes in order of id; tonnage's own have none. */
typedef struct tn_heap_sizes {
    tn_sizes sizes;
    size_t block;
    uint64_t first, n;
} tn_heap_sizes;
int tn__heap_sizes_open(tn_snapshot *s, tn_heap_sizes *out, tn_error *err);
int tn__heap_size(tn_heap_sizes *sizes, uint32_t node, uint64_t *bytes, bool *own, tn_error *err);

/* ---- heap_ids.c ---- */

typedef struct tn_heap_ids {
    tn_snapshot *snapshot;
    tn_buf regions; /* of addresses, ascending, with the range of ids of each */
    size_t at;
    uint8_t used[8192];   /* bits: ranges that are taken */
    uint32_t range, next; /* of the next id that stands for no object */
} tn_heap_ids;
/* Objects that are kept only. ELIMIT beyond 64 GiB of regions that hold objects. */
int tn__heap_ids_make(const tn_heap_plan *p, tn_heap_ids *out, tn_error *err);
void tn__heap_ids_free(tn_heap_ids *ids);
uint32_t tn__heap_id_of(tn_heap_ids *ids, uint32_t object); /* in order of objects */
int tn__heap_id_next(tn_heap_ids *ids, uint32_t *id, tn_error *err);

/* ---- heap_names.c ---- */

typedef struct tn_heap_names {
    tn_snapshot *snapshot;
    tn_strtab strings;
    uint8_t *roles;       /* by type */
    uint32_t *type_names; /* rows of strings; TN_NONE: not yet */
    tn_buf text;
} tn_heap_names;
int tn__heap_names_open(tn_snapshot *s, tn_heap_names *out, tn_error *err);
void tn__heap_names_close(tn_heap_names *names);
int tn__heap_string(tn_heap_names *names, const char *text, uint32_t *row, tn_error *err);
int tn__heap_node_name(tn_heap_names *names, uint32_t node, bool own, enum tn_heap_type *type, uint32_t *name,
                       tn_error *err);
/* What distances are counted from: modules and frames. */
bool tn__heap_is_user_root(const tn_heap_names *names, uint32_t type);
int tn__heap_edge_name(tn_heap_names *names, const tn_reference *r, bool holds, enum tn_heap_edge *type, uint32_t *name,
                       tn_error *err);

/* ---- heap_edges.c ---- */

/* visit is called for each reference of a node in the file; to is a place. What it is called is told where telling is set. */
typedef struct tn_heap_edges {
    const tn_heap_plan *plan;
    tn_heap_names *names;
    int (*visit)(void *ctx, enum tn_heap_edge type, uint32_t name, uint32_t to, tn_error *err);
    void *ctx;
    bool telling;
    uint32_t *stamps;             /* by place: the last fold that was seen to refer to it; NULL: nothing is folded */
    uint32_t next_rest;           /* place of the next node for a rest */
    uint32_t folded, rest, named; /* rows of strings */
    tn_buf user_roots;            /* nodes, ascending */
} tn_heap_edges;
int tn__heap_edges_open(const tn_heap_plan *p, tn_heap_names *names, tn_heap_edges *out, tn_error *err);
void tn__heap_edges_close(tn_heap_edges *e);
int tn__heap_root_edges(tn_heap_edges *e, tn_error *err);
int tn__heap_group_edges(tn_heap_edges *e, enum tn_hold hold, tn_error *err);
int tn__heap_node_edges(tn_heap_edges *e, uint32_t node, uint64_t bytes, tn_error *err);
int tn__heap_fold_edges(tn_heap_edges *e, uint32_t fold, tn_error *err);

#endif
