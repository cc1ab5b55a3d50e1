/* paths.h - ways from the root to an object. Private to lib/.
 *
 *   ways.c         what a path may go over, and what a reference costs
 *   steps.c        which reference leads from one object to another
 *   distance.c     the tree of shortest paths to everything, forward from the root
 *   garbage.c      what nothing leads to, from what the tree has not reached
 *   nearest.c      one shortest path, backward from the object
 *   paths.c        the iterator: the shortest, then the next longer ones without loops
 *   spur.c         the shortest path that leaves a known one at a given node
 *   merged_paths.c the tree over a set
 *   chain.c        search outwards or inwards until a condition holds
 *   avoid.c        "caches,frames,type:app.X" -> what to keep away from
 *
 * Cost of a path. Each reference counts 1. Some lead to where names of Python begin, and count 0 (the *origins*):
 *
 *   root -> interpreter -> sys.modules -> a module -> its namespace
 *   root -> a thread -> one of its frames
 *
 * What a reader would not name counts TN_FAR for each rank of it, so that a path with fewer such steps is shorter whatever
 * its length: the group of static types (rank 1), what else the interpreter holds (2), an object that C code or nothing at
 * all seems to hold (3, 4), a guessed reference (5), a step out of what belongs to tonnage (6). Among paths of one cost the
 * first is that whose origin is first (modules in the order of sys.modules, threads, frames), then that whose references
 * stand first in their holders.
 */
#ifndef TN_PATHS_H
#define TN_PATHS_H

#include "analysis/partition.h"

#define TN_FAR (1ull << 32) /* above the length of any path */
enum {
    TN_RANK_STATIC = 1,
    TN_RANK_INTERPRETER,
    TN_RANK_HELD,
    TN_RANK_UNREACHABLE,
    TN_RANK_GUESSED,
    TN_RANK_OWN,
};
#define TN_NO_WAY UINT64_MAX /* cost of what does not hold or cannot be reached */

/* ---- avoid.c ---- */

/* What paths keep away from; nodes may be NULL. */
typedef struct tn_shunned {
    const tn_set *nodes;
    unsigned kinds;  /* TN_AVOID_… */
    uint32_t except; /* the target: a path may end where none may pass */
} tn_shunned;
/* EINVAL when the nodes that are to be avoided (NULL is none) are of another snapshot. */
int tn__avoid_check(tn_snapshot *s, const tn_set *nodes, tn_error *err);
static inline bool tn__shuns(const tn_shunned *no, uint32_t node)
{
    return no->nodes && tn_set_has(no->nodes, node) && node != no->except;
}

/* ---- ways.c ---- */

/* An origin, or what leads to one: reached at a cost that no search needs to find. */
typedef struct tn_origin {
    uint32_t node, parent; /* parent: an origin that stands before it; TN_NONE for the root */
    uint64_t edge;         /* of the parent's references, counted from its first */
    uint64_t cost;         /* 0, or TN_FAR times a rank */
} tn_origin;

/* Kept by the snapshot. */
typedef struct tn_ways {
    tn_snapshot *snapshot;
    tn_graph graph;
    tn_backward back;      /* after tn__ways_back */
    const uint8_t *holds;  /* enum tn_hold by node, after tn__ways_holds */
    const uint32_t *flags; /* may be NULL */
    uint8_t *shape_own;    /* by shape: instances belong to tonnage */
    uint32_t interpreter;  /* node, or TN_NONE */
    tn_buf origins;        /* tn_origin, in order of preference; the root first */
    uint32_t n_origins;
    uint32_t *by_node;    /* indexes of origins, ascending by node */
    uint64_t *is_origin;  /* bits */
    uint64_t *own_frames; /* bits, of synthetic nodes: frames that run code of tonnage */
    /* nearest.c */
    uint32_t *marks, mark; /* marks[v] - mark: distance to the target of the last search, when not negative */
    uint64_t work;         /* references looked at by all searches */
    /* steps.c */
    tn_map asked;   /* holders of many -> how often they were asked about, then where they stand in ordered */
    tn_buf ordered; /* tn_ordered */
} tn_ways;

int tn__ways(tn_snapshot *s, tn_ways **out, tn_error *err);
static inline const tn_origin *tn__origin(const tn_ways *w, uint32_t i)
{
    return (const tn_origin *)(const void *)w->origins.data + i;
}
static inline bool tn__is_origin(const tn_ways *w, uint32_t node)
{
    return w->is_origin[node / 64] >> (node % 64) & 1;
}
uint32_t tn__origin_of(const tn_ways *w, uint32_t node); /* its index; TN_NONE */
/* Whether what leads to the origin is not avoided. */
bool tn__origin_allowed(const tn_ways *w, const tn_shunned *no, uint32_t index);
/* Whether a path may go from source to node, as far as origins are concerned: to such a one, unless it is the target, only by
 * the step that makes it one. What else leads to a module says nothing: sys.modules holds it in any case. */
bool tn__may_enter(const tn_ways *w, const tn_shunned *no, uint32_t source, uint32_t node);
bool tn__is_own(const tn_ways *w, uint32_t node);
/* Cost of reference number edge (in graph.targets) of source: 1, another one, or TN_NO_WAY. */
uint64_t tn__edge_cost(const tn_ways *w, const tn_shunned *no, uint32_t source, uint64_t edge);
uint64_t tn__kind_cost(const tn_graph *g, const tn_shunned *no, uint32_t source,
                       uint64_t edge); /* of one that is there */
