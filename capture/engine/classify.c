/* classify.c - how the instances of a type are laid out.
 *
 * A type is classified once, when its first instance is met: by address for the interpreter's own types, through its
 * bases for classes written in Python, by name for a few well-known C types, else by tp_traverse.
 */
#include "engine/describe.h"

enum { T_OBJECT_EX = 16, MEMBER_BYTES = 40, AFTER_ITEMS = 16 /* _Py_AFTER_ITEMS of 3.15 */ };

/* Fields of types with a fixed layout that CPython's headers do not show: name, offset, label. Same from 3.11 to 3.15
 * (Objects/funcobject.c, descrobject.c, rangeobject.c, sliceobject.c, weakrefobject.h, cpython/pyerrors.h). */
typedef struct field {
    uint16_t offset;
    uint8_t style, kind;
    const char *label;
} field;

#define ATTRIBUTE(offset, name)                         \
    {                                                   \
        offset, TN_LABEL_ATTRIBUTE, TN_REF_OWNING, name \
    }
#define FIELD(offset, name)                         \
    {                                               \
        offset, TN_LABEL_FIELD, TN_REF_OWNING, name \
    }
#define WEAK(offset, name)                        \
    {                                             \
        offset, TN_LABEL_FIELD, TN_REF_WEAK, name \
    }
#define END           \
    {                 \
        0, 0, 0, NULL \
    }

static const struct {
    enum tn_builtin type;
    field fields[8];
} fixed_layouts[] = {
    {TN_BUILTIN_METHOD, {ATTRIBUTE(16, "__func__"), ATTRIBUTE(24, "__self__"), END}},
    {TN_BUILTIN_CFUNCTION, {ATTRIBUTE(24, "__self__"), ATTRIBUTE(32, "__module__"), END}},
    {TN_BUILTIN_CMETHOD, {ATTRIBUTE(24, "__self__"), ATTRIBUTE(32, "__module__"), FIELD(56, "mm_class"), END}},
    {TN_BUILTIN_CELL, {ATTRIBUTE(16, "cell_contents"), END}},
    {TN_BUILTIN_TRACEBACK, {ATTRIBUTE(16, "tb_next"), ATTRIBUTE(24, "tb_frame"), END}},
    {TN_BUILTIN_CLASSMETHOD, {ATTRIBUTE(16, "__func__"), ATTRIBUTE(24, "__dict__"), END}},
    {TN_BUILTIN_STATICMETHOD, {ATTRIBUTE(16, "__func__"), ATTRIBUTE(24, "__dict__"), END}},
    {TN_BUILTIN_WEAKREF, {WEAK(16, "referent"), ATTRIBUTE(24, "__callback__"), END}},
    {TN_BUILTIN_WEAKPROXY, {WEAK(16, "referent"), FIELD(24, "callback"), END}},
    {TN_BUILTIN_CALLABLEPROXY, {WEAK(16, "referent"), FIELD(24, "callback"), END}},
    {TN_BUILTIN_GETSET, {ATTRIBUTE(16, "__objclass__"), ATTRIBUTE(24, "__name__"), ATTRIBUTE(32, "__qualname__"), END}},
    {TN_BUILTIN_MEMBER, {ATTRIBUTE(16, "__objclass__"), ATTRIBUTE(24, "__name__"), ATTRIBUTE(32, "__qualname__"), END}},
    {TN_BUILTIN_METHOD_DESCR,
     {ATTRIBUTE(16, "__objclass__"), ATTRIBUTE(24, "__name__"), ATTRIBUTE(32, "__qualname__"), END}},
    {TN_BUILTIN_CLASSMETHOD_DESCR,
     {ATTRIBUTE(16, "__objclass__"), ATTRIBUTE(24, "__name__"), ATTRIBUTE(32, "__qualname__"), END}},
    {TN_BUILTIN_WRAPPER_DESCR,
     {ATTRIBUTE(16, "__objclass__"), ATTRIBUTE(24, "__name__"), ATTRIBUTE(32, "__qualname__"), END}},
    {TN_BUILTIN_MAPPINGPROXY, {FIELD(16, "mapping"), END}},
    {TN_BUILTIN_SLICE, {ATTRIBUTE(16, "start"), ATTRIBUTE(24, "stop"), ATTRIBUTE(32, "step"), END}},
    {TN_BUILTIN_RANGE,
     {ATTRIBUTE(16, "start"), ATTRIBUTE(24, "stop"), ATTRIBUTE(32, "step"), FIELD(40, "length"), END}},
    {TN_BUILTIN_EXCEPTION,
     {ATTRIBUTE(16, "__dict__"), ATTRIBUTE(24, "args"), ATTRIBUTE(32, "__notes__"), ATTRIBUTE(40, "__traceback__"),
      ATTRIBUTE(48, "__context__"), ATTRIBUTE(56, "__cause__"), END}},
};

