/* parting.c - which group a node falls into, and rows of such groups in order. */
#include "view/parting.h"

#include <string.h>

static int begin(tn_snapshot *s, enum tn_by by, tn_parting *out, tn_error *err)
{
    *out = (tn_parting){.snapshot = s, .by = by};
    tn__buf_init(&out->label, tn__snapshot_alloc(s));
    tn__arena_init(&out->arena, tn__snapshot_alloc(s));
    return tn__graph(s, &out->graph, err);
}

static int end(tn_parting *p, int status, tn_parting *out)
{
    p->n_places = p->n_groups + tn_snapshot_n_types(p->snapshot) + 1;
    if (status < 0)
        tn__parting_close(p);
    else
        *out = *p;
    return status;
}

int tn__parting_open(tn_snapshot *s, const tn_set *set, enum tn_by by, bool fold, tn_parting *out, tn_error *err)
{
    tn_parting p;
    TN_TRY(begin(s, by, &p, err));
    TN_TRY(tn_groups_make(s, set, by, &(tn_groups_options){.fold = fold}, &p.groups, err));
    p.n_groups = tn_groups_count(p.groups);
    return end(&p, tn_groups_sort(p.groups, TN_GROUPS_KIND, false, err), out);
}

int tn__parting_open_tree(tn_snapshot *s, const tn_set *set, enum tn_by by, tn_parting *out, tn_error *err)
{
    tn_parting p;
    if (by != TN_BY_MODULE)
        return tn__parting_open(s, set, by, false, out, err);
    TN_TRY(begin(s, by, &p, err));
    return end(&p, tn__parting_modules(s, set, &p, err), out);
}

void tn__parting_close(tn_parting *p)
{
    if (!tn__parting_is_open(p))
        return;
    tn_groups_free(p->groups);
    tn__free(tn__snapshot_alloc(p->snapshot), p->place_of, p->graph.n_objects * sizeof *p->place_of);
    tn__arena_free(&p->arena);
    tn__buf_free(&p->label);
}

int tn__place_of(tn_parting *p, uint32_t node, uint32_t *place, tn_error *err)
{
    uint32_t index, type = p->graph.table[p->graph.shapes[node]].type;
    tn_type about;
    if (p->groups)
        TN_TRY(tn_groups_of(p->groups, node, &index, err));
    else
        index = node < p->graph.n_objects ? p->place_of[node] : TN_NONE;
    if (index == TN_NONE) {
        TN_TRY(tn_snapshot_type(p->snapshot, type, &about));
        bool keys = node >= p->graph.n_objects && strcmp(about.name, "shared keys") == 0;
        index = keys ? tn__place_of_keys(p) : p->n_groups + type;
    }
    *place = index;
    return TN_OK;
}

int tn__place_label(tn_parting *p, uint32_t place, const char **label, tn_error *err)
{
    tn_group group;
    tn_type type;
    *label = "(shared keys of dicts)";
    if (place == tn__place_of_keys(p))
        return TN_OK;
    if (place < p->n_groups && !p->groups) {
        *label = p->names[place];
        return TN_OK;
    }
    if (place < p->n_groups) {
        TN_TRY(tn_groups_row(p->groups, place, &group, err));
        *label = group.label;
        return TN_OK;
    }
    TN_TRY(tn_snapshot_type(p->snapshot, place - p->n_groups, &type));
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
    if (p->by == TN_BY_SIZE && place < p->n_groups) {
        TN_TRY(tn_groups_row(p->groups, place, &group, err));
        tn__json_u64(j, tn__by_key(p->by), group.number);
        return TN_OK;
    }
    TN_TRY(tn__place_label(p, place, &label, err));
    tn__json_string(j, tn__by_key(p->by), label);
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
