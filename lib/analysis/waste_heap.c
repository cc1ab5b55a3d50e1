/* waste_heap.c - what all finders of waste look at. */
#include "analysis/waste.h"

#include <string.h>

#include "analysis/suspects.h"

/* ---- columns ---- */

static int load_columns(tn_waste_heap *h, tn_error *err)
{
    tn_snapshot *s = h->snapshot;
    uint64_t n;
    TN_TRY(tn__column_u64(s, TN_COL_SIZE, &h->sizes, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_FLAG, &h->flags, &n, err));
    TN_TRY(tn__column_u32(s, TN_COL_REFC, &h->refcounts, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_LENG, &h->lengths, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_CAPA, &h->capacities, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_HASH, &h->hashes, &n, err));
    TN_TRY(tn__column_u64(s, TN_COL_BUFS, &h->buffers, &n, err));
    return tn__column_u32(s, TN_COL_BUFK, &h->buffer_kinds, &n, err);
}

/* ---- types ---- */

static enum tn_waste_type type_named(const char *name)
{
    static const char *const names[] = {
        [TN_WASTE_TYPE_STR] = "str",
        [TN_WASTE_TYPE_BYTES] = "bytes",
        [TN_WASTE_TYPE_INT] = "int",
        [TN_WASTE_TYPE_FLOAT] = "float",
        [TN_WASTE_TYPE_COMPLEX] = "complex",
        [TN_WASTE_TYPE_BYTESIO] = "_io.BytesIO",
        [TN_WASTE_TYPE_TUPLE] = "tuple",
        [TN_WASTE_TYPE_FROZENSET] = "frozenset",
        [TN_WASTE_TYPE_LIST] = "list",
        [TN_WASTE_TYPE_DICT] = "dict",
        [TN_WASTE_TYPE_SET] = "set",
        [TN_WASTE_TYPE_DEQUE] = "collections.deque",
        [TN_WASTE_TYPE_BYTEARRAY] = "bytearray",
        [TN_WASTE_TYPE_ARRAY] = "array.array",
        [TN_WASTE_TYPE_NDARRAY] = "numpy.ndarray",
    };
    for (unsigned i = 1; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum tn_waste_type)i;
    return TN_WASTE_TYPE_OTHER;
}

static void look_at_types(tn_waste_heap *h)
{
    uint32_t n = tn_snapshot_n_types(h->snapshot);
    tn_type type;
    for (uint32_t t = 0; t < n; t++) {
        if (tn_snapshot_type(h->snapshot, t, &type) < 0)
            continue;
        h->types[t] = (uint8_t)type_named(type.full_name);
        h->own[t] = (type.flags & TN_TYPE_OWN) != 0;
        h->fixed[t] = !type.module || tn__module_is_standard(type.module) || strcmp(type.module, "builtins") == 0;
    }
    for (uint32_t t = 0; t < n; t++) {
        h->bases[t] = h->types[t];
        if (tn_snapshot_type(h->snapshot, t, &type) < 0)
            continue;
        for (uint32_t i = 0; i < type.n_mro && !h->bases[t]; i++)
            h->bases[t] = h->types[type.mro[i]];
    }
    for (uint32_t t = 0; t < n; t++)
        if (h->bases[t] == TN_WASTE_TYPE_TUPLE && tn_snapshot_type(h->snapshot, t, &type) == TN_OK &&
            !(type.flags & TN_TYPE_DICT))
            h->types[t] = TN_WASTE_TYPE_TUPLE;
}

/* ---- sets ---- */

static bool is_candidate(const tn_waste_heap *h, uint32_t id)
{
    return id < h->graph.n_objects && !h->own[tn__waste_shape(h, id)->type] &&
           !(h->flags && h->flags[id] & TN_NODE_OWN);
}

static void add_dict(void *ctx, uint32_t dict, uint32_t owner)
{
    (void)owner;
    if (!tn_set_has(ctx, dict))
        tn__set_add(ctx, dict);
}

