/* ref_tracer.h - the interpreter tells of each object that it makes; there is one place for who is told, which ours share.
 *
 * Python 3.13 and later (TN_REF_TRACER). All functions with the GIL of the main interpreter.
 */
#ifndef TN_REF_TRACER_H
#define TN_REF_TRACER_H

#include "cpython/hooks.h"

#include <stdbool.h>
#include <stdint.h>

enum tn_told { TN_TOLD_REUSE, TN_TOLD_FOLLOW, TN_TOLD };

#if TN_REF_TRACER

/* told: in the middle of anything, with the GIL; may neither allocate nor call, counts what is created, and gives 0. It is
 * called by the interpreter itself where nobody else is told. Again: once more in place, if another tool has taken us out. Who
 * was there before goes on being told, too. false: another tool stands before ours, and calls somebody else of ours alone. */
bool tn_ref_tracer_on(enum tn_told who, PyRefTracer told);
void tn_ref_tracer_off(enum tn_told who);

extern uint64_t tn__ref_tracer_created; /* for who wants to know whether there are any calls */
static inline void tn_ref_tracer_count(void)
{
    tn__ref_tracer_created++;
}

#endif

#endif
