/* emit.c - the second pass: every object again, in address order, into columns. */
#include "engine/references.h"

/* Width in memory and rows of a block. Memory first touched costs more than what is written into it, so numbers take two
 * bytes where nearly all fit; the others stand aside (big). unit: values are multiples of it, as block sizes are. */
static const struct {
    uint8_t width, unit;
    uint32_t block_rows;
} column_shapes[TN_WALK_COLUMNS] = {
    [TN_WALK_SHAP] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_SIZE] = {2, 16, TN_NODE_BLOCK},
    [TN_WALK_REFC] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_FLAG] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_DEGR] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_REFS] = {4, 1, TN_NODE_BLOCK},
    [TN_WALK_LENG] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_CAPA] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_BUFS] = {2, 16, TN_NODE_BLOCK},
    [TN_WALK_BUFK] = {1, 1, TN_NODE_BLOCK},
    [TN_WALK_HASH] = {8, 1, TN_NODE_BLOCK / 2},
    [TN_WALK_STKI] = {4, 1, 4096},
    [TN_WALK_AODD] = {4, 1, 16384},
    [TN_WALK_PREV_NODE] = {4, 1, 16384},
    [TN_WALK_PREV_KIND] = {2, 1, 16384},
    [TN_WALK_PREV_LENGTH] = {2, 1, 16384},
    [TN_WALK_PREV_BYTES] = {1, 1, 1 << 20},
};

enum { SLAB_BYTES = 8 << 20 };

void tn__columns_init(tn_walk *w)
{
    for (unsigned i = 0; i < TN_WALK_COLUMNS; i++) {
        w->columns[i].width = column_shapes[i].width;
        w->columns[i].unit = column_shapes[i].unit;
        w->columns[i].block_rows = column_shapes[i].block_rows;
    }
}

void tn__columns_free(tn_walk *w)
{
    for (unsigned i = 0; i < TN_WALK_COLUMNS; i++) {
        tn_column_data *c = &w->columns[i];
        if (c->blocks.count)
            tn__free(w->alloc, TN_LIST(c->blocks, void *)[0], (size_t)c->block_rows * c->width);
        tn__list_free(w, &c->blocks, sizeof(void *));
        tn__list_free(w, &c->big, sizeof(tn_big));
    }
    for (size_t i = 0; i < w->slabs.count; i++)
        tn__free(w->alloc, TN_LIST(w->slabs, void *)[i], SLAB_BYTES);
    tn__list_free(w, &w->slabs, sizeof(void *));
}

/* The first block of a column is a mapping of its own, touched as far as it is used: small captures stay small. Later ones
 * are cut from slabs large enough for huge pages: a quarter of the page faults' time. */
static void *block_get(tn_walk *w, const tn_column_data *c, size_t bytes)
{
    if (c->blocks.count == 1 || bytes > 2 << 20)
        return tn__alloc(w->alloc, bytes);
    if (w->slab_left < bytes) {
        void **slab = tn__list_add(w, &w->slabs, sizeof *slab, 1);
        if (!slab)
            return NULL;
        *slab = w->slab = tn__alloc(w->alloc, SLAB_BYTES);
        w->slab_left = w->slab ? SLAB_BYTES : 0;
        if (!w->slab)
            return NULL;
    }
    w->slab_left -= bytes;
    return w->slab + w->slab_left;
}

static bool next_block(tn_walk *w, tn_column_data *c)
{
    size_t bytes = (size_t)c->block_rows * c->width;
    void **place = tn__list_add(w, &c->blocks, sizeof *place, 1);
    void *block = place ? block_get(w, c, bytes) : NULL;
    if (place)
        *place = block;
    if (!block) {
        w->status = TN_ENOMEM;
        return false;
    }
    c->at = block;
    c->end = c->at + bytes;
    return true;
}

static inline void add32(tn_walk *w, tn_column_data *c, uint32_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !next_block(w, c))
        return;
    memcpy(c->at, &value, 4);
    c->at += 4;
}

static inline void add8bytes(tn_walk *w, tn_column_data *c, uint64_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !next_block(w, c))
        return;
    memcpy(c->at, &value, 8);
    c->at += 8;
}

uint64_t tn__column_count(const tn_column_data *c)
{
    return (uint64_t)c->blocks.count * c->block_rows - (uint64_t)(c->end - c->at) / c->width;
}

static inline void add16(tn_walk *w, tn_column_data *c, uint16_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !next_block(w, c))
        return;
    memcpy(c->at, &value, 2);
    c->at += 2;
}

