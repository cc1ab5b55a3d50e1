/* planted.c - checks the layout table on objects whose content is known, while they are in the states that matter.
 *
 * A small program of our own (source[]) makes the objects, and calls back, through `look`, when its frames run. Each check
 * is a row: a field of the table, the structure it is in, and the word that must stand there, known by public means. The
 * first row that differs is named and the table refused. No code but ours runs, and all that is made goes again.
 *
 * What no value can tell (fields that are empty unless the program itself does something rare) is held to its neighbours:
 * fields that follow one another in CPython's headers must follow one another in the table (PLACE).
 */
#include "inside/planted.h"

static const char source[] = "class Planted:\n"
                             "    'planted doc'\n"
                             "    __qualname__ = 'Somewhere.Planted'\n"
                             "    def __init__(self):\n"
                             "        self.first = 4096.5\n"
                             "        self.second = ()\n"
                             "class Child(Planted):\n"
                             "    def __del__(self): pass\n" /* never called: there is no instance */
                             "class Slots:\n"
                             "    __slots__ = ('one', 'two', 'three')\n"
                             "    __qualname__ = 'Somewhere.Slots'\n"
                             "class Text(str): pass\n"
                             "class Raised(Exception): pass\n"
                             "def enclosing(free):\n"
                             "    def function(argument, option=(4.5, 1), *, word=5.5):\n"
                             "        'function doc'\n"
                             "        variable = argument\n"
                             "        def inner(): return variable\n"
                             "        look(argument)\n"
                             "        return free, inner\n"
                             "    return function\n"
                             "def generate(argument, second, third):\n"
                             "    look(argument)\n"
                             "    yield second\n"
                             "def plain(): pass\n"
                             "def advance(): return generator.__next__()\n"
                             "function = enclosing(name)\n"
                             "split, split_off, emptied = Planted(), Planted(), Planted()\n"
                             "emptied.__dict__ = {}\n"
                             "latest = Planted()\n"
                             "text = Text('tonnage text')\n"
                             "generator = generate(name, second, third)\n"
                             "function(name)\n"
                             "advance()\n";

/* ---- reading ---- */

/* Planted objects may stand in memory mapped since the ranges were read. */
static bool readable(tn_planted *p, uint64_t address, uint64_t bytes)
{
    enum { RELOADS = 8 };
    tn_inside *inside = p->inside;
    if (tn_memory_readable(&inside->target.memory, address, bytes))
        return true;
    if (p->n_reloads++ >= RELOADS || tn_process_ranges(&inside->ranges, NULL) < 0)
        return false;
    inside->target.memory.ranges = inside->ranges.data;
    inside->target.memory.n_ranges = inside->ranges.count;
    return tn_memory_readable(&inside->target.memory, address, bytes);
}

bool tn__peek(tn_planted *p, uint64_t address, unsigned bytes, uint64_t *out)
{
    const tn_memory *m = &p->inside->target.memory;
    if (!readable(p, address, bytes))
        return false;
    *out = bytes == 1 ? tn_load8(m, address) : bytes == 4 ? tn_load32(m, address) : tn_load64(m, address);
    return true;
}

uint64_t tn__word(tn_planted *p, uint64_t address)
{
    uint64_t value = 0;
    tn__peek(p, address, 8, &value);
    return value;
}

void tn__require(tn_planted *p, const char *what, bool holds)
{
    if (!holds && !p->wrong)
        p->wrong = what;
}

void tn__known_check(tn_planted *p, const tn_known *facts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t value;
        if (facts[i].bytes)
            tn__require(p, facts[i].field, tn__peek(p, facts[i].at, facts[i].bytes, &value) && value == facts[i].value);
    }
}

bool tn__is_exact(tn_planted *p, uint64_t object, enum tn_builtin type)
{
    return object && !(object & 7) && tn__word(p, object + 8) == p->inside->target.builtin_types[type];
}

/* ---- making ---- */

void tn__fail_if(tn_planted *p, bool failed)
{
    p->failed |= failed;
    if (failed && !p->raised)
        PyErr_Fetch(&p->raised, &p->value, &p->traceback);
    else if (failed)
        PyErr_Clear();
}

/* Takes the reference; lives until the checks are over. */
PyObject *tn__keep(tn_planted *p, PyObject *object)
{
    tn__fail_if(p, !object || PyList_Append(p->kept, object) < 0);
    Py_XDECREF(object);
    return object;
}

