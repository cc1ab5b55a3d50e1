/* suspects_json.c - suspects as docs/view-json.md specifies them. */
#include "view/suspects_page.h"

static void suspect_json(tn_say *w, tn_json *j, const tn_suspect *one)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__said_json(w, j, "text", tn__suspect_tell, one);
    tn__said_json(w, j, "further", tn__suspect_tell_more, one);
    tn__json_string(j, "kind", one->type ? "type" : "object");
    tn__json_string(j, "type", one->type ? one->type : tn__type_name(w->snapshot, one->node));
    tn__json_hex(j, "address", tn__say_address(w, one->node));
    tn__json_hex(j, "example", tn__say_address(w, one->example));
    tn__json_u64(j, "count", one->count);
    tn__json_u64(j, "size", one->bytes);
    tn__json_pct(j, "size_pct", one->bytes, w->top->bytes);
    if (one->before == TN_UNKNOWN)
        tn__json_null(j, "size_before");
    else
        tn__json_u64(j, "size_before", one->before);
    tn__json_u64(j, "links", one->links);
    tn__json_u64(j, "sampled", one->common.sampled);
    tn__json_u64(j, "carried", one->common.carried);
    tn__trail_json(w, j, &one->trail);
    tn__content_json(j, &one->content);
    tn__json_close(j, '}');
}

static void finding_json(tn_say *w, tn_json *j, const tn_finding *f)
{
    tn__json_line(j);
    tn__json_open(j, NULL, '{');
    tn__said_json(w, j, "text", tn__finding_tell, f);
    tn__json_string(j, "kind", tn__finding_name(f->kind));
    tn__json_u64(j, "count", f->count);
    tn__json_u64(j, "waiting", f->waiting);
    if (f->kind == TN_FINDING_TASK && f->pending != TN_UNKNOWN)
        tn__json_u64(j, "pending", f->pending);
    else
        tn__json_null(j, "pending");
    tn__json_u64(j, "size", f->bytes);
    tn__json_pct(j, "size_pct", f->bytes, w->top->bytes);
    tn__json_hex(j, "address", tn__say_address(w, f->node));
    tn__trail_json(w, j, &f->trail);
    tn__content_json(j, &f->content);
    tn__json_close(j, '}');
}

static void heap_json(tn_json *j, const char *key, const tn_toplevel *t)
{
    if (!t->snapshot) {
        tn__json_null(j, key);
        return;
    }
    tn__json_open(j, key, '{');
    tn__json_u64(j, "count", t->count);
    tn__json_u64(j, "size", t->bytes);
    tn__json_close(j, '}');
}

static int consumers_json(tn_consumers *c, tn_say *w, tn_json *j, tn_error *err)
{
    if (!tn__parting_is_open(&c->parting)) {
        tn__json_null(j, "consumers");
        return TN_OK;
    }
    tn__json_open(j, "consumers", '{');
    tn__json_open(j, "rows", '[');
    for (uint32_t i = 0; i < c->sums.n; i++) {
        const tn_place_sum *row = &c->sums.rows[i];
        tn__json_line(j);
        tn__json_open(j, NULL, '{');
        tn__json_u64(j, "retained", row->retained);
        tn__json_pct(j, "retained_pct", row->retained, w->top->bytes);
        tn__json_u64(j, "count", row->count);
        tn__json_u64(j, "rows", row->rows);
        TN_TRY(tn__place_json(&c->parting, row->place, j, err));
        tn__json_close(j, '}');
    }
    tn__json_close(j, ']');
    tn__json_open(j, "total", '{');
    tn__json_u64(j, "rows", c->rows);
    tn__json_u64(j, "count", c->count);
    tn__json_u64(j, "retained", c->retained);
    tn__json_close(j, '}');
    tn__json_u64(j, "more", c->more);
    tn__json_u64(j, "more_retained", c->more_bytes);
    tn__json_u64(j, "limited", c->limited);
    tn__json_close(j, '}');
    tn__json_line(j);
    return TN_OK;
}

int tn__suspects_json(const tn_suspects *all, tn_consumers *consumers, tn_say *w, const tn_view_options *o)
{
    static const char *const columns[] = {"text",    "further", "kind",      "type",        "address", "example",
                                          "count",   "size",    "size_pct",  "size_before", "links",   "sampled",
                                          "carried", "path",    "evaluable", "about",       "holder",  "content"};
    tn_shown shown = tn__suspects_shown(all, o);
    tn_json j;
    tn__json_start(&j, w->out, "suspects");
    tn__json_string(&j, "where", o->where);
    tn__against_json(o, &j);
    tn__json_string(&j, "by", o->grouped ? tn_by_names[o->by] : NULL);
    tn__json_bool(&j, "fold", o->fold);
    tn__json_strings(&j, "columns", columns, sizeof columns / sizeof *columns);
    tn__json_open(&j, "units", '{');
    tn__json_string(&j, "count", "objects");
    tn__json_string(&j, "size", "bytes");
    tn__json_string(&j, "size_before", "bytes");
    tn__json_string(&j, "size_pct", "percent");
    tn__json_string(&j, "address", "address");
    tn__json_string(&j, "example", "address");
    tn__json_close(&j, '}');
    heap_json(&j, "total", &all->top);
    heap_json(&j, "before", &all->old);
    tn__heap_json(&consumers->heap, &j);
    tn__json_bool(&j, "same_process", all->same_process);
    tn__json_open(&j, "rows", '[');
    for (size_t i = 0; i < shown.suspects; i++)
        suspect_json(w, &j, tn__suspect_at(all, i));
    tn__json_close(&j, ']');
    tn__json_u64(&j, "more", tn__n_suspects(all) - shown.suspects);
    tn__json_open(&j, "findings", '[');
    for (size_t i = 0; i < shown.findings; i++)
        finding_json(w, &j, tn__finding_at(all, i));
    tn__json_close(&j, ']');
    tn__json_u64(&j, "more_findings", tn__n_findings(all) - shown.findings);
    tn__json_line(&j);
    TN_TRY(consumers_json(consumers, w, &j, w->err));
    tn__ledger_json(&j, w->snapshot);
    tn__json_line(&j);
    tn__info_json(&j, w->snapshot);
    tn__json_close(&j, '}');
    tn__out_text(w->out, "\n");
    return TN_OK;
}
