/* waste_json.c - waste as docs/view-json.md specifies it. */
#include "view/waste_page.h"

static void row_json(tn_say *w, tn_json *j, const tn_waste_shown *one)
{
    static const char *const grades[] = {
        [TN_WASTE_HINT] = "hint", [TN_WASTE_NOTE] = "note", [TN_WASTE_WARNING] = "warning"};
    const tn_waste_row *row = &one->row;
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__said_json(w, j, "text", tn__waste_tell, one);
    tn__said_json(w, j, "further", tn__waste_tell_holder, one);
    tn__json_string(j, "kind", tn_waste_names[row->kind]);
    tn__json_string(j, "grade", grades[row->grade]);
    tn__json_string(j, "label", row->label);
    tn__json_u64(j, "count", row->count);
    tn__json_u64(j, "size", row->bytes);
    tn__json_u64(j, "saved", row->saved);
    tn__json_pct(j, "saved_pct", row->saved, one->waste->heap.bytes);
    tn__said_json(w, j, "change", tn__waste_tell_change, one);
    tn__json_string(j, "type", row->type);
    tn__json_string(j, "attributes", row->attributes);
    tn__json_bool(j, "missing", row->missing);
    tn__json_string(j, "bases", row->bases);
    tn__json_string(j, "defaults", row->defaults);
    tn__json_string(j, "descriptors", row->descriptors);
    tn__json_bool(j, "asked", row->asked);
    tn__json_hex(j, "address", tn__say_address(w, row->example));
    if (one->common.node == TN_NONE)
        tn__json_null(j, "common");
    else
        tn__json_hex(j, "common", tn__say_address(w, one->common.node));
    tn__json_u64(j, "sampled", one->common.sampled);
    tn__json_u64(j, "carried", one->common.carried);
    tn__json_u64(j, "index", one->index);
    tn__trail_json(w, j, &one->trail);
    tn__json_close(j, '}');
}

void tn__waste_json(const tn_waste_page *page, tn_say *w, const tn_view_options *o)
{
    static const char *const columns[] = {
        "text",   "further", "kind",       "grade",   "label", "count",     "size",        "saved", "saved_pct",
        "change", "type",    "attributes", "missing", "bases", "defaults",  "descriptors", "asked", "address",
        "common", "sampled", "carried",    "index",   "path",  "evaluable", "about",       "holder"};
    const tn_waste *waste = page->waste;
    tn_json j;
    tn__json_start(&j, w->out, "waste");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "count", "objects");
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "saved", "bytes");
    tn__json_string(&j, "saved_pct", "percent");
    tn__json_string(&j, "address", "address");
    tn__json_string(&j, "common", "address");
    tn__json_close(&j, '}');
    tn__json_open(&j, "total", '{');
    tn__json_u64(&j, "count", waste->heap.count);
    tn__json_u64(&j, "size", waste->heap.bytes);
    tn__json_u64(&j, "saved", waste->saved);
    tn__json_u64(&j, "overlap", waste->told - waste->saved);
    tn__json_u64(&j, "threshold", waste->threshold);
    tn__json_close(&j, '}');
    tn__json_open(&j, "rows", '[');
    for (uint32_t i = 0; i < page->n_shown; i++)
        row_json(w, &j, &page->shown[i]);
    tn__json_close(&j, ']');
    tn__json_u64(&j, "more", tn_waste_count(waste) - page->n_shown);
    tn__json_line(&j);
    tn__info_json(&j, w->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(w->out, "\n");
}
