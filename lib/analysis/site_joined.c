/* site_joined.c - how many objects have the stack that made them, why the others have none, and whose may be another's. */
#include "analysis/sites.h"
#include "base/kept.h"

/* false: the recorder followed free lists. */
static bool keeps(tn_snapshot *s, uint64_t *release)
{
    tn_fact lists;
    bool tracked = tn_snapshot_find_fact(s, "trace.free_lists", &lists) == TN_OK && lists.kind == TN_FACT_TEXT &&
                   strcmp(lists.value.text, "track") == 0;
    return !tracked && tn__fact_u64(s, "python.hexversion", release);
}

static unsigned row_of(tn_snapshot *s, uint32_t type, uint64_t release)
{
    tn_type t;
    return tn_snapshot_type(s, type, &t) == TN_OK ? tn__kept_type(t.full_name, release) : TN_KEPT_TYPES;
}

bool tn__site_maybe_stale(tn_snapshot *s, uint32_t type)
{
    uint64_t release;
    return keeps(s, &release) && row_of(s, type, release) < TN_KEPT_TYPES;
}

static void count(tn_snapshot *s, const uint8_t *kept, const uint32_t *shapes, const uint32_t *flags,
                  const uint32_t *entries, tn_joined *out)
{
    const tn_shape *table = tn__snapshot_shapes(s);
    for (uint32_t i = 0; i < tn_snapshot_n_objects(s); i++) {
        if (!(flags[i] & TN_NODE_ALLOCATOR) || flags[i] & TN_NODE_OWN)
            continue;
        unsigned row = kept[table[shapes[i]].type];
        if (entries && entries[i]) {
            out->joined++;
            out->maybe_stale += row < TN_KEPT_TYPES;
        } else if (row < TN_KEPT_TYPES) {
            out->doubtful++;
            out->by_type[row]++;
        } else {
            out->older++;
        }
    }
}

int tn__sites_joined(tn_snapshot *s, tn_joined *out, tn_error *err)
{
    const uint32_t *shapes, *flags, *entries;
    uint64_t n;
    uint32_t n_types = tn_snapshot_n_types(s);
    const tn_alloc *a = tn__snapshot_alloc(s);
    *out = (tn_joined){0};
    TN_TRY(tn__column_u32(s, TN_COL_SHAP, &shapes, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &flags, &n, err));
    TN_TRY(tn__births(s, &entries, err));
    if (!flags)
        return TN_OK;
    uint8_t *kept = tn__alloc(a, n_types);
    if (!kept)
        return tn__no_memory(s, err);
    uint64_t release;
    bool some = keeps(s, &release);
    for (uint32_t i = 0; i < n_types; i++)
        kept[i] = (uint8_t)(some ? row_of(s, i, release) : TN_KEPT_TYPES);
    count(s, kept, shapes, flags, entries, out);
    tn__free(a, kept, n_types);
    return TN_OK;
}
