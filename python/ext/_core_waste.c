/* _core_waste.c - findings of waste, for the sets behind them. Like a Set, a Waste is a user of its snapshot's handle. */
#include "_core.h"

typedef struct core_waste {
    CORE_USER_HEAD
    tn_waste *waste;
} core_waste;

PyObject *core_waste_make(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"set", "by", "where_rows", NULL};
    const char *by_name = NULL;
    PyObject *set = Py_None;
    tn_waste_options options = {0};
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$Ozz:waste", names, &set, &by_name, &options.where_rows))
        return NULL;
    int by = by_name ? core_index_of(by_name, tn_by_names, TN_BYS, "grouping") : TN_BY_TYPE;
    if (by < 0 || !core_set_of(self, set, &options.set))
        return NULL;
    core_waste *result = core_user_begin(&call, self, core_state_of(self)->waste_type);
    if (!result)
        return NULL;
    options.grouped = by_name != NULL;
    options.by = (enum tn_by)by;
    int status = tn_waste_make(self->handle, &options, &result->waste, &err);
    return core_user_made(&call, result, status, &err);
}

bool core_waste_of(core_snapshot *self, PyObject *argument, const tn_waste **out)
{
    core_user *found;
    if (!core_user_of(self, argument, core_state_of(self)->waste_type, &found))
        return false;
    *out = found ? ((core_waste *)found)->waste : NULL;
    return true;
}

static void waste_dealloc(core_waste *self)
{
    core_wait(self->snapshot);
    tn_waste_free(self->waste);
    core_user_free(self, self->snapshot);
}

static Py_ssize_t waste_length(core_waste *self)
{
    return (Py_ssize_t)tn_waste_count(self->waste);
}

static PyObject *waste_members(core_waste *self, PyObject *arg)
{
    uint32_t index;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_waste_members(self->waste, index, &set, &err);
    return core_set_made(&call, status, set, &err);
}

static PyMethodDef waste_methods[] = {
    {"members", (PyCFunction)waste_members, METH_O, "Set of the objects of a finding, by its index."},
    {0},
};

static PyType_Slot waste_slots[] = {
    {Py_tp_doc, "Findings of waste in a snapshot."},
    {Py_tp_dealloc, waste_dealloc},
    {Py_sq_length, waste_length},
    {Py_tp_methods, waste_methods},
    {0},
};

PyType_Spec core_waste_spec = {
    .name = "tonnage._core.Waste",
    .basicsize = sizeof(core_waste),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = waste_slots,
};
