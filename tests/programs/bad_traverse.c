/* bad_traverse.c - an extension module whose types do, when a process other than the one that imported it asks for their
 * references, what no tp_traverse should: crash, hang, abort, recurse without end. Also an object in memory that no forked
 * process gets. Built by the tests.
 */
#include <Python.h>

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static pid_t importer;

typedef struct holder {
    PyObject_HEAD
    PyObject *held;
} holder;

static int elsewhere(void)
{
    return getpid() != importer;
}

static int visit_held(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((holder *)self)->held);
    return 0;
}

static int crash(PyObject *self, visitproc visit, void *arg)
{
    if (elsewhere())
        *(volatile int *)8 = 1;
    return visit_held(self, visit, arg);
}

static int hang(PyObject *self, visitproc visit, void *arg)
{
    while (elsewhere())
        pause();
    return visit_held(self, visit, arg);
}

static int spin(PyObject *self, visitproc visit, void *arg)
{
    while (elsewhere())
        visit_held(self, visit, arg);
    return visit_held(self, visit, arg);
}

static int give_up(PyObject *self, visitproc visit, void *arg)
{
    if (elsewhere())
        abort();
    return visit_held(self, visit, arg);
}

static int fall(int depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return depth < 0 ? 0 : fall(depth + 1) + room[0];
}

static int recurse(PyObject *self, visitproc visit, void *arg)
{
    if (elsewhere() && fall(1) == 12345)
        return 0;
    return visit_held(self, visit, arg);
}

static int init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    PyObject *held;
    if (!PyArg_ParseTuple(args, "O", &held))
        return -1;
    Py_XSETREF(((holder *)self)->held, Py_NewRef(held));
    return 0;
}

static void dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_XDECREF(((holder *)self)->held);
    Py_TYPE(self)->tp_free(self);
}

#define HOLDER(type, traverse)                                          \
    static PyTypeObject type = {                                        \
        PyVarObject_HEAD_INIT(NULL, 0).tp_name = "bad_traverse." #type, \
        .tp_basicsize = sizeof(holder),                                 \
        .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,            \
        .tp_traverse = traverse,                                        \
        .tp_dealloc = dealloc,                                          \
        .tp_init = init,                                                \
        .tp_new = PyType_GenericNew,                                    \
    };
HOLDER(Good, visit_held)
HOLDER(Crasher, crash)
HOLDER(Hanger, hang)
HOLDER(Spinner, spin)
HOLDER(Aborter, give_up)
HOLDER(Faller, recurse)

/* A float at the end of a page that is not copied to children. It is never freed. */
static PyObject *uncopied(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || madvise(page, 4096, MADV_DONTFORK) < 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    PyObject *number = (PyObject *)(page + 2048);
    ((PyFloatObject *)number)->ob_fval = 2.5;
    PyObject_Init(number, &PyFloat_Type);
    return Py_NewRef(number);
}

static PyMethodDef methods[] = {{"uncopied", uncopied, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "bad_traverse", .m_size = -1,
                                        .m_methods = methods};

PyMODINIT_FUNC PyInit_bad_traverse(void)
{
    PyTypeObject *types[] = {&Good, &Crasher, &Hanger, &Spinner, &Aborter, &Faller};
    PyObject *module = PyModule_Create(&definition);
    importer = getpid();
    for (unsigned i = 0; module && i < sizeof types / sizeof *types; i++)
        if (PyType_Ready(types[i]) < 0 || PyModule_AddType(module, types[i]) < 0)
            Py_CLEAR(module);
    return module;
}
