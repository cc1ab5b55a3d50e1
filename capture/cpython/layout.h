/* layout.h - what tonnage knows about one range of CPython versions.
 *
 * One const table per range (layout_3_NN.h; older ranges of a minor layout_3_NN_P.h), selected by version at run time (layout.c), never written to. The numbers come from
 * the interpreter's own headers: probe.c prints a table, tests compile it against every interpreter found and compare.
 * Offsets are bytes from the start of the structure named in the field; 0 where a version has no such field and 0 cannot
 * be its place. GIL builds, 64 bit.
 *
 * Sources (file names of CPython's Include/): object.h, cpython/object.h, cpython/code.h, cpython/dictobject.h,
 * cpython/unicodeobject.h, cpython/longintrepr.h, cpython/pystate.h, internal/pycore_frame.h (3.14+:
 * pycore_interpframe_structs.h), internal/pycore_dict.h, internal/pycore_gc.h (3.14+: pycore_interp_structs.h),
 * internal/pycore_interp.h, internal/pycore_typeobject.h, internal/pycore_obmalloc.h, at the tag of the table's version.
 */
#ifndef TN_LAYOUT_H
#define TN_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

/* X(name): every offset or size of the table, in the order of probe.c. */
/* clang-format off */
#define TN_LAYOUT_FIELDS(X)                                                                                            \
    X(interp_threads)                                                                                                  \
    X(interp_gc) X(interp_sysdict) X(gc_generations) X(gc_permanent) X(debug_gc_collecting) X(gc_collecting) X(gc_enabled) X(thread_next) X(thread_frame) X(                    \
        thread_cframe_frame) X(thread_ident) X(thread_native) X(thread_dict) X(thread_context) X(thread_async_exc)     \
        X(thread_profile_obj) X(thread_trace_obj) X(thread_exception) X(thread_exc_info) X(thread_exc_value) X(        \
            thread_exc_previous) X(frame_code) X(frame_function) X(frame_locals) X(frame_object) X(frame_previous)     \
            X(frame_instr) X(frame_stacktop) X(frame_owner) X(frame_localsplus) X(type_name) X(type_basicsize)         \
                X(type_itemsize) X(type_dealloc) X(type_flags) X(type_doc) X(type_traverse) X(type_weaklistoffset) X(type_members) X(  \
                    type_base) X(type_dict) X(type_dictoffset) X(type_bases) X(type_mro) X(type_cache)                 \
                    X(type_subclasses) X(type_del) X(type_finalize) X(heaptype_name) X(heaptype_qualname) X(           \
                        heaptype_slots) X(heaptype_cached_keys) X(heaptype_module) X(heaptype_tpname) X(static_types)  \
                        X(static_types_max) X(static_type_size) X(static_type_dict) X(static_type_subclasses)          \
                            X(static_ext_types) X(static_ext_max) X(list_items) X(list_allocated) X(tuple_items) X(    \
                                bytes_value) X(float_value) X(complex_value) X(long_tag) X(long_digits) X(set_mask)    \
                                X(set_table) X(set_smalltable) X(dict_used) X(dict_keys) X(dict_values) X(             \
                                    keys_log2_index_bytes) X(keys_kind) X(keys_usable)                                 \
                                    X(keys_nentries) X(keys_indices) X(values_items) X(                                \
                                        values_capacity) X(values_embedded) X(values_valid) X(str_length) X(str_state) \
                                        X(str_ascii_size) X(str_compact_size) X(                                       \
                                            str_utf8_length) X(str_utf8) X(str_data) X(str_wstr) X(bytearray_alloc)    \
                                            X(bytearray_bytes) X(bytearray_object) X(code_consts) X(code_names)        \
                                                X(code_exceptiontable) X(code_localsplusnames) X(code_localspluskinds) \
                                                    X(code_filename) X(code_name) X(code_qualname) X(                  \
                                                        code_linetable) X(code_firstlineno) X(code_nlocalsplus)        \
                                                        X(code_stacksize) X(code_cached) X(code_cached_size) X(        \
                                                            code_linearray) X(code_co_code) X(code_adaptive)           \
                                                            X(gen_weakreflist) X(gen_name) X(gen_qualname) X(          \
                                                                gen_exc_value) X(gen_origin) X(gen_state)              \
                                                                X(gen_frame) X(frameobject_back) X(frameobject_frame)  \
                                                                    X(frameobject_trace) X(frameobject_data) X(        \
                                                                        function_globals) X(function_builtins)         \
                                                                        X(function_name) X(function_qualname) X(       \
                                                                            function_code) X(function_defaults)        \
                                                                            X(function_kwdefaults) X(function_closure) \
                                                                                X(function_doc) X(function_dict)       \
                                                                                    X(function_module)                 \
                                                                                        X(function_annotations)        \
                                                                                            X(function_annotate)       \
                                                                                                X(function_typeparams) \
                                                                                                    X(module_dict)     \
                                                                                                        X(module_name)
