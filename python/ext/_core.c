/* _core.c - the extension tonnage._core: opening, facts, types and errors. */
#include "_core.h"

/* ---- conversions ---- */

PyObject *core_raise(int status, const tn_error *err)
{
    PyObject *errors = PyImport_ImportModule("tonnage._errors");
    if (!errors)
        return NULL;
    const char *message = err && err->status == status && err->message[0] ? err->message : tn_status_text(status);
    PyObject *text = core_text(message, strlen(message)), *error = NULL;
    if (text)
        error = PyObject_CallMethod(errors, "from_status", "iOK", status, text,
                                    (unsigned long long)(err && err->status == status ? err->offset : 0));
    if (error)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    Py_XDECREF(text);
    Py_DECREF(errors);
    return NULL;
}

PyObject *core_text(const char *bytes, size_t n)
{
    PyObject *text = PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)n, "surrogatepass");
    if (!text && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        text = PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)n, "backslashreplace");
    }
    return text;
}

PyObject *core_text_or_none(const char *text)
{
    return text ? core_text(text, strlen(text)) : Py_NewRef(Py_None);
}

PyObject *core_label(const char *label)
{
    label += *label == ' ';
    return core_text(label, strlen(label));
}

PyObject *core_id_or_none(uint32_t id)
{
    return id == TN_NONE ? Py_NewRef(Py_None) : PyLong_FromUnsignedLong(id);
}

PyObject *core_count_or_none(uint64_t count)
{
    return count == TN_UNKNOWN ? Py_NewRef(Py_None) : PyLong_FromUnsignedLongLong(count);
}

int core_u64_converter(PyObject *object, void *out)
{
    unsigned long long value = PyLong_AsUnsignedLongLong(object);
    if (value == (unsigned long long)-1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
            PyErr_SetString(PyExc_ValueError, "number out of range");
        return 0;
    }
    *(uint64_t *)out = value;
    return 1;
}

int core_id_converter(PyObject *object, void *out)
{
    uint64_t value;
    if (!core_u64_converter(object, &value))
        return 0;
    if (value >= TN_NONE) {
        PyErr_SetString(PyExc_ValueError, "number out of range");
        return 0;
    }
    *(uint32_t *)out = (uint32_t)value;
    return 1;
}

/* ---- Snapshot: life ---- */

static int open_source(PyObject *source, const tn_open_options *options, tn_snapshot **out, tn_error *err)
{
    int status;
    if (PyBytes_Check(source)) {
        char *path;
        if (PyBytes_AsStringAndSize(source, &path, NULL) < 0)
            return 1;
        Py_BEGIN_ALLOW_THREADS
        status = tn_snapshot_open(path, options, out, err);
        Py_END_ALLOW_THREADS
        return status;
    }
    int fd = PyObject_AsFileDescriptor(source);
    if (fd < 0)
        return 1;
    Py_BEGIN_ALLOW_THREADS
    status = tn_snapshot_open_fd(fd, options, out, err);
    Py_END_ALLOW_THREADS
    return status;
}

static PyObject *snapshot_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"source", "partial", "max_memory", NULL};
    PyObject *source;
    int partial = 0;
    tn_open_options options = {0};
    tn_error err = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$pO&:Snapshot", names, &source, &partial, core_u64_converter,
                                     &options.max_memory_bytes))
        return NULL;
    options.partial = partial;
    core_snapshot *self = (core_snapshot *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->cursor_node = TN_NONE;
    self->lock = PyThread_allocate_lock();
    if (!self->lock) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    int status = open_source(source, &options, &self->handle, &err);
    if (status != 0) {
        Py_DECREF(self);
        return status < 0 ? core_raise(status, &err) : NULL;
    }
    return (PyObject *)self;
}

