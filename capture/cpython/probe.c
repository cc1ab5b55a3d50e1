/* probe.c - prints the layout table of the interpreter whose headers it is compiled against.
 *
 *   cc -I$(python-include) -o probe probe.c && ./probe [SUFFIX] > layout_SUFFIX.h
 *
 * SUFFIX is what the table is called: 3_NN, unless told (3_13_0: an older range of 3.13 than that of layout_3_13.h).
 *
 * Both the generator of the tables and their test: a table that differs from what its interpreter's headers say is wrong.
 * The one file of tonnage that sees CPython's internal headers; nothing of it is shipped.
 */
#define Py_BUILD_CORE 1
#define NDEBUG 1
#include <Python.h>
#include <frameobject.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <internal/pycore_code.h>
#include <internal/pycore_dict.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_gc.h>
#include <internal/pycore_interp.h>
#include <internal/pycore_pystate.h>
#include <internal/pycore_runtime.h>
#if PY_VERSION_HEX >= 0x030e0000
#include <internal/pycore_interpframe.h>
#include <internal/pycore_interpframe_structs.h>
#include <internal/pycore_genobject.h>
#endif
#if PY_VERSION_HEX >= 0x030c0000
#include <internal/pycore_obmalloc.h>
#include <internal/pycore_typeobject.h>
#endif
#include <internal/pycore_moduleobject.h>
#if PY_VERSION_HEX < 0x030d0000
#include <opcode.h>
#endif
#ifndef INSTRUMENTED_RESUME
#define INSTRUMENTED_RESUME 0
#endif
#ifndef RESUME_QUICK
#define RESUME_QUICK 0
#endif

#include "hooks.h"

_Static_assert(TN_COLLECTOR_BYTES == sizeof(struct _gc_runtime_state), "of hooks.h");
#if PY_VERSION_HEX >= 0x030f0000
_Static_assert(TN_COLLECTOR_STATS == offsetof(struct _gc_runtime_state, generation_stats), "of hooks.h");
_Static_assert(TN_COLLECTOR_STATS_BYTES == sizeof(struct gc_stats), "of hooks.h");
#endif

#define V(minor) (PY_VERSION_HEX >= (0x03000000 | (minor) << 16))
#define O(name, type, field) printf("    ." #name " = %zu,\n", offsetof(type, field))
#define N(name, value) printf("    ." #name " = %zu,\n", (size_t)(value))
#define ROOT(field) printf("    {\"" #field "\", %zu},\n", offsetof(PyInterpreterState, field))

static void print_roots(const char *suffix)
{
    printf("static const tn_root_field tn_roots_%s[] = {\n", suffix);
    ROOT(sysdict);
    ROOT(builtins);
    ROOT(dict);
    ROOT(builtins_copy);
    ROOT(before_forkers);
    ROOT(after_forkers_parent);
    ROOT(after_forkers_child);
    ROOT(audit_hooks);
    ROOT(gc.garbage);
    ROOT(gc.callbacks);
#if V(12)
    ROOT(imports.modules);
    ROOT(imports.modules_by_index);
    ROOT(imports.importlib);
    ROOT(imports.import_func);
    ROOT(sysdict_copy);
    ROOT(cached_objects.interned_strings);
#else
    ROOT(modules);
    ROOT(modules_by_index);
    ROOT(importlib);
    ROOT(import_func);
#endif
#if V(13)
    ROOT(codecs.search_path);
    ROOT(codecs.search_cache);
    ROOT(codecs.error_registry);
#else
    ROOT(codec_search_path);
    ROOT(codec_search_cache);
    ROOT(codec_error_registry);
#endif
    ROOT(warnings.filters);
    ROOT(warnings.once_registry);
    ROOT(warnings.default_action);
    ROOT(exc_state.errnomap);
    printf("    {0, 0},\n};\n\n");
}

static unsigned str_state(int interned, int kind, int compact, int ascii)
{
    PyASCIIObject o;
    unsigned raw;
    memset(&o, 0, sizeof o);
    o.state.interned = interned ? 3 : 0;
    o.state.kind = (unsigned)kind & 7u;
    o.state.compact = compact & 1;
    o.state.ascii = ascii & 1;
    memcpy(&raw, &o.state, sizeof raw);
    return raw;
}

