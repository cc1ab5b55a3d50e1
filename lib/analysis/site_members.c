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

/* Innermost frame first, a line each; most stacks are another already there. */
static int is_traceback(tn_sites *t, uint32_t entry, const char *row, tn_buf *text, bool *same, tn_error *err)
{
    do {
        tn_stack_entry e;
        text->size = 0;
        TN_TRY(tn__site_text(t->snapshot, entry, text, err));
        TN_TRY(tn__snapshot_stack(t->snapshot, entry, &e, err));
        size_t n = text->size - 1;
        entry = e.parent;
        *same = strncmp(row, (const char *)text->data, n) == 0 && row[n] == (entry ? '\n' : '\0');
        row += *same ? n + 1 : 0;
    } while (*same && entry);
    return TN_OK;
}

static int is_named(tn_sites *t, const tn_site_sum *sum, const char *row, tn_buf *text, bool *same, tn_error *err)
{
    uint32_t entry = tn__site_example(&t->keys, sum->group);
    text->size = 0;
    if (t->options.by == TN_SITES_TRACEBACK && entry)
        return is_traceback(t, entry, row, text, same, err);
    TN_TRY(tn__sites_label(t, sum, text, err));
    *same = strcmp((const char *)text->data, row) == 0;
    return TN_OK;
}

/* Which sums have this name. */
static int find_wanted(tn_sites *t, const char *row, uint8_t *wanted, tn_error *err)
{
    tn_buf text;
    int status = TN_OK;
    tn__buf_init(&text, t->alloc);
    for (size_t i = 0; i < tn__sites_n(t) && status == TN_OK; i++) {
        bool same = false;
        status = is_named(t, tn__sites_at(t, i), row, &text, &same, err);
        wanted[i] = same;
    }
    tn__buf_free(&text);
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
