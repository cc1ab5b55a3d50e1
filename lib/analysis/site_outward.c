/* site_outward.c - which entries of the call tree are the first of their kind on the way from the outermost frame.
 *
 * A function that calls itself stands on one stack several times. What the stack has counts once for it: at the first of these
 * entries, below which all the others lie. The sum of a kind is that of the subtrees of its first entries.
 */
#include "analysis/sites.h"

typedef struct tn_outward {
    uint32_t *parent, *child, *next; /* of entries; child, next: 0 where there is none */
    uint32_t *active;                /* a key: how often it is on the way from the outermost frame */
} tn_outward;

static int outward_alloc(const tn_alloc *a, tn_outward *w, size_t n, size_t n_keys)
{
    w->parent = tn__alloc_zero(a, n * sizeof *w->parent);
    w->child = tn__alloc_zero(a, n * sizeof *w->child);
    w->next = tn__alloc_zero(a, n * sizeof *w->next);
    w->active = tn__alloc_zero(a, n_keys * sizeof *w->active);
    return w->parent && w->child && w->next && w->active ? TN_OK : TN_ENOMEM;
}

static int link_entries(tn_snapshot *s, tn_outward *w, uint32_t n, tn_error *err)
{
    for (uint32_t i = n; i-- > 1;) {
        tn_stack_entry e;
        TN_TRY(tn__snapshot_stack(s, i, &e, err));
        w->parent[i] = e.parent;
        w->next[i] = w->child[e.parent];
        w->child[e.parent] = i;
    }
    return TN_OK;
}

static void leave(tn_outward *w, const uint32_t *key_of, uint32_t at)
{
    if (key_of[at] != TN_NONE)
        w->active[key_of[at]]--;
}

/* Depth first, without recursion. */
static void walk(tn_outward *w, const uint32_t *key_of, uint8_t *outermost)
{
    outermost[0] = key_of[0] != TN_NONE;
    for (uint32_t at = w->child[0]; at;) {
        outermost[at] = key_of[at] != TN_NONE && w->active[key_of[at]]++ == 0;
        if (w->child[at]) {
            at = w->child[at];
            continue;
        }
        while (at && !w->next[at]) {
            leave(w, key_of, at);
            at = w->parent[at];
        }
        if (at) {
            leave(w, key_of, at);
            at = w->next[at];
        }
    }
}

int tn__site_outermost(tn_snapshot *s, const uint32_t *key_of, uint32_t n_keys, uint8_t *outermost, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_outward w = {0};
    uint32_t n;
    TN_TRY(tn__snapshot_n_stacks(s, &n, err));
    n++;
    int status = outward_alloc(a, &w, n, n_keys) < 0 ? tn__no_memory(s, err) : link_entries(s, &w, n, err);
    if (status == TN_OK)
        walk(&w, key_of, outermost);
    tn__free(a, w.parent, w.parent ? n * sizeof *w.parent : 0);
    tn__free(a, w.child, w.child ? n * sizeof *w.child : 0);
    tn__free(a, w.next, w.next ? n * sizeof *w.next : 0);
    tn__free(a, w.active, w.active ? n_keys * sizeof *w.active : 0);
    return status;
}
