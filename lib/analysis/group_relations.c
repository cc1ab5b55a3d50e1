/* group_relations.c - the group of an object, and which groups refer to which, how often. */
#include "analysis/partition.h"

#include <string.h>

/* Row of every object that was parted, TN_NONE of others; of folded dicts that of what they are folded into. */
static int fill_rows(tn_groups *g, uint32_t *rows_of, tn_error *err)
{
    tn_scan *scan;
    uint32_t rows[TN_TILE];
    int more;
    TN_TRY(tn__groups_scan(g, &scan, err));
    while ((more = tn__groups_next_tile(g, scan, rows, err)) > 0)
        for (uint32_t i = 0; i < scan->n; i++)
            rows_of[scan->first + i] = scan->state[i] == TN_ROW_SELECTED ? rows[i] : TN_NONE;
    tn__scan_close(scan);
    if (more == TN_OK && g->fold)
        tn__fold_rows(g->fold, rows_of);
    return more;
}

static int load_rows(tn_groups *g, tn_error *err)
{
    uint32_t n = tn_snapshot_n_objects(g->snapshot);
    if (g->rows_of)
        return TN_OK;
    uint32_t *rows_of = tn__alloc(g->alloc, n * sizeof *rows_of);
    int status = rows_of ? fill_rows(g, rows_of, err) : tn__no_memory(g->snapshot, err);
    if (status < 0)
        tn__free(g->alloc, rows_of, n * sizeof *rows_of);
    else
        g->rows_of = rows_of;
    return status;
}

/* Place of each row among the groups as they are sorted now. */
static int load_places(tn_groups *g, tn_error *err)
{
    size_t n = g->by == TN_BY_ID ? tn_snapshot_n_objects(g->snapshot) : g->partition->n_rows;
    TN_TRY(load_rows(g, err));
    if (g->places)
        return TN_OK;
    g->places = tn__alloc(g->alloc, n * sizeof *g->places);
    if (!g->places)
        return tn__no_memory(g->snapshot, err);
    g->n_places = n;
    memset(g->places, 0xff, n * sizeof *g->places);
    for (size_t i = 0; i < g->n; i++)
        g->places[tn__groups_sum(g, i).key] = (uint32_t)i;
    return TN_OK;
}

void tn__groups_forget(tn_groups *g)
{
    tn__free(g->alloc, g->places, g->n_places * sizeof *g->places);
    g->places = NULL;
}

static uint32_t place_of(const tn_groups *g, uint32_t node)
{
    uint32_t row = node < tn_snapshot_n_objects(g->snapshot) ? g->rows_of[node] : TN_NONE;
    return row == TN_NONE ? TN_NONE : g->places[row];
}

int tn_groups_of(tn_groups *g, uint32_t node, uint32_t *index, tn_error *err)
{
    TN_TRY(load_places(g, err));
    *index = place_of(g, node);
    for (uint32_t row = 0; row < g->partition->n_heads && *index == TN_NONE; row++) /* a head that was not parted */
        if (g->partition->heads[row] == node)
            *index = g->places[row];
    return TN_OK;
}

int tn_groups_related(tn_groups *g, uint32_t index, bool parents, uint8_t *marks, tn_error *err)
{
    tn_graph graph;
    if (index >= g->n)
        return tn__groups_none(g, index, err);
    TN_TRY(tn__graph(g->snapshot, &graph, err));
    TN_TRY(load_places(g, err));
    memset(marks, 0, g->n);
    for (uint32_t source = 0; source < graph.n_objects; source++) {
        uint32_t from = place_of(g, source);
        if (from == TN_NONE || (!parents && from != index))
            continue;
        for (uint64_t e = graph.offsets[source]; e < graph.offsets[source + 1]; e++) {
            uint32_t to = tn__edge_holds(&graph, source, e) ? place_of(g, graph.targets[e]) : TN_NONE;
            if (to != TN_NONE && (!parents || to == index))
                marks[parents ? from : to] = 1;
        }
    }
    return TN_OK;
}

int tn_groups_edges(tn_groups *g, uint32_t n, uint64_t *counts, tn_error *err)
{
    tn_graph graph;
    if (n > g->n)
        return tn__groups_none(g, n - 1, err);
    TN_TRY(tn__graph(g->snapshot, &graph, err));
    TN_TRY(load_places(g, err));
    memset(counts, 0, (size_t)n * n * sizeof *counts);
    for (uint32_t source = 0; source < graph.n_objects; source++) {
        uint32_t from = place_of(g, source);
        if (from >= n)
            continue;
        for (uint64_t e = graph.offsets[source]; e < graph.offsets[source + 1]; e++) {
            uint32_t to = tn__edge_holds(&graph, source, e) ? place_of(g, graph.targets[e]) : TN_NONE;
            if (to < n)
                counts[(size_t)from * n + to]++;
        }
    }
    return TN_OK;
}
