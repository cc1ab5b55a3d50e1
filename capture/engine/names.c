/* names.c - names of threads, read from the threading module's own books without running any of its code. */
#include "engine/walk.h"

/* Value of an instance's attribute, or 0: from its inline values or its __dict__. */
static uint64_t attribute(tn_walk *w, uint64_t object, const char *name)
{
    const tn_memory *m = &w->target->memory;
    tn_description d;
    tn_type_info *t = tn__type_get(w, tn_load64(m, object + 8));
    if (!t || !t->managed_dict)
        return 0;
    tn__describe(w, object, t, &d);
    const tn_shape_info *shape = &TN_SHAPE_AT(w, d.shape);
    uint32_t wanted = tn__string(w, name), dict = tn__string(w, "__dict__"), position = 0;
    for (unsigned s = 0; s < d.n_spans; s++) {
        const tn_span *span = &d.spans[s];
        for (uint64_t i = 0; i < span->count && position < shape->n_fixed; i++, position++) {
            uint32_t label = TN_LIST(w->reg->labels, uint32_t)[shape->labels + 2 * position];
            uint64_t value = span->kind == TN_SPAN_ARRAY && !span->local ? tn_load64(m, span->base + 8 * i) : 0;
            if (value && label == wanted)
                return value;
            if (value && label == dict && tn_load64(m, value + 8) == w->target->builtin_types[TN_BUILTIN_DICT])
                return tn__dict_find(w, value, name, false);
        }
    }
    return 0;
}

static uint64_t thread_ident(tn_walk *w, uint64_t object)
{
    uint64_t value = 0, n = (tn__int_bits(w, object) + 29) / 30;
    for (uint64_t i = n < 3 ? n : 0; i-- > 0;)
        value = value << 30 | tn_load32(&w->target->memory, object + w->layout->long_digits + 4 * i);
    return value;
}

/* threading._active: {ident: Thread}. */
static uint64_t active_threads(tn_walk *w)
{
    const tn_memory *m = &w->target->memory;
    uint64_t sysdict = tn_load64(m, w->target->interpreter + w->layout->interp_sysdict);
    uint64_t modules = sysdict ? tn__dict_find(w, sysdict, "modules", false) : 0;
    uint64_t threading = modules ? tn__dict_find(w, modules, "threading", false) : 0;
    if (!threading || tn_load64(m, threading + 8) != w->target->builtin_types[TN_BUILTIN_MODULE])
        return 0;
    return tn__dict_find(w, tn_load64(m, threading + w->layout->module_dict), "_active", false);
}

uint32_t tn__thread_name(tn_walk *w, uint64_t ident)
{
    const tn_memory *m = &w->target->memory;
    uint64_t active = w->options.redact ? 0 : active_threads(w);
    tn_type_info *t = active ? tn__type_get(w, tn_load64(m, active + 8)) : NULL;
    tn_description d;
    if (!t || t->kind != TN_KIND_DICT)
        return TN_NONE;
    tn__describe(w, active, t, &d);
    for (unsigned s = 0; s < d.n_spans; s++)
        for (uint64_t i = 0; d.spans[s].kind == TN_SPAN_PAIRS && i < d.spans[s].count; i++) {
            uint64_t at = d.spans[s].base + i * d.spans[s].stride, key = tn_load64(m, at), value = tn_load64(m, at + 8);
            if (!value || tn_load64(m, key + 8) != w->target->builtin_types[TN_BUILTIN_INT] ||
                thread_ident(w, key) != ident)
                continue;
            uint64_t name = attribute(w, value, "_name");
            return name ? tn__string_of(w, name) : TN_NONE;
        }
    return TN_NONE;
}
