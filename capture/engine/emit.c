/* emit.c - the second pass: every object again, in address order, into columns.
 *
 * Nodes are shared out in bundles of TN_NODE_BLOCK: each has columns of its own, so threads do not meet, and save.c packs a
 * bundle at a time. rank (map.c) told where each bundle begins.
 */
#include "engine/bundle.h"
#include "engine/references.h"

enum { TN_LARGE = 65536 };

uint64_t tn__refcount(const tn_walk *w, uint64_t object, bool *immortal)
{
    uint64_t word = tn_load64(&w->target->memory, object);
    *immortal = w->layout->immortal_style != TN_IMMORTAL_NONE && (int32_t)(uint32_t)word < 0;
    if (w->layout->immortal_style == TN_IMMORTAL_HIGH_BIT)
        return *immortal ? 0 : (uint32_t)word;
    return *immortal ? 0 : word;
}

/* References wait in a queue, in order, while the map's cells that give their ids are fetched. A queue entry is a cell and
 * the reference, whose bits 4-9 are the place in it; for what has no cell (absent, synthetic) the id itself. */
static inline uint32_t id_of(tn_queued q)
{
    if (__builtin_expect(!q.cell, 0))
        return q.value;
    uint64_t upto = q.cell->bits << (~(q.value >> 4) & 63); /* its bit is the highest now */
    uint32_t id = q.cell->rank + (uint32_t)__builtin_popcountll(upto);
    return (int64_t)upto < 0 ? id : 0;
}

static inline void put_reference(tn_walk *w, uint64_t referent)
{
    tn_queued q = {.cell = NULL, .value = (uint32_t)referent};
    const tn_region *r = tn_map_find(w->map, referent);
    if (__builtin_expect(r != NULL, 1)) {
        q.cell = &r->cells[referent >> 10 & 1023];
        __builtin_prefetch(q.cell);
    } else {
        q.value = referent >> 63 ? w->map->n_objects + (uint32_t)referent + 1 : 0;
    }
    tn_queued *place = &w->emit_queue[w->n_references % TN_QUEUE], due = *place;
    *place = q;
    if (__builtin_expect(w->n_references++ >= TN_QUEUE, 1))
        tn__add_reference(w, id_of(due));
}

static void finish_queue(tn_walk *w)
{
    uint64_t n = w->n_references;
    for (uint64_t i = n > TN_QUEUE ? n - TN_QUEUE : 0; i < n; i++)
        tn__add_reference(w, id_of(w->emit_queue[i % TN_QUEUE]));
}

static void add_references(tn_walk *w, const tn_description *d)
{
    const tn_shape_info *shape = &TN_SHAPE_AT(w, d->shape);
    uint64_t before = w->n_references;
    tn__each_reference(w, d, put_reference);
    uint64_t n = w->n_references - before;
    for (; n < shape->n_fixed; n++) /* a run that could not be read */
        put_reference(w, 0);
    if (shape->flags & TN_RUN_STYLE)
        tn__add_number(w, &w->columns[TN_WALK_DEGR], n - shape->n_fixed);
}

static void note_large(tn_walk *w, uint64_t address, uint64_t bytes)
{
    tn_range *place = bytes >= TN_LARGE ? tn__list_add(w, &w->large, sizeof *place, 1) : NULL;
    if (place)
        *place = (tn_range){address, address + bytes};
}

static inline uint64_t add_buffer(tn_walk *w, uint8_t kind, uint64_t address, uint64_t nominal, uint64_t *pymalloc,
                                  uint64_t *external)
{
    unsigned allocator = TN_ALLOCATOR_MALLOC;
    uint64_t bytes = address ? tn_map_block(w->map, address, nominal, &allocator) : nominal;
    if (__builtin_expect(address && bytes >= TN_LARGE, 0))
        note_large(w, address, bytes);
    if (address)
        tn__note_owned(w, kind, address);
    tn__add_bytes(w, &w->columns[TN_WALK_BUFS], bytes);
    tn__add_number(w, &w->columns[TN_WALK_BUFK], kind);
    *pymalloc += allocator == TN_ALLOCATOR_PYMALLOC ? bytes : 0;
    *external += allocator == TN_ALLOCATOR_UNKNOWN ? bytes : 0;
    return bytes;
}