static void print_interp(void)
{
    O(interp_threads, PyInterpreterState, threads.head);
    O(interp_gc, PyInterpreterState, gc);
    O(interp_sysdict, PyInterpreterState, sysdict);
#if V(14) && \
    PY_VERSION_HEX < 0x030e0500 /* incremental: young and two old spaces, in the places of the three generations */
    O(gc_generations, struct _gc_runtime_state, young);
#else
    O(gc_generations, struct _gc_runtime_state, generations);
#endif
    O(gc_permanent, struct _gc_runtime_state, permanent_generation);
    O(gc_collecting, struct _gc_runtime_state, collecting);
    O(gc_enabled, struct _gc_runtime_state, enabled);
#if V(13)
    O(debug_gc_collecting, _Py_DebugOffsets, gc.collecting);
#endif
    O(thread_next, PyThreadState, next);
#if V(13)
    O(thread_frame, PyThreadState, current_frame);
#else
    O(thread_frame, PyThreadState, cframe);
    O(thread_cframe_frame, _PyCFrame, current_frame);
#endif
    O(thread_ident, PyThreadState, thread_id);
    O(thread_native, PyThreadState, native_thread_id);
    O(thread_dict, PyThreadState, dict);
    O(thread_context, PyThreadState, context);
    O(thread_async_exc, PyThreadState, async_exc);
    O(thread_profile_obj, PyThreadState, c_profileobj);
    O(thread_trace_obj, PyThreadState, c_traceobj);
#if V(13)
    O(thread_exception, PyThreadState, current_exception);
#elif V(12)
    O(thread_exception, PyThreadState, current_exception);
#else
    O(thread_exception, PyThreadState, curexc_value);
#endif
    O(thread_exc_info, PyThreadState, exc_info);
    O(thread_exc_value, _PyErr_StackItem, exc_value);
    O(thread_exc_previous, _PyErr_StackItem, previous_item);
#if V(13)
    O(frame_code, _PyInterpreterFrame, f_executable);
    O(frame_instr, _PyInterpreterFrame, instr_ptr);
#else
    O(frame_code, _PyInterpreterFrame, f_code);
    O(frame_instr, _PyInterpreterFrame, prev_instr);
#endif
#if V(12)
    O(frame_function, _PyInterpreterFrame, f_funcobj);
#else
    O(frame_function, _PyInterpreterFrame, f_func);
#endif
    O(frame_locals, _PyInterpreterFrame, f_locals);
    O(frame_object, _PyInterpreterFrame, frame_obj);
    O(frame_previous, _PyInterpreterFrame, previous);
#if V(14)
    O(frame_stacktop, _PyInterpreterFrame, stackpointer);
#else
    O(frame_stacktop, _PyInterpreterFrame, stacktop);
#endif
    O(frame_owner, _PyInterpreterFrame, owner);
    O(frame_localsplus, _PyInterpreterFrame, localsplus);
}

static void print_types(void)
{
    O(type_name, PyTypeObject, tp_name);
    O(type_basicsize, PyTypeObject, tp_basicsize);
    O(type_itemsize, PyTypeObject, tp_itemsize);
    O(type_dealloc, PyTypeObject, tp_dealloc);
    O(type_flags, PyTypeObject, tp_flags);
    O(type_doc, PyTypeObject, tp_doc);
    O(type_traverse, PyTypeObject, tp_traverse);
    O(type_weaklistoffset, PyTypeObject, tp_weaklistoffset);
    O(type_members, PyTypeObject, tp_members);
    O(type_base, PyTypeObject, tp_base);
    O(type_dict, PyTypeObject, tp_dict);
    O(type_dictoffset, PyTypeObject, tp_dictoffset);
    O(type_bases, PyTypeObject, tp_bases);
    O(type_mro, PyTypeObject, tp_mro);
    O(type_cache, PyTypeObject, tp_cache);
    O(type_subclasses, PyTypeObject, tp_subclasses);
    O(type_del, PyTypeObject, tp_del);
    O(type_finalize, PyTypeObject, tp_finalize);
    O(heaptype_name, PyHeapTypeObject, ht_name);
    O(heaptype_qualname, PyHeapTypeObject, ht_qualname);
    O(heaptype_slots, PyHeapTypeObject, ht_slots);
    O(heaptype_cached_keys, PyHeapTypeObject, ht_cached_keys);
    O(heaptype_module, PyHeapTypeObject, ht_module);
    O(heaptype_tpname, PyHeapTypeObject, _ht_tpname);
#if V(13)
    O(static_types, PyInterpreterState, types.builtins.initialized);
    N(static_types_max, _Py_MAX_MANAGED_STATIC_BUILTIN_TYPES);
    O(static_ext_types, PyInterpreterState, types.for_extensions.initialized);
    N(static_ext_max, _Py_MAX_MANAGED_STATIC_EXT_TYPES);
    N(static_type_size, sizeof(managed_static_type_state));
    O(static_type_dict, managed_static_type_state, tp_dict);
    O(static_type_subclasses, managed_static_type_state, tp_subclasses);
#elif V(12)
    O(static_types, PyInterpreterState, types.builtins);
    N(static_types_max, _Py_MAX_STATIC_BUILTIN_TYPES);
    N(static_type_size, sizeof(static_builtin_state));
    O(static_type_dict, static_builtin_state, tp_dict);
    O(static_type_subclasses, static_builtin_state, tp_subclasses);
#endif
}

