/* shapes.c - shapes (what references of a node mean) and the tables TYPE and SHTB of the file. */
#include "engine/walk.h"

uint32_t tn__shape_new(tn_walk *w, uint32_t type, uint32_t flags, const uint32_t *labels, uint32_t n_fixed)
{
    uint32_t at = (uint32_t)w->reg->labels.count;
    if (n_fixed) {
        uint32_t *place = tn__list_add(w, &w->reg->labels, sizeof *place, 2 * (size_t)n_fixed);
        if (!place)
            return 0;
        memcpy(place, labels, 2 * n_fixed * sizeof *place);
    }
    uint32_t n = w->reg->n_shapes, block = n / TN_SHAPE_BLOCK;
    if (block < TN_SHAPE_BLOCK && !w->reg->shapes[block])
        w->reg->shapes[block] = tn__arena_get(&w->reg->arena, TN_SHAPE_BLOCK * sizeof(tn_shape_info));
    if (block == TN_SHAPE_BLOCK || !w->reg->shapes[block]) {
        w->status = block == TN_SHAPE_BLOCK ? TN_ELIMIT : TN_ENOMEM;
        return 0;
    }
    TN_SHAPE_AT(w, n) = (tn_shape_info){type, flags, n_fixed, at};
    return w->reg->n_shapes++;
}

static uint32_t run_flags(const tn_type_info *t)
{
    uint32_t hash = t->has_hash ? TN_SHAPE_HASH : 0;
    switch (t->kind) {
    case TN_KIND_LIST:
    case TN_KIND_DEQUE: return TN_RUN_ITEMS | TN_SHAPE_CAPACITY;
    case TN_KIND_TUPLE: return TN_RUN_ITEMS;
    case TN_KIND_DICT: return TN_RUN_PAIRS | TN_SHAPE_CAPACITY;
    case TN_KIND_ODICT: return TN_RUN_PAIRS | TN_SHAPE_CAPACITY | TN_SHAPE_KEYS_TWICE;
    case TN_KIND_SET: return TN_RUN_MEMBERS | TN_SHAPE_CAPACITY;
    case TN_KIND_STR:
    case TN_KIND_BYTES:
    case TN_KIND_ARRAY: return TN_SHAPE_LENGTH | hash;
    case TN_KIND_INT: return TN_SHAPE_LENGTH;
    case TN_KIND_NDARRAY: return TN_RUN_ITEMS | TN_SHAPE_LENGTH | hash;
    case TN_KIND_BYTEARRAY: return TN_SHAPE_LENGTH | TN_SHAPE_CAPACITY | hash;
    case TN_KIND_TRAVERSE:
    case TN_KIND_MODULE: return TN_RUN_UNLABELLED;
    case TN_KIND_TYPE: return t->meta ? TN_RUN_UNLABELLED : TN_RUN_NONE;
    case TN_KIND_SCAN: return TN_RUN_UNLABELLED | TN_REF_GUESSED << TN_RUN_KIND_SHIFT;
    default: return TN_RUN_NONE;
    }
}

/* Labels of what describe.c puts before an instance's own fields. */
static uint32_t leading_labels(tn_walk *w, const tn_type_info *t, uint32_t *labels)
{
    static const struct {
        const char *name;
        uint32_t style;
    } of_type[] = {
        {"__dict__", TN_LABEL_ATTRIBUTE},     {"tp_subclasses", TN_LABEL_FIELD}, {"shared keys", TN_LABEL_FIELD},
        {"__bases__", TN_LABEL_ATTRIBUTE},    {"__mro__", TN_LABEL_ATTRIBUTE},   {"tp_cache", TN_LABEL_FIELD},
        {"__base__", TN_LABEL_ATTRIBUTE},     {"ht_module", TN_LABEL_FIELD},     {"__name__", TN_LABEL_ATTRIBUTE},
        {"__qualname__", TN_LABEL_ATTRIBUTE}, {"__slots__", TN_LABEL_FIELD}};
    uint32_t n = 0;
    if (t->class_reference) {
        labels[2 * n] = tn__string(w, "__class__");
        labels[2 * n++ + 1] = TN_LABEL_ATTRIBUTE;
    }
    if (t->kind == TN_KIND_TYPE)
        for (size_t i = 0; i < sizeof of_type / sizeof *of_type; i++) {
            labels[2 * n] = tn__string(w, of_type[i].name);
            labels[2 * n++ + 1] = of_type[i].style;
        }
    return n;
}

static uint32_t value_labels(tn_walk *w, const tn_type_info *t, uint32_t *labels)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t entries = t->keys + l->keys_indices + (1ull << tn_load8(m, t->keys + l->keys_log2_index_bytes));
    for (uint32_t i = 0; i < t->n_keys; i++) {
        uint32_t name = w->options.redact ? TN_NONE : tn__string_of(w, tn_load64(m, entries + 16ull * i));
        labels[2 * i] = name == TN_NONE ? tn__string(w, "") : name;
        labels[2 * i + 1] = TN_LABEL_ATTRIBUTE;
    }
    return t->n_keys;
}