/* clang-format on */

typedef struct tn_root_field {
    const char *name;
    uint32_t offset;
} tn_root_field;

/* Answers that are not offsets. */
/* ob_start, the first byte of its content, stands behind ob_bytes (Include/cpython/bytearrayobject.h, 3.11 to 3.15). */
enum { TN_BYTEARRAY_START = 8 };

enum tn_dict_style {
    TN_DICT_POINTERS, /* 3.11: values pointer at word -4, dict at -3 */
    TN_DICT_TAGGED,   /* 3.12: one word at -3: dict, or values + 1 */
    TN_DICT_INLINE,   /* 3.13+: dict at -3, values after the instance */
};
enum tn_int_style { TN_INT_SIGNED_SIZE /* ob_size */, TN_INT_TAGGED /* lv_tag: size << 3 | sign */ };
enum tn_static_style { TN_STATIC_IN_TYPE /* 3.11 */, TN_STATIC_PER_INTERPRETER /* 3.12+ */ };
enum tn_immortal_style { TN_IMMORTAL_NONE, TN_IMMORTAL_LOW_WORD /* 3.12, 3.13 */, TN_IMMORTAL_HIGH_BIT /* 3.14+ */ };
enum tn_frame_style { TN_FRAME_STACKTOP /* 3.11-3.13 */, TN_FRAME_STACKREFS /* 3.14+ */ };

typedef struct tn_layout {
    const char *name;
    uint32_t minor; /* of CPython 3 */
    enum tn_dict_style dict_style;
    enum tn_int_style int_style;
    enum tn_static_style static_style;
    enum tn_immortal_style immortal_style;
    enum tn_frame_style frame_style;
    uint32_t managed_dict_flag, managed_weakref_flag, inline_values_flag; /* in tp_flags */
    int32_t gen_suspended_min, gen_suspended_max; /* frame states in which a generator's frame holds values */
    int32_t gen_awaits_min, gen_awaits_max; /* … in which the last value is what it waits for: yield from, await */
    uint8_t resume_opcodes[2]; /* not 0: only if the next instruction is one of these, with a place of 2 or 3 */
    bool cframe;               /* 3.11, 3.12: the thread points to a _PyCFrame, which points to the frame */
    uint32_t owner_thread;     /* of frames that a thread runs; a generator's and a frame object's are others */
    uint32_t owner_skip;       /* frames of this owner and above have no code */
    uint32_t str_interned_mask, str_kind_shift, str_compact_bit, str_ascii_bit;
    const tn_root_field *interp_roots; /* ends with a NULL name */
#define X(name) uint32_t name;
    TN_LAYOUT_FIELDS(X)
#undef X
} tn_layout;

/* The tables to try for a version (PY_VERSION_HEX): index 0, 1, … until NULL, which index 0 gives for an unknown minor.
 * A release within a listed range has that range's table alone. Any other patch release of a known minor, and every
 * pre-release, has all tables of the minor, newest first, and none is believed unless the run-time probes pass. */
const tn_layout *tn_layout_find(uint32_t hexversion, unsigned index, bool *listed);

#endif