static void add_big(tn_walk *w, tn_column_data *c, uint64_t value)
{
    add16(w, c, UINT16_MAX);
    tn_big *big = tn__list_add(w, &c->big, sizeof *big, 1);
    if (big)
        *big = (tn_big){tn__column_count(c) - 1, value};
}

static inline void add_number(tn_walk *w, tn_column_data *c, uint64_t value)
{
    if (__builtin_expect(value >= UINT16_MAX, 0))
        add_big(w, c, value);
    else
        add16(w, c, (uint16_t)value);
}

static inline void add_bytes(tn_walk *w, tn_column_data *c, uint64_t bytes)
{
    if (__builtin_expect((bytes & 15) || bytes >> 4 >= UINT16_MAX, 0))
        add_big(w, c, bytes);
    else
        add16(w, c, (uint16_t)(bytes >> 4));
}

void tn__column_add(tn_walk *w, enum tn_walk_column which, uint64_t value)
{
    tn_column_data *c = &w->columns[which];
    if (c->at == c->end && !next_block(w, c))
        return;
    memcpy(c->at, &value, c->width);
    c->at += c->width;
}

/* The node columns grow row by row together. */
static bool next_nodes(tn_walk *w)
{
    static const enum tn_walk_column node_columns[4] = {TN_WALK_SHAP, TN_WALK_SIZE, TN_WALK_REFC, TN_WALK_FLAG};
    for (unsigned i = 0; i < 4; i++) {
        tn_column_data *c = &w->columns[node_columns[i]];
        if (!next_block(w, c))
            return false;
        w->rows.columns[i] = (uint16_t *)(void *)c->at;
    }
    w->rows.n = 0;
    return true;
}

static uint16_t big_node(tn_walk *w, unsigned which, uint64_t value)
{
    tn_column_data *c = &w->columns[which];
    tn_big *big = tn__list_add(w, &c->big, sizeof *big, 1);
    if (big)
        *big = (tn_big){(c->blocks.count - 1) * TN_NODE_BLOCK + w->rows.n, value};
    return UINT16_MAX;
}

static inline void add_row(tn_walk *w, uint32_t shape, uint64_t size, uint64_t refcount, uint32_t flags)
{
    if (__builtin_expect(w->rows.n == TN_NODE_BLOCK, 0) && !next_nodes(w))
        return;
    uint32_t n = w->rows.n;
    if (refcount > UINT32_MAX)
        refcount = UINT32_MAX;
    w->rows.columns[0][n] = shape < UINT16_MAX ? (uint16_t)shape : big_node(w, TN_WALK_SHAP, shape);
    w->rows.columns[1][n] =
        (size & 15) == 0 && size >> 4 < UINT16_MAX ? (uint16_t)(size >> 4) : big_node(w, TN_WALK_SIZE, size);
    w->rows.columns[2][n] = refcount < UINT16_MAX ? (uint16_t)refcount : big_node(w, TN_WALK_REFC, refcount);
    w->rows.columns[3][n] = (uint16_t)flags;
    w->rows.n = n + 1;
}

/* Tells the node columns how far they got. */
static void finish_rows(tn_walk *w)
{
    static const enum tn_walk_column node_columns[4] = {TN_WALK_SHAP, TN_WALK_SIZE, TN_WALK_REFC, TN_WALK_FLAG};
    for (unsigned i = 0; i < 4; i++) {
        tn_column_data *c = &w->columns[node_columns[i]];
        c->at = c->blocks.count ? c->end - (size_t)c->width * (TN_NODE_BLOCK - w->rows.n) : c->end;
    }
}

uint64_t tn__refcount(const tn_walk *w, uint64_t object, bool *immortal)
{
    uint64_t word = tn_load64(&w->target->memory, object);
    *immortal = w->layout->immortal_style != TN_IMMORTAL_NONE && (int32_t)(uint32_t)word < 0;
    if (w->layout->immortal_style == TN_IMMORTAL_HIGH_BIT)
        return *immortal ? 0 : (uint32_t)word;
    return *immortal ? 0 : word;
}

/* References wait in a queue, in order, while the map's cells that give their ids are fetched. A queue entry is a cell and
 * a bit in it; for what has no cell (absent, synthetic) the id itself. */
