/* types.c - the registry of the types met in a walk, and strings of the target. */
#include "engine/walk.h"

/* ---- strings of the target ---- */

uint32_t tn__string(tn_walk *w, const char *text)
{
    uint32_t index = 0;
    if (w->status == 0 && tn__strtab_add(&w->reg->strings, text, strlen(text), &index) < 0)
        w->status = TN_ENOMEM;
    return index;
}

size_t tn__c_string(tn_walk *w, uint64_t address, char *out, size_t cap)
{
    size_t n = 0;
    while (n + 1 < cap) {
        if ((n == 0 || ((address + n) & 4095) == 0) && !tn_memory_readable(&w->target->memory, address + n, 1))
            break;
        char c = (char)tn_load8(&w->target->memory, address + n);
        if (!c)
            break;
        out[n++] = c;
    }
    out[n] = 0;
    return n;
}

bool tn__str_is(tn_walk *w, uint64_t object, const char *text, bool prefix)
{
    char buffer[64];
    if (tn_load64(&w->target->memory, object + 8) != w->target->builtin_types[TN_BUILTIN_STR])
        return false;
    size_t n = tn__str_utf8(w, object, buffer, sizeof buffer - 1, NULL), want = strlen(text);
    return prefix ? n >= want && memcmp(buffer, text, want) == 0 : n == want && memcmp(buffer, text, n) == 0;
}

uint32_t tn__string_of(tn_walk *w, uint64_t str)
{
    char buffer[512];
    if (!str || tn_load64(&w->target->memory, str + 8) != w->target->builtin_types[TN_BUILTIN_STR])
        return TN_NONE;
    size_t n = tn__str_utf8(w, str, buffer, sizeof buffer, NULL);
    uint32_t index = 0;
    if (w->status == 0 && tn__strtab_add(&w->reg->strings, buffer, n, &index) < 0)
        w->status = TN_ENOMEM;
    return index;
}

/* ---- static types of 3.12+: dict and subclasses stand in the interpreter ---- */

typedef struct static_state {
    uint64_t type, dict, subclasses;
} static_state;

static void read_states(tn_walk *w, uint32_t offset, uint32_t count)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    for (uint32_t i = 0; offset && i < count; i++) {
        uint64_t at = w->target->interpreter + offset + (uint64_t)i * l->static_type_size, type = tn_load64(m, at);
        if (!type || !tn_memory_readable(m, type, 16))
            continue;
        static_state *s = tn__list_add(w, &w->reg->static_states, sizeof *s, 1);
        if (s)
            *s = (static_state){type, tn_load64(m, at + l->static_type_dict),
                                tn_load64(m, at + l->static_type_subclasses)};
    }
}

bool tn__static_state(tn_walk *w, uint64_t type, uint64_t *dict, uint64_t *subclasses)
{
    if (w->layout->static_style != TN_STATIC_PER_INTERPRETER)
        return false;
    if (!w->reg->static_states.count) {
        read_states(w, w->layout->static_types, w->layout->static_types_max);
        read_states(w, w->layout->static_ext_types, w->layout->static_ext_max);
    }
    const static_state *s = TN_LIST(w->reg->static_states, static_state);
    for (size_t i = 0; i < w->reg->static_states.count; i++)
        if (s[i].type == type) {
            *dict = s[i].dict;
            *subclasses = s[i].subclasses;
            return true;
        }
    return false;
}

/* ---- registry ---- */

static void place_type(tn_type_slot *slots, uint32_t n, tn_type_info *t)
{
    uint32_t at = tn__type_hash(t->address) & (n - 1);
    while (slots[at].address)
        at = (at + 1) & (n - 1);
    slots[at] = (tn_type_slot){t->address, t};
}

static bool grow_slots(tn_walk *w)
{
    uint32_t n = w->reg->n_type_slots ? w->reg->n_type_slots * 2 : 2048;
    tn_type_slot *slots = tn__arena_get(&w->reg->arena, n * sizeof *slots);
    if (!slots)
        return false;
    memset(slots, 0, n * sizeof *slots);
    for (uint32_t i = 0; i < w->reg->types.count; i++)
        place_type(slots, n, TN_LIST(w->reg->types, tn_type_info *)[i]);
    w->reg->type_slots = slots;
    w->reg->n_type_slots = n;
    return true;
}

