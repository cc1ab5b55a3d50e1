/* waste_boxed.c - lists and tuples of numbers, each of which is an object, where an array would hold the bare numbers. */
#include "analysis/waste.h"

typedef struct tn_boxes {
    const tn_waste_heap *heap;
    tn_set *numbers; /* that an item of 8 bytes holds */
    tn_set *hashed;  /* tuples that are keys or members, which no array can be */
} tn_boxes;

/* Keys of pairs, and members. */
static void find_hashed(tn_boxes *b)
{
    const tn_waste_heap *h = b->heap;
    const tn_graph *g = &h->graph;
    for (uint32_t id = 0; id < g->n_objects; id++) {
        const tn_shape *shape = tn__waste_shape(h, id);
        unsigned style = shape->flags & TN_RUN_STYLE;
        if (style != TN_RUN_PAIRS && style != TN_RUN_MEMBERS)
            continue;
        for (uint64_t e = g->offsets[id] + shape->n_fixed; e < g->offsets[id + 1]; e += style == TN_RUN_PAIRS ? 2 : 1) {
            uint32_t key = g->targets[e];
            if (key < g->n_objects && tn__waste_type(h, key) == TN_WASTE_TYPE_TUPLE && !tn__set_test(b->hashed, key))
                tn__set_add(b->hashed, key);
        }
    }
}

static int find_numbers(tn_boxes *b)
{
    enum { MOST_BITS = 63 };
    tn_waste_cursor c = {0};
    while (tn__waste_next(b->heap, &c)) {
        enum tn_waste_type type = tn__waste_type(b->heap, c.id);
        if (type == TN_WASTE_TYPE_FLOAT || (type == TN_WASTE_TYPE_INT && c.length <= MOST_BITS))
            tn__set_add(b->numbers, c.id);
    }
    return TN_OK;
}

/* Whether it goes with the container. */
static bool is_alone(const tn_waste_heap *h, uint32_t id)
{
    return h->refcounts && h->refcounts[id] == 1 && !tn__waste_stays(h, id);
}

/* Bytes of the items that would go; 0 where they are not numbers of one type. */
static uint64_t item_bytes(const tn_boxes *b, uint32_t id)
{
    const tn_waste_heap *h = b->heap;
    const tn_graph *g = &h->graph;
    uint64_t first = g->offsets[id], sum = 0;
    for (uint64_t e = first; e < g->offsets[id + 1]; e++) {
        uint32_t item = g->targets[e];
        if (item >= g->n_objects || !tn__set_test(b->numbers, item) ||
            tn__waste_type(h, item) != tn__waste_type(h, g->targets[first]))
            return 0;
        sum += is_alone(h, item) ? h->sizes[item] : 0;
    }
    return sum;
}

/* Modules/arraymodule.c: the object with its collector's header, and 8 bytes a number. */
static int look_at(tn_waste *w, const tn_boxes *b, uint32_t id, tn_error *err)
{
    enum { ARRAY_OBJECT = 80, ITEM = 8 };
    const tn_waste_heap *h = b->heap;
    const tn_graph *g = &h->graph;
    uint64_t n = g->offsets[id + 1] - g->offsets[id], items = item_bytes(b, id), size = h->sizes[id];
    uint64_t array = tn__waste_block(h, ARRAY_OBJECT) + tn__waste_block(h, ITEM * n);
    if (!items || items + size <= array || items + size - array < (items + size) / 4)
        return TN_OK;
    uint64_t over = array > size ? array - size : 0;
    if (size > array)
        TN_TRY(tn__waste_add(h, &w->items[TN_WASTE_BOXED], id, id, size - array, err));
    for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++) {
        uint32_t item = g->targets[e];
        uint64_t bytes = is_alone(h, item) ? h->sizes[item] : 0, less = over < bytes ? over : bytes;
        over -= less;
        TN_TRY(tn__waste_add(h, &w->items[TN_WASTE_BOXED], item, id, bytes - less, err));
    }
    return TN_OK;
}

int tn__waste_boxed(tn_waste *w, tn_error *err)
{
    const tn_waste_heap *h = &w->heap;
    tn_boxes b = {.heap = h};
    TN_TRY(tn_set_new(h->snapshot, &b.numbers, err));
    int status = tn_set_new(h->snapshot, &b.hashed, err);
    if (status == TN_OK) {
        find_hashed(&b);
        status = find_numbers(&b);
    }
    for (uint32_t id = 0; id < h->graph.n_objects && status == TN_OK; id++) {
        enum tn_waste_type type = tn__waste_type(h, id);
        bool items = tn__waste_shape(h, id)->n_fixed == 0 && !tn__waste_stays(h, id) && !tn__set_test(b.hashed, id);
        if ((type == TN_WASTE_TYPE_LIST || type == TN_WASTE_TYPE_TUPLE) && items &&
            h->graph.offsets[id + 1] - h->graph.offsets[id] >= TN_WASTE_LEAST_BOXED)
            status = look_at(w, &b, id, err);
    }
    tn_set_free(b.numbers);
    tn_set_free(b.hashed);
    return status;
}
