/* emit.c - the second pass: every object again, in address order, into columns.
 *
 * Nodes are shared out in bundles of TN_NODE_BLOCK: each has columns of its own, so threads do not meet, and save.c packs a
 * bundle at a time. rank (map.c) told where each bundle begins.
 */
#include "engine/references.h"

/* Width in memory and rows of a block. Memory first touched costs more than what is written into it, so numbers take one or
 * two bytes where nearly all fit; the others stand aside (big). unit: values are multiples of it, as block sizes are. */
static const struct {
    uint8_t width, unit;
    uint32_t block_rows;
} column_shapes[TN_WALK_COLUMNS] = {
    [TN_WALK_SHAP] = {2, 1, TN_NODE_BLOCK}, [TN_WALK_SIZE] = {1, 16, TN_NODE_BLOCK},
    [TN_WALK_REFC] = {1, 1, TN_NODE_BLOCK}, [TN_WALK_FLAG] = {2, 1, TN_NODE_BLOCK},
    [TN_WALK_DEGR] = {1, 1, 65536},         [TN_WALK_REFS] = {4, 1, 131072}, /* 3 where all ids fit */
    [TN_WALK_LENG] = {1, 1, 65536},         [TN_WALK_CAPA] = {1, 1, 65536},
    [TN_WALK_BUFS] = {1, 16, 65536},        [TN_WALK_BUFK] = {1, 1, 65536},
    [TN_WALK_HASH] = {8, 1, 65536},         [TN_WALK_STKI] = {4, 1, 4096},
    [TN_WALK_AODD] = {4, 1, 16384},         [TN_WALK_PREV_KIND] = {2, 1, 65536},
    [TN_WALK_PREV_BYTES] = {1, 1, 1 << 18},
};
static const enum tn_walk_column node_columns[4] = {TN_WALK_SHAP, TN_WALK_SIZE, TN_WALK_REFC, TN_WALK_FLAG};

enum { SLAB_BYTES = 8 << 20, TN_LARGE = 65536 };

static void columns_init(tn_column_data *columns, uint64_t n_nodes)
{
    for (unsigned i = 0; i < TN_WALK_COLUMNS; i++)
        columns[i] = (tn_column_data){
            .width = column_shapes[i].width, .unit = column_shapes[i].unit, .block_rows = column_shapes[i].block_rows};
    columns[TN_WALK_REFS].width = n_nodes < 1 << 24 ? 3 : 4;
}

/* Four bytes are stored even where a value takes three. */
static size_t block_bytes(const tn_column_data *c)
{
    return (size_t)c->block_rows * c->width + (c->width == 3 ? 8 : 0);
}

void tn__columns_free(tn_walk *w)
{
    for (unsigned i = 0; w->reg->n_bundles && i < TN_WALK_COLUMNS; i++) {
        const tn_column_data *c = &w->reg->bundles[0].columns[i];
        if (c->first)
            tn__free(w->alloc, c->first->data, block_bytes(c));
    }
    tn__free(w->alloc, w->reg->bundles, w->reg->n_bundles * sizeof *w->reg->bundles);
    w->reg->bundles = NULL;
    w->reg->n_bundles = 0;
    for (uint32_t t = 0; t < w->n_threads; t++) {
        tn_walk *of = t ? &w->helpers[t - 1] : w;
        for (size_t i = 0; i < of->slabs.count; i++)
            tn__free(w->alloc, TN_LIST(of->slabs, void *)[i], SLAB_BYTES);
        tn__list_free(w, &of->slabs, sizeof(void *));
        tn__arena_free(&of->arena);
    }
}

/* The first block of a column of the first bundle is a mapping of its own, touched as far as it is used: small captures
 * stay small. The others are cut from slabs large enough for huge pages: a quarter of the page faults' time. */
static void *block_get(tn_walk *w, const tn_column_data *c, size_t bytes)
{
    if (w->rows.bundle == 0 && !c->first)
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
    size_t bytes = block_bytes(c);
    tn_block *block = tn__arena_get(&w->arena, sizeof *block);
    uint8_t *data = block ? block_get(w, c, bytes) : NULL;
    if (!data) {
        w->status = TN_ENOMEM;
        return false;
    }
    *block = (tn_block){NULL, data};
    c->n_full += c->last ? c->block_rows : 0;
    if (c->last)
        c->last->next = block;
    else
        c->first = block;
    c->last = block;
    c->at = data;
    c->end = data + (size_t)c->block_rows * c->width;
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
    return c->last ? c->n_full + (uint64_t)(c->at - c->last->data) / c->width : 0;
}

