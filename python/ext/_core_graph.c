/* _core_graph.c - nodes, references, referrers and frames as tuples and bytes. */
#include "_core.h"

/* ---- nodes ---- */

static PyObject *parts_tuple(const tn_node *node)
{
    PyObject *parts = PyTuple_New((Py_ssize_t)node->n_parts);
    for (uint32_t i = 0; parts && i < node->n_parts; i++) {
        PyObject *part = Py_BuildValue("iK", (int)node->parts[i].kind, (unsigned long long)node->parts[i].size);
        if (part)
            PyTuple_SET_ITEM(parts, (Py_ssize_t)i, part);
        else
            Py_CLEAR(parts);
    }
    return parts;
}

PyObject *core_node(core_snapshot *self, PyObject *arg)
{
    uint32_t id;
    core_call call;
    tn_node node;
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, core_first(self, CORE_NODES)))
        return NULL;
    int status = tn_node_get(self->handle, id, &node, &err);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0)
        return core_raise(status, &err);
    return Py_BuildValue("IIIKKNNNIN", node.type, node.flags, node.refcount, (unsigned long long)node.address,
                         (unsigned long long)node.size, core_count_or_none(node.length),
                         core_count_or_none(node.capacity), core_count_or_none(node.hash), node.n_references,
                         parts_tuple(&node));
}

PyObject *core_at(core_snapshot *self, PyObject *arg)
{
    uint64_t address;
    uint32_t id = TN_NONE;
    core_call call;
    tn_error err = {0};
    if (!core_u64_converter(arg, &address) || !core_enter(&call, self, core_first(self, CORE_ADDRESSES)))
        return NULL;
    int status = tn_node_at(self->handle, address, &id, &err);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0 && status != TN_ENOTFOUND)
        return core_raise(status, &err);
    return core_id_or_none(status < 0 ? TN_NONE : id);
}

/* Numbers of the nodes at n addresses, in place of these, half as long; TN_NONE where no object starts. */
static int find_all(tn_snapshot *s, char *bytes, Py_ssize_t n, tn_error *err)
{
    for (Py_ssize_t i = 0; i < n; i++) {
        uint64_t address;
        uint32_t id = TN_NONE;
        memcpy(&address, bytes + i * 8, 8);
        int status = tn_node_at(s, address, &id, err);
        if (status < 0 && status != TN_ENOTFOUND)
            return status;
        id = status < 0 ? TN_NONE : id;
        memcpy(bytes + i * 4, &id, 4);
    }
    return TN_OK;
}

PyObject *core_find(core_snapshot *self, PyObject *arg)
{
    char *given;
    Py_ssize_t n;
    core_call call;
    tn_error err = {0};
    if (PyBytes_AsStringAndSize(arg, &given, &n) < 0)
        return NULL;
    PyObject *result = PyBytes_FromStringAndSize(given, n);
    if (!result || !core_enter(&call, self, true)) {
        Py_XDECREF(result);
        return NULL;
    }
    int status = find_all(self->handle, PyBytes_AS_STRING(result), n / 8, &err);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0) {
        Py_DECREF(result);
        return core_raise(status, &err);
    }
    return _PyBytes_Resize(&result, n / 8 * 4) < 0 ? NULL : result;
}

typedef int (*text_function)(tn_snapshot *s, uint32_t id, char *out, size_t cap, tn_error *err);

/* Asks with a small buffer, and again with the length that was wanted. */
static PyObject *text_of(core_snapshot *self, PyObject *arg, text_function function, unsigned load)
{
    uint32_t id;
    core_call call;
    char small[512], *text = small, *large = NULL;
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, core_first(self, load)))
        return NULL;
    int n = function(self->handle, id, text, sizeof small, &err);
    if (n >= (int)sizeof small) {
        text = large = PyMem_RawMalloc((size_t)n + 1);
        if (large)
            n = function(self->handle, id, large, (size_t)n + 1, &err);
    }
    core_unlock(&call);
    core_leave(&call);
    PyObject *result = !text ? PyErr_NoMemory() : n < 0 ? core_raise(n, &err) : core_text(n ? text : "", (size_t)n);
    PyMem_RawFree(large);
    return result;
}

PyObject *core_preview(core_snapshot *self, PyObject *arg)
{
    return text_of(self, arg, tn_node_preview, CORE_NODES | CORE_PREVIEWS);
}

PyObject *core_describe(core_snapshot *self, PyObject *arg)
{
    return text_of(self, arg, tn_node_describe, CORE_NODES | CORE_PREVIEWS);
}

/* ---- references ---- */

typedef struct ids {
    uint32_t *values; /* PyMem_RawMalloc */
    size_t count, capacity;
} ids;

static bool ids_add(ids *list, uint32_t id)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        uint32_t *values = PyMem_RawRealloc(list->values, capacity * sizeof *values);
        if (!values)
            return false;
        list->values = values;
        list->capacity = capacity;
    }
    list->values[list->count++] = id;
    return true;
}

static PyObject *ids_bytes(ids *list, int status, const tn_error *err)
{
    PyObject *result = status > 0   ? PyErr_NoMemory()
                       : status < 0 ? core_raise(status, err)
                                    : PyBytes_FromStringAndSize((const char *)list->values,
                                                                (Py_ssize_t)(list->count * sizeof *list->values));
    PyMem_RawFree(list->values);
    return result;
}

