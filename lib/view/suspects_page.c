/* suspects_page.c - tonnage suspects: what to look at first. */
#include "view/suspects_page.h"

const char *tn__finding_name(enum tn_finding_kind kind)
{
    static const char *const names[] = {
        [TN_FINDING_GARBAGE] = "garbage",      [TN_FINDING_LIST] = "gc_garbage", [TN_FINDING_FINALIZER] = "finalizers",
        [TN_FINDING_TRACEBACK] = "tracebacks", [TN_FINDING_FRAME] = "frames",    [TN_FINDING_SUSPENDED] = "suspended",
        [TN_FINDING_CELL] = "closures",        [TN_FINDING_TASK] = "tasks",
    };
    return names[kind];
}

static bool garbage_first(const tn_suspects *all)
{
    const tn_finding *f = tn__finding_at(all, 0);
    return tn__n_findings(all) && f->kind == TN_FINDING_GARBAGE && f->bytes >= all->top.bytes / 10 &&
           (!tn__n_suspects(all) || f->bytes > tn__suspect_at(all, 0)->bytes);
}

tn_shown tn__suspects_shown(const tn_suspects *all, const tn_view_options *o)
{
    size_t n = tn__n_suspects(all), others = tn__n_findings(all), room = o->limit ? o->limit : n + others;
    tn_shown shown = {.garbage_first = garbage_first(all)};
    room -= shown.garbage_first; /* which stands in the first place */
    shown.suspects = n < room ? n : room;
    room -= shown.suspects;
    others -= shown.garbage_first;
    shown.findings = shown.garbage_first + (others < room ? others : room);
    return shown;
}

static int write_page(const tn_suspects *all, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_out out;
    tn_say w;
    tn__out_init(&out, sink);
    tn__say_init(&w, &all->top, o, &out, err);
    if (o->form == TN_JSON)
        tn__suspects_json(all, &w, o);
    else
        tn__suspects_text(all, &w, o);
    int status = w.status;
    tn__say_free(&w);
    TN_TRY(status);
    return tn__out_end(&out, err);
}

int tn_view_suspects(tn_snapshot *s, const tn_view_options *o, const tn_sink *sink, tn_error *err)
{
    tn_suspects all;
    tn_set *within = NULL;
    tn_view_options with;
    tn_diff *made;
    if (o->sort || o->where_rows)
        return tn__error_set(err, TN_EINVAL, 0, "suspects stand in order of what they retain");
    TN_TRY(tn__since(s, o, &with, &made, err));
    int status = o->where && *o->where ? tn__set_selected(s, &with, &within, err) : TN_OK;
    tn_diff_close(made);
    if (status == TN_OK)
        status = tn__suspects_make(s, o->against, within ? within : o->set, &all, err);
    tn_set_free(within);
    TN_TRY(status);
    status = write_page(&all, o, sink, err);
    tn__suspects_free(&all);
    return status;
}
