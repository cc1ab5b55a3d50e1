/* suspects.c - single objects that retain much of the heap: MAT's report, fitted to Python. */
#include "analysis/suspects.h"

#include <stdlib.h>

static int tell(const tn_toplevel *t, tn_suspect *one, tn_error *err)
{
    one->count = t->tree->counts[one->node];
    one->bytes = t->tree->retained[one->node];
    TN_TRY(tn__content(t, one->node, &one->content, err));
    return tn__trail_make(t, one->node, NULL, &one->trail, err);
}

int tn__suspect_add(tn_suspects *all, const tn_past *past, uint32_t top, tn_error *err)
{
    tn_suspect one = {.top = top, .example = TN_NONE, .before = TN_UNKNOWN};
    tn__descend(&all->top, past, top, &one.node, &one.links);
    if (past)
        one.before = tn__past_bytes(past, one.node);
    int status = tell(&all->top, &one, err);
    if (status == TN_OK && tn__buf_append(&all->rows, &one, sizeof one) < 0)
        status = tn__no_memory(all->top.snapshot, err);
    if (status < 0)
        tn__trail_free(&one.trail);
    return status;
}

static int find_single(tn_suspects *all, uint64_t least_bytes, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    for (uint32_t id = 0; id < t->graph.n_objects; id++)
        if (t->tree->retained[id] >= least_bytes && tn__is_live_top(all, t, id))
            TN_TRY(tn__suspect_add(all, NULL, id, err));
    return TN_OK;
}

/* ---- the report ---- */

static int compare(const void *left, const void *right)
{
    const tn_suspect *a = left, *b = right;
    uint64_t more_a = a->bytes - (a->before == TN_UNKNOWN ? 0 : a->before);
    uint64_t more_b = b->bytes - (b->before == TN_UNKNOWN ? 0 : b->before);
    if (more_a != more_b)
        return more_a < more_b ? 1 : -1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static void keep_within(tn_suspects *all)
{
    size_t n = 0;
    for (size_t i = 0; i < tn__n_suspects(all); i++) {
        tn_suspect *one = tn__suspect_at(all, i);
        if (tn_set_has(all->within, one->type ? one->example : one->node))
            *tn__suspect_at(all, n++) = *one;
        else
            tn__trail_free(&one->trail);
    }
    all->rows.size = n * sizeof(tn_suspect);
}

enum { LEAST_PERCENT = 10 };

static int find_all(tn_suspects *all, tn_snapshot *s, tn_snapshot *against, bool fold, tn_error *err)
{
    TN_TRY(tn__toplevel_make(s, fold, &all->top, err));
    TN_TRY(tn__suspects_garbage(all, err));
    uint64_t least = all->top.bytes / 100 * LEAST_PERCENT;
    if (against) {
        TN_TRY(tn__suspects_growth(all, against, err));
    } else if (least) {
        TN_TRY(find_single(all, least, err));
        TN_TRY(tn__suspects_types(all, least, err));
    }
    if (all->within)
        keep_within(all);
    if (all->rows.size)
        qsort(all->rows.data, tn__n_suspects(all), sizeof(tn_suspect), compare);
    return tn__suspects_findings(all, err);
}

int tn__suspects_make(tn_snapshot *s, tn_snapshot *against, const tn_set *within, bool fold, tn_suspects *out,
                      tn_error *err)
{
    tn_suspects all = {.alloc = tn__snapshot_alloc(s), .within = within};
    tn__buf_init(&all.rows, all.alloc);
    tn__buf_init(&all.findings, all.alloc);
    int status = find_all(&all, s, against, fold, err);
    all.within = NULL;
    if (status < 0)
        tn__suspects_free(&all);
    else
        *out = all;
    return status;
}

void tn__suspects_free(tn_suspects *all)
{
    for (size_t i = 0; i < tn__n_suspects(all); i++)
        tn__trail_free(&tn__suspect_at(all, i)->trail);
    for (size_t i = 0; i < tn__n_findings(all); i++)
        tn__trail_free(&tn__finding_at(all, i)->trail);
    tn__buf_free(&all->rows);
    tn__buf_free(&all->findings);
    tn_set_free(all->garbage);
    tn__toplevel_free(&all->top);
    tn__toplevel_free(&all->old);
}