static uint32_t shape_of(tn_walk *w, const tn_type_info *t, enum tn_variant variant)
{
    uint32_t *labels =
        tn__arena_get(&w->reg->arena, 2 * (24 + (size_t)t->n_fixed + t->n_keys + t->n_named) * sizeof *labels);
    if (!labels) {
        w->status = TN_ENOMEM;
        return 0;
    }
    uint32_t n = leading_labels(w, t, labels);
    if (variant == TN_VARIANT_STATIC) /* a base named in C source is not counted */
        for (uint32_t i = 0, base = tn__string(w, "__base__"); i < n; i++)
            labels[2 * i + 1] |= labels[2 * i] == base ? TN_REF_BORROWED << 8 : 0;
    if (t->n_fixed)
        memcpy(labels + 2 * n, t->labels, 2 * t->n_fixed * sizeof *labels);
    n += t->n_fixed;
    if (t->kind == TN_KIND_CODE && w->layout->code_cached) {
        static const char *const cached[] = {"co_code", "co_varnames", "co_cellvars", "co_freevars"};
        for (unsigned i = 0; i < 4; i++) {
            labels[2 * n] = tn__string(w, cached[i]);
            labels[2 * n++ + 1] = TN_LABEL_ATTRIBUTE;
        }
    }
    if (variant == TN_VARIANT_VALUES)
        n += value_labels(w, t, labels + 2 * n);
    if (variant == TN_VARIANT_DICT || (variant == TN_VARIANT_VALUES && w->layout->dict_style == TN_DICT_INLINE)) {
        labels[2 * n] = tn__string(w, "__dict__");
        labels[2 * n++ + 1] = TN_LABEL_ATTRIBUTE;
    }
    if (t->kind == TN_KIND_DATETIME) {
        labels[2 * n] = tn__string(w, "tzinfo");
        labels[2 * n++ + 1] = TN_LABEL_ATTRIBUTE;
    }
    if (t->kind == TN_KIND_TRAVERSE && t->n_named)
        memcpy(labels + 2 * n, t->named_labels, 2 * (size_t)t->n_named * sizeof *labels);
    n += t->kind == TN_KIND_TRAVERSE ? t->n_named : 0;
    return tn__shape_new(w, t->index, run_flags(t), labels, n);
}

uint32_t tn__shape_make(tn_walk *w, tn_type_info *t, enum tn_variant variant)
{
    bool taken = tn__lock(w);
    if (t->shapes[variant] == TN_NONE)
        __atomic_store_n(&t->shapes[variant], shape_of(w, t, variant), __ATOMIC_RELEASE);
    tn__unlock(w, taken);
    return t->shapes[variant];
}

/* Memo: tag, run style, number of labels. */
enum { SHAPE_WITH = 10, STYLE_SHIFT = 4, NUMBER_SHIFT = 8 };

uint32_t tn__shape_with(tn_walk *w, uint32_t shape, uint32_t run_style, const char *label, uint32_t n)
{
    uint32_t tag = SHAPE_WITH | run_style << STYLE_SHIFT | n << NUMBER_SHIFT;
    uint32_t with = tn__memo_get(w, TN_SYNTHETIC, shape, tag);
    if (with != TN_NONE)
        return with;
    bool taken = tn__lock(w);
    const tn_shape_info s = TN_SHAPE_AT(w, shape);
    uint32_t *labels = tn__arena_get(&w->reg->arena, 2 * ((size_t)s.n_fixed + n + 1) * sizeof *labels);
    with = tn__memo_get(w, TN_SYNTHETIC, shape, tag);
    if (!labels)
        w->status = TN_ENOMEM;
    if (labels && with == TN_NONE) {
        if (s.n_fixed)
            memcpy(labels, TN_LIST(w->reg->labels, uint32_t) + s.labels, 2 * (size_t)s.n_fixed * sizeof *labels);
        for (uint32_t i = s.n_fixed; i < s.n_fixed + n; i++) {
            labels[2 * i] = tn__string(w, label + (*label == '.'));
            labels[2 * i + 1] = *label == '.' ? TN_LABEL_ATTRIBUTE : TN_LABEL_FIELD;
        }
        with = tn__shape_new(w, s.type, (s.flags & ~(uint32_t)TN_RUN_STYLE) | run_style, labels, s.n_fixed + n);
        tn__memo_put(w, TN_SYNTHETIC, shape, tag, with);
    }
    tn__unlock(w, taken);
    return labels ? with : shape;
}

static uint32_t memo_hash(uint64_t type, uint64_t thing, uint32_t tag)
{
    return tn__type_hash(type ^ thing << 1 ^ (uint64_t)tag << 4);
}

