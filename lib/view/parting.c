/* parting.c - which group a node falls into, and rows of such groups in order. */
#include "view/parting.h"

#include <string.h>

int tn__parting_open(tn_snapshot *s, const tn_set *set, enum tn_by by, bool fold, tn_parting *out, tn_error *err)
{
    tn_parting p = {.snapshot = s};
    tn__buf_init(&p.label, tn__snapshot_alloc(s));
    TN_TRY(tn__graph(s, &p.graph, err));
    TN_TRY(tn_groups_make(s, set, by, &(tn_groups_options){.fold = fold}, &p.groups, err));
    int status = tn_groups_sort(p.groups, TN_GROUPS_KIND, false, err);
    p.n_places = tn_groups_count(p.groups) + tn_snapshot_n_types(s) + 1;
    if (status < 0)
        tn_groups_free(p.groups);
    else
        *out = p;
    return status;
}

void tn__parting_close(tn_parting *p)
{
    if (!p->groups)
        return;
    tn_groups_free(p->groups);
    tn__buf_free(&p->label);
}

int tn__place_of(tn_parting *p, uint32_t node, uint32_t *place, tn_error *err)
{
    uint32_t index, type = p->graph.table[p->graph.shapes[node]].type;
    tn_type about;
    TN_TRY(tn_groups_of(p->groups, node, &index, err));
    if (index == TN_NONE) {
        TN_TRY(tn_snapshot_type(p->snapshot, type, &about));
        bool keys = node >= p->graph.n_objects && strcmp(about.name, "shared keys") == 0;
        index = keys ? tn__place_of_keys(p) : tn_groups_count(p->groups) + type;
    }
    *place = index;
    return TN_OK;
}

int tn__place_label(tn_parting *p, uint32_t place, const char **label, tn_error *err)
{
    uint32_t n = tn_groups_count(p->groups);
    tn_group group;
    tn_type type;
    *label = "(shared keys of dicts)";
    if (place == tn__place_of_keys(p))
        return TN_OK;
    if (place < n) {
        TN_TRY(tn_groups_row(p->groups, place, &group, err));
        *label = group.label;
        return TN_OK;
    }
    TN_TRY(tn_snapshot_type(p->snapshot, place - n, &type));
    size_t room = strlen(type.full_name) + sizeof "()";
    if (tn__buf_reserve(&p->label, room) < 0)
        return tn__no_memory(p->snapshot, err);
    tn__compose((char *)p->label.data, room, "(%s)", type.full_name);
    *label = (const char *)p->label.data;
    return TN_OK;
}

int tn__place_json(tn_parting *p, uint32_t place, tn_json *j, tn_error *err)
{
    const char *label;
    tn_group group;
    if (p->groups->by == TN_BY_SIZE && place < tn_groups_count(p->groups)) {
        TN_TRY(tn_groups_row(p->groups, place, &group, err));
        tn__json_u64(j, tn__by_key(p->groups->by), group.number);
        return TN_OK;
    }
    TN_TRY(tn__place_label(p, place, &label, err));
    tn__json_string(j, tn__by_key(p->groups->by), label);
    return TN_OK;
}

const char *tn__place_heading(enum tn_by by)
{
    return by == TN_BY_TYPE ? "Type" : by == TN_BY_MODULE ? "Module" : tn__by_heading(by);
}

/* ---- rows ---- */

int tn__place_sums_open(const tn_parting *p, tn_place_sums *out, tn_error *err)
{
    tn_place_sums sums = {.alloc = tn__snapshot_alloc(p->snapshot), .n = p->n_places, .capacity = p->n_places};
    sums.rows = tn__alloc_zero(sums.alloc, sums.capacity * sizeof *sums.rows);
    if (!sums.rows)
        return tn__no_memory(p->snapshot, err);
    for (uint32_t i = 0; i < sums.n; i++)
        sums.rows[i].place = i;
    *out = sums;
    return TN_OK;
}

static uint64_t value_of(const tn_place_sum *row, enum tn_place_column column)
{
    switch (column) {
    case TN_PLACE_RETAINED: return row->retained;
    case TN_PLACE_COUNT: return row->count;
    case TN_PLACE_ROWS: return row->rows;
    case TN_PLACE_SIZE: return row->size;
    default: return row->place;
    }
}

int tn__place_sums_sort(tn_place_sums *sums, enum tn_place_column column, bool descending, tn_snapshot *s,
                        tn_error *err)
{
    uint32_t n = 0;
    tn_order_key *keys = tn__alloc(sums->alloc, sums->n * sizeof *keys);
    tn_place_sum *sorted = tn__alloc(sums->alloc, sums->capacity * sizeof *sorted);
    bool enough = keys && sorted;
    for (uint32_t i = 0; enough && i < sums->n; i++)
        if (sums->rows[i].rows)
            keys[n++] = (tn_order_key){.number = value_of(&sums->rows[i], column), .text = "", .row = i};
    if (enough) {
        tn__order_sort(keys, n, descending);
        for (uint32_t i = 0; i < n; i++)
            sorted[i] = sums->rows[keys[i].row];
    }
    tn__free(sums->alloc, keys, sums->n * sizeof *keys);
    if (!enough) {
        tn__free(sums->alloc, sorted, sums->capacity * sizeof *sorted);
        return tn__no_memory(s, err);
    }
    tn__free(sums->alloc, sums->rows, sums->capacity * sizeof *sums->rows);
    sums->rows = sorted;
    sums->n = n;
    return TN_OK;
}

void tn__place_sums_close(tn_place_sums *sums)
{
    if (sums->rows)
        tn__free(sums->alloc, sums->rows, sums->capacity * sizeof *sums->rows);
}