static uint64_t add_buffers(tn_walk *w, const tn_description *d, uint64_t *pymalloc, uint64_t *external)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < d->n_buffers; i++)
        sum += add_buffer(w, d->buffers[i].kind, d->buffers[i].address, d->buffers[i].nominal, pymalloc, external);
    return sum;
}

static uint32_t gc_flags(const tn_walk *w, const tn_region *r, uint64_t object)
{
    uint64_t next = tn_load64(&w->target->memory, object - 16), previous = tn_load64(&w->target->memory, object - 8);
    uint32_t generation = 2;
    if ((next & ~3ull) == 0)
        return 0;
    if (tn_region_plane(r, TN_PLANE_GEN0, object))
        generation = 0;
    else if (tn_region_plane(r, TN_PLANE_GEN1, object))
        generation = 1;
    else if (tn_region_plane(r, TN_PLANE_FROZEN, object))
        generation = 3;
    return TN_NODE_TRACKED | generation << 1 | ((previous & 1) ? TN_NODE_FINALIZED : 0u);
}

static void add_totals(tn_walk *w, bool own, uint64_t block, unsigned allocator, uint64_t pymalloc, uint64_t external,
                       uint64_t size)
{
    tn_totals *t = &w->totals;
    if (own) {
        t->own_count++;
        t->own_bytes += size;
        return;
    }
    pymalloc += allocator == TN_ALLOCATOR_PYMALLOC ? block : 0;
    external += allocator == TN_ALLOCATOR_UNKNOWN ? block : 0;
    t->count++;
    t->bytes += size;
    t->pymalloc_bytes += pymalloc;
    t->external_bytes += external;
    t->malloc_bytes += size - pymalloc - external;
}

/* Flags that stand in the map, and those of the collector. */
static inline uint32_t map_flags(const tn_walk *w, const tn_region *r, uint64_t object, const tn_type_info *t)
{
    uint32_t flags = 0;
    if (__builtin_expect(r->marked, 0)) {
        flags |= tn_region_plane(r, TN_PLANE_HIDDEN, object) ? TN_NODE_HIDDEN : 0;
        flags |= tn_region_plane(r, TN_PLANE_OWN, object) ? TN_NODE_OWN : 0;
    }
    if (t->gc && (t->kind != TN_KIND_TYPE || (tn_load64(&w->target->memory, object + w->layout->type_flags) >> 9 & 1)))
        flags |= gc_flags(w, r, object);
    return flags;
}

static inline uint32_t row_flags(tn_walk *w, const tn_region *r, uint64_t object, const tn_type_info *t, bool immortal,
                                 unsigned allocator)
{
    return map_flags(w, r, object, t) | (immortal ? TN_NODE_IMMORTAL : 0u) |
           (allocator == TN_ALLOCATOR_NONE ? TN_NODE_STATIC : 0u) | allocator << 10;
}

static inline uint64_t own_block(tn_walk *w, const tn_region *r, uint64_t object, const tn_type_info *t,
                                 unsigned *allocator)
{
    uint8_t class = r->pool_class[object >> 14 & 63];
    if (__builtin_expect(class != TN_NOT_POOL, 1)) {
        *allocator = TN_ALLOCATOR_PYMALLOC;
        return ((uint64_t) class + 1) << 4;
    }
    uint64_t bytes = tn_map_block_outside(w->map, r, object - t->preheader, tn__nominal(w, object, t), allocator);
    note_large(w, object, bytes);
    return bytes;
}

/* Objects without references and buffers: most of an ordinary heap. */
static inline void emit_leaf(tn_walk *w, const tn_region *r, uint64_t object, tn_type_info *t)
{
    bool immortal;
    unsigned allocator;
    uint32_t shape = t->shapes[TN_VARIANT_PLAIN];
    if (__builtin_expect(shape == TN_NONE, 0))
        shape = tn__shape(w, t, TN_VARIANT_PLAIN);
    if (__builtin_expect(w->status < 0, 0))
        return;
    uint64_t block = own_block(w, r, object, t, &allocator), refcount = tn__refcount(w, object, &immortal);
    uint32_t flags = row_flags(w, r, object, t, immortal, allocator);
    tn__add_row(w, shape, block, refcount, flags);
    if (t->kind == TN_KIND_STR) {
        tn__add_text(w, object, t);
    } else if (t->kind == TN_KIND_INT) {
        tn__add_int(w, object, t);
    } else {
        if (t->kind == TN_KIND_BYTES)
            tn__add_number(w, &w->columns[TN_WALK_LENG], tn_load64(&w->target->memory, object + 16));
        if (t->has_hash)
            tn__add64(w, &w->columns[TN_WALK_HASH], tn__content_hash(w, object, t));
        if (t->previewed)
            tn__add_preview(w, object, t);
    }
    add_totals(w, flags & TN_NODE_OWN, block, allocator, 0, 0, block);
}

