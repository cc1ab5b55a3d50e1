/* suspects_text.c - suspects in sentences. */
#include "view/suspects_page.h"

#include <inttypes.h>
#include <string.h>

#include "view/summary.h"

/* ---- one suspect ---- */

static void tell_growth(tn_say *w, const tn_suspect *one)
{
    if (one->before == TN_UNKNOWN)
        return;
    uint64_t more = one->bytes > one->before ? one->bytes - one->before : 0;
    tn__say(w, ", ");
    tn__say_bytes(w, more);
    tn__say(w, " more than before (%.1f %%)", tn__pct(more, w->top->bytes));
}

static void tell_object(tn_say *w, const tn_suspect *one)
{
    if (one->trail.n) {
        tn__say_path(w, one->trail.steps, one->trail.n);
        tn__say(w, ", ");
    }
    if (one->links) {
        tn__say(w, "the first of a chain of %" PRIu32 " ", one->links);
        tn__say_name(w, tn__type_name(w->snapshot, one->node));
        tn__say(w, ", retains ");
    } else {
        tn__say_thing(w, one->node, !one->trail.n);
        tn__say(w, one->trail.n ? ", retains " : ", to which no path leads, retains ");
    }
    tn__say_bytes(w, one->bytes);
    tn__say(w, ", ");
    tn__say_share(w, one->bytes);
    tell_growth(w, one);
    tn__say(w, ".");
}

static void tell_type(tn_say *w, const tn_suspect *one)
{
    tn__say_objects(w, one->count);
    tn__say(w, " of type ");
    tn__say_name(w, one->type);
    tn__say(w, ", held by no single one, retain ");
    tn__say_bytes(w, one->bytes);
    tn__say(w, " together, ");
    tn__say_share(w, one->bytes);
    tell_growth(w, one);
    if (one->node == TN_NONE) {
        tn__say(w, ". Their paths lead through no common holder; the one that retains most is ");
        if (one->trail.n)
            tn__say_path(w, one->trail.steps, one->trail.n);
        else
            tn__say_thing(w, one->example, true);
        tn__say(w, ".");
        tn__say_entries(w, &one->common);
        return;
    }
    tn__say(w, "; %.0f %% of their shortest paths lead through ", tn__pct(one->common.carried, one->common.sampled));
    tn__say_path(w, one->trail.steps, one->trail.n);
    tn__say(w, ", ");
    tn__say_thing(w, one->node, false);
    tn__say(w, ".");
}

void tn__suspect_tell(tn_say *w, const void *suspect)
{
    const tn_suspect *one = suspect;
    if (one->type)
        tell_type(w, one);
    else
        tell_object(w, one);
}

void tn__suspect_tell_more(tn_say *w, const void *suspect)
{
    const tn_suspect *one = suspect;
    tn__say_about(w, &one->trail);
    tn__say_holder(w, &one->trail);
    tn__say_content(w, &one->content);
    if (one->type)
        tn__say_birth(w, one->example, "The one that retains most was");
    else
        tn__say_birth(w, one->node, "It was");
}

static void write_suspect(tn_say *w, const tn_suspect *one, size_t number, const tn_view_options *o)
{
    tn__out_wrap(w->out, o->width);
    tn__say(w, "%zu. ", number);
    tn__suspect_tell(w, one);
    tn__suspect_tell_more(w, one);
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    tn__say(w, "  ");
    tn__say_command(w, "why", one->node == TN_NONE ? one->example : one->node);
    if (!one->type) {
        tn__say(w, "\n  ");
        tn__say_command(w, "dominators", one->node);
    }
    tn__say(w, "\n\n");
}

/* ---- findings ---- */

static const struct {
    const char *one, *many, *rest;
} finding_words[] = {
    [TN_FINDING_FINALIZER] = {"object has a __del__ of the program's own",
                              "objects have a __del__ of the program's own", ""},
    [TN_FINDING_TRACEBACK] = {"traceback is kept", "tracebacks are kept", ", with an exception that somebody stores"},
    [TN_FINDING_FRAME] = {"frame is kept", "frames are kept", ", by a traceback, or by somebody who asked for it"},
    [TN_FINDING_SUSPENDED] = {"generator or coroutine is suspended", "generators or coroutines are suspended", ""},
    [TN_FINDING_CELL] = {"variable is kept in a closure", "variables are kept in closures", ""},
    [TN_FINDING_TASK] = {"asyncio task", "asyncio tasks", ""},
    [TN_FINDING_LIST] = {"object is in gc.garbage", "objects are in gc.garbage", ""},
};

