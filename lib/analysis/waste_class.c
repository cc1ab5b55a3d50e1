/* waste_class.c - attributes of instances: what __slots__ would hold in less, and dicts that share their keys no more.
 *
 *   pass 1: of each class its instances, their bytes, and which attributes how many of them have
 *   pass 2: of each instance what would go
 *
 * An instance is its own block, its values and its dict, as the file has them; the same attributes in slots are a word each
 * behind what the bases without a __dict__ take.
 */
#include "analysis/waste_class.h"

#include <string.h>

enum { MOST_ATTRIBUTES = 64, NO_PLACE = 255, LEAST_SHARING = 10 };

static void find_weak(tn_classes *k)
{
    const tn_graph *g = &k->heap->graph;
    for (uint32_t id = 0; id < g->n_objects; id++) {
        if (tn__node_holding(g, id) == TN_HOLDS_ALL)
            continue;
        for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++)
            if (g->targets[e] < g->n_objects && tn__edge_kind(g, id, e) == TN_REF_WEAK)
                k->classes[tn__waste_shape(k->heap, g->targets[e])->type].weak = true;
    }
}

/* ---- attributes ---- */

static uint32_t attribute_number(tn_instances *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_attributes; i++)
        if (strcmp(c->attributes[i].name, name) == 0)
            return i;
    if (c->n_attributes == MOST_ATTRIBUTES)
        return NO_PLACE;
    c->attributes[c->n_attributes] = (tn_attribute){.name = name, .key = TN_NONE};
    return c->n_attributes++;
}

/* NO_PLACE: not known by name, or one too many. */
static int key_number(tn_classes *k, tn_instances *c, uint32_t key, uint32_t *number, tn_error *err)
{
    tn_preview preview;
    for (*number = 0; *number < c->n_attributes; ++*number)
        if (c->attributes[*number].key == key)
            return TN_OK;
    *number = NO_PLACE;
    TN_TRY(tn__snapshot_preview(k->heap->snapshot, key, &preview, err));
    if (preview.kind != TN_PREVIEW_TEXT || !preview.length)
        return TN_OK;
    const char *name = tn__arena_text(&k->waste->arena, (const char *)preview.bytes, preview.length);
    if (!name)
        return tn__no_memory(k->heap->snapshot, err);
    *number = attribute_number(c, name);
    if (*number != NO_PLACE)
        c->attributes[*number].key = key;
    return TN_OK;
}

static bool is_attribute(const tn_waste_heap *h, const tn_shape *shape, uint32_t i)
{
    const char *name = tn__snapshot_string(h->snapshot, shape->labels[2 * i]);
    unsigned style = shape->labels[2 * i + 1] & 255, kind = shape->labels[2 * i + 1] >> 8;
    return (style == TN_LABEL_ATTRIBUTE || style == TN_LABEL_ITEM) && kind == TN_REF_OWNING && *name &&
           strcmp(name, "__dict__") != 0 && strcmp(name, "__class__") != 0;
}

static int place_attributes(tn_classes *k, tn_instances *c, uint32_t type, uint32_t number, tn_error *err)
{
    const tn_shape *shape = &k->heap->graph.table[number];
    if (k->places[number] && k->placed_for[number] == type)
        return TN_OK;
    if (!k->places[number])
        k->places[number] = tn__arena_get(&k->waste->arena, shape->n_fixed + 1);
    if (!k->places[number])
        return tn__no_memory(k->heap->snapshot, err);
    k->placed_for[number] = type;
    for (uint32_t i = 0; i < shape->n_fixed; i++) {
        uint32_t place = NO_PLACE;
        if (is_attribute(k->heap, shape, i))
            place = attribute_number(c, tn__snapshot_string(k->heap->snapshot, shape->labels[2 * i]));
        if (is_attribute(k->heap, shape, i) && place == NO_PLACE)
            c->wanted = false;
        k->places[number][i] = (uint8_t)place;
    }
    return TN_OK;
}

