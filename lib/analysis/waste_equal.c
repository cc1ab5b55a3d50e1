/* waste_equal.c - values that are there more than once.
 *
 *   leaves: hash of the content (str, bytes), the number itself -> containers bottom-up, of the hashes of what is in them
 *   -> objects of one hash -> all but one of them would go
 *
 * Whatever is not known by its content (instances, functions, what stands in a cycle) is equal to itself alone. Containers
 * that are changed in place are followed too, and all that they are in counts as such: equal now.
 */
#include "analysis/waste.h"

#include <string.h>

enum {
    SEEN = 1,    /* on the stack, or done */
    KNOWN = 2,   /* by its content */
    CHANGES = 4, /* in place, or something in it does */
    FIRST = 8,   /* keeps its place when its equals go */
    HOLDS = 16,  /* a container that is known by what is in it */
};

typedef struct tn_equal_group {
    uint32_t weight, keeper; /* weight: of all that are equal */
} tn_equal_group;

typedef struct tn_equals {
    const tn_waste_heap *heap;
    uint64_t *values; /* hash of the content by object; later the number of its group */
    uint8_t *states;
    tn_buf stack; /* tn_step */
    tn_map map;   /* of hashes */
    tn_buf groups;
} tn_equals;

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
    return x ^ x >> 32;
}

static uint64_t join(uint64_t hash, uint64_t next)
{
    return mix(hash * 0x9e3779b97f4a7c15ull + next);
}

/* ---- leaves ---- */

static bool is_container(const tn_waste_heap *h, uint32_t id)
{
    unsigned style = tn__waste_shape(h, id)->flags & TN_RUN_STYLE;
    switch (tn__waste_type(h, id)) {
    case TN_WASTE_TYPE_TUPLE:
    case TN_WASTE_TYPE_LIST: return style == TN_RUN_ITEMS;
    case TN_WASTE_TYPE_FROZENSET:
    case TN_WASTE_TYPE_SET: return style == TN_RUN_MEMBERS;
    case TN_WASTE_TYPE_DICT: return tn__waste_is_plain_dict(h, id);
    default: return false;
    }
}

/* An object that is equal to itself alone is its number. */
static uint64_t identity(uint32_t node)
{
    return mix(node + 0x517cc1b727220a95ull);
}

static uint64_t type_seed(const tn_waste_heap *h, uint32_t id)
{
    return mix(tn__waste_shape(h, id)->type + 0x2545f4914f6cdd1dull);
}

/* What tells arrays of equal bytes apart: a numpy array's dtype. The room of its dimensions does not tell their number. */
static uint64_t form_of(const tn_waste_heap *h, const tn_waste_cursor *c)
{
    uint64_t form = 0, first = h->graph.offsets[c->id];
    for (uint32_t i = 0; i < tn__waste_shape(h, c->id)->n_fixed; i++)
        form = join(form, h->graph.targets[first + i]);
    return form;
}

/* Texts, and data that is changed in place. Of data no other looks like the capture has no hash. */
static void know_bytes(tn_equals *q)
{
    tn_waste_cursor c = {0};
    while (tn__waste_next(q->heap, &c)) {
        enum tn_waste_type type = tn__waste_type(q->heap, c.id);
        bool data = tn__waste_is_data(q->heap, c.id) && c.length;
        q->values[c.id] = identity(c.id);
        q->states[c.id] = is_container(q->heap, c.id) ? HOLDS : 0;
        bool text = type == TN_WASTE_TYPE_STR || (type == TN_WASTE_TYPE_BYTES && !tn__set_test(q->heap->inner, c.id));
        if (!(data || text) || c.hash == TN_UNKNOWN || c.hash == 0)
            continue;
        q->values[c.id] = join(join(type_seed(q->heap, c.id), c.hash), c.length);
        if (data)
            q->values[c.id] = join(q->values[c.id], form_of(q->heap, &c));
        q->states[c.id] |= data ? KNOWN | CHANGES : KNOWN;
    }
}

