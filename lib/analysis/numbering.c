/* numbering.c - depth-first numbers of all inner nodes, from the root, then from what is anchored, then from what is garbage.
 *
 * No stack: the way back is the parent, and a record remembers how far its references have been followed. A reference to a
 * node that has its number is written down for semi_nca.c; that is all it needs, so records and references are given back.
 */
#include "analysis/dominators.h"

#define PENDING UINT32_MAX /* anchored: gets its number from the root, by no other reference */

void tn__numbering_free(tn_numbering *n)
{
    tn__free(n->alloc, n->ranks, ((size_t)n->n + 1) * sizeof *n->ranks);
    tn__free(n->alloc, n->parent, ((size_t)n->n + 1) * sizeof *n->parent);
    tn__free(n->alloc, n->crossed, n->capacity * sizeof *n->crossed);
    *n = (tn_numbering){.alloc = n->alloc};
}

static int grow(tn_numbering *n)
{
    uint64_t capacity = n->capacity + n->capacity / 2 + 4096;
    tn_cross *crossed = tn__realloc(n->alloc, n->crossed, n->capacity * sizeof *crossed, capacity * sizeof *crossed);
    if (!crossed)
        return TN_ENOMEM;
    n->crossed = crossed;
    n->capacity = capacity;
    return TN_OK;
}

typedef struct tn_walker {
    tn_numbering *numbering;
    tn_skeleton *skeleton;
    uint32_t last; /* number given last */
} tn_walker;

static void enter(tn_walker *w, uint32_t rank, uint32_t parent)
{
    enum { AHEAD = 16 };
    tn_record *records = w->skeleton->records, *r = &records[rank];
    const uint32_t *edges = w->skeleton->edges;
    r->number = ++w->last;
    w->numbering->ranks[w->last] = rank;
    w->numbering->parent[w->last] = parent;
    for (uint32_t i = 0; i < r->left && i < AHEAD; i++)
        __builtin_prefetch(&records[tn__record_edge(r, edges, i)]);
}

static uint32_t next_edge(tn_record *r, const uint32_t *edges)
{
    if (r->left <= TN_FEW)
        return r->few[--r->left];
    uint64_t at = r->first++;
    if (--r->left == TN_FEW)
        for (uint32_t i = 0; i < TN_FEW; i++)
            r->few[i] = edges[at + TN_FEW - i];
    return edges[at];
}

static int walk(tn_walker *w, uint32_t rank, uint32_t parent)
{
    tn_numbering *n = w->numbering;
    tn_record *records = w->skeleton->records;
    const uint32_t *edges = w->skeleton->edges;
    enter(w, rank, parent);
    for (tn_record *r = &records[rank];;) {
        if (r->left == 0) {
            uint32_t up = n->parent[r->number];
            if (up == 0)
                return TN_OK;
            r = &records[n->ranks[up]];
            continue;
        }
        uint32_t to = next_edge(r, edges), number = records[to].number;
        if (number == 0) {
            enter(w, to, r->number);
            r = &records[to];
        } else if (number != PENDING && number != r->number) {
            if (n->n_crossed == n->capacity)
                TN_TRY(grow(n));
            n->crossed[n->n_crossed++] = (tn_cross){number, r->number};
        }
    }
}

/* Those that nothing anchored leads to. */
static int walk_unreachable(tn_walker *w, uint8_t *holds)
{
    tn_skeleton *k = w->skeleton;
    uint32_t n = k->n_inner - w->last, i = 0, id, rank, n_sources = 0;
    if (n == 0)
        return TN_OK;
    uint32_t *left = tn__alloc(k->alloc, n * sizeof *left);
    if (!left)
        return TN_ENOMEM;
    for (rank = 0; rank < k->n_inner; rank++)
        if (k->records[rank].number == 0)
            left[i++] = rank;
    int status = tn__source_components(k, left, n, w->last, &n_sources);
    if (status == TN_OK) {
        for (i = 0; i < n_sources; i++)
            k->records[left[i]].number = PENDING;
        for (tn_inner_iter it = tn__inner_begin(k); tn__inner_next(k, &it, &id, &rank);)
            if (k->records[rank].number == PENDING)
                holds[id] = TN_HOLD_UNREACHABLE;
    }
    for (i = 0; status == TN_OK && i < n_sources; i++)
        status = walk(w, left[i], 1);
    tn__free(k->alloc, left, n * sizeof *left);
    return status;
}

static int walk_all(tn_walker *w, uint8_t *holds)
{
    tn_skeleton *k = w->skeleton;
    TN_TRY(walk(w, k->root, 0));
    for (uint32_t rank = k->n_free; rank < k->n_inner; rank++)
        if (rank != k->root)
            TN_TRY(walk(w, rank, 1));
    return walk_unreachable(w, holds);
}

int tn__numbering_make(tn_numbering *out, tn_skeleton *k, uint8_t *holds)
{
    tn_numbering n = {.alloc = k->alloc, .n = k->n_inner};
    n.ranks = tn__alloc(k->alloc, ((size_t)n.n + 1) * sizeof *n.ranks);
    n.parent = tn__alloc(k->alloc, ((size_t)n.n + 1) * sizeof *n.parent);
    int status = n.ranks && n.parent ? TN_OK : TN_ENOMEM;
    tn_walker w = {&n, k, 0};
    if (status == TN_OK)
        status = walk_all(&w, holds);
    if (status < 0)
        tn__numbering_free(&n);
    else
        *out = n;
    return status;
}
