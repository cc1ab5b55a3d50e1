/* _core_sets.c - sets of objects.
 *
 * A Set is a user of its snapshot's handle as long as it lives. What changes or makes a set holds the snapshot's lock: its
 * memory is the snapshot's.
 */
#include "_core.h"

bool core_set_of(core_snapshot *self, PyObject *argument, const tn_set **out)
{
    core_user *found;
    if (!core_user_of(self, argument, core_state_of(self)->set_type, &found))
        return false;
    *out = found ? ((core_set *)found)->set : NULL;
    return true;
}

PyObject *core_set_new(core_snapshot *self, tn_set *set)
{
    core_set *result = core_user_new(self, core_state_of(self)->set_type);
    if (!result) {
        core_call call = {.self = self};
        core_wait(self);
        tn_set_free(set);
        core_unlock(&call);
        return NULL;
    }
    result->set = set;
    return (PyObject *)result;
}

PyObject *core_set_made(core_call *call, int status, tn_set *set, const tn_error *err)
{
    core_unlock(call);
    PyObject *result = status == 0 ? core_set_new(call->self, set) : NULL;
    core_leave(call);
    return status < 0 ? core_raise(status, err) : result;
}

static int filter(core_many *m, const tn_set *within, const char *where, tn_set **set, tn_error *err)
{
    tn_diff *since;
    if (m->n == 1)
        return tn_set_filter(m->handles[0], within, where, set, err);
    int status = tn_diff_open(m->handles[1], m->handles[0], NULL, &since, err);
    if (status < 0)
        return status;
    status = tn_diff_filter(since, within, where, set, err);
    tn_diff_close(since);
    return status;
}

PyObject *core_select(core_snapshot *self, PyObject *args)
{
    const char *where;
    PyObject *within = Py_None, *against = Py_None;
    const tn_set *limits;
    core_many m;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "s|OO:select", &where, &within, &against) || !core_set_of(self, within, &limits) ||
        !core_many_with(&m, self, against))
        return NULL;
    int status = filter(&m, limits, where, &set, &err);
    core_many_unlock(&m);
    PyObject *result = status < 0 ? core_raise(status, &err) : core_set_new(self, set);
    core_many_leave(&m);
    return result;
}

PyObject *core_retained_set(core_snapshot *self, PyObject *arg)
{
    const tn_set *set;
    uint64_t bytes = 0;
    core_call call;
    tn_set *members = NULL;
    tn_error err = {0};
    if (!core_set_of(self, arg, &set) || !core_enter(&call, self, true))
        return NULL;
    int status = set ? tn_retained_set(self->handle, set, &members, &bytes, &err) : TN_EINVAL;
    PyObject *result = core_set_made(&call, status, members, &err);
    return result ? Py_BuildValue("NK", result, (unsigned long long)bytes) : NULL;
}

PyObject *core_audit_set(core_snapshot *self, PyObject *args)
{
    const tn_set *set;
    PyObject *of;
    const char *name;
    core_call call;
    tn_set *members = NULL;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "Os:audit_set", &of, &name))
        return NULL;
    int first = TN_AUDIT_EVEN + 1,
        grade = core_index_of(name, tn_audit_names + first, TN_AUDIT_GRADES - first, "grade");
    if (grade < 0 || !core_set_of(self, of, &set) || !core_enter(&call, self, true))
        return NULL;
    int status = tn_audit_set(self->handle, set, (enum tn_audit_grade)(first + grade), &members, &err);
    return core_set_made(&call, status, members, &err);
}

PyObject *core_set_dominators(core_snapshot *self, PyObject *arg)
{
    const tn_set *set;
    core_call call;
    tn_set *above = NULL;
    tn_error err = {0};
    if (!core_set_of(self, arg, &set) || !core_enter(&call, self, true))
        return NULL;
    int status = set ? tn_set_dominators(self->handle, set, &above, &err) : TN_EINVAL;
    return core_set_made(&call, status, above, &err);
}

PyObject *core_set_from(core_snapshot *self, PyObject *arg)
{
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    char *bytes;
    Py_ssize_t n;
    if (PyBytes_AsStringAndSize(arg, &bytes, &n) < 0 || !core_enter(&call, self, true))
        return NULL;
    int status = tn_set_new(self->handle, &set, &err);
    for (Py_ssize_t at = 0; status == 0 && at + 4 <= n; at += 4) {
        uint32_t id;
        memcpy(&id, bytes + at, 4);
        status = tn_set_add(set, id);
    }
    if (status < 0)
        tn_set_free(set);
    return core_set_made(&call, status, set, &err);
}

