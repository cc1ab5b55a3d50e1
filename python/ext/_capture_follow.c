/* _capture_follow.c - the functions follow_* and lives_* of tonnage._capture: instances from birth to death (inside/follow.h).
 *
 * Lives are given as bytes of rows, for there may be millions: docs/decisions/lives.md has the structures.
 */
#include "_capture_follow.h"

#include "inside/follow.h"

static const tn_inside *here;
static void *(*raise_error)(int status, const tn_error *err);
static int here_status; /* of finding out about the interpreter */
static const tn_error *here_error;

static PyTypeObject *type_of(PyObject *class)
{
    if (here_status < 0)
        return raise_error(here_status, here_error);
    if (!PyType_Check(class))
        return (PyTypeObject *)PyErr_Format(PyExc_TypeError, "a class is needed, not %.200s", Py_TYPE(class)->tp_name);
    return (PyTypeObject *)class;
}

PyDoc_STRVAR(class_doc,
             "follow_class(class, stacks=False, /)\n--\n\n"
             "Follow instances that are made from now on, of derived classes too; stacks: and who made them.");

static PyObject *by_class(PyObject *args, int (*follow)(const tn_inside *, PyTypeObject *, bool, tn_error *))
{
    tn_error err = {0};
    PyObject *class;
    int stacks = false;
    if (!PyArg_ParseTuple(args, "O|p", &class, &stacks))
        return NULL;
    PyTypeObject *type = type_of(class);
    if (!type)
        return NULL;
    int status = follow(here, type, stacks, &err);
    return status < 0 ? raise_error(status, &err) : Py_NewRef(Py_None);
}

static PyObject *follow_class(PyObject *module, PyObject *args)
{
    (void)module;
    return by_class(args, tn_follow_class);
}

PyDoc_STRVAR(stacks_doc, "follow_stacks(class, stacks, /)\n--\n\n"
                         "From now on with who made them, or without, of a class that is followed.");

static PyObject *follow_stacks(PyObject *module, PyObject *args)
{
    (void)module;
    return by_class(args, tn_follow_stacks);
}

PyDoc_STRVAR(no_class_doc, "follow_no_class(class, /)\n--\n\nFollow its instances no more.");

