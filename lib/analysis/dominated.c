/* dominated.c - the dominator tree downwards: who hangs from each node.
 *
 * A counting sort by dominator gives all lists at once, in order of id; a list is put in order of retained bytes when it is
 * first asked for.
 */
#include "analysis/dominators.h"

#include <stdlib.h>

typedef struct tn_children {
    uint32_t n_nodes;
    uint32_t *starts; /* n_nodes + 1; the root is in no list */
    uint32_t *nodes;
    uint64_t *sorted; /* bits */
} tn_children;

static size_t n_words(uint32_t n_nodes)
{
    return ((size_t)n_nodes + 63) / 64;
}

static void destroy(tn_snapshot *s, void *p)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_children *c = p;
    if (!c)
        return;
    tn__free(a, c->starts, ((size_t)c->n_nodes + 1) * sizeof *c->starts);
    tn__free(a, c->nodes, c->n_nodes * sizeof *c->nodes);
    tn__free(a, c->sorted, n_words(c->n_nodes) * sizeof *c->sorted);
    tn__free(a, c, sizeof *c);
}

/* While placing, starts[d + 1] is the next free place of d; it ends as the start of d + 1. */
static void place(tn_children *c, const tn_dominators *d)
{
    uint32_t *next = c->starts + 1, sum = 0;
    for (uint32_t id = 0; id < c->n_nodes; id++)
        if (d->idom[id] != TN_NONE)
            next[d->idom[id]]++;
    for (uint32_t id = 0; id < c->n_nodes; id++) {
        uint32_t count = next[id];
        next[id] = sum;
        sum += count;
    }
    for (uint32_t id = 0; id < c->n_nodes; id++)
        if (d->idom[id] != TN_NONE)
            c->nodes[next[d->idom[id]]++] = id;
}

static int build(tn_snapshot *s, const tn_dominators *d, void **slot, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_children *c = tn__alloc_zero(a, sizeof *c);
    if (!c)
        return tn__no_memory(s, err);
    c->n_nodes = d->n_nodes;
    c->starts = tn__alloc_zero(a, ((size_t)c->n_nodes + 1) * sizeof *c->starts);
    c->nodes = tn__alloc(a, c->n_nodes * sizeof *c->nodes);
    c->sorted = tn__alloc_zero(a, n_words(c->n_nodes) * sizeof *c->sorted);
    if (!c->starts || !c->nodes || !c->sorted) {
        destroy(s, c);
        return tn__no_memory(s, err);
    }
    place(c, d);
    *slot = c;
    return TN_OK;
}

typedef struct tn_child {
    uint64_t retained;
    uint32_t id;
} tn_child;

static int compare(const void *left, const void *right)
{
    const tn_child *a = left, *b = right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int sort(tn_snapshot *s, const tn_dominators *d, uint32_t *nodes, uint32_t n, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_child *rows = tn__alloc(a, n * sizeof *rows);
    if (!rows)
        return tn__no_memory(s, err);
    for (uint32_t i = 0; i < n; i++)
        rows[i] = (tn_child){d->retained[nodes[i]], nodes[i]};
    qsort(rows, n, sizeof *rows, compare);
    for (uint32_t i = 0; i < n; i++)
        nodes[i] = rows[i].id;
    tn__free(a, rows, n * sizeof *rows);
    return TN_OK;
}

static int children(tn_snapshot *s, uint32_t id, const tn_dominators **d, tn_children **out, tn_error *err)
{
    if (id >= tn_snapshot_n_nodes(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no node %u", (unsigned)id);
    TN_TRY(tn__dominators(s, d, err));
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_DOMINATED, destroy);
    if (!*slot)
        TN_TRY(build(s, *d, slot, err));
    *out = *slot;
    return TN_OK;
}

int tn__dominated(tn_snapshot *s, tn_below *out, tn_error *err)
{
    const tn_dominators *d;
    tn_children *c;
    TN_TRY(children(s, 0, &d, &c, err));
    *out = (tn_below){c->starts, c->nodes};
    return TN_OK;
}

int tn_dominated(tn_snapshot *s, uint32_t id, const uint32_t **nodes, uint32_t *n, tn_error *err)
{
    const tn_dominators *d;
    tn_children *c;
    TN_TRY(children(s, id, &d, &c, err));
    uint32_t first = c->starts[id], count = c->starts[id + 1] - first;
    if (count > 1 && !tn__bit(c->sorted, id)) {
        TN_TRY(sort(s, d, c->nodes + first, count, err));
        c->sorted[id / 64] |= 1ull << (id % 64);
    }
    *nodes = c->nodes + first;
    *n = count;
    return TN_OK;
}
