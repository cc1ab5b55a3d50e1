/* careless.c - an extension module that forgets references, by kind, and holds others where only C code sees them. Built by the
 * tests.
 */
#include <Python.h>

#include <alloca.h>
#include <stdbool.h>
#include <string.h>

PyObject *volatile kept[64]; /* not static: nobody reads it */
static struct keeper {
    struct keeper *next;
    PyObject *held;
} * keepers;

static PyObject *make(const char *kind, long number)
{
    PyObject *made = NULL, *inner = PyFloat_FromDouble((double)number + 0.25);
    if (strcmp(kind, "float") == 0) {
        return inner;
    } else if (strcmp(kind, "str") == 0) {
        made = PyUnicode_FromFormat("forgotten text %ld", number);
    } else if (strcmp(kind, "short") == 0 || strcmp(kind, "wide") == 0) { /* of 1 to 40 characters */
        bool wide = kind[0] == 'w';
        made = PyUnicode_New(1 + number % 40, wide ? 0x20ac : 0x7f);
        for (long i = 0; i <= number % 40; i++)
            PyUnicode_WriteChar(made, i, wide ? 0x20ac : 'q');
    } else if (strcmp(kind, "tuple") == 0) {
        made = PyTuple_Pack(1, inner);
        PyObject_GC_UnTrack(made);
    } else if (strcmp(kind, "list") == 0) {
        made = PyList_New(0);
        PyList_Append(made, inner);
    } else if (strcmp(kind, "bytes") == 0) {
        made = PyBytes_FromStringAndSize(NULL, 5000 + number);
        memset(PyBytes_AS_STRING(made), 'b', (size_t)(5000 + number));
    } else {
        made = PyBytes_FromStringAndSize(NULL, (1 << 20) + number);
        memset(PyBytes_AS_STRING(made), 'h', (size_t)((1 << 20) + number));
    }
    Py_DECREF(inner);
    return made;
}

static PyObject *forget(PyObject *module, PyObject *args)
{
    const char *kind;
    long n;
    (void)module;
    if (!PyArg_ParseTuple(args, "sl", &kind, &n))
        return NULL;
    for (long i = 0; i < n; i++)
        make(kind, i);
    Py_RETURN_NONE;
}

/* In a variable, in a block of malloc's, in one of Python's allocator, in a capsule that does not own it. */
static PyObject *keep(PyObject *module, PyObject *args)
{
    const char *where;
    long n;
    if (!PyArg_ParseTuple(args, "sl", &where, &n))
        return NULL;
    for (long i = 0; i < n && i < 64; i++) {
        PyObject *made = make("float", 5000 + i);
        if (strcmp(where, "static") == 0) {
            kept[i] = made;
        } else if (strcmp(where, "capsule") == 0) {
            char name[32];
            snprintf(name, sizeof name, "capsule_%ld", i);
            PyModule_AddObject(module, name, PyCapsule_New(made, "kept", NULL));
        } else {
            struct keeper *keeper = where[0] == 'm' ? malloc(sizeof *keeper) : PyMem_Malloc(sizeof *keeper);
            *keeper = (struct keeper){keepers, made};
            keepers = keeper;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *add_one(PyObject *module, PyObject *object)
{
    (void)module;
    Py_INCREF(object);
    Py_RETURN_NONE;
}

/* A block of malloc's with the two by turns, n times, and a reference for each. */
static PyObject *alternate(PyObject *module, PyObject *args)
{
    PyObject *both[2];
    long n;
    (void)module;
    if (!PyArg_ParseTuple(args, "OOl", &both[0], &both[1], &n))
        return NULL;
    PyObject **all = malloc(2 * (size_t)n * sizeof *all);
    for (long i = 0; all && i < 2 * n; i++) {
        all[i] = both[i % 2];
        Py_INCREF(all[i]);
    }
    Py_RETURN_NONE;
}

static PyObject *take_one(PyObject *module, PyObject *object)
{
    (void)module;
    Py_DECREF(object);
    Py_RETURN_NONE;
}

/* What was on the stack below here is there no more. */
static PyObject *scrub(PyObject *module, PyObject *unused)
{
    enum { BYTES = 1 << 18 };
    volatile char *bytes = alloca(BYTES);
    (void)module;
    (void)unused;
    for (int i = 0; i < BYTES; i++)
        bytes[i] = 0;
    Py_RETURN_NONE;
}

/* ---- what is no object ---- */

struct pair_keeper {
    PyObject_HEAD
    uintptr_t *pair;
};
static PyTypeObject pair_keeper_type = {PyVarObject_HEAD_INIT(NULL, 0).tp_name = "careless.PairKeeper",
                                        .tp_basicsize = sizeof(struct pair_keeper), .tp_flags = Py_TPFLAGS_DEFAULT};

/* An object without a tp_traverse and a block of two words: a number that might be a count, and a type whose instances are
 * larger than the block. */
static PyObject *pair(PyObject *module, PyObject *unused)
{
    struct pair_keeper *keeper = PyObject_New(struct pair_keeper, &pair_keeper_type);
    (void)module;
    (void)unused;
    if (keeper) {
        keeper->pair = PyMem_Malloc(2 * sizeof *keeper->pair);
        keeper->pair[0] = 7;
        keeper->pair[1] = (uintptr_t)&PyComplex_Type;
    }
    return (PyObject *)keeper;
}

static PyMethodDef methods[] = {{"forget", forget, METH_VARARGS, NULL}, {"keep", keep, METH_VARARGS, NULL},
                                {"add_one", add_one, METH_O, NULL},     {"alternate", alternate, METH_VARARGS, NULL},
                                {"take_one", take_one, METH_O, NULL},   {"scrub", scrub, METH_NOARGS, NULL},
                                {"pair", pair, METH_NOARGS, NULL},      {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "careless", .m_size = -1,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_careless(void)
{
    return PyType_Ready(&pair_keeper_type) < 0 ? NULL : PyModule_Create(&definition);
}
