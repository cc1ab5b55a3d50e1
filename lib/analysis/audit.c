/* audit.c - reference counts against owning references, object by object: who holds the rest. */
#include "analysis/audit.h"

#include "analysis/partition.h"

#include <string.h>

const char *const tn_audit_names[TN_AUDIT_GRADES] = {"even", "lost",      "leaked", "possible",
                                                     "held", "explained", "short"};

/* Is it of the interpreter's data, or of tonnage's? */
static bool is_static_of(const tn_audit *a, const tn_seen_row *seen, const char *name)
{
    return seen->kind == TN_SEEN_STATIC && strcmp(tn__snapshot_string(a->snapshot, seen->what), name) == 0;
}

bool tn__audit_explains(const tn_audit *a, const tn_seen_row *seen)
{
    return seen->kind == TN_SEEN_STACK || seen->kind == TN_SEEN_FRAME || is_static_of(a, seen, TN_SEEN_INTERPRETER) ||
           is_static_of(a, seen, TN_SEEN_OWN);
}

const tn_seen_row *tn__audit_seen(const tn_audit *a, uint32_t id, uint32_t *n)
{
    uint32_t low = 0, high = a->n_seen;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (a->seen[middle].node < id)
            low = middle + 1;
        else
            high = middle;
    }
    for (*n = 0; low + *n < a->n_seen && a->seen[low + *n].node == id;)
        ++*n;
    return *n ? a->seen + low : NULL;
}

uint64_t tn__audit_unseen(const tn_audit *a, uint32_t id)
{
    uint32_t n;
    uint64_t words = 0, excess = tn__audit_excess(a, id);
    if (a->grades[id] != TN_AUDIT_LEAKED && a->grades[id] != TN_AUDIT_LOST)
        return 0;
    const tn_seen_row *rows = tn__audit_seen(a, id, &n);
    for (uint32_t i = 0; i < n; i++)
        words += rows[i].count;
    return excess > words ? excess - words : 0;
}

/* ---- grades ---- */

/* Words that point to an object, by who has them. Guesses and what was seen in frames are the same words. */
typedef struct tn_pointers {
    uint64_t own, interpreter, frames, others;
} tn_pointers;

/* Rows of seen stand in order of node: *at is behind those of nodes before this one. */
static tn_pointers pointers_to(const tn_audit *a, uint32_t id, uint64_t guessed, uint32_t *at)
{
    tn_pointers p = {0};
    for (; *at < a->n_seen && a->seen[*at].node <= id; ++*at) {
        const tn_seen_row *row = &a->seen[*at];
        if (row->node != id)
            continue;
        *(row->kind == TN_SEEN_FRAME          ? &p.frames
          : is_static_of(a, row, TN_SEEN_OWN) ? &p.own
          : tn__audit_explains(a, row)        ? &p.interpreter
                                              : &p.others) += row->count;
    }
    p.interpreter += guessed > p.frames ? guessed : p.frames;
    return p;
}

/* Of an object with more counted than found, guessed so often on a stack. A pointer is reason for one reference: somebody may
 * leak references to what the interpreter holds, too. */
static enum tn_audit_grade grade_of_more(tn_audit *a, uint32_t id, uint64_t guessed, uint32_t *at)
{
    uint64_t excess = tn__audit_excess(a, id);
    tn_pointers p = pointers_to(a, id, guessed, at);
    uint64_t seen = p.own + p.interpreter + p.others;
    if (p.own >= excess)
        return TN_AUDIT_EVEN;
    if (p.own + p.interpreter >= excess)
        return TN_AUDIT_EXPLAINED;
    if (!a->seen)
        return a->found[id] || seen ? TN_AUDIT_HELD : TN_AUDIT_POSSIBLE;
    if (seen >= excess)
        return TN_AUDIT_HELD;
    a->n_unseen += !seen && a->found[id];
    return seen ? TN_AUDIT_LEAKED : TN_AUDIT_LOST;
}

/* What a running frame may compute with just now: how many guesses the file has, by object; 255 are that many or more. */
static void count_guesses(const tn_graph *g, uint8_t *guessed)
{
    for (uint32_t source = g->n_objects; source < g->n_nodes; source++)
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++)
            if (g->targets[e] < g->n_objects && tn__edge_kind(g, source, e) == TN_REF_GUESSED)
                guessed[g->targets[e]] = (uint8_t)(guessed[g->targets[e]] + (guessed[g->targets[e]] < UINT8_MAX));
}

/* A count of zero is that of an object that has been freed and waits in a list of its type to be used again: the
 * tp_traverse of the module may report it, as that of 3.12's _asyncio does. */
static int grade_all(tn_audit *a, tn_error *err)
{
    tn_block shap, flag;
    const tn_shape *shapes = tn__snapshot_shapes(a->snapshot);
    uint32_t at = 0;
    int status;
    for (size_t k = 0; (status = tn__column_block(a->snapshot, TN_COL_SHAP, k, 0, &shap, err)) == TN_OK; k++) {
        int flag_status = tn__column_block(a->snapshot, TN_COL_FLAG, k, 1, &flag, err);
        if (flag_status < 0 && flag_status != TN_ENOTFOUND)
            return flag_status;
        for (uint32_t i = 0; i < shap.n_rows && shap.first_row + i < a->n_objects; i++) {
            uint32_t id = (uint32_t)shap.first_row + i;
            uint64_t guessed = a->grades[id], flags = flag_status == TN_OK ? tn__block_at(&flag, i) : 0;
            a->grades[id] = TN_AUDIT_EVEN;
            if (a->found[id] == a->refcounts[id] || a->refcounts[id] == 0 ||
                (flags & (TN_NODE_IMMORTAL | TN_NODE_STATIC | TN_NODE_OWN)))
                continue;
            tn_type type;
            TN_TRY(tn_snapshot_type(a->snapshot, shapes[tn__block_at(&shap, i)].type, &type));
            if (!(type.flags & TN_TYPE_OWN))
                a->grades[id] =
                    (uint8_t)(a->found[id] > a->refcounts[id] ? TN_AUDIT_SHORT : grade_of_more(a, id, guessed, &at));
        }
    }
    return status == TN_ENOTFOUND ? TN_OK : status;
}