PyObject *tn__get(tn_planted *p, const char *name)
{
    PyObject *object = PyDict_GetItemString(p->names, name);
    tn__fail_if(p, !object);
    return object;
}

PyObject *tn__code_of(tn_planted *p, const char *function)
{
    PyObject *object = tn__get(p, function);
    return object ? PyFunction_GetCode(object) : NULL;
}

PyObject *tn__attribute(tn_planted *p, PyObject *object, const char *name)
{
    return tn__keep(p, object ? PyObject_GetAttrString(object, name) : NULL);
}

void tn__set_attribute(tn_planted *p, PyObject *object, const char *name, PyObject *value)
{
    tn__fail_if(p, !object || !value || PyObject_SetAttrString(object, name, value) < 0);
}

/* ---- all together ---- */

static PyObject *look(PyObject *self, PyObject *argument)
{
    tn_planted *p = PyCapsule_GetPointer(self, NULL);
    (void)argument;
    if (!p)
        return NULL;
    tn__state_look(p);
    Py_RETURN_NONE;
}

static PyMethodDef look_definition = {"look", look, METH_O, NULL};

static bool plant(tn_planted *p)
{
    p->kept = PyList_New(0);
    p->names = PyDict_New();
    if (!p->kept || !p->names)
        return false;
    PyObject *self = tn__keep(p, PyCapsule_New(p, NULL, NULL));
    PyObject *values[] = {PyEval_GetBuiltins(),
                          tn__keep(p, PyUnicode_FromString("planted")),
                          tn__keep(p, PyCFunction_New(&look_definition, self)),
                          tn__keep(p, PyFloat_FromDouble(6.5)),
                          tn__keep(p, PyFloat_FromDouble(7.5)),
                          tn__keep(p, PyUnicode_FromString("a name"))};
    static const char *const names[] = {"__builtins__", "__name__", "look", "second", "third", "name"};
    for (int i = 0; i < 6 && !p->failed; i++)
        tn__fail_if(p, PyDict_SetItemString(p->names, names[i], values[i]) < 0);
    p->code = p->failed ? NULL : Py_CompileStringExFlags(source, "<tonnage>", Py_file_input, NULL, 0);
    PyObject *result = p->code ? PyEval_EvalCode(p->code, p->names, p->names) : NULL;
    tn__fail_if(p, !result || p->n_looks != 2);
    Py_XDECREF(result);
    return !p->failed;
}

/* A class refers to itself, and would wait for the collector. */
static void clear_class(PyObject *class)
{
    if (class && PyType_Check(class))
        Py_TYPE(class)->tp_clear(class);
    Py_XDECREF(class);
}

static void unplant(tn_planted *p)
{
    static const char *const names[] = {"Child", "Planted", "Slots", "Text", "Raised"}; /* a subclass before its base */
    PyObject *classes[5] = {NULL};
    Py_CLEAR(p->frame);
    for (int i = 0; p->names && i < 5; i++)
        classes[i] = Py_XNewRef(PyDict_GetItemString(p->names, names[i]));
    if (p->names)
        PyDict_Clear(p->names);
    Py_CLEAR(p->kept);
    Py_CLEAR(p->names);
    Py_CLEAR(p->code);
    for (int i = 0; i < 5; i++)
        clear_class(classes[i]);
}

const char *tn_planted_check(tn_inside *inside)
{
    tn_planted p = {.inside = inside, .layout = inside->target.layout};
    PyThreadState_EnterTracing(PyThreadState_Get()); /* a debugger has nothing to look for here */
    if (plant(&p)) {
        tn__objects_check(&p);
        tn__state_check(&p);
    }
    if (PyErr_Occurred())
        tn__fail_if(&p, true);
    PyTypeObject *class = p.failed ? NULL : (PyTypeObject *)tn__get(&p, "Planted");
    if (class) {
        inside->target.subtype_traverse = ADDRESS(class->tp_traverse);
        inside->target.subtype_dealloc = ADDRESS(class->tp_dealloc);
    }
    unplant(&p);
    if (p.raised)
        PyErr_Restore(p.raised, p.value, p.traceback);
    PyThreadState_LeaveTracing(PyThreadState_Get());
    return p.wrong ? p.wrong : p.failed ? "planted objects" : NULL;
}
