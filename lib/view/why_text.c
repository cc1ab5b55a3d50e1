/* why_text.c - why in sentences. */
#include "view/why_page.h"

#include <inttypes.h>
#include <string.h>

#include "view/summary.h"

static void say_freed(tn_say *w, uint64_t bytes, uint64_t count)
{
    tn__say_bytes(w, bytes);
    tn__say(w, " in ");
    tn__say_objects(w, count);
}

static uint64_t live_count(const tn_why *why)
{
    return why->count - why->waiting_count;
}

/* ---- what it is ---- */

static void tell_object(tn_say *w, const tn_why *why)
{
    if (why->trail.n && !why->garbage) {
        tn__say_path(w, why->trail.steps, why->trail.n);
        tn__say(w, " is ");
    }
    tn__say_thing(w, why->node, true);
    tn__say(w, ". With what only it keeps alive it is ");
    say_freed(w, why->retained_bytes, why->retained_count);
    tn__say(w, ", ");
    tn__say_share(w, why->retained_bytes);
    tn__say(w, ".");
}

/* Of a set that has others, too. */
static void tell_waiting(tn_say *w, const tn_why *why)
{
    uint64_t live = live_count(why);
    tn__say(w, "\n%" PRIu64 " of them, ", why->waiting_count);
    tn__say_bytes(w, why->waiting_bytes);
    tn__say(w, ", %s garbage, which waits for the collector%s; what follows is about the other ",
            why->waiting_count == 1 ? "is" : "are", tn__collector_is_off(w->snapshot) ? ", which is switched off" : "");
    tn__say(w, live == 1 ? "one." : "%" PRIu64 ".", live);
}

static void tell_set(tn_say *w, const tn_why *why)
{
    tn__say_objects(w, why->count);
    tn__say(w, ", ");
    tn__say_bytes(w, why->bytes);
    tn__say(w, ". With what only they keep alive they are ");
    say_freed(w, why->retained_bytes, why->retained_count);
    tn__say(w, ", ");
    tn__say_share(w, why->retained_bytes);
    tn__say(w, ".");
    if (why->all_garbage)
        return;
    if (why->waiting_count)
        tell_waiting(w, why);
    if (why->node == TN_NONE)
        return;
    if (why->whole != TN_NONE && live_count(why) == 1)
        tn__say(w, "\nIt hangs from ");
    else if (why->whole != TN_NONE)
        tn__say(w, "\nAll of them hang from ");
    else
        tn__say(w, "\n%.0f %% of their shortest paths lead through ",
                tn__pct(why->holders[0].common.carried, why->holders[0].common.sampled));
    tn__say_path(w, why->trail.steps, why->trail.n);
    tn__say(w, ", ");
    tn__say_thing(w, why->node, true);
    tn__say(w, ".");
}

static void say_selected(tn_say *w, const tn_why *why, const tn_set_holder *h)
{
    const char *which = why->waiting_count ? "them" : "the selected objects";
    if (h->selected == live_count(why) && h->selected == 1)
        tn__say(w, "it goes");
    else if (h->selected == live_count(why))
        tn__say(w, "all of %s go", which);
    else if (h->selected)
        tn__say(w, "%" PRIu64 " of %s %s", h->selected, which, h->selected == 1 ? "goes" : "go");
    else
        tn__say(w, "none of %s goes", which);
}

static void tell_garbage(tn_say *w, const tn_why *why)
{
    tn__say(w, "\nAll of them are garbage, which waits for the collector%s; a collection frees ",
            tn__collector_is_off(w->snapshot) ? ", which is switched off" : "");
    tn__say_bytes(w, why->retained_bytes);
    tn__say(w, ".");
}

/* Of a list that the limit, or the most that is ever told, has cut. */
static void tell_more(tn_say *w, uint64_t all, uint32_t told)
{
    if (all > told)
        tn__say(w, "\n- and %" PRIu64 " more%s", all - told,
                told == TN_MAX_WAYS ? "; no more than 1000 are told" : "; use --limit N to see more");
}

