/* follow.h - instances of chosen classes, followed from birth to death (record/lives.h).
 *
 *   follow.c         which types are followed; births
 *   follow_types.c   births before 3.13: tp_alloc of followed types, and tp_new of their metatypes for classes yet to come
 *   follow_frees.c   deaths: a hook around the allocator of objects
 *   ref_tracer.c     births from 3.13 on
 *
 * A class is followed with those derived from it, also with those that are made later; each type is a kind of its own. Nothing of a
 * class or an object that Python code can see is changed. A followed class is kept alive; one derived from it may die, and its
 * sums stay. What other interpreters make is not followed. All functions with the GIL of the main interpreter, outside of
 * allocations.
 */
#ifndef TN_FOLLOW_H
#define TN_FOLLOW_H

#include "cpython/hooks.h"
#include "inside/inside.h"
#include "record/lives.h"

/* Instances made from now on; stacks: with the stack that makes them, until the process ends (tn_trace_frame_at has its frames).
 * TN_EINVAL: it is followed already; TN_ELIMIT, TN_ENOMEM, TN_EVERSION. */
int tn_follow_class(const tn_inside *inside, PyTypeObject *type, bool stacks, tn_error *err);
/* The same of a class that is followed already: from now on. An instance has its stack where any of its classes wants it. */
int tn_follow_stacks(const tn_inside *inside, PyTypeObject *type, bool stacks, tn_error *err);
/* Its own instances and those of derived classes that no other class that is followed has. Their sums stay. */
void tn_follow_no_class(PyTypeObject *type);
/* One that is there, of any type. Its serial number; 0: TN_ENOMEM, TN_EVERSION. */
uint64_t tn_follow_object(const tn_inside *inside, PyObject *object, tn_error *err);
void tn_follow_no_object(PyObject *object);
/* Another tool may have taken our hooks out: back in. Deaths meanwhile were missed, so that all
 * instances are forgotten. Returns how often that was so. */
uint64_t tn_follow_reconnect(void);

typedef struct tn_followed_type {
    uint64_t type, rule; /* addresses: the type, 0 where it is dead; the class by which it is followed, 0: no more */
    char name[64];       /* tp_name, cut */
} tn_followed_type;
typedef struct tn_followed {
    uint32_t kind;
    tn_followed_type type;
    tn_kind_lives sums;
} tn_followed;
bool tn_followed_at(uint32_t n, tn_followed *out); /* n: 0, 1, …; false: no more */

#endif
