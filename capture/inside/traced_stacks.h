/* traced_stacks.h - the call tree of a snapshot: the recorder's stacks and code objects. No Python.h.
 *
 * What started the program, runpy and tonnage's run, is on none of its stacks, as it is in no traceback; code of tonnage is one
 * pseudo frame, <tonnage>, and so is what imports for it.
 */
#ifndef TN_TRACED_STACKS_H
#define TN_TRACED_STACKS_H

#include "engine/engine.h"

/* Adds a row a stack, a row a code object, in the order of their ids. first_stack, first_code: rows there are before. TN_ENOMEM. */
int tn_traced_stacks(tn_walk *w, bool redact, uint32_t first_stack, uint32_t first_code);

#endif