static void snapshot_dealloc(core_snapshot *self)
{
    PyTypeObject *type = Py_TYPE(self);
    tn_snapshot_close(self->handle); /* no user is left: each holds a reference to self */
    if (self->lock)
        PyThread_free_lock(self->lock);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static PyObject *snapshot_close(core_snapshot *self, PyObject *unused)
{
    (void)unused;
    core_close(self);
    Py_RETURN_NONE;
}

/* ---- Snapshot: counts, facts, types ---- */

enum counted { COUNT_NODES, COUNT_OBJECTS, COUNT_REFERENCES, COUNT_TYPES, COUNT_TRACKED, COUNT_FILE_BYTES };

/* Records of tracked classes: none in a file that has none. */
static uint64_t count_tracked(const tn_snapshot *s)
{
    uint64_t n = 0;
    tn_chunk_info chunk;
    for (size_t i = 0; tn_snapshot_chunk(s, i, &chunk) == TN_OK; i++)
        n += strcmp(chunk.id, "TRAK") == 0 ? chunk.n_rows : 0;
    return n;
}

static uint64_t count_of(const tn_snapshot *s, enum counted what)
{
    switch (what) {
    case COUNT_NODES: return tn_snapshot_n_nodes(s);
    case COUNT_OBJECTS: return tn_snapshot_n_objects(s);
    case COUNT_REFERENCES: return tn_snapshot_n_references(s);
    case COUNT_TYPES: return tn_snapshot_n_types(s);
    case COUNT_TRACKED: return count_tracked(s);
    default: return tn_snapshot_file_bytes(s);
    }
}

static PyObject *snapshot_count(core_snapshot *self, void *what)
{
    core_call call;
    if (!core_enter(&call, self, false))
        return NULL;
    uint64_t count = count_of(self->handle, (enum counted)(uintptr_t)what);
    core_unlock(&call);
    core_leave(&call);
    return PyLong_FromUnsignedLongLong(count);
}

static PyObject *fact_value(const tn_fact *fact)
{
    switch (fact->kind) {
    case TN_FACT_UINT: return PyLong_FromUnsignedLongLong(fact->value.u);
    case TN_FACT_INT: return PyLong_FromLongLong(fact->value.i);
    case TN_FACT_DOUBLE: return PyFloat_FromDouble(fact->value.d);
    default: return core_text_or_none(fact->value.text);
    }
}

static PyObject *facts_dict(const tn_snapshot *s)
{
    PyObject *facts = PyDict_New();
    tn_fact fact;
    for (size_t i = 0; facts && tn_snapshot_fact(s, i, &fact) == 0; i++) {
        PyObject *key = core_text(fact.key, strlen(fact.key)), *value = key ? fact_value(&fact) : NULL;
        if (!value || PyDict_SetItem(facts, key, value) < 0)
            Py_CLEAR(facts);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return facts;
}

static PyObject *snapshot_facts(core_snapshot *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    if (!core_enter(&call, self, false))
        return NULL;
    core_unlock(&call);
    PyObject *facts = facts_dict(self->handle); /* only reads what was parsed at open */
    core_leave(&call);
    return facts;
}

static PyObject *time_tuple(const tn_time *t)
{
    return Py_BuildValue("KNN(NNN)N", (unsigned long long)t->time_ns, core_count_or_none(t->rss_bytes),
                         core_count_or_none(t->traced_bytes), core_count_or_none(t->generations[0]),
                         core_count_or_none(t->generations[1]), core_count_or_none(t->generations[2]),
                         core_count_or_none(t->threads));
}

static PyObject *snapshot_times(core_snapshot *self, PyObject *unused)
{
    (void)unused;
    core_call call;
    tn_time t;
    if (!core_enter(&call, self, false))
        return NULL;
    core_unlock(&call);
    PyObject *times = PyList_New(0); /* only reads what was parsed at open */
    for (size_t i = 0; times && tn_snapshot_time(self->handle, i, &t) == 0; i++) {
        PyObject *row = time_tuple(&t);
        if (!row || PyList_Append(times, row) < 0)
            Py_CLEAR(times);
        Py_XDECREF(row);
    }
    core_leave(&call);
    return times;
}

static PyObject *mro_tuple(const tn_type *type)
{
    PyObject *mro = PyTuple_New((Py_ssize_t)type->n_mro);
    for (uint32_t i = 0; mro && i < type->n_mro; i++) {
        PyObject *row = PyLong_FromUnsignedLong(type->mro[i]);
        if (row)
            PyTuple_SET_ITEM(mro, (Py_ssize_t)i, row);
        else
            Py_CLEAR(mro);
    }
    return mro;
}

static PyObject *snapshot_type(core_snapshot *self, PyObject *arg)
{
    uint32_t row;
    tn_type type;
    core_call call;
    if (!core_id_converter(arg, &row) || !core_enter(&call, self, false))
        return NULL;
    int status = tn_snapshot_type(self->handle, row, &type);
    core_unlock(&call);
    PyObject *result = NULL;
    if (status < 0)
        core_raise(status, NULL);
    else
        result =
            Py_BuildValue("NNNIIIINNN", core_text_or_none(type.name), core_text_or_none(type.module),
                          core_text_or_none(type.full_name), type.flags, type.visitor, type.basic_size, type.item_size,
                          core_id_or_none(type.node), core_id_or_none(type.base), mro_tuple(&type));
    core_leave(&call);
    return result;
}

static PyMethodDef snapshot_methods[] = {
    {"close", (PyCFunction)snapshot_close, METH_NOARGS, "Frees everything; later calls raise ValueError."},
    {"facts", (PyCFunction)snapshot_facts, METH_NOARGS, "dict of facts."},
    {"times", (PyCFunction)snapshot_times, METH_NOARGS,
     "list of (time_ns, rss, traced, generations, threads), None where unknown."},
    {"type", (PyCFunction)snapshot_type, METH_O,
     "(name, module, full_name, flags, visitor, basic_size, item_size, node, base, mro) of a row."},
    {"node", (PyCFunction)core_node, METH_O,
     "(type, flags, refcount, address, size, length, capacity, hash, n_references, parts) of a node."},
    {"at", (PyCFunction)core_at, METH_O, "Node of the object that starts at an address, or None."},
    {"find", (PyCFunction)core_find, METH_O,
     "Nodes of the objects that start at addresses (u64 in bytes), as u32 in bytes; 0xffffffff: none."},
    {"preview", (PyCFunction)core_preview, METH_O, "Short text of a node's value, '' without one."},
    {"describe", (PyCFunction)core_describe, METH_O, "One line about a node."},
    {"targets", (PyCFunction)(void (*)(void))core_targets, METH_VARARGS | METH_KEYWORDS,
     "Nodes a node refers to, as u32 in bytes; only those with a style of label when one is given."},
    {"references", (PyCFunction)core_references, METH_VARARGS,
     "references(node, start, count): list of (target, kind, style, key, label)."},
    {"referrers", (PyCFunction)core_referrers, METH_O,
     "Distinct nodes that refer to a node, ascending, as u32 in bytes."},
    {"frame", (PyCFunction)core_frame, METH_VARARGS,
     "frame(thread_node, depth): (node, name, qualified_name, file, line), or None past the last."},
    {"select", (PyCFunction)core_select, METH_VARARGS,
     "select(where, within=None, against=None): Set of the objects that a selection names, '' for all."},
    {"waste", (PyCFunction)(void (*)(void))core_waste_make, METH_VARARGS | METH_KEYWORDS,
     "waste(*, set=None, by=None, where_rows=None) -> Waste."},
    {"sites", (PyCFunction)(void (*)(void))core_sites_view, METH_VARARGS | METH_KEYWORDS,
     "Text or JSON of a page of sites."},
    {"site_members", (PyCFunction)(void (*)(void))core_sites_members, METH_VARARGS | METH_KEYWORDS,
     "Set of the objects that a row of sites counts."},
    {"profile", (PyCFunction)(void (*)(void))core_profile_view, METH_VARARGS | METH_KEYWORDS,
     "Text or JSON of a page of the profile."},
    {"tracked", (PyCFunction)(void (*)(void))core_tracked_view, METH_VARARGS | METH_KEYWORDS,
     "Text or JSON of a page of tracked classes."},
    {"flame", (PyCFunction)(void (*)(void))core_flame_view, METH_VARARGS | METH_KEYWORDS,
     "Text or JSON of stacks as a tree."},
    {"birth", (PyCFunction)core_birth, METH_O,
     "(birth, bytes, interval, [(file, line, name, qualified_name)]) of a node, None where it is not known."},
    {"picture", (PyCFunction)(void (*)(void))core_picture_make, METH_VARARGS | METH_KEYWORDS,
     "picture(of, *, set=None, …) -> Picture."},
    {"groups", (PyCFunction)(void (*)(void))core_groups_make, METH_VARARGS | METH_KEYWORDS,
     "Groups of the objects of a set, or of all."},
    {"patterns", (PyCFunction)(void (*)(void))core_patterns_make, METH_VARARGS | METH_KEYWORDS,
     "Who refers to a set, kind by kind: the rows as sets."},
    {"batches", (PyCFunction)core_batches_make, METH_VARARGS,
     "batches(table, set, columns): Batches of a table, of objects of a set or None, columns with commas or None."},
    {"export", (PyCFunction)(void (*)(void))core_export, METH_VARARGS | METH_KEYWORDS,
     "Writes a file in the format of another program."},
    {"set_of", (PyCFunction)core_set_from, METH_O, "Set of the objects whose numbers stand as u32 in bytes."},
    {"hold", (PyCFunction)core_hold, METH_O,
     "What anchors a node: 0 nothing, 1 immortal, 2 static, 3 C, 4 unreachable."},
    {"dominator", (PyCFunction)core_dominator, METH_O, "Nearest dominator of a node, None of the root."},
    {"retained", (PyCFunction)core_retained, METH_O, "(bytes, objects) that a node retains."},
    {"dominated", (PyCFunction)core_dominated, METH_O,
     "Nodes whose dominator a node is, the one that retains most first, as u32 in bytes."},
    {"cut", (PyCFunction)core_cut, METH_VARARGS,
     "cut(node, index): (bytes, objects) that would go without this reference of a node."},
    {"index", (PyCFunction)core_index, METH_O,
     "Takes dominators from a file (True) or, when it is of no use, writes it (False)."},
    {"retained_set", (PyCFunction)core_retained_set, METH_O, "(set, bytes) of what would go without a set."},
    {"audit_set", (PyCFunction)core_audit_set, METH_VARARGS, "Members of a set (None: all) of a grade of the audit."},
    {"set_dominators", (PyCFunction)core_set_dominators, METH_O, "Dominators of a set's members, outside it."},
    {"components", (PyCFunction)(void (*)(void))core_components_make, METH_VARARGS | METH_KEYWORDS,
     "Components of the objects, or of a set, that touch a set, or that are garbage."},
    {"garbage", (PyCFunction)core_garbage, METH_NOARGS, "Set of what a collection would free."},
    {"paths", (PyCFunction)core_paths, METH_VARARGS,
     "paths(node, avoid, limit, only_shortest, avoid_set=None): iterator of (text, evaluable, steps)."},
    {"chain", (PyCFunction)core_chain, METH_VARARGS,
     "chain(node, inwards, avoid, avoid_set=None): nodes that a node refers to, or that refer to it, nearest first."},
    {"view", (PyCFunction)(void (*)(void))core_view, METH_VARARGS | METH_KEYWORDS, "Text or JSON of a view."},
    {"check", (PyCFunction)core_check, METH_NOARGS, "list of (status, offset, message), empty when the file is sound."},
    {0},
};

static PyGetSetDef snapshot_getset[] = {
    {"n_nodes", (getter)snapshot_count, NULL, NULL, (void *)COUNT_NODES},
    {"n_tracked", (getter)snapshot_count, NULL, NULL, (void *)COUNT_TRACKED},
    {"n_objects", (getter)snapshot_count, NULL, NULL, (void *)COUNT_OBJECTS},
    {"n_references", (getter)snapshot_count, NULL, NULL, (void *)COUNT_REFERENCES},
    {"n_types", (getter)snapshot_count, NULL, NULL, (void *)COUNT_TYPES},
    {"file_bytes", (getter)snapshot_count, NULL, NULL, (void *)COUNT_FILE_BYTES},
    {0},
};

static PyType_Slot snapshot_slots[] = {
    {Py_tp_doc, "Snapshot(source: int | bytes, *, partial=False, max_memory=0): a file opened for reading."},
    {Py_tp_new, snapshot_new},
    {Py_tp_dealloc, snapshot_dealloc},
    {Py_tp_methods, snapshot_methods},
    {Py_tp_getset, snapshot_getset},
    {0},
};

static PyType_Spec snapshot_spec = {
    .name = "tonnage._core.Snapshot",
    .basicsize = sizeof(core_snapshot),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = snapshot_slots,
};

/* ---- module ---- */

static PyObject *module_format_bytes(PyObject *module, PyObject *arg)
{
    (void)module;
    uint64_t bytes;
    char text[32];
    if (!core_u64_converter(arg, &bytes))
        return NULL;
    return PyUnicode_FromString(tn_format_bytes(bytes, text, sizeof text));
}

static PyObject *module_parse_bytes(PyObject *module, PyObject *arg)
{
    (void)module;
    uint64_t bytes;
    const char *text = PyUnicode_AsUTF8(arg);
    if (!text)
        return NULL;
    int status = tn_parse_bytes(text, &bytes);
    return status < 0 ? core_raise(status, NULL) : PyLong_FromUnsignedLongLong(bytes);
}

static PyMethodDef module_methods[] = {
    {"format_bytes", module_format_bytes, METH_O, "'1.5 MiB' of a number of bytes."},
    {"parse_bytes", module_parse_bytes, METH_O, "Number of bytes of '12k', '3.5MiB', '7'."},
    {"diff", core_diff, METH_VARARGS,
     "diff(old, new, where, old_set, new_set): (same process, why not, certain, likely, reused, new, gone, survived)."},
    {"columns", core_columns, METH_O, "list of (name, only if it is named) of a table."},
    {"import_dump", core_import, METH_VARARGS,
     "import_dump(dump, out, force, max_memory): a dump of Meliae as a file."},
    {"growth", core_growth, METH_VARARGS,
     "growth(snapshots, where): Set of the last one's objects made after the first and before it."},
    {"growth_view", (PyCFunction)(void (*)(void))core_growth_view, METH_VARARGS | METH_KEYWORDS,
     "Text or JSON of what grew over three snapshots or more."},
    {0},
};

static int module_exec(PyObject *module)
{
    core_state *state = PyModule_GetState(module);
    state->snapshot_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &snapshot_spec, NULL);
    state->set_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_set_spec, NULL);
    state->groups_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_groups_spec, NULL);
    state->waste_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_waste_spec, NULL);
    state->paths_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_paths_spec, NULL);
    state->chain_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_chain_spec, NULL);
    state->patterns_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_patterns_spec, NULL);
    state->batches_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_batches_spec, NULL);
    state->components_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_components_spec, NULL);
    state->picture_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &core_picture_spec, NULL);
    PyTypeObject *types[] = {state->snapshot_type, state->set_type,      state->groups_type,     state->paths_type,
                             state->chain_type,    state->patterns_type, state->components_type, state->waste_type,
                             state->batches_type,  state->picture_type};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!types[i] || PyModule_AddType(module, types[i]) < 0)
            return -1;
    return PyModule_AddStringConstant(module, "VERSION", TN_VERSION);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    core_state *state = PyModule_GetState(module);
    if (state) {
        Py_VISIT(state->snapshot_type);
        Py_VISIT(state->set_type);
        Py_VISIT(state->groups_type);
        Py_VISIT(state->waste_type);
        Py_VISIT(state->paths_type);
        Py_VISIT(state->chain_type);
        Py_VISIT(state->patterns_type);
        Py_VISIT(state->batches_type);
        Py_VISIT(state->components_type);
        Py_VISIT(state->picture_type);
    }
    return 0;
}

static int module_clear(PyObject *module)
{
    core_state *state = PyModule_GetState(module);
    if (state) {
        Py_CLEAR(state->snapshot_type);
        Py_CLEAR(state->set_type);
        Py_CLEAR(state->groups_type);
        Py_CLEAR(state->waste_type);
        Py_CLEAR(state->paths_type);
        Py_CLEAR(state->chain_type);
        Py_CLEAR(state->patterns_type);
        Py_CLEAR(state->batches_type);
        Py_CLEAR(state->components_type);
        Py_CLEAR(state->picture_type);
    }
    return 0;
}

static void module_free(void *module)
{
    module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0},
};

static PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,         .m_name = "tonnage._core",   .m_doc = "Reading snapshots; private to tonnage.",
    .m_size = sizeof(core_state),  .m_methods = module_methods, .m_slots = module_slots,
    .m_traverse = module_traverse, .m_clear = module_clear,     .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&module_def);
}
