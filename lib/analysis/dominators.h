/* dominators.h - dominators and retained sizes of all nodes. Private to lib/.
 *
 *   tn_graph ─ skeleton.c ─> what refers to something, without the leaves ─ numbering.c ─> depth-first numbers
 *            ─ semi_nca.c ─> dominators of those ─ dominators.c ─> of leaves too, retained sizes
 *
 * Which way was chosen and why: docs/decisions/dominators.md.
 */
#ifndef TN_DOMINATORS_H
#define TN_DOMINATORS_H

#include "graph/graph.h"

/* ---- dominators.c: the result, kept with the snapshot ---- */

typedef struct tn_dominators {
    uint32_t n_nodes, root;
    uint32_t *idom;       /* TN_NONE for the root */
    uint64_t *retained;   /* bytes */
    uint32_t *counts;     /* objects */
    const uint8_t *holds; /* enum tn_hold, complete */
} tn_dominators;
int tn__dominators(tn_snapshot *s, const tn_dominators **out, tn_error *err);
/* For index.c: whether they are there; arrays to be filled, NULL without memory. put hands them over to the snapshot, whose
 * anchors must be there, and dominators not. */
bool tn__dominators_known(tn_snapshot *s);
tn_dominators *tn__dominators_new(tn_snapshot *s);
void tn__dominators_free(tn_snapshot *s, tn_dominators *d); /* NULL allowed */
int tn__dominators_put(tn_snapshot *s, tn_dominators *d, tn_error *err);

/* ---- dominated.c ---- */

/* As tn_dominated of all nodes, in any order: those of node i are nodes[starts[i]] .. nodes[starts[i + 1] - 1]. */
typedef struct tn_below {
    const uint32_t *starts; /* n_nodes + 1 */
    const uint32_t *nodes;
} tn_below;
int tn__dominated(tn_snapshot *s, tn_below *out, tn_error *err);

/* ---- cut.c ---- */

/* Sources of the references that hold the target from outside of what it dominates, one entry (u32) a reference, ascending,
 * appended to sources; no more than limit + 1. Those in except (NULL: none) are left out. Cost: as tn_reference_cut. */
int tn__outside_holders(tn_snapshot *s, uint32_t target, const tn_set *except, size_t limit, tn_buf *sources,
                        tn_error *err);
/* Below, a lack of memory is a bare TN_ENOMEM; tn__dominators finds the words. */

/* Whether sizes and counts of the node are 0: tonnage's own. Blocks of SHAP and FLAG that hold the same nodes. */
typedef struct tn_sizes {
    tn_snapshot *snapshot;
    tn_block shap, size, flag;
    uint8_t *own; /* by shape */
} tn_sizes;
int tn__sizes_open(tn_snapshot *s, tn_sizes *out, tn_error *err);
int tn__sizes_block(tn_sizes *sizes, size_t k, tn_error *err); /* 1: there; 0: past the end */
static inline bool tn__sizes_own(const tn_sizes *sizes, uint32_t i)
{
    return sizes->own[tn__block_at(&sizes->shap, i)] ||
           (sizes->flag.data && (tn__block_at(&sizes->flag, i) & TN_NODE_OWN));
}
void tn__sizes_close(tn_sizes *sizes);

/* ---- tops.c ---- */

/* Appends the members (uint32_t, ascending) that are under a node in the dominator tree, but under no other member.
 * O(nodes) time at most, 1 byte a node meanwhile. */
int tn__dominator_tops(tn_snapshot *s, const tn_set *set, uint32_t under, tn_buf *ids, tn_error *err);

/* ---- skeleton.c ---- */

/* The part of the graph where dominators are made: inner nodes, which have a reference that holds something not anchored,
 * and the references between them that do not lead to an anchored one (whose dominator is the root anyhow). Inner nodes have
 * ranks: first those without an anchor, in order of their ids, then the anchored ones and the root, likewise. */
typedef struct tn_rank_word {
    uint64_t bits;   /* inner nodes without an anchor, of 64 */
    uint32_t before; /* those before these 64 */
} tn_rank_word;

/* The last edges stand in the record itself, so that most nodes cost one access to memory, not two. */
enum { TN_FEW = 4 };