/* An entry of functools.lru_cache (Modules/_functoolsmodule.c). */
static const field lru_link_fields[] = {FIELD(40, "key"), FIELD(48, "result"), END};
static const field timezone_fields[] = {FIELD(16, "offset"), FIELD(24, "name"), END};
static const field bytesio_fields[] = {FIELD(16, "buffer"), ATTRIBUTE(40, "__dict__"), END}; /* Modules/_io/bytesio.c */

static const uint8_t builtin_kinds[TN_BUILTINS] = {
    [TN_BUILTIN_OBJECT] = TN_KIND_LEAF,
    [TN_BUILTIN_TYPE] = TN_KIND_TYPE,
    [TN_BUILTIN_LIST] = TN_KIND_LIST,
    [TN_BUILTIN_TUPLE] = TN_KIND_TUPLE,
    [TN_BUILTIN_DICT] = TN_KIND_DICT,
    [TN_BUILTIN_SET] = TN_KIND_SET,
    [TN_BUILTIN_FROZENSET] = TN_KIND_SET,
    [TN_BUILTIN_STR] = TN_KIND_STR,
    [TN_BUILTIN_BYTES] = TN_KIND_BYTES,
    [TN_BUILTIN_BYTEARRAY] = TN_KIND_BYTEARRAY,
    [TN_BUILTIN_INT] = TN_KIND_INT,
    [TN_BUILTIN_BOOL] = TN_KIND_INT,
    [TN_BUILTIN_FLOAT] = TN_KIND_FLOAT,
    [TN_BUILTIN_COMPLEX] = TN_KIND_COMPLEX,
    [TN_BUILTIN_NONE] = TN_KIND_LEAF,
    [TN_BUILTIN_ELLIPSIS] = TN_KIND_LEAF,
    [TN_BUILTIN_NOTIMPLEMENTED] = TN_KIND_LEAF,
    [TN_BUILTIN_CODE] = TN_KIND_CODE,
    [TN_BUILTIN_FUNCTION] = TN_KIND_FUNCTION,
    [TN_BUILTIN_MODULE] = TN_KIND_MODULE,
    [TN_BUILTIN_GENERATOR] = TN_KIND_GENERATOR,
    [TN_BUILTIN_COROUTINE] = TN_KIND_GENERATOR,
    [TN_BUILTIN_ASYNC_GENERATOR] = TN_KIND_GENERATOR,
    [TN_BUILTIN_FRAME] = TN_KIND_FRAME,
    [TN_BUILTIN_ODICT] = TN_KIND_ODICT,
    [TN_BUILTIN_CAPSULE] = TN_KIND_LEAF,
    [TN_BUILTIN_PROPERTY] = TN_KIND_TRAVERSE,
    [TN_BUILTIN_MEMORYVIEW] = TN_KIND_TRAVERSE,
};

/* C types recognised by name and size; their layouts are not in CPython's headers (Modules/_collectionsmodule.c,
 * Modules/arraymodule.c; numpy/ndarraytypes.h). */
static const struct {
    const char *name;
    uint8_t kind;
    uint32_t min_size, max_size;
} named_kinds[] = {
    {"collections.deque", TN_KIND_DEQUE, 200, 232},    {"array.array", TN_KIND_ARRAY, 64, 64},
    {"collections.defaultdict", TN_KIND_DICT, 56, 56}, {"datetime.datetime", TN_KIND_DATETIME, 48, 48},
    {"datetime.time", TN_KIND_DATETIME, 40, 40},       {"datetime.timezone", TN_KIND_FIXED, 32, 32},
    {"datetime.timedelta", TN_KIND_LEAF, 40, 40},      {"datetime.date", TN_KIND_LEAF, 32, 32},
    {"numpy.ndarray", TN_KIND_NDARRAY, 80, 112},
};