static uint32_t memo_find(const tn_registry *reg, uint64_t type, uint64_t thing, uint32_t tag)
{
    const tn_memo *memos = TN_LIST(reg->memos, tn_memo);
    if (!reg->memo_slots)
        return TN_NONE;
    for (uint32_t i = memo_hash(type, thing, tag) & (reg->n_memo_slots - 1);; i = (i + 1) & (reg->n_memo_slots - 1)) {
        uint32_t slot = reg->memo_slots[i];
        if (!slot)
            return TN_NONE;
        const tn_memo *k = &memos[slot - 1];
        if (k->type == type && k->thing == thing && k->tag == tag)
            return k->value;
    }
}

uint32_t tn__memo_get(tn_walk *w, uint64_t type, uint64_t thing, uint32_t tag)
{
    tn_memo *cached = &w->cached_memos[memo_hash(type, thing, tag) % TN_CACHED];
    if (cached->type == type && cached->thing == thing && cached->tag == tag)
        return cached->value;
    bool taken = tn__lock(w);
    uint32_t value = memo_find(w->reg, type, thing, tag);
    tn__unlock(w, taken);
    if (value != TN_NONE)
        *cached = (tn_memo){type, thing, tag, value};
    return value;
}

static void place_key(tn_walk *w, uint32_t index)
{
    const tn_memo *k = &TN_LIST(w->reg->memos, tn_memo)[index];
    uint32_t i = memo_hash(k->type, k->thing, k->tag) & (w->reg->n_memo_slots - 1);
    while (w->reg->memo_slots[i])
        i = (i + 1) & (w->reg->n_memo_slots - 1);
    w->reg->memo_slots[i] = index + 1;
}

void tn__memo_put(tn_walk *w, uint64_t type, uint64_t thing, uint32_t tag, uint32_t value)
{
    if (w->reg->memos.count * 2 >= w->reg->n_memo_slots) {
        uint32_t n = w->reg->n_memo_slots ? 2 * w->reg->n_memo_slots : 1024;
        uint32_t *slots = tn__arena_get(&w->reg->arena, n * sizeof *slots);
        if (!slots) {
            w->status = TN_ENOMEM;
            return;
        }
        memset(slots, 0, n * sizeof *slots);
        w->reg->memo_slots = slots;
        w->reg->n_memo_slots = n;
        for (uint32_t i = 0; i < w->reg->memos.count; i++)
            place_key(w, i);
    }
    tn_memo *k = tn__list_add(w, &w->reg->memos, sizeof *k, 1);
    if (!k)
        return;
    *k = (tn_memo){type, thing, tag, value};
    place_key(w, (uint32_t)w->reg->memos.count - 1);
}

/* ---- tables of the file ---- */

static void type_names(tn_walk *w, const tn_type_info *t, uint32_t *name, uint32_t *module)
{
    char text[512];
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    tn__c_string(w, tn_load64(m, t->address + l->type_name), text, sizeof text);
    const char *dot = strrchr(text, '.');
    *name = tn__string(w, dot && !t->python ? dot + 1 : text);
    *module = TN_NONE;
    if (t->heap) {
        uint32_t qualified = tn__string_of(w, tn_load64(m, t->address + l->heaptype_qualname));
        if (qualified != TN_NONE)
            *name = qualified;
        uint64_t dict = tn_load64(m, t->address + l->type_dict);
        uint64_t value = dict ? tn__dict_find(w, dict, "__module__", false) : 0;
        *module = value ? tn__string_of(w, value) : TN_NONE;
    }
    if (*module == TN_NONE && !t->python) {
        if (dot)
            text[dot - text] = 0;
        *module = tn__string(w, dot ? text : "builtins");
    }
}

static uint32_t type_row_flags(const tn_walk *w, const tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    bool finalizer = tn_load64(m, t->address + l->type_del) || tn_load64(m, t->address + l->type_finalize);
    bool weak = tn_load64(m, t->address + l->type_weaklistoffset) || (t->flags & l->managed_weakref_flag);
    return (t->heap ? TN_TYPE_HEAP : 0u) | (t->gc ? TN_TYPE_GC : 0u) | (finalizer ? TN_TYPE_FINALIZER : 0u) |
           (t->managed_dict || t->dict_offset ? TN_TYPE_DICT : 0u) | (weak ? TN_TYPE_WEAKREF : 0u) |
           (t->own ? TN_TYPE_OWN : 0u);
}

static uint32_t row_of(tn_walk *w, uint64_t address)
{
    const tn_type_info *t = address ? tn__type_get(w, address) : NULL;
    return t ? t->index : TN_NONE;
}

