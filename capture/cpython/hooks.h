/* hooks.h - what the hooks of the recorder need of CPython that differs from version to version, by public headers alone. */
#ifndef TN_HOOKS_H
#define TN_HOOKS_H

#include <Python.h>
#include <opcode.h>

/* Is the current thread state the calling thread's own, or none? Before 3.12 it is whoever's holds the lock. */
#if PY_VERSION_HEX >= 0x030c0000
#define TN_CURRENT_IS_OWN 1
#else
#define TN_CURRENT_IS_OWN 0
#endif

/* May an interpreter have a lock of its own? */
#define TN_OWN_LOCKS TN_CURRENT_IS_OWN

/* Does the interpreter tell of objects that it takes from its free lists? */
#if PY_VERSION_HEX >= 0x030d0000
#define TN_REF_TRACER 1
#else
#define TN_REF_TRACER 0
#endif

/* Bytes of the collector's state (struct _gc_runtime_state) in an interpreter; in it, the place of a pointer to more of it
 * (struct gc_stats), and the bytes of that; 0: it is all there. */
#if PY_VERSION_HEX >= 0x030f0000
enum { TN_COLLECTOR_BYTES = 176, TN_COLLECTOR_STATS = 104, TN_COLLECTOR_STATS_BYTES = 1120 };
#elif PY_VERSION_HEX >= 0x030e0000
enum { TN_COLLECTOR_BYTES = 264, TN_COLLECTOR_STATS = 0, TN_COLLECTOR_STATS_BYTES = 0 };
#else
enum { TN_COLLECTOR_BYTES = 240, TN_COLLECTOR_STATS = 0, TN_COLLECTOR_STATS_BYTES = 0 };
#endif

/* Bytes from a code object to its first instruction, and to the first that a tracer may see: of frames that are not yet
 * there the interpreter shows nothing. */
#define TN_CODE_OFFSET offsetof(PyCodeObject, co_code_adaptive)
static inline int64_t tn_code_traceable(uint64_t code)
{
    enum { UNIT = 2 }; /* bytes of an instruction */
    return (int64_t)UNIT * ((const PyCodeObject *)(uintptr_t)code)->_co_firsttraceable;
}

/* Instructions that end a call of a function. */
#ifndef RETURN_CONST /* 3.12 and 3.13 */
#define RETURN_CONST RETURN_VALUE
#endif
static const uint8_t tn_code_returns[2] = {RETURN_VALUE, RETURN_CONST};

/* Those that note which function they call, of one that they have called before. */
#ifndef CALL_PY_GENERAL /* from 3.13 on */
#define CALL_PY_GENERAL CALL_PY_EXACT_ARGS
#define CALL_BOUND_METHOD_GENERAL CALL_PY_EXACT_ARGS
#endif
#ifndef CALL_PY_WITH_DEFAULTS /* before */
#define CALL_PY_WITH_DEFAULTS CALL_PY_EXACT_ARGS
#endif
#ifndef CALL_BOUND_METHOD_EXACT_ARGS /* from 3.12 on */
#define CALL_BOUND_METHOD_EXACT_ARGS CALL_PY_EXACT_ARGS
#endif
#ifndef CALL_KW_PY /* from 3.14 on */
#define CALL_KW_PY CALL_PY_EXACT_ARGS
#define CALL_KW_BOUND_METHOD CALL_PY_EXACT_ARGS
#endif
static const uint8_t tn_code_notes[7] = {
    CALL_PY_EXACT_ARGS, CALL_PY_WITH_DEFAULTS, CALL_PY_GENERAL, CALL_BOUND_METHOD_EXACT_ARGS, CALL_BOUND_METHOD_GENERAL,
    CALL_KW_PY,         CALL_KW_BOUND_METHOD,
};

/* Bytes from where a frame says that it is, while a function that it called runs, to what the instruction has noted of that
 * function (_PyCallCache.func_version). */
#if PY_VERSION_HEX >= 0x030d0000
enum { TN_CALL_NOTED = 4 }; /* at the instruction */
#elif PY_VERSION_HEX >= 0x030c0000
enum { TN_CALL_NOTED = -2 }; /* at the end of its cache */
#else
enum { TN_CALL_NOTED = -4 }; /* likewise, which has one number more */
#endif
enum { TN_CALL_NOTES_AT = 4 }; /* from the instruction, behind a count */

#endif