/* What the program itself holds; of tuples, what is in them. */
static int mark_program(tn_waste_heap *h, const tn_kinds *kinds, tn_error *err)
{
    const tn_graph *g = &h->graph;
    tn_buf todo;
    int status = TN_OK;
    tn__buf_init(&todo, h->alloc);
    for (uint32_t id = 0; id < g->n_objects && status == TN_OK; id++) {
        if (!(kinds->by_shape[g->shapes[id]] & TN_KIND_PROGRAM) || kinds->by_shape[g->shapes[id]] & TN_KIND_MODULE)
            continue;
        uint32_t at = id;
        for (;;) {
            for (uint64_t e = g->offsets[at]; e < g->offsets[at + 1] && status == TN_OK; e++) {
                uint32_t target = g->targets[e];
                if (target >= g->n_objects || tn__set_test(h->program, target))
                    continue;
                tn__set_add(h->program, target);
                if (tn__waste_type(h, target) == TN_WASTE_TYPE_TUPLE)
                    status = tn__buf_append(&todo, &target, sizeof target);
            }
            if (!todo.size || status < 0)
                break;
            todo.size -= sizeof at;
            memcpy(&at, todo.data + todo.size, sizeof at);
        }
    }
    tn__buf_free(&todo);
    return status < 0 ? tn__no_memory(h->snapshot, err) : TN_OK;
}

/* A BytesIO copies bytes that somebody else has, too, before it writes to them. */
static bool is_inner(const tn_waste_heap *h, uint32_t target, enum tn_waste_type of)
{
    if (target >= h->graph.n_objects || tn__waste_type(h, target) != TN_WASTE_TYPE_BYTES ||
        tn__set_test(h->inner, target))
        return false;
    return of == TN_WASTE_TYPE_BYTEARRAY || (h->refcounts && h->refcounts[target] == 1);
}

static void find_inner(tn_waste_heap *h)
{
    const tn_graph *g = &h->graph;
    for (uint32_t id = 0; id < g->n_objects; id++) {
        enum tn_waste_type type = tn__waste_base(h, id);
        if (type != TN_WASTE_TYPE_BYTEARRAY && type != TN_WASTE_TYPE_BYTESIO)
            continue;
        const tn_shape *shape = tn__waste_shape(h, id);
        for (uint32_t i = 0; i < shape->n_fixed; i++) {
            uint32_t target = g->targets[g->offsets[id] + i];
            if ((shape->labels[2 * i + 1] & 255) != TN_LABEL_ATTRIBUTE && is_inner(h, target, type))
                tn__set_add(h->inner, target);
        }
    }
}

static int make_sets(tn_waste_heap *h, tn_error *err)
{
    tn_kinds kinds;
    TN_TRY(tn_set_new(h->snapshot, &h->inner, err));
    find_inner(h);
    TN_TRY(tn_set_new(h->snapshot, &h->attributes, err));
    TN_TRY(tn_set_new(h->snapshot, &h->program, err));
    TN_TRY(tn__dicts_of_instances(h->snapshot, add_dict, h->attributes, err));
    TN_TRY(tn__kinds_make(h->snapshot, &kinds, err));
    int status = mark_program(h, &kinds, err);
    memcpy(h->dict_slots, kinds.dict_slots, h->graph.n_shapes * sizeof *h->dict_slots);
    tn__kinds_free(&kinds);
    return status;
}

/* ---- all ---- */

static int fill(tn_waste_heap *h, tn_error *err)
{
    tn_fact fact;
    uint32_t n_types = tn_snapshot_n_types(h->snapshot);
    TN_TRY(tn__graph(h->snapshot, &h->graph, err));
    TN_TRY(load_columns(h, err));
    h->types = tn__alloc_zero(h->alloc, n_types);
    h->bases = tn__alloc_zero(h->alloc, n_types);
    h->own = tn__alloc_zero(h->alloc, n_types);
    h->fixed = tn__alloc_zero(h->alloc, n_types);
    h->dict_slots = tn__alloc(h->alloc, h->graph.n_shapes * sizeof *h->dict_slots);
    if (!h->types || !h->bases || !h->own || !h->fixed || !h->dict_slots)
        return tn__no_memory(h->snapshot, err);
    look_at_types(h);
    h->pymalloc = tn_snapshot_find_fact(h->snapshot, "python.allocator", &fact) < 0 || fact.kind != TN_FACT_TEXT ||
                  strcmp(fact.value.text, "malloc") != 0;
    for (uint32_t id = 0; id < h->graph.n_objects; id++) {
        bool counts = is_candidate(h, id);
        h->count += counts;
        h->bytes += counts ? h->sizes[id] : 0;
    }
    return make_sets(h, err);
}

int tn__waste_heap_make(tn_snapshot *s, const tn_set *within, tn_waste_heap *out, tn_error *err)
{
    *out = (tn_waste_heap){.snapshot = s, .alloc = tn__snapshot_alloc(s), .within = within};
    TN_TRY(tn__set_check(s, within, err));
    return fill(out, err);
}

