/* suspects_findings.c - what is worth a word besides who retains much: garbage that waits for the collector, finalizers,
 * and what is kept by accident: tracebacks, frames, suspended generators, closures, tasks.
 */
#include "analysis/suspects.h"

/* ---- garbage ---- */

static uint32_t biggest_of(const tn_toplevel *t, const tn_set *set)
{
    uint32_t best = TN_NONE;
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE; id = tn_set_next(set, id + 1))
        if (best == TN_NONE || t->tree->retained[id] > t->tree->retained[best])
            best = id;
    return best;
}

static int add(tn_suspects *all, tn_finding finding, tn_error *err)
{
    if (finding.node != TN_NONE)
        TN_TRY(tn__trail_make(&all->top, finding.node, NULL, &finding.trail, err));
    if (tn__buf_append(&all->findings, &finding, sizeof finding) < 0) {
        tn__trail_free(&finding.trail);
        return tn__no_memory(all->top.snapshot, err);
    }
    return TN_OK;
}

/* Known exactly only by a pass over all references: where it may matter. */
static int look_at_garbage(tn_suspects *all, const tn_set *sources, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    uint64_t bytes = 0;
    for (uint32_t id = tn_set_next(sources, 0); id != TN_NONE; id = tn_set_next(sources, id + 1))
        bytes += t->tree->retained[id];
    if (bytes == 0 || bytes < t->bytes / 100)
        return TN_OK;
    TN_TRY(tn_retained_set(t->snapshot, sources, &all->garbage, &bytes, err));
    tn_finding finding = {.kind = TN_FINDING_GARBAGE, .bytes = bytes, .node = biggest_of(t, sources)};
    finding.count = finding.waiting = tn_set_count(all->garbage);
    TN_TRY(tn__content_of_set(t, all->garbage, &finding.content, err));
    return add(all, finding, err);
}

int tn__suspects_garbage(tn_suspects *all, tn_error *err)
{
    tn_set *sources;
    TN_TRY(tn__garbage_sources(&all->top, &sources, err));
    int status = look_at_garbage(all, sources, err);
    tn_set_free(sources);
    return status;
}

static int look_at_list(tn_suspects *all, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    uint32_t list = t->garbage_list;
    if (list == TN_NONE || t->graph.offsets[list] == t->graph.offsets[list + 1])
        return TN_OK;
    tn_finding finding = {.kind = TN_FINDING_LIST, .node = list, .bytes = t->tree->retained[list]};
    finding.count = t->graph.offsets[list + 1] - t->graph.offsets[list];
    return add(all, finding, err);
}

/* ---- kinds of objects ---- */

static const struct {
    uint32_t kind;
    uint8_t least_percent; /* of the heap, retained by all of them, to be worth a word */
} rows[TN_FINDINGS] = {
    [TN_FINDING_FINALIZER] = {TN_KIND_FINALIZER, 1}, [TN_FINDING_TRACEBACK] = {TN_KIND_TRACEBACK, 1},
    [TN_FINDING_FRAME] = {TN_KIND_FRAME, 1},         [TN_FINDING_SUSPENDED] = {TN_KIND_SUSPENDED, 1},
    [TN_FINDING_CELL] = {TN_KIND_CELL, 5},           [TN_FINDING_TASK] = {TN_KIND_TASK, 1},
};

/* Of several objects of the kind that stand one above another, the bytes count once. */
static int sum_tops(const tn_suspects *all, const tn_set *members, tn_finding *f, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    tn_buf tops;
    tn__buf_init(&tops, all->alloc);
    int status = tn__dominator_tops(t->snapshot, members, t->graph.root, &tops, err);
    const uint32_t *ids = (const uint32_t *)(const void *)tops.data;
    for (size_t i = 0; status == TN_OK && i < tops.size / sizeof *ids; i++)
        f->bytes += t->tree->retained[ids[i]];
    tn__buf_free(&tops);
    return status;
}

