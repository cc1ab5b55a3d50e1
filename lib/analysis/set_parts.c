/* set_parts.c - what each member of a set retains beside what other members do: parts that add up.
 *
 * A member's part is what it retains without what the members retain that are next below it in the dominator tree. The nearest
 * member above each node that was come by is kept, so that no piece of a path to the root is gone twice.
 */
#include "analysis/analysis.h"
#include "analysis/dominators.h"

enum { UNKNOWN, NOBODY, FIRST }; /* of a node: FIRST + the place of a member */

/* The nearest member above a node, as above; fills in what it goes over. */
static uint32_t above(const tn_dominators *d, uint32_t *nearest, uint32_t node)
{
    uint32_t top = d->idom[node];
    while (top != TN_NONE && nearest[top] == UNKNOWN)
        top = d->idom[top];
    uint32_t found = top == TN_NONE ? NOBODY : nearest[top];
    for (uint32_t at = d->idom[node]; at != top; at = d->idom[at])
        nearest[at] = found;
    return found;
}

static uint64_t held(const tn_dominators *d, uint32_t id, bool count)
{
    return count ? d->counts[id] : d->retained[id];
}

int tn__set_parts(tn_snapshot *s, const tn_set *set, bool count, uint64_t *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    const tn_dominators *d = NULL;
    TN_TRY(tn__dominators(s, &d, err));
    uint32_t *nearest = tn__alloc_zero(a, d->n_nodes * sizeof *nearest), n = 0;
    if (!nearest)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1), n++) {
        nearest[id] = FIRST + n;
        out[n] = held(d, id, count);
    }
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1)) {
        uint32_t by = above(d, nearest, id);
        if (by >= FIRST)
            out[by - FIRST] -= held(d, id, count);
    }
    tn__free(a, nearest, d->n_nodes * sizeof *nearest);
    return TN_OK;
}
