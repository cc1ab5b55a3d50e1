/* target.h - what the engine needs to know of the process it walks, filled in by capture/inside (this process, world
 * stopped) or by a program that copied another process. No Python.h: the engine serves both.
 */
#ifndef TN_TARGET_H
#define TN_TARGET_H

#include <string.h>

#include "base/base.h"
#include "cpython/layout.h"

typedef struct tn_range {
    uint64_t start, end; /* [start, end) in the target */
} tn_range;

/* Memory source: the byte at address a of the target is at a + bias here. */
typedef struct tn_memory {
    uint64_t bias;
    const tn_range *ranges; /* readable, ascending, disjoint */
    uint32_t n_ranges;
    bool checked; /* a copy: pointers may be torn, so check the range of every buffer */
} tn_memory;

#define TN_AT(memory, address) ((const void *)(uintptr_t)((address) + (memory)->bias))

/* Sanitizers keep books of the program's own memory; the target's is anything that is mapped. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TN_FOREIGN __attribute__((no_sanitize("thread", "address"), noinline, unused))
#else
#define TN_FOREIGN inline
#endif

/* Loads are plain moves: the target's structures are aligned, or packed by 4 (some 3.13). */
static TN_FOREIGN uint64_t tn_load64(const tn_memory *m, uint64_t address)
{
    uint64_t v;
    memcpy(&v, TN_AT(m, address), sizeof v);
    return v;
}
static TN_FOREIGN uint32_t tn_load32(const tn_memory *m, uint64_t address)
{
    uint32_t v;
    memcpy(&v, TN_AT(m, address), sizeof v);
    return v;
}
static TN_FOREIGN uint8_t tn_load8(const tn_memory *m, uint64_t address)
{
    return *(const uint8_t *)TN_AT(m, address);
}
bool tn_memory_readable(const tn_memory *m, uint64_t address, uint64_t bytes);

/* Types of the interpreter that the engine decodes by their own layout; addresses in tn_target.builtin_types. */
/* clang-format off */
#define TN_BUILTIN_MAP(X)                                                                                                \
    X(OBJECT) X(TYPE) X(LIST) X(TUPLE) X(DICT) X(SET) X(FROZENSET) X(STR) X(BYTES) X(BYTEARRAY) X(INT) X(BOOL) X(FLOAT)  \
    X(COMPLEX) X(NONE) X(ELLIPSIS) X(NOTIMPLEMENTED) X(CODE) X(FUNCTION) X(METHOD) X(CFUNCTION) X(CMETHOD) X(CELL)       \
    X(MODULE) X(GENERATOR) X(COROUTINE) X(ASYNC_GENERATOR) X(FRAME) X(TRACEBACK) X(PROPERTY) X(CLASSMETHOD)              \
    X(STATICMETHOD) X(WEAKREF) X(WEAKPROXY) X(CALLABLEPROXY) X(GETSET) X(MEMBER) X(METHOD_DESCR) X(CLASSMETHOD_DESCR)    \
    X(WRAPPER_DESCR) X(MAPPINGPROXY) X(SLICE) X(RANGE) X(EXCEPTION) X(ODICT) X(MEMORYVIEW) X(CAPSULE)
/* clang-format on */

enum tn_builtin {
#define X(name) TN_BUILTIN_##name,
    TN_BUILTIN_MAP(X)
#undef X
        TN_BUILTINS
};

/* Calls visit once a reference that the type's own tp_traverse reports. NULL where no code of the target may run. Where
 * that code is watched, it may be found to crash or to hang. */
enum tn_traversed { TN_TRAVERSED, TN_TRAVERSE_CRASHED, TN_TRAVERSE_HUNG };
typedef void (*tn_visit)(void *ctx, uint64_t referent);
typedef enum tn_traversed (*tn_traverse)(uint64_t traverse, uint64_t object, tn_visit visit, void *ctx);

/* Memory outside of objects in which pointers to them may stand. */
enum tn_area_kind {
    TN_AREA_STATIC, /* writable data of the program or a library */
    TN_AREA_STACK,
    TN_AREA_HEAP, /* malloc's, grown in one piece */
    TN_AREA_OTHER,
};
typedef struct tn_area {
    uint64_t start, end;
    enum tn_area_kind kind;
    bool interpreter; /* STATIC: of the interpreter itself */
    char name[64];    /* of the library */
} tn_area;
/* Copies memory that may go at any time, as what threads use that do not hold the lock; bytes copied, 0 where there is none
 * or where nobody has written yet. */
typedef size_t (*tn_peek)(void *ctx, uint64_t address, void *out, size_t n);

typedef struct tn_target {
    tn_memory memory;
    const tn_layout *layout;
    uint64_t interpreter;    /* PyInterpreterState */
    uint64_t gc_heads[4];    /* generations 0-2, permanent; 0: not known */
    uint64_t current_thread; /* PyThreadState that holds the lock, or 0 */
    uint64_t builtin_types[TN_BUILTINS];
    uint64_t subtype_traverse, subtype_dealloc; /* of classes written in Python */
    tn_range *statics;                          /* program and library data: ascending */
    uint32_t n_statics;
    uint64_t arenas; /* address of obmalloc's arena table; 0: no pymalloc */
    uint32_t n_arenas;
    uint64_t interned; /* 3.11's dict of interned strings, or 0 */
    bool glibc;        /* malloc is glibc's: a chunk's size stands before it */
    tn_traverse traverse;
    const tn_area *areas; /* ascending within a kind; NULL: nobody may look there */
    uint32_t n_areas;
    tn_peek peek;
    void *peek_ctx;
} tn_target;

#endif