static void add_label(tn_walk *w, uint32_t *labels, uint32_t *n, const char *name, unsigned style, unsigned kind)
{
    labels[2 * *n] = tn__string(w, name);
    labels[2 * (*n)++ + 1] = style | kind << 8;
}

static bool is_python(const tn_walk *w, uint64_t type)
{
    const tn_memory *m = &w->target->memory;
    const tn_layout *l = w->layout;
    uint64_t flags = tn_load64(m, type + l->type_flags);
    if (!(flags & TN_FLAG_HEAP))
        return false;
    if (flags & TN_FLAG_GC)
        return tn_load64(m, type + l->type_traverse) == w->target->subtype_traverse;
    return tn_load64(m, type + l->type_dealloc) == w->target->subtype_dealloc;
}

static const field *fixed_fields(const tn_walk *w, const tn_type_info *t)
{
    for (size_t i = 0; i < sizeof fixed_layouts / sizeof *fixed_layouts; i++) {
        uint64_t known = w->target->builtin_types[fixed_layouts[i].type];
        if (known == t->address)
            return fixed_layouts[i].fields;
        /* Exceptions without fields of their own share BaseException's traverse. */
        if (fixed_layouts[i].type == TN_BUILTIN_EXCEPTION && known && t->traverse &&
            t->traverse == tn_load64(&w->target->memory, known + w->layout->type_traverse))
            return fixed_layouts[i].fields;
    }
    return NULL;
}

static void set_fixed(tn_walk *w, tn_type_info *t, const field *fields)
{
    uint32_t n = 0, *offsets = tn__arena_get(&w->reg->arena, 8 * sizeof *offsets);
    uint32_t *labels = tn__arena_get(&w->reg->arena, 16 * sizeof *labels);
    if (!offsets || !labels) {
        w->status = TN_ENOMEM;
        return;
    }
    for (; fields[n].label;) {
        offsets[n] = fields[n].offset;
        add_label(w, labels, &n, fields[n].label, fields[n].style, fields[n].kind);
    }
    t->kind = TN_KIND_FIXED;
    t->n_fixed = n;
    t->offsets = offsets;
    t->labels = labels;
}

/* Fields of FUNCTION and CODE, whose offsets depend on the version. */
static void set_versioned(tn_walk *w, tn_type_info *t, const struct tn_versioned_field *fields, uint32_t n)
{
    uint32_t count = 0, *offsets = tn__arena_get(&w->reg->arena, n * sizeof *offsets);
    uint32_t *labels = tn__arena_get(&w->reg->arena, 2 * n * sizeof *labels);
    if (!offsets || !labels) {
        w->status = TN_ENOMEM;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!fields[i].offset)
            continue;
        offsets[count] = fields[i].offset;
        add_label(w, labels, &count, fields[i].label, fields[i].style, TN_REF_OWNING);
    }
    t->n_fixed = count;
    t->offsets = offsets;
    t->labels = labels;
}

