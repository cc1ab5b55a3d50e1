/* _core_patterns.c - the rows of a reference pattern as sets. Like a Set, Patterns are a user of their snapshot's handle. */
#include "_core.h"

typedef struct core_patterns {
    CORE_USER_HEAD
    tn_patterns *patterns;
} core_patterns;

PyObject *core_patterns_make(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"set", "by", "sort", "depth", "width", "fold", "at", NULL};
    static const char *const orders[] = {"references", "count", "size"};
    const char *by_name = "clodo", *order_name = "references";
    PyObject *set = Py_None;
    const tn_set *within;
    int fold = 1;
    tn_patterns_options options = {0};
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OssO&O&pz:patterns", names, &set, &by_name, &order_name,
                                     core_id_converter, &options.depth, core_id_converter, &options.width, &fold,
                                     &options.at))
        return NULL;
    int by = core_index_of(by_name, tn_by_names, TN_BYS, "grouping");
    int order = by < 0 ? -1 : core_index_of(order_name, orders, 3, "column");
    if (order < 0 || !core_set_of(self, set, &within))
        return NULL;
    core_patterns *result = core_user_begin(&call, self, core_state_of(self)->patterns_type);
    if (!result)
        return NULL;
    options.by = (enum tn_by)by;
    options.order = (enum tn_patterns_order)order;
    options.fold = fold;
    int status = tn_patterns_make(self->handle, within, &options, &result->patterns, &err);
    return core_user_made(&call, result, status, &err);
}

bool core_patterns_of(core_snapshot *self, PyObject *argument, tn_patterns **out)
{
    core_user *found;
    if (!core_user_of(self, argument, core_state_of(self)->patterns_type, &found))
        return false;
    *out = found ? ((core_patterns *)found)->patterns : NULL;
    return true;
}

static void patterns_dealloc(core_patterns *self)
{
    core_wait(self->snapshot);
    tn_patterns_free(self->patterns);
    core_user_free(self, self->snapshot);
}

static Py_ssize_t patterns_length(core_patterns *self)
{
    return (Py_ssize_t)tn_patterns_count(self->patterns);
}

static PyObject *patterns_members(core_patterns *self, PyObject *arg)
{
    uint32_t row;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_id_converter(arg, &row) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_patterns_members(self->patterns, row, &set, &err);
    return core_set_made(&call, status, set, &err);
}

static PyMethodDef patterns_methods[] = {
    {"members", (PyCFunction)patterns_members, METH_O, "Set of the objects of a row."},
    {0},
};

static PyType_Slot patterns_slots[] = {
    {Py_tp_doc, "Who refers to a set, kind by kind."},
    {Py_tp_dealloc, patterns_dealloc},
    {Py_sq_length, patterns_length},
    {Py_tp_methods, patterns_methods},
    {0},
};

PyType_Spec core_patterns_spec = {
    .name = "tonnage._core.Patterns",
    .basicsize = sizeof(core_patterns),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = patterns_slots,
};