/* Calls row_of for every class of t's MRO; returns how many rows there are, written to rows when not NULL. */
static uint32_t mro_rows(tn_walk *w, const tn_type_info *t, uint32_t *rows, uint32_t cap)
{
    const tn_memory *m = &w->target->memory;
    uint64_t mro = tn_load64(m, t->address + w->layout->type_mro);
    uint64_t n = mro ? tn_load64(m, mro + 16) : 0;
    uint32_t count = 0;
    for (uint64_t i = 0; i < n && count < cap; i++) {
        uint32_t row = row_of(w, tn_load64(m, mro + w->layout->tuple_items + 8 * i));
        if (row != TN_NONE)
            rows[count++] = row;
    }
    return count;
}

enum { MAX_MRO = 1024 };

/* Base classes without instances of their own become rows too, so that a selection can name them. */
void tn__types_close(tn_walk *w)
{
    uint32_t rows[MAX_MRO];
    for (uint32_t i = 0; i < w->reg->types.count; i++) {
        tn_type_info *t = TN_LIST(w->reg->types, tn_type_info *)[i];
        if (!(t->address >> 63))
            mro_rows(w, t, rows, MAX_MRO);
    }
}

static int add_words(tn_buf *out, const uint32_t *words, size_t n)
{
    return tn__buf_append(out, words, n * sizeof *words);
}

static int add_type(tn_walk *w, const tn_type_info *t, tn_buf *out)
{
    uint32_t row[8] = {0, TN_NONE, TN_TYPE_SYNTHETIC, TN_VISIT_LAYOUT, 0, 0, TN_NONE, TN_NONE};
    if (t->address >> 63) {
        row[0] = (uint32_t)t->address;
        TN_TRY(add_words(out, row, 8));
        return add_words(out, (uint32_t[]){1, t->index}, 2);
    }
    type_names(w, t, &row[0], &row[1]);
    row[2] = type_row_flags(w, t);
    row[3] = t->visitor;
    row[4] = t->basic_size;
    row[5] = t->item_size;
    row[6] = tn_map_id(w->map, t->address);
    row[7] = row_of(w, tn_load64(&w->target->memory, t->address + w->layout->type_base));
    TN_TRY(add_words(out, row, 8));
    uint32_t rows[MAX_MRO], n = mro_rows(w, t, rows, MAX_MRO);
    TN_TRY(add_words(out, &n, 1));
    return add_words(out, rows, n);
}

static int flush_table(tn_writer *writer, const char *id, tn_buf *out, uint64_t *rows, tn_error *err)
{
    int status = *rows ? tn_writer_table(writer, id, out->data, out->size, *rows, err) : 0;
    out->size = 0;
    *rows = 0;
    return status;
}

/* Reads names and bases from the target: part of the pause. */
void tn__types_collect(tn_walk *w)
{
    for (uint32_t i = 0; i < w->reg->types.count && w->status == 0; i++)
        if (add_type(w, TN_LIST(w->reg->types, tn_type_info *)[i], &w->reg->type_rows) < 0)
            w->status = TN_ENOMEM;
}

static int save_types(tn_walk *w, tn_writer *writer, tn_error *err)
{
    const uint8_t *start = w->reg->type_rows.data, *end = start + w->reg->type_rows.size;
    while (start < end) {
        uint64_t rows = 0;
        const uint8_t *at = start;
        while (at < end && at - start < TN_CHUNK_MAX_RAW / 2) {
            uint32_t n_mro;
            memcpy(&n_mro, at + 32, sizeof n_mro);
            at += 36 + 4 * (size_t)n_mro;
            rows++;
        }
        TN_TRY(tn_writer_table(writer, "TYPE", start, (size_t)(at - start), rows, err));
        start = at;
    }
    return 0;
}

static int save_shapes(tn_walk *w, tn_writer *writer, tn_buf *out, tn_error *err)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < w->reg->n_shapes; i++) {
        const tn_shape_info *s = &TN_SHAPE_AT(w, i);
        TN_TRY(add_words(out, (uint32_t[]){s->type, s->flags, s->n_fixed}, 3));
        TN_TRY(add_words(out, TN_LIST(w->reg->labels, uint32_t) + s->labels, 2 * (size_t)s->n_fixed));
        if (++rows, out->size > TN_CHUNK_MAX_RAW / 2)
            TN_TRY(flush_table(writer, "SHTB", out, &rows, err));
    }
    return flush_table(writer, "SHTB", out, &rows, err);
}

int tn__types_save(tn_walk *w, tn_writer *writer, tn_error *err)
{
    tn_buf out;
    tn__buf_init(&out, w->alloc);
    int status = save_types(w, writer, err);
    if (status == 0)
        status = save_shapes(w, writer, &out, err);
    tn__buf_free(&out);
    return status == TN_ENOMEM ? tn__error_set(err, TN_ENOMEM, 0, TN_NO_MEMORY_TO_WRITE) : status;
}