static bool is_number(const tn_waste_heap *h, uint32_t id, uint16_t kind)
{
    switch (tn__waste_type(h, id)) {
    case TN_WASTE_TYPE_INT: return kind == TN_PREVIEW_INT;
    case TN_WASTE_TYPE_FLOAT: return kind == TN_PREVIEW_FLOAT;
    case TN_WASTE_TYPE_COMPLEX: return kind == TN_PREVIEW_COMPLEX;
    default: return false;
    }
}

/* Numbers of which all bytes are recorded. */
static int know_numbers(tn_equals *q, tn_error *err)
{
    tn_preview_block b;
    int status = TN_OK;
    for (size_t k = 0; (status = tn__preview_block(q->heap->snapshot, k, 0, &b, err)) == TN_OK; k++) {
        const uint8_t *bytes = b.bytes;
        for (uint32_t i = 0; i < b.n; bytes += b.lengths[i++]) {
            uint32_t id = b.nodes[i];
            if (id >= q->heap->graph.n_objects || !is_number(q->heap, id, b.kinds[i]))
                continue;
            uint64_t hash = type_seed(q->heap, id), word;
            for (unsigned at = 0; at + sizeof word <= b.lengths[i]; at += sizeof word) {
                memcpy(&word, bytes + at, sizeof word);
                hash = join(hash, word);
            }
            q->values[id] = hash;
            q->states[id] |= KNOWN;
        }
    }
    return status == TN_ENOTFOUND ? TN_OK : status;
}

/* ---- containers ---- */

typedef struct tn_step {
    uint64_t edge;
    uint32_t id;
} tn_step;

static uint64_t value_of(const tn_equals *q, uint32_t node)
{
    if (node == TN_NONE)
        return 0;
    return node < q->heap->graph.n_objects ? q->values[node] : identity(node);
}

/* Members and entries have no order. false: there is nothing in it. */
static bool content_of(const tn_equals *q, uint32_t id, uint64_t *content)
{
    const tn_graph *g = &q->heap->graph;
    const tn_shape *shape = tn__waste_shape(q->heap, id);
    uint64_t hash = type_seed(q->heap, id), sum = 0, n = 0;
    unsigned style = shape->flags & TN_RUN_STYLE, step = style == TN_RUN_PAIRS ? 2 : 1;
    for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e += step) {
        uint32_t target = g->targets[e];
        if (style == TN_RUN_ITEMS)
            hash = join(hash, value_of(q, target));
        else if (target != TN_NONE && style == TN_RUN_PAIRS)
            sum += join(value_of(q, target), value_of(q, g->targets[e + 1]));
        else if (target != TN_NONE)
            sum += mix(value_of(q, target));
        n += target != TN_NONE;
    }
    *content = join(hash, sum + n);
    return n > shape->n_fixed;
}

static bool changes(const tn_equals *q, uint32_t id)
{
    const tn_graph *g = &q->heap->graph;
    enum tn_waste_type type = tn__waste_type(q->heap, id);
    if (type != TN_WASTE_TYPE_TUPLE && type != TN_WASTE_TYPE_FROZENSET)
        return true;
    for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++)
        if (g->targets[e] < g->n_objects && q->states[g->targets[e]] & CHANGES)
            return true;
    return false;
}

static bool is_waiting(const tn_equals *q, uint32_t node)
{
    return node < q->heap->graph.n_objects && (q->states[node] & (SEEN | HOLDS)) == HOLDS;
}

static void know_container(tn_equals *q, uint32_t id)
{
    bool filled = content_of(q, id, &q->values[id]);
    q->states[id] |= (uint8_t)(SEEN | (filled ? KNOWN : 0) | (changes(q, id) ? CHANGES : 0));
}

/* In order of the references, those that wait for no other container: most of them. Targets lie all over memory: what is needed
 * of them is fetched some references ahead. */
static void know_simple(tn_equals *q)
{
    enum { AHEAD = 24 };
    const tn_graph *g = &q->heap->graph;
    uint64_t n_edges = g->offsets[g->n_nodes];
    for (uint32_t id = 0; id < g->n_objects; id++) {
        if (!is_waiting(q, id))
            continue;
        bool waits = false;
        for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++) {
            uint32_t ahead = e + AHEAD < n_edges ? g->targets[e + AHEAD] : TN_NONE;
            if (ahead < g->n_objects) {
                __builtin_prefetch(&q->states[ahead]);
                __builtin_prefetch(&q->values[ahead]);
            }
            waits |= is_waiting(q, g->targets[e]);
        }
        if (!waits)
            know_container(q, id);
    }
}

