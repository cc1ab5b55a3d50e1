/* describe.c - one object's references, private buffers and measures, read from its memory.
 *
 * Order of an object's references (its shape's labels stand in the same order): extras that are no word of the object
 * (class, shared keys, what a type's state gives), fields at offsets, attribute values or __dict__, then the run.
 */
#include "engine/bundle.h"
#include "engine/describe.h"

#include "cpython/fields.h"

/* Objects/odictobject.c and Modules/_collectionsmodule.c, 3.11 to 3.15. */
enum { ODICT_FIRST = 48, ODICT_FAST_NODES = 64, ODICT_FAST_SIZE = 72, ODICT_NODE_BYTES = 32 };
enum {
    DEQUE_LEFT = 24,
    DEQUE_LEFT_INDEX = 40,
    DEQUE_N_FREE = 72,
    DEQUE_FREE = 80,
    DEQUE_RIGHT = 520, /* in a block */
    DEQUE_BLOCK_BYTES = 528,
    DEQUE_BLOCK_ITEMS = 64
};
enum { SPLIT_OWNED = 1, SPLIT_EMBEDDED = 2, INTERNED_TABLE = 3, MOST_STATE = 1 << 12, MOST_LINKS = 1 << 12 };

/* ---- instances ---- */

static void describe_values(tn_walk *w, tn_type_info *t, tn_description *d, uint64_t values, uint64_t n)
{
    tn__add_array(w, d, values + w->layout->values_items, n);
    if (n < t->n_keys || !values)
        tn__add_span(d, TN_SPAN_ABSENT, 0, t->n_keys - (values ? n : 0));
}

/* 3.11, 3.12: the array of values is a block of its own; bytes before it hold the insertion order, the last one of them
 * their number (Objects/dictobject.c, new_values). */
static void add_values_block(tn_walk *w, tn_description *d, uint64_t values, uint64_t keys)
{
    if (!tn__span_readable(w, values - 8, 16))
        return;
    uint64_t prefix = tn_load8(&w->target->memory, values - 1);
    uint64_t room = tn_load64(&w->target->memory, keys + w->layout->keys_usable) +
                    tn_load64(&w->target->memory, keys + w->layout->keys_nentries);
    tn__note_buffer(d, TN_BUFFER_VALUES, values - prefix, prefix + 8 * room);
}

static enum tn_variant describe_attributes(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t dict_at = object - 24, dict = tn_load64(m, dict_at), values = 0;
    if (l->dict_style == TN_DICT_POINTERS)
        values = tn_load64(m, object - 32);
    else if (l->dict_style == TN_DICT_TAGGED && (dict & 1))
        values = dict + 1;
    if (l->dict_style == TN_DICT_INLINE && (t->flags & l->inline_values_flag) && t->keys) {
        uint64_t inlined = object + t->basic_size, capacity = tn_load8(m, inlined + l->values_capacity);
        if (tn_load8(m, inlined + l->values_valid)) {
            describe_values(w, t, d, inlined, capacity < t->n_keys ? capacity : t->n_keys);
            tn__add_span(d, TN_SPAN_ARRAY, dict_at, 1);
            return TN_VARIANT_VALUES;
        }
    } else if (values && t->keys) {
        add_values_block(w, d, values, t->keys);
        describe_values(w, t, d, values, t->n_keys);
        return TN_VARIANT_VALUES;
    }
    if (!dict || (dict & 1))
        return TN_VARIANT_PLAIN;
    tn__add_span(d, TN_SPAN_ARRAY, dict_at, 1);
    return TN_VARIANT_DICT;
}

/* 3.11: the dict of a variable-size instance stands at its end (Objects/object.c, _PyObject_GetDictPtr). */
static enum tn_variant describe_trailing_dict(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    int64_t items = (int64_t)tn_load64(m, object + 16);
    uint64_t size = t->basic_size + (uint64_t)(items < 0 ? -items : items) * t->item_size;
    uint64_t at = object + ((size + 7) & ~7ull) + (uint64_t)t->dict_offset;
    tn__add_span(d, TN_SPAN_ARRAY, at, 1);
    return TN_VARIANT_DICT;
}

/* ---- containers ---- */

