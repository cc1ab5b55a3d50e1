/* roots.c - where everything hangs: interpreter state, threads, static types, the table of interned strings.
 *
 *   root ─┬─ interpreter ── sys.modules, builtins, codecs, …
 *         ├─ thread N ── frame 0, 1, … ── variables
 *         ├─ static types
 *         └─ interned strings (owns nothing)
 */
#include "engine/walk.h"

enum { MAX_ROOTS = 64 };

uint32_t tn__synthetic_new(tn_walk *w, uint32_t shape, const uint64_t *references, uint32_t n)
{
    uint32_t first = (uint32_t)w->reg->synthetic_references.count;
    uint64_t *place = n ? tn__list_add(w, &w->reg->synthetic_references, sizeof *place, n) : NULL;
    if (place)
        memcpy(place, references, n * sizeof *place);
    tn_synthetic *s = tn__list_add(w, &w->reg->synthetic, sizeof *s, 1);
    if (!s || (n && !place))
        return TN_NONE;
    *s = (tn_synthetic){shape, 0, 0, first, n};
    return (uint32_t)w->reg->synthetic.count - 1;
}

/* A word of the interpreter's state that should be an object; 0 when it is none. */
static uint64_t checked_object(tn_walk *w, uint64_t address)
{
    const tn_memory *m = &w->target->memory;
    if (!address || (address & 7) || !tn_memory_readable(m, address, 16) || !tn__type_get(w, tn_load64(m, address + 8)))
        return 0;
    return address;
}

void tn__mark_root(tn_walk *w, uint64_t address)
{
    if (checked_object(w, address))
        tn__mark(w, address);
}

/* Marks what stands in one of the collector's lists, from its beginning or, where another thread does that, from its end:
 * an object that is marked already is where the two meet. So nothing may be marked before. */
static void mark_list(tn_walk *w, unsigned which, bool backward)
{
    static const int planes[4] = {TN_PLANE_GEN0, TN_PLANE_GEN1, -1, TN_PLANE_FROZEN};
    const tn_memory *m = &w->target->memory;
    enum { AHEAD = 16 };
    uint64_t head = w->target->gc_heads[which], previous = head, passed[AHEAD] = {0};
    unsigned ahead = backward ? 8 : 0, back = 8 - ahead, n = 0;
    for (uint64_t at = head ? tn_load64(m, head + ahead) & ~3ull : head; at != head;
         at = tn_load64(m, at + ahead) & ~3ull) {
        if ((m->checked && !tn_memory_readable(m, at, 32)) || (tn_load64(m, at + back) & ~3ull) != previous) {
            w->lists_failed++;
            return;
        }
        previous = at;
        /* Chains mostly follow the order of allocation: what comes next stands about as far on as what passed. */
        __builtin_prefetch(TN_AT(m, 2 * at - passed[n % AHEAD]));
        passed[n++ % AHEAD] = at;
        if (!tn__mark(w, at + 16))
            return;
        w->list_counts[which]++;
        if (planes[which] >= 0)
            tn_map_set_plane(w->map, (enum tn_plane)planes[which], at + 16);
    }
}

void tn__lists_mark(tn_walk *w)
{
    if (w->index == 0)
        for (unsigned i = 0; i < 4; i++)
            mark_list(w, i, false);
    else if (w->index == 1)
        for (unsigned i = 2; i < 4; i++) /* the long ones */
            mark_list(w, i, true);
}

void tn__roots_mark(tn_walk *w)
{
    const tn_memory *m = &w->target->memory;
    for (const tn_root_field *f = w->layout->interp_roots; f->name; f++) {
        uint64_t object = checked_object(w, tn_load64(m, w->target->interpreter + f->offset));
        if (object)
            tn__mark(w, object);
        if (strcmp(f->name, "cached_objects.interned_strings") == 0)
            w->interned = object;
    }
    for (unsigned i = 0; i < TN_BUILTINS; i++)
        tn__mark_root(w, w->target->builtin_types[i]);
    uint64_t unused;
    tn__static_state(w, 0, &unused, &unused);
    for (size_t i = 0; i < w->reg->static_states.count; i++)
        tn__mark_root(w, TN_LIST(w->reg->static_states, uint64_t)[3 * i]);
    tn__threads_mark(w);
}

