/* _core_groups.c - sets of objects parted into groups. Like a Set, Groups are a user of their snapshot's handle. */
#include "_core.h"

typedef struct core_groups {
    CORE_USER_HEAD
    tn_groups *groups;
} core_groups;

PyObject *core_groups_make(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"by", "set", "where", "heads", "head_words", "fold", NULL};
    const char *by_name;
    PyObject *set = Py_None, *heads = Py_None;
    int fold = 0;
    tn_groups_options options = {0};
    const tn_set *parted;
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$OzOzp:groups", names, &by_name, &set, &options.where, &heads,
                                     &options.head_words, &fold))
        return NULL;
    int by = core_index_of(by_name, tn_by_names, TN_BYS, "grouping");
    if (by < 0 || !core_set_of(self, set, &parted) || !core_set_of(self, heads, &options.heads))
        return NULL;
    core_groups *result = core_user_begin(&call, self, core_state_of(self)->groups_type);
    if (!result)
        return NULL;
    options.fold = fold;
    int status = tn_groups_make(self->handle, parted, (enum tn_by)by, &options, &result->groups, &err);
    return core_user_made(&call, result, status, &err);
}

static void groups_dealloc(core_groups *self)
{
    core_wait(self->snapshot);
    tn_groups_free(self->groups);
    core_user_free(self, self->snapshot);
}

static Py_ssize_t groups_length(core_groups *self)
{
    return (Py_ssize_t)tn_groups_count(self->groups);
}

static PyObject *groups_row(core_groups *self, PyObject *arg)
{
    uint32_t index;
    core_call call;
    tn_group group;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_groups_row(self->groups, index, &group, &err);
    char *label = status == 0 ? PyMem_RawMalloc(strlen(group.label) + 1) : NULL; /* it is theirs, until the next call */
    if (label)
        strcpy(label, group.label);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0)
        return core_raise(status, &err);
    PyObject *result =
        label ? Py_BuildValue("NKKKINN", core_text(label, strlen(label)), (unsigned long long)group.count,
                              (unsigned long long)group.bytes, (unsigned long long)group.largest, group.largest_id,
                              core_id_or_none(group.head), core_count_or_none(group.number))
              : PyErr_NoMemory();
    PyMem_RawFree(label);
    return result;
}

static PyObject *groups_total(core_groups *self, PyObject *unused)
{
    (void)unused;
    uint64_t count, bytes;
    tn_groups_total(self->groups, &count, &bytes);
    return Py_BuildValue("KK", (unsigned long long)count, (unsigned long long)bytes);
}

static PyObject *groups_members(core_groups *self, PyObject *arg)
{
    uint32_t index;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (!core_id_converter(arg, &index) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_groups_members(self->groups, index, &set, &err);
    return core_set_made(&call, status, set, &err);
}

static PyObject *groups_of(core_groups *self, PyObject *arg)
{
    uint32_t node, index = TN_NONE;
    core_call call;
    tn_error err = {0};
    if (!core_id_converter(arg, &node) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_groups_of(self->groups, node, &index, &err);
    core_unlock(&call);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : core_id_or_none(index);
}

static PyObject *groups_related(core_groups *self, PyObject *args)
{
    uint32_t index;
    int parents;
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "O&p:related", core_id_converter, &index, &parents))
        return NULL;
    size_t n = tn_groups_count(self->groups);
    uint8_t *marks = PyMem_RawMalloc(n + 1);
    if (!marks)
        return PyErr_NoMemory();
    if (!core_enter(&call, self->snapshot, true)) {
        PyMem_RawFree(marks);
        return NULL;
    }
    int status = tn_groups_related(self->groups, index, parents, marks, &err);
    core_unlock(&call);
    core_leave(&call);
    PyObject *result =
        status < 0 ? core_raise(status, &err) : PyBytes_FromStringAndSize((const char *)marks, (Py_ssize_t)n);
    PyMem_RawFree(marks);
    return result;
}

static PyObject *groups_sort(core_groups *self, PyObject *args)
{
    static const char *const columns[] = {"size", "count", "largest", "kind"};
    const char *name;
    int descending;
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "sp:sort", &name, &descending))
        return NULL;
    int column = core_index_of(name, columns, 4, "column");
    if (column < 0 || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_groups_sort(self->groups, (enum tn_groups_column)column, descending, &err);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0)
        return core_raise(status, &err);
    Py_RETURN_NONE;
}

static PyObject *groups_view(core_groups *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"json", "first", "limit", "width", NULL};
    int json = 0;
    tn_view_options options = {0};
    core_call call;
    core_text_buffer buffer = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$pO&O&O&:view", names, &json, core_id_converter, &options.first,
                                     core_id_converter, &options.limit, core_id_converter, &options.width) ||
        !core_enter(&call, self->snapshot, true))
        return NULL;
    options.form = json ? TN_JSON : TN_TEXT;
    int status = tn_view_groups_made(self->groups, &options, &(tn_sink){core_text_write, &buffer}, &err);
    core_unlock(&call);
    core_leave(&call);
    return core_text_done(&buffer, status, &err);
}

static PyMethodDef groups_methods[] = {
    {"row", (PyCFunction)groups_row, METH_O, "(label, count, bytes, largest, its node, head, number) of a group."},
    {"total", (PyCFunction)groups_total, METH_NOARGS, "(objects, bytes) of all groups."},
    {"members", (PyCFunction)groups_members, METH_O, "Set of the objects of a group."},
    {"of", (PyCFunction)groups_of, METH_O, "Index of the group of a node, or None."},
    {"related", (PyCFunction)groups_related, METH_VARARGS,
     "related(index, parents): one byte a group, 1 for those it refers to or, with parents, that refer to it."},
    {"sort", (PyCFunction)groups_sort, METH_VARARGS, "sort(column, descending)."},
    {"view", (PyCFunction)(void (*)(void))groups_view, METH_VARARGS | METH_KEYWORDS, "Text or JSON of the table."},
    {0},
};

static PyType_Slot groups_slots[] = {
    {Py_tp_doc, "Objects of a snapshot parted into groups."},
    {Py_tp_dealloc, groups_dealloc},
    {Py_sq_length, groups_length},
    {Py_tp_methods, groups_methods},
    {0},
};

PyType_Spec core_groups_spec = {
    .name = "tonnage._core.Groups",
    .basicsize = sizeof(core_groups),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = groups_slots,
};