void tn__waste_heap_free(tn_waste_heap *h)
{
    uint32_t n_types = tn_snapshot_n_types(h->snapshot);
    tn__free(h->alloc, h->types, n_types);
    tn__free(h->alloc, h->bases, n_types);
    tn__free(h->alloc, h->own, n_types);
    tn__free(h->alloc, h->fixed, n_types);
    tn__free(h->alloc, h->dict_slots, h->graph.n_shapes * sizeof *h->dict_slots);
    tn_set_free(h->attributes);
    tn_set_free(h->program);
    tn_set_free(h->inner);
}

uint64_t tn__waste_block(const tn_waste_heap *h, uint64_t bytes)
{
    enum { PYMALLOC_MOST = 512, CHUNK_LEAST = 32 };
    if (bytes == 0)
        return 0;
    if (h->pymalloc && bytes <= PYMALLOC_MOST)
        return (bytes + 15) & ~15ull;
    uint64_t chunk = (bytes + 8 + 15) & ~15ull;
    return chunk < CHUNK_LEAST ? CHUNK_LEAST : chunk;
}

int tn__waste_add(const tn_waste_heap *h, tn_buf *items, uint32_t id, uint32_t subject, uint64_t saved, tn_error *err)
{
    return saved ? tn__waste_add_part(h, items, id, subject, saved, err) : TN_OK;
}

int tn__waste_add_part(const tn_waste_heap *h, tn_buf *items, uint32_t id, uint32_t subject, uint64_t saved,
                       tn_error *err)
{
    tn_waste_item item = {id, subject, saved};
    if (!is_candidate(h, id) || tn__waste_stays(h, id) || (h->within && !tn_set_has(h->within, id)))
        return TN_OK;
    return tn__buf_append(items, &item, sizeof item) < 0 ? tn__no_memory(h->snapshot, err) : TN_OK;
}

uint64_t tn__waste_elements(const tn_waste_heap *h, uint32_t id)
{
    const tn_shape *shape = tn__waste_shape(h, id);
    uint64_t n = 0, step = (shape->flags & TN_RUN_STYLE) == TN_RUN_PAIRS ? 2 : 1;
    for (uint64_t e = h->graph.offsets[id] + shape->n_fixed; e < h->graph.offsets[id + 1]; e += step)
        n += h->graph.targets[e] != TN_NONE;
    return n;
}

bool tn__waste_is_plain_dict(const tn_waste_heap *h, uint32_t id)
{
    const tn_shape *shape = tn__waste_shape(h, id);
    return shape->n_fixed == 0 && (shape->flags & TN_RUN_STYLE) == TN_RUN_PAIRS &&
           !(shape->flags >> TN_RUN_KIND_SHIFT & 15) && !tn__set_test(h->attributes, id);
}

bool tn__waste_stays(const tn_waste_heap *h, uint32_t id)
{
    return !h->sizes[id] || (h->flags && h->flags[id] & (TN_NODE_IMMORTAL | TN_NODE_STATIC | TN_NODE_OWN)) ||
           tn__set_test(h->program, id);
}

/* ---- the walk ---- */

static void take_buffers(const tn_waste_heap *h, tn_waste_cursor *c)
{
    uint32_t n = h->flags && h->buffers ? (h->flags[c->id] & TN_NODE_BUFFERS) >> 8 : 0;
    if (!n && !c->buffers)
        return;
    if (c->buffers)
        memset(c->buffer_bytes, 0, sizeof c->buffer_bytes);
    c->buffers = 0;
    for (; n > 0; n--, c->at_buffer++) {
        uint32_t kind = h->buffer_kinds && h->buffer_kinds[c->at_buffer] < TN_BUFFER_KINDS
                            ? h->buffer_kinds[c->at_buffer]
                            : TN_BUFFER_OTHER;
        c->buffer_bytes[kind] += h->buffers[c->at_buffer];
        c->buffers += h->buffers[c->at_buffer];
    }
}

bool tn__waste_next(const tn_waste_heap *h, tn_waste_cursor *c)
{
    c->id += c->started;
    c->started = true;
    if (c->id >= h->graph.n_objects)
        return false;
    uint32_t flags = tn__waste_shape(h, c->id)->flags;
    c->length = flags & TN_SHAPE_LENGTH && h->lengths ? h->lengths[c->at_length++] : TN_UNKNOWN;
    c->capacity = flags & TN_SHAPE_CAPACITY && h->capacities ? h->capacities[c->at_capacity++] : TN_UNKNOWN;
    c->hash = flags & TN_SHAPE_HASH && h->hashes ? h->hashes[c->at_hash++] : TN_UNKNOWN;
    take_buffers(h, c);
    return true;
}
