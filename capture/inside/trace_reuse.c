/* trace_reuse.c - objects that come out of free lists: followed, or free lists emptied (docs/trace.md). */
#include "inside/ref_tracer.h"
#include "inside/trace_walk.h"

#define A(p) ((uint64_t)(uintptr_t)(p))

/* ---- followed ---- */

#if TN_REF_TRACER

static uint32_t managed; /* of types whose objects have words for a dict or weak references in front */

/* An object in a block that was not allocated just now was in a free list: the block ends there and begins anew. */
static int begin_anew(PyObject *object, PyRefTracerEvent event, void *data)
{
    (void)data;
    if (event != PyRefTracer_CREATE)
        return 0;
    tn_ref_tracer_count();
    uint64_t address = tn_trace_block_address(A(object), Py_TYPE(object)->tp_flags, managed);
    tn_taken taken;
    bool is_new = address == tn__trace_last_block;
    tn__trace_last_block = 0; /* it may die, and come back before another is allocated */
    if (is_new || tn__trace.mode != TN_RECORD_EXACT)
        return 0;
    const PyThreadState *state = tn__trace_state();
    unsigned domain = TN_DOMAIN_OBJ | tn__trace_side(state);
    tn_tracer *t = tn_record_enter();
    if (!t)
        return 0;
    if (tn_record_take(t, address, domain, &taken)) {
        tn_record_give(t, &taken, address, taken.bytes, domain);
        tn_record_free(t, address, domain);
        tn__trace_walk(t, state, true);
        tn_record_alloc(t, address, taken.bytes, domain);
    }
    tn_record_leave(t);
    return 0;
}

int tn__trace_reuse(bool on, uint32_t managed_flags, tn_error *err)
{
    managed = managed_flags;
    if (on && !tn_ref_tracer_on(TN_TOLD_REUSE, begin_anew))
        return tn__error_set(err, TN_EBUSY, 0, "another tool is told of objects before us (PyRefTracer_SetTracer)");
    if (!on)
        tn_ref_tracer_off(TN_TOLD_REUSE);
    return TN_OK;
}

#else

int tn__trace_reuse(bool on, uint32_t managed_flags, tn_error *err)
{
    (void)managed_flags;
    return on ? tn__error_set(err, TN_EVERSION, 0, "before Python 3.13 the interpreter does not tell of its free lists")
              : TN_OK;
}

#endif

/* ---- emptied ---- */

typedef struct tn_links {
    uint64_t next, previous;
} tn_links;

/* A full collection empties the free lists when it ends. It gets lists without objects, and nobody to call; then all that it
 * has changed of the collector's state is put back, with the objects, whose links were not touched. Another interpreter's
 * collection would run finalizers, with ours emptied. */
void tn_trace_flush(const tn_inside *inside)
{
    uint8_t saved[TN_COLLECTOR_BYTES], saved_stats[TN_COLLECTOR_STATS_BYTES + 1];
    const tn_target *t = &inside->target;
    const tn_layout *l = t->layout;
    uint8_t *state = (uint8_t *)(uintptr_t)(t->interpreter + l->interp_gc);
    uint32_t one = 1, collecting;
    void *none = NULL, *stats = NULL;
    memcpy(&collecting, state + l->gc_collecting, sizeof collecting);
    const tn_root_field *callbacks = l->interp_roots;
    while (callbacks->name && strcmp(callbacks->name, "gc.callbacks") != 0)
        callbacks++;
    if (collecting || !callbacks->name || (uint64_t)(uintptr_t)PyInterpreterState_Get() != t->interpreter)
        return;
    memcpy(saved, state, sizeof saved);
    if (TN_COLLECTOR_STATS) {
        memcpy(&stats, state + TN_COLLECTOR_STATS, sizeof stats);
        memcpy(saved_stats, stats, TN_COLLECTOR_STATS_BYTES);
    }
    memcpy(state + callbacks->offset - l->interp_gc, &none, sizeof none);
    memcpy(state + l->gc_enabled, &one, sizeof one);
    memset(state + l->gc_enabled + sizeof one, 0, sizeof one); /* gc.set_debug(): what it would print */
    for (unsigned i = 0; i < 3; i++) {
        tn_links alone = {t->gc_heads[i], t->gc_heads[i]};
        memcpy((void *)(uintptr_t)t->gc_heads[i], &alone, sizeof alone);
    }
    PyGC_Collect();
    memcpy(state, saved, sizeof saved);
    if (stats)
        memcpy(stats, saved_stats, TN_COLLECTOR_STATS_BYTES);
}
