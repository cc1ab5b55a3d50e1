/* suspects_findings.c - what is worth a word besides who retains much: garbage that waits for the collector, finalizers,
 * and what is kept by accident: tracebacks, frames, suspended generators, closures, tasks.
 */
#include "analysis/suspects.h"

#include <string.h>

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

static int tell_garbage(tn_suspects *all, const tn_set *garbage, uint64_t bytes, uint32_t node, tn_error *err)
{
    tn_finding finding = {.kind = TN_FINDING_GARBAGE, .bytes = bytes, .node = node};
    finding.count = finding.waiting = tn_set_count(garbage);
    TN_TRY(tn__content_of_set(&all->top, garbage, &finding.content, err));
    return add(all, finding, err);
}

static int tell_garbage_within(tn_suspects *all, tn_error *err)
{
    tn_set *both, *gone = NULL;
    uint64_t bytes = 0;
    TN_TRY(tn_set_intersect(all->garbage, all->within, &both, err));
    uint32_t node = biggest_of(&all->top, both);
    int status = node == TN_NONE ? TN_OK : tn_retained_set(all->top.snapshot, both, &gone, &bytes, err);
    tn_set_free(gone);
    if (status == TN_OK && bytes && bytes >= all->top.bytes / 100)
        status = tell_garbage(all, both, bytes, node, err);
    tn_set_free(both);
    return status;
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
    if (all->within)
        return tell_garbage_within(all, err);
    return tell_garbage(all, all->garbage, bytes, biggest_of(t, sources), err);
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
    if (list == TN_NONE || (all->within && !tn_set_has(all->within, list)) ||
        t->graph.offsets[list] == t->graph.offsets[list + 1])
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

/* What members below a node retain. Of several that stand one above another, the bytes count once. */
static int sum_tops(const tn_suspects *all, const tn_set *members, uint32_t under, uint64_t *bytes, tn_error *err)
{
    const tn_toplevel *t = &all->top;
    tn_buf tops;
    tn__buf_init(&tops, all->alloc);
    int status = tn__dominator_tops(t->snapshot, members, under, &tops, err);
    const uint32_t *ids = (const uint32_t *)(const void *)tops.data;
    for (size_t i = 0; status == TN_OK && i < tops.size / sizeof *ids; i++)
        *bytes += t->tree->retained[ids[i]];
    tn__buf_free(&tops);
    return status;
}

static bool is_most(uint64_t part, uint64_t whole)
{
    return part >= whole / 10 * 7;
}

static bool names_type(const tn_content *content, const char *type)
{
    bool named = false;
    for (uint32_t i = 0; i < content->n_rows; i++)
        named |= strcmp(content->rows[i].type, type) == 0;
    return named;
}

/* Whether the suspect is the kind's own story: it names it, keeps little else, and what it keeps is most of what the kind
 * does. */
static int suspect_tells(const tn_suspects *all, const tn_suspect *one, const tn_set *members, const tn_finding *f,
                         bool *told, tn_error *err)
{
    static const enum tn_about abouts[TN_FINDINGS][2] = {
        [TN_FINDING_TRACEBACK] = {TN_ABOUT_TRACEBACK, TN_ABOUT_LAST_ERROR},
        [TN_FINDING_FRAME] = {TN_ABOUT_TRACEBACK, TN_ABOUT_LAST_ERROR},
        [TN_FINDING_SUSPENDED] = {TN_ABOUT_SUSPENDED, TN_ABOUT_TASK},
        [TN_FINDING_CELL] = {TN_ABOUT_CLOSURE, TN_ABOUT_CLOSURE},
        [TN_FINDING_TASK] = {TN_ABOUT_TASK, TN_ABOUT_TASK},
    };
    enum tn_about about = one->trail.about;
    uint64_t bytes = 0;
    *told = about && (about == abouts[f->kind][0] || about == abouts[f->kind][1]) && is_most(one->bytes, f->bytes);
    if (*told || !is_most(f->bytes, one->bytes))
        return TN_OK;
    if (one->type) {
        *told = strcmp(one->type, tn__type_name(all->top.snapshot, f->node)) == 0 && is_most(one->bytes, f->bytes);
        return TN_OK;
    }
    if (!names_type(&one->content, tn__type_name(all->top.snapshot, f->node)))
        return TN_OK;
    TN_TRY(sum_tops(all, members, one->node, &bytes, err));
    *told = is_most(bytes, f->bytes);
    return TN_OK;
}

/* All kinds in one pass; members of a kind in sets[kind]. */
typedef struct tn_kinds_found {
    tn_finding findings[TN_FINDINGS];
    tn_set *sets[TN_FINDINGS];
    bool told[TN_FINDINGS]; /* here, or by a suspect */
    const uint32_t *flags;
} tn_kinds_found;

static void count_pending(tn_finding *f, uint32_t flags)
{
    uint32_t state = (flags & TN_NODE_STATE) >> 13;
    if (f->pending != TN_UNKNOWN)
        f->pending = state == TN_FUTURE_UNKNOWN ? TN_UNKNOWN : f->pending + (state == TN_FUTURE_PENDING);
}

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
        count_pending(f, found->flags ? found->flags[id] : 0);
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
    uint64_t n_flags;
    TN_TRY(tn__column_u32(t->snapshot, TN_COL_FLAG, &found->flags, &n_flags, err));
    for (unsigned kind = 0; kind < TN_FINDINGS; kind++) {
        found->findings[kind] = (tn_finding){.kind = (enum tn_finding_kind)kind, .node = TN_NONE};
        wanted |= rows[kind].kind;
    }
    for (uint32_t id = 0; id < t->graph.n_objects; id++) {
        uint32_t kinds = tn__kind_of(t, id);
        if (kinds & wanted && !(kinds & TN_KIND_OWN) && (!all->within || tn_set_has(all->within, id)))
            TN_TRY(count_object(all, found, id, kinds, err));
    }
    return TN_OK;
}

/* Whether what the kind retains has been told of already, by a suspect or with another kind that it comes with. */
static int is_told(const tn_suspects *all, const tn_kinds_found *found, unsigned kind, bool *told, tn_error *err)
{
    static const enum tn_finding_kind comes_with[TN_FINDINGS] = {
        [TN_FINDING_FRAME] = TN_FINDING_TRACEBACK, [TN_FINDING_SUSPENDED] = TN_FINDING_TASK};
    const tn_finding *f = &found->findings[kind];
    enum tn_finding_kind with = comes_with[kind];
    *told = with && found->told[with] && is_most(found->findings[with].bytes, f->bytes);
    for (size_t i = 0; i < tn__n_suspects(all) && !*told; i++)
        TN_TRY(suspect_tells(all, tn__suspect_at(all, i), found->sets[kind], f, told, err));
    return TN_OK;
}

static int tell_kind(tn_suspects *all, tn_kinds_found *found, unsigned kind, tn_error *err)
{
    tn_finding *f = &found->findings[kind];
    if (!f->count)
        return TN_OK;
    TN_TRY(sum_tops(all, found->sets[kind], all->top.graph.root, &f->bytes, err));
    bool told = false, waiting = kind == TN_FINDING_FINALIZER && f->waiting;
    bool much = f->bytes && f->bytes >= all->top.bytes / 100 * rows[kind].least_percent;
    if (much && !waiting)
        TN_TRY(is_told(all, found, kind, &told, err));
    found->told[kind] = waiting || much;
    return waiting || (much && !told) ? add(all, *f, err) : TN_OK;
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