static uint32_t build_interpreter(tn_walk *w)
{
    uint32_t labels[2 * MAX_ROOTS], n = 0;
    uint64_t references[MAX_ROOTS];
    for (const tn_root_field *f = w->layout->interp_roots; f->name && n < MAX_ROOTS; f++) {
        uint64_t object = checked_object(w, tn_load64(&w->target->memory, w->target->interpreter + f->offset));
        labels[2 * n] = tn__string(w, f->name);
        labels[2 * n + 1] = TN_LABEL_FIELD;
        references[n++] = object;
    }
    return tn__synthetic_new(w, tn__shape_new(w, tn__synthetic_type(w, "interpreter"), 0, labels, n), references, n);
}

static uint32_t build_static_types(tn_walk *w)
{
    tn_list found = {0};
    for (uint32_t i = 0; i < w->reg->types.count; i++) {
        const tn_type_info *t = TN_LIST(w->reg->types, tn_type_info *)[i];
        uint64_t *place = t->heap || t->address >> 63 ? NULL : tn__list_add(w, &found, sizeof *place, 1);
        if (place)
            *place = t->address;
    }
    uint32_t shape = tn__shape_new(w, tn__synthetic_type(w, "static types"),
                                   TN_RUN_MEMBERS | TN_REF_BORROWED << TN_RUN_KIND_SHIFT, NULL, 0);
    uint32_t node = tn__synthetic_new(w, shape, TN_LIST(found, uint64_t), (uint32_t)found.count);
    tn__list_free(w, &found, sizeof(uint64_t));
    return node;
}

static void name_group(tn_walk *w, tn_list *labels, const char *name)
{
    uint32_t *place = tn__list_add(w, labels, sizeof *place, 2);
    if (place) {
        place[0] = tn__string(w, name);
        place[1] = TN_LABEL_ROOT;
    }
}

/* Node 0 is the root: what it refers to is known last. */
static void set_root(tn_walk *w, uint32_t flags, const tn_list *labels, uint32_t n_fixed, const uint64_t *references,
                     uint32_t n)
{
    uint32_t type = tn__synthetic_type(w, "root");
    uint32_t shape = tn__shape_new(w, type, flags, TN_LIST(*labels, uint32_t), n_fixed);
    if (tn__synthetic_new(w, shape, references, n) != TN_NONE) {
        TN_LIST(w->reg->synthetic, tn_synthetic)
        [0] = TN_LIST(w->reg->synthetic, tn_synthetic)[w->reg->synthetic.count - 1];
        w->reg->synthetic.count--;
    }
}

void tn__roots_build(tn_walk *w)
{
    tn_list labels = {0}, groups = {0};
    if (w->options.from) {
        set_root(w, TN_RUN_ITEMS, &labels, 0, w->options.from, w->options.n_from);
        return;
    }
    tn__threads_build(w);
    uint32_t nodes[3] = {build_interpreter(w), build_static_types(w), 0};
    static const char *const names[2] = {"interpreter", "static types"};
    for (unsigned i = 0; i < 2; i++) {
        name_group(w, &labels, names[i]);
        uint64_t *place = tn__list_add(w, &groups, sizeof *place, 1);
        if (place)
            *place = TN_SYNTHETIC | nodes[i];
    }
    for (size_t i = 0; i < w->threads.count; i++) {
        name_group(w, &labels, "thread");
        uint64_t *place = tn__list_add(w, &groups, sizeof *place, 1);
        if (place)
            *place = TN_SYNTHETIC | TN_LIST(w->threads, tn_thread_info)[i].synthetic;
    }
    if (w->interned) {
        uint32_t label[2] = {tn__string(w, "table"), TN_LABEL_FIELD | TN_REF_BORROWED << 8};
        uint32_t shape = tn__shape_new(w, tn__synthetic_type(w, "interned strings"), 0, label, 1);
        uint32_t node = tn__synthetic_new(w, shape, &w->interned, 1);
        name_group(w, &labels, "interned strings");
        uint64_t *place = tn__list_add(w, &groups, sizeof *place, 1);
        if (place)
            *place = TN_SYNTHETIC | node;
    }
    set_root(w, 0, &labels, (uint32_t)groups.count, TN_LIST(groups, uint64_t), (uint32_t)groups.count);
    tn__list_free(w, &labels, sizeof(uint32_t));
    tn__list_free(w, &groups, sizeof(uint64_t));
}