/* 0 pending, 1 cancelled, 2 finished: fut_state of Modules/_asynciomodule.c. */
static uint32_t future_flags(const tn_walk *w, uint64_t object, const tn_type_info *t)
{
    uint32_t state = t->state_at ? tn_load32(&w->target->memory, object + t->state_at) : UINT32_MAX;
    return state <= 2 ? (state + TN_FUTURE_PENDING) << 13 : 0;
}

static void emit_container(tn_walk *w, const tn_region *r, uint64_t object, tn_type_info *t)
{
    tn_description d;
    bool immortal;
    unsigned allocator;
    uint64_t pymalloc = 0, external = 0;
    tn__describe(w, object, t, &d);
    if (__builtin_expect(w->status < 0, 0))
        return;
    const tn_shape_info *shape = &TN_SHAPE_AT(w, d.shape);
    uint32_t shape_flags = shape->flags;
    uint64_t block = own_block(w, r, object, t, &allocator), refcount = tn__refcount(w, object, &immortal);
    uint64_t size = block + (d.n_buffers ? add_buffers(w, &d, &pymalloc, &external) : 0);
    uint32_t flags = row_flags(w, r, object, t, immortal, allocator) | (uint32_t)d.n_buffers << 8;
    flags |= future_flags(w, object, t);
    tn__add_row(w, d.shape, size, refcount, flags);
    add_references(w, &d);
    if (shape_flags & TN_SHAPE_LENGTH)
        tn__add_number(w, &w->columns[TN_WALK_LENG], t->kind == TN_KIND_INT ? tn__int_bits(w, object) : d.length);
    if (shape_flags & TN_SHAPE_CAPACITY)
        tn__add_number(w, &w->columns[TN_WALK_CAPA], d.capacity);
    if (shape_flags & TN_SHAPE_HASH && t->data)
        tn__add_data(w, &d);
    else if (shape_flags & TN_SHAPE_HASH)
        tn__add64(w, &w->columns[TN_WALK_HASH], tn__content_hash(w, object, t));
    add_totals(w, flags & TN_NODE_OWN, block, allocator, pymalloc, external, size);
    if (t->previewed)
        tn__add_preview(w, object, t);
}

/* Lists, tuples and dicts: see tn__quick. */
static void emit_quick(tn_walk *w, const tn_region *r, uint64_t object, tn_type_info *t, const tn_quick *q)
{
    static const uint8_t kinds[] = {[TN_KIND_LIST] = TN_BUFFER_ITEMS, [TN_KIND_DICT] = TN_BUFFER_KEYS};
    const tn_memory *m = &w->target->memory;
    bool immortal;
    unsigned allocator;
    uint64_t pymalloc = 0, external = 0, at = q->at, before = w->n_references;
    uint32_t shape = tn__shape(w, t, TN_VARIANT_PLAIN);
    if (__builtin_expect(w->status < 0, 0))
        return;
    uint64_t block = own_block(w, r, object, t, &allocator), refcount = tn__refcount(w, object, &immortal);
    uint64_t size =
        block + (q->buffer ? add_buffer(w, kinds[t->kind], q->buffer, q->nominal, &pymalloc, &external) : 0);
    uint32_t flags = row_flags(w, r, object, t, immortal, allocator) | (q->buffer ? 1u << 8 : 0);
    tn__add_row(w, shape, size, refcount, flags);
    if (!q->stride)
        for (uint64_t i = 0; i < q->count; i++, at += 8)
            put_reference(w, tn_load64(m, at));
    else
        for (uint64_t i = 0; i < q->count; i++, at += q->stride) {
            uint64_t value = tn_load64(m, at + 8);
            if (value) {
                put_reference(w, tn_load64(m, at));
                put_reference(w, value);
            }
        }
    tn__add_number(w, &w->columns[TN_WALK_DEGR], w->n_references - before);
    if (t->kind != TN_KIND_TUPLE)
        tn__add_number(w, &w->columns[TN_WALK_CAPA], q->capacity);
    add_totals(w, flags & TN_NODE_OWN, block, allocator, pymalloc, external, size);
}

