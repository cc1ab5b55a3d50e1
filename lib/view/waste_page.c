/* waste_page.c - tonnage waste: what to change so that less is needed. */
#include "view/waste_page.h"

/* ---- which findings, in what order ---- */

enum { BY_SAVED, BY_SIZE, BY_COUNT, BY_KIND, BY_LABEL, COLUMNS };

static tn_order_key key_of(const tn_waste_row *row, size_t column, uint32_t index)
{
    tn_order_key key = {.text = "", .row = index};
    switch (column) {
    case BY_SAVED: key.number = row->saved; break;
    case BY_SIZE: key.number = row->bytes; break;
    case BY_COUNT: key.number = row->count; break;
    case BY_KIND: key.text = tn_waste_names[row->kind]; break;
    default: key.text = row->label;
    }
    return key;
}

static int put_in_order(tn_waste_page *page, const tn_view_options *o, tn_order_key *keys, tn_error *err)
{
    static const char *const columns[COLUMNS] = {"saved", "size", "count", "kind", "label"};
    uint32_t n = tn_waste_count(page->waste);
    size_t column;
    bool descending;
    TN_TRY(tn__order_parse(o->sort, columns, COLUMNS, BY_KIND, &column, &descending, err));
    for (uint32_t i = 0; i < n; i++) {
        tn_waste_row row;
        TN_TRY(tn_waste_row_at(page->waste, i, &row, err));
        keys[i] = key_of(&row, column, i);
    }
    tn__order_sort(keys, n, descending);
    for (uint32_t i = 0; i < page->n_shown; i++) {
        tn_waste_shown *one = &page->shown[i];
        *one = (tn_waste_shown){.waste = page->waste, .index = (uint32_t)keys[i].row, .common.node = TN_NONE};
        TN_TRY(tn_waste_row_at(page->waste, one->index, &one->row, err));
    }
    return TN_OK;
}

static int choose(tn_waste_page *page, const tn_view_options *o, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(page->top.snapshot);
    uint32_t n = tn_waste_count(page->waste);
    tn_order_key *keys = tn__alloc(a, n * sizeof *keys);
    page->n_shown = o->limit && o->limit < n ? o->limit : n;
    page->shown = tn__alloc_zero(a, page->n_shown * sizeof *page->shown);
    int status = keys && page->shown ? put_in_order(page, o, keys, err) : tn__no_memory(page->top.snapshot, err);
    tn__free(a, keys, n * sizeof *keys);
    return status;
}

/* ---- who holds them ---- */

static int find_common(const tn_waste_page *page, const tn_distances *d, tn_waste_shown *one, tn_error *err)
{
    tn_set *members;
    TN_TRY(tn_waste_members(page->waste, one->index, &members, err));
    int status = tn__common_holder(&page->top, d, members, &one->common, err);
    tn_set_free(members);
    return status;
}

static int find_holders(tn_waste_page *page, tn_error *err)
{
    enum { MOST_COMMON = 50 }; /* each is a pass over all nodes */
    const tn_distances *d;
    tn_snapshot *s = page->top.snapshot;
    if (!page->n_shown)
        return TN_OK;
    TN_TRY(tn__toplevel_make(s, false, &page->top, err));
    TN_TRY(tn__distances(s, &d, err));
    for (uint32_t i = 0; i < page->n_shown; i++) {
        tn_waste_shown *one = &page->shown[i];
        if (one->row.count == 1)
            one->common = (tn_common){.sampled = 1, .node = one->row.example, .carried = 1};
        else if (i < MOST_COMMON)
            TN_TRY(find_common(page, d, one, err));
        uint32_t to = one->common.node == TN_NONE ? one->row.example : one->common.node;
        TN_TRY(tn__trail_make(&page->top, to, NULL, &one->trail, err));
    }
    return TN_OK;
}

/* ---- the page ---- */

static int write_page(const tn_waste_page *page, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_out out;
    tn_say w;
    tn__out_init(&out, sink);
    tn__say_init(&w, &page->top, o, &out, err);
    if (o->form == TN_JSON)
        tn__waste_json(page, &w, o);
    else
        tn__waste_text(page, &w, o);
    int status = w.status;
    tn__say_free(&w);
    TN_TRY(status);
    return tn__out_end(&out, err);
}

static int make_waste(tn_waste_page *page, const tn_view_options *o, tn_error *err)
{
    tn_waste_options options = {.grouped = o->grouped, .by = o->by, .where_rows = o->where_rows};
    tn_view_options objects = *o;
    tn_set *within = NULL;
    objects.where_rows = NULL; /* it is about findings */
    if (o->where && *o->where)
        TN_TRY(tn__set_selected(page->top.snapshot, &objects, &within, err));
    options.set = within ? within : o->set;
    int status = tn_waste_make(page->top.snapshot, &options, &page->made, err);
    tn_set_free(within);
    page->waste = page->made;
    return status;
}

static int make_page(tn_waste_page *page, const tn_view_options *o, tn_error *err)
{
    page->waste = o->waste;
    if (!page->waste)
        TN_TRY(make_waste(page, o, err));
    TN_TRY(choose(page, o, err));
    return find_holders(page, err);
}

static void free_page(tn_waste_page *page, const tn_alloc *a)
{
    for (uint32_t i = 0; page->shown && i < page->n_shown; i++)
        if (page->shown[i].trail.alloc)
            tn__trail_free(&page->shown[i].trail);
    if (page->shown)
        tn__free(a, page->shown, page->n_shown * sizeof *page->shown);
    if (page->top.through)
        tn__toplevel_free(&page->top);
    tn_waste_free(page->made);
}

int tn_view_waste(tn_snapshot *s, const tn_view_options *options, const tn_sink *sink, tn_error *err)
{
    tn_waste_page page = {.top = {.snapshot = s, .alloc = tn__snapshot_alloc(s)}};
    tn_view_options o;
    tn_diff *made;
    TN_TRY(tn__against(s, options, &o, &made, err));
    int status = make_page(&page, &o, err);
    if (status == TN_OK)
        status = write_page(&page, &o, sink, err);
    status = tn__memory_told(s, status, err);
    free_page(&page, tn__snapshot_alloc(s));
    tn_diff_close(made);
    return status;
}