/* Cost of a step whose reference alone would cost that much. */
uint64_t tn__place_cost(const tn_ways *w, uint32_t source, uint32_t target, uint64_t cost);
/* Whether all references of the node are alike, and cost 1 each. */
bool tn__is_plain(const tn_ways *w, uint32_t source);
/* Cost of being held by nothing that was found: TN_NO_WAY, or 1 and a rank. After tn__ways_holds. */
uint64_t tn__held_cost(const tn_ways *w, const tn_shunned *no, uint32_t node);
int tn__ways_holds(tn_ways *w, tn_error *err);
int tn__ways_back(tn_ways *w, tn_error *err);
static inline uint64_t tn__cost_sum(uint64_t a, uint64_t b)
{
    return a > TN_NO_WAY - 1 - b ? TN_NO_WAY - 1 : a + b;
}

/* ---- steps.c ---- */

/* A holder of many that is asked about often gets its references in order of target once, at 4 bytes each, which the snapshot
 * keeps: from then on a question costs O(log n), before that O(its references). */
void tn__steps_init(tn_ways *w);
void tn__steps_free(tn_ways *w);
/* Cost of the cheapest reference from source, a referrer of target, to it. */
uint64_t tn__step_cost(tn_ways *w, const tn_shunned *no, uint32_t source, uint32_t target);
/* Which reference that is, counted from the first of source (not the key of a dict where there is another); UINT64_MAX: none. */
uint64_t tn__step_edge(tn_ways *w, uint32_t source, uint32_t target);
/* The same as a reference with its label. ENOTFOUND where there is none. */
int tn__step_reference(tn_ways *w, uint32_t source, uint32_t target, tn_reference *out, tn_error *err);

/* ---- distance.c ---- */

/* The tree of shortest paths from the root. */
typedef struct tn_distances {
    const tn_alloc *alloc;
    uint32_t n_nodes, n_reached;
    uint32_t *parent; /* TN_NONE for the root and what is not reached */
    uint64_t *cost;   /* TN_NO_WAY: not reached */
    uint32_t *order;  /* n_reached nodes, cheapest first: a parent stands before its children */
} tn_distances;

/* Made at the first call and kept. Cost: O(nodes + references), 16 bytes a node. */
int tn__distances(tn_snapshot *s, const tn_distances **out, tn_error *err);
/* The same where something is shunned; free with tn__distances_free. */
int tn__distances_without(tn_ways *w, const tn_shunned *no, tn_distances *out, tn_error *err);
void tn__distances_free(tn_distances *d);

/* ---- garbage.c ---- */

/* Sets TN_HOLD_UNREACHABLE where docs/graph.md says so. d: the tree without anything shunned, with all in it that costs less
 * than garbage. O(nodes + references of what is not in it). */
int tn__garbage(const tn_ways *w, const tn_distances *d, tn_error *err);

/* ---- nearest.c ---- */

void tn__path_reverse(tn_buf *path, size_t start); /* nodes from that byte on */
/* The tree's path to target, nodes root first; 1, or 0 when there is none. */
int tn__climb(const tn_distances *d, uint32_t target, tn_buf *path);
/* The cheapest path to target, nodes root first, appended to an empty buffer of u32; 1, or 0 when there is none. */
int tn__nearest(tn_ways *w, const tn_shunned *no, uint32_t target, tn_buf *path, tn_error *err);

/* ---- paths.c ---- */

const char *tn__hold_name(enum tn_hold hold); /* what a path begins with that no reference begins */
/* References along nodes, the root first, appended to steps. */
int tn__path_steps(tn_ways *w, const uint32_t *nodes, size_t n, tn_buf *steps, tn_error *err);
/* Those of the tree's path to a node; 1, or 0: there is none. */
int tn__tree_steps(tn_ways *w, const tn_distances *d, uint32_t node, tn_buf *steps, tn_error *err);

/* ---- merged_paths.c ---- */

/* By node; of nodes without a count nothing is set. */
typedef struct tn_merged {
    const tn_alloc *alloc;
    uint32_t n_nodes;
    uint32_t *counts;          /* members of the set whose path leads through the node, itself included */
    uint64_t *bytes;           /* in them */
    uint32_t *child, *sibling; /* next nodes, in order of cost; TN_NONE at the end */
    uint32_t n_lost;           /* members without a path */
    uint64_t lost_bytes;
} tn_merged;
/* tonnage's own objects are left out. O(nodes), 20 bytes a node. */
int tn__merged_paths(tn_ways *w, const tn_set *set, const tn_distances *d, tn_merged *out, tn_error *err);
void tn__merged_free(tn_merged *m);

/* ---- spur.c ---- */

/* Searches backward from a node to the root that may not touch some nodes, guided by the distances without them: exact where
 * those are not in the way. 24 bytes a node. */
typedef struct tn_spur tn_spur;
int tn__spur_new(tn_ways *w, const tn_shunned *no, const tn_distances *d, tn_spur **out, tn_error *err);
void tn__spur_free(tn_spur *spur);
void tn__spur_clear(tn_spur *spur); /* nothing is blocked */
void tn__spur_block(tn_spur *spur, uint32_t node);
/* Not as the first step; until unban. */
void tn__spur_ban(tn_spur *spur, uint32_t node);
void tn__spur_unban(tn_spur *spur);
/* What a path from the root to node costs at least; TN_NO_WAY: there is none. */
uint64_t tn__spur_bound(tn_spur *spur, uint32_t node);
/* The cheapest path: the nodes before node, nearest first, the root last, appended to path. 1, or 0: there is none. */
int tn__spur_search(tn_spur *spur, uint32_t node, tn_buf *path, uint64_t *cost, tn_error *err);

#endif
