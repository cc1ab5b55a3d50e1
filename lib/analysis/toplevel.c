/* toplevel.c - the dominator tree as somebody sees it who looks for a leak: modules hold things on everybody's behalf, and
 * the dict of an instance is part of the instance.
 */
#include "analysis/suspects.h"

#include <string.h>

static void look_through(tn_toplevel *t, uint32_t node)
{
    if (node != TN_NONE)
        t->through[node / 64] |= 1ull << (node % 64);
}

static void look_through_modules(tn_toplevel *t)
{
    for (uint32_t id = 0; id < t->graph.n_objects; id++) {
        if (tn__kind_of(t, id) & TN_KIND_MODULE) {
            look_through(t, id);
            look_through(t, tn__dict_of(t, id));
        }
    }
}

/* Names of the interpreter's fields differ by version: "modules", "imports.modules". */
static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), n_end = strlen(end);
    return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

int tn__garbage_list(tn_snapshot *s, uint32_t *out, tn_error *err)
{
    uint32_t list = TN_NONE;
    for (uint32_t id = tn_snapshot_n_objects(s); id < tn_snapshot_n_nodes(s); id++) {
        tn_reference_iter iter;
        tn_reference r;
        TN_TRY(tn_references(s, id, &iter, err));
        while (tn_reference_next(&iter, &r))
            if (r.style == TN_LABEL_FIELD && ends_with(r.text, "gc.garbage"))
                list = r.target;
    }
    *out = list;
    return TN_OK;
}

static int look_through_roots(tn_toplevel *t, tn_error *err)
{
    static const char *const tables[] = {"modules",          "sysdict",          "builtins", "builtins_copy",
                                         "modules_by_index", "interned_strings", "table"};
    for (uint32_t id = t->graph.n_objects; id < t->graph.n_nodes; id++) {
        tn_reference_iter iter;
        tn_reference r;
        look_through(t, id);
        TN_TRY(tn_references(t->snapshot, id, &iter, err));
        while (tn_reference_next(&iter, &r)) {
            if (r.style != TN_LABEL_FIELD)
                continue;
            for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
                if (ends_with(r.text, tables[i]))
                    look_through(t, r.target);
        }
    }
    return tn__garbage_list(t->snapshot, &t->garbage_list, err);
}

static int make(tn_toplevel *t, tn_error *err)
{
    size_t n_words = ((size_t)t->graph.n_nodes + 63) / 64;
    TN_TRY(tn__kinds_make(t->snapshot, &t->kinds, err));
    t->through = tn__alloc_zero(t->alloc, n_words * sizeof *t->through);
    if (!t->through)
        return tn__no_memory(t->snapshot, err);
    look_through_modules(t);
    TN_TRY(look_through_roots(t, err));
    return tn_retained(t->snapshot, t->graph.root, &t->bytes, &t->count, err);
}

int tn__toplevel_make(tn_snapshot *s, bool fold, tn_toplevel *out, tn_error *err)
{
    tn_toplevel t = {.snapshot = s, .alloc = tn__snapshot_alloc(s), .fold = fold, .garbage_list = TN_NONE};
    TN_TRY(tn__graph(s, &t.graph, err));
    TN_TRY(tn__dominators(s, &t.tree, err));
    TN_TRY(tn__dominated(s, &t.below, err));
    int status = make(&t, err);
    if (status < 0)
        tn__toplevel_free(&t);
    else
        *out = t;
    return status;
}

void tn__toplevel_free(tn_toplevel *t)
{
    if (!t->snapshot)
        return;
    tn__free(t->alloc, t->through, ((size_t)t->graph.n_nodes + 63) / 64 * sizeof *t->through);
    if (t->kinds.alloc)
        tn__kinds_free(&t->kinds);
}

uint32_t tn__owner_of(const tn_toplevel *t, uint32_t node)
{
    return tn__owner_at(&t->kinds, &t->graph, t->tree, node);
}

int tn__garbage_sources(const tn_toplevel *t, tn_set **out, tn_error *err)
{
    tn_set *sources;
    TN_TRY(tn_set_new(t->snapshot, &sources, err));
    for (uint32_t id = 0; id < t->graph.n_objects; id++)
        if (t->tree->holds[id] == TN_HOLD_UNREACHABLE)
            (void)tn_set_add(sources, id); /* an object, which is all that it asks for */
    *out = sources;
    return TN_OK;
}

int tn__all_garbage(const tn_toplevel *t, tn_set **out, tn_error *err)
{
    tn_set *sources;
    uint64_t bytes;
    TN_TRY(tn__garbage_sources(t, &sources, err));
    int status = tn_set_count(sources) ? tn_retained_set(t->snapshot, sources, out, &bytes, err)
                                       : tn_set_copy(sources, out, err);
    tn_set_free(sources);
    return status;
}
