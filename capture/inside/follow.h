/* follow.h - instances of chosen classes, followed from birth to death (record/lives.h).
 *
 *   follow.c         which types are followed; births
 *   follow_types.c   births before 3.13: tp_alloc of followed types
 *   follow_made.c    classes that are made: tp_new of metatypes
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

/* How instances of a class are followed. An instance has its stack, or is logged, where any of its classes wants it. */
typedef struct tn_follow_way {
    bool
        stacks; /* with the stack that makes them, which stays until the process ends (tn_trace_frame_at has its frames) */
    bool log;   /* none of their deaths may be lost: tn_lives_logged */
    bool alone; /* not those of derived classes */
} tn_follow_way;

/* Instances made from now on, in this way: another one than before where the class is followed already. They are of kinds that
 * have no instances yet; *made: the last kind before these (tn_followed_type.made). TN_ELIMIT, TN_ENOMEM, TN_EVERSION. */
int tn_follow_class(const tn_inside *inside, PyTypeObject *type, tn_follow_way way, uint64_t *made, tn_error *err);
/* None any more. stay: those that are there are followed on. Else neither they nor those of derived classes are that no other
 * class that is followed has; their sums stay. *made: as above. */
void tn_follow_no_class(PyTypeObject *type, bool stay, uint64_t *made);
/* Those that are there, of a kind, no more but for single ones. true: there were none, and the kind is none any more. */
bool tn_follow_no_kind(uint32_t kind);
/* The class of a kind, a new reference; NULL: it is dead. */
PyTypeObject *tn_followed_class(uint32_t kind);
/* One that is there, of any type. Its serial number; 0: TN_ENOMEM, TN_EVERSION. Where it is followed already it is of its
 * kind still; else its kind is one of single objects. Its death is logged. */
uint64_t tn_follow_object(const tn_inside *inside, PyObject *object, tn_error *err);
void tn_follow_no_object(PyObject *object);
/* The life of an object that is followed; NULL: it is not. */
const tn_life *tn_follow_life(const PyObject *object);
/* Another tool may have taken our hooks out: back in. Deaths meanwhile were missed, so that all
 * instances are forgotten. Returns how often that was so. */
uint64_t tn_follow_reconnect(void);

/* told is called with each class that is made by `type` or what is derived from it, when it is whole; NULL: no more. */
enum tn_made_told { TN_MADE_BIRTHS, TN_MADE_NAMES, TN_MADE_TOLD };
void tn_follow_made(enum tn_made_told who, void (*told)(PyTypeObject *type));

typedef struct tn_followed_type {
    uint64_t type, rule; /* addresses: the type, 0 where it is dead; the class by which it is followed, 0: no more */
    char name[64];       /* tp_name, cut */
    uint64_t made;       /* 1, 2, … in order; 0: nothing is of this kind any more */
    bool single;         /* of objects that are followed by themselves */
    bool closed;         /* instances that are made now are of another kind */
} tn_followed_type;
typedef struct tn_followed {
    uint32_t kind;
    tn_followed_type type;
    tn_kind_lives sums;
} tn_followed;
bool tn_followed_at(uint32_t n, tn_followed *out); /* n: 0, 1, …; false: no more */

#endif
