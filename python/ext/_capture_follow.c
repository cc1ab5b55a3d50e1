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

PyDoc_STRVAR(
    class_doc,
    "follow_class(class, stacks=False, log=False, derived=True, /)\n--\n\n"
    "Follow instances that are made from now on, in this way. stacks: with who made them; log: all their deaths;\n"
    "derived: of derived classes, too. The number of the last kind before these.");

static PyObject *follow_class(PyObject *module, PyObject *args)
{
    tn_error err = {0};
    PyObject *class;
    uint64_t made;
    int stacks = false, log = false, derived = true;
    (void)module;
    if (!PyArg_ParseTuple(args, "O|ppp", &class, &stacks, &log, &derived))
        return NULL;
    PyTypeObject *type = type_of(class);
    if (!type)
        return NULL;
    int status = tn_follow_class(here, type, (tn_follow_way){stacks, log, !derived}, &made, &err);
    return status < 0 ? raise_error(status, &err) : PyLong_FromUnsignedLongLong(made);
}

PyDoc_STRVAR(no_class_doc, "follow_no_class(class, stay=False, /)\n--\n\n"
                           "Follow its instances no more; stay: only those that are there. As follow_class().");

static PyObject *follow_no_class(PyObject *module, PyObject *args)
{
    PyObject *class;
    uint64_t made;
    int stay = false;
    (void)module;
    if (!PyArg_ParseTuple(args, "O|p", &class, &stay))
        return NULL;
    PyTypeObject *type = type_of(class);
    if (!type)
        return NULL;
    tn_follow_no_class(type, stay, &made);
    return PyLong_FromUnsignedLongLong(made);
}

PyDoc_STRVAR(forget_doc,
             "lives_forget(kind, /)\n--\n\n"
             "Follow instances of a kind no more, but for single ones. True: there were none, and the kind is gone.");

static PyObject *lives_forget(PyObject *module, PyObject *number)
{
    unsigned long kind = PyLong_AsUnsignedLong(number);
    (void)module;
    if (PyErr_Occurred())
        return NULL;
    return PyBool_FromLong(tn_follow_no_kind((uint32_t)kind));
}

PyDoc_STRVAR(lives_class_doc, "lives_class(kind, /)\n--\n\nThe class of a kind; None: it is dead.");

static PyObject *lives_class(PyObject *module, PyObject *number)
{
    unsigned long kind = PyLong_AsUnsignedLong(number);
    (void)module;
    if (PyErr_Occurred())
        return NULL;
    PyTypeObject *type = tn_followed_class((uint32_t)kind);
    return type ? (PyObject *)type : Py_NewRef(Py_None);
}

/* ---- classes that are made ---- */

static PyObject *watcher;

static void class_made(PyTypeObject *type)
{
    PyObject *function = watcher;
    if (!function || PyInterpreterState_Get() != PyInterpreterState_Main())
        return;
    Py_INCREF(function);
    PyObject *result = PyObject_CallOneArg(function, (PyObject *)type);
    if (!result)
        PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
    Py_DECREF(function);
}

PyDoc_STRVAR(watch_doc, "watch_classes(function, /)\n--\n\nCalls it with each class that is made; None: no more.");

static PyObject *watch_classes(PyObject *module, PyObject *function)
{
    (void)module;
    if (here_status < 0)
        return raise_error(here_status, here_error);
    Py_XSETREF(watcher, function == Py_None ? NULL : Py_NewRef(function));
    tn_follow_made(TN_MADE_NAMES, watcher ? class_made : NULL);
    Py_RETURN_NONE;
}

/* ---- single objects ---- */

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

PyDoc_STRVAR(life_doc, "lives_of(object, /)\n--\n\n"
                       "(serial, kind, block, birth ns, stack) of an object that is followed, else None.");

static PyObject *lives_of(PyObject *module, PyObject *object)
{
    const tn_life *life = tn_follow_life(object);
    (void)module;
    if (!life)
        Py_RETURN_NONE;
    tn_life l = *life;
    return Py_BuildValue("(KIKKI)", (unsigned long long)l.serial, (unsigned)l.kind, (unsigned long long)l.block,
                         (unsigned long long)l.birth_ns, (unsigned)l.stack);
}

PyDoc_STRVAR(
    drop_doc,
    "lives_drop(block, serial, forget, /)\n--\n\n"
    "The object of this number, if it is still at this block, is not followed by itself any more; forget: nor\n"
    "at all.");

