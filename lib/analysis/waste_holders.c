/* waste_holders.c - what holds the items of findings: groups of the kind `via`, and where these say no more than list[…] those of
 * the list that they are in.
 *
 *   float <- list <- app.Series.values     "app.Series.values[…]", in place of "list[…]" for the floats of all lists
 */
#include "analysis/waste.h"

#include <stdlib.h>
#include <string.h>

static const char *const nameless[] = {"list[…]", "tuple[…]", "collections.deque[…]"};
static const char item[] = "[…]";

static bool is_nameless(const char *label)
{
    for (size_t i = 0; i < sizeof nameless / sizeof *nameless; i++)
        if (strcmp(label, nameless[i]) == 0)
            return true;
    return false;
}

/* *out NULL: there are none. */
static int find_nameless(const tn_waste_holders *h, tn_groups *groups, uint8_t **out, tn_error *err)
{
    uint32_t n = tn_groups_count(groups);
    bool any = false;
    uint8_t *marks = tn__alloc(h->heap->alloc, n);
    int status = marks ? TN_OK : tn__no_memory(h->heap->snapshot, err);
    for (uint32_t i = 0; i < n && status == TN_OK; i++) {
        tn_group group;
        status = tn_groups_row(groups, i, &group, err);
        marks[i] = status == TN_OK && is_nameless(group.label);
        any |= marks[i];
    }
    if (status == TN_OK && any)
        *out = marks;
    else
        tn__free(h->heap->alloc, marks, n);
    return status;
}

static bool is_sequence(const tn_waste_heap *heap, uint32_t id)
{
    enum tn_waste_type type = tn__waste_type(heap, id);
    return type == TN_WASTE_TYPE_LIST || type == TN_WASTE_TYPE_TUPLE || type == TN_WASTE_TYPE_DEQUE;
}

static int find_lists(tn_waste_holders *h, tn_error *err)
{
    const tn_graph *g = &h->heap->graph;
    h->list_of = tn__alloc(h->heap->alloc, g->n_objects * sizeof *h->list_of);
    if (!h->list_of)
        return tn__no_memory(h->heap->snapshot, err);
    memset(h->list_of, 0xff, g->n_objects * sizeof *h->list_of);
    for (uint32_t id = 0; id < g->n_objects; id++)
        for (uint64_t e = g->offsets[id]; is_sequence(h->heap, id) && e < g->offsets[id + 1]; e++)
            if (g->targets[e] < g->n_objects && h->list_of[g->targets[e]] == TN_NONE)
                h->list_of[g->targets[e]] = id;
    return TN_OK;
}

/* The lists that nameless members of a level's set are in. */
static int find_above(tn_waste_holders *h, uint32_t level, const tn_set *set, tn_set **out, tn_error *err)
{
    tn_set *above;
    int status = h->list_of ? TN_OK : find_lists(h, err);
    TN_TRY(status);
    TN_TRY(tn_set_new(h->heap->snapshot, &above, err));
    for (uint32_t id = tn_set_next(set, 0); id != TN_NONE && status == TN_OK; id = tn_set_next(set, id + 1)) {
        uint32_t group, list = h->list_of[id];
        status = tn_groups_of(h->groups[level], id, &group, err);
        if (status == TN_OK && group != TN_NONE && h->nameless[level][group] && list != TN_NONE &&
            !tn__set_test(above, list))
            tn__set_add(above, list);
    }
    if (status == TN_OK)
        *out = above;
    else
        tn_set_free(above);
    return status;
}

static int add_level(tn_waste_holders *h, const tn_set *set, enum tn_by by, tn_error *err)
{
    uint32_t level = h->n_levels;
    TN_TRY(tn_groups_make(h->heap->snapshot, set, by, NULL, &h->groups[level], err));
    h->n_levels++;
    h->starts[h->n_levels] = h->starts[level] + tn_groups_count(h->groups[level]);
    return TN_OK;
}

int tn__waste_holders_make(const tn_waste *w, const tn_set *set, tn_waste_holders *out, tn_error *err)
{
    tn_set *made = NULL;
    out->heap = &w->heap;
    int status = add_level(out, set, w->grouped ? w->by : TN_BY_VIA, err);
    while (status == TN_OK && !w->grouped && out->n_levels < TN_WASTE_LEVELS) {
        uint32_t level = out->n_levels - 1;
        tn_set *above = NULL;
        status = find_nameless(out, out->groups[level], &out->nameless[level], err);
        if (status < 0 || !out->nameless[level])
            break;
        status = find_above(out, level, made ? made : set, &above, err);
        tn_set_free(made);
        made = above;
        if (status == TN_OK)
            status = add_level(out, made, TN_BY_VIA, err);
    }
    tn_set_free(made);
    return status;
}

void tn__waste_holders_free(tn_waste_holders *h)
{
    for (uint32_t i = 0; i < TN_WASTE_LEVELS; i++) {
        if (h->nameless[i])
            tn__free(h->heap->alloc, h->nameless[i], tn_groups_count(h->groups[i]));
        tn_groups_free(h->groups[i]);
    }
    if (h->list_of)
        tn__free(h->heap->alloc, h->list_of, h->heap->graph.n_objects * sizeof *h->list_of);
}

uint32_t tn__waste_holders_count(const tn_waste_holders *h)
{
    return h->starts[h->n_levels];
}

int tn__waste_holders_of(const tn_waste_holders *h, uint32_t id, uint32_t *number, tn_error *err)
{
    for (uint32_t level = 0;; level++) {
        uint32_t group, above = h->list_of ? h->list_of[id] : TN_NONE;
        TN_TRY(tn_groups_of(h->groups[level], id, &group, err));
        *number = group == TN_NONE ? TN_NONE : h->starts[level] + group;
        if (group == TN_NONE || level + 1 >= h->n_levels || !h->nameless[level][group] || above == TN_NONE)
            return TN_OK;
        id = above;
    }
}

int tn__waste_holders_label(const tn_waste_holders *h, uint32_t number, tn_arena *arena, const char **label,
                            tn_error *err)
{
    uint32_t level = 0;
    tn_group group;
    while (number >= h->starts[level + 1])
        level++;
    TN_TRY(tn_groups_row(h->groups[level], number - h->starts[level], &group, err));
    size_t n = strlen(group.label), step = sizeof item - 1;
    bool several = level && strstr(group.label, ", ");
    char *text = tn__arena_get(arena, n + 2 * several + level * step + 1), *at = text;
    if (!text)
        return tn__no_memory(h->heap->snapshot, err);
    if (several)
        *at++ = '(';
    memcpy(at, group.label, n);
    at += n;
    if (several)
        *at++ = ')';
    for (uint32_t i = 0; i < level; i++, at += step)
        memcpy(at, item, step);
    *at = '\0';
    *label = text;
    return TN_OK;
}