/* Fields of the interpreter's own types whose offsets the layout table gives. */
static void set_layout_fields(tn_walk *w, tn_type_info *t, bool default_factory)
{
    const tn_layout *l = w->layout;
    if (t->kind == TN_KIND_FUNCTION) {
        const struct tn_versioned_field f[] = {
            {l->function_globals, TN_LABEL_ATTRIBUTE, "__globals__"},
            {l->function_builtins, TN_LABEL_ATTRIBUTE, "__builtins__"},
            {l->function_name, TN_LABEL_ATTRIBUTE, "__name__"},
            {l->function_qualname, TN_LABEL_ATTRIBUTE, "__qualname__"},
            {l->function_code, TN_LABEL_ATTRIBUTE, "__code__"},
            {l->function_defaults, TN_LABEL_ATTRIBUTE, "__defaults__"},
            {l->function_kwdefaults, TN_LABEL_ATTRIBUTE, "__kwdefaults__"},
            {l->function_closure, TN_LABEL_ATTRIBUTE, "__closure__"},
            {l->function_doc, TN_LABEL_ATTRIBUTE, "__doc__"},
            {l->function_dict, TN_LABEL_ATTRIBUTE, "__dict__"},
            {l->function_module, TN_LABEL_ATTRIBUTE, "__module__"},
            {l->function_annotations, TN_LABEL_ATTRIBUTE, "__annotations__"},
            {l->function_annotate, TN_LABEL_ATTRIBUTE, "__annotate__"},
            {l->function_typeparams, TN_LABEL_ATTRIBUTE, "__type_params__"},
        };
        set_versioned(w, t, f, sizeof f / sizeof *f);
    } else if (t->kind == TN_KIND_CODE) {
        const struct tn_versioned_field f[] = {
            {l->code_consts, TN_LABEL_ATTRIBUTE, "co_consts"},
            {l->code_names, TN_LABEL_ATTRIBUTE, "co_names"},
            {l->code_exceptiontable, TN_LABEL_ATTRIBUTE, "co_exceptiontable"},
            {l->code_localsplusnames, TN_LABEL_FIELD, "co_localsplusnames"},
            {l->code_localspluskinds, TN_LABEL_FIELD, "co_localspluskinds"},
            {l->code_filename, TN_LABEL_ATTRIBUTE, "co_filename"},
            {l->code_name, TN_LABEL_ATTRIBUTE, "co_name"},
            {l->code_qualname, TN_LABEL_ATTRIBUTE, "co_qualname"},
            {l->code_linetable, TN_LABEL_ATTRIBUTE, "co_linetable"},
            {l->code_co_code, TN_LABEL_ATTRIBUTE, "co_code"},
        };
        set_versioned(w, t, f, sizeof f / sizeof *f);
    } else if (t->kind == TN_KIND_MODULE) {
        const struct tn_versioned_field f[] = {{l->module_dict, TN_LABEL_ATTRIBUTE, "__dict__"},
                                               {l->module_name, TN_LABEL_FIELD, "md_name"}};
        set_versioned(w, t, f, 2);
    } else if (t->kind == TN_KIND_FRAME) {
        const struct tn_versioned_field f[] = {
            {l->frameobject_back, TN_LABEL_ATTRIBUTE, "f_back"},
            {l->frameobject_trace, TN_LABEL_ATTRIBUTE, "f_trace"},
            /* 3.13: f_extra_locals, f_locals_cache; 3.14: f_overwritten_fast_locals (pycore_frame.h) */
            {l->frameobject_data >= l->frameobject_trace + 24 ? l->frameobject_trace + 16 : 0, TN_LABEL_FIELD,
             "f_extra_locals"},
            {l->frameobject_data >= l->frameobject_trace + 32 ? l->frameobject_trace + 24 : 0, TN_LABEL_FIELD,
             "f_locals_cache"},
            {l->frameobject_data >= l->frameobject_trace + 40 ? l->frameobject_trace + 32 : 0, TN_LABEL_FIELD,
             "f_overwritten_fast_locals"},
        };
        set_versioned(w, t, f, 5);
    } else if (t->kind == TN_KIND_GENERATOR) {
        const uint64_t *types = w->target->builtin_types;
        const char *code = t->address == types[TN_BUILTIN_COROUTINE]         ? "cr_code"
                           : t->address == types[TN_BUILTIN_ASYNC_GENERATOR] ? "ag_code"
                                                                             : "gi_code";
        const struct tn_versioned_field f[] = {
            {l->gen_weakreflist > 16 ? 16 : 0, TN_LABEL_ATTRIBUTE, code}, /* 3.11 */
            {l->gen_name, TN_LABEL_ATTRIBUTE, "__name__"},
            {l->gen_qualname, TN_LABEL_ATTRIBUTE, "__qualname__"},
            {l->gen_exc_value, TN_LABEL_FIELD, "gi_exc_state"},
            /* plain generators leave it uninitialised */
            {t->address == w->target->builtin_types[TN_BUILTIN_GENERATOR] ? 0 : l->gen_origin, TN_LABEL_FIELD,
             "origin_or_finalizer"},
        };
        set_versioned(w, t, f, 5);
    } else if (t->kind == TN_KIND_BYTEARRAY && l->bytearray_object) {
        const struct tn_versioned_field f[] = {{l->bytearray_object, TN_LABEL_FIELD, "ob_bytes_object"}};
        set_versioned(w, t, f, 1);
    } else if (default_factory) {
        const struct tn_versioned_field f[] = {{48, TN_LABEL_ATTRIBUTE, "default_factory"}};
        set_versioned(w, t, f, 1);
    } else if (t->kind == TN_KIND_ODICT) {
        const struct tn_versioned_field f[] = {{96, TN_LABEL_ATTRIBUTE, "__dict__"}};
        set_versioned(w, t, f, 1);
    } else if (t->kind == TN_KIND_NDARRAY) {
        const struct tn_versioned_field f[] = {{48, TN_LABEL_ATTRIBUTE, "base"},
                                               {56, TN_LABEL_ATTRIBUTE, "dtype"},
                                               {t->basic_size >= 96   ? 88
                                                : t->basic_size >= 88 ? 80
                                                                      : 0,
                                                TN_LABEL_FIELD, "mem_handler"}};
        set_versioned(w, t, f, 3);
    }
}

