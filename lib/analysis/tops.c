/* tops.c - of a set, the objects that no other member dominates: the rows to begin with, each byte in one of them only. */
#include "analysis/dominators.h"

enum { UNKNOWN, COVERED, CLEAR, OUTSIDE };

typedef struct tn_climb {
    const tn_dominators *d;
    const tn_set *set;
    uint32_t under;
    uint8_t *above; /* by node: what is above it */
} tn_climb;

/* Climbs to where it is known, and remembers it on the way, so that no node is climbed over twice. */
static uint8_t look_above(tn_climb *c, uint32_t id)
{
    uint8_t found = UNKNOWN;
    uint32_t at = id;
    while (!(found = c->above[at])) {
        uint32_t up = c->d->idom[at];
        found = up == c->under ? CLEAR : up == TN_NONE ? OUTSIDE : tn_set_has(c->set, up) ? COVERED : UNKNOWN;
        if (found)
            break;
        at = up;
    }
    for (c->above[at] = found; id != at; id = c->d->idom[id])
        c->above[id] = found;
    return found;
}

int tn__dominator_tops(tn_snapshot *s, const tn_set *set, uint32_t under, tn_buf *ids, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_climb c = {.set = set, .under = under};
    int status = TN_OK;
    TN_TRY(tn__dominators(s, &c.d, err));
    c.above = tn__alloc_zero(a, c.d->n_nodes);
    if (!c.above)
        return tn__no_memory(s, err);
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE && status == TN_OK; id = tn_set_next(set, id + 1))
        if (look_above(&c, id) == CLEAR)
            status = tn__buf_append(ids, &id, sizeof id);
    tn__free(a, c.above, c.d->n_nodes);
    return status < 0 ? tn__no_memory(s, err) : TN_OK;
}
