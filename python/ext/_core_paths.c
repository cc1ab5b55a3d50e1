/* _core_paths.c - paths as tuples of steps with their text. */
#include "_core.h"

/* ---- one path ---- */

typedef struct written {
    char *text; /* PyMem_RawMalloc */
    int n;
    bool evaluable;
} written;

static int write_path(tn_snapshot *s, const tn_reference *steps, uint32_t n_steps, written *out, tn_error *err)
{
    size_t cap = 256;
    for (;;) {
        char *text = PyMem_RawRealloc(out->text, cap);
        if (!text)
            return TN_ENOMEM;
        out->text = text;
        out->n = tn_path_text(s, steps, n_steps, text, cap, &out->evaluable, err);
        if (out->n < 0 || (size_t)out->n < cap)
            return out->n < 0 ? out->n : 0;
        cap = (size_t)out->n + 1;
    }
}

/* Each step as (source, kind, style, node of the key, label, place, target); labels are made with the lock held again. */
static PyObject *steps_list(core_snapshot *self, const tn_reference *steps, uint32_t n)
{
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (uint32_t i = 0; list && i < n; i++) {
        core_call call;
        char label[512];
        tn_error err = {0};
        if (!core_enter(&call, self, false)) {
            Py_DECREF(list);
            return NULL;
        }
        int length = tn_reference_label(self->handle, &steps[i], label, sizeof label, &err);
        core_unlock(&call);
        core_leave(&call);
        PyObject *step =
            length < 0
                ? core_raise(length, &err)
                : Py_BuildValue("IIiiN", steps[i].source, steps[i].target, (int)steps[i].kind, (int)steps[i].style,
                                core_text(label, (size_t)length < sizeof label ? (size_t)length : strlen(label)));
        if (step)
            PyList_SET_ITEM(list, (Py_ssize_t)i, step);
        else
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *path_tuple(core_snapshot *self, const tn_reference *steps, uint32_t n, const written *w)
{
    return Py_BuildValue("NNN", core_text(w->text, (size_t)w->n), PyBool_FromLong(w->evaluable),
                         steps_list(self, steps, n));
}

/* ---- the iterator ---- */

/* Made by paths(); a user of the snapshot's handle until it is gone. */
PyObject *core_paths(core_snapshot *self, PyTypeObject *type, PyObject *const *args, Py_ssize_t n_args, PyObject *names)
{
    uint32_t node, limit;
    core_call call;
    tn_path_options options = {0};
    tn_set *avoid = NULL;
    tn_paths *paths = NULL;
    tn_error err = {0};
    if (n_args != 4 || names) {
        PyErr_SetString(PyExc_TypeError, "paths() takes node, avoid, limit and whether only shortest ones");
        return NULL;
    }
    const char *words = PyUnicode_AsUTF8(args[1]);
    if (!words || !core_id_converter(args[0], &node) || !core_id_converter(args[2], &limit) ||
        !core_enter(&call, self, true))
        return NULL;
    options.limit = limit;
    options.all_shortest = args[3] == Py_True;
    int status = *words ? tn_paths_avoid(self->handle, words, &avoid, &options.avoid_kinds, &err) : 0;
    options.avoid = avoid;
    if (status == 0)
        status = tn_paths_open(self->handle, node, &options, &paths, &err);
    core_unlock(&call);
    core_state *state = PyType_GetModuleState(type);
    core_path_iterator *result = status == 0 && state ? PyObject_New(core_path_iterator, state->paths_type) : NULL;
    if (result) {
        result->snapshot = (core_snapshot *)Py_NewRef((PyObject *)self);
        result->paths = paths;
        result->avoid = avoid;
        return (PyObject *)result;
    }
    tn_paths_close(paths);
    tn_set_free(avoid);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : NULL;
}

static void paths_dealloc(core_path_iterator *self)
{
    PyTypeObject *type = Py_TYPE(self);
    core_call call = {.self = self->snapshot};
    core_wait(self->snapshot);
    tn_paths_close(self->paths);
    tn_set_free(self->avoid);
    core_unlock(&call);
    core_leave(&call);
    Py_DECREF(self->snapshot);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *paths_next(core_path_iterator *self)
{
    core_call call;
    const tn_reference *steps;
    tn_reference *kept = NULL; /* the iterator may be asked again meanwhile */
    uint32_t n = 0;
    written text = {0};
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_paths_next(self->paths, &steps, &n, &err);
    if (status > 0) {
        kept = PyMem_RawMalloc(n * sizeof *kept + 1);
        if (kept)
            memcpy(kept, steps, n * sizeof *kept);
        int written_status = kept ? write_path(self->snapshot->handle, kept, n, &text, &err) : TN_ENOMEM;
        status = written_status < 0 ? written_status : status;
    }
    core_unlock(&call);
    PyObject *result = status > 0 ? path_tuple(self->snapshot, kept, n, &text) : NULL;
    core_leave(&call);
    PyMem_RawFree(text.text);
    PyMem_RawFree(kept);
    return status < 0 ? core_raise(status, &err) : result;
}

static PyType_Slot paths_slots[] = {
    {Py_tp_doc, "Paths to a node, the shortest first, each as (text, evaluable, steps)."},
    {Py_tp_dealloc, paths_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, paths_next},
    {0},
};

PyType_Spec core_paths_spec = {
    .name = "tonnage._core.Paths",
    .basicsize = sizeof(core_path_iterator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = paths_slots,
};
