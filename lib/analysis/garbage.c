/* garbage.c - which objects nothing living leads to, from what the tree of paths has not reached.
 *
 * When the search comes to garbage, all that the root or an anchor leads to has its place in the tree, but for what only
 * tonnage's own objects hold. The rest is small: it is parted into components, as the numbering of dominators does with it.
 */
#include "analysis/dominators.h"
#include "analysis/paths.h"

#include <string.h>

typedef struct tn_rest {
    const tn_ways *ways;
    const tn_alloc *alloc;
    size_t n_words;
    tn_rank_word *words; /* bits: nodes of which nothing living is known */
    tn_buf stack;        /* u32 */
    tn_skeleton skeleton;
    uint32_t *ids, *left; /* by rank; ranks */
} tn_rest;

static bool in_rest(const tn_rest *r, uint32_t node)
{
    return r->words[node / 64].bits >> (node % 64) & 1;
}

/* What a living node holds lives. */
static int enter(tn_rest *r, uint32_t source)
{
    const tn_graph *g = &r->ways->graph;
    for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++) {
        uint32_t target = g->targets[e];
        if (target == TN_NONE || !in_rest(r, target) || !tn__edge_holds(g, source, e))
            continue;
        r->words[target / 64].bits &= ~(1ull << (target % 64));
        TN_TRY(tn__buf_append(&r->stack, &target, sizeof target));
    }
    return TN_OK;
}

static int take_out_living(tn_rest *r, const tn_distances *d)
{
    for (uint32_t i = 0; i < d->n_reached; i++)
        if (tn__is_own(r->ways, d->order[i]))
            TN_TRY(enter(r, d->order[i]));
    while (r->stack.size) {
        uint32_t node;
        r->stack.size -= sizeof node;
        memcpy(&node, r->stack.data + r->stack.size, sizeof node);
        TN_TRY(enter(r, node));
    }
    return TN_OK;
}

static uint32_t number(tn_rest *r)
{
    uint32_t n = 0;
    for (size_t i = 0; i < r->n_words; i++) {
        r->words[i].before = n;
        n += (uint32_t)__builtin_popcountll(r->words[i].bits);
    }
    return n;
}

/* References among the rest that hold, counted or, once there is room, written down. */
static void see_edges(tn_rest *r)
{
    const tn_graph *g = &r->ways->graph;
    tn_skeleton *k = &r->skeleton;
    k->n_edges = 0;
    for (uint32_t rank = 0; rank < k->n_inner; rank++) {
        uint32_t source = r->ids[rank], n = 0;
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++) {
            uint32_t target = g->targets[e];
            if (target == TN_NONE || !in_rest(r, target) || !tn__edge_holds(g, source, e))
                continue;
            if (k->edges)
                k->edges[k->n_edges + n] = tn__rank(&r->words[target / 64], target);
            n++;
        }
        if (k->edges)
            tn__record_put(k, rank, n);
        else
            k->n_edges += n;
    }
}

static int part(tn_rest *r, uint8_t *holds)
{
    tn_skeleton *k = &r->skeleton;
    uint32_t n = number(r), rank = 0, n_sources;
    *k = (tn_skeleton){.alloc = r->alloc, .n_inner = n};
    k->records = tn__alloc(r->alloc, n * sizeof *k->records);
    r->ids = tn__alloc(r->alloc, n * sizeof *r->ids);
    r->left = tn__alloc(r->alloc, n * sizeof *r->left);
    if (!k->records || !r->ids || !r->left)
        return TN_ENOMEM;
    for (uint32_t node = 0; rank < n; node++)
        if (in_rest(r, node))
            r->ids[rank++] = node;
    see_edges(r);
    k->capacity = k->n_edges;
    k->edges = tn__alloc(r->alloc, k->capacity * sizeof *k->edges);
    if (!k->edges)
        return TN_ENOMEM;
    see_edges(r);
    for (rank = 0; rank < n; rank++)
        r->left[rank] = rank;
    TN_TRY(tn__source_components(k, r->left, n, 0, &n_sources));
    for (uint32_t i = 0; i < n_sources; i++)
        holds[r->ids[r->left[i]]] = TN_HOLD_UNREACHABLE;
    return TN_OK;
}

int tn__garbage(const tn_ways *w, const tn_distances *d, tn_error *err)
{
    uint8_t *holds;
    tn_rest r = {.ways = w, .alloc = tn__snapshot_alloc(w->snapshot), .n_words = (size_t)w->graph.n_nodes / 64 + 1};
    TN_TRY(tn__anchors(w->snapshot, &holds, err));
    tn__buf_init(&r.stack, r.alloc);
    r.words = tn__alloc_zero(r.alloc, r.n_words * sizeof *r.words);
    int status = r.words ? TN_OK : TN_ENOMEM;
    for (uint32_t node = 0; status == TN_OK && node < w->graph.n_nodes; node++)
        if (d->cost[node] == TN_NO_WAY)
            r.words[node / 64].bits |= 1ull << (node % 64);
    if (status == TN_OK)
        status = take_out_living(&r, d);
    if (status == TN_OK)
        status = part(&r, holds);
    size_t n = r.skeleton.n_inner;
    tn__free(r.alloc, r.skeleton.records, n * sizeof *r.skeleton.records);
    tn__free(r.alloc, r.skeleton.edges, r.skeleton.capacity * sizeof *r.skeleton.edges);
    tn__free(r.alloc, r.ids, n * sizeof *r.ids);
    tn__free(r.alloc, r.left, n * sizeof *r.left);
    tn__free(r.alloc, r.words, r.n_words * sizeof *r.words);
    tn__buf_free(&r.stack);
    return status == TN_ENOMEM ? tn__no_memory(w->snapshot, err) : status;
}
