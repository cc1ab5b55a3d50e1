/* own.c - which objects are tonnage's: never part of anybody's total.
 *
 * Seeds: the dicts of modules named tonnage…, instances of classes defined in them, those classes, and the arguments of the
 * call that takes the snapshot. From there an object belongs to tonnage when every reference to it comes from one that does,
 * or from a frame that runs a function of such a module: reference counts are counted down, as a collector would, so
 * nothing that the program shares is taken.
 */
#include "engine/references.h"

typedef struct own_count {
    uint64_t address;
    uint32_t found; /* references from own objects */
    bool own;
} own_count;

static own_count *slot_of(tn_walk *w, uint64_t address)
{
    own_count *slots = TN_LIST(w->own_counts, own_count);
    size_t mask = w->own_counts.count - 1;
    for (size_t i = tn__type_hash(address) & mask;; i = (i + 1) & mask)
        if (slots[i].address == address || !slots[i].address)
            return &slots[i];
}

static bool grow(tn_walk *w)
{
    tn_list old = w->own_counts;
    size_t n = old.count ? 2 * old.count : 4096;
    w->own_counts = (tn_list){0};
    own_count *fresh = tn__list_add(w, &w->own_counts, sizeof *fresh, n);
    if (fresh)
        memset(fresh, 0, n * sizeof *fresh);
    for (size_t i = 0; fresh && i < old.count; i++)
        if (TN_LIST(old, own_count)[i].address)
            *slot_of(w, TN_LIST(old, own_count)[i].address) = TN_LIST(old, own_count)[i];
    tn__list_free(w, &old, sizeof(own_count));
    return fresh;
}

static own_count *count_of(tn_walk *w, uint64_t address)
{
    if (2 * (size_t)w->n_own >= w->own_counts.count && !grow(w))
        return NULL;
    own_count *c = slot_of(w, address);
    if (!c->address) {
        c->address = address;
        w->n_own++;
    }
    return c;
}

static void take(tn_walk *w, uint64_t object)
{
    own_count *c = tn_map_has(w->map, object) ? count_of(w, object) : NULL;
    uint64_t *place = c && !c->own ? tn__list_add(w, &w->stack, sizeof *place, 1) : NULL;
    if (!place)
        return;
    c->own = true;
    *place = object;
    tn_map_set_plane(w->map, TN_PLANE_OWN, object);
}

static void count_reference(tn_walk *w, uint64_t referent)
{
    bool immortal;
    if (!referent || referent >> 63 || !tn_map_has(w->map, referent) || tn_map_static(w->map, referent))
        return;
    own_count *c = count_of(w, referent);
    uint64_t refcount = tn__refcount(w, referent, &immortal);
    if (c && ++c->found >= refcount && !immortal)
        take(w, referent);
}

static bool is_own_class(tn_walk *w, uint64_t object)
{
    const tn_memory *m = &w->target->memory;
    tn_type_info *t = tn__type_get(w, tn_load64(m, object + 8));
    if (!t || t->kind != TN_KIND_TYPE)
        return false;
    tn_type_info *self = tn__type_get(w, object);
    return self && self->own;
}

static void seed_module(tn_walk *w, uint64_t module)
{
    const tn_memory *m = &w->target->memory;
    uint64_t dict = tn_load64(m, module + w->layout->module_dict);
    tn_description d;
    tn_type_info *t = dict ? tn__type_get(w, tn_load64(m, dict + 8)) : NULL;
    take(w, module);
    if (!t)
        return;
    take(w, dict);
    tn__describe(w, dict, t, &d);
    for (unsigned s = 0; s < d.n_spans; s++)
        for (uint64_t i = 0; d.spans[s].kind == TN_SPAN_PAIRS && i < d.spans[s].count; i++) {
            uint64_t value = tn_load64(m, d.spans[s].base + i * d.spans[s].stride + 8);
            if (value && is_own_class(w, value))
                take(w, value);
        }
}

static void seed_modules(tn_walk *w)
{
    const tn_memory *m = &w->target->memory;
    uint64_t sysdict = tn_load64(m, w->target->interpreter + w->layout->interp_sysdict);
    uint64_t modules = sysdict ? tn__dict_find(w, sysdict, "modules", false) : 0;
    tn_type_info *t = modules ? tn__type_get(w, tn_load64(m, modules + 8)) : NULL;
    tn_description d;
    if (!t || t->kind != TN_KIND_DICT)
        return;
    tn__describe(w, modules, t, &d);
    for (unsigned s = 0; s < d.n_spans; s++)
        for (uint64_t i = 0; d.spans[s].kind == TN_SPAN_PAIRS && i < d.spans[s].count; i++) {
            uint64_t at = d.spans[s].base + i * d.spans[s].stride, module = tn_load64(m, at + 8);
            uint64_t name = tn_load64(m, at);
            if (module && (tn__str_is(w, name, "tonnage", false) || tn__str_is(w, name, "tonnage.", true)) &&
                tn_load64(m, module + 8) == w->target->builtin_types[TN_BUILTIN_MODULE])
                seed_module(w, module);
        }
}

static void follow(tn_walk *w)
{
    tn_description d;
    while (w->stack.count && w->status == 0) {
        uint64_t object = TN_LIST(w->stack, uint64_t)[--w->stack.count];
        tn_type_info *t = tn__type_get(w, tn_load64(&w->target->memory, object + 8));
        if (!t || t->simple)
            continue;
        w->strict = tn__doubtful(w, object);
        tn__describe(w, object, t, &d);
        tn__each_reference(w, &d, count_reference);
    }
    w->strict = false;
}

/* A function that runs is never ours by counting, since its frame refers to it. */
static bool is_of_own_module(tn_walk *w, uint64_t function)
{
    const tn_memory *m = &w->target->memory;
    tn_type_info *t = tn_map_has(w->map, function) ? tn__type_get(w, tn_load64(m, function + 8)) : NULL;
    return t && t->kind == TN_KIND_FUNCTION && w->own_counts.count &&
           slot_of(w, tn_load64(m, function + w->layout->function_globals))->own;
}

void tn__own_find(tn_walk *w)
{
    w->stack.count = 0;
    seed_modules(w);
    for (size_t i = 0; i < w->own_seeds.count; i++)
        take(w, TN_LIST(w->own_seeds, uint64_t)[i]);
    for (int i = 0; i < 3; i++)
        if (w->options.call[i] && !tn_map_static(w->map, w->options.call[i]))
            take(w, w->options.call[i]);
    follow(w);
    tn__frames_visit(w, is_of_own_module, count_reference);
    follow(w);
    tn__list_free(w, &w->own_counts, sizeof(own_count));
}