static inline void emit_object(tn_walk *w, const tn_region *r, uint64_t object, uint32_t id)
{
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (__builtin_expect(!t || w->status < 0, 0))
        return;
    w->strict = __builtin_expect(r->marked, 0) && tn_region_plane(r, TN_PLANE_DOUBTFUL, object);
    tn_quick q;
    if (t->simple || tn__plain_str(w, object, t))
        emit_leaf(w, r, object, t);
    else if (tn__quick(w, object, t, &q))
        emit_quick(w, r, object, t, &q);
    else
        emit_container(w, r, object, t);
    if (object & 8)
        tn__add32(w, &w->columns[TN_WALK_AODD], id);
    w->strict = false;
}

static void emit_synthetic(tn_walk *w, const tn_synthetic *s)
{
    const tn_shape_info *shape = &TN_SHAPE_AT(w, s->shape);
    const uint64_t *references = TN_LIST(w->reg->synthetic_references, uint64_t) + s->first_reference;
    tn__add_row(w, s->shape, s->size, 0, 0);
    for (uint32_t i = 0; i < s->n_references; i++)
        put_reference(w, references[i]);
    if (shape->flags & TN_RUN_STYLE)
        tn__add_number(w, &w->columns[TN_WALK_DEGR], s->n_references - shape->n_fixed);
    if (shape->flags & TN_SHAPE_STACK)
        tn__add32(w, &w->columns[TN_WALK_STKI], s->stack);
    w->totals.synthetic_bytes += s->size;
}

/* ---- bundles ---- */

static void emit_objects(tn_walk *w, uint32_t id, uint32_t end)
{
    tn_region *r = id < end ? tn_map_next(w->map, w->reg->bundles[w->rows.bundle].region) : NULL;
    uint64_t skip = r ? id - r->cells[0].rank : 0;
    for (; r && w->status == 0; r = tn_map_next(w->map, r->key + 1))
        for (unsigned c = 0; c < 1024; c++) {
            uint64_t left = r->cells[c].bits, n = (uint64_t)__builtin_popcountll(left);
            if (skip >= n) {
                skip -= n;
                continue;
            }
            tn__look_ahead(w, r, c);
            for (; skip; skip--)
                left &= left - 1;
            for (; left; left &= left - 1) {
                if (id == end)
                    return;
                uint64_t object = r->key << 20 | (uint64_t)c << 10 | (uint64_t)__builtin_ctzll(left) << 4;
                object |= tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0;
                emit_object(w, r, object, id++);
            }
        }
}

static void emit_bundle(tn_walk *w, uint32_t index)
{
    uint64_t n_objects = w->map->n_objects, n_nodes = n_objects + w->reg->synthetic.count;
    uint64_t id = (uint64_t)index * TN_NODE_BLOCK, end = id + TN_NODE_BLOCK;
    end = end < n_nodes ? end : n_nodes;
    if (!tn__bundle_begin(w, index))
        return;
    emit_objects(w, (uint32_t)id, (uint32_t)(end < n_objects ? end : n_objects));
    for (id = id < n_objects ? n_objects : id; id < end && w->status == 0; id++)
        emit_synthetic(w, &TN_LIST(w->reg->synthetic, tn_synthetic)[id - n_objects]);
    finish_queue(w);
    w->totals.references += w->n_references;
    tn__bundle_end(w);
}

static void emit_some(tn_walk *w)
{
    uint32_t index;
    while (w->status == 0 &&
           (index = __atomic_fetch_add(&w->reg->next_bundle, 1, __ATOMIC_RELAXED)) < w->reg->n_bundles)
        emit_bundle(w, index);
}

void tn__emit(tn_walk *w)
{
    if (!tn__bundles_make(w))
        return;
    w->reg->next_bundle = 0;
    if (w->reg->first_thread_only)
        emit_some(w);
    else
        tn__share(w, emit_some);
}
