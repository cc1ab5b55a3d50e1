/* internals.c - references of the interpreter's own kinds: types, code, frames; what tp_traverse reports; guesses. */
#include "engine/describe.h"

enum { TRAVERSED = 9 };           /* memo */
enum { TRAVERSED_MAX = 4 << 20 }; /* words: beyond that one thread emits alone */

uint32_t tn__describe_type(tn_walk *w, uint64_t object, tn_description *d, uint32_t n)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    bool heap = tn_load64(m, object + l->type_flags) >> 9 & 1;
    uint64_t dict = tn_load64(m, object + l->type_dict), subclasses = tn_load64(m, object + l->type_subclasses);
    tn__static_state(w, object, &dict, &subclasses);
    uint64_t keys = heap ? tn_load64(m, object + l->heaptype_cached_keys) : 0;
    d->extra[n++] = dict;
    d->extra[n++] = subclasses;
    d->extra[n++] = keys ? TN_SYNTHETIC | tn__keys_node(w, keys) : 0;
    d->extra[n++] = tn_load64(m, object + l->type_bases);
    d->extra[n++] = tn_load64(m, object + l->type_mro);
    d->extra[n++] = tn_load64(m, object + l->type_cache);
    d->extra[n++] = tn_load64(m, object + l->type_base);
    d->extra[n++] = heap ? tn_load64(m, object + l->heaptype_module) : 0;
    d->extra[n++] = heap ? tn_load64(m, object + l->heaptype_name) : 0;
    d->extra[n++] = heap ? tn_load64(m, object + l->heaptype_qualname) : 0;
    d->extra[n++] = heap ? tn_load64(m, object + l->heaptype_slots) : 0;
    if (heap) {
        tn__note_buffer(d, TN_BUFFER_OTHER, tn_load64(m, object + l->type_doc), 16);
        tn__note_buffer(d, TN_BUFFER_OTHER, tn_load64(m, object + l->heaptype_tpname), 16);
    }
    return n;
}

void tn__describe_code(tn_walk *w, uint64_t object, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    if (l->code_cached) {
        uint64_t cached = tn_load64(m, object + l->code_cached);
        if (cached && tn__span_readable(w, cached, 32))
            tn__add_span(d, TN_SPAN_ARRAY, cached, 4);
        else
            tn__add_span(d, TN_SPAN_ABSENT, 0, 4);
        tn__note_buffer(d, TN_BUFFER_CACHE, cached, l->code_cached_size);
    }
    if (l->code_linearray)
        tn__note_buffer(d, TN_BUFFER_CACHE, tn_load64(m, object + l->code_linearray), 16);
}

static void collect(void *ctx, uint64_t referent)
{
    tn_walk *w = ctx;
    uint64_t *place = tn__list_add(w, &w->scratch, sizeof *place, 1);
    if (place)
        *place = referent;
}

static void keep_traversed(tn_walk *w, uint64_t object)
{
    tn_registry *reg = w->reg;
    bool taken = tn__lock(w);
    size_t n = w->scratch.count;
    reg->first_thread_only |= reg->traversed.count > TRAVERSED_MAX;
    uint64_t *place = reg->first_thread_only ? NULL : tn__list_add(w, &reg->traversed, sizeof *place, n + 1);
    if (place) {
        place[0] = n;
        if (n)
            memcpy(place + 1, w->scratch.data, n * sizeof *place);
        tn__memo_put(w, object, 0, TRAVERSED, (uint32_t)(reg->traversed.count - n - 1));
    }
    tn__unlock(w, taken);
}

/* What the object's tp_traverse reports, into scratch. It is C code of the type, so only the first thread calls it; what it
 * said is kept for the others, who come by when objects are emitted. */
static void traverse(tn_walk *w, uint64_t object, tn_type_info *t)
{
    tn_registry *reg = w->reg;
    uint32_t known = w->n_threads == 1 ? TN_NONE : tn__memo_get(w, object, 0, TRAVERSED);
    w->scratch.count = 0;
    if (known != TN_NONE) {
        const uint64_t *kept = TN_LIST(reg->traversed, uint64_t) + known;
        uint64_t *place = tn__list_add(w, &w->scratch, sizeof *place, kept[0]);
        if (place)
            memcpy(place, kept + 1, kept[0] * sizeof *place);
        return;
    }
    if (w->helper) {
        w->findings++;
        return;
    }
    enum tn_traversed how = w->target->traverse(t->traverse, object, collect, w);
    if (how != TN_TRAVERSED) {
        w->scratch.count = 0;
        tn__type_failed(w, t, how == TN_TRAVERSE_HUNG);
    }
    if (w->n_threads > 1 && w->marking)
        keep_traversed(w, object);
}

