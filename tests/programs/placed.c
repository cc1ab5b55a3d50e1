/* placed.c - an extension module that gives the RAW allocator the addresses it is asked to, within an area of its own. Built by
 * the tests.
 */
#include <Python.h>

#include <stdlib.h>

static _Alignas(64) char area[1 << 16];
static char *next;

static void *placed_malloc(void *ctx, size_t bytes)
{
    char *p = next;
    next = NULL;
    return p ? p : malloc(bytes ? bytes : 1);
}

static void *placed_calloc(void *ctx, size_t n, size_t bytes)
{
    return n && bytes ? calloc(n, bytes) : calloc(1, 1);
}

static void *placed_realloc(void *ctx, void *p, size_t bytes)
{
    return realloc(p, bytes ? bytes : 1);
}

static void placed_free(void *ctx, void *p)
{
    if ((char *)p < area || (char *)p >= area + sizeof area)
        free(p);
}

static PyObject *install(PyObject *self, PyObject *none)
{
    PyMemAllocatorEx functions = {NULL, placed_malloc, placed_calloc, placed_realloc, placed_free};
    PyMem_SetAllocator(PYMEM_DOMAIN_RAW, &functions);
    Py_RETURN_NONE;
}

/* allocate(at, bytes) */
static PyObject *allocate(PyObject *self, PyObject *args)
{
    Py_ssize_t at, bytes;
    if (!PyArg_ParseTuple(args, "nn", &at, &bytes))
        return NULL;
    next = area + at;
    return PyBool_FromLong(PyMem_RawMalloc((size_t)bytes) == area + at);
}

static PyObject *release(PyObject *self, PyObject *at)
{
    PyMem_RawFree(area + PyLong_AsSsize_t(at));
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"install", install, METH_NOARGS, NULL},
    {"allocate", allocate, METH_VARARGS, NULL},
    {"release", release, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "placed", NULL, -1, functions};

PyMODINIT_FUNC PyInit_placed(void)
{
    return PyModule_Create(&module);
}
