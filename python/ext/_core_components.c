/* _core_components.c - strongly connected components, the cycles in them, and what a collection would free. Like a Set,
 * Components are a user of their snapshot's handle.
 */
#include "_core.h"

typedef struct core_components {
    CORE_USER_HEAD
    tn_components *components;
} core_components;

PyObject *core_components_make(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"of", "where", "garbage", "by", NULL};
    PyObject *of = Py_None, *where = Py_None;
    int garbage = 0;
    const char *by = NULL;
    tn_components_options options = {0};
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOpz:components", names, &of, &where, &garbage, &by) ||
        !core_set_of(self, of, &options.of) || !core_set_of(self, where, &options.where))
        return NULL;
    int by_kind = by ? core_index_of(by, tn_by_names, TN_BYS, "grouping") : TN_BY_TYPE;
    if (by_kind < 0)
        return NULL;
    core_components *result = core_user_begin(&call, self, core_state_of(self)->components_type);
    if (!result)
        return NULL;
    options.garbage = garbage;
    options.by = (enum tn_by)by_kind;
    int status = tn_components_make(self->handle, &options, &result->components, &err);
    return core_user_made(&call, result, status, &err);
}

PyObject *core_garbage(core_snapshot *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_enter(&call, self, true))
        return NULL;
    int status = tn_garbage_set(self->handle, &set, &err);
    return core_set_made(&call, status, set, &err);
}

bool core_components_of(core_snapshot *self, PyObject *argument, tn_components **out)
{
    core_user *found;
    if (!core_user_of(self, argument, core_state_of(self)->components_type, &found))
        return false;
    *out = found ? ((core_components *)found)->components : NULL;
    return true;
}

static void components_dealloc(core_components *self)
{
    core_wait(self->snapshot);
    tn_components_free(self->components);
    core_user_free(self, self->snapshot);
}

static Py_ssize_t components_length(core_components *self)
{
    return (Py_ssize_t)tn_components_count(self->components);
}

static PyObject *components_row(core_components *self, PyObject *arg)
{
    uint32_t index;
    core_call call;
    tn_component row;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_components_row(self->components, index, &row, &err);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0)
        return core_raise(status, &err);
    return Py_BuildValue("IIKKiN", row.count, row.first, (unsigned long long)row.bytes,
                         (unsigned long long)row.references, (int)row.state, PyBool_FromLong(row.source));
}

typedef int (*members_function)(tn_components *, uint32_t, tn_set **, tn_error *);

static int members_of_row(tn_components *c, uint32_t index, tn_set **out, tn_error *err)
{
    return tn_components_members(c, index, out, err);
}

static PyObject *members(core_components *self, PyObject *arg, members_function function)
{
    uint32_t index;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = function(self->components, index, &set, &err);
    return core_set_made(&call, status, set, &err);
}

static PyObject *components_members(core_components *self, PyObject *index)
{
    return members(self, index, members_of_row);
}

static PyObject *components_group_members(core_components *self, PyObject *index)
{
    return members(self, index, tn_components_group_members);
}

static PyObject *components_cycle(core_components *self, PyObject *arg)
{
    uint32_t index, n = 0;
    core_call call;
    const tn_reference *steps = NULL;
    bool shortest = false;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_components_cycle(self->components, index, &steps, &n, &shortest, &err);
    PyObject *path = core_path_found(&call, status < 0 ? status : 1, steps, n, &err);
    return path ? Py_BuildValue("NN", path, PyBool_FromLong(shortest)) : NULL;
}

static PyObject *components_references(core_components *self, PyObject *arg)
{
    uint32_t index;
    core_call call;
    const tn_reference *references = NULL;
    uint64_t n = 0;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_components_references(self->components, index, &references, &n, &err);
    return core_steps_found(&call, status, references, n, &err);
}

static PyObject *components_groups(core_components *self, PyObject *unused)
{
    (void)unused;
    uint32_t n;
    core_call call;
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_components_groups(self->components, &n, &err);
    core_unlock(&call);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : PyLong_FromUnsignedLong(n);
}

static PyObject *components_group(core_components *self, PyObject *arg)
{
    uint32_t index;
    core_call call;
    tn_cycle_group g;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_components_group(self->components, index, &g, &err);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0)
        return core_raise(status, &err);
    return Py_BuildValue("IIIKKIII", g.cycles, g.waiting, g.listed, (unsigned long long)g.count,
                         (unsigned long long)g.bytes, g.example, g.shortest, g.longest);
}

static PyMethodDef components_methods[] = {
    {"row", (PyCFunction)components_row, METH_O, "(count, first, bytes, references, state, source) of a component."},
    {"members", (PyCFunction)components_members, METH_O, "Set of the members of a component."},
    {"cycle", (PyCFunction)components_cycle, METH_O, "((text, evaluable, steps), shortest) of a cycle in it."},
    {"references", (PyCFunction)components_references, METH_O, "Steps: all references between members."},
    {"groups", (PyCFunction)components_groups, METH_NOARGS, "Number of groups of cycles."},
    {"group", (PyCFunction)components_group, METH_O,
     "(cycles, waiting, listed, count, bytes, example, shortest, longest) of a group."},
    {"group_members", (PyCFunction)components_group_members, METH_O, "Set of the members of a group's components."},
    {0},
};

static PyType_Slot components_slots[] = {
    {Py_tp_doc, "Strongly connected components of a snapshot."},
    {Py_tp_dealloc, components_dealloc},
    {Py_sq_length, components_length},
    {Py_tp_methods, components_methods},
    {0},
};

PyType_Spec core_components_spec = {
    .name = "tonnage._core.Components",
    .basicsize = sizeof(core_components),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = components_slots,
};
