/* retained.c - what goes when a whole set goes, and who dominates a set.
 *
 * What a set retains is more than its members' retained sizes: what several of them hold together is in none. So it is told
 * from the other side: a search from all that is anchored, around the set; what it does not come to goes.
 */
#include "analysis/analysis.h"
#include "analysis/dominators.h"

typedef struct tn_search {
    const tn_alloc *alloc;
    tn_graph graph;
    size_t n_words;
    uint64_t *seen; /* bits */
    tn_buf todo;    /* uint32_t */
} tn_search;

static int push(tn_search *q, uint32_t id)
{
    if (tn__bit(q->seen, id))
        return TN_OK;
    q->seen[id / 64] |= 1ull << (id % 64);
    return tn__buf_append(&q->todo, &id, sizeof id);
}

static int search(tn_search *q)
{
    const tn_graph *g = &q->graph;
    while (q->todo.size) {
        q->todo.size -= sizeof(uint32_t);
        uint32_t id = *(const uint32_t *)(const void *)(q->todo.data + q->todo.size);
        for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++)
            if (tn__edge_holds(g, id, e))
                TN_TRY(push(q, g->targets[e]));
    }
    return TN_OK;
}

/* The members of the set count as seen, so that the search goes around them. */
static int search_around(tn_search *q, const tn_set *set, const uint8_t *holds)
{
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1))
        q->seen[id / 64] |= 1ull << (id % 64);
    TN_TRY(push(q, q->graph.root));
    for (uint32_t id = 0; id < q->graph.n_nodes; id++) {
        if (holds[id] != TN_HOLD_REFERENCES)
            TN_TRY(push(q, id));
        if (q->todo.size)
            TN_TRY(search(q));
    }
    return TN_OK;
}

/* Sum of what goes; it also goes into members unless NULL. */
static int gather(tn_snapshot *s, const tn_search *q, const tn_set *set, tn_set *members, uint64_t *bytes,
                  tn_error *err)
{
    tn_sizes sizes;
    uint64_t sum = 0;
    int more;
    TN_TRY(tn__sizes_open(s, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++) {
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t id = (uint32_t)sizes.shap.first_row + i;
            if ((tn__bit(q->seen, id) && !tn_set_has(set, id)) || tn__sizes_own(&sizes, i))
                continue;
            sum += tn__block_at(&sizes.size, i);
            if (members && id < q->graph.n_objects)
                tn__set_add(members, id);
        }
    }
    tn__sizes_close(&sizes);
    if (more == 0)
        *bytes = sum;
    return more;
}

static int check_set(const tn_set *set, const tn_graph *g, tn_error *err)
{
    if (set->n > g->n_nodes)
        return tn__error_set(err, TN_EINVAL, 0, "the set is of another snapshot");
    return TN_OK;
}

static int retained_set(tn_snapshot *s, tn_search *q, const tn_set *set, tn_set *members, uint64_t *bytes,
                        tn_error *err)
{
    const tn_dominators *d;
    TN_TRY(tn__dominators(s, &d, err)); /* which garbage is anchored; and sums are known to fit */
    q->n_words = ((size_t)q->graph.n_nodes + 63) / 64;
    q->seen = tn__alloc_zero(q->alloc, q->n_words * sizeof *q->seen);
    if (!q->seen)
        return TN_ENOMEM;
    TN_TRY(search_around(q, set, d->holds));
    return gather(s, q, set, members, bytes, err);
}

int tn_retained_set(tn_snapshot *s, const tn_set *set, tn_set **members, uint64_t *bytes, tn_error *err)
{
    tn_search q = {.alloc = tn__snapshot_alloc(s)};
    tn_set *gone = NULL;
    TN_TRY(tn__graph(s, &q.graph, err));
    TN_TRY(check_set(set, &q.graph, err));
    tn__buf_init(&q.todo, q.alloc);
    int status = members ? tn__set_new(q.alloc, q.graph.n_objects, &gone, err) : TN_OK;
    if (status == TN_OK)
        status = retained_set(s, &q, set, gone, bytes, err);
    tn__buf_free(&q.todo);
    tn__free(q.alloc, q.seen, q.n_words * sizeof *q.seen);
    if (status < 0)
        tn_set_free(gone);
    else if (members)
        *members = gone;
    return status == TN_ENOMEM ? tn__no_memory(s, err) : status;
}

/* ---- dominators of a set ---- */

/* tonnage's own objects are in no set. */
static int copy_without_own(tn_snapshot *s, const tn_set *from, tn_set *to, tn_error *err)
{
    tn_sizes sizes;
    int more = TN_OK;
    TN_TRY(tn__sizes_open(s, &sizes, err));
    for (uint32_t id = tn_set_next(from, 0); id != TN_NONE && more == TN_OK;) {
        uint32_t block = id / TN_NODE_BLOCK, first = block * TN_NODE_BLOCK;
        more = tn__sizes_block(&sizes, block, err);
        for (; more > 0 && id != TN_NONE && id / TN_NODE_BLOCK == block; id = tn_set_next(from, id + 1))
            if (!tn__sizes_own(&sizes, id - first))
                tn__set_add(to, id);
        more = more > 0 ? TN_OK : more;
    }
    tn__sizes_close(&sizes);
    return more;
}

static int set_dominators(tn_snapshot *s, const tn_set *set, tn_set *all, tn_set *out, tn_error *err)
{
    const tn_dominators *d;
    TN_TRY(tn__dominators(s, &d, err));
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1)) {
        uint32_t idom = d->idom[id];
        if (idom < all->n && !tn_set_has(set, idom))
            tn__set_add(all, idom);
    }
    return copy_without_own(s, all, out, err);
}

int tn_set_dominators(tn_snapshot *s, const tn_set *set, tn_set **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_graph g;
    tn_set *all = NULL, *result = NULL;
    TN_TRY(tn__graph(s, &g, err));
    TN_TRY(check_set(set, &g, err));
    int status = tn__set_new(a, g.n_objects, &all, err);
    if (status == TN_OK)
        status = tn__set_new(a, g.n_objects, &result, err);
    if (status == TN_OK)
        status = set_dominators(s, set, all, result, err);
    tn_set_free(all);
    if (status < 0)
        tn_set_free(result);
    else
        *out = result;
    return status == TN_ENOMEM ? tn__no_memory(s, err) : status;
}
