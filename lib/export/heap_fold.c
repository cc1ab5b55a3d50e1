/* heap_fold.c - which nodes stand for themselves in a file of limited length, and where.
 *
 * A node is kept where it retains enough. What a node retains is at least what anything under it in the dominator tree does,
 * so the kept ones are the top of that tree, and the folded ones under one owner are whole subtrees. These become one node:
 *
 *     owner ─┬─ kept            owner ─┬─ kept
 *            ├─ small ─ small          └─ (folded objects)
 *            └─ small
 *
 * Whatever leads into a fold comes from the owner or from under it, and the owner always leads there; so which kept node
 * dominates which stays as it was, and so does what each retains (docs/heapsnapshot.md).
 */
#include "export/heapsnapshot.h"

enum { FEWEST_NODES = 16 };

/* ---- sizes in order of id ---- */

int tn__heap_sizes_open(tn_snapshot *s, tn_heap_sizes *out, tn_error *err)
{
    *out = (tn_heap_sizes){0};
    return tn__sizes_open(s, &out->sizes, err);
}

int tn__heap_size(tn_heap_sizes *sizes, uint32_t node, uint64_t *bytes, bool *own, tn_error *err)
{
    while (node - sizes->first >= sizes->n) {
        int status = tn__sizes_block(&sizes->sizes, sizes->block++, err);
        TN_TRY(status);
        if (status == 0)
            return tn__error_set(err, TN_ECORRUPT, 0, "node %u has no size", node);
        sizes->first = sizes->sizes.shap.first_row;
        sizes->n = sizes->sizes.shap.n_rows;
    }
    uint32_t at = node - (uint32_t)sizes->first;
    *own = tn__sizes_own(&sizes->sizes, at);
    *bytes = *own ? 0 : tn__block_at(&sizes->sizes.size, at);
    return TN_OK;
}

/* ---- how much is enough ---- */

/* Nodes of the file if those that retain less than least were folded: each kept one, and its fold if it has one. */
static uint64_t count_nodes(const tn_dominators *d, const uint64_t *least_child, uint64_t least)
{
    uint64_t n = 0;
    for (uint32_t id = 0; id < d->n_nodes; id++)
        if (d->retained[id] >= least || id == d->root)
            n += least_child[id] < least ? 2 : 1;
    return n;
}

/* The smallest least with which the file has no more than max_nodes. A fold appears only where a node goes that was counted,
 * so the count never grows with least. */
static int find_least(tn_heap_plan *p, uint64_t max_nodes, tn_error *err)
{
    const tn_dominators *d = p->dominators;
    uint64_t low = 0, high = d->retained[d->root] + 1;
    if (TN_HEAP_GROUPS + (uint64_t)d->n_nodes <= max_nodes)
        return TN_OK;
    uint64_t *least_child = tn__alloc(p->alloc, d->n_nodes * sizeof *least_child);
    if (!least_child)
        return tn__no_memory(p->snapshot, err);
    for (uint32_t id = 0; id < d->n_nodes; id++)
        least_child[id] = UINT64_MAX;
    for (uint32_t id = 0; id < d->n_nodes; id++)
        if (d->idom[id] != TN_NONE && d->retained[id] < least_child[d->idom[id]])
            least_child[d->idom[id]] = d->retained[id];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (TN_HEAP_GROUPS + count_nodes(d, least_child, middle) <= max_nodes)
            high = middle;
        else
            low = middle + 1;
    }
    p->least = low;
    tn__free(p->alloc, least_child, d->n_nodes * sizeof *least_child);
    return TN_OK;
}

/* ---- who folds whom ---- */

/* places[v]: the nearest kept node from v up. Each node is passed twice at most. */
static void find_owners(tn_heap_plan *p)
{
    const uint32_t *idom = p->dominators->idom;
    for (uint32_t id = 0; id < p->graph.n_nodes; id++)
        p->places[id] = tn__heap_kept(p, id) ? id : TN_NONE;
    for (uint32_t id = 0; id < p->graph.n_nodes; id++) {
        uint32_t at = id, owner;
        while (p->places[at] == TN_NONE)
            at = idom[at];
        owner = p->places[at];
        for (at = id; p->places[at] == TN_NONE; at = idom[at])
            p->places[at] = owner;
    }
}

static int add_to_fold(tn_heap_plan *p, uint32_t owner, uint64_t bytes)
{
    if (p->fold_of[owner] == TN_NONE) {
        tn_heap_fold fold = {.owner = owner};
        TN_TRY(tn__buf_append(&p->folds, &fold, sizeof fold));
        p->fold_of[owner] = p->n_folds++;
    }
    tn_heap_fold *fold = (tn_heap_fold *)(void *)p->folds.data + p->fold_of[owner];
    fold->n++;
    fold->bytes += bytes;
    p->n_folded++;
    return TN_OK;
}