static int push(tn_equals *q, uint32_t id, tn_error *err)
{
    tn_step step = {q->heap->graph.offsets[id], id};
    q->states[id] |= SEEN;
    return tn__buf_append(&q->stack, &step, sizeof step) < 0 ? tn__no_memory(q->heap->snapshot, err) : TN_OK;
}

/* What is on the stack still has its identity: a cycle is equal to nothing else. */
static int know_nested(tn_equals *q, uint32_t id, tn_error *err)
{
    const tn_graph *g = &q->heap->graph;
    TN_TRY(push(q, id, err));
    while (q->stack.size) {
        tn_step *top = (tn_step *)(void *)(q->stack.data + q->stack.size - sizeof *top);
        uint32_t at = top->id, next = TN_NONE;
        while (next == TN_NONE && top->edge < g->offsets[at + 1]) {
            uint32_t target = g->targets[top->edge++];
            next = is_waiting(q, target) ? target : TN_NONE;
        }
        if (next != TN_NONE) {
            TN_TRY(push(q, next, err));
            continue;
        }
        know_container(q, at);
        q->stack.size -= sizeof *top;
    }
    return TN_OK;
}

static int know_containers(tn_equals *q, tn_error *err)
{
    enum { ROUNDS = 2 };
    for (unsigned round = 0; round < ROUNDS; round++)
        know_simple(q);
    for (uint32_t id = 0; id < q->heap->graph.n_objects; id++)
        if (is_waiting(q, id))
            TN_TRY(know_nested(q, id, err));
    return TN_OK;
}

/* ---- groups ---- */

static void mark_interned(tn_equals *q)
{
    const tn_graph *g = &q->heap->graph;
    for (uint32_t id = 0; id < g->n_objects; id++) {
        if ((tn__waste_shape(q->heap, id)->flags >> TN_RUN_KIND_SHIFT & 15) != TN_REF_INTERNED)
            continue;
        for (uint64_t e = g->offsets[id]; e < g->offsets[id + 1]; e++)
            if (g->targets[e] < g->n_objects)
                q->states[g->targets[e]] |= FIRST;
    }
}

static bool stays(const tn_equals *q, uint32_t id)
{
    return q->states[id] & FIRST || tn__waste_stays(q->heap, id);
}

static tn_equal_group *group_at(const tn_equals *q, uint64_t number)
{
    return (tn_equal_group *)(void *)q->groups.data + number;
}

/* What stays anyhow, then what is not asked about, then the largest. */
static unsigned rank(const tn_equals *q, uint32_t id)
{
    if (stays(q, id))
        return 2;
    return q->heap->within && !tn__set_test(q->heap->within, id);
}

static bool keeps_better(const tn_equals *q, uint32_t id, uint32_t than)
{
    unsigned a = rank(q, id), b = rank(q, than);
    return a != b ? a > b : q->heap->sizes[id] > q->heap->sizes[than];
}

/* Small values are equal by chance, large ones hardly ever: two of these are told. */
static uint32_t weight_of(const tn_equals *q, uint32_t id)
{
    return q->heap->sizes[id] >= TN_WASTE_LARGE ? TN_WASTE_LEAST_EQUAL / TN_WASTE_LEAST_EQUAL_LARGE : 1;
}

static int group_one(tn_equals *q, uint32_t id, tn_error *err)
{
    uint32_t *value;
    tn_equal_group one = {0, id};
    TN_TRY(tn__map_slot(&q->map, q->values[id], &value, err));
    if (!*value) {
        if (tn__buf_append(&q->groups, &one, sizeof one) < 0)
            return tn__no_memory(q->heap->snapshot, err);
        *value = (uint32_t)(q->groups.size / sizeof one);
    }
    q->values[id] = *value - 1;
    tn_equal_group *g = group_at(q, *value - 1);
    g->weight += g->weight < TN_WASTE_LEAST_EQUAL ? weight_of(q, id) : 0;
    if (keeps_better(q, id, g->keeper))
        g->keeper = id;
    return TN_OK;
}