/* ---- what only itself holds ---- */

/* From all that lives for another reason than references that nobody was seen to have. Garbage is no such reason. */
static int flood_alive(const tn_audit *a, const uint8_t *holds, tn_flood *f, tn_error *err)
{
    TN_TRY(tn__flood_reach(f, f->graph.root, 0, err));
    for (uint32_t id = 0; id < a->n_objects; id++)
        if (holds[id] != TN_HOLD_REFERENCES && holds[id] != TN_HOLD_UNREACHABLE && a->grades[id] != TN_AUDIT_LOST)
            TN_TRY(tn__flood_reach(f, id, 0, err));
    return tn__flood_run(f, err);
}

/* What refers to itself, as a tree whose nodes know their parents, is lost unless something else leads to it. */
static int part_leaked_from_lost(tn_audit *a, tn_error *err)
{
    uint8_t *holds;
    tn_flood f;
    TN_TRY(tn__anchors(a->snapshot, &holds, err));
    TN_TRY(tn__flood_open(a->snapshot, &f, err));
    int status = flood_alive(a, holds, &f, err);
    for (uint32_t id = 0; id < a->n_objects && status == TN_OK; id++)
        if (a->grades[id] == TN_AUDIT_LOST && a->found[id] && f.labels[id] != TN_NONE)
            a->grades[id] = TN_AUDIT_LEAKED;
    tn__flood_close(&f);
    return status;
}

static bool is_part(tn_snapshot *s)
{
    tn_fact scope;
    return tn_snapshot_find_fact(s, "capture.scope", &scope) == TN_OK && scope.kind == TN_FACT_TEXT &&
           strcmp(scope.value.text, "reachable") == 0;
}

/* ---- made once ---- */

static void destroy(tn_snapshot *s, void *p)
{
    const tn_alloc *alloc = tn__snapshot_alloc(s);
    tn_audit *a = p;
    tn__free(alloc, a->grades, a->n_objects);
    tn__free(alloc, a->found, (size_t)a->n_nodes * sizeof *a->found);
    tn__free(alloc, a, sizeof *a);
}

static int make(tn_snapshot *s, tn_audit *a, tn_error *err)
{
    const tn_alloc *alloc = tn__snapshot_alloc(s);
    tn_graph g;
    uint64_t n;
    TN_TRY(tn__graph(s, &g, err));
    a->snapshot = s;
    a->n_nodes = g.n_nodes;
    a->n_objects = g.n_objects;
    TN_TRY(tn__column_u32(s, TN_COL_REFC, &a->refcounts, &n, err));
    if (!a->refcounts)
        return tn__error_set(err, TN_EINVAL, 0, "the snapshot has no reference counts");
    a->seen = tn__snapshot_seen(s, &a->n_seen);
    a->found = tn__alloc_zero(alloc, (size_t)g.n_nodes * sizeof *a->found);
    a->grades = tn__alloc_zero(alloc, g.n_objects);
    if (!a->found || !a->grades)
        return tn__no_memory(s, err);
    tn__count_owning(&g, a->found);
    count_guesses(&g, a->grades);
    TN_TRY(grade_all(a, err));
    return a->n_unseen ? part_leaked_from_lost(a, err) : TN_OK;
}

int tn__audit(tn_snapshot *s, const tn_audit **out, tn_error *err)
{
    if (is_part(s))
        return tn__error_set(err, TN_EINVAL, 0,
                             "the snapshot is of a part of the process: what refers to it from the rest is not known");
    void **slot = tn__snapshot_attachment(s, TN_ATTACH_AUDIT, destroy);
    if (!*slot) {
        tn_audit *a = tn__alloc_zero(tn__snapshot_alloc(s), sizeof *a);
        if (!a)
            return tn__no_memory(s, err);
        int status = make(s, a, err);
        if (status < 0) {
            destroy(s, a);
            return status;
        }
        *slot = a;
    }
    *out = *slot;
    return TN_OK;
}

int tn_node_account(tn_snapshot *s, uint32_t id, tn_account *out, tn_error *err)
{
    const tn_audit *a;
    if (id >= tn_snapshot_n_objects(s))
        return tn__error_set(err, TN_EINVAL, 0, "there is no object %u", (unsigned)id);
    TN_TRY(tn__audit(s, &a, err));
    *out = (tn_account){a->refcounts[id], a->found[id], (enum tn_audit_grade)a->grades[id]};
    return TN_OK;
}

int tn_audit_set(tn_snapshot *s, const tn_set *set, enum tn_audit_grade grade, tn_set **out, tn_error *err)
{
    const tn_audit *a;
    tn_set *members;
    if (grade <= TN_AUDIT_EVEN || grade >= TN_AUDIT_GRADES)
        return tn__error_set(err, TN_EINVAL, 0, "no grade of an audit has the number %d", (int)grade);
    TN_TRY(tn__set_check(s, set, err));
    TN_TRY(tn__audit(s, &a, err));
    TN_TRY(tn_set_new(s, &members, err));
    for (uint32_t id = 0; id < a->n_objects; id++)
        if (a->grades[id] == grade && (!set || tn_set_has(set, id)))
            tn__set_add(members, id);
    *out = members;
    return TN_OK;
}
