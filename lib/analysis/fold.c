/* fold.c - dicts that count in what they are attributes of: the owner's size grows, the dict is no object of its own.
 *
 * A dict and its owner must both be selected; what two have is the first one's.
 */
#include "analysis/partition.h"

#include <stdlib.h>

typedef struct tn_folding {
    tn_fold *fold;
    const tn_set *within;
    const uint64_t *sizes;
    int status;
} tn_folding;

static void fold_dict(void *ctx, uint32_t dict, uint32_t owner)
{
    tn_folding *f = ctx;
    tn_folded one = {owner, dict, f->sizes[dict]};
    if (tn_set_has(f->fold->folded, dict) || !tn_set_has(f->within, dict) || !tn_set_has(f->within, owner))
        return;
    tn__set_add(f->fold->folded, dict);
    if (tn__buf_append(&f->fold->pairs, &one, sizeof one) < 0)
        f->status = TN_ENOMEM;
    f->fold->n++;
}

static int fill(tn_fold *fold, tn_snapshot *s, const tn_set *within, tn_error *err)
{
    tn_folding f = {.fold = fold, .within = within};
    uint64_t n;
    if (!within)
        TN_TRY(tn__set_of_all(s, &f.within, err));
    TN_TRY(tn__column_u64(s, TN_COL_SIZE, &f.sizes, &n, err));
    TN_TRY(tn_set_new(s, &fold->folded, err));
    TN_TRY(tn__dicts_of_instances(s, fold_dict, &f, err));
    return f.status < 0 ? tn__error_set(err, TN_ENOMEM, 0, "out of memory") : TN_OK;
}

int tn__fold_make(tn_snapshot *s, const tn_set *within, tn_fold **out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    tn_fold *fold = tn__alloc_zero(a, sizeof *fold);
    if (!fold)
        return tn__error_set(err, TN_ENOMEM, 0, "out of memory");
    fold->alloc = a;
    tn__buf_init(&fold->pairs, a);
    int status = fill(fold, s, within, err);
    if (status < 0)
        tn__fold_free(fold);
    else
        *out = fold;
    return status;
}

void tn__fold_free(tn_fold *fold)
{
    if (!fold)
        return;
    tn_set_free(fold->folded);
    tn__buf_free(&fold->pairs);
    tn__free(fold->alloc, fold, sizeof *fold);
}

static const tn_folded *pair(const tn_fold *fold, size_t i)
{
    return (const tn_folded *)(const void *)fold->pairs.data + i;
}

void tn__fold_rewind(tn_fold *fold)
{
    fold->at = 0;
}

void tn__fold_tile(tn_fold *fold, tn_scan *scan)
{
    for (; fold->at < fold->n && pair(fold, fold->at)->owner < scan->first + scan->n; fold->at++)
        scan->bytes[pair(fold, fold->at)->owner - scan->first] += pair(fold, fold->at)->bytes;
    for (uint32_t i = 0; i < scan->n; i++)
        if (tn__set_test(fold->folded, scan->first + i))
            scan->state[i] = TN_ROW_OTHER;
}

void tn__fold_members(const tn_fold *fold, tn_set *members)
{
    for (size_t i = 0; i < fold->n; i++)
        if (tn_set_has(members, pair(fold, i)->owner))
            tn__set_add(members, pair(fold, i)->dict);
}

void tn__fold_rows(const tn_fold *fold, uint32_t *rows_of)
{
    for (size_t i = 0; i < fold->n; i++)
        rows_of[pair(fold, i)->dict] = rows_of[pair(fold, i)->owner];
}

uint64_t tn__fold_extra(const tn_fold *fold, uint32_t owner)
{
    size_t low = 0, high = fold->n;
    uint64_t bytes = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pair(fold, middle)->owner < owner)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < fold->n && pair(fold, low)->owner == owner; low++)
        bytes += pair(fold, low)->bytes;
    return bytes;
}