static inline void add_reference(tn_walk *w, uint32_t id)
{
    tn_column_data *c = &w->columns[TN_WALK_REFS];
    if (__builtin_expect(c->at == c->end, 0) && !next_block(w, c))
        return;
    memcpy(c->at, &id, 4);
    c->at += c->width;
}

static void note_big(tn_walk *w, tn_column_data *c, uint64_t row, uint64_t value)
{
    tn_big *big = tn__arena_get(&w->arena, sizeof *big);
    if (!big) {
        w->status = TN_ENOMEM;
        return;
    }
    *big = (tn_big){NULL, row, value};
    if (c->last_big)
        c->last_big->next = big;
    else
        c->first_big = big;
    c->last_big = big;
}

static inline void add_number(tn_walk *w, tn_column_data *c, uint64_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !next_block(w, c))
        return;
    *c->at++ = value < UINT8_MAX ? (uint8_t)value : UINT8_MAX;
    if (__builtin_expect(value >= UINT8_MAX, 0))
        note_big(w, c, tn__column_count(c) - 1, value);
}

static inline void add_bytes(tn_walk *w, tn_column_data *c, uint64_t bytes)
{
    if (__builtin_expect(c->at == c->end, 0) && !next_block(w, c))
        return;
    bool small = (bytes & 15) == 0 && bytes >> 4 < UINT8_MAX;
    *c->at++ = small ? (uint8_t)(bytes >> 4) : UINT8_MAX;
    if (__builtin_expect(!small, 0))
        note_big(w, c, tn__column_count(c) - 1, bytes);
}

static inline void add16(tn_walk *w, tn_column_data *c, uint16_t value)
{
    if (__builtin_expect(c->at == c->end, 0) && !next_block(w, c))
        return;
    memcpy(c->at, &value, 2);
    c->at += 2;
}

static inline void add_row(tn_walk *w, uint32_t shape, uint64_t size, uint64_t refcount, uint32_t flags)
{
    tn_rows *rows = &w->rows;
    uint32_t n = rows->n++;
    bool small = (size & 15) == 0 && size >> 4 < UINT8_MAX;
    rows->shapes[n] = shape < UINT16_MAX ? (uint16_t)shape : UINT16_MAX;
    rows->sizes[n] = small ? (uint8_t)(size >> 4) : UINT8_MAX;
    rows->refcounts[n] = refcount < UINT8_MAX ? (uint8_t)refcount : UINT8_MAX;
    rows->flags[n] = (uint16_t)flags;
    if (__builtin_expect(shape >= UINT16_MAX, 0))
        note_big(w, &w->columns[TN_WALK_SHAP], n, shape);
    if (__builtin_expect(!small, 0))
        note_big(w, &w->columns[TN_WALK_SIZE], n, size);
    if (__builtin_expect(refcount >= UINT8_MAX, 0))
        note_big(w, &w->columns[TN_WALK_REFC], n, refcount < UINT32_MAX ? refcount : UINT32_MAX);
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
        add_reference(w, id_of(due));
}

static void finish_queue(tn_walk *w)
{
    uint64_t n = w->n_references;
    for (uint64_t i = n > TN_QUEUE ? n - TN_QUEUE : 0; i < n; i++)
        add_reference(w, id_of(w->emit_queue[i % TN_QUEUE]));
}