static int count_fixed(tn_classes *k, tn_instances *c, uint32_t type, uint32_t id, int way, tn_error *err)
{
    const tn_graph *g = &k->heap->graph;
    uint32_t number = g->shapes[id];
    TN_TRY(place_attributes(k, c, type, number, err));
    for (uint32_t i = 0; i < g->table[number].n_fixed; i++)
        if (k->places[number][i] != NO_PLACE && g->targets[g->offsets[id] + i] != TN_NONE)
            c->attributes[k->places[number][i]].filled[way]++;
    return TN_OK;
}

static int count_keys(tn_classes *k, tn_instances *c, uint32_t dict, tn_error *err)
{
    const tn_graph *g = &k->heap->graph;
    for (uint64_t e = g->offsets[dict]; e < g->offsets[dict + 1]; e += 2) {
        uint32_t number;
        if (g->targets[e] == TN_NONE)
            continue;
        TN_TRY(key_number(k, c, g->targets[e], &number, err));
        if (number == NO_PLACE)
            c->wanted = false;
        else
            c->attributes[number].filled[UNSHARED]++;
    }
    return TN_OK;
}

/* ---- pass 1 ---- */

static int way_of(const tn_waste_heap *h, uint32_t dict)
{
    bool table = dict != TN_NONE && tn__waste_shape(h, dict)->n_fixed == 0 &&
                 (tn__waste_shape(h, dict)->flags & TN_RUN_STYLE) == TN_RUN_PAIRS;
    return table ? UNSHARED : SHARED;
}

/* Without what a base has in buffers: elements, entries, text. Those stay. */
static uint64_t own_bytes(const tn_waste_heap *h, const tn_waste_cursor *at)
{
    uint64_t size = h->sizes[at->id], stays = at->buffers - at->buffer_bytes[TN_BUFFER_VALUES];
    return size > stays ? size - stays : 0;
}

static int count_instance(tn_classes *k, uint32_t type, const tn_waste_cursor *at, tn_error *err)
{
    uint32_t id = at->id;
    const tn_waste_heap *h = k->heap;
    tn_instances *c = &k->classes[type];
    uint32_t dict = tn__waste_dict_of(h, id);
    int way = way_of(h, dict);
    if (!c->attributes)
        c->attributes = tn__arena_get(&k->waste->arena, MOST_ATTRIBUTES * sizeof *c->attributes);
    if (!c->attributes)
        return tn__no_memory(h->snapshot, err);
    /* a dict that somebody else holds stays; another type of dict was made on purpose */
    if (dict != TN_NONE &&
        (tn__waste_type(h, dict) != TN_WASTE_TYPE_DICT || !h->refcounts || h->refcounts[dict] != 1)) {
        c->wanted = false;
        return TN_OK;
    }
    TN_TRY(count_fixed(k, c, type, id, way, err));
    if (way == UNSHARED)
        TN_TRY(count_keys(k, c, dict, err));
    else if (dict != TN_NONE)
        TN_TRY(count_fixed(k, c, type, dict, way, err));
    c->count[way]++;
    c->asked += dict != TN_NONE;
    c->bytes[way] += own_bytes(h, at) + (dict == TN_NONE ? 0 : h->sizes[dict]);
    return TN_OK;
}

/* ---- what would be saved ---- */

int tn__waste_tell_class(tn_classes *k, enum tn_waste_kind kind, const tn_waste_class *one, tn_error *err)
{
    return tn__buf_append(&k->waste->classes[kind], one, sizeof *one) < 0 ? tn__no_memory(k->heap->snapshot, err)
                                                                          : TN_OK;
}

/* The attribute that most of those that do not share have and none that shares; or that these have and those lack. */
static int tell_unshared(tn_classes *k, uint32_t type, tn_error *err)
{
    const tn_instances *c = &k->classes[type];
    const tn_attribute *extra = NULL, *lost = NULL;
    for (uint32_t i = 0; i < c->n_attributes; i++) {
        const tn_attribute *a = &c->attributes[i];
        if (!a->filled[SHARED] && a->filled[UNSHARED] * 2 > c->count[UNSHARED] &&
            (!extra || a->filled[UNSHARED] > extra->filled[UNSHARED]))
            extra = a;
        if (a->filled[SHARED] * 2 > c->count[SHARED] && a->filled[UNSHARED] * 2 < c->count[UNSHARED] && !lost)
            lost = a;
    }
    const tn_attribute *found = lost ? lost : extra;
    tn_waste_class one = {.type = type, .attributes = found ? found->name : NULL, .missing = lost != NULL};
    return tn__waste_tell_class(k, TN_WASTE_UNSHARED, &one, err);
}

