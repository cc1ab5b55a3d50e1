/* site_members.c - the objects of which a block counts in a table of sites, or in one row of it. */
#include "analysis/sites.h"

#include <string.h>

typedef struct tn_member_use {
    const uint8_t *wanted; /* one a sum; NULL: all */
    tn_set *set;
} tn_member_use;

static int add_member(tn_sites *t, uint64_t block, uint32_t place, void *ctx)
{
    const tn_member_use *use = ctx;
    uint32_t node = t->traces.node[block];
    if (node && node <= use->set->n && (!use->wanted || use->wanted[place]))
        tn__set_add(use->set, node - 1);
    return TN_OK;
}

/* Which sums have this name. */
static int find_wanted(tn_sites *t, const char *row, uint8_t *wanted, tn_error *err)
{
    tn_buf label;
    int status = TN_OK;
    tn__buf_init(&label, t->alloc);
    for (size_t i = 0; i < tn__sites_n(t) && status == TN_OK; i++) {
        label.size = 0;
        status = tn__sites_name(t, tn__sites_at(t, i), &label, err);
        wanted[i] = status == TN_OK && strcmp((const char *)label.data, row) == 0;
    }
    tn__buf_free(&label);
    return status;
}

static int find_members(tn_sites *t, const char *row, tn_set *set, tn_error *err)
{
    size_t n = tn__sites_n(t);
    uint8_t *wanted = row ? tn__alloc(t->alloc, n) : NULL;
    if (row && !wanted)
        return tn__no_memory(t->snapshot, err);
    int status = row ? find_wanted(t, row, wanted, err) : TN_OK;
    if (status == TN_OK)
        status = tn__sites_each_block(t, add_member, &(tn_member_use){wanted, set}, err);
    tn__free(t->alloc, wanted, wanted ? n : 0);
    return status;
}

int tn_sites_members(tn_snapshot *s, const tn_sites_options *o, const tn_set *set, const char *row, tn_set **out,
                     tn_error *err)
{
    tn_sites t;
    tn_set *members;
    tn_sites_options options = *o;
    options.what = TN_SITES_LIVE;
    options.retained = false;
    if (options.cumulative && row)
        return tn__error_set(err, TN_EINVAL, 0, "objects are those of what a line itself has allocated");
    if (row && (options.page == TN_SITES_AT_PEAK || options.page == TN_SITES_SOON_FREED))
        return tn__error_set(err, TN_EINVAL, 0, "a row of what was has no objects: they may be gone, and others here");
    TN_TRY(tn__set_check(s, set, err));
    TN_TRY(tn__sites_make(s, &options, set, &t, err));
    int status = tn_set_new(s, &members, err);
    if (status == TN_OK) {
        status = find_members(&t, row, members, err);
        if (status < 0)
            tn_set_free(members);
        else
            *out = members;
    }
    tn__sites_free(&t);
    return status;
}