/* An object that only the pool scan found and that is not tracked may be half made: its fields are not to be trusted. */
void tn__describe_traverse(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    w->scratch.count = 0;
    if (!t->calls || (t->gc && tn__doubtful(w, object) && tn_load64(&w->target->memory, object - 16) == 0))
        return;
    traverse(w, object, t);
    if (t->kind == TN_KIND_MODULE) {
        uint64_t dict = tn_load64(&w->target->memory, object + w->layout->module_dict);
        uint64_t *found = TN_LIST(w->scratch, uint64_t);
        for (size_t i = 0; i < w->scratch.count; i++)
            if (found[i] == dict) {
                found[i] = found[--w->scratch.count];
                break;
            }
    } else {
        tn__names_give(w, object, t, d);
    }
    if (w->scratch.count)
        tn__add_span(d, TN_SPAN_ARRAY, (uint64_t)(uintptr_t)w->scratch.data, w->scratch.count)->local = true;
}

/* What a metaclass's own C code reports beyond what type_extras gave. */
void tn__describe_meta(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d, uint32_t n_extra)
{
    if (!t->calls)
        return;
    traverse(w, object, t);
    uint64_t *found = TN_LIST(w->scratch, uint64_t);
    for (uint32_t e = 0; e < n_extra; e++)
        for (size_t i = 0; i < w->scratch.count; i++)
            if (found[i] == d->extra[e]) {
                found[i] = found[--w->scratch.count];
                break;
            }
    if (w->scratch.count)
        tn__add_span(d, TN_SPAN_ARRAY, (uint64_t)(uintptr_t)found, w->scratch.count)->local = true;
}

/* Does the rest of the block in a pool have room for an instance? Outside of pools nobody knows. */
static bool has_room(const tn_walk *w, uint64_t object, const tn_type_info *t)
{
    enum { POOL = 16384, HEADER = 48 };
    const tn_region *r = tn_map_find(w->map, object);
    uint8_t class = r ? r->pool_class[object >> 14 & 63] : TN_NOT_POOL;
    if (class == TN_NOT_POOL)
        return true;
    uint64_t size = ((uint64_t) class + 1) << 4, at = object & (POOL - 1);
    return at >= HEADER && tn__least(w, t) <= size - (at - HEADER) % size;
}

/* An array of pointers to types looks like an object where the program's heap lies so low that the first of them could be a
 * count, as that of a program that is not position independent does: no count is the address of an object. */
bool tn__seems_object(tn_walk *w, uint64_t word)
{
    const tn_memory *m = &w->target->memory;
    if (!word || (word & 7) || !tn_memory_readable(m, word, 16))
        return false;
    bool immortal;
    uint64_t type = tn_load64(m, word + 8), refcount = tn__refcount(w, word, &immortal);
    /* Above the count stand zeros; from 3.14 on an overflow of at most 1 and a few flags. Else it is a free list's link. */
    uint64_t above =
        tn_load64(m, word) >> 32 & (w->layout->immortal_style == TN_IMMORTAL_HIGH_BIT ? 0xfffe : UINT32_MAX);
    if (above || !(immortal || (refcount && !(refcount >> 32))) || (type & 7) || !tn_map_has(w->map, type) ||
        tn_map_has(w->map, tn_load64(m, word)))
        return false;
    const tn_type_info *t = tn__type_get(w, type);
    return t && has_room(w, word, t);
}

/* Every aligned word of the block that seems to point to an object. Guesses: marked so by the shape. */
void tn__describe_scan(tn_walk *w, uint64_t object, tn_type_info *t, tn_description *d)
{
    const tn_memory *m = &w->target->memory;
    uint64_t bytes = tn__nominal(w, object, t) - t->preheader;
    w->scratch.count = 0;
    for (uint64_t at = 16; at + 8 <= bytes && tn__span_readable(w, object + at, 8); at += 8) {
        uint64_t word = tn_load64(m, object + at);
        if (tn__seems_object(w, word))
            collect(w, word);
    }
    if (w->scratch.count)
        tn__add_span(d, TN_SPAN_ARRAY, (uint64_t)(uintptr_t)w->scratch.data, w->scratch.count)->local = true;
}

bool tn__describe_frame(tn_walk *w, uint64_t frame, tn_type_info *t, tn_description *d)
{
    w->scratch.count = 0;
    uint64_t code = tn__frame_references(w, frame, false);
    if (!code)
        return false;
    tn__add_span(d, TN_SPAN_ARRAY, (uint64_t)(uintptr_t)w->scratch.data, w->scratch.count)->local = true;
    d->shape = tn__frame_shape(w, t, t->index, frame, code, false);
    return true;
}