static void tell_garbage(tn_say *w, const tn_finding *f)
{
    tn__say_objects(w, f->count);
    tn__say(w, f->count == 1 ? " is unreachable and waits" : " are unreachable and wait");
    tn__say(w, " for the garbage collector%s: ", tn__collector_is_off(w->snapshot) ? ", which is switched off" : "");
    tn__say_bytes(w, f->bytes);
    tn__say(w, ", ");
    tn__say_share(w, f->bytes);
    tn__say(w, ".");
    tn__say_content(w, &f->content);
}

void tn__finding_tell(tn_say *w, const void *finding)
{
    const tn_finding *f = finding;
    if (f->kind == TN_FINDING_GARBAGE) {
        tell_garbage(w, f);
        return;
    }
    tn__say(w, "%" PRIu64 " %s%s; ", f->count, f->count == 1 ? finding_words[f->kind].one : finding_words[f->kind].many,
            finding_words[f->kind].rest);
    if (f->kind == TN_FINDING_TASK && f->pending == TN_UNKNOWN)
        tn__say(w, "whether ended or not is not recorded; ");
    else if (f->kind == TN_FINDING_TASK)
        tn__say(w, "%" PRIu64 " %s not ended; ", f->pending, f->pending == 1 ? "has" : "have");
    if (f->waiting)
        tn__say(w, "%" PRIu64 " of them in cycles that wait for the collector; ", f->waiting);
    tn__say(w, "%s at least ", f->count == 1 ? "it retains" : "they retain");
    tn__say_bytes(w, f->bytes);
    tn__say(w, ", ");
    tn__say_share(w, f->bytes);
    tn__say(w, f->count == 1 ? ": " : ". The one that retains most is ");
    if (f->trail.n)
        tn__say_path(w, f->trail.steps, f->trail.n);
    else
        tn__say_thing(w, f->node, true);
    tn__say(w, ".");
}

static void write_finding(tn_say *w, const tn_finding *f, size_t number, const tn_view_options *o)
{
    tn__out_wrap(w->out, o->width);
    tn__say(w, "%zu. ", number);
    tn__finding_tell(w, f);
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    tn__say(w, "  ");
    tn__say_command(w, "why", f->node);
    if (f->kind == TN_FINDING_GARBAGE) {
        tn__say(w, "\n  tonnage summary ");
        tn__say_name(w, w->file);
        tn__say(w, " --where root:unreachable");
    }
    tn__say(w, "\n\n");
}

/* ---- the page ---- */

static void write_totals(const tn_suspects *all, const tn_heap *heap, tn_say *w, const tn_view_options *o)
{
    tn__say_objects(w, all->top.count);
    tn__say(w, ", ");
    tn__say_bytes(w, all->top.bytes);
    if (all->old.snapshot) {
        char when[40];
        uint64_t wall;
        tn__say(w, "; in the older snapshot%s", all->same_process ? "" : ", of another process,");
        if (tn__fact_u64(all->old.snapshot, "capture.wall_time_ns", &wall)) {
            tn__fact_time(wall, when, sizeof when);
            tn__say(w, " of %s", when);
        }
        tn__say(w, ": ");
        tn__say_objects(w, all->old.count);
        tn__say(w, ", ");
        tn__say_bytes(w, all->old.bytes);
    }
    tn__say(w, "\n");
    tn__heap_print(heap, o, w->out);
    tn__say(w, "\n");
}

static void write_explained(tn_say *w, const tn_view_options *o)
{
    tn_explained e = tn__ledger_explained(w->snapshot);
    if (!e.known || e.objects >= e.rss / 2)
        return;
    tn__out_wrap(w->out, o->width);
    tn__say(w, "Objects explain %.0f %% of the resident set: ", tn__pct(e.objects, e.rss));
    tn__say_bytes(w, e.objects);
    tn__say(w, " of ");
    tn__say_bytes(w, e.rss);
    if (e.other) {
        tn__say(w, ". Most of the rest: %s, ", e.other);
        tn__say_bytes(w, e.other_bytes);
    }
    tn__say(w, ". See: tonnage summary ");
    tn__say_name(w, w->file);
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    tn__say(w, "\n");
}

