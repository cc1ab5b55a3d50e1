/* component_search.h - between component_search.c (the search) and components.c (rows of what it found). Private to lib/. */
#ifndef TN_COMPONENT_SEARCH_H
#define TN_COMPONENT_SEARCH_H

#include "analysis/components.h"

typedef struct tn_gate {
    uint64_t inside; /* bits: may be members, of 64 nodes */
    uint64_t others; /* bits: only lead on, some of them members when they are garbage */
    uint32_t before_inside, before_others;
} tn_gate;

/* What the search asks of a node that it comes to, in one line of the cache. */
typedef struct tn_lead {
    uint64_t first; /* its edges: from this one on; of a single one the edge itself */
    uint32_t n;     /* how many */
    uint32_t mark;  /* the finder's; of others: TN_NONE when they have been reached */
} tn_lead;

/* Nodes that lead somewhere have ranks, in order of id: first those that may be members, then the others. */
typedef struct tn_search {
    tn_snapshot *snapshot;
    const tn_alloc *alloc;
    tn_graph graph;
    const tn_set *all; /* without tonnage's own */
    uint8_t *holds;
    size_t n_words;
    tn_gate *gates;
    uint64_t *program; /* bits by id: modules, namespaces, classes that are named in these */
    uint64_t *twigs;   /* bits by id: refer to leaves only */
    uint32_t n_inside, n_ranks;
    tn_lead *leads;     /* by rank */
    tn_buf edges;       /* u32: ranks */
    uint64_t *admitted; /* bits by rank, of others: members after all */
    uint64_t *loops;    /* bits by rank: refer to themselves */
    uint64_t *entered;  /* bits by component */
    tn_finder finder;   /* by rank */
    tn_buf todo;        /* u32: ranks of others */
    uint32_t list;      /* gc.garbage; TN_NONE */
    uint32_t n_alive;   /* components from this number + 1 on are garbage, or kept by that list alone */
    uint32_t n_kept;    /* … from this one + 1 on garbage */
} tn_search;

static inline bool tn__has_rank(const tn_search *w, uint32_t id)
{
    return (w->gates[id / 64].inside | w->gates[id / 64].others) >> (id % 64) & 1;
}

/* Of a node that has one. */
static inline uint32_t tn__rank_of(const tn_search *w, uint32_t id)
{
    const tn_gate *gate = &w->gates[id / 64];
    uint64_t below = (1ull << (id % 64)) - 1;
    if (gate->inside >> (id % 64) & 1)
        return gate->before_inside + (uint32_t)__builtin_popcountll(gate->inside & below);
    return w->n_inside + gate->before_others + (uint32_t)__builtin_popcountll(gate->others & below);
}

/* To be closed, unless it fails. */
int tn__search_open(tn_snapshot *s, tn_search *out, tn_error *err);
void tn__search_close(tn_search *w);
/* of: components of these alone, and *waiting stays NULL; NULL: of all, and what a collection would free. */
int tn__search_run(tn_search *w, const tn_set *of, tn_set **waiting, tn_error *err);
/* What is in gc.garbage. */
int tn__search_listed(const tn_search *w, tn_set **out, tn_error *err);

#endif