static void print_containers(void)
{
    O(list_items, PyListObject, ob_item);
    O(list_allocated, PyListObject, allocated);
    O(tuple_items, PyTupleObject, ob_item);
    O(bytes_value, PyBytesObject, ob_sval);
    O(float_value, PyFloatObject, ob_fval);
    O(complex_value, PyComplexObject, cval);
#if V(12)
    O(long_tag, PyLongObject, long_value.lv_tag);
    O(long_digits, PyLongObject, long_value.ob_digit);
#else
    O(long_tag, PyVarObject, ob_size);
    O(long_digits, PyLongObject, ob_digit);
#endif
    O(set_mask, PySetObject, mask);
    O(set_table, PySetObject, table);
    O(set_smalltable, PySetObject, smalltable);
    O(dict_used, PyDictObject, ma_used);
    O(dict_keys, PyDictObject, ma_keys);
    O(dict_values, PyDictObject, ma_values);
    O(keys_log2_index_bytes, PyDictKeysObject, dk_log2_index_bytes);
    O(keys_kind, PyDictKeysObject, dk_kind);
    O(keys_usable, PyDictKeysObject, dk_usable);
    O(keys_nentries, PyDictKeysObject, dk_nentries);
    O(keys_indices, PyDictKeysObject, dk_indices);
    O(values_items, PyDictValues, values);
#if V(13)
    O(values_capacity, PyDictValues, capacity);
    O(values_embedded, PyDictValues, embedded);
    O(values_valid, PyDictValues, valid);
#endif
    O(str_length, PyASCIIObject, length);
    O(str_state, PyASCIIObject, state);
    N(str_ascii_size, sizeof(PyASCIIObject));
    N(str_compact_size, sizeof(PyCompactUnicodeObject));
    O(str_utf8_length, PyCompactUnicodeObject, utf8_length);
    O(str_utf8, PyCompactUnicodeObject, utf8);
    O(str_data, PyUnicodeObject, data);
#if !V(12)
    O(str_wstr, PyASCIIObject, wstr);
#endif
    O(bytearray_alloc, PyByteArrayObject, ob_alloc);
    O(bytearray_bytes, PyByteArrayObject, ob_bytes);
#if V(15)
    O(bytearray_object, PyByteArrayObject, ob_bytes_object);
#endif
}

static void print_code(void)
{
    O(code_consts, PyCodeObject, co_consts);
    O(code_names, PyCodeObject, co_names);
    O(code_exceptiontable, PyCodeObject, co_exceptiontable);
    O(code_localsplusnames, PyCodeObject, co_localsplusnames);
    O(code_localspluskinds, PyCodeObject, co_localspluskinds);
    O(code_filename, PyCodeObject, co_filename);
    O(code_name, PyCodeObject, co_name);
    O(code_qualname, PyCodeObject, co_qualname);
    O(code_linetable, PyCodeObject, co_linetable);
    O(code_firstlineno, PyCodeObject, co_firstlineno);
    O(code_nlocalsplus, PyCodeObject, co_nlocalsplus);
    O(code_stacksize, PyCodeObject, co_stacksize);
#if V(12)
    O(code_cached, PyCodeObject, _co_cached);
    N(code_cached_size, sizeof(_PyCoCached));
#else
    O(code_linearray, PyCodeObject, _co_linearray);
    O(code_co_code, PyCodeObject, _co_code);
#endif
    O(code_adaptive, PyCodeObject, co_code_adaptive);
    O(gen_weakreflist, PyGenObject, gi_weakreflist);
    O(gen_name, PyGenObject, gi_name);
    O(gen_qualname, PyGenObject, gi_qualname);
    O(gen_exc_value, PyGenObject, gi_exc_state.exc_value);
    O(gen_origin, PyGenObject, gi_origin_or_finalizer);
    O(gen_state, PyGenObject, gi_frame_state);
    O(gen_frame, PyGenObject, gi_iframe);
    O(frameobject_back, PyFrameObject, f_back);
    O(frameobject_frame, PyFrameObject, f_frame);
    O(frameobject_trace, PyFrameObject, f_trace);
    O(frameobject_data, PyFrameObject, _f_frame_data);
    O(function_globals, PyFunctionObject, func_globals);
    O(function_builtins, PyFunctionObject, func_builtins);
    O(function_name, PyFunctionObject, func_name);
    O(function_qualname, PyFunctionObject, func_qualname);
    O(function_code, PyFunctionObject, func_code);
    O(function_defaults, PyFunctionObject, func_defaults);
    O(function_kwdefaults, PyFunctionObject, func_kwdefaults);
    O(function_closure, PyFunctionObject, func_closure);
    O(function_doc, PyFunctionObject, func_doc);
    O(function_dict, PyFunctionObject, func_dict);
    O(function_module, PyFunctionObject, func_module);
    O(function_annotations, PyFunctionObject, func_annotations);
#if V(14)
    O(function_annotate, PyFunctionObject, func_annotate);
#endif
#if V(12)
    O(function_typeparams, PyFunctionObject, func_typeparams);
#endif
    O(module_dict, PyModuleObject, md_dict);
    O(module_name, PyModuleObject, md_name);
}

