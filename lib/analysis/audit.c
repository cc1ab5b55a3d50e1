/* audit.c - reference counts against owning references, object by object: who holds the rest. */
#include "analysis/audit.h"

#include <string.h>

const char *const tn_audit_names[TN_AUDIT_GRADES] = {"even", "lost", "possible", "held", "explained", "short"};

bool tn__audit_is_interpreter(const char *library)
{
    static const char *const starts[] = {"libpython", "python", "the program", "_capture."};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strncmp(library, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
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

/* ---- grades ---- */

static bool explains(tn_snapshot *s, const tn_seen_row *row)
{
    return row->kind == TN_SEEN_STACK || row->kind == TN_SEEN_FRAME ||
           (row->kind == TN_SEEN_STATIC && tn__audit_is_interpreter(tn__snapshot_string(s, row->what)));
}

/* Rows of seen stand in order of node: *at is behind those of nodes before this one. */
static enum tn_audit_grade grade_of(const tn_audit *a, uint32_t id, uint32_t *at)
{
    bool seen = false, explained = false;
    for (; *at < a->n_seen && a->seen[*at].node <= id; ++*at)
        if (a->seen[*at].node == id) {
            seen = true;
            explained |= explains(a->snapshot, &a->seen[*at]);
        }
    if (a->found[id] > a->refcounts[id])
        return TN_AUDIT_SHORT;
    if (a->found[id] == a->refcounts[id])
        return TN_AUDIT_EVEN;
    if (explained || a->grades[id] == TN_AUDIT_EXPLAINED)
        return TN_AUDIT_EXPLAINED;
    return seen || a->found[id] ? TN_AUDIT_HELD : a->seen ? TN_AUDIT_LOST : TN_AUDIT_POSSIBLE;
}

/* What a running frame may compute with just now: the file has guesses. */
static void explain_stacks(const tn_graph *g, uint8_t *grades)
{
    for (uint32_t source = g->n_objects; source < g->n_nodes; source++)
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++)
            if (g->targets[e] < g->n_objects && tn__edge_kind(g, source, e) == TN_REF_GUESSED)
                grades[g->targets[e]] = TN_AUDIT_EXPLAINED;
}

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
            uint64_t flags = flag_status == TN_OK ? tn__block_at(&flag, i) : 0;
            tn_type type;
            TN_TRY(tn_snapshot_type(a->snapshot, shapes[tn__block_at(&shap, i)].type, &type));
            bool left_out = (flags & (TN_NODE_IMMORTAL | TN_NODE_STATIC | TN_NODE_OWN)) || (type.flags & TN_TYPE_OWN);
            uint8_t grade = (uint8_t)grade_of(a, id, &at);
            a->grades[id] = left_out ? TN_AUDIT_EVEN : grade;
        }
    }
    return status == TN_ENOTFOUND ? TN_OK : status;
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
    explain_stacks(&g, a->grades);
    return grade_all(a, err);
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
