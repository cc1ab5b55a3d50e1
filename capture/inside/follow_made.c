/* follow_made.c - classes when they are made: tp_new of `type` is exchanged, and those of metatypes that have the same. What
 * has been made is looked at when it returns.
 *
 * Before 3.13 births need it (follow_types.c); in all versions, who waits for a class that is named only.
 */
#include "inside/follow_parts.h"

static struct {
    newfunc make; /* type.__new__ as it was; NULL: never exchanged */
    void (*told[TN_MADE_TOLD])(PyTypeObject *type);
} made;

static PyObject *make_type(PyTypeObject *metatype, PyObject *args, PyObject *kwargs)
{
    PyObject *type = made.make(metatype, args, kwargs);
    if (!type || !PyType_Check(type))
        return type;
    for (unsigned i = 0; i < TN_MADE_TOLD; i++)
        if (made.told[i])
            made.told[i]((PyTypeObject *)type);
    return type;
}

void tn__follow_each(PyTypeObject *type, void (*visit)(PyTypeObject *type))
{
    PyObject *list = PyObject_CallMethod((PyObject *)&PyType_Type, "__subclasses__", "O", type);
    visit(type);
    for (Py_ssize_t i = 0; list && i < PyList_GET_SIZE(list); i++)
        if (PyType_Check(PyList_GET_ITEM(list, i)))
            tn__follow_each((PyTypeObject *)PyList_GET_ITEM(list, i), visit);
    PyErr_Clear();
    Py_XDECREF(list);
}

static void exchange(PyTypeObject *metatype)
{
    if (metatype->tp_new == made.make)
        metatype->tp_new = make_type;
}

static void put_back(PyTypeObject *metatype)
{
    if (metatype->tp_new == make_type)
        metatype->tp_new = made.make;
}

void tn_follow_made(enum tn_made_told who, void (*told)(PyTypeObject *type))
{
    bool any = false;
    made.told[who] = told;
    for (unsigned i = 0; i < TN_MADE_TOLD; i++)
        any |= made.told[i] != NULL;
    if (!made.make && any)
        made.make = PyType_Type.tp_new;
    if (made.make)
        tn__follow_each(&PyType_Type, any ? exchange : put_back);
}