PyObject *core_targets(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"node", "style", NULL};
    uint32_t id;
    int style = -1;
    core_call call;
    tn_reference_iter iter;
    tn_reference reference;
    ids list = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&|i:targets", names, core_id_converter, &id, &style) ||
        !core_enter(&call, self, true))
        return NULL;
    int status = tn_references(self->handle, id, &iter, &err);
    while (status == 0 && tn_reference_next(&iter, &reference))
        if ((style < 0 || (int)reference.style == style) && !ids_add(&list, reference.target))
            status = 1;
    core_unlock(&call);
    core_leave(&call);
    return ids_bytes(&list, status, &err);
}

PyObject *core_referrers(core_snapshot *self, PyObject *arg)
{
    uint32_t id, n = 0;
    const uint32_t *nodes = NULL;
    core_call call;
    ids list = {0};
    tn_error err = {0};
    if (!core_id_converter(arg, &id) || !core_enter(&call, self, true))
        return NULL;
    int status = tn_referrers(self->handle, id, &nodes, &n, &err);
    for (uint32_t i = 0; status == 0 && i < n; i++)
        if ((i == 0 || nodes[i] != nodes[i - 1]) && !ids_add(&list, nodes[i]))
            status = 1;
    core_unlock(&call);
    core_leave(&call);
    return ids_bytes(&list, status, &err);
}

/* Puts the cursor before reference number start; where the last call stopped there, without going through the others. */
static int seek(core_snapshot *self, uint32_t id, uint64_t start, tn_error *err)
{
    tn_reference skipped;
    if (self->cursor_node != id || self->cursor_index > start) {
        self->cursor_node = TN_NONE;
        int status = tn_references(self->handle, id, &self->cursor, err);
        if (status < 0)
            return status;
        self->cursor_node = id;
        self->cursor_index = 0;
    }
    while (self->cursor_index < start && tn_reference_next(&self->cursor, &skipped))
        self->cursor_index++;
    return 0;
}

typedef struct labelled {
    tn_reference reference;
    char *label, small[64];
} labelled;

/* Length of the label, or negative. */
static int read_label(tn_snapshot *s, labelled *out, tn_error *err)
{
    out->label = out->small;
    int n = tn_reference_label(s, &out->reference, out->small, sizeof out->small, err);
    if (n < (int)sizeof out->small)
        return n;
    out->label = PyMem_RawMalloc((size_t)n + 1);
    return out->label ? tn_reference_label(s, &out->reference, out->label, (size_t)n + 1, err) : TN_ENOMEM;
}

/* One reference as a tuple, None past the last, NULL with an exception. */
static PyObject *reference_at(core_snapshot *self, uint32_t id, uint64_t index)
{
    core_call call;
    labelled found = {0};
    tn_error err = {0};
    int n = 0;
    if (!core_enter(&call, self, core_first(self, CORE_NODES | CORE_REFERENCES | CORE_PREVIEWS)))
        return NULL;
    int status = seek(self, id, index, &err);
    bool more = status == 0 && self->cursor_index == index && tn_reference_next(&self->cursor, &found.reference);
    if (more) {
        self->cursor_index++;
        n = read_label(self->handle, &found, &err);
        status = n < 0 ? n : 0;
    }
    core_unlock(&call);
    core_leave(&call);
    PyObject *result = NULL;
    if (status < 0)
        core_raise(status, &err);
    else if (!more)
        result = Py_NewRef(Py_None);
    else
        result = Py_BuildValue("IiiNNK", found.reference.target, (int)found.reference.kind, (int)found.reference.style,
                               core_id_or_none(found.reference.key), core_label(n ? found.label : ""),
                               (unsigned long long)found.reference.index);
    if (found.label != found.small)
        PyMem_RawFree(found.label);
    return result;
}

PyObject *core_references(core_snapshot *self, PyObject *args)
{
    uint32_t id;
    uint64_t start, count;
    if (!PyArg_ParseTuple(args, "O&O&O&:references", core_id_converter, &id, core_u64_converter, &start,
                          core_u64_converter, &count))
        return NULL;
    PyObject *list = PyList_New(0);
    for (uint64_t i = 0; list && i < count; i++) {
        PyObject *item = reference_at(self, id, start + i);
        bool end = item == Py_None;
        if (!item || (!end && PyList_Append(list, item) < 0))
            Py_CLEAR(list);
        Py_XDECREF(item);
        if (end)
            break;
    }
    return list;
}

/* ---- frames ---- */

PyObject *core_frame(core_snapshot *self, PyObject *args)
{
    uint32_t thread, depth;
    core_call call;
    tn_frame frame;
    if (!PyArg_ParseTuple(args, "O&O&:frame", core_id_converter, &thread, core_id_converter, &depth) ||
        !core_enter(&call, self, true))
        return NULL;
    int status = tn_snapshot_thread_frame(self->handle, thread, depth, &frame);
    core_unlock(&call);
    PyObject *result = NULL;
    if (status == TN_ENOTFOUND)
        result = Py_NewRef(Py_None);
    else if (status < 0)
        core_raise(status, NULL);
    else
        result = Py_BuildValue("NNNNIN", core_id_or_none(frame.node), core_text_or_none(frame.name),
                               core_text_or_none(frame.qualified_name), core_text_or_none(frame.file), frame.line,
                               PyBool_FromLong(frame.own));
    core_leave(&call);
    return result;
}
