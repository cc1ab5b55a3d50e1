/* planted_objects.c - what is known of planted types, containers, numbers, text, code and functions. */
#include "inside/planted.h"

/* ---- types ---- */

static void check_types(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyTypeObject *class = (PyTypeObject *)tn__get(p, "Planted"), *child = (PyTypeObject *)tn__get(p, "Child");
    PyHeapTypeObject *slots = (PyHeapTypeObject *)tn__get(p, "Slots");
    if (p->failed)
        return;
    const tn_known facts[] = {
        POINTS(class, type_name, class->tp_name),
        FACT(slots, type_basicsize, slots->ht_type.tp_basicsize),
        FACT(&PyBytes_Type, type_itemsize, PyBytes_Type.tp_itemsize),
        POINTS(class, type_dealloc, class->tp_dealloc),
        FACT(class, type_flags, class->tp_flags),
        POINTS(class, type_doc, class->tp_doc),
        POINTS(class, type_traverse, class->tp_traverse),
        FACT(class, type_weaklistoffset, class->tp_weaklistoffset),
        POINTS(slots, type_members, slots->ht_type.tp_members),
        POINTS(child, type_base, class),
        POINTS(class, type_dict, class->tp_dict),
        FACT(class, type_dictoffset, class->tp_dictoffset),
        POINTS(class, type_bases, class->tp_bases),
        POINTS(class, type_mro, class->tp_mro),
        POINTS(class, type_subclasses, class->tp_subclasses),
        POINTS(child, type_finalize, child->tp_finalize),
        POINTS(slots, heaptype_name, slots->ht_name),
        POINTS(slots, heaptype_qualname, slots->ht_qualname),
        POINTS(slots, heaptype_slots, slots->ht_slots),
        POINTS(class, heaptype_cached_keys, ((PyHeapTypeObject *)class)->ht_cached_keys),
    };
    CHECK(p, facts);
    PLACE(p, type_cache, offsetof(PyTypeObject, tp_cache));
    PLACE(p, type_del, offsetof(PyTypeObject, tp_del));
    PLACE(p, heaptype_module, offsetof(PyHeapTypeObject, ht_module));
    PLACE(p, heaptype_tpname, offsetof(PyHeapTypeObject, _ht_tpname));
    tn__require(p, "managed_dict_flag", class->tp_flags & l->managed_dict_flag);
    tn__require(p, "inline_values_flag", !l->inline_values_flag || (class->tp_flags & l->inline_values_flag));
    tn__require(p, "managed_weakref_flag", !l->managed_weakref_flag || (class->tp_flags & l->managed_weakref_flag));
}

/* The dict behind a static type's __dict__: what the proxy's one field points to. */
static void check_static_types(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyTypeObject *const types[] = {&PyLong_Type,  &PyList_Type,  &PyTuple_Type,
                                   &PyFloat_Type, &PySlice_Type, (PyTypeObject *)PyExc_OSError};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        PyObject *proxy = tn__attribute(p, (PyObject *)types[i], "__dict__");
        PyObject *subclasses = tn__keep(p, PyObject_CallMethod((PyObject *)types[i], "__subclasses__", NULL));
        if (p->failed)
            return;
        uint64_t dict = tn__word(p, ADDRESS(proxy) + 16), state = ADDRESS(types[i]),
                 index = ADDRESS(types[i]->tp_subclasses);
        bool apart = l->static_style == TN_STATIC_PER_INTERPRETER;
        if (apart)
            state = p->inside->target.interpreter + l->static_types + (index - 1) * l->static_type_size;
        uint64_t held = tn__word(p, state + (apart ? l->static_type_subclasses : l->type_subclasses));
        tn__require(p, "static_type_dict", tn__word(p, state + (apart ? l->static_type_dict : l->type_dict)) == dict);
        tn__require(p, "static_type_subclasses",
                    PyList_GET_SIZE(subclasses) == 0 ||
                        (tn__is_exact(p, held, TN_BUILTIN_DICT) &&
                         PyDict_GET_SIZE((PyObject *)(uintptr_t)held) >= PyList_GET_SIZE(subclasses)));
    }
    if (l->static_ext_types) /* a count and an index stand between the two arrays */
        PLACE(p, static_ext_types, l->static_types + l->static_types_max * l->static_type_size + 16);
}