/* A type whose tp_traverse is that of list, tuple, dict or set is laid out as one: that function reads nothing else. */
static void inherit_container(const tn_walk *w, tn_type_info *t)
{
    static const enum tn_builtin containers[] = {TN_BUILTIN_LIST, TN_BUILTIN_TUPLE, TN_BUILTIN_DICT, TN_BUILTIN_SET};
    for (size_t i = 0; t->traverse && i < sizeof containers / sizeof *containers; i++) {
        uint64_t known = w->target->builtin_types[containers[i]];
        if (known && t->traverse == tn_load64(&w->target->memory, known + w->layout->type_traverse))
            t->kind = builtin_kinds[containers[i]];
    }
}

static void classify_c(tn_walk *w, tn_type_info *t, const char *name)
{
    inherit_container(w, t);
    for (unsigned i = 0; i < TN_BUILTINS; i++)
        if (w->target->builtin_types[i] == t->address)
            t->kind = builtin_kinds[i] ? builtin_kinds[i] : TN_KIND_TRAVERSE;
    if (t->address == w->target->builtin_types[TN_BUILTIN_OBJECT])
        t->kind = TN_KIND_LEAF;
    if (t->flags >> 31 & 1)
        t->kind = TN_KIND_TYPE; /* metaclasses written in C: tp_traverse aborts on classes that are not heap types */
    for (size_t i = 0; i < sizeof named_kinds / sizeof *named_kinds; i++)
        if (strcmp(name, named_kinds[i].name) == 0 && t->basic_size >= named_kinds[i].min_size &&
            t->basic_size <= named_kinds[i].max_size)
            t->kind = named_kinds[i].kind;
    const field *fixed = fixed_fields(w, t);
    if (strcmp(name, "datetime.timezone") == 0)
        fixed = timezone_fields;
    if (strcmp(name, "_io.BytesIO") == 0 && t->basic_size == 64)
        fixed = bytesio_fields;
    if (strcmp(name, "functools._lru_list_elem") == 0 && t->basic_size == 56)
        fixed = lru_link_fields;
    if (fixed)
        set_fixed(w, t, fixed);
    else
        set_layout_fields(w, t, t->kind == TN_KIND_DICT && strcmp(name, "collections.defaultdict") == 0);
}

