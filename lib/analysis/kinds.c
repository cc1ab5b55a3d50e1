/* kinds.c - what a type means to somebody who looks for a leak, by its name and those it inherits from. */
#include "analysis/suspects.h"

#include <string.h>

static const struct {
    const char *name; /* full */
    uint32_t kinds;
} rows[] = {
    {"module", TN_KIND_MODULE | TN_KIND_PROGRAM},
    {"type", TN_KIND_CLASS | TN_KIND_PROGRAM},
    {"function", TN_KIND_FUNCTION | TN_KIND_PROGRAM},
    {"code", TN_KIND_PROGRAM},
    {"builtin_function_or_method", TN_KIND_PROGRAM},
    {"wrapper_descriptor", TN_KIND_PROGRAM},
    {"method_descriptor", TN_KIND_PROGRAM},
    {"classmethod_descriptor", TN_KIND_PROGRAM},
    {"getset_descriptor", TN_KIND_PROGRAM},
    {"member_descriptor", TN_KIND_PROGRAM},
    {"classmethod", TN_KIND_PROGRAM},
    {"staticmethod", TN_KIND_PROGRAM},
    {"property", TN_KIND_PROGRAM},
    {"functools._lru_cache_wrapper", TN_KIND_LRU_CACHE},
    {"cell", TN_KIND_CELL},
    {"traceback", TN_KIND_TRACEBACK},
    {"frame", TN_KIND_FRAME},
    {"generator", TN_KIND_SUSPENDED},
    {"coroutine", TN_KIND_SUSPENDED},
    {"async_generator", TN_KIND_SUSPENDED},
    {"_asyncio.Task", TN_KIND_TASK},
    {"asyncio.tasks.Task", TN_KIND_TASK},
    {"logging.Handler", TN_KIND_LOGGING},
    {"queue.Queue", TN_KIND_QUEUE},
    {"_queue.SimpleQueue", TN_KIND_QUEUE},
    {"asyncio.queues.Queue", TN_KIND_QUEUE},
    {"multiprocessing.queues.Queue", TN_KIND_QUEUE},
    {"weakref.finalize", TN_KIND_FINALIZE},
    {"weakref.finalize._Info", TN_KIND_FINALIZE},
    {"weakref.WeakValueDictionary", TN_KIND_WEAK_VALUES},
    {"weakref.KeyedRef", TN_KIND_WEAK_ENTRY},
};

/* By its own name alone. */
static uint32_t own_kinds(const tn_type *type)
{
    uint32_t kinds = !type->module || tn__module_is_standard(type->module) ? TN_KIND_STANDARD : 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, type->full_name) == 0)
            kinds |= rows[i].kinds;
    return kinds;
}

static uint32_t final_kinds(tn_snapshot *s, uint32_t row, const uint32_t *own)
{
    tn_type type;
    if (tn_snapshot_type(s, row, &type) < 0 || type.flags & TN_TYPE_SYNTHETIC)
        return 0;
    uint32_t kinds = own[row];
    for (uint32_t i = 0; i < type.n_mro; i++)
        kinds |= own[type.mro[i]] & ~(uint32_t)TN_KIND_STANDARD;
    if (type.flags & TN_TYPE_OWN)
        kinds |= TN_KIND_OWN;
    if (!(kinds & TN_KIND_STANDARD) && type.flags & TN_TYPE_FINALIZER && type.flags & TN_TYPE_HEAP)
        kinds |= TN_KIND_FINALIZER;
    return kinds;
}

/* The place of __dict__ among the fixed references of a shape. */
static uint32_t dict_slot(tn_snapshot *s, const tn_shape *shape)
{
    for (uint32_t i = 0; i < shape->n_fixed; i++)
        if ((shape->labels[2 * i + 1] & 0xff) == TN_LABEL_ATTRIBUTE &&
            strcmp(tn__snapshot_string(s, shape->labels[2 * i]), "__dict__") == 0)
            return i;
    return TN_NONE;
}

int tn__kinds_make(tn_snapshot *s, tn_kinds *out, tn_error *err)
{
    const tn_alloc *a = tn__snapshot_alloc(s);
    const tn_shape *shapes = tn__snapshot_shapes(s);
    uint32_t n_types = tn_snapshot_n_types(s), n = tn__snapshot_n_shapes(s);
    tn_kinds k = {.alloc = a, .n_shapes = n};
    uint32_t *own = tn__alloc_zero(a, n_types * sizeof *own);
    k.by_shape = tn__alloc_zero(a, n * sizeof *k.by_shape);
    k.dict_slots = tn__alloc_zero(a, n * sizeof *k.dict_slots);
    bool all = own && k.by_shape && k.dict_slots;
    for (uint32_t t = 0; all && t < n_types; t++) {
        tn_type type;
        own[t] = tn_snapshot_type(s, t, &type) == 0 ? own_kinds(&type) : 0;
    }
    for (uint32_t i = 0; all && i < n; i++) {
        k.by_shape[i] = final_kinds(s, shapes[i].type, own);
        k.dict_slots[i] = dict_slot(s, &shapes[i]);
    }
    tn__free(a, own, n_types * sizeof *own);
    if (!all) {
        tn__kinds_free(&k);
        return tn__no_memory(s, err);
    }
    *out = k;
    return TN_OK;
}

void tn__kinds_free(tn_kinds *k)
{
    tn__free(k->alloc, k->by_shape, k->n_shapes * sizeof *k->by_shape);
    tn__free(k->alloc, k->dict_slots, k->n_shapes * sizeof *k->dict_slots);
}
