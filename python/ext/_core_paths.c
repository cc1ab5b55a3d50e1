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

/* Where the last step was found among the references of its source: steps of one source come in their order, so that all of
 * a large container are found in one pass. */
typedef struct finding {
    tn_reference_iter iter;
    uint64_t next; /* place of what the iterator comes to */
    bool begun;
} finding;

static bool find_on(finding *f, const tn_reference *step)
{
    tn_reference r;
    while (tn_reference_next(&f->iter, &r)) {
        f->next++;
        if (r.target == step->target && r.style == step->style && r.index == step->index && r.text == step->text)
            return true;
    }
    return false;
}

/* Which of its source's references a step is. */
static uint64_t place_of(tn_snapshot *s, finding *f, const tn_reference *step)
{
    if (f->begun && f->iter.source == step->source && find_on(f, step))
        return f->next - 1;
    f->begun = tn_references(s, step->source, &f->iter, NULL) == 0;
    f->next = 0;
    return f->begun && find_on(f, step) ? f->next - 1 : CORE_NO_PLACE;
}

/* One step as (source, target, kind, style, label, place among the references of the source). */
static PyObject *step_tuple(core_snapshot *self, finding *f, const tn_reference *step)
{
    core_call call;
    char label[512]; /* keys are cut in snapshots; a longer name is cut here */
    tn_error err = {0};
    if (!core_enter(&call, self, false))
        return NULL;
    int length = tn_reference_label(self->handle, step, label, sizeof label, &err);
    uint64_t place = place_of(self->handle, f, step);
    core_unlock(&call);
    core_leave(&call);
    if (length < 0)
        return core_raise(length, &err);
    return Py_BuildValue("IIiiNK", step->source, step->target, (int)step->kind, (int)step->style, core_label(label),
                         (unsigned long long)place);
}

static PyObject *steps_list(core_snapshot *self, const tn_reference *steps, uint64_t n)
{
    finding found = {0};
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (uint64_t i = 0; list && i < n; i++) {
        PyObject *step = step_tuple(self, &found, &steps[i]);
        if (step)
            PyList_SET_ITEM(list, (Py_ssize_t)i, step);
        else
            Py_CLEAR(list);
    }
    return list;
}

/* A copy, for when the lock is given back: the iterator may be asked again meanwhile. */
static int write_kept(tn_snapshot *s, const tn_reference *steps, uint32_t n, tn_reference **kept, written *text,
                      tn_error *err)
{
    *kept = PyMem_RawMalloc(n * sizeof **kept + 1);
    if (!*kept)
        return TN_ENOMEM;
    if (n)
        memcpy(*kept, steps, n * sizeof **kept);
    return write_path(s, *kept, n, text, err);
}

static PyObject *path_tuple(core_snapshot *self, const tn_reference *steps, uint32_t n, const written *w)
{
    return Py_BuildValue("NNN", core_text(w->text, (size_t)w->n), PyBool_FromLong(w->evaluable),
                         steps_list(self, steps, n));
}

/* ---- what others find ---- */

PyObject *core_path_found(core_call *call, int status, const tn_reference *steps, uint32_t n, tn_error *err)
{
    tn_reference *kept = NULL;
    written text = {0};
    int written_status = status > 0 ? write_kept(call->self->handle, steps, n, &kept, &text, err) : 0;
    status = written_status < 0 ? written_status : status;
    core_unlock(call);
    PyObject *result = status > 0 ? path_tuple(call->self, kept, n, &text) : NULL;
    core_leave(call);
    PyMem_RawFree(text.text);
    PyMem_RawFree(kept);
    return status < 0 ? core_raise(status, err) : result;
}

PyObject *core_steps_found(core_call *call, int status, const tn_reference *steps, uint64_t n, tn_error *err)
{
    core_snapshot *self = call->self;
    tn_reference *kept = status == 0 ? PyMem_RawMalloc(n * sizeof *kept + 1) : NULL;
    if (kept && n)
        memcpy(kept, steps, n * sizeof *kept);
    core_unlock(call);
    PyObject *result = kept ? steps_list(self, kept, n) : status < 0 ? NULL : PyErr_NoMemory();
    core_leave(call);
    PyMem_RawFree(kept);
    return status < 0 ? core_raise(status, err) : result;
}

/* ---- searches ---- */

/* Of paths, or of a chain: one of the two is there. */
typedef struct core_search {
    CORE_USER_HEAD
    tn_paths *paths;
    tn_chain *chain;
    tn_set *avoid;
} core_search;