static uint64_t entries_of(const tn_walk *w, uint64_t keys)
{
    return keys + w->layout->keys_indices +
           (1ull << tn_load8(&w->target->memory, keys + w->layout->keys_log2_index_bytes));
}

static uint64_t keys_bytes(const tn_walk *w, uint64_t keys, uint64_t *room)
{
    const tn_memory *m = &w->target->memory;
    *room = tn_load64(m, keys + w->layout->keys_usable) + tn_load64(m, keys + w->layout->keys_nentries);
    uint64_t entry = tn_load8(m, keys + w->layout->keys_kind) ? 16 : 24;
    return entries_of(w, keys) - keys + entry * *room;
}

static uint32_t keys_node_make(tn_walk *w, uint64_t keys)
{
    uint64_t room, nominal = keys_bytes(w, keys, &room),
                   n = tn_load64(&w->target->memory, keys + w->layout->keys_nentries);
    uint64_t references[64];
    for (uint64_t i = 0; i < n && i < 64; i++)
        references[i] = tn_load64(&w->target->memory, entries_of(w, keys) + 16 * i);
    uint32_t type = tn__synthetic_type(w, "shared keys");
    uint32_t shape = tn__memo_get(w, TN_SYNTHETIC, 1, 1);
    if (shape == TN_NONE) {
        shape = tn__shape_new(w, type, TN_RUN_ITEMS, NULL, 0);
        tn__memo_put(w, TN_SYNTHETIC, 1, 1, shape);
    }
    uint32_t node = tn__synthetic_new(w, shape, references, n < 64 ? (uint32_t)n : 64);
    unsigned allocator;
    if (node != TN_NONE) {
        TN_LIST(w->reg->synthetic, tn_synthetic)[node].size = tn_map_block(w->map, keys, nominal, &allocator);
        tn__memo_put(w, TN_SYNTHETIC, keys, 0, node);
        tn_map_claim(w->map, keys);
    }
    return node;
}

uint32_t tn__keys_node(tn_walk *w, uint64_t keys)
{
    uint32_t known = tn__memo_get(w, TN_SYNTHETIC, keys, 0);
    if (known != TN_NONE)
        return known;
    bool taken = tn__lock(w);
    known = tn__memo_get(w, TN_SYNTHETIC, keys, 0);
    if (known == TN_NONE)
        known = keys_node_make(w, keys);
    tn__unlock(w, taken);
    return known;
}

static uint32_t split_shape_make(tn_walk *w, tn_type_info *t, uint64_t keys, uint32_t n, bool embedded)
{
    uint32_t *labels = tn__arena_get(&w->reg->arena, 2 * ((size_t)n + 1) * sizeof *labels);
    if (!labels) {
        w->status = TN_ENOMEM;
        return 0;
    }
    labels[0] = tn__string(w, "shared keys");
    labels[1] = TN_LABEL_FIELD;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t name = w->options.redact
                            ? TN_NONE
                            : tn__string_of(w, tn_load64(&w->target->memory, entries_of(w, keys) + 16ull * i));
        labels[2 * i + 2] = name == TN_NONE ? tn__string(w, "") : name;
        labels[2 * i + 3] = TN_LABEL_ITEM | (embedded ? TN_REF_BORROWED << 8 : 0);
    }
    uint32_t shape = tn__shape_new(w, t->index, TN_SHAPE_CAPACITY, labels, n + 1);
    tn__memo_put(w, t->address, keys, embedded ? SPLIT_EMBEDDED : SPLIT_OWNED, shape);
    return shape;
}

static uint32_t split_shape(tn_walk *w, tn_type_info *t, uint64_t keys, uint32_t n, bool embedded)
{
    uint32_t tag = embedded ? SPLIT_EMBEDDED : SPLIT_OWNED, shape = tn__memo_get(w, t->address, keys, tag);
    if (shape != TN_NONE)
        return shape;
    bool taken = tn__lock(w);
    shape = tn__memo_get(w, t->address, keys, tag);
    if (shape == TN_NONE)
        shape = split_shape_make(w, t, keys, n, embedded);
    tn__unlock(w, taken);
    return shape;
}