/* Folds with their bytes; what is kept, and the rests of both. */
static int count(tn_heap_plan *p, tn_error *err)
{
    tn_heap_sizes sizes;
    uint64_t bytes, rests = 0;
    bool own;
    TN_TRY(tn__heap_sizes_open(p->snapshot, &sizes, err));
    int status = TN_OK;
    for (uint32_t id = 0; id < p->graph.n_nodes && status == TN_OK; id++) {
        status = tn__heap_size(&sizes, id, &bytes, &own, err);
        if (status == TN_OK && p->places[id] != id && add_to_fold(p, p->places[id], bytes) < 0)
            status = tn__no_memory(p->snapshot, err);
        if (p->places[id] == id && id != p->graph.root) {
            p->n_kept++;
            rests += tn__heap_rests(bytes);
        }
    }
    tn__sizes_close(&sizes.sizes);
    for (uint32_t i = 0; i < p->n_folds; i++)
        rests += tn__heap_rests(tn__heap_fold_at(p, i)->bytes);
    p->n_rests = rests > UINT32_MAX ? UINT32_MAX : (uint32_t)rests;
    return status;
}

static int place_folded(tn_heap_plan *p, tn_error *err)
{
    tn_heap_fold *folds = (tn_heap_fold *)(void *)p->folds.data;
    uint32_t first = 0;
    p->folded = tn__alloc(p->alloc, p->n_folded * sizeof *p->folded);
    if (!p->folded)
        return tn__no_memory(p->snapshot, err);
    for (uint32_t i = 0; i < p->n_folds; i++) {
        folds[i].first = first;
        first += folds[i].n;
        folds[i].n = 0;
    }
    for (uint32_t id = 0; id < p->graph.n_nodes; id++) {
        if (p->places[id] == id)
            continue;
        tn_heap_fold *fold = &folds[p->fold_of[p->places[id]]];
        p->folded[fold->first + fold->n++] = id;
    }
    return TN_OK;
}

static void place_nodes(tn_heap_plan *p)
{
    uint32_t next = 1 + TN_HEAP_GROUPS, first_fold = tn__heap_first_fold(p);
    for (uint32_t id = 0; id < p->graph.n_nodes; id++) {
        if (p->places[id] != id)
            p->places[id] = first_fold + p->fold_of[p->places[id]];
        else
            p->places[id] = id == p->graph.root ? 0 : next++;
    }
}

static int fill(tn_heap_plan *p, tn_error *err)
{
    size_t bytes = p->graph.n_nodes * sizeof(uint32_t);
    p->places = tn__alloc(p->alloc, bytes);
    if (!p->places)
        return tn__no_memory(p->snapshot, err);
    if (p->least) {
        p->fold_of = tn__alloc(p->alloc, bytes);
        if (!p->fold_of)
            return tn__no_memory(p->snapshot, err);
        for (uint32_t id = 0; id < p->graph.n_nodes; id++)
            p->fold_of[id] = TN_NONE;
    }
    find_owners(p);
    TN_TRY(count(p, err));
    if (p->n_folds)
        TN_TRY(place_folded(p, err));
    place_nodes(p);
    if (tn__heap_n_nodes(p) > UINT32_MAX / TN_HEAP_NODE_FIELDS)
        return tn__error_set(err, TN_ELIMIT, 0, "a heap snapshot has room for %u nodes, not for %llu: give --max-nodes",
                             (unsigned)(UINT32_MAX / TN_HEAP_NODE_FIELDS), (unsigned long long)tn__heap_n_nodes(p));
    return TN_OK;
}

int tn__heap_plan_make(tn_snapshot *s, uint32_t max_nodes, tn_heap_plan *out, tn_error *err)
{
    tn_heap_plan p = {.snapshot = s, .alloc = tn__snapshot_alloc(s)};
    if (max_nodes && max_nodes < FEWEST_NODES)
        return tn__error_set(err, TN_EINVAL, 0, "a heap snapshot needs %d nodes at least", (int)FEWEST_NODES);
    TN_TRY(tn__dominators(s, &p.dominators, err));
    TN_TRY(tn__graph(s, &p.graph, err));
    tn__buf_init(&p.folds, p.alloc);
    if (max_nodes)
        TN_TRY(find_least(&p, max_nodes, err));
    int status = fill(&p, err);
    if (status < 0)
        tn__heap_plan_free(&p);
    else
        *out = p;
    return status;
}

void tn__heap_plan_free(tn_heap_plan *p)
{
    tn__free(p->alloc, p->places, p->graph.n_nodes * sizeof *p->places);
    tn__free(p->alloc, p->fold_of, p->graph.n_nodes * sizeof *p->fold_of);
    tn__free(p->alloc, p->folded, p->n_folded * sizeof *p->folded);
    tn__buf_free(&p->folds);
}