/* Enters the call, with the lock taken; *status is that of the words. */
static core_search *search_begin(core_call *call, core_snapshot *self, PyTypeObject *type, const char *words,
                                 PyObject *set, tn_path_options *options, int *status, tn_error *err)
{
    const tn_set *also;
    if (!core_set_of(self, set, &also))
        return NULL;
    core_search *search = core_user_begin(call, self, type);
    if (!search)
        return NULL;
    *status =
        *words || also ? tn_paths_avoid(self->handle, words, also, &search->avoid, &options->avoid_kinds, err) : 0;
    options->avoid = search->avoid;
    return search;
}

PyObject *core_paths(core_snapshot *self, PyObject *args)
{
    uint32_t node;
    int shortest, status;
    const char *words;
    PyObject *set = Py_None;
    core_call call;
    tn_path_options options = {0};
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "O&sO&p|O:paths", core_id_converter, &node, &words, core_id_converter, &options.limit,
                          &shortest, &set))
        return NULL;
    options.all_shortest = shortest;
    core_search *search =
        search_begin(&call, self, core_state_of(self)->paths_type, words, set, &options, &status, &err);
    if (!search)
        return NULL;
    if (status == 0)
        status = tn_paths_open(self->handle, node, &options, &search->paths, &err);
    return core_user_made(&call, search, status, &err);
}

PyObject *core_chain(core_snapshot *self, PyObject *args)
{
    uint32_t node;
    int inwards, status;
    const char *words;
    PyObject *set = Py_None;
    core_call call;
    tn_path_options options = {0};
    tn_error err = {0};
    if (!PyArg_ParseTuple(args, "O&ps|O:chain", core_id_converter, &node, &inwards, &words, &set))
        return NULL;
    core_search *search =
        search_begin(&call, self, core_state_of(self)->chain_type, words, set, &options, &status, &err);
    if (!search)
        return NULL;
    if (status == 0)
        status = tn_chain_open(self->handle, node, inwards, &options, &search->chain, &err);
    return core_user_made(&call, search, status, &err);
}

static void search_dealloc(core_search *self)
{
    core_wait(self->snapshot);
    tn_paths_close(self->paths);
    tn_chain_close(self->chain);
    tn_set_free(self->avoid);
    core_user_free(self, self->snapshot);
}

static PyObject *paths_next(core_search *self)
{
    core_call call;
    const tn_reference *steps;
    uint32_t n = 0;
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_paths_next(self->paths, &steps, &n, &err);
    return core_path_found(&call, status, steps, n, &err);
}

static PyObject *chain_next(core_search *self)
{
    core_call call;
    uint32_t node;
    tn_error err = {0};
    if (!core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_chain_next(self->chain, &node, &err);
    core_unlock(&call);
    core_leave(&call);
    return status < 0 ? core_raise(status, &err) : status > 0 ? PyLong_FromUnsignedLong(node) : NULL;
}

static PyObject *chain_path(core_search *self, PyObject *arg)
{
    core_call call;
    uint32_t node, n = 0;
    const tn_reference *steps = NULL;
    tn_error err = {0};
    if (!core_id_converter(arg, &node) || !core_enter(&call, self->snapshot, true))
        return NULL;
    int status = tn_chain_steps(self->chain, node, &steps, &n, &err);
    return core_path_found(&call, status < 0 ? status : 1, steps, n, &err);
}

static PyMethodDef chain_methods[] = {
    {"path", (PyCFunction)chain_path, METH_O,
     "(text, evaluable, steps) between where it began and a node it has given."},
    {0},
};

static PyType_Slot paths_slots[] = {
    {Py_tp_doc, "Paths to a node, the shortest first, each as (text, evaluable, steps)."},
    {Py_tp_dealloc, search_dealloc},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, paths_next},
    {0},
};

static PyType_Slot chain_slots[] = {
    {Py_tp_doc, "Nodes, nearest first."}, {Py_tp_dealloc, search_dealloc}, {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, chain_next},         {Py_tp_methods, chain_methods},  {0},
};

PyType_Spec core_paths_spec = {
    .name = "tonnage._core.Paths",
    .basicsize = sizeof(core_search),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = paths_slots,
};

PyType_Spec core_chain_spec = {
    .name = "tonnage._core.Chain",
    .basicsize = sizeof(core_search),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = chain_slots,
};