/* A __dict__ whose keys are shared with other instances of the class. */
static void describe_split(tn_walk *w, tn_type_info *t, tn_description *d, uint64_t keys, uint64_t values)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint32_t node = tn__keys_node(w, keys), n = (uint32_t)tn_load64(m, keys + l->keys_nentries);
    bool embedded = l->dict_style == TN_DICT_INLINE && tn_load8(m, values + l->values_embedded);
    d->extra[0] = TN_SYNTHETIC | node;
    tn__add_span(d, TN_SPAN_ARRAY, (uint64_t)(uintptr_t)d->extra, 1)->local = true;
    uint64_t have = n;
    if (l->dict_style == TN_DICT_INLINE) {
        uint64_t capacity = tn_load8(m, values + l->values_capacity);
        have = capacity < n ? capacity : n;
        if (!embedded)
            tn__note_buffer(d, TN_BUFFER_VALUES, values, l->values_items + 9 * capacity);
    } else {
        add_values_block(w, d, values, keys);
    }
    tn__add_array(w, d, values + l->values_items, have);
    if (have < n)
        tn__add_span(d, TN_SPAN_ABSENT, 0, n - have);
    d->capacity = n;
    d->shape = split_shape(w, t, keys, n, embedded);
}

/* Combined table: entries of (key, value) or (hash, key, value). */
static void describe_table(tn_walk *w, tn_description *d, uint64_t keys)
{
    const tn_memory *m = &w->target->memory;
    if (!tn__span_readable(w, keys, w->layout->keys_indices))
        return;
    uint64_t n = tn_load64(m, keys + w->layout->keys_nentries);
    bool general = tn_load8(m, keys + w->layout->keys_kind) == 0;
    uint64_t nominal = keys_bytes(w, keys, &d->capacity);
    if (n > d->capacity || d->capacity >> 56 || !tn__span_readable(w, keys, nominal))
        return;
    tn__note_buffer(d, TN_BUFFER_KEYS, keys, nominal);
    tn__add_span(d, TN_SPAN_PAIRS, entries_of(w, keys) + (general ? 8 : 0), n)->stride = general ? 24 : 16;
}

static void describe_odict(tn_walk *w, uint64_t object, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    tn__note_buffer(d, TN_BUFFER_TABLE, tn_load64(m, object + ODICT_FAST_NODES),
                    8 * tn_load64(m, object + ODICT_FAST_SIZE));
    uint64_t bytes = 0, used = tn_load64(m, object + w->layout->dict_used);
    unsigned allocator;
    uint64_t node = tn_load64(m, object + ODICT_FIRST);
    for (uint64_t i = 0; node && i <= used && tn__span_readable(w, node, ODICT_NODE_BYTES);
         i++, node = tn_load64(m, node + 16)) {
        tn__note_owned(w, TN_BUFFER_OTHER, node);
        if (w->marking)
            tn_map_claim(w->map, node);
        else
            bytes += tn_map_block(w->map, node, ODICT_NODE_BYTES, &allocator);
    }
    tn__note_bytes(d, TN_BUFFER_OTHER, bytes);
}

/* Blocks in use and those kept for later, which the deque has in an array of 16. */
static void note_deque(tn_walk *w, uint64_t object, uint64_t block, uint64_t blocks, uint64_t n_free)
{
    const tn_memory *m = &w->target->memory;
    for (; blocks && tn__span_readable(w, block, DEQUE_BLOCK_BYTES); blocks--) {
        tn__note_owned(w, TN_BUFFER_BLOCKS, block);
        block = tn_load64(m, block + DEQUE_RIGHT);
    }
    for (uint64_t i = 0; i < n_free && i < 16; i++)
        tn__note_owned(w, TN_BUFFER_BLOCKS, tn_load64(m, object + DEQUE_FREE + 8 * i));
}

static void describe_deque(tn_walk *w, uint64_t object, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    uint64_t n = tn_load64(m, object + 16), first = tn_load64(m, object + DEQUE_LEFT_INDEX);
    uint64_t left = tn_load64(m, object + DEQUE_LEFT), n_free = tn_load64(m, object + DEQUE_N_FREE);
    if (first >= DEQUE_BLOCK_ITEMS || !tn__span_readable(w, left, DEQUE_BLOCK_BYTES))
        return;
    tn_span *s = tn__add_span(d, TN_SPAN_DEQUE, left, n);
    s->stride = (uint32_t)first;
    uint64_t blocks = (first + n + DEQUE_BLOCK_ITEMS - 1) / DEQUE_BLOCK_ITEMS;
    blocks += blocks == 0;
    unsigned allocator;
    uint64_t each = left ? tn_map_block(w->map, left, DEQUE_BLOCK_BYTES, &allocator) : 0;
    tn__note_bytes(d, TN_BUFFER_BLOCKS, (blocks + (n_free <= 16 ? n_free : 0)) * each);
    d->capacity = blocks * DEQUE_BLOCK_ITEMS;
    if (w->noting)
        note_deque(w, object, left, blocks, n_free);
}

