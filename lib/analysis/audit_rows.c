/* audit_rows.c - objects of each grade in groups, with what is not accounted for. */
#include "analysis/audit.h"

#include "analysis/dominators.h"
#include "analysis/partition.h"

#include <string.h>

void tn__audit_rows_free(tn_audit_rows *r)
{
    tn__buf_free(&r->rows);
    tn__buf_free(&r->labels);
}

/* ---- what would be freed ---- */

enum {
    FAR = 8 /* more than one node of so many is reached: those who hold the rest are looked for from the roots on */
};

/* The sources of a label are the objects of a row: it spreads to all that they reach, and stays where only they hold it. Mostly
 * that is little: then whoever has more owning references than come from there is held by others. */
static uint32_t count_reached(const tn_flood *f)
{
    uint32_t n = 0;
    for (uint32_t id = 0; id < f->graph.n_nodes; id++)
        n += f->labels[id] != TN_NONE;
    return n;
}

static int part_from_others(const tn_audit *a, tn_flood *f, const uint8_t *holds, uint32_t *inside, tn_error *err)
{
    const tn_graph *g = &f->graph;
    for (uint32_t id = 0; id < g->n_objects; id++)
        if (f->labels[id] != TN_NONE)
            tn__count_owning_of(g, id, inside);
    for (uint32_t id = 0; id < g->n_objects; id++)
        if (f->labels[id] != TN_NONE && (holds[id] != TN_HOLD_REFERENCES || inside[id] != a->found[id]))
            TN_TRY(tn__flood_reach(f, id, TN_FLOOD_OUTSIDE, err));
    for (uint32_t source = g->n_objects; source < g->n_nodes; source++)
        for (uint64_t e = g->offsets[source]; e < g->offsets[source + 1]; e++)
            if (tn__edge_holds(g, source, e) && f->labels[g->targets[e]] != TN_NONE)
                TN_TRY(tn__flood_reach(f, g->targets[e], TN_FLOOD_OUTSIDE, err));
    return tn__flood_run(f, err);
}

static int spread_near(const tn_audit *a, tn_flood *f, tn_error *err)
{
    uint8_t *holds;
    TN_TRY(tn__anchors(a->snapshot, &holds, err));
    uint32_t *inside = tn__alloc_zero(f->alloc, f->graph.n_nodes * sizeof *inside);
    if (!inside)
        return tn__no_memory(a->snapshot, err);
    int status = part_from_others(a, f, holds, inside, err);
    tn__free(f->alloc, inside, f->graph.n_nodes * sizeof *inside);
    return status;
}

static int spread_far(const tn_audit *a, tn_flood *f, tn_error *err)
{
    const tn_dominators *d; /* they know which garbage holds something */
    TN_TRY(tn__dominators(a->snapshot, &d, err));
    TN_TRY(tn__flood_reach(f, f->graph.root, TN_FLOOD_OUTSIDE, err));
    for (uint32_t id = 0; id < f->graph.n_nodes; id++)
        if (d->holds[id] != TN_HOLD_REFERENCES)
            TN_TRY(tn__flood_reach(f, id, TN_FLOOD_OUTSIDE, err));
    return tn__flood_run(f, err);
}

static int sum_labels(tn_audit_rows *r, size_t first, const tn_flood *f, tn_error *err)
{
    size_t n = tn__audit_n_rows(r) - first;
    tn_sizes sizes;
    int more;
    TN_TRY(tn__sizes_open(r->audit->snapshot, &sizes, err));
    for (size_t k = 0; (more = tn__sizes_block(&sizes, k, err)) > 0; k++)
        for (uint32_t i = 0; i < sizes.shap.n_rows; i++) {
            uint32_t label = f->labels[sizes.shap.first_row + i];
            if (label < n && !tn__sizes_own(&sizes, i))
                tn__audit_row(r, first + label)->retained += tn__block_at(&sizes.size, i);
        }
    tn__sizes_close(&sizes);
    return more;
}

static int retain(tn_audit_rows *r, size_t first, const tn_set *members, tn_groups *g, tn_error *err)
{
    tn_flood f;
    TN_TRY(tn__flood_open(r->audit->snapshot, &f, err));
    int status = TN_OK;
    for (uint32_t id = tn_set_next(members, 0); id != TN_NONE && status == TN_OK; id = tn_set_next(members, id + 1)) {
        uint32_t index;
        status = tn_groups_of(g, id, &index, err);
        if (status == TN_OK && index != TN_NONE)
            status = tn__flood_source(&f, id, index, err);
    }
    if (status == TN_OK)
        status = tn__flood_run(&f, err);
    if (status == TN_OK)
        status =
            count_reached(&f) <= f.graph.n_nodes / FAR ? spread_near(r->audit, &f, err) : spread_far(r->audit, &f, err);
    if (status == TN_OK)
        status = sum_labels(r, first, &f, err);
    tn__flood_close(&f);
    return status;
}

/* ---- rows ---- */

