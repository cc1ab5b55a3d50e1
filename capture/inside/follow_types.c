/* follow_types.c - births where the interpreter does not tell of them.
 *
 * An object of a class is made by tp_alloc of its type. A class has the usual one, whatever its bases have, so each followed type
 * gets ours, and a class that is made later gets it when it is (follow_made.c). No specialised code of these releases goes
 * past either.
 */
#include "inside/follow_parts.h"

#if !TN_REF_TRACER

static PyObject *alloc_followed(PyTypeObject *type, Py_ssize_t n)
{
    PyObject *object = PyType_GenericAlloc(type, n);
    if (object)
        tn__follow_born(object, type);
    return object;
}

static void follow_type(PyTypeObject *type)
{
    bool follows = tn__follow_rule(type) != NULL;
    if (follows && type->tp_alloc == PyType_GenericAlloc)
        type->tp_alloc = alloc_followed;
    else if (!follows && type->tp_alloc == alloc_followed)
        type->tp_alloc = PyType_GenericAlloc;
}

void tn__follow_births(PyTypeObject *type)
{
    tn_follow_made(TN_MADE_BIRTHS, follow_type);
    tn__follow_each(type, follow_type);
}

void tn__follow_no_births(PyTypeObject *type, bool last)
{
    tn__follow_each(type, follow_type);
    if (last)
        tn_follow_made(TN_MADE_BIRTHS, NULL);
}

#endif