static PyObject *follow_no_class(PyObject *module, PyObject *class)
{
    PyTypeObject *type = type_of(class);
    (void)module;
    if (!type)
        return NULL;
    tn_follow_no_class(type);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(object_doc, "follow_object(object, /)\n--\n\nFollow this object. Its serial number.");

static PyObject *follow_object(PyObject *module, PyObject *object)
{
    tn_error err = {0};
    (void)module;
    if (here_status < 0)
        return raise_error(here_status, here_error);
    uint64_t serial = tn_follow_object(here, object, &err);
    return serial ? PyLong_FromUnsignedLongLong(serial) : raise_error(TN_ENOMEM, &err);
}

PyDoc_STRVAR(no_object_doc, "follow_no_object(object, /)\n--\n\nFollow it no more.");

static PyObject *follow_no_object(PyObject *module, PyObject *object)
{
    (void)module;
    tn_follow_no_object(object);
    Py_RETURN_NONE;
}

/* ---- what there is ---- */

static PyObject *kind_tuple(const tn_followed *k)
{
    PyObject *ages = PyTuple_New(TN_LIFETIMES);
    for (Py_ssize_t i = 0; ages && i < TN_LIFETIMES; i++) {
        PyObject *n = PyLong_FromUnsignedLongLong(k->sums.deaths[i]);
        if (n)
            PyTuple_SET_ITEM(ages, i, n);
        else
            Py_CLEAR(ages);
    }
    PyObject *name = ages ? PyUnicode_DecodeUTF8(k->type.name, (Py_ssize_t)strlen(k->type.name), "replace") : NULL;
    if (!name)
        Py_XDECREF(ages);
    return name ? Py_BuildValue("(IKKNKKKKN)", k->kind, (unsigned long long)k->type.type,
                                (unsigned long long)k->type.rule, name, (unsigned long long)k->sums.born,
                                (unsigned long long)k->sums.died, (unsigned long long)k->sums.morphed,
                                (unsigned long long)k->sums.lifetime_ns, ages)
                : NULL;
}

PyDoc_STRVAR(kinds_doc,
             "lives_kinds()\n--\n\n"
             "(kind, address of the type, of the class it is followed by, name, born, died, of these morphed,\n"
             "nanoseconds they lived, deaths by age: below 1, 2, 4, ... ms) of each type.");

static PyObject *lives_kinds(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_follow_reconnect();
    PyObject *list = PyList_New(0);
    tn_followed kind;
    for (uint32_t n = 0; list && tn_followed_at(n, &kind); n++) {
        PyObject *row = kind_tuple(&kind);
        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

typedef struct filling {
    tn_life *rows;
    uint64_t n, most;
} filling;

static bool fill(void *ctx, const tn_life *life)
{
    filling *f = ctx;
    if (f->n == f->most)
        return false;
    f->rows[f->n++] = *life;
    return true;
}

PyDoc_STRVAR(
    lives_doc,
    "lives()\n--\n\nRows of what is followed and alive: block, birth in ns, serial number (u64), stack (u32),\n"
    "kind, bytes before the object (u16), as bytes; in no order. trace_frames() has the frames of a stack; 0:\n"
    "not known.");

/* The bytes object is not followed, and nothing else is made while rows are copied. */
static PyObject *lives_now(PyObject *module, PyObject *nothing)
{
    tn_lives_cost cost;
    (void)module, (void)nothing;
    tn_lives_cost_now(&cost);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(cost.lives * sizeof(tn_life)));
    if (!bytes)
        return NULL;
    filling f = {(tn_life *)(void *)PyBytes_AS_STRING(bytes), 0, cost.lives};
    tn_lives_each(fill, &f);
    return _PyBytes_Resize(&bytes, (Py_ssize_t)(f.n * sizeof(tn_life))) < 0 ? NULL : bytes;
}

PyDoc_STRVAR(
    deaths_doc,
    "lives_deaths(after=0, /)\n--\n\n"
    "(number, serial, kind, address, birth ns, death ns, morphed, stack) of deaths after this number that are known.");

static PyObject *lives_deaths(PyObject *module, PyObject *args)
{
    unsigned long long n = 0;
    tn_death d;
    (void)module;
    if (!PyArg_ParseTuple(args, "|K", &n))
        return NULL;
    PyObject *list = PyList_New(0);
    while (list && (n = tn_lives_death(n + 1, &d))) {
        PyObject *row =
            Py_BuildValue("(KKIKKKNI)", n, (unsigned long long)d.life.serial, (unsigned)d.life.kind,
                          (unsigned long long)(d.life.block + d.life.before), (unsigned long long)d.life.birth_ns,
                          (unsigned long long)d.death_ns, PyBool_FromLong(d.morphed), d.life.stack);
        if (!row || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

PyDoc_STRVAR(cost_doc,
             "lives_cost()\n--\n\n(alive, bytes of own memory, births dropped, how often hooks were taken out).");

static PyObject *lives_cost(PyObject *module, PyObject *nothing)
{
    tn_lives_cost cost;
    (void)module, (void)nothing;
    uint64_t reconnected = tn_follow_reconnect();
    tn_lives_cost_now(&cost);
    return Py_BuildValue("(KKKK)", (unsigned long long)cost.lives, (unsigned long long)cost.mapped_bytes,
                         (unsigned long long)cost.dropped, (unsigned long long)reconnected);
}

PyMethodDef capture_follow_methods[] = {
    {"follow_class", follow_class, METH_VARARGS, class_doc},
    {"follow_stacks", follow_stacks, METH_VARARGS, stacks_doc},
    {"follow_no_class", follow_no_class, METH_O, no_class_doc},
    {"follow_object", follow_object, METH_O, object_doc},
    {"follow_no_object", follow_no_object, METH_O, no_object_doc},
    {"lives_kinds", lives_kinds, METH_NOARGS, kinds_doc},
    {"lives", lives_now, METH_NOARGS, lives_doc},
    {"lives_deaths", lives_deaths, METH_VARARGS, deaths_doc},
    {"lives_cost", lives_cost, METH_NOARGS, cost_doc},
    {NULL, NULL, 0, NULL},
};

void capture_follow_begin(const tn_inside *inside, int status, const tn_error *err,
                          void *(*raise)(int status, const tn_error *err))
{
    here = inside;
    here_status = status;
    here_error = err;
    raise_error = raise;
}