static void write_nothing(const tn_suspects *all, tn_say *w, const tn_view_options *o)
{
    tn__out_wrap(w->out, o->width);
    if (o->set || (o->where && *o->where))
        tn__say(w, "None of the selected objects stands out: see the page without a selection, or why and dominators "
                   "of these.\n");
    else if (all->old.snapshot)
        tn__say(w, "Nothing stands out: no object retains 2 %% of the heap more than before, nor do all of a type.\n");
    else
        tn__say(w,
                "Nothing stands out: no object retains 10 %% of the heap, nor do all of a type that has one holder.\n");
    tn__out_unwrap(w->out);
    tn__say(w, "\n");
}

static int fill_consumers(tn_consumers *c, const tn_say *w, tn_table *table)
{
    for (uint32_t i = 0; i < c->sums.n; i++) {
        const tn_place_sum *row = &c->sums.rows[i];
        const char *label;
        TN_TRY(tn__place_label(&c->parting, row->place, &label, w->err));
        tn__table_bytes(table, row->retained);
        tn__table_pct(table, row->retained, w->top->bytes);
        tn__table_u64(table, row->count);
        tn__table_u64(table, row->rows);
        tn__table_text(table, label);
    }
    return table->status < 0 ? tn__no_memory(w->snapshot, w->err) : TN_OK;
}

static void say_groups(tn_say *w, const char *which, uint64_t n, uint64_t bytes)
{
    tn__say(w, "<%" PRIu64 " %s group%s, ", n, which, n == 1 ? "" : "s");
    tn__say_bytes(w, bytes);
}

static int write_consumers(tn_consumers *c, tn_say *w, const tn_view_options *o)
{
    const tn_table_column columns[] = {
        {"Retained", true, 0},
        {"%", true, 0},
        {"Objects", true, 1},
        {"Rows", true, 2},
        {tn__place_heading(o->by), false, 0},
    };
    tn_table table;
    if (!tn__parting_is_open(&c->parting))
        return TN_OK;
    tn__table_init(&table, w->top->alloc, columns, sizeof columns / sizeof *columns);
    int status = fill_consumers(c, w, &table);
    if (status == TN_OK) {
        tn__table_heading(w->out, o, "Top consumers");
        tn__out_wrap(w->out, o->width);
        tn__say_objects(w, c->rows);
        tn__say(w, " that no single object holds retain%s ", c->rows == 1 ? "s" : "");
        tn__say_bytes(w, c->retained);
        tn__say(w, ". Groups of 1 %% of the heap or more:\n");
        tn__out_unwrap(w->out);
        tn__table_print(&table, w->out, o);
    }
    if (status == TN_OK && c->limited) {
        say_groups(w, "more", c->limited, c->limited_bytes);
        tn__say(w, "; use --limit N to see more>\n");
    }
    if (status == TN_OK && c->more > c->limited) {
        say_groups(w, "smaller", c->more - c->limited, c->more_bytes - c->limited_bytes);
        tn__say(w, ">\n");
    }
    tn__table_free(&table);
    return status;
}

int tn__suspects_text(const tn_suspects *all, tn_consumers *consumers, tn_say *w, const tn_view_options *o)
{
    tn_shown shown = tn__suspects_shown(all, o);
    size_t n = tn__n_suspects(all) + tn__n_findings(all), number = 0;
    tn_view_options plain = *o;
    plain.against = NULL; /* older is what grew, not what is selected */
    tn__heading_print(w->snapshot, w->out, &plain);
    if (tn__against_is_later(w->snapshot, o))
        tn__say(w, "The older snapshot is later (the older one comes after --against).\n");
    write_totals(all, &consumers->heap, w, o);
    write_explained(w, o);
    if (shown.garbage_first)
        write_finding(w, tn__finding_at(all, 0), ++number, o);
    else if (tn__n_suspects(all) == 0 && !o->sort)
        write_nothing(all, w, o);
    for (size_t i = 0; i < shown.suspects; i++)
        write_suspect(w, tn__suspect_at(all, i), ++number, o);
    if (shown.findings > shown.garbage_first)
        tn__table_heading(w->out, o, "Also");
    for (size_t i = shown.garbage_first; i < shown.findings; i++)
        write_finding(w, tn__finding_at(all, i), ++number, o);
    if (number < n)
        tn__say(w, "<%zu more; use --limit 0 to see all>\n\n", n - number);
    return write_consumers(consumers, w, o);
}