int main(int argc, char **argv)
{
    char suffix[32], name[32];
    if (argc > 1)
        snprintf(suffix, sizeof suffix, "%s", argv[1]);
    else
        snprintf(suffix, sizeof suffix, "3_%d", PY_MINOR_VERSION);
    snprintf(name, sizeof name, "%s", suffix);
    for (char *c = name; *c; c++)
        if (*c == '_')
            *c = '.';
    printf("/* Printed by probe.c with the headers of CPython %s. */\n", PY_VERSION);
    print_roots(suffix);
    printf("static const tn_layout tn_layout_%s = {\n", suffix);
    printf("    .name = \"%s\",\n", name);
    N(minor, PY_MINOR_VERSION);
    printf("    .dict_style = %s,\n", V(13) ? "TN_DICT_INLINE" : V(12) ? "TN_DICT_TAGGED" : "TN_DICT_POINTERS");
    printf("    .int_style = %s,\n", V(12) ? "TN_INT_TAGGED" : "TN_INT_SIGNED_SIZE");
    printf("    .static_style = %s,\n", V(12) ? "TN_STATIC_PER_INTERPRETER" : "TN_STATIC_IN_TYPE");
    printf("    .immortal_style = %s,\n", V(14)   ? "TN_IMMORTAL_HIGH_BIT"
                                          : V(12) ? "TN_IMMORTAL_LOW_WORD"
                                                  : "TN_IMMORTAL_NONE");
    printf("    .frame_style = %s,\n", V(14) ? "TN_FRAME_STACKREFS" : "TN_FRAME_STACKTOP");
    printf("    .managed_dict_flag = %lu,\n", (unsigned long)Py_TPFLAGS_MANAGED_DICT);
#if V(12)
    printf("    .managed_weakref_flag = %lu,\n", (unsigned long)Py_TPFLAGS_MANAGED_WEAKREF);
#endif
#if V(13)
    printf("    .inline_values_flag = %lu,\n", (unsigned long)Py_TPFLAGS_INLINE_VALUES);
#endif
#if V(15)
    printf("    .gen_suspended_min = 0,\n    .gen_suspended_max = 3,\n");
    printf("    .gen_awaits_min = %d,\n    .gen_awaits_max = %d,\n", FRAME_SUSPENDED_YIELD_FROM,
           FRAME_SUSPENDED_YIELD_FROM_LOCKED);
#elif V(13)
    printf("    .gen_suspended_min = -3,\n    .gen_suspended_max = -1,\n");
    printf("    .gen_awaits_min = %d,\n    .gen_awaits_max = %d,\n", FRAME_SUSPENDED_YIELD_FROM,
           FRAME_SUSPENDED_YIELD_FROM);
#else
    printf("    .gen_suspended_min = -2,\n    .gen_suspended_max = -1,\n");
    printf("    .gen_awaits_min = %d,\n    .gen_awaits_max = %d,\n", FRAME_SUSPENDED, FRAME_SUSPENDED);
    printf("    .resume_opcodes = {%d, %d},\n", RESUME, V(12) ? INSTRUMENTED_RESUME : RESUME_QUICK);
#endif
    printf("    .cframe = %s,\n", V(13) ? "false" : "true");
    N(owner_thread, FRAME_OWNED_BY_THREAD);
    printf("    .owner_skip = 3,\n");
    printf("    .str_interned_mask = %u,\n", str_state(1, 0, 0, 0));
    printf("    .str_kind_shift = %d,\n", __builtin_ctz(str_state(0, 1, 0, 0)));
    printf("    .str_compact_bit = %u,\n", str_state(0, 0, 1, 0));
    printf("    .str_ascii_bit = %u,\n", str_state(0, 0, 0, 1));
    printf("    .interp_roots = tn_roots_%s,\n", suffix);
    print_interp();
    print_types();
    print_containers();
    print_code();
    printf("};\n");
    return 0;
}