static void add_references(tn_walk *w, uint64_t object, const tn_description *d)
{
    const tn_shape_info *shape = &TN_SHAPE_AT(w, d->shape);
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
    add_bytes(w, &w->columns[TN_WALK_BUFS], bytes);
    add_number(w, &w->columns[TN_WALK_BUFK], kind);
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

/* ---- previews: of the row added last ---- */

static bool mark_previewed(tn_walk *w)
{
    enum { BYTES = TN_NODE_BLOCK / 8 };
    uint64_t **bits = &w->reg->bundles[w->rows.bundle].previews;
    if (__builtin_expect(!*bits, 0)) {
        if (!(*bits = tn__arena_get(&w->arena, BYTES))) {
            w->status = TN_ENOMEM;
            return false;
        }
        memset(*bits, 0, BYTES);
    }
    uint32_t node = w->rows.n - 1;
    (*bits)[node / 64] |= 1ull << node % 64;
    return true;
}

/* All threads draw on one budget, a few KiB at a time. */
static bool afford(tn_walk *w, uint32_t n)
{
    enum { SHARE = 65536, BUDGET = 64 << 20 };
    w->totals.previews_eligible++;
    if (__builtin_expect(w->preview_bytes_left < n, 0)) {
        if (__atomic_fetch_add(&w->reg->preview_bytes, SHARE, __ATOMIC_RELAXED) >= BUDGET)
            return false;
        w->preview_bytes_left = SHARE;
    }
    w->preview_bytes_left -= n;
    w->totals.previews_kept++;
    return true;
}

static void add_preview(tn_walk *w, uint16_t kind, const void *bytes, uint32_t n)
{
    tn_column_data *c = &w->columns[TN_WALK_PREV_BYTES];
    if (!afford(w, n) || !mark_previewed(w))
        return;
    add16(w, &w->columns[TN_WALK_PREV_KIND],
          (uint16_t)(n | (kind & TN_PREVIEW_CUT ? TN_WALK_CUT : 0u) | (kind & 15u) << TN_WALK_KIND_SHIFT));
    while ((uint64_t)(c->end - c->at) < n) {
        uint32_t part = (uint32_t)(c->end - c->at);
        if (part)
            memcpy(c->at, bytes, part);
        c->at += part;
        bytes = (const uint8_t *)bytes + part;
        n -= part;
        if (!next_block(w, c))
            return;
    }
    if (n)
        memcpy(c->at, bytes, n);
    c->at += n;
}

/* Bytes from the lowest one on that give the number back when the last one's sign is extended. */
static inline uint32_t significant(int64_t value)
{
    uint64_t magnitude = (uint64_t)(value < 0 ? ~value : value);
    return magnitude ? (64 - (unsigned)__builtin_clzll(magnitude)) / 8 + 1 : 1;
}

static void preview(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    uint8_t out[TN_PREVIEW_MAX];
    uint16_t kind = 0, n = tn__preview(w, object, t, out, &kind);
    if (n == UINT16_MAX)
        return;
    if (kind == TN_PREVIEW_INT) {
        int64_t value;
        memcpy(&value, out, sizeof value);
        n = (uint16_t)significant(value);
    }
    add_preview(w, kind, out, n);
}

/* Length, hash and preview of a str that tn__plain_str knows. */
static void add_text(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t length = tn_load64(m, object + l->str_length), data = object + l->str_ascii_size;
    uint64_t n = tn__usable(w, data, length) ? length : 0;
    add_number(w, &w->columns[TN_WALK_LENG], length);
    if (t->has_hash)
        add8bytes(w, &w->columns[TN_WALK_HASH], tn__hash(TN_AT(m, data), n));
    uint32_t room = tn__preview_room(w, tn_load32(m, object + l->str_state) & l->str_interned_mask);
    if (room)
        add_preview(w, TN_PREVIEW_TEXT | (n > room || n < length ? TN_PREVIEW_CUT : 0), TN_AT(m, data),
                    (uint32_t)(n < room ? n : room));
}

/* Length and preview of an int of any size. */
static void add_int(tn_walk *w, uint64_t object, const tn_type_info *t)
{
    int64_t value;
    uint64_t magnitude;
    bool small = tn__int_small(w, object, &value);
    if (!small) {
        add_number(w, &w->columns[TN_WALK_LENG], tn__int_bits(w, object));
        if (t->previewed)
            preview(w, object, t);
        return;
    }
    magnitude = (uint64_t)(value < 0 ? -value : value);
    add_number(w, &w->columns[TN_WALK_LENG], magnitude ? 64u - (unsigned)__builtin_clzll(magnitude) : 0);
    if (t->previewed)
        add_preview(w, TN_PREVIEW_INT, &value, significant(value));
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
    add_row(w, shape, block, refcount, flags);
    if (t->kind == TN_KIND_STR) {
        add_text(w, object, t);
    } else if (t->kind == TN_KIND_INT) {
        add_int(w, object, t);
    } else {
        if (t->kind == TN_KIND_BYTES)
            add_number(w, &w->columns[TN_WALK_LENG], tn_load64(&w->target->memory, object + 16));
        if (t->has_hash)
            add8bytes(w, &w->columns[TN_WALK_HASH], tn__content_hash(w, object, t));
        if (t->previewed)
            preview(w, object, t);
    }
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
    const tn_shape_info *shape = &TN_SHAPE_AT(w, d.shape);
    uint32_t shape_flags = shape->flags;
    uint64_t block = own_block(w, r, object, t, &allocator), refcount = tn__refcount(w, object, &immortal);
    uint64_t size = block + (d.n_buffers ? add_buffers(w, &d, &pymalloc, &external) : 0);
    uint32_t flags = row_flags(w, r, object, t, immortal, allocator) | (uint32_t)d.n_buffers << 8;
    add_row(w, d.shape, size, refcount, flags);
    add_references(w, object, &d);
    if (shape_flags & TN_SHAPE_LENGTH)
        add_number(w, &w->columns[TN_WALK_LENG], t->kind == TN_KIND_INT ? tn__int_bits(w, object) : d.length);
    if (shape_flags & TN_SHAPE_CAPACITY)
        add_number(w, &w->columns[TN_WALK_CAPA], d.capacity);
    if (shape_flags & TN_SHAPE_HASH)
        add8bytes(w, &w->columns[TN_WALK_HASH], tn__content_hash(w, object, t));
    add_totals(w, flags & TN_NODE_OWN, block, allocator, pymalloc, external, size);
    if (t->previewed)
        preview(w, object, t);
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
    add_row(w, shape, size, refcount, flags);
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
    add_number(w, &w->columns[TN_WALK_DEGR], w->n_references - before);
    if (t->kind != TN_KIND_TUPLE)
        add_number(w, &w->columns[TN_WALK_CAPA], q->capacity);
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
        add32(w, &w->columns[TN_WALK_AODD], id);
    w->strict = false;
}

static void emit_synthetic(tn_walk *w, const tn_synthetic *s)
{
    const tn_shape_info *shape = &TN_SHAPE_AT(w, s->shape);
    const uint64_t *references = TN_LIST(w->reg->synthetic_references, uint64_t) + s->first_reference;
    add_row(w, s->shape, s->size, 0, 0);
    for (uint32_t i = 0; i < s->n_references; i++)
        put_reference(w, references[i]);
    if (shape->flags & TN_RUN_STYLE)
        add_number(w, &w->columns[TN_WALK_DEGR], s->n_references - shape->n_fixed);
    if (shape->flags & TN_SHAPE_STACK)
        add32(w, &w->columns[TN_WALK_STKI], s->stack);
    w->totals.synthetic_bytes += s->size;
}

/* ---- bundles ---- */

static bool begin_bundle(tn_walk *w, uint32_t index)
{
    w->columns = w->reg->bundles[index].columns;
    w->rows.bundle = index;
    w->rows.n = 0;
    w->n_references = 0;
    for (unsigned i = 0; i < 4; i++)
        if (!next_block(w, &w->columns[node_columns[i]]))
            return false;
    w->rows.shapes = (uint16_t *)(void *)w->columns[TN_WALK_SHAP].at;
    w->rows.sizes = w->columns[TN_WALK_SIZE].at;
    w->rows.refcounts = w->columns[TN_WALK_REFC].at;
    w->rows.flags = (uint16_t *)(void *)w->columns[TN_WALK_FLAG].at;
    return true;
}

static void end_bundle(tn_walk *w)
{
    finish_queue(w);
    w->totals.references += w->n_references;
    for (unsigned i = 0; i < 4; i++)
        w->columns[node_columns[i]].at += (size_t)w->rows.n * column_shapes[node_columns[i]].width;
}

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
    if (!begin_bundle(w, index))
        return;
    emit_objects(w, (uint32_t)id, (uint32_t)(end < n_objects ? end : n_objects));
    for (id = id < n_objects ? n_objects : id; id < end && w->status == 0; id++)
        emit_synthetic(w, &TN_LIST(w->reg->synthetic, tn_synthetic)[id - n_objects]);
    end_bundle(w);
}