/* Where paths to objects without a common holder begin. */
static void tell_entries(tn_say *w, const tn_why *why)
{
    tn__say(w, "\nThey have no common holder.");
    for (uint32_t i = 0; i < why->n_holders; i++) {
        const tn_set_holder *h = &why->holders[i];
        tn__say(w, "\n- %.0f %% of their shortest paths begin with ", tn__pct(h->common.carried, h->common.sampled));
        tn__say_path(w, h->trail.steps, h->trail.n);
        tn__say(w, ", ");
        tn__say_thing(w, h->common.node, true);
        tn__say(w, "; clearing that alone frees ");
        if (h->alone)
            tn__say_bytes(w, h->alone);
        else
            tn__say(w, "nothing");
        tn__say(w, ".");
    }
    tell_more(w, why->n_entries, why->n_holders);
    if (!why->n_holders)
        return;
    if (why->n_holders > 3)
        tn__say(w, "\nWith %s%" PRIu32 " gone, ", why->n_entries > why->n_holders ? "these " : "all ", why->n_holders);
    else
        tn__say(w, "\nWith %s gone, ", why->n_holders == 1 ? "it" : why->n_holders == 2 ? "both" : "all three");
    say_selected(w, why, &why->holders[why->n_holders - 1]);
    tn__say(w, ": ");
    say_freed(w, why->holders[why->n_holders - 1].bytes, why->holders[why->n_holders - 1].count);
    tn__say(w, ".");
}

/* What of the set goes with its holders, one after another. */
static void tell_holders(tn_say *w, const tn_why *why)
{
    for (uint32_t i = 0; i < why->n_holders; i++) {
        const tn_set_holder *h = &why->holders[i];
        if (i == 0) {
            tn__say(w, "\nWith it ");
            say_selected(w, why, h);
            tn__say(w, ".");
            continue;
        }
        tn__say(w, "\nOf the paths around %s %.0f %% lead through ", i == 1 ? "it" : "these",
                tn__pct(h->common.carried, h->common.sampled));
        tn__say_path(w, h->trail.steps, h->trail.n);
        tn__say(w, ", ");
        tn__say_thing(w, h->common.node, true);
        tn__say(w, ". With %s gone, ", i == 1 ? "both" : "all three");
        say_selected(w, why, h);
        tn__say(w, ": ");
        say_freed(w, h->bytes, h->count);
        tn__say(w, ".");
    }
}

/* ---- who holds it ---- */

static void say_count(tn_say *w, uint64_t n, const char *before, const char *noun)
{
    tn__say(w, "%s%" PRIu64 " %s%s", before, n, noun, n == 1 ? "" : "s");
}

static void tell_references(tn_say *w, const tn_why *why)
{
    say_count(w, why->n_holding, "\n", "reference");
    tn__say(w, why->n_holding == 1 ? " holds it" : " hold it");
    if (why->n_weak) {
        say_count(w, why->n_weak, "; ", "weak reference");
        tn__say(w, why->n_weak == 1 ? " does not" : " do not");
    }
    if (why->n_weak_entries)
        tn__say(w, " (%" PRIu64 " in weak dictionaries)", why->n_weak_entries);
    if (why->n_other) {
        say_count(w, why->n_other, "; ", "borrowed, interned or guessed reference");
        tn__say(w, why->n_other == 1 ? " is not counted" : " are not counted");
    }
    tn__say(w, ".");
}

/* What keeps it without a reference that was found; false: nothing does. */
static bool tell_hold(tn_say *w, const tn_why *why)
{
    if (why->garbage) {
        tn__say(w,
                "\nNothing that lives holds it: it is in a cycle, or hangs from one, and waits for the garbage "
                "collector%s. gc.collect() frees it.",
                tn__collector_is_off(w->snapshot) ? ", which is switched off" : "");
        return true;
    }
    switch (why->hold) {
    case TN_HOLD_STATIC: tn__say(w, "\nIt is part of the program or of a library and is never freed."); return true;
    case TN_HOLD_IMMORTAL: tn__say(w, "\nIt is immortal: the interpreter never frees it."); return true;
    case TN_HOLD_C:
        tn__say(w,
                "\nIts reference count is %" PRIu32 ", more than the references that were found: C code, or the "
                "interpreter's evaluation stack, holds it as well. Which, is not known.",
                why->refcount);
        return true;
    default: break;
    }
    if (why->node < why->top->graph.n_objects && !tn__is_through(why->top, why->node))
        return false;
    tn__say(w, "\nIt is a module, or a table of the interpreter, which live as long as the program.");
    return true;
}