/* ---- data ---- */

static void describe_str(tn_walk *w, uint64_t object, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint32_t state = tn_load32(m, object + l->str_state), kind = state >> l->str_kind_shift & 7;
    uint64_t n = tn_load64(m, object + l->str_length), data = 0;
    bool compact = state & l->str_compact_bit, ascii = state & l->str_ascii_bit;
    d->length = n;
    if (compact && !ascii) {
        data = object + l->str_compact_size;
    } else if (!compact) {
        data = tn_load64(m, object + l->str_data);
        tn__note_buffer(d, TN_BUFFER_DATA, data, (n + 1) * kind);
    }
    if (!(compact && ascii)) {
        uint64_t utf8 = tn_load64(m, object + l->str_utf8);
        if (utf8 != data)
            tn__note_buffer(d, TN_BUFFER_UTF8, utf8, tn_load64(m, object + l->str_utf8_length) + 1);
    }
    if (l->str_wstr && tn_load64(m, object + l->str_wstr) != data)
        tn__note_buffer(d, TN_BUFFER_WIDE, tn_load64(m, object + l->str_wstr), 4 * (n + 1));
}

static void note_data(tn_description *d, uint64_t address, uint64_t bytes)
{
    d->data = address;
    d->data_bytes = bytes;
}

/* Elements of an array of objects, in the order of memory; a view refers to its base instead. False: it is none. */
static bool describe_elements(tn_walk *w, uint64_t object, uint64_t bytes, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    enum { DESCR = 56, TYPE_NUM = 28, NPY_OBJECT = 17 }; /* numpy/ndarraytypes.h, the same in 1.x and 2.x */
    uint64_t descr = tn_load64(m, object + DESCR), data = tn_load64(m, object + 16);
    if (!tn__usable(w, descr, TYPE_NUM + 4) || tn_load32(m, descr + TYPE_NUM) != NPY_OBJECT || (data & 7) != 0)
        return false;
    tn__add_array(w, d, data, bytes / 8);
    return true;
}

static void describe_ndarray(tn_walk *w, uint64_t object, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    enum { OWNDATA = 4 };
    uint64_t n = tn_load32(m, object + 24), dims = tn_load64(m, object + 32), strides = tn_load64(m, object + 40);
    uint64_t bytes = n ? 0 : 8;
    if (n > 64 || (n && (!tn__span_readable(w, dims, 8 * n) || !tn__span_readable(w, strides, 8 * n))))
        return;
    for (uint64_t i = 0; i < n; i++) {
        int64_t stride = (int64_t)tn_load64(m, strides + 8 * i);
        uint64_t extent = tn_load64(m, dims + 8 * i) * (uint64_t)(stride < 0 ? -stride : stride);
        bytes = extent > bytes ? extent : bytes;
    }
    d->length = bytes;
    if (tn_load32(m, object + 64) & OWNDATA) {
        tn__note_buffer(d, TN_BUFFER_DATA, tn_load64(m, object + 16), bytes ? bytes : 1);
        if (!describe_elements(w, object, bytes, d))
            note_data(d, tn_load64(m, object + 16), bytes);
        d->flat = n > 1;
    }
    if (n)
        tn__note_buffer(d, TN_BUFFER_OTHER, dims, 16 * n);
}

/* The table of interned strings owns none of them. */
static bool describe_interned(tn_walk *w, tn_type_info *t, tn_description *d)
{
    bool taken = tn__lock(w);
    d->shape = tn__memo_get(w, t->address, 1, INTERNED_TABLE);
    if (d->shape == TN_NONE) {
        d->shape = tn__shape_new(w, t->index, TN_RUN_PAIRS | TN_SHAPE_CAPACITY | TN_REF_INTERNED << TN_RUN_KIND_SHIFT,
                                 NULL, 0);
        tn__memo_put(w, t->address, 1, INTERNED_TABLE, d->shape);
    }
    tn__unlock(w, taken);
    return true;
}