/* ---- plain data ---- */

static void check_numbers(tn_planted *p)
{
    const tn_layout *l = p->layout;
    const long long big = 3LL << 60 | 2LL << 30 | 1; /* digits of 30 bits, the lowest first: 1, 2, 3 */
    bool tagged = l->int_style == TN_INT_TAGGED;
    PyObject *above = tn__keep(p, PyLong_FromLongLong(big)), *below = tn__keep(p, PyLong_FromLongLong(-big));
    PyObject *real = tn__keep(p, PyFloat_FromDouble(1234.25)), *complex = tn__keep(p, PyComplex_FromDoubles(2.5, 3.5));
    PyObject *bytes = tn__keep(p, PyBytes_FromString("tonnage!"));
    if (p->failed)
        return;
    uint64_t real_bits, complex_bits, text_bits;
    memcpy(&real_bits, &(double){1234.25}, 8);
    memcpy(&complex_bits, &(double){2.5}, 8);
    memcpy(&text_bits, "tonnage!", 8);
    const tn_known facts[] = {
        FACT(above, long_tag, tagged ? 3 << 3 : 3), FACT(below, long_tag, tagged ? 3 << 3 | 2 : -3),
        FACT(above, long_digits, 2ull << 32 | 1),   {"long_digits", ADDRESS(below) + l->long_digits + 8, 4, 3},
        FACT(real, float_value, real_bits),         FACT(complex, complex_value, complex_bits),
        FACT(bytes, bytes_value, text_bits),
    };
    CHECK(p, facts);
}

static void check_str(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyObject *ascii = tn__keep(p, PyUnicode_FromString("tonnage plain")), *subclass = tn__get(p, "text");
    PyObject *accent = tn__keep(p, PyUnicode_FromString("tonnage \xc3\xa9\xc3\xa9\xc3\xa9"));
    PyObject *wide = tn__keep(p, PyUnicode_FromString("tonnage \xf0\x9f\x8e\x88"));
    PyObject *interned = tn__keep(p, PyUnicode_InternFromString("tonnage interned for a moment"));
    Py_ssize_t n;
    const char *utf8 = accent ? PyUnicode_AsUTF8AndSize(accent, &n) : NULL;
    tn__fail_if(p, p->failed || !utf8);
    if (p->failed)
        return;
    uint64_t ascii_bits, accent_bits;
    memcpy(&ascii_bits, PyUnicode_DATA(ascii), 8);
    memcpy(&accent_bits, PyUnicode_DATA(accent), 8);
    const tn_known facts[] = {
        FACT(ascii, str_length, 13),
        FACT(ascii, str_ascii_size, ascii_bits),
        FACT(accent, str_compact_size, accent_bits),
        POINTS(accent, str_utf8, utf8),
        FACT(accent, str_utf8_length, n),
        POINTS(subclass, str_data, PyUnicode_DATA(subclass)),
    };
    CHECK(p, facts);
    PyObject *const all[] = {ascii, accent, wide, interned, subclass};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint64_t state = 0;
        bool read = tn__peek(p, ADDRESS(all[i]) + l->str_state, 4, &state);
        tn__require(p, "str_state",
                    read && (state >> l->str_kind_shift & 7) == (uint64_t)PyUnicode_KIND(all[i]) &&
                        !!(state & l->str_ascii_bit) == PyUnicode_IS_ASCII(all[i]) &&
                        !!(state & l->str_compact_bit) == (all[i] != subclass) &&
                        !!(state & l->str_interned_mask) == (all[i] == interned));
    }
    if (l->str_wstr)
        PLACE(p, str_wstr, l->str_ascii_size - 8);
}