static void emit_some(tn_walk *w)
{
    uint32_t index;
    while (w->status == 0 &&
           (index = __atomic_fetch_add(&w->reg->next_bundle, 1, __ATOMIC_RELAXED)) < w->reg->n_bundles)
        emit_bundle(w, index);
}

static bool make_bundles(tn_walk *w)
{
    tn_registry *reg = w->reg;
    uint64_t n_nodes = w->map->n_objects + reg->synthetic.count, next = 0;
    uint32_t n = (uint32_t)((n_nodes + TN_NODE_BLOCK - 1) / TN_NODE_BLOCK);
    reg->bundles = tn__alloc(w->alloc, n * sizeof *reg->bundles);
    if (!reg->bundles) {
        w->status = TN_ENOMEM;
        return false;
    }
    reg->n_bundles = n;
    for (uint32_t i = 0; i < n; i++)
        columns_init(reg->bundles[i].columns, n_nodes);
    for (const tn_region *r = tn_map_next(w->map, 0); r; r = tn_map_next(w->map, r->key + 1)) {
        uint64_t end = r->cells[1023].rank + (uint64_t)__builtin_popcountll(r->cells[1023].bits);
        for (; next * TN_NODE_BLOCK < end; next++)
            reg->bundles[next].region = r->key;
    }
    return true;
}

void tn__emit(tn_walk *w)
{
    if (!make_bundles(w))
        return;
    w->reg->next_bundle = 0;
    if (w->reg->first_thread_only)
        emit_some(w);
    else
        tn__share(w, emit_some);
}