static bool describe_kind(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t base;
    switch (t->kind) {
    case TN_KIND_LIST:
        d->capacity = tn_load64(m, object + l->list_allocated);
        base = tn_load64(m, object + l->list_items);
        tn__note_buffer(d, TN_BUFFER_ITEMS, base, 8 * d->capacity);
        tn__add_array(w, d, base, tn_load64(m, object + 16));
        return false;
    case TN_KIND_TUPLE: tn__add_array(w, d, object + l->tuple_items, tn_load64(m, object + 16)); return false;
    case TN_KIND_DICT:
        base = tn_load64(m, object + l->dict_values);
        if (base && tn__span_readable(w, base - 8, 16) &&
            tn__span_readable(w, tn_load64(m, object + l->dict_keys), l->keys_indices)) {
            describe_split(w, t, d, tn_load64(m, object + l->dict_keys), base);
            return true;
        }
        describe_table(w, d, tn_load64(m, object + l->dict_keys));
        return object == w->interned && describe_interned(w, t, d);
    case TN_KIND_ODICT:
        describe_odict(w, object, d);
        describe_table(w, d, tn_load64(m, object + l->dict_keys));
        return false;
    case TN_KIND_SET:
        base = tn_load64(m, object + l->set_table);
        d->capacity = tn_load64(m, object + l->set_mask) + 1;
        if (base != object + l->set_smalltable)
            tn__note_buffer(d, TN_BUFFER_TABLE, base, 16 * d->capacity);
        if (!(d->capacity >> 56) && tn__span_readable(w, base, 16 * d->capacity))
            tn__add_span(d, TN_SPAN_SET, base, d->capacity);
        return false;
    case TN_KIND_DEQUE: describe_deque(w, object, d); return false;
    case TN_KIND_BYTEARRAY:
        d->length = tn_load64(m, object + 16);
        d->capacity = tn_load64(m, object + l->bytearray_alloc);
        if (!l->bytearray_object)
            tn__note_buffer(d, TN_BUFFER_DATA, tn_load64(m, object + l->bytearray_bytes), d->capacity);
        note_data(d, tn_load64(m, object + l->bytearray_bytes + TN_BYTEARRAY_START), d->length);
        return false;
    case TN_KIND_ARRAY:
        base = tn_load64(m, object + 40);
        d->length = tn__span_readable(w, base, 8) ? tn_load64(m, object + 16) * tn_load32(m, base + 4) : 0;
        tn__note_buffer(d, TN_BUFFER_DATA, tn_load64(m, object + 24),
                        tn__span_readable(w, base, 8) ? tn_load64(m, object + 32) * tn_load32(m, base + 4) : 0);
        note_data(d, tn_load64(m, object + 24), d->length);
        return false;
    case TN_KIND_NDARRAY: describe_ndarray(w, object, d); return false;
    case TN_KIND_CODE: tn__describe_code(w, object, d); return false;
    case TN_KIND_DATETIME: /* the field is only there when a byte says so (Include/datetime.h) */
        if (tn_load8(m, object + 24))
            tn__add_span(d, TN_SPAN_ARRAY, object + (t->c_size - 8), 1);
        else
            tn__add_span(d, TN_SPAN_ABSENT, 0, 1);
        return false;
    case TN_KIND_TRAVERSE:
    case TN_KIND_MODULE:
        tn__describe_traverse(w, object, t, d);
        return t->special == TN_FIELDS_HAMT && tn__names_hamt(w, object, t, d);
    case TN_KIND_SCAN: tn__describe_scan(w, object, t, d); return false;
    case TN_KIND_GENERATOR: return tn__describe_generator(w, object, t, d);
    case TN_KIND_FRAME:
        return tn_load64(m, object + l->frameobject_frame) == object + l->frameobject_data &&
               tn__describe_frame(w, object + l->frameobject_data, t, d);
    default: return false;
    }
}