typedef struct tn_record {
    union {
        uint64_t first;       /* in edges, of the next one to look at: more than TN_FEW are left */
        uint32_t few[TN_FEW]; /* ranks, the next one last */
    };
    uint32_t left;   /* edges to look at */
    uint32_t number; /* depth-first, from 1; 0: not yet */
} tn_record;

typedef struct tn_skeleton {
    const tn_alloc *alloc;
    uint32_t n_nodes, n_free, n_inner; /* free: inner, no anchor */
    uint32_t root;                     /* its rank */
    size_t n_words;
    tn_rank_word *words;
    uint64_t *fixed;    /* bits: anchored inner nodes, and the root */
    uint64_t *leaves;   /* bits: neither inner nor anchored */
    tn_record *records; /* by rank */
    uint32_t *edges;    /* ranks, of those with more than TN_FEW */
    uint64_t n_edges, capacity;
} tn_skeleton;
int tn__skeleton_make(tn_skeleton *k, const tn_alloc *a, const tn_graph *g, const uint8_t *holds, tn_error *err);
void tn__skeleton_free(tn_skeleton *k);

/* Its n edges stand behind the n_edges others. */
void tn__record_put(tn_skeleton *k, uint32_t rank, uint32_t n);

/* The i-th of those left. */
static inline uint32_t tn__record_edge(const tn_record *r, const uint32_t *edges, uint32_t i)
{
    return r->left > TN_FEW ? edges[r->first + i] : r->few[r->left - 1 - i];
}

static inline bool tn__bit(const uint64_t *bits, uint32_t id)
{
    return bits[id / 64] >> (id % 64) & 1;
}
static inline uint32_t tn__rank(const tn_rank_word *w, uint32_t id) /* of a free node */
{
    return w->before + (uint32_t)__builtin_popcountll(w->bits & ((1ull << (id % 64)) - 1));
}

/* Goes over inner nodes in order of id, with their ranks. */
typedef struct tn_inner_iter {
    size_t word;
    uint64_t bits;
    uint32_t free, fixed; /* ranks that come next */
} tn_inner_iter;
static inline tn_inner_iter tn__inner_begin(const tn_skeleton *k)
{
    return (tn_inner_iter){0, k->n_words ? k->words[0].bits | k->fixed[0] : 0, 0, k->n_free};
}
static inline bool tn__inner_next(const tn_skeleton *k, tn_inner_iter *it, uint32_t *id, uint32_t *rank)
{
    while (!it->bits) {
        if (++it->word >= k->n_words)
            return false;
        it->bits = k->words[it->word].bits | k->fixed[it->word];
    }
    unsigned bit = (unsigned)__builtin_ctzll(it->bits);
    it->bits &= it->bits - 1;
    *id = (uint32_t)(it->word * 64 + bit);
    *rank = k->fixed[it->word] >> bit & 1 ? it->fixed++ : it->free++;
    return true;
}

/* ---- numbering.c ---- */

/* A reference to a node that had its number already, by numbers. */
typedef struct tn_cross {
    uint32_t target, source;
} tn_cross;

typedef struct tn_numbering {
    const tn_alloc *alloc;
    uint32_t n;       /* numbers 1 .. n; the root is 1 */
    uint32_t *ranks;  /* by number, n + 1 */
    uint32_t *parent; /* by number: of the depth-first tree */
    tn_cross *crossed;
    uint64_t n_crossed, capacity;
} tn_numbering;
/* Numbers all inner nodes. Consumes the records and edges of the skeleton, but for the numbers. Unreachable ones are anchored
 * on the way: members of source components become TN_HOLD_UNREACHABLE in holds. */
int tn__numbering_make(tn_numbering *n, tn_skeleton *k, uint8_t *holds);
void tn__numbering_free(tn_numbering *n);

/* ---- sources.c: strongly connected components of what was not reached, by Tarjan's algorithm without recursion ---- */

/* left: ranks of the inner nodes without a number, n of them. Those in a component that no other component refers to stand
 * first in left afterwards, *n_sources of them. Records are as before. */
int tn__source_components(tn_skeleton *k, uint32_t *left, uint32_t n, uint32_t last_number, uint32_t *n_sources);

/* ---- semi_nca.c ---- */

/* Turns parent into dominators, by number. Consumes crossed. */
int tn__semi_nca(tn_numbering *n);

#endif