/* ---- what would free it ---- */

static void tell_cuts(tn_say *w, const tn_why *why)
{
    tn__say(w, "\nClearing ");
    tn__say_path(w, why->trail.steps, why->nearest);
    tn__say(w, " frees ");
    say_freed(w, why->near.bytes, why->near.count);
    tn__say(w, ".");
    if (why->widest == why->nearest)
        return;
    tn__say(w, " On this path, clearing ");
    tn__say_path(w, why->trail.steps, why->widest);
    tn__say(w, " frees most: ");
    say_freed(w, why->wide.bytes, why->wide.count);
    tn__say(w, ".");
}

static void tell_way(tn_say *w, const tn_way *way)
{
    tn_buf steps;
    tn__buf_init(&steps, w->top->alloc);
    int status = tn__way_steps(way, &steps, w->err);
    if (status == TN_OK)
        tn__say_path(w, (const tn_reference *)(const void *)steps.data, (uint32_t)(steps.size / sizeof(tn_reference)));
    else if (w->status == TN_OK)
        w->status = status;
    tn__buf_free(&steps);
}

static void tell_ways(tn_say *w, const tn_why *why)
{
    bool above = why->held != why->node;
    tn__say(w, "\nNo single reference on this path%s frees it.", why->spared ? ", below a class or a function," : "");
    if (why->held == TN_NONE)
        return;
    tn__say(w, " ");
    if (above)
        tn__say_thing(w, why->held, true);
    tn__say(w, "%s held by ", above ? ", which dominates it, is" : "It is");
    say_count(w, why->n_ways, "", "reference");
    tn__say(w, why->n_ways == 1 ? ", which must go:" : ", and all of them must go:");
    for (uint32_t i = 0; i < why->n_told; i++) {
        tn__say(w, "\n- ");
        tell_way(w, &why->ways[i]);
    }
    tell_more(w, why->n_ways, why->n_told);
    if (why->garbage_ways) {
        say_count(w, why->garbage_ways, "\n- and ", "reference");
        tn__say(w, " from garbage, which a collection takes away");
    }
    tn__say(w, why->garbage_ways ? "\nThat and a collection free " : "\nThat frees ");
    say_freed(w, why->top->tree->retained[why->held], why->top->tree->counts[why->held]);
    tn__say(w, ".");
}

/* ---- all ---- */

void tn__why_tell(tn_say *w, const void *data)
{
    const tn_why *why = data;
    if (why->is_set)
        tell_set(w, why);
    else
        tell_object(w, why);
    if (why->all_garbage)
        tell_garbage(w, why);
    else if (why->node == TN_NONE)
        tell_entries(w, why);
    if (why->node == TN_NONE)
        return;
    if (!why->garbage) {
        tn__say_about(w, &why->trail);
        tn__say_holder(w, &why->trail);
    }
    tn__say_birth(w, why->node, "It was");
    tell_references(w, why);
    if (tell_hold(w, why))
        return;
    if (why->nearest)
        tell_cuts(w, why);
    else
        tell_ways(w, why);
    tell_holders(w, why);
}

static void write_commands(const tn_why *why, tn_say *w)
{
    static const char *const verbs[] = {"show", "paths", "dominators"};
    if (why->all_garbage) {
        tn__say(w, "\n  tonnage summary ");
        tn__say_name(w, w->file);
        tn__say(w, " --where root:unreachable\n");
        return;
    }
    bool alone = why->node != TN_NONE;
    uint32_t few = why->n_holders < TN_MAX_HOLDERS ? why->n_holders : TN_MAX_HOLDERS;
    uint32_t n = alone ? sizeof verbs / sizeof *verbs : few;
    if (alone && why->node >= why->top->graph.n_objects)
        return;
    for (uint32_t i = 0; i < n; i++) {
        tn__say(w, i ? "  " : "\n  ");
        tn__say_command(w, alone ? verbs[i] : "why", alone ? why->node : why->holders[i].common.node);
        tn__say(w, "\n");
    }
}

void tn__why_text(const tn_why *why, tn_say *w, const tn_view_options *o)
{
    tn__out_wrap(w->out, o->width);
    tn__why_tell(w, why);
    tn__say(w, "\n");
    tn__out_unwrap(w->out);
    write_commands(why, w);
}