static inline void write_reference(tn_walk *w, tn_queued q)
{
    uint32_t id = q.value;
    if (q.cell) {
        uint64_t below = (1ull << q.value) - 1;
        id = q.cell->bits >> q.value & 1 ? q.cell->rank + 1 + (uint32_t)__builtin_popcountll(q.cell->bits & below) : 0;
    }
    add32(w, &w->columns[TN_WALK_REFS], id);
}

static inline void put_reference(tn_walk *w, uint64_t referent)
{
    tn_queued q = {.cell = NULL, .value = 0};
    const tn_region *r = tn_map_find(&w->map, referent);
    if (__builtin_expect(r != NULL, 1)) {
        q.cell = &r->cells[referent >> 10 & 1023];
        q.value = referent >> 4 & 63;
        __builtin_prefetch(q.cell);
    } else if (referent >> 63) {
        q.value = w->map.n_objects + (uint32_t)referent + 1;
    }
    uint64_t n = w->n_references++;
    if (__builtin_expect(n >= TN_QUEUE, 1))
        write_reference(w, w->emit_queue[n % TN_QUEUE]);
    w->emit_queue[n % TN_QUEUE] = q;
}

static void finish_queue(tn_walk *w)
{
    uint64_t n = w->n_references;
    for (uint64_t i = n > TN_QUEUE ? n - TN_QUEUE : 0; i < n; i++)
        write_reference(w, w->emit_queue[i % TN_QUEUE]);
}

static void add_references(tn_walk *w, uint64_t object, const tn_description *d)
{
    const tn_shape_info *shape = &TN_LIST(w->shapes, tn_shape_info)[d->shape];
    uint64_t before = w->n_references;
    tn__each_reference(w, object, d, put_reference);
    uint64_t n = w->n_references - before;
    for (; n < shape->n_fixed; n++) /* a run that could not be read */
        put_reference(w, 0);
    if (shape->flags & TN_RUN_STYLE)
        add_number(w, &w->columns[TN_WALK_DEGR], n - shape->n_fixed);
}

static void note_large(tn_walk *w, uint64_t address, uint64_t bytes)
{
    enum { LARGE = 65536 };
    tn_range *place = bytes >= LARGE ? tn__list_add(w, &w->large, sizeof *place, 1) : NULL;
    if (place)
        *place = (tn_range){address, address + bytes};
}

static uint64_t add_buffers(tn_walk *w, const tn_description *d, uint64_t *pymalloc, uint64_t *external)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < d->n_buffers; i++) {
        unsigned allocator = TN_ALLOCATOR_MALLOC;
        const tn_buffer *b = &d->buffers[i];
        uint64_t bytes = b->address ? tn_map_block(&w->map, b->address, b->nominal, &allocator) : b->nominal;
        note_large(w, b->address, b->address ? bytes : 0);
        add_bytes(w, &w->columns[TN_WALK_BUFS], bytes);
        tn__column_add(w, TN_WALK_BUFK, b->kind);
        sum += bytes;
        *pymalloc += allocator == TN_ALLOCATOR_PYMALLOC ? bytes : 0;
        *external += allocator == TN_ALLOCATOR_UNKNOWN ? bytes : 0;
    }
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
    if (__builtin_expect(r->planes[TN_PLANE_HIDDEN] != NULL, 0) && tn_region_plane(r, TN_PLANE_HIDDEN, object))
        flags |= TN_NODE_HIDDEN;
    if (__builtin_expect(r->planes[TN_PLANE_OWN] != NULL, 0) && tn_region_plane(r, TN_PLANE_OWN, object))
        flags |= TN_NODE_OWN;
    if (t->gc && (t->kind != TN_KIND_TYPE || (tn_load64(&w->target->memory, object + w->layout->type_flags) >> 9 & 1)))
        flags |= gc_flags(w, r, object);
    return flags;
}