/* ---- Set ---- */

static void set_dealloc(core_set *self)
{
    core_wait(self->snapshot);
    tn_set_free(self->set);
    core_user_free(self, self->snapshot);
}

static Py_ssize_t set_length(core_set *self)
{
    return (Py_ssize_t)tn_set_count(self->set);
}

static int set_contains(core_set *self, PyObject *arg)
{
    uint32_t id;
    if (!core_id_converter(arg, &id))
        return -1;
    return tn_set_has(self->set, id);
}

static PyObject *set_next(core_set *self, PyObject *arg)
{
    uint32_t from;
    if (!core_id_converter(arg, &from))
        return NULL;
    return core_id_or_none(tn_set_next(self->set, from));
}

static PyObject *set_ids(core_set *self, PyObject *unused)
{
    (void)unused;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)tn_set_count(self->set) * 4);
    char *out = bytes ? PyBytes_AS_STRING(bytes) : NULL;
    for (uint32_t id = out ? tn_set_next(self->set, 0) : TN_NONE; id != TN_NONE; id = tn_set_next(self->set, id + 1)) {
        memcpy(out, &id, 4);
        out += 4;
    }
    return bytes;
}

static PyObject *set_size(core_set *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    uint64_t bytes;
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_set_bytes(self->snapshot->handle, self->set, &bytes, &err);
    core_unlock(&call);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : PyLong_FromUnsignedLongLong(bytes);
}

static PyObject *set_complement(core_set *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_set_complement(self->snapshot->handle, self->set, &set, &err);
    return core_set_made(&call, status, set, &err);
}

typedef int (*set_operation)(const tn_set *, const tn_set *, tn_set **, tn_error *);

static PyObject *operate(core_set *self, PyObject *other, set_operation operation)
{
    const tn_set *right;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_set_of(self->snapshot, other, &right))
        return NULL;
    if (!right)
        return PyErr_Format(PyExc_TypeError, "needs a Set, not None");
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = operation(self->set, right, &set, &err);
    return core_set_made(&call, status, set, &err);
}

static PyObject *set_union(core_set *self, PyObject *other)
{
    return operate(self, other, tn_set_union);
}

static PyObject *set_intersect(core_set *self, PyObject *other)
{
    return operate(self, other, tn_set_intersect);
}

static PyObject *set_minus(core_set *self, PyObject *other)
{
    return operate(self, other, tn_set_minus);
}

static PyObject *set_xor(core_set *self, PyObject *other)
{
    return operate(self, other, tn_set_xor);
}

static PyObject *set_subset(core_set *self, PyObject *other)
{
    const tn_set *right;
    if (!core_set_of(self->snapshot, other, &right))
        return NULL;
    return PyBool_FromLong(right && tn_set_subset(self->set, right));
}

static PyObject *set_equal(core_set *self, PyObject *other)
{
    const tn_set *right;
    if (!core_set_of(self->snapshot, other, &right))
        return NULL;
    return PyBool_FromLong(right && tn_set_equal(self->set, right));
}

typedef int (*set_step)(tn_snapshot *, const tn_set *, unsigned, tn_set **, tn_error *);

static PyObject *step(core_set *self, PyObject *arg, set_step function)
{
    uint32_t kinds;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_id_converter(arg, &kinds) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = function(self->snapshot->handle, self->set, kinds, &set, &err);
    return core_set_made(&call, status, set, &err);
}

static PyObject *set_referrers(core_set *self, PyObject *kinds)
{
    return step(self, kinds, tn_set_referrers);
}

static PyObject *set_referents(core_set *self, PyObject *kinds)
{
    return step(self, kinds, tn_set_referents);
}

static PyObject *set_reachable(core_set *self, PyObject *avoid)
{
    const tn_set *avoided;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_set_of(self->snapshot, avoid, &avoided) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_set_reachable(self->snapshot->handle, self->set, avoided, &set, &err);
    return core_set_made(&call, status, set, &err);
}

static PyObject *set_owned(core_set *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_set_owned(self->snapshot->handle, self->set, &set, &err);
    return core_set_made(&call, status, set, &err);
}

/* Bytes to be filled without the interpreter lock: nobody else has them yet. */
static PyObject *room(core_set *self, size_t each)
{
    return PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(tn_set_count(self->set) * each));
}

