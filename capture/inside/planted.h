/* planted.h - what the files of the planted checks share.
 *
 *   planted.c          the program that makes the objects, reading and comparing
 *   planted_objects.c  types, containers, numbers, text, code, functions
 *   planted_state.c    frames, generators, threads, the interpreter's state, the collector
 */
#ifndef TN_PLANTED_H
#define TN_PLANTED_H

#include <Python.h>

#include "inside/inside.h"

#define ADDRESS(p) ((uint64_t)(uintptr_t)(p))

typedef struct tn_planted {
    tn_inside *inside;
    const tn_layout *layout;
    PyObject *names, *kept, *code; /* the program's globals; what checks made; the program's own code */
    PyObject *frame;               /* of the function that looked, kept when it has returned */
    uint64_t handled;              /* top of the thread's chain of handled exceptions then */
    unsigned n_looks, n_reloads;
    bool failed;                          /* an object could not be made, as a rule with an exception */
    PyObject *raised, *value, *traceback; /* the first one, until the checks are over: nothing is called with it */
    const char *wrong;                    /* the first field that differed */
} tn_planted;

/* A row. bytes 0: this version has no such field; 1, 4, 8: how much is compared. */
typedef struct tn_known {
    const char *field;
    uint64_t at;
    unsigned bytes;
    uint64_t value;
} tn_known;

/* clang-format off */
#define NARROW_AT(n, address, name, value) {#name, (address) + l->name, n, (uint64_t)(value)}
#define NARROW(n, object, name, value) NARROW_AT(n, ADDRESS(object), name, value)
#define FACT_AT(address, name, value) NARROW_AT(8, address, name, value)
#define FACT(object, name, value) NARROW(8, object, name, value)
#define FACT_IF(condition, object, name, value) NARROW((condition) ? 8 : 0, object, name, value)
/* clang-format on */
#define POINTS(object, name, referent) FACT(object, name, ADDRESS(referent))
#define CHECK(p, facts) tn__known_check(p, facts, sizeof(facts) / sizeof *(facts))
/* Holds a field to where another one says it is. */
#define PLACE(p, name, offset) tn__require(p, #name, (p)->layout->name == (offset))

/* ---- planted.c ---- */

bool tn__peek(tn_planted *p, uint64_t address, unsigned bytes, uint64_t *out);
uint64_t tn__word(tn_planted *p, uint64_t address); /* 0 where nothing can be read */
void tn__require(tn_planted *p, const char *what, bool holds);
void tn__known_check(tn_planted *p, const tn_known *facts, size_t n);
bool tn__is_exact(tn_planted *p, uint64_t object, enum tn_builtin type);

void tn__fail_if(tn_planted *p, bool failed);
/* NULL, and failed set, when there is none; else a borrowed reference. */
PyObject *tn__keep(tn_planted *p, PyObject *object); /* takes it; the object lives until the checks are over */
PyObject *tn__get(tn_planted *p, const char *name);  /* of the program */
PyObject *tn__code_of(tn_planted *p, const char *function);
PyObject *tn__attribute(tn_planted *p, PyObject *object, const char *name);
void tn__set_attribute(tn_planted *p, PyObject *object, const char *name, PyObject *value);

/* ---- planted_objects.c, planted_state.c ---- */

void tn__objects_check(tn_planted *p);
void tn__state_look(tn_planted *p); /* called by the program: first by a function, then by a generator */
void tn__state_check(tn_planted *p);

#endif