/* Slots of the Python classes from t up to its C base, outermost class last, behind the C base's own fields. */
static void add_slots(tn_walk *w, tn_type_info *t, uint64_t c_base, const tn_type_info *base)
{
    const tn_memory *m = &w->target->memory;
    uint64_t chain[256];
    uint32_t depth = 0, n = base->n_fixed, room = base->n_fixed + 1;
    for (uint64_t c = t->address; c && c != c_base && depth < 256; c = tn_load64(m, c + w->layout->type_base)) {
        chain[depth++] = c;
        room += (uint32_t)tn_load64(m, c + 16);
    }
    uint32_t *offsets = tn__arena_get(&w->reg->arena, room * sizeof *offsets);
    uint32_t *labels = tn__arena_get(&w->reg->arena, 2 * (size_t)room * sizeof *labels);
    if (!offsets || !labels) {
        w->status = TN_ENOMEM;
        return;
    }
    if (n) {
        memcpy(offsets, base->offsets, n * sizeof *offsets);
        memcpy(labels, base->labels, 2 * n * sizeof *labels);
    }
    while (depth) {
        uint64_t c = chain[--depth], count = tn_load64(m, c + 16);
        uint64_t member = c + tn_load64(m, tn_load64(m, c + 8) + w->layout->type_basicsize);
        for (uint64_t i = 0; i < count && n < room - 1; i++, member += MEMBER_BYTES) {
            bool after = tn_load32(m, member + 24) & AFTER_ITEMS;
            if (tn_load32(m, member + 8) != T_OBJECT_EX || (after && base->n_fixed))
                continue;
            t->after_items |= after;
            char name[256];
            tn__c_string(w, tn_load64(m, member), name, sizeof name);
            offsets[n] = (uint32_t)tn_load64(m, member + 16);
            add_label(w, labels, &n, w->options.redact ? "" : name, TN_LABEL_ATTRIBUTE, TN_REF_OWNING);
        }
    }
    if (t->dict_offset > 0 && !t->managed_dict && t->dict_offset != base->dict_offset) {
        offsets[n] = (uint32_t)t->dict_offset;
        add_label(w, labels, &n, "__dict__", TN_LABEL_ATTRIBUTE, TN_REF_OWNING);
    }
    t->n_fixed = n;
    t->offsets = offsets;
    t->labels = labels;
}

static void classify_python(tn_walk *w, tn_type_info *t)
{
    uint64_t base = t->address;
    for (unsigned i = 0; i < 256 && base && is_python(w, base); i++)
        base = tn_load64(&w->target->memory, base + w->layout->type_base);
    tn_type_info *b = base ? tn__type_get(w, base) : NULL;
    if (!b) {
        t->kind = TN_KIND_OPAQUE;
        return;
    }
    t->kind = b->kind == TN_KIND_LEAF ? TN_KIND_FIXED : b->kind;
    t->traverse = b->traverse;
    t->c_size = b->c_size;
    t->class_reference = t->kind == TN_KIND_TRAVERSE ? !b->heap : true;
    t->traverses_dict = b->traverses_dict;
    t->n_named = b->n_named;
    t->named = b->named;
    t->named_labels = b->named_labels;
    t->special = b->special;
    t->state_at = b->state_at;
    add_slots(w, t, base, b);
}

static bool own_module(tn_walk *w, const tn_type_info *t, const char *name)
{
    if (strncmp(name, "tonnage.", 8) == 0)
        return true;
    if (!t->python)
        return false;
    uint64_t dict = tn_load64(&w->target->memory, t->address + w->layout->type_dict);
    uint64_t module = dict ? tn__dict_find(w, dict, "__module__", false) : 0;
    return module && (tn__str_is(w, module, "tonnage", false) || tn__str_is(w, module, "tonnage.", true));
}

static uint8_t visitor_of(const tn_type_info *t)
{
    switch (t->kind) {
    case TN_KIND_TRAVERSE: return TN_VISIT_TRAVERSE;
    case TN_KIND_SCAN: return TN_VISIT_SCAN;
    case TN_KIND_OPAQUE: return TN_VISIT_NOT;
    case TN_KIND_LEAF:
    case TN_KIND_STR:
    case TN_KIND_BYTES:
    case TN_KIND_INT:
    case TN_KIND_FLOAT:
    case TN_KIND_COMPLEX: return t->n_fixed || t->class_reference ? TN_VISIT_LAYOUT : TN_VISIT_LEAF;
    default: return TN_VISIT_LAYOUT;
    }
}

/* A C type that adds no field to a plain one (numpy.float64) is as plain. */
static void inherit_leaf(tn_walk *w, tn_type_info *t)
{
    uint64_t base = tn_load64(&w->target->memory, t->address + w->layout->type_base);
    const tn_type_info *b = base ? tn__type_get(w, base) : NULL;
    if (b && b->basic_size == t->basic_size && b->item_size == t->item_size && !b->n_fixed &&
        (b->kind == TN_KIND_INT || b->kind == TN_KIND_FLOAT || b->kind == TN_KIND_COMPLEX || b->kind == TN_KIND_BYTES))
        t->kind = b->kind;
}