static tn_type_info *type_new(tn_walk *w, uint64_t address)
{
    if (w->reg->types.count * 4 >= w->reg->n_type_slots && !grow_slots(w)) {
        w->status = TN_ENOMEM;
        return NULL;
    }
    tn_type_info *t = tn__arena_get(&w->reg->arena, sizeof *t);
    tn_type_info **place = t ? tn__list_add(w, &w->reg->types, sizeof *place, 1) : NULL;
    if (!place) {
        w->status = TN_ENOMEM;
        return NULL;
    }
    memset(t, 0, sizeof *t);
    *place = t;
    t->address = address;
    t->index = (uint32_t)w->reg->types.count - 1;
    t->keys_node = TN_NONE;
    memset(t->shapes, 0xff, sizeof t->shapes);
    place_type(w->reg->type_slots, w->reg->n_type_slots, t);
    return t;
}

static void read_keys(tn_walk *w, tn_type_info *t)
{
    const tn_memory *m = &w->target->memory;
    t->keys = tn_load64(m, t->address + w->layout->heaptype_cached_keys);
    if (!t->keys)
        return;
    t->keys_node = tn__keys_node(w, t->keys);
    t->n_keys = (uint32_t)tn_load64(m, t->keys + w->layout->keys_nentries);
}

/* A word that is no type (the header of something else) gives NULL: never an instance with an invented layout. */
static tn_type_info *type_add(tn_walk *w, uint64_t address)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    if ((address & 7) || !tn_memory_readable(m, address, l->type_finalize + 8))
        return NULL;
    uint64_t meta = tn_load64(m, address + 8);
    if ((meta & 7) || !tn_memory_readable(m, meta, l->type_finalize + 8) ||
        !(tn_load64(m, meta + l->type_flags) >> 31 & 1))
        return NULL;
    tn_type_info *t = type_new(w, address);
    if (!t)
        return NULL;
    t->flags = tn_load64(m, address + l->type_flags);
    t->heap = t->flags & TN_FLAG_HEAP;
    t->gc = t->flags & TN_FLAG_GC;
    t->managed_dict = t->flags & l->managed_dict_flag;
    t->preheader = (uint8_t)((t->gc ? 16 : 0) + (t->flags & (l->managed_dict_flag | l->managed_weakref_flag) ? 16 : 0));
    t->basic_size = (uint32_t)tn_load64(m, address + l->type_basicsize);
    t->item_size = (uint32_t)tn_load64(m, address + l->type_itemsize);
    t->c_size = t->basic_size;
    t->dict_offset = (int64_t)tn_load64(m, address + l->type_dictoffset);
    t->traverse = tn_load64(m, address + l->type_traverse);
    if (t->heap && t->managed_dict)
        read_keys(w, t);
    tn__classify(w, t);
    if (w->marking && !w->options.from)
        tn__mark(w, address);
    return t;
}

static tn_type_info *type_find(tn_walk *w, uint64_t address)
{
    for (uint32_t i = tn__type_hash(address) & (w->reg->n_type_slots - 1);; i = (i + 1) & (w->reg->n_type_slots - 1)) {
        const tn_type_slot *slot = &w->reg->type_slots[i];
        if (slot->address == address)
            return slot->type;
        if (!slot->address)
            return NULL;
    }
}

tn_type_info *tn__type_look_up(tn_walk *w, uint64_t address)
{
    if (!address)
        return NULL;
    bool taken = tn__lock(w);
    tn_type_info *t = type_find(w, address);
    if (!t)
        t = type_add(w, address);
    if (t)
        w->cached_types[tn__type_hash(address) % TN_CACHED] = (tn_type_slot){address, t};
    tn__unlock(w, taken);
    return t;
}

void tn__type_failed(tn_walk *w, tn_type_info *t, bool hung)
{
    char name[256];
    tn__c_string(w, tn_load64(&w->target->memory, t->address + w->layout->type_name), name, sizeof name);
    tn_walk_failure *failure = tn__list_add(w, &w->reg->failures, sizeof *failure, 1);
    if (failure)
        *failure = (tn_walk_failure){tn__string(w, name), hung};
    t->calls = false;
}

uint32_t tn__synthetic_type(tn_walk *w, const char *name)
{
    uint32_t string = tn__string(w, name);
    for (uint32_t i = 0; i < w->reg->types.count; i++) {
        tn_type_info *t = TN_LIST(w->reg->types, tn_type_info *)[i];
        if (t->address >> 63 && (uint32_t)t->address == string)
            return i;
    }
    tn_type_info *t = type_new(w, TN_SYNTHETIC | string);
    return t ? t->index : 0;
}

int tn__types_init(tn_walk *w)
{
    if (!grow_slots(w))
        return TN_ENOMEM;
    return tn__strtab_init(&w->reg->strings, w->alloc);
}
