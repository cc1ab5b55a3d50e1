/* ref_tracer.h - the interpreter tells of each object that it makes; there is one place for who is told, which ours share.
 *
 * Python 3.13 and later (TN_REF_TRACER). All functions with the GIL of the main interpreter.
 */
#ifndef TN_REF_TRACER_H
#define TN_REF_TRACER_H

#include "cpython/hooks.h"

#include <stdbool.h>

enum tn_told { TN_TOLD_REUSE, TN_TOLD_FOLLOW, TN_TOLD };

#if TN_REF_TRACER

/* created: in the middle of anything, with the GIL; may neither allocate nor call. Again: once more in place, if another tool has
 * taken us out. Who was there before goes on being told, too. */
void tn_ref_tracer_on(enum tn_told who, void (*created)(PyObject *object));
void tn_ref_tracer_off(enum tn_told who);

#endif

#endif