/* Most values are there once or twice: what shares its place in a table of small counters with too few others is equal to too
 * few, and needs no group. */
static int leave_out_rare(tn_equals *q, tn_error *err)
{
    enum { AHEAD = 16 };
    uint32_t n = q->heap->graph.n_objects, size = 1024;
    while (size < n && size < 1u << 30)
        size *= 2;
    uint8_t *counts = tn__alloc_zero(q->heap->alloc, size);
    if (!counts)
        return tn__no_memory(q->heap->snapshot, err);
    for (uint32_t id = 0; id < n; id++) {
        uint8_t *count = &counts[q->values[id] & (size - 1)];
        __builtin_prefetch(&counts[q->values[id + AHEAD < n ? id + AHEAD : id] & (size - 1)], 1);
        if (q->states[id] & KNOWN && *count < TN_WASTE_LEAST_EQUAL)
            *count = (uint8_t)(*count + weight_of(q, id));
    }
    for (uint32_t id = 0; id < n; id++) {
        __builtin_prefetch(&counts[q->values[id + AHEAD < n ? id + AHEAD : id] & (size - 1)]);
        if (counts[q->values[id] & (size - 1)] < TN_WASTE_LEAST_EQUAL)
            q->states[id] &= (uint8_t)~KNOWN;
    }
    tn__free(q->heap->alloc, counts, size);
    return TN_OK;
}

static int group_all(tn_equals *q, tn_error *err)
{
    TN_TRY(leave_out_rare(q, err));
    for (uint32_t id = 0; id < q->heap->graph.n_objects; id++)
        if (q->states[id] & KNOWN)
            TN_TRY(group_one(q, id, err));
    return TN_OK;
}

static enum tn_waste_kind kind_of(const tn_equals *q, uint32_t id)
{
    if (tn__waste_is_data(q->heap, id))
        return TN_WASTE_EQUAL_DATA;
    if (q->states[id] & CHANGES)
        return TN_WASTE_EQUAL_CONTAINER;
    switch (tn__waste_type(q->heap, id)) {
    case TN_WASTE_TYPE_STR:
    case TN_WASTE_TYPE_BYTES: return TN_WASTE_EQUAL_TEXT;
    case TN_WASTE_TYPE_TUPLE:
    case TN_WASTE_TYPE_FROZENSET: return TN_WASTE_EQUAL_TUPLE;
    default: return TN_WASTE_EQUAL_NUMBER;
    }
}

static int tell(tn_equals *q, tn_waste *w, tn_error *err)
{
    for (uint32_t id = 0; id < q->heap->graph.n_objects; id++) {
        if (!(q->states[id] & KNOWN))
            continue;
        const tn_equal_group *g = group_at(q, q->values[id]);
        if (g->weight < TN_WASTE_LEAST_EQUAL || g->keeper == id || stays(q, id))
            continue;
        TN_TRY(tn__waste_add(q->heap, &w->items[kind_of(q, id)], id, TN_NONE, q->heap->sizes[id], err));
    }
    return TN_OK;
}

static int find(tn_equals *q, tn_waste *w, tn_error *err)
{
    know_bytes(q);
    TN_TRY(know_numbers(q, err));
    TN_TRY(know_containers(q, err));
    mark_interned(q);
    TN_TRY(group_all(q, err));
    return tell(q, w, err);
}

int tn__waste_equal(tn_waste *w, tn_error *err)
{
    const tn_waste_heap *h = &w->heap;
    uint32_t n = h->graph.n_objects;
    tn_equals q = {.heap = h, .map = {.alloc = h->alloc}};
    tn__buf_init(&q.stack, h->alloc);
    tn__buf_init(&q.groups, h->alloc);
    q.values = tn__alloc(h->alloc, n * sizeof *q.values);
    q.states = tn__alloc_zero(h->alloc, n);
    int status = q.values && q.states ? find(&q, w, err) : tn__no_memory(h->snapshot, err);
    tn__free(h->alloc, q.values, n * sizeof *q.values);
    tn__free(h->alloc, q.states, n);
    tn__map_free(&q.map);
    tn__buf_free(&q.stack);
    tn__buf_free(&q.groups);
    return status;
}
