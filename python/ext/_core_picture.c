/* _core_picture.c - pictures as text. Like a Set, a Picture is a user of its snapshot's handle. */
#include "_core.h"

typedef struct core_picture {
    CORE_USER_HEAD
    tn_picture *picture;
} core_picture;

static PyObject *make(core_snapshot *self, tn_picture_options *options)
{
    core_call call;
    tn_error err = {0};
    core_picture *result = core_user_begin(&call, self, core_state_of(self)->picture_type);
    if (!result)
        return NULL;
    int status = tn_picture_make(self->handle, options, &result->picture, &err);
    return core_user_made(&call, result, status, &err);
}

PyObject *core_picture_make(core_snapshot *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"of",   "set",     "only",  "without",      "highlight", "by",        "where_rows",
                            "sort", "heads",   "avoid", "limit",        "depth",     "width",     "lines",
                            "fold", "garbage", "all",   "proportional", "head_set",  "avoid_set", NULL};
    const char *of_name, *by_name = NULL;
    PyObject *set = Py_None, *only = Py_None, *without = Py_None, *highlight = Py_None, *head_set = Py_None,
             *avoid_set = Py_None;
    int fold = 1, garbage = 0, all = 0, proportional = 0;
    uint32_t lines = 0;
    tn_view_options view = {0};
    tn_picture_options options = {.view = &view};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s|$OOOOzzzzzO&O&O&O&ppppOO:picture", names, &of_name, &set, &only,
                                     &without, &highlight, &by_name, &view.where_rows, &view.sort, &view.heads,
                                     &view.avoid, core_id_converter, &view.limit, core_id_converter, &view.depth,
                                     core_id_converter, &view.branches, core_id_converter, &lines, &fold, &garbage,
                                     &all, &proportional, &head_set, &avoid_set))
        return NULL;
    int of = core_index_of(of_name, tn_picture_names, TN_PICTURES, "picture");
    int by = of < 0 ? -1 : !by_name ? TN_BY_TYPE : core_index_of(by_name, tn_by_names, TN_BYS, "grouping");
    if (by < 0 || !core_set_of(self, set, &view.set) || !core_set_of(self, only, &options.only) ||
        !core_set_of(self, without, &options.without) || !core_set_of(self, highlight, &options.highlight) ||
        !core_set_of(self, head_set, &view.head_set) || !core_set_of(self, avoid_set, &view.avoid_set))
        return NULL;
    options.of = (enum tn_picture_of)of;
    options.lines = lines;
    options.proportional = proportional;
    view.by = (enum tn_by)by;
    view.grouped = by_name != NULL;
    view.fold = fold;
    view.garbage = garbage;
    view.all = all;
    return make(self, &options);
}

static void picture_dealloc(core_picture *self)
{
    core_wait(self->snapshot);
    tn_picture_free(self->picture);
    core_user_free(self, self->snapshot);
}

static Py_ssize_t picture_length(core_picture *self)
{
    tn_picture_about about;
    core_wait(self->snapshot);
    tn_picture_tell(self->picture, &about);
    core_call call = {.self = self->snapshot};
    core_unlock(&call);
    return (Py_ssize_t)about.n_nodes;
}

static PyObject *text_of(core_picture *self, int (*form)(const tn_picture *, const tn_sink *, tn_error *))
{
    core_call call;
    core_text_buffer buffer = {0};
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = form(self->picture, &(tn_sink){core_text_write, &buffer}, &err);
    core_unlock(&call);
    PyObject *result = core_text_done(&buffer, status, &err);
    core_leave(&call);
    return result;
}

static PyObject *picture_dot(core_picture *self, PyObject *unused)
{
    (void)unused;
    return text_of(self, tn_picture_dot);
}

static PyObject *picture_json(core_picture *self, PyObject *unused)
{
    (void)unused;
    return text_of(self, tn_picture_json);
}

/* Of nodes that are objects: (place, node, whether it is asked for). */
static PyObject *picture_objects(core_picture *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    tn_picture_about about;
    tn_picture_node node;
    PyObject *list = PyList_New(0);
    if (!list || !core_enter(&call, self->snapshot, false)) {
        Py_XDECREF(list);
        return NULL;
    }
    core_unlock(&call);
    tn_picture_tell(self->picture, &about); /* reads what only notes change, which hold the interpreter lock, too */
    for (uint32_t i = 0; list && i < about.n_nodes; i++) {
        tn_picture_node_at(self->picture, i, &node);
        if (node.node == TN_NONE)
            continue;
        PyObject *item = Py_BuildValue("IIN", i, node.node, PyBool_FromLong(node.asked));
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    core_leave(&call);
    return list;
}

static PyObject *picture_note(core_picture *self, PyObject *args)
{
    uint32_t index;
    const char *text;
    core_call call;
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "O&s:note", core_id_converter, &index, &text) ||
        !core_enter(&call, self->snapshot, false))
        return NULL;
    int status = tn_picture_note(self->picture, index, text, &err);
    core_unlock(&call);
    core_leave(&call);
    if (status < 0)
        return core_raise(status, &err);
    Py_RETURN_NONE;
}

static PyMethodDef picture_methods[] = {
    {"dot", (PyCFunction)picture_dot, METH_NOARGS, "The text that Graphviz draws."},
    {"json", (PyCFunction)picture_json, METH_NOARGS, "The picture as JSON text."},
    {"objects", (PyCFunction)picture_objects, METH_NOARGS, "[(place, node, whether it is asked for)] of objects."},
    {"note", (PyCFunction)picture_note, METH_VARARGS, "One more line in a node, by its place."},
    {0},
};

static PyType_Slot picture_slots[] = {
    {Py_tp_doc, "A picture of objects or groups."},
    {Py_tp_dealloc, picture_dealloc},
    {Py_sq_length, picture_length},
    {Py_tp_methods, picture_methods},
    {0},
};

PyType_Spec core_picture_spec = {
    .name = "tonnage._core.Picture",
    .basicsize = sizeof(core_picture),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = picture_slots,
};
