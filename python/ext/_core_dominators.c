/* _core_dominators.c - dominators and what nodes and references retain. */
#include "_core.h"

/* ---- one node ---- */

PyObject *core_hold(core_snapshot *self, PyObject *arg)
{
    uint32_t id;
    core_call call;
    enum tn_hold hold = TN_HOLD_REFERENCES;
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, core_first(self, CORE_DOMINATORS)))
        return NULL;
    int status = tn_node_hold(self->handle, id, &hold, &err);
    core_unlock(&call);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : PyLong_FromLong((long)hold);
}

PyObject *core_dominator(core_snapshot *self, PyObject *arg)
{
    uint32_t id, dominator = TN_NONE;
    core_call call;
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, core_first(self, CORE_DOMINATORS)))
        return NULL;
    int status = tn_dominator(self->handle, id, &dominator, &err);
    core_unlock(&call);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : core_id_or_none(dominator);
}

PyObject *core_index(core_snapshot *self, PyObject *arg)
{
    PyObject *path = NULL;
    core_call call;
    tn_error err = {0};
    if (!PyUnicode_FSConverter(arg, &path))
        return NULL;
    if (!core_enter(&call, self, true)) {
        Py_DECREF(path);
        return NULL;
    }
    const char *name = PyBytes_AS_STRING(path);
    bool loaded = tn_index_load(self->handle, name, &err) == 0;
    int status = loaded ? 0 : tn_index_save(self->handle, name, &err);
    core_unlock(&call);
    core_leave(&call);
    Py_DECREF(path);
    return status < 0 ? core_raise(status, &err) : PyBool_FromLong(loaded);
}

static PyObject *size_and_count(int status, const tn_error *err, uint64_t bytes, uint32_t count)
{
    return status < 0 ? core_raise(status, err) : Py_BuildValue("KI", (unsigned long long)bytes, count);
}

PyObject *core_retained(core_snapshot *self, PyObject *arg)
{
    uint32_t id, count = 0;
    uint64_t bytes = 0;
    core_call call;
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, core_first(self, CORE_DOMINATORS)))
        return NULL;
    int status = tn_retained(self->handle, id, &bytes, &count, &err);
    core_unlock(&call);
    core_leave(&call);
    return size_and_count(status, &err, bytes, count);
}

PyObject *core_dominated(core_snapshot *self, PyObject *arg)
{
    uint32_t id, n = 0;
    const uint32_t *nodes = NULL;
    core_call call;
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, true))
        return NULL;
    int status = tn_dominated(self->handle, id, &nodes, &n, &err);
    core_unlock(&call);
    PyObject *result = status < 0
                           ? core_raise(status, &err)
                           : PyBytes_FromStringAndSize((const char *)nodes,
                                                       (Py_ssize_t)(n * sizeof *nodes)); /* lives with the handle */
    core_leave(&call);
    return result;
}

PyObject *core_cut(core_snapshot *self, PyObject *args)
{
    uint32_t id, count = 0;
    uint64_t index, bytes = 0;
    core_call call;
    tn_reference_iter iter;
    tn_reference reference;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "O&O&:cut", core_id_converter, &id, core_u64_converter, &index) ||
        !core_enter(&call, self, true))
        return NULL;
    int status = tn_references(self->handle, id, &iter, &err);
    bool found = status == 0, anchor = index == CORE_NO_PLACE;
    for (uint64_t i = 0; found && !anchor && i <= index; i++)
        found = tn_reference_next(&iter, &reference);
    if (found && !anchor)
        status = tn_reference_cut(self->handle, &reference, &bytes, &count, &err);
    core_unlock(&call);
    core_leave(&call);
    if (!found && status == 0) {
        PyErr_SetString(PyExc_IndexError, "the node has fewer references");
        return NULL;
    }
    return size_and_count(status, &err, bytes, count);
}
