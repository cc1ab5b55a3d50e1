/* where.c - the set of objects a selection names. */
#include "analysis/analysis.h"
#include "analysis/diff.h"

static int fill(tn_set *set, tn_snapshot *s, tn_selection *sel, const tn_set *within, tn_error *err)
{
    tn_scan *scan;
    TN_TRY(tn__scan_open(s, sel, within, &scan, err));
    int more;
    while ((more = tn__scan_next(scan, err)) > 0)
        for (uint32_t i = 0; i < scan->n; i++)
            if (scan->state[i] == TN_ROW_SELECTED)
                tn__set_add(set, scan->first + i);
    tn__scan_close(scan);
    return more;
}

int tn__set_selected(tn_snapshot *s, const tn_view_options *o, tn_set **out, tn_error *err)
{
    tn_selection sel;
    TN_TRY(tn__set_check(s, o->set, err));
    TN_TRY(tn__memory_told(
        s, tn__selection_parse(tn__snapshot_alloc(s), o->where, o->where_rows, TN_SELECT_OBJECTS, &sel, err), err));
    sel.since = o->since;
    tn_set *set = NULL;
    int status = tn_set_new(s, &set, err);
    if (status == TN_OK)
        status = tn__memory_told(s, fill(set, s, &sel, o->set, err), err);
    tn__selection_free(&sel);
    if (status < 0)
        tn_set_free(set);
    else
        *out = set;
    return status;
}

int tn_set_where(tn_snapshot *s, const char *selection, tn_set **out, tn_error *err)
{
    return tn__set_selected(s, &(tn_view_options){.where = selection}, out, err);
}

int tn_set_filter(tn_snapshot *s, const tn_set *set, const char *selection, tn_set **out, tn_error *err)
{
    return tn__set_selected(s, &(tn_view_options){.where = selection, .set = set}, out, err);
}

int tn_diff_filter(const tn_diff *d, const tn_set *set, const char *selection, tn_set **out, tn_error *err)
{
    return tn__set_selected(d->new, &(tn_view_options){.where = selection, .set = set, .since = d}, out, err);
}