void tn__classify(tn_walk *w, tn_type_info *t)
{
    char name[256];
    tn__c_string(w, tn_load64(&w->target->memory, t->address + w->layout->type_name), name, sizeof name);
    t->python = is_python(w, t->address);
    t->own = own_module(w, t, name);
    if (t->python) {
        classify_python(w, t);
    } else {
        t->kind = t->traverse                                            ? TN_KIND_TRAVERSE
                  : t->basic_size > 16 || t->item_size || t->dict_offset ? TN_KIND_OPAQUE
                                                                         : TN_KIND_LEAF;
        classify_c(w, t, name);
        if (t->kind == TN_KIND_OPAQUE)
            inherit_leaf(w, t);
        t->class_reference = t->heap && t->kind != TN_KIND_TRAVERSE;
        t->traverses_dict = t->kind == TN_KIND_TRAVERSE && t->managed_dict && w->target->traverse;
    }
    if (t->kind == TN_KIND_TRAVERSE && !w->target->traverse)
        t->kind = TN_KIND_SCAN;
    if (t->kind == TN_KIND_OPAQUE && w->options.scan)
        t->kind = TN_KIND_SCAN;
    if (t->kind == TN_KIND_TRAVERSE && !t->python)
        tn__names_make(w, t);
    w->reg->kinds_unknown += t->kind == TN_KIND_OPAQUE;
    t->meta = t->kind == TN_KIND_TYPE && t->traverse &&
              t->traverse !=
                  tn_load64(&w->target->memory, w->target->builtin_types[TN_BUILTIN_TYPE] + w->layout->type_traverse);
    t->calls =
        w->target->traverse && t->traverse && (t->kind == TN_KIND_TRAVERSE || t->kind == TN_KIND_MODULE || t->meta);
    t->visitor = visitor_of(t);
    t->simple = !t->python && !t->class_reference && !t->n_fixed &&
                (t->kind == TN_KIND_LEAF || t->kind == TN_KIND_BYTES || t->kind == TN_KIND_INT ||
                 t->kind == TN_KIND_FLOAT || t->kind == TN_KIND_COMPLEX);
    bool data = t->kind == TN_KIND_INT || t->kind == TN_KIND_FLOAT || t->kind == TN_KIND_COMPLEX ||
                t->kind == TN_KIND_BYTES || t->kind == TN_KIND_BYTEARRAY;
    t->previewed = (data && w->options.preview_bytes && !w->options.redact) || t->kind == TN_KIND_STR ||
                   t->kind == TN_KIND_FUNCTION || t->kind == TN_KIND_CODE || t->kind == TN_KIND_MODULE ||
                   t->kind == TN_KIND_TYPE;
    t->buffer_at = t->kind == TN_KIND_DICT                                        ? (int32_t)w->layout->dict_keys
                   : t->kind == TN_KIND_LIST                                      ? (int32_t)w->layout->list_items
                   : t->managed_dict && w->layout->dict_style == TN_DICT_POINTERS ? -32
                                                                                  : 0;
    t->quick = !t->python && !t->class_reference && !t->n_fixed && !w->target->memory.checked &&
               (t->kind == TN_KIND_LIST || t->kind == TN_KIND_TUPLE || t->kind == TN_KIND_DICT);
    t->plain_str = t->kind == TN_KIND_STR && !t->python;
    t->data = (t->kind == TN_KIND_BYTEARRAY && !w->layout->bytearray_object) || t->kind == TN_KIND_ARRAY ||
              t->kind == TN_KIND_NDARRAY;
    t->has_hash = !w->options.redact && (t->data || t->kind == TN_KIND_STR || t->kind == TN_KIND_BYTES);
    t->stop = t->kind == TN_KIND_TYPE || t->kind == TN_KIND_MODULE || t->kind == TN_KIND_FUNCTION ||
              t->kind == TN_KIND_CODE || t->kind == TN_KIND_FRAME;
    for (unsigned i = 0; i < TN_BUILTINS; i++)
        if (w->target->builtin_types[i] == t->address)
            t->stop |= i == TN_BUILTIN_CFUNCTION || i == TN_BUILTIN_CMETHOD;
}