static inline uint64_t own_block(tn_walk *w, const tn_region *r, uint64_t object, const tn_type_info *t,
                                 unsigned *allocator)
{
    uint8_t class = r->pool_class[object >> 14 & 63];
    if (__builtin_expect(class != TN_NOT_POOL, 1)) {
        *allocator = TN_ALLOCATOR_PYMALLOC;
        return ((uint64_t) class + 1) << 4;
    }
    uint64_t bytes = tn_map_block_outside(&w->map, r, object - t->preheader, tn__nominal(w, object, t), allocator);
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
    uint32_t flags = map_flags(w, r, object, t) | (immortal ? TN_NODE_IMMORTAL : 0u) |
                     (allocator == TN_ALLOCATOR_NONE ? TN_NODE_STATIC : 0u) | allocator << 10;
    add_row(w, shape, block, refcount, flags);
    if (t->kind == TN_KIND_INT)
        add_number(w, &w->columns[TN_WALK_LENG], tn__int_bits(w, object));
    else if (t->kind == TN_KIND_STR || t->kind == TN_KIND_BYTES)
        add_number(w, &w->columns[TN_WALK_LENG], tn_load64(&w->target->memory, object + 16));
    if (t->has_hash)
        add8bytes(w, &w->columns[TN_WALK_HASH], tn__content_hash(w, object, t));
    add_totals(w, flags & TN_NODE_OWN, block, allocator, 0, 0, block);
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
    const tn_shape_info *shape = &TN_LIST(w->shapes, tn_shape_info)[d.shape];
    uint32_t shape_flags = shape->flags;
    uint64_t block = own_block(w, r, object, t, &allocator), refcount = tn__refcount(w, object, &immortal);
    uint64_t size = block + (d.n_buffers ? add_buffers(w, &d, &pymalloc, &external) : 0);
    uint32_t flags = map_flags(w, r, object, t) | (immortal ? TN_NODE_IMMORTAL : 0u) |
                     (allocator == TN_ALLOCATOR_NONE ? TN_NODE_STATIC : 0u) | (uint32_t)d.n_buffers << 8 |
                     allocator << 10;
    add_row(w, d.shape, size, refcount, flags);
    add_references(w, object, &d);
    if (shape_flags & TN_SHAPE_LENGTH)
        add_number(w, &w->columns[TN_WALK_LENG], t->kind == TN_KIND_INT ? tn__int_bits(w, object) : d.length);
    if (shape_flags & TN_SHAPE_CAPACITY)
        add_number(w, &w->columns[TN_WALK_CAPA], d.capacity);
    if (shape_flags & TN_SHAPE_HASH)
        add8bytes(w, &w->columns[TN_WALK_HASH], tn__content_hash(w, object, t));
    add_totals(w, flags & TN_NODE_OWN, block, allocator, pymalloc, external, size);
}

static inline void emit_object(tn_walk *w, const tn_region *r, uint64_t object, uint32_t id)
{
    tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
    if (__builtin_expect(!t || w->status < 0, 0))
        return;
    w->strict =
        __builtin_expect(r->planes[TN_PLANE_DOUBTFUL] != NULL, 0) && tn_region_plane(r, TN_PLANE_DOUBTFUL, object);
    if (t->simple || tn__plain_str(w, object, t))
        emit_leaf(w, r, object, t);
    else
        emit_container(w, r, object, t);
    if (object & 8)
        add32(w, &w->columns[TN_WALK_AODD], id);
    if (t->previewed)
        tn__preview(w, id, object, t);
    w->strict = false;
}

static void emit_synthetic(tn_walk *w, const tn_synthetic *s)
{
    const tn_shape_info *shape = &TN_LIST(w->shapes, tn_shape_info)[s->shape];
    const uint64_t *references = TN_LIST(w->synthetic_references, uint64_t) + s->first_reference;
    add_row(w, s->shape, s->size, 0, 0);
    for (uint32_t i = 0; i < s->n_references; i++)
        put_reference(w, references[i]);
    if (shape->flags & TN_RUN_STYLE)
        add_number(w, &w->columns[TN_WALK_DEGR], s->n_references - shape->n_fixed);
    if (shape->flags & TN_SHAPE_STACK)
        add32(w, &w->columns[TN_WALK_STKI], s->stack);
    w->totals.synthetic_bytes += s->size;
}

void tn__emit(tn_walk *w)
{
    uint32_t id = 0;
    w->rows.n = TN_NODE_BLOCK;
    for (tn_region *r = tn_map_next(&w->map, 0); r && w->status == 0; r = tn_map_next(&w->map, r->key + 1))
        for (unsigned c = 0; c < 1024; c++)
            for (uint64_t left = r->cells[c].bits; left; left &= left - 1) {
                uint64_t object = r->key << 20 | (uint64_t)c << 10 | (uint64_t)__builtin_ctzll(left) << 4;
                object |= tn_region_plane(r, TN_PLANE_ODD, object) ? 8 : 0;
                emit_object(w, r, object, id++);
            }
    for (size_t i = 0; i < w->synthetic.count && w->status == 0; i++)
        emit_synthetic(w, &TN_LIST(w->synthetic, tn_synthetic)[i]);
    finish_queue(w);
    finish_rows(w);
    w->totals.references = w->n_references;
}
