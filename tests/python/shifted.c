/* shifted.c - the run-time probes with a table that a test may corrupt: what test_layout_probes.py compiles and loads.
 *
 * Links the probes as they are and gives them a copy of the table instead of the table.
 */
#define tn_layout_find tn_layout_find_original
#include "cpython/layout.c"
#undef tn_layout_find

#include <Python.h>

#include "inside/inside.h"

#define MAX_ROOTS 64

static tn_layout table;
static tn_root_field roots[MAX_ROOTS];

const tn_layout *tn_layout_find(uint32_t hexversion, unsigned index, bool *listed)
{
    (void)hexversion;
    *listed = true;
    return index ? NULL : &table;
}

/* A fresh copy of the index-th table for a version: its name, or None. */
static PyObject *use(PyObject *module, PyObject *args)
{
    unsigned hexversion, index, n = 0;
    bool listed;
    (void)module;
    if (!PyArg_ParseTuple(args, "II", &hexversion, &index))
        return NULL;
    const tn_layout *found = tn_layout_find_original(hexversion, index, &listed);
    if (!found)
        Py_RETURN_NONE;
    table = *found;
    for (; found->interp_roots[n].name; n++)
        roots[n] = found->interp_roots[n];
    roots[n] = (tn_root_field){NULL, 0};
    table.interp_roots = roots;
    return Py_BuildValue("(sO)", found->name, listed ? Py_True : Py_False);
}

static uint32_t *field(const char *name)
{
#define X(field)                   \
    if (strcmp(name, #field) == 0) \
        return &table.field;
    TN_LAYOUT_FIELDS(X)
#undef X
    for (unsigned i = 0; roots[i].name; i++)
        if (strcmp(name, roots[i].name) == 0)
            return &roots[i].offset;
    return NULL;
}

/* (name, value) of every offset and size of the table in use, roots included. */
static PyObject *fields(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    (void)module;
    (void)unused;
#define X(field)                                                     \
    {                                                                \
        PyObject *pair = Py_BuildValue("(sI)", #field, table.field); \
        if (!list || !pair || PyList_Append(list, pair) < 0)         \
            return NULL;                                             \
        Py_DECREF(pair);                                             \
    }
    TN_LAYOUT_FIELDS(X)
#undef X
    for (unsigned i = 0; roots[i].name; i++) {
        PyObject *pair = Py_BuildValue("(sI)", roots[i].name, roots[i].offset);
        if (!list || !pair || PyList_Append(list, pair) < 0)
            return NULL;
        Py_DECREF(pair);
    }
    return list;
}

/* Runs the probes with one field moved: None, or the message with which the interpreter is refused. */
static PyObject *probe(PyObject *module, PyObject *args)
{
    const char *name;
    int by;
    tn_error err = {0};
    static tn_inside inside; /* one is enough, and its lists of mappings stay */
    (void)module;
    if (!PyArg_ParseTuple(args, "si", &name, &by))
        return NULL;
    uint32_t *place = field(name), before = place ? *place : 0;
    if (place)
        *place += (uint32_t)by;
    int status = tn_inside_probe(&inside, &err);
    if (place)
        *place = before;
    if (PyErr_Occurred())
        return NULL;
    return status < 0 ? PyUnicode_FromString(err.message) : Py_NewRef(Py_None);
}

/* The same of the table as it is, while the user presses Ctrl-C. */
static PyObject *probe_interrupted(PyObject *module, PyObject *unused)
{
    PyObject *words = Py_BuildValue("si", "", 0), *answer;
    (void)unused;
    PyErr_SetInterrupt();
    answer = words ? probe(module, words) : NULL;
    Py_XDECREF(words);
    return answer;
}

static PyMethodDef methods[] = {
    {"use", use, METH_VARARGS, NULL},
    {"fields", fields, METH_NOARGS, NULL},
    {"probe", probe, METH_VARARGS, NULL},
    {"probe_interrupted", probe_interrupted, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "shifted",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_shifted(void)
{
    return PyModule_Create(&definition);
}