static void replace_unknown(uint64_t *numbers, size_t n, uint64_t none)
{
    for (size_t i = 0; i < n; i++)
        numbers[i] = numbers[i] == TN_UNKNOWN ? none : numbers[i];
}

static PyObject *set_numbers(core_set *self, PyObject *args)
{
    const char *name;
    uint64_t none;
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "sO&:numbers", &name, core_u64_converter, &none))
        return NULL;
    int what = core_index_of(name, tn_number_names, TN_NUMBERS, "column");
    PyObject *bytes = what >= 0 ? room(self, sizeof(uint64_t)) : NULL;
    if (!bytes || !core_enter(&call, self->snapshot, true)) {
        Py_XDECREF(bytes);
        return NULL;
    }
    uint64_t *numbers = (uint64_t *)(void *)PyBytes_AS_STRING(bytes);
    int status = tn_set_numbers(self->snapshot->handle, self->set, (enum tn_number)what, numbers, &err);
    if (status == 0 && what == TN_NUMBER_LENGTH)
        replace_unknown(numbers, tn_set_count(self->set), none);
    core_unlock(&call);
    core_leave(&call);
    if (status == 0)
        return bytes;
    Py_DECREF(bytes);
    return core_raise(status, &err);
}

static PyObject *set_sorted(core_set *self, PyObject *args)
{
    const char *name;
    int descending;
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "sp:sorted", &name, &descending))
        return NULL;
    int what = core_index_of(name, tn_number_names, TN_NUMBERS, "column");
    PyObject *bytes = what >= 0 ? room(self, sizeof(uint32_t)) : NULL;
    if (!bytes || !core_enter(&call, self->snapshot, true)) {
        Py_XDECREF(bytes);
        return NULL;
    }
    int status = tn_set_sorted(self->snapshot->handle, self->set, (enum tn_number)what, descending,
                               (uint32_t *)(void *)PyBytes_AS_STRING(bytes), &err);
    core_unlock(&call);
    core_leave(&call);
    if (status == 0)
        return bytes;
    Py_DECREF(bytes);
    return core_raise(status, &err);
}

static PyMethodDef set_methods[] = {
    {"next", (PyCFunction)set_next, METH_O, "First member that is not below a node, or None."},
    {"ids", (PyCFunction)set_ids, METH_NOARGS, "Members, ascending, as u32 in bytes."},
    {"size", (PyCFunction)set_size, METH_NOARGS, "Sum of the sizes."},
    {"numbers", (PyCFunction)set_numbers, METH_VARARGS,
     "numbers(name, none): a number of each member, as u64 in bytes; none where there is no length."},
    {"sorted", (PyCFunction)set_sorted, METH_VARARGS, "sorted(name, descending): members in order, as u32 in bytes."},
    {"complement", (PyCFunction)set_complement, METH_NOARGS, "Set of all other objects, without tonnage's own."},
    {"referrers", (PyCFunction)set_referrers, METH_O, "Set of what refers to members; 0, or bits of kinds."},
    {"referents", (PyCFunction)set_referents, METH_O, "Set of what members refer to; 0, or bits of kinds."},
    {"reachable", (PyCFunction)set_reachable, METH_O, "Set of all that members reach, not through another set."},
    {"owned", (PyCFunction)set_owned, METH_NOARGS, "Set of what members alone refer to."},
    {"union", (PyCFunction)set_union, METH_O, "Set of the members of either."},
    {"intersect", (PyCFunction)set_intersect, METH_O, "Set of the members of both."},
    {"minus", (PyCFunction)set_minus, METH_O, "Set of the members that the other has not."},
    {"xor", (PyCFunction)set_xor, METH_O, "Set of the members of one alone."},
    {"subset", (PyCFunction)set_subset, METH_O, "Whether the other has all members."},
    {"equal", (PyCFunction)set_equal, METH_O, "Whether both have the same members."},
    {0},
};

static PyType_Slot set_slots[] = {
    {Py_tp_doc, "Objects of a snapshot."}, {Py_tp_dealloc, set_dealloc}, {Py_sq_length, set_length},
    {Py_sq_contains, set_contains},        {Py_tp_methods, set_methods}, {0},
};

PyType_Spec core_set_spec = {
    .name = "tonnage._core.Set",
    .basicsize = sizeof(core_set),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = set_slots,
};
