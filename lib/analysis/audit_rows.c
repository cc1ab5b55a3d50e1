/* audit_rows.c - objects of each grade in groups, with what is not accounted for. */
#include "analysis/audit.h"

#include <string.h>

void tn__audit_rows_free(tn_audit_rows *r)
{
    tn__buf_free(&r->rows);
    tn__buf_free(&r->labels);
}

/* Objects of LOST and POSSIBLE are held by nothing: what one retains no other one does. */
static int add_object(tn_audit_rows *r, tn_audit_row *row, uint32_t id, tn_error *err)
{
    tn_snapshot *s = r->audit->snapshot;
    uint64_t excess = tn__audit_excess(r->audit, id);
    row->excess += excess;
    if (row->example == TN_NONE || excess > tn__audit_excess(r->audit, row->example))
        row->example = id;
    if (row->grade == TN_AUDIT_LOST || row->grade == TN_AUDIT_POSSIBLE) {
        uint64_t bytes;
        uint32_t count;
        TN_TRY(tn_retained(s, id, &bytes, &count, err));
        row->retained += bytes;
    }
    return TN_OK;
}

static int add_row(tn_audit_rows *r, enum tn_audit_grade grade, const tn_group *group, tn_error *err)
{
    bool alone = grade == TN_AUDIT_LOST || grade == TN_AUDIT_POSSIBLE;
    tn_audit_row row = {.grade = grade,
                        .count = group->count,
                        .bytes = group->bytes,
                        .retained = alone ? 0 : TN_UNKNOWN,
                        .example = TN_NONE,
                        .label = r->labels.size};
    if (tn__buf_append(&r->rows, &row, sizeof row) < 0 ||
        tn__buf_append(&r->labels, group->label, strlen(group->label) + 1) < 0)
        return tn__no_memory(r->audit->snapshot, err);
    return TN_OK;
}

static int add_groups(tn_audit_rows *r, enum tn_audit_grade grade, const tn_set *members, tn_groups *g, tn_error *err)
{
    size_t first = tn__audit_n_rows(r);
    tn_audit_total *sum = &r->grades[grade];
    for (uint32_t i = 0; i < tn_groups_count(g); i++) {
        tn_group group;
        TN_TRY(tn_groups_row(g, i, &group, err));
        TN_TRY(add_row(r, grade, &group, err));
    }
    for (uint32_t id = tn_set_next(members, 0); id != TN_NONE; id = tn_set_next(members, id + 1)) {
        uint32_t index;
        TN_TRY(tn_groups_of(g, id, &index, err));
        if (index == TN_NONE)
            continue;
        TN_TRY(add_object(r, tn__audit_row(r, first + index), id, err));
        sum->excess += tn__audit_excess(r->audit, id);
    }
    tn_groups_total(g, &sum->count, &sum->bytes);
    return TN_OK;
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