/* Whether what the kind retains has been told of already, by a suspect or by another kind that it comes with. */
static bool is_told(const tn_suspects *all, const tn_finding *f)
{
    static const enum tn_about abouts[TN_FINDINGS][2] = {
        [TN_FINDING_TRACEBACK] = {TN_ABOUT_TRACEBACK, TN_ABOUT_LAST_ERROR},
        [TN_FINDING_FRAME] = {TN_ABOUT_TRACEBACK, TN_ABOUT_LAST_ERROR},
        [TN_FINDING_SUSPENDED] = {TN_ABOUT_SUSPENDED, TN_ABOUT_TASK},
        [TN_FINDING_CELL] = {TN_ABOUT_CLOSURE, TN_ABOUT_CLOSURE},
        [TN_FINDING_TASK] = {TN_ABOUT_TASK, TN_ABOUT_TASK},
    };
    static const enum tn_finding_kind comes_with[TN_FINDINGS] = {
        [TN_FINDING_FRAME] = TN_FINDING_TRACEBACK, [TN_FINDING_SUSPENDED] = TN_FINDING_TASK};
    bool told = false;
    for (size_t i = 0; i < tn__n_suspects(all); i++) {
        const tn_suspect *one = tn__suspect_at(all, i);
        enum tn_about about = one->trail.about;
        told |=
            about && (about == abouts[f->kind][0] || about == abouts[f->kind][1]) && one->bytes >= f->bytes / 10 * 7;
    }
    for (size_t i = 0; comes_with[f->kind] && i < tn__n_findings(all); i++) {
        const tn_finding *other = tn__finding_at(all, i);
        told |= other->kind == comes_with[f->kind] && other->bytes >= f->bytes / 10 * 7;
    }
    return told;
}

/* All kinds in one pass; members of a kind in sets[kind]. */
typedef struct tn_kinds_found {
    tn_finding findings[TN_FINDINGS];
    tn_set *sets[TN_FINDINGS];
} tn_kinds_found;

static int count_object(const tn_suspects *all, tn_kinds_found *found, uint32_t id, uint32_t kinds, tn_error *err)
{
    const uint64_t *retained = all->top.tree->retained;
    for (unsigned kind = 0; kind < TN_FINDINGS; kind++) {
        tn_finding *f = &found->findings[kind];
        if (!(kinds & rows[kind].kind))
            continue;
        if (!found->sets[kind])
            TN_TRY(tn_set_new(all->top.snapshot, &found->sets[kind], err));
        TN_TRY(tn_set_add(found->sets[kind], id));
        f->count++;
        f->waiting += all->garbage && tn_set_has(all->garbage, id);
        if (f->node == TN_NONE || retained[id] > retained[f->node])
            f->node = id;
    }
    return TN_OK;
}

static int count_kinds(const tn_suspects *all, tn_kinds_found *found, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    uint32_t wanted = 0;
    for (unsigned kind = 0; kind < TN_FINDINGS; kind++) {
        found->findings[kind] = (tn_finding){.kind = (enum tn_finding_kind)kind, .node = TN_NONE};
        wanted |= rows[kind].kind;
    }
    for (uint32_t id = 0; id < t->graph.n_objects; id++) {
        uint32_t kinds = tn__kind_of(t, id);
        if (kinds & wanted && !(kinds & TN_KIND_OWN))
            TN_TRY(count_object(all, found, id, kinds, err));
    }
    return TN_OK;
}

static int tell_kind(tn_suspects *all, tn_kinds_found *found, unsigned kind, tn_error *err)
{
    tn_finding *f = &found->findings[kind];
    if (!f->count)
        return TN_OK;
    TN_TRY(sum_tops(all, found->sets[kind], f, err));
    bool waiting = kind == TN_FINDING_FINALIZER && f->waiting;
    bool much = f->bytes && f->bytes >= all->top.bytes / 100 * rows[kind].least_percent;
    return waiting || (much && !is_told(all, f)) ? add(all, *f, err) : TN_OK;
}

int tn__suspects_findings(tn_suspects *all, tn_error *err)
{
    tn_kinds_found found = {0};
    TN_TRY(look_at_list(all, err));
    int status = count_kinds(all, &found, err);
    for (unsigned kind = 0; kind < TN_FINDINGS && status == TN_OK; kind++)
        status = tell_kind(all, &found, kind, err);
    for (unsigned kind = 0; kind < TN_FINDINGS; kind++)
        tn_set_free(found.sets[kind]);
    return status;
}