static void check_sequences(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyObject *a = tn__keep(p, PyFloat_FromDouble(1.5)), *b = tn__keep(p, PyFloat_FromDouble(2.5));
    PyObject *list = tn__keep(p, PyList_New(3)), *tuple = tn__keep(p, PyTuple_Pack(2, a, b)),
             *cell = tn__keep(p, PyCell_New(a));
    PyObject *buffer = tn__keep(p, PyByteArray_FromStringAndSize("tonnage", 7));
    PyByteArrayObject *bytes = (PyByteArrayObject *)buffer;
    PyObject *module = tn__keep(p, PyModule_New("planted module"));
    /* without its first byte it begins behind the beginning of its block */
    tn__fail_if(p, p->failed || PySequence_DelSlice(buffer, 0, 1) < 0);
    if (p->failed)
        return;
    for (int i = 0; i < 3; i++)
        PyList_SET_ITEM(list, i, Py_NewRef(i ? b : a));
    PyObject *module_name = tn__attribute(p, module, "__name__");
    const tn_known facts[] = {
        FACT(list, list_allocated, ((PyListObject *)list)->allocated),
        POINTS(list, list_items, ((PyListObject *)list)->ob_item),
        {"list_items", tn__word(p, ADDRESS(list) + l->list_items), 8, ADDRESS(a)},
        POINTS(tuple, tuple_items, a),
        {"tuple_items", ADDRESS(tuple) + l->tuple_items + 8, 8, ADDRESS(b)},
        {"cell", ADDRESS(cell) + 16, 8, ADDRESS(a)},
        FACT(bytes, bytearray_alloc, bytes->ob_alloc),
        POINTS(bytes, bytearray_bytes, bytes->ob_bytes),
        {"bytearray_bytes", ADDRESS(bytes) + l->bytearray_bytes + TN_BYTEARRAY_START, 8, ADDRESS(bytes->ob_start)},
        POINTS(module, module_dict, PyModule_GetDict(module)),
        POINTS(module, module_name, module_name),
    };
    CHECK(p, facts);
    if (l->bytearray_object)
        tn__require(p, "bytearray_object",
                    tn__word(p, ADDRESS(bytes) + l->bytearray_object) + l->bytes_value == ADDRESS(bytes->ob_bytes));
}

/* ---- sets and dicts ---- */

static void check_set(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyObject *few = tn__keep(p, PySet_New(NULL)), *many = tn__keep(p, PySet_New(NULL));
    for (long i = 0; i < 12 && !p->failed; i++) {
        PyObject *number = tn__keep(p, PyLong_FromLong(1000000 + i));
        tn__fail_if(p, p->failed || PySet_Add(many, number) < 0 || (i < 3 && PySet_Add(few, number) < 0));
    }
    if (p->failed)
        return;
    const tn_known facts[] = {
        FACT(few, set_mask, 7),
        FACT(few, set_table, ADDRESS(few) + l->set_smalltable),
        FACT(many, set_mask, ((PySetObject *)many)->mask),
        POINTS(many, set_table, ((PySetObject *)many)->table),
    };
    CHECK(p, facts);
}

enum { KEYS_GENERAL, KEYS_UNICODE, KEYS_SPLIT };

/* A dict with two entries: of whatever keys, or of str only. */
static void check_dict(tn_planted *p, bool general)
{
    const tn_layout *l = p->layout;
    PyObject *dict = tn__keep(p, PyDict_New()), *second = tn__keep(p, PyUnicode_FromString("planted key"));
    PyObject *first = tn__keep(p, general ? PyFloat_FromDouble(8.5) : PyUnicode_FromString("another key"));
    PyObject *value = tn__keep(p, PyFloat_FromDouble(9.5));
    tn__fail_if(p, p->failed || PyDict_SetItem(dict, first, value) < 0 || PyDict_SetItem(dict, second, first) < 0);
    if (p->failed)
        return;
    uint64_t keys = tn__word(p, ADDRESS(dict) + l->dict_keys), log2 = 0;
    const tn_known facts[] = {
        FACT(dict, dict_used, 2),        POINTS(dict, dict_keys, ((PyDictObject *)dict)->ma_keys),
        FACT(dict, dict_values, 0),      {"keys_kind", keys + l->keys_kind, 1, general ? KEYS_GENERAL : KEYS_UNICODE},
        FACT_AT(keys, keys_usable, 3), /* 8 places: 5 may be used */
        FACT_AT(keys, keys_nentries, 2),
    };
    CHECK(p, facts);
    bool read = tn__peek(p, keys + l->keys_log2_index_bytes, 1, &log2) && log2 == 3;
    tn__require(p, "keys_log2_index_bytes", read);
    uint64_t entry = keys + l->keys_indices + (1ull << (log2 & 31)) + (general ? 8 : 0);
    tn__require(p, "keys_indices", tn__word(p, entry) == ADDRESS(first) && tn__word(p, entry + 8) == ADDRESS(value));
    entry += general ? 24 : 16;
    tn__require(p, "keys_indices", tn__word(p, entry) == ADDRESS(second) && tn__word(p, entry + 8) == ADDRESS(first));
}

