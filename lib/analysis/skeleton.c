/* skeleton.c - the graph without its leaves.
 *
 * Two passes over the references: one tells who is inner, one keeps the references between inner nodes, as ranks. What is
 * kept is a third to a half of the graph, and dense: the passes after it, which wait for memory, wait less.
 */
#include "analysis/dominators.h"

void tn__skeleton_free(tn_skeleton *k)
{
    tn__free(k->alloc, k->words, k->n_words * sizeof *k->words);
    tn__free(k->alloc, k->fixed, k->n_words * sizeof *k->fixed);
    tn__free(k->alloc, k->leaves, k->n_words * sizeof *k->leaves);
    tn__free(k->alloc, k->records, k->n_inner * sizeof *k->records);
    tn__free(k->alloc, k->edges, k->capacity * sizeof *k->edges);
    *k = (tn_skeleton){.alloc = k->alloc};
}

static bool is_inner(const tn_graph *g, const uint64_t *anchored, uint32_t id)
{
    enum tn_holding holding = tn__node_holding(g, id);
    if (holding == TN_HOLDS_NONE)
        return false;
    for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++) {
        uint32_t target = g->targets[e];
        if (target != TN_NONE && !tn__bit(anchored, target) && (holding == TN_HOLDS_ALL || tn__edge_holds(g, id, e)))
            return true;
    }
    return false;
}

/* anchored holds the root as well, which is inner whatever it refers to. */
static void sort_nodes(tn_skeleton *k, const tn_graph *g, const uint64_t *anchored)
{
    for (size_t w = 0; w < k->n_words; w++) {
        uint64_t inner = 0, all = 0;
        uint32_t first = (uint32_t)(w * 64), n = g->n_nodes - first < 64 ? g->n_nodes - first : 64;
        for (uint32_t i = 0; i < n; i++) {
            inner |= (uint64_t)is_inner(g, anchored, first + i) << i;
            all |= 1ull << i;
        }
        if (g->root / 64 == w)
            inner |= 1ull << (g->root % 64);
        k->words[w] = (tn_rank_word){inner & ~anchored[w], k->n_free};
        k->fixed[w] = inner & anchored[w];
        k->leaves[w] = all & ~inner & ~anchored[w];
        k->n_free += (uint32_t)__builtin_popcountll(k->words[w].bits);
        k->n_inner += (uint32_t)__builtin_popcountll(inner);
    }
}

static bool reserve_edges(tn_skeleton *k, uint64_t more)
{
    if (k->edges && more <= k->capacity - k->n_edges)
        return true;
    uint64_t capacity = k->capacity + k->capacity / 2 + 4096;
    capacity = capacity < k->n_edges + more ? k->n_edges + more : capacity;
    uint32_t *edges = tn__realloc(k->alloc, k->edges, k->capacity * sizeof *edges, capacity * sizeof *edges);
    if (!edges)
        return false;
    k->edges = edges;
    k->capacity = capacity;
    return true;
}

/* References that stand side by side more than once count once: [x] * 1000. */
static uint64_t keep_edges(tn_skeleton *k, const tn_graph *g, uint32_t id)
{
    bool all = tn__node_holding(g, id) == TN_HOLDS_ALL;
    uint32_t last = TN_NONE, *out = k->edges + k->n_edges, *start = out;
    for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++) {
        uint32_t target = g->targets[e];
        if (target == TN_NONE || target == last)
            continue;
        const tn_rank_word *w = &k->words[target / 64];
        if (!(w->bits >> (target % 64) & 1) || (!all && !tn__edge_holds(g, id, e)))
            continue;
        *out++ = tn__rank(w, target);
        last = target;
    }
    return (uint64_t)(out - start);
}

void tn__record_put(tn_skeleton *k, uint32_t rank, uint32_t n)
{
    tn_record *r = &k->records[rank];
    *r = (tn_record){.first = k->n_edges, .left = n};
    if (n > TN_FEW)
        k->n_edges += n;
    for (uint32_t i = 0; i < n && n <= TN_FEW; i++)
        r->few[i] = k->edges[k->n_edges + n - 1 - i];
}

static int fill(tn_skeleton *k, const tn_graph *g, tn_error *err)
{
    uint32_t id, rank;
    for (tn_inner_iter it = tn__inner_begin(k); tn__inner_next(k, &it, &id, &rank);) {
        if (!reserve_edges(k, g->offsets[id + 1] - g->offsets[id]))
            return TN_ENOMEM;
        uint64_t n = keep_edges(k, g, id);
        if (n > UINT32_MAX)
            return tn__error_set(err, TN_ELIMIT, 0, "node %u refers to more than 2^32 containers", (unsigned)id);
        tn__record_put(k, rank, (uint32_t)n);
        if (id == g->root)
            k->root = rank;
    }
    return TN_OK;
}

static int make(tn_skeleton *k, const tn_graph *g, const uint8_t *holds, uint64_t *anchored, tn_error *err)
{
    for (uint32_t id = 0; id < g->n_nodes; id++)
        anchored[id / 64] |= (uint64_t)(holds[id] != TN_HOLD_REFERENCES) << (id % 64);
    anchored[g->root / 64] |= 1ull << (g->root % 64);
    sort_nodes(k, g, anchored);
    k->records = tn__alloc(k->alloc, k->n_inner * sizeof *k->records);
    if (!k->records)
        return TN_ENOMEM;
    return fill(k, g, err);
}

int tn__skeleton_make(tn_skeleton *out, const tn_alloc *a, const tn_graph *g, const uint8_t *holds, tn_error *err)
{
    tn_skeleton k = {.alloc = a, .n_nodes = g->n_nodes, .n_words = ((size_t)g->n_nodes + 63) / 64};
    uint64_t *anchored = tn__alloc_zero(a, k.n_words * sizeof *anchored);
    k.words = tn__alloc(a, k.n_words * sizeof *k.words);
    k.fixed = tn__alloc(a, k.n_words * sizeof *k.fixed);
    k.leaves = tn__alloc(a, k.n_words * sizeof *k.leaves);
    int status = anchored && k.words && k.fixed && k.leaves ? make(&k, g, holds, anchored, err) : TN_ENOMEM;
    tn__free(a, anchored, k.n_words * sizeof *anchored);
    if (status < 0)
        tn__skeleton_free(&k);
    else
        *out = k;
    return status;
}