static uint64_t items_of(const tn_walk *w, uint64_t object, const tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    if (t->kind == TN_KIND_INT) {
        uint64_t tag = tn_load64(m, object + w->layout->long_tag);
        int64_t size = w->layout->int_style == TN_INT_TAGGED ? (int64_t)(tag >> 3) : (int64_t)tag;
        return size == 0 ? 1 : (uint64_t)(size < 0 ? -size : size);
    }
    return tn_load64(m, object + 16);
}

static uint64_t str_bytes(const tn_walk *w, uint64_t object)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint32_t state = tn_load32(m, object + l->str_state);
    uint64_t n = tn_load64(m, object + l->str_length);
    return state & l->str_ascii_bit ? l->str_ascii_size + n + 1
                                    : l->str_compact_size + (n + 1) * (state >> l->str_kind_shift & 7);
}

uint64_t tn__least(const tn_walk *w, const tn_type_info *t)
{
    return t->plain_str ? w->layout->str_ascii_size + 1u : t->basic_size;
}

uint64_t tn__nominal(const tn_walk *w, uint64_t object, const tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t bytes = t->basic_size;
    if (t->kind == TN_KIND_STR && !t->python)
        return str_bytes(w, object);
    if (t->kind == TN_KIND_DATETIME && !t->python && !tn_load8(m, object + 24))
        return t->basic_size - 8;
    if (t->kind == TN_KIND_TYPE && !(tn_load64(m, object + l->type_flags) >> 9 & 1))
        return 0; /* a static type: its metatype's sizes are those of heap types */
    if (t->item_size && !(t->kind == TN_KIND_STR))
        bytes += t->item_size * items_of(w, object, t);
    if (l->dict_style == TN_DICT_INLINE && (t->flags & l->inline_values_flag) && t->keys)
        bytes += l->values_items + 9 * (uint64_t)tn_load8(m, object + t->basic_size + l->values_capacity);
    return bytes + t->preheader;
}

void tn__describe(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    uint32_t n_extra = 0;
    d->n_spans = d->n_buffers = 0;
    d->flat = false;
    d->length = d->capacity = 0;
    d->data_bytes = UINT64_MAX;
    if (t->class_reference)
        d->extra[n_extra++] = t->address;
    if (t->kind == TN_KIND_STR)
        describe_str(w, object, d);
    else if (t->kind == TN_KIND_BYTES)
        d->length = tn_load64(&w->target->memory, object + 16);
    else if (t->kind == TN_KIND_TYPE)
        n_extra = tn__describe_type(w, object, d, n_extra);
    if (n_extra)
        tn__add_span(d, TN_SPAN_ARRAY, (uint64_t)(uintptr_t)d->extra, n_extra)->local = true;
    uint64_t fields = t->n_fixed ? tn__fields_base(w, object, t) : 0;
    if (fields)
        tn__add_span(d, TN_SPAN_FIELDS, fields, t->n_fixed)->offsets = t->offsets;
    else if (t->n_fixed)
        tn__add_span(d, TN_SPAN_ABSENT, 0, t->n_fixed);
    enum tn_variant variant = TN_VARIANT_PLAIN;
    if (t->managed_dict)
        variant = describe_attributes(w, object, t, d);
    else if (t->dict_offset < 0 && t->python)
        variant = describe_trailing_dict(w, object, t, d);
    if (t->kind == TN_KIND_TYPE) {
        bool heap = tn_load64(&w->target->memory, object + w->layout->type_flags) >> 9 & 1;
        if (t->meta && heap)
            tn__describe_meta(w, object, t, d, n_extra);
        variant = heap ? variant : TN_VARIANT_STATIC;
    }
    if (!describe_kind(w, object, t, d))
        d->shape = tn__shape(w, t, variant);
    if (d->flat) /* elements of an array of several dimensions, which have no single index */
        d->shape = tn__shape_with(w, d->shape, TN_RUN_UNLABELLED, NULL, 0);
    if (t->kind == TN_KIND_MODULE && w->scratch.count && w->scratch.count < MOST_STATE)
        d->shape = tn__shape_with(w, d->shape, TN_RUN_NONE, "state", (uint32_t)w->scratch.count);
    if (t->special == TN_FIELDS_LRU && w->scratch.count > t->n_named && w->scratch.count - t->n_named < MOST_LINKS)
        d->shape = tn__shape_with(w, d->shape, TN_RUN_UNLABELLED, "link", (uint32_t)(w->scratch.count - t->n_named));
}