static void check_dicts(tn_planted *p)
{
    check_dict(p, true);
    check_dict(p, false);
}

/* Where the values of an instance's attributes are while it has no dict. */
static uint64_t instance_values(tn_planted *p, PyObject *instance)
{
    switch (p->layout->dict_style) {
    case TN_DICT_POINTERS: return tn__word(p, ADDRESS(instance) - 32);
    case TN_DICT_TAGGED: return tn__word(p, ADDRESS(instance) - 24) + 1;
    default: return ADDRESS(instance) + (uint64_t)Py_TYPE(instance)->tp_basicsize;
    }
}

static void check_instances(tn_planted *p)
{
    const tn_layout *l = p->layout;
    bool is_inline = l->dict_style == TN_DICT_INLINE;
    PyObject *split = tn__get(p, "split"), *off = tn__get(p, "split_off"), *emptied = tn__get(p, "emptied");
    PyObject *latest = tn__get(p, "latest");
    PyObject *first = tn__attribute(p, split, "first"), *off_first = tn__attribute(p, off, "first");
    if (p->failed)
        return;
    uint64_t keys = ADDRESS(((PyHeapTypeObject *)Py_TYPE(split))->ht_cached_keys);
    uint64_t values = instance_values(p, split), off_values = instance_values(p, off);
    PyObject *dict = tn__attribute(p, off, "__dict__"), *copy = tn__keep(p, dict ? PyDict_Copy(dict) : NULL);
    if (p->failed)
        return;
    uint64_t copied = tn__word(p, ADDRESS(copy) + l->dict_values);
    const tn_known facts[] = {
        FACT_AT(values, values_items, ADDRESS(first)),
        FACT_AT(off_values, values_items, ADDRESS(off_first)),
        FACT(dict, dict_values, off_values),
        FACT(dict, dict_keys, keys),
        {"keys_kind", keys + l->keys_kind, 1, KEYS_SPLIT},
        FACT_AT(keys, keys_nentries, 2),
        NARROW(is_inline ? 1 : 0, values, values_embedded, 1),
        NARROW(is_inline ? 1 : 0, values, values_valid, 1),
        NARROW(is_inline ? 1 : 0, instance_values(p, emptied), values_valid, 0),
        NARROW(is_inline && copied ? 1 : 0, copied, values_embedded, 0),
        /* each instance made leaves less room to the next ones */
        NARROW(is_inline ? 1 : 0, instance_values(p, latest), values_capacity,
               tn__word(p, keys + l->keys_nentries) + tn__word(p, keys + l->keys_usable)),
    };
    CHECK(p, facts);
}

/* ---- code and functions ---- */

