/* sizes.c - sizes of all nodes block by block, and which of them are tonnage's own. */
#include "analysis/dominators.h"

int tn__sizes_open(tn_snapshot *s, tn_sizes *out, tn_error *err)
{
    uint32_t n_shapes = tn__snapshot_n_shapes(s);
    uint8_t *own = tn__alloc(tn__snapshot_alloc(s), n_shapes);
    if (!own)
        return tn__no_memory(s, err);
    for (uint32_t i = 0; i < n_shapes; i++) {
        tn_type type;
        own[i] = tn_snapshot_type(s, tn__snapshot_shapes(s)[i].type, &type) == TN_OK && (type.flags & TN_TYPE_OWN);
    }
    *out = (tn_sizes){.snapshot = s, .own = own};
    return TN_OK;
}

void tn__sizes_close(tn_sizes *sizes)
{
    tn__free(tn__snapshot_alloc(sizes->snapshot), sizes->own, tn__snapshot_n_shapes(sizes->snapshot));
}

int tn__sizes_block(tn_sizes *sizes, size_t k, tn_error *err)
{
    tn_snapshot *s = sizes->snapshot;
    int status = tn__column_block(s, TN_COL_SHAP, k, 0, &sizes->shap, err);
    if (status == TN_ENOTFOUND)
        return 0;
    TN_TRY(status);
    status = tn__column_block(s, TN_COL_SIZE, k, 1, &sizes->size, err);
    if (status == TN_ENOTFOUND || (status == TN_OK && sizes->size.n_rows != sizes->shap.n_rows))
        return tn__error_set(err, TN_ECORRUPT, 0, "block %zu of the sizes is missing", k);
    TN_TRY(status);
    status = tn__column_block(s, TN_COL_FLAG, k, 2, &sizes->flag, err);
    if (status < 0 && status != TN_ENOTFOUND)
        return status;
    if (status == TN_ENOTFOUND || sizes->flag.n_rows != sizes->shap.n_rows)
        sizes->flag = (tn_block){0};
    return 1;
}
