/* _core_view.c - views as str, findings of a check as tuples, and sets of objects. */
#include "_core.h"

/* ---- views ---- */

typedef struct text_buffer {
    char *bytes; /* PyMem_RawMalloc: filled without the interpreter lock */
    size_t n, capacity;
    bool failed;
} text_buffer;

static bool text_write(void *ctx, const char *text, size_t n_bytes)
{
    text_buffer *buffer = ctx;
    if (buffer->n + n_bytes > buffer->capacity) {
        size_t capacity = 2 * (buffer->n + n_bytes) + 4096;
        char *bytes = PyMem_RawRealloc(buffer->bytes, capacity);
        if (!bytes) {
            buffer->failed = true;
            return false;
        }
        buffer->bytes = bytes;
        buffer->capacity = capacity;
    }
    if (n_bytes)
        memcpy(buffer->bytes + buffer->n, text, n_bytes);
    buffer->n += n_bytes;
    return true;
}

enum view_kind { VIEW_SUMMARY, VIEW_LARGEST, VIEW_INFO, VIEW_SHOW, VIEWS };
static const char *const view_names[VIEWS] = {"summary", "largest", "info", "show"};

static int render(tn_snapshot *s, int kind, uint32_t node, const tn_view_options *options, const tn_sink *sink,
                  tn_error *err)
{
    switch (kind) {
    case VIEW_SUMMARY: return tn_view_summary(s, options, sink, err);
    case VIEW_LARGEST: return tn_view_largest(s, options, sink, err);
    case VIEW_INFO: return tn_view_info(s, options, sink, err);
    default: return tn_view_show(s, node, options, sink, err);
    }
}

static int index_of(const char *name, const char *const *names, int n, const char *what)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    tn_error err = {.status = TN_EINVAL};
    snprintf(err.message, sizeof err.message, "unknown %s '%s'", what, name);
    core_raise(TN_EINVAL, &err);
    return -1;
}

PyObject *core_view(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"kind",  "json",  "where",      "sort", "limit", "by",
                            "width", "color", "where_rows", "node", NULL};
    static const char *const groups[] = {"type", "size", "module"};
    const char *kind_name, *by_name = "type";
    int json = 0, color = 0;
    uint32_t node = TN_NONE;
    tn_view_options options = {0};
    core_call call;
    text_buffer buffer = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$pzzO&sO&pzO&:view", names, &kind_name, &json, &options.where,
                                     &options.sort, core_id_converter, &options.limit, &by_name, core_id_converter,
                                     &options.width, &color, &options.where_rows, core_id_converter, &node))
        return NULL;
    int kind = index_of(kind_name, view_names, VIEWS, "view");
    int by = kind < 0 ? -1 : index_of(by_name, groups, 3, "grouping; use type, size or module, not");
    if (kind < 0 || by < 0 || !core_enter(&call, self, true))
        return NULL;
    options.form = json ? TN_JSON : TN_TEXT;
    options.by = (enum tn_group)by;
    options.color = color;
    int status = render(self->handle, kind, node, &options, &(tn_sink){text_write, &buffer}, &err);
    core_unlock(&call);
    core_leave(&call);
    PyObject *result = buffer.failed ? PyErr_NoMemory()
                       : status < 0  ? core_raise(status, &err)
                                     : core_text(buffer.bytes ? buffer.bytes : "", buffer.n);
    PyMem_RawFree(buffer.bytes);
    return result;
}

/* ---- check ---- */

typedef struct findings {
    tn_error *values; /* PyMem_RawMalloc */
    size_t count, capacity;
    bool failed;
} findings;

static void findings_add(void *ctx, const tn_error *finding)
{
    findings *list = ctx;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 16;
        tn_error *values = PyMem_RawRealloc(list->values, capacity * sizeof *values);
        if (!values) {
            list->failed = true;
            return;
        }
        list->values = values;
        list->capacity = capacity;
    }
    list->values[list->count++] = *finding;
}

static PyObject *findings_list(const findings *found)
{
    PyObject *list = PyList_New((Py_ssize_t)found->count);
    for (size_t i = 0; list && i < found->count; i++) {
        const tn_error *f = &found->values[i];
        PyObject *item =
            Py_BuildValue("iKN", f->status, (unsigned long long)f->offset, core_text(f->message, strlen(f->message)));
        if (item)
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
        else
            Py_CLEAR(list);
    }
    return list;
}

PyObject *core_check(core_snapshot *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    findings found = {0};
    tn_error err = {0};
    if (!core_enter(&call, self, true))
        return NULL;
    int status = tn_snapshot_check(self->handle, findings_add, &found, &err);
    core_unlock(&call);
    core_leave(&call);
    PyObject *result = NULL;
    if (found.failed)
        PyErr_NoMemory();
    else if (status < 0 && !found.count)
        core_raise(status, &err);
    else
        result = findings_list(&found);
    PyMem_RawFree(found.values);
    return result;
}

/* ---- sets ---- */

PyObject *core_select(core_snapshot *self, PyTypeObject *type, PyObject *const *args, Py_ssize_t n_args,
                      PyObject *names)
{
    const char *where;
    core_call call;
    tn_set *set = NULL;
    tn_error err = {0};
    if (n_args != 1 || names) {
        PyErr_SetString(PyExc_TypeError, "select() takes one argument");
        return NULL;
    }
    if (!(where = PyUnicode_AsUTF8(args[0])) || !core_enter(&call, self, true))
        return NULL;
    int status = tn_set_where(self->handle, where, &set, &err);
    core_unlock(&call);
    core_state *state = PyType_GetModuleState(type);
    core_set *result = status == 0 && state ? PyObject_New(core_set, state->set_type) : NULL;
    if (result) { /* a set stays a user of the handle */
        result->snapshot = (core_snapshot *)Py_NewRef((PyObject *)self);
        result->set = set;
        return (PyObject *)result;
    }
    tn_set_free(set);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : NULL;
}

static void set_dealloc(core_set *self)
{
    PyTypeObject *type = Py_TYPE(self);
    core_call call = {.self = self->snapshot};
    core_wait(self->snapshot);
    tn_set_free(self->set);
    core_unlock(&call);
    core_leave(&call);
    Py_DECREF(self->snapshot);
    PyObject_Free(self);
    Py_DECREF(type);
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

static PyMethodDef set_methods[] = {
    {"next", (PyCFunction)set_next, METH_O, "First member that is not below a node, or None."},
    {0},
};

static PyType_Slot set_slots[] = {
    {Py_tp_doc, "Objects that a selection names."},
    {Py_tp_dealloc, set_dealloc},
    {Py_sq_length, set_length},
    {Py_sq_contains, set_contains},
    {Py_tp_methods, set_methods},
    {0},
};

PyType_Spec core_set_spec = {
    .name = "tonnage._core.Set",
    .basicsize = sizeof(core_set),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = set_slots,
};