static void check_code(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyCodeObject *code = (PyCodeObject *)tn__code_of(p, "function");
    PyObject *object = (PyObject *)code, *variables = tn__attribute(p, object, "co_varnames");
    PyObject *bytecode = tn__attribute(p, object, "co_code"), *free = tn__attribute(p, object, "co_freevars");
    PyObject *cells = tn__attribute(p, object, "co_cellvars");
    tn__fail_if(p, p->failed || PyTuple_GET_SIZE(cells) != 1 || PyTuple_GET_SIZE(free) != 1);
    if (p->failed)
        return;
    uint64_t cached = l->code_cached ? tn__word(p, ADDRESS(code) + l->code_cached) : 0;
    uint64_t names = tn__word(p, ADDRESS(code) + l->code_localsplusnames);
    uint64_t kinds = tn__word(p, ADDRESS(code) + l->code_localspluskinds);
    uint64_t n = (uint64_t)(PyTuple_GET_SIZE(variables) + PyTuple_GET_SIZE(free)) + (uint64_t)(code->co_ncellvars);
    const tn_known facts[] = {
        POINTS(code, code_consts, tn__attribute(p, object, "co_consts")),
        POINTS(code, code_names, tn__attribute(p, object, "co_names")),
        POINTS(code, code_exceptiontable, tn__attribute(p, object, "co_exceptiontable")),
        POINTS(code, code_filename, tn__attribute(p, object, "co_filename")),
        POINTS(code, code_name, tn__attribute(p, object, "co_name")),
        POINTS(code, code_qualname, tn__attribute(p, object, "co_qualname")),
        POINTS(code, code_linetable, code->co_linetable),
        NARROW(4, code, code_firstlineno, code->co_firstlineno),
        NARROW(4, code, code_nlocalsplus, code->co_nlocalsplus),
        NARROW(4, code, code_stacksize, code->co_stacksize),
        {"code_localsplusnames", names + l->tuple_items, 8, ADDRESS(PyTuple_GET_ITEM(variables, 0))},
        FACT_IF(l->code_co_code, code, code_co_code, ADDRESS(bytecode)),
        {"code_cached", cached, cached ? 8 : 0, ADDRESS(bytecode)},
        {"code_cached_size", cached + l->code_cached_size - 8, cached ? 8 : 0, ADDRESS(free)},
    };
    CHECK(p, facts);
    tn__require(p, "code_nlocalsplus", n == (uint64_t)code->co_nlocalsplus || n == (uint64_t)code->co_nlocalsplus + 1);
    tn__require(p, "code_localsplusnames",
                tn__is_exact(p, names, TN_BUILTIN_TUPLE) && tn__word(p, names + 16) == (uint64_t)code->co_nlocalsplus);
    tn__require(p, "code_localspluskinds",
                tn__is_exact(p, kinds, TN_BUILTIN_BYTES) && tn__word(p, kinds + 16) == (uint64_t)code->co_nlocalsplus);
    tn__require(p, "code_cached", !l->code_cached || cached);
    if (l->code_linearray)
        PLACE(p, code_linearray, l->code_co_code + 8);
}

static void check_function(tn_planted *p)
{
    const tn_layout *l = p->layout;
    PyObject *function = tn__get(p, "function"), *plain = tn__get(p, "plain");
    PyObject *notes = tn__keep(p, PyDict_New()), *parameters = tn__keep(p, PyTuple_Pack(1, p->names));
    tn__set_attribute(p, function, "__annotations__", notes);
    tn__set_attribute(p, function, "__module__", p->names);
    tn__set_attribute(p, function, "__type_params__", parameters);
    tn__set_attribute(p, plain, "__annotate__", function);
    if (p->failed)
        return;
    const tn_known facts[] = {
        POINTS(function, function_globals, p->names),
        POINTS(function, function_builtins, tn__attribute(p, function, "__builtins__")),
        POINTS(function, function_name, tn__attribute(p, function, "__name__")),
        POINTS(function, function_qualname, tn__attribute(p, function, "__qualname__")),
        POINTS(function, function_code, PyFunction_GetCode(function)),
        POINTS(function, function_defaults, PyFunction_GetDefaults(function)),
        POINTS(function, function_kwdefaults, PyFunction_GetKwDefaults(function)),
        POINTS(function, function_closure, PyFunction_GetClosure(function)),
        POINTS(function, function_doc, tn__attribute(p, function, "__doc__")),
        POINTS(function, function_dict, tn__attribute(p, function, "__dict__")),
        POINTS(function, function_module, p->names),
        POINTS(function, function_annotations, notes),
        FACT_IF(l->function_annotate, plain, function_annotate, ADDRESS(function)),
        FACT_IF(l->function_typeparams, function, function_typeparams, ADDRESS(parameters)),
    };
    CHECK(p, facts);
}

void tn__objects_check(tn_planted *p)
{
    static void (*const checks[])(tn_planted *) = {check_types,     check_static_types, check_numbers, check_str,
                                                   check_sequences, check_set,          check_dicts,   check_instances,
                                                   check_code,      check_function};
    for (size_t i = 0; i < sizeof checks / sizeof *checks && !p->failed && !p->wrong; i++)
        checks[i](p);
}