static bool is_alone(enum tn_audit_grade grade)
{
    return grade == TN_AUDIT_LOST || grade == TN_AUDIT_POSSIBLE;
}

static void add_object(tn_audit_rows *r, tn_audit_row *row, uint32_t id, uint64_t bytes)
{
    const tn_audit *a = r->audit;
    uint64_t excess = tn__audit_excess(a, id), unseen = tn__audit_unseen(a, id);
    uint64_t weight = row->grade == TN_AUDIT_LEAKED ? unseen : excess, most = 0;
    if (row->example != TN_NONE)
        most = row->grade == TN_AUDIT_LEAKED ? tn__audit_unseen(a, row->example) : tn__audit_excess(a, row->example);
    if (row->example == TN_NONE || weight > most || (weight == most && bytes > row->example_bytes)) {
        row->example = id;
        row->example_bytes = bytes;
    }
    row->excess += excess;
    row->unseen += unseen;
    r->grades[row->grade].excess += excess;
    r->grades[row->grade].unseen += unseen;
}

static int add_row(tn_audit_rows *r, enum tn_audit_grade grade, const tn_group *group, tn_error *err)
{
    tn_audit_row row = {.grade = grade,
                        .count = group->count,
                        .bytes = group->bytes,
                        .retained = is_alone(grade) ? 0 : TN_UNKNOWN,
                        .example = TN_NONE,
                        .label = r->labels.size};
    if (tn__buf_append(&r->rows, &row, sizeof row) < 0 ||
        tn__buf_append(&r->labels, group->label, strlen(group->label) + 1) < 0)
        return tn__no_memory(r->audit->snapshot, err);
    return TN_OK;
}

/* Members ascend, and so do the blocks that have their sizes. */
static int add_objects(tn_audit_rows *r, size_t first, const tn_set *members, tn_groups *g, tn_sizes *sizes,
                       tn_error *err)
{
    for (uint32_t id = tn_set_next(members, 0), block = TN_NONE; id != TN_NONE; id = tn_set_next(members, id + 1)) {
        uint32_t index;
        TN_TRY(tn_groups_of(g, id, &index, err));
        if (index == TN_NONE)
            continue;
        if (id / TN_NODE_BLOCK != block) {
            block = id / TN_NODE_BLOCK;
            int more = tn__sizes_block(sizes, block, err);
            if (more < 0)
                return more;
        }
        add_object(r, tn__audit_row(r, first + index), id, tn__block_at(&sizes->size, id % TN_NODE_BLOCK));
    }
    return TN_OK;
}

static int add_groups(tn_audit_rows *r, enum tn_audit_grade grade, const tn_set *members, tn_groups *g, tn_error *err)
{
    size_t first = tn__audit_n_rows(r);
    tn_audit_total *sum = &r->grades[grade];
    tn_sizes sizes;
    for (uint32_t i = 0; i < tn_groups_count(g); i++) {
        tn_group group;
        TN_TRY(tn_groups_row(g, i, &group, err));
        TN_TRY(add_row(r, grade, &group, err));
    }
    TN_TRY(tn__sizes_open(r->audit->snapshot, &sizes, err));
    int status = add_objects(r, first, members, g, &sizes, err);
    tn__sizes_close(&sizes);
    if (status == TN_OK && is_alone(grade))
        status = retain(r, first, members, g, err);
    tn_groups_total(g, &sum->count, &sum->bytes);
    return status;
}

static int add_grade(tn_audit_rows *r, const tn_set *set, enum tn_audit_grade grade, enum tn_by by, tn_error *err)
{
    tn_snapshot *s = r->audit->snapshot;
    tn_set *members;
    tn_groups *g;
    TN_TRY(tn_audit_set(s, set, grade, &members, err));
    int status = TN_OK;
    if (tn_set_count(members)) {
        status = tn_groups_make(s, members, by, NULL, &g, err);
        if (status == TN_OK) {
            status = add_groups(r, grade, members, g, err);
            tn_groups_free(g);
        }
    }
    tn_set_free(members);
    return status;
}

int tn__audit_rows(tn_snapshot *s, const tn_set *set, enum tn_by by, tn_audit_rows *out, tn_error *err)
{
    tn_audit_rows r = {0};
    TN_TRY(tn__audit(s, &r.audit, err));
    tn__buf_init(&r.rows, tn__snapshot_alloc(s));
    tn__buf_init(&r.labels, tn__snapshot_alloc(s));
    int status = TN_OK;
    for (int grade = TN_AUDIT_LOST; grade < TN_AUDIT_GRADES && status == TN_OK; grade++)
        status = add_grade(&r, set, (enum tn_audit_grade)grade, by, err);
    r.total.count = tn_set_count(set);
    if (status == TN_OK)
        status = tn_set_bytes(s, set, &r.total.bytes, err);
    if (status < 0) {
        tn__audit_rows_free(&r);
        return status;
    }
    *out = r;
    return TN_OK;
}