static PyObject *lives_drop(PyObject *module, PyObject *args)
{
    unsigned long long block, serial;
    int forget;
    (void)module;
    if (!PyArg_ParseTuple(args, "KKp", &block, &serial, &forget))
        return NULL;
    const tn_life *life = tn_lives_at(block);
    if (life && life->serial == serial && forget)
        tn_lives_forget(life);
    else if (life && life->serial == serial)
        tn_lives_single(life, false);
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
    return name ? Py_BuildValue("(IKKNKKKKNKNN)", k->kind, (unsigned long long)k->type.type,
                                (unsigned long long)k->type.rule, name, (unsigned long long)k->sums.born,
                                (unsigned long long)k->sums.died, (unsigned long long)k->sums.morphed,
                                (unsigned long long)k->sums.lifetime_ns, ages, (unsigned long long)k->type.made,
                                PyBool_FromLong(k->type.single), PyBool_FromLong(k->type.closed || !k->type.type))
                : NULL;
}

PyDoc_STRVAR(
    kinds_doc,
    "lives_kinds()\n--\n\n"
    "(kind, address of the type, of the class it is followed by, name, born, died, of these morphed,\n"
    "nanoseconds they lived, deaths by age: below 1, 2, 4, ... ms, running number, whether of single objects,\n"
    "whether there will be no more of it).");

static PyObject *lives_kinds(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    tn_follow_reconnect();
    PyObject *list = PyList_New(0);
    tn_followed kind;
    for (uint32_t n = 0; list && tn_followed_at(n, &kind); n++) {
        if (!kind.type.made)
            continue;
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
    f->rows[f->n] = *life;
    f->rows[f->n].single = f->rows[f->n].logged = 0; /* so that what is in front is a number */
    f->n++;
    return true;
}

PyDoc_STRVAR(
    lives_doc,
    "lives()\n--\n\nRows of what is followed and alive: block, birth in ns, serial number (u64), stack (u32),\n"
    "kind, bytes before the object (u16), as bytes; in no order. trace_frames() has the frames of a stack; 0:\n"
    "not known.");

/* The bytes object is not followed, and nothing else is made while rows are copied. */
PyObject *capture_follow_lives(void)
{
    tn_lives_cost cost;
    tn_lives_cost_now(&cost);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(cost.lives * sizeof(tn_life)));
    if (!bytes)
        return NULL;
    filling f = {(tn_life *)(void *)PyBytes_AS_STRING(bytes), 0, cost.lives};
    tn_lives_each(fill, &f);
    return _PyBytes_Resize(&bytes, (Py_ssize_t)(f.n * sizeof(tn_life))) < 0 ? NULL : bytes;
}

static PyObject *lives_now(PyObject *module, PyObject *nothing)
{
    (void)module, (void)nothing;
    return capture_follow_lives();
}

static PyObject *death_tuple(unsigned long long n, const tn_death *d)
{
    return Py_BuildValue("(KKIKKKNI)", n, (unsigned long long)d->life.serial, (unsigned)d->life.kind,
                         (unsigned long long)(d->life.block + d->life.before), (unsigned long long)d->life.birth_ns,
                         (unsigned long long)d->death_ns, PyBool_FromLong(d->morphed), (unsigned)d->life.stack);
}

/* The list with an item, which is taken; NULL: an exception is set, and there is no list any more. */
static PyObject *appended(PyObject *list, PyObject *item)
{
    if (!item || PyList_Append(list, item) < 0)
        Py_CLEAR(list);
    Py_XDECREF(item);
    return list;
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
    while (list && (n = tn_lives_death(n + 1, &d)))
        list = appended(list, death_tuple(n, &d));
    return list;
}

PyDoc_STRVAR(logged_doc,
             "lives_logged()\n--\n\nThe same of deaths that may not be lost; each is told once. Their number is 0.");

static PyObject *lives_logged(PyObject *module, PyObject *nothing)
{
    tn_death d;
    (void)module, (void)nothing;
    PyObject *list = PyList_New(0);
    while (list && tn_lives_logged(&d))
        list = appended(list, death_tuple(0, &d));
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
    {"follow_no_class", follow_no_class, METH_VARARGS, no_class_doc},
    {"follow_object", follow_object, METH_O, object_doc},
    {"follow_no_object", follow_no_object, METH_O, no_object_doc},
    {"lives_kinds", lives_kinds, METH_NOARGS, kinds_doc},
    {"lives", lives_now, METH_NOARGS, lives_doc},
    {"lives_deaths", lives_deaths, METH_VARARGS, deaths_doc},
    {"lives_logged", lives_logged, METH_NOARGS, logged_doc},
    {"lives_of", lives_of, METH_O, life_doc},
    {"lives_drop", lives_drop, METH_VARARGS, drop_doc},
    {"lives_class", lives_class, METH_O, lives_class_doc},
    {"lives_forget", lives_forget, METH_O, forget_doc},
    {"watch_classes", watch_classes, METH_O, watch_doc},
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