static bool has_unshared(const tn_instances *c)
{
    return c->wanted && c->count[SHARED] >= LEAST_SHARING && c->count[UNSHARED];
}

static int decide(tn_classes *k, tn_error *err)
{
    for (uint32_t type = 0; type < k->n_types; type++) {
        TN_TRY(tn__slots_decide(k, type, err));
        if (has_unshared(&k->classes[type]))
            TN_TRY(tell_unshared(k, type, err));
    }
    return TN_OK;
}

/* ---- pass 2 ---- */

static uint64_t above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static int tell_instance(tn_classes *k, uint32_t type, const tn_waste_cursor *at, tn_error *err)
{
    uint32_t id = at->id;
    const tn_waste_heap *h = k->heap;
    const tn_instances *c = &k->classes[type];
    uint32_t dict = tn__waste_dict_of(h, id);
    uint64_t own = own_bytes(h, at), of_dict = dict == TN_NONE ? 0 : h->sizes[dict];
    if (c->slots) {
        tn_buf *items = &k->waste->items[TN_WASTE_SLOTS];
        TN_TRY(tn__waste_add_part(h, items, id, type, above(own, c->slot_bytes), err));
        if (dict != TN_NONE)
            TN_TRY(tn__waste_add_part(h, items, dict, type, above(of_dict, above(c->slot_bytes, own)), err));
    }
    if (has_unshared(c) && way_of(h, dict) == UNSHARED) {
        uint64_t saved = above(own + of_dict, c->bytes[SHARED] / c->count[SHARED]);
        saved = saved < of_dict ? saved : of_dict;
        TN_TRY(tn__waste_add(h, &k->waste->items[TN_WASTE_UNSHARED], dict, type, saved, err));
    }
    return TN_OK;
}

static int each_instance(tn_classes *k, int (*each)(tn_classes *, uint32_t type, const tn_waste_cursor *, tn_error *),
                         tn_error *err)
{
    tn_waste_cursor at = {0};
    while (tn__waste_next(k->heap, &at)) {
        uint32_t type = tn__waste_shape(k->heap, at.id)->type;
        if (k->classes[type].wanted)
            TN_TRY(each(k, type, &at, err));
    }
    return TN_OK;
}

static int find(tn_classes *k, tn_error *err)
{
    for (uint32_t t = 0; t < k->n_types; t++)
        k->classes[t].wanted = tn__slots_wanted(k->heap, t, &k->classes[t].base_bytes);
    find_weak(k);
    TN_TRY(each_instance(k, count_instance, err));
    TN_TRY(decide(k, err));
    return each_instance(k, tell_instance, err);
}

int tn__waste_classes(tn_waste *w, tn_error *err)
{
    const tn_alloc *a = w->heap.alloc;
    uint32_t n_types = tn_snapshot_n_types(w->heap.snapshot), n_shapes = w->heap.graph.n_shapes;
    tn_classes k = {.waste = w, .heap = &w->heap, .n_types = n_types};
    k.classes = tn__alloc_zero(a, n_types * sizeof *k.classes);
    k.places = tn__alloc_zero(a, n_shapes * sizeof *k.places);
    k.placed_for = tn__alloc_zero(a, n_shapes * sizeof *k.placed_for);
    bool all = k.classes && k.places && k.placed_for;
    int status = all ? find(&k, err) : tn__no_memory(w->heap.snapshot, err);
    tn__free(a, k.classes, n_types * sizeof *k.classes);
    tn__free(a, k.places, n_shapes * sizeof *k.places);
    tn__free(a, k.placed_for, n_shapes * sizeof *k.placed_for);
    return status;
}
