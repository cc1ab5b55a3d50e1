/* group_order.c - groups in order: two stable sorts, by kind and then by what was asked for; there may be millions. */
#include "analysis/partition.h"

#include <string.h>

static uint64_t value_of(const tn_groups *g, const tn_group_sum *sum, enum tn_groups_column column)
{
    switch (column) {
    case TN_GROUPS_SIZE: return sum->bytes;
    case TN_GROUPS_COUNT: return sum->count;
    case TN_GROUPS_LARGEST: return sum->top;
    default: return tn__by_number(g->by) ? tn__group_number(g, sum->key) : sum->key;
    }
}

/* Items in the order that the groups have now; true when it is the one that is wanted. */
static bool fill_items(const tn_groups *g, enum tn_groups_column column, bool descending, tn_sort_item *items,
                       uint64_t *differing)
{
    bool sorted = true;
    for (size_t i = 0; i < g->n; i++) {
        uint64_t value = value_of(g, &g->sums[i], column);
        items[i] = (tn_sort_item){descending ? ~value : value, i};
        *differing |= items[i].value ^ items[0].value;
        sorted &= i == 0 || items[i - 1].value <= items[i].value;
    }
    return sorted;
}

static int sort_by(tn_groups *g, enum tn_groups_column column, bool descending, tn_error *err)
{
    uint64_t differing = 0;
    tn_group_sum *sums = NULL;
    tn_sort_item *items = tn__alloc(g->alloc, 2 * g->n * sizeof *items);
    bool done = items && fill_items(g, column, descending, items, &differing);
    if (items && !done)
        sums = tn__alloc(g->alloc, g->capacity * sizeof *sums);
    if (sums) {
        const tn_sort_item *sorted = tn__radix_sort(items, items + g->n, g->n, differing);
        for (size_t i = 0; i < g->n; i++)
            sums[i] = g->sums[sorted[i].at];
        tn__free(g->alloc, g->sums, g->capacity * sizeof *sums);
        g->sums = sums;
        done = true;
    }
    tn__free(g->alloc, items, 2 * g->n * sizeof *items);
    return done ? TN_OK : tn__no_memory(g->snapshot, err);
}

int tn_groups_sort(tn_groups *g, enum tn_groups_column column, bool descending, tn_error *err)
{
    tn__groups_forget(g);
    if (g->n < 2)
        return TN_OK;
    if (g->singles)
        return tn__singles_sort(g, column, descending, err);
    TN_TRY(sort_by(g, TN_GROUPS_KIND, tn__by_number(g->by), err));
    return column == TN_GROUPS_KIND && descending == tn__by_number(g->by) ? TN_OK : sort_by(g, column, descending, err);
}
