/* retained.c - what goes when a whole set goes, and who dominates a set.
 *
 * What a set retains is more than its members' retained sizes: what several of them hold together is in none. So it is told
 * from the other side: a search from all that is anchored, around the set; what it does not come to goes.
 */
#include "analysis/dominators.h"
#include "analysis/partition.h"

/* The members of the set are sources that are never visited, so that the labels spread around them. */
static int spread_around(tn_flood *f, const tn_set *set, const uint8_t *holds, tn_error *err)
{
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1))
        tn__set_add(f->sources, id);
    TN_TRY(tn__flood_reach(f, f->graph.root, 0, err));
    for (uint32_t id = 0; id < f->graph.n_nodes; id++) {
        if (holds[id] != TN_HOLD_REFERENCES)
            TN_TRY(tn__flood_reach(f, id, 0, err));
        if (f->stack.size)
            TN_TRY(tn__flood_run(f, err));
    }
    return TN_OK;
}

/* Sum of what goes; it also goes into members unless NULL. */
static int gather(tn_snapshot *s, const tn_flood *f, tn_set *members, uint64_t *bytes, tn_error *err)
{
    tn_sizes sizes;
    uint64_t sum = 0;
    int more;
    TN_TRY(tn__sizes_open(s, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++) {
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t id = (uint32_t)sizes.shap.first_row + i;
            if (f->labels[id] != TN_NONE || tn__sizes_own(&sizes, i))
                continue;
            sum += tn__block_at(&sizes.size, i);
            if (members && id < f->graph.n_objects)
                tn__set_add(members, id);
        }
    }
    tn__sizes_close(&sizes);
    if (more == 0)
        *bytes = sum;
    return more;
}

/* There is nothing to tell of no set. */
static int check_set(tn_snapshot *s, const tn_set *set, tn_error *err)
{
    return set ? tn__set_check(s, set, err) : tn__error_set(err, TN_EINVAL, 0, "no set was given");
}

int tn_retained_set(tn_snapshot *s, const tn_set *set, tn_set **members, uint64_t *bytes, tn_error *err)
{
    const tn_dominators *d;
    tn_flood f;
    tn_set *gone = NULL;
    TN_TRY(check_set(s, set, err));
    TN_TRY(tn__dominators(s, &d, err)); /* which garbage is anchored; and sums are known to fit */
    TN_TRY(tn__flood_open(s, &f, err));
    int status = members ? tn_set_new(s, &gone, err) : TN_OK;
    if (status == TN_OK)
        status = spread_around(&f, set, d->holds, err);
    if (status == TN_OK)
        status = gather(s, &f, gone, bytes, err);
    tn__flood_close(&f);
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
    tn_set *all = NULL, *result = NULL;
    TN_TRY(check_set(s, set, err));
    int status = tn_set_new(s, &all, err);
    if (status == TN_OK)
        status = tn_set_new(s, &result, err);
    if (status == TN_OK)
        status = set_dominators(s, set, all, result, err);
    tn_set_free(all);
    if (status < 0)
        tn_set_free(result);
    else
        *out = result;
    return status == TN_ENOMEM ? tn__no_memory(s, err) : status;
}
