/* follow_parts.h - what the files of follow.h share. */
#ifndef TN_FOLLOW_PARTS_H
#define TN_FOLLOW_PARTS_H

#include "inside/follow.h"
#include "inside/ref_tracer.h"

#define TN_ADDRESS(p) ((uint64_t)(uintptr_t)(p))

/* ---- follow.c ---- */

/* The class by which a type is followed: the most derived of those that are. NULL: none. */
PyTypeObject *tn__follow_rule(PyTypeObject *type);
void tn__follow_born(PyObject *object, PyTypeObject *type); /* an object of this very type was made */
void tn__follow_died(uint64_t block);
/* A block whose free is to be seen, by who asks whether frees are. false: no memory. And no more of it; false: it was freed. */
bool tn__follow_watch(uint64_t block);
bool tn__follow_unwatch(uint64_t block);

/* ---- follow_made.c ---- */

/* Visits a type and all that are derived from it. */
void tn__follow_each(PyTypeObject *type, void (*visit)(PyTypeObject *type));

/* ---- follow_types.c: before 3.13 ---- */

/* Of a class that has become a rule, and those derived from it; also of those that are made from now on. */
void tn__follow_births(PyTypeObject *type);
void tn__follow_no_births(PyTypeObject *type, bool last); /* it is none any more; last: no other is */

/* ---- follow_frees.c ---- */

bool tn__follow_frees(void);      /* true: our hook had been taken out */
void tn__follow_code_frees(void); /* stacks are kept: tells of code objects that die, from now on */

#endif
