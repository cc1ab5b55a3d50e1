/* follow_types.c - births where the interpreter does not tell of them.
 *
 * An object of a class is made by tp_alloc of its type. A class has the usual one, whatever its bases have, so each followed type
 * gets ours, and a class that is made later gets it when tp_new of its metatype returns: that of `type` is exchanged, and
 * those of metatypes that have the same. No specialised code of these releases goes past either.
 */
#include "inside/follow_parts.h"

#if !TN_REF_TRACER

static struct {
    newfunc make; /* type.__new__ as it was; NULL: in place */
} metatypes;

static PyObject *alloc_followed(PyTypeObject *type, Py_ssize_t n)
{
    PyObject *object = PyType_GenericAlloc(type, n);
    if (object)
        tn__follow_born(object, type);
    return object;
}

static PyObject *make_type(PyTypeObject *metatype, PyObject *args, PyObject *kwargs)
{
    PyObject *type = metatypes.make(metatype, args, kwargs);
    if (type && PyType_Check(type) && ((PyTypeObject *)type)->tp_alloc == PyType_GenericAlloc &&
        tn__follow_rule((PyTypeObject *)type))
        ((PyTypeObject *)type)->tp_alloc = alloc_followed;
    return type;
}

/* Visits a type and all that are derived from it. */
static void each(PyTypeObject *type, void (*visit)(PyTypeObject *type))
{
    PyObject *list = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", type);
    visit(type);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++)
        if (PyType_Check(PyList_GET_ITEM(list, i)))
            each((PyTypeObject *)PyList_GET_ITEM(list, i), visit);
    PyErr_Clear();
    Py_XDECREF(list);
}

static void follow_type(PyTypeObject *type)
{
    bool follows = tn__follow_rule(type) != NULL;
    if (follows && type->tp_alloc == PyType_GenericAlloc)
        type->tp_alloc = alloc_followed;
    else if (!follows && type->tp_alloc == alloc_followed)
        type->tp_alloc = PyType_GenericAlloc;
}

static void exchange(PyTypeObject *metatype)
{
    if (metatype->tp_new == metatypes.make)
        metatype->tp_new = make_type;
}

static void put_back(PyTypeObject *metatype)
{
    if (metatype->tp_new == make_type)
        metatype->tp_new = metatypes.make;
}

void tn__follow_births(PyTypeObject *type)
{
    if (!metatypes.make)
        metatypes.make = PyType_Type.tp_new;
    each(&PyType_Type, exchange);
    each(type, follow_type);
}

void tn__follow_no_births(PyTypeObject *type, bool last)
{
    each(type, follow_type);
    if (last)
        each(&PyType_Type, put_back);
}

#endif
