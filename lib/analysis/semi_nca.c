/* semi_nca.c - dominators by Semi-NCA (Georgiadis, Linear-Time Algorithms for Dominators and Related Problems, 2005, 2.3).
 *
 * In descending order of number the semidominators, with paths compressed in place (a path is turned round on the way up
 * and turned back on the way down: no stack). Then in ascending order the dominator: the nearest ancestor of the parent, in
 * the tree so far, that is not below the semidominator. That climb can be as long as the tree is deep, for each node; when it
 * has taken too many steps, it goes on by jump pointers (Myers, An applicative random-access stack, 1983), which take
 * O(log n) each.
 */
#include "analysis/dominators.h"

enum { AHEAD = 32 }; /* steps that memory is fetched before it is needed */

typedef struct tn_link {
    uint32_t least; /* semidominator on the way from here up to above, exclusive */
    uint32_t above;
} tn_link;

typedef struct tn_into {
    uint64_t *starts; /* by number: crossing references into it are sources[starts[w] .. starts[w + 1]) */
    uint32_t *sources;
} tn_into;

/* Counting sort; starts[w + 1] is the next free place of w while placing. */
static int sort_crossed(tn_numbering *n, tn_into *in)
{
    size_t n_starts = (size_t)n->n + 2;
    in->starts = tn__alloc_zero(n->alloc, n_starts * sizeof *in->starts);
    in->sources = tn__alloc(n->alloc, n->n_crossed * sizeof *in->sources);
    if (!in->starts || !in->sources)
        return TN_ENOMEM;
    for (uint64_t i = 0; i < n->n_crossed; i++) {
        if (i + AHEAD < n->n_crossed)
            __builtin_prefetch(&in->starts[(size_t)n->crossed[i + AHEAD].target + 1], 1);
        in->starts[(size_t)n->crossed[i].target + 1]++;
    }
    uint64_t sum = 0;
    for (size_t w = 1; w < n_starts; w++) {
        uint64_t count = in->starts[w];
        in->starts[w] = sum;
        sum += count;
    }
    for (uint64_t i = 0; i < n->n_crossed; i++) {
        if (i + 2 * AHEAD < n->n_crossed)
            __builtin_prefetch(&in->starts[(size_t)n->crossed[i + 2 * AHEAD].target + 1], 1);
        if (i + AHEAD < n->n_crossed)
            __builtin_prefetch(&in->sources[in->starts[(size_t)n->crossed[i + AHEAD].target + 1]], 1);
        in->sources[in->starts[(size_t)n->crossed[i].target + 1]++] = n->crossed[i].source;
    }
    tn__free(n->alloc, n->crossed, n->capacity * sizeof *n->crossed);
    n->crossed = NULL;
    n->capacity = 0;
    return TN_OK;
}

/* Least semidominator on the way from v up to, but without, the first node that is not above w in number. */
static inline uint32_t least_above(tn_link *links, uint32_t v, uint32_t w)
{
    uint32_t below = 0;
    while (links[v].above > w) {
        uint32_t above = links[v].above;
        links[v].above = below;
        below = v;
        v = above;
    }
    uint32_t least = links[v].least, top = links[v].above;
    while (below) {
        tn_link *l = &links[below];
        below = l->above;
        l->above = top;
        if (l->least > least)
            l->least = least;
        least = l->least;
    }
    return least;
}

static void find_semidominators(const tn_numbering *n, const tn_into *in, tn_link *links, uint32_t *semi)
{
    for (uint32_t w = n->n; w > 1; w--) {
        uint32_t best = n->parent[w];
        for (uint64_t i = in->starts[w]; i < in->starts[w + 1] && best > 1; i++) {
            if (i >= AHEAD) { /* of those that come next: numbers descend */
                uint32_t sooner = in->sources[i - AHEAD / 2];
                __builtin_prefetch(&links[in->sources[i - AHEAD]], 1);
                if (sooner > w)
                    __builtin_prefetch(&links[links[sooner].above], 1);
            }
            uint32_t v = in->sources[i], least = v <= w ? v : least_above(links, v, w);
            best = least < best ? least : best;
        }
        semi[w] = best;
        links[w] = (tn_link){best, n->parent[w]};
    }
}

/* ---- from semidominators to dominators ---- */

/* Takes at most 16 steps a node on average; returns the first node that is left. */
static uint32_t climb(tn_numbering *n, const uint32_t *semi)
{
    uint64_t steps = 16ull * n->n;
    uint32_t *idom = n->parent;
    for (uint32_t w = 2; w <= n->n; w++) {
        uint32_t d = idom[w];
        while (d > semi[w]) {
            if (steps-- == 0)
                return w;
            d = idom[d];
        }
        idom[w] = d;
    }
    return 0;
}

typedef struct tn_jump {
    uint32_t to, depth;
} tn_jump;

static void set_jump(tn_jump *jumps, const uint32_t *idom, uint32_t w)
{
    uint32_t up = idom[w], far = jumps[up].to;
    bool equal = jumps[up].depth - jumps[far].depth == jumps[far].depth - jumps[jumps[far].to].depth;
    jumps[w] = (tn_jump){equal ? jumps[far].to : up, jumps[up].depth + 1};
}

static void climb_by_jumps(tn_numbering *n, const uint32_t *semi, tn_jump *jumps, uint32_t first)
{
    uint32_t *idom = n->parent;
    jumps[1] = (tn_jump){1, 0};
    for (uint32_t w = 2; w <= n->n; w++) {
        uint32_t d = idom[w];
        while (w >= first && d > semi[w])
            d = jumps[d].to > semi[w] ? jumps[d].to : idom[d];
        idom[w] = d;
        set_jump(jumps, idom, w);
    }
}

int tn__semi_nca(tn_numbering *n)
{
    size_t size = (size_t)n->n + 1;
    tn_into in = {0};
    int status = sort_crossed(n, &in);
    tn_link *links = status == TN_OK ? tn__alloc(n->alloc, size * sizeof *links) : NULL;
    uint32_t *semi = status == TN_OK ? tn__alloc(n->alloc, size * sizeof *semi) : NULL;
    if (status == TN_OK && (!links || !semi))
        status = TN_ENOMEM;
    if (status == TN_OK)
        find_semidominators(n, &in, links, semi);
    tn__free(n->alloc, in.starts, (size + 1) * sizeof *in.starts);
    tn__free(n->alloc, in.sources, n->n_crossed * sizeof *in.sources);
    if (status == TN_OK) {
        _Static_assert(sizeof(tn_jump) == sizeof(tn_link), "the one memory serves both");
        uint32_t first = climb(n, semi);
        if (first)
            climb_by_jumps(n, semi, (tn_jump *)(void *)links, first);
    }
    tn__free(n->alloc, links, size * sizeof *links);
    tn__free(n->alloc, semi, size * sizeof *semi);
    return status;
}
